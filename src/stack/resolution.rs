//! What the neighbour caches want done: who is asked, what is sent when an answer has come, and
//! what becomes of it when none does. Static neighbours.

use core::net::IpAddr;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::timers::NEIGHBORS;
use crate::config;
use crate::iface::SendDrop;
use crate::iface::neighbor::{Learned, Neighbor, NeighborAction, NeighborError};
use crate::ip::Unreachable;
use crate::netbuf::{BufQueue, NetBuf, Straddle};
use crate::time::Instant;
#[cfg(feature = "ipv4")]
use crate::wire::ipv4::Ipv4Header;
#[cfg(feature = "ipv6")]
use crate::wire::ipv6::Ipv6Header;
use crate::wire::{IpAddress, LinkAddr};

impl Stack<'_> {
    /// The neighbours known on an interface's link.
    pub fn neighbors(self, id: InterfaceId) -> impl Iterator<Item = Neighbor> {
        // The core is borrowed for one at a time: what is done with it may use the stack.
        (0..config::NEIGHBORS).filter_map(move |place| {
            self.with(|core| core.interface(id)?.neighbors.at(core.now, place))
        })
    }

    /// Says which link address a neighbour has, so that it is never asked for it: a static entry,
    /// which stays until [`Stack::remove_neighbor`] takes it away, whatever the neighbour or
    /// others say, and whether the link is up or down. One that is there is changed.
    ///
    /// # Errors
    ///
    /// [`NeighborError::NoInterface`] if there is no such interface with neighbours;
    /// [`NeighborError::Address`] if an address is of no single node, is ours, or of a version
    /// that this build leaves out; [`NeighborError::CacheFull`] if no entry may give way. Static
    /// ones may be as many as [`NEIGHBORS`](config::NEIGHBORS), but then nobody else is found.
    pub fn add_neighbor(
        self,
        id: InterfaceId,
        address: IpAddr,
        link: LinkAddr,
    ) -> Result<(), NeighborError> {
        let address = IpAddress::try_from(address).map_err(|_| NeighborError::Address)?;
        self.with(|core| core.add_neighbor(id, address, link))
    }

    /// Forgets what is known of a neighbour, the static ones among them; says whether anything was.
    /// What waits for its link address is dropped.
    pub fn remove_neighbor(self, id: InterfaceId, address: IpAddr) -> bool {
        let Ok(address) = IpAddress::try_from(address) else {
            return false;
        };
        self.with(|core| core.remove_neighbor(id, address))
    }
}

impl Core<'_> {
    fn add_neighbor(
        &mut self,
        id: InterfaceId,
        address: IpAddress,
        link: LinkAddr,
    ) -> Result<(), NeighborError> {
        let now = self.now;
        let interface = self.interface_mut(id);
        let interface = (interface.filter(|interface| interface.has_neighbors()))
            .ok_or(NeighborError::NoInterface)?;
        let length = interface.capabilities.address.as_bytes().len();
        if link.as_bytes().len() != length || interface.has_address(address) {
            return Err(NeighborError::Address);
        }
        let learned = interface.neighbors.set_static(now, address, link)?;
        self.gateway_seen(id, address);
        self.learned(id, learned);
        Ok(())
    }

    fn remove_neighbor(&mut self, id: InterfaceId, address: IpAddress) -> bool {
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        let was_known = interface.neighbors.knows(address);
        let waited = interface.neighbors.remove(address);
        (interface.counters).not_sent_all(SendDrop::NeighborUnreachable, waited.len());
        drop(waited);
        self.arm_neighbors();
        was_known
    }

    /// Sets the timer of all neighbour caches to the earliest of their deadlines.
    pub(super) fn arm_neighbors(&mut self) {
        let deadlines = self.interfaces().map(|(_, i)| i.neighbors.deadline());
        let deadline = deadlines.min().unwrap_or(Instant::MAX);
        self.neighbors_deadline = deadline;
        self.set_timer(NEIGHBORS, Some(deadline));
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
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => self.send_neighbor_solicitation(id, address, to),
        };
        if let Err(reason) = result {
            self.not_sent(id, reason);
        }
    }
}

/// An address of the same version as a packet that starts with its IP header.
fn version_of(packet: &NetBuf) -> Option<IpAddress> {
    // Where there is one version only nothing need be looked at.
    #[cfg(not(feature = "ipv6"))]
    if !packet.is_empty() {
        return Some(IpAddress::V4(core::net::Ipv4Addr::UNSPECIFIED));
    }
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
