//! Responses, and questions of other hosts (RFC 6762 §7.3, §10).

use super::super::link::Origin;
use super::cache::{DOUBT, Received};
use super::{CLASS_IN, Interest, Querier, Question, related};
use crate::proto::dns::{Flags, Message, NameRef, RecordData, RecordType, Section};
use crate::time::{Duration, Instant};

/// A question of ours that is due so soon is not asked if another host asks it (RFC 6762 §7.3).
const SOON: Duration = Duration::from_secs(1);

/// Questions of a message of another host that are looked at: this saves messages, and is not to cost
/// more than that.
const OBSERVED: usize = 8;

impl Querier {
    /// Takes a response in: what is of interest is remembered.
    pub(in super::super) fn response(
        &mut self,
        now: Instant,
        origin: &Origin,
        message: &Message<'_>,
    ) {
        let link = origin.link as u8;
        // What an additional record leads on from may stand behind it.
        for round in 0..2 {
            for record in message.records().map_while(Result::ok) {
                if record.class() != CLASS_IN || record.kind == RecordType::OPT {
                    continue;
                }
                let Ok(data) = record.data() else {
                    continue;
                };
                let received = Received {
                    link,
                    name: record.name,
                    data,
                    ttl: record.ttl(),
                };
                if round == 0 && record.is_cache_flush() && !is_shared(&received) {
                    self.cache.flush(now, &received);
                    if received.ttl > 0 {
                        self.has_unique_answer(&received);
                    }
                }
                self.take_in(now, &received);
            }
        }
    }

    fn take_in(&mut self, now: Instant, record: &Received<'_>) {
        self.chance = self
            .chance
            .wrapping_mul(0x0019_660d)
            .wrapping_add(0x3c6e_f35f);
        let chance = self.chance >> 16;
        if self.cache.prolong(now, record, chance) {
            self.has_news = true;
            return;
        }
        if record.ttl == 0 {
            return;
        }
        let interest = self.interest(record.link, record.name, record.data.kind());
        if interest == Interest::None {
            return;
        }
        self.has_news = true;
        let Self {
            questions, cache, ..
        } = self;
        cache.add(now, record, (interest, chance), |cache, entry| {
            let mut questions = questions.iter().flatten();
            let name = cache.name(entry);
            match questions.any(|question| question.is_answered_by(entry.link, name, entry.kind)) {
                true => Interest::Asked,
                false if related(cache, entry.link, name, entry.kind) => Interest::Related,
                false => Interest::None,
            }
        });
    }

    /// "there is no need for the querier to continue issuing a stream of queries" (RFC 6762 §5.2).
    fn has_unique_answer(&mut self, record: &Received<'_>) {
        let has_one_link = self.active.count_ones() <= 1;
        for question in self.questions.iter_mut().flatten() {
            let is_answer = question.is_answered_by(record.link, record.name, record.data.kind());
            let is_none = match record.data {
                RecordData::Nsec(nsec) => {
                    question.is_on(record.link)
                        && question.name() == record.name
                        && !nsec.contains(question.kind)
                }
                _ => false,
            };
            if (is_answer || is_none) && (has_one_link || question.link.is_some()) {
                question.due = Instant::MAX;
            }
        }
    }

    /// Takes in what another host asks.
    pub(in super::super) fn query(&mut self, now: Instant, origin: &Origin, message: &Message<'_>) {
        let is_whole = !message.flags().contains(Flags::TRUNCATED) && !origin.is_cut;
        if !origin.is_multicast || !is_whole || origin.source.port() != super::super::PORT {
            return;
        }
        let link = origin.link as u8;
        for asked in message.questions().map_while(Result::ok).take(OBSERVED) {
            if asked.unicast || asked.class != CLASS_IN {
                continue;
            }
            for place in 0..self.questions.len() {
                if self.is_asked_by(now, link, place, message, (asked.name, asked.kind))
                    && let Some(Some(question)) = self.questions.get_mut(place)
                {
                    question.due = now;
                    question.was_asked(now);
                }
            }
            self.observe(now, link, message, (asked.name, asked.kind));
        }
    }

    /// Whether a question of ours need not be asked, since another host does: "the Known-Answer
    /// Section of that query does not contain any records that this host would not also put in its
    /// own" (RFC 6762 §7.3).
    fn is_asked_by(
        &self,
        now: Instant,
        link: u8,
        place: usize,
        message: &Message<'_>,
        (name, kind): (NameRef<'_>, RecordType),
    ) -> bool {
        let is_soon =
            |question: &&Question| question.due.since(now) <= SOON && question.due != Instant::MAX;
        let Some(question) = self
            .questions
            .get(place)
            .and_then(Option::as_ref)
            .filter(is_soon)
        else {
            return false;
        };
        let is_same = question.kind == kind && question.is_on(link) && question.name() == name;
        if !is_same || !self.is_of_one_link(question) {
            return false;
        }
        let mut known = message.section(Section::Answer);
        known.all(|record| {
            let is_about = question.is_answered_by(link, record.name, record.kind);
            let is_ours = || {
                self.cache.entries().any(|entry| {
                    entry.link == link
                        && entry.is_fresh(now)
                        && self.cache.name(entry) == record.name
                        && record.data().ok() == self.cache.data(entry)
                })
            };
            !is_about || is_ours()
        })
    }

    /// "If a host sees queries, for which a record in its cache would be expected to be given as an
    /// answer in a multicast response" (RFC 6762 §10.5).
    fn observe(
        &mut self,
        now: Instant,
        link: u8,
        message: &Message<'_>,
        (name, kind): (NameRef<'_>, RecordType),
    ) {
        for at in 0..self.cache.len() {
            let Some(entry) = self.cache.get(at) else {
                return;
            };
            if entry.link != link || entry.kind != kind || self.cache.name(entry) != name {
                continue;
            }
            let data = self.cache.data(entry);
            let mut known = message.section(Section::Answer);
            if known.any(|record| record.name == name && record.data().ok() == data) {
                continue;
            }
            if let Some(entry) = self.cache.get_mut(at) {
                if entry.doubts == 0 || now.since(entry.doubted) >= DOUBT {
                    (entry.doubts, entry.doubted) = (0, now);
                }
                entry.doubts = entry.doubts.saturating_add(1);
            }
        }
    }
}

/// Whether a record is one that several hosts have, whatever is said of it: pointers are, but for those
/// from an address to its name (RFC 6762 §10.2).
fn is_shared(record: &Received<'_>) -> bool {
    matches!(record.data, RecordData::Ptr(_)) && record.name.labels().last() != Some(b"arpa")
}
