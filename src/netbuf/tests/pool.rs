//! Who gets a block, who waits, and what is kept for whom.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec::Vec;

use super::super::pool::{CacheAligned, HEADER_BLOCK};
use super::*;
use crate::config;

extern crate std;

/// Takes blocks for `purpose` until there are no more.
fn take_all(pool: Pool, purpose: Purpose) -> Vec<NetBuf> {
    core::iter::from_fn(|| pool.alloc(purpose, 0).ok()).collect()
}

/// Receives blocks and holds them, until the bound is reached.
fn hold_all(pool: Pool) -> Vec<NetBuf> {
    core::iter::from_fn(|| {
        let mut buf = pool.alloc(Purpose::Receive, 0).ok()?;
        buf.set_charge(Charge::Held).ok()?;
        Some(buf)
    })
    .collect()
}

#[test]
fn bounds_are_those_of_the_table() {
    assert_eq!(
        small().limits(),
        Limits {
            held: 3,
            send: 3,
            control: 1
        }
    );
    let large = Box::leak(Box::new(NetBufPool::<64, 64, 16>::new())).pool();
    assert_eq!(
        large.limits(),
        Limits {
            held: 24,
            send: 24,
            control: 4
        }
    );
}

#[test]
fn with_held_and_sent_at_their_bounds_frames_still_come_in() {
    let pool = small();
    let held = hold_all(pool);
    let sent = take_all(pool, Purpose::Send);
    assert_eq!((held.len(), sent.len()), (3, 3));
    let stats = pool.stats();
    assert_eq!((stats.held, stats.sent), (3, 3));
    assert_eq!((stats.held_failures, stats.send_failures), (1, 1));
    let received = take_all(pool, Purpose::Receive);
    assert_eq!(received.len(), 2);
    assert_eq!(pool.stats().receive_failures, 1);
    drop((held, sent, received));
    assert_unused(pool);
}

#[test]
fn a_quarter_of_the_header_blocks_is_kept_for_control() {
    let pool = small();
    let headers = take_all(pool, Purpose::Header);
    assert_eq!(headers.len(), 3);
    assert_eq!(pool.stats().header_failures, 1);
    let control = pool.alloc(Purpose::Control, 0).unwrap();
    assert_eq!(used(pool), (0, 4, 0));
    // Then data blocks serve.
    let more = pool.alloc(Purpose::Control, 0).unwrap();
    assert_eq!(used(pool), (1, 4, 0));
    let rest = take_all(pool, Purpose::Control);
    assert_eq!(rest.len(), 7);
    assert_eq!(pool.stats().control_failures, 1);
    drop((headers, control, more, rest));
    assert_unused(pool);
}

#[test]
fn bounds_can_be_set_and_what_is_beyond_them_stays() {
    let pool = small();
    let mut sent = take_all(pool, Purpose::Send);
    pool.set_limits(Limits {
        held: 0,
        send: 2,
        control: 0,
    });
    assert_eq!(pool.stats().sent, 3);
    drop(sent.pop());
    assert!(pool.alloc(Purpose::Send, 0).is_err());
    drop(sent.pop());
    sent.push(pool.alloc(Purpose::Send, 0).unwrap());
    assert_eq!(hold_all(pool).len(), 0);
    assert_eq!(take_all(pool, Purpose::Header).len(), 4);
    drop(sent);
    assert_unused(pool);
}

#[test]
fn a_block_is_charged_once_however_many_views_see_it() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.append(&pattern(100)).unwrap();
    buf.set_charge(Charge::Held).unwrap();
    let mut clones: Vec<_> = (0..5).map(|_| buf.try_clone().unwrap()).collect();
    assert_eq!(pool.stats().held, 1);
    drop(buf);
    assert_eq!(pool.stats().held, 1);
    // Under two charges it counts under each.
    clones[0].set_charge(Charge::Send).unwrap();
    assert_eq!((pool.stats().held, pool.stats().sent), (1, 1));
    clones[1].set_charge(Charge::Flow).unwrap();
    clones.truncate(2);
    assert_eq!((pool.stats().held, pool.stats().sent), (0, 1));
    drop(clones);
    assert_unused(pool);
}

#[test]
fn a_charge_goes_where_the_bytes_go() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Send, 0).unwrap();
    buf.append(&pattern(300)).unwrap();
    assert_eq!(pool.stats().sent, 3);
    let mut front = buf.split_to(150).unwrap();
    let slice = buf.slice(20..120).unwrap();
    let clone = front.try_clone().unwrap();
    for part in [&front, &buf, &slice, &clone] {
        assert_eq!(part.charge(), Charge::Send);
    }
    front.join(buf).unwrap();
    assert_eq!(front.charge(), Charge::Send);
    assert_eq!(pool.stats().sent, 3);
    drop(front);
    // The clone has the first two blocks, the slice the last two.
    assert_eq!(pool.stats().sent, 3);
    drop(clone);
    assert_eq!(pool.stats().sent, 2);
    drop(slice);
    assert_unused(pool);
}

#[test]
fn a_packet_that_cannot_be_held_whole_is_dropped_without_a_trace() {
    let pool = small();
    let held: Vec<_> = hold_all(pool).into_iter().take(2).collect();
    let mut buf = pool.alloc_chain(Purpose::Receive, 0, 300).unwrap();
    assert_eq!(buf.set_charge(Charge::Held), Err(NoBuffer));
    assert_eq!(pool.stats().held, 3);
    drop(buf);
    assert_eq!(pool.stats().held, 2);
    drop(held);
    assert_unused(pool);
}

#[test]
fn low_water_marks_remember_the_worst() {
    let pool = small();
    drop(take_all(pool, Purpose::Receive).split_off(3));
    let views: Vec<_> = (0..6).map(|_| pool.from_static(b"x").unwrap()).collect();
    drop(views);
    drop(take_all(pool, Purpose::Header));
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_low, stats.headers_low, stats.views_low),
        (0, 1, 2)
    );
    assert_eq!(used(pool), (0, 0, 0));
    assert_unused(pool);
}

#[test]
fn spare_views_run_out_one_by_one_and_are_counted() {
    let pool = small();
    let buf = pool.alloc_chain(Purpose::Receive, 0, 200).unwrap();
    let clones: Vec<_> = core::iter::from_fn(|| buf.try_clone().ok()).collect();
    // Two views each; what a clone that fails has taken comes back.
    assert_eq!(clones.len(), 4);
    assert_eq!((used(pool), pool.stats().view_failures), ((2, 0, 8), 1));
    let one = clones.into_iter().next().unwrap();
    assert_eq!(used(pool), (2, 0, 2));
    drop((one, buf));
    assert_unused(pool);
}

#[test]
fn a_chain_longer_than_the_pool_is_refused_and_leaves_nothing_behind() {
    let pool = small();
    for length in [8 * 128 + 1, 1 << 20, usize::MAX] {
        assert!(pool.alloc_chain(Purpose::Receive, 0, length).is_err());
        assert_unused(pool);
    }
    let whole = pool.alloc_chain(Purpose::Receive, 0, 8 * 128).unwrap();
    assert_eq!(whole.fragments().count(), 8);
    drop(whole);
    // All of the first block may be headroom.
    let behind = pool.alloc_chain(Purpose::Receive, usize::MAX, 100).unwrap();
    assert_eq!((behind.headroom(), behind.len()), (128, 100));
    drop(behind);
    assert_unused(pool);
}

#[test]
fn blocks_have_the_size_asked_for_and_are_aligned() {
    let odd = Box::leak(Box::new(NetBufPool::<4, 67, 4, 4>::new())).pool();
    let lines = Box::leak(Box::new(NetBufPool::<4, 100, 4, 4, CacheAligned>::new())).pool();
    for (pool, size, alignment) in [(odd, 67, 4), (lines, 100, 32)] {
        assert_eq!(pool.block_size(), size);
        for purpose in [Purpose::Receive, Purpose::Control] {
            for mut buf in take_all(pool, purpose) {
                let room = buf.tailroom();
                assert!(room == size || room == HEADER_BLOCK && purpose == Purpose::Control);
                buf.append(&pattern(room)).unwrap();
                assert_eq!(buf.first().as_ptr() as usize % alignment, 0);
                assert_eq!(buf.fragments().count(), 1);
            }
        }
        assert_unused(pool);
    }
}

/// A task that waits for a block, and how often it was woken.
struct Waiter {
    wakes: Arc<Count>,
    future: Pin<Box<dyn Future<Output = NetBuf>>>,
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        let _: u32 = self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Waiter {
    fn new(pool: Pool, purpose: Purpose) -> Self {
        Self {
            wakes: Arc::default(),
            future: Box::pin(pool.alloc_async(purpose, 0)),
        }
    }

    fn poll(&mut self) -> Option<NetBuf> {
        let waker = Waker::from(self.wakes.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(buf) => Some(buf),
            Poll::Pending => None,
        }
    }

    /// Whether it was woken since the last call.
    fn woken(&self) -> bool {
        self.wakes.0.swap(0, Ordering::Relaxed) > 0
    }
}

#[test]
fn first_come_first_served() {
    let pool = small();
    let mut blocks = take_all(pool, Purpose::Receive);
    let mut waiters: Vec<_> = (0..3)
        .map(|_| Waiter::new(pool, Purpose::Receive))
        .collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_none()));
    assert!(waiters.iter().all(|waiter| !waiter.woken()));
    drop(blocks.pop());
    // Another that asks out of turn waits.
    assert!(waiters[1].poll().is_none());
    assert!(Waiter::new(pool, Purpose::Receive).poll().is_none());
    assert!(waiters[0].woken() && !waiters[1].woken());
    blocks.push(waiters[0].poll().unwrap());
    drop(waiters.remove(0));
    assert!(!waiters[0].woken());
    drop(blocks.drain(..2));
    // Two blocks: the second in line is woken when the first has what it wanted.
    assert!(waiters[0].woken() && !waiters[1].woken());
    let first = waiters[0].poll().unwrap();
    assert!(waiters[1].woken());
    let second = waiters[1].poll().unwrap();
    drop((first, second, blocks, waiters));
    assert_unused(pool);
}

#[test]
fn who_leaves_the_line_passes_the_turn_on() {
    let pool = small();
    let mut blocks = take_all(pool, Purpose::Receive);
    let mut first = Waiter::new(pool, Purpose::Receive);
    let mut second = Waiter::new(pool, Purpose::Receive);
    assert!(first.poll().is_none() && second.poll().is_none());
    drop(blocks.pop());
    assert!(first.woken() && !second.woken());
    drop(first);
    assert!(second.woken());
    blocks.push(second.poll().unwrap());
    drop((blocks, second));
    assert_unused(pool);
}

#[test]
fn who_waits_to_send_does_not_stop_who_waits_to_receive() {
    let pool = small();
    let sent = take_all(pool, Purpose::Send);
    let mut sender = Waiter::new(pool, Purpose::Send);
    assert!(sender.poll().is_none());
    // Blocks are free, so a receiver does not wait.
    let mut receiver = Waiter::new(pool, Purpose::Receive);
    let received = receiver.poll().unwrap();
    let mut rest = take_all(pool, Purpose::Receive);
    let mut receiver = Waiter::new(pool, Purpose::Receive);
    assert!(receiver.poll().is_none());
    drop(rest.pop());
    assert!(receiver.woken() && !sender.woken());
    let more = receiver.poll().unwrap();
    drop((sent, received, rest, more, sender, receiver));
    assert_unused(pool);
}

#[test]
fn whatever_makes_room_wakes_who_waits_for_it() {
    let pool = small();
    // A header block for a waiter for one.
    let mut headers = take_all(pool, Purpose::Header);
    let mut waiter = Waiter::new(pool, Purpose::Header);
    assert!(waiter.poll().is_none());
    drop(headers.pop());
    assert!(waiter.woken());
    drop((waiter.poll().unwrap(), headers));

    // Room under the bound of what is sent: a view is dropped while another sees the block ...
    let mut sent = take_all(pool, Purpose::Send);
    let mut clone = sent[0].try_clone().unwrap();
    clone.set_charge(Charge::Flow).unwrap();
    let mut waiter = Waiter::new(pool, Purpose::Send);
    assert!(waiter.poll().is_none());
    drop(sent.remove(0));
    assert!(waiter.woken());
    sent.push(waiter.poll().unwrap());
    // ... or charged otherwise ...
    let mut waiter = Waiter::new(pool, Purpose::Send);
    assert!(waiter.poll().is_none());
    sent[0].set_charge(Charge::Flow).unwrap();
    assert!(waiter.woken());
    sent.push(waiter.poll().unwrap());
    // ... or the bound is set higher.
    let mut waiter = Waiter::new(pool, Purpose::Send);
    assert!(waiter.poll().is_none());
    let limits = pool.limits();
    pool.set_limits(Limits { send: 4, ..limits });
    assert!(waiter.woken());
    sent.push(waiter.poll().unwrap());
    drop((sent, clone, waiter));
    assert_unused(pool);
}

#[test]
fn more_waiters_than_places_all_get_a_block() {
    for purposes in [&[Purpose::Receive][..], &[Purpose::Send, Purpose::Receive]] {
        let pool = small();
        let mut blocks = take_all(pool, Purpose::Send);
        blocks.extend(take_all(pool, Purpose::Receive));
        let mut waiters: Vec<_> = (0..3 * config::POOL_WAITERS)
            .map(|index| Waiter::new(pool, purposes[index % purposes.len()]))
            .collect();
        for waiter in &mut waiters {
            assert!(waiter.poll().is_none());
        }
        // An executor that polls who was woken, in order; now and then a block comes back.
        for round in 0..1000 {
            if round % 10 == 0 {
                drop(blocks.pop());
            }
            let mut index = 0;
            while let Some(waiter) = waiters.get_mut(index) {
                match waiter.woken().then(|| waiter.poll()).flatten() {
                    Some(buf) => {
                        blocks.insert(0, buf);
                        drop(waiters.remove(index));
                    }
                    None => index += 1,
                }
            }
        }
        assert_eq!(waiters.len(), 0);
        drop(blocks);
        assert_unused(pool);
    }
}

#[test]
fn a_place_in_line_is_kept_however_many_come_and_go() {
    let pool = small();
    let mut blocks = take_all(pool, Purpose::Receive);
    let mut first = Waiter::new(pool, Purpose::Receive);
    assert!(first.poll().is_none());
    for _ in 0..0x10010 {
        let mut other = Waiter::new(pool, Purpose::Receive);
        assert!(other.poll().is_none());
    }
    drop(blocks.pop());
    assert!(first.woken());
    drop((first.poll().unwrap(), first, blocks));
    assert_unused(pool);
}

#[test]
fn a_full_pool_is_shared_between_threads() {
    let pool = small();
    let threads: Vec<_> = (0..3u8)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..2000usize {
                    let Ok(mut buf) = pool.alloc(Purpose::Receive, 0) else {
                        continue;
                    };
                    let mine = std::vec![thread; round % 200];
                    if buf.append(&mine).is_ok() {
                        let clone = buf.try_clone();
                        assert!(buf.equals(&mine));
                        drop(buf);
                        assert!(clone.is_ok_and(|clone| clone.equals(&mine)));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_unused(pool);
}
