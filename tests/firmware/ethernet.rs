//! What every board with Ethernet is to do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::dnsmasq::Dnsmasq;
use crate::machine::{DEVICE4, DEVICE6, Machine};
use crate::namespace::{PATIENCE, run, until};

const ECHO: u16 = 7;
/// A port that nobody on the board listens to.
const NOBODY: u16 = 9;

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

#[track_caller]
fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect_timeout(&at(address, ECHO), PATIENCE)
        .unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn answers_ping(address: &str) -> bool {
    let ping = std::process::Command::new("ping")
        .args(["-n", "-q", "-c", "1", "-W", "1", address])
        .output();
    ping.unwrap().status.success()
}

/// Sums up bytes such that their order counts: FNV-1a.
struct Checksum(u64);

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// Sends so many bytes that do not repeat, and checks that they come back as they are.
#[track_caller]
fn echo(stream: &TcpStream, length: usize) {
    let mut writer = stream.try_clone().unwrap();
    let sent = thread::spawn(move || {
        let (mut sum, mut state) = (Checksum(0xcbf2_9ce4_8422_2325), length as u64 | 1);
        let mut bytes = vec![0; 16 * 1024];
        let mut left = length;
        while left > 0 {
            let part = left.min(bytes.len());
            for byte in &mut bytes[..part] {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            sum.add(&bytes[..part]);
            writer.write_all(&bytes[..part]).unwrap();
            left -= part;
        }
        sum.0
    });
    let (mut stream, mut sum) = (stream, Checksum(0xcbf2_9ce4_8422_2325));
    let mut bytes = vec![0; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let most = left.min(bytes.len());
        let count = stream.read(&mut bytes[..most]).unwrap();
        assert!(count > 0, "{left} bytes are missing");
        sum.add(&bytes[..count]);
        left -= count;
    }
    assert_eq!(sum.0, sent.join().unwrap(), "the bytes are not the same");
}

/// Says that all is said, and waits for the board to say so too.
#[track_caller]
fn close(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "there is more");
}

pub fn answers_ping_over_ipv4_and_ipv6(_: &mut Machine) {
    for address in [DEVICE4, DEVICE6] {
        for size in [0, 1, 56, 497, 498, 499, 1400] {
            let _: String = run(&format!("ping -n -q -i 0.002 -c 10 -s {size} {address}"));
        }
        // In fragments.
        let _: String = run(&format!("ping -n -q -c 2 -s 4000 {address}"));
    }
}

pub fn echoes_ten_megabytes_by_tcp(_: &mut Machine) {
    for address in [DEVICE4, DEVICE6] {
        let start = Instant::now();
        let stream = connect(address);
        echo(&stream, 5 << 20);
        close(stream);
        println!("5 MiB by {address} and back in {:?}", start.elapsed());
    }
}

pub fn serves_fifty_connections_in_turn_and_four_at_once(_: &mut Machine) {
    for turn in 0..50 {
        let stream = connect([DEVICE4, DEVICE6][turn % 2]);
        echo(&stream, 1000 + turn);
        close(stream);
    }
    let streams = [DEVICE4, DEVICE6, DEVICE4, DEVICE6].map(connect);
    // Each has its turn while the others are open.
    thread::scope(|scope| {
        for stream in &streams {
            let _ = scope.spawn(|| echo(stream, 100_000));
        }
    });
    streams.into_iter().for_each(close);
}

pub fn survives_a_flood_by_udp(_: &mut Machine) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let bytes = [0x5a; 1400];
    let end = Instant::now() + Duration::from_secs(2);
    let mut sent = 0_usize;
    while Instant::now() < end {
        // What Linux cannot send is no concern of the board.
        let length = [1, 64, 600, 1400][sent % 4];
        let port = if sent.is_multiple_of(8) { NOBODY } else { ECHO };
        let _ = socket.send_to(&bytes[..length], (DEVICE4, port));
        sent += 1;
    }
    println!("{sent} datagrams");
    for address in [DEVICE4, DEVICE6] {
        until("it answers ping again", || answers_ping(address));
    }
    let stream = connect(DEVICE6);
    echo(&stream, 10_000);
    close(stream);
}

pub fn comes_back_when_the_cable_does(machine: &mut Machine) {
    let stream = connect(DEVICE4);
    echo(&stream, 1000);
    machine.set_link(false);
    assert!(!answers_ping(DEVICE4), "there is no cable");
    thread::scope(|scope| {
        // Data are on their way when there is none.
        let waiting = scope.spawn(|| echo(&stream, 1000));
        thread::sleep(Duration::from_millis(300));
        machine.set_link(true);
        waiting.join().unwrap();
    });
    close(stream);
    for address in [DEVICE4, DEVICE6] {
        until("it answers ping again", || answers_ping(address));
    }
}

pub fn gets_an_address_by_dhcp_and_looks_up_a_name(machine: &mut Machine) {
    // The client begins anew when the cable is back.
    machine.set_link(false);
    let leases = std::env::temp_dir().join(format!("zonda-leases-{}", std::process::id()));
    let _dnsmasq = Dnsmasq::start(&format!(
        "--no-hosts --no-resolv --address=/zonda.test/198.51.100.7 --no-ping --leasefile-ro \
         --dhcp-authoritative --dhcp-range=192.0.2.100,192.0.2.110,255.255.255.0,120 \
         --dhcp-leasefile={}",
        leases.display()
    ));
    machine.set_link(true);
    let address = machine.wait_for("lease");
    assert!(address.starts_with("192.0.2.1"), "{address}");
    assert_eq!(machine.wait_for("zonda.test"), "198.51.100.7");
    until("it answers there", || answers_ping(&address));
    let stream = connect(&address);
    echo(&stream, 1000);
    close(stream);
}
