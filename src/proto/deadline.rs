//! Futures that are given up after some time, on the stack's clock.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use crate::stack::Stack;
use crate::time::Instant;

/// What `work` comes to; `None` if it has not by `deadline`. Pinned by the caller, it takes its
/// room once.
pub(crate) async fn before<T>(
    stack: Stack<'_>,
    deadline: Instant,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let mut sleep = pin!(stack.sleep_until(deadline));
    poll_fn(|context| {
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}
