//! All connections, found by their four-tuple, and all listeners, found by port.

#[cfg(debug_assertions)]
mod check;

use managed::ManagedSlice;

use super::connection::{Connection, TcpState, Tuple};
use crate::wire::IpAddress;

/// The end of a list of slots.
pub(crate) const NONE: u16 = u16::MAX;

/// Stands for a slot that is in no list.
const NOT_READY: u16 = NONE - 1;

/// Room for one connection.
pub(crate) struct TcpSlot {
    /// The first slot of the bucket that has this slot's number.
    bucket: u16,
    /// The next slot of this slot's bucket, or of the free list.
    next: u16,
    /// The next of those that have something to send as soon as there is room, or [`NONE`];
    /// [`NOT_READY`] if it is none of them.
    next_ready: u16,
    /// The next in its listener's queue, or [`NONE`].
    next_waiting: u16,
    pub(crate) connection: Option<Connection>,
}

impl TcpSlot {
    pub(crate) const UNUSED: Self = Self {
        bucket: NONE,
        next: NONE,
        next_ready: NOT_READY,
        next_waiting: NONE,
        connection: None,
    };
}

/// The table of connections.
pub(crate) struct TcpTable<'a> {
    slots: ManagedSlice<'a, TcpSlot>,
    free: u16,
    /// How many slots are free.
    free_count: u16,
    ready_first: u16,
    ready_last: u16,
}

impl<'a> TcpTable<'a> {
    /// An empty table in `slots`, of which it uses 65,534 at most: none has the number of a sentinel.
    pub(crate) fn new(slots: impl Into<ManagedSlice<'a, TcpSlot>>) -> Self {
        let mut slots = slots.into();
        let count = slots.len().min(usize::from(NOT_READY)) as u16;
        for (index, slot) in (1..).zip(slots.iter_mut()) {
            slot.next = if index < count { index } else { NONE };
        }
        let free = if count > 0 { 0 } else { NONE };
        Self {
            slots,
            free,
            free_count: count,
            ready_first: NONE,
            ready_last: NONE,
        }
    }

    /// How many connections there can be.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn get(&self, index: u16) -> Option<&Connection> {
        self.slots.get(usize::from(index))?.connection.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut Connection> {
        self.slots.get_mut(usize::from(index))?.connection.as_mut()
    }

    /// The connections with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Connection)> {
        let connections = self.slots.iter().map(|slot| slot.connection.as_ref());
        (0..NONE)
            .zip(connections)
            .filter_map(|(index, c)| Some((index, c?)))
    }

    #[inline]
    fn bucket(&self, tuple: &Tuple) -> usize {
        let mut hash = u32::from(tuple.local_port) << 16 | u32::from(tuple.remote_port);
        match tuple.remote {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => hash ^= address.to_bits(),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => {
                let bits = address.to_bits();
                hash ^= (bits ^ bits >> 32) as u32;
            }
        }
        let buckets = self.slots.len().min(usize::from(NOT_READY)) as u32;
        (((hash.wrapping_mul(0x9e37_79b1) >> 16) * buckets) >> 16) as usize
    }

    /// The connection with this four-tuple.
    #[inline]
    pub(crate) fn find(&self, tuple: &Tuple) -> Option<u16> {
        let mut index = self.slots.get(self.bucket(tuple))?.bucket;
        while let Some(slot) = self.slots.get(usize::from(index)) {
            if slot
                .connection
                .as_ref()
                // One that is over, and only held still, is none (RFC 9293 §3.3.2, CLOSED).
                .is_some_and(|c| c.state != TcpState::Closed && c.tuple() == *tuple)
            {
                return Some(index);
            }
            index = slot.next;
        }
        None
    }

    /// Takes a connection in; `None` if there is no slot. Inlined, so that it is made where it stays.
    #[inline(always)]
    pub(crate) fn insert(&mut self, connection: Connection) -> Option<(u16, &mut Connection)> {
        let bucket = self.bucket(&connection.tuple());
        let first = self.slots.get(bucket)?.bucket;
        let index = self.free;
        let slot = self.slots.get_mut(usize::from(index))?;
        self.free = slot.next;
        self.free_count = self.free_count.saturating_sub(1);
        slot.next = first;
        slot.connection = Some(connection);
        if let Some(head) = self.slots.get_mut(bucket) {
            head.bucket = index;
        }
        Some((index, self.get_mut(index)?))
    }

    /// How many more connections there may be.
    pub(crate) const fn places(&self) -> u16 {
        self.free_count
    }

    /// Whether there is a slot for another connection.
    pub(crate) const fn has_room(&self) -> bool {
        self.free_count > 0
    }

    /// Frees a slot.
    pub(crate) fn remove(&mut self, index: u16) {
        let Some(tuple) = self.get(index).map(Connection::tuple) else {
            return;
        };
        let bucket = self.bucket(&tuple);
        let Some(slot) = self.slots.get_mut(usize::from(index)) else {
            return;
        };
        slot.connection = None;
        let next = core::mem::replace(&mut slot.next, self.free);
        self.free = index;
        self.free_count = self.free_count.saturating_add(1);
        if let Some(head) = self
            .slots
            .get_mut(bucket)
            .filter(|head| head.bucket == index)
        {
            head.bucket = next;
        } else {
            let mut before = self.slots.get(bucket).map_or(NONE, |head| head.bucket);
            while let Some(slot) = self.slots.get_mut(usize::from(before)) {
                if slot.next == index {
                    slot.next = next;
                    break;
                }
                before = slot.next;
            }
        }
    }

    /// Notes that a connection has something to send as soon as it can.
    pub(crate) fn make_ready(&mut self, index: u16) {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else {
            return;
        };
        if slot.next_ready != NOT_READY {
            return;
        }
        slot.next_ready = NONE;
        match self.slots.get_mut(usize::from(self.ready_last)) {
            Some(last) if self.ready_first != NONE => last.next_ready = index,
            _ => self.ready_first = index,
        }
        self.ready_last = index;
    }

    /// The connections that had something to send, as a list of their own to be walked with
    /// [`TcpTable::next_ready`].
    pub(crate) fn take_ready(&mut self) -> u16 {
        self.ready_last = NONE;
        core::mem::replace(&mut self.ready_first, NONE)
    }

    /// Takes `index` off the list that begins with it; gives the rest of it.
    pub(crate) fn next_ready(&mut self, index: u16) -> u16 {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else {
            return NONE;
        };
        core::mem::replace(&mut slot.next_ready, NOT_READY)
    }

    /// Puts a connection at the end of a listener's queue.
    pub(crate) fn join(&mut self, queue: &mut AcceptQueue, index: u16) {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else {
            return;
        };
        slot.next_waiting = NONE;
        match self.slots.get_mut(usize::from(queue.last)) {
            Some(last) => last.next_waiting = index,
            None => queue.first = index,
        }
        queue.last = index;
        queue.length = queue.length.saturating_add(1);
    }

    /// Takes the connection that has waited longest out of a listener's queue.
    pub(crate) fn leave_first(&mut self, queue: &mut AcceptQueue) -> Option<u16> {
        let index = queue.first;
        let slot = self.slots.get_mut(usize::from(index))?;
        queue.first = core::mem::replace(&mut slot.next_waiting, NONE);
        if queue.first == NONE {
            queue.last = NONE;
        }
        queue.length = queue.length.saturating_sub(1);
        Some(index)
    }

    /// Takes a connection out of a listener's queue that has ended before it was accepted: the queue
    /// is walked.
    #[cold]
    pub(crate) fn leave(&mut self, queue: &mut AcceptQueue, index: u16) {
        let mut others = AcceptQueue::EMPTY;
        while let Some(first) = self.leave_first(queue) {
            if first != index {
                self.join(&mut others, first);
            }
        }
        *queue = others;
    }
}

/// The connections of a listener that wait to be accepted, linked through their slots.
pub(crate) struct AcceptQueue {
    first: u16,
    last: u16,
    length: u16,
}

impl AcceptQueue {
    pub(crate) const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
        length: 0,
    };

    /// Whether nobody waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) const fn len(&self) -> u16 {
        self.length
    }
}

/// A port that connections are accepted on.
pub(crate) struct Listener {
    pub(crate) local: Option<IpAddress>,
    pub(crate) port: u16,
    /// Connections that may wait to be accepted.
    pub(crate) backlog: u16,
    /// Connections that do.
    pub(crate) queue: AcceptQueue,
    /// DSCP of what they send, in the upper six bits.
    pub(crate) traffic_class: u8,
    /// TTL or hop limit of what they send; 0 stands for the default.
    pub(crate) hop_limit: u8,
}

impl Listener {
    /// How many more connections may wait.
    pub(crate) const fn places(&self) -> u16 {
        self.backlog.saturating_sub(self.queue.len())
    }

    /// Whether another connection may wait.
    pub(crate) const fn has_room(&self) -> bool {
        self.places() > 0
    }
}

/// The listeners, in an order that tells nothing.
pub(crate) struct Listeners<'a>(ManagedSlice<'a, Option<Listener>>);

impl<'a> Listeners<'a> {
    pub(crate) fn new(storage: impl Into<ManagedSlice<'a, Option<Listener>>>) -> Self {
        Self(storage.into())
    }

    /// How many ports are listened on, at most.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, index: u16) -> Option<&Listener> {
        self.0.get(usize::from(index))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut Listener> {
        self.0.get_mut(usize::from(index))?.as_mut()
    }

    /// Traffic class and hop limit of the connections of a listener.
    pub(crate) fn ip_fields(&self, index: u16) -> (u8, u8) {
        let listener = self.0.get(usize::from(index)).and_then(Option::as_ref);
        listener.map_or((0, 0), |listener| {
            (listener.traffic_class, listener.hop_limit)
        })
    }

    /// The listener for a SYN to `address` and `port`: one bound to the address before one bound
    /// to all.
    pub(crate) fn find(&self, address: IpAddress, port: u16) -> Option<u16> {
        let matches = (0..NONE)
            .zip(self.0.iter())
            .filter_map(|(index, listener)| {
                let listener = listener.as_ref()?;
                let fits =
                    listener.port == port && listener.local.is_none_or(|own| own.covers(address));
                fits.then_some((listener.local == Some(address), index))
            });
        matches.max().map(|(_, index)| index)
    }

    /// Whether `local` and `port` are taken.
    pub(crate) fn is_taken(&self, local: Option<IpAddress>, port: u16) -> bool {
        self.0.iter().flatten().any(|listener| {
            let overlap = match (listener.local, local) {
                (Some(one), Some(other)) => one.covers(other) || other.covers(one),
                _ => true,
            };
            listener.port == port && overlap
        })
    }

    pub(crate) fn insert(&mut self, listener: Listener) -> Option<u16> {
        let index = self.0.iter().position(Option::is_none)?;
        *self.0.get_mut(index)? = Some(listener);
        Some(index as u16)
    }

    pub(crate) fn remove(&mut self, index: u16) {
        if let Some(slot) = self.0.get_mut(usize::from(index)) {
            *slot = None;
        }
    }
}
