//! What a response means for a question (RFC 1034 §4.3.2, §5.3.3; RFC 2308 §2).
//!
//! Only records that answer the question are used and kept: those of the name that was asked for,
//! and of the names that it is an alias of, one after the other (RFC 2181 §5.4.1). Whatever else a
//! response holds is not looked at, but for the SOA that says how long a "no" holds.

use super::cache::Known;
use super::message::{CLASS_IN, Message, Rcode, Record, Section};
use super::name::{Name, NameRef};
use super::query::Visit;
use super::record::{RecordData, RecordType};
use super::resolver::State;
use crate::time::Instant;

/// What has become of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The records have been visited.
    Answered,
    /// The name is now another one, which is to be asked for.
    Alias,
    /// The name has no records of this type.
    NoData,
    /// There is no such name.
    NotFound,
    /// One alias leads to another for too long, or back.
    Loop,
    /// The server knows only who may know.
    Referral,
    /// The answer does not lie in the part of the message that is there.
    Cut,
}

impl State {
    /// What is known of the question already; follows aliases.
    pub(super) fn known(
        &mut self,
        now: Instant,
        name: &mut Name,
        kind: RecordType,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Option<Verdict> {
        loop {
            if let Some((known, entry)) = self.cache.find(now, name.view(), kind) {
                self.counters.cache_hits = self.counters.cache_hits.wrapping_add(1);
                return Some(match known {
                    Known::Records => {
                        entry.records().for_each(|data| visit(&data));
                        Verdict::Answered
                    }
                    Known::NoData => Verdict::NoData,
                    Known::NotFound => Verdict::NotFound,
                });
            }
            if kind == RecordType::CNAME {
                return None;
            }
            let target = match self.cache.find(now, name.view(), RecordType::CNAME) {
                Some((Known::Records, entry)) => target(entry.records()).map(Name::from)?,
                _ => return None,
            };
            if !step(name, target, aliases) {
                return Some(Verdict::Loop);
            }
        }
    }

    /// What a response says; follows aliases, visits the records, and keeps what may be kept. Of
    /// a message that is `cut` only its beginning is there.
    pub(super) fn read(
        &mut self,
        now: Instant,
        (message, is_cut): (&Message<'_>, bool),
        name: &mut Name,
        kind: RecordType,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Verdict {
        let mut is_alias = false;
        loop {
            let records = || records_of(message, name.view(), kind);
            if message.rcode() == Rcode::NO_ERROR && records().next().is_some() {
                // A set of which a part is missing is not kept (RFC 2181 §9).
                if !is_cut {
                    // The least of them, should they differ (RFC 2181 §5.2).
                    let ttl = records().map(|record| record.ttl()).min().unwrap_or(0);
                    let data = records().filter_map(|record| record.data().ok());
                    let stored = self.cache.keep(now, (name.view(), kind), ttl, data);
                    self.counters.stored(stored);
                }
                records()
                    .filter_map(|record| record.data().ok())
                    .for_each(|data| visit(&data));
                return Verdict::Answered;
            }
            let alias = records_of(message, name.view(), RecordType::CNAME).next();
            let Some(alias) = alias else {
                break;
            };
            let Some(target) = target(alias.data()).map(Name::from) else {
                break;
            };
            let key = (name.view(), RecordType::CNAME);
            let stored = self.cache.keep(now, key, alias.ttl(), alias.data());
            self.counters.stored(stored);
            is_alias = true;
            if !step(name, target, aliases) {
                return Verdict::Loop;
            }
        }
        if is_cut {
            return Verdict::Cut;
        }
        let known = match message.rcode() {
            Rcode::NAME_ERROR => Known::NotFound,
            _ => Known::NoData,
        };
        let soa = negative_ttl(message, name.view());
        if let Some(ttl) = soa {
            let key = (name.view(), kind);
            let stored = self.cache.keep_negative(now, key, ttl, known);
            self.counters.stored(stored);
        }
        match known {
            Known::NotFound => Verdict::NotFound,
            _ if soa.is_some() => Verdict::NoData,
            // The server has followed the alias no further.
            _ if is_alias => Verdict::Alias,
            _ if has_servers(message) => Verdict::Referral,
            _ => Verdict::NoData,
        }
    }
}

/// Goes on with the name that this one is an alias of; false if that were too many, or it is an
/// alias of itself.
fn step(name: &mut Name, target: Name, aliases: &mut u8) -> bool {
    if *name == target {
        return false;
    }
    *name = target;
    match aliases.checked_sub(1) {
        Some(left) => {
            *aliases = left;
            true
        }
        None => false,
    }
}

fn records_of<'m>(
    message: &Message<'m>,
    name: NameRef<'_>,
    kind: RecordType,
) -> impl Iterator<Item = Record<'m>> {
    message.section(Section::Answer).filter(move |record| {
        record.kind == kind && record.class() == CLASS_IN && record.name == name
    })
}

/// The name that an alias stands for.
fn target<'m>(data: impl IntoIterator<Item = RecordData<'m>>) -> Option<NameRef<'m>> {
    data.into_iter().find_map(|data| match data {
        RecordData::Cname(target) => Some(target),
        _ => None,
    })
}

/// How long it holds that there is nothing, in seconds: "the minimum of the MINIMUM field of the
/// SOA record and the TTL of the SOA itself" (RFC 2308 §5). Without an SOA of a zone that the name
/// is in it is not to be remembered.
fn negative_ttl(message: &Message<'_>, name: NameRef<'_>) -> Option<u32> {
    let mut authority = message.section(Section::Authority);
    authority.find_map(|record| match record.data() {
        Ok(RecordData::Soa(soa)) if name.is_within(record.name) => {
            Some(record.ttl().min(soa.minimum))
        }
        _ => None,
    })
}

/// Whether the response names servers to ask instead (RFC 2308 §2.2).
fn has_servers(message: &Message<'_>) -> bool {
    let mut authority = message.section(Section::Authority);
    authority.any(|record| record.kind == RecordType::NS)
}
