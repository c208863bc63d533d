//! Zonda: a zero-copy `no_std` network stack for firmware, every protocol behind its own feature.
//!
//! Packets are chains of fragments of one pool ([`netbuf`]) that are moved, not copied, between a
//! driver and the application. A driver and the stack meet at a port ([`link`]). The stack
//! ([`stack`]) is a core without I/O, clock or allocation, and a copyable handle of it; sockets
//! ([`socket`]) own no buffers.
//!
//! | Module | What is in it |
//! |---|---|
//! | [`netbuf`] | the pool, packets, queues of packets and of bytes |
//! | [`link`] | the port between driver and stack: capabilities, link state, queues |
//! | [`drivers`] | an in-process wire, serial lines, Linux TAP and TUN, chips, capture, adapters for drivers of other stacks |
//! | `stack` | the core, the handle, the runner, the lent storage |
//! | `socket` | what applications hold: UDP, TCP, raw and packet sockets, ping |
//! | `proto` | application protocols: DHCP, DNS, LLMNR, multicast DNS, services, SNTP, HTTP, zperf |
//! | `mgmt` | the connection manager |
//! | `compat` | the sockets in other dress: BSD sockets, C, `embedded-nal-async` |
//! | `iface` | interfaces: addresses, neighbours, routes, counters |
//! | `ip` | the choice of addresses, what ICMP errors mean |
//! | [`l2`] | link layers: from frame to packet and back |
//! | [`wire`] | formats: read and written in place |
//! | [`checksum`], [`rng`], [`time`], [`config`] | the ground floor: sums, random numbers, instants, build-time numbers |
//!
//! `stack`, `socket`, `iface` and `ip` are there with `ipv4` or `ipv6`, `proto` with a protocol too,
//! `compat` with a face.
//!
//! # Example
//!
//! A host that answers ping, and echoes UDP on port 7. It is polled by hand here; with the feature
//! `runner` a task does that, and sockets are awaited.
//!
//! ```
//! # #[cfg(all(feature = "ethernet", feature = "ipv4", feature = "udp"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use core::net::{Ipv4Addr, SocketAddr};
//! use zonda::iface::Ipv4Cidr;
//! use zonda::link::{Capabilities, Port};
//! use zonda::netbuf::NetBufPool;
//! use zonda::socket::UdpSocket;
//! use zonda::stack::{ManualClock, StackCell, StackStorage};
//!
//! // 32 blocks of 512 bytes; the driver has one end of the port, the stack the other.
//! static POOL: NetBufPool<32, 512> = NetBufPool::new();
//! let port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
//! let (driver_end, stack_end) = port.split();
//!
//! // One interface, one UDP socket. The seed comes from the hardware's entropy source.
//! let clock = ManualClock::new();
//! let mut storage = StackStorage::<1, 1>::new();
//! let cell = StackCell::new(&mut storage, POOL.pool(), [7; 32], &clock);
//! let stack = cell.stack();
//! let id = stack.attach(stack_end)?;
//! // The address is used as soon as the link is up and nobody else on it has the same one.
//! stack.add_ipv4(id, Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 10), 24))?;
//!
//! let echo = UdpSocket::bind(stack, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 7))?;
//! // Whenever the driver has delivered something, and when `next` says so:
//! let next = stack.poll();
//! while let Some((data, info)) = echo.try_recv() {
//!     // The blocks that it came in go out again.
//!     let _ = echo.try_reply(data, &info);
//! }
//! # let _ = (next, driver_end);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "ethernet", feature = "ipv4", feature = "udp")))]
//! # fn main() {}
//! ```
//!
//! `docs/guide.md` goes through all of it step by step, `docs/architecture.md` says how it is
//! built, `docs/conformance.md` which clause of which RFC is done and tested where.
//!
//! # Features
//!
//! Each builds alone and with every other. What they cost, and the numbers that can be set at
//! build time, are in `docs/configuration.md`.
#![cfg_attr(feature = "document-features", doc = "")]
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]
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
#[cfg(all(ip, any(feature = "packet-sockets", feature = "raw-sockets")))]
mod packet;
#[cfg(all(ip, feature = "tcp"))]
mod tcp;
#[cfg(all(ip, feature = "udp"))]
mod udp;

#[cfg(ip)]
pub mod stack;

#[cfg(ip)]
pub mod socket;

#[cfg(all(
    ip,
    any(
        feature = "dns",
        feature = "dhcpv4-client",
        feature = "dhcpv4-server",
        feature = "dhcpv6-client",
        feature = "http-client",
        feature = "http-server",
        feature = "mdns",
        feature = "mdns-responder",
        feature = "sntp",
        feature = "zperf",
    )
))]
pub mod proto;

#[cfg(all(ip, any(feature = "bsd-sockets", feature = "embedded-nal")))]
pub mod compat;

#[cfg(all(ip, feature = "mgmt"))]
pub mod mgmt;

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
    feature = "tcp",
    feature = "multicast",
    feature = "packet-sockets",
    feature = "raw-sockets",
    feature = "packet-filter",
    feature = "ping",
    feature = "hostname",
    feature = "dns",
    feature = "llmnr",
    feature = "mdns",
    feature = "dns-sd",
    feature = "dhcpv4-client",
    feature = "dhcpv4-server",
    feature = "dhcpv6-client",
    feature = "sntp",
    feature = "http-client",
    feature = "http-server",
    feature = "zperf",
    feature = "bsd-sockets",
    feature = "embedded-nal",
    feature = "runner",
    feature = "events",
    feature = "statistics",
    feature = "mgmt",
    feature = "shell",
    feature = "timestamps",
    feature = "slip",
    feature = "driver-wire",
    feature = "driver-tap",
    feature = "driver-embassy-net",
    feature = "driver-virtio-net",
    feature = "pcap",
))]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
