//! A stack of this process on a TAP interface, and Linux: what the demo does not do.

use std::io::{ErrorKind, Read, Write};
use std::net::{self, SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;

use zonda::netbuf::NetBufPool;
use zonda::socket::{ConnectError, TcpError, TcpListener, TcpSocket};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::demo::{DEVICE4, DEVICE6};
use crate::stack::beside_linux;
use crate::tcp::{Noise, connect, echo, pour};

pub const LINUX: [&str; 2] = ["10.9.0.1:4000", "[fd09::1]:4000"];

/// Runs `script` with a stack beside Linux, with room for four connections.
pub fn with_stack(script: impl AsyncFn(Stack<'_>)) {
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    beside_linux::<4>(POOL.pool(), script);
}

/// What Linux does with the one that connects.
pub fn linux(
    target: &str,
    serve: impl FnOnce(TcpStream) + Send + 'static,
) -> thread::JoinHandle<()> {
    let any = if target.starts_with('[') {
        "[::]:4000"
    } else {
        "0.0.0.0:4000"
    };
    let listener = net::TcpListener::bind(any).unwrap();
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

#[test]
fn stack_that_stops_reading_for_a_while_gets_all() {
    const LENGTH: usize = 200_000;
    in_namespace!();
    with_stack(async |stack| {
        for target in LINUX {
            let peer = linux(target, |stream| pour(&stream, 6, LENGTH));
            let address: SocketAddr = target.parse().unwrap();
            let mut socket = TcpSocket::connect(stack, address).await.unwrap();
            // The window is shut, and stays so.
            stack.sleep(Duration::from_secs(2)).await;
            let held = socket.info().unwrap().received;
            assert!((8_000..=16_384).contains(&held), "{held}");
            let (mut noise, mut wanted, mut done) = (Noise::new(6), vec![0; LENGTH], 0);
            noise.fill(&mut wanted);
            while let Some(data) = socket.recv().await.unwrap() {
                assert!(
                    data.equals(&wanted[done..done + data.len()]),
                    "behind {done}"
                );
                done += data.len();
            }
            assert_eq!(done, LENGTH);
            socket.shutdown();
            peer.join().unwrap();
        }
    });
}

/// All are open at the same time, and all are served.
#[test]
fn linux_opens_two_hundred_connections_in_parallel() {
    const COUNT: usize = 200;
    static POOL: NetBufPool<512, 512, 64, 256> = NetBufPool::new();
    in_namespace!();
    beside_linux::<COUNT>(POOL.pool(), async |stack| {
        let any = "[::]:7".parse().unwrap();
        let listener = TcpListener::bind(stack, any, 64).unwrap();
        let all_are_open = Arc::new(Barrier::new(COUNT));
        let clients: Vec<_> = (0..COUNT)
            .map(|number| {
                let all_are_open = all_are_open.clone();
                thread::spawn(move || {
                    let stream = connect([DEVICE4, DEVICE6][number % 2], 7);
                    let _ = all_are_open.wait();
                    echo(stream, number as u64, 5000);
                })
            })
            .collect();
        // Each with what was read of it and not written yet.
        let mut served: Vec<(TcpSocket<'_>, Vec<u8>)> = Vec::new();
        let mut most = 0;
        while !clients.iter().all(thread::JoinHandle::is_finished) || !served.is_empty() {
            let more = std::iter::from_fn(|| listener.try_accept());
            served.extend(more.map(|socket| (socket, Vec::new())));
            most = most.max(served.len());
            let mut buffer = [0; 4096];
            served.retain_mut(|(socket, rest)| {
                if rest.is_empty() {
                    match socket.try_read(&mut buffer) {
                        Some(Ok(0)) => return false,
                        Some(Ok(length)) => rest.extend_from_slice(&buffer[..length]),
                        Some(Err(error)) => panic!("{error}"),
                        None => {}
                    }
                }
                if let Some(written) = socket.try_write(rest) {
                    let _ = rest.drain(..written.unwrap());
                }
                true
            });
            stack.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(most, COUNT);
        for client in clients {
            client.join().unwrap();
        }
        // The last of them are gone, with what they had in the pool.
        stack.sleep(Duration::from_secs(1)).await;
    });
}
