//! The header that NTP and SNTP messages begin with (RFC 4330 §4, RFC 5905 §7.3).

use byteorder::{ByteOrder, NetworkEndian};

use super::time::NtpTimestamp;

/// Bytes of the header. What may follow, extensions and a digest, is passed over.
pub const HEADER_LENGTH: usize = 48;
/// The version that is spoken.
pub const VERSION: u8 = 4;
/// The port of servers.
pub const PORT: u16 = 123;

/// "symmetric active".
pub const SYMMETRIC_ACTIVE: u8 = 1;
/// "symmetric passive".
pub const SYMMETRIC_PASSIVE: u8 = 2;
/// "client".
pub const CLIENT: u8 = 3;
/// "server".
pub const SERVER: u8 = 4;

/// What is to happen at the end of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Leap {
    /// Nothing.
    #[default]
    None = 0,
    /// The last minute has 61 seconds.
    Insert = 1,
    /// The last minute has 59 seconds.
    Delete = 2,
    /// The clock is not synchronized.
    Unsynchronized = 3,
}

/// The header of a message.
#[derive(Clone, Copy, Debug)]
pub struct Header<'m>(&'m [u8; HEADER_LENGTH]);

impl<'m> Header<'m> {
    /// The header that `message` begins with; `None` if it is too short.
    pub fn new(message: &'m [u8]) -> Option<Self> {
        message.first_chunk().map(Self)
    }

    /// What is to happen at the end of the day.
    pub const fn leap(&self) -> Leap {
        match self.0[0] >> 6 {
            0 => Leap::None,
            1 => Leap::Insert,
            2 => Leap::Delete,
            _ => Leap::Unsynchronized,
        }
    }

    /// The version.
    pub const fn version(&self) -> u8 {
        self.0[0] >> 3 & 7
    }

    /// The mode.
    pub const fn mode(&self) -> u8 {
        self.0[0] & 7
    }

    /// How far the server is from a clock; 0 says that it has nothing for the client.
    pub const fn stratum(&self) -> u8 {
        self.0[1]
    }

    /// The logarithm of the interval of requests in seconds.
    pub const fn poll(&self) -> u8 {
        self.0[2]
    }

    /// The time to the clock at the root and back, in seconds of 16 bits, and a fraction.
    pub fn root_delay(&self) -> i32 {
        NetworkEndian::read_i32(&self.0[4..8])
    }

    /// The most that the time may be wrong by, in seconds of 16 bits, and a fraction.
    pub fn root_dispersion(&self) -> u32 {
        NetworkEndian::read_u32(&self.0[8..12])
    }

    /// What the server has its time from, or why it has nothing: four characters.
    pub const fn reference(&self) -> [u8; 4] {
        [self.0[12], self.0[13], self.0[14], self.0[15]]
    }

    /// When the request left, as it said.
    pub fn originate(&self) -> NtpTimestamp {
        NtpTimestamp(NetworkEndian::read_u64(&self.0[24..32]))
    }

    /// When the request came to the server.
    pub fn receive(&self) -> NtpTimestamp {
        NtpTimestamp(NetworkEndian::read_u64(&self.0[32..40]))
    }

    /// When the message left.
    pub fn transmit(&self) -> NtpTimestamp {
        NtpTimestamp(NetworkEndian::read_u64(&self.0[40..48]))
    }
}

/// A request: "all the NTP header fields shown above are set to 0, except the Mode, VN, and optional
/// Transmit Timestamp fields" (RFC 4330 §5).
pub fn request(transmit: NtpTimestamp) -> [u8; HEADER_LENGTH] {
    let mut message = [0; HEADER_LENGTH];
    message[0] = VERSION << 3 | CLIENT;
    NetworkEndian::write_u64(&mut message[40..48], transmit.0);
    message
}

/// What a server says of its clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) leap: Leap,
    pub(super) stratum: u8,
    /// The logarithm of the error of reading the clock, in seconds.
    pub(super) precision: i8,
    pub(super) reference: [u8; 4],
    /// When the clock was last set.
    pub(super) set: NtpTimestamp,
    pub(super) now: NtpTimestamp,
}

/// The reply to a request that has come at [`Said::now`] (RFC 4330 §6); `None` if it wants none.
pub(super) fn reply(request: &Header<'_>, said: &Said) -> Option<[u8; HEADER_LENGTH]> {
    let mode = match request.mode() {
        CLIENT => SERVER,
        SYMMETRIC_ACTIVE => SYMMETRIC_PASSIVE,
        _ => return None,
    };
    let version = request.version();
    if !(1..=VERSION).contains(&version) {
        return None;
    }
    let mut message = [0; HEADER_LENGTH];
    message[0] = (said.leap as u8) << 6 | version << 3 | mode;
    message[1] = said.stratum;
    message[2] = request.poll();
    message[3] = said.precision as u8;
    message[12..16].copy_from_slice(&said.reference);
    NetworkEndian::write_u64(&mut message[16..24], said.set.0);
    NetworkEndian::write_u64(&mut message[24..32], request.transmit().0);
    NetworkEndian::write_u64(&mut message[32..40], said.now.0);
    NetworkEndian::write_u64(&mut message[40..48], said.now.0);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_version_mode_and_transmit_time_and_nothing_else() {
        let message = request(NtpTimestamp(0x0102_0304_0506_0708));
        assert_eq!(message[0], 0b00_100_011);
        assert_eq!(message[1..40], [0; 39]);
        assert_eq!(message[40..], [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn fields_are_where_the_rfc_draws_them() {
        let mut message = [0; 50];
        for (at, octet) in message.iter_mut().enumerate() {
            *octet = at as u8;
        }
        message[0] = 0b01_100_100;
        let header = Header::new(&message).unwrap();
        assert_eq!(header.leap(), Leap::Insert);
        assert_eq!((header.version(), header.mode()), (4, SERVER));
        assert_eq!((header.stratum(), header.poll()), (1, 2));
        assert_eq!(header.root_delay(), 0x0405_0607);
        assert_eq!(header.root_dispersion(), 0x0809_0a0b);
        assert_eq!(header.reference(), [12, 13, 14, 15]);
        assert_eq!(header.originate().0, 0x1819_1a1b_1c1d_1e1f);
        assert_eq!(header.receive().0, 0x2021_2223_2425_2627);
        assert_eq!(header.transmit().0, 0x2829_2a2b_2c2d_2e2f);
        assert!(Header::new(&message[..47]).is_none());
    }
}
