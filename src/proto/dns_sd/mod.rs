//! Services found by DNS (RFC 6763), over multicast DNS.
//!
//! [`Mdns::register`](super::mdns::Mdns::register) tells of a service of this host. With the feature
//! `mdns` [`Mdns::browse`](super::mdns::Mdns::browse) finds those of others, and
//! [`Mdns::resolve`](super::mdns::Mdns::resolve) where one is.

mod attributes;
#[cfg(feature = "mdns")]
mod browse;
mod register;

pub use attributes::{Attribute, Attributes};
#[cfg(feature = "mdns")]
pub use browse::{Browser, Found, Instance, Resolved};
pub use register::{RegisterError, ServiceConfig, ServiceId};
