//! Whether programs can reach others: over which interfaces, by which IP versions.

use core::cell::Cell;

use crate::iface::{EventKind, Reach};
use crate::stack::{InterfaceId, Stack};

/// What an interface needs besides an address that is good beyond its link, for others to be
/// reached over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Requirement {
    /// Nothing: those on the link are enough.
    #[default]
    Address,
    /// A default route.
    Router,
}

/// The interfaces over which others can be reached, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    ipv4: u32,
    ipv6: u32,
}

impl Reached {
    const fn any(self) -> u32 {
        self.ipv4 | self.ipv6
    }

    const fn of(self, reach: Reach) -> u32 {
        match reach {
            Reach::Ipv4 => self.ipv4,
            Reach::Ipv6 => self.ipv6,
            Reach::Any => self.any(),
        }
    }
}

const fn bit(id: InterfaceId) -> u32 {
    match id {
        // A stack has no more.
        0..32 => 1 << id,
        _ => 0,
    }
}

/// The connection manager: watches the interfaces, and tells by events
/// ([`EventKind::Connected`], [`EventKind::Disconnected`]) when programs can reach others, and when
/// they can no longer. Its [`run`](Connections::run) is to be polled beside the stack.
pub struct Connections<'a> {
    stack: Stack<'a>,
    requirement: Cell<Requirement>,
    ignored: Cell<u32>,
    reached: Cell<Reached>,
}

impl<'a> Connections<'a> {
    /// Watches all interfaces of a stack.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            requirement: Cell::new(Requirement::Address),
            ignored: Cell::new(0),
            reached: Cell::new(Reached { ipv4: 0, ipv6: 0 }),
        }
    }

    /// Sets what an interface needs, at first an address.
    pub fn require(&self, requirement: Requirement) {
        self.requirement.set(requirement);
        self.look();
    }

    /// Ignores an interface, or watches it again: what is reached over one that is ignored does not
    /// count.
    pub fn set_ignored(&self, id: InterfaceId, ignored: bool) {
        let others = self.ignored.get() & !bit(id);
        self.ignored.set(match ignored {
            true => others | bit(id),
            false => others,
        });
        self.look();
    }

    /// Whether others can be reached now, by any interface that is watched.
    pub fn is_connected(&self, reach: Reach) -> bool {
        self.reached.get().of(reach) != 0
    }

    /// Whether others can be reached now by this interface.
    pub fn is_connected_by(&self, id: InterfaceId, reach: Reach) -> bool {
        self.reached.get().of(reach) & bit(id) != 0
    }

    /// Waits until others can be reached. Needs [`Connections::run`] to be polled.
    pub async fn connected(&self, reach: Reach) {
        self.until(reach, true).await;
    }

    /// Waits until others can be reached no longer. Needs [`Connections::run`] to be polled.
    pub async fn disconnected(&self, reach: Reach) {
        self.until(reach, false).await;
    }

    async fn until(&self, reach: Reach, connected: bool) {
        let mut events = self.stack.events();
        // Whatever happens may be what is waited for.
        while self.is_connected(reach) != connected {
            let _ = events.next().await;
        }
    }

    /// Watches for ever.
    pub async fn run(&self) -> ! {
        let mut events = self.stack.events();
        loop {
            self.look();
            let event = events.next().await;
            if let Ok(event) = event
                && event.kind == EventKind::LinkDown
            {
                // However short it was, what went over it is lost.
                self.lose(event.interface);
            }
        }
    }

    fn lose(&self, id: InterfaceId) {
        let Reached { ipv4, ipv6 } = self.reached.get();
        self.change(
            id,
            Reached {
                ipv4: ipv4 & !bit(id),
                ipv6: ipv6 & !bit(id),
            },
        );
    }

    /// Finds out which interfaces have what they need, and tells what has changed by it.
    fn look(&self) {
        for id in self.stack.interfaces() {
            let ready = self.stack.readiness(id);
            let (ipv4, ipv6) = match self.requirement.get() {
                Requirement::Address => (ready.ipv4, ready.ipv6),
                Requirement::Router => (
                    ready.ipv4 && ready.ipv4_router,
                    ready.ipv6 && ready.ipv6_router,
                ),
            };
            let counts = bit(id) & !self.ignored.get();
            let Reached { ipv4: v4, ipv6: v6 } = self.reached.get();
            let with = |bits: u32, is_ready: bool| match is_ready {
                true => (bits & !bit(id)) | counts,
                false => bits & !bit(id),
            };
            let reached = Reached {
                ipv4: with(v4, ipv4),
                ipv6: with(v6, ipv6),
            };
            self.change(id, reached);
        }
    }

    /// Takes in what has changed by one interface.
    fn change(&self, id: InterfaceId, now: Reached) {
        let was = self.reached.replace(now);
        for reach in [Reach::Ipv4, Reach::Ipv6, Reach::Any] {
            let kind = match (was.of(reach), now.of(reach)) {
                (0, 1..) => EventKind::Connected(reach),
                (1.., 0) => EventKind::Disconnected(reach),
                _ => continue,
            };
            self.stack.announce(id, kind);
        }
    }
}
