//! What a frame or packet is, told by its headers: the same on the way in and on the way out.

use super::{InterfaceStatistics, Traffic, count};
use crate::link::Medium;
use crate::netbuf::NetBuf;
use crate::wire::{Bytes, Malformed, protocol};

/// Octets of a frame that have all headers which are looked at: Ethernet, IPv4 with all its options or
/// IPv6 with a short extension header, TCP.
const HEAD: usize = 14 + 60 + 20;

/// The first octets of a frame that is about to be sent, for who counts it once it is.
pub(crate) struct Head {
    octets: [u8; HEAD],
    length: usize,
    class: u8,
}

impl Head {
    pub(crate) fn of(buf: &NetBuf) -> Self {
        let mut octets = [0; HEAD];
        let _: usize = buf.read(0, &mut octets);
        Self {
            octets,
            length: buf.len(),
            class: buf.meta().class,
        }
    }
}

impl InterfaceStatistics {
    /// Counts a frame that was given to the port.
    pub(crate) fn frame_sent(&mut self, medium: Medium, head: &Head) {
        let bytes = head.octets.get(..head.length).unwrap_or(&head.octets);
        if let Some(network) = self.sent.frame(medium, bytes, head.length) {
            self.sent.packet(bytes, network);
        }
        let last = self.sent_by_class.len().saturating_sub(1);
        let class = usize::from(head.class).min(last);
        if let Some(frames) = self.sent_by_class.get_mut(class) {
            count(frames);
        }
    }
}

impl Traffic {
    /// Counts a frame of so many octets; says where its IP packet starts, if it has one.
    pub(crate) fn frame<B: Bytes + ?Sized>(
        &mut self,
        medium: Medium,
        frame: &B,
        length: usize,
    ) -> Option<usize> {
        count(&mut self.link.frames);
        add(&mut self.link.octets, length);
        match medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                use crate::wire::ethernet::{self, EthernetHeader};

                let header = frame.array(0).ok()?;
                let header = EthernetHeader::new(&header);
                let destination = header.destination();
                if ethernet::is_broadcast(destination) {
                    count(&mut self.link.broadcast);
                } else if ethernet::is_group(destination) {
                    count(&mut self.link.multicast);
                }
                match header.ethertype() {
                    #[cfg(feature = "ipv4")]
                    ethernet::ETHERTYPE_ARP => {
                        self.arp(frame);
                        None
                    }
                    ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6 => {
                        Some(ethernet::HEADER_LENGTH)
                    }
                    _ => None,
                }
            }
            Medium::Ip => {
                let _ = frame;
                Some(0)
            }
        }
    }

    #[cfg(all(feature = "ethernet", feature = "ipv4"))]
    fn arp<B: Bytes + ?Sized>(&mut self, frame: &B) {
        use crate::wire::arp::{ArpOperation, ArpPacket};

        if let Ok(packet) = frame.array(crate::wire::ethernet::HEADER_LENGTH)
            && let Ok(packet) = ArpPacket::new(&packet)
        {
            match packet.operation() {
                ArpOperation::Request => count(&mut self.arp.requests),
                ArpOperation::Reply => count(&mut self.arp.replies),
                ArpOperation::Other(_) => {}
            }
        }
    }

    /// Counts a packet whose header starts at `network`, and what is in it. Of one that goes in
    /// fragments the first stands for it.
    pub(crate) fn packet<B: Bytes + ?Sized>(&mut self, packet: &B, network: usize) {
        let version = packet
            .array(network)
            .map_or(0, |[octet]: [u8; 1]| octet >> 4);
        // What cannot be read is not counted further.
        let _: Result<(), Malformed> = match version {
            #[cfg(feature = "ipv4")]
            4 => self.ipv4(packet, network),
            #[cfg(feature = "ipv6")]
            6 => self.ipv6(packet, network),
            _ => Ok(()),
        };
    }

    #[cfg(feature = "ipv4")]
    fn ipv4<B: Bytes + ?Sized>(&mut self, packet: &B, network: usize) -> Result<(), Malformed> {
        let header = packet.array(network)?;
        let header = crate::wire::ipv4::Ipv4Header::new(&header)?;
        let (protocol, length) = (header.protocol(), header.payload_length());
        let traffic = &mut self.ipv4;
        add(&mut traffic.octets, header.total_length().into());
        if header.is_fragment() {
            count(&mut traffic.fragments);
            if header.fragment_offset() > 0 {
                self.rest(protocol, length);
                return Ok(());
            }
            count(&mut traffic.fragmented);
        }
        count(&mut traffic.packets);
        let destination = header.destination();
        if destination.is_multicast() || destination.is_broadcast() {
            count(&mut traffic.multicast);
        }
        self.message(packet, protocol, network + header.header_length(), length)
    }

    #[cfg(feature = "ipv6")]
    fn ipv6<B: Bytes + ?Sized>(&mut self, packet: &B, network: usize) -> Result<(), Malformed> {
        use crate::wire::ipv6::{HEADER_LENGTH, Ipv6Header};
        use crate::wire::ipv6_extension::{FRAGMENT_HEADER_LENGTH, HeaderChain, HeaderKind};

        let header = packet.array(network)?;
        let header = Ipv6Header::new(&header)?;
        let end = network + HEADER_LENGTH + usize::from(header.payload_length());
        let traffic = &mut self.ipv6;
        add(&mut traffic.octets, end.saturating_sub(network));
        let is_multicast = header.destination().is_multicast();
        for header in HeaderChain::at(packet, network, header.next_header()) {
            let header = header?;
            match header.kind {
                HeaderKind::Fragment {
                    fragment_offset,
                    more,
                    next_header,
                    ..
                } if more || fragment_offset > 0 => {
                    count(&mut self.ipv6.fragments);
                    if fragment_offset > 0 {
                        let start = header.offset + FRAGMENT_HEADER_LENGTH;
                        self.rest(next_header, end.saturating_sub(start));
                        return Ok(());
                    }
                    count(&mut self.ipv6.fragmented);
                }
                HeaderKind::UpperLayer { protocol } => {
                    count(&mut self.ipv6.packets);
                    if is_multicast {
                        count(&mut self.ipv6.multicast);
                    }
                    let start = header.offset;
                    return self.message(packet, protocol, start, end.saturating_sub(start));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a fragment that has come.
    #[cfg(feature = "fragmentation")]
    pub(crate) fn fragment(&mut self, source: crate::wire::IpAddress) {
        use crate::wire::IpAddress;

        match source {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => count(&mut self.ipv4.fragments),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => count(&mut self.ipv6.fragments),
        }
    }

    /// Counts that a packet, which is counted itself, has come in fragments.
    #[cfg(feature = "fragmentation")]
    pub(crate) fn reassembled<B: Bytes + ?Sized>(&mut self, packet: &B, network: usize) {
        match packet
            .array(network)
            .map_or(0, |[octet]: [u8; 1]| octet >> 4)
        {
            #[cfg(feature = "ipv4")]
            4 => count(&mut self.ipv4.fragmented),
            #[cfg(feature = "ipv6")]
            6 => count(&mut self.ipv6.fragmented),
            _ => {}
        }
    }

    /// Counts the message of a transport that has `length` octets from `start` on, or begins so.
    fn message<B: Bytes + ?Sized>(
        &mut self,
        packet: &B,
        protocol: u8,
        start: usize,
        length: usize,
    ) -> Result<(), Malformed> {
        match protocol {
            #[cfg(feature = "udp")]
            protocol::UDP => {
                count(&mut self.udp.datagrams);
                let header = crate::wire::udp::HEADER_LENGTH;
                add(&mut self.udp.octets, length.saturating_sub(header));
            }
            #[cfg(feature = "tcp")]
            protocol::TCP => {
                use crate::wire::tcp::{TcpFlags, TcpHeader};

                count(&mut self.tcp.segments);
                let header = packet.array(start)?;
                let header = TcpHeader::new(&header)?;
                let data = length.saturating_sub(header.header_length());
                add(&mut self.tcp.octets, data);
                if header.flags().contains(TcpFlags::RST) {
                    count(&mut self.tcp.resets);
                }
            }
            #[cfg(feature = "ipv4")]
            protocol::ICMP => {
                use crate::wire::icmpv4::Icmpv4Type;

                count(&mut self.icmp.messages);
                let [kind] = packet.array(start)?;
                match Icmpv4Type::from(kind) {
                    Icmpv4Type::Echo => count(&mut self.icmp.echo_requests),
                    Icmpv4Type::EchoReply => count(&mut self.icmp.echo_replies),
                    kind if kind.is_error() => count(&mut self.icmp.errors),
                    _ => {}
                }
            }
            #[cfg(feature = "igmp")]
            protocol::IGMP => {
                use crate::wire::igmp::MessageType;

                let [kind] = packet.array(start)?;
                match MessageType(kind) {
                    MessageType::MEMBERSHIP_QUERY => count(&mut self.membership.queries),
                    MessageType::LEAVE_GROUP => count(&mut self.membership.leaves),
                    MessageType::MEMBERSHIP_REPORT_V1
                    | MessageType::MEMBERSHIP_REPORT_V2
                    | MessageType::MEMBERSHIP_REPORT_V3 => count(&mut self.membership.reports),
                    _ => {}
                }
            }
            #[cfg(feature = "ipv6")]
            protocol::ICMPV6 => {
                count(&mut self.icmp.messages);
                let [kind] = packet.array(start)?;
                self.icmpv6(kind);
            }
            _ => {
                let _ = (packet, start, length);
            }
        }
        Ok(())
    }

    #[cfg(feature = "ipv6")]
    fn icmpv6(&mut self, kind: u8) {
        use crate::wire::icmpv6::MessageType;

        match MessageType(kind) {
            MessageType::ECHO_REQUEST => count(&mut self.icmp.echo_requests),
            MessageType::ECHO_REPLY => count(&mut self.icmp.echo_replies),
            MessageType::ROUTER_SOLICITATION => count(&mut self.nd.router_solicitations),
            MessageType::ROUTER_ADVERTISEMENT => count(&mut self.nd.router_advertisements),
            MessageType::NEIGHBOR_SOLICITATION => count(&mut self.nd.neighbor_solicitations),
            MessageType::NEIGHBOR_ADVERTISEMENT => count(&mut self.nd.neighbor_advertisements),
            MessageType::REDIRECT => count(&mut self.nd.redirects),
            #[cfg(feature = "mld")]
            MessageType::MULTICAST_LISTENER_QUERY => count(&mut self.membership.queries),
            #[cfg(feature = "mld")]
            MessageType::MULTICAST_LISTENER_DONE => count(&mut self.membership.leaves),
            #[cfg(feature = "mld")]
            MessageType::MULTICAST_LISTENER_REPORT | MessageType::MULTICAST_LISTENER_REPORT_V2 => {
                count(&mut self.membership.reports);
            }
            kind if kind.is_error() => count(&mut self.icmp.errors),
            _ => {}
        }
    }

    /// Counts so many octets of data that belong to the message in a fragment before.
    fn rest(&mut self, protocol: u8, length: usize) {
        match protocol {
            #[cfg(feature = "udp")]
            protocol::UDP => add(&mut self.udp.octets, length),
            #[cfg(feature = "tcp")]
            protocol::TCP => add(&mut self.tcp.octets, length),
            _ => {
                let _ = length;
            }
        }
    }
}

fn add(number: &mut u64, octets: usize) {
    *number = number.wrapping_add(octets as u64);
}
