//! What holds of a stack at any time, for tests and fuzzers.

use super::core::Core;
use super::handle::Stack;
use crate::config;

impl Stack<'_> {
    /// Looks whether all that the stack keeps agrees with each other: each socket is found by what
    /// it is looked for by, each list is as long as is noted, no queue longer than it may be, and each
    /// frame that was received was accepted or dropped for one reason. In builds with debug assertions
    /// only, and as slow as there are sockets.
    ///
    /// Returns how many views of the pool's blocks the stack and its ports hold. Of those that
    /// [`Pool::check`](crate::netbuf::Pool::check) counts, the others are in the hands of
    /// applications and drivers.
    ///
    /// # Panics
    ///
    /// If something is not as it has to be, which is a defect of this crate.
    pub fn check(self) -> usize {
        self.visit(|core| core.check())
    }
}

impl Core<'_> {
    fn check(&self) -> usize {
        let pool = self.pool;
        let mut views = 0;
        for (_, interface) in self.interfaces() {
            let counters = interface.counters();
            let counted = counters.accepted.wrapping_add(counters.all_receive_drops());
            assert_eq!(counters.received, counted, "a frame was not counted once");
            views += interface.port.check(pool);
            #[cfg(neighbors)]
            {
                views += interface.neighbors.check(pool);
            }
        }
        assert!(self.looped.len() <= config::LOOPBACK_QUEUE);
        views += self
            .looped
            .iter()
            .map(|buf| buf.views_of(pool))
            .sum::<usize>();
        #[cfg(feature = "udp")]
        {
            views += self.udp.check(pool);
        }
        #[cfg(feature = "tcp")]
        {
            self.tcp_timers.check();
            views += self.tcp.check(&self.listeners, pool);
        }
        #[cfg(feature = "ping")]
        {
            views += self.pings.check(pool);
        }
        #[cfg(feature = "fragmentation")]
        {
            views += self.reassemblies.check(pool) + self.trains.check(pool);
        }
        #[cfg(gated)]
        {
            views += self.gate.check(pool);
        }
        self.waiters.check();
        views
    }
}
