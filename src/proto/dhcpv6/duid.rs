//! Who somebody is (RFC 8415 §11).

use heapless::Vec;

/// Octets of the longest DUID: "no more than 128 octets long (not including the type code)".
pub const DUID_LENGTH: usize = 130;

/// A DUID: octets that are always the same for one client or server, and no other's.
#[derive(Clone, PartialEq, Eq)]
pub struct Duid(Vec<u8, DUID_LENGTH>);

impl Duid {
    /// These octets; `None` if they are too many, or no more than a type.
    pub fn new(octets: &[u8]) -> Option<Self> {
        match octets.len() {
            3.. => Vec::from_slice(octets).ok().map(Self),
            _ => None,
        }
    }

    fn of(parts: [&[u8]; 3]) -> Option<Self> {
        let mut octets = Vec::new();
        for part in parts {
            octets.extend_from_slice(part).ok()?;
        }
        Some(Self(octets))
    }

    /// DUID-EN: a number that a vendor has given, and the vendor's own (§11.3).
    pub fn enterprise(number: u32, identifier: &[u8]) -> Option<Self> {
        Self::of([&[0, 2], &number.to_be_bytes(), identifier])
    }

    /// DUID-LL: the type of a link address, as in ARP, and the address (§11.4).
    pub fn link_layer(hardware: u16, address: &[u8]) -> Option<Self> {
        Self::of([&[0, 3], &hardware.to_be_bytes(), address])
    }

    /// DUID-UUID (§11.5, RFC 6355).
    pub fn uuid(uuid: [u8; 16]) -> Self {
        let mut octets = Vec::new();
        // It is shorter than the longest.
        let _: Result<(), _> = octets.extend_from_slice(&[0, 4]);
        let _: Result<(), _> = octets.extend_from_slice(&uuid);
        Self(octets)
    }

    /// Its octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is made of, for people to read: "Clients and servers SHOULD NOT in any other way
    /// interpret DUIDs" than to compare them (§11).
    pub fn kind(&self) -> DuidKind<'_> {
        DuidKind::read(&self.0)
    }
}

impl core::fmt::Debug for Duid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Duid(")?;
        self.0
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Duid {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Duid({=[u8]:02x})", self.as_bytes());
    }
}

/// What a DUID is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DuidKind<'d> {
    /// DUID-LLT: a link address, and when it was made (§11.2).
    LinkLayerTime {
        /// The type of the address, as in ARP.
        hardware: u16,
        /// Seconds since the beginning of the year 2000.
        time: u32,
        /// The address.
        address: &'d [u8],
    },
    /// DUID-EN: a number that a vendor has given (§11.3).
    Enterprise {
        /// The number of the vendor.
        number: u32,
        /// What the vendor has given.
        identifier: &'d [u8],
    },
    /// DUID-LL: a link address (§11.4).
    LinkLayer {
        /// The type of the address, as in ARP.
        hardware: u16,
        /// The address.
        address: &'d [u8],
    },
    /// DUID-UUID (§11.5).
    Uuid([u8; 16]),
    /// Of another type, or not of the form of its own.
    Other,
}

impl<'d> DuidKind<'d> {
    /// Reads the octets of a DUID.
    pub fn read(octets: &'d [u8]) -> Self {
        let half = |octets: &[u8; 2]| u16::from_be_bytes(*octets);
        let read = || {
            let (kind, rest) = octets.split_first_chunk()?;
            Some(match half(kind) {
                1 => {
                    let (hardware, rest) = rest.split_first_chunk()?;
                    let (time, address) = rest.split_first_chunk()?;
                    Self::LinkLayerTime {
                        hardware: half(hardware),
                        time: u32::from_be_bytes(*time),
                        address,
                    }
                }
                2 => {
                    let (number, identifier) = rest.split_first_chunk()?;
                    Self::Enterprise {
                        number: u32::from_be_bytes(*number),
                        identifier,
                    }
                }
                3 => {
                    let (hardware, address) = rest.split_first_chunk()?;
                    Self::LinkLayer {
                        hardware: half(hardware),
                        address,
                    }
                }
                4 => Self::Uuid(*rest.as_array()?),
                _ => return None,
            })
        };
        read().unwrap_or(Self::Other)
    }
}
