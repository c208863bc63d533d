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

pub mod netbuf;
pub mod wire;

pub mod link;

#[path = "../l2/mod.rs"]
pub mod l2;

#[cfg(ip)]
pub mod iface;
#[cfg(ip)]
pub mod ip;
#[cfg(all(ip, feature = "udp"))]
mod udp;

#[cfg(ip)]
pub mod stack;

#[cfg(ip)]
pub mod socket;

#[path = "../drivers/mod.rs"]
pub mod drivers;

/// The snippets of the guide.
#[cfg(all(
    doctest,
    target_os = "linux",
    feature = "ethernet",
    feature = "ipv4",
    feature = "ipv6",
    feature = "udp",
    feature = "multicast",
    feature = "ping",
    feature = "runner",
    feature = "timestamps",
    feature = "driver-wire",
    feature = "driver-tap",
    feature = "pcap",
))]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
