//! What Advertises and Replies mean to the client (RFC 8415 §16, §18.2.9, §18.2.10).

use core::net::Ipv6Addr;

use super::binding::BindingState;
use super::duid::Duid;
use super::machine::{Advertised, ClientState, Machine};
use super::message::{Message, MessageType};
use super::option::{Status, code};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// IRT_DEFAULT, in seconds (RFC 8415 §7.6).
const DEFAULT_REFRESH: u32 = 86_400;
/// IRT_MINIMUM.
const MINIMUM_REFRESH: u32 = 600;
/// A server that wants to be taken at once (§18.2.1).
const HIGHEST_PREFERENCE: u8 = 255;

/// What a message was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// It grants or extends leases, or tells configuration: its options hold from now on.
    Acknowledged,
    /// It was of use.
    Taken,
    /// It was for another exchange, or nothing that is waited for.
    Stray,
    /// It offers what cannot be used.
    Unusable,
}

impl Machine {
    /// A message for this client has come, with the DUIDs of a server and of the client in it.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        rng: &mut Rng,
    ) -> (Received, u32) {
        if message.transaction() != self.transaction || self.exchange.sent == 0 || !self.is_up() {
            return (Received::Stray, 0);
        }
        let Some(server) = message.server().and_then(Duid::new) else {
            return (Received::Stray, 0);
        };
        // A Reply of another server than was asked is nobody's answer.
        let is_theirs = self.server.as_ref().is_some_and(|known| *known == server);
        match (self.state, message.kind()) {
            (ClientState::Soliciting, MessageType::ADVERTISE) => {
                (self.advertise(now, message, server, rng), 0)
            }
            // "The client will discard any Reply messages that do not contain the Rapid Commit
            // option" (§18.2.1).
            (ClientState::Soliciting, MessageType::REPLY)
                if self.rapid_commit && message.option(code::RAPID_COMMIT).is_some() =>
            {
                self.reply(now, message, server, rng)
            }
            (
                ClientState::Requesting
                | ClientState::Renewing
                | ClientState::Declining
                | ClientState::Releasing,
                MessageType::REPLY,
            ) if is_theirs => self.reply(now, message, server, rng),
            (
                ClientState::Confirming | ClientState::Rebinding | ClientState::Informing,
                MessageType::REPLY,
            ) => self.reply(now, message, server, rng),
            _ => (Received::Stray, 0),
        }
    }

    fn take_max_rt(&mut self, message: &Message<'_>, is_advertised: bool) {
        let options = message.options();
        (self.solicit_max).take(options.number(code::SOL_MAX_RT), is_advertised);
        (self.inform_max).take(options.number(code::INF_MAX_RT), is_advertised);
    }

    fn advertise(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        server: Duid,
        rng: &mut Rng,
    ) -> Received {
        // "even if the message contains a Status Code option [...] indicating a failure" (§18.2.9).
        self.take_max_rt(message, true);
        let worth = self.bindings.worth(message);
        // "The client MUST ignore any Advertise message that contains no addresses [...] and no
        // delegated prefixes".
        if worth == 0 || message.status() != Status::SUCCESS {
            return Received::Unusable;
        }
        let preference = message.options().array(code::PREFERENCE);
        let preference = preference.map_or(0, |[preference]| preference);
        let new = Advertised { preference, worth };
        let is_better = self
            .advertised
            .is_none_or(|best| (new.preference, new.worth) > (best.preference, best.worth));
        if is_better {
            self.bindings.offer(now, message);
            self.server = Some(server);
            self.advertised = Some(new);
        }
        // After the first RT "the client acts on the received Advertise message without waiting"
        // (§18.2.1).
        if preference == HIGHEST_PREFERENCE || self.exchange.sent > 1 {
            self.request(now, rng);
        }
        Received::Taken
    }

    fn reply(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        server: Duid,
        rng: &mut Rng,
    ) -> (Received, u32) {
        self.take_max_rt(message, false);
        let status = message.status();
        match (self.state, status) {
            (ClientState::Declining, _) => {
                self.declined(now);
                (Received::Taken, 0)
            }
            (ClientState::Releasing, _) => {
                self.stop();
                (Received::Taken, 0)
            }
            (_, Status::USE_MULTICAST) => {
                // Whoever was not asked by unicast has no reason to say so.
                if self.unicast.take().is_none() {
                    return (Received::Unusable, 0);
                }
                self.is_multicast = true;
                self.exchange.hurry(now);
                (Received::Taken, 0)
            }
            // It is asked again as if nothing had come (§14.1).
            (_, Status::UNSPEC_FAIL) => (Received::Unusable, 0),
            (ClientState::Informing, _) => {
                self.informed(now, message, server);
                (Received::Acknowledged, 0)
            }
            (ClientState::Confirming, Status::NOT_ON_LINK) => {
                self.is_refused = true;
                (Received::Taken, 0)
            }
            (ClientState::Confirming, _) if !self.bindings.has_prefixes() => {
                self.bound();
                (Received::Taken, 0)
            }
            (ClientState::Soliciting | ClientState::Requesting, Status::NOT_ON_LINK) => {
                self.restart(now, true);
                (Received::Taken, 0)
            }
            _ => self.leased(now, message, server, rng),
        }
    }

    fn informed(&mut self, now: Instant, message: &Message<'_>, server: Duid) {
        if self.bindings.has_held() {
            return self.bound();
        }
        self.server = Some(server);
        let refresh = message.options().number(code::INFORMATION_REFRESH_TIME);
        self.due = match refresh.unwrap_or(DEFAULT_REFRESH) {
            u32::MAX => Instant::MAX,
            seconds => now + Duration::from_secs(u64::from(seconds.max(MINIMUM_REFRESH))),
        };
        self.state = ClientState::Informed;
    }

    /// The answer to a Solicit with Rapid Commit, a Request, a Renew or a Rebind (§18.2.10.1).
    fn leased(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        server: Duid,
        rng: &mut Rng,
    ) -> (Received, u32) {
        let is_new = matches!(
            self.state,
            ClientState::Soliciting | ClientState::Requesting
        );
        if self.state == ClientState::Soliciting {
            if self.bindings.worth(message) == 0 {
                return (Received::Unusable, 0);
            }
            self.bindings.clear();
        }
        let outcome = self.bindings.update(now, message);
        let missed = outcome.missed;
        self.apply = true;
        if is_new {
            // What was offered, and is not granted.
            self.bindings.drop_all(BindingState::Offered);
        }
        if is_new && (outcome.not_on_link || !self.bindings.has_held()) {
            self.restart(now, true);
            return (Received::Unusable, missed);
        }
        if !is_new && (outcome.no_binding || message.status() == Status::NO_BINDING) {
            // "Sends a Request message to the server that responded" (§18.2.10.1).
            self.adopt(server, message);
            self.request(now, rng);
            return (Received::Taken, missed);
        }
        if !self.bindings.has_held() {
            // The server has ended all of them.
            self.restart(now, true);
            return (Received::Taken, missed);
        }
        if !is_new && outcome.is_incomplete && self.state != ClientState::Confirming {
            // "MAY just wait for the normal retransmission time (as if the Reply message had not
            // been received)".
            return (Received::Acknowledged, missed);
        }
        self.adopt(server, message);
        self.bound();
        (Received::Acknowledged, missed)
    }

    /// This is the server from now on.
    fn adopt(&mut self, server: Duid, message: &Message<'_>) {
        if self.server.as_ref() != Some(&server) {
            self.is_multicast = false;
        }
        self.server = Some(server);
        let unicast = message.options().array::<16>(code::SERVER_UNICAST);
        let unicast = unicast.map(Ipv6Addr::from);
        let is_one = |address: &Ipv6Addr| !address.is_multicast() && !address.is_unspecified();
        self.unicast = unicast.filter(|address| !self.is_multicast && is_one(address));
    }
}
