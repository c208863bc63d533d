//! What is no longer is said to be no longer (RFC 6762 §10.1, §8.4).

use super::services::{KETTLE, TYPE, kettle, with_kettle};
use super::*;

#[test]
fn stop_says_goodbye_for_all_and_ends() {
    let net = Network::new(1);
    let host = net.host("host");
    let peer = net.host("peer");
    let link = net.link((host, peer));
    host.add(link, "10.0.0.1/24");
    peer.add(link, "10.0.0.9/24");
    let peer = Station::new(&net, peer, link);
    let mdns: &'static Mdns<'static> = Box::leak(Box::new(Mdns::new(host.stack())));
    mdns.set_host_name("zonda").unwrap();
    mdns.register(&kettle()).unwrap();
    for _ in 0..2 {
        let task = net.spawn(mdns.run());
        net.run_for(secs(10));
        assert!(mdns.is_announced(0));
        peer.take();
        mdns.stop();
        net.run_for(secs(2));
        assert_eq!(task.take(), Some(Ok(())));
        let heard = peer.take4();
        assert_eq!(heard.len(), 1);
        let answers = heard[0].message.answers();
        for start in [
            "zonda.local A! 0 10.0.0.1",
            "1.0.0.10.in-addr.arpa PTR! 0 zonda.local",
            &format!("{TYPE} PTR 0 {KETTLE}"),
            &format!("{KETTLE} SRV! 0 0 0 80 zonda.local"),
            &format!("{KETTLE} TXT! 0 "),
            "_services._dns-sd._udp.local PTR 0 _http._tcp.local",
        ] {
            assert!(
                answers.iter().any(|answer| answer.starts_with(start)),
                "{start}: {answers:?}"
            );
        }
        assert!(heard[0].message.additional().is_empty());
    }
}

#[test]
fn service_that_is_taken_back_says_goodbye_and_leaves_its_place() {
    let world = named(1);
    let ids = [
        world.mdns.register(&kettle()).unwrap(),
        world.mdns.register(&services::service("Pot")).unwrap(),
    ];
    world.rest();
    assert!(world.mdns.register(&services::service("Third")).is_err());
    world.mdns.unregister(ids[0]).unwrap();
    world.net.run_for(secs(5));
    let heard = world.peer.take4();
    assert_eq!(heard.len(), 1);
    let answers = heard[0].message.answers();
    assert!(answers.contains(&&format!("{TYPE} PTR 0 {KETTLE}")[..]));
    // The host stays, and so does the type, of which there is another.
    assert!(!heard[0].message.has_answer("zonda.local"));
    assert!(!heard[0].message.has_answer("_services"));
    assert!(world.mdns.unregister(ids[0]).is_err());
    world.mdns.register(&services::service("Third")).unwrap();
    world.rest();
    let heard = world.ask(&Say::query().question(TYPE, PTR, IN), secs(2));
    let answers = sorted(&heard[0].message.answers());
    let expected = ["Pot", "Third"].map(|name| format!("{TYPE} PTR 4500 {name}.{TYPE}"));
    assert_eq!(answers, expected);
}

#[test]
fn service_that_was_never_announced_needs_no_goodbye() {
    let world = named(1);
    let id = world.mdns.register(&kettle()).unwrap();
    world.net.run_for(ms(300));
    world.mdns.unregister(id).unwrap();
    world.net.run_for(secs(5));
    assert!(world.peer.responses4().is_empty());
}

#[test]
fn goodbye_keeps_a_second_apart_from_answers() {
    let world = with_kettle(1);
    let at = world.ask(&Say::query().question(TYPE, PTR, IN), ms(200))[0].at;
    world.mdns.stop();
    world.net.run_for(secs(2));
    let heard = world.peer.take4();
    let goodbye = heard
        .iter()
        .find(|heard| heard.message.has_answer(&format!("{TYPE} PTR 0")));
    assert!(millis(at, goodbye.unwrap().at) >= 1000);
}
