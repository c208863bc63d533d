//! DNS: messages, and a client (RFC 1034, 1035).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one; both know the bits that
//! multicast DNS adds. With the feature `dns` a `Resolver` asks the servers of the network: by UDP
//! from a socket of its own for each query, and by TCP what is too long for that.

#[cfg(feature = "dns")]
mod answer;
#[cfg(feature = "dns")]
mod cache;
#[cfg(all(feature = "dns", feature = "tcp"))]
mod connect;
#[cfg(feature = "dns")]
pub(super) mod lookup;
mod message;
mod name;
#[cfg(feature = "dns")]
mod query;
mod record;
#[cfg(feature = "dns")]
mod resolver;
#[cfg(feature = "dns")]
mod servers;
#[cfg(all(feature = "dns", feature = "tcp"))]
pub(super) mod stream;
mod write;

#[cfg(feature = "dns")]
pub use crate::iface::ServerSource;
#[cfg(all(feature = "dns", feature = "tcp"))]
pub use connect::ConnectByNameError;
#[cfg(feature = "dns")]
pub use lookup::{Family, Service};
pub use message::{
    CLASS_ANY, CLASS_IN, Edns, Flags, HEADER_LENGTH, Message, Question, Questions, Rcode, Record,
    Records, Section,
};
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError, NameRef};
pub use record::{Nsec, Options, RecordData, RecordType, Soa, Srv, Txt};
#[cfg(feature = "dns")]
pub use resolver::{DnsCounters, DnsError, Resolver, SearchError};
pub use write::{Compression, MessageWriter, WriteError};

/// Addresses of a host.
pub type Addresses = heapless::Vec<core::net::IpAddr, { crate::config::DNS_ADDRESSES }>;

#[cfg(all(test, feature = "dns"))]
mod tests;
