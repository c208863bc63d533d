//! What the device does, on whatever network it is.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use embassy_futures::join::{join, join_array};
use embassy_futures::yield_now;
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{AddressOrigin, AddressState, Ipv4Cidr, Ipv4State, Ipv6Address, Ipv6Cidr};
use zonda::link::StackEnd;
use zonda::netbuf::NetBufPool;
use zonda::socket::{SendError, TcpError, TcpListener, TcpSocket, UdpSocket};
use zonda::stack::{InterfaceId, Stack};
use zonda::time::Duration;

use crate::web;

/// Where the packets of the device are.
pub static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();

/// The UDP sockets of the device: for DHCP, for its name, for what it offers, and for names that its page
/// is asked for.
pub const SOCKETS: usize = 4 + 4;

/// All addresses of both IP versions.
pub const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// RFC 862.
pub const ECHO: u16 = 7;
/// RFC 863.
const DISCARD: u16 = 9;

/// TCP connections that are served at once, on each port.
const WORKERS: usize = 5;
/// TCP connections that may wait until others are done, on each port.
const BACKLOG: u16 = 32;
/// Silence after which a TCP peer is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// All TCP connections, with those that are closing.
pub const CONNECTIONS: usize =
    2 * (WORKERS + BACKLOG as usize) + web::PLACES + web::BACKLOG as usize + 8;

/// Attaches a port with these addresses.
pub fn attach<'a>(
    stack: Stack<'a>,
    port: StackEnd<'a>,
    ipv4: Option<Ipv4Cidr>,
    ipv6: Option<Ipv6Cidr>,
) -> io::Result<InterfaceId> {
    let id = stack.attach(port).map_err(io::Error::other)?;
    if let Some(cidr) = ipv4 {
        stack.add_ipv4(id, cidr).map_err(io::Error::other)?;
    }
    if let Some(cidr) = ipv6 {
        stack.add_ipv6(id, cidr).map_err(io::Error::other)?;
    }
    Ok(id)
}

/// Sends what is for no neighbour to `gateway`.
pub fn add_gateway(stack: Stack<'_>, id: InterfaceId, gateway: Ipv4Addr) -> io::Result<()> {
    let everywhere = Prefix::new(Ipv4Addr::UNSPECIFIED.into(), 0).map_err(io::Error::other)?;
    let route = Route {
        prefix: everywhere,
        gateway: Some(gateway.into()),
        interface: id,
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    };
    stack.add_route(route).map_err(io::Error::other)
}

/// Says when the link of an interface is up and it is known whether its addresses may be used, and
/// what they are.
pub async fn greet(stack: Stack<'_>, id: InterfaceId, name: &str) {
    stack.ready(id).await;
    let addresses = stack.interface(id).map(|interface| {
        let ipv4 = interface.ipv4.iter().map(|entry| {
            let note = match entry.state {
                Ipv4State::Conflicted => " (in use by another station)",
                _ => "",
            };
            let Ipv4Cidr {
                address,
                prefix_length,
            } = entry.cidr;
            format!("{address}/{prefix_length}{note}")
        });
        let ipv6 = interface.ipv6.iter().map(|known| {
            let note = match known.state {
                AddressState::Duplicate => " (in use by another station)",
                _ => "",
            };
            format!("{}/{}{note}", known.address, known.prefix_length)
        });
        ipv4.chain(ipv6).collect::<Vec<_>>()
    });
    let addresses = addresses.unwrap_or_default().join(", ");
    println!("device: link up on {name}, {addresses}");
}

/// Waits until the device has made an address of a prefix that a router advertises.
pub async fn configured(stack: Stack<'_>, id: InterfaceId) -> Ipv6Addr {
    let mut events = stack.events();
    loop {
        let addresses = stack.interface(id).map(|interface| interface.ipv6);
        let mut addresses = addresses.iter().flatten();
        let is_made = |known: &&Ipv6Address| {
            (known.origin, known.state) == (AddressOrigin::Autoconfigured, AddressState::Preferred)
        };
        if let Some(made) = addresses.find(is_made) {
            return made.address;
        }
        // Whatever it is: the addresses are looked at again.
        let _ = events.next().await;
    }
}

/// What the device offers.
pub struct Services<'a> {
    echo: UdpSocket<'a>,
    discard: UdpSocket<'a>,
    echo_streams: TcpListener<'a>,
    discard_streams: TcpListener<'a>,
}

impl<'a> Services<'a> {
    /// Opens the ports, on all addresses of both IP versions.
    pub fn bind(stack: Stack<'a>) -> io::Result<Self> {
        let bind = |port| {
            let socket = UdpSocket::bind(stack, SocketAddr::new(ANY, port));
            let socket = socket.map_err(io::Error::other)?;
            // Each may fill what there is for received packets, until the other one needs some.
            socket.set_quota(u32::MAX, POOL.pool().limits().held);
            io::Result::Ok(socket)
        };
        let listen = |port| {
            let listener = TcpListener::bind(stack, SocketAddr::new(ANY, port), BACKLOG);
            listener.map_err(io::Error::other)
        };
        Ok(Self {
            echo: bind(ECHO)?,
            discard: bind(DISCARD)?,
            echo_streams: listen(ECHO)?,
            discard_streams: listen(DISCARD)?,
        })
    }

    /// Serves for ever.
    pub async fn run(&self) {
        let datagrams = join(echo(&self.echo), discard(&self.discard));
        let echoes = [(); WORKERS].map(|()| accept(&self.echo_streams, echo_stream));
        let discards = [(); WORKERS].map(|()| accept(&self.discard_streams, discard_stream));
        let _ = join(datagrams, join(join_array(echoes), join_array(discards))).await;
    }
}

/// Sends each datagram back in the blocks that it came in.
async fn echo(socket: &UdpSocket<'_>) -> Infallible {
    loop {
        // Only a connected socket has errors.
        let Ok((data, info)) = socket.recv().await else {
            continue;
        };
        // A driver that is behind has its turn, once; if there is still no room, or no link, the
        // answer is lost, as on any busy network.
        if let Err((data, SendError::QueueFull)) = socket.try_reply(data, &info) {
            yield_now().await;
            let _ = socket.try_reply(data, &info);
        }
    }
}

async fn discard(socket: &UdpSocket<'_>) -> Infallible {
    loop {
        let _ = socket.recv().await;
    }
}

/// Serves one connection after the other.
async fn accept<'a>(
    listener: &TcpListener<'a>,
    serve: impl AsyncFn(&mut TcpSocket<'a>) -> Result<(), TcpError>,
) -> Infallible {
    loop {
        let mut socket = listener.accept().await;
        socket.set_keepalive(Some(KEEPALIVE));
        // A connection that is broken off concerns nobody else; the end of `socket` closes it.
        let _ = serve(&mut socket).await;
    }
}

/// Sends what comes back in the blocks that it came in, to the end.
async fn echo_stream(socket: &mut TcpSocket<'_>) -> Result<(), TcpError> {
    while let Some(data) = socket.recv().await? {
        socket.send(data).await?;
    }
    Ok(())
}

async fn discard_stream(socket: &mut TcpSocket<'_>) -> Result<(), TcpError> {
    while socket.recv().await?.is_some() {}
    Ok(())
}

/// Another address of the subnet: its first one, or its second one if the first is taken.
pub fn beside_ipv4(cidr: Ipv4Cidr) -> Ipv4Addr {
    let first = cidr.address.to_bits() & cidr.mask() | 1;
    match first == cidr.address.to_bits() {
        true => Ipv4Addr::from_bits(first ^ 3),
        false => Ipv4Addr::from_bits(first),
    }
}

/// As [`beside_ipv4`].
pub fn beside_ipv6(cidr: Ipv6Cidr) -> Ipv6Addr {
    let host = u128::MAX.checked_shr(cidr.prefix_length.into());
    let first = cidr.address.to_bits() & !host.unwrap_or(0) | 1;
    match first == cidr.address.to_bits() {
        true => Ipv6Addr::from_bits(first ^ 3),
        false => Ipv6Addr::from_bits(first),
    }
}
