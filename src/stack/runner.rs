//! Drives a stack from an async executor, on the clock of embassy-time. Nothing else here knows
//! that clock.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use super::core::Next;
use super::handle::{Clock, Stack};
use crate::time::Instant;

/// The clock of embassy-time.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbassyClock;

impl Clock for EmbassyClock {
    #[inline]
    fn now(&self) -> Instant {
        Instant::from_micros(embassy_time::Instant::now().as_micros())
    }
}

/// Polls a stack whenever a port or the clock says so.
pub struct Runner<'a> {
    stack: Stack<'a>,
}

impl<'a> Runner<'a> {
    /// A runner for `stack`, whose clock is [`EmbassyClock`]. One stack has one runner.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self { stack }
    }

    /// Runs the stack for ever: await this in a task of its own.
    pub async fn run(&mut self) -> Infallible {
        loop {
            let next = self.stack.poll();
            let deadline = match next {
                Next::Now => {
                    // Others have their turn in between.
                    yield_now().await;
                    continue;
                }
                Next::At(deadline) => embassy_time::Instant::from_micros(deadline.as_micros()),
                Next::Idle => embassy_time::Instant::MAX,
            };
            let mut timer = pin!(embassy_time::Timer::at(deadline));
            let mut polled = false;
            poll_fn(|context| {
                // The second time something has woken this task.
                if core::mem::replace(&mut polled, true)
                    || !self.stack.register(context.waker())
                    || timer.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
        }
    }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
