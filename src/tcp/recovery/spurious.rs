//! Timeouts that came too early (RFC 3522): timestamps tell what was received, the first transmission or
//! the second.

use super::{Recovery, Sender, State};
use crate::tcp::Seq;

impl Recovery {
    /// What the timer had sent again goes with this timestamp. `pipe` is what was outstanding, or the
    /// threshold if that was more.
    pub const fn may_be_spurious(&mut self, pipe: u32, retransmit_stamp: u32) {
        if let State::Loss {
            pipe_before, stamp, ..
        } = &mut self.state
        {
            (*pipe_before, *stamp) = (pipe, retransmit_stamp);
        }
    }

    /// Data were acknowledged, with the echo of this timestamp if it counts. If that is from before the
    /// retransmission, nothing was lost (RFC 3522 §3.2): recovery is over, and the `pipe` of before is
    /// given back. Where all is acknowledged at once, it may be that all acknowledgements were lost.
    pub fn is_spurious(&mut self, echo: Option<u32>, sender: Sender) -> Option<u32> {
        let State::Loss {
            pipe_before, stamp, ..
        } = &mut self.state
        else {
            return None;
        };
        let pipe = core::mem::take(pipe_before);
        let is_early = echo.is_some_and(|echo| Seq(echo).is_before(Seq(*stamp)))
            && sender.una.is_before(self.recover);
        if pipe == 0 || !is_early {
            return None;
        }
        self.state = State::open(sender.una);
        Some(pipe)
    }
}
