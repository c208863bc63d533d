//! The IPv4 addresses of interfaces as they come, are defended, and go.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
#[cfg(feature = "acd")]
use crate::iface::ConflictDetection;
use crate::iface::{
    AddressError, EventKind, Interface, Ipv4Cidr, Ipv4Entry, Ipv4Origin, Ipv4State,
};

impl Stack<'_> {
    /// Adds an IPv4 address to an interface, or changes the subnet of one that is there.
    ///
    /// With the feature `acd`, on Ethernet, the address is used as soon as nobody on the link
    /// has it, some five seconds after the link is up: the event
    /// [`AddressAdded`](EventKind::AddressAdded) says so, or
    /// [`AddressDuplicate`](EventKind::AddressDuplicate) that another station has it (RFC 5227
    /// §2.1). Elsewhere it is used at once.
    pub fn add_ipv4(self, id: InterfaceId, cidr: Ipv4Cidr) -> Result<(), AddressError> {
        self.with(|core| core.add_ipv4(id, cidr))
    }

    /// As [`Stack::add_ipv4`], for an address that was not assigned by hand. One of
    /// [`Ipv4Origin::LinkLocal`] is refused: those the host chooses itself.
    pub fn add_ipv4_from(
        self,
        id: InterfaceId,
        cidr: Ipv4Cidr,
        origin: Ipv4Origin,
    ) -> Result<(), AddressError> {
        if origin == Ipv4Origin::LinkLocal {
            return Err(AddressError::Invalid);
        }
        self.with(|core| core.add_ipv4_from(id, cidr, origin))
    }

    /// Whether an interface receives what is sent to all hosts of one of its subnets (RFC 922 §7);
    /// at first it does. What is sent to 255.255.255.255 it receives always. False if there is no
    /// such interface.
    pub fn receive_directed_broadcast(self, id: InterfaceId, receive: bool) -> bool {
        self.with(|core| {
            let interface = core.interface_mut(id);
            interface
                .map(|interface| interface.ignores_directed_broadcast = !receive)
                .is_some()
        })
    }

    /// What an interface does to find out whether other stations have its IPv4 addresses, and what
    /// when one has. At first that is [`ConflictDetection::DefendOnce`]. False if there is no such
    /// interface.
    ///
    /// Where it is switched off addresses that are being probed are used at once.
    #[cfg(feature = "acd")]
    pub fn set_conflict_detection(self, id: InterfaceId, detection: ConflictDetection) -> bool {
        self.with(|core| core.set_conflict_detection(id, detection))
    }
}

impl Core<'_> {
    /// Adds an IPv4 address to an interface.
    pub fn add_ipv4(&mut self, id: InterfaceId, cidr: Ipv4Cidr) -> Result<(), AddressError> {
        self.add_ipv4_from(id, cidr, Ipv4Origin::Static)
    }

    pub(crate) fn add_ipv4_from(
        &mut self,
        id: InterfaceId,
        cidr: Ipv4Cidr,
        origin: Ipv4Origin,
    ) -> Result<(), AddressError> {
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        // Packets from and to these leave no host (RFC 1122 §3.2.1.3 g).
        if cidr.address.is_loopback() != interface.is_loopback() {
            return Err(AddressError::Invalid);
        }
        let state = match interface.detects_conflicts(origin) {
            true => Ipv4State::Probing,
            false => Ipv4State::Active,
        };
        let entry = Ipv4Entry {
            cidr,
            origin,
            state,
        };
        if !interface.assign_ipv4(entry)? {
            return Ok(());
        }
        match state {
            #[cfg(feature = "acd")]
            Ipv4State::Probing => self.begin_to_probe(id, cidr.address),
            _ => self.emit(id, EventKind::AddressAdded(cidr.address.into())),
        }
        self.ipv4_changed(id);
        Ok(())
    }

    /// Takes an IPv4 address from an interface; says whether it was there.
    pub(super) fn remove_ipv4(&mut self, id: InterfaceId, address: core::net::Ipv4Addr) -> bool {
        let interface = self.interface_mut(id);
        let Some(entry) = interface.and_then(|interface| interface.unassign_ipv4(address)) else {
            return false;
        };
        if entry.state == Ipv4State::Active {
            self.emit(id, EventKind::AddressRemoved(address.into()));
        }
        self.ipv4_changed(id);
        true
    }

    /// The addresses of an interface have changed.
    fn ipv4_changed(&mut self, id: InterfaceId) {
        #[cfg(feature = "ipv4-link-local")]
        self.review_link_local(id);
        #[cfg(feature = "acd")]
        self.arm_addresses();
        self.wake_link(id);
    }
}

impl Interface<'_> {
    /// Whether an address of this origin has to be probed before it is used.
    fn detects_conflicts(&self, origin: Ipv4Origin) -> bool {
        #[cfg(feature = "acd")]
        return self.capabilities.medium == crate::link::Medium::Ethernet
            && (self.conflicts.detection != ConflictDetection::Off
                || origin == Ipv4Origin::LinkLocal);
        #[cfg(not(feature = "acd"))]
        {
            let _ = origin;
            false
        }
    }
}

/// Address conflict detection (RFC 5227).
#[cfg(feature = "acd")]
mod conflict {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::iface::conflict::{Claim, Due, Response};
    use crate::stack::timers::ADDRESSES;
    use crate::wire::LinkAddr;
    use crate::wire::arp::ArpOperation;

    impl Core<'_> {
        pub(super) fn set_conflict_detection(
            &mut self,
            id: InterfaceId,
            detection: ConflictDetection,
        ) -> bool {
            let Some(interface) = self.interface_mut(id) else {
                return false;
            };
            interface.conflicts.detection = detection;
            while let Some(address) = self.next_ipv4(id, |interface, entry| {
                entry.state == Ipv4State::Probing && !interface.detects_conflicts(entry.origin)
            }) {
                if let Some(assignment) = self.assignment(id, address) {
                    assignment.claim = Claim::IDLE;
                }
                self.set_ipv4_state(id, address, Ipv4State::Active);
            }
            self.ipv4_changed(id);
            true
        }

        /// An address of an interface for which `is_it` says yes.
        fn next_ipv4(
            &self,
            id: InterfaceId,
            is_it: impl Fn(&Interface<'_>, &Ipv4Entry) -> bool,
        ) -> Option<Ipv4Addr> {
            let interface = self.interface(id)?;
            let mut entries = interface.assignments.iter().map(|a| a.entry);
            let entry = entries.find(|entry| is_it(interface, entry))?;
            Some(entry.cidr.address)
        }

        pub(super) fn assignment(
            &mut self,
            id: InterfaceId,
            address: Ipv4Addr,
        ) -> Option<&mut crate::iface::Assignment> {
            self.interface_mut(id)?.assignment(address)
        }

        /// Lets an address be used, or no longer, and tells those who want to know.
        pub(super) fn set_ipv4_state(&mut self, id: InterfaceId, address: Ipv4Addr, to: Ipv4State) {
            let Some(interface) = self.interface_mut(id) else {
                return;
            };
            let Some(assignment) = interface.assignment(address) else {
                return;
            };
            let from = core::mem::replace(&mut assignment.entry.state, to);
            interface.publish_ipv4();
            self.wake_link(id);
            if to == Ipv4State::Conflicted {
                self.drop_pending_from(id, address.into());
            }
            let address = address.into();
            match (from, to) {
                (Ipv4State::Active, Ipv4State::Probing) => {
                    self.emit(id, EventKind::AddressRemoved(address));
                }
                (Ipv4State::Probing | Ipv4State::Conflicted, Ipv4State::Active) => {
                    self.emit(id, EventKind::AddressAdded(address));
                }
                (Ipv4State::Probing | Ipv4State::Active, Ipv4State::Conflicted) => {
                    self.emit(id, EventKind::AddressDuplicate(address));
                }
                _ => {}
            }
        }

        /// Begins to probe a new address, as soon as the link is up.
        pub(super) fn begin_to_probe(&mut self, id: InterfaceId, address: Ipv4Addr) {
            let now = self.now;
            let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
                return;
            };
            if interface.is_up() {
                let at = interface.conflicts.attempt(now);
                if let Some(assignment) = interface.assignment(address) {
                    assignment.claim.begin(at, &mut self.rng);
                }
            }
        }

        /// A link has come up, gone down, or has another link address: what was known of others on
        /// the link is void (§2.1).
        #[cold]
        pub(in crate::stack) fn probe_all(&mut self, id: InterfaceId) {
            let Some(interface) = self.interface_mut(id) else {
                return;
            };
            let is_up = interface.is_up();
            interface.conflicts.forget();
            for assignment in &mut interface.assignments {
                assignment.claim = Claim::IDLE;
            }
            let mut index = 0;
            while is_up && let Some(entry) = self.ipv4_at(id, index) {
                let address = entry.cidr.address;
                let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
                    break;
                };
                if interface.detects_conflicts(entry.origin) {
                    if let Some(assignment) = interface.assignment(address) {
                        assignment.claim.begin(self.now, &mut self.rng);
                    }
                    self.set_ipv4_state(id, address, Ipv4State::Probing);
                }
                index += 1;
            }
            self.ipv4_changed(id);
        }

        fn ipv4_at(&self, id: InterfaceId, index: usize) -> Option<Ipv4Entry> {
            Some(self.interface(id)?.assignments.get(index)?.entry)
        }

        /// Sets the timer of all addresses to the earliest of their deadlines.
        pub(super) fn arm_addresses(&mut self) {
            let deadlines = self.interfaces().filter_map(|(_, interface)| {
                let claims = interface.assignments.iter();
                claims.filter_map(|a| a.claim.deadline()).min()
            });
            let deadline = deadlines.min();
            self.set_timer(ADDRESSES, deadline);
        }

        /// Sends the probes and announcements that are due.
        pub(in crate::stack) fn poll_addresses(&mut self) {
            let now = self.now;
            for index in 0..self.interfaces.len() {
                let id = index as InterfaceId;
                while let Some((address, due)) = self.interface(id).and_then(|interface| {
                    let mut claims = interface.assignments.iter();
                    claims.find_map(|a| Some((a.entry.cidr.address, a.claim.due(now)?)))
                }) {
                    self.address_due(id, address, due);
                }
            }
            self.arm_addresses();
        }

        fn address_due(&mut self, id: InterfaceId, address: Ipv4Addr, due: Due) {
            let result = match due {
                Due::Probe => self.send_arp_about(id, Ipv4Addr::UNSPECIFIED, address),
                Due::Announcement => self.send_arp_about(id, address, address),
                #[cfg(feature = "ipv4-link-local")]
                Due::Retirement => return self.retire_link_local(id, address),
            };
            let now = self.now;
            let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
                return;
            };
            let Some(assignment) = interface.assignment(address) else {
                return;
            };
            match result {
                Ok(()) => assignment.claim.sent(now, &mut self.rng),
                Err(reason) => {
                    assignment.claim.not_sent(now);
                    return interface.counters.not_sent(reason);
                }
            }
            // "The host may begin legitimately using the IP address immediately after sending the
            // first of the two ARP Announcements" (§2.3).
            if due == Due::Announcement && assignment.entry.state == Ipv4State::Probing {
                self.set_ipv4_state(id, address, Ipv4State::Active);
                self.ipv4_changed(id);
            }
        }

        /// Broadcasts an ARP request for `target` from `sender`: a probe or an announcement (§1.1).
        fn send_arp_about(
            &mut self,
            id: InterfaceId,
            sender: Ipv4Addr,
            target: Ipv4Addr,
        ) -> Result<(), crate::iface::SendDrop> {
            let interface = self.interface(id);
            let interface = interface.ok_or(crate::iface::SendDrop::NoRoute)?;
            let own = (interface.link_address(), sender);
            let to = LinkAddr::ETHERNET_BROADCAST;
            self.send_arp(id, ArpOperation::Request, own, ([0; 6], target), to)
        }

        /// An ARP packet of somebody else says that its sender has an address, or (as a probe)
        /// wants one: perhaps ours (§2.1.1, §2.4).
        #[cold]
        pub(in crate::stack) fn heard_of_address(
            &mut self,
            id: InterfaceId,
            link: LinkAddr,
            sender: Ipv4Addr,
            probed: Option<Ipv4Addr>,
        ) {
            let Some(interface) = self.interface_mut(id) else {
                return;
            };
            let detection = interface.conflicts.detection;
            let address = probed.unwrap_or(sender);
            let Some(assignment) = interface.assignment(address) else {
                return;
            };
            let entry = assignment.entry;
            // While the link is down nothing is begun, and nothing comes in.
            let is_conflict = match entry.state {
                Ipv4State::Probing => true,
                Ipv4State::Active => probed.is_none(),
                Ipv4State::Conflicted => false,
            };
            // Some hubs and access points send broadcasts back to where they come from (§2.1.1).
            let is_echo = self.interfaces().any(|(_, i)| i.link_address() == link);
            if !is_conflict || is_echo {
                return;
            }
            match entry.state {
                Ipv4State::Active => self.contested(id, entry, detection),
                _ => self.give_up(id, entry),
            }
        }

        /// Somebody else uses an address that is in use here.
        fn contested(&mut self, id: InterfaceId, entry: Ipv4Entry, detection: ConflictDetection) {
            let address = entry.cidr.address;
            // A link-local address is not kept against all others (RFC 3927 §2.5), nor is it ever
            // left undefended.
            let detection = match (entry.origin, detection) {
                (Ipv4Origin::LinkLocal, ConflictDetection::GiveUp) => ConflictDetection::GiveUp,
                (Ipv4Origin::LinkLocal, _) => ConflictDetection::DefendOnce,
                (_, detection) => detection,
            };
            let now = self.now;
            let Some(assignment) = self.assignment(id, address) else {
                return;
            };
            match assignment.claim.conflict(now, detection) {
                Response::Nothing => {}
                Response::Announce => {
                    if let Err(reason) = self.send_arp_about(id, address, address) {
                        self.not_sent(id, reason);
                    }
                    if let Some(interface) = self.interface_mut(id) {
                        interface.conflicts.noted();
                    }
                    self.emit(id, EventKind::AddressDefended(address.into()));
                }
                Response::GiveUp => self.give_up(id, entry),
            }
        }

        /// Another station has an address: it is not, or no longer, used here.
        fn give_up(&mut self, id: InterfaceId, entry: Ipv4Entry) {
            let address = entry.cidr.address;
            // "Before abandoning an address due to a conflict, hosts SHOULD actively attempt to
            // reset any existing connections using that address" (§2.4).
            #[cfg(feature = "tcp")]
            if entry.state == Ipv4State::Active {
                self.tcp_abandon(address.into());
            }
            if let Some(assignment) = self.assignment(id, address) {
                assignment.claim = Claim::IDLE;
            }
            self.set_ipv4_state(id, address, Ipv4State::Conflicted);
            if let Some(interface) = self.interface_mut(id) {
                interface.conflicts.noted();
            }
            #[cfg(feature = "ipv4-link-local")]
            if entry.origin == Ipv4Origin::LinkLocal {
                self.next_link_local(id, address);
            }
            self.ipv4_changed(id);
        }
    }
}

/// Link-local addresses (RFC 3927).
#[cfg(feature = "ipv4-link-local")]
mod link_local {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::ip::link_local_v4::{PREFIX_LENGTH, candidate};
    use crate::link::Medium;
    use crate::time::Duration;

    /// How often it is looked at whether a link-local address that has become superfluous is still
    /// in use.
    const RETIREMENT: Duration = Duration::from_secs(60);

    impl Stack<'_> {
        /// Lets an interface choose an IPv4 address of 169.254.0.0/16 for itself, as long as it
        /// has no other that may be used (RFC 3927).
        ///
        /// When there is another, new connections are made from that one, and the link-local
        /// address goes with the last connection from it. An error if there is no such interface,
        /// if its link is no Ethernet, or if the table of addresses is full.
        pub fn start_ipv4_link_local(self, id: InterfaceId) -> Result<(), AddressError> {
            self.with(|core| core.start_link_local(id))
        }

        /// Lets an interface choose no IPv4 address for itself any longer, and takes the one that
        /// it has chosen away.
        pub fn stop_ipv4_link_local(self, id: InterfaceId) {
            self.with(|core| core.stop_link_local(id));
        }
    }

    impl Core<'_> {
        fn start_link_local(&mut self, id: InterfaceId) -> Result<(), AddressError> {
            let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
            if interface.capabilities.medium != Medium::Ethernet {
                return Err(AddressError::Invalid);
            }
            if interface.conflicts.link_local.is_some() {
                return Ok(());
            }
            if interface.assignments.is_full() {
                return Err(AddressError::TableFull);
            }
            interface.conflicts.link_local = Some(0);
            self.ipv4_changed(id);
            Ok(())
        }

        fn stop_link_local(&mut self, id: InterfaceId) {
            if let Some(interface) = self.interface_mut(id) {
                interface.conflicts.link_local = None;
            }
            if let Some(entry) = self.link_local(id) {
                let _: bool = self.remove_ipv4(id, entry.cidr.address);
            }
        }

        /// The address that an interface has chosen.
        fn link_local(&self, id: InterfaceId) -> Option<Ipv4Entry> {
            let entries = self.interface(id)?.assignments.iter().map(|a| a.entry);
            let mut chosen = entries.filter(|entry| entry.origin == Ipv4Origin::LinkLocal);
            chosen.next()
        }

        /// The addresses of an interface have changed: chooses one if it has none, and lets the one
        /// chosen go if there is another (§1.9).
        pub(super) fn review_link_local(&mut self, id: InterfaceId) {
            let now = self.now;
            let chosen = self.link_local(id);
            let Some(interface) = self.interface_mut(id) else {
                return;
            };
            let Some(attempt) = interface.conflicts.link_local else {
                return;
            };
            let has_other = interface
                .ipv4
                .iter()
                .any(|cidr| !cidr.address.is_link_local());
            match chosen {
                None if has_other => {}
                None => {
                    let address = candidate(interface.link_address().as_bytes(), attempt);
                    let cidr = Ipv4Cidr::new(address, PREFIX_LENGTH);
                    // A full table leaves no place for it: the next change brings another chance.
                    let _: Result<(), _> = self.add_ipv4_from(id, cidr, Ipv4Origin::LinkLocal);
                }
                Some(entry) => {
                    let address = entry.cidr.address;
                    if has_other && entry.state != Ipv4State::Active {
                        let _: bool = self.remove_ipv4(id, address);
                    } else if let Some(assignment) = interface.assignment(address) {
                        match has_other {
                            true if assignment.claim.is_retiring() => {}
                            true => assignment.claim.retire(now, RETIREMENT),
                            false => assignment.claim.reinstate(),
                        }
                    }
                }
            }
        }

        /// Another station has the address that was chosen: "MUST select a new pseudo-random address
        /// and repeat the process" (§2.2.1).
        pub(super) fn next_link_local(&mut self, id: InterfaceId, address: Ipv4Addr) {
            if let Some(interface) = self.interface_mut(id) {
                let _: Option<Ipv4Entry> = interface.unassign_ipv4(address);
                let attempt = &mut interface.conflicts.link_local;
                *attempt = attempt.map(|attempt| attempt.wrapping_add(1));
            }
        }

        /// Takes a link-local address away that nothing needs any longer: "The host SHOULD continue
        /// to use the IPv4 Link-Local address for communications already underway" (§1.9).
        pub(super) fn retire_link_local(&mut self, id: InterfaceId, address: Ipv4Addr) {
            let now = self.now;
            #[cfg(feature = "tcp")]
            let is_used = self.tcp.iter().any(|(_, c)| c.local == address.into());
            #[cfg(not(feature = "tcp"))]
            let is_used = false;
            if !is_used {
                let _: bool = self.remove_ipv4(id, address);
            } else if let Some(assignment) = self.assignment(id, address) {
                assignment.claim.retire(now, RETIREMENT);
            }
        }
    }
}
