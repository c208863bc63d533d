//! BSD sockets: small numbers for sockets, and the calls of POSIX on them.
//!
//! [`Sockets`] is a table of descriptors over a stack. What a call does and what it answers is what
//! POSIX says (IEEE Std 1003.1, *Sockets*), with RFC 3493 and RFC 3542 for IPv6; the numbers are
//! those of Linux. A call that may have to wait is `async`. It answers at once with
//! [`Errno::EAGAIN`] where [`MSG_DONTWAIT`] or [`O_NONBLOCK`] says so, or when the time of
//! [`SO_RCVTIMEO`] or [`SO_SNDTIMEO`] is over. A program without an executor calls [`block_on`],
//! which drives the stack meanwhile.
//!
//! There are `AF_INET` and `AF_INET6` sockets of the types `SOCK_STREAM`, `SOCK_DGRAM` and (feature
//! `raw-sockets`) `SOCK_RAW`, and pairs of `AF_LOCAL`. An `AF_INET6` socket talks IPv4 as well, by mapped addresses, unless
//! [`IPV6_V6ONLY`] is set.

mod address;
mod ancillary;
mod blocking;
mod constants;
mod errno;
mod membership;
mod names;
mod open;
mod options;
mod pair;
mod poll;
#[cfg(feature = "raw-sockets")]
mod raw;
mod receive;
mod select;
mod send;
mod sockopt;
mod stream_options;
mod table;
mod wait;

pub use address::{inet_ntop, inet_pton};
pub use ancillary::{Ancillary, Message, PacketInfo};
pub use blocking::{Drive, block_on};
pub use constants::*;
pub use errno::Errno;
pub use names::{AddrInfo, AddrInfos, Eai, Hints, NameInfo};
pub use poll::PollFd;
pub use select::FdSet;
pub use table::{Fd, Sockets};
