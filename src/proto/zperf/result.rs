//! What was measured, as numbers and as text.

use core::fmt;
use core::net::SocketAddr;

use crate::time::Duration;

/// What passed in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transfer {
    /// How long it took.
    pub time: Duration,
    /// Bytes of data: for UDP all that stands behind the UDP header.
    pub bytes: u64,
    /// What became of the datagrams; `None` for TCP.
    pub datagrams: Option<Datagrams>,
}

/// What became of datagrams. Who sends them knows only how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Datagrams {
    /// How many were sent, by their numbers.
    pub sent: u64,
    /// Those that have not come.
    pub lost: u64,
    /// Those that have come behind one with a higher number.
    pub reordered: u64,
    /// Those that had come before. A copy that comes more than 64 numbers late is not told from one
    /// that is only late.
    pub duplicates: u64,
    /// How much the time that they take differs from one to the next (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// The time that they take, where the clocks of both ends agree.
    pub transit: Option<Transit>,
}

/// The time that datagrams take from one end to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transit {
    /// The least.
    pub least: Duration,
    /// The most.
    pub most: Duration,
    /// The mean.
    pub mean: Duration,
    /// The sum of the squares of what they differ from the mean, in square microseconds.
    pub squares: u64,
    /// Datagrams that were measured.
    pub count: u64,
}

impl Transfer {
    /// The rate of the data.
    pub const fn bits_per_second(&self) -> u64 {
        let micros = match self.time.as_micros() {
            0 => return 0,
            micros => micros,
        };
        match self.bytes.checked_mul(8_000_000) {
            Some(bits) => bits / micros,
            None => (self.bytes / micros).saturating_mul(8_000_000),
        }
    }

    /// What passed since it was `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            time: self.time - earlier.time,
            bytes: self.bytes.saturating_sub(earlier.bytes),
            datagrams: self.datagrams.map(|now| {
                let before = earlier.datagrams.unwrap_or_default();
                Datagrams {
                    sent: now.sent.saturating_sub(before.sent),
                    lost: now.lost.saturating_sub(before.lost),
                    reordered: now.reordered.saturating_sub(before.reordered),
                    duplicates: now.duplicates.saturating_sub(before.duplicates),
                    ..now
                }
            }),
        }
    }
}

/// `10.000 s, 1250000 bytes, 1.000 Mbit/s`, and of datagrams
/// `, 850 datagrams, 3 lost (0.35 %), 2 reordered, 1 doubled, jitter 0.021 ms`.
impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.time.as_millis();
        let rate = self.bits_per_second() / 1000;
        write!(
            f,
            "{}.{:03} s, {} bytes, ",
            millis / 1000,
            millis % 1000,
            self.bytes
        )?;
        write!(f, "{}.{:03} Mbit/s", rate / 1000, rate % 1000)?;
        match &self.datagrams {
            Some(datagrams) => write!(f, ", {datagrams}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            lost,
            reordered,
            duplicates,
            jitter,
            transit,
        } = self;
        let share = lost.saturating_mul(10_000) / (*sent).max(1);
        let jitter = jitter.as_micros();
        write!(
            f,
            "{sent} datagrams, {lost} lost ({}.{:02} %), ",
            share / 100,
            share % 100
        )?;
        write!(f, "{reordered} reordered, {duplicates} doubled, ")?;
        write!(f, "jitter {}.{:03} ms", jitter / 1000, jitter % 1000)?;
        let Some(transit) = transit else {
            return Ok(());
        };
        let Transit {
            least, mean, most, ..
        } = transit;
        let [least, mean, most] = [least, mean, most].map(|span| span.as_micros());
        write!(f, ", transit {least} to {most} µs, {mean} µs on average")
    }
}

/// Which way data go, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Flow {
    /// From here to the peer.
    Sent,
    /// From the peer to here.
    Received,
}

/// How a transfer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum End {
    /// As it should: all was sent, or the sender has said that there is no more.
    Complete,
    /// The peer was not heard of any more.
    Silent,
    /// The connection broke, or the peer cannot be reached.
    Broken,
}

/// What is told of a transfer: in intervals, and at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Report {
    /// The other end.
    pub peer: SocketAddr,
    /// Which way the data go.
    pub flow: Flow,
    /// How long after the beginning of the transfer the interval began; zero at its end.
    pub start: Duration,
    /// What passed in the interval; at the end, in all.
    pub transfer: Transfer,
    /// `None`: the transfer goes on.
    pub end: Option<End>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flow = match self.flow {
            Flow::Sent => "to",
            Flow::Received => "from",
        };
        let start = self.start.as_millis();
        write!(
            f,
            "{flow} {}: at {}.{:03} s: ",
            self.peer,
            start / 1000,
            start % 1000
        )?;
        write!(f, "{}", self.transfer)?;
        match self.end {
            Some(End::Complete) => f.write_str(", complete"),
            Some(End::Silent) => f.write_str(", then silence"),
            Some(End::Broken) => f.write_str(", broken"),
            None => Ok(()),
        }
    }
}

/// What has come of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// What was sent to the server.
    pub sent: Option<Transfer>,
    /// What has come from the server.
    pub received: Option<Transfer>,
    /// What the server says has come of what was sent: UDP only, and `None` also if it did not say.
    pub server: Option<Transfer>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("sent", &self.sent),
            ("the server received", &self.server),
            ("received", &self.received),
        ];
        let mut parts = parts
            .into_iter()
            .filter_map(|(name, part)| Some((name, (*part)?)));
        if let Some((name, part)) = parts.next() {
            write!(f, "{name} {part}")?;
        }
        parts.try_for_each(|(name, part)| write!(f, "; {name} {part}"))
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn rate_is_bits_by_time_however_many() {
        let transfer = |bytes, micros| Transfer {
            bytes,
            time: Duration::from_micros(micros),
            datagrams: None,
        };
        assert_eq!(transfer(1_250_000, 10_000_000).bits_per_second(), 1_000_000);
        assert_eq!(transfer(1, 0).bits_per_second(), 0);
        assert_eq!(transfer(u64::MAX, u64::MAX).bits_per_second(), 8_000_000);
        assert_eq!(transfer(u64::MAX, 1).bits_per_second(), u64::MAX);
    }

    #[test]
    fn results_can_be_printed() {
        let datagrams = Datagrams {
            sent: 850,
            lost: 3,
            reordered: 2,
            duplicates: 1,
            jitter: Duration::from_micros(21),
            transit: None,
        };
        let transfer = Transfer {
            time: Duration::from_secs(10),
            bytes: 1_250_000,
            datagrams: Some(datagrams),
        };
        let text = "10.000 s, 1250000 bytes, 1.000 Mbit/s, 850 datagrams, 3 lost (0.35 %), \
                    2 reordered, 1 doubled, jitter 0.021 ms";
        assert_eq!(transfer.to_string(), text);
        let outcome = Outcome {
            sent: Some(Transfer {
                datagrams: None,
                ..transfer
            }),
            server: Some(transfer),
            received: None,
        };
        let sent = "sent 10.000 s, 1250000 bytes, 1.000 Mbit/s";
        assert_eq!(
            outcome.to_string(),
            std::format!("{sent}; the server received {text}")
        );
    }
}
