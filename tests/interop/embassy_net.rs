//! A driver that others wrote for `embassy-net`, at a port of the stack, and Linux at the other end;
//! and the stack of `embassy-net` on our TAP driver.

use std::future::Future;
use std::thread;

use async_io::block_on;
use embassy_futures::join::join;
use embassy_futures::select::{Either3, select3};
use embassy_net::{Config, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use embedded_io_async::Write;
use zonda::drivers::embassy_net_driver::{Adapter, PortDevice};
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::{NetBufPool, Pool};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::Stack;

use crate::demo::{DEVICE4, DEVICE6, join_tap};
use crate::namespace::ip;
use crate::stack::{join_linux, on_port};
use crate::tcp::{connect, echo};
use crate::tcp_client::{LINUX, linux};
use crate::udp::short_datagrams_are_echoed;

/// What is echoed over each connection, in bytes.
const BULK: usize = 10_000_000;

/// Runs `script` with a stack beside Linux, on the interface of that driver.
fn beside_linux(pool: Pool, script: impl AsyncFn(Stack<'_>)) {
    let mut device = TunTapDevice::new("zonda0").unwrap();
    device.set_hardware_address(*b"\x02ZONDA");
    ip("link set zonda0 up");
    let mut adapter = Adapter::new(device).unwrap();
    let port = Port::new(adapter.capabilities());
    assert_eq!(port.split().0.capabilities().mtu, 1500);
    let run = adapter.run(port.split().0, pool);
    on_port::<4>(pool, &port, run, async |stack, id| {
        join_linux(stack, id).await;
        script(stack).await;
    });
    assert_eq!(port.stats().receive_full, 0);
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
}

/// Sends back what comes, block by block, until the peer has said all.
async fn send_back(mut socket: TcpSocket<'_>) {
    while let Some(data) = socket.recv().await.unwrap() {
        socket.send(data).await.unwrap();
    }
    socket.shutdown();
    socket.flush().await.unwrap();
}

/// Lets a thread do its part beside `work`.
async fn beside(stack: Stack<'_>, thread: thread::JoinHandle<()>, work: impl Future<Output = ()>) {
    let ended = async {
        while !thread.is_finished() {
            stack.sleep(zonda::time::Duration::from_millis(10)).await;
        }
    };
    let ((), ()) = join(work, ended).await;
    thread.join().unwrap();
}

#[test]
fn linux_has_bulk_echoed_through_a_driver_of_embassy_net() {
    in_namespace!();
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    beside_linux(POOL.pool(), async |stack| {
        let listener = TcpListener::bind(stack, "[::]:7".parse().unwrap(), 2).unwrap();
        for target in [DEVICE4, DEVICE6] {
            let client = thread::spawn(move || echo(connect(target, 7), 1, BULK));
            beside(stack, client, async {
                send_back(listener.accept().await).await;
            })
            .await;
        }
    });
}

#[test]
fn stack_connects_to_linux_through_a_driver_of_embassy_net() {
    in_namespace!();
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    beside_linux(POOL.pool(), async |stack| {
        for target in LINUX {
            let server = linux(target, |stream| echo(stream, 2, BULK));
            let work = async {
                let remote = target.parse().unwrap();
                send_back(TcpSocket::connect(stack, remote).await.unwrap()).await;
            };
            beside(stack, server, work).await;
        }
    });
}

#[test]
fn short_frames_pass_a_small_pool_through_a_driver_of_embassy_net() {
    in_namespace!();
    // Too few blocks for a frame of full length.
    static POOL: NetBufPool<8, 128> = NetBufPool::new();
    beside_linux(POOL.pool(), short_datagrams_are_echoed);
}

/// The other stack, which knows nothing of ours, on our driver.
#[test]
fn embassy_net_echoes_to_linux_on_our_tap_driver() {
    in_namespace!();
    static POOL: NetBufPool<32, 512> = NetBufPool::new();
    let pool = POOL.pool();
    let tap = TapDevice::open(&TapOptions::new("zonda0", TapKind::Tap)).unwrap();
    join_tap();
    let port = Port::new(Capabilities::ethernet(*b"\x02ZONDA"));
    let (driver, stack_end) = port.split();
    let address = StaticConfigV4 {
        address: Ipv4Cidr::new(DEVICE4.parse().unwrap(), 24),
        gateway: None,
        dns_servers: Default::default(),
    };
    let mut device = PortDevice::<1518>::new(stack_end, pool);
    let mut resources = StackResources::<2>::new();
    let (stack, mut runner) =
        embassy_net::new(&mut device, Config::ipv4_static(address), &mut resources, 7);
    let client = thread::spawn(|| echo(connect(DEVICE4, 7), 3, BULK));
    let echo_once = async {
        let (mut rx, mut tx) = ([0; 8192], [0; 8192]);
        let mut socket = embassy_net::tcp::TcpSocket::new(stack, &mut rx, &mut tx);
        socket.accept(7).await.unwrap();
        let mut bytes = [0; 4096];
        loop {
            let count = socket.read(&mut bytes).await.unwrap();
            if count == 0 {
                break;
            }
            socket.write_all(&bytes[..count]).await.unwrap();
        }
        socket.close();
        socket.flush().await.unwrap();
    };
    let either = select3(echo_once, tap.run(driver, pool), runner.run());
    assert!(matches!(block_on(either), Either3::First(())));
    client.join().unwrap();
    assert_eq!(device.lost(), 0);
    drop(device);
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
}
