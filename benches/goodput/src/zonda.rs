//! The transfer between two Zonda stacks.

use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, DriverEnd, LinkState, Port};
use zonda::netbuf::{Limits, NetBufPool, Pool, Purpose};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::{ManualClock, Next, Stack, StackCell, StackStorage};
use zonda::time::Instant;

use crate::link::{Case, Link, Outcome, byte};

type Blocks = NetBufPool<256, 1536, 64, 128>;

struct Station {
    stack: Stack<'static>,
    driver: DriverEnd<'static>,
    pool: Pool,
    next: u64,
}

impl Station {
    fn new(case: Case, clock: &'static ManualClock, last: u8) -> Self {
        let pool = Box::leak(Box::new(Blocks::new())).pool();
        pool.set_limits(Limits {
            held: 100,
            send: 100,
            control: 16,
        });
        let mut seed = [last; 32];
        seed[..8].copy_from_slice(&case.seed.to_be_bytes());
        let storage = Box::leak(Box::new(StackStorage::<1, 1, 1, 1>::new()));
        let cell = Box::leak(Box::new(StackCell::new(storage, pool, seed, clock)));
        let stack = cell.stack();
        let (driver, end) = Box::leak(Box::new(Port::new(Capabilities::ip(1500)))).split();
        let id = stack.attach(end).expect("an interface");
        driver.set_link(LinkState::Up);
        let address = Ipv4Cidr::new([10, 0, 0, last].into(), 24);
        stack.add_ipv4(id, address).expect("an address");
        Self {
            stack,
            driver,
            pool,
            next: 0,
        }
    }

    /// Takes in what has come, and sends what is to be sent.
    fn run(&mut self, link: &mut Link, number: usize) {
        while let Some(packet) = link.receive(number) {
            let buf = self.pool.alloc_chain(Purpose::Receive, 0, packet.len());
            let mut buf = buf.expect("a block");
            let _ = buf.write(0, &packet).expect("it is not shared");
            if self.driver.deliver(buf).is_err() {
                panic!("no room in the port");
            }
            self.poll(link, number);
        }
        self.poll(link, number);
    }

    fn poll(&mut self, link: &mut Link, number: usize) {
        loop {
            let next = self.stack.poll();
            let mut any = false;
            while let Some(frame) = self.driver.try_next_tx() {
                any = true;
                link.send(number, frame.fragments().flatten().copied().collect());
            }
            if any || next == Next::Now {
                continue;
            }
            self.next = match next {
                Next::At(at) => at.as_micros(),
                _ => u64::MAX,
            };
            return;
        }
    }
}

pub fn run(case: Case) -> Outcome {
    let clock: &'static ManualClock = Box::leak(Box::new(ManualClock::new()));
    let mut link = Link::new(case);
    let mut stations = [1, 2].map(|last| Station::new(case, clock, last));
    for (number, station) in stations.iter_mut().enumerate() {
        station.run(&mut link, number);
    }
    let listener = TcpListener::bind(stations[1].stack, "10.0.0.2:9".parse().unwrap(), 1);
    let listener = listener.expect("a listener");
    let remote = "10.0.0.2:9".parse().unwrap();
    let mut sender = TcpSocket::begin(stations[0].stack, remote).expect("a connection");
    sender.set_quota(case.window as u32, case.window as u32);
    let mut receiver: Option<TcpSocket<'_>> = None;
    let (mut written, mut read) = (0, 0);
    let stream: Vec<u8> = (0..case.octets).map(byte).collect();
    let mut buffer = vec![0; 65_536];
    loop {
        for (number, station) in stations.iter_mut().enumerate() {
            station.run(&mut link, number);
        }
        while written < case.octets {
            match sender.try_write(&stream[written..]) {
                Some(Ok(length)) => written += length,
                Some(Err(error)) => panic!("{error}"),
                None => break,
            }
        }
        if receiver.is_none()
            && let Some(mut socket) = listener.try_accept()
        {
            socket.set_quota(case.window as u32, case.window as u32);
            receiver = Some(socket);
        }
        if let Some(socket) = &mut receiver {
            while let Some(Ok(length)) = socket.try_read(&mut buffer) {
                assert_eq!(buffer[..length], stream[read..read + length]);
                read += length;
            }
        }
        for (number, station) in stations.iter_mut().enumerate() {
            station.poll(&mut link, number);
        }
        if read == case.octets {
            return Outcome::new(case, &link, link.now);
        }
        let timers = stations.iter().map(|station| station.next).min();
        let next = link.next().into_iter().chain(timers).min();
        let next = next.filter(|at| *at < 10_000_000_000).expect("it goes on");
        link.now = link.now.max(next);
        clock.set(Instant::from_micros(link.now));
    }
}
