//! The client: what it holds, and what it tells.

use core::cell::{RefCell, RefMut};
use core::net::Ipv6Addr;

use heapless::Vec;

use super::binding::BindingState;
use super::config::{ClientConfig, ConfigError};
use super::duid::Duid;
use super::lease::{DelegatedPrefix, KeptOptions, Leases};
use super::machine::{ClientState, Machine, Plan};
#[cfg(feature = "dhcpv6-reconfigure")]
use super::reconfigure::ReconfigureKey;
use crate::config::DHCPV6_LEASES;
use crate::proto::hardware::first_hardware;
use crate::proto::waiting::until;
use crate::rng::Rng;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};

/// What a client has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dhcpv6Counters {
    /// Messages sent.
    pub sent: u32,
    /// Messages that could not be sent: no route, or no room, in which case they are sent later.
    pub not_sent: u32,
    /// Messages that granted or extended leases, or told configuration.
    pub acknowledged: u32,
    /// Other messages of use: Advertises, and refusals.
    pub taken: u32,
    /// Dropped: for another client or exchange, from another server, or not waited for.
    pub stray: u32,
    /// Dropped: not a message that can be read.
    pub malformed: u32,
    /// Dropped: there is nothing in it that could be used.
    pub unusable: u32,
    /// Addresses that another station had.
    pub duplicates: u32,
    /// Options and leases for which there was no room, here or at the interface.
    pub missed: u32,
}

pub(super) struct Shared {
    pub(super) machine: Machine,
    pub(super) options: KeptOptions,
    pub(super) counters: Dhcpv6Counters,
    #[cfg(feature = "dhcpv6-reconfigure")]
    pub(super) key: Option<ReconfigureKey>,
    /// The options are of a Reply that still holds.
    pub(super) has_options: bool,
    /// The prefixes that were told of, as a sum over all.
    pub(super) told: u32,
    /// Changes so far.
    pub(super) changes: u32,
}

impl Shared {
    pub(super) fn count(counter: &mut u32, by: u32) {
        *counter = counter.wrapping_add(by);
    }
}

/// A DHCPv6 client (RFC 8415) for one interface.
///
/// [`Dhcpv6Client::run`] does the work, beside whatever uses the network. It gives the interface its
/// addresses, which are checked for duplicates before they are used, and takes them away when their
/// leases end. The prefixes that are delegated, and what else servers say, is to be had from
/// [`Dhcpv6Client::prefixes`] and [`Dhcpv6Client::options`].
pub struct Dhcpv6Client<'a, 'c> {
    pub(super) stack: Stack<'a>,
    pub(super) id: InterfaceId,
    pub(super) config: ClientConfig<'c>,
    shared: RefCell<Shared>,
}

impl<'a, 'c> Dhcpv6Client<'a, 'c> {
    /// A client for an interface, which does nothing until it is run.
    pub fn new(
        stack: Stack<'a>,
        id: InterfaceId,
        config: ClientConfig<'c>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let mut machine = Machine::new(Plan {
            rapid_commit: config.rapid_commit,
            addresses: config.addresses,
            prefixes: config.prefixes,
            rate: config.rate,
            interface: id,
        });
        if let Some(leases) = config.leases {
            machine.remember(stack.now(), leases);
        }
        let client = Self {
            stack,
            id,
            config,
            shared: RefCell::new(Shared {
                machine,
                options: KeptOptions::NONE,
                counters: Dhcpv6Counters::default(),
                #[cfg(feature = "dhcpv6-reconfigure")]
                key: None,
                has_options: false,
                told: 0,
                changes: 0,
            }),
        };
        match client.duid() {
            Some(_) => Ok(client),
            None => Err(ConfigError::NoIdentifier),
        }
    }

    pub(super) fn borrow(&self) -> RefMut<'_, Shared> {
        loop {
            // It is borrowed where nothing foreign runs, and a client stays in its thread: this
            // succeeds the first time.
            if let Ok(shared) = self.shared.try_borrow_mut() {
                return shared;
            }
        }
    }

    /// Works on the state, with the random numbers of the stack.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Shared, &mut Rng) -> R) -> R {
        (self.stack).visit(|core| work(&mut self.borrow(), &mut core.rng))
    }

    /// Tells those who wait that something has changed.
    pub(super) fn tell_change(&self) {
        #[cfg(feature = "dns")]
        self.tell_names();
        (self.stack).visit(|core| {
            let changes = &mut self.borrow().changes;
            *changes = changes.wrapping_add(1);
            core.waiters.wake(WaitKey::dhcpv6(self.id));
        });
    }

    /// Tells the stack the name servers and search domains that there are: none without an answer
    /// (RFC 8106 §5.3.1 puts them before those of routers).
    #[cfg(feature = "dns")]
    fn tell_names(&self) {
        let missed = (self.stack).visit(|core| {
            let shared = self.borrow();
            let is_known = shared.has_options && self.config.names;
            let options = is_known.then_some(&shared.options);
            let servers = options.into_iter().flat_map(KeptOptions::dns_servers);
            let domains = options.into_iter().flat_map(KeptOptions::domains);
            let by = (self.id, crate::iface::ServerSource::Dhcpv6);
            core.tell_names(by, servers.map(core::net::IpAddr::V6), domains)
        });
        let mut shared = self.borrow();
        Shared::count(&mut shared.counters.missed, missed);
    }

    /// The DUID by which servers know this client; `None` if it is not configured, and the link
    /// addresses that it was made of are gone.
    pub fn duid(&self) -> Option<Duid> {
        match self.config.duid {
            [] => {
                let (kind, address) = first_hardware(self.stack, self.id)?;
                Duid::link_layer(u16::from(kind), address.as_bytes())
            }
            octets => Duid::new(octets),
        }
    }

    /// What it is doing.
    pub fn state(&self) -> ClientState {
        self.borrow().machine.state()
    }

    /// The addresses that are leased and may be used.
    pub fn addresses(&self) -> Vec<Ipv6Addr, DHCPV6_LEASES> {
        let shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        let leases = machine.in_use();
        let addresses = leases.filter(|lease| {
            lease.state == BindingState::InUse && !machine.bindings.is_prefix(lease)
        });
        addresses.map(|lease| lease.address).collect()
    }

    /// The prefixes that are delegated to this host, with what is left of their lifetimes.
    ///
    /// Changes are told by [`Dhcpv6Client::changed`], and by the event
    /// [`DelegatedPrefixes`](crate::iface::EventKind::DelegatedPrefixes).
    pub fn prefixes(&self) -> Vec<DelegatedPrefix, DHCPV6_LEASES> {
        let now = self.stack.now();
        let shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        let leases = machine.leases(now).into_iter();
        let prefixes = leases.filter(|lease| lease.is_prefix);
        let prefixes = prefixes.map(|lease| DelegatedPrefix {
            prefix: lease.address,
            length: lease.length,
            association: lease.association,
            preferred: lease.preferred,
            valid: lease.valid,
        });
        prefixes.collect()
    }

    /// All leases, to be kept over a restart, see [`ClientConfig::leases`]; `None` if there are none.
    pub fn leases(&self) -> Option<Leases> {
        let now = self.stack.now();
        let shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        let list = machine.leases(now);
        let server = machine.server.clone().filter(|_| !list.is_empty())?;
        Some(Leases { server, list })
    }

    /// The DUID of the server that has granted the leases.
    pub fn server(&self) -> Option<Duid> {
        let shared = self.borrow();
        let has_leases = shared.machine.bindings.has_held();
        shared.machine.server.clone().filter(|_| has_leases)
    }

    /// Shows `read` the options of the last Reply; `None` if there is none that holds. It does not
    /// use the client.
    pub fn options<R>(&self, read: impl FnOnce(&KeptOptions) -> R) -> Option<R> {
        let shared = self.borrow();
        shared.has_options.then(|| read(&shared.options))
    }

    /// What it has done.
    pub fn counters(&self) -> Dhcpv6Counters {
        self.borrow().counters
    }

    /// Waits until all addresses that are leased may be used, or all prefixes if none are: and there
    /// is one at least.
    pub async fn bound(&self) {
        let is_bound = || {
            let shared = self.borrow();
            let Shared { machine, .. } = &*shared;
            let mut leases = machine.in_use().peekable();
            let is_ready = leases.peek().is_some()
                && leases.all(|lease| {
                    lease.state == BindingState::InUse || machine.bindings.is_prefix(lease)
                });
            is_ready.then_some(())
        };
        self.until(is_bound).await;
    }

    /// Waits until there is a Reply whose options hold.
    pub async fn configured(&self) {
        self.until(|| self.borrow().has_options.then_some(())).await;
    }

    /// Waits until something changes: leases come, are extended or end, or other configuration comes.
    pub async fn changed(&self) {
        let before = self.borrow().changes;
        self.until(|| (self.borrow().changes != before).then_some(()))
            .await;
    }

    async fn until<R>(&self, look: impl Fn() -> Option<R>) -> R {
        until(self.stack, WaitKey::dhcpv6(self.id), look).await
    }

    /// Gives the leases back and stops: the addresses are gone at once, and [`Dhcpv6Client::run`]
    /// ends as soon as the server has answered, or has not for 15 seconds (RFC 8415 §18.2.7).
    /// Prefixes have to be withdrawn from the networks behind before. It may be run again; if it is
    /// not running nothing happens.
    pub fn release(&self) {
        let now = self.stack.now();
        self.with(|shared, rng| shared.machine.release(now, rng));
        self.tell_change();
    }
}
