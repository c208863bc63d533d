//! Router Solicitations (RFC 4861 §4.1, §6.3.7).

use core::net::Ipv6Addr;

use crate::iface::SendDrop;
use crate::stack::core::{Core, InterfaceId};
use crate::stack::route::Path;
use crate::wire::ipv6_address::ALL_ROUTERS;
use crate::wire::ndp::{ROUTER_SOLICITATION_LENGTH, RouterSolicitation};
use crate::wire::ndp_option;

impl Core<'_> {
    /// Asks the routers of a link to advertise themselves.
    pub(super) fn send_router_solicitation(&mut self, id: InterfaceId) -> Result<(), SendDrop> {
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        let own_link = interface.capabilities.address;
        let source = interface.link_local();
        let mut message = [0; ROUTER_SOLICITATION_LENGTH + 16];
        let (fixed, options) = message.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
        RouterSolicitation::write(fixed);
        // "The Source Link-Layer Address option SHOULD be set to the host's link-layer address, if
        // the IP source address is not the unspecified address."
        let option = match source {
            Some(_) if !own_link.is_empty() => {
                ndp_option::write_source_link_layer_address(options, own_link).unwrap_or(0)
            }
            _ => 0,
        };
        let path = Path {
            interface: id,
            next_hop: ALL_ROUTERS.into(),
            source: source.unwrap_or(Ipv6Addr::UNSPECIFIED).into(),
            is_local: false,
        };
        let length = ROUTER_SOLICITATION_LENGTH + option;
        let message = message.get(..length).unwrap_or(&[]);
        self.send_discovery(&path, ALL_ROUTERS, None, message)
    }
}
