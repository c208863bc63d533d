//! Application protocols: each a codec without I/O, and a client that uses the sockets.

#[cfg(any(feature = "dns", feature = "sntp"))]
mod deadline;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv4-server"))]
pub mod dhcpv4;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(feature = "sntp")]
pub mod sntp;
