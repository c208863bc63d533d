//! What comes in over a connection.

use core::future::poll_fn;

use embedded_io_async::{BufRead, ErrorType, Read, ReadReady};

use super::{Handle, TcpSocket};
use crate::netbuf::NetBuf;
use crate::tcp::connection::{Connection, Flags};
use crate::tcp::{TcpError, TcpState};

/// The receiving direction of a [`TcpSocket`]: see [`TcpSocket::split`].
pub struct TcpReader<'s, 'a> {
    pub(super) handle: Handle<'a>,
    /// What is being read, out of the queue.
    pub(super) current: &'s mut Option<NetBuf>,
}

impl Handle<'_> {
    /// All that has been received, as it is: `None` if that is nothing yet, `Ok(None)` at the end.
    fn try_take(self) -> Option<Result<Option<NetBuf>, TcpError>> {
        self.stack.transfer(|core| {
            let Some(connection) = core.tcp.get_mut(self.index) else {
                return Some(Ok(None));
            };
            if !connection.received.is_empty() {
                let length = connection.received.len();
                let taken = connection.received.split_to(length).ok();
                core.tcp_taken(self.index);
                return Some(Ok(taken));
            }
            let end = connection.end_of_data()?;
            Some(end.map(|()| None))
        })
    }

    /// Copies what has been received into `to`, which has room: `None` if that is nothing yet, 0 bytes
    /// at the end.
    fn try_read(self, to: &mut [u8]) -> Option<Result<usize, TcpError>> {
        self.stack.transfer(|core| {
            let Some(connection) = core.tcp.get_mut(self.index) else {
                return Some(Ok(0));
            };
            let length = connection.received.read(to);
            if length == 0 {
                let end = connection.end_of_data()?;
                return Some(end.map(|()| 0));
            }
            core.tcp_taken(self.index);
            Some(Ok(length))
        })
    }

    async fn readable(self) {
        poll_fn(|context| {
            self.poll(context, |connection| {
                let ready = !connection.received.is_empty()
                    || connection.state == TcpState::Closed
                    || connection.flags.contains(Flags::FIN_RECEIVED);
                ready.then_some(())
            })
        })
        .await;
    }
}

impl Connection {
    /// Whether no more data come, and why, where all that came was read.
    fn end_of_data(&self) -> Option<Result<(), TcpError>> {
        match (self.state, self.error()) {
            (_, Some(error)) => Some(Err(error)),
            (TcpState::Closed, None) => Some(Ok(())),
            _ if self.flags.contains(Flags::FIN_RECEIVED) => Some(Ok(())),
            _ => None,
        }
    }
}

impl<'s, 'a> TcpReader<'s, 'a> {
    /// As [`TcpSocket::try_read`].
    pub fn try_read(&mut self, to: &mut [u8]) -> Option<Result<usize, TcpError>> {
        if to.is_empty() {
            return Some(Ok(0));
        }
        let done = match self.current {
            Some(current) => current.read(0, to),
            None => 0,
        };
        self.advance(done);
        match to.get_mut(done..) {
            Some(rest @ [_, ..]) => match self.handle.try_read(rest) {
                Some(Ok(more)) => Some(Ok(done + more)),
                _ if done > 0 => Some(Ok(done)),
                other => other,
            },
            _ => Some(Ok(done)),
        }
    }

    /// As [`TcpSocket::try_fill_buf`].
    pub fn try_fill_buf(&mut self) -> Option<Result<&[u8], TcpError>> {
        self.again().try_into_filled()
    }

    /// As [`TcpSocket::advance`].
    pub fn advance(&mut self, length: usize) {
        if let Some(current) = self.current {
            current.advance(length);
            if current.is_empty() {
                *self.current = None;
                let Handle { stack, index } = self.handle;
                stack.transfer(|core| core.tcp_taken(index));
            }
        }
    }

    /// As [`TcpSocket::recv`].
    pub async fn recv(&mut self) -> Result<Option<NetBuf>, TcpError> {
        if let Some(current) = self.current.take().filter(|current| !current.is_empty()) {
            return Ok(Some(current));
        }
        loop {
            self.handle.readable().await;
            if let Some(result) = self.handle.try_take() {
                return result;
            }
        }
    }

    /// As [`TcpSocket::readable`].
    pub async fn readable(&self) {
        if self.current.as_ref().is_none_or(NetBuf::is_empty) {
            self.handle.readable().await;
        }
    }

    const fn again(&mut self) -> TcpReader<'_, 'a> {
        TcpReader {
            handle: self.handle,
            current: self.current,
        }
    }

    fn try_into_filled(self) -> Option<Result<&'s [u8], TcpError>> {
        if self.current.as_ref().is_none_or(NetBuf::is_empty) {
            *self.current = None;
            match self.handle.try_take()? {
                Ok(taken) => *self.current = taken,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(self.current.as_ref().map_or(&[], NetBuf::first)))
    }

    async fn into_filled(mut self) -> Result<&'s [u8], TcpError> {
        while self.current.as_ref().is_none_or(NetBuf::is_empty) {
            match self.recv().await? {
                Some(taken) => *self.current = Some(taken),
                None => return Ok(&[]),
            }
        }
        Ok(self.current.as_ref().map_or(&[], NetBuf::first))
    }

    /// Whether there is something to read now, or the end.
    fn is_ready(&mut self) -> Result<bool, TcpError> {
        self.try_fill_buf()
            .transpose()
            .map(|filled| filled.is_some())
    }
}

impl TcpSocket<'_> {
    /// Copies what has been received into `to`: `None` if that is nothing yet, 0 bytes at the end.
    pub fn try_read(&mut self, to: &mut [u8]) -> Option<Result<usize, TcpError>> {
        self.reader().try_read(to)
    }

    /// What has been received and lies in one piece, where it is: `None` if there is nothing yet,
    /// an empty slice at the end. [`TcpSocket::advance`] gives it up.
    pub fn try_fill_buf(&mut self) -> Option<Result<&[u8], TcpError>> {
        self.reader().try_into_filled()
    }

    /// Gives up the first `length` bytes of what was received.
    pub fn advance(&mut self, length: usize) {
        self.reader().advance(length);
    }

    /// Copies what has been received into `to`, and leaves it to be read: `None` if that is nothing
    /// yet, 0 bytes at the end.
    pub fn try_peek(&mut self, to: &mut [u8]) -> Option<Result<usize, TcpError>> {
        if self.current.as_ref().is_none_or(NetBuf::is_empty) {
            match self.handle.try_take()? {
                Ok(taken) => self.current = taken,
                Err(error) => return Some(Err(error)),
            }
        }
        let Some(current) = &mut self.current else {
            return Some(Ok(0));
        };
        // No more than is asked for leaves the queue, by which the window goes.
        if current.len() < to.len()
            && let Some(Ok(Some(more))) = self.handle.try_take()
            && let Err(more) = current.join(more)
        {
            // Buffers of one pool always join.
            drop(more);
        }
        Some(Ok(current.read(0, to)))
    }

    /// How many bytes wait to be read.
    pub fn unread(&self) -> usize {
        let queued = self.handle.get(|connection| connection.received.len());
        queued.unwrap_or(0) + self.current.as_ref().map_or(0, NetBuf::len)
    }

    /// Whether there is something to read, or the end.
    pub fn is_readable(&self) -> bool {
        let is_over = |connection: &Connection| {
            connection.state == TcpState::Closed || connection.flags.contains(Flags::FIN_RECEIVED)
        };
        self.unread() > 0 || self.handle.get(is_over).unwrap_or(true)
    }

    /// Waits for data, and gives all that has been received as it is; `None` at the end.
    pub async fn recv(&mut self) -> Result<Option<NetBuf>, TcpError> {
        self.reader().recv().await
    }

    /// Waits until there is something to read, or the end.
    pub async fn readable(&self) {
        // The rest of what was read in part is no longer in the queue.
        if self.current.as_ref().is_none_or(NetBuf::is_empty) {
            self.handle.readable().await;
        }
    }
}

macro_rules! read {
    ($($socket:ty, $reader:ident;)*) => {$(
        impl ErrorType for $socket {
            type Error = TcpError;
        }

        impl Read for $socket {
            async fn read(&mut self, to: &mut [u8]) -> Result<usize, TcpError> {
                loop {
                    if let Some(result) = self.try_read(to) {
                        return result;
                    }
                    self.handle.readable().await;
                }
            }
        }

        impl BufRead for $socket {
            async fn fill_buf(&mut self) -> Result<&[u8], TcpError> {
                self.$reader().into_filled().await
            }

            fn consume(&mut self, length: usize) {
                self.advance(length);
            }
        }

        impl ReadReady for $socket {
            fn read_ready(&mut self) -> Result<bool, TcpError> {
                self.$reader().is_ready()
            }
        }
    )*};
}

read! {
    TcpSocket<'_>, reader;
    TcpReader<'_, '_>, again;
}
