//! DHCP, DNS, a TCP client, TCP and UDP echo on embassy-net, over IPv4 and IPv6.
#![no_std]
#![no_main]

use embassy_net::dns::DnsQueryType;
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, ConfigV6, Ipv6Cidr, Stack, StackResources, StaticConfigV6};
use firmware::Place;
use size::embassy::{self, Device, seed};
use size::{ADDRESS6, ECHO, GREETING, SERVER, WINDOW, room, tasks};

static DEVICE: Place<Device> = Place::new();
static RESOURCES: Place<StackResources<5>> = Place::new();
static METADATA: Place<[[PacketMetadata; 4]; 2]> = Place::new();
static PAYLOAD: Place<[[u8; 1536]; 2]> = Place::new();
static SERVED: Place<[[u8; WINDOW]; 2]> = Place::new();
static ASKED: Place<[[u8; WINDOW]; 2]> = Place::new();

room!(NET: embassy::run);
room!(TCP: tcp_echo);
room!(UDP: udp_echo);
room!(CLIENT: client);

async fn tcp_echo(stack: Stack<'static>) {
    let [received, sent] = SERVED.put([[0; WINDOW]; 2]);
    let mut socket = TcpSocket::new(stack, received, sent);
    let mut data = [0; 512];
    loop {
        let _ = socket.accept(ECHO).await;
        while let Ok(length @ 1..) = socket.read(&mut data).await {
            let mut left = &data[..length];
            while let Ok(written @ 1..) = socket.write(left).await {
                left = &left[written..];
            }
        }
        socket.close();
        let _ = socket.flush().await;
        socket.abort();
    }
}

async fn udp_echo(stack: Stack<'static>) {
    let [metadata_in, metadata_out] = METADATA.put([[PacketMetadata::EMPTY; 4]; 2]);
    let [payload_in, payload_out] = PAYLOAD.put([[0; 1536]; 2]);
    let mut socket = UdpSocket::new(stack, metadata_in, payload_in, metadata_out, payload_out);
    let _ = socket.bind(ECHO);
    let mut data = [0; 1472];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut data).await {
            let _ = socket.send_to(&data[..length], from.endpoint).await;
        }
    }
}

async fn client(stack: Stack<'static>) {
    stack.wait_config_up().await;
    let Ok(addresses) = stack.dns_query(SERVER.0, DnsQueryType::A).await else {
        return;
    };
    let [received, sent] = ASKED.put([[0; WINDOW]; 2]);
    let mut socket = TcpSocket::new(stack, received, sent);
    if socket.connect((addresses[0], SERVER.1)).await.is_err() {
        return;
    }
    let _ = socket.write(GREETING).await;
    let mut data = [0; 64];
    while let Ok(1..) = socket.read(&mut data).await {}
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let mut config = Config::dhcpv4(Default::default());
    let [a, b, c, d, e, f, g, h] = ADDRESS6;
    config.ipv6 = ConfigV6::Static(StaticConfigV6 {
        address: Ipv6Cidr::new(core::net::Ipv6Addr::new(a, b, c, d, e, f, g, h), 64),
        gateway: None,
        dns_servers: Default::default(),
    });
    #[cfg(feature = "dual-slaac")]
    {
        config.ipv6 = ConfigV6::Slaac;
    }
    let device = DEVICE.put(Device::new());
    let resources = RESOURCES.put(StackResources::new());
    let (stack, runner) = embassy_net::new(device, config, resources, seed());
    let mut tasks = [
        NET.put(embassy::run(runner)),
        TCP.put(tcp_echo(stack)),
        UDP.put(udp_echo(stack)),
        CLIENT.put(client(stack)),
    ];
    loop {
        tasks::turn(&mut tasks);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
