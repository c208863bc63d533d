//! Those who wait for a block, in line.

use core::task::{Poll, Waker};

use super::state::Waiting;
use super::{NetBuf, Pool, Purpose};

/// A place in the line of those who wait for blocks, which is left by dropping it.
pub(crate) struct Turn {
    pub(super) pool: Pool,
    pub(super) purpose: Purpose,
    pub(super) headroom: usize,
    pub(super) length: usize,
    /// How many blocks that takes.
    pub(super) blocks: u16,
    pub(super) ticket: Option<u32>,
}

impl Turn {
    /// The blocks, if there are enough of them and nobody stands before this. Then it is to be dropped.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<NetBuf> {
        // Once more after it has lined up: a block may have come back in between.
        for lined_up in [false, true] {
            let first = self.pool.0.section.with(|state| {
                let mut waiting = state.waiting.iter();
                // Never a part of what is wanted: others may wait for that part.
                state.has(self.purpose, self.blocks)
                    && waiting
                        .find(|entry| entry.purpose == self.purpose)
                        .is_none_or(|entry| Some(entry.ticket) == self.ticket)
            });
            if first {
                let buf = (self.pool).alloc_chain(self.purpose, self.headroom, self.length);
                if let Ok(buf) = buf {
                    return Poll::Ready(buf);
                }
            }
            if !lined_up {
                self.line_up(waker);
            }
        }
        Poll::Pending
    }

    fn line_up(&mut self, waker: &Waker) {
        let waker = waker.clone();
        let (pushed_out, replaced) = self.pool.0.section.with(|state| {
            state.wake = Some(wake_first);
            let mut waiting = state.waiting.iter_mut();
            if let Some(mine) = waiting.find(|entry| Some(entry.ticket) == self.ticket) {
                return (None, mine.waker.replace(waker));
            }
            // When the line is full its last gives way, and is woken to try again: those before it
            // keep their places, so that the line moves.
            let last = if state.waiting.is_full() {
                state.waiting.pop_back()
            } else {
                None
            };
            let ticket = *self.ticket.get_or_insert_with(|| {
                let ticket = state.next_ticket;
                state.next_ticket = ticket.wrapping_add(1);
                ticket
            });
            let _: Result<(), _> = state.waiting.push_back(Waiting {
                ticket,
                purpose: self.purpose,
                blocks: self.blocks,
                waker: Some(waker),
            });
            (last.and_then(|last| last.waker), None)
        });
        // Wakers are dropped and woken outside of the section.
        drop(replaced);
        if let Some(pushed_out) = pushed_out {
            pushed_out.wake();
        }
    }
}

/// Wakes the first in line of each purpose that there is a block for.
fn wake_first(pool: Pool) {
    use Purpose::{Control, Header, Receive, Send};

    for purpose in [Control, Receive, Send, Header] {
        let waker = pool.0.section.with(|state| {
            let mut waiting = state.waiting.iter();
            let first = waiting.position(|entry| entry.purpose == purpose)?;
            let blocks = state.waiting.get(first)?.blocks;
            if !state.has(purpose, blocks) {
                return None;
            }
            // It keeps its place: it comes back, or leaves the line.
            state.waiting.get_mut(first)?.waker.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let gone = self.pool.0.section.with(|state| {
            let mut gone = None;
            for _ in 0..state.waiting.len() {
                if let Some(entry) = state.waiting.pop_front() {
                    if entry.ticket == ticket {
                        gone = Some(entry);
                    } else {
                        let _: Result<(), _> = state.waiting.push_back(entry);
                    }
                }
            }
            gone
        });
        drop(gone);
        // The next in line may have been passed over while this one stood before it.
        self.pool.wake_waiters();
    }
}
