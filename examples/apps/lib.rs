//! The applications that run on every board, and in the examples of the host: each is one file,
//! written against the public surface of the stack, and started by awaiting its `run`.
//!
//! The boards take them from the crate `boards/apps`, the host's examples by their files.
#![no_std]

pub mod dhcp_dns;
pub mod status;
pub mod tcp_echo;
pub mod udp_echo;
