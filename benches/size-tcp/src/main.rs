//! TCP echo on Zonda, over IPv4 and IPv6, for four connections at once: 16 blocks of 512 bytes.
#![no_std]
#![no_main]

mod sizes;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use firmware::Place;
use size::zonda::{Timer, receive};
use size::{ADDRESS, ECHO, MAC, nic};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, LinkState, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::{StackCell, StackStorage};

/// Connections at once.
const CONNECTIONS: usize = 4;
const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

static POOL: NetBufPool<16, 512, 16, 16> = NetBufPool::new();
static PORT: Port = Port::new(Capabilities::ethernet(MAC));
static STORAGE: Place<StackStorage<'static, 1, 0, CONNECTIONS, 1>> = Place::new();
static STACK: Place<StackCell<'static>> = Place::new();

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let _ = echo();
    loop {}
}

fn echo() -> Option<()> {
    let pool = POOL.pool();
    let (driver, port) = PORT.split();
    let mut seed = [0; 32];
    for word in seed.as_chunks_mut().0 {
        *word = nic::entropy().to_ne_bytes();
    }
    let storage = STORAGE.put(StackStorage::new());
    let cell = StackCell::new(storage, pool, seed, &Timer);
    let stack = STACK.put(cell).stack();
    let id = stack.attach(port).ok()?;
    let ipv4 = Ipv4Cidr::new(Ipv4Addr::from(ADDRESS), 24);
    stack.add_ipv4(id, ipv4).ok()?;
    stack.add_ipv6(id, Ipv6Cidr::new(ADDRESS6, 64)).ok()?;
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), ECHO);
    let listener = TcpListener::bind(stack, any, CONNECTIONS as u16).ok()?;
    driver.set_link(LinkState::Up);
    let mut sockets = [const { None }; CONNECTIONS];
    loop {
        receive(pool, |frame| driver.deliver(frame).is_ok());
        let _ = stack.poll();
        for place in &mut sockets {
            if place.is_none() {
                *place = listener.try_accept();
            }
            if place.as_mut().is_some_and(is_over) {
                *place = None;
            }
        }
        while let Some(frame) = driver.try_next_tx() {
            nic::begin(frame.len());
            frame.fragments().for_each(nic::write);
        }
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

/// It cannot be linked: an image in which a panic is left is none.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        safe fn a_path_to_a_panic_is_left() -> !;
    }
    a_path_to_a_panic_is_left()
}
