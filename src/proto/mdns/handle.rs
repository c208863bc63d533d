//! What an application holds.

use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::Poll;

use super::LINKS;
use super::link::{Link, Origin, Outside};
#[cfg(feature = "mdns")]
use super::querier::Querier;
#[cfg(feature = "mdns-responder")]
use super::responder::{HostNameError, Renamed, Responder};
use crate::proto::dns::{Flags, Message};
use crate::rng::Rng;
use crate::stack::Stack;
use crate::stack::waiters::WaitKey;
use crate::time::Instant;

/// What has come and gone by multicast DNS. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MdnsCounters {
    /// Messages sent.
    pub sent: u32,
    /// Messages not sent, for want of room (they are tried again) or because there was no way.
    pub not_sent: u32,
    /// Queries received.
    pub queries: u32,
    /// Responses received.
    pub responses: u32,
    /// Dropped: not a message that can be read.
    pub malformed: u32,
    /// Dropped: with an opcode or a response code (RFC 6762 §18.3, §18.11).
    pub unknown: u32,
    /// Dropped: a response from another port than 5353 (RFC 6762 §6).
    pub wrong_port: u32,
    /// Dropped: from a host that is not on the link (RFC 6762 §5.5, §11).
    pub off_link: u32,
    /// Dropped: a response to this host alone, which has not asked for that (RFC 6762 §6).
    pub unasked: u32,
    /// Dropped: on an interface that multicast DNS does not work on.
    pub other_interface: u32,
    /// Names given up to others.
    pub renames: u32,
    /// Answers not given because who asked knew them, or somebody else gave them.
    pub suppressed: u32,
    /// Records of interest not remembered, for want of room.
    pub cache_full: u32,
}

/// What the tasks share.
pub(in crate::proto) struct Shared {
    pub(in crate::proto) links: [Link; LINKS],
    #[cfg(feature = "mdns-responder")]
    pub(in crate::proto) responder: Responder,
    #[cfg(feature = "mdns")]
    pub(in crate::proto) querier: Querier,
    pub(super) counters: MdnsCounters,
    /// Interfaces that are left alone, a bit each.
    left_out: u32,
    /// When a query that wants a unicast answer was sent last, on each link.
    pub(super) asked_unicast: [Instant; LINKS],
    pub(super) is_stopping: bool,
    /// There is something to do that was not there before.
    pub(super) has_changed: bool,
    /// Something has changed that somebody may wait for.
    pub(super) has_news: bool,
}

impl Shared {
    pub(super) const fn new() -> Self {
        Self {
            links: [const { Link::DOWN }; LINKS],
            #[cfg(feature = "mdns-responder")]
            responder: Responder::new(),
            #[cfg(feature = "mdns")]
            querier: Querier::new(),
            counters: COUNTERS,
            left_out: 0,
            asked_unicast: [Instant::MAX; LINKS],
            is_stopping: false,
            has_changed: false,
            has_news: false,
        }
    }

    /// Takes a message in.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        origin: &Origin,
        bytes: &[u8],
        outside: &mut dyn Outside,
    ) {
        let counter = match self.take(now, origin, bytes, outside) {
            Ok(()) => return,
            Err(counter) => counter(&mut self.counters),
        };
        *counter = counter.wrapping_add(1);
    }

    fn take(
        &mut self,
        now: Instant,
        origin: &Origin,
        bytes: &[u8],
        outside: &mut dyn Outside,
    ) -> Result<(), fn(&mut MdnsCounters) -> &mut u32> {
        if !(self.links.get(origin.link)).is_some_and(Link::is_active) {
            return Err(|counters| &mut counters.other_interface);
        }
        let message = Message::new(bytes).map_err(|_| MALFORMED)?;
        if message.opcode() != 0 || message.rcode().0 != 0 {
            return Err(|counters| &mut counters.unknown);
        }
        // Data that cannot be read concern their record only (RFC 6762 §6.1).
        if !origin.is_cut && message.records().any(|record| record.is_err()) {
            return Err(MALFORMED);
        }
        let is_response = message.flags().contains(Flags::RESPONSE);
        if is_response && origin.source.port() != super::PORT {
            return Err(|counters| &mut counters.wrong_port);
        }
        if !origin.is_multicast {
            if !origin.is_on_link {
                return Err(|counters| &mut counters.off_link);
            }
            let asked = self.asked_unicast.get(origin.link).copied();
            // "e.g., sent within the last two seconds" (RFC 6762 §6).
            let is_recent =
                asked.is_some_and(|at| at != Instant::MAX && now.since(at).as_secs() < 2);
            if is_response && !is_recent {
                return Err(|counters| &mut counters.unasked);
            }
        }
        let counters = &mut self.counters;
        let counter = match is_response {
            true => &mut counters.responses,
            false => &mut counters.queries,
        };
        *counter = counter.wrapping_add(1);
        #[cfg(feature = "mdns-responder")]
        match is_response {
            true => (self.responder).response(now, origin, &self.links, &message, outside),
            false => (self.responder).query(now, origin, &self.links, &message, outside),
        }
        #[cfg(feature = "mdns")]
        match is_response {
            true => self.querier.response(now, origin, &message),
            false => self.querier.query(now, origin, &message),
        }
        let _ = outside;
        Ok(())
    }

    /// An interface as it is to be seen here.
    pub(super) fn seen(&self, number: usize, link: Link) -> Link {
        match self.left_out >> number & 1 != 0 {
            true => Link::DOWN,
            false => link,
        }
    }

    /// Notes what an interface is now.
    pub(super) fn look(
        &mut self,
        now: Instant,
        number: usize,
        new: Link,
        outside: &mut dyn Outside,
    ) {
        let Some(link) = self.links.get_mut(number) else {
            return;
        };
        if *link == new {
            return;
        }
        let old = core::mem::replace(link, new);
        #[cfg(feature = "mdns-responder")]
        (self.responder).link_changed(now, number, (&old, link), outside);
        #[cfg(feature = "mdns")]
        self.querier
            .link_changed(now, number, (&old, link), outside);
        let _ = (now, old, outside);
    }

    /// Does what is due; says when there is more to do.
    pub(super) fn step(&mut self, now: Instant, outside: &mut dyn Outside) -> Instant {
        let next = Instant::MAX;
        #[cfg(feature = "mdns-responder")]
        let next = {
            let due = self.responder.step(now, &self.links, outside);
            self.has_news |= core::mem::take(&mut self.responder.has_news);
            next.min(due)
        };
        #[cfg(feature = "mdns")]
        let next = {
            let due = self.querier.step(now, &self.links, outside);
            self.has_news |= core::mem::take(&mut self.querier.has_news);
            next.min(due)
        };
        let _ = (now, outside);
        next
    }

    /// Whether all that was to be said before the end has been.
    pub(super) fn has_stopped(&self) -> bool {
        #[cfg(feature = "mdns-responder")]
        let has_stopped = self.responder.has_stopped();
        #[cfg(not(feature = "mdns-responder"))]
        let has_stopped = true;
        self.is_stopping && has_stopped
    }

    /// It starts: nothing is known of the links.
    pub(super) fn reset(&mut self) {
        self.links = [const { Link::DOWN }; LINKS];
        self.asked_unicast = [Instant::MAX; LINKS];
        self.is_stopping = false;
        #[cfg(feature = "mdns-responder")]
        self.responder.reset();
        #[cfg(feature = "mdns")]
        self.querier.reset();
    }
}

const MALFORMED: fn(&mut MdnsCounters) -> &mut u32 = |counters| &mut counters.malformed;

/// Multicast DNS of a stack: one for all that use it, since the port is one.
///
/// It works while [`Mdns::run`] is polled, on all interfaces below
/// [`MDNS_INTERFACES`](crate::config::MDNS_INTERFACES) that are up and have an address.
pub struct Mdns<'a> {
    pub(in crate::proto) stack: Stack<'a>,
    shared: RefCell<Shared>,
}

impl<'a> Mdns<'a> {
    /// It has no name yet.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            shared: RefCell::new(Shared::new()),
        }
    }

    pub(in crate::proto) fn borrow(&self) -> RefMut<'_, Shared> {
        loop {
            // It is borrowed where nothing foreign runs, and stays in its thread: this succeeds the
            // first time.
            if let Ok(shared) = self.shared.try_borrow_mut() {
                return shared;
            }
        }
    }

    /// Works on the state, then wakes whoever waits for a change of it.
    pub(in crate::proto) fn change<R>(
        &self,
        work: impl FnOnce(Instant, &mut Shared, &mut Rng) -> R,
    ) -> R {
        let now = self.stack.now();
        self.stack.visit(|core| {
            let mut shared = self.borrow();
            shared.has_changed = true;
            let result = work(now, &mut shared, &mut core.rng);
            core.waiters.wake(WaitKey::MDNS);
            result
        })
    }

    /// Waits until `look` finds something.
    pub(in crate::proto) async fn until<R>(
        &self,
        mut look: impl FnMut(Instant, &mut Shared) -> Option<R>,
    ) -> R {
        poll_fn(|context| {
            let now = self.stack.now();
            self.stack
                .visit(|core| match look(now, &mut self.borrow()) {
                    Some(found) => Poll::Ready(found),
                    None => {
                        core.wait(WaitKey::MDNS_NEWS, context.waker());
                        Poll::Pending
                    }
                })
        })
        .await
    }

    /// Leaves an interface alone, or no longer does; at first none is. What was said there is not
    /// taken back.
    pub fn leave_out(&self, id: crate::stack::InterfaceId, out: bool) {
        self.change(|_, shared, _| {
            let bit = 1u32.checked_shl(id.into()).unwrap_or(0);
            match out {
                true => shared.left_out |= bit,
                false => shared.left_out &= !bit,
            }
        });
    }

    /// Says goodbye for all names of this host; [`Mdns::run`] ends when that is done, a second later
    /// at most. It may be run again.
    pub fn stop(&self) {
        self.change(|_, shared, _| {
            shared.is_stopping = true;
            #[cfg(feature = "mdns-responder")]
            shared.responder.stop();
        });
    }

    /// What it has done.
    pub fn counters(&self) -> MdnsCounters {
        let shared = self.borrow();
        MdnsCounters {
            #[cfg(feature = "mdns-responder")]
            renames: shared.responder.renames,
            #[cfg(feature = "mdns-responder")]
            suppressed: shared.responder.suppressed,
            #[cfg(feature = "mdns")]
            cache_full: shared.querier.cache_full(),
            ..shared.counters
        }
    }
}

#[cfg(feature = "mdns-responder")]
impl Mdns<'_> {
    /// Gives the host a name, without `.local`: 1 to 63 octets of UTF-8, in which dots are letters
    /// like any other. It is answered for as soon as it is known that nobody else has it.
    pub fn set_host_name(&self, name: &str) -> Result<(), HostNameError> {
        self.change(|now, shared, _| shared.responder.set_host(now, name))
    }

    /// Shows `read` the name that the host has or asks for, without `.local`; it is empty if there
    /// is none. It does not use multicast DNS.
    pub fn host_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        let shared = self.borrow();
        let label = shared.responder.host_label();
        // It was text, and is cut between characters.
        read(core::str::from_utf8(label).unwrap_or_default())
    }

    /// Whether the name of the host is known to be its own on an interface.
    pub fn is_announced(&self, id: crate::stack::InterfaceId) -> bool {
        self.borrow().responder.is_ours(id.into(), 0)
    }

    /// Waits until the name of the host is known to be its own on an interface.
    pub async fn announced(&self, id: crate::stack::InterfaceId) {
        self.until(|_, shared| shared.responder.is_ours(id.into(), 0).then_some(()))
            .await;
    }

    /// Waits until something gets another name, because somebody else has the one that it had: what
    /// it is called now is to be kept, and asked for after the next start (RFC 6762 §9). One waits
    /// for this at a time.
    pub async fn renamed(&self) -> Renamed {
        self.until(|_, shared| shared.responder.take_renamed())
            .await
    }
}

const COUNTERS: MdnsCounters = MdnsCounters {
    sent: 0,
    not_sent: 0,
    queries: 0,
    responses: 0,
    malformed: 0,
    unknown: 0,
    wrong_port: 0,
    off_link: 0,
    unasked: 0,
    other_interface: 0,
    renames: 0,
    suppressed: 0,
    cache_full: 0,
};
