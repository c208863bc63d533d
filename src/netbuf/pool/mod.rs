//! Blocks, views, and who may hold how many of them.
//!
//! A **block** is a fixed-size piece of the pool's memory with a count of the views that see it.
//! A **view** (a fragment) is a range of one block. View *i* comes with block *i*; a number of
//! **spare views** serve slices and clones, and pieces of static memory. A second class of small
//! **header blocks** ([`HEADER_BLOCK`] bytes) serves headers in front of shared data, and control
//! packets, so that no data block is spent on a few dozen bytes.
//!
//! # Nobody starves another
//!
//! A view carries a [`Charge`]. Packets on their way are charged to nobody. What may stay for
//! long is *held* (socket queues, the application's hands, neighbour queues, reassembly) or
//! *sent* (data written and not yet transmitted or acknowledged), and both are bounded, so that
//! the frame that frees the others can always come in. With `B` data blocks:
//!
//! | | formula | B = 8 | B = 64 |
//! |---|---|---|---|
//! | kept for receiving | `R = min(B / 4, 16)` | 2 | 16 |
//! | sent, at most | `S = (B - R) / 2` | 3 | 24 |
//! | held, at most | `H = B - R - S` | 3 | 24 |
//!
//! A block is counted once under a charge, however many views of that charge see it. A quarter
//! of the header blocks is kept for control packets ([`Purpose::Control`]).
//!
//! Taking and giving back a block is constant-time, in one section of `crate::sync`; a chain is
//! never given back in one section.

#![allow(unsafe_code)]

mod chain;
mod charge;
#[cfg(debug_assertions)]
mod check;
mod line;
mod memory;
mod state;

use core::cell::UnsafeCell;
use core::future::poll_fn;
use core::{fmt, ptr};

pub use chain::NetBuf;
pub(super) use chain::ViewId;
pub use charge::{Charge, Limits, NoBuffer, PoolStats, Purpose};
#[cfg(feature = "timestamps")]
pub use memory::Stamp;
pub use memory::{CacheAligned, NetBufPool, WordAligned};

use crate::sync::{AtomicBool, Ordering, Section};
pub(crate) use line::Turn;
use memory::{Block, Side, View};
use state::State;

/// Bytes in a header block.
pub const HEADER_BLOCK: usize = 128;

/// Where a received frame starts in its block by default, in bytes: behind a 14-byte Ethernet
/// header the network header is then aligned to a word.
pub const RECEIVE_OFFSET: usize = 2;

/// The most bytes that static memory, and a chain that is joined, may have. Twice as many have a
/// length of 32 bits: what the blocks of a pool add to that is far less.
const LONGEST: u32 = i32::MAX as u32;
/// No view.
const NONE: u16 = u16::MAX;
/// The bits of [`View::block`] that name the block; the two above them are its [`Charge`].
const BLOCK: u16 = 0x3fff;
/// Stands for a block in a view of static memory.
const STATIC: u16 = BLOCK;

/// What a pool is without its sizes: handles point here.
struct PoolCore {
    section: Section<State>,
    layout: UnsafeCell<Layout>,
    /// Whoever holds the stack's state wants no foreign code to run now: wake-ups wait.
    quiet: AtomicBool,
    /// There is one that waits.
    missed: AtomicBool,
}

// SAFETY: `layout` is written once, inside the section, before the first handle exists.
unsafe impl Sync for PoolCore {}

/// Where the tables and the memory are.
#[derive(Clone, Copy)]
struct Layout {
    views: *mut View,
    sides: *mut Side,
    states: *mut Block,
    memory: *mut u8,
    header_memory: *mut u8,
    /// Bytes in a data block.
    size: u16,
    /// Bytes from one data block to the next: aligned, and so perhaps more.
    stride: u16,
    /// Data blocks; the numbers of header blocks and their views follow.
    blocks: u16,
    /// Data and header blocks; the numbers of spare views follow.
    all_blocks: u16,
}

/// A handle of a [`NetBufPool`], whatever its sizes.
#[derive(Clone, Copy)]
pub struct Pool(&'static PoolCore);

impl Layout {
    const NEW: Self = Self {
        views: ptr::null_mut(),
        sides: ptr::null_mut(),
        states: ptr::null_mut(),
        memory: ptr::null_mut(),
        header_memory: ptr::null_mut(),
        size: 0,
        stride: 0,
        blocks: 0,
        all_blocks: 0,
    };
}

impl Pool {
    #[inline(always)]
    fn layout(&self) -> &'static Layout {
        // SAFETY: written before the first handle existed, and never after.
        unsafe { &*self.0.layout.get() }
    }

    #[inline(always)]
    fn view(&self, index: ViewId) -> &'static View {
        // SAFETY: the numbers of views come from the free lists, so they lie inside the table.
        // A view's cells are used by the `NetBuf` that owns it, or by the section while it is free.
        unsafe { &*self.layout().views.add(usize::from(index)) }
    }

    #[inline(always)]
    fn side(&self, index: ViewId) -> &'static Side {
        // SAFETY: as for `view`.
        unsafe { &*self.layout().sides.add(usize::from(index)) }
    }

    /// The state of a block: but for `views` it is touched inside the section only.
    #[inline(always)]
    fn state(&self, block: u16) -> &'static Block {
        // SAFETY: blocks are numbered as their views are.
        unsafe { &*self.layout().states.add(usize::from(block)) }
    }

    /// Where a block's memory starts, and its size.
    #[inline(always)]
    fn memory(&self, block: u16) -> (*mut u8, usize) {
        let layout = self.layout();
        if block < layout.blocks {
            let offset = usize::from(block) * usize::from(layout.stride);
            (layout.memory.wrapping_add(offset), usize::from(layout.size))
        } else {
            let index = usize::from(block - layout.blocks);
            (
                layout.header_memory.wrapping_add(index * HEADER_BLOCK),
                HEADER_BLOCK,
            )
        }
    }

    /// An empty buffer in a block for `purpose`, with `headroom` bytes in front of it.
    ///
    /// A headroom larger than the block is cut to its size.
    pub fn alloc(self, purpose: Purpose, headroom: usize) -> Result<NetBuf, NoBuffer> {
        self.alloc_filled(purpose, headroom, 0)
    }

    /// As [`Pool::alloc`], with as many of `length` bytes as there is room for: whatever the block
    /// held before.
    fn alloc_filled(
        self,
        purpose: Purpose,
        headroom: usize,
        length: usize,
    ) -> Result<NetBuf, NoBuffer> {
        let taken = self.0.section.with(|state| state.take(self, purpose));
        let index = taken.ok_or(NoBuffer)?;
        let (memory, size) = self.memory(index);
        let charge = if purpose == Purpose::Send {
            Charge::Send
        } else {
            Charge::Flow
        };
        let view = self.view(index);
        let headroom = headroom.min(size);
        let length = length.min(size - headroom) as u32;
        view.data.set(memory.wrapping_add(headroom));
        view.length.set(length);
        view.block.set(index | (charge as u16) << 14);
        view.next.set(NONE);
        self.side(index).reset();
        Ok(NetBuf {
            pool: self,
            head: index,
            tail: index,
            length,
        })
    }

    /// A buffer of `length` bytes in as many blocks as that takes, with `headroom` bytes in front.
    ///
    /// The bytes are whatever the blocks held before: this is for a driver that fills them all.
    pub fn alloc_chain(
        self,
        purpose: Purpose,
        headroom: usize,
        length: usize,
    ) -> Result<NetBuf, NoBuffer> {
        let mut buf = self.alloc_filled(purpose, headroom, length)?;
        while buf.len() < length {
            buf.link(self.alloc_filled(purpose, 0, length - buf.len())?);
        }
        Ok(buf)
    }

    /// As [`Pool::alloc`], waiting until there is a block, in line with those who wait for the same
    /// purpose.
    ///
    /// [`POOL_WAITERS`](crate::config::POOL_WAITERS) tasks find a place to wait in without being polled.
    pub async fn alloc_async(self, purpose: Purpose, headroom: usize) -> NetBuf {
        self.alloc_chain_async(purpose, headroom, 0).await
    }

    /// As [`Pool::alloc_chain`], waiting as [`Pool::alloc_async`] does until there are blocks
    /// enough. Where that can never be ([`Pool::can_hold`]), it waits for ever.
    pub async fn alloc_chain_async(
        self,
        purpose: Purpose,
        headroom: usize,
        length: usize,
    ) -> NetBuf {
        let mut turn = self.turn(purpose, headroom, length);
        poll_fn(|context| turn.poll(context.waker())).await
    }

    /// What [`Pool::alloc_chain_async`] waits with.
    pub(crate) fn turn(self, purpose: Purpose, headroom: usize, length: usize) -> Turn {
        Turn {
            pool: self,
            purpose,
            headroom,
            length,
            blocks: self.blocks_for(purpose, headroom, length),
            ticket: None,
        }
    }

    /// Whether [`Pool::alloc_chain`] would find blocks enough if all were free.
    pub fn can_hold(self, purpose: Purpose, headroom: usize, length: usize) -> bool {
        let blocks = self.blocks_for(purpose, headroom, length);
        let (limits, stats) = (self.limits(), self.stats());
        blocks
            <= match purpose {
                Purpose::Receive => stats.blocks,
                Purpose::Send => stats.blocks.min(limits.send),
                Purpose::Header => stats.headers.saturating_sub(limits.control),
                Purpose::Control => stats.blocks.saturating_add(stats.headers),
            }
    }

    /// Bytes that a received packet can have, behind `headroom` in its first block, and be sure to
    /// find blocks in the end: those that the bounds let neither sockets nor senders take. A longer
    /// one may find more, or wait for as long as others like.
    pub fn receive_reserve(self, headroom: usize) -> usize {
        let (stats, limits) = (self.stats(), self.limits());
        let taken = limits.held.saturating_add(limits.send);
        let kept = stats.blocks.saturating_sub(taken).max(1);
        (usize::from(kept) * self.block_size()).saturating_sub(headroom)
    }

    /// How many blocks so many bytes take at most, behind `headroom` in the first.
    fn blocks_for(self, purpose: Purpose, headroom: usize, length: usize) -> u16 {
        let size = match purpose {
            Purpose::Receive | Purpose::Send => self.block_size(),
            Purpose::Header => HEADER_BLOCK,
            Purpose::Control => self.block_size().min(HEADER_BLOCK),
        };
        let bytes = headroom.min(size).saturating_add(length);
        u16::try_from(bytes.div_ceil(size.max(1)).max(1)).unwrap_or(u16::MAX)
    }

    /// A buffer over static memory, which is read where it is. It takes spare views only.
    ///
    /// An error also if it is of more than 2^31 - 1 bytes.
    pub fn from_static(self, bytes: &'static [u8]) -> Result<NetBuf, NoBuffer> {
        let length = u32::try_from(bytes.len()).map_err(|_| NoBuffer)?;
        if length > LONGEST {
            return Err(NoBuffer);
        }
        let index = self
            .0
            .section
            .with(|state| state.take_view(self))
            .ok_or(NoBuffer)?;
        let view = self.view(index);
        view.data.set(bytes.as_ptr().cast_mut());
        view.length.set(length);
        view.block.set(STATIC);
        view.next.set(NONE);
        self.side(index).reset();
        Ok(NetBuf {
            pool: self,
            head: index,
            tail: index,
            length,
        })
    }

    /// The bounds in force.
    pub fn limits(self) -> Limits {
        self.0.section.with(|state| state.limits)
    }

    /// Sets other bounds. What is already charged beyond them stays so until it is given back.
    pub fn set_limits(self, limits: Limits) {
        self.0.section.with(|state| state.limits = limits);
        self.wake_waiters();
    }

    /// The state of the pool now.
    pub fn stats(self) -> PoolStats {
        self.0.section.with(|state| {
            let stats = state.stats;
            PoolStats {
                blocks_used: stats.blocks - state.blocks_left,
                headers_used: stats.headers - state.headers_left,
                views_used: stats.views - state.views_left,
                ..stats
            }
        })
    }

    /// Lets what is counted begin at zero again, and the low-water marks where the pool is now.
    #[cfg(all(ip, feature = "statistics"))]
    pub(crate) fn reset_stats(self) {
        self.0.section.with(State::reset_stats);
    }

    /// Bytes in a data block.
    pub fn block_size(self) -> usize {
        usize::from(self.layout().size)
    }

    /// Blocks that may still be charged as held.
    pub fn held_left(self) -> usize {
        self.0
            .section
            .with(|state| usize::from(state.limits.held.saturating_sub(state.stats.held)))
    }

    /// Blocks that may still be charged as held, and how many there may be in all.
    #[cfg(all(ip, feature = "tcp"))]
    pub(crate) fn held_left_of(self) -> (u16, u16) {
        self.0.section.with(|state| {
            let held = state.limits.held;
            (held.saturating_sub(state.stats.held), held)
        })
    }

    /// Whether there is a block for `purpose` now.
    #[cfg(all(ip, any(feature = "tcp", feature = "fragmentation")))]
    pub(crate) fn has(self, purpose: Purpose) -> bool {
        self.0.section.with(|state| state.has(purpose, 1))
    }

    /// Data blocks that are free now.
    pub fn free_blocks(self) -> usize {
        self.0.section.with(|state| usize::from(state.blocks_left))
    }

    /// Whether `other` is a handle of the same pool.
    pub fn is(self, other: Self) -> bool {
        ptr::eq(self.0, other.0)
    }

    /// Until [`Pool::release_wakes`], blocks that are given back wake nobody: who waits for them is
    /// foreign code.
    #[cfg(ip)]
    #[inline]
    pub(crate) fn hold_wakes(self) {
        self.0.quiet.store(true, Ordering::SeqCst);
    }

    /// Wakes those whom blocks given back since [`Pool::hold_wakes`] would have woken.
    #[cfg(ip)]
    #[inline]
    pub(crate) fn release_wakes(self) {
        self.0.quiet.store(false, Ordering::SeqCst);
        if self.0.missed.load(Ordering::SeqCst) {
            self.0.missed.store(false, Ordering::SeqCst);
            self.wake_waiters();
        }
    }

    /// Wakes the first in line of each purpose that there is a block for.
    #[cold]
    fn wake_waiters(self) {
        if self.0.quiet.load(Ordering::SeqCst) {
            self.0.missed.store(true, Ordering::SeqCst);
            // If that is over by now, nobody may look any more: then it is done here.
            if self.0.quiet.load(Ordering::SeqCst) {
                return;
            }
        }
        if let Some(wake) = self.0.section.with(|state| state.wake) {
            wake(self);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stats(), f)
    }
}

impl Pool {
    fn charge_of(self, id: ViewId) -> Charge {
        match self.view(id).block.get() >> 14 {
            0 => Charge::Flow,
            1 => Charge::Held,
            _ => Charge::Send,
        }
    }

    /// Copies what travels with a packet from one head view to another.
    #[inline]
    fn move_side(self, from: ViewId, to: ViewId) {
        self.side(to).meta.set(self.side(from).meta.get());
        #[cfg(feature = "timestamps")]
        self.side(to).stamp.set(self.side(from).stamp.get());
    }

    /// The packet behind `id` in its queue.
    #[inline(always)]
    pub(super) fn next_packet(self, id: ViewId) -> ViewId {
        self.side(id).next_packet.get()
    }

    #[inline(always)]
    pub(super) fn set_next_packet(self, id: ViewId, next: ViewId) {
        self.side(id).next_packet.set(next);
    }

    // Buffers are dropped in many places.
    #[cfg_attr(feature = "fast-paths", inline)]
    #[cfg_attr(not(feature = "fast-paths"), inline(never))]
    fn give_back(self, id: ViewId) {
        if self.0.section.with(|state| state.give_back(self, id)) {
            self.wake_waiters();
        }
    }
}
