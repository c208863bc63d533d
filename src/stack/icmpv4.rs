//! ICMP over IPv4: echo, errors received, errors sent (RFC 792, RFC 1122 §3.2.2).

use super::core::{Core, InterfaceId};
use super::quoted;
use super::route::Path;
use super::transmit::Outgoing;
use crate::iface::{Destination, ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::ip::ipv4::{Ipv4Packet, may_report};
use crate::link::Offload;
use crate::netbuf::{Charge, NetBuf, Straddle};
use crate::wire::icmpv4::{HEADER_LENGTH, Icmpv4Header, Icmpv4Type, UnreachableCode};
use crate::wire::ipv4;
use crate::wire::protocol;

/// As much of a datagram as an error quotes: "the ICMP datagram SHOULD contain as much of the
/// original datagram as possible without the length of the ICMP datagram exceeding 576 bytes"
/// (RFC 1812 §4.3.2.3).
const MAXIMUM_QUOTE: usize = 576 - ipv4::HEADER_LENGTH - HEADER_LENGTH;

/// What is reported to the source of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Nobody listens on the port.
    #[cfg_attr(not(feature = "udp"), allow(dead_code))]
    Port,
    /// The protocol is not spoken here.
    Protocol,
    /// Not all fragments of the datagram have come in time.
    #[cfg(feature = "fragmentation")]
    ReassemblyTime,
    /// The octet at this place of the header is wrong.
    #[cfg(feature = "ipv4-options")]
    Parameter(u8),
    /// The packet filter forbids it.
    #[cfg(feature = "packet-filter")]
    Prohibited,
}

/// What goes back to who has asked.
struct Answer {
    #[cfg(feature = "ipv4-options")]
    options: crate::wire::ipv4_options::Ipv4Options,
    buf: NetBuf,
}

impl Core<'_> {
    /// An ICMP message has come in.
    #[inline(never)]
    pub(super) fn receive_icmpv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
    ) -> Result<(), ReceiveDrop> {
        let Ipv4Packet {
            start,
            length,
            offload,
            ..
        } = *packet;
        let mut straddle = Straddle::new();
        let bytes = buf
            .header::<HEADER_LENGTH>(start, &mut straddle)
            .ok_or(ReceiveDrop::Icmp)?;
        let header = Icmpv4Header::new(bytes);
        let data = buf.sum(start + HEADER_LENGTH..start + length);
        let is_verified = offload.contains(Offload::RECEIVE_ICMP) && !buf.meta().is_reassembled();
        if !is_verified && !header.is_checksum_valid(data) {
            return Err(ReceiveDrop::Icmp);
        }
        match header.message_type() {
            Icmpv4Type::Echo => {
                // "an ICMP Echo Request destined to an IP broadcast or IP multicast address MAY be
                // silently discarded" (RFC 1122 §3.2.2.6): it would serve an amplifier.
                if packet.kind != Destination::Unicast {
                    return Err(ReceiveDrop::IcmpUnused);
                }
                let header = *bytes;
                self.answer_echo_ipv4(id, buf, packet, header)
            }
            #[cfg(feature = "icmp-timestamp")]
            Icmpv4Type::Timestamp if packet.kind == Destination::Unicast => {
                let header = *bytes;
                self.answer_timestamp(id, buf, packet, header)
            }
            #[cfg(feature = "ping")]
            Icmpv4Type::EchoReply => {
                let identifier = header.identifier();
                self.echo_reply(identifier, packet.source.into(), start + HEADER_LENGTH, buf)
            }
            #[cfg(feature = "redirects")]
            Icmpv4Type::Redirect => {
                if packet.kind != Destination::Unicast {
                    return Err(ReceiveDrop::Redirect);
                }
                let gateway = header.gateway();
                self.redirected_ipv4(id, packet.source, gateway, &buf, start + HEADER_LENGTH)
            }
            kind if kind.is_error() => {
                let code = header.unreachable_code();
                let meaning = Unreachable::from_icmpv4(kind, code, header.next_hop_mtu());
                let meaning = meaning.ok_or(ReceiveDrop::IcmpUnused)?;
                self.icmp_error(id, &buf, start + HEADER_LENGTH, meaning)
            }
            _ => Err(ReceiveDrop::IcmpUnused),
        }
    }

    /// Sends the data of an echo request back where they came from (RFC 1122 §3.2.2.6).
    fn answer_echo_ipv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
        request: [u8; HEADER_LENGTH],
    ) -> Result<(), ReceiveDrop> {
        if packet.source.is_unspecified() {
            return Err(ReceiveDrop::Ipv4Source);
        }
        #[cfg(feature = "ipv4-options")]
        let (mut buf, options) = self.options_to_reflect(id, buf, packet)?;
        #[cfg(not(feature = "ipv4-options"))]
        let mut buf = buf;
        buf.advance(packet.start + HEADER_LENGTH);
        if buf.set_charge(Charge::Send).is_err() {
            return Err(ReceiveDrop::PoolHeld);
        }
        let Ok(reply) = buf.prepend_array() else {
            return Err(ReceiveDrop::NoBuffer);
        };
        Icmpv4Header::write_echo_reply(reply, Icmpv4Header::new(&request));
        let answer = Answer {
            #[cfg(feature = "ipv4-options")]
            options,
            buf,
        };
        self.send_answer_ipv4(id, packet, answer)
    }

    /// Sends an answer back from the address that was asked (RFC 1122 §3.2.2.6).
    fn send_answer_ipv4(
        &mut self,
        id: InterfaceId,
        packet: &Ipv4Packet,
        answer: Answer,
    ) -> Result<(), ReceiveDrop> {
        // What fits only in fragments goes without options.
        #[cfg(feature = "ipv4-options")]
        if !answer.options.is_empty()
            && let Some(path) = self.path_back(id, packet)
            && self.fits_with_options(&path, &answer)
        {
            let Answer { options, buf } = answer;
            let addresses = (packet.destination, packet.source);
            let result = self.send_with_options(&path, addresses, &options, buf);
            self.send_or_count(id, result);
            return Ok(());
        }
        self.send_icmpv4(id, packet, answer.buf);
        Ok(())
    }

    /// The way back to where a packet came from, by the interface that it came in by if there is one.
    /// What came from may be the broadcast address of another link, and by that there is none.
    fn path_back(&self, id: InterfaceId, packet: &Ipv4Packet) -> Option<Path> {
        let (destination, source) = (packet.source.into(), Some(packet.destination.into()));
        self.path(destination, source, Some(id)).or_else(|| {
            let path = self.path(destination, source, None);
            path.filter(|path| self.leads_to_one(path, destination))
        })
    }

    /// Sends a message to where a packet came from, from the address that it was sent to.
    fn send_icmpv4(&mut self, id: InterfaceId, packet: &Ipv4Packet, message: NetBuf) {
        let result = match self.path_back(id, packet) {
            Some(path) => {
                let outgoing = Outgoing::new(protocol::ICMP);
                self.send_ip(&path, packet.source.into(), outgoing, message)
            }
            None => Err((message, SendDrop::NoRoute)),
        };
        self.send_or_count(id, result);
    }

    #[cfg(feature = "ipv4-options")]
    fn fits_with_options(&self, path: &Path, answer: &Answer) -> bool {
        let length = ipv4::HEADER_LENGTH + answer.options.as_bytes().len() + answer.buf.len();
        let interface = self.interface(path.interface);
        interface.is_some_and(|interface| length <= interface.mtu())
    }

    /// Answers a request for the time (RFC 792, RFC 1122 §3.2.2.8).
    #[cfg(feature = "icmp-timestamp")]
    #[cold]
    fn answer_timestamp(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
        header: [u8; HEADER_LENGTH],
    ) -> Result<(), ReceiveDrop> {
        use crate::checksum::Sum;
        use crate::wire::icmpv4::{Icmpv4Timestamps, TIMESTAMPS_LENGTH};

        if packet.source.is_unspecified() {
            return Err(ReceiveDrop::Ipv4Source);
        }
        if packet.length < HEADER_LENGTH + TIMESTAMPS_LENGTH {
            return Err(ReceiveDrop::Icmp);
        }
        let mut straddle = Straddle::new();
        let times = buf.header(packet.start + HEADER_LENGTH, &mut straddle);
        let originate = Icmpv4Timestamps::new(times.ok_or(ReceiveDrop::Icmp)?).originate();
        #[cfg(feature = "ipv4-options")]
        let (mut buf, options) = self.options_to_reflect(id, buf, packet)?;
        #[cfg(not(feature = "ipv4-options"))]
        let mut buf = buf;
        // The request's own block is written anew, where nobody else sees it.
        buf.advance(packet.start + HEADER_LENGTH + TIMESTAMPS_LENGTH);
        buf.truncate(0);
        if buf.set_charge(Charge::Send).is_err() {
            return Err(ReceiveDrop::PoolHeld);
        }
        let now = self.icmp_time();
        let no_buffer = |_| ReceiveDrop::NoBuffer;
        let times = buf.prepend_array().map_err(no_buffer)?;
        Icmpv4Timestamps::write(times, originate, now, now);
        let sum = Sum::of(times);
        let [.., a, b, c, d] = header;
        let reply = buf.prepend_array().map_err(no_buffer)?;
        let kind = Icmpv4Type::TimestampReply;
        Icmpv4Header::write(reply, kind, 0, [a, b, c, d], Some(sum));
        let answer = Answer {
            #[cfg(feature = "ipv4-options")]
            options,
            buf,
        };
        self.send_answer_ipv4(id, packet, answer)
    }

    /// The time as ICMP and the Timestamp option have it. Midnight is not known here: "any time can
    /// be inserted in a timestamp provided the high order bit [...] is also set" (RFC 792).
    #[cfg(any(feature = "icmp-timestamp", feature = "ipv4-options"))]
    pub(super) fn icmp_time(&self) -> u32 {
        self.now.as_millis() as u32 | crate::wire::icmpv4::NON_STANDARD_TIME
    }

    /// Tells the source of a datagram why it was not delivered, if it may be told.
    #[cold]
    pub(super) fn report_ipv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
        report: Report,
    ) {
        if !may_report(&buf, packet) {
            return;
        }
        let result = match self.icmp_limit.allow(self.now, &mut self.rng) {
            true => self.send_report_ipv4(id, buf, packet, report),
            false => Err(SendDrop::IcmpRate),
        };
        if let Err(reason) = result {
            self.not_sent(id, reason);
        }
    }

    fn send_report_ipv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
        report: Report,
    ) -> Result<(), SendDrop> {
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        let offload = interface.capabilities.offload.contains(Offload::SEND_ICMP);
        let network = usize::from(buf.meta().network);
        let room = interface
            .mtu()
            .saturating_sub(ipv4::HEADER_LENGTH + HEADER_LENGTH);
        let end = (packet.start + packet.length).min(network + MAXIMUM_QUOTE.min(room));
        let mut error = quoted::quote(buf, network..end)?;
        let sum = if offload {
            None
        } else {
            Some(error.sum(0..error.len()))
        };
        let header = error.prepend_array().map_err(|_| SendDrop::NoBuffer)?;
        match report {
            Report::Port => Icmpv4Header::write_unreachable(header, UnreachableCode::Port, 0, sum),
            Report::Protocol => {
                Icmpv4Header::write_unreachable(header, UnreachableCode::Protocol, 0, sum);
            }
            #[cfg(feature = "fragmentation")]
            Report::ReassemblyTime => {
                let code = crate::wire::icmpv4::REASSEMBLY_TIME_EXCEEDED;
                Icmpv4Header::write_time_exceeded(header, code, sum);
            }
            #[cfg(feature = "ipv4-options")]
            Report::Parameter(pointer) => {
                Icmpv4Header::write_parameter_problem(header, pointer, sum);
            }
            #[cfg(feature = "packet-filter")]
            Report::Prohibited => {
                let code = UnreachableCode::CommunicationProhibited;
                Icmpv4Header::write_unreachable(header, code, 0, sum);
            }
        }
        self.send_icmpv4(id, packet, error);
        Ok(())
    }
}
