//! TCP echo on embassy-net: one connection.
#![no_std]
#![no_main]

use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use firmware::Place;
use size::embassy::{self, Device, seed};
use size::{ADDRESS, ECHO, WINDOW, room, tasks};

static DEVICE: Place<Device> = Place::new();
static RESOURCES: Place<StackResources<1>> = Place::new();
static BUFFERS: Place<[[u8; WINDOW]; 2]> = Place::new();

room!(NET: embassy::run);
room!(SERVER: echo);

async fn echo(stack: Stack<'static>) {
    let [received, sent] = BUFFERS.put([[0; WINDOW]; 2]);
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
