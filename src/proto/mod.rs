//! Application protocols: each a codec without I/O, and a client that uses the sockets.

#[cfg(any(feature = "dns", feature = "sntp"))]
mod deadline;
#[cfg(feature = "dhcpv4-client")]
pub mod dhcpv4;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(feature = "sntp")]
pub mod sntp;
