//! Connections to servers.

use super::super::stream::HttpStream;
use super::config::HttpClientError;
use crate::socket::TcpSocket;
use crate::stack::Stack;

/// Who makes the connections of a client: a [`Stack`] to addresses, a
/// [`Resolver`](crate::proto::dns::Resolver) to names also, a TLS client secured ones.
#[allow(async_fn_in_trait)]
pub trait Connect {
    /// A connection.
    type Stream: HttpStream;

    /// Connects to a name or an address.
    ///
    /// # Errors
    ///
    /// [`HttpClientError::NotSecured`] where the stream is to be secured and cannot be.
    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_secured: bool,
    ) -> Result<Self::Stream, HttpClientError>;
}

impl<C: Connect> Connect for &C {
    type Stream = C::Stream;

    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_secured: bool,
    ) -> Result<C::Stream, HttpClientError> {
        (**self).connect(host, port, is_secured).await
    }
}

impl<'a> Connect for Stack<'a> {
    type Stream = TcpSocket<'a>;

    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_secured: bool,
    ) -> Result<TcpSocket<'a>, HttpClientError> {
        let address = host.parse().map_err(|_| HttpClientError::NotConnected)?;
        let remote = core::net::SocketAddr::new(address, port);
        open(is_secured, TcpSocket::connect(*self, remote)).await
    }
}

#[cfg(feature = "dns")]
impl<'a> Connect for crate::proto::dns::Resolver<'a> {
    type Stream = TcpSocket<'a>;

    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_secured: bool,
    ) -> Result<TcpSocket<'a>, HttpClientError> {
        open(is_secured, self.connect(host, port)).await
    }
}

async fn open<'a, E>(
    is_secured: bool,
    connection: impl Future<Output = Result<TcpSocket<'a>, E>>,
) -> Result<TcpSocket<'a>, HttpClientError> {
    if is_secured {
        return Err(HttpClientError::NotSecured);
    }
    let mut socket = connection
        .await
        .map_err(|_| HttpClientError::NotConnected)?;
    // What is sent at once is gathered; the rest is not to wait for an acknowledgement.
    socket.set_nagle(false);
    Ok(socket)
}
