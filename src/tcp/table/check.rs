//! What holds of the tables of TCP at any time.

use super::{Listeners, NONE, NOT_READY, TcpTable};
use crate::config;
use crate::netbuf::{NetBuf, Pool};

impl TcpTable<'_> {
    /// Looks whether each connection is found by its four-tuple, each other slot is free, the lists
    /// are as long as is noted, and no queue holds more than it may; returns how many views of blocks
    /// of `pool` the queues hold.
    pub(crate) fn check(&self, listeners: &Listeners<'_>, pool: Pool) -> usize {
        let count = self.slots.len().min(usize::from(NOT_READY));
        let next = |index: u16| self.slots.get(usize::from(index));
        let (mut index, mut free) = (self.free, 0);
        while let Some(slot) = next(index).filter(|_| free <= count) {
            assert!(slot.connection.is_none());
            (index, free) = (slot.next, free + 1);
        }
        assert_eq!(free, usize::from(self.free_count));
        assert_eq!(free + self.iter().count(), count);
        let (mut index, mut ready) = (self.ready_first, 0);
        while let Some(slot) = next(index).filter(|_| ready <= count) {
            (index, ready) = (slot.next_ready, ready + 1);
        }
        let marked = self
            .slots
            .iter()
            .filter(|slot| slot.next_ready != NOT_READY);
        assert_eq!(ready, marked.count());
        for listener in listeners.0.iter().flatten() {
            assert!(listener.queue.length <= listener.backlog);
            let (mut index, mut waiting) = (listener.queue.first, 0);
            while let Some(slot) = next(index).filter(|_| usize::from(waiting) <= count) {
                assert!(slot.connection.is_some());
                (index, waiting) = (slot.next_waiting, waiting + 1);
            }
            assert_eq!(waiting, listener.queue.length);
        }
        let mut views = 0;
        for (index, connection) in self.iter() {
            let bucket = self.slots.get(self.bucket(&connection.tuple()));
            let (mut at, mut steps) = (bucket.map_or(NONE, |slot| slot.bucket), 0);
            while at != index {
                steps += 1;
                assert!(steps <= count, "connection {index} is not found");
                at = next(at).map_or(NONE, |slot| slot.next);
            }
            // A quota may have been larger when the bytes came.
            let received = connection
                .receive_quota
                .max(config::TCP_RECEIVE_QUOTA as u32);
            assert!(connection.received.len() <= received as usize);
            // What is to be sent may be more than the quota: a buffer is taken whole where there is any
            // room, and its blocks are charged to the pool.
            let of = |buf: Option<&NetBuf>| buf.map_or(0, |buf| buf.views_of(pool));
            views += of(connection.received.get()) + of(connection.to_send.bytes().get());
            let early = connection.out_of_order.iter();
            views += early.map(|buf| buf.views_of(pool)).sum::<usize>();
        }
        views
    }
}
