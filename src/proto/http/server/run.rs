//! The server at work: places for connections, and listeners.

use core::cell::Cell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{self, Poll};

use embassy_futures::join::join_array;

use super::super::date::HttpDate;
use super::super::stream::HttpStream;
use super::super::timer::{Pace, Rate, StackClock, Timer};
use super::config::{HttpConfig, HttpCounters};
use super::connection::{Context, Crowd, Ending, KEPT, serve};
use super::handler::Handler;
use crate::config::HTTP_OUTPUT;
use crate::socket::{TcpListener, TcpSocket};
use crate::stack::Stack;
use crate::time::{Duration, Instant};

/// The silence after which a client is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The memory of one connection: `BUFFER` bytes for the head of a request and what follows it.
#[derive(Debug)]
pub struct HttpPlace<const BUFFER: usize> {
    pub(super) input: [u8; BUFFER],
    pub(super) output: [u8; HTTP_OUTPUT],
}

impl<const BUFFER: usize> HttpPlace<BUFFER> {
    /// A place without a connection. `BUFFER` is 256 at least; of it 128 are for a body, and the rest
    /// for a head.
    pub const fn new() -> Self {
        const { assert!(BUFFER >= 2 * KEPT, "a head finds no room") };
        Self {
            input: [0; BUFFER],
            output: [0; HTTP_OUTPUT],
        }
    }
}

impl<const BUFFER: usize> Default for HttpPlace<BUFFER> {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory of a server: as many connections at once as there are places.
#[derive(Debug)]
pub struct HttpStorage<const PLACES: usize, const BUFFER: usize> {
    places: [HttpPlace<BUFFER>; PLACES],
}

impl<const PLACES: usize, const BUFFER: usize> HttpStorage<PLACES, BUFFER> {
    /// Places without connections.
    pub const fn new() -> Self {
        Self {
            places: [const { HttpPlace::new() }; PLACES],
        }
    }
}

impl<const PLACES: usize, const BUFFER: usize> Default for HttpStorage<PLACES, BUFFER> {
    fn default() -> Self {
        Self::new()
    }
}

/// An HTTP/1.1 server: [`HttpServer::run`] serves what comes to its listeners,
/// [`HttpServer::serve`] one stream of whatever kind.
pub struct HttpServer<'a, H> {
    stack: Stack<'a>,
    handler: H,
    config: HttpConfig,
    clock: Option<&'a dyn Fn() -> Option<HttpDate>>,
    counters: Cell<HttpCounters>,
}

impl<'a, H: Handler> HttpServer<'a, H> {
    /// A server that has its requests answered by `handler`.
    pub const fn new(stack: Stack<'a>, handler: H, config: HttpConfig) -> Self {
        Self {
            stack,
            handler,
            config,
            clock: None,
            counters: Cell::new(HttpCounters {
                connections: 0,
                requests: 0,
                malformed: 0,
                refused: 0,
                timed_out: 0,
                broken: 0,
                displaced: 0,
            }),
        }
    }

    /// With the time of day, for the field `Date`, which a server without a clock does not send
    /// (RFC 9110 §6.6.1).
    #[must_use]
    pub fn with_clock(self, clock: &'a dyn Fn() -> Option<HttpDate>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// What it has done.
    pub fn counters(&self) -> HttpCounters {
        self.counters.get()
    }

    /// Who answers.
    pub const fn handler(&self) -> &H {
        &self.handler
    }

    /// Takes connections from `listeners`, in turn, and serves as many at once as `storage` has places
    /// for; others wait in the backlog of their listener. While some do, responses end their
    /// connections, and one that has had no request for half a second is ended.
    ///
    /// The task waits at one place of [`WAITERS`](crate::config::WAITERS) for each place and each
    /// listener, and at one of [`SLEEPS`](crate::config::SLEEPS) in all.
    pub async fn run<const PLACES: usize, const BUFFER: usize>(
        &self,
        listeners: &[TcpListener<'a>],
        storage: &mut HttpStorage<PLACES, BUFFER>,
    ) -> ! {
        let clock = StackClock(self.stack);
        let timer = Timer::new(&clock);
        let queue = Queue {
            stack: self.stack,
            listeners,
            free: Cell::new(0),
            turn: Cell::new(0),
            idle_since: [const { Cell::new(Instant::MAX) }; PLACES],
        };
        let context = self.context(&timer, &queue);
        let mut idle_since = queue.idle_since.iter();
        // As many as there are places.
        let spare = Cell::new(Instant::MAX);
        let places = storage.places.each_mut().map(|place| {
            let idle_since = idle_since.next().unwrap_or(&spare);
            self.serve_each(place, &queue, &context, idle_since)
        });
        let all = pin!(async {
            let _: [core::convert::Infallible; PLACES] = join_array(places).await;
            core::future::pending().await
        });
        timer.drive(self.stack, all).await
    }

    /// Serves the requests of one connection to its end: of TLS, of a test's pipe.
    pub async fn serve<S: HttpStream, const BUFFER: usize>(
        &self,
        stream: &mut S,
        place: &mut HttpPlace<BUFFER>,
    ) {
        let clock = StackClock(self.stack);
        let timer = Timer::new(&clock);
        let context = self.context(&timer, &Alone);
        context.count(|counters| &mut counters.connections);
        let idle_since = Cell::new(Instant::MAX);
        let ending = {
            let work = pin!(serve(stream, place, &self.handler, &context, &idle_since));
            timer.drive(self.stack, work).await
        };
        if ending == Ending::Closed {
            stream.close().await;
        }
    }

    fn context<'c>(&'c self, timer: &'c Timer<'c>, crowd: &'c dyn Crowd) -> Context<'c> {
        Context {
            pace: Pace {
                timer,
                rate: Rate {
                    transfer_timeout: self.config.transfer_timeout,
                    min_rate: self.config.min_rate,
                },
            },
            config: &self.config,
            clock: self.clock,
            counters: &self.counters,
            crowd,
        }
    }

    /// Serves one connection after the other.
    async fn serve_each<const PLACES: usize, const BUFFER: usize>(
        &self,
        place: &mut HttpPlace<BUFFER>,
        queue: &Queue<'_, 'a, PLACES>,
        context: &Context<'_>,
        idle_since: &Cell<Instant>,
    ) -> core::convert::Infallible {
        loop {
            let mut socket = queue.accept().await;
            context.count(|counters| &mut counters.connections);
            // What is sent at once is gathered here; the rest is not to wait for an acknowledgement.
            socket.set_nagle(false);
            // Where a handler waits for the client to leave, one that is lost must not be waited for.
            socket.set_keepalive(Some(KEEPALIVE));
            let ending = serve(&mut socket, place, &self.handler, context, idle_since).await;
            idle_since.set(Instant::MAX);
            match ending {
                Ending::Closed => drop(socket),
                Ending::Broken => socket.abort(),
            }
        }
    }
}

/// The connections that wait, and who could take them.
struct Queue<'r, 'a, const PLACES: usize> {
    stack: Stack<'a>,
    listeners: &'r [TcpListener<'a>],
    /// Places without a connection.
    free: Cell<usize>,
    /// The listener that is looked at first.
    turn: Cell<usize>,
    /// For each place, since when its connection has had no request.
    idle_since: [Cell<Instant>; PLACES],
}

impl<'a, const PLACES: usize> Queue<'_, 'a, PLACES> {
    async fn accept(&self) -> TcpSocket<'a> {
        self.free.set(self.free.get() + 1);
        let socket = poll_fn(|context| match self.try_accept() {
            Some(socket) => Poll::Ready(socket),
            None => {
                self.wait(context);
                Poll::Pending
            }
        })
        .await;
        self.free.set(self.free.get().saturating_sub(1));
        socket
    }

    fn try_accept(&self) -> Option<TcpSocket<'a>> {
        let (behind, first) = self.listeners.split_at_checked(self.turn.get())?;
        let mut listeners = first.iter().chain(behind);
        let socket = listeners.find_map(TcpListener::try_accept)?;
        let next = self.turn.get() + 1;
        self.turn
            .set(if next < self.listeners.len() { next } else { 0 });
        Some(socket)
    }

    /// Is woken when a connection waits.
    fn wait(&self, context: &task::Context<'_>) {
        self.stack.visit(|core| {
            for listener in self.listeners {
                core.wait(listener.key(), context.waker());
            }
        });
    }
}

impl<const PLACES: usize> Crowd for Queue<'_, '_, PLACES> {
    fn is_crowded(&self) -> bool {
        self.free.get() == 0 && self.listeners.iter().any(TcpListener::has_waiting)
    }

    fn displaces(&self, idle_since: Instant, context: &mut task::Context<'_>) -> bool {
        if self.free.get() > 0 {
            // Whoever is free waits for connections.
            return false;
        }
        self.wait(context);
        let oldest = self.idle_since.iter().map(Cell::get).min();
        self.is_crowded() && oldest >= Some(idle_since)
    }
}

/// No connection but this one.
struct Alone;

impl Crowd for Alone {
    fn is_crowded(&self) -> bool {
        false
    }

    fn displaces(&self, _idle_since: Instant, _context: &mut task::Context<'_>) -> bool {
        false
    }
}
