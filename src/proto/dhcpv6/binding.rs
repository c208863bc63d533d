//! What is leased, and until when (RFC 8415 §12, §14.2, §18.2.10.1).

use core::net::Ipv6Addr;

use heapless::Vec;

use super::lease::{Lease, Leases};
use super::message::Message;
use super::option::{Association, LeaseOption, Options, Status, code};
use super::write::MessageWriter;
use crate::config;
use crate::proto::full::MessageFull;
use crate::time::{Duration, Instant};
use crate::wire::ipv6_address;

/// A time that never comes (RFC 8415 §7.7).
const INFINITE: u32 = u32::MAX;

/// What has become of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BindingState {
    /// It was advertised.
    Offered,
    /// It is leased; of an address it is not known yet whether another station has it.
    Leased,
    /// It is leased, and may be used.
    InUse,
    /// Another station has the address.
    Duplicate,
    /// And the server is being told.
    Declining,
}

/// An address or a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The place of its association.
    pub(super) place: u8,
    pub(super) state: BindingState,
    /// Bits of the prefix; 128 for an address.
    pub(super) length: u8,
    pub(super) address: Ipv6Addr,
    pub(super) preferred: Instant,
    pub(super) valid: Instant,
}

impl Binding {
    /// Whether it is the client's to use.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, BindingState::Leased | BindingState::InUse)
    }
}

/// What a Reply brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The server knows nothing of an association.
    pub(super) no_binding: bool,
    /// It says that the leases are not of this link.
    pub(super) not_on_link: bool,
    /// An association that has leases is not in it.
    pub(super) is_incomplete: bool,
    /// Leases for which there was no room.
    pub(super) missed: u32,
}

/// What associations a client has.
#[derive(Clone, Copy, Debug)]
struct Associations {
    /// So many of them are of addresses, at first.
    addresses: u8,
    /// And so many behind these are of prefixes.
    prefixes: u8,
    interface: u8,
}

impl Associations {
    /// The association that an option of a message is of, if it is one of the client's.
    fn place(self, code: u16, iaid: u32) -> Option<u8> {
        let (first, count) = match code {
            code::IA_NA => (0, self.addresses),
            code::IA_PD => (self.addresses, self.prefixes),
            _ => return None,
        };
        let number = (0..count).find(|number| self.iaid(*number) == iaid)?;
        Some(first + number)
    }

    /// "unique among the identifiers for all of this client's": by the interface, and a number.
    const fn iaid(self, number: u8) -> u32 {
        (number as u32) << 8 | self.interface as u32
    }

    /// The associations of a message that are the client's and can be used.
    fn of<'m>(
        self,
        message: &Message<'m>,
    ) -> impl Iterator<Item = (u8, Association<'m>)> + use<'m> {
        let options = message.options().map_while(Result::ok);
        options.filter_map(move |(code, value)| {
            let read = Association::read(value)?;
            let place = self.place(code, read.iaid)?;
            // "If a client receives an IA_NA with T1 greater than T2 and both T1 and T2 are greater
            // than 0, the client discards the IA_NA option" (§21.4, §21.21).
            let is_backwards = read.rebinding > 0 && read.renewal > read.rebinding;
            (!is_backwards).then_some((place, read))
        })
    }

    /// The leases in one of them that can be used.
    fn leases<'m>(
        self,
        place: u8,
        read: &Association<'m>,
    ) -> impl Iterator<Item = LeaseOption<'m>> + use<'m> {
        let is_address = place < self.addresses;
        let addresses = is_address.then(|| read.addresses());
        let prefixes = (!is_address).then(|| read.prefixes());
        let leases = addresses.into_iter().flatten();
        let leases = leases.chain(prefixes.into_iter().flatten());
        leases.filter(|lease| lease.is_usable())
    }
}

/// The associations of a client, and their leases.
pub(super) struct Bindings {
    associations: Associations,
    /// The length that prefixes are wished to have; zero: any.
    hint: u8,
    /// T1 and T2 of each.
    times: [(Instant, Instant); config::DHCPV6_ASSOCIATIONS],
    list: Vec<Binding, { config::DHCPV6_LEASES }>,
}

impl Bindings {
    pub(super) const fn new(addresses: u8, (prefixes, hint): (u8, u8), interface: u8) -> Self {
        Self {
            associations: Associations {
                addresses,
                prefixes,
                interface,
            },
            hint,
            times: [(Instant::MAX, Instant::MAX); config::DHCPV6_ASSOCIATIONS],
            list: Vec::new(),
        }
    }

    // ---- What there is -------------------------------------------------------------------

    pub(super) fn iter(&self) -> impl Iterator<Item = &Binding> + Clone {
        self.list.iter()
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Binding> + Clone {
        self.list.iter().filter(|binding| binding.is_held())
    }

    pub(super) fn has_held(&self) -> bool {
        self.held().next().is_some()
    }

    /// Whether a lease is a prefix.
    pub(super) fn is_prefix(&self, binding: &Binding) -> bool {
        binding.place >= self.associations.addresses
    }

    pub(super) fn has_prefixes(&self) -> bool {
        self.held().any(|binding| self.is_prefix(binding))
    }

    pub(super) fn has(&self, state: BindingState) -> bool {
        self.list.iter().any(|binding| binding.state == state)
    }

    /// The earliest T1, and the earliest T2, of associations with leases (§18.2.4).
    pub(super) fn times(&self) -> (Instant, Instant) {
        let times = self.held().filter_map(|binding| {
            let times = self.times.get(usize::from(binding.place));
            times.copied()
        });
        times.fold((Instant::MAX, Instant::MAX), |least, times| {
            (least.0.min(times.0), least.1.min(times.1))
        })
    }

    /// When the next lease ends.
    pub(super) fn next_expiry(&self) -> Instant {
        let ends = self.held().map(|binding| binding.valid);
        ends.min().unwrap_or(Instant::MAX)
    }

    // ---- Changes -------------------------------------------------------------------------

    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Takes what was leased before a restart: it is to be extended at once.
    pub(super) fn remember(&mut self, now: Instant, leases: &Leases) {
        let Associations {
            addresses,
            prefixes,
            interface: _,
        } = self.associations;
        for lease in &leases.list {
            let (first, count) = match lease.is_prefix {
                true => (addresses, prefixes),
                false => (0, addresses),
            };
            let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(INFINITE);
            let option = LeaseOption {
                address: lease.address,
                length: if lease.is_prefix { lease.length } else { 128 },
                preferred: seconds(lease.preferred),
                valid: seconds(lease.valid),
                options: Options::new(&[]),
            };
            if lease.association >= count || option.valid == 0 || !option.is_usable() {
                continue;
            }
            let place = first + lease.association;
            let _: bool = self.note(now, place, &option, BindingState::Leased);
            if let Some(times) = self.times.get_mut(usize::from(place)) {
                *times = (now, end(now, option.preferred).max(now));
            }
        }
    }

    /// All that is held, with what is left of it.
    pub(super) fn leases(&self, now: Instant) -> Vec<Lease, { config::DHCPV6_LEASES }> {
        let left = |until: Instant| match until {
            Instant::MAX => Duration::MAX,
            until => until.since(now),
        };
        let leases = self.held().map(|binding| {
            let is_prefix = self.is_prefix(binding);
            let first = if is_prefix {
                self.associations.addresses
            } else {
                0
            };
            Lease {
                is_prefix,
                association: binding.place.saturating_sub(first),
                address: binding.address,
                length: binding.length,
                preferred: left(binding.preferred),
                valid: left(binding.valid),
            }
        });
        leases.collect()
    }

    /// Drops what is in a state.
    pub(super) fn drop_all(&mut self, state: BindingState) {
        self.list.retain(|binding| binding.state != state);
    }

    /// Changes the state of all that are in one.
    pub(super) fn turn(&mut self, from: BindingState, to: BindingState) {
        let of_it = self.list.iter_mut().filter(|binding| binding.state == from);
        of_it.for_each(|binding| binding.state = to);
    }

    /// Drops what has ended; says whether there was any.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let before = self.list.len();
        (self.list).retain(|binding| !binding.is_held() || binding.valid > now);
        before != self.list.len()
    }

    /// What has become of the address at a place of the list; says whether that is news.
    pub(super) fn set_state(&mut self, place: usize, state: BindingState) -> bool {
        let binding = self.list.get_mut(place);
        let binding = binding.filter(|binding| binding.is_held() && binding.state != state);
        match binding {
            Some(binding) => {
                binding.state = state;
                true
            }
            None => false,
        }
    }

    /// How many associations an Advertise would give something.
    pub(super) fn worth(&self, message: &Message<'_>) -> u8 {
        let given = |place: u8, read: &Association<'_>| {
            let mut leases = self.associations.leases(place, read);
            read.options.status() == Status::SUCCESS && leases.any(|lease| lease.valid > 0)
        };
        let of_use = self.associations.of(message);
        let of_use = of_use.filter(|(place, read)| given(*place, read));
        of_use.count().min(usize::from(u8::MAX)) as u8
    }

    /// Remembers what an Advertise offers, in place of all before.
    pub(super) fn offer(&mut self, now: Instant, message: &Message<'_>) {
        self.clear();
        let _: Outcome = self.take(now, message, BindingState::Offered);
    }

    /// Takes what a Reply grants, extends or ends (§18.2.10.1).
    pub(super) fn update(&mut self, now: Instant, message: &Message<'_>) -> Outcome {
        self.take(now, message, BindingState::Leased)
    }

    fn take(&mut self, now: Instant, message: &Message<'_>, state: BindingState) -> Outcome {
        let mut outcome = Outcome::default();
        let mut seen = 0u32;
        for (place, read) in self.associations.of(message) {
            match read.options.status() {
                Status::SUCCESS => {}
                Status::NO_BINDING => {
                    outcome.no_binding = true;
                    continue;
                }
                Status::NOT_ON_LINK => {
                    outcome.not_on_link = true;
                    seen |= 1 << place;
                    (self.list).retain(|known| known.place != place || !known.is_held());
                    continue;
                }
                Status::NO_ADDRS_AVAIL | Status::NO_PREFIX_AVAIL => {
                    seen |= 1 << place;
                    continue;
                }
                _ => continue,
            }
            seen |= 1 << place;
            for lease in self.associations.leases(place, &read) {
                outcome.missed += u32::from(!self.note(now, place, &lease, state));
            }
            let times = self.choose_times(now, place, &read);
            if let Some(kept) = self.times.get_mut(usize::from(place)) {
                *kept = times;
            }
        }
        let mut held = self.held();
        outcome.is_incomplete = held.any(|binding| seen & (1 << binding.place) == 0);
        outcome
    }

    /// Takes one lease; false if there is no room.
    fn note(
        &mut self,
        now: Instant,
        place: u8,
        lease: &LeaseOption<'_>,
        state: BindingState,
    ) -> bool {
        let address = ipv6_address::prefix(lease.address, lease.length);
        let is_it = |known: &Binding| {
            (known.place, known.address, known.length) == (place, address, lease.length)
        };
        if lease.valid == 0 {
            self.list.retain(|known| !is_it(known) || !known.is_held());
            return true;
        }
        let (preferred, valid) = (end(now, lease.preferred), end(now, lease.valid));
        if let Some(known) = self.list.iter_mut().find(|known| is_it(known)) {
            if known.is_held() || known.state == BindingState::Offered {
                (known.preferred, known.valid) = (preferred, valid);
            }
            if known.state == BindingState::Offered {
                known.state = state;
            }
            return true;
        }
        let new = Binding {
            place,
            state,
            length: lease.length,
            address,
            preferred,
            valid,
        };
        self.list.push(new).is_ok()
    }

    /// T1 and T2 of an association: those of the server, or where these are zero such as the
    /// server is recommended to choose (§14.2, §21.4).
    fn choose_times(&self, now: Instant, place: u8, read: &Association<'_>) -> (Instant, Instant) {
        let leases = self.list.iter().filter(|binding| binding.place == place);
        let preferred = leases.clone().map(|binding| binding.preferred);
        let shortest = preferred.filter(|end| *end > now).min();
        let shortest = shortest.or_else(|| leases.map(|binding| binding.valid).min());
        let part = |of: u64| match shortest {
            None | Some(Instant::MAX) => Instant::MAX,
            Some(end) => now + Duration::from_micros(end.since(now).as_micros() / 10 * of),
        };
        let (t1, t2) = (end(now, read.renewal), end(now, read.rebinding));
        match (read.renewal, read.rebinding) {
            (0, 0) => (part(5), part(8)),
            (0, _) => (part(5).min(t2), t2),
            (_, 0) => (t1, part(8).max(t1)),
            _ => (t1, t2),
        }
    }

    // ---- Messages ------------------------------------------------------------------------

    /// Writes associations with those of their leases that `is_wanted`, and without any if
    /// `with_empty`.
    #[inline(never)]
    pub(super) fn write(
        &self,
        writer: &mut MessageWriter<'_>,
        with_empty: bool,
        is_wanted: fn(&Binding) -> bool,
    ) -> Result<(), MessageFull> {
        let Associations {
            addresses,
            prefixes,
            interface: _,
        } = self.associations;
        for place in 0..addresses + prefixes {
            let of_it = |binding: &&Binding| binding.place == place && is_wanted(binding);
            let mut leases = self.list.iter().filter(of_it).peekable();
            if leases.peek().is_none() && !with_empty {
                continue;
            }
            let (code, number) = match place.checked_sub(addresses) {
                None => (code::IA_NA, place),
                Some(number) => (code::IA_PD, number),
            };
            // T1 and T2 "SHOULD be set to 0", and so the lifetimes.
            let [a, b, c, d] = self.associations.iaid(number).to_be_bytes();
            writer.association(code, &[a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0], |writer| {
                if leases.peek().is_none() && code == code::IA_PD && self.hint > 0 {
                    let length = &[self.hint];
                    return writer.option(code::IA_PREFIX, &[&[0; 8], length, &[0; 16]]);
                }
                leases.try_for_each(|lease| {
                    let address = &lease.address.octets();
                    match code {
                        code::IA_NA => writer.option(code::IA_ADDRESS, &[address, &[0; 8]]),
                        _ => writer.option(code::IA_PREFIX, &[&[0; 8], &[lease.length], address]),
                    }
                })
            })?;
        }
        Ok(())
    }
}

/// When something ends that lasts so many seconds.
fn end(now: Instant, seconds: u32) -> Instant {
    match seconds {
        INFINITE => Instant::MAX,
        seconds => now + Duration::from_secs(u64::from(seconds)),
    }
}
