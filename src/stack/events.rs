//! The log of what has happened, and those who read it.
//!
//! One ring serves any number of readers: each keeps its own place. Who reads too slowly loses its
//! oldest events, learns how many, and takes nothing from the others.

use core::future::poll_fn;
use core::task::Poll;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::waiters::WaitKey;
use crate::config;
use crate::iface::{Event, EventClass, EventKind};

/// The latest events.
pub(crate) struct EventLog {
    ring: [Option<Event>; config::EVENTS],
    /// Events so far. It wraps, and so do the places of the readers.
    count: u32,
}

impl EventLog {
    pub(crate) const fn new() -> Self {
        Self {
            ring: [None; config::EVENTS],
            count: 0,
        }
    }

    fn push(&mut self, event: Event) {
        if let Some(place) = self.ring.get_mut(self.count as usize % config::EVENTS) {
            *place = Some(event);
        }
        self.count = self.count.wrapping_add(1);
    }

    /// The event at `*place`, if there is one, and the next place.
    fn read(&self, place: &mut u32) -> Option<Result<Event, EventsMissed>> {
        let behind = self.count.wrapping_sub(*place);
        if behind as usize > config::EVENTS {
            let missed = behind - config::EVENTS as u32;
            *place = place.wrapping_add(missed);
            return Some(Err(EventsMissed(missed)));
        }
        if behind == 0 {
            return None;
        }
        let event = (*self.ring.get(*place as usize % config::EVENTS)?)?;
        *place = place.wrapping_add(1);
        Some(Ok(event))
    }
}

impl Core<'_> {
    /// Tells those who want to know that something has happened to an interface.
    #[cold]
    pub(crate) fn emit(&mut self, interface: InterfaceId, kind: EventKind) {
        self.events.push(Event { interface, kind });
        self.waiters.wake(WaitKey::EVENTS);
    }
}

impl Stack<'_> {
    /// As [`Core::emit`], for what stands above the core.
    #[cfg(feature = "mgmt")]
    pub(crate) fn announce(self, interface: InterfaceId, kind: EventKind) {
        self.visit(|core| core.emit(interface, kind));
    }
}

/// So many events were overwritten before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EventsMissed(pub u32);

impl core::fmt::Display for EventsMissed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} events were missed", self.0)
    }
}

impl core::error::Error for EventsMissed {}

/// Reads what happens to the interfaces of a stack, from its making on: [`Stack::events`].
///
/// The last [`EVENTS`](crate::config::EVENTS) wait to be read. There may be any number of readers;
/// each gets every event.
pub struct Events<'a> {
    stack: Stack<'a>,
    place: u32,
    classes: EventClass,
    interface: Option<InterfaceId>,
}

impl<'a> Stack<'a> {
    /// A reader of what happens to the interfaces from now on.
    pub fn events(self) -> Events<'a> {
        Events {
            stack: self,
            place: self.with(|core| core.events.count),
            classes: EventClass::all(),
            interface: None,
        }
    }
}

impl Events<'_> {
    /// Only of these kinds from now on.
    #[must_use]
    pub fn only(self, classes: EventClass) -> Self {
        Self { classes, ..self }
    }

    /// Only of one interface from now on.
    #[must_use]
    pub fn of(self, interface: InterfaceId) -> Self {
        Self {
            interface: Some(interface),
            ..self
        }
    }

    /// The next event if one has happened, or how many were missed before it: of all kinds, since
    /// nobody knows what they were.
    pub fn try_next(&mut self) -> Option<Result<Event, EventsMissed>> {
        self.stack.visit(|core| {
            loop {
                let event = core.events.read(&mut self.place)?;
                if event.is_ok_and(|event| !self.wants(&event)) {
                    continue;
                }
                return Some(event);
            }
        })
    }

    fn wants(&self, event: &Event) -> bool {
        self.classes.contains(event.kind.class())
            && self.interface.is_none_or(|only| only == event.interface)
    }

    /// Calls `tell` with each event from now on, and with how many were missed. The stack may be
    /// used in it.
    pub async fn tell(mut self, mut tell: impl FnMut(Result<Event, EventsMissed>)) -> ! {
        loop {
            let event = self.next().await;
            tell(event);
        }
    }

    /// Waits for the next event, or learns at once how many were missed before it. Nothing is lost
    /// if the wait is given up.
    pub async fn next(&mut self) -> Result<Event, EventsMissed> {
        poll_fn(|context| {
            if let Some(event) = self.try_next() {
                return Poll::Ready(event);
            }
            let waker = context.waker();
            (self.stack).visit(|core| core.wait(WaitKey::EVENTS, waker));
            Poll::Pending
        })
        .await
    }
}
