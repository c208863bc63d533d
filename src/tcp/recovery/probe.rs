//! The tail loss probe (RFC 8985 §7): where no acknowledgement comes, something is sent that brings one.

use super::{Ack, Probing, REDUCED, Recovery, SAMPLED, Sender, State};
use crate::tcp::{Congestion, RttEstimator, Scoreboard, Seq, Span};
use crate::time::Duration;

/// What a peer may take to acknowledge a lone segment (RFC 8985 §7.2, `TLP.max_ack_delay`).
pub(super) const MAX_ACK_DELAY: Duration = Duration::from_millis(40);

/// What a tail loss probe consists of (RFC 8985 §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Probe {
    /// One segment that was never sent, whatever the congestion window.
    New,
    /// The last segment that was sent.
    Retransmit(Span),
}

impl Recovery {
    /// Whether there may be a tail loss probe, as far as is known here: nothing is lost, no probe is
    /// out, and the round trip was measured since the last one (RFC 8985 §7.3).
    #[inline]
    pub const fn may_probe(&self) -> bool {
        let is_probing = !matches!(
            self.state,
            State::Open {
                probing: Probing::No,
                ..
            }
        );
        !is_probing && self.has(SAMPLED)
    }

    /// When to send a tail loss probe, in microseconds from the last transmission of new data or the last
    /// acknowledgement of such, if at all (RFC 8985 §7.2). `board` is `None` where nothing is
    /// selectively acknowledged; without SACK there is no probe (§4).
    pub fn probe_timeout(
        &self,
        sender: Sender,
        sack: bool,
        rtt: &RttEstimator,
        mss: u16,
        board: Option<&Scoreboard>,
    ) -> Option<u32> {
        let calm = self.may_probe() && sack && board.is_none_or(Scoreboard::is_empty);
        if !calm || sender.flight() == 0 {
            return None;
        }
        let twice = rtt.srtt()?.as_micros() as u32 * 2;
        let span = match sender.flight() <= u32::from(mss) {
            true => twice + MAX_ACK_DELAY.as_micros() as u32,
            false => twice,
        };
        Some(span.min(rtt.rto_micros()))
    }

    /// The probe to send now (RFC 8985 §7.3).
    pub fn probe(&mut self, sender: Sender, mss: u16) -> Option<Probe> {
        let State::Open {
            probing, probe_end, ..
        } = &mut self.state
        else {
            return None;
        };
        if *probing != Probing::No || self.marks & SAMPLED == 0 || sender.flight() == 0 {
            return None;
        }
        self.marks &= !SAMPLED;
        if sender.unsent > 0 {
            *probing = Probing::New;
            *probe_end = sender.nxt + sender.unsent.min(u32::from(mss));
            return Some(Probe::New);
        }
        let length = sender.flight().min(u32::from(mss));
        let start = Seq(sender.nxt.0.wrapping_sub(length));
        *probing = Probing::Again;
        *probe_end = sender.nxt;
        Some(Probe::Retransmit(Span { start, length }))
    }

    /// The congestion response to a single loss that a probe has repaired (RFC 8985 §7.4.2).
    pub(super) fn follow_probe(
        &mut self,
        ack: &Ack,
        sender: Sender,
        sack: bool,
        congestion: &mut Congestion,
    ) {
        let State::Open {
            probing, probe_end, ..
        } = &mut self.state
        else {
            return;
        };
        if *probing == Probing::No || sender.una.is_before(*probe_end) {
            return;
        }
        let twice = ack.update.duplicate == Some(*probe_end);
        let bare = ack.duplicate && !sack;
        if *probing == Probing::New || twice || bare {
            *probing = Probing::No;
        } else if sender.una.is_after(*probe_end) {
            *probing = Probing::No;
            congestion.enter_recovery(sender.flight().saturating_add(ack.newly_acked));
            self.marks |= REDUCED;
        }
    }
}
