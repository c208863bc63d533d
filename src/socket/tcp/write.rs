//! What goes out over a connection.

use core::future::poll_fn;
use core::marker::PhantomData;
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{ErrorType, Write, WriteReady};

use super::{Handle, TcpSocket};
use crate::netbuf::{Charge, NetBuf, NoBuffer, Purpose};
use crate::stack::waiters::WaitKey;
use crate::tcp::connection::{Connection, Flags};
use crate::tcp::{TcpError, TcpState};

/// The sending direction of a [`TcpSocket`]: see [`TcpSocket::split`].
pub struct TcpWriter<'s, 'a> {
    pub(super) handle: Handle<'a>,
    /// The socket is borrowed meanwhile.
    pub(super) socket: PhantomData<&'s mut TcpSocket<'a>>,
}

impl Handle<'_> {
    fn room_to_write(self) -> Result<usize, TcpError> {
        let room = self.get(Connection::room_to_write);
        room.unwrap_or(Err(TcpError::Aborted))
    }

    pub(crate) async fn writable(self) {
        let pool = self.stack.pool();
        let mut block = pin!(pool.alloc_async(Purpose::Send, 0));
        poll_fn(|context| {
            let is_open = self.poll(context, |connection| match connection.room_to_write() {
                Ok(0) => None,
                room => Some(room.is_ok()),
            });
            match is_open {
                Poll::Ready(true) => {}
                other => return other.map(|_| ()),
            }
            // There is room in the quota, and perhaps none in the pool; the connection may end meanwhile.
            let has_block = block.as_mut().poll(context).map(drop);
            if has_block.is_pending() {
                let key = WaitKey::tcp(self.index);
                self.stack.visit(|core| core.wait(key, context.waker()));
            }
            has_block
        })
        .await;
    }
}

impl TcpWriter<'_, '_> {
    /// As [`TcpSocket::try_write`].
    pub fn try_write(&mut self, data: &[u8]) -> Option<Result<usize, TcpError>> {
        if data.is_empty() {
            return Some(Ok(0));
        }
        self.handle.stack.transfer(|core| {
            let pool = core.pool;
            let Some(connection) = core.tcp.get_mut(self.handle.index) else {
                return Some(Err(TcpError::Aborted));
            };
            let room = match connection.room_to_write() {
                Ok(room) => room.min(data.len()),
                Err(error) => return Some(Err(error)),
            };
            let written = connection.write(pool, data.get(..room).unwrap_or(&[]));
            if written > 0 {
                core.tcp_settle(self.handle.index);
            }
            (written > 0).then_some(Ok(written))
        })
    }

    /// As [`TcpSocket::try_send`].
    pub fn try_send(&mut self, data: NetBuf) -> Result<(), (NetBuf, Option<TcpError>)> {
        if data.is_empty() {
            return Ok(());
        }
        self.handle.stack.transfer(|core| {
            let Some(connection) = core.tcp.get_mut(self.handle.index) else {
                return Err((data, Some(TcpError::Aborted)));
            };
            match connection.room_to_write() {
                Ok(0) => return Err((data, None)),
                Ok(_) => {}
                Err(error) => return Err((data, Some(error))),
            }
            let left = connection.push(data);
            core.tcp_settle(self.handle.index);
            left.map_or(Ok(()), |left| Err((left, None)))
        })
    }

    /// As [`TcpSocket::send`].
    pub async fn send(&mut self, mut data: NetBuf) -> Result<(), TcpError> {
        loop {
            match self.try_send(data) {
                Ok(()) => return Ok(()),
                Err((_, Some(error))) => return Err(error),
                Err((left, None)) => data = left,
            }
            self.handle.writable().await;
        }
    }

    /// As [`TcpSocket::writable`].
    pub async fn writable(&self) {
        self.handle.writable().await;
    }

    /// As [`TcpSocket::write`].
    pub async fn write(&mut self, data: &[u8]) -> Result<usize, TcpError> {
        loop {
            if let Some(result) = self.try_write(data) {
                return result;
            }
            self.handle.writable().await;
        }
    }

    /// As [`TcpSocket::flush`].
    pub async fn flush(&mut self) -> Result<(), TcpError> {
        poll_fn(|context| {
            self.handle
                .poll(context, |connection| match connection.error() {
                    Some(error) => Some(Err(error)),
                    None if connection.to_send.is_empty() => Some(Ok(())),
                    None => None,
                })
        })
        .await
    }

    /// As [`TcpSocket::room_to_write`].
    pub fn room_to_write(&self) -> Result<usize, TcpError> {
        self.handle.room_to_write()
    }

    /// As [`TcpSocket::shutdown`].
    pub fn shutdown(&mut self) {
        self.handle.stack.visit(|core| {
            if let Some(connection) = core.tcp.get_mut(self.handle.index) {
                connection.close_send();
                core.tcp_settle(self.handle.index);
            }
        });
    }
}

impl TcpSocket<'_> {
    /// Writes a copy of as much of `data` as there is room for: `None` if there is none now.
    pub fn try_write(&mut self, data: &[u8]) -> Option<Result<usize, TcpError>> {
        self.writer().try_write(data)
    }

    /// Writes `data` as they are. On an error gives back what was not taken: there is no room for
    /// it now (`None`), or the connection is over.
    pub fn try_send(&mut self, data: NetBuf) -> Result<(), (NetBuf, Option<TcpError>)> {
        self.writer().try_send(data)
    }

    /// Writes `data` as they are, and waits for room where there is none. To drop the future is to
    /// lose what was not taken yet: who may give up waits with [`TcpSocket::writable`], and then calls
    /// [`TcpSocket::try_send`].
    pub async fn send(&mut self, data: NetBuf) -> Result<(), TcpError> {
        self.writer().send(data).await
    }

    /// Waits until there is room to write, in the pool too, or the connection is over.
    pub async fn writable(&self) {
        self.handle.writable().await;
    }

    /// Writes a copy of `data`, or the beginning of it, and waits for room if there is none.
    pub async fn write(&mut self, data: &[u8]) -> Result<usize, TcpError> {
        self.writer().write(data).await
    }

    /// Waits until all that was written is acknowledged.
    pub async fn flush(&mut self) -> Result<(), TcpError> {
        self.writer().flush().await
    }

    /// How many bytes may be written now, as far as the quota goes.
    pub fn room_to_write(&self) -> Result<usize, TcpError> {
        self.handle.room_to_write()
    }

    /// Says that no more will be written: the peer reads the end behind what was.
    pub fn shutdown(&mut self) {
        self.writer().shutdown();
    }
}

macro_rules! write {
    ($($socket:ty;)*) => {$(
        impl Write for $socket {
            async fn write(&mut self, data: &[u8]) -> Result<usize, TcpError> {
                Self::write(self, data).await
            }

            async fn flush(&mut self) -> Result<(), TcpError> {
                Self::flush(self).await
            }
        }

        impl WriteReady for $socket {
            fn write_ready(&mut self) -> Result<bool, TcpError> {
                self.room_to_write().map(|room| room > 0)
            }
        }
    )*};
}

impl ErrorType for TcpWriter<'_, '_> {
    type Error = TcpError;
}

write! {
    TcpSocket<'_>;
    TcpWriter<'_, '_>;
}

impl Connection {
    /// How many bytes may be written now.
    fn room_to_write(&self) -> Result<usize, TcpError> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        let open = matches!(
            self.state,
            TcpState::SynSent | TcpState::SynReceived | TcpState::Established | TcpState::CloseWait
        );
        if !open || self.flags.contains(Flags::FIN_WANTED) {
            return Err(TcpError::Aborted);
        }
        Ok((self.send_quota as usize).saturating_sub(self.to_send.len()))
    }

    /// Appends as much of `data` as may be charged as sent, and gives back the rest. What is charged
    /// stands in the queue, so that two with much to write never wait for each other.
    fn push(&mut self, data: NetBuf) -> Option<NetBuf> {
        let mut rest = Some(data);
        while let Some(mut data) = rest.take() {
            let first = data.fragments().next().map_or(0, <[u8]>::len);
            let mut piece = match data.len() > first {
                true => match data.split_to(first) {
                    Ok(piece) => {
                        rest = Some(data);
                        piece
                    }
                    Err(_) => return Some(data),
                },
                false => data,
            };
            let charged = piece.set_charge(Charge::Send).is_ok();
            let refused = match charged {
                true => self.to_send.push(piece).err(),
                false => Some(piece),
            };
            if let Some(mut refused) = refused {
                if let Some(rest) = rest {
                    // They were one before.
                    let _: Result<(), NetBuf> = refused.join(rest);
                }
                return Some(refused);
            }
        }
        None
    }

    /// Appends a copy of as much of `data` as the pool has blocks for. Where full segments fit into a
    /// block, none lies across two of them, unless that would waste more than an eighth.
    fn write(&mut self, pool: crate::netbuf::Pool, data: &[u8]) -> usize {
        let mss = usize::from(self.mss()).max(1);
        let spare = pool.block_size() / 8;
        let mut done = 0;
        while let Some(rest) = data.get(done..).filter(|rest| !rest.is_empty()) {
            let room = self.to_send.room_in_last();
            if room >= rest.len() || room > spare {
                let part = rest.get(..room).unwrap_or(rest);
                if self.to_send.append(part).is_err() {
                    break;
                }
                done += part.len();
                continue;
            }
            let Ok(mut block) = pool.alloc(Purpose::Send, 0) else {
                break;
            };
            let room = block.tailroom();
            let beyond = room % mss;
            let room = if beyond <= spare { room - beyond } else { room };
            let part = rest.get(..room).unwrap_or(rest);
            let appended: Result<(), NoBuffer> = block.append(part);
            if appended.is_err() || self.to_send.push(block).is_err() {
                break;
            }
            done += part.len();
        }
        done
    }
}
