//! Free lists, counts and bounds: what is touched inside the section only.

use core::task::Waker;

use super::memory::Block;
use super::{BLOCK, Charge, Limits, NONE, NoBuffer, Pool, PoolStats, Purpose, STATIC};
use crate::config;
use crate::sync::Ordering;

/// Free lists, counts and bounds. The lists are linked through [`View::next`].
pub(super) struct State {
    pub(super) ready: bool,
    pub(super) free_blocks: u16,
    pub(super) free_headers: u16,
    pub(super) free_views: u16,
    pub(super) blocks_left: u16,
    pub(super) headers_left: u16,
    pub(super) views_left: u16,
    pub(super) limits: Limits,
    pub(super) stats: PoolStats,
    pub(super) waiting: heapless::Deque<Waiting, { config::POOL_WAITERS }>,
    pub(super) next_ticket: u32,
    /// What wakes them. Who waits names it, and nobody else: where nobody ever does it is not linked.
    pub(super) wake: Option<fn(Pool)>,
}

/// Who waits for a block: served in line among those of the same purpose.
pub(super) struct Waiting {
    pub(super) ticket: u32,
    pub(super) purpose: Purpose,
    pub(super) blocks: u16,
    pub(super) waker: Option<Waker>,
}

impl State {
    pub(super) const NEW: Self = Self {
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
        wake: None,
    };

    /// Takes a block for `purpose`: its number, which is also that of its view.
    #[inline]
    pub(super) fn take(&mut self, pool: Pool, purpose: Purpose) -> Option<u16> {
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

    /// Forgets what has failed, and how few were ever free.
    #[cfg(all(ip, feature = "statistics"))]
    pub(super) fn reset_stats(&mut self) {
        let PoolStats {
            blocks,
            headers,
            views,
            held,
            sent,
            ..
        } = self.stats;
        self.stats = PoolStats {
            blocks,
            blocks_low: self.blocks_left,
            headers,
            headers_low: self.headers_left,
            views,
            views_low: self.views_left,
            held,
            sent,
            ..PoolStats::NEW
        };
    }

    /// Whether there are so many blocks for `purpose`.
    pub(super) fn has(&self, purpose: Purpose, blocks: u16) -> bool {
        let left = |free: u16| free >= blocks;
        match purpose {
            Purpose::Receive => left(self.blocks_left),
            Purpose::Send => {
                let most = self.limits.send.saturating_sub(self.stats.sent);
                left(self.blocks_left.min(most))
            }
            Purpose::Header => left(self.headers_left.saturating_sub(self.limits.control)),
            Purpose::Control => left(self.blocks_left.saturating_add(self.headers_left)),
        }
    }

    #[inline]
    pub(super) fn take_block(&mut self, pool: Pool) -> Option<u16> {
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
    pub(super) fn take_header(&mut self, pool: Pool) -> Option<u16> {
        let index = self.free_headers;
        if index == NONE {
            return None;
        }
        self.free_headers = pool.view(index).next.get();
        self.headers_left -= 1;
        self.stats.headers_low = self.stats.headers_low.min(self.headers_left);
        Some(index)
    }

    pub(super) fn take_view(&mut self, pool: Pool) -> Option<u16> {
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
    pub(super) fn give_back(&mut self, pool: Pool, index: u16) -> bool {
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
    pub(super) fn discharge(&mut self, block: &Block, tagged: u16) {
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
    pub(super) fn charge(&mut self, block: &Block, charge: Charge) -> Result<(), NoBuffer> {
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
