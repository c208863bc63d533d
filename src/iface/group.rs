//! Who listens to which multicast group.

use crate::wire::IpAddress;

/// Who has joined a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// The stack itself, so many times over: two addresses may have one solicited-node group.
    Stack(u8),
    /// The UDP socket of this number.
    Udp(u16),
}

/// One member of one group on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The group.
    pub(crate) group: IpAddress,
    /// Who listens.
    pub(crate) member: Member,
}
