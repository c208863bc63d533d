//! Whether somebody beyond the link answers.

use std::cell::Cell;
use std::rc::Rc;

use embedded_io_async::{Read, Write};
use zonda::mgmt::{HttpProbe, OnlineCheck, PingProbe};
use zonda::socket::TcpListener;

use super::*;

struct World {
    net: Network,
    host: Host,
    server: Host,
    link: Link,
    events: Events<'static>,
}

fn world() -> World {
    let net = Network::new(3);
    let (host, server) = (net.host("host"), net.host("server"));
    let link = net.link((host, server)).delay(ms(1));
    host.add(link, "10.0.0.1/24");
    server.add(link, "10.0.0.2/24");
    net.settle();
    let events = host.stack().events().only(EventClass::CONNECTION);
    World {
        net,
        host,
        server,
        link,
        events,
    }
}

#[test]
fn host_that_answers_ping_no_longer_is_told_once() {
    let mut world = world();
    let (stack, id) = (world.host.stack(), world.host.interface(world.link));
    let check = Rc::new(OnlineCheck::new(stack, id, secs(10)));
    assert_eq!(check.is_online(), None);
    let (running, target) = (check.clone(), "10.0.0.2".parse().unwrap());
    let _task = world.net.spawn(async move {
        running
            .run(&mut PingProbe::new(stack, target, secs(1)))
            .await
    });
    world.net.run_for(secs(25));
    assert_eq!(check.is_online(), Some(true));
    assert_eq!(kinds(&mut world.events), [EventKind::Online(true)]);
    let address = "10.0.0.2".parse().unwrap();
    let interface = world.server.interface(world.link);
    assert!(world.server.stack().remove_address(interface, address));
    world.net.run_for(secs(25));
    assert_eq!(kinds(&mut world.events), [EventKind::Online(false)]);
    world.server.add(world.link, "10.0.0.2/24");
    world.net.run_for(secs(25));
    assert_eq!(kinds(&mut world.events), [EventKind::Online(true)]);
}

#[test]
fn portal_that_answers_in_place_of_the_server_is_not_the_network() {
    let mut world = world();
    let stack = world.host.stack();
    let status = Rc::new(Cell::new("302 Found"));
    let (answer, server) = (status.clone(), world.server.stack());
    let _server = world.net.spawn(async move {
        let listener = TcpListener::bind(server, "0.0.0.0:80".parse().unwrap(), 2).unwrap();
        loop {
            let mut socket = listener.accept().await;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut some = [0; 64];
                let length = socket.read(&mut some).await.unwrap();
                request.extend_from_slice(&some[..length]);
            }
            assert!(request.starts_with(b"GET /gen HTTP/1.1\r\nHost: check.example\r\n"));
            let answer = format!("HTTP/1.1 {}\r\n\r\n", answer.get());
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.flush().await;
        }
    });
    let check = OnlineCheck::new(stack, world.host.interface(world.link), secs(10));
    let at = "10.0.0.2:80".parse().unwrap();
    let _task = world.net.spawn(async move {
        let mut probe = HttpProbe::new(stack, at, "check.example", "/gen", secs(5));
        check.run(&mut probe).await
    });
    world.net.run_for(secs(5));
    assert_eq!(kinds(&mut world.events), [EventKind::Online(false)]);
    for (said, is_online) in [("204 No Content", true), ("garbage", false)] {
        status.set(said);
        world.net.run_for(secs(12));
        assert_eq!(kinds(&mut world.events), [EventKind::Online(is_online)]);
    }
}
