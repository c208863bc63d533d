//! The stack: a core without I/O, a handle for everybody who uses it, and what drives it.
//!
//! [`Core`] takes frames from ports and gives frames to them; [`Stack`] is the handle that sockets
//! hold; [`Runner`] polls the core when a port or the clock says so.

#[cfg(feature = "ipv6")]
mod addresses;
#[cfg(feature = "mgmt")]
mod admin;
#[cfg(feature = "ra-server")]
mod advertise;
#[cfg(feature = "slaac")]
mod autoconf;
#[cfg(debug_assertions)]
mod check;
mod core;
#[cfg(feature = "dad")]
mod dad;
#[cfg(feature = "events")]
mod events;
#[cfg(feature = "packet-filter")]
mod filter;
#[cfg(feature = "fragmentation")]
mod fragments;
#[cfg(gated)]
mod gate;
#[cfg(not(gated))]
#[path = "without_gate.rs"]
mod gate;
#[cfg(any(feature = "ipv6", feature = "multicast"))]
mod groups;
mod handle;
#[cfg(feature = "hostname")]
mod hostname;
#[cfg(feature = "ipv4")]
mod icmpv4;
#[cfg(feature = "ipv6")]
mod icmpv6;
#[cfg(feature = "igmp")]
mod igmp;
#[cfg(feature = "ipv4")]
mod ipv4_addresses;
#[cfg(feature = "ipv4-options")]
mod ipv4_options;
#[cfg(feature = "loopback")]
mod loopback;
#[cfg(feature = "mld")]
mod mld;
mod mtu;
#[cfg(names)]
mod names;
#[cfg(any(neighbors, feature = "ipv6", feature = "tcp"))]
mod neighbors;
#[cfg(feature = "dad-optimistic")]
mod optimistic;
#[cfg(feature = "packet-sockets")]
mod packet;
mod path_mtu;
#[cfg(feature = "ping")]
pub(crate) mod ping;
#[cfg(feature = "dhcpv4-server")]
mod probe;
#[cfg(feature = "promiscuous")]
mod promiscuous;
mod quoted;
#[cfg(feature = "raw-sockets")]
pub(crate) mod raw;
#[cfg(feature = "mgmt")]
mod reach;
#[cfg(feature = "fragmentation")]
mod reassembly;
mod receive;
#[cfg(any(feature = "udp", feature = "tcp"))]
mod recent;
#[cfg(feature = "redirects")]
mod redirect;
#[cfg(neighbors)]
mod resolution;
pub(crate) mod route;
#[cfg(feature = "router-discovery")]
mod router;
mod routes;
#[cfg(feature = "runner")]
mod runner;
#[cfg(any(feature = "udp", feature = "tcp"))]
mod sockets;
#[cfg(feature = "statistics")]
mod statistics;
mod storage;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
#[cfg(feature = "temporary-addresses")]
pub(crate) mod temporary;
#[cfg(feature = "tcp")]
mod timer_queue;
mod timers;
pub(crate) mod transmit;
#[cfg(feature = "udp")]
pub(crate) mod udp;
#[cfg(feature = "udp")]
pub(crate) mod udp_send;
pub(crate) mod waiters;

pub use core::{Core, InterfaceId, Next, TooManyInterfaces};
#[cfg(feature = "events")]
pub use events::{Events, EventsMissed};
pub use handle::{Clock, ManualClock, Sleep, Stack, StackCell};
pub use mtu::MtuError;
#[cfg(feature = "mgmt")]
pub use reach::Readiness;
#[cfg(feature = "runner")]
pub use runner::{EmbassyClock, Runner};
#[cfg(any(feature = "udp", feature = "tcp"))]
pub use sockets::{SocketInfo, SocketKind};
#[cfg(feature = "statistics")]
pub use statistics::{Statistic, StatisticPath, Statistics};
pub use storage::StackStorage;
