//! smoltcp's way through a row. A frame is written where the other stack reads it.

use core::hint::black_box;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

use crate::{ADDRESSES, LINGER, MACS, MESSAGE, Measure, PORT, ROUND, Row, SEGMENT, Work};

const PLACES: usize = 64;
const LONGEST: usize = 1514;

#[repr(align(4))]
struct Frame {
    /// Behind these two octets the network header is aligned to a word.
    _offset: [u8; 2],
    bytes: [u8; LONGEST],
    length: usize,
}

/// The frames on their way in one direction.
struct Wire {
    frames: [Frame; PLACES],
    first: usize,
    waiting: usize,
}

impl Wire {
    const fn new() -> Self {
        Self {
            frames: [const {
                Frame {
                    _offset: [0; 2],
                    bytes: [0; LONGEST],
                    length: 0,
                }
            }; PLACES],
            first: 0,
            waiting: 0,
        }
    }
}

/// What is too large for the stack: both wires, and the buffers of both sockets.
pub struct Memory {
    wires: [Wire; 2],
    buffers: [[[u8; 65_535]; 2]; 2],
}

impl Memory {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            wires: [Wire::new(), Wire::new()],
            buffers: [[[0; 65_535]; 2]; 2],
        }
    }
}

struct Device<'w> {
    from: &'w mut Wire,
    to: &'w mut Wire,
}

struct RxToken<'a>(&'a [u8]);
struct TxToken<'a>(&'a mut Wire);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let frame = &mut self.0.frames[(self.0.first + self.0.waiting) % PLACES];
        self.0.waiting += 1;
        frame.length = length;
        f(&mut frame.bytes[..length])
    }
}

impl phy::Device for Device<'_> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        if self.to.waiting == PLACES {
            return None;
        }
        self.from.waiting = self.from.waiting.checked_sub(1)?;
        let frame = &self.from.frames[self.from.first];
        self.from.first = (self.from.first + 1) % PLACES;
        Some((RxToken(&frame.bytes[..frame.length]), TxToken(self.to)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        (self.to.waiting < PLACES).then_some(TxToken(self.to))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct End<'a> {
    interface: Interface,
    sockets: SocketSet<'a>,
    handle: SocketHandle,
}

impl<'a> End<'a> {
    fn socket(&mut self) -> &mut Socket<'a> {
        self.sockets.get_mut(self.handle)
    }
}

struct Bench<'a, 'w> {
    ends: [End<'a>; 2],
    wires: [&'w mut Wire; 2],
    millis: u64,
    port: u16,
    row: Row,
}

impl Bench<'_, '_> {
    fn poll(&mut self, side: usize) {
        let now = Instant::from_millis(self.millis as i64);
        let [out, back] = &mut self.wires;
        let (to, from) = if side == 0 { (out, back) } else { (back, out) };
        let mut device = Device { from, to };
        let End {
            interface, sockets, ..
        } = &mut self.ends[side];
        black_box(interface.poll(now, &mut device, sockets));
    }

    /// Passes frames on until both stacks are at rest. The ends in `fresh` have something new to send.
    fn settle(&mut self, fresh: usize) {
        self.poll(fresh);
        loop {
            for side in [1, 0] {
                if self.wires[1 - side].waiting > 0 {
                    self.poll(side);
                }
            }
            if self.wires.iter().all(|wire| wire.waiting == 0) {
                return;
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        self.millis += millis;
        self.settle(0);
        self.settle(1);
    }

    fn open(&mut self) {
        self.ends[1].socket().listen(PORT).unwrap();
        self.port = if self.port == 65_535 {
            49_152
        } else {
            self.port + 1
        };
        let End {
            interface,
            sockets,
            handle,
        } = &mut self.ends[0];
        let remote = (Ipv4Address::from(ADDRESSES[1]), PORT);
        let socket = sockets.get_mut::<Socket<'_>>(*handle);
        let connected = socket.connect(interface.context(), remote, self.port);
        connected.unwrap();
        self.settle(0);
        assert_eq!(self.ends[1].socket().state(), State::Established);
    }

    fn stream(&mut self, data: &mut [u8]) {
        let whole = self.row.units() as usize * SEGMENT;
        let (mut written, mut read) = (0, 0);
        let in_place = self.row.work == Work::InPlace;
        while read < whole {
            let before = (written, read);
            while written < whole {
                let socket = self.ends[0].socket();
                let count = match in_place {
                    true => socket.send(|room| {
                        let count = room.len().min(whole - written);
                        (count, count)
                    }),
                    false => socket.send_slice(&data[..whole - written]),
                };
                match count {
                    Ok(count) if count > 0 => written += count,
                    _ => break,
                }
            }
            self.settle(0);
            loop {
                let socket = self.ends[1].socket();
                let count = match in_place {
                    true => socket.recv(|piece| {
                        let piece = black_box(piece);
                        (piece.len(), piece.len())
                    }),
                    false => socket.recv_slice(data),
                };
                match count {
                    Ok(count) if count > 0 => read += count,
                    _ => break,
                }
            }
            self.settle(1);
            if (written, read) == before {
                self.pass(50);
            }
        }
    }

    fn exchange(&mut self, data: &mut [u8]) {
        for (from, to) in [(0, 1), (1, 0)] {
            let sent = self.ends[from].socket().send_slice(&data[..MESSAGE]);
            assert_eq!(sent, Ok(MESSAGE));
            self.settle(from);
            assert_eq!(self.ends[to].socket().recv_slice(data), Ok(MESSAGE));
        }
    }

    fn connect(&mut self) {
        self.open();
        for side in [0, 1] {
            self.ends[side].socket().close();
            self.settle(side);
        }
        self.pass(LINGER);
        assert!(
            self.ends
                .iter_mut()
                .all(|end| end.socket().state() == State::Closed)
        );
    }
}

/// Measures a row.
pub fn run(row: Row, memory: &mut Memory, data: &mut [u8], measure: Measure<'_>) {
    let Memory {
        wires: [out, back],
        buffers,
    } = memory;

    (out.waiting, back.waiting) = (0, 0);
    let mut storages = [[SocketStorage::EMPTY], [SocketStorage::EMPTY]];
    let [storage, other] = &mut storages;
    let [buffer, other_buffer] = buffers;
    let mut side = 0;
    let ends = [(storage, buffer), (other, other_buffer)].map(|(storage, [receive, send])| {
        let config = Config::new(EthernetAddress(MACS[side]).into());
        let mut device = Device {
            from: &mut *back,
            to: &mut *out,
        };
        let mut interface = Interface::new(config, &mut device, Instant::from_millis(1));
        interface.update_ip_addrs(|addresses| {
            let own = IpCidr::new(Ipv4Address::from(ADDRESSES[side]).into(), 24);
            addresses.push(own).unwrap();
        });
        side += 1;
        let socket = Socket::new(
            SocketBuffer::new(&mut receive[..row.quota]),
            SocketBuffer::new(&mut send[..row.quota]),
        );
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(socket);
        End {
            interface,
            sockets,
            handle,
        }
    });
    let mut bench = Bench {
        ends,
        wires: [out, back],
        millis: 1,
        port: 49_152,
        row,
    };
    match row.work {
        Work::Connect => measure(&mut |rounds| (0..rounds).for_each(|_| bench.connect())),
        work => {
            bench.open();
            measure(&mut |rounds| {
                for _ in 0..rounds {
                    match work {
                        Work::Exchange => bench.exchange(data),
                        _ => bench.stream(data),
                    }
                    bench.pass(ROUND);
                }
            });
        }
    }
}
