//! The options of an IPv4 header: RFC 791 §3.1, RFC 1122 §3.2.1.8 and §3.2.2.6 (what a host does
//! with them), RFC 2113 §2.1 (Router Alert), RFC 1108 §2 (Security).

use core::net::Ipv4Addr;

mod check;

pub(crate) use check::Unfit;
#[cfg(feature = "ipv4-options")]
pub(crate) use check::check;
#[cfg(not(feature = "ipv4-options"))]
pub(crate) use check::has_source_route;

use super::{
    Bytes, Malformed,
    ipv4::{HEADER_LENGTH, MAXIMUM_OPTIONS},
};
use crate::checksum::Sum;

/// The option types (RFC 791 §3.1; RFC 2113 §2.1): a bit that says whether fragments carry the
/// option, two bits of class, five of number. All but the first two are followed by a length that
/// counts the type and itself.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const RECORD_ROUTE: u8 = 7;
    pub(super) const TIMESTAMP: u8 = 68;
    pub(super) const SECURITY: u8 = 130;
    pub(super) const LOOSE_SOURCE_ROUTE: u8 = 131;
    pub(super) const STRICT_SOURCE_ROUTE: u8 = 137;
    pub(super) const ROUTER_ALERT: u8 = 148;

    /// In the type: the option is copied into all fragments.
    pub(super) const COPIED: u8 = 0x80;
}

/// Where the octets of an option stand, relative to its type.
const LENGTH: u8 = 1;
const POINTER: u8 = 2;
const OVERFLOW_FLAG: u8 = 3;

/// The pointer of an empty route: it counts from one, behind type, length and itself.
const FIRST_ADDRESS: u8 = 4;
/// The pointer of an empty list of timestamps, behind overflow and flag.
const FIRST_TIMESTAMP: u8 = 5;
/// The flag: timestamps alone.
const TIMESTAMPS_ONLY: u8 = 0;
/// The flag: each timestamp follows the address of who registers it.
const WITH_ADDRESSES: u8 = 1;
/// The flag: each timestamp follows the address of who is to register it.
const PRESPECIFIED: u8 = 3;
/// The most modules that can be counted for want of space.
const MAXIMUM_OVERFLOW: u8 = 15;

/// There is an error in the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MalformedAt {
    /// The octet of the options that is wrong, counted from zero.
    pub offset: u8,
}

impl MalformedAt {
    /// The same octet counted from the start of the header: the pointer of an ICMP Parameter
    /// Problem (RFC 792).
    pub const fn pointer(self) -> u8 {
        self.offset.saturating_add(HEADER_LENGTH as u8)
    }

    const fn behind(self, offset: u8) -> Self {
        Self {
            offset: self.offset.saturating_add(offset),
        }
    }
}

impl core::fmt::Display for MalformedAt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "malformed option at octet {}", self.offset)
    }
}

impl core::error::Error for MalformedAt {}

/// The option does not fit beside the others into 40 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoRoom;

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no room for the option")
    }
}

impl core::error::Error for NoRoom {}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Ipv4Option<'a> {
    /// The list ends here; the rest is padding.
    End,
    /// Nothing, to align what follows.
    NoOperation,
    /// A label of the level of security; what it holds behind its length (RFC 1108 §2).
    Security(&'a [u8]),
    /// Hops to visit, others between them allowed, and those visited.
    LooseSourceRoute(Route<'a>),
    /// Hops to visit and no others, and those visited.
    StrictSourceRoute(Route<'a>),
    /// The hops visited.
    RecordRoute(Route<'a>),
    /// The times of the hops.
    Timestamp(Timestamps<'a>),
    /// Routers are to look at the packet, a host is not (RFC 2113 §2.1).
    RouterAlert(u16),
    /// Another, to be ignored (RFC 1122 §3.2.1.8).
    Unknown {
        /// The option type.
        kind: u8,
        /// What it holds behind its length.
        data: &'a [u8],
    },
}

impl<'a> Ipv4Option<'a> {
    /// The option type.
    pub const fn kind(&self) -> u8 {
        match *self {
            Self::End => kind::END,
            Self::NoOperation => kind::NO_OPERATION,
            Self::Security(_) => kind::SECURITY,
            Self::LooseSourceRoute(_) => kind::LOOSE_SOURCE_ROUTE,
            Self::StrictSourceRoute(_) => kind::STRICT_SOURCE_ROUTE,
            Self::RecordRoute(_) => kind::RECORD_ROUTE,
            Self::Timestamp(_) => kind::TIMESTAMP,
            Self::RouterAlert(_) => kind::ROUTER_ALERT,
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// Whether all fragments carry the option; otherwise the first alone does.
    pub const fn is_copied(&self) -> bool {
        self.kind() & kind::COPIED != 0
    }

    /// Reads one option out of the octets that its length covers.
    fn parse(option: &'a [u8]) -> Result<Self, MalformedAt> {
        Ok(match *option {
            [] | [kind::END, ..] => Self::End,
            [kind::NO_OPERATION, ..] => Self::NoOperation,
            // RFC 1108 §2.2: at least the classification level.
            [kind::SECURITY, _, ref data @ ..] if !data.is_empty() => Self::Security(data),
            [kind::LOOSE_SOURCE_ROUTE, _, pointer, ref data @ ..] => {
                Self::LooseSourceRoute(Route::new(pointer, data)?)
            }
            [kind::STRICT_SOURCE_ROUTE, _, pointer, ref data @ ..] => {
                Self::StrictSourceRoute(Route::new(pointer, data)?)
            }
            [kind::RECORD_ROUTE, _, pointer, ref data @ ..] => {
                Self::RecordRoute(Route::new(pointer, data)?)
            }
            [kind::TIMESTAMP, _, pointer, overflow_flag, ref entries @ ..] => {
                Self::Timestamp(Timestamps::new(pointer, overflow_flag, entries)?)
            }
            [kind::ROUTER_ALERT, _, a, b] => Self::RouterAlert(u16::from_be_bytes([a, b])),
            // The option is known and its length is not one it can have.
            [
                kind::SECURITY
                | kind::LOOSE_SOURCE_ROUTE
                | kind::STRICT_SOURCE_ROUTE
                | kind::RECORD_ROUTE
                | kind::TIMESTAMP
                | kind::ROUTER_ALERT,
                ..,
            ] => return Err(MalformedAt { offset: LENGTH }),
            [kind, _, ref data @ ..] => Self::Unknown { kind, data },
            [kind] => Self::Unknown { kind, data: &[] },
        })
    }
}

/// What a route option holds: addresses visited, and after them those to visit or free space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Route<'a> {
    pointer: u8,
    data: &'a [u8],
}

impl<'a> Route<'a> {
    fn new(pointer: u8, data: &'a [u8]) -> Result<Self, MalformedAt> {
        match pointer {
            FIRST_ADDRESS.. => Ok(Self { pointer, data }),
            _ => Err(MalformedAt { offset: POINTER }),
        }
    }

    /// The pointer: where in the option the next address is or goes, counted from one; at least 4.
    pub const fn pointer(&self) -> u8 {
        self.pointer
    }

    /// Whether a record is full, or the end of a source route is reached.
    pub fn is_complete(&self) -> bool {
        self.split().1.is_empty()
    }

    /// The addresses recorded, the oldest first.
    pub fn recorded(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + 'a {
        addresses(self.split().0)
    }

    /// The addresses from the pointer on: the rest of a source route, the next hop first.
    pub fn remaining(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + 'a {
        addresses(self.split().1)
    }

    fn split(&self) -> (&'a [u8], &'a [u8]) {
        let used = usize::from(self.pointer.saturating_sub(FIRST_ADDRESS));
        self.data.split_at_checked(used).unwrap_or((self.data, &[]))
    }
}

fn addresses<'a>(data: &'a [u8]) -> impl DoubleEndedIterator<Item = Ipv4Addr> + 'a {
    let (addresses, _) = data.as_chunks();
    addresses.iter().copied().map(Ipv4Addr::from_octets)
}

/// What a Timestamp option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamps<'a> {
    pointer: u8,
    overflow_flag: u8,
    entries: &'a [u8],
}

/// What an entry of a Timestamp option is: its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TimestampFlag {
    /// A time alone.
    TimestampsOnly,
    /// The address of who registered, and the time.
    WithAddresses,
    /// The address of who is to register, and the time.
    Prespecified,
    /// Nobody knows.
    Other(u8),
}

impl<'a> Timestamps<'a> {
    fn new(pointer: u8, overflow_flag: u8, entries: &'a [u8]) -> Result<Self, MalformedAt> {
        match pointer {
            FIRST_TIMESTAMP.. => Ok(Self {
                pointer,
                overflow_flag,
                entries,
            }),
            _ => Err(MalformedAt { offset: POINTER }),
        }
    }

    /// The pointer: where in the option the next entry goes, counted from one; at least 5.
    pub const fn pointer(&self) -> u8 {
        self.pointer
    }

    /// How many modules found no space: 0 to 15.
    pub const fn overflow(&self) -> u8 {
        self.overflow_flag >> 4
    }

    /// What an entry is.
    pub const fn flag(&self) -> TimestampFlag {
        match self.overflow_flag & 0x0f {
            TIMESTAMPS_ONLY => TimestampFlag::TimestampsOnly,
            WITH_ADDRESSES => TimestampFlag::WithAddresses,
            PRESPECIFIED => TimestampFlag::Prespecified,
            other => TimestampFlag::Other(other),
        }
    }

    /// The entries registered, the oldest first: the address if there is one, and the time in the
    /// units of an ICMP [timestamp](super::icmpv4::Icmpv4Timestamps).
    pub fn registered(&self) -> impl Iterator<Item = (Option<Ipv4Addr>, u32)> + 'a {
        let used = usize::from(self.pointer.saturating_sub(FIRST_TIMESTAMP));
        let used = self.entries.get(..used).unwrap_or(self.entries);
        let (times, pairs) = match self.flag() {
            TimestampFlag::TimestampsOnly => (used, [].as_slice()),
            TimestampFlag::WithAddresses | TimestampFlag::Prespecified => ([].as_slice(), used),
            TimestampFlag::Other(_) => ([].as_slice(), [].as_slice()),
        };
        let times = times.as_chunks().0.iter();
        let times = times.map(|&time| (None, u32::from_be_bytes(time)));
        let pairs = pairs.as_chunks::<8>().0.iter();
        times.chain(pairs.map(|&[a, b, c, d, time @ ..]| {
            let address = Ipv4Addr::new(a, b, c, d);
            (Some(address), u32::from_be_bytes(time))
        }))
    }
}

/// The options one after the other, as [`Ipv4Options::iter`] gives them.
///
/// It ends with the octets, with [`Ipv4Option::End`] or with the first malformed option, which it
/// reports.
#[derive(Clone, Debug)]
pub struct Ipv4OptionIter<'a> {
    rest: &'a [u8],
    offset: u8,
}

impl<'a> Ipv4OptionIter<'a> {
    /// Reads the options behind the fixed part of a header; what is beyond 40 octets is none.
    pub fn new(options: &'a [u8]) -> Self {
        Self {
            rest: options.get(..MAXIMUM_OPTIONS).unwrap_or(options),
            offset: 0,
        }
    }

    /// The octets of the next option, and the option.
    fn next_raw(&mut self) -> Option<Result<(&'a [u8], Ipv4Option<'a>), MalformedAt>> {
        if self.rest.is_empty() {
            return None;
        }
        let parsed = split(self.rest).and_then(|(option, rest)| {
            let parsed = Ipv4Option::parse(option)?;
            Ok((option, parsed, rest))
        });
        Some(match parsed {
            Ok((option, parsed, rest)) => {
                self.rest = if parsed == Ipv4Option::End { &[] } else { rest };
                self.offset = self.offset.saturating_add(option.len() as u8);
                Ok((option, parsed))
            }
            Err(error) => {
                self.rest = &[];
                Err(error.behind(self.offset))
            }
        })
    }
}

impl<'a> Iterator for Ipv4OptionIter<'a> {
    type Item = Result<Ipv4Option<'a>, MalformedAt>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_raw()?.map(|(_, option)| option))
    }
}

impl core::iter::FusedIterator for Ipv4OptionIter<'_> {}

/// Cuts the first option off.
fn split(options: &[u8]) -> Result<(&[u8], &[u8]), MalformedAt> {
    let length = first_length(options)?;
    let offset = LENGTH;
    options
        .split_at_checked(length)
        .ok_or(MalformedAt { offset })
}

/// The length of the first option by its own account. RFC 1122 §3.2.1.8 warns of those that would
/// not let the loop advance.
fn first_length(options: &[u8]) -> Result<usize, MalformedAt> {
    match *options {
        [] => Ok(0),
        [kind::END | kind::NO_OPERATION, ..] => Ok(1),
        [_, length, ..] if length >= 2 => Ok(length.into()),
        [_, _, ..] => Err(MalformedAt { offset: LENGTH }),
        // There is no length to point at.
        [_] => Err(MalformedAt { offset: 0 }),
    }
}

/// Adds this host to every Record Route and Timestamp option, in place, as the destination does
/// before it answers an echo (RFC 1122 §3.2.1.8 e, §3.2.2.6).
///
/// `own` is the address that the datagram was sent to, `now` the time in the units of an ICMP
/// [timestamp](super::icmpv4::Icmpv4Timestamps). Full options stay, but for the count of a
/// Timestamp's overflow. An error means that the datagram is to be discarded (RFC 791 §3.1); options
/// in front of it have been changed.
pub fn record(options: &mut [u8], own: Ipv4Addr, now: u32) -> Result<(), MalformedAt> {
    let end = options.len().min(MAXIMUM_OPTIONS);
    let mut rest = options.get_mut(..end).unwrap_or_default();
    let mut offset = 0u8;
    while !rest.is_empty() {
        let length = first_length(rest).map_err(|error| error.behind(offset))?;
        let wrong_length = MalformedAt { offset: LENGTH };
        let Some((option, next)) = rest.split_at_mut_checked(length) else {
            return Err(wrong_length.behind(offset));
        };
        match option {
            [kind::END, ..] => break,
            [kind::RECORD_ROUTE, _, pointer, data @ ..] => record_route(pointer, data, own),
            [kind::TIMESTAMP, _, pointer, flag, data @ ..] => {
                record_time(pointer, flag, data, own, now)
            }
            [kind::RECORD_ROUTE | kind::TIMESTAMP, ..] => Err(wrong_length),
            _ => Ok(()),
        }
        .map_err(|error| error.behind(offset))?;
        offset = offset.saturating_add(length as u8);
        rest = next;
    }
    Ok(())
}

fn record_route(pointer: &mut u8, data: &mut [u8], own: Ipv4Addr) -> Result<(), MalformedAt> {
    let Some(slot) = free_slot(*pointer, FIRST_ADDRESS, data)? else {
        return Ok(());
    };
    *slot = own.octets();
    *pointer = pointer.saturating_add(4);
    Ok(())
}

fn record_time(
    pointer: &mut u8,
    overflow_flag: &mut u8,
    data: &mut [u8],
    own: Ipv4Addr,
    now: u32,
) -> Result<(), MalformedAt> {
    let now = now.to_be_bytes();
    let flag = *overflow_flag & 0x0f;
    let size = match flag {
        TIMESTAMPS_ONLY => free_slot(*pointer, FIRST_TIMESTAMP, data)?.map(|slot| {
            *slot = now;
            4
        }),
        WITH_ADDRESSES | PRESPECIFIED => {
            free_slot::<8>(*pointer, FIRST_TIMESTAMP, data)?.map(|[a, b, c, d, time @ ..]| {
                if flag == PRESPECIFIED && [*a, *b, *c, *d] != own.octets() {
                    return 0;
                }
                [*a, *b, *c, *d] = own.octets();
                *time = now;
                8
            })
        }
        _ => {
            return Err(MalformedAt {
                offset: OVERFLOW_FLAG,
            });
        }
    };
    match size {
        Some(size) => *pointer = pointer.saturating_add(size),
        // All that were asked have answered: this host is not one for whom space is lacking.
        None if flag == PRESPECIFIED => {}
        None if *overflow_flag >> 4 == MAXIMUM_OVERFLOW => {
            return Err(MalformedAt {
                offset: OVERFLOW_FLAG,
            });
        }
        None => *overflow_flag = overflow_flag.saturating_add(0x10),
    }
    Ok(())
}

/// The space that a pointer shows, none if there is no more; too little of it is an error
/// (RFC 791 §3.1 "some room but not enough").
fn free_slot<const N: usize>(
    pointer: u8,
    first: u8,
    data: &mut [u8],
) -> Result<Option<&mut [u8; N]>, MalformedAt> {
    let wrong_pointer = MalformedAt { offset: POINTER };
    let used = pointer.checked_sub(first).ok_or(wrong_pointer)?;
    match data.get_mut(usize::from(used)..) {
        None | Some([]) => Ok(None),
        Some(free) => free.first_chunk_mut().map(Some).ok_or(wrong_pointer),
    }
}

/// Up to 40 octets of options, copied out of a packet or composed for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Options {
    /// Zero behind `length`: the End of Option List and its padding.
    octets: [u8; MAXIMUM_OPTIONS],
    length: u8,
}

impl Ipv4Options {
    /// No options.
    pub const NONE: Self = Self {
        octets: [0; MAXIMUM_OPTIONS],
        length: 0,
    };

    /// Copies `length` octets of options out of a packet, from `offset` on.
    ///
    /// [`Malformed::Length`] if they are more than 40, [`Malformed::Truncated`] if they are not
    /// all there. What they say is not looked at.
    pub fn read<B: Bytes + ?Sized>(
        from: &B,
        offset: usize,
        length: usize,
    ) -> Result<Self, Malformed> {
        let mut options = Self::NONE;
        let octets = options.octets.get_mut(..length);
        from.read(offset, octets.ok_or(Malformed::Length)?)?;
        options.length = length as u8;
        Ok(options)
    }

    /// The octets, padded to a multiple of four.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.padded()).unwrap_or(&self.octets)
    }

    fn padded(&self) -> usize {
        usize::from(self.length).next_multiple_of(4)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Their sum, for the header checksum.
    pub fn sum(&self) -> Sum {
        Sum::of(self.as_bytes())
    }

    /// The options one after the other.
    pub fn iter(&self) -> Ipv4OptionIter<'_> {
        Ipv4OptionIter::new(self.as_bytes())
    }

    /// Adds this host to Record Route and Timestamp, see [`record`].
    pub fn record(&mut self, own: Ipv4Addr, now: u32) -> Result<(), MalformedAt> {
        let padded = self.padded();
        record(self.octets.get_mut(..padded).unwrap_or_default(), own, now)
    }

    /// The options that fragments behind the first carry (RFC 791 §3.1 "copied flag").
    pub fn for_fragment(&self) -> Result<Self, MalformedAt> {
        let mut copied = Self::NONE;
        let mut options = self.iter();
        while let Some(option) = options.next_raw() {
            let (octets, option) = option?;
            if option.is_copied() {
                // They fitted before, beside the others.
                let _: Result<(), NoRoom> = copied.push(octets);
            }
        }
        Ok(copied)
    }

    /// The Record Route and Timestamp options, which an echo reply carries back (RFC 1122 §3.2.2.6).
    pub fn reflected(&self) -> Result<Self, MalformedAt> {
        let mut reflected = Self::NONE;
        let mut options = self.iter();
        while let Some(option) = options.next_raw() {
            let (octets, option) = option?;
            if matches!(
                option,
                Ipv4Option::RecordRoute(_) | Ipv4Option::Timestamp(_)
            ) {
                // They fitted before, beside the others.
                let _: Result<(), NoRoom> = reflected.push(octets);
            }
        }
        Ok(reflected)
    }

    /// Adds a Router Alert; the value is zero (RFC 2113 §2.1).
    pub fn push_router_alert(&mut self, value: u16) -> Result<(), NoRoom> {
        let [a, b] = value.to_be_bytes();
        self.push(&[kind::ROUTER_ALERT, 4, a, b])
    }

    /// Adds a Record Route with space for so many addresses, nine at most.
    pub fn push_record_route(&mut self, slots: usize) -> Result<(), NoRoom> {
        let start = [kind::RECORD_ROUTE, 0, FIRST_ADDRESS];
        self.push_slots(&start, slots, 4).map(drop)
    }

    /// Adds a Timestamp with space for so many times, nine at most, or with the address before
    /// each time four.
    pub fn push_timestamp(&mut self, slots: usize, with_addresses: bool) -> Result<(), NoRoom> {
        let (flag, size) = match with_addresses {
            true => (WITH_ADDRESSES, 8),
            false => (TIMESTAMPS_ONLY, 4),
        };
        let start = [kind::TIMESTAMP, 0, FIRST_TIMESTAMP, flag];
        self.push_slots(&start, slots, size).map(drop)
    }

    /// Adds a Timestamp to be filled in by the modules that have these addresses, in this order;
    /// four at most.
    pub fn push_timestamp_of(&mut self, modules: &[Ipv4Addr]) -> Result<(), NoRoom> {
        let start = [kind::TIMESTAMP, 0, FIRST_TIMESTAMP, PRESPECIFIED];
        let slots = self.push_slots(&start, modules.len(), 8)?;
        for (slot, module) in slots.as_chunks_mut::<8>().0.iter_mut().zip(modules) {
            let [a, b, c, d, ..] = slot;
            [*a, *b, *c, *d] = module.octets();
        }
        Ok(())
    }

    /// Adds a source route, loose or strict, for a datagram sent to its first hop: the hops
    /// after that and last the destination (RFC 1122 §3.2.1.8 c); nine at most. There must not be
    /// a second one.
    pub fn push_source_route(&mut self, strict: bool, hops: &[Ipv4Addr]) -> Result<(), NoRoom> {
        let kind = match strict {
            true => kind::STRICT_SOURCE_ROUTE,
            false => kind::LOOSE_SOURCE_ROUTE,
        };
        let slots = self.push_slots(&[kind, 0, FIRST_ADDRESS], hops.len(), 4)?;
        for (slot, hop) in slots.as_chunks_mut().0.iter_mut().zip(hops) {
            *slot = hop.octets();
        }
        Ok(())
    }

    fn push(&mut self, option: &[u8]) -> Result<(), NoRoom> {
        self.push_slots(option, 0, 0).map(drop)
    }

    /// Adds an option with `slots` zeroed slots of `size` octets behind its start, and gives it its
    /// length.
    fn push_slots(&mut self, start: &[u8], slots: usize, size: usize) -> Result<&mut [u8], NoRoom> {
        let length = slots.saturating_mul(size).saturating_add(start.len());
        let end = usize::from(self.length).saturating_add(length);
        let option = self.octets.get_mut(usize::from(self.length)..end);
        let (to, slots) = option
            .and_then(|option| option.split_at_mut_checked(start.len()))
            .ok_or(NoRoom)?;
        to.copy_from_slice(start);
        if let Some(octet) = to.get_mut(usize::from(LENGTH)) {
            *octet = length as u8;
        }
        self.length = end as u8;
        Ok(slots)
    }
}

#[cfg(test)]
mod tests;
