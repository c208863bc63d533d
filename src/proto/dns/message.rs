//! Messages (RFC 1035 §4.1): the header, and iterators over questions and records.
//!
//! A message is read where it lies. Questions and records are walked in the order in which they
//! stand; the first that is malformed ends the walk, and says so. Whatever the counts of the header
//! claim, the walk ends with the bytes.

use bitflags::bitflags;

use super::name::NameRef;
use super::record::{RecordData, RecordType};
use crate::wire::{Bytes as _, Malformed};

/// The octets of a header.
pub const HEADER_LENGTH: usize = 12;

/// The Internet (RFC 1035 §3.2.4).
pub const CLASS_IN: u16 = 1;
/// Any class, in a question (RFC 1035 §3.2.5).
pub const CLASS_ANY: u16 = 255;
/// The highest bit of a class: in a question, that a unicast answer will do (RFC 6762 §5.4); in a
/// record, that it replaces those known before (§10.2).
pub(super) const CLASS_TOP: u16 = 1 << 15;

bitflags! {
    /// The bits of a header (RFC 1035 §4.1.1, RFC 4035 §3).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u16 {
        /// It is a response.
        const RESPONSE = 1 << 15;
        /// It comes from an authority for the name.
        const AUTHORITATIVE = 1 << 10;
        /// It was longer than could be sent.
        const TRUNCATED = 1 << 9;
        /// The server is to ask others.
        const RECURSION_DESIRED = 1 << 8;
        /// The server would ask others.
        const RECURSION_AVAILABLE = 1 << 7;
        /// The server has verified the data.
        const AUTHENTIC = 1 << 5;
        /// The server need not verify the data.
        const CHECKING_DISABLED = 1 << 4;
        // Opcode and response code.
        const _ = !0;
    }
}

impl Flags {
    /// With a response code.
    #[must_use]
    pub const fn with_rcode(self, rcode: Rcode) -> Self {
        Self::from_bits_retain(self.bits() & !0xf | rcode.0 & 0xf)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Flags {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{:#06x}", self.bits());
    }
}

/// A response code (RFC 1035 §4.1.1; more than 15 with the bits of RFC 6891 §6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NO_ERROR: Self = Self(0);
    /// The server could not read the query.
    pub const FORMAT_ERROR: Self = Self(1);
    /// The server could not do what was asked.
    pub const SERVER_FAILURE: Self = Self(2);
    /// The name does not exist.
    pub const NAME_ERROR: Self = Self(3);
    /// The server does not know this kind of query.
    pub const NOT_IMPLEMENTED: Self = Self(4);
    /// The server does not want to.
    pub const REFUSED: Self = Self(5);
    /// The server does not know this version of EDNS (RFC 6891 §9).
    pub const BAD_VERSION: Self = Self(16);
}

/// The parts of a message that hold records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Section {
    /// What answers the question.
    Answer,
    /// What points to an authority.
    Authority,
    /// What may help.
    Additional,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    bytes: &'m [u8],
    header: &'m [u8; HEADER_LENGTH],
}

impl<'m> Message<'m> {
    /// The message that `bytes` are. Only that the header is there has been checked so far.
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk().ok_or(Malformed::Truncated)?;
        Ok(Self { bytes, header })
    }

    /// Two octets of the header; `at` is a constant.
    #[inline(always)]
    fn field(&self, at: usize) -> u16 {
        let octets = self.header.get(at..).and_then(<[u8]>::first_chunk);
        octets.map_or(0, |octets| u16::from_be_bytes(*octets))
    }

    /// The identifier.
    pub fn id(&self) -> u16 {
        self.field(0)
    }

    /// The bits.
    pub fn flags(&self) -> Flags {
        Flags::from_bits_retain(self.field(2))
    }

    /// What kind of query it is: 0 is the usual one.
    pub fn opcode(&self) -> u8 {
        (self.field(2) >> 11 & 0xf) as u8
    }

    /// The response code, without the bits of an OPT record.
    pub fn rcode(&self) -> Rcode {
        Rcode(self.field(2) & 0xf)
    }

    /// How many questions it says that it has.
    pub fn question_count(&self) -> u16 {
        self.field(4)
    }

    /// How many records it says that a section has.
    pub fn record_count(&self, section: Section) -> u16 {
        match section {
            Section::Answer => self.field(6),
            Section::Authority => self.field(8),
            Section::Additional => self.field(10),
        }
    }

    /// The questions.
    pub fn questions(&self) -> Questions<'m> {
        Questions {
            bytes: self.bytes,
            at: HEADER_LENGTH,
            left: self.question_count(),
        }
    }

    /// The records of all sections.
    pub fn records(&self) -> Records<'m> {
        let mut questions = self.questions();
        let failed = questions.by_ref().find_map(Result::err);
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        Records {
            bytes: self.bytes,
            at: questions.at,
            left: sections.map(|section| self.record_count(section)),
            failed,
        }
    }

    /// The records of one section; those that are malformed end it.
    pub fn section(&self, section: Section) -> impl Iterator<Item = Record<'m>> {
        let records = self.records().map_while(Result::ok);
        let records = records.skip_while(move |record| record.section < section);
        records.take_while(move |record| record.section == section)
    }

    /// Whether every question and record can be read, the data of each among them.
    pub fn check(&self) -> Result<(), Malformed> {
        self.records().try_for_each(|record| {
            let _: RecordData<'_> = record?.data()?;
            Ok(())
        })
    }
}

/// A question (RFC 1035 §4.1.2).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Question<'m> {
    /// The name.
    pub name: NameRef<'m>,
    /// The type of records that are wanted.
    pub kind: RecordType,
    /// Their class.
    pub class: u16,
    /// A unicast answer is wanted (RFC 6762 §5.4). Elsewhere it is a bit of the class.
    pub unicast: bool,
}

/// The questions of a message.
#[derive(Clone, Debug)]
pub struct Questions<'m> {
    bytes: &'m [u8],
    at: usize,
    left: u16,
}

impl<'m> Questions<'m> {
    fn read(&mut self) -> Result<Question<'m>, Malformed> {
        let (name, end) = NameRef::read(self.bytes, self.at)?;
        let [kind, class] = words(self.bytes.array::<4>(end)?);
        self.at = end + 4;
        Ok(Question {
            name,
            kind: RecordType(kind),
            class: class & !CLASS_TOP,
            unicast: class & CLASS_TOP != 0,
        })
    }
}

impl<'m> Iterator for Questions<'m> {
    type Item = Result<Question<'m>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let question = self.read();
        if question.is_err() {
            self.left = 0;
        }
        Some(question)
    }
}

/// A record (RFC 1035 §4.1.3).
#[derive(Clone, Copy, Debug)]
pub struct Record<'m> {
    /// Where it stands.
    pub section: Section,
    /// The name that it belongs to.
    pub name: NameRef<'m>,
    /// What it holds.
    pub kind: RecordType,
    /// Its class, as it stands there.
    class: u16,
    /// The field of the TTL, as it stands there.
    ttl: u32,
    message: &'m [u8],
    start: usize,
    length: usize,
}

impl<'m> Record<'m> {
    /// The class, without the bit of [`Record::is_cache_flush`].
    pub const fn class(&self) -> u16 {
        self.class & !CLASS_TOP
    }

    /// Records known before with this name, type and class are replaced (RFC 6762 §10.2).
    pub const fn is_cache_flush(&self) -> bool {
        self.class & CLASS_TOP != 0
    }

    /// Seconds that it may be kept. "treat TTL values received with the most significant bit set as
    /// if the entire value received was zero" (RFC 2181 §8).
    pub const fn ttl(&self) -> u32 {
        match self.ttl >> 31 {
            0 => self.ttl,
            _ => 0,
        }
    }

    /// What it holds.
    pub fn data(&self) -> Result<RecordData<'m>, Malformed> {
        RecordData::read(self.kind, self.message, self.start, self.length)
    }

    /// The fields of an OPT record, which stand in place of class and TTL (RFC 6891 §6.1.3).
    pub const fn edns(&self) -> Edns {
        Edns {
            payload: self.class,
            extended_rcode: (self.ttl >> 24) as u8,
            version: (self.ttl >> 16) as u8,
            dnssec_ok: self.ttl & 1 << 15 != 0,
        }
    }
}

/// What an OPT record says beside its options (RFC 6891 §6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Edns {
    /// The longest message that the sender takes by UDP, in octets.
    pub payload: u16,
    /// The upper eight bits of the response code.
    pub extended_rcode: u8,
    /// The version, 0.
    pub version: u8,
    /// DNSSEC records are wanted (RFC 3225 §3).
    pub dnssec_ok: bool,
}

/// The records of a message.
#[derive(Clone, Debug)]
pub struct Records<'m> {
    bytes: &'m [u8],
    at: usize,
    /// How many are to come of each section.
    left: [u16; 3],
    /// The questions before them could not be read.
    failed: Option<Malformed>,
}

impl<'m> Records<'m> {
    fn read(&mut self, section: Section) -> Result<Record<'m>, Malformed> {
        let (name, end) = NameRef::read(self.bytes, self.at)?;
        let [kind, class, ttl_high, ttl_low, length] = words(self.bytes.array::<10>(end)?);
        let (start, length) = (end + 10, usize::from(length));
        self.at = start + length;
        if self.at > self.bytes.len() {
            return Err(Malformed::Truncated);
        }
        Ok(Record {
            section,
            name,
            kind: RecordType(kind),
            class,
            ttl: u32::from(ttl_high) << 16 | u32::from(ttl_low),
            message: self.bytes,
            start,
            length,
        })
    }

    fn next_section(&mut self) -> Option<Section> {
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let mut left = self.left.iter_mut().zip(sections);
        let (left, section) = left.find(|(left, _)| **left > 0)?;
        *left -= 1;
        Some(section)
    }
}

impl<'m> Iterator for Records<'m> {
    type Item = Result<Record<'m>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.failed.take() {
            Some(malformed) => Err(malformed),
            None => {
                let section = self.next_section()?;
                self.read(section)
            }
        };
        if record.is_err() {
            self.left = [0; 3];
        }
        Some(record)
    }
}

/// The 16-bit fields that these octets are; there are twice as many octets as fields.
pub(super) fn words<const OCTETS: usize, const WORDS: usize>(octets: [u8; OCTETS]) -> [u16; WORDS] {
    const { assert!(OCTETS == 2 * WORDS) };
    let mut words = [0; WORDS];
    let pairs = octets.as_chunks().0;
    for (word, pair) in words.iter_mut().zip(pairs) {
        *word = u16::from_be_bytes(*pair);
    }
    words
}
