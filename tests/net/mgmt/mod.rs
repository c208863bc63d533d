//! Management: interfaces switched on and off, events of some kinds, connections.

mod connection;
mod connectivity;
mod interfaces;
mod online;
mod setup;

use zonda::iface::{Event, EventClass, EventKind, Reach};
use zonda::stack::{Events, InterfaceId};

use crate::network::*;

/// What has happened since the last look.
fn kinds(events: &mut Events<'_>) -> Vec<EventKind> {
    std::iter::from_fn(|| events.try_next())
        .map(|event| event.expect("no event was missed").kind)
        .collect()
}
