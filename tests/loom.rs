//! The pool and the port under every interleaving of two threads with up to three preemptions.
//!
//! `RUSTFLAGS="--cfg loom_models" cargo test --no-default-features --test loom`
//!
//! Loom sees atomics, sections and its own cells, but not the bytes of a block. A [`Guard`] stands
//! in for those: it is read where a test reads bytes, and written where it writes them, so that
//! loom reports whatever the pool leaves unordered.
#![cfg(loom_models)]
#![allow(unsafe_code)]

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::future::block_on;
use loom::model::Builder;
use loom::thread::{self, JoinHandle};
use zonda::link::{Capabilities, LinkState, Port};
use zonda::netbuf::{Charge, NetBuf, NetBufPool, Pool, Purpose};

type Small = NetBufPool<4, 64, 4, 4>;

/// Runs `test` on a pool of its own in every interleaving, and looks that all comes back.
fn model(test: impl Fn(Pool) + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let memory = Box::into_raw(Box::new(Small::new()));
        // SAFETY: the pool outlives the test, which joins its threads and keeps no packet.
        let pool = unsafe { &*memory }.pool();
        test(pool);
        let stats = pool.stats();
        assert_eq!((stats.blocks_used, stats.headers_used), (0, 0));
        assert_eq!((stats.views_used, stats.held, stats.sent), (0, 0, 0));
        // Each block is in the list once.
        let all: [NetBuf; 4] = core::array::from_fn(|_| packet(pool, b"x"));
        let mut places = all.each_ref().map(|buf| buf.first().as_ptr());
        places.sort();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        drop(all);
        // SAFETY: it came from a box, and nothing points into it any more.
        drop(unsafe { Box::from_raw(memory) });
    });
}

fn packet(pool: Pool, bytes: &[u8]) -> NetBuf {
    let mut buf = pool.alloc(Purpose::Receive, 8).unwrap();
    buf.append(bytes).unwrap();
    buf
}

/// Stands for the bytes of a block.
#[derive(Clone)]
struct Guard(Arc<UnsafeCell<()>>);

// SAFETY: loom itself finds the accesses that are not ordered, and that is the test.
unsafe impl Send for Guard {}

impl Guard {
    fn new() -> Self {
        Self(Arc::new(UnsafeCell::new(())))
    }

    fn read(&self) {
        self.0.with(|_| ());
    }

    fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

/// Starts another thread, which loom then tries to run first and last and in between: it does not
/// by itself switch to a thread that has not begun.
fn spawn<R: 'static>(work: impl FnOnce() -> R + 'static) -> JoinHandle<R> {
    let other = thread::spawn(work);
    thread::yield_now();
    other
}

#[test]
fn no_block_is_given_to_two_threads_and_all_come_back() {
    model(|pool| {
        let guards: [Guard; 4] = core::array::from_fn(|_| Guard::new());
        let place = |buf: &NetBuf| buf.first().as_ptr() as usize;
        let all: [NetBuf; 4] = core::array::from_fn(|_| packet(pool, b"x"));
        let base = all.iter().map(place).min().unwrap();
        drop(all);
        let work = move |guards: [Guard; 4]| {
            for _ in 0..2 {
                let buf = packet(pool, b"x");
                guards[(place(&buf) - base) / 64].write();
            }
        };
        let theirs = guards.clone();
        let other = spawn(move || work(theirs));
        work(guards);
        other.join().unwrap();
    });
}

#[test]
fn a_block_is_shared_while_another_view_of_it_is_dropped() {
    model(|pool| {
        let buf = packet(pool, b"abc");
        let theirs = buf.try_clone().unwrap();
        let other = spawn(move || drop(theirs));
        let clone = buf.try_clone().unwrap();
        drop(buf);
        assert!(clone.equals(b"abc"));
        drop(clone);
        other.join().unwrap();
    });
}

#[test]
fn the_last_two_views_are_dropped_at_once() {
    model(|pool| {
        let mut buf = pool.alloc(Purpose::Send, 0).unwrap();
        buf.append(b"abc").unwrap();
        buf.set_charge(Charge::Held).unwrap();
        let mut theirs = buf.try_clone().unwrap();
        let other = spawn(move || {
            theirs.set_charge(Charge::Send).unwrap();
            drop(theirs);
        });
        drop(buf);
        other.join().unwrap();
    });
}

#[test]
fn the_rest_of_a_shared_block_goes_to_exactly_one() {
    model(|pool| {
        let guard = Guard::new();
        let append = |mut buf: NetBuf, byte: u8, guard: Guard| {
            buf.append(&[byte]).unwrap();
            assert!(buf.equals(&[b'a', b'b', byte]));
            let won = buf.fragments().count() == 1;
            if won {
                guard.write();
            }
            (buf, won)
        };
        let buf = packet(pool, b"ab");
        let theirs = buf.try_clone().unwrap();
        let other = spawn({
            let guard = guard.clone();
            move || append(theirs, b'x', guard)
        });
        let (mine, won) = append(buf, b'y', guard);
        let (theirs, lost) = other.join().unwrap();
        assert!(won != lost);
        assert!(mine.equals(b"aby") && theirs.equals(b"abx"));
    });
}

#[test]
fn bytes_are_written_only_after_the_other_has_read_them() {
    model(|pool| {
        let guard = Guard::new();
        let mut buf = packet(pool, b"abcd");
        let theirs = buf.try_clone().unwrap();
        let other = spawn({
            let guard = guard.clone();
            move || {
                assert!(theirs.equals(b"abcd"));
                guard.read();
                drop(theirs);
            }
        });
        if let Some(header) = buf.header_mut::<4>(0) {
            guard.write();
            *header = *b"wxyz";
        }
        if buf.headroom() > 0 {
            guard.write();
            buf.prepend(1).unwrap().fill(0);
        }
        drop(buf);
        other.join().unwrap();
    });
}

#[test]
fn a_block_that_comes_back_is_ordered_behind_who_had_it() {
    model(|pool| {
        let guard = Guard::new();
        let mut all: Vec<NetBuf> = (0..4).map(|_| packet(pool, b"x")).collect();
        let theirs = all.pop().unwrap();
        let other = spawn({
            let guard = guard.clone();
            move || {
                guard.write();
                drop(theirs);
            }
        });
        if let Ok(buf) = pool.alloc(Purpose::Receive, 0) {
            guard.write();
            drop(buf);
        }
        other.join().unwrap();
        drop(all);
    });
}

#[test]
fn who_waits_for_a_block_is_woken_when_another_thread_gives_one_back() {
    model(|pool| {
        let mut all: Vec<NetBuf> = (0..4).map(|_| packet(pool, b"x")).collect();
        let theirs = all.pop().unwrap();
        let other = spawn(move || drop(theirs));
        drop(block_on(pool.alloc_async(Purpose::Receive, 0)));
        other.join().unwrap();
        drop(all);
    });
}

#[test]
fn who_waits_to_send_is_woken_when_there_is_room_under_the_bound() {
    model(|pool| {
        // One block may be sent; the view that stays is charged to nobody.
        let mut sent = pool.alloc(Purpose::Send, 0).unwrap();
        let stays = {
            let mut clone = sent.try_clone().unwrap();
            clone.set_charge(Charge::Flow).unwrap();
            clone
        };
        let other = spawn(move || {
            sent.set_charge(Charge::Flow).unwrap();
            sent
        });
        drop(block_on(pool.alloc_async(Purpose::Send, 0)));
        drop((other.join().unwrap(), stays));
    });
}

#[test]
fn two_who_wait_for_one_block_both_get_it() {
    model(|pool| {
        let mut all: Vec<NetBuf> = (0..4).map(|_| packet(pool, b"x")).collect();
        let other = spawn(move || {
            drop(block_on(pool.alloc_async(Purpose::Receive, 0)));
        });
        drop(all.pop());
        drop(block_on(pool.alloc_async(Purpose::Receive, 0)));
        other.join().unwrap();
        drop(all);
    });
}

#[test]
fn a_driver_that_waits_is_woken_by_a_frame_from_another_thread() {
    model(|pool| {
        let port = Arc::new(Port::new(Capabilities::ip(1500)));
        port.split().0.set_link(LinkState::Up);
        let other = spawn({
            let port = port.clone();
            move || {
                let (_, stack) = port.split();
                stack.send(packet(pool, b"x")).unwrap();
                stack.wake_driver();
            }
        });
        let (driver, stack) = port.split();
        let buf = block_on(driver.next_tx());
        assert!(driver.deliver(buf).is_ok());
        assert_eq!(stack.receive().0.len(), 1);
        other.join().unwrap();
    });
}
