//! What goes out: send, sendto, sendmsg.

use core::net::SocketAddr;

use super::ancillary::Ancillary;
use super::constants::*;
use super::errno::Errno;
use super::open::open_datagrams;
use super::options::{Flags, Options};
use super::pair::{self, gather};
use super::table::{Fd, Slot, Socket, Sockets, open_slot};
use super::wait::{Stall, Way};
use crate::netbuf::Purpose;
use crate::socket::{SendError, TcpError, TcpSocket, TcpState, UdpSocket};
use crate::stack::{InterfaceId, Stack};

/// Room in front of a datagram's data for the headers of all layers.
pub(super) const HEADROOM: usize = 64;

impl<'a, const N: usize> Sockets<'a, N> {
    /// Sends to the peer; says how many bytes went.
    pub async fn send(&self, fd: Fd, data: &[u8], flags: i32) -> Result<usize, Errno> {
        self.sendmsg(fd, &[data], None, &Ancillary::default(), flags)
            .await
    }

    /// As [`Sockets::send`], to `to`.
    pub async fn sendto(
        &self,
        fd: Fd,
        data: &[u8],
        flags: i32,
        to: SocketAddr,
    ) -> Result<usize, Errno> {
        self.sendmsg(fd, &[data], Some(to), &Ancillary::default(), flags)
            .await
    }

    /// Sends several slices, one after the other, to the peer or to `to`, with what is to hold for
    /// this message only. Of a datagram all goes or nothing; a stream takes all, unless it may not
    /// wait.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `EPIPE` when nothing can be sent any more, `EISCONN` if a connected stream is given
    /// a destination, `EMSGSIZE`, and what a datagram or the connection has met.
    pub async fn sendmsg(
        &self,
        fd: Fd,
        from: &[&[u8]],
        to: Option<SocketAddr>,
        ancillary: &Ancillary,
        flags: i32,
    ) -> Result<usize, Errno> {
        if flags & !(MSG_DONTWAIT | MSG_NOSIGNAL) != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let stack = self.stack;
        let mut done = 0;
        let sent = self.until(fd, flags, Way::Send, |slots| {
            let slot = open_slot(slots, fd)?;
            let Slot {
                socket, options, ..
            } = slot;
            if options.flags.contains(Flags::WRITE_SHUT) {
                return Err(Errno::EPIPE.into());
            }
            match socket {
                Socket::Connection(_) | Socket::Pair(_) if to.is_some() => {
                    Err(Errno::EISCONN.into())
                }
                Socket::Connection(socket) => {
                    stream(stack, socket, &mut options.flags, from, &mut done)
                }
                Socket::Pair(end) => {
                    let (peer, is_stream) = (end.peer, end.is_stream);
                    let length = from.iter().map(|slice| slice.len()).sum::<usize>();
                    done += pair::send(stack.pool(), slots, fd, from, done)?;
                    if let Some(peer) = peer {
                        self.wake(peer);
                    }
                    match is_stream && done < length {
                        // The next try finds out what there is no room in.
                        true => Err(Stall::Pool(1)),
                        false => Ok(()),
                    }
                }
                Socket::Datagram(socket) => {
                    if socket.is_none() {
                        *socket = Some(open_datagrams(stack, options, options.any())?);
                    }
                    match socket {
                        Some(socket) => {
                            done = datagram(stack, socket, options, from, to, ancillary)?;
                            Ok(())
                        }
                        None => Err(Errno::EBADF.into()),
                    }
                }
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(raw) => {
                    done = raw.send(stack, options, from, to, ancillary)?;
                    Ok(())
                }
                Socket::Stream | Socket::Listener(_) => Err(Errno::ENOTCONN.into()),
                Socket::Closed => Err(Errno::EBADF.into()),
            }
        });
        match sent.await {
            // What has gone before the time was over, or an error came, is gone.
            Err(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }
}

/// Writes the slices behind the first `done` bytes.
fn stream<'a>(
    stack: Stack<'a>,
    socket: &mut TcpSocket<'a>,
    flags: &mut Flags,
    from: &[&[u8]],
    done: &mut usize,
) -> Result<(), Stall<'a>> {
    if socket.state() == TcpState::SynSent {
        return Err(Stall::Until(socket.handle().key()));
    }
    let length = from.iter().map(|slice| slice.len()).sum::<usize>();
    while *done < length {
        let written = match from {
            [only] => socket.try_write(only.get(*done..).unwrap_or(&[])),
            _ => write_together(stack, socket, from, *done, length),
        };
        match written {
            Some(Ok(some)) => *done += some,
            None => return Err(Stall::Stream(socket.handle())),
            Some(Err(_)) => {
                let error = socket.error();
                let error = error.filter(|_| !flags.contains(Flags::ERROR_TOLD));
                if error.is_some() {
                    *flags |= Flags::ERROR_TOLD;
                }
                return Err(error.map_or(Errno::EPIPE, Errno::from).into());
            }
        }
    }
    Ok(())
}

/// Writes what there is room for of the slices at once, so that small ones share a segment.
fn write_together(
    stack: Stack<'_>,
    socket: &mut TcpSocket<'_>,
    from: &[&[u8]],
    done: usize,
    length: usize,
) -> Option<Result<usize, TcpError>> {
    let room = match socket.room_to_write() {
        Ok(0) => return None,
        Ok(room) => room.min(length - done),
        Err(error) => return Some(Err(error)),
    };
    let mut buf = stack.pool().alloc(Purpose::Send, 0).ok()?;
    let gathered = gather(&mut buf, from, done, room);
    match socket.try_send(buf) {
        Ok(()) => Some(Ok(gathered)),
        Err((_, Some(error))) => Some(Err(error)),
        Err((left, None)) => {
            let taken = gathered.saturating_sub(left.len());
            (taken > 0).then_some(Ok(taken))
        }
    }
}

/// Sends the slices in one datagram.
fn datagram<'a>(
    stack: Stack<'a>,
    socket: &UdpSocket<'a>,
    options: &Options,
    from: &[&[u8]],
    to: Option<SocketAddr>,
    ancillary: &Ancillary,
) -> Result<usize, Stall<'a>> {
    let to = to.map(|to| options.inward(to)).transpose()?;
    let length = from.iter().map(|slice| slice.len()).sum::<usize>();
    let pool = stack.pool();
    let is_plain = *ancillary == Ancillary::default();
    let sent = match from {
        [data] if is_plain => socket.try_send_to(data, to),
        _ => {
            let mut buf = pool
                .alloc(Purpose::Send, HEADROOM)
                .map_err(|_| Stall::Pool(length))?;
            if gather(&mut buf, from, 0, length) < length {
                Err(SendError::NoBuffer)
            } else {
                let source = ancillary.packet_info.map(|info| info.address);
                let source = match source.map(|ip| options.inward(SocketAddr::new(ip, 0))) {
                    Some(inward) => inward?.ip(),
                    None => core::net::Ipv4Addr::UNSPECIFIED.into(),
                };
                let _once = Once::new(socket, options, ancillary)?;
                socket
                    .try_send_from(buf, source, to)
                    .map_err(|(_, error)| error)
            }
        }
    };
    match sent {
        Ok(()) => Ok(length),
        Err(SendError::NoBuffer) if pool.can_hold(Purpose::Send, HEADROOM, length) => {
            Err(Stall::Pool(length))
        }
        Err(SendError::NoBuffer) => Err(Errno::EMSGSIZE.into()),
        Err(error) => Err(error.into()),
    }
}

/// Options that hold for one message; dropped, those of the socket hold again.
struct Once<'s, 'a>(&'s UdpSocket<'a>, &'s Options);

impl<'s, 'a> Once<'s, 'a> {
    fn new(
        socket: &'s UdpSocket<'a>,
        options: &'s Options,
        ancillary: &Ancillary,
    ) -> Result<Self, Errno> {
        if let Some(info) = ancillary.packet_info.filter(|info| info.interface != 0) {
            let id = InterfaceId::try_from(info.interface - 1).map_err(|_| Errno::ENXIO)?;
            socket.set_interface(Some(id));
            socket.set_multicast_interface(Some(id));
        }
        if let Some(hop_limit) = ancillary.hop_limit {
            socket.set_hop_limit(hop_limit);
            socket.set_multicast_hop_limit(hop_limit);
        }
        if let Some(traffic_class) = ancillary.traffic_class {
            socket.set_traffic_class(traffic_class);
        }
        Ok(Self(socket, options))
    }
}

impl Drop for Once<'_, '_> {
    fn drop(&mut self) {
        let Self(socket, options) = self;
        socket.set_interface(options.interface);
        socket.set_multicast_interface(options.multicast_interface);
        socket.set_hop_limit(options.hop_limit);
        socket.set_multicast_hop_limit(options.multicast_hop_limit);
        socket.set_traffic_class(options.traffic_class);
    }
}
