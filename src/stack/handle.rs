//! The handle that sockets hold, and what is done after each borrow of the core.

use core::cell::{Cell, RefCell, RefMut};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::core::{Core, InterfaceId, Next, TooManyInterfaces};
use super::storage::StackStorage;
use super::timers::{FIRST_SLEEP, Owner};
use super::waiters::WaitKey;
#[cfg(feature = "ipv6")]
use crate::iface::AddressError;
#[cfg(feature = "slaac")]
use crate::iface::IdentifierMode;
#[cfg(feature = "ipv6")]
use crate::iface::Ipv6Cidr;
#[cfg(feature = "dad")]
use crate::iface::Lifetimes;
use crate::iface::{Counters, Interface, InterfaceInfo};
use crate::link::StackEnd;
use crate::netbuf::Pool;
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;

/// Tells the time.
pub trait Clock {
    /// The time now: it never goes back.
    fn now(&self) -> Instant;
}

/// A clock that stands until it is set: for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock(Cell<Instant>);

impl ManualClock {
    /// A clock at zero.
    pub const fn new() -> Self {
        Self(Cell::new(Instant::ZERO))
    }

    /// Sets the time.
    pub fn set(&self, now: Instant) {
        self.0.set(now);
    }
}

impl Clock for ManualClock {
    #[inline]
    fn now(&self) -> Instant {
        self.0.get()
    }
}

/// A stack, to be shared by its handles.
pub struct StackCell<'a> {
    core: RefCell<Core<'a>>,
    clock: &'a dyn Clock,
    pool: Pool,
}

/// A handle of a stack: copy it to whoever needs one.
#[derive(Clone, Copy)]
pub struct Stack<'a>(&'a StackCell<'a>);

impl<'a> StackCell<'a> {
    /// A stack with the tables of `storage`, the packets of `pool` and the time of `clock`.
    ///
    /// `seed` makes its random numbers: take it from the hardware's entropy source, and never use
    /// one twice.
    pub fn new<
        const INTERFACES: usize,
        const UDP: usize,
        const TCP: usize,
        const LISTENERS: usize,
    >(
        storage: &'a mut StackStorage<'a, INTERFACES, UDP, TCP, LISTENERS>,
        pool: Pool,
        seed: [u8; 32],
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            core: RefCell::new(Core::new(storage, pool, seed)),
            clock,
            pool,
        }
    }

    /// A handle.
    pub fn stack(&'a self) -> Stack<'a> {
        Stack(self)
    }
}

impl<'a> Stack<'a> {
    /// Runs `work` on the core at the clock's time, then wakes whom it has given reason to wake.
    pub(crate) fn with<R>(self, work: impl FnOnce(&mut Core<'a>) -> R) -> R {
        self.visit(|core| {
            core.paths_changed();
            work(core)
        })
    }

    /// As [`Stack::with`], for sockets, which have no say in the ways that packets go: it changes no
    /// address, route or interface.
    pub(crate) fn visit<R>(self, work: impl FnOnce(&mut Core<'a>) -> R) -> R {
        let mut core = self.enter_outlined();
        let result = work(&mut core);
        self.leave(core);
        result
    }

    /// As [`Stack::visit`], in fewer instructions and more code: for what is done for each packet.
    #[inline]
    pub(crate) fn transfer<R>(self, work: impl FnOnce(&mut Core<'a>) -> R) -> R {
        #[cfg(not(feature = "fast-paths"))]
        return self.visit(work);
        #[cfg(feature = "fast-paths")]
        self.pass(work)
    }

    #[cfg(feature = "fast-paths")]
    #[inline]
    fn pass<R>(self, work: impl FnOnce(&mut Core<'a>) -> R) -> R {
        let mut core = self.enter();
        let result = work(&mut core);
        let unsettled = core.is_unsettled();
        drop(core);
        self.0.pool.release_wakes();
        if unsettled {
            self.settle();
        }
        result
    }

    /// Runs `work` on the core, which has no need to know the time: it sends nothing, wakes nobody
    /// and gives no buffer back.
    #[cfg(feature = "udp")]
    #[inline]
    pub(super) fn peek<R>(self, work: impl FnOnce(&mut Core<'a>) -> R) -> R {
        work(&mut self.borrow())
    }

    #[inline]
    fn enter(self) -> RefMut<'a, Core<'a>> {
        let now = self.0.clock.now();
        // What is dropped meanwhile may be what another task waits for: its waker comes after.
        self.0.pool.hold_wakes();
        let mut core = self.borrow();
        core.advance(now);
        core
    }

    #[inline(never)]
    fn enter_outlined(self) -> RefMut<'a, Core<'a>> {
        self.enter()
    }

    #[inline(never)]
    fn leave(self, core: RefMut<'a, Core<'a>>) {
        drop(core);
        self.0.pool.release_wakes();
        self.settle();
    }

    #[inline]
    fn borrow(&self) -> RefMut<'a, Core<'a>> {
        loop {
            // The core is borrowed here only, nothing foreign runs meanwhile, and a handle stays in
            // its thread: this succeeds the first time.
            if let Ok(core) = self.0.core.try_borrow_mut() {
                return core;
            }
        }
    }

    /// Wakes tasks and drivers. Their code may use the stack.
    fn settle(self) {
        while let Some(waker) = self.take_woken() {
            waker.wake();
        }
    }

    fn take_woken(self) -> Option<Waker> {
        self.borrow().take_woken()
    }

    /// The time now.
    pub fn now(self) -> Instant {
        self.0.clock.now()
    }

    /// The pool of packets.
    pub fn pool(self) -> Pool {
        self.0.pool
    }

    /// Takes in what the ports have received and does what is due. Whoever drives a stack without
    /// a `Runner` calls this when a port has something and when the returned
    /// time has come.
    pub fn poll(self) -> Next {
        self.transfer(Core::turn)
    }

    /// Registers the task that polls, with the stack and all ports. False if there is something
    /// to do already.
    pub fn register(self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let (ready, old) = self.visit(|core| {
            let ready = core.register_runner(&waker);
            (ready, core.runner.replace(waker))
        });
        drop(old);
        ready
    }

    /// Attaches a port as a new interface.
    ///
    /// On a link with addresses it gets a link-local IPv6 address, made from the port's.
    pub fn attach(self, port: StackEnd<'a>) -> Result<InterfaceId, TooManyInterfaces> {
        self.with(|core| {
            let attached = core.attach(port);
            core.wake_runner = true;
            attached
        })
    }

    /// Adds an IPv6 address to an interface.
    #[cfg(feature = "ipv6")]
    pub fn add_ipv6(self, id: InterfaceId, cidr: Ipv6Cidr) -> Result<(), AddressError> {
        self.with(|core| core.add_ipv6(id, cidr))
    }

    /// Adds an IPv6 address that is good for a time only, or gives one that is there these
    /// lifetimes from now on.
    ///
    /// [`AddressError::Invalid`] if it would be preferred for longer than it is valid.
    #[cfg(feature = "dad")]
    pub fn add_ipv6_for(
        self,
        id: InterfaceId,
        cidr: Ipv6Cidr,
        lifetimes: Lifetimes,
    ) -> Result<(), AddressError> {
        self.with(|core| core.add_ipv6_for(id, cidr, lifetimes))
    }

    /// Sets how many Neighbor Solicitations ask whether another station has an IPv6 address before
    /// it is used (RFC 4862 §5.1: DupAddrDetectTransmits), at first
    /// [`DAD_TRANSMITS`](crate::config::DAD_TRANSMITS). With zero addresses are used unchecked,
    /// those that are being checked among them. False if there is no such interface.
    #[cfg(feature = "dad")]
    pub fn set_dad_transmits(self, id: InterfaceId, transmits: u8) -> bool {
        self.with(|core| core.set_dad_transmits(id, transmits))
    }

    /// Sets whether IPv6 addresses that are most likely unique (those made of prefixes) are used
    /// while they are checked for duplicates (RFC 4429), on links with a router that has told its
    /// link address; at first they are not. False if there is no such interface.
    #[cfg(feature = "dad-optimistic")]
    pub fn set_optimistic(self, id: InterfaceId, enabled: bool) -> bool {
        self.with(|core| core.set_optimistic(id, enabled))
    }

    /// Sets what the identifiers are made of in addresses that the stack forms itself (RFC 7217),
    /// at first the hardware address. The link-local address is made anew at once, others with the
    /// next prefix that a router advertises. False if there is no such interface.
    #[cfg(feature = "slaac")]
    pub fn set_identifier_mode(self, id: InterfaceId, mode: IdentifierMode) -> bool {
        self.with(|core| core.set_identifier_mode(id, mode))
    }

    /// Sets whether addresses are made of the prefixes that routers advertise (RFC 4862 §5.5), as
    /// they are at first. Those that there are stay until they expire. False if there is no such
    /// interface.
    #[cfg(feature = "slaac")]
    pub fn set_autoconfiguration(self, id: InterfaceId, enabled: bool) -> bool {
        self.with(|core| core.set_autoconfiguration(id, enabled))
    }

    /// Sets whether temporary addresses are made beside those of the prefixes that routers
    /// advertise (RFC 8981 §3.7), as they are at first. Those that there are stay until they
    /// expire, and get no successors. False if there is no such interface.
    #[cfg(feature = "temporary-addresses")]
    pub fn set_temporary_addresses(self, id: InterfaceId, enabled: bool) -> bool {
        self.with(|core| core.set_temporary_addresses(id, enabled))
    }

    /// Sets whether temporary addresses are better sources than others (RFC 6724 §5 rule 7,
    /// RFC 5014 §5), as they are at first.
    #[cfg(feature = "temporary-addresses")]
    pub fn set_prefer_temporary(self, prefer: bool) {
        self.with(|core| core.set_prefer_temporary(prefer));
    }

    /// Takes an address from an interface; says whether it was there.
    pub fn remove_address(self, id: InterfaceId, address: core::net::IpAddr) -> bool {
        self.with(|core| core.remove_address(id, address))
    }

    /// What an interface has received and sent.
    pub fn counters(self, id: InterfaceId) -> Option<Counters> {
        self.with(|core| core.counters(id))
    }

    /// What an interface is now.
    pub fn interface(self, id: InterfaceId) -> Option<InterfaceInfo> {
        self.with(|core| core.interface(id).map(Interface::info))
    }

    /// Bytes of the longest IP packet that reaches `destination` whole, as far as is known: what the
    /// first link takes, or less, where an ICMP error has said so (feature `path-mtu`). `None` if
    /// there is no route.
    pub fn path_mtu(self, destination: core::net::IpAddr) -> Option<usize> {
        let destination = IpAddress::try_from(destination).ok()?;
        self.with(|core| {
            let path = core.path(destination, None, None)?;
            Some(core.path_mtu(&path, destination))
        })
    }

    /// Sleeps until `deadline`, on the stack's clock.
    pub const fn sleep_until(self, deadline: Instant) -> Sleep<'a> {
        Sleep {
            stack: self,
            deadline,
            place: None,
        }
    }

    /// Sleeps for `span`, on the stack's clock.
    pub fn sleep(self, span: Duration) -> Sleep<'a> {
        self.sleep_until(self.now() + span)
    }

    /// Waits until the link of an interface is up, and it is known of all its addresses whether
    /// another station has them (RFC 4862 §5.4, RFC 5227 §2.1). Never ends if there is no such
    /// interface.
    pub async fn ready(self, id: InterfaceId) {
        core::future::poll_fn(|context| {
            self.with(|core| {
                if core.interface(id).is_some_and(Interface::is_ready) {
                    return Poll::Ready(());
                }
                core.wait(WaitKey::link(id), context.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// Waits until the link of an interface is up. Never ends if there is no such interface.
    pub async fn link_up(self, id: InterfaceId) {
        core::future::poll_fn(|context| {
            self.with(|core| {
                if core
                    .interface(id)
                    .is_some_and(crate::iface::Interface::is_up)
                {
                    return Poll::Ready(());
                }
                core.wait(WaitKey::link(id), context.waker());
                Poll::Pending
            })
        })
        .await;
    }
}

impl Core<'_> {
    /// Whether there is something to do after the borrow.
    #[cfg(feature = "fast-paths")]
    #[inline]
    fn is_unsettled(&self) -> bool {
        self.kicked != 0
            || self.waiters.has_woken()
            || self.has_displaced()
            || (self.wake_runner && self.runner.is_some())
    }

    /// Registers the task that polls with all ports; false if there is something to do already.
    fn register_runner(&mut self, waker: &Waker) -> bool {
        let mut idle = self.looped.is_empty();
        for interface in self.interfaces.iter().flatten() {
            idle &= interface.port.register(waker);
        }
        idle
    }
}

/// A sleep on the stack's clock. To drop it is to sleep no more.
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep<'a> {
    stack: Stack<'a>,
    deadline: Instant,
    place: Option<u16>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (deadline, place) = (self.deadline, self.place);
        if self.stack.now() >= deadline {
            return Poll::Ready(());
        }
        self.place = self.stack.visit(|core| {
            let place = place.or_else(|| core.take_sleep(deadline))?;
            core.wait(WaitKey::sleep(place), context.waker());
            Some(place)
        });
        if self.place.is_none() {
            // More tasks sleep than there are places: this one stays awake until one is free.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.stack.visit(|core| core.give_back_sleep(place));
        }
    }
}

impl Core<'_> {
    fn take_sleep(&mut self, deadline: Instant) -> Option<u16> {
        let place = self.sleeps.iter().position(Option::is_none)?;
        *self.sleeps.get_mut(place)? = Some(deadline);
        self.set_timer(Owner(FIRST_SLEEP + place as u16), Some(deadline));
        Some(place as u16)
    }

    fn give_back_sleep(&mut self, place: u16) {
        if let Some(sleep) = self.sleeps.get_mut(usize::from(place)) {
            *sleep = None;
        }
        self.set_timer(Owner(FIRST_SLEEP + place), None);
        self.waiters.wake(WaitKey::sleep(place));
    }
}
