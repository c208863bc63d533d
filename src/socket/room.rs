//! Waiting for what a packet needs to be sent.

use core::future::poll_fn;
use core::task::Poll;

use crate::netbuf::{Pool, Purpose};
use crate::stack::transmit::HEADROOM;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};

/// Waits until there are blocks for `length` bytes; `None` if there never are.
pub(super) async fn in_pool(pool: Pool, length: usize) -> Option<()> {
    if !pool.can_hold(Purpose::Send, HEADROOM, length) {
        return None;
    }
    drop(
        pool.alloc_chain_async(Purpose::Send, HEADROOM, length)
            .await,
    );
    Some(())
}

/// Waits until a link is up and has room in its transmit queue of a traffic class.
pub(super) async fn in_port(stack: Stack<'_>, id: InterfaceId, class: u8) {
    poll_fn(|context| {
        stack.visit(|core| {
            let Some(interface) = core.interface(id) else {
                return Poll::Ready(());
            };
            if interface.is_up() && interface.port.want_room(class) {
                return Poll::Ready(());
            }
            core.wait(WaitKey::transmit(id), context.waker());
            core.wait(WaitKey::link(id), context.waker());
            Poll::Pending
        })
    })
    .await;
}
