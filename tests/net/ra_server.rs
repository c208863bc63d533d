//! Router Advertisements sent: RFC 4861 §6.2, RFC 8106 §5.

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::neighbor::NeighborState;
use zonda::iface::{
    AdvertisedPrefix, Advertisement, AdvertisementError, AdvertisingCounters, ReceiveDrop,
};
use zonda::time::Instant;
use zonda::wire::ndp::RouterFlags;
use zonda::wire::ndp_option::{Preference, RouteInformation};

use crate::frame::*;
use crate::lan::*;
use crate::network::*;

/// What the device is to say.
fn what() -> Advertisement {
    let mut what = Advertisement {
        lifetime: 1800,
        ..Advertisement::default()
    };
    let prefix: Ipv6Addr = "fd00:1::".parse().unwrap();
    what.prefixes
        .push(AdvertisedPrefix::new(prefix, 64))
        .unwrap();
    what
}

/// A route that this router is preferred for.
fn route(prefix: &str, prefix_length: u8) -> RouteInformation {
    RouteInformation {
        prefix: prefix.parse().unwrap(),
        prefix_length,
        preference: Preference::High,
        lifetime: 900,
    }
}

/// The device is the router on the link, where the first peer listens.
fn advertising() -> Lan {
    let lan = lan();
    lan.net.run_for(secs(1));
    lan.take();
    lan.stack().advertise(lan.id(), what()).unwrap();
    lan
}

/// The advertisements that came, with their times.
fn heard(lan: &Lan) -> Vec<(Instant, SeenIp)> {
    let frames = lan.routers[0].take_timed().into_iter();
    let packets = frames.filter_map(|(at, frame)| Some((at, read(&frame).ip()?)));
    let is_advertisement = |ip: &SeenIp| ip.protocol == ICMPV6 && ip.payload[0] == 134;
    packets.filter(|(_, ip)| is_advertisement(ip)).collect()
}

/// A Router Solicitation of a host without an address.
fn solicitation() -> Vec<u8> {
    let all_routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let source = Ipv6Addr::UNSPECIFIED;
    let message = icmpv6((source, all_routers), 133, 0, [0; 4], &[]);
    discovery(source, all_routers, &message)
}

#[test]
fn first_advertisements_come_soon_and_the_others_at_random() {
    let lan = advertising();
    let start = lan.net.now();
    lan.net.run_for(secs(40_000));
    let times: Vec<_> = heard(&lan).iter().map(|(at, _)| *at).collect();
    assert!(times[0].since(start) <= ms(501));
    let gaps: Vec<_> = times.windows(2).map(|two| two[1].since(two[0])).collect();
    assert!(gaps[..2].iter().all(|gap| *gap <= secs(16)), "{gaps:?}");
    assert!(
        gaps[2..]
            .iter()
            .all(|gap| (secs(198)..=secs(600)).contains(gap)),
        "{gaps:?}"
    );
    let (least, most) = (gaps[2..].iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(*most > secs(500) && *least < secs(300), "{gaps:?}");
    let sent = times.len() as u32;
    let counters = AdvertisingCounters {
        sent,
        inconsistent: 0,
    };
    assert_eq!(lan.stack().advertising(lan.id()), Some(counters));
}

#[test]
fn advertisement_says_what_was_asked_for_octet_for_octet() {
    let lan = lan();
    let mut what = Advertisement {
        preference: Preference::High,
        flags: RouterFlags::OTHER,
        reachable_time: 30_000,
        retrans_timer: 1_000,
        mtu: Some(1400),
        names_lifetime: 600,
        ..what()
    };
    what.name_servers
        .push("fd00:1::53".parse().unwrap())
        .unwrap();
    what.search_domains
        .push("lab.example".parse().unwrap())
        .unwrap();
    what.routes.push(route("fd00:77:1::", 48)).unwrap();
    what.routes.push(route("fd00:78::1", 128)).unwrap();
    lan.stack().advertise(lan.id(), what).unwrap();
    lan.net.run_for(secs(1));
    let (_, ip) = &heard(&lan)[0];
    assert_eq!(ip.source, IpAddr::V6(lan.host.link_local(lan.link)));
    assert_eq!(ip.destination, "ff02::1".parse::<IpAddr>().unwrap());
    assert_eq!(ip.hop_limit, 255);
    let expected = join(&[
        &[
            64,
            0x40 | HIGH,
            0x07,
            0x08,
            0,
            0,
            0x75,
            0x30,
            0,
            0,
            0x03,
            0xe8,
        ],
        &link_option(1, lan.host.mac(lan.link)),
        &mtu_option(1400),
        &prefix_option("fd00:1::", 64, ON_LINK | AUTONOMOUS, 2_592_000, 604_800),
        &join(&[
            &[24, 2, 48, HIGH],
            &900_u32.to_be_bytes(),
            &[0xfd, 0, 0, 0x77, 0, 1, 0, 0],
        ]),
        &route_option("fd00:78::1", 128, HIGH, 900),
        &rdnss_option(600, &["fd00:1::53"]),
        &dnssl_option(600, &["lab.example"]),
    ]);
    assert_eq!(ip.payload[..2], [134, 0]);
    assert_eq!(ip.payload[4..], expected);
}

#[test]
fn solicitation_is_answered_within_half_a_second_but_not_more_often_than_every_three() {
    let lan = advertising();
    lan.net.run_for(secs(3000));
    heard(&lan);
    // Not on a boundary of the unsolicited ones.
    let asked = lan.net.now();
    lan.send(1, &solicitation());
    lan.send(1, &solicitation());
    lan.net.run_for(ms(600));
    let first = heard(&lan);
    assert_eq!(first.len(), 1);
    assert!(first[0].0.since(asked) <= ms(501));
    for _ in 0..20 {
        lan.send(1, &solicitation());
        lan.net.run_for(ms(500));
    }
    lan.net.run_for(secs(4));
    let times: Vec<_> = heard(&lan).iter().map(|(at, _)| *at).collect();
    assert!((3..=4).contains(&times.len()), "{times:?}");
    let mut last = first[0].0;
    for time in times {
        assert!(time.since(last) >= secs(3));
        last = time;
    }
}

#[test]
fn last_advertisement_has_a_lifetime_of_zero() {
    let lan = advertising();
    lan.net.run_for(secs(100));
    heard(&lan);
    assert!(lan.stack().stop_advertising(lan.id()));
    lan.net.run_for(secs(4));
    let last = heard(&lan);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].1.payload[6..8], [0, 0]);
    assert_eq!(lan.stack().advertising(lan.id()), None);
    assert!(!lan.stack().stop_advertising(lan.id()));
    // A host discards solicitations (§6.2.6): it does not even listen to the group.
    lan.refuses(1, &solicitation(), ReceiveDrop::Ipv6Destination);
    lan.net.run_for(secs(2000));
    assert_eq!(heard(&lan).len(), 0);
}

#[test]
fn host_discards_solicitations_that_reach_it() {
    let lan = lan();
    let own = lan.host.link_local(lan.link);
    let option = link_option(1, lan.routers[0].mac());
    let message = icmpv6((ROUTERS[0], own), 133, 0, [0; 4], &option);
    lan.refuses(
        0,
        &discovery(ROUTERS[0], own, &message),
        ReceiveDrop::IcmpUnused,
    );
    assert_eq!(lan.stack().neighbors(lan.id()).count(), 0);
}

#[test]
fn neighbor_advertisements_of_a_router_say_so() {
    let lan = advertising();
    lan.net.run_for(secs(1));
    let own = lan.host.link_local(lan.link);
    let flags = |lan: &Lan| {
        lan.take();
        let option = link_option(1, lan.routers[0].mac());
        let packet = crate::frame::solicitation(ROUTERS[0], own, own, &option);
        lan.send(0, &packet);
        let frames = lan.routers[0].take();
        let mut seen = frames.iter().filter_map(|frame| read(frame).ip());
        seen.find_map(|ip| Some(ip.discovery(136)?.0)).unwrap()
    };
    assert_eq!(flags(&lan), ROUTER | SOLICITED | OVERRIDE);
    lan.stack().stop_advertising(lan.id());
    assert_eq!(flags(&lan), SOLICITED | OVERRIDE);
}

#[test]
fn solicitation_of_a_host_makes_it_a_stale_neighbor_that_is_no_router() {
    let lan = advertising();
    let all_routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let option = link_option(1, lan.routers[0].mac());
    let message = icmpv6((ROUTERS[0], all_routers), 133, 0, [0; 4], &option);
    lan.send(0, &discovery(ROUTERS[0], all_routers, &message));
    let neighbor = lan.stack().neighbors(lan.id()).next().unwrap();
    assert_eq!(IpAddr::from(neighbor.address), IpAddr::V6(ROUTERS[0]));
    assert!(!neighbor.is_router);
}

#[test]
fn router_makes_no_addresses_of_what_others_advertise() {
    let lan = advertising();
    let addresses = |lan: &Lan| lan.stack().interface(lan.id()).unwrap().ipv6.len();
    let before = addresses(&lan);
    let flags = ON_LINK | AUTONOMOUS;
    lan.advertise(
        1,
        ra().with(prefix_option("2001:db8:2::", 64, flags, 6000, 6000)),
    );
    lan.net.run_for(secs(5));
    assert_eq!(addresses(&lan), before);
    assert_eq!(lan.stack().routes().count(), 0);
}

/// RFC 9131 §6.1.1.
#[test]
fn router_remembers_who_advertises_itself() {
    let lan = advertising();
    let own = lan.host.link_local(lan.link);
    let all_routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let new: Ipv6Addr = "fd00:1::77".parse().unwrap();
    let advertise = |flags, options: &[u8]| {
        let packet = advertisement(new, all_routers, flags, new, options);
        lan.send(0, &packet);
        lan.stack().neighbors(lan.id()).next()
    };
    assert!(advertise(0, &[]).is_none());
    let known = advertise(0, &link_option(2, lan.routers[0].mac())).unwrap();
    assert_eq!(IpAddr::from(known.address), IpAddr::V6(new));
    assert_eq!(
        (known.state, known.is_router),
        (NeighborState::Stale, false)
    );
    // Not even what says that it was asked for is a confirmation.
    let other: Ipv6Addr = "fd00:1::78".parse().unwrap();
    let option = link_option(2, lan.routers[1].mac());
    lan.send(1, &advertisement(other, own, SOLICITED, other, &option));
    let states: Vec<_> = lan.stack().neighbors(lan.id()).map(|n| n.state).collect();
    assert_eq!(states, [NeighborState::Stale; 2]);
    // A host does not.
    assert!(lan.stack().stop_advertising(lan.id()));
    let third: Ipv6Addr = "fd00:1::79".parse().unwrap();
    lan.send(1, &advertisement(third, own, 0, third, &option));
    assert_eq!(lan.stack().neighbors(lan.id()).count(), 2);
}

#[test]
fn another_router_that_contradicts_is_counted() {
    let lan = advertising();
    lan.net.run_for(secs(1));
    let inconsistent = |lan: &Lan| lan.stack().advertising(lan.id()).unwrap().inconsistent;
    let same = prefix_option("fd00:1::", 64, ON_LINK, 2_592_000, 604_800);
    let other = prefix_option("fd00:2::", 64, ON_LINK, 600, 600);
    lan.advertise(1, ra().with(mtu_option(1400)).with(same).with(other));
    lan.advertise(
        1,
        Ra {
            hop_limit: 64,
            ..ra()
        },
    );
    assert_eq!(inconsistent(&lan), 0);
    let contradictions = [
        Ra {
            hop_limit: 63,
            ..ra()
        },
        ra().flags(0x80),
        ra().with(prefix_option("fd00:1::", 64, ON_LINK, 600, 600)),
    ];
    for (n, contradiction) in contradictions.into_iter().enumerate() {
        lan.advertise(1, contradiction);
        assert_eq!(inconsistent(&lan), n as u32 + 1);
    }
    // Nor is it believed.
    assert_eq!(lan.stack().routes().count(), 0);
}

#[test]
fn values_out_of_range_are_refused() {
    let lan = lan();
    let refused = |change: fn(&mut Advertisement)| {
        let mut what = what();
        change(&mut what);
        lan.stack().advertise(lan.id(), what).unwrap_err()
    };
    use AdvertisementError::{Interval, Lifetime, Prefix, ReachableTime};
    assert_eq!(refused(|what| what.max_interval = secs(3)), Interval);
    assert_eq!(refused(|what| what.max_interval = secs(1801)), Interval);
    assert_eq!(refused(|what| what.min_interval = secs(2)), Interval);
    assert_eq!(refused(|what| what.min_interval = secs(451)), Interval);
    assert_eq!(refused(|what| what.lifetime = 599), Lifetime);
    assert_eq!(refused(|what| what.lifetime = 9001), Lifetime);
    assert_eq!(refused(|what| what.prefixes[0].valid = 600), Lifetime);
    assert_eq!(
        refused(|what| what.reachable_time = 3_600_001),
        ReachableTime
    );
    assert_eq!(refused(|what| what.prefixes[0].length = 129), Prefix);
    let link_local = |what: &mut Advertisement| what.prefixes[0].prefix = ROUTERS[0];
    assert_eq!(refused(link_local), Prefix);
    let routed = |one, other| {
        let mut what = what();
        what.routes.extend([one, other]);
        lan.stack().advertise(lan.id(), what).unwrap_err()
    };
    let good = route("fd00:77::", 48);
    assert_eq!(routed(good, route("fd00:77::1", 48)), Prefix);
    assert_eq!(routed(good, route("fe80::", 64)), Prefix);
    assert_eq!(routed(good, route("fd00:77::", 129)), Prefix);
    let nowhere = lan.stack().advertise(99, what());
    assert_eq!(nowhere, Err(AdvertisementError::NoInterface));
    lan.net.run_for(secs(1000));
    assert_eq!(heard(&lan).len(), 0);
}

#[test]
fn link_that_comes_up_again_is_told_anew() {
    let lan = advertising();
    lan.net.run_for(secs(1000));
    lan.link.down();
    lan.net.run_for(secs(1000));
    heard(&lan);
    lan.link.up();
    lan.net.run_for(secs(1));
    assert_eq!(heard(&lan).len(), 1);
    assert!(lan.stack().stop_advertising(lan.id()));
    lan.link.down();
    lan.net.run_for(secs(1));
    assert_eq!(lan.stack().advertising(lan.id()), None);
}

#[test]
fn host_learns_from_a_device_that_advertises() {
    let net = Network::new(5);
    let (device, host) = (net.host("device"), net.host("host"));
    let link = net.link((device, host)).delay(us(10));
    let (id, other) = (host.interface(link), device.interface(link));
    device.add(link, "fd00:1::1/64");
    host.add(link, "fd00:1::2/128").discover(link);
    let mut what = what();
    what.mtu = Some(1300);
    what.name_servers
        .push("fd00:1::53".parse().unwrap())
        .unwrap();
    what.search_domains
        .push("lab.example".parse().unwrap())
        .unwrap();
    device.stack().advertise(other, what.clone()).unwrap();
    net.run_for(secs(5));
    let stack = host.stack();
    assert_eq!(stack.routes().count(), 2);
    assert_eq!(stack.link_parameters(id).unwrap().mtu, Some(1300));
    assert_eq!(stack.name_servers(id), what.name_servers);
    assert_eq!(stack.search_domains(id), what.search_domains);
    let ping = host.ping();
    let to = "fd00:1::1".parse().unwrap();
    ping.try_send(to, 1, b"?").unwrap();
    net.run_for(ms(10));
    assert!(ping.try_recv().unwrap().is_ok());
    // It says that it is a router no more.
    device.stack().stop_advertising(other);
    net.run_for(secs(5));
    assert_eq!(stack.routes().count(), 1);
}

#[test]
fn routes_are_taken_back_when_the_router_ends() {
    let net = Network::new(6);
    let (device, host) = (net.host("device"), net.host("host"));
    let link = net.link((device, host)).delay(us(10));
    host.discover(link);
    let mut what = what();
    what.routes.push(route("fd00:77::", 48)).unwrap();
    let id = device.interface(link);
    device.stack().advertise(id, what).unwrap();
    net.run_for(secs(5));
    let by_device = || {
        let routes = host.stack().routes();
        let gateway = Some(device.link_local(link).into());
        routes.filter(|route| route.gateway == gateway).count()
    };
    assert_eq!(by_device(), 2, "the default route and the other");
    device.stack().stop_advertising(id);
    net.run_for(secs(5));
    assert_eq!(by_device(), 0);
}

#[cfg(feature = "slaac")]
#[test]
fn host_that_configures_itself_talks_to_the_device_that_advertises() {
    use zonda::iface::{AddressOrigin, AddressState};

    let net = Network::new(7);
    let (device, host) = (net.host("device"), net.host("host"));
    let link = net.link((device, host)).delay(us(10));
    let (ours, theirs) = (device.interface(link), host.interface(link));
    for (host, id) in [(device, ours), (host, theirs)] {
        assert!(host.stack().set_dad_transmits(id, 1));
    }
    device.add(link, "fd00:1::1/64");
    host.discover(link);
    let mut what = what();
    let server = "fd00:1::1".parse().unwrap();
    what.name_servers.push(server).unwrap();
    device.stack().advertise(ours, what).unwrap();
    net.run_for(secs(8));
    // The name server that it has learnt is the device.
    let known = host.stack().name_servers(theirs);
    assert_eq!(&known[..], [IpAddr::V6(server)]);
    let own = host.stack().interface(theirs).unwrap().ipv6;
    let made = own
        .iter()
        .find(|own| own.origin == AddressOrigin::Autoconfigured);
    let made = made.expect("an address of the prefix");
    assert_eq!(made.state, AddressState::Preferred);
    let (service, client) = (device.udp("[::]:53"), host.udp("[::]:0"));
    client
        .try_send_to(b"who?", Some((known[0], 53).into()))
        .unwrap();
    net.run_for(ms(10));
    let (asked, info) = service.try_recv().unwrap();
    assert_eq!(info.source.ip(), IpAddr::V6(made.address));
    service.try_send(asked, Some(info.source)).unwrap();
    net.run_for(ms(10));
    let (answer, info) = client.try_recv().unwrap();
    assert!(answer.equals(b"who?"));
    assert_eq!(info.source.ip(), IpAddr::V6(server));
    // And beyond: the device is its router.
    let far = "2001:db8::1".parse().unwrap();
    client
        .try_send_to(b"far", Some(std::net::SocketAddr::new(far, 9)))
        .unwrap();
    net.run_for(ms(10));
    let drops = device
        .counters(link)
        .receive_drops(ReceiveDrop::Ipv6Destination);
    assert!(drops > 0);
}
