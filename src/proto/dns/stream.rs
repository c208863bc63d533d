//! Messages by TCP, each behind its length (RFC 1035 §4.2.2, RFC 7766 §8).

use crate::netbuf::{NetBuf, NoBuffer, Pool, Purpose};
use crate::socket::{TcpError, TcpSocket};

/// Why no message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) enum StreamError {
    /// The connection is broken.
    Broken(TcpError),
    /// The peer has said all.
    Ended,
    /// It came in too many pieces.
    TooLong,
}

/// A message behind its length.
pub(in crate::proto) fn message_buf(pool: Pool, message: &[u8]) -> Result<NetBuf, NoBuffer> {
    let mut buf = pool.alloc(Purpose::Send, 0)?;
    buf.append(&(message.len() as u16).to_be_bytes())?;
    buf.append(message)?;
    Ok(buf)
}

/// Waits for the next message, or as much of it as is looked at.
pub(in crate::proto) async fn read_message(
    socket: &mut TcpSocket<'_>,
    most: usize,
) -> Result<NetBuf, StreamError> {
    let mut message: Option<NetBuf> = None;
    loop {
        let received = socket.recv().await.map_err(StreamError::Broken)?;
        let received = received.ok_or(StreamError::Ended)?;
        let whole = match message.take() {
            Some(mut message) => match message.join(received) {
                Ok(()) => message,
                Err(_) => return Err(StreamError::TooLong),
            },
            None => received,
        };
        if length(&whole).is_some_and(|length| whole.len() >= 2 + length.min(most)) {
            return Ok(whole);
        }
        message = Some(whole);
    }
}

/// Copies the message to `to`, as much of it as fits; says how much that is, and whether there is
/// more.
pub(in crate::proto) fn copy_message(buf: &NetBuf, to: &mut [u8]) -> Option<(usize, bool)> {
    let length = length(buf)?;
    let most = length.min(to.len());
    let there = buf.read(2, to.get_mut(..most)?);
    Some((there, length > there))
}

/// The length that stands before a message.
fn length(buf: &NetBuf) -> Option<usize> {
    let mut octets = [0; 2];
    (buf.read(0, &mut octets) == 2).then(|| usize::from(u16::from_be_bytes(octets)))
}
