//! IPv6 as a host receives it (RFC 8200 §3, §4).

use core::net::Ipv6Addr;

use crate::iface::{Destination, Interface, ReceiveDrop};
use crate::link::Offload;
use crate::netbuf::meta::Flags;
use crate::netbuf::{NetBuf, Straddle};
use crate::wire::icmpv6::ParameterProblemCode;
use crate::wire::ipv6::{HEADER_LENGTH, Ipv6Header};
use crate::wire::ipv6_extension::{
    Header, HeaderChain, HeaderKind, OptionKind, Problem, ROUTING_TYPE_OFFSET, Unrecognized,
};
use crate::wire::{Tail, protocol};

/// A packet that is for this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipv6Packet {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) kind: Destination,
    pub(crate) hop_limit: u8,
    pub(crate) protocol: u8,
    /// Where the Next Header field stands that names the protocol, from the IPv6 header on.
    pub(crate) named_at: usize,
    /// Where the payload starts in the buffer, and its bytes.
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// What the hardware of the interface does.
    pub(crate) offload: Offload,
    /// The packet came in a fragment header, were it alone in it (RFC 6946).
    pub(crate) was_fragment: bool,
}

/// What is not well with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is dropped.
    Drop(ReceiveDrop),
    /// It is dropped, and its source is told where the fault lies (RFC 4443 §3.4).
    Report {
        /// The kind of fault.
        code: ParameterProblemCode,
        /// Its place, from the IPv6 header on.
        pointer: usize,
        /// Even if the packet was sent to a group.
        even_multicast: bool,
    },
}

impl From<ReceiveDrop> for Refusal {
    fn from(reason: ReceiveDrop) -> Self {
        Self::Drop(reason)
    }
}

/// Validates the packet at the network offset of `buf` and reads its extension headers; cuts what
/// pads the frame. The packet is given back beside a refusal, for the report.
#[inline]
pub(crate) fn receive(
    interface: &Interface<'_>,
    buf: &mut NetBuf,
) -> Result<Ipv6Packet, (Option<Ipv6Packet>, Refusal)> {
    let drop = |reason| (None, Refusal::Drop(reason));
    let meta = buf.meta();
    let network = usize::from(meta.network);
    let mut straddle = Straddle::new();
    let bytes = (buf.header::<HEADER_LENGTH>(network, &mut straddle))
        .ok_or(drop(ReceiveDrop::Ipv6Header))?;
    let header = Ipv6Header::new(bytes).map_err(|_| drop(ReceiveDrop::Ipv6Header))?;
    let start = network + HEADER_LENGTH;
    let end = start + usize::from(header.payload_length());
    if end > buf.len() {
        return Err(drop(ReceiveDrop::Ipv6Header));
    }
    let mut packet = Ipv6Packet {
        source: header.source(),
        destination: header.destination(),
        kind: Destination::Unicast,
        hop_limit: header.hop_limit(),
        protocol: header.next_header(),
        named_at: crate::wire::ipv6::NEXT_HEADER_OFFSET,
        start,
        length: end - start,
        offload: interface.capabilities.offload,
        was_fragment: meta.is_reassembled(),
    };
    let looped = meta.flags.contains(Flags::LOOPED_BACK);
    if !is_source(interface, packet.source) && !looped {
        return Err(drop(ReceiveDrop::Ipv6Source));
    }
    if is_within_node(packet.destination) && !looped {
        return Err(drop(ReceiveDrop::Ipv6Destination));
    }
    packet.kind =
        (interface.accepts_ipv6(packet.destination)).ok_or(drop(ReceiveDrop::Ipv6Destination))?;
    buf.truncate(end);
    if !matches!(
        packet.protocol,
        protocol::UDP | protocol::TCP | protocol::ICMPV6
    ) {
        read_extensions(buf, network, &mut packet).map_err(|refusal| (Some(packet), refusal))?;
    }
    Ok(packet)
}

/// Whether a single other node, or one without an address yet, can have this address (RFC 4291
/// §2.5.2, §2.5.3, §2.7). An IPv4-mapped one stays inside a node (RFC 6890 §2.2.3).
#[inline]
fn is_source(interface: &Interface<'_>, address: Ipv6Addr) -> bool {
    !(address.is_multicast()
        || address.is_loopback()
        || address.to_ipv4_mapped().is_some()
        || is_own(interface, address))
}

/// Whether the address is ours alone. That is not known of one that is still being checked for
/// duplicates: its owner may speak up (RFC 4862 §5.4.4).
#[inline]
fn is_own(interface: &Interface<'_>, address: Ipv6Addr) -> bool {
    let mut entries = interface.ipv6.iter();
    entries.any(|entry| entry.address == address && entry.is_confirmed())
}

/// Whether a group is of scope 0, which is reserved, or of this interface only: "packets with
/// interface-local scope received from another node must be discarded" (RFC 4291 §2.7, as
/// corrected).
#[inline]
fn is_within_node(destination: Ipv6Addr) -> bool {
    destination.is_multicast() && destination.octets()[1] & 0xf <= 1
}

/// Walks the extension headers to the upper layer (RFC 8200 §4).
#[cold]
fn read_extensions(buf: &NetBuf, network: usize, packet: &mut Ipv6Packet) -> Result<(), Refusal> {
    let bytes = Tail::new(buf, network);
    let report = |code, pointer| Refusal::Report {
        code,
        pointer,
        even_multicast: false,
    };
    for header in HeaderChain::new(&bytes, packet.protocol) {
        let header = header.map_err(|bad| match bad.problem {
            Problem::Truncated => report(ParameterProblemCode::INCOMPLETE_HEADER_CHAIN, 0),
            Problem::Length => report(ParameterProblemCode::ERRONEOUS_FIELD, bad.pointer),
            Problem::HopByHopNotFirst => {
                report(ParameterProblemCode::UNRECOGNIZED_NEXT_HEADER, bad.pointer)
            }
            Problem::TooMany => report(ParameterProblemCode::TOO_MANY_HEADERS, bad.pointer),
        })?;
        match header.kind {
            HeaderKind::HopByHop { .. } | HeaderKind::DestinationOptions { .. } => {
                for option in header.options(&bytes) {
                    let option = option.map_err(|bad| {
                        report(ParameterProblemCode::ERRONEOUS_FIELD, bad.pointer)
                    })?;
                    let is_router_alert = matches!(option.kind, OptionKind::RouterAlert(_));
                    match option.unrecognized() {
                        _ if is_router_alert => {}
                        Unrecognized::Skip => {}
                        Unrecognized::Discard => return Err(ReceiveDrop::Ipv6Extension.into()),
                        action => {
                            return Err(Refusal::Report {
                                code: ParameterProblemCode::UNRECOGNIZED_OPTION,
                                pointer: option.offset,
                                even_multicast: action == Unrecognized::DiscardReport,
                            });
                        }
                    }
                }
            }
            // "If Segments Left is zero, the node must ignore the Routing header", else it is of a
            // type that is not recognized, type 0 among them (RFC 8200 §4.4, RFC 5095 §3).
            HeaderKind::Routing {
                segments_left: 0, ..
            } => {}
            HeaderKind::Routing { .. } => {
                let pointer = header.offset + ROUTING_TYPE_OFFSET;
                return Err(report(ParameterProblemCode::ERRONEOUS_FIELD, pointer));
            }
            HeaderKind::Fragment {
                fragment_offset: 0,
                more: false,
                ..
            } => {
                packet.was_fragment = true;
            }
            HeaderKind::Fragment { .. } => return Err(ReceiveDrop::Ipv6Fragment.into()),
            HeaderKind::NoNextHeader => return Err(ReceiveDrop::Ipv6Extension.into()),
            // Headers that are not recognized are protocols that are not: a raw socket may want them.
            HeaderKind::UpperLayer { protocol: number } | HeaderKind::Other { number, .. } => {
                end_at(packet, network, &header, number);
                return Ok(());
            }
            HeaderKind::Authentication { .. } => {
                end_at(packet, network, &header, protocol::AUTHENTICATION);
                return Ok(());
            }
            HeaderKind::EncapsulatingSecurityPayload => {
                end_at(packet, network, &header, protocol::ESP);
                return Ok(());
            }
        }
    }
    Err(ReceiveDrop::Ipv6Extension.into())
}

/// Notes that what the packet carries starts with `header`, of this protocol.
fn end_at(packet: &mut Ipv6Packet, network: usize, header: &Header, protocol: u8) {
    let used = (network + header.offset).saturating_sub(packet.start);
    packet.protocol = protocol;
    packet.named_at = header.named_at;
    packet.start += used;
    packet.length = packet.length.saturating_sub(used);
}

/// Whether an error may be sent about a packet (RFC 4443 §2.4 e): not if it is an ICMPv6 error or
/// a redirect, if it was sent to many (but for two kinds), or if its source is no single host.
pub(crate) fn may_report(
    interface: &Interface<'_>,
    buf: &NetBuf,
    packet: &Ipv6Packet,
    even_multicast: bool,
) -> bool {
    use crate::wire::icmpv6::{self, Icmpv6Header, MessageType};

    // What is wrong may be in front of the message, and the upper layer not yet known.
    let is_error = || {
        let network = usize::from(buf.meta().network);
        let mut ip = Straddle::new();
        let next = buf
            .header(network, &mut ip)
            .and_then(|header| Ipv6Header::new(header).ok())
            .map_or(protocol::NO_NEXT_HEADER, |header| header.next_header());
        let bytes = Tail::new(buf, network);
        let mut headers = HeaderChain::new(&bytes, next).map_while(Result::ok);
        let start = headers.find_map(|header| match header.kind {
            HeaderKind::UpperLayer { protocol } if protocol == protocol::ICMPV6 => {
                Some(network + header.offset)
            }
            _ => None,
        });
        let mut straddle = Straddle::new();
        start.is_some_and(|start| {
            let header = buf.header::<{ icmpv6::HEADER_LENGTH }>(start, &mut straddle);
            header.is_none_or(|bytes| {
                let kind = Icmpv6Header::new(bytes).message_type();
                kind.is_error() || kind == MessageType::REDIRECT
            })
        })
    };
    let is_single =
        packet.kind == Destination::Unicast && !buf.meta().flags.intersects(Flags::LINK_MULTICAST);
    (is_single || even_multicast)
        && !packet.source.is_unspecified()
        && is_source(interface, packet.source)
        && !is_error()
}
