//! DHCPv4: messages, a client and a server (RFC 2131, 2132).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one. `Dhcpv4Client` gets an
//! address for an interface and keeps it. Its states and times are a machine that knows no socket;
//! what it knows from servers is bounded and plain. `Dhcpv4Server` gives addresses to others; it too is
//! a machine first.

#[cfg(feature = "dhcpv4-client")]
mod client;
#[cfg(feature = "dhcpv4-client")]
mod config;
#[cfg(feature = "dhcpv4-client")]
mod lease;
#[cfg(feature = "dhcpv4-client")]
mod machine;
mod message;
mod option;
#[cfg(feature = "dhcpv4-client")]
mod run;
#[cfg(feature = "dhcpv4-server")]
mod server;
mod write;

#[cfg(feature = "dhcpv4-client")]
pub use super::fqdn::DnsUpdates;
pub use super::full::MessageFull;
#[cfg(feature = "dhcpv4-client")]
pub use client::{Dhcpv4Client, Dhcpv4Counters};
#[cfg(feature = "dhcpv4-client")]
pub use config::{ClientConfig, ConfigTooLong};
#[cfg(feature = "dhcpv4-client")]
pub use lease::{KeptOptions, Lease};
#[cfg(feature = "dhcpv4-client")]
pub use machine::ClientState;
pub use message::{
    BOOT_REPLY, BOOT_REQUEST, BROADCAST, CLIENT_PORT, HEADER_LENGTH, Message, MessageType, Options,
    SERVER_PORT,
};
pub use option::{ClasslessRoute, ClasslessRoutes, code};
#[cfg(feature = "dhcpv4-server")]
pub use server::{
    AddressRange, ClientKey, Dhcpv4Server, Dhcpv4ServerCounters, LeaseSlot, LeaseState, LeaseStore,
    OptionValue, Reservation, ReservedFor, ServerConfig, ServerConfigError, ServerLease,
    ServerOption, Subnet,
};
pub use write::{Fields, MessageWriter};

#[cfg(all(test, feature = "dhcpv4-client"))]
mod tests;
