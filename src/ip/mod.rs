//! The internet layer.

#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod select;
