//! `route`.

use core::net::IpAddr;

use super::{CommandError, Console, Left, Words, name};
use crate::iface::route::{Prefix, Route, RouteError, RouteOrigin};
use crate::stack::{InterfaceId, Stack};
use crate::wire::IpAddress;

pub(super) async fn route<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    match words.optional() {
        None => {}
        Some("add") => {
            let (prefix, interface, gateway) = way(stack, &mut words)?;
            let gateway = gateway.map(IpAddress::try_from).transpose();
            let route = Route {
                prefix,
                gateway: gateway.map_err(|_| OTHER_VERSION)?,
                interface,
                metric: 0,
                expires: None,
                origin: RouteOrigin::Static,
            };
            return stack.add_route(route).map_err(|why| match why {
                RouteError::TableFull => CommandError::Failed("the routing table is full"),
                RouteError::GatewayFamily => CommandError::Failed("gateway of another IP version"),
                _ => CommandError::Failed("the gateway is no single host"),
            });
        }
        Some("del") => {
            let (prefix, interface, gateway) = way(stack, &mut words)?;
            return match stack.remove_route(prefix, gateway, interface) {
                Some(_) => Ok(()),
                None => Err(CommandError::Failed("there is no such route")),
            };
        }
        Some(word) => {
            let wanted = "add or del";
            return Err(CommandError::Wrong { wanted, word });
        }
    }
    let now = stack.now();
    for route in stack.routes() {
        say!(
            console,
            "{} on {}",
            route.prefix,
            name(stack, route.interface)
        );
        if let Some(gateway) = route.gateway {
            say!(console, " via {gateway}");
        }
        let left = Left::until(route.expires, now);
        let (origin, metric) = (route.origin, route.metric);
        say!(console, "\n    {origin:?}, metric {metric}, valid {left}\n");
    }
    Ok(())
}

const OTHER_VERSION: CommandError<'static> =
    CommandError::Failed("an address of a version that is not built in");

/// `PREFIX/LEN IFACE [via ADDR]`.
fn way<'l>(
    stack: Stack<'_>,
    words: &mut Words<'l>,
) -> Result<(Prefix, InterfaceId, Option<IpAddr>), CommandError<'l>> {
    let (address, length) = words.prefix()?;
    let address = IpAddress::try_from(address).map_err(|_| OTHER_VERSION)?;
    let prefix = Prefix::new(address, length).map_err(|_| OTHER_VERSION)?;
    let interface = words.interface(stack)?;
    let gateway = match words.optional() {
        None => None,
        Some("via") => Some(words.address()?),
        Some(_) => return Err(CommandError::Usage),
    };
    words.end()?;
    Ok((prefix, interface, gateway))
}
