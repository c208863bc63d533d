//! A whole stack that receives frames.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::task::{Context, Waker};

use zonda::iface::{ConflictDetection, Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, LinkState, Offload, Port};
use zonda::netbuf::{NetBufPool, Purpose};
use zonda::proto::dns::{Family, Resolver, ServerSource};
use zonda::proto::dns_sd::ServiceConfig;
use zonda::proto::llmnr::Llmnr;
use zonda::proto::mdns::Mdns;
use zonda::socket::{TcpListener, UdpSocket};
use zonda::stack::{ManualClock, StackCell, StackStorage};
use zonda::time::{Duration, Instant};

type Blocks = NetBufPool<64, 512, 32, 64>;

thread_local! {
    /// Tests of several threads do not share one: each ends with nothing in use.
    static POOL: &'static Blocks = Box::leak(Box::new(NetBufPool::new()));
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Frames for one that has 10.0.0.1, fd00::1 and 02:00:00:00:00:01, with time between them: each is
/// behind two octets of its length and one that says how long it waits, in steps of 10 ms.
pub fn stack(data: &[u8]) {
    let (mut frames, mut rest) = (Vec::new(), data);
    while let [high, low, wait, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (frame, next) = after.split_at(length);
        frames.push((u64::from(*wait) * 10, frame.to_vec()));
        rest = next;
    }
    receive(&frames);
}

/// Has the stack receive these, 10 ms after each other.
pub fn run(frames: &[Vec<u8>]) {
    let frames: Vec<_> = frames.iter().map(|frame| (10, frame.clone())).collect();
    receive(&frames);
}

fn receive(frames: &[(u64, Vec<u8>)]) {
    let pool = POOL.with(|pool| pool.pool());
    let mut capabilities = Capabilities::ethernet(MAC);
    // Checksums are good: there is nothing to be learnt behind a wrong one.
    capabilities.offload = Offload::all();
    let port = Port::new(capabilities);
    let (driver, end) = port.split();
    let clock = ManualClock::new();
    {
        let mut storage = Box::new(StackStorage::<1, 8, 4, 2>::new());
        let cell = StackCell::new(&mut storage, pool, [7; 32], &clock);
        let stack = cell.stack();
        let id = stack.attach(end).unwrap();
        let _ = stack.set_conflict_detection(id, ConflictDetection::Off);
        let _ = stack.set_dad_transmits(id, 0);
        let ipv4 = Ipv4Cidr::new(Ipv4Addr::new(10, 0, 0, 1), 24);
        stack.add_ipv4(id, ipv4).unwrap();
        let ipv6 = Ipv6Cidr::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), 64);
        stack.add_ipv6(id, ipv6).unwrap();
        driver.set_link(LinkState::Up);
        let echo = UdpSocket::bind(stack, "[::]:7".parse::<std::net::SocketAddr>().unwrap());
        let echo = echo.unwrap();
        let listener = TcpListener::bind(stack, "[::]:80".parse().unwrap(), 2).unwrap();
        let mut accepted = Vec::new();
        let llmnr = Llmnr::new(stack);
        let resolver = Resolver::new(stack);
        let server = IpAddr::from([10, 0, 0, 9]);
        let _ = resolver.set_servers(ServerSource::Static, None, &[server]);
        let mdns = Mdns::new(stack);
        mdns.set_host_name("host").unwrap();
        let service = ServiceConfig::new("echo", "_echo._udp", 7);
        let _ = mdns.register(&service).unwrap();
        let mut tasks: [Pin<Box<dyn Future<Output = ()> + '_>>; 4] = [
            Box::pin(async {
                let _ = mdns.run().await;
            }),
            Box::pin(async {
                let _ = mdns.lookup_host("other.local", None).await;
            }),
            Box::pin(async {
                let _ = llmnr.run().await;
            }),
            Box::pin(async {
                let _ = resolver.lookup_host("host.test", Family::Any).await;
            }),
        ];
        let mut is_done = [false; 4];
        let mut now = Instant::ZERO;
        let mut step = |wait: u64, frame: &[u8]| {
            now += Duration::from_millis(wait);
            clock.set(now);
            if let Ok(mut buf) = pool.alloc(Purpose::Receive, 2)
                && buf.append(frame).is_ok()
            {
                drop(driver.deliver(buf));
            }
            for _ in 0..4 {
                let _ = stack.poll();
                let mut context = Context::from_waker(Waker::noop());
                for (task, is_done) in tasks.iter_mut().zip(&mut is_done) {
                    *is_done = *is_done || task.as_mut().poll(&mut context).is_ready();
                }
                while driver.try_next_tx().is_some() {}
            }
            while let Some((data, info)) = echo.try_recv() {
                let _ = echo.try_send(data, Some(info.source));
            }
            if let Some(mut socket) = listener.try_accept() {
                let _ = socket.try_write(b"hello");
                accepted.push(socket);
            }
            for socket in &mut accepted {
                let mut bytes = [0; 64];
                while matches!(socket.try_read(&mut bytes), Some(Ok(1..))) {}
            }
        };
        step(1000, &[]);
        for (wait, frame) in frames {
            step(*wait, frame);
        }
        for _ in 0..20 {
            step(5000, &[]);
        }
    }
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
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
