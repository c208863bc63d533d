//! What happens to the interfaces, in words.

use zonda::iface::EventKind;
use zonda::stack::{Events, InterfaceId, Stack};

/// Prints it for ever; `name` says what an interface is called.
pub async fn tell<'n>(
    stack: Stack<'_>,
    mut events: Events<'_>,
    name: impl Fn(InterfaceId) -> &'n str,
) {
    loop {
        match events.next().await {
            Ok(event) => {
                if let Some(words) = words(stack, event.interface, event.kind) {
                    println!("{}: {words}", name(event.interface));
                }
            }
            Err(missed) => println!("{missed}"),
        }
    }
}

/// What has happened, if it is worth a line.
fn words(stack: Stack<'_>, id: InterfaceId, kind: EventKind) -> Option<String> {
    Some(match kind {
        EventKind::LinkUp => "the link is up".into(),
        EventKind::LinkDown => "the link is down".into(),
        EventKind::Mtu(mtu) => format!("the MTU is {mtu}"),
        EventKind::AddressAdded(address) => format!("{address} is an address of the device"),
        EventKind::AddressRemoved(address) => format!("{address} is one no longer"),
        EventKind::AddressDeprecated(address) => format!("{address} is for old connections only"),
        EventKind::AddressPreferred(address) => format!("{address} is for new connections again"),
        EventKind::AddressDuplicate(address) => format!("{address} is that of another station"),
        EventKind::AddressDefended(address) => format!("another station wants {address}"),
        EventKind::RouterAdded(router) => format!("{router} is a router"),
        EventKind::RouterRemoved(router) => format!("{router} is a router no longer"),
        EventKind::PrefixAdded { prefix, length } => format!("{prefix}/{length} is on the link"),
        EventKind::PrefixRemoved { prefix, length } => {
            format!("{prefix}/{length} is on the link no longer")
        }
        EventKind::NameServers => {
            let servers = stack.name_servers(id);
            let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
            format!("servers for names are {}", servers.join(", "))
        }
        EventKind::Redirected {
            destination,
            next_hop,
        } => format!("{destination} is reached by {next_hop}"),
        EventKind::PathMtu { destination, mtu } => {
            format!("packets to {destination} may have {mtu} bytes")
        }
        _ => return None,
    })
}
