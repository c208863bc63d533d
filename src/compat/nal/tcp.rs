//! Connections.

use core::net::SocketAddr;

use embedded_io_async::{BufRead, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use embedded_nal_async::TcpConnect;

use crate::socket::{ConnectError, TcpError, TcpSocket};
use crate::stack::Stack;

impl embedded_io_async::Error for ConnectError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(_) => ErrorKind::AddrNotAvailable,
            Self::Failed(error) => embedded_io_async::Error::kind(error),
        }
    }
}

impl<'a> TcpConnect for Stack<'a> {
    type Error = ConnectError;
    type Connection<'s>
        = Connection<'a>
    where
        Self: 's;

    async fn connect<'s>(&'s self, remote: SocketAddr) -> Result<Connection<'a>, ConnectError> {
        TcpSocket::connect(*self, remote).await.map(Connection)
    }
}

/// A [`TcpSocket`] whose errors are those of a connection that does not come about, as
/// [`TcpConnect`] wants it.
pub struct Connection<'a>(TcpSocket<'a>);

impl<'a> Connection<'a> {
    /// The socket itself, with all that can be set.
    pub const fn socket(&mut self) -> &mut TcpSocket<'a> {
        &mut self.0
    }

    /// The socket itself.
    pub fn into_socket(self) -> TcpSocket<'a> {
        self.0
    }
}

const fn failed(error: TcpError) -> ConnectError {
    ConnectError::Failed(error)
}

impl ErrorType for Connection<'_> {
    type Error = ConnectError;
}

impl Read for Connection<'_> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, ConnectError> {
        self.0.read(to).await.map_err(failed)
    }
}

impl BufRead for Connection<'_> {
    async fn fill_buf(&mut self) -> Result<&[u8], ConnectError> {
        self.0.fill_buf().await.map_err(failed)
    }

    fn consume(&mut self, length: usize) {
        self.0.consume(length);
    }
}

impl ReadReady for Connection<'_> {
    fn read_ready(&mut self) -> Result<bool, ConnectError> {
        self.0.read_ready().map_err(failed)
    }
}

impl Write for Connection<'_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, ConnectError> {
        self.0.write(data).await.map_err(failed)
    }

    async fn flush(&mut self) -> Result<(), ConnectError> {
        self.0.flush().await.map_err(failed)
    }
}

impl WriteReady for Connection<'_> {
    fn write_ready(&mut self) -> Result<bool, ConnectError> {
        self.0.write_ready().map_err(failed)
    }
}
