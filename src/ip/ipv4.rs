//! IPv4 as a host receives it (RFC 791, RFC 1122 §3.2.1).

use core::net::Ipv4Addr;

use crate::checksum::Sum;
use crate::iface::Destination;
use crate::iface::{Interface, ReceiveDrop};
use crate::link::Offload;
use crate::netbuf::meta::Flags;
use crate::netbuf::{NetBuf, Straddle};
use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Header, MAXIMUM_OPTIONS};
use crate::wire::ipv4_options::{self, Unfit};

/// A datagram that is for this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipv4Packet {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) kind: Destination,
    pub(crate) protocol: u8,
    /// Where the payload starts and ends in the buffer.
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// What the hardware of the interface does.
    pub(crate) offload: Offload,
    /// It is a part of one only.
    pub(crate) is_fragment: bool,
}

/// What almost every datagram is, told by one look at the headers of link and network together: in
/// one piece, to this station and an address of its own, whole, without options, intact. What is
/// wrong with any other, if anything is, [`receive`] finds out.
#[cfg(all(feature = "ethernet", feature = "fast-paths"))]
#[inline]
pub(crate) fn receive_plain(
    interface: &Interface<'_>,
    id: u8,
    buf: &mut NetBuf,
) -> Option<Ipv4Packet> {
    use crate::link::Medium;
    use crate::wire::ethernet::{self, ETHERTYPE_IPV4, EthernetHeader};

    const START: usize = ethernet::HEADER_LENGTH + HEADER_LENGTH;
    let (link, rest) = buf.first().split_first_chunk()?;
    let link = EthernetHeader::new(link);
    let header = Ipv4Header::new(rest.first_chunk()?).ok()?;
    let end = ethernet::HEADER_LENGTH + usize::from(header.total_length());
    let capabilities = &interface.capabilities;
    if capabilities.medium != Medium::Ethernet
        || link.ethertype() != ETHERTYPE_IPV4
        || link.destination() != *capabilities.address.first_six()
        || header.header_length() != HEADER_LENGTH
        || header.is_fragment()
        || end > buf.len()
    {
        return None;
    }
    let mut meta = buf.meta();
    let offload = capabilities.offload;
    let is_verified = meta.flags.contains(Flags::NETWORK_SUM_VERIFIED)
        || offload.contains(Offload::RECEIVE_IPV4)
        || header.is_checksum_valid(Sum::ZERO);
    let packet = Ipv4Packet {
        source: header.source(),
        destination: header.destination(),
        kind: Destination::Unicast,
        protocol: header.protocol(),
        start: START,
        length: end - START,
        offload,
        is_fragment: false,
    };
    let is_own = (interface.ipv4.iter()).any(|cidr| cidr.address == packet.destination);
    if !is_verified || !is_own || !is_source(interface, packet.source) {
        return None;
    }
    meta.interface = id;
    meta.network = ethernet::HEADER_LENGTH as u8;
    buf.set_meta(meta);
    buf.truncate(end);
    Some(packet)
}

/// Validates the datagram at the network offset of `buf`, and cuts what pads the frame.
#[inline]
pub(crate) fn receive(
    interface: &Interface<'_>,
    buf: &mut NetBuf,
) -> Result<Ipv4Packet, ReceiveDrop> {
    let meta = buf.meta();
    let network = usize::from(meta.network);
    let mut straddle = Straddle::new();
    let bytes =
        (buf.header::<HEADER_LENGTH>(network, &mut straddle)).ok_or(ReceiveDrop::Ipv4Header)?;
    let header = Ipv4Header::new(bytes).map_err(|_| ReceiveDrop::Ipv4Header)?;
    let end = network + usize::from(header.total_length());
    let start = network + header.header_length();
    if end > buf.len() || start > end {
        return Err(ReceiveDrop::Ipv4Header);
    }
    let options = match start - network {
        HEADER_LENGTH => Sum::ZERO,
        _ => buf.sum(network + HEADER_LENGTH..start),
    };
    let is_verified = meta.flags.contains(Flags::NETWORK_SUM_VERIFIED)
        || interface
            .capabilities
            .offload
            .contains(Offload::RECEIVE_IPV4);
    if !is_verified && !header.is_checksum_valid(options) {
        return Err(ReceiveDrop::Ipv4Checksum);
    }
    let packet = Ipv4Packet {
        source: header.source(),
        destination: header.destination(),
        kind: Destination::Unicast,
        protocol: header.protocol(),
        start,
        length: end - start,
        offload: interface.capabilities.offload,
        is_fragment: header.is_fragment(),
    };
    if !is_source(interface, packet.source) && !meta.flags.contains(Flags::LOOPED_BACK) {
        return Err(ReceiveDrop::Ipv4Source);
    }
    let kind = (interface.accepts_ipv4(packet.destination)).ok_or(ReceiveDrop::Ipv4Destination)?;
    // "a host SHOULD silently discard a datagram that is received via a link-layer broadcast but
    // does not specify an IP multicast or broadcast destination address" (RFC 1122 §3.3.6).
    if kind == Destination::Unicast && meta.flags.contains(Flags::LINK_MULTICAST) {
        return Err(ReceiveDrop::Ipv4Destination);
    }
    buf.truncate(end);
    Ok(Ipv4Packet { kind, ..packet })
}

/// Whether a single other node, or one without an address yet, can have this address (RFC 1122
/// §3.2.1.3; class E is reserved, RFC 6890 §2.2.2).
#[inline]
fn is_source(interface: &Interface<'_>, address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    // Groups, and what is beyond them: the limited broadcast is there too.
    first < 224
        && !address.is_loopback()
        && !(interface.ipv4.iter())
            .any(|cidr| cidr.address == address || cidr.is_broadcast(address))
}

/// Refuses malformed options and source routes; looks at none where there is none.
#[inline]
pub(crate) fn check_options(buf: &NetBuf, packet: &Ipv4Packet) -> Result<(), Unfit> {
    let offset = usize::from(buf.meta().network) + HEADER_LENGTH;
    match packet.start.saturating_sub(offset) {
        0 => Ok(()),
        length => check_options_of(buf, offset, length),
    }
}

#[cold]
fn check_options_of(buf: &NetBuf, offset: usize, length: usize) -> Result<(), Unfit> {
    let mut options = [0; MAXIMUM_OPTIONS];
    let options = options.get_mut(..length).unwrap_or(&mut []);
    let _: usize = buf.read(offset, options);
    #[cfg(feature = "ipv4-options")]
    return ipv4_options::check(options);
    #[cfg(not(feature = "ipv4-options"))]
    match ipv4_options::has_source_route(options) {
        true => Err(Unfit::SourceRoute),
        false => Ok(()),
    }
}

/// Whether an error may be sent about a datagram (RFC 1122 §3.2.2): not if it was sent to many, if
/// its source is no single host, or if it is an ICMP error itself; fragments but the first never
/// come so far.
pub(crate) fn may_report(buf: &NetBuf, packet: &Ipv4Packet) -> bool {
    use crate::wire::icmpv4::{self, Icmpv4Header};
    use crate::wire::protocol;

    let is_error = || {
        let mut straddle = Straddle::new();
        let header = buf.header::<{ icmpv4::HEADER_LENGTH }>(packet.start, &mut straddle);
        header.is_none_or(|bytes| Icmpv4Header::new(bytes).message_type().is_error())
    };
    // Of all others the source has been looked at when they came in.
    let unfit = Flags::LINK_MULTICAST.union(Flags::LOOPED_BACK);
    packet.kind == Destination::Unicast
        && !buf.meta().flags.intersects(unfit)
        && !packet.source.is_unspecified()
        && (packet.protocol != protocol::ICMP || !is_error())
}
