//! TCP sockets: how connections begin and end, and what can be set. [`read`] and [`write`] are what
//! passes over them.

mod read;
mod write;

pub use read::TcpReader;
pub use write::TcpWriter;

use core::future::poll_fn;
use core::marker::PhantomData;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Poll;

use embedded_io_async::ErrorKind;

use crate::ip::Unreachable;
use crate::netbuf::{NetBuf, Pool};
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
        Self::listen(stack, local, backlog, false)
    }

    /// As [`TcpListener::bind`]; here the unspecified address stands for all addresses of its own
    /// version.
    pub fn bind_one_version(
        stack: Stack<'a>,
        local: SocketAddr,
        backlog: u16,
    ) -> Result<Self, TcpOpenError> {
        Self::listen(stack, local, backlog, true)
    }

    fn listen(
        stack: Stack<'a>,
        local: SocketAddr,
        backlog: u16,
        one_version: bool,
    ) -> Result<Self, TcpOpenError> {
        let index = stack.visit(|core| core.tcp_listen(local, backlog, one_version))?;
        Ok(Self { stack, index })
    }

    /// Whether a connection waits to be accepted.
    pub fn has_waiting(&self) -> bool {
        let Self { stack, index } = *self;
        stack.visit(|core| {
            let listener = core.listeners.get(index);
            listener.is_some_and(|listener| !listener.queue.is_empty())
        })
    }

    /// What to wait for.
    #[cfg(any(feature = "bsd-sockets", feature = "http-server"))]
    pub(crate) const fn key(&self) -> WaitKey {
        WaitKey::listener(self.index)
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

    /// TTL or hop limit of the connections from here on, their handshakes too; 0 stands for the
    /// default, 64.
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.stack.visit(|core| {
            if let Some(listener) = core.listeners.get_mut(self.index) {
                listener.hop_limit = hop_limit;
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

/// What leads to a connection.
#[derive(Clone, Copy)]
pub(crate) struct Handle<'a> {
    stack: Stack<'a>,
    index: u16,
}

impl Handle<'_> {
    fn set(self, change: impl FnOnce(&mut Connection)) {
        self.stack.visit(|core| {
            if let Some(connection) = core.tcp.get_mut(self.index) {
                change(connection);
                core.tcp_settle(self.index);
            }
        });
    }

    fn get<R>(self, read: impl FnOnce(&Connection) -> R) -> Option<R> {
        self.stack.visit(|core| core.tcp.get(self.index).map(read))
    }

    /// What to wait for.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) const fn key(self) -> WaitKey {
        WaitKey::tcp(self.index)
    }

    fn poll<R>(
        self,
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

/// Any address and port of this host, for either version.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A TCP connection. Dropped, it is closed in good order, or reset if there are data that nobody
/// has read (RFC 2525 §2.17).
///
/// Each way to wait but [`TcpSocket::send`] can be given up without losing anything. The forms that
/// begin with `try` do not wait.
pub struct TcpSocket<'a> {
    handle: Handle<'a>,
    /// What is being read, out of the queue.
    current: Option<NetBuf>,
}

impl<'a> TcpSocket<'a> {
    const fn new(stack: Stack<'a>, index: u16) -> Self {
        Self {
            handle: Handle { stack, index },
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
        socket.established().await?;
        Ok(socket)
    }

    /// Waits until the connection that was begun is there.
    pub(crate) async fn established(&self) -> Result<(), ConnectError> {
        poll_fn(|context| {
            self.handle
                .poll(context, |connection| match connection.state {
                    TcpState::SynSent | TcpState::SynReceived => None,
                    TcpState::Closed => Some(Err(connection.error().unwrap_or(TcpError::Reset))),
                    _ => Some(Ok(())),
                })
        })
        .await
        .map_err(ConnectError::Failed)
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
        Self::begin_with(stack, local, remote, 0)
    }

    /// As [`TcpSocket::begin_from`], with this TTL or hop limit from the first segment on; 0 stands
    /// for the default.
    pub(crate) fn begin_with(
        stack: Stack<'a>,
        local: SocketAddr,
        remote: SocketAddr,
        hop_limit: u8,
    ) -> Result<Self, TcpOpenError> {
        let index = stack.visit(|core| core.tcp_connect(local, remote, hop_limit))?;
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

    /// What leads to the connection, whoever holds it.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) const fn handle(&self) -> Handle<'a> {
        self.handle
    }

    /// The pool that its data are in.
    pub fn pool(&self) -> Pool {
        self.handle.stack.pool()
    }

    /// The state of the connection.
    pub fn state(&self) -> TcpState {
        self.handle
            .get(|connection| connection.state)
            .unwrap_or(TcpState::Closed)
    }

    /// Why the connection ended before its time, if it did.
    pub fn error(&self) -> Option<TcpError> {
        self.handle.get(Connection::error)?
    }

    /// What is known of the connection.
    pub fn info(&self) -> Option<TcpInfo> {
        self.handle.get(|connection| TcpInfo {
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
        let Handle { stack, index } = self.handle;
        stack.visit(|core| {
            let connection = core.tcp.get(index)?;
            Some(read(connection, core.holder(connection.local)))
        })
    }

    /// The two directions apart, for two tasks: each can be waited for by itself.
    pub const fn split(&mut self) -> (TcpReader<'_, 'a>, TcpWriter<'_, 'a>) {
        let Self { handle, current } = self;
        let handle = *handle;
        let socket = PhantomData;
        (TcpReader { handle, current }, TcpWriter { handle, socket })
    }

    const fn reader(&mut self) -> TcpReader<'_, 'a> {
        TcpReader {
            handle: self.handle,
            current: &mut self.current,
        }
    }

    const fn writer(&mut self) -> TcpWriter<'_, 'a> {
        TcpWriter {
            handle: self.handle,
            socket: PhantomData,
        }
    }

    /// Ends the connection with a reset. What waits to be sent is lost.
    pub fn abort(self) {
        self.handle
            .stack
            .visit(|core| core.tcp_abort(self.handle.index));
    }

    /// Whether small segments wait for company (Nagle, RFC 9293 §3.7.4); at first they do.
    pub fn set_nagle(&mut self, nagle: bool) {
        self.handle
            .set(|connection| connection.flags.set(Flags::NO_DELAY, !nagle));
    }

    /// After how much silence the peer is asked whether it is there, in whole seconds; `None`:
    /// never, as at first.
    pub fn set_keepalive(&mut self, after: Option<Duration>) {
        let now = self.handle.stack.now();
        self.handle.set(|connection| {
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
        self.handle
            .set(|c| c.user_timeout = timeout.as_secs().min(65_535) as u16);
    }

    /// How many bytes may wait: received ones to be read, and written ones to be acknowledged. The
    /// window that was offered does not shrink.
    pub fn set_quota(&mut self, receive: u32, send: u32) {
        self.handle.set(|connection| {
            (connection.receive_quota, connection.send_quota) = (receive, send);
        });
    }

    /// TTL or hop limit of what is sent; 0 stands for the default, 64.
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.handle
            .set(|connection| connection.hop_limit = hop_limit);
    }

    /// The Differentiated Services codepoint of what is sent, in the upper six bits as in the field of
    /// the IP header (RFC 2474 §3). The two bits of ECN are the stack's own and passed over. A connection
    /// that was accepted begins with that of its listener (RFC 9293 §3.9.1.9).
    pub fn set_traffic_class(&mut self, traffic_class: u8) {
        self.handle
            .set(|connection| connection.traffic_class = traffic_class & !3);
    }

    /// What ICMP or a neighbour said last about what was sent, if the peer has not been heard of since
    /// (RFC 9293 §3.9.1.8). It ends no connection; but if one ends for want of an answer, it is the
    /// reason.
    pub fn soft_error(&self) -> Option<Unreachable> {
        self.handle.get(Connection::soft_error).flatten()
    }

    /// The transmit queue, of [`TRAFFIC_CLASSES`](crate::config::TRAFFIC_CLASSES), that segments
    /// wait in: the higher, the sooner they are sent.
    pub fn set_priority(&mut self, class: u8) {
        self.handle.set(|connection| connection.class = class);
    }
}

impl Drop for TcpSocket<'_> {
    fn drop(&mut self) {
        let unread = self
            .current
            .take()
            .is_some_and(|current| !current.is_empty());
        self.handle.stack.visit(|core| match unread {
            true => core.tcp_abort(self.handle.index),
            false => core.tcp_release(self.handle.index),
        });
    }
}
