//! Multicast Listener Discovery messages on their way in and out (RFC 3810 §5).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use super::route::Path;
use super::transmit::Outgoing;
use crate::iface::group::Protocol;
use crate::iface::{Interface, ReceiveDrop, SendDrop};
use crate::ip::ipv6::Ipv6Packet;
use crate::netbuf::NetBuf;
use crate::wire::group_report::{QueryVersion, write_header};
use crate::wire::icmpv6::{self, MessageType};
use crate::wire::ipv6::{HEADER_LENGTH as IPV6_LENGTH, Ipv6Header};
use crate::wire::ipv6_address::{ALL_MLDV2_ROUTERS, ALL_ROUTERS};
use crate::wire::ipv6_extension::{
    HeaderChain, HeaderKind, OptionKind, ROUTER_ALERT_MLD, write_router_alert,
};
use crate::wire::mld::{self, HOP_LIMIT, MESSAGE_LENGTH};
use crate::wire::{Bytes, Tail, protocol};

/// Bytes of a Hop-by-Hop Options header with Router Alert.
const ROUTER_ALERT_LENGTH: usize = 8;
/// Bytes of an IPv6 header with it.
pub(super) const IP_LENGTH: usize = IPV6_LENGTH + ROUTER_ALERT_LENGTH;

impl Core<'_> {
    /// A query, or another host's report of version 1, has come in.
    #[inline(never)]
    pub(super) fn receive_mld(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        packet: &Ipv6Packet,
        kind: MessageType,
    ) -> Result<(), ReceiveDrop> {
        // "the node checks if the source address of the message is a valid link-local address, if
        // the Hop Limit is set to 1, and if the Router Alert option is present [...] If any of
        // these checks fails, the packet is dropped" (RFC 3810 §6.2).
        let is_of_link = packet.source.is_unicast_link_local();
        if !is_of_link || packet.hop_limit != HOP_LIMIT || !has_router_alert(buf) {
            return Err(ReceiveDrop::Membership);
        }
        let malformed = |_| ReceiveDrop::Membership;
        let message = Tail::new(buf, packet.start);
        let (now, Some(Some(interface))) = (self.now, self.interfaces.get_mut(usize::from(id)))
        else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        let groups = &mut interface.groups;
        if kind == MessageType::MULTICAST_LISTENER_REPORT {
            let group = mld::read_address(&message).map_err(malformed)?;
            groups.reported_by_other(Protocol::Mld, group.into());
        } else {
            let query = mld::read_query(&message).map_err(malformed)?;
            let sources = (0..usize::from(query.sources)).map_while(|n| {
                let source = message.array::<16>(query.first_source + n * 16).ok()?;
                Some(Ipv6Addr::from_octets(source).into())
            });
            groups.queried(Protocol::Mld, now, &mut self.rng, &query, sources);
        }
        self.arm_groups();
        Ok(())
    }

    /// Sends a report of version 2 that is complete but for its header.
    pub(super) fn send_mld_report(
        &mut self,
        id: InterfaceId,
        mut buf: NetBuf,
        records: u16,
    ) -> Result<(), SendDrop> {
        let header = buf.header_mut(0).ok_or(SendDrop::NoBuffer)?;
        write_header(header, MessageType::MULTICAST_LISTENER_REPORT_V2.0, records);
        self.send_mld(id, ALL_MLDV2_ROUTERS, buf)
    }

    /// Sends a report of version 1, or without a version a Done message.
    pub(super) fn send_older_mld(
        &mut self,
        id: InterfaceId,
        version: Option<QueryVersion>,
        group: Ipv6Addr,
    ) -> Result<(), SendDrop> {
        let (kind, destination) = match version {
            Some(_) => (MessageType::MULTICAST_LISTENER_REPORT, group),
            None => (MessageType::MULTICAST_LISTENER_DONE, ALL_ROUTERS),
        };
        let mut message = [0; MESSAGE_LENGTH];
        mld::write(&mut message, kind, group);
        let buf = self.control_message(&message);
        let buf = buf.map_err(|_| SendDrop::NoBuffer)?;
        self.send_mld(id, destination, buf)
    }

    /// Fills in the checksum of a message, and sends it behind a Hop-by-Hop Options header.
    fn send_mld(
        &mut self,
        id: InterfaceId,
        destination: Ipv6Addr,
        mut buf: NetBuf,
    ) -> Result<(), SendDrop> {
        let interface = self.interface_mut(id).ok_or(SendDrop::NoRoute)?;
        let source = interface.report_source();
        interface.groups.is_unheeded |= source.is_unspecified();
        // Hardware that fills in checksums may not look behind the options.
        let length = buf.len() as u32;
        let sum = buf.sum(0..buf.len());
        if let Some(header) = buf.header_mut(0) {
            let checksum = icmpv6::checksum(source, destination, length, sum);
            icmpv6::set_checksum(header, checksum);
        }
        let options = buf.prepend_array().map_err(|_| SendDrop::NoBuffer)?;
        write_router_alert(options, protocol::ICMPV6, ROUTER_ALERT_MLD);
        let path = Path {
            interface: id,
            next_hop: destination.into(),
            source: source.into(),
            is_local: false,
        };
        let outgoing = Outgoing {
            hop_limit: HOP_LIMIT,
            ..Outgoing::new(protocol::HOP_BY_HOP)
        };
        let result = self.send_ip(&path, destination.into(), outgoing, buf);
        result.map_err(|(_, reason)| reason)
    }
}

impl Interface<'_> {
    /// Has routers told again what they have not heeded, once there is an address: "Once a valid
    /// link-local address is available, a node SHOULD generate new MLDv2 Report messages for all
    /// multicast addresses joined on the interface" (RFC 3810 §5.2.13).
    pub(super) fn tell_unheeded(&mut self) {
        if self.groups.is_unheeded && !self.report_source().is_unspecified() {
            self.groups.is_unheeded = false;
            self.groups.tell_anew(Protocol::Mld);
        }
    }

    /// The source of reports: "a valid link-local address, or the unspecified address (::), if the
    /// sending interface has not acquired a valid link-local address yet" (RFC 3810 §5.2.13).
    fn report_source(&self) -> Ipv6Addr {
        let addresses = self.ipv6.iter().filter(|entry| entry.is_confirmed());
        let mut addresses = addresses.map(|entry| entry.address);
        let source = addresses.find(Ipv6Addr::is_unicast_link_local);
        source.unwrap_or(Ipv6Addr::UNSPECIFIED)
    }
}

/// Whether a received packet has Router Alert for MLD in its Hop-by-Hop Options.
fn has_router_alert(buf: &NetBuf) -> bool {
    let bytes = Tail::new(buf, usize::from(buf.meta().network));
    let Ok(header) = bytes.array::<IPV6_LENGTH>(0) else {
        return false;
    };
    let next_header = Ipv6Header::new(&header).map(Ipv6Header::next_header);
    let first = next_header
        .ok()
        .and_then(|number| HeaderChain::new(&bytes, number).next());
    let Some(Ok(first)) = first else {
        return false;
    };
    matches!(first.kind, HeaderKind::HopByHop { .. })
        && first.options(&bytes).any(|option| {
            option.is_ok_and(|option| option.kind == OptionKind::RouterAlert(ROUTER_ALERT_MLD))
        })
}
