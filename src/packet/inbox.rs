//! What a socket has received and not read.

use crate::netbuf::{BufQueue, Charge, NetBuf, NoBuffer, Pool};

/// Packets that wait to be read: bounded by a quota, and by what the pool lets be held.
pub(crate) struct Inbox {
    waiting: BufQueue,
    /// Bytes and fragments in `waiting`.
    held_bytes: u32,
    held_blocks: u16,
    quota_blocks: u16,
    quota_bytes: u32,
    /// Packets that came to the socket, and those among them that it was not given.
    pub(crate) received: u32,
    pub(crate) dropped: u32,
}

impl Inbox {
    /// An inbox that holds a part of what may be held, and no more.
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            waiting: BufQueue::new(),
            held_bytes: 0,
            held_blocks: 0,
            quota_blocks: pool.limits().held.div_ceil(2).max(1),
            quota_bytes: u32::MAX,
            received: 0,
            dropped: 0,
        }
    }

    pub(crate) fn set_quota(&mut self, bytes: u32, blocks: u16) {
        (self.quota_bytes, self.quota_blocks) = (bytes, blocks);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Looks at the packet that came first.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn front(&self) -> Option<impl core::ops::Deref<Target = NetBuf>> {
        self.waiting.front()
    }

    /// Looks whether what waits is counted as it is; returns how many views of blocks of `pool` do.
    #[cfg(debug_assertions)]
    pub(crate) fn check(&self, pool: Pool) -> usize {
        let waiting = || self.waiting.iter();
        let weights = waiting().map(|packet| weight(&packet));
        let sum = weights.fold((0, 0), |(bytes, blocks), (b, f)| (bytes + b, blocks + f));
        assert_eq!(sum, (self.held_bytes, self.held_blocks));
        waiting().map(|packet| packet.views_of(pool)).sum()
    }

    /// Takes in a packet, if there was a view for it and there is room; says whether it did.
    pub(crate) fn put(&mut self, packet: Result<NetBuf, NoBuffer>) -> bool {
        self.received = self.received.wrapping_add(1);
        let is_taken = packet.is_ok_and(|packet| self.hold(packet).is_some());
        if !is_taken {
            self.dropped = self.dropped.wrapping_add(1);
        }
        is_taken
    }

    fn hold(&mut self, mut packet: NetBuf) -> Option<()> {
        let (bytes, blocks) = weight(&packet);
        let bytes = self.held_bytes.saturating_add(bytes);
        let blocks = self.held_blocks.saturating_add(blocks);
        if bytes > self.quota_bytes || blocks > self.quota_blocks || is_scarce(&packet) {
            return None;
        }
        packet.set_charge(Charge::Held).ok()?;
        self.waiting.try_push_back(packet).ok()?;
        (self.held_bytes, self.held_blocks) = (bytes, blocks);
        Some(())
    }

    /// Takes out the packet that came first.
    pub(crate) fn take(&mut self) -> Option<NetBuf> {
        let packet = self.waiting.pop_front()?;
        let (bytes, blocks) = weight(&packet);
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        self.held_blocks = self.held_blocks.saturating_sub(blocks);
        Some(packet)
    }
}

/// Whether there is too little left of what the pool lets be held. These are copies for those who look
/// on: together they leave a quarter to those whom packets are for.
fn is_scarce(packet: &NetBuf) -> bool {
    let pool = packet.pool();
    let reserve = usize::from(pool.limits().held / 4);
    pool.held_left() < reserve + usize::from(weight(packet).1)
}

/// Bytes and fragments of a packet.
fn weight(packet: &NetBuf) -> (u32, u16) {
    (packet.len() as u32, packet.fragments().count() as u16)
}
