//! When questions are asked, and what is remembered of the answers (RFC 6762 §5.2, §7, §10).

use super::services::{KETTLE, TYPE};
use super::*;

/// Browses for a type, without an end.
fn browse(world: &World) {
    let mdns = world.mdns;
    world.net.spawn(async move {
        let mut browser = mdns.browse("_http._tcp").unwrap();
        loop {
            browser.next().await;
        }
    });
}

/// The times between the messages.
fn gaps(heard: &[Heard]) -> Vec<u64> {
    heard
        .windows(2)
        .map(|pair| millis(pair[0].at, pair[1].at))
        .collect()
}

#[test]
fn question_is_repeated_ever_more_rarely_to_once_an_hour() {
    let world = world(1);
    browse(&world);
    world.net.run_for(secs(4 * 3600));
    let heard = world.peer.queries4();
    let gaps = gaps(&heard);
    let expected = [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600,
    ];
    assert_eq!(gaps[..14], expected.map(|secs| secs * 1000));
    assert!(
        heard
            .iter()
            .all(|heard| heard.message.questions == [format!("{TYPE} PTR")])
    );
}

#[test]
fn what_is_known_goes_along_with_the_question_while_it_is_fresh() {
    let world = world(1);
    browse(&world);
    world.net.run_for(ms(500));
    world.peer.say(
        &Say::response()
            .ptr(TYPE, 20, KETTLE)
            .ptr(TYPE, 4500, "Pot._http._tcp.local"),
    );
    world.net.run_for(secs(15));
    let heard = world.peer.queries4();
    let known = |heard: &Heard| {
        heard
            .message
            .answers()
            .iter()
            .map(|a| a.to_string())
            .collect::<Vec<_>>()
    };
    assert!(known(&heard[0]).is_empty());
    let with =
        |start: &str, heard: &Heard| known(heard).iter().any(|known| known.starts_with(start));
    for heard in &heard[1..] {
        // Less than half of its life is left after ten seconds. It is never said to be all.
        let early = millis(Instant::ZERO, heard.at) < 10_500;
        assert!(with(&format!("{TYPE} PTR "), heard));
        let kettle = known(heard).iter().any(|known| known.ends_with(KETTLE));
        assert_eq!(kettle, early, "{heard:?}");
    }
}

#[test]
fn known_answers_that_do_not_fit_follow_in_further_messages() {
    let world = world(1);
    browse(&world);
    world.net.run_for(ms(500));
    // Fourteen names of 60 octets, all that is remembered at most.
    for number in 10..24 {
        let name = format!("{}{number}._http._tcp.local", "n".repeat(46));
        world.peer.say(&Say::response().ptr(TYPE, 4500, &name));
        world.net.run_for(ms(1));
    }
    world
        .host
        .change(world.link, |capabilities| capabilities.mtu = 600);
    world.peer.take();
    world.net.run_for(secs(2));
    let heard = world.peer.queries4();
    assert!(heard.len() >= 2);
    assert_eq!(heard[0].message.questions, [format!("{TYPE} PTR")]);
    assert!(heard[0].message.is_truncated());
    assert!(heard[1].message.questions.is_empty());
    assert!(!heard[1].message.is_truncated());
    assert!(millis(heard[0].at, heard[1].at) <= 1);
    let count: usize = heard[..2]
        .iter()
        .map(|heard| heard.message.answers().len())
        .sum();
    assert!(count >= 8, "{count}");
    assert!(heard.iter().all(|heard| heard.message.length <= 552));
}

#[test]
fn records_of_interest_are_asked_for_before_they_expire() {
    let world = world(1);
    browse(&world);
    // The series is at its hour.
    world.net.run_for(secs(7800));
    world.peer.say(&Say::response().ptr(TYPE, 1000, KETTLE));
    world.peer.take();
    let start = world.net.now();
    world.net.run_for(secs(999));
    let heard = world.peer.queries4();
    let at: Vec<_> = heard.iter().map(|heard| millis(start, heard.at)).collect();
    assert_eq!(at.len(), 4, "{at:?}");
    for (at, percent) in at.iter().zip([80, 85, 90, 95]) {
        assert!(
            (percent * 10_000..=percent * 10_000 + 20_010).contains(at),
            "{at}"
        );
    }
    // An answer begins its life anew.
    world.peer.say(&Say::response().ptr(TYPE, 1000, KETTLE));
    world.net.run_for(secs(790));
    assert_eq!(world.peer.queries4().len(), 0);
}

#[test]
fn nobody_asks_for_what_nobody_is_interested_in() {
    let world = world(1);
    let lookup = world
        .net
        .spawn(world.mdns.lookup_host("pot.local", Some(world.id)));
    world.net.run_for(ms(150));
    world
        .peer
        .say(&Say::response().a("pot.local", 120, "10.0.0.9"));
    world.net.run_for(secs(1));
    assert!(lookup.is_done());
    world.peer.take();
    world.net.run_for(secs(1000));
    assert_eq!(world.peer.take().len(), 0);
}

#[test]
fn record_that_says_that_it_is_all_ends_others_after_a_second() {
    let world = world(1);
    let look = || {
        let found = world
            .net
            .block_on(world.mdns.lookup_host("pot.local", Some(world.id)));
        found.map(|found| found.iter().map(|ip| ip.to_string()).collect::<Vec<_>>())
    };
    // A service on that host is of interest.
    browse(&world);
    world.net.run_for(ms(150));
    let say = Say::response().ptr(TYPE, 4500, KETTLE);
    world.peer.say(&say.srv(2, KETTLE, 4500, 80, "pot.local"));
    // A burst of two messages is one set (RFC 6762 §10.2).
    world
        .peer
        .say(
            &Say::response()
                .a("pot.local", 120, "10.0.0.7")
                .nsec(2, "pot.local", 120, &[A]),
        );
    world.net.run_for(ms(900));
    world
        .peer
        .say(&Say::response().a("pot.local", 120, "10.0.0.8"));
    world.net.run_for(secs(2));
    assert_eq!(look().unwrap().len(), 2);
    world
        .peer
        .say(&Say::response().a("pot.local", 120, "10.0.0.9"));
    world.net.run_for(ms(900));
    assert_eq!(look().unwrap().len(), 3);
    world.net.run_for(ms(200));
    assert_eq!(look().unwrap(), ["10.0.0.9"]);
    // Without the bit it is one more.
    let more = Say::response().record(0, "pot.local", (A, IN, 120), &[10, 0, 0, 6]);
    world.peer.say(&more);
    world.net.run_for(secs(5));
    assert_eq!(look().unwrap().len(), 2);
}

#[test]
fn pointer_of_one_host_does_not_end_those_of_others() {
    let world = world(1);
    browse(&world);
    world.net.run_for(secs(1));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(5));
    let target = encode("Pot._http._tcp.local");
    world
        .other
        .say(&Say::response().record(0, TYPE, (PTR, TOP, 4500), &target));
    world.net.run_for(secs(5));
    world.peer.take();
    world.net.run_for(secs(10));
    let heard = world.peer.queries4();
    assert_eq!(heard[0].message.answers().len(), 2);
}

#[test]
fn question_that_another_host_asks_is_not_asked_again() {
    let world = world(1);
    browse(&world);
    world.net.run_for(secs(6));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    // Asked after 0, 1, 3, 7 s and some milliseconds; the next is due after 15.
    world.net.run_for(secs(8) + ms(500));
    world.peer.take();
    world.other.say(&Say::query().question(TYPE, PTR, IN));
    world.net.run_for(secs(5));
    let own = IpAddr::from([10, 0, 0, 1]);
    let asked = |world: &World| {
        world
            .peer
            .queries4()
            .iter()
            .filter(|heard| heard.source.ip() == own)
            .count()
    };
    assert_eq!(asked(&world), 0);
    // The next is due 16 s after that. It knows an answer that we do not: ours is asked.
    world.net.run_for(secs(10));
    let query = Say::query().question(TYPE, PTR, IN);
    world
        .other
        .say(&query.ptr(TYPE, 4500, "Unknown._http._tcp.local"));
    world.net.run_for(secs(5));
    assert_eq!(asked(&world), 1);
}

#[test]
fn record_that_others_ask_for_in_vain_is_forgotten() {
    let world = world(1);
    browse(&world);
    world.net.run_for(secs(200));
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(10));
    let known = || {
        let mdns = world.mdns;
        let found = world.net.spawn(async move {
            let mut browser = mdns.browse("_http._tcp").unwrap();
            browser.next().await
        });
        world.net.run_for(ms(1));
        found.is_done()
    };
    assert!(known());
    let query = Say::query().question(TYPE, PTR, IN);
    // One is not enough, nor is one that knows the answer.
    world.other.say(&query);
    world.other.say(&query.clone().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(11));
    assert!(known());
    // Two that are answered.
    world.other.say(&query);
    world.net.run_for(secs(1));
    world.other.say(&query);
    world.peer.say(&Say::response().ptr(TYPE, 4500, KETTLE));
    world.net.run_for(secs(11));
    assert!(known());
    // Two that are not.
    world.other.say(&query);
    world.net.run_for(secs(1));
    world.other.say(&query);
    world.net.run_for(secs(8));
    assert!(known());
    world.net.run_for(secs(2));
    assert!(!known());
}

#[test]
fn known_answers_of_others_are_not_remembered() {
    let world = world(1);
    browse(&world);
    world.net.run_for(secs(1));
    world
        .peer
        .say(&Say::query().question(TYPE, PTR, IN).ptr(TYPE, 4500, KETTLE));
    world.peer.take();
    world.net.run_for(secs(30));
    let heard = world.peer.queries4();
    assert!(heard.iter().all(|heard| heard.message.answers().is_empty()));
}
