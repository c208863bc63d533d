//! UDP echo on Zonda, and what a feature needs to be used, where it does nothing by itself.
#![no_std]
#![no_main]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use firmware::Place;
use size::zonda::{PORT, Timer, receive, seed, transmit};
use size::{ADDRESS, ECHO, room, tasks};
use zonda::iface::Ipv4Cidr;
use zonda::link::LinkState;
use zonda::netbuf::NetBufPool;
use zonda::socket::UdpSocket;
use zonda::stack::{Stack, StackCell, StackStorage};

static POOL: NetBufPool<8, 512, 4, 4> = NetBufPool::new();
static STORAGE: Place<StackStorage<'static, 1, 2, 2, 1>> = Place::new();
static STACK: Place<StackCell<'static>> = Place::new();

room!(SERVER: echo);

async fn echo(stack: Stack<'static>) {
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ECHO);
    let Ok(socket) = UdpSocket::bind(stack, any) else {
        return;
    };
    loop {
        if let Ok((data, from)) = socket.recv().await {
            let _ = socket.try_send(data, Some(from.source));
        }
    }
}

#[cfg(feature = "ping")]
mod ping {
    use super::*;

    room!(PING: run);

    pub async fn run(stack: Stack<'static>) {
        let to = IpAddr::V4(Ipv4Addr::from(ADDRESS));
        if let Ok(ping) = zonda::socket::Ping::new(stack) {
            let timeout = zonda::time::Duration::from_secs(1);
            let _ = ping.ping(to, 1, &[0; 8], timeout).await;
        }
    }
}

#[cfg(feature = "dns")]
mod dns {
    use super::*;

    room!(DNS: run);

    pub async fn run(stack: Stack<'static>) {
        use zonda::proto::dns::{Family, Resolver};

        let resolver = Resolver::new(stack);
        let _ = resolver.set_servers(&[SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ADDRESS)), 53)]);
        let _ = resolver.lookup_host(size::SERVER.0, Family::V4).await;
    }
}

#[cfg(feature = "dhcpv4-client")]
mod dhcp {
    use super::*;

    room!(DHCP: run);

    pub async fn run(stack: Stack<'static>) {
        use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client};

        if let Ok(client) = Dhcpv4Client::new(stack, 0, ClientConfig::new()) {
            let _ = client.run().await;
        }
    }
}

#[cfg(feature = "tcp")]
mod tcp {
    use super::*;

    room!(TCP: run);

    pub async fn run(stack: Stack<'static>) {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ECHO);
        let Ok(listener) = zonda::socket::TcpListener::bind(stack, any, 1) else {
            return;
        };
        loop {
            let mut socket = listener.accept().await;
            while let Ok(Some(data)) = socket.recv().await {
                if socket.send(data).await.is_err() {
                    break;
                }
            }
        }
    }
}

fn run() -> Option<()> {
    let pool = POOL.pool();
    let (driver, port) = PORT.split();
    let storage = STORAGE.put(StackStorage::new());
    let cell = StackCell::new(storage, pool, seed(), &Timer);
    let stack = STACK.put(cell).stack();
    let id = stack.attach(port).ok()?;
    stack
        .add_ipv4(id, Ipv4Cidr::new(Ipv4Addr::from(ADDRESS), 24))
        .ok()?;
    driver.set_link(LinkState::Up);
    let mut tasks = [
        SERVER.put(echo(stack)),
        #[cfg(feature = "ping")]
        ping::PING.put(ping::run(stack)),
        #[cfg(feature = "dns")]
        dns::DNS.put(dns::run(stack)),
        #[cfg(feature = "dhcpv4-client")]
        dhcp::DHCP.put(dhcp::run(stack)),
        #[cfg(feature = "tcp")]
        tcp::TCP.put(tcp::run(stack)),
    ];
    loop {
        receive(pool, &driver);
        let _ = stack.poll();
        tasks::turn(&mut tasks);
        transmit(&driver);
    }
}

size::main!(run());

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
