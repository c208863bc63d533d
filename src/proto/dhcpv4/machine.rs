//! The client as a machine without I/O (RFC 2131 §4.4, figure 5).
//!
//! It is told what has come, what has become of the address, and of the link; [`Machine::next`]
//! says what to do, until that is nothing before [`Machine::deadline`].

#[cfg(test)]
mod tests;

use core::net::Ipv4Addr;

use super::lease::Lease;
use super::message::{Message, MessageType};
use super::option::{code, is_host};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// The delay before the first retransmission (RFC 2131 §4.1); it doubles with each.
const FIRST_DELAY: Duration = Duration::from_secs(4);
/// The delay doubles so often: "up to a maximum of 64 seconds".
const DOUBLINGS: u8 = 4;
/// REQUESTs for an offered address: "might retransmit the DHCPREQUEST message four times, for a
/// total delay of 60 seconds" (§3.1.5).
const REQUESTS: u8 = 4;
/// REQUESTs for an address that was there before, which take 28 seconds.
const REBOOT_REQUESTS: u8 = 3;
/// "The client SHOULD wait a minimum of ten seconds before restarting" (§3.1.5).
const AFTER_DECLINE: Duration = Duration::from_secs(10);
/// The least time between requests for a longer lease (§4.4.5).
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);
/// How long the address is kept after a RELEASE, so that its server can be asked for its link
/// address.
const LINGER: Duration = Duration::from_millis(500);
/// How long to wait when a message could not be sent for want of room.
const RETRY: Duration = Duration::from_millis(100);

/// What the client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClientState {
    /// It waits for the link, or before it begins anew.
    Init,
    /// It collects offers.
    Selecting,
    /// It has asked for an address that was offered.
    Requesting,
    /// It has asked for an address that it had before.
    Rebooting,
    /// It has a lease, and looks whether another station has the address (RFC 5227).
    Checking,
    /// It has an address.
    Bound,
    /// It has an address, and asks its server to extend the lease.
    Renewing,
    /// It has an address, and asks all servers to extend the lease.
    Rebinding,
    /// It has asked for parameters alone (§4.4.3).
    Informing,
    /// It has them.
    Informed,
    /// It gives the address back.
    Releasing,
    /// It does nothing.
    Stopped,
}

/// A message that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) kind: MessageType,
    pub(super) transaction: u32,
    pub(super) seconds: u16,
    /// `ciaddr`, and the source of the datagram; if unspecified, so is that.
    pub(super) client_address: Ipv4Addr,
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) server: Option<Ipv4Addr>,
    /// To whom: one server, or all.
    pub(super) to: Ipv4Addr,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send(Outgoing),
    /// The address is to be used, with the options of the last ACK.
    Install(Lease),
    /// The address, and all that came with it, is not to be used any longer.
    Remove,
}

/// What a message was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// It grants a lease, or parameters: its options hold from now on.
    Acknowledged,
    /// It was of use.
    Taken,
    /// It was for another exchange, or nothing that is waited for.
    Stray,
    /// It offers what cannot be used.
    Unusable,
}

/// A lease, and when it runs out.
#[derive(Clone, Copy, Debug)]
struct Held {
    lease: Lease,
    renewal: Instant,
    rebinding: Instant,
    expires: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Offer {
    lease: Lease,
    rank: u8,
}

/// What a machine goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How long offers are collected; zero: the first is taken.
    pub(super) collect: Duration,
    /// Wait for one to ten seconds at first (§4.4.1).
    pub(super) desynchronize: bool,
    /// The address that parameters are to be had for, in place of a lease.
    pub(super) inform: Option<Ipv4Addr>,
}

pub(super) struct Machine {
    plan: Plan,
    state: ClientState,
    /// When the state goes on by itself.
    due: Instant,
    /// Transmissions of the present message.
    sent: u8,
    /// Times in a row that a server said no or the address was of no use.
    failures: u8,
    transaction: u32,
    started: Instant,
    /// The `secs` of the last DISCOVER.
    seconds: u16,
    /// When the present exchange began: leases count from there.
    asked: Instant,
    /// When the first offer came.
    collected: Instant,
    offer: Option<Offer>,
    held: Option<Held>,
    /// The address to ask for, and who granted it, if that is known.
    wanted: Option<(Ipv4Addr, Option<Ipv4Addr>)>,
    /// The address may be asked for without an offer.
    may_reboot: bool,
    farewell: Option<Outgoing>,
    remove: bool,
    install: bool,
    is_up: bool,
    /// There was no room to send: not before this time again.
    blocked: Option<Instant>,
}

impl Machine {
    pub(super) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            state: ClientState::Init,
            due: Instant::MAX,
            sent: 0,
            failures: 0,
            transaction: 0,
            started: Instant::ZERO,
            seconds: 0,
            asked: Instant::ZERO,
            collected: Instant::MAX,
            offer: None,
            held: None,
            wanted: None,
            may_reboot: false,
            farewell: None,
            remove: false,
            install: false,
            is_up: false,
            blocked: None,
        }
    }

    /// Asks for this address, at first.
    pub(super) fn want(&mut self, address: Ipv4Addr) {
        self.wanted = Some((address, None));
    }

    /// Asks for the address of this lease without an offer (§3.2).
    pub(super) fn remember(&mut self, lease: &Lease) {
        self.wanted = Some((lease.address.address, Some(lease.server)));
        self.may_reboot = true;
    }

    pub(super) fn state(&self) -> ClientState {
        self.state
    }

    /// The lease whose address may be used, or is about to be.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.held.map(|held| held.lease)
    }

    /// When the lease ends; [`Instant::MAX`]: never.
    pub(super) fn expires(&self) -> Option<Instant> {
        self.held.map(|held| held.expires)
    }

    // ---- What it is told -----------------------------------------------------------------

    /// The link has come up, or gone.
    pub(super) fn set_link(&mut self, now: Instant, is_up: bool, rng: &mut Rng) {
        if is_up == self.is_up {
            return;
        }
        self.is_up = is_up;
        if !is_up || self.state == ClientState::Stopped || self.state == ClientState::Releasing {
            return;
        }
        self.started = now;
        if self.plan.inform.is_some() {
            self.ask(now, ClientState::Informing, rng);
        } else if self.may_reboot {
            self.ask(now, ClientState::Rebooting, rng);
        } else {
            let after = match self.plan.desynchronize {
                true => Duration::from_millis(1000 + u64::from(rng.below(9001))),
                false => Duration::ZERO,
            };
            // What a decline has to wait for it waits for.
            let due = match (self.state, self.due) {
                (ClientState::Init, due) if due != Instant::MAX => due.max(now),
                _ => now,
            };
            self.begin(due + after);
        }
    }

    /// A message has been sent, or could not be for want of room.
    pub(super) fn was_sent(&mut self, now: Instant, is_sent: bool, rng: &mut Rng) {
        if !is_sent {
            self.blocked = Some(now + RETRY);
            return;
        }
        if self.farewell.take().is_some() {
            return;
        }
        let (held, sent) = (self.held, self.sent);
        self.sent = sent.saturating_add(1);
        self.due = match (self.state, held) {
            (ClientState::Renewing, Some(held)) => {
                self.asked = now;
                half_way(now, held.rebinding)
            }
            (ClientState::Rebinding, Some(held)) => {
                self.asked = now;
                half_way(now, held.expires)
            }
            _ => {
                if sent == 0 {
                    self.asked = now;
                }
                let delay = FIRST_DELAY.times(1 << sent.min(DOUBLINGS));
                // "randomized by the value of a uniform number chosen from the range -1 to +1".
                let jitter = Duration::from_millis(u64::from(rng.below(2001)));
                now + delay + jitter - Duration::from_secs(1)
            }
        };
    }

    /// Nobody else has the address.
    pub(super) fn verified(&mut self) {
        if self.state == ClientState::Checking {
            self.state = ClientState::Bound;
            self.failures = 0;
            self.due = Instant::MAX;
        }
    }

    /// Another station has the address: "the client MUST send a DHCPDECLINE message" (§3.1.5).
    pub(super) fn conflict(&mut self, now: Instant, rng: &mut Rng) {
        self.give_up(MessageType::DECLINE, rng);
        self.restart(now, AFTER_DECLINE);
    }

    /// There is no room for the address here: nothing is wrong with it, and later there may be.
    pub(super) fn no_room(&mut self, now: Instant) {
        self.held = None;
        self.remove = true;
        self.restart(now, RENEWAL_INTERVAL);
    }

    /// Gives the lease back and stops.
    pub(super) fn release(&mut self, now: Instant, rng: &mut Rng) {
        let is_sent = self.is_up && self.has_address();
        self.give_up(MessageType::RELEASE, rng);
        if !is_sent {
            self.farewell = None;
        }
        self.remove = false;
        self.install = false;
        self.state = ClientState::Releasing;
        self.due = match is_sent {
            true => now + LINGER,
            false => now,
        };
    }

    /// Begins again after a stop: with an address that was there before.
    pub(super) fn resume(&mut self) {
        if [ClientState::Stopped, ClientState::Releasing].contains(&self.state) {
            (self.state, self.due) = (ClientState::Init, Instant::MAX);
        }
        // Whoever drives it tells of the link, and uses no address yet.
        (self.is_up, self.remove, self.install) = (false, false, false);
        self.farewell = None;
    }

    fn has_address(&self) -> bool {
        let states = [
            ClientState::Bound,
            ClientState::Renewing,
            ClientState::Rebinding,
        ];
        self.held.is_some()
            && (states.contains(&self.state) || self.state == ClientState::Rebooting)
    }

    /// The lease ends before its time, and its server is told.
    fn give_up(&mut self, kind: MessageType, rng: &mut Rng) {
        let Some(Held { lease, .. }) = self.held.take() else {
            return;
        };
        let address = lease.address.address;
        let is_release = kind == MessageType::RELEASE;
        self.farewell = Some(Outgoing {
            kind,
            transaction: rng.next_u32(),
            seconds: 0,
            client_address: if is_release {
                address
            } else {
                Ipv4Addr::UNSPECIFIED
            },
            requested: (!is_release).then_some(address),
            server: Some(lease.server),
            to: if is_release {
                lease.server
            } else {
                Ipv4Addr::BROADCAST
            },
        });
        self.remove = true;
        self.install = false;
        self.wanted = is_release.then_some((address, Some(lease.server)));
        self.may_reboot = false;
    }

    // ---- Messages ------------------------------------------------------------------------

    /// A reply for this client has come.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        rng: &mut Rng,
    ) -> Received {
        if message.transaction() != self.transaction || self.sent == 0 || !self.is_up {
            return Received::Stray;
        }
        // "Any arriving DHCPACK messages must be silently discarded" while offers are collected, and
        // the other way round (§4.4.1, figure 5).
        match (self.state, message.kind()) {
            (ClientState::Selecting, Some(MessageType::OFFER)) => self.offered(now, message),
            (
                ClientState::Requesting
                | ClientState::Rebooting
                | ClientState::Renewing
                | ClientState::Rebinding,
                Some(kind @ (MessageType::ACK | MessageType::NAK)),
            ) => self.answered(now, message, kind, rng),
            (ClientState::Informing, Some(MessageType::ACK)) => {
                self.state = ClientState::Informed;
                self.due = Instant::MAX;
                Received::Acknowledged
            }
            _ => Received::Stray,
        }
    }

    fn offered(&mut self, now: Instant, message: &Message<'_>) -> Received {
        let Some(lease) = Lease::read(message) else {
            return Received::Unusable;
        };
        let address = lease.address.address;
        // The address that was asked for is best, then one of the server that granted that.
        let rank = match self.wanted {
            Some((wanted, _)) if wanted == address => 2,
            Some((_, Some(server))) if server == lease.server => 1,
            _ => 0,
        };
        match &self.offer {
            None => {
                self.collected = now + self.plan.collect;
                self.offer = Some(Offer { lease, rank });
            }
            Some(best) if rank > best.rank => self.offer = Some(Offer { lease, rank }),
            Some(_) => {}
        }
        Received::Taken
    }

    fn answered(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        kind: MessageType,
        rng: &mut Rng,
    ) -> Received {
        let server = message.address(code::SERVER_IDENTIFIER);
        let server = server.filter(|server| is_host(*server));
        // From any server where all were asked, else from the one that was.
        let expected = match (self.state, self.offer, self.held) {
            (ClientState::Requesting, Some(offer), _) => Some(offer.lease.server),
            (ClientState::Renewing, _, Some(held)) => Some(held.lease.server),
            _ => server,
        };
        if server.is_none() || server != expected {
            return Received::Stray;
        }
        if kind == MessageType::NAK {
            self.refused(now);
            return Received::Taken;
        }
        let address = match (self.state, self.offer) {
            (ClientState::Requesting, Some(offer)) => Some(offer.lease.address.address),
            _ => self.wanted.map(|(address, _)| address),
        };
        match Lease::read(message) {
            Some(lease) if Some(lease.address.address) == address => {
                self.hold(now, lease, rng);
                Received::Acknowledged
            }
            _ => Received::Unusable,
        }
    }

    /// A server says no: what was known of the network is wrong.
    fn refused(&mut self, now: Instant) {
        self.remove |= self.held.take().is_some();
        self.wanted = None;
        // The first time at once, since hosts move; after that no faster than it is retransmitted.
        let after = match self.failures {
            0 => Duration::ZERO,
            failures => FIRST_DELAY.times(1 << (failures - 1).min(DOUBLINGS)),
        };
        self.restart(now, after);
    }

    /// Takes a lease; its times count from when it was asked for (§4.4.1).
    fn hold(&mut self, now: Instant, lease: Lease, rng: &mut Rng) {
        let asked = self.asked.min(now);
        let after = |seconds: u32| match seconds {
            Lease::INFINITE => Instant::MAX,
            seconds => asked + Duration::from_secs(u64::from(seconds)),
        };
        // "Times T1 and T2 SHOULD be chosen with some random "fuzz"" (§4.4.5): up to a 32nd earlier.
        let mut fuzzed = |seconds: u32| match seconds {
            Lease::INFINITE => Instant::MAX,
            seconds => {
                let most = seconds.saturating_mul(1000) / 32;
                after(seconds) - Duration::from_millis(u64::from(rng.below(most.saturating_add(1))))
            }
        };
        let renewal = fuzzed(lease.renewal);
        let rebinding = fuzzed(lease.rebinding).max(renewal);
        self.held = Some(Held {
            lease,
            renewal,
            rebinding,
            expires: after(lease.duration),
        });
        self.wanted = Some((lease.address.address, Some(lease.server)));
        self.may_reboot = true;
        self.offer = None;
        self.state = ClientState::Checking;
        self.due = Instant::MAX;
        self.install = true;
    }

    // ---- What is to be done --------------------------------------------------------------

    fn begin(&mut self, due: Instant) {
        self.state = ClientState::Init;
        self.due = due;
        self.offer = None;
        self.sent = 0;
    }

    /// From the start, after a failure.
    fn restart(&mut self, now: Instant, after: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.may_reboot = false;
        self.begin(now + after);
    }

    /// Begins an exchange.
    fn ask(&mut self, now: Instant, state: ClientState, rng: &mut Rng) {
        self.transaction = rng.next_u32();
        self.state = state;
        self.sent = 0;
        self.due = now;
    }

    /// What is to be done now, if anything is.
    pub(super) fn next(&mut self, now: Instant, rng: &mut Rng) -> Option<Action> {
        if self.held.is_some_and(|held| held.expires <= now) {
            // "MUST immediately stop any other network processing" (§4.4.5).
            self.held = None;
            self.remove = true;
            self.install = false;
            self.may_reboot = false;
            self.begin(now);
        }
        if core::mem::take(&mut self.remove) {
            return Some(Action::Remove);
        }
        if core::mem::take(&mut self.install) {
            return self.lease().map(Action::Install);
        }
        if !self.is_up && self.state != ClientState::Releasing {
            return None;
        }
        if self.blocked.is_some_and(|until| until > now) {
            return None;
        }
        self.blocked = None;
        if let Some(farewell) = self.farewell {
            // Once only, but for want of room: the protocol works without.
            return Some(Action::Send(farewell));
        }
        self.go_on(now, rng);
        if core::mem::take(&mut self.install) {
            return self.lease().map(Action::Install);
        }
        match self.state {
            ClientState::Releasing if self.due <= now => {
                (self.state, self.due) = (ClientState::Stopped, Instant::MAX);
                Some(Action::Remove)
            }
            _ if self.due <= now => self.message(now, rng).map(Action::Send),
            _ => None,
        }
    }

    /// Begins to look for servers.
    fn discover(&mut self, now: Instant, rng: &mut Rng) {
        self.offer = None;
        self.collected = Instant::MAX;
        self.ask(now, ClientState::Selecting, rng);
    }

    /// Goes from one state to the next where time says so.
    fn go_on(&mut self, now: Instant, rng: &mut Rng) {
        match (self.state, self.held) {
            (ClientState::Init, _) if self.due <= now => self.discover(now, rng),
            (ClientState::Selecting, _) if self.offer.is_some() && self.collected <= now => {
                // "contains the same 'xid' as the DHCPOFFER message" (§4.4.1).
                (self.state, self.sent, self.due) = (ClientState::Requesting, 0, now);
            }
            (ClientState::Requesting, _) if self.due <= now && self.sent >= REQUESTS => {
                self.discover(now, rng);
            }
            (ClientState::Rebooting, held) if self.due <= now && self.sent >= REBOOT_REQUESTS => {
                match held {
                    // "the client MAY choose to use the previously allocated network address and
                    // configuration parameters for the remainder of the unexpired lease" (§3.2).
                    Some(_) => {
                        (self.state, self.due) = (ClientState::Checking, Instant::MAX);
                        self.install = true;
                    }
                    None => {
                        self.may_reboot = false;
                        self.discover(now, rng);
                    }
                }
            }
            (ClientState::Bound, Some(held)) if held.renewal <= now => {
                self.ask(now, ClientState::Renewing, rng);
            }
            (ClientState::Renewing, Some(held)) if held.rebinding <= now => {
                self.ask(now, ClientState::Rebinding, rng);
            }
            _ => {}
        }
    }

    /// The message of this state.
    fn message(&mut self, now: Instant, rng: &mut Rng) -> Option<Outgoing> {
        let since = now.since(self.started).as_secs().min(u64::from(u16::MAX)) as u16;
        let wanted = self.wanted.map(|(address, _)| address);
        let all = Outgoing {
            kind: MessageType::REQUEST,
            transaction: self.transaction,
            seconds: since,
            client_address: Ipv4Addr::UNSPECIFIED,
            requested: None,
            server: None,
            to: Ipv4Addr::BROADCAST,
        };
        match self.state {
            ClientState::Selecting => {
                self.seconds = since;
                Some(Outgoing {
                    kind: MessageType::DISCOVER,
                    requested: wanted,
                    ..all
                })
            }
            ClientState::Requesting => {
                let offer = self.offer?.lease;
                Some(Outgoing {
                    // "MUST use the same value in the DHCP message header's 'secs' field" (§3.1.3).
                    seconds: self.seconds,
                    requested: Some(offer.address.address),
                    server: Some(offer.server),
                    ..all
                })
            }
            ClientState::Rebooting => Some(Outgoing {
                requested: wanted,
                ..all
            }),
            ClientState::Renewing | ClientState::Rebinding => {
                // Each is an exchange of its own, so that the lease counts from the one answered.
                if self.sent > 0 {
                    self.transaction = rng.next_u32();
                }
                let lease = self.held?.lease;
                let is_renewal = self.state == ClientState::Renewing;
                Some(Outgoing {
                    transaction: self.transaction,
                    seconds: 0,
                    client_address: lease.address.address,
                    to: if is_renewal {
                        lease.server
                    } else {
                        Ipv4Addr::BROADCAST
                    },
                    ..all
                })
            }
            ClientState::Informing => Some(Outgoing {
                kind: MessageType::INFORM,
                client_address: self.plan.inform?,
                ..all
            }),
            _ => None,
        }
    }

    /// When there is something to do again.
    pub(super) fn deadline(&self) -> Instant {
        let held = self.held;
        let expires = held.map_or(Instant::MAX, |held| held.expires);
        if !self.is_up && self.state != ClientState::Releasing {
            return expires;
        }
        let next = match (self.state, held) {
            (ClientState::Selecting, _) if self.offer.is_some() => self.collected.min(self.due),
            (ClientState::Bound, Some(held)) => held.renewal,
            (ClientState::Renewing, Some(held)) => held.rebinding.min(self.due),
            _ => self.due,
        };
        self.blocked.unwrap_or(next).min(expires)
    }
}

/// "wait one-half of the remaining time [...], down to a minimum of 60 seconds" (§4.4.5).
fn half_way(now: Instant, end: Instant) -> Instant {
    let half = Duration::from_micros(end.since(now).as_micros() / 2);
    now + half.max(RENEWAL_INTERVAL)
}
