//! What is counted of the packets that pass, beside the reasons for drops ([`Counters`]).
//!
//! Numbers of packets are 32 bits wide and wrap; numbers of octets, which would do so within a minute,
//! are 64 bits wide. None of them is atomic: they belong to the core.
//!
//! [`Counters`]: super::Counters

mod count;

pub(crate) use count::Head;

use super::{ReceiveDrop, SendDrop};
use crate::config;

/// Groups of numbers, each with a name: `[when it is there] name: Type { numbers }`.
macro_rules! tree {
    ($(#[$doc:meta])* $name:ident {$(
        [$($when:tt)*] $(#[$group_doc:meta])* $group:ident: $type:ident {
            $($(#[$number_doc:meta])* $number:ident: $width:ident,)*
        }
    )*}) => {
        $(
            $(#[$group_doc])*
            #[cfg($($when)*)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "defmt", derive(defmt::Format))]
            pub struct $type {
                $($(#[$number_doc])* pub $number: $width,)*
            }
        )*

        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name {
            $($(#[$group_doc])* #[cfg($($when)*)] pub $group: $type,)*
        }

        impl $name {
            /// The number at a place: its group, its name and what it is.
            pub(crate) fn at(&self, mut place: usize) -> Option<(&'static str, &'static str, u64)> {
                $(
                    #[cfg($($when)*)]
                    {
                        let group = &self.$group;
                        let numbers = [$((stringify!($number), u64::from(group.$number))),*];
                        if let Some((name, value)) = numbers.get(place) {
                            return Some((stringify!($group), name, *value));
                        }
                        place = place.saturating_sub(numbers.len());
                    }
                )*
                let _ = place;
                None
            }
        }
    };
}

tree! {
    /// What has passed an interface in one direction.
    ///
    /// What is dropped later is counted too, as soon as it is known what it is: frames when they come,
    /// IP packets once they are known to be for this host and whole, messages of transports in such.
    Traffic {
        [all()]
        /// Frames of the link. What this host sends to itself is none.
        link: LinkTraffic {
            /// Frames.
            frames: u32,
            /// Octets of them, headers counted, padding and checksums only where the driver hands
            /// them over.
            octets: u64,
            /// Frames to groups.
            multicast: u32,
            /// Frames to all.
            broadcast: u32,
        }
        [all(feature = "ethernet", feature = "ipv4")]
        /// ARP packets.
        arp: ArpTraffic {
            /// Requests, probes and announcements among them.
            requests: u32,
            /// Replies.
            replies: u32,
        }
        [feature = "ipv4"]
        /// IPv4 packets.
        ipv4: Ipv4Traffic {
            /// Datagrams, whole.
            packets: u32,
            /// Octets of them, headers counted.
            octets: u64,
            /// Datagrams to groups and broadcast addresses.
            multicast: u32,
            /// Fragments.
            fragments: u32,
            /// Datagrams that came, all of them, or went in fragments.
            fragmented: u32,
        }
        [feature = "ipv6"]
        /// IPv6 packets.
        ipv6: Ipv6Traffic {
            /// Packets, whole.
            packets: u32,
            /// Octets of them, headers counted.
            octets: u64,
            /// Packets to groups.
            multicast: u32,
            /// Fragments.
            fragments: u32,
            /// Packets that came, all of them, or went in fragments.
            fragmented: u32,
        }
        [all()]
        /// Messages of ICMP, both versions, Neighbor Discovery and MLD among them.
        icmp: IcmpTraffic {
            /// All of them.
            messages: u32,
            /// Those that report errors, redirects of IPv4 among them.
            errors: u32,
            /// Echo requests.
            echo_requests: u32,
            /// Echo replies.
            echo_replies: u32,
        }
        [feature = "ipv6"]
        /// Messages of Neighbor Discovery (RFC 4861).
        nd: DiscoveryTraffic {
            /// Router Solicitations.
            router_solicitations: u32,
            /// Router Advertisements.
            router_advertisements: u32,
            /// Neighbor Solicitations.
            neighbor_solicitations: u32,
            /// Neighbor Advertisements.
            neighbor_advertisements: u32,
            /// Redirects.
            redirects: u32,
        }
        [any(feature = "igmp", feature = "mld")]
        /// Messages of IGMP and MLD.
        membership: MembershipTraffic {
            /// Queries.
            queries: u32,
            /// Reports.
            reports: u32,
            /// Messages that only say that a group is left.
            leaves: u32,
        }
        [feature = "udp"]
        /// UDP datagrams.
        udp: UdpTraffic {
            /// Datagrams.
            datagrams: u32,
            /// Octets of data in them.
            octets: u64,
        }
        [feature = "tcp"]
        /// TCP segments, those that are sent again among them.
        tcp: TcpTraffic {
            /// Segments.
            segments: u32,
            /// Octets of data in them.
            octets: u64,
            /// Segments that reset a connection, or refuse one.
            resets: u32,
        }
    }
}

#[cfg(feature = "tcp")]
tree! {
    /// What is counted for all interfaces together.
    StackStatistics {
        [feature = "tcp"]
        /// What became of TCP connections.
        tcp: TcpStatistics {
            /// Connections that this host began.
            opened: u32,
            /// Connections that others began, and whose handshakes are done.
            accepted: u32,
            /// Connections that ended in good order.
            closed: u32,
            /// Attempts that the peer refused.
            refused: u32,
            /// Connections that the peer reset.
            reset: u32,
            /// Connections and attempts whose peers did not answer any more.
            timed_out: u32,
            /// The same because of what ICMP or a neighbour said.
            unreachable: u32,
            /// Connections that were reset here.
            aborted: u32,
            /// Segments that were sent again, SYNs among them.
            retransmitted: u32,
            /// Acknowledgements that answer segments which are old or suspicious (RFC 5961 §7).
            challenges: u32,
            /// SYN cookies sent, for want of a place for the handshake (RFC 4987 §3.6).
            cookies_sent: u32,
            /// SYN cookies that came back.
            cookies_returned: u32,
        }
    }
}

/// What has passed an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InterfaceStatistics {
    /// What has come in.
    pub received: Traffic,
    /// What was given to the port, or by this host to itself.
    pub sent: Traffic,
    /// Frames sent in each traffic class of the port.
    pub sent_by_class: [u32; config::TRAFFIC_CLASSES],
}

/// Counts one more.
pub(crate) fn count(number: &mut u32) {
    *number = number.wrapping_add(1);
}

impl ReceiveDrop {
    /// The group whose packets are dropped for this reason, and the name of the reason there.
    pub(crate) const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::LinkHeader => ("link", "header"),
            Self::OtherStation => ("link", "other_station"),
            Self::LinkProtocol => ("link", "protocol"),
            Self::InterfaceDown => ("link", "interface_down"),
            Self::PoolHeld => ("link", "pool_held"),
            Self::NoBuffer => ("link", "no_buffer"),
            Self::Lost => ("link", "lost"),
            Self::Filter => ("filter", "dropped"),
            Self::Arp => ("arp", "malformed"),
            Self::Ipv4Header => ("ipv4", "header"),
            Self::Ipv4Checksum => ("ipv4", "checksum"),
            Self::Ipv4Source => ("ipv4", "source"),
            Self::Ipv4Destination => ("ipv4", "destination"),
            Self::Ipv4Options => ("ipv4", "options"),
            Self::Ipv4Fragment => ("ipv4", "fragment"),
            Self::Ipv6Header => ("ipv6", "header"),
            Self::Ipv6Source => ("ipv6", "source"),
            Self::Ipv6Destination => ("ipv6", "destination"),
            Self::Ipv6Extension => ("ipv6", "extension"),
            Self::Ipv6Fragment => ("ipv6", "fragment"),
            Self::FragmentOverlap => ("ip", "fragment_overlap"),
            Self::ReassemblyTimeout => ("ip", "reassembly_timeout"),
            Self::ReassemblyFull => ("ip", "reassembly_full"),
            Self::TransportProtocol => ("ip", "protocol"),
            Self::RawQuota => ("ip", "raw_quota"),
            Self::Icmp => ("icmp", "malformed"),
            Self::IcmpUnused => ("icmp", "unused"),
            Self::IcmpUnmatched => ("icmp", "unmatched"),
            Self::Redirect => ("icmp", "redirect"),
            Self::NeighborDiscovery => ("nd", "invalid"),
            Self::Membership => ("membership", "invalid"),
            Self::UdpHeader => ("udp", "header"),
            Self::UdpChecksum => ("udp", "checksum"),
            Self::UdpNoSocket => ("udp", "no_socket"),
            Self::UdpSource => ("udp", "source"),
            Self::UdpQuota => ("udp", "quota"),
            Self::TcpHeader => ("tcp", "header"),
            Self::TcpChecksum => ("tcp", "checksum"),
            Self::TcpNotUnicast => ("tcp", "not_unicast"),
            Self::TcpNoConnection => ("tcp", "no_connection"),
            Self::TcpBacklog => ("tcp", "backlog"),
            Self::TcpQuota => ("tcp", "quota"),
        }
    }
}

impl SendDrop {
    /// The name of the reason.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoBuffer => "no_buffer",
            Self::PoolHeld => "pool_held",
            Self::NeighborQueue => "neighbor_queue",
            Self::NeighborUnreachable => "neighbor_unreachable",
            Self::NeighborCache => "neighbor_cache",
            Self::TooLong => "too_long",
            Self::Port => "port",
            Self::IcmpRate => "icmp_rate",
            Self::NoRoute => "no_route",
            Self::Source => "source",
            Self::Filter => "filter",
        }
    }
}
