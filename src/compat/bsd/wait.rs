//! How calls wait: they try, and if there is nothing wait for what would change that.

use core::future::{Future, pending, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Poll, Waker};

use super::constants::MSG_DONTWAIT;
use super::errno::Errno;
use super::options::Flags;
use super::table::{Fd, Slot, Sockets, key};
use crate::socket::SendError;
use crate::socket::tcp::Handle;
use crate::stack::udp_send::room_in_pool;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::time::{Duration, Instant};

/// Why a call is not done yet, or never will be.
pub(super) enum Stall<'a> {
    Failed(Errno),
    /// Something must happen.
    Until(WaitKey),
    /// Something must be done with a descriptor.
    Descriptor,
    /// The transmit queue is full.
    Queue,
    /// The pool has no blocks for so many bytes.
    Pool(usize),
    /// The connection takes no more.
    Stream(Handle<'a>),
}

impl From<Errno> for Stall<'_> {
    fn from(error: Errno) -> Self {
        Self::Failed(error)
    }
}

impl From<SendError> for Stall<'_> {
    fn from(error: SendError) -> Self {
        Self::Failed(match error {
            SendError::QueueFull => return Self::Queue,
            SendError::NoBuffer => return Self::Pool(0),
            SendError::NoDestination => Errno::EDESTADDRREQ,
            SendError::InvalidDestination => Errno::EINVAL,
            SendError::NoRoute => Errno::ENETUNREACH,
            SendError::BroadcastNotAllowed => Errno::EACCES,
            SendError::TooLong { .. } => Errno::EMSGSIZE,
            SendError::NeighborQueueFull => Errno::ENOBUFS,
            SendError::Unreachable(why) => why.into(),
            SendError::Closed => Errno::EBADF,
        })
    }
}

/// Which timeout holds for a call.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Receive,
    Send,
}

impl<'a, const N: usize> Sockets<'a, N> {
    /// Tries until `work` is done, or may not wait any longer.
    pub(super) async fn until<R>(
        &self,
        fd: Fd,
        flags: i32,
        way: Way,
        mut work: impl FnMut(&mut [Slot<'a>]) -> Result<R, Stall<'a>>,
    ) -> Result<R, Errno> {
        let (serial, waits, limit) = self.with(fd, |slot| {
            let options = &slot.options;
            let waits = flags & MSG_DONTWAIT == 0 && !options.flags.contains(Flags::NONBLOCK);
            let limit = match way {
                Way::Receive => options.receive_timeout,
                Way::Send => options.send_timeout,
            };
            Ok((slot.serial, waits, limit))
        })?;
        let limit = (limit > 0).then(|| Duration::from_millis(limit.into()));
        let deadline = limit.map(|limit| self.stack.now() + limit);
        loop {
            match self.attempt(fd, serial, &mut work) {
                Ok(done) => return Ok(done),
                Err(Stall::Failed(error)) => return Err(error),
                Err(_) if !waits => return Err(Errno::EAGAIN),
                Err(stall) => self.wait(fd, stall, deadline).await?,
            }
        }
    }

    /// Waits until it is worth to try again; [`Errno::EAGAIN`] when the time is over.
    async fn wait(&self, fd: Fd, stall: Stall<'a>, deadline: Option<Instant>) -> Result<(), Errno> {
        let stack = self.stack;
        let mut sleep = deadline.map(|deadline| stack.sleep_until(deadline));
        let mut room = pin!(async {
            match stall {
                // What never fits the next try finds out.
                Stall::Pool(length) => drop(room_in_pool(stack.pool(), length).await),
                Stall::Stream(handle) => handle.writable().await,
                _ => pending().await,
            }
        });
        let mut is_registered = false;
        poll_fn(|context| {
            if let Some(sleep) = &mut sleep
                && Pin::new(sleep).poll(context).is_ready()
            {
                return Poll::Ready(Err(Errno::EAGAIN));
            }
            // To be polled again is to be woken.
            if room.as_mut().poll(context).is_ready()
                || core::mem::replace(&mut is_registered, true)
            {
                return Poll::Ready(Ok(()));
            }
            stack.visit(|core| {
                if let Stall::Until(event) = stall {
                    core.wait(event, context.waker());
                }
                core.wait(key(fd), context.waker());
            });
            if let Stall::Queue = stall
                && let Ok(class) = self.with(fd, |slot| Ok(slot.options.priority))
            {
                wait_for_room(stack, class, context.waker());
            }
            Poll::Pending
        })
        .await
    }
}

/// Waits for room in the transmit queues that have none.
fn wait_for_room(stack: Stack<'_>, class: u8, waker: &Waker) {
    let interfaces = stack.visit(|core| core.interfaces.len());
    for id in 0..interfaces as InterfaceId {
        // One borrow for each: whoever has to give way to this task is woken after it.
        stack.visit(|core| {
            if let Some(interface) = core.interface(id) {
                // What is said is looked at when the datagram is sent.
                let _: bool = interface.port.want_room(class);
                core.wait(WaitKey::transmit(id), waker);
                core.wait(WaitKey::link(id), waker);
            }
        });
    }
}
