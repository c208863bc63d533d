//! UDP (RFC 768, RFC 1122 §4.1): the table of sockets, which of them a datagram is for, and why one
//! is not sent.
//!
//! A datagram finds its socket by a hash of the local port: each slot of the table is also the
//! head of one bucket's list, so the buckets grow with the table and cost two bytes a socket.

mod error;
mod slot;
mod table;

pub use error::SendError;
pub(crate) use slot::{Options, UdpSlot};
pub use table::BindError;
pub(crate) use table::{Datagram, UdpTable};

#[cfg(test)]
mod tests;
