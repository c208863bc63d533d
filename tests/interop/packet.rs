//! Packet sockets and raw sockets with those of Linux at the other end.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};

use zonda::ip::Unreachable;
use zonda::netbuf::{NetBuf, NetBufPool};
use zonda::socket::{
    IcmpFilter, IpVersion, PacketAddress, PacketKind, PacketProtocol, PacketSocket, RawAddress,
    RawSocket,
};
use zonda::time::Duration;
use zonda::wire::LinkAddr;

use crate::stack::{beside_linux, until};

const LINUX4: &str = "10.9.0.1";
const LINUX6: &str = "fd09::1";

/// An EtherType (IEEE 802) and a protocol (RFC 3692) for experiments.
const LOCAL: u16 = 0x88b5;
const PROTOCOL: u8 = 253;

/// A script of Python that runs beside the stack.
struct Script(Child);

impl Script {
    fn start(text: &str) -> Self {
        let child = Command::new("python3")
            .args(["-c", text])
            .stdin(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    async fn succeeds(mut self) {
        let mut status = None;
        until("the script ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        })
        .await;
        assert!(status.unwrap().success());
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn bytes(packet: &NetBuf) -> Vec<u8> {
    packet.fragments().flatten().copied().collect()
}

#[test]
fn frames_are_echoed_to_packet_sockets_of_linux() {
    in_namespace!("ping", "python3");
    static POOL: NetBufPool<32, 512> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), async |stack| {
        let raw = PacketSocket::raw(stack, PacketProtocol::Type(LOCAL), Some(0)).unwrap();
        let cooked = PacketSocket::cooked(stack, PacketProtocol::Type(LOCAL + 1), None).unwrap();
        let script = Script::start(
            "import socket as s\n\
             for kind, protocol, header in (s.SOCK_RAW, 0x88b5, 14), (s.SOCK_DGRAM, 0x88b6, 0):\n\
             \x20   link = s.socket(s.AF_PACKET, kind, s.htons(protocol))\n\
             \x20   link.bind(('zonda0', protocol))\n\
             \x20   link.settimeout(20)\n\
             \x20   for length in 46, 100, 1400, 1500:\n\
             \x20       data = bytes(n * 7 & 255 for n in range(length))\n\
             \x20       own = link.getsockname()[4]\n\
             \x20       front = b'\\x02ZONDA' + own + protocol.to_bytes(2, 'big')\n\
             \x20       if header:\n\
             \x20           link.send(front + data)\n\
             \x20       else:\n\
             \x20           link.sendto(data, ('zonda0', protocol, 0, 0, b'\\x02ZONDA'))\n\
             \x20       back, sender = link.recvfrom(2000)\n\
             \x20       assert back[header:] == data, back\n\
             \x20       assert sender[4] == b'\\x02ZONDA' and sender[1] == protocol, sender",
        );
        for _ in 0..4 {
            let (frame, info) = raw.recv().await;
            assert_eq!(
                (info.kind, info.protocol, info.hardware),
                (PacketKind::Host, LOCAL, 1)
            );
            // Back to where it came from.
            let frame = bytes(&frame);
            let back = [&frame[6..12], &frame[..6], &frame[12..]].concat();
            raw.send_to(&back, &PacketAddress::default()).await.unwrap();
        }
        for _ in 0..4 {
            let (data, info) = cooked.recv().await;
            let to = PacketAddress {
                interface: Some(info.interface),
                protocol: None,
                destination: info.source,
            };
            cooked.try_send(data, &to).unwrap();
        }
        script.succeeds().await;
    });
}

#[test]
fn linux_answers_an_arp_probe_of_a_packet_socket() {
    in_namespace!("ping");
    static POOL: NetBufPool<32, 512> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), async |stack| {
        let socket = PacketSocket::cooked(stack, PacketProtocol::Type(0x0806), Some(0)).unwrap();
        socket.set_outgoing(false);
        let IpAddr::V4(linux) = LINUX4.parse().unwrap() else {
            panic!("an IPv4 address");
        };
        let everybody = PacketAddress {
            destination: LinkAddr::ETHERNET_BROADCAST,
            ..PacketAddress::default()
        };
        // RFC 5227 §1.1: a probe has no sender's address.
        let own = *b"\x02ZONDA";
        let head = [0, 1, 8, 0, 6, 4, 0, 1];
        let probe = [&head[..], &own, &[0; 4], &[0; 6], &linux.octets()].concat();
        socket.send_to(&probe, &everybody).await.unwrap();
        loop {
            let (answer, info) = socket.recv().await;
            let answer = bytes(&answer);
            if answer[6..8] == [0, 2] {
                assert_eq!(answer[14..18], linux.octets());
                assert_eq!(info.source.as_bytes(), &answer[8..14]);
                break;
            }
        }
    });
}

#[test]
fn raw_sockets_of_linux_echo_those_of_the_stack() {
    in_namespace!("ping", "python3");
    static POOL: NetBufPool<64, 512> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), async |stack| {
        let sockets = [(LINUX4, IpVersion::V4, 20), (LINUX6, IpVersion::V6, 0)];
        // Nobody speaks the protocol there yet, and Linux says so.
        for (linux, version, _) in sockets {
            let socket = RawSocket::open(stack, version, PROTOCOL).unwrap();
            socket
                .connect(linux.parse::<IpAddr>().unwrap().into())
                .unwrap();
            socket.send_to(b"does anybody?", None).await.unwrap();
            let why = match version {
                IpVersion::V4 => Unreachable::Protocol,
                IpVersion::V6 => Unreachable::ParameterProblem,
            };
            assert_eq!(socket.readable().await, Err(why));
        }
        let script = Script::start(
            "import socket as s, threading\n\
             def echo(family, header):\n\
             \x20   raw = s.socket(family, s.SOCK_RAW, 253)\n\
             \x20   while True:\n\
             \x20       data, sender = raw.recvfrom(5000)\n\
             \x20       raw.sendto(data[header:], sender)\n\
             all = [threading.Thread(target=echo, args=a) for a in ((s.AF_INET, 20), (s.AF_INET6, 0))]\n\
             [t.start() for t in all]\n\
             [t.join() for t in all]",
        );
        for (linux, version, header) in sockets {
            let socket = RawSocket::open(stack, version, PROTOCOL).unwrap();
            let to = RawAddress::from(linux.parse::<IpAddr>().unwrap());
            for length in [0, 100, 3000] {
                let data: Vec<u8> = (0..length).map(|n| (n * 3) as u8).collect();
                let mut back = [0; 4000];
                // The script may not listen yet, or be slow.
                let mut is_back = false;
                while !is_back {
                    socket.send_to(&data, Some(to)).await.unwrap();
                    stack.sleep(Duration::from_millis(100)).await;
                    while let Some((copied, info)) = socket.try_recv_from(&mut back) {
                        assert_eq!(info.source, to.address);
                        is_back |= back[header..copied] == data;
                    }
                }
            }
        }
        drop(script);
    });
}

#[test]
fn linux_answers_echo_requests_of_raw_sockets_with_either_header() {
    in_namespace!("ping");
    static POOL: NetBufPool<32, 512> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), async |stack| {
        let to = |linux: &str| Some(RawAddress::from(linux.parse::<IpAddr>().unwrap()));
        let ipv6 = RawSocket::open(stack, IpVersion::V6, 58).unwrap();
        let mut replies = IcmpFilter::BLOCK_ALL;
        replies.pass(129);
        ipv6.set_icmp_filter(replies).unwrap();
        ipv6.send_to(b"\x80\0\0\0\0\x07\0\x01data", to(LINUX6))
            .await
            .unwrap();
        let (reply, info) = ipv6.recv().await.unwrap();
        assert_eq!((bytes(&reply)[0], &bytes(&reply)[8..]), (129, &b"data"[..]));
        assert_eq!(info.source, LINUX6.parse::<IpAddr>().unwrap());

        let ipv4 = RawSocket::open(stack, IpVersion::V4, 1).unwrap();
        replies.pass(0);
        ipv4.set_icmp_filter(replies).unwrap();
        // An echo request of eight octets, with its own checksum.
        let echo = [8, 0, 0xf7, 0xf7, 0, 7, 0, 1];
        ipv4.send_to(&echo, to(LINUX4)).await.unwrap();
        let (reply, _) = ipv4.recv().await.unwrap();
        assert_eq!(bytes(&reply)[20..], [0, 0, 0xff, 0xf7, 0, 7, 0, 1]);

        ipv4.set_header_included(true).unwrap();
        let IpAddr::V4(linux) = LINUX4.parse().unwrap() else {
            panic!("an IPv4 address");
        };
        let header = [0x45, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0];
        let packet = [&header[..], &linux.octets(), &echo].concat();
        ipv4.send_to(&packet, to(LINUX4)).await.unwrap();
        let (reply, info) = ipv4.recv().await.unwrap();
        assert_eq!(info.length, 28);
        assert_eq!(bytes(&reply)[20], 0);
    });
}
