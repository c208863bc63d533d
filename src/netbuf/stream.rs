//! The bytes of a stream that wait, as one chain with a remembered place in it.

use super::pool::{NetBuf, NoBuffer, ViewId};

/// The most bytes that [`ByteQueue::coalesce`] copies: beyond that a block of their own is better.
const COALESCED: usize = 128;

/// A queue of bytes: appended at the end, taken or given up at the front, sliced anywhere.
///
/// A send queue of many fragments is sliced at an offset that only grows; the queue remembers
/// where the last slice ended, so that the next one does not walk there again.
#[derive(Default)]
pub struct ByteQueue {
    buf: Option<NetBuf>,
    cursor: Option<Cursor>,
}

/// A place in the chain: a view, and the offset of its first byte from the front of the queue.
#[derive(Clone, Copy)]
struct Cursor {
    id: ViewId,
    offset: usize,
}

impl ByteQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            buf: None,
            cursor: None,
        }
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
                self.cursor = None;
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
        let length = small.len();
        match &mut self.buf {
            Some(buf) if !buf.is_empty() && length <= COALESCED && buf.tailroom() >= length => {
                let mut copy = [0; COALESCED];
                let copy = copy.get_mut(..length).unwrap_or(&mut []);
                small.read(0, copy) == length && buf.append(copy).is_ok()
            }
            _ => false,
        }
    }

    /// Whether a slice of the queue that holds the byte at `offset` is still somewhere else, such
    /// as in the queue of a driver.
    pub fn is_shared(&self, offset: usize) -> bool {
        self.buf
            .as_ref()
            .is_some_and(|buf| !buf.is_alone(buf.find(offset + 1).0))
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
        let Some(buf) = &mut self.buf else { return };
        if length >= buf.len() {
            *self = Self::new();
            return;
        }
        buf.advance(length);
        // A view before the new front is gone; one cut in its middle is the front now.
        self.cursor = self.cursor.and_then(|Cursor { id, offset }| match offset {
            _ if offset > length => Some(Cursor {
                id,
                offset: offset - length,
            }),
            _ if id == buf.head() => Some(Cursor { id, offset: 0 }),
            _ => None,
        });
    }

    /// Takes the first `length` bytes off, as a buffer of their own.
    pub fn split_to(&mut self, length: usize) -> Result<NetBuf, NoBuffer> {
        self.cursor = None;
        if length >= self.len() {
            return self.buf.take().ok_or(NoBuffer);
        }
        self.buf.as_mut().ok_or(NoBuffer)?.split_to(length)
    }

    /// The `length` bytes from `offset` on (cut to those that there are), sharing the queue's
    /// blocks. Nothing is copied, and a slice that follows the last one is found at once.
    pub fn slice(&mut self, offset: usize, length: usize) -> Result<NetBuf, NoBuffer> {
        let buf = self.buf.as_ref().ok_or(NoBuffer)?;
        let offset = offset.min(buf.len());
        let start = match self.cursor {
            Some(cursor) if cursor.offset <= offset => cursor,
            _ => Cursor {
                id: buf.head(),
                offset: 0,
            },
        };
        let (id, at) = buf.find_from(start.id, offset - start.offset);
        let slice = buf.slice_from(id, at, length.min(buf.len() - offset))?;
        let (end, within) = buf.find_from(id, at + slice.len());
        self.cursor = Some(Cursor {
            id: end,
            offset: offset + slice.len() - within,
        });
        Ok(slice)
    }
}
