//! The way in: link layer, IP, transport.

use super::core::{Core, InterfaceId};
use crate::iface::ReceiveDrop;
#[cfg(feature = "packet-filter")]
use crate::iface::Verdict;
#[cfg(feature = "ipv4")]
use crate::ip::ipv4::{self, Ipv4Packet};
#[cfg(feature = "ipv6")]
use crate::ip::ipv6::Refusal;
use crate::link::Medium;
#[cfg(any(feature = "udp", feature = "tcp"))]
use crate::link::Offload;
use crate::netbuf::NetBuf;
#[cfg(feature = "ethernet")]
use crate::netbuf::meta::Flags;
use crate::wire::protocol;

/// A datagram or segment on its way to a socket.
#[cfg(any(feature = "udp", feature = "tcp"))]
pub(super) struct Delivery {
    #[cfg_attr(not(feature = "udp"), allow(dead_code))]
    pub(super) interface: InterfaceId,
    pub(super) source: crate::wire::IpAddress,
    pub(super) destination: crate::wire::IpAddress,
    pub(super) kind: crate::iface::Destination,
    /// Where its header starts in the buffer.
    pub(super) start: usize,
    /// Bytes of the header and what follows.
    pub(super) length: usize,
    /// What the hardware of the interface does.
    pub(super) offload: Offload,
}

impl Core<'_> {
    /// Takes in a frame from a port, and counts what became of it.
    #[inline]
    pub(super) fn receive(&mut self, id: InterfaceId, buf: NetBuf) {
        #[cfg(feature = "statistics")]
        self.count_frame(id, &buf);
        #[cfg(gated)]
        if self.gate.is_watched() {
            return self.receive_watched(id, buf);
        }
        let result = self.receive_frame(id, buf);
        if let Some(interface) = self.interface_mut(id) {
            interface.counters.received(result);
        }
    }

    /// As [`Core::receive`], where packets are looked at as they pass.
    #[cfg(gated)]
    #[cold]
    #[inline(never)]
    fn receive_watched(&mut self, id: InterfaceId, mut buf: NetBuf) {
        let result = match buf.pool().is(self.pool) {
            true => Ok(()),
            // Copies for sockets are of the stack's own pool.
            false => self.adopt(&buf).map(|own| buf = own),
        };
        let result = result.and_then(|()| {
            #[cfg(feature = "packet-sockets")]
            self.watch_received(id, &buf);
            #[cfg(feature = "packet-filter")]
            self.filter_received(id, &buf)?;
            self.receive_any_frame(id, buf)
        });
        let result = self.gate.judge(result);
        if let Some(interface) = self.interface_mut(id) {
            interface.counters.received(result);
        }
    }

    /// Takes in a packet that this host has sent to itself.
    #[cold]
    pub(super) fn receive_looped(&mut self, buf: NetBuf) {
        let id = buf.meta().interface;
        #[cfg(feature = "loopback")]
        let result = self.loses_looped(id).and_then(|()| {
            #[cfg(feature = "packet-sockets")]
            self.watch_looped(id, &buf);
            self.receive_packet(id, buf)
        });
        #[cfg(not(feature = "loopback"))]
        let result = self.receive_packet(id, buf);
        #[cfg(gated)]
        let result = self.gate.judge(result);
        if let Some(interface) = self.interface_mut(id) {
            interface.counters.received(result);
        }
    }

    #[inline]
    #[cfg_attr(
        not(all(feature = "ethernet", feature = "ipv4", feature = "fast-paths")),
        allow(unused_mut)
    )]
    fn receive_frame(&mut self, id: InterfaceId, mut buf: NetBuf) -> Result<(), ReceiveDrop> {
        #[cfg(all(feature = "ethernet", feature = "ipv4", feature = "fast-paths"))]
        if let Some(Some(interface)) = self.interfaces.get(usize::from(id))
            && buf.pool().is(self.pool)
            && interface.takes_frames()
            && let Some(packet) = ipv4::receive_plain(interface, id, &mut buf)
        {
            return self.receive_from_ipv4(id, buf, &packet);
        }
        self.receive_any_frame(id, buf)
    }

    /// Takes in a frame, whatever is in it.
    #[inline(never)]
    fn receive_any_frame(&mut self, id: InterfaceId, mut buf: NetBuf) -> Result<(), ReceiveDrop> {
        if !buf.pool().is(self.pool) {
            buf = self.adopt(&buf)?;
        }
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        if !interface.takes_frames() {
            return Err(ReceiveDrop::InterfaceDown);
        }
        let mut meta = buf.meta();
        meta.interface = id;
        buf.set_meta(meta);
        match interface.capabilities.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                use crate::l2::ethernet::{self, Payload};
                use crate::wire::ethernet as numbers;

                let payload = ethernet::receive(&mut buf, &interface.capabilities.address);
                let payload = payload.map_err(|_| ReceiveDrop::LinkHeader)?;
                if buf.meta().flags.contains(Flags::LINK_OTHER) {
                    return Err(ReceiveDrop::OtherStation);
                }
                match payload {
                    #[cfg(feature = "ipv4")]
                    Payload::Type(numbers::ETHERTYPE_IPV4) => self.receive_ipv4(id, buf),
                    #[cfg(feature = "ipv6")]
                    Payload::Type(numbers::ETHERTYPE_IPV6) => self.receive_ipv6(id, buf),
                    #[cfg(feature = "ipv4")]
                    Payload::Type(numbers::ETHERTYPE_ARP) => {
                        self.paths_changed();
                        self.receive_arp(id, buf)
                    }
                    _ => Err(ReceiveDrop::LinkProtocol),
                }
            }
            Medium::Ip => self.receive_packet(id, buf),
        }
    }

    /// A copy, in a buffer of the stack's own pool, of one from a driver's.
    #[cold]
    fn adopt(&mut self, buf: &NetBuf) -> Result<NetBuf, ReceiveDrop> {
        use crate::netbuf::{Purpose, pool::RECEIVE_OFFSET};

        buf.copy_to(self.pool, Purpose::Receive, RECEIVE_OFFSET)
            .map_err(|_| ReceiveDrop::NoBuffer)
    }

    /// Takes in a datagram that has come in fragments.
    #[cfg(feature = "fragmentation")]
    #[cold]
    #[inline(never)]
    fn receive_whole(&mut self, id: InterfaceId, buf: NetBuf) -> Result<(), ReceiveDrop> {
        self.receive_packet(id, buf)
    }

    /// Takes in a packet that says itself which version it is of.
    fn receive_packet(&mut self, id: InterfaceId, buf: NetBuf) -> Result<(), ReceiveDrop> {
        match buf.first().first().map(|octet| octet >> 4) {
            #[cfg(feature = "ipv4")]
            Some(4) => self.receive_ipv4(id, buf),
            #[cfg(feature = "ipv6")]
            Some(6) => self.receive_ipv6(id, buf),
            _ => Err(ReceiveDrop::LinkProtocol),
        }
    }

    #[cfg(feature = "ipv4")]
    fn receive_ipv4(&mut self, id: InterfaceId, mut buf: NetBuf) -> Result<(), ReceiveDrop> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        let packet = ipv4::receive(interface, &mut buf)?;
        if let Err(unfit) = ipv4::check_options(&buf, &packet) {
            #[cfg(feature = "ipv4-options")]
            self.report_ipv4_options(id, buf, &packet, unfit);
            let _ = unfit;
            return Err(ReceiveDrop::Ipv4Options);
        }
        if packet.is_fragment {
            #[cfg(feature = "fragmentation")]
            if let Some(whole) = self.reassemble_ipv4(id, buf)? {
                return self.receive_whole(id, whole);
            } else {
                return Ok(());
            }
            #[cfg(not(feature = "fragmentation"))]
            return Err(ReceiveDrop::Ipv4Fragment);
        }
        #[cfg(feature = "packet-filter")]
        if self.gate.is_watched() {
            match self.filter_local(id, &buf) {
                Verdict::Accept => {}
                Verdict::Drop => return Err(ReceiveDrop::Filter),
                Verdict::Reject => {
                    self.report_ipv4(id, buf, &packet, super::icmpv4::Report::Prohibited);
                    return Err(ReceiveDrop::Filter);
                }
            }
        }
        self.receive_from_ipv4(id, buf, &packet)
    }

    /// Takes in what an IPv4 datagram carries that is for this host.
    #[cfg(feature = "ipv4")]
    #[inline(never)]
    fn receive_from_ipv4(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
    ) -> Result<(), ReceiveDrop> {
        #[cfg(feature = "statistics")]
        self.count_packet(id, &buf);
        #[cfg(feature = "raw-sockets")]
        self.receive_raw_ipv4(id, &buf, packet);
        #[cfg(any(feature = "udp", feature = "tcp"))]
        let delivery = Delivery {
            interface: id,
            source: packet.source.into(),
            destination: packet.destination.into(),
            kind: packet.kind,
            start: packet.start,
            length: packet.length,
            offload: packet.offload,
        };
        match packet.protocol {
            #[cfg(feature = "udp")]
            protocol::UDP => {
                let refused = match self.receive_udp(&delivery, buf) {
                    Ok(()) => return Ok(()),
                    Err((refused, reason)) => refused.ok_or(reason)?,
                };
                self.report_ipv4(id, refused, packet, super::icmpv4::Report::Port);
                Err(ReceiveDrop::UdpNoSocket)
            }
            #[cfg(feature = "tcp")]
            protocol::TCP => self.receive_tcp(&delivery, buf),
            protocol::ICMP => {
                self.paths_changed();
                self.receive_icmpv4(id, buf, packet)
            }
            #[cfg(feature = "igmp")]
            protocol::IGMP => self.receive_igmp(id, &buf, packet),
            #[cfg(feature = "raw-sockets")]
            _ if self.gate.is_raw_protocol() => Err(ReceiveDrop::TransportProtocol),
            _ => {
                self.report_ipv4(id, buf, packet, super::icmpv4::Report::Protocol);
                Err(ReceiveDrop::TransportProtocol)
            }
        }
    }

    #[cfg(feature = "ipv6")]
    #[inline]
    fn receive_ipv6(&mut self, id: InterfaceId, mut buf: NetBuf) -> Result<(), ReceiveDrop> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return Err(ReceiveDrop::InterfaceDown);
        };
        let packet = match crate::ip::ipv6::receive(interface, &mut buf) {
            Ok(packet) => packet,
            #[cfg(feature = "fragmentation")]
            Err((Some(packet), Refusal::Drop(ReceiveDrop::Ipv6Fragment))) => {
                return match self.reassemble_ipv6(id, buf, &packet)? {
                    Some(whole) => self.receive_whole(id, whole),
                    None => Ok(()),
                };
            }
            Err((_, Refusal::Drop(reason))) => return Err(reason),
            Err((
                packet,
                Refusal::Report {
                    code,
                    pointer,
                    even_multicast,
                },
            )) => {
                if let Some(packet) = packet {
                    let report = super::icmpv6::Report::Parameter { code, pointer };
                    self.report_ipv6(id, buf, &packet, report, even_multicast);
                }
                return Err(ReceiveDrop::Ipv6Extension);
            }
        };
        #[cfg(feature = "packet-filter")]
        if self.gate.is_watched() {
            match self.filter_local(id, &buf) {
                Verdict::Accept => {}
                Verdict::Drop => return Err(ReceiveDrop::Filter),
                Verdict::Reject => {
                    let report = super::icmpv6::Report::Prohibited;
                    self.report_ipv6(id, buf, &packet, report, false);
                    return Err(ReceiveDrop::Filter);
                }
            }
        }
        #[cfg(feature = "statistics")]
        self.count_packet(id, &buf);
        #[cfg(feature = "raw-sockets")]
        self.receive_raw_ipv6(id, &buf, &packet);
        #[cfg(any(feature = "udp", feature = "tcp"))]
        let delivery = Delivery {
            interface: id,
            source: packet.source.into(),
            destination: packet.destination.into(),
            kind: packet.kind,
            start: packet.start,
            length: packet.length,
            offload: packet.offload,
        };
        match packet.protocol {
            #[cfg(feature = "udp")]
            protocol::UDP => {
                let refused = match self.receive_udp(&delivery, buf) {
                    Ok(()) => return Ok(()),
                    Err((refused, reason)) => refused.ok_or(reason)?,
                };
                self.report_ipv6(id, refused, &packet, super::icmpv6::Report::Port, false);
                Err(ReceiveDrop::UdpNoSocket)
            }
            #[cfg(feature = "tcp")]
            protocol::TCP => self.receive_tcp(&delivery, buf),
            protocol::ICMPV6 => {
                self.paths_changed();
                self.receive_icmpv6(id, buf, &packet)
            }
            #[cfg(feature = "raw-sockets")]
            _ if self.gate.is_raw_protocol() => Err(ReceiveDrop::TransportProtocol),
            _ => {
                let report = super::icmpv6::Report::Parameter {
                    code: crate::wire::icmpv6::ParameterProblemCode::UNRECOGNIZED_NEXT_HEADER,
                    pointer: packet.named_at,
                };
                self.report_ipv6(id, buf, &packet, report, false);
                Err(ReceiveDrop::TransportProtocol)
            }
        }
    }
}
