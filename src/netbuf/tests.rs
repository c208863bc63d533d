extern crate std;

use super::*;

type Small = NetBufPool<8, 128, 4, 8>;

fn pool() -> Pool {
    std::boxed::Box::leak(std::boxed::Box::new(Small::new())).pool()
}

#[test]
fn a_fresh_pool_is_all_zeroes_but_for_nothing() {
    let pool = pool();
    let stats = pool.stats();
    assert_eq!((stats.blocks, stats.headers, stats.views), (8, 4, 8));
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
}

#[test]
fn appended_bytes_come_back_across_blocks() {
    let pool = pool();
    let mut buf = pool.alloc(Purpose::Receive, 2).unwrap();
    let bytes: std::vec::Vec<u8> = (0..300u16).map(|i| i as u8).collect();
    buf.append(&bytes).unwrap();
    assert!(buf.equals(&bytes));
    let front = buf.split_to(100).unwrap();
    assert!(front.equals(&bytes[..100]));
    assert!(buf.equals(&bytes[100..]));
    drop((front, buf));
    assert_eq!(pool.stats().blocks_used, 0);
    assert_eq!(pool.stats().views_used, 0);
}
