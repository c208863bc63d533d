//! The two directions of a TCP connection.

use core::pin::pin;

use embassy_futures::yield_now;

use super::meter::Meter;
use super::pace::Pace;
use super::result::{End, Transfer};
use super::udp_send::Plan;
use super::{PATIENCE, payload};
use crate::config::ZPERF_PATTERN;
use crate::proto::deadline::before;
use crate::socket::{TcpError, TcpReader, TcpWriter};
use crate::stack::Stack;
use crate::time::{Duration, Instant};

/// How long what the pool lacks is waited for.
const PAUSE: Duration = Duration::from_millis(1);
/// Others have their turn behind so many pieces.
const BURST: u32 = 16;

/// Sends what is planned, the request that was written before counted, and says that there is no
/// more. It has taken until all was acknowledged.
pub(super) async fn send(
    stack: Stack<'_>,
    writer: &mut TcpWriter<'_, '_>,
    plan: &Plan,
    written: u64,
    meter: &mut Meter<'_>,
) -> (Transfer, Result<(), TcpError>) {
    let mut bytes = written;
    let mut result = send_all(stack, writer, plan, &mut bytes, meter).await;
    writer.shutdown();
    if result.is_ok() {
        let deadline = stack.now() + PATIENCE;
        let flushed = before(stack, deadline, pin!(writer.flush())).await;
        result = flushed.unwrap_or(Err(TcpError::TimedOut));
    }
    (total(bytes, stack.now().since(meter.begun())), result)
}

async fn send_all(
    stack: Stack<'_>,
    writer: &mut TcpWriter<'_, '_>,
    plan: &Plan,
    bytes: &mut u64,
    meter: &mut Meter<'_>,
) -> Result<(), TcpError> {
    let begun = meter.begun();
    let (end, most) = plan.bounds(begun);
    let mut pace = Pace::new(plan.rate, begun);
    let mut at_once = 0;
    loop {
        let now = stack.now();
        meter.tick(now, || total(*bytes, now.since(begun)));
        let left = most.saturating_sub(*bytes);
        if now >= end || left == 0 {
            return Ok(());
        }
        let due = pace.due();
        let next = end.min(meter.next());
        if due > now {
            stack.sleep_until(due.min(next)).await;
            continue;
        }
        // With no end set, a peer that takes nothing is waited for as long as TCP does.
        if before(stack, next, pin!(writer.writable())).await.is_none() {
            continue;
        }
        let _: usize = writer.room_to_write()?;
        let length = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(ZPERF_PATTERN);
        let taken = match payload::filler(stack.pool(), length) {
            Ok(piece) => match writer.try_send(piece) {
                Ok(()) => length,
                Err((_, Some(error))) => return Err(error),
                Err((rest, None)) => length.saturating_sub(rest.len()),
            },
            Err(_) => 0,
        };
        if taken == 0 {
            stack.sleep(PAUSE).await;
            continue;
        }
        *bytes = bytes.saturating_add(taken as u64);
        pace.sent(taken, stack.now());
        at_once += 1;
        if at_once == BURST {
            yield_now().await;
            at_once = 0;
        }
    }
}

/// Receives until the peer says that there is no more, or is silent; what came before is counted.
pub(super) async fn receive(
    stack: Stack<'_>,
    reader: &mut TcpReader<'_, '_>,
    came: u64,
    end: Instant,
    meter: &mut Meter<'_>,
) -> (Transfer, End) {
    let begun = meter.begun();
    let (mut bytes, mut heard) = (came, stack.now());
    let ended = loop {
        let now = stack.now();
        meter.tick(now, || total(bytes, now.since(begun)));
        let silent = end.min(heard + PATIENCE);
        if now >= silent {
            break End::Silent;
        }
        let next = silent.min(meter.next());
        match before(stack, next, pin!(reader.recv())).await {
            Some(Ok(Some(buf))) => {
                bytes = bytes.saturating_add(buf.len() as u64);
                heard = stack.now();
            }
            Some(Ok(None)) => {
                heard = stack.now();
                break End::Complete;
            }
            Some(Err(_)) => break End::Broken,
            None => {}
        }
    };
    (total(bytes, heard.since(begun)), ended)
}

/// Waits for the end of what the peer sends, which is nothing that counts.
pub(super) async fn drain(stack: Stack<'_>, reader: &mut TcpReader<'_, '_>) {
    let deadline = stack.now() + PATIENCE;
    let drained = pin!(async { while let Ok(Some(_)) = reader.recv().await {} });
    // Who does not end is left.
    let _: Option<()> = before(stack, deadline, drained).await;
}

const fn total(bytes: u64, time: Duration) -> Transfer {
    Transfer {
        time,
        bytes,
        datagrams: None,
    }
}

/// How a direction has ended whose sender this is.
pub(super) const fn ended(result: &Result<(), TcpError>) -> End {
    match result {
        Ok(()) => End::Complete,
        Err(TcpError::TimedOut) => End::Silent,
        Err(_) => End::Broken,
    }
}
