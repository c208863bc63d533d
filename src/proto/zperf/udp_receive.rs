//! Receives the datagrams of one sender.

use core::net::IpAddr;
use core::pin::pin;

use super::arrivals::Arrivals;
use super::message::{NUMBER_LENGTH, Numbered, Summary};
use super::meter::Meter;
use super::result::{End, Transfer};
use super::udp_send::Sender;
use super::{PATIENCE, time_of};
use crate::netbuf::NetBuf;
use crate::proto::deadline::before;
use crate::socket::{RecvInfo, SendError, UdpSocket};
use crate::stack::Stack;
use crate::time::{Duration, Instant};

/// Reports that are sent at most: iperf sends nine.
pub(super) const REPORTS: u8 = 9;
/// How long a client must be silent to have got its report. iperf says a quarter of a second too.
const SILENCE: Duration = Duration::from_millis(250);
/// A request is repeated after so long, as long as no data come. A server of iperf that is asked more
/// often while it starts may lose the way to its own socket.
const REPEAT: Duration = Duration::from_millis(250);

/// What has come of one sender's datagrams.
pub(super) struct Reception {
    pub(super) arrivals: Arrivals,
    /// Whether the numbers have 64 bits.
    wide: bool,
    epoch: Option<Duration>,
    pub(super) begun: Instant,
    /// When the last one came.
    pub(super) heard: Instant,
}

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// One of many.
    Data,
    /// The last.
    Last,
    /// Nothing that the sender of the others would send.
    Malformed,
}

impl Reception {
    pub(super) fn new(wide: bool, epoch: Option<Duration>, now: Instant) -> Self {
        Self {
            arrivals: Arrivals::default(),
            wide,
            epoch,
            begun: now,
            heard: now,
        }
    }

    /// A datagram has come that has so many bytes, and begins so.
    pub(super) fn take(&mut self, beginning: &[u8], length: usize, now: Instant) -> Came {
        let Some(numbered) = Numbered::new(beginning) else {
            return Came::Malformed;
        };
        let number = numbered.number(self.wide);
        let time = time_of(self.epoch, now);
        (self.arrivals).take(number.unsigned_abs(), length, numbered.sent(), time);
        self.heard = now;
        match number < 0 {
            true => Came::Last,
            false => Came::Data,
        }
    }

    /// What has come until it was heard last.
    pub(super) fn total(&self) -> Transfer {
        let agree = self.epoch.is_some();
        Transfer {
            time: self.heard.since(self.begun),
            bytes: self.arrivals.bytes,
            datagrams: Some(self.arrivals.datagrams(agree)),
        }
    }

    /// What the sender is told at the end.
    pub(super) fn summary(&self) -> Summary {
        let Transfer { time, bytes, .. } = self.total();
        let datagrams = self.arrivals.datagrams(self.epoch.is_some());
        Summary {
            bytes,
            time,
            lost: datagrams.lost,
            reordered: datagrams.reordered,
            datagrams: datagrams.sent,
            jitter: datagrams.jitter,
            transit: datagrams.transit,
        }
    }
}

/// The beginning of a datagram.
pub(super) fn beginning(buf: &NetBuf) -> ([u8; NUMBER_LENGTH], usize) {
    let mut beginning = [0; NUMBER_LENGTH];
    let length = buf.read(0, &mut beginning);
    (beginning, length)
}

/// Receives from one host.
pub(super) struct Receiver<'s, 'a> {
    pub(super) stack: Stack<'a>,
    pub(super) socket: &'s UdpSocket<'a>,
    pub(super) from: IpAddr,
    pub(super) epoch: Option<Duration>,
    /// When there is no more to wait for.
    pub(super) end: Instant,
}

impl Receiver<'_, '_> {
    /// Receives until the last datagram, which is told of, or the end. What is not there without being
    /// asked for is asked for by `request`.
    pub(super) async fn run(
        &self,
        request: Option<&Sender<'_, '_>>,
        meter: &mut Meter<'_>,
    ) -> (Reception, Result<Option<RecvInfo>, SendError>) {
        let mut reception = Reception::new(true, self.epoch, meter.begun());
        let mut ask = meter.begun();
        loop {
            let now = self.stack.now();
            meter.tick(now, || reception.total());
            let has_begun = reception.arrivals.bytes > 0;
            let silent = match has_begun {
                true => reception.heard + PATIENCE,
                false => Instant::MAX,
            };
            if now >= self.end.min(silent) {
                return (reception, Ok(None));
            }
            let mut repeat = Instant::MAX;
            if let Some(request) = request.filter(|_| !has_begun) {
                if now >= ask {
                    if let Err(error) = request.put(1, request.plan.length.into()).await {
                        return (reception, Err(error));
                    }
                    ask = self.stack.now() + REPEAT;
                }
                repeat = ask;
            }
            let next = self.end.min(silent).min(meter.next()).min(repeat);
            let received = before(self.stack, next, pin!(self.socket.recv())).await;
            let (buf, info) = match received {
                Some(Ok((buf, info))) if info.source.ip() == self.from => (buf, info),
                Some(Err(why)) => return (reception, Err(SendError::Unreachable(why))),
                _ => continue,
            };
            let (beginning, length) = beginning(&buf);
            let beginning = beginning.get(..length).unwrap_or(&[]);
            let now = self.stack.now();
            if !has_begun {
                reception.begun = now;
            }
            match reception.take(beginning, buf.len(), now) {
                Came::Last => return (reception, Ok(Some(info))),
                Came::Data | Came::Malformed => {}
            }
        }
    }

    /// Tells the sender what has come, until it is silent.
    pub(super) async fn answer(&self, reception: &Reception, last: RecvInfo) {
        for _ in 0..REPORTS {
            let report = reception.summary().report();
            // It asks again where this does not go.
            let _: Result<(), SendError> = self.socket.try_reply_to(&report, &last);
            let deadline = self.stack.now() + SILENCE;
            match before(self.stack, deadline, pin!(self.socket.recv())).await {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }
}

/// How what a [`Receiver`] has received has ended.
pub(super) const fn ended(result: &Result<Option<RecvInfo>, SendError>) -> End {
    match result {
        Ok(Some(_)) => End::Complete,
        Ok(None) => End::Silent,
        Err(_) => End::Broken,
    }
}
