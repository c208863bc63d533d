//! Two stacks whose interfaces are devices with drivers for `embassy-net`, joined by a cable.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_futures::join::join;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use zonda::drivers::embassy_net_driver::Adapter;
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::Port;
use zonda::socket::{TcpListener, TcpSocket};

use crate::network::*;

/// Frames that a device has room for, in either direction.
const ROOM: usize = 4;

/// One end of a cable.
#[derive(Default)]
struct End {
    arrived: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
    sent: u32,
}

/// A device with few buffers: it gives no received frame while it has no room to send.
struct Device {
    near: Rc<RefCell<End>>,
    far: Rc<RefCell<End>>,
    mac: [u8; 6],
    /// Every so many frames one is lost on the cable.
    loss: u32,
}

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, work: F) -> R {
        work(&mut self.0)
    }
}

struct Room<'d>(&'d Device);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let mut frame = vec![0; length];
        let result = work(&mut frame);
        self.0.near.borrow_mut().sent += 1;
        let mut far = self.0.far.borrow_mut();
        if !self.0.near.borrow().sent.is_multiple_of(self.0.loss) {
            far.arrived.push_back(frame);
        }
        wake(&mut far);
        result
    }
}

fn wake(end: &mut End) {
    if let Some(waker) = end.waker.take() {
        waker.wake();
    }
}

impl Device {
    fn has_room(&self, context: &Context<'_>) -> bool {
        self.near.borrow_mut().waker = Some(context.waker().clone());
        self.far.borrow().arrived.len() < ROOM
    }
}

impl Driver for Device {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Frame, Room<'_>)> {
        if !self.has_room(context) {
            return None;
        }
        let frame = self.near.borrow_mut().arrived.pop_front()?;
        // There is room again for what the other sends.
        wake(&mut self.far.borrow_mut());
        Some((Frame(frame), Room(self)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Room<'_>> {
        self.has_room(context).then_some(Room(self))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.mac)
    }
}

/// Two hosts on a cable, with addresses that end in 1 and 2.
fn joined(net: &Network, loss: u32) -> [Host; 2] {
    let ends: [Rc<RefCell<End>>; 2] = Default::default();
    [0, 1].map(|number: usize| {
        let host = net.host(["left", "right"][number]);
        let last = number as u8 + 1;
        let mut adapter = Adapter::new(Device {
            near: ends[number].clone(),
            far: ends[1 - number].clone(),
            mac: [2, 0, 0, 0, 0, last],
            loss,
        })
        .unwrap();
        let port: &'static Port = Box::leak(Box::new(Port::new(adapter.capabilities())));
        let (driver, end) = port.split();
        let stack = host.stack();
        let id = stack.attach(end).unwrap();
        #[cfg(feature = "acd")]
        stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
        stack
            .add_ipv4(id, Ipv4Cidr::new([10, 0, 0, last].into(), 24))
            .unwrap();
        let ipv6 = format!("fd00::{last}").parse().unwrap();
        stack.add_ipv6(id, Ipv6Cidr::new(ipv6, 64)).unwrap();
        net.spawn(async move { adapter.run(driver, host.pool()).await });
        net.block_on(stack.ready(id));
        host
    })
}

/// The byte of a stream at an offset; `side` tells the streams apart.
fn byte(side: u8, offset: usize) -> u8 {
    (offset.wrapping_mul(0x9e37_79b1) >> 13) as u8 ^ side
}

/// Writes a stream and reads the other's, both at once; says how much it read.
async fn exchange(mut socket: TcpSocket<'static>, side: u8, length: usize) -> usize {
    let (mut reader, mut writer) = socket.split();
    let write = async {
        let mut written = 0;
        while written < length {
            let end = length.min(written + 1000);
            let data: Vec<_> = (written..end).map(|at| byte(side, at)).collect();
            written += writer.write(&data).await.unwrap();
        }
        writer.shutdown();
        writer.flush().await.unwrap();
    };
    let read = async {
        let mut read = 0;
        while let Some(data) = reader.recv().await.unwrap() {
            let mut bytes = vec![0; data.len()];
            assert_eq!(data.read(0, &mut bytes), bytes.len());
            for got in bytes {
                assert_eq!(got, byte(1 - side, read));
                read += 1;
            }
        }
        read
    };
    join(write, read).await.1
}

fn streams_pass(loss: u32, length: usize) {
    let net = Network::new(1);
    let [left, right] = joined(&net, loss);
    for remote in ["10.0.0.2:7", "[fd00::2]:7"] {
        let listener = TcpListener::bind(right.stack(), "[::]:7".parse().unwrap(), 1).unwrap();
        let server = net.spawn(async move { exchange(listener.accept().await, 1, length).await });
        let remote = remote.parse().unwrap();
        let client = net.block_on(async {
            let socket = TcpSocket::connect(left.stack(), remote).await.unwrap();
            exchange(socket, 0, length).await
        });
        assert_eq!(client, length);
        net.run_for(ms(100));
        assert_eq!(server.take(), Some(length));
    }
}

#[test]
fn streams_pass_two_adapters_both_ways_at_once() {
    // Neither waits for the other for ever, although neither receives without room to send.
    streams_pass(u32::MAX, 300_000);
}

#[test]
fn streams_pass_two_adapters_on_a_lossy_cable() {
    streams_pass(50, 100_000);
}
