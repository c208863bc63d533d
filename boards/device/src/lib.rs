//! The stack of a board, with all applications on it.
#![no_std]

#[cfg(feature = "hardware")]
pub mod hardware;

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use apps::dhcp_dns;
use apps::{status, tcp_echo, udp_echo};
use embassy_executor::Spawner;
use embassy_futures::join::{join, join4};
use static_cell::StaticCell;
use zonda::iface::Ipv4Cidr;
use zonda::link::Port;
use zonda::netbuf::Pool;
use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client};
use zonda::proto::dns::DnsError;
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};

/// TCP connections that are served at once.
pub const CLIENTS: usize = 4;
/// The tables of the stack: the echo's connections, as many that wait, and the sockets of the
/// applications.
pub type Storage = StackStorage<'static, 1, 6, { 2 * CLIENTS }, 1>;

/// The echo service (RFC 862), by UDP and TCP.
const ECHO: u16 = 7;
/// Who asks here is told of the pool.
const STATUS: u16 = 7001;

/// What has happened.
#[derive(Clone, Copy)]
pub enum News {
    /// The link is up, and the addresses are good.
    Ready,
    /// DHCP has given an address.
    Lease(Ipv4Cidr),
    /// The name has this address.
    Found(IpAddr),
    /// The name has none.
    NotFound(DnsError),
}

/// Starts a stack on `port`, its runner and the applications: they look `name` up when there is an
/// address by DHCP, and `tell` what happens. To be called once.
pub fn start(
    spawner: Spawner,
    pool: Pool,
    port: &'static Port,
    seed: [u8; 32],
    name: &'static str,
    tell: fn(News),
) -> (Stack<'static>, InterfaceId) {
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
    spawner.spawn(run(stack).expect("spawned once"));
    apart(|| spawner.spawn(serve(stack, id, port, name, tell).expect("spawned once")));
    (stack, id)
}

/// Does something that puts much on the stack, and takes it off again: what is done once shall not
/// add up with what is done all the time.
#[inline(never)]
pub fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[embassy_executor::task]
async fn run(stack: Stack<'static>) {
    match Runner::new(stack).run().await {}
}

#[embassy_executor::task]
async fn serve(
    stack: Stack<'static>,
    id: InterfaceId,
    port: &'static Port,
    name: &'static str,
    tell: fn(News),
) {
    let any = |port| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    let client = Dhcpv4Client::new(stack, id, ClientConfig::new().host_name("zonda"));
    let client = client.expect("the name fits a message");
    let greet = async {
        stack.ready(id).await;
        tell(News::Ready);
    };
    let echo = join4(
        greet,
        udp_echo::run(stack, any(ECHO)),
        tcp_echo::run::<CLIENTS>(stack, any(ECHO)),
        status::run(stack, port, any(STATUS)),
    );
    let network = dhcp_dns::run(stack, &client, name, |news| match news {
        dhcp_dns::News::Lease(lease) => tell(News::Lease(lease.address)),
        dhcp_dns::News::Found(Ok(found)) => (found.iter()).for_each(|one| tell(News::Found(*one))),
        dhcp_dns::News::Found(Err(error)) => tell(News::NotFound(error)),
    });
    let ended = join(echo, network).await;
    panic!("{ended:?}");
}
