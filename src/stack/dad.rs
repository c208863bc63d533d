//! The messages of duplicate address detection (RFC 4862 §5.4, RFC 7527), and the advertisement of
//! new addresses to routers (RFC 9131).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use super::route::Path;
use crate::iface::{AddressState, ReceiveDrop, SendDrop, dad::Nonce};
use crate::wire::ndp::{
    NEIGHBOR_ADVERTISEMENT_LENGTH, NEIGHBOR_SOLICITATION_LENGTH, NeighborAdvertisement,
    NeighborFlags, NeighborSolicitation,
};
use crate::wire::ndp_option::{self, NdpOption, NdpOptions};
use crate::wire::{Bytes, ipv6_address};

/// What is to be done with a message about one of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The address is in use: as RFC 4861 has it.
    Ours,
    /// The address is optimistic: as RFC 4861 has it, but such that no neighbour forgets what it
    /// knows (RFC 4429 §3.3).
    Yielding,
    /// The message has told that the address is a duplicate.
    Duplicate,
}

impl Core<'_> {
    /// Asks whether another station has an address (RFC 4862 §5.4.2).
    pub(super) fn send_duplicate_solicitation(
        &mut self,
        id: InterfaceId,
        target: Ipv6Addr,
        nonce: Nonce,
    ) -> Result<(), SendDrop> {
        let interface = self.interface(id);
        if interface.is_none_or(|interface| !interface.carries(target.into())) {
            return Err(SendDrop::NoRoute);
        }
        let mut message = [0; NEIGHBOR_SOLICITATION_LENGTH + 8];
        let (fixed, options) = message.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
        NeighborSolicitation::write(fixed, target);
        // Nothing but the nonce: a source link-layer address has no place in it (RFC 4861 §4.3).
        let written = ndp_option::write_nonce(options, &nonce);
        let _: usize = written.map_err(|_| SendDrop::NoBuffer)?;
        let destination = ipv6_address::solicited_node(target);
        let path = Path {
            interface: id,
            next_hop: destination.into(),
            source: Ipv6Addr::UNSPECIFIED.into(),
            is_local: false,
        };
        self.send_discovery(&path, destination, None, &message)
    }

    /// Tells the routers of the link of a new address (RFC 9131 §6.1.2).
    pub(super) fn announce_address(
        &mut self,
        id: InterfaceId,
        target: Ipv6Addr,
    ) -> Result<(), SendDrop> {
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        let link = interface.link_address();
        let mut message = [0; 2 * NEIGHBOR_ADVERTISEMENT_LENGTH];
        let (fixed, options) = message.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
        // "the Override flag SHOULD NOT be set"
        NeighborAdvertisement::write(fixed, NeighborFlags::empty(), target);
        let option = ndp_option::write_target_link_layer_address(options, link).unwrap_or(0);
        let length = NEIGHBOR_ADVERTISEMENT_LENGTH + option;
        let destination = ipv6_address::ALL_ROUTERS;
        let path = Path {
            interface: id,
            next_hop: destination.into(),
            source: target.into(),
            is_local: false,
        };
        let message = message.get(..length).unwrap_or(&[]);
        self.send_discovery(&path, destination, None, message)
    }

    /// A solicitation for one of our addresses has come in (RFC 4862 §5.4.3).
    pub(super) fn judge_solicitation<B: Bytes + ?Sized>(
        &mut self,
        id: InterfaceId,
        target: Ipv6Addr,
        source: Ipv6Addr,
        message: &B,
    ) -> Result<Verdict, ReceiveDrop> {
        let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
        let mut entries = interface.ipv6.iter_mut();
        let entry = entries.find(|entry| entry.address == target);
        let entry = entry.ok_or(ReceiveDrop::NeighborDiscovery)?;
        match entry.state {
            AddressState::Preferred | AddressState::Deprecated => return Ok(Verdict::Ours),
            AddressState::Optimistic if !source.is_unspecified() => return Ok(Verdict::Yielding),
            // "the solicitation's sender is performing address resolution on the target; the
            // solicitation should be silently ignored"
            AddressState::Tentative if !source.is_unspecified() => {
                return Err(ReceiveDrop::NeighborDiscovery);
            }
            AddressState::Duplicate => return Err(ReceiveDrop::NeighborDiscovery),
            AddressState::Tentative | AddressState::Optimistic => {}
        }
        if nonce(message).is_some_and(|nonce| entry.is_looped(nonce)) {
            let counters = &mut interface.addresses.counters;
            counters.looped = counters.looped.wrapping_add(1);
            return Err(ReceiveDrop::NeighborDiscovery);
        }
        self.address_failed(id, target);
        Ok(Verdict::Duplicate)
    }

    /// An advertisement of one of our addresses has come in (RFC 4862 §5.4.4); `None` if the address
    /// is none of ours.
    pub(super) fn judge_advertisement(
        &mut self,
        id: InterfaceId,
        target: Ipv6Addr,
    ) -> Option<Result<(), ReceiveDrop>> {
        let mut entries = self.interface(id)?.ipv6.iter();
        let entry = entries.find(|entry| entry.address == target)?;
        match entry.state {
            AddressState::Tentative | AddressState::Optimistic => {
                self.address_failed(id, target);
                Some(Ok(()))
            }
            AddressState::Preferred | AddressState::Deprecated => {
                Some(Err(ReceiveDrop::NeighborDiscovery))
            }
            // The other station is a neighbour as any other.
            AddressState::Duplicate => None,
        }
    }
}

/// The nonce of a solicitation, if it has one as long as ours.
fn nonce<B: Bytes + ?Sized>(message: &B) -> Option<Nonce> {
    let mut options = NdpOptions::new(message, NEIGHBOR_SOLICITATION_LENGTH).map_while(Result::ok);
    options.find_map(|option| match option {
        NdpOption::Nonce { offset, length } if length == size_of::<Nonce>() => {
            message.array(offset).ok()
        }
        _ => None,
    })
}
