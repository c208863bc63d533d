//! What routers tell of a link: prefixes on it, parameters, servers and domains for names (RFC 8106).

use super::*;

#[test]
fn prefix_on_the_link_is_for_its_lifetime() {
    let lan = asked();
    let socket = lan.socket();
    let mut log = lan.stack().events();
    let option = |valid| prefix_option("2001:db8:2::", 64, ON_LINK, valid, 0);
    lan.advertise(0, ra().with(option(100)));
    let prefix = v6("2001:db8:2::");
    let known = EventKind::PrefixAdded { prefix, length: 64 };
    let gone = EventKind::PrefixRemoved { prefix, length: 64 };
    assert_eq!(events(&mut log), [added(0), known]);
    assert!(lan.is_direct(&socket, "2001:db8:2::7"));
    lan.net.run_for(secs(90));
    lan.advertise(0, ra().with(option(100)));
    lan.net.run_for(secs(99));
    assert!(lan.is_direct(&socket, "2001:db8:2::8"));
    lan.net.run_for(secs(1));
    assert!(!lan.is_direct(&socket, "2001:db8:2::9"));
    assert_eq!(events(&mut log), [gone]);
    // "If the new Lifetime value is zero, time-out the prefix immediately."
    lan.advertise(0, ra().with(option(100)));
    lan.advertise(0, ra().with(option(0)));
    assert_eq!(events(&mut log), [known, gone]);
    lan.advertise(0, ra().with(option(0)));
    assert_eq!(events(&mut log), []);
    // The lifetime that is all ones never ends.
    lan.advertise(0, ra().with(option(u32::MAX)));
    lan.net.run_for(secs(10_000_000));
    assert!(lan.is_direct(&socket, "2001:db8:2::9"));
}

#[test]
fn prefix_without_the_flag_says_nothing_of_the_link() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:2::", 64, AUTONOMOUS, 600, 600)),
    );
    assert!(!lan.is_direct(&socket, "2001:db8:2::7"));
    assert_eq!(lan.way(&socket, "2001:db8:2::7"), Ok(0));
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:2::", 64, ON_LINK, 600, 0)),
    );
    // Nor does it take back what was said.
    lan.advertise(0, ra().with(prefix_option("2001:db8:2::", 64, 0, 0, 0)));
    assert!(lan.is_direct(&socket, "2001:db8:2::7"));
}

#[test]
fn link_local_prefix_is_ignored() {
    let lan = asked();
    lan.advertise(
        0,
        ra().lifetime(0)
            .with(prefix_option("fe80::", 64, ON_LINK, 600, 0)),
    );
    lan.advertise(
        0,
        ra().lifetime(0)
            .with(prefix_option("ff00::", 8, ON_LINK, 600, 0)),
    );
    assert_eq!(lan.stack().routes().count(), 0);
}

#[test]
fn without_a_router_nothing_is_taken_to_be_on_the_link() {
    let lan = asked();
    let socket = lan.socket();
    assert_eq!(lan.way(&socket, FAR), Err(SendError::NoRoute));
    assert_eq!(lan.way(&socket, "2001:db8:1::2"), Err(SendError::NoRoute));
}

/// RFC 5942 §4: "The assignment of an IPv6 address [...] MUST NOT implicitly cause a prefix derived
/// from that address to be treated as on-link".
#[cfg(feature = "slaac")]
#[test]
fn defects_041_061_prefix_of_an_address_is_not_on_the_link_by_itself() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:2::", 64, AUTONOMOUS, 600, 600)),
    );
    lan.net.run_for(secs(3));
    let own = lan.stack().interface(lan.id()).unwrap().ipv6;
    let prefix = Prefix::new(v6("2001:db8:2::").try_into().unwrap(), 64).unwrap();
    assert!(own.iter().any(|own| prefix.contains(own.address.into())));
    assert_eq!(lan.way(&socket, "2001:db8:2::7"), Ok(0));
    // Once a router says so, it is.
    lan.advertise(
        0,
        ra().with(prefix_option(
            "2001:db8:2::",
            64,
            ON_LINK | AUTONOMOUS,
            600,
            600,
        )),
    );
    assert!(lan.is_direct(&socket, "2001:db8:2::8"));
}

#[test]
fn message_with_several_options_of_a_kind_gives_all_of_them() {
    let lan = asked();
    let unknown = [200, 1, 0, 0, 0, 0, 0, 0];
    lan.advertise(
        0,
        ra().with(prefix_option("2001:db8:2::", 64, ON_LINK, 600, 0))
            .with(unknown)
            .with(rdnss_option(600, &["2001:db8::53"]))
            .with(prefix_option("2001:db8:3::", 64, ON_LINK, 600, 0))
            .with(rdnss_option(600, &["2001:db8::54"])),
    );
    assert_eq!(lan.stack().routes().count(), 3);
    assert_eq!(lan.stack().name_servers(lan.id()).len(), 2);
}

// ---- Parameters --------------------------------------------------------------------------

#[test]
fn defect_040_hop_limit_is_what_the_router_says() {
    let lan = asked();
    let socket = lan.socket();
    let hop_limit = |lan: &Lan| {
        lan.take();
        socket
            .try_send_to(b"data", Some((v6(FAR), 9).into()))
            .unwrap();
        lan.net.run_for(ms(1));
        read(&lan.routers[0].take()[0]).ip().unwrap().hop_limit
    };
    lan.advertise(0, ra());
    assert_eq!(hop_limit(&lan), 64);
    lan.advertise(
        0,
        Ra {
            hop_limit: 33,
            ..ra()
        },
    );
    assert_eq!(hop_limit(&lan), 33);
    // "continue using whatever value it is already using".
    lan.advertise(0, ra());
    assert_eq!(hop_limit(&lan), 33);
    socket.set_hop_limit(5);
    assert_eq!(hop_limit(&lan), 5);
}

#[test]
fn defect_040_times_of_neighbors_are_what_the_router_says() {
    let lan = asked();
    let socket = lan.socket();
    lan.advertise(
        0,
        Ra {
            reachable: 100_000,
            retrans: 5_000,
            ..ra()
        }
        .with(prefix_option("2001:db8:2::", 64, ON_LINK, u32::MAX, 0)),
    );
    lan.take();
    socket
        .try_send_to(b"data", Some((v6("2001:db8:2::7"), 9).into()))
        .unwrap();
    lan.net.run_for(secs(30));
    let asked: Vec<_> = lan.routers[0]
        .take_timed()
        .iter()
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].since(asked[0]), secs(5));
    // Confirmed by a solicited advertisement, for 50 to 150 seconds.
    lan.advertise(1, ra());
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.net.run_for(secs(6));
    let state = |lan: &Lan| {
        let mut all = lan.stack().neighbors(lan.id());
        let first = IpAddr::from(ROUTERS[0]);
        all.find(|n| IpAddr::from(n.address) == first)
            .unwrap()
            .state
    };
    assert_eq!(state(&lan), NeighborState::Reachable);
    lan.net.run_for(secs(44));
    assert_eq!(state(&lan), NeighborState::Reachable);
    lan.net.run_for(secs(101));
    assert_eq!(state(&lan), NeighborState::Stale);
}

#[test]
fn mtu_of_the_link_is_what_the_router_says_within_bounds() {
    let lan = asked();
    let socket = lan.socket();
    let mut log = lan.stack().events();
    for mtu in [0, 1279, 1501, 65_536 + 1400] {
        lan.advertise(0, ra().lifetime(0).with(mtu_option(mtu)));
    }
    assert_eq!(events(&mut log), []);
    lan.advertise(0, ra().with(mtu_option(1400)));
    assert_eq!(events(&mut log), [added(0), EventKind::Mtu(1400)]);
    // In fragments, if at all.
    lan.take();
    let _ = socket.try_send_to(&[0; 1400 - 47], Some((v6(FAR), 9).into()));
    lan.net.run_for(ms(1));
    let frames = lan.routers[0].take();
    assert!(frames.iter().all(|frame| frame.len() <= 14 + 1400));
    lan.take();
    socket
        .try_send_to(&[0; 1400 - 48], Some((v6(FAR), 9).into()))
        .unwrap();
    lan.net.run_for(ms(1));
    assert!(
        lan.routers[0]
            .take()
            .iter()
            .any(|frame| frame.len() == 14 + 1400)
    );
    lan.advertise(0, ra().with(mtu_option(1400)));
    assert_eq!(events(&mut log), []);
    lan.advertise(0, ra().with(mtu_option(1500)));
    assert_eq!(events(&mut log), [EventKind::Mtu(1500)]);
}

#[test]
fn managed_and_other_flags_are_told() {
    let lan = asked();
    let mut log = lan.stack().events();
    lan.advertise(0, ra().lifetime(0).flags(0x40));
    let told = |managed, other| EventKind::RouterFlags { managed, other };
    assert_eq!(events(&mut log), [told(false, true)]);
    lan.advertise(0, ra().lifetime(0).flags(0xc0 | HIGH));
    assert_eq!(events(&mut log), [told(true, true)]);
    let parameters = lan.stack().link_parameters(lan.id()).unwrap();
    assert_eq!(parameters.flags, RouterFlags::MANAGED | RouterFlags::OTHER);
    lan.advertise(0, ra().lifetime(0));
    assert_eq!(events(&mut log), [told(false, false)]);
}

// ---- Names (RFC 8106) --------------------------------------------------------------------

#[test]
fn servers_and_domains_are_for_their_lifetimes() {
    let lan = asked();
    let (stack, id) = (lan.stack(), lan.id());
    let mut log = stack.events();
    let servers = |lan: &Lan| -> Vec<String> {
        let servers = lan.stack().name_servers(id);
        servers.iter().map(ToString::to_string).collect()
    };
    let domains = |lan: &Lan| -> Vec<String> {
        let domains = lan.stack().search_domains(id);
        domains.iter().map(ToString::to_string).collect()
    };
    let both = |lifetime| {
        ra().lifetime(0)
            .with(rdnss_option(lifetime, &["2001:db8::53", "fe80::53"]))
            .with(dnssl_option(2 * lifetime, &["lab.example", "example"]))
    };
    lan.advertise(0, both(100));
    assert_eq!(events(&mut log), [EventKind::NameServers]);
    assert_eq!(servers(&lan), ["2001:db8::53", "fe80::53"]);
    assert_eq!(domains(&lan), ["lab.example", "example"]);
    // Again: only the lifetime is another.
    lan.net.run_for(secs(50));
    lan.advertise(0, both(100));
    assert_eq!(events(&mut log), []);
    lan.net.run_for(secs(99));
    assert_eq!(servers(&lan).len(), 2);
    lan.net.run_for(secs(1));
    assert_eq!(servers(&lan).len(), 0);
    assert_eq!(domains(&lan).len(), 2);
    assert_eq!(events(&mut log), [EventKind::NameServers]);
    // A lifetime of zero ends them at once.
    lan.advertise(0, ra().lifetime(0).with(dnssl_option(0, &["example"])));
    assert_eq!(domains(&lan), ["lab.example"]);
    assert_eq!(events(&mut log), [EventKind::NameServers]);
}

#[test]
fn option_with_a_server_that_is_no_single_host_is_discarded() {
    let lan = asked();
    let option = rdnss_option(600, &["2001:db8::53", "ff02::1"]);
    lan.advertise(0, ra().with(option));
    assert!(lan.stack().name_servers(lan.id()).is_empty());
}
