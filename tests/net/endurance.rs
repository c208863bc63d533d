//! A long time on a bad link: leases are renewed, addresses come and go, the link does, and one
//! connection follows the other. Nothing is lost for good, nothing leaks, every frame is counted.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};
use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client, ServerConfig};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::Stack;
use zonda::time::{Duration, Instant};

use crate::dhcpv4_server::{leak, server, subnet};
use crate::network::*;

/// How many connections have been tried, and how many did what they should.
#[derive(Clone, Default)]
struct Tally {
    tried: Rc<Cell<u32>>,
    served: Rc<Cell<u32>>,
}

fn more(count: &Cell<u32>) {
    count.set(count.get() + 1);
}

/// Sends what it receives back, one connection after the other.
async fn serve(listener: Rc<TcpListener<'static>>, stack: Stack<'static>) {
    loop {
        let mut socket = listener.accept().await;
        let echo = std::pin::pin!(async {
            let mut bytes = [0; 300];
            while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                if socket.write_all(&bytes[..length]).await.is_err() {
                    break;
                }
            }
            socket.shutdown();
        });
        let _ = select(echo, std::pin::pin!(stack.sleep(secs(30)))).await;
    }
}

/// Connects, has something sent back, and closes; says whether that went well.
async fn visit(stack: Stack<'static>, remote: SocketAddr, number: u32) -> bool {
    let work = std::pin::pin!(async {
        let mut socket = TcpSocket::connect(stack, remote).await.ok()?;
        let data = [number as u8; 500];
        let data = &data[..1 + number as usize % 500];
        socket.write_all(data).await.ok()?;
        socket.shutdown();
        let (mut all, mut bytes) = (Vec::<u8>::new(), [0; 200]);
        while let Ok(length @ 1..) = socket.read(&mut bytes).await {
            all.extend(&bytes[..length]);
        }
        (all == data).then_some(())
    });
    matches!(
        select(work, std::pin::pin!(stack.sleep(secs(40)))).await,
        Either::First(Some(()))
    )
}

/// So many hours, with so many connections in each.
fn endure(hours: u64, an_hour: u64) {
    let net = Network::new(8);
    let (gateway, device) = (
        net.host("gateway"),
        net.host_with("device", pool::<32, 256, 16, 32>()),
    );
    let link = net.link((gateway, device)).delay(ms(2)).jitter(ms(1));
    gateway.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    device.add(link, "fd00::2/64");
    let leases = subnet(103).lease_times(3600, 3600, 3600);
    let server = server(gateway, ServerConfig::new(leak([leases])).probe(false), 16);
    let client = Dhcpv4Client::new(device.stack(), device.interface(link), ClientConfig::new());
    let client: &'static _ = Box::leak(Box::new(client.unwrap()));
    let _served = net.spawn(server.run());
    let _run = net.spawn(client.run());
    let first = net.block_on(client.bound()).address.address;
    link.loss(0.02).duplication(0.005).corruption(0.002);
    let listener = TcpListener::bind(device.stack(), "[::]:7".parse().unwrap(), 4).unwrap();
    let listener = Rc::new(listener);
    for _ in 0..2 {
        let _ = net.spawn(serve(listener.clone(), device.stack()));
    }
    let tally = Tally::default();
    let (calls, pause) = (
        tally.clone(),
        Duration::from_micros(3_600_000_000 / an_hour),
    );
    let stack = gateway.stack();
    let quiet = Rc::new(Cell::new(false));
    let is_quiet = quiet.clone();
    let _ = net.spawn(async move {
        let mut due = stack.now();
        loop {
            due = (due + pause).max(stack.now());
            stack.sleep_until(due).await;
            if is_quiet.get() {
                continue;
            }
            let number = calls.tried.get();
            more(&calls.tried);
            let to: IpAddr = match number % 3 {
                0 => "fd00::2".parse().unwrap(),
                _ => client
                    .lease()
                    .map_or(first, |lease| lease.address.address)
                    .into(),
            };
            if visit(stack, (to, 7).into(), number).await {
                more(&calls.served);
            }
        }
    });
    let begin = net.now();
    let mut random = net.random();
    for hour in 1..=hours {
        // The hour's trouble, and then all that is good again.
        match hour % 5 {
            1 => {
                link.down();
                net.run_for(secs(5 + random.below(120) as u64));
                link.up();
            }
            2 => {
                // Another address, for half an hour.
                device.add(link, "fd00::3/64");
                net.run_for(secs(1800));
                let id = device.interface(link);
                assert!(
                    device
                        .stack()
                        .remove_address(id, "fd00::3".parse().unwrap())
                );
            }
            3 => {
                link.loss(0.2);
                net.run_for(secs(300));
                link.loss(0.02);
            }
            4 => device.change(link, |capabilities| capabilities.mtu = 1280),
            _ => device.change(link, |capabilities| capabilities.mtu = 1500),
        }
        let end = begin + secs(3600).times(hour as u32);
        net.run_for(end.since(net.now()) - secs(300));
        // What was begun comes to its end, and then nothing is kept but what is listened with.
        quiet.set(true);
        net.run_for(secs(300));
        quiet.set(false);
        assert_eq!(net.now(), end, "no time is lost");
        for host in [gateway, device] {
            let stats = host.pool().stats();
            assert_eq!(
                (stats.blocks_used, stats.headers_used),
                (0, 0),
                "hour {hour}, {}",
                host.name()
            );
            host.check_counters();
        }
        let lease = client.lease().expect("a lease");
        assert_eq!(lease.address.address, first);
    }
    let (tried, served) = (tally.tried.get(), tally.served.get());
    println!("{served} of {tried} connections in {hours} hours");
    assert!(tried as u64 > hours * an_hour * 8 / 10, "{tried}");
    // Those that meet the link when it is away, or too bad, fail and say so.
    assert!(
        served as u64 > u64::from(tried) * 93 / 100,
        "{served} of {tried}"
    );
    assert!(server.counters().acknowledged as u64 >= hours);
    assert!(net.now() > Instant::ZERO + secs(3600 * hours));
    drop(listener);
}

#[test]
fn a_day_on_a_bad_link_leaves_nothing() {
    endure(24, 40);
}

#[test]
#[ignore = "a month with a thousand connections an hour takes some minutes"]
fn a_month_on_a_bad_link_leaves_nothing() {
    endure(30 * 24, 1000);
}
