//! What applications hold.

#[cfg(feature = "packet-sockets")]
mod packet;
#[cfg(feature = "ping")]
mod ping;
#[cfg(feature = "raw-sockets")]
mod raw;
#[cfg(any(feature = "packet-sockets", feature = "raw-sockets"))]
mod room;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "packet-sockets")]
pub use packet::PacketSocket;
#[cfg(feature = "ping")]
pub use ping::{EchoReply, Ping, PingError};
#[cfg(feature = "raw-sockets")]
pub use raw::RawSocket;
#[cfg(feature = "tcp")]
pub use tcp::{ConnectError, TcpInfo, TcpListener, TcpReader, TcpSocket, TcpWriter};
#[cfg(feature = "udp")]
pub use udp::{UdpBind, UdpSocket};

#[cfg(feature = "raw-sockets")]
pub use crate::packet::{IcmpFilter, IpVersion, RawAddress, RawError, RawInfo, RawSendError};
#[cfg(feature = "packet-sockets")]
pub use crate::packet::{
    PacketAddress, PacketError, PacketInfo, PacketKind, PacketMembership, PacketProtocol,
    PacketSendError,
};
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
