//! Hosts: whole stacks.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

#[cfg(feature = "acd")]
use zonda::iface::ConflictDetection;
#[cfg(feature = "router-discovery")]
use zonda::iface::RouterDiscovery;
use zonda::iface::{Counters, Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, DriverEnd, Port};
use zonda::netbuf::{NetBufPool, Pool};
use zonda::socket::{Ping, UdpBind, UdpSocket};
use zonda::stack::{InterfaceId, Next, Stack, StackCell, StackStorage};
use zonda::time::Instant;

use super::executor::{Runnable, Wakeup};
use super::link::{Link, Station};
use super::{Core, EventKind, Random, Turns, leak};

/// Interfaces that a host has room for.
const INTERFACES: usize = 8;
/// UDP sockets that a host has room for.
const UDP: usize = 64;
/// Ports that a host can accept TCP connections on.
const LISTENERS: usize = 8;

/// A pool of its own, that lives as long as the process.
pub fn pool<const BLOCKS: usize, const SIZE: usize, const HEADERS: usize, const SPARES: usize>()
-> Pool {
    // What is made on the stack first can be larger than a test's stack.
    let size = size_of::<NetBufPool<BLOCKS, SIZE, HEADERS, SPARES>>();
    std::thread::Builder::new()
        .stack_size(4 * size + (1 << 20))
        .spawn(|| Box::leak(Box::new(NetBufPool::<BLOCKS, SIZE, HEADERS, SPARES>::new())).pool())
        .expect("a thread starts")
        .join()
        .expect("a pool is made")
}

/// A host: a whole stack with a pool of its own.
#[derive(Clone, Copy)]
pub struct Host(&'static State);

struct State {
    network: &'static Core,
    name: String,
    index: usize,
    pool: Pool,
    stack: Stack<'static>,
    wakeup: Arc<Wakeup>,
    turns: Turns,
    /// When the stack wants to be polled.
    deadline: Cell<Instant>,
    /// The earliest event that is planned for it.
    planned: Cell<Instant>,
    /// How often it was polled.
    polls: Cell<u32>,
    interfaces: RefCell<Vec<(Link, &'static Station, InterfaceId)>>,
}

impl Host {
    pub(super) fn new<const TCP: usize>(network: &'static Core, name: &str, pool: Pool) -> Self {
        let mut seed = [0; 32];
        let mut random = Random::new(network.random.borrow_mut().next());
        random.fill(&mut seed);
        let storage = Box::leak(Box::new(
            StackStorage::<INTERFACES, UDP, TCP, LISTENERS>::new(),
        ));
        let cell = leak(StackCell::new(storage, pool, seed, &network.clock));
        let mut hosts = network.hosts.borrow_mut();
        let index = hosts.len();
        let host = Self(leak(State {
            network,
            name: name.into(),
            index,
            pool,
            stack: cell.stack(),
            wakeup: Wakeup::new(&network.ready, Runnable::Host(index)),
            turns: Turns::default(),
            deadline: Cell::new(Instant::MAX),
            planned: Cell::new(Instant::MAX),
            polls: Cell::new(0),
            interfaces: RefCell::default(),
        }));
        host.0.wakeup.set();
        hosts.push(host);
        host
    }

    // ---- What tests use ------------------------------------------------------------------

    /// Its stack.
    pub fn stack(self) -> Stack<'static> {
        self.0.stack
    }

    /// Its pool.
    pub fn pool(self) -> Pool {
        self.0.pool
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// The interface that it has on a link.
    pub fn interface(self, link: Link) -> InterfaceId {
        self.on(link).1
    }

    /// Its MAC address on a link.
    pub fn mac(self, link: Link) -> [u8; 6] {
        let address = self.driver(link).capabilities().address;
        address.as_ethernet().unwrap_or_default()
    }

    /// Its link-local IPv6 address on a link.
    pub fn link_local(self, link: Link) -> Ipv6Addr {
        let interface = self.0.stack.interface(self.interface(link));
        let addresses = interface.expect("an interface").ipv6;
        let mut addresses = addresses.iter().map(|cidr| cidr.address);
        addresses
            .find(Ipv6Addr::is_unicast_link_local)
            .expect("a link-local address")
    }

    /// Adds an address with its prefix length, as in `10.0.0.1/24` or `fd00::1/64`, on a link.
    pub fn add(self, link: Link, cidr: &str) -> Self {
        let (address, length) = cidr.split_once('/').expect("address/length");
        let length = length.parse().expect("a prefix length");
        let (stack, id) = (self.0.stack, self.interface(link));
        match address.parse().expect("an address") {
            IpAddr::V4(address) => stack.add_ipv4(id, Ipv4Cidr::new(address, length)),
            IpAddr::V6(address) => stack.add_ipv6(id, Ipv6Cidr::new(address, length)),
        }
        .expect("the address is added");
        self
    }

    /// Asks the routers of a link, as hosts do but for tests.
    #[cfg(feature = "router-discovery")]
    pub fn discover(self, link: Link) -> Self {
        let (stack, id) = (self.0.stack, self.interface(link));
        assert!(stack.set_router_discovery(id, RouterDiscovery::Active));
        self
    }

    /// Changes what the driver says of a link: offloads, MTU, address.
    pub fn change(self, link: Link, change: impl FnOnce(&mut Capabilities)) {
        let driver = self.driver(link);
        let mut capabilities = driver.capabilities();
        change(&mut capabilities);
        driver.set_capabilities(capabilities);
        self.poll();
    }

    /// The driver's end of its port on a link.
    pub fn driver(self, link: Link) -> DriverEnd<'static> {
        self.on(link).0.driver().expect("a port")
    }

    /// What it has received and sent on a link.
    pub fn counters(self, link: Link) -> Counters {
        let counters = self.0.stack.counters(self.interface(link));
        counters.expect("the interface's counters")
    }

    /// A UDP socket bound to `local`, as in `0.0.0.0:7` or `[::]:0`.
    pub fn udp(self, local: &str) -> UdpSocket<'static> {
        let local: SocketAddr = local.parse().expect("address:port");
        self.udp_bind(UdpBind::new(local))
    }

    /// A UDP socket.
    pub fn udp_bind(self, bind: UdpBind) -> UdpSocket<'static> {
        UdpSocket::bind(self.0.stack, bind).expect("a socket")
    }

    /// A pinger.
    pub fn ping(self) -> Ping<'static> {
        Ping::new(self.0.stack).expect("a pinger")
    }

    /// Every frame that it has received so far was accepted, or counted as dropped.
    pub fn check_counters(self) {
        for (link, _, id) in self.0.interfaces.borrow().iter() {
            let counters = self.0.stack.counters(*id).expect("counters");
            assert_eq!(
                counters.received,
                counters.accepted.wrapping_add(counters.all_receive_drops()),
                "host {} on {}: a frame was neither accepted nor dropped: {counters:?}",
                self.0.name,
                link.name(),
            );
            #[cfg(feature = "statistics")]
            self.check_statistics(*id, &counters);
        }
    }

    /// Every frame that it has sent so far is in the statistics, once.
    #[cfg(feature = "statistics")]
    fn check_statistics(self, id: InterfaceId, counters: &Counters) {
        let statistics = self.0.stack.interface_statistics(id).expect("statistics");
        let (link, classes) = (statistics.sent.link, statistics.sent_by_class);
        assert_eq!(link.frames, counters.sent, "host {}", self.0.name);
        assert_eq!(classes.into_iter().sum::<u32>(), counters.sent);
        // Beside those there is what was looped back.
        assert!(statistics.received.link.frames <= counters.received);
    }

    // ---- What the network does -----------------------------------------------------------

    fn on(self, link: Link) -> (&'static Station, InterfaceId) {
        let interfaces = self.0.interfaces.borrow();
        let mut found = interfaces.iter().filter(|(on, _, _)| *on == link);
        let (_, station, id) = found.next().expect("the host is on the link");
        (station, *id)
    }

    /// Makes an interface on a link.
    pub(super) fn attach(
        self,
        link: Link,
        capabilities: impl FnOnce([u8; 6]) -> Capabilities,
        station: impl FnOnce(DriverEnd<'static>, Pool) -> &'static Station,
    ) {
        let mut interfaces = self.0.interfaces.borrow_mut();
        let mac = [
            2,
            0,
            0,
            0,
            self.0.index as u8 + 1,
            interfaces.len() as u8 + 1,
        ];
        let (driver, end) = leak(Port::new(capabilities(mac))).split();
        let id = self.0.stack.attach(end).expect("room for an interface");
        // Addresses are there at once, and no frame is sent for them, unless a test wants so.
        #[cfg(feature = "acd")]
        self.0
            .stack
            .set_conflict_detection(id, ConflictDetection::Off);
        // The frames of most tests are those of addresses that are in use from the start.
        #[cfg(feature = "dad")]
        self.0.stack.set_dad_transmits(id, 0);
        #[cfg(feature = "temporary-addresses")]
        self.0.stack.set_temporary_addresses(id, false);
        // Tests see the frames that they ask for.
        #[cfg(feature = "router-discovery")]
        self.0
            .stack
            .set_router_discovery(id, RouterDiscovery::Passive);
        interfaces.push((link, station(driver, self.0.pool), id));
        self.0.wakeup.set();
    }

    pub(super) fn turns(self) -> &'static Turns {
        &self.0.turns
    }

    /// Polls the stack, and asks to be told when to do so again.
    pub(super) fn poll(self) {
        self.0.wakeup.clear();
        self.check_tables();
        let deadline = match self.0.stack.poll() {
            Next::Now => {
                self.0.wakeup.set();
                return;
            }
            Next::At(deadline) => deadline,
            Next::Idle => Instant::MAX,
        };
        if !self.0.stack.register(&self.0.wakeup.waker()) {
            self.0.wakeup.set();
            return;
        }
        self.0.deadline.set(deadline);
        self.plan();
    }

    /// Now and then looks whether the tables agree: how often does not depend on how many there are.
    fn check_tables(self) {
        let polls = self.0.polls.get().wrapping_add(1);
        self.0.polls.set(polls);
        #[cfg(debug_assertions)]
        if polls.is_multiple_of(64) {
            let (held, all) = (self.0.stack.check(), self.0.pool.check());
            assert!(held <= all, "host {}: {held} of {all} views", self.0.name);
        }
    }

    /// Plans an event for the deadline, unless there is an earlier one.
    fn plan(self) {
        let deadline = self.0.deadline.get();
        if deadline < self.0.planned.get() {
            self.0.planned.set(deadline);
            self.0.network.plan(deadline, EventKind::Deadline(self));
        }
    }

    pub(super) fn deadline_passed(self) {
        let now = self.0.network.now();
        if now < self.0.planned.get() {
            return;
        }
        self.0.planned.set(Instant::MAX);
        if now >= self.0.deadline.get() {
            self.0.wakeup.set();
        } else {
            self.plan();
        }
    }

    /// Whether no block of its pool is in use.
    pub(super) fn is_clean(self) -> bool {
        let stats = self.0.pool.stats();
        (stats.blocks_used, stats.headers_used, stats.views_used) == (0, 0, 0)
    }

    /// Checks that nothing is left.
    pub(super) fn check(self) {
        assert!(
            self.is_clean(),
            "host {} still has blocks in use: {:?}",
            self.0.name,
            self.0.pool.stats()
        );
        self.check_counters();
        #[cfg(debug_assertions)]
        assert_eq!((self.0.stack.check(), self.0.pool.check()), (0, 0));
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}
