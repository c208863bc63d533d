//! Packet buffers against plain octets.

use zonda::netbuf::{BufQueue, Charge, NetBuf, NetBufPool, Pool, Purpose};

type Blocks = NetBufPool<24, 64, 8, 16>;

thread_local! {
    static POOL: &'static Blocks = Box::leak(Box::new(NetBufPool::new()));
}

/// A buffer, and what has to be in it.
type Pair = (NetBuf, Vec<u8>);

/// Each two octets say what is done with which buffer, and how many octets it concerns. Each buffer
/// has what plain octets would have, whatever is done with those that share its blocks; an
/// operation that fails has done nothing.
pub fn netbuf(data: &[u8]) {
    let pool = POOL.with(|pool| pool.pool());
    {
        let (mut pairs, mut queue, mut model) = (Vec::new(), BufQueue::new(), Vec::new());
        let mut next = 0u8;
        for chunk in data.chunks_exact(2) {
            let (what, amount) = (chunk[0], usize::from(chunk[1]));
            let mut fresh = |length: usize| -> Vec<u8> {
                next = next.wrapping_add(length as u8 | 1);
                (0..length as u8)
                    .map(|n| n.wrapping_mul(31).wrapping_add(next))
                    .collect()
            };
            if what & 15 == 0 || pairs.is_empty() {
                if pairs.len() < 8 {
                    pairs.extend(begin(pool, what >> 4, amount).map(|buf| (buf, Vec::new())));
                }
                continue;
            }
            let index = usize::from(what >> 4) % pairs.len();
            match what & 15 {
                15 => {
                    let (buf, bytes) = pairs.swap_remove(index);
                    queue.push_back(buf);
                    model.push(bytes);
                }
                14 => {
                    if let Some(buf) = queue.pop_front() {
                        pairs.push((buf, model.remove(0)));
                    }
                }
                13 => drop(pairs.swap_remove(index)),
                12 if pairs.len() > 1 => {
                    let (buf, bytes) = pairs.swap_remove(index);
                    let into = amount % pairs.len();
                    let (own, all) = &mut pairs[into];
                    own.join(buf).expect("of one pool");
                    all.extend(bytes);
                }
                11 | 10 if pairs.len() < 8 => {
                    let (buf, bytes) = &mut pairs[index];
                    if let Some(pair) = share(buf, bytes, what & 1 == 0, amount) {
                        pairs.push(pair);
                    }
                }
                other => change(&mut pairs[index], other, amount, &mut fresh),
            }
            for (buf, bytes) in &pairs {
                assert!(
                    buf.equals(bytes),
                    "after {what:#x} {amount}: {buf:?} {}",
                    bytes.len()
                );
            }
            #[cfg(debug_assertions)]
            pool.check();
        }
        assert!(
            queue
                .iter()
                .zip(&model)
                .all(|(buf, bytes)| buf.equals(bytes))
        );
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
    assert_eq!((stats.held, stats.sent), (0, 0));
}

fn begin(pool: Pool, which: u8, amount: usize) -> Option<NetBuf> {
    let purposes = [
        Purpose::Receive,
        Purpose::Send,
        Purpose::Header,
        Purpose::Control,
    ];
    pool.alloc(purposes[usize::from(which % 4)], amount % 80)
        .ok()
}

/// Splits a buffer, or makes another of a part of it.
fn share(buf: &mut NetBuf, bytes: &mut Vec<u8>, splits: bool, amount: usize) -> Option<Pair> {
    let at = amount.min(bytes.len());
    if splits {
        let front = buf.split_to(at).ok()?;
        let rest = bytes.split_off(at);
        return Some((front, std::mem::replace(bytes, rest)));
    }
    let slice = buf.slice(at / 2..at).ok()?;
    Some((slice, bytes[at / 2..at].to_vec()))
}

fn change(
    (buf, bytes): &mut Pair,
    what: u8,
    amount: usize,
    fresh: &mut impl FnMut(usize) -> Vec<u8>,
) {
    match what {
        1 => {
            let more = fresh(amount % 100);
            if buf.append(&more).is_ok() {
                bytes.extend(more);
            }
        }
        2 => {
            let more = fresh(20);
            if let Ok(front) = buf.prepend_array::<20>() {
                front.copy_from_slice(&more);
                bytes.splice(0..0, more);
            }
        }
        3 => {
            buf.advance(amount);
            bytes.drain(..amount.min(bytes.len()));
        }
        4 => {
            buf.truncate(amount);
            bytes.truncate(amount);
        }
        5 => {
            // Shared blocks are not written to, and the call says so.
            let some = fresh(amount % 32);
            let at = amount.min(bytes.len());
            let written = match buf.write(at, &some) {
                Ok(written) => {
                    assert!(written == some.len().min(bytes.len() - at));
                    written
                }
                // What is in front of the shared block is written.
                Err(_) => {
                    let mut now = vec![0; bytes.len()];
                    buf.read(0, &mut now);
                    let differs = |at: &usize| now[*at] != bytes[*at];
                    let last = (at..bytes.len()).rfind(differs);
                    last.map_or(0, |last| last + 1 - at)
                }
            };
            bytes[at..at + written].copy_from_slice(&some[..written]);
        }
        6 => {
            let charges = [Charge::Flow, Charge::Held, Charge::Send];
            if buf.set_charge(charges[amount % 3]).is_err() {
                // Some of it has changed hands: it is to be dropped.
                buf.truncate(0);
                bytes.clear();
            }
        }
        7 => {
            if let Ok(front) = buf.make_contiguous(amount) {
                assert_eq!(front, &bytes[..front.len()]);
            }
        }
        8 => {
            let mut read = vec![0; amount];
            let length = buf.read(amount / 2, &mut read);
            let from = bytes.get(amount / 2..).unwrap_or(&[]);
            assert_eq!(read[..length], from[..from.len().min(amount)]);
        }
        _ => {
            let sum: usize = buf.fragments().map(<[u8]>::len).sum();
            assert_eq!((sum, buf.len()), (bytes.len(), bytes.len()));
        }
    }
}
