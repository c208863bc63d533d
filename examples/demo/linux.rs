//! The device on interfaces of Linux.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};

use embassy_futures::join::{join, join4};
use embassy_futures::select::{Either, Either4, select, select4};
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::iface::InterfaceInfo;
use zonda::link::{Capabilities, DriverEnd, Port};
use zonda::proto::dns::Resolver;
use zonda::proto::mdns::Mdns;
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};

use crate::capture::Recording;
use crate::device::{self, CONNECTIONS, POOL, SOCKETS, Services, beside_ipv4, beside_ipv6};
use crate::options::Options;
use crate::report;
use crate::stop::{Stop, seed};
use crate::{dhcp, events, names, shell, web};

/// Runs the device until it is stopped.
pub fn run(options: &Options) -> io::Result<()> {
    let stop = Stop::new(options.time)?;
    let tap = open(options.tap.as_deref(), TapKind::Tap)?;
    let tun = open(options.tun.as_deref(), TapKind::Tun)?;
    let tap_port = Port::new(Capabilities::ethernet(options.mac));
    let tun_port = Port::new(Capabilities::ip(1500));

    let recorded_port = if tap.is_some() { &tap_port } else { &tun_port };
    let inner_port = Port::new(recorded_port.split().0.capabilities());
    let file = options.pcap.as_deref();
    let mut recording = Recording::new(file, &inner_port, recorded_port)?;
    let recorded_driver = recording.driver_side(&inner_port, recorded_port).split().0;
    let (tap_driver, tun_driver) = match tap {
        Some(_) => (recorded_driver, tun_port.split().0),
        None => (tap_port.split().0, recorded_driver),
    };

    let clock = EmbassyClock;
    let mut storage = StackStorage::<2, SOCKETS, CONNECTIONS, 4>::new();
    let cell = StackCell::new(&mut storage, POOL.pool(), seed()?, &clock);
    let stack = cell.stack();
    let mdns = Mdns::new(stack);
    let resolver = Resolver::new(stack);
    resolver.use_mdns(&mdns);
    let events = stack.events();
    let mut interfaces = Vec::new();
    let mut client = None;
    if let Some(tap) = &tap {
        let id = device::attach(stack, tap_port.split().1, options.ipv4, options.ipv6)?;
        if let Some(gateway) = options.gateway4 {
            device::add_gateway(stack, id, gateway)?;
        }
        client = dhcp::client(stack, id, options.dhcp)?;
        interfaces.push((id, tap.name(), &tap_port));
    }
    if let Some(tun) = &tun {
        let id = device::attach(
            stack,
            tun_port.split().1,
            options.tun_ipv4,
            options.tun_ipv6,
        )?;
        interfaces.push((id, tun.name(), &tun_port));
    }

    let services = Services::bind(stack)?;
    let page = web::listen(stack)?;

    let tell = events::tell(stack, events, |id| {
        let named = interfaces.iter().find(|(known, _, _)| *known == id);
        named.map_or("loopback", |(_, name, _)| name)
    });
    let ended = async_io::block_on(select4(
        select(
            stop.wait(),
            shell::run(stack, client.as_ref(), &resolver, &mdns, options.shell),
        ),
        select(drive(&tap, tap_driver), drive(&tun, tun_driver)),
        join(Runner::new(stack).run(), recording.run()),
        join4(
            join(
                services.run(),
                web::serve(stack, page, &resolver, || names::host_name(&mdns)),
            ),
            async {
                dhcp::leased(client.as_ref()).await;
                greet(stack, &interfaces).await;
            },
            tell,
            join(dhcp::keep(client.as_ref()), names::answer(&mdns, 0)),
        ),
    ));
    for (id, name, port) in interfaces {
        if let Some(counters) = stack.counters(id) {
            report::interface(name, &counters, port.stats());
        }
    }
    recording.finish()?;
    match ended {
        Either4::Second(Either::First(error) | Either::Second(error)) => Err(error),
        _ => Ok(()),
    }
}

fn open(name: Option<&str>, kind: TapKind) -> io::Result<Option<TapDevice>> {
    let Some(name) = name else {
        return Ok(None);
    };
    match TapDevice::open(&TapOptions::new(name, kind)) {
        Ok(device) => Ok(Some(device)),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::PermissionDenied => ": only root makes interfaces",
                _ => "",
            };
            let text = format!("{name}: {error}{hint}");
            Err(io::Error::new(error.kind(), text))
        }
    }
}

/// Moves frames until that fails, or for ever if there is no such interface.
async fn drive(device: &Option<TapDevice>, port: DriverEnd<'_>) -> io::Error {
    let Some(device) = device else {
        return pending().await;
    };
    let Err(error) = device.run(port, POOL.pool()).await;
    let name = device.name();
    io::Error::new(error.kind(), format!("{name} is gone or broken: {error}"))
}

/// Says that the interfaces are up, and how Linux becomes a neighbour on them.
async fn greet(stack: Stack<'_>, interfaces: &[(InterfaceId, &str, &Port)]) {
    for &(id, name, _) in interfaces {
        device::greet(stack, id, name).await;
        for (device, linux) in stack.interface(id).iter().flat_map(neighbors) {
            println!("  ip address add {linux} dev {name}; ping {device}");
            let page = SocketAddr::new(device, web::HTTP);
            println!("  the page of the device: http://{page}/");
        }
    }
}

/// The addresses of the device, each with one that Linux could have in the same subnet.
fn neighbors(interface: &InterfaceInfo) -> Vec<(IpAddr, String)> {
    let ipv4 = interface.ipv4.iter().map(|entry| {
        let cidr = entry.cidr;
        let linux = beside_ipv4(cidr);
        (
            cidr.address.into(),
            format!("{linux}/{}", cidr.prefix_length),
        )
    });
    let ipv6 = interface.ipv6.iter();
    let ipv6 = ipv6.filter(|cidr| !cidr.address.is_unicast_link_local());
    let ipv6 = ipv6.map(|cidr| {
        let linux = beside_ipv6(cidr.cidr());
        (
            cidr.address.into(),
            format!("{linux}/{}", cidr.prefix_length),
        )
    });
    ipv4.chain(ipv6).collect()
}
