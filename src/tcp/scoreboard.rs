//! The sender's scoreboard of selective acknowledgements (RFC 2018, RFC 6675; D-SACK: RFC 2883).
//!
//! It keeps the *holes*: what the peer has not acknowledged below the highest data that it has. A
//! hole remembers how far it has been retransmitted, when, and what `SND.NXT` was then. So it
//! knows, without a record of every segment, what RFC 8985 (RACK) wants to know:
//!
//! - A hole is lost once three segments' worth above it has arrived (RFC 6675 `IsLost`), or a
//!   reordering window after it was first seen (RFC 8985 §6.2 step 5: what was sent after it has
//!   arrived, and it has not). Where packets were seen to be reordered, only time counts.
//! - A retransmission is lost once something sent after it has arrived, new data or another
//!   retransmission, and a round trip and the reordering window have passed since it was sent. The
//!   time of a hole is that of its latest retransmission, which errs towards waiting.
//!
//! Where there are more holes than the table holds, two neighbours are taken for one hole, over the
//! least acknowledged data: nothing is ever taken for delivered that is not. A timeout expunges what
//! the peer has said, because it may have reneged (RFC 2018 §8): then all is one lost hole.
//!
//! Times are microseconds modulo 2^32.

use crate::config::TCP_HOLES;

use super::Seq;

/// Segments above a hole that make it lost (RFC 6675 §2).
const DUP_THRESH: u32 = 3;

/// Data that the peer has not acknowledged, below data that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Hole {
    start: Seq,
    end: Seq,
    /// What is before this has been retransmitted.
    next: Seq,
    /// `SND.NXT` at the latest retransmission.
    sent_nxt: Seq,
    /// When the latest retransmission was sent; when the hole was first seen if there was none.
    at: u32,
    /// Whether what has not been retransmitted is lost.
    lost: bool,
    /// Whether any of it has ever been retransmitted.
    again: bool,
}

impl Hole {
    fn length(&self) -> u32 {
        octets(self.start, self.end)
    }

    /// Octets of it that are on their way a second time.
    fn resent(&self) -> u32 {
        octets(self.start, self.next)
    }
}

/// A span of data to retransmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// The first octet.
    pub start: Seq,
    /// How many.
    pub length: u32,
}

/// What an acknowledgement told the scoreboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Update {
    /// Octets newly acknowledged, cumulatively or selectively (`DeliveredData` of RFC 6937 §2).
    pub delivered: u32,
    /// Octets newly selectively acknowledged: where not zero, this is a duplicate acknowledgement in
    /// the sense of RFC 6675 §2.
    pub sacked: u32,
    /// The end of data that the peer reports to have received twice (RFC 2883).
    pub duplicate: Option<Seq>,
    /// Data that had been sent only once arrived after data sent later (RFC 8985 §6.2 step 3).
    pub reordered: bool,
}

/// How patiently losses are inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Patience {
    /// The round-trip time that a retransmission is given, in microseconds.
    pub rtt: u32,
    /// The reordering window in microseconds.
    pub window: u32,
    /// Whether three segments above a hole are enough to call it lost.
    pub counts: bool,
}

/// The scoreboard of one connection that is in recovery, or has data selectively acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scoreboard {
    /// In order, disjoint; between two of them, and from the last one to `highest`, the peer has
    /// the data.
    holes: [Hole; TCP_HOLES],
    una: Seq,
    /// The end of the highest data selectively acknowledged; `una` where there is none.
    highest: Seq,
    /// The latest retransmission that is known to have arrived: when it was sent, and its end.
    arrived_at: u32,
    arrived_end: Seq,
    /// RescueRxt (RFC 6675 §2).
    rescue: Seq,
    /// The latest sample of the round trip in microseconds; zero before the first one.
    rtt: u32,
    count: u8,
    arrived: bool,
}

impl Scoreboard {
    /// A scoreboard with nothing selectively acknowledged.
    pub fn new(una: Seq) -> Self {
        Self {
            holes: [Hole::default(); TCP_HOLES],
            una,
            highest: una,
            arrived_at: 0,
            arrived_end: una,
            rescue: una,
            rtt: 0,
            count: 0,
            arrived: false,
        }
    }

    /// Forgets all that the peer said selectively.
    pub fn clear(&mut self, una: Seq) {
        *self = Self {
            rtt: self.rtt,
            ..Self::new(una)
        };
    }

    /// A sample of the round trip was taken (RACK.rtt, RFC 8985 §5.2).
    pub const fn sampled(&mut self, rtt: u32) {
        self.rtt = rtt;
    }

    /// The latest sample in microseconds, if there has been one.
    pub const fn round_trip(&self) -> Option<u32> {
        match self.rtt {
            0 => None,
            rtt => Some(rtt),
        }
    }

    /// Whether there is nothing to remember: the place in the table can go to another connection.
    pub fn is_empty(&self) -> bool {
        self.highest == self.una
    }

    /// Octets that the peer has beyond `SND.UNA`.
    pub fn sacked(&self) -> u32 {
        let holes: u32 = self.holes().map(Hole::length).sum();
        octets(self.una, self.highest).saturating_sub(holes)
    }

    /// Takes in an acceptable acknowledgement: `una` and `nxt` are SND.UNA and SND.NXT after it,
    /// `blocks` its SACK option in the order received. Blocks that are not within what is
    /// outstanding count for nothing. A retransmission that seems to have taken less than `min_rtt`
    /// is the original that arrived late (RFC 8985 §6.2 step 2).
    pub fn update(
        &mut self,
        una: Seq,
        nxt: Seq,
        blocks: impl IntoIterator<Item = (Seq, Seq)>,
        now: u32,
        min_rtt: u32,
    ) -> Update {
        let mut update = Update::default();
        let before = self.sacked();
        let advance = octets(self.una, una);
        let known = self.highest;
        if advance > 0 {
            self.arrive(self.una, una, known, (now, min_rtt), &mut update);
            self.advance(una);
        }
        let after_una = self.sacked();
        let mut first = None;
        for (at, (left, right)) in blocks.into_iter().enumerate() {
            // RFC 2883 §4: the first block, if it is below the acknowledgement or in the second.
            if at == 0 && !right.is_after(una) && left.is_before(right) {
                update.duplicate = Some(right);
            }
            match (at, first) {
                (0, _) => first = Some((left, right)),
                (1, Some((l, r))) if !left.is_after(l) && !r.is_after(right) => {
                    update.duplicate = Some(r);
                }
                _ => {}
            }
            if left.is_after(una) && right.is_after(left) && !right.is_after(nxt) {
                self.receive(left, right, nxt, known, (now, min_rtt), &mut update);
            }
        }
        let after = self.sacked();
        update.sacked = after.saturating_sub(after_una);
        update.delivered = (advance + after).saturating_sub(before);
        update
    }

    /// Calls lost what must be by now. Returns whether there was something new.
    pub fn detect(&mut self, now: u32, mss: u16, patience: Patience) -> bool {
        let Patience {
            rtt,
            window,
            counts,
        } = patience;
        let enough = (DUP_THRESH - 1) * u32::from(mss);
        let (mut above, mut runs, mut top) = (0_u32, 0_u32, self.highest);
        let mut found = false;
        let (arrived, arrived_at, arrived_end) = (self.arrived, self.arrived_at, self.arrived_end);
        let highest = self.highest;
        for hole in self.holes.iter_mut().take(usize::from(self.count)).rev() {
            let run = octets(hole.end, top);
            above = above.saturating_add(run);
            runs += u32::from(run > 0);
            top = hole.start;
            let waited = now.wrapping_sub(hole.at);
            if hole.resent() > 0 {
                let overtaken = highest.is_after(hole.sent_nxt)
                    || arrived && is_later((arrived_at, arrived_end), (hole.at, hole.next));
                if overtaken && waited >= rtt.saturating_add(window) {
                    hole.next = hole.start;
                    hole.lost = true;
                    found = true;
                    continue;
                }
            }
            // IsLost() of RFC 6675 §4, or its time has come.
            if !hole.lost
                && (counts && (above > enough || runs >= DUP_THRESH)
                    || hole.resent() == 0 && waited >= window)
            {
                hole.lost = true;
                found = true;
            }
        }
        found
    }

    /// How long from now [`detect`](Self::detect) may find something if no acknowledgement comes:
    /// the reordering timer (RFC 8985 §6.2 step 5), in microseconds.
    pub fn deadline(&self, now: u32, patience: Patience) -> Option<u32> {
        self.holes()
            .filter_map(|hole| {
                let waited = now.wrapping_sub(hole.at);
                let overtaken = self.highest.is_after(hole.sent_nxt)
                    || self.arrived
                        && is_later((self.arrived_at, self.arrived_end), (hole.at, hole.next));
                match hole.resent() {
                    0 if !hole.lost => Some(patience.window.saturating_sub(waited)),
                    0 => None,
                    _ if overtaken => Some(
                        patience
                            .rtt
                            .saturating_add(patience.window)
                            .saturating_sub(waited),
                    ),
                    _ => None,
                }
            })
            .min()
    }

    /// Three duplicate acknowledgements call the first hole lost, whatever its size (RFC 6675 §5
    /// step 1).
    pub fn lose_first(&mut self) {
        if let Some(hole) = self.holes.first_mut()
            && self.count > 0
        {
            hole.lost = true;
        }
    }

    /// Whether any hole is lost.
    pub fn any_lost(&self) -> bool {
        self.holes().any(|hole| hole.lost)
    }

    /// Whether the octet at `seq` is lost (`IsLost`, RFC 6675 §4, as far as
    /// [`detect`](Self::detect) has found).
    #[cfg(test)]
    pub fn is_lost(&self, seq: Seq) -> bool {
        self.holes()
            .any(|hole| hole.lost && !seq.is_before(hole.start) && seq.is_before(hole.end))
    }

    /// Octets in the network (`SetPipe`, RFC 6675 §4).
    pub fn pipe(&self, nxt: Seq) -> u32 {
        self.holes()
            .map(|hole| match hole.lost {
                true => hole.resent(),
                false => hole.length().saturating_add(hole.resent()),
            })
            .fold(octets(self.highest, nxt), u32::saturating_add)
    }

    /// Rule 1 of `NextSeg` (RFC 6675 §4): the first lost data that has not been retransmitted.
    pub fn lost_segment(&self, mss: u16) -> Option<Span> {
        self.holes()
            .filter(|hole| hole.lost)
            .find_map(|hole| segment(hole.next, hole.end, mss))
    }

    /// Rule 3 of `NextSeg`: the first data below the highest selectively acknowledged that has not
    /// been retransmitted, lost or not.
    pub fn doubtful_segment(&self, mss: u16) -> Option<Span> {
        self.holes()
            .find_map(|hole| segment(hole.next, hole.end, mss))
    }

    /// Rule 4 of `NextSeg`: the last segment that is outstanding, once per recovery.
    pub fn rescue_segment(&self, nxt: Seq, mss: u16) -> Option<Span> {
        if !self.una.is_after(self.rescue) {
            return None;
        }
        let (start, end) = match (self.highest == nxt, self.holes().last()) {
            (false, _) => (self.highest, nxt),
            (true, Some(hole)) => (hole.start, hole.end),
            (true, None) => return None,
        };
        let length = octets(start, end).min(u32::from(mss));
        let start = Seq(end.0.wrapping_sub(length));
        (length > 0).then_some(Span { start, length })
    }

    /// Recovery starts and ends at `point`; its first retransmission ends at `first`. Until the
    /// acknowledgement passes that there is no rescue (RFC 6675 §5 step 4.3).
    pub fn enter_recovery(&mut self, first: Seq) {
        self.rescue = first;
    }

    /// The rescue segment of the recovery that ends at `point` was sent.
    pub fn rescued(&mut self, point: Seq) {
        self.rescue = point;
    }

    /// `span` was retransmitted at `now`, when SND.NXT was `nxt`.
    pub fn retransmitted(&mut self, span: Span, nxt: Seq, now: u32) {
        let end = span.start + span.length;
        for hole in self.holes.iter_mut().take(usize::from(self.count)) {
            if !hole.next.is_before(span.start)
                && hole.next.is_before(end)
                && hole.start.is_before(end)
            {
                hole.next = earlier(end, hole.end);
                (hole.sent_nxt, hole.at, hole.again) = (nxt, now, true);
            }
        }
    }

    /// The retransmission timer expired: all that is outstanding is lost, and what the peer said
    /// about it is void (RFC 2018 §8).
    pub fn timed_out(&mut self, una: Seq, nxt: Seq, now: u32) {
        self.clear(una);
        self.highest = nxt;
        self.rescue = nxt;
        self.push(Hole {
            start: una,
            end: nxt,
            next: una,
            sent_nxt: nxt,
            at: now,
            lost: true,
            again: true,
        });
    }

    fn holes(&self) -> impl DoubleEndedIterator<Item = &Hole> {
        self.holes.iter().take(usize::from(self.count))
    }

    /// SND.UNA moved to `una`, and the holes below it are gone.
    fn advance(&mut self, una: Seq) {
        self.una = una;
        if !self.highest.is_after(una) {
            self.highest = una;
            self.count = 0;
        } else if self.count == 0 {
            // The peer acknowledges less than it said it had: it reneged.
            self.highest = una;
        } else if let Some(hole) = self.holes.first_mut()
            && hole.start != una
        {
            // It reneged on what is below the first hole.
            (hole.start, hole.next) = (una, una);
        }
        if self.rescue.is_before(una) {
            // Kept just below, so that it never wraps to the far side.
            self.rescue = Seq(una.0.wrapping_sub(1));
        }
    }

    /// The peer has `left..right`, which is within what is outstanding.
    fn receive(
        &mut self,
        left: Seq,
        right: Seq,
        nxt: Seq,
        known: Seq,
        (now, min_rtt): (u32, u32),
        update: &mut Update,
    ) {
        if left.is_before(self.highest) {
            let right = earlier(right, self.highest);
            self.arrive(left, right, known, (now, min_rtt), update);
        }
        if right.is_after(self.highest) {
            if left.is_after(self.highest) {
                self.push(Hole {
                    start: self.highest,
                    end: left,
                    next: self.highest,
                    sent_nxt: nxt,
                    at: now,
                    lost: false,
                    again: false,
                });
            }
            self.highest = right;
        }
    }

    /// Takes `left..right` out of the holes. `known` is what was the highest before this
    /// acknowledgement: a hole above it was made by another block of the same one, and says nothing
    /// about the order of arrival.
    fn arrive(
        &mut self,
        left: Seq,
        right: Seq,
        known: Seq,
        (now, min_rtt): (u32, u32),
        update: &mut Update,
    ) {
        let (old, count) = (self.holes, self.count);
        self.count = 0;
        for hole in old.iter().take(usize::from(count)) {
            if !hole.end.is_after(left) || !hole.start.is_before(right) {
                self.push(*hole);
                continue;
            }
            if hole.next.is_after(left) && hole.resent() > 0 {
                let sent = (hole.at, earlier(hole.next, right));
                let newest = !self.arrived || is_later(sent, (self.arrived_at, self.arrived_end));
                if newest && now.wrapping_sub(hole.at) >= min_rtt {
                    (self.arrived_at, self.arrived_end) = sent;
                    self.arrived = true;
                }
            }
            update.reordered |= !hole.again && hole.start.is_before(known);
            if hole.start.is_before(left) {
                self.push(Hole {
                    end: left,
                    next: earlier(hole.next, left),
                    ..*hole
                });
            }
            if right.is_before(hole.end) {
                self.push(Hole {
                    start: right,
                    next: later(hole.next, right),
                    ..*hole
                });
            }
        }
    }

    /// Adds a hole above all others. In a full table the two that are closest become one.
    fn push(&mut self, hole: Hole) {
        let count = usize::from(self.count);
        if let Some(place) = self.holes.get_mut(count) {
            *place = hole;
            self.count += 1;
            return;
        }
        let mut closest = (u32::MAX, 0);
        let next = self.holes.iter().skip(1).chain([&hole]);
        for (at, (low, high)) in self.holes.iter().zip(next).enumerate() {
            let gap = octets(low.end, high.start);
            if gap < closest.0 {
                closest = (gap, at);
            }
        }
        // From the top down: each place takes what was above it, until the pair is reached.
        let mut above = hole;
        for (at, place) in self.holes.iter_mut().enumerate().rev() {
            if at == closest.1 {
                *place = merged(place, &above);
                return;
            }
            core::mem::swap(place, &mut above);
        }
    }
}

/// One hole in place of two and of what is between them.
fn merged(low: &Hole, high: &Hole) -> Hole {
    let (sent_nxt, at) = match high.at.wrapping_sub(low.at).cast_signed() > 0 {
        true => (high.sent_nxt, high.at),
        false => (low.sent_nxt, low.at),
    };
    Hole {
        start: low.start,
        end: high.end,
        next: if low.next == low.end {
            high.next
        } else {
            low.next
        },
        sent_nxt: later(sent_nxt, later(low.sent_nxt, high.sent_nxt)),
        at,
        lost: low.lost && high.lost,
        again: low.again || high.again,
    }
}

/// The first segment of what is from `start` to `end`.
fn segment(start: Seq, end: Seq, mss: u16) -> Option<Span> {
    let length = octets(start, end).min(u32::from(mss));
    (length > 0).then_some(Span { start, length })
}

/// Octets from `start` to `end`; zero where `end` is before.
fn octets(start: Seq, end: Seq) -> u32 {
    u32::try_from(end.since(start)).unwrap_or(0)
}

/// Whether what was sent at the first time, and ends there, was sent after the other (RFC 8985 §6.2
/// step 2, `RACK_sent_after`).
fn is_later((a, a_end): (u32, Seq), (b, b_end): (u32, Seq)) -> bool {
    a.wrapping_sub(b).cast_signed() > 0 || a == b && a_end.is_after(b_end)
}

fn earlier(a: Seq, b: Seq) -> Seq {
    if a.is_before(b) { a } else { b }
}

fn later(a: Seq, b: Seq) -> Seq {
    if a.is_after(b) { a } else { b }
}

#[cfg(test)]
mod tests;
