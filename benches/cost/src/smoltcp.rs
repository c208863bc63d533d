//! smoltcp's way through a row. Its device lends the stack frames that lie aligned as Zonda's do.

use core::hint::black_box;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address};

use crate::frames::{self, ADDRESS, LONGEST, MAC, PEER, PEER_PORT, PORT};
use crate::{Measure, Row, Work};

#[repr(align(4))]
struct Frame {
    /// Behind these two octets the network header is aligned to a word.
    _offset: [u8; 2],
    bytes: [u8; LONGEST],
}

impl Frame {
    const EMPTY: Self = Self {
        _offset: [0; 2],
        bytes: [0; LONGEST],
    };
}

struct Device {
    received: Frame,
    length: usize,
    waiting: u32,
    to_send: Frame,
    sent: u32,
    offload: bool,
}

struct RxToken<'a>(&'a [u8]);
struct TxToken<'a>(&'a mut Frame, &'a mut u32);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let result = f(&mut self.0.bytes[..length]);
        black_box(&self.0.bytes);
        *self.1 += 1;
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        self.waiting = self.waiting.checked_sub(1)?;
        let frame = &self.received.bytes[..self.length];
        Some((RxToken(frame), TxToken(&mut self.to_send, &mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.to_send, &mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        if self.offload {
            let mut checksum = ChecksumCapabilities::ignored();
            checksum.icmpv4 = Checksum::Both;
            capabilities.checksum = checksum;
        }
        capabilities
    }
}

struct Bench<'a> {
    interface: Interface,
    device: Device,
    sockets: SocketSet<'a>,
    handle: SocketHandle,
    row: Row,
}

impl Bench<'_> {
    fn poll(&mut self) {
        let now = Instant::from_micros(1);
        black_box(
            self.interface
                .poll(now, &mut self.device, &mut self.sockets),
        );
    }

    fn run(&mut self, data: &mut [u8], polls: u32) {
        let peer = IpEndpoint::new(Ipv4Address::from(PEER).into(), PEER_PORT);
        let Row {
            work,
            length,
            batch,
            ..
        } = self.row;
        let mut done = 0;
        self.device.sent = 0;
        for _ in 0..polls {
            match work {
                Work::Receive | Work::ReceiveInPlace | Work::Echo => {
                    self.device.waiting = batch;
                    self.poll();
                }
                Work::Poll => {
                    self.poll();
                    done += 1;
                }
                Work::Send => {}
            }
            let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
            match work {
                Work::Receive => {
                    while let Ok((count, info)) = socket.recv_slice(data) {
                        black_box(&info);
                        done += u32::from(count == length);
                    }
                }
                Work::ReceiveInPlace => {
                    while let Ok((data, info)) = socket.recv() {
                        black_box(&info);
                        done += u32::from(data.len() == length);
                    }
                }
                Work::Send => {
                    for _ in 0..batch {
                        let _ = socket.send_slice(&data[..length], peer);
                    }
                    self.poll();
                }
                Work::Echo => {
                    while let Ok((count, from)) = socket.recv_slice(data) {
                        let _ = socket.send_slice(&data[..count], from.endpoint);
                    }
                    self.poll();
                }
                Work::Poll => {}
            }
        }
        done += self.device.sent;
        assert_eq!(done, polls * batch, "datagrams went missing");
    }
}

/// Measures a row.
pub fn run(row: Row, measure: Measure<'_>) {
    let mut device = Device {
        received: Frame::EMPTY,
        length: 0,
        waiting: 0,
        to_send: Frame::EMPTY,
        sent: 0,
        offload: row.offload,
    };
    let config = Config::new(EthernetAddress(MAC).into());
    let mut interface = Interface::new(config, &mut device, Instant::from_micros(1));
    interface.update_ip_addrs(|addresses| {
        addresses
            .push(IpCidr::new(Ipv4Address::from(ADDRESS).into(), 24))
            .unwrap();
    });
    let mut storage = [SocketStorage::EMPTY; 1001];
    let mut sockets = SocketSet::new(&mut storage[..1 + row.idle]);
    for port in (10_000..).take(row.idle) {
        let none = || PacketBuffer::new(&mut [][..], &mut [][..]);
        let mut socket = Socket::new(none(), none());
        socket.bind(port).unwrap();
        let _ = sockets.add(socket);
    }
    let mut metadata = [[PacketMetadata::EMPTY; 16]; 2];
    let mut payload = [[0; 16 * 1472]; 2];
    let [metadata_in, metadata_out] = &mut metadata;
    let [payload_in, payload_out] = &mut payload;
    let mut socket = Socket::new(
        PacketBuffer::new(&mut metadata_in[..], &mut payload_in[..]),
        PacketBuffer::new(&mut metadata_out[..], &mut payload_out[..]),
    );
    socket.bind(PORT).unwrap();
    let handle = sockets.add(socket);
    let mut bench = Bench {
        interface,
        device,
        sockets,
        handle,
        row,
    };
    // The neighbour is resolved: it answers the request for the first datagram.
    let peer = IpEndpoint::new(Ipv4Address::from(PEER).into(), PEER_PORT);
    let socket = bench.sockets.get_mut::<Socket<'_>>(handle);
    socket.send_slice(&[0], peer).unwrap();
    bench.poll();
    let reply = frames::arp_reply();
    bench.device.received.bytes[..reply.len()].copy_from_slice(&reply);
    (bench.device.length, bench.device.waiting) = (reply.len(), 1);
    bench.poll();
    let later = Instant::from_millis(5000);
    let _ = bench
        .interface
        .poll(later, &mut bench.device, &mut bench.sockets);
    assert_eq!(bench.device.sent, 2, "an ARP request and the datagram");
    bench.device.length = frames::datagram(&mut bench.device.received.bytes, row.length);
    let mut data = [0x55; 1472];
    measure(&mut |polls| bench.run(&mut data, polls));
}
