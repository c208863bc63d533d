//! How a client waits, and how others wait for it.

#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
mod idle;

use core::future::poll_fn;
use core::task::Poll;

#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
pub(super) use idle::idle;

use crate::stack::Stack;
use crate::stack::waiters::WaitKey;

/// What `look` finds, as soon as it finds something; it is called again whenever `key` is woken.
pub(super) async fn until<R>(stack: Stack<'_>, key: WaitKey, look: impl Fn() -> Option<R>) -> R {
    poll_fn(|context| {
        stack.visit(|core| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                core.wait(key, context.waker());
                Poll::Pending
            }
        })
    })
    .await
}
