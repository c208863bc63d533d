//! ARP and Neighbor Discovery: messages in and out.

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
#[cfg(feature = "dad")]
use super::dad::Verdict;
#[cfg(feature = "ipv6")]
use super::route::Path;
#[cfg(all(feature = "ethernet", feature = "ipv4"))]
use super::route::is_ipv4_link_local;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use super::transmit::HEADROOM;
#[cfg(feature = "ipv6")]
use super::transmit::Outgoing;
#[cfg(feature = "ra-server")]
use crate::iface::Interface;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::iface::ReceiveDrop;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::iface::SendDrop;
#[cfg(all(neighbors, feature = "ipv6"))]
use crate::iface::neighbor::Advertisement;
#[cfg(feature = "ipv6")]
use crate::ip::ipv6::Ipv6Packet;
use crate::netbuf::NetBuf;
#[cfg(any(feature = "ipv6", feature = "ethernet"))]
use crate::netbuf::Purpose;
use crate::wire::LinkAddr;
#[cfg(feature = "ipv6")]
use crate::wire::icmpv6::MessageType;
#[cfg(feature = "ipv6")]
use crate::wire::ndp::{
    Envelope, HOP_LIMIT, NEIGHBOR_ADVERTISEMENT_LENGTH, NEIGHBOR_SOLICITATION_LENGTH,
    NeighborAdvertisement, NeighborFlags, NeighborSolicitation, RouterAdvertisement,
    RouterSolicitation,
};
#[cfg(all(feature = "slaac", not(feature = "router-discovery")))]
use crate::wire::ndp_option::NdpOption;
#[cfg(feature = "ipv6")]
use crate::wire::ndp_option::{self, NdpOptions};
#[cfg(feature = "ipv6")]
use crate::wire::{Bytes, Tail, ipv6_address, protocol};

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
    pub(super) fn send_arp_request(
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
        let to = to.filter(|_| !is_ipv4_link_local(own.1));
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
        use crate::iface::neighbor::{ArpSender, Learned};
        use crate::wire::arp::{ArpOperation, ArpPacket, PACKET_LENGTH};

        let now = self.now;
        let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
        let network = usize::from(buf.meta().network);
        let mut bytes = [0; PACKET_LENGTH];
        if buf.read(network, &mut bytes) < PACKET_LENGTH {
            return Err(ReceiveDrop::Arp);
        }
        let arp = ArpPacket::new(&bytes).map_err(|_| ReceiveDrop::Arp)?;
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
        #[cfg(feature = "dhcpv4-server")]
        if !link.is_multicast() && link != own_link {
            self.probe_heard(id, address, link);
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
        let mut learned = Learned::nothing();
        let is_on_link = interface.ipv4.iter().any(|cidr| cidr.contains(address));
        if is_on_link || is_reply || is_ipv4_link_local(address) {
            let sender = ArpSender {
                address,
                link,
                is_reply,
                for_us,
            };
            learned = interface.neighbors.arp(now, sender);
            self.gateway_seen(id, address.into());
        }
        if for_us && !is_reply {
            let own = (own_link, target);
            // "All ARP packets (*replies* as well as requests) that contain a Link-Local 'sender IP
            // address' MUST be sent using link-layer broadcast" (RFC 3927 §2.5).
            let to = match is_ipv4_link_local(target) {
                true => LinkAddr::ETHERNET_BROADCAST,
                false => link,
            };
            let result = self.send_arp(id, ArpOperation::Reply, own, (octets, address), to);
            if let Err(reason) = result {
                self.not_sent(id, reason);
            }
        }
        self.learned(id, learned);
        Ok(())
    }
}

#[cfg(feature = "ipv6")]
impl Core<'_> {
    #[cfg(neighbors)]
    pub(super) fn send_neighbor_solicitation(
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
            source: waiting.map_or(path.source, Into::into),
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
                let target = header.target();
                #[cfg(feature = "dad")]
                if let Some(result) = self.judge_advertisement(id, target) {
                    return result;
                }
                #[cfg(not(feature = "dad"))]
                if self
                    .interface(id)
                    .is_some_and(|interface| interface.has_address(target.into()))
                {
                    return Err(ReceiveDrop::NeighborDiscovery);
                }
                #[cfg(neighbors)]
                {
                    let flags = header.flags();
                    let link = self.link_option(id, &message, NEIGHBOR_ADVERTISEMENT_LENGTH, false);
                    let advertisement = Advertisement {
                        target,
                        link,
                        router: flags.contains(NeighborFlags::ROUTER),
                        solicited: flags.contains(NeighborFlags::SOLICITED),
                        overriding: flags.contains(NeighborFlags::OVERRIDE),
                    };
                    #[cfg(feature = "ra-server")]
                    if self.remember_advertised(id, &advertisement) {
                        return Ok(());
                    }
                    self.advertised(id, advertisement);
                }
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

    /// A neighbour has said what its link address is.
    #[cfg(neighbors)]
    fn advertised(&mut self, id: InterfaceId, advertisement: Advertisement) {
        let (now, target) = (self.now, advertisement.target);
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let learned = interface.neighbors.advertisement(now, advertisement);
        if learned.lost_router {
            self.router_lost(id, target);
        }
        self.gateway_seen(id, target.into());
        self.learned(id, learned);
    }

    /// Learns the link address in a message of `source`.
    #[cfg(neighbors)]
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
                self.gateway_seen(id, source.into());
            }
            self.learned(id, learned);
        }
        Ok(())
    }

    /// Nobody on the link has an address that could be learnt.
    #[cfg(not(neighbors))]
    pub(super) fn discovered(
        &mut self,
        _: InterfaceId,
        _: Ipv6Addr,
        _: Option<LinkAddr>,
        _: Option<bool>,
    ) -> Result<(), ReceiveDrop> {
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
        let link = NdpOptions::new(message, offset).link_address(source, length)?;
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
