//! Packets that wait, linked through their own side entries.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use super::pool::{NetBuf, Pool, ViewId};

/// A first-in-first-out queue of packets. It takes no memory but itself: each packet's head view
/// names the next. What is still in it when it is dropped is given back.
pub struct BufQueue {
    pool: Option<Pool>,
    first: ViewId,
    last: ViewId,
    length: u16,
}

impl BufQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            pool: None,
            first: 0,
            last: 0,
            length: 0,
        }
    }

    /// Packets in the queue.
    #[inline(always)]
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Puts a packet at the end, if it finds a place; if not it is given back to its pool.
    #[inline]
    pub fn push_back(&mut self, buf: NetBuf) {
        drop(self.try_push_back(buf));
    }

    /// Puts a packet at the end.
    ///
    /// The packets in a queue are of one pool: one of another pool than those that wait finds no
    /// place and comes back. So does the packet after 65,535.
    #[inline]
    pub fn try_push_back(&mut self, buf: NetBuf) -> Result<(), NetBuf> {
        let id = match self.pool {
            Some(own) if self.length > 0 => {
                if !own.is(buf.pool()) || self.length == u16::MAX {
                    return Err(buf);
                }
                let (_, id) = buf.into_raw();
                own.set_next_packet(self.last, id);
                id
            }
            _ => {
                let (pool, id) = buf.into_raw();
                self.pool = Some(pool);
                self.first = id;
                id
            }
        };
        self.last = id;
        self.length += 1;
        Ok(())
    }

    /// Takes the packet at the front.
    #[inline]
    pub fn pop_front(&mut self) -> Option<NetBuf> {
        let pool = self.pool?;
        if self.length == 0 {
            return None;
        }
        let id = self.first;
        self.length -= 1;
        self.first = pool.next_packet(id);
        Some(NetBuf::from_raw((pool, id)))
    }

    /// Looks at the packet at the front.
    pub fn front(&self) -> Option<Queued<'_>> {
        self.iter().next()
    }

    /// Looks at the packets, first to last.
    pub fn iter(&self) -> impl Iterator<Item = Queued<'_>> {
        look(self.pool, self.first, self.length)
    }

    /// Takes all packets out into a queue of their own.
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// Gives all packets back.
    pub fn clear(&mut self) {
        while let Some(buf) = self.pop_front() {
            drop(buf);
        }
    }
}

/// The packets of a [`BufQueue`] that is not going to grow for now, in less memory: taken from the
/// front only.
#[derive(Default)]
pub struct Parked {
    pool: Option<Pool>,
    first: ViewId,
    length: u16,
}

impl Parked {
    /// No packets.
    pub const fn new() -> Self {
        Self {
            pool: None,
            first: 0,
            length: 0,
        }
    }

    /// Whether there are none.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes the packet at the front.
    pub fn pop_front(&mut self) -> Option<NetBuf> {
        let pool = self.pool?;
        self.length = self.length.checked_sub(1)?;
        let id = self.first;
        self.first = pool.next_packet(id);
        Some(NetBuf::from_raw((pool, id)))
    }

    /// Looks at the packet at the front.
    pub fn front(&self) -> Option<Queued<'_>> {
        self.iter().next()
    }

    /// Looks at the packets, first to last.
    pub fn iter(&self) -> impl Iterator<Item = Queued<'_>> {
        look(self.pool, self.first, self.length)
    }

    /// Takes all packets out.
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }
}

impl From<BufQueue> for Parked {
    fn from(queue: BufQueue) -> Self {
        // The packets are not given back with the queue.
        let queue = ManuallyDrop::new(queue);
        Self {
            pool: queue.pool,
            first: queue.first,
            length: queue.length,
        }
    }
}

impl Drop for Parked {
    #[inline]
    fn drop(&mut self) {
        while let Some(buf) = self.pop_front() {
            drop(buf);
        }
    }
}

/// `left` packets from `id` on.
fn look<'q>(pool: Option<Pool>, mut id: ViewId, mut left: u16) -> impl Iterator<Item = Queued<'q>> {
    core::iter::from_fn(move || {
        let pool = pool?;
        left = left.checked_sub(1)?;
        let this = core::mem::replace(&mut id, 0);
        if left > 0 {
            id = pool.next_packet(this);
        }
        let buf = ManuallyDrop::new(NetBuf::from_raw((pool, this)));
        Some(Queued {
            buf,
            queue: PhantomData,
        })
    })
}

/// A packet in a queue, to be looked at: it stays there.
pub struct Queued<'q> {
    buf: ManuallyDrop<NetBuf>,
    queue: PhantomData<&'q BufQueue>,
}

impl Deref for Queued<'_> {
    type Target = NetBuf;

    fn deref(&self) -> &NetBuf {
        &self.buf
    }
}

impl Default for BufQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BufQueue {
    #[inline]
    fn drop(&mut self) {
        if self.length > 0 {
            self.clear();
        }
    }
}
