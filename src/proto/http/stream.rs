//! What a connection may be: TCP, and later TLS over it.

use core::net::SocketAddr;

use embedded_io_async::{ErrorType, Read, Write};

use super::error::HttpError;
use crate::netbuf::{NetBuf, NoBuffer, Pool};
use crate::socket::{TcpError, TcpSocket, TcpState};

/// A stream of octets in both directions.
///
/// All but [`Read`] and [`Write`] has a default, so that `impl HttpStream for MyStream {}` will do.
#[allow(async_fn_in_trait)]
pub trait HttpStream: Read + Write {
    /// Writes a copy of `head`, and `bytes` behind it: where they are, if the stream can do that.
    async fn write_static(&mut self, head: &[u8], bytes: &'static [u8]) -> Result<(), HttpError> {
        write_all(self, head).await?;
        write_all(self, bytes).await
    }

    /// Sees to it that what was written is sent. It need not wait for the peer.
    async fn push(&mut self) -> Result<(), HttpError> {
        self.flush().await.map_err(|_| HttpError::Broken)
    }

    /// Says that no more will be written, and leaves what comes to be read.
    async fn close(&mut self) {}

    /// Whether nobody else can read it, and it is known to the client to be from the host that it
    /// means: requests for what is named by `https` are taken of such a stream alone
    /// (RFC 9110 §7.4).
    fn is_secured(&self) -> bool {
        false
    }

    /// Whether the peer has neither ended it nor sent anything that was not read: a client sends its next
    /// request on such a stream alone.
    fn is_idle(&mut self) -> bool {
        true
    }

    /// The address and port of the client.
    fn peer(&self) -> Option<SocketAddr> {
        None
    }
}

/// Writes all of it.
pub(super) async fn write_all(
    stream: &mut (impl Write + ?Sized),
    mut bytes: &[u8],
) -> Result<(), HttpError> {
    while !bytes.is_empty() {
        match stream.write(bytes).await {
            Ok(0) | Err(_) => return Err(HttpError::Broken),
            Ok(length) => bytes = bytes.get(length..).unwrap_or(&[]),
        }
    }
    Ok(())
}

/// Without a copy: static memory becomes a view of the send queue, which the driver reads from.
impl HttpStream for TcpSocket<'_> {
    async fn write_static(&mut self, head: &[u8], bytes: &'static [u8]) -> Result<(), HttpError> {
        // Nothing is taken from the pool before there is room in the queue for it.
        self.writable().await;
        if let Ok(data) = gather(self.pool(), head, bytes) {
            return send(self, data).await;
        }
        write_all(self, head).await?;
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match gather(self.pool(), &[], rest) {
                Ok(data) => return send(self, data).await,
                // There is no view to be had: what there is room for is copied meanwhile.
                Err(NoBuffer) => match Self::write(self, rest).await {
                    Ok(0) | Err(_) => return Err(HttpError::Broken),
                    Ok(length) => rest.get(length..).unwrap_or(&[]),
                },
            };
        }
        Ok(())
    }

    /// Nothing waits: the stack sends as soon as it can.
    async fn push(&mut self) -> Result<(), HttpError> {
        Ok(())
    }

    async fn close(&mut self) {
        self.shutdown();
    }

    fn is_idle(&mut self) -> bool {
        self.state() == TcpState::Established && !self.is_readable()
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr()
    }
}

async fn send(socket: &mut TcpSocket<'_>, data: NetBuf) -> Result<(), HttpError> {
    let sent: Result<(), TcpError> = socket.send(data).await;
    sent.map_err(|_| HttpError::Broken)
}

/// A buffer of a copy and of a view.
fn gather(pool: Pool, head: &[u8], bytes: &'static [u8]) -> Result<NetBuf, NoBuffer> {
    let view = pool.from_static(bytes)?;
    if head.is_empty() {
        return Ok(view);
    }
    let mut data = pool.alloc(crate::netbuf::Purpose::Send, 0)?;
    data.append(head)?;
    data.join(view).map_err(|_| NoBuffer)?;
    Ok(data)
}

/// Any stream that can be read and written: a pipe of a test, a serial line.
#[derive(Debug)]
pub struct Plain<S>(pub S);

impl<S: ErrorType> ErrorType for Plain<S> {
    type Error = S::Error;
}

impl<S: Read> Read for Plain<S> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, S::Error> {
        self.0.read(to).await
    }
}

impl<S: Write> Write for Plain<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.0.flush().await
    }
}

impl<S: Read + Write> HttpStream for Plain<S> {}
