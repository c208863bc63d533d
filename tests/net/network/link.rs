//! Links and their faults.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Context, Poll};

use zonda::drivers::pcap;
use zonda::link::{Capabilities, DriverEnd, LinkState, Medium};
use zonda::netbuf::pool::RECEIVE_OFFSET;
use zonda::netbuf::{NetBuf, Pool, Purpose};
use zonda::time::{Duration, Instant};

use super::executor::{Runnable, Wakeup};
use super::hardware;
use super::host::Host;
use super::peer::Peer;
use super::{Core, EventKind, Turns, leak, us};

/// A host or a peer, at the end of a link.
#[derive(Clone, Copy)]
pub enum End {
    /// A host.
    Host(Host),
    /// A peer.
    Peer(Peer),
}

impl From<Host> for End {
    fn from(host: Host) -> Self {
        Self::Host(host)
    }
}

impl From<Peer> for End {
    fn from(peer: Peer) -> Self {
        Self::Peer(peer)
    }
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Host(host) => host.name(),
            Self::Peer(peer) => peer.name(),
        }
    }
}

/// What a link can join: an array or a slice of hosts or of peers, a tuple of both.
pub trait Ends {
    /// The ends.
    fn ends(&self) -> Vec<End>;
}

impl<T: Into<End> + Copy, const N: usize> Ends for [T; N] {
    fn ends(&self) -> Vec<End> {
        self.iter().map(|end| (*end).into()).collect()
    }
}

impl<T: Into<End> + Copy> Ends for &[T] {
    fn ends(&self) -> Vec<End> {
        self.iter().map(|end| (*end).into()).collect()
    }
}

impl<A: Into<End> + Copy, B: Into<End> + Copy> Ends for (A, B) {
    fn ends(&self) -> Vec<End> {
        vec![self.0.into(), self.1.into()]
    }
}

impl<A: Into<End> + Copy, B: Into<End> + Copy, C: Into<End> + Copy> Ends for (A, B, C) {
    fn ends(&self) -> Vec<End> {
        vec![self.0.into(), self.1.into(), self.2.into()]
    }
}

impl<A, B, C, D> Ends for (A, B, C, D)
where
    A: Into<End> + Copy,
    B: Into<End> + Copy,
    C: Into<End> + Copy,
    D: Into<End> + Copy,
{
    fn ends(&self) -> Vec<End> {
        vec![self.0.into(), self.1.into(), self.2.into(), self.3.into()]
    }
}

/// A link, or one direction of it (see [`Link::from`]): what is set then holds for that only.
#[derive(Clone, Copy)]
pub struct Link {
    state: &'static State,
    /// The sender whose direction is meant; all, if none.
    sender: Option<usize>,
}

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.state, other.state)
    }
}

struct State {
    network: &'static Core,
    index: usize,
    name: String,
    medium: Medium,
    stations: RefCell<Vec<&'static Station>>,
    /// What was sent, in a pcap file.
    capture: RefCell<Option<Vec<u8>>>,
    directory: Option<String>,
}

/// What was done to the frames of a link or direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames that were sent.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that arrived, copies included.
    pub arrived: u64,
    /// Frames lost by chance, or because the link was down.
    pub lost: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Frames that were held back.
    pub reordered: u64,
    /// Frames with flipped bits.
    pub corrupted: u64,
    /// Packets that were marked for congestion.
    pub marked: u64,
    /// Frames that were too long.
    pub too_long: u64,
    /// Frames that found the queue full.
    pub queue_full: u64,
    /// Frames that arrived at a host with no block or no room for them.
    pub refused: u64,
}

/// The faults of one direction.
#[derive(Clone, Copy, Debug)]
struct Faults {
    delay: Duration,
    jitter: Duration,
    loss: f64,
    duplication: f64,
    reordering: f64,
    held_back: Duration,
    corruption: f64,
    marking: f64,
    /// Bits per second.
    rate: Option<u64>,
    /// Bytes that may wait for the rate.
    queue: usize,
    /// The host keeps what the rate does not let through yet.
    backpressure: bool,
    /// Bytes of the longest packet.
    mtu: usize,
    /// Hosts have the hardware that their offloads speak of.
    hardware: bool,
}

/// One end of a link, with the direction that leads away from it.
pub(super) struct Station {
    network: &'static Core,
    link: Link,
    index: usize,
    end: Attachment,
    pub(super) wakeup: Arc<Wakeup>,
    pub(super) turns: Turns,
    faults: Cell<Faults>,
    is_up: Cell<bool>,
    /// Counts how often the link went down: what was on its way then is lost.
    epoch: Cell<u32>,
    busy_until: Cell<Instant>,
    last_arrival: Cell<Instant>,
    stats: Cell<LinkStats>,
}

enum Attachment {
    Host(Host, DriverEnd<'static>, Pool),
    Peer(Peer),
}

impl Link {
    pub(super) fn new(network: &'static Core, medium: Medium, ends: &[End]) -> Self {
        let names: Vec<_> = ends.iter().map(|end| end.name()).collect();
        let index = network.links.borrow().len();
        let directory = std::env::var("ZONDA_PCAP").ok();
        let state = leak(State {
            network,
            index,
            name: format!("{index}-{}", names.join("-")),
            medium,
            stations: RefCell::default(),
            capture: RefCell::new(directory.is_some().then(|| file_header(medium))),
            directory,
        });
        let link = Self {
            state,
            sender: None,
        };
        network.links.borrow_mut().push(link);
        for end in ends {
            link.join(*end);
        }
        link
    }

    /// Joins another host or peer.
    pub fn join(self, end: impl Into<End>) -> Self {
        let network = self.state.network;
        let mut stations = self.state.stations.borrow_mut();
        let place = stations.len();
        let station = |end| {
            leak(Station {
                network,
                link: self.all(),
                index: place,
                end,
                wakeup: Wakeup::new(&network.ready, Runnable::Station(self.state.index, place)),
                turns: Turns::default(),
                faults: Cell::new(Faults::NONE),
                is_up: Cell::new(true),
                epoch: Cell::new(0),
                busy_until: Cell::new(Instant::ZERO),
                last_arrival: Cell::new(Instant::ZERO),
                stats: Cell::default(),
            })
        };
        match end.into() {
            End::Host(host) => {
                let capabilities = |mac| match self.state.medium {
                    Medium::Ip => Capabilities::ip(1500),
                    _ => Capabilities::ethernet(mac),
                };
                host.attach(self.all(), capabilities, |driver, pool| {
                    driver.set_link(LinkState::Up);
                    let station = station(Attachment::Host(host, driver, pool));
                    station.wakeup.set();
                    stations.push(station);
                    station
                });
            }
            End::Peer(peer) => {
                let station = station(Attachment::Peer(peer));
                peer.attach(station);
                stations.push(station);
            }
        }
        self
    }

    // ---- Faults --------------------------------------------------------------------------

    /// The direction from one end to the others.
    pub fn from(self, end: impl Into<End>) -> Self {
        let wanted = end.into();
        let stations = self.state.stations.borrow();
        let sender = stations.iter().position(|station| station.is(wanted));
        assert!(sender.is_some(), "it is on the link");
        Self { sender, ..self }
    }

    /// All directions.
    pub fn all(self) -> Self {
        Self {
            sender: None,
            ..self
        }
    }

    /// How long a frame takes, beside the time that the rate gives it.
    pub fn delay(self, delay: Duration) -> Self {
        self.set(|faults| faults.delay = delay)
    }

    /// By how much the delay varies at most. The order stays.
    pub fn jitter(self, jitter: Duration) -> Self {
        self.set(|faults| faults.jitter = jitter)
    }

    /// The probability that a frame is lost.
    pub fn loss(self, probability: f64) -> Self {
        self.set(|faults| faults.loss = probability)
    }

    /// The probability that a frame arrives twice.
    pub fn duplication(self, probability: f64) -> Self {
        self.set(|faults| faults.duplication = probability)
    }

    /// The probability that a frame is held back for so long, while others overtake it.
    pub fn reordering(self, probability: f64, held_back: Duration) -> Self {
        self.set(|faults| {
            faults.reordering = probability;
            faults.held_back = held_back;
        })
    }

    /// The probability that one bit of a frame is flipped.
    pub fn corruption(self, probability: f64) -> Self {
        self.set(|faults| faults.corruption = probability)
    }

    /// The probability that an IP packet that may be marked for congestion is (RFC 3168 §5).
    pub fn marking(self, probability: f64) -> Self {
        self.set(|faults| faults.marking = probability)
    }

    /// Bits per second, and the bytes that may wait for them; more are lost.
    pub fn rate(self, bits: u64, queue: usize) -> Self {
        self.set(|faults| {
            faults.rate = Some(bits);
            faults.queue = queue;
            faults.backpressure = false;
        })
    }

    /// Bits per second; what waits for them waits in the port of the sending host.
    pub fn line_rate(self, bits: u64) -> Self {
        self.set(|faults| {
            faults.rate = Some(bits);
            faults.queue = usize::MAX;
            faults.backpressure = true;
        })
    }

    /// The longest packet, of which the hosts are told.
    pub fn mtu(self, mtu: u16) -> Self {
        for station in self.meant() {
            if let Some(driver) = station.driver() {
                let capabilities = driver.capabilities();
                driver.set_capabilities(Capabilities {
                    mtu,
                    ..capabilities
                });
            }
        }
        self.silent_mtu(mtu)
    }

    /// The longest packet, of which the hosts are not told: longer ones are lost.
    pub fn silent_mtu(self, mtu: u16) -> Self {
        self.set(|faults| faults.mtu = usize::from(mtu))
    }

    /// The hosts have the hardware that their offloads speak of: it fills checksums in, and keeps
    /// frames back in which they are wrong. Without this the frames are what the stack made them,
    /// and what peers sent is what hardware found good.
    pub fn hardware(self) -> Self {
        self.set(|faults| faults.hardware = true)
    }

    /// Perfect again, with a delay of 100 µs.
    pub fn perfect(self) -> Self {
        self.set(|faults| {
            *faults = Faults {
                mtu: faults.mtu,
                hardware: faults.hardware,
                ..Faults::NONE
            }
        })
    }

    fn set(self, mut set: impl FnMut(&mut Faults)) -> Self {
        for station in self.meant() {
            let mut faults = station.faults.get();
            set(&mut faults);
            station.faults.set(faults);
        }
        self
    }

    /// Takes the link down, or of one direction the sender's end: its host sees no carrier.
    pub fn down(self) -> Self {
        self.carry(false)
    }

    /// Brings up what was down.
    pub fn up(self) -> Self {
        self.carry(true)
    }

    fn carry(self, up: bool) -> Self {
        for station in self.meant() {
            if station.is_up.replace(up) && !up {
                station.epoch.set(station.epoch.get() + 1);
            }
            if let Some(driver) = station.driver() {
                driver.set_link(if up { LinkState::Up } else { LinkState::Down });
            }
        }
        self
    }

    // ---- What happened -------------------------------------------------------------------

    /// What was done to the frames so far.
    pub fn stats(self) -> LinkStats {
        let mut sum = LinkStats::default();
        for station in self.meant() {
            let stats = station.stats.get();
            sum.sent += stats.sent;
            sum.bytes += stats.bytes;
            sum.arrived += stats.arrived;
            sum.lost += stats.lost;
            sum.duplicated += stats.duplicated;
            sum.reordered += stats.reordered;
            sum.corrupted += stats.corrupted;
            sum.marked += stats.marked;
            sum.too_long += stats.too_long;
            sum.queue_full += stats.queue_full;
            sum.refused += stats.refused;
        }
        sum
    }

    /// From now on keeps what is sent, for [`Link::captured`].
    pub fn capture(self) -> Self {
        let medium = self.state.medium;
        let mut capture = self.state.capture.borrow_mut();
        let _: &mut Vec<u8> = capture.get_or_insert_with(|| file_header(medium));
        self
    }

    /// A pcap file of what was sent, before faults were done to it.
    pub fn captured(self) -> Vec<u8> {
        self.state.capture.borrow().clone().unwrap_or_default()
    }

    /// Its number and the names of its stations.
    pub fn name(self) -> &'static str {
        &self.state.name
    }

    // ---- What the network does -----------------------------------------------------------

    pub(super) fn station(self, index: usize) -> &'static Station {
        self.state.stations.borrow()[index]
    }

    fn meant(self) -> Vec<&'static Station> {
        let stations = self.state.stations.borrow();
        match self.sender {
            Some(index) => vec![stations[index]],
            None => stations.clone(),
        }
    }

    fn record(self, frame: &[u8]) {
        if let Some(capture) = self.state.capture.borrow_mut().as_mut() {
            let length = frame.len() as u32;
            let now = self.state.network.now();
            capture.extend_from_slice(&pcap::record_header(now, length, length));
            capture.extend_from_slice(frame);
        }
    }

    pub(super) fn save_capture(self) {
        if let (Some(directory), Some(capture)) =
            (&self.state.directory, &*self.state.capture.borrow())
        {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("test").replace("::", ".");
            let _: std::io::Result<()> = std::fs::create_dir_all(directory);
            let network = self.state.network.number;
            let path = format!("{directory}/{test}.{network}.{}.pcap", self.state.name);
            if let Err(error) = std::fs::write(&path, capture) {
                eprintln!("{path}: {error}");
            }
        }
    }
}

fn file_header(medium: Medium) -> Vec<u8> {
    pcap::file_header(medium.into(), 65_535).to_vec()
}

impl Faults {
    const NONE: Self = Self {
        delay: us(100),
        jitter: Duration::ZERO,
        loss: 0.0,
        duplication: 0.0,
        reordering: 0.0,
        held_back: Duration::ZERO,
        corruption: 0.0,
        marking: 0.0,
        rate: None,
        queue: usize::MAX,
        backpressure: false,
        mtu: 1500,
        hardware: false,
    };
}

impl Station {
    fn is(&self, end: End) -> bool {
        match (&self.end, end) {
            (Attachment::Host(one, _, _), End::Host(other)) => *one == other,
            (Attachment::Peer(one), End::Peer(other)) => one.mac() == other.mac(),
            _ => false,
        }
    }

    pub(super) fn driver(&self) -> Option<DriverEnd<'static>> {
        match &self.end {
            Attachment::Host(_, driver, _) => Some(*driver),
            Attachment::Peer(_) => None,
        }
    }

    fn count(&self, count: impl FnOnce(&mut LinkStats)) {
        let mut stats = self.stats.get();
        count(&mut stats);
        self.stats.set(stats);
    }

    /// Sends what waits in the port.
    pub(super) fn send_waiting(&'static self) {
        self.wakeup.clear();
        let Attachment::Host(_, driver, _) = &self.end else {
            return;
        };
        let waker = self.wakeup.waker();
        let mut context = Context::from_waker(&waker);
        loop {
            let now = self.network.now();
            if self.faults.get().backpressure && self.busy_until.get() > now {
                self.network
                    .plan(self.busy_until.get(), EventKind::Free(self));
                return;
            }
            match driver.poll_next_tx(&mut context) {
                Poll::Ready(frame) => {
                    let mut bytes = self.bytes_of(&frame);
                    if self.faults.get().hardware && bytes.len() >= self.header() {
                        let offload = driver.capabilities().offload;
                        hardware::fill(offload, &mut bytes[self.header()..]);
                    }
                    self.send(bytes);
                }
                Poll::Pending => return,
            }
        }
    }

    /// Bytes of the link header.
    fn header(&self) -> usize {
        match self.link.state.medium {
            Medium::Ip => 0,
            _ => 14,
        }
    }

    fn bytes_of(&self, frame: &NetBuf) -> Vec<u8> {
        let mut bytes = self.network.spare.borrow_mut().pop().unwrap_or_default();
        bytes.clear();
        for fragment in frame.fragments() {
            bytes.extend_from_slice(fragment);
        }
        bytes
    }

    /// Sends a frame to all others on the link.
    pub(super) fn send(&'static self, frame: Vec<u8>) {
        self.link.record(&frame);
        self.count(|stats| {
            stats.sent += 1;
            stats.bytes += frame.len() as u64;
        });
        let faults = self.faults.get();
        if !self.is_up.get() {
            self.count(|stats| stats.lost += 1);
        } else if frame.len() > faults.mtu + self.header() {
            self.count(|stats| stats.too_long += 1);
        } else if let Some(sent) = self.pass_queue(&faults, frame.len()) {
            self.spread(&faults, sent, &frame);
        } else {
            self.count(|stats| stats.queue_full += 1);
        }
        self.recycle(frame);
    }

    /// When the last bit of a frame is sent; `None` if it finds no room in the queue.
    fn pass_queue(&self, faults: &Faults, length: usize) -> Option<Instant> {
        let now = self.network.now();
        let Some(rate) = faults.rate else {
            return Some(now);
        };
        let start = self.busy_until.get().max(now);
        let waiting = start.since(now).as_micros() * rate / 8_000_000;
        if waiting > 0 && waiting as usize + length > faults.queue {
            return None;
        }
        let sent = start + us((length as u64 * 8_000_000).div_ceil(rate));
        self.busy_until.set(sent);
        Some(sent)
    }

    fn spread(&'static self, faults: &Faults, sent: Instant, frame: &[u8]) {
        let network = self.network;
        let stations = self.link.state.stations.borrow();
        for other in stations.iter().copied() {
            if other.index == self.index {
                continue;
            }
            let mut random = network.random.borrow_mut();
            let mut copies = 1;
            if random.chance(faults.duplication) {
                copies = 2;
                self.count(|stats| stats.duplicated += 1);
            }
            for _ in 0..copies {
                if random.chance(faults.loss) || !other.is_up.get() {
                    self.count(|stats| stats.lost += 1);
                    continue;
                }
                let mut at = sent + faults.delay;
                if faults.jitter > Duration::ZERO {
                    at += us(random.below(faults.jitter.as_micros() as usize + 1) as u64);
                }
                if random.chance(faults.reordering) {
                    at += faults.held_back;
                    self.count(|stats| stats.reordered += 1);
                } else {
                    at = at.max(self.last_arrival.get());
                    self.last_arrival.set(at);
                }
                let mut copy = network.spare.borrow_mut().pop().unwrap_or_default();
                copy.clear();
                copy.extend_from_slice(frame);
                if !copy.is_empty() && random.chance(faults.corruption) {
                    let bit = random.below(copy.len() * 8);
                    copy[bit / 8] ^= 1 << (bit % 8);
                    self.count(|stats| stats.corrupted += 1);
                }
                if faults.marking > 0.0
                    && random.chance(faults.marking)
                    && mark_congestion(self.link.state.medium, &mut copy)
                {
                    self.count(|stats| stats.marked += 1);
                }
                self.count(|stats| stats.arrived += 1);
                network.plan(at, EventKind::Frame(other, other.epoch.get(), copy));
            }
        }
    }

    /// A frame reaches this end.
    pub(super) fn arrive(&'static self, epoch: u32, frame: Vec<u8>) {
        if epoch != self.epoch.get() || !self.is_up.get() {
            self.count(|stats| stats.lost += 1);
            return self.recycle(frame);
        }
        match &self.end {
            Attachment::Peer(peer) => peer.arrive(self.network.now(), frame),
            Attachment::Host(host, driver, pool) => {
                // The port has one place for a waker: the sending side's stays there.
                let waker = self.wakeup.waker();
                if driver
                    .poll_room(&mut Context::from_waker(&waker))
                    .is_pending()
                {
                    // A batch is full: the stack takes it first.
                    host.poll();
                }
                let is_good = !self.faults.get().hardware
                    || frame.get(self.header()..).is_none_or(|packet| {
                        hardware::verify(driver.capabilities().offload, packet)
                    });
                let delivered = match self.buffer(*pool, &frame).filter(|_| is_good) {
                    Some(buf) => driver.deliver(buf).is_ok(),
                    None => {
                        driver.count_receive_errors(1);
                        false
                    }
                };
                if !delivered {
                    self.count(|stats| stats.refused += 1);
                }
                self.recycle(frame);
            }
        }
    }

    /// The frame in blocks of the host's pool, as a driver receives it.
    fn buffer(&self, pool: Pool, frame: &[u8]) -> Option<NetBuf> {
        let offset = match self.link.state.medium {
            Medium::Ip => 0,
            _ => RECEIVE_OFFSET,
        };
        let mut buf = pool
            .alloc_chain(Purpose::Receive, offset, frame.len())
            .ok()?;
        let written = buf.write(0, frame).expect("a new buffer is not shared");
        assert_eq!(written, frame.len());
        Some(buf)
    }

    fn recycle(&self, frame: Vec<u8>) {
        let mut spare = self.network.spare.borrow_mut();
        if spare.len() < 1024 {
            spare.push(frame);
        }
    }
}

/// Sets CE in the IP header of a frame if its sender allows it.
fn mark_congestion(medium: Medium, frame: &mut [u8]) -> bool {
    let start = match medium {
        Medium::Ethernet => 14,
        _ => 0,
    };
    match frame.get_mut(start..) {
        Some([0x45, class, rest @ ..]) if rest.len() >= 18 && *class & 3 != 0 => {
            // The sum of the header grows by what the octet does (RFC 1624).
            let more = u32::from(3 - (*class & 3));
            *class |= 3;
            let sum = u32::from(!u16::from_be_bytes([rest[8], rest[9]])) + more;
            let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
            rest[8..10].copy_from_slice(&sum.to_be_bytes());
            true
        }
        Some([first, second, ..]) if *first >> 4 == 6 && *second & 0x30 != 0 => {
            *second |= 0x30;
            true
        }
        _ => false,
    }
}
