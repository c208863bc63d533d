//! A TCP connection against a peer that follows a script, and what holds whatever it does.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, DriverEnd, LinkState, Offload, Port};
use zonda::netbuf::{NetBufPool, Pool, Purpose};
use zonda::socket::{TcpListener, TcpSocket, TcpState};
use zonda::stack::{ManualClock, Next, Stack, StackCell, StackStorage};
use zonda::time::{Duration, Instant};

type Blocks = NetBufPool<64, 256, 32, 64>;

thread_local! {
    static POOL: &'static Blocks = Box::leak(Box::new(NetBufPool::new()));
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// The most octets either side says.
const MOST: usize = 40_000;
/// The peer's first sequence number: the numbers wrap.
const IRS: u32 = 0xffff_ff00;

/// The octet of a stream at an offset; `ours` tells the two streams apart.
fn octet(ours: bool, offset: usize) -> u8 {
    ((offset + usize::from(ours) * 77_777).wrapping_mul(0x9e37_79b1) >> 13) as u8
}

struct Segment {
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    data: Vec<u8>,
}

/// The peer: what it has heard and said, and what the host may say.
struct Model {
    /// The host's first sequence number, and which of its octets have come.
    iss: u32,
    heard: Vec<bool>,
    fin: Option<usize>,
    fin_sent: bool,
    /// All before this has come.
    taken: usize,
    /// What the peer has said, and the host has acknowledged.
    said: usize,
    acknowledged: usize,
    /// The right edge of what the peer has offered to hear, and of what the host has.
    edge: usize,
    host_edge: usize,
    window: u16,
    sacks: bool,
}

/// Octets of the script are what the peer, the network and the application do, one after the other.
/// The host never says what was not written, never more than it may, takes back neither what it has
/// acknowledged nor what it has offered, and gives the application what the peer has said. When the
/// peer behaves well at last, all arrives.
pub fn stream(script: &[u8]) {
    let pool = POOL.with(|pool| pool.pool());
    let mut capabilities = Capabilities::ip(1500);
    capabilities.offload = Offload::all();
    let port = Port::new(capabilities);
    let (driver, end) = port.split();
    let clock = ManualClock::new();
    {
        let mut storage = Box::new(StackStorage::<1, 1, 2, 1>::new());
        let cell = StackCell::new(&mut storage, pool, [3; 32], &clock);
        let stack = cell.stack();
        let id = stack.attach(end).unwrap();
        let own = Ipv4Cidr::new(Ipv4Addr::new(10, 0, 0, 1), 24);
        stack.add_ipv4(id, own).unwrap();
        driver.set_link(LinkState::Up);
        let listener = TcpListener::bind(stack, "0.0.0.0:80".parse().unwrap(), 1).unwrap();
        let (options, rest) = script.split_first().unwrap_or((&0, &[]));
        let mut world = World {
            pool,
            driver,
            stack,
            clock: &clock,
            now: Instant::ZERO,
            wire: VecDeque::new(),
            model: Model::new(options & 1 != 0),
            written: 0,
            shut: false,
        };
        if let Some(socket) = world.open(&listener, *options) {
            world.play(socket, rest);
        }
    }
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
}

struct World<'s, 'p> {
    pool: Pool,
    driver: DriverEnd<'p>,
    stack: Stack<'s>,
    clock: &'s ManualClock,
    now: Instant,
    /// What the host has sent, on its way.
    wire: VecDeque<Segment>,
    model: Model,
    /// What the application has written, and whether that was all.
    written: usize,
    shut: bool,
}

impl Model {
    fn new(sacks: bool) -> Self {
        Self {
            iss: 0,
            heard: vec![false; MOST + 1],
            fin: None,
            fin_sent: false,
            taken: 0,
            said: 0,
            acknowledged: 0,
            edge: 0,
            host_edge: 0,
            window: 8000,
            sacks,
        }
    }

    /// A segment of the host was sent: what it says must be so.
    fn judge(&mut self, segment: &Segment, written: usize, shut: bool) {
        if segment.flags & (RST | SYN) != 0 {
            return;
        }
        assert!(segment.flags & ACK != 0);
        let from = segment.seq.wrapping_sub(self.iss.wrapping_add(1)) as i32;
        // A keepalive, or the window asked for, is one before.
        assert!(from >= -1, "an octet before the first");
        let from = from.max(0) as usize;
        for (at, value) in segment.data.iter().enumerate() {
            assert_eq!(*value, octet(true, from + at), "at {}", from + at);
        }
        let end = from + segment.data.len();
        // The end takes a number too.
        let is_behind = segment.data.is_empty() && self.fin_sent && end == written + 1;
        assert!(end <= written || is_behind, "{end} of {written} octets");
        // One octet asks whether the window is still shut.
        let is_probe = segment.data.len() <= 1;
        assert!(is_probe || end <= self.edge, "{end} beyond {}", self.edge);
        if segment.flags & FIN != 0 {
            assert!(shut && end == written);
            self.fin_sent = true;
        }
        let ack = segment.ack.wrapping_sub(IRS.wrapping_add(1)) as usize;
        assert!(ack <= self.said, "{ack} acknowledged of {}", self.said);
        assert!(ack >= self.acknowledged, "an acknowledgement taken back");
        self.acknowledged = ack;
        let edge = ack + usize::from(segment.window);
        assert!(edge >= self.host_edge, "a window taken back");
        self.host_edge = edge;
    }

    fn hear(&mut self, segment: &Segment) {
        let from = segment.seq.wrapping_sub(self.iss.wrapping_add(1)) as i32;
        if segment.flags & RST != 0 || from < 0 {
            return;
        }
        let from = from as usize;
        for at in from..from + segment.data.len() {
            // What is beyond the window is not kept.
            self.heard[at] |= at < self.edge;
        }
        if segment.flags & FIN != 0 {
            self.fin = Some(from + segment.data.len());
        }
        while self.heard[self.taken] {
            self.taken += 1;
        }
    }

    /// What has been acknowledged to the host: with its FIN, one more.
    fn ack(&self) -> u32 {
        let fin = u32::from(self.fin == Some(self.taken));
        self.iss.wrapping_add(1 + self.taken as u32 + fin)
    }

    /// Octets beyond what was taken that have come, as the option has them.
    fn sack(&self) -> Vec<u8> {
        let Some(start) = (self.taken..MOST).find(|at| self.heard[*at]) else {
            return Vec::new();
        };
        let end = (start..MOST).find(|at| !self.heard[*at]).unwrap_or(MOST);
        let number = |at: usize| self.iss.wrapping_add(1 + at as u32).to_be_bytes();
        [&[1, 1, 5, 10][..], &number(start), &number(end)].concat()
    }
}

impl<'s> World<'s, '_> {
    /// The peer's handshake.
    fn open(&mut self, listener: &TcpListener<'s>, options: u8) -> Option<TcpSocket<'s>> {
        let mut syn = vec![2, 4, 2, 0];
        if options & 1 != 0 {
            syn.extend([1, 1, 4, 2]);
        }
        self.send(IRS, 0, SYN, &syn, &[]);
        self.pass(1);
        let answer = self.wire.pop_front()?;
        assert_eq!(answer.flags & !0xc0, SYN | ACK);
        self.model.iss = answer.seq;
        self.model.host_edge = usize::from(answer.window);
        self.model.edge = usize::from(self.model.window);
        self.say_ack(0);
        self.pass(1);
        listener.try_accept()
    }

    fn play(&mut self, mut socket: TcpSocket<'s>, script: &[u8]) {
        let mut read = 0;
        for byte in script.iter().take(3000) {
            let amount = usize::from(byte >> 4);
            match byte & 15 {
                0 => self.pass(1 + 20 * amount as u64),
                1 => self.pass(1000 * amount as u64),
                2 | 3 if !self.shut => self.write(&mut socket, 1 << amount),
                4 => self.read(&mut socket, &mut read, 1 << amount),
                5 | 6 => self.arrive(1 + amount, true),
                7 => self.arrive(1 + amount, false),
                8 => drop(self.wire.pop_front()),
                9 => {
                    // One overtakes another.
                    let count = self.wire.len();
                    if count > 1 {
                        self.wire.swap(0, amount % count);
                    }
                }
                10 => {
                    // A window is never taken back: what was offered stays.
                    self.model.window = [0, 1, 100, 500, 2000, 8000][amount % 6];
                    let edge = self.model.taken + usize::from(self.model.window);
                    self.model.edge = self.model.edge.max(edge);
                    self.say_ack(0);
                }
                11 => self.speak(0, 1 << (amount % 11)),
                12 => self.speak(-(1 << amount), 1 << (amount % 11)),
                13 => self.speak(1 << (amount % 10), 200),
                14 => self.say_ack(amount),
                _ if amount == 15 => {
                    socket.shutdown();
                    self.shut = true;
                }
                _ => {}
            }
            self.wire.truncate(64);
            if socket.state() == TcpState::Closed {
                return;
            }
        }
        // From now on the peer behaves, and reads and says all; nobody may have to wait for long.
        self.model.window = 8000;
        self.model.edge = self.model.edge.max(self.model.taken + 8000);
        let said = self.model.said;
        for round in 0.. {
            self.arrive(usize::MAX, true);
            self.say_ack(0);
            let rest = self.model.acknowledged as isize - self.model.said as isize;
            self.speak(rest, 1400);
            self.model.said = self.model.said.max(said);
            self.read(&mut socket, &mut read, 1 << 15);
            self.pass(100);
            let is_over = socket.state() == TcpState::Closed;
            let is_done = self.model.taken == self.written && self.model.acknowledged >= said;
            if is_over || is_done && read >= said {
                break;
            }
            let (taken, written) = (self.model.taken, self.written);
            assert!(round < 1500, "{taken} of {written}, {read} of {said}");
        }
    }

    fn write(&mut self, socket: &mut TcpSocket<'_>, length: usize) {
        let end = (self.written + length).min(MOST - 2000);
        let bytes: Vec<u8> = (self.written..end).map(|at| octet(true, at)).collect();
        if let Some(Ok(length)) = socket.try_write(&bytes) {
            self.written += length;
        }
    }

    fn read(&mut self, socket: &mut TcpSocket<'_>, read: &mut usize, length: usize) {
        let mut bytes = vec![0; length];
        if let Some(Ok(length)) = socket.try_read(&mut bytes) {
            for value in &bytes[..length] {
                assert_eq!(*value, octet(false, *read));
                *read += 1;
            }
            assert!(*read <= self.model.said);
        }
    }

    /// So many segments of the host arrive, and are answered or not.
    fn arrive(&mut self, count: usize, answers: bool) {
        for _ in 0..count.min(self.wire.len()) {
            if let Some(segment) = self.wire.pop_front() {
                self.model.hear(&segment);
                let edge = self.model.taken + usize::from(self.model.window);
                if answers {
                    self.model.edge = self.model.edge.max(edge);
                    self.say_ack(0);
                }
            }
        }
    }

    /// The peer says so many octets, `offset` from the end of what it has said, as far as the host
    /// has offered to take them.
    fn speak(&mut self, offset: isize, length: usize) {
        let start = (self.model.said as isize + offset).max(0) as usize;
        let end = (start + length).min(self.model.host_edge).min(MOST - 2000);
        if start < end {
            let data: Vec<u8> = (start..end).map(|at| octet(false, at)).collect();
            self.model.said = self.model.said.max(end);
            let seq = IRS.wrapping_add(1 + start as u32);
            let options = self.options();
            self.send(seq, self.model.ack(), ACK, &options, &data);
        }
    }

    /// An acknowledgement; one that is `old` acknowledges less.
    fn say_ack(&mut self, old: usize) {
        let seq = IRS.wrapping_add(1 + self.model.acknowledged as u32);
        let less = (old * 100).min(self.model.taken) as u32;
        let options = self.options();
        self.send(seq, self.model.ack().wrapping_sub(less), ACK, &options, &[]);
    }

    fn options(&self) -> Vec<u8> {
        match self.model.sacks {
            true => self.model.sack(),
            false => Vec::new(),
        }
    }

    /// A segment of the peer reaches the host.
    fn send(&mut self, seq: u32, ack: u32, flags: u8, options: &[u8], data: &[u8]) {
        let length = 40 + options.len() + data.len();
        // The window is what is left of what was offered.
        let window = (self.model.edge - self.model.taken.min(self.model.edge)) as u16;
        let mut packet = vec![0x45, 0];
        packet.extend((length as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1]);
        packet.extend([0x13, 0x88, 0, 80]);
        packet.extend(seq.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        packet.extend([(5 + options.len() as u8 / 4) << 4, flags]);
        packet.extend(window.to_be_bytes());
        packet.extend([0, 0, 0, 0]);
        packet.extend(options);
        packet.extend(data);
        if let Ok(mut buf) = self.pool.alloc(Purpose::Receive, 2)
            && buf.append(&packet).is_ok()
        {
            drop(self.driver.deliver(buf));
        }
        self.poll();
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            let next = match self.poll() {
                Next::At(at) => at.min(end).max(self.now + Duration::from_micros(1)),
                _ => end,
            };
            self.now = next;
            self.clock.set(next);
        }
        self.poll();
    }

    fn poll(&mut self) -> Next {
        let mut next = self.stack.poll();
        for _ in 0..64 {
            while let Some(frame) = self.driver.try_next_tx() {
                let mut bytes = vec![0; frame.len()];
                frame.read(0, &mut bytes);
                if let Some(segment) = read_segment(&bytes) {
                    self.model.judge(&segment, self.written, self.shut);
                    self.wire.push_back(segment);
                }
            }
            if next != Next::Now {
                break;
            }
            next = self.stack.poll();
        }
        assert_ne!(next, Next::Now, "it does not come to rest");
        #[cfg(debug_assertions)]
        assert!(self.stack.check() <= self.pool.check());
        next
    }
}

fn read_segment(packet: &[u8]) -> Option<Segment> {
    let be32 = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    (packet.first() == Some(&0x45) && packet[9] == 6).then(|| Segment {
        seq: be32(24),
        ack: be32(28),
        flags: packet[33],
        window: u16::from_be_bytes([packet[34], packet[35]]),
        data: packet[20 + usize::from(packet[32] >> 4) * 4..].to_vec(),
    })
}
