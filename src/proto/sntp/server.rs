//! The server: tells others the time of a clock (RFC 4330 §6).

use core::cell::Cell;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::client::SntpClient;
use super::message::{HEADER_LENGTH, Header, Leap, PORT, Said, reply};
use super::time::{NtpTimestamp, UnixTime};
use crate::socket::{BindError, UdpSocket};
use crate::stack::Stack;

/// What a clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallTime {
    /// The time of day now.
    pub now: UnixTime,
    /// When the clock was last set.
    pub set: UnixTime,
    /// How far it is from the source of its time: 1 for a radio or satellite clock, 2 to 15 for what
    /// it has from a server.
    pub stratum: u8,
    /// What it has its time from, in four characters (RFC 4330 §4, figure 2): `GPS`, `LOCL` ...
    pub reference: [u8; 4],
    /// What is to happen at the end of the day.
    pub leap: Leap,
}

/// A clock that knows the time of day.
pub trait WallClock {
    /// The time now; `None` while it is not known.
    fn read(&self) -> Option<WallTime>;
}

/// The time that a client keeps, one stratum further from the clock.
impl WallClock for SntpClient<'_, '_> {
    fn read(&self) -> Option<WallTime> {
        let last = self.last()?;
        Some(WallTime {
            now: self.now()?,
            set: last.time,
            stratum: last.stratum.saturating_add(1),
            reference: *b"SNTP",
            leap: last.leap,
        })
        .filter(|time| time.stratum <= 15)
    }
}

/// What a server has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SntpServerCounters {
    /// Requests answered.
    pub answered: u32,
    /// Dropped: no request, or one of a version that is not known.
    pub malformed: u32,
    /// Replies that could not be sent.
    pub not_sent: u32,
}

/// An SNTP server: [`SntpServer::run`] answers on port 123 of all interfaces, with no more than what
/// came. It knows nothing of its clients.
pub struct SntpServer<'a, 'c, C> {
    stack: Stack<'a>,
    clock: &'c C,
    counters: Cell<SntpServerCounters>,
}

impl<'a, 'c, C: WallClock> SntpServer<'a, 'c, C> {
    /// Tells the time of `clock`.
    pub const fn new(stack: Stack<'a>, clock: &'c C) -> Self {
        Self {
            stack,
            clock,
            counters: Cell::new(SntpServerCounters {
                answered: 0,
                malformed: 0,
                not_sent: 0,
            }),
        }
    }

    /// What it has done.
    pub fn counters(&self) -> SntpServerCounters {
        self.counters.get()
    }

    /// Answers for ever.
    ///
    /// # Errors
    ///
    /// As the error says, if the port cannot be had: otherwise it does not end.
    pub async fn run(&self) -> Result<(), BindError> {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        let socket = UdpSocket::bind(self.stack, any)?;
        loop {
            let mut request = [0; HEADER_LENGTH];
            // The socket has no peer, and so hears of no errors.
            let Ok((length, info)) = socket.recv_from(&mut request).await else {
                continue;
            };
            let request = Header::new(request.get(..length).unwrap_or(&[]));
            let reply = request.and_then(|request| reply(&request, &self.said()));
            let mut counters = self.counters.get();
            let counter = match reply.map(|reply| socket.try_reply_to(&reply, &info)) {
                None => &mut counters.malformed,
                Some(Ok(())) => &mut counters.answered,
                Some(Err(_)) => &mut counters.not_sent,
            };
            *counter = counter.wrapping_add(1);
            self.counters.set(counters);
        }
    }

    /// "If the server is not synchronized, the Stratum field is set to zero ... all timestamp fields
    /// are set to zero, with one exception" (RFC 4330 §6).
    fn said(&self) -> Said {
        // A microsecond, as the clock of the stack counts them.
        let precision = -20;
        match self.clock.read() {
            Some(time) => Said {
                leap: time.leap,
                stratum: time.stratum,
                precision,
                reference: time.reference,
                set: NtpTimestamp::from_unix(time.set),
                now: NtpTimestamp::from_unix(time.now),
            },
            None => Said {
                leap: Leap::Unsynchronized,
                stratum: 0,
                precision,
                reference: *b"INIT",
                set: NtpTimestamp::UNKNOWN,
                now: NtpTimestamp::UNKNOWN,
            },
        }
    }
}
