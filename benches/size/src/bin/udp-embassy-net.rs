//! UDP echo on embassy-net, with as much room for packets as on smoltcp.
#![no_std]
#![no_main]

use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use firmware::Place;
use size::embassy::{self, Device, seed};
use size::{ADDRESS, ECHO, room, tasks};

static DEVICE: Place<Device> = Place::new();
static RESOURCES: Place<StackResources<1>> = Place::new();
static METADATA: Place<[[PacketMetadata; 4]; 2]> = Place::new();
static PAYLOAD: Place<[[u8; 1536]; 2]> = Place::new();

room!(NET: embassy::run);
room!(SERVER: echo);

async fn echo(stack: Stack<'static>) {
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

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let [a, b, c, d] = ADDRESS;
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(a, b, c, d), 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let device = DEVICE.put(Device::new());
    let resources = RESOURCES.put(StackResources::new());
    let (stack, runner) = embassy_net::new(device, config, resources, seed());
    let mut tasks = [NET.put(embassy::run(runner)), SERVER.put(echo(stack))];
    loop {
        tasks::turn(&mut tasks);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
