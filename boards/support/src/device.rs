//! The stack of a board, with all applications on it.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use apps::dhcp_dns::{self, News};
use apps::{status, tcp_echo, udp_echo};
use embassy_executor::Spawner;
use embassy_futures::join::{join, join4};
use static_cell::StaticCell;
use zonda::iface::{ConflictDetection, Ipv4Cidr, Ipv6Cidr};
use zonda::link::Port;
use zonda::netbuf::Pool;
use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client};
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};

use crate::executor::apart;
use crate::say;

/// TCP connections that are served at once.
pub const CLIENTS: usize = 4;
/// The tables of the stack: the echo's connections, as many that wait, and the sockets of the
/// applications.
pub type Storage = StackStorage<'static, 1, 6, { 2 * CLIENTS }, 1>;

/// The addresses that each board has, beside those that the network gives it.
const IPV4: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 2), 24);
const IPV6: Ipv6Cidr = Ipv6Cidr::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2), 64);
/// The echo service (RFC 862), by UDP and TCP.
const ECHO: u16 = 7;
/// Who asks here is told of the pool.
const STATUS: u16 = 7001;
/// What is looked up when there is an address by DHCP.
const NAME: &str = "zonda.test";

/// Starts a stack on `port`, its runner and the applications. To be called once.
pub fn start(spawner: Spawner, pool: Pool, port: &'static Port, seed: [u8; 32]) -> Stack<'static> {
    static STORAGE: StaticCell<Storage> = StaticCell::new();
    static STACK: StaticCell<StackCell<'static>> = StaticCell::new();
    let storage = apart(|| STORAGE.init(Storage::new()));
    let stack = apart(|| {
        STACK
            .init(StackCell::new(storage, pool, seed, &EmbassyClock))
            .stack()
    });
    let id = stack
        .attach(port.split().1)
        .expect("there is one interface");
    // It has its network for itself, so nobody needs to be asked.
    let _: bool = stack.set_conflict_detection(id, ConflictDetection::Off);
    stack.add_ipv4(id, IPV4).expect("there is room for it");
    stack.add_ipv6(id, IPV6).expect("there is room for it");
    spawner.spawn(run(stack).expect("spawned once"));
    apart(|| spawner.spawn(serve(stack, id, port).expect("spawned once")));
    stack
}

#[embassy_executor::task]
async fn run(stack: Stack<'static>) {
    match Runner::new(stack).run().await {}
}

#[embassy_executor::task]
async fn serve(stack: Stack<'static>, id: InterfaceId, port: &'static Port) {
    let any = |port| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    let client = Dhcpv4Client::new(stack, id, ClientConfig::new().host_name("zonda"));
    let client = client.expect("the name fits a message");
    let greet = async {
        stack.ready(id).await;
        say!("ready");
    };
    let echo = join4(
        greet,
        udp_echo::run(stack, any(ECHO)),
        tcp_echo::run::<CLIENTS>(stack, any(ECHO)),
        status::run(stack, port, any(STATUS)),
    );
    let network = dhcp_dns::run(stack, &client, NAME, |news| match news {
        News::Lease(lease) => say!("lease {}", lease.address.address),
        News::Found(Ok(found)) => found.iter().for_each(|address| say!("{NAME} {address}")),
        News::Found(Err(error)) => say!("{NAME} {error}"),
    });
    let ended = join(echo, network).await;
    panic!("{ended:?}");
}
