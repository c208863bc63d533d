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

use core::cell::{Cell, UnsafeCell};
use core::future::poll_fn;
use core::mem::offset_of;
use core::task::{Poll, Waker};
use core::{fmt, ptr, slice};

use super::meta::Meta;
use crate::config;
use crate::sync::{AtomicU16, Ordering, Section};

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

/// Whom a fragment is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Charge {
    /// Nobody: it is in a driver's ring or on its way through the stack.
    Flow = 0,
    /// Received, and held where it may stay for long.
    Held = 1,
    /// Written to be sent, and not yet done with.
    Send = 2,
}

/// What a block is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Purpose {
    /// A data block to receive into.
    Receive,
    /// A data block to send from, within the bound of [`Limits::send`].
    Send,
    /// A header block to stand in front of shared data.
    Header,
    /// A header block, from the reserve if need be, or a data block: for packets without which
    /// the stack cannot go on (ARP, ND, acknowledgements).
    Control,
}

/// There is no block, or no view, for this purpose now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoBuffer;

impl fmt::Display for NoBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no packet buffer is free for this purpose")
    }
}

impl core::error::Error for NoBuffer {}

/// How many blocks may stay where. See the [module](self) for the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Data blocks that may be charged as held.
    pub held: u16,
    /// Data blocks that may be charged as sent.
    pub send: u16,
    /// Header blocks that only [`Purpose::Control`] may take.
    pub control: u16,
}

/// The state of a pool, counted in blocks and views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PoolStats {
    /// Data blocks there are.
    pub blocks: u16,
    /// Data blocks in use.
    pub blocks_used: u16,
    /// The fewest data blocks that were ever free.
    pub blocks_low: u16,
    /// Header blocks there are.
    pub headers: u16,
    /// Header blocks in use.
    pub headers_used: u16,
    /// The fewest header blocks that were ever free.
    pub headers_low: u16,
    /// Spare views there are.
    pub views: u16,
    /// Spare views in use.
    pub views_used: u16,
    /// The fewest spare views that were ever free.
    pub views_low: u16,
    /// Blocks charged as held.
    pub held: u16,
    /// Blocks charged as sent.
    pub sent: u16,
    /// Times that there was no block to receive into.
    pub receive_failures: u32,
    /// Times that there was no block to send from, or the bound was reached.
    pub send_failures: u32,
    /// Times that there was no header block for data.
    pub header_failures: u32,
    /// Times that there was no block for a control packet.
    pub control_failures: u32,
    /// Times that there was no spare view.
    pub view_failures: u32,
    /// Times that a packet could not be held because the bound was reached.
    pub held_failures: u32,
}

/// A range of a block, or of static memory.
struct View {
    data: Cell<*mut u8>,
    length: Cell<u32>,
    /// The number of the block, and above it the view's [`Charge`].
    block: Cell<u16>,
    /// The next view of the chain, or of the free list.
    next: Cell<u16>,
}

/// The side entry of a view: used in the view at the head of a packet.
struct Side {
    next_packet: Cell<u16>,
    meta: Cell<Meta>,
    #[cfg(feature = "timestamps")]
    stamp: Cell<Stamp>,
}

/// When a packet passed the driver, and its number.
#[cfg(feature = "timestamps")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stamp {
    /// The driver's time, in nanoseconds on its own clock; 0 if it took none.
    pub nanos: u64,
    /// The number by which the driver reports the time of transmission; 0 for none.
    pub id: u32,
}

/// Who sees a block.
struct Block {
    /// Views of it. Changed inside a section; read outside to learn that one is alone.
    views: AtomicU16,
    /// Views of it charged as held.
    held: Cell<u16>,
    /// Views of it charged as sent.
    sent: Cell<u16>,
    /// How far into the block some view has reached. Kept from the moment that it is shared.
    reached: Cell<u16>,
}

/// Memory of one block class, aligned as `A` is.
#[repr(C)]
struct Memory<const SIZE: usize, A> {
    alignment: [A; 0],
    bytes: [u8; SIZE],
}

/// The default alignment of blocks: a word.
#[derive(Clone, Copy)]
#[repr(align(4))]
pub struct WordAligned;

/// Alignment of blocks for hardware that wants whole cache lines of 32 bytes.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub struct CacheAligned;

/// The memory of a pool: `BLOCKS` data blocks of `SIZE` bytes, `HEADERS` header blocks and
/// `SPARES` spare views; every block is aligned as `A` is.
///
/// It is all zeroes until first used, so a `static` one takes no flash; put a `#[link_section]`
/// on the static where a driver's DMA needs one.
///
/// ```
/// use zonda::netbuf::{NetBufPool, Purpose};
///
/// static POOL: NetBufPool<64, 512> = NetBufPool::new();
/// let packet = POOL.pool().alloc(Purpose::Receive, 2)?;
/// assert!(packet.is_empty());
/// # Ok::<(), zonda::netbuf::NoBuffer>(())
/// ```
#[repr(C)]
pub struct NetBufPool<
    const BLOCKS: usize,
    const SIZE: usize,
    const HEADERS: usize = 8,
    const SPARES: usize = 16,
    A = WordAligned,
> {
    core: PoolCore,
    tables: UnsafeCell<Tables<BLOCKS, HEADERS, SPARES>>,
    blocks: UnsafeCell<[Memory<SIZE, A>; BLOCKS]>,
    headers: UnsafeCell<[Memory<HEADER_BLOCK, A>; HEADERS]>,
}

/// The tables of a pool. With `repr(C)` the parts of each follow each other without a gap, since
/// they are arrays of one type: together they are one table.
#[repr(C)]
struct Tables<const BLOCKS: usize, const HEADERS: usize, const SPARES: usize> {
    block_views: [View; BLOCKS],
    header_views: [View; HEADERS],
    spare_views: [View; SPARES],
    block_sides: [Side; BLOCKS],
    header_sides: [Side; HEADERS],
    spare_sides: [Side; SPARES],
    block_states: [Block; BLOCKS],
    header_states: [Block; HEADERS],
}

// SAFETY: the tables and the memory are reached only through `Pool` and `NetBuf`: free lists and
// counts inside the section, a view and its range of a block by the one `NetBuf` that owns it.
unsafe impl<const B: usize, const S: usize, const H: usize, const P: usize, A: Send> Sync
    for NetBufPool<B, S, H, P, A>
{
}

/// What a pool is without its sizes: handles point here.
struct PoolCore {
    section: Section<State>,
    layout: UnsafeCell<Layout>,
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

/// Free lists, counts and bounds. The lists are linked through [`View::next`].
struct State {
    ready: bool,
    free_blocks: u16,
    free_headers: u16,
    free_views: u16,
    blocks_left: u16,
    headers_left: u16,
    views_left: u16,
    limits: Limits,
    stats: PoolStats,
    waiting: heapless::Deque<Waiting, { config::POOL_WAITERS }>,
    next_ticket: u32,
}

/// Who waits for a block: served in line among those of the same purpose.
struct Waiting {
    ticket: u32,
    purpose: Purpose,
    waker: Option<Waker>,
}

/// A handle of a [`NetBufPool`], whatever its sizes.
#[derive(Clone, Copy)]
pub struct Pool(&'static PoolCore);

/// The number of a view.
pub(super) type ViewId = u16;

/// An owned chain of fragments: a packet, or a piece of a stream.
///
/// Three words; moving it moves the packet. What it does not need any more goes back to the pool
/// when it is dropped. The operations are described where they are implemented, below.
pub struct NetBuf {
    pool: Pool,
    head: ViewId,
    tail: ViewId,
    length: u32,
}

/// Where a buffer ends: its last view, the length of that, and of the whole.
#[derive(Clone, Copy)]
pub(super) struct End {
    tail: ViewId,
    offset: u32,
    length: u32,
}

// SAFETY: a `NetBuf` alone reaches its views, and writes only where no other view has reached;
// the section orders what one thread does before it gives a block back and another after.
unsafe impl Send for NetBuf {}
// SAFETY: through a shared reference a `NetBuf` is only read.
unsafe impl Sync for NetBuf {}

const _: () = assert!(size_of::<Option<NetBuf>>() == size_of::<usize>() + 8);

impl<const BLOCKS: usize, const SIZE: usize, const HEADERS: usize, const SPARES: usize, A>
    NetBufPool<BLOCKS, SIZE, HEADERS, SPARES, A>
{
    const CHECKED: () = {
        assert!(BLOCKS >= 4, "a pool has at least 4 data blocks");
        assert!(HEADERS >= 4, "a pool has at least 4 header blocks");
        assert!(SIZE >= 64 && SIZE <= 2048, "a block has 64 to 2048 bytes");
        // Header blocks follow each other without a gap.
        assert!(
            align_of::<A>() <= HEADER_BLOCK,
            "a block is aligned to at most 128 bytes"
        );
        assert!(
            BLOCKS + HEADERS + SPARES < BLOCK as usize,
            "a pool has at most 16382 views"
        );
    };

    /// A pool, all of whose blocks are free.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            core: PoolCore {
                section: Section::new(State::NEW),
                layout: UnsafeCell::new(Layout::NEW),
            },
            tables: UnsafeCell::new(Tables {
                block_views: [const { View::NEW }; BLOCKS],
                header_views: [const { View::NEW }; HEADERS],
                spare_views: [const { View::NEW }; SPARES],
                block_sides: [const { Side::NEW }; BLOCKS],
                header_sides: [const { Side::NEW }; HEADERS],
                spare_sides: [const { Side::NEW }; SPARES],
                block_states: [const { Block::NEW }; BLOCKS],
                header_states: [const { Block::NEW }; HEADERS],
            }),
            blocks: UnsafeCell::new(
                [const {
                    Memory {
                        alignment: [],
                        bytes: [0; SIZE],
                    }
                }; BLOCKS],
            ),
            headers: UnsafeCell::new(
                [const {
                    Memory {
                        alignment: [],
                        bytes: [0; HEADER_BLOCK],
                    }
                }; HEADERS],
            ),
        }
    }

    /// A pool, all of whose blocks are free.
    #[cfg(loom)]
    pub fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            core: PoolCore {
                section: Section::new(State::NEW),
                layout: UnsafeCell::new(Layout::NEW),
            },
            tables: UnsafeCell::new(Tables {
                block_views: [const { View::NEW }; BLOCKS],
                header_views: [const { View::NEW }; HEADERS],
                spare_views: [const { View::NEW }; SPARES],
                block_sides: [const { Side::NEW }; BLOCKS],
                header_sides: [const { Side::NEW }; HEADERS],
                spare_sides: [const { Side::NEW }; SPARES],
                block_states: core::array::from_fn(Block::new),
                header_states: core::array::from_fn(Block::new),
            }),
            blocks: UnsafeCell::new(
                [const {
                    Memory {
                        alignment: [],
                        bytes: [0; SIZE],
                    }
                }; BLOCKS],
            ),
            headers: UnsafeCell::new(
                [const {
                    Memory {
                        alignment: [],
                        bytes: [0; HEADER_BLOCK],
                    }
                }; HEADERS],
            ),
        }
    }

    /// A handle of this pool. The first call makes the pool ready.
    pub fn pool(&'static self) -> Pool {
        self.core.section.with(|state| {
            if !state.ready {
                self.prepare(state);
            }
        });
        Pool(&self.core)
    }

    #[cold]
    fn prepare(&'static self, state: &mut State) {
        let tables = self.tables.get().cast::<u8>();
        // Each pointer keeps the reach of all tables, so that it reaches the parts that follow.
        let table = |offset: usize| tables.wrapping_add(offset);
        let layout = Layout {
            views: table(offset_of!(Tables<BLOCKS, HEADERS, SPARES>, block_views)).cast(),
            sides: table(offset_of!(Tables<BLOCKS, HEADERS, SPARES>, block_sides)).cast(),
            states: table(offset_of!(Tables<BLOCKS, HEADERS, SPARES>, block_states)).cast(),
            memory: self.blocks.get().cast(),
            header_memory: self.headers.get().cast(),
            size: SIZE as u16,
            stride: size_of::<Memory<SIZE, A>>() as u16,
            blocks: BLOCKS as u16,
            all_blocks: (BLOCKS + HEADERS) as u16,
        };
        // SAFETY: inside the section, and no handle exists that could be reading it.
        unsafe { *self.core.layout.get() = layout };
        let pool = Pool(&self.core);
        let chain = |range: core::ops::Range<usize>| {
            for index in range.clone() {
                let next = if index + 1 < range.end {
                    index as u16 + 1
                } else {
                    NONE
                };
                pool.view(index as u16).next.set(next);
            }
            if range.is_empty() {
                NONE
            } else {
                range.start as u16
            }
        };
        state.free_blocks = chain(0..BLOCKS);
        state.free_headers = chain(BLOCKS..BLOCKS + HEADERS);
        state.free_views = chain(BLOCKS + HEADERS..BLOCKS + HEADERS + SPARES);
        state.blocks_left = BLOCKS as u16;
        state.headers_left = HEADERS as u16;
        state.views_left = SPARES as u16;
        let reserve = (BLOCKS / 4).min(16) as u16;
        let send = (BLOCKS as u16 - reserve) / 2;
        state.limits = Limits {
            held: BLOCKS as u16 - reserve - send,
            send,
            control: (HEADERS / 4) as u16,
        };
        state.stats = PoolStats {
            blocks: BLOCKS as u16,
            blocks_low: BLOCKS as u16,
            headers: HEADERS as u16,
            headers_low: HEADERS as u16,
            views: SPARES as u16,
            views_low: SPARES as u16,
            ..PoolStats::NEW
        };
        state.ready = true;
    }
}

#[cfg(not(loom))]
impl<const B: usize, const S: usize, const H: usize, const P: usize, A> Default
    for NetBufPool<B, S, H, P, A>
{
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::declare_interior_mutable_const)]
impl View {
    const NEW: Self = Self {
        data: Cell::new(ptr::null_mut()),
        length: Cell::new(0),
        block: Cell::new(0),
        next: Cell::new(0),
    };
}

#[allow(clippy::declare_interior_mutable_const)]
impl Side {
    const NEW: Self = Self {
        next_packet: Cell::new(0),
        meta: Cell::new(Meta::NEW),
        #[cfg(feature = "timestamps")]
        stamp: Cell::new(Stamp { nanos: 0, id: 0 }),
    };

    /// Forgets the packet before.
    #[inline]
    fn reset(&self) {
        self.meta.set(Meta::NEW);
        #[cfg(feature = "timestamps")]
        self.stamp.set(Stamp::default());
    }
}

impl Block {
    #[cfg_attr(not(loom), allow(clippy::declare_interior_mutable_const))]
    #[cfg(not(loom))]
    const NEW: Self = Self {
        views: AtomicU16::new(0),
        held: Cell::new(0),
        sent: Cell::new(0),
        reached: Cell::new(0),
    };

    #[cfg(loom)]
    fn new(_: usize) -> Self {
        Self {
            views: AtomicU16::new(0),
            held: Cell::new(0),
            sent: Cell::new(0),
            reached: Cell::new(0),
        }
    }
}

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

impl PoolStats {
    const NEW: Self = Self {
        blocks: 0,
        blocks_used: 0,
        blocks_low: 0,
        headers: 0,
        headers_used: 0,
        headers_low: 0,
        views: 0,
        views_used: 0,
        views_low: 0,
        held: 0,
        sent: 0,
        receive_failures: 0,
        send_failures: 0,
        header_failures: 0,
        control_failures: 0,
        view_failures: 0,
        held_failures: 0,
    };
}

impl State {
    const NEW: Self = Self {
        ready: false,
        free_blocks: 0,
        free_headers: 0,
        free_views: 0,
        blocks_left: 0,
        headers_left: 0,
        views_left: 0,
        limits: Limits {
            held: 0,
            send: 0,
            control: 0,
        },
        stats: PoolStats::NEW,
        waiting: heapless::Deque::new(),
        next_ticket: 0,
    };

    /// Takes a block for `purpose`: its number, which is also that of its view.
    #[inline]
    fn take(&mut self, pool: Pool, purpose: Purpose) -> Option<u16> {
        let index = match purpose {
            Purpose::Receive => self.take_block(pool),
            Purpose::Send if self.stats.sent < self.limits.send => self.take_block(pool),
            Purpose::Send => None,
            Purpose::Header if self.headers_left > self.limits.control => self.take_header(pool),
            Purpose::Header => None,
            Purpose::Control => self.take_header(pool).or_else(|| self.take_block(pool)),
        };
        let Some(index) = index else {
            let failures = match purpose {
                Purpose::Receive => &mut self.stats.receive_failures,
                Purpose::Send => &mut self.stats.send_failures,
                Purpose::Header => &mut self.stats.header_failures,
                Purpose::Control => &mut self.stats.control_failures,
            };
            *failures = failures.wrapping_add(1);
            return None;
        };
        let block = pool.state(index);
        block.views.store(1, Ordering::Relaxed);
        if purpose == Purpose::Send {
            block.sent.set(1);
            self.stats.sent += 1;
        }
        Some(index)
    }

    /// Whether there is a block for `purpose`.
    fn has(&self, purpose: Purpose) -> bool {
        let block = self.blocks_left > 0;
        match purpose {
            Purpose::Receive => block,
            Purpose::Send => block && self.stats.sent < self.limits.send,
            Purpose::Header => self.headers_left > self.limits.control,
            Purpose::Control => block || self.headers_left > 0,
        }
    }

    #[inline]
    fn take_block(&mut self, pool: Pool) -> Option<u16> {
        let index = self.free_blocks;
        if index == NONE {
            return None;
        }
        self.free_blocks = pool.view(index).next.get();
        self.blocks_left -= 1;
        self.stats.blocks_low = self.stats.blocks_low.min(self.blocks_left);
        Some(index)
    }

    #[inline]
    fn take_header(&mut self, pool: Pool) -> Option<u16> {
        let index = self.free_headers;
        if index == NONE {
            return None;
        }
        self.free_headers = pool.view(index).next.get();
        self.headers_left -= 1;
        self.stats.headers_low = self.stats.headers_low.min(self.headers_left);
        Some(index)
    }

    fn take_view(&mut self, pool: Pool) -> Option<u16> {
        let index = self.free_views;
        if index == NONE {
            self.stats.view_failures = self.stats.view_failures.wrapping_add(1);
            return None;
        }
        self.free_views = pool.view(index).next.get();
        self.views_left -= 1;
        self.stats.views_low = self.stats.views_low.min(self.views_left);
        Some(index)
    }

    /// Gives a view back, and its block if no other sees it. Says whether somebody waits.
    #[inline]
    fn give_back(&mut self, pool: Pool, index: u16) -> bool {
        let tagged = pool.view(index).block.get();
        let number = tagged & BLOCK;
        if index >= pool.layout().all_blocks {
            pool.view(index).next.set(self.free_views);
            self.free_views = index;
            self.views_left += 1;
        }
        if number == STATIC {
            return false;
        }
        let block = pool.state(number);
        self.discharge(block, tagged);
        let others = block.views.load(Ordering::Relaxed) - 1;
        // Ordered for those who read it outside of the section, to learn that they are alone.
        block.views.store(others, Ordering::Release);
        if others > 0 {
            // There may be room under a bound, though.
        } else if number < pool.layout().blocks {
            pool.view(number).next.set(self.free_blocks);
            self.free_blocks = number;
            self.blocks_left += 1;
        } else {
            pool.view(number).next.set(self.free_headers);
            self.free_headers = number;
            self.headers_left += 1;
        }
        !self.waiting.is_empty()
    }

    /// Takes the charge of a view off its block.
    #[inline]
    fn discharge(&mut self, block: &Block, tagged: u16) {
        if tagged & (Charge::Held as u16) << 14 != 0 {
            block.held.set(block.held.get() - 1);
            self.stats.held -= u16::from(block.held.get() == 0);
        } else if tagged & (Charge::Send as u16) << 14 != 0 {
            block.sent.set(block.sent.get() - 1);
            self.stats.sent -= u16::from(block.sent.get() == 0);
        }
    }

    /// Charges a view's block, unless that would pass the bound.
    #[inline]
    fn charge(&mut self, block: &Block, charge: Charge) -> Result<(), NoBuffer> {
        match charge {
            Charge::Flow => {}
            Charge::Held => {
                if block.held.get() == 0 {
                    if self.stats.held >= self.limits.held {
                        self.stats.held_failures = self.stats.held_failures.wrapping_add(1);
                        return Err(NoBuffer);
                    }
                    self.stats.held += 1;
                }
                block.held.set(block.held.get() + 1);
            }
            Charge::Send => {
                if block.sent.get() == 0 {
                    if self.stats.sent >= self.limits.send {
                        self.stats.send_failures = self.stats.send_failures.wrapping_add(1);
                        return Err(NoBuffer);
                    }
                    self.stats.sent += 1;
                }
                block.sent.set(block.sent.get() + 1);
            }
        }
        Ok(())
    }
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
    #[inline]
    pub fn alloc(self, purpose: Purpose, headroom: usize) -> Result<NetBuf, NoBuffer> {
        let taken = self.0.section.with(|state| state.take(self, purpose));
        let index = taken.ok_or(NoBuffer)?;
        let (memory, size) = self.memory(index);
        let charge = if purpose == Purpose::Send {
            Charge::Send
        } else {
            Charge::Flow
        };
        let view = self.view(index);
        view.data.set(memory.wrapping_add(headroom.min(size)));
        view.length.set(0);
        view.block.set(index | (charge as u16) << 14);
        view.next.set(NONE);
        self.side(index).reset();
        Ok(NetBuf {
            pool: self,
            head: index,
            tail: index,
            length: 0,
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
        let mut buf = self.alloc(purpose, headroom)?;
        while let Some(missing) = length.checked_sub(buf.len()).filter(|&missing| missing > 0) {
            if buf.tailroom() == 0 {
                buf.link(self.alloc(purpose, 0)?);
            }
            let room = buf.tailroom().min(missing);
            let _: &mut [u8] = buf.extend_tail(room).ok_or(NoBuffer)?;
        }
        Ok(buf)
    }

    /// As [`Pool::alloc`], waiting until there is a block, in line with those who wait for the same
    /// purpose.
    ///
    /// [`config::POOL_WAITERS`] tasks find a place to wait in without being polled.
    pub async fn alloc_async(self, purpose: Purpose, headroom: usize) -> NetBuf {
        let mut turn = Turn {
            pool: self,
            purpose,
            ticket: None,
        };
        poll_fn(|context| turn.poll(headroom, context.waker())).await
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

    /// Bytes in a data block.
    pub fn block_size(self) -> usize {
        usize::from(self.layout().size)
    }

    /// Data blocks that are free now.
    pub fn free_blocks(self) -> usize {
        self.0.section.with(|state| usize::from(state.blocks_left))
    }

    /// Whether `other` is a handle of the same pool.
    pub fn is(self, other: Self) -> bool {
        ptr::eq(self.0, other.0)
    }

    /// Wakes the first in line of each purpose that there is a block for.
    #[cold]
    fn wake_waiters(self) {
        use Purpose::{Control, Header, Receive, Send};
        for purpose in [Control, Receive, Send, Header] {
            let waker = self.0.section.with(|state| {
                if !state.has(purpose) {
                    return None;
                }
                // It keeps its place: it comes back, or leaves the line.
                let mut waiting = state.waiting.iter_mut();
                let first = waiting.find(|entry| entry.purpose == purpose)?;
                first.waker.take()
            });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stats(), f)
    }
}

/// A place in the line of those who wait for a block.
struct Turn {
    pool: Pool,
    purpose: Purpose,
    ticket: Option<u32>,
}

impl Turn {
    fn poll(&mut self, headroom: usize, waker: &Waker) -> Poll<NetBuf> {
        // Once more after it has lined up: a block may have come back in between.
        for lined_up in [false, true] {
            let first = self.pool.0.section.with(|state| {
                let mut waiting = state.waiting.iter();
                waiting
                    .find(|entry| entry.purpose == self.purpose)
                    .is_none_or(|entry| Some(entry.ticket) == self.ticket)
            });
            if first && let Ok(buf) = self.pool.alloc(self.purpose, headroom) {
                return Poll::Ready(buf);
            }
            if !lined_up {
                self.line_up(waker);
            }
        }
        Poll::Pending
    }

    fn line_up(&mut self, waker: &Waker) {
        let waker = waker.clone();
        let (pushed_out, replaced) = self.pool.0.section.with(|state| {
            let mut waiting = state.waiting.iter_mut();
            if let Some(mine) = waiting.find(|entry| Some(entry.ticket) == self.ticket) {
                return (None, mine.waker.replace(waker));
            }
            // When the line is full its last gives way, and is woken to try again: those before it
            // keep their places, so that the line moves.
            let last = if state.waiting.is_full() {
                state.waiting.pop_back()
            } else {
                None
            };
            let ticket = *self.ticket.get_or_insert_with(|| {
                let ticket = state.next_ticket;
                state.next_ticket = ticket.wrapping_add(1);
                ticket
            });
            let _: Result<(), _> = state.waiting.push_back(Waiting {
                ticket,
                purpose: self.purpose,
                waker: Some(waker),
            });
            (last.and_then(|last| last.waker), None)
        });
        // Wakers are dropped and woken outside of the section.
        drop(replaced);
        if let Some(pushed_out) = pushed_out {
            pushed_out.wake();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let gone = self.pool.0.section.with(|state| {
            let mut gone = None;
            for _ in 0..state.waiting.len() {
                if let Some(entry) = state.waiting.pop_front() {
                    if entry.ticket == ticket {
                        gone = Some(entry);
                    } else {
                        let _: Result<(), _> = state.waiting.push_back(entry);
                    }
                }
            }
            gone
        });
        drop(gone);
        // The next in line may have been passed over while this one stood before it.
        self.pool.wake_waiters();
    }
}

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
    pub(super) fn head(&self) -> ViewId {
        self.head
    }

    /// The view after `id`, which is one of this buffer's.
    #[inline(always)]
    pub(super) fn next(&self, id: ViewId) -> Option<ViewId> {
        Some(self.pool.view(id).next.get()).filter(|&next| next != NONE)
    }

    /// The bytes of one of this buffer's views.
    #[inline(always)]
    pub(super) fn bytes(&self, id: ViewId) -> &[u8] {
        let view = self.pool.view(id);
        // SAFETY: a view's range lies inside its block, or is static memory; all of it has been
        // written since the program started (pools start as zeroes); and nobody writes to bytes
        // that a view has reached but a buffer that is alone with the block, borrowed mutably.
        unsafe { slice::from_raw_parts(view.data.get(), view.length.get() as usize) }
    }

    /// Whether a view is the only one of its block, so that its bytes may be written.
    #[inline(always)]
    pub(super) fn is_alone(&self, id: ViewId) -> bool {
        let number = self.pool.view(id).block.get() & BLOCK;
        number != STATIC && self.pool.state(number).views.load(Ordering::Acquire) == 1
    }

    /// The bytes of one of this buffer's views, to write; `None` if another view may see them.
    #[inline(always)]
    pub(super) fn bytes_mut(&mut self, id: ViewId) -> Option<&mut [u8]> {
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

    /// Makes the first fragment longer by `length` bytes of its headroom, and gives them.
    #[inline]
    pub(super) fn extend_head(&mut self, length: usize) -> Option<&mut [u8]> {
        if self.headroom() < length {
            return None;
        }
        let view = self.pool.view(self.head);
        let data = view.data.get().wrapping_sub(length);
        view.data.set(data);
        view.length.set(view.length.get() + length as u32);
        self.length += length as u32;
        // SAFETY: the headroom is inside the block, and this buffer is alone with it.
        Some(unsafe { slice::from_raw_parts_mut(data, length) })
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

    /// Makes the last fragment longer by `length` bytes of its tailroom, and gives them.
    pub(super) fn extend_tail(&mut self, length: usize) -> Option<&mut [u8]> {
        let (end, size) = self.tail_end();
        if size - end < length {
            return None;
        }
        let view = self.pool.view(self.tail);
        if !self.is_alone(self.tail) {
            let number = view.block.get() & BLOCK;
            if number == STATIC {
                return if length == 0 { Some(&mut []) } else { None };
            }
            // Two views may end at the same place: the first to come here has what follows.
            let state = self.pool.state(number);
            let mine = self.pool.0.section.with(|_| {
                let mine = usize::from(state.reached.get()) == end;
                if mine {
                    state.reached.set((end + length) as u16);
                }
                mine
            });
            if !mine {
                return None;
            }
        }
        let start = view.data.get().wrapping_add(view.length.get() as usize);
        view.length.set(view.length.get() + length as u32);
        self.length += length as u32;
        // SAFETY: the range is inside the block, and no other view has reached it or can.
        Some(unsafe { slice::from_raw_parts_mut(start, length) })
    }

    /// Whether the views of `other` may hang behind those of this buffer.
    pub(super) fn can_link(&self, other: &Self) -> bool {
        let length = self.length.checked_add(other.length);
        self.pool.is(other.pool) && length.is_some_and(|length| length <= LONGEST)
    }

    /// Hangs the views of `other` behind those of this buffer. Both are of one pool.
    pub(super) fn link(&mut self, other: Self) {
        let other = core::mem::ManuallyDrop::new(other);
        self.pool.view(self.tail).next.set(other.head);
        self.tail = other.tail;
        self.length += other.length;
    }

    /// Puts the views of `front` before those of this buffer, and keeps this one's meta.
    pub(super) fn link_front(&mut self, front: Self) {
        let front = core::mem::ManuallyDrop::new(front);
        self.pool.move_side(self.head, front.head);
        self.pool.view(front.tail).next.set(self.head);
        self.head = front.head;
        self.length += front.length;
    }

    /// Cuts `length` bytes off the front: views that become empty are given back, but the last.
    pub(super) fn cut_front(&mut self, length: usize) {
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

    /// Cuts all but the first `length` bytes off: views that become empty are given back, but one.
    pub(super) fn cut_back(&mut self, length: usize) {
        if length >= self.len() {
            return;
        }
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
    pub(super) fn end(&self) -> End {
        End {
            tail: self.tail,
            offset: self.pool.view(self.tail).length.get(),
            length: self.length,
        }
    }

    /// Takes back all that was appended since the buffer ended at `end`; nothing else may have
    /// happened to it.
    pub(super) fn retract(&mut self, end: End) {
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
    pub(super) fn find(&self, offset: usize) -> (ViewId, usize) {
        self.find_from(self.head, offset)
    }

    #[inline]
    pub(super) fn find_from(&self, start: ViewId, offset: usize) -> (ViewId, usize) {
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
    pub(super) fn share(&self, id: ViewId, offset: usize, length: usize) -> Result<Self, NoBuffer> {
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
    pub(super) fn detach_after(&mut self, id: ViewId, length: usize) -> Self {
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
    pub(super) fn tail_charge(&self) -> Charge {
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
    pub(super) fn into_raw(self) -> (Pool, ViewId) {
        let this = core::mem::ManuallyDrop::new(self);
        (this.pool, this.head)
    }

    /// Puts a buffer together again.
    pub(super) fn from_raw(raw: (Pool, ViewId)) -> Self {
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

    #[inline]
    fn give_back(self, id: ViewId) {
        if self.0.section.with(|state| state.give_back(self, id)) {
            self.wake_waiters();
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
