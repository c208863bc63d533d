//! The neighbour cache of one interface: which link address an IP address has, and whether the
//! way there works.
//!
//! Before touching it read RFC 4861 §7.2, §7.3, §10 and appendix C. IPv4 goes through the same
//! states, with ARP requests for solicitations (RFC 826, RFC 1122 §2.3.2): out-of-date entries are
//! flushed by unicast poll. Where appendix C, a summary, differs from §7.2.5, that section holds.
//!
//! The cache sends nothing itself. What is to be done comes back as a value; packets that waited
//! come back to be sent, or to be answered with an ICMP error. Links without addresses have no
//! cache.

#[cfg(debug_assertions)]
mod check;
mod entry;
mod learn;
mod slots;
mod timing;

pub use self::entry::NeighborState;
use self::entry::{Entry, EntryFlags};
#[cfg(feature = "ipv6")]
pub use self::learn::Advertisement;
#[cfg(feature = "ipv4")]
pub use self::learn::ArpSender;
pub use self::learn::Learned;
use self::learn::is_unicast_link;
use self::slots::Need;
pub use self::timing::NeighborTiming;
use crate::config::{NEIGHBOR_PENDING, NEIGHBOR_PENDING_TOTAL, NEIGHBORS};
use crate::netbuf::{BufQueue, NetBuf};
use crate::time::Instant;
use crate::wire::{IpAddress, LinkAddr};

/// What [`NeighborCache::wait`] did with a packet.
#[must_use]
#[derive(Debug)]
pub enum Wait {
    /// The address is being resolved.
    Queued {
        /// A solicitation (by multicast; an ARP request by broadcast) is to be sent now.
        solicit: bool,
        /// The packet that had to give way: the oldest for that neighbour, one of another
        /// neighbour that has several, or the new one.
        dropped: Option<NetBuf>,
    },
    /// The link address is known after all.
    Ready {
        /// Where to send it.
        link: LinkAddr,
        /// What to send.
        packet: NetBuf,
    },
    /// The cache has no place for this neighbour now, or the address is of no single node.
    Refused {
        /// What cannot be sent.
        packet: NetBuf,
    },
}

/// What is to be done now that time has passed.
#[must_use]
pub enum NeighborAction {
    /// Send a Neighbor Solicitation or an ARP request.
    Solicit {
        /// The address that is asked for.
        address: IpAddress,
        /// Where to send it: `None` is to the solicited-node group, or by broadcast.
        to: Option<LinkAddr>,
    },
    /// The neighbour does not answer. The entry is gone, so that routes are looked at again.
    Unreachable {
        /// The neighbour.
        address: IpAddress,
        /// It was known as a router.
        is_router: bool,
        /// Packets that cannot be sent: each is answered with "address unreachable" (RFC 4861
        /// §7.2.2) or "host unreachable".
        packets: BufQueue,
    },
}

/// Why an entry cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NeighborError {
    /// There is no such interface, or its link has no addresses.
    NoInterface,
    /// Every place is taken by an entry that may not be replaced.
    CacheFull,
    /// The IP or link address is of no single node.
    Address,
}

impl core::fmt::Display for NeighborError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface with neighbours",
            Self::CacheFull => "neighbour cache full",
            Self::Address => "not a unicast address",
        })
    }
}

impl core::error::Error for NeighborError {}

/// One entry, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Neighbor {
    /// Its IP address.
    pub address: IpAddress,
    /// Its link address, as far as known.
    pub link: Option<LinkAddr>,
    /// What is known of the way there.
    pub state: NeighborState,
    /// It said that it is a router.
    pub is_router: bool,
    /// The entry is never replaced.
    pub is_protected: bool,
    /// How many packets wait for the link address.
    pub pending: usize,
}

/// What happened since the start. The numbers wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeighborCounters {
    /// Entries made.
    pub created: u32,
    /// Entries that gave way to another.
    pub replaced: u32,
    /// Neighbours that found no place.
    pub refused: u32,
    /// Multicast solicitations and broadcast requests.
    pub solicitations: u32,
    /// Unicast solicitations and requests.
    pub probes: u32,
    /// Addresses resolved.
    pub resolved: u32,
    /// Neighbours given up: they did not answer.
    pub unreachable: u32,
    /// Packets that a bound on waiting packets cost.
    pub packets_dropped: u32,
    /// Packets for neighbours that did not answer.
    pub packets_unreachable: u32,
    /// Messages ignored since an address in them is of no single node.
    pub bad_addresses: u32,
}

fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

/// Whether the address may be that of a neighbour.
fn is_unicast(address: IpAddress) -> bool {
    !address.is_multicast() && !address.is_unspecified()
}

/// The neighbour cache of one interface.
pub struct NeighborCache {
    entries: [Entry; NEIGHBORS],
    /// The place found last.
    recent: usize,
    /// No timer is due before this; [`Instant::MAX`]: no timer runs.
    next: Instant,
    #[cfg(feature = "ipv4")]
    arp_timing: NeighborTiming,
    #[cfg(feature = "ipv6")]
    discovery_timing: NeighborTiming,
    counters: NeighborCounters,
}

impl Default for NeighborCache {
    fn default() -> Self {
        Self::new()
    }
}

impl NeighborCache {
    /// An empty cache with the times of RFC 4861 §10. A random ReachableTime is set through
    /// [`arp_timing_mut`](Self::arp_timing_mut) and
    /// [`discovery_timing_mut`](Self::discovery_timing_mut).
    pub const fn new() -> Self {
        Self {
            entries: [const { Entry::FREE }; NEIGHBORS],
            recent: 0,
            next: Instant::MAX,
            #[cfg(feature = "ipv4")]
            arp_timing: NeighborTiming::DEFAULT,
            #[cfg(feature = "ipv6")]
            discovery_timing: NeighborTiming::DEFAULT,
            counters: NeighborCounters {
                created: 0,
                replaced: 0,
                refused: 0,
                solicitations: 0,
                probes: 0,
                resolved: 0,
                unreachable: 0,
                packets_dropped: 0,
                packets_unreachable: 0,
                bad_addresses: 0,
            },
        }
    }

    /// The times and limits for IPv4 neighbours.
    #[cfg(feature = "ipv4")]
    pub fn arp_timing_mut(&mut self) -> &mut NeighborTiming {
        &mut self.arp_timing
    }

    /// The times and limits for IPv6 neighbours.
    #[cfg(feature = "ipv6")]
    pub fn discovery_timing(&self) -> &NeighborTiming {
        &self.discovery_timing
    }

    /// The times and limits for IPv6 neighbours, which Router Advertisements change.
    #[cfg(feature = "ipv6")]
    pub fn discovery_timing_mut(&mut self) -> &mut NeighborTiming {
        &mut self.discovery_timing
    }

    fn timing(&self, address: IpAddress) -> &NeighborTiming {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => &self.arp_timing,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => &self.discovery_timing,
        }
    }

    /// Lets all that is counted begin at zero again.
    #[cfg(feature = "statistics")]
    pub(crate) fn reset_counters(&mut self) {
        self.counters = NeighborCounters::default();
    }

    /// What happened since the start.
    pub const fn counters(&self) -> &NeighborCounters {
        &self.counters
    }

    /// The link address to send a packet to, if it is known. The packet counts as sent: a STALE
    /// entry goes to DELAY.
    pub fn lookup(&mut self, now: Instant, address: IpAddress) -> Option<LinkAddr> {
        let index = self.find(address)?;
        let entry = self.entries.get_mut(index)?;
        let link = entry.link;
        match entry.state {
            NeighborState::Incomplete | NeighborState::Failed => return None,
            NeighborState::Reachable if now < entry.deadline => {}
            NeighborState::Reachable | NeighborState::Stale => self.delay(now, address, index),
            NeighborState::Delay | NeighborState::Probe | NeighborState::Static => {}
        }
        let entry = self.entries.get_mut(index)?;
        entry.used = now;
        entry.flags |= EntryFlags::USED;
        Some(link)
    }

    /// The link address of a neighbour, whatever the state of its entry, which stays as it is.
    pub fn link_addr(&self, address: IpAddress) -> Option<LinkAddr> {
        self.neighbor(Instant::ZERO, address)?.link
    }

    /// What is known of one neighbour.
    pub fn neighbor(&self, now: Instant, address: IpAddress) -> Option<Neighbor> {
        self.iter(now).find(|neighbor| neighbor.address == address)
    }

    /// All entries.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = Neighbor> {
        (0..self.entries.len()).filter_map(move |place| self.at(now, place))
    }

    /// The entry at a place of the table, below [`config::NEIGHBORS`](crate::config::NEIGHBORS).
    pub(crate) fn at(&self, now: Instant, place: usize) -> Option<Neighbor> {
        let entry = self.entries.get(place)?;
        let is_known = entry.is_resolved() || entry.state == NeighborState::Static;
        Some(Neighbor {
            address: entry.address?,
            link: is_known.then_some(entry.link),
            state: entry.state_at(now),
            is_router: entry.is_router(),
            is_protected: entry.flags.contains(EntryFlags::PROTECTED),
            pending: entry.pending.len(),
        })
    }

    /// The source of the packet that has waited longest for the link address of a neighbour.
    #[cfg(feature = "ipv6")]
    #[cold]
    pub(crate) fn waiting_source(
        &self,
        address: core::net::Ipv6Addr,
    ) -> Option<core::net::Ipv6Addr> {
        let entry = self.entries.get(self.position(address.into())?)?;
        let mut octets = [0; 16];
        let packet = entry.pending.iter().next()?;
        let read = packet.read(crate::wire::ipv6::SOURCE_OFFSET, &mut octets);
        (read == octets.len()).then(|| octets.into())
    }

    /// Keeps a packet whose neighbour [`lookup`](Self::lookup) did not find until the link address
    /// is known, and begins to ask for it. The caller has charged the packet as held or sent, so
    /// that what waits here leaves room in the pool for the answer.
    pub fn wait(&mut self, now: Instant, address: IpAddress, packet: NetBuf) -> Wait {
        if !is_unicast(address) {
            return Wait::Refused { packet };
        }
        let Some(index) = self.find_or_create(now, address, Need::Own) else {
            return Wait::Refused { packet };
        };
        let quiet_until = now + self.timing(address).retrans_timer();
        let Some(entry) = self.entries.get_mut(index) else {
            return Wait::Refused { packet };
        };
        let mut solicit = false;
        match entry.state {
            NeighborState::Incomplete => {}
            NeighborState::Failed => {
                entry.state = NeighborState::Incomplete;
                entry.solicitations = 0;
                if now >= entry.quiet_until {
                    solicit = true;
                    entry.solicitations = 1;
                    entry.quiet_until = quiet_until;
                    count(&mut self.counters.solicitations);
                }
                let timer = entry.quiet_until;
                self.arm(timer);
            }
            _ => {
                return match self.lookup(now, address) {
                    Some(link) => Wait::Ready { link, packet },
                    None => Wait::Refused { packet },
                };
            }
        }
        let dropped = self.queue(index, packet);
        if dropped.is_some() {
            count(&mut self.counters.packets_dropped);
        }
        Wait::Queued { solicit, dropped }
    }

    /// Appends a packet to a neighbour's queue; returns the one for which there is no room then.
    ///
    /// RFC 4861 §7.2.2: "When a queue overflows, the new arrival SHOULD replace the oldest entry."
    /// Where all queues together are full a neighbour with none takes the oldest of the longest
    /// queue, but never another neighbour's only packet.
    fn queue(&mut self, index: usize, packet: NetBuf) -> Option<NetBuf> {
        let waiting: usize = self.entries.iter().map(|e| e.pending.len()).sum();
        let is_full = waiting >= NEIGHBOR_PENDING_TOTAL;
        let own = self.entries.get(index).map_or(0, |e| e.pending.len());
        let from = if own >= NEIGHBOR_PENDING || (is_full && own > 0) {
            self.entries.get_mut(index)
        } else if is_full {
            let longest = self.entries.iter_mut().max_by_key(|e| e.pending.len());
            match longest.filter(|entry| entry.pending.len() > 1) {
                Some(longest) => Some(longest),
                None => return Some(packet),
            }
        } else {
            None
        };
        let dropped = from.and_then(|entry| entry.pending.pop_front());
        match self.entries.get_mut(index) {
            Some(entry) => entry.pending.push_back(packet),
            None => return Some(packet),
        }
        dropped
    }

    /// Drops those packets that wait of which `is_void` is true; says how many.
    pub(crate) fn drop_pending(&mut self, is_void: impl Fn(&NetBuf) -> bool) -> usize {
        let mut dropped = 0;
        for entry in &mut self.entries {
            for _ in 0..entry.pending.len() {
                match entry.pending.pop_front() {
                    Some(packet) if !is_void(&packet) => entry.pending.push_back(packet),
                    void => dropped += usize::from(void.is_some()),
                }
            }
        }
        dropped
    }

    /// STALE, and a packet is sent.
    #[cold]
    fn delay(&mut self, now: Instant, address: IpAddress, index: usize) {
        let deadline = now + self.timing(address).delay_first_probe_time;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = NeighborState::Delay;
            entry.deadline = deadline;
        }
        self.arm(deadline);
    }

    /// Takes what waits for a neighbour.
    fn take_pending(&mut self, index: usize) -> BufQueue {
        match self.entries.get_mut(index) {
            Some(entry) => entry.pending.take(),
            None => BufQueue::new(),
        }
    }

    /// Enters a neighbour that neither changes nor ages.
    pub fn set_static(
        &mut self,
        now: Instant,
        address: IpAddress,
        link: LinkAddr,
    ) -> Result<Learned, NeighborError> {
        if !is_unicast(address) || !is_unicast_link(link) {
            return Err(NeighborError::Address);
        }
        let index =
            (self.find_or_create(now, address, Need::Own)).ok_or(NeighborError::CacheFull)?;
        let learned = Learned {
            link,
            packets: self.take_pending(index),
            lost_router: false,
        };
        if let Some(entry) = self.entries.get_mut(index) {
            entry.link = link;
            entry.state = NeighborState::Static;
        }
        Ok(learned)
    }

    /// Protects a neighbour's entry from being replaced, such as that of a default router, or no
    /// longer does. Where there is no entry its place is reserved, and stays so when the neighbour
    /// does not answer. The caller bounds how many are protected.
    pub fn protect(
        &mut self,
        now: Instant,
        address: IpAddress,
        protected: bool,
    ) -> Result<(), NeighborError> {
        let found = match protected {
            true if !is_unicast(address) => return Err(NeighborError::Address),
            true => self.find_or_create(now, address, Need::Own),
            false => self.position(address),
        };
        match found.and_then(|index| self.entries.get_mut(index)) {
            Some(entry) => {
                entry.flags.set(EntryFlags::PROTECTED, protected);
                if !protected && entry.state == NeighborState::Failed {
                    *entry = Entry::FREE;
                }
                Ok(())
            }
            None if protected => Err(NeighborError::CacheFull),
            None => Ok(()),
        }
    }

    /// Whether a neighbour's link address is known or asked for.
    pub(crate) fn knows(&self, address: IpAddress) -> bool {
        self.position(address)
            .is_some_and(|index| self.state_of(index) != NeighborState::Failed)
    }

    /// Forgets a neighbour, and returns what waited for it.
    pub fn remove(&mut self, address: IpAddress) -> BufQueue {
        match self.position(address) {
            Some(index) => self.forget(index),
            None => BufQueue::new(),
        }
    }

    /// Forgets all neighbours but static ones, as when the link has gone, and returns all packets
    /// that waited.
    pub fn clear(&mut self) -> BufQueue {
        let mut packets = BufQueue::new();
        for index in 0..NEIGHBORS {
            if self.state_of(index) != NeighborState::Static {
                let mut waited = self.forget(index);
                while let Some(packet) = waited.pop_front() {
                    packets.push_back(packet);
                }
            }
        }
        self.next = Instant::MAX;
        packets
    }

    /// When [`poll`](Self::poll) is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        Some(self.next).filter(|next| *next != Instant::MAX)
    }

    /// As [`next_deadline`](Self::next_deadline), with [`Instant::MAX`] for none.
    pub(crate) const fn deadline(&self) -> Instant {
        self.next
    }

    /// What is due at `now`. To be called until it returns `None`.
    pub fn poll(&mut self, now: Instant) -> Option<NeighborAction> {
        if now < self.next {
            return None;
        }
        loop {
            let is_due = |entry: &Entry| entry.timer().is_some_and(|timer| timer <= now);
            let Some(index) = self.entries.iter().position(is_due) else {
                self.next = Instant::MAX;
                for index in 0..self.entries.len() {
                    if let Some(timer) = self.entries.get(index).and_then(Entry::timer) {
                        self.arm(timer);
                    }
                }
                return None;
            };
            if let Some(action) = self.expire(now, index) {
                return Some(action);
            }
        }
    }

    /// The timer of an entry has run out. Afterwards it no longer is due.
    fn expire(&mut self, now: Instant, index: usize) -> Option<NeighborAction> {
        let address = self.entries.get(index)?.address?;
        let timing = *self.timing(address);
        let entry = self.entries.get_mut(index)?;
        let (limit, to, counter) = match entry.state {
            NeighborState::Incomplete => (
                timing.max_multicast_solicit,
                None,
                &mut self.counters.solicitations,
            ),
            _ => (
                timing.max_unicast_solicit,
                Some(entry.link),
                &mut self.counters.probes,
            ),
        };
        if entry.state == NeighborState::Delay {
            if now < entry.quiet_until {
                entry.deadline = entry.quiet_until;
                return None;
            }
            entry.state = NeighborState::Probe;
            entry.solicitations = 0;
        }
        if entry.solicitations < limit {
            entry.solicitations += 1;
            entry.quiet_until = now + timing.retrans_timer();
            count(counter);
            return Some(NeighborAction::Solicit { address, to });
        }
        let is_router = entry.is_router();
        let packets = self.forget(index);
        count(&mut self.counters.unreachable);
        let undelivered = &mut self.counters.packets_unreachable;
        *undelivered = undelivered.wrapping_add(packets.len() as u32);
        Some(NeighborAction::Unreachable {
            address,
            is_router,
            packets,
        })
    }

    fn arm(&mut self, timer: Instant) {
        self.next = self.next.min(timer);
    }
}

#[cfg(all(test, feature = "ipv4", feature = "ipv6"))]
mod tests;
