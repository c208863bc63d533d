//! The TCP header: RFC 9293 §3.1, with RFC 3168 §6.1 (ECE and CWR) and RFC 9768 (AE). Options
//! are in [`tcp_options`](super::tcp_options).

use byteorder::{ByteOrder, NetworkEndian};

use super::Malformed;
use crate::checksum::Sum;

/// The fields of the fixed part.
mod field {
    use core::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    /// Four bits of data offset in units of four octets, twelve of reserved and control bits.
    pub(super) const OFFSET_FLAGS: Range<usize> = 12..14;
    /// The octet of these that holds the data offset.
    pub(super) const OFFSET: usize = 12;
    pub(super) const WINDOW: Range<usize> = 14..16;
    pub(super) const CHECKSUM: Range<usize> = 16..18;
    pub(super) const URGENT_POINTER: Range<usize> = 18..20;
}

/// Octets of a header without options.
pub const HEADER_LENGTH: usize = 20;
/// Octets that options take at most (RFC 9293 §3.1: the data offset goes up to 15 words).
pub const MAXIMUM_OPTIONS: usize = 40;

/// The lowest data offset, in units of four octets (RFC 9293 §3.1).
const MINIMUM_OFFSET: u8 = 5;

/// The control bits, at their place in the field that they share with the data offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpFlags(u16);

bitflags::bitflags! {
    impl TcpFlags: u16 {
        /// The sender has no more data (RFC 9293 §3.1).
        const FIN = 0x001;
        /// The sequence number is the initial one (RFC 9293 §3.1).
        const SYN = 0x002;
        /// The connection is reset (RFC 9293 §3.1).
        const RST = 0x004;
        /// The data is to be pushed through to the receiver (RFC 9293 §3.9.1).
        const PSH = 0x008;
        /// The acknowledgment number is significant (RFC 9293 §3.1).
        const ACK = 0x010;
        /// The urgent pointer is significant (RFC 9293 §3.1).
        const URG = 0x020;
        /// ECN-Echo: congestion was experienced (RFC 3168 §6.1).
        const ECE = 0x040;
        /// The congestion window was reduced (RFC 3168 §6.1).
        const CWR = 0x080;
        /// Accurate ECN; a reserved bit to whom does not implement it (RFC 9768).
        const AE = 0x100;
    }
}

impl TcpFlags {
    /// How many sequence numbers the control bits take: one for SYN and one for FIN (RFC 9293
    /// §3.4). With the octets of data this is SEG.LEN.
    pub const fn sequence_length(self) -> u32 {
        self.contains(Self::SYN) as u32 + self.contains(Self::FIN) as u32
    }
}

/// The fixed part of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpHeader<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> TcpHeader<'a> {
    /// Reads a header.
    ///
    /// [`Malformed::Length`] if it is shorter than itself. That the segment has as many octets as
    /// [`header_length`](Self::header_length) says is left for the caller to check, and so is the
    /// checksum.
    pub fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        match bytes[field::OFFSET] >> 4 {
            MINIMUM_OFFSET.. => Ok(Self(bytes)),
            _ => Err(Malformed::Length),
        }
    }

    /// The port of the sender.
    pub fn source_port(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::SOURCE_PORT])
    }

    /// The port that the segment is for.
    pub fn destination_port(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::DESTINATION_PORT])
    }

    /// SEG.SEQ: the number of the first octet of data, or of the SYN if there is one.
    pub const fn sequence(&self) -> u32 {
        // By pattern: built for size, `read_u32` can keep a path to a panic.
        let [_, _, _, _, a, b, c, d, ..] = *self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// SEG.ACK: the number that the sender expects next. Means something with
    /// [`TcpFlags::ACK`] only.
    pub const fn acknowledgment(&self) -> u32 {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Octets of the header with its options: 20 to 60. The data begins there.
    pub fn header_length(&self) -> usize {
        usize::from(self.0[field::OFFSET] >> 4) * 4
    }

    /// Octets of the options, with their padding: 0 to 40.
    pub fn options_length(&self) -> usize {
        self.header_length().saturating_sub(HEADER_LENGTH)
    }

    /// The control bits. Reserved ones are left out (RFC 9293 §3.1 "must be ignored").
    pub fn flags(&self) -> TcpFlags {
        TcpFlags::from_bits_truncate(NetworkEndian::read_u16(&self.0[field::OFFSET_FLAGS]))
    }

    /// SEG.WND as it stands in the header: octets from the acknowledgment number on. Where window
    /// scaling is on it is still to be shifted, but never in a SYN (RFC 7323 §2.2).
    pub fn window(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::WINDOW])
    }

    /// The checksum. It is never optional: zero is a value like others.
    pub fn checksum(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::CHECKSUM])
    }

    /// SEG.UP: where the octet behind the urgent data is, counted from the sequence number. Means
    /// something with [`TcpFlags::URG`] only.
    pub fn urgent_pointer(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::URGENT_POINTER])
    }

    /// Whether the checksum is right, given the sum of the pseudo-header and that of all that
    /// follows the fixed part: options and data.
    pub fn is_checksum_valid(&self, pseudo_header: Sum, rest: Sum) -> bool {
        pseudo_header
            .plus(Sum::of_twenty(self.0))
            .plus(rest)
            .is_valid()
    }
}

/// A header that is being written in place. Only [`fill_checksum`](Self::fill_checksum) touches the
/// checksum.
#[derive(Debug, PartialEq, Eq)]
pub struct TcpHeaderMut<'a>(&'a mut [u8; HEADER_LENGTH]);

impl<'a> TcpHeaderMut<'a> {
    /// Writes a whole header over whatever was there: no options, and zero for urgent pointer and
    /// checksum. A device that fills in the checksum wants it zero.
    ///
    /// `window` is SEG.WND, scaled down already. `acknowledgment` is zero by custom where ACK is
    /// not among the flags.
    pub fn write(
        to: &'a mut [u8; HEADER_LENGTH],
        source_port: u16,
        destination_port: u16,
        sequence: u32,
        acknowledgment: u32,
        flags: TcpFlags,
        window: u16,
    ) -> Self {
        let flags = u16::from(MINIMUM_OFFSET) << 12 | (flags & TcpFlags::all()).bits();
        // As one array: built for size, writes field by field can keep a path to a panic.
        let [s0, s1] = source_port.to_be_bytes();
        let [d0, d1] = destination_port.to_be_bytes();
        let [n0, n1, n2, n3] = sequence.to_be_bytes();
        let [a0, a1, a2, a3] = acknowledgment.to_be_bytes();
        let [f0, f1] = flags.to_be_bytes();
        let [w0, w1] = window.to_be_bytes();
        *to = [
            s0, s1, d0, d1, n0, n1, n2, n3, a0, a1, a2, a3, f0, f1, w0, w1, 0, 0, 0, 0,
        ];
        Self(to)
    }

    /// Makes room in the data offset for so many octets of options, padded to a multiple of four
    /// and 40 at most; what is beyond is not counted.
    pub fn options_length(self, octets: usize) -> Self {
        let words = octets.min(MAXIMUM_OPTIONS).div_ceil(4) as u8;
        let flags = self.0[field::OFFSET] & 0x0f;
        self.0[field::OFFSET] = (MINIMUM_OFFSET + words) << 4 | flags;
        self
    }

    /// Sets the urgent pointer; the flag is the caller's. An offset that does not fit goes out as
    /// 65535 (RFC 7323 appendix A).
    pub fn urgent_pointer(self, offset: u32) -> Self {
        let offset = u16::try_from(offset).unwrap_or(u16::MAX);
        [self.0[18], self.0[19]] = offset.to_be_bytes();
        self
    }

    /// Computes the checksum over all other fields, given the sum of the pseudo-header and that of
    /// all that follows the fixed part: options and data.
    pub fn fill_checksum(mut self, pseudo_header: Sum, rest: Sum) {
        self.set_checksum(0);
        let sum = pseudo_header.plus(Sum::of_twenty(self.0)).plus(rest);
        self.set_checksum(sum.finish());
    }

    fn set_checksum(&mut self, checksum: u16) {
        [self.0[16], self.0[17]] = checksum.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
