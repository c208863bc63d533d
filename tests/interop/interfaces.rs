//! The interfaces of the demo: two at once, one that goes away, one that is recorded, none at all.

use std::fs;
use std::net::UdpSocket;

use crate::demo::{DEVICE4, DEVICE6, Demo, join_tap, reaches};
use crate::namespace::{PATIENCE, ip, run};
use crate::ping::flood;

#[test]
fn tap_and_tun_are_up_at_once_and_each_is_reached() {
    in_namespace!("ping");
    let mut demo = Demo::on_tap("--tun zonda1 --tun-ipv4 10.8.0.2/24 --tun-ipv6 fd08::2/64");
    let _: String = demo.wait_for("link up on zonda1");
    ip("address add 10.8.0.1/24 dev zonda1");
    ip("address add fd08::1/64 dev zonda1 nodad");
    for target in [DEVICE4, DEVICE6, "10.8.0.2", "fd08::2"] {
        flood(target, 100, 1400);
        let local = if target.contains(':') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect((target, 7)).unwrap();
        assert_eq!(socket.send(b"which way?").unwrap(), 10);
        let mut back = [0; 20];
        assert_eq!(socket.recv(&mut back).unwrap(), 10);
        assert_eq!(&back[..10], b"which way?");
    }
    let report = demo.stop();
    let accepted = report
        .lines
        .iter()
        .filter(|line| line.starts_with("  received"));
    assert_eq!(accepted.count(), 2);
}

#[test]
fn device_is_back_after_its_link_was_down() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    for _ in 0..3 {
        reaches(DEVICE4);
        reaches(DEVICE6);
        ip("link set zonda0 down");
        ip("link set zonda0 up");
        join_tap();
    }
    reaches(DEVICE4);
    reaches(DEVICE6);
    let _ = demo.stop();
}

#[test]
fn demo_says_that_its_interface_is_gone() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    reaches(DEVICE4);
    ip("link delete zonda0");
    let report = demo.ends();
    assert_eq!(report.status.code(), Some(1));
    let told = report
        .lines
        .iter()
        .any(|line| line.starts_with("demo: zonda0 is gone"));
    assert!(told, "{:#?}", report.lines);
}

#[test]
fn tcpdump_reads_what_the_demo_has_recorded() {
    in_namespace!("ping", "tcpdump");
    let file = std::env::temp_dir().join(format!("zonda-{}.pcap", std::process::id()));
    let name = file.to_str().unwrap();
    let demo = Demo::on_tap(&format!("--pcap {name}"));
    let mut wanted = Vec::new();
    for target in [DEVICE4, DEVICE6] {
        flood(target, 50, 1000);
        wanted.push(format!("> {target}: ICMP"));
        wanted.push(format!("{target} > "));
    }
    let _ = demo.stop();
    let text = run(&format!("tcpdump -n -r {name}"));
    fs::remove_file(&file).unwrap();
    for wanted in wanted {
        let echoes = text
            .lines()
            .filter(|line| line.contains(&wanted) && line.contains("echo"));
        assert_eq!(echoes.count(), 50, "{wanted}: {text}");
    }
    assert!(text.contains("ARP, Reply 10.9.0.2 is-at"), "{text}");
    assert!(!text.contains("bad"), "{text}");
}

/// Needs no privilege and no namespace.
#[test]
fn demo_without_an_interface_is_reached_through_its_bridge() {
    let mut demo = Demo::start("--for 60");
    let line = demo.wait_for("bridge: ");
    let address = line.split(' ').nth(1).unwrap();
    // The one is given, the other made of the prefix that the gateway advertises.
    let targets = ["10.0.0.2", "fd00::5a:4fff:fe4e:4441"];
    for target in targets {
        let line = demo.wait_for(&format!("ping {target} 3: "));
        assert!(line.ends_with(" µs"), "{line}");
    }
    for target in targets {
        let _: String = demo.wait_for(&format!("UDP echo from {target}"));
    }
    // More programs than the gateway has places for, one after the other and at once.
    let sockets = [(); 6].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    for socket in &sockets {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(address).unwrap();
    }
    let mut back = [0; 2000];
    for group in [&sockets[..1], &sockets[..4], &sockets[2..]] {
        for size in [0, 1, 100, 1472] {
            for (number, socket) in group.iter().enumerate() {
                let bytes = vec![number as u8; size];
                assert_eq!(socket.send(&bytes).unwrap(), size);
            }
            for (number, socket) in group.iter().enumerate() {
                let length = socket.recv(&mut back).unwrap();
                assert_eq!(back[..length], vec![number as u8; size]);
            }
        }
    }
    let _ = demo.stop_by("TERM");
}

#[test]
fn demo_stops_by_itself_when_its_time_is_over() {
    let report = Demo::start("--for 1").ends();
    assert!(report.status.success(), "{:#?}", report.lines);
    assert!(report.number("  received", "sent") > 0);
}
