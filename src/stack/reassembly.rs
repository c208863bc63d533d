//! Fragments on their way in: what their headers say, and what becomes of a datagram of which not
//! all come (RFC 791 §3.2, RFC 1858, RFC 3128, RFC 8200 §4.5).

use super::core::{Core, InterfaceId};
use super::timers::FRAGMENTS;
use crate::config;
use crate::iface::ReceiveDrop;
#[cfg(feature = "ipv4")]
use crate::ip::ipv4::Ipv4Packet;
#[cfg(feature = "ipv6")]
use crate::ip::ipv6::Ipv6Packet;
use crate::ip::reassembly::{Abandoned, Fit, Fragment, Key, Whole};
use crate::netbuf::meta::Flags;
use crate::netbuf::{Charge, NetBuf, Straddle};
#[cfg(feature = "ipv6")]
use crate::wire::Tail;
#[cfg(feature = "ipv4")]
use crate::wire::ipv4::{self, Ipv4Header, Ipv4HeaderMut};
#[cfg(feature = "ipv6")]
use crate::wire::ipv6::{self, Ipv6Header, Ipv6HeaderMut};
#[cfg(feature = "ipv6")]
use crate::wire::ipv6_extension::{
    FRAGMENT_HEADER_LENGTH, FRAGMENT_OFFSET_OFFSET, Header, HeaderChain, HeaderKind, Problem,
};
use crate::wire::protocol;

/// The least of a TCP header that a first fragment has, with all that filters read: "if the
/// transport header length is less than TMIN, the fragment is discarded" (RFC 1858 §3.2).
#[cfg(feature = "ipv4")]
const TCP_LEAST: usize = 16;
/// Where a fragment begins that would change what the first one has of TCP flags (RFC 1858 §4.2:
/// FO=1).
#[cfg(feature = "ipv4")]
const TCP_FLAGS: u16 = 8;

impl Core<'_> {
    /// A fragment of an IPv4 datagram has come, whose header is valid. Gives the datagram if it is
    /// whole now.
    #[cfg(feature = "ipv4")]
    #[cold]
    #[inline(never)]
    pub(super) fn reassemble_ipv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
    ) -> Result<Option<NetBuf>, ReceiveDrop> {
        let network = usize::from(buf.meta().network);
        let mut straddle = Straddle::new();
        let header = buf
            .header(network, &mut straddle)
            .and_then(|bytes| Ipv4Header::new(bytes).ok())
            .ok_or(ReceiveDrop::Ipv4Fragment)?;
        let (offset, more) = (header.fragment_offset(), header.more_fragments());
        let start = network + header.header_length();
        let length = buf.len().saturating_sub(start);
        let end = usize::from(offset) + length;
        let most = usize::from(u16::MAX) - header.header_length();
        if length == 0 || more && !length.is_multiple_of(8) || end > most {
            return Err(ReceiveDrop::Ipv4Fragment);
        }
        let protocol = header.protocol();
        if protocol == protocol::TCP && (offset == TCP_FLAGS || offset == 0 && length < TCP_LEAST) {
            return Err(ReceiveDrop::Ipv4Fragment);
        }
        let key = Key {
            interface: id,
            source: header.source().into(),
            destination: header.destination().into(),
            protocol,
            identification: u32::from(header.identification()),
        };
        let fragment = Fragment {
            offset,
            end: end as u16,
            more,
            header: start as u16,
            ecn: header.ecn(),
        };
        match self.fragment_arrives(key, &fragment, buf)? {
            Some(whole) => finish_ipv4(whole).map(Some),
            None => Ok(None),
        }
    }

    /// A fragment of an IPv6 packet has come, whose headers in front of the Fragment header are
    /// valid. Gives the packet if it is whole now.
    #[cfg(feature = "ipv6")]
    #[cold]
    #[inline(never)]
    pub(super) fn reassemble_ipv6(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv6Packet,
    ) -> Result<Option<NetBuf>, ReceiveDrop> {
        if buf.meta().is_reassembled() {
            // Nobody has reason to fragment fragments, and what is in them once is not in them again.
            return Err(ReceiveDrop::Ipv6Fragment);
        }
        let network = usize::from(buf.meta().network);
        let mut straddle = Straddle::new();
        let header = buf
            .header(network, &mut straddle)
            .and_then(|bytes| Ipv6Header::new(bytes).ok())
            .ok_or(ReceiveDrop::Ipv6Fragment)?;
        let bytes = Tail::new(&buf, network);
        let mut chain = HeaderChain::new(&bytes, header.next_header()).map_while(Result::ok);
        let found = chain.find_map(|header| match header.kind {
            // One that is the whole has nothing to do with others (RFC 6946 §4).
            HeaderKind::Fragment {
                fragment_offset: 0,
                more: false,
                ..
            } => None,
            HeaderKind::Fragment {
                fragment_offset,
                more,
                identification,
                next_header,
            } => Some((header, fragment_offset, more, identification, next_header)),
            _ => None,
        });
        let (place, offset, more, identification, next_header) =
            found.ok_or(ReceiveDrop::Ipv6Fragment)?;
        let data = place.offset + FRAGMENT_HEADER_LENGTH;
        let length = buf.len().saturating_sub(network + data);
        let end = usize::from(offset) + length;
        let fault = if more && !length.is_multiple_of(8) {
            Some(super::icmpv6::Report::erroneous(
                ipv6::PAYLOAD_LENGTH_OFFSET,
            ))
        } else if place.offset - ipv6::HEADER_LENGTH + end > usize::from(u16::MAX) {
            let pointer = place.offset + FRAGMENT_OFFSET_OFFSET;
            Some(super::icmpv6::Report::erroneous(pointer))
        } else if offset == 0 && !has_all_headers(&bytes, &place, next_header) {
            Some(super::icmpv6::Report::INCOMPLETE_HEADER_CHAIN)
        } else {
            None
        };
        if let Some(report) = fault {
            let mut packet = *packet;
            if offset == 0 {
                // What it is tells whether there may be an error about it.
                (packet.protocol, packet.start) = (next_header, network + data);
            }
            self.report_ipv6(id, buf, &packet, report, false);
            return Err(ReceiveDrop::Ipv6Fragment);
        }
        if length == 0 {
            return Err(ReceiveDrop::Ipv6Fragment);
        }
        let key = Key {
            interface: id,
            source: packet.source.into(),
            destination: packet.destination.into(),
            protocol: 0,
            identification,
        };
        let fragment = Fragment {
            offset,
            end: end as u16,
            more,
            header: (network + data) as u16,
            ecn: header.ecn(),
        };
        match self.fragment_arrives(key, &fragment, buf)? {
            Some(whole) => finish_ipv6(whole).map(Some),
            None => Ok(None),
        }
    }

    /// Takes a fragment in, if it fits to the others and there is room.
    fn fragment_arrives(
        &mut self,
        key: Key,
        fragment: &Fragment,
        mut buf: NetBuf,
    ) -> Result<Option<Whole>, ReceiveDrop> {
        #[cfg(feature = "statistics")]
        self.count_fragment(&key);
        let now = self.now;
        let place = match self.reassemblies.find(&key) {
            Some(place) => place,
            None => match self.reassemblies.open(key, now) {
                Some(place) => place,
                None => {
                    let gives_way = self.reassemblies.least_worthy();
                    let abandoned = gives_way.and_then(|place| self.reassemblies.abandon(place));
                    self.abandoned(abandoned, ReceiveDrop::ReassemblyFull);
                    let place = self.reassemblies.open(key, now);
                    place.ok_or(ReceiveDrop::ReassemblyFull)?
                }
            },
        };
        self.arm_fragments();
        match self.reassemblies.fit(place, fragment, &buf) {
            Fit::New => {}
            Fit::Repeated => return Err(ReceiveDrop::FragmentOverlap),
            Fit::Overlaps => {
                let abandoned = self.reassemblies.bury(place);
                self.abandoned(abandoned, ReceiveDrop::FragmentOverlap);
                return Err(ReceiveDrop::FragmentOverlap);
            }
        }
        if self.reassemblies.fragments(place) >= config::REASSEMBLY_FRAGMENTS {
            let abandoned = self.reassemblies.bury(place);
            self.abandoned(abandoned, ReceiveDrop::ReassemblyFull);
            return Err(ReceiveDrop::ReassemblyFull);
        }
        // What waits for the rest may be half of what may be held, and leaves the other half to
        // sockets.
        let most = usize::from(self.pool.limits().held.div_ceil(2));
        let views = buf.fragments().count();
        while usize::from(self.reassemblies.views()) + views > most
            || buf.set_charge(Charge::Held).is_err()
        {
            let heaviest = self.reassemblies.heaviest(place, views as u16);
            let gives_way = heaviest.unwrap_or(place);
            let abandoned = match gives_way == place {
                true => self.reassemblies.bury(place),
                false => self.reassemblies.abandon(gives_way),
            };
            self.abandoned(abandoned, ReceiveDrop::ReassemblyFull);
            if gives_way == place {
                return Err(ReceiveDrop::ReassemblyFull);
            }
        }
        let views = u16::try_from(views).unwrap_or(u16::MAX);
        let whole = self.reassemblies.add(place, fragment, buf, views, now);
        if whole.is_some() {
            self.arm_fragments();
        }
        Ok(whole)
    }

    /// Counts fragments that were taken in and are now dropped.
    fn abandoned(&mut self, abandoned: Option<Abandoned>, reason: ReceiveDrop) {
        if let Some(abandoned) = abandoned
            && let Some(interface) = self.interface_mut(abandoned.interface)
        {
            for _ in 0..abandoned.fragments {
                interface.counters.reconsidered(reason);
            }
        }
    }

    /// Gives up datagrams that have run out of time, and tells their sources if the first fragment
    /// has come.
    pub(super) fn expire_reassemblies(&mut self) {
        while let Some(mut abandoned) = self.reassemblies.expired(self.now) {
            let (id, first) = (abandoned.interface, abandoned.first.take());
            self.abandoned(Some(abandoned), ReceiveDrop::ReassemblyTimeout);
            if let Some(first) = first {
                self.report_timeout(id, first);
            }
        }
    }

    /// Gives up what has come by a link that is down. What comes by the next one is of others.
    #[cold]
    pub(super) fn forget_reassemblies(&mut self, id: InterfaceId) {
        while let Some(abandoned) = self.reassemblies.abandon_of(id) {
            self.abandoned(Some(abandoned), ReceiveDrop::InterfaceDown);
        }
        self.arm_fragments();
    }

    /// "If this timeout expires, the partially-reassembled datagram MUST be discarded and an ICMP Time
    /// Exceeded message sent to the source host (if fragment zero has been received)" (RFC 1122
    /// §3.3.2; RFC 8200 §4.5).
    fn report_timeout(&mut self, id: InterfaceId, first: NetBuf) {
        let Some(interface) = self.interface(id) else {
            return;
        };
        let network = usize::from(first.meta().network);
        match first.first().get(network).map(|octet| octet >> 4) {
            #[cfg(feature = "ipv4")]
            Some(4) => {
                let mut straddle = Straddle::new();
                let header = first.header(network, &mut straddle);
                let Some(header) = header.and_then(|bytes| Ipv4Header::new(bytes).ok()) else {
                    return;
                };
                let Some(kind) = interface.accepts_ipv4(header.destination()) else {
                    return;
                };
                let start = network + header.header_length();
                let packet = Ipv4Packet {
                    source: header.source(),
                    destination: header.destination(),
                    kind,
                    protocol: header.protocol(),
                    start,
                    length: first.len().saturating_sub(start),
                    offload: crate::link::Offload::empty(),
                    is_fragment: true,
                };
                let report = super::icmpv4::Report::ReassemblyTime;
                self.report_ipv4(id, first, &packet, report);
            }
            #[cfg(feature = "ipv6")]
            Some(6) => {
                let mut first = first;
                let Err((Some(mut packet), _)) = crate::ip::ipv6::receive(interface, &mut first)
                else {
                    return;
                };
                let bytes = Tail::new(&first, network);
                let chain = HeaderChain::new(&bytes, packet.protocol).map_while(Result::ok);
                // What it is tells whether there may be an error about it.
                for header in chain {
                    if let HeaderKind::UpperLayer { protocol } = header.kind {
                        (packet.protocol, packet.start) = (protocol, network + header.offset);
                    }
                }
                let report = super::icmpv6::Report::ReassemblyTime;
                self.report_ipv6(id, first, &packet, report, false);
            }
            _ => {}
        }
    }

    /// Sets the timer of the fragments, those that wait to be sent among them.
    pub(super) fn arm_fragments(&mut self) {
        let deadlines = [self.reassemblies.deadline(), self.trains.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        self.set_timer(FRAGMENTS, deadline);
    }
}

/// Gives a whole datagram the header that it had before it was fragmented.
#[cfg(feature = "ipv4")]
fn finish_ipv4(whole: Whole) -> Result<NetBuf, ReceiveDrop> {
    let Whole {
        mut buf,
        header,
        length,
        ecn,
    } = whole;
    let ecn = ecn.map_err(|_| ReceiveDrop::Ipv4Fragment)?;
    mark(&mut buf);
    let network = usize::from(buf.meta().network);
    let total = u16::try_from(header - network + length).map_err(|_| ReceiveDrop::Ipv4Fragment)?;
    let options = buf.sum(network + ipv4::HEADER_LENGTH..header);
    let edit = buf
        .make_contiguous(network + ipv4::HEADER_LENGTH)
        .map_err(|_| ReceiveDrop::NoBuffer)?
        .get_mut(network..)
        .and_then(<[u8]>::first_chunk_mut)
        .and_then(|bytes| Some((Ipv4Header::new(bytes).ok()?.dscp(), bytes)))
        .and_then(|(dscp, bytes)| Some((dscp, Ipv4HeaderMut::edit(bytes).ok()?)));
    let (dscp, edit) = edit.ok_or(ReceiveDrop::Ipv4Fragment)?;
    let edit = match ecn {
        Some(ecn) => edit.dscp_ecn(dscp, ecn),
        None => edit,
    };
    let edit = edit.total_length(total);
    edit.fragment(ipv4::Ipv4Flags::empty(), 0)
        .fill_checksum(options);
    strip(&mut buf, network);
    Ok(buf)
}

/// Gives a whole packet the headers that it had before it was fragmented: "the Fragment header is not
/// present in the final, reassembled packet" (RFC 8200 §4.5).
#[cfg(feature = "ipv6")]
fn finish_ipv6(whole: Whole) -> Result<NetBuf, ReceiveDrop> {
    let Whole {
        mut buf,
        header: data,
        length,
        ecn,
    } = whole;
    let ecn = ecn.map_err(|_| ReceiveDrop::Ipv6Fragment)?;
    mark(&mut buf);
    let network = usize::from(buf.meta().network);
    let place = data.saturating_sub(FRAGMENT_HEADER_LENGTH);
    let mut straddle = Straddle::<1>::new();
    let next_header = buf.header(place, &mut straddle).map(|&[octet]| octet);
    let next_header = next_header.ok_or(ReceiveDrop::Ipv6Fragment)?;
    let bytes = Tail::new(&buf, network);
    let mut straddle = Straddle::new();
    let first = buf.header(network, &mut straddle);
    let first = first.and_then(|bytes| Ipv6Header::new(bytes).ok());
    let first = first.ok_or(ReceiveDrop::Ipv6Fragment)?;
    // Where the field stands that names the Fragment header: that takes its Next Header over.
    let named_at = HeaderChain::new(&bytes, first.next_header())
        .map_while(Result::ok)
        .find(|header| network + header.offset == place)
        .map(|header| network + header.named_at);
    let named_at = named_at.ok_or(ReceiveDrop::Ipv6Fragment)?;
    let payload = (place - network).saturating_sub(ipv6::HEADER_LENGTH) + length;
    let payload = u16::try_from(payload).map_err(|_| ReceiveDrop::Ipv6Fragment)?;
    let front = buf
        .make_contiguous(data)
        .map_err(|_| ReceiveDrop::NoBuffer)?;
    if let Some(named) = front.get_mut(named_at) {
        *named = next_header;
    }
    if let Some(bytes) = front.get_mut(network..).and_then(<[u8]>::first_chunk_mut) {
        let mut header = Ipv6HeaderMut(bytes);
        header.set_payload_length(payload);
        if let Some(ecn) = ecn {
            header.set_ecn(ecn);
        }
    }
    // What stands in front of the Fragment header moves over it.
    for at in (network..place).rev() {
        let octet = front.get(at).copied().unwrap_or(0);
        if let Some(to) = front.get_mut(at + FRAGMENT_HEADER_LENGTH) {
            *to = octet;
        }
    }
    strip(&mut buf, network + FRAGMENT_HEADER_LENGTH);
    Ok(buf)
}

/// Takes off what stands in front of the IP header: the packet says itself what it is.
fn strip(buf: &mut NetBuf, length: usize) {
    buf.advance(length);
    let mut meta = buf.meta();
    meta.network = 0;
    buf.set_meta(meta);
}

/// What the link layer found out about a fragment says nothing of the whole.
fn mark(buf: &mut NetBuf) {
    let mut meta = buf.meta();
    meta.flags -= Flags::NETWORK_SUM_VERIFIED | Flags::TRANSPORT_SUM_VERIFIED;
    meta.flags |= Flags::REASSEMBLED;
    buf.set_meta(meta);
}

/// Whether a first fragment has "all headers through an Upper-Layer header" (RFC 8200 §4.5,
/// RFC 7112 §5), that one among them.
#[cfg(feature = "ipv6")]
fn has_all_headers(packet: &Tail<'_, NetBuf>, fragment: &Header, next_header: u8) -> bool {
    use crate::wire::Bytes;

    let data = fragment.offset + FRAGMENT_HEADER_LENGTH;
    let chain = HeaderChain::resume(packet, data, next_header, fragment.offset);
    for header in chain {
        match header {
            Err(bad) => return bad.problem != Problem::Truncated,
            Ok(Header {
                kind: HeaderKind::UpperLayer { protocol },
                offset,
                ..
            }) => {
                let length = match protocol {
                    protocol::TCP => packet
                        .array::<1>(offset + 12)
                        .map_or(20, |[octet]| usize::from(octet >> 4).max(5) * 4),
                    protocol::UDP | protocol::ICMPV6 => 8,
                    _ => 1,
                };
                return packet.len() >= offset + length;
            }
            Ok(_) => {}
        }
    }
    true
}
