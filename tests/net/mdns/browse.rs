//! Services of others are found, come and go (RFC 6763 §4, RFC 6762 §10).

use zonda::proto::dns::{Name, RecordType};
use zonda::proto::dns_sd::{Attribute, Found, Instance, ServiceConfig};

use super::services::{KETTLE, TYPE};
use super::*;

type Log = Rc<RefCell<Vec<(Instant, Found)>>>;

/// Browses for a type, and writes down what is found.
fn browse(world: &World, kind: &'static str) -> Log {
    let log = Log::default();
    let (mdns, kept, stack) = (world.mdns, log.clone(), world.host.stack());
    world.net.spawn(async move {
        let mut browser = mdns.browse(kind).unwrap();
        loop {
            let found = browser.next().await;
            kept.borrow_mut().push((stack.now(), found));
        }
    });
    log
}

fn names(log: &Log) -> Vec<String> {
    let found = log.take().into_iter();
    let texts = found.map(|(_, found)| match found {
        Found::Added(instance) => format!("+{}", instance.label().unwrap()),
        Found::Removed(instance) => format!("-{}", instance.label().unwrap()),
    });
    texts.collect()
}

fn instance(world: &World, name: &str) -> Instance {
    let mut full = Name::ROOT;
    full.push_label(name.as_bytes()).unwrap();
    full.push_text(TYPE).unwrap();
    Instance {
        name: full,
        interface: world.id,
    }
}

#[test]
fn instances_that_come_and_go_are_told() {
    let world = world(1);
    let log = browse(&world, "_http._tcp");
    world.net.run_for(secs(1));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world
        .other
        .say(&Say::response().ptr(TYPE, 4500, "Pot._http._tcp.local"));
    world.net.run_for(secs(1));
    assert_eq!(names(&log), ["+My. Kettle", "+Pot"]);
    // Once.
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(1));
    assert!(names(&log).is_empty());
    // A goodbye takes a second, in which it may be taken back (RFC 6762 §10.1).
    let start = world.net.now();
    world.peer.say(&Say::response().ptr(TYPE, 0, KETTLE));
    world
        .other
        .say(&Say::response().ptr(TYPE, 0, "Pot._http._tcp.local"));
    world.net.run_for(ms(900));
    assert!(names(&log).is_empty());
    world
        .other
        .say(&Say::response().ptr(TYPE, 4500, "Pot._http._tcp.local"));
    world.net.run_for(secs(3));
    let at = log.borrow()[0].0;
    assert_eq!(names(&log), ["-My. Kettle"]);
    assert!((1000..=1010).contains(&millis(start, at)));
}

#[test]
fn two_hosts_find_and_resolve_each_others_services() {
    let net = Network::new(3);
    let hosts = [net.host("a"), net.host("b")];
    let link = net.link(&hosts[..]).delay(us(100));
    for (number, host) in hosts.into_iter().enumerate() {
        host.add(link, &format!("10.0.0.{}/24", number + 1));
    }
    let [a, b] = hosts.map(|host| run(&net, host));
    a.set_host_name("a").unwrap();
    b.set_host_name("b").unwrap();
    let config = ServiceConfig::new("Kettle", "_http._tcp", 8080).subtypes(&["_steam"]);
    let attributes = [Attribute::new("path", b"/x"), Attribute::flag("hot")];
    let id = b.register(&config.attributes(&attributes)).unwrap();
    net.run_for(secs(10));
    let mut found = Vec::new();
    for browser in [
        a.browse("_http._tcp"),
        a.browse_subtype("_steam", "_http._tcp"),
    ] {
        let mut browser = browser.unwrap();
        let Found::Added(instance) = net.block_on(browser.next()) else {
            panic!("it is there");
        };
        assert_eq!(instance.label(), Some("Kettle"));
        found.push(instance);
    }
    assert_eq!(found[0], found[1]);
    let mut types = a.browse_types().unwrap();
    let Found::Added(kind) = net.block_on(types.next()) else {
        panic!("it is there");
    };
    assert_eq!(kind.name.to_string(), TYPE);
    drop(types);
    let mut txt = [0; 100];
    let resolved = net.block_on(a.resolve(&found[0], &mut txt)).unwrap();
    assert_eq!(
        (resolved.host.to_string(), resolved.port),
        ("b.local".into(), 8080)
    );
    assert!(resolved.addresses.contains(&"10.0.0.2".parse().unwrap()));
    assert_eq!(resolved.attributes.get("PATH"), Some(Some(&b"/x"[..])));
    assert_eq!(resolved.attributes.get("hot"), Some(None));
    let mut browser = a.browse("_http._tcp").unwrap();
    assert!(matches!(net.block_on(browser.next()), Found::Added(_)));
    b.unregister(id).unwrap();
    assert!(matches!(net.block_on(browser.next()), Found::Removed(_)));
}

#[test]
fn what_came_along_is_not_asked_for_again() {
    let world = world(1);
    let log = browse(&world, "_http._tcp");
    world.net.run_for(secs(1));
    let say = Say::response()
        .ptr(TYPE, 4500, KETTLE)
        .srv(2, KETTLE, 120, 80, "pot.local");
    let say =
        say.txt(2, KETTLE, 4500, &["path=/"])
            .record(2, "pot.local", (A, TOP, 120), &[10, 0, 0, 9]);
    world.peer.say(&say.nsec(2, "pot.local", 120, &[A]));
    world.net.run_for(ms(10));
    assert_eq!(names(&log), ["+My. Kettle"]);
    world.peer.take();
    let mut txt = [0; 100];
    let kettle = instance(&world, "My. Kettle");
    let resolved = world
        .net
        .block_on(world.mdns.resolve(&kettle, &mut txt))
        .unwrap();
    assert_eq!(
        (resolved.host.to_string(), resolved.port),
        ("pot.local".into(), 80)
    );
    assert_eq!(resolved.addresses[..], [IpAddr::from([10, 0, 0, 9])]);
    assert!(world.peer.queries4().is_empty());
}

#[test]
fn service_is_resolved_where_nothing_came_along() {
    let world = world(1);
    let (peer, log) = (world.peer.clone(), Rc::<RefCell<Vec<String>>>::default());
    let kept = log.clone();
    let stack = world.peer.host.stack();
    world.net.spawn(async move {
        loop {
            stack.sleep(ms(20)).await;
            for query in peer.queries4() {
                kept.borrow_mut().extend(query.message.questions.clone());
                for question in &query.message.questions {
                    match question.rsplit(' ').next().unwrap() {
                        "SRV" => peer.say(&Say::response().srv(0, KETTLE, 120, 80, "pot.local")),
                        "TXT" => peer.say(&Say::response().txt(0, KETTLE, 4500, &[""])),
                        "A" => peer.say(&Say::response().a("pot.local", 120, "10.0.0.9")),
                        _ => {}
                    }
                }
            }
        }
    });
    let kettle = instance(&world, "My. Kettle");
    let mut txt = [0; 100];
    let resolved = world
        .net
        .block_on(world.mdns.resolve(&kettle, &mut txt))
        .unwrap();
    assert_eq!(resolved.addresses[..], [IpAddr::from([10, 0, 0, 9])]);
    assert_eq!(resolved.attributes.iter().count(), 0);
    let asked = log.borrow();
    let kinds = ["SRV", "TXT", "A", "AAAA"];
    assert!(
        kinds
            .iter()
            .all(|kind| asked.iter().any(|asked| asked.ends_with(kind)))
    );
}

#[test]
fn names_that_are_not_types_are_refused() {
    let world = world(1);
    assert!(world.mdns.browse("http._tcp").is_err());
    assert!(world.mdns.browse_subtype("", "_http._tcp").is_err());
    let long = "a".repeat(64);
    assert!(world.mdns.browse_subtype(&long, "_http._tcp").is_err());
}

#[test]
fn link_that_goes_down_takes_its_services_along_and_asks_anew() {
    let world = world(1);
    let log = browse(&world, "_http._tcp");
    world.net.run_for(secs(1));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(1));
    world.link.down();
    world.net.run_for(secs(1));
    assert_eq!(names(&log), ["+My. Kettle", "-My. Kettle"]);
    world.link.up();
    world.peer.take();
    world.net.run_for(secs(5));
    let asked: Vec<_> = world
        .peer
        .queries4()
        .into_iter()
        .map(|heard| heard.message.questions)
        .collect();
    // The first may be answered by unicast (RFC 6762 §5.4), later ones not.
    assert_eq!(asked[0], [format!("{TYPE} PTR?")]);
    assert_eq!(asked[1], [format!("{TYPE} PTR")]);
}

#[test]
fn record_that_turned_out_to_be_wrong_is_asked_for_and_forgotten() {
    let world = world(1);
    let log = browse(&world, "_http._tcp");
    world.net.run_for(secs(1));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(100));
    world.peer.take();
    assert_eq!(names(&log), ["+My. Kettle"]);
    let name = Name::new(TYPE).unwrap();
    let there = world
        .net
        .block_on(world.mdns.reconfirm(name.view(), RecordType::PTR));
    assert_eq!(there, Ok(false));
    assert_eq!(names(&log), ["-My. Kettle"]);
    let queries = world.peer.queries4();
    assert!(queries.len() >= 2);
    // The record is not said to be known.
    assert!(
        queries
            .iter()
            .all(|heard| heard.message.answers().is_empty())
    );
    // Somebody answers.
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(1));
    let reconfirm = world.net.spawn({
        let mdns = world.mdns;
        async move {
            mdns.reconfirm(Name::new(TYPE).unwrap().view(), RecordType::PTR)
                .await
        }
    });
    world.net.run_for(secs(1));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(20));
    assert_eq!(reconfirm.take(), Some(Ok(true)));
    assert_eq!(names(&log), ["+My. Kettle"]);
}
