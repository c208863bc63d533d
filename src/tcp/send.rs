//! What a connection sends next (RFC 9293 §3.8): SYN, retransmission, data, FIN, acknowledgement.

use super::clock::{Deadline, Past};
use super::connection::{Connection, Flags, TcpState, default_mss};
use super::ecn;
use super::recovery::{Ack, Probe, Send, Sender};
use super::scoreboard::{Scoreboard, Span};
use super::segment::{Options, Outgoing, Room, Turn};
use super::sequence::Seq;
use crate::config;
use crate::netbuf::Pool;
use crate::time::{Duration, Instant};
use crate::wire::tcp::TcpFlags;
use crate::wire::tcp_options::TcpOptionSpace;

/// Bytes of the SACK option before its first block, padding counted, and of a block.
const SACK_HEADER: u32 = 4;
const SACK_BLOCK: u32 = 8;

impl Connection {
    /// Whether there may be something to be sent. Where it says no, [`Connection::next_outgoing`] finds
    /// nothing and changes nothing: after most of what happens that is so.
    pub(crate) fn may_send(&self, pool: Pool) -> bool {
        self.flags.intersects(Flags::ACK_NOW | Flags::SYN_DUE)
            || self.may_send_data()
            || self.opens_window(pool)
    }

    /// The same, of data and FIN.
    #[inline]
    fn may_send_data(&self) -> bool {
        self.unsent() > 0
            || self.owes_fin()
            || self.recovery.is_recovering()
            || self.flags.contains(Flags::REOPENED)
    }

    /// Puts the next segment to be sent now into `to`. False if there is none.
    pub(crate) fn next_outgoing(&mut self, turn: &mut Turn<'_>, to: &mut Outgoing) -> bool {
        match self.state {
            TcpState::Closed => false,
            TcpState::SynSent | TcpState::SynReceived => self.next_syn(turn, to),
            _ => {
                self.may_send_data() && self.next_data(turn, to)
                    || self.next_acknowledgment(turn, to)
            }
        }
    }

    /// The next segment without data: there is no block for the header of one with data.
    #[cold]
    pub(crate) fn next_control(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        match self.state {
            TcpState::Closed => false,
            TcpState::SynSent | TcpState::SynReceived => self.next_syn(turn, to),
            _ => {
                let owes = !self.to_send.is_empty() || self.owes_fin();
                self.flags.set(Flags::STARVED, owes);
                self.next_acknowledgment(turn, to)
            }
        }
    }

    /// Our SYN, for the first time or again, with an ACK if SYNs crossed.
    #[inline(never)]
    fn next_syn(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        let now = turn.now;
        if !self.flags.contains(Flags::SYN_DUE) {
            return false;
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
        let window = self
            .receive_quota
            .min(self.promise(turn.room()))
            .min(65_535);
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
        *to = Outgoing {
            seq: self.una,
            ack: if crossed { self.rcv_nxt } else { Seq(0) },
            flags,
            window: window as u16,
            options: Options::Composed(TcpOptionSpace::syn(self.mss(), scale, sack, timestamps)),
            data: None,
        };
        true
    }

    /// What loss recovery and the congestion window let out: old data, new data, or FIN.
    #[inline]
    fn next_data(&mut self, turn: &mut Turn<'_>, to: &mut Outgoing) -> bool {
        if self.flags.contains(Flags::REOPENED) {
            self.flags -= Flags::REOPENED;
            return self.after_refusal(turn, to);
        }
        let sender = self.sender();
        let board = turn.boards.get(turn.index);
        match self
            .recovery
            .next(sender, &self.congestion, board.as_deref())
        {
            Some(Send::New(budget)) => self.next_new(turn, budget, to),
            Some(what @ (Send::Retransmit(_) | Send::Rescue(_))) => {
                self.next_again(turn, what, sender, to)
            }
            None => {
                if sender.unsent > 0 {
                    self.flags |= Flags::CWND_LIMITED;
                }
                self.next_new(turn, 0, to)
            }
        }
    }

    /// What loss recovery wants to be sent again.
    #[cold]
    fn next_again(
        &mut self,
        turn: &mut Turn<'_>,
        what: Send,
        sender: Sender,
        to: &mut Outgoing,
    ) -> bool {
        let (Send::Retransmit(span) | Send::Rescue(span)) = what else {
            return false;
        };
        if !self.again(turn, span, to) {
            return false;
        }
        let board = turn.boards.get(turn.index);
        self.recovery.retransmitted(what, sender, turn.now, board);
        self.flags -= Flags::MEASURING;
        if self.timers.retransmit.is_none() {
            self.arm_retransmit(turn.now);
        }
        true
    }

    /// Data that were sent before.
    fn again(&mut self, turn: &Turn<'_>, span: Span, to: &mut Outgoing) -> bool {
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
        let is_made = self.segment(turn, span.start, flags, data, to);
        self.retransmitted = self.retransmitted.saturating_add(u16::from(is_made));
        #[cfg(feature = "statistics")]
        self.flags.set(Flags::RESENT, is_made);
        is_made
    }

    /// New data within `budget`, and FIN: what the peer's window allows, Nagle and the avoidance
    /// of silly windows do not hold back (RFC 9293 §3.7.4, §3.8.6.2.1).
    fn next_new(&mut self, turn: &Turn<'_>, budget: u32, to: &mut Outgoing) -> bool {
        let now = turn.now;
        let wants_fin = self.owes_fin();
        let unsent = self.unsent();
        if unsent == 0 && !wants_fin {
            return false;
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
            return false;
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
                return false;
            }
        }
        if flight == 0 && self.heard.is_longer_ago(now, self.rtt.rto_micros()) {
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
        if !self.segment(turn, seq, flags, length, to) {
            if flags.contains(TcpFlags::CWR) {
                self.window_reduced();
            }
            let _: u8 = self.take_codepoint();
            return false;
        }
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
        true
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
        if self.flight() == 0 || !self.state.is_synchronized() {
            self.timers.probe = Deadline::NONE;
        } else if let Some(board) = board.filter(|board| !board.is_empty()) {
            let span = self.recovery.reordering_timer(now, &self.rtt, board);
            let later = |span: Duration| Deadline::after(now, span.max(Duration::from_micros(1)));
            self.timers.probe = span.map_or(Deadline::NONE, later);
        } else if !self.flags.contains(Flags::SACK) || !self.recovery.may_probe() {
            self.timers.probe = Deadline::NONE;
        } else if self.timers.probe.is_none() {
            // A probe is put off by what is sent or acknowledged only.
            let (sender, mss) = (self.sender(), self.mss());
            let span = self
                .recovery
                .probe_timeout(sender, true, &self.rtt, mss, None);
            let later = |span: u32| Deadline::after_micros(now, span.max(1));
            self.timers.probe = span.map_or(Deadline::NONE, later);
        }
    }

    /// Starts the timer for what is on its way.
    pub(super) fn arm_retransmit(&mut self, now: Instant) {
        self.timers.retransmit = Deadline::after_micros(now, self.rtt.rto_micros());
    }

    /// The peer's window is shut, and nothing on the way will tell that it has opened: it is asked
    /// (RFC 9293 §3.8.6.1).
    fn start_persisting(&mut self, now: Instant) {
        if self.flight() == 0 && self.timers.retransmit.is_none() {
            self.arm_retransmit(now);
        }
    }

    /// An acknowledgement, if one is due or the window can be opened by enough to say so.
    fn next_acknowledgment(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        (self.flags.contains(Flags::ACK_NOW) || self.opens_window(turn.pool))
            && self.segment(turn, self.nxt, TcpFlags::ACK, 0, to)
    }

    /// Whether the window may open by so much that the peer is to be told.
    #[inline]
    pub(crate) fn opens_window(&self, pool: Pool) -> bool {
        // What the pool has left is looked at last: it makes the edge no farther.
        (self.rcv_nxt + self.quota_left()).is_after(self.rcv_edge) && self.opens_by_step(pool)
    }

    #[inline(never)]
    fn opens_by_step(&self, pool: Pool) -> bool {
        let mss = u32::from(self.mss());
        // One to whom the window is shut waits for nothing else.
        let is_shut = self.rcv_edge.distance(self.rcv_nxt) < mss;
        let segments = if is_shut { 1 } else { 2 };
        let step = (self.receive_quota / 2).min(segments * mss).max(1) as i32;
        let opens = |edge: Seq| edge.since(self.rcv_edge) >= step;
        opens(self.rcv_nxt + self.quota_left())
            && opens(self.wanted_edge(Room::of(pool)))
            && !self.flags.contains(Flags::FIN_RECEIVED)
    }

    /// What the quota leaves to be received.
    fn quota_left(&self) -> u32 {
        (self.receive_quota).saturating_sub(self.received.len() as u32)
    }

    /// A pure acknowledgement, whether or not one is due.
    pub(crate) fn acknowledgment(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        !matches!(self.state, TcpState::Closed | TcpState::SynSent)
            && self.segment(turn, self.nxt, TcpFlags::ACK, 0, to)
    }

    /// The right edge that the quota and the pool allow; never left of what was offered.
    fn wanted_edge(&self, room: Room) -> Seq {
        let free = self.quota_left().min(self.promise(room));
        (self.rcv_nxt + free).max(self.rcv_edge)
    }

    /// What the pool lets this connection promise: nothing more than it has before it is accepted.
    fn promise(&self, room: Room) -> u32 {
        match self.flags.contains(Flags::UNACCEPTED) {
            true => 0,
            false => room.promise(false, !self.received.is_empty(), self.mss()),
        }
    }

    /// Puts a segment with `length` bytes of data from `seq` on into `to`: acknowledges all, offers
    /// the window, and settles what acknowledgements were due. False if there is no view for the data.
    pub(super) fn segment(
        &mut self,
        turn: &Turn<'_>,
        seq: Seq,
        mut flags: TcpFlags,
        length: u32,
        to: &mut Outgoing,
    ) -> bool {
        if length > 0 {
            let offset = seq.distance(self.una) as usize;
            let Ok(data) = self.to_send.slice(offset, length as usize) else {
                self.flags |= Flags::STARVED;
                return false;
            };
            to.data = Some(data);
        }
        // The edge moves by a worthwhile step or not at all (RFC 9293 §3.8.6.2.2), and never back,
        // not by the rounding of the shift either.
        let step = (self.receive_quota / 2).min(u32::from(self.mss())).max(1) as i32;
        if (self.rcv_nxt + self.quota_left()).since(self.rcv_edge) >= step {
            let edge = self.wanted_edge(turn.room());
            if edge.since(self.rcv_edge) >= step {
                self.rcv_edge = edge;
            }
        }
        let scale = self.scales.receive();
        let window = self.rcv_edge.distance(self.rcv_nxt);
        let shown = ((window + ((1 << scale) - 1)) >> scale).min(65_535);
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt + (shown << scale));
        let timestamps = self
            .flags
            .contains(Flags::TIMESTAMPS)
            .then(|| (self.timestamp(turn.now), self.round_trips.recent()));
        to.options = Options::timestamps(timestamps);
        let has_blocks = self.flags.contains(Flags::SACK)
            && (!self.out_of_order.is_empty() || self.flags.contains(Flags::DUPLICATE));
        if !has_blocks || self.add_blocks(turn, timestamps, length, to) {
            self.flags -= Flags::ACK_NOW;
        }
        self.flags -= Flags::ACK_LATER;
        self.timers.acknowledge = Deadline::NONE;
        self.last_ack = self.rcv_nxt;
        flags.set(
            TcpFlags::ECE,
            ecn::ON && self.flags.contains(Flags::ECN_ECHO),
        );
        to.seq = seq;
        to.ack = self.rcv_nxt;
        to.flags = flags;
        to.window = shown as u16;
        true
    }

    /// Adds selective acknowledgements. They find room in a full segment only beside it: then it is
    /// false, and they come in one of their own, if one is due (RFC 9293 §3.7.1: all options count).
    #[cold]
    fn add_blocks(
        &mut self,
        turn: &Turn<'_>,
        timestamps: Option<(u32, u32)>,
        length: u32,
        to: &mut Outgoing,
    ) -> bool {
        let beside =
            (u32::from(self.mss()).saturating_sub(length + SACK_HEADER) / SACK_BLOCK) as usize;
        let blocks = match length {
            0 => usize::MAX,
            _ => beside,
        };
        if blocks == 0 {
            return false;
        }
        let reported = self.sack_blocks().into_iter().flatten();
        // A duplicate comes first (RFC 2883 §4).
        let duplicate = match self.flags.contains(Flags::DUPLICATE) {
            true => turn.boards.take_duplicate(turn.index),
            false => None,
        };
        self.flags -= Flags::DUPLICATE;
        let blocks = duplicate.into_iter().chain(reported).take(blocks);
        to.options = Options::Composed(TcpOptionSpace::segment(timestamps, blocks));
        true
    }

    /// What was to be sent could not be: the acknowledgement in it is due still.
    pub(crate) fn not_sent(&mut self, now: Instant) {
        if self.state.is_synchronized() {
            self.flags |= Flags::ACK_LATER;
            self.timers.acknowledge = Deadline::after_micros(now, self.rtt.rto_micros());
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

    /// A deadline may have passed. False if no segment is to be sent for that.
    pub(crate) fn timer(&mut self, turn: &mut Turn<'_>, to: &mut Outgoing) -> bool {
        let now = turn.now;
        if self.timers.acknowledge.is_due(now) {
            self.timers.acknowledge = Deadline::NONE;
            self.flags |= Flags::ACK_NOW;
        }
        if self.timers.retransmit.is_due(now) {
            self.timers.retransmit = Deadline::NONE;
            self.timers.probe = Deadline::NONE;
            return self.retransmit_timeout(turn, to);
        }
        if self.timers.probe.is_due(now) {
            self.timers.probe = Deadline::NONE;
            return self.probe_timeout(turn, to);
        }
        if self.timers.keepalive.is_due(now) {
            self.timers.keepalive = Deadline::NONE;
            return self.keepalive_timeout(turn, to);
        }
        false
    }

    /// Time for a probe of the tail, or losses have come to light by time alone.
    fn probe_timeout(&mut self, turn: &mut Turn<'_>, to: &mut Outgoing) -> bool {
        let sender = self.sender();
        let board = turn.boards.get(turn.index);
        if board.as_deref().is_some_and(|board| !board.is_empty()) {
            let (rtt, congestion) = (&self.rtt, &mut self.congestion);
            self.recovery
                .on_ack(Ack::default(), turn.now, sender, rtt, congestion, board);
            return false;
        }
        let Some(probe) = self.recovery.probe(sender, self.mss()) else {
            return false;
        };
        self.arm_retransmit(turn.now);
        match probe {
            Probe::New => self.next_new(turn, u32::from(self.mss()), to),
            Probe::Retransmit(span) => self.again(turn, span, to),
        }
    }

    /// The retransmission timer, which is also that of zero-window probes.
    fn retransmit_timeout(&mut self, turn: &mut Turn<'_>, to: &mut Outgoing) -> bool {
        let now = turn.now;
        let is_synchronized = self.state.is_synchronized();
        let is_silent = self.heard.elapsed(now) >= self.user_timeout() && self.flight() > 0;
        let has_tried = usize::from(self.probes) + 1 >= config::TCP_SYN_RETRIES;
        if is_silent || !is_synchronized && has_tried {
            self.give_up();
            return false;
        }
        if !is_synchronized {
            self.probes += 1;
            self.rtt.back_off();
            self.flags |= Flags::SYN_DUE;
            return false;
        }
        if self.wnd == 0 {
            return self.probe_window(turn, to);
        }
        if self.flight() == 0 {
            return self.override_silly_window(turn, to);
        }
        // What the driver has not even sent yet is not sent twice; but only once is it waited for.
        if self.to_send.is_shared(0) && !self.flags.contains(Flags::STILL_QUEUED) {
            self.flags |= Flags::STILL_QUEUED;
            self.arm_retransmit(now);
            return false;
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
        false
    }

    /// One byte (or the FIN) into a shut window; it counts as sent (RFC 9293 §3.8.6.1).
    fn probe_window(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        if self.to_send.is_empty() && !self.flags.contains(Flags::FIN_WANTED) {
            return false;
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
        if !self.segment(turn, seq, flags, length, to) {
            return false;
        }
        if self.nxt == seq {
            self.nxt = seq + 1;
            if length == 0 {
                self.fin_sent();
            }
        }
        true
    }

    /// The window that was shut has opened, and a probe was not taken: it goes again, with what was
    /// never sent behind it.
    fn after_refusal(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
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
        if !self.segment(turn, seq, flags, length, to) {
            return false;
        }
        let end = seq + length;
        if end.is_after(self.nxt) {
            self.nxt = end;
        }
        true
    }

    /// The peer's window is smaller than a segment and stays so: now it is filled all the same.
    fn override_silly_window(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        let length = self.unsent().min(self.wnd).min(u32::from(self.mss()));
        if length == 0 {
            return false;
        }
        // "the receiver may at any time reduce the size of RCV.BUFF" (RFC 9293 §3.8.6.2.1): so it has,
        // and what it offers now is what later windows are measured by.
        self.max_wnd = self.wnd;
        let seq = self.nxt;
        self.heard = Past::new(turn.now);
        if !self.segment(turn, seq, TcpFlags::ACK | TcpFlags::PSH, length, to) {
            return false;
        }
        self.nxt = seq + length;
        self.recovery.sent(length);
        self.arm_retransmit(turn.now);
        true
    }

    /// Asks a silent peer whether it is there (RFC 9293 §3.8.4): a segment just left of its window.
    fn keepalive_timeout(&mut self, turn: &Turn<'_>, to: &mut Outgoing) -> bool {
        if self.state == TcpState::FinWait2 && self.flags.contains(Flags::ORPHAN) {
            // Nobody waits for the peer's FIN any more.
            self.state = TcpState::Closed;
            return false;
        }
        if !self.state.is_synchronized() || self.flight() > 0 {
            // What is on its way finds out itself.
            self.arm_keepalive(turn.now);
            return false;
        }
        if usize::from(self.probes) >= config::TCP_KEEPALIVE_PROBES {
            self.give_up();
            return false;
        }
        self.probes += 1;
        let interval = Duration::from_secs(config::TCP_KEEPALIVE_INTERVAL as u64);
        self.timers.keepalive = Deadline::after(turn.now, interval);
        self.segment(turn, self.una - 1, TcpFlags::ACK, 0, to)
    }
}
