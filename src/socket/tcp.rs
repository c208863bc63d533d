//! TCP sockets.

use core::future::poll_fn;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Poll;

use embedded_io_async::{ErrorKind, ErrorType};

use crate::ip::Unreachable;
use crate::netbuf::{Charge, NetBuf, NoBuffer, Purpose};
use crate::stack::route::socket_addr;
use crate::stack::tcp::TcpOpenError;
#[cfg(feature = "temporary-addresses")]
use crate::stack::temporary::SourcePreference;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::tcp::connection::{Connection, Flags};
use crate::tcp::{TcpError, TcpState};
use crate::time::Duration;

impl embedded_io_async::Error for TcpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Unreachable(_) => ErrorKind::Other,
            Self::Aborted => ErrorKind::ConnectionAborted,
        }
    }
}

/// Why a connection did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConnectError {
    /// It could not even be begun.
    Open(TcpOpenError),
    /// The peer or the network would not have it.
    Failed(TcpError),
}

impl core::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Open(error) => core::fmt::Display::fmt(error, f),
            Self::Failed(error) => core::fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for ConnectError {}

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpInfo {
    /// The state of the connection.
    pub state: TcpState,
    /// The smoothed round-trip time, once there is one.
    pub rtt: Option<Duration>,
    /// The congestion window in bytes.
    pub cwnd: u32,
    /// The peer's window in bytes.
    pub send_window: u32,
    /// Bytes of data in a full segment.
    pub mss: u16,
    /// Bytes that were sent and are not acknowledged.
    pub in_flight: u32,
    /// Segments with data, or our FIN, that were sent again; it stops at 65,535.
    pub retransmitted: u16,
    /// Bytes that wait to be read.
    pub received: usize,
    /// Bytes that were written and are not acknowledged.
    pub written: usize,
}

/// Accepts connections on a port. Dropped, it refuses them; those not yet accepted are reset.
pub struct TcpListener<'a> {
    stack: Stack<'a>,
    index: u16,
}

impl<'a> TcpListener<'a> {
    /// Listens on `local`; the unspecified address of either version stands for all addresses of
    /// both. `backlog` connections may wait to be accepted.
    pub fn bind(stack: Stack<'a>, local: SocketAddr, backlog: u16) -> Result<Self, TcpOpenError> {
        let index = stack.visit(|core| core.tcp_listen(local, backlog))?;
        Ok(Self { stack, index })
    }

    /// The traffic class of the connections from here on, their handshakes too: see
    /// [`TcpSocket::set_traffic_class`].
    pub fn set_traffic_class(&mut self, traffic_class: u8) {
        self.stack.visit(|core| {
            if let Some(listener) = core.listeners.get_mut(self.index) {
                listener.traffic_class = traffic_class & !3;
            }
        });
    }

    /// Takes a connection that waits, if there is one.
    pub fn try_accept(&self) -> Option<TcpSocket<'a>> {
        let index = self.stack.visit(|core| core.tcp_accept(self.index))?;
        Some(TcpSocket::new(self.stack, index))
    }

    /// Waits for a connection.
    pub async fn accept(&self) -> TcpSocket<'a> {
        poll_fn(|context| {
            if let Some(socket) = self.try_accept() {
                return Poll::Ready(socket);
            }
            self.stack
                .visit(|core| core.wait(WaitKey::listener(self.index), context.waker()));
            Poll::Pending
        })
        .await
    }
}

impl Drop for TcpListener<'_> {
    fn drop(&mut self) {
        self.stack.visit(|core| core.tcp_unlisten(self.index));
    }
}

/// Any address and port of this host, for either version.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A TCP connection. Dropped, it is closed in good order, or reset if there are data that nobody
/// has read (RFC 2525 §2.17).
///
/// Each way to wait can be given up without losing anything. The forms that begin with `try` do
/// not wait.
pub struct TcpSocket<'a> {
    stack: Stack<'a>,
    index: u16,
    /// What is being read, out of the queue.
    current: Option<NetBuf>,
}

impl<'a> TcpSocket<'a> {
    const fn new(stack: Stack<'a>, index: u16) -> Self {
        Self {
            stack,
            index,
            current: None,
        }
    }

    /// Connects to `remote`. To drop the future is to give up.
    pub async fn connect(stack: Stack<'a>, remote: SocketAddr) -> Result<Self, ConnectError> {
        Self::connect_from(stack, ANY, remote).await
    }

    /// Connects to `remote` from `local` (RFC 9293 §3.9.1.1): the route chooses the address where it is
    /// unspecified, and chance the port where it is 0.
    pub async fn connect_from(
        stack: Stack<'a>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Self, ConnectError> {
        let socket = Self::begin_from(stack, local, remote).map_err(ConnectError::Open)?;
        poll_fn(|context| {
            socket.poll(context, |connection| match connection.state {
                TcpState::SynSent | TcpState::SynReceived => None,
                TcpState::Closed => Some(Err(connection.error().unwrap_or(TcpError::Reset))),
                _ => Some(Ok(())),
            })
        })
        .await
        .map_err(ConnectError::Failed)?;
        Ok(socket)
    }

    /// Begins to connect to `remote`, and does not wait for the outcome: see [`TcpSocket::state`].
    pub fn begin(stack: Stack<'a>, remote: SocketAddr) -> Result<Self, TcpOpenError> {
        Self::begin_from(stack, ANY, remote)
    }

    /// As [`TcpSocket::begin`], from `local`: see [`TcpSocket::connect_from`].
    pub fn begin_from(
        stack: Stack<'a>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Self, TcpOpenError> {
        let index = stack.visit(|core| core.tcp_connect(local, remote))?;
        Ok(Self::new(stack, index))
    }

    /// As [`TcpSocket::connect`], from an address that suits this preference (RFC 5014 §5),
    /// whatever the stack prefers.
    #[cfg(feature = "temporary-addresses")]
    pub async fn connect_preferring(
        stack: Stack<'a>,
        preference: SourcePreference,
        remote: SocketAddr,
    ) -> Result<Self, ConnectError> {
        let source = stack.with(|core| core.tcp_source(preference, remote));
        let source = source.map_err(ConnectError::Open)?;
        Self::connect_from(stack, SocketAddr::new(source, 0), remote).await
    }

    /// The state of the connection.
    pub fn state(&self) -> TcpState {
        self.get(|connection| connection.state)
            .unwrap_or(TcpState::Closed)
    }

    /// Why the connection ended before its time, if it did.
    pub fn error(&self) -> Option<TcpError> {
        self.get(Connection::error)?
    }

    /// What is known of the connection.
    pub fn info(&self) -> Option<TcpInfo> {
        self.get(|connection| TcpInfo {
            state: connection.state,
            rtt: connection.rtt.srtt(),
            cwnd: connection.congestion.window(),
            send_window: connection.wnd,
            mss: connection.mss(),
            in_flight: connection.flight(),
            retransmitted: connection.retransmitted,
            received: connection.received.len(),
            written: connection.to_send.len(),
        })
    }

    /// The address and port of this end.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.with_interface(|c, id| socket_addr(c.local, c.local_port, id))
    }

    /// The address and port of the other end. The scope id of a link-local address is the number of
    /// the interface, counted from 1.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.with_interface(|c, id| socket_addr(c.remote, c.remote_port, id))
    }

    fn with_interface<R>(
        &self,
        read: impl FnOnce(&Connection, Option<InterfaceId>) -> R,
    ) -> Option<R> {
        self.stack.visit(|core| {
            let connection = core.tcp.get(self.index)?;
            Some(read(connection, core.holder(connection.local)))
        })
    }

    /// Copies what has been received into `to`: `None` if that is nothing yet, 0 bytes at the end.
    pub fn try_read(&mut self, to: &mut [u8]) -> Option<Result<usize, TcpError>> {
        if to.is_empty() {
            return Some(Ok(0));
        }
        let mut done = 0;
        while let Some(Ok(from)) = self.try_fill_buf() {
            let rest = to.get_mut(done..).unwrap_or(&mut []);
            let length = from.len().min(rest.len());
            if length == 0 {
                break;
            }
            for (to, from) in rest.iter_mut().zip(from) {
                *to = *from;
            }
            self.advance(length);
            done += length;
        }
        match done {
            0 => self.try_fill_buf().map(|result| result.map(|_| 0)),
            done => Some(Ok(done)),
        }
    }

    /// What has been received and lies in one piece, where it is: `None` if there is nothing yet,
    /// an empty slice at the end. [`TcpSocket::advance`] gives it up.
    pub fn try_fill_buf(&mut self) -> Option<Result<&[u8], TcpError>> {
        if self.current.as_ref().is_none_or(NetBuf::is_empty) {
            self.current = None;
            match self.try_take()? {
                Ok(taken) => self.current = taken,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(self
            .current
            .as_ref()
            .map_or(&[], |current| current.first())))
    }

    /// Gives up the first `length` bytes of what was received.
    pub fn advance(&mut self, length: usize) {
        if let Some(current) = &mut self.current {
            current.advance(length);
            if current.is_empty() {
                self.current = None;
                // Blocks are free: the window may open by what they hold.
                self.set(|_| {});
            }
        }
    }

    /// All that has been received, as it is: `None` if that is nothing yet, `Ok(None)` at the end.
    fn try_take(&self) -> Option<Result<Option<NetBuf>, TcpError>> {
        self.stack.transfer(|core| {
            let Some(connection) = core.tcp.get_mut(self.index) else {
                return Some(Ok(None));
            };
            if !connection.received.is_empty() {
                let length = connection.received.len();
                let taken = connection.received.split_to(length).ok();
                // The window may open by what was taken.
                core.tcp_settle(self.index);
                return Some(Ok(taken));
            }
            match (connection.state, connection.error()) {
                (_, Some(error)) => Some(Err(error)),
                (TcpState::Closed, None) => Some(Ok(None)),
                _ if connection.flags.contains(Flags::FIN_RECEIVED) => Some(Ok(None)),
                _ => None,
            }
        })
    }

    /// Waits for data, and gives all that has been received as it is; `None` at the end.
    pub async fn recv(&mut self) -> Result<Option<NetBuf>, TcpError> {
        if let Some(current) = self.current.take().filter(|current| !current.is_empty()) {
            return Ok(Some(current));
        }
        loop {
            self.readable().await;
            if let Some(result) = self.try_take() {
                return result;
            }
        }
    }

    /// Waits until there is something to read, or the end.
    pub async fn readable(&self) {
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

    /// Writes a copy of as much of `data` as there is room for: `None` if there is none now.
    pub fn try_write(&mut self, data: &[u8]) -> Option<Result<usize, TcpError>> {
        if data.is_empty() {
            return Some(Ok(0));
        }
        self.stack.transfer(|core| {
            let pool = core.pool;
            let Some(connection) = core.tcp.get_mut(self.index) else {
                return Some(Err(TcpError::Aborted));
            };
            let room = match connection.room_to_write() {
                Ok(room) => room.min(data.len()),
                Err(error) => return Some(Err(error)),
            };
            let written = connection.write(pool, data.get(..room).unwrap_or(&[]));
            if written > 0 {
                core.tcp_settle(self.index);
            }
            (written > 0).then_some(Ok(written))
        })
    }

    /// Writes `data` as they are. On an error gives back what was not taken: there is no room for
    /// it now (`None`), or the connection is over.
    pub fn try_send(&mut self, data: NetBuf) -> Result<(), (NetBuf, Option<TcpError>)> {
        if data.is_empty() {
            return Ok(());
        }
        self.stack.transfer(|core| {
            let Some(connection) = core.tcp.get_mut(self.index) else {
                return Err((data, Some(TcpError::Aborted)));
            };
            match connection.room_to_write() {
                Ok(0) => return Err((data, None)),
                Ok(_) => {}
                Err(error) => return Err((data, Some(error))),
            }
            let left = connection.push(data);
            core.tcp_settle(self.index);
            left.map_or(Ok(()), |left| Err((left, None)))
        })
    }

    /// Writes `data` as they are, and waits for room where there is none. To drop the future is to
    /// lose what was not taken yet.
    pub async fn send(&mut self, mut data: NetBuf) -> Result<(), TcpError> {
        loop {
            match self.try_send(data) {
                Ok(()) => return Ok(()),
                Err((_, Some(error))) => return Err(error),
                Err((left, None)) => data = left,
            }
            self.room().await;
        }
    }

    /// Waits until there is room to write, or the connection is over.
    pub async fn writable(&self) {
        poll_fn(|context| {
            self.poll(context, |connection| {
                (!matches!(connection.room_to_write(), Ok(0))).then_some(())
            })
        })
        .await;
    }

    /// Writes a copy of `data`, or the beginning of it, and waits for room if there is none.
    pub async fn write(&mut self, data: &[u8]) -> Result<usize, TcpError> {
        loop {
            if let Some(result) = self.try_write(data) {
                return result;
            }
            self.room().await;
        }
    }

    /// Waits until there is room to write, in the pool too.
    async fn room(&self) {
        self.writable().await;
        if matches!(self.get(Connection::room_to_write), Some(Ok(1..))) {
            // There is room in the quota, and none in the pool.
            let pool = self.stack.pool();
            drop(pool.alloc_async(Purpose::Send, 0).await);
        }
    }

    /// Waits until all that was written is acknowledged.
    pub async fn flush(&mut self) -> Result<(), TcpError> {
        poll_fn(|context| {
            self.poll(context, |connection| match connection.error() {
                Some(error) => Some(Err(error)),
                None if connection.to_send.is_empty() => Some(Ok(())),
                None => None,
            })
        })
        .await
    }

    /// Says that no more will be written: the peer reads the end behind what was.
    pub fn shutdown(&mut self) {
        self.stack.visit(|core| {
            if let Some(connection) = core.tcp.get_mut(self.index) {
                connection.close_send();
                core.tcp_settle(self.index);
            }
        });
    }

    /// Ends the connection with a reset. What waits to be sent is lost.
    pub fn abort(self) {
        self.stack.visit(|core| core.tcp_abort(self.index));
    }

    /// Whether small segments wait for company (Nagle, RFC 9293 §3.7.4); at first they do.
    pub fn set_nagle(&mut self, nagle: bool) {
        self.set(|connection| connection.flags.set(Flags::NO_DELAY, !nagle));
    }

    /// After how much silence the peer is asked whether it is there, in whole seconds; `None`:
    /// never, as at first.
    pub fn set_keepalive(&mut self, after: Option<Duration>) {
        let now = self.stack.now();
        self.set(|connection| {
            connection.flags.set(Flags::KEEPALIVE, after.is_some());
            if let Some(after) = after {
                connection.keepalive_after = after.as_secs().clamp(1, 65_535) as u16;
            }
            connection.arm_keepalive(now);
        });
    }

    /// How long sent data may stay without an acknowledgement before the connection is given up,
    /// in whole seconds; zero: for ever (RFC 5482).
    pub fn set_user_timeout(&mut self, timeout: Duration) {
        self.set(|c| c.user_timeout = timeout.as_secs().min(65_535) as u16);
    }

    /// How many bytes may wait: received ones to be read, and written ones to be acknowledged. The
    /// window that was offered does not shrink.
    pub fn set_quota(&mut self, receive: u32, send: u32) {
        self.set(|connection| {
            (connection.receive_quota, connection.send_quota) = (receive, send);
        });
    }

    /// TTL or hop limit of what is sent; 0 stands for the default, 64.
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.set(|connection| connection.hop_limit = hop_limit);
    }

    /// The Differentiated Services codepoint of what is sent, in the upper six bits as in the field of
    /// the IP header (RFC 2474 §3). The two bits of ECN are the stack's own and passed over. A connection
    /// that was accepted begins with that of its listener (RFC 9293 §3.9.1.9).
    pub fn set_traffic_class(&mut self, traffic_class: u8) {
        self.set(|connection| connection.traffic_class = traffic_class & !3);
    }

    /// What ICMP or a neighbour said last about what was sent, if the peer has not been heard of since
    /// (RFC 9293 §3.9.1.8). It ends no connection; but if one ends for want of an answer, it is the
    /// reason.
    pub fn soft_error(&self) -> Option<Unreachable> {
        self.get(Connection::soft_error).flatten()
    }

    /// The transmit queue, of [`TRAFFIC_CLASSES`](crate::config::TRAFFIC_CLASSES), that segments
    /// wait in: the higher, the sooner they are sent.
    pub fn set_priority(&mut self, class: u8) {
        self.set(|connection| connection.class = class);
    }

    fn set(&self, change: impl FnOnce(&mut Connection)) {
        self.stack.visit(|core| {
            if let Some(connection) = core.tcp.get_mut(self.index) {
                change(connection);
                core.tcp_settle(self.index);
            }
        });
    }

    fn get<R>(&self, read: impl FnOnce(&Connection) -> R) -> Option<R> {
        self.stack.visit(|core| core.tcp.get(self.index).map(read))
    }

    fn poll<R>(
        &self,
        context: &mut core::task::Context<'_>,
        look: impl FnOnce(&Connection) -> Option<R>,
    ) -> Poll<R> {
        self.stack
            .visit(|core| match core.tcp.get(self.index).and_then(look) {
                Some(result) => Poll::Ready(result),
                None => {
                    core.wait(WaitKey::tcp(self.index), context.waker());
                    Poll::Pending
                }
            })
    }
}

impl Drop for TcpSocket<'_> {
    fn drop(&mut self) {
        let unread = self
            .current
            .take()
            .is_some_and(|current| !current.is_empty());
        self.stack.visit(|core| match unread {
            true => core.tcp_abort(self.index),
            false => core.tcp_release(self.index),
        });
    }
}

impl ErrorType for TcpSocket<'_> {
    type Error = TcpError;
}

impl embedded_io_async::Read for TcpSocket<'_> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, TcpError> {
        loop {
            if let Some(result) = self.try_read(to) {
                return result;
            }
            self.readable().await;
        }
    }
}

impl embedded_io_async::BufRead for TcpSocket<'_> {
    async fn fill_buf(&mut self) -> Result<&[u8], TcpError> {
        while self.current.as_ref().is_none_or(NetBuf::is_empty) {
            match self.recv().await? {
                Some(taken) => self.current = Some(taken),
                None => return Ok(&[]),
            }
        }
        Ok(self.current.as_ref().map_or(&[], |current| current.first()))
    }

    fn consume(&mut self, length: usize) {
        self.advance(length);
    }
}

impl embedded_io_async::Write for TcpSocket<'_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, TcpError> {
        Self::write(self, data).await
    }

    async fn flush(&mut self) -> Result<(), TcpError> {
        Self::flush(self).await
    }
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

    /// Appends a copy of as much of `data` as the pool has blocks for.
    fn write(&mut self, pool: crate::netbuf::Pool, data: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = data.get(done..).filter(|rest| !rest.is_empty()) {
            let room = self.to_send.room_in_last();
            if room > 0 {
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
            let part = rest.get(..block.tailroom()).unwrap_or(rest);
            let appended: Result<(), NoBuffer> = block.append(part);
            if appended.is_err() || self.to_send.push(block).is_err() {
                break;
            }
            done += part.len();
        }
        done
    }
}
