//! Random operations on several buffers that share blocks, each against a `Vec<u8>`; and the
//! corners that a design makes promises about.

use std::boxed::Box;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::pool::HEADER_BLOCK;
use super::*;
use crate::checksum::Sum;

extern crate std;

static FLASH: [u8; 400] = {
    let mut bytes = [0; 400];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = (index * 7 % 253) as u8;
        index += 1;
    }
    bytes
};

/// A step: what to do, with which buffer, and three numbers to do it with.
type Step = (u8, u8, u16, u16, u8);

/// The buffers that live, each beside the bytes it is to have.
struct World {
    pool: Pool,
    other: Pool,
    all: Vec<(NetBuf, Vec<u8>)>,
    fill: u8,
}

/// Times that the pool had nothing to give, for whatever purpose.
fn failures(pool: Pool) -> u32 {
    let stats = pool.stats();
    stats.receive_failures
        + stats.send_failures
        + stats.header_failures
        + stats.control_failures
        + stats.view_failures
        + stats.held_failures
}

impl World {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| {
                self.fill = self.fill.wrapping_mul(29).wrapping_add(17);
                self.fill
            })
            .collect()
    }

    fn add(&mut self, buf: Result<NetBuf, NoBuffer>, model: Vec<u8>) {
        if let Ok(buf) = buf {
            self.all.push((buf, model));
        }
    }

    fn step(&mut self, (what, which, x, y, z): Step) {
        let size = self.pool.block_size();
        let purpose = [
            Purpose::Receive,
            Purpose::Send,
            Purpose::Header,
            Purpose::Control,
        ][usize::from(z) % 4];
        // With nothing or too much about, take or drop.
        if self.all.is_empty() {
            let buf = self.pool.alloc(purpose, usize::from(x) % (size + 9));
            return self.add(buf, Vec::new());
        }
        let which = usize::from(which) % self.all.len();
        if self.all.len() > 10 {
            let _: (NetBuf, Vec<u8>) = self.all.swap_remove(which);
            return;
        }
        let before = failures(self.pool) + failures(self.other);
        let pieces = self.bytes(usize::from(y) % (size + 70));
        let (buf, model) = &mut self.all[which];
        let own = buf.pool();
        let x = usize::from(x);
        // A place in the buffer, at times a little beyond it.
        let at = x % (model.len() + 3);
        let end = usize::from(y) % (model.len() + 3);
        let cut = |place: usize, model: &Vec<u8>| place.min(model.len());
        let mut error = None;
        match what % 24 {
            0 => {
                let buf = self.pool.alloc(purpose, x % (size + 9));
                self.add(buf, Vec::new());
            }
            1 => {
                let length = usize::from(y) % (3 * size);
                match self.pool.alloc_chain(purpose, x % (size + 9), length) {
                    Ok(buf) => {
                        assert_eq!(buf.len(), length);
                        let model = buf.fragments().flatten().copied().collect();
                        self.all.push((buf, model));
                    }
                    Err(_) => error = Some(false),
                }
            }
            2 => {
                let (start, end) = (x % 400, usize::from(y) % 401);
                let piece = &FLASH[start.min(end)..end];
                let buf = self.pool.from_static(piece);
                self.add(buf, piece.to_vec());
            }
            3 | 4 => {
                let length = x % 140;
                let room = buf.headroom();
                let allowed = length <= HEADER_BLOCK;
                match buf.prepend(length) {
                    Ok(to) => {
                        assert_eq!(to.len(), length);
                        to.copy_from_slice(&FLASH[..length]);
                        model
                            .splice(0..0, FLASH[..length].iter().copied())
                            .for_each(drop);
                    }
                    Err(_) => {
                        assert!(room < length);
                        error = Some(!allowed);
                    }
                }
            }
            5 | 6 => {
                let room = buf.tailroom();
                match buf.append(&pieces) {
                    Ok(()) => model.extend(&pieces),
                    Err(_) => {
                        assert!(room < pieces.len());
                        assert_eq!(buf.tailroom(), room);
                        error = Some(false);
                    }
                }
            }
            7 => match buf.append_summed(&pieces) {
                Ok(sum) => {
                    assert_eq!(sum.finish(), Sum::of(&pieces).finish());
                    model.extend(&pieces);
                }
                Err(_) => error = Some(false),
            },
            8 => {
                buf.advance(at);
                let _: Vec<u8> = model.drain(..cut(at, model)).collect();
            }
            9 => {
                buf.truncate(at);
                model.truncate(at);
            }
            10 | 11 => match buf.split_to(at) {
                Ok(front) => {
                    let part = model.drain(..cut(at, model)).collect();
                    self.all.push((front, part));
                }
                Err(_) => error = Some(false),
            },
            12 | 13 => {
                let (start, end) = (at.min(end), end);
                match buf.slice(start..end) {
                    Ok(slice) => {
                        let part = model[cut(start, model)..cut(end, model)].to_vec();
                        self.all.push((slice, part));
                    }
                    Err(_) => error = Some(false),
                }
            }
            14 => match buf.try_clone() {
                Ok(clone) => {
                    let model = model.clone();
                    self.all.push((clone, model));
                }
                Err(_) => error = Some(false),
            },
            15 | 16 => {
                let (last, bytes) = self.all.swap_remove(x % self.all.len());
                match self.all.get_mut(which) {
                    Some((buf, model)) => match buf.join(last) {
                        Ok(()) => model.extend(bytes),
                        Err(last) => {
                            assert!(!buf.pool().is(last.pool()));
                            self.all.push((last, bytes));
                        }
                    },
                    None => self.all.push((last, bytes)),
                }
            }
            17 => {
                let length = cut(at, model);
                match buf.make_contiguous(at) {
                    Ok(bytes) => {
                        assert_eq!(bytes, &model[..length]);
                        bytes.fill(0x5a);
                        model[..length].fill(0x5a);
                        assert!(buf.first().len() >= length);
                    }
                    Err(_) => error = Some(length > own.block_size()),
                }
            }
            18 => {
                let wanted = usize::from(y) % (2 * size);
                let expected = &model[cut(at, model)..cut(at + wanted, model)];
                let mut bytes = std::vec![0; wanted];
                assert_eq!(buf.read(at, &mut bytes), expected.len());
                assert_eq!(&bytes[..expected.len()], expected);
                assert!(bytes[expected.len()..].iter().all(|&byte| byte == 0));
                let (done, sum) = buf.read_summed(at, &mut bytes);
                assert_eq!(done, expected.len());
                assert_eq!(sum.finish(), Sum::of(expected).finish());
                assert_eq!(
                    buf.sum(at..at + wanted).finish(),
                    Sum::of(expected).finish()
                );
            }
            19 => {
                let expected = cut(at + pieces.len(), model) - cut(at, model);
                match buf.write(at, &pieces) {
                    Ok(done) => {
                        assert_eq!(done, expected);
                        let start = cut(at, model);
                        model[start..start + done].copy_from_slice(&pieces[..done]);
                    }
                    Err(Shared) => {
                        // Those in front of the shared fragment are written.
                        let now: Vec<u8> = buf.fragments().flatten().copied().collect();
                        let mut expected = model.clone();
                        let mut written = at;
                        while expected != now {
                            assert!(written < at + pieces.len() && written < expected.len());
                            expected[written] = pieces[written - at];
                            written += 1;
                        }
                        *model = now;
                    }
                }
            }
            20 => {
                let expected = model.get(at..at + 20);
                let mut straddle = Straddle::new();
                let header: Option<&[u8; 20]> = buf.header(at, &mut straddle);
                assert_eq!(header.map(|header| &header[..]), expected);
                if let Some(header) = buf.header_mut::<8>(at) {
                    assert_eq!(header, &model[at..at + 8]);
                    header.fill(0xa5);
                    model[at..at + 8].fill(0xa5);
                }
            }
            21 => {
                let to = if own.is(self.pool) {
                    self.other
                } else {
                    self.pool
                };
                match buf.copy_to(to, purpose, x % 70) {
                    Ok(copy) => {
                        let model = model.clone();
                        self.all.push((copy, model));
                    }
                    Err(_) => error = Some(false),
                }
            }
            22 => {
                let charge = [Charge::Flow, Charge::Held, Charge::Send][usize::from(z) % 3];
                match buf.set_charge(charge) {
                    Ok(()) => assert_eq!(buf.charge(), charge),
                    Err(_) => {
                        error = Some(false);
                        let _: (NetBuf, Vec<u8>) = self.all.swap_remove(which);
                    }
                }
            }
            _ => {
                let _: (NetBuf, Vec<u8>) = self.all.swap_remove(which);
            }
        }
        // What is refused is refused for a reason, and counted.
        if let Some(reason) = error {
            assert!(reason || failures(self.pool) + failures(self.other) > before);
        }
    }

    fn check(&self) {
        for (buf, model) in &self.all {
            assert_eq!(buf.len(), model.len());
            assert_eq!(buf.is_empty(), model.is_empty());
            assert!(buf.equals(model), "{buf:?} is not {model:?}");
            let length: usize = buf.fragments().map(<[u8]>::len).sum();
            assert_eq!(length, buf.len());
        }
        let (stats, limits) = (self.pool.stats(), self.pool.limits());
        assert!(stats.held <= limits.held && stats.sent <= limits.send);
    }
}

/// Runs random sequences in a pool of blocks of `size` bytes.
fn sequences(pool: Pool) {
    let other = small();
    let steps = vec(any::<Step>(), 1..80);
    let mut runner = TestRunner::new(Config::with_cases(300));
    runner
        .run(&steps, |steps| {
            let mut world = World {
                pool,
                other,
                all: Vec::new(),
                fill: 1,
            };
            for step in steps {
                world.step(step);
                world.check();
            }
            drop(world);
            assert_unused(pool);
            assert_unused(other);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_sequence_in_blocks_of_64() {
    sequences(Box::leak(Box::new(NetBufPool::<12, 64, 4, 8>::new())).pool());
}

#[test]
fn any_sequence_in_blocks_of_128() {
    sequences(Box::leak(Box::new(NetBufPool::<8, 128, 4, 16>::new())).pool());
}

#[test]
fn any_sequence_in_blocks_of_512() {
    sequences(Box::leak(Box::new(NetBufPool::<6, 512, 8, 6>::new())).pool());
}

#[test]
fn any_sequence_in_blocks_of_1536() {
    sequences(Box::leak(Box::new(NetBufPool::<4, 1536, 4, 8>::new())).pool());
}

#[test]
fn what_continues_a_buffer_takes_its_charge() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.set_charge(Charge::Held).unwrap();
    buf.append(&pattern(300)).unwrap();
    assert_eq!(pool.stats().held, 3);
    // Held at its bound: nothing more, and nothing has changed.
    assert_eq!(buf.append(&pattern(100)), Err(NoBuffer));
    assert!(buf.equals(&pattern(300)));
    assert_eq!(pool.stats().held, 3);
    drop(buf);

    let mut buf = pool.from_static(&FLASH).unwrap();
    buf.set_charge(Charge::Send).unwrap();
    buf.append(b"more").unwrap();
    assert_eq!((buf.charge(), pool.stats().sent), (Charge::Send, 1));
    buf.prepend(20).unwrap().fill(0);
    buf.append(&pattern(200)).unwrap();
    assert_eq!((buf.charge(), pool.stats().sent), (Charge::Flow, 2));
    drop(buf);

    let mut buf = pool.from_static(&FLASH).unwrap();
    buf.set_charge(Charge::Held).unwrap();
    let _: &mut [u8] = buf.make_contiguous(20).unwrap();
    assert_eq!((buf.charge(), pool.stats().held), (Charge::Held, 1));
    drop(buf);
    assert_unused(pool);
}

const META: Meta = Meta {
    interface: 3,
    class: 2,
    flags: meta::Flags::LINK_MULTICAST,
    network: 14,
    payload: 42,
};

/// Notes on `buf` what is to travel with it.
fn mark(buf: &mut NetBuf) {
    buf.set_meta(META);
    #[cfg(feature = "timestamps")]
    buf.set_stamp(super::super::pool::Stamp { nanos: 77, id: 9 });
}

fn assert_marked(buf: &NetBuf) {
    assert_eq!(buf.meta(), META);
    #[cfg(feature = "timestamps")]
    assert_eq!(buf.stamp(), super::super::pool::Stamp { nanos: 77, id: 9 });
}

#[test]
fn what_travels_with_a_packet_stays_with_it() {
    let pool = Box::leak(Box::new(NetBufPool::<8, 128, 12, 16>::new())).pool();
    let mut buf = pool.alloc_chain(Purpose::Receive, 0, 300).unwrap();
    mark(&mut buf);
    buf.advance(130);
    assert_marked(&buf);
    buf.prepend(20).unwrap().fill(1);
    assert_marked(&buf);
    let clone = buf.try_clone().unwrap();
    assert_marked(&clone);
    buf.prepend(20).unwrap().fill(2);
    assert_eq!(buf.fragments().count(), 4);
    assert_marked(&buf);
    // In the middle of a fragment, and between two.
    for _ in 0..2 {
        assert_marked(&buf.split_to(10).unwrap());
        assert_marked(&buf);
    }
    assert_marked(&buf.slice(30..40).unwrap());
    let mut part = buf.slice(0..60).unwrap();
    let _: &mut [u8] = part.make_contiguous(20).unwrap();
    assert_marked(&part);
    let _: &mut [u8] = part.make_contiguous(60).unwrap();
    assert_marked(&part);
    assert_marked(&buf.copy_to(pool, Purpose::Receive, 0).unwrap());
    buf.join(pool.from_static(&FLASH).unwrap()).unwrap();
    assert_marked(&buf);
    let mut queue = BufQueue::new();
    queue.push_back(buf);
    assert_marked(&queue.pop_front().unwrap());
    drop((clone, part));
    assert_unused(pool);
}

#[test]
fn a_new_packet_knows_nothing_of_the_one_before_it() {
    let pool = small();
    for _ in 0..2 {
        let all: [NetBuf; 3] = [
            pool.alloc(Purpose::Receive, 0).unwrap(),
            pool.alloc(Purpose::Control, 0).unwrap(),
            pool.from_static(&FLASH).unwrap(),
        ];
        for mut buf in all {
            assert_eq!(buf.meta(), Meta::NEW);
            #[cfg(feature = "timestamps")]
            assert_eq!(buf.stamp(), super::super::pool::Stamp::default());
            mark(&mut buf);
        }
    }
    assert_unused(pool);
}

#[test]
fn a_header_goes_into_the_headroom_while_it_lasts() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 40).unwrap();
    buf.append(b"data").unwrap();
    assert_eq!(buf.headroom(), 40);
    *buf.prepend_array().unwrap() = [1; 30];
    assert_eq!((buf.headroom(), used(pool)), (10, (1, 0, 0)));
    *buf.prepend_array().unwrap() = [2; 14];
    // Now there is a header block in front, and what comes next finds a place in it.
    assert_eq!((buf.headroom(), used(pool)), (HEADER_BLOCK - 14, (1, 1, 0)));
    *buf.prepend_array().unwrap() = [3; 20];
    assert_eq!(used(pool), (1, 1, 0));
    assert_eq!((buf.len(), buf.fragments().count()), (68, 2));
    // A header that is done with is headroom again.
    buf.advance(30);
    assert_eq!(buf.headroom(), HEADER_BLOCK - 4);
    drop(buf);
    assert_unused(pool);
}

#[test]
fn what_no_header_block_can_hold_is_refused_and_changes_nothing() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.append(b"data").unwrap();
    assert!(buf.prepend(HEADER_BLOCK + 1).is_err());
    assert_eq!((used(pool), buf.fragments().count()), ((1, 0, 0), 1));
    buf.prepend(HEADER_BLOCK).unwrap().fill(0);
    drop(buf);
    assert_unused(pool);
}

#[test]
fn a_header_in_front_of_a_shared_block_gets_a_block_of_its_own() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Send, 64).unwrap();
    buf.append(&pattern(60)).unwrap();
    let mut copies = [buf.slice(0..30).unwrap(), buf.slice(0..30).unwrap()];
    for (copy, fill) in copies.iter_mut().zip([7, 8]) {
        assert_eq!(copy.headroom(), 0);
        copy.prepend(20).unwrap().fill(fill);
    }
    assert_eq!(used(pool), (1, 2, 2));
    for (copy, fill) in copies.iter().zip([7, 8]) {
        assert_eq!(&copy.first()[..20], &[fill; 20]);
    }
    assert!(buf.equals(&pattern(60)));
    drop(copies);
    // Alone again, it has its headroom back.
    assert_eq!(buf.headroom(), 64);
    drop(buf);
    assert_unused(pool);
}

#[test]
fn the_rest_of_a_shared_block_goes_to_who_asks_first() {
    let pool = small();
    let mut one = pool.alloc(Purpose::Send, 0).unwrap();
    one.append(&pattern(50)).unwrap();
    let mut two = one.try_clone().unwrap();
    let inner = one.slice(10..20).unwrap();
    assert_eq!((one.tailroom(), two.tailroom()), (78, 78));
    // Behind this one's end is what others see.
    assert_eq!(inner.tailroom(), 0);
    one.append(b"first").unwrap();
    assert_eq!((one.tailroom(), two.tailroom()), (73, 0));
    two.append(b"second").unwrap();
    assert_eq!(used(pool), (2, 0, 2));
    one.append(b", again").unwrap();
    assert_eq!(used(pool), (2, 0, 2));
    assert_eq!(&one.first()[50..], b"first, again");
    assert_eq!(&two.fragments().nth(1).unwrap(), b"second");
    assert!(inner.equals(&pattern(50)[10..20]));
    // What has been reached stays so, though it is cut off again.
    one.truncate(50);
    assert_eq!(one.tailroom(), 0);
    drop((two, inner));
    assert_eq!(one.tailroom(), 78);
    drop(one);
    assert_unused(pool);
}

#[test]
fn an_append_that_fails_leaves_the_room_that_there_was() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Send, 0).unwrap();
    buf.append(&pattern(50)).unwrap();
    let clone = buf.try_clone().unwrap();
    assert_eq!(buf.append(&pattern(1000)), Err(NoBuffer));
    assert_eq!((buf.tailroom(), used(pool)), (78, (1, 0, 1)));
    buf.append(&pattern(78)).unwrap();
    assert_eq!(clone.tailroom(), 0);
    // An empty block at the end stays too.
    buf.join(pool.alloc(Purpose::Send, 8).unwrap()).unwrap();
    assert_eq!(buf.append(&pattern(1000)), Err(NoBuffer));
    assert_eq!((buf.tailroom(), used(pool)), (120, (2, 0, 1)));
    drop((buf, clone));
    assert_unused(pool);
}

#[test]
fn an_empty_slice_at_the_end_does_not_reach_further() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.append(b"12345").unwrap();
    let mut rest = buf.slice(5..5).unwrap();
    let mut front = buf.slice(0..0).unwrap();
    assert_eq!((rest.len(), front.len(), front.tailroom()), (0, 0, 0));
    front.append(b"in a block of its own").unwrap();
    rest.append(b"678").unwrap();
    buf.append(b"abc").unwrap();
    assert!(rest.equals(b"678") && buf.equals(b"12345abc"));
    assert_eq!(buf.fragments().count(), 2);
    drop((buf, rest, front));
    assert_unused(pool);
}

#[test]
fn static_memory_is_read_where_it_is_and_never_written() {
    let pool = small();
    let mut buf = pool.from_static(&FLASH).unwrap();
    assert_eq!(used(pool), (0, 0, 1));
    assert_eq!(buf.first().as_ptr(), FLASH.as_ptr());
    assert_eq!((buf.headroom(), buf.tailroom()), (0, 0));
    assert_eq!(buf.write(0, b"x"), Err(Shared));
    assert_eq!(buf.for_each_fragment_mut(|_| ()), Err(Shared));
    assert!(buf.header_mut::<4>(0).is_none());
    assert!(buf.prepend(0).unwrap().is_empty());
    buf.append(b"").unwrap();
    assert_eq!(used(pool), (0, 0, 1));
    let slice = buf.slice(100..200).unwrap();
    assert_eq!(slice.first().as_ptr(), FLASH[100..].as_ptr());
    let front = buf.split_to(150).unwrap();
    buf.advance(50);
    buf.append(b"tail").unwrap();
    buf.prepend(8).unwrap().fill(9);
    assert_eq!(used(pool), (1, 1, 3));
    let mut copy = [0; 204];
    assert_eq!(buf.read(8, &mut copy), 204);
    assert_eq!(&copy[..200], &FLASH[200..]);
    assert_eq!(&copy[200..], b"tail");
    assert!(front.equals(&FLASH[..150]));
    // Written in a copy.
    let mut part = slice.slice(0..40).unwrap();
    part.make_contiguous(10).unwrap().fill(0);
    assert!(slice.equals(&FLASH[100..200]));
    let empty = pool.from_static(&[]).unwrap();
    assert!(empty.is_empty() && empty.try_clone().unwrap().is_empty());
    drop((buf, slice, front, part, empty));
    assert_unused(pool);
}

#[test]
fn a_header_that_lies_across_fragments_is_read_in_one_piece() {
    let pool = small();
    let buf = {
        let mut buf = pool.from_static(&FLASH[..10]).unwrap();
        buf.join(pool.from_static(&[]).unwrap()).unwrap();
        buf.join(pool.from_static(&FLASH[10..14]).unwrap()).unwrap();
        buf.join(pool.from_static(&FLASH[14..60]).unwrap()).unwrap();
        buf
    };
    for offset in 0..40 {
        let mut straddle = Straddle::new();
        let header: &[u8; 20] = buf.header(offset, &mut straddle).unwrap();
        assert_eq!(header, &FLASH[offset..offset + 20]);
    }
    let mut straddle = Straddle::<20>::new();
    assert!(buf.header(41, &mut straddle).is_none());
    assert!(buf.header(usize::MAX, &mut straddle).is_none());
    drop(buf);
    assert_unused(pool);
}

#[test]
fn a_header_behind_an_empty_fragment_is_found_to_be_written() {
    let pool = small();
    let mut buf = pool.from_static(&FLASH[..10]).unwrap();
    buf.join(pool.alloc(Purpose::Receive, 0).unwrap()).unwrap();
    let mut rest = pool.alloc(Purpose::Receive, 0).unwrap();
    rest.append(&FLASH[10..30]).unwrap();
    buf.join(rest).unwrap();
    assert!(buf.header_mut::<20>(9).is_none());
    assert!(buf.header_mut::<20>(11).is_none());
    assert_eq!(buf.header_mut::<20>(10).unwrap(), &FLASH[10..30]);
    assert!(buf.header_mut::<1>(30).is_none());
    assert!(buf.header_mut::<1>(usize::MAX).is_none());
    drop(buf);
    assert_unused(pool);
}

#[test]
fn who_gathers_fragments_meets_no_empty_one() {
    let pool = small();
    // All of the first block is headroom that cannot be used while it is shared.
    let mut buf = pool.alloc(Purpose::Send, 128).unwrap();
    assert_eq!(buf.fragments().count(), 0);
    let clone = buf.try_clone().unwrap();
    buf.append(b"data").unwrap();
    buf.prepend(8).unwrap().fill(0);
    assert!(buf.fragments().eq([&[0; 8][..], &b"data"[..]]));
    drop((buf, clone));
    assert_unused(pool);
}

#[test]
fn a_split_at_either_end_or_between_blocks_shares_little() {
    let pool = small();
    let mut buf = pool.alloc_chain(Purpose::Receive, 0, 256).unwrap();
    // Between two blocks no view is needed.
    let front = buf.split_to(128).unwrap();
    assert_eq!((front.len(), buf.len(), used(pool)), (128, 128, (2, 0, 0)));
    let all = buf.split_to(usize::MAX).unwrap();
    assert_eq!((all.len(), buf.len(), used(pool)), (128, 0, (2, 0, 1)));
    let mut all = all;
    let none = all.split_to(0).unwrap();
    assert_eq!((all.len(), none.len(), used(pool)), (128, 0, (2, 0, 2)));
    drop((front, buf, all, none));
    assert_unused(pool);
}

#[test]
fn a_copy_between_pools_shares_nothing() {
    let (from, to) = (small(), small());
    let mut buf = from.alloc(Purpose::Receive, 0).unwrap();
    buf.append(&pattern(200)).unwrap();
    buf.join(from.from_static(&FLASH).unwrap()).unwrap();
    let copy = buf.copy_to(to, Purpose::Receive, 14).unwrap();
    assert_eq!((copy.headroom(), copy.len()), (14, 600));
    assert!(copy.pool().is(to) && !copy.pool().is(from));
    assert!(buf.join(copy).is_err_and(|copy| copy.len() == 600));
    drop(buf);
    assert_unused(from);
    assert_unused(to);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_chain_of_more_than_two_gigabytes_is_refused() {
    // None of it is ever touched.
    let large = std::vec![0; 1 << 30].leak();
    let pool = small();
    let mut buf = pool.from_static(large).unwrap();
    let clone = buf.try_clone().unwrap();
    let clone = buf.join(clone).unwrap_err();
    assert_eq!((buf.len(), clone.len()), (1 << 30, 1 << 30));
    buf.join(clone.slice(1..1 << 30).unwrap()).unwrap();
    // What blocks hold still comes on top.
    buf.append(&FLASH).unwrap();
    buf.prepend(20).unwrap().fill(0);
    assert_eq!(buf.len(), (1 << 31) - 1 + 420);
    drop((buf, clone));
    assert_unused(pool);
}
