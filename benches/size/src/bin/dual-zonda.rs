//! DHCP, DNS, a TCP client, TCP and UDP echo on Zonda, over IPv4 and IPv6: 12 blocks of 512 bytes.
#![no_std]
#![no_main]

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use firmware::Place;
use size::zonda::{PORT, Timer, receive, seed, transmit};
use size::{ADDRESS6, ECHO, GREETING, SERVER, room, tasks};
use zonda::iface::Ipv6Cidr;
use zonda::link::LinkState;
use zonda::netbuf::NetBufPool;
use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client};
use zonda::proto::dns::{Family, Resolver};
use zonda::socket::{TcpListener, TcpSocket, UdpSocket};
use zonda::stack::{Stack, StackCell, StackStorage};

static POOL: NetBufPool<12, 512, 8, 8> = NetBufPool::new();
static STORAGE: Place<StackStorage<'static, 1, 3, 2, 1>> = Place::new();
static STACK: Place<StackCell<'static>> = Place::new();
static DHCP_CLIENT: Place<Dhcpv4Client<'static, 'static>> = Place::new();

room!(DHCP: dhcp);
room!(TCP: tcp_echo);
room!(UDP: udp_echo);
room!(CLIENT: client);

async fn dhcp(client: &'static Dhcpv4Client<'static, 'static>) {
    let _ = client.run().await;
}

async fn tcp_echo(listener: TcpListener<'static>) {
    loop {
        let mut socket = listener.accept().await;
        while let Ok(Some(data)) = socket.recv().await {
            if socket.send(data).await.is_err() {
                break;
            }
        }
    }
}

async fn udp_echo(socket: UdpSocket<'static>) {
    loop {
        if let Ok((data, from)) = socket.recv().await {
            let _ = socket.try_reply(data, &from);
        }
    }
}

async fn client((stack, dhcp): (Stack<'static>, &'static Dhcpv4Client<'static, 'static>)) {
    let _ = dhcp.bound().await;
    let resolver = Resolver::new(stack);
    let Ok(addresses) = resolver.lookup_host(SERVER.0, Family::V4).await else {
        return;
    };
    let Some(address) = addresses.iter().next() else {
        return;
    };
    let remote = SocketAddr::new(*address, SERVER.1);
    let Ok(mut socket) = TcpSocket::connect(stack, remote).await else {
        return;
    };
    let _ = embedded_io_async::Write::write(&mut socket, GREETING).await;
    let mut data = [0; 64];
    while let Ok(1..) = embedded_io_async::Read::read(&mut socket, &mut data).await {}
}

fn run() -> Option<()> {
    let pool = POOL.pool();
    let (driver, port) = PORT.split();
    let storage = STORAGE.put(StackStorage::new());
    let cell = StackCell::new(storage, pool, seed(), &Timer);
    let stack = STACK.put(cell).stack();
    let id = stack.attach(port).ok()?;
    if !cfg!(feature = "dual-slaac") {
        let cidr = Ipv6Cidr::new(Ipv6Addr::from(ADDRESS6), 64);
        stack.add_ipv6(id, cidr).ok()?;
    }
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), ECHO);
    let listener = TcpListener::bind(stack, any, 1).ok()?;
    let datagrams = UdpSocket::bind(stack, any).ok()?;
    let client_of_dhcp = Dhcpv4Client::new(stack, id, ClientConfig::new()).ok()?;
    let client_of_dhcp = DHCP_CLIENT.put(client_of_dhcp);
    driver.set_link(LinkState::Up);
    let mut tasks = [
        DHCP.put(dhcp(client_of_dhcp)),
        TCP.put(tcp_echo(listener)),
        UDP.put(udp_echo(datagrams)),
        CLIENT.put(client((stack, client_of_dhcp))),
    ];
    loop {
        receive(pool, &driver);
        let _ = stack.poll();
        tasks::turn(&mut tasks);
        transmit(&driver);
    }
}

size::main!(run());

/// The compiler leaves one path here: that of an asynchronous function polled after its end.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
