//! SEGMENT ARRIVES (RFC 9293 §3.10.7), for connections that have a control block: what is checked,
//! in the order of the specification, and what the data and the FIN do.

use super::clock::{Deadline, Past};
use super::connection::{Agreed, Connection, Flags, TcpState, Timers, default_mss};
use super::error::TcpError;
use super::segment::{Answer, Segment, Turn};
use super::sequence::Seq;
use crate::config;
use crate::netbuf::{Charge, NetBuf, Parked};
use crate::time::{Duration, Instant};
use crate::wire::tcp::TcpFlags;

/// After so long without a segment a timestamp says nothing about age any more (RFC 7323 §5.5).
const TIMESTAMP_VALID: Duration = Duration::from_secs(24 * 24 * 3600);

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) answer: Answer,
    /// The data could not be kept: quota, pool or window.
    pub(crate) dropped: bool,
}

impl From<Answer> for Arrived {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            dropped: false,
        }
    }
}

impl Connection {
    /// A segment has come in for this connection. Its data start at the payload offset of `buf`.
    pub(crate) fn segment_arrives(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Arrived {
        if self.is_expected(segment) {
            let dropped = self.arrives_as_expected(turn, segment, buf);
            return Arrived {
                answer: Answer::None,
                dropped,
            };
        }
        self.any_segment_arrives(turn, segment, buf)
    }

    /// Whether a segment is what nearly every one is: in a connection that is up and open both ways, the
    /// next data in line or an acknowledgement of more, and the window neither shuts nor opens. All
    /// checks of RFC 9293 §3.10.7.4 let it pass.
    #[inline]
    fn is_expected(&self, segment: &Segment<'_>) -> bool {
        let is_timely = match segment.options.timestamps {
            // RFC 7323 §5.3 R1.
            Some((value, _)) => !Seq(value).is_before(Seq(self.round_trips.recent())),
            None => false,
        };
        self.state == TcpState::Established
            && segment.flags.difference(TcpFlags::PSH) == TcpFlags::ACK
            && segment.seq == self.rcv_nxt
            && segment.length <= self.rcv_edge.distance(self.rcv_nxt)
            && segment.ack.distance(self.una) <= self.flight()
            && (segment.length > 0 || segment.ack != self.una)
            && segment.window > 0
            && self.wnd > 0
            && is_timely == self.flags.contains(Flags::TIMESTAMPS)
            && !self.flags.intersects(Flags::FIN_KNOWN | Flags::READ_SHUT)
            && self.out_of_order.is_empty()
            && !segment.congestion
    }

    /// What [`any_segment_arrives`](Self::any_segment_arrives) does with such a segment.
    fn arrives_as_expected(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        mut buf: NetBuf,
    ) -> bool {
        let now = turn.now;
        if let Some((value, _)) = segment.options.timestamps
            && self.flags.contains(Flags::TIMESTAMPS)
            && !segment.seq.is_after(self.last_ack)
        {
            self.round_trips.stamped(value, now);
        }
        let newly_acked = segment.ack.distance(self.una);
        if newly_acked > 0 || !segment.seq.is_before(self.wl1) {
            self.set_peer_window(segment, u32::from(segment.window) << self.scales.send());
        }
        let held = self.flags.contains(Flags::UNACCEPTED) || !self.flags.contains(Flags::ORPHAN);
        if held || newly_acked > 0 {
            self.heard_from(now);
        }
        if newly_acked > 0 {
            let sample = self.take_ack(now, segment, newly_acked);
            self.recover(turn, segment, newly_acked, false, sample);
            self.after_ack(now, newly_acked);
        } else if !segment.options.sack.is_empty() {
            self.recover(turn, segment, 0, false, None);
        }
        if segment.length == 0 {
            return false;
        }
        let start = usize::from(buf.meta().payload);
        buf.truncate(start + segment.length as usize);
        let kept = !self.is_crowded_out(turn) && self.append(buf, start, segment.length);
        self.schedule_ack(now, segment.length);
        !kept
    }

    /// SEGMENT ARRIVES, whatever the segment.
    #[inline(never)]
    fn any_segment_arrives(
        &mut self,
        turn: &mut Turn<'_>,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Arrived {
        let now = turn.now;
        if self.state == TcpState::SynSent {
            return self.arrives_in_syn_sent(now, segment).into();
        }
        // RFC 7323 §5.3 R1: PAWS, before all else but for RST.
        if self.flags.contains(Flags::TIMESTAMPS) && !segment.flags.contains(TcpFlags::RST) {
            match segment.options.timestamps {
                Some((value, _)) if self.is_old(now, value) => return Answer::Challenge.into(),
                // "If a non-<RST> segment is received without a TSopt, a TCP SHOULD silently drop
                // the segment" (RFC 7323 §3.2).
                None => return Answer::None.into(),
                Some(_) => {}
            }
        }
        // First, the sequence number (RFC 9293 §3.10.7.4). Where SYNs crossed, the SYN with an ACK that
        // follows repeats one that was taken (RFC 9293 §3.5, figure 7).
        let crossed = self.state == TcpState::SynReceived
            && segment.flags.contains(TcpFlags::SYN | TcpFlags::ACK)
            && !segment.flags.contains(TcpFlags::RST)
            && segment.seq + 1 == self.rcv_nxt
            && segment.ack == self.nxt;
        if crossed {
            let acknowledged = self.acknowledged(turn, segment);
            return acknowledged.err().unwrap_or(Answer::None).into();
        }
        if !self.is_acceptable(segment) {
            return match segment.flags.contains(TcpFlags::RST) {
                true => Answer::None.into(),
                false => self.arrives_unacceptable(turn, segment),
            };
        }
        // Second, RST (RFC 5961 §3.2).
        if segment.flags.contains(TcpFlags::RST) {
            return match segment.seq == self.rcv_nxt {
                true => {
                    let refused = self.state == TcpState::SynReceived;
                    self.end(if refused {
                        TcpError::Refused
                    } else {
                        TcpError::Reset
                    });
                    Answer::None.into()
                }
                false => Answer::Challenge.into(),
            };
        }
        // Fourth, SYN (RFC 5961 §4.2).
        if segment.flags.contains(TcpFlags::SYN) {
            return Answer::Challenge.into();
        }
        // Fifth, ACK.
        if !segment.flags.contains(TcpFlags::ACK) {
            return Answer::None.into();
        }
        if let Some((value, _)) = segment.options.timestamps
            && self.flags.contains(Flags::TIMESTAMPS)
            && !segment.seq.is_after(self.last_ack)
        {
            // RFC 7323 §4.3 (2): SEG.SEQ <= Last.ACK.sent, and not older than what is there.
            self.round_trips.stamped(value, now);
        }
        match self.acknowledged(turn, segment) {
            Ok(()) => {}
            Err(answer) => return answer.into(),
        }
        if self.state == TcpState::Closed {
            return Answer::None.into();
        }
        // "If new data is received after CLOSE is called, its TCP implementation SHOULD send a RST to
        // show that data was lost" (RFC 9293 §3.6.1).
        let text_end = segment.seq + segment.length;
        if self.flags.contains(Flags::READ_SHUT)
            && segment.length > 0
            && text_end.is_after(self.rcv_nxt)
        {
            let seq = self.nxt;
            self.end(TcpError::Aborted);
            return Answer::Reset(seq).into();
        }
        self.hear_congestion(segment);
        // Sixth, URG: urgent data stay in line (RFC 6093 §6). Seventh, the text; eighth, FIN.
        let dropped = self.take_text(turn, segment, buf);
        Arrived {
            answer: Answer::None,
            dropped,
        }
    }

    /// Whether a timestamp is from before the latest one (RFC 7323 §5.3).
    fn is_old(&self, now: Instant, value: u32) -> bool {
        Seq(value).is_before(Seq(self.round_trips.recent()))
            && self.round_trips.stamped_ago(now) < TIMESTAMP_VALID
    }

    /// The four cases of RFC 9293 §3.4, table 6, with the window as it was last offered. But what has
    /// no length may also stand just behind the window: it is from there that a peer acknowledges
    /// which has filled the window, if the last of that was lost.
    fn is_acceptable(&self, segment: &Segment<'_>) -> bool {
        let window = self.rcv_edge.distance(self.rcv_nxt);
        // A reset may have data in it (RFC 9293 §3.5.2, SHLD-2): what counts is its number.
        let is_reset = segment.flags.contains(TcpFlags::RST);
        let length = match is_reset {
            true => 0,
            false => segment.sequence_length(),
        };
        match (length, window) {
            (0, _) => {
                let behind = u32::from(!is_reset);
                segment.seq == self.rcv_nxt || segment.seq.in_window(self.rcv_nxt, window + behind)
            }
            (_, 0) => false,
            _ => {
                segment.seq.in_window(self.rcv_nxt, window)
                    || (segment.end() - 1).in_window(self.rcv_nxt, window)
            }
        }
    }

    /// "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made
    /// to accept valid ACKs"; all are answered.
    fn arrives_unacceptable(&mut self, turn: &mut Turn<'_>, segment: &Segment<'_>) -> Arrived {
        let is_probe = segment.seq == self.rcv_nxt && self.rcv_edge == self.rcv_nxt;
        if is_probe
            && segment.flags.contains(TcpFlags::ACK)
            && !segment.flags.contains(TcpFlags::SYN)
        {
            let _: Result<(), Answer> = self.acknowledged(turn, segment);
            // "if a window probe arrives with the CE codepoint set, then the receiver SHOULD respond"
            // (RFC 3168 §6.1.6).
            self.hear_congestion(segment);
        }
        // The sender may not have heard of what has been received: it is told at once. Where two could
        // answer each other's answers for ever, or somebody guesses, within the rate limit.
        if segment.length > 0 && self.state.is_synchronized() {
            let end = segment.seq + segment.length;
            if !end.is_after(self.rcv_nxt) {
                self.came_twice(turn, segment.seq, end);
            }
            self.flags |= Flags::ACK_NOW;
            return Answer::None.into();
        }
        Answer::Challenge.into()
    }

    /// RFC 9293 §3.10.7.3.
    fn arrives_in_syn_sent(&mut self, now: Instant, segment: &Segment<'_>) -> Answer {
        let flags = segment.flags;
        let has_ack = flags.contains(TcpFlags::ACK);
        if has_ack && (segment.ack != self.nxt || self.nxt == self.una) {
            // Not of our SYN: with only that sent, no other number acknowledges it.
            return match flags.contains(TcpFlags::RST) {
                true => Answer::None,
                false => Answer::Reset(segment.ack),
            };
        }
        if flags.contains(TcpFlags::RST) {
            if has_ack {
                self.end(TcpError::Refused);
            }
            return Answer::None;
        }
        if !flags.contains(TcpFlags::SYN) {
            return Answer::None;
        }
        let own_mss = self.mss();
        let offered = self.rcv_edge.distance(self.rcv_nxt);
        let options = &segment.options;
        self.agree(
            Agreed {
                peer_mss: options.mss.unwrap_or(default_mss(self.remote)),
                scale: options.window_scale,
                sack: options.sack_permitted,
                timestamp: options.timestamps.map(|(value, _)| value),
                ecn: self.takes_offer(flags),
            },
            own_mss,
            segment.seq,
            now,
        );
        // What our SYN has offered stands.
        self.rcv_edge = self.rcv_nxt + offered;
        self.set_peer_window(segment, u32::from(segment.window));
        if !has_ack {
            // Simultaneous open: the SYN goes out again, with an ACK.
            self.state = TcpState::SynReceived;
            self.flags |= Flags::SYN_DUE;
            return Answer::None;
        }
        self.una = segment.ack;
        self.state = TcpState::Established;
        self.handshake_done(now, segment);
        self.flags |= Flags::ACK_NOW;
        Answer::None
    }

    /// The SYN is acknowledged: the first round trip is known.
    pub(crate) fn handshake_done(&mut self, now: Instant, segment: &Segment<'_>) {
        let syn_timeout = self.probes > 0;
        self.rtt.established(syn_timeout);
        if self.probes > 1 {
            self.congestion.begin_with_one_segment();
        }
        let echoed = segment.options.timestamps.map(|(_, echo)| echo);
        if self.flags.contains(Flags::TIMESTAMPS) {
            let _: Option<Duration> = echoed.and_then(|echo| self.sample_echo(now, echo));
        } else if let Some(sample) = self.round_trips.measured(segment.ack, now)
            && !syn_timeout
        {
            self.rtt.sample(sample, false, 0, self.mss());
        }
        self.probes = 0;
        self.heard = Past::new(now);
        self.timers.retransmit = Deadline::NONE;
        self.arm_keepalive(now);
    }

    fn sample_echo(&mut self, now: Instant, echo: u32) -> Option<Duration> {
        let elapsed = self.timestamp(now).wrapping_sub(echo);
        // An echo of what was never sent says nothing.
        if elapsed >= 120_000 {
            return None;
        }
        // The clock ticks in milliseconds: a round trip within one took half of one.
        let sample = Duration::from_micros((elapsed * 1000).max(500).into());
        self.rtt.sample(sample, true, self.flight(), self.mss());
        self.recovery.on_rtt_sample();
        Some(sample)
    }

    fn set_peer_window(&mut self, segment: &Segment<'_>, window: u32) {
        self.wnd = window;
        self.max_wnd = self.max_wnd.max(window);
        self.wl1 = segment.seq;
    }

    /// Processes SEG.ACK and SEG.WND (RFC 9293 §3.10.7.4, fifth; RFC 5961 §5.2).
    fn acknowledged(&mut self, turn: &mut Turn<'_>, segment: &Segment<'_>) -> Result<(), Answer> {
        let (now, ack) = (turn.now, segment.ack);
        if self.state == TcpState::SynReceived {
            // Of a simultaneous open: the ACK must be of our SYN.
            if ack.is_before(self.una + 1) || ack.is_after(self.nxt) {
                return Err(Answer::Reset(ack));
            }
            self.state = TcpState::Established;
            self.una += 1;
            self.handshake_done(now, segment);
        }
        if ack.is_after(self.nxt) || ack.is_before(self.una - self.max_wnd.max(1)) {
            return Err(Answer::Challenge);
        }
        // "The window field in a segment where the SYN bit is set MUST NOT be scaled" (RFC 7323 §2.2):
        // the second of two SYNs that crossed.
        let scale = match segment.flags.contains(TcpFlags::SYN) {
            true => 0,
            false => self.scales.send(),
        };
        let window = u32::from(segment.window) << scale;
        let window_changed = window != self.wnd;
        let before = self.una;
        // "If SND.UNA =< SEG.ACK =< SND.NXT, the send window should be updated."
        // A segment that acknowledges more was sent later, though it may be a retransmission with an
        // older number: with the window of before, the edge would move by itself.
        if ack.is_after(self.una) || ack == self.una && !segment.seq.is_before(self.wl1) {
            let was_closed = self.wnd == 0;
            self.set_peer_window(segment, window);
            if was_closed && window > 0 {
                self.rtt.opened();
                self.timers.retransmit = Deadline::NONE;
                if self.flight() > 0 {
                    // What the window did not take when it was sent waits for nothing else.
                    self.arm_retransmit(now);
                }
                // A probe that was not taken is repeated with more behind it.
                let is_refused = self.flight() > 0 && ack == before;
                self.flags.set(Flags::REOPENED, is_refused);
            }
        }
        // A peer that takes nothing does not keep for ever what nobody holds any more (RFC 6429 §3).
        let held = self.flags.contains(Flags::UNACCEPTED) || !self.flags.contains(Flags::ORPHAN);
        if held || ack.is_after(before) {
            self.heard_from(now);
        }
        let newly_acked = match ack.is_after(before) {
            true => ack.distance(before),
            false => 0,
        };
        let is_duplicate = newly_acked == 0
            && ack == before
            && segment.length == 0
            && !window_changed
            && window > 0
            && !segment.flags.intersects(TcpFlags::FIN | TcpFlags::SYN)
            && self.flight() > 0;
        let sample = match newly_acked {
            0 => None,
            _ => self.take_ack(now, segment, newly_acked),
        };
        self.recover(turn, segment, newly_acked, is_duplicate, sample);
        self.after_ack(now, newly_acked);
        Ok(())
    }

    /// The peer is there. Of one that has nothing to acknowledge it is not noted when: what it sends
    /// does not end our own silence (RFC 5681 §4.1).
    fn heard_from(&mut self, now: Instant) {
        if self.flight() > 0 {
            self.heard = Past::new(now);
        }
        self.probes = 0;
        self.forget_error();
        self.arm_keepalive(now);
    }

    /// Gives up what is acknowledged, and takes the time that it took, if that is known.
    fn take_ack(
        &mut self,
        now: Instant,
        segment: &Segment<'_>,
        newly_acked: u32,
    ) -> Option<Duration> {
        let ack = segment.ack;
        let mut sample = None;
        if let Some((_, echo)) = segment.options.timestamps
            && self.flags.contains(Flags::TIMESTAMPS)
        {
            sample = self.sample_echo(now, echo);
        } else if self.flags.contains(Flags::MEASURING) {
            // Karn: what is measured was sent once only (RFC 6298 §3).
            sample = self.round_trips.measured(ack, now);
            if let Some(sample) = sample {
                self.flags -= Flags::MEASURING;
                let flight = self.flight();
                self.rtt.sample(sample, false, flight, self.mss());
                self.recovery.on_rtt_sample();
            }
        }
        let data = (newly_acked as usize).min(self.to_send.len());
        self.to_send.advance(data);
        self.una = ack;
        self.probes = 0;
        self.flags -= Flags::STILL_QUEUED;
        sample
    }

    /// What the state makes of it, and of the retransmission timer (RFC 6298 §5.2, §5.3).
    fn after_ack(&mut self, now: Instant, newly_acked: u32) {
        if self.is_fin_acked() {
            match self.state {
                TcpState::FinWait1 => {
                    self.state = TcpState::FinWait2;
                    // Nobody reads any more: a peer that never closes must not stay for ever.
                    self.timers.retransmit = Deadline::NONE;
                    if self.flags.contains(Flags::ORPHAN) {
                        self.limit_fin_wait_2(now);
                    }
                    return;
                }
                TcpState::Closing | TcpState::LastAck => {
                    // CLOSING goes on to TIME-WAIT, which the table enters.
                    if self.state == TcpState::LastAck {
                        self.state = TcpState::Closed;
                    }
                    self.timers.retransmit = Deadline::NONE;
                    return;
                }
                _ => {}
            }
        }
        // Without news the timer goes on, that which asks for a window too.
        if self.state == TcpState::FinWait2 || newly_acked == 0 {
            return;
        }
        if newly_acked > 0 {
            self.timers.probe = Deadline::NONE;
        }
        if self.nxt == self.una {
            self.timers.retransmit = Deadline::NONE;
        } else if newly_acked > 0 {
            self.arm_retransmit(now);
        }
    }

    /// Takes the data and the FIN (RFC 9293 §3.10.7.4, seventh and eighth). True if data had to be
    /// dropped.
    fn take_text(&mut self, turn: &Turn<'_>, segment: &Segment<'_>, mut buf: NetBuf) -> bool {
        let now = turn.now;
        let receives = matches!(
            self.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        );
        if !receives || segment.sequence_length() == 0 {
            return false;
        }
        // What is beyond the window was not asked for, and with it goes the FIN (RFC 9293 §3.10.7.4).
        let window = self.rcv_edge.distance(self.rcv_nxt);
        let start = usize::from(buf.meta().payload);
        let offset = segment.seq.since(self.rcv_nxt);
        let end = segment.seq + segment.length;
        let mut cut = end.since(self.rcv_nxt + window).max(0) as u32;
        if segment.flags.contains(TcpFlags::FIN) && cut == 0 && self.fin().is_none() {
            self.set_fin(end);
        }
        // And nothing comes behind the FIN.
        if let Some(fin) = self.fin() {
            cut = cut.max(end.since(fin).max(0) as u32);
        }
        let length = segment.length.saturating_sub(cut);
        buf.truncate(start + length as usize);
        let dropped = if offset > 0 {
            self.flags |= Flags::ACK_NOW;
            length > 0 && !self.keep_out_of_order(turn, segment.seq, length, buf)
        } else {
            let old = offset.unsigned_abs();
            if length > 0 && old > 0 {
                self.came_twice(turn, segment.seq, segment.seq + length.min(old));
            }
            if length > old {
                let kept = !self.is_crowded_out(turn)
                    && self.append(buf, start + old as usize, length - old);
                let again = self.deliver_out_of_order();
                if let Some((left, right)) = again.filter(|_| old == 0) {
                    self.came_twice(turn, left, right);
                }
                self.schedule_ack(now, length - old);
                !kept
            } else {
                // Nothing new: the sender has not seen the acknowledgement.
                if segment.length > 0 {
                    self.flags |= Flags::ACK_NOW;
                }
                false
            }
        };
        self.take_fin();
        dropped
    }

    /// Whether the next data have to wait, so that connections that nobody reads from do not keep
    /// those from being served that somebody does read from.
    fn is_crowded_out(&self, turn: &Turn<'_>) -> bool {
        let unaccepted = self.flags.contains(Flags::UNACCEPTED);
        let holds = unaccepted || !self.received.is_empty();
        holds && turn.room().is_crowded(unaccepted)
    }

    /// Hangs the data of a segment behind those received: small ones are copied into the block
    /// before them, so that they pin no block of their own.
    pub(super) fn append(&mut self, mut buf: NetBuf, start: usize, mut length: u32) -> bool {
        if self.flags.contains(Flags::READ_SHUT) {
            self.rcv_nxt += length;
            return true;
        }
        buf.advance(start);
        let kept = match self.received.coalesce(&buf) {
            true => true,
            false => {
                if !self.out_of_order.is_empty() {
                    self.cut_to_room(&mut buf);
                    length = buf.len() as u32;
                }
                length > 0
                    && buf.set_charge(Charge::Held).is_ok()
                    && self.received.push(buf).is_ok()
            }
        };
        if kept {
            self.rcv_nxt += length;
        }
        kept
    }

    /// Where what came too early holds nearly all that may be held, nothing of it can be read, and so
    /// nothing given back, until the gap is filled: that is done in parts, then.
    #[cold]
    fn cut_to_room(&mut self, buf: &mut NetBuf) {
        let left = buf.pool().held_left();
        let fits = buf.fragments().take(left).map(<[u8]>::len).sum();
        if fits < buf.len() {
            buf.truncate(fits);
            self.flags |= Flags::ACK_NOW;
        }
    }

    /// The peer sends no more, once all before its FIN is here.
    fn take_fin(&mut self) {
        if self.fin() != Some(self.rcv_nxt) || self.flags.contains(Flags::FIN_RECEIVED) {
            return;
        }
        self.rcv_nxt += 1;
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt);
        self.flags |= Flags::FIN_RECEIVED | Flags::ACK_NOW;
        // What came too early has come again by now, or stands behind the end: it is no longer data that
        // nobody has read.
        self.out_of_order = Parked::new();
        self.state = match self.state {
            TcpState::Established => TcpState::CloseWait,
            // From FIN-WAIT-2 it is TIME-WAIT at once: see `is_time_wait`.
            TcpState::FinWait1 | TcpState::FinWait2 => TcpState::Closing,
            other => other,
        };
    }

    /// Whether the connection has come to TIME-WAIT: both FINs are here and acknowledged.
    pub(crate) fn is_time_wait(&self) -> bool {
        self.state == TcpState::Closing && self.is_fin_acked()
    }

    /// An acknowledgement is due: at once for every second full segment (RFC 9293 §3.8.6.3), else
    /// a little later.
    fn schedule_ack(&mut self, now: Instant, length: u32) {
        let unacknowledged = self.rcv_nxt.distance(self.last_ack);
        let full = u32::from(self.mss());
        let second = self.flags.contains(Flags::ACK_LATER) && length >= full;
        if unacknowledged >= 2 * full || second {
            self.flags |= Flags::ACK_NOW;
        } else if !self.flags.contains(Flags::ACK_LATER) {
            self.flags |= Flags::ACK_LATER;
            let delay = config::TCP_DELAYED_ACK as u32 * 1000;
            self.timers.acknowledge = Deadline::after_micros(now, delay);
        }
    }

    /// The connection is over.
    pub(crate) fn end(&mut self, error: TcpError) {
        self.state = TcpState::Closed;
        self.ended = Some(error.into());
        self.to_send = Default::default();
        self.out_of_order = Parked::new();
        self.timers = Timers::NONE;
    }
}

#[cfg(all(test, feature = "ipv4"))]
mod tests;
