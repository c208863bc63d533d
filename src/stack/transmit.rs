//! The way out: IP header, neighbour, link header, port.

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use super::gate::Gate;
use super::route::Path;
use super::waiters::Waiters;
#[cfg(any(feature = "ipv4", feature = "tcp", feature = "udp"))]
use crate::checksum::Sum;
#[cfg(feature = "ipv4")]
use crate::iface::DEFAULT_HOP_LIMIT;
#[cfg(neighbors)]
use crate::iface::neighbor::Wait;
use crate::iface::{Interface, SendDrop};
use crate::link::Medium;
#[cfg(feature = "ipv4")]
use crate::link::Offload;
#[cfg(neighbors)]
use crate::netbuf::Charge;
use crate::netbuf::meta::Flags;
use crate::netbuf::{Meta, NetBuf};
use crate::wire::{IpAddress, LinkAddr};

/// Bytes that headers of all layers take in front of a payload at most, so that the payload starts
/// at a word: two of alignment, 14 of Ethernet, the IP header, 8 of UDP or ICMP.
#[cfg_attr(
    not(any(
        neighbors,
        feature = "ipv6",
        feature = "udp",
        feature = "tcp",
        feature = "ping"
    )),
    allow(dead_code)
)]
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
            Ok(()) => self.send_packet(path, destination, outgoing, buf),
            Err(reason) => Err((buf, reason)),
        }
    }

    /// Sends a packet, header and all, along `path`.
    pub(super) fn send_packet(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        if !self.passes(path, buf.len()) {
            #[cfg(any(feature = "fragmentation", feature = "path-mtu"))]
            return self.send_long(path, destination, outgoing, buf);
            #[cfg(not(any(feature = "fragmentation", feature = "path-mtu")))]
            return Err((buf, SendDrop::TooLong));
        }
        let _ = destination;
        set_meta(path, outgoing, &mut buf);
        match path.is_local {
            true => self.loop_back(buf),
            false => self.transmit(path, buf),
        }
    }

    /// Whether a packet of so many bytes goes along `path`, whatever its destination.
    #[inline]
    fn passes(&self, path: &Path, length: usize) -> bool {
        self.interface(path.interface).is_none_or(|interface| {
            length <= self.sure_mtu(interface) || path.is_local && !interface.is_loopback()
        })
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
    #[cfg(feature = "ipv6")]
    pub(crate) fn send_ip_back(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        link: LinkAddr,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        match self.write_ip(path, destination, outgoing, &mut buf) {
            Ok(()) => self.send_packet_back(path, destination, outgoing, link, buf),
            Err(reason) => Err((buf, reason)),
        }
    }

    /// As [`Core::send_packet`], to a link address that is known already.
    #[cfg(any(feature = "ipv6", feature = "tcp"))]
    pub(super) fn send_packet_back(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        link: LinkAddr,
        mut buf: NetBuf,
    ) -> Result<(), NotSent> {
        // What answers is short. An estimate for some way, perhaps another, is even less.
        if !self.takes(path.interface, buf.len()) {
            return Err((buf, SendDrop::TooLong));
        }
        set_meta(path, outgoing, &mut buf);
        self.hand_to_port(path.interface, link, destination, buf)
    }

    /// Whether the link of an interface takes packets of so many bytes.
    #[cfg(any(feature = "ipv6", feature = "tcp"))]
    fn takes(&self, id: InterfaceId, length: usize) -> bool {
        self.interface(id)
            .is_some_and(|interface| length <= interface.mtu())
    }

    /// Puts an IP header in front of `buf`.
    pub(super) fn write_ip(
        &self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        buf: &mut NetBuf,
    ) -> Result<(), SendDrop> {
        let interface = self.interface(path.interface).ok_or(SendDrop::NoRoute)?;
        let length = buf.len();
        let no_buffer = |_| SendDrop::NoBuffer;
        match (path.source, destination) {
            #[cfg(feature = "ipv4")]
            (IpAddress::V4(source), IpAddress::V4(destination)) => {
                let header = buf.prepend_array().map_err(no_buffer)?;
                let offload = interface.capabilities.offload.contains(Offload::SEND_IPV4);
                let offload = offload && !path.is_local;
                write_ipv4(header, length, source, destination, outgoing, offload);
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let header = buf.prepend_array().map_err(no_buffer)?;
                let outgoing = outgoing.or_hop_limit(interface.hop_limit());
                write_ipv6(header, length, source, destination, outgoing);
            }
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => return Err(SendDrop::NoRoute),
        }
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
        #[cfg(not(neighbors))]
        let link = LinkAddr::NONE;
        #[cfg(neighbors)]
        let link = match interface.has_neighbors() {
            false => LinkAddr::NONE,
            true => match group_address(interface, path.next_hop) {
                Some(link) => link,
                None => match interface.neighbors.lookup(self.now, path.next_hop) {
                    Some(link) => link,
                    None => return self.wait_for_neighbor(path, buf),
                },
            },
        };
        let exit = Exit {
            id: path.interface,
            gate: &mut self.gate,
            waiters: &mut self.waiters,
        };
        let sent = interface.send(exit, &link, path.next_hop, buf);
        // A state may have changed with the look-up, and a deadline with it.
        #[cfg(neighbors)]
        let deadline = interface.neighbors.deadline();
        #[cfg(neighbors)]
        if self.neighbors_deadline > deadline {
            self.arm_neighbors();
        }
        self.kicked |= u32::from(sent?) << (path.interface & 31);
        Ok(())
    }

    /// Gives a packet to the port, in a frame for `link`.
    #[cfg(any(
        neighbors,
        feature = "ipv6",
        feature = "tcp",
        feature = "dhcpv4-server"
    ))]
    pub(super) fn hand_to_port(
        &mut self,
        id: InterfaceId,
        link: LinkAddr,
        network: IpAddress,
        buf: NetBuf,
    ) -> Result<(), NotSent> {
        let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        let exit = Exit {
            id,
            gate: &mut self.gate,
            waiters: &mut self.waiters,
        };
        let driver_waits = interface.send(exit, &link, network, buf)?;
        self.kicked |= u32::from(driver_waits) << (id & 31);
        Ok(())
    }

    /// Gives a finished frame to the port.
    #[cfg(any(
        all(feature = "ethernet", feature = "ipv4"),
        feature = "packet-sockets"
    ))]
    pub(super) fn hand_to_driver(&mut self, id: InterfaceId, buf: NetBuf) -> Result<(), NotSent> {
        let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        let exit = Exit {
            id,
            gate: &mut self.gate,
            waiters: &mut self.waiters,
        };
        let driver_waits = interface.send_frame(exit, buf)?;
        self.kicked |= u32::from(driver_waits) << (id & 31);
        Ok(())
    }

    #[cfg(neighbors)]
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

/// The way out of an interface, and who looks at what goes there.
struct Exit<'c, 'a> {
    id: InterfaceId,
    gate: &'c mut Gate,
    waiters: &'c mut Waiters<'a>,
}

impl Interface<'_> {
    /// Gives a packet of the version of `network` to the port, in a frame for `link`. Says whether
    /// there is a task of the driver to be woken.
    #[cfg_attr(not(feature = "ethernet"), allow(unused_mut))]
    fn send(
        &mut self,
        exit: Exit<'_, '_>,
        link: &LinkAddr,
        network: IpAddress,
        mut buf: NetBuf,
    ) -> Result<bool, NotSent> {
        match self.capabilities.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                let ethertype = match network {
                    #[cfg(feature = "ipv4")]
                    IpAddress::V4(_) => crate::wire::ethernet::ETHERTYPE_IPV4,
                    #[cfg(feature = "ipv6")]
                    IpAddress::V6(_) => crate::wire::ethernet::ETHERTYPE_IPV6,
                };
                let source = &self.capabilities.address;
                if crate::l2::ethernet::wrap(&mut buf, source, link, ethertype).is_err() {
                    return Err((buf, SendDrop::NoBuffer));
                }
            }
            Medium::Ip => {
                let _ = (link, network);
            }
        }
        self.send_frame(exit, buf)
    }

    /// Gives a finished frame to the port, and counts it.
    #[inline]
    fn send_frame(&mut self, exit: Exit<'_, '_>, buf: NetBuf) -> Result<bool, NotSent> {
        #[cfg(feature = "statistics")]
        let head = crate::iface::statistics::Head::of(&buf);
        let copy = match exit.gate.is_watched() {
            true => {
                #[cfg(feature = "packet-filter")]
                if !exit.gate.lets_out(exit.id, &self.capabilities, &buf) {
                    self.counters.not_sent(SendDrop::Filter);
                    return Ok(false);
                }
                exit.gate.copy(exit.id, &self.capabilities, &buf)
            }
            false => None,
        };
        let driver_waits = self.port.send_unwoken(buf);
        let driver_waits = driver_waits.map_err(|buf| (buf, SendDrop::Port))?;
        if let Some(copy) = copy {
            exit.gate.sent(&copy, exit.waiters);
        }
        self.counters.sent = self.counters.sent.wrapping_add(1);
        #[cfg(feature = "statistics")]
        self.count_sent(&head);
        Ok(driver_waits)
    }
}

#[inline]
pub(super) fn set_meta(path: &Path, outgoing: Outgoing, buf: &mut NetBuf) {
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
#[cfg(neighbors)]
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

/// Writes the header of a packet with so many bytes behind it.
#[cfg(feature = "ipv4")]
#[inline]
pub(super) fn write_ipv4(
    to: &mut [u8; crate::wire::ipv4::HEADER_LENGTH],
    length: usize,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    outgoing: Outgoing,
    offload: bool,
) {
    use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Flags, Ipv4HeaderMut};

    let outgoing = outgoing.or_hop_limit(DEFAULT_HOP_LIMIT);
    let length = (length + HEADER_LENGTH) as u16;
    // An atomic datagram: its identification means nothing (RFC 6864 §4.1).
    let header = Ipv4HeaderMut::write(to, source, destination, outgoing.protocol, length)
        .dscp_ecn(outgoing.traffic_class >> 2, outgoing.traffic_class)
        .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
        .ttl(outgoing.hop_limit);
    if !offload {
        header.fill_checksum(Sum::ZERO);
    }
}

/// Writes the header of a packet with so many bytes behind it.
#[cfg(feature = "ipv6")]
#[inline]
pub(super) fn write_ipv6(
    to: &mut [u8; crate::wire::ipv6::HEADER_LENGTH],
    length: usize,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    outgoing: Outgoing,
) {
    use crate::wire::ipv6::{self, Ipv6HeaderMut};

    ipv6::write(
        to,
        length as u16,
        outgoing.protocol,
        outgoing.hop_limit,
        source,
        destination,
    );
    let mut header = Ipv6HeaderMut(to);
    header.set_traffic_class(outgoing.traffic_class);
    #[cfg(feature = "flow-labels")]
    header.set_flow_label(outgoing.flow_label);
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
