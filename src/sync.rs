//! A value that threads or interrupts share, reached in short sections of code that exclude
//! each other: a critical section on a microcontroller, a spin lock on a hosted system.
//!
//! This is the thin shim under the pool and the ports. Nothing foreign may run inside a section
//! (no waker, no callback, no drop of a user's value), and a section never contains another one
//! of the same value.

#![allow(unsafe_code)]

#[cfg(not(loom_models))]
use core::cell::UnsafeCell;
#[cfg(not(loom_models))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

#[cfg(loom_models)]
use loom::sync::Mutex;
#[cfg(loom_models)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU16, Ordering};

/// A value behind a section.
#[cfg(not(loom_models))]
pub(crate) struct Section<T> {
    #[cfg(hosted)]
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

/// A value behind a section: to the model checker a mutex, since it cannot follow who spins.
#[cfg(loom_models)]
pub(crate) struct Section<T>(Mutex<T>);

// SAFETY: `with` gives the only reference to the value, to one thread or interrupt at a time.
#[cfg(not(loom_models))]
unsafe impl<T: Send> Sync for Section<T> {}

impl<T> Section<T> {
    /// A section around `value`.
    #[cfg(not(loom_models))]
    pub(crate) const fn new(value: T) -> Self {
        Self {
            #[cfg(hosted)]
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// A section around `value`.
    #[cfg(loom_models)]
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Runs `work` alone with the value.
    #[cfg(loom_models)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // Poisoned only if a test has failed in a section.
        match self.0.lock() {
            Ok(mut value) => work(&mut value),
            Err(_) => unreachable!(),
        }
    }

    /// Runs `work` alone with the value.
    #[cfg(all(not(loom_models), not(hosted)))]
    #[inline(always)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        critical_section::with(|_| {
            // SAFETY: the critical section excludes every other user, and by the rule of this
            // module `work` does not come back here.
            work(unsafe { &mut *self.value.get() })
        })
    }

    /// Runs `work` alone with the value.
    #[cfg(all(not(loom_models), hosted))]
    #[inline(always)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        if self.taken.swap(true, Ordering::Acquire) {
            self.wait();
        }
        // SAFETY: this thread has set `taken`, and every other waits until it is cleared; by the
        // rule of this module `work` does not come back here.
        let result = work(unsafe { &mut *self.value.get() });
        self.taken.store(false, Ordering::Release);
        result
    }

    #[cfg(all(not(loom_models), hosted))]
    #[cold]
    fn wait(&self) {
        while self.taken.swap(true, Ordering::Acquire) {
            #[cfg(feature = "std")]
            std::thread::yield_now();
            #[cfg(not(feature = "std"))]
            core::hint::spin_loop();
        }
    }
}
