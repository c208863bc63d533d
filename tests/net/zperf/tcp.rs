//! What is measured over TCP.

use embedded_io_async::{Read, Write};
use zonda::proto::zperf::message::{Flags, Tests, Wanted};
use zonda::proto::zperf::{Amount, Direction, End, Flow, ZperfError};
use zonda::socket::{TcpError, TcpSocket};

use super::*;

fn stream(server: &str, direction: Direction) -> Test {
    Test {
        direction,
        rate: None,
        listen: 6001,
        ..test(server)
    }
}

#[test]
fn both_ends_of_a_connection_measure_the_same() {
    for server in [V4, V6] {
        let world = world(|_| {});
        world.link.line_rate(10_000_000);
        let (outcome, told) = world.tcp(&stream(server, Direction::Upload));
        let outcome = outcome.unwrap();
        let sent = outcome.sent.unwrap();
        assert!(
            (8_500_000..10_000_000).contains(&sent.bits_per_second()),
            "{sent}"
        );
        assert_eq!(told.only(Flow::Sent).transfer, sent);
        assert_eq!(world.told.only(Flow::Received).transfer.bytes, sent.bytes);
        assert_eq!((outcome.received, outcome.server), (None, None));
        assert_eq!(world.server.counters().sessions, 1);
    }
}

#[test]
fn what_is_sent_is_not_copied() {
    let world = world(|_| {});
    world.link.delay(ms(20));
    let (told, stack) = (Told::default(), world.client.stack());
    let plan = stream(V4, Direction::Upload);
    let observer = told.observer();
    let task = world
        .net
        .spawn(async move { zonda::proto::zperf::tcp(stack, &plan, &observer).await });
    let mut most = 0;
    for _ in 0..500 {
        world.net.run_for(ms(2));
        most = most.max(world.client.pool().stats().blocks_used);
    }
    world.net.run_for(secs(2));
    let sent = task.take().unwrap().unwrap().sent.unwrap();
    // A window of 16 KB is on its way, which would be 32 blocks.
    assert!(sent.bytes > 100_000, "{sent}");
    assert!(most <= 4, "{most}");
}

#[test]
fn server_sends_by_the_connection_that_it_is_asked_by() {
    for server in [V4, V6] {
        let world = world(|config| config.interval = Some(ms(200)));
        world.link.line_rate(10_000_000);
        let (outcome, _) = world.tcp(&stream(server, Direction::Download));
        let received = outcome.unwrap().received.unwrap();
        assert!((8_500_000..10_000_000).contains(&received.bits_per_second()));
        world.net.run_for(secs(1));
        assert_eq!(world.told.only(Flow::Sent).transfer.bytes, received.bytes);
        assert!(world.told.intervals(Flow::Sent).len() >= 4);
    }
}

#[test]
fn both_directions_go_by_one_connection_or_by_two() {
    for direction in [Direction::FullDuplex, Direction::Dual, Direction::TradeOff] {
        for server in [V4, V6] {
            let world = world(|_| {});
            world.link.line_rate(10_000_000);
            let (outcome, told) = world.tcp(&stream(server, direction));
            let outcome = outcome.unwrap();
            world.net.run_for(secs(1));
            let (sent, received) = (outcome.sent.unwrap(), outcome.received.unwrap());
            assert!(
                sent.bits_per_second() > 6_000_000,
                "{direction:?} {outcome}"
            );
            assert!(
                received.bits_per_second() > 6_000_000,
                "{direction:?} {outcome}"
            );
            assert_eq!(world.told.only(Flow::Received).transfer.bytes, sent.bytes);
            assert_eq!(world.told.only(Flow::Sent).transfer.bytes, received.bytes);
            assert_eq!(told.ends().len(), 2);
        }
    }
}

#[test]
fn rate_and_amount_hold_for_a_connection() {
    let world = world(|_| {});
    let plan = Test {
        rate: Some(2_000_000),
        amount: Amount::Bytes(500_000),
        ..stream(V4, Direction::Upload)
    };
    let (outcome, _) = world.tcp(&plan);
    let sent = outcome.unwrap().sent.unwrap();
    assert_eq!(sent.bytes, 500_000);
    assert!(
        (1_990_000..2_020_000).contains(&sent.bits_per_second()),
        "{sent}"
    );
    assert_eq!(world.told.only(Flow::Received).transfer.bytes, 500_000);
}

#[test]
fn connections_at_once_are_served_at_once() {
    let world = world(|_| {});
    world.link.line_rate(10_000_000);
    let tasks: Vec<_> = [world.client, world.other, world.client]
        .into_iter()
        .map(|host| {
            let plan = stream(V4, Direction::Upload);
            let stack = host.stack();
            world
                .net
                .spawn(async move { zonda::proto::zperf::tcp(stack, &plan, &|_| {}).await })
        })
        .collect();
    world.net.run_for(secs(4));
    let ends = world.told.ends();
    assert_eq!(ends.len(), 3);
    for task in tasks {
        let sent = task.take().unwrap().unwrap().sent.unwrap();
        assert!(sent.bytes > 100_000, "{sent}");
        assert!(
            ends.iter()
                .any(|report| report.transfer.bytes == sent.bytes)
        );
    }
}

#[test]
fn server_that_may_not_send_does_not() {
    let world = world(|config| config.sends = false);
    let (outcome, _) = world.tcp(&stream(V4, Direction::Download));
    assert!(outcome.is_err(), "{outcome:?}");
    let plan = Test {
        amount: Amount::Time(secs(1)),
        ..stream(V4, Direction::FullDuplex)
    };
    let (outcome, told) = world.tcp(&plan);
    assert_eq!(outcome, Err(ZperfError::Silent));
    assert!(
        told.ends()
            .iter()
            .any(|report| report.transfer.bytes > 10_000)
    );
    assert_eq!(world.server.counters().refused, 2);
}

#[test]
fn nobody_listens_is_an_error() {
    let world = world(|_| {});
    let (outcome, _) = world.tcp(&stream("10.0.0.2:5001", Direction::Upload));
    assert!(
        matches!(outcome, Err(ZperfError::Connect(_))),
        "{outcome:?}"
    );
}

/// Connects, sends this, and says what comes back until the end.
fn exchange(world: &World, data: &[u8]) -> (Result<Vec<u8>, TcpError>, Duration) {
    let begun = world.net.now();
    let stack = world.client.stack();
    let answer = world.net.block_on(async {
        let mut socket = TcpSocket::connect(stack, at(V4)).await.unwrap();
        if !data.is_empty() {
            socket.write_all(data).await?;
        }
        let mut answer = Vec::new();
        loop {
            let mut part = [0; 64];
            match socket.read(&mut part).await? {
                0 => return Ok(answer),
                length => answer.extend(&part[..length]),
            }
        }
    });
    (answer, world.net.now().since(begun))
}

fn request(flags: Flags, tests: Tests) -> Vec<u8> {
    let wanted = Wanted {
        flags,
        tests,
        port: 6001,
        write_length: 0,
        amount: Amount::Time(secs(1)),
        traffic_class: 0,
        rate: 0,
    };
    wanted.request(0).to_vec()
}

#[test]
fn client_that_says_nothing_is_reset_after_four_seconds() {
    let world = world(|_| {});
    for (data, malformed) in [
        (&b""[..], 1),
        (&b"\xc0\x01"[..], 2),
        (&b"\xc0\x01\0\x78"[..], 3),
    ] {
        let (answer, took) = exchange(&world, data);
        assert_eq!(answer, Err(TcpError::Reset));
        assert!(is_about(took, secs(4)), "{took}");
        assert_eq!(world.server.counters().malformed, malformed);
    }
    assert!(world.told.ends().is_empty());
}

#[test]
fn client_that_falls_silent_is_given_up() {
    let world = world(|_| {});
    let (answer, took) = exchange(&world, b"0123456789");
    assert_eq!(answer, Err(TcpError::Reset));
    assert!(is_about(took, secs(10)), "{took}");
    let [end] = world.told.ends().try_into().unwrap();
    assert_eq!((end.end, end.transfer.bytes), (Some(End::Silent), 10));
}

#[test]
fn client_is_told_that_its_request_has_come() {
    let world = world(|_| {});
    // It falls silent, and so is reset behind that.
    let stack = world.client.stack();
    for (flags, tests, length) in [
        (Flags::empty(), Tests::empty(), 28),
        (Flags::VERSION2 | Flags::PEER_DETECT, Tests::empty(), 28),
        (Flags::empty(), Tests::TRIP_TIMES, 52),
    ] {
        let answer = world.net.block_on(async {
            let mut socket = TcpSocket::connect(stack, at(V4)).await.unwrap();
            let mut request = request(flags, tests);
            request.extend([0; 20]);
            socket.write_all(&request).await.unwrap();
            let mut answer = vec![0; length];
            socket.read_exact(&mut answer).await.unwrap();
            socket.shutdown();
            assert_eq!(socket.read(&mut [0]).await, Ok(0));
            answer
        });
        assert_eq!(answer[..8], [0, 0, 0, 2, 0, 0, 0, length as u8]);
    }
}

#[test]
fn tests_that_there_are_not_are_refused() {
    let world = world(|_| {});
    for (flags, refused) in [(Flags::BOUNCE_BACK, 1), (Flags::KEY, 2)] {
        let (answer, took) = exchange(&world, &request(flags, Tests::empty()));
        assert_eq!(answer, Err(TcpError::Reset));
        assert!(took < secs(1));
        assert_eq!(world.server.counters().refused, refused);
    }
}

#[test]
fn stranger_cannot_take_the_place_of_the_server() {
    let world = world(|_| {});
    world.link.line_rate(10_000_000);
    let (told, stack) = (Told::default(), world.client.stack());
    let plan = stream(V4, Direction::TradeOff);
    let observer = told.observer();
    let task = world
        .net
        .spawn(async move { zonda::proto::zperf::tcp(stack, &plan, &observer).await });
    world.net.run_for(ms(500));
    let other = world.other.stack();
    let stranger = world.net.spawn(async move {
        let mut socket = TcpSocket::connect(other, at("10.0.0.1:6001"))
            .await
            .unwrap();
        let _ = socket.write_all(b"here I am").await;
        socket.read(&mut [0]).await
    });
    world.net.run_for(secs(4));
    assert_eq!(stranger.take(), Some(Err(TcpError::Reset)));
    let received = task.take().unwrap().unwrap().received.unwrap();
    assert!(received.bytes > 500_000, "{received}");
}

#[test]
fn connection_that_is_dropped_leaves_nothing() {
    let world = world(|_| {});
    for direction in [
        Direction::Upload,
        Direction::Download,
        Direction::FullDuplex,
    ] {
        let plan = stream(V4, direction);
        let stack = world.client.stack();
        world.net.block_on(async {
            let test = zonda::proto::zperf::tcp(stack, &plan, &|_| {});
            embassy_futures::select::select(test, stack.sleep(ms(300))).await
        });
    }
    world.net.run_for(secs(30));
    let (outcome, _) = world.tcp(&stream(V4, Direction::Upload));
    let sent = outcome.unwrap().sent.unwrap();
    assert_eq!(world.told.ends().last().unwrap().transfer.bytes, sent.bytes);
}
