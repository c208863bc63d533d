//! The bytes of a stream, against a `Vec<u8>`.

use std::boxed::Box;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

extern crate std;

#[test]
fn slices_are_the_bytes_at_their_offsets_whatever_happens_to_the_queue() {
    let pool = Box::leak(Box::new(NetBufPool::<24, 64, 4, 48>::new())).pool();
    let steps = vec(any::<(u8, u16, u16)>(), 1..120);
    let mut runner = TestRunner::new(Config::with_cases(500));
    runner
        .run(&steps, |steps| {
            let mut queue = SendQueue::new();
            let mut model: Vec<u8> = Vec::new();
            let mut slices: Vec<(NetBuf, Vec<u8>)> = Vec::new();
            // Where the next slice in order starts: what a sender calls snd_nxt.
            let mut next = 0;
            let mut fill = 0u8;
            for (what, x, y) in steps {
                let mut bytes: Vec<u8> = Vec::new();
                for _ in 0..x % 150 {
                    fill = fill.wrapping_mul(5).wrapping_add(1);
                    bytes.push(fill);
                }
                let at = usize::from(x) % (model.len() + 2);
                match what % 9 {
                    0 | 1 => {
                        if queue.append(&bytes).is_ok() {
                            model.extend(&bytes);
                        }
                    }
                    2 | 3 => {
                        let Ok(mut buf) = pool.alloc(Purpose::Receive, usize::from(y) % 70) else {
                            continue;
                        };
                        if buf.append(&bytes).is_ok() {
                            queue.push(buf).unwrap();
                            model.extend(&bytes);
                        }
                    }
                    4 => {
                        queue.advance(at);
                        let _: Vec<u8> = model.drain(..at.min(model.len())).collect();
                        next = next.max(at) - at;
                    }
                    5 | 6 => {
                        // In order.
                        let length = usize::from(y) % 100;
                        next = next.min(model.len());
                        if let Ok(slice) = queue.slice(next, length) {
                            let end = (next + length).min(model.len());
                            slices.push((slice, model[next..end].to_vec()));
                            next = end;
                        }
                    }
                    7 => {
                        // Anywhere.
                        let length = usize::from(y) % 100;
                        if let Ok(slice) = queue.slice(at, length) {
                            let start = at.min(model.len());
                            let end = (start + length).min(model.len());
                            slices.push((slice, model[start..end].to_vec()));
                        }
                    }
                    _ => {
                        if !slices.is_empty() {
                            let index = usize::from(x) % slices.len();
                            let _: (NetBuf, Vec<u8>) = slices.swap_remove(index);
                        }
                    }
                }
                assert_eq!(
                    (queue.len(), queue.is_empty()),
                    (model.len(), model.is_empty())
                );
                assert!(model.starts_with(queue.bytes().first()));
                assert!(queue.bytes().get().is_none_or(|buf| buf.equals(&model)));
                for (slice, bytes) in &slices {
                    assert!(slice.equals(bytes), "{slice:?} is not {bytes:?}");
                }
            }
            drop((queue, slices));
            assert_unused(pool);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_empty_queue_takes_a_buffer_but_no_bytes() {
    let (pool, other) = (small(), small());
    let mut queue = SendQueue::new();
    assert_eq!(queue.append(b"x"), Err(NoBuffer));
    assert!(queue.slice(0, 1).is_err());
    queue.advance(1);
    let with = |pool: Pool| {
        let mut buf = pool.alloc(Purpose::Send, 0).unwrap();
        buf.append(b"abc").unwrap();
        buf
    };
    queue.push(with(pool)).unwrap();
    assert!(queue.push(with(other)).is_err());
    queue.append(b"def").unwrap();
    assert_eq!(
        (queue.bytes().first(), used(pool)),
        (&b"abcdef"[..], (1, 0, 0))
    );
    queue.advance(6);
    assert_unused(pool);
    queue.push(with(other)).unwrap();
    assert!(queue.slice(0, usize::MAX).unwrap().equals(b"abc"));
    drop(queue);
    assert_unused(other);
}

#[test]
fn what_is_appended_behind_a_slice_goes_into_the_same_block() {
    let pool = small();
    let mut queue = SendQueue::new();
    queue.push(pool.alloc(Purpose::Send, 0).unwrap()).unwrap();
    let mut slices = Vec::new();
    for round in 0..5 {
        queue.append(&[round; 20]).unwrap();
        slices.push(queue.slice(usize::from(round) * 20, 20).unwrap());
    }
    assert_eq!(used(pool), (1, 0, 5));
    for (round, slice) in (0..).zip(&slices) {
        assert!(slice.equals(&[round; 20]));
    }
    drop((queue, slices));
    assert_unused(pool);
}

#[test]
fn what_is_split_off_a_queue_is_its_front_whatever_was_put_in() {
    let pool = Box::leak(Box::new(NetBufPool::<24, 64, 4, 48>::new())).pool();
    let steps = vec(any::<(u8, u16, u16)>(), 1..80);
    let mut runner = TestRunner::new(Config::with_cases(300));
    runner
        .run(&steps, |steps| {
            let mut queue = ByteQueue::new();
            let mut model: Vec<u8> = Vec::new();
            for (what, x, y) in steps {
                let bytes: Vec<u8> = (0..x % 140).map(|at| (at ^ y) as u8).collect();
                let at = usize::from(x) % (model.len() + 2);
                match what % 4 {
                    0 | 1 => {
                        let Ok(mut buf) = pool.alloc(Purpose::Receive, usize::from(y) % 70) else {
                            continue;
                        };
                        if buf.append(&bytes).is_ok() {
                            if what % 4 == 0 && queue.coalesce(&buf) {
                                prop_assert!(bytes.len() <= 128);
                            } else {
                                queue.push(buf).unwrap();
                            }
                            model.extend(&bytes);
                        }
                    }
                    2 => {
                        queue.advance(at);
                        let _: Vec<u8> = model.drain(..at.min(model.len())).collect();
                    }
                    _ => {
                        if let Ok(front) = queue.split_to(at) {
                            let bytes: Vec<u8> = model.drain(..at.min(model.len())).collect();
                            prop_assert!(front.equals(&bytes));
                        }
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert!(queue.get().is_none_or(|buf| buf.equals(&model)));
            }
            drop(queue);
            assert_unused(pool);
            Ok(())
        })
        .unwrap();
}
