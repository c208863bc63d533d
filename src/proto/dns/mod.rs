//! DNS: messages, and a client (RFC 1034, 1035).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one; both know the bits that
//! multicast DNS adds. [`Resolver`] asks the servers of the network: by UDP from a socket of its
//! own for each query, and by TCP what is too long for that.

mod answer;
mod cache;
#[cfg(feature = "tcp")]
mod connect;
pub(super) mod lookup;
mod message;
mod name;
mod query;
mod record;
mod resolver;
mod servers;
#[cfg(feature = "tcp")]
pub(super) mod stream;
mod write;

pub use crate::iface::ServerSource;
#[cfg(feature = "tcp")]
pub use connect::ConnectByNameError;
pub use lookup::{Addresses, Family, Service};
pub use message::{
    CLASS_ANY, CLASS_IN, Edns, Flags, HEADER_LENGTH, Message, Question, Questions, Rcode, Record,
    Records, Section,
};
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError, NameRef};
pub use record::{Nsec, Options, RecordData, RecordType, Soa, Srv, Txt};
pub use resolver::{DnsCounters, DnsError, Resolver, SearchError};
pub use write::{MessageWriter, WriteError};

#[cfg(test)]
mod tests;
