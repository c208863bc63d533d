//! The server as a machine without I/O (RFC 2131 §4.3).
//!
//! It is shown the messages of clients, and says what is to be done about each.

use core::net::Ipv4Addr;

use super::super::message::MessageType;
use super::super::option::is_host;
use super::config::{ServerConfig, Subnet};
use super::lease::{ClientKey, LeaseSlot, LeaseState, ServerLease, SlotState, end};
use super::request::Request;
use super::{Dhcpv4ServerCounters, count};
use crate::time::{Duration, Instant};
use crate::wire::LinkAddr;

/// How long an address is kept for a client that has been offered it.
const OFFER_TIME: Duration = Duration::from_secs(15);

/// What is to be done about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Reply(Reply),
    /// It is to be looked whether another station has this address; then the message is shown again.
    Probe(Ipv4Addr),
    /// It has been counted.
    Nothing,
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) kind: MessageType,
    /// `yiaddr`.
    pub(super) address: Ipv4Addr,
    /// `ciaddr`.
    pub(super) client_address: Ipv4Addr,
    /// The time of the lease, if it is about one.
    pub(super) seconds: Option<u32>,
    /// Why the server says no.
    pub(super) why: &'static str,
}

pub(super) struct Machine<'c> {
    pub(super) config: ServerConfig<'c>,
    pub(super) slots: &'c mut [LeaseSlot],
    pub(super) counters: Dhcpv4ServerCounters,
    /// An address that a store is to forget, since its place is another's.
    pub(super) evicted: Option<Ipv4Addr>,
    /// There are places that a store has yet to be told of.
    pub(super) has_unsaved: bool,
}

impl<'c> Machine<'c> {
    pub(super) fn new(config: ServerConfig<'c>, slots: &'c mut [LeaseSlot]) -> Self {
        slots.fill(LeaseSlot::UNUSED);
        Self {
            config,
            slots,
            counters: Dhcpv4ServerCounters::default(),
            evicted: None,
            has_unsaved: false,
        }
    }

    /// Takes a lease that was kept over a restart, if it still is of one of the subnets and there is
    /// room for it.
    pub(super) fn restore(&mut self, now: Instant, lease: &ServerLease) {
        let address = lease.address;
        let is_known = self
            .slots
            .iter()
            .any(|slot| slot.is_used() && slot.address == address);
        let mut subnets = self.config.subnets.iter();
        let is_ours =
            subnets.any(|subnet| subnet.network.contains(address) && !subnet.is_of_all(address));
        let unused = self.slots.iter_mut().find(|slot| !slot.is_used());
        if let Some(slot) = unused.filter(|_| is_ours && !is_known) {
            *slot = LeaseSlot {
                address,
                key: lease.client,
                hardware: lease.hardware,
                state: SlotState::Leased,
                until: end(now, lease.seconds),
                is_saved: true,
                is_unsaved: false,
            };
        }
    }

    /// Takes an address from its client, whatever has become of it.
    pub(super) fn remove(&mut self, address: Ipv4Addr) -> bool {
        let mut slots = self.slots.iter_mut();
        let slot = slots.find(|slot| slot.is_used() && !slot.is_gone() && slot.address == address);
        let Some(slot) = slot else {
            return false;
        };
        *slot = match slot.is_saved {
            // It stays until a store has forgotten it.
            true => LeaseSlot {
                address,
                state: SlotState::Former,
                is_saved: true,
                is_unsaved: true,
                ..LeaseSlot::UNUSED
            },
            false => LeaseSlot::UNUSED,
        };
        self.has_unsaved = true;
        true
    }

    /// What a store is to be told next: to keep a lease, or to forget that of an address.
    pub(super) fn next_unsaved(&mut self, now: Instant) -> Option<Result<ServerLease, Ipv4Addr>> {
        if let Some(address) = self.evicted.take() {
            return Some(Err(address));
        }
        if !self.has_unsaved {
            return None;
        }
        let unsaved = self.slots.iter_mut().find(|slot| slot.is_unsaved);
        let Some(slot) = unsaved else {
            self.has_unsaved = false;
            return None;
        };
        let shown = slot.show(now);
        let address = slot.address;
        slot.is_unsaved = false;
        slot.is_saved = slot.state == SlotState::Leased;
        if slot.is_gone() {
            *slot = LeaseSlot::UNUSED;
        }
        let kept = shown.filter(|lease| lease.state == LeaseState::Leased);
        Some(kept.ok_or(address))
    }

    /// Nobody seems to have the address.
    pub(super) fn probed(&mut self, now: Instant, address: Ipv4Addr) {
        if let Some(slot) = self.probing(address) {
            slot.state = SlotState::Offered;
            slot.until = now + OFFER_TIME;
        }
    }

    /// A station has the address, and not from here.
    pub(super) fn conflict(&mut self, now: Instant, address: Ipv4Addr, link: LinkAddr) {
        let span = self.config.decline_time;
        if let Some(slot) = self.probing(address) {
            set_aside(slot, link, end(now, span));
            self.has_unsaved = true;
            count(&mut self.counters.conflicts);
        }
    }

    fn probing(&mut self, address: Ipv4Addr) -> Option<&mut LeaseSlot> {
        let mut slots = self.slots.iter_mut();
        slots.find(|slot| slot.state == SlotState::Probing && slot.address == address)
    }

    /// The subnet of an address where a client is.
    pub(super) fn subnet_of(
        &self,
        request: &Request<'_>,
        address: Ipv4Addr,
    ) -> Option<&'c Subnet<'c>> {
        let mut subnets = self.config.subnets.iter();
        // Who is sent to by its own address has it, wherever that is (RFC 2131 §4.3.2: RENEWING).
        let is_renewal = request.arrival.is_unicast && !request.is_relayed();
        let is_on = |subnet: &&Subnet<'_>| {
            let is_renewed = is_renewal && request.message.client_address() == address;
            subnet.network.contains(address) && (is_renewed || request.is_on(subnet))
        };
        subnets.find(is_on)
    }

    /// A message has come from a client.
    pub(super) fn receive(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let is_served = self
            .config
            .subnets
            .iter()
            .any(|subnet| request.is_on(subnet))
            || self
                .subnet_of(request, request.message.client_address())
                .is_some();
        if !is_served {
            return self.nothing(|counters| &mut counters.unserved);
        }
        match request.kind {
            MessageType::DISCOVER => self.discover(now, request),
            MessageType::REQUEST => self.request(now, request),
            MessageType::DECLINE => self.decline(now, request),
            MessageType::RELEASE => self.release(now, request),
            MessageType::INFORM => self.inform(request),
            _ => self.nothing(|counters| &mut counters.stray),
        }
    }

    fn nothing(&mut self, counter: impl Fn(&mut Dhcpv4ServerCounters) -> &mut u32) -> Answer {
        count(counter(&mut self.counters));
        Answer::Nothing
    }

    // ---- DISCOVER (§4.3.1) -----------------------------------------------------------------

    fn discover(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let probe = self.config.probe && request.arrival.may_probe;
        let place = self.choose(now, request);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return self.nothing(|counters| &mut counters.exhausted);
        };
        let address = slot.address;
        let is_active = slot.is_active(now);
        let left = slot.seconds(now);
        match slot.state {
            SlotState::Leased if is_active => {}
            SlotState::Probing if is_active => {
                return self.nothing(|counters| &mut counters.repeated);
            }
            SlotState::Offered if is_active => slot.until = now + OFFER_TIME,
            _ => {
                slot.state = if probe {
                    SlotState::Probing
                } else {
                    SlotState::Offered
                };
                slot.until = now + OFFER_TIME;
                if probe {
                    return Answer::Probe(address);
                }
            }
        }
        // "IF the client has not requested a specific lease [...] and the client already has an
        // assigned network address, the server returns the lease expiration time previously
        // assigned".
        let is_leased = slot.state == SlotState::Leased;
        let left = is_leased.then_some(left);
        let subnet = self.subnet_of(request, address);
        let seconds = subnet.map(|subnet| subnet.lease_time(request.lease_time(), left));
        count(&mut self.counters.offered);
        Answer::Reply(Reply {
            kind: MessageType::OFFER,
            address,
            client_address: Ipv4Addr::UNSPECIFIED,
            seconds,
            why: "",
        })
    }

    // ---- REQUEST (§4.3.2) ------------------------------------------------------------------

    fn request(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let has = request.message.client_address();
        let has = (!has.is_unspecified()).then_some(has);
        match (request.chosen(), request.wanted(), has) {
            (Some(false), ..) => {
                // What was offered is to be had by others.
                for slot in self.slots.iter_mut() {
                    if slot.key == request.key && slot.is_offer() {
                        slot.until = now;
                    }
                }
                self.nothing(|counters| &mut counters.elsewhere)
            }
            (Some(true), Some(address), None) => self.select(now, request, address),
            (None, Some(address), None) => self.reboot(now, request, address),
            // There is no server to be named, and no address, but some clients do.
            (_, _, Some(address)) => self.renew(now, request, address),
            (_, None, None) => self.nothing(|counters| &mut counters.malformed),
        }
    }

    /// The client takes up an offer.
    fn select(&mut self, now: Instant, request: &Request<'_>, address: Ipv4Addr) -> Answer {
        if self.subnet_of(request, address).is_none() {
            return self.refuse("wrong network");
        }
        // The offer is perhaps another's by now, or forgotten.
        if !self.may_have(request, address) {
            return self.refuse("address not available");
        }
        match self.place(now, request, address, true) {
            Some(place) => {
                let place = self.seat(place, request, address);
                self.grant(now, request, place)
            }
            None => self.refuse("address in use"),
        }
    }

    /// The client asks whether it may go on using an address.
    fn reboot(&mut self, now: Instant, request: &Request<'_>, address: Ipv4Addr) -> Answer {
        if self.subnet_of(request, address).is_none() {
            return self.refuse("wrong network");
        }
        if let Some(place) = self.own(request, Some(address))
            && self.may_have(request, address)
        {
            return self.grant(now, request, place);
        }
        match (self.reserved_for(request), self.own(request, None)) {
            // It is kept for this client.
            (Some(kept), _) if kept == address => self.select(now, request, address),
            // "If the DHCP server has no record of this client, then it MUST remain silent".
            (None, None) => self.nothing(|counters| &mut counters.unknown),
            _ => self.refuse("wrong address"),
        }
    }

    /// The client wants to keep its address for longer.
    fn renew(&mut self, now: Instant, request: &Request<'_>, address: Ipv4Addr) -> Answer {
        if self.subnet_of(request, address).is_none() {
            return self.refuse("wrong network");
        }
        if let Some(place) = self.own(request, Some(address))
            && self.may_have(request, address)
        {
            return self.grant(now, request, place);
        }
        // It was granted here, and is forgotten: by a restart, or because it was taken away.
        if request.arrival.is_unicast {
            return self.select(now, request, address);
        }
        match self.own(request, None) {
            Some(_) => self.refuse("wrong address"),
            // Another server has granted it.
            None => self.nothing(|counters| &mut counters.unknown),
        }
    }

    fn grant(&mut self, now: Instant, request: &Request<'_>, place: usize) -> Answer {
        let Some(address) = self.slots.get(place).map(|slot| slot.address) else {
            return Answer::Nothing;
        };
        let has = request.message.client_address();
        let subnet = self.subnet_of(request, address);
        let left = self.slots.get(place).filter(|slot| {
            let is_offered = has.is_unspecified() && request.chosen() == Some(true);
            is_offered && slot.state == SlotState::Leased && slot.is_active(now)
        });
        // As it was offered.
        let left = left.map(|slot| slot.seconds(now));
        let seconds = subnet.map_or(0, |subnet| subnet.lease_time(request.lease_time(), left));
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if number == place {
                slot.state = SlotState::Leased;
                slot.until = end(now, seconds);
                slot.hardware = request.hardware;
                slot.is_unsaved = true;
            } else if slot.is_used() && slot.key == request.key && slot.is_active(now) {
                // A client has one address on a link.
                let is_here = |subnet: &Subnet<'_>| subnet.network.contains(slot.address);
                let mut subnets = self.config.subnets.iter();
                if subnets.any(|subnet| request.is_on(subnet) && is_here(subnet)) {
                    give_back(slot, now);
                }
            }
        }
        self.has_unsaved = true;
        count(&mut self.counters.acknowledged);
        Answer::Reply(Reply {
            kind: MessageType::ACK,
            address,
            client_address: has,
            seconds: Some(seconds),
            why: "",
        })
    }

    fn refuse(&mut self, why: &'static str) -> Answer {
        count(&mut self.counters.refused);
        Answer::Reply(Reply {
            kind: MessageType::NAK,
            address: Ipv4Addr::UNSPECIFIED,
            client_address: Ipv4Addr::UNSPECIFIED,
            seconds: None,
            why,
        })
    }

    // ---- DECLINE, RELEASE, INFORM (§4.3.3 to §4.3.5) ---------------------------------------

    fn decline(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let span = self.config.decline_time;
        let slot = self.of_client(request, request.wanted());
        let Some(slot) = slot else {
            return self.nothing(|counters| &mut counters.unknown);
        };
        set_aside(slot, LinkAddr::NONE, end(now, span));
        self.has_unsaved = true;
        self.nothing(|counters| &mut counters.declined)
    }

    fn release(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let address = request.message.client_address();
        let Some(slot) = self.of_client(request, Some(address)) else {
            return self.nothing(|counters| &mut counters.unknown);
        };
        give_back(slot, now);
        self.has_unsaved = true;
        self.nothing(|counters| &mut counters.released)
    }

    /// The place of an address that a client has from this server.
    fn of_client(
        &mut self,
        request: &Request<'_>,
        address: Option<Ipv4Addr>,
    ) -> Option<&mut LeaseSlot> {
        let place = self.own(request, Some(address?))?;
        if request.chosen() == Some(false) {
            return None;
        }
        let slot = self.slots.get_mut(place);
        slot.filter(|slot| matches!(slot.state, SlotState::Leased | SlotState::Offered))
    }

    fn inform(&mut self, request: &Request<'_>) -> Answer {
        let address = request.message.client_address();
        if !is_host(address) || self.subnet_of(request, address).is_none() {
            return self.nothing(|counters| &mut counters.unserved);
        }
        count(&mut self.counters.informed);
        Answer::Reply(Reply {
            kind: MessageType::ACK,
            address: Ipv4Addr::UNSPECIFIED,
            client_address: address,
            // "The server MUST NOT send a lease expiration time".
            seconds: None,
            why: "",
        })
    }
}

/// The client has the address no longer, but gets it again if it comes back soon.
fn give_back(slot: &mut LeaseSlot, now: Instant) {
    slot.state = SlotState::Former;
    slot.until = now;
    slot.is_unsaved = slot.is_saved;
}

/// Nobody gets the address for some time.
fn set_aside(slot: &mut LeaseSlot, link: LinkAddr, until: Instant) {
    slot.state = SlotState::Declined;
    slot.key = ClientKey::NONE;
    slot.hardware = link;
    slot.until = until;
    slot.is_unsaved = slot.is_saved;
}
