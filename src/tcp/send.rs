//! What a connection sends next (RFC 9293 §3.8): SYN, retransmission, data, FIN, acknowledgement.

use super::clock::{Deadline, Past};
use super::connection::{Connection, Flags, TcpState, default_mss};
use super::ecn;
use super::recovery::{Ack, Probe, Send};
use super::scoreboard::{Scoreboard, Span};
use super::segment::{Outgoing, Room, Turn};
use super::sequence::Seq;
use crate::config;
use crate::time::{Duration, Instant};
use crate::wire::tcp::TcpFlags;
use crate::wire::tcp_options::TcpOptionSpace;

/// Bytes of the SACK option before its first block, padding counted, and of a block.
const SACK_HEADER: u32 = 4;
const SACK_BLOCK: u32 = 8;

impl Connection {
    /// The next segment to be sent now, if there is one.
    pub(crate) fn next_outgoing(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        match self.state {
            TcpState::Closed => None,
            TcpState::SynSent | TcpState::SynReceived => self.next_syn(turn),
            _ => self
                .next_data(turn)
                .or_else(|| self.next_acknowledgment(turn)),
        }
    }

    /// The next segment without data: there is no block for the header of one with data.
    pub(crate) fn next_control(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        match self.state {
            TcpState::Closed => None,
            TcpState::SynSent | TcpState::SynReceived => self.next_syn(turn),
            _ => {
                let owes = !self.to_send.is_empty() || self.owes_fin();
                self.flags.set(Flags::STARVED, owes);
                self.next_acknowledgment(turn)
            }
        }
    }

    /// Our SYN, for the first time or again, with an ACK if SYNs crossed.
    fn next_syn(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        let Turn { now, room, .. } = *turn;
        if !self.flags.contains(Flags::SYN_DUE) {
            return None;
        }
        self.flags -= Flags::SYN_DUE;
        let crossed = self.state == TcpState::SynReceived;
        let echo = if crossed {
            self.round_trips.recent()
        } else {
            0
        };
        let offers_timestamps = !crossed || self.flags.contains(Flags::TIMESTAMPS);
        let timestamps = offers_timestamps.then(|| (self.timestamp(now), echo));
        let scales = !crossed || self.flags.contains(Flags::SCALE);
        let scale = scales.then_some(self.scales.receive());
        let sack = !crossed || self.flags.contains(Flags::SACK);
        let window = self.receive_quota.min(self.promise(room)).min(65_535);
        if self.nxt == self.una {
            self.nxt = self.una + 1;
            self.round_trips.begin(self.nxt, now);
        }
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt + window);
        self.arm_retransmit(now);
        let mut flags = TcpFlags::SYN;
        flags.set(TcpFlags::ACK, crossed);
        // Once: something on the way may dislike it (RFC 3168 §6.1.1.1).
        flags.set(ecn::SETUP, ecn::ON && !crossed && self.probes == 0);
        Some(Outgoing {
            seq: self.una,
            ack: if crossed { self.rcv_nxt } else { Seq(0) },
            flags,
            window: window as u16,
            options: TcpOptionSpace::syn(self.mss(), scale, sack, timestamps),
            data: None,
        })
    }

    /// What loss recovery and the congestion window let out: old data, new data, or FIN.
    fn next_data(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        if self.flags.contains(Flags::REOPENED) {
            self.flags -= Flags::REOPENED;
            return self.after_refusal(turn);
        }
        let sender = self.sender();
        let board = turn.boards.get(turn.index);
        match self
            .recovery
            .next(sender, &self.congestion, board.as_deref())
        {
            Some(Send::New(budget)) => self.next_new(turn, budget),
            Some(what @ (Send::Retransmit(span) | Send::Rescue(span))) => {
                let outgoing = self.again(turn, span)?;
                let board = turn.boards.get(turn.index);
                self.recovery.retransmitted(what, sender, turn.now, board);
                self.flags -= Flags::MEASURING;
                if self.timers.retransmit.is_none() {
                    self.arm_retransmit(turn.now);
                }
                Some(outgoing)
            }
            None => {
                if sender.unsent > 0 {
                    self.flags |= Flags::CWND_LIMITED;
                }
                self.next_new(turn, 0)
            }
        }
    }

    /// Data that were sent before.
    fn again(&mut self, turn: &Turn<'_>, span: Span) -> Option<Outgoing> {
        let offset = span.start.distance(self.una) as usize;
        let data = (self.to_send.len().saturating_sub(offset) as u32).min(span.length);
        let mut flags = TcpFlags::ACK;
        flags.set(
            TcpFlags::FIN,
            data < span.length && self.flags.contains(Flags::FIN_SENT),
        );
        flags.set(
            TcpFlags::PSH,
            offset + data as usize == self.to_send.len() && data > 0,
        );
        let outgoing = self.segment(turn, span.start, flags, data)?;
        self.retransmitted = self.retransmitted.saturating_add(1);
        #[cfg(feature = "statistics")]
        self.flags.insert(Flags::RESENT);
        Some(outgoing)
    }

    /// New data within `budget`, and FIN: what the peer's window allows, Nagle and the avoidance
    /// of silly windows do not hold back (RFC 9293 §3.7.4, §3.8.6.2.1).
    fn next_new(&mut self, turn: &mut Turn<'_>, budget: u32) -> Option<Outgoing> {
        let now = turn.now;
        let wants_fin = self.owes_fin();
        let unsent = self.unsent();
        if unsent == 0 && !wants_fin {
            return None;
        }
        let full = u32::from(self.mss());
        let flight = self.flight();
        let offered = self.wnd.saturating_sub(flight);
        let length = unsent.min(offered).min(budget).min(full);
        let is_last = length == unsent;
        if unsent > 0 && length == 0 {
            if offered == 0 {
                self.start_persisting(now);
            }
            return None;
        }
        if length < full && unsent > 0 {
            // Nagle: with something on the way, a small segment waits for company. A FIN is not
            // held back, nor what half of the peer's largest window would take.
            let nagle =
                is_last && flight > 0 && !self.flags.contains(Flags::NO_DELAY) && !wants_fin;
            let silly = !is_last && length < self.max_wnd / 2;
            if nagle || silly {
                // Where nothing on the way will open the window, a timer overrides.
                self.start_persisting(now);
                return None;
            }
        }
        if flight == 0 && self.heard.elapsed(now) > self.rtt.rto() {
            self.congestion.after_idle();
        }
        if flight == 0 {
            // The user timeout counts from here, not from when the peer was last heard.
            self.heard = Past::new(now);
        }
        let with_fin = wants_fin && is_last;
        let mut flags = TcpFlags::ACK;
        flags.set(TcpFlags::PSH, is_last && length > 0);
        flags.set(TcpFlags::FIN, with_fin);
        let seq = self.nxt;
        self.mark_new(&mut flags, length);
        let Some(outgoing) = self.segment(turn, seq, flags, length) else {
            if flags.contains(TcpFlags::CWR) {
                self.window_reduced();
            }
            let _: u8 = self.take_codepoint();
            return None;
        };
        self.nxt = seq + length + u32::from(with_fin);
        if with_fin {
            self.fin_sent();
        }
        if !self.flags.intersects(Flags::MEASURING | Flags::TIMESTAMPS) {
            self.flags |= Flags::MEASURING;
            self.round_trips.begin(self.nxt, now);
        }
        self.recovery.sent(length);
        if flight == 0 || self.timers.retransmit.is_none() {
            self.arm_retransmit(now);
        }
        self.timers.probe = Deadline::NONE;
        Some(outgoing)
    }

    fn fin_sent(&mut self) {
        self.flags |= Flags::FIN_SENT;
        self.state = match self.state {
            TcpState::Established => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            other => other,
        };
    }

    /// After data were sent or acknowledged: a probe of the tail comes before the timeout, if there
    /// is to be one (RFC 8985 §7.2); and losses may come to light by time alone (§6.2 step 5).
    pub(crate) fn arm_probe(&mut self, now: Instant, board: Option<&mut Scoreboard>) {
        let board = board.as_deref().filter(|board| !board.is_empty());
        let span = match board {
            _ if self.flight() == 0 || !self.state.is_synchronized() => None,
            Some(board) => self.recovery.reordering_timer(now, &self.rtt, board),
            None => {
                let has_sack = self.flags.contains(Flags::SACK);
                let (sender, mss) = (self.sender(), self.mss());
                self.recovery
                    .probe_timeout(sender, has_sack, &self.rtt, mss, None)
            }
        };
        self.timers.probe = match span {
            None => Deadline::NONE,
            // A probe is put off by what is sent or acknowledged only.
            Some(_) if board.is_none() && !self.timers.probe.is_none() => self.timers.probe,
            Some(span) => Deadline::after(now, span.max(Duration::from_micros(1))),
        };
    }

    /// Starts the timer for what is on its way.
    pub(super) fn arm_retransmit(&mut self, now: Instant) {
        self.timers.retransmit = Deadline::after(now, self.rtt.rto());
    }

    /// The peer's window is shut, and nothing on the way will tell that it has opened: it is asked
    /// (RFC 9293 §3.8.6.1).
    fn start_persisting(&mut self, now: Instant) {
        if self.flight() == 0 && self.timers.retransmit.is_none() {
            self.arm_retransmit(now);
        }
    }

    /// An acknowledgement, if one is due or the window can be opened by enough to say so.
    fn next_acknowledgment(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        if !self.flags.contains(Flags::ACK_NOW) && !self.opens_window(turn.room) {
            return None;
        }
        self.segment(turn, self.nxt, TcpFlags::ACK, 0)
    }

    /// Whether the window may open by so much that the peer is to be told.
    pub(crate) fn opens_window(&self, room: Room) -> bool {
        let edge = self.wanted_edge(room);
        let mss = u32::from(self.mss());
        // One to whom the window is shut waits for nothing else.
        let is_shut = self.rcv_edge.distance(self.rcv_nxt) < mss;
        let segments = if is_shut { 1 } else { 2 };
        let step = (self.receive_quota / 2).min(segments * mss).max(1);
        edge.since(self.rcv_edge) >= step as i32 && !self.flags.contains(Flags::FIN_RECEIVED)
    }

    /// A pure acknowledgement, whether or not one is due.
    pub(crate) fn acknowledgment(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        if matches!(self.state, TcpState::Closed | TcpState::SynSent) {
            return None;
        }
        self.segment(turn, self.nxt, TcpFlags::ACK, 0)
    }

    /// The right edge that the quota and the pool allow; never left of what was offered.
    fn wanted_edge(&self, room: Room) -> Seq {
        let free = self
            .receive_quota
            .saturating_sub(self.received.len() as u32)
            .min(self.promise(room));
        (self.rcv_nxt + free).max(self.rcv_edge)
    }

    /// What the pool lets this connection promise: nothing more than it has before it is accepted.
    fn promise(&self, room: Room) -> u32 {
        match self.flags.contains(Flags::UNACCEPTED) {
            true => 0,
            false => room.promise(false, !self.received.is_empty(), self.mss()),
        }
    }

    /// A segment with `length` bytes of data from `seq` on: acknowledges all, offers the window,
    /// and settles what acknowledgements were due. `None` if there is no view for the data.
    pub(super) fn segment(
        &mut self,
        turn: &Turn<'_>,
        seq: Seq,
        mut flags: TcpFlags,
        length: u32,
    ) -> Option<Outgoing> {
        let Turn { now, room, .. } = *turn;
        let data = match length {
            0 => None,
            _ => {
                let offset = seq.distance(self.una) as usize;
                let Ok(data) = self.to_send.slice(offset, length as usize) else {
                    self.flags |= Flags::STARVED;
                    return None;
                };
                Some(data)
            }
        };
        // The edge moves by a worthwhile step or not at all (RFC 9293 §3.8.6.2.2), and never back,
        // not by the rounding of the shift either.
        let edge = self.wanted_edge(room);
        let step = (self.receive_quota / 2).min(u32::from(self.mss())).max(1);
        if edge.since(self.rcv_edge) >= step as i32 {
            self.rcv_edge = edge;
        }
        let scale = self.scales.receive();
        let window = self.rcv_edge.distance(self.rcv_nxt);
        let shown = (window.div_ceil(1 << scale)).min(65_535);
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt + (shown << scale));
        let timestamps = self
            .flags
            .contains(Flags::TIMESTAMPS)
            .then(|| (self.timestamp(now), self.round_trips.recent()));
        // Selective acknowledgements find room in a full segment only beside it: they come in one
        // of their own, if one is due (RFC 9293 §3.7.1: all options count).
        let beside =
            (u32::from(self.mss()).saturating_sub(length + SACK_HEADER) / SACK_BLOCK) as usize;
        let has_blocks = self.flags.contains(Flags::SACK)
            && (!self.out_of_order.is_empty() || self.flags.contains(Flags::DUPLICATE));
        let blocks = match length {
            _ if !has_blocks => 0,
            0 => usize::MAX,
            _ => beside,
        };
        let options = match blocks {
            0 => TcpOptionSpace::segment(timestamps, []),
            _ => {
                let reported = self.sack_blocks().into_iter().flatten();
                // A duplicate comes first (RFC 2883 §4).
                let duplicate = match self.flags.contains(Flags::DUPLICATE) {
                    true => turn.boards.take_duplicate(turn.index),
                    false => None,
                };
                self.flags -= Flags::DUPLICATE;
                let blocks = duplicate.into_iter().chain(reported).take(blocks);
                TcpOptionSpace::segment(timestamps, blocks)
            }
        };
        if !has_blocks || blocks > 0 {
            self.flags -= Flags::ACK_NOW;
        }
        self.flags -= Flags::ACK_LATER;
        self.timers.acknowledge = Deadline::NONE;
        self.last_ack = self.rcv_nxt;
        flags.set(
            TcpFlags::ECE,
            ecn::ON && self.flags.contains(Flags::ECN_ECHO),
        );
        Some(Outgoing {
            seq,
            ack: self.rcv_nxt,
            flags,
            window: shown as u16,
            options,
            data,
        })
    }

    /// What was to be sent could not be: the acknowledgement in it is due still.
    pub(crate) fn not_sent(&mut self, now: Instant) {
        if self.state.is_synchronized() {
            self.flags |= Flags::ACK_LATER;
            self.timers.acknowledge = Deadline::after(now, self.rtt.rto());
        }
    }

    /// Lets the keepalive timer start anew.
    pub(crate) fn arm_keepalive(&mut self, now: Instant) {
        if self.state == TcpState::FinWait2 && self.flags.contains(Flags::ORPHAN) {
            // It ends by itself.
            return;
        }
        self.timers.keepalive = match self.flags.contains(Flags::KEEPALIVE) {
            true => Deadline::after(now, Duration::from_secs(u64::from(self.keepalive_after))),
            false => Deadline::NONE,
        };
    }

    /// A deadline may have passed.
    pub(crate) fn timer(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let now = turn.now;
        if self.timers.acknowledge.is_due(now) {
            self.timers.acknowledge = Deadline::NONE;
            self.flags |= Flags::ACK_NOW;
        }
        if self.timers.retransmit.is_due(now) {
            self.timers.retransmit = Deadline::NONE;
            self.timers.probe = Deadline::NONE;
            return self.retransmit_timeout(turn);
        }
        if self.timers.probe.is_due(now) {
            self.timers.probe = Deadline::NONE;
            return self.probe_timeout(turn);
        }
        if self.timers.keepalive.is_due(now) {
            self.timers.keepalive = Deadline::NONE;
            return self.keepalive_timeout(turn);
        }
        None
    }

    /// Time for a probe of the tail, or losses have come to light by time alone.
    fn probe_timeout(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let sender = self.sender();
        let board = turn.boards.get(turn.index);
        if board.as_deref().is_some_and(|board| !board.is_empty()) {
            let (rtt, congestion) = (&self.rtt, &mut self.congestion);
            self.recovery
                .on_ack(Ack::default(), turn.now, sender, rtt, congestion, board);
            return None;
        }
        let probe = self.recovery.probe(sender, self.mss())?;
        self.arm_retransmit(turn.now);
        match probe {
            Probe::New => self.next_new(turn, u32::from(self.mss())),
            Probe::Retransmit(span) => self.again(turn, span),
        }
    }

    /// The retransmission timer, which is also that of zero-window probes.
    fn retransmit_timeout(&mut self, turn: &mut Turn<'_>) -> Option<Outgoing> {
        let now = turn.now;
        let is_synchronized = self.state.is_synchronized();
        let is_silent = self.heard.elapsed(now) >= self.user_timeout() && self.flight() > 0;
        let has_tried = usize::from(self.probes) + 1 >= config::TCP_SYN_RETRIES;
        if is_silent || !is_synchronized && has_tried {
            self.give_up();
            return None;
        }
        if !is_synchronized {
            self.probes += 1;
            self.rtt.back_off();
            self.flags |= Flags::SYN_DUE;
            return None;
        }
        if self.wnd == 0 {
            return self.probe_window(turn);
        }
        if self.flight() == 0 {
            return self.override_silly_window(turn);
        }
        // What the driver has not even sent yet is not sent twice; but only once is it waited for.
        if self.to_send.is_shared(0) && !self.flags.contains(Flags::STILL_QUEUED) {
            self.flags |= Flags::STILL_QUEUED;
            self.arm_retransmit(now);
            return None;
        }
        self.flags -= Flags::MEASURING;
        let sender = self.sender();
        if self.flags.contains(Flags::SACK) {
            // It is to remember what is sent again from here on.
            turn.boards.lend(turn.index, self.una);
        }
        let board = turn.boards.get(turn.index);
        let is_first = !self.recovery.is_recovering();
        let pipe = sender.flight().max(self.congestion.ssthresh());
        self.recovery
            .on_timeout(now, sender, &mut self.congestion, board);
        if is_first && self.flags.contains(Flags::TIMESTAMPS) {
            self.recovery.may_be_spurious(pipe, self.timestamp(now));
        }
        self.window_reduced();
        self.rtt.back_off();
        self.arm_retransmit(now);
        if sender.flight() > default_mss(self.remote).into() {
            self.suspect_black_hole(self.rtt.backoff());
        }
        None
    }

    /// One byte (or the FIN) into a shut window; it counts as sent (RFC 9293 §3.8.6.1).
    fn probe_window(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        if self.to_send.is_empty() && !self.flags.contains(Flags::FIN_WANTED) {
            return None;
        }
        self.rtt.back_off();
        self.arm_retransmit(turn.now);
        if self.flight() == 0 {
            self.heard = Past::new(turn.now);
        }
        let length = u32::from(!self.to_send.is_empty());
        let mut flags = TcpFlags::ACK;
        flags.set(TcpFlags::FIN, length == 0);
        let seq = self.una;
        let outgoing = self.segment(turn, seq, flags, length)?;
        if self.nxt == seq {
            self.nxt = seq + 1;
            if length == 0 {
                self.fin_sent();
            }
        }
        Some(outgoing)
    }

    /// The window that was shut has opened, and a probe was not taken: it goes again, with what was
    /// never sent behind it.
    fn after_refusal(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        let length = (self.to_send.len() as u32)
            .min(self.wnd)
            .min(u32::from(self.mss()));
        let fin = self.flags.contains(Flags::FIN_SENT) && length == self.to_send.len() as u32;
        let mut flags = TcpFlags::ACK;
        flags.set(TcpFlags::FIN, fin);
        flags.set(
            TcpFlags::PSH,
            length > 0 && length == self.to_send.len() as u32,
        );
        self.flags -= Flags::MEASURING;
        self.arm_retransmit(turn.now);
        let seq = self.una;
        let outgoing = self.segment(turn, seq, flags, length)?;
        let end = seq + length;
        if end.is_after(self.nxt) {
            self.nxt = end;
        }
        Some(outgoing)
    }

    /// The peer's window is smaller than a segment and stays so: now it is filled all the same.
    fn override_silly_window(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        let length = self.unsent().min(self.wnd).min(u32::from(self.mss()));
        if length == 0 {
            return None;
        }
        // "the receiver may at any time reduce the size of RCV.BUFF" (RFC 9293 §3.8.6.2.1): so it has,
        // and what it offers now is what later windows are measured by.
        self.max_wnd = self.wnd;
        let seq = self.nxt;
        self.heard = Past::new(turn.now);
        let outgoing = self.segment(turn, seq, TcpFlags::ACK | TcpFlags::PSH, length)?;
        self.nxt = seq + length;
        self.recovery.sent(length);
        self.arm_retransmit(turn.now);
        Some(outgoing)
    }

    /// Asks a silent peer whether it is there (RFC 9293 §3.8.4): a segment just left of its window.
    fn keepalive_timeout(&mut self, turn: &Turn<'_>) -> Option<Outgoing> {
        if self.state == TcpState::FinWait2 && self.flags.contains(Flags::ORPHAN) {
            // Nobody waits for the peer's FIN any more.
            self.state = TcpState::Closed;
            return None;
        }
        if !self.state.is_synchronized() || self.flight() > 0 {
            // What is on its way finds out itself.
            self.arm_keepalive(turn.now);
            return None;
        }
        if usize::from(self.probes) >= config::TCP_KEEPALIVE_PROBES {
            self.give_up();
            return None;
        }
        self.probes += 1;
        let interval = Duration::from_secs(config::TCP_KEEPALIVE_INTERVAL as u64);
        self.timers.keepalive = Deadline::after(turn.now, interval);
        self.segment(turn, self.una - 1, TcpFlags::ACK, 0)
    }
}
