//! UDP echo on smoltcp, with as much room for packets as `udp-zonda-1536`.
#![no_std]
#![no_main]

use firmware::Place;
use size::smoltcp::{Device, now, seed};
use size::{ADDRESS, ECHO, MAC};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

static DEVICE: Place<Device> = Place::new();
static INTERFACE: Place<Interface> = Place::new();
static SOCKETS: Place<[SocketStorage<'static>; 1]> = Place::new();
static METADATA: Place<[[PacketMetadata; 4]; 2]> = Place::new();
static PAYLOAD: Place<[[u8; 1536]; 2]> = Place::new();

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let device = DEVICE.put(Device::new());
    let mut config = Config::new(EthernetAddress(MAC).into());
    config.random_seed = seed();
    let interface = INTERFACE.put(Interface::new(config, device, now()));
    let [a, b, c, d] = ADDRESS;
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(Ipv4Address::new(a, b, c, d).into(), 24));
    });
    let [metadata_in, metadata_out] = METADATA.put([[PacketMetadata::EMPTY; 4]; 2]);
    let [payload_in, payload_out] = PAYLOAD.put([[0; 1536]; 2]);
    let mut socket = Socket::new(
        PacketBuffer::new(&mut metadata_in[..], &mut payload_in[..]),
        PacketBuffer::new(&mut metadata_out[..], &mut payload_out[..]),
    );
    let _ = socket.bind(ECHO);
    let mut sockets = SocketSet::new(&mut SOCKETS.put([SocketStorage::EMPTY])[..]);
    let handle = sockets.add(socket);
    loop {
        let _ = interface.poll(now(), device, &mut sockets);
        let socket = sockets.get_mut::<Socket>(handle);
        let mut data = [0; 1472];
        while let Ok((length, from)) = socket.recv_slice(&mut data) {
            let _ = socket.send_slice(&data[..length], from.endpoint);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
