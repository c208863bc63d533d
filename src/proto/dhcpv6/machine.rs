//! The client as a machine without I/O (RFC 8415 §18.2).
//!
//! It is told what has come, what has become of its addresses, and of the link; [`Machine::next`]
//! says what to do, until that is nothing before [`Machine::deadline`]. What Replies mean is in
//! `reply.rs`.

use core::net::Ipv6Addr;

use heapless::Vec;

use super::binding::{Binding, BindingState, Bindings};
use super::duid::Duid;
use super::lease::{Lease, Leases};
use super::message::MessageType;
use super::retransmission::{RateLimit, Retransmission, Timing};
use crate::config;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// SOL_MAX_DELAY, CNF_MAX_DELAY and INF_MAX_DELAY (RFC 8415 §7.6).
const MAX_DELAY: Duration = Duration::from_secs(1);
/// SOL_MAX_RT and INF_MAX_RT, in seconds.
const MAX_RT: u32 = 3600;
/// REQ_TIMEOUT, REQ_MAX_RT, REQ_MAX_RC.
const REQUEST: Timing = Timing::new(1, 30, 10, 0);
/// CNF_TIMEOUT, CNF_MAX_RT, CNF_MAX_RD; also of a Rebind that stands in for a Confirm (§18.2.12).
const CONFIRM: Timing = Timing::new(1, 4, 0, 10);
/// REN_TIMEOUT, REN_MAX_RT; it ends at T2.
const RENEW: Timing = Timing::new(10, 600, 0, 0);
/// REB_TIMEOUT, REB_MAX_RT; it ends with the leases.
const REBIND: Timing = Timing::new(10, 600, 0, 0);
/// REL_TIMEOUT, REL_MAX_RC.
const RELEASE: Timing = Timing::new(1, 0, 4, 0);
/// DEC_TIMEOUT, DEC_MAX_RC.
const DECLINE: Timing = Timing::new(1, 0, 4, 0);
/// How long to wait when a message could not be sent for want of room.
const RETRY: Duration = Duration::from_millis(100);
/// After so many failures in a row the pause before the next attempt grows no more: 512 seconds.
const MAX_FAILURES: u8 = 9;

/// What the client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClientState {
    /// It waits: for the link, for routers that say that there are servers, or before it begins
    /// anew.
    Idle,
    /// It looks for servers.
    Soliciting,
    /// It has asked one for leases.
    Requesting,
    /// It has leases.
    Bound,
    /// It has leases, and asks its server to extend them.
    Renewing,
    /// It has leases, and asks all servers to extend them.
    Rebinding,
    /// It has leases, and asks whether they are good for this link.
    Confirming,
    /// It tells its server that another station has an address.
    Declining,
    /// It asks for configuration without leases.
    Informing,
    /// It has that.
    Informed,
    /// It gives its leases back.
    Releasing,
    /// It does nothing.
    Stopped,
}

/// What is to be had by DHCP here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    /// Configuration without leases.
    Information,
    Leases,
}

/// A message that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) kind: MessageType,
    pub(super) transaction: u32,
    /// Hundredths of a second.
    pub(super) elapsed: u16,
    /// Whether the server is named.
    pub(super) to_server: bool,
    /// The address at which the server may be asked alone.
    pub(super) unicast: Option<Ipv6Addr>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send(Outgoing),
    /// The interface is to have the addresses that [`Machine::in_use`] says.
    Apply,
}

/// SOL_MAX_RT or INF_MAX_RT.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaxRt {
    seconds: u32,
    /// What was said since the last Solicit began: "only [...] if all received Advertise messages
    /// that contained the corresponding option specified the same value" (§18.2.9).
    said: Option<u32>,
}

impl MaxRt {
    const DEFAULT: Self = Self {
        seconds: MAX_RT,
        said: None,
    };

    /// A message says it. "MUST ignore any [...] values that are less than 60 or more than 86400"
    /// (§21.24, §21.25).
    pub(super) fn take(&mut self, said: Option<u32>, is_advertised: bool) {
        let Some(said) = said.filter(|said| (60..=86_400).contains(said)) else {
            return;
        };
        let agrees = self.said.is_none_or(|before| before == said);
        self.seconds = match agrees || !is_advertised {
            true => said,
            false => MAX_RT,
        };
        self.said = Some(self.said.unwrap_or(said));
    }

    fn timing(&self) -> Timing {
        Timing::new(1, u64::from(self.seconds), 0, 0)
    }
}

/// What a machine goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) rapid_commit: bool,
    pub(super) addresses: u8,
    pub(super) prefixes: (u8, u8),
    pub(super) rate: (u16, Duration),
    pub(super) interface: u8,
}

/// The best Advertise so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advertised {
    pub(super) preference: u8,
    /// Associations that it would give something.
    pub(super) worth: u8,
}

pub(super) struct Machine {
    pub(super) rapid_commit: bool,
    pub(super) state: ClientState,
    wanted: Wanted,
    /// In `Idle`: when it goes on. In `Informed`: when it asks again.
    pub(super) due: Instant,
    pub(super) transaction: u32,
    pub(super) exchange: Retransmission,
    rate: RateLimit,
    /// Times in a row that no leases came of it.
    failures: u8,
    pub(super) bindings: Bindings,
    /// Who has leased them, or is about to.
    pub(super) server: Option<Duid>,
    pub(super) unicast: Option<Ipv6Addr>,
    /// The server wants no unicast, whatever it says else.
    pub(super) is_multicast: bool,
    pub(super) advertised: Option<Advertised>,
    pub(super) solicit_max: MaxRt,
    pub(super) inform_max: MaxRt,
    /// The server has told the client to ask it.
    is_told: bool,
    /// A server says that the addresses are not of this link.
    pub(super) is_refused: bool,
    pub(super) apply: bool,
    is_up: bool,
    /// There was no room to send: not before this time again.
    blocked: Option<Instant>,
}

impl Machine {
    pub(super) const fn new(plan: Plan) -> Self {
        let Plan {
            rapid_commit,
            addresses,
            prefixes,
            rate: (messages, period),
            interface,
        } = plan;
        Self {
            rapid_commit,
            state: ClientState::Idle,
            wanted: Wanted::Nothing,
            due: Instant::ZERO,
            transaction: 0,
            exchange: Retransmission::NONE,
            rate: RateLimit::new(messages, period),
            failures: 0,
            bindings: Bindings::new(addresses, prefixes, interface),
            server: None,
            unicast: None,
            is_multicast: false,
            advertised: None,
            solicit_max: MaxRt::DEFAULT,
            inform_max: MaxRt::DEFAULT,
            is_told: false,
            is_refused: false,
            apply: false,
            is_up: false,
            blocked: None,
        }
    }

    /// Begins with leases from before a restart.
    pub(super) fn remember(&mut self, now: Instant, leases: &Leases) {
        self.bindings.remember(now, leases);
        self.server = Some(leases.server.clone());
    }

    pub(super) fn state(&self) -> ClientState {
        self.state
    }

    /// The leases that the interface, or the application, is to use.
    pub(super) fn in_use(&self) -> impl Iterator<Item = &Binding> + Clone {
        let is_over = matches!(self.state, ClientState::Releasing | ClientState::Stopped);
        self.bindings.held().filter(move |_| !is_over)
    }

    /// The same, with what is left of them.
    pub(super) fn leases(&self, now: Instant) -> Vec<Lease, { config::DHCPV6_LEASES }> {
        match self.in_use().next() {
            Some(_) => self.bindings.leases(now),
            None => Vec::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    // ---- What it is told -----------------------------------------------------------------

    /// Whether messages can be sent, and what is to be had.
    pub(super) fn set_link(&mut self, now: Instant, is_up: bool, wanted: Wanted, rng: &mut Rng) {
        let came_up = is_up && !self.is_up;
        self.is_up = is_up;
        self.wanted = wanted;
        if !is_up || matches!(self.state, ClientState::Releasing | ClientState::Stopped) {
            return;
        }
        let after = |rng: &mut Rng| now + rng.between(Duration::ZERO, MAX_DELAY);
        let is_informed = matches!(self.state, ClientState::Informing | ClientState::Informed);
        if came_up {
            // Its addresses are being checked anew, and what was declined has yet to be.
            self.bindings
                .turn(BindingState::Declining, BindingState::Duplicate);
            self.bindings
                .turn(BindingState::InUse, BindingState::Leased);
        }
        if came_up && self.bindings.has_held() {
            // "may have moved to a new link" (§18.2.12).
            self.is_refused = false;
            let at = after(rng);
            self.ask(
                ClientState::Confirming,
                Retransmission::new(CONFIRM, at),
                rng,
            );
        } else if came_up && is_informed && wanted == Wanted::Information {
            let at = after(rng);
            self.inform(at, rng);
        } else if came_up
            || is_informed && wanted == Wanted::Leases && !self.bindings.has_held()
            || self.state == ClientState::Soliciting && wanted != Wanted::Leases
            || self.state == ClientState::Informing && wanted == Wanted::Nothing
        {
            // What a failure has to wait for it waits for.
            self.due = match self.state {
                ClientState::Idle => self.due,
                _ => now,
            };
            self.state = ClientState::Idle;
        }
    }

    /// A message has been sent, or could not be for want of room.
    pub(super) fn was_sent(&mut self, now: Instant, is_sent: bool, rng: &mut Rng) {
        if is_sent {
            self.exchange.was_sent(now, rng);
            self.rate.was_sent(now);
        } else {
            self.blocked = Some(now + RETRY);
        }
    }

    /// The address at a place of the list may be used; says whether that is news.
    pub(super) fn verified(&mut self, place: usize) -> bool {
        let is_news = self.bindings.set_state(place, BindingState::InUse);
        if is_news {
            self.failures = 0;
        }
        is_news
    }

    /// Another station has the address at a place of the list.
    pub(super) fn duplicate(&mut self, place: usize) {
        self.apply |= self.bindings.set_state(place, BindingState::Duplicate);
    }

    /// Gives the leases back and stops.
    pub(super) fn release(&mut self, now: Instant, rng: &mut Rng) {
        if matches!(self.state, ClientState::Releasing | ClientState::Stopped) {
            return;
        }
        // "The client MUST stop using all of the leases being released before" (§18.2.7).
        self.apply = true;
        match self.is_up && self.bindings.has_held() && self.server.is_some() {
            true => self.ask(
                ClientState::Releasing,
                Retransmission::new(RELEASE, now),
                rng,
            ),
            false => self.stop(),
        }
    }

    pub(super) fn stop(&mut self) {
        self.bindings.clear();
        self.exchange = Retransmission::NONE;
        self.state = ClientState::Stopped;
        self.apply = true;
    }

    /// Begins again: whoever drives it tells of the link, and uses no address yet.
    pub(super) fn resume(&mut self) {
        if matches!(self.state, ClientState::Stopped | ClientState::Releasing) {
            self.bindings.clear();
            (self.state, self.due) = (ClientState::Idle, Instant::ZERO);
        }
        self.is_up = false;
        self.apply = true;
    }

    // ---- Exchanges -----------------------------------------------------------------------

    /// Begins an exchange, with a number "that cannot easily be guessed" (§16.1).
    fn ask(&mut self, state: ClientState, exchange: Retransmission, rng: &mut Rng) {
        self.transaction = rng.next_u32() >> 8;
        self.is_told = false;
        self.state = state;
        self.exchange = exchange;
    }

    fn solicit(&mut self, at: Instant, rng: &mut Rng) {
        self.solicit_max.said = None;
        self.inform_max.said = None;
        self.advertised = None;
        self.bindings.clear();
        (self.unicast, self.is_multicast) = (None, false);
        let timing = self.solicit_max.timing();
        self.ask(
            ClientState::Soliciting,
            Retransmission::patient(timing, at),
            rng,
        );
    }

    fn inform(&mut self, at: Instant, rng: &mut Rng) {
        let timing = self.inform_max.timing();
        self.ask(ClientState::Informing, Retransmission::new(timing, at), rng);
    }

    /// Asks the server of the best Advertise, or the one that knows of no leases, for all
    /// associations.
    pub(super) fn request(&mut self, now: Instant, rng: &mut Rng) {
        self.ask(
            ClientState::Requesting,
            Retransmission::new(REQUEST, now),
            rng,
        );
    }

    /// The server wants this to be asked; says whether it is. "While the transaction is in progress,
    /// the client discards any Reconfigure messages it receives" (§18.2.11).
    #[cfg(feature = "dhcpv6-reconfigure")]
    pub(super) fn told(&mut self, now: Instant, kind: MessageType, rng: &mut Rng) -> bool {
        match (self.state, kind) {
            (ClientState::Bound, MessageType::RENEW) => {
                self.ask(ClientState::Renewing, Retransmission::new(RENEW, now), rng);
            }
            (ClientState::Bound, MessageType::REBIND) => {
                self.ask(
                    ClientState::Rebinding,
                    Retransmission::new(REBIND, now),
                    rng,
                );
            }
            (ClientState::Bound | ClientState::Informed, MessageType::INFORMATION_REQUEST) => {
                self.inform(now, rng);
                self.is_told = true;
            }
            _ => return false,
        }
        true
    }

    /// Leases have been granted or extended.
    pub(super) fn bound(&mut self) {
        self.state = ClientState::Bound;
        self.exchange = Retransmission::NONE;
        if self.bindings.has_prefixes() {
            self.failures = 0;
        }
    }

    /// Begins anew, with nothing: after a failure the later the more there were.
    pub(super) fn restart(&mut self, now: Instant, is_failure: bool) {
        self.bindings.clear();
        self.server = None;
        self.apply = true;
        self.exchange = Retransmission::NONE;
        self.state = ClientState::Idle;
        let pause = match (is_failure, self.failures) {
            (false, _) | (true, 0) => Duration::ZERO,
            (true, failures) => Duration::from_secs(1 << failures.min(MAX_FAILURES)),
        };
        self.failures = self.failures.saturating_add(u8::from(is_failure));
        self.due = now + pause;
    }

    // ---- What is to be done --------------------------------------------------------------

    /// What is to be done now, if anything is.
    pub(super) fn next(&mut self, now: Instant, rng: &mut Rng) -> Option<Action> {
        if self.bindings.expire(now) {
            self.apply = true;
            let is_extending = matches!(self.state, ClientState::Renewing | ClientState::Rebinding);
            let lives_on_leases =
                is_extending || matches!(self.state, ClientState::Bound | ClientState::Confirming);
            if lives_on_leases
                && !self.bindings.has_held()
                && !self.bindings.has(BindingState::Duplicate)
            {
                self.restart(now, false);
            } else if is_extending && self.bindings.times().0 > now {
                // What nobody would extend is gone, and what is left is not yet to be.
                self.bound();
            }
        }
        if core::mem::take(&mut self.apply) {
            return Some(Action::Apply);
        }
        if !self.is_up {
            if self.state == ClientState::Releasing {
                self.stop();
                return self.next(now, rng);
            }
            return None;
        }
        self.go_on(now, rng);
        if core::mem::take(&mut self.apply) {
            return Some(Action::Apply);
        }
        if self.blocked.is_some_and(|until| until > now) || self.rate.next() > now {
            return None;
        }
        self.blocked = None;
        match self.exchange.is_due(now) {
            true => self.message(now).map(Action::Send),
            false => None,
        }
    }

    /// Goes from one state to the next where time says so.
    fn go_on(&mut self, now: Instant, rng: &mut Rng) {
        let has_failed = self.exchange.has_failed(now);
        let (renewal, rebinding) = self.bindings.times();
        match self.state {
            ClientState::Idle if self.due <= now => {
                // "SHOULD be delayed by a random amount of time" (§18.2.1), "MUST" (§18.2.6).
                let at = now + rng.between(Duration::ZERO, MAX_DELAY);
                match self.wanted {
                    Wanted::Nothing => {}
                    Wanted::Information => self.inform(at, rng),
                    Wanted::Leases => self.solicit(at, rng),
                }
            }
            // "collects valid Advertise messages until the first RT has elapsed".
            ClientState::Soliciting if self.advertised.is_some() && self.exchange.is_due(now) => {
                self.request(now, rng);
            }
            ClientState::Requesting if has_failed => self.restart(now, false),
            ClientState::Bound | ClientState::Renewing | ClientState::Rebinding
                if self.bindings.has(BindingState::Duplicate) =>
            {
                self.bindings
                    .turn(BindingState::Duplicate, BindingState::Declining);
                self.ask(
                    ClientState::Declining,
                    Retransmission::new(DECLINE, now),
                    rng,
                );
            }
            ClientState::Bound | ClientState::Renewing if rebinding <= now => {
                self.ask(
                    ClientState::Rebinding,
                    Retransmission::new(REBIND, now),
                    rng,
                );
            }
            // Also where the server wanted to be asked for information meanwhile.
            ClientState::Bound | ClientState::Informing if renewal <= now => {
                self.ask(ClientState::Renewing, Retransmission::new(RENEW, now), rng);
            }
            // "When the client only receives one or more Reply messages with the NotOnLink status"
            // (§18.2.10.3): another may still have said otherwise.
            ClientState::Confirming if self.is_refused && self.exchange.is_due(now) => {
                self.restart(now, false);
            }
            ClientState::Confirming if has_failed => self.bound(),
            ClientState::Declining if has_failed => self.declined(now),
            ClientState::Releasing if has_failed => self.stop(),
            ClientState::Informed if self.due <= now => {
                let at = now + rng.between(Duration::ZERO, MAX_DELAY);
                self.inform(at, rng);
            }
            _ => {}
        }
    }

    /// The server has been told, or does not answer.
    pub(super) fn declined(&mut self, now: Instant) {
        self.bindings.drop_all(BindingState::Declining);
        // "The client SHOULD retain the non-conflicting bindings" (§18.2.8).
        match self.bindings.has_held() {
            true => self.bound(),
            false => {
                // Not at once: the server may have no other address.
                self.failures = self.failures.max(1);
                self.restart(now, true);
            }
        }
    }

    /// The message of this state.
    fn message(&self, now: Instant) -> Option<Outgoing> {
        let (kind, to_server) = match self.state {
            ClientState::Soliciting => (MessageType::SOLICIT, false),
            ClientState::Requesting => (MessageType::REQUEST, true),
            ClientState::Confirming if self.bindings.has_prefixes() => (MessageType::REBIND, false),
            ClientState::Confirming => (MessageType::CONFIRM, false),
            ClientState::Renewing => (MessageType::RENEW, true),
            ClientState::Rebinding => (MessageType::REBIND, false),
            ClientState::Declining => (MessageType::DECLINE, true),
            ClientState::Releasing => (MessageType::RELEASE, true),
            ClientState::Informing => (MessageType::INFORMATION_REQUEST, self.is_told),
            _ => return None,
        };
        Some(Outgoing {
            kind,
            transaction: self.transaction,
            elapsed: self.exchange.elapsed(now),
            to_server,
            // "SHOULD unicast any Request, Renew, Release, and Decline messages" (§18.2).
            unicast: (self.unicast)
                .filter(|_| to_server && kind != MessageType::INFORMATION_REQUEST),
        })
    }

    /// When there is something to do again.
    pub(super) fn deadline(&self) -> Instant {
        let expiry = self.bindings.next_expiry();
        if !self.is_up && self.state != ClientState::Releasing {
            return expiry;
        }
        let (renewal, rebinding) = self.bindings.times();
        let sending = self.exchange.deadline().max(self.rate.next());
        let sending = sending.max(self.blocked.unwrap_or(Instant::ZERO));
        let next = match self.state {
            ClientState::Idle if self.wanted == Wanted::Nothing => Instant::MAX,
            ClientState::Idle | ClientState::Informed => self.due,
            ClientState::Bound => renewal.min(rebinding),
            ClientState::Informing => sending.min(renewal),
            ClientState::Renewing => sending.min(rebinding),
            ClientState::Stopped => Instant::MAX,
            _ => sending,
        };
        next.min(expiry)
    }
}
