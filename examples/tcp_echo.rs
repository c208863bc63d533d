//! A TCP echo server and a client, each with a stack of its own, on a wire: async, in real time.
//! The server gives back the blocks that it was given, without a copy.

#[path = "apps/tcp_echo.rs"]
mod server;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr};

use embassy_futures::join::{join, join3};
use embassy_futures::select::{Either, select};
use embedded_io_async::{Read as _, Write as _};
use zonda::drivers::wire::{Station, Wire};
use zonda::iface::Ipv6Cidr;
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::TcpSocket;
use zonda::stack::{EmbassyClock, Runner, Stack, StackCell, StackStorage};

static SERVER_POOL: NetBufPool<16, 512> = NetBufPool::new();
static CLIENT_POOL: NetBufPool<16, 512> = NetBufPool::new();

const SERVER: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
const CLIENT: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
const ECHO: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(SERVER), 7);

fn main() -> Result<(), Box<dyn Error>> {
    let clock = EmbassyClock;
    let server_port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
    let client_port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 2]));
    let wire = Wire::new([
        Station::new(server_port.split().0, SERVER_POOL.pool()),
        Station::new(client_port.split().0, CLIENT_POOL.pool()),
    ]);

    let mut storage = StackStorage::<1, 0, 1, 1>::new();
    let cell = StackCell::new(&mut storage, SERVER_POOL.pool(), seed()?, &clock);
    let server = cell.stack();
    let server_interface = server.attach(server_port.split().1)?;
    server.add_ipv6(server_interface, Ipv6Cidr::new(SERVER, 64))?;

    let mut storage = StackStorage::<1, 0, 1, 0>::new();
    let cell = StackCell::new(&mut storage, CLIENT_POOL.pool(), seed()?, &clock);
    let client = cell.stack();
    let interface = client.attach(client_port.split().1)?;
    client.add_ipv6(interface, Ipv6Cidr::new(CLIENT, 64))?;

    // What is always at work, and what it is all for.
    let (mut server_runner, mut client_runner) = (Runner::new(server), Runner::new(client));
    let network = join3(wire.run(), server_runner.run(), client_runner.run());
    let talk = async {
        // Addresses are used once it is known that nobody else has them.
        let ((), ()) = join(server.ready(server_interface), client.ready(interface)).await;
        select(server::run::<1>(server, ECHO), ask(client)).await
    };
    match async_io::block_on(select(talk, network)) {
        Either::First(Either::First(Err(error))) => Err(error.into()),
        Either::First(Either::Second(result)) => result,
        Either::Second((never, ..)) => match never {},
    }
}

/// Asks, and reads the answers to the end.
async fn ask(stack: Stack<'_>) -> Result<(), Box<dyn Error>> {
    let mut socket = TcpSocket::connect(stack, ECHO).await?;
    let mut bytes = [0; 64];
    for words in ["Is anybody there?", "I say", "I say, I say"] {
        socket.write_all(words.as_bytes()).await?;
        let answer = &mut bytes[..words.len()];
        socket.read_exact(answer).await?;
        println!("client: {}", String::from_utf8_lossy(answer));
    }
    socket.shutdown();
    let length = socket.read(&mut bytes).await?;
    assert_eq!(length, 0, "the server has nothing to add");
    Ok(())
}

/// A seed for the random numbers of a stack.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}
