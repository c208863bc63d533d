//! Zonda: a zero-copy `no_std` network stack for firmware, every protocol behind its own feature.
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// The macros come first, so that the others see them.
#[macro_use]
mod fmt;

pub mod checksum;
pub mod config;
pub mod rng;
mod sync;
pub mod time;

#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod iface;
#[cfg(any(feature = "ipv4", feature = "ipv6"))]
pub mod ip;
pub mod link;
pub mod netbuf;
pub(crate) mod stack;
pub mod wire;

#[path = "../drivers/mod.rs"]
pub mod drivers;
