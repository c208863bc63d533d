//! The virtual network: hosts and scripted peers on links with faults, under a virtual clock.
//!
//! ```ignore
//! let net = Network::new(1);
//! let (a, b) = (net.host("a"), net.host("b"));
//! let link = net.link([a, b]).delay(ms(5)).loss(0.01);
//! a.add(link, "10.0.0.1/24");
//! b.add(link, "10.0.0.2/24");
//! let server = b.udp("0.0.0.0:7");
//! let client = a.udp("0.0.0.0:0");
//! client.try_send_to(b"hello", addr("10.0.0.2:7")).unwrap();
//! net.run_for(secs(3));
//! assert!(server.try_recv().is_some());
//! ```
//!
//! * A [`Host`] is a whole stack with a pool of its own; a [`Peer`] is a station without a stack,
//!   which sends the bytes that the test gives it and keeps those that it receives.
//! * A [`Link`] joins two or more of them. Faults are set on it, or on one direction with
//!   [`Link::from`].
//! * Time jumps to the next event: the arrival of a frame, or the deadline that a stack has named.
//!   [`Network::run_for`] passes time, [`Network::settle`] does what is to be done at this instant,
//!   [`Network::block_on`] passes time until a future is ready, [`Network::spawn`] runs one beside
//!   the test. Sockets can be used by the test directly too, between two runs.
//! * All that is random comes from the seed of [`Network::new`], or of the environment's
//!   `ZONDA_SEED`; a test that fails prints it. Two runs with one seed are the same, bit for bit.
//! * `ZONDA_PCAP=directory` writes what each link carried to `directory/test.network.link.pcap`.
//! * When a network is dropped, it takes the links down, lets time pass, and checks that no
//!   block of any pool is in use and that every frame received was accepted or counted as dropped.
//!   Declare sockets after the network, so that they are closed before.
//!
//! Handles (hosts, peers, links) are `Copy` and live as long as the test's process.

mod executor;
pub mod hardware;
mod host;
mod link;
mod peer;
mod random;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use zonda::link::Medium;
use zonda::netbuf::Pool;
use zonda::stack::{Clock, ManualClock};
use zonda::time::{Duration, Instant};

pub use executor::Task;
use executor::{Ready, Runnable, Spawned, Wakeup};
pub use host::{Host, pool};
pub use link::{Ends, Link, LinkStats};
pub use peer::Peer;
pub use random::Random;

/// A span of so many microseconds.
pub const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A span of so many milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A span of so many seconds.
pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The longest that [`Network::block_on`] waits, in simulated seconds.
const PATIENCE: u64 = 100_000;

/// Turns that a host, station or task gets at one instant before time goes on without it: one that
/// always has something to do at once does not stop the clock.
const TURNS: u32 = 256;

/// What waits a turn longer than [`TURNS`] goes on so much later.
const PAUSE: Duration = ms(1);

/// A network. Dropped, it takes everything down and checks that nothing is left.
pub struct Network {
    core: &'static Core,
}

/// What the handles see of the network.
struct Core {
    seed: u64,
    /// How many networks the test has made before.
    number: u32,
    clock: ManualClock,
    random: RefCell<Random>,
    events: RefCell<BinaryHeap<Reverse<Event>>>,
    sequence: Cell<u64>,
    hosts: RefCell<Vec<Host>>,
    peers: Cell<u8>,
    links: RefCell<Vec<Link>>,
    tasks: RefCell<Vec<Spawned>>,
    ready: Arc<Ready>,
    /// What has had its turns at this instant.
    paused: RefCell<Vec<Runnable>>,
    /// Vectors to hold frames, used before.
    spare: RefCell<Vec<Vec<u8>>>,
}

/// Something that happens at a time; at one time, in the order in which it was planned.
struct Event {
    at: Instant,
    sequence: u64,
    kind: EventKind,
}

enum EventKind {
    /// A frame reaches a station.
    Frame(&'static link::Station, u32, Vec<u8>),
    /// The deadline of a host, if it still is.
    Deadline(Host),
    /// A sender may take its next frame.
    Free(&'static link::Station),
    /// What was paused goes on.
    Resume,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

thread_local! {
    /// Networks that this test has made.
    static NETWORKS: Cell<u32> = const { Cell::new(0) };
}

/// Keeps for ever.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

impl Network {
    /// A network without stations, all of whose chance comes from `seed`, or from the variable
    /// `ZONDA_SEED` of the environment.
    pub fn new(seed: u64) -> Self {
        let seed = match std::env::var("ZONDA_SEED") {
            Ok(text) => text.parse().expect("ZONDA_SEED is a number"),
            Err(_) => seed,
        };
        Self {
            core: leak(Core {
                seed,
                number: NETWORKS.replace(NETWORKS.get() + 1),
                clock: ManualClock::new(),
                random: RefCell::new(Random::new(seed)),
                events: RefCell::default(),
                sequence: Cell::new(0),
                hosts: RefCell::default(),
                peers: Cell::new(0),
                links: RefCell::default(),
                tasks: RefCell::default(),
                ready: Arc::default(),
                paused: RefCell::default(),
                spare: RefCell::default(),
            }),
        }
    }

    /// A host with a pool of usual size: 64 blocks of 512 bytes.
    pub fn host(&self, name: &str) -> Host {
        self.host_with(name, pool::<64, 512, 32, 64>())
    }

    /// A host with this pool, which must be its own.
    pub fn host_with(&self, name: &str, pool: Pool) -> Host {
        Host::new::<8>(self.core, name, pool)
    }

    /// A host with this pool and room for so many TCP connections.
    pub fn host_for<const TCP: usize>(&self, name: &str, pool: Pool) -> Host {
        Host::new::<TCP>(self.core, name, pool)
    }

    /// A station without a stack.
    pub fn peer(&self, name: &str) -> Peer {
        Peer::new(self.core, name)
    }

    /// An Ethernet that joins two or more hosts and peers: a link if two, a hub if more. Its
    /// frames take 100 µs.
    pub fn link(&self, ends: impl Ends) -> Link {
        self.link_of(Medium::Ethernet, ends)
    }

    /// A link of bare IP packets.
    pub fn ip_link(&self, ends: impl Ends) -> Link {
        self.link_of(Medium::Ip, ends)
    }

    fn link_of(&self, medium: Medium, ends: impl Ends) -> Link {
        let link = Link::new(self.core, medium, &ends.ends());
        self.settle();
        link
    }

    /// The seed in force.
    pub fn seed(&self) -> u64 {
        self.core.seed
    }

    /// The time now; a network begins at zero.
    pub fn now(&self) -> Instant {
        self.core.now()
    }

    /// A source of chance for the test itself.
    pub fn random(&self) -> Random {
        Random::new(self.core.random.borrow_mut().next())
    }

    /// Does what is to be done at this instant.
    pub fn settle(&self) {
        let _: bool = self.core.run(self.now(), || false);
    }

    /// Lets time pass.
    pub fn run_for(&self, span: Duration) {
        let _: bool = self.core.run(self.now() + span, || false);
    }

    /// Lets time pass until `done`, which is looked at after every event, or until `span` has
    /// passed; says whether `done`.
    pub fn run_until(&self, span: Duration, done: impl FnMut() -> bool) -> bool {
        self.core.run(self.now() + span, done)
    }

    /// Runs a task beside the test.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let (task, result) = Task::new();
        let future = async move {
            let value = future.await;
            *result.borrow_mut() = Some(value);
        };
        let mut tasks = self.core.tasks.borrow_mut();
        let wakeup = Wakeup::new(&self.core.ready, Runnable::Task(tasks.len()));
        wakeup.set();
        tasks.push(Spawned {
            wakeup,
            turns: Turns::default(),
            future: Some(Box::pin(future)),
        });
        task
    }

    /// Lets time pass until `future` is ready, and gives its value.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let wakeup = Wakeup::new(&self.core.ready, Runnable::Test);
        let waker = wakeup.waker();
        let mut value = None;
        wakeup.set();
        let turns = Turns::default();
        let deadline = self.now() + secs(PATIENCE);
        let _: bool = self.core.run(deadline, || {
            if wakeup.is_set() && self.core.may_run(Runnable::Test, &turns) {
                wakeup.clear();
                if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    value = Some(ready);
                }
            }
            value.is_some()
        });
        wakeup.clear();
        value.unwrap_or_else(|| panic!("what the test waits for does not come"))
    }

    /// Takes all links down, ends all tasks, and checks that nothing is left.
    fn tear_down(&self) {
        // What is dropped may use the network.
        drop(self.core.tasks.take());
        for link in self.core.links.borrow().iter() {
            let _: Link = link.down();
        }
        self.settle();
        let hosts = self.core.hosts.borrow().clone();
        for _ in 0..10 {
            if hosts.iter().all(|host| host.is_clean()) {
                break;
            }
            // Reassembly and the like end by themselves.
            self.run_for(secs(60));
        }
        for host in hosts {
            host.check();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for link in self.core.links.borrow().iter() {
            link.save_capture();
        }
        if std::thread::panicking() {
            eprintln!(
                "the network's seed was ZONDA_SEED={}, the time {}",
                self.core.seed,
                self.now()
            );
        } else {
            self.tear_down();
        }
    }
}

/// The turns that one has had at an instant.
#[derive(Default)]
struct Turns(Cell<(Instant, u32)>);

impl Turns {
    /// Counts one more at `now`; false if those were too many.
    fn take(&self, now: Instant) -> bool {
        let (at, turns) = self.0.get();
        let turns = if at == now { turns + 1 } else { 1 };
        self.0.set((now, turns));
        turns <= TURNS
    }
}

impl Core {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn plan(&self, at: Instant, kind: EventKind) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        let at = at.max(self.now());
        self.events
            .borrow_mut()
            .push(Reverse(Event { at, sequence, kind }));
    }

    /// Runs until `end`, or until `done`; says whether that.
    fn run(&'static self, end: Instant, mut done: impl FnMut() -> bool) -> bool {
        loop {
            loop {
                if done() {
                    return true;
                }
                if !self.turn() {
                    break;
                }
            }
            match self.next_event(end) {
                Some(event) => self.happen(event),
                None => {
                    self.clock.set(end);
                    return done();
                }
            }
        }
    }

    /// Takes the next event not later than `end` and sets the clock to its time.
    fn next_event(&self, end: Instant) -> Option<EventKind> {
        let mut events = self.events.borrow_mut();
        if events.peek()?.0.at > end {
            return None;
        }
        let Reverse(event) = events.pop()?;
        self.clock.set(event.at);
        Some(event.kind)
    }

    fn happen(&'static self, event: EventKind) {
        match event {
            EventKind::Frame(station, epoch, frame) => station.arrive(epoch, frame),
            EventKind::Deadline(host) => host.deadline_passed(),
            EventKind::Free(station) => station.wakeup.set(),
            EventKind::Resume => {
                for runnable in self.paused.take() {
                    self.ready.push(runnable);
                }
            }
        }
    }

    /// Gives everybody who is ready a turn; false if nobody is.
    fn turn(&'static self) -> bool {
        let ready = self.ready.take();
        let any = !ready.is_empty();
        for runnable in ready {
            self.run_one(runnable);
        }
        any
    }

    fn run_one(&'static self, runnable: Runnable) {
        match runnable {
            Runnable::Host(index) => {
                let host = self.hosts.borrow()[index];
                if self.may_run(runnable, host.turns()) {
                    host.poll();
                }
            }
            Runnable::Station(link, index) => {
                let link = self.links.borrow()[link];
                let station = link.station(index);
                if self.may_run(runnable, &station.turns) {
                    station.send_waiting();
                }
            }
            Runnable::Task(index) => self.run_task(index),
            // The test looks after itself.
            Runnable::Test => {}
        }
    }

    fn run_task(&self, index: usize) {
        let (wakeup, future) = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(index) else {
                return;
            };
            if !self.may_run(Runnable::Task(index), &task.turns) {
                return;
            }
            (task.wakeup.clone(), task.future.take())
        };
        let Some(mut future) = future else {
            return;
        };
        wakeup.clear();
        let waker = wakeup.waker();
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_pending() {
            self.tasks.borrow_mut()[index].future = Some(future);
        }
    }

    /// Whether one may have another turn at this instant. If not it goes on a bit later.
    fn may_run(&self, runnable: Runnable, turns: &Turns) -> bool {
        let may = turns.take(self.now());
        if !may {
            let mut paused = self.paused.borrow_mut();
            if paused.is_empty() {
                self.plan(self.now() + PAUSE, EventKind::Resume);
            }
            paused.push(runnable);
        }
        may
    }
}
