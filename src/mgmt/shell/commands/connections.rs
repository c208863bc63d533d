//! `conn`.

use super::{CommandError, Console, Services, Words, name};
use crate::iface::Reach;
use crate::stack::Stack;

pub(super) async fn conn<'l>(
    stack: Stack<'_>,
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    for id in stack.interfaces() {
        let ready = stack.readiness(id);
        let name = name(stack, id);
        let ipv4 = reached(ready.ipv4, ready.ipv4_router);
        let ipv6 = reached(ready.ipv6, ready.ipv6_router);
        say!(console, "{name:<15} IPv4: {ipv4:<20} IPv6: {ipv6}\n");
    }
    if let Some(connections) = services.connections {
        for (version, reach) in [("IPv4", Reach::Ipv4), ("IPv6", Reach::Ipv6)] {
            let is = match connections.is_connected(reach) {
                true => "connected",
                false => "not connected",
            };
            say!(console, "{version} {is}\n");
        }
    }
    Ok(())
}

const fn reached(has_address: bool, has_router: bool) -> &'static str {
    match (has_address, has_router) {
        (true, true) => "address and router",
        (true, false) => "address, no router",
        (false, _) => "no address",
    }
}
