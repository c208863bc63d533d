//! Data that came before what they follow: kept in order until the gap is filled, told of by selective
//! acknowledgements (RFC 2018), and those that came twice too (RFC 2883).

use super::connection::{Connection, Flags};
use super::segment::Turn;
use super::sequence::Seq;
use crate::netbuf::{BufQueue, Charge, Meta, NetBuf, Straddle};
use crate::wire::tcp::TcpHeader;
use crate::wire::tcp_options::MAXIMUM_SACK_BLOCKS;

/// Bytes of headers that come with a segment's data into its blocks.
const GAP_HEADERS: u32 = 80;

impl Connection {
    /// Keeps a segment that came too early, in its place by sequence number; what the other ones
    /// tell already is not kept twice.
    ///
    /// The pool must still have room for the segment that fills the gap: what is kept here cannot
    /// be read before, and is not given up.
    pub(super) fn keep_out_of_order(
        &mut self,
        turn: &Turn<'_>,
        seq: Seq,
        length: u32,
        mut buf: NetBuf,
    ) -> bool {
        let kept: usize = (self.out_of_order.iter())
            .map(|kept| kept.len().saturating_sub(usize::from(kept.meta().payload)))
            .sum();
        let bytes = (kept as u32).saturating_add(length);
        let room = turn.room();
        let block = room.block.max(1);
        let gap = (u32::from(self.mss()) + GAP_HEADERS).div_ceil(block);
        let blocks = buf.fragments().count() as u32;
        if room.is_crowded(self.flags.contains(Flags::UNACCEPTED))
            || bytes > self.receive_quota
            || room.left / block < gap + blocks
            || buf.set_charge(Charge::Held).is_err()
        {
            return false;
        }
        let end = seq + length;
        let mut others = self.out_of_order.take();
        let mut kept = BufQueue::new();
        set_age(&mut buf, 0);
        let (mut new, mut inserted, mut twice) = (Some(buf), false, None);
        while let Some(mut other) = others.pop_front() {
            let (other_seq, other_length) = span(&other);
            let other_end = other_seq + other_length;
            let mut age = age(&other).saturating_add(1);
            let (left, right) = (seq.max(other_seq), end.min(other_end));
            if left.is_before(right) {
                twice = with_next(twice, left, right);
            }
            if new.is_some() && !other_seq.is_after(seq) && !other_end.is_before(end) {
                new = None;
                age = 0;
            } else if other_seq.is_after(seq)
                && let Some(new) = new.take()
            {
                kept.push_back(new);
                inserted = true;
            }
            if inserted && !other_seq.is_before(seq) && !other_end.is_after(end) {
                continue;
            }
            set_age(&mut other, age);
            kept.push_back(other);
        }
        if let Some(new) = new {
            kept.push_back(new);
        }
        self.out_of_order = kept.into();
        if let Some((left, right)) = twice {
            self.came_twice(turn, left, right);
        }
        true
    }

    /// The ranges of sequence numbers beyond `rcv_nxt` that are here, each as far as it goes without
    /// a gap: the one that was added to last comes first, then the one before, and so on, as they
    /// were reported first (RFC 2018 §4).
    pub(crate) fn sack_blocks(&self) -> [Option<(u32, u32)>; MAXIMUM_SACK_BLOCKS] {
        let mut latest: [Option<(u8, Seq, Seq)>; MAXIMUM_SACK_BLOCKS] = [None; _];
        for range in self.out_of_order_ranges() {
            let mut range = Some(range);
            for place in &mut latest {
                let (Some((age, ..)), Some((other, ..))) = (range, *place) else {
                    core::mem::swap(place, &mut range);
                    break;
                };
                if age < other {
                    core::mem::swap(place, &mut range);
                }
            }
        }
        latest.map(|range| range.map(|(_, left, right)| (left.0, right.0)))
    }

    /// The ranges with the ages of what was added to them last.
    fn out_of_order_ranges(&self) -> impl Iterator<Item = (u8, Seq, Seq)> {
        let segments = self.out_of_order.iter();
        let mut segments = segments.map(|kept| (age(&kept), span(&kept)));
        let mut next = segments.next();
        core::iter::from_fn(move || {
            let (mut youngest, (left, length)) = next?;
            let mut right = left + length;
            loop {
                next = segments.next();
                match next {
                    Some((age, (seq, length))) if !seq.is_after(right) => {
                        right = right.max(seq + length);
                        youngest = youngest.min(age);
                    }
                    _ => break,
                }
            }
            Some((youngest, left, right))
        })
    }

    /// Takes what follows now without a gap from the segments that came too early. Gives the first of
    /// their data that was not needed any more.
    pub(super) fn deliver_out_of_order(&mut self) -> Option<(Seq, Seq)> {
        let mut twice = None;
        if self.out_of_order.is_empty() {
            return twice;
        }
        // A gap was filled: the sender wants to know (RFC 5681 §4.2).
        self.flags |= Flags::ACK_NOW;
        while let Some((seq, length)) = self.out_of_order.front().map(|first| span(&first)) {
            if seq.is_after(self.rcv_nxt) || self.fin() == Some(self.rcv_nxt) {
                break;
            }
            let Some(buf) = self.out_of_order.pop_front() else {
                break;
            };
            let old = self.rcv_nxt.distance(seq);
            let (left, right) = (seq, self.rcv_nxt.min(seq + length));
            if old > 0 {
                twice = with_next(twice, left, right);
            }
            if length > old {
                let start = usize::from(buf.meta().payload);
                // It is charged already, and counted in the window: it finds its place.
                let _: bool = self.append(buf, start + old as usize, length - old);
            }
        }
        twice
    }

    /// Data have come that were here: the sender is told (RFC 2883).
    #[cold]
    pub(super) fn came_twice(&mut self, turn: &Turn<'_>, left: Seq, right: Seq) {
        if self.flags.contains(Flags::SACK) {
            turn.boards.note_duplicate(turn.index, left, right);
            self.flags |= Flags::DUPLICATE | Flags::ACK_NOW;
        }
    }
}

/// A range of sequence numbers, and the one that is looked at next: longer if that follows without a
/// gap.
fn with_next(range: Option<(Seq, Seq)>, left: Seq, right: Seq) -> Option<(Seq, Seq)> {
    match range {
        None => Some((left, right)),
        Some((first, last)) if left == last => Some((first, right)),
        other => other,
    }
}

/// How many segments have come out of order after this one, as far as that can be counted. It is where
/// the traffic class stands in packets to be sent.
fn age(buf: &NetBuf) -> u8 {
    buf.meta().class
}

fn set_age(buf: &mut NetBuf, age: u8) {
    let meta = buf.meta();
    buf.set_meta(Meta { class: age, ..meta });
}

/// Where the data of a kept segment start in sequence space, and how many they are: the TCP header
/// still stands in front of them, where the meta's `network` says since the IP header was read.
pub(super) fn span(buf: &NetBuf) -> (Seq, u32) {
    let meta = buf.meta();
    let payload = usize::from(meta.payload);
    let length = buf.len().saturating_sub(payload) as u32;
    let mut straddle = Straddle::new();
    let seq = buf
        .header(usize::from(meta.network), &mut straddle)
        .and_then(|bytes| TcpHeader::new(bytes).ok())
        .map_or(0, |header| header.sequence());
    (Seq(seq), length)
}
