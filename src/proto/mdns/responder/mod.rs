//! The responder: names of this host, claimed and answered for (RFC 6762 §6, §8, §9).
//!
//! An *owner* is the host or one of its services. On each link it makes a claim to its name
//! (`claim.rs`): it probes, announces, and then answers. Names are the same on all links, and a
//! conflict on one changes them on all (§14). What both IP versions carry is one link (§6.2), but
//! answers go where the question came from.

mod answer;
mod claim;
mod compose;
mod conflict;
mod owner;
mod pending;
mod tie;

use super::LINKS;
use super::RETRY;
use super::link::{Link, NoRoom, Outside, Target, Version};
use crate::config;
use crate::proto::dns::{
    CLASS_IN, Compression, Flags, MAX_LABEL, MessageWriter, RecordType, Section, WriteError,
};
use crate::time::{Duration, Instant};

use claim::{Claim, Conflicts, PROBE_DELAY, PROBE_INTERVAL, PROBES, Phase, REPEAT};
use compose::{Manner, Wanted};
use owner::{OWNERS, Owners, Units};
use pending::{Pending, Reply};

#[cfg(feature = "dns-sd")]
pub(in crate::proto) use owner::{SERVICE_NAME, Service};
#[cfg(all(feature = "dns-sd", feature = "mdns"))]
pub(in crate::proto) use owner::{SUBTYPE, TYPES};

/// No deadline is nearer than this: what is due now has been done, or waits for room.
const TICK: Duration = Duration::from_millis(1);

/// What is no name of a host: one label of 1 to 63 octets (RFC 6762 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HostNameError;

impl core::fmt::Display for HostNameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a host name has 1 to 63 octets")
    }
}

impl core::error::Error for HostNameError {}

/// What has got another name, because somebody else has the one that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Renamed {
    /// The host.
    Host,
    /// A service.
    #[cfg(feature = "dns-sd")]
    Service(crate::proto::dns_sd::ServiceId),
}

/// What is to be sent by one version of a link.
#[derive(Clone, Copy)]
struct Medium {
    answers: Pending,
    /// Those that wait for more known answers (RFC 6762 §7.2).
    deferred: Pending,
    /// Those to probes, which may be repeated sooner.
    defense: Pending,
}

impl Medium {
    const NONE: Self = Self {
        answers: Pending::NONE,
        deferred: Pending::NONE,
        defense: Pending::NONE,
    };
}

/// What is done on a link.
struct OnLink {
    claims: [Claim; OWNERS],
    media: [Medium; 2],
    /// The host has got another name, and its services have yet to say so.
    is_host_renamed: bool,
}

impl OnLink {
    const NONE: Self = Self {
        claims: [Claim::OFF; OWNERS],
        media: [Medium::NONE; 2],
        is_host_renamed: false,
    };
}

/// The machine.
pub(in crate::proto) struct Responder {
    pub(in crate::proto) owners: Owners,
    links: [OnLink; LINKS],
    replies: [Option<Reply>; config::MDNS_REPLIES],
    conflicts: Conflicts,
    /// It says goodbye, and then nothing any longer.
    is_stopping: bool,
    /// A name is now ours, or no longer.
    pub(super) has_news: bool,
    /// Names that were given up to others.
    pub(super) renames: u32,
    /// Answers not given since they were known.
    pub(super) suppressed: u32,
}

impl Responder {
    pub(super) const fn new() -> Self {
        Self {
            owners: Owners::new(),
            links: [OnLink::NONE; LINKS],
            replies: [None; config::MDNS_REPLIES],
            conflicts: Conflicts::NONE,
            is_stopping: false,
            has_news: false,
            renames: 0,
            suppressed: 0,
        }
    }

    /// The label of the host; empty if it has none.
    pub(super) fn host_label(&self) -> &[u8] {
        self.owners.host_label()
    }

    /// Whether the name of an owner is ours on a link.
    pub(in crate::proto) fn is_ours(&self, link: usize, owner: usize) -> bool {
        let claims = self.links.get(link).map(|on| &on.claims);
        claims
            .and_then(|claims| claims.get(owner))
            .is_some_and(Claim::is_ours)
    }

    /// Gives the host a name.
    pub(super) fn set_host(&mut self, now: Instant, name: &str) -> Result<(), HostNameError> {
        let label = name.as_bytes();
        if label.is_empty() || label.len() > MAX_LABEL {
            return Err(HostNameError);
        }
        if label == self.owners.host_label() {
            return Ok(());
        }
        self.owners.set_host(label);
        self.owners.is_host_renamed = false;
        for on in &mut self.links {
            on.is_host_renamed = true;
        }
        self.claim(now, 0);
        Ok(())
    }

    /// What has got another name since this was asked before.
    pub(super) fn take_renamed(&mut self) -> Option<Renamed> {
        if core::mem::take(&mut self.owners.is_host_renamed) {
            return Some(Renamed::Host);
        }
        #[cfg(feature = "dns-sd")]
        for (place, service) in self.owners.services.iter_mut().enumerate() {
            if let Some(service) = service
                && core::mem::take(&mut service.is_renamed)
            {
                let id = crate::proto::dns_sd::ServiceId::new(place, service.generation);
                return Some(Renamed::Service(id));
            }
        }
        None
    }

    /// An owner probes for its name, which is new, wherever the link is up.
    pub(in crate::proto) fn claim(&mut self, now: Instant, owner: usize) {
        for claim in self
            .links
            .iter_mut()
            .filter_map(|on| on.claims.get_mut(owner))
        {
            if claim.phase != Phase::Off {
                // Without the delay of those that all start at once, but for a moment in which
                // others may join.
                claim.probe(now + RETRY);
            }
        }
    }

    /// Says again what an owner has, because it has changed (RFC 6762 §8.4).
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn announce(&mut self, now: Instant, owner: usize) {
        for on in &mut self.links {
            announce(on, now, owner);
        }
    }

    /// What an owner has is no longer: that is to be said.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn leave(&mut self, owner: usize) {
        let is_known =
            (self.links.iter()).any(|on| on.claims.get(owner).is_some_and(Claim::is_ours));
        if let Some(place) = owner
            .checked_sub(1)
            .and_then(|at| self.owners.services.get_mut(at))
        {
            match place {
                Some(service) if is_known => service.is_leaving = true,
                place => *place = None,
            }
        }
    }

    /// Shows `visit` what is answered to a question; says whether that is something.
    #[cfg(feature = "mdns")]
    pub(super) fn show(
        &self,
        links: &[Link; LINKS],
        name: crate::proto::dns::NameRef<'_>,
        (kind, only): (RecordType, Option<u8>),
        visit: &mut dyn FnMut(&crate::proto::dns::RecordData<'_>),
    ) -> bool {
        let question = crate::proto::dns::Question {
            name,
            kind,
            class: CLASS_IN,
            unicast: false,
        };
        let mut is_something = false;
        for (number, (on, link)) in self.links.iter().zip(links).enumerate() {
            if only.is_some_and(|only| usize::from(only) != number) {
                continue;
            }
            for (owner, _) in on
                .claims
                .iter()
                .enumerate()
                .filter(|(_, claim)| claim.is_ours())
            {
                if self.owners.exists(owner) {
                    let units = self.owners.matching(owner, link, &question);
                    let units = units - Units::NSEC - Units::REVERSE_NSEC;
                    self.owners.records(owner, link, units, &mut |own| {
                        is_something |= own.name == name;
                        if own.name == name {
                            visit(&own.data);
                        }
                    });
                }
            }
        }
        is_something
    }

    /// All goodbyes are to be said.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// Whether they have been.
    pub(super) fn has_stopped(&self) -> bool {
        let mut claims = self.links.iter().flat_map(|on| &on.claims);
        self.is_stopping && claims.all(|claim| !claim.is_ours())
    }

    /// It starts, with nothing known of the links.
    pub(super) fn reset(&mut self) {
        self.links = [OnLink::NONE; LINKS];
        self.replies = [None; config::MDNS_REPLIES];
        self.is_stopping = false;
        for place in &mut self.owners.services {
            if place.as_ref().is_some_and(|service| service.is_leaving) {
                *place = None;
            }
        }
    }

    /// A link has changed (RFC 6762 §8, §8.4): a version that messages can be sent by is new,
    /// addresses are others, or there are none.
    pub(super) fn link_changed(
        &mut self,
        now: Instant,
        number: usize,
        (old, new): (&Link, &Link),
        outside: &mut dyn Outside,
    ) {
        let Some(on) = self.links.get_mut(number) else {
            return;
        };
        if !new.is_active() {
            *on = OnLink::NONE;
            for reply in &mut self.replies {
                let _: Option<Reply> = reply.take_if(|reply| reply.link == number);
            }
            return;
        }
        let mut versions = Version::BOTH.into_iter();
        if versions.any(|version| new.carries(version) && !old.carries(version)) {
            let due = now + outside.between(0, PROBE_DELAY);
            for (owner, claim) in on.claims.iter_mut().enumerate() {
                if self.owners.exists(owner) {
                    claim.probe(due);
                }
            }
        } else if old.addresses != new.addresses {
            announce(on, now, 0);
        }
    }

    /// Does what is due; says when there is more to do.
    pub(super) fn step(
        &mut self,
        now: Instant,
        links: &[Link; LINKS],
        outside: &mut dyn Outside,
    ) -> Instant {
        let mut next = Instant::MAX;
        for (number, link) in links
            .iter()
            .enumerate()
            .filter(|(_, link)| link.is_active())
        {
            let todo = |responder: &mut Self, outside: &mut dyn Outside| {
                responder.begin(now, number, outside);
                responder.say_goodbye(now, number, link, outside)?;
                responder.probe(now, number, link, outside)?;
                responder.announce_due(now, number, link, outside)?;
                responder.answer_due(now, number, link, outside)
            };
            let wait = again_after(todo(self, outside));
            next = next.min(self.next(number).max(now + wait));
        }
        self.forget_left();
        for place in 0..self.replies.len() {
            let wait = again_after(self.reply_due(now, place, links, outside));
            if let Some(Some(reply)) = self.replies.get(place) {
                next = next.min(reply.pending.due.max(now + wait));
            }
        }
        next
    }

    /// Owners that have come while the link was up begin.
    fn begin(&mut self, now: Instant, number: usize, outside: &mut dyn Outside) {
        let Some(on) = self.links.get_mut(number) else {
            return;
        };
        for (owner, claim) in on.claims.iter_mut().enumerate() {
            if claim.phase == Phase::Off && self.owners.exists(owner) && !self.is_stopping {
                claim.probe(now + outside.between(0, PROBE_DELAY));
            }
        }
    }

    /// When there is something to do on a link.
    fn next(&self, number: usize) -> Instant {
        let Some(on) = self.links.get(number) else {
            return Instant::MAX;
        };
        let claims =
            (on.claims.iter().enumerate()).map(|(owner, claim)| match self.is_leaving(owner) {
                true if claim.is_ours() => goodbye_due(claim),
                true => Instant::MAX,
                false => claim.due,
            });
        let media = on.media.iter().flat_map(|medium| {
            let all = [&medium.answers, &medium.deferred, &medium.defense];
            all.map(|pending| pending.due)
        });
        claims.chain(media).fold(Instant::MAX, Instant::min)
    }

    fn is_leaving(&self, owner: usize) -> bool {
        self.is_stopping || (self.owners.service(owner)).is_some_and(|service| service.is_leaving)
    }

    /// Says that what leaves is no longer (RFC 6762 §10.1).
    fn say_goodbye(
        &mut self,
        now: Instant,
        number: usize,
        link: &Link,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let mut wanted = [Units::empty(); OWNERS];
        for (owner, wanted) in wanted.iter_mut().enumerate() {
            let claims = self.links.get(number).map(|on| &on.claims);
            let Some(claim) = claims.and_then(|claims| claims.get(owner)) else {
                continue;
            };
            if self.is_leaving(owner) && claim.is_ours() && goodbye_due(claim) <= now {
                *wanted = self.owners.all(owner, link) - Units::NSEC;
                if owner != 0 && self.has_twin(owner) {
                    // The type is still one of those that there are.
                    *wanted -= Units::TYPE;
                }
            }
        }
        if wanted.iter().all(|units| units.is_empty()) {
            return Ok(());
        }
        self.multicast(number, link, &wanted, Manner::Goodbye, outside)?;
        let claims = self.links.get_mut(number).map(|on| &mut on.claims);
        for (claim, units) in claims.into_iter().flatten().zip(wanted) {
            if !units.is_empty() {
                (claim.phase, claim.due) = (Phase::Off, Instant::MAX);
            }
        }
        Ok(())
    }

    /// Whether another service of the same type stays.
    fn has_twin(&self, owner: usize) -> bool {
        let kind = self.owners.service(owner).map(owner::Service::kind);
        !self.is_stopping
            && (0..OWNERS).skip(1).any(|other| {
                other != owner
                    && self.owners.exists(other)
                    && self.owners.service(other).map(owner::Service::kind) == kind
            })
    }

    /// Forgets services that have said goodbye everywhere.
    fn forget_left(&mut self) {
        for owner in (0..OWNERS).skip(1) {
            let mut claims = self.links.iter().filter_map(|on| on.claims.get(owner));
            if claims.any(Claim::is_ours) {
                continue;
            }
            if let Some(place) = self.owners.services.get_mut(owner - 1)
                && place.as_ref().is_some_and(|service| service.is_leaving)
            {
                *place = None;
                for claim in self
                    .links
                    .iter_mut()
                    .filter_map(|on| on.claims.get_mut(owner))
                {
                    *claim = Claim::OFF;
                }
            }
        }
    }

    /// Sends the probes that are due, as many in one message as fit (RFC 6762 §8.1).
    fn probe(
        &mut self,
        now: Instant,
        number: usize,
        link: &Link,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        loop {
            let Some(on) = self.links.get_mut(number) else {
                return Ok(());
            };
            let mut due = [false; OWNERS];
            let mut has_host = false;
            for (owner, (claim, due)) in on.claims.iter_mut().zip(&mut due).enumerate() {
                if claim.phase != Phase::Probing || claim.due > now {
                    continue;
                }
                if !self.owners.exists(owner) {
                    *claim = Claim::OFF;
                } else if claim.sent < PROBES {
                    *due = true;
                } else {
                    (claim.phase, claim.sent) = (Phase::Announcing, 0);
                    has_host |= owner == 0;
                    self.has_news = true;
                }
            }
            if has_host && core::mem::take(&mut on.is_host_renamed) {
                // Services say where they are now: on this host, as it is called.
                let services = on.claims.iter_mut().skip(1);
                services.for_each(|claim| claim.announce(now));
            }
            if !due.contains(&true) {
                return Ok(());
            }
            let asked = send_probe(&self.owners, number, link, &due, outside)?;
            for (claim, asked) in on.claims.iter_mut().zip(asked) {
                if asked {
                    claim.sent += 1;
                    claim.due = now + PROBE_INTERVAL;
                }
            }
        }
    }

    /// Announces what is due (RFC 6762 §8.3).
    fn announce_due(
        &mut self,
        now: Instant,
        number: usize,
        link: &Link,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let Some(on) = self.links.get_mut(number) else {
            return Ok(());
        };
        let mut wanted = [Units::empty(); OWNERS];
        for (owner, (claim, wanted)) in on.claims.iter_mut().zip(&mut wanted).enumerate() {
            if claim.phase != Phase::Announcing || claim.due > now {
                continue;
            }
            let units = self.owners.all(owner, link);
            // Not sooner after an answer than any other answer.
            let allowed =
                Version::BOTH.map(|version| claim.allowed(version as usize, units, REPEAT));
            let allowed = allowed.into_iter().fold(Instant::ZERO, Instant::max);
            match allowed > now {
                true => claim.due = allowed,
                false => *wanted = units,
            }
        }
        if wanted.iter().all(|units| units.is_empty()) {
            return Ok(());
        }
        self.multicast(number, link, &wanted, Manner::Usual, outside)?;
        self.sent_by_both(now, number, link, &wanted);
        let claims = self.links.get_mut(number).map(|on| &mut on.claims);
        for (claim, units) in claims.into_iter().flatten().zip(wanted) {
            if !units.is_empty() {
                claim.announced(now);
            }
        }
        Ok(())
    }

    /// Sends records to the groups of both versions.
    fn multicast(
        &self,
        number: usize,
        link: &Link,
        wanted: &Wanted,
        manner: Manner<'_>,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let (targets, count) = groups(number, link);
        let targets = targets.get(..count).unwrap_or(&[]);
        compose::send(&self.owners, link, wanted, manner, targets, outside).map(drop)
    }

    fn sent_by_both(&mut self, now: Instant, number: usize, link: &Link, wanted: &Wanted) {
        for version in Version::BOTH
            .into_iter()
            .filter(|version| link.carries(*version))
        {
            self.was_multicast(now, number, version, wanted);
        }
    }

    /// Notes what has been sent to a group.
    fn was_multicast(&mut self, now: Instant, number: usize, version: Version, sent: &Wanted) {
        let claims = self.links.get_mut(number).map(|on| &mut on.claims);
        for (claim, units) in claims.into_iter().flatten().zip(sent) {
            claim.was_multicast(version as usize, *units, now);
        }
    }
}

/// The least time to the next turn: what there is no room for waits longer.
fn again_after(done: Result<(), NoRoom>) -> Duration {
    match done {
        Ok(()) => TICK,
        Err(NoRoom) => RETRY,
    }
}

fn announce(on: &mut OnLink, now: Instant, owner: usize) {
    if let Some(claim) = on.claims.get_mut(owner) {
        claim.announce(now);
    }
}

/// When an owner may say goodbye on a link: as any other answer.
fn goodbye_due(claim: &Claim) -> Instant {
    let allowed =
        Version::BOTH.map(|version| claim.allowed(version as usize, Units::all(), REPEAT));
    allowed.into_iter().fold(Instant::ZERO, Instant::max)
}

/// The groups of a link, and how many they are.
fn groups(number: usize, link: &Link) -> ([Target; 2], usize) {
    let mut targets = Version::BOTH.map(|version| Target::Group(number, version));
    if !link.carries(Version::V4) {
        targets.swap(0, 1);
    }
    let versions = Version::BOTH.into_iter();
    let count = versions.filter(|version| link.carries(*version)).count();
    (targets, count)
}

/// Asks for as many of these names as fit into one message; says for which.
#[inline(never)]
fn send_probe(
    owners: &Owners,
    number: usize,
    link: &Link,
    due: &[bool; OWNERS],
    outside: &mut dyn Outside,
) -> Result<[bool; OWNERS], NoRoom> {
    let mut bytes = [0; config::MDNS_MESSAGE];
    let most = link.most.min(bytes.len());
    let bytes = bytes.get_mut(..most).unwrap_or(&mut []);
    let mut asked = *due;
    if let Ok(writer) = MessageWriter::new(bytes, 0, Flags::empty()) {
        let mut writer = writer.with_compression(Compression::Multicast);
        while write_probe(&mut writer, owners, link, &asked).is_err() {
            writer.clear();
            let Some(last) = asked.iter_mut().rev().find(|asked| **asked) else {
                break;
            };
            *last = false;
        }
        let (targets, count) = groups(number, link);
        let mut sent = Ok(());
        for target in targets.into_iter().take(count) {
            sent = sent.and(outside.send(target, writer.as_bytes()));
        }
        sent?;
    }
    // Those of which not one fits would never be asked for.
    let has_asked = asked.contains(&true);
    Ok(if has_asked { asked } else { *due })
}

fn write_probe(
    writer: &mut MessageWriter<'_>,
    owners: &Owners,
    link: &Link,
    asked: &[bool; OWNERS],
) -> Result<(), WriteError> {
    let each = || (0..OWNERS).zip(asked).filter(|(_, asked)| **asked);
    for (owner, _) in each() {
        // "SHOULD be sent as "QU" questions", with "query type "ANY"".
        writer.question(owners.name(owner), RecordType::ANY, CLASS_IN, true)?;
    }
    for (owner, _) in each() {
        let mut written = Ok(());
        owners.records(owner, link, tie::probed(), &mut |own| {
            let record = (own.name, (CLASS_IN, false), own.ttl);
            let (name, class, ttl) = record;
            written = written
                .and_then(|()| writer.record(Section::Authority, name, class, ttl, &own.data));
        });
        written?;
    }
    Ok(())
}
