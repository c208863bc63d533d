//! How a program makes the stack and drives it.

use core::ffi::c_int;

use super::gate::{answer, close, done, enter, open};
use super::layout::Platform;
use super::pointers::{In, Out, Room};
use super::world::{SIZE, World};
use crate::compat::bsd::Errno;
use crate::stack::{Next, Stack};
use crate::time::Duration;

/// The stack of the program, for what is made in Rust: ports, and protocols that have no C interface.
///
/// # Safety
///
/// What is got from here is used by the thread that calls, not while a call of C is at it, but for
/// the function that waits, and not after [`zonda_end`].
pub unsafe fn stack() -> Option<Stack<'static>> {
    enter(|world| Ok(world.stack())).ok()
}

calls! {
    /// Bytes of memory that [`zonda_init`] needs, wherever they begin.
    fn zonda_memory_size() -> usize {
        SIZE
    }

    /// Makes the stack of the program, in memory that it gets back with [`zonda_end`].
    fn zonda_init(memory: Room, size: usize, platform: In<Platform>) -> c_int {
        done(open(|| World::make(&memory, size, &platform)))
    }

    /// Ends the stack. Its sockets are closed; nothing is waited for. The drivers are not called any
    /// more, and the memory is the program's again.
    fn zonda_end() -> c_int {
        done(close(World::end))
    }

    /// Does what there is to do, and waits for nothing. Tells in how many milliseconds there will be
    /// more; `UINT32_MAX`: when a driver has something.
    fn zonda_turn(next: Out<u32>) -> c_int {
        done(enter(|world| {
            let turn = world.turn();
            match next.is_null() {
                true => Ok(()),
                false => next.put(world.millis_until(turn)),
            }
        }))
    }

    /// Drives the stack for so many milliseconds.
    fn zonda_run(milliseconds: u32) -> c_int {
        done(enter(|world| {
            let span = Duration::from_millis(milliseconds.into());
            world.wait_for(world.stack().sleep(span));
            let _: Next = world.turn();
            Ok(())
        }))
    }

    /// How many blocks of the pool are in use.
    fn zonda_blocks_used() -> c_int {
        answer::<u16>(enter(|world| Ok::<_, Errno>(world.blocks_used())))
    }
}
