//! `ipv4`, `ipv6`.

use core::net::IpAddr;

#[cfg(feature = "ipv6")]
use super::Left;
use super::{CommandError, Console, Words, chosen, name};
use crate::iface::AddressError;
#[cfg(feature = "ipv4")]
use crate::iface::Ipv4Cidr;
#[cfg(feature = "ipv6")]
use crate::iface::Ipv6Cidr;
use crate::stack::{InterfaceId, Stack};

/// `add` and `del`; false if it is neither.
fn change<'l>(
    stack: Stack<'_>,
    words: &Words<'l>,
    is_ipv4: bool,
) -> Result<bool, CommandError<'l>> {
    let mut words = words.clone();
    let verb = words.optional();
    if !matches!(verb, Some("add" | "del")) {
        return Ok(false);
    }
    let id = words.interface(stack)?;
    let of_family = |address: &IpAddr| address.is_ipv4() == is_ipv4;
    let failed = CommandError::Failed("the address is of the other version");
    if verb == Some("add") {
        let (address, length) = words.prefix()?;
        words.end()?;
        if !of_family(&address) {
            return Err(failed);
        }
        let added = add(stack, id, address, length);
        added.map_err(|why| match why {
            AddressError::TableFull => CommandError::Failed("the address table is full"),
            _ => CommandError::Failed("not the address of a single host"),
        })?;
    } else {
        let address = words.address()?;
        words.end()?;
        if !of_family(&address) {
            return Err(failed);
        }
        if !stack.remove_address(id, address) {
            return Err(CommandError::Failed("the interface has no such address"));
        }
    }
    Ok(true)
}

fn add(stack: Stack<'_>, id: InterfaceId, address: IpAddr, length: u8) -> Result<(), AddressError> {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddr::V4(address) => stack.add_ipv4(id, Ipv4Cidr::new(address, length)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => stack.add_ipv6(id, Ipv6Cidr::new(address, length)),
        #[cfg(not(all(feature = "ipv4", feature = "ipv6")))]
        _ => Err(AddressError::UnsupportedFamily),
    }
}

#[cfg(feature = "ipv4")]
pub(super) async fn ipv4<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    if change(stack, &words, true)? {
        return Ok(());
    }
    let id = words.optional_interface(stack)?;
    words.end()?;
    for id in chosen(stack, id) {
        for entry in stack.interface(id).iter().flat_map(|info| &info.ipv4) {
            let (cidr, name) = (entry.cidr, name(stack, id));
            let (origin, state) = (entry.origin, entry.state);
            let (address, length) = (cidr.address, cidr.prefix_length);
            say!(
                console,
                "{name:<15} {address}/{length}  {origin:?}, {state:?}\n"
            );
        }
    }
    Ok(())
}

#[cfg(feature = "ipv6")]
pub(super) async fn ipv6<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    if change(stack, &words, false)? {
        return Ok(());
    }
    let id = words.optional_interface(stack)?;
    words.end()?;
    let now = stack.now();
    for id in chosen(stack, id) {
        for entry in stack.interface(id).iter().flat_map(|info| &info.ipv6) {
            let (address, length, name) = (entry.address, entry.prefix_length, name(stack, id));
            say!(console, "{name:<15} {address}/{length}\n");
            let (origin, state) = (entry.origin, entry.state);
            let preferred = Left::until(entry.preferred_until, now);
            let valid = Left::until(entry.valid_until, now);
            say!(
                console,
                "                {origin:?}, {state:?}, preferred {preferred}, valid {valid}\n"
            );
        }
    }
    Ok(())
}
