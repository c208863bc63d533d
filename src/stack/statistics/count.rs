//! Where what passes is counted. Each place on the way of a packet calls one of these.

use super::super::core::{Core, InterfaceId};
use crate::iface::Interface;
use crate::iface::statistics::Head;
#[cfg(feature = "tcp")]
use crate::iface::{TcpStatistics, statistics::count};
use crate::netbuf::NetBuf;
#[cfg(feature = "tcp")]
use crate::tcp::{
    TcpError,
    connection::{Connection, Flags},
    segment::Outgoing,
};
use crate::wire::Bytes;
#[cfg(feature = "tcp")]
use crate::wire::tcp::TcpFlags;

impl Core<'_> {
    /// A frame has come.
    pub(in super::super) fn count_frame(&mut self, id: InterfaceId, frame: &NetBuf) {
        if let Some(interface) = self.interface_mut(id) {
            let medium = interface.capabilities.medium;
            let received = &mut interface.statistics.received;
            let _: Option<usize> = received.frame(medium, frame, frame.len());
        }
    }

    /// A packet has come that is for this host, and whole.
    pub(in super::super) fn count_packet(&mut self, id: InterfaceId, packet: &NetBuf) {
        if let Some(interface) = self.interface_mut(id) {
            let meta = packet.meta();
            let (received, network) = (&mut interface.statistics.received, meta.network.into());
            received.packet(packet, network);
            #[cfg(feature = "fragmentation")]
            if meta.is_reassembled() {
                received.reassembled(packet, network);
            }
        }
    }

    /// A fragment has come.
    #[cfg(feature = "fragmentation")]
    pub(in super::super) fn count_fragment(&mut self, key: &crate::ip::reassembly::Key) {
        if let Some(interface) = self.interface_mut(key.interface) {
            interface.statistics.received.fragment(key.source);
        }
    }

    /// This host sends a packet to itself.
    pub(in super::super) fn count_looped(&mut self, packet: &NetBuf) {
        let Some(interface) = self.interface_mut(packet.meta().interface) else {
            return;
        };
        // The copy of what goes to a group, for members here, is none of its own.
        let is_copy = !interface.is_loopback() && is_multicast(packet);
        if !is_copy {
            interface.statistics.sent.packet(packet, 0);
        }
    }
}

/// Whether a packet that starts with its header is for a group.
fn is_multicast(packet: &NetBuf) -> bool {
    match packet.array::<25>(0) {
        #[cfg(feature = "ipv6")]
        Ok([version, .., first]) if version >> 4 == 6 => first == 0xff,
        _ => match packet.array::<17>(0) {
            Ok([.., first]) => first >> 4 == 0xe,
            Err(_) => false,
        },
    }
}

impl Interface<'_> {
    /// A frame was given to the port.
    pub(in super::super) fn count_sent(&mut self, head: &Head) {
        self.statistics.frame_sent(self.capabilities.medium, head);
    }
}

#[cfg(feature = "tcp")]
impl TcpStatistics {
    /// A segment of a connection is sent.
    pub(in super::super) fn emitted(&mut self, connection: &mut Connection, outgoing: &Outgoing) {
        let is_syn = outgoing.flags.contains(TcpFlags::SYN);
        if connection.flags.contains(Flags::RESENT) || is_syn && connection.probes > 0 {
            count(&mut self.retransmitted);
        }
        connection.flags -= Flags::RESENT;
    }

    /// A connection is over: the first time that it is seen to be, it counts.
    pub(in super::super) fn ended(&mut self, connection: &mut Connection) {
        if connection.flags.contains(Flags::COUNTED) {
            return;
        }
        connection.flags |= Flags::COUNTED;
        count(match connection.error() {
            None => &mut self.closed,
            Some(TcpError::Refused) => &mut self.refused,
            Some(TcpError::Reset) => &mut self.reset,
            Some(TcpError::TimedOut) => &mut self.timed_out,
            Some(TcpError::Unreachable(_)) => &mut self.unreachable,
            Some(TcpError::Aborted) => &mut self.aborted,
        });
    }
}
