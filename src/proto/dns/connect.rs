//! A connection to a name: Happy Eyeballs (RFC 8305).

use core::future::{Future, poll_fn};
use core::net::{IpAddr, SocketAddr};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use heapless::Vec;

use super::lookup::{Family, Lookup};
use super::resolver::{DnsError, Resolver};
use crate::config;
use crate::socket::{ConnectError, TcpSocket};
use crate::stack::{Sleep, Stack};
use crate::time::{Duration, Instant};

/// How long IPv6 addresses are waited for when there are IPv4 ones (RFC 8305 §3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// The time between two attempts (§5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The least time between two attempts, when the first has failed already (§5).
const MINIMUM_ATTEMPT_DELAY: Duration = Duration::from_millis(100);
/// Attempts at once. One more, and the oldest, which has had a second, is given up.
const ATTEMPTS: usize = 4;

/// Why there is no connection to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConnectByNameError {
    /// There is no address to connect to.
    Name(DnsError),
    /// No address could be connected to; this is what the last attempt met with.
    Connect(ConnectError),
}

impl core::fmt::Display for ConnectByNameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Name(error) => core::fmt::Display::fmt(error, f),
            Self::Connect(error) => core::fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for ConnectByNameError {}

impl<'a> Resolver<'a> {
    /// Connects to a port of the host of this name, by whichever of its addresses answers first
    /// (RFC 8305): IPv6 has a start of 50 ms, then one address of either version is tried every
    /// 250 ms. To drop the future is to give up.
    ///
    /// An attempt needs a place in the table of TCP connections; there are up to four at once.
    pub async fn connect(
        &self,
        name: &str,
        port: u16,
    ) -> Result<TcpSocket<'a>, ConnectByNameError> {
        let stack = self.stack;
        // "with the AAAA query made first and immediately followed by the A query" (§3).
        let ipv6 = pin!(self.one_family(name, Family::V6));
        let ipv4 = pin!(self.one_family(name, Family::V4));
        let (mut ipv6, mut ipv4) = (Lookup::new(ipv6), Lookup::new(ipv4));
        let mut places = (pin!(None), pin!(None), pin!(None), pin!(None));
        let connect = |address| TcpSocket::connect(stack, SocketAddr::new(address, port));
        let mut attempts: [Attempt<'_, _>; ATTEMPTS] = [
            Attempt::new(places.0.as_mut()),
            Attempt::new(places.1.as_mut()),
            Attempt::new(places.2.as_mut()),
            Attempt::new(places.3.as_mut()),
        ];
        let mut race = Race::new(stack);
        let mut timer: Option<(Instant, Sleep<'_>)> = None;
        poll_fn(|context| {
            loop {
                ipv6.advance(context);
                ipv4.advance(context);
                race.take_in(&ipv6.result, &ipv4.result);
                for attempt in &mut attempts {
                    match attempt.poll(context) {
                        Poll::Ready(Ok(socket)) => return Poll::Ready(Ok(socket)),
                        Poll::Ready(Err(error)) => race.failed(error),
                        Poll::Pending => {}
                    }
                }
                let is_trying = attempts.iter().any(Attempt::is_running);
                if let Some(error) = race.is_lost(is_trying) {
                    return Poll::Ready(Err(error));
                }
                let Some(deadline) = race.next_start() else {
                    return Poll::Pending;
                };
                if deadline <= stack.now() {
                    let free = attempts.iter_mut().min_by_key(|attempt| attempt.age());
                    if let (Some(place), Some(address)) = (free, race.start()) {
                        place.set(stack.now(), connect(address));
                    }
                    continue;
                }
                let timer = match &mut timer {
                    Some(timer) if timer.0 == deadline => timer,
                    other => other.insert((deadline, stack.sleep_until(deadline))),
                };
                if Pin::new(&mut timer.1).poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// A connection that is being tried.
struct Attempt<'f, F> {
    future: Pin<&'f mut Option<F>>,
    started: Instant,
}

impl<'a, 'f, F: Future<Output = Result<TcpSocket<'a>, ConnectError>>> Attempt<'f, F> {
    const fn new(future: Pin<&'f mut Option<F>>) -> Self {
        Self {
            future,
            started: Instant::ZERO,
        }
    }

    fn is_running(&self) -> bool {
        self.future.is_some()
    }

    /// Places that are free come first, then the oldest attempt.
    fn age(&self) -> (bool, Instant) {
        (self.is_running(), self.started)
    }

    fn set(&mut self, now: Instant, future: F) {
        self.future.set(Some(future));
        self.started = now;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let result = future.poll(context);
        if result.is_ready() {
            self.future.set(None);
        }
        result
    }
}

/// Which address is tried when.
struct Race<'a> {
    stack: Stack<'a>,
    /// Addresses not tried yet, in the order of RFC 6724 §6.
    waiting: Vec<IpAddr, { 2 * config::DNS_ADDRESSES }>,
    /// Which lookups are over, and the worse of their errors.
    has_ipv6: bool,
    has_ipv4: bool,
    name_error: Option<DnsError>,
    /// The first attempt may be made from here on, whatever becomes of IPv6.
    resolved: Instant,
    /// The version of the address that was tried last, and when.
    last: Option<(bool, Instant)>,
    next: Instant,
    error: Option<ConnectError>,
}

impl<'a> Race<'a> {
    const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            waiting: Vec::new(),
            has_ipv6: false,
            has_ipv4: false,
            name_error: None,
            resolved: Instant::MAX,
            last: None,
            next: Instant::ZERO,
            error: None,
        }
    }

    /// Takes in the addresses of lookups that are over.
    fn take_in(
        &mut self,
        ipv6: &Option<Result<super::Addresses, DnsError>>,
        ipv4: &Option<Result<super::Addresses, DnsError>>,
    ) {
        let now = self.stack.now();
        if let (Some(result), false) = (ipv6, self.has_ipv6) {
            self.has_ipv6 = true;
            self.resolved = now;
            self.add(result);
        }
        if let (Some(result), false) = (ipv4, self.has_ipv4) {
            self.has_ipv4 = true;
            self.resolved = self.resolved.min(now + RESOLUTION_DELAY);
            self.add(result);
        }
    }

    fn add(&mut self, result: &Result<super::Addresses, DnsError>) {
        match result {
            Ok(addresses) => {
                for address in addresses {
                    // There is room for all of both lookups.
                    let _: Result<(), IpAddr> = self.waiting.push(*address);
                }
                self.stack.order_destinations(&mut self.waiting);
            }
            Err(error) => self.name_error = self.name_error.max(Some(*error)),
        }
    }

    /// When the next attempt is to be made, as far as is known.
    fn next_start(&self) -> Option<Instant> {
        let is_first = self.last.is_none();
        let next = if is_first { self.resolved } else { self.next };
        (!self.waiting.is_empty()).then_some(next)
    }

    /// Takes the address that is next: of the other version than the last, if there is one (§4).
    fn start(&mut self) -> Option<IpAddr> {
        let other = self.last.and_then(|(is_ipv6, _)| {
            let mut waiting = self.waiting.iter();
            waiting.position(|address| address.is_ipv6() != is_ipv6)
        });
        let place = other.unwrap_or(0);
        let address = *self.waiting.get(place)?;
        self.waiting.retain(|waiting| *waiting != address);
        let now = self.stack.now();
        self.last = Some((address.is_ipv6(), now));
        self.next = now + ATTEMPT_DELAY;
        Some(address)
    }

    /// An attempt has failed: the next need not wait for it.
    fn failed(&mut self, error: ConnectError) {
        self.error = Some(error);
        if let Some((_, started)) = self.last {
            self.next = self.next.min(started + MINIMUM_ATTEMPT_DELAY);
        }
    }

    /// What has gone wrong, if nothing is left that could go right.
    fn is_lost(&self, is_trying: bool) -> Option<ConnectByNameError> {
        let is_over = self.has_ipv6 && self.has_ipv4 && self.waiting.is_empty() && !is_trying;
        let name_error = ConnectByNameError::Name(self.name_error.unwrap_or(DnsError::NoData));
        is_over.then(|| self.error.map_or(name_error, ConnectByNameError::Connect))
    }
}
