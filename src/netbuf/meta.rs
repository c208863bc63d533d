//! What travels with a packet besides its bytes.

use bitflags::bitflags;

bitflags! {
    /// What a link layer or a driver found out about a received frame.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// The frame came to a group address of the link (the broadcast address among them).
        const LINK_MULTICAST = 1 << 0;
        /// The frame came to the broadcast address of the link.
        const LINK_BROADCAST = 1 << 1;
        /// The frame was for another station: only promiscuous listeners want it.
        const LINK_OTHER = 1 << 2;
        /// The driver has verified the checksum of the IPv4 header.
        const NETWORK_SUM_VERIFIED = 1 << 3;
        /// The driver has verified the checksum of the transport, or the stack has.
        const TRANSPORT_SUM_VERIFIED = 1 << 4;
        /// The packet has not left this host: its checksums were never computed.
        const LOOPED_BACK = 1 << 5;
        /// The packet came in fragments: what hardware verified was not the whole.
        const REASSEMBLED = 1 << 6;
        /// A copy of a frame that this host has sent, for a packet socket.
        const SENT = 1 << 7;
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Flags {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Flags({=u8:#x})", self.bits());
    }
}

/// The facts that go with a packet, in whatever queue it waits.
///
/// The headers in front of the payload stay in the buffer: `network` and `payload` say where
/// they are, so that a socket can still answer with the addresses, hop limit and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Meta {
    /// Index of the interface that the packet came in or goes out by.
    pub interface: u8,
    /// The traffic class: the higher, the sooner it is sent.
    pub class: u8,
    /// What the link layer and the driver found out.
    pub flags: Flags,
    /// Offset of the network header from the start of the buffer, in bytes.
    pub network: u8,
    /// Offset of the payload of the transport from the start of the buffer, in bytes.
    pub payload: u16,
}

impl Meta {
    /// Whether the packet came in fragments.
    #[cfg(ip)]
    #[inline(always)]
    pub(crate) const fn is_reassembled(&self) -> bool {
        cfg!(feature = "fragmentation") && self.flags.contains(Flags::REASSEMBLED)
    }

    /// Nothing known yet.
    pub const NEW: Self = Self {
        interface: 0,
        class: 0,
        flags: Flags::empty(),
        network: 0,
        payload: 0,
    };
}
