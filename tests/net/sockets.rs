//! The list of sockets.

use std::net::SocketAddr;

use zonda::socket::{TcpListener, TcpSocket, TcpState, UdpSocket};
use zonda::stack::{SocketInfo, SocketKind};

use crate::network::{Network, ms, us};

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn sockets_are_listed_for_as_long_as_they_are_there() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link((a, b)).delay(us(10));
    a.add(link, "10.0.0.1/24");
    b.add(link, "10.0.0.2/24");
    net.settle();
    let stack = a.stack();
    assert_eq!(stack.sockets().next(), None);

    let datagrams = UdpSocket::bind(stack, at("[::]:9")).unwrap();
    let connected = UdpSocket::bind(stack, at("10.0.0.1:10")).unwrap();
    connected.connect(at("10.0.0.2:11")).unwrap();
    let listener = TcpListener::bind(stack, at("10.0.0.1:80"), 2).unwrap();
    let sender = UdpSocket::bind(b.stack(), at("[::]:11")).unwrap();
    net.block_on(sender.send_to(b"seven b", at("10.0.0.1:9")))
        .unwrap();
    let client = net.block_on(TcpSocket::connect(b.stack(), at("10.0.0.1:80")));
    let client = client.unwrap();
    net.run_for(ms(1));

    let client_at = client.local_addr().unwrap();
    let info = |kind, local, remote, received| SocketInfo {
        kind,
        local: at(local),
        remote,
        received,
        to_send: 0,
    };
    let mut listed: Vec<_> = stack.sockets().collect();
    listed.sort_by_key(|socket| socket.local.port());
    // The connection waits to be accepted, and is one nevertheless.
    let established = SocketKind::Tcp(TcpState::Established);
    let port_80 = listed.split_off(2);
    assert_eq!(
        listed,
        [
            info(SocketKind::Udp, "[::]:9", None, 7),
            info(SocketKind::Udp, "10.0.0.1:10", Some(at("10.0.0.2:11")), 0),
        ]
    );
    assert_eq!(
        port_80,
        [
            info(SocketKind::TcpListener, "10.0.0.1:80", None, 1),
            info(established, "10.0.0.1:80", Some(client_at), 0),
        ]
    );
    // Whoever walks them may open another meanwhile.
    let walk = stack
        .sockets()
        .map(|_| drop(UdpSocket::bind(stack, at("[::]:0"))));
    assert_eq!(walk.count(), 4);
    drop((datagrams, connected, listener, client));
    net.run_for(ms(1));
    assert_eq!(stack.sockets().next(), None);
}
