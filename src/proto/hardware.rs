//! The link address of an interface, as DHCP names it.

use crate::stack::{InterfaceId, Stack};
use crate::wire::LinkAddr;

/// The type of the interface's link address, and the address.
pub(super) fn hardware(stack: Stack<'_>, id: InterfaceId) -> Option<(u8, LinkAddr)> {
    let address = stack.with(|core| {
        let interface = core.interface(id);
        interface.map(|interface| interface.capabilities.address)
    })?;
    // "Assigned Numbers": Ethernet, EUI-64.
    let kind = match address.as_bytes().len() {
        8 => 27,
        _ => 1,
    };
    Some((kind, address))
}

/// The link address by which a host is known, whichever of its interfaces up to `id` is asked about:
/// that of the first. "clients that support more than one network interface SHOULD use the same DUID
/// on every interface" (RFC 4361 §6.1).
pub(super) fn first_hardware(stack: Stack<'_>, id: InterfaceId) -> Option<(u8, LinkAddr)> {
    (0..=id).find_map(|id| {
        let found = hardware(stack, id);
        found.filter(|(_, address)| !address.is_empty())
    })
}
