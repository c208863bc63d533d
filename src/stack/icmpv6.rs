//! ICMPv6: echo, errors received, errors sent (RFC 4443); Neighbor Discovery goes on.

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use super::quoted;
use super::route::Path;
use super::transmit::Outgoing;
use crate::checksum::Sum;
use crate::iface::{Destination, ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::ip::ipv6::{Ipv6Packet, may_report};
use crate::link::Offload;
use crate::netbuf::{Charge, NetBuf, Straddle};
use crate::wire::icmpv6::{
    self, HEADER_LENGTH, Icmpv6Header, MAXIMUM_QUOTE, MessageType, ParameterProblemCode,
    UnreachableCode,
};
use crate::wire::{ipv6, protocol};

/// What is reported to the source of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Nobody listens on the port.
    #[cfg_attr(not(feature = "udp"), allow(dead_code))]
    Port,
    /// Something in the headers is at fault.
    Parameter {
        /// What.
        code: ParameterProblemCode,
        /// Where, from the IPv6 header on.
        pointer: usize,
    },
    /// Not all fragments of the packet have come in time.
    #[cfg(feature = "fragmentation")]
    ReassemblyTime,
    /// The packet filter forbids it.
    #[cfg(feature = "packet-filter")]
    Prohibited,
}

#[cfg(feature = "fragmentation")]
impl Report {
    /// The first fragment has not all headers (RFC 7112 §5).
    pub(super) const INCOMPLETE_HEADER_CHAIN: Self = Self::Parameter {
        code: ParameterProblemCode::INCOMPLETE_HEADER_CHAIN,
        pointer: 0,
    };

    /// The field at `pointer` has a value that cannot be.
    pub(super) const fn erroneous(pointer: usize) -> Self {
        Self::Parameter {
            code: ParameterProblemCode::ERRONEOUS_FIELD,
            pointer,
        }
    }
}

impl Core<'_> {
    /// An ICMPv6 message has come in.
    #[inline(never)]
    pub(super) fn receive_icmpv6(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv6Packet,
    ) -> Result<(), ReceiveDrop> {
        let Ipv6Packet {
            source,
            destination,
            start,
            length,
            offload,
            ..
        } = *packet;
        let mut straddle = Straddle::new();
        let bytes = buf
            .header::<HEADER_LENGTH>(start, &mut straddle)
            .ok_or(ReceiveDrop::Icmp)?;
        let is_verified = offload.contains(Offload::RECEIVE_ICMP) && !buf.meta().is_reassembled();
        if !is_verified {
            let sum = buf.sum(start..start + length);
            if !icmpv6::is_checksum_valid(source, destination, length as u32, sum) {
                return Err(ReceiveDrop::Icmp);
            }
        }
        let header = Icmpv6Header::new(bytes);
        let kind = header.message_type();
        match kind {
            MessageType::ECHO_REQUEST => {
                let (identifier, number) = (header.identifier(), header.sequence_number());
                self.answer_echo_ipv6(id, buf, packet, identifier, number)
            }
            #[cfg(feature = "ping")]
            MessageType::ECHO_REPLY => {
                let identifier = header.identifier();
                self.echo_reply(identifier, source.into(), start + HEADER_LENGTH, buf)
            }
            MessageType::NEIGHBOR_SOLICITATION
            | MessageType::NEIGHBOR_ADVERTISEMENT
            | MessageType::ROUTER_SOLICITATION
            | MessageType::ROUTER_ADVERTISEMENT => self.receive_discovery(id, &buf, packet, kind),
            #[cfg(feature = "redirects")]
            MessageType::REDIRECT => self.receive_discovery(id, &buf, packet, kind),
            #[cfg(feature = "mld")]
            MessageType::MULTICAST_LISTENER_QUERY | MessageType::MULTICAST_LISTENER_REPORT => {
                self.receive_mld(id, &buf, packet, kind)
            }
            _ if kind.is_error() => {
                let meaning = Unreachable::from_icmpv6(kind, header.code(), header.parameter());
                let meaning = meaning.ok_or(ReceiveDrop::IcmpUnused)?;
                self.icmp_error(id, &buf, start + HEADER_LENGTH, meaning)
            }
            _ => Err(ReceiveDrop::IcmpUnused),
        }
    }

    /// Sends the data of an echo request back where they came from (RFC 4443 §4.2).
    fn answer_echo_ipv6(
        &mut self,
        id: InterfaceId,
        mut buf: NetBuf,
        packet: &Ipv6Packet,
        identifier: u16,
        number: u16,
    ) -> Result<(), ReceiveDrop> {
        if packet.source.is_unspecified() {
            return Err(ReceiveDrop::Ipv6Source);
        }
        let data = buf.sum(packet.start + HEADER_LENGTH..packet.start + packet.length);
        buf.advance(packet.start + HEADER_LENGTH);
        if buf.set_charge(Charge::Send).is_err() {
            return Err(ReceiveDrop::PoolHeld);
        }
        let Ok(reply) = buf.prepend_array() else {
            return Err(ReceiveDrop::NoBuffer);
        };
        icmpv6::write_echo(reply, MessageType::ECHO_REPLY, identifier, number);
        let sum = Sum::of(reply).plus(data);
        // "the source address of the Echo Reply MUST be the same as the destination address of the
        // invoking Echo Request message", unless that is a group.
        let destination = packet.source.into();
        let source = (packet.kind == Destination::Unicast).then_some(packet.destination.into());
        let path = self.path(destination, source, Some(id));
        let Some(path) = path.or_else(|| self.path(destination, source, None)) else {
            self.not_sent(id, SendDrop::NoRoute);
            return Ok(());
        };
        self.fill_icmpv6_checksum(&path, packet.source, sum, &mut buf);
        let result = self.send_ip(&path, destination, Outgoing::new(protocol::ICMPV6), buf);
        self.send_or_count(id, result);
        Ok(())
    }

    /// Stores the checksum of the message in `buf`, of which `sum` is the sum with checksum zero.
    pub(super) fn fill_icmpv6_checksum(
        &self,
        path: &Path,
        destination: Ipv6Addr,
        sum: Sum,
        buf: &mut NetBuf,
    ) {
        let interface = self.interface(path.interface);
        let offload = interface.is_some_and(|interface| {
            // No hardware sums up what goes in fragments.
            interface.capabilities.offload.contains(Offload::SEND_ICMP)
                && !path.is_local
                && buf.len() + ipv6::HEADER_LENGTH <= self.sure_mtu(interface)
        });
        #[cfg_attr(not(feature = "ipv4"), allow(clippy::infallible_destructuring_match))]
        let source = match path.source {
            crate::wire::IpAddress::V6(source) => source,
            #[cfg(feature = "ipv4")]
            crate::wire::IpAddress::V4(_) => return,
        };
        let length = buf.len() as u32;
        if let Some(header) = buf.header_mut::<HEADER_LENGTH>(0).filter(|_| !offload) {
            let checksum = icmpv6::checksum(source, destination, length, sum);
            icmpv6::set_checksum(header, checksum);
        }
    }

    /// Tells the source of a packet why it was not delivered, if it may be told.
    #[cold]
    pub(super) fn report_ipv6(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv6Packet,
        report: Report,
        even_multicast: bool,
    ) {
        let Some(interface) = self.interface(id) else {
            return;
        };
        if !may_report(interface, &buf, packet, even_multicast) {
            return;
        }
        let result = match self.icmp_limit.allow(self.now, &mut self.rng) {
            true => self.send_report_ipv6(id, buf, packet, report),
            false => Err(SendDrop::IcmpRate),
        };
        if let Err(reason) = result {
            self.not_sent(id, reason);
        }
    }

    fn send_report_ipv6(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv6Packet,
        report: Report,
    ) -> Result<(), SendDrop> {
        let network = usize::from(buf.meta().network);
        let mut error = quoted::quote(buf, network..network + MAXIMUM_QUOTE)?;
        let quoted = error.sum(0..error.len());
        let header = error.prepend_array().map_err(|_| SendDrop::NoBuffer)?;
        match report {
            Report::Port => {
                icmpv6::write_destination_unreachable(header, UnreachableCode::PORT_UNREACHABLE);
            }
            Report::Parameter { code, pointer } => {
                icmpv6::write_parameter_problem(header, code, pointer as u32);
            }
            #[cfg(feature = "packet-filter")]
            Report::Prohibited => {
                let code = UnreachableCode::ADMINISTRATIVELY_PROHIBITED;
                icmpv6::write_destination_unreachable(header, code);
            }
            #[cfg(feature = "fragmentation")]
            Report::ReassemblyTime => {
                icmpv6::write_time_exceeded(header, icmpv6::TimeExceededCode::REASSEMBLY);
            }
        }
        let sum = Sum::of(header).plus(quoted);
        let destination = packet.source.into();
        let source = (packet.kind == Destination::Unicast).then_some(packet.destination.into());
        // A link-local source is a neighbour on the link that its packet came by.
        let only = packet.source.is_unicast_link_local().then_some(id);
        let path = self
            .path(destination, source, only)
            .ok_or(SendDrop::NoRoute)?;
        self.fill_icmpv6_checksum(&path, packet.source, sum, &mut error);
        let outgoing = Outgoing::new(protocol::ICMPV6);
        let result = self.send_ip(&path, destination, outgoing, error);
        result.map_err(|(_, reason)| reason)
    }
}

const _: () = assert!(MAXIMUM_QUOTE + HEADER_LENGTH + ipv6::HEADER_LENGTH == ipv6::MINIMUM_MTU);
