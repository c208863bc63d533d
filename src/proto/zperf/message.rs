//! What iperf 2.1 puts on the wire: it has no specification but its own source, whose names for the
//! fields are said here.
//!
//! Each datagram begins with a number and a time. Behind them, and at the beginning of a TCP
//! stream, the client says what it wants (`client_hdr`). The last datagram has a negative number, and
//! is answered with what has come (`server_hdr`).

use bitflags::bitflags;
use byteorder::{ByteOrder, NetworkEndian};

use super::result::Transit;
use crate::time::Duration;

/// The port of servers, TCP and UDP.
pub const PORT: u16 = 5001;
/// Bytes that a datagram begins with (`UDP_datagram`).
pub const NUMBER_LENGTH: usize = 16;
/// Bytes that say what a client wants (`client_hdr_v1`, `client_hdrext`).
pub const REQUEST_LENGTH: usize = BASE_LENGTH + EXTENSION_LENGTH;
/// Bytes of the answer to the last datagram, its beginning included.
pub const REPORT_LENGTH: usize = NUMBER_LENGTH + SUMMARY_LENGTH;
/// Bytes of the longest answer to a request over TCP (`client_hdr_ack`).
pub const ACKNOWLEDGMENT_LENGTH: usize = 28 + TIMES_LENGTH;

const BASE_LENGTH: usize = 24;
const EXTENSION_LENGTH: usize = 36;
/// `server_hdr`; its first version has 40 bytes.
const SUMMARY_LENGTH: usize = 112;
const FIRST_SUMMARY_LENGTH: usize = 40;
/// `client_hdr_ack_ts`.
const TIMES_LENGTH: usize = 24;
/// "CLIENTHDRACK".
const ACKNOWLEDGMENT: u32 = 2;
/// Whom we take after: 2.1.8, a release.
const VERSION: [u32; 2] = [0x0002_0001, 0x0008_0003];

/// What a request, or a report, has to say (`flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Flags(u32);

/// What the extension of a request has to say (`upperflags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tests(u16);

bitflags! {
    impl Flags: u32 {
        /// The request of a test in both directions, one by one; a report.
        const VERSION1 = 0x8000_0000;
        /// A request, or a report, has its extension.
        const EXTEND = 0x4000_0000;
        /// The extension has flags that matter to UDP.
        const UDP_TESTS = 0x2000_0000;
        /// The request has a key.
        const KEY = 0x1000_0000;
        /// Numbers of datagrams have 64 bits.
        const WIDE = 0x0800_0000;
        /// The request of a test in the other direction, or both, at one socket.
        const VERSION2 = 0x0400_0000;
        /// The client waits for an answer to its request.
        const PEER_DETECT = 0x0200_0000;
        /// The client wants its data sent back.
        const BOUNCE_BACK = 0x0080_0000;
        /// The flags have the length of the request, in bits 1 to 8.
        const LENGTH = 0x0001_0000;
        /// Both directions at once, and not one after the other.
        const RUN_NOW = 0x0000_0001;

        const _ = !0;
    }

    impl Tests: u16 {
        /// The client does not wait for the server's report.
        const NO_REPORT = 0x0008;
        /// The clocks of both are synchronized.
        const TRIP_TIMES = 0x0010;
        /// The rate is one of packets.
        const PACKETS = 0x0080;
        /// The server sends, and not the client.
        const REVERSE = 0x0400;
        /// Both send.
        const FULL_DUPLEX = 0x0800;

        const _ = !0;
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Amount {
    /// For so long; on the wire in hundredths of a second.
    Time(Duration),
    /// So many bytes; on the wire 2^31 - 1 at most.
    Bytes(u64),
}

/// What a datagram begins with.
#[derive(Clone, Copy, Debug)]
pub struct Numbered<'m>(&'m [u8; NUMBER_LENGTH]);

impl<'m> Numbered<'m> {
    /// The beginning of `datagram`; `None` if it is too short.
    pub fn new(datagram: &'m [u8]) -> Option<Self> {
        datagram.first_chunk().map(Self)
    }

    /// The number of 32 bits, as old clients have it, or of 64; that of the last is negative.
    pub fn number(&self, wide: bool) -> i64 {
        let low = NetworkEndian::read_u32(&self.0[0..4]);
        match wide {
            true => i64::from(NetworkEndian::read_i32(&self.0[12..16])) << 32 | i64::from(low),
            false => i64::from(low as i32),
        }
    }

    /// When it was sent, on a clock of the sender.
    pub fn sent(&self) -> Duration {
        time(self.0, 4)
    }
}

/// The beginning of a datagram.
pub fn numbered(number: i64, sent: Duration) -> [u8; NUMBER_LENGTH] {
    let mut bytes = [0; NUMBER_LENGTH];
    NetworkEndian::write_u32(&mut bytes[0..4], number as u32);
    write_time(&mut bytes, 4, sent);
    NetworkEndian::write_i32(&mut bytes[12..16], (number >> 32) as i32);
    bytes
}

/// What a client says that it wants.
#[derive(Clone, Copy, Debug)]
pub struct Request<'m> {
    base: &'m [u8; BASE_LENGTH],
    extension: Option<&'m [u8; EXTENSION_LENGTH]>,
}

impl<'m> Request<'m> {
    /// The request that `bytes` begin with: `None` if there is none, or not all of it.
    pub fn new(bytes: &'m [u8]) -> Option<Self> {
        let (base, rest) = bytes.split_first_chunk()?;
        let request = Self {
            base,
            extension: rest.first_chunk(),
        };
        let flags = request.flags();
        if !flags.intersects(Flags::VERSION1 | Flags::VERSION2 | Flags::EXTEND) {
            return None;
        }
        let extended = flags.intersects(Flags::EXTEND | Flags::VERSION2);
        Some(Self {
            extension: request.extension.filter(|_| extended),
            ..request
        })
    }

    /// How many bytes a TCP stream must begin with before they are a request; 0: there is none.
    pub fn length(flags: Flags) -> usize {
        if !flags.intersects(Flags::VERSION1 | Flags::VERSION2 | Flags::EXTEND) {
            return 0;
        }
        match flags.contains(Flags::LENGTH) {
            true => (flags.bits() as usize & 0x1fe) >> 1,
            false if flags.intersects(Flags::EXTEND | Flags::VERSION2) => REQUEST_LENGTH,
            false => BASE_LENGTH,
        }
    }

    /// What it has to say.
    pub fn flags(&self) -> Flags {
        Flags::from_bits_retain(NetworkEndian::read_u32(&self.base[0..4]))
    }

    /// How many streams the client has at once (`numThreads`).
    pub fn streams(&self) -> u32 {
        NetworkEndian::read_u32(&self.base[4..8])
    }

    /// The port where the client waits for the other direction (`mPort`); `None` if it cannot be one.
    pub fn port(&self) -> Option<u16> {
        let port = NetworkEndian::read_u32(&self.base[8..12]);
        u16::try_from(port).ok().filter(|port| *port != 0)
    }

    /// The length of a datagram or of a write (`mBufLen`); 0: the usual.
    pub fn write_length(&self) -> u32 {
        NetworkEndian::read_u32(&self.base[12..16])
    }

    /// How much is sent (`mAmount`).
    pub fn amount(&self) -> Amount {
        match NetworkEndian::read_i32(&self.base[20..24]) {
            hundredths @ ..0 => {
                let hundredths = u64::from(hundredths.unsigned_abs());
                Amount::Time(Duration::from_millis(hundredths * 10))
            }
            bytes => Amount::Bytes(bytes.unsigned_abs().into()),
        }
    }

    /// What its extension has to say; nothing if it has none.
    pub fn tests(&self) -> Tests {
        let tests = self
            .extension
            .map_or(0, |e| NetworkEndian::read_u16(&e[8..10]));
        Tests::from_bits_retain(tests)
    }

    /// DSCP and ECN (`tos`).
    pub fn traffic_class(&self) -> u8 {
        self.extension.map_or(0, |extension| extension[23])
    }

    /// Bits per second (`lRate`, `uRate`); 0: as fast as it goes.
    pub fn rate(&self) -> u64 {
        self.extension.map_or(0, |extension| {
            let (low, high) = (&extension[24..28], &extension[28..32]);
            let high = NetworkEndian::read_u32(high) >> 8;
            u64::from(high) << 32 | u64::from(NetworkEndian::read_u32(low))
        })
    }

    /// Whether the client is to be told that the request has come, over TCP: one that is older than
    /// 2.0.14 waits for it always.
    pub fn wants_acknowledgment(&self) -> bool {
        let flags = self.flags();
        flags.contains(Flags::PEER_DETECT)
            || flags.contains(Flags::EXTEND) && !flags.contains(Flags::VERSION2)
    }
}

/// What is wanted of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What there is to say, but for the length and what is always there.
    pub flags: Flags,
    /// What the extension has to say.
    pub tests: Tests,
    /// Where the other direction is waited for.
    pub port: u16,
    /// The length of a datagram or of a write.
    pub write_length: u16,
    /// How much is sent.
    pub amount: Amount,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Bits per second; 0: as fast as it goes.
    pub rate: u64,
}

impl Wanted {
    /// The request, which stands `offset` bytes behind the beginning.
    pub fn request(&self, offset: usize) -> [u8; REQUEST_LENGTH] {
        let mut bytes = [0; REQUEST_LENGTH];
        let length = (offset + REQUEST_LENGTH) << 1;
        let flags = (self.flags | Flags::EXTEND | Flags::LENGTH).bits() | length as u32;
        NetworkEndian::write_u32(&mut bytes[0..4], flags);
        NetworkEndian::write_u32(&mut bytes[4..8], 1);
        NetworkEndian::write_u32(&mut bytes[8..12], self.port.into());
        NetworkEndian::write_u32(&mut bytes[12..16], self.write_length.into());
        let amount = match self.amount {
            Amount::Time(span) => {
                let hundredths = (span.as_millis() / 10).min(i32::MAX as u64);
                -(hundredths as i32)
            }
            Amount::Bytes(count) => count.min(i32::MAX as u64) as i32,
        };
        NetworkEndian::write_i32(&mut bytes[20..24], amount);
        NetworkEndian::write_u16(&mut bytes[32..34], self.tests.bits());
        NetworkEndian::write_u32(&mut bytes[36..40], VERSION[0]);
        NetworkEndian::write_u32(&mut bytes[40..44], VERSION[1]);
        NetworkEndian::write_u16(&mut bytes[46..48], self.traffic_class.into());
        NetworkEndian::write_u32(&mut bytes[48..52], self.rate as u32);
        NetworkEndian::write_u32(&mut bytes[52..56], ((self.rate >> 32) as u32) << 8);
        bytes
    }
}

/// The answer to a request over TCP, and how much of it is sent. With trip times it has three times:
/// when the request was sent, as it says; when it came; and now.
pub fn acknowledgment(trip_times: Option<[Duration; 3]>) -> ([u8; ACKNOWLEDGMENT_LENGTH], usize) {
    let mut bytes = [0; ACKNOWLEDGMENT_LENGTH];
    let length = match trip_times {
        Some([sent, came, now]) => {
            write_time(&mut bytes, 28, sent);
            write_time(&mut bytes, 36, came);
            write_time(&mut bytes, 44, now);
            ACKNOWLEDGMENT_LENGTH
        }
        None => ACKNOWLEDGMENT_LENGTH - TIMES_LENGTH,
    };
    NetworkEndian::write_u32(&mut bytes[0..4], ACKNOWLEDGMENT);
    NetworkEndian::write_u32(&mut bytes[4..8], length as u32);
    NetworkEndian::write_u32(&mut bytes[12..16], VERSION[0]);
    NetworkEndian::write_u32(&mut bytes[16..20], VERSION[1]);
    (bytes, length)
}

/// What a server says of the datagrams of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Summary {
    /// Bytes of datagrams that have come.
    pub bytes: u64,
    /// From the first to the last.
    pub time: Duration,
    /// Datagrams that have not come.
    pub lost: u64,
    /// Datagrams that have come late.
    pub reordered: u64,
    /// Datagrams that were sent.
    pub datagrams: u64,
    /// Jitter.
    pub jitter: Duration,
    /// What their way took.
    pub transit: Option<Transit>,
}

impl Summary {
    /// What the answer to the last datagram says; `None` if it says nothing.
    pub fn new(datagram: &[u8]) -> Option<Self> {
        let summary = datagram.get(NUMBER_LENGTH..)?;
        let base: &[u8; FIRST_SUMMARY_LENGTH] = summary.first_chunk()?;
        let flags = Flags::from_bits_retain(NetworkEndian::read_u32(&base[0..4]));
        if !flags.contains(Flags::VERSION1) {
            return None;
        }
        let whole: Option<&[u8; SUMMARY_LENGTH]> = summary.first_chunk();
        let wide = whole.filter(|_| flags.contains(Flags::WIDE));
        let [lost, reordered, datagrams] = match wide {
            Some(wide) => [word(wide, 100), word(wide, 104), word(wide, 108)],
            None => [0; 3],
        };
        Some(Self {
            bytes: word(base, 4) << 32 | word(base, 8),
            time: time(base, 12),
            lost: lost << 32 | word(base, 20),
            reordered: reordered << 32 | word(base, 24),
            datagrams: datagrams << 32 | word(base, 28),
            jitter: time(base, 32),
            transit: whole
                .filter(|_| flags.contains(Flags::EXTEND))
                .map(|whole| Transit {
                    least: time(whole, 40),
                    most: time(whole, 48),
                    mean: time(whole, 64),
                    squares: word(whole, 72),
                    count: word(whole, 88),
                }),
        })
    }

    /// The answer to the last datagram.
    pub fn report(&self) -> [u8; REPORT_LENGTH] {
        let mut datagram = [0; REPORT_LENGTH];
        let bytes: &mut [u8; SUMMARY_LENGTH] = match datagram.last_chunk_mut() {
            Some(summary) => summary,
            None => return datagram,
        };
        let mut flags = Flags::VERSION1 | Flags::WIDE;
        NetworkEndian::write_u64(&mut bytes[4..12], self.bytes);
        write_time(bytes, 12, self.time);
        write_time(bytes, 32, self.jitter);
        NetworkEndian::write_u32(&mut bytes[20..24], self.lost as u32);
        NetworkEndian::write_u32(&mut bytes[24..28], self.reordered as u32);
        NetworkEndian::write_u32(&mut bytes[28..32], self.datagrams as u32);
        NetworkEndian::write_u32(&mut bytes[100..104], (self.lost >> 32) as u32);
        NetworkEndian::write_u32(&mut bytes[104..108], (self.reordered >> 32) as u32);
        NetworkEndian::write_u32(&mut bytes[108..112], (self.datagrams >> 32) as u32);
        if let Some(transit) = &self.transit {
            flags |= Flags::EXTEND;
            let sum = transit.mean.as_micros().saturating_mul(transit.count);
            write_time(bytes, 40, transit.least);
            write_time(bytes, 48, transit.most);
            write_time(bytes, 56, Duration::from_micros(sum));
            write_time(bytes, 64, transit.mean);
            NetworkEndian::write_u32(&mut bytes[72..76], saturating(transit.squares));
            NetworkEndian::write_u32(&mut bytes[88..92], saturating(transit.count));
        }
        let micros = self.time.as_micros().max(1);
        let per_second = self.datagrams.saturating_mul(1_000_000) / micros;
        NetworkEndian::write_u32(&mut bytes[92..96], saturating(per_second));
        NetworkEndian::write_u32(&mut bytes[96..100], 1);
        NetworkEndian::write_u32(&mut bytes[0..4], flags.bits());
        datagram
    }
}

fn saturating(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Seconds and microseconds, as they stand at `at`.
#[inline(always)]
fn time<const N: usize>(bytes: &[u8; N], at: usize) -> Duration {
    Duration::from_micros(word(bytes, at) * 1_000_000 + word(bytes, at + 4))
}

/// The 32 bits at `at`, which is a constant wherever this is called: no check is left.
#[inline(always)]
fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    NetworkEndian::read_u32(&bytes[at..at + 4]).into()
}

#[inline(always)]
fn write_time<const N: usize>(bytes: &mut [u8; N], at: usize, time: Duration) {
    let micros = time.as_micros();
    NetworkEndian::write_u32(&mut bytes[at..at + 4], (micros / 1_000_000) as u32);
    NetworkEndian::write_u32(&mut bytes[at + 4..at + 8], (micros % 1_000_000) as u32);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first datagram of `iperf -u -c 10.9.0.2 -b 1m -t 1 -l 1000` (2.1.8).
    const DATAGRAM: [u8; 76] = [
        0, 0, 0, 1, 0x69, 0x22, 0x7a, 0x3c, 0, 0x0b, 0x71, 0xf4, 0, 0, 0, 0, // number, time
        0x48, 1, 0, 0x98, 0, 0, 0, 1, 0, 0, 0x13, 0x89, 0, 0, 3, 0xe8, // flags ... mBufLen
        0, 0, 0, 0, 0xff, 0xff, 0xff, 0x9c, // mWinBand, mAmount
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // type, length, flags
        0, 2, 0, 1, 0, 8, 0, 3, 0, 0, 0, 0, // version, tos
        0, 0x0f, 0x42, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, // rate
    ];

    fn wanted() -> Wanted {
        Wanted {
            flags: Flags::WIDE,
            tests: Tests::empty(),
            port: PORT,
            write_length: 1000,
            amount: Amount::Time(Duration::from_secs(1)),
            traffic_class: 0,
            rate: 1_000_000,
        }
    }

    #[test]
    fn datagram_is_as_that_of_iperf() {
        let sent = Duration::from_micros(0x6922_7a3c * 1_000_000 + 750_068);
        let ours = [&numbered(1, sent)[..], &wanted().request(NUMBER_LENGTH)[..]].concat();
        assert_eq!(ours, DATAGRAM);
        let beginning = Numbered::new(&DATAGRAM).unwrap();
        assert_eq!((beginning.number(true), beginning.sent()), (1, sent));
        let request = Request::new(&DATAGRAM[16..]).unwrap();
        assert_eq!(request.flags().bits(), 0x4801_0098);
        assert_eq!((request.streams(), request.port()), (1, Some(5001)));
        assert_eq!(request.write_length(), 1000);
        assert_eq!(request.amount(), Amount::Time(Duration::from_secs(1)));
        assert_eq!(request.rate(), 1_000_000);
        assert_eq!(request.tests(), Tests::empty());
    }

    #[test]
    fn last_datagram_has_a_negative_number_of_32_or_64_bits() {
        let last = numbered(-5, Duration::ZERO);
        assert_eq!(last[0..4], [0xff, 0xff, 0xff, 0xfb]);
        assert_eq!(last[12..16], [0xff; 4]);
        let last = Numbered::new(&last).unwrap();
        assert_eq!((last.number(true), last.number(false)), (-5, -5));
        let far = numbered(1 << 33 | 7, Duration::ZERO);
        let far = Numbered::new(&far).unwrap();
        assert_eq!((far.number(true), far.number(false)), (1 << 33 | 7, 7));
        assert!(Numbered::new(&[0; 15]).is_none());
    }

    #[test]
    fn request_of_both_directions_says_where_and_when() {
        let wanted = Wanted {
            flags: Flags::VERSION1 | Flags::RUN_NOW,
            tests: Tests::REVERSE,
            port: 6000,
            amount: Amount::Bytes(1 << 40),
            traffic_class: 0xb8,
            rate: 10_000_000_000,
            ..wanted()
        };
        let bytes = wanted.request(0);
        assert_eq!(bytes[0..4], [0xc0, 1, 0, 0x79]);
        assert_eq!(bytes[8..12], [0, 0, 0x17, 0x70]);
        assert_eq!(bytes[20..24], [0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(bytes[32..34], [4, 0]);
        assert_eq!(bytes[44..48], [0, 0, 0, 0xb8]);
        assert_eq!(bytes[48..56], [0x54, 0x0b, 0xe4, 0, 0, 0, 2, 0]);
        let request = Request::new(&bytes).unwrap();
        assert_eq!(Request::length(request.flags()), REQUEST_LENGTH);
        assert!(request.flags().contains(Flags::RUN_NOW));
        assert_eq!(request.amount(), Amount::Bytes(0x7fff_ffff));
        assert_eq!(
            (request.rate(), request.traffic_class()),
            (wanted.rate, 0xb8)
        );
        assert!(request.tests().contains(Tests::REVERSE));
        assert!(request.wants_acknowledgment());
    }

    #[test]
    fn what_has_no_flags_is_no_request() {
        // What iperf 1.7 and others fill their data with.
        assert!(Request::new(b"012345678901234567890123").is_none());
        assert_eq!(Request::length(Flags::from_bits_retain(0x3031_3233)), 0);
        assert!(Request::new(&DATAGRAM[16..39]).is_none());
        // Without its extension it says less.
        let short = Request::new(&DATAGRAM[16..75]).unwrap();
        assert_eq!((short.rate(), short.port()), (0, Some(5001)));
        assert_eq!(Request::length(Flags::VERSION1), 24);
        assert_eq!(Request::length(Flags::EXTEND), 60);
    }

    #[test]
    fn acknowledgment_has_type_length_and_version() {
        let (bytes, length) = acknowledgment(None);
        assert_eq!(length, 28);
        assert_eq!(bytes[..8], [0, 0, 0, 2, 0, 0, 0, 28]);
        assert_eq!(bytes[12..20], [0, 2, 0, 1, 0, 8, 0, 3]);
        let times = [1, 2, 3].map(Duration::from_secs);
        let (bytes, length) = acknowledgment(Some(times));
        assert_eq!((length, bytes[7]), (52, 52));
        assert_eq!((bytes[31], bytes[39], bytes[47]), (1, 2, 3));
    }

    #[test]
    fn report_is_laid_out_as_iperf_reads_it() {
        let summary = Summary {
            bytes: 0x0000_0001_0000_03e8,
            time: Duration::from_micros(10_000_021),
            lost: 1 << 32 | 3,
            reordered: 4,
            datagrams: 1 << 32 | 100,
            jitter: Duration::from_micros(21),
            transit: None,
        };
        let report = summary.report();
        assert_eq!(report.len(), 128);
        assert_eq!(report[16..20], [0x88, 0, 0, 0]);
        assert_eq!(report[20..28], [0, 0, 0, 1, 0, 0, 3, 0xe8]);
        assert_eq!(report[28..36], [0, 0, 0, 10, 0, 0, 0, 21]);
        assert_eq!(report[36..48], [0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 100]);
        assert_eq!(report[48..56], [0, 0, 0, 0, 0, 0, 0, 21]);
        assert_eq!(report[116..128], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(Summary::new(&report), Some(summary));
        // An old server ends behind the first version of it.
        let mut old = report;
        old[16] = 0x80;
        let old = Summary::new(&old[..56]).unwrap();
        assert_eq!((old.lost, old.datagrams), (3, 100));
        assert!(Summary::new(&report[..55]).is_none());
        assert!(Summary::new(&[0; 128]).is_none());
    }

    #[test]
    fn report_has_transit_times_where_clocks_agree() {
        let transit = Transit {
            least: Duration::from_micros(100),
            most: Duration::from_micros(900),
            mean: Duration::from_micros(300),
            squares: 5000,
            count: 10,
        };
        let summary = Summary {
            transit: Some(transit),
            ..Summary::default()
        };
        let report = summary.report();
        assert_eq!(report[16..20], [0xc8, 0, 0, 0]);
        assert_eq!(report[56..64], [0, 0, 0, 0, 0, 0, 0, 100]);
        assert_eq!(report[64..72], [0, 0, 0, 0, 0, 0, 3, 0x84]);
        assert_eq!(report[72..80], [0, 0, 0, 0, 0, 0, 0x0b, 0xb8]);
        assert_eq!(report[80..88], [0, 0, 0, 0, 0, 0, 1, 0x2c]);
        assert_eq!(report[88..96], [0, 0, 0x13, 0x88, 0, 0, 0, 0]);
        assert_eq!(report[104..108], [0, 0, 0, 10]);
        assert_eq!(Summary::new(&report), Some(summary));
    }

    proptest! {
        #[test]
        fn requests_are_read_as_they_were_written(
            flags: u32, tests: u16, port in 1_u16.., write_length: u16, hundredths in 1..i32::MAX,
            bytes in 0..i32::MAX, timed: bool, traffic_class: u8, rate in 0_u64..1 << 56,
        ) {
            let wanted = Wanted {
                flags: Flags::from_bits_retain(flags & !0x1ff),
                tests: Tests::from_bits_retain(tests),
                port,
                write_length,
                amount: match timed {
                    true => Amount::Time(Duration::from_millis(hundredths as u64 * 10)),
                    false => Amount::Bytes(bytes as u64),
                },
                traffic_class,
                rate,
            };
            let bytes = wanted.request(0);
            let request = Request::new(&bytes).unwrap();
            prop_assert!(request.flags().contains(wanted.flags));
            prop_assert_eq!(request.tests(), wanted.tests);
            prop_assert_eq!(request.port(), Some(port));
            prop_assert_eq!(request.write_length(), u32::from(write_length));
            prop_assert_eq!(request.amount(), wanted.amount);
            prop_assert_eq!((request.traffic_class(), request.rate()), (traffic_class, rate));
        }

        #[test]
        fn numbers_are_read_as_they_were_written(number: i64, micros in 0..u64::from(u32::MAX) * 1_000_000) {
            let bytes = numbered(number, Duration::from_micros(micros));
            let beginning = Numbered::new(&bytes).unwrap();
            prop_assert_eq!(beginning.number(true), number);
            prop_assert_eq!(beginning.number(false), i64::from(number as i32));
            prop_assert_eq!(beginning.sent(), Duration::from_micros(micros));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            if let Some(beginning) = Numbered::new(&bytes) {
                let _ = (beginning.number(true), beginning.number(false), beginning.sent());
            }
            if let Some(request) = Request::new(&bytes) {
                let _ = (request.port(), request.amount(), request.rate(), request.traffic_class());
                prop_assert!(Request::length(request.flags()) <= 255);
            }
            if let Some(summary) = Summary::new(&bytes) {
                let again = Summary::new(&summary.report()).unwrap();
                prop_assert_eq!((again.lost, again.datagrams), (summary.lost, summary.datagrams));
            }
        }
    }
}
