//! The bytes of a stream that wait, as one chain with a remembered place in it.

use super::pool::{NetBuf, NoBuffer, ViewId};

/// The most bytes that [`ByteQueue::coalesce`] copies: beyond that a block of their own is better.
const COALESCED: usize = 128;

/// A queue of bytes: appended at the end, taken or given up at the front.
#[derive(Default)]
pub struct ByteQueue {
    buf: Option<NetBuf>,
}

impl ByteQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { buf: None }
    }

    /// Bytes in the queue.
    pub fn len(&self) -> usize {
        self.buf.as_ref().map_or(0, NetBuf::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a buffer as it is. On an error, which gives it back, it is of another pool.
    pub fn push(&mut self, buf: NetBuf) -> Result<(), NetBuf> {
        match &mut self.buf {
            Some(own) if !own.is_empty() => own.join(buf),
            empty => {
                *empty = Some(buf);
                Ok(())
            }
        }
    }

    /// Appends a copy of `bytes` behind those of the last block, if there are any to be behind.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), NoBuffer> {
        self.buf.as_mut().ok_or(NoBuffer)?.append(bytes)
    }

    /// Bytes that fit behind the last one without another block.
    pub fn room_in_last(&self) -> usize {
        match &self.buf {
            Some(buf) if !buf.is_empty() => buf.tailroom(),
            _ => 0,
        }
    }

    /// Copies a small buffer behind the last byte if there is room for it in the last block, so
    /// that it pins no block of its own. False if it is not so: then nothing has happened.
    pub fn coalesce(&mut self, small: &NetBuf) -> bool {
        match &mut self.buf {
            Some(buf) if !buf.is_empty() && small.len() <= COALESCED => copy_behind(buf, small),
            _ => false,
        }
    }

    /// The first fragment.
    pub fn first(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], NetBuf::first)
    }

    /// The bytes, for reading.
    pub fn get(&self) -> Option<&NetBuf> {
        self.buf.as_ref()
    }

    /// Gives up the first `length` bytes.
    pub fn advance(&mut self, length: usize) {
        match &mut self.buf {
            Some(buf) if length < buf.len() => buf.advance(length),
            all => *all = None,
        }
    }

    /// Copies bytes from the front into `to`, and gives them up; says how many there were.
    pub fn read(&mut self, to: &mut [u8]) -> usize {
        let Some(buf) = &self.buf else {
            return 0;
        };
        let length = buf.read(0, to);
        self.advance(length);
        length
    }

    /// Takes the first `length` bytes off, as a buffer of their own.
    pub fn split_to(&mut self, length: usize) -> Result<NetBuf, NoBuffer> {
        if length >= self.len() {
            return self.buf.take().ok_or(NoBuffer);
        }
        self.buf.as_mut().ok_or(NoBuffer)?.split_to(length)
    }
}

/// Copies a small buffer behind the last byte of another one if there is room in its last block. On its
/// own, so that the bytes are on the stack for no longer.
#[inline(never)]
fn copy_behind(buf: &mut NetBuf, small: &NetBuf) -> bool {
    let length = small.len();
    let mut copy = [0; COALESCED];
    let copy = copy.get_mut(..length).unwrap_or(&mut []);
    buf.tailroom() >= length && small.read(0, copy) == length && buf.append(copy).is_ok()
}

/// A queue of bytes to be sent: appended at the end, given up at the front, sliced anywhere.
///
/// A long queue is sliced at an offset that only grows; it remembers where the last slice ended, so
/// that the next one does not walk there again.
#[derive(Default)]
pub struct SendQueue {
    bytes: ByteQueue,
    cursor: Cursor,
}

/// A place in the chain: a view, and the offset of its first byte from the front of the queue.
#[derive(Clone, Copy)]
struct Cursor {
    offset: u32,
    /// [`Cursor::NOWHERE`] if there is no such place.
    id: ViewId,
}

impl Cursor {
    const NOWHERE: ViewId = ViewId::MAX;
    const NONE: Self = Self {
        offset: 0,
        id: Self::NOWHERE,
    };
}

impl Default for Cursor {
    fn default() -> Self {
        Self::NONE
    }
}

impl SendQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            bytes: ByteQueue::new(),
            cursor: Cursor::NONE,
        }
    }

    /// The bytes, for reading.
    pub const fn bytes(&self) -> &ByteQueue {
        &self.bytes
    }

    /// Bytes in the queue.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As [`ByteQueue::push`].
    pub fn push(&mut self, buf: NetBuf) -> Result<(), NetBuf> {
        if self.bytes.is_empty() {
            self.cursor = Cursor::NONE;
        }
        self.bytes.push(buf)
    }

    /// As [`ByteQueue::append`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), NoBuffer> {
        self.bytes.append(bytes)
    }

    /// As [`ByteQueue::room_in_last`].
    pub fn room_in_last(&self) -> usize {
        self.bytes.room_in_last()
    }

    /// Whether a slice of the queue that holds the byte at `offset` is still somewhere else, such
    /// as in the queue of a driver. Of static bytes that is not known: they count as if they were not.
    pub fn is_shared(&self, offset: usize) -> bool {
        self.bytes
            .get()
            .is_some_and(|buf| buf.is_shared(buf.find(offset + 1).0))
    }

    /// Gives up the first `length` bytes.
    pub fn advance(&mut self, length: usize) {
        self.bytes.advance(length);
        let head = self.bytes.get().map(NetBuf::head);
        let Cursor { id, offset } = self.cursor;
        // A view before the new front is gone; one cut in its middle is the front now.
        self.cursor = match (offset as usize).checked_sub(length) {
            Some(1..) if head.is_some() => Cursor {
                id,
                offset: offset - length as u32,
            },
            _ if head == Some(id) => Cursor { id, offset: 0 },
            _ => Cursor::NONE,
        };
    }

    /// The `length` bytes from `offset` on (cut to those that there are), sharing the queue's
    /// blocks. Nothing is copied, and a slice that follows the last one is found at once.
    pub fn slice(&mut self, offset: usize, length: usize) -> Result<NetBuf, NoBuffer> {
        let buf = self.bytes.get().ok_or(NoBuffer)?;
        let offset = offset.min(buf.len());
        let (id, start) = match self.cursor {
            Cursor { id, offset: start } if id != Cursor::NOWHERE && start as usize <= offset => {
                (id, start as usize)
            }
            _ => (buf.head(), 0),
        };
        let (id, at) = buf.find_from(id, offset - start);
        let slice = buf.slice_from(id, at, length.min(buf.len() - offset))?;
        let (end, within) = buf.find_from(id, at + slice.len());
        self.cursor = Cursor {
            id: end,
            // A buffer is no longer than 32 bits say.
            offset: (offset + slice.len() - within) as u32,
        };
        Ok(slice)
    }
}
