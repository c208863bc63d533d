//! Link layers: a frame in; protocol, source and kind of destination out; and back.
//!
//! A link layer knows no address table and no socket. What stands in front of the network header
//! stays in the buffer: the offset in the buffer's meta moves on instead.

#[cfg(feature = "ethernet")]
pub mod ethernet;
#[cfg(feature = "slip")]
pub mod slip;
