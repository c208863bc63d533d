//! Responses of others, and what they say of our names (RFC 6762 §6.6, §7.4, §8.1, §9).

use super::super::LINKS;
use super::super::link::{Link, Origin, Outside};
use super::claim::PROBE_DELAY;
use super::compose::units_in;
use super::owner::{OWNERS, Units};
use super::{Responder, Version};
use crate::proto::dns::{CLASS_IN, Message, Record, RecordData, Section};
use crate::time::Instant;
use crate::wire::IpAddress;

/// What a record says of one of our names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Nothing.
    Nothing,
    /// The same as we do.
    Same,
    /// What we say on another link: both are bridged (RFC 6762 §14).
    OtherLink,
    /// Something else of this type.
    Other,
    /// Something of a type that we have nothing of.
    OtherType,
}

impl Responder {
    /// Takes a response in.
    pub(in super::super) fn response(
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
        for owner in 0..OWNERS {
            if self.owners.exists(owner) {
                self.response_about(now, (origin, owner), (links, link), message, outside);
            }
        }
    }

    fn response_about(
        &mut self,
        now: Instant,
        (origin, owner): (&Origin, usize),
        (links, link): (&[Link; LINKS], &Link),
        message: &Message<'_>,
        outside: &mut dyn Outside,
    ) {
        let claims = self.links.get(origin.link).map(|on| &on.claims);
        let Some(claim) = claims.and_then(|claims| claims.get(owner)).copied() else {
            return;
        };
        if !claim.is_on() {
            return;
        }
        let mut is_conflict = false;
        let mut again = Units::empty();
        for record in message.records().map_while(Result::ok) {
            // What is no longer is in nobody's way.
            let is_gone = record.ttl() == 0;
            match self.says(owner, links, link, &record) {
                Says::Other if !is_gone => is_conflict |= claim.is_ours() || claim.is_asking(),
                // "any answer containing a record with that name, of any type".
                Says::OtherType if !is_gone => is_conflict |= claim.is_asking(),
                // Ours on this link are to live on.
                Says::OtherLink if record.is_cache_flush() => again |= Units::ADDRESSES,
                _ => {}
            }
        }
        if is_conflict {
            return self.conflict(now, owner, origin.link, outside);
        }
        if !claim.is_ours() {
            return;
        }
        let all = self.owners.all(owner, link);
        // "If the TTL of B's resource record [...] is less than half the true TTL [...] A MUST mark
        // its record to be announced via multicast" (RFC 6762 §6.6).
        let short = units_in(&self.owners, owner, link, all, message, |ttl, own, _| {
            ttl < own / 2
        });
        again |= short & all;
        let waiting = (self.medium(origin.link, origin.version))
            .map(|medium| medium.answers.units(owner) | medium.deferred.units(owner));
        // "this host SHOULD treat its own answer as having been sent" (RFC 6762 §7.4).
        let waiting = waiting.unwrap_or_default();
        let said = match origin.is_multicast {
            true => units_in(
                &self.owners,
                owner,
                link,
                waiting,
                message,
                |ttl, own, section| section == Section::Answer && ttl >= own,
            ),
            false => Units::empty(),
        };
        self.suppressed = self.suppressed.wrapping_add(said.bits().count_ones());
        for version in Version::BOTH
            .into_iter()
            .filter(|version| link.carries(*version))
        {
            if let Some(medium) = self.medium(origin.link, version) {
                if version == origin.version {
                    medium.answers.remove(owner, said);
                    medium.deferred.remove(owner, said);
                }
                let mut wanted = [Units::empty(); OWNERS];
                if let Some(wanted) = wanted.get_mut(owner) {
                    *wanted = again & all;
                }
                medium.answers.add(&wanted, now);
            }
        }
    }

    /// What a record says of the name that an owner has alone.
    fn says(&self, owner: usize, links: &[Link; LINKS], link: &Link, record: &Record<'_>) -> Says {
        if record.class() != CLASS_IN || record.name != self.owners.name(owner) {
            return Says::Nothing;
        }
        let Ok(data) = record.data() else {
            return Says::Nothing;
        };
        let units = Units::ADDRESSES | Units::SRV | Units::TXT | Units::NSEC;
        let mut says = Says::OtherType;
        self.owners.records(owner, link, units, &mut |own| {
            if own.data == data {
                says = Says::Same;
            } else if own.data.kind() == data.kind()
                && says != Says::Same
                && !matches!(data, RecordData::Nsec(_))
            {
                says = Says::Other;
            }
        });
        let address = match data {
            #[cfg(feature = "ipv4")]
            RecordData::A(address) => IpAddress::V4(address),
            #[cfg(feature = "ipv6")]
            RecordData::Aaaa(address) => IpAddress::V6(address),
            _ => return says,
        };
        let mut others = links.iter().flat_map(|link| &link.addresses);
        match says {
            Says::Other | Says::OtherType if owner == 0 && others.any(|own| *own == address) => {
                Says::OtherLink
            }
            says => says,
        }
    }

    /// Somebody else has the name of an owner. Who had it already asks anew (RFC 6762 §9), who was
    /// asking takes another (§8.1).
    #[cold]
    fn conflict(&mut self, now: Instant, owner: usize, number: usize, outside: &mut dyn Outside) {
        let wait = self.conflicts.count(now);
        let due = now + wait + outside.between(0, PROBE_DELAY);
        let claims = self.links.get_mut(number).map(|on| &mut on.claims);
        let Some(claim) = claims.and_then(|claims| claims.get_mut(owner)) else {
            return;
        };
        if claim.is_ours() {
            return claim.probe(due);
        }
        self.has_news = true;
        self.renames = self.renames.wrapping_add(1);
        self.owners.rename(owner);
        for on in &mut self.links {
            if owner == 0 {
                on.is_host_renamed = true;
            }
            if let Some(claim) = on.claims.get_mut(owner).filter(|claim| claim.is_on()) {
                claim.probe(due);
            }
        }
    }
}
