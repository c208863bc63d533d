//! The port where a driver and the stack meet.
//!
//! A [`Port`] is two bounded queues of packets and the state of a link. It belongs to neither
//! side: the driver has its [`DriverEnd`] in a task, an interrupt or (on a host) another thread,
//! the stack its [`StackEnd`].

mod capabilities;
mod port;

#[cfg(feature = "promiscuous")]
pub use capabilities::ReceiveMode;
pub use capabilities::{Capabilities, LinkState, Medium, Offload};
pub use port::{DriverEnd, Port, PortStats, StackEnd};

#[cfg(test)]
mod tests;
