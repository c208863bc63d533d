//! What is asked by name, and what need not be asked.

use super::*;

#[test]
fn addresses_as_text_localhost_and_names_of_no_network_are_not_asked_for() {
    let (world, log) = served(|query| vec![query.addresses(&["10.6.6.6"])]);
    for text in ["10.0.0.9", "fd00::9", "192.0.2.1", "2001:db8::1"] {
        assert_eq!(world.lookup(text, Family::Any).unwrap(), [ip(text)]);
    }
    assert_eq!(world.lookup("10.0.0.9", Family::V6), Err(DnsError::NoData));
    // RFC 6761 §6.3, §6.4; RFC 7686 §2.
    for text in ["localhost", "LocalHost.", "www.localhost"] {
        assert_eq!(world.lookup(text, Family::V4).unwrap(), [ip("127.0.0.1")]);
        assert_eq!(world.lookup(text, Family::V6).unwrap(), [ip("::1")]);
        assert_eq!(world.lookup(text, Family::Any).unwrap().len(), 2);
    }
    for text in ["invalid", "a.Invalid.", "a.onion"] {
        assert_eq!(world.lookup(text, Family::Any), Err(DnsError::NotFound));
    }
    let long = "a".repeat(64);
    for text in ["", "a..b", ".a", &long] {
        assert_eq!(
            world.lookup(text, Family::Any),
            Err(DnsError::NameInvalid),
            "{text}"
        );
    }
    assert_eq!(take(&log).len(), 0);
}

#[test]
fn names_with_few_dots_are_looked_for_in_the_search_domains_first() {
    let (world, log) = served(|query| match query.name.as_str() {
        "host.b.org" | "x.y" => vec![query.addresses(&["10.1.1.1"])],
        _ => vec![query.reply().rcode(NAME_ERROR)],
    });
    world.resolver.set_search(&["a.org", "b.org"]).unwrap();
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert_eq!(world.v4("x.y").unwrap(), ["10.1.1.1"]);
    assert_eq!(world.v4("u.v"), Err(DnsError::NotFound));
    assert_eq!(world.v4("host."), Err(DnsError::NotFound));
    assert_eq!(world.v4("gone"), Err(DnsError::NotFound));
    let expected = [
        "host.a.org",
        "host.b.org", // found in the second
        "x.y",        // has a dot
        "u.v",
        "u.v.a.org",
        "u.v.b.org", // the domains come last
        "host",      // is absolute
        "gone.a.org",
        "gone.b.org",
        "gone",
    ];
    assert_eq!(names(&log), expected);
    take(&log);
    world.resolver.set_ndots(2);
    assert_eq!(world.v4("x.y").unwrap(), ["10.1.1.1"]);
    assert_eq!(names(&log), ["x.y.a.org", "x.y.b.org"]);
}

#[test]
fn search_ends_where_the_name_exists_or_the_servers_fail() {
    let (world, log) = served(|query| match query.name.as_str() {
        "host.a.org" => vec![query.reply().soa("a.org", 60, 60)],
        _ => vec![query.reply().rcode(SERVER_FAILURE)],
    });
    world.resolver.set_search(&["a.org", "b.org"]).unwrap();
    assert_eq!(world.v4("host"), Err(DnsError::NoData));
    assert_eq!(world.v4("other"), Err(DnsError::ServerFailure));
    assert_eq!(names(&log), ["host.a.org", "other.a.org"]);
}

#[test]
fn search_domains_are_bounded() {
    use zonda::proto::dns::SearchError;

    let (world, _log) = served(|_| vec![]);
    let resolver = world.resolver;
    assert_eq!(
        resolver.set_search(&["a", "b", "c"]),
        Err(SearchError::TooMany)
    );
    let long = ["a".repeat(40), "b".repeat(40)].join(".");
    assert_eq!(resolver.set_search(&[&long]), Err(SearchError::TooLong));
    assert!(matches!(
        resolver.set_search(&["a..b"]),
        Err(SearchError::Invalid(_))
    ));
    // With this domain the name is too long: it is asked for as it is.
    let (world, log) = served(|query| vec![query.addresses(&["10.1.1.1"])]);
    world
        .resolver
        .set_search(&["a-domain-of-some-length.example.org"])
        .unwrap();
    world.resolver.set_ndots(9);
    let name = [&"a".repeat(63)[..]; 4].map(|label| &label[..60]).join(".");
    assert_eq!(world.v4(&name).unwrap(), ["10.1.1.1"]);
    assert_eq!(names(&log), [name]);
}

#[test]
fn name_of_an_address_is_looked_up() {
    let (world, log) = served(|query| {
        assert_eq!(query.kind, PTR);
        let target = if query.name.ends_with("ip6.arpa") {
            "six.org"
        } else {
            "four.org"
        };
        vec![query.reply().answer(&query.name, PTR, 60, &encode(target))]
    });
    let lookup = |text: &str| {
        let name = world.net.block_on(world.resolver.lookup_addr(ip(text)));
        name.unwrap().to_string()
    };
    for _ in 0..2 {
        assert_eq!(lookup("10.0.2.53"), "four.org");
        assert_eq!(lookup("fd00::9"), "six.org");
    }
    let nibbles = "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
    assert_eq!(names(&log), ["53.2.0.10.in-addr.arpa", nibbles]);
}

#[test]
fn services_come_by_priority_and_by_weight() {
    let srv = |priority: u16, weight: u16, target: &str| {
        let head = [priority, weight, 8000 + weight]
            .map(u16::to_be_bytes)
            .concat();
        [head, encode(target)].concat()
    };
    let (world, _log) = served(move |query| {
        let records = [
            (20, 0, "last.org"),
            (10, 90, "often.org"),
            (10, 10, "rare.org"),
            (10, 0, "never.org"),
        ];
        let reply = records
            .iter()
            .fold(query.reply(), |reply, (priority, weight, target)| {
                // Never the same twice: it is not remembered.
                reply.answer(&query.name, SRV, 0, &srv(*priority, *weight, target))
            });
        vec![reply]
    });
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..200 {
        let lookup = world.resolver.lookup_services::<4>("_mqtt._tcp.org");
        let services = world.net.block_on(lookup).unwrap();
        let targets: Vec<_> = services
            .iter()
            .map(|service| service.target.to_string())
            .collect();
        assert_eq!((services.len(), &targets[3][..]), (4, "last.org"));
        assert_eq!(services[0].port, 8000 + services[0].weight);
        *first.entry(targets[0].clone()).or_insert(0) += 1;
    }
    let count = |target| first.get(target).copied().unwrap_or(0);
    assert!((150..200).contains(&count("often.org")), "{first:?}");
    assert!((5..45).contains(&count("rare.org")), "{first:?}");
    assert!(count("never.org") < 15, "{first:?}");
}

#[test]
fn service_that_is_decidedly_not_there_has_no_data() {
    let (world, _log) = served(|query| {
        vec![
            query
                .reply()
                .answer(&query.name, SRV, 60, &[0, 0, 0, 0, 0, 0, 0]),
        ]
    });
    let lookup = world.resolver.lookup_services::<4>("_mqtt._tcp.org");
    assert_eq!(world.net.block_on(lookup).unwrap_err(), DnsError::NoData);
}

#[test]
fn texts_are_copied_and_those_that_do_not_fit_are_refused() {
    let (world, log) = served(|query| {
        let reply = query
            .reply()
            .answer(&query.name, TXT, 60, b"\x05hello\x05world");
        vec![reply.answer(&query.name, TXT, 60, b"\x00")]
    });
    let mut bytes = [0; 20];
    for _ in 0..2 {
        let texts = world
            .net
            .block_on(world.resolver.lookup_txt("t.org", &mut bytes))
            .unwrap();
        assert_eq!(
            texts.strings().collect::<Vec<_>>(),
            [&b"hello"[..], b"world", b""]
        );
    }
    let mut short = [0; 12];
    let texts = world
        .net
        .block_on(world.resolver.lookup_txt("t.org", &mut short));
    assert_eq!(texts.unwrap_err(), DnsError::TooLong);
    assert_eq!(take(&log).len(), 1);
}

#[test]
fn futures_are_small() {
    let world = world(1);
    let resolver = world.resolver;
    let sizes = [
        size_of_val(&resolver.lookup_host("a", Family::Any)),
        size_of_val(&resolver.lookup_addr(ip("::"))),
        size_of_val(&resolver.lookup_txt("a", &mut [])),
        #[cfg(feature = "tcp")]
        size_of_val(&resolver.connect("a", 1)),
        size_of::<Resolver<'_>>(),
    ];
    println!("host, address, text, connection, resolver: {sizes:?}");
    // On a machine of 64 bits; two lookups of a host, each with a name of 256 bytes, are the most.
    assert!(sizes.iter().all(|size| *size < 4600), "{sizes:?}");
}
