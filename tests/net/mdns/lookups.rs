//! Names of other hosts are looked up (RFC 6762 §3, §4, §5, §6.1).

use zonda::proto::dns::{DnsError, Family, Resolver, ServerSource};
use zonda::proto::mdns::MdnsError;

use super::*;

/// Two hosts, each with a name.
fn pair() -> (Network, [&'static Mdns<'static>; 2], [Host; 2], Link) {
    let net = Network::new(1);
    let hosts = [net.host("a"), net.host("b")];
    let link = net.link(&hosts[..]).delay(us(100));
    for (number, host) in hosts.into_iter().enumerate() {
        host.add(link, &format!("10.0.0.{}/24", number + 1));
    }
    let mdns = hosts.map(|host| run(&net, host));
    mdns[0].set_host_name("a").unwrap();
    mdns[1].set_host_name("b").unwrap();
    net.run_for(secs(60));
    (net, mdns, hosts, link)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn hosts_find_each_other_by_name_and_by_address() {
    let (net, mdns, hosts, link) = pair();
    let mut found = net.block_on(mdns[0].lookup_host("B.local", None)).unwrap();
    found.sort();
    assert_eq!(
        found[..],
        [ip("10.0.0.2"), hosts[1].link_local(link).into()]
    );
    let found = net
        .block_on(mdns[1].lookup_host("a.local.", Some(0)))
        .unwrap();
    assert!(found.contains(&ip("10.0.0.1")));
    let name = net
        .block_on(mdns[0].lookup_addr(ip("10.0.0.2"), None))
        .unwrap();
    assert_eq!(name.to_string(), "b.local");
    let name = net
        .block_on(mdns[0].lookup_addr(hosts[1].link_local(link).into(), None))
        .unwrap();
    assert_eq!(name.to_string(), "b.local");
}

#[test]
fn own_names_are_known_without_asking() {
    let world = named(1);
    let found = world
        .net
        .block_on(world.mdns.lookup_host("zonda.local", None))
        .unwrap();
    assert_eq!(found.len(), 3);
    let own = world
        .net
        .block_on(world.mdns.lookup_addr(ip("10.0.0.1"), None))
        .unwrap();
    assert_eq!(own.to_string(), "zonda.local");
    assert_eq!(world.peer.take().len(), 0);
}

#[test]
fn queries_go_to_both_groups_from_port_5353() {
    let world = world(1);
    let start = world.net.now();
    let lookup = world
        .net
        .spawn(world.mdns.lookup_host("pot.local", Some(world.id)));
    world.net.run_for(ms(200));
    let heard = world.peer.take();
    assert_eq!(heard.len(), 4);
    for heard in &heard {
        let message = &heard.message;
        assert_eq!((message.id, message.flags), (0, 0));
        assert_eq!((heard.source.port(), heard.hop_limit), (5353, 255));
        let delay = millis(start, heard.at);
        assert!((20..=121).contains(&delay), "{delay}");
    }
    let asked: Vec<_> = heard.iter().filter(|heard| heard.is_ipv4()).collect();
    let mut questions: Vec<_> = asked
        .iter()
        .flat_map(|heard| &heard.message.questions)
        .collect();
    questions.sort();
    assert_eq!(questions, ["pot.local A", "pot.local AAAA"]);
    // The identifier of a response means nothing, nor does its question (RFC 6762 §18.1, §6).
    let mut say = Say::response()
        .question("other.local", A, IN)
        .a("pot.local", 120, "10.0.0.9");
    say = say.aaaa("pot.local", 120, "fd00::9");
    say.id = 99;
    world.peer.say(&say);
    world.net.run_for(ms(10));
    let found = lookup.take().unwrap().unwrap();
    assert_eq!(found[..], [ip("10.0.0.9"), ip("fd00::9")]);
}

#[test]
fn other_version_is_waited_for_a_moment_or_until_it_is_denied() {
    let world = world(1);
    let ask = |say: Say| {
        let lookup = world
            .net
            .spawn(world.mdns.lookup_host("pot.local", Some(world.id)));
        world.net.run_for(ms(150));
        world.peer.say(&say);
        let start = world.net.now();
        assert!(world.net.run_until(secs(5), || lookup.is_done()));
        let found = lookup.take().unwrap();
        let took = millis(start, world.net.now());
        // Everything is forgotten.
        world.net.run_for(secs(10));
        (found.map(|found| found.to_vec()), took)
    };
    let one = Say::response().a("pot.local", 2, "10.0.0.9");
    assert_eq!(ask(one.clone()), (Ok(vec![ip("10.0.0.9")]), 200));
    let denied = one.nsec(2, "pot.local", 2, &[A]);
    let (found, took) = ask(denied);
    assert_eq!(found, Ok(vec![ip("10.0.0.9")]));
    assert!(took <= 1, "{took}");
    // It exists, and has neither.
    let nothing = Say::response().nsec(0, "pot.local", 2, &[TXT]);
    let (found, took) = ask(nothing);
    assert_eq!(found, Err(MdnsError::NoData));
    assert!(took <= 1, "{took}");
}

#[test]
fn nsec_that_cannot_be_read_or_names_another_is_no_reason_to_refuse_the_rest() {
    let world = world(1);
    let lookup = world
        .net
        .spawn(world.mdns.lookup_host("pot.local", Some(world.id)));
    world.net.run_for(ms(150));
    let say = Say::response().record(0, "pot.local", (NSEC, TOP, 120), &[0xff, 0xff]);
    // 'Next Domain Name' is not its own (RFC 6762 §6.1).
    let data = [&encode("next.local")[..], &[0, 1, 0x40]].concat();
    let say = say
        .record(0, "pot.local", (NSEC, TOP, 120), &data)
        .a("pot.local", 120, "10.0.0.9");
    world.peer.say(&say);
    world.net.run_for(ms(10));
    assert_eq!(lookup.take().unwrap().unwrap()[..], [ip("10.0.0.9")]);
}

#[test]
fn name_that_nobody_has_is_not_found_after_three_seconds() {
    let world = world(1);
    let start = world.net.now();
    let found = world
        .net
        .block_on(world.mdns.lookup_host("pot.local", None));
    assert_eq!(found, Err(MdnsError::NotFound));
    assert_eq!(millis(start, world.net.now()), 3000);
    // At once, after one second; the next would be two seconds later. Both types each time.
    assert_eq!(
        world
            .peer
            .queries4()
            .iter()
            .flat_map(|h| h.message.questions.clone())
            .count(),
        4
    );
}

#[test]
fn what_is_known_is_not_asked_for() {
    let (net, mdns, _, _) = pair();
    net.block_on(mdns[0].lookup_host("b.local", None)).unwrap();
    let sent = mdns[0].counters().sent;
    for _ in 0..5 {
        net.run_for(secs(10));
        net.block_on(mdns[0].lookup_host("b.local", Some(0)))
            .unwrap();
    }
    assert_eq!(mdns[0].counters().sent, sent);
    // Until it has expired.
    net.run_for(secs(120));
    net.block_on(mdns[0].lookup_host("b.local", Some(0)))
        .unwrap();
    assert!(mdns[0].counters().sent > sent);
}

#[test]
fn names_that_are_not_local_are_not_asked_for() {
    let world = world(1);
    for name in ["example.org", "local.example.org", "zonda"] {
        let found = world.net.block_on(world.mdns.lookup_host(name, None));
        assert_eq!(found, Err(MdnsError::NotLocal), "{name}");
    }
    let found = world.net.block_on(world.mdns.lookup_host("a..local", None));
    assert_eq!(found, Err(MdnsError::NameInvalid));
    assert_eq!(world.peer.take().len(), 0);
}

#[test]
fn questions_are_bounded_and_given_back() {
    let world = world(1);
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let name = format!("pot{number}.local");
            let mdns = world.mdns;
            world
                .net
                .spawn(async move { mdns.lookup_host(&name, None).await })
        })
        .collect();
    world.net.run_for(ms(10));
    // Two for each host, four in all.
    assert_eq!(tasks[2].take(), Some(Err(MdnsError::TooManyQuestions)));
    world.net.run_for(secs(4));
    let found = world
        .net
        .block_on(world.mdns.lookup_host("pot.local", None));
    assert_eq!(found, Err(MdnsError::NotFound));
}

#[test]
fn resolver_asks_for_local_names_by_multicast() {
    let (net, mdns, hosts, link) = pair();
    let server = hosts[1].udp("[::]:53");
    let resolver: &'static Resolver<'static> = Box::leak(Box::new(Resolver::new(hosts[0].stack())));
    resolver.set_servers(ServerSource::Static, None, &[ip("10.0.0.2")]);
    // Until it is told to, it asks the server (RFC 6762 §3 is for those who know of it).
    let lookup = net.spawn(resolver.lookup_host("b.local", Family::V4));
    net.run_for(secs(1));
    assert!(server.try_recv().is_some());
    assert!(!lookup.is_done());
    net.run_for(secs(100));
    while server.try_recv().is_some() {}
    resolver.use_mdns(mdns[0]);
    let found = net
        .block_on(resolver.lookup_host("b.local", Family::Any))
        .unwrap();
    assert!(found.contains(&ip("10.0.0.2")));
    // However it is written (audit of xarxa, 118).
    let found = net.block_on(resolver.lookup_host("B.LOCAL", Family::Any));
    assert!(found.unwrap().contains(&ip("10.0.0.2")));
    // Names of link-local addresses too (§4), whoever they are of.
    let name = net
        .block_on(resolver.lookup_addr(hosts[1].link_local(link).into()))
        .unwrap();
    assert_eq!(name.to_string(), "b.local");
    let name = net.block_on(resolver.lookup_addr(ip("169.254.1.1")));
    assert_eq!(name, Err(DnsError::NotFound));
    // And single labels, if that is a search domain.
    resolver.set_search(&["local"]).unwrap();
    let found = net.block_on(resolver.lookup_host("b", Family::V4)).unwrap();
    assert_eq!(found[..], [ip("10.0.0.2")]);
    assert!(server.try_recv().is_none());
    // Several labels are never taken for a local name (§21).
    let lookup = net.spawn(resolver.lookup_host("www.b", Family::V4));
    net.run_for(secs(100));
    assert!(lookup.is_done());
    let mut asked = 0;
    while let Some((data, _)) = server.try_recv() {
        let mut bytes = [0; 100];
        let length = data.read(0, &mut bytes);
        assert!(
            !bytes[..length]
                .windows(6)
                .any(|window| window == b"\x05local")
        );
        asked += 1;
    }
    assert!(asked > 0);
}
