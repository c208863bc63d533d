//! The echo server on Zonda.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use firmware::Place;
use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, LinkState, Port};
use zonda::netbuf::{NetBufPool, Pool, Purpose};
use zonda::socket::UdpSocket;
use zonda::stack::{Clock, StackCell, StackStorage};
use zonda::time::Instant;

use crate::{ADDRESS, ECHO, MAC, nic};

static PORT: Port = Port::new(Capabilities::ethernet(MAC));
static STORAGE: Place<StackStorage<'static, 1, 1>> = Place::new();
static STACK: Place<StackCell<'static>> = Place::new();

/// The clock of the board.
pub struct Timer;

impl Clock for Timer {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::from(nic::microseconds()))
    }
}

/// Echoes what comes, with packets handed on as they are or (`SLICES`) by way of an array.
#[inline(always)]
pub fn echo<const SLICES: bool, const BLOCKS: usize, const SIZE: usize>(
    pool: &'static NetBufPool<BLOCKS, SIZE, 4, 4>,
) -> Option<()> {
    let pool = pool.pool();
    let (driver, port) = PORT.split();
    let mut seed = [0; 32];
    for word in seed.as_chunks_mut().0 {
        *word = nic::entropy().to_ne_bytes();
    }
    let storage = STORAGE.put(StackStorage::new());
    let stack = STACK
        .put(StackCell::new(storage, pool, seed, &Timer))
        .stack();
    let id = stack.attach(port).ok()?;
    stack
        .add_ipv4(id, Ipv4Cidr::new(Ipv4Addr::from(ADDRESS), 24))
        .ok()?;
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ECHO);
    let socket = UdpSocket::bind(stack, any).ok()?;
    driver.set_link(LinkState::Up);
    loop {
        receive(pool, |frame| driver.deliver(frame).is_ok());
        let _ = stack.poll();
        if SLICES {
            let mut data = [0; 1472];
            while let Some((length, info)) = socket.try_recv_from(&mut data) {
                let data = data.get(..length).unwrap_or(&[]);
                let _ = socket.try_send_to(data, Some(info.source));
            }
        } else {
            while let Some((data, info)) = socket.try_recv() {
                let _ = socket.try_send(data, Some(info.source));
            }
        }
        while let Some(frame) = driver.try_next_tx() {
            nic::begin(frame.len());
            frame.fragments().for_each(nic::write);
        }
    }
}

/// Takes what the interface has received into blocks.
pub fn receive(pool: Pool, deliver: impl Fn(zonda::netbuf::NetBuf) -> bool) {
    loop {
        let length = nic::received();
        if length == 0 {
            return;
        }
        match pool.alloc_chain(Purpose::Receive, 2, length) {
            Ok(mut frame) => {
                let _ = frame.for_each_fragment_mut(nic::read);
                let _ = deliver(frame);
            }
            Err(_) => nic::skip(length),
        }
    }
}

/// `main`, and a panic handler that cannot be linked: an image in which a panic is left is none.
#[macro_export]
macro_rules! zonda_image {
    ($slices:literal, $blocks:literal, $size:literal) => {
        static POOL: zonda::netbuf::NetBufPool<$blocks, $size, 4, 4> =
            zonda::netbuf::NetBufPool::new();

        #[unsafe(no_mangle)]
        extern "C" fn main() -> ! {
            let _ = $crate::zonda::echo::<$slices, $blocks, $size>(&POOL);
            loop {}
        }

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            unsafe extern "C" {
                safe fn a_path_to_a_panic_is_left() -> !;
            }
            a_path_to_a_panic_is_left()
        }
    };
}
