//! Waiting for several descriptors at once.

use core::ffi::{c_int, c_uint};

use super::gate::{answer, enter};
use super::layout::{FdBits, TimeVal};
use super::pointers::{In, List, Out};
use crate::compat::bsd::{Errno, Fd, FdSet, PollFd};
use crate::stack::Next;
use crate::time::Duration;

/// A set of C; a null pointer is an empty one.
fn set(bits: &Out<FdBits>, below: c_int) -> Result<FdSet, Errno> {
    let mut set = FdSet::new();
    if bits.is_null() {
        return Ok(set);
    }
    let FdBits { bits } = bits.get()?;
    for fd in 0..below.min(FdSet::SIZE as Fd) {
        if bits >> fd & 1 == 1 {
            let _: bool = set.set(fd);
        }
    }
    Ok(set)
}

fn put(to: &Out<FdBits>, set: FdSet) -> Result<(), Errno> {
    if to.is_null() {
        return Ok(());
    }
    let fds = (0..FdSet::SIZE as Fd).filter(|fd| set.contains(*fd));
    let bits = fds.fold(0, |bits, fd| bits | 1 << fd);
    to.put(FdBits { bits })
}

/// A time; a null pointer is none.
fn span(time: &In<TimeVal>) -> Result<Option<Duration>, Errno> {
    if time.is_null() {
        return Ok(None);
    }
    let TimeVal { tv_sec, tv_usec } = time.get()?;
    let seconds = u64::try_from(tv_sec).map_err(|_| Errno::EINVAL)?;
    let micros = u64::try_from(tv_usec)
        .ok()
        .filter(|micros| *micros < 1_000_000);
    let micros = micros.ok_or(Errno::EINVAL)?;
    let span = seconds.saturating_mul(1_000_000).saturating_add(micros);
    Ok(Some(Duration::from_micros(span)))
}

calls! {
    /// Waits until a descriptor has what is waited for, for so many milliseconds at most; a negative
    /// number: for ever. Gives how many have.
    fn zonda_poll(mut fds: List<PollFd>, count: c_uint, timeout: c_int) -> c_int {
        answer(enter(|world| {
            let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
            let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
            let fds = fds.slice(count)?;
            let _: Next = world.turn();
            world.wait_for(world.sockets.poll(fds, timeout))
        }))
    }

    /// Waits until a descriptor below `count` can be read or written, or the time is over. Gives how
    /// many can, and leaves these in the sets.
    fn zonda_select(
        count: c_int,
        readable: Out<FdBits>,
        writable: Out<FdBits>,
        failed: Out<FdBits>,
        timeout: In<TimeVal>,
    ) -> c_int {
        answer(enter(|world| {
            if !(0..=FdSet::SIZE as c_int).contains(&count) {
                return Err(Errno::EINVAL);
            }
            let timeout = span(&timeout)?;
            let mut sets = [set(&readable, count)?, set(&writable, count)?, set(&failed, count)?];
            let [read, write, fail] = &mut sets;
            let _: Next = world.turn();
            let ready = world.wait_for(world.sockets.select(read, write, fail, timeout))?;
            for (to, set) in [(&readable, *read), (&writable, *write), (&failed, *fail)] {
                put(to, set)?;
            }
            Ok(ready)
        }))
    }
}
