extern crate std;

use core::cell::RefCell;
use core::task::{Context, Waker};
use std::boxed::Box;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::link::{Capabilities, Port, StackEnd};
use crate::netbuf::{NetBufPool, Purpose};

/// The controller, as the data sheet has it.
#[derive(Default)]
struct Chip {
    happened: u32,
    mask: u32,
    receiver: u32,
    transmitter: u32,
    address: [u32; 2],
    /// Frames in the receive FIFO, with what is around them; the words read of the first.
    received: VecDeque<Vec<u8>>,
    read: usize,
    written: Vec<u8>,
    sent: Vec<Vec<u8>>,
    /// The transmitter gets done at once; else a frame stays with it.
    is_fast: bool,
    is_sending: bool,
    phy: [u32; 32],
    data: u32,
}

#[derive(Default)]
struct Model(RefCell<Chip>);

impl Registers for &Model {
    fn read(&self, offset: usize) -> u32 {
        let chip = &mut *self.0.borrow_mut();
        match offset {
            MACRIS => chip.happened,
            MACRCTL => chip.receiver,
            MACDATA => {
                let frame = chip
                    .received
                    .front()
                    .expect("a frame is read that is there");
                let mut word = [0; 4];
                let bytes = &frame[chip.read * 4..];
                let length = bytes.len().min(4);
                word[..length].copy_from_slice(&bytes[..length]);
                chip.read += 1;
                if chip.read * 4 >= frame.len() {
                    let _: Option<_> = chip.received.pop_front();
                    chip.read = 0;
                }
                u32::from_le_bytes(word)
            }
            MACMCTL => 0,
            MACMRXD => chip.data,
            MACNP => chip.received.len() as u32,
            MACTR => u32::from(chip.is_sending),
            _ => panic!("{offset:#x} is not read"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let chip = &mut *self.0.borrow_mut();
        match offset {
            MACRIS => {
                chip.happened &= !value;
                if value & TXER != 0 {
                    chip.written.clear();
                }
            }
            MACIM => chip.mask = value,
            MACRCTL => {
                if value & RSTFIFO != 0 {
                    assert_eq!(value & RXEN, 0);
                    chip.received.clear();
                    chip.read = 0;
                }
                chip.receiver = value & !RSTFIFO;
            }
            MACTCTL => chip.transmitter = value,
            MACDATA => chip.written.extend(value.to_le_bytes()),
            MACIA0 => chip.address[0] = value,
            MACIA1 => chip.address[1] = value,
            MACTHR => assert_eq!(value, NO_THRESHOLD),
            MACMTXD => chip.data = value,
            MACMCTL => {
                let register = &mut chip.phy[(value >> REGADR) as usize & 31];
                match value & WRITE {
                    0 => chip.data = *register,
                    _ => *register = chip.data,
                }
            }
            MACTR => {
                assert!(value == NEWTX && !chip.is_sending);
                let length = u16::from_le_bytes([chip.written[0], chip.written[1]]);
                let end = 2 + HEADER + usize::from(length);
                assert_eq!(chip.written.len(), end.next_multiple_of(4));
                chip.sent.push(chip.written[2..end].to_vec());
                chip.is_sending = !chip.is_fast;
                if chip.is_fast {
                    chip.written.clear();
                    chip.happened |= TXEMP;
                }
            }
            _ => panic!("{offset:#x} is not written"),
        }
    }
}

impl Model {
    /// An emulated controller: there is no PHY.
    fn new() -> Self {
        Self(RefCell::new(Chip {
            is_fast: true,
            ..Chip::default()
        }))
    }

    fn happen(&self, what: u32) {
        self.0.borrow_mut().happened |= what;
    }

    fn receive(&self, frame: &[u8]) {
        let mut bytes = ((frame.len() + AROUND) as u16).to_le_bytes().to_vec();
        bytes.extend_from_slice(frame);
        bytes.extend_from_slice(b"\xde\xad\xbe\xef");
        self.0.borrow_mut().received.push_back(bytes);
        self.happen(RXINT);
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.0.borrow_mut().sent)
    }
}

const ADDRESS: [u8; 6] = [2, 1, 3, 5, 7, 9];

/// Runs `script` with the driver of `model` at work: it is to be polled by what the script is given.
fn with(
    model: &Model,
    script: impl FnOnce(&Stellaris<'_, &Model>, StackEnd<'_>, Pool, &mut dyn FnMut()),
) {
    let pool = Box::leak(Box::new(NetBufPool::<8, 256, 8, 8>::new())).pool();
    let port = Port::new(Capabilities::ethernet(ADDRESS));
    let signal = InterruptSignal::new();
    let mac = Stellaris::new(model, &signal);
    let (driver, stack) = port.split();
    {
        let mut run = pin!(mac.run(driver, pool));
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = || {
            for _ in 0..4 {
                assert!(run.as_mut().poll(&mut context).is_pending());
            }
        };
        poll();
        script(&mac, stack, pool, &mut poll);
    }
    // It is quiet, and its link is down.
    assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
    let chip = model.0.borrow();
    assert_eq!((chip.mask, chip.receiver, chip.transmitter), (0, 0, 0));
    drop(stack.receive());
    let stats = pool.stats();
    assert_eq!((stats.blocks_used, stats.views_used), (0, 0));
}

/// A frame of so many bytes.
fn frame(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n + length) as u8).collect()
}

fn to_send(pool: Pool, bytes: &[u8], headroom: usize) -> NetBuf {
    let mut buf = pool.alloc(Purpose::Send, headroom).unwrap();
    buf.append(bytes).unwrap();
    buf
}

fn received(stack: StackEnd<'_>) -> Vec<Vec<u8>> {
    let (mut queue, _) = stack.receive();
    core::iter::from_fn(|| queue.pop_front())
        .map(|frame| {
            let mut bytes = vec![0; frame.len()];
            let _: usize = frame.read(0, &mut bytes);
            bytes
        })
        .collect()
}

#[test]
fn stellaris_starts_with_the_address_of_the_port_and_its_link_is_up() {
    let model = Model::new();
    with(&model, |_, stack, _, _| {
        assert_eq!(stack.take_change().unwrap().0, LinkState::Up);
        let chip = model.0.borrow();
        assert_eq!(chip.address, [0x0503_0102, 0x0907]);
        assert_eq!(chip.receiver, RXEN | AMUL | BADCRC);
        assert_eq!(chip.transmitter, TXEN | PADEN | CRC | DUPLEX);
        assert_eq!(chip.mask, 0x5f);
    });
}

#[test]
fn stellaris_gathers_frames_from_their_fragments() {
    let model = Model::new();
    with(&model, |_, stack, pool, poll| {
        // Fragments that begin and end on any byte of a word.
        for cut in 0..8 {
            for length in [14, 15, 60, 61, 62, 63, 300] {
                let bytes = frame(length);
                let mut buf = to_send(pool, &bytes[..cut], 256 - cut);
                buf.join(to_send(pool, &bytes[cut..], 200)).unwrap();
                stack.send(buf).unwrap();
                poll();
                assert_eq!(model.sent(), [bytes]);
            }
        }
    });
}

#[test]
fn stellaris_waits_until_a_frame_has_left() {
    let model = Model::new();
    model.0.borrow_mut().is_fast = false;
    with(&model, |mac, stack, pool, poll| {
        for length in [60, 61, 62] {
            stack.send(to_send(pool, &frame(length), 0)).unwrap();
        }
        poll();
        assert_eq!(model.sent(), [frame(60)]);
        let done = |event| {
            let mut chip = model.0.borrow_mut();
            chip.is_sending = false;
            chip.happened |= event;
            if event == TXEMP {
                chip.written.clear();
            }
        };
        done(TXEMP);
        poll();
        assert_eq!(model.sent(), [frame(61)]);
        // What could not be sent is counted, and the next can.
        done(TXER);
        poll();
        assert_eq!(model.sent(), [frame(62)]);
        assert_eq!(mac.stats().send_failed, 1);
    });
}

#[test]
fn stellaris_receives_frames_into_aligned_blocks() {
    let model = Model::new();
    with(&model, |_, stack, _, poll| {
        for length in (14..100).chain([253, 254, 255, 700, 1518]) {
            model.receive(&frame(length));
            poll();
            let buf = stack.receive().0.pop_front().unwrap();
            assert!(buf.equals(&frame(length)));
            assert_eq!(buf.headroom(), 2);
        }
        assert_eq!(model.0.borrow().received.len(), 0);
    });
}

#[test]
fn stellaris_frames_that_are_short_or_long_are_counted_and_the_next_is_good() {
    let model = Model::new();
    with(&model, |mac, stack, pool, poll| {
        for length in [0, 1, 13, 1519, 2000, 60] {
            model.receive(&frame(length));
        }
        poll();
        assert_eq!(received(stack), [frame(60)]);
        assert_eq!((mac.stats().short, mac.stats().long), (3, 2));
        assert_eq!(stack.stats().receive_errors, 5);
        let long = pool.alloc_chain(Purpose::Receive, 0, 1519).unwrap();
        stack.send(long).unwrap();
        poll();
        assert_eq!((model.sent().len(), mac.stats().send_long), (0, 1));
    });
}

#[test]
fn stellaris_fifo_that_is_full_or_makes_no_sense_is_emptied_and_the_next_frame_is_good() {
    let model = Model::new();
    with(&model, |mac, stack, _, poll| {
        model.receive(&frame(60));
        model.receive(&frame(61));
        model.happen(FOV);
        poll();
        assert_eq!(received(stack).len(), 0);
        assert_eq!((mac.stats().dumped, mac.stats().restarts), (3, 1));
        for length in [[0, 0], [5, 0], [1, 8], [255, 255]] {
            let mut bytes = frame(60);
            bytes[..2].copy_from_slice(&length);
            model.0.borrow_mut().received.push_back(bytes);
            model.receive(&frame(62));
            poll();
            assert_eq!(received(stack).len(), 0);
        }
        assert_eq!((mac.stats().dumped, mac.stats().restarts), (11, 5));
        assert_eq!(stack.stats().receive_errors, 11);
        model.receive(&frame(63));
        poll();
        assert_eq!(received(stack), [frame(63)]);
        assert_eq!(model.0.borrow().receiver, RXEN | AMUL | BADCRC);
    });
}

#[test]
fn stellaris_frames_wait_in_the_fifo_for_blocks_and_may_be_lost_there() {
    let model = Model::new();
    with(&model, |mac, stack, pool, poll| {
        let all = || pool.alloc_chain(Purpose::Receive, 0, 8 * 256).unwrap();
        let taken = all();
        model.receive(&frame(300));
        poll();
        assert_eq!(received(stack).len(), 0);
        drop(taken);
        poll();
        assert_eq!(received(stack), [frame(300)]);
        let taken = all();
        model.receive(&frame(301));
        poll();
        model.happen(FOV);
        poll();
        drop(taken);
        model.receive(&frame(302));
        poll();
        assert_eq!(received(stack), [frame(302)]);
        assert_eq!(mac.stats().dumped, 2);
    });
}

#[test]
fn stellaris_damaged_frames_are_counted() {
    let model = Model::new();
    with(&model, |mac, stack, _, poll| {
        model.happen(RXER);
        poll();
        assert_eq!(mac.stats().damaged, 1);
        assert_eq!(stack.stats().receive_errors, 1);
        assert_eq!(model.0.borrow().happened, 0);
    });
}

#[cfg(feature = "multicast")]
#[test]
fn stellaris_listens_to_groups_when_there_are_some() {
    use crate::wire::LinkAddr;

    let model = Model::new();
    with(&model, |_, stack, _, poll| {
        stack.set_filter(core::iter::empty());
        poll();
        assert_eq!(model.0.borrow().receiver & AMUL, 0);
        let group = LinkAddr::ethernet([0x33, 0x33, 0, 0, 0, 1]);
        stack.set_filter([group].into_iter());
        poll();
        assert_eq!(model.0.borrow().receiver & AMUL, AMUL);
    });
}

#[cfg(feature = "promiscuous")]
#[test]
fn stellaris_listens_to_everything_when_told_so() {
    use crate::link::ReceiveMode;

    let model = Model::new();
    with(&model, |_, stack, _, poll| {
        poll();
        let receiver = model.0.borrow().receiver;
        stack.set_mode(ReceiveMode::PROMISCUOUS);
        poll();
        assert_eq!(model.0.borrow().receiver, receiver | PRMS);
        #[cfg(feature = "multicast")]
        {
            stack.set_filter(core::iter::empty());
            stack.set_mode(ReceiveMode::ALL_GROUPS);
            poll();
            assert_eq!(model.0.borrow().receiver, receiver | AMUL);
        }
        stack.set_mode(ReceiveMode::empty());
        poll();
        assert_eq!(model.0.borrow().receiver & PRMS, 0);
    });
}

#[test]
fn stellaris_link_follows_the_phy() {
    let model = Model::new();
    model.0.borrow_mut().phy[MR1 as usize] = 0x7809;
    with(&model, |_, stack, _, poll| {
        assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
        assert_eq!(model.0.borrow().phy[MR17 as usize], PHY_CHANGES);
        assert_eq!(model.0.borrow().phy[MR0 as usize], NEGOTIATE);
        for (ours, theirs, duplex) in [
            (0x01e1, 0x45e1, DUPLEX),
            (0x01e1, 0x0081, 0),
            (0x01e1, 0x0061, DUPLEX),
            (0x01e1, 0, 0),
        ] {
            for (status, state) in [(0x782d, LinkState::Up), (0x7809, LinkState::Down)] {
                {
                    let phy = &mut model.0.borrow_mut().phy;
                    phy[MR1 as usize] = status;
                    (phy[MR4 as usize], phy[MR5 as usize]) = (ours, theirs);
                }
                model.happen(PHYINT);
                poll();
                assert_eq!(stack.take_change().unwrap().0, state);
            }
            assert_eq!(model.0.borrow().transmitter & DUPLEX, duplex);
        }
        // For the end.
        model.0.borrow_mut().phy[MR1 as usize] = 0x782d;
        model.happen(PHYINT);
        poll();
        assert_eq!(stack.take_change().unwrap().0, LinkState::Up);
    });
}

#[test]
fn stellaris_interrupt_is_quiet_until_the_driver_has_looked() {
    let model = Model::new();
    with(&model, |_, _, _, poll| {
        interrupt(&&model, &InterruptSignal::new());
        assert_eq!(model.0.borrow().mask, 0);
        poll();
        assert_eq!(model.0.borrow().mask, 0x5f);
    });
}

#[test]
fn stellaris_refuses_a_port_without_an_ethernet_address() {
    let model = Model::new();
    let (port, signal) = (Port::new(Capabilities::ip(1500)), InterruptSignal::new());
    let mac = Stellaris::new(&model, &signal);
    let pool = Box::leak(Box::new(NetBufPool::<4, 128>::new())).pool();
    let mut run = pin!(mac.run(port.split().0, pool));
    let end = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(end, Poll::Ready(Err(StellarisError::Port))));
}
