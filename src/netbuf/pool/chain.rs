//! [`NetBuf`]: an owned chain of views, and the primitives that everything else is made from.

use core::slice;

#[cfg(feature = "timestamps")]
use super::Stamp;
use super::{BLOCK, Charge, HEADER_BLOCK, LONGEST, NONE, NoBuffer, Pool, Purpose, STATIC};
use crate::netbuf::Meta;
use crate::sync::Ordering;

/// The number of a view.
pub(in crate::netbuf) type ViewId = u16;

/// An owned chain of fragments: a packet, or a piece of a stream.
///
/// Three words; moving it moves the packet. What it does not need any more goes back to the pool
/// when it is dropped. The operations are described where they are implemented, below.
pub struct NetBuf {
    pub(super) pool: Pool,
    pub(super) head: ViewId,
    pub(super) tail: ViewId,
    pub(super) length: u32,
}

/// Where a buffer ends: its last view, the length of that, and of the whole.
#[derive(Clone, Copy)]
pub(in crate::netbuf) struct End {
    pub(super) tail: ViewId,
    offset: u32,
    pub(super) length: u32,
}

// SAFETY: a `NetBuf` alone reaches its views, and writes only where no other view has reached;
// the section orders what one thread does before it gives a block back and another after.
unsafe impl Send for NetBuf {}
// SAFETY: through a shared reference a `NetBuf` is only read.
unsafe impl Sync for NetBuf {}

const _: () = assert!(size_of::<Option<NetBuf>>() == size_of::<usize>() + 8);

/// The primitives, from which the other files of this module make everything else: each keeps the
/// rule that the views from `head` along `next` to `tail` belong to this `NetBuf` alone, and that
/// `length` is the sum of their lengths.
impl NetBuf {
    /// The pool that the buffer is from.
    #[inline(always)]
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// Bytes in the buffer.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// What travels with the packet.
    #[inline(always)]
    pub fn meta(&self) -> Meta {
        self.pool.side(self.head).meta.get()
    }

    /// Sets what travels with the packet.
    #[inline(always)]
    pub fn set_meta(&mut self, meta: Meta) {
        self.pool.side(self.head).meta.set(meta);
    }

    /// When the packet passed the driver, and its number.
    #[cfg(feature = "timestamps")]
    pub fn stamp(&self) -> Stamp {
        self.pool.side(self.head).stamp.get()
    }

    /// Notes when the packet passed the driver, or the number to report that by.
    #[cfg(feature = "timestamps")]
    pub fn set_stamp(&mut self, stamp: Stamp) {
        self.pool.side(self.head).stamp.set(stamp);
    }

    #[inline(always)]
    pub(in crate::netbuf) fn head(&self) -> ViewId {
        self.head
    }

    /// The view after `id`, which is one of this buffer's.
    #[inline(always)]
    pub(in crate::netbuf) fn next(&self, id: ViewId) -> Option<ViewId> {
        Some(self.pool.view(id).next.get()).filter(|&next| next != NONE)
    }

    /// The bytes of one of this buffer's views.
    #[inline(always)]
    pub(in crate::netbuf) fn bytes(&self, id: ViewId) -> &[u8] {
        let view = self.pool.view(id);
        // SAFETY: a view's range lies inside its block, or is static memory; all of it has been
        // written since the program started (pools start as zeroes); and nobody writes to bytes
        // that a view has reached but a buffer that is alone with the block, borrowed mutably.
        unsafe { slice::from_raw_parts(view.data.get(), view.length.get() as usize) }
    }

    /// Whether a view is the only one of its block, so that its bytes may be written.
    #[inline(always)]
    pub(in crate::netbuf) fn is_alone(&self, id: ViewId) -> bool {
        let number = self.pool.view(id).block.get() & BLOCK;
        number != STATIC && self.pool.state(number).views.load(Ordering::Acquire) == 1
    }

    /// Whether a block has other views than this one. What is static has no block.
    pub(in crate::netbuf) fn is_shared(&self, id: ViewId) -> bool {
        let number = self.pool.view(id).block.get() & BLOCK;
        number != STATIC && self.pool.state(number).views.load(Ordering::Acquire) > 1
    }

    /// The bytes of one of this buffer's views, to write; `None` if another view may see them.
    #[inline(always)]
    pub(in crate::netbuf) fn bytes_mut(&mut self, id: ViewId) -> Option<&mut [u8]> {
        if !self.is_alone(id) {
            return None;
        }
        let view = self.pool.view(id);
        // SAFETY: as for `bytes`; no other view sees the block, and this buffer is borrowed mutably.
        Some(unsafe { slice::from_raw_parts_mut(view.data.get(), view.length.get() as usize) })
    }

    /// Bytes in front of the first fragment that can be prepended without another block.
    #[inline]
    pub fn headroom(&self) -> usize {
        if !self.is_alone(self.head) {
            return 0;
        }
        let view = self.pool.view(self.head);
        let (memory, _) = self.pool.memory(view.block.get() & BLOCK);
        view.data.get() as usize - memory as usize
    }

    /// Makes the first fragment longer by `length` bytes of its headroom, if it has so many: where
    /// they start.
    #[inline]
    fn extend_head(&mut self, length: usize) -> Option<*mut u8> {
        if self.headroom() < length {
            return None;
        }
        let view = self.pool.view(self.head);
        let data = view.data.get().wrapping_sub(length);
        view.data.set(data);
        view.length.set(view.length.get() + length as u32);
        self.length += length as u32;
        Some(data)
    }

    /// Puts `length` bytes in front of the packet and gives them to be written: from the headroom,
    /// or in a header block if there is too little or another buffer shares the first block.
    ///
    /// At most [`HEADER_BLOCK`] bytes find a place in a header block.
    pub fn prepend(&mut self, length: usize) -> Result<&mut [u8], NoBuffer> {
        let data = match self.extend_head(length) {
            Some(data) => data,
            None => self.prepend_block(length)?,
        };
        // SAFETY: the bytes are inside the block, and this buffer is alone with it (or there are
        // none) and borrowed mutably.
        Ok(unsafe { slice::from_raw_parts_mut(data, length) })
    }

    #[cold]
    fn prepend_block(&mut self, length: usize) -> Result<*mut u8, NoBuffer> {
        // All of the block is headroom: what is put in front of this header fits as well.
        let mut front = self.pool.alloc(Purpose::Header, HEADER_BLOCK)?;
        let data = front.extend_head(length).ok_or(NoBuffer)?;
        self.link_front(front);
        Ok(data)
    }

    /// Where the last fragment ends in its block, and the block's size; 0 and 0 for static memory.
    fn tail_end(&self) -> (usize, usize) {
        let view = self.pool.view(self.tail);
        let number = view.block.get() & BLOCK;
        if number == STATIC {
            return (0, 0);
        }
        let (memory, size) = self.pool.memory(number);
        (
            view.data.get() as usize + view.length.get() as usize - memory as usize,
            size,
        )
    }

    /// Bytes behind the last fragment that can be appended without another block: a shared block's
    /// are to be had as long as no other view has reached them.
    pub fn tailroom(&self) -> usize {
        let (end, size) = self.tail_end();
        let number = self.pool.view(self.tail).block.get() & BLOCK;
        let free = self.is_alone(self.tail)
            || number != STATIC
                && self
                    .pool
                    .0
                    .section
                    .with(|_| usize::from(self.pool.state(number).reached.get()) == end);
        if free { size - end } else { 0 }
    }

    /// Makes the last fragment longer by its tailroom, `wanted` bytes at most, and gives those.
    pub(in crate::netbuf) fn extend_tail(&mut self, wanted: usize) -> &mut [u8] {
        let (end, size) = self.tail_end();
        let length = wanted.min(size - end);
        if length == 0 {
            return &mut [];
        }
        let view = self.pool.view(self.tail);
        if !self.is_alone(self.tail) {
            // Two views may end at the same place: the first to come here has what follows.
            let state = self.pool.state(view.block.get() & BLOCK);
            let mine = self.pool.0.section.with(|_| {
                let mine = usize::from(state.reached.get()) == end;
                if mine {
                    state.reached.set((end + length) as u16);
                }
                mine
            });
            if !mine {
                return &mut [];
            }
        }
        let start = view.data.get().wrapping_add(view.length.get() as usize);
        view.length.set(view.length.get() + length as u32);
        self.length += length as u32;
        // SAFETY: the range is inside the block, and no other view has reached it or can.
        unsafe { slice::from_raw_parts_mut(start, length) }
    }

    /// Whether the views of `other` may hang behind those of this buffer.
    pub(in crate::netbuf) fn can_link(&self, other: &Self) -> bool {
        let length = self.length.checked_add(other.length);
        self.pool.is(other.pool) && length.is_some_and(|length| length <= LONGEST)
    }

    /// Hangs the views of `other` behind those of this buffer. Both are of one pool.
    pub(in crate::netbuf) fn link(&mut self, other: Self) {
        let other = core::mem::ManuallyDrop::new(other);
        self.pool.view(self.tail).next.set(other.head);
        self.tail = other.tail;
        self.length += other.length;
    }

    /// Puts the views of `front` before those of this buffer, and keeps this one's meta.
    pub(in crate::netbuf) fn link_front(&mut self, front: Self) {
        let front = core::mem::ManuallyDrop::new(front);
        self.pool.move_side(self.head, front.head);
        self.pool.view(front.tail).next.set(self.head);
        self.head = front.head;
        self.length += front.length;
    }

    /// Cuts `length` bytes off the front: views that become empty are given back, but the last.
    pub(in crate::netbuf) fn cut_front(&mut self, length: usize) {
        let mut left = length.min(self.len()) as u32;
        self.length -= left;
        loop {
            let view = self.pool.view(self.head);
            if left < view.length.get() || self.head == self.tail {
                view.data.set(view.data.get().wrapping_add(left as usize));
                view.length.set(view.length.get() - left);
                return;
            }
            left -= view.length.get();
            let next = view.next.get();
            self.pool.move_side(self.head, next);
            self.pool.give_back(self.head);
            self.head = next;
        }
    }

    /// Cuts all but the first `length` bytes off, which are not all: views that become empty are
    /// given back, but one.
    pub(in crate::netbuf) fn cut_back(&mut self, length: usize) {
        let (id, offset) = self.find(length);
        self.cut_behind(id, offset as u32, length as u32);
    }

    /// Cuts all off behind the first `offset` bytes of the view `id`, which are `length` in all.
    fn cut_behind(&mut self, id: ViewId, offset: u32, length: u32) {
        let view = self.pool.view(id);
        view.length.set(offset);
        let mut rest = view.next.replace(NONE);
        self.tail = id;
        self.length = length;
        while rest != NONE {
            let next = self.pool.view(rest).next.get();
            self.pool.give_back(rest);
            rest = next;
        }
    }

    /// Where the buffer ends, for [`NetBuf::retract`].
    pub(in crate::netbuf) fn end(&self) -> End {
        End {
            tail: self.tail,
            offset: self.pool.view(self.tail).length.get(),
            length: self.length,
        }
    }

    /// Takes back all that was appended since the buffer ended at `end`; nothing else may have
    /// happened to it.
    pub(in crate::netbuf) fn retract(&mut self, end: End) {
        let taken = self.pool.view(end.tail).length.get() - end.offset;
        self.cut_behind(end.tail, end.offset, end.length);
        let number = self.pool.view(self.tail).block.get() & BLOCK;
        if taken == 0 || number == STATIC {
            return;
        }
        // No view but this one has reached those bytes: they are to be had again.
        let (end, _) = self.tail_end();
        let state = self.pool.state(number);
        self.pool.0.section.with(|_| {
            if usize::from(state.reached.get()) == end + taken as usize {
                state.reached.set(end as u16);
            }
        });
    }

    /// The view that the byte at `offset` is in, and where in it. At the end of a view it is that
    /// view's end, not the next one's start; beyond the end it is the last view's end.
    #[inline]
    pub(in crate::netbuf) fn find(&self, offset: usize) -> (ViewId, usize) {
        self.find_from(self.head, offset)
    }

    #[inline]
    pub(in crate::netbuf) fn find_from(&self, start: ViewId, offset: usize) -> (ViewId, usize) {
        let (mut id, mut left) = (start, offset);
        loop {
            let view = self.pool.view(id);
            let length = view.length.get() as usize;
            let next = view.next.get();
            if left <= length || next == NONE {
                return (id, left.min(length));
            }
            left -= length;
            id = next;
        }
    }

    /// A buffer of one view: `length` bytes of the view `id` of this one, from `offset` in it on.
    /// The range lies inside that view. The new view takes part in the old one's charge.
    pub(in crate::netbuf) fn share(
        &self,
        id: ViewId,
        offset: usize,
        length: usize,
    ) -> Result<Self, NoBuffer> {
        let pool = self.pool;
        let from = pool.view(id);
        let tagged = from.block.get();
        let number = tagged & BLOCK;
        let spare = pool.0.section.with(|state| {
            let spare = state.take_view(pool)?;
            if number != STATIC {
                let block = pool.state(number);
                let views = block.views.load(Ordering::Relaxed);
                let (memory, _) = pool.memory(number);
                let end = from.data.get() as usize + from.length.get() as usize - memory as usize;
                if views == 1 || end > usize::from(block.reached.get()) {
                    block.reached.set(end as u16);
                }
                block.views.store(views + 1, Ordering::Relaxed);
                if tagged & (Charge::Held as u16) << 14 != 0 {
                    block.held.set(block.held.get() + 1);
                } else if tagged & (Charge::Send as u16) << 14 != 0 {
                    block.sent.set(block.sent.get() + 1);
                }
            }
            Some(spare)
        });
        let spare = spare.ok_or(NoBuffer)?;
        let view = pool.view(spare);
        view.data.set(from.data.get().wrapping_add(offset));
        view.length.set(length as u32);
        view.block.set(tagged);
        view.next.set(NONE);
        pool.move_side(self.head, spare);
        Ok(Self {
            pool,
            head: spare,
            tail: spare,
            length: length as u32,
        })
    }

    /// Takes the views behind `id` off, which is one of this buffer's and not its last, as a
    /// buffer of their own with the same meta. `length` is that of the views up to `id`.
    pub(in crate::netbuf) fn detach_after(&mut self, id: ViewId, length: usize) -> Self {
        let head = self.pool.view(id).next.replace(NONE);
        self.pool.move_side(self.head, head);
        let rest = Self {
            pool: self.pool,
            head,
            tail: self.tail,
            length: self.length - length as u32,
        };
        self.tail = id;
        self.length = length as u32;
        rest
    }

    /// Whom the first fragment is charged to.
    pub fn charge(&self) -> Charge {
        self.pool.charge_of(self.head)
    }

    /// Whom the last fragment is charged to.
    pub(in crate::netbuf) fn tail_charge(&self) -> Charge {
        self.pool.charge_of(self.tail)
    }

    /// Charges every fragment to `charge`. On an error the bound is reached, some fragments may
    /// have changed hands already, and the packet is to be dropped.
    pub fn set_charge(&mut self, charge: Charge) -> Result<(), NoBuffer> {
        let mut id = self.head;
        loop {
            let view = self.pool.view(id);
            let tagged = view.block.get();
            let number = tagged & BLOCK;
            if number != STATIC && tagged >> 14 != charge as u16 {
                let block = self.pool.state(number);
                let waited_for = self.pool.0.section.with(|state| {
                    state.charge(block, charge)?;
                    state.discharge(block, tagged);
                    Ok(!state.waiting.is_empty())
                })?;
                if waited_for {
                    self.pool.wake_waiters();
                }
            }
            // Static memory counts for nothing, but passes the charge on to what continues it.
            view.block.set(number | (charge as u16) << 14);
            match self.next(id) {
                Some(next) => id = next,
                None => return Ok(()),
            }
        }
    }

    /// Takes the buffer apart into the numbers of its first and last view.
    pub(in crate::netbuf) fn into_raw(self) -> (Pool, ViewId) {
        let this = core::mem::ManuallyDrop::new(self);
        (this.pool, this.head)
    }

    /// Puts a buffer together again.
    pub(in crate::netbuf) fn from_raw(raw: (Pool, ViewId)) -> Self {
        let (pool, head) = raw;
        let (mut tail, mut length) = (head, 0);
        loop {
            let view = pool.view(tail);
            length += view.length.get();
            let next = view.next.get();
            if next == NONE {
                return Self {
                    pool,
                    head,
                    tail,
                    length,
                };
            }
            tail = next;
        }
    }
}

impl Drop for NetBuf {
    #[inline]
    fn drop(&mut self) {
        let mut id = self.head;
        loop {
            let next = self.pool.view(id).next.get();
            self.pool.give_back(id);
            if next == NONE {
                return;
            }
            id = next;
        }
    }
}
