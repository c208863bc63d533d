//! The internet layer: which packets are ours, and what is said about those that are not.
//!
//! The functions here look at one packet and return what is to be done; the stack does it.

#[cfg(feature = "slaac")]
pub(crate) mod autoconf;
#[cfg(all(feature = "flow-labels", feature = "udp"))]
pub(crate) mod flow;
#[cfg(feature = "fragmentation")]
pub(crate) mod identification;
#[cfg(feature = "slaac")]
pub(crate) mod identifier;
#[cfg(feature = "ipv4")]
pub(crate) mod ipv4;
#[cfg(feature = "ipv6")]
pub(crate) mod ipv6;
#[cfg(feature = "ipv4-link-local")]
pub(crate) mod link_local_v4;
#[cfg(any(feature = "igmp", feature = "mld"))]
pub(crate) mod membership;
#[cfg(feature = "path-mtu")]
pub(crate) mod path_mtu;
pub(crate) mod rate;
#[cfg(feature = "fragmentation")]
pub(crate) mod reassembly;
pub mod select;
mod unreachable;

pub use unreachable::Unreachable;
