//! The TAP and TUN driver against Linux.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use async_io::{Timer, block_on};
use zonda::checksum::Sum;
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::link::{Capabilities, LinkState, Port, StackEnd};
use zonda::netbuf::{BufQueue, NetBuf, NetBufPool, Pool, Purpose};

use crate::namespace::ip;

const OUR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn pool<const BLOCKS: usize, const SIZE: usize>() -> Pool {
    Box::leak(Box::new(NetBufPool::<BLOCKS, SIZE>::new())).pool()
}

fn assert_empty(pool: Pool) {
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
}

/// The stack's side of a port, in a test's hands.
struct Hands<'p> {
    end: StackEnd<'p>,
    queue: BufQueue,
}

impl<'p> Hands<'p> {
    fn new(end: StackEnd<'p>) -> Self {
        Self {
            end,
            queue: BufQueue::new(),
        }
    }

    /// Waits until the link is up.
    async fn up(&mut self) {
        poll_fn(|context| {
            loop {
                match self.end.take_change() {
                    Some((LinkState::Up, _)) => return Poll::Ready(()),
                    Some(_) => {}
                    None if self.end.register(context.waker()) => return Poll::Pending,
                    None => {}
                }
            }
        })
        .await
    }

    /// The next frame that `wanted` wants.
    async fn frame(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        poll_fn(|context| {
            loop {
                while let Some(frame) = self.queue.pop_front() {
                    let mut bytes = vec![0; frame.len()];
                    assert_eq!(frame.read(0, &mut bytes), bytes.len());
                    if wanted(&bytes) {
                        return Poll::Ready(bytes);
                    }
                }
                (self.queue, _) = self.end.receive();
                let _: Option<_> = self.end.take_change();
                if self.queue.is_empty() && self.end.register(context.waker()) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    fn send(&self, pool: Pool, bytes: &[u8]) {
        // In two buffers at least, so that the driver has something to gather.
        let mut frame = pool.alloc(Purpose::Send, 0).unwrap();
        frame.append(&bytes[..10]).unwrap();
        let mut rest: NetBuf = pool.alloc(Purpose::Send, 0).unwrap();
        rest.append(&bytes[10..]).unwrap();
        frame.join(rest).unwrap();
        self.end.send(frame).unwrap();
        self.end.wake_driver();
    }
}

/// Runs `script` beside the driver, which must not end before it does.
fn with_driver<R>(
    device: &TapDevice,
    port: &Port,
    pool: Pool,
    script: impl Future<Output = R>,
) -> R {
    let mut driver = pin!(device.run(port.split().0, pool));
    let mut script = pin!(script);
    let mut limit = Timer::after(Duration::from_secs(20));
    block_on(poll_fn(|context| {
        if let Poll::Ready(result) = script.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if let Poll::Ready(ended) = driver.as_mut().poll(context) {
            panic!("the driver ended: {ended:?}");
        }
        assert!(
            pin!(&mut limit).poll(context).is_pending(),
            "it takes too long"
        );
        Poll::Pending
    }))
}

fn arp_reply(request: &[u8]) -> Vec<u8> {
    let mut reply = Vec::from(&request[6..12]);
    reply.extend(OUR_MAC);
    reply.extend(&request[12..20]);
    reply.extend([0, 2]);
    reply.extend(OUR_MAC);
    reply.extend(OURS.octets());
    reply.extend(&request[22..32]);
    reply
}

/// Waits for a datagram from us; says how long it is.
async fn datagram_at(socket: &UdpSocket, bytes: &mut [u8]) -> usize {
    socket.set_nonblocking(true).unwrap();
    loop {
        match socket.recv_from(bytes) {
            Ok((length, from)) => {
                assert_eq!(from, (OURS, 7).into());
                return length;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let _: std::time::Instant = Timer::after(Duration::from_millis(1)).await;
    }
}

/// A datagram from our port 7 to Linux.
fn datagram(to: u16, payload: &[u8]) -> Vec<u8> {
    let udp = 8 + payload.len() as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(OURS.octets());
    packet.extend(LINUX.octets());
    let sum = Sum::of(&packet).finish().to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    for field in [7, to, udp, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

#[test]
fn linux_resolves_our_address_and_datagrams_pass_both_ways() {
    in_namespace!();
    let pool = pool::<64, 128>();
    let port = Port::new(Capabilities::ethernet(OUR_MAC));
    let mut hands = Hands::new(port.split().1);
    let options = TapOptions {
        addresses: &[(LINUX.into(), 24)],
        ..TapOptions::new("zonda%d", TapKind::Tap)
    };
    let device = TapDevice::open(&options).unwrap();
    assert_eq!(device.name(), "zonda0");
    with_driver(&device, &port, pool, async {
        hands.up().await;
        let socket = UdpSocket::bind((LINUX, 0)).unwrap();
        let payload = vec![0x5a; 1400];
        assert_eq!(socket.send_to(&payload, (OURS, 7)).unwrap(), payload.len());
        let request = hands.frame(|frame| frame[12..14] == [8, 6]).await;
        assert_eq!(request[..6], [0xff; 6]);
        assert_eq!(request[20..22], [0, 1]);
        assert_eq!(request[38..42], OURS.octets());
        hands.send(pool, &arp_reply(&request));
        let frame = hands.frame(|frame| frame[12..14] == [8, 0]).await;
        assert_eq!(frame.len(), 14 + 20 + 8 + 1400);
        assert_eq!(frame[..6], OUR_MAC);
        assert_eq!(frame[42..], payload);

        let mut answer = Vec::from(&frame[6..12]);
        answer.extend(OUR_MAC);
        answer.extend([8, 0]);
        answer.extend(datagram(
            socket.local_addr().unwrap().port(),
            b"hello, Linux",
        ));
        hands.send(pool, &answer);
        let mut bytes = [0; 100];
        let received = datagram_at(&socket, &mut bytes).await;
        assert_eq!(&bytes[..received], b"hello, Linux");
        // Linux refuses what is no frame; the driver counts that and goes on.
        hands.send(pool, &[0; 13]);
        hands.send(pool, &[0; 1600]);
        while device.stats().send_refused + device.stats().send_long < 2 {
            let _: std::time::Instant = Timer::after(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(
        (device.stats().send_refused, device.stats().send_long),
        (1, 1)
    );
    // The driver is gone, and with it the link.
    assert_eq!(port.split().1.take_change().unwrap().0, LinkState::Down);
    drop(hands);
    drop(port);
    assert_empty(pool);
}

#[test]
fn tun_carries_bare_packets_of_both_versions() {
    in_namespace!();
    let pool = pool::<16, 2048>();
    let port = Port::new(Capabilities::ip(1500));
    let mut hands = Hands::new(port.split().1);
    let linux6: Ipv6Addr = "fd09::1".parse().unwrap();
    let options = TapOptions {
        addresses: &[(LINUX.into(), 24), (linux6.into(), 64)],
        ..TapOptions::new("tun-zonda", TapKind::Tun)
    };
    let device = TapDevice::open(&options).unwrap();
    with_driver(&device, &port, pool, async {
        let socket = UdpSocket::bind((LINUX, 0)).unwrap();
        assert_eq!(socket.send_to(b"four", (OURS, 7)).unwrap(), 4);
        let packet = hands.frame(|packet| packet[0] == 0x45).await;
        assert_eq!(&packet[28..], b"four");
        let socket = UdpSocket::bind((linux6, 0)).unwrap();
        assert_eq!(socket.send_to(b"six", ("fd09::2", 7)).unwrap(), 3);
        let packet = hands
            .frame(|packet| packet[0] >> 4 == 6 && packet[6] == 17)
            .await;
        assert_eq!(&packet[48..], b"six");
    });
    drop(hands);
    drop(port);
    assert_empty(pool);
}

#[test]
fn frames_wait_in_linux_while_the_stack_or_the_pool_is_behind() {
    in_namespace!();
    // Blocks for hardly more than two frames.
    let pool = pool::<24, 128>();
    let port = Port::new(Capabilities::ip(1280));
    let mut hands = Hands::new(port.split().1);
    let options = TapOptions {
        addresses: &[(LINUX.into(), 24)],
        mtu: 1280,
        ..TapOptions::new("tun-zonda", TapKind::Tun)
    };
    let device = TapDevice::open(&options).unwrap();
    with_driver(&device, &port, pool, async {
        let socket = UdpSocket::bind((LINUX, 0)).unwrap();
        // As many as the queue of Linux takes.
        for number in 0..400u32 {
            let mut payload = [0; 1200];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            let length = if number % 3 == 0 { 1200 } else { 4 };
            assert_eq!(
                socket.send_to(&payload[..length], (OURS, 7)).unwrap(),
                length
            );
        }
        for number in 0..400u32 {
            let packet = hands.frame(|packet| packet[0] == 0x45).await;
            assert_eq!(packet[28..32], number.to_be_bytes());
            if number % 50 == 0 {
                let _: std::time::Instant = Timer::after(Duration::from_millis(2)).await;
            }
        }
        // Too long for the driver although Linux would: counted, and the next one passes.
        ip("link set tun-zonda mtu 3000");
        assert_eq!(socket.send_to(&[9; 1253], (OURS, 7)).unwrap(), 1253);
        assert_eq!(socket.send_to(&[8; 1252], (OURS, 7)).unwrap(), 1252);
        let packet = hands.frame(|packet| packet[0] == 0x45).await;
        assert_eq!(packet[28..], [8; 1252]);
    });
    assert_eq!(port.stats().receive_errors, 1);
    assert_eq!(port.stats().receive_full, 0);
    drop(hands);
    drop(port);
    assert_empty(pool);
}

#[test]
fn frames_of_more_fragments_than_one_call_takes_pass_whole() {
    in_namespace!();
    let pool = pool::<160, 128>();
    // The frame is as much as may be charged as sent and more.
    let mut limits = pool.limits();
    limits.send = 100;
    pool.set_limits(limits);
    let port = Port::new(Capabilities::ip(9000));
    let mut hands = Hands::new(port.split().1);
    let options = TapOptions {
        addresses: &[(LINUX.into(), 24)],
        mtu: 9000,
        ..TapOptions::new("tun-zonda", TapKind::Tun)
    };
    let device = TapDevice::open(&options).unwrap();
    with_driver(&device, &port, pool, async {
        hands.up().await;
        let socket = UdpSocket::bind((LINUX, 0)).unwrap();
        let payload = (0..8900u32).map(|i| i as u8).collect::<Vec<_>>();
        assert_eq!(socket.send_to(&payload, (OURS, 7)).unwrap(), 8900);
        let packet = hands.frame(|packet| packet[0] == 0x45).await;
        assert_eq!(packet[28..], payload);
        let port = socket.local_addr().unwrap().port();
        hands.send(pool, &datagram(port, &payload));
        let mut bytes = vec![0; 9000];
        let received = datagram_at(&socket, &mut bytes).await;
        assert_eq!(bytes[..received], payload);
    });
    drop(hands);
    drop(port);
    assert_empty(pool);
}

#[test]
fn driver_ends_with_an_error_when_its_interface_is_deleted() {
    in_namespace!();
    let pool = pool::<16, 2048>();
    let port = Port::new(Capabilities::ip(1500));
    let device = TapDevice::open(&TapOptions::new("tun-zonda", TapKind::Tun)).unwrap();
    let stack = port.split().1;
    let deleted = thread::spawn(|| {
        thread::sleep(Duration::from_millis(100));
        ip("link delete tun-zonda");
    });
    let error = block_on(device.run(port.split().0, pool)).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
    deleted.join().unwrap();
    drop(port);
    assert_empty(pool);
}

#[test]
fn port_of_another_medium_and_unusable_names_are_refused() {
    in_namespace!();
    let device = TapDevice::open(&TapOptions::new("tap-zonda", TapKind::Tap)).unwrap();
    let port = Port::new(Capabilities::ip(1500));
    let error = block_on(device.run(port.split().0, pool::<16, 2048>())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let long = TapOptions::new("a-name-of-16-byt", TapKind::Tap);
    assert_eq!(
        TapDevice::open(&long).err().unwrap().kind(),
        ErrorKind::InvalidInput
    );
    let taken = TapOptions::new("lo", TapKind::Tap);
    assert!(TapDevice::open(&taken).is_err());
}
