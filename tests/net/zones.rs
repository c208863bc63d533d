//! Link-local addresses mean a host together with a link (RFC 4007), and the order in which the
//! addresses of a name are tried (RFC 6724 §6).

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::network::*;

/// A host on two links, with a neighbour on each.
struct Between {
    host: Host,
    neighbors: [Host; 2],
    links: [Link; 2],
    net: Network,
}

fn between() -> Between {
    let net = Network::new(1);
    let (host, one, two) = (net.host("host"), net.host("one"), net.host("two"));
    let links = [net.link([host, one]), net.link([host, two])];
    Between {
        host,
        neighbors: [one, two],
        links,
        net,
    }
}

impl Between {
    fn address(&self, n: usize) -> Ipv6Addr {
        self.neighbors[n].link_local(self.links[n])
    }

    /// The address of a neighbour, with its link.
    fn scoped(&self, n: usize, port: u16) -> SocketAddr {
        let scope = u32::from(self.host.interface(self.links[n])) + 1;
        SocketAddrV6::new(self.address(n), port, 0, scope).into()
    }
}

#[test]
fn rfc_4007_11_datagrams_to_link_local_addresses_go_by_their_zone_and_say_whose_they_are() {
    let b = between();
    let client = b.host.udp("[::]:0");
    for n in [0, 1] {
        let server = b.neighbors[n].udp("[::]:7");
        client.try_send_to(b"x", Some(b.scoped(n, 7))).unwrap();
        b.net.run_for(ms(10));
        let (data, info) = server.try_recv().unwrap();
        server.try_send(data, Some(info.source)).unwrap();
        b.net.run_for(ms(10));
        let (_, info) = client.try_recv().unwrap();
        assert_eq!(info.source, b.scoped(n, 7));
        assert_eq!(info.interface, b.host.interface(b.links[n]));
    }
}

#[test]
fn rfc_4007_11_ping_goes_by_the_interface_it_is_given() {
    let b = between();
    let mut ping = b.host.ping();
    for n in [0, 1] {
        let id = b.host.interface(b.links[n]);
        ping.set_interface(Some(id));
        ping.try_send(b.address(n).into(), 1, b"x").unwrap();
        let reply = b.net.block_on(ping.recv()).unwrap();
        assert_eq!((reply.source, reply.interface), (b.address(n).into(), id));
    }
}

#[cfg(feature = "tcp")]
#[test]
fn defect_060_connection_to_a_link_local_address_stays_on_its_link() {
    use embedded_io_async::{Read, Write};
    use zonda::socket::{TcpListener, TcpSocket};

    let b = between();
    for n in [0, 1] {
        let stack = b.neighbors[n].stack();
        let listener = TcpListener::bind(stack, "[::]:7".parse().unwrap(), 2).unwrap();
        let client = TcpSocket::connect(b.host.stack(), b.scoped(n, 7));
        let mut client = b.net.block_on(client).unwrap();
        let mut server = b.net.block_on(listener.accept());
        assert_eq!(client.peer_addr(), Some(b.scoped(n, 7)));
        let mut data = [0; 4];
        b.net.block_on(client.write_all(b"ping")).unwrap();
        b.net.block_on(server.read_exact(&mut data)).unwrap();
        b.net.block_on(server.write_all(b"pong")).unwrap();
        b.net.block_on(client.read_exact(&mut data)).unwrap();
        assert_eq!(&data, b"pong");
    }
}

#[cfg(feature = "tcp")]
#[test]
fn connection_from_a_link_local_address_is_answered_on_its_link() {
    use embedded_io_async::Read;
    use zonda::socket::{TcpListener, TcpSocket};

    let b = between();
    let listener = TcpListener::bind(b.host.stack(), "[::]:7".parse().unwrap(), 2).unwrap();
    for n in [0, 1] {
        let here = b.host.link_local(b.links[n]);
        let client = TcpSocket::connect(b.neighbors[n].stack(), (here, 7).into());
        let client = b.net.block_on(client).unwrap();
        let mut server = b.net.block_on(listener.accept());
        drop(client);
        let mut data = [0; 4];
        assert_eq!(b.net.block_on(server.read(&mut data)), Ok(0));
    }
}

fn ordered(host: Host, addresses: &[&str]) -> Vec<String> {
    let mut addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    host.stack().order_destinations(&mut addresses);
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn rfc_6724_6_destinations_are_ordered_by_what_the_host_has() {
    let net = Network::new(1);
    let host = net.host("host");
    let (near, far) = (
        net.link((host, net.peer("p"))),
        net.link((host, net.peer("q"))),
    );
    near.up();
    let all = ["192.0.2.9", "10.0.0.9", "2001:db8::9"];
    host.add(near, "10.0.0.1/24");
    // Rule 1: what can be reached comes first.
    assert_eq!(
        ordered(host, &all),
        ["10.0.0.9", "2001:db8::9", "192.0.2.9"]
    );
    // Rule 6: IPv6 is preferred where both go.
    host.add(near, "2001:db8::1/64");
    assert_eq!(
        ordered(host, &all),
        ["2001:db8::9", "10.0.0.9", "192.0.2.9"]
    );
    // Rule 1: over a link that is down nothing is reached.
    host.add(far, "192.0.2.1/24");
    assert_eq!(
        ordered(host, &all),
        ["2001:db8::9", "192.0.2.9", "10.0.0.9"]
    );
    near.down();
    net.settle();
    assert_eq!(
        ordered(host, &all),
        ["192.0.2.9", "2001:db8::9", "10.0.0.9"]
    );
}
