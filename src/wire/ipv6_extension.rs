//! IPv6 extension headers: RFC 8200 §4, with RFC 4302 §2 (Authentication), RFC 6564 §4 (the
//! layout that all later ones share), RFC 7045 §2.1 and RFC 7112 §5; and the options of RFC 8200
//! §4.2, RFC 2711 §2.1 (Router Alert) and RFC 2675 §2 (Jumbo Payload).
//!
//! Routing headers of type 0 are not told from others: RFC 5095 §3 has them treated like those of
//! an unknown type.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |  Next Header  |  Hdr Ext Len  |        Options, padded        |  Hop-by-Hop, Destination
//! |  Next Header  |  Hdr Ext Len  |  Routing Type | Segments Left |  Routing
//! |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|  Fragment
//! |                         Identification                        |
//! |  Next Header  |  Payload Len  |          RESERVED             |  Authentication
//! ```

use core::iter::FusedIterator;

use super::{Bytes, Malformed, ipv6, protocol};
use crate::config::EXTENSION_HEADERS;

/// How long a Fragment header is, in octets.
pub const FRAGMENT_HEADER_LENGTH: usize = 8;
/// Where the Fragment Offset stands in a Fragment header.
pub const FRAGMENT_OFFSET_OFFSET: usize = 2;
/// Where the Routing Type stands in a Routing header: what a Parameter Problem points to if the
/// type is unknown and segments are left (RFC 8200 §4.4).
pub const ROUTING_TYPE_OFFSET: usize = 2;
/// Router Alert: the packet holds a Multicast Listener Discovery message (RFC 2711 §2.1).
pub const ROUTER_ALERT_MLD: u16 = 0;

const PAD1: u8 = 0x00;
const PADN: u8 = 0x01;
const ROUTER_ALERT: u8 = 0x05;
const JUMBO_PAYLOAD: u8 = 0xc2;

/// What a header of the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HeaderKind {
    /// Hop-by-Hop Options (RFC 8200 §4.3), the first header only.
    HopByHop {
        /// The length of the header, in octets.
        length: usize,
    },
    /// Destination Options (RFC 8200 §4.6).
    DestinationOptions {
        /// The length of the header, in octets.
        length: usize,
    },
    /// Routing (RFC 8200 §4.4). If the type is unknown and segments are left, the packet is
    /// dropped with a Parameter Problem that points to [`ROUTING_TYPE_OFFSET`]; if none are left,
    /// the header is ignored.
    Routing {
        /// The Routing Type.
        routing_type: u8,
        /// How many nodes of the route are still to be visited.
        segments_left: u8,
        /// The length of the header, in octets.
        length: usize,
    },
    /// Fragment (RFC 8200 §4.5). The chain goes on behind it only where the fragment offset is
    /// zero: what follows in other fragments is not a header.
    Fragment {
        /// The place of what follows in the original packet's fragmentable part, in octets.
        fragment_offset: u16,
        /// Whether this is not the last fragment.
        more: bool,
        /// The same in all fragments of one packet.
        identification: u32,
        /// What the first fragment starts with.
        next_header: u8,
    },
    /// Authentication (RFC 4302 §2).
    Authentication {
        /// The length of the header, in octets.
        length: usize,
    },
    /// A Mobility, HIP or Shim6 header. A host that does not implement it refuses it as an
    /// unrecognized Next Header (RFC 8200 §4); a filter may read past it (RFC 7045 §2.1).
    Other {
        /// The number of the header.
        number: u8,
        /// The length of the header, in octets.
        length: usize,
    },
    /// Encapsulating Security Payload (RFC 4303): the end, as the rest cannot be read.
    EncapsulatingSecurityPayload,
    /// The end: what follows, if anything, is to be ignored (RFC 8200 §4.7).
    NoNextHeader,
    /// The end: the upper-layer header, known to this node or not, and perhaps cut short.
    UpperLayer {
        /// The protocol: a number of [`protocol`].
        protocol: u8,
    },
}

/// One header of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// What it is.
    pub kind: HeaderKind,
    /// Where it starts.
    pub offset: usize,
    /// Where the Next Header field that named it stands: the pointer of a Parameter Problem if
    /// the header is not recognized, and what changes when a header in front of it goes.
    pub named_at: usize,
}

impl Header {
    /// The options of a Hop-by-Hop or Destination Options header; none for all others.
    pub const fn options<'a, B: Bytes + ?Sized>(&self, packet: &'a B) -> HeaderOptions<'a, B> {
        match self.kind {
            HeaderKind::HopByHop { length } | HeaderKind::DestinationOptions { length } => {
                HeaderOptions::new(packet, self.offset, length)
            }
            _ => HeaderOptions::new(packet, self.offset, 0),
        }
    }
}

/// What is wrong with an extension header or with one of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Problem {
    /// The packet ends within the header. In a first fragment this is an incomplete header chain
    /// (RFC 7112 §5): Parameter Problem code 3, pointer 0.
    Truncated,
    /// A length is too small, or reaches beyond what holds it: Parameter Problem code 0.
    Length,
    /// A Hop-by-Hop Options header that is not the first: Parameter Problem code 1 (RFC 8200 §4).
    HopByHopNotFirst,
    /// More headers than [`EXTENSION_HEADERS`]: Parameter Problem code 8 (RFC 8883 §2.5).
    TooMany,
}

/// Where the chain, or the options of a header, cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BadHeader {
    /// What is wrong.
    pub problem: Problem,
    /// The octet in error: the pointer of a Parameter Problem (RFC 4443 §3.4).
    pub pointer: usize,
}

impl From<BadHeader> for Malformed {
    fn from(bad: BadHeader) -> Self {
        match bad.problem {
            Problem::Truncated => Self::Truncated,
            Problem::Length => Self::Length,
            Problem::HopByHopNotFirst | Problem::TooMany => Self::Value,
        }
    }
}

/// The chain of headers of a packet: extension headers, then the upper layer.
///
/// The last item is the upper layer, [`HeaderKind::NoNextHeader`], an encapsulated payload, a
/// fragment that is not the first, or what is malformed. At most [`EXTENSION_HEADERS`] extension
/// headers come before it.
#[derive(Debug)]
pub struct HeaderChain<'a, B: ?Sized> {
    packet: &'a B,
    offset: usize,
    named_at: usize,
    next_header: Option<u8>,
    first: bool,
    headers_left: usize,
}

impl<B: ?Sized> Clone for HeaderChain<'_, B> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, B: Bytes + ?Sized> HeaderChain<'a, B> {
    /// The headers of a packet that starts with its IPv6 header and ends where that says.
    pub const fn new(packet: &'a B, next_header: u8) -> Self {
        Self::at(packet, 0, next_header)
    }

    /// The headers of a packet whose IPv6 header starts at `offset`, such as one that an ICMPv6
    /// error quotes; `next_header` is that of the IPv6 header.
    pub const fn at(packet: &'a B, offset: usize, next_header: u8) -> Self {
        Self {
            packet,
            offset: offset.saturating_add(ipv6::HEADER_LENGTH),
            named_at: offset.saturating_add(ipv6::NEXT_HEADER_OFFSET),
            next_header: Some(next_header),
            first: true,
            headers_left: EXTENSION_HEADERS,
        }
    }

    /// The rest of a chain: the headers from `offset` on, the first of which is named
    /// `next_header` by the field at `named_at` of another extension header.
    pub const fn resume(packet: &'a B, offset: usize, next_header: u8, named_at: usize) -> Self {
        Self {
            packet,
            offset,
            named_at,
            next_header: Some(next_header),
            first: false,
            headers_left: EXTENSION_HEADERS,
        }
    }

    fn bad<T>(problem: Problem, pointer: usize) -> Result<T, BadHeader> {
        Err(BadHeader { problem, pointer })
    }

    /// The first four octets of the header that stands here, once its length is known to be at
    /// least eight.
    fn start(&self) -> Result<[u8; 4], BadHeader> {
        match self.packet.array::<8>(self.offset) {
            Ok([a, b, c, d, ..]) => Ok([a, b, c, d]),
            Err(_) => Self::bad(Problem::Truncated, self.named_at),
        }
    }

    /// `length`, if the packet has as many octets from here on.
    fn within(&self, length: usize) -> Result<usize, BadHeader> {
        match self.offset.checked_add(length) {
            Some(end) if end <= self.packet.len() => Ok(length),
            _ => Self::bad(Problem::Truncated, self.offset.saturating_add(1)),
        }
    }

    /// The length of a header whose Hdr Ext Len counts 8-octet units after the first.
    fn length(&self, extension: u8) -> Result<usize, BadHeader> {
        self.within(8 + usize::from(extension) * 8)
    }

    /// What stands here: the kind, and where there is one, the next header and how far it is.
    fn read(&self, number: u8) -> Result<(HeaderKind, Option<(u8, usize)>), BadHeader> {
        let last = match number {
            protocol::NO_NEXT_HEADER => Some(HeaderKind::NoNextHeader),
            protocol::ESP => Some(HeaderKind::EncapsulatingSecurityPayload),
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AUTHENTICATION
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6 => None,
            protocol => Some(HeaderKind::UpperLayer { protocol }),
        };
        if let Some(last) = last {
            return Ok((last, None));
        }
        if number == protocol::HOP_BY_HOP && !self.first {
            return Self::bad(Problem::HopByHopNotFirst, self.named_at);
        }
        if self.headers_left == 0 {
            return Self::bad(Problem::TooMany, self.offset);
        }
        let [next_header, extension, third, fourth] = self.start()?;
        let (kind, length) = match number {
            protocol::FRAGMENT => return self.read_fragment(),
            protocol::AUTHENTICATION => {
                // RFC 4302 §2.2: in 4-octet units, less two; the whole a multiple of 8 octets.
                let length = 8 + usize::from(extension) * 4;
                if length < 16 || !length.is_multiple_of(8) {
                    return Self::bad(Problem::Length, self.offset.saturating_add(1));
                }
                let length = self.within(length)?;
                (HeaderKind::Authentication { length }, length)
            }
            protocol::ROUTING => {
                let length = self.length(extension)?;
                let kind = HeaderKind::Routing {
                    routing_type: third,
                    segments_left: fourth,
                    length,
                };
                (kind, length)
            }
            protocol::HOP_BY_HOP => {
                let length = self.length(extension)?;
                (HeaderKind::HopByHop { length }, length)
            }
            protocol::DESTINATION_OPTIONS => {
                let length = self.length(extension)?;
                (HeaderKind::DestinationOptions { length }, length)
            }
            number => {
                let length = self.length(extension)?;
                (HeaderKind::Other { number, length }, length)
            }
        };
        Ok((kind, Some((next_header, length))))
    }

    fn read_fragment(&self) -> Result<(HeaderKind, Option<(u8, usize)>), BadHeader> {
        let Ok([next_header, _, high, low, a, b, c, d]) = self.packet.array(self.offset) else {
            return Self::bad(Problem::Truncated, self.named_at);
        };
        let fragment_offset = u16::from_be_bytes([high, low & 0xf8]);
        let kind = HeaderKind::Fragment {
            fragment_offset,
            more: low & 1 != 0,
            identification: u32::from_be_bytes([a, b, c, d]),
            next_header,
        };
        let next = (fragment_offset == 0).then_some((next_header, FRAGMENT_HEADER_LENGTH));
        Ok((kind, next))
    }
}

impl<B: Bytes + ?Sized> Iterator for HeaderChain<'_, B> {
    type Item = Result<Header, BadHeader>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next_header.take()?;
        let (kind, next) = match self.read(number) {
            Ok(read) => read,
            Err(bad) => return Some(Err(bad)),
        };
        let header = Header {
            kind,
            offset: self.offset,
            named_at: self.named_at,
        };
        if let Some((next_header, length)) = next {
            self.next_header = Some(next_header);
            self.first = false;
            self.named_at = self.offset;
            self.offset = self.offset.saturating_add(length);
            self.headers_left = self.headers_left.saturating_sub(1);
        }
        Some(Ok(header))
    }
}

impl<B: Bytes + ?Sized> FusedIterator for HeaderChain<'_, B> {}

/// What to do with a packet that has an option which this node does not recognize: the upper two
/// bits of its type (RFC 8200 §4.2). Reports are Parameter Problems of code 2 that point to the
/// option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unrecognized {
    /// Skip the option.
    Skip,
    /// Discard the packet.
    Discard,
    /// Discard the packet and report it, whatever its destination.
    DiscardReport,
    /// Discard the packet, and report it unless its destination was a group.
    DiscardReportUnlessMulticast,
}

impl Unrecognized {
    /// The action that an option type asks for.
    pub const fn of(option_type: u8) -> Self {
        match option_type >> 6 {
            0 => Self::Skip,
            1 => Self::Discard,
            2 => Self::DiscardReport,
            _ => Self::DiscardReportUnlessMulticast,
        }
    }
}

/// What an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OptionKind {
    /// One octet of padding.
    Pad1,
    /// Two or more octets of padding.
    PadN {
        /// How many, those of type and length among them.
        length: usize,
    },
    /// Routers are to look at the packet; its destination ignores the option (RFC 2711 §2.2).
    RouterAlert(u16),
    /// The length of a packet of more than 65,535 octets (RFC 2675 §2). A node that does not
    /// handle these treats the option as unrecognized, see [`HeaderOption::unrecognized`].
    JumboPayload(u32),
    /// An option that is not known here.
    Unknown {
        /// The option type, all eight bits of it.
        option_type: u8,
        /// The length of its data, which start two octets after the option's offset.
        length: u8,
        /// What to do with the packet.
        action: Unrecognized,
    },
}

/// One option of a Hop-by-Hop or Destination Options header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeaderOption {
    /// What it is.
    pub kind: OptionKind,
    /// Where it starts: the pointer of a Parameter Problem of code 2.
    pub offset: usize,
}

impl HeaderOption {
    /// What a node does that does not handle this option.
    pub const fn unrecognized(&self) -> Unrecognized {
        match self.kind {
            OptionKind::Pad1 | OptionKind::PadN { .. } => Unrecognized::Skip,
            OptionKind::RouterAlert(_) => Unrecognized::of(ROUTER_ALERT),
            OptionKind::JumboPayload(_) => Unrecognized::of(JUMBO_PAYLOAD),
            OptionKind::Unknown { action, .. } => action,
        }
    }
}

/// The options of one header, in their order; ends at the first that is malformed, and says so.
#[derive(Debug)]
pub struct HeaderOptions<'a, B: ?Sized> {
    packet: &'a B,
    offset: usize,
    end: usize,
}

impl<B: ?Sized> Clone for HeaderOptions<'_, B> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, B: Bytes + ?Sized> HeaderOptions<'a, B> {
    /// The options of the header of `length` octets that starts at `offset`.
    pub const fn new(packet: &'a B, offset: usize, length: usize) -> Self {
        Self {
            packet,
            offset: offset.saturating_add(2),
            end: offset.saturating_add(length),
        }
    }

    /// The option at `offset`, and its length.
    fn read(&self) -> Result<(OptionKind, usize), BadHeader> {
        let bad = |problem, pointer| BadHeader { problem, pointer };
        let truncated = bad(Problem::Truncated, self.offset);
        let [option_type] = self.packet.array(self.offset).map_err(|_| truncated)?;
        if option_type == PAD1 {
            return Ok((OptionKind::Pad1, 1));
        }
        let length_offset = self.offset.saturating_add(1);
        if length_offset >= self.end {
            return Err(bad(Problem::Length, self.offset));
        }
        let [data_length] = self.packet.array(length_offset).map_err(|_| truncated)?;
        let length = usize::from(data_length) + 2;
        let bad_length = bad(Problem::Length, length_offset);
        if self.offset.saturating_add(length) > self.end {
            return Err(bad_length);
        }
        let data = self.offset.saturating_add(2);
        let kind = match (option_type, data_length) {
            (PADN, _) => OptionKind::PadN { length },
            (ROUTER_ALERT, 2) => {
                let value = self.packet.array(data).map_err(|_| truncated)?;
                OptionKind::RouterAlert(u16::from_be_bytes(value))
            }
            (JUMBO_PAYLOAD, 4) => {
                let value = self.packet.array(data).map_err(|_| truncated)?;
                OptionKind::JumboPayload(u32::from_be_bytes(value))
            }
            (ROUTER_ALERT | JUMBO_PAYLOAD, _) => return Err(bad_length),
            _ => OptionKind::Unknown {
                option_type,
                length: data_length,
                action: Unrecognized::of(option_type),
            },
        };
        Ok((kind, length))
    }
}

impl<B: Bytes + ?Sized> Iterator for HeaderOptions<'_, B> {
    type Item = Result<HeaderOption, BadHeader>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.end {
            return None;
        }
        let offset = self.offset;
        match self.read() {
            Ok((kind, length)) => {
                self.offset = offset.saturating_add(length);
                Some(Ok(HeaderOption { kind, offset }))
            }
            Err(bad) => {
                self.offset = self.end;
                Some(Err(bad))
            }
        }
    }
}

impl<B: Bytes + ?Sized> FusedIterator for HeaderOptions<'_, B> {}

/// Writes a Hop-by-Hop Options header with a Router Alert, as MLD needs it (RFC 2711 §2.1, RFC
/// 3810 §5), padded with a PadN of two octets.
pub const fn write_router_alert(bytes: &mut [u8; 8], next_header: u8, value: u16) {
    let [high, low] = value.to_be_bytes();
    *bytes = [next_header, 0, ROUTER_ALERT, 2, high, low, PADN, 0];
}

/// Writes a Fragment header (RFC 8200 §4.5). `fragment_offset` is in octets; it is a multiple of
/// eight, and its lower three bits are not sent.
pub const fn write_fragment(
    bytes: &mut [u8; FRAGMENT_HEADER_LENGTH],
    next_header: u8,
    fragment_offset: u16,
    more: bool,
    identification: u32,
) {
    let [high, low] = (fragment_offset & 0xfff8 | more as u16).to_be_bytes();
    let [a, b, c, d] = identification.to_be_bytes();
    *bytes = [next_header, 0, high, low, a, b, c, d];
}

#[cfg(test)]
mod tests;
