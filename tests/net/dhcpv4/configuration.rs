//! What comes with an address, and what the client says of itself.

use zonda::iface::route::RouteOrigin;
use zonda::proto::dhcpv4::{ConfigTooLong, DnsUpdates, KeptOptions, code};
use zonda::proto::dns::{Family, Resolver};

use super::*;

/// A server that says this beside the usual.
fn saying(config: ClientConfig<'static>, options: &'static [(u8, &'static [u8])]) -> World {
    let (world, _) = served(config, move |request| {
        let add = |reply: Reply| {
            options
                .iter()
                .fold(reply, |reply, (code, value)| reply.option(*code, value))
        };
        usual(3600)(request).into_iter().map(add).collect()
    });
    world.bind();
    world
}

fn options<R>(world: &World, read: impl FnOnce(&KeptOptions) -> R) -> R {
    world.client.options(read).expect("a lease")
}

/// Routes as texts: prefix, gateway, metric.
fn routes(world: &World) -> Vec<String> {
    let routes = world.host.stack().routes();
    let mut texts: Vec<_> = routes
        .map(|route| {
            assert_eq!(route.origin, RouteOrigin::Dhcp);
            let gateway = route
                .gateway
                .map_or("link".into(), |gateway| gateway.to_string());
            format!("{} {gateway} {}", route.prefix, route.metric)
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn routers_become_default_routes_in_their_order() {
    let world = saying(ClientConfig::new(), &[(3, &[10, 0, 0, 1, 10, 0, 0, 2])]);
    assert_eq!(
        routes(&world),
        ["0.0.0.0/0 10.0.0.1 0", "0.0.0.0/0 10.0.0.2 1"]
    );
    world.client.release();
    world.net.run_for(secs(1));
    assert!(routes(&world).is_empty());
}

#[test]
fn classless_routes_stand_in_place_of_routers() {
    // RFC 3442: 129.210.177.132/25, whose last bits are not zero; the link; everything.
    let world = saying(
        ClientConfig::new().routes(true, 7),
        &[
            (3, &[10, 0, 0, 9]),
            (121, &[25, 129, 210, 177, 132, 10, 0, 0, 1, 16, 10, 17, 0]),
            (121, &[0, 0, 0, 0, 10, 0, 0, 2]),
        ],
    );
    assert_eq!(
        routes(&world),
        [
            "0.0.0.0/0 10.0.0.2 7",
            "10.17.0.0/16 link 7",
            "129.210.177.128/25 10.0.0.1 7"
        ]
    );
    assert_eq!(options(&world, |options| options.routers().count()), 0);
}

#[test]
fn routes_and_mtu_can_be_declined() {
    let config = ClientConfig::new().routes(false, 0).mtu(false);
    let world = saying(config, &[(3, &[10, 0, 0, 1]), (26, &[5, 30])]);
    assert!(routes(&world).is_empty());
    assert_eq!(world.host.stack().interface(0).unwrap().mtu, 1500);
}

#[test]
fn routes_that_a_renewal_does_not_repeat_go() {
    let (world, _) = served(ClientConfig::new(), |request| {
        let router = if request.ciaddr() == OURS { 2 } else { 1 };
        let replies = usual(3600)(request).into_iter();
        replies
            .map(|reply| reply.option(3, &[10, 0, 0, router]))
            .collect()
    });
    world.bind();
    assert_eq!(routes(&world), ["0.0.0.0/0 10.0.0.1 0"]);
    let changed = world.net.spawn(world.client.changed());
    world.net.run_for(secs(1801));
    assert!(changed.is_done());
    assert_eq!(routes(&world), ["0.0.0.0/0 10.0.0.2 0"]);
}

#[test]
fn mtu_holds_as_long_as_the_lease_and_is_not_believed_below_what_ipv6_needs() {
    let mtu = |world: &World| world.host.stack().interface(0).unwrap().mtu;
    let world = saying(ClientConfig::new(), &[(26, &[5, 120])]);
    assert_eq!(mtu(&world), 1400);
    world.client.release();
    world.net.run_for(secs(1));
    assert_eq!(mtu(&world), 1500);
    let world = saying(ClientConfig::new(), &[(26, &[0, 68])]);
    assert_eq!(mtu(&world), 1500);
    assert_eq!(options(&world, KeptOptions::mtu), Some(68));
}

#[test]
fn everything_that_servers_say_can_be_read() {
    let world = saying(
        ClientConfig::new().request(&[66, 3]),
        &[
            (6, &[10, 0, 0, 53, 10, 0, 0, 54]),
            (15, b"lab.test"),
            (28, &[10, 0, 0, 255]),
            (42, &[10, 0, 0, 123]),
            (66, b"tftp.lab.test"),
            // RFC 3397, in two parts, with a pointer.
            (119, b"\x03eng\x05app"),
            (119, b"le\x04test\x00\x09marketing\xc0\x04"),
        ],
    );
    options(&world, |options| {
        let addresses: Vec<_> = options.dns_servers().chain(options.ntp_servers()).collect();
        let expected = [53, 54, 123].map(|last| Ipv4Addr::new(10, 0, 0, last));
        assert_eq!(addresses, expected);
        assert_eq!(options.domain(), Some("lab.test"));
        assert_eq!(
            options.broadcast_address(),
            Some(Ipv4Addr::new(10, 0, 0, 255))
        );
        assert_eq!(options.get(66), Some(&b"tftp.lab.test"[..]));
        let domains: Vec<_> = options
            .search_domains()
            .map(|name| name.to_string())
            .collect();
        assert_eq!(domains, ["eng.apple.test", "marketing.apple.test"]);
        assert_eq!(options.get(code::LEASE_TIME), None);
        assert_eq!(
            options.get(code::SUBNET_MASK),
            Some(&[255, 255, 255, 0][..])
        );
    });
}

#[test]
fn options_beyond_the_room_for_them_are_counted_and_those_that_are_used_come_first() {
    const LONG: &[u8] = &[7; 200];
    let world = saying(
        ClientConfig::new(),
        &[
            (200, LONG),
            (201, LONG),
            (3, &[10, 0, 0, 1]),
            (6, &[10, 0, 0, 53]),
        ],
    );
    assert_eq!(routes(&world).len(), 1);
    options(&world, |options| {
        assert_eq!(options.get(200), Some(LONG));
        assert_eq!(options.get(201), None);
        assert_eq!(options.dns_servers().count(), 1);
    });
    assert_eq!(world.client.counters().missed, 1);
}

#[test]
fn resolver_is_told_of_servers_as_long_as_there_is_a_lease() {
    let world = saying(ClientConfig::new(), &[(6, &[10, 0, 0, 1])]);
    let resolver: &'static _ = Box::leak(Box::new(Resolver::new(world.host.stack())));
    let dns = world.servers[0].udp("0.0.0.0:53");
    let lookup = world
        .net
        .spawn(resolver.lookup_host("host.test", Family::V4));
    world.net.run_for(secs(1));
    assert!(dns.try_recv().is_some());
    drop(lookup);
    world.client.release();
    world.net.run_for(secs(30));
    let found = world
        .net
        .block_on(resolver.lookup_host("other.test", Family::V4));
    assert_eq!(found, Err(zonda::proto::dns::DnsError::NoServers));
}

#[test]
fn search_domains_come_with_the_lease_and_go_with_it() {
    const LIST: &[u8] = b"\x03eng\x05apple\x04test\x00\x09marketing\xc0\x04";
    type Options = &'static [(u8, &'static [u8])];
    const SERVER: &[u8] = &[10, 0, 0, 1];
    let domains = |world: &World| -> Vec<String> {
        let domains = (world.host.stack()).search_domains(world.host.interface(world.link));
        domains.iter().map(ToString::to_string).collect()
    };
    // The list (RFC 3397), or else the domain of the host (RFC 2132 §3.17).
    let both: Options = &[(119, LIST), (15, b"lab.test")];
    let one: Options = &[(15, b"lab.test"), (6, SERVER)];
    for (options, expected) in [
        (both, &["eng.apple.test", "marketing.apple.test"][..]),
        (one, &["lab.test"]),
    ] {
        let world = saying(ClientConfig::new(), options);
        assert_eq!(domains(&world), expected);
        world.client.release();
        world.net.run_for(secs(30));
        assert!(domains(&world).is_empty());
    }
    // Where they are not wanted they do not come.
    let world = saying(ClientConfig::new().names(false), one);
    assert!(domains(&world).is_empty());
    let id = world.host.interface(world.link);
    assert!(world.host.stack().name_servers(id).is_empty());
}

#[test]
fn name_is_looked_for_in_the_domain_of_the_lease() {
    let world = saying(
        ClientConfig::new(),
        &[(15, b"lab.test"), (6, &[10, 0, 0, 1])],
    );
    let resolver: &'static _ = Box::leak(Box::new(Resolver::new(world.host.stack())));
    let dns = world.servers[0].udp("0.0.0.0:53");
    let lookup = world.net.spawn(resolver.lookup_host("kettle", Family::V4));
    world.net.run_for(secs(1));
    let mut query = [0; 600];
    assert!(dns.try_recv_from(&mut query).is_some());
    assert_eq!(query[12..29], *b"\x06kettle\x03lab\x04test\x00");
    drop(lookup);
}

/// RFC 8106 §5.3.1.
#[cfg(all(feature = "router-discovery", feature = "ra-server"))]
#[test]
fn servers_of_dhcp_come_before_those_of_routers_and_both_are_kept() {
    use zonda::iface::{Advertisement, EventKind};

    let world = world(1, ClientConfig::new());
    let (stack, id) = (world.host.stack(), world.host.interface(world.link));
    let mut what = Advertisement::default();
    for last in 1..=3 {
        let server = format!("fd00::{last}").parse().unwrap();
        what.name_servers.push(server).unwrap();
    }
    what.search_domains
        .push("ra.test".parse().unwrap())
        .unwrap();
    what.names_lifetime = 1800;
    let router = world.servers[1];
    (router.stack().advertise(router.interface(world.link), what)).unwrap();
    world.net.run_for(secs(20));
    let servers = || -> Vec<String> {
        let servers = stack.name_servers(id);
        servers.iter().map(ToString::to_string).collect()
    };
    assert_eq!(servers(), ["fd00::1", "fd00::2", "fd00::3"]);
    let mut events = stack.events();
    let _log = world.serve(0, |request| {
        let replies = usual(3600)(request).into_iter();
        let dns = [10, 0, 0, 1, 10, 0, 0, 2];
        let replies = replies.map(|reply| reply.option(6, &dns).option(15, b"dhcp.test"));
        replies.collect()
    });
    world.bind();
    assert_eq!(servers(), ["10.0.0.1", "fd00::1", "fd00::2"]);
    let told = core::iter::from_fn(|| events.try_next());
    let told = told
        .filter(|event| (event.as_ref()).is_ok_and(|event| event.kind == EventKind::NameServers));
    assert_eq!(told.count(), 1);
    let domains: Vec<_> = stack
        .search_domains(id)
        .iter()
        .map(|d| d.to_string())
        .collect();
    assert_eq!(domains, ["dhcp.test", "ra.test"]);
    // The first of DHCP is asked first.
    let resolver: &'static _ = Box::leak(Box::new(Resolver::new(stack)));
    let dns = world.servers[0].udp("0.0.0.0:53");
    let lookup = world.net.spawn(resolver.lookup_host("a.b.", Family::V4));
    world.net.run_for(ms(100));
    assert!(dns.try_recv().is_some());
    drop(lookup);
    // Without the lease those of the router remain.
    world.client.release();
    world.net.run_for(secs(5));
    assert_eq!(servers()[..2], ["fd00::1", "fd00::2"]);
}

#[test]
fn client_says_what_it_is_configured_to() {
    let config = ClientConfig::new()
        .host_name("kettle")
        .vendor_class(b"zonda")
        .client_identifier(b"\x00number 7")
        .lease_time(7200)
        .address(Ipv4Addr::new(10, 0, 0, 77))
        .request(&[66, 67, 3]);
    let (world, log) = served(config, usual(3600));
    world.bind();
    world.net.run_for(secs(1801));
    let log = log.take();
    assert_eq!(log.len(), 3);
    for message in &log {
        assert_eq!(message.option(12), Some(&b"kettle"[..]));
        assert_eq!(message.option(60), Some(&b"zonda"[..]));
        assert_eq!(message.option(61), Some(&b"\x00number 7"[..]));
        assert_eq!(message.option(51), Some(&7200u32.to_be_bytes()[..]));
        let list = message.option(55).unwrap();
        assert!(list.ends_with(&[66, 67]));
        assert_eq!(list.iter().filter(|code| **code == 3).count(), 1);
    }
    assert_eq!(log[0].address_option(50), Some(Ipv4Addr::new(10, 0, 0, 77)));
}

#[cfg(feature = "hostname")]
#[test]
fn name_of_the_stack_is_said_where_none_is_configured_and_it_fits() {
    let said = |config: ClientConfig<'static>| {
        let world = world(1, config);
        world.host.stack().set_hostname("pot").unwrap();
        let log = world.serve(0, usual(3600));
        world.bind();
        let names = log
            .take()
            .into_iter()
            .map(|message| message.option(12).map(<[u8]>::to_vec));
        let mut names: Vec<_> = names.collect();
        names.dedup();
        assert_eq!(names.len(), 1, "all messages say the same");
        names.remove(0)
    };
    assert_eq!(said(ClientConfig::new()), Some(b"pot".to_vec()));
    let kettle = ClientConfig::new().host_name("kettle");
    assert_eq!(said(kettle), Some(b"kettle".to_vec()));
    assert_eq!(said(ClientConfig::new().host_name("")), None);
    let whole = ClientConfig::new().fqdn("kettle.lab.", DnsUpdates::Server);
    assert_eq!(said(whole), None);
}

#[test]
fn whole_name_is_said_in_place_of_the_host_name() {
    for (name, updates, expected) in [
        (
            "kettle.lab.test.",
            DnsUpdates::Server,
            &b"\x05\0\0\x06kettle\x03lab\x04test\0"[..],
        ),
        ("kettle", DnsUpdates::Client, b"\x04\0\0\x06kettle"),
        ("", DnsUpdates::None, b"\x0c\0\0"),
    ] {
        let config = ClientConfig::new().host_name("kettle").fqdn(name, updates);
        let (world, log) = served(config, usual(3600));
        world.bind();
        for message in log.borrow().iter() {
            assert_eq!(message.option(81), Some(expected));
            assert_eq!(message.option(12), None);
        }
    }
}

#[test]
fn configuration_that_fits_no_message_is_refused() {
    let net = Network::new(1);
    let host = net.host("host");
    let long: &'static str = "x".repeat(231).leak();
    for config in [
        ClientConfig::new().host_name(long),
        ClientConfig::new().vendor_class(long.as_bytes()),
        ClientConfig::new().fqdn(long, DnsUpdates::Server),
    ] {
        let client = Dhcpv4Client::new(host.stack(), 0, config);
        assert_eq!(client.err(), Some(ConfigTooLong));
    }
}

#[test]
fn longest_configuration_fits_a_message_that_every_server_takes() {
    let name: &'static str = "x".repeat(215).leak();
    let config = ClientConfig::new()
        .host_name(name)
        .client_identifier(b"\x00123456789abcde")
        .lease_time(9);
    let (world, log) = served(config, usual(3600));
    world.bind();
    for message in log.borrow().iter() {
        assert!(message.bytes.len() <= 548, "{}", message.bytes.len());
        assert_eq!(message.option(12).unwrap().len(), 215);
    }
}

#[test]
fn parameters_alone_are_had_for_an_address_that_is_there() {
    let config = ClientConfig::new().inform(Ipv4Addr::new(10, 0, 0, 7));
    let (world, log) = served(config, |request| {
        let reply = request.reply(ACK, SERVERS[0]).option(6, &[10, 0, 0, 53]);
        vec![reply.option(3, &[10, 0, 0, 1])]
    });
    world.net.run_for(secs(30));
    // Not from an address that is not there.
    assert!(log.borrow().is_empty());
    world.host.add(world.link, "10.0.0.7/24");
    world.net.block_on(world.client.configured());
    assert_eq!(world.state(), ClientState::Informed);
    let servers = options(&world, |options| options.dns_servers().count());
    assert_eq!(servers, 1);
    assert!(routes(&world).is_empty() && world.addresses().is_empty());
    assert_eq!(world.client.lease(), None);
    let log = log.borrow();
    // RFC 2131 §4.4.3, table 5.
    assert_eq!((log.len(), log[0].kind), (1, INFORM));
    assert_eq!(log[0].ciaddr(), Ipv4Addr::new(10, 0, 0, 7));
    assert_eq!(log[0].source, IpAddr::from(log[0].ciaddr()));
    assert_eq!(log[0].destination, IpAddr::from(Ipv4Addr::BROADCAST));
    assert!(!log[0].wants_broadcast());
    for absent in [50, 51, 54] {
        assert_eq!(log[0].option(absent), None);
    }
}

#[test]
fn request_for_parameters_is_repeated() {
    let config = ClientConfig::new().inform(Ipv4Addr::new(10, 0, 0, 7));
    let (world, log) = served(config, |_| Vec::new());
    world.host.add(world.link, "10.0.0.7/24");
    world.net.run_for(secs(64));
    assert_eq!(kinds(&log), [INFORM; 5][..kinds(&log).len()]);
    assert!((4..=5).contains(&kinds(&log).len()));
    assert_eq!(world.state(), ClientState::Informing);
}
