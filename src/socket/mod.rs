//! What applications hold.

#[cfg(feature = "ping")]
mod ping;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "ping")]
pub use ping::{EchoReply, Ping, PingError};
#[cfg(feature = "udp")]
pub use udp::{UdpBind, UdpSocket};

#[cfg(feature = "udp")]
pub use crate::stack::udp::{RecvInfo, SendError};
#[cfg(feature = "udp")]
pub use crate::udp::BindError;
