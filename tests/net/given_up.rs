//! Futures that are dropped at each of their await points: polled once, twice, and so on until they
//! are ready. No data are lost, nothing stays behind, and the same is done again and works.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io_async::{BufRead, Read, Write};
use zonda::link::LinkState;
use zonda::netbuf::Purpose;
use zonda::socket::{TcpListener, TcpSocket, UdpSocket};

use crate::network::*;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls a future so many times, as often as it is woken, and drops it. Gives what it was ready
/// with.
pub fn give_up<T>(net: &Network, polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    for _ in 0..polls {
        woken.0.store(false, Ordering::Relaxed);
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(value);
        }
        if !net.run_until(secs(2), || woken.0.load(Ordering::Relaxed)) {
            return None;
        }
    }
    None
}

/// Does something with ever more polls, until it says that it came to its end.
pub fn at_each_await(mut attempt: impl FnMut(usize) -> bool) {
    let ends = (1..40).find(|polls| attempt(*polls));
    assert!(ends.is_some(), "it comes to an end");
}

/// Two hosts, with pools that are soon used up.
struct Two {
    net: Network,
    hosts: [Host; 2],
    link: Link,
}

fn two() -> Two {
    let net = Network::new(1);
    let hosts = [
        net.host_with("one", pool::<32, 256, 16, 32>()),
        net.host_with("two", pool::<32, 256, 16, 32>()),
    ];
    let link = net.link(hosts).delay(ms(1));
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    Two { net, hosts, link }
}

impl Two {
    fn listener(&self) -> TcpListener<'static> {
        let address = "10.0.0.2:9".parse().unwrap();
        TcpListener::bind(self.hosts[1].stack(), address, 4).unwrap()
    }

    fn udp(&self, host: usize, port: u16) -> UdpSocket<'static> {
        self.hosts[host].udp(&format!("10.0.0.{}:{port}", host + 1))
    }

    fn pair(&self) -> (TcpSocket<'static>, TcpSocket<'static>) {
        let listener = self.listener();
        let address = "10.0.0.2:9".parse().unwrap();
        let client = TcpSocket::begin(self.hosts[0].stack(), address).unwrap();
        let server = self.net.block_on(listener.accept());
        self.net.run_for(ms(10));
        (client, server)
    }

    /// Nothing is in use on either side.
    #[track_caller]
    fn is_clean(&self) {
        self.net.run_for(secs(200));
        for host in self.hosts {
            assert_eq!(host.pool().stats().blocks_used, 0);
        }
    }
}

#[test]
fn connecting_that_is_given_up_leaves_no_connection() {
    let t = two();
    let listener = t.listener();
    let remote = "10.0.0.2:9".parse().unwrap();
    for _ in 0..4 {
        at_each_await(|polls| {
            let connect = TcpSocket::connect(t.hosts[0].stack(), remote);
            let socket = give_up(&t.net, polls, connect).map(Result::unwrap);
            t.net.run_for(secs(3));
            while let Some(mut other) = listener.try_accept() {
                // One that had come about has ended.
                let is_over = matches!(other.try_read(&mut [0]), Some(Ok(0) | Err(_)));
                assert_eq!(is_over, socket.is_none());
            }
            socket.is_some()
        });
    }
    t.is_clean();
    drop(listener);
}

#[test]
fn accepting_that_is_given_up_leaves_the_connection_to_the_next() {
    let t = two();
    let listener = t.listener();
    let remote = "10.0.0.2:9".parse().unwrap();
    at_each_await(|polls| {
        let _client = TcpSocket::begin(t.hosts[0].stack(), remote).unwrap();
        let accepted = give_up(&t.net, polls, listener.accept());
        let is_done = accepted.is_some();
        drop(accepted.unwrap_or_else(|| t.net.block_on(listener.accept())));
        is_done
    });
    t.is_clean();
    drop(listener);
}

/// Whatever form of reading is given up after how many polls, the stream has all its bytes.
#[test]
fn reading_that_is_given_up_loses_nothing() {
    for form in 0..6 {
        let t = two();
        let (mut client, mut server) = t.pair();
        let (mut sent, mut read) = (0u32, Vec::new());
        at_each_await(|polls| {
            let some: Vec<u8> = (sent..sent + 700).map(|n| (n / 3) as u8).collect();
            if polls % 3 != 0 {
                assert_eq!(client.try_write(&some), Some(Ok(700)));
                sent += 700;
            }
            let mut bytes = [0; 90];
            let mut ended = 0;
            // It is done as often as it ends, and then once to be given up.
            while let Some(done) = match form {
                0 => give_up(&t.net, polls, server.read(&mut bytes))
                    .map(|n| bytes[..n.unwrap()].to_vec()),
                1 => give_up(&t.net, polls, async {
                    let some = server.fill_buf().await.unwrap();
                    let some = some[..some.len().min(50)].to_vec();
                    server.consume(some.len());
                    some
                }),
                2 => give_up(&t.net, polls, server.recv()).map(|buf| {
                    let buf = buf.unwrap().unwrap();
                    let mut some = vec![0; buf.len()];
                    buf.read(0, &mut some);
                    some
                }),
                3 => give_up(&t.net, polls, server.readable()).map(|()| {
                    let length = server.try_read(&mut bytes).unwrap().unwrap();
                    bytes[..length].to_vec()
                }),
                4 => {
                    let (mut reader, _) = server.split();
                    give_up(&t.net, polls, reader.read(&mut bytes))
                        .map(|n| bytes[..n.unwrap()].to_vec())
                }
                _ => give_up(&t.net, polls, async {
                    let mut two = [0; 2];
                    server.read_exact(&mut two[..1]).await.unwrap();
                    two[..1].to_vec()
                }),
            } {
                read.extend(done);
                ended += 1;
            }
            ended > 0 && polls > 6
        });
        t.net.run_for(secs(5));
        let mut bytes = [0; 100];
        while let Some(Ok(length @ 1..)) = server.try_read(&mut bytes) {
            read.extend(&bytes[..length]);
        }
        assert_eq!(read.len(), sent as usize, "form {form}");
        assert!(
            read.iter()
                .zip(0u32..)
                .all(|(byte, n)| *byte == (n / 3) as u8)
        );
        drop((client, server));
        t.is_clean();
    }
}

/// What was not said to be written is not, or all of it: never half, nor twice.
#[test]
fn writing_that_is_given_up_writes_what_it_says() {
    for form in 0..4 {
        let t = two();
        let (mut client, mut server) = t.pair();
        client.set_quota(16_384, 600);
        let (mut written, mut read) = (Vec::<u8>::new(), Vec::<u8>::new());
        let mut bytes = [0; 300];
        at_each_await(|polls| {
            let mut done = 0;
            for round in 0..6 {
                let some = [polls as u8, round, 7, 8, 9].repeat(40);
                let result = match form {
                    0 => {
                        give_up(&t.net, polls, Write::write(&mut client, &some)).map(Result::unwrap)
                    }
                    1 => {
                        let (_, mut writer) = client.split();
                        give_up(&t.net, polls, writer.write(&some)).map(Result::unwrap)
                    }
                    2 => give_up(&t.net, polls, client.writable())
                        .and_then(|()| client.try_write(&some))
                        .map(Result::unwrap),
                    _ => {
                        let _ = give_up(&t.net, polls, client.flush());
                        client.try_write(&some).map(Result::unwrap)
                    }
                };
                if let Some(length) = result {
                    written.extend(&some[..length]);
                    done += 1;
                }
                // The reader is slow.
                if let Some(Ok(length)) = server.try_read(&mut bytes) {
                    read.extend(&bytes[..length]);
                }
            }
            done == 6
        });
        t.net.run_for(secs(5));
        while let Some(Ok(length @ 1..)) = server.try_read(&mut bytes) {
            read.extend(&bytes[..length]);
            t.net.run_for(ms(100));
        }
        assert_eq!(read, written, "form {form}");
        drop((client, server));
        t.is_clean();
    }
}

#[test]
fn datagrams_that_wait_are_there_after_receiving_was_given_up() {
    for form in 0..3 {
        let t = two();
        let (from, to) = (t.udp(0, 1), t.udp(1, 7));
        let mut received = 0;
        let mut sent = 0u8;
        at_each_await(|polls| {
            if polls % 2 == 1 {
                from.try_send_to(&[sent; 300], Some("10.0.0.2:7".parse().unwrap()))
                    .unwrap();
                sent += 1;
            }
            let mut bytes = [0; 300];
            let got = match form {
                0 => give_up(&t.net, polls, to.recv_from(&mut bytes)).map(|_| bytes[0]),
                1 => give_up(&t.net, polls, to.recv()).map(|result| result.unwrap().0.first()[0]),
                _ => give_up(&t.net, polls, to.readable())
                    .and_then(|_| to.try_recv_from(&mut bytes))
                    .map(|_| bytes[0]),
            };
            if let Some(number) = got {
                assert_eq!(number, received);
                received += 1;
            }
            polls > 8
        });
        while let Some((data, _)) = to.try_recv() {
            assert_eq!(data.first()[0], received);
            received += 1;
        }
        assert_eq!(received, sent, "form {form}");
        drop((from, to));
        t.is_clean();
    }
}

/// A datagram is sent once if the call has returned, and at most once if it was given up.
#[test]
fn sending_that_is_given_up_sends_once_at_most() {
    let t = two();
    let (from, to) = (t.udp(0, 1), t.udp(1, 7));
    let driver = t.hosts[0].driver(t.link);
    let mut number = 0u16;
    at_each_await(|polls| {
        // The link is away for some of the time.
        if polls % 2 == 1 {
            driver.set_link(LinkState::Down);
            t.net.run_for(ms(1));
        }
        number += 1;
        let data = number.to_be_bytes();
        let sent = give_up(&t.net, polls, async {
            let remote = "10.0.0.2:7".parse().unwrap();
            from.send_to(&data, remote).await.unwrap();
        });
        driver.set_link(LinkState::Up);
        t.net.run_for(secs(2));
        let got: Vec<_> = std::iter::from_fn(|| to.try_recv()).collect();
        assert!(got.len() <= 1 && got.iter().all(|(buf, _)| buf.equals(&data)));
        assert!(sent.is_none() || got.len() == 1);
        sent.is_some() && polls > 5
    });
    drop((from, to));
    t.is_clean();
}

#[test]
fn waits_for_blocks_links_time_and_echoes_leave_nothing_behind() {
    let t = two();
    let (stack, pool) = (t.hosts[0].stack(), t.hosts[0].pool());
    let id = t.hosts[0].interface(t.link);
    let mut hoard = Vec::new();
    while let Ok(buf) = pool.alloc(Purpose::Send, 0) {
        hoard.push(buf);
    }
    at_each_await(|polls| {
        for length in [0, 300, 700] {
            let turn = pool.alloc_chain_async(Purpose::Send, 20, length);
            assert!(give_up(&t.net, polls, turn).is_none());
        }
        polls == 6
    });
    hoard.clear();
    // Nobody is in line any more.
    drop(t.net.block_on(pool.alloc_async(Purpose::Send, 0)));
    t.hosts[0].driver(t.link).set_link(LinkState::Down);
    t.net.run_for(ms(1));
    at_each_await(|polls| {
        assert!(give_up(&t.net, polls, stack.link_up(id)).is_none());
        assert!(give_up(&t.net, polls, stack.ready(id)).is_none());
        assert!(give_up(&t.net, polls, stack.sleep(secs(100))).is_none());
        polls == 30
    });
    t.hosts[0].driver(t.link).set_link(LinkState::Up);
    t.net.block_on(stack.link_up(id));
    let ping = t.hosts[0].ping();
    at_each_await(|polls| {
        let to = "10.0.0.2".parse().unwrap();
        give_up(
            &t.net,
            polls,
            ping.ping(to, polls as u16, b"well?", secs(1)),
        )
        .is_some()
    });
    let sequence = 1000;
    let to = "10.0.0.2".parse().unwrap();
    t.net
        .block_on(ping.ping(to, sequence, b"well?", secs(1)))
        .unwrap();
    drop(ping);
    t.is_clean();
}

#[cfg(feature = "dns")]
#[test]
fn lookup_that_is_given_up_leaves_no_socket_and_the_next_is_answered() {
    use zonda::proto::dns::Family;

    let (world, _log) = crate::dns::served(|query| vec![query.addresses(&["10.1.2.3"])]);
    let sockets = || {
        let free: Vec<_> = std::iter::from_fn(|| {
            UdpSocket::bind(
                world.client.stack(),
                "0.0.0.0:0".parse::<std::net::SocketAddr>().unwrap(),
            )
            .ok()
        })
        .collect();
        free.len()
    };
    let before = sockets();
    let mut number = 0;
    at_each_await(|polls| {
        number += 1;
        let name = format!("n{number}.test");
        let lookup = world.resolver.lookup_host(&name, Family::V4);
        let found = give_up(&world.net, polls, lookup);
        assert_eq!(sockets(), before);
        found.is_some_and(|found| found.is_ok())
    });
    assert_eq!(world.v4("last.test").unwrap(), ["10.1.2.3"]);
}
