//! Explicit congestion notification (RFC 3168 §6.1), where the feature `tcp-ecn` is on: routers mark
//! what they would drop else, the receiver echoes it, and the sender slows down without a loss.

use super::connection::{Connection, Flags};
use super::segment::Segment;
use crate::wire::tcp::TcpFlags;

/// Whether ECN is built in. Where it is not, none of the flags is ever set, and the code is gone.
pub(crate) const ON: bool = cfg!(feature = "tcp-ecn");

/// ECT(0) in the two bits of an IP header: "When only one ECT codepoint is needed by a sender for all
/// packets sent on a TCP connection, ECT(0) SHOULD be used" (RFC 3168 §6.1.2).
pub(crate) const ECT_0: u8 = 0b10;
/// CE.
pub(crate) const CE: u8 = 0b11;

/// The two flags of an ECN-setup SYN.
pub(crate) const SETUP: TcpFlags = TcpFlags::ECE.union(TcpFlags::CWR);

/// Whether a SYN offers ECN, and it is to be taken.
pub(crate) const fn offers(syn: TcpFlags) -> bool {
    ON && syn.contains(SETUP)
}

impl Connection {
    /// Whether the SYN-ACK for our SYN takes the offer. What has both flags only reflects ours (RFC 3168
    /// §6.1.1.2); and a SYN that was sent again had no offer (§6.1.1.1).
    pub(super) fn takes_offer(&self, syn_ack: TcpFlags) -> bool {
        let flags = syn_ack.intersection(SETUP.union(TcpFlags::ACK));
        ON && self.probes == 0 && flags == TcpFlags::ECE.union(TcpFlags::ACK)
    }

    /// Data that are within the window have come: they may say that there was congestion, or that the
    /// sender has heard of it (RFC 3168 §6.1.3).
    pub(super) fn hear_congestion(&mut self, segment: &Segment<'_>) {
        if !ON || !self.flags.contains(Flags::ECN) || segment.length == 0 {
            return;
        }
        if segment.flags.contains(TcpFlags::CWR) {
            self.flags -= Flags::ECN_ECHO;
        }
        if segment.congestion {
            self.flags |= Flags::ECN_ECHO;
        }
    }

    /// Whether an acknowledgement tells of congestion on the way to the peer.
    pub(super) fn is_congested(&self, segment: &Segment<'_>) -> bool {
        ON && self.flags.contains(Flags::ECN)
            && segment
                .flags
                .intersection(TcpFlags::ECE.union(TcpFlags::SYN))
                == TcpFlags::ECE
    }

    /// The window was reduced, for whatever reason (RFC 3168 §6.1.2).
    pub(super) fn window_reduced(&mut self) {
        if ON && self.flags.contains(Flags::ECN) {
            self.flags |= Flags::ECN_REDUCED;
        }
    }

    /// Marks a segment of new data: it may be marked by routers, and it tells of a reduction.
    /// Nothing else does: no retransmission, no probe, no mere acknowledgement (§6.1.4 to §6.1.6).
    pub(super) fn mark_new(&mut self, flags: &mut TcpFlags, length: u32) {
        if !ON || !self.flags.contains(Flags::ECN) || length == 0 {
            return;
        }
        flags.set(TcpFlags::CWR, self.flags.contains(Flags::ECN_REDUCED));
        self.flags -= Flags::ECN_REDUCED;
        self.flags |= Flags::ECN_CAPABLE;
    }

    /// What the IP header of the segment that was put together last says of ECN; asked once.
    pub(crate) fn take_codepoint(&mut self) -> u8 {
        if !ON || !self.flags.contains(Flags::ECN_CAPABLE) {
            return 0;
        }
        self.flags -= Flags::ECN_CAPABLE;
        ECT_0
    }
}
