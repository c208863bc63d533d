//! Interfaces: addresses, groups, neighbours, routes, and what was dropped.

mod address;
mod counters;
mod event;
#[cfg(any(feature = "ipv6", all(feature = "udp", feature = "multicast")))]
mod group;
mod interface;
pub mod neighbor;
pub mod route;

#[cfg(feature = "ipv4")]
pub use address::Ipv4Cidr;
#[cfg(feature = "ipv6")]
pub use address::Ipv6Cidr;
pub use counters::{Counters, ReceiveDrop, SendDrop};
pub use event::{Event, EventKind};
#[cfg(any(feature = "ipv6", all(feature = "udp", feature = "multicast")))]
pub(crate) use group::{Member, Membership};
pub(crate) use interface::Destination;
pub use interface::{AddressError, Interface, InterfaceInfo};
