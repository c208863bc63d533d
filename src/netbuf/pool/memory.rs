//! The memory of a pool: blocks, and the tables of views and counts.

use core::cell::{Cell, UnsafeCell};
use core::mem::offset_of;
use core::ptr;

use super::state::State;
use super::{BLOCK, HEADER_BLOCK, Layout, Limits, NONE, Pool, PoolCore, PoolStats};
use crate::netbuf::Meta;
use crate::sync::{AtomicBool, AtomicU16, Section};

/// A range of a block, or of static memory.
pub(super) struct View {
    pub(super) data: Cell<*mut u8>,
    pub(super) length: Cell<u32>,
    /// The number of the block, and above it the view's [`Charge`].
    pub(super) block: Cell<u16>,
    /// The next view of the chain, or of the free list.
    pub(super) next: Cell<u16>,
}

/// The side entry of a view: used in the view at the head of a packet.
pub(super) struct Side {
    pub(super) next_packet: Cell<u16>,
    pub(super) meta: Cell<Meta>,
    #[cfg(feature = "timestamps")]
    pub(super) stamp: Cell<Stamp>,
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
pub(super) struct Block {
    /// Views of it. Changed inside a section; read outside to learn that one is alone.
    pub(super) views: AtomicU16,
    /// Views of it charged as held.
    pub(super) held: Cell<u16>,
    /// Views of it charged as sent.
    pub(super) sent: Cell<u16>,
    /// How far into the block some view has reached. Kept from the moment that it is shared.
    pub(super) reached: Cell<u16>,
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
    #[cfg(not(loom_models))]
    pub const fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            core: PoolCore {
                section: Section::new(State::NEW),
                layout: UnsafeCell::new(Layout::NEW),
                quiet: AtomicBool::new(false),
                missed: AtomicBool::new(false),
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
    #[cfg(loom_models)]
    pub fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            core: PoolCore {
                section: Section::new(State::NEW),
                layout: UnsafeCell::new(Layout::NEW),
                quiet: AtomicBool::new(false),
                missed: AtomicBool::new(false),
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

#[cfg(not(loom_models))]
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
    pub(super) fn reset(&self) {
        self.meta.set(Meta::NEW);
        #[cfg(feature = "timestamps")]
        self.stamp.set(Stamp::default());
    }
}

impl Block {
    #[cfg_attr(not(loom_models), allow(clippy::declare_interior_mutable_const))]
    #[cfg(not(loom_models))]
    const NEW: Self = Self {
        views: AtomicU16::new(0),
        held: Cell::new(0),
        sent: Cell::new(0),
        reached: Cell::new(0),
    };

    #[cfg(loom_models)]
    fn new(_: usize) -> Self {
        Self {
            views: AtomicU16::new(0),
            held: Cell::new(0),
            sent: Cell::new(0),
            reached: Cell::new(0),
        }
    }
}
