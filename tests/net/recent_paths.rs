//! A socket that goes on sending to one destination remembers the way, until it changes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use zonda::config;
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::socket::{SendError, UdpSocket};

use crate::frame::*;
use crate::network::*;

const FAR: &str = "198.51.100.7:9";

/// A host with two links, on each of which a gateway stands: 10.0.0.254 and 10.0.1.254.
struct Forked {
    net: Network,
    host: Host,
    gateways: [Peer; 2],
    links: [Link; 2],
}

fn forked() -> Forked {
    let net = Network::new(1);
    let host = net.host("host");
    let gateways = [net.peer("g1"), net.peer("g2")];
    let links = gateways.map(|gateway| net.link((host, gateway)).delay(us(10)));
    for (at, (gateway, link)) in (0..).zip(gateways.iter().zip(links)) {
        let ipv6 = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0xf0 + u16::from(at));
        gateway.answer_for([10, 0, at, 254].into(), ipv6);
        host.add(link, &format!("10.0.{at}.1/24"));
    }
    Forked {
        net,
        host,
        gateways,
        links,
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Forked {
    /// A route by one of the gateways.
    fn route(&self, prefix: [u8; 4], length: u8, gateway: usize, metric: u16) -> Route {
        let address = Ipv4Addr::new(10, 0, gateway as u8, 254);
        Route {
            prefix: Prefix::new(IpAddr::from(prefix).try_into().unwrap(), length).unwrap(),
            gateway: Some(IpAddr::V4(address).try_into().unwrap()),
            interface: self.host.interface(self.links[gateway]),
            metric,
            expires: None,
            origin: RouteOrigin::Static,
        }
    }

    /// Adds a [`Forked::route`].
    fn add(&self, prefix: [u8; 4], length: u8, gateway: usize, metric: u16) {
        let route = self.route(prefix, length, gateway, metric);
        self.host.stack().add_route(route).unwrap();
    }

    /// Sends a datagram, and says which gateway it came to, from which address.
    fn way(&self, socket: &UdpSocket<'_>, to: &str) -> (usize, IpAddr) {
        socket.try_send_to(b"x", Some(addr(to))).unwrap();
        self.net.run_for(ms(1));
        let mut ways = Vec::new();
        for (at, gateway) in self.gateways.iter().enumerate() {
            let seen = gateway.take().into_iter().filter_map(|f| read(&f).ip());
            let datagrams = seen.filter(|ip| ip.udp().is_some());
            ways.extend(datagrams.map(|ip| (at, ip.source)));
        }
        assert_eq!(ways.len(), 1);
        ways[0]
    }
}

fn own(link: u8) -> IpAddr {
    [10, 0, link, 1].into()
}

#[test]
fn datagrams_that_follow_go_the_same_way() {
    let f = forked();
    f.add([0; 4], 0, 1, 0);
    let socket = f.host.udp("0.0.0.0:7000");
    for _ in 0..3 {
        assert_eq!(f.way(&socket, FAR), (1, own(1)));
        assert_eq!(f.way(&socket, "10.0.0.254:9"), (0, own(0)));
    }
}

#[test]
fn route_that_is_added_or_removed_counts_at_once() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    let socket = f.host.udp("0.0.0.0:7000");
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
    let better = f.route([198, 51, 100, 0], 24, 1, 0);
    f.host.stack().add_route(better).unwrap();
    assert_eq!(f.way(&socket, FAR), (1, own(1)));
    let interface = better.interface;
    let gateway = better.gateway.map(IpAddr::from);
    let removed = f.host.stack();
    assert!(
        removed
            .remove_route(better.prefix, gateway, interface)
            .is_some()
    );
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
}

#[test]
fn route_that_expires_counts_no_longer() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    let until = f.net.now() + ms(10);
    let mut better = f.route([198, 51, 100, 0], 24, 1, 0);
    better.expires = Some(until);
    f.host.stack().add_route(better).unwrap();
    let socket = f.host.udp("0.0.0.0:7000");
    while f.net.now() + ms(1) < until {
        assert_eq!(f.way(&socket, FAR), (1, own(1)));
    }
    f.net.run_for(ms(1));
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
}

#[test]
fn address_that_is_taken_away_is_no_source_any_more() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    let stack = f.host.stack();
    f.host.add(f.links[0], "10.0.0.2/24");
    let socket = f.host.udp("0.0.0.0:7000");
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
    assert!(stack.remove_address(f.host.interface(f.links[0]), own(0)));
    assert_eq!(f.way(&socket, FAR), (0, [10, 0, 0, 2].into()));
    let bound = f.host.udp("10.0.0.2:7001");
    assert_eq!(f.way(&bound, FAR), (0, [10, 0, 0, 2].into()));
    assert!(stack.remove_address(f.host.interface(f.links[0]), [10, 0, 0, 2].into()));
    let result = bound.try_send_to(b"x", Some(addr(FAR)));
    assert_eq!(result, Err(SendError::NoRoute));
}

#[test]
fn link_that_goes_down_is_left_at_once() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    f.add([0; 4], 0, 1, 1);
    let socket = f.host.udp("0.0.0.0:7000");
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
    f.links[0].down();
    f.net.settle();
    assert_eq!(f.way(&socket, FAR), (1, own(1)));
    f.links[0].up();
    f.net.settle();
    assert_eq!(f.way(&socket, FAR), (0, own(0)));
}

#[test]
fn sockets_with_other_bindings_have_ways_of_their_own() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    f.add([0; 4], 0, 1, 1);
    // They share the places, and take them from each other.
    let sockets: Vec<_> = (0..2 * config::RECENT_PATHS as u16)
        .map(|at| {
            let link = usize::from(at >= config::RECENT_PATHS as u16);
            let bind = zonda::socket::UdpBind::new(addr(&format!("10.0.{link}.1:{}", 7000 + at)));
            f.host
                .udp_bind(bind.interface(f.host.interface(f.links[link])))
        })
        .collect();
    for _ in 0..2 {
        for (at, socket) in sockets.iter().enumerate() {
            let link = at / config::RECENT_PATHS;
            assert_eq!(f.way(socket, FAR), (link, own(link as u8)));
        }
    }
}

#[test]
fn permission_to_broadcast_is_needed_each_time() {
    let f = forked();
    f.add([0; 4], 0, 0, 0);
    let socket = f.host.udp("0.0.0.0:7000");
    let everybody = "10.0.2.255:9";
    // As long as that is the address of some network beyond the gateway it is like any other.
    assert_eq!(f.way(&socket, everybody).0, 0);
    f.host.add(f.links[1], "10.0.2.1/24");
    let send = || socket.try_send_to(b"x", Some(addr(everybody)));
    assert_eq!(send(), Err(SendError::BroadcastNotAllowed));
    socket.set_broadcast(true);
    assert_eq!(f.way(&socket, everybody).0, 1);
    socket.set_broadcast(false);
    assert_eq!(send(), Err(SendError::BroadcastNotAllowed));
}
