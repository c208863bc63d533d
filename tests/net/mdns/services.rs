//! Services of this host (RFC 6763 §4 to §9, §12).

use zonda::proto::dns_sd::{Attribute, RegisterError, ServiceConfig};
use zonda::proto::mdns::Renamed;

use super::*;

pub const TYPE: &str = "_http._tcp.local";
pub const KETTLE: &str = "My\\. Kettle._http._tcp.local";
const TYPES: &str = "_services._dns-sd._udp.local";

pub fn kettle() -> ServiceConfig<'static> {
    service("My. Kettle")
}

pub fn service(instance: &str) -> ServiceConfig<'_> {
    const ATTRIBUTES: &[Attribute<'static>] =
        &[Attribute::new("path", b"/"), Attribute::flag("hot")];
    ServiceConfig::new(instance, "_http._tcp", 80).attributes(ATTRIBUTES)
}

/// A host with a service that nobody has asked for for a minute.
pub fn with_kettle(seed: u64) -> World {
    let world = named(seed);
    world.mdns.register(&kettle()).unwrap();
    world.rest();
    world
}

fn of_host(world: &World) -> Vec<String> {
    world.addresses("zonda.local", 120)
}

fn srv() -> String {
    format!("{KETTLE} SRV! 120 0 0 80 zonda.local")
}

fn txt() -> String {
    // The lengths of both strings.
    format!("{KETTLE} TXT! 4500 \\u{{6}}path=/\\u{{3}}hot")
}

#[test]
fn service_is_probed_for_with_srv_and_txt_and_announced_with_all_pointers() {
    let world = named(1);
    let config = kettle().subtypes(&["_steam", "tea"]);
    let id = world.mdns.register(&config).unwrap();
    world.net.run_for(secs(10));
    assert!(world.mdns.is_registered(id, world.id));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 5);
    for probe in &heard[..3] {
        assert_eq!(probe.message.questions, [format!("{KETTLE} ANY?")]);
        let expected = [srv(), txt()].map(|record| record.replace('!', ""));
        assert_eq!(sorted(&probe.message.authorities()), expected);
    }
    for announcement in &heard[3..] {
        let mut expected = vec![
            format!("{TYPE} PTR 4500 {KETTLE}"),
            format!("_steam._sub.{TYPE} PTR 4500 {KETTLE}"),
            format!("tea._sub.{TYPE} PTR 4500 {KETTLE}"),
            format!("{TYPES} PTR 4500 {TYPE}"),
            srv(),
            txt(),
        ];
        expected.sort();
        assert_eq!(sorted(&announcement.message.answers()), expected);
    }
    // A host and its services that start together probe together (RFC 6762 §8.1).
    world.link.down();
    world.net.run_for(secs(1));
    world.link.up();
    world.net.run_for(secs(10));
    let heard = world.peer.take4();
    let both = ["zonda.local ANY?".to_string(), format!("{KETTLE} ANY?")];
    assert_eq!(heard[0].message.questions, both);
    assert_eq!(heard.len(), 5);
}

#[test]
fn instances_are_enumerated_and_where_they_are_goes_along() {
    let world = with_kettle(1);
    let start = world.net.now();
    let heard = world.ask(&Say::query().question(TYPE, PTR, IN), secs(2));
    assert_eq!(heard.len(), 1);
    // Others may answer as well.
    let delay = millis(start, heard[0].at);
    assert!((20..=121).contains(&delay), "{delay}");
    assert_eq!(
        heard[0].message.answers(),
        [format!("{TYPE} PTR 4500 {KETTLE}")]
    );
    let mut expected = [vec![srv(), txt()], of_host(&world)].concat();
    expected.sort();
    assert_eq!(sorted(&heard[0].message.additional()), expected);
}

#[test]
fn types_and_subtypes_are_enumerated() {
    let world = named(1);
    world
        .mdns
        .register(&kettle().subtypes(&["_steam"]))
        .unwrap();
    world.rest();
    let ask = |name: &str| {
        let heard = world.ask(&Say::query().question(name, PTR, IN), secs(2));
        let messages = heard.into_iter().map(|heard| heard.message);
        messages
            .map(|message| message.answers().join("; "))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(TYPES), [format!("{TYPES} PTR 4500 {TYPE}")]);
    let steam = format!("_steam._sub.{TYPE}");
    assert_eq!(
        ask(&format!("_STEAM._sub.{TYPE}")),
        [format!("{steam} PTR 4500 {KETTLE}")]
    );
    // Unknown ones are silent.
    assert!(ask(&format!("_tea._sub.{TYPE}")).is_empty());
    assert!(ask("_ipp._tcp.local").is_empty());
    assert!(ask("_http._udp.local").is_empty());
    assert!(ask("_steam._sub._ipp._tcp.local").is_empty());
}

#[test]
fn service_is_resolved_at_once_with_the_addresses_of_its_host() {
    let world = with_kettle(1);
    let ask = |kind| {
        let start = world.net.now();
        let mut heard = world.ask(&Say::query().question(KETTLE, kind, IN), secs(2));
        assert_eq!(heard.len(), 1);
        assert!(millis(start, heard[0].at) <= 10);
        heard.remove(0).message
    };
    let message = ask(SRV);
    assert_eq!(message.answers(), [srv()]);
    assert_eq!(sorted(&message.additional()), of_host(&world));
    let message = ask(TXT);
    assert_eq!(message.answers(), [txt()]);
    assert!(message.additional().is_empty());
    let message = ask(ANY);
    assert_eq!(sorted(&message.answers()), [srv(), txt()]);
    // What it does not have.
    let message = ask(A);
    assert_eq!(
        message.answers(),
        [format!("{KETTLE} NSEC! 4500 {KETTLE} TXT SRV")]
    );
}

#[test]
fn service_without_attributes_has_a_txt_record_of_one_zero() {
    let world = named(1);
    world
        .mdns
        .register(&ServiceConfig::new("Pot", "_http._tcp", 80))
        .unwrap();
    world.rest();
    let heard = world.ask(
        &Say::query().question("Pot._http._tcp.local", TXT, IN),
        secs(2),
    );
    assert_eq!(
        heard[0].message.answers(),
        ["Pot._http._tcp.local TXT! 4500 \\0"]
    );
}

#[test]
fn names_are_compressed_but_for_srv_in_answers_to_who_knows_no_multicast_dns() {
    let world = with_kettle(1);
    let heard = world.ask(&Say::query().question(TYPE, PTR, IN), secs(2));
    // The type, the instance, the host and the domain are there once, all else are pointers. The
    // name, ten octets, and the data of PTR, TXT, SRV, A, and two of AAAA.
    let records =
        (18 + 10 + 13) + (2 + 10 + 11) + (2 + 10 + 6 + 8) + (2 + 10 + 4) + 2 * (2 + 10 + 16);
    assert_eq!(heard[0].message.length, 12 + records);
    let socket = world.peer.host.udp("[::]:40000");
    let query = Say::query().question(KETTLE, SRV, IN);
    socket
        .try_send_to(&query.bytes(), Some(GROUP4.parse().unwrap()))
        .unwrap();
    world.net.run_for(ms(20));
    let mut bytes = [0; 1000];
    let (length, _) = socket.try_recv_from(&mut bytes).unwrap();
    let target = encode("zonda.local");
    let place = bytes[..length]
        .windows(target.len())
        .position(|window| window == target);
    // The record's data: three numbers, and then all of the name.
    assert!(place.is_some());
    assert_eq!(
        bytes[place.unwrap() - 8..place.unwrap() - 6],
        [0, 6 + target.len() as u8]
    );
}

#[test]
fn new_attributes_are_announced() {
    let world = named(1);
    let id = world.mdns.register(&kettle()).unwrap();
    world.rest();
    world
        .mdns
        .set_attributes(id, &[Attribute::new("state", b"cold")])
        .unwrap();
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 2);
    let expected = format!("{KETTLE} TXT! 4500 \\nstate=cold");
    assert!(heard[0].message.answers().contains(&&expected[..]));
    let long = [0; 200];
    let refused = world
        .mdns
        .set_attributes(id, &[Attribute::new("state", &long)]);
    assert_eq!(refused, Err(RegisterError::TooLong));
}

#[test]
fn conflict_gives_the_instance_another_name() {
    let world = named(1);
    let id = world.mdns.register(&kettle()).unwrap();
    assert!(
        world
            .net
            .run_until(secs(1), || !world.peer.queries4().is_empty())
    );
    world
        .peer
        .say(&Say::response().srv(0, KETTLE, 120, 80, "pot.local"));
    assert_eq!(
        world.net.block_on(world.mdns.renamed()),
        Renamed::Service(id)
    );
    world
        .mdns
        .instance_name(id, |name| assert_eq!(name, "My. Kettle (2)"))
        .unwrap();
    world.rest();
    let heard = world.ask(&Say::query().question(TYPE, PTR, IN), secs(2));
    assert_eq!(
        heard[0].message.answers(),
        [format!("{TYPE} PTR 4500 My\\. Kettle (2).{TYPE}")]
    );
    world.mdns.host_name(|name| assert_eq!(name, "zonda"));
}

#[test]
fn services_follow_the_host_to_another_name() {
    let world = with_kettle(1);
    for _ in 0..2 {
        world
            .peer
            .say(&Say::response().a("zonda.local", 120, "10.0.0.9"));
        assert!(
            world
                .net
                .run_until(secs(1), || !world.peer.queries4().is_empty())
        );
    }
    world.net.run_for(secs(10));
    world.mdns.host_name(|name| assert_eq!(name, "zonda-2"));
    let expected = format!("{KETTLE} SRV! 120 0 0 80 zonda-2.local");
    let heard = world.peer.responses4();
    let said = heard
        .iter()
        .filter(|heard| heard.message.answers().contains(&&expected[..]));
    assert_eq!(said.count(), 2);
}

#[test]
fn services_wait_for_a_name_of_the_host() {
    let world = world(1);
    let id = world.mdns.register(&kettle()).unwrap();
    world.net.run_for(secs(10));
    assert_eq!(world.peer.take().len(), 0);
    world.mdns.set_host_name("zonda").unwrap();
    world.net.run_for(secs(10));
    assert!(world.mdns.is_registered(id, world.id));
}

#[test]
fn what_is_too_much_for_one_message_is_said_in_several() {
    let world = named(1);
    let subtypes = ["aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg"];
    let text = "x".repeat(120);
    let attributes = [Attribute::new("key", text.as_bytes())];
    for instance in ["One", "Two"] {
        let config = ServiceConfig::new(instance, "_http._tcp", 80).subtypes(&subtypes);
        world
            .mdns
            .register(&config.attributes(&attributes))
            .unwrap();
    }
    world.rest();
    // Messages keep to the MTU of the link.
    world
        .host
        .change(world.link, |capabilities| capabilities.mtu = 576);
    world.link.down();
    world.net.run_for(secs(1));
    world.link.up();
    world.net.run_for(secs(60));
    let heard = world.peer.responses4();
    assert!(heard.len() > 2);
    let answers: Vec<_> = heard
        .iter()
        .flat_map(|heard| heard.message.answers())
        .collect();
    for instance in ["One", "Two"] {
        let own = format!("PTR 4500 {instance}.{TYPE}");
        let count = answers
            .iter()
            .filter(|answer| answer.contains(&own))
            .count();
        // Twice, the type and each subtype.
        assert_eq!(count, 2 * 8);
    }
    assert!(heard.iter().all(|heard| heard.message.length <= 576 - 48));
}

#[test]
fn same_instance_is_not_registered_twice() {
    let world = with_kettle(1);
    assert_eq!(
        world.mdns.register(&kettle()),
        Err(RegisterError::Duplicate)
    );
    assert_eq!(
        world.mdns.register(&service("my. kettle")),
        Err(RegisterError::Duplicate)
    );
}
