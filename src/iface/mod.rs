//! Interfaces: addresses, groups, neighbours, routes, and what was dropped.

#[cfg(feature = "ipv6")]
mod address;
#[cfg(feature = "ipv4")]
mod address_v4;
#[cfg(feature = "mgmt")]
mod admin;
#[cfg(feature = "ra-server")]
pub(crate) mod advertiser;
#[cfg(feature = "acd")]
pub(crate) mod conflict;
mod counters;
#[cfg(feature = "dad")]
pub(crate) mod dad;
#[cfg(feature = "router-discovery")]
pub(crate) mod discovery;
mod event;
#[cfg(feature = "packet-filter")]
mod filter;
#[cfg(any(feature = "ipv6", feature = "multicast"))]
pub(crate) mod group;
#[cfg(feature = "hostname")]
mod hostname;
mod interface;
#[cfg(feature = "promiscuous")]
mod listening;
#[cfg(any(names, feature = "ra-server"))]
pub(crate) mod names;
#[cfg(neighbors)]
pub mod neighbor;
#[cfg(all(not(neighbors), feature = "ipv6"))]
#[path = "without_neighbors.rs"]
pub(crate) mod neighbor;
pub mod route;
#[cfg(any(names, feature = "dns"))]
mod server_source;
#[cfg(feature = "statistics")]
pub(crate) mod statistics;
#[cfg(names)]
pub(crate) mod told;

#[cfg(feature = "slaac")]
pub use address::IdentifierMode;
#[cfg(feature = "ipv6")]
pub(crate) use address::Ipv6Entry;
#[cfg(feature = "dad")]
pub use address::Lifetimes;
#[cfg(feature = "ipv6")]
pub use address::{AddressOrigin, AddressState, Ipv6Address, Ipv6Cidr};
#[cfg(feature = "acd")]
pub(crate) use address_v4::Assignment;
#[cfg(feature = "ipv4")]
pub use address_v4::{Ipv4Cidr, Ipv4Entry, Ipv4Origin, Ipv4State};
#[cfg(feature = "mgmt")]
pub(crate) use admin::Admin;
#[cfg(feature = "mgmt")]
pub use admin::{InterfaceName, NAME_LENGTH, NameError, OperationalState};
#[cfg(feature = "ra-server")]
pub use advertiser::{AdvertisedPrefix, Advertisement, AdvertisementError, AdvertisingCounters};
#[cfg(feature = "acd")]
pub use conflict::ConflictDetection;
pub use counters::{Counters, ReceiveDrop, SendDrop};
#[cfg(feature = "dad")]
pub use dad::AddressCounters;
#[cfg(feature = "router-discovery")]
pub use discovery::{LinkParameters, RouterDiscovery};
pub use event::{Event, EventClass, EventKind, Reach};
#[cfg(feature = "packet-filter")]
pub(crate) use filter::{Filter, Look, Verdict};
#[cfg(feature = "packet-filter")]
pub use filter::{
    FilterAction, FilterCount, FilterError, FilterList, FilterMatch, FilterPolicy, FilterRule,
    FilterTest,
};
#[cfg(all(feature = "udp", feature = "multicast"))]
pub use group::FilterMode;
#[cfg(any(feature = "ipv6", feature = "multicast"))]
pub(crate) use group::Member;
#[cfg(feature = "hostname")]
pub use hostname::{Hostname, HostnameError, HostnameSuffix};
pub(crate) use interface::Destination;
#[cfg(feature = "loopback")]
pub(crate) use interface::Loopback;
pub use interface::{AddressError, Interface, InterfaceInfo};
#[cfg(feature = "promiscuous")]
pub(crate) use listening::Listening;
#[cfg(any(names, feature = "ra-server"))]
pub use names::{DomainError, SearchDomain};
#[cfg(any(names, feature = "dns"))]
pub use server_source::ServerSource;
#[cfg(all(feature = "statistics", feature = "ethernet", feature = "ipv4"))]
pub use statistics::ArpTraffic;
#[cfg(all(feature = "statistics", feature = "ipv4"))]
pub use statistics::Ipv4Traffic;
#[cfg(all(feature = "statistics", any(feature = "igmp", feature = "mld")))]
pub use statistics::MembershipTraffic;
#[cfg(all(feature = "statistics", feature = "tcp"))]
pub(crate) use statistics::StackStatistics;
#[cfg(all(feature = "statistics", feature = "udp"))]
pub use statistics::UdpTraffic;
#[cfg(all(feature = "statistics", feature = "ipv6"))]
pub use statistics::{DiscoveryTraffic, Ipv6Traffic};
#[cfg(feature = "statistics")]
pub use statistics::{IcmpTraffic, InterfaceStatistics, LinkTraffic, Traffic};
#[cfg(all(feature = "statistics", feature = "tcp"))]
pub use statistics::{TcpStatistics, TcpTraffic};

/// TTL and hop limit of what is sent to a single host (RFC 1122 §3.2.1.7, RFC 1340).
pub(crate) const DEFAULT_HOP_LIMIT: u8 = 64;
