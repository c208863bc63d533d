//! The parameters that clients are told (RFC 2131 §4.3.1, RFC 2132, 3396, 3442, 6842).

use zonda::proto::dhcpv4::{ClasslessRoute, OptionValue, ServerConfigError};

use super::*;

fn told(options: &'static [ServerOption<'static>]) -> World {
    let config = ServerConfig::new(leak([subnet(103).options(options)]));
    world(config.probe(false), 8)
}

fn all() -> &'static [ServerOption<'static>] {
    leak([
        ServerOption::routers(leak([SERVER, host(2)])),
        ServerOption::dns_servers(leak([host(3)])),
        ServerOption::ntp_servers(leak([host(4)])),
        ServerOption::domain("lab.test"),
        ServerOption::new(26, OptionValue::Short(1400)),
        ServerOption::new(19, OptionValue::Byte(1)),
        ServerOption::new(200, OptionValue::Octets(&[1, 2, 3])),
        ServerOption::new(58, OptionValue::Long(60)),
    ])
}

#[test]
fn requested_parameters_come_in_the_order_of_the_list_and_once() {
    let world = told(all());
    let list = [15, 6, 121, 3, 15, 1, 200];
    let offer = world.ask(&Message::new(DISCOVER, ALICE).option(55, &list));
    // Server, lease, mask; what was asked for; what else there is.
    assert_eq!(
        offer.codes(),
        [53, 54, 51, 1, 15, 6, 3, 200, 42, 26, 19, 58]
    );
    assert_eq!(offer.option(15), Some(b"lab.test".to_vec()));
    assert_eq!(offer.option(3), Some(vec![10, 0, 0, 1, 10, 0, 0, 2]));
    assert_eq!(offer.option(6), Some(vec![10, 0, 0, 3]));
    assert_eq!(offer.option(42), Some(vec![10, 0, 0, 4]));
    assert_eq!(offer.option(26), Some(vec![5, 0x78]));
    assert_eq!(offer.option(19), Some(vec![1]));
    assert_eq!(offer.option(200), Some(vec![1, 2, 3]));
    assert_eq!(offer.number(58), Some(60));
    let taking = taking(ALICE, offer.yours()).option(55, &list);
    assert_eq!(world.ask(&taking).codes(), offer.codes());
}

#[test]
fn everything_is_told_to_who_asks_for_nothing() {
    let world = told(all());
    let offer = world.ask(&Message::new(DISCOVER, ALICE));
    assert_eq!(
        offer.codes(),
        [53, 54, 51, 1, 3, 6, 42, 15, 26, 19, 200, 58]
    );
}

#[test]
fn routes_stand_in_place_of_routers_for_who_asks_for_them() {
    let route = |prefix, length, router| ClasslessRoute {
        prefix: Ipv4Cidr::new(prefix, length),
        router,
    };
    let routes = leak([
        route(ANY, 0, SERVER),
        route(Ipv4Addr::new(10, 77, 128, 0), 17, host(2)),
    ]);
    let world = told(leak([
        ServerOption::routers(leak([SERVER])),
        ServerOption::routes(routes),
    ]));
    let offer = world.ask(&Message::new(DISCOVER, ALICE).option(55, &[1, 3, 121]));
    let expected = vec![0, 10, 0, 0, 1, 17, 10, 77, 128, 10, 0, 0, 2];
    assert_eq!((offer.option(121), offer.option(3)), (Some(expected), None));
    let offer = world.ask(&Message::new(DISCOVER, BOB).option(55, &[1, 3]));
    assert_eq!(offer.option(3), Some(SERVER.octets().to_vec()));
}

#[test]
fn identifier_is_given_back_in_every_reply() {
    let world = world(usual(), 8);
    let identifier = b"\x00kettle".to_vec();
    let with = |message: Message| message.option(61, &identifier);
    let offer = world.ask(&with(Message::new(DISCOVER, ALICE)));
    let ack = world.ask(&with(taking(ALICE, offer.yours())));
    let nak = world.ask(&with(taking(ALICE, host(99))));
    assert_eq!([offer.kind, ack.kind, nak.kind], [OFFER, ACK, NAK]);
    for reply in [offer, ack, nak] {
        assert_eq!(reply.option(61), Some(identifier.clone()));
    }
}

#[test]
fn long_options_are_sent_in_parts_as_far_as_the_client_takes_them() {
    let long: &[u8] = leak(
        (0..=255)
            .chain(0..60)
            .map(|n: u16| n as u8)
            .collect::<Vec<_>>(),
    );
    let world = told(leak([
        ServerOption::new(43, OptionValue::Octets(long)),
        ServerOption::domain("lab.test"),
    ]));
    // 548 octets are what everybody takes: it does not fit, and what comes behind does.
    let short = world.ask(&Message::new(DISCOVER, ALICE));
    assert!(short.bytes.len() <= 548);
    assert_eq!(
        (short.option(43), short.option(15)),
        (None, Some(b"lab.test".to_vec()))
    );
    assert_eq!(world.counters().missed, 1);
    // A size below the least is not believed.
    let least = world.ask(&Message::new(DISCOVER, ALICE).option(57, &[0, 1]));
    assert_eq!(least.bytes, short.bytes);
    let longer = world.ask(&Message::new(DISCOVER, ALICE).option(57, &[3, 0]));
    assert_eq!(longer.option(43), Some(long.to_vec()));
    assert_eq!(longer.codes().iter().filter(|code| **code == 43).count(), 2);
    // No reply is longer than the link takes.
    world
        .host
        .change(world.link, |capabilities| capabilities.mtu = 576);
    let cut = world.ask(&Message::new(DISCOVER, ALICE).option(57, &[255, 255]));
    assert_eq!(cut.option(43), None);
}

#[test]
fn options_in_the_file_and_name_fields_are_read() {
    let world = world(usual(), 8);
    let mut message = Message::new(DISCOVER, ALICE).option(52, &[3]);
    message.0[108..117].copy_from_slice(&[61, 3, 0, 1, 2, 255, 0, 0, 0]);
    message.0[44..53].copy_from_slice(&[51, 4, 0, 0, 0x10, 0, 255, 0, 0]);
    let offer = world.ask(&message);
    assert_eq!(offer.option(61), Some(vec![0, 1, 2]));
    assert_eq!(offer.number(51), Some(4096));
}

#[test]
fn lease_time_is_what_was_asked_for_within_limits() {
    let subnet = subnet(103).lease_times(600, 300, 7200);
    let world = world(ServerConfig::new(leak([subnet])).probe(false), 8);
    let time = |seconds: Option<u32>| {
        let message = Message::new(DISCOVER, ALICE);
        let offer = world.ask(&match seconds {
            Some(seconds) => message.option(51, &seconds.to_be_bytes()),
            None => message,
        });
        offer.number(51).unwrap()
    };
    assert_eq!(time(None), 600);
    for (asked, granted) in [(1, 300), (1000, 1000), (9999, 7200), (u32::MAX, 7200)] {
        assert_eq!(time(Some(asked)), granted);
    }
    // What is left of the lease, for who has one and does not ask for another time.
    let ack = world.ask(&taking(ALICE, host(100)).option(51, &1000u32.to_be_bytes()));
    let address = match ack.kind {
        ACK => ack.yours(),
        _ => world.lease(ALICE),
    };
    let before = world.server.leases().find(|lease| lease.address == address);
    let before = before.unwrap().seconds;
    world.net.run_for(secs(100));
    assert!(time(None).abs_diff(before - 100) <= 1);
    world.net.run_for(secs(before as u64 - 150));
    assert_eq!(time(None), 300);
}

#[test]
fn lease_can_be_for_ever() {
    let subnet = subnet(103).lease_times(u32::MAX, 300, u32::MAX);
    let world = world(ServerConfig::new(leak([subnet])).probe(false), 8);
    let address = world.lease(ALICE);
    let lease = world.server.leases().next().unwrap();
    assert_eq!(lease.seconds, u32::MAX);
    world.net.run_for(secs(365 * 86400));
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
}

#[test]
fn reserved_client_has_options_of_its_own() {
    let options = leak([
        ServerOption::domain("lab.test"),
        ServerOption::routers(leak([SERVER])),
    ]);
    let own = leak([
        ServerOption::domain("kitchen.test"),
        ServerOption::new(12, OptionValue::Text("kettle")),
    ]);
    let kept = Reservation::new(ReservedFor::Hardware(LinkAddr::ethernet(ALICE)), host(50));
    let config = ServerConfig::new(leak([subnet(103).options(options)])).probe(false);
    let world = world(config.reservations(leak([kept.options(own)])), 8);
    let offer = world.ask(&Message::new(DISCOVER, ALICE).option(55, &[3, 15]));
    assert_eq!(offer.codes(), [53, 54, 51, 1, 3, 15, 12]);
    assert_eq!(offer.option(15), Some(b"kitchen.test".to_vec()));
    let offer = world.ask(&Message::new(DISCOVER, BOB));
    assert_eq!(offer.codes(), [53, 54, 51, 1, 15, 3]);
}

#[test]
fn next_server_is_named() {
    let config = ServerConfig::new(leak([subnet(103).next_server(host(9))])).probe(false);
    assert_eq!(
        world(config, 8)
            .ask(&Message::new(DISCOVER, ALICE))
            .address(20),
        host(9)
    );
}

#[test]
fn configuration_that_cannot_be_served_is_refused() {
    let net = Network::new(1);
    let host0 = net.host("server");
    let refused = |subnet: Subnet<'static>, reservations: &[Reservation<'static>], places| {
        let config = ServerConfig::new(leak([subnet])).reservations(leak(reservations));
        let places = leak(vec![LeaseSlot::UNUSED; places]);
        Dhcpv4Server::new(host0.stack(), config, places).err()
    };
    let range = |first, last| leak([AddressRange::new(first, last)]);
    use ServerConfigError as E;
    assert_eq!(refused(subnet(103), &[], 1), None);
    let turned = subnet(103).ranges(range(host(9), host(8)));
    assert_eq!(refused(turned, &[], 8), Some(E::Range));
    let outside = subnet(103).ranges(range(host(9), Ipv4Addr::new(10, 0, 1, 1)));
    assert_eq!(refused(outside, &[], 8), Some(E::Range));
    let times = subnet(103).lease_times(100, 200, 300);
    assert_eq!(refused(times, &[], 8), Some(E::LeaseTime));
    for code in [0, 1, 50, 51, 52, 53, 54, 55, 57, 61, 82, 255] {
        let options = leak([ServerOption::new(code, OptionValue::Byte(1))]);
        assert_eq!(
            refused(subnet(103).options(options), &[], 8),
            Some(E::Option)
        );
    }
    let kept = |address| Reservation::new(ReservedFor::Identifier(b"x"), address);
    assert_eq!(
        refused(subnet(103), &[kept(Ipv4Addr::new(10, 1, 0, 1))], 8),
        Some(E::Reservation)
    );
    assert_eq!(
        refused(subnet(103), &[kept(host(255))], 8),
        Some(E::Reservation)
    );
    assert_eq!(
        refused(subnet(103), &[kept(host(5)), kept(host(5))], 8),
        Some(E::Reservation)
    );
    assert_eq!(refused(subnet(103), &[kept(host(5))], 1), Some(E::Places));
}
