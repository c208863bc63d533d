//! How a client waits that has several things to wait for.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use crate::socket::UdpSocket;
use crate::stack::waiters::WaitKey;
use crate::stack::{Core, InterfaceId, Stack};
use crate::time::Instant;

/// Waits until there is something to do: a datagram or an error has come, the time has, or it is not
/// `is_idle` any more, which is asked when the interface changes and when `key` is woken.
pub(in crate::proto) async fn idle(
    socket: &UdpSocket<'_>,
    (stack, id): (Stack<'_>, InterfaceId),
    key: WaitKey,
    deadline: Instant,
    is_idle: impl Fn(&Core<'_>) -> bool,
) {
    let mut sleep = pin!(stack.sleep_until(deadline));
    poll_fn(|context| {
        // What has changed since is seen before it is waited for.
        let is_idle = stack.visit(|core| {
            let received = core.udp.get(socket.index());
            let is_idle = is_idle(core)
                && received.is_none_or(|slot| slot.received.is_empty() && slot.error.is_none());
            if is_idle {
                core.wait(WaitKey::udp(socket.index()), context.waker());
                core.wait(WaitKey::link(id), context.waker());
                core.wait(key, context.waker());
            }
            is_idle
        });
        match is_idle {
            true => sleep.as_mut().poll(context),
            false => Poll::Ready(()),
        }
    })
    .await;
}
