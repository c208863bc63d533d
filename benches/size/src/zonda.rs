//! What the images on Zonda share.

use zonda::link::{Capabilities, DriverEnd, Port};
use zonda::netbuf::{NetBuf, Pool, Purpose};
use zonda::stack::Clock;
use zonda::time::Instant;

use crate::{MAC, nic};

/// Where the driver and the stack meet.
pub static PORT: Port = Port::new(Capabilities::ethernet(MAC));

/// The clock of the board.
pub struct Timer;

impl Clock for Timer {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::from(nic::microseconds()))
    }
}

/// What random numbers are made of.
pub fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for word in seed.as_chunks_mut().0 {
        *word = nic::entropy().to_ne_bytes();
    }
    seed
}

/// Takes what the interface has received into blocks.
pub fn receive(pool: Pool, driver: &DriverEnd<'_>) {
    loop {
        let length = nic::received();
        if length == 0 {
            return;
        }
        match pool.alloc_chain(Purpose::Receive, 2, length) {
            Ok(mut frame) => {
                let _ = frame.for_each_fragment_mut(nic::read);
                let _: Result<(), NetBuf> = driver.deliver(frame);
            }
            Err(_) => nic::skip(length),
        }
    }
}

/// Sends what the stack wants sent.
pub fn transmit(driver: &DriverEnd<'_>) {
    while let Some(frame) = driver.try_next_tx() {
        nic::begin(frame.len());
        frame.fragments().for_each(nic::write);
    }
}

/// `main`.
#[macro_export]
macro_rules! main {
    ($run:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn main() -> ! {
            let _: Option<()> = $run;
            loop {}
        }
    };
}

/// `main`, and a panic handler that cannot be linked: an image in which a panic is left is none.
#[macro_export]
macro_rules! no_panic_main {
    ($run:expr) => {
        $crate::main!($run);

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            unsafe extern "C" {
                safe fn a_path_to_a_panic_is_left() -> !;
            }
            a_path_to_a_panic_is_left()
        }
    };
}

/// An image of the UDP echo server, with packets handed on as they are or by way of an array.
#[cfg(feature = "udp")]
#[macro_export]
macro_rules! udp_echo {
    ($slices:literal, $blocks:literal, $size:literal) => {
        static POOL: zonda::netbuf::NetBufPool<$blocks, $size, 4, 4> =
            zonda::netbuf::NetBufPool::new();

        $crate::no_panic_main!($crate::zonda::udp::echo::<$slices>(POOL.pool()));
    };
}

/// The UDP echo server.
#[cfg(feature = "udp")]
pub mod udp {
    use core::net::{IpAddr, Ipv4Addr, SocketAddr};

    use firmware::Place;
    use zonda::iface::Ipv4Cidr;
    use zonda::link::LinkState;
    use zonda::netbuf::Pool;
    use zonda::socket::UdpSocket;
    use zonda::stack::{StackCell, StackStorage};

    use super::{PORT, Timer, receive, seed, transmit};
    use crate::{ADDRESS, ECHO};

    static STORAGE: Place<StackStorage<'static, 1, 1, 0, 0>> = Place::new();
    static STACK: Place<StackCell<'static>> = Place::new();

    /// Echoes what comes, with packets handed on as they are or (`SLICES`) by way of an array.
    #[inline(always)]
    pub fn echo<const SLICES: bool>(pool: Pool) -> Option<()> {
        let (driver, port) = PORT.split();
        let storage = STORAGE.put(StackStorage::new());
        let stack = STACK
            .put(StackCell::new(storage, pool, seed(), &Timer))
            .stack();
        let id = stack.attach(port).ok()?;
        stack
            .add_ipv4(id, Ipv4Cidr::new(Ipv4Addr::from(ADDRESS), 24))
            .ok()?;
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ECHO);
        let socket = UdpSocket::bind(stack, any).ok()?;
        driver.set_link(LinkState::Up);
        loop {
            receive(pool, &driver);
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
            transmit(&driver);
        }
    }
}
