//! Raw sockets: packets of a protocol of IP (RFC 3542 §3 for IPv6).

use core::net::{IpAddr, SocketAddr};

use super::ancillary::{Ancillary, Message};
use super::constants::*;
use super::errno::Errno;
use super::options::{Flags, Options};
use super::pair::{gather, scatter};
use super::send::HEADROOM;
use super::sockopt::int;
use super::wait::Stall;
use crate::netbuf::Purpose;
use crate::socket::{IcmpFilter, IpVersion, RawAddress, RawError, RawSendError, RawSocket};
use crate::stack::route::{socket_addr, zone};
use crate::stack::{InterfaceId, Stack};
use crate::wire::IpAddress;

/// A raw socket, and what cannot be asked of it.
pub(super) struct Raw<'a> {
    pub(super) socket: RawSocket<'a>,
    pub(super) protocol: u8,
    header_included: bool,
    /// Where there is a checksum; -1: nowhere.
    checksum: i32,
}

impl From<RawError> for Errno {
    fn from(error: RawError) -> Self {
        match error {
            RawError::TableFull => Self::ENOBUFS,
            RawError::UnsupportedFamily => Self::EAFNOSUPPORT,
            RawError::NoInterface => Self::ENODEV,
            RawError::NotOurs => Self::EADDRNOTAVAIL,
            RawError::InvalidOption => Self::EINVAL,
        }
    }
}

impl From<RawSendError> for Stall<'_> {
    fn from(error: RawSendError) -> Self {
        Self::Failed(match error {
            RawSendError::QueueFull => return Self::Queue,
            RawSendError::NoBuffer => return Self::Pool(0),
            RawSendError::NoDestination => Errno::EDESTADDRREQ,
            RawSendError::InvalidDestination
            | RawSendError::InvalidHeader
            | RawSendError::TooShort => Errno::EINVAL,
            RawSendError::NoRoute => Errno::ENETUNREACH,
            RawSendError::BroadcastNotAllowed => Errno::EACCES,
            RawSendError::TooLong => Errno::EMSGSIZE,
            RawSendError::NeighborQueueFull => Errno::ENOBUFS,
            RawSendError::Unreachable(why) => why.into(),
            RawSendError::Closed => Errno::EBADF,
        })
    }
}

impl<'a> Raw<'a> {
    /// Opens a socket for a protocol of the options' family.
    pub(super) fn open(
        stack: Stack<'a>,
        options: &mut Options,
        protocol: i32,
    ) -> Result<Self, Errno> {
        let version = match options.is_ipv6() {
            true => IpVersion::V6,
            false => IpVersion::V4,
        };
        let number = u8::try_from(protocol).ok().filter(|number| *number > 0);
        let number = number.ok_or(Errno::EPROTONOSUPPORT)?;
        // There are no mapped addresses.
        options.flags.set(Flags::V6ONLY, options.is_ipv6());
        let mut raw = Self {
            socket: RawSocket::open(stack, version, number)?,
            protocol: number,
            header_included: false,
            checksum: -1,
        };
        // "No special meaning" for IPv6 only (RFC 3542 §3).
        if protocol == IPPROTO_RAW && !options.is_ipv6() {
            raw.include_header(true)?;
        }
        Ok(raw)
    }

    /// Sets everything.
    pub(super) fn apply(&self, options: &Options, stack: Stack<'_>) -> Result<(), Errno> {
        let socket = &self.socket;
        socket.set_broadcast(options.flags.contains(Flags::BROADCAST));
        socket.set_multicast_loop(options.flags.contains(Flags::MULTICAST_LOOP));
        socket.bind_interface(options.interface)?;
        socket.set_multicast_interface(options.multicast_interface);
        socket.set_hop_limit(options.hop_limit);
        socket.set_multicast_hop_limit(options.multicast_hop_limit);
        socket.set_traffic_class(options.traffic_class);
        socket.set_priority(options.priority);
        if options.receive_quota > 0 {
            let blocks = stack.pool().limits().held.div_ceil(2).max(1);
            socket.set_quota(options.receive_quota, blocks);
        }
        Ok(())
    }

    fn include_header(&mut self, included: bool) -> Result<(), Errno> {
        self.socket.set_header_included(included)?;
        self.header_included = included;
        Ok(())
    }

    /// Sets an option that only raw sockets have; false if it is another.
    pub(super) fn set(&mut self, level: i32, name: i32, value: &[u8]) -> Result<bool, Errno> {
        match (level, name) {
            (IPPROTO_IP, IP_HDRINCL) => {
                let included = int(value, 0)? != 0;
                self.include_header(included)
                    .map_err(|_| Errno::ENOPROTOOPT)?;
            }
            // Of ICMPv6 it is always done, and this is refused (RFC 3542 §3.1).
            (IPPROTO_IPV6, IPV6_CHECKSUM) => {
                let offset = int(value, 0)?;
                let place = match offset {
                    -1 => None,
                    place => Some(u16::try_from(place).map_err(|_| Errno::EINVAL)?),
                };
                self.socket.set_checksum(place)?;
                self.checksum = offset;
            }
            (SOL_RAW, ICMP_FILTER) if self.protocol == IPPROTO_ICMP as u8 => {
                let blocked = int(value, 0)? as u32;
                self.filter(&[blocked, 0, 0, 0, 0, 0, 0, 0])?;
            }
            (IPPROTO_ICMPV6, ICMP6_FILTER) if self.protocol == IPPROTO_ICMPV6 as u8 => {
                let mut blocked = [0; 8];
                for (at, word) in blocked.iter_mut().enumerate() {
                    *word = int(value, at)? as u32;
                }
                self.filter(&blocked)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Keeps back the types whose bits are set.
    fn filter(&self, blocked: &[u32; 8]) -> Result<(), Errno> {
        let mut filter = IcmpFilter::PASS_ALL;
        for number in 0..=u8::MAX {
            let word = blocked.get(usize::from(number >> 5));
            if word.is_some_and(|word| word >> (number & 31) & 1 == 1) {
                filter.block(number);
            }
        }
        Ok(self.socket.set_icmp_filter(filter)?)
    }

    /// An option that only raw sockets have, if it is one.
    pub(super) fn get(&self, level: i32, name: i32) -> Option<i32> {
        match (level, name) {
            (IPPROTO_IP, IP_HDRINCL) => Some(self.header_included.into()),
            (IPPROTO_IPV6, IPV6_CHECKSUM) if self.protocol != IPPROTO_ICMPV6 as u8 => {
                Some(self.checksum)
            }
            _ => None,
        }
    }

    /// The types of ICMP messages that are kept back, a bit each.
    pub(super) fn blocked(&self) -> [u32; 8] {
        let filter = self.socket.icmp_filter();
        let mut blocked = [0; 8];
        for number in (0..=u8::MAX).filter(|number| !filter.passes(*number)) {
            if let Some(word) = blocked.get_mut(usize::from(number >> 5)) {
                *word |= 1 << (number & 31);
            }
        }
        blocked
    }

    /// Connects to an address, or where it is unspecified to none any more.
    pub(super) fn connect(&self, remote: SocketAddr) -> Result<(), Errno> {
        if remote.ip().is_unspecified() {
            self.socket.disconnect();
            return Ok(());
        }
        let connected = self.socket.connect(destination(remote, None));
        connected.map_err(|_| Errno::EINVAL)
    }

    /// Where it is bound, if it is bound to an address.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.socket.local_addr()?, 0))
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let peer = self.socket.peer_addr()?;
        let address = IpAddress::try_from(peer.address).ok()?;
        Some(socket_addr(address, 0, peer.interface))
    }

    /// Receives what there is, if there is anything.
    pub(super) fn receive(
        &self,
        options: &Options,
        to: &mut [&mut [u8]],
        flags: i32,
    ) -> Result<Option<Message>, Errno> {
        if let Some(why) = self.socket.take_error() {
            return Err(why.into());
        }
        let received = match flags & MSG_PEEK {
            0 => {
                let received = self.socket.try_recv();
                received.map(|(packet, info)| (scatter(&packet, 0, to, 0), info))
            }
            _ => {
                let mut look = |packet: &_, start| scatter(packet, start, to, 0);
                self.socket.try_peek(&mut look)
            }
        };
        let Some((copied, info)) = received else {
            return Ok(None);
        };
        let mut message = Message::cut(copied, info.length, flags);
        let source = IpAddress::try_from(info.source).ok();
        message.source = source.map(|source| socket_addr(source, 0, Some(info.interface)));
        message.ancillary = Ancillary::of(options, (&info).into());
        if options.flags.contains(Flags::OVERFLOW) {
            message.ancillary.dropped = Some(self.socket.dropped());
        }
        Ok(Some(message))
    }

    /// Sends the slices in one packet.
    pub(super) fn send(
        &self,
        stack: Stack<'a>,
        options: &Options,
        from: &[&[u8]],
        to: Option<SocketAddr>,
        ancillary: &Ancillary,
    ) -> Result<usize, Stall<'a>> {
        let socket = &self.socket;
        let mut interface = None;
        if let Some(info) = ancillary.packet_info {
            // A raw socket is bound to its source.
            if !info.address.is_unspecified() && Some(info.address) != socket.local_addr() {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            if info.interface != 0 {
                let id = InterfaceId::try_from(info.interface - 1);
                interface = Some(id.map_err(|_| Errno::ENXIO)?);
            }
        }
        let to = to.map(|to| options.inward(to)).transpose()?;
        let to = match to {
            Some(to) => Some(destination(to, interface)),
            None => socket.peer_addr().map(|peer| RawAddress {
                interface: interface.or(peer.interface),
                ..peer
            }),
        };
        let length = from.iter().map(|slice| slice.len()).sum::<usize>();
        let pool = stack.pool();
        if let Some(hop_limit) = ancillary.hop_limit {
            socket.set_hop_limit(hop_limit);
            socket.set_multicast_hop_limit(hop_limit);
        }
        if let Some(traffic_class) = ancillary.traffic_class {
            socket.set_traffic_class(traffic_class);
        }
        let sent = match from {
            [data] => socket.try_send_to(data, to),
            _ => match pool.alloc(Purpose::Send, HEADROOM) {
                Ok(mut buf) => match gather(&mut buf, from, 0, length) == length {
                    true => socket.try_send(buf, to).map_err(|(_, error)| error),
                    false => Err(RawSendError::NoBuffer),
                },
                Err(_) => Err(RawSendError::NoBuffer),
            },
        };
        // What held for this packet only is over.
        socket.set_hop_limit(options.hop_limit);
        socket.set_multicast_hop_limit(options.multicast_hop_limit);
        socket.set_traffic_class(options.traffic_class);
        match sent {
            Ok(()) => Ok(length),
            Err(RawSendError::NoBuffer) if pool.can_hold(Purpose::Send, HEADROOM, length) => {
                Err(Stall::Pool(length))
            }
            Err(RawSendError::NoBuffer) => Err(Errno::EMSGSIZE.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a packet goes: the port means nothing.
fn destination(to: SocketAddr, interface: Option<InterfaceId>) -> RawAddress {
    RawAddress {
        address: to.ip(),
        interface: interface.or(zone(to)),
    }
}

/// The address that a socket is bound to.
pub(super) fn bind(raw: &Raw<'_>, local: IpAddr) -> Result<(), Errno> {
    Ok(raw.socket.bind(local)?)
}
