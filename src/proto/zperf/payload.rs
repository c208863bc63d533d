//! What is sent: digits, from where they lie, without a copy.

use crate::config::ZPERF_PATTERN;
use crate::netbuf::{NetBuf, NoBuffer, Pool, Purpose};
use crate::stack::transmit::HEADROOM;

/// The digits over and over, as iperf sends them.
static PATTERN: [u8; ZPERF_PATTERN] = {
    let mut pattern = [0; ZPERF_PATTERN];
    let mut at = 0;
    while at < ZPERF_PATTERN {
        pattern[at] = b'0' + (at % 10) as u8;
        at += 1;
    }
    pattern
};

/// So many bytes of digits.
pub(super) fn filler(pool: Pool, length: usize) -> Result<NetBuf, NoBuffer> {
    let piece = |length: usize| pool.from_static(PATTERN.get(..length).unwrap_or(&PATTERN));
    let mut buf = piece(length)?;
    while let Some(left) = length.checked_sub(buf.len()).filter(|left| *left > 0) {
        // Buffers of one pool always join.
        buf.join(piece(left)?).map_err(|_| NoBuffer)?;
    }
    Ok(buf)
}

/// A datagram of `length` bytes, or as many as `beginning` has, if those are more.
pub(super) fn datagram(pool: Pool, beginning: &[u8], length: usize) -> Result<NetBuf, NoBuffer> {
    let mut buf = pool.alloc(Purpose::Send, HEADROOM)?;
    buf.append(beginning)?;
    let left = length.saturating_sub(beginning.len());
    if left > 0 {
        buf.join(filler(pool, left)?).map_err(|_| NoBuffer)?;
    }
    Ok(buf)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::netbuf::NetBufPool;

    #[test]
    fn datagrams_have_their_length_and_take_one_block() {
        static POOL: NetBufPool<4, 256, 4, 16> = NetBufPool::new();
        let pool = POOL.pool();
        for length in [76, 77, 76 + ZPERF_PATTERN, 3000] {
            let buf = datagram(pool, &[7; 76], length).unwrap();
            let mut bytes = vec![0; length];
            assert_eq!((buf.len(), buf.read(0, &mut bytes)), (length, length));
            assert_eq!(bytes[..76], [7; 76]);
            if length > 80 {
                assert_eq!(&bytes[76..80], b"0123");
            }
            assert_eq!(pool.stats().blocks_used, 1);
        }
        assert_eq!(datagram(pool, &[7; 76], 20).unwrap().len(), 76);
        // More than there are views for.
        assert!(datagram(pool, &[7; 76], 60_000).is_err());
        assert_eq!(pool.stats().views_used, 0);
    }
}
