//! Waiting for several descriptors at once.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use super::constants::*;
use super::errno::Errno;
use super::options::Flags;
use super::pair;
use super::table::{Fd, Slot, Socket, Sockets, key};
use crate::netbuf::Purpose;
use crate::socket::{TcpError, TcpState};
use crate::stack::waiters::WaitKey;
use crate::time::Duration;

/// A descriptor, and what of it is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PollFd {
    /// The descriptor; one below 0 is passed over.
    pub fd: Fd,
    /// What is waited for: `POLLIN`, `POLLOUT`, `POLLRDHUP`.
    pub events: i16,
    /// What there is; also `POLLERR`, `POLLHUP` and `POLLNVAL`, which are always waited for.
    pub revents: i16,
}

impl PollFd {
    /// A descriptor, and what of it is waited for.
    pub const fn new(fd: Fd, events: i32) -> Self {
        Self {
            fd,
            events: events as i16,
            revents: 0,
        }
    }
}

impl<const N: usize> Sockets<'_, N> {
    /// Waits until one of the descriptors has what is waited for, for `timeout` at most, `None`: for
    /// ever. Says how many have, and notes in each what.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are more than the table has.
    pub async fn poll(
        &self,
        fds: &mut [PollFd],
        timeout: Option<Duration>,
    ) -> Result<usize, Errno> {
        if fds.len() > N {
            return Err(Errno::EINVAL);
        }
        let mut sleep = timeout.map(|timeout| self.stack.sleep(timeout));
        let pool = self.stack.pool();
        let mut block = pin!(None);
        poll_fn(|context| {
            let ready = self.look(fds);
            let is_over = sleep
                .as_mut()
                .is_some_and(|sleep| Pin::new(sleep).poll(context).is_ready());
            if ready > 0 || is_over {
                return Poll::Ready(Ok(ready));
            }
            let sends = fds
                .iter()
                .any(|entry| i32::from(entry.events) & POLLOUT != 0);
            if sends && !pool.has(Purpose::Send) {
                if block.is_none() {
                    block.set(Some(pool.alloc_async(Purpose::Send, 0)));
                }
                let polled = block.as_mut().as_pin_mut().map(|block| block.poll(context));
                if polled.is_some_and(|polled| polled.is_ready()) {
                    block.set(None);
                    context.waker().wake_by_ref();
                }
            }
            for entry in fds.iter() {
                let event = self.with(entry.fd, |slot| Ok(event(slot))).ok().flatten();
                self.stack.visit(|core| {
                    core.wait(key(entry.fd), context.waker());
                    if let Some(event) = event {
                        core.wait(event, context.waker());
                    }
                });
            }
            Poll::Pending
        })
        .await
    }

    /// Notes what each descriptor has; says how many have something.
    pub(super) fn look(&self, fds: &mut [PollFd]) -> usize {
        let mut ready = 0;
        for entry in fds {
            let wanted = i32::from(entry.events) | POLLERR | POLLHUP | POLLNVAL;
            entry.revents = match entry.fd {
                ..0 => 0,
                fd => (self.readiness(fd) & wanted) as i16,
            };
            ready += usize::from(entry.revents != 0);
        }
        ready
    }

    fn readiness(&self, fd: Fd) -> i32 {
        self.with_table(|slots| {
            let slot = usize::try_from(fd).ok().and_then(|at| slots.get(at));
            let events = slot.map_or(POLLNVAL, |slot| readiness(slots, slot));
            let is_over = events & (POLLERR | POLLHUP) != 0;
            match is_over || self.stack.pool().has(Purpose::Send) {
                true => events,
                // Nothing can be written while there is no block to write it to.
                false => events & !POLLOUT,
            }
        })
    }
}

/// What to wait for beside the descriptor itself.
fn event(slot: &Slot<'_>) -> Option<WaitKey> {
    match &slot.socket {
        Socket::Connection(socket) => Some(socket.handle().key()),
        Socket::Listener(listener) => Some(listener.key()),
        Socket::Datagram(Some(socket)) => Some(socket.key()),
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => Some(raw.socket.key()),
        _ => None,
    }
}

fn readiness(slots: &[Slot<'_>], slot: &Slot<'_>) -> i32 {
    let flags = slot.options.flags;
    let (read_shut, write_shut) = (
        flags.contains(Flags::READ_SHUT),
        flags.contains(Flags::WRITE_SHUT),
    );
    let of = |is: bool, event: i32| if is { event } else { 0 };
    match &slot.socket {
        Socket::Closed => POLLNVAL,
        // As on Linux: nothing passes yet, and nobody has to wait to be told so.
        Socket::Stream => POLLOUT | POLLHUP,
        Socket::Listener(listener) => of(listener.has_waiting(), POLLIN),
        Socket::Connection(socket) => {
            let state = socket.state();
            if matches!(state, TcpState::SynSent | TcpState::SynReceived) {
                return 0;
            }
            let at_end = socket.is_readable() && socket.unread() == 0;
            let error = socket
                .error()
                .filter(|error| *error != TcpError::Aborted && !flags.contains(Flags::ERROR_TOLD));
            let is_over = state == TcpState::Closed;
            // What has come is enough if no more can come.
            let more_may_come = matches!(
                state,
                TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
            );
            let is_enough = !more_may_come || socket.unread() >= slot.options.enough_bytes();
            of(socket.is_readable() && is_enough || read_shut, POLLIN)
                // Where sending fails it does so at once.
                | of(socket.room_to_write().is_ok_and(|room| room > 0) || write_shut || is_over, POLLOUT)
                | of(error.is_some(), POLLERR)
                | of(is_over || (at_end || read_shut) && write_shut, POLLHUP)
                | of(at_end || read_shut, POLLRDHUP)
        }
        Socket::Datagram(None) => POLLOUT,
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => {
            let (has_packet, has_error) = raw.socket.readiness();
            of(has_packet || has_error || read_shut, POLLIN) | of(has_error, POLLERR) | POLLOUT
        }
        Socket::Datagram(Some(socket)) => {
            of(
                socket.is_readable() || socket.has_error() || read_shut,
                POLLIN,
            ) | of(socket.has_error(), POLLERR)
                | POLLOUT
        }
        Socket::Pair(end) => {
            let at_end = pair::is_at_end(slots, end.peer);
            let room = pair::room(slots, end.peer);
            of(end.has_received() || at_end || read_shut, POLLIN)
                | of(room.is_ok_and(|room| room > 0) || write_shut, POLLOUT)
                | of(at_end || read_shut, POLLRDHUP)
                | of(
                    end.peer.is_none() || (at_end || read_shut) && write_shut,
                    POLLHUP,
                )
        }
    }
}
