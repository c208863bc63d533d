//! Answers that are not given, since they are known (RFC 6762 §7.1, §7.2, §7.4).

use super::services::{KETTLE, TYPE, with_kettle};
use super::*;

#[test]
fn known_answers_are_not_repeated() {
    let world = with_kettle(1);
    let ask = |ttl| {
        let query = Say::query().question(TYPE, PTR, IN).ptr(TYPE, ttl, KETTLE);
        let heard = world.ask(&query, secs(2));
        heard.len()
    };
    // Half of its 4500 seconds are enough.
    assert_eq!(ask(4500), 0);
    assert_eq!(ask(2250), 0);
    assert_eq!(ask(2249), 1);
    // Another instance, or in the wrong section.
    let query = Say::query().question(TYPE, PTR, IN);
    let other = query.clone().ptr(TYPE, 4500, "Pot._http._tcp.local");
    assert_eq!(world.ask(&other, secs(2)).len(), 1);
    let additional = query.record(2, TYPE, (PTR, IN, 4500), &encode(KETTLE));
    assert_eq!(world.ask(&additional, secs(2)).len(), 1);
    assert_eq!(world.mdns.counters().suppressed, 2);
}

#[test]
fn all_addresses_have_to_be_known() {
    let world = named(1);
    world.host.add(world.link, "10.0.0.2/24");
    world.rest();
    let query = Say::query().question("zonda.local", A, IN);
    let one = query.a("zonda.local", 120, "10.0.0.1");
    let heard = world.ask(&one, secs(2));
    assert_eq!(heard[0].message.answers().len(), 2);
    let heard = world.ask(&one.a("zonda.local", 120, "10.0.0.2"), secs(2));
    assert_eq!(heard.len(), 0);
}

#[test]
fn more_known_answers_are_waited_for() {
    let world = with_kettle(1);
    let first = Say::query().question(TYPE, PTR, IN).truncated();
    let start = world.net.now();
    let heard = world.ask(&first, secs(2));
    assert_eq!(heard.len(), 1);
    let delay = millis(start, heard[0].at);
    assert!((400..=501).contains(&delay), "{delay}");
    // They come, and this answer is among them.
    world.peer.say(&first);
    world.net.run_for(ms(300));
    world.peer.say(&Say::query().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 0);
    // They come from somebody else.
    world.peer.say(&first);
    world.net.run_for(ms(300));
    world.other.say(&Say::query().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 1);
}

#[test]
fn each_message_of_known_answers_prolongs_the_wait() {
    let world = with_kettle(1);
    world
        .peer
        .say(&Say::query().question(TYPE, PTR, IN).truncated());
    for _ in 0..4 {
        world.net.run_for(ms(390));
        let other = Say::query().ptr(TYPE, 4500, "Pot._http._tcp.local");
        world.peer.say(&other.truncated());
    }
    let last = world.net.now();
    assert_eq!(world.peer.responses4().len(), 0);
    world.net.run_for(secs(2));
    let heard = world.peer.responses4();
    assert_eq!(heard.len(), 1);
    let delay = millis(last, heard[0].at);
    assert!((400..=501).contains(&delay), "{delay}");
}

#[test]
fn known_answers_of_one_do_not_keep_another_waiting_for_its_answer() {
    let world = with_kettle(1);
    let first = Say::query().question(TYPE, PTR, IN).truncated();
    world.peer.say(&first);
    world.net.run_for(ms(10));
    world.other.say(&first);
    world.net.run_for(ms(10));
    world.peer.say(&Say::query().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 1);
}

#[test]
fn answer_that_another_host_gives_is_not_given_again() {
    let world = with_kettle(1);
    let answer = |ttl| {
        world.peer.say(&Say::query().question(TYPE, PTR, IN));
        world.net.run_for(ms(10));
        world.other.say(&Say::response().ptr(TYPE, ttl, KETTLE));
        world.net.run_for(secs(2));
        let own = IpAddr::from([10, 0, 0, 1]);
        world
            .peer
            .responses4()
            .iter()
            .filter(|heard| heard.source.ip() == own)
            .count()
    };
    assert_eq!(answer(4500), 0);
    assert_eq!(answer(4499), 1);
}
