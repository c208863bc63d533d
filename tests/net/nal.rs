//! Programs written for other stacks, by the traits of `embedded-nal-async`.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use embassy_futures::select::{Either, select};
use embedded_io_async::{Error, ErrorKind, Read, Write};
use embedded_nal_async::{AddrType, ConnectedUdp, Dns, TcpConnect, UdpStack, UnconnectedUdp};
use reqwless::client::HttpClient;
use reqwless::request::{Method, RequestBuilder};
use zonda::compat::nal::{NameError, UdpError};
use zonda::proto::dns::{DnsError, Resolver};
use zonda::socket::{ConnectError, SendError, TcpError, TcpListener};

use crate::network::*;

/// Two hosts on a link.
struct World {
    net: Network,
    link: Link,
    client: Host,
    server: Host,
}

fn world() -> World {
    let net = Network::new(7);
    let (client, server) = (net.host("client"), net.host("server"));
    let link = net.link((client, server)).delay(us(100));
    client.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    server.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    World {
        net,
        link,
        client,
        server,
    }
}

impl World {
    /// Runs `client` while `server` is at work.
    fn beside<T>(&self, server: impl Future<Output = ()>, client: impl Future<Output = T>) -> T {
        let both = async {
            match select(client, server).await {
                Either::First(result) => result,
                Either::Second(()) => panic!("the server has ended"),
            }
        };
        self.net.block_on(both)
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

/// Serves HTTP: says what it was asked.
async fn serve_http(server: Host) {
    let listener = TcpListener::bind(server.stack(), addr("[::]:80"), 4).unwrap();
    loop {
        let mut socket = listener.accept().await;
        let mut request = Vec::new();
        while !request.ends_with(b"ping") {
            let mut some = [0; 256];
            let length = socket.read(&mut some).await.unwrap();
            assert!(length > 0, "the request ends early");
            request.extend_from_slice(&some[..length]);
        }
        let line = request.split(|byte| *byte == b'\r').next().unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", line.len());
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(line).await.unwrap();
        socket.flush().await.unwrap();
    }
}

#[test]
fn an_http_client_written_for_any_stack_runs_on_this_one() {
    let world = world();
    let (stack, resolver) = (world.client.stack(), Resolver::new(world.client.stack()));
    for host in ["10.0.0.2", "fd00::2"] {
        // Its URLs know no brackets: the name is the address.
        let url = format!(
            "http://{}/some/where",
            if host.contains(':') { "six" } else { host }
        );
        let names = Names(&resolver);
        let said = world.beside(serve_http(world.server), async {
            let mut client = HttpClient::new(&stack, &names);
            let request = client.request(Method::POST, &url).await.unwrap();
            let mut request = request.body(b"ping".as_slice());
            let mut head = [0; 512];
            let response = request.send(&mut head).await.unwrap();
            assert_eq!(response.status.0, 200);
            response.body().read_to_end().await.unwrap().to_vec()
        });
        assert_eq!(said, b"POST /some/where HTTP/1.1");
    }
}

/// Knows `six`, and asks the resolver for all else.
struct Names<'r>(&'r Resolver<'static>);

impl Dns for Names<'_> {
    type Error = NameError;

    async fn get_host_by_name(&self, host: &str, kind: AddrType) -> Result<IpAddr, NameError> {
        let host = if host == "six" { "fd00::2" } else { host };
        self.0.get_host_by_name(host, kind).await
    }

    async fn get_host_by_address(&self, at: IpAddr, to: &mut [u8]) -> Result<usize, NameError> {
        self.0.get_host_by_address(at, to).await
    }
}

#[test]
fn connection_that_does_not_come_about_says_why() {
    let world = world();
    let stack = world.client.stack();
    let refused = world
        .net
        .block_on(TcpConnect::connect(&stack, addr("10.0.0.2:81")));
    let refused = refused.err().unwrap();
    assert_eq!(refused, ConnectError::Failed(TcpError::Refused));
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let no_way = world
        .net
        .block_on(TcpConnect::connect(&stack, addr("192.0.2.1:80")));
    assert_eq!(no_way.err().unwrap().kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn connected_socket_has_the_address_of_its_route_and_one_peer() {
    let world = world();
    let stack = world.client.stack();
    let server = world.server.udp("[::]:7");
    for (own, peer) in [("10.0.0.1", "10.0.0.2:7"), ("fd00::1", "[fd00::2]:7")] {
        let (local, mut socket) = world
            .net
            .block_on(UdpStack::connect(&stack, addr(peer)))
            .unwrap();
        assert_eq!(local.ip().to_string(), own);
        assert_ne!(local.port(), 0);
        world.net.block_on(socket.send(b"hello")).unwrap();
        world.net.run_for(ms(10));
        let (data, info) = server.try_recv().unwrap();
        assert!(data.equals(b"hello"));
        assert_eq!(info.source, local);
        server.try_reply(data, &info).unwrap();
        // What does not fit is cut off, and told of.
        let mut some = [0; 3];
        let length = world.net.block_on(socket.receive_into(&mut some)).unwrap();
        assert_eq!((length, &some), (5, b"hel"));
    }
    // The error of an earlier datagram comes with the next call.
    let (_, mut socket) = world
        .net
        .block_on(UdpStack::connect(&stack, addr("10.0.0.2:9")))
        .unwrap();
    world.net.block_on(socket.send(b"nobody")).unwrap();
    let gone = world.net.block_on(socket.receive_into(&mut [0; 8]));
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn bound_socket_answers_from_where_it_was_asked() {
    let world = world();
    world.server.add(world.link, "10.0.0.3/24");
    let stack = world.server.stack();
    let mut server = world
        .net
        .block_on(stack.bind_multiple(addr("0.0.0.0:7")))
        .unwrap();
    let client = world.client.udp("0.0.0.0:0");
    for to in ["10.0.0.3:7", "10.0.0.2:7", "[fd00::2]:7"] {
        client.try_send_to(b"who?", Some(addr(to))).unwrap();
        let mut question = [0; 16];
        let asked = world.net.block_on(server.receive_into(&mut question));
        let (length, local, remote) = asked.unwrap();
        assert_eq!((length, local), (4, addr(to)));
        world
            .net
            .block_on(server.send(local, remote, b"me"))
            .unwrap();
        world.net.run_for(ms(10));
        assert_eq!(client.try_recv().unwrap().1.source, addr(to));
    }
    // Nobody sends from an address that is not there.
    let forged = server.send(addr("192.0.2.9:7"), client.local_addr(), b"me");
    assert!(matches!(
        world.net.block_on(forged),
        Err(UdpError::Send(
            SendError::NoRoute | SendError::InvalidDestination
        ))
    ));
}

#[test]
fn singly_bound_socket_has_one_address_beyond_the_link_if_there_is_one() {
    let world = world();
    let stack = world.client.stack();
    for (any, own) in [("0.0.0.0:0", "10.0.0.1"), ("[::]:0", "fd00::1")] {
        let (local, socket) = world.net.block_on(stack.bind_single(addr(any))).unwrap();
        assert_eq!(local.ip().to_string(), own);
        assert_eq!(socket.socket().local_addr(), local);
        // The port is taken now.
        let again = world.net.block_on(stack.bind_single(local)).err().unwrap();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
    }
    let alone = world.net.host("alone");
    let none = world
        .net
        .block_on(alone.stack().bind_single(addr("0.0.0.0:0")));
    assert_eq!(none.err().unwrap(), UdpError::NoAddress);
}

#[test]
fn names_are_those_of_the_resolver() {
    let world = world();
    let resolver = Resolver::new(world.client.stack());
    let net = &world.net;
    let found = net.block_on(resolver.get_host_by_name("192.0.2.7", AddrType::Either));
    assert_eq!(found.unwrap().to_string(), "192.0.2.7");
    let none = net.block_on(resolver.get_host_by_name("a.name", AddrType::IPv6));
    assert_eq!(none.unwrap_err(), NameError::Dns(DnsError::NoServers));
    // A server that knows the name of every address.
    let server = world.server.udp("[::]:53");
    resolver.add_server(addr("10.0.0.2:53"));
    let asked = RefCell::new(0);
    let serve = async {
        loop {
            let mut query = [0; 128];
            let (length, info) = server.recv_from(&mut query).await.unwrap();
            *asked.borrow_mut() += 1;
            let question = query[..length].windows(4).position(|w| w == [0, 12, 0, 1]);
            let end = question.expect("a question for PTR") + 4;
            let mut reply = query[..end].to_vec();
            reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            reply.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, 9]);
            reply.extend(b"\x04host\x02zz\0");
            server.reply_to(&reply, &info).await.unwrap();
        }
    };
    let address = "10.0.0.2".parse().unwrap();
    let (mut room, mut less) = ([0; 32], [0; 4]);
    let (long, short) = world.beside(serve, async {
        (
            resolver.get_host_by_address(address, &mut room).await,
            resolver.get_host_by_address(address, &mut less).await,
        )
    });
    let length = long.unwrap();
    assert_eq!(
        std::str::from_utf8(&room[..length])
            .unwrap()
            .trim_end_matches('.'),
        "host.zz"
    );
    assert_eq!(short, Err(NameError::TooLong));
    assert_eq!(
        asked.into_inner(),
        1,
        "the second is answered from the cache"
    );
}
