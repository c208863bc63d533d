//! One socket of the table.

use bitflags::bitflags;

use crate::netbuf::BufQueue;
use crate::wire::IpAddress;

/// The end of a list of slots.
pub(super) const NONE: u16 = u16::MAX;

bitflags! {
    /// What a socket may do and wants.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Options: u8 {
        /// The slot is in use.
        const OPEN = 1 << 0;
        /// It may send to broadcast addresses.
        const BROADCAST = 1 << 1;
        /// It shares its address and port with others that have this too.
        const REUSE = 1 << 2;
        /// What it sends to a group comes back to this host's members of it.
        const MULTICAST_LOOP = 1 << 3;
        /// It receives what is sent to any group its port is right for, joined by itself or not.
        const ALL_GROUPS = 1 << 4;
        /// What it sends is not to be fragmented.
        const DONT_FRAGMENT = 1 << 5;
        /// It prefers temporary sources, or those that are not, whatever the stack does.
        const PREFER_TEMPORARY = 1 << 6;
        const PREFER_PUBLIC = 1 << 7;
    }
}

/// One socket: where it is bound, what it has received, how it sends.
pub(crate) struct UdpSlot {
    /// The first slot of the bucket that has this slot's number.
    pub(super) bucket: u16,
    /// The next slot of this slot's bucket, or of the free list.
    pub(super) next: u16,
    pub(crate) local: Option<IpAddress>,
    pub(crate) local_port: u16,
    pub(crate) remote: Option<(IpAddress, u16)>,
    /// The interface that the remote address means, where it names one (RFC 4007 §11).
    pub(crate) remote_interface: Option<u8>,
    /// The only interface to receive from and to send by.
    pub(crate) interface: Option<u8>,
    pub(crate) options: Options,
    /// TTL or hop limit; 0 stands for the default.
    pub(crate) hop_limit: u8,
    /// TTL or hop limit of what is sent to groups.
    pub(crate) multicast_hop_limit: u8,
    /// The interface to send to groups by.
    pub(crate) multicast_interface: Option<u8>,
    /// DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// The traffic class of the port.
    pub(crate) class: u8,
    pub(crate) received: BufQueue,
    /// Payload bytes and fragments in `received`.
    pub(crate) held_bytes: u32,
    pub(crate) held_blocks: u16,
    pub(crate) quota_blocks: u16,
    pub(crate) quota_bytes: u32,
    pub(crate) dropped: u32,
    /// What an ICMP error told about the peer, not yet reported.
    pub(crate) error: Option<crate::ip::Unreachable>,
}

impl UdpSlot {
    pub(crate) const UNUSED: Self = Self {
        bucket: NONE,
        next: NONE,
        local: None,
        local_port: 0,
        remote: None,
        remote_interface: None,
        interface: None,
        options: Options::empty(),
        hop_limit: 0,
        multicast_hop_limit: 1,
        multicast_interface: None,
        traffic_class: 0,
        class: 0,
        received: BufQueue::new(),
        held_bytes: 0,
        held_blocks: 0,
        quota_blocks: 0,
        quota_bytes: 0,
        dropped: 0,
        error: None,
    };
}
