//! Calls that wait, in a program without an executor.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::stack::{Next, Stack};

/// What a program does while a call waits.
pub trait Drive {
    /// Serves the drivers of the stack's ports, and may sleep: until `next` at most, or until a
    /// driver has something.
    fn idle(&mut self, next: Next);
}

impl<F: FnMut(Next)> Drive for F {
    fn idle(&mut self, next: Next) {
        self(next);
    }
}

/// Waits for `future`, and drives the stack meanwhile.
///
/// ```no_run
/// # #[cfg(feature = "ipv4")]
/// # fn main() -> Result<(), zonda::compat::bsd::Errno> {
/// # let stack: zonda::stack::Stack<'_> = loop {};
/// # fn serve_the_driver(next: zonda::stack::Next) {}
/// use zonda::compat::bsd::{AF_INET, SOCK_DGRAM, Sockets, block_on};
///
/// let sockets = Sockets::<4>::new(stack);
/// let fd = sockets.socket(AF_INET, SOCK_DGRAM, 0)?;
/// let mut data = [0; 64];
/// let length = block_on(stack, &mut serve_the_driver, sockets.recv(fd, &mut data, 0))?;
/// # let _ = length;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "ipv4"))]
/// # fn main() {}
/// ```
pub fn block_on<T>(stack: Stack<'_>, drive: &mut impl Drive, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // Nobody sleeps while this runs, so there is nobody to be woken.
    let waker = Waker::noop();
    let mut context = Context::from_waker(waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        if stack.poll() == Next::Now {
            continue;
        }
        // The turn may have brought what is waited for.
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        // And what was done then may be to be sent, or to be taken in by this host itself.
        if stack.register(waker) {
            drive.idle(stack.visit(|core| core.next()));
        } else {
            drive.idle(Next::Now);
        }
    }
}
