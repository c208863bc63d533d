//! What may wait, and who waits for it.

use zonda::iface::ReceiveDrop;
use zonda::netbuf::Purpose;
use zonda::socket::SendError;

use super::*;

#[test]
fn quota_bounds_what_waits_and_counts_the_rest() {
    let a = acquainted();
    let (small, bytes) = (a.host.udp("[::]:7000"), a.host.udp("[::]:7001"));
    small.set_quota(u32::MAX, 3);
    bytes.set_quota(25, 100);
    for n in 0..10 {
        a.peer.send(a.datagram(0, (1, 7000), &[n; 10]));
        a.peer.send(a.datagram(0, (1, 7001), &[n; 10]));
    }
    a.net.run_for(ms(1));
    assert_eq!((small.dropped(), bytes.dropped()), (7, 8));
    assert_eq!(
        a.host.counters(a.link).receive_drops(ReceiveDrop::UdpQuota),
        15
    );
    assert_eq!((received(&small).len(), received(&bytes).len()), (3, 2));
    a.peer.send(a.datagram(0, (1, 7000), b"room again"));
    a.net.run_for(ms(1));
    assert_eq!(received(&small).len(), 1);
}

#[test]
fn socket_that_nobody_reads_does_not_stop_another() {
    let a = acquainted();
    let slow: Vec<_> = (0..4)
        .map(|n| a.host.udp(&format!("[::]:{}", 7000 + n)))
        .collect();
    let reader = a.host.udp("[::]:8000");
    for _ in 0..200 {
        for n in 0..4 {
            a.peer.send(a.datagram(0, (1, 7000 + n), &[0; 400]));
        }
        a.net.run_for(us(100));
    }
    let limits = a.host.pool().limits();
    assert!(a.host.pool().stats().held <= limits.held);
    a.serves();
    // What may be held is held: the reader gets nothing until somebody lets go.
    drop(slow);
    a.ask(a.datagram(0, (1, 8000), b"now"));
    assert_eq!(received(&reader), [b"now"]);
}

/// A datagram of the application's own memory goes out without a copy, and comes back on an error.
#[test]
fn buffer_that_cannot_be_sent_comes_back() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let pool = a.host.pool();
    let buf = pool.from_static(b"from flash").unwrap();
    let (buf, error) = socket.try_send(buf, None).unwrap_err();
    assert_eq!(error, SendError::NoDestination);
    assert!(buf.equals(b"from flash"));
    let blocks = pool.stats().blocks_used;
    socket.try_send(buf, Some((PEER4, 9).into())).unwrap();
    assert_eq!(pool.stats().blocks_used, blocks, "no data block was needed");
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].ip().unwrap().udp().unwrap().2, b"from flash");
    a.link.down();
    a.net.run_for(ms(1));
    let mut buf = pool.alloc(Purpose::Send, 100).unwrap();
    buf.append(b"kept").unwrap();
    let (buf, _) = socket.try_send(buf, Some((PEER4, 9).into())).unwrap_err();
    assert!(buf.equals(b"kept"));
}

#[test]
fn host_talks_to_itself() {
    let (net, a, _, _) = two();
    let (client, server) = (a.udp("[::]:0"), a.udp("[::]:7"));
    for to in ["10.0.0.1:7", "[fd00::1]:7"] {
        client.try_send_to(b"me", Some(addr(to))).unwrap();
        net.run_for(ms(1));
        let (data, info) = server.try_recv().unwrap();
        server.try_send(data, Some(info.source)).unwrap();
        net.run_for(ms(1));
        assert_eq!(received(&client), [b"me"]);
        let ping = a.ping();
        net.block_on(ping.ping(addr(to).ip(), 1, b"me", secs(1)))
            .unwrap();
    }
}

#[test]
fn receive_that_is_given_up_loses_nothing() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let mut buf = [0; 10];
    for _ in 0..5 {
        let stack = a.stack();
        let timed_out = a.net.block_on(async {
            let sleep = std::pin::pin!(stack.sleep(ms(1)));
            let receive = std::pin::pin!(socket.recv_from(&mut buf));
            matches!(
                embassy_futures::select::select(receive, sleep).await,
                embassy_futures::select::Either::Second(())
            )
        });
        assert!(timed_out);
    }
    for n in 0..5 {
        a.peer.send(a.datagram(1, (1, 7000), &[n]));
    }
    a.net.run_for(ms(1));
    assert_eq!(received(&socket).len(), 5);
}

#[test]
fn two_tasks_wait_for_one_socket() {
    let a = acquainted();
    let socket = std::rc::Rc::new(a.host.udp("[::]:7000"));
    let tasks = [0, 1].map(|_| {
        let socket = socket.clone();
        a.net.spawn(async move { socket.recv().await.is_ok() })
    });
    a.net.run_for(ms(1));
    for _ in 0..2 {
        a.ask(a.datagram(0, (1, 7000), b"x"));
    }
    assert!(tasks.iter().all(|task| task.take() == Some(true)));
}

#[test]
fn sending_waits_for_a_link_that_is_down() {
    let a = acquainted();
    a.link.down();
    a.net.run_for(ms(1));
    let socket = a.host.udp("[::]:7000");
    assert_eq!(
        socket.try_send_to(b"x", Some((PEER4, 9).into())),
        Err(SendError::QueueFull)
    );
    let task = a
        .net
        .spawn(async move { socket.send_to(b"at last", (PEER4, 9).into()).await });
    a.net.run_for(secs(5));
    assert!(!task.is_done());
    a.link.up();
    a.net.run_for(ms(1));
    assert_eq!(task.take(), Some(Ok(())));
    a.sent();
    assert_eq!(
        a.ask(a.reply())[0].ip().unwrap().udp().unwrap().2,
        b"at last"
    );
}
