//! What acknowledgements, and those who drop packets, say of what is on its way: the scoreboard, loss
//! recovery and congestion control take note.

use super::connection::{Connection, Flags};
use super::ecn;
use super::recovery::Ack;
use super::scoreboard::Update;
use super::segment::{Scoreboards, Segment, Turn};
use super::sequence::Seq;
use crate::time::{Duration, Instant};

impl Connection {
    /// What is on its way was too long for a link, which is no congestion: it is sent again at once,
    /// in smaller pieces (RFC 1191 §6.4, RFC 8201 §5.4).
    pub(crate) fn send_smaller(&mut self, now: Instant, index: u16, boards: &mut Scoreboards) {
        if self.flight() == 0 || !self.state.is_synchronized() {
            return;
        }
        self.flags -= Flags::MEASURING;
        if self.flags.contains(Flags::SACK) {
            boards.lend(index, self.una);
        }
        let sender = self.sender();
        self.recovery.send_again(now, sender, boards.get(index));
        self.arm_retransmit(now);
    }

    /// Data were acknowledged after a timeout. If what was taken for lost was only late, all is as before,
    /// but for the round trip, which is longer (RFC 3522, RFC 4015).
    #[cold]
    fn look_for_spurious(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        newly_acked: u32,
        sample: Option<Duration>,
    ) {
        let mut blocks = segment.options.sack.iter();
        // That the retransmission came twice says that an acknowledgement was lost (RFC 3522 §3.2 step 5).
        let came_twice = (blocks.next()).is_some_and(|(_, right)| !Seq(right).is_after(self.una));
        let echo = segment.options.timestamps.map(|(_, echo)| echo);
        let echo = echo.filter(|_| !came_twice);
        let Some(pipe) = self.recovery.is_spurious(echo, self.sender()) else {
            return;
        };
        turn.boards.take_back(turn.index);
        if !self.is_congested(segment) {
            let flight = self.flight();
            self.congestion.undo_timeout(pipe, flight, newly_acked);
            // The window has its growth.
            self.flags -= Flags::CWND_LIMITED;
        }
        if let Some(sample) = sample {
            self.rtt.was_too_early(sample);
        }
    }

    /// An acknowledgement has come in: the scoreboard, loss recovery and congestion control take
    /// note.
    #[inline]
    pub(super) fn recover(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        newly_acked: u32,
        duplicate: bool,
        sample: Option<Duration>,
    ) {
        if segment.options.sack.is_empty()
            && !self.is_congested(segment)
            && turn.boards.get(turn.index).is_none()
        {
            if newly_acked == 0 && !duplicate {
                return;
            }
            let sender = self.sender();
            let cwnd_limited = self.flags.contains(Flags::CWND_LIMITED);
            let (rtt, congestion) = (&self.rtt, &mut self.congestion);
            if (self.recovery).on_plain_ack(
                newly_acked,
                cwnd_limited,
                turn.now,
                sender,
                rtt,
                congestion,
            ) {
                self.flags -= Flags::CWND_LIMITED;
                if ecn::ON && self.recovery.take_reduced() {
                    self.window_reduced();
                }
                return;
            }
        }
        self.recover_from(turn, segment, newly_acked, duplicate, sample);
    }

    #[cold]
    fn recover_from(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        newly_acked: u32,
        duplicate: bool,
        sample: Option<Duration>,
    ) {
        let has_sack = self.flags.contains(Flags::SACK);
        let blocks = segment
            .options
            .sack
            .iter()
            .map(|(left, right)| (Seq(left), Seq(right)));
        if newly_acked > 0 && self.recovery.is_recovering() {
            self.look_for_spurious(turn, segment, newly_acked, sample);
        }
        // Recovery that began without one ends without one.
        if has_sack
            && !self.recovery.is_recovering()
            && blocks.clone().any(|(_, right)| right.is_after(self.una))
        {
            turn.boards.lend(turn.index, self.una);
        }
        let congested = self.is_congested(segment);
        if newly_acked == 0 && !duplicate && segment.options.sack.is_empty() && !congested {
            return;
        }
        let sender = self.sender();
        let mut board = turn.boards.get(turn.index);
        let micros = super::recovery::micros(turn.now);
        let update = match board.as_deref_mut() {
            Some(board) => {
                if let Some(sample) = sample {
                    board.sampled(sample.as_micros() as u32);
                }
                board.update(self.una, self.nxt, blocks, micros, self.rtt.min_micros())
            }
            None => Update::default(),
        };
        let cwnd_limited = self.flags.contains(Flags::CWND_LIMITED);
        if newly_acked > 0 {
            self.flags -= Flags::CWND_LIMITED;
        }
        let ack = Ack {
            newly_acked,
            duplicate,
            cwnd_limited,
            congested,
            update,
        };
        let (rtt, congestion) = (&self.rtt, &mut self.congestion);
        self.recovery
            .on_ack(ack, turn.now, sender, rtt, congestion, board.as_deref_mut());
        if board.is_some_and(|board| board.is_empty()) && !self.recovery.is_recovering() {
            turn.boards.take_back(turn.index);
        }
        if ecn::ON && self.recovery.take_reduced() {
            self.window_reduced();
        }
        // "MUST reset the retransmit timer on receiving the ECN-Echo packet when the congestion window is
        // one" (RFC 3168 §6.1.2).
        if congested && self.congestion.window() <= self.mss().into() && self.flight() > 0 {
            self.arm_retransmit(turn.now);
        }
    }
}
