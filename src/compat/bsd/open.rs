//! How sockets begin and end: socket, bind, connect, listen, accept, shutdown, close.

use core::net::{IpAddr, SocketAddr};

use super::constants::*;
use super::errno::Errno;
use super::options::{Flags, Options};
use super::pair;
#[cfg(feature = "raw-sockets")]
use super::raw::Raw;
use super::table::{Fd, Slot, Socket, Sockets, open_slot};
use super::wait::{Stall, Way};
use crate::socket::{TcpListener, TcpSocket, TcpState, UdpBind, UdpSocket};
use crate::stack::Stack;
use crate::time::Duration;
use crate::wire::IpAddress;

impl<'a, const N: usize> Sockets<'a, N> {
    /// Opens a socket: `AF_INET` or `AF_INET6`, `SOCK_STREAM` or `SOCK_DGRAM`, perhaps with
    /// `SOCK_NONBLOCK`; the protocol is that of the type, or 0. Or (feature `raw-sockets`) `SOCK_RAW`
    /// and a protocol of IP: IPv4 packets are received with their header, those of IPv6 without (RFC
    /// 3542 §3), and there are no mapped addresses.
    ///
    /// # Errors
    ///
    /// `EAFNOSUPPORT`, `ESOCKTNOSUPPORT`, `EPROTONOSUPPORT` for what there is not: `AF_PACKET` among
    /// it. `EMFILE` if all descriptors are open.
    pub fn socket(&self, domain: i32, kind: i32, protocol: i32) -> Result<Fd, Errno> {
        let mut options = Options::NONE;
        match domain {
            AF_INET if cfg!(feature = "ipv4") => {}
            AF_INET6 if cfg!(feature = "ipv6") => options.flags |= Flags::IPV6,
            _ => return Err(Errno::EAFNOSUPPORT),
        }
        options
            .flags
            .set(Flags::NONBLOCK, kind & SOCK_NONBLOCK != 0);
        let (socket, own) = match kind & !SOCK_NONBLOCK {
            SOCK_STREAM => (Socket::Stream, IPPROTO_TCP),
            SOCK_DGRAM => (Socket::Datagram(None), IPPROTO_UDP),
            #[cfg(feature = "raw-sockets")]
            SOCK_RAW => {
                let raw = Raw::open(self.stack, &mut options, protocol)?;
                (Socket::Raw(raw), protocol)
            }
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        if protocol != 0 && protocol != own {
            return Err(Errno::EPROTONOSUPPORT);
        }
        self.insert(socket, options)
    }

    /// Binds a socket to an address and port of this host; port 0 is one of the ephemeral ports.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is bound already, `EADDRINUSE`, `EADDRNOTAVAIL`, `EAFNOSUPPORT`.
    pub fn bind(&self, fd: Fd, local: SocketAddr) -> Result<(), Errno> {
        let stack = self.stack;
        self.with_table(|slots| {
            let slot = open_slot(slots, fd)?;
            let options = slot.options;
            let address = options.inward(local)?;
            match slot.socket {
                Socket::Datagram(None) => {
                    let opened = open_datagrams(stack, &options, address)?;
                    slot.socket = Socket::Datagram(Some(opened));
                    Ok(())
                }
                Socket::Stream if options.local.is_none() => {
                    let bound = in_range(stack, &options, address, |address| {
                        bind_stream(stack, slots, &options, address)
                    })?;
                    open_slot(slots, fd)?.options.local = Some(bound);
                    Ok(())
                }
                Socket::Pair(_) => Err(Errno::EOPNOTSUPP),
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(ref raw) => super::raw::bind(raw, address.ip()),
                _ => Err(Errno::EINVAL),
            }
        })
    }

    /// Connects a stream, and waits until it is; gives a datagram socket one peer, or with port 0
    /// and the unspecified address none.
    ///
    /// # Errors
    ///
    /// `EINPROGRESS` where it may not wait: `POLLOUT` and `SO_ERROR` tell of the end. `EALREADY`
    /// until then, `EISCONN` afterwards; `ECONNREFUSED`, `ETIMEDOUT` and what else comes of it.
    pub async fn connect(&self, fd: Fd, remote: SocketAddr) -> Result<(), Errno> {
        let begun = self.with(fd, |slot| begin(self.stack, slot, remote))?;
        if !begun {
            return Ok(());
        }
        let ended = self.until(fd, 0, Way::Send, |slots| {
            let slot = open_slot(slots, fd)?;
            match &slot.socket {
                Socket::Connection(socket) => match socket.state() {
                    TcpState::SynSent | TcpState::SynReceived => {
                        Err(Stall::Until(socket.handle().key()))
                    }
                    TcpState::Closed => {
                        let error = socket.error().map_or(Errno::ECONNRESET, Errno::from);
                        // It is a new socket again.
                        slot.socket = Socket::Stream;
                        Err(error.into())
                    }
                    _ => {
                        slot.options.flags -= Flags::CONNECTING;
                        Ok(())
                    }
                },
                _ => Err(Errno::EBADF.into()),
            }
        });
        ended.await.map_err(|error| match error {
            Errno::EAGAIN => Errno::EINPROGRESS,
            error => error,
        })
    }

    /// Accepts connections from here on; `backlog` of them may wait.
    ///
    /// # Errors
    ///
    /// `EADDRINUSE`, `EINVAL` if it is connected, `EOPNOTSUPP` if it is no stream.
    pub fn listen(&self, fd: Fd, backlog: i32) -> Result<(), Errno> {
        let stack = self.stack;
        self.with_table(|slots| {
            let slot = open_slot(slots, fd)?;
            let options = slot.options;
            match slot.socket {
                Socket::Stream => {}
                // The backlog stays what it was.
                Socket::Listener(_) => return Ok(()),
                Socket::Connection(_) => return Err(Errno::EINVAL),
                _ => return Err(Errno::EOPNOTSUPP),
            }
            let local = match options.local {
                Some(local) => local,
                None => in_range(stack, &options, options.any(), |address| {
                    bind_stream(stack, slots, &options, address)
                })?,
            };
            let backlog = backlog.clamp(1, i32::from(u16::MAX)) as u16;
            let mut listener = match options.is_one_version() || local.is_ipv4() {
                true => TcpListener::bind_one_version(stack, local, backlog)?,
                false => TcpListener::bind(stack, local, backlog)?,
            };
            listener.set_traffic_class(options.traffic_class);
            let slot = open_slot(slots, fd)?;
            slot.options.local = Some(local);
            slot.socket = Socket::Listener(listener);
            Ok(())
        })
    }

    /// Takes a connection that waits, with whom it is. The new socket has the options of the one
    /// that listens.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the socket does not listen, `EMFILE`: the connection then goes on waiting.
    pub async fn accept(&self, fd: Fd) -> Result<(Fd, SocketAddr), Errno> {
        let accepted = self.until(fd, 0, Way::Receive, |slots| {
            let is_free = |slot: &Slot<'_>| matches!(slot.socket, Socket::Closed);
            let is_full = !slots.iter().any(is_free);
            let slot = open_slot(slots, fd)?;
            match &slot.socket {
                Socket::Listener(listener) if is_full && listener.has_waiting() => {
                    Err(Errno::EMFILE.into())
                }
                Socket::Listener(listener) => match listener.try_accept() {
                    Some(socket) => Ok((socket, slot.options)),
                    None => Err(Stall::Until(listener.key())),
                },
                Socket::Stream | Socket::Connection(_) => Err(Errno::EINVAL.into()),
                _ => Err(Errno::EOPNOTSUPP.into()),
            }
        });
        let (mut socket, mut options) = accepted.await?;
        options.apply_to_connection(&mut socket);
        // "It is unspecified": as on Linux the new socket waits.
        options.flags -= Flags::NONBLOCK;
        options.local = None;
        let peer = socket.peer_addr().unwrap_or(options.any());
        let fd = self.insert(Socket::Connection(socket), options)?;
        Ok((fd, options.outward(peer)))
    }

    /// Says that nothing more is received (`SHUT_RD`), sent (`SHUT_WR`), or both (`SHUT_RDWR`).
    ///
    /// # Errors
    ///
    /// `ENOTCONN` if the socket has no peer, `EINVAL` if `how` is none of these.
    pub fn shutdown(&self, fd: Fd, how: i32) -> Result<(), Errno> {
        let shut = match how {
            SHUT_RD => Flags::READ_SHUT,
            SHUT_WR => Flags::WRITE_SHUT,
            SHUT_RDWR => Flags::READ_SHUT | Flags::WRITE_SHUT,
            _ => return Err(Errno::EINVAL),
        };
        let peer = self.with(fd, |slot| {
            let mut peer = None;
            match &mut slot.socket {
                Socket::Connection(socket) if socket.state() != TcpState::Closed => {
                    if shut.contains(Flags::WRITE_SHUT) {
                        socket.shutdown();
                    }
                }
                Socket::Datagram(Some(socket)) if socket.peer_addr().is_some() => {}
                Socket::Pair(end) => peer = end.peer,
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(raw) if raw.peer().is_some() => {}
                _ => return Err(Errno::ENOTCONN),
            }
            slot.options.flags |= shut;
            Ok(peer)
        })?;
        self.wake(fd);
        if let Some(peer) = peer {
            self.wake(peer);
        }
        Ok(())
    }

    /// Closes a descriptor. With `SO_LINGER` waits until what was sent is acknowledged, for so many
    /// seconds at most; with zero seconds resets the connection.
    pub async fn close(&self, fd: Fd) -> Result<(), Errno> {
        let (socket, options) = self.take(fd)?;
        let Socket::Connection(mut socket) = socket else {
            return Ok(());
        };
        if !options.flags.contains(Flags::LINGER) {
            return Ok(());
        }
        if options.linger == 0 {
            socket.abort();
            return Ok(());
        }
        socket.shutdown();
        let patience = Duration::from_secs(options.linger.into());
        let mut sleep = self.stack.sleep(patience);
        let mut flush = core::pin::pin!(socket.flush());
        core::future::poll_fn(|context| {
            let is_over = core::pin::Pin::new(&mut sleep).poll(context).is_ready();
            match flush.as_mut().poll(context).is_ready() || is_over {
                true => core::task::Poll::Ready(()),
                false => core::task::Poll::Pending,
            }
        })
        .await;
        Ok(())
    }

    /// Closes a descriptor and does not wait for anything, as a program does that ends.
    pub fn close_now(&self, fd: Fd) -> Result<(), Errno> {
        let (socket, options) = self.take(fd)?;
        match socket {
            Socket::Connection(socket)
                if options.flags.contains(Flags::LINGER) && options.linger == 0 =>
            {
                socket.abort();
            }
            socket => drop(socket),
        }
        Ok(())
    }

    /// Takes a socket out of the table.
    fn take(&self, fd: Fd) -> Result<(Socket<'a>, Options), Errno> {
        let (socket, options) = self.with(fd, |slot| {
            let socket = core::mem::replace(&mut slot.socket, Socket::Closed);
            Ok((socket, slot.options))
        })?;
        self.wake(fd);
        if let Socket::Pair(end) = &socket
            && let Some(peer) = end.peer
        {
            self.with_table(|slots| pair::leave(slots, peer));
            self.wake(peer);
        }
        Ok((socket, options))
    }

    /// The address and port that a socket is bound to.
    pub fn getsockname(&self, fd: Fd) -> Result<SocketAddr, Errno> {
        self.with(fd, |slot| {
            let options = &slot.options;
            let bound = options.local.unwrap_or(options.any());
            let local = match &slot.socket {
                Socket::Connection(socket) => socket.local_addr().unwrap_or(bound),
                Socket::Datagram(Some(socket)) => match socket.local_addr() {
                    // Bound to the addresses of both versions.
                    all if all.ip().is_unspecified() => {
                        SocketAddr::new(options.any().ip(), all.port())
                    }
                    local => local,
                },
                Socket::Pair(_) => return Err(Errno::EOPNOTSUPP),
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(raw) => raw.local().unwrap_or(bound),
                _ => bound,
            };
            Ok(options.outward(local))
        })
    }

    /// Whom a socket is connected to.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` if it is not.
    pub fn getpeername(&self, fd: Fd) -> Result<SocketAddr, Errno> {
        self.with(fd, |slot| {
            let peer = match &slot.socket {
                Socket::Connection(socket) if socket.state().is_synchronized() => {
                    socket.peer_addr()
                }
                Socket::Datagram(Some(socket)) => socket.peer_addr(),
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(raw) => raw.peer(),
                _ => None,
            };
            let peer = peer.ok_or(Errno::ENOTCONN)?;
            Ok(slot.options.outward(peer))
        })
    }
}

/// Begins to connect; false if there is nothing to wait for.
fn begin<'a>(stack: Stack<'a>, slot: &mut Slot<'a>, remote: SocketAddr) -> Result<bool, Errno> {
    let options = slot.options;
    match &mut slot.socket {
        Socket::Stream => {
            let remote = reachable(options.inward(remote)?);
            let local = options.local.unwrap_or(SocketAddr::new(
                match remote.is_ipv4() {
                    true => IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
                    false => IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
                },
                0,
            ));
            #[cfg(feature = "temporary-addresses")]
            let local = match options.preference().filter(|_| local.ip().is_unspecified()) {
                Some(preference) => {
                    let source = stack.with(|core| core.tcp_source(preference, remote))?;
                    SocketAddr::new(source, local.port())
                }
                None => local,
            };
            let mut socket = in_range(stack, &options, local, |local| {
                Ok(TcpSocket::begin_from(stack, local, remote)?)
            })?;
            options.apply_to_connection(&mut socket);
            slot.socket = Socket::Connection(socket);
            slot.options.flags |= Flags::CONNECTING;
            Ok(true)
        }
        Socket::Connection(socket) => match socket.state() {
            _ if !slot.options.flags.contains(Flags::CONNECTING) => Err(Errno::EISCONN),
            TcpState::SynSent | TcpState::SynReceived => Err(Errno::EALREADY),
            // The end is told once.
            _ => Ok(true),
        },
        Socket::Datagram(socket) => {
            if socket.is_none() {
                *socket = Some(open_datagrams(stack, &options, options.any())?);
            }
            let Some(socket) = socket else {
                return Err(Errno::EBADF);
            };
            if remote.port() == 0 && remote.ip().is_unspecified() {
                socket.disconnect();
                return Ok(false);
            }
            let remote = reachable(options.inward(remote)?);
            if stack.source_address(remote).is_none() {
                return Err(Errno::ENETUNREACH);
            }
            socket.connect(remote).map_err(|_| Errno::EINVAL)?;
            Ok(false)
        }
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => raw.connect(options.inward(remote)?).map(|()| false),
        Socket::Pair(_) => Err(Errno::EISCONN),
        Socket::Listener(_) => Err(Errno::EOPNOTSUPP),
        Socket::Closed => Err(Errno::EBADF),
    }
}

/// The unspecified address as a destination is this host (RFC 3493 does not say; all stacks do).
fn reachable(remote: SocketAddr) -> SocketAddr {
    match remote.ip() {
        ip if !ip.is_unspecified() => remote,
        IpAddr::V4(_) => SocketAddr::new(core::net::Ipv4Addr::LOCALHOST.into(), remote.port()),
        IpAddr::V6(_) => SocketAddr::new(core::net::Ipv6Addr::LOCALHOST.into(), remote.port()),
    }
}

/// Opens a UDP socket with these options.
pub(super) fn open_datagrams<'a>(
    stack: Stack<'a>,
    options: &Options,
    local: SocketAddr,
) -> Result<UdpSocket<'a>, Errno> {
    let reuse = options.flags.intersects(Flags::REUSE | Flags::REUSE_PORT);
    let socket = in_range(stack, options, local, |local| {
        let mut bind = UdpBind::new(local)
            .reuse(reuse)
            .one_version(options.is_one_version() || local.is_ipv4());
        if let Some(interface) = options.interface {
            bind = bind.interface(interface);
        }
        Ok(UdpSocket::bind(stack, bind)?)
    })?;
    options.apply_to_datagrams(&socket, stack);
    Ok(socket)
}

/// Opens something on a port of the range that is set, where none is asked for: the first that is
/// free, from anywhere on. There are no more to be tried than there are sockets.
fn in_range<T>(
    stack: Stack<'_>,
    options: &Options,
    mut local: SocketAddr,
    mut open: impl FnMut(SocketAddr) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let Some((first, last)) = options.ports.filter(|_| local.port() == 0) else {
        return open(local);
    };
    let count = u32::from(last.saturating_sub(first)) + 1;
    let start = stack.visit(|core| core.rng.below(count));
    for at in 0..count {
        // No more than `last`.
        local.set_port((u32::from(first) + (start + at) % count) as u16);
        match open(local) {
            Err(Errno::EADDRINUSE) => {}
            opened => return opened,
        }
    }
    Err(Errno::EADDRINUSE)
}

/// Chooses where a stream is bound, so that no other has the place.
fn bind_stream<'a>(
    stack: Stack<'a>,
    slots: &[Slot<'a>],
    options: &Options,
    local: SocketAddr,
) -> Result<SocketAddr, Errno> {
    let address = IpAddress::try_from(local.ip()).map_err(|_| Errno::EAFNOSUPPORT)?;
    let all = address.is_unspecified() && !options.is_one_version();
    stack.visit(|core| {
        let mut interfaces = core.interfaces();
        if !address.is_unspecified() && !interfaces.any(|(_, i)| i.may_have_address(address)) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        drop(interfaces);
        let is_taken = |port: u16| {
            let wanted = (!all).then_some(address);
            let bound = |slot: &Slot<'_>| {
                matches!(slot.socket, Socket::Stream)
                    && slot.options.local.is_some_and(|other| {
                        let other_ip = IpAddress::try_from(other.ip());
                        other.port() == port
                            && other_ip.is_ok_and(|o| o.covers(address) || address.covers(o))
                    })
            };
            core.listeners.is_taken(wanted, port) || slots.iter().any(bound)
        };
        let port = match local.port() {
            0 => {
                /// The ports that are given out to sockets that ask for none (RFC 6335 §6).
                const FIRST: u32 = 49152;
                const COUNT: u32 = 16384;
                let start = core.rng.below(COUNT);
                let tries = (slots.len() + core.listeners.len()).min(COUNT as usize) as u32;
                let mut ports = (0..=tries).map(|at| (FIRST + (start + at) % COUNT) as u16);
                ports
                    .find(|port| !is_taken(*port))
                    .ok_or(Errno::EADDRINUSE)?
            }
            port if is_taken(port) => return Err(Errno::EADDRINUSE),
            port => port,
        };
        Ok(SocketAddr::new(local.ip(), port))
    })
}
