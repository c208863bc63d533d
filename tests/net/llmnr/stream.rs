//! Queries to one host, by TCP (RFC 4795 §2.4, §2.5).

use zonda::proto::dns::{DnsError, Family};
use zonda::socket::{TcpListener, TcpSocket};

use super::*;

/// A message behind its length.
fn framed(message: &Message) -> Vec<u8> {
    let mut bytes = (message.bytes.len() as u16).to_be_bytes().to_vec();
    bytes.extend(&message.bytes);
    bytes
}

async fn read(socket: &mut TcpSocket<'_>) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let received = socket.recv().await.ok()??;
        let start = bytes.len();
        bytes.resize(start + received.len(), 0);
        received.read(0, &mut bytes[start..]);
        if bytes.len() >= 2 && bytes.len() >= 2 + usize::from(be16(&bytes, 0)) {
            return Some(Seen::read(&bytes[2..]));
        }
    }
}

impl World {
    /// Asks by TCP.
    fn exchange(&self, to: &str, message: &Message) -> Option<Seen> {
        let to = to.parse().unwrap();
        let stack = self.other.stack();
        self.net.block_on(async {
            let mut socket = TcpSocket::connect(stack, to).await.ok()?;
            socket.write(&framed(message)).await.ok()?;
            read(&mut socket).await
        })
    }
}

/// TTLs or hop limits of the TCP segments that a host has sent, from a capture.
fn hop_limits(pcap: &[u8], mac: [u8; 6]) -> Vec<u8> {
    let (mut at, mut found) = (24, Vec::new());
    while at < pcap.len() {
        let length = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().unwrap()) as usize;
        let frame = &pcap[at + 16..at + 16 + length];
        at += 16 + length;
        match (be16(frame, 12), frame[6..12] == mac) {
            (0x0800, true) if frame[23] == 6 => found.push(frame[22]),
            (0x86dd, true) if frame[20] == 6 => found.push(frame[21]),
            _ => {}
        }
    }
    found
}

#[test]
fn responder_answers_by_tcp_with_a_ttl_that_does_not_leave_the_link() {
    let world = running(1);
    world.link.capture();
    for to in ["10.0.0.1:5355", "[fd00::1]:5355"] {
        let seen = world.exchange(to, &query("kettle", A)).expect("an answer");
        assert_eq!((seen.id, seen.flags), (0x1234, RESPONSE));
        assert_eq!(seen.addresses(), ["10.0.0.1"]);
        let name = "1.0.0.10.in-addr.arpa";
        let seen = world.exchange(to, &query(name, PTR)).expect("an answer");
        assert_eq!(seen.sections[0][0].data, encode("kettle"));
    }
    let sent = hop_limits(&world.link.captured(), world.device.mac(world.link));
    assert!(
        sent.len() >= 8 && sent.iter().all(|hops| *hops == 1),
        "{sent:?}"
    );
    // An error may be told here: BADVERS.
    let message = query("kettle", A).edns(1400, 1);
    let seen = world
        .exchange("10.0.0.1:5355", &message)
        .expect("an answer");
    assert_eq!((seen.flags, seen.sections[2][0].ttl), (RESPONSE, 1 << 24));
    // What is not for it has no answer, nor has the telling of a conflict.
    for message in [query("teapot", A), query("kettle", A).word(2, C)] {
        assert!(world.exchange("10.0.0.1:5355", &message).is_none());
    }
}

#[test]
fn connection_that_says_nothing_is_given_up_and_the_next_is_served() {
    let world = running(1);
    let stack = world.other.stack();
    let to: SocketAddr = "10.0.0.1:5355".parse().unwrap();
    let silent = world.net.block_on(TcpSocket::connect(stack, to)).unwrap();
    let before = world.net.now();
    let seen = world.exchange("10.0.0.1:5355", &query("kettle", A));
    assert!(seen.is_some());
    assert!(world.net.now().since(before) <= ms(2100));
    drop(silent);
}

/// A host that answers by TCP what it does not by UDP.
fn by_tcp(world: &World, name: &'static str, script: impl Fn(&Seen) -> Message + 'static) {
    let stack = world.other.stack();
    let local = (Ipv6Addr::UNSPECIFIED, PORT).into();
    let listener = TcpListener::bind(stack, local, 2).unwrap();
    let _ = name;
    world.net.spawn(async move {
        loop {
            let mut socket = listener.accept().await;
            if let Some(seen) = read(&mut socket).await {
                socket.write(&framed(&script(&seen))).await.unwrap();
            }
        }
    });
}

#[test]
fn truncated_response_is_asked_for_again_by_tcp() {
    let world = world(1);
    world.link.capture();
    let _log = world.listen(|seen| vec![seen.reply(TC).address("teapot", "10.6.6.6")]);
    by_tcp(&world, "teapot", |seen| {
        seen.reply(0)
            .address("teapot", "10.0.0.2")
            .address("teapot", "10.0.0.22")
    });
    let found = world.llmnr.lookup_host("teapot", 80, Family::V4);
    let found = world.net.block_on(found).unwrap();
    let mut found: Vec<_> = found.iter().map(|host| host.ip().to_string()).collect();
    found.sort();
    // "then it SHOULD discard the UDP response with the TC bit set".
    assert_eq!(found, ["10.0.0.2", "10.0.0.22"]);
    world.net.run_for(secs(1));
    let sent = hop_limits(&world.link.captured(), world.device.mac(world.link));
    assert!(
        sent.len() >= 3 && sent.iter().all(|hops| *hops == 1),
        "{sent:?}"
    );
}

#[test]
fn address_is_asked_for_of_the_host_that_has_it() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    by_tcp(&world, "", |seen| {
        assert_eq!(seen.name, "2.0.0.10.in-addr.arpa");
        seen.reply(0)
            .record(0, &seen.name, PTR, 30, &encode("teapot"))
    });
    let address = "10.0.0.2".parse().unwrap();
    let name = world.net.block_on(world.llmnr.lookup_addr(address, None));
    assert_eq!(name.unwrap().to_string(), "teapot");
    world.net.run_for(secs(1));
    assert!(log.take().is_empty());
}

#[test]
fn address_of_a_host_that_does_not_listen_is_asked_for_on_the_link() {
    let world = world(1);
    let _log = world.listen(|seen| {
        vec![
            seen.reply(0)
                .record(0, &seen.name, PTR, 30, &encode("teapot")),
        ]
    });
    let address = "10.0.0.2".parse().unwrap();
    let name = world.net.block_on(world.llmnr.lookup_addr(address, None));
    assert_eq!(name.unwrap().to_string(), "teapot");
    let absent = "10.0.0.200".parse().unwrap();
    let world = self::world(2);
    let found = world.net.block_on(world.llmnr.lookup_addr(absent, None));
    assert_eq!(found, Err(DnsError::NotFound));
}
