//! ARP and Neighbor Discovery: what the neighbour caches want to be sent, and what they learn.

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
#[cfg(feature = "dad")]
use super::dad::Verdict;
#[cfg(feature = "ipv6")]
use super::route::Path;
use super::timers::NEIGHBORS;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use super::transmit::HEADROOM;
#[cfg(feature = "ipv6")]
use super::transmit::Outgoing;
#[cfg(feature = "ra-server")]
use crate::iface::Interface;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::iface::ReceiveDrop;
use crate::iface::SendDrop;
#[cfg(feature = "ipv6")]
use crate::iface::neighbor::Advertisement;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::iface::neighbor::Learned;
use crate::iface::neighbor::NeighborAction;
use crate::ip::Unreachable;
#[cfg(feature = "ipv6")]
use crate::ip::ipv6::Ipv6Packet;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::netbuf::Purpose;
use crate::netbuf::{BufQueue, NetBuf, Straddle};
use crate::time::Instant;
#[cfg(feature = "ipv6")]
use crate::wire::icmpv6::MessageType;
#[cfg(feature = "ipv4")]
use crate::wire::ipv4::Ipv4Header;
#[cfg(feature = "ipv6")]
use crate::wire::ipv6::Ipv6Header;
#[cfg(feature = "ipv6")]
use crate::wire::ndp::{
    Envelope, HOP_LIMIT, NEIGHBOR_ADVERTISEMENT_LENGTH, NEIGHBOR_SOLICITATION_LENGTH,
    NeighborAdvertisement, NeighborFlags, NeighborSolicitation, RouterAdvertisement,
    RouterSolicitation,
};
#[cfg(feature = "ipv6")]
use crate::wire::ndp_option::{self, NdpOption, NdpOptions};
#[cfg(feature = "ipv6")]
use crate::wire::{Bytes, Tail, ipv6_address, protocol};
use crate::wire::{IpAddress, LinkAddr};

impl Core<'_> {
    /// Sets the timer of all neighbour caches to the earliest of their deadlines.
    pub(super) fn arm_neighbors(&mut self) {
        let deadlines = self
            .interfaces()
            .filter_map(|(_, i)| i.neighbors.next_deadline());
        let deadline = deadlines.min();
        self.neighbors_deadline = deadline.unwrap_or(Instant::MAX);
        self.set_timer(NEIGHBORS, deadline);
    }

    /// Does what the neighbour caches want done now.
    pub(super) fn poll_neighbors(&mut self) {
        for index in 0..self.interfaces.len() {
            let id = index as InterfaceId;
            while let Some(action) = {
                let now = self.now;
                self.interface_mut(id)
                    .and_then(|interface| interface.neighbors.poll(now))
            } {
                match action {
                    NeighborAction::Solicit { address, to } => self.solicit(id, address, to),
                    NeighborAction::Unreachable {
                        address, packets, ..
                    } => {
                        self.gateway_failed(id, address);
                        self.unreachable(id, packets);
                    }
                }
            }
        }
        self.arm_neighbors();
    }

    /// Tells the senders of packets that their neighbour does not answer.
    fn unreachable(&mut self, id: InterfaceId, mut packets: BufQueue) {
        while let Some(packet) = packets.pop_front() {
            self.not_sent(id, SendDrop::NeighborUnreachable);
            self.sender_failed(id, &packet, Unreachable::Host);
        }
    }

    /// Drops what waits for a link address and is from an address that is ours no longer: its
    /// answer would go to another station.
    #[cold]
    pub(super) fn drop_pending_from(&mut self, id: InterfaceId, source: IpAddress) {
        if let Some(interface) = self.interface_mut(id) {
            let is_from_it = |packet: &NetBuf| source_of(packet) == Some(source);
            let dropped = interface.neighbors.drop_pending(is_from_it);
            interface.counters.not_sent_all(SendDrop::Source, dropped);
        }
    }

    /// Sends what waited for a link address.
    #[cfg(any(feature = "ipv6", feature = "ethernet"))]
    pub(super) fn learned(&mut self, id: InterfaceId, learned: Learned) {
        let Learned {
            link,
            mut packets,
            lost_router: _,
        } = learned;
        while let Some(packet) = packets.pop_front() {
            let Some(network) = version_of(&packet) else {
                continue;
            };
            let result = self.hand_to_port(id, link, network, packet);
            self.send_or_count(id, result);
        }
        self.arm_neighbors();
    }

    /// Asks for the link address of a neighbour: `to` all, or to the one that is being probed.
    pub(super) fn solicit(&mut self, id: InterfaceId, address: IpAddress, to: Option<LinkAddr>) {
        let result: Result<(), SendDrop> = match address {
            #[cfg(all(feature = "ethernet", feature = "ipv4"))]
            IpAddress::V4(address) => self.send_arp_request(id, address, to),
            #[cfg(all(not(feature = "ethernet"), feature = "ipv4"))]
            IpAddress::V4(_) => {
                let _ = to;
                Err(SendDrop::NoRoute)
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => self.send_neighbor_solicitation(id, address, to),
        };
        if let Err(reason) = result {
            self.not_sent(id, reason);
        }
    }
}

/// An address of the same version as a packet that starts with its IP header.
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
fn version_of(packet: &NetBuf) -> Option<IpAddress> {
    match packet.first().first()? >> 4 {
        #[cfg(feature = "ipv4")]
        4 => Some(IpAddress::V4(core::net::Ipv4Addr::UNSPECIFIED)),
        #[cfg(feature = "ipv6")]
        6 => Some(IpAddress::V6(core::net::Ipv6Addr::UNSPECIFIED)),
        _ => None,
    }
}

/// The source of a packet that starts with its IP header.
fn source_of(packet: &NetBuf) -> Option<IpAddress> {
    match packet.first().first()? >> 4 {
        #[cfg(feature = "ipv4")]
        4 => {
            let mut straddle = Straddle::new();
            let header = Ipv4Header::new(packet.header(0, &mut straddle)?).ok()?;
            Some(header.source().into())
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let mut straddle = Straddle::new();
            let header = Ipv6Header::new(packet.header(0, &mut straddle)?).ok()?;
            Some(header.source().into())
        }
        _ => None,
    }
}

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
impl super::handle::Stack<'_> {
    /// How long what ARP has said of a neighbour holds on an interface before it is asked again, at
    /// first 30 seconds, an hour at most (RFC 1122 §2.3.2.1). As in Neighbor Discovery the time in
    /// force is between half of it and one and a half (RFC 4861 §6.3.2). False if there is no such
    /// interface.
    pub fn set_arp_timeout(self, id: InterfaceId, timeout: crate::time::Duration) -> bool {
        self.with(|core| {
            let random = core.rng.next_u32();
            let interface = core.interface_mut(id);
            let timing = interface.map(|interface| interface.neighbors.arp_timing_mut());
            timing
                .map(|timing| timing.set_base_reachable_time(timeout, random))
                .is_some()
        })
    }
}

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
impl Core<'_> {
    fn send_arp_request(
        &mut self,
        id: InterfaceId,
        target: Ipv4Addr,
        to: Option<LinkAddr>,
    ) -> Result<(), SendDrop> {
        use crate::wire::arp::ArpOperation;

        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        // The address on the target's subnet, that it may answer and learn (RFC 826).
        let own = (interface.ipv4.iter().find(|cidr| cidr.contains(target)))
            .or(interface.ipv4.first())
            .ok_or(SendDrop::NoRoute)?;
        let own = (interface.capabilities.address, own.address);
        let target = ([0; 6], target);
        // A link-local sender is heard by everybody (RFC 3927 §2.5).
        let to = to.filter(|_| !own.1.is_link_local());
        let to = to.unwrap_or(LinkAddr::ETHERNET_BROADCAST);
        self.send_arp(id, ArpOperation::Request, own, target, to)
    }

    pub(super) fn send_arp(
        &mut self,
        id: InterfaceId,
        operation: crate::wire::arp::ArpOperation,
        (own_link, own): (LinkAddr, Ipv4Addr),
        target: ([u8; 6], Ipv4Addr),
        to: LinkAddr,
    ) -> Result<(), SendDrop> {
        use crate::wire::arp::{ArpPacket, PACKET_LENGTH};
        use crate::wire::ethernet::ETHERTYPE_ARP;

        let own_octets = own_link.as_ethernet().ok_or(SendDrop::NoRoute)?;
        let no_buffer = |_| SendDrop::NoBuffer;
        let headroom = HEADROOM + PACKET_LENGTH;
        let mut buf = self
            .pool
            .alloc(Purpose::Control, headroom)
            .map_err(no_buffer)?;
        let bytes = buf.prepend_array().map_err(no_buffer)?;
        ArpPacket::write(bytes, operation, (own_octets, own), target);
        crate::l2::ethernet::wrap(&mut buf, &own_link, &to, ETHERTYPE_ARP).map_err(no_buffer)?;
        self.hand_to_driver(id, buf).map_err(|(_, reason)| reason)
    }

    /// An ARP packet has come in (RFC 826, "Packet Reception").
    #[inline(never)]
    pub(super) fn receive_arp(&mut self, id: InterfaceId, buf: NetBuf) -> Result<(), ReceiveDrop> {
        use crate::iface::neighbor::ArpSender;
        use crate::wire::arp::{ArpOperation, ArpPacket, PACKET_LENGTH};

        let now = self.now;
        let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
        let network = usize::from(buf.meta().network);
        let mut straddle = Straddle::new();
        let bytes = buf
            .header::<PACKET_LENGTH>(network, &mut straddle)
            .ok_or(ReceiveDrop::Arp)?;
        let arp = ArpPacket::new(bytes).map_err(|_| ReceiveDrop::Arp)?;
        let (address, octets) = (arp.sender_protocol(), arp.sender_hardware());
        let link = LinkAddr::ethernet(octets);
        let own_link = interface.capabilities.address;
        let target = arp.target_protocol();
        #[cfg(feature = "acd")]
        if !link.is_multicast() {
            let probed = arp.is_probe().then_some(target);
            let (operation, is_ours) = (arp.operation(), interface.assignment(address).is_some());
            if is_ours && !matches!(operation, ArpOperation::Other(_)) || probed.is_some() {
                self.heard_of_address(id, link, address, probed);
            }
        }
        let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
        // Nobody may speak for a group, for us, or with our voice.
        if link.is_multicast()
            || link == own_link
            || address.is_multicast()
            || interface.is_ipv4_broadcast(address)
            || interface.has_address(address.into())
        {
            return Err(ReceiveDrop::Arp);
        }
        let for_us = interface.has_address(target.into());
        let operation = arp.operation();
        let is_reply = match operation {
            ArpOperation::Request => false,
            ArpOperation::Reply => true,
            ArpOperation::Other(_) => return Err(ReceiveDrop::Arp),
        };
        // Those who share a subnet with us are neighbours, those with a link-local address are
        // (RFC 3927 §2.8), and who answers what we have asked: a reply makes no entry.
        let mut learned = None;
        let is_on_link = interface.ipv4.iter().any(|cidr| cidr.contains(address));
        if is_on_link || is_reply || address.is_link_local() {
            let sender = ArpSender {
                address,
                link,
                is_reply,
                for_us,
            };
            learned = Some(interface.neighbors.arp(now, sender));
            self.routes.gateway_seen(id, address.into());
        }
        if for_us && !is_reply {
            let own = (own_link, target);
            // "All ARP packets (*replies* as well as requests) that contain a Link-Local 'sender IP
            // address' MUST be sent using link-layer broadcast" (RFC 3927 §2.5).
            let to = match target.is_link_local() {
                true => LinkAddr::ETHERNET_BROADCAST,
                false => link,
            };
            let result = self.send_arp(id, ArpOperation::Reply, own, (octets, address), to);
            if let Err(reason) = result {
                self.not_sent(id, reason);
            }
        }
        if let Some(learned) = learned {
            self.learned(id, learned);
        }
        Ok(())
    }
}

#[cfg(feature = "ipv6")]
impl Core<'_> {
    fn send_neighbor_solicitation(
        &mut self,
        id: InterfaceId,
        target: Ipv6Addr,
        to: Option<LinkAddr>,
    ) -> Result<(), SendDrop> {
        let destination = match to {
            Some(_) => target,
            None => ipv6_address::solicited_node(target),
        };
        let path = self
            .path(target.into(), None, Some(id))
            .ok_or(SendDrop::NoRoute)?;
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        // "If the source address of the packet prompting the solicitation is the same as one of
        // the addresses assigned to the outgoing interface, that address SHOULD be placed in the
        // IP Source Address of the outgoing solicitation" (RFC 4861 §7.2.2): who answers is going
        // to need it.
        let waiting = interface.neighbors.waiting_source(target);
        let waiting = waiting.filter(|source| interface.has_address((*source).into()));
        let path = Path {
            source: waiting.map_or(path.source, IpAddress::V6),
            ..path
        };
        #[cfg(feature = "dad-optimistic")]
        let path = match interface.is_optimistic(path.source) {
            // RFC 4429 §3.2: never "as the source address of a Neighbor Solicitation".
            true => Path {
                source: interface
                    .confirmed_link_local()
                    .ok_or(SendDrop::Source)?
                    .into(),
                ..path
            },
            false => path,
        };
        let own_link = interface.capabilities.address;
        let length = NEIGHBOR_SOLICITATION_LENGTH;
        let mut message = [0; 2 * NEIGHBOR_SOLICITATION_LENGTH];
        let (fixed, options) = message.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
        NeighborSolicitation::write(fixed, target);
        // A link without addresses (none resolve there) would leave the option out.
        let option = ndp_option::write_source_link_layer_address(options, own_link).unwrap_or(0);
        let message = message.get(..length + option).unwrap_or(&[]);
        self.send_discovery(&path, destination, to, message)
    }

    /// Sends a Neighbor Discovery message, checksum and all, with hop limit 255.
    pub(super) fn send_discovery(
        &mut self,
        path: &Path,
        destination: Ipv6Addr,
        to: Option<LinkAddr>,
        message: &[u8],
    ) -> Result<(), SendDrop> {
        let no_buffer = |_| SendDrop::NoBuffer;
        let mut buf = self
            .pool
            .alloc(Purpose::Control, HEADROOM)
            .map_err(no_buffer)?;
        let sum = buf.append_summed(message).map_err(no_buffer)?;
        self.fill_icmpv6_checksum(path, destination, sum, &mut buf);
        let outgoing = Outgoing {
            hop_limit: HOP_LIMIT,
            ..Outgoing::new(protocol::ICMPV6)
        };
        let path = Path {
            next_hop: destination.into(),
            is_local: false,
            ..*path
        };
        let result = match to {
            Some(link) => self.send_ip_back(&path, destination.into(), outgoing, link, buf),
            None => self.send_ip(&path, destination.into(), outgoing, buf),
        };
        result.map_err(|(_, reason)| reason)
    }

    /// A Neighbor Discovery message has come in (RFC 4861 §6, §7).
    pub(super) fn receive_discovery(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        packet: &Ipv6Packet,
        kind: MessageType,
    ) -> Result<(), ReceiveDrop> {
        // RFC 6980 §5: not in fragments, whole ones among them.
        if packet.was_fragment {
            return Err(ReceiveDrop::NeighborDiscovery);
        }
        let Ipv6Packet {
            source,
            destination,
            hop_limit,
            ..
        } = *packet;
        let envelope = Envelope {
            hop_limit,
            source,
            destination,
        };
        let message = Tail::new(buf, packet.start);
        let invalid = |_| ReceiveDrop::NeighborDiscovery;
        match kind {
            MessageType::NEIGHBOR_SOLICITATION => {
                let fixed = NeighborSolicitation::check(&envelope, &message).map_err(invalid)?;
                let target = NeighborSolicitation::new(&fixed).target();
                self.solicited(id, buf, packet, target)
            }
            MessageType::NEIGHBOR_ADVERTISEMENT => {
                let fixed = NeighborAdvertisement::check(&envelope, &message).map_err(invalid)?;
                let header = NeighborAdvertisement::new(&fixed);
                let flags = header.flags();
                let link = self.link_option(id, &message, NEIGHBOR_ADVERTISEMENT_LENGTH, false);
                let advertisement = Advertisement {
                    target: header.target(),
                    link,
                    router: flags.contains(NeighborFlags::ROUTER),
                    solicited: flags.contains(NeighborFlags::SOLICITED),
                    overriding: flags.contains(NeighborFlags::OVERRIDE),
                };
                #[cfg(feature = "dad")]
                if let Some(result) = self.judge_advertisement(id, advertisement.target) {
                    return result;
                }
                #[cfg(feature = "ra-server")]
                if self.remember_advertised(id, &advertisement) {
                    return Ok(());
                }
                let now = self.now;
                let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
                #[cfg(not(feature = "dad"))]
                if interface.has_address(advertisement.target.into()) {
                    return Err(ReceiveDrop::NeighborDiscovery);
                }
                let learned = interface.neighbors.advertisement(now, advertisement);
                let target = advertisement.target;
                if learned.lost_router {
                    self.router_lost(id, target);
                }
                self.routes.gateway_seen(id, target.into());
                self.learned(id, learned);
                Ok(())
            }
            MessageType::ROUTER_ADVERTISEMENT => {
                let fixed = RouterAdvertisement::check(&envelope, &message).map_err(invalid)?;
                let link = self.link_option(id, &message, fixed.len(), true);
                self.discovered(id, source, link, Some(true))?;
                #[cfg(feature = "ra-server")]
                self.check_consistency(id, &fixed, &message);
                #[cfg(feature = "router-discovery")]
                self.router_advertised(id, source, &fixed, &message)?;
                #[cfg(all(feature = "slaac", not(feature = "router-discovery")))]
                for option in NdpOptions::new(&message, fixed.len()).map_while(Result::ok) {
                    if let NdpOption::PrefixInformation(prefix) = option {
                        self.prefix_information(id, &prefix);
                    }
                }
                Ok(())
            }
            MessageType::ROUTER_SOLICITATION => {
                // "A host MUST silently discard any received Router Solicitation messages."
                if !self.is_advertising(id) {
                    return Err(ReceiveDrop::IcmpUnused);
                }
                let fixed = RouterSolicitation::check(&envelope, &message).map_err(invalid)?;
                let link = self.link_option(id, &message, fixed.len(), true);
                self.discovered(id, source, link, Some(false))?;
                #[cfg(feature = "ra-server")]
                self.advertise_soon(id);
                Ok(())
            }
            #[cfg(feature = "redirects")]
            MessageType::REDIRECT => {
                use crate::wire::ndp::Redirect;

                let fixed = Redirect::check(&envelope, &message).map_err(invalid)?;
                let link = self.link_option(id, &message, fixed.len(), false);
                self.redirected_ipv6(id, source, Redirect::new(&fixed), link)
            }
            _ => Err(ReceiveDrop::IcmpUnused),
        }
    }

    /// Learns the link address in a message of `source`.
    pub(super) fn discovered(
        &mut self,
        id: InterfaceId,
        source: Ipv6Addr,
        link: Option<LinkAddr>,
        router: Option<bool>,
    ) -> Result<(), ReceiveDrop> {
        let now = self.now;
        let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
        if !source.is_unspecified() {
            let learned = interface.neighbors.discovered(now, source, link, router);
            if learned.lost_router {
                self.router_lost(id, source);
            }
            if link.is_some() {
                self.routes.gateway_seen(id, source.into());
            }
            self.learned(id, learned);
        }
        Ok(())
    }

    /// Answers a Neighbor Solicitation for one of our addresses (RFC 4861 §7.2.3, §7.2.4).
    fn solicited(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        packet: &Ipv6Packet,
        target: Ipv6Addr,
    ) -> Result<(), ReceiveDrop> {
        let message = Tail::new(buf, packet.start);
        #[cfg(feature = "dad")]
        let overriding = match self.judge_solicitation(id, target, packet.source, &message)? {
            Verdict::Ours => NeighborFlags::OVERRIDE,
            Verdict::Yielding => NeighborFlags::empty(),
            Verdict::Duplicate => return Ok(()),
        };
        #[cfg(not(feature = "dad"))]
        let overriding = NeighborFlags::OVERRIDE;
        let interface = self.interface(id).ok_or(ReceiveDrop::InterfaceDown)?;
        #[cfg(not(feature = "dad"))]
        if !interface.has_address(target.into()) {
            return Err(ReceiveDrop::NeighborDiscovery);
        }
        let own_link = interface.capabilities.address;
        let link = self.link_option(id, &message, NEIGHBOR_SOLICITATION_LENGTH, true);
        let router = match self.is_advertising(id) {
            true => NeighborFlags::ROUTER,
            false => NeighborFlags::empty(),
        };
        let is_probe = packet.source.is_unspecified();
        let (destination, to, flags) = if is_probe {
            (ipv6_address::ALL_NODES, None, overriding)
        } else {
            let flags = NeighborFlags::SOLICITED | overriding;
            (packet.source, link.or(self.frame_source(id, buf)), flags)
        };
        let mut message = [0; 2 * NEIGHBOR_ADVERTISEMENT_LENGTH];
        if let Some((fixed, options)) = message.split_first_chunk_mut() {
            NeighborAdvertisement::write(fixed, flags | router, target);
            let option = ndp_option::write_target_link_layer_address(options, own_link);
            let length = NEIGHBOR_ADVERTISEMENT_LENGTH + option.unwrap_or(0);
            let path = Path {
                interface: id,
                next_hop: destination.into(),
                source: target.into(),
                is_local: false,
            };
            let message = message.get(..length).unwrap_or(&[]);
            if let Err(reason) = self.send_discovery(&path, destination, to, message) {
                self.not_sent(id, reason);
            }
        }
        self.discovered(id, packet.source, link, None)
    }

    /// Whether this host is a router on an interface.
    fn is_advertising(&self, id: InterfaceId) -> bool {
        #[cfg(feature = "ra-server")]
        return self.interface(id).is_some_and(Interface::is_advertising);
        #[cfg(not(feature = "ra-server"))]
        {
            let _ = id;
            false
        }
    }

    /// The source (or else target) link-layer address option of a message, if there is one that is
    /// right for the link.
    fn link_option<B: Bytes + ?Sized>(
        &self,
        id: InterfaceId,
        message: &B,
        offset: usize,
        source: bool,
    ) -> Option<LinkAddr> {
        let length = self.interface(id)?.capabilities.address.as_bytes().len();
        let mut options = NdpOptions::new(message, offset).map_while(Result::ok);
        let link = options.find_map(|option| match option {
            NdpOption::SourceLinkLayerAddress(link) if source => link.of_length(length),
            NdpOption::TargetLinkLayerAddress(link) if !source => link.of_length(length),
            _ => None,
        })?;
        (!link.is_empty() && !link.is_multicast()).then_some(link)
    }
}

#[cfg(any(feature = "ipv6", feature = "tcp"))]
impl Core<'_> {
    /// The link address that a frame came from.
    pub(super) fn frame_source(&self, id: InterfaceId, buf: &NetBuf) -> Option<LinkAddr> {
        match self.interface(id)?.capabilities.medium {
            #[cfg(feature = "ethernet")]
            crate::link::Medium::Ethernet => Some(crate::l2::ethernet::source(buf)),
            crate::link::Medium::Ip => {
                let _ = buf;
                None
            }
        }
    }
}
