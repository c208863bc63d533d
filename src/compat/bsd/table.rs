//! The table of descriptors.

use core::cell::{RefCell, RefMut};

use super::errno::Errno;
use super::options::Options;
use super::pair::End;
#[cfg(feature = "raw-sockets")]
use super::raw::Raw;
use super::wait::Stall;
#[cfg(feature = "dns")]
use crate::proto::dns::Resolver;
use crate::socket::{TcpListener, TcpSocket, UdpSocket};
use crate::stack::Stack;
use crate::stack::waiters::WaitKey;

/// A descriptor.
pub type Fd = i32;

/// Descriptors of sockets, `N` at most: those below `N`. Dropped, all are closed.
///
/// Calls take `&self`: any number of tasks of one thread may be at it.
pub struct Sockets<'a, const N: usize> {
    pub(super) stack: Stack<'a>,
    #[cfg(feature = "dns")]
    pub(super) resolver: Option<&'a Resolver<'a>>,
    slots: RefCell<[Slot<'a>; N]>,
}

/// What a descriptor stands for.
pub(super) struct Slot<'a> {
    /// Tells this socket from one that had the descriptor before.
    pub(super) serial: u32,
    pub(super) socket: Socket<'a>,
    pub(super) options: Options,
}

/// A socket of any kind.
pub(super) enum Socket<'a> {
    /// The descriptor is not open.
    Closed,
    /// A stream that is neither connected nor listens.
    Stream,
    Connection(TcpSocket<'a>),
    Listener(TcpListener<'a>),
    /// Datagrams; not bound at first.
    Datagram(Option<UdpSocket<'a>>),
    /// One of a pair.
    Pair(End),
    /// Packets of a protocol of IP.
    #[cfg(feature = "raw-sockets")]
    Raw(Raw<'a>),
}

impl<'a, const N: usize> Sockets<'a, N> {
    /// A table without open descriptors.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            #[cfg(feature = "dns")]
            resolver: None,
            slots: RefCell::new(
                [const {
                    Slot {
                        serial: 0,
                        socket: Socket::Closed,
                        options: Options::NONE,
                    }
                }; N],
            ),
        }
    }

    /// With a resolver, whom [`Sockets::getaddrinfo`] and [`Sockets::getnameinfo`] ask.
    #[cfg(feature = "dns")]
    #[must_use]
    pub const fn with_resolver(mut self, resolver: &'a Resolver<'a>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// The stack that the sockets are on.
    pub const fn stack(&self) -> Stack<'a> {
        self.stack
    }

    fn borrow(&self) -> RefMut<'_, [Slot<'a>; N]> {
        loop {
            // It is borrowed for `with_table` only, nothing in there comes back here, and a table
            // stays in its thread: this succeeds the first time.
            if let Ok(slots) = self.slots.try_borrow_mut() {
                return slots;
            }
        }
    }

    /// Does `work` on the whole table. What is woken must not use it meanwhile: wakers only tell.
    pub(super) fn with_table<R>(&self, work: impl FnOnce(&mut [Slot<'a>]) -> R) -> R {
        work(self.borrow().as_mut_slice())
    }

    /// Does `work` on an open descriptor.
    pub(super) fn with<R>(
        &self,
        fd: Fd,
        work: impl FnOnce(&mut Slot<'a>) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        self.with_table(|slots| work(open_slot(slots, fd)?))
    }

    /// Does `work` on the table, as long as the descriptor stands for the same socket.
    pub(super) fn attempt<R>(
        &self,
        fd: Fd,
        serial: u32,
        work: impl FnOnce(&mut [Slot<'a>]) -> Result<R, Stall<'a>>,
    ) -> Result<R, Stall<'a>> {
        self.with_table(|slots| match open_slot(slots, fd)?.serial == serial {
            true => work(slots),
            false => Err(Errno::EBADF.into()),
        })
    }

    /// Opens a descriptor.
    pub(super) fn insert(&self, socket: Socket<'a>, options: Options) -> Result<Fd, Errno> {
        self.with_table(|slots| {
            let mut numbered = (0..).zip(slots.iter_mut());
            let free = numbered.find(|(_, slot)| matches!(slot.socket, Socket::Closed));
            let (fd, slot) = free.ok_or(Errno::EMFILE)?;
            slot.serial = slot.serial.wrapping_add(1);
            slot.socket = socket;
            slot.options = options;
            Ok(fd)
        })
    }

    /// Wakes those that wait for a descriptor: something was done with it.
    pub(super) fn wake(&self, fd: Fd) {
        let key = key(fd);
        self.stack.visit(|core| core.waiters.wake(key));
    }
}

/// What those wait for who wait for something to be done with a descriptor.
pub(super) const fn key(fd: Fd) -> WaitKey {
    WaitKey::descriptor(fd as u16)
}

/// The slot of a descriptor, if it is open.
pub(super) fn open_slot<'s, 'a>(
    slots: &'s mut [Slot<'a>],
    fd: Fd,
) -> Result<&'s mut Slot<'a>, Errno> {
    let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
    let slot = slots.get_mut(index).ok_or(Errno::EBADF)?;
    match slot.socket {
        Socket::Closed => Err(Errno::EBADF),
        _ => Ok(slot),
    }
}
