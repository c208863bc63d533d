//! The state of a stack, and how time and ports drive it.

use core::task::Waker;

use heapless::Vec;
use managed::ManagedSlice;

use super::gate::Gate;
use super::storage::{StackStorage, filled};
#[cfg(feature = "tcp")]
use super::timer_queue::{TimerEntry, TimerQueue};
use super::timers::{Deadlines, Owner, ROUTES};
use super::waiters::{WaitKey, Waiter, Waiters};
use crate::config;
use crate::iface::route::{LEARNED, RouteTable};
use crate::iface::{Counters, EventKind, Interface, SendDrop};
use crate::ip::rate::RateLimit;
use crate::link::{Capabilities, LinkState, StackEnd};
use crate::netbuf::{BufQueue, NetBuf, Pool};
use crate::rng::Rng;
#[cfg(feature = "tcp")]
use crate::tcp::{
    half_open::HalfOpenTable,
    isn::IsnGenerator,
    segment::Scoreboards,
    table::{Listeners, TcpSlot, TcpTable},
    time_wait::TimeWaitTable,
};
use crate::time::Instant;
#[cfg(feature = "udp")]
use crate::udp::{UdpSlot, UdpTable};
use crate::wire::IpAddress;

/// The things that a task waits for at once, at most: a socket, links, and what an application does.
const WAITS: usize = 3;

/// The number of an interface, from 0 on in the order in which they were attached.
pub type InterfaceId = u8;

/// A network stack without I/O: frames come from and go to ports, time is handed in.
///
/// Two cores with the same seed that see the same frames at the same times do the same.
pub struct Core<'a> {
    pub(crate) pool: Pool,
    pub(crate) now: Instant,
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) rng: Rng,
    pub(crate) interfaces: ManagedSlice<'a, Option<Interface<'a>>>,
    pub(crate) routes: RouteTable<'a>,
    /// What is done about them, once there is one.
    pub(super) routing: Option<&'static super::routes::Routing>,
    /// How sockets hear of errors, once there is one that does.
    pub(super) telling: Option<&'static super::quoted::Telling>,
    #[cfg(names)]
    pub(super) names: crate::iface::told::Names,
    #[cfg(feature = "hostname")]
    pub(super) hostname: crate::iface::Hostname,
    pub(crate) gate: Gate,
    #[cfg(feature = "udp")]
    pub(crate) udp: UdpTable<'a>,
    /// How datagrams reach several sockets, once that may be.
    #[cfg(feature = "udp")]
    pub(super) spreading: Option<super::udp::Spread>,
    #[cfg(feature = "udp")]
    pub(super) recent_paths: super::recent::RecentPaths<super::recent::Wanted>,
    #[cfg(feature = "tcp")]
    pub(super) recent_tcp_paths: super::recent::RecentPaths<super::recent::Ends>,
    #[cfg(feature = "tcp")]
    pub(crate) tcp: TcpTable<'a>,
    #[cfg(feature = "tcp")]
    pub(crate) tcp_timers: TimerQueue<'a>,
    #[cfg(feature = "tcp")]
    pub(crate) listeners: Listeners<'a>,
    #[cfg(feature = "tcp")]
    pub(crate) half_open: HalfOpenTable,
    #[cfg(feature = "tcp")]
    pub(crate) time_wait: TimeWaitTable,
    #[cfg(feature = "tcp")]
    pub(crate) scoreboards: Scoreboards,
    #[cfg(feature = "tcp")]
    pub(crate) isn: IsnGenerator,
    /// The limit on acknowledgements of suspicious segments, and on resets (RFC 5961 §7).
    #[cfg(feature = "tcp")]
    pub(crate) challenge_limit: RateLimit,
    /// Resets for segments of no connection.
    #[cfg(feature = "tcp")]
    pub(crate) reset_limit: RateLimit,
    #[cfg(feature = "ping")]
    pub(crate) pings: super::ping::PingTable,
    /// Addresses that a DHCP server is about to offer.
    #[cfg(feature = "dhcpv4-server")]
    pub(super) probes: super::probe::Probes,
    pub(crate) timers: Deadlines,
    /// When the neighbour caches are looked at next.
    #[cfg(neighbors)]
    pub(super) neighbors_deadline: Instant,
    /// The deadlines of the tasks that sleep, where there is one.
    pub(crate) sleeps: [Option<Instant>; config::SLEEPS],
    pub(crate) waiters: Waiters<'a>,
    pub(crate) icmp_limit: RateLimit,
    /// RFC 6724 §5 rule 7.
    #[cfg(feature = "temporary-addresses")]
    pub(super) prefers_temporary: bool,
    #[cfg(all(feature = "flow-labels", feature = "udp"))]
    pub(super) flow_labels: crate::ip::flow::FlowLabels,
    #[cfg(feature = "events")]
    pub(super) events: super::events::EventLog,
    #[cfg(all(feature = "statistics", feature = "tcp"))]
    pub(super) statistics: crate::iface::StackStatistics,
    /// Datagrams that have come, or go, in fragments.
    #[cfg(feature = "fragmentation")]
    pub(super) reassemblies: crate::ip::reassembly::Reassemblies,
    #[cfg(feature = "fragmentation")]
    pub(super) trains: super::fragments::Trains,
    #[cfg(feature = "fragmentation")]
    pub(super) identifications: crate::ip::identification::Identifications,
    #[cfg(feature = "path-mtu")]
    pub(super) path_mtus: crate::ip::path_mtu::PathMtus,
    /// Packets from this host to itself.
    pub(super) looped: BufQueue,
    /// The interfaces whose drivers have something new to send, a bit each.
    pub(super) kicked: u32,
    /// The task that polls, and whether it has to because a deadline came nearer.
    pub(super) runner: Option<Waker>,
    pub(super) wake_runner: bool,
    /// A connection has sent a burst, and has more.
    #[cfg(feature = "tcp")]
    pub(crate) has_more: bool,
    /// Tasks that lost their places in the table of those that wait.
    displaced: Vec<Waker, WAITS>,
}

/// When a stack wants to be polled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Next {
    /// At once: there was more to do than one poll may.
    Now,
    /// At this time, or when a port has something.
    At(Instant),
    /// When a port has something.
    Idle,
}

/// There is no room for another interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooManyInterfaces;

impl core::fmt::Display for TooManyInterfaces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the interface table is full")
    }
}

impl core::error::Error for TooManyInterfaces {}

impl<'a> Core<'a> {
    /// A stack with the tables of `storage` and the packets of `pool`, without interfaces.
    ///
    /// `seed` makes its random numbers: take it from the hardware's entropy source, and never use
    /// one twice, or strangers can foresee its ports and identifiers.
    pub fn new<
        const INTERFACES: usize,
        const UDP: usize,
        const TCP: usize,
        const LISTENERS: usize,
    >(
        storage: &'a mut StackStorage<'a, INTERFACES, UDP, TCP, LISTENERS>,
        pool: Pool,
        seed: [u8; 32],
    ) -> Self {
        #[cfg_attr(
            not(any(
                feature = "tcp",
                feature = "fragmentation",
                all(feature = "flow-labels", feature = "udp")
            )),
            allow(unused_mut)
        )]
        let mut rng = Rng::new(seed);
        Self {
            pool,
            now: Instant::ZERO,
            interfaces: ManagedSlice::Borrowed(&mut storage.interfaces),
            routes: RouteTable::with_reserve(filled(&mut storage.routes, || None), LEARNED),
            routing: None,
            telling: super::quoted::Telling::AT_FIRST,
            #[cfg(names)]
            names: crate::iface::told::Names::new(),
            #[cfg(feature = "hostname")]
            hostname: crate::iface::Hostname::DEFAULT,
            gate: Gate::new(),
            #[cfg(feature = "udp")]
            udp: UdpTable::new(filled(&mut storage.udp, || UdpSlot::UNUSED)),
            #[cfg(feature = "udp")]
            spreading: super::udp::SPREAD_AT_FIRST,
            #[cfg(feature = "udp")]
            recent_paths: super::recent::RecentPaths::new(),
            #[cfg(feature = "tcp")]
            recent_tcp_paths: super::recent::RecentPaths::new(),
            #[cfg(feature = "tcp")]
            tcp: TcpTable::new(filled(&mut storage.tcp, || TcpSlot::UNUSED)),
            #[cfg(feature = "tcp")]
            tcp_timers: TimerQueue::new(filled(&mut storage.tcp_timers, || TimerEntry::UNUSED)),
            #[cfg(feature = "tcp")]
            listeners: Listeners::new(filled(&mut storage.listeners, || None)),
            #[cfg(feature = "tcp")]
            half_open: HalfOpenTable::new(),
            #[cfg(feature = "tcp")]
            time_wait: TimeWaitTable::new(),
            #[cfg(feature = "tcp")]
            scoreboards: Scoreboards::new(),
            #[cfg(feature = "tcp")]
            isn: IsnGenerator::new(&mut rng),
            #[cfg(feature = "tcp")]
            challenge_limit: RateLimit::new(),
            #[cfg(feature = "tcp")]
            reset_limit: RateLimit::new(),
            #[cfg(feature = "fragmentation")]
            identifications: crate::ip::identification::Identifications::new(&mut rng),
            #[cfg(feature = "fragmentation")]
            reassemblies: crate::ip::reassembly::Reassemblies::new(),
            #[cfg(feature = "fragmentation")]
            trains: super::fragments::Trains::new(),
            #[cfg(feature = "path-mtu")]
            path_mtus: crate::ip::path_mtu::PathMtus::new(),
            #[cfg(all(feature = "flow-labels", feature = "udp"))]
            flow_labels: crate::ip::flow::FlowLabels::new(&mut rng),
            rng,
            #[cfg(feature = "ping")]
            pings: super::ping::PingTable::new(),
            #[cfg(feature = "dhcpv4-server")]
            probes: super::probe::Probes::new(),
            timers: Deadlines::new(),
            #[cfg(neighbors)]
            neighbors_deadline: Instant::MAX,
            sleeps: [None; config::SLEEPS],
            waiters: Waiters::new(filled(&mut storage.waiters, || Waiter::UNUSED)),
            icmp_limit: RateLimit::new(),
            #[cfg(feature = "temporary-addresses")]
            prefers_temporary: true,
            #[cfg(feature = "events")]
            events: super::events::EventLog::new(),
            #[cfg(all(feature = "statistics", feature = "tcp"))]
            statistics: Default::default(),
            looped: BufQueue::new(),
            kicked: 0,
            runner: None,
            wake_runner: false,
            #[cfg(feature = "tcp")]
            has_more: false,
            displaced: Vec::new(),
        }
    }

    /// The pool of packets.
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// Attaches a port as a new interface.
    ///
    /// On a link with addresses it gets a link-local IPv6 address, made from the port's.
    pub fn attach(&mut self, port: StackEnd<'a>) -> Result<InterfaceId, TooManyInterfaces> {
        let slots = self.interfaces.iter_mut().zip(0..);
        let (slot, id) =
            (slots.into_iter().find(|(slot, _)| slot.is_none())).ok_or(TooManyInterfaces)?;
        let interface = slot.insert(Interface::new(port));
        #[cfg(all(neighbors, feature = "ipv4"))]
        interface
            .neighbors
            .arp_timing_mut()
            .randomize(self.rng.next_u32());
        #[cfg(feature = "ipv6")]
        interface
            .neighbors
            .discovery_timing_mut()
            .randomize(self.rng.next_u32());
        interface.program_filter();
        self.kick(id);
        #[cfg(feature = "ipv6")]
        self.add_link_local(id);
        Ok(id)
    }

    /// An interface.
    #[cfg_attr(not(feature = "fast-paths"), inline(never))]
    pub fn interface(&self, id: InterfaceId) -> Option<&Interface<'a>> {
        self.interfaces.get(usize::from(id))?.as_ref()
    }

    #[cfg_attr(feature = "fast-paths", inline)]
    #[cfg_attr(not(feature = "fast-paths"), inline(never))]
    pub(crate) fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface<'a>> {
        self.interfaces.get_mut(usize::from(id))?.as_mut()
    }

    /// The interfaces with their numbers.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = (InterfaceId, &Interface<'a>)> {
        (0..)
            .zip(self.interfaces.iter())
            .filter_map(|(id, slot)| Some((id, slot.as_ref()?)))
    }

    /// What an interface has received and sent.
    pub fn counters(&self, id: InterfaceId) -> Option<Counters> {
        self.interface(id).map(|interface| *interface.counters())
    }

    /// Takes an address from an interface; says whether it was there.
    pub fn remove_address(&mut self, id: InterfaceId, address: core::net::IpAddr) -> bool {
        let removed = match (self.interface_mut(id), IpAddress::try_from(address)) {
            #[cfg(feature = "ipv4")]
            (Some(_), Ok(IpAddress::V4(address))) => self.remove_ipv4(id, address),
            #[cfg(feature = "ipv6")]
            (Some(_), Ok(IpAddress::V6(address))) => self.remove_ipv6(id, address),
            _ => false,
        };
        #[cfg(any(feature = "ipv6", feature = "multicast"))]
        self.groups_changed(id);
        self.kick(id);
        #[cfg(neighbors)]
        if let Ok(address) = IpAddress::try_from(address)
            && removed
        {
            self.drop_pending_from(id, address);
        }
        removed
    }

    /// Lets time be `now`, which never goes back.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Takes in what the ports have received, and does what is due at `now`.
    ///
    /// One poll takes at most what stands in each port's queue ([`config::PORT_RX_QUEUE`]), so
    /// that a flood on one interface keeps neither the others nor the timers waiting.
    pub fn poll(&mut self, now: Instant) -> Next {
        self.advance(now);
        self.turn()
    }

    /// Does what [`Core::poll`] does, at the time that it is.
    pub(super) fn turn(&mut self) -> Next {
        let now = self.now;
        let mut more = false;
        for index in 0..self.interfaces.len() {
            let Some(Some(interface)) = self.interfaces.get_mut(index) else {
                continue;
            };
            let (mut received, change) = interface.port.receive();
            let id = index as InterfaceId;
            if change {
                self.link_changed(id);
            }
            if received.len() >= config::PORT_RX_QUEUE {
                // There may be more, and a driver that waits for room.
                more = true;
                self.kick(id);
            }
            while let Some(buf) = received.pop_front() {
                self.receive(id, buf);
            }
        }
        for _ in 0..self.looped.len() {
            let Some(buf) = self.looped.pop_front() else {
                break;
            };
            self.receive_looped(buf);
        }
        #[cfg(feature = "fragmentation")]
        if self.has_trains() {
            self.send_trains();
        }
        #[cfg(feature = "tcp")]
        self.flush_ready();
        while let Some(owner) = self.timers.expired(now) {
            self.timer(owner);
        }
        #[cfg(any(feature = "ipv6", feature = "multicast"))]
        self.look_at_groups();
        self.wake_runner = false;
        match self.next() {
            #[cfg(feature = "tcp")]
            _ if core::mem::take(&mut self.has_more) => Next::Now,
            _ if more => Next::Now,
            next => next,
        }
    }

    /// When there is something to do, but for what the ports have.
    pub(crate) fn next(&self) -> Next {
        match self.timers.next() {
            _ if !self.looped.is_empty() => Next::Now,
            Some(deadline) => Next::At(deadline),
            None => Next::Idle,
        }
    }

    #[cold]
    fn timer(&mut self, owner: Owner) {
        self.paths_changed();
        match owner {
            #[cfg(neighbors)]
            super::timers::NEIGHBORS => self.poll_neighbors(),
            ROUTES => self.poll_routes(),
            #[cfg(feature = "acd")]
            super::timers::ADDRESSES => self.poll_addresses(),
            #[cfg(feature = "dad")]
            super::timers::IPV6_ADDRESSES => self.poll_ipv6_addresses(),
            #[cfg(feature = "router-discovery")]
            super::timers::ROUTERS => self.poll_routers(),
            #[cfg(feature = "ra-server")]
            super::timers::ADVERTISEMENTS => self.poll_advertisements(),
            #[cfg(feature = "tcp")]
            super::timers::TCP => self.poll_tcp(),
            #[cfg(feature = "fragmentation")]
            super::timers::FRAGMENTS => self.poll_fragments(),
            #[cfg(any(feature = "igmp", feature = "mld"))]
            super::timers::GROUPS => self.poll_groups(),
            Owner(other) => {
                let sleep = usize::from(other - super::timers::FIRST_SLEEP);
                self.waiters.wake(WaitKey::sleep(sleep as u16));
            }
        }
    }

    /// Lets the task of `waker` wait for `key`. The task that has to give way, if the table is
    /// full, is woken to try again. At most [`WAITS`] times in one borrow.
    pub(crate) fn wait(&mut self, key: WaitKey, waker: &Waker) {
        if let Some(displaced) = self.waiters.register(key, waker) {
            let kept = self.displaced.push(displaced);
            debug_assert!(kept.is_ok(), "a task waits for too much at once");
        }
    }

    /// A link is up or down, or addresses of its interface may be used or not: those who wait for
    /// that, or for any link, are to be woken.
    pub(super) fn wake_link(&mut self, id: InterfaceId) {
        self.waiters.wake(WaitKey::link(id));
        #[cfg(any(feature = "llmnr", feature = "mdns", feature = "mdns-responder"))]
        self.waiters.wake(WaitKey::LINKS);
    }

    /// A task to wake, a driver's among them, now that the core is not borrowed.
    pub(super) fn take_woken(&mut self) -> Option<Waker> {
        let runner = match core::mem::take(&mut self.wake_runner) {
            true => self.runner.take(),
            false => None,
        };
        let woken = runner.or_else(|| self.take_kicked());
        let woken = woken.or_else(|| self.displaced.pop());
        woken.or_else(|| self.waiters.take_woken())
    }

    #[cfg(feature = "fast-paths")]
    #[inline]
    pub(super) fn has_displaced(&self) -> bool {
        !self.displaced.is_empty()
    }

    /// Sets a timer. The runner is woken if it slept for longer.
    pub(crate) fn set_timer(&mut self, owner: Owner, deadline: Option<Instant>) {
        let deadline = deadline.unwrap_or(Instant::MAX);
        self.wake_runner |= deadline < self.timers.next().unwrap_or(Instant::MAX);
        self.timers.set(owner, deadline);
    }

    /// Without the feature `events` nobody wants to know.
    #[cfg(not(feature = "events"))]
    #[inline(always)]
    pub(crate) fn emit(&mut self, _: InterfaceId, _: EventKind) {}

    /// The link of a port has come up, gone down, or changed what it is, or there is room again to
    /// send.
    #[cold]
    fn link_changed(&mut self, id: InterfaceId) {
        self.paths_changed();
        while let Some(interface) = self.interface_mut(id)
            && let Some((link, capabilities)) = interface.port.take_change()
        {
            #[cfg(feature = "mgmt")]
            let link = {
                interface.admin.carrier = link;
                interface.admin.link()
            };
            self.settle_link(id, link, capabilities);
        }
    }

    /// Takes in that the link of an interface is so now.
    #[inline]
    pub(super) fn settle_link(
        &mut self,
        id: InterfaceId,
        link: LinkState,
        capabilities: Capabilities,
    ) {
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        if (interface.link, interface.capabilities) != (link, capabilities) {
            #[cfg_attr(not(neighbors), allow(unused_variables))]
            let is_new = interface.capabilities.address != capabilities.address;
            let was = (interface.link, interface.mtu());
            interface.capabilities = capabilities;
            interface.link = link;
            #[cfg(neighbors)]
            if link == LinkState::Down || is_new {
                // Who was reachable may not be on the link that comes up next.
                let waiting = interface.neighbors.clear();
                (interface.counters).not_sent_all(SendDrop::Port, waiting.len());
            }
            interface.program_filter();
            #[cfg(any(feature = "igmp", feature = "mld"))]
            if was.0 != link || is_new {
                self.tell_groups_anew(id, crate::iface::group::Protocol::ALL);
            }
            self.kick(id);
            self.wake_link(id);
            if was.0 != link {
                self.emit(
                    id,
                    match link {
                        LinkState::Up => EventKind::LinkUp,
                        LinkState::Down => EventKind::LinkDown,
                    },
                );
            }
            #[cfg(feature = "fragmentation")]
            if link == LinkState::Down {
                self.forget_reassemblies(id);
            }
            #[cfg(feature = "redirects")]
            if link == LinkState::Down || is_new {
                self.forget_redirects(id);
            }
            #[cfg(feature = "router-discovery")]
            if was.0 != link || is_new {
                self.restart_discovery(id);
            }
            #[cfg(feature = "ra-server")]
            if was.0 != link {
                self.restart_advertising(id);
            }
            self.mtu_changed(id, was.1);
            #[cfg(feature = "acd")]
            if was.0 != link || is_new {
                self.probe_all(id);
            }
            #[cfg(feature = "dad")]
            if link == LinkState::Up && (was.0 == LinkState::Down || is_new) {
                self.check_addresses(id);
            }
        }
        self.waiters.wake(WaitKey::transmit(id));
    }

    /// Has the driver of an interface woken: there is something new for it.
    #[inline]
    pub(super) fn kick(&mut self, id: InterfaceId) {
        self.kicked |= 1 << (id & 31);
    }

    /// Something may have changed that the ways of packets depend on: an address, a route, a link.
    #[inline]
    pub(super) fn paths_changed(&mut self) {
        #[cfg(feature = "udp")]
        self.recent_paths.changed();
        #[cfg(feature = "tcp")]
        self.recent_tcp_paths.changed();
    }

    /// Counts a packet that could not be sent by an interface.
    pub(crate) fn not_sent(&mut self, id: InterfaceId, reason: SendDrop) {
        if let Some(interface) = self.interface_mut(id) {
            interface.counters.not_sent(reason);
        }
    }

    /// Puts a packet from this host to itself where the next poll finds it.
    pub(super) fn loop_back(&mut self, buf: NetBuf) -> Result<(), (NetBuf, SendDrop)> {
        if self.looped.len() >= config::LOOPBACK_QUEUE {
            return Err((buf, SendDrop::Port));
        }
        #[cfg(feature = "statistics")]
        self.count_looped(&buf);
        #[cfg(feature = "packet-sockets")]
        self.watch_looping(&buf);
        self.looped.push_back(buf);
        self.wake_runner = true;
        Ok(())
    }

    /// The task of a driver that is to be woken now.
    fn take_kicked(&mut self) -> Option<Waker> {
        while self.kicked != 0 {
            let id = self.kicked.trailing_zeros() as InterfaceId;
            self.kicked &= self.kicked - 1;
            let driver = self.interface(id).and_then(|i| i.port.take_driver());
            if driver.is_some() {
                return driver;
            }
        }
        None
    }
}
