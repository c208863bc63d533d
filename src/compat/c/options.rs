//! Options: getsockopt, setsockopt, fcntl, ioctl.

use core::ffi::{c_int, c_ulong};

use super::gate::{answer, done, enter};
use super::pointers::{Bytes, Out, Room};
use crate::compat::bsd::{Errno, FIONBIO, FIONREAD};

/// Bytes of a value that are looked at: more than any has.
const VALUE: u32 = 256;

/// So many bytes of a value.
fn length_of(length: u32) -> Result<usize, Errno> {
    usize::try_from(length.min(VALUE)).map_err(|_| Errno::EINVAL)
}

calls! {
    /// Sets an option.
    fn zonda_setsockopt(fd: c_int, level: c_int, name: c_int, value: Bytes, length: u32) -> c_int {
        done(enter(|world| {
            world.sockets.setsockopt(fd, level, name, value.slice(length_of(length)?)?)
        }))
    }

    /// Asks for an option; `length` is first the room for it, then what it has.
    fn zonda_getsockopt(
        fd: c_int,
        level: c_int,
        name: c_int,
        mut value: Room,
        length: Out<u32>,
    ) -> c_int {
        done(enter(|world| {
            let room = length_of(length.get()?)?;
            let got = world.sockets.getsockopt(fd, level, name, value.slice(room)?)?;
            length.put(got as u32)
        }))
    }

    /// The flags of a descriptor.
    fn zonda_fcntl(fd: c_int, command: c_int, argument: c_int) -> c_int {
        answer(enter(|world| world.sockets.fcntl(fd, command, argument)))
    }

    /// `FIONREAD` tells how many bytes there are, `FIONBIO` sets whether calls do not wait.
    fn zonda_ioctl(fd: c_int, request: c_ulong, argument: Out<c_int>) -> c_int {
        done(enter(|world| match c_int::try_from(request) {
            Ok(FIONREAD) => argument.put(world.sockets.ioctl(fd, FIONREAD, 0)?),
            Ok(FIONBIO) => {
                let _: c_int = world.sockets.ioctl(fd, FIONBIO, argument.get()?)?;
                Ok(())
            }
            Ok(other) => world.sockets.ioctl(fd, other, 0).map(|_| ()),
            Err(_) => Err(Errno::ENOTTY),
        }))
    }
}
