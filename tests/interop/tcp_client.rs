//! A stack of this process on a TAP interface connects to Linux.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use async_io::block_on;
use embassy_futures::select::{Either, Either3, select, select3};
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::{ConnectError, TcpError, TcpSocket};
use zonda::stack::{EmbassyClock, Runner, Stack, StackCell, StackStorage};
use zonda::time::Duration;

use crate::demo::join_tap;

const LINUX: [&str; 2] = ["10.9.0.1:4000", "[fd09::1]:4000"];

/// Runs `script` with a stack beside Linux; nothing of its pool may be left.
fn with_stack(script: impl AsyncFn(Stack<'_>)) {
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    let device = TapDevice::open(&TapOptions::new("zonda0", TapKind::Tap)).unwrap();
    let port = Port::new(Capabilities::ethernet(*b"\x02ZONDA"));
    {
        let clock = EmbassyClock;
        let mut storage = StackStorage::<1, 0, 4, 1>::new();
        let cell = StackCell::new(&mut storage, POOL.pool(), [7; 32], &clock);
        let stack = cell.stack();
        let id = stack.attach(port.split().1).unwrap();
        let ipv4 = Ipv4Cidr::new("10.9.0.2".parse().unwrap(), 24);
        // Nobody else is there to have the address.
        #[cfg(feature = "acd")]
        let _: bool = stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
        stack.add_ipv4(id, ipv4).unwrap();
        let ipv6 = Ipv6Cidr::new("fd09::2".parse().unwrap(), 64);
        stack.add_ipv6(id, ipv6).unwrap();
        let mut runner = Runner::new(stack);
        let script = async {
            stack.link_up(id).await;
            join_tap();
            stack.ready(id).await;
            limited(stack, script(stack)).await;
        };
        let run = device.run(port.split().0, POOL.pool());
        match block_on(select3(script, run, runner.run())) {
            Either3::First(()) => {}
            Either3::Second(Err(error)) => panic!("the driver ended: {error}"),
            Either3::Third(never) => match never {},
        }
    }
    drop((port, device));
    assert_eq!(POOL.pool().stats().blocks_used, 0);
}

async fn limited<R>(stack: Stack<'_>, work: impl Future<Output = R>) -> R {
    match select(work, stack.sleep(Duration::from_secs(60))).await {
        Either::First(result) => result,
        Either::Second(()) => panic!("it takes too long"),
    }
}

/// What Linux does with the one that connects.
fn linux(target: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> thread::JoinHandle<()> {
    let any = if target.starts_with('[') {
        "[::]:4000"
    } else {
        "0.0.0.0:4000"
    };
    let listener = TcpListener::bind(any).unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0))
}

#[test]
fn stack_connects_to_linux_and_closes() {
    in_namespace!();
    with_stack(async |stack| {
        for target in LINUX {
            let peer = linux(target, |mut stream| {
                let mut words = Vec::new();
                let _: usize = stream.read_to_end(&mut words).unwrap();
                stream.write_all(&words).unwrap();
            });
            let address: SocketAddr = target.parse().unwrap();
            let mut socket = TcpSocket::connect(stack, address).await.unwrap();
            socket.set_keepalive(Some(Duration::from_secs(1)));
            // Linux answers what asks whether it is there.
            stack.sleep(Duration::from_secs(3)).await;
            let _: usize = socket.write(b"hello").await.unwrap();
            socket.shutdown();
            let back = socket.recv().await.unwrap().unwrap();
            assert!(back.equals(b"hello"));
            drop(back);
            assert!(socket.recv().await.unwrap().is_none());
            peer.join().unwrap();
        }
    });
}

#[test]
fn refusals_and_resets_arrive_on_both_sides() {
    in_namespace!();
    with_stack(async |stack| {
        for target in LINUX {
            let address: SocketAddr = target.parse().unwrap();
            let refused = TcpSocket::connect(stack, address).await.err();
            assert_eq!(refused, Some(ConnectError::Failed(TcpError::Refused)));
            // Ours: Linux is told at once.
            let peer = linux(target, |mut stream| {
                let error = stream.read(&mut [0; 8]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            });
            let socket = TcpSocket::connect(stack, address).await.unwrap();
            socket.abort();
            while !peer.is_finished() {
                stack.sleep(Duration::from_millis(10)).await;
            }
            peer.join().unwrap();
            // Theirs: what was not read.
            let peer = linux(target, |stream| {
                rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
                    .unwrap();
            });
            let mut socket = TcpSocket::connect(stack, address).await.unwrap();
            assert_eq!(socket.recv().await.err(), Some(TcpError::Reset));
            peer.join().unwrap();
        }
    });
}
