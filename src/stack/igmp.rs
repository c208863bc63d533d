//! IGMP messages on their way in and out (RFC 3376 §4).

use core::net::Ipv4Addr;

use super::core::{Core, InterfaceId};
use super::route::Path;
use crate::checksum::Sum;
use crate::iface::group::Protocol;
use crate::iface::{Destination, ReceiveDrop, SendDrop};
use crate::ip::ipv4::Ipv4Packet;
use crate::link::Offload;
use crate::netbuf::{Meta, NetBuf, Straddle, meta::Flags};
use crate::wire::group_report::{QueryVersion, write_header};
use crate::wire::igmp::{
    self, ALL_IGMPV3_ROUTERS, ALL_ROUTERS, ALL_SYSTEMS, HEADER_LENGTH, IgmpHeader, MessageType,
    TTL, TYPE_OF_SERVICE,
};
use crate::wire::ipv4::{self, Ipv4Flags, Ipv4Header, Ipv4HeaderMut};
use crate::wire::ipv4_options::{Ipv4Option, Ipv4Options};
use crate::wire::{Bytes, Tail, protocol};

/// Router Alert, as an option of the IPv4 header (RFC 2113 §2.1).
const ROUTER_ALERT: [u8; 4] = [148, 4, 0, 0];
/// Bytes of an IPv4 header with it.
pub(super) const IP_LENGTH: usize = ipv4::HEADER_LENGTH + ROUTER_ALERT.len();

impl Core<'_> {
    /// An IGMP message has come in.
    #[inline(never)]
    pub(super) fn receive_igmp(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        packet: &Ipv4Packet,
    ) -> Result<(), ReceiveDrop> {
        let Ipv4Packet { start, length, .. } = *packet;
        let mut straddle = Straddle::new();
        let bytes = buf.header::<HEADER_LENGTH>(start, &mut straddle);
        let header = IgmpHeader::new(bytes.ok_or(ReceiveDrop::Membership)?);
        // "The checksum MUST be verified before processing a packet" (RFC 3376 §4.1.2).
        if !buf.sum(start..start + length).is_valid() {
            return Err(ReceiveDrop::Membership);
        }
        match header.message_type() {
            MessageType::MEMBERSHIP_QUERY => self.receive_igmp_query(id, buf, packet),
            MessageType::MEMBERSHIP_REPORT_V1 | MessageType::MEMBERSHIP_REPORT_V2 => {
                let group = header.group();
                let interface = self.interface_mut(id).ok_or(ReceiveDrop::InterfaceDown)?;
                interface
                    .groups
                    .reported_by_other(Protocol::Igmp, group.into());
                self.arm_groups();
                Ok(())
            }
            // "Unrecognized message types MUST be silently ignored" (RFC 3376 §4).
            _ => Err(ReceiveDrop::IcmpUnused),
        }
    }

    fn receive_igmp_query(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        packet: &Ipv4Packet,
    ) -> Result<(), ReceiveDrop> {
        let message = Tail::new(buf, packet.start);
        let query = igmp::read_query(&message).map_err(|_| ReceiveDrop::Membership)?;
        // Of this link: "an IP Time-to-Live of 1" (RFC 3376 §4).
        if ttl(buf) != Some(TTL) {
            return Err(ReceiveDrop::Membership);
        }
        // "Hosts SHOULD ignore v2 or v3 Queries without the Router-Alert option", and "v1, v2 or v3
        // General Queries sent to a multicast address other than 224.0.0.1" (RFC 3376 §9.1).
        if query.version != QueryVersion::First && !has_router_alert(buf, packet.start) {
            return Err(ReceiveDrop::Membership);
        }
        let is_elsewhere = packet.kind != Destination::Unicast && packet.destination != ALL_SYSTEMS;
        if query.group.is_none() && is_elsewhere {
            return Err(ReceiveDrop::Membership);
        }
        let sources = (0..usize::from(query.sources)).map_while(|n| {
            let source = message.array::<4>(query.first_source + n * 4).ok()?;
            Some(Ipv4Addr::from_octets(source).into())
        });
        let (now, Some(Some(interface))) = (self.now, self.interfaces.get_mut(usize::from(id)))
        else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        let groups = &mut interface.groups;
        groups.queried(Protocol::Igmp, now, &mut self.rng, &query, sources);
        self.arm_groups();
        Ok(())
    }

    /// Sends a report of version 3 that is complete but for its header.
    pub(super) fn send_igmp_report(
        &mut self,
        id: InterfaceId,
        mut buf: NetBuf,
        records: u16,
    ) -> Result<(), SendDrop> {
        let header = buf.header_mut(0).ok_or(SendDrop::NoBuffer)?;
        write_header(header, MessageType::MEMBERSHIP_REPORT_V3.0, records);
        let checksum = buf.sum(0..buf.len()).finish();
        if let Some(header) = buf.header_mut(0) {
            igmp::set_checksum(header, checksum);
        }
        self.send_igmp(id, ALL_IGMPV3_ROUTERS, buf)
    }

    /// Sends a report of version 1 or 2, or without a version a Leave Group message.
    pub(super) fn send_older_igmp(
        &mut self,
        id: InterfaceId,
        version: Option<QueryVersion>,
        group: Ipv4Addr,
    ) -> Result<(), SendDrop> {
        let (kind, destination) = match version {
            Some(QueryVersion::First) => (MessageType::MEMBERSHIP_REPORT_V1, group),
            Some(_) => (MessageType::MEMBERSHIP_REPORT_V2, group),
            None => (MessageType::LEAVE_GROUP, ALL_ROUTERS),
        };
        let mut message = [0; HEADER_LENGTH];
        igmp::write(&mut message, kind, group);
        let buf = self.control_message(&message);
        let buf = buf.map_err(|_| SendDrop::NoBuffer)?;
        self.send_igmp(id, destination, buf)
    }

    /// Puts an IPv4 header with Router Alert in front of a message and sends it.
    fn send_igmp(
        &mut self,
        id: InterfaceId,
        destination: Ipv4Addr,
        mut buf: NetBuf,
    ) -> Result<(), SendDrop> {
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        // "The 0.0.0.0 source address may be used by a system that has not yet acquired an IP
        // address" (RFC 3376 §4.2.13).
        let source = interface.ipv4.first();
        let source = source.map_or(Ipv4Addr::UNSPECIFIED, |cidr| cidr.address);
        let offload = interface.capabilities.offload.contains(Offload::SEND_IPV4);
        let options = buf.prepend_array().map_err(|_| SendDrop::NoBuffer)?;
        *options = ROUTER_ALERT;
        let length = (buf.len() + ipv4::HEADER_LENGTH) as u16;
        let bytes = buf.prepend_array().map_err(|_| SendDrop::NoBuffer)?;
        let header = Ipv4HeaderMut::write(bytes, source, destination, protocol::IGMP, length)
            .options_length(ROUTER_ALERT.len())
            .dscp_ecn(TYPE_OF_SERVICE >> 2, 0)
            .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
            .ttl(TTL);
        if !offload {
            header.fill_checksum(Sum::of(&ROUTER_ALERT));
        }
        buf.set_meta(Meta {
            interface: id,
            class: 0,
            flags: Flags::empty(),
            network: 0,
            payload: 0,
        });
        let path = Path {
            interface: id,
            next_hop: destination.into(),
            source: source.into(),
            is_local: false,
        };
        self.transmit(&path, buf).map_err(|(_, reason)| reason)
    }
}

/// The TTL of a received packet.
fn ttl(buf: &NetBuf) -> Option<u8> {
    let mut straddle = Straddle::new();
    let bytes = buf.header(usize::from(buf.meta().network), &mut straddle)?;
    Ipv4Header::new(bytes).ok().map(|header| header.ttl())
}

/// Whether the options of a received packet, whose payload starts at `start`, have Router Alert.
fn has_router_alert(buf: &NetBuf, start: usize) -> bool {
    let offset = usize::from(buf.meta().network) + ipv4::HEADER_LENGTH;
    let options = Ipv4Options::read(buf, offset, start.saturating_sub(offset));
    options.is_ok_and(|options| {
        let mut options = options.iter();
        options.any(|option| matches!(option, Ok(Ipv4Option::RouterAlert(_))))
    })
}
