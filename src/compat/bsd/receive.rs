//! What comes in: recv, recvfrom, recvmsg.

use core::net::SocketAddr;

use super::ancillary::{Ancillary, Message};
use super::constants::*;
use super::errno::Errno;
use super::options::Flags;
use super::pair::{self, scatter};
use super::table::{Fd, Slot, Socket, Sockets, open_slot};
use super::wait::{Stall, Way};
use crate::netbuf::NetBuf;
use crate::socket::{TcpSocket, TcpState, UdpSocket};

/// The flags that are known here.
const FLAGS: i32 = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;

impl<'a, const N: usize> Sockets<'a, N> {
    /// Receives into `to`; 0 is the end of a stream.
    pub async fn recv(&self, fd: Fd, to: &mut [u8], flags: i32) -> Result<usize, Errno> {
        let message = self.recvmsg(fd, &mut [to], flags).await?;
        Ok(message.length)
    }

    /// As [`Sockets::recv`], and says who sent it.
    pub async fn recvfrom(
        &self,
        fd: Fd,
        to: &mut [u8],
        flags: i32,
    ) -> Result<(usize, Option<SocketAddr>), Errno> {
        let message = self.recvmsg(fd, &mut [to], flags).await?;
        Ok((message.length, message.source))
    }

    /// Receives into several slices, one after the other, and what goes with it.
    ///
    /// `MSG_PEEK` leaves it to be received again, `MSG_WAITALL` fills the slices from a stream
    /// unless it ends, `MSG_TRUNC` asks for the whole length of a datagram, `MSG_DONTWAIT` does not
    /// wait.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `ENOTCONN` of a stream without a peer, and once the error that a datagram to the
    /// peer, or the connection, has met. `EOPNOTSUPP` for other flags.
    pub async fn recvmsg(
        &self,
        fd: Fd,
        to: &mut [&mut [u8]],
        flags: i32,
    ) -> Result<Message, Errno> {
        if flags & !FLAGS != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let mut done = 0;
        let received = self.until(fd, flags, Way::Receive, |slots| {
            let before = done;
            let received = receive(slots, fd, to, flags, &mut done);
            // There is room for the other one of a pair.
            if (done > before || received.is_ok())
                && let Some(peer) = pair::peer(slots, fd)
            {
                self.wake(peer);
            }
            received
        });
        match received.await {
            // What has come before the end, the time or an error is not lost.
            Err(_) if done > 0 => Ok(Message::plain(done)),
            received => received,
        }
    }
}

/// Receives what there is. `done` counts what a stream has given so far.
fn receive<'a>(
    slots: &mut [Slot<'a>],
    fd: Fd,
    to: &mut [&mut [u8]],
    flags: i32,
    done: &mut usize,
) -> Result<Message, Stall<'a>> {
    let wanted = to.iter().map(|slice| slice.len()).sum::<usize>();
    let slot = open_slot(slots, fd)?;
    let options = &mut slot.options;
    let peek = flags & MSG_PEEK != 0;
    let least = match flags & MSG_WAITALL {
        0 => wanted.min(options.enough_bytes()),
        _ => wanted,
    };
    // What is peeked at does not become more by waiting for it.
    let is_enough = |done: usize| done >= least || peek;
    let is_shut = options.flags.contains(Flags::READ_SHUT);
    match &mut slot.socket {
        Socket::Connection(socket) => loop {
            match stream(socket, to, *done, peek) {
                Some(Ok(some)) => {
                    *done += some;
                    if some == 0 || is_enough(*done) {
                        return Ok(Message::plain(*done));
                    }
                }
                Some(Err(_)) if *done > 0 || options.flags.contains(Flags::ERROR_TOLD) => {
                    return Ok(Message::plain(*done));
                }
                Some(Err(error)) => {
                    options.flags |= Flags::ERROR_TOLD;
                    return Err(error.into());
                }
                None if is_shut => return Ok(Message::plain(*done)),
                None => return Err(Stall::Until(socket.handle().key())),
            }
        },
        Socket::Datagram(Some(socket)) => {
            if let Some(why) = socket.take_error() {
                return Err(Errno::from(why).into());
            }
            let Some((copied, info)) = datagram(socket, to, peek) else {
                return match is_shut {
                    true => Ok(Message::plain(0)),
                    false => Err(Stall::Until(socket.key())),
                };
            };
            let mut message = Message::cut(copied, info.length, flags);
            message.source = Some(options.outward(info.source));
            message.ancillary = Ancillary::of(options, (&info).into());
            if options.flags.contains(Flags::OVERFLOW) {
                message.ancillary.dropped = Some(socket.dropped());
            }
            Ok(message)
        }
        Socket::Datagram(None) => Err(Stall::Descriptor),
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => match raw.receive(options, to, flags)? {
            None if is_shut => Ok(Message::plain(0)),
            None => Err(Stall::Until(raw.socket.key())),
            Some(message) => Ok(message),
        },
        Socket::Pair(end) => {
            let (peer, is_stream) = (end.peer, end.is_stream);
            match end.read(to, *done, peek) {
                Some((copied, length)) if !is_stream => Ok(Message::cut(copied, length, flags)),
                Some((copied, _)) => {
                    *done += copied;
                    match is_enough(*done) || copied == 0 {
                        true => Ok(Message::plain(*done)),
                        false if pair::is_at_end(slots, peer) => Ok(Message::plain(*done)),
                        false => Err(Stall::Descriptor),
                    }
                }
                None if is_shut || pair::is_at_end(slots, peer) => Ok(Message::plain(*done)),
                None => Err(Stall::Descriptor),
            }
        }
        Socket::Stream | Socket::Listener(_) => Err(Errno::ENOTCONN.into()),
        Socket::Closed => Err(Errno::EBADF.into()),
    }
}

/// Reads from a connection into the slices, behind the first `at` bytes of them.
fn stream(
    socket: &mut TcpSocket<'_>,
    to: &mut [&mut [u8]],
    at: usize,
    peek: bool,
) -> Option<Result<usize, Errno>> {
    if socket.state() == TcpState::SynSent {
        return None;
    }
    let (mut skip, mut done) = (at, 0);
    let mut outcome = None;
    for slice in to {
        let length = slice.len();
        let rest = slice.get_mut(skip.min(length)..).unwrap_or(&mut []);
        skip = skip.saturating_sub(length);
        if rest.is_empty() {
            outcome = outcome.or(Some(Ok(0)));
            continue;
        }
        let read = match peek {
            true => socket.try_peek(rest),
            false => socket.try_read(rest),
        };
        match read {
            Some(Ok(some)) => {
                outcome = Some(Ok(0));
                done += some;
                // What is peeked at is there once: further slices would get the same.
                if some < rest.len() || peek {
                    break;
                }
            }
            other => {
                outcome = other.map(|result| result.map_err(Errno::from));
                break;
            }
        }
    }
    match done {
        0 => outcome,
        done => Some(Ok(done)),
    }
}

/// Receives a datagram, or looks at it.
fn datagram(
    socket: &UdpSocket<'_>,
    to: &mut [&mut [u8]],
    peek: bool,
) -> Option<(usize, crate::socket::RecvInfo)> {
    if peek {
        return socket.try_peek(|buf: &NetBuf, start| scatter(buf, start, to, 0));
    }
    // One slice is filled and summed in one go.
    if let [only] = to {
        return socket.try_recv_from(only);
    }
    let (buf, info) = socket.try_recv()?;
    Some((scatter(&buf, 0, to, 0), info))
}
