//! Management: which networks can be reached, and what keeps them so.

mod connection;
mod connectivity;
#[cfg(any(feature = "ping", feature = "tcp"))]
mod online;
mod setup;
#[cfg(feature = "shell")]
pub mod shell;

pub use connection::{Connections, Requirement};
pub use connectivity::{Binding, BindingOptions, BindingState, Connectivity};
#[cfg(feature = "tcp")]
pub use online::HttpProbe;
#[cfg(feature = "ping")]
pub use online::PingProbe;
#[cfg(any(feature = "ping", feature = "tcp"))]
pub use online::{OnlineCheck, Probe};
pub use setup::{InterfaceSetup, SetupError};
