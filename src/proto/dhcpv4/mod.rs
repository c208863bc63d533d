//! DHCPv4: messages, and a client (RFC 2131, 2132).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one. [`Dhcpv4Client`] gets an
//! address for an interface and keeps it. Its states and times are a machine that knows no socket;
//! what it knows from servers is bounded and plain.

mod client;
mod config;
mod lease;
mod machine;
mod message;
mod option;
mod run;
mod write;

pub use client::{Dhcpv4Client, Dhcpv4Counters};
pub use config::{ClientConfig, ConfigTooLong, DnsUpdates};
pub use lease::{KeptOptions, Lease};
pub use machine::ClientState;
pub use message::{
    BOOT_REPLY, BOOT_REQUEST, BROADCAST, CLIENT_PORT, HEADER_LENGTH, Message, MessageType, Options,
    SERVER_PORT,
};
pub use option::{ClasslessRoute, ClasslessRoutes, code};
pub use write::{Fields, MessageFull, MessageWriter};

#[cfg(test)]
mod tests;
