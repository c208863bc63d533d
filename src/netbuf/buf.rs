//! What can be done with a packet: all of it from the primitives of [`super::pool`].

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;

use super::pool::{Charge, NetBuf, NoBuffer, Pool, Purpose, ViewId};
use crate::checksum::{Sum, copy};

/// Other views see the same bytes, so they cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shared;

/// Space on the stack for a header of `N` bytes that may lie across fragments.
pub struct Straddle<const N: usize>(MaybeUninit<[u8; N]>);

impl<const N: usize> Straddle<N> {
    /// Space that nothing has been written to.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }
}

impl<const N: usize> Default for Straddle<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The fragments of a buffer that have bytes, first to last, as slices: for gathering.
pub struct Fragments<'b> {
    buf: &'b NetBuf,
    next: Option<ViewId>,
}

impl<'b> Iterator for Fragments<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        loop {
            let id = self.next?;
            self.next = self.buf.next(id);
            let bytes = self.buf.bytes(id);
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
    }
}

impl NetBuf {
    /// The first fragment: the whole packet where blocks are as large as frames.
    #[inline]
    pub fn first(&self) -> &[u8] {
        self.bytes(self.head())
    }

    /// The fragments that have bytes, first to last.
    pub fn fragments(&self) -> Fragments<'_> {
        Fragments {
            buf: self,
            next: Some(self.head()),
        }
    }

    /// Gives each fragment to `fill`, first to last, to be written.
    ///
    /// Stops with an error at a fragment that another buffer shares.
    pub fn for_each_fragment_mut(&mut self, mut fill: impl FnMut(&mut [u8])) -> Result<(), Shared> {
        let mut next = Some(self.head());
        while let Some(id) = next {
            fill(self.bytes_mut(id).ok_or(Shared)?);
            next = self.next(id);
        }
        Ok(())
    }

    /// The `N` bytes from `offset` on: where they are if they lie in one fragment, else put
    /// together in `straddle`. `None` if there are not so many.
    #[inline]
    pub fn header<'b, const N: usize>(
        &'b self,
        offset: usize,
        straddle: &'b mut Straddle<N>,
    ) -> Option<&'b [u8; N]> {
        #[cfg(feature = "fast-paths")]
        if let Some(bytes) = self.first().get(offset..)
            && let Some(header) = bytes.first_chunk()
        {
            return Some(header);
        }
        let header = straddle.0.write([0; N]);
        self.fills(offset, header).then_some(header)
    }

    /// Copies bytes from `offset` on into `to`; whether there were so many.
    #[cold]
    #[inline(never)]
    fn fills(&self, offset: usize, to: &mut [u8]) -> bool {
        self.read(offset, to) == to.len()
    }

    /// The `N` bytes from `offset` on, to be written in place. `None` if they are not in one
    /// fragment that no other buffer shares.
    #[inline]
    pub fn header_mut<const N: usize>(&mut self, offset: usize) -> Option<&mut [u8; N]> {
        // A header that starts at the end of a fragment is in the next one that has bytes.
        let (mut id, mut at) = self.find(offset);
        while at == self.bytes(id).len()
            && let Some(next) = self.next(id)
        {
            (id, at) = (next, 0);
        }
        self.bytes_mut(id)?.get_mut(at..)?.first_chunk_mut()
    }

    /// Copies bytes from `offset` on into `to`; says how many there were.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> usize {
        let wanted = to.len();
        let mut to = to;
        self.pieces(offset, wanted, |piece| {
            if let Some((now, later)) = core::mem::take(&mut to).split_at_mut_checked(piece.len()) {
                copy(now, piece);
                to = later;
            }
        });
        wanted - to.len()
    }

    /// As [`NetBuf::read`], with the sum of the bytes copied, taken in the same pass.
    pub fn read_summed(&self, offset: usize, to: &mut [u8]) -> (usize, Sum) {
        let wanted = to.len();
        let (mut sum, mut done) = (Sum::ZERO, 0);
        self.pieces(offset, wanted, |piece| {
            if let Some(to) = to.get_mut(done..) {
                sum = sum.then(done, Sum::copy(to, piece));
                done += piece.len();
            }
        });
        (done, sum)
    }

    /// The sum of the bytes of `range`, as if it began at an even offset.
    pub fn sum(&self, range: Range<usize>) -> Sum {
        let (mut sum, mut done) = (Sum::ZERO, 0);
        self.pieces(range.start, range.len(), |piece| {
            sum = if done == 0 {
                Sum::of(piece)
            } else {
                sum.then(done, Sum::of(piece))
            };
            done += piece.len();
        });
        sum
    }

    /// Gives the bytes from `offset` on, `length` at most, to `work`, a piece of a fragment each.
    #[inline]
    pub fn pieces(&self, offset: usize, length: usize, mut work: impl FnMut(&[u8])) {
        // One loop for all kinds of work, or one for each.
        #[cfg(not(feature = "fast-paths"))]
        self.each_piece::<dyn FnMut(&[u8])>(offset, length, &mut work);
        #[cfg(feature = "fast-paths")]
        self.each_piece(offset, length, &mut work);
    }

    #[cfg_attr(feature = "fast-paths", inline)]
    fn each_piece<W>(&self, offset: usize, length: usize, work: &mut W)
    where
        W: FnMut(&[u8]) + ?Sized,
    {
        let (id, mut at) = self.find(offset);
        let (mut next, mut left) = (Some(id), length);
        while let Some(id) = next {
            let piece = self.bytes(id).get(at..).unwrap_or(&[]);
            let piece = piece.get(..left).unwrap_or(piece);
            if !piece.is_empty() {
                work(piece);
            }
            left -= piece.len();
            if left == 0 {
                return;
            }
            at = 0;
            next = self.next(id);
        }
    }

    /// Writes `from` over the bytes from `offset` on; says how many found a place.
    ///
    /// Stops with an error at a fragment that another buffer shares: those before it are written.
    pub fn write(&mut self, offset: usize, from: &[u8]) -> Result<usize, Shared> {
        let (id, mut at) = self.find(offset);
        let (mut next, mut left) = (Some(id), from);
        while let Some(id) = next
            && !left.is_empty()
        {
            if at < self.bytes(id).len() {
                let to = self
                    .bytes_mut(id)
                    .and_then(|bytes| bytes.get_mut(at..))
                    .ok_or(Shared)?;
                let (now, later) = left.split_at(to.len().min(left.len()));
                copy(to, now);
                left = later;
            }
            at = 0;
            next = self.next(id);
        }
        Ok(from.len() - left.len())
    }

    /// Copies `from` over all of a buffer that is as long and new, with the sum of the bytes, taken in
    /// the same pass.
    #[cfg(all(ip, feature = "udp"))]
    pub(crate) fn fill_summed(&mut self, from: &[u8]) -> Sum {
        let (mut sum, mut done) = (Sum::ZERO, 0);
        // Nobody shares a new block.
        let _: Result<(), Shared> = self.for_each_fragment_mut(|to| {
            let piece = Sum::copy(to, from.get(done..).unwrap_or(&[]));
            sum = if done == 0 {
                piece
            } else {
                sum.then(done, piece)
            };
            done += to.len();
        });
        sum
    }

    /// As [`NetBuf::prepend`], as an array.
    #[inline]
    pub fn prepend_array<const N: usize>(&mut self) -> Result<&mut [u8; N], NoBuffer> {
        self.prepend(N)?.first_chunk_mut().ok_or(NoBuffer)
    }

    /// Appends a copy of `bytes`, in new blocks where the last one is full.
    ///
    /// All of it, or on an error nothing.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), NoBuffer> {
        self.extend_with(bytes, copy)
    }

    /// As [`NetBuf::append`], with the sum of the bytes, taken in the same pass.
    pub fn append_summed(&mut self, bytes: &[u8]) -> Result<Sum, NoBuffer> {
        let (mut sum, mut done) = (Sum::ZERO, 0);
        self.extend_with(bytes, |to, from| {
            let piece = Sum::copy(to, from);
            sum = if done == 0 {
                piece
            } else {
                sum.then(done, piece)
            };
            done += from.len();
        })?;
        Ok(sum)
    }

    #[inline]
    fn extend_with(
        &mut self,
        bytes: &[u8],
        mut copy: impl FnMut(&mut [u8], &[u8]),
    ) -> Result<(), NoBuffer> {
        let before = self.end();
        let mut left = bytes;
        loop {
            let to = self.extend_tail(left.len());
            if let Some((now, later)) = left.split_at_checked(to.len()) {
                copy(to, now);
                left = later;
            }
            if left.is_empty() {
                return Ok(());
            }
            match self.pool().alloc_charged(self.tail_charge()) {
                Ok(block) => self.link(block),
                Err(error) => {
                    self.retract(before);
                    return Err(error);
                }
            }
        }
    }

    /// Takes the first `length` bytes off (all, if there are fewer), as when a header is done with.
    /// [`NetBuf::meta`] keeps the offsets it had.
    #[inline]
    pub fn advance(&mut self, length: usize) {
        self.cut_front(length);
    }

    /// Takes off all but the first `length` bytes.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        if length < self.len() {
            self.cut_back(length);
        }
    }

    /// Takes the first `length` bytes off (all, if there are fewer), as a buffer of their own.
    ///
    /// At most one block comes to be shared. On an error nothing has changed.
    pub fn split_to(&mut self, length: usize) -> Result<Self, NoBuffer> {
        let length = length.min(self.len());
        let (id, at) = self.find(length);
        let part = self.bytes(id).len() - at;
        if part == 0 && self.next(id).is_some() {
            let rest = self.detach_after(id, length);
            return Ok(core::mem::replace(self, rest));
        }
        // The rest of the view is shared, in front of the views that follow it.
        let mut rest = self.share(id, at, part)?;
        if self.next(id).is_some() {
            rest.link(self.detach_after(id, length + part));
        }
        self.truncate(length);
        Ok(core::mem::replace(self, rest))
    }

    /// The bytes of `range`, cut to those that there are, as a buffer of their own that shares the
    /// blocks of this one. Nothing is copied.
    pub fn slice(&self, range: Range<usize>) -> Result<Self, NoBuffer> {
        let start = range.start.min(self.len());
        let (id, at) = self.find(start);
        self.slice_from(id, at, range.end.min(self.len()).saturating_sub(start))
    }

    /// As [`NetBuf::slice`], from a place already found.
    pub(super) fn slice_from(
        &self,
        id: ViewId,
        at: usize,
        length: usize,
    ) -> Result<Self, NoBuffer> {
        let (mut id, mut at, mut left) = (id, at, length);
        let mut part = (self.bytes(id).len() - at).min(left);
        if part == 0
            && left > 0
            && let Some(next) = self.next(id)
        {
            (id, at) = (next, 0);
            part = self.bytes(id).len().min(left);
        }
        let mut slice = self.share(id, at, part)?;
        left -= part;
        while left > 0
            && let Some(next) = self.next(id)
        {
            let part = self.bytes(next).len().min(left);
            slice.link(self.share(next, 0, part)?);
            left -= part;
            id = next;
        }
        Ok(slice)
    }

    /// A buffer of the same bytes, which share the blocks of this one. Nothing is copied.
    pub fn try_clone(&self) -> Result<Self, NoBuffer> {
        let mut clone = self.share(self.head(), 0, self.first().len())?;
        let mut next = self.next(self.head());
        while let Some(id) = next {
            clone.link(self.share(id, 0, self.bytes(id).len())?);
            next = self.next(id);
        }
        Ok(clone)
    }

    /// Hangs `other` behind this buffer. On an error, which gives it back, it is of another pool, or
    /// both together have more than 2^31 - 1 bytes.
    pub fn join(&mut self, other: Self) -> Result<(), Self> {
        if !self.can_link(&other) {
            return Err(other);
        }
        self.link(other);
        Ok(())
    }

    /// Makes the first `length` bytes (all, if there are fewer) one fragment that can be written,
    /// and gives it.
    ///
    /// They are copied if they are not that already: into a header block if they fit, else into a
    /// data block.
    pub fn make_contiguous(&mut self, length: usize) -> Result<&mut [u8], NoBuffer> {
        let length = length.min(self.len());
        if self.first().len() < length || !self.is_alone(self.head()) {
            self.gather(length)?;
        }
        let head = self.head();
        self.bytes_mut(head)
            .and_then(|bytes| bytes.get_mut(..length))
            .ok_or(NoBuffer)
    }

    #[cold]
    fn gather(&mut self, length: usize) -> Result<(), NoBuffer> {
        let mut front = if length <= super::pool::HEADER_BLOCK {
            let mut front = self.pool().alloc(Purpose::Header, 0)?;
            front.set_charge(self.charge())?;
            front
        } else {
            self.pool().alloc_charged(self.charge())?
        };
        let to = front.extend_tail(length);
        if self.read(0, to) < length {
            return Err(NoBuffer);
        }
        if length == self.len() {
            front.set_meta(self.meta());
            #[cfg(feature = "timestamps")]
            front.set_stamp(self.stamp());
            *self = front;
        } else {
            self.advance(length);
            self.link_front(front);
        }
        Ok(())
    }

    /// A copy of the packet in blocks of `pool`, for a buffer that came from another one.
    pub fn copy_to(&self, pool: Pool, purpose: Purpose, headroom: usize) -> Result<Self, NoBuffer> {
        let mut copy = pool.alloc_chain(purpose, headroom, self.len())?;
        let mut done = 0;
        // New blocks are shared with nobody.
        let _: Result<(), Shared> = copy.for_each_fragment_mut(|to| done += self.read(done, to));
        copy.set_meta(self.meta());
        #[cfg(feature = "timestamps")]
        copy.set_stamp(self.stamp());
        Ok(copy)
    }

    /// Whether the bytes are those of `other`.
    pub fn equals(&self, other: &[u8]) -> bool {
        let mut rest = other;
        self.len() == other.len()
            && self
                .fragments()
                .all(|fragment| match rest.split_at_checked(fragment.len()) {
                    Some((now, later)) => {
                        rest = later;
                        now == fragment
                    }
                    None => false,
                })
    }
}

impl Pool {
    /// A data block that continues, or stands for, one with this charge.
    fn alloc_charged(self, charge: Charge) -> Result<NetBuf, NoBuffer> {
        let purpose = match charge {
            Charge::Send => Purpose::Send,
            Charge::Flow | Charge::Held => Purpose::Receive,
        };
        let mut block = self.alloc(purpose, 0)?;
        block.set_charge(charge)?;
        Ok(block)
    }
}

impl fmt::Debug for NetBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetBuf")
            .field("len", &self.len())
            .field("fragments", &self.fragments().count())
            .field("charge", &self.charge())
            .field("meta", &self.meta())
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for NetBuf {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "NetBuf({=usize} bytes)", self.len());
    }
}
