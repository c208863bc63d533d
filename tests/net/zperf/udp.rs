//! What the client measures over UDP, against the server and against sockets.

use zonda::ip::Unreachable;
use zonda::proto::zperf::message::{NUMBER_LENGTH, Numbered, Request, numbered};
use zonda::proto::zperf::{Amount, Direction, End, Flow, ZperfError};

use super::*;

#[test]
fn both_ends_measure_the_same() {
    for server in [V4, V6] {
        let world = world(|_| {});
        let (outcome, told) = world.udp(&test(server));
        let outcome = outcome.unwrap();
        let sent = outcome.sent.unwrap();
        // The last one, which says so, is one more.
        assert_eq!(
            (sent.bytes, sent.datagrams.unwrap().sent),
            (101 * 1250, 101)
        );
        assert_eq!(sent.time, secs(1));
        assert_eq!(told.only(Flow::Sent).transfer, sent);
        let said = outcome.server.unwrap();
        let seen = world.told.only(Flow::Received);
        assert_eq!(said, seen.transfer);
        assert_eq!(said.bytes, sent.bytes);
        assert!(is_about(said.time, secs(1)), "{said}");
        let datagrams = said.datagrams.unwrap();
        assert_eq!((datagrams.sent, datagrams.lost), (101, 0));
        assert_eq!((datagrams.reordered, datagrams.duplicates), (0, 0));
        assert_eq!((datagrams.jitter, datagrams.transit), (us(0), None));
        assert_eq!(outcome.received, None);
        let counters = world.server.counters();
        assert_eq!(
            (counters.sessions, counters.stray, counters.malformed),
            (1, 0, 0)
        );
    }
}

#[test]
fn datagrams_leave_exactly_when_they_are_due() {
    let world = world(|_| {});
    let sink = world.host.udp("[::]:6000");
    let stack = world.host.stack();
    let arrivals = world.net.spawn(async move {
        let mut arrivals = Vec::new();
        loop {
            let mut data = [0; 16];
            let _ = sink.recv_from(&mut data).await.unwrap();
            let number = Numbered::new(&data).unwrap().number(true);
            arrivals.push((stack.now(), number));
            if number < 0 {
                return arrivals;
            }
        }
    });
    let begun = world.net.now();
    // A period of 8333.3 µs.
    let plan = Test {
        rate: Some(1_200_000),
        ..test("10.0.0.3:6000")
    };
    let (outcome, _) = world.udp(&plan);
    // Nobody reports.
    assert_eq!(outcome.unwrap().server, None);
    let arrivals = arrivals.take().unwrap();
    assert_eq!(arrivals.len(), 121);
    for (place, (time, number)) in arrivals.iter().enumerate().take(120) {
        let due = us(place as u64 * 25_000 / 3);
        assert_eq!(
            (time.since(begun), *number),
            (due + us(100), place as i64 + 1)
        );
    }
    assert_eq!(arrivals[120], (begun + secs(1) + us(100), -121));
}

#[test]
fn intervals_add_up_to_the_whole() {
    let world = world(|config| config.interval = Some(ms(250)));
    let plan = Test {
        interval: Some(ms(300)),
        ..test(V4)
    };
    let (outcome, told) = world.udp(&plan);
    let sent = outcome.unwrap().sent.unwrap();
    let parts = told.intervals(Flow::Sent);
    assert_eq!(parts.len(), 3);
    for (place, part) in parts.iter().enumerate() {
        assert_eq!(
            (part.start, part.transfer.time),
            (ms(300 * place as u64), ms(300))
        );
        assert_eq!(part.transfer.datagrams.unwrap().sent, 30);
    }
    assert_eq!(sent.datagrams.unwrap().sent, 101);
    let parts = world.told.intervals(Flow::Received);
    let starts: Vec<_> = parts.iter().map(|part| part.start.as_millis()).collect();
    assert_eq!(starts[..3], [0, 250, 500]);
    let bytes: u64 = parts.iter().map(|part| part.transfer.bytes).sum();
    assert!(bytes >= 74 * 1250, "{bytes}");
}

#[test]
fn faults_of_the_link_are_counted_exactly() {
    let world = pair(|_| {});
    let way = world.link.from(world.client);
    let before = way.stats();
    way.loss(0.1);
    let plan = Test {
        amount: Amount::Time(secs(20)),
        ..test(V4)
    };
    let (outcome, _) = world.udp(&plan);
    let datagrams = outcome.unwrap().server.unwrap().datagrams.unwrap();
    let lost = way.stats().lost - before.lost;
    assert!(lost > 100);
    assert_eq!(
        (datagrams.lost, datagrams.duplicates, datagrams.reordered),
        (lost, 0, 0)
    );

    way.perfect().duplication(0.1);
    let (outcome, _) = world.udp(&plan);
    let doubled = way.stats().duplicated;
    assert!(doubled > 100);
    assert_eq!(outcome.unwrap().server.unwrap().datagrams.unwrap().lost, 0);
    let seen = world.told.ends()[1].transfer.datagrams.unwrap();
    // A copy of the last comes behind the end.
    assert!(doubled - seen.duplicates <= 1, "{seen:?} {doubled}");
    assert_eq!((seen.lost, seen.sent), (0, 2001));

    way.perfect().reordering(0.05, ms(25));
    let (outcome, _) = world.udp(&plan);
    let held = way.stats().reordered;
    let datagrams = outcome.unwrap().server.unwrap().datagrams.unwrap();
    assert!(held > 50);
    assert!(held - datagrams.reordered <= 2, "{datagrams:?} {held}");

    way.perfect().jitter(ms(4));
    let (outcome, _) = world.udp(&plan);
    let datagrams = outcome.unwrap().server.unwrap().datagrams.unwrap();
    assert_eq!((datagrams.lost, datagrams.reordered), (0, 0));
    // Of two times between 0 and 4 ms, evenly spread, the difference is 1.3 ms on average.
    assert!((ms(1)..ms(2)).contains(&datagrams.jitter), "{datagrams}");
}

#[test]
fn report_that_is_lost_is_asked_for_again() {
    let world = world(|_| {});
    let back = world.link.from(world.host);
    back.loss(1.0);
    let told = Told::default();
    let (observer, stack) = (told.observer(), world.client.stack());
    let plan = test(V4);
    let task = world
        .net
        .spawn(async move { zonda::proto::zperf::udp(stack, &plan, &observer).await });
    world.net.run_for(ms(1600));
    back.perfect();
    world.net.run_for(ms(500));
    let outcome = task.take().unwrap().unwrap();
    let said = outcome.server.unwrap();
    // What came behind the end is not counted.
    assert_eq!(said.datagrams.unwrap().sent, 101);
    // At 1000, 1250, 1500, 1750 ms.
    assert_eq!(outcome.sent.unwrap().datagrams.unwrap().sent, 104);
    assert_eq!(world.server.counters().stray, 3);
    assert_eq!(world.told.ends().len(), 1);
}

#[test]
fn last_datagram_that_is_lost_is_sent_again() {
    let world = world(|_| {});
    let way = world.link.from(world.client);
    let (told, stack) = (Told::default(), world.client.stack());
    let (observer, plan) = (told.observer(), test(V4));
    let task = world
        .net
        .spawn(async move { zonda::proto::zperf::udp(stack, &plan, &observer).await });
    world.net.run_for(ms(995));
    way.loss(1.0);
    world.net.run_for(ms(300));
    way.perfect();
    world.net.run_for(ms(300));
    let said = task.take().unwrap().unwrap().server.unwrap();
    let datagrams = said.datagrams.unwrap();
    assert_eq!((datagrams.sent, datagrams.lost), (103, 2));
}

#[test]
fn server_that_is_not_there_is_told_of() {
    let world = world(|_| {});
    let (outcome, told) = world.udp(&test("10.0.0.2:5001"));
    assert_eq!(outcome, Err(ZperfError::Unreachable(Unreachable::Port)));
    assert_eq!(told.ends()[0].end, Some(End::Broken));
    for direction in [Direction::Download, Direction::Dual, Direction::TradeOff] {
        let plan = Test {
            direction,
            ..test("10.0.0.2:5001")
        };
        let begun = world.net.now();
        let (outcome, _) = world.udp(&plan);
        let refused = ZperfError::Unreachable(Unreachable::Port);
        assert_eq!(outcome, Err(refused), "{direction:?}");
        assert!(world.net.now().since(begun) < ms(100));
    }
    let (outcome, _) = world.udp(&test("192.0.2.1:5001"));
    assert!(matches!(outcome, Err(ZperfError::Send(_))), "{outcome:?}");
}

#[test]
fn server_that_says_nothing_is_given_up_after_two_seconds() {
    let world = world(|_| {});
    let _deaf = world.other.udp("[::]:5001");
    let begun = world.net.now();
    let (outcome, _) = world.udp(&test("10.0.0.2:5001"));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.server, None);
    assert_eq!(outcome.sent.unwrap().datagrams.unwrap().sent, 108);
    assert_eq!(world.net.now().since(begun), secs(3));
}

#[test]
fn amount_may_be_bytes() {
    let world = world(|_| {});
    let plan = Test {
        amount: Amount::Bytes(10_100),
        rate: Some(0),
        ..test(V4)
    };
    let (outcome, _) = world.udp(&plan);
    let outcome = outcome.unwrap();
    // Eight of 1250, one of 100, and the last.
    assert_eq!(outcome.sent.unwrap().bytes, 10_100 + 1250);
    assert_eq!(outcome.server.unwrap().bytes, 10_100 + 1250);
    assert_eq!(outcome.server.unwrap().datagrams.unwrap().sent, 10);
}

#[test]
fn as_fast_as_it_goes_is_as_fast_as_the_line() {
    let world = world(|_| {});
    world.link.from(world.client).line_rate(10_000_000);
    let plan = Test {
        rate: Some(0),
        ..test(V4)
    };
    let (outcome, _) = world.udp(&plan);
    let outcome = outcome.unwrap();
    let rate = outcome.server.unwrap().bits_per_second();
    assert!((9_000_000..10_000_000).contains(&rate), "{outcome}");
    assert_eq!(outcome.server.unwrap().datagrams.unwrap().lost, 0);
}

#[test]
fn datagrams_have_their_class_and_say_what_is_wanted() {
    let world = world(|_| {});
    let sink = world.host.udp("[::]:6000");
    for server in ["10.0.0.3:6000", "[fd00::3]:6000"] {
        let plan = Test {
            dscp: 46,
            amount: Amount::Bytes(1250),
            listen: 7000,
            ..test(server)
        };
        let _ = world.udp(&plan);
        let mut data = [0; 76];
        let (_, info) = sink.try_recv_from(&mut data).unwrap();
        assert_eq!((info.traffic_class, info.length), (46 << 2, 1250));
        let request = Request::new(&data[NUMBER_LENGTH..]).unwrap();
        assert_eq!(request.traffic_class(), 46 << 2);
        assert_eq!((request.rate(), request.port()), (1_000_000, Some(7000)));
        assert_eq!(request.amount(), Amount::Bytes(1250));
        while sink.try_recv().is_some() {}
    }
}

#[test]
fn server_sends_to_who_asks_for_it_where_it_may() {
    for server in [V4, V6] {
        let world = world(|config| config.sends_datagrams = true);
        let plan = Test {
            direction: Direction::Download,
            ..test(server)
        };
        let (outcome, _) = world.udp(&plan);
        let outcome = outcome.unwrap();
        let received = outcome.received.unwrap();
        let datagrams = received.datagrams.unwrap();
        assert_eq!(
            (datagrams.sent, datagrams.lost, received.bytes),
            (101, 0, 101 * 1250)
        );
        assert_eq!(world.told.only(Flow::Sent).transfer.bytes, received.bytes);
        assert_eq!((outcome.sent, outcome.server), (None, None));
    }
    let world = world(|_| {});
    let plan = Test {
        direction: Direction::Download,
        ..test(V4)
    };
    let (outcome, _) = world.udp(&plan);
    assert_eq!(outcome, Err(ZperfError::Silent));
    assert!(world.server.counters().refused > 0);
    assert!(world.told.ends().is_empty());
}

#[test]
fn request_to_send_is_repeated_and_answered_once() {
    let world = world(|config| config.sends_datagrams = true);
    let way = world.link.from(world.client);
    way.loss(1.0);
    let (told, stack) = (Told::default(), world.client.stack());
    let plan = Test {
        direction: Direction::Download,
        ..test(V4)
    };
    let observer = told.observer();
    let task = world
        .net
        .spawn(async move { zonda::proto::zperf::udp(stack, &plan, &observer).await });
    world.net.run_for(ms(600));
    // Several are on their way before data can come back.
    way.perfect().delay(ms(600));
    world.net.run_for(secs(3));
    let outcome = task.take().unwrap().unwrap();
    assert_eq!(outcome.received.unwrap().bytes, 101 * 1250);
    assert_eq!(world.server.counters().sessions, 1);
    assert_eq!(world.told.ends().len(), 1);
}

#[test]
fn both_directions_are_measured_at_once_and_one_after_the_other() {
    for (direction, server) in [
        (Direction::Dual, V4),
        (Direction::Dual, V6),
        (Direction::TradeOff, V4),
        (Direction::TradeOff, V6),
    ] {
        let world = world(|config| config.sends_datagrams = true);
        let plan = Test {
            direction,
            listen: 6001,
            ..test(server)
        };
        let begun = world.net.now();
        let (outcome, told) = world.udp(&plan);
        let outcome = outcome.unwrap();
        for transfer in [outcome.sent, outcome.server, outcome.received] {
            assert_eq!(transfer.unwrap().bytes, 101 * 1250, "{outcome}");
        }
        assert_eq!((told.ends().len(), world.told.ends().len()), (2, 2));
        let took = world.net.now().since(begun).as_millis();
        match direction {
            Direction::Dual => assert!((1000..1600).contains(&took), "{took}"),
            _ => assert!((2000..2600).contains(&took), "{took}"),
        }
        // The server got its report, and does not ask again.
        let _ = world.told.only(Flow::Sent);
    }
}

#[test]
fn strangers_datagrams_are_no_part_of_the_other_direction() {
    let world = world(|config| config.sends_datagrams = true);
    let stranger = world.other.udp("[::]:0");
    let (told, stack) = (Told::default(), world.client.stack());
    let plan = Test {
        direction: Direction::Dual,
        listen: 6001,
        ..test(V4)
    };
    let observer = told.observer();
    let task =
        (world.net).spawn(async move { zonda::proto::zperf::udp(stack, &plan, &observer).await });
    for number in [7, 900, -901] {
        world.net.run_for(ms(300));
        let datagram = numbered(number, ms(0));
        (stranger.try_send_to(&datagram, Some(at("10.0.0.1:6001")))).unwrap();
    }
    world.net.run_for(secs(2));
    let received = task.take().unwrap().unwrap().received.unwrap();
    let datagrams = received.datagrams.unwrap();
    assert_eq!((datagrams.sent, datagrams.lost), (101, 0));
    assert_eq!(received.bytes, 101 * 1250);
}

#[test]
fn full_duplex_is_not_for_udp_nor_other_directions_for_groups() {
    let world = world(|_| {});
    for (direction, server) in [
        (Direction::FullDuplex, V4),
        (Direction::Download, "239.1.2.3:5001"),
        (Direction::Dual, "[ff15::7]:5001"),
    ] {
        let plan = Test {
            direction,
            ..test(server)
        };
        assert_eq!(world.udp(&plan).0, Err(ZperfError::Direction));
    }
}

#[cfg(feature = "multicast")]
#[test]
fn group_is_measured_without_a_report() {
    for group in ["239.1.2.3", "ff15::7"] {
        let world = world(|config| config.group = Some((ip(group), 0)));
        let plan = Test {
            interface: Some(0),
            ..test(&SocketAddr::new(ip(group), 5001).to_string())
        };
        let (outcome, _) = world.udp(&plan);
        let outcome = outcome.unwrap();
        assert_eq!(outcome.server, None);
        world.net.run_for(secs(1));
        let seen = world.told.only(Flow::Received).transfer;
        assert_eq!(seen.bytes, outcome.sent.unwrap().bytes);
        assert_eq!(seen.datagrams.unwrap().sent, 101);
    }
}

#[test]
fn transit_is_told_where_the_clocks_agree() {
    let epoch = Some(secs(1_700_000_000));
    let world = world(|config| config.epoch = epoch);
    world.link.delay(ms(7));
    let plan = Test { epoch, ..test(V4) };
    let (outcome, _) = world.udp(&plan);
    let said = outcome.unwrap().server.unwrap().datagrams.unwrap();
    let transit = said.transit.unwrap();
    assert_eq!(
        (transit.least, transit.most, transit.mean),
        (ms(7), ms(7), ms(7))
    );
    assert_eq!((transit.count, transit.squares), (101, 0));
}

#[test]
fn test_that_is_dropped_leaves_nothing() {
    let world = world(|config| config.sends_datagrams = true);
    world.link.line_rate(10_000_000);
    let told = Told::default();
    let observer = told.observer();
    for direction in [Direction::Upload, Direction::Download, Direction::Dual] {
        let plan = Test {
            direction,
            rate: Some(0),
            ..test(V4)
        };
        let stack = world.client.stack();
        world.net.block_on(async {
            let test = zonda::proto::zperf::udp(stack, &plan, &observer);
            embassy_futures::select::select(test, stack.sleep(ms(300))).await
        });
    }
    world.net.run_for(secs(30));
    // Who is heard no more has been given up.
    assert!(
        world
            .told
            .ends()
            .iter()
            .any(|report| report.end == Some(End::Silent))
    );
    let (outcome, _) = world.udp(&test(V4));
    assert_eq!(outcome.unwrap().server.unwrap().datagrams.unwrap().lost, 0);
}

#[test]
fn smallest_pool_is_enough() {
    let net = Network::new(5);
    let [client, server] =
        ["client", "server"].map(|name| net.host_with(name, pool::<8, 128, 4, 32>()));
    let link = net.link([client, server]);
    client.add(link, "10.0.0.1/24");
    server.add(link, "10.0.0.3/24");
    let zperf = Rc::new(ZperfServer::new(
        server.stack(),
        ZperfServerConfig::default(),
    ));
    let _task = net.spawn(async move { zperf.udp(&|_| {}).await });
    let plan = Test {
        length: 200,
        rate: Some(200_000),
        ..test(V4)
    };
    let told = Told::default();
    let observer = told.observer();
    let outcome = net.block_on(zonda::proto::zperf::udp(client.stack(), &plan, &observer));
    let said = outcome.unwrap().server.unwrap().datagrams.unwrap();
    assert_eq!((said.sent, said.lost), (126, 0));
}
