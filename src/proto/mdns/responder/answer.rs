//! Questions of others, and our answers (RFC 6762 §5.4, §5.5, §6, §7).

use core::net::SocketAddr;

use super::super::link::{Link, NoRoom, Origin, Outside, Target, Version};
use super::super::{LINKS, PORT};
use super::claim::{Claim, DEFENSE, REPEAT};
use super::compose::{self, Manner, Wanted, units_in};
use super::owner::{OWNERS, Units};
use super::pending::{Pending, Reply};
use super::{Responder, tie};
use crate::proto::dns::{Flags, Message, Section};
use crate::time::{Duration, Instant};

/// "a random amount of time selected with uniform random distribution in the range 20-120 ms"
/// (RFC 6762 §6).
const DELAY: (u32, u32) = (20, 120);
/// The same where more known answers follow (RFC 6762 §7.2).
const DELAY_TRUNCATED: (u32, u32) = (400, 500);

/// A query, as far as it concerns us.
#[derive(Default)]
struct Asked {
    questions: u32,
    /// What answers it.
    wanted: Wanted,
    /// The part of that for which unicast will do.
    unicast: Wanted,
    /// What is answered at once, because it is probed for.
    probed: Wanted,
}

impl Responder {
    /// Takes a query in.
    pub(in super::super) fn query(
        &mut self,
        now: Instant,
        origin: &Origin,
        links: &[Link; LINKS],
        message: &Message<'_>,
        outside: &mut dyn Outside,
    ) {
        let Some(link) = links.get(origin.link) else {
            return;
        };
        let is_truncated = message.flags().contains(Flags::TRUNCATED) || origin.is_cut;
        let mut asked = self.asked(now, origin, link, message);
        if asked.questions == 0 {
            return self.known_answers(now, origin, links, message, is_truncated, outside);
        }
        // "MUST NOT answer [...] if the answer it would give is already included [...] with an RR
        // TTL at least half the correct value" (RFC 6762 §7.1).
        if message.record_count(Section::Answer) > 0 {
            for (owner, wanted) in asked.wanted.iter_mut().enumerate() {
                let known = units_in(&self.owners, owner, link, *wanted, message, is_known);
                self.suppressed = self.suppressed.wrapping_add(known.bits().count_ones());
                *wanted -= known;
            }
        }
        if origin.source.port() != PORT {
            // Who is not on the link has not sent this, or does not hear the answer.
            if origin.is_on_link {
                let to = [Target::Host(origin.link, origin.source)];
                let all = union(&asked.wanted, &asked.probed);
                if any(&all) {
                    // There is no room: it will ask again.
                    let manner = Manner::Legacy(message);
                    let _: Result<Wanted, NoRoom> =
                        compose::send(&self.owners, link, &all, manner, &to, outside);
                }
            }
            return;
        }
        let defense = core::mem::take(&mut asked.probed);
        if any(&defense) {
            self.defend(now, origin, links, &defense, &asked.unicast, outside);
        }
        for (wanted, defended) in asked.wanted.iter_mut().zip(&defense) {
            *wanted -= *defended;
        }
        self.schedule(now, origin, links, &asked, is_truncated, outside);
    }

    /// What a query asks us for.
    fn asked(
        &mut self,
        now: Instant,
        origin: &Origin,
        link: &Link,
        message: &Message<'_>,
    ) -> Asked {
        let mut asked = Asked::default();
        // What is asked for of names that hosts have alone.
        let mut named = [Units::empty(); OWNERS];
        for question in message.questions().map_while(Result::ok) {
            asked.questions += 1;
            let is_unicast = question.unicast || !origin.is_multicast;
            for owner in (0..OWNERS).filter(|owner| self.owners.exists(*owner)) {
                let units = self.owners.matching(owner, link, &question);
                if units.is_empty() {
                    continue;
                }
                let add = |wanted: &mut Wanted| {
                    if let Some(wanted) = wanted.get_mut(owner) {
                        *wanted |= units;
                    }
                };
                add(&mut asked.wanted);
                // A unicast answer from elsewhere would not be heard (RFC 6762 §11).
                if is_unicast && origin.is_on_link {
                    add(&mut asked.unicast);
                }
                if question.name == self.owners.name(owner) {
                    add(&mut named);
                }
            }
        }
        let claims = self.links.get_mut(origin.link).map(|on| &mut on.claims);
        let claims = claims.into_iter().flatten().enumerate();
        let wanted = asked.wanted.iter_mut().zip(&mut asked.probed);
        for ((owner, claim), (named, (wanted, probed))) in claims.zip(named.iter().zip(wanted)) {
            // "A probe query can be distinguished from a normal query by the fact that a probe query
            // contains a proposed record in the Authority Section" (RFC 6762 §6).
            let is_probe = || {
                let mut proposed = message.section(Section::Authority);
                !named.is_empty() && proposed.any(|record| record.name == self.owners.name(owner))
            };
            if !claim.is_ours() || self.is_stopping {
                *wanted = Units::empty();
            } else if is_probe() {
                *probed = *named;
            }
            if claim.is_asking() && is_probe() {
                // RFC 6762 §8.2: who has less gives way, for a second.
                let order = tie::compare(&self.owners, owner, link, message);
                if order.is_some_and(core::cmp::Ordering::is_lt) {
                    claim.probe(now + REPEAT);
                }
            }
        }
        asked
    }

    /// Defends names that are ours at once (RFC 6762 §8.1, §6).
    fn defend(
        &mut self,
        now: Instant,
        origin: &Origin,
        links: &[Link; LINKS],
        defense: &Wanted,
        unicast: &Wanted,
        outside: &mut dyn Outside,
    ) {
        let Some(link) = links.get(origin.link) else {
            return;
        };
        let (to_host, to_group) = self.apart(now, origin, defense, unicast, true);
        if any(&to_host) {
            let to = [Target::Host(origin.link, origin.source)];
            let sent = compose::send(&self.owners, link, &to_host, Manner::Usual, &to, outside);
            if sent.is_err() {
                self.reply_later(now, origin, &to_host);
            }
        }
        if let Some(medium) = self.medium(origin.link, origin.version) {
            medium.defense.add(&to_group, now);
        }
    }

    /// Plans the answers to a query.
    fn schedule(
        &mut self,
        now: Instant,
        origin: &Origin,
        links: &[Link; LINKS],
        asked: &Asked,
        is_truncated: bool,
        outside: &mut dyn Outside,
    ) {
        if !any(&asked.wanted) {
            return;
        }
        let is_shared = (asked.wanted.iter()).any(|units| units.intersects(Units::SHARED));
        let (to_host, to_group) = self.apart(now, origin, &asked.wanted, &asked.unicast, false);
        let delay = match (is_truncated, is_shared || asked.questions > 1) {
            (true, _) => outside.between(DELAY_TRUNCATED.0, DELAY_TRUNCATED.1),
            (false, true) => outside.between(DELAY.0, DELAY.1),
            // "it is able to answer every question [...] and for all of those answer records it has
            // previously verified that the name, rrtype, and rrclass are unique".
            (false, false) => Duration::ZERO,
        };
        let due = now + delay;
        if any(&to_host) {
            let mut pending = Pending::NONE;
            pending.add(&to_host, due);
            pending.from = is_truncated.then(|| origin.source.ip());
            let reply = Reply {
                to: origin.source,
                link: origin.link,
                pending,
            };
            self.reply(reply, origin.version);
        }
        let Some(medium) = self.medium(origin.link, origin.version) else {
            return;
        };
        if delay.as_micros() == 0 {
            self.multicast_now(now, origin.link, links, origin.version, &to_group, outside);
        } else if !is_truncated {
            medium.answers.add(&to_group, due);
        } else if any(&to_group) {
            let from = origin.source.ip();
            if !medium.deferred.is_none() && medium.deferred.from != Some(from) {
                // "provided that no other host on the network has also issued a query for that
                // record and is waiting" (RFC 6762 §7.2).
                let waiting = core::mem::replace(&mut medium.deferred, Pending::NONE);
                medium.answers.add(&waiting.wanted, waiting.due);
            }
            medium.deferred.add(&to_group, due);
            (medium.deferred.from, medium.deferred.due) = (Some(from), due);
        }
    }

    /// Who has asked knows more answers than its first message had room for (RFC 6762 §7.2).
    fn known_answers(
        &mut self,
        now: Instant,
        origin: &Origin,
        links: &[Link; LINKS],
        message: &Message<'_>,
        is_truncated: bool,
        outside: &mut dyn Outside,
    ) {
        let Some(link) = links.get(origin.link) else {
            return;
        };
        let Self {
            owners,
            links: on,
            replies,
            suppressed,
            ..
        } = self;
        let medium = on.get_mut(origin.link);
        let medium = medium.and_then(|on| on.media.get_mut(origin.version as usize));
        let deferred = medium.map(|medium| &mut medium.deferred);
        let replies = replies.iter_mut().flatten();
        let replies = replies
            .filter(|reply| reply.link == origin.link)
            .map(|reply| &mut reply.pending);
        let from = Some(origin.source.ip());
        for pending in deferred
            .into_iter()
            .chain(replies)
            .filter(|pending| pending.from == from)
        {
            for owner in 0..OWNERS {
                let units = pending.units(owner);
                let known = units_in(owners, owner, link, units, message, is_known);
                *suppressed = suppressed.wrapping_add(known.bits().count_ones());
                pending.remove(owner, known);
            }
            if is_truncated && !pending.is_none() {
                // "it SHOULD extend the delay as necessary to ensure a pause of 400-500 ms".
                pending.due = now + outside.between(DELAY_TRUNCATED.0, DELAY_TRUNCATED.1);
            }
        }
    }

    /// What of `wanted` goes to the host that asks, and what to the group: what was not multicast
    /// within a quarter of its TTL (RFC 6762 §5.4).
    fn apart(
        &self,
        now: Instant,
        origin: &Origin,
        wanted: &Wanted,
        unicast: &Wanted,
        is_probe: bool,
    ) -> (Wanted, Wanted) {
        let mut to_host = [Units::empty(); OWNERS];
        let mut to_group = *wanted;
        let claims = self.links.get(origin.link).map(|on| &on.claims);
        let claims = claims.into_iter().flatten();
        let each = claims.zip(wanted.iter().zip(unicast));
        for ((claim, (wanted, unicast)), (host, group)) in
            each.zip(to_host.iter_mut().zip(&mut to_group))
        {
            let unicast = *wanted & *unicast;
            let old = claim.older_than(origin.version as usize, unicast, now, quarter_of_ttl);
            // A probe is always answered as it wishes.
            *host = if is_probe { unicast } else { unicast - old };
            *group = *wanted - (unicast - old);
        }
        (to_host, to_group)
    }

    /// Plans an answer to one host; where there is no place for it, it goes to the group.
    fn reply(&mut self, reply: Reply, version: Version) {
        match self.replies.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(reply),
            None => {
                if let Some(medium) = self.medium(reply.link, version) {
                    medium.answers.add(&reply.pending.wanted, reply.pending.due);
                }
            }
        }
    }

    fn reply_later(&mut self, now: Instant, origin: &Origin, wanted: &Wanted) {
        let mut pending = Pending::NONE;
        pending.add(wanted, now);
        let reply = Reply {
            to: origin.source,
            link: origin.link,
            pending,
        };
        self.reply(reply, origin.version);
    }

    pub(super) fn medium(&mut self, link: usize, version: Version) -> Option<&mut super::Medium> {
        self.links.get_mut(link)?.media.get_mut(version as usize)
    }

    /// Multicasts what may be, and plans the rest for when it may.
    fn multicast_now(
        &mut self,
        now: Instant,
        number: usize,
        links: &[Link; LINKS],
        version: Version,
        wanted: &Wanted,
        outside: &mut dyn Outside,
    ) {
        let Some(link) = links.get(number) else {
            return;
        };
        let (allowed, later, due) = self.allowed(now, number, version, wanted, REPEAT);
        let mut planned = (later, due);
        if any(&allowed) {
            let to = [Target::Group(number, version)];
            match compose::send(&self.owners, link, &allowed, Manner::Usual, &to, outside) {
                Ok(sent) => self.was_multicast(now, number, version, &sent),
                Err(NoRoom) => planned = (*wanted, now),
            }
        }
        if let Some(medium) = self.medium(number, version) {
            medium.answers.add(&planned.0, planned.1);
        }
    }

    /// What of `wanted` may be multicast now, what may not, and when that may.
    fn allowed(
        &self,
        now: Instant,
        number: usize,
        version: Version,
        wanted: &Wanted,
        span: Duration,
    ) -> (Wanted, Wanted, Instant) {
        let (mut allowed, mut later) = (*wanted, [Units::empty(); OWNERS]);
        let mut due = now;
        let claims = self.links.get(number).map(|on| &on.claims);
        let claims = claims.into_iter().flatten();
        for (claim, (allowed, later)) in claims.zip(allowed.iter_mut().zip(&mut later)) {
            if !claim.is_ours() {
                // The name was lost meanwhile.
                *allowed = Units::empty();
                continue;
            }
            let version = version as usize;
            *later = *allowed - claim.older_than(version, *allowed, now, |_| span);
            *allowed -= *later;
            if !later.is_empty() {
                due = due.max(claim.allowed(version, *later, span));
            }
        }
        (allowed, later, due)
    }

    /// Gives the answers that are due on a link.
    pub(super) fn answer_due(
        &mut self,
        now: Instant,
        number: usize,
        link: &Link,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        for version in Version::BOTH {
            let Some(medium) = self.medium(number, version) else {
                return Ok(());
            };
            let defense = medium.defense.take(now);
            if let Some(deferred) = medium.deferred.take(now) {
                medium.answers.add(&deferred, now);
                medium.answers.due = now;
            }
            let answers = medium.answers.take(now);
            for (wanted, span) in [(defense, DEFENSE), (answers, REPEAT)] {
                let Some(wanted) = wanted else {
                    continue;
                };
                let (allowed, later, due) = self.allowed(now, number, version, &wanted, span);
                let mut again = (later, due);
                let mut result = Ok(());
                if any(&allowed) {
                    let to = [Target::Group(number, version)];
                    match compose::send(&self.owners, link, &allowed, Manner::Usual, &to, outside) {
                        Ok(sent) => self.was_multicast(now, number, version, &sent),
                        Err(NoRoom) => {
                            again = (wanted, now);
                            result = Err(NoRoom);
                        }
                    }
                }
                if let Some(medium) = self.medium(number, version) {
                    let pending = match span == DEFENSE {
                        true => &mut medium.defense,
                        false => &mut medium.answers,
                    };
                    pending.add(&again.0, again.1);
                }
                result?;
            }
        }
        Ok(())
    }

    /// Gives one answer to a single host, if it is due.
    pub(super) fn reply_due(
        &mut self,
        now: Instant,
        place: usize,
        links: &[Link; LINKS],
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let Some(Some(reply)) = self.replies.get_mut(place) else {
            return Ok(());
        };
        let (to, number): (SocketAddr, _) = (reply.to, reply.link);
        let due = reply.pending.due;
        if let Some(mut wanted) = reply.pending.take(now) {
            let claims = self.links.get(number).map(|on| &on.claims);
            for (claim, wanted) in claims.into_iter().flatten().zip(&mut wanted) {
                if !claim.is_ours() {
                    *wanted = Units::empty();
                }
            }
            if let Some(link) = links.get(number).filter(|_| any(&wanted)) {
                let to = [Target::Host(number, to)];
                let sent = compose::send(&self.owners, link, &wanted, Manner::Usual, &to, outside);
                if sent.is_err() {
                    reply.pending.add(&wanted, due);
                    return Err(NoRoom);
                }
            }
        }
        if let Some(place) = self.replies.get_mut(place) {
            let _: Option<Reply> = place.take_if(|reply| reply.pending.is_none());
        }
        Ok(())
    }
}

impl Claim {
    /// Whether the name has been claimed, or is about to be.
    pub(super) const fn is_on(&self) -> bool {
        !matches!(self.phase, super::Phase::Off)
    }
}

fn any(wanted: &Wanted) -> bool {
    wanted.iter().any(|units| !units.is_empty())
}

fn union(one: &Wanted, other: &Wanted) -> Wanted {
    let mut both = *one;
    for (both, other) in both.iter_mut().zip(other) {
        *both |= *other;
    }
    both
}

fn is_known(ttl: u32, own: u32, section: Section) -> bool {
    section == Section::Answer && ttl >= own.div_ceil(2)
}

/// A quarter of the TTL that records of a group have.
fn quarter_of_ttl(group: Units) -> Duration {
    let seconds = match group.intersects(Units::POINTER | Units::TXT)
        && !group.intersects(Units::ADDRESSES)
    {
        true => 4500 / 4,
        false => 120 / 4,
    };
    Duration::from_secs(seconds)
}
