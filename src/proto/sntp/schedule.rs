//! When the next request goes to which server (RFC 4330 §8, §10).

use crate::time::Duration;

/// "A client MUST NOT under any conditions use a poll interval less than 15 seconds" (§10, 1).
pub(super) const SHORTEST: Duration = Duration::from_secs(15);

/// What has become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The time is known.
    Good,
    /// There was no answer, or none of use.
    Nothing,
    /// The server wants no more requests of this client.
    SentAway,
    /// The server wants fewer.
    TooMany,
}

/// The turn of the servers, and the intervals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The server whose turn it is.
    server: u8,
    /// Those that want no more requests, a bit each.
    gone: u16,
    /// The time to the next request after one that came to nothing.
    retry: Duration,
    /// The time between two requests to a server that answers.
    interval: Duration,
    /// What it was set to.
    wanted: Duration,
}

impl Schedule {
    pub(super) fn new(interval: Duration) -> Self {
        let wanted = interval.max(SHORTEST);
        Self {
            server: 0,
            gone: 0,
            retry: SHORTEST,
            interval: wanted,
            wanted,
        }
    }

    /// The servers are others now.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.wanted);
    }

    /// The server whose turn it is, of so many.
    pub(super) fn server(&self, servers: usize) -> Option<usize> {
        let servers = servers.min(16);
        let from = usize::from(self.server);
        let is_there = |place: &usize| self.gone & 1 << place == 0;
        let left = (from..from + servers).map(|place| place % servers);
        left.clone().find(is_there).or_else(|| {
            // "If no alternate server is available, the client should retransmit using an
            // exponential-backoff algorithm" (§8).
            left.clone().next()
        })
    }

    /// Takes in what has become of the request to `server`, of so many; the time to the next.
    pub(super) fn next(&mut self, server: usize, servers: usize, outcome: Outcome) -> Duration {
        if outcome == Outcome::Good {
            self.gone = 0;
            self.retry = SHORTEST;
            self.server = server as u8;
            return self.interval;
        }
        if outcome == Outcome::SentAway && server < 16 {
            self.gone |= 1 << server;
        }
        if outcome == Outcome::TooMany {
            self.interval = self.interval.times(2).min(self.wanted.times(16));
        }
        self.server = (server + 1).checked_rem(servers).unwrap_or(0) as u8;
        let wait = self.retry;
        // "double the timeout, but do not make it greater than the maximum timeout" (§10, 3).
        self.retry = self.retry.times(2).min(self.interval);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn silent_servers_take_turns_at_growing_intervals() {
        let mut schedule = Schedule::new(HOUR);
        let mut seen = std::vec::Vec::new();
        for _ in 0..10 {
            let server = schedule.server(2).unwrap();
            seen.push((server, schedule.next(server, 2, Outcome::Nothing).as_secs()));
        }
        let expected = [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
        let expected: std::vec::Vec<_> = (0..10).map(|n| (n % 2, expected[n])).collect();
        assert_eq!(seen, expected);
        // One that answers is kept.
        assert_eq!(schedule.next(1, 2, Outcome::Good), HOUR);
        assert_eq!(schedule.server(2), Some(1));
        assert_eq!(schedule.next(1, 2, Outcome::Nothing).as_secs(), 15);
    }

    #[test]
    fn server_that_sends_away_is_not_asked_while_there_is_another() {
        let mut schedule = Schedule::new(HOUR);
        let _ = schedule.next(0, 2, Outcome::SentAway);
        for _ in 0..5 {
            assert_eq!(schedule.server(2), Some(1));
            let _ = schedule.next(1, 2, Outcome::Nothing);
        }
        // The other too: both are asked, more and more seldom.
        assert!(schedule.next(1, 2, Outcome::SentAway).as_secs() > 300);
        assert!(schedule.server(2).is_some());
        schedule.reset();
        assert_eq!(schedule.server(2), Some(0));
    }

    #[test]
    fn server_that_is_asked_too_often_is_asked_less_often() {
        let mut schedule = Schedule::new(HOUR);
        let _ = schedule.next(0, 1, Outcome::TooMany);
        assert_eq!(schedule.next(0, 1, Outcome::Good), HOUR.times(2));
    }

    #[test]
    fn no_interval_is_shorter_than_15_seconds() {
        let mut schedule = Schedule::new(Duration::from_secs(1));
        for outcome in [Outcome::Good, Outcome::Nothing, Outcome::TooMany] {
            assert!(schedule.next(0, 1, outcome) >= SHORTEST);
        }
        assert_eq!(schedule.server(0), None);
    }

    extern crate std;
}
