//! TCP echo on Zonda: one connection, 12 blocks of 512 bytes.
#![no_std]
#![no_main]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use firmware::Place;
use size::zonda::{PORT, Timer, receive, seed, transmit};
use size::{ADDRESS, ECHO, no_panic_main};
use zonda::iface::Ipv4Cidr;
use zonda::link::LinkState;
use zonda::netbuf::NetBufPool;
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::{StackCell, StackStorage};

static POOL: NetBufPool<12, 512, 8, 8> = NetBufPool::new();
static STORAGE: Place<StackStorage<'static, 1, 0, 1, 1>> = Place::new();
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
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ECHO);
    let listener = TcpListener::bind(stack, any, 1).ok()?;
    driver.set_link(LinkState::Up);
    let mut socket = None;
    loop {
        receive(pool, &driver);
        let _ = stack.poll();
        if socket.is_none() {
            socket = listener.try_accept();
        }
        if socket.as_mut().is_some_and(is_over) {
            socket = None;
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
