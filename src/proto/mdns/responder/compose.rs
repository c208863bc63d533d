//! Our records put into messages (RFC 6762 §6, §10, §17, §18).

use super::super::link::{Link, NoRoom, Outside, Target};
use super::owner::{OWNERS, Own, Owners, Units};
use crate::config;
use crate::proto::dns::{
    CLASS_IN, Compression, Flags, Message, MessageWriter, Section, WriteError,
};

/// Records of all owners.
pub(super) type Wanted = [Units; OWNERS];

/// "SHOULD NOT be greater than ten seconds" (RFC 6762 §6.7).
const LEGACY_TTL: u32 = 10;
/// "In response messages for Multicast domains, the Authoritative Answer bit MUST be set to one"
/// (RFC 6762 §18.4).
const FLAGS: Flags = Flags::RESPONSE.union(Flags::AUTHORITATIVE);
/// A message has room for the longest record, and for what belongs into the same message.
const _: () = assert!(
    config::MDNS_MESSAGE >= config::MDNS_TXT + 256,
    "ZONDA_MDNS_MESSAGE has to be 256 more than ZONDA_MDNS_TXT at least"
);

/// How records are said.
#[derive(Clone, Copy)]
pub(super) enum Manner<'m> {
    /// As they are.
    Usual,
    /// That they are no longer (RFC 6762 §10.1).
    Goodbye,
    /// To somebody who knows no multicast DNS, in answer to this (RFC 6762 §6.7).
    Legacy(&'m Message<'m>),
}

impl Manner<'_> {
    fn begin<'b>(self, bytes: &'b mut [u8]) -> Result<MessageWriter<'b>, WriteError> {
        let Self::Legacy(query) = self else {
            let writer = MessageWriter::new(bytes, 0, FLAGS)?;
            return Ok(writer.with_compression(Compression::Multicast));
        };
        let mut writer = MessageWriter::new(bytes, query.id(), FLAGS)?;
        // "it MUST repeat the query ID and the question".
        for question in query.questions().map_while(Result::ok) {
            writer.question(
                question.name,
                question.kind,
                question.class,
                question.unicast,
            )?;
        }
        Ok(writer)
    }

    fn write(
        self,
        writer: &mut MessageWriter<'_>,
        section: Section,
        own: &Own<'_>,
    ) -> Result<(), WriteError> {
        let (ttl, flush) = match self {
            Self::Usual => (own.ttl, own.is_unique()),
            Self::Goodbye => (0, own.is_unique()),
            Self::Legacy(_) => (own.ttl.min(LEGACY_TTL), false),
        };
        writer.record(section, own.name, (CLASS_IN, flush), ttl, &own.data)
    }
}

/// Sends `wanted` to all of `targets`, in as many messages as it takes, and what goes along with it as
/// far as there is room. Says which records have been sent; an error if not all of those wanted.
#[inline(never)]
pub(super) fn send(
    owners: &Owners,
    link: &Link,
    wanted: &Wanted,
    manner: Manner<'_>,
    targets: &[Target],
    outside: &mut dyn Outside,
) -> Result<Wanted, NoRoom> {
    let mut bytes = [0; config::MDNS_MESSAGE];
    let most = link.most.min(bytes.len());
    let bytes = bytes.get_mut(..most).unwrap_or(&mut []);
    let Ok(mut writer) = manner.begin(bytes) else {
        return Ok(*wanted);
    };
    let is_legacy = matches!(manner, Manner::Legacy(_));
    let mut sent = Ok(());
    let mut emit = |message: &[u8]| {
        for target in targets {
            sent = sent.and(outside.send(*target, message));
        }
    };
    for (owner, units) in wanted.iter().enumerate() {
        owners.records(owner, link, *units, &mut |own| {
            let written = manner.write(&mut writer, Section::Answer, own);
            if written.is_err() && is_legacy {
                // Who knows no multicast DNS takes one message, and is told that it is cut
                // (RFC 6762 §18.5).
                writer.set_flags(FLAGS | Flags::TRUNCATED);
            } else if written.is_err() && !writer.has_nothing() {
                emit(writer.as_bytes());
                writer.clear();
                // A record that fits no message is none that can be registered.
                let _: Result<(), WriteError> = manner.write(&mut writer, Section::Answer, own);
            }
        });
    }
    let mut said = *wanted;
    if !matches!(manner, Manner::Goodbye) {
        let additional = additional(owners, link, wanted);
        for (owner, (units, said)) in additional.iter().zip(&mut said).enumerate() {
            owners.records(owner, link, *units, &mut |own| {
                let written = manner.write(&mut writer, Section::Additional, own);
                match written {
                    Ok(()) => said.insert(own.unit),
                    // What is not sent as a whole has not been.
                    Err(_) => said.remove(own.unit),
                }
            });
        }
    }
    if !writer.has_nothing() {
        emit(writer.as_bytes());
    }
    sent.map(|()| said)
}

/// What goes along with these records and is none of them.
fn additional(owners: &Owners, link: &Link, wanted: &Wanted) -> Wanted {
    let mut additional = [Units::empty(); OWNERS];
    let mut of_host = Units::empty();
    for (owner, (answers, own)) in wanted.iter().zip(&mut additional).enumerate() {
        let (units, host) = owners.additional(owner, link, *answers);
        *own = units - *answers;
        of_host |= host;
    }
    let host_answers = wanted.first().copied().unwrap_or_default();
    if let Some(host) = additional.first_mut() {
        *host |= of_host - host_answers;
    }
    additional
}

/// Those of `units` all records of which stand in `sections` of a message, with a TTL that `is_enough`
/// next to ours.
pub(super) fn units_in(
    owners: &Owners,
    owner: usize,
    link: &Link,
    units: Units,
    message: &Message<'_>,
    is_enough: fn(u32, u32, Section) -> bool,
) -> Units {
    let (mut seen, mut missing) = (Units::empty(), Units::empty());
    owners.records(owner, link, units, &mut |own| {
        seen |= own.unit;
        let mut records = message.records().map_while(Result::ok);
        let is_there = records.any(|record| {
            is_enough(record.ttl(), own.ttl, record.section)
                && record.kind == own.data.kind()
                && record.class() == CLASS_IN
                && record.name == own.name
                && record.data().is_ok_and(|data| data == own.data)
        });
        if !is_there {
            missing |= own.unit;
        }
    });
    seen - missing
}
