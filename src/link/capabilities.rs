//! What a link is and what its driver takes off the stack.

use crate::wire::LinkAddr;
use bitflags::bitflags;

/// The kind of frames that a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Medium {
    /// Ethernet frames, without the frame check sequence.
    #[cfg(feature = "ethernet")]
    Ethernet,
    /// Bare IP packets, as of a TUN interface.
    Ip,
}

/// Whether frames can pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LinkState {
    /// There is no carrier.
    #[default]
    Down,
    /// Frames can pass.
    Up,
}

bitflags! {
    /// The checksums that a driver's hardware takes care of, per protocol and direction.
    ///
    /// A receiving driver that has these verifies them and hands on only frames in which they are
    /// right; a sending one fills them in.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Offload: u16 {
        /// The IPv4 header of received frames.
        const RECEIVE_IPV4 = 1 << 0;
        /// UDP of received frames.
        const RECEIVE_UDP = 1 << 1;
        /// TCP of received frames.
        const RECEIVE_TCP = 1 << 2;
        /// ICMP and ICMPv6 of received frames.
        const RECEIVE_ICMP = 1 << 3;
        /// The IPv4 header of frames to be sent.
        const SEND_IPV4 = 1 << 4;
        /// UDP of frames to be sent.
        const SEND_UDP = 1 << 5;
        /// TCP of frames to be sent.
        const SEND_TCP = 1 << 6;
        /// ICMP and ICMPv6 of frames to be sent.
        const SEND_ICMP = 1 << 7;
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Offload {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Offload({=u16:#x})", self.bits());
    }
}

#[cfg(feature = "promiscuous")]
bitflags! {
    /// What a driver delivers beside the frames for its own address, for everybody, and for the groups
    /// that it was told of.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ReceiveMode: u8 {
        /// All frames, whomever they are for.
        const PROMISCUOUS = 1 << 0;
        /// Frames for any group.
        const ALL_GROUPS = 1 << 1;
    }
}

#[cfg(all(feature = "promiscuous", feature = "defmt"))]
impl defmt::Format for ReceiveMode {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ReceiveMode({=u8:#x})", self.bits());
    }
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Capabilities {
    /// The kind of frames.
    pub medium: Medium,
    /// The largest network packet that a frame carries, in bytes: 1,500 on Ethernet, whose
    /// header is not counted.
    pub mtu: u16,
    /// The link address of this station.
    pub address: LinkAddr,
    /// The checksums that the driver takes care of.
    pub offload: Offload,
}

impl Capabilities {
    /// An Ethernet link of the usual size, at `address`, that offloads nothing.
    #[cfg(feature = "ethernet")]
    pub const fn ethernet(address: [u8; 6]) -> Self {
        Self {
            medium: Medium::Ethernet,
            mtu: 1500,
            address: LinkAddr::ethernet(address),
            offload: Offload::empty(),
        }
    }

    /// A link of bare IP packets of at most `mtu` bytes, that offloads nothing.
    pub const fn ip(mtu: u16) -> Self {
        Self {
            medium: Medium::Ip,
            mtu,
            address: LinkAddr::NONE,
            offload: Offload::empty(),
        }
    }
}
