//! Byte formats: parse and emit, no state, no I/O.
//!
//! A fixed header is a view over an array of its length, checked once when it is made: after
//! that no accessor can fail. Variable parts (options, extension headers) are iterators over
//! [`Bytes`], so that they can be read where they are, in one slice or across fragments.

mod address;
#[cfg(all(feature = "ethernet", feature = "ipv4"))]
pub mod arp;
#[cfg(feature = "ethernet")]
pub mod ethernet;
#[cfg(any(feature = "igmp", feature = "mld"))]
pub mod group_report;
#[cfg(feature = "ipv4")]
pub mod icmpv4;
#[cfg(feature = "ipv6")]
pub mod icmpv6;
#[cfg(feature = "igmp")]
pub mod igmp;
#[cfg(feature = "ipv4")]
pub mod ipv4;
#[cfg(feature = "ipv4")]
pub mod ipv4_options;
#[cfg(feature = "ipv6")]
pub mod ipv6;
#[cfg(feature = "ipv6")]
pub mod ipv6_address;
#[cfg(feature = "ipv6")]
pub mod ipv6_extension;
#[cfg(feature = "mld")]
pub mod mld;
#[cfg(feature = "ipv6")]
pub mod ndp;
#[cfg(feature = "ipv6")]
pub mod ndp_option;
pub mod protocol;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tcp")]
pub mod tcp_options;
#[cfg(feature = "udp")]
pub mod udp;

pub use address::{IpAddress, LinkAddr, UnsupportedFamily};

/// Why bytes are not what they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Malformed {
    /// There are fewer bytes than the format needs.
    Truncated,
    /// A length field contradicts the bytes that are there, or itself.
    Length,
    /// The version field names another protocol version.
    Version,
    /// The checksum is wrong.
    Checksum,
    /// A field holds a value that its specification forbids.
    Value,
}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::Length => "contradictory length",
            Self::Version => "unknown version",
            Self::Checksum => "wrong checksum",
            Self::Value => "forbidden value",
        })
    }
}

impl core::error::Error for Malformed {}

/// Writes a field of a header: a plain store, since `field` is a constant range of `N` bytes inside
/// it. A build for size would leave the check of an index in, and with it a path to a panic.
#[cfg(any(ip, feature = "ethernet", feature = "udp"))]
#[inline(always)]
fn put<const N: usize>(header: &mut [u8], field: core::ops::Range<usize>, value: [u8; N]) {
    debug_assert_eq!(field.len(), N);
    if let Some(to) = header.get_mut(field).and_then(<[u8]>::first_chunk_mut) {
        *to = value;
    }
}

/// Bytes that may lie in several pieces, read by offset.
pub trait Bytes {
    /// How many bytes there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `to` with the bytes from `offset` on, or says that they are not all there.
    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Malformed>;

    /// The `N` bytes from `offset` on.
    fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        self.read(offset, &mut array)?;
        Ok(array)
    }
}

impl Bytes for [u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Malformed> {
        let from = self.get(offset..).and_then(|rest| rest.get(..to.len()));
        let from = from.ok_or(Malformed::Truncated)?;
        (to.iter_mut().zip(from)).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

impl Bytes for crate::netbuf::NetBuf {
    fn len(&self) -> usize {
        self.len()
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Malformed> {
        match self.read(offset, to) {
            done if done == to.len() => Ok(()),
            _ => Err(Malformed::Truncated),
        }
    }
}

/// The bytes of `B` from an offset on.
#[derive(Debug)]
pub struct Tail<'b, B: ?Sized> {
    bytes: &'b B,
    start: usize,
}

impl<'b, B: Bytes + ?Sized> Tail<'b, B> {
    /// The bytes from `start` on; none if there are fewer.
    pub const fn new(bytes: &'b B, start: usize) -> Self {
        Self { bytes, start }
    }
}

impl<B: Bytes + ?Sized> Bytes for Tail<'_, B> {
    fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Malformed> {
        self.bytes.read(offset.saturating_add(self.start), to)
    }
}
