//! Waiting for several descriptors at once, by sets.

use super::constants::*;
use super::errno::Errno;
use super::poll::PollFd;
use super::table::{Fd, Sockets};
use crate::time::Duration;

/// A set of descriptors below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct FdSet(u64);

impl FdSet {
    /// How many descriptors there is room for.
    pub const SIZE: usize = 64;

    /// An empty set.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Takes a descriptor in; false if there is no room for it.
    pub fn set(&mut self, fd: Fd) -> bool {
        let bit = bit(fd);
        self.0 |= bit;
        bit != 0
    }

    /// Takes a descriptor out.
    pub fn clear(&mut self, fd: Fd) {
        self.0 &= !bit(fd);
    }

    /// Whether a descriptor is in the set.
    pub fn contains(&self, fd: Fd) -> bool {
        self.0 & bit(fd) != 0
    }
}

/// The bit of a descriptor.
fn bit(fd: Fd) -> u64 {
    u32::try_from(fd)
        .ok()
        .and_then(|fd| 1u64.checked_shl(fd))
        .unwrap_or(0)
}

impl<const N: usize> Sockets<'_, N> {
    /// Waits until one of the descriptors can be read or written without waiting, for `timeout` at
    /// most, `None`: for ever. The sets then have those that can; `failed` has none, since there are
    /// no urgent data. Says how many there are in all sets.
    ///
    /// # Errors
    ///
    /// `EBADF` if one is not open.
    pub async fn select(
        &self,
        readable: &mut FdSet,
        writable: &mut FdSet,
        failed: &mut FdSet,
        timeout: Option<Duration>,
    ) -> Result<usize, Errno> {
        let mut fds = [PollFd::new(-1, 0); N];
        let wanted = [*readable, *writable, *failed];
        for (fd, entry) in (0..).zip(fds.iter_mut()) {
            let [read, write, _] = wanted.map(|set| set.contains(fd));
            let events = if read { POLLIN } else { 0 } | if write { POLLOUT } else { 0 };
            if wanted.iter().any(|set| set.contains(fd)) {
                *entry = PollFd::new(fd, events);
            }
        }
        // Those that the table has no room for are not open.
        let all = wanted.iter().fold(0, |all, set| all | set.0);
        if N < 64 && all >> N != 0 {
            return Err(Errno::EBADF);
        }
        let _: usize = self.poll(&mut fds, timeout).await?;
        for set in [&mut *readable, &mut *writable, &mut *failed] {
            *set = FdSet::new();
        }
        let mut count = 0;
        for PollFd { fd, revents, .. } in fds {
            let events = i32::from(revents);
            if events & POLLNVAL != 0 {
                return Err(Errno::EBADF);
            }
            for (set, wanted, mask) in [
                (&mut *readable, wanted[0], POLLIN | POLLHUP | POLLERR),
                (&mut *writable, wanted[1], POLLOUT | POLLERR),
            ] {
                if events & mask != 0 && wanted.contains(fd) {
                    count += usize::from(set.set(fd));
                }
            }
        }
        Ok(count)
    }
}
