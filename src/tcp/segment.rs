//! What comes in and what goes out, in the terms of RFC 9293 §3.3.1.

use core::cell::Cell;

use super::scoreboard::Scoreboard;
use super::sequence::Seq;
use crate::checksum::Sum;
use crate::config;
use crate::netbuf::{NetBuf, Pool};
use crate::time::Instant;
use crate::wire::tcp::TcpFlags;
use crate::wire::tcp_options::{self, TIMESTAMPS_LENGTH, TcpOptionSpace, TcpOptions};

/// A received segment whose checksum is right.
pub(crate) struct Segment<'o> {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) flags: TcpFlags,
    /// SEG.WND as it stands in the header: not scaled.
    pub(crate) window: u16,
    pub(crate) options: TcpOptions<'o>,
    /// Bytes of data.
    pub(crate) length: u32,
    /// A router has marked it (RFC 3168 §5); never without the feature `tcp-ecn`.
    pub(crate) congestion: bool,
}

impl Segment<'_> {
    /// SEG.LEN: the data, SYN and FIN.
    pub(crate) fn sequence_length(&self) -> u32 {
        self.length + self.flags.sequence_length()
    }

    /// The sequence number behind the segment.
    pub(crate) fn end(&self) -> Seq {
        self.seq + self.sequence_length()
    }
}

/// A segment to be sent, but for its addresses.
pub(crate) struct Outgoing {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) flags: TcpFlags,
    pub(crate) window: u16,
    pub(crate) options: Options,
    /// The data, sharing the blocks of the send queue.
    pub(crate) data: Option<NetBuf>,
}

impl Outgoing {
    /// What is filled in before it is sent. No constant, which would be copied with all the space that
    /// options may take.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            seq: Seq(0),
            ack: Seq(0),
            flags: TcpFlags::empty(),
            window: 0,
            options: Options::None,
            data: None,
        }
    }
}

/// The options of a segment to be sent: those of nearly every segment are not composed until they
/// stand in it.
pub(crate) enum Options {
    None,
    /// TSval and TSecr.
    Timestamps(u32, u32),
    Composed(TcpOptionSpace),
}

impl Options {
    /// Timestamps alone, or nothing.
    #[inline]
    pub(crate) fn timestamps(timestamps: Option<(u32, u32)>) -> Self {
        match timestamps {
            Some((value, echo_reply)) => Self::Timestamps(value, echo_reply),
            None => Self::None,
        }
    }

    /// How many octets they are.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Timestamps(..) => TIMESTAMPS_LENGTH,
            Self::Composed(space) => space.len(),
        }
    }

    /// Writes them to `to`, which is as long: their sum.
    #[inline]
    pub(crate) fn write(&self, to: &mut [u8]) -> Sum {
        match self {
            Self::None => Sum::ZERO,
            Self::Timestamps(value, echo_reply) => match to.first_chunk_mut() {
                Some(to) => tcp_options::write_timestamps(to, *value, *echo_reply),
                None => Sum::ZERO,
            },
            Self::Composed(space) => Sum::copy(to, space.as_bytes()),
        }
    }
}

/// What is to be answered to a segment, beside what the connection wants to send anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    None,
    /// An acknowledgement that is rate-limited: the segment is suspicious (RFC 5961 §3.2, §4.2,
    /// §5.2) or old.
    Challenge,
    /// A reset with this sequence number, and no acknowledgement (RFC 9293 §3.10.7.3).
    Reset(Seq),
}

/// How many more bytes the pool could hold: what a window may promise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// All that is left.
    pub(crate) left: u32,
    /// How much of it is for those who hold nothing yet.
    pub(crate) reserve: u32,
    /// How many bytes are in a block.
    pub(crate) block: u32,
}

impl Room {
    /// What `pool` could hold. A quarter of it is for connections that hold nothing.
    pub(crate) fn of(pool: Pool) -> Self {
        // Of data in a full segment of an Ethernet, headers and timestamps off; and all of its frame
        // in the pool.
        const DATA: u32 = 1428;
        const FRAME: u32 = 1516;
        let blocks = FRAME.div_ceil((pool.block_size() as u32).max(1));
        let block = DATA / blocks.max(1);
        let (left, held) = pool.held_left_of();
        Self {
            left: u32::from(left).saturating_mul(block),
            reserve: u32::from(held / 4).saturating_mul(block),
            block,
        }
    }

    /// What is kept from a connection that holds something: more, if nobody reads it yet.
    const fn kept(self, unaccepted: bool) -> u32 {
        self.reserve << unaccepted as u32
    }

    /// Whether little is left.
    pub(crate) const fn is_crowded(self, unaccepted: bool) -> bool {
        self.left <= self.kept(unaccepted)
    }

    /// What a connection may promise to take; one that holds nothing may take a segment of `mss`
    /// from the reserve.
    pub(crate) fn promise(self, unaccepted: bool, holds: bool, mss: u16) -> u32 {
        let spare = self.left.saturating_sub(self.kept(unaccepted));
        match holds {
            true => spare,
            false => spare.max(self.left.min(mss.into())),
        }
    }
}

/// What a connection is given besides a segment, each time that it has its turn.
pub(crate) struct Turn<'t> {
    pub(crate) now: Instant,
    pub(crate) pool: Pool,
    /// The number of the connection.
    pub(crate) index: u16,
    pub(crate) boards: &'t mut Scoreboards,
}

impl Turn<'_> {
    /// What the pool could hold now.
    pub(super) fn room(&self) -> Room {
        Room::of(self.pool)
    }
}

/// The scoreboards, lent to connections that have data selectively acknowledged. A connection that
/// gets none recovers without (RFC 6582).
pub(crate) struct Scoreboards {
    boards: [Option<(u16, Scoreboard)>; config::TCP_SCOREBOARDS],
    /// How many are lent.
    lent: u16,
    /// The data that came twice last, and for whom: they are told of in the next acknowledgement,
    /// which nearly always follows at once. If not, it is no loss.
    duplicate: Cell<Option<(u16, Seq, Seq)>>,
}

impl Scoreboards {
    pub(crate) const fn new() -> Self {
        Self {
            boards: [const { None }; config::TCP_SCOREBOARDS],
            lent: 0,
            duplicate: Cell::new(None),
        }
    }

    /// Data have come to a connection that it had.
    pub(crate) fn note_duplicate(&self, index: u16, left: Seq, right: Seq) {
        self.duplicate.set(Some((index, left, right)));
    }

    /// What came to a connection twice, to be told of now.
    pub(crate) fn take_duplicate(&self, index: u16) -> Option<(u32, u32)> {
        let (_, left, right) = self
            .duplicate
            .take()
            .filter(|(owner, ..)| *owner == index)?;
        Some((left.0, right.0))
    }

    /// The one that a connection has.
    #[inline]
    pub(crate) fn get(&mut self, index: u16) -> Option<&mut Scoreboard> {
        match self.lent {
            0 => None,
            _ => self.find(index),
        }
    }

    #[inline(never)]
    fn find(&mut self, index: u16) -> Option<&mut Scoreboard> {
        let mut boards = self.boards.iter_mut().flatten();
        boards
            .find(|(owner, _)| *owner == index)
            .map(|(_, board)| board)
    }

    /// Lends one to a connection that has none.
    #[cold]
    pub(crate) fn lend(&mut self, index: u16, una: Seq) {
        if self.get(index).is_none()
            && let Some(place) = self.boards.iter_mut().find(|place| place.is_none())
        {
            *place = Some((index, Scoreboard::new(una)));
            self.lent += 1;
        }
    }

    /// Takes back what a connection has.
    #[inline]
    pub(crate) fn take_back(&mut self, index: u16) {
        if self.lent > 0 {
            self.take_from(index);
        }
    }

    #[cold]
    fn take_from(&mut self, index: u16) {
        for place in &mut self.boards {
            if place.as_ref().is_some_and(|(owner, _)| *owner == index) {
                *place = None;
                self.lent = self.lent.saturating_sub(1);
            }
        }
    }
}
