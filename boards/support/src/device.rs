//! The stack of a board in QEMU: it has addresses that the tests know, and tells on the console what
//! happens.

use core::net::{Ipv4Addr, Ipv6Addr};

use device::News;
use embassy_executor::Spawner;
use zonda::iface::{ConflictDetection, Ipv4Cidr, Ipv6Cidr};
use zonda::link::Port;
use zonda::netbuf::Pool;
use zonda::stack::Stack;

use crate::say;

/// The addresses that each board has, beside those that the network gives it.
const IPV4: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 2), 24);
const IPV6: Ipv6Cidr = Ipv6Cidr::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2), 64);
/// What is looked up when there is an address by DHCP.
const NAME: &str = "zonda.test";

/// Starts a stack on `port`, its runner and the applications. To be called once.
pub fn start(spawner: Spawner, pool: Pool, port: &'static Port, seed: [u8; 32]) -> Stack<'static> {
    let (stack, id) = device::start(spawner, pool, port, seed, NAME, tell);
    // It has its network for itself, so nobody needs to be asked.
    let _: bool = stack.set_conflict_detection(id, ConflictDetection::Off);
    stack.add_ipv4(id, IPV4).expect("there is room for it");
    stack.add_ipv6(id, IPV6).expect("there is room for it");
    stack
}

fn tell(news: News) {
    match news {
        News::Ready => say!("ready"),
        News::Lease(lease) => say!("lease {}", lease.address),
        News::Found(address) => say!("{NAME} {address}"),
        News::NotFound(error) => say!("{NAME} {error}"),
    }
}
