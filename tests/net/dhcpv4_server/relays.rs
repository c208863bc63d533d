//! Clients behind relay agents (RFC 2131 §4.1, §4.3.2, RFC 3046, 3527, 5107).

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::proto::dhcpv4::OptionValue;

use super::*;

/// A relay agent's address on the link of its clients.
const AGENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
/// The router that it is, on the link of the server.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);

/// A server for its own link and for the networks 10.1.0.0/24 and 10.2.0.0/24.
fn relayed() -> World {
    let behind = |network: u8| {
        let address = |number| Ipv4Addr::new(10, network, 0, number);
        let ranges = leak([AddressRange::new(address(1), address(9))]);
        Subnet::new(Ipv4Cidr::new(address(0), 24)).ranges(ranges)
    };
    let subnets = leak([subnet(103), behind(1), behind(2)]);
    let world = world(ServerConfig::new(subnets), 16);
    let prefix = Prefix::new(Ipv4Addr::new(10, 0, 0, 0).into(), 8).unwrap();
    let route = Route {
        prefix,
        gateway: Some(IpAddr::from(ROUTER).try_into().unwrap()),
        interface: 0,
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    };
    world.host.stack().add_route(route).unwrap();
    world.peer.answer_for(ROUTER, "::2".parse().unwrap());
    world
}

impl World {
    #[track_caller]
    fn relay(&self, message: Message) -> Reply {
        let mut replies = self.relayed(message);
        assert_eq!(replies.len(), 1, "{:?}", self.counters());
        replies.remove(0)
    }

    fn relayed(&self, message: Message) -> Vec<Reply> {
        self.peer.take();
        self.send_from(AGENT, SERVER, &message.set(3, &[1]).finish());
        self.replies(ms(20))
    }
}

#[test]
fn agent_names_the_subnet_and_gets_the_reply() {
    let world = relayed();
    let offer = world.relay(Message::new(DISCOVER, ALICE).by(AGENT));
    // At once: nobody there can be asked for the address.
    assert_eq!(offer.kind, OFFER);
    assert_eq!(
        (offer.destination, offer.ports),
        (IpAddr::from(AGENT), (67, 67))
    );
    assert_eq!((offer.address(24), offer.bytes[3]), (AGENT, 0));
    let address = offer.yours();
    // Not the agent's own.
    assert_eq!(address.octets()[..3], [10, 1, 0]);
    assert_ne!(address, AGENT);
    assert_eq!(offer.option(54), Some(SERVER.octets().to_vec()));
    let ack = world.relay(taking(ALICE, address).by(AGENT));
    assert_eq!((ack.kind, ack.yours()), (ACK, address));
    // The client renews by itself, past the agent.
    let renewal = Message::new(REQUEST, ALICE).has(address);
    world.send_from(address, SERVER, &renewal.finish());
    let replies = world.replies(ms(20));
    assert_eq!((replies[0].kind, replies[0].yours()), (ACK, address));
    assert_eq!(
        (replies[0].destination, replies[0].ports.1),
        (IpAddr::from(address), 68)
    );
    // And gives it back.
    let release = Message::new(RELEASE, ALICE).has(address).from(SERVER);
    world.send_from(address, SERVER, &release.finish());
    world.net.settle();
    world.net.run_for(ms(5));
    assert_eq!(world.leases(), [(address, LeaseState::Former)]);
}

#[test]
fn client_that_has_moved_gets_an_address_of_each_network() {
    let world = relayed();
    let there = world.relay(Message::new(DISCOVER, ALICE).by(AGENT)).yours();
    world.relay(taking(ALICE, there).by(AGENT));
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    let here = world.replies(secs(1)).remove(0).yours();
    assert_eq!(here.octets()[..3], [10, 0, 0]);
    // Its old address is of no use here.
    assert_eq!(
        world.ask(&Message::new(REQUEST, ALICE).wants(there)).kind,
        NAK
    );
}

#[test]
fn refusal_by_an_agent_is_to_be_broadcast() {
    let world = relayed();
    let nak = world.relay(Message::new(REQUEST, ALICE).by(AGENT).wants(host(100)));
    assert_eq!((nak.kind, nak.destination), (NAK, IpAddr::from(AGENT)));
    assert_eq!(
        (nak.ports.1, nak.bytes[10..12].to_vec()),
        (67, vec![0x80, 0])
    );
}

#[test]
fn what_the_agent_says_is_given_back_last() {
    let world = relayed();
    let said = [1, 4, b'p', b'o', b'r', b't', 2, 1, 9];
    let with = |message: Message| message.by(AGENT).option(82, &said).option(55, &[6, 3]);
    let offer = world.relay(with(Message::new(DISCOVER, ALICE)));
    let ack = world.relay(with(taking(ALICE, offer.yours())));
    let nak = world.relay(with(taking(ALICE, host(100))));
    assert_eq!([offer.kind, ack.kind, nak.kind], [OFFER, ACK, NAK]);
    for reply in [offer, ack, nak] {
        assert_eq!(reply.options.last(), Some(&(82, said.to_vec())));
    }
}

#[test]
fn reply_without_room_for_what_the_agent_says_goes_without() {
    let long: &[u8] = leak(vec![7; 250]);
    let subnet = Subnet::new(Ipv4Cidr::new(SERVER, 24)).interface(0);
    let ranges = leak([AddressRange::new(host(100), host(103))]);
    let options = leak([ServerOption::new(43, OptionValue::Octets(long))]);
    let subnet = subnet.ranges(ranges).options(options);
    let world = world(ServerConfig::new(leak([subnet])).probe(false), 8);
    // It has its room before parameters do ...
    let offer = world.ask(&Message::new(DISCOVER, ALICE).option(82, &[1; 250]));
    assert_eq!(
        (offer.option(82), offer.option(43)),
        (Some(vec![1; 250]), None)
    );
    // ... and none if the identifier takes it.
    let both = Message::new(DISCOVER, BOB)
        .option(61, &[2; 250])
        .option(82, &[1; 250]);
    let offer = world.ask(&both);
    assert_eq!(
        (offer.option(82), offer.option(61)),
        (None, Some(vec![2; 250]))
    );
    assert_eq!(world.counters().missed, 3);
}

#[test]
fn agent_can_name_another_subnet_than_its_own() {
    let world = relayed();
    let named = Message::new(DISCOVER, ALICE).by(AGENT);
    let named = named.option(82, &[1, 1, 0, 5, 4, 10, 2, 0, 0]);
    let offer = world.relay(named);
    assert_eq!(offer.yours().octets()[..3], [10, 2, 0]);
    // "The IP address to which a DHCP server sends a reply MUST be the same".
    assert_eq!(offer.destination, IpAddr::from(AGENT));
}

#[test]
fn agent_can_stand_for_the_server() {
    let world = relayed();
    let with = |message: Message| message.by(AGENT).option(82, &[11, 4, 10, 1, 0, 1]);
    let offer = world.relay(with(Message::new(DISCOVER, ALICE)));
    assert_eq!(offer.option(54), Some(AGENT.octets().to_vec()));
    let request = Message::new(REQUEST, ALICE)
        .wants(offer.yours())
        .from(AGENT);
    let ack = world.relay(with(request));
    assert_eq!(
        (ack.kind, ack.option(54)),
        (ACK, Some(AGENT.octets().to_vec()))
    );
}

#[test]
fn agents_of_networks_that_are_not_served_hear_nothing() {
    let world = relayed();
    let message = Message::new(DISCOVER, ALICE).by(Ipv4Addr::new(10, 3, 0, 1));
    assert_eq!(world.relayed(message), []);
    assert_eq!(world.counters().unserved, 1);
    // Nor do those that cannot be.
    for agent in [Ipv4Addr::new(224, 0, 0, 1), ALL, Ipv4Addr::LOCALHOST] {
        assert_eq!(world.relayed(Message::new(DISCOVER, ALICE).by(agent)), []);
    }
    assert_eq!(world.counters().malformed, 3);
}
