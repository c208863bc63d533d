//! The Internet checksum: RFC 1071 (how to compute it, §2 for the freedoms used here), RFC 1624
//! §3 (incremental update), RFC 768, RFC 9293 §3.1 and RFC 8200 §8.1 (pseudo-headers).
//!
//! Sums are kept in the byte order of the machine (RFC 1071 §2 B) and swapped once at the end.

use core::net::{Ipv4Addr, Ipv6Addr};

#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
mod arch;
mod words;

#[cfg(test)]
mod tests;

/// A ones' complement sum over bytes, not yet folded to 16 bits nor complemented.
///
/// A sum does not know how many bytes it covers: whoever joins sums of pieces names their
/// lengths, see [`then`](Self::then).
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sum(u32);

/// Copies as many bytes as both slices hold, by words: a `memcpy` of a small core takes three times
/// as long where the two are not aligned alike.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let length = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        words::copy(to, from);
    }
}

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of `bytes`, of which the first stands at an even offset. An odd last byte counts
    /// as if a zero followed (RFC 1071 §4.1).
    pub fn of(bytes: &[u8]) -> Self {
        Self(words::sum(bytes))
    }

    /// The sum of the eight bytes of a header. Written out: it takes an instruction for each word
    /// and one for each carry, where the loop of [`of`](Self::of) takes ten times as many.
    #[inline]
    // A build may have no header of this length.
    #[allow(dead_code)]
    pub(crate) const fn of_eight(bytes: &[u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = *bytes;
        Self(u32::from_ne_bytes([a, b, c, d])).plus(Self(u32::from_ne_bytes([e, f, g, h])))
    }

    /// As [`of_eight`](Self::of_eight), of twenty bytes.
    #[inline]
    // As above.
    #[allow(dead_code)]
    pub(crate) const fn of_twenty(bytes: &[u8; 20]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
        let [i, j, k, l, m, n, o, p, rest @ ..] = rest;
        Self::of_eight(&[a, b, c, d, e, f, g, h])
            .plus(Self::of_eight(&[i, j, k, l, m, n, o, p]))
            .plus(Self(u32::from_ne_bytes(rest)))
    }

    /// Copies as many bytes as both slices hold, and sums them in the same pass.
    pub fn copy(to: &mut [u8], from: &[u8]) -> Self {
        let length = to.len().min(from.len());
        match (
            to.split_at_mut_checked(length),
            from.split_at_checked(length),
        ) {
            (Some((to, _)), Some((from, _))) => Self(words::copy_sum(to, from)),
            _ => Self::ZERO,
        }
    }

    /// Appends `next`, the sum of bytes that follow directly behind the `length` bytes summed
    /// here. Behind an odd length every byte of `next` changes place (RFC 1071 §2 B).
    #[must_use]
    pub const fn then(self, length: usize, next: Self) -> Self {
        self.plus(if length.is_multiple_of(2) {
            next
        } else {
            Self(next.0.rotate_left(8))
        })
    }

    /// Adds a 16-bit field at an even offset, given in host order.
    #[must_use]
    pub const fn add_u16(self, value: u16) -> Self {
        self.plus(Self(value.to_be() as u32))
    }

    /// Adds a 32-bit field at an even offset, given in host order.
    #[must_use]
    pub const fn add_u32(self, value: u32) -> Self {
        self.plus(Self(value.to_be()))
    }

    /// The sum of both, each over bytes from an even offset on.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        // With the carry brought round to the low end (RFC 1071 §1), 32 bits hold any number of
        // terms; a result of zero stays the mark of nothing but zeros.
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(sum.wrapping_add(carry as u32))
    }

    /// The pseudo-header of IPv4 (RFC 768; RFC 9293 §3.1). `length` is that of the transport
    /// header and its data.
    pub const fn pseudo_ipv4(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: u8,
        length: u16,
    ) -> Self {
        Self(u32::from_ne_bytes(source.octets()))
            .plus(Self(u32::from_ne_bytes(destination.octets())))
            // Neither term reaches beyond 16 bits: one swap serves both.
            .add_u32(protocol as u32 + length as u32)
    }

    /// The pseudo-header of IPv6 (RFC 8200 §8.1). `length` is that of the upper-layer header and
    /// its data.
    pub fn pseudo_ipv6(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        next_header: u8,
        length: u32,
    ) -> Self {
        Self::of(&source.octets())
            .plus(Self::of(&destination.octets()))
            .add_u32(length)
            .add_u16(next_header as u16)
    }

    /// The checksum: folded, complemented and in host order, to be stored big-endian.
    ///
    /// Zero is a possible result; where a protocol gives zero a meaning of its own (RFC 768,
    /// RFC 8200 §8.1) the caller stores 0xffff instead.
    #[must_use]
    pub const fn finish(self) -> u16 {
        u16::from_be(!self.fold())
    }

    /// Whether data summed together with the checksum it carries is intact (RFC 1071 §1 (3)).
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }

    const fn fold(self) -> u16 {
        // Both halves are the sum of the halves; the upper one has the carry of the lower too.
        (self.0.wrapping_add(self.0.rotate_left(16)) >> 16) as u16
    }
}

/// The checksum after a 16-bit field that it covers went from `old` to `new`, all in host order
/// (RFC 1624 §3, equation 3).
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !Sum(!checksum as u32 + !old as u32 + new as u32).fold()
}
