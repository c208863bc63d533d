//! How frames go into the transmit FIFO.

use crate::netbuf::NetBuf;

/// The most that a frame in several pieces may take of the transmitter's inner memory: two
/// kilobytes but for three words (data sheet, "TX Buffer Fragmentation Rules").
const INNER_MEMORY: usize = 2048 - 12;
/// The least bytes of a piece that is neither the first nor the last.
const MIDDLE: usize = 4;

/// Where in its first word a piece begins, so that its words are those of the memory.
pub fn offset(piece: &[u8]) -> usize {
    piece.as_ptr().addr() % 4
}

/// The bytes of FIFO that a frame takes if each of its fragments is a piece; `None` if the chip does
/// not take such pieces, and the frame has to be made one.
pub fn in_pieces(frame: &NetBuf) -> Option<usize> {
    let (mut at, mut bytes) = (0, 0);
    for piece in frame.fragments() {
        let is_middle = at > 0 && at + piece.len() < frame.len();
        if is_middle && piece.len() < MIDDLE {
            return None;
        }
        at += piece.len();
        bytes += 8 + (offset(piece) + piece.len()).next_multiple_of(4);
    }
    (bytes <= INNER_MEMORY).then_some(bytes)
}
