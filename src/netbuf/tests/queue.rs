//! Packets that wait.

use super::*;

/// A packet of the one byte `number`.
fn packet(pool: Pool, number: u8) -> NetBuf {
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.append(&[number]).unwrap();
    buf
}

fn next(queue: &mut BufQueue) -> Option<u8> {
    queue.pop_front().map(|buf| buf.first()[0])
}

#[test]
fn packets_come_out_in_the_order_they_went_in() {
    let pool = small();
    let mut queue = BufQueue::new();
    assert!(queue.is_empty() && queue.pop_front().is_none());
    queue.push_back(packet(pool, 1));
    queue.push_back(packet(pool, 2));
    assert_eq!(next(&mut queue), Some(1));
    queue.push_back(packet(pool, 3));
    assert_eq!(queue.len(), 2);
    assert_eq!((next(&mut queue), next(&mut queue)), (Some(2), Some(3)));
    assert_eq!(next(&mut queue), None);
    queue.push_back(packet(pool, 4));
    assert_eq!(next(&mut queue), Some(4));
    assert_unused(pool);
}

#[test]
fn a_packet_of_many_fragments_comes_out_whole() {
    let pool = small();
    let mut buf = pool.alloc(Purpose::Receive, 100).unwrap();
    buf.append(&pattern(400)).unwrap();
    let mut queue = BufQueue::new();
    queue.push_back(buf.slice(40..390).unwrap());
    queue.push_back(buf);
    assert!(
        queue
            .pop_front()
            .is_some_and(|buf| buf.equals(&pattern(400)[40..390]))
    );
    let mut buf = queue.pop_front().unwrap();
    buf.append(b"more").unwrap();
    assert_eq!(buf.len(), 404);
    drop(buf);
    assert_unused(pool);
}

#[test]
fn a_queue_that_is_dropped_gives_all_back() {
    let pool = small();
    let mut queue = BufQueue::new();
    for number in 0..6 {
        queue.push_back(packet(pool, number));
    }
    let mut taken = queue.take();
    assert_eq!((queue.len(), taken.len()), (0, 6));
    queue.push_back(packet(pool, 9));
    assert_eq!(next(&mut taken), Some(0));
    drop(taken);
    assert_eq!(used(pool), (1, 0, 0));
    queue.clear();
    assert_unused(pool);
}

#[test]
fn a_packet_of_another_pool_finds_no_place() {
    let (pool, other) = (small(), small());
    let mut queue = BufQueue::new();
    queue.push_back(packet(pool, 1));
    let back = queue.try_push_back(packet(other, 2)).unwrap_err();
    assert!(back.equals(&[2]));
    queue.push_back(back);
    assert_unused(other);
    assert_eq!(next(&mut queue), Some(1));
    // An empty queue takes any.
    assert!(queue.try_push_back(packet(other, 3)).is_ok());
    assert_eq!(next(&mut queue), Some(3));
    assert_unused(pool);
    assert_unused(other);
}

#[test]
fn parked_packets_are_the_same_in_the_same_order() {
    let pool = small();
    let mut queue = BufQueue::new();
    for number in 0..6 {
        queue.push_back(packet(pool, number));
    }
    let mut parked = Parked::from(queue);
    assert!(parked.front().is_some_and(|first| first.equals(&[0])));
    assert_eq!(parked.iter().count(), 6);
    for number in 0..4 {
        assert!(parked.pop_front().is_some_and(|buf| buf.equals(&[number])));
    }
    let rest = parked.take();
    assert!(parked.is_empty() && parked.pop_front().is_none() && !rest.is_empty());
    drop(rest);
    assert_unused(pool);
}
