//! The client: what it holds, and what it tells.

use core::cell::{RefCell, RefMut};

use super::config::{ClientConfig, ConfigTooLong};
use super::lease::{KeptOptions, Lease};
use super::machine::{ClientState, Machine, Plan};
use crate::proto::waiting::until;
use crate::rng::Rng;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::time::{Duration, Instant};

/// What a client has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dhcpv4Counters {
    /// Messages sent.
    pub sent: u32,
    /// Messages that could not be sent: no route, or no room, in which case they are sent later.
    pub not_sent: u32,
    /// Messages that granted or extended a lease, or told parameters.
    pub acknowledged: u32,
    /// Other messages of use: offers, and refusals.
    pub taken: u32,
    /// Dropped: for another client or exchange, from another server, or not waited for.
    pub stray: u32,
    /// Dropped: not a message that can be read.
    pub malformed: u32,
    /// Dropped: the address, subnet, server or lease offered cannot be used.
    pub unusable: u32,
    /// Addresses that another station had.
    pub conflicts: u32,
    /// Options, routes, name servers and search domains for which there was no room.
    pub missed: u32,
}

pub(super) struct Shared {
    pub(super) machine: Machine,
    pub(super) options: KeptOptions,
    pub(super) counters: Dhcpv4Counters,
    /// The options of the last ACK, and the address with them, may be used.
    pub(super) has_options: bool,
    /// The MTU of the interface is what a server said.
    pub(super) has_mtu: bool,
    /// Changes so far.
    pub(super) changes: u32,
}

/// A DHCPv4 client (RFC 2131) for one interface.
///
/// [`Dhcpv4Client::run`] does the work, beside whatever uses the network. It gives the interface its
/// address, looks whether another station has it (feature `acd`), installs routes and the MTU, tells
/// resolvers of name servers and search domains (feature `dns`), and takes all of that away when the
/// lease ends. What else servers say is to be had from
/// [`Dhcpv4Client::options`].
pub struct Dhcpv4Client<'a, 'c> {
    pub(super) stack: Stack<'a>,
    pub(super) id: InterfaceId,
    pub(super) config: ClientConfig<'c>,
    shared: RefCell<Shared>,
}

impl<'a, 'c> Dhcpv4Client<'a, 'c> {
    /// A client for an interface, which does nothing until it is run.
    pub fn new(
        stack: Stack<'a>,
        id: InterfaceId,
        config: ClientConfig<'c>,
    ) -> Result<Self, ConfigTooLong> {
        config.check()?;
        let mut machine = Machine::new(Plan {
            collect: config.collect,
            desynchronize: config.desynchronize,
            inform: config.inform,
        });
        match (&config.lease, config.address) {
            (Some(lease), _) => machine.remember(lease),
            (None, Some(address)) => machine.want(address),
            (None, None) => {}
        }
        Ok(Self {
            stack,
            id,
            config,
            shared: RefCell::new(Shared {
                machine,
                options: KeptOptions::NONE,
                counters: Dhcpv4Counters::default(),
                has_options: false,
                has_mtu: false,
                changes: 0,
            }),
        })
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
        (self.stack).with(|core| work(&mut self.borrow(), &mut core.rng))
    }

    /// What is to be known has changed.
    pub(super) fn announce(&self) {
        #[cfg(feature = "dns")]
        self.tell_names();
        self.wake();
    }

    /// Tells the stack the name servers and search domains that there are: none without a lease.
    #[cfg(feature = "dns")]
    pub(super) fn tell_names(&self) {
        let missed = (self.stack).with(|core| {
            let shared = self.borrow();
            let is_known = shared.has_options && self.config.names;
            let options = is_known.then_some(&shared.options);
            let servers = options.into_iter().flat_map(KeptOptions::dns_servers);
            let domains = options.into_iter().flat_map(KeptOptions::domains);
            let by = (self.id, crate::iface::ServerSource::Dhcpv4);
            core.tell_names(by, servers.map(core::net::IpAddr::V4), domains)
        });
        let counter = &mut self.borrow().counters.missed;
        *counter = counter.wrapping_add(missed);
    }

    fn wake(&self) {
        (self.stack).with(|core| core.waiters.wake(WaitKey::dhcpv4(self.id)));
    }

    /// What it is doing.
    pub fn state(&self) -> ClientState {
        self.borrow().machine.state()
    }

    /// The lease, as soon as its address may be used and until it ends. It can be kept over a
    /// restart, see [`ClientConfig::lease`].
    pub fn lease(&self) -> Option<Lease> {
        let shared = self.borrow();
        shared.machine.lease().filter(|_| shared.has_options)
    }

    /// For how long the lease is good still; [`Duration::MAX`]: for ever.
    pub fn time_left(&self) -> Option<Duration> {
        let expires = self.borrow().machine.expires()?;
        Some(match expires {
            Instant::MAX => Duration::MAX,
            expires => expires.since(self.stack.now()),
        })
    }

    /// Shows `read` the options that came with the lease, or with the answer to an INFORM; `None` if
    /// there are none. It does not use the client.
    pub fn options<R>(&self, read: impl FnOnce(&KeptOptions) -> R) -> Option<R> {
        let shared = self.borrow();
        shared.has_options.then(|| read(&shared.options))
    }

    /// What it has done.
    pub fn counters(&self) -> Dhcpv4Counters {
        self.borrow().counters
    }

    /// Waits until there is a lease whose address may be used.
    pub async fn bound(&self) -> Lease {
        self.until(|| self.lease()).await
    }

    /// Waits until the answer to an INFORM has come, or there is a lease.
    pub async fn configured(&self) {
        self.until(|| self.borrow().has_options.then_some(())).await;
    }

    /// Waits until something changes: a lease comes, is extended, or ends.
    pub async fn changed(&self) {
        let before = self.borrow().changes;
        self.until(|| (self.borrow().changes != before).then_some(()))
            .await;
    }

    async fn until<R>(&self, look: impl Fn() -> Option<R>) -> R {
        until(self.stack, WaitKey::dhcpv4(self.id), look).await
    }

    /// Gives the address back to its server and stops: [`Dhcpv4Client::run`] ends as soon as that is
    /// done (RFC 2131 §4.4.6). It may be run again; if it is not running nothing happens.
    pub fn release(&self) {
        let now = self.stack.now();
        self.with(|shared, rng| shared.machine.release(now, rng));
        self.wake();
    }
}
