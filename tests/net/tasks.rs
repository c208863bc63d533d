//! Tasks that wait: all are woken, wakers may use the stack, what is dropped is forgotten.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use zonda::netbuf::Purpose;
use zonda::socket::SendError;
use zonda::stack::Stack;

use crate::alone::*;
use crate::network::*;

/// More tasks wait than the table has places for: each is served all the same.
#[test]
fn more_tasks_wait_than_there_are_places() {
    let a = acquainted();
    let many = zonda::config::WAITERS as u16 * 2;
    let order = Rc::new(RefCell::new(Vec::new()));
    for n in 0..many {
        let (socket, order) = (a.host.udp(&format!("[::]:{}", 7000 + n)), order.clone());
        a.net.spawn(async move {
            let (data, _) = socket.recv().await.unwrap();
            assert!(data.equals(&n.to_be_bytes()));
            order.borrow_mut().push(n);
        });
    }
    a.net.run_for(ms(5));
    for n in (0..many).rev() {
        a.peer
            .send(a.datagram(usize::from(n % 2), (1, 7000 + n), &n.to_be_bytes()));
        a.net.run_for(ms(3));
    }
    let mut served = order.take();
    served.sort_unstable();
    assert_eq!(served, (0..many).collect::<Vec<_>>());
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One who waits for two things at once takes the places of two: both are woken, to try again.
#[test]
fn both_tasks_that_lose_their_places_to_one_are_woken() {
    let a = acquainted();
    let sockets: Vec<_> = (0..zonda::config::WAITERS as u16)
        .map(|n| a.host.udp(&format!("[::]:{}", 7000 + n)))
        .collect();
    let sender = a.host.udp("[::]:9");
    a.link.down();
    a.net.run_for(ms(1));
    let counters: Vec<_> = sockets.iter().map(|_| Arc::<Counter>::default()).collect();
    let mut waits: Vec<_> = sockets
        .iter()
        .map(|socket| Box::pin(socket.recv()))
        .collect();
    for (wait, counter) in waits.iter_mut().zip(&counters) {
        let waker = Waker::from(counter.clone());
        assert!(
            wait.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    // It waits for room, and for the link.
    let waker = Waker::from(Arc::<Counter>::default());
    let mut send = pin!(sender.send_to(b"x", (PEER4, 9).into()));
    assert!(
        send.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let woken: Vec<_> = counters
        .iter()
        .map(|c| c.0.load(Ordering::Relaxed))
        .collect();
    assert_eq!(woken[..2], [1, 1]);
    assert!(woken[2..].iter().all(|count| *count == 0), "{woken:?}");
}

thread_local! {
    /// The stack that [`Meddler`] uses.
    static STACK: Cell<Option<Stack<'static>>> = const { Cell::new(None) };
}

/// A waker that uses the stack while it is woken.
#[derive(Default)]
struct Meddler(AtomicU32);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let Some(stack) = STACK.get() else {
            return;
        };
        stack.poll();
        if let Ok(ping) = zonda::socket::Ping::new(stack) {
            let _ = ping.try_send(PEER4.into(), 1, b"from a waker");
        }
    }
}

/// "#3904": the state borrowed twice, when a waker calls back.
#[test]
fn defect_3904_wakers_may_use_the_stack() {
    let a = acquainted();
    STACK.set(Some(a.stack()));
    let socket = a.host.udp("[::]:7000");
    let meddler = Arc::new(Meddler::default());
    let waker = Waker::from(meddler.clone());
    for n in 0..10 {
        {
            let mut receive = pin!(socket.recv());
            let mut sleep = pin!(a.stack().sleep(ms(1)));
            let mut context = Context::from_waker(&waker);
            assert!(receive.as_mut().poll(&mut context).is_pending());
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            a.ask(a.datagram(n % 2, (1, 7000), b"x"));
            assert!(matches!(
                receive.as_mut().poll(&mut context),
                Poll::Ready(Ok(_))
            ));
            assert!(sleep.as_mut().poll(&mut context).is_ready());
        }
        a.net.run_for(ms(10));
    }
    assert!(meddler.0.load(Ordering::Relaxed) >= 20);
    STACK.set(None);
}

/// A block that comes back while the stack is at work wakes its waiter when that is done.
#[test]
fn wakers_of_tasks_that_wait_for_a_block_may_use_the_stack() {
    let a = acquainted();
    STACK.set(Some(a.stack()));
    let pool = a.stack().pool();
    let socket = a.host.udp("[::]:7000");
    a.ask(a.datagram(0, (1, 7000), b"x"));
    let mut taken = Vec::new();
    while let Ok(buf) = pool.alloc(Purpose::Receive, 0) {
        taken.push(buf);
    }
    let meddler = Arc::new(Meddler::default());
    let waker = Waker::from(meddler.clone());
    let mut context = Context::from_waker(&waker);
    {
        let mut block = pin!(pool.alloc_async(Purpose::Receive, 0));
        assert!(block.as_mut().poll(&mut context).is_pending());
        // What the socket has received comes back inside of the stack.
        drop(socket);
        // The waker may have taken it for itself.
        assert_eq!(meddler.0.load(Ordering::Relaxed), 1);
    }
    STACK.set(None);
}

#[test]
fn tasks_whose_socket_is_busy_elsewhere_are_all_woken() {
    let a = acquainted();
    let socket = Rc::new(a.host.udp("[::]:7000"));
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let socket = socket.clone();
            a.net.spawn(async move { socket.recv().await.is_ok() })
        })
        .collect();
    for _ in 0..5 {
        a.ask(a.datagram(0, (1, 7000), b"x"));
    }
    assert!(tasks.iter().all(|task| task.take() == Some(true)));
}

/// Waiting for a buffer: whoever waits goes on when one comes back.
#[test]
fn sender_waits_for_a_buffer() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<8, 128, 4, 8>())
    });
    a.introduce();
    a.link.from(a.host).line_rate(100_000);
    let socket = a.host.udp("[::]:7000");
    let sender = a.net.spawn(async move {
        for n in 0..100u8 {
            socket.send_to(&[n; 60], (PEER4, 9).into()).await.unwrap();
        }
    });
    for _ in 0..100 {
        a.net.run_for(ms(100));
        // The peer answers when it is probed.
        a.peer.send(a.reply());
    }
    assert!(sender.is_done());
    let data = a
        .sent()
        .into_iter()
        .filter_map(|seen| Some(seen.ip()?.udp()?.2[0]));
    assert_eq!(data.collect::<Vec<_>>(), (0..100).collect::<Vec<u8>>());
}

/// Datagrams that take two of the three blocks which may be sent: while one is on its way there is
/// a block, but not enough. Whoever waits lets the driver have its turn.
#[test]
fn sender_waits_for_all_the_blocks_that_it_needs() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<8, 128, 4, 8>())
    });
    a.introduce();
    a.link.from(a.host).line_rate(100_000);
    let socket = a.host.udp("[::]:7000");
    let sender = a.net.spawn(async move {
        for n in 0..20u8 {
            socket.send_to(&[n; 180], (PEER4, 9).into()).await.unwrap();
        }
        // More than ever fits.
        socket.send_to(&[0; 400], (PEER4, 9).into()).await
    });
    for _ in 0..20 {
        a.net.run_for(ms(100));
        a.peer.send(a.reply());
    }
    assert_eq!(sender.take(), Some(Err(SendError::NoBuffer)));
    let data = a
        .sent()
        .into_iter()
        .filter_map(|seen| Some(seen.ip()?.udp()?.2[0]));
    assert_eq!(data.collect::<Vec<_>>(), (0..20).collect::<Vec<u8>>());
}

/// A thousand conversations of 20 hosts on one hub: the network itself stays out of the way.
#[test]
fn many_conversations_at_once() {
    let net = Network::new(9);
    let hosts: Vec<_> = (0..20)
        .map(|n| net.host_with(&format!("h{n}"), pool::<128, 256, 32, 64>()))
        .collect();
    let hub = net.link(&hosts[..]).delay(ms(2)).loss(0.01);
    for (n, host) in hosts.iter().enumerate() {
        host.add(hub, &format!("10.0.0.{}/24", n + 1));
    }
    let count = Rc::new(Cell::new(0));
    let servers: Vec<_> = hosts.iter().map(|host| host.udp("0.0.0.0:7")).collect();
    let clients: Vec<_> = hosts.iter().map(|host| host.udp("0.0.0.0:0")).collect();
    for round in 0..500 {
        for (n, client) in clients.iter().enumerate() {
            let other = (n + 1 + round % 3) % 20;
            let to = format!("10.0.0.{}:7", other + 1).parse().unwrap();
            let _ = client.try_send_to(&[round as u8; 100], Some(to));
        }
        net.run_for(ms(10));
        for server in &servers {
            while let Some((data, info)) = server.try_recv() {
                let _ = server.try_send(data, Some(info.source));
            }
        }
        net.run_for(ms(10));
        for client in &clients {
            while client.try_recv().is_some() {
                count.set(count.get() + 1);
            }
        }
    }
    assert!(count.get() > 9_000, "{} of 10000", count.get());
}
