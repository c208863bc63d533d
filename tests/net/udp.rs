//! UDP (RFC 768, RFC 1122 §4.1, RFC 8085) and its sockets: where they are bound ([`bind`]), what
//! they carry ([`data`]), groups ([`groups`]), and what waits ([`bounds`]).

#[path = "udp/bind.rs"]
mod bind;
#[path = "udp/bounds.rs"]
mod bounds;
#[path = "udp/data.rs"]
mod data;
#[path = "udp/groups.rs"]
mod groups;

use std::net::SocketAddr;

use zonda::socket::UdpSocket;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What waits in a socket.
fn received(socket: &UdpSocket<'_>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 2000];
    while let Some((length, _)) = socket.try_recv_from(&mut buf) {
        all.push(buf[..length].to_vec());
    }
    all
}

/// Two hosts with both versions; `b` is 10.0.0.2 and fd00::2.
fn two() -> (Network, Host, Host, Link) {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    (net, a, b, link)
}
