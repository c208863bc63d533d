//! A driver that others wrote for `embassy-net`, at a port of the stack, and Linux at the other end.

use std::future::Future;
use std::thread;

use embassy_futures::join::join;
use embassy_net_tuntap::TunTapDevice;
use zonda::drivers::embassy_net_driver::Adapter;
use zonda::link::Port;
use zonda::netbuf::{NetBufPool, Pool};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::Stack;

use crate::demo::{DEVICE4, DEVICE6};
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
