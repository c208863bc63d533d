//! TCP echo on Zonda with all protocols that are on by default, over IPv4 and IPv6, for four connections at once: 16 blocks of 512 bytes.
#![no_std]
#![no_main]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use firmware::Place;
use size::zonda::{PORT, Timer, receive, seed, transmit};
use size::{ADDRESS, ADDRESS6, ECHO, no_panic_main};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::LinkState;
use zonda::netbuf::NetBufPool;
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::{StackCell, StackStorage};

/// Connections at once.
const CONNECTIONS: usize = 4;

static POOL: NetBufPool<16, 512, 16, 16> = NetBufPool::new();
static STORAGE: Place<StackStorage<'static, 1, 0, CONNECTIONS, 1>> = Place::new();
static STACK: Place<StackCell<'static>> = Place::new();

fn echo() -> Option<()> {
    let pool = POOL.pool();
    let (driver, port) = PORT.split();
    let storage = STORAGE.put(StackStorage::new());
    let cell = StackCell::new(storage, pool, seed(), &Timer);
    let stack = STACK.put(cell).stack();
    let id = stack.attach(port).ok()?;
    let ipv4 = Ipv4Cidr::new(Ipv4Addr::from(ADDRESS), 24);
    stack.add_ipv4(id, ipv4).ok()?;
    stack
        .add_ipv6(id, Ipv6Cidr::new(Ipv6Addr::from(ADDRESS6), 64))
        .ok()?;
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), ECHO);
    let listener = TcpListener::bind(stack, any, CONNECTIONS as u16).ok()?;
    driver.set_link(LinkState::Up);
    let mut sockets = [const { None }; CONNECTIONS];
    loop {
        receive(pool, &driver);
        let _ = stack.poll();
        for place in &mut sockets {
            if place.is_none() {
                *place = listener.try_accept();
            }
            if place.as_mut().is_some_and(is_over) {
                *place = None;
            }
        }
        transmit(&driver);
    }
}

/// Sends back what has come in; whether that was all.
fn is_over(socket: &mut TcpSocket<'_>) -> bool {
    let (mut reader, mut writer) = socket.split();
    loop {
        let data = match reader.try_fill_buf() {
            None => return false,
            Some(Ok(data)) if !data.is_empty() => data,
            Some(_) => return true,
        };
        match writer.try_write(data) {
            None => return false,
            Some(Ok(length)) => reader.advance(length),
            Some(Err(_)) => return true,
        }
    }
}

no_panic_main!(echo());
