//! The crate's own client and server; restarts; exhausted pools.

use std::cell::RefCell;
use std::collections::BTreeMap;

use zonda::netbuf::Purpose;
use zonda::proto::dhcpv4::{ClientConfig, ClientState, Dhcpv4Client, LeaseStore, ServerLease};

use super::*;

/// A server, and hosts that are its clients.
struct Home {
    server: &'static Dhcpv4Server<'static, 'static>,
    clients: Vec<(Host, &'static Dhcpv4Client<'static, 'static>)>,
    host: Host,
    link: Link,
    net: Network,
}

fn home(clients: usize, config: ServerConfig<'static>) -> Home {
    let net = Network::new(3);
    let host = net.host("server");
    let hosts: Vec<_> = (0..clients)
        .map(|n| net.host(&format!("client{n}")))
        .collect();
    let link = net.link((host, hosts[0])).delay(ms(1));
    for other in &hosts[1..] {
        link.join(*other);
    }
    host.add(link, "10.0.0.1/24");
    let server = server(host, config, 16);
    let clients = hosts.iter().map(|host| {
        let config = ClientConfig::new().host_name("kettle");
        let client = Dhcpv4Client::new(host.stack(), host.interface(link), config).unwrap();
        (*host, &*Box::leak(Box::new(client)))
    });
    let clients = clients.collect();
    Home {
        server,
        clients,
        host,
        link,
        net,
    }
}

impl Home {
    fn addresses(&self) -> Vec<Ipv4Addr> {
        let lease = |client: &Dhcpv4Client<'_, '_>| client.lease().map(|l| l.address.address);
        self.clients
            .iter()
            .filter_map(|(_, client)| lease(client))
            .collect()
    }
}

fn told() -> &'static [ServerOption<'static>] {
    leak([
        ServerOption::routers(leak([SERVER])),
        ServerOption::dns_servers(leak([SERVER])),
        ServerOption::domain("lab.test"),
    ])
}

#[test]
fn clients_keep_their_addresses_for_a_year() {
    let subnet = subnet(103).lease_times(86400, 86400, 86400);
    let home = home(3, ServerConfig::new(leak([subnet.options(told())])));
    let _served = home.net.spawn(home.server.run());
    let _runs: Vec<_> = (home.clients.iter())
        .map(|(_, client)| home.net.spawn(client.run()))
        .collect();
    for (host, client) in &home.clients {
        let lease = home.net.block_on(client.bound());
        assert_eq!(lease.server, SERVER);
        client.options(|options| {
            assert!(options.routers().eq([SERVER]));
            assert_eq!(options.domain(), Some("lab.test"));
        });
        assert!(host.stack().routes().any(|route| route.gateway.is_some()));
    }
    let before = home.addresses();
    assert_eq!(before.len(), 3);
    for _ in 0..365 {
        home.net.run_for(secs(86400));
        assert_eq!(home.addresses(), before);
    }
    let counters = home.server.counters();
    assert_eq!(
        (counters.refused, counters.conflicts, counters.not_sent),
        (0, 0, 0)
    );
    assert!(counters.acknowledged > 3 * 365, "{counters:?}");
    assert!(
        home.clients
            .iter()
            .all(|(_, client)| client.state() == ClientState::Bound)
    );
}

#[test]
fn client_finds_an_address_that_a_station_took_and_gets_another() {
    let home = home(2, ServerConfig::new(leak([subnet(103)])).decline_time(600));
    let _served = home.net.spawn(home.server.run());
    let (host, first) = home.clients[0];
    let (_, second) = home.clients[1];
    host.stack().set_conflict_detection(
        host.interface(home.link),
        zonda::iface::ConflictDetection::DefendOnce,
    );
    let _run = home.net.spawn(first.run());
    home.net
        .run_until(secs(30), || first.state() == ClientState::Checking);
    // It was offered already.
    let taken = home.server.leases().next().unwrap().address;
    home.clients[1].0.add(home.link, &format!("{taken}/24"));
    let lease = home.net.block_on(first.bound());
    assert_ne!(lease.address.address, taken);
    assert_eq!(home.server.counters().declined, 1);
    assert_eq!(first.counters().conflicts, 1);
    assert!(second.lease().is_none());
}

/// Leases in memory that outlasts the server.
#[derive(Default)]
struct Flash {
    leases: RefCell<BTreeMap<Ipv4Addr, [u8; ServerLease::LENGTH]>>,
}

impl LeaseStore for &Flash {
    fn load(&mut self, show: &mut dyn FnMut(&ServerLease)) {
        for bytes in self.leases.borrow().values() {
            show(&ServerLease::from_bytes(bytes).unwrap());
        }
    }

    fn store(&mut self, lease: &ServerLease) {
        self.leases
            .borrow_mut()
            .insert(lease.address, lease.to_bytes());
    }

    fn erase(&mut self, address: Ipv4Addr) {
        self.leases.borrow_mut().remove(&address);
    }
}

/// A server that keeps its leases, and its clients on one link.
fn keeping(flash: &'static Flash, places: usize) -> World {
    let world = idle(usual(), places);
    let server = world.server;
    (world.net).spawn(async move { server.run_with(&mut { flash }).await });
    world.net.settle();
    world
}

#[test]
fn leases_outlast_a_restart_with_a_store() {
    let flash: &'static Flash = Box::leak(Box::default());
    let (alice, bob);
    {
        let world = keeping(flash, 8);
        alice = world.lease(ALICE);
        bob = world.lease(BOB);
        assert_eq!(flash.leases.borrow().len(), 2);
        let other = world.lease(client(1));
        let release = Message::new(RELEASE, client(1)).has(other).from(SERVER);
        world.send_from(other, SERVER, &release.finish());
        world.net.run_for(ms(5));
        assert_eq!(flash.leases.borrow().len(), 2);
    }
    let world = keeping(flash, 8);
    assert_eq!(world.leases().len(), 2);
    let ack = world.ask(&Message::new(REQUEST, ALICE).wants(alice));
    assert_eq!((ack.kind, ack.yours()), (ACK, alice));
    // The other's is not given away.
    assert_ne!(
        world
            .ask(&Message::new(DISCOVER, client(2)).wants(bob))
            .yours(),
        bob
    );
    let lease = world
        .server
        .leases()
        .find(|lease| lease.address == bob)
        .unwrap();
    assert_eq!(
        (lease.hardware, lease.state),
        (LinkAddr::ethernet(BOB), LeaseState::Leased)
    );
    // What is taken away is forgotten.
    assert!(world.server.remove(bob));
    world.net.settle();
    assert_eq!(
        flash.leases.borrow().keys().copied().collect::<Vec<_>>(),
        [alice]
    );
}

#[test]
fn store_forgets_what_gave_way() {
    let flash: &'static Flash = Box::leak(Box::default());
    let world = keeping(flash, 2);
    world.lease(ALICE);
    world.lease(BOB);
    world.net.run_for(secs(3600));
    let (third, fourth) = (world.lease(client(1)), world.lease(client(2)));
    let kept: Vec<_> = flash.leases.borrow().keys().copied().collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&third) && kept.contains(&fourth));
}

#[test]
fn stored_leases_of_other_networks_and_damaged_ones_are_passed_over() {
    let flash: &'static Flash = Box::leak(Box::default());
    let address = keeping(flash, 8).lease(ALICE);
    let bytes = flash.leases.borrow()[&address];
    let mut lease = ServerLease::from_bytes(&bytes).unwrap();
    assert_eq!(lease.to_bytes(), bytes);
    lease.address = Ipv4Addr::new(192, 0, 2, 1);
    flash
        .leases
        .borrow_mut()
        .insert(lease.address, lease.to_bytes());
    let mut damaged = bytes;
    damaged[8] = 9;
    assert_eq!(ServerLease::from_bytes(&damaged), None);
    assert_eq!(ServerLease::from_bytes(&[0xff; ServerLease::LENGTH]), None);
    assert_eq!(keeping(flash, 8).leases(), [(address, LeaseState::Leased)]);
}

#[test]
fn exhausted_pools_stall_neither_client_nor_server() {
    let home = home(1, ServerConfig::new(leak([subnet(103)])));
    let _served = home.net.spawn(home.server.run());
    let (host, client) = home.clients[0];
    let _run = home.net.spawn(client.run());
    let take = |host: Host| {
        let mut taken = Vec::new();
        while let Ok(buf) = host.pool().alloc(Purpose::Send, 0) {
            taken.push(buf);
        }
        taken
    };
    // Neither can send: no offer comes.
    let taken = (take(home.host), take(host));
    home.net.run_for(secs(60));
    assert!(client.counters().not_sent > 0);
    assert_eq!(home.server.counters().offered, 0);
    drop(taken.1);
    // The client asks, and the server cannot answer.
    home.net.run_for(secs(60));
    assert!(home.server.counters().not_sent > 0);
    assert_eq!(client.lease(), None);
    drop(taken.0);
    home.net.block_on(client.bound());
    // Nor do they when the lease is to be extended.
    let taken = (take(home.host), take(host));
    home.net.run_for(secs(2000));
    drop(taken);
    home.net.run_for(secs(1000));
    assert_eq!(client.state(), ClientState::Bound);
}

#[test]
fn one_server_serves_several_interfaces() {
    let net = Network::new(1);
    let host0 = net.host("server");
    let hosts = [net.host("left"), net.host("right")];
    let links = hosts.map(|other| net.link((host0, other)));
    host0.add(links[0], "10.0.0.1/24");
    host0.add(links[1], "10.5.0.1/24");
    let address = |number| Ipv4Addr::new(10, 5, 0, number);
    let right = Subnet::new(Ipv4Cidr::new(address(1), 24))
        .interface(host0.interface(links[1]))
        .ranges(leak([AddressRange::new(address(7), address(7))]));
    let left = subnet(103).interface(host0.interface(links[0]));
    let server = server(host0, ServerConfig::new(leak([left, right])), 8);
    let _served = net.spawn(server.run());
    let mut runs = Vec::new();
    for (number, (host, link)) in hosts.into_iter().zip(links).enumerate() {
        let id = host.interface(link);
        let client = Dhcpv4Client::new(host.stack(), id, ClientConfig::new()).unwrap();
        let client: &'static _ = Box::leak(Box::new(client));
        runs.push(net.spawn(client.run()));
        let lease = net.block_on(client.bound());
        match number {
            0 => assert_eq!(lease.server, SERVER),
            _ => assert_eq!(
                (lease.server, lease.address.address),
                (address(1), address(7))
            ),
        }
    }
}
