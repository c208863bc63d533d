//! What applications hold.

#[cfg(feature = "ping")]
mod ping;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "ping")]
pub use ping::{EchoReply, Ping, PingError};
#[cfg(feature = "tcp")]
pub use tcp::{ConnectError, TcpInfo, TcpListener, TcpReader, TcpSocket, TcpWriter};
#[cfg(feature = "udp")]
pub use udp::{UdpBind, UdpSocket};

#[cfg(feature = "tcp")]
pub use crate::stack::tcp::TcpOpenError;
#[cfg(feature = "temporary-addresses")]
pub use crate::stack::temporary::SourcePreference;
#[cfg(feature = "udp")]
pub use crate::stack::udp::RecvInfo;
#[cfg(feature = "tcp")]
pub use crate::tcp::{TcpError, TcpState};
#[cfg(feature = "udp")]
pub use crate::udp::{BindError, SendError};
