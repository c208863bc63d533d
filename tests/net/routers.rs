//! Router discovery (RFC 4861 §6.3), router preferences and routes (RFC 4191).

#[path = "routers/told.rs"]
mod told;

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::neighbor::NeighborState;
use zonda::iface::route::{Prefix, Route, RouteError, RouteOrigin};
use zonda::iface::{EventKind, ReceiveDrop, RouterDiscovery};
use zonda::socket::SendError;
use zonda::wire::ndp::RouterFlags;
use zonda::{config, time::Duration};

use crate::frame::*;
use crate::lan::*;
use crate::network::*;

fn v6(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn added(router: usize) -> EventKind {
    EventKind::RouterAdded(ROUTERS[router].into())
}

fn removed(router: usize) -> EventKind {
    EventKind::RouterRemoved(ROUTERS[router].into())
}

// ---- Asking ------------------------------------------------------------------------------

#[test]
fn routers_are_asked_at_growing_intervals_until_one_answers() {
    let lan = lan();
    let start = lan.net.now();
    lan.host.discover(lan.link);
    lan.net.run_for(secs(40_000));
    let times: Vec<_> = lan.solicitations().iter().map(|(at, _)| *at).collect();
    assert!(times[0].since(start) <= secs(1), "{times:?}");
    let gaps: Vec<Duration> = times.windows(2).map(|two| two[1].since(two[0])).collect();
    assert!((ms(3_600)..=ms(4_400)).contains(&gaps[0]), "{gaps:?}");
    for two in gaps.windows(2) {
        let most = secs(3_960);
        let (before, after) = (two[0].as_micros(), two[1].as_micros());
        let doubled = before * 19 / 10 <= after && after <= before * 21 / 10;
        let at_most = secs(3_240) <= two[1] && two[1] <= most;
        assert!(doubled || at_most, "{gaps:?}");
    }
    assert!(*gaps.last().unwrap() >= secs(3_240));
    lan.advertise(0, ra());
    lan.take();
    lan.net.run_for(secs(9_000));
    assert_eq!(lan.solicitations().len(), 0);
}

#[test]
fn router_that_is_no_default_router_does_not_end_the_asking() {
    let lan = asked();
    lan.advertise(0, ra().lifetime(0));
    lan.net.run_for(secs(5));
    assert_eq!(lan.solicitations().len(), 1);
    lan.advertise(0, ra());
    lan.take();
    lan.net.run_for(secs(100));
    assert_eq!(lan.solicitations().len(), 0);
}

#[test]
fn advertisement_before_the_first_question_leaves_one_to_ask() {
    let lan = lan();
    lan.host.discover(lan.link);
    lan.advertise(0, ra());
    lan.net.run_for(secs(100));
    assert_eq!(lan.solicitations().len(), 1);
}

#[test]
fn solicitation_goes_to_all_routers_with_our_link_address() {
    let lan = lan();
    lan.host.discover(lan.link);
    lan.net.run_for(secs(1));
    let (_, seen) = &lan.solicitations()[0];
    let ip = seen.ip().unwrap();
    let all_routers = v6("ff02::2");
    assert_eq!(seen.to, group_mac(all_routers));
    assert_eq!(ip.destination, all_routers);
    assert_eq!(ip.source, IpAddr::V6(lan.host.link_local(lan.link)));
    assert_eq!(ip.hop_limit, 255);
    let option = link_option(1, lan.host.mac(lan.link));
    assert_eq!(ip.payload[4..], join(&[&[0; 4], &option]));
}

#[test]
fn solicitation_from_the_unspecified_address_has_no_link_address() {
    let lan = lan();
    let own = lan.host.link_local(lan.link);
    assert!(lan.stack().remove_address(lan.id(), own.into()));
    lan.host.discover(lan.link);
    lan.net.run_for(secs(1));
    let ip = lan.solicitations()[0].1.ip().unwrap();
    assert_eq!(ip.source, v6("::"));
    assert_eq!(ip.payload.len(), 8);
}

#[test]
fn link_that_comes_up_again_is_another_and_is_asked_anew() {
    let lan = asked();
    let mut log = lan.stack().events();
    lan.advertise(
        0,
        ra().with(mtu_option(1400))
            .with(prefix_option("2001:db8:2::", 64, ON_LINK, 600, 0))
            .with(rdnss_option(600, &["2001:db8::53"])),
    );
    events(&mut log);
    lan.link.down();
    lan.net.run_for(secs(1));
    assert_eq!(lan.stack().routes().count(), 0);
    assert!(lan.stack().name_servers(lan.id()).is_empty());
    assert_eq!(lan.stack().link_parameters(lan.id()).unwrap().mtu, None);
    let told = events(&mut log);
    assert!(told.contains(&removed(0)), "{told:?}");
    assert!(told.contains(&EventKind::NameServers), "{told:?}");
    lan.link.up();
    lan.net.run_for(secs(1));
    assert_eq!(lan.solicitations().len(), 1);
}

#[test]
fn host_that_does_not_discover_neither_asks_nor_believes() {
    let lan = lan();
    let (stack, id) = (lan.stack(), lan.id());
    stack.set_router_discovery(id, RouterDiscovery::Off);
    lan.net.run_for(secs(10));
    assert_eq!(lan.solicitations().len(), 0);
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:2::", 64, ON_LINK, 600, 0)),
    );
    assert_eq!(lan.stack().routes().count(), 0);
    let socket = lan.socket();
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
    // What was believed is forgotten.
    lan.host.discover(lan.link);
    lan.advertise(0, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    stack.set_router_discovery(id, RouterDiscovery::Off);
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
    assert!(!stack.set_router_discovery(99, RouterDiscovery::Active));
}

// ---- Default routers ---------------------------------------------------------------------

#[test]
fn default_router_is_used_for_its_lifetime() {
    let lan = asked();
    let socket = lan.socket();
    let mut log = lan.stack().events();
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
    lan.advertise(0, ra().lifetime(100));
    assert_eq!(events(&mut log), [added(0)]);
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // "reset its invalidation timer to the Router Lifetime value".
    lan.net.run_for(secs(90));
    lan.advertise(0, ra().lifetime(100));
    lan.net.run_for(secs(99));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(1));
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
    assert_eq!(events(&mut log), [removed(0)]);
}

#[test]
fn lifetime_of_zero_removes_a_router_at_once_and_another_takes_over() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra());
    lan.advertise(1, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    let mut log = lan.stack().events();
    lan.advertise(0, ra().lifetime(0));
    assert_eq!(events(&mut log), [removed(0)]);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    // Of one that is not known, it means nothing.
    lan.advertise(0, ra().lifetime(0));
    assert_eq!(events(&mut log), []);
}

#[test]
fn advertisement_that_is_not_valid_is_discarded() {
    let lan = asked();
    let reason = ReceiveDrop::NeighborDiscovery;
    let good = ra().packet(ROUTERS[0]);
    let mut forwarded = good.clone();
    forwarded[7] = 254;
    lan.refuses(0, &forwarded, reason);
    // Not from a link-local address.
    lan.refuses(0, &ra().packet("2001:db8::1".parse().unwrap()), reason);
    // An option of length zero.
    lan.refuses(
        0,
        &ra().with([1, 0, 0, 0, 0, 0, 0, 0]).packet(ROUTERS[0]),
        reason,
    );
    let all_nodes = "ff02::1".parse().unwrap();
    let coded = icmpv6((ROUTERS[0], all_nodes), 134, 1, [0, 0, 7, 8], &[0; 8]);
    lan.refuses(0, &discovery(ROUTERS[0], all_nodes, &coded), reason);
    let short = icmpv6((ROUTERS[0], all_nodes), 134, 0, [0, 0, 7, 8], &[0; 4]);
    lan.refuses(0, &discovery(ROUTERS[0], all_nodes, &short), reason);
    assert_eq!(lan.stack().routes().count(), 0);
    lan.send(0, &good);
    assert_eq!(lan.stack().routes().count(), 1);
}

#[test]
fn router_that_becomes_a_host_is_no_router() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra().with(route_option("2001:db8:f::", 48, 0, 600)));
    lan.advertise(1, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    let mut log = lan.stack().events();
    let own = lan.host.link_local(lan.link);
    let option = link_option(2, lan.routers[0].mac());
    let packet = advertisement(ROUTERS[0], own, SOLICITED | OVERRIDE, ROUTERS[0], &option);
    lan.send(0, &packet);
    assert_eq!(events(&mut log), [removed(0)]);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
}

#[test]
fn router_that_does_not_answer_is_left_for_another_and_found_again() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra().flags(HIGH));
    lan.advertise(1, ra());
    // It stays silent, until its entry has been probed and given up.
    let nobody = ([0, 0, 0, 1].into(), "fe80::99".parse().unwrap());
    lan.routers[0].answer_for(nobody.0, nobody.1);
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(9));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    // RFC 4191 §3.5: a single solicitation per minute, if there was traffic for it.
    lan.take();
    lan.net.run_for(secs(61));
    let probes = |lan: &Lan| {
        let frames = lan.routers[1].take();
        let targets = frames.iter().filter_map(|frame| {
            let ip = read(frame).ip()?;
            Some(ip.discovery(135)?.1)
        });
        targets.filter(|target| *target == ROUTERS[0]).count()
    };
    assert_eq!(probes(&lan), 1);
    lan.net.run_for(secs(200));
    assert_eq!(probes(&lan), 0);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.routers[0].answer_for(nobody.0, ROUTERS[0]);
    lan.net.run_for(secs(60));
    // It answered, and so it is asked for its link address and taken again.
    socket
        .try_send_to(b"data", Some((v6(FAR), 9).into()))
        .unwrap();
    lan.net.run_for(ms(10));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn silent_routers_are_tried_in_turn() {
    let lan = asked();
    let socket = lan.socket();
    for router in [0, 1] {
        lan.advertise(router, ra());
        lan.routers[router].answer_for([0, 0, 0, 1].into(), "fe80::99".parse().unwrap());
    }
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(9));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.net.run_for(secs(9));
    // Both have been given up: now each is asked for in turn.
    let mut asked_for = Vec::new();
    for _ in 0..4 {
        lan.take();
        socket
            .try_send_to(b"data", Some((v6(FAR), 9).into()))
            .unwrap();
        lan.net.run_for(secs(4));
        let frames = lan.routers[1].take();
        let first = frames
            .iter()
            .find_map(|frame| Some(read(frame).ip()?.discovery(135)?.1));
        asked_for.push(first.unwrap());
    }
    let [a, b] = ROUTERS;
    assert_eq!(asked_for, [a, b, a, b]);
}

#[test]
fn routers_that_announce_themselves_by_the_thousand_do_not_displace_one_in_use() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:1::", 64, ON_LINK, 6000, 0)),
    );
    // The router answers: it can be reached.
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(6));
    for n in 0..3000u16 {
        let mut flood = ra().flags(HIGH).lifetime(9000);
        for prefix in 0..8 {
            let prefix = format!("2001:db8:{n:x}:{prefix:x}::");
            flood = flood
                .with(prefix_option(&prefix, 64, ON_LINK, u32::MAX, 0))
                .with(route_option(&prefix, 60, 0, u32::MAX));
        }
        flood = flood.with(rdnss_option(u32::MAX, &[&format!("2001:db8::{n:x}")]));
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 1, 1, n + 1);
        lan.send(1, &flood.packet(source));
    }
    let routes: Vec<Route> = lan.stack().routes().collect();
    let bound = config::ROUTERS + config::PREFIXES + config::ADVERTISED_ROUTES;
    assert!(routes.len() <= bound, "{routes:?}");
    let first: IpAddr = ROUTERS[0].into();
    let is_known = |route: &Route| route.gateway.map(IpAddr::from) == Some(first);
    assert!(routes.iter().any(is_known), "{routes:?}");
    // So is the prefix that an address of the host is from.
    let own = Prefix::new(v6("2001:db8:1::").try_into().unwrap(), 64).unwrap();
    assert!(
        routes
            .iter()
            .any(|route| route.prefix == own && route.gateway.is_none())
    );
    assert!(lan.stack().link_parameters(lan.id()).unwrap().refused > 3000);
    assert_eq!(
        lan.stack().name_servers(lan.id()).len(),
        config::NAME_SERVERS
    );
}

// ---- Preferences and routes (RFC 4191) ---------------------------------------------------

#[test]
fn preferred_router_wins() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra().flags(LOW));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.advertise(1, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.advertise(0, ra().flags(HIGH));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // The reserved value is medium, and so the first of two equals is taken.
    lan.advertise(0, ra().flags(0b10 << 3));
    lan.advertise(1, ra().flags(LOW));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn longest_route_wins_then_the_preferred_one() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra().flags(HIGH));
    lan.advertise(
        1,
        ra().lifetime(0)
            .with(route_option("2001:db8:f::", 48, LOW, 600)),
    );
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    assert_eq!(lan.way(&socket, "2001:db8:e::1"), Ok(0));
    lan.advertise(0, ra().with(route_option("2001:db8:f::", 48, 0, 600)));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // A lifetime of zero ends a route, and only that.
    lan.advertise(0, ra().with(route_option("2001:db8:f::", 48, 0, 0)));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.net.run_for(secs(600));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn route_of_length_zero_overrides_the_header() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(1, ra());
    lan.advertise(
        0,
        ra().flags(HIGH)
            .lifetime(100)
            .with(route_option("::", 0, LOW, 200)),
    );
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.advertise(1, ra().lifetime(0));
    lan.net.run_for(secs(199));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(1));
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
}

#[test]
fn route_of_reserved_preference_is_ignored() {
    let lan = asked();
    let option = route_option("2001:db8:f::", 48, 0b10 << 3, 600);
    lan.advertise(0, ra().lifetime(0).with(option));
    assert_eq!(lan.stack().routes().count(), 0);
}

#[test]
fn router_that_announces_the_prefix_of_the_source_is_taken() {
    let lan = asked();
    lan.host.add(lan.link, "2001:db8:2::1/128");
    lan.advertise(
        0,
        ra().flags(HIGH)
            .with(prefix_option("2001:db8:1::", 64, 0, 600, 600)),
    );
    lan.advertise(1, ra().with(prefix_option("2001:db8:2::", 64, 0, 600, 600)));
    let one = lan.host.udp("[2001:db8:1::1]:5001");
    let two = lan.host.udp("[2001:db8:2::1]:5002");
    assert_eq!(lan.way(&one, FAR), Ok(0));
    assert_eq!(lan.way(&two, FAR), Ok(1));
    // RFC 6724 §5, rule 5.5: and the other way round, the source suits the router.
    let any = lan.socket();
    assert_eq!(lan.way(&any, FAR), Ok(0));
    lan.advertise(0, ra().lifetime(0));
    lan.take();
    any.try_send_to(b"data", Some((v6(FAR), 9).into())).unwrap();
    lan.net.run_for(ms(1));
    let seen = read(&lan.routers[1].take()[0]);
    assert_eq!(seen.ip().unwrap().source, v6("2001:db8:2::1"));
}

// ---- The table ---------------------------------------------------------------------------

#[test]
fn routes_are_listed_and_removed_at_run_time() {
    let lan = asked();
    lan.advertise(0, ra());
    let socket = lan.socket();
    let route = Route {
        prefix: Prefix::new(v6("2001:db8:f::").try_into().unwrap(), 48).unwrap(),
        gateway: Some(ROUTERS[1].into()),
        interface: lan.id(),
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    };
    lan.stack().add_route(route).unwrap();
    lan.advertise(1, ra().lifetime(0));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    let origins: Vec<_> = lan.stack().routes().map(|route| route.origin).collect();
    assert_eq!(
        origins,
        [RouteOrigin::RouterAdvertisement, RouteOrigin::Static]
    );
    let gateway = Some(ROUTERS[1].into());
    assert_eq!(
        lan.stack().remove_route(route.prefix, gateway, lan.id()),
        Some(route)
    );
    assert_eq!(
        lan.stack().remove_route(route.prefix, gateway, lan.id()),
        None
    );
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // What is learnt takes no place of the user's.
    for n in 0..=config::ROUTES {
        let prefix = Prefix::new(v6(&format!("2001:db8:{n:x}::")).try_into().unwrap(), 48);
        let added = lan.stack().add_route(Route {
            prefix: prefix.unwrap(),
            ..route
        });
        assert_eq!(added.is_err(), n == config::ROUTES);
        assert!(added.is_ok() || added == Err(RouteError::TableFull));
    }
    // Nor does a message end or change a route of the user's.
    let default = Route {
        prefix: Prefix::new(v6("::").try_into().unwrap(), 0).unwrap(),
        gateway: Some(ROUTERS[0].into()),
        ..route
    };
    lan.stack()
        .remove_route(default.prefix, Some(ROUTERS[0].into()), lan.id());
    let first = Prefix::new(v6("2001:db8::").try_into().unwrap(), 48).unwrap();
    lan.stack().remove_route(first, gateway, lan.id());
    lan.stack().add_route(default).unwrap();
    lan.advertise(0, ra());
    lan.advertise(0, ra().lifetime(0));
    assert!(lan.stack().routes().any(|route| route == default));
}

#[test]
fn silent_ipv4_gateway_is_left_for_another_and_found_again() {
    let lan = lan();
    lan.host.add(lan.link, "192.0.2.1/24");
    for (metric, gateway) in [(1, "192.0.2.161"), (2, "192.0.2.162")] {
        lan.stack()
            .add_route(Route {
                prefix: Prefix::new(v6("0.0.0.0").try_into().unwrap(), 0).unwrap(),
                gateway: Some(v6(gateway).try_into().unwrap()),
                interface: lan.id(),
                metric,
                expires: None,
                origin: RouteOrigin::Static,
            })
            .unwrap();
    }
    let socket = lan.host.udp("0.0.0.0:5000");
    assert_eq!(lan.way(&socket, "198.51.100.1"), Ok(0));
    let away = Ipv6Addr::LOCALHOST;
    lan.routers[0].answer_for([0, 0, 0, 1].into(), away);
    // Its entry goes stale, is probed while it is used, and given up.
    lan.net.run_for(secs(50));
    assert_eq!(lan.way(&socket, "198.51.100.1"), Ok(0));
    lan.net.run_for(secs(9));
    assert_eq!(lan.way(&socket, "198.51.100.1"), Ok(1));
    lan.routers[0].answer_for([192, 0, 2, 161].into(), away);
    lan.net.run_for(secs(61));
    assert_eq!(lan.way(&socket, "198.51.100.1"), Ok(0));
}
