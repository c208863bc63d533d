//! The device and a gateway, each a stack of its own, on an Ethernet inside of this process.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use embassy_futures::join::{join, join3, join4};
use embassy_futures::select::{select, select3};
use zonda::drivers::wire::{Station, Wire};
use zonda::iface::{ConflictDetection, Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::proto::dns::Resolver;
use zonda::proto::mdns::Mdns;
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};

use crate::capture::Recording;
use crate::device::{self, CONNECTIONS, POOL, SOCKETS, Services, beside_ipv4, beside_ipv6};
use crate::door::{DOORS, Door};
use crate::gateway::{self, Bridge};
use crate::options::Options;
use crate::report;
use crate::stop::{Stop, seed};
use crate::{dhcp, events, names, shell, web};

const GATEWAY4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const GATEWAY6: Ipv6Cidr = Ipv6Cidr::new(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), 64);
const GATEWAY_MAC: [u8; 6] = *b"\x06ZONDA";

/// Runs both until they are stopped.
pub fn run(options: &Options) -> io::Result<()> {
    let stop = Stop::new(options.time)?;
    let clock = EmbassyClock;
    // Without an address of its own the device takes one from the gateway's DHCP server.
    let by_dhcp = options.ipv4.is_none();
    let gateway4 = options.gateway4.or(options.ipv4.map(beside_ipv4));
    let gateway4 = gateway4.unwrap_or(GATEWAY4);
    let length = options.ipv4.map_or(24, |device4| device4.prefix_length);
    let gateway4 = Ipv4Cidr::new(gateway4, length);
    let device4 = options.ipv4.map(|device4| device4.address);
    let device4 = device4.unwrap_or_else(|| beside_ipv4(gateway4));
    // Without an address of its own the device takes one from what the gateway advertises.
    let gateway6 = options.ipv6.map_or(GATEWAY6, |device6| {
        Ipv6Cidr::new(beside_ipv6(device6), device6.prefix_length)
    });

    let device_port = Port::new(Capabilities::ethernet(options.mac));
    let mut device_storage = StackStorage::<1, SOCKETS, CONNECTIONS, 4>::new();
    let cell = StackCell::new(&mut device_storage, POOL.pool(), seed()?, &clock);
    let device = cell.stack();
    let mdns = Mdns::new(device);
    let resolver = Resolver::new(device);
    resolver.use_mdns(&mdns);
    let events = device.events();
    let id = device::attach(device, device_port.split().1, options.ipv4, options.ipv6)?;
    let client = dhcp::client(device, id, by_dhcp)?;
    if !by_dhcp {
        device::add_gateway(device, id, gateway4.address)?;
    }
    let services = Services::bind(device)?;
    let page = web::listen(device)?;

    let gateway_port = Port::new(Capabilities::ethernet(GATEWAY_MAC));
    let mut gateway_storage = StackStorage::<1, { gateway::SOCKETS }, { 2 * DOORS }, 0>::new();
    let cell = StackCell::new(&mut gateway_storage, gateway::POOL.pool(), seed()?, &clock);
    let gateway = cell.stack();
    let gateway_id = device::attach(
        gateway,
        gateway_port.split().1,
        Some(gateway4),
        Some(gateway6),
    )?;
    gateway::advertise(gateway, gateway_id, gateway6)?;
    use_addresses_at_once(device, id);
    use_addresses_at_once(gateway, gateway_id);
    let bridge = Bridge::new(gateway, options.port, device4)?;
    let door = Door::open(options.web, SocketAddr::new(device4.into(), web::HTTP))?;

    let inner_port = Port::new(Capabilities::ethernet(options.mac));
    let mut recording = Recording::new(options.pcap.as_deref(), &inner_port, &device_port)?;
    let device_driver = recording.driver_side(&inner_port, &device_port).split().0;
    let wire = Wire::new([
        Station::new(device_driver, POOL.pool()),
        Station::new(gateway_port.split().0, gateway::POOL.pool()),
    ]);

    let talk = async {
        dhcp::leased(client.as_ref()).await;
        device::greet(device, id, "an Ethernet inside of this process").await;
        let device6 = match options.ipv6 {
            Some(cidr) => cidr.address,
            None => device::configured(device, id).await,
        };
        let targets: [IpAddr; 2] = [device4.into(), device6.into()];
        gateway::visit(gateway, gateway_id, targets).await;
    };
    let tell = events::tell(device, events, |_| "device");
    let addresses = join3(
        dhcp::keep(client.as_ref()),
        join(names::answer(&mdns, id), names::answer_for_gateway(gateway)),
        dhcp::serve(gateway, gateway_id, gateway4, (options.mac, device4)),
    );
    let page = join(
        web::serve(device, page, &resolver, || names::host_name(&mdns)),
        door.run(gateway),
    );
    let (mut device_runner, mut gateway_runner) = (Runner::new(device), Runner::new(gateway));
    let _ = async_io::block_on(select3(
        select(
            stop.wait(),
            shell::run(device, client.as_ref(), &resolver, &mdns, options.shell),
        ),
        join3(
            wire.run(),
            recording.run(),
            join(device_runner.run(), gateway_runner.run()),
        ),
        join3(
            join4(services.run(), bridge.run(), talk, tell),
            addresses,
            page,
        ),
    ));
    if let Some(counters) = device.counters(id) {
        report::interface("device", &counters, device_port.stats());
    }
    if let Some(counters) = gateway.counters(gateway_id) {
        report::interface("gateway", &counters, gateway_port.stats());
    }
    recording.finish()
}

/// Nobody else is on this wire: addresses need no probing.
fn use_addresses_at_once(stack: Stack<'_>, id: InterfaceId) {
    let _ = stack.set_conflict_detection(id, ConflictDetection::Off);
    let _ = stack.set_dad_transmits(id, 0);
}
