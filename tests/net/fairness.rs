//! Nobody is starved: timers, interfaces, tasks that sleep; and virtual time is exact.

use zonda::stack::Next;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// "063": one poll that a flood makes endless; "#1584": receiving that waits for sending.
#[test]
fn defects_063_1584_a_flood_starves_neither_timers_nor_another_interface() {
    let net = Network::new(1);
    let (host, flood, other) = (net.host("host"), net.peer("flood"), net.peer("other"));
    let (one, two) = (
        net.link((host, flood)).delay(us(1)),
        net.link((host, other)).delay(us(1)),
    );
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    net.run_for(ms(1));
    let stack = host.stack();
    let ticks = net.spawn(async move {
        let start = stack.now();
        for n in 1..=100u32 {
            stack.sleep_until(start + ms(1).times(n)).await;
            assert_eq!(stack.now().since(start), ms(1).times(n));
        }
    });
    // 200,000 frames a second, each answered, to a driver that sends one in 120 µs.
    one.from(host).line_rate(10_000_000);
    let from = std::net::Ipv4Addr::new(10, 0, 0, 9);
    let request = arp(1, (flood.mac(), from), ([0; 6], HOST4));
    let ping = ethernet(
        host.mac(one),
        flood.mac(),
        IPV4,
        &echo(from.into(), HOST4.into(), false, 1, 1, &[0; 56]),
    );
    let from = std::net::Ipv4Addr::new(10, 0, 1, 9);
    let to = std::net::Ipv4Addr::new(10, 0, 1, 1);
    let quiet = ethernet(
        host.mac(two),
        other.mac(),
        IPV4,
        &echo(from.into(), to.into(), false, 1, 1, b"me too"),
    );
    let greeting = arp(1, (other.mac(), from), ([0; 6], to));
    flood.send(ethernet(BROADCAST, flood.mac(), ARP, &request));
    other.send(ethernet(BROADCAST, other.mac(), ARP, &greeting));
    net.run_for(us(10));
    other.take();
    for n in 0..20_000 {
        flood.send(&ping);
        if n % 200 == 0 {
            other.send(&quiet);
        }
        net.run_for(us(5));
    }
    net.run_for(ms(2));
    assert!(ticks.is_done());
    assert_eq!(other.take().len(), 100);
    assert!(flood.take().len() > 500);
}

/// What waits in a port takes several polls, and each serves all ports.
#[test]
fn one_poll_takes_a_bounded_batch() {
    let a = acquainted();
    let driver = a.host.driver(a.link);
    let most = zonda::config::PORT_RX_QUEUE;
    let frame = a.datagram(0, (1, 2), b"x");
    let mut taken = 0;
    loop {
        let mut buf = a
            .host
            .pool()
            .alloc(zonda::netbuf::Purpose::Receive, 2)
            .unwrap();
        buf.append(&frame).unwrap();
        if driver.deliver(buf).is_err() {
            break;
        }
        taken += 1;
    }
    assert_eq!(taken, most);
    let before = a.host.counters(a.link).received;
    assert_eq!(a.stack().poll(), Next::Now);
    assert_eq!(a.host.counters(a.link).received, before + most as u32);
    assert_ne!(a.stack().poll(), Next::Now);
}

#[test]
fn sleeps_end_exactly_and_in_order() {
    let net = Network::new(1);
    let stack = net.host("host").stack();
    let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    for n in [5u64, 3, 1, 4, 2] {
        let order = order.clone();
        net.spawn(async move {
            stack.sleep(secs(n * 1000)).await;
            assert_eq!(stack.now().as_millis(), n * 1_000_000);
            order.borrow_mut().push(n);
        });
    }
    net.run_for(secs(10_000));
    assert_eq!(*order.borrow(), [1, 2, 3, 4, 5]);
}

/// Those beyond the places stay awake, but they too sleep no longer than they wanted to.
#[test]
fn more_tasks_sleep_than_there_are_places() {
    let net = Network::new(1);
    let stack = net.host("host").stack();
    let many = 3 * zonda::config::SLEEPS as u64;
    let tasks: Vec<_> = (0..many)
        .map(|n| {
            net.spawn(async move {
                for round in 1..=3 {
                    stack
                        .sleep_until(zonda::time::Instant::from_millis(round * (100 + n)))
                        .await;
                }
                stack.now().as_millis()
            })
        })
        .collect();
    net.run_for(ms(1_000));
    for (n, task) in tasks.iter().enumerate() {
        let ended = task.take().expect("every sleep ends");
        let wanted = 3 * (100 + n as u64);
        // The virtual network lets a task that never rests have a turn once a millisecond.
        assert!(
            (wanted..=wanted + 1).contains(&ended),
            "{ended} for {wanted}"
        );
    }
}

#[test]
fn sleep_that_is_dropped_gives_its_place_back() {
    let net = Network::new(1);
    let stack = net.host("host").stack();
    for _ in 0..10 * zonda::config::SLEEPS {
        let future = async {
            let long = std::pin::pin!(stack.sleep(secs(1000)));
            let short = std::pin::pin!(stack.sleep(us(10)));
            embassy_futures::select::select(long, short).await
        };
        net.block_on(future);
    }
    assert_eq!(
        net.now().as_micros(),
        10 * 10 * zonda::config::SLEEPS as u64
    );
}

/// An idle stack costs nothing: days pass in a moment.
#[test]
fn idle_time_is_free() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    a.add(link, "10.0.0.1/24");
    b.add(link, "10.0.0.2/24");
    let ping = a.ping();
    for _ in 0..100 {
        net.run_for(secs(86_400));
        net.block_on(ping.ping("10.0.0.2".parse().unwrap(), 1, b"", secs(1)))
            .unwrap();
    }
}
