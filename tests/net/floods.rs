//! Floods of well-formed messages: tables stay bounded, what is dropped is counted, and a
//! well-behaved peer is served meanwhile. Those of fragments are in `fragments/load.rs`.

#[cfg(all(
    feature = "acd",
    feature = "ipv4-link-local",
    feature = "temporary-addresses",
    feature = "dad-optimistic",
    feature = "router-discovery",
    feature = "multicast",
    feature = "events"
))]
#[path = "floods/everything.rs"]
mod everything;
#[cfg(feature = "tcp")]
#[path = "floods/peers.rs"]
mod peers;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::config;
use zonda::iface::ReceiveDrop;
#[cfg(all(feature = "router-discovery", feature = "events"))]
use zonda::iface::route::Route;
use zonda::stack::Next;

use crate::alone::*;
use crate::frame::*;
#[cfg(all(feature = "router-discovery", feature = "events"))]
use crate::lan::*;
use crate::network::*;

const DESTINATION_OPTIONS: u8 = 60;
const HOP_BY_HOP: u8 = 0;
/// Destination Unreachable of both versions.
const UNREACHABLE: [u8; 2] = [3, 1];

/// The host has nothing to do until a time that has not come yet.
#[track_caller]
fn rests(a: &Alone) {
    a.net.settle();
    let stack = a.stack();
    for _ in 0..64 {
        match stack.poll() {
            Next::Now => {}
            Next::At(at) => {
                // A deadline that was moved may be named once more before it is taken off.
                if at > a.net.now() {
                    return;
                }
            }
            Next::Idle => return,
        }
    }
    panic!("the host does not come to rest");
}

/// All frames received so far were taken or counted, and no more is held than may be.
#[track_caller]
fn is_bounded(a: &Alone) {
    a.host.check_counters();
    let (stats, limits) = (a.host.pool().stats(), a.host.pool().limits());
    assert!(stats.held <= limits.held, "{stats:?}");
    let neighbors = a.stack().neighbors(a.host.interface(a.link)).count();
    assert!(neighbors <= config::NEIGHBORS);
}

/// The peer, which answers for its link address, is answered over both versions.
#[track_caller]
fn pings(a: &Alone, number: u16) {
    for (host, peer) in PAIRS {
        a.peer.take();
        let answers = a.ask(a.to_host(&echo(peer, host, false, 7, number, b"in the flood")));
        let is_answer = |seen: &Seen| {
            seen.ip()
                .is_some_and(|ip| ip.icmp().is_some_and(|(kind, ..)| matches!(kind, 0 | 129)))
        };
        assert_eq!(answers.iter().filter(|seen| is_answer(seen)).count(), 1);
    }
}

fn stranger_mac(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    [2, 9, 9, 9, high, low]
}

fn stranger4(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}

fn stranger6(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, number)
}

// ---- Headers -----------------------------------------------------------------------------

/// A header of a hundred options in an Options header of its type.
fn hundred_options(next: u8, kind: u8) -> Vec<u8> {
    let mut header = vec![next, 0];
    for _ in 0..100 {
        header.extend([kind, 2, 0, 0]);
    }
    header.resize(header.len().next_multiple_of(8), 0);
    header[1] = (header.len() / 8 - 1) as u8;
    header
}

#[test]
fn packets_of_a_hundred_options_are_read_in_a_flood() {
    let a = neighborly();
    for round in 0..300 {
        let message = icmpv6((PEER6, HOST6), 128, 0, [0; 4], b"options");
        // Unknown options to be skipped, in either header, and in both.
        let kind = 0x1e;
        let inner = hundred_options(ICMPV6, kind);
        let outer = hundred_options(DESTINATION_OPTIONS, kind);
        let (next, headers) = match round % 3 {
            0 => (DESTINATION_OPTIONS, inner),
            1 => (HOP_BY_HOP, hundred_options(ICMPV6, kind)),
            _ => (HOP_BY_HOP, join(&[&outer, &inner])),
        };
        let packet = Ip6::new(PEER6, HOST6, next).with(&join(&[&headers, &message]));
        let answers = a.ask(a.to_host(&packet));
        assert_eq!(answers.len(), 1, "round {round}");
        assert_eq!(answers[0].ip().unwrap().icmp().unwrap().3, b"options");
    }
    pings(&a, 1);
    rests(&a);
}

/// Errors about them are limited in rate, and the packets are counted.
#[test]
fn packets_of_a_hundred_options_that_are_refused_are_answered_at_a_rate() {
    let a = neighborly();
    let before = a
        .host
        .counters(a.link)
        .receive_drops(ReceiveDrop::Ipv6Extension);
    let mut answers = 0;
    for round in 0..500u16 {
        let message = icmpv6((PEER6, HOST6), 128, 0, [0; 4], b"options");
        let mut header = hundred_options(ICMPV6, 0x1e);
        // The last of them is to be reported.
        header[2 + 99 * 4] = 0x9e;
        let packet = Ip6::new(PEER6, HOST6, DESTINATION_OPTIONS).with(&join(&[&header, &message]));
        a.peer.send(a.to_host(&packet));
        a.net.run_for(us(500));
        answers += a.sent().len();
        if round % 100 == 0 {
            pings(&a, round);
        }
    }
    assert!(answers > 0);
    assert!(answers <= config::ICMP_ERROR_BURST + config::ICMP_ERROR_RATE);
    let counters = a.host.counters(a.link);
    assert_eq!(
        counters.receive_drops(ReceiveDrop::Ipv6Extension),
        before + 500
    );
    is_bounded(&a);
    rests(&a);
}

// ---- Neighbours --------------------------------------------------------------------------

/// As [`neighborly`], in a subnet with room for thousands.
fn crowded() -> Alone {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    host.add(link, "10.0.0.1/16").add(link, "fd00::1/64");
    net.run_for(ms(1));
    peer.take();
    let a = Alone {
        host,
        peer,
        link,
        net,
    };
    a.introduce();
    a.peer.answer_for(PEER4, PEER6);
    a
}

#[test]
fn flood_of_arp_packets_leaves_service_and_the_tables_bounded() {
    let a = crowded();
    pings(&a, 0);
    for number in 0..4000u16 {
        let (mac, from) = (stranger_mac(number), stranger4(0x100 + number));
        let packet = match number % 6 {
            // A request, a probe, an announcement, a reply that nobody asked for.
            0 => arp(1, (mac, from), ([0; 6], HOST4)),
            1 => arp(1, (mac, Ipv4Addr::UNSPECIFIED), ([0; 6], from)),
            2 => arp(1, (mac, from), ([0; 6], from)),
            3 => arp(2, (mac, from), (a.mac(), HOST4)),
            // In the name of the peer, from a group, and for nobody.
            4 => arp(2, (BROADCAST, PEER4), (a.mac(), HOST4)),
            _ => arp(7, (mac, from), ([0; 6], HOST4)),
        };
        a.peer.send(ethernet(BROADCAST, mac, ARP, &packet));
        a.net.run_for(us(200));
        if number % 200 == 0 {
            pings(&a, number);
            is_bounded(&a);
        }
    }
    assert!(a.host.counters(a.link).receive_drops(ReceiveDrop::Arp) >= 1300);
    rests(&a);
}

#[test]
fn flood_of_neighbor_discovery_leaves_service_and_the_tables_bounded() {
    let a = crowded();
    pings(&a, 0);
    let all_nodes = "ff02::1".parse().unwrap();
    for number in 0..4000u16 {
        let (mac, from) = (stranger_mac(number), stranger6(number));
        let group = solicited_node(HOST6);
        let packet = match number % 6 {
            0 => solicitation(from, group, HOST6, &link_option(1, mac)),
            1 => solicitation(from, HOST6, HOST6, &[]),
            // Of addresses that are not ours, as from one who checks for duplicates.
            2 => solicitation(Ipv6Addr::UNSPECIFIED, solicited_node(from), from, &[]),
            3 => advertisement(
                from,
                HOST6,
                SOLICITED | OVERRIDE,
                from,
                &link_option(2, mac),
            ),
            4 => advertisement(from, all_nodes, OVERRIDE, from, &link_option(2, mac)),
            // As a router, and about us.
            _ => advertisement(from, all_nodes, ROUTER, HOST6, &link_option(2, mac)),
        };
        let destination: [u8; 16] = packet[24..40].try_into().unwrap();
        let destination = Ipv6Addr::from(destination);
        let to = match destination.is_multicast() {
            true => group_mac(destination.into()),
            false => a.mac(),
        };
        a.peer.send(ethernet(to, mac, IPV6, &packet));
        a.net.run_for(us(200));
        if number % 200 == 0 {
            pings(&a, number);
            is_bounded(&a);
        }
    }
    let counters = a.host.counters(a.link);
    assert!(counters.receive_drops(ReceiveDrop::NeighborDiscovery) >= 600);
    rests(&a);
}

// ---- ICMP errors -------------------------------------------------------------------------

#[test]
fn flood_of_errors_about_flows_that_are_not_there_changes_nothing() {
    let a = neighborly();
    let socket = a.host.udp("[::]:5000");
    let unmatched = |a: &Alone| {
        a.host
            .counters(a.link)
            .receive_drops(ReceiveDrop::IcmpUnmatched)
    };
    let before = unmatched(&a);
    for number in 0..3000u16 {
        for (host, peer) in PAIRS {
            let far = match host {
                IpAddr::V4(_) => IpAddr::V4(stranger4(number)),
                IpAddr::V6(_) => IpAddr::V6(stranger6(number)),
            };
            // A connection and a datagram of nobody.
            let quote = match number % 2 {
                0 => ip(host, far, UDP, &udp((host, number), (far, 53), b"query")),
                _ => ip(
                    host,
                    far,
                    TCP,
                    &[number.to_be_bytes().as_slice(), &[0; 18]].concat(),
                ),
            };
            let error = match (host, peer) {
                (IpAddr::V4(_), _) => {
                    let (kind, code, word) = [
                        (UNREACHABLE[0], 3, [0; 4]),
                        (UNREACHABLE[0], 4, [0, 0, 2, 64]),
                        (11, 0, [0; 4]),
                        (12, 0, [20, 0, 0, 0]),
                    ][usize::from(number / 2 % 4)];
                    ip(peer, host, ICMP, &icmp(kind, code, word, &quote))
                }
                (IpAddr::V6(host6), IpAddr::V6(peer6)) => {
                    let (kind, code, word) = [
                        (UNREACHABLE[1], 4, [0; 4]),
                        (2, 0, [0, 0, 5, 0]),
                        (3, 0, [0; 4]),
                        (4, 1, [0, 0, 0, 40]),
                    ][usize::from(number / 2 % 4)];
                    let message = icmpv6((peer6, host6), kind, code, word, &quote);
                    ip(peer, host, ICMPV6, &message)
                }
                _ => unreachable!(),
            };
            a.peer.send(a.to_host(&error));
        }
        a.net.run_for(us(200));
        if number % 200 == 0 {
            pings(&a, number);
            is_bounded(&a);
        }
    }
    assert_eq!(unmatched(&a), before + 6000);
    assert!(socket.try_recv().is_none());
    // Nothing was learnt of ways: full datagrams leave in one piece.
    for (_, peer) in PAIRS {
        a.sent();
        let data = [0; 1400];
        socket.try_send_to(&data, Some((peer, 9).into())).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent().len(), 1);
    }
    rests(&a);
}

// ---- Routers -----------------------------------------------------------------------------

#[cfg(all(feature = "router-discovery", feature = "events"))]
mod routers {
    use super::*;

    /// A host with a router in use on each of two links, and a stranger on the first.
    struct Two {
        host: Host,
        stranger: Peer,
        routers: [Peer; 2],
        links: [Link; 2],
        net: Network,
    }

    fn two() -> Two {
        let net = Network::new(4);
        let host = net.host("host");
        let (stranger, routers) = (net.peer("stranger"), [net.peer("r1"), net.peer("r2")]);
        let links = [
            net.link((host, routers[0], stranger)).delay(us(10)),
            net.link((host, routers[1])).delay(us(10)),
        ];
        for ((router, address), last) in routers.iter().zip(ROUTERS).zip([1, 2]) {
            router
                .answer_for([192, 0, 2, last].into(), address)
                .as_router();
        }
        host.add(links[0], "2001:db8:1::1/128");
        host.add(links[1], "2001:db8:2::1/128");
        Two {
            host,
            stranger,
            routers,
            links,
            net,
        }
    }

    impl Two {
        fn advertise(&self, by: Peer, packet: &[u8]) {
            let to = group_mac("ff02::1".parse().unwrap());
            by.send(ethernet(to, by.mac(), IPV6, packet));
            self.net.run_for(us(100));
        }

        /// The router of a link says this of itself.
        fn routed(&self, link: usize, ra: Ra) {
            let router = self.routers[link];
            let ra = ra.with(link_option(1, router.mac()));
            self.advertise(router, &ra.packet(ROUTERS[link]));
        }

        fn routers_on(&self, link: usize) -> Vec<Route> {
            let id = self.host.interface(self.links[link]);
            let routes = self.host.stack().routes();
            let is_default = |route: &Route| route.prefix.length() == 0 && route.gateway.is_some();
            routes
                .filter(|route| route.interface == id && is_default(route))
                .collect()
        }

        /// A datagram to somebody far away reaches the router of a link.
        #[track_caller]
        fn reaches(&self, link: usize) {
            let own = ["2001:db8:1::1", "2001:db8:2::1"][link];
            let socket = self.host.udp(&format!("[{own}]:0"));
            self.routers[link].take();
            let far: IpAddr = FAR.parse().unwrap();
            socket.try_send_to(b"data", Some((far, 9).into())).unwrap();
            self.net.run_for(ms(1));
            let frames = self.routers[link].take();
            let is_datagram = |frame: &Vec<u8>| {
                let seen = read(frame);
                seen.to == self.routers[link].mac()
                    && seen.ip().is_some_and(|ip| ip.udp().is_some())
            };
            assert!(frames.iter().any(is_datagram), "link {link}");
        }

        /// What a stranger says who has thousands of addresses.
        fn flood(&self, number: u16) {
            let mut flood = ra().flags(HIGH).lifetime(9000);
            for prefix in 0..8 {
                let prefix = format!("2001:db8:{number:x}:{prefix:x}::");
                flood = flood
                    .with(prefix_option(
                        &prefix,
                        64,
                        ON_LINK | AUTONOMOUS,
                        u32::MAX,
                        u32::MAX,
                    ))
                    .with(route_option(&prefix, 60, HIGH, u32::MAX));
            }
            let flood = flood
                .with(rdnss_option(u32::MAX, &[&format!("2001:db8::{number:x}")]))
                .with(dnssl_option(u32::MAX, &[&format!("d{number}.example")]))
                .with(link_option(1, stranger_mac(number)));
            let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 1, 1, number + 1);
            self.advertise(self.stranger, &flood.packet(source));
        }
    }

    fn of_second_link() -> Ra {
        ra().with(prefix_option("2001:db8:2::", 64, ON_LINK, 6000, 0))
            .with(prefix_option("2001:db8:22::", 64, ON_LINK, 6000, 0))
            .with(route_option("2001:db8:222::", 48, 0, 6000))
            .with(rdnss_option(6000, &["2001:db8:2::53"]))
            .with(dnssl_option(6000, &["second.example"]))
    }

    #[test]
    fn routers_by_the_thousand_leave_service_by_those_in_use() {
        let two = two();
        two.routed(0, ra());
        two.routed(1, of_second_link());
        two.reaches(0);
        two.reaches(1);
        for number in 0..3000 {
            two.flood(number);
            if number % 100 == 0 {
                two.net.run_for(ms(50));
                // By the other way nothing has changed.
                two.reaches(1);
            }
        }
        two.host.check_counters();
        let bound = config::ROUTERS + config::PREFIXES + config::ADVERTISED_ROUTES;
        assert!(two.host.stack().routes().count() <= bound);
        let id = two.host.interface(two.links[0]);
        let addresses = two.host.stack().interface(id).unwrap().ipv6.len();
        assert!(addresses <= config::IPV6_ADDRESSES);
        // The router that was used is known still, among those that are preferred.
        let first: IpAddr = ROUTERS[0].into();
        let known = two.routers_on(0);
        let is_first = |route: &Route| route.gateway.map(IpAddr::from) == Some(first);
        assert!(known.iter().any(is_first), "{known:?}");
    }

    #[test]
    fn routers_by_the_thousand_leave_what_another_link_has() {
        let two = two();
        two.routed(0, ra());
        two.routed(1, of_second_link());
        // Nothing of it is in use: the routers were never asked for anything.
        for number in 0..500 {
            two.flood(number);
        }
        assert_eq!(two.routers_on(1).len(), 1);
        two.reaches(1);
        let stack = two.host.stack();
        let id = two.host.interface(two.links[1]);
        let own: Vec<_> = stack
            .routes()
            .filter(|route| route.interface == id)
            .collect();
        assert_eq!(own.len(), 4, "{own:?}");
        assert_eq!(stack.name_servers(id).len(), 1);
        assert_eq!(stack.search_domains(id).len(), 1);
    }

    #[test]
    fn link_that_comes_after_a_flood_gets_its_share() {
        let two = two();
        for number in 0..500 {
            two.flood(number);
        }
        // The first of them pretend to have been asked, and to answer.
        let own = two.host.link_local(two.links[0]);
        for number in 0..4 {
            two.flood(number);
            let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 1, 1, number + 1);
            let option = link_option(2, stranger_mac(number));
            let packet = advertisement(router, own, ROUTER | SOLICITED, router, &option);
            let to = two.host.mac(two.links[0]);
            let frame = ethernet(to, two.stranger.mac(), IPV6, &packet);
            two.stranger.send(frame);
            two.net.run_for(us(100));
        }
        two.routed(1, of_second_link());
        assert_eq!(two.routers_on(1).len(), 1);
        two.reaches(1);
        let stack = two.host.stack();
        let id = two.host.interface(two.links[1]);
        assert_eq!(stack.name_servers(id).len(), 1);
        assert_eq!(stack.search_domains(id).len(), 1);
        let is_of_prefix = |route: &Route| route.interface == id && route.gateway.is_none();
        assert!(stack.routes().any(|route| is_of_prefix(&route)));
    }

    /// Whatever an advertisement says of times, lengths and limits, the host stays a good neighbour.
    #[test]
    fn values_of_an_enemy_do_not_melt_the_host() {
        let lan = asked();
        let socket = lan.socket();
        lan.advertise(0, ra());
        assert_eq!(lan.way(&socket, FAR), Ok(0));
        let values = [0, 1, 2, u32::MAX / 2, u32::MAX];
        let mut random = lan.net.random();
        for _ in 0..200 {
            let mut any = || values[random.below(values.len())];
            let flood = Ra {
                reachable: any(),
                retrans: any(),
                hop_limit: any() as u8,
                ..ra()
            };
            let flood = flood
                .with(mtu_option(any()))
                .with(mtu_option([68, 1279][random.below(2)]))
                .with(prefix_option("::", 0, AUTONOMOUS, 1, 1))
                .with(prefix_option("2001:db8:1::", 129, ON_LINK, u32::MAX, 1));
            lan.advertise(0, flood);
        }
        // The shortest times that can be said.
        lan.advertise(
            0,
            Ra {
                reachable: 1,
                retrans: 1,
                hop_limit: 1,
                ..ra()
            },
        );
        lan.take();
        let mut frames = 0;
        for round in 0..60u16 {
            let far: IpAddr = FAR.parse().unwrap();
            socket
                .try_send_to(&[0; 1200], Some((far, 9).into()))
                .unwrap();
            // One who is not there.
            let _ = socket.try_send_to(b"data", Some((IpAddr::V6(ROUTERS[1]), round).into()));
            lan.net.run_for(secs(1));
            frames += lan
                .routers
                .map(|router| router.take().len())
                .iter()
                .sum::<usize>();
        }
        // Both routers hear all solicitations to groups; nothing is sent without cause.
        assert!(frames <= 60 * 12, "{frames} frames in a minute");
        let a = Alone {
            host: lan.host,
            peer: lan.routers[0],
            link: lan.link,
            net: lan.net,
        };
        is_bounded(&a);
        rests(&a);
    }
}

#[cfg(all(
    feature = "redirects",
    feature = "router-discovery",
    feature = "events"
))]
#[test]
fn flood_of_redirects_of_strangers_changes_no_way() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(0, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    let own = lan.host.link_local(lan.link);
    let before = lan
        .host
        .counters(lan.link)
        .receive_drops(ReceiveDrop::Redirect);
    let routes = lan.stack().routes().count();
    let far: Ipv6Addr = FAR.parse().unwrap();
    for number in 0..2000u16 {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 1, 1, number + 1);
        let target = Ipv6Addr::new(0xfe80, 0, 0, 0, 2, 2, 2, number + 1);
        let link = link_option(2, stranger_mac(number));
        let data = join(&[&target.octets(), &far.octets(), &link]);
        let message = icmpv6((source, own), 137, 0, [0; 4], &data);
        lan.send(1, &discovery(source, own, &message));
        if number % 200 == 0 {
            assert_eq!(lan.way(&socket, FAR), Ok(0));
        }
    }
    let drops = lan
        .host
        .counters(lan.link)
        .receive_drops(ReceiveDrop::Redirect);
    assert_eq!(drops, before + 2000);
    assert_eq!(lan.stack().routes().count(), routes);
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}
