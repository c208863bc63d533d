//! DHCP, DNS, a TCP client, TCP and UDP echo on smoltcp, over IPv4 and IPv6.
#![no_std]
#![no_main]

use firmware::Place;
use size::smoltcp::{Device, now, seed};
use size::{ADDRESS6, ECHO, GREETING, MAC, SERVER, WINDOW};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::{dhcpv4, dns, tcp, udp};
use smoltcp::wire::{DnsQueryType, EthernetAddress, IpAddress, IpCidr, Ipv6Address};

static DEVICE: Place<Device> = Place::new();
static INTERFACE: Place<Interface> = Place::new();
static SOCKETS: Place<[SocketStorage<'static>; 5]> = Place::new();
static METADATA: Place<[[udp::PacketMetadata; 4]; 2]> = Place::new();
static PAYLOAD: Place<[[u8; 1536]; 2]> = Place::new();
static SERVED: Place<[[u8; WINDOW]; 2]> = Place::new();
static ASKED: Place<[[u8; WINDOW]; 2]> = Place::new();
static QUERIES: Place<[Option<dns::DnsQuery>; 1]> = Place::new();

fn tcp_socket(buffers: &'static mut [[u8; WINDOW]; 2]) -> tcp::Socket<'static> {
    let [received, sent] = buffers;
    tcp::Socket::new(
        tcp::SocketBuffer::new(&mut received[..]),
        tcp::SocketBuffer::new(&mut sent[..]),
    )
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let device = DEVICE.put(Device::new());
    let mut config = Config::new(EthernetAddress(MAC).into());
    config.random_seed = seed();
    #[cfg(feature = "dual-slaac")]
    {
        config.slaac = true;
    }
    let interface = INTERFACE.put(Interface::new(config, device, now()));
    let [a, b, c, d, e, f, g, h] = ADDRESS6;
    interface.update_ip_addrs(|addresses| {
        let local = Ipv6Address::new(a, b, c, d, e, f, g, h);
        let _ = addresses.push(IpCidr::new(local.into(), 64));
    });
    let mut sockets = SocketSet::new(&mut SOCKETS.put([SocketStorage::EMPTY; 5])[..]);
    let [metadata_in, metadata_out] = METADATA.put([[udp::PacketMetadata::EMPTY; 4]; 2]);
    let [payload_in, payload_out] = PAYLOAD.put([[0; 1536]; 2]);
    let mut datagrams = udp::Socket::new(
        udp::PacketBuffer::new(&mut metadata_in[..], &mut payload_in[..]),
        udp::PacketBuffer::new(&mut metadata_out[..], &mut payload_out[..]),
    );
    let _ = datagrams.bind(ECHO);
    let datagrams = sockets.add(datagrams);
    let server = sockets.add(tcp_socket(SERVED.put([[0; WINDOW]; 2])));
    let client = sockets.add(tcp_socket(ASKED.put([[0; WINDOW]; 2])));
    let dhcp = sockets.add(dhcpv4::Socket::new());
    let queries = QUERIES.put([const { None }]);
    let resolver = sockets.add(dns::Socket::new(&[], &mut queries[..]));
    let mut query = None;
    let mut has_greeted = false;
    loop {
        let _ = interface.poll(now(), device, &mut sockets);

        let socket = sockets.get_mut::<udp::Socket>(datagrams);
        let mut data = [0; 1472];
        while let Ok((length, from)) = socket.recv_slice(&mut data) {
            let _ = socket.send_slice(&data[..length], from.endpoint);
        }

        let socket = sockets.get_mut::<tcp::Socket>(server);
        if !socket.is_open() {
            let _ = socket.listen(ECHO);
        }
        if socket.can_recv() && socket.can_send() {
            let room = (socket.send_capacity() - socket.send_queue()).min(data.len());
            let length = socket.recv_slice(&mut data[..room]).unwrap_or(0);
            let _ = socket.send_slice(&data[..length]);
        } else if socket.may_send() && !socket.may_recv() {
            socket.close();
        }

        match sockets.get_mut::<dhcpv4::Socket>(dhcp).poll() {
            None => {}
            Some(dhcpv4::Event::Configured(lease)) => {
                let address = lease.address;
                let router = lease.router;
                let mut servers = [IpAddress::v4(0, 0, 0, 0); 1];
                let count = lease.dns_servers.len().min(1);
                for (place, server) in servers.iter_mut().zip(&lease.dns_servers) {
                    *place = (*server).into();
                }
                interface.update_ip_addrs(|addresses| {
                    addresses.retain(|it| matches!(it, IpCidr::Ipv6(_)));
                    let _ = addresses.push(IpCidr::Ipv4(address));
                });
                match router {
                    Some(router) => {
                        let _ = interface.routes_mut().add_default_ipv4_route(router);
                    }
                    None => {
                        let _ = interface.routes_mut().remove_default_ipv4_route();
                    }
                }
                let socket = sockets.get_mut::<dns::Socket>(resolver);
                socket.update_servers(&servers[..count]);
                query = socket
                    .start_query(interface.context(), SERVER.0, DnsQueryType::A)
                    .ok();
            }
            Some(dhcpv4::Event::Deconfigured) => {
                interface.update_ip_addrs(|addresses| {
                    addresses.retain(|it| matches!(it, IpCidr::Ipv6(_)));
                });
                let _ = interface.routes_mut().remove_default_ipv4_route();
            }
        }

        if let Some(handle) = query {
            match sockets
                .get_mut::<dns::Socket>(resolver)
                .get_query_result(handle)
            {
                Ok(addresses) => {
                    query = None;
                    let socket = sockets.get_mut::<tcp::Socket>(client);
                    let local = 49152 + (seed() as u16 >> 2);
                    let _ = socket.connect(interface.context(), (addresses[0], SERVER.1), local);
                }
                Err(dns::GetQueryResultError::Pending) => {}
                Err(_) => query = None,
            }
        }
        let socket = sockets.get_mut::<tcp::Socket>(client);
        if socket.can_send() && !has_greeted {
            has_greeted = socket.send_slice(GREETING).is_ok();
        }
        while socket.can_recv() && socket.recv_slice(&mut data).is_ok() {}
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
