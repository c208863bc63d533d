//! Messages written into a slice, with compression (RFC 1035 §4.1.4).

use heapless::Vec;

use super::message::{CLASS_TOP, Edns, Flags, HEADER_LENGTH, Section};
use super::name::{Labels, NameRef};
use super::record::{RecordData, RecordType};

/// Places in the message that names can point to, at most: those of the first names are kept.
const TARGETS: usize = 24;

/// Why something was not written. What was there before is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WriteError {
    /// There is no room for it.
    Full,
    /// What comes later in a message was written before.
    Order,
}

impl core::fmt::Display for WriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Full => "the message is full",
            Self::Order => "the section has been written",
        })
    }
}

impl core::error::Error for WriteError {}

/// Which names in the data of records are compressed. Those that records belong to are, but where
/// none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Compression {
    /// None at all: as data are compared (RFC 6762 §8.2).
    Nothing,
    /// Those in the types of RFC 1035 (RFC 3597 §4).
    Usual,
    /// Those in SRV and NSEC records too (RFC 6762 §18.14).
    Multicast,
}

/// Writes a message into a slice: questions first, then the records section by section.
#[derive(Debug)]
pub struct MessageWriter<'b> {
    bytes: &'b mut [u8],
    at: usize,
    compression: Compression,
    /// Questions, and records of each section.
    counts: [u16; 4],
    /// Where labels start that a later name may end with.
    targets: Vec<u16, TARGETS>,
}

impl<'b> MessageWriter<'b> {
    /// Writes into the slice from its start on, without a header: what names point to.
    pub(in crate::proto) const fn bare(bytes: &'b mut [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            compression: Compression::Usual,
            counts: [0; 4],
            targets: Vec::new(),
        }
    }

    /// Begins a message. The slice needs room for the header at least.
    pub fn new(bytes: &'b mut [u8], id: u16, flags: Flags) -> Result<Self, WriteError> {
        let mut writer = Self::bare(bytes);
        writer.put(&id.to_be_bytes())?;
        writer.put(&flags.bits().to_be_bytes())?;
        writer.put(&[0; HEADER_LENGTH - 4])?;
        Ok(writer)
    }

    /// Compresses as this says from now on, where it did as is [usual](Compression::Usual).
    #[must_use]
    pub const fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Writes a question; `unicast` is the bit of RFC 6762 §5.4.
    pub fn question(
        &mut self,
        name: NameRef<'_>,
        kind: RecordType,
        class: u16,
        unicast: bool,
    ) -> Result<(), WriteError> {
        self.whole(0, |writer| {
            writer.name(name, true)?;
            writer.put(&kind.0.to_be_bytes())?;
            let class = class & !CLASS_TOP | if unicast { CLASS_TOP } else { 0 };
            writer.put(&class.to_be_bytes())
        })
    }

    /// Writes a record; `flush` is the bit of RFC 6762 §10.2.
    pub fn record(
        &mut self,
        section: Section,
        name: NameRef<'_>,
        (class, flush): (u16, bool),
        ttl: u32,
        data: &RecordData<'_>,
    ) -> Result<(), WriteError> {
        let class = class & !CLASS_TOP | if flush { CLASS_TOP } else { 0 };
        self.raw_record(section, name, class, ttl, data)
    }

    /// Writes an OPT record (RFC 6891 §6.1).
    pub fn edns(
        &mut self,
        edns: Edns,
        options: super::record::Options<'_>,
    ) -> Result<(), WriteError> {
        let ttl = u32::from(edns.extended_rcode) << 24
            | u32::from(edns.version) << 16
            | u32::from(edns.dnssec_ok) << 15;
        let data = RecordData::Opt(options);
        self.raw_record(Section::Additional, NameRef::ROOT, edns.payload, ttl, &data)
    }

    fn raw_record(
        &mut self,
        section: Section,
        name: NameRef<'_>,
        class: u16,
        ttl: u32,
        data: &RecordData<'_>,
    ) -> Result<(), WriteError> {
        let part = match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        };
        self.whole(part, |writer| {
            writer.name(name, true)?;
            writer.put(&data.kind().0.to_be_bytes())?;
            writer.put(&class.to_be_bytes())?;
            writer.put(&ttl.to_be_bytes())?;
            writer.data(data)
        })
    }

    /// Writes the length of the data and the data.
    pub(super) fn data(&mut self, data: &RecordData<'_>) -> Result<(), WriteError> {
        let at = self.at;
        self.put(&[0; 2])?;
        data.write(self)?;
        let length = self.at.saturating_sub(at + 2);
        self.patch(at, u16::try_from(length).map_err(|_| WriteError::Full)?);
        Ok(())
    }

    /// Writes one item of a part as a whole, or leaves things as they were.
    fn whole(
        &mut self,
        part: usize,
        write: impl FnOnce(&mut Self) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let later = self.counts.get(part + 1..).unwrap_or(&[]);
        if later.iter().any(|count| *count > 0) {
            return Err(WriteError::Order);
        }
        let (at, targets) = (self.at, self.targets.len());
        let written = write(self);
        match (written, self.counts.get_mut(part)) {
            (Ok(()), Some(count)) if *count < u16::MAX => {
                *count += 1;
                let count = *count;
                self.patch(4 + 2 * part, count);
                Ok(())
            }
            (written, _) => {
                self.at = at;
                self.targets.truncate(targets);
                written.and(Err(WriteError::Full))
            }
        }
    }

    /// Writes octets.
    pub(super) fn put(&mut self, octets: &[u8]) -> Result<(), WriteError> {
        let to = self.bytes.get_mut(self.at..self.at + octets.len());
        let to = to.ok_or(WriteError::Full)?;
        to.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        self.at += octets.len();
        Ok(())
    }

    fn patch(&mut self, at: usize, value: u16) {
        let to = self.bytes.get_mut(at..);
        if let Some(to) = to.and_then(<[u8]>::first_chunk_mut) {
            *to = value.to_be_bytes();
        }
    }

    /// Writes a name in data of a type that RFC 1035 does not know.
    pub(super) fn newer_name(&mut self, name: NameRef<'_>) -> Result<(), WriteError> {
        self.name(name, self.compression == Compression::Multicast)
    }

    /// Writes a name, the end of which may be a pointer if `compress`.
    pub(super) fn name(&mut self, name: NameRef<'_>, compress: bool) -> Result<(), WriteError> {
        let compress = compress && self.compression != Compression::Nothing;
        let known = self.targets.len();
        let mut labels = name.labels();
        loop {
            let rest = labels.clone();
            let Some(label) = labels.next() else {
                return self.put(&[0]);
            };
            if compress && let Some(target) = self.target(known, &rest) {
                return self.put(&(0xc000 | target).to_be_bytes());
            }
            // A pointer has fourteen bits.
            if self.at < 0x4000 {
                // When there is no room for more, later names are longer.
                let _: Result<(), u16> = self.targets.push(self.at as u16);
            }
            self.put(&[label.len() as u8])?;
            self.put(label)?;
        }
    }

    /// Where these labels stand already, as the end of one of the first `known` names.
    fn target(&self, known: usize, labels: &Labels<'_>) -> Option<u16> {
        let written = self.bytes.get(..self.at)?;
        let mut targets = self.targets.iter().take(known);
        targets
            .find(|target| {
                let name = NameRef::read(written, usize::from(**target));
                name.is_ok_and(|(name, _)| name.labels().equals(labels.clone()))
            })
            .copied()
    }

    /// How many octets the message has so far.
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Never: there is a header.
    pub const fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// Has these flags in place of those that it began with.
    pub fn set_flags(&mut self, flags: Flags) {
        self.patch(2, flags.bits());
    }

    /// Writes a name without what it belongs to.
    #[cfg(feature = "mdns")]
    pub(in crate::proto) fn bare_name(&mut self, name: NameRef<'_>) -> Result<(), WriteError> {
        self.name(name, false)
    }

    /// What has been written so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.at).unwrap_or(&[])
    }

    /// Begins anew, with the same identifier and flags.
    pub fn clear(&mut self) {
        self.at = HEADER_LENGTH.min(self.at);
        self.counts = [0; 4];
        self.targets.clear();
        for count in [4, 6, 8, 10] {
            self.patch(count, 0);
        }
    }

    /// Whether nothing has been written behind the header.
    pub const fn has_nothing(&self) -> bool {
        self.at <= HEADER_LENGTH
    }

    /// The message.
    pub fn finish(self) -> &'b [u8] {
        let Self { bytes, at, .. } = self;
        bytes.get(..at).unwrap_or(&[])
    }
}
