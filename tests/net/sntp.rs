//! The client and the server of SNTP.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use zonda::proto::sntp::{
    Leap, NtpTimestamp, Sample, SntpClient, SntpConfig, SntpError, SntpServer, UnixTime, WallClock,
    WallTime,
};
use zonda::socket::UdpSocket;
use zonda::time::{Duration, Instant};

use crate::network::*;

const EPOCH: i64 = 1_900_000_000;

/// What a scripted server says to a request.
type Script = Rc<dyn Fn(&[u8], Instant) -> Vec<Vec<u8>>>;

struct World {
    net: Network,
    client: Host,
    servers: [Host; 2],
    /// When which server was asked.
    asked: Rc<RefCell<Vec<(u64, usize)>>>,
}

fn world() -> World {
    let net = Network::new(9);
    let client = net.host("client");
    let servers = [net.host("one"), net.host("two")];
    let link = net.link([client, servers[0], servers[1]]).delay(ms(5));
    client.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    for (host, last) in servers.into_iter().zip(2..) {
        host.add(link, &format!("10.0.0.{last}/24"));
        host.add(link, &format!("fd00::{last}/64"));
    }
    net.settle();
    World {
        net,
        client,
        servers,
        asked: Rc::default(),
    }
}

/// A reply as of a good server, which has the time of the network's clock.
fn good(request: &[u8], now: Instant) -> Vec<u8> {
    assert_eq!(request.len(), 48);
    assert_eq!(request[0], 0x23);
    assert_eq!(request[1..40], [0; 39]);
    let time = UnixTime::new(EPOCH, 0).plus(now.since(Instant::ZERO));
    let time = NtpTimestamp::from_unix(time).0.to_be_bytes();
    let mut reply = vec![0x24, 2, 0, 0xec, 0, 0, 0, 1, 0, 0, 0, 1, 10, 0, 0, 9];
    reply.extend(time);
    reply.extend(&request[40..48]);
    reply.extend(time);
    reply.extend(time);
    reply
}

impl World {
    fn serve(&self, which: usize, script: impl Fn(&[u8], Instant) -> Vec<Vec<u8>> + 'static) {
        let script: Script = Rc::new(script);
        let host = self.servers[which];
        let (asked, stack) = (self.asked.clone(), host.stack());
        let socket: UdpSocket<'static> = host.udp("[::]:123");
        let _task = self.net.spawn(async move {
            loop {
                let mut request = [0; 128];
                let (length, info) = socket.recv_from(&mut request).await.unwrap();
                let now = stack.now();
                asked.borrow_mut().push((now.as_millis() / 1000, which));
                for reply in script(&request[..length], now) {
                    socket.reply_to(&reply, &info).await.unwrap();
                }
            }
        });
    }

    fn client(&self, config: SntpConfig) -> Rc<SntpClient<'static, 'static>> {
        Rc::new(SntpClient::new(self.client.stack(), config))
    }

    fn run(&self, client: &Rc<SntpClient<'static, 'static>>) {
        let client = client.clone();
        let _task = self.net.spawn(async move { client.run().await });
    }

    fn query(&self, to: &str) -> (Result<Sample, SntpError>, Rc<SntpClient<'static, 'static>>) {
        let client = self.client(SntpConfig::default());
        let to: SocketAddr = to.parse().unwrap();
        (self.net.block_on(client.query(to)), client)
    }
}

#[test]
fn time_of_a_server_is_kept_from_then_on() {
    for server in ["10.0.0.2:123", "[fd00::2]:123"] {
        let world = world();
        world.serve(0, |request, now| vec![good(request, now)]);
        // The neighbour is known.
        let _ = world.query(server);
        let (sample, client) = world.query(server);
        let sample = sample.unwrap();
        assert_eq!(
            (sample.stratum, sample.leap, sample.offset),
            (2, Leap::None, None)
        );
        assert!((10_000..11_000).contains(&sample.delay.as_micros()));
        world.net.run_for(secs(1000));
        let real = UnixTime::new(EPOCH, 0).plus(world.net.now().since(Instant::ZERO));
        let error = client.now().unwrap().micros_since(real);
        assert!(error.abs() < 1000, "{error} µs");
        assert_eq!(client.counters().samples, 1);
    }
}

#[test]
fn offset_is_what_the_clock_was_behind() {
    let world = world();
    let ahead = Rc::new(Cell::new(secs(0)));
    let by = ahead.clone();
    world.serve(0, move |request, now| vec![good(request, now + by.get())]);
    let (_, client) = world.query("10.0.0.2:123");
    ahead.set(secs(2));
    let sample = world
        .net
        .block_on(client.query("10.0.0.2:123".parse().unwrap()));
    let offset = sample.unwrap().offset.unwrap();
    assert!((1_990_000..2_010_000).contains(&offset), "{offset}");
}

#[test]
fn requests_differ_in_their_transmit_time_and_port() {
    let world = world();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    world.serve(0, move |request, now| {
        log.borrow_mut().push(request[40..48].to_vec());
        vec![good(request, now)]
    });
    for _ in 0..8 {
        let _ = world.query("10.0.0.2:123").0.unwrap();
    }
    let mut seen = seen.borrow().clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}

#[test]
fn answers_to_other_requests_are_passed_over_and_the_right_one_is_heard() {
    let world = world();
    world.serve(0, |request, now| {
        let right = good(request, now);
        let mut wrong = right.clone();
        wrong[31] ^= 1;
        let mut broadcast = right.clone();
        broadcast[0] = 0x25;
        let mut death = right.clone();
        death[1] = 0;
        death[24..32].fill(0);
        vec![wrong, broadcast, death, right[..47].to_vec(), vec![], right]
    });
    let (sample, client) = world.query("10.0.0.2:123");
    assert!(sample.is_ok());
    assert_eq!(client.counters().stray, 5);
}

#[test]
fn server_without_the_time_is_refused() {
    for (change, expected) in [
        ((0, 0xe4), SntpError::Unsynchronized),
        ((1, 16), SntpError::Implausible),
        ((1, 0), SntpError::Refused([10, 0, 0, 9])),
    ] {
        let world = world();
        world.serve(0, move |request, now| {
            let mut reply = good(request, now);
            reply[change.0] = change.1;
            vec![reply]
        });
        let (sample, client) = world.query("10.0.0.2:123");
        assert_eq!(sample, Err(expected));
        assert_eq!((client.now(), client.counters().refusals), (None, 1));
    }
}

#[test]
fn server_that_is_not_there_is_told_of() {
    let world = world();
    // Nobody listens.
    let (refused, _) = world.query("10.0.0.2:123");
    assert!(
        matches!(refused, Err(SntpError::Unreachable(_))),
        "{refused:?}"
    );
    world.serve(1, |_, _| vec![]);
    let before = world.net.now();
    let (silent, client) = world.query("10.0.0.3:123");
    assert_eq!(silent, Err(SntpError::Timeout));
    assert_eq!(world.net.now().since(before).as_secs(), 3);
    assert_eq!(client.counters().timeouts, 1);
}

#[test]
fn silent_server_is_asked_more_and_more_seldom_and_the_other_in_turn() {
    let world = world();
    world.serve(0, |_, _| vec![]);
    world.serve(1, |_, _| vec![]);
    let client = world.client(SntpConfig {
        timeout: secs(1),
        ..SntpConfig::default()
    });
    let servers = ["10.0.0.2", "10.0.0.3"].map(|at| at.parse().unwrap());
    assert_eq!(client.set_servers(&servers), 2);
    world.run(&client);
    world.net.run_for(secs(4000));
    let asked = world.asked.borrow().clone();
    let turns: Vec<_> = asked.iter().map(|(_, server)| *server).collect();
    assert_eq!(turns, [0, 1, 0, 1, 0, 1, 0, 1, 0][..turns.len()]);
    assert!((8..=9).contains(&turns.len()), "{asked:?}");
    for (two, n) in asked.windows(2).zip(0..) {
        let (wait, least) = (two[1].0 - two[0].0, 15 << n);
        assert!((least..least + least / 16 + 3).contains(&wait), "{asked:?}");
    }
}

#[test]
fn kiss_of_death_ends_requests_to_that_server() {
    let world = world();
    world.serve(0, |request, now| {
        let mut reply = good(request, now);
        reply[1] = 0;
        reply[12..16].copy_from_slice(b"DENY");
        vec![reply]
    });
    world.serve(1, |request, now| vec![good(request, now)]);
    let client = world.client(SntpConfig {
        interval: secs(100),
        ..SntpConfig::default()
    });
    client.set_servers(&["10.0.0.2", "10.0.0.3"].map(|at| at.parse().unwrap()));
    world.run(&client);
    world.net.run_for(secs(1000));
    let asked = world.asked.borrow();
    assert_eq!(asked.iter().filter(|(_, server)| *server == 0).count(), 1);
    assert!((9..=11).contains(&asked.len()), "{asked:?}");
    assert!(client.now().is_some());
}

#[test]
fn server_that_is_asked_too_often_is_asked_half_as_often() {
    let world = world();
    let answers = Cell::new(0);
    world.serve(0, move |request, now| {
        answers.set(answers.get() + 1);
        let mut reply = good(request, now);
        if answers.get() == 1 {
            reply[1] = 0;
            reply[12..16].copy_from_slice(b"RATE");
        }
        vec![reply]
    });
    let client = world.client(SntpConfig {
        interval: secs(100),
        ..SntpConfig::default()
    });
    client.set_servers(&["10.0.0.2".parse().unwrap()]);
    world.run(&client);
    world.net.run_for(secs(1000));
    let asked = world.asked.borrow().clone();
    let waits: Vec<_> = asked.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(
        waits[1..].iter().all(|wait| (200..=214).contains(wait)),
        "{waits:?}"
    );
}

#[test]
fn tasks_wait_for_the_time_and_new_servers_are_asked_at_once() {
    let world = world();
    world.serve(1, |request, now| vec![good(request, now)]);
    let client = world.client(SntpConfig::default());
    let waits = client.clone();
    let task = world.net.spawn(async move { waits.synchronized().await });
    // There is nobody to be asked yet.
    world.run(&client);
    world.net.run_for(secs(100));
    assert!(!task.is_done());
    client.set_servers(&["10.0.0.2".parse().unwrap()]);
    world.net.run_for(secs(200));
    assert!(!task.is_done());
    client.set_servers(&["fd00::3".parse().unwrap()]);
    world.net.run_for(secs(1));
    assert!(task.is_done());
    let updated = client.clone();
    let next = world.net.spawn(async move { updated.updated().await });
    world.net.run_for(secs(3900));
    assert!(next.take().unwrap().offset.unwrap().abs() < 10_000);
}

#[cfg(feature = "dns")]
#[test]
fn server_is_found_by_its_name() {
    use zonda::proto::dns::Resolver;

    let world = world();
    world.serve(0, |request, now| vec![good(request, now)]);
    let stack = world.client.stack();
    let resolver: &'static Resolver<'static> = Box::leak(Box::new(Resolver::new(stack)));
    resolver.add_server("10.0.0.3:53".parse().unwrap());
    let names = world.servers[1].udp("0.0.0.0:53");
    // It knows one IPv4 address of every name.
    let _task = world.net.spawn(async move {
        loop {
            let mut query = [0; 128];
            let (length, info) = names.recv_from(&mut query).await.unwrap();
            let question = query[12..length]
                .windows(2)
                .position(|w| w == [0, 0])
                .unwrap();
            let end = 12 + question + 5;
            let is_ipv4 = query[end - 3] == 1;
            let mut reply = query[..end].to_vec();
            reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, is_ipv4 as u8, 0, 0, 0, 0]);
            if is_ipv4 {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 2]);
            }
            names.reply_to(&reply, &info).await.unwrap();
        }
    });
    let client = SntpClient::new(stack, SntpConfig::default()).with_resolver(resolver);
    assert!(client.add_server_name("time.example"));
    let client = Rc::new(client);
    world.run(&client);
    let waits = client.clone();
    world
        .net
        .block_on(async move { waits.synchronized().await });
    assert_eq!(client.counters().requests, 1);
}

#[test]
fn first_request_waits_for_some_minutes_where_that_is_wished() {
    let world = world();
    world.serve(0, |request, now| vec![good(request, now)]);
    let client = world.client(SntpConfig {
        desynchronize: true,
        ..SntpConfig::default()
    });
    client.set_servers(&["10.0.0.2".parse().unwrap()]);
    world.run(&client);
    world.net.run_for(secs(301));
    let asked = world.asked.borrow();
    assert!(matches!(asked[..], [(60..=300, 0)]), "{asked:?}");
}

/// A clock that can be stopped.
struct Clock(Cell<bool>, zonda::stack::Stack<'static>);

impl WallClock for Clock {
    fn read(&self) -> Option<WallTime> {
        let since: Duration = self.1.now().since(Instant::ZERO);
        self.0.get().then(|| WallTime {
            now: UnixTime::new(EPOCH, 0).plus(since),
            set: UnixTime::new(EPOCH, 0),
            stratum: 1,
            reference: *b"GPS\0",
            leap: Leap::None,
        })
    }
}

#[test]
fn server_tells_the_time_of_its_clock_and_that_it_has_none() {
    let world = world();
    let clock = Rc::new(Clock(Cell::new(false), world.servers[0].stack()));
    let server = clock.clone();
    let _task = world.net.spawn(async move {
        SntpServer::new(server.1, &*server).run().await.unwrap();
    });
    world.net.settle();
    let (unknown, _) = world.query("10.0.0.2:123");
    assert_eq!(unknown, Err(SntpError::Refused(*b"INIT")));
    clock.0.set(true);
    let (sample, client) = world.query("[fd00::2]:123");
    assert_eq!(sample.unwrap().stratum, 1);
    // The client tells the time to others.
    let read = WallClock::read(&*client).unwrap();
    assert_eq!((read.stratum, read.leap), (2, Leap::None));
}

#[test]
fn server_answers_older_versions_and_nothing_that_is_no_request() {
    let world = world();
    let clock = Clock(Cell::new(true), world.servers[0].stack());
    let server = Rc::new(clock);
    let running = server.clone();
    let counters = Rc::new(Cell::new(None));
    let said = counters.clone();
    let _task = world.net.spawn(async move {
        let server = SntpServer::new(running.1, &*running);
        embassy_futures::select::select(server.run(), async {
            running.1.sleep(secs(10)).await;
            said.set(Some(server.counters()));
        })
        .await;
    });
    world.net.settle();
    let socket = world.client.udp("0.0.0.0:0");
    let to = Some("10.0.0.2:123".parse().unwrap());
    let ask = |first: u8, length: usize| {
        let mut request = vec![7; length];
        request[0] = first;
        socket.try_send_to(&request, to).unwrap();
        world.net.run_for(ms(100));
        socket.try_recv().map(|(reply, _)| {
            let mut bytes = [0; 48];
            assert_eq!(reply.read(0, &mut bytes), 48);
            bytes
        })
    };
    // Version 1 to 4 of clients, and symmetric peers; what a request has at its end is passed over.
    for (asked, answered) in [(0x0b, 0x0c), (0x1b, 0x1c), (0x23, 0x24), (0x21, 0x22)] {
        let reply = ask(asked, if asked == 0x23 { 68 } else { 48 }).unwrap();
        assert_eq!((reply[0], reply[1], reply[2]), (answered, 1, 7));
        assert_eq!(reply[24..32], [7; 8]);
        assert_eq!(reply[32..40], reply[40..48]);
    }
    // Version 0, 5 and 7; a reply, a broadcast, a control message; too short.
    for first in [0x03, 0x2b, 0x3b, 0x24, 0x25, 0x26] {
        assert!(ask(first, 48).is_none(), "{first:#x}");
    }
    assert!(ask(0x23, 47).is_none());
    world.net.run_for(secs(10));
    let counters = counters.take().unwrap();
    assert_eq!((counters.answered, counters.malformed), (4, 7));
}
