//! The driver against a model of the device.

extern crate std;

mod model;

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use self::model::{Kind, Model};
use super::*;
use crate::drivers::bench::{self, Bench, frame, on_bench};
use crate::link::{Capabilities, Port};
use crate::netbuf::NetBufPool;
use crate::wire::LinkAddr;

const ADDRESS: [u8; 6] = [2, 9, 8, 7, 6, 5];
/// The address of the port, until the device says its own.
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 1];

const USUAL: u64 = feature::MAC | feature::STATUS;
const MERGING: Kind = Kind {
    version: MODERN,
    features: USUAL | feature::VERSION_1 | feature::MRG_RXBUF,
};
const WHOLE: Kind = Kind {
    version: MODERN,
    features: USUAL | feature::VERSION_1,
};
const OLD: Kind = Kind {
    version: LEGACY,
    features: USUAL,
};
const OLD_ANY: Kind = Kind {
    version: LEGACY,
    features: USUAL | feature::ANY_LAYOUT,
};
const OLD_MERGING: Kind = Kind {
    version: LEGACY,
    features: USUAL | feature::MRG_RXBUF,
};
const KINDS: [Kind; 5] = [MERGING, WHOLE, OLD, OLD_ANY, OLD_MERGING];

fn pool<const BLOCKS: usize, const SIZE: usize>() -> Pool {
    Box::leak(Box::new(NetBufPool::<BLOCKS, SIZE, 8, 32>::new())).pool()
}

fn port() -> Port {
    Port::new(Capabilities::ethernet(OTHER))
}

fn signal() -> &'static VirtioNetSignal {
    Box::leak(Box::new(VirtioNetSignal::new()))
}

fn device<'m>(model: &'m Model, signal: &'static VirtioNetSignal) -> VirtioNet<&'m Model, 16, 16> {
    let memory = Box::leak(Box::new(VirtioNetMemory::new()));
    model.look_from(memory);
    VirtioNet::new(model, signal, memory)
}

/// A device at work, its interrupt and the stack's end of the port.
struct Desk<'d, 'b> {
    bench: &'d mut Bench<'b>,
    model: &'d Model,
    signal: &'static VirtioNetSignal,
}

impl Desk<'_, '_> {
    /// Until nothing happens any more.
    fn settle(&mut self) {
        self.bench.run();
        for _ in 0..1000 {
            if !self.model.interrupts() {
                return;
            }
            interrupt(&self.model, self.signal);
            assert!(!self.model.interrupts(), "it has been noticed");
            self.bench.run();
        }
        panic!("the device does not come to rest");
    }

    /// A frame from the network; whether the device has found room for it.
    fn receive(&mut self, frame: &[u8]) -> bool {
        let found = self.model.receive(frame);
        self.settle();
        found
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.model.sent.take()
    }

    fn link(&self) -> LinkState {
        self.bench.stack.take_change().expect("it has changed").0
    }
}

fn with_device(model: &Model, pool: Pool, script: impl FnOnce(&mut Desk<'_, '_>)) {
    let (port, signal) = (port(), signal());
    let mut device = device(model, signal);
    let task = device.run(port.split().0, pool);
    on_bench(&port, pool, task, |bench| {
        let mut desk = Desk {
            bench,
            model,
            signal,
        };
        desk.settle();
        script(&mut desk);
    });
    assert_eq!(model.status.get(), 0, "it is stopped at the end");
}

/// Runs the driver until it ends.
fn ends(model: &Model, port: &Port, pool: Pool) -> VirtioNetError {
    let mut device = device(model, signal());
    let mut run = pin!(device.run(port.split().0, pool));
    let mut context = Context::from_waker(core::task::Waker::noop());
    match run.as_mut().poll(&mut context) {
        Poll::Ready(Err(error)) => error,
        Poll::Ready(Ok(never)) => match never {},
        Poll::Pending => panic!("it goes on"),
    }
}

#[test]
fn frames_pass_both_ways_with_devices_of_all_kinds() {
    for kind in KINDS {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            for length in [14, 60, 498, 500, 501, 1012, 1514, 1518].repeat(5) {
                assert!(desk.receive(&frame(length, 7)));
                assert_eq!(desk.bench.received(), [frame(length, 7)]);
                desk.bench.send(&frame(length, 5));
                desk.settle();
                assert_eq!(desk.sent(), [frame(length, 5)]);
            }
            assert_eq!(desk.bench.port.stats().receive_errors, 0);
        });
    }
}

#[test]
fn network_headers_are_aligned_in_frames_from_devices_of_all_kinds() {
    for kind in KINDS {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            assert!(desk.receive(&frame(60, 7)));
            let frame = desk.bench.stack.receive().0.pop_front().unwrap();
            assert_eq!((frame.first().as_ptr().addr() + 14) % 4, 0);
        });
    }
}

#[test]
fn a_device_of_version_1_has_a_descriptor_for_the_header_alone() {
    for (kind, first) in [(OLD, 10), (OLD_ANY, 512)] {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            assert!(desk.receive(&frame(60, 7)));
            assert_eq!(model.pieces.borrow()[0].1, first);
        });
    }
}

#[test]
fn the_stack_gets_the_blocks_that_the_device_has_written() {
    for kind in KINDS {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            assert!(desk.receive(&frame(1514, 3)));
            let frame = desk.bench.stack.receive().0.pop_front().unwrap();
            let written = model.pieces.borrow();
            for piece in frame.fragments() {
                let start = piece.as_ptr().addr();
                let is_part = |(place, length): &(usize, usize)| {
                    *place <= start && start + piece.len() <= place + length
                };
                assert!(written.iter().any(is_part), "version {}", kind.version);
            }
        });
    }
}

#[test]
fn fragments_are_read_where_they_lie_and_held_until_they_have_been_read() {
    let model = Model::new(MERGING);
    let pool = pool::<64, 512>();
    with_device(&model, pool, |desk| {
        let lent = pool.stats().blocks_used;
        model.holds.set(true);
        let mut frame = desk.bench.frame(&[7; 60]);
        let data: Vec<_> = (0..3).map(|_| desk.bench.frame(&[9; 400])).collect();
        data.into_iter().for_each(|data| frame.join(data).unwrap());
        let places: Vec<_> = frame
            .fragments()
            .map(|piece| (piece.as_ptr().addr(), piece.len()))
            .collect();
        desk.bench.stack.send(frame).unwrap();
        desk.bench.stack.wake_driver();
        desk.settle();
        assert_eq!(pool.stats().blocks_used, lent + 4);

        model.holds.set(false);
        model.transmit();
        desk.settle();
        assert_eq!(pool.stats().blocks_used, lent);
        assert_eq!(*model.pieces.borrow(), places);
        assert_eq!(desk.sent()[0].len(), 60 + 3 * 400);
    });
}

#[test]
fn a_full_queue_takes_no_more_and_keeps_the_order() {
    let model = Model::new(MERGING);
    with_device(&model, bench::pool(), |desk| {
        model.holds.set(true);
        // Eight frames of two descriptors each fill the queue.
        for number in 0..12 {
            desk.bench.send(&[number; 60]);
            desk.settle();
        }
        assert_eq!(desk.bench.port.split().0.waiting_tx(), 3);
        assert!(desk.receive(&frame(60, 1)), "receiving goes on");
        assert_eq!(desk.bench.received().len(), 1);
        model.holds.set(false);
        model.transmit();
        desk.settle();
        let expected: Vec<_> = (0..12).map(|number| vec![number; 60]).collect();
        assert_eq!(desk.sent(), expected);
    });
}

#[test]
fn a_frame_in_more_pieces_than_descriptors_is_copied_together() {
    let model = Model::new(MERGING);
    let pool = pool::<64, 512>();
    with_device(&model, pool, |desk| {
        let mut frame = desk.bench.frame(&[1; 14]);
        for byte in 0..20 {
            static BYTES: [u8; 20] = [8; 20];
            frame
                .join(pool.from_static(&BYTES[byte..=byte]).unwrap())
                .unwrap();
        }
        desk.bench.stack.send(frame).unwrap();
        desk.bench.stack.wake_driver();
        desk.settle();
        assert_eq!(desk.sent()[0].len(), 34);
        assert_eq!(model.pieces.borrow().len(), 1);
    });
}

#[test]
fn frames_that_are_too_long_or_empty_are_not_sent() {
    let model = Model::new(WHOLE);
    with_device(&model, pool::<64, 512>(), |desk| {
        for length in [1519, 0, 1518] {
            desk.bench.send(&frame(length, 1));
        }
        desk.settle();
        assert_eq!(desk.sent(), [frame(1518, 1)]);
        assert_eq!(desk.bench.port.stats().send_errors, 2);
    });
}

#[test]
fn the_device_is_lent_what_the_bounds_of_the_pool_leave() {
    let model = Model::new(MERGING);
    let large = pool::<64, 512>();
    with_device(&model, large, |desk| {
        assert_eq!((model.empty(), large.stats().blocks_used), (16, 16));
        assert!(desk.receive(&frame(60, 1)));
        // What the stack has is replaced.
        assert_eq!((model.empty(), large.stats().blocks_used), (16, 17));
    });
    // Three blocks for a frame.
    let model = Model::new(WHOLE);
    with_device(&model, large, |_| {
        assert_eq!((model.empty(), large.stats().blocks_used), (5, 15));
    });
}

#[test]
fn a_small_pool_takes_short_frames_and_loses_long_ones() {
    for kind in KINDS {
        let model = Model::new(kind);
        let small = pool::<8, 128>();
        with_device(&model, small, |desk| {
            assert!(!model.has_accepted(feature::MRG_RXBUF));
            assert_eq!(small.stats().blocks_used, 2);
            for _ in 0..20 {
                assert!(desk.receive(&frame(200, 1)));
                assert_eq!(desk.bench.received(), [frame(200, 1)]);
                assert!(!desk.receive(&frame(300, 1)));
            }
        });
    }
}

#[test]
fn blocks_that_come_back_go_to_the_device() {
    let model = Model::new(MERGING);
    let pool = pool::<64, 512>();
    with_device(&model, pool, |desk| {
        let taken: Vec<_> = core::iter::from_fn(|| pool.alloc(Purpose::Receive, 0).ok()).collect();
        assert_eq!(taken.len(), 48);
        for _ in 0..4 {
            assert!(desk.receive(&frame(60, 1)));
        }
        assert_eq!(model.empty(), 12);
        // Sending goes on meanwhile.
        let mut sent = pool.alloc(Purpose::Control, 64).unwrap();
        sent.append(&[1; 60]).unwrap();
        desk.bench.stack.send(sent).unwrap();
        desk.bench.stack.wake_driver();
        desk.settle();
        assert_eq!(desk.sent().len(), 1);
        drop(taken);
        desk.settle();
        assert_eq!(model.empty(), 16);
        assert_eq!(desk.bench.received().len(), 4);
    });
}

#[test]
fn frames_stay_with_the_device_while_the_stack_is_behind() {
    let model = Model::new(MERGING);
    with_device(&model, pool::<64, 512>(), |desk| {
        let room = config::PORT_RX_QUEUE;
        for number in 0..room + 3 {
            assert!(desk.receive(&frame(60 + number, 1)));
        }
        let mut lengths: Vec<_> = desk.bench.received().iter().map(Vec::len).collect();
        assert_eq!(lengths.len(), room);
        desk.settle();
        lengths.extend(desk.bench.received().iter().map(Vec::len));
        assert_eq!(lengths, (60..60 + room + 3).collect::<Vec<_>>());
        assert_eq!(desk.bench.port.stats().receive_full, 0);
    });
}

#[test]
fn the_link_is_as_the_device_says() {
    let model = Model::new(MERGING);
    with_device(&model, pool::<64, 512>(), |desk| {
        assert_eq!(desk.link(), LinkState::Up);
        model.configure(|config| config[6] = 0);
        desk.settle();
        assert_eq!(desk.link(), LinkState::Down);
        model.configure(|config| config[6] = 1);
        desk.settle();
        assert_eq!(desk.link(), LinkState::Up);
    });
}

#[test]
fn without_a_state_the_link_is_up_and_down_when_the_driver_has_gone() {
    let model = Model::new(Kind {
        features: feature::VERSION_1,
        ..WHOLE
    });
    model.config.set([0; 12]);
    let (port, pool) = (port(), pool::<64, 512>());
    let mut device = device(&model, signal());
    on_bench(&port, pool, device.run(port.split().0, pool), |bench| {
        let (link, capabilities) = bench.stack.take_change().unwrap();
        assert_eq!(link, LinkState::Up);
        assert_eq!(capabilities.address, LinkAddr::ethernet(OTHER));
    });
    let (link, _) = port.split().1.take_change().unwrap();
    assert_eq!(link, LinkState::Down);
}

#[test]
fn address_and_mtu_are_those_of_the_device() {
    for (told, mtu) in [(1400_u16, 1400), (9000, 1500), (10, 1500)] {
        let model = Model::new(Kind {
            features: MERGING.features | feature::MTU,
            ..MERGING
        });
        model.unsteady.set(3);
        model.configure(|config| config[10..].copy_from_slice(&told.to_le_bytes()));
        with_device(&model, pool::<64, 512>(), |desk| {
            let capabilities = desk.bench.port.split().0.capabilities();
            assert_eq!(capabilities.address, LinkAddr::ethernet(ADDRESS));
            assert_eq!(capabilities.mtu, mtu);
        });
    }
}

#[test]
fn checksums_that_the_device_vouches_for_are_told_to_the_stack() {
    let vouching = Kind {
        features: MERGING.features | feature::GUEST_CSUM,
        ..MERGING
    };
    for (kind, flags, verified) in [
        (vouching, 0, false),
        (vouching, NEEDS_CSUM, true),
        (vouching, DATA_VALID, true),
        (MERGING, DATA_VALID, false),
    ] {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            for length in [60, 1514] {
                assert!(model.receive_behind([flags, 0], &frame(length, 1)));
                desk.settle();
                let frame = desk.bench.stack.receive().0.pop_front().unwrap();
                let found = frame.meta().flags.contains(Flags::TRANSPORT_SUM_VERIFIED);
                assert_eq!(found, verified);
            }
        });
    }
}

#[test]
fn damaged_frames_are_dropped_and_counted() {
    for kind in KINDS {
        let model = Model::new(kind);
        with_device(&model, pool::<64, 512>(), |desk| {
            let header = if model.has_accepted(feature::MRG_RXBUF) {
                12
            } else {
                10
            };
            // Too short, too long, of several packets, and with lengths that cannot be.
            assert!(desk.receive(&frame(13, 1)));
            let mut errors = 1;
            if desk.receive(&frame(1519, 1)) {
                errors += 1;
            }
            assert!(model.receive_behind([0, 1], &frame(1000, 1)));
            desk.settle();
            errors += 1;
            if header == 10 {
                for length in [0, 9, 2000, u32::MAX] {
                    let (id, _) = model.take(0).unwrap();
                    model.give(0, id.into(), length);
                    desk.settle();
                    errors += 1;
                }
            }
            assert_eq!(desk.bench.received(), Vec::<Vec<u8>>::new());
            assert_eq!(desk.bench.port.stats().receive_errors, errors);
            assert!(desk.receive(&frame(60, 1)));
            assert_eq!(desk.bench.received(), [frame(60, 1)]);
        });
    }
}

/// What happens between a start and the end of a device that is out of step.
fn breaks(kind: Kind, script: impl FnOnce(&Model)) {
    let (model, pool) = (Model::new(kind), pool::<64, 512>());
    let (port, signal) = (port(), signal());
    let mut device = device(&model, signal);
    let mut context = Context::from_waker(core::task::Waker::noop());
    {
        let mut run = pin!(device.run(port.split().0, pool));
        assert!(run.as_mut().poll(&mut context).is_pending());
        script(&model);
        interrupt(&&model, signal);
        let ended = run.as_mut().poll(&mut context);
        assert!(matches!(ended, Poll::Ready(Err(VirtioNetError::Broken))));
    }
    drop(port.split().1.receive());
    assert_eq!(pool.stats().blocks_used, 0, "all of it is released");
    assert_eq!(model.status.get(), 0);
    // It can be started anew.
    let mut run = pin!(device.run(port.split().0, pool));
    assert!(run.as_mut().poll(&mut context).is_pending());
}

#[test]
fn a_device_that_gives_back_what_it_has_not_got_is_stopped() {
    for kind in KINDS {
        for id in [16, 17, 0xffff, 0x1_0000, u32::MAX] {
            breaks(kind, |model| model.give(0, id, 60));
            breaks(kind, |model| model.give(1, id, 60));
        }
        // A frame to be sent that there is not, and one received twice.
        breaks(kind, |model| model.give(1, 0, 0));
        breaks(kind, |model| {
            let (id, _) = model.take(0).unwrap();
            model.give(0, id.into(), 60);
            model.give(0, id.into(), 60);
        });
    }
}

#[test]
fn a_device_that_merges_more_buffers_than_there_are_is_stopped() {
    for buffers in [0_u8, 17, 255] {
        breaks(MERGING, |model| {
            assert!(model.receive(&frame(60, 1)));
            model.merge(buffers);
        });
    }
}

#[test]
fn a_device_that_asks_to_be_reset_is_stopped() {
    breaks(MERGING, |model| {
        model.status.set(model.status.get() | NEEDS_RESET);
        model.configure(|_| {});
    });
}

#[test]
fn what_a_device_has_that_does_not_stop_stays_with_it() {
    let (model, pool) = (Model::new(MERGING), pool::<64, 512>());
    let (port, signal) = (port(), signal());
    let mut device = device(&model, signal);
    let mut context = Context::from_waker(core::task::Waker::noop());
    {
        let mut run = pin!(device.run(port.split().0, pool));
        assert!(run.as_mut().poll(&mut context).is_pending());
        model.is_stuck.set(true);
    }
    assert_eq!(pool.stats().blocks_used, 16);
    {
        let mut run = pin!(device.run(port.split().0, pool));
        let ended = run.as_mut().poll(&mut context);
        assert!(matches!(ended, Poll::Ready(Err(VirtioNetError::Broken))));
    }
    assert_eq!(pool.stats().blocks_used, 16);
    model.is_stuck.set(false);
    {
        let mut run = pin!(device.run(port.split().0, pool));
        assert!(run.as_mut().poll(&mut context).is_pending());
        assert_eq!(pool.stats().blocks_used, 16);
    }
    assert_eq!(pool.stats().blocks_used, 0);
}

#[test]
fn what_is_no_network_device_is_not_touched() {
    let pool = pool::<64, 512>();
    for identity in [
        [0, MODERN, NETWORK],
        [MAGIC, 3, NETWORK],
        [MAGIC, MODERN, 0],
        [MAGIC, MODERN, 2],
    ] {
        let model = Model::new(MERGING);
        model.identity.set(identity);
        model.status.set(77);
        assert_eq!(ends(&model, &port(), pool), VirtioNetError::Absent);
        assert_eq!(model.status.get(), 77);
    }
}

#[test]
fn a_device_that_does_not_fit_is_refused() {
    let pool = pool::<64, 512>();
    let refused =
        |model: &Model| assert_eq!(ends(model, &port(), pool), VirtioNetError::Unsupported);
    refused(&Model::new(Kind {
        version: MODERN,
        features: USUAL,
    }));
    let model = Model::new(MERGING);
    model.refuses.set(true);
    refused(&model);
    for kind in KINDS {
        let model = Model::new(kind);
        model.queue_size.set(8);
        refused(&model);
    }
    let port = Port::new(Capabilities::ip(1500));
    assert_eq!(
        ends(&Model::new(MERGING), &port, pool),
        VirtioNetError::Port
    );
}

#[test]
fn who_is_at_work_is_not_interrupted() {
    let model = Model::new(MERGING);
    with_device(&model, pool::<64, 512>(), |desk| {
        // It is sent while the driver looks.
        desk.bench.send(&frame(60, 1));
        desk.settle();
        assert_eq!((desk.sent().len(), model.raised.get()), (1, 0));
        // It is sent while the driver sleeps.
        model.holds.set(true);
        desk.bench.send(&frame(60, 1));
        desk.settle();
        model.holds.set(false);
        model.transmit();
        assert_eq!((desk.sent().len(), model.raised.get()), (1, 1));
        desk.settle();
        // The stack is behind: more frames are no news.
        for _ in 0..config::PORT_RX_QUEUE + 1 {
            assert!(desk.receive(&frame(60, 1)));
        }
        let raised = model.raised.get();
        assert!(desk.receive(&frame(60, 1)));
        assert_eq!(model.raised.get(), raised);
    });
}

#[test]
fn a_device_that_is_awake_is_not_told() {
    let model = Model::new(MERGING);
    with_device(&model, pool::<64, 512>(), |desk| {
        let told = model.notified.get();
        desk.bench.send(&frame(60, 1));
        desk.settle();
        assert_eq!(model.notified.get(), told + 1);
        model.set_awake(true);
        desk.bench.send(&frame(60, 1));
        assert!(desk.receive(&frame(60, 1)));
        assert_eq!(model.notified.get(), told + 1);
        model.transmit();
        desk.settle();
        assert_eq!(desk.sent().len(), 2);
    });
}

proptest! {
    #[test]
    fn whatever_a_device_says_that_it_has_done_all_is_given_back(
        kind in 0..KINDS.len(),
        said in prop::collection::vec((0..2_usize, 0..18_u32, 0..700_u32, any::<bool>()), 1..60),
    ) {
        let (model, pool) = (Model::new(KINDS[kind]), pool::<64, 512>());
        let (port, signal) = (port(), signal());
        let mut device = device(&model, signal);
        let mut context = Context::from_waker(core::task::Waker::noop());
        {
            let mut run = pin!(device.run(port.split().0, pool));
            let mut alive = run.as_mut().poll(&mut context).is_pending();
            for (queue, id, length, is_honest) in said {
                if !alive {
                    break;
                }
                if is_honest {
                    let _: bool = model.receive(&frame(length as usize, 1));
                } else {
                    model.give(queue, id, length);
                }
                interrupt(&&model, signal);
                alive = run.as_mut().poll(&mut context).is_pending();
            }
            drop(port.split().1.receive());
        }
        let stats = pool.stats();
        prop_assert_eq!((stats.blocks_used, stats.views_used), (0, 0));
    }
}
