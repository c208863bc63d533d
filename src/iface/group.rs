//! Who listens to which multicast group.

use crate::wire::IpAddress;

/// Who has joined a group: a UDP socket, or the stack itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member(u16);

impl Member {
    /// The stack itself. It may join a group several times: two addresses can have one
    /// solicited-node group.
    #[cfg(feature = "ipv6")]
    pub(crate) const STACK: Self = Self(u16::MAX);

    /// The UDP socket of this number.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(crate) const fn udp(socket: u16) -> Self {
        Self(socket)
    }
}

/// One member of one group on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The group.
    pub(crate) group: IpAddress,
    /// Who listens.
    pub(crate) member: Member,
    /// How many reasons the stack has to listen.
    pub(crate) times: u8,
}
