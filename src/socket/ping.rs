//! A client of ICMP echo.

use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::pin;
use core::task::Poll;

use crate::iface::SendDrop;
use crate::ip::Unreachable;
use crate::netbuf::{NetBuf, Straddle};
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::time::Duration;

/// Why a ping failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PingError {
    /// As many pingers are open as there may be ([`PINGS`](crate::config::PINGS)).
    TableFull,
    /// The request could not be sent.
    NotSent(SendDrop),
    /// The request did not reach its destination.
    Unreachable(Unreachable),
    /// No answer came in time.
    TimedOut,
}

impl core::fmt::Display for PingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TableFull => f.write_str("all pingers are in use"),
            Self::NotSent(_) => f.write_str("the request could not be sent"),
            Self::Unreachable(why) => core::fmt::Display::fmt(why, f),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

impl core::error::Error for PingError {}

/// An answer to an echo request.
#[derive(Debug)]
pub struct EchoReply {
    /// Who answered.
    pub source: IpAddr,
    /// The interface that the answer came in by.
    pub interface: InterfaceId,
    /// The sequence number of the request.
    pub sequence: u16,
    /// The TTL or hop limit when the answer came in.
    pub hop_limit: u8,
    /// The data of the request.
    pub data: NetBuf,
}

/// Sends echo requests over IPv4 and IPv6 (RFC 792, RFC 4443 §4) and receives their answers.
pub struct Ping<'a> {
    stack: Stack<'a>,
    index: u16,
    hop_limit: u8,
    interface: Option<InterfaceId>,
}

impl<'a> Ping<'a> {
    /// A pinger with an identifier of its own.
    pub fn new(stack: Stack<'a>) -> Result<Self, PingError> {
        let index = stack.visit(|core| core.pings.open(&mut core.rng));
        Ok(Self {
            stack,
            index: index.ok_or(PingError::TableFull)?,
            hop_limit: 0,
            interface: None,
        })
    }

    /// The TTL or hop limit of requests; 0, as at first, is 64 or what a router says (RFC 4861
    /// §6.3.4).
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.hop_limit = hop_limit;
    }

    /// The interface to send requests by, as a link-local address needs it where there are several;
    /// `None`, as at first: the routes decide.
    pub fn set_interface(&mut self, interface: Option<InterfaceId>) {
        self.interface = interface;
    }

    /// Sends a request with a copy of `data`, 65,507 bytes at most. What is too long for one packet
    /// goes in fragments (feature `fragmentation`).
    pub fn try_send(&self, to: IpAddr, sequence: u16, data: &[u8]) -> Result<(), PingError> {
        let (to, hop_limit) = ((to, self.interface), self.hop_limit);
        (self.stack)
            .visit(|core| core.ping_send(self.index, to, sequence, hop_limit, data))
            .map_err(PingError::NotSent)
    }

    /// The next answer, if one has come.
    pub fn try_recv(&self) -> Option<Result<EchoReply, PingError>> {
        let answer = self.stack.visit(|core| core.pings.take(self.index))?;
        match answer {
            Ok(buf) => reply(buf).map(Ok),
            Err(why) => Some(Err(PingError::Unreachable(why))),
        }
    }

    /// Waits for the next answer.
    pub async fn recv(&self) -> Result<EchoReply, PingError> {
        poll_fn(|context| {
            if let Some(answer) = self.try_recv() {
                return Poll::Ready(answer);
            }
            self.stack
                .visit(|core| core.wait(WaitKey::ping(self.index), context.waker()));
            // One may have come before the task was registered: not so, since nothing else runs.
            Poll::Pending
        })
        .await
    }

    /// Asks and waits for the answer; says how long it took. Answers to other requests are
    /// skipped.
    pub async fn ping(
        &self,
        to: IpAddr,
        sequence: u16,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Duration, PingError> {
        let start = self.stack.now();
        self.try_send(to, sequence, data)?;
        let mut sleep = pin!(self.stack.sleep_until(start + timeout));
        loop {
            let mut receive = pin!(self.recv());
            let answer = poll_fn(|context| {
                if let Poll::Ready(answer) = receive.as_mut().poll(context) {
                    return Poll::Ready(answer);
                }
                sleep
                    .as_mut()
                    .poll(context)
                    .map(|()| Err(PingError::TimedOut))
            })
            .await?;
            if answer.source == to && answer.sequence == sequence {
                return Ok(self.stack.now().since(start));
            }
        }
    }
}

impl Drop for Ping<'_> {
    fn drop(&mut self) {
        self.stack.visit(|core| core.pings.close(self.index));
    }
}

/// Reads what stands in front of the data.
fn reply(mut buf: NetBuf) -> Option<EchoReply> {
    let meta = buf.meta();
    let (network, payload) = (usize::from(meta.network), usize::from(meta.payload));
    let mut sequence = Straddle::<2>::new();
    let sequence = u16::from_be_bytes(*buf.header(payload.checked_sub(2)?, &mut sequence)?);
    let mut version = Straddle::<1>::new();
    let [version] = *buf.header(network, &mut version)?;
    let (source, hop_limit) = match version >> 4 {
        #[cfg(feature = "ipv4")]
        4 => {
            let mut straddle = Straddle::new();
            let bytes = buf.header(network, &mut straddle)?;
            let header = crate::wire::ipv4::Ipv4Header::new(bytes).ok()?;
            (IpAddr::V4(header.source()), header.ttl())
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let mut straddle = Straddle::new();
            let bytes = buf.header(network, &mut straddle)?;
            let header = crate::wire::ipv6::Ipv6Header::new(bytes).ok()?;
            (IpAddr::V6(header.source()), header.hop_limit())
        }
        _ => return None,
    };
    buf.advance(payload);
    Some(EchoReply {
        source,
        interface: meta.interface,
        sequence,
        hop_limit,
        data: buf,
    })
}
