//! Names are probed for, announced, defended and given up (RFC 6762 §8, §9).

use zonda::proto::mdns::Renamed;

use super::*;

#[test]
fn name_is_probed_for_three_times_and_announced_twice() {
    let world = world(1);
    let start = world.net.now();
    world.mdns.set_host_name("zonda").unwrap();
    world.net.run_for(secs(30));
    for version4 in [true, false] {
        let heard = world.other.log.borrow().clone();
        let heard: Vec<_> = heard
            .iter()
            .filter(|heard| heard.is_ipv4() == version4)
            .collect();
        assert_eq!(heard.len(), 5);
        for probe in &heard[..3] {
            let message = &probe.message;
            assert_eq!((message.id, message.flags), (0, 0));
            assert_eq!(message.questions, ["zonda.local ANY?"]);
            assert!(message.answers().is_empty() && message.additional().is_empty());
            let plain: Vec<_> = world
                .addresses("zonda.local", 120)
                .iter()
                .map(|r| r.replace('!', ""))
                .collect();
            assert_eq!(sorted(&message.authorities()), plain);
        }
        // Within 250 ms, and then each 250 ms.
        assert!(millis(start, heard[0].at) <= 251);
        for pair in heard[..4].windows(2) {
            assert_eq!(millis(pair[0].at, pair[1].at), 250);
        }
        for announcement in &heard[3..] {
            let message = &announcement.message;
            assert_eq!((message.id, message.flags), (0, 0x8400));
            assert!(message.questions.is_empty());
            let mut expected = world.addresses("zonda.local", 120);
            for name in [
                "1.0.0.10.in-addr.arpa",
                &reverse6("fd00::1"),
                &reverse6(&world.link_local()),
            ] {
                expected.push(format!("{name} PTR! 120 zonda.local"));
            }
            expected.sort();
            assert_eq!(sorted(&message.answers()), expected);
        }
        assert_eq!(millis(heard[3].at, heard[4].at), 1000);
        for heard in heard {
            assert_eq!((heard.source.port(), heard.hop_limit), (5353, 255));
        }
    }
}

/// The name of an IPv6 address.
pub fn reverse6(address: &str) -> String {
    let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let nibbles = octets
        .iter()
        .rev()
        .flat_map(|octet| [octet & 0xf, octet >> 4]);
    let mut name = nibbles
        .map(|nibble| format!("{nibble:x}."))
        .collect::<String>();
    name.push_str("ip6.arpa");
    name
}

#[test]
fn probes_start_at_a_random_time() {
    let start = |seed| {
        let world = world(seed);
        world.link.down();
        world.mdns.set_host_name("zonda").unwrap();
        world.net.run_for(secs(1));
        world.link.up();
        let start = world.net.now();
        world.net.run_for(secs(3));
        millis(start, world.other.queries4()[0].at)
    };
    let starts: Vec<_> = (1..8).map(start).collect();
    assert!(starts.iter().all(|start| *start <= 251), "{starts:?}");
    assert!(starts.iter().any(|start| *start != starts[0]), "{starts:?}");
}

#[test]
fn nothing_is_announced_without_a_reason() {
    let world = named(1);
    world.net.run_for(secs(24 * 3600));
    assert_eq!(world.peer.take().len(), 0);
}

#[test]
fn conflict_while_probing_gives_another_name() {
    let world = probing();
    world
        .peer
        .say(&Say::response().a("ZONDA.local", 120, "10.0.0.9"));
    let renamed = world.net.block_on(world.mdns.renamed());
    assert_eq!(renamed, Renamed::Host);
    world.mdns.host_name(|name| assert_eq!(name, "zonda-2"));
    world.rest();
    assert!(world.mdns.is_announced(world.id));
    // The first is not answered for.
    let heard = world.ask(&Say::query().question("zonda.local", ANY, IN), secs(2));
    assert_eq!(heard.len(), 0);
    let heard = world.ask(&Say::query().question("zonda-2.local", A, IN), secs(2));
    assert_eq!(
        heard[0].message.answers(),
        ["zonda-2.local A! 120 10.0.0.1"]
    );
    assert_eq!(world.mdns.counters().renames, 1);
}

#[test]
fn any_type_of_the_name_is_a_conflict_while_probing() {
    let world = probing();
    // In any section.
    world
        .peer
        .say(&Say::response().txt(2, "zonda.local", 4500, &["a"]));
    world.net.run_for(secs(10));
    world.mdns.host_name(|name| assert_eq!(name, "zonda-2"));
}

#[test]
fn conflict_before_the_first_probe_is_ignored() {
    let world = world(2);
    world.link.down();
    world.mdns.set_host_name("zonda").unwrap();
    world.net.run_for(secs(1));
    world.link.up();
    world.net.run_for(us(500));
    assert_eq!(world.mdns.counters().sent, 0);
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
    world.net.run_for(secs(10));
    assert_eq!(world.mdns.counters().responses, 1);
    world.mdns.host_name(|name| assert_eq!(name, "zonda"));
}

#[test]
fn same_data_or_a_goodbye_is_no_conflict() {
    let world = probing();
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.1"));
    world
        .peer
        .say(&Say::response().a("zonda.local", 0, "10.0.0.9"));
    world.rest();
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.1"));
    world.net.run_for(secs(10));
    world.mdns.host_name(|name| assert_eq!(name, "zonda"));
    assert_eq!(world.peer.take().len(), 0);
}

#[test]
fn simultaneous_probe_with_later_data_wins_and_is_waited_for() {
    // RFC 6762 §8.2: addresses as unsigned octets, more records, a later type, a later class.
    let later = |say: Say| {
        let world = probing();
        world.net.run_for(ms(10));
        world.peer.take();
        let at = world.net.now();
        world.peer.say(&say.question("zonda.local", ANY, TOP));
        world.net.run_for(secs(20));
        world.mdns.host_name(|name| assert_eq!(name, "zonda"));
        assert!(world.mdns.is_announced(world.id));
        let queries = world.peer.queries4();
        (millis(at, queries[0].at) >= 1000, queries.len())
    };
    let a = |address: [u8; 4]| Say::query().record(1, "zonda.local", (A, IN, 120), &address);
    let aaaa = |say: Say, address: &str| {
        let address: std::net::Ipv6Addr = address.parse().unwrap();
        say.record(1, "zonda.local", (AAAA, IN, 120), &address.octets())
    };
    // It begins again after a second, with all three.
    assert_eq!(later(a([10, 0, 0, 200])), (true, 3));
    assert_eq!(later(a([200, 0, 0, 0])), (true, 3));
    assert_eq!(later(aaaa(Say::query(), "::1")), (true, 3));
    // It wins, and goes on with the two that are left.
    assert_eq!(later(a([10, 0, 0, 0])), (false, 2));
    assert_eq!(later(a([9, 255, 255, 255])), (false, 2));
    // Fewer records than ours.
    assert_eq!(later(a([10, 0, 0, 1])), (false, 2));
    // Two of ours are the same, the third is later.
    let same = aaaa(a([10, 0, 0, 1]), "fd00::1");
    assert_eq!(later(aaaa(same, "fe80::ffff:1:2:3")), (true, 3));
    // A probe for another name, or one that proposes nothing of this.
    let other = Say::query().record(1, "other.local", (A, IN, 120), &[200, 0, 0, 0]);
    assert_eq!(later(other), (false, 2));
}

#[test]
fn two_hosts_that_start_at_once_with_one_name_end_with_two() {
    for seed in 1..6 {
        let net = Network::new(seed);
        let hosts = [net.host("a"), net.host("b"), net.host("c")];
        let link = net.link(&hosts[..]).delay(us(100));
        let mut all = Vec::new();
        for (number, host) in hosts.into_iter().enumerate() {
            host.add(link, &format!("10.0.0.{}/24", number + 1));
            let mdns = run(&net, host);
            mdns.set_host_name("zonda").unwrap();
            all.push(mdns);
        }
        net.run_for(secs(60));
        let mut names: Vec<_> = all
            .iter()
            .map(|mdns| mdns.host_name(str::to_string))
            .collect();
        assert!(all.iter().all(|mdns| mdns.is_announced(0)));
        names.sort();
        assert_eq!(names, ["zonda", "zonda-2", "zonda-3"], "seed {seed}");
    }
}

#[test]
fn name_that_is_ours_is_defended_at_once() {
    let world = named(1);
    let probe = |class| {
        let query = Say::query().question("zonda.local", ANY, class);
        query.record(1, "zonda.local", (A, IN, 120), &[10, 0, 0, 9])
    };
    // By unicast as it wishes, and to all since nobody has heard of it for a while.
    let start = world.net.now();
    let heard = world.ask(&probe(TOP), secs(1));
    assert_eq!(heard.len(), 2);
    for heard in &heard {
        assert!(millis(start, heard.at) <= 10);
        assert_eq!(
            sorted(&heard.message.answers()),
            world.addresses("zonda.local", 120)
        );
    }
    for to in [[10, 0, 0, 9], [224, 0, 0, 251]] {
        assert!(heard.iter().any(|heard| heard.to == IpAddr::from(to)));
    }
    // Once all have heard, by unicast alone.
    let heard = world.ask(&probe(TOP), secs(1));
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].to, IpAddr::from([10, 0, 0, 9]));
    // Who does not want unicast gets it by multicast, even soon.
    world.net.run_for(secs(5));
    for _ in 0..2 {
        let heard = world.ask(&probe(IN), ms(300));
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].to, IpAddr::from([224, 0, 0, 251]));
    }
}

#[test]
fn defense_by_multicast_keeps_250_ms_apart() {
    let world = named(1);
    let query = Say::query().question("zonda.local", ANY, IN);
    let probe = query.record(1, "zonda.local", (A, IN, 120), &[10, 0, 0, 9]);
    for _ in 0..50 {
        world.peer.say(&probe);
        world.net.run_for(ms(20));
    }
    world.net.run_for(secs(1));
    let heard = world.peer.take4();
    assert!((4..=6).contains(&heard.len()), "{}", heard.len());
    for pair in heard.windows(2) {
        assert!(millis(pair[0].at, pair[1].at) >= 250);
    }
}

#[test]
fn conflict_with_a_name_that_is_ours_makes_it_probe_again() {
    let world = named(1);
    let start = world.net.now();
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
    world.net.run_for(secs(10));
    // Nobody defends it: it stays, after probes and announcements.
    world.mdns.host_name(|name| assert_eq!(name, "zonda"));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 5);
    assert!(millis(start, heard[0].at) <= 260);
    assert_eq!(heard[0].message.questions, ["zonda.local ANY?"]);
    // The other one defends it.
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
    assert!(
        world
            .net
            .run_until(secs(1), || !world.peer.take4().is_empty())
    );
    world
        .peer
        .say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
    world.net.run_for(secs(10));
    world.mdns.host_name(|name| assert_eq!(name, "zonda-2"));
}

#[test]
fn many_conflicts_make_probes_rare() {
    let world = world(1);
    world.mdns.set_host_name("zonda").unwrap();
    // Somebody claims to have every name.
    let mut probes = Vec::new();
    for _ in 0..3000 {
        world.net.run_for(ms(20));
        for heard in world.peer.queries4() {
            probes.push(heard.at);
            let name = heard.message.questions[0]
                .split(' ')
                .next()
                .unwrap()
                .to_string();
            world.peer.say(&Say::response().a(&name, 120, "10.0.0.9"));
        }
    }
    assert!(probes.len() >= 15, "{}", probes.len());
    // Fifteen within ten seconds are followed by pauses of five.
    for window in probes.windows(16) {
        let within = millis(window[0], window[14]) <= 10_000;
        assert!(!within || millis(window[14], window[15]) >= 5000);
    }
    let pauses = probes
        .windows(2)
        .filter(|pair| millis(pair[0], pair[1]) >= 5000)
        .count();
    assert!(pauses >= 8, "{pauses}");
}

#[test]
fn link_that_comes_back_is_probed_and_announced_again() {
    let world = named(1);
    world.link.down();
    world.net.run_for(secs(5));
    assert!(!world.mdns.is_announced(world.id));
    world.link.up();
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    let responses = heard
        .iter()
        .filter(|heard| heard.message.is_response())
        .count();
    assert_eq!((heard.len(), responses), (5, 2));
}

#[test]
fn change_of_addresses_is_announced_without_probes() {
    let world = named(1);
    world.host.add(world.link, "10.0.0.2/24");
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 2);
    for heard in heard {
        assert!(heard.message.is_response());
        let answers = heard.message.answers();
        assert!(answers.contains(&"zonda.local A! 120 10.0.0.1"));
        assert!(answers.contains(&"zonda.local A! 120 10.0.0.2"));
        assert!(answers.contains(&"2.0.0.10.in-addr.arpa PTR! 120 zonda.local"));
    }
    world
        .host
        .stack()
        .remove_address(world.id, "10.0.0.1".parse().unwrap());
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 2);
    assert!(!heard[0].message.has_answer("zonda.local A! 120 10.0.0.1"));
}

#[test]
fn version_that_comes_later_is_probed_on() {
    let net = Network::new(1);
    let world = world_of(net, |net| net.host("host"));
    world
        .host
        .stack()
        .remove_address(world.id, "10.0.0.1".parse().unwrap());
    world.mdns.set_host_name("zonda").unwrap();
    world.rest();
    world.host.add(world.link, "10.0.0.1/24");
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 5);
    assert_eq!(heard[0].message.questions, ["zonda.local ANY?"]);
}

#[test]
fn each_link_has_its_own_addresses_and_one_name() {
    let net = Network::new(1);
    let host = net.host("host");
    let peers = [net.host("p0"), net.host("p1")];
    let links = [net.link((host, peers[0])), net.link((host, peers[1]))];
    for (number, link) in links.into_iter().enumerate() {
        host.add(link, &format!("10.0.{number}.1/24"));
        peers[number].add(link, &format!("10.0.{number}.9/24"));
    }
    let stations = [0, 1].map(|number| Station::new(&net, peers[number], links[number]));
    let mdns = run(&net, host);
    mdns.set_host_name("zonda").unwrap();
    net.run_for(secs(60));
    for (number, station) in stations.iter().enumerate() {
        let own = format!("zonda.local A! 120 10.0.{number}.1");
        let other = format!("10.0.{}.1", 1 - number);
        for heard in station.responses4() {
            assert!(heard.message.has_answer(&own));
            assert!(!format!("{:?}", heard.message).contains(&other));
        }
    }
    // A conflict on one gives another name on both.
    for _ in 0..2 {
        stations[0].say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
        net.run_until(secs(1), || !stations[0].queries4().is_empty());
    }
    net.run_for(secs(60));
    mdns.host_name(|name| assert_eq!(name, "zonda-2"));
    for station in &stations {
        let responses = station.responses4();
        assert!(
            responses
                .last()
                .unwrap()
                .message
                .has_answer("zonda-2.local A!")
        );
    }
}

#[test]
fn names_of_hosts_are_one_label() {
    let world = world(1);
    assert!(world.mdns.set_host_name("").is_err());
    assert!(world.mdns.set_host_name(&"a".repeat(64)).is_err());
    world.mdns.set_host_name(&"a".repeat(63)).unwrap();
    world.mdns.set_host_name("Büro.1").unwrap();
    world.net.run_for(secs(5));
    let heard = world.peer.responses4();
    assert!(
        heard[0]
            .message
            .has_answer("Büro\\.1.local A! 120 10.0.0.1")
    );
}
