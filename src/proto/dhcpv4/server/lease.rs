//! Leases as the server keeps them, and as others see them.

use core::net::Ipv4Addr;

use super::super::message::Message;
use super::super::option::code;
use crate::time::{Duration, Instant};
use crate::wire::LinkAddr;

/// Octets of an identifier that are kept as they are: a DUID made of a UUID has 23 with its IAID.
const KEPT: usize = 24;
/// Of a longer one so many are, and a digest of all takes the place of the others.
const PREFIX: usize = KEPT - 8;

/// By what a client is known: its identifier if it says one, else its link address (RFC 2131 §4.2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientKey {
    kind: u8,
    /// Of the whole identifier; of that of a nobody 0.
    length: u8,
    octets: [u8; KEPT],
}

impl ClientKey {
    /// That of nobody.
    pub(super) const NONE: Self = Self {
        kind: 0,
        length: 0,
        octets: [0; KEPT],
    };
    const IDENTIFIER: u8 = 1;
    const HARDWARE: u8 = 2;

    /// That of who has sent a message; `None` if it does not say who it is.
    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        let key = match message.option(code::CLIENT_IDENTIFIER) {
            Some(octets) => Self::new(Self::IDENTIFIER, octets),
            None => {
                let address = message.hardware_address();
                if address.is_empty() {
                    return None;
                }
                let kind = core::iter::once(message.hardware_type());
                Self::new(Self::HARDWARE, kind.chain(address.iter().copied()))
            }
        };
        (key.length > 0).then_some(key)
    }

    fn new(kind: u8, identifier: impl Iterator<Item = u8>) -> Self {
        let mut key = Self { kind, ..Self::NONE };
        // FNV-1a: identifiers are not secret, and whoever wants to may use that of another.
        let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
        let mut length = 0usize;
        for octet in identifier {
            if let Some(place) = key.octets.get_mut(length) {
                *place = octet;
            }
            digest = (digest ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3);
            length += 1;
        }
        if length > KEPT {
            let last = key.octets.iter_mut().skip(PREFIX);
            last.zip(digest.to_be_bytes())
                .for_each(|(to, from)| *to = from);
        }
        key.length = length.min(255) as u8;
        key
    }

    /// The octets of option 61, or a type of hardware and the link address; of more than 24 the first
    /// sixteen, and eight that are made of all.
    pub fn as_bytes(&self) -> &[u8] {
        (self.octets.get(..usize::from(self.length))).unwrap_or(&self.octets)
    }

    /// Whether the client has said an identifier.
    pub fn is_identifier(&self) -> bool {
        self.kind == Self::IDENTIFIER
    }

    /// A number by which clients are spread over the addresses.
    pub(super) fn spread(&self) -> u32 {
        let digest =
            |digest: u32, octet: &u8| (digest ^ u32::from(*octet)).wrapping_mul(0x0100_0193);
        self.as_bytes().iter().fold(0x811c_9dc5, digest)
    }
}

impl core::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, octet) in self.as_bytes().iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}

/// What has become of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LeaseState {
    /// It was offered to the client, or is about to be.
    Offered,
    /// The client has it.
    Leased,
    /// The client had it, and gets it again if it comes back before another one needs it.
    Former,
    /// Another station has it: nobody gets it.
    Declined,
}

/// An address and its client, as [`Dhcpv4Server::leases`](super::Dhcpv4Server::leases) shows it, and
/// as a [`LeaseStore`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ServerLease {
    /// The address.
    pub address: Ipv4Addr,
    /// What has become of it.
    pub state: LeaseState,
    /// Whose it is; of nobody if it is [`LeaseState::Declined`].
    pub client: ClientKey,
    /// The link address of the client; none if it has more than eight octets.
    pub hardware: LinkAddr,
    /// For how many seconds this holds still; [`u32::MAX`]: for ever.
    pub seconds: u32,
}

impl ServerLease {
    /// Octets of a lease that is kept.
    pub const LENGTH: usize = 4 + 4 + 2 + KEPT + 1 + 8;

    /// A lease that a client has as octets, in the order of the network.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let hardware = self.hardware.as_bytes();
        let parts: [&[u8]; 6] = [
            &self.address.octets(),
            &self.seconds.to_be_bytes(),
            &[self.client.kind, self.client.length],
            &self.client.octets,
            &[hardware.len() as u8],
            hardware,
        ];
        let octets = parts.into_iter().flatten();
        bytes
            .iter_mut()
            .zip(octets)
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The lease that [`ServerLease::to_bytes`] has made these octets of; `None` if they are not such.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let (address, rest) = bytes.split_first_chunk()?;
        let (seconds, rest) = rest.split_first_chunk()?;
        let ([kind, length], rest) = rest.split_first_chunk()?;
        let (octets, rest) = rest.split_first_chunk()?;
        let (hardware_length, hardware) = rest.split_first()?;
        let hardware = hardware.get(..usize::from(*hardware_length))?;
        let is_known = [ClientKey::IDENTIFIER, ClientKey::HARDWARE].contains(kind);
        (is_known && *length > 0).then_some(Self {
            address: Ipv4Addr::from(*address),
            state: LeaseState::Leased,
            client: ClientKey {
                kind: *kind,
                length: *length,
                octets: *octets,
            },
            hardware: LinkAddr::from_bytes(hardware)?,
            seconds: u32::from_be_bytes(*seconds),
        })
    }
}

/// Keeps leases over a restart, in flash or in a file. It is called when nothing of the stack is
/// borrowed.
pub trait LeaseStore {
    /// Shows all leases that are kept, with the seconds that each is good still. Whoever cannot tell
    /// how long the device was off may leave them as they were stored: then addresses stay with their
    /// clients for longer.
    fn load(&mut self, show: &mut dyn FnMut(&ServerLease));
    /// Keeps a lease, in place of one with the same address. It comes when a lease is granted, and
    /// each time that it is extended.
    fn store(&mut self, lease: &ServerLease);
    /// Forgets the lease of an address.
    fn erase(&mut self, address: Ipv4Addr);
}

/// Keeps nothing.
impl LeaseStore for () {
    fn load(&mut self, _: &mut dyn FnMut(&ServerLease)) {}
    fn store(&mut self, _: &ServerLease) {}
    fn erase(&mut self, _: Ipv4Addr) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    Unused,
    /// It is being looked whether another station has the address.
    Probing,
    Offered,
    Leased,
    Former,
    Declined,
}

/// The place of one lease in the table of a server.
#[derive(Clone, Copy, Debug)]
pub struct LeaseSlot {
    pub(super) address: Ipv4Addr,
    pub(super) key: ClientKey,
    pub(super) hardware: LinkAddr,
    pub(super) state: SlotState,
    /// When this ends, or has ended.
    pub(super) until: Instant,
    /// A store has it.
    pub(super) is_saved: bool,
    /// A store has yet to be told.
    pub(super) is_unsaved: bool,
}

impl LeaseSlot {
    /// A place that nobody has taken.
    pub const UNUSED: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        key: ClientKey::NONE,
        hardware: LinkAddr::NONE,
        state: SlotState::Unused,
        until: Instant::ZERO,
        is_saved: false,
        is_unsaved: false,
    };

    pub(super) fn is_used(&self) -> bool {
        self.state != SlotState::Unused
    }

    /// Whether it is there only for a store to be told.
    pub(super) fn is_gone(&self) -> bool {
        self.state == SlotState::Former && self.key == ClientKey::NONE
    }

    /// Whether the address is not to be had.
    pub(super) fn is_active(&self, now: Instant) -> bool {
        !matches!(self.state, SlotState::Unused | SlotState::Former) && self.until > now
    }

    /// Whether the address was promised, and no more.
    pub(super) fn is_offer(&self) -> bool {
        matches!(self.state, SlotState::Probing | SlotState::Offered)
    }

    /// What is to be given up first: what never was a lease, then what has ended first.
    pub(super) fn rank(&self) -> (bool, Instant) {
        let was_leased = matches!(self.state, SlotState::Leased | SlotState::Former);
        (was_leased, self.until)
    }

    /// The seconds that are left of it.
    pub(super) fn seconds(&self, now: Instant) -> u32 {
        match self.until {
            Instant::MAX => u32::MAX,
            until => until.since(now).as_secs().min(u64::from(u32::MAX - 1)) as u32,
        }
    }

    pub(super) fn show(&self, now: Instant) -> Option<ServerLease> {
        if self.is_gone() {
            return None;
        }
        let state = match (self.state, self.is_active(now)) {
            (SlotState::Unused, _) => return None,
            (SlotState::Probing | SlotState::Offered, true) => LeaseState::Offered,
            (SlotState::Declined, true) => LeaseState::Declined,
            (SlotState::Leased, true) => LeaseState::Leased,
            (SlotState::Leased | SlotState::Former, _) => LeaseState::Former,
            (_, false) => return None,
        };
        Some(ServerLease {
            address: self.address,
            state,
            client: self.key,
            hardware: self.hardware,
            seconds: self.seconds(now),
        })
    }
}

/// When a lease of so many seconds ends.
pub(super) fn end(now: Instant, seconds: u32) -> Instant {
    match seconds {
        u32::MAX => Instant::MAX,
        seconds => now + Duration::from_secs(seconds.into()),
    }
}
