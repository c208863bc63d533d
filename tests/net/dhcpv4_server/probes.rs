//! An address is looked for on the link before it is offered (RFC 2131 §2.2, §3.1.2).

use embassy_futures::select::select;

use super::*;

fn one() -> ServerConfig<'static> {
    ServerConfig::new(leak([subnet(100)]))
}

#[test]
fn address_is_asked_for_twice_and_then_offered() {
    let world = world(one(), 8);
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    world.net.run_for(ms(490));
    let frames = world.peer.take();
    let asked: Vec<_> = frames
        .iter()
        .filter_map(|frame| frame::read(frame).arp())
        .collect();
    assert_eq!(asked.len(), 2);
    for arp in asked {
        assert_eq!((arp.operation, arp.target.1), (1, host(100)));
    }
    // It is promised meanwhile, and asking again changes nothing.
    assert_eq!(world.leases(), [(host(100), LeaseState::Offered)]);
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    assert_eq!(world.replies(ms(5)), []);
    assert_eq!(world.counters().repeated, 1);
    let replies = world.replies(ms(10));
    assert_eq!(replies.len(), 1);
    assert_eq!((replies[0].kind, replies[0].yours()), (OFFER, host(100)));
    assert_eq!(world.net.now().as_millis() / 100, 5);
    world.take(ALICE, host(100));
    // Who has it is not looked for.
    assert_eq!(world.ask(&Message::new(DISCOVER, ALICE)).yours(), host(100));
}

#[test]
fn address_that_a_station_has_is_set_aside_and_another_offered() {
    let world = world(ServerConfig::new(leak([subnet(101)])).decline_time(60), 8);
    let wants = Message::new(DISCOVER, ALICE).wants(host(100));
    world.peer.answer_for(host(100), "::2".parse().unwrap());
    world.send_from(ANY, ALL, &wants.finish());
    let replies = world.replies(secs(1));
    assert_eq!(replies.len(), 1);
    assert_eq!((replies[0].kind, replies[0].yours()), (OFFER, host(101)));
    let leases = world.leases();
    assert_eq!(leases[0], (host(100), LeaseState::Declined));
    let aside = world
        .server
        .leases()
        .find(|lease| lease.address == host(100));
    assert_eq!(
        aside.unwrap().hardware,
        LinkAddr::ethernet(world.peer.mac())
    );
    assert_eq!(world.counters().conflicts, 1);
    world.take(ALICE, host(101));
    world.net.run_for(secs(60));
    // It is looked for again.
    world.send_from(ANY, ALL, &Message::new(DISCOVER, BOB).finish());
    assert_eq!(world.replies(secs(1)), []);
    assert_eq!(
        (world.counters().conflicts, world.counters().exhausted),
        (2, 1)
    );
}

#[test]
fn client_that_has_the_address_still_is_no_other_station() {
    let world = world(one(), 8);
    world.peer.answer_for(host(100), "::2".parse().unwrap());
    let own = world.peer.mac();
    world.send_from(ANY, ALL, &Message::new(DISCOVER, own).finish());
    let replies = world.replies(secs(1));
    assert_eq!((replies[0].kind, replies[0].yours()), (OFFER, host(100)));
    assert_eq!(world.counters().conflicts, 0);
}

#[test]
fn more_clients_than_are_looked_for_at_once_are_offered_without_a_look() {
    let world = world(ServerConfig::new(leak([subnet(199)])), 64);
    for number in 0..20 {
        world.send_from(ANY, ALL, &Message::new(DISCOVER, client(number)).finish());
    }
    let unlooked = 20 - zonda::config::DHCPV4_PROBES;
    assert_eq!(world.replies(ms(20)).len(), unlooked);
    assert_eq!(world.counters().unprobed as usize, unlooked);
    assert_eq!(world.replies(ms(600)).len(), zonda::config::DHCPV4_PROBES);
}

#[test]
fn server_that_is_dropped_while_it_looks_keeps_nothing() {
    let world = idle(one(), 8);
    let (server, stack) = (world.server, world.host.stack());
    let cut_short = async move {
        select(server.run(), stack.sleep(ms(100))).await;
    };
    world.net.spawn(cut_short);
    world.net.settle();
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    world.net.run_for(ms(50));
    assert_ne!(world.host.pool().stats().blocks_used, 0);
    world.net.run_for(ms(60));
    assert_eq!(world.host.pool().stats().blocks_used, 0);
    // And it can be run again, with what it knew.
    assert_eq!(world.leases(), [(host(100), LeaseState::Offered)]);
    world.net.spawn(server.run());
    world.net.run_for(secs(20));
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    assert_eq!(world.replies(ms(600)).len(), 1);
}
