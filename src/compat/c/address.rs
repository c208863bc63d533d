//! Addresses of sockets, and as text.

use core::ffi::{c_char, c_int};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::ptr;

use super::gate::fail;
use super::layout::{SockAddrIn, SockAddrIn6};
use super::pointers::{Bytes, Out, Room, Text};
use crate::compat::bsd::{self, AF_INET, AF_INET6, AF_UNSPEC, Errno};

/// Bytes of the structures.
const IN: usize = size_of::<SockAddrIn>();
const IN6: usize = size_of::<SockAddrIn6>();

/// Reads an address; `None` is one of no family.
pub(super) fn read(address: &Bytes, length: u32) -> Result<Option<SocketAddr>, Errno> {
    // What stands behind the longest is not looked at.
    let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
    let bytes = address.slice(length.min(IN6))?;
    let family: [u8; 2] = *bytes.first_chunk().ok_or(Errno::EINVAL)?;
    match i32::from(u16::from_ne_bytes(family)) {
        AF_UNSPEC => Ok(None),
        AF_INET => {
            let bytes: &[u8; IN] = bytes.first_chunk().ok_or(Errno::EINVAL)?;
            let [_, _, p, q, a, b, c, d, ..] = *bytes;
            let port = u16::from_be_bytes([p, q]);
            Ok(Some(SocketAddr::new(
                Ipv4Addr::new(a, b, c, d).into(),
                port,
            )))
        }
        AF_INET6 => {
            let bytes: &[u8; IN6] = bytes.first_chunk().ok_or(Errno::EINVAL)?;
            let (begin, rest) = bytes.split_at(8);
            let (octets, scope) = rest.split_at(16);
            let port = begin.get(2..4).and_then(|port| port.first_chunk());
            let (Some(port), Some(octets), Some(scope)) =
                (port, octets.first_chunk::<16>(), scope.first_chunk())
            else {
                return Err(Errno::EINVAL);
            };
            let ip = Ipv6Addr::from(*octets);
            let (port, scope) = (u16::from_be_bytes(*port), u32::from_ne_bytes(*scope));
            Ok(Some(SocketAddrV6::new(ip, port, 0, scope).into()))
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// An address where one is needed.
pub(super) fn need(address: &Bytes, length: u32) -> Result<SocketAddr, Errno> {
    read(address, length)?.ok_or(Errno::EAFNOSUPPORT)
}

/// An address as C has it.
#[derive(Clone, Copy)]
pub(super) struct Written {
    bytes: [u8; IN6],
    length: usize,
}

impl Written {
    pub(super) const NONE: Self = Self {
        bytes: [0; IN6],
        length: 0,
    };

    pub(super) fn new(address: SocketAddr) -> Self {
        let mut written = Self::NONE;
        let family = match address {
            SocketAddr::V4(_) => AF_INET,
            SocketAddr::V6(_) => AF_INET6,
        } as u16;
        let port = address.port().to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) => {
                written.push(&family.to_ne_bytes());
                written.push(&port);
                written.push(&ip.octets());
                written.push(&[0; 8]);
            }
            IpAddr::V6(ip) => {
                let scope = match address {
                    SocketAddr::V6(v6) => v6.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                written.push(&family.to_ne_bytes());
                written.push(&port);
                written.push(&[0; 4]);
                written.push(&ip.octets());
                written.push(&scope.to_ne_bytes());
            }
        }
        written
    }

    fn push(&mut self, bytes: &[u8]) {
        let rest = self.bytes.get_mut(self.length..).unwrap_or(&mut []);
        for (to, from) in rest.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length += bytes.len();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// Writes an address, cutting off what there is no room for, and how long it is.
pub(super) fn write(
    address: Option<SocketAddr>,
    to: &mut Room,
    length: &Out<u32>,
) -> Result<(), Errno> {
    if to.is_null() {
        return Ok(());
    }
    let room = length.get()?;
    let written = address.map_or(Written::NONE, Written::new);
    let room = usize::try_from(room).map_err(|_| Errno::EINVAL)?;
    let room = to.slice(room.min(IN6))?;
    for (to, from) in room.iter_mut().zip(written.bytes()) {
        *to = *from;
    }
    length.put(written.length as u32)
}

/// The address of a family, as it is in a packet.
pub(super) fn ip(family: c_int, from: &Bytes) -> Result<IpAddr, Errno> {
    match family {
        AF_INET => Ok(from.array::<4>()?.into()),
        AF_INET6 => Ok(from.array::<16>()?.into()),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

fn put_ip(address: IpAddr, to: &mut Room) -> Result<(), Errno> {
    match address {
        IpAddr::V4(ip) => to.slice(4)?.copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => to.slice(16)?.copy_from_slice(&ip.octets()),
    }
    Ok(())
}

calls! {
    /// Reads an address (RFC 3493 §6.3): 1 if the text is one, 0 if not, -1 if the family is unknown.
    fn zonda_inet_pton(family: c_int, text: Text, mut to: Room) -> c_int {
        let read = text.need().and_then(|text| bsd::inet_pton(family, text));
        match read.and_then(|address| put_ip(address, &mut to)) {
            Ok(()) => 1,
            Err(Errno::EINVAL) => 0,
            Err(error) => fail(error),
        }
    }

    /// Writes an address as text (RFC 3493 §6.3), and gives where that is; null if it cannot.
    fn zonda_inet_ntop(family: c_int, from: Bytes, mut to: Room, size: u32) -> *const c_char {
        let written = ip(family, &from).and_then(|address| {
            let mut text = [0; 64];
            let text = bsd::inet_ntop(address, &mut text)?;
            to.put_text(usize::try_from(size).map_err(|_| Errno::EINVAL)?, text)
        });
        match written {
            Ok(()) => to.text(),
            Err(error) => {
                let _: c_int = fail(error);
                ptr::null()
            }
        }
    }

    /// A number of 16 bits in the order of the network.
    fn zonda_htons(number: u16) -> u16 {
        number.to_be()
    }

    /// A number of 16 bits from the order of the network.
    fn zonda_ntohs(number: u16) -> u16 {
        u16::from_be(number)
    }

    /// A number of 32 bits in the order of the network.
    fn zonda_htonl(number: u32) -> u32 {
        number.to_be()
    }

    /// A number of 32 bits from the order of the network.
    fn zonda_ntohl(number: u32) -> u32 {
        u32::from_be(number)
    }
}
