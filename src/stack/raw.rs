//! Raw sockets: the packets of an IP protocol, beside what the stack itself does with them.

#[cfg(feature = "ipv4")]
mod header;

use core::net::IpAddr;

use super::core::{Core, InterfaceId};
use super::quoted::Quoted;
use super::route::Path;
use super::transmit::{HEADROOM, NotSent, Outgoing};
use super::waiters::WaitKey;
#[cfg(feature = "ipv6")]
use crate::checksum::Sum;
use crate::config;
#[cfg(feature = "multicast")]
use crate::iface::Member;
use crate::ip::Unreachable;
#[cfg(feature = "ipv4")]
use crate::ip::ipv4::Ipv4Packet;
#[cfg(feature = "ipv6")]
use crate::ip::ipv6::Ipv6Packet;
#[cfg(feature = "ipv6")]
use crate::link::Offload;
#[cfg(feature = "ipv6")]
use crate::netbuf::meta::Flags;
use crate::netbuf::{Charge, NetBuf, Purpose};
use crate::packet::{
    Inbox, IpVersion, RawAddress, RawError, RawInfo, RawOptions, RawPacket, RawSendError, RawSlot,
    Table, Wanted,
};
use crate::wire::IpAddress;
#[cfg(feature = "ipv6")]
use crate::wire::protocol;

/// All raw sockets.
pub(crate) type RawSockets = Table<RawSlot, { config::RAW_SOCKETS }>;

/// A packet that is ready to go but for its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawWay {
    path: Path,
    destination: IpAddress,
    outgoing: Outgoing,
    checksum: Option<u16>,
    has_header: bool,
    loop_back: bool,
}

impl RawWay {
    /// The interface that the packet leaves by, and its traffic class there.
    pub(crate) const fn exit(&self) -> (InterfaceId, u8) {
        (self.path.interface, self.outgoing.class)
    }
}

impl Core<'_> {
    // ---- The way in --------------------------------------------------------------------------

    /// Lets raw sockets have copies of a datagram for this host.
    #[cfg(feature = "ipv4")]
    #[inline]
    pub(super) fn receive_raw_ipv4(&mut self, id: InterfaceId, buf: &NetBuf, packet: &Ipv4Packet) {
        if !self.gate.raw.is_empty() {
            self.receive_raw(
                buf,
                &RawPacket {
                    interface: id,
                    protocol: packet.protocol,
                    source: packet.source.into(),
                    destination: packet.destination.into(),
                    start: packet.start,
                    length: packet.length,
                    is_verified: true,
                },
            );
        }
    }

    /// Lets raw sockets have copies of a packet for this host.
    #[cfg(feature = "ipv6")]
    #[inline]
    pub(super) fn receive_raw_ipv6(&mut self, id: InterfaceId, buf: &NetBuf, packet: &Ipv6Packet) {
        if !self.gate.raw.is_empty() {
            let offload = match packet.protocol {
                protocol::ICMPV6 => Offload::RECEIVE_ICMP,
                protocol::UDP => Offload::RECEIVE_UDP,
                protocol::TCP => Offload::RECEIVE_TCP,
                _ => Offload::empty(),
            };
            let is_offloaded = !offload.is_empty() && packet.offload.contains(offload);
            let meta = buf.meta();
            self.receive_raw(
                buf,
                &RawPacket {
                    interface: id,
                    protocol: packet.protocol,
                    source: packet.source.into(),
                    destination: packet.destination.into(),
                    start: packet.start,
                    length: packet.length,
                    is_verified: is_offloaded && !meta.is_reassembled()
                        || meta.flags.contains(Flags::LOOPED_BACK),
                },
            );
        }
    }

    #[cold]
    #[inline(never)]
    fn receive_raw(&mut self, buf: &NetBuf, packet: &RawPacket) {
        let mut next = self.gate.raw.first(packet.number());
        while let Some(index) = next {
            next = self.gate.raw.after(index, packet.number());
            let Some(slot) = self.gate.raw.get_mut(index) else {
                continue;
            };
            if !slot.wants(packet) || !slot.passes(packet, buf) {
                continue;
            }
            if !slot.is_intact(packet, buf) {
                slot.inbox.dropped = slot.inbox.dropped.wrapping_add(1);
                continue;
            }
            let copy = buf.try_clone().map(|mut copy| {
                let mut meta = copy.meta();
                meta.payload = packet.start as u16;
                copy.set_meta(meta);
                copy
            });
            let is_taken = slot.inbox.put(copy);
            if is_taken {
                self.waiters.wake(WaitKey::raw(index));
            }
            self.gate.packet_wanted(is_taken);
        }
    }

    /// An ICMP error, or a neighbour that does not answer, concerns a packet: sockets that are
    /// connected to where it went are told. False if there is none.
    pub(super) fn raw_failed(
        &mut self,
        id: InterfaceId,
        quoted: &Quoted,
        why: Unreachable,
    ) -> bool {
        let number = IpVersion::of(quoted.remote).number(quoted.protocol);
        let (mut is_told, mut next) = (false, self.gate.raw.first(number));
        while let Some(index) = next {
            next = self.gate.raw.after(index, number);
            let slot = self.gate.raw.get_mut(index);
            let slot = slot.filter(|slot| {
                slot.remote == Some(quoted.remote)
                    && slot.local.is_none_or(|local| local == quoted.local)
                    && slot.interface.is_none_or(|only| only == id)
            });
            if let Some(slot) = slot {
                slot.error = Some(why);
                self.waiters.wake(WaitKey::raw(index));
                is_told = true;
            }
        }
        is_told
    }

    /// The next packet of a socket, and what goes with it.
    pub(crate) fn raw_receive(&mut self, index: u8) -> Option<(NetBuf, RawInfo)> {
        let slot = self.gate.raw.get_mut(index)?;
        let mut packet = slot.inbox.take()?;
        let start = start_of(slot.version, &packet);
        let info = RawInfo::read(&packet, packet.len().saturating_sub(start))?;
        packet.advance(start);
        Some((packet, info))
    }

    /// Shows `look` the next packet of a socket and where in it the data start, and leaves it there.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn raw_peek(
        &self,
        index: u8,
        look: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, RawInfo)> {
        let slot = self.gate.raw.get(index)?;
        let packet = slot.inbox.front()?;
        let start = start_of(slot.version, &packet);
        let info = RawInfo::read(&packet, packet.len().saturating_sub(start))?;
        Some((look(&packet, start), info))
    }

    // ---- Sockets -----------------------------------------------------------------------------

    /// Opens a socket for a protocol.
    pub(crate) fn raw_open(&mut self, version: IpVersion, protocol: u8) -> Result<u8, RawError> {
        if !version.is_built_in() {
            return Err(RawError::UnsupportedFamily);
        }
        let slot = RawSlot::new(Inbox::new(self.pool), version, protocol);
        let wanted = Wanted::Number(version.number(protocol));
        let opened = self.gate.raw.open(wanted, slot);
        self.gate.look_around();
        opened.ok_or(RawError::TableFull)
    }

    /// Binds a socket to an address of this host, or a group; to none of them if unspecified.
    pub(crate) fn raw_bind(&mut self, index: u8, local: IpAddr) -> Result<(), RawError> {
        let version = self.gate.raw.get(index).map(|slot| slot.version);
        let local = IpAddress::try_from(local).map_err(|_| RawError::UnsupportedFamily)?;
        if Some(IpVersion::of(local)) != version {
            return Err(RawError::UnsupportedFamily);
        }
        let is_ours = local.is_unspecified()
            || local.is_multicast()
            || self.interfaces().any(|(_, i)| i.may_have_address(local));
        if !is_ours {
            return Err(RawError::NotOurs);
        }
        if let Some(slot) = self.gate.raw.get_mut(index) {
            slot.local = Some(local).filter(|local| !local.is_unspecified());
        }
        Ok(())
    }

    /// Closes a socket: what it has received is given back, its groups are left.
    pub(crate) fn raw_close(&mut self, index: u8) {
        #[cfg(feature = "multicast")]
        for id in 0..self.interfaces.len() as InterfaceId {
            let interface = self.interface_mut(id);
            if interface.is_some_and(|interface| interface.leave_all(Member::raw(index))) {
                self.groups_changed(id);
            }
        }
        drop(self.gate.raw.close(index));
        self.gate.look_around();
        self.waiters.wake(WaitKey::raw(index));
    }

    // ---- The way out -------------------------------------------------------------------------

    /// Finds out how a packet would go.
    pub(crate) fn raw_prepare(
        &mut self,
        index: u8,
        to: Option<RawAddress>,
    ) -> Result<RawWay, RawSendError> {
        let slot = self.gate.raw.get_mut(index).ok_or(RawSendError::Closed)?;
        if let Some(why) = slot.error.take() {
            return Err(RawSendError::Unreachable(why));
        }
        let (destination, scope) = match to {
            Some(to) => {
                let address = IpAddress::try_from(to.address);
                let address = address.map_err(|_| RawSendError::InvalidDestination)?;
                (address, to.interface)
            }
            None => {
                let address = slot.remote.ok_or(RawSendError::NoDestination)?;
                (address, slot.remote_interface)
            }
        };
        if destination.is_unspecified() || IpVersion::of(destination) != slot.version {
            return Err(RawSendError::InvalidDestination);
        }
        let is_multicast = destination.is_multicast();
        let (hop_limit, multicast_interface) = match is_multicast {
            true => (slot.multicast_hop_limit, slot.multicast_interface),
            false => (slot.hop_limit, None),
        };
        let outgoing = Outgoing {
            hop_limit,
            traffic_class: slot.traffic_class,
            class: slot.class,
            ..Outgoing::new(slot.protocol)
        };
        let (options, checksum) = (slot.options, slot.checksum);
        let source = slot.local.filter(|local| !local.is_multicast());
        let only = scope.or(slot.interface).or(multicast_interface);
        if source.is_some_and(|source| self.holder(source).is_none()) {
            return Err(RawSendError::NoRoute);
        }
        let path = self.path(destination, source, only);
        let path = path.ok_or(RawSendError::NoRoute)?;
        let interface = self.interface(path.interface);
        let interface = interface.ok_or(RawSendError::NoRoute)?;
        #[cfg(feature = "ipv4")]
        if let IpAddress::V4(address) = destination
            && interface.is_ipv4_broadcast(address)
            && !options.contains(RawOptions::BROADCAST)
        {
            return Err(RawSendError::BroadcastNotAllowed);
        }
        Ok(RawWay {
            path,
            destination,
            outgoing,
            checksum,
            has_header: options.contains(RawOptions::HEADER_INCLUDED),
            loop_back: is_multicast
                && !path.is_local
                && options.contains(RawOptions::MULTICAST_LOOP)
                && interface.has_group(destination),
        })
    }

    /// Sends a copy of `data`.
    pub(crate) fn raw_send_copy(
        &mut self,
        index: u8,
        to: Option<RawAddress>,
        data: &[u8],
    ) -> Result<(), RawSendError> {
        let way = self.raw_prepare(index, to)?;
        let no_buffer = |_| RawSendError::NoBuffer;
        let mut buf = (self.pool.alloc(Purpose::Send, HEADROOM)).map_err(no_buffer)?;
        buf.append(data).map_err(no_buffer)?;
        self.raw_emit(&way, buf).map_err(|(_, error)| error)
    }

    /// Sends the bytes in `buf` as they are; gives them back on an error.
    pub(crate) fn raw_send(
        &mut self,
        index: u8,
        to: Option<RawAddress>,
        mut buf: NetBuf,
    ) -> Result<(), (NetBuf, RawSendError)> {
        let way = match self.raw_prepare(index, to) {
            Ok(way) => way,
            Err(error) => return Err((buf, error)),
        };
        match buf.set_charge(Charge::Send) {
            Ok(()) => self.raw_emit(&way, buf),
            Err(_) => Err((buf, RawSendError::NoBuffer)),
        }
    }

    fn raw_emit(&mut self, way: &RawWay, buf: NetBuf) -> Result<(), (NetBuf, RawSendError)> {
        let length = buf.len();
        let result = match way.has_header {
            #[cfg(feature = "ipv4")]
            true => self.raw_emit_whole(way, buf)?,
            _ => self.raw_emit_payload(way, buf)?,
        };
        result.map_err(|(mut buf, reason)| {
            self.not_sent(way.path.interface, reason);
            buf.advance(buf.len().saturating_sub(length));
            (buf, reason.into())
        })
    }

    /// Sends what the stack is to put headers in front of.
    fn raw_emit_payload(
        &mut self,
        way: &RawWay,
        mut buf: NetBuf,
    ) -> Result<Result<(), NotSent>, (NetBuf, RawSendError)> {
        let longest = match way.destination {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => usize::from(u16::MAX) - crate::wire::ipv4::HEADER_LENGTH,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => usize::from(u16::MAX),
        };
        if buf.len() > longest {
            return Err((buf, RawSendError::TooLong));
        }
        if let Some(offset) = way.checksum
            && let Err(error) = fill_checksum(way, offset.into(), &mut buf)
        {
            return Err((buf, error));
        }
        Ok(
            match self.write_ip(&way.path, way.destination, way.outgoing, &mut buf) {
                Ok(()) => {
                    self.raw_loop_back(way, &buf);
                    self.send_packet(&way.path, way.destination, way.outgoing, buf)
                }
                Err(reason) => Err((buf, reason)),
            },
        )
    }

    /// Lets this host's members of the group have a copy of a packet too.
    fn raw_loop_back(&mut self, way: &RawWay, packet: &NetBuf) {
        if !way.loop_back {
            return;
        }
        let path = Path {
            is_local: true,
            ..way.path
        };
        if let Ok(copy) = packet.try_clone() {
            let result = self.send_packet(&path, way.destination, way.outgoing, copy);
            self.send_or_count(path.interface, result);
        }
    }
}

/// Where the data of a packet start: with IPv4 the header is a part of them.
fn start_of(version: IpVersion, packet: &NetBuf) -> usize {
    let meta = packet.meta();
    match version {
        IpVersion::V4 => meta.network.into(),
        IpVersion::V6 => meta.payload.into(),
    }
}

/// Computes the checksum of what is in `buf`, and stores it at `offset` (RFC 3542 §3.1).
#[cfg_attr(not(feature = "ipv6"), allow(unused_variables))]
fn fill_checksum(way: &RawWay, offset: usize, buf: &mut NetBuf) -> Result<(), RawSendError> {
    match (way.path.source, way.destination) {
        #[cfg(feature = "ipv6")]
        (IpAddress::V6(source), IpAddress::V6(destination)) => {
            if buf.len() < offset + 2 {
                return Err(RawSendError::TooShort);
            }
            // The field lies in blocks that others may see.
            let bytes = (buf.make_contiguous(offset + 2)).map_err(|_| RawSendError::NoBuffer)?;
            let field = bytes.last_chunk_mut::<2>().ok_or(RawSendError::TooShort)?;
            *field = [0; 2];
            let length = buf.len();
            let sum = Sum::pseudo_ipv6(source, destination, way.outgoing.protocol, length as u32);
            let sum = sum.plus(buf.sum(0..length)).finish();
            // "all ones" stands for zero where zero would mean that there is none (RFC 768).
            let sum = match sum {
                0 if way.outgoing.protocol == protocol::UDP => u16::MAX,
                sum => sum,
            };
            let field = buf.header_mut::<2>(offset).ok_or(RawSendError::NoBuffer)?;
            *field = sum.to_be_bytes();
        }
        #[allow(unreachable_patterns)]
        _ => {}
    }
    Ok(())
}
