//! Tasks without an executor: rooms for them in static memory, and a turn for each.

use core::cell::UnsafeCell;
use core::future::Future;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::task::{Context, Waker};

/// The size of the future that an asynchronous function of one argument returns.
pub const fn size_of_task<A, F: Future>(_: fn(A) -> F) -> usize {
    size_of::<F>()
}

/// Room for a task of `BYTES` bytes.
#[repr(align(8))]
pub struct Room<const BYTES: usize>(UnsafeCell<MaybeUninit<[u8; BYTES]>>);

// SAFETY: see `put`.
unsafe impl<const BYTES: usize> Sync for Room<BYTES> {}

impl<const BYTES: usize> Room<BYTES> {
    /// An empty room.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Puts a task there. To be called once, from the one thread there is.
    pub fn put<F: Future<Output = ()> + 'static>(&'static self, task: F) -> Task {
        const { assert!(size_of::<F>() <= BYTES && align_of::<F>() <= 8) };
        let place: *mut F = self.0.get().cast();
        // SAFETY: called once, by the rule above; the room is large enough, and static.
        unsafe {
            place.write(task);
            Pin::new_unchecked(&mut *place)
        }
    }
}

/// A task in its room.
pub type Task = Pin<&'static mut dyn Future<Output = ()>>;

/// Gives each task that has not ended a turn.
pub fn turn(tasks: &mut [Task]) {
    let mut context = Context::from_waker(Waker::noop());
    for task in tasks {
        let _ = task.as_mut().poll(&mut context);
    }
}

/// Makes a room for a task, a function of one argument, and says how large it is by a symbol.
#[macro_export]
macro_rules! room {
    ($name:ident: $task:path) => {
        pub static $name: $crate::tasks::Room<{ $crate::tasks::size_of_task($task) }> =
            $crate::tasks::Room::new();
        core::arch::global_asm!(
            concat!(".global future_", stringify!($name)),
            concat!(".set future_", stringify!($name), ", {size}"),
            size = const $crate::tasks::size_of_task($task),
        );
    };
}
