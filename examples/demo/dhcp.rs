//! Addresses by DHCP: the device takes one, and the gateway gives it.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;

use zonda::iface::Ipv4Cidr;
use zonda::proto::dhcpv4::{
    ClientConfig, Dhcpv4Client, Dhcpv4Server, LeaseSlot, Reservation, ReservedFor, ServerConfig,
    ServerOption, Subnet,
};
use zonda::stack::{InterfaceId, Stack};
use zonda::wire::LinkAddr;

/// The client of the device, where it is to have one.
pub fn client<'a>(
    stack: Stack<'a>,
    id: InterfaceId,
    wanted: bool,
) -> io::Result<Option<Dhcpv4Client<'a, 'static>>> {
    let config = ClientConfig::new().host_name("zonda");
    let client = wanted.then(|| Dhcpv4Client::new(stack, id, config));
    client.transpose().map_err(io::Error::other)
}

/// Keeps the address of the device for ever.
pub async fn keep(client: Option<&Dhcpv4Client<'_, '_>>) -> Infallible {
    if let Some(client) = client
        && let Err(why) = client.run().await
    {
        println!("device: no DHCP: {why}");
    }
    pending().await
}

/// Waits until the device has an address, and says which.
pub async fn leased(client: Option<&Dhcpv4Client<'_, '_>>) {
    if let Some(client) = client {
        let lease = client.bound().await;
        let Ipv4Cidr {
            address,
            prefix_length,
        } = lease.address;
        let (server, seconds) = (lease.server, lease.duration);
        println!("device: {address}/{prefix_length} by DHCP from {server}, for {seconds} s");
    }
}

/// Gives `device` to who has this link address, and itself for a router, for ever.
pub async fn serve(
    stack: Stack<'_>,
    id: InterfaceId,
    own: Ipv4Cidr,
    (mac, device): ([u8; 6], Ipv4Addr),
) -> Infallible {
    let routers = [own.address];
    let options = [ServerOption::routers(&routers)];
    let subnets = [Subnet::new(own).interface(id).options(&options)];
    let hardware = ReservedFor::Hardware(LinkAddr::ethernet(mac));
    let kept = [Reservation::new(hardware, device)];
    // Nobody else is on this wire: it need not be looked whether somebody has the address.
    let config = ServerConfig::new(&subnets).reservations(&kept).probe(false);
    let mut leases = [LeaseSlot::UNUSED; 4];
    match Dhcpv4Server::new(stack, config, &mut leases) {
        Ok(server) => match server.run().await {
            Ok(never) => match never {},
            Err(why) => println!("gateway: no DHCP: {why}"),
        },
        Err(why) => println!("gateway: no DHCP: {why}"),
    }
    pending().await
}
