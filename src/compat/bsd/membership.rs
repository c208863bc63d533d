//! Options that change which groups a socket has joined (RFC 3678, RFC 3493 §5.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::constants::*;
use super::errno::Errno;
#[cfg(feature = "multicast")]
use super::open::open_datagrams;
use super::table::Slot;
#[cfg(feature = "multicast")]
use super::table::Socket;
use crate::stack::{InterfaceId, Stack};

/// The interface of a membership: the one that is named, or that the routes lead to the group by.
#[cfg(feature = "multicast")]
fn member_interface(
    stack: Stack<'_>,
    group: IpAddr,
    id: Option<InterfaceId>,
) -> Result<InterfaceId, Errno> {
    let group = crate::wire::IpAddress::try_from(group).map_err(|_| Errno::EAFNOSUPPORT)?;
    let by_route = || stack.visit(|core| core.path(group, None, None));
    let id = id.or_else(|| by_route().map(|path| path.interface));
    id.ok_or(Errno::ENODEV)
}

/// The socket of a membership, which is opened for it if it has to be.
#[cfg(feature = "multicast")]
fn member<'s, 'a>(
    stack: Stack<'a>,
    slot: &'s mut Slot<'a>,
) -> Result<&'s crate::socket::UdpSocket<'a>, Errno> {
    let Slot {
        socket, options, ..
    } = slot;
    let Socket::Datagram(socket) = socket else {
        return Err(Errno::ENOPROTOOPT);
    };
    if socket.is_none() {
        *socket = Some(open_datagrams(stack, options, options.any())?);
    }
    socket.as_ref().ok_or(Errno::EBADF)
}

/// The options of either version, with addresses of sockets as C has them (RFC 3678 §5.1): the
/// number of the interface, the group, and the source for those that have one. Of an address the
/// port and the zone mean nothing.
pub(super) fn independent<'a>(
    stack: Stack<'a>,
    slot: &mut Slot<'a>,
    name: i32,
    value: &[u8],
) -> Result<(), Errno> {
    let (number, rest) = value.split_first_chunk().ok_or(Errno::EINVAL)?;
    let id = match u32::from_ne_bytes(*number) {
        0 => None,
        number => Some(InterfaceId::try_from(number - 1).map_err(|_| Errno::ENODEV)?),
    };
    let (group, rest) = rest.split_first_chunk().ok_or(Errno::EINVAL)?;
    let group = slot.options.inward(address(group)?)?.ip();
    let name = match name {
        MCAST_JOIN_GROUP => return membership(stack, slot, group, id, true),
        MCAST_LEAVE_GROUP => return membership(stack, slot, group, id, false),
        MCAST_JOIN_SOURCE_GROUP => IP_ADD_SOURCE_MEMBERSHIP,
        MCAST_LEAVE_SOURCE_GROUP => IP_DROP_SOURCE_MEMBERSHIP,
        MCAST_BLOCK_SOURCE => IP_BLOCK_SOURCE,
        MCAST_UNBLOCK_SOURCE => IP_UNBLOCK_SOURCE,
        _ => return Err(Errno::ENOPROTOOPT),
    };
    let source = address(rest.first_chunk().ok_or(Errno::EINVAL)?)?;
    let source = slot.options.inward(source)?.ip();
    source_membership(stack, slot, name, group, source, id)
}

/// Reads the address in room for any: the family, and where that has it the address.
fn address(storage: &[u8; 32]) -> Result<SocketAddr, Errno> {
    let [a, b, _, _, v4 @ .., _, _, _, _] = storage;
    let (v4, rest) = v4.split_first_chunk().ok_or(Errno::EINVAL)?;
    match i32::from(u16::from_ne_bytes([*a, *b])) {
        AF_INET => Ok(SocketAddr::new(Ipv4Addr::from(*v4).into(), 0)),
        AF_INET6 => {
            let octets: &[u8; 16] = rest.first_chunk().ok_or(Errno::EINVAL)?;
            Ok(SocketAddr::new(Ipv6Addr::from(*octets).into(), 0))
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Joins or leaves a group.
#[cfg(feature = "multicast")]
pub(super) fn membership<'a>(
    stack: Stack<'a>,
    slot: &mut Slot<'a>,
    group: IpAddr,
    id: Option<InterfaceId>,
    joins: bool,
) -> Result<(), Errno> {
    let id = member_interface(stack, group, id)?;
    #[cfg(feature = "raw-sockets")]
    if let Socket::Raw(raw) = &slot.socket {
        let changed = match joins {
            true => raw.socket.join(group, id),
            false => raw.socket.leave(group, id),
        };
        return changed.map_err(Errno::from);
    }
    let socket = member(stack, slot)?;
    match joins {
        true => socket.join(group, id)?,
        false => socket.leave(group, id)?,
    }
    Ok(())
}

/// Joins, leaves, blocks or hears again a source of a group.
#[cfg(feature = "multicast")]
pub(super) fn source_membership<'a>(
    stack: Stack<'a>,
    slot: &mut Slot<'a>,
    name: i32,
    group: IpAddr,
    source: IpAddr,
    id: Option<InterfaceId>,
) -> Result<(), Errno> {
    let id = member_interface(stack, group, id)?;
    let socket = member(stack, slot)?;
    match name {
        IP_ADD_SOURCE_MEMBERSHIP => socket.join_source(group, source, id)?,
        IP_DROP_SOURCE_MEMBERSHIP => socket.leave_source(group, source, id)?,
        IP_BLOCK_SOURCE => socket.block_source(group, source, id)?,
        _ => socket.unblock_source(group, source, id)?,
    }
    Ok(())
}

#[cfg(not(feature = "multicast"))]
pub(super) fn membership(
    _: Stack<'_>,
    _: &mut Slot<'_>,
    _: IpAddr,
    _: Option<InterfaceId>,
    _: bool,
) -> Result<(), Errno> {
    Err(Errno::ENOPROTOOPT)
}

#[cfg(not(feature = "multicast"))]
pub(super) fn source_membership(
    _: Stack<'_>,
    _: &mut Slot<'_>,
    _: i32,
    _: IpAddr,
    _: IpAddr,
    _: Option<InterfaceId>,
) -> Result<(), Errno> {
    Err(Errno::ENOPROTOOPT)
}
