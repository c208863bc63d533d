//! What cannot be read, or is not for servers, is counted and passed over.

use super::*;

#[track_caller]
fn passed_over(bytes: &[u8], counter: impl Fn(&Dhcpv4ServerCounters) -> u32) {
    let world = world(usual(), 8);
    world.send_from(ANY, ALL, bytes);
    assert_eq!(world.replies(ms(20)), []);
    assert_eq!(counter(&world.counters()), 1, "{:?}", world.counters());
    assert_eq!(world.leases(), []);
    // The next one is answered.
    world.lease(ALICE);
}

fn discover() -> Message {
    Message::new(DISCOVER, ALICE)
}

#[test]
fn messages_that_cannot_be_read_are_malformed() {
    let malformed = |counters: &Dhcpv4ServerCounters| counters.malformed;
    passed_over(&[], malformed);
    passed_over(&discover().0[..239], malformed);
    // Another cookie; a link address that is longer than its field.
    passed_over(&discover().set(236, &[99, 130, 83, 98]).finish(), malformed);
    passed_over(&discover().set(2, &[17]).finish(), malformed);
    passed_over(&discover().set(2, &[255]).finish(), malformed);
    // An option that goes beyond the end, and one without a length.
    let mut overrun = discover();
    overrun.0.extend([12, 200, b'x']);
    passed_over(&overrun.0, malformed);
    overrun.0.truncate(overrun.0.len() - 2);
    passed_over(&overrun.0, malformed);
    // Overload into a field with an option that goes beyond it.
    let overload = discover().option(52, &[1]).set(108, &[12, 250]);
    passed_over(&overload.finish(), malformed);
    // Nobody.
    passed_over(&discover().set(2, &[0]).finish(), malformed);
    let mut nobody = discover();
    nobody.0.extend([61, 0]);
    passed_over(&nobody.finish(), malformed);
}

#[test]
fn messages_that_are_not_for_servers_are_stray() {
    let stray = |counters: &Dhcpv4ServerCounters| counters.stray;
    passed_over(&discover().set(0, &[2]).finish(), stray);
    passed_over(&discover().set(0, &[0]).finish(), stray);
    for kind in [0, OFFER, ACK, NAK, 9, 255] {
        passed_over(&Message::new(kind, ALICE).finish(), stray);
    }
    // BOOTP has no type; a type of two octets is none.
    let mut bootp = discover();
    bootp.0.truncate(240);
    passed_over(&bootp.finish(), stray);
    passed_over(&bootp.option(53, &[1, 1]).finish(), stray);
}

#[test]
fn links_without_a_subnet_are_not_served() {
    let config = ServerConfig::new(leak([subnet(103).interface(7)])).probe(false);
    let world = world(config, 8);
    world.ignores(&discover());
    assert_eq!(world.counters().unserved, 1);
}

#[test]
fn interface_without_an_address_answers_nobody() {
    let world = world(usual(), 8);
    world.host.stack().remove_address(0, SERVER.into());
    world.ignores(&discover());
    assert_eq!(world.counters().not_sent, 1);
}

#[test]
fn flood_of_damaged_messages_is_counted_and_leaves_nothing() {
    let world = world(ServerConfig::new(leak([subnet(119)])), 16);
    let mut random = Random::new(7);
    let mut sent = 0;
    for _ in 0..3000 {
        let kind = [DISCOVER, REQUEST, DECLINE, RELEASE, INFORM][random.below(5)];
        let client = client(random.below(40) as u16);
        let mut message = Message::new(kind, client)
            .option(61, &client)
            .option(55, &[1, 3, 6, 15])
            .wants(host(100 + random.below(20) as u8))
            .option(82, &[1, 2, 3, 4])
            .finish();
        for _ in 0..random.below(4) {
            let at = random.below(message.len());
            message[at] = random.next() as u8;
        }
        message.truncate(message.len() - random.below(30));
        world.send_from(ANY, ALL, &message);
        sent += 1;
        world.net.run_for(ms(random.below(20) as u64));
    }
    world.net.run_for(secs(5));
    let counters = world.counters();
    let c = &counters;
    let answered = c.offered + c.acknowledged + c.refused + c.informed;
    let taken = c.released + c.declined + c.elsewhere + c.repeated;
    let passed_over = c.unknown + c.unserved + c.exhausted + c.stray + c.malformed;
    assert_eq!(answered + taken + passed_over, sent, "{counters:?}");
    // Those that are set aside are back, and the right ones are answered still.
    world.net.run_for(secs(4000));
    world.peer.take();
    world.send_from(ANY, ALL, &Message::new(DISCOVER, ALICE).finish());
    assert_eq!(world.replies(secs(2)).len(), 1);
}
