//! What holds of a pool at any time: free lists, counts and charges agree.

use super::{NONE, NetBuf, Pool, STATIC};
use crate::netbuf::pool::BLOCK;
use crate::sync::Ordering;

impl Pool {
    /// Looks whether the free lists, the counts of views and the charges of the pool agree, and
    /// returns how many views there are of its blocks. In builds with debug assertions only.
    ///
    /// # Panics
    ///
    /// If they do not, which is a defect of this crate.
    pub fn check(self) -> usize {
        self.0.section.with(|state| {
            let layout = self.layout();
            let walk = |first: u16, most: u16| {
                let (mut index, mut length) = (first, 0);
                while index != NONE && length <= most {
                    (index, length) = (self.view(index).next.get(), length + 1);
                }
                length
            };
            let all = layout.all_blocks;
            assert_eq!(walk(state.free_blocks, all), state.blocks_left);
            assert_eq!(walk(state.free_headers, all), state.headers_left);
            assert_eq!(walk(state.free_views, u16::MAX - 1), state.views_left);
            let (mut views, mut free, mut held, mut sent) = (0, 0, 0, 0);
            for number in 0..all {
                let block = self.state(number);
                let seen = block.views.load(Ordering::Relaxed);
                assert!(block.held.get() + block.sent.get() <= seen);
                views += usize::from(seen);
                free += u16::from(seen == 0);
                held += u16::from(block.held.get() > 0);
                sent += u16::from(block.sent.get() > 0);
            }
            assert_eq!(free, state.blocks_left + state.headers_left);
            assert_eq!((held, sent), (state.stats.held, state.stats.sent));
            views
        })
    }
}

impl NetBuf {
    /// The views of blocks of `pool` in this buffer, whose lengths have to add up.
    #[cfg_attr(not(ip), allow(dead_code))]
    pub(crate) fn views_of(&self, pool: Pool) -> usize {
        let (mut views, mut length, mut index) = (0, 0, self.head);
        loop {
            let view = self.pool.view(index);
            views += usize::from(view.block.get() & BLOCK != STATIC);
            length += view.length.get();
            if index == self.tail {
                break;
            }
            index = view.next.get();
        }
        assert_eq!(length, self.length);
        match self.pool.is(pool) {
            true => views,
            false => 0,
        }
    }
}
