//! The one stack of the program, and who is in a call of it.

use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use super::world::World;
use crate::compat::bsd::Errno;
use crate::sync::Section;

/// The stack; null until it is made.
static WORLD: AtomicPtr<World> = AtomicPtr::new(ptr::null_mut());

/// Why the last call failed.
static ERRNO: AtomicI32 = AtomicI32::new(0);

static GATE: Section<Gate> = Section::new(Gate {
    is_taken: false,
    calls: 0,
});

/// The stack is not to be used by two at once, and not to end while somebody waits in it.
struct Gate {
    is_taken: bool,
    /// Calls that have begun, those that wait among them.
    calls: u16,
}

/// Somebody is in a call.
struct Inside;

impl Inside {
    fn new() -> Result<Self, Errno> {
        GATE.with(|gate| {
            if gate.is_taken {
                return Err(Errno::EBUSY);
            }
            gate.calls = gate.calls.checked_add(1).ok_or(Errno::EBUSY)?;
            gate.is_taken = true;
            Ok(Self)
        })
    }

    /// Whether another call waits.
    fn is_alone(&self) -> bool {
        GATE.with(|gate| gate.calls == 1)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        GATE.with(|gate| {
            gate.is_taken = false;
            gate.calls -= 1;
        });
    }
}

/// Does `work` on the stack.
///
/// # Errors
///
/// `EBUSY` if somebody else is at it, `EPERM` if there is no stack.
pub(super) fn enter<R>(work: impl FnOnce(&'static World) -> Result<R, Errno>) -> Result<R, Errno> {
    let _inside = Inside::new()?;
    // SAFETY: what is there is a stack until `close` takes it away, which it does when nobody is
    // inside. No reference gets out: all that `enter` is used with gives numbers.
    let world = unsafe { WORLD.load(Ordering::Acquire).as_ref() };
    work(world.ok_or(Errno::EPERM)?)
}

/// Lets others use the stack while `wait` runs, which runs again until they have left.
pub(super) fn outside(mut wait: impl FnMut()) {
    GATE.with(|gate| gate.is_taken = false);
    loop {
        wait();
        if GATE.with(|gate| !core::mem::replace(&mut gate.is_taken, true)) {
            return;
        }
    }
}

/// Puts a stack in place, if there is none.
pub(super) fn open(make: impl FnOnce() -> Result<*mut World, Errno>) -> Result<(), Errno> {
    let _inside = Inside::new()?;
    if !WORLD.load(Ordering::Acquire).is_null() {
        return Err(Errno::EBUSY);
    }
    WORLD.store(make()?, Ordering::Release);
    Ok(())
}

/// Takes the stack away.
pub(super) fn close(end: impl FnOnce(*mut World)) -> Result<(), Errno> {
    let inside = Inside::new()?;
    if !inside.is_alone() {
        return Err(Errno::EBUSY);
    }
    let world = WORLD.load(Ordering::Acquire);
    if world.is_null() {
        return Err(Errno::EPERM);
    }
    end(world);
    WORLD.store(ptr::null_mut(), Ordering::Release);
    Ok(())
}

/// What a call answers that gives a number or -1.
pub(super) fn answer<R>(result: Result<R, Errno>) -> c_int
where
    c_int: TryFrom<R>,
{
    let number = result.and_then(|number| c_int::try_from(number).map_err(|_| Errno::EINVAL));
    number.unwrap_or_else(fail)
}

/// What a call answers that only succeeds or fails.
pub(super) fn done(result: Result<(), Errno>) -> c_int {
    answer(result.map(|()| 0))
}

/// What a call answers that gives a number of bytes or -1.
pub(super) fn bytes(result: Result<usize, Errno>) -> isize {
    let number = result.and_then(|number| isize::try_from(number).map_err(|_| Errno::EINVAL));
    number.unwrap_or_else(|error| fail(error) as isize)
}

/// Notes why a call fails, and says that it does.
pub(super) fn fail(error: Errno) -> c_int {
    ERRNO.store(error as i32, Ordering::Relaxed);
    -1
}

calls! {
    /// Why the last call failed that did: `ZONDA_E*`. Other calls leave it as it is.
    fn zonda_errno() -> c_int {
        ERRNO.load(Ordering::Relaxed)
    }
}
