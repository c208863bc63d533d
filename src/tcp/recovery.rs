//! Loss recovery of a sender: what to send, and how much, when something is missing.
//!
//! - With selective acknowledgements (a [`Scoreboard`]): RFC 6675, with losses found as there.
//! - Without: three duplicate acknowledgements (RFC 5681 §3.2), and partial acknowledgements
//!   (RFC 6582 §3.2).
//! - The window goes down by proportional rate reduction (RFC 6937), with the slow start bound, in
//!   place of the inflation of RFC 5681 §3.2 steps 3 to 6. It is a limit for what is sent per
//!   acknowledgement, so the loss of a retransmission costs no second reduction (RFC 8985 §9.3).
//! - Before there are enough duplicates, limited transmit (RFC 3042; RFC 6675 §5 step 3).
//! - A tail loss probe where no acknowledgement comes at all (RFC 8985 §7).
//! - After a timeout, slow start over all that was outstanding (RFC 5681 §3.1, RFC 6675 §5.1):
//!   SND.NXT stays where it is. If timestamps show that nothing was lost, all is as before (RFC 3522,
//!   RFC 4015).
//!
//! The reordering window adapts as RFC 8985 §6.2 step 4 says: none before reordering was seen.

pub use probe::Probe;

use crate::time::{Duration, Instant};

use super::{Congestion, Patience, RttEstimator, Scoreboard, Seq, Span, Update};

/// Duplicate acknowledgements that are a loss (RFC 5681 §3.2).
const DUP_THRESH: u8 = 3;
/// Recoveries for which a widened reordering window is kept (RFC 8985 §6.2 step 4).
const PERSIST: u8 = 16;
/// Fractional bits of the share by which the window goes down.
const RATIO_BITS: u32 = 14;

/// What the connection knows of what it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sender {
    /// SND.UNA.
    pub una: Seq,
    /// SND.NXT: the end of all that was ever sent.
    pub nxt: Seq,
    /// Octets that wait to be sent for the first time, and that the peer's window would take.
    pub unsent: u32,
}

impl Sender {
    /// Octets outstanding (FlightSize, RFC 5681 §2).
    pub fn flight(&self) -> u32 {
        u32::try_from(self.nxt.since(self.una)).unwrap_or(0)
    }
}

/// What an acceptable acknowledgement said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ack {
    /// Octets by which SND.UNA moved.
    pub newly_acked: u32,
    /// Whether it is a duplicate in the sense of RFC 5681 §2.
    pub duplicate: bool,
    /// Whether the congestion window was what held back the last transmission.
    pub cwnd_limited: bool,
    /// Whether it says that routers have marked data for congestion (RFC 3168 §6.1.2).
    pub congested: bool,
    /// What the scoreboard made of it, where there is one.
    pub update: Update,
}

/// What may be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Send {
    /// This again.
    Retransmit(Span),
    /// This again, although nothing says that it is lost (RFC 6675 §4, `NextSeg` rule 4).
    Rescue(Span),
    /// Up to so many octets that were never sent.
    New(u32),
}

/// What is being recovered from, and what is known for as long as that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// Nothing is known to be lost.
    Open {
        probing: Probing,
        /// Octets that limited transmit has sent since the first duplicate.
        limited: u32,
        probe_end: Seq,
        /// RACK.dsack_round.
        dsack_round: Seq,
    },
    /// Fast recovery.
    Fast {
        /// The first segment outstanding is to be retransmitted at once (no scoreboard).
        first: bool,
        /// ssthresh / RecoverFS, times 2^14 (RFC 6937 §3).
        ratio: u16,
        /// `prr_delivered` and `prr_out`.
        delivered: u32,
        out: u32,
        /// `sndcnt`: what may still be sent in answer to the last acknowledgement.
        budget: u32,
    },
    /// After a retransmission timeout.
    Loss {
        /// Without a scoreboard: what is before this has been retransmitted.
        resent: Seq,
        /// `pipe_prev` (RFC 4015 §3.1) until the first acknowledgement; zero where nothing tells whether
        /// the timeout was spurious.
        pipe_before: u32,
        /// RetransmitTS (RFC 3522 §3.2).
        stamp: u32,
    },
}

/// Where a probe is (RFC 8985 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Probing {
    No,
    New,
    Again,
}

/// The state of loss recovery of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Recovery {
    /// RecoveryPoint, `recover` of RFC 6582: SND.NXT when recovery began.
    recover: Seq,
    /// SND.NXT when the window was last reduced: what is acknowledged below it tells nothing new.
    #[cfg(feature = "tcp-ecn")]
    reduced: Seq,
    state: State,
    /// As many as 255 are counted.
    dup_acks: u8,
    /// RACK.reo_wnd_mult less one.
    widened: u8,
    /// RACK.reo_wnd_persist.
    persist: u8,
    marks: u8,
}

/// The bits of [`Recovery::marks`]: an RTT sample was taken since the last probe.
const SAMPLED: u8 = 1 << 0;
/// RACK.reordering_seen.
const REORDERING_SEEN: u8 = 1 << 1;
/// Within RACK.dsack_round.
const IN_DSACK_ROUND: u8 = 1 << 2;

/// The congestion window was reduced, and nobody has asked yet.
const REDUCED: u8 = 1 << 3;

impl State {
    /// Nothing is known to be lost, and nothing is known else.
    const fn open(una: Seq) -> Self {
        Self::Open {
            probing: Probing::No,
            limited: 0,
            probe_end: una,
            dsack_round: una,
        }
    }
}

impl Recovery {
    /// The state of a connection whose first sequence number is `iss`.
    pub const fn new(iss: Seq) -> Self {
        Self {
            recover: iss,
            #[cfg(feature = "tcp-ecn")]
            reduced: iss,
            state: State::open(iss),
            dup_acks: 0,
            widened: 0,
            persist: 0,
            marks: 0,
        }
    }

    const fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    const fn is_fast(&self) -> bool {
        matches!(self.state, State::Fast { .. })
    }

    /// Whether losses are being repaired, by fast recovery or after a timeout.
    pub fn is_recovering(&self) -> bool {
        !self.is_open()
    }

    /// Whether an acknowledgement has reduced the congestion window since this was asked last.
    pub const fn take_reduced(&mut self) -> bool {
        let reduced = self.has(REDUCED);
        self.marks &= !REDUCED;
        reduced
    }

    /// An RTT sample was taken: another tail loss probe may follow (RFC 8985 §7.3).
    pub const fn on_rtt_sample(&mut self) {
        self.marks |= SAMPLED;
    }

    /// Takes in an acceptable acknowledgement, or (an [`Ack`] that says nothing) the reordering
    /// timer. `board` has been updated with it. Then [`next`](Self::next) tells what to send.
    pub fn on_ack(
        &mut self,
        ack: Ack,
        now: Instant,
        sender: Sender,
        rtt: &RttEstimator,
        congestion: &mut Congestion,
        mut board: Option<&mut Scoreboard>,
    ) {
        self.adapt(&ack, sender);
        self.follow_probe(&ack, sender, board.is_some(), congestion);
        let delivered = self.delivered(&ack, congestion.mss(), board.is_some());
        if let State::Loss { resent, .. } = &mut self.state {
            *resent = later(*resent, sender.una);
        }

        let over = ack.newly_acked > 0 && !sender.una.is_before(self.recover);
        if !self.is_open() && over {
            self.leave(sender.una, congestion);
        } else if let State::Fast { first, .. } = &mut self.state
            && ack.newly_acked > 0
        {
            // A partial acknowledgement (RFC 6582 §3.2 step 3).
            *first = true;
        }
        if !self.is_fast() {
            congestion.on_ack(
                now,
                ack.newly_acked,
                rtt.srtt_micros(),
                (ack.cwnd_limited || !self.is_open()) && !ack.congested,
            );
        }
        self.hear_congestion(&ack, sender, congestion);
        let lost = match &mut board {
            Some(board) => {
                let patience = self.patience(rtt, board);
                let _: bool = board.detect(micros(now), congestion.mss(), patience);
                if self.is_open() && self.dup_acks >= DUP_THRESH && patience.counts {
                    board.lose_first();
                }
                board.any_lost()
            }
            // RFC 6582 §3.2 step 2: not for duplicates of what a timeout has repeated.
            None => self.dup_acks >= DUP_THRESH && !sender.una.is_before(self.recover),
        };
        if self.is_open() && lost {
            self.enter(sender, congestion, board.as_deref_mut());
        }
        if self.is_fast() {
            let pipe = self.pipe(sender, congestion.mss(), board.as_deref());
            self.reduce(delivered, pipe, congestion);
        }
    }

    /// As [`on_ack`](Self::on_ack), in a few steps, of the acknowledgement that nearly every one is: of new
    /// data, while nothing is known to be lost, no duplicates were counted and no probe is out, without a
    /// scoreboard and without a sign of congestion. False if it is none: then nothing has happened.
    #[inline]
    pub fn on_plain_ack(
        &mut self,
        newly_acked: u32,
        cwnd_limited: bool,
        now: Instant,
        sender: Sender,
        rtt: &RttEstimator,
        congestion: &mut Congestion,
    ) -> bool {
        let State::Open {
            probing: Probing::No,
            limited,
            ..
        } = &mut self.state
        else {
            return false;
        };
        if newly_acked == 0 || self.dup_acks > 0 || self.marks & IN_DSACK_ROUND != 0 {
            return false;
        }
        *limited = 0;
        congestion.on_ack(now, newly_acked, rtt.srtt_micros(), cwnd_limited);
        self.hear_congestion(&Ack::default(), sender, congestion);
        true
    }

    /// Congestion was experienced, and nothing was lost: the window is reduced, once for all that was
    /// on its way (RFC 3168 §6.1.2).
    #[cfg(feature = "tcp-ecn")]
    fn hear_congestion(&mut self, ack: &Ack, sender: Sender, congestion: &mut Congestion) {
        // Not left behind further than just below, so that it never wraps to the far side.
        self.reduced = later(self.reduced, Seq(sender.una.0.wrapping_sub(1)));
        if ack.congested && self.is_open() && sender.una.is_after(self.reduced) {
            congestion.enter_recovery(sender.flight().saturating_add(ack.newly_acked));
            self.reduced = sender.nxt;
            self.marks |= REDUCED;
        }
    }

    #[cfg(not(feature = "tcp-ecn"))]
    const fn hear_congestion(&mut self, _: &Ack, _: Sender, _: &mut Congestion) {}

    /// What may be sent now. Ask again after each segment, which was made known by
    /// [`sent`](Self::sent) or [`retransmitted`](Self::retransmitted).
    pub fn next(
        &self,
        sender: Sender,
        congestion: &Congestion,
        board: Option<&Scoreboard>,
    ) -> Option<Send> {
        if board.is_none() && self.is_open() {
            return self.next_open(sender, congestion);
        }
        let mss = congestion.mss();
        let budget = match self.state {
            State::Fast { budget, .. } => budget,
            _ => {
                let pipe = self.pipe(sender, mss, board);
                congestion.window().saturating_sub(pipe)
            }
        };
        let missing = match (self.state, board) {
            (State::Open { .. }, _) => None,
            (_, Some(board)) => board.lost_segment(mss),
            (State::Fast { first: true, .. }, None) => segment(sender.una, sender.nxt, mss),
            (State::Fast { .. }, None) => None,
            (State::Loss { resent, .. }, None) => segment(resent, self.recover, mss),
        };
        if let Some(span) = missing {
            // Without a scoreboard the segment that a partial acknowledgement asks for goes at once.
            let at_once = self.is_fast() && board.is_none();
            return (at_once || budget >= span.length).then_some(Send::Retransmit(span));
        }
        if sender.unsent > 0 {
            return (budget >= sender.unsent.min(u32::from(mss))).then_some(Send::New(budget));
        }
        // Last resorts (RFC 6675 §4 rules 3 and 4).
        let board = board.filter(|_| self.is_fast())?;
        if let Some(span) = board
            .doubtful_segment(mss)
            .filter(|_| !self.has(REORDERING_SEEN))
        {
            return (budget >= span.length).then_some(Send::Retransmit(span));
        }
        let span = board.rescue_segment(sender.nxt, mss)?;
        (budget >= span.length).then_some(Send::Rescue(span))
    }

    /// The same while nothing is known to be missing, without a scoreboard. Limited transmit: a segment
    /// more for each of the first two duplicates (RFC 3042).
    #[inline]
    fn next_open(&self, sender: Sender, congestion: &Congestion) -> Option<Send> {
        let mss = u32::from(congestion.mss());
        let more = u32::from(self.dup_acks.min(DUP_THRESH - 1)) * mss;
        let window = congestion.window().saturating_add(more);
        let budget = window.saturating_sub(sender.flight());
        (sender.unsent > 0 && budget >= sender.unsent.min(mss)).then_some(Send::New(budget))
    }

    /// `length` octets were sent for the first time.
    pub fn sent(&mut self, length: u32) {
        if let State::Open { limited, .. } = &mut self.state
            && self.dup_acks > 0
        {
            *limited = limited.saturating_add(length);
        }
        self.spend(length);
    }

    /// What [`next`](Self::next) asked for was sent again.
    pub fn retransmitted(
        &mut self,
        what: Send,
        sender: Sender,
        now: Instant,
        board: Option<&mut Scoreboard>,
    ) {
        let span = match what {
            Send::Retransmit(span) => {
                match &mut self.state {
                    State::Fast { first, .. } => *first = false,
                    State::Loss { resent, .. } => {
                        *resent = later(*resent, span.start + span.length)
                    }
                    State::Open { .. } => {}
                }
                if let Some(board) = board {
                    board.retransmitted(span, sender.nxt, micros(now));
                }
                span
            }
            Send::Rescue(span) => {
                if let Some(board) = board {
                    board.rescued(self.recover);
                }
                span
            }
            Send::New(_) => return,
        };
        self.spend(span.length);
    }

    /// The retransmission timer expired (RFC 5681 §3.1, RFC 6582 §3.2 step 4, RFC 6675 §5.1).
    pub fn on_timeout(
        &mut self,
        now: Instant,
        sender: Sender,
        congestion: &mut Congestion,
        board: Option<&mut Scoreboard>,
    ) {
        congestion.on_timeout(sender.flight());
        #[cfg(feature = "tcp-ecn")]
        {
            self.reduced = sender.nxt;
        }
        self.send_again(now, sender, board);
    }

    /// All that is outstanding is taken for lost, as after a timeout; but the window stays as it is.
    pub fn send_again(&mut self, now: Instant, sender: Sender, board: Option<&mut Scoreboard>) {
        if let Some(board) = board {
            board.timed_out(sender.una, sender.nxt, micros(now));
        }
        self.state = State::Loss {
            resent: sender.una,
            pipe_before: 0,
            stamp: 0,
        };
        self.recover = sender.nxt;
        self.dup_acks = 0;
    }

    /// The reordering timer: how long from now losses may come to light although nothing is
    /// received (RFC 8985 §6.2 step 5).
    pub fn reordering_timer(
        &self,
        now: Instant,
        rtt: &RttEstimator,
        board: &Scoreboard,
    ) -> Option<Duration> {
        let micros = board.deadline(micros(now), self.patience(rtt, board))?;
        Some(Duration::from_micros(u64::from(micros)))
    }

    /// The reordering window (RFC 8985 §6.2 steps 3 and 4). A round that lasts when recovery begins
    /// ends with that.
    fn adapt(&mut self, ack: &Ack, sender: Sender) {
        if ack.update.reordered {
            self.marks |= REORDERING_SEEN;
        }
        let round_end = match self.state {
            State::Open { dsack_round, .. } => dsack_round,
            _ => self.recover,
        };
        if self.has(IN_DSACK_ROUND) && !sender.una.is_before(round_end) {
            self.marks &= !IN_DSACK_ROUND;
        }
        if ack.update.duplicate.is_some() && !self.has(IN_DSACK_ROUND) {
            self.marks |= IN_DSACK_ROUND;
            if let State::Open { dsack_round, .. } = &mut self.state {
                *dsack_round = sender.nxt;
            }
            self.widened = self.widened.saturating_add(1);
            self.persist = PERSIST;
        }
    }

    fn patience(&self, rtt: &RttEstimator, board: &Scoreboard) -> Patience {
        let quarter = rtt.min_micros() / 4;
        let widened = quarter.saturating_mul(u32::from(self.widened) + 1);
        let seen = self.has(REORDERING_SEEN);
        let window = match seen || self.is_open() {
            false => 0,
            true => widened.min(rtt.srtt_micros()),
        };
        Patience {
            rtt: board.round_trip().unwrap_or(rtt.srtt_micros()),
            window,
            counts: !seen,
        }
    }

    /// `DeliveredData` (RFC 6937 §2), and the count of duplicates.
    fn delivered(&mut self, ack: &Ack, mss: u16, sack: bool) -> u32 {
        let mss = u32::from(mss);
        let duplicate = match sack {
            true => ack.update.sacked > 0,
            false => ack.duplicate,
        };
        let delivered = match (sack, ack.duplicate) {
            (true, _) => ack.update.delivered,
            (false, true) => mss,
            (false, false) => {
                let counted = u32::from(self.dup_acks).saturating_mul(mss);
                ack.newly_acked.saturating_sub(counted)
            }
        };
        if ack.newly_acked > 0 {
            let segments = ack.newly_acked.div_ceil(mss.max(1));
            let gone = match self.is_fast() && !sack {
                true => u8::try_from(segments).unwrap_or(u8::MAX),
                false => u8::MAX,
            };
            self.dup_acks = self.dup_acks.saturating_sub(gone);
            if let State::Open { limited, .. } = &mut self.state {
                *limited = 0;
            }
        }
        if duplicate {
            self.dup_acks = self.dup_acks.saturating_add(1);
        }
        delivered
    }

    fn enter(
        &mut self,
        sender: Sender,
        congestion: &mut Congestion,
        board: Option<&mut Scoreboard>,
    ) {
        let flight = sender.flight();
        let limited = match self.state {
            State::Open { limited, .. } => limited,
            _ => 0,
        };
        // "the TCP sender's congestion window should be reduced only once in response to a series of
        // dropped and/or CE packets from a single window of data" (RFC 3168 §6.1.2).
        #[cfg(feature = "tcp-ecn")]
        let is_reduced = self.reduced.is_after(sender.una);
        #[cfg(not(feature = "tcp-ecn"))]
        let is_reduced = false;
        if !is_reduced {
            congestion.enter_recovery(flight.saturating_sub(limited));
            self.marks |= REDUCED;
        }
        #[cfg(feature = "tcp-ecn")]
        {
            self.reduced = sender.nxt;
        }
        self.recover = sender.nxt;
        // Once per recovery: the only division, so that none is needed per acknowledgement.
        let ratio = (u64::from(congestion.ssthresh()) << RATIO_BITS) / u64::from(flight.max(1));
        self.state = State::Fast {
            first: true,
            ratio: u16::try_from(ratio).unwrap_or(u16::MAX),
            delivered: 0,
            out: 0,
            budget: 0,
        };
        if let Some(board) = board {
            let first = board.lost_segment(congestion.mss());
            board.enter_recovery(first.map_or(sender.una, |span| span.start + span.length));
        }
    }

    fn leave(&mut self, una: Seq, congestion: &mut Congestion) {
        if self.is_fast() {
            congestion.leave_recovery();
        }
        self.state = State::open(una);
        self.marks &= !IN_DSACK_ROUND;
        self.dup_acks = 0;
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.widened = 0;
        }
    }

    /// Proportional rate reduction (RFC 6937 §3).
    fn reduce(&mut self, delivered: u32, pipe: u32, congestion: &Congestion) {
        let State::Fast {
            ratio,
            delivered: all,
            out,
            budget,
            ..
        } = &mut self.state
        else {
            return;
        };
        let mss = u32::from(congestion.mss());
        let ssthresh = congestion.ssthresh();
        *all = all.saturating_add(delivered);
        *budget = if pipe > ssthresh {
            let share = (u64::from(*all) * u64::from(*ratio)).div_ceil(1 << RATIO_BITS);
            u32::try_from(share)
                .unwrap_or(u32::MAX)
                .saturating_sub(*out)
        } else {
            // PRR-SSRB.
            let banked = all.saturating_sub(*out);
            let limit = banked.max(delivered).saturating_add(mss);
            limit.min(ssthresh.saturating_sub(pipe))
        };
        if *out == 0 {
            // Fast retransmit (RFC 6675 §5 step 4.3) goes whatever the bound.
            *budget = (*budget).max(mss);
        }
    }

    fn spend(&mut self, length: u32) {
        if let State::Fast { out, budget, .. } = &mut self.state {
            *out = out.saturating_add(length);
            *budget = budget.saturating_sub(length);
        }
    }

    /// Octets in the network.
    fn pipe(&self, sender: Sender, mss: u16, board: Option<&Scoreboard>) -> u32 {
        match (self.state, board) {
            (_, Some(board)) => board.pipe(sender.nxt),
            (State::Loss { resent, .. }, None) => {
                let again = resent.since(sender.una).max(0);
                let new = sender.nxt.since(self.recover).max(0);
                again.cast_unsigned().saturating_add(new.cast_unsigned())
            }
            (_, None) => {
                let gone = u32::from(self.dup_acks).saturating_mul(u32::from(mss));
                sender.flight().saturating_sub(gone)
            }
        }
    }
}

fn segment(start: Seq, end: Seq, mss: u16) -> Option<Span> {
    let length = u32::try_from(end.since(start))
        .unwrap_or(0)
        .min(u32::from(mss));
    (length > 0).then_some(Span { start, length })
}

fn later(a: Seq, b: Seq) -> Seq {
    if a.is_after(b) { a } else { b }
}

/// The time as the scoreboard counts it: microseconds modulo 2^32.
#[allow(clippy::cast_possible_truncation)]
pub const fn micros(now: Instant) -> u32 {
    now.as_micros() as u32
}

mod probe;
#[cfg(test)]
mod simulation;
mod spurious;
#[cfg(test)]
mod tests;
