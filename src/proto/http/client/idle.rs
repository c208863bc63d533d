//! Connections that have no request.

use core::cell::RefCell;

use heapless::String;

use super::super::stream::HttpStream;
use crate::config::HTTP_HOST;
use crate::time::{Duration, Instant};

/// The other end of a connection: a server, or a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    host: String<HTTP_HOST>,
    port: u16,
    is_secured: bool,
}

impl Origin {
    /// `None` for a name that is too long to be kept.
    pub(super) fn new(host: &str, port: u16, is_secured: bool) -> Option<Self> {
        let mut name = String::try_from(host).ok()?;
        name.make_ascii_lowercase();
        Some(Self {
            host: name,
            port,
            is_secured,
        })
    }
}

/// A connection that waits for its next request.
#[derive(Debug)]
struct Idle<S> {
    stream: S,
    origin: Origin,
    since: Instant,
}

/// All of them. None of them has anything that was received and not read.
#[derive(Debug)]
pub(super) struct Pool<S, const PLACES: usize>(RefCell<[Option<Idle<S>>; PLACES]>);

impl<S: HttpStream, const PLACES: usize> Pool<S, PLACES> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new([const { None }; PLACES]))
    }

    /// A connection to this origin, which nobody has ended.
    pub(super) fn take(&self, origin: &Origin, now: Instant, timeout: Duration) -> Option<S> {
        loop {
            let mut places = self.0.borrow_mut();
            let mut places = places.iter_mut();
            let place = places.find(|place| {
                let idle = place.as_ref();
                idle.is_some_and(|idle| idle.origin == *origin)
            })?;
            let mut idle = place.take()?;
            if now.since(idle.since) < timeout && idle.stream.is_idle() {
                return Some(idle.stream);
            }
        }
    }

    /// Keeps a connection, in the place of the oldest where none is free.
    pub(super) fn keep(&self, stream: S, origin: Origin, now: Instant) {
        let since = now;
        let displaced = {
            let mut places = self.0.borrow_mut();
            let age = |place: &&mut Option<Idle<S>>| place.as_ref().map(|idle| idle.since);
            let place = places.iter_mut().min_by_key(age);
            place.and_then(|place| {
                place.replace(Idle {
                    stream,
                    origin,
                    since,
                })
            })
        };
        drop(displaced);
    }

    /// Ends those that have waited for so long, or that their server has ended.
    pub(super) fn expire(&self, now: Instant, timeout: Duration) {
        let mut places = self.0.borrow_mut();
        for place in places.iter_mut() {
            let idle = place.as_mut();
            if idle.is_some_and(|idle| now.since(idle.since) >= timeout || !idle.stream.is_idle()) {
                *place = None;
            }
        }
    }
}
