//! Every frame that comes in is accepted or dropped for a reason, and the same goes out.

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(u8)]
        pub enum $name {
            $($(#[$item_doc])* $item,)*
        }

        impl $name {
            /// All reasons, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$item),*];
            const COUNT: usize = Self::ALL.len();
        }
    };
}

reasons! {
    /// Why a received frame was dropped.
    ReceiveDrop {
        /// The link header is damaged or cut short.
        LinkHeader,
        /// The frame was for another station.
        OtherStation,
        /// The link protocol (EtherType, LLC) is none of ours.
        LinkProtocol,
        /// There is no such interface, or it is down.
        InterfaceDown,
        /// An ARP packet is damaged, not for Ethernet and IPv4, or lies about its sender.
        Arp,
        /// The IPv4 header is damaged, cut short or contradicts the frame.
        Ipv4Header,
        /// The checksum of the IPv4 header is wrong.
        Ipv4Checksum,
        /// The IPv4 source is no address of a single other node.
        Ipv4Source,
        /// The IPv4 destination is not ours.
        Ipv4Destination,
        /// An IPv4 option is malformed, or a source route (RFC 7126 §4.3).
        Ipv4Options,
        /// The datagram is a fragment, and is malformed or fragments are not taken.
        Ipv4Fragment,
        /// The IPv6 header is damaged, cut short or contradicts the frame.
        Ipv6Header,
        /// The IPv6 source is no address of a single other node.
        Ipv6Source,
        /// The IPv6 destination is not ours.
        Ipv6Destination,
        /// An extension header or option is malformed, or asks for the packet to be dropped.
        Ipv6Extension,
        /// The packet is a fragment, and is malformed or fragments are not taken.
        Ipv6Fragment,
        /// The fragment was there already, or it and those that overlap it are dropped.
        FragmentOverlap,
        /// The fragment has waited for the others for too long.
        ReassemblyTimeout,
        /// The fragment gave way to others, or there was no room for it.
        ReassemblyFull,
        /// No transport here has this protocol number.
        TransportProtocol,
        /// Raw sockets wanted the packet, nobody else did, and their quotas are used up.
        RawQuota,
        /// An ICMP message is cut short, or its checksum is wrong.
        Icmp,
        /// An ICMP message of a kind that has no use here.
        IcmpUnused,
        /// An ICMP error about nothing that we have sent.
        IcmpUnmatched,
        /// A Neighbor Discovery message that breaks a rule of RFC 4861.
        NeighborDiscovery,
        /// A redirect that does not come from the first hop to its destination, names no neighbour,
        /// or is not wanted.
        Redirect,
        /// An IGMP or MLD message that is malformed, or not from a querier or host of this link.
        Membership,
        /// The UDP header is damaged or contradicts the packet.
        UdpHeader,
        /// The UDP checksum is wrong, or missing over IPv6.
        UdpChecksum,
        /// No UDP socket is bound to the port.
        UdpNoSocket,
        /// The UDP sockets that listen to the group want other sources of it.
        UdpSource,
        /// The quota of the UDP socket is used up.
        UdpQuota,
        /// The TCP header is damaged or contradicts the packet.
        TcpHeader,
        /// The TCP checksum is wrong.
        TcpChecksum,
        /// A TCP segment that was sent to many, or has no single sender.
        TcpNotUnicast,
        /// A TCP segment for no connection and no listener.
        TcpNoConnection,
        /// The queue of connections to be accepted is full.
        TcpBacklog,
        /// The quota of the TCP connection, or the window that was offered, is used up.
        TcpQuota,
        /// The pool holds as many received packets as it may.
        PoolHeld,
        /// There was no buffer to answer or to copy into.
        NoBuffer,
        /// The loopback interface was told to lose some.
        Lost,
        /// The packet filter forbids it.
        Filter,
    }
}

reasons! {
    /// Why a packet was not sent.
    SendDrop {
        /// There is no buffer for a header or a control packet.
        NoBuffer,
        /// The pool holds as many packets as it may.
        PoolHeld,
        /// The queue of packets that wait for the neighbour's link address is full.
        NeighborQueue,
        /// The neighbour does not answer.
        NeighborUnreachable,
        /// The neighbour cache has no place.
        NeighborCache,
        /// It is longer than the MTU of the interface.
        TooLong,
        /// The port's queue is full or the link down.
        Port,
        /// As many ICMP errors have been sent as the rate limit allows.
        IcmpRate,
        /// There is no route or no source address for an answer.
        NoRoute,
        /// The source address is not in use, or not yet: it is being checked for duplicates.
        Source,
        /// The packet filter forbids it. Whoever has sent it is not told.
        Filter,
    }
}

/// What an interface has received and sent, in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Frames that came in. Each is accepted or dropped.
    pub received: u32,
    /// Frames that were put to use: delivered, answered, learnt from.
    pub accepted: u32,
    /// Frames given to the port.
    pub sent: u32,
    receive_drops: [u32; ReceiveDrop::COUNT],
    send_drops: [u32; SendDrop::COUNT],
}

impl Counters {
    pub(crate) const NEW: Self = Self {
        received: 0,
        accepted: 0,
        sent: 0,
        receive_drops: [0; ReceiveDrop::COUNT],
        send_drops: [0; SendDrop::COUNT],
    };

    /// Received frames dropped for one reason.
    pub fn receive_drops(&self, reason: ReceiveDrop) -> u32 {
        self.receive_drops
            .get(reason as usize)
            .copied()
            .unwrap_or(0)
    }

    /// Packets not sent for one reason.
    pub fn send_drops(&self, reason: SendDrop) -> u32 {
        self.send_drops.get(reason as usize).copied().unwrap_or(0)
    }

    /// Received frames dropped for any reason.
    pub fn all_receive_drops(&self) -> u32 {
        self.receive_drops
            .iter()
            .fold(0, |sum, count| sum.wrapping_add(*count))
    }

    pub(crate) fn received(&mut self, result: Result<(), ReceiveDrop>) {
        self.received = self.received.wrapping_add(1);
        let counter = match result {
            Ok(()) => Some(&mut self.accepted),
            Err(reason) => self.receive_drops.get_mut(reason as usize),
        };
        if let Some(counter) = counter {
            *counter = counter.wrapping_add(1);
        }
    }

    /// A frame that was accepted turned out to be bad.
    #[cfg(any(feature = "udp", feature = "fragmentation"))]
    pub(crate) fn reconsidered(&mut self, reason: ReceiveDrop) {
        // It may have been accepted before the counters began anew.
        let is_counted = !cfg!(feature = "statistics") || self.accepted > 0;
        if is_counted {
            self.accepted = self.accepted.wrapping_sub(1);
            self.received = self.received.wrapping_sub(1);
        }
        self.received(Err(reason));
    }

    pub(crate) fn not_sent(&mut self, reason: SendDrop) {
        self.not_sent_all(reason, 1);
    }

    pub(crate) fn not_sent_all(&mut self, reason: SendDrop, packets: usize) {
        if let Some(counter) = self.send_drops.get_mut(reason as usize) {
            *counter = counter.wrapping_add(packets as u32);
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::NEW
    }
}
