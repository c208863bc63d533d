//! What holds of the table of UDP sockets at any time.

use super::{NONE, Options, UdpTable, fragments, payload_length};
use crate::netbuf::Pool;

impl UdpTable<'_> {
    /// Looks whether each open socket is found by its port, each other slot is free, and what waits
    /// is counted as it is; returns how many views of blocks of `pool` wait.
    pub(crate) fn check(&self, pool: Pool) -> usize {
        let count = self.slots.len().min(usize::from(NONE));
        let (mut index, mut free) = (self.free, 0);
        while let Some(slot) = self.get(index).filter(|_| free <= count) {
            assert!(!slot.options.contains(Options::OPEN));
            (index, free) = (slot.next, free + 1);
        }
        assert_eq!(free + usize::from(self.used), count);
        let (mut views, mut open) = (0, 0);
        for (index, slot) in (0..NONE).zip(self.slots.iter()) {
            if !slot.options.contains(Options::OPEN) {
                assert!(slot.received.is_empty());
                continue;
            }
            open += 1;
            let (mut at, mut steps) = (self.first(slot.local_port), 0);
            while at != index {
                steps += 1;
                assert!(steps <= count, "socket {index} is not found by its port");
                at = self.get(at).map_or(NONE, |slot| slot.next);
            }
            let waiting = || slot.received.iter();
            let bytes: u32 = waiting().map(|buf| payload_length(&buf)).sum();
            let blocks: u16 = waiting().map(|buf| fragments(&buf)).sum();
            assert_eq!((slot.held_bytes, slot.held_blocks), (bytes, blocks));
            views += waiting().map(|buf| buf.views_of(pool)).sum::<usize>();
        }
        assert_eq!(open, self.used);
        views
    }
}
