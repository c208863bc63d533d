//! Which address a client gets (RFC 2131 §4.3.1).

use core::net::Ipv4Addr;

use super::config::{AddressRange, Subnet};
use super::lease::{LeaseSlot, SlotState};
use super::machine::Machine;
use super::request::Request;
use crate::time::Instant;

impl Machine<'_> {
    /// The place of the address that a client is to be offered, which is the client's from now on.
    pub(super) fn choose(&mut self, now: Instant, request: &Request<'_>) -> Option<usize> {
        if let Some(address) = self.reserved_for(request)
            && let Some(place) = self.place(now, request, address, true)
        {
            return Some(self.seat(place, request, address));
        }
        // "The client's current address", or its "previous address [...] if that address is in the
        // server's pool of available addresses and not already allocated".
        if let Some(place) = self.own(request, None)
            && let Some(address) = self.slots.get(place).map(|slot| slot.address)
            && self.may_have(request, address)
        {
            return Some(place);
        }
        // "The address requested [...] if that address is valid and not already allocated".
        if let Some(address) = request.wanted()
            && self.may_have(request, address)
            && let Some(place) = self.place(now, request, address, false)
        {
            return Some(self.seat(place, request, address));
        }
        // "A new address": one that nobody has had, else the one that has been free for longest.
        if let Some(place) = self.unused()
            && let Some(address) = self.fresh(request)
        {
            return Some(self.seat(place, request, address));
        }
        let is_free = |slot: &LeaseSlot| !slot.is_active(now);
        let oldest = self.oldest(|slot| is_free(slot) && self.may_have(request, slot.address));
        if let Some((place, address)) = oldest {
            return Some(self.seat(place, request, address));
        }
        // An address that nobody has had, and the place of an ended lease of another subnet.
        let is_loose = |slot: &LeaseSlot| is_free(slot) && !self.is_reserved(slot.address);
        if let Some((place, _)) = self.oldest(is_loose)
            && let Some(address) = self.fresh(request)
        {
            return Some(self.seat(place, request, address));
        }
        // All is promised or taken. Whoever takes up an offer does so at once: what was offered first
        // is free before the others.
        let is_offer = |slot: &LeaseSlot| slot.is_offer() && self.may_have(request, slot.address);
        let (place, address) = self.oldest(is_offer)?;
        self.counters.displaced = self.counters.displaced.wrapping_add(1);
        Some(self.seat(place, request, address))
    }

    /// Gives a place to a client.
    pub(super) fn seat(&mut self, place: usize, request: &Request<'_>, address: Ipv4Addr) -> usize {
        if let Some(slot) = self.slots.get_mut(place) {
            if slot.key != request.key || slot.address != address {
                if slot.is_saved && slot.address != address {
                    self.evicted = Some(slot.address);
                    slot.is_saved = false;
                }
                slot.is_unsaved = slot.is_saved;
                self.has_unsaved |= slot.is_saved;
                slot.state = SlotState::Former;
                slot.until = Instant::ZERO;
            }
            slot.address = address;
            slot.key = request.key;
            slot.hardware = request.hardware;
        }
        place
    }

    /// The place of an address if the client may have it now; `pressing`: even if it was offered to
    /// another.
    pub(super) fn place(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        address: Ipv4Addr,
        pressing: bool,
    ) -> Option<usize> {
        let known = self.slots.iter().enumerate();
        let known = known.filter(|(_, slot)| slot.is_used());
        if let Some((place, slot)) = known.clone().find(|(_, slot)| slot.address == address) {
            let is_free = slot.key == request.key && slot.state != SlotState::Declined
                || !slot.is_active(now)
                || pressing && slot.is_offer();
            return is_free.then_some(place);
        }
        if !self.is_reserved(address) {
            let loose = |slot: &LeaseSlot| !slot.is_active(now) && !self.is_reserved(slot.address);
            return self.unused().or_else(|| Some(self.oldest(loose)?.0));
        }
        // There is a place for each reservation, unless it is taken by another's.
        let mut places = self.slots.iter();
        let unused = places.position(|slot| !slot.is_used());
        unused
            .or_else(|| Some(self.oldest(|slot| !slot.is_active(now))?.0))
            .or_else(|| Some(self.oldest(LeaseSlot::is_offer)?.0))
    }

    /// The place of the client's own address on the link where it is: of the one that is asked for,
    /// or else of the one that it had last.
    pub(super) fn own(&self, request: &Request<'_>, address: Option<Ipv4Addr>) -> Option<usize> {
        let places = self.slots.iter().enumerate().filter(|(_, slot)| {
            slot.key == request.key
                && slot.is_used()
                && address.is_none_or(|address| address == slot.address)
                && self.subnet_of(request, slot.address).is_some()
        });
        let (place, _) = places.max_by_key(|(_, slot)| slot.until)?;
        Some(place)
    }

    /// A place that was never taken, if it is not kept for a reservation.
    fn unused(&self) -> Option<usize> {
        let most = self
            .slots
            .len()
            .saturating_sub(self.config.reservations.len());
        let is_loose = |slot: &&LeaseSlot| slot.is_used() && !self.is_reserved(slot.address);
        if self.slots.iter().filter(is_loose).count() >= most {
            return None;
        }
        self.slots.iter().position(|slot| !slot.is_used())
    }

    /// Of certain places the one to be given up first, and its address.
    fn oldest(&self, is_meant: impl Fn(&LeaseSlot) -> bool) -> Option<(usize, Ipv4Addr)> {
        let places = self.slots.iter().enumerate();
        let places = places.filter(|(_, slot)| slot.is_used() && is_meant(slot));
        let (place, slot) = places.min_by_key(|(_, slot)| slot.rank())?;
        Some((place, slot.address))
    }

    /// Whether an address is one that the client could be given where it is.
    pub(super) fn may_have(&self, request: &Request<'_>, address: Ipv4Addr) -> bool {
        let Some(subnet) = self.subnet_of(request, address) else {
            return false;
        };
        let mut reservations = self.config.reservations.iter();
        let is_given = match reservations.find(|kept| kept.address == address) {
            Some(kept) => kept.is_for(request),
            None => subnet.ranges.iter().any(|range| range.contains(address)),
        };
        is_given && !subnet.is_of_all(address) && !request.is_taken(address)
    }

    /// The address that is kept for a client where it is.
    pub(super) fn reserved_for(&self, request: &Request<'_>) -> Option<Ipv4Addr> {
        let reservations = self.config.reservations.iter();
        let mut own = reservations
            .filter(|kept| kept.is_for(request) && self.may_have(request, kept.address));
        own.next().map(|kept| kept.address)
    }

    fn is_reserved(&self, address: Ipv4Addr) -> bool {
        let mut reservations = self.config.reservations.iter();
        reservations.any(|kept| kept.address == address)
    }

    /// An address that no lease in the table has: which one depends on the client, so that it gets the
    /// same one even from a server that remembers nothing.
    fn fresh(&self, request: &Request<'_>) -> Option<Ipv4Addr> {
        let subnets = self.config.subnets.iter();
        let subnets = subnets.filter(|subnet| request.is_on(subnet));
        let mut ranges = subnets.flat_map(|subnet| subnet.ranges.iter().map(move |r| (subnet, r)));
        ranges.find_map(|(subnet, range)| self.fresh_of(request, subnet, range))
    }

    /// Looks at 64 addresses at a time, so that the table is gone through no more often than it has
    /// room for so many.
    fn fresh_of(
        &self,
        request: &Request<'_>,
        subnet: &Subnet<'_>,
        range: &AddressRange,
    ) -> Option<Ipv4Addr> {
        let first = range.first.to_bits();
        let size = range.last.to_bits().wrapping_sub(first).saturating_add(1);
        let start = request.key.spread().checked_rem(size)?;
        for (from, end) in [(start, size), (0, start)] {
            let mut at = from;
            while at < end {
                let count = (end - at).min(64);
                let base = first.wrapping_add(at);
                let mut taken = u64::MAX.checked_shl(count).unwrap_or(0);
                let mut take = |address: Ipv4Addr| {
                    let place = address.to_bits().wrapping_sub(base);
                    taken |= 1u64.checked_shl(place).unwrap_or(0);
                };
                let leases = self.slots.iter().filter(|slot| slot.is_used());
                leases.for_each(|slot| take(slot.address));
                let kept = self.config.reservations.iter();
                kept.for_each(|reservation| take(reservation.address));
                request.arrival.own.iter().copied().for_each(&mut take);
                take(request.message.relay_agent());
                let network = subnet.network.address.to_bits() & subnet.network.mask();
                if let Some(all) = subnet.network.broadcast() {
                    take(all);
                    take(Ipv4Addr::from_bits(network));
                }
                let free = taken.trailing_ones();
                if free < count {
                    return Some(Ipv4Addr::from_bits(base.wrapping_add(free)));
                }
                at += count;
            }
        }
        None
    }
}
