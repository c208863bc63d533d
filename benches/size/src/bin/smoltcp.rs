//! UDP echo on smoltcp, with as much room for packets as `zonda-1536`.
#![no_std]
#![no_main]

use firmware::Place;
use size::{ADDRESS, ECHO, MAC, nic};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Address};

/// One packet buffer each way here, and one each way in the socket: four.
struct Device {
    received: [u8; 1536],
    sent: [u8; 1536],
}

struct RxToken<'a>(&'a mut [u8], usize);
struct TxToken<'a>(&'a mut [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self(buffer, length) = self;
        let frame = &mut buffer[..length];
        nic::read(frame);
        f(frame)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let frame = &mut self.0[..length];
        let result = f(frame);
        nic::begin(length);
        nic::write(frame);
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let length = nic::received();
        (length > 0).then_some((RxToken(&mut self.received, length), TxToken(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

static DEVICE: Place<Device> = Place::new();
static INTERFACE: Place<Interface> = Place::new();
static SOCKETS: Place<[SocketStorage<'static>; 1]> = Place::new();
static METADATA: Place<[[PacketMetadata; 4]; 2]> = Place::new();
static PAYLOAD: Place<[[u8; 1536]; 2]> = Place::new();

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let now = || Instant::from_micros(i64::from(nic::microseconds()));
    let device = DEVICE.put(Device {
        received: [0; 1536],
        sent: [0; 1536],
    });
    let mut config = Config::new(EthernetAddress(MAC).into());
    config.random_seed = u64::from(nic::entropy()) << 32 | u64::from(nic::entropy());
    let interface = INTERFACE.put(Interface::new(config, device, now()));
    let [a, b, c, d] = ADDRESS;
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(smoltcp::wire::IpCidr::new(
            Ipv4Address::new(a, b, c, d).into(),
            24,
        ));
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
