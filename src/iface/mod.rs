//! What stands between the link layers and IP: addresses, neighbours, routes.

#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod neighbor;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod route;
