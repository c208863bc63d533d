//! What holds of a port at any time.

use super::StackEnd;
use crate::config;
use crate::netbuf::Pool;

impl StackEnd<'_> {
    /// Looks whether the queues are within their bounds and noted as they are, and returns how many
    /// views of blocks of `pool` they hold.
    pub(crate) fn check(&self, pool: Pool) -> usize {
        self.0.state.with(|state| {
            assert!(state.received.len() <= config::PORT_RX_QUEUE);
            for (class, queue) in state.to_send.iter().enumerate() {
                assert!(queue.len() <= config::PORT_TX_QUEUE);
                assert_eq!(state.classes & (1 << class) != 0, !queue.is_empty());
            }
            let queues = state.to_send.iter().chain([&state.received]);
            queues
                .flat_map(|queue| queue.iter())
                .map(|buf| buf.views_of(pool))
                .sum()
        })
    }
}
