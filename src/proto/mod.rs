//! Application protocols: each a codec without I/O, and a client that uses the sockets.

#[cfg(any(feature = "http-client", feature = "http-server", feature = "sntp"))]
mod calendar;
#[cfg(any(feature = "dns", feature = "mdns", feature = "sntp", feature = "zperf"))]
mod deadline;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv4-server"))]
pub mod dhcpv4;
#[cfg(feature = "dhcpv6-client")]
pub mod dhcpv6;
#[cfg(any(feature = "dns", feature = "mdns", feature = "mdns-responder"))]
pub mod dns;
#[cfg(feature = "dns-sd")]
pub mod dns_sd;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
mod fqdn;
#[cfg(any(
    feature = "dhcpv4-client",
    feature = "dhcpv4-server",
    feature = "dhcpv6-client"
))]
mod full;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
mod hardware;
#[cfg(any(feature = "http-client", feature = "http-server"))]
pub mod http;
#[cfg(feature = "llmnr")]
pub mod llmnr;
#[cfg(any(feature = "mdns", feature = "mdns-responder"))]
pub mod mdns;
#[cfg(feature = "sntp")]
pub mod sntp;
#[cfg(any(
    feature = "dhcpv4-client",
    feature = "dhcpv6-client",
    feature = "zperf"
))]
mod waiting;
#[cfg(feature = "zperf")]
pub mod zperf;
