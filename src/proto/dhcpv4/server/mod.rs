//! The DHCPv4 server (RFC 2131 §4.3).
//!
//! What a message leads to is decided by a machine that knows no socket (`machine.rs`, and
//! `choose.rs`, which finds addresses); `reply.rs` writes what is said, `run.rs` does the work.

mod choose;
mod config;
mod lease;
mod machine;
mod reply;
mod request;
mod run;
#[cfg(test)]
mod tests;

use core::cell::{RefCell, RefMut};
use core::net::Ipv4Addr;

pub use config::{
    AddressRange, OptionValue, Reservation, ReservedFor, ServerConfig, ServerConfigError,
    ServerOption, Subnet,
};
pub use lease::{ClientKey, LeaseSlot, LeaseState, LeaseStore, ServerLease};
use machine::Machine;
use request::Request;

use crate::stack::Stack;
use crate::stack::waiters::WaitKey;

/// What a server has done. Each message counts once. Each number starts again from zero after the
/// largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dhcpv4ServerCounters {
    /// Offers.
    pub offered: u32,
    /// Leases granted, extended or confirmed.
    pub acknowledged: u32,
    /// Refusals.
    pub refused: u32,
    /// Clients with an address of their own that were told the other parameters.
    pub informed: u32,
    /// Addresses that clients have given back.
    pub released: u32,
    /// Addresses that clients have found with another station.
    pub declined: u32,
    /// Passed over: the client has chosen another server.
    pub elsewhere: u32,
    /// Passed over: about a lease that this server knows nothing of.
    pub unknown: u32,
    /// Passed over: from where no subnet is served, or for an address of none.
    pub unserved: u32,
    /// Passed over: there is no address left.
    pub exhausted: u32,
    /// Passed over: it came again while its address was being looked for on the link.
    pub repeated: u32,
    /// Dropped: not of a kind that clients send to servers.
    pub stray: u32,
    /// Dropped: not a message that can be read, or that can be answered.
    pub malformed: u32,
    /// Replies that could not be sent: no route, no address to send from, or no room. Clients ask
    /// again.
    pub not_sent: u32,
    /// Beside the messages: addresses that another station had when they were to be offered.
    pub conflicts: u32,
    /// Beside the messages: addresses that were offered without a look, since as many were being
    /// looked for as can be at once ([`DHCPV4_PROBES`](crate::config::DHCPV4_PROBES)).
    pub unprobed: u32,
    /// Beside the messages: offers whose address another client got, since there was no other.
    pub displaced: u32,
    /// Beside the messages: options for which there was no room in a reply, those of relay agents
    /// among them.
    pub missed: u32,
}

fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

/// A DHCPv4 server (RFC 2131), for the links of any number of interfaces and for relay agents.
///
/// [`Dhcpv4Server::run`] does the work. The leases are in a table that is lent to it: as many places
/// as there are, so many clients are known at once, with those that had an address and may come back.
/// A flood of strangers takes no lease from anybody, and no place that is kept for a reservation.
pub struct Dhcpv4Server<'a, 'c> {
    stack: Stack<'a>,
    machine: RefCell<Machine<'c>>,
}

impl<'a, 'c> Dhcpv4Server<'a, 'c> {
    /// A server, which does nothing until it is run.
    pub fn new(
        stack: Stack<'a>,
        config: ServerConfig<'c>,
        places: &'c mut [LeaseSlot],
    ) -> Result<Self, ServerConfigError> {
        config.check(places.len())?;
        Ok(Self {
            stack,
            machine: RefCell::new(Machine::new(config, places)),
        })
    }

    fn borrow(&self) -> RefMut<'_, Machine<'c>> {
        loop {
            // It is borrowed where nothing foreign runs, and a server stays in its thread: this
            // succeeds the first time.
            if let Ok(machine) = self.machine.try_borrow_mut() {
                return machine;
            }
        }
    }

    /// The addresses that clients have, have been offered, or had, and those that other stations have.
    pub fn leases(&self) -> impl Iterator<Item = ServerLease> {
        let now = self.stack.now();
        let places = self.borrow().slots.len();
        // The table is borrowed for one at a time: what is done with it may use the server.
        (0..places).filter_map(move |place| self.borrow().slots.get(place)?.show(now))
    }

    /// Takes an address from its client, or puts one that was set aside back; says whether it was in
    /// the table. The client is not told: it goes on until it asks for more time, and is refused then
    /// if another one has the address.
    pub fn remove(&self, address: Ipv4Addr) -> bool {
        let was_there = self.borrow().remove(address);
        // The store is to forget it.
        (self.stack).visit(|core| core.waiters.wake(WaitKey::DHCPV4_SERVER));
        was_there
    }

    /// What it has done.
    pub fn counters(&self) -> Dhcpv4ServerCounters {
        self.borrow().counters
    }
}
