//! The transfer between two smoltcp stacks.

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::link::{Case, Link, Outcome, byte};

/// A device that keeps what comes and goes.
#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct TxToken<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut packet = vec![0; length];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        let packet = self.received.pop_front()?;
        Some((RxToken(packet), TxToken(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

struct Station {
    device: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl Station {
    fn new(case: Case, last: u8) -> Self {
        let mut device = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = case.seed << 8 | u64::from(last);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(IpAddress::v4(10, 0, 0, last), 24);
            addresses.push(address).expect("an address");
        });
        let buffer = || tcp::SocketBuffer::new(vec![0; case.window]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        Self {
            device,
            interface,
            sockets,
            handle,
        }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    fn poll(&mut self, link: &mut Link, number: usize) {
        let now = Instant::from_micros(link.now as i64);
        while let Some(packet) = link.receive(number) {
            self.device.received.push_back(packet);
            let _ = self
                .interface
                .poll(now, &mut self.device, &mut self.sockets);
        }
        let _ = self
            .interface
            .poll(now, &mut self.device, &mut self.sockets);
        while let Some(packet) = self.device.sent.pop_front() {
            link.send(number, packet);
        }
    }

    fn next(&mut self, now: u64) -> Option<u64> {
        let at = Instant::from_micros(now as i64);
        let next = self.interface.poll_at(at, &self.sockets)?;
        Some((next.total_micros() as u64).max(now + 1))
    }
}

pub fn run(case: Case) -> Outcome {
    let mut link = Link::new(case);
    let mut stations = [1, 2].map(|last| Station::new(case, last));
    stations[1].socket().listen(9).expect("it listens");
    let Station {
        interface,
        sockets,
        handle,
        ..
    } = &mut stations[0];
    let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
    let remote = (IpAddress::v4(10, 0, 0, 2), 9);
    socket
        .connect(interface.context(), remote, 50_000)
        .expect("it connects");
    let stream: Vec<u8> = (0..case.octets).map(byte).collect();
    let (mut written, mut read) = (0, 0);
    loop {
        for (number, station) in stations.iter_mut().enumerate() {
            station.poll(&mut link, number);
        }
        if stations[0].socket().may_send() && written < case.octets {
            written += stations[0]
                .socket()
                .send_slice(&stream[written..])
                .expect("it is open");
        }
        let socket = stations[1].socket();
        while socket.can_recv() {
            let taken = socket.recv(|bytes| {
                assert_eq!(bytes[..], stream[read..read + bytes.len()]);
                (bytes.len(), bytes.len())
            });
            read += taken.expect("it is open");
        }
        for (number, station) in stations.iter_mut().enumerate() {
            station.poll(&mut link, number);
        }
        if read == case.octets {
            return Outcome::new(case, &link, link.now);
        }
        let timers: Vec<_> = stations
            .iter_mut()
            .filter_map(|s| s.next(link.now))
            .collect();
        let next = link.next().into_iter().chain(timers).min();
        let next = next.filter(|at| *at < 10_000_000_000).expect("it goes on");
        link.now = link.now.max(next);
    }
}
