//! Queries (RFC 6762 §5.3, §5.4, §7.1, §7.2).

use super::super::LINKS;
use super::super::link::{Link, NoRoom, Outside, Target, Version};
use super::{CLASS_IN, Querier};
use crate::config;
use crate::proto::dns::{Compression, Flags, MessageWriter, Section, WriteError};
use crate::time::Instant;

/// Questions, a bit each.
type Chosen = u16;

impl Querier {
    /// Asks the questions that are due.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        links: &[Link; LINKS],
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let mut due: Chosen = 0;
        for (place, question) in self.questions.iter().enumerate() {
            if question
                .as_ref()
                .is_some_and(|question| question.due <= now || question.is_refresh)
            {
                due |= 1 << place;
            }
        }
        if due == 0 {
            return Ok(());
        }
        let (mut asked, mut has_failed) = (0, false);
        for (number, link) in links
            .iter()
            .enumerate()
            .filter(|(_, link)| link.is_active())
        {
            match self.ask_on(now, (number, link), due, outside) {
                Ok(()) => asked |= due,
                Err(NoRoom) => has_failed = true,
            }
        }
        for (place, question) in self.questions.iter_mut().enumerate() {
            if let Some(question) = question
                && asked >> place & 1 != 0
            {
                question.was_asked(now);
            }
        }
        match has_failed && asked == 0 {
            true => Err(NoRoom),
            false => Ok(()),
        }
    }

    /// Asks questions on one link, and says what is known.
    #[inline(never)]
    fn ask_on(
        &self,
        now: Instant,
        (number, link): (usize, &Link),
        mut due: Chosen,
        outside: &mut dyn Outside,
    ) -> Result<(), NoRoom> {
        let mut bytes = [0; config::MDNS_MESSAGE];
        let most = link.most.min(bytes.len());
        let bytes = bytes.get_mut(..most).unwrap_or(&mut []);
        // "the Query Identifier SHOULD be set to zero" (RFC 6762 §18.1).
        let Ok(writer) = MessageWriter::new(bytes, 0, Flags::empty()) else {
            return Ok(());
        };
        let mut writer = writer.with_compression(Compression::Multicast);
        while due != 0 {
            let asked = self.write_questions(&mut writer, number, due);
            due &= !asked.1;
            if asked.0 == 0 {
                // What does not fit into an empty message never does.
                continue;
            }
            for entry in self.cache.entries() {
                let name = self.cache.name(entry);
                let is_asked = self.questions.iter().enumerate().any(|(place, question)| {
                    asked.0 >> place & 1 != 0
                        && question.as_ref().is_some_and(|question| {
                            question.is_answered_by(entry.link, name, entry.kind)
                        })
                });
                let Some(data) = self.cache.data(entry) else {
                    continue;
                };
                if usize::from(entry.link) != number || !is_asked || !entry.is_fresh(now) {
                    continue;
                }
                let write = |writer: &mut MessageWriter<'_>| {
                    let ttl = entry.left(now);
                    writer.record(Section::Answer, name, (CLASS_IN, false), ttl, &data)
                };
                if write(&mut writer).is_err() {
                    // "It MUST then set the TC (Truncated) bit", and "MUST immediately follow the
                    // packet with another query packet containing no questions" (RFC 6762 §7.2).
                    writer.set_flags(Flags::TRUNCATED);
                    emit(&writer, (number, link), outside)?;
                    writer.clear();
                    writer.set_flags(Flags::empty());
                    // What does not fit into an empty message is asked for again.
                    let _: Result<(), WriteError> = write(&mut writer);
                }
            }
            emit(&writer, (number, link), outside)?;
            writer.clear();
        }
        Ok(())
    }

    /// Writes as many questions as fit; says which, and which have been looked at.
    fn write_questions(
        &self,
        writer: &mut MessageWriter<'_>,
        number: usize,
        due: Chosen,
    ) -> (Chosen, Chosen) {
        let (mut asked, mut seen) = (0, 0);
        for (place, question) in self.questions.iter().enumerate() {
            let bit = 1 << place;
            let Some(question) = question.as_ref().filter(|_| due & bit != 0) else {
                continue;
            };
            if !question.is_on(number as u8) {
                seen |= bit;
                continue;
            }
            let (name, kind) = (question.name(), question.kind);
            let unicast = question.wants_unicast;
            // Two readers of one thing ask once.
            let mut before = self.questions.iter().enumerate().take(place);
            let is_asked = before.any(|(place, other)| {
                let same = |other: &super::Question| other.kind == kind && other.name() == name;
                asked >> place & 1 != 0 && other.as_ref().is_some_and(same)
            });
            if is_asked {
                (asked, seen) = (asked | bit, seen | bit);
                continue;
            }
            if writer.question(name, kind, CLASS_IN, unicast).is_err() {
                break;
            }
            (asked, seen) = (asked | bit, seen | bit);
        }
        // Something is seen each time, so that there is an end.
        if seen == 0 {
            seen = due;
        }
        (asked, seen)
    }
}

/// Sends a query to the groups of a link.
fn emit(
    writer: &MessageWriter<'_>,
    (number, link): (usize, &Link),
    outside: &mut dyn Outside,
) -> Result<(), NoRoom> {
    let mut sent = Ok(());
    for version in Version::BOTH
        .into_iter()
        .filter(|version| link.carries(*version))
    {
        sent = sent.and(outside.send(Target::Group(number, version), writer.as_bytes()));
    }
    sent
}
