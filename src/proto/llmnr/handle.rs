//! What an application holds.

use core::cell::{Cell, RefCell, RefMut};
use core::future::poll_fn;
use core::task::Poll;

use super::LINKS;
use super::sender::Asks;
use super::verify::{NameState, Verifier};
use crate::proto::dns::Name;
use crate::rng::Rng;
use crate::socket::UdpSocket;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::time::Instant;

/// What has come and gone by LLMNR. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LlmnrCounters {
    /// Queries and responses sent.
    pub sent: u32,
    /// Queries and responses that could not be sent.
    pub not_sent: u32,
    /// Queries for the name or an address of this host.
    pub queries: u32,
    /// Responses to queries of this host.
    pub responses: u32,
    /// Queries that say that several hosts have the name of this one.
    pub accusations: u32,
    /// Times that the name was given up to another host.
    pub conflicts: u32,
    /// Dropped: queries for what this host is no authority for, or does not use for now.
    pub ignored: u32,
    /// Dropped: not a message that can be read, or not one of this version of the protocol.
    pub malformed: u32,
    /// Dropped: a query that was sent by UDP to this host alone, or to another group.
    pub unicast: u32,
    /// Dropped: a response to nothing that was asked, a second one of a host, one with an error, or
    /// a tentative one.
    pub stray: u32,
}

/// A question that is answered, and the socket that further answers to it come to.
pub(super) struct Watch<'a> {
    pub(super) socket: UdpSocket<'a>,
    pub(super) name: Name,
    pub(super) asks: Asks,
    pub(super) until: Instant,
}

pub(super) struct State {
    pub(super) links: [Verifier; LINKS],
    pub(super) is_shared: bool,
    pub(super) counters: LlmnrCounters,
}

/// Link-local multicast name resolution (RFC 4795): one for a stack.
///
/// Names are single labels (§3). [`Llmnr::run`] answers for the name of the host, see
/// [`Stack::hostname`]; to ask for others it need not run.
pub struct Llmnr<'a> {
    pub(super) stack: Stack<'a>,
    state: RefCell<State>,
    /// The last that was answered, until the responder looks after it.
    pub(super) watch: Cell<Option<Watch<'a>>>,
    /// The responder runs.
    pub(super) is_running: Cell<bool>,
}

impl<'a> Llmnr<'a> {
    /// One that does nothing yet.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            state: RefCell::new(State {
                links: [const { Verifier::IDLE }; LINKS],
                is_shared: false,
                counters: LlmnrCounters {
                    sent: 0,
                    not_sent: 0,
                    queries: 0,
                    responses: 0,
                    accusations: 0,
                    conflicts: 0,
                    ignored: 0,
                    malformed: 0,
                    unicast: 0,
                    stray: 0,
                },
            }),
            watch: Cell::new(None),
            is_running: Cell::new(false),
        }
    }

    pub(super) fn borrow(&self) -> RefMut<'_, State> {
        loop {
            // It is borrowed where nothing foreign runs, and stays in its thread: this succeeds the
            // first time.
            if let Ok(state) = self.state.try_borrow_mut() {
                return state;
            }
        }
    }

    /// Works on the state, with the random numbers of the stack.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State, &mut Rng) -> R) -> R {
        (self.stack).visit(|core| work(&mut self.borrow(), &mut core.rng))
    }

    pub(super) fn count(&self, counter: impl FnOnce(&mut LlmnrCounters) -> &mut u32) {
        let counters = &mut self.borrow().counters;
        let counter = counter(counters);
        *counter = counter.wrapping_add(1);
    }

    /// Whether other hosts may have the same name, as those of a cluster do: it is not verified then,
    /// and each answer says so (§4). At first it is this host's alone.
    pub fn set_shared(&self, shared: bool) {
        {
            let mut state = self.borrow();
            state.is_shared = shared;
            // They are looked at anew.
            for link in &mut state.links {
                link.seen = 0;
            }
        }
        self.stack
            .visit(|core| core.waiters.wake(WaitKey::HOSTNAME));
    }

    /// How the name of the host is used on an interface.
    pub fn name_state(&self, id: InterfaceId) -> NameState {
        let state = self.borrow();
        let link = state.links.get(usize::from(id));
        link.map_or(NameState::Inactive, Verifier::state)
    }

    /// Waits until the name is used on some interface otherwise than now.
    pub async fn changed(&self) {
        let look = || self.borrow().links.each_ref().map(Verifier::state);
        let before = look();
        poll_fn(|context| {
            self.stack.visit(|core| {
                if look() != before {
                    return Poll::Ready(());
                }
                core.wait(WaitKey::LLMNR, context.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// What has come and gone.
    pub fn counters(&self) -> LlmnrCounters {
        self.borrow().counters
    }
}
