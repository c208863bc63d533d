//! Pairs of sockets within the program, whose data wait in blocks of the pool.

use super::constants::*;
use super::errno::Errno;
use super::options::{Flags, Options};
use super::table::{Fd, Slot, Socket, Sockets, open_slot};
use super::wait::Stall;
use crate::netbuf::{BufQueue, NetBuf, Pool, Purpose};

/// One of a pair.
pub(super) struct End {
    /// The other one, until it is closed.
    pub(super) peer: Option<Fd>,
    pub(super) is_stream: bool,
    /// What the other one has sent.
    received: BufQueue,
    bytes: usize,
}

impl End {
    const fn new(is_stream: bool) -> Self {
        Self {
            peer: None,
            is_stream,
            received: BufQueue::new(),
            bytes: 0,
        }
    }

    /// Whether there is something to receive.
    pub(super) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// How many bytes the next call would receive.
    pub(super) fn readable(&self) -> usize {
        match self.is_stream {
            true => self.bytes,
            false => self.received.front().map_or(0, |front| front.len()),
        }
    }

    /// Copies what was received into `to`, of a stream behind the first `at` bytes of it, and says how
    /// much that was and how long it would have been; what is only peeked at stays.
    pub(super) fn read(
        &mut self,
        to: &mut [&mut [u8]],
        at: usize,
        peek: bool,
    ) -> Option<(usize, usize)> {
        if !self.is_stream {
            let front = self.received.front()?;
            let (copied, length) = (scatter(&front, 0, to, 0), front.len());
            if !peek {
                self.bytes -= length.min(self.bytes);
                drop(self.received.pop_front());
            }
            return Some((copied, length));
        }
        let mut copied = 0;
        for buf in self.received.iter() {
            copied += scatter(&buf, 0, to, at + copied);
        }
        if copied == 0 && self.received.is_empty() {
            return None;
        }
        if !peek {
            self.discard(copied);
        }
        Some((copied, copied))
    }

    /// Gives up the first bytes of a stream.
    fn discard(&mut self, mut length: usize) {
        self.bytes -= length.min(self.bytes);
        while let Some(front) = self.received.front().map(|front| front.len()) {
            if length < front {
                break;
            }
            length -= front;
            drop(self.received.pop_front());
        }
        if length == 0 {
            return;
        }
        // The rest of a packet comes first again.
        let mut rest = self.received.take();
        if let Some(mut first) = rest.pop_front() {
            first.advance(length);
            self.received.push_back(first);
        }
        while let Some(next) = rest.pop_front() {
            self.received.push_back(next);
        }
    }

    fn push(&mut self, buf: NetBuf) {
        self.bytes += buf.len();
        self.received.push_back(buf);
    }
}

/// Copies what `buf` has behind `offset` into the slices, behind the first `at` bytes of them.
pub(super) fn scatter(buf: &NetBuf, offset: usize, to: &mut [&mut [u8]], at: usize) -> usize {
    let (mut skip, mut copied) = (at, 0);
    for slice in to {
        let length = slice.len();
        if let Some(rest) = slice.get_mut(skip.min(length)..) {
            copied += buf.read(offset + copied, rest);
        }
        skip = skip.saturating_sub(length);
    }
    copied
}

impl<'a, const N: usize> Sockets<'a, N> {
    /// Opens two sockets that are connected with each other: `AF_LOCAL`, `SOCK_STREAM` or
    /// `SOCK_DGRAM`. What is sent waits in blocks of the pool, and no more of it than `SO_RCVBUF`
    /// of the receiver says.
    pub fn socketpair(&self, domain: i32, kind: i32, protocol: i32) -> Result<(Fd, Fd), Errno> {
        if domain != AF_LOCAL {
            return Err(match domain {
                AF_INET | AF_INET6 => Errno::EOPNOTSUPP,
                _ => Errno::EAFNOSUPPORT,
            });
        }
        if protocol != 0 {
            return Err(Errno::EPROTONOSUPPORT);
        }
        let is_stream = match kind & !SOCK_NONBLOCK {
            SOCK_STREAM => true,
            SOCK_DGRAM => false,
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        let mut options = Options::NONE;
        options
            .flags
            .set(Flags::NONBLOCK, kind & SOCK_NONBLOCK != 0);
        let one = self.insert(Socket::Pair(End::new(is_stream)), options)?;
        let other = match self.insert(Socket::Pair(End::new(is_stream)), options) {
            Ok(other) => other,
            Err(error) => {
                self.close_now(one)?;
                return Err(error);
            }
        };
        for (fd, peer) in [(one, other), (other, one)] {
            self.with(fd, |slot| {
                if let Socket::Pair(end) = &mut slot.socket {
                    end.peer = Some(peer);
                }
                Ok(())
            })?;
        }
        Ok((one, other))
    }
}

/// The other one of a pair.
pub(super) fn peer(slots: &[Slot<'_>], fd: Fd) -> Option<Fd> {
    match &slots.get(usize::try_from(fd).ok()?)?.socket {
        Socket::Pair(end) => end.peer,
        _ => None,
    }
}

/// The other one of a pair is closed.
pub(super) fn leave(slots: &mut [Slot<'_>], fd: Fd) {
    if let Ok(slot) = open_slot(slots, fd)
        && let Socket::Pair(end) = &mut slot.socket
    {
        end.peer = None;
    }
}

/// Whether the other one of a pair sends no more.
pub(super) fn is_at_end(slots: &[Slot<'_>], peer: Option<Fd>) -> bool {
    let peer = peer.and_then(|fd| slots.get(usize::try_from(fd).ok()?));
    peer.is_none_or(|peer| peer.options.flags.contains(Flags::WRITE_SHUT))
}

/// How many bytes the other one of a pair may be sent now.
pub(super) fn room(slots: &[Slot<'_>], peer: Option<Fd>) -> Result<usize, Errno> {
    let peer = peer.and_then(|fd| slots.get(usize::try_from(fd).ok()?));
    let Some((peer, Socket::Pair(to))) = peer.map(|peer| (peer, &peer.socket)) else {
        return Err(Errno::EPIPE);
    };
    if peer.options.flags.contains(Flags::READ_SHUT) {
        return Err(Errno::EPIPE);
    }
    Ok((peer.options.receive_bytes() as usize).saturating_sub(to.bytes))
}

/// Sends the slices from `done` on to the other one of a pair; says how many bytes went.
pub(super) fn send<'a>(
    pool: Pool,
    slots: &mut [Slot<'a>],
    fd: Fd,
    from: &[&[u8]],
    done: usize,
) -> Result<usize, Stall<'a>> {
    let slot = open_slot(slots, fd)?;
    if slot.options.flags.contains(Flags::WRITE_SHUT) {
        return Err(Errno::EPIPE.into());
    }
    let Socket::Pair(end) = &slot.socket else {
        return Err(Errno::EBADF.into());
    };
    let (is_stream, peer) = (end.is_stream, end.peer.ok_or(Errno::EPIPE)?);
    let room = room(slots, Some(peer))?;
    let length = from.iter().map(|slice| slice.len()).sum::<usize>() - done;
    let limit = open_slot(slots, peer)?.options.receive_bytes() as usize;
    if !is_stream && (length > limit || !pool.can_hold(Purpose::Send, 0, length)) {
        return Err(Errno::EMSGSIZE.into());
    }
    let some = match is_stream {
        true => length.min(room),
        false if length > room => 0,
        false => length,
    };
    if some == 0 && length > 0 {
        return Err(Stall::Descriptor);
    }
    let mut buf = pool
        .alloc(Purpose::Send, 0)
        .map_err(|_| Stall::Pool(some.min(1)))?;
    // A stream takes what there are blocks for.
    let sent = gather(&mut buf, from, done, some);
    if sent < some && !is_stream {
        return Err(Stall::Pool(some));
    }
    if let Socket::Pair(to) = &mut open_slot(slots, peer)?.socket
        && (sent > 0 || !is_stream)
    {
        to.push(buf);
    }
    Ok(sent)
}

/// Appends `length` bytes of the slices, from the byte `at` on; says how many there was room for.
pub(super) fn gather(buf: &mut NetBuf, from: &[&[u8]], at: usize, length: usize) -> usize {
    let (mut skip, mut left, mut done) = (at, length, 0);
    for slice in from {
        let rest = slice.get(skip.min(slice.len())..).unwrap_or(&[]);
        skip = skip.saturating_sub(slice.len());
        // By blocks, so that what has none is known to be left out.
        for part in rest.get(..left.min(rest.len())).unwrap_or(&[]).chunks(64) {
            if buf.append(part).is_err() {
                return done;
            }
            done += part.len();
            left -= part.len();
        }
    }
    done
}
