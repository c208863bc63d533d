//! `arp`, `nbr`.

use core::net::IpAddr;

use super::{CommandError, Console, Words, chosen, name};
use crate::iface::neighbor::NeighborError;
use crate::stack::{InterfaceId, Stack};
use crate::wire::LinkAddr;

#[cfg(feature = "ipv4")]
pub(super) async fn arp<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let id = words.optional_interface(stack)?;
    words.end()?;
    list(stack, id, true, console).await;
    Ok(())
}

pub(super) async fn nbr<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    match words.clone().optional() {
        Some("add") => {
            let _add = words.word()?;
            let (id, address) = (words.interface(stack)?, words.address()?);
            let word = words.word()?;
            words.end()?;
            let wanted = "a link address, as in 02:00:00:00:00:01";
            let link = link_address(word).ok_or(CommandError::Wrong { wanted, word })?;
            stack.add_neighbor(id, address, link).map_err(|why| {
                CommandError::Failed(match why {
                    NeighborError::NoInterface => "the interface has no neighbours",
                    NeighborError::CacheFull => "the neighbour cache is full",
                    NeighborError::Address => "an address is of no single other host",
                })
            })
        }
        Some("del") => {
            let _del = words.word()?;
            let (id, address) = (words.interface(stack)?, words.address()?);
            words.end()?;
            match stack.remove_neighbor(id, address) {
                true => Ok(()),
                false => Err(CommandError::Failed("there is no such neighbour")),
            }
        }
        _ => {
            let id = words.optional_interface(stack)?;
            words.end()?;
            list(stack, id, false, console).await;
            Ok(())
        }
    }
}

async fn list(stack: Stack<'_>, id: Option<InterfaceId>, only_ipv4: bool, console: &Console<'_>) {
    for id in chosen(stack, id) {
        for neighbor in stack.neighbors(id) {
            let address = IpAddr::from(neighbor.address);
            if only_ipv4 && !address.is_ipv4() {
                continue;
            }
            say!(console, "{:<15} {address:<26} ", name(stack, id));
            match neighbor.link {
                Some(link) => say!(console, "{link:<17} "),
                None => say!(console, "{:<17} ", "?"),
            }
            say!(console, "{:?}", neighbor.state);
            if neighbor.is_router {
                say!(console, ", router");
            }
            say!(console, "\n");
        }
    }
}

fn link_address(text: &str) -> Option<LinkAddr> {
    let mut octets = heapless::Vec::<u8, 8>::new();
    for part in text.split([':', '-']) {
        octets.push(u8::from_str_radix(part, 16).ok()?).ok()?;
    }
    match octets.len() {
        6 | 8 => LinkAddr::from_bytes(&octets),
        _ => None,
    }
}
