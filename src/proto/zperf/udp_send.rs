//! Sends datagrams at a rate, and asks what has come of them.

use core::net::SocketAddr;
use core::pin::pin;

use embassy_futures::yield_now;

use super::message::{Amount, NUMBER_LENGTH, REPORT_LENGTH, REQUEST_LENGTH, Summary, numbered};
use super::meter::Meter;
use super::pace::Pace;
use super::result::{Datagrams, Transfer};
use super::{PATIENCE, payload, time_of};
use crate::proto::deadline::before;
use crate::socket::{SendError, UdpSocket};
use crate::stack::Stack;
use crate::time::{Duration, Instant};

/// How long the server has to say what has come, before it is asked again.
const RETRY: Duration = Duration::from_millis(250);
/// How often it is asked. iperf goes on for two seconds too.
const TRIES: u32 = 8;
/// How long blocks of the pool, or a neighbour, are waited for between two attempts.
const PAUSE: Duration = Duration::from_millis(5);
/// Others have their turn behind so many datagrams.
const BURST: u32 = 16;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The length of a datagram.
    pub(super) length: u16,
    /// Bits of data per second; 0: as fast as it goes.
    pub(super) rate: u64,
    pub(super) amount: Amount,
    /// Bytes too are sent for no longer than this.
    pub(super) longest: Duration,
    /// When the clock of the stack began.
    pub(super) epoch: Option<Duration>,
}

impl Plan {
    /// When sending ends that began then, and how many bytes it has.
    pub(super) fn bounds(&self, begun: Instant) -> (Instant, u64) {
        match self.amount {
            Amount::Time(span) => (begun + span.min(self.longest), u64::MAX),
            Amount::Bytes(bytes) => (begun + self.longest, bytes),
        }
    }
}

/// Sends to the peer of a connected socket.
pub(super) struct Sender<'s, 'a> {
    pub(super) stack: Stack<'a>,
    pub(super) socket: &'s UdpSocket<'a>,
    /// The group that is sent to; `None`: the socket is connected.
    pub(super) group: Option<SocketAddr>,
    pub(super) plan: Plan,
    /// What each datagram asks for, if anything.
    pub(super) request: Option<[u8; REQUEST_LENGTH]>,
}

impl Sender<'_, '_> {
    /// Sends what is planned, and says how much that was.
    pub(super) async fn run(&self, meter: &mut Meter<'_>) -> (Transfer, Result<(), SendError>) {
        let begun = meter.begun();
        let (end, mut left) = self.plan.bounds(begun);
        let mut pace = Pace::new(self.plan.rate, begun);
        let (mut bytes, mut number, mut at_once) = (0_u64, 1_i64, 0);
        let mut result = Ok(());
        while result.is_ok() {
            let now = self.stack.now();
            meter.tick(now, || total(bytes, number, now.since(begun)));
            if now >= end || left == 0 {
                break;
            }
            let due = pace.due();
            if due > now {
                let next = due.min(end).min(meter.next());
                self.stack.sleep_until(next).await;
                at_once = 0;
                continue;
            }
            let length =
                usize::from(self.plan.length).min(usize::try_from(left).unwrap_or(usize::MAX));
            result = self.put(number, length.max(NUMBER_LENGTH)).await;
            if result.is_ok() {
                pace.sent(length, self.stack.now());
                bytes = bytes.saturating_add(length as u64);
                left = left.saturating_sub(length as u64);
                number = number.saturating_add(1);
            }
            at_once += 1;
            if at_once == BURST {
                yield_now().await;
                at_once = 0;
            }
        }
        let time = self.stack.now().since(begun);
        (total(bytes, number, time), result)
    }

    /// Says that there is no more, and waits for what the server says, if it is to say anything: the
    /// last number is negative, and counts on where it is said again.
    pub(super) async fn finish(&self, sent: &mut Transfer, waits: bool) -> Option<Summary> {
        let length = self.plan.length;
        for _ in 0..TRIES {
            let datagrams = sent.datagrams.get_or_insert_default();
            let number = i64::try_from(datagrams.sent)
                .unwrap_or(i64::MAX)
                .saturating_add(1);
            self.put(-number, length.into()).await.ok()?;
            datagrams.sent = number.unsigned_abs();
            sent.bytes = sent.bytes.saturating_add(length.into());
            if !waits {
                return None;
            }
            let deadline = self.stack.now() + RETRY;
            if let Some(answer) = before(self.stack, deadline, pin!(self.answer())).await {
                return answer;
            }
        }
        None
    }

    /// The first datagram that is a report; `None` if the server cannot be reached any more.
    async fn answer(&self) -> Option<Summary> {
        loop {
            let mut answer = [0; REPORT_LENGTH];
            let (length, _) = self.socket.recv_from(&mut answer).await.ok()?;
            if let Some(summary) = Summary::new(answer.get(..length).unwrap_or(&[])) {
                return Some(summary);
            }
        }
    }

    /// Sends one datagram, as soon as there is room for it.
    pub(super) async fn put(&self, number: i64, length: usize) -> Result<(), SendError> {
        let deadline = self.stack.now() + PATIENCE;
        let put = pin!(async {
            loop {
                self.socket.room(length, self.group).await?;
                match self.try_put(number, length) {
                    Err(SendError::QueueFull) => {}
                    Err(SendError::NoBuffer | SendError::NeighborQueueFull) => {
                        self.stack.sleep(PAUSE).await;
                    }
                    result => return result,
                }
            }
        });
        let put = before(self.stack, deadline, put).await;
        put.unwrap_or(Err(SendError::QueueFull))
    }

    fn try_put(&self, number: i64, length: usize) -> Result<(), SendError> {
        let now = time_of(self.plan.epoch, self.stack.now());
        let mut beginning = [0; NUMBER_LENGTH + REQUEST_LENGTH];
        let (first, request) = beginning.split_at_mut(NUMBER_LENGTH);
        first.copy_from_slice(&numbered(number, now));
        request.copy_from_slice(&self.request.unwrap_or([0; REQUEST_LENGTH]));
        let beginning = beginning.get(..length).unwrap_or(&beginning);
        let buf = payload::datagram(self.stack.pool(), beginning, length);
        let buf = buf.map_err(|_| SendError::NoBuffer)?;
        let sent = self.socket.try_send(buf, self.group);
        sent.map_err(|(_, error)| error)
    }
}

/// What a sender knows.
fn total(bytes: u64, next: i64, time: Duration) -> Transfer {
    Transfer {
        time,
        bytes,
        datagrams: Some(Datagrams {
            sent: (next - 1).unsigned_abs(),
            ..Datagrams::default()
        }),
    }
}
