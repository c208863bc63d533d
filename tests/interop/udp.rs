//! UDP between Linux and the device.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;

use zonda::netbuf::NetBufPool;
use zonda::stack::Stack;

use crate::demo::{DEVICE4, DEVICE6, Demo, reaches};
use crate::namespace::{PATIENCE, run};
use crate::stack::{beside_linux, until};

const ECHO: u16 = 7;

fn socket_to(target: &str, port: u16) -> UdpSocket {
    let target = SocketAddr::new(target.parse::<IpAddr>().unwrap(), port);
    let local = if target.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(local).unwrap();
    socket.connect(target).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Has Linux send short datagrams to a stack beside it, and the stack send them back.
pub async fn short_datagrams_are_echoed(stack: Stack<'_>) {
    let local: SocketAddr = SocketAddr::new(IpAddr::from([0; 8]), ECHO);
    let socket = zonda::socket::UdpSocket::bind(stack, local).unwrap();
    let client = thread::spawn(|| {
        for target in [DEVICE4, DEVICE6] {
            let socket = socket_to(target, ECHO);
            for number in 0..100u8 {
                assert_eq!(socket.send(&[number; 100]).unwrap(), 100);
                let mut back = [0; 200];
                assert_eq!(socket.recv(&mut back).unwrap(), 100);
                assert_eq!(back[..100], [number; 100]);
            }
        }
    });
    for _ in 0..200 {
        let (data, info) = socket.recv().await.unwrap();
        assert!(socket.try_reply(data, &info).is_ok());
    }
    until("Linux has all back", || client.is_finished()).await;
    client.join().unwrap();
}

#[test]
fn short_frames_pass_a_small_pool_and_long_ones_do_not_keep_them_out() {
    in_namespace!("ping");
    // Too few blocks for a frame of full length.
    static POOL: NetBufPool<8, 128> = NetBufPool::new();
    beside_linux::<0>(POOL.pool(), async |stack| {
        let long = format!("ping -c 3 -i 0.2 -W 1 -s 1400 {DEVICE4}");
        let pings = thread::spawn(move || Command::new("sh").args(["-c", &long]).output().unwrap());
        short_datagrams_are_echoed(stack).await;
        until("the pings have ended", || pings.is_finished()).await;
        short_datagrams_are_echoed(stack).await;
    });
}

/// Sends a datagram of every size to the echo port, and compares what comes back.
fn echo(target: &str, largest: usize) {
    let socket = socket_to(target, ECHO);
    let bytes: Vec<u8> = (0..=largest)
        .map(|place| (place * 7 + place / 256) as u8)
        .collect();
    let mut back = vec![0; largest + 100];
    for size in 0..=largest {
        let sent = &bytes[..size];
        assert_eq!(socket.send(sent).unwrap(), size);
        let length = socket
            .recv(&mut back)
            .unwrap_or_else(|error| panic!("{size}: {error}"));
        assert!(
            back[..length] == *sent,
            "{size} bytes to {target} came back changed"
        );
    }
    println!("{target} has returned every datagram of 0 to {largest} bytes");
}

#[test]
fn echo_returns_every_size_that_fits_a_frame() {
    in_namespace!();
    let demo = Demo::on_tap("");
    echo(DEVICE4, 1472);
    echo(DEVICE6, 1452);
    let report = demo.stop();
    assert!(report.number("  received", "accepted") >= 1473 + 1453);
}

#[test]
fn echo_returns_bursts_in_their_order() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        let socket = socket_to(target, ECHO);
        let mut back = [0; 2000];
        for round in 0..200 {
            // Sixteen of three blocks each are what the device's pool lets be held.
            let bytes = |place: u8| vec![place; if round % 2 == 0 { 1452 } else { 50 }];
            for place in 0..16 {
                let _: usize = socket.send(&bytes(place)).unwrap();
            }
            for place in 0..16 {
                let length = socket.recv(&mut back).unwrap();
                assert!(back[..length] == bytes(place), "round {round}, {place}");
            }
        }
    }
    let _ = demo.stop();
}

#[test]
fn linux_hears_that_a_port_is_closed() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        let socket = socket_to(target, 12345);
        assert_eq!(socket.send(b"anybody?").unwrap(), 8);
        let error = socket.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{target}");
    }
    let _ = demo.stop();
}

/// Has `iperf` send so many datagrams as fast as it can; says how many it has sent.
fn blast(target: &str, port: u16, size: u64, datagrams: u64) -> u64 {
    let family = if target.contains(':') { "-V" } else { "" };
    let mut sent = 0;
    // An error that Linux reports can make it stop early: the rest is still to come.
    for _ in 0..5 {
        let bytes = size * (datagrams - sent);
        let text = run(&format!(
            "iperf {family} -c {target} -u -p {port} -b 10g -l {size} -n {bytes}"
        ));
        let count = text.split("Sent ").nth(1);
        let count = count.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        sent += count.unwrap_or_else(|| panic!("how many? {text}"));
        if sent >= datagrams {
            return sent;
        }
        println!("iperf has sent {sent} of {datagrams} datagrams to {target}: {text}");
    }
    panic!("iperf stops early again and again");
}

#[test]
fn device_outlives_a_flood_of_datagrams() {
    in_namespace!("iperf", "ping");
    let demo = Demo::on_tap("");
    let mut sent = 0;
    for (target, port, size, datagrams) in [
        (DEVICE4, 9, 1470, 200_000),
        (DEVICE6, 9, 1450, 50_000),
        (DEVICE4, ECHO, 64, 50_000),
        (DEVICE6, ECHO, 1450, 50_000),
        // Nobody is there: errors are due, at their rate.
        (DEVICE4, 5001, 1470, 50_000),
    ] {
        sent += blast(target, port, size, datagrams);
        reaches(DEVICE4);
        reaches(DEVICE6);
    }
    let report = demo.stop();
    let received = report.number("  received", "received");
    println!("iperf has sent {sent} datagrams, the device has received {received} frames");
    assert!(received > 10_000);
}
