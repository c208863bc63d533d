//! What the gateway does: it tells the device its addresses, calls on it, and lets datagrams from
//! this computer in.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as HostSocket};
use std::pin::pin;

use async_io::Async;
use embassy_futures::join::{join, join_array};
use embassy_futures::select::{Either, select};
use zonda::iface::{AdvertisedPrefix, Advertisement, Ipv6Cidr};
use zonda::netbuf::NetBufPool;
use zonda::socket::{Ping, UdpSocket};
use zonda::stack::{InterfaceId, Stack};
use zonda::time::Duration;

use crate::device::{ANY, ECHO};

/// Where the packets of the gateway are.
pub static POOL: NetBufPool<64, 1536> = NetBufPool::new();

/// Programs of this computer that can talk to the device at once; the longest silent one makes
/// place for another.
const GUESTS: usize = 4;
/// The sockets of the gateway: one for each of those, one for DHCP, two for its name, and one of its own.
pub const SOCKETS: usize = GUESTS + 4;

const PATIENCE: Duration = Duration::from_secs(1);

/// Advertises the subnet of the gateway's own address: devices make addresses of it, and take the
/// gateway for their router and for a server of names.
pub fn advertise(stack: Stack<'_>, id: InterfaceId, own: Ipv6Cidr) -> io::Result<()> {
    let mut what = Advertisement {
        min_interval: Duration::from_secs(15),
        max_interval: Duration::from_secs(60),
        lifetime: 1800,
        ..Advertisement::default()
    };
    let prefix = AdvertisedPrefix::new(own.address, own.prefix_length);
    what.prefixes.extend([prefix]);
    what.name_servers.extend([own.address]);
    stack.advertise(id, what).map_err(io::Error::other)
}

/// Pings the device and has it echo a datagram, over both IP versions.
pub async fn visit(stack: Stack<'_>, id: InterfaceId, targets: [IpAddr; 2]) {
    stack.ready(id).await;
    println!("gateway: link up");
    for target in targets {
        ping(stack, target).await;
    }
    for target in targets {
        match echo(stack, SocketAddr::new(target, ECHO)).await {
            Ok(()) => println!("gateway: UDP echo from {target}"),
            Err(why) => println!("gateway: no UDP echo from {target}: {why}"),
        }
    }
}

async fn ping(stack: Stack<'_>, target: IpAddr) {
    let ping = match Ping::new(stack) {
        Ok(ping) => ping,
        Err(why) => return println!("gateway: no ping: {why}"),
    };
    for sequence in 1..=3 {
        match ping.ping(target, sequence, &[0x5a; 56], PATIENCE).await {
            Ok(time) => println!("gateway: ping {target} {sequence}: {} µs", time.as_micros()),
            Err(why) => println!("gateway: ping {target} {sequence}: {why}"),
        }
    }
}

async fn echo(stack: Stack<'_>, target: SocketAddr) -> Result<(), String> {
    const WORDS: &[u8] = b"Is anybody there?";
    let socket = UdpSocket::bind(stack, SocketAddr::new(ANY, 0)).map_err(|why| why.to_string())?;
    socket.connect(target).map_err(|why| why.to_string())?;
    socket.send(WORDS).await.map_err(|why| why.to_string())?;
    match select(pin!(socket.recv()), stack.sleep(PATIENCE)).await {
        Either::First(Ok((answer, _))) if answer.equals(WORDS) => Ok(()),
        Either::First(Ok(_)) => Err("it says something else".into()),
        Either::First(Err(why)) => Err(why.to_string()),
        Either::Second(()) => Err("no answer in time".into()),
    }
}

/// Passes datagrams between a port of this computer and the device's echo port.
pub struct Bridge<'a> {
    host: Async<HostSocket>,
    device: SocketAddr,
    guests: [Guest<'a>; GUESTS],
}

/// A program of this computer, and the gateway's socket that stands for it.
struct Guest<'a> {
    socket: UdpSocket<'a>,
    address: Cell<Option<SocketAddr>>,
    heard: Cell<u64>,
}

impl<'a> Bridge<'a> {
    /// Opens `port` of 127.0.0.1, or any if that is 0.
    pub fn new(stack: Stack<'a>, port: u16, device: Ipv4Addr) -> io::Result<Self> {
        let host = Async::<HostSocket>::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
        let device = SocketAddr::new(device.into(), ECHO);
        let mut guests = Vec::new();
        for _ in 0..GUESTS {
            let socket = UdpSocket::bind(stack, SocketAddr::new(ANY, 0));
            let socket = socket.map_err(io::Error::other)?;
            socket.connect(device).map_err(io::Error::other)?;
            guests.push(Guest {
                socket,
                address: Cell::new(None),
                heard: Cell::new(0),
            });
        }
        let address = host.get_ref().local_addr()?;
        let port = address.port();
        println!("bridge: {address} leads to {device} (nc -u 127.0.0.1 {port})");
        let guests = guests.try_into();
        Ok(Self {
            host,
            device,
            guests: guests.unwrap_or_else(|_| unreachable!("there are {GUESTS}")),
        })
    }

    /// Passes datagrams on for ever.
    pub async fn run(&self) {
        let answers = self.guests.each_ref().map(|guest| self.answers(guest));
        let _ = join(self.questions(), join_array(answers)).await;
    }

    async fn questions(&self) {
        let mut bytes = [0; 2048];
        let mut count = 0;
        loop {
            // An error tells of an answer that found its reader gone.
            let Ok((length, from)) = self.host.recv_from(&mut bytes).await else {
                continue;
            };
            count += 1;
            let guest = self.guest(from);
            guest.heard.set(count);
            if let Err(why) = guest.socket.send(&bytes[..length]).await {
                println!("bridge: {length} bytes from {from} are lost: {why}");
            }
        }
    }

    /// The one with that address, or the place of the one silent for the longest.
    fn guest(&self, from: SocketAddr) -> &Guest<'a> {
        let [first, ..] = &self.guests;
        let known = self
            .guests
            .iter()
            .find(|guest| guest.address.get() == Some(from));
        known.unwrap_or_else(|| {
            let silent = self.guests.iter().min_by_key(|guest| guest.heard.get());
            let guest = silent.unwrap_or(first);
            guest.address.set(Some(from));
            println!("bridge: {from} talks to {}", self.device);
            guest
        })
    }

    async fn answers(&self, guest: &Guest<'_>) {
        let mut bytes = [0; 2048];
        loop {
            if let Ok((length, _)) = guest.socket.recv_from(&mut bytes).await
                && let Some(to) = guest.address.get()
            {
                // A reader that is gone misses nothing.
                let _ = self.host.send_to(&bytes[..length], to).await;
            }
        }
    }
}
