//! TCP between Linux and the device.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::demo::{DEVICE4, DEVICE6, Demo};
use crate::namespace::{PATIENCE, ip, run};

const ECHO: u16 = 7;
const DISCARD: u16 = 9;

fn address(target: &str, port: u16) -> SocketAddr {
    SocketAddr::new(target.parse::<IpAddr>().unwrap(), port)
}

#[track_caller]
pub fn connect(target: &str, port: u16) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address(target, port), PATIENCE)
        .unwrap_or_else(|error| panic!("{target} port {port}: {error}"));
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    stream.set_write_timeout(Some(2 * PATIENCE)).unwrap();
    stream
}

/// Bytes without a pattern that a mistake could repeat: xorshift.
pub struct Noise(u64);

impl Noise {
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = (self.0 >> 32) as u8;
        }
    }
}

/// Reads to the end: `length` bytes of that noise, and no more.
#[track_caller]
fn expect(mut stream: &TcpStream, seed: u64, length: usize) {
    let (mut noise, mut done) = (Noise::new(seed), 0);
    let (mut bytes, mut wanted) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let count = stream
            .read(&mut bytes)
            .unwrap_or_else(|error| panic!("after {done} bytes of {length}: {error}"));
        if count == 0 {
            break;
        }
        noise.fill(&mut wanted[..count]);
        assert!(bytes[..count] == wanted[..count], "changed behind {done}");
        done += count;
    }
    assert_eq!(done, length, "the end came too early or too late");
}

/// Writes that noise, and says that it was all.
#[track_caller]
pub fn pour(mut stream: &TcpStream, seed: u64, length: usize) {
    let mut noise = Noise::new(seed);
    let mut bytes = [0; 8192];
    let mut left = length;
    while left > 0 {
        let part = &mut bytes[..left.min(8192)];
        noise.fill(part);
        stream
            .write_all(part)
            .unwrap_or_else(|error| panic!("{left} bytes to go of {length}: {error}"));
        left -= part.len();
    }
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Has that much echoed while it is written, to the end.
#[track_caller]
pub fn echo(stream: TcpStream, seed: u64, length: usize) {
    let started = Instant::now();
    let peer = stream.peer_addr().unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| pour(&stream, seed, length));
        expect(&stream, seed, length);
        writer.join().unwrap();
    });
    let seconds = started.elapsed().as_secs_f64();
    let rate = length as f64 / 1e6 / seconds;
    println!("{length} bytes from {peer} in {seconds:.1} s: {rate:.2} MB/s");
}

#[test]
fn bulk_is_echoed_as_it_was() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        echo(connect(target, ECHO), 1, 12_000_000);
    }
    let report = demo.stop();
    assert!(report.number("  received", "accepted") > 2 * 12_000_000 / 1460);
}

#[test]
fn bulk_is_discarded() {
    in_namespace!("iperf");
    let demo = Demo::on_tap("");
    for (target, family) in [(DEVICE4, ""), (DEVICE6, "-V")] {
        let text = run(&format!(
            "iperf {family} -c {target} -p {DISCARD} -n 20M -f m"
        ));
        println!("{text}");
        assert!(text.contains("Mbits/sec"), "{text}");
    }
    let _ = demo.stop();
}

#[test]
fn bulk_survives_losses() {
    in_namespace!("nft", "nsenter");
    let (demo, link) = Demo::behind_bridge();
    for (percent, length) in [(0, 4_000_000), (1, 4_000_000), (5, 1_000_000), (20, 60_000)] {
        link.lose(percent);
        for target in [DEVICE4, DEVICE6] {
            println!("{percent} % are lost");
            echo(connect(target, ECHO), u64::from(percent), length);
        }
    }
    link.lose(0);
    let _ = demo.stop();
}

/// A socket with buffers as small as Linux makes them.
fn connect_small(target: &str, port: u16) -> TcpStream {
    let target = address(target, port);
    let family = match target {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 1).unwrap();
    sockopt::set_socket_send_buffer_size(&socket, 1).unwrap();
    rustix::net::connect(&socket, &target).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    stream
}

#[test]
fn small_windows_suffice() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        echo(connect_small(target, ECHO), 2, 300_000);
    }
    let _ = demo.stop();
}

#[test]
fn tiny_segments_suffice() {
    in_namespace!();
    let demo = Demo::on_tap("");
    ip("route change 10.9.0.0/24 dev zonda0 advmss 88");
    ip("-6 route replace fd09::/64 dev zonda0 proto kernel metric 256 advmss 88");
    for target in [DEVICE4, DEVICE6] {
        echo(connect(target, ECHO), 3, 300_000);
    }
    let _ = demo.stop();
}

#[test]
fn linux_stops_reading_for_a_while() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        let stream = connect_small(target, ECHO);
        thread::scope(|scope| {
            let writer = scope.spawn(|| pour(&stream, 4, 200_000));
            thread::sleep(Duration::from_secs(4));
            assert!(!writer.is_finished(), "where would it all be?");
            let started = Instant::now();
            expect(&stream, 4, 200_000);
            println!("the rest took {:?}", started.elapsed());
            writer.join().unwrap();
        });
    }
    let _ = demo.stop();
}

#[test]
fn either_side_may_close_first() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        // What is on its way comes back behind our FIN.
        let mut stream = connect(target, ECHO);
        stream.write_all(b"the last words").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut words = String::new();
        let _: usize = stream.read_to_string(&mut words).unwrap();
        assert_eq!(words, "the last words");
        // Nothing at all.
        let mut stream = connect(target, DISCARD);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    }
    let _ = demo.stop();
}

#[test]
fn linux_resets() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        // More of them than the device serves at once: none may stay.
        for _ in 0..30 {
            let mut stream = connect(target, ECHO);
            stream.write_all(&[7; 5000]).unwrap();
            stream.read_exact(&mut [0; 100]).unwrap();
            sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
        echo(connect(target, ECHO), 5, 10_000);
    }
    let _ = demo.stop();
}

#[test]
fn closed_port_refuses() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        let started = Instant::now();
        let error = TcpStream::connect(address(target, 12345)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(started.elapsed() < Duration::from_secs(3));
    }
    let _ = demo.stop();
}

#[test]
fn device_answers_the_keepalive_of_linux() {
    in_namespace!();
    let demo = Demo::on_tap("");
    for target in [DEVICE4, DEVICE6] {
        let mut stream = connect(target, ECHO);
        let second = Duration::from_secs(1);
        sockopt::set_socket_keepalive(&stream, true).unwrap();
        sockopt::set_tcp_keepidle(&stream, second).unwrap();
        sockopt::set_tcp_keepintvl(&stream, second).unwrap();
        sockopt::set_tcp_keepcnt(&stream, 2).unwrap();
        thread::sleep(5 * second);
        stream.write_all(b"still there").unwrap();
        stream.read_exact(&mut [0; 11]).unwrap();
    }
    let _ = demo.stop();
}

/// Many more than the device serves at once, or lets wait: the others have their turns soon.
#[test]
fn two_hundred_connect_at_once() {
    in_namespace!();
    let demo = Demo::on_tap("");
    let started = Instant::now();
    thread::scope(|scope| {
        for number in 0..200 {
            let target = [DEVICE4, DEVICE6][number % 2];
            let _ = scope.spawn(move || echo(connect(target, ECHO), number as u64, 500));
        }
    });
    println!("all took {:?}", started.elapsed());
    // Linux asks again after 1, 2, 3, 4 seconds, and then ever later.
    assert!(started.elapsed() < Duration::from_secs(25));
    let _ = demo.stop();
}

#[test]
fn many_connect_one_after_the_other() {
    in_namespace!();
    let demo = Demo::on_tap("");
    let started = Instant::now();
    for number in 0..500 {
        let target = [DEVICE4, DEVICE6][number % 2];
        let mut stream = connect(target, ECHO);
        stream.write_all(b"hello").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
    }
    println!("500 connections took {:?}", started.elapsed());
    let _ = demo.stop();
}
