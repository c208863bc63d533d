//! Datagrams.

use core::net::SocketAddr;

use embedded_io_async::ErrorKind;
use embedded_nal_async::{ConnectedUdp, UdpStack, UnconnectedUdp};

use crate::ip::Unreachable;
use crate::socket::{BindError, SendError, UdpSocket};
use crate::stack::Stack;

/// Why a UDP socket was not made, or did not do what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UdpError {
    /// It was not bound.
    Bind(BindError),
    /// A datagram was not sent.
    Send(SendError),
    /// An earlier datagram did not reach the peer.
    Unreachable(Unreachable),
    /// The host has no address of that version.
    NoAddress,
}

impl core::fmt::Display for UdpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bind(error) => core::fmt::Display::fmt(error, f),
            Self::Send(error) => core::fmt::Display::fmt(error, f),
            Self::Unreachable(why) => core::fmt::Display::fmt(why, f),
            Self::NoAddress => f.write_str("the host has no such address"),
        }
    }
}

impl core::error::Error for UdpError {}

impl embedded_io_async::Error for UdpError {
    fn kind(&self) -> embedded_io_async::ErrorKind {
        match self {
            Self::Bind(BindError::InUse) => ErrorKind::AddrInUse,
            Self::Bind(BindError::TableFull) => ErrorKind::OutOfMemory,
            Self::Bind(_) | Self::NoAddress => ErrorKind::AddrNotAvailable,
            Self::Send(SendError::InvalidDestination | SendError::TooLong { .. }) => {
                ErrorKind::InvalidInput
            }
            Self::Send(SendError::NoBuffer) => ErrorKind::OutOfMemory,
            Self::Send(SendError::NoDestination | SendError::Closed) => ErrorKind::NotConnected,
            Self::Send(SendError::BroadcastNotAllowed) => ErrorKind::PermissionDenied,
            Self::Unreachable(Unreachable::Port) => ErrorKind::ConnectionRefused,
            Self::Send(_) | Self::Unreachable(_) => ErrorKind::Other,
        }
    }
}

impl<'a> UdpStack for Stack<'a> {
    type Error = UdpError;
    type Connected = Connected<'a>;
    type UniquelyBound = Bound<'a>;
    type MultiplyBound = Bound<'a>;

    /// The address that suits the route is chosen where `local` leaves it open, as it is at that time.
    async fn connect_from(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<(SocketAddr, Connected<'a>), UdpError> {
        let local = match local.ip().is_unspecified() {
            true => SocketAddr::new(
                self.source_address(remote).ok_or(UdpError::NoAddress)?,
                local.port(),
            ),
            false => local,
        };
        let socket = UdpSocket::bind(*self, local).map_err(UdpError::Bind)?;
        socket.connect(remote).map_err(UdpError::Send)?;
        Ok((socket.local_addr(), Connected(socket)))
    }

    /// Where `local` leaves the address open it is the first of its version that the host has, one
    /// that is good beyond its link if there is one.
    async fn bind_single(&self, local: SocketAddr) -> Result<(SocketAddr, Bound<'a>), UdpError> {
        let local = match local.ip().is_unspecified() {
            true => SocketAddr::new(
                self.any_address(local.is_ipv6())
                    .ok_or(UdpError::NoAddress)?,
                local.port(),
            ),
            false => local,
        };
        let bound = bind(*self, local)?;
        Ok((bound.0.local_addr(), bound))
    }

    async fn bind_multiple(&self, local: SocketAddr) -> Result<Bound<'a>, UdpError> {
        bind(*self, local)
    }
}

fn bind(stack: Stack<'_>, local: SocketAddr) -> Result<Bound<'_>, UdpError> {
    UdpSocket::bind(stack, local)
        .map(Bound)
        .map_err(UdpError::Bind)
}

/// A [`UdpSocket`] that has one peer.
pub struct Connected<'a>(UdpSocket<'a>);

impl<'a> Connected<'a> {
    /// The socket itself, with all that can be set.
    pub const fn socket(&self) -> &UdpSocket<'a> {
        &self.0
    }
}

impl ConnectedUdp for Connected<'_> {
    type Error = UdpError;

    async fn send(&mut self, data: &[u8]) -> Result<(), UdpError> {
        self.0.send(data).await.map_err(UdpError::Send)
    }

    async fn receive_into(&mut self, to: &mut [u8]) -> Result<usize, UdpError> {
        let received = self.0.recv_from(to).await;
        let (_, info) = received.map_err(UdpError::Unreachable)?;
        Ok(info.length)
    }
}

/// A [`UdpSocket`] that is bound and has no peer.
pub struct Bound<'a>(UdpSocket<'a>);

impl<'a> Bound<'a> {
    /// The socket itself, with all that can be set.
    pub const fn socket(&self) -> &UdpSocket<'a> {
        &self.0
    }
}

impl UnconnectedUdp for Bound<'_> {
    type Error = UdpError;

    /// The port of `local` is that of the socket, whatever it says.
    async fn send(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) -> Result<(), UdpError> {
        let sent = self.0.send_from(data, local.ip(), remote).await;
        sent.map_err(UdpError::Send)
    }

    async fn receive_into(
        &mut self,
        to: &mut [u8],
    ) -> Result<(usize, SocketAddr, SocketAddr), UdpError> {
        let received = self.0.recv_from(to).await;
        let (_, info) = received.map_err(UdpError::Unreachable)?;
        let port = self.0.local_addr().port();
        let mut local = SocketAddr::new(info.destination, port);
        if let (SocketAddr::V6(local), SocketAddr::V6(source)) = (&mut local, info.source) {
            // One link means the same one for both.
            local.set_scope_id(source.scope_id());
        }
        Ok((info.length, local, info.source))
    }
}
