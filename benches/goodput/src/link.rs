//! A link that two stations send bare IPv4 packets over: a rate, a delay, losses by chance in both
//! directions, and all the room to queue. It knows what TCP lost and sent again.

use std::collections::VecDeque;

/// What a packet takes on Ethernet beside itself: preamble, header, check sequence, gap.
const OVERHEAD: u64 = 8 + 14 + 4 + 12;

/// One transfer.
#[derive(Clone, Copy)]
pub struct Case {
    /// Bytes that pass from the first station to the second.
    pub octets: usize,
    /// The buffers of the stations.
    pub window: usize,
    /// Losses in each direction, in thousandths.
    pub loss: u64,
    pub seed: u64,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Bytes of data that were sent more than once, and bytes of data that were lost.
    pub again: u64,
    pub lost: u64,
    /// Mbit/s, from the first SYN to the last byte that was read.
    pub goodput: f64,
}

impl Outcome {
    pub fn new(case: Case, link: &Link, micros: u64) -> Self {
        Self {
            again: link.data - case.octets as u64,
            lost: link.data_lost,
            goodput: case.octets as f64 * 8.0 / micros as f64,
        }
    }
}

/// The byte of the stream at an offset.
pub fn byte(offset: usize) -> u8 {
    (offset.wrapping_mul(0x9e37_79b1) >> 13) as u8
}

/// Bits per microsecond, and microseconds each way.
const RATE: u64 = 100;
const DELAY: u64 = 5_000;

pub struct Link {
    /// The chance of each direction.
    random: [u64; 2],
    loss: u64,
    pub now: u64,
    /// When each direction is free.
    free: [u64; 2],
    flying: [VecDeque<(u64, Vec<u8>)>; 2],
    data: u64,
    data_lost: u64,
    trace: bool,
}

impl Link {
    pub fn new(case: Case) -> Self {
        Self {
            random: [0, 1].map(|way| (case.seed << 1 | way).wrapping_mul(0xd134_2543_de82_ef95)),
            loss: case.loss,
            now: 0,
            free: [0; 2],
            flying: [VecDeque::new(), VecDeque::new()],
            data: 0,
            data_lost: 0,
            trace: std::env::var_os("TRACE").is_some(),
        }
    }

    /// SplitMix64.
    fn random(&mut self, way: usize) -> u64 {
        self.random[way] = self.random[way].wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random[way];
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A packet leaves station `from`.
    pub fn send(&mut self, from: usize, packet: Vec<u8>) {
        let start = self.free[from].max(self.now);
        self.free[from] = start + (packet.len() as u64 + OVERHEAD) * 8 / RATE;
        let is_lost = self.random(from) % 1000 < self.loss;
        if self.trace {
            trace(self.now, from, &packet, is_lost);
        }
        let data = if from == 0 { data_of(&packet) } else { 0 };
        self.data += data;
        if is_lost {
            self.data_lost += data;
        } else {
            self.flying[from].push_back((self.free[from] + DELAY, packet));
        }
    }

    /// A packet that has come to station `to` by now.
    pub fn receive(&mut self, to: usize) -> Option<Vec<u8>> {
        let flying = &mut self.flying[1 - to];
        match flying.front() {
            Some((at, _)) if *at <= self.now => flying.pop_front().map(|(_, packet)| packet),
            _ => None,
        }
    }

    /// When the next packet arrives.
    pub fn next(&self) -> Option<u64> {
        let firsts = self.flying.iter().filter_map(|flying| flying.front());
        firsts.map(|(at, _)| *at).min()
    }
}

/// Bytes of data in an IPv4 packet with TCP.
fn data_of(packet: &[u8]) -> u64 {
    let header = usize::from(packet[0] & 15) * 4;
    let tcp = usize::from(packet[header + 12] >> 4) * 4;
    (packet.len() - header - tcp) as u64
}

fn trace(now: u64, from: usize, packet: &[u8], is_lost: bool) {
    let header = usize::from(packet[0] & 15) * 4;
    let tcp = &packet[header..];
    let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    eprintln!(
        "{now:9} {} seq {:10} ack {:10} flags {:02x} win {:5} len {:4} opts {:02x?}{}",
        ["->", "<-"][from],
        word(4),
        word(8),
        tcp[13],
        u16::from_be_bytes([tcp[14], tcp[15]]),
        data_of(packet),
        &tcp[20..usize::from(tcp[12] >> 4) * 4],
        if is_lost { " LOST" } else { "" },
    );
}
