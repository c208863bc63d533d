//! What can be set of a socket, as long as there is none to set it on, and what is asked for again.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bitflags::bitflags;

use super::constants::{AF_INET, AF_INET6, IP_PMTUDISC_DO};
use super::errno::Errno;
use crate::socket::{TcpSocket, UdpSocket};
use crate::stack::{InterfaceId, Stack};
use crate::time::Duration;

bitflags! {
    /// What is on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Flags: u32 {
        const IPV6 = 1 << 0;
        const NONBLOCK = 1 << 1;
        const REUSE = 1 << 2;
        const BROADCAST = 1 << 3;
        const KEEPALIVE = 1 << 4;
        const NO_DELAY = 1 << 5;
        const V6ONLY = 1 << 6;
        const PACKET_INFO = 1 << 7;
        const HOP_LIMIT = 1 << 8;
        const TRAFFIC_CLASS = 1 << 9;
        const TIMESTAMP = 1 << 10;
        const LINGER = 1 << 11;
        const MULTICAST_LOOP = 1 << 12;
        const MULTICAST_ALL = 1 << 13;
        const DONT_FRAGMENT = 1 << 14;
        /// Nothing more is received.
        const READ_SHUT = 1 << 15;
        /// Nothing more is sent.
        const WRITE_SHUT = 1 << 16;
        /// The error that ended the connection was told.
        const ERROR_TOLD = 1 << 17;
        const PREFER_TEMPORARY = 1 << 18;
        const PREFER_PUBLIC = 1 << 19;
        const REUSE_PORT = 1 << 20;
        /// Somebody waits for the connection to be made.
        const CONNECTING = 1 << 21;
        /// Tells of dropped datagrams.
        const OVERFLOW = 1 << 22;
        /// The timestamps are told in microseconds.
        const MICROSECONDS = 1 << 23;
    }
}

/// The options of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) flags: Flags,
    /// Milliseconds; 0: for ever.
    pub(super) receive_timeout: u32,
    pub(super) send_timeout: u32,
    /// Bytes; 0: as the socket has it at first.
    pub(super) receive_quota: u32,
    pub(super) send_quota: u32,
    /// Bytes of a stream that are worth to be received.
    pub(super) low_water: u32,
    /// The lowest and the highest port to choose; `None`: one of the ephemeral ports.
    pub(super) ports: Option<(u16, u16)>,
    /// Milliseconds; `u32::MAX`: as the stack has it.
    pub(super) user_timeout: u32,
    /// Seconds.
    pub(super) linger: u16,
    pub(super) keep_idle: u16,
    pub(super) hop_limit: u8,
    pub(super) multicast_hop_limit: u8,
    pub(super) traffic_class: u8,
    pub(super) priority: u8,
    pub(super) interface: Option<InterfaceId>,
    pub(super) multicast_interface: Option<InterfaceId>,
    /// Where a stream is bound.
    pub(super) local: Option<SocketAddr>,
}

impl Options {
    pub(super) const NONE: Self = Self {
        flags: Flags::MULTICAST_LOOP,
        receive_timeout: 0,
        send_timeout: 0,
        receive_quota: 0,
        send_quota: 0,
        low_water: 1,
        ports: None,
        user_timeout: u32::MAX,
        linger: 0,
        keep_idle: crate::config::TCP_KEEPALIVE as u16,
        hop_limit: 0,
        multicast_hop_limit: 1,
        traffic_class: 0,
        priority: 0,
        interface: None,
        multicast_interface: None,
        local: None,
    };

    pub(super) const fn is_ipv6(&self) -> bool {
        self.flags.contains(Flags::IPV6)
    }

    pub(super) const fn family(&self) -> i32 {
        match self.is_ipv6() {
            true => AF_INET6,
            false => AF_INET,
        }
    }

    /// Whether the unspecified address stands for addresses of one version.
    pub(super) const fn is_one_version(&self) -> bool {
        !self.is_ipv6() || self.flags.contains(Flags::V6ONLY)
    }

    /// The unspecified address of the family.
    pub(super) const fn any(&self) -> SocketAddr {
        let address = match self.is_ipv6() {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        SocketAddr::new(address, 0)
    }

    /// An address as the stack wants it: mapped ones are IPv4 (RFC 3493 §3.7).
    pub(super) fn inward(&self, address: SocketAddr) -> Result<SocketAddr, Errno> {
        match (self.is_ipv6(), address) {
            (false, SocketAddr::V4(_)) => Ok(address),
            (true, SocketAddr::V6(v6)) => match v6.ip().to_ipv4_mapped() {
                None => Ok(address),
                // "only accept IPv6 packets" (RFC 3493 §5.3).
                Some(_) if self.flags.contains(Flags::V6ONLY) => Err(Errno::ENETUNREACH),
                Some(v4) => Ok(SocketAddr::new(v4.into(), v6.port())),
            },
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// An address as an application wants it.
    pub(super) fn outward(&self, address: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.outward_ip(address.ip()), address.port()).with_scope_of(address)
    }

    pub(super) fn outward_ip(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) if self.is_ipv6() && v4.is_unspecified() => Ipv6Addr::UNSPECIFIED.into(),
            IpAddr::V4(v4) if self.is_ipv6() => v4.to_ipv6_mapped().into(),
            other => other,
        }
    }

    /// Sets everything on a new UDP socket.
    pub(super) fn apply_to_datagrams(&self, socket: &UdpSocket<'_>, stack: Stack<'_>) {
        socket.set_broadcast(self.flags.contains(Flags::BROADCAST));
        socket.set_multicast_loop(self.flags.contains(Flags::MULTICAST_LOOP));
        socket.set_all_groups(self.flags.contains(Flags::MULTICAST_ALL));
        #[cfg(feature = "fragmentation")]
        socket.set_dont_fragment(self.flags.contains(Flags::DONT_FRAGMENT));
        #[cfg(feature = "temporary-addresses")]
        socket.set_source_preference(self.preference());
        socket.set_interface(self.interface);
        socket.set_multicast_interface(self.multicast_interface);
        socket.set_hop_limit(self.hop_limit);
        socket.set_multicast_hop_limit(self.multicast_hop_limit);
        socket.set_traffic_class(self.traffic_class);
        socket.set_priority(self.priority);
        if self.receive_quota > 0 {
            let blocks = stack.pool().limits().held.div_ceil(2).max(1);
            socket.set_quota(self.receive_quota, blocks);
        }
    }

    /// Sets everything on a new connection.
    pub(super) fn apply_to_connection(&self, socket: &mut TcpSocket<'_>) {
        socket.set_nagle(!self.flags.contains(Flags::NO_DELAY));
        let keepalive = self.flags.contains(Flags::KEEPALIVE);
        let after = Duration::from_secs(self.keep_idle.into());
        socket.set_keepalive(keepalive.then_some(after));
        socket.set_hop_limit(self.hop_limit);
        socket.set_traffic_class(self.traffic_class);
        socket.set_priority(self.priority);
        if self.user_timeout != u32::MAX {
            // It is counted in seconds: never less than was asked for.
            let seconds = self.user_timeout.div_ceil(1000);
            socket.set_user_timeout(Duration::from_secs(seconds.into()));
        }
        if self.receive_quota > 0 || self.send_quota > 0 {
            socket.set_quota(self.receive_bytes(), self.send_bytes());
        }
    }

    #[cfg(feature = "temporary-addresses")]
    pub(super) fn preference(&self) -> Option<crate::socket::SourcePreference> {
        use crate::socket::SourcePreference::{Public, Temporary};

        match self.flags {
            flags if flags.contains(Flags::PREFER_TEMPORARY) => Some(Temporary),
            flags if flags.contains(Flags::PREFER_PUBLIC) => Some(Public),
            _ => None,
        }
    }

    /// The quotas of streams and pairs.
    pub(super) const fn receive_bytes(&self) -> u32 {
        match self.receive_quota {
            0 => crate::config::TCP_RECEIVE_QUOTA as u32,
            bytes => bytes,
        }
    }

    /// Bytes of a stream that have to be there: never more than find room together.
    pub(super) fn enough_bytes(&self) -> usize {
        let most = (self.receive_bytes() / 2).max(1);
        self.low_water.clamp(1, most) as usize
    }

    pub(super) const fn send_bytes(&self) -> u32 {
        match self.send_quota {
            0 => crate::config::TCP_SEND_QUOTA as u32,
            bytes => bytes,
        }
    }

    pub(super) const fn pmtu_discover(&self) -> i32 {
        match self.flags.contains(Flags::DONT_FRAGMENT) {
            true => IP_PMTUDISC_DO,
            false => super::constants::IP_PMTUDISC_WANT,
        }
    }
}

/// Keeps the zone of an address whose text is changed.
trait WithScope {
    fn with_scope_of(self, other: Self) -> Self;
}

impl WithScope for SocketAddr {
    fn with_scope_of(mut self, other: Self) -> Self {
        if let (Self::V6(this), Self::V6(other)) = (&mut self, other) {
            this.set_scope_id(other.scope_id());
        }
        self
    }
}
