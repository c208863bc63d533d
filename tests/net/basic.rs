//! The network itself: the same run for one seed, faults that do what they say.

use crate::network::*;

fn two(net: &Network) -> (Host, Host, Link) {
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]).delay(ms(5));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    (a, b, link)
}

#[test]
fn datagrams_pass_both_ways() {
    let net = Network::new(1);
    let (a, b, _) = two(&net);
    let server = b.udp("0.0.0.0:7");
    net.spawn(async move {
        loop {
            let (data, info) = server.recv().await.unwrap();
            server.try_send(data, Some(info.source)).unwrap();
        }
    });
    let client = a.udp("0.0.0.0:0");
    for to in ["10.0.0.2:7", "[fd00::2]:7"] {
        let before = net.now();
        client
            .try_send_to(b"hello", Some(to.parse().unwrap()))
            .unwrap();
        let mut buf = [0; 10];
        let (length, info) = net.block_on(client.recv_from(&mut buf)).unwrap();
        assert_eq!(&buf[..length], b"hello");
        assert_eq!(info.source, to.parse().unwrap());
        // Resolving took a round trip, the datagram another; the answer knew its neighbour.
        assert_eq!(net.now().since(before), ms(20));
    }
}

/// A busy network with all faults, and what its links carried.
fn eventful(seed: u64) -> (Vec<u8>, LinkStats) {
    let net = Network::new(seed);
    let (a, b, link) = two(&net);
    link.capture()
        .jitter(ms(3))
        .loss(0.1)
        .duplication(0.1)
        .reordering(0.1, ms(7))
        .corruption(0.1)
        .rate(1_000_000, 4_000);
    let server = b.udp("[::]:7");
    net.spawn(async move {
        loop {
            if let Ok((data, info)) = server.recv().await {
                let _ = server.try_send(data, Some(info.source));
            }
        }
    });
    let client = a.udp("[::]:0");
    let stack = a.stack();
    let sender = net.spawn(async move {
        for n in 0..300usize {
            let to = ["10.0.0.2:7", "[fd00::2]:7"][n % 2].parse().unwrap();
            let _ = client.try_send_to(&vec![n as u8; n * 4], Some(to));
            stack.sleep(ms(n as u64 % 13)).await;
            while client.try_recv().is_some() {}
        }
    });
    net.run_for(secs(60));
    assert!(sender.is_done());
    (link.captured(), link.stats())
}

#[test]
fn one_seed_gives_the_same_run_bit_for_bit() {
    let (first, stats) = eventful(7);
    assert!(first.len() > 100_000);
    for count in [
        stats.lost,
        stats.duplicated,
        stats.reordered,
        stats.corrupted,
        stats.queue_full,
    ] {
        assert!(count > 0, "{stats:?}");
    }
    assert_eq!(eventful(7), (first.clone(), stats));
    if std::env::var_os("ZONDA_SEED").is_none() {
        assert_ne!(eventful(8).0, first);
    }
}

/// So many frames of so many bytes from one peer to another, and what became of them.
fn send_many(
    count: usize,
    length: usize,
    shape: impl Fn(Link) -> Link,
) -> (Vec<(u64, u8)>, LinkStats) {
    let net = Network::new(3);
    let (a, b) = (net.peer("a"), net.peer("b"));
    let link = shape(net.link([a, b]).delay(ms(10)));
    for n in 0..count {
        a.send(vec![n as u8; length]);
        net.run_for(ms(1));
    }
    net.run_for(secs(10));
    let received = b.take_timed().into_iter();
    let received = received
        .map(|(at, frame)| (at.as_micros(), frame[0]))
        .collect();
    (received, link.stats())
}

#[test]
fn perfect_link_only_delays() {
    let (received, stats) = send_many(100, 60, |link| link);
    let expected: Vec<_> = (0..100).map(|n| (n * 1000 + 10_000, n as u8)).collect();
    assert_eq!(received, expected);
    assert_eq!((stats.sent, stats.arrived, stats.bytes), (100, 100, 6_000));
}

#[test]
fn faults_come_as_often_as_they_should() {
    let near = |count: u64, expected: u64| count.abs_diff(expected) < expected / 4;
    let (received, stats) = send_many(2000, 60, |link| link.loss(0.2));
    assert!(near(stats.lost, 400) && received.len() as u64 == 2000 - stats.lost);
    let (received, stats) = send_many(2000, 60, |link| link.duplication(0.2));
    assert!(near(stats.duplicated, 400) && received.len() as u64 == 2000 + stats.duplicated);
    let (received, stats) = send_many(2000, 60, |link| link.reordering(0.1, ms(5)));
    assert!(near(stats.reordered, 200) && received.len() == 2000);
    let overtaken = received
        .windows(2)
        .filter(|pair| pair[1].1.wrapping_sub(pair[0].1) > 128);
    assert!(overtaken.count() > 100);
    let (received, _) = send_many(500, 60, |link| link.jitter(ms(20)));
    assert!(
        received
            .windows(2)
            .all(|pair| pair[1].1 == pair[0].1.wrapping_add(1))
    );
    let late = |n: usize| received[n].0 - (n as u64 * 1000 + 10_000);
    assert!((0..500).any(|n| late(n) > 10_000) && (0..500).all(|n| late(n) <= 40_000));
    let (_, stats) = send_many(2000, 60, |link| link.corruption(0.3));
    assert!(near(stats.corrupted, 600));
    let (received, stats) = send_many(10, 1600, |link| link);
    assert_eq!((received.len(), stats.too_long), (0, 10));
}

#[test]
fn rate_spaces_frames_and_its_queue_overflows() {
    // 1,000 bytes at 1 Mbit/s take 8 ms; 10 kB may wait.
    let (received, stats) = send_many(100, 1000, |link| link.rate(1_000_000, 10_000));
    assert!(
        received
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 == 8_000)
    );
    assert_eq!(received.len() as u64 + stats.queue_full, 100);
    assert!((20..30).contains(&received.len()), "{}", received.len());
}

#[test]
fn faults_hold_for_one_direction_if_so_wanted() {
    let net = Network::new(3);
    let (a, b) = (net.peer("a"), net.peer("b"));
    let link = net.link([a, b]);
    link.from(a).loss(1.0);
    a.send([0; 60]);
    b.send([0; 60]);
    net.run_for(ms(1));
    assert_eq!((a.take().len(), b.take().len()), (1, 0));
    assert_eq!(
        (link.from(a).stats().lost, link.from(b).stats().lost),
        (1, 0)
    );
    link.down();
    b.send([0; 60]);
    link.up();
    b.send([0; 60]);
    // On its way when the link goes down.
    link.down().up();
    net.run_for(ms(1));
    assert!(a.take().is_empty());
}

#[test]
fn hub_carries_to_all_others() {
    let net = Network::new(3);
    let peers: Vec<_> = (0..4).map(|n| net.peer(&format!("p{n}"))).collect();
    net.link(&peers[..]);
    peers[2].send([1; 60]);
    net.run_for(ms(1));
    let counts: Vec<_> = peers.iter().map(|peer| peer.take().len()).collect();
    assert_eq!(counts, [1, 1, 0, 1]);
}

#[test]
#[should_panic(expected = "still has blocks in use")]
fn block_that_is_left_is_noticed() {
    let net = Network::new(3);
    let host = net.host("host");
    std::mem::forget(host.pool().alloc(zonda::netbuf::Purpose::Send, 0));
}

#[test]
#[should_panic(expected = "does not come")]
fn wait_for_what_does_not_come_ends() {
    let net = Network::new(3);
    net.block_on(std::future::pending::<()>());
}

/// A capture begins with the header of the format, and each packet is where it should be.
#[test]
fn capture_is_a_pcap_file() {
    let net = Network::new(3);
    let (a, b) = (net.peer("a"), net.peer("b"));
    let link = net.link([a, b]).capture();
    net.run_for(ms(1_500));
    a.send([7; 60]);
    net.run_for(ms(1));
    let file = link.captured();
    assert_eq!(file.len(), 24 + 16 + 60);
    assert_eq!(&file[..4], &0xa1b2_3c4du32.to_le_bytes());
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!([24, 28, 32, 36].map(word), [1, 500_000_000, 60, 60]);
    assert_eq!(&file[40..], [7; 60]);
}
