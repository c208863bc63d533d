//! The way out: IP header, neighbour, link header, port.

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use super::route::Path;
#[cfg(any(feature = "ipv4", feature = "tcp", feature = "udp"))]
use crate::checksum::Sum;
#[cfg(feature = "ipv4")]
use crate::iface::DEFAULT_HOP_LIMIT;
use crate::iface::neighbor::Wait;
use crate::iface::{Interface, SendDrop};
use crate::link::Medium;
#[cfg(feature = "ipv4")]
use crate::link::Offload;
use crate::netbuf::meta::Flags;
use crate::netbuf::{Charge, Meta, NetBuf};
use crate::wire::{IpAddress, LinkAddr};

/// Bytes that headers of all layers take in front of a payload at most, so that the payload starts
/// at a word: two of alignment, 14 of Ethernet, the IP header, 8 of UDP or ICMP.
pub(crate) const HEADROOM: usize = 2 + 14 + if cfg!(feature = "ipv6") { 40 } else { 20 } + 8;

/// What an IP header says beside the addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) protocol: u8,
    /// TTL or hop limit; zero: the usual one.
    pub(crate) hop_limit: u8,
    /// DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// The traffic class of the port.
    pub(crate) class: u8,
    /// The flow label; zero: none.
    #[cfg(feature = "flow-labels")]
    pub(crate) flow_label: u32,
}

impl Outgoing {
    /// An ordinary packet.
    pub(crate) const fn new(protocol: u8) -> Self {
        Self {
            protocol,
            hop_limit: 0,
            traffic_class: 0,
            class: 0,
            #[cfg(feature = "flow-labels")]
            flow_label: 0,
        }
    }

    /// With the hop limit that is `usual`, if none is set.
    #[inline]
    pub(super) fn or_hop_limit(mut self, usual: u8) -> Self {
        if self.hop_limit == 0 {
            self.hop_limit = usual;
        }
        self
    }
}

/// A packet that could not be sent, as it was when that came out, and why.
pub(crate) type NotSent = (NetBuf, SendDrop);

impl Core<'_> {
    /// Puts an IP header in front of `buf` and sends it along `path`.
    pub(crate) fn send_ip(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        match self.write_ip(path, destination, outgoing, &mut buf) {
            Ok(()) if path.is_local => self.loop_back(buf),
            Ok(()) => self.transmit(path, buf),
            #[cfg(any(feature = "fragmentation", feature = "path-mtu"))]
            Err(SendDrop::TooLong) => self.send_long(path, destination, outgoing, buf),
            Err(reason) => Err((buf, reason)),
        }
    }

    /// Sends a packet, header and all, that may be too long for the way to `destination`.
    #[cfg(any(feature = "fragmentation", feature = "path-mtu"))]
    #[cold]
    #[inline(never)]
    fn send_long(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        #[cfg(feature = "path-mtu")]
        self.expire_path_mtus();
        let mtu = self.path_mtu(path, destination);
        if buf.len() <= mtu {
            set_meta(path, outgoing, &mut buf);
            return match path.is_local {
                true => self.loop_back(buf),
                false => self.transmit(path, buf),
            };
        }
        if path.is_local {
            return Err((buf, SendDrop::TooLong));
        }
        if outgoing.protocol == crate::wire::protocol::TCP {
            // It goes below a certain size of segments only as far as routers fragment them.
            let first = self.interface(path.interface).map_or(0, Interface::mtu);
            if buf.len() > first {
                return Err((buf, SendDrop::TooLong));
            }
            #[cfg(all(feature = "fragmentation", feature = "ipv4"))]
            self.allow_fragments(path, destination, &mut buf);
            set_meta(path, outgoing, &mut buf);
            return self.transmit(path, buf);
        }
        #[cfg(feature = "fragmentation")]
        {
            buf.advance(ip_header_length(destination));
            self.send_in_fragments(path, destination, outgoing, mtu, buf)
        }
        #[cfg(not(feature = "fragmentation"))]
        Err((buf, SendDrop::TooLong))
    }

    /// Lets routers fragment a datagram.
    #[cfg(all(feature = "fragmentation", feature = "ipv4"))]
    fn allow_fragments(&mut self, path: &Path, destination: IpAddress, buf: &mut NetBuf) {
        use crate::wire::ipv4::{Ipv4Flags, Ipv4HeaderMut};

        let protocol = crate::wire::protocol::TCP;
        let number = (self.identifications).next(path.source, destination, protocol);
        let offload = self
            .interface(path.interface)
            .is_some_and(|i| i.capabilities.offload.contains(Offload::SEND_IPV4));
        if let Some(header) = buf.header_mut(0).and_then(|h| Ipv4HeaderMut::edit(h).ok()) {
            let header = header
                .identification(number as u16)
                .fragment(Ipv4Flags::empty(), 0);
            if !offload {
                header.fill_checksum(Sum::ZERO);
            }
        }
    }

    /// As [`Core::send_ip`], to a link address that is known already: an answer.
    #[cfg(any(feature = "ipv6", feature = "tcp"))]
    pub(crate) fn send_ip_back(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        link: LinkAddr,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        match self.write_ip(path, destination, outgoing, &mut buf) {
            Ok(()) => self.hand_to_port(path.interface, link, destination, buf),
            // What answers is short. An estimate for some way, perhaps another, is even less.
            Err(SendDrop::TooLong) if self.takes(path.interface, buf.len()) => {
                set_meta(path, outgoing, &mut buf);
                self.hand_to_port(path.interface, link, destination, buf)
            }
            Err(reason) => Err((buf, reason)),
        }
    }

    /// Whether the link of an interface takes packets of so many bytes.
    #[cfg(any(feature = "ipv6", feature = "tcp"))]
    #[cold]
    fn takes(&self, id: InterfaceId, length: usize) -> bool {
        self.interface(id)
            .is_some_and(|interface| length <= interface.mtu())
    }

    #[inline]
    fn write_ip(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        buf: &mut NetBuf,
    ) -> Result<(), SendDrop> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(path.interface)) else {
            return Err(SendDrop::NoRoute);
        };
        match (path.source, destination) {
            #[cfg(feature = "ipv4")]
            (IpAddress::V4(source), IpAddress::V4(destination)) => {
                let offload = interface.capabilities.offload.contains(Offload::SEND_IPV4);
                write_ipv4(
                    buf,
                    source,
                    destination,
                    outgoing.or_hop_limit(DEFAULT_HOP_LIMIT),
                    offload && !path.is_local,
                )?;
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let outgoing = outgoing.or_hop_limit(interface.hop_limit());
                write_ipv6(buf, source, destination, outgoing)?;
            }
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => return Err(SendDrop::NoRoute),
        }
        if buf.len() > self.sure_mtu(interface) && (!path.is_local || interface.is_loopback()) {
            return Err(SendDrop::TooLong);
        }
        set_meta(path, outgoing, buf);
        Ok(())
    }

    /// Finds the link address for a packet and gives it to the port, or lets it wait for the
    /// neighbour's answer.
    #[inline]
    pub(crate) fn transmit(&mut self, path: &Path, buf: NetBuf) -> Result<(), NotSent> {
        let Some(Some(interface)) = self.interfaces.get_mut(usize::from(path.interface)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        if !interface.is_up() {
            // Nobody can be asked for a link address.
            return Err((buf, SendDrop::Port));
        }
        #[cfg(feature = "dad")]
        if interface.addresses.has_unassigned && !interface.may_send_from(path.source) {
            return Err((buf, SendDrop::Source));
        }
        if !interface.has_neighbors() {
            return self.hand_to_port(path.interface, LinkAddr::NONE, path.next_hop, buf);
        }
        let link = match group_address(interface, path.next_hop) {
            Some(link) => link,
            None => match interface.neighbors.lookup(self.now, path.next_hop) {
                Some(link) => link,
                None => return self.wait_for_neighbor(path, buf),
            },
        };
        // A state may have changed with the look-up, and a deadline with it.
        let deadline = interface.neighbors.next_deadline();
        if deadline.is_some_and(|deadline| self.neighbors_deadline > deadline) {
            self.arm_neighbors();
        }
        self.hand_to_port(path.interface, link, path.next_hop, buf)
    }

    /// Gives a packet to the port, in a frame for `link`.
    #[inline]
    pub(super) fn hand_to_port(
        &mut self,
        id: InterfaceId,
        link: LinkAddr,
        network: IpAddress,
        buf: NetBuf,
    ) -> Result<(), NotSent> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        match interface.capabilities.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                let ethertype = match network {
                    #[cfg(feature = "ipv4")]
                    IpAddress::V4(_) => crate::wire::ethernet::ETHERTYPE_IPV4,
                    #[cfg(feature = "ipv6")]
                    IpAddress::V6(_) => crate::wire::ethernet::ETHERTYPE_IPV6,
                };
                let (mut frame, source) = (buf, interface.capabilities.address);
                match crate::l2::ethernet::wrap(&mut frame, source, link, ethertype) {
                    Ok(()) => self.hand_to_driver(id, frame),
                    Err(_) => Err((frame, SendDrop::NoBuffer)),
                }
            }
            Medium::Ip => {
                let _ = (link, network);
                self.hand_to_driver(id, buf)
            }
        }
    }

    /// Gives a finished frame to the port.
    #[inline]
    pub(super) fn hand_to_driver(&mut self, id: InterfaceId, buf: NetBuf) -> Result<(), NotSent> {
        let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        match interface.port.send_unwoken(buf) {
            Ok(driver_waits) => {
                interface.counters.sent = interface.counters.sent.wrapping_add(1);
                self.kicked |= u32::from(driver_waits) << (id & 31);
                Ok(())
            }
            Err(buf) => Err((buf, SendDrop::Port)),
        }
    }

    #[cold]
    fn wait_for_neighbor(&mut self, path: &Path, mut buf: NetBuf) -> Result<(), NotSent> {
        if self
            .interface(path.interface)
            .is_none_or(|interface| !interface.is_up())
        {
            // Nobody can be asked for a link address.
            return Err((buf, SendDrop::Port));
        }
        #[cfg(feature = "dad-optimistic")]
        let may_solicit = {
            let interface = self.interface(path.interface);
            let is_optimistic = interface.is_some_and(|i| i.is_optimistic(path.source));
            if is_optimistic && let Some(router) = interface.and_then(Interface::router) {
                return self.hand_to_port(path.interface, router, path.next_hop, buf);
            }
            // It waits until the address is known to be unique.
            !is_optimistic
        };
        #[cfg(not(feature = "dad-optimistic"))]
        let may_solicit = true;
        // What waits must leave the answer room to come in.
        if buf.charge() == Charge::Flow && buf.set_charge(Charge::Held).is_err() {
            return Err((buf, SendDrop::PoolHeld));
        }
        let (now, id) = (self.now, path.interface);
        let Some(interface) = self.interface_mut(id) else {
            return Err((buf, SendDrop::NoRoute));
        };
        let result = match interface.neighbors.wait(now, path.next_hop, buf) {
            Wait::Queued { solicit, dropped } => {
                if let Some(dropped) = dropped {
                    interface.counters.not_sent(SendDrop::NeighborQueue);
                    drop(dropped);
                }
                if solicit && may_solicit {
                    self.solicit(id, path.next_hop, None);
                }
                Ok(())
            }
            Wait::Ready { link, packet } => self.hand_to_port(id, link, path.next_hop, packet),
            Wait::Refused { packet } => Err((packet, SendDrop::NeighborCache)),
        };
        self.arm_neighbors();
        result
    }

    /// Sends what nobody waits for the outcome of, and counts it if it cannot be sent.
    pub(crate) fn send_or_count(&mut self, id: InterfaceId, result: Result<(), NotSent>) {
        if let Err((buf, reason)) = result {
            drop(buf);
            self.not_sent(id, reason);
        }
    }
}

#[inline]
fn set_meta(path: &Path, outgoing: Outgoing, buf: &mut NetBuf) {
    let flags = if path.is_local {
        Flags::LOOPED_BACK
    } else {
        Flags::empty()
    };
    let (interface, class) = (path.interface, outgoing.class);
    buf.set_meta(Meta {
        interface,
        class,
        flags,
        network: 0,
        payload: 0,
    });
}

/// The link address of a group or of everybody.
#[inline]
pub(super) fn group_address(interface: &Interface<'_>, address: IpAddress) -> Option<LinkAddr> {
    match (interface.capabilities.medium, address) {
        #[cfg(all(feature = "ethernet", feature = "ipv4"))]
        (Medium::Ethernet, IpAddress::V4(address)) => {
            if address.is_multicast() {
                Some(LinkAddr::ethernet(crate::wire::ethernet::ipv4_group(
                    address,
                )))
            } else if interface.is_ipv4_broadcast(address) {
                Some(LinkAddr::ETHERNET_BROADCAST)
            } else {
                None
            }
        }
        #[cfg(all(feature = "ethernet", feature = "ipv6"))]
        (Medium::Ethernet, IpAddress::V6(address)) => address
            .is_multicast()
            .then(|| LinkAddr::ethernet(crate::wire::ethernet::ipv6_group(address))),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

#[cfg(feature = "ipv4")]
#[inline]
fn write_ipv4(
    buf: &mut NetBuf,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    outgoing: Outgoing,
    offload: bool,
) -> Result<(), SendDrop> {
    use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Flags, Ipv4HeaderMut};

    let length = (buf.len() + HEADER_LENGTH) as u16;
    let bytes = buf
        .prepend_array::<HEADER_LENGTH>()
        .map_err(|_| SendDrop::NoBuffer)?;
    // An atomic datagram: its identification means nothing (RFC 6864 §4.1).
    let header = Ipv4HeaderMut::write(bytes, source, destination, outgoing.protocol, length)
        .dscp_ecn(outgoing.traffic_class >> 2, outgoing.traffic_class)
        .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
        .ttl(outgoing.hop_limit);
    if !offload {
        header.fill_checksum(Sum::ZERO);
    }
    Ok(())
}

#[cfg(feature = "ipv6")]
#[inline]
fn write_ipv6(
    buf: &mut NetBuf,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    outgoing: Outgoing,
) -> Result<(), SendDrop> {
    use crate::wire::ipv6::{self, HEADER_LENGTH, Ipv6HeaderMut};

    let length = buf.len() as u16;
    let bytes = buf
        .prepend_array::<HEADER_LENGTH>()
        .map_err(|_| SendDrop::NoBuffer)?;
    ipv6::write(
        bytes,
        length,
        outgoing.protocol,
        outgoing.hop_limit,
        source,
        destination,
    );
    let mut header = Ipv6HeaderMut(bytes);
    header.set_traffic_class(outgoing.traffic_class);
    #[cfg(feature = "flow-labels")]
    header.set_flow_label(outgoing.flow_label);
    Ok(())
}

/// Bytes of an IP header without options to `destination`.
#[cfg(any(feature = "tcp", feature = "udp", feature = "fragmentation"))]
pub(super) const fn ip_header_length(destination: IpAddress) -> usize {
    match destination {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => crate::wire::ipv4::HEADER_LENGTH,
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => crate::wire::ipv6::HEADER_LENGTH,
    }
}

/// The sum of the pseudo-header in front of `length` bytes of a transport.
#[cfg(any(feature = "tcp", feature = "udp"))]
#[inline]
pub(super) fn pseudo_header(
    source: IpAddress,
    destination: IpAddress,
    protocol: u8,
    length: usize,
) -> Sum {
    match (source, destination) {
        #[cfg(feature = "ipv4")]
        (IpAddress::V4(source), IpAddress::V4(destination)) => {
            Sum::pseudo_ipv4(source, destination, protocol, length as u16)
        }
        #[cfg(feature = "ipv6")]
        (IpAddress::V6(source), IpAddress::V6(destination)) => {
            Sum::pseudo_ipv6(source, destination, protocol, length as u32)
        }
        #[cfg(all(feature = "ipv4", feature = "ipv6"))]
        _ => Sum::ZERO,
    }
}
