//! TCP echo on smoltcp: one connection.
#![no_std]
#![no_main]

use firmware::Place;
use size::smoltcp::{Device, now, seed};
use size::{ADDRESS, ECHO, MAC, WINDOW};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

static DEVICE: Place<Device> = Place::new();
static INTERFACE: Place<Interface> = Place::new();
static SOCKETS: Place<[SocketStorage<'static>; 1]> = Place::new();
static BUFFERS: Place<[[u8; WINDOW]; 2]> = Place::new();

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
    let [received, sent] = BUFFERS.put([[0; WINDOW]; 2]);
    let socket = Socket::new(
        SocketBuffer::new(&mut received[..]),
        SocketBuffer::new(&mut sent[..]),
    );
    let mut sockets = SocketSet::new(&mut SOCKETS.put([SocketStorage::EMPTY])[..]);
    let handle = sockets.add(socket);
    loop {
        let _ = interface.poll(now(), device, &mut sockets);
        let socket = sockets.get_mut::<Socket>(handle);
        if !socket.is_open() {
            let _ = socket.listen(ECHO);
        }
        if socket.can_recv() && socket.can_send() {
            let mut data = [0; 512];
            let room = (socket.send_capacity() - socket.send_queue()).min(data.len());
            let length = socket.recv_slice(&mut data[..room]).unwrap_or(0);
            let _ = socket.send_slice(&data[..length]);
        } else if socket.may_send() && !socket.may_recv() {
            socket.close();
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
