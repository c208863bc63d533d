//! All sockets, found by port.

#[cfg(debug_assertions)]
mod check;

use managed::ManagedSlice;

use super::slot::{NONE, Options, UdpSlot};
use crate::netbuf::NetBuf;
use crate::rng::Rng;
use crate::wire::IpAddress;

/// The ports that are given out to sockets that ask for none (RFC 6335 §6).
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49152..=65535;

/// Why a socket was not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BindError {
    /// The table has no free slot.
    TableFull,
    /// The address and port are in use.
    InUse,
    /// The address is none of this host's, nor a group.
    NotOurs,
    /// The address is of an IP version that this build leaves out.
    UnsupportedFamily,
    /// There is no such interface.
    NoInterface,
}

impl core::fmt::Display for BindError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TableFull => "all UDP sockets are in use",
            Self::InUse => "the address and port are in use",
            Self::NotOurs => "not an address of this host",
            Self::UnsupportedFamily => "address of a version that is not built in",
            Self::NoInterface => "no such interface",
        })
    }
}

impl core::error::Error for BindError {}

/// What tells which sockets a datagram is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram {
    pub(crate) interface: u8,
    pub(crate) source: IpAddress,
    pub(crate) source_port: u16,
    pub(crate) destination: IpAddress,
    pub(crate) destination_port: u16,
}

/// The table of sockets.
pub(crate) struct UdpTable<'a> {
    slots: ManagedSlice<'a, UdpSlot>,
    free: u16,
    used: u16,
    /// How one of several is picked, once there are sockets that share a port.
    pick: Option<Pick>,
}

type Pick = fn(&UdpTable<'_>, &Datagram, u8, u16) -> Option<u16>;

impl<'a> UdpTable<'a> {
    /// An empty table in unused `slots`, of which it uses 65,534 at most.
    pub(crate) fn new(slots: impl Into<ManagedSlice<'a, UdpSlot>>) -> Self {
        let mut slots = slots.into();
        let count = slots.len().min(usize::from(NONE)) as u16;
        for (index, slot) in (1..).zip(slots.iter_mut()) {
            slot.next = if index < count { index } else { NONE };
        }
        Self {
            slots,
            free: if count > 0 { 0 } else { NONE },
            used: 0,
            pick: None,
        }
    }

    /// How many sockets there can be.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[cfg_attr(feature = "fast-paths", inline)]
    #[cfg_attr(not(feature = "fast-paths"), inline(never))]
    pub(crate) fn get(&self, index: u16) -> Option<&UdpSlot> {
        self.slots.get(usize::from(index))
    }

    /// The slots of the sockets that are open.
    #[cfg(feature = "statistics")]
    pub(crate) fn open_slots(&self) -> impl Iterator<Item = &UdpSlot> {
        let slots = self.slots.iter();
        slots.filter(|slot| slot.options.contains(Options::OPEN))
    }

    #[cfg_attr(feature = "fast-paths", inline)]
    #[cfg_attr(not(feature = "fast-paths"), inline(never))]
    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut UdpSlot> {
        self.slots.get_mut(usize::from(index))
    }

    /// The bucket of a port: some slot's number.
    #[inline]
    fn bucket(&self, port: u16) -> usize {
        // The product of a 16-bit number and the table's length, over 2^16: spread evenly, without
        // a division.
        let buckets = self.slots.len().min(usize::from(NONE)) as u32;
        ((u32::from(port.wrapping_mul(0x9e37)) * buckets) >> 16) as usize
    }

    #[inline]
    fn first(&self, port: u16) -> u16 {
        self.slots
            .get(self.bucket(port))
            .map_or(NONE, |slot| slot.bucket)
    }

    /// Opens a socket at `local` and `port`; port 0 is one of the ephemeral ports, picked at
    /// random (RFC 6056 §3.3.2: algorithm 2).
    pub(crate) fn open(
        &mut self,
        local: Option<IpAddress>,
        port: u16,
        interface: Option<u8>,
        options: Options,
        rng: &mut Rng,
    ) -> Result<u16, BindError> {
        if options.contains(Options::REUSE) {
            self.pick = Some(|table, datagram, score, count| table.pick(datagram, score, count));
        }
        let port = match port {
            0 => self
                .ephemeral(local, interface, rng)
                .ok_or(BindError::InUse)?,
            port if self.is_taken(local, port, interface, options) => return Err(BindError::InUse),
            port => port,
        };
        let index = self.free;
        let bucket = self.bucket(port);
        let first = self.first(port);
        let slot = self
            .slots
            .get_mut(usize::from(index))
            .ok_or(BindError::TableFull)?;
        self.free = slot.next;
        let own_bucket = slot.bucket;
        *slot = UdpSlot {
            bucket: own_bucket,
            next: first,
            local,
            local_port: port,
            interface,
            options: options | Options::OPEN,
            ..UdpSlot::UNUSED
        };
        if let Some(head) = self.slots.get_mut(bucket) {
            head.bucket = index;
        }
        self.used += 1;
        Ok(index)
    }

    /// Whether a new socket would collide with one that is there (RFC 1122 §4.1.3.5).
    fn is_taken(
        &self,
        local: Option<IpAddress>,
        port: u16,
        interface: Option<u8>,
        options: Options,
    ) -> bool {
        let overlap = |one: Option<u8>, other: Option<u8>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        let mut index = self.first(port);
        while let Some(slot) = self.get(index) {
            let is_same = slot.local_port == port
                && overlap_local(slot.local, local)
                && overlap(slot.interface, interface)
                && !(slot.options & options).contains(Options::REUSE);
            if is_same {
                return true;
            }
            index = slot.next;
        }
        false
    }

    fn ephemeral(
        &self,
        local: Option<IpAddress>,
        interface: Option<u8>,
        rng: &mut Rng,
    ) -> Option<u16> {
        let (first, last) = (*EPHEMERAL.start(), *EPHEMERAL.end());
        // As many tries as there are sockets find a free port, since each takes one at most; a
        // random start each time keeps the choice hard to guess.
        let start = first + rng.below(u32::from(last - first) + 1) as u16;
        let mut port = start;
        for _ in 0..=self.used {
            if !self.is_taken(local, port, interface, Options::empty()) {
                return Some(port);
            }
            port = if port == last { first } else { port + 1 };
        }
        None
    }

    /// Closes a socket. What it has received is given back.
    pub(crate) fn close(&mut self, index: u16) {
        let Some(slot) = self
            .get(index)
            .filter(|slot| slot.options.contains(Options::OPEN))
        else {
            return;
        };
        let (port, next) = (slot.local_port, slot.next);
        let bucket = self.bucket(port);
        if let Some(head) = self
            .slots
            .get_mut(bucket)
            .filter(|head| head.bucket == index)
        {
            head.bucket = next;
        } else {
            let mut before = self.first(port);
            while let Some(slot) = self.get_mut(before) {
                if slot.next == index {
                    slot.next = next;
                    break;
                }
                before = slot.next;
            }
        }
        let free = self.free;
        if let Some(slot) = self.get_mut(index) {
            let bucket = slot.bucket;
            *slot = UdpSlot {
                bucket,
                next: free,
                ..UdpSlot::UNUSED
            };
        }
        self.free = index;
        self.used -= 1;
    }

    /// The socket that a datagram to one host is for: connected ones before bound ones before the
    /// rest. Among equals that share their port the peer decides, so that it keeps its socket.
    #[inline]
    pub(crate) fn find(&self, datagram: &Datagram) -> Option<u16> {
        let mut index = self.first(datagram.destination_port);
        let (mut best, mut best_score, mut equals) = (None, 0, 0u16);
        while let Some(slot) = self.get(index) {
            if slot.local_port == datagram.destination_port
                && let Some(score) = slot.score(datagram)
            {
                if score > best_score {
                    (best, best_score, equals) = (Some(index), score, 0);
                } else {
                    equals += u16::from(score == best_score);
                }
            }
            index = slot.next;
        }
        if equals > 0
            && let Some(pick) = self.pick
        {
            pick(self, datagram, best_score, equals + 1)
        } else {
            best
        }
    }

    #[cold]
    fn pick(&self, datagram: &Datagram, score: u8, count: u16) -> Option<u16> {
        let mut hash = datagram.source_port;
        let mut mix = |octets: &[u8]| {
            for octet in octets {
                hash = hash.rotate_left(5) ^ u16::from(*octet);
            }
        };
        match datagram.source {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => mix(&address.octets()),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => mix(&address.octets()),
        }
        let wanted = (u32::from(hash.wrapping_mul(0x9e37)) * u32::from(count)) >> 16;
        self.matching(datagram, |slot| slot.score(datagram) == Some(score))
            .nth(wanted as usize)
    }

    /// The sockets on the datagram's port that `also` says yes to.
    pub(crate) fn matching(
        &self,
        datagram: &Datagram,
        also: impl Fn(&UdpSlot) -> bool,
    ) -> impl Iterator<Item = u16> {
        let port = datagram.destination_port;
        let mut index = self.first(port);
        core::iter::from_fn(move || {
            while let Some(slot) = self.get(index) {
                let this = core::mem::replace(&mut index, slot.next);
                if slot.local_port == port && also(slot) {
                    return Some(this);
                }
            }
            None
        })
    }

    /// The next socket behind `after` (or the first) that a datagram to a group or to all is for.
    pub(crate) fn next_member(&self, after: Option<u16>, datagram: &Datagram) -> Option<u16> {
        let mut index = match after {
            None => self.first(datagram.destination_port),
            Some(after) => self.get(after)?.next,
        };
        while let Some(slot) = self.get(index) {
            if slot.local_port == datagram.destination_port && slot.score(datagram).is_some() {
                return Some(index);
            }
            index = slot.next;
        }
        None
    }

    /// The socket that has sent a datagram from `local` to `remote`, of which an ICMP error tells.
    pub(crate) fn find_sender(
        &self,
        interface: u8,
        (local, local_port): (IpAddress, u16),
        (remote, remote_port): (IpAddress, u16),
    ) -> Option<u16> {
        self.find(&Datagram {
            interface,
            source: remote,
            source_port: remote_port,
            destination: local,
            destination_port: local_port,
        })
    }
}

impl UdpSlot {
    /// How well the socket fits a datagram to its port; `None` if it does not.
    #[inline]
    fn score(&self, datagram: &Datagram) -> Option<u8> {
        let mut score = 1;
        if let Some(local) = self.local {
            if local == datagram.destination {
                score += 2;
            } else if !local.covers(datagram.destination) {
                return None;
            }
        }
        if let Some((address, port)) = self.remote {
            if (address, port) != (datagram.source, datagram.source_port) {
                return None;
            }
            if (self.remote_interface).is_some_and(|interface| interface != datagram.interface) {
                return None;
            }
            score += 4;
        }
        if let Some(interface) = self.interface {
            if interface != datagram.interface {
                return None;
            }
            score += 1;
        }
        Some(score)
    }

    /// Takes a received datagram into the queue; gives it back if the quota is used up.
    #[inline]
    pub(crate) fn receive(&mut self, datagram: NetBuf) -> Result<(), NetBuf> {
        let bytes = self.held_bytes.saturating_add(payload_length(&datagram));
        let blocks = self.held_blocks.saturating_add(fragments(&datagram));
        if bytes > self.quota_bytes || blocks > self.quota_blocks {
            self.dropped = self.dropped.wrapping_add(1);
            return Err(datagram);
        }
        (self.held_bytes, self.held_blocks) = (bytes, blocks);
        self.received.push_back(datagram);
        Ok(())
    }

    /// Puts a datagram that was taken out of the queue in front of it again.
    #[cfg(feature = "bsd-sockets")]
    #[cold]
    pub(crate) fn put_back(&mut self, datagram: NetBuf) {
        self.held_bytes = self.held_bytes.saturating_add(payload_length(&datagram));
        self.held_blocks = self.held_blocks.saturating_add(fragments(&datagram));
        let mut rest = self.received.take();
        self.received.push_back(datagram);
        while let Some(next) = rest.pop_front() {
            self.received.push_back(next);
        }
    }

    /// Takes the datagram that came first out of the queue.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<NetBuf> {
        let datagram = self.received.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(payload_length(&datagram));
        self.held_blocks = self.held_blocks.saturating_sub(fragments(&datagram));
        Some(datagram)
    }
}

/// Whether there are addresses that both stand for.
fn overlap_local(one: Option<IpAddress>, other: Option<IpAddress>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.covers(other) || other.covers(one),
        _ => true,
    }
}

#[inline]
fn fragments(datagram: &NetBuf) -> u16 {
    // Most are in one block.
    if datagram.first().len() == datagram.len() {
        return 1;
    }
    datagram.fragments().count() as u16
}

#[inline]
fn payload_length(datagram: &NetBuf) -> u32 {
    datagram
        .len()
        .saturating_sub(usize::from(datagram.meta().payload)) as u32
}
