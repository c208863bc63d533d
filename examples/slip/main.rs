//! Talks to a board over a serial line, as nobody in particular: it pings the board, and sends a
//! datagram to its UDP echo.
//!
//! The line is a device that `stty` has set up, or a socket of an emulated board's UART, which
//! `boards/qemu-lm3s6965evb/README.md` makes:
//!
//!     cargo run --example slip -- line.sock             # bare packets
//!     cargo run --example slip -- line.sock ethernet    # Ethernet frames

mod line;

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use embassy_futures::select::{Either3, select3};
use zonda::drivers::slip::SlipDriver;
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::{Ping, UdpSocket};
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};
use zonda::time::Duration;

use crate::line::Half;

static POOL: NetBufPool<32, 512> = NetBufPool::new();

const OURS4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OURS6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
/// The addresses of the board.
const BOARD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("the path of a line is missing")?;
    let port = Port::new(match arguments.next().as_deref() {
        None => Capabilities::ip(1500),
        Some("ethernet") => Capabilities::ethernet([2, 0, 0, 0, 0, 1]),
        Some(other) => return Err(format!("there is no form `{other}`").into()),
    });
    let line = line::open(Path::new(&path))?;
    let mut driver = SlipDriver::new(Half(&line), Half(&line));

    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let clock = EmbassyClock;
    let mut storage = StackStorage::<1, 1>::new();
    let cell = StackCell::new(&mut storage, POOL.pool(), seed, &clock);
    let stack = cell.stack();
    let id = stack.attach(port.split().1)?;
    stack.add_ipv4(id, Ipv4Cidr::new(OURS4, 24))?;
    stack.add_ipv6(id, Ipv6Cidr::new(OURS6, 64))?;

    let mut runner = Runner::new(stack);
    let network = driver.run(port.split().0, POOL.pool());
    match async_io::block_on(select3(talk(stack, id), network, runner.run())) {
        Either3::First(result) => result,
        Either3::Second(Err(error)) => Err(error.to_string().into()),
        Either3::Third(never) => match never {},
    }
}

/// Asks the board by both versions of IP.
async fn talk(stack: Stack<'_>, id: InterfaceId) -> Result<(), Box<dyn Error>> {
    stack.ready(id).await;
    let ping = Ping::new(stack)?;
    for board in BOARD {
        for sequence in 1..=3 {
            let timeout = Duration::from_secs(1);
            match ping.ping(board, sequence, b"are you there?", timeout).await {
                Ok(time) => println!("{board} answers after {time}"),
                Err(error) => println!("{board}: {error}"),
            }
        }
        let socket = UdpSocket::bind(stack, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0))?;
        let mut answer = [0; 64];
        socket.send_to(b"hello", (board, 7).into()).await?;
        let (length, from) = socket.recv_from(&mut answer).await?;
        let answer = answer.get(..length).unwrap_or(&answer);
        println!("{}: {}", from.source, String::from_utf8_lossy(answer));
    }
    Ok(())
}
