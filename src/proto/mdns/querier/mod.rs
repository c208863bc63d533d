//! The querier: names of others, asked for and remembered (RFC 6762 §5, §7.3, §10).
//!
//! A question is asked in a series, whose intervals double, for as long as somebody is interested
//! (§5.2). All users of a question share it, and what it finds stands in one cache.

mod ask;
mod cache;
mod hear;
mod lookup;

use heapless::Vec;

use super::LINKS;
use super::RETRY;
use super::link::{Link, Outside};
use crate::config;
use crate::proto::dns::{CLASS_IN, NameRef, RecordData, RecordType};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

use super::name_in;
use cache::{Cache, DOUBT, DOUBTS, Entry, Interest};

#[cfg(feature = "dns-sd")]
pub(in crate::proto) use lookup::Asking;
pub use lookup::MdnsError;

/// Octets of the longest name that is asked for.
const QUESTION_NAME: usize = 192;
/// "the interval between the first two queries MUST be at least one second" (RFC 6762 §5.2).
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// "a querier MAY cap the interval to a maximum of 60 minutes" (RFC 6762 §5.2).
const LAST_INTERVAL: Duration = Duration::from_secs(3600);
/// "delay the first query of the series by a randomly chosen amount in the range 20-120 ms" (RFC 6762
/// §5.2).
const FIRST_DELAY: (u32, u32) = (20, 120);

/// A question that is asked until nobody is interested.
struct Question {
    name: Vec<u8, QUESTION_NAME>,
    kind: RecordType,
    /// The only interface that it is asked on.
    link: Option<u8>,
    /// When it is asked next; [`Instant::MAX`] if the answer is there, and is all.
    due: Instant,
    /// The time to the query after that.
    interval: Duration,
    /// It is the first after the link has come up (RFC 6762 §5.4).
    wants_unicast: bool,
    /// An answer is to be confirmed.
    is_refresh: bool,
    users: u8,
    /// One of its users is told what comes and goes.
    has_reader: bool,
}

impl Question {
    fn name(&self) -> NameRef<'_> {
        name_in(&self.name)
    }

    fn is_on(&self, link: u8) -> bool {
        self.link.is_none_or(|only| only == link)
    }

    /// Whether a record answers it.
    fn is_answered_by(&self, link: u8, name: NameRef<'_>, kind: RecordType) -> bool {
        self.is_on(link)
            && (self.kind == kind || self.kind == RecordType::ANY)
            && self.name() == name
    }

    /// It has been asked, or somebody else has asked it.
    fn was_asked(&mut self, now: Instant) {
        self.wants_unicast = false;
        self.is_refresh = false;
        if self.due <= now {
            self.due = now + self.interval;
            self.interval = self.interval.times(2).min(LAST_INTERVAL);
        }
    }

    /// Begins the series anew.
    fn restart(&mut self, due: Instant) {
        (self.due, self.interval) = (due, FIRST_INTERVAL);
    }
}

/// The machine.
pub(in crate::proto) struct Querier {
    questions: [Option<Question>; config::MDNS_QUESTIONS],
    cache: Cache,
    /// Links that are up, a bit each.
    active: u32,
    /// What is known has changed.
    pub(super) has_news: bool,
    /// Mixed into what is left to chance, where there is no other source of it.
    chance: u32,
}

impl Querier {
    pub(super) const fn new() -> Self {
        Self {
            questions: [const { None }; config::MDNS_QUESTIONS],
            cache: Cache::new(),
            active: 0,
            has_news: false,
            chance: 0,
        }
    }

    /// It starts: nothing is known of the links.
    pub(super) fn reset(&mut self) {
        self.cache.clear();
        self.active = 0;
        self.has_news = true;
    }

    pub(super) fn cache_full(&self) -> u32 {
        self.cache.full
    }

    /// Asks a question, or joins those who do; says where it stands. A reader is told what comes
    /// and goes, and shares its question with no other.
    pub(in crate::proto) fn open(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        name: NameRef<'_>,
        (kind, link): (RecordType, Option<u8>),
        reads: bool,
    ) -> Result<usize, MdnsError> {
        let mut same = None;
        for (place, question) in self.questions.iter_mut().enumerate() {
            if let Some(question) = question
                && question.kind == kind
                && question.link == link
                && question.name() == name
            {
                same = Some((question.due, question.interval));
                if !(reads && question.has_reader)
                    && let Some(users) = question.users.checked_add(1)
                {
                    question.users = users;
                    question.has_reader |= reads;
                    return Ok(place);
                }
            }
        }
        let mut octets = Vec::new();
        for label in name.labels() {
            let length = [label.len() as u8];
            for part in [&length, label] {
                octets
                    .extend_from_slice(part)
                    .map_err(|_| MdnsError::NameInvalid)?;
            }
        }
        octets.push(0).map_err(|_| MdnsError::NameInvalid)?;
        let mut places = self.questions.iter_mut().enumerate();
        let (place, free) =
            (places.find(|(_, place)| place.is_none())).ok_or(MdnsError::TooManyQuestions)?;
        let (least, most) = FIRST_DELAY;
        let delay = least + rng.below(most - least + 1);
        self.chance = rng.next_u32();
        let first = (now + Duration::from_millis(delay.into()), FIRST_INTERVAL);
        // What is asked already is not asked more often.
        let (due, interval) = same.unwrap_or(first);
        *free = Some(Question {
            name: octets,
            kind,
            link,
            due,
            interval,
            wants_unicast: false,
            is_refresh: false,
            users: 1,
            has_reader: reads,
        });
        // What is known already may be all.
        let known = self.unique_answer(now, place);
        if let Some(Some(question)) = self.questions.get_mut(place)
            && known
        {
            question.due = Instant::MAX;
        }
        Ok(place)
    }

    /// One asks a question no longer, who may be its reader.
    pub(in crate::proto) fn close(&mut self, place: usize, reads: bool) {
        let Some(question) = self.questions.get_mut(place) else {
            return;
        };
        if let Some(open) = question {
            open.users = open.users.saturating_sub(1);
            open.has_reader &= !reads;
            if open.users == 0 {
                *question = None;
            }
        }
        if reads {
            self.forget_told(place);
        }
    }

    /// Whether there is one link that a question is asked on: on another, another host may have the
    /// same name (RFC 6762 §14).
    fn is_of_one_link(&self, question: &Question) -> bool {
        question.link.is_some() || self.active.count_ones() <= 1
    }

    /// Nobody is told any longer of what answers a question.
    fn forget_told(&mut self, place: usize) {
        let bit = 1 << place;
        for at in (0..self.cache.len()).rev() {
            let Some(entry) = self.cache.get_mut(at) else {
                continue;
            };
            entry.told &= !bit;
            if entry.is_gone && entry.told == 0 {
                self.cache.remove(at);
            }
        }
    }

    /// Whether all that there is to know in answer to a question is known: addresses, and what else
    /// one host alone has.
    fn unique_answer(&self, now: Instant, place: usize) -> bool {
        let Some(Some(question)) = self.questions.get(place) else {
            return false;
        };
        let is_shared = question.kind == RecordType::PTR || question.kind == RecordType::ANY;
        !is_shared && self.is_of_one_link(question) && self.live(now, question).next().is_some()
    }

    /// What is known in answer to a question.
    fn live<'q>(&'q self, now: Instant, question: &'q Question) -> impl Iterator<Item = &'q Entry> {
        self.cache.entries().filter(move |entry| {
            entry.is_live(now)
                && question.is_answered_by(entry.link, self.cache.name(entry), entry.kind)
        })
    }

    /// Shows `visit` what is known of a name and a type; says whether there is something.
    pub(in crate::proto) fn visit(
        &self,
        now: Instant,
        name: NameRef<'_>,
        (kind, link): (RecordType, Option<u8>),
        visit: &mut dyn FnMut(u8, &RecordData<'_>),
    ) -> bool {
        let mut is_known = false;
        for entry in self.cache.entries() {
            let is_it = entry.is_live(now)
                && entry.kind == kind
                && link.is_none_or(|only| only == entry.link)
                && self.cache.name(entry) == name;
            if let Some(data) = self.cache.data(entry).filter(|_| is_it) {
                is_known = true;
                visit(entry.link, &data);
            }
        }
        is_known
    }

    /// Whether it is known that a name has nothing of a type (RFC 6762 §6.1).
    pub(in crate::proto) fn is_none(
        &self,
        now: Instant,
        name: NameRef<'_>,
        (kind, link): (RecordType, Option<u8>),
    ) -> bool {
        let mut is_none = false;
        let key = (RecordType::NSEC, link);
        let _: bool = self.visit(now, name, key, &mut |_, data| {
            if let RecordData::Nsec(nsec) = data {
                is_none |= !nsec.contains(kind);
            }
        });
        is_none
    }

    /// What has come or gone in answer to a question since this was asked before: the first such
    /// record is shown to `show`, and whether it has come.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn next_change<R>(
        &mut self,
        now: Instant,
        place: usize,
        show: impl FnOnce(bool, u8, &RecordData<'_>) -> R,
    ) -> Option<R> {
        let bit = 1u16.checked_shl(place as u32)?;
        let question = self.questions.get(place)?.as_ref()?;
        let mut entries = 0..self.cache.len();
        let at = entries.find(|at| {
            self.cache.get(*at).is_some_and(|entry| {
                let is_told = entry.told & bit != 0;
                is_told != entry.is_live(now)
                    && (is_told
                        || question.is_answered_by(entry.link, self.cache.name(entry), entry.kind)
                            && question.kind == entry.kind)
            })
        })?;
        let entry = self.cache.get(at)?;
        let has_come = entry.told & bit == 0;
        let result = self
            .cache
            .data(entry)
            .map(|data| show(has_come, entry.link, &data));
        let entry = self.cache.get_mut(at)?;
        entry.told ^= bit;
        if entry.is_gone && entry.told == 0 {
            self.cache.remove(at);
        }
        result
    }

    /// Says of a record that it may no longer be true: without an answer it ends after ten seconds
    /// (RFC 6762 §10.4).
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn doubt(&mut self, now: Instant, place: usize) {
        let Self {
            questions, cache, ..
        } = self;
        let Some(Some(question)) = questions.get_mut(place) else {
            return;
        };
        for at in 0..cache.len() {
            let is_it = cache.get(at).is_some_and(|entry| {
                question.is_answered_by(entry.link, cache.name(entry), entry.kind)
            });
            if let Some(entry) = cache.get_mut(at).filter(|_| is_it) {
                (entry.doubts, entry.doubted) = (DOUBTS, now);
            }
        }
        question.restart(now);
    }

    /// What a record is of interest for.
    fn interest(&self, link: u8, name: NameRef<'_>, kind: RecordType) -> Interest {
        let mut questions = self.questions.iter().flatten();
        let is_asked = questions.any(|question| {
            question.is_answered_by(link, name, kind)
                // That there is nothing is an answer too.
                || kind == RecordType::NSEC && question.is_on(link) && question.name() == name
        });
        if is_asked {
            return Interest::Asked;
        }
        match related(&self.cache, link, name, kind) {
            true => Interest::Related,
            false => Interest::None,
        }
    }

    /// A link has changed: what was known of it is no longer, and all is asked anew, for an answer
    /// by unicast at first (RFC 6762 §5.4, §10.3).
    pub(super) fn link_changed(
        &mut self,
        now: Instant,
        number: usize,
        (old, new): (&Link, &Link),
        outside: &mut dyn Outside,
    ) {
        let bit = 1u32.checked_shl(number as u32).unwrap_or(0);
        match new.is_active() {
            true => self.active |= bit,
            false => self.active &= !bit,
        }
        let number = number as u8;
        if !new.is_active() {
            for entry in self
                .cache
                .entries_mut()
                .filter(|entry| entry.link == number)
            {
                entry.expires = now;
            }
        } else if !old.is_active() {
            let (least, most) = FIRST_DELAY;
            let due = now + outside.between(least, most);
            for question in self.questions.iter_mut().flatten() {
                if question.is_on(number) {
                    question.restart(due);
                    question.wants_unicast = true;
                }
            }
        }
    }

    /// Does what is due; says when there is more to do.
    pub(super) fn step(
        &mut self,
        now: Instant,
        links: &[Link; LINKS],
        outside: &mut dyn Outside,
    ) -> Instant {
        self.chance = outside.below(u32::MAX);
        self.expire(now);
        self.plan_refreshes(now);
        let retry = match self.ask(now, links, outside) {
            Ok(()) => now,
            // There will be room.
            Err(_) => now + RETRY,
        };
        let questions = self.questions.iter().flatten();
        let questions = questions.map(|question| question.due);
        let entries = self.cache.entries().filter(|entry| !entry.is_gone);
        let entries = entries.map(|entry| {
            let is_asked = self.is_asked(entry);
            let refresh = if is_asked {
                entry.refresh
            } else {
                Instant::MAX
            };
            let doubted = match entry.doubts >= DOUBTS {
                true => entry.doubted + DOUBT,
                false => Instant::MAX,
            };
            entry.expires.min(refresh).min(doubted)
        });
        let next = questions.chain(entries).fold(Instant::MAX, Instant::min);
        // Without a link nothing is asked.
        let is_active = links.iter().any(Link::is_active);
        match is_active {
            true => next.max(now + Duration::from_millis(1)).max(retry),
            false => Instant::MAX,
        }
    }

    fn is_asked(&self, entry: &Entry) -> bool {
        let mut questions = self.questions.iter().flatten();
        questions
            .any(|question| question.is_answered_by(entry.link, self.cache.name(entry), entry.kind))
    }

    /// Lets records end.
    fn expire(&mut self, now: Instant) {
        for at in (0..self.cache.len()).rev() {
            let Some(entry) = self.cache.get_mut(at) else {
                continue;
            };
            if entry.doubts >= DOUBTS && now.since(entry.doubted) >= DOUBT {
                entry.expires = entry.expires.min(now);
            }
            if entry.is_gone || entry.expires > now {
                continue;
            }
            entry.is_gone = true;
            self.has_news = true;
            let is_told = entry.told != 0;
            let Self {
                questions, cache, ..
            } = self;
            if let Some(entry) = cache.get(at) {
                // Who still wants it asks as at first.
                for question in questions.iter_mut().flatten() {
                    if question.due == Instant::MAX
                        && question.is_answered_by(entry.link, cache.name(entry), entry.kind)
                    {
                        question.restart(now);
                    }
                }
            }
            if !is_told {
                self.cache.remove(at);
            }
        }
    }

    /// Records of interest are asked for before they expire (RFC 6762 §5.2).
    fn plan_refreshes(&mut self, now: Instant) {
        let Self {
            questions,
            cache,
            chance,
            ..
        } = self;
        for at in 0..cache.len() {
            let Some(entry) = cache
                .get(at)
                .filter(|entry| entry.is_live(now) && entry.refresh <= now)
            else {
                continue;
            };
            let mut is_asked = false;
            for question in questions.iter_mut().flatten() {
                if question.is_answered_by(entry.link, cache.name(entry), entry.kind) {
                    question.is_refresh = true;
                    is_asked = true;
                }
            }
            if let Some(entry) = cache.get_mut(at).filter(|_| is_asked) {
                entry.refreshed(*chance);
            }
        }
    }
}

/// Whether something that is known leads to a name: the service that a pointer names, or the host
/// that a service is on.
fn related(cache: &Cache, link: u8, name: NameRef<'_>, kind: RecordType) -> bool {
    let by = match kind {
        RecordType::SRV | RecordType::TXT => RecordType::PTR,
        RecordType::A | RecordType::AAAA | RecordType::NSEC => RecordType::SRV,
        _ => return false,
    };
    let mut entries = cache
        .entries()
        .filter(|entry| entry.kind == by && entry.link == link);
    entries.any(|entry| match cache.data(entry) {
        Some(RecordData::Ptr(target)) => target == name,
        Some(RecordData::Srv(srv)) => srv.target == name,
        _ => false,
    })
}
