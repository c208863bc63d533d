//! What the server makes of datagrams, sent by sockets.

use zonda::proto::zperf::message::{
    Flags, NUMBER_LENGTH, REPORT_LENGTH, Summary, Tests, Wanted, numbered,
};
use zonda::proto::zperf::{End, Flow};
use zonda::socket::UdpSocket;

use super::*;

/// A client whose datagrams the test makes.
struct Script {
    socket: UdpSocket<'static>,
    wide: bool,
}

impl World {
    fn script(&self, host: Host) -> Script {
        let socket = host.udp("[::]:0");
        socket.connect(at(V4)).unwrap();
        Script { socket, wide: true }
    }
}

fn wanted() -> Wanted {
    Wanted {
        flags: Flags::WIDE,
        tests: Tests::empty(),
        port: 6001,
        write_length: 200,
        amount: zonda::proto::zperf::Amount::Time(secs(1)),
        traffic_class: 0,
        rate: 1_000_000,
    }
}

impl Script {
    fn send(&self, number: i64) {
        let mut datagram = vec![0; 200];
        datagram[..16].copy_from_slice(&numbered(number, ms(0)));
        if self.wide {
            datagram[16..76].copy_from_slice(&wanted().request(NUMBER_LENGTH));
        }
        self.socket.try_send_to(&datagram, None).unwrap();
    }

    fn ask(&self, wanted: Wanted) {
        let datagram = [
            &numbered(1, ms(0))[..],
            &wanted.request(NUMBER_LENGTH)[..],
            &[0; 60],
        ];
        self.socket.try_send_to(&datagram.concat(), None).unwrap();
    }

    fn reports(&self) -> Vec<Summary> {
        let mut reports = Vec::new();
        let mut report = [0; 1500];
        while let Some((length, _)) = self.socket.try_recv_from(&mut report) {
            assert_eq!(length, REPORT_LENGTH);
            reports.push(Summary::new(&report[..length]).unwrap());
        }
        reports
    }
}

#[test]
fn numbers_tell_what_is_lost_late_and_doubled() {
    let world = world(|_| {});
    let script = world.script(world.client);
    for number in [1, 2, 5, 4, 4, 9, 8, 9, -12] {
        script.send(number);
        world.net.run_for(ms(10));
    }
    let seen = world.told.only(Flow::Received).transfer;
    let datagrams = seen.datagrams.unwrap();
    assert_eq!((datagrams.sent, datagrams.lost), (12, 5));
    assert_eq!((datagrams.reordered, datagrams.duplicates), (2, 2));
    assert_eq!((seen.bytes, seen.time), (1800, ms(80)));
    let [report] = script.reports().try_into().unwrap();
    assert_eq!(
        (report.lost, report.reordered, report.datagrams),
        (5, 2, 12)
    );
    assert_eq!((report.bytes, report.time), (1800, ms(80)));
    // They came every 10 ms and say that all were sent at once.
    assert!(report.jitter > ms(3));
}

#[test]
fn old_clients_have_numbers_of_32_bits() {
    let world = world(|_| {});
    let script = Script {
        wide: false,
        ..world.script(world.client)
    };
    for number in [0, 1, 2, 3, -4] {
        // What an old client has behind 32 bits are data.
        script.send(number & 0xffff_ffff | 7 << 32);
    }
    world.net.run_for(ms(10));
    let [report] = script.reports().try_into().unwrap();
    assert_eq!((report.datagrams, report.lost, report.reordered), (4, 0, 0));
}

#[test]
fn clients_at_once_are_told_apart() {
    let world = world(|_| {});
    let scripts = [world.client, world.client, world.other].map(|host| world.script(host));
    for number in 1..=10 {
        for (place, script) in scripts.iter().enumerate() {
            if number % (place as i64 + 2) != 0 {
                script.send(number);
            }
        }
        world.net.run_for(ms(1));
    }
    for (script, lost) in scripts.iter().zip([5, 3, 2]) {
        script.send(-11);
        world.net.run_for(ms(1));
        let [report] = script.reports().try_into().unwrap();
        assert_eq!((report.lost, report.datagrams), (lost, 11));
    }
    assert_eq!(world.told.ends().len(), 3);
    assert_eq!(world.server.counters().sessions, 3);
}

#[test]
fn what_is_no_part_of_a_test_is_counted_and_dropped() {
    let world = world(|_| {});
    let script = world.script(world.client);
    for length in [0, 1, 15] {
        script.socket.try_send_to(&vec![0; length], None).unwrap();
    }
    for number in [-1, i64::MIN, -77] {
        script.send(number);
    }
    world.net.run_for(secs(1));
    let counters = world.server.counters();
    assert_eq!(
        (counters.malformed, counters.stray, counters.sessions),
        (3, 3, 0)
    );
    assert!(script.reports().is_empty());
    // Any number is counted with.
    for number in [i64::MAX, 3, i64::MIN] {
        script.send(number);
    }
    world.net.run_for(ms(10));
    let [report] = script.reports().try_into().unwrap();
    assert_eq!(report.datagrams, 1 << 63);
}

#[test]
fn clients_beyond_the_table_are_refused_until_one_is_gone() {
    let world = world(|_| {});
    let scripts: Vec<_> = (0..5).map(|_| world.script(world.client)).collect();
    for script in &scripts {
        script.send(1);
    }
    world.net.run_for(ms(10));
    let counters = world.server.counters();
    assert_eq!((counters.sessions, counters.full), (4, 1));
    // One that has ended makes room at once.
    scripts[2].send(-2);
    world.net.run_for(ms(10));
    scripts[4].send(2);
    world.net.run_for(ms(10));
    assert_eq!(world.server.counters().sessions, 5);
    // Those that are silent do after ten seconds.
    world.net.run_for(secs(11));
    let ends = world.told.ends();
    let silent = ends.iter().filter(|report| report.end == Some(End::Silent));
    assert_eq!(silent.count(), 4);
    scripts[0].send(1);
    scripts[0].send(-2);
    world.net.run_for(ms(10));
    assert_eq!(scripts[0].reports().len(), 1);
}

#[test]
fn report_is_repeated_nine_times_at_most() {
    let world = world(|_| {});
    let script = world.script(world.client);
    script.send(1);
    for number in 2..40 {
        script.send(-number);
        world.net.run_for(ms(20));
    }
    let reports = script.reports();
    assert_eq!(reports.len(), 9);
    assert!(reports.iter().all(|report| report.datagrams == 2));
    // For three seconds the end is remembered; then it is a stranger's.
    world.net.run_for(secs(4));
    script.send(-50);
    world.net.run_for(ms(20));
    assert!(script.reports().is_empty());
}

#[test]
fn client_may_begin_anew_from_the_same_port() {
    let world = world(|_| {});
    let script = world.script(world.client);
    for _ in 0..3 {
        for number in [1, 2, -3] {
            script.send(number);
        }
        world.net.run_for(ms(20));
        let [report] = script.reports().try_into().unwrap();
        assert_eq!((report.datagrams, report.lost, report.bytes), (3, 0, 600));
    }
    assert_eq!(world.told.ends().len(), 3);
}

#[test]
fn client_that_wants_no_report_gets_none() {
    let world = world(|_| {});
    let script = world.script(world.client);
    script.ask(Wanted {
        flags: Flags::WIDE | Flags::UDP_TESTS,
        tests: Tests::NO_REPORT,
        ..wanted()
    });
    script.send(-2);
    world.net.run_for(secs(1));
    assert!(script.reports().is_empty());
    assert_eq!(
        world
            .told
            .only(Flow::Received)
            .transfer
            .datagrams
            .unwrap()
            .sent,
        2
    );
}

#[test]
fn server_sends_for_no_longer_than_it_may() {
    let world = world(|config| {
        config.sends_datagrams = true;
        config.longest = ms(500);
    });
    let script = world.script(world.client);
    script.ask(Wanted {
        flags: Flags::WIDE | Flags::VERSION2,
        tests: Tests::REVERSE,
        amount: zonda::proto::zperf::Amount::Bytes(1 << 30),
        ..wanted()
    });
    world.net.run_for(secs(20));
    let sent = world.told.only(Flow::Sent).transfer;
    assert!(is_about(sent.time, ms(500)), "{sent}");
    // 625 times 200 bytes a second.
    assert_eq!(sent.datagrams.unwrap().sent, 314);
}

#[test]
fn client_that_is_gone_is_sent_nothing_more() {
    let world = world(|config| config.sends_datagrams = true);
    let script = world.script(world.client);
    script.ask(Wanted {
        flags: Flags::WIDE | Flags::VERSION2,
        tests: Tests::REVERSE,
        ..wanted()
    });
    world.net.run_for(ms(100));
    drop(script);
    world.net.run_for(ms(100));
    let ends = world.told.ends();
    assert_eq!((ends.len(), ends[0].end), (1, Some(End::Broken)));
}

#[test]
fn other_direction_that_never_comes_is_forgotten() {
    let world = world(|config| config.sends_datagrams = true);
    for _ in 0..6 {
        // It would begin when this client has ended, which it does not.
        let script = world.script(world.client);
        script.ask(Wanted {
            flags: Flags::WIDE | Flags::VERSION1,
            ..wanted()
        });
        world.net.run_for(secs(15));
    }
    assert_eq!(world.server.counters().full, 0);
    assert!(world.told.intervals(Flow::Sent).is_empty());
    assert!(
        world
            .told
            .ends()
            .iter()
            .all(|report| report.flow == Flow::Received)
    );
}
