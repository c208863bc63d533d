//! DHCPv6: messages, and a client (RFC 8415).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one. [`Dhcpv6Client`] gets
//! addresses for an interface, prefixes for the networks behind it, and other configuration, and
//! keeps them. Its states and times are a machine that knows no socket; what it knows from servers is
//! bounded and plain.

mod binding;
mod client;
mod config;
mod duid;
mod lease;
mod machine;
mod message;
mod option;
#[cfg(feature = "dhcpv6-reconfigure")]
mod reconfigure;
mod reply;
mod retransmission;
mod run;
mod write;

pub use super::fqdn::DnsUpdates;
pub use super::full::MessageFull;
pub use client::{Dhcpv6Client, Dhcpv6Counters};
pub use config::{ClientConfig, ConfigError, Mode};
pub use duid::{DUID_LENGTH, Duid, DuidKind};
pub use lease::{DelegatedPrefix, KeptOptions, Lease, Leases, NtpServer};
pub use machine::ClientState;
pub use message::{ALL_SERVERS, CLIENT_PORT, HEADER_LENGTH, Message, MessageType, SERVER_PORT};
pub use option::{Association, LeaseOption, Options, Status, code};
pub use write::MessageWriter;

#[cfg(test)]
mod tests;
