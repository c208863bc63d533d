//! A whole stack that receives frames, and whose sockets are used meanwhile.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Waker};

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{ConflictDetection, Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, DriverEnd, LinkState, Offload, Port};
use zonda::netbuf::{NetBuf, NetBufPool, Pool, Purpose};
use zonda::proto::dns::{Family, Resolver, ServerSource};
use zonda::proto::dns_sd::ServiceConfig;
use zonda::proto::llmnr::Llmnr;
use zonda::proto::mdns::Mdns;
use zonda::socket::{Ping, TcpListener, TcpSocket, UdpSocket};
use zonda::stack::{InterfaceId, ManualClock, Next, Stack, StackCell, StackStorage};
use zonda::time::{Duration, Instant};

type Blocks = NetBufPool<64, 512, 32, 64>;

thread_local! {
    /// Tests of several threads do not share one: each ends with nothing in use.
    static POOL: &'static Blocks = Box::leak(Box::new(NetBufPool::new()));
}

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];

/// What happens next.
enum Step {
    /// A frame comes in by the first interface or the second.
    Frame(usize, Vec<u8>),
    /// The application, or the driver, does something.
    Call(u8, u8),
}

/// Frames for one that has 10.0.0.1, fd00::1 and 02:00:00:00:00:01, with time between them: each is
/// behind two octets of its length and one that says how long it waits, in steps of 10 ms. With the
/// second bit of the length set they are for the second interface, 10.0.1.1, fd01::1 and
/// 02:00:00:00:00:02; with the first there is no frame, but a call: its number, and a number for it.
pub fn stack(data: &[u8]) {
    let (mut steps, mut rest) = (Vec::new(), data);
    while let [high, low, wait, after @ ..] = rest {
        let wait = u64::from(*wait) * 10;
        if high & 0x80 != 0 {
            steps.push((wait, Step::Call(high & 0x7f, *low)));
            rest = after;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([high & 0x3f, *low])).min(after.len());
        let (frame, next) = after.split_at(length);
        steps.push((
            wait,
            Step::Frame(usize::from(high >> 6 & 1), frame.to_vec()),
        ));
        rest = next;
    }
    play(&steps);
}

/// Has the stack receive these, 10 ms after each other.
pub fn run(frames: &[Vec<u8>]) {
    let frames = frames.iter();
    let steps: Vec<_> = frames
        .map(|frame| (10, Step::Frame(0, frame.clone())))
        .collect();
    play(&steps);
}

/// What an application and a driver have.
struct World<'s, 'p> {
    pool: Pool,
    stack: Stack<'s>,
    drivers: [DriverEnd<'p>; 2],
    ids: [InterfaceId; 2],
    clock: &'s ManualClock,
    now: Instant,
    echo: UdpSocket<'s>,
    slow: UdpSocket<'s>,
    listener: TcpListener<'s>,
    connections: Vec<TcpSocket<'s>>,
    ping: Ping<'s>,
    /// Blocks that the application keeps.
    hoard: Vec<NetBuf>,
    /// The drivers take nothing.
    stalled: bool,
    /// The application does not read by itself.
    lazy: bool,
}

fn play(steps: &[(u64, Step)]) {
    let pool = POOL.with(|pool| pool.pool());
    let ports = MACS.map(|mac| {
        let mut capabilities = Capabilities::ethernet(mac);
        // Checksums are good: there is nothing to be learnt behind a wrong one.
        capabilities.offload = Offload::all();
        Port::new(capabilities)
    });
    let [(first, one), (second, two)] = ports.each_ref().map(Port::split);
    let clock = ManualClock::new();
    {
        let mut storage = Box::new(StackStorage::<2, 8, 4, 2>::new());
        let cell = StackCell::new(&mut storage, pool, [7; 32], &clock);
        let stack = cell.stack();
        let ids = [stack.attach(one).unwrap(), stack.attach(two).unwrap()];
        for (id, net) in ids.into_iter().zip(0..) {
            let _ = stack.set_conflict_detection(id, ConflictDetection::Off);
            let _ = stack.set_dad_transmits(id, 0);
            let ipv4 = Ipv4Cidr::new(Ipv4Addr::new(10, 0, net, 1), 24);
            stack.add_ipv4(id, ipv4).unwrap();
            let net = 0xfd00 + u16::from(net);
            let ipv6 = Ipv6Cidr::new(Ipv6Addr::new(net, 0, 0, 0, 0, 0, 0, 1), 64);
            stack.add_ipv6(id, ipv6).unwrap();
        }
        let udp = |port| UdpSocket::bind(stack, SocketAddr::from(([0u16; 8], port))).unwrap();
        let mut world = World {
            pool,
            stack,
            drivers: [first, second],
            ids,
            clock: &clock,
            now: Instant::ZERO,
            echo: udp(7),
            slow: udp(9),
            listener: TcpListener::bind(stack, "[::]:80".parse().unwrap(), 2).unwrap(),
            connections: Vec::new(),
            ping: Ping::new(stack).unwrap(),
            hoard: Vec::new(),
            stalled: false,
            lazy: false,
        };
        world
            .drivers
            .iter()
            .for_each(|driver| driver.set_link(LinkState::Up));
        let llmnr = Llmnr::new(stack);
        let resolver = Resolver::new(stack);
        let server = IpAddr::from([10, 0, 0, 9]);
        let _ = resolver.set_servers(ServerSource::Static, None, &[server]);
        let mdns = Mdns::new(stack);
        mdns.set_host_name("host").unwrap();
        let service = ServiceConfig::new("echo", "_echo._udp", 7);
        let _ = mdns.register(&service).unwrap();
        let mut tasks: [Option<Task<'_>>; 4] = [
            Some(Box::pin(async {
                let _ = mdns.run().await;
            })),
            Some(Box::pin(async {
                let _ = mdns.lookup_host("other.local", None).await;
            })),
            Some(Box::pin(async {
                let _ = llmnr.run().await;
            })),
            Some(Box::pin(async {
                let _ = resolver.lookup_host("host.test", Family::Any).await;
            })),
        ];
        world.step(1000, &mut tasks);
        for (wait, step) in steps {
            match step {
                Step::Frame(interface, frame) => world.deliver(*interface, frame),
                Step::Call(call, number) => world.call(*call, *number, &mut tasks),
            }
            world.step(*wait, &mut tasks);
        }
        (world.stalled, world.lazy) = (false, false);
        world.hoard.clear();
        for _ in 0..20 {
            world.step(5000, &mut tasks);
        }
        // Nothing is in use now but what the stack and its ports keep.
        world.connections.clear();
        tasks.fill_with(|| None);
        world.poll();
        #[cfg(debug_assertions)]
        assert_eq!(stack.check(), pool.check());
    }
    drop(ports);
    assert_eq!(pool.stats().blocks_used, 0);
}

type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

impl World<'_, '_> {
    fn deliver(&self, interface: usize, frame: &[u8]) {
        if let Ok(mut buf) = self.pool.alloc(Purpose::Receive, 2)
            && buf.append(frame).is_ok()
        {
            drop(self.drivers[interface].deliver(buf));
        }
    }

    /// Time passes, and everybody has some turns.
    fn step(&mut self, wait: u64, tasks: &mut [Option<Task<'_>>]) {
        self.now += Duration::from_millis(wait);
        self.clock.set(self.now);
        for _ in 0..4 {
            self.poll();
            let mut context = Context::from_waker(Waker::noop());
            for task in tasks.iter_mut() {
                if task
                    .as_mut()
                    .is_some_and(|task| task.as_mut().poll(&mut context).is_ready())
                {
                    *task = None;
                }
            }
            if !self.stalled {
                for driver in &self.drivers {
                    while driver.try_next_tx().is_some() {}
                }
            }
        }
        while let Some((data, info)) = self.echo.try_recv() {
            let _ = self.echo.try_send(data, Some(info.source));
        }
        if !self.lazy {
            while self.slow.try_recv().is_some() {}
            while self.ping.try_recv().is_some() {}
            self.accept();
            for number in 0..self.connections.len() {
                while matches!(self.read(number), Some(Ok(1..))) {}
            }
        }
    }

    /// The stack comes to rest, and all that it keeps agrees.
    fn poll(&self) {
        let mut turns = 0;
        loop {
            match self.stack.poll() {
                Next::Idle => break,
                Next::At(at) if at > self.now => break,
                // A deadline that was moved may be named once more before it is taken off.
                Next::At(_) | Next::Now => {}
            }
            turns += 1;
            assert!(turns < 100, "it does not come to rest");
            if !self.stalled {
                for driver in &self.drivers {
                    while driver.try_next_tx().is_some() {}
                }
            }
        }
        #[cfg(debug_assertions)]
        {
            let (kept, all) = (self.stack.check(), self.pool.check());
            assert!(kept <= all, "{kept} of {all} views");
        }
    }

    fn accept(&mut self) {
        if let Some(mut socket) = self.listener.try_accept() {
            let _ = socket.try_write(b"hello");
            self.connections.push(socket);
        }
    }

    fn read(&mut self, number: usize) -> Option<Result<usize, zonda::socket::TcpError>> {
        self.connections[number].try_read(&mut [0; 64])
    }

    /// One of the calls.
    fn call(&mut self, call: u8, number: u8, tasks: &mut [Option<Task<'_>>]) {
        let which = usize::from(number & 1);
        let peer = |net: u8, last: u8| -> IpAddr {
            match number & 2 {
                0 => [10, 0, net, last].into(),
                _ => Ipv6Addr::new(0xfd00 + u16::from(net), 0, 0, 0, 0, 0, 0, last.into()).into(),
            }
        };
        let there = peer(number & 1, 9 + (number >> 6));
        let id = self.ids[which];
        let connection = usize::from(number) % self.connections.len().max(1);
        match call % 20 {
            0 => {
                let data = vec![number; usize::from(number) * 16];
                let _ = self.echo.try_send_to(&data, Some((there, 9).into()));
            }
            1 => {
                if let Ok(socket) = TcpSocket::begin(self.stack, (there, 80).into()) {
                    self.connections.push(socket);
                }
            }
            2 => {
                if let Some(socket) = self.connections.get_mut(connection) {
                    let _ = socket.try_write(&vec![number; usize::from(number) * 8]);
                }
            }
            3 if !self.connections.is_empty() => drop(self.read(connection)),
            4 => self
                .connections
                .iter_mut()
                .skip(connection)
                .take(1)
                .for_each(|s| s.shutdown()),
            5 if !self.connections.is_empty() => drop(self.connections.swap_remove(connection)),
            6 if !self.connections.is_empty() => self.connections.swap_remove(connection).abort(),
            7 => self.accept(),
            8 => {
                let group = match number & 2 {
                    0 => IpAddr::from([239, 1, 1, number >> 5]),
                    _ => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, u16::from(number >> 5)).into(),
                };
                let _ = match number & 4 {
                    0 => self.slow.join(group, id),
                    _ => self.slow.leave(group, id),
                };
            }
            9 => {
                let more = peer(number & 1, 100 + (number >> 4));
                match (more, number & 4) {
                    (IpAddr::V4(more), 0) => drop(self.stack.add_ipv4(id, Ipv4Cidr::new(more, 24))),
                    (IpAddr::V6(more), 0) => drop(self.stack.add_ipv6(id, Ipv6Cidr::new(more, 64))),
                    (more, _) => drop(self.stack.remove_address(id, more)),
                }
            }
            10 => {
                let state = [LinkState::Down, LinkState::Up][usize::from(number >> 1 & 1)];
                self.drivers[which].set_link(state);
            }
            11 => {
                let mut capabilities = self.drivers[which].capabilities();
                capabilities.mtu = [1500, 1280, 600, 300, 100, 60, 20, 0][usize::from(number >> 5)];
                self.drivers[which].set_capabilities(capabilities);
            }
            12 => {
                let gateway = there.try_into().unwrap();
                let prefix = Prefix::new(gateway, number >> 3).unwrap();
                let route = Route {
                    prefix,
                    gateway: Some(gateway),
                    interface: id,
                    metric: 0,
                    expires: (number & 4 != 0).then(|| self.now + Duration::from_secs(3)),
                    origin: RouteOrigin::Static,
                };
                let _ = self.stack.add_route(route);
            }
            13 => drop(
                self.ping
                    .try_send(there, 1, &vec![0; usize::from(number) * 8]),
            ),
            14 => self
                .slow
                .set_quota(u32::from(number) * 64, u16::from(number)),
            15 => self.stalled = number & 1 != 0,
            16 => self.lazy = number & 1 != 0,
            17 => {
                let purposes = [Purpose::Receive, Purpose::Send, Purpose::Control];
                for _ in 0..number / 4 {
                    self.hoard
                        .extend(self.pool.alloc(purposes[usize::from(number % 3)], 0));
                }
                if number & 1 != 0 {
                    self.hoard.clear();
                }
            }
            18 => drop(self.echo.connect((there, 9).into())),
            // A task is given up in the middle of what it does.
            _ => tasks[usize::from(number & 3)] = None,
        }
    }
}

/// A frame with a datagram to a group of the link; its checksums are left out.
pub fn datagram((source, group): (IpAddr, IpAddr), (from, to): (u16, u16), data: &[u8]) -> Vec<u8> {
    let data = &data[..data.len().min(1400)];
    let length = (8 + data.len()) as u16;
    let mut frame = Vec::new();
    match (source, group) {
        (IpAddr::V4(source), IpAddr::V4(group)) => {
            let [_, b, c, d] = group.octets();
            frame.extend([1, 0, 0x5e, b & 0x7f, c, d, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0]);
            frame.extend((20 + length).to_be_bytes());
            frame.extend([0, 0, 0, 0, 255, 17, 0, 0]);
            frame.extend(source.octets());
            frame.extend(group.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(group)) => {
            frame.extend([0x33, 0x33]);
            frame.extend(&group.octets()[12..]);
            frame.extend([2, 0, 0, 0, 0, 9, 0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([17, 255]);
            frame.extend(source.octets());
            frame.extend(group.octets());
        }
        _ => unreachable!("both of one version"),
    }
    frame.extend(from.to_be_bytes());
    frame.extend(to.to_be_bytes());
    frame.extend(length.to_be_bytes());
    // By IPv6 none is forbidden.
    frame.extend([0x12, 0x34]);
    frame.extend(data);
    frame
}
