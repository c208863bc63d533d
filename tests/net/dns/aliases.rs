//! CNAME chains (RFC 1034 §3.6.2, §5.2.2; RFC 2181 §10.1; RFC 2308 §2.1).

use super::*;

#[test]
fn aliases_in_one_message_are_followed_in_any_order_and_remembered() {
    let (world, log) = served(|query| {
        let reply = query.reply();
        let reply = reply
            .address("c.org", 60, "10.1.1.1")
            .alias("B.org", 60, "C.org");
        vec![reply.alias("a.org", 30, "b.org")]
    });
    for name in ["a.org", "b.org", "c.org"] {
        assert_eq!(world.v4(name).unwrap(), ["10.1.1.1"], "{name}");
    }
    assert_eq!(names(&log), ["a.org"]);
    // The alias that lives less long is asked for again.
    world.net.run_for(secs(31));
    assert_eq!(world.v4("b.org").unwrap(), ["10.1.1.1"]);
    assert_eq!(world.v4("a.org").unwrap(), ["10.1.1.1"]);
    assert_eq!(names(&log), ["a.org", "a.org"]);
}

#[test]
fn alias_that_the_server_does_not_follow_is_asked_for() {
    let (world, log) = served(|query| match query.name.as_str() {
        "a.org" => vec![query.reply().alias("a.org", 60, "b.net")],
        "b.net" => vec![query.reply().alias("b.net", 60, "c.com")],
        _ => vec![query.addresses(&["10.1.1.1"])],
    });
    assert_eq!(world.v4("a.org").unwrap(), ["10.1.1.1"]);
    assert_eq!(names(&log), ["a.org", "b.net", "c.com"]);
}

#[test]
fn loop_of_aliases_is_found_in_a_message() {
    for pairs in [
        &[("a.org", "a.org")][..],
        &[("a.org", "b.org"), ("b.org", "a.org")],
    ] {
        let (world, log) = served(move |query| {
            let reply = query.reply();
            vec![
                pairs
                    .iter()
                    .fold(reply, |reply, (from, to)| reply.alias(from, 60, to)),
            ]
        });
        for _ in 0..2 {
            assert_eq!(world.v4("a.org"), Err(DnsError::AliasLoop));
        }
        assert!(take(&log).len() <= 2);
    }
}

#[test]
fn chain_of_aliases_over_messages_is_bounded() {
    // Each leads on, for ever; nothing may be remembered.
    let (world, log) = served(|query| {
        let number: u32 = query.name.trim_start_matches('a').parse().unwrap();
        vec![
            query
                .reply()
                .alias(&query.name, 0, &format!("a{}", number + 1)),
        ]
    });
    assert_eq!(world.v4("a0"), Err(DnsError::AliasLoop));
    assert_eq!(take(&log).len(), 9);
    // And round in a circle.
    let (world, log) = served(|query| {
        let other = if query.name == "a" { "b" } else { "a" };
        vec![query.reply().alias(&query.name, 60, other)]
    });
    assert_eq!(world.v4("a"), Err(DnsError::AliasLoop));
    assert_eq!(names(&log), ["a", "b"]);
}

#[test]
fn no_at_the_end_of_a_chain_is_about_its_end() {
    let (world, log) = served(|query| match query.name.as_str() {
        "a.org" => vec![
            query
                .reply()
                .alias("a.org", 60, "b.org")
                .rcode(NAME_ERROR)
                .soa("org", 60, 60),
        ],
        "c.org" => vec![query.reply().alias("c.org", 60, "d.org").soa("org", 60, 60)],
        _ => vec![query.addresses(&["10.1.1.1"])],
    });
    for _ in 0..2 {
        assert_eq!(world.v4("a.org"), Err(DnsError::NotFound));
        assert_eq!(world.v4("b.org"), Err(DnsError::NotFound));
        assert_eq!(world.v4("c.org"), Err(DnsError::NoData));
        assert_eq!(world.v4("d.org"), Err(DnsError::NoData));
    }
    assert_eq!(names(&log), ["a.org", "c.org"]);
    // The alias itself exists.
    let alias = world
        .net
        .block_on(world.resolver.lookup_alias("a.org"))
        .unwrap();
    assert_eq!(alias.to_string(), "b.org");
}
