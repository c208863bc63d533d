//! The connection manager.

use std::rc::Rc;

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::mgmt::{Connections, Requirement};

use super::*;

struct World {
    net: Network,
    host: Host,
    links: [Link; 2],
    connections: Rc<Connections<'static>>,
    events: Events<'static>,
}

/// A host on two links without addresses, and its manager.
fn world() -> World {
    let net = Network::new(3);
    let host = net.host("host");
    let links = [net.link([host]), net.link([host])];
    net.settle();
    let connections = Rc::new(Connections::new(host.stack()));
    let events = host.stack().events().only(EventClass::CONNECTION);
    let manager = connections.clone();
    let _task = net.spawn(async move { manager.run().await });
    net.settle();
    World {
        net,
        host,
        links,
        connections,
        events,
    }
}

impl World {
    fn id(&self, link: usize) -> InterfaceId {
        self.host.interface(self.links[link])
    }

    /// What the manager has told since the last look.
    #[track_caller]
    fn told(&mut self, expected: &[(usize, EventKind)]) {
        self.net.settle();
        let told: Vec<_> = std::iter::from_fn(|| self.events.try_next()).collect();
        let expected: Vec<_> = (expected.iter())
            .map(|(link, kind)| {
                Ok(Event {
                    interface: self.id(*link),
                    kind: *kind,
                })
            })
            .collect();
        assert_eq!(told, expected);
    }
}

use EventKind::{Connected, Disconnected};
use Reach::{Any, Ipv4, Ipv6};

#[test]
fn first_address_connects_and_the_last_disconnects() {
    let mut world = world();
    world.told(&[]);
    assert!(!world.connections.is_connected(Any));
    world.host.add(world.links[0], "10.0.0.1/24");
    world.told(&[(0, Connected(Ipv4)), (0, Connected(Any))]);
    world.host.add(world.links[1], "fd00::1/64");
    world.told(&[(1, Connected(Ipv6))]);
    world.host.add(world.links[1], "10.1.0.1/24");
    world.told(&[]);
    assert!(world.connections.is_connected_by(world.id(1), Ipv4));
    // The first interface goes; IPv4 goes on by the other.
    world.links[0].down();
    world.told(&[]);
    assert!(!world.connections.is_connected_by(world.id(0), Any));
    let address = "10.1.0.1".parse().unwrap();
    assert!(world.host.stack().remove_address(world.id(1), address));
    world.told(&[(1, Disconnected(Ipv4))]);
    world.links[1].down();
    world.told(&[(1, Disconnected(Ipv6)), (1, Disconnected(Any))]);
}

#[test]
fn short_loss_of_the_link_is_told_too() {
    let mut world = world();
    world.host.add(world.links[0], "10.0.0.1/24");
    world.told(&[(0, Connected(Ipv4)), (0, Connected(Any))]);
    // The manager does not run in between.
    let id = world.id(0);
    assert!(world.host.stack().set_enabled(id, false));
    assert!(world.host.stack().set_enabled(id, true));
    world.told(&[
        (0, Disconnected(Ipv4)),
        (0, Disconnected(Any)),
        (0, Connected(Ipv4)),
        (0, Connected(Any)),
    ]);
}

#[test]
fn address_of_the_link_alone_is_not_enough() {
    let mut world = world();
    world.host.add(world.links[0], "169.254.7.7/16");
    world.host.add(world.links[0], "fe80::7/64");
    world.told(&[]);
    let ready = world.host.stack().readiness(world.id(0));
    assert_eq!(ready, Default::default());
}

#[test]
fn interface_that_is_ignored_does_not_count() {
    let mut world = world();
    let id = world.id(0);
    world.connections.set_ignored(id, true);
    world.host.add(world.links[0], "10.0.0.1/24");
    world.told(&[]);
    world.connections.set_ignored(id, false);
    world.told(&[(0, Connected(Ipv4)), (0, Connected(Any))]);
    world.connections.set_ignored(id, true);
    world.told(&[(0, Disconnected(Ipv4)), (0, Disconnected(Any))]);
}

#[test]
fn router_is_waited_for_where_one_is_required() {
    let mut world = world();
    world.connections.require(Requirement::Router);
    let (stack, id) = (world.host.stack(), world.id(0));
    world.host.add(world.links[0], "10.0.0.1/24");
    world.told(&[]);
    let address = "0.0.0.0".parse::<std::net::IpAddr>().unwrap();
    let prefix = Prefix::new(address.try_into().unwrap(), 0).unwrap();
    let gateway: std::net::IpAddr = "10.0.0.254".parse().unwrap();
    let route = Route {
        prefix,
        gateway: Some(gateway.try_into().unwrap()),
        interface: id,
        metric: 0,
        origin: RouteOrigin::Static,
        expires: None,
    };
    stack.add_route(route).unwrap();
    world.told(&[(0, Connected(Ipv4)), (0, Connected(Any))]);
    assert!(stack.remove_route(prefix, Some(gateway), id).is_some());
    world.told(&[(0, Disconnected(Ipv4)), (0, Disconnected(Any))]);
}

#[test]
fn tasks_wait_for_a_connection_and_for_its_end() {
    let world = world();
    let connections = world.connections.clone();
    let waiting = world.net.spawn(async move {
        connections.connected(Any).await;
        connections.disconnected(Any).await;
    });
    let connections = world.connections.clone();
    let first = world
        .net
        .spawn(async move { connections.connected(Ipv6).await });
    world.host.add(world.links[0], "fd00::1/64");
    world.net.settle();
    assert!(first.is_done() && !waiting.is_done());
    world.links[0].down();
    world.net.settle();
    assert!(waiting.is_done());
}
