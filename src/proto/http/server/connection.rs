//! One connection: request after request, each held to its times.

use core::cell::Cell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{self, Poll};

use embedded_io_async::Read;

use super::super::date::HttpDate;
use super::super::error::HttpError;
use super::super::framing::BodyLength;
use super::super::input::Input;
use super::super::output::{Framing, Output};
use super::super::request::{Request, RequestError};
use super::super::scan::SectionScanner;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::super::timer::Pace;
use super::config::{HttpConfig, HttpCounters};
use super::exchange::Exchange;
use super::handler::Handler;
use super::run::HttpPlace;
use crate::time::{Duration, Instant};

/// Octets of a buffer that are kept for a body: a head has the rest.
pub(super) const KEPT: usize = 128;

/// For so long a connection without a request stays, whoever waits: its next request may be on the way,
/// and is answered in good order.
const GRACE: Duration = Duration::from_millis(500);

/// Who else waits to be served.
pub(super) trait Crowd {
    /// Whether connections wait and there is no place for them.
    fn is_crowded(&self) -> bool;

    /// Whether a connection that has had no request since then is to make room; if not its task is
    /// woken when that changes.
    fn displaces(&self, idle_since: Instant, context: &mut task::Context<'_>) -> bool;
}

/// What all connections of a server share.
pub(super) struct Context<'c> {
    pub(super) pace: Pace<'c>,
    pub(super) config: &'c HttpConfig,
    pub(super) clock: Option<&'c dyn Fn() -> Option<HttpDate>>,
    pub(super) counters: &'c Cell<HttpCounters>,
    pub(super) crowd: &'c dyn Crowd,
}

impl<'c> core::ops::Deref for Context<'c> {
    type Target = Pace<'c>;

    fn deref(&self) -> &Pace<'c> {
        &self.pace
    }
}

impl Context<'_> {
    pub(super) fn count(&self, counter: impl FnOnce(&mut HttpCounters) -> &mut u32) {
        let mut counters = self.counters.get();
        let counter = counter(&mut counters);
        *counter = counter.wrapping_add(1);
        self.counters.set(counters);
    }

    fn count_error(&self, error: HttpError) {
        self.count(|counters| match error {
            HttpError::TimedOut => &mut counters.timed_out,
            HttpError::Malformed => &mut counters.malformed,
            HttpError::TooLarge => &mut counters.refused,
            _ => &mut counters.broken,
        });
    }
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Ending {
    /// In good order.
    Closed,
    /// Within a message: the client must not take what it has for the whole.
    Broken,
}

/// What follows a request.
enum Next {
    /// The next one, of which so many octets are there, behind this one's.
    Request(usize, usize),
    /// The end, when the client has said all that it has to say.
    Linger,
    End(Ending),
}

/// Why there is no head.
enum NoHead {
    Ended(Ending),
    Refused(RequestError),
    TimedOut,
}

/// Serves a connection to its end. `idle_since` tells others for how long it has been without a
/// request.
pub(super) async fn serve<S: HttpStream, H: Handler, const BUFFER: usize>(
    stream: &mut S,
    place: &mut HttpPlace<BUFFER>,
    handler: &H,
    context: &Context<'_>,
    idle_since: &Cell<Instant>,
) -> Ending {
    let HttpPlace { input, output } = place;
    let mut there = 0;
    let mut is_first = true;
    loop {
        let head = read_head(stream, input, &mut there, context, idle_since, is_first).await;
        is_first = false;
        let next = match head {
            Ok(length) => {
                let (head, rest) = match input.split_at_mut_checked(length) {
                    Some(parts) => parts,
                    None => (&mut [][..], &mut [][..]),
                };
                let behind = there.saturating_sub(length);
                match Request::new(head) {
                    Ok(request) => {
                        let input = Input::new(
                            context.rate,
                            request.body_length(),
                            context.config.max_body,
                            rest,
                            behind,
                        );
                        let output = Output::new(context, output);
                        let exchange = Exchange::new(stream, context, &request, input, output);
                        match answer(handler, &request, exchange).await {
                            Next::Request(start, end) => {
                                Next::Request(start + length, end + length)
                            }
                            next => next,
                        }
                    }
                    Err(error) => refuse(stream, output, context, error).await,
                }
            }
            Err(NoHead::Refused(error)) => refuse(stream, output, context, error).await,
            Err(NoHead::TimedOut) => {
                context.count_error(HttpError::TimedOut);
                say(stream, output, context, Status::REQUEST_TIMEOUT).await
            }
            Err(NoHead::Ended(ending)) => Next::End(ending),
        };
        match next {
            Next::Request(start, end) => {
                let end = end.min(input.len());
                let start = start.min(end);
                input.copy_within(start..end, 0);
                there = end - start;
            }
            Next::Linger => {
                linger(stream, context).await;
                return Ending::Closed;
            }
            Next::End(ending) => return ending,
        }
    }
}

/// Reads a head to the front of `buffer`, of which `there` octets have come; its length.
async fn read_head(
    stream: &mut impl Read,
    buffer: &mut [u8],
    there: &mut usize,
    context: &Context<'_>,
    idle_since: &Cell<Instant>,
    is_first: bool,
) -> Result<usize, NoHead> {
    let most = buffer.len().saturating_sub(KEPT);
    let config = context.config;
    let start = context.timer.now();
    if *there == 0 {
        // A client that has asked for nothing yet is on the point of doing so; one whose last request is
        // done makes room when others wait.
        let timeout = match is_first {
            true => config.head_timeout,
            false => config.idle_timeout,
        };
        idle_since.set(if is_first { Instant::MAX } else { start });
        let first = {
            let mut read = pin!(stream.read(buffer.get_mut(..most).unwrap_or(&mut [])));
            poll_fn(|task| {
                if let Poll::Ready(result) = read.as_mut().poll(task) {
                    return Poll::Ready(Some(result));
                }
                let is_displaced = !is_first
                    && context.crowd.displaces(start, task)
                    && context.timer.is_over(start + GRACE);
                if is_displaced {
                    context.count(|counters| &mut counters.displaced);
                }
                match is_displaced || context.timer.is_over(start + timeout) {
                    true => Poll::Ready(None),
                    false => Poll::Pending,
                }
            })
            .await
        };
        idle_since.set(Instant::MAX);
        match first {
            Some(Ok(length @ 1..)) => *there = length,
            Some(Err(_)) => {
                context.count_error(HttpError::Broken);
                return Err(NoHead::Ended(Ending::Broken));
            }
            Some(Ok(0)) | None => return Err(NoHead::Ended(Ending::Closed)),
        }
    }
    let start = if is_first { start } else { context.timer.now() };
    let deadline = start + config.head_timeout;
    let mut scanner = SectionScanner::new();
    loop {
        let octets = buffer.get(..*there).unwrap_or(&[]);
        match scanner.scan(octets) {
            Err(error) => return Err(NoHead::Refused(error.into())),
            // "a server that is expecting to receive and parse a request-line SHOULD ignore at least one
            // empty line (CRLF) received prior to the request-line" (RFC 9112 §2.2).
            Ok(Some(2)) => {
                buffer.copy_within(2..(*there).max(2), 0);
                *there = there.saturating_sub(2);
                scanner = SectionScanner::new();
                continue;
            }
            Ok(Some(length)) if length <= most => return Ok(length),
            Ok(None) if *there < most => {}
            Ok(_) => return Err(NoHead::Refused(too_long(octets))),
        }
        let room = buffer.get_mut(*there..most).unwrap_or(&mut []);
        let read = context.timer.before(deadline, stream.read(room)).await;
        match read {
            Some(Ok(length @ 1..)) => *there += length,
            Some(Ok(0)) if *there == 0 => return Err(NoHead::Ended(Ending::Closed)),
            Some(Ok(0) | Err(_)) => {
                context.count_error(HttpError::Broken);
                return Err(NoHead::Ended(Ending::Broken));
            }
            None => return Err(NoHead::TimedOut),
        }
    }
}

/// What of a head finds no room: "A server that receives a method longer than any that it implements
/// SHOULD respond with a 501 ... a request-target longer than any URI it wishes to parse MUST respond
/// with a 414" (RFC 9112 §3).
fn too_long(octets: &[u8]) -> RequestError {
    if octets.contains(&b'\n') {
        RequestError::FieldsTooLong
    } else if octets.contains(&b' ') {
        RequestError::TargetTooLong
    } else {
        RequestError::NotImplemented
    }
}

/// Has a request answered, and sees what follows.
async fn answer<S: HttpStream, H: Handler>(
    handler: &H,
    request: &Request<'_>,
    mut exchange: Exchange<'_, S>,
) -> Next {
    let context = exchange.context;
    context.count(|counters| &mut counters.requests);
    let mut result = if request.expects_more() {
        exchange.goes_on = false;
        exchange.respond_status(Status::EXPECTATION_FAILED).await
    } else if request.target().is_https && !exchange.stream.is_secured() {
        exchange.respond_status(Status::MISDIRECTED_REQUEST).await
    } else if request.path() == "*" {
        exchange.respond_status(Status::NO_CONTENT).await
    } else {
        handler.handle(request, &mut exchange).await
    };
    if exchange.output.framing == Framing::None {
        // Nothing has been said yet.
        let error = result.err().unwrap_or(HttpError::Misuse);
        context.count_error(error);
        let Some(status) = error.status() else {
            return Next::End(Ending::Broken);
        };
        exchange.goes_on = false;
        result = exchange.respond_status(status).await;
    } else if let Err(error) = result {
        context.count_error(error);
    }
    match exchange.output.framing {
        Framing::Upgraded if result.is_ok() => return Next::End(Ending::Closed),
        Framing::Over | Framing::Hidden => {}
        _ => {
            if result.is_ok() {
                context.count_error(HttpError::Misuse);
            }
            return Next::End(Ending::Broken);
        }
    }
    let Exchange { output, stream, .. } = &mut exchange;
    if output.flush(*stream, context).await.is_err() || stream.push().await.is_err() {
        return Next::End(Ending::Broken);
    }
    let is_whole = exchange.input.is_over();
    if !exchange.goes_on || result.is_err() || !is_whole && !exchange.pass_over().await {
        // What the client has sent and nobody has read would be answered with a reset.
        return match is_whole && exchange.input.unread().is_empty() {
            true => Next::End(Ending::Closed),
            false => Next::Linger,
        };
    }
    let unread = exchange.input.unread();
    Next::Request(unread.start, unread.end)
}

/// Refuses a request, and goes no further: where the next begins is not known.
async fn refuse<S: HttpStream>(
    stream: &mut S,
    output: &mut [u8],
    context: &Context<'_>,
    error: RequestError,
) -> Next {
    context.count(|counters| match error {
        RequestError::Malformed => &mut counters.malformed,
        _ => &mut counters.refused,
    });
    say(stream, output, context, error.status()).await
}

/// Sends a response to what is no request.
async fn say<S: HttpStream>(
    stream: &mut S,
    output: &mut [u8],
    context: &Context<'_>,
    status: Status,
) -> Next {
    // As if to a request that ends the connection.
    let Ok(request) = Request::new(b"GET / HTTP/1.0\r\n\r\n") else {
        return Next::End(Ending::Broken);
    };
    let input = Input::new(context.rate, BodyLength::Octets(0), 0, &mut [], 0);
    let output = Output::new(context, output);
    let mut exchange = Exchange::new(stream, context, &request, input, output);
    match exchange.respond_status(status).await {
        Ok(()) => Next::Linger,
        Err(_) => Next::End(Ending::Broken),
    }
}

/// "First, the server performs a half-close by closing only the write side of the read/write
/// connection. The server then continues to read from the connection until it receives a
/// corresponding close by the client" (RFC 9112 §9.6), or for some time.
async fn linger<S: HttpStream>(stream: &mut S, context: &Context<'_>) {
    let deadline = context.timer.now() + context.config.linger;
    let rest = async {
        stream.close().await;
        let mut scratch = [0; 128];
        while matches!(stream.read(&mut scratch).await, Ok(1..)) {}
    };
    let _: Option<()> = context.timer.before(deadline, rest).await;
}
