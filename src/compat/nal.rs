//! The traits of `embedded-nal-async` 0.9: what libraries ask for that run on any stack.
//!
//! [`Stack`](crate::stack::Stack) is a `TcpConnect` and a `UdpStack`, and the resolver of DNS is a
//! `Dns`.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "dns")]
pub use dns::NameError;
#[cfg(feature = "tcp")]
pub use tcp::Connection;
#[cfg(feature = "udp")]
pub use udp::{Bound, Connected, UdpError};
