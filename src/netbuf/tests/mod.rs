//! Pools of a few blocks, and what every test looks at when it is done.

extern crate std;

use std::boxed::Box;
use std::vec::Vec;

use super::*;

mod operations;
mod pool;
mod queue;
mod stream;

/// The pool of the numbers in the documentation: 8 blocks of 128 bytes.
pub(super) type Small = NetBufPool<8, 128, 4, 8>;

pub(super) fn small() -> Pool {
    Box::leak(Box::new(Small::new())).pool()
}

/// `length` bytes of a pattern that does not repeat at a block's size.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// Whatever has happened, all is back where it came from.
pub(super) fn assert_unused(pool: Pool) {
    let stats = pool.stats();
    assert_eq!((stats.blocks_used, stats.headers_used), (0, 0), "{stats:?}");
    assert_eq!(stats.views_used, 0, "{stats:?}");
    assert_eq!((stats.held, stats.sent), (0, 0), "{stats:?}");
    // The lists are as long as the counts say.
    let blocks: Vec<_> = (0..stats.blocks)
        .map(|_| pool.alloc(Purpose::Receive, 0).unwrap())
        .collect();
    let headers: Vec<_> = (0..stats.headers)
        .map(|_| pool.alloc(Purpose::Control, 0).unwrap())
        .collect();
    let views: Vec<_> = (0..stats.views)
        .map(|_| pool.from_static(b"").unwrap())
        .collect();
    let full = pool.stats();
    assert_eq!(
        (full.blocks_used, full.headers_used, full.views_used),
        (stats.blocks, stats.headers, stats.views)
    );
    drop((blocks, headers, views));
}

/// Blocks, headers and views in use.
pub(super) fn used(pool: Pool) -> (u16, u16, u16) {
    let stats = pool.stats();
    (stats.blocks_used, stats.headers_used, stats.views_used)
}

#[test]
fn a_fresh_pool_is_all_free() {
    let pool = small();
    let stats = pool.stats();
    assert_eq!((stats.blocks, stats.headers, stats.views), (8, 4, 8));
    assert_eq!(used(pool), (0, 0, 0));
    assert_unused(pool);
}
