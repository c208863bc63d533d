//! The driver against a model of the chip.

extern crate std;

mod model;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec;
use std::vec::Vec;

use self::model::Model;
use super::*;
use crate::config;
use crate::link::{Capabilities, Port, StackEnd};
use crate::netbuf::{NetBufPool, Purpose};

const ADDRESS: [u8; 6] = [2, 1, 2, 3, 4, 5];
const PIN: InterruptPin = InterruptPin::ActiveHigh;

fn pool<const BLOCKS: usize, const SIZE: usize>() -> Pool {
    Box::leak(Box::new(NetBufPool::<BLOCKS, SIZE, 8, 32>::new())).pool()
}

/// Counts how often the driver's task was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _: usize = self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A chip with its driver at work, and the stack's end of the port.
struct Bench<'t> {
    model: &'t Model,
    signal: &'t InterruptSignal,
    chip: &'t Lan9118<'t, &'t Model>,
    stack: StackEnd<'t>,
    port: &'t Port,
    wakes: &'t Arc<Wakes>,
    turn: &'t mut dyn FnMut() -> Poll<Result<Infallible, Lan9118Error>>,
}

impl Bench<'_> {
    /// Polls the driver until nothing wakes it, as the interrupt and the port do.
    fn settle(&mut self) -> Poll<Result<Infallible, Lan9118Error>> {
        for _ in 0..1000 {
            let ended = (self.turn)();
            if self.model.interrupts() {
                interrupt(&self.model, self.signal, PIN);
                assert!(
                    !self.model.interrupts(),
                    "it is quiet until it is looked at"
                );
            }
            if ended.is_ready() || self.wakes.0.swap(0, Ordering::SeqCst) == 0 {
                return ended;
            }
        }
        panic!("the driver does not come to rest");
    }

    /// The frames that the driver has delivered.
    fn received(&self) -> Vec<Vec<u8>> {
        let (mut queue, _) = self.stack.receive();
        self.stack.wake_driver();
        let mut frames = Vec::new();
        while let Some(frame) = queue.pop_front() {
            let mut bytes = vec![0; frame.len()];
            assert_eq!(frame.read(0, &mut bytes), bytes.len());
            frames.push(bytes);
        }
        frames
    }

    fn send(&self, frame: NetBuf) {
        assert!(self.stack.send(frame).is_ok());
        self.stack.wake_driver();
    }

    fn link(&self) -> LinkState {
        self.stack.take_change().expect("something has changed").0
    }
}

/// Runs `script` with a driver that has been polled once.
fn with_driver(model: Model, pool: Pool, script: impl FnOnce(&mut Bench<'_>)) {
    let port = Port::new(Capabilities::ethernet(ADDRESS));
    let signal = InterruptSignal::new();
    {
        let chip = Lan9118::new(&model, &signal, PIN);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut run = pin!(chip.run(port.split().0, pool));
        let mut turn = || run.as_mut().poll(&mut Context::from_waker(&waker));
        let mut bench = Bench {
            model: &model,
            signal: &signal,
            chip: &chip,
            stack: port.split().1,
            port: &port,
            wakes: &wakes,
            turn: &mut turn,
        };
        assert!(bench.settle().is_pending());
        script(&mut bench);
    }
    assert!(!model.interrupts(), "who is not at work is not called");
    drop(port);
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
}

/// A frame to this station, all of whose bytes differ from their neighbours.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes: Vec<_> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
    bytes[..6].copy_from_slice(&ADDRESS);
    bytes
}

fn frame(pool: Pool, bytes: &[u8]) -> NetBuf {
    let mut frame = pool.alloc(Purpose::Receive, 1).unwrap();
    frame.append(bytes).unwrap();
    frame
}

// ---- Start and end -------------------------------------------------------------------------------

#[test]
fn chip_is_given_the_address_of_the_port() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        assert_eq!(bench.model.address(), ADDRESS);
        assert_eq!(bench.link(), LinkState::Up);
    });
}

/// How a run ends that does not begin.
fn refusal(model: &Model, port: &Port) -> Option<Lan9118Error> {
    let signal = InterruptSignal::new();
    let chip = Lan9118::new(model, &signal, PIN);
    let run = pin!(chip.run(port.split().0, pool::<8, 512>()));
    match run.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn chip_that_is_not_there_or_does_not_answer_is_an_error() {
    let port = Port::new(Capabilities::ethernet(ADDRESS));
    let model = Model::new();
    model.remove();
    assert_eq!(refusal(&model, &port), Some(Lan9118Error::Absent));
    let model = Model::new();
    model.hang();
    assert_eq!(refusal(&model, &port), Some(Lan9118Error::Stuck));
}

#[test]
fn port_without_an_ethernet_address_is_refused() {
    let port = Port::new(Capabilities::ip(1500));
    assert_eq!(refusal(&Model::new(), &port), Some(Lan9118Error::Port));
}

#[test]
fn link_is_down_and_the_chip_silent_when_the_driver_ends() {
    let (model, port, signal) = (
        Model::new(),
        Port::new(Capabilities::ethernet(ADDRESS)),
        InterruptSignal::new(),
    );
    let chip = Lan9118::new(&model, &signal, PIN);
    {
        let run = pin!(chip.run(port.split().0, pool::<8, 512>()));
        let _: Poll<_> = run.poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(port.split().1.take_change().unwrap().0, LinkState::Up);
    }
    assert_eq!(port.split().1.take_change().unwrap().0, LinkState::Down);
    model.arrive(&bytes(60));
    assert!(!model.interrupts() && model.waiting() == 0);
    // And it can be started again.
    let run = pin!(chip.run(port.split().0, pool::<8, 512>()));
    let _: Poll<_> = run.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(port.split().1.take_change().unwrap().0, LinkState::Up);
}

// ---- The link ----------------------------------------------------------------------------------

#[test]
fn cable_is_followed() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        assert_eq!(bench.link(), LinkState::Up);
        bench.model.set_cable(false);
        assert!(bench.settle().is_pending());
        assert_eq!(bench.link(), LinkState::Down);
        bench.model.set_cable(true);
        assert!(bench.settle().is_pending());
        assert_eq!(bench.link(), LinkState::Up);
    });
}

#[test]
fn cable_that_was_out_for_a_moment_is_seen() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        assert_eq!(bench.link(), LinkState::Up);
        // Frames that wait at that moment are dropped by the port.
        bench
            .stack
            .send(frame(pool::<8, 512>(), &bytes(60)))
            .unwrap();
        bench.model.set_cable(false);
        bench.model.set_cable(true);
        assert!(bench.settle().is_pending());
        assert_eq!(bench.link(), LinkState::Down);
        assert_eq!(bench.link(), LinkState::Up);
        assert!(bench.model.take_sent().is_empty());
    });
}

#[test]
fn duplex_is_the_best_that_both_can_do() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        for (partner, full) in [
            (TEN | TEN_FULL | HUNDRED | HUNDRED_FULL, true),
            (TEN | TEN_FULL | HUNDRED, false),
            (TEN | TEN_FULL, true),
            (TEN, false),
            (0, false),
        ] {
            bench.model.set_cable(false);
            bench.model.set_partner(partner | ETHERNET);
            bench.model.set_cable(true);
            assert!(bench.settle().is_pending());
            let control = bench.model.control();
            assert_eq!(control & FULL_DUPLEX != 0, full, "{partner:#x}");
            assert_eq!(control & RECEIVE_OWN_OFF == 0, full, "{partner:#x}");
        }
    });
}

// ---- Received frames -----------------------------------------------------------------------------

fn frames_of_all_lengths_come_in_whole<const SIZE: usize>() {
    with_driver(Model::new(), pool::<24, SIZE>(), |bench| {
        for length in (14..200).chain(500..530).chain(1500..=1518) {
            bench.model.arrive(&bytes(length));
            assert!(bench.settle().is_pending());
            assert_eq!(bench.received(), [bytes(length)]);
        }
        assert_eq!(bench.chip.stats(), Lan9118Stats::default());
    });
}

#[test]
fn frames_of_all_lengths_come_in_over_blocks_of_all_kinds() {
    frames_of_all_lengths_come_in_whole::<64>();
    frames_of_all_lengths_come_in_whole::<130>();
    frames_of_all_lengths_come_in_whole::<512>();
    frames_of_all_lengths_come_in_whole::<1536>();
}

#[test]
fn network_header_of_a_received_frame_is_aligned() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        bench.model.arrive(&bytes(60));
        assert!(bench.settle().is_pending());
        let frame = bench.stack.receive().0.pop_front().unwrap();
        assert_eq!(frame.first().as_ptr().addr() % 4, 2);
    });
}

#[test]
fn burst_comes_in_in_order() {
    with_driver(Model::new(), pool::<24, 512>(), |bench| {
        let frames: Vec<_> = (0..5).map(|more| bytes(60 + more)).collect();
        frames.iter().for_each(|frame| bench.model.arrive(frame));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), frames);
    });
}

#[test]
fn bad_frames_are_counted_by_kind_and_the_next_is_good() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        bench.model.arrive_as(&bytes(60), RX_ERROR | 1 << 1);
        bench.model.arrive_as(&bytes(40), RX_ERROR | RX_RUNT);
        bench.model.arrive_as(&bytes(1900), RX_ERROR | RX_TOO_LONG);
        // Not bad for the chip, but for the stack.
        bench.model.arrive(&bytes(13));
        bench.model.arrive(&bytes(1519));
        bench.model.arrive(&bytes(61));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(61)]);
        let expected = Lan9118Stats {
            damaged: 1,
            short: 2,
            long: 2,
            ..Lan9118Stats::default()
        };
        assert_eq!(bench.chip.stats(), expected);
        assert_eq!(bench.port.stats().receive_errors, 5);
    });
}

#[test]
fn frame_that_the_whole_pool_cannot_hold_is_counted() {
    with_driver(Model::new(), pool::<4, 128>(), |bench| {
        bench.model.arrive(&bytes(511));
        bench.model.arrive(&bytes(510));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(510)]);
        assert_eq!(bench.chip.stats().long, 1);
    });
}

#[test]
fn frames_wait_in_the_chip_while_the_stack_is_behind() {
    with_driver(Model::new(), pool::<64, 512>(), |bench| {
        let count = config::PORT_RX_QUEUE + 3;
        (0..count).for_each(|more| bench.model.arrive(&bytes(60 + more)));
        assert!(bench.settle().is_pending());
        // One has been begun.
        assert_eq!(bench.model.waiting(), 2);
        // More do not make the chip call again and again.
        bench.model.arrive(&bytes(99));
        assert!(!bench.model.interrupts());
        let mut received = bench.received();
        assert!(bench.settle().is_pending());
        received.extend(bench.received());
        let all = (0..count).map(|more| bytes(60 + more)).chain([bytes(99)]);
        assert_eq!(received, all.collect::<Vec<_>>());
        assert_eq!(bench.port.stats().receive_full, 0);
    });
}

#[test]
fn frames_wait_in_the_chip_while_the_pool_is_empty() {
    let pool = pool::<4, 512>();
    with_driver(Model::new(), pool, |bench| {
        let taken: Vec<_> = (0..3)
            .map(|_| pool.alloc(Purpose::Receive, 0).unwrap())
            .collect();
        let last = pool.alloc(Purpose::Receive, 0).unwrap();
        bench.model.arrive(&bytes(400));
        bench.model.arrive(&bytes(60));
        assert!(bench.settle().is_pending());
        assert!(bench.received().is_empty());
        drop((taken, last));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(400), bytes(60)]);
        assert_eq!(bench.port.stats().receive_errors, 0);
    });
}

#[test]
fn long_frame_that_finds_too_few_blocks_does_not_keep_out_a_short_one() {
    let pool = pool::<4, 512>();
    with_driver(Model::new(), pool, |bench| {
        let taken: Vec<_> = (0..3)
            .map(|_| pool.alloc(Purpose::Receive, 0).unwrap())
            .collect();
        bench.model.arrive(&bytes(1000));
        bench.model.arrive(&bytes(60));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(60)]);
        assert_eq!(bench.port.stats().receive_errors, 1);
        drop(taken);
        bench.model.arrive(&bytes(1000));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(1000)]);
    });
}

#[test]
fn frames_that_the_fifo_had_no_room_for_are_counted() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        bench.model.overrun(3);
        bench.model.arrive(&bytes(60));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(60)]);
        assert_eq!(bench.chip.stats().overruns, 3);
        assert_eq!(bench.port.stats().receive_errors, 3);
    });
}

#[test]
fn receiver_is_started_anew_after_an_error() {
    let pool = pool::<4, 512>();
    with_driver(Model::new(), pool, |bench| {
        let taken: Vec<_> = (0..4)
            .map(|_| pool.alloc(Purpose::Receive, 0).unwrap())
            .collect();
        // One that waits for a block, and one behind it.
        bench.model.arrive(&bytes(60));
        bench.model.arrive(&bytes(61));
        assert!(bench.settle().is_pending());
        bench.model.fail(RXE_INT);
        assert!(bench.settle().is_pending());
        drop(taken);
        bench.model.arrive(&bytes(62));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(62)]);
        let stats = bench.chip.stats();
        assert_eq!((stats.restarts, stats.dumped), (1, 2));
        assert_eq!(bench.port.stats().receive_errors, 2);
    });
}

// ---- Frames to be sent -----------------------------------------------------------------------------

#[test]
fn frame_is_gathered_from_its_fragments_as_they_are() {
    let pool = pool::<24, 64>();
    with_driver(Model::new(), pool, |bench| {
        for length in (14..300).chain([1514, 1518]) {
            bench.send(frame(pool, &bytes(length)));
            assert!(bench.settle().is_pending());
            assert_eq!(bench.model.take_sent(), [bytes(length)]);
        }
        assert_eq!(bench.model.take_pieces(), (1 + 1518_usize).div_ceil(64));
    });
}

/// A frame with a piece of each of these lengths, each at another place of its word.
fn in_pieces_of(pool: Pool, lengths: &[usize], all: &[u8]) -> NetBuf {
    let (mut frame, mut left) = (None::<NetBuf>, all);
    for (index, length) in lengths.iter().enumerate() {
        let (piece, rest) = left.split_at(*length);
        let mut buf = pool.alloc(Purpose::Receive, index % 5).unwrap();
        buf.append(piece).unwrap();
        left = rest;
        match &mut frame {
            None => frame = Some(buf),
            Some(frame) => frame.join(buf).unwrap(),
        }
    }
    assert!(left.is_empty());
    frame.unwrap()
}

#[test]
fn pieces_may_begin_and_end_anywhere() {
    let pool = pool::<32, 128>();
    with_driver(Model::new(), pool, |bench| {
        for a in 1..6 {
            for b in 4..9 {
                for c in 1..6 {
                    let all = bytes(60 + a + b + c);
                    bench.send(in_pieces_of(pool, &[a, b, 60, c], &all));
                    assert!(bench.settle().is_pending());
                    assert_eq!(bench.model.take_sent(), [all]);
                    assert_eq!(bench.model.take_pieces(), 4);
                }
            }
        }
    });
}

#[test]
fn pieces_that_the_chip_does_not_take_are_made_one() {
    let pool = pool::<64, 128>();
    with_driver(Model::new(), pool, |bench| {
        // Three bytes in the middle.
        let all = bytes(73);
        bench.send(in_pieces_of(pool, &[10, 3, 60], &all));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.model.take_sent(), [all]);
        assert_eq!(bench.model.take_pieces(), 1);
        // So many pieces that they do not fit the chip.
        let all = bytes(60 * 24);
        bench.send(in_pieces_of(pool, &[24; 60], &all));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.model.take_sent(), [all]);
        assert_eq!(bench.model.take_pieces(), 1);
    });
}

#[test]
fn sending_waits_for_room_in_the_chip() {
    let pool = pool::<8, 512>();
    with_driver(Model::new(), pool, |bench| {
        bench.model.set_room(100);
        bench.send(frame(pool, &bytes(60)));
        bench.send(frame(pool, &bytes(200)));
        bench.send(frame(pool, &bytes(61)));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.model.take_sent(), [bytes(60)]);
        // Received frames do not wait for that.
        bench.model.arrive(&bytes(70));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [bytes(70)]);
        bench.model.set_room(4000);
        assert!(bench.settle().is_pending());
        assert_eq!(bench.model.take_sent(), [bytes(200), bytes(61)]);
    });
}

#[test]
fn frames_that_cannot_be_sent_are_counted() {
    let pool = pool::<8, 512>();
    with_driver(Model::new(), pool, |bench| {
        bench.send(frame(pool, &bytes(1519)));
        bench.model.set_sending_fails(true);
        for _ in 0..STATES + 2 {
            bench.send(frame(pool, &bytes(60)));
            assert!(bench.settle().is_pending());
        }
        bench.model.set_sending_fails(false);
        bench.send(frame(pool, &bytes(61)));
        assert!(bench.settle().is_pending());
        let stats = bench.chip.stats();
        assert_eq!((stats.send_long, stats.send_failed), (1, STATES + 2));
    });
}

#[test]
fn transmitter_is_started_anew_after_an_error() {
    let pool = pool::<8, 512>();
    with_driver(Model::new(), pool, |bench| {
        for error in [TXE_INT, TDFO_INT] {
            bench.model.fail(error);
            assert!(bench.settle().is_pending());
            bench.send(frame(pool, &bytes(60)));
            assert!(bench.settle().is_pending());
            assert_eq!(bench.model.take_sent(), [bytes(60)]);
        }
        assert_eq!(bench.chip.stats().restarts, 2);
    });
}

// ---- Groups ------------------------------------------------------------------------------------

#[test]
fn all_groups_come_in_until_some_are_named() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        let mut group = bytes(60);
        group[0] |= 1;
        bench.model.arrive(&group);
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [group]);
    });
}

#[cfg(feature = "multicast")]
#[test]
fn groups_that_the_port_names_come_in_and_others_do_not() {
    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        let group = |last| [0x33, 0x33, 0xff, 0, 0, last];
        let to = |address: [u8; 6]| {
            let mut frame = bytes(60);
            frame[..6].copy_from_slice(&address);
            frame
        };
        bench.stack.set_filter(
            [1, 2]
                .into_iter()
                .map(|last| LinkAddr::ethernet(group(last))),
        );
        bench.stack.wake_driver();
        assert!(bench.settle().is_pending());
        let frames = [group(1), group(2), [0xff; 6], ADDRESS].map(to);
        frames.iter().for_each(|frame| bench.model.arrive(frame));
        bench.model.arrive(&to(group(3)));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), frames);
        // One is left.
        bench
            .stack
            .set_filter([LinkAddr::ethernet(group(3))].into_iter());
        bench.stack.wake_driver();
        assert!(bench.settle().is_pending());
        bench.model.arrive(&to(group(1)));
        bench.model.arrive(&to(group(3)));
        assert!(bench.settle().is_pending());
        assert_eq!(bench.received(), [to(group(3))]);
    });
}

#[cfg(all(feature = "multicast", feature = "promiscuous"))]
#[test]
fn all_groups_come_in_when_the_port_wants_them_and_everything_in_promiscuous_mode() {
    use crate::link::ReceiveMode;

    with_driver(Model::new(), pool::<8, 512>(), |bench| {
        let mut frame = bytes(60);
        frame[0] |= 1;
        for (mode, comes) in [
            (ReceiveMode::empty(), false),
            (ReceiveMode::ALL_GROUPS, true),
            (ReceiveMode::PROMISCUOUS, true),
            (ReceiveMode::empty(), false),
        ] {
            bench.stack.set_mode(mode);
            bench.stack.set_filter([].into_iter());
            bench.stack.wake_driver();
            assert!(bench.settle().is_pending());
            bench.model.arrive(&frame);
            assert!(bench.settle().is_pending());
            assert_eq!(!bench.received().is_empty(), comes, "{mode:?}");
        }
    });
}

/// The CRC of IEEE 802.3 §3.2.9 in the order of transmission, without its complement.
fn crc_reversed(bytes: [u8; 6]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 != 0 { 0xedb8_8320 } else { 0 }
        })
    })
}
