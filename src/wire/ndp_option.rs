//! The options of Neighbor Discovery: RFC 4861 §4.6, RFC 6275 §7.2 (router address flag), RFC 4191
//! §2.3 (routes), RFC 8106 §5 (DNS), RFC 3971 §5.3.2 (nonce, as RFC 7527 uses it), RFC 8910 §2.3
//! (captive portal), RFC 8781 §4 (NAT64 prefix) and RFC 6775 §4.2 (6LoWPAN contexts).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      |    Length     |              ...              |  in units of 8 octets
//! ```

mod write;

use core::iter::FusedIterator;
use core::net::Ipv6Addr;

pub use write::{
    link_layer_address_length, write_dnssl, write_mtu, write_nonce, write_rdnss,
    write_redirected_header, write_route_information, write_source_link_layer_address,
    write_target_link_layer_address,
};

use super::{Bytes, LinkAddr, Malformed, ipv6_address, put};

const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
const REDIRECTED_HEADER: u8 = 4;
const MTU: u8 = 5;
const NONCE: u8 = 14;
const ROUTE_INFORMATION: u8 = 24;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
const SIX_LOWPAN_CONTEXT: u8 = 34;
const CAPTIVE_PORTAL: u8 = 37;
const PREF64: u8 = 38;

/// A lifetime that never ends, where lifetimes have 32 bits (RFC 4861 §4.6.2).
pub const INFINITE_LIFETIME: u32 = u32::MAX;

/// How many octets one unit of an option's length stands for.
const UNIT: usize = 8;

/// One option.
///
/// What a message may not hold is ignored by its reader (RFC 4861 §6.1, §7.1, §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NdpOption {
    /// The link address of the sender (RFC 4861 §4.6.1).
    SourceLinkLayerAddress(LinkLayerAddress),
    /// The link address of the target (RFC 4861 §4.6.1).
    TargetLinkLayerAddress(LinkLayerAddress),
    /// A prefix that is on the link, or to make addresses of (RFC 4861 §4.6.2).
    PrefixInformation(PrefixInformation),
    /// The start of the packet that was redirected (RFC 4861 §4.6.3).
    RedirectedHeader {
        /// Where the packet starts.
        offset: usize,
        /// How many octets there are of it, perhaps with padding.
        length: usize,
    },
    /// The MTU of the link, in octets (RFC 4861 §4.6.4).
    Mtu(u32),
    /// A random number that tells one's own solicitations from others (RFC 3971 §5.3.2).
    Nonce {
        /// Where it starts.
        offset: usize,
        /// How many octets it has: 6, 14, 22 ...
        length: usize,
    },
    /// A prefix that the router leads to (RFC 4191 §2.3).
    RouteInformation(RouteInformation),
    /// DNS servers (RFC 8106 §5.1).
    Rdnss(Rdnss),
    /// DNS search list (RFC 8106 §5.2).
    Dnssl {
        /// For how many seconds the list may be used; zero ends its use.
        lifetime: u32,
        /// Where the domain names start.
        offset: usize,
        /// How many octets they take, padding with zeros among them.
        length: usize,
    },
    /// A context of 6LoWPAN header compression (RFC 6775 §4.2).
    SixLowpanContext(SixLowpanContext),
    /// The URI of the captive portal API (RFC 8910 §2.3).
    CaptivePortal {
        /// Where the URI starts.
        offset: usize,
        /// How many octets it takes, padding with zeros among them.
        length: usize,
    },
    /// The prefix of a NAT64 (RFC 8781 §4).
    Pref64(Pref64),
    /// To be ignored: an option that is not known here, or one that is but whose length or contents
    /// are not as its specification has them, so that a receiver passes over it.
    Unknown {
        /// The option type.
        kind: u8,
        /// Where the option starts.
        offset: usize,
        /// How long it is, in octets, type and length among them.
        length: usize,
    },
}

/// The link address in an option, whose end does not show: it is padded (RFC 4861 §4.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinkLayerAddress {
    /// The first octets of address and padding.
    octets: [u8; 8],
    /// The length of the option, in units of eight octets.
    units: u8,
}

impl LinkLayerAddress {
    /// The address, on a link whose addresses have `length` octets: 6 on Ethernet (RFC 2464 §6),
    /// 8 or 2 on IEEE 802.15.4 (RFC 4944 §8). `None` if the option is not as long as such an
    /// address makes it, or the length is not one of 1 to 8.
    pub fn of_length(&self, length: usize) -> Option<LinkAddr> {
        if length == 0 || length.saturating_add(2).div_ceil(UNIT) != usize::from(self.units) {
            return None;
        }
        LinkAddr::from_bytes(self.octets.get(..length)?)
    }
}

/// What a prefix is good for (RFC 4861 §4.6.2, RFC 6275 §7.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PrefixFlags(u8);

bitflags::bitflags! {
    impl PrefixFlags: u8 {
        /// L: addresses with this prefix are on the link. If it is not set, nothing is said.
        const ON_LINK = 0x80;
        /// A: addresses can be made of this prefix (RFC 4862).
        const AUTONOMOUS = 0x40;
        /// R: the prefix field holds the whole of an address of the router.
        const ROUTER_ADDRESS = 0x20;
    }
}

/// A Prefix Information option (RFC 4861 §4.6.2), with a prefix length of at most 128.
///
/// ```text
/// |     Type      |    Length     | Prefix Length |L|A|R|Reserved1|
/// |                         Valid Lifetime                        |
/// |                       Preferred Lifetime                      |
/// |                           Reserved2                           |
/// |                      Prefix (16 octets)                       |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PrefixInformation([u8; Self::LENGTH]);

impl PrefixInformation {
    /// How long the option is, in octets.
    pub const LENGTH: usize = 32;

    /// The option of these octets.
    ///
    /// # Errors
    ///
    /// [`Malformed::Length`] if type or length are not those of this option, [`Malformed::Value`]
    /// if the prefix is longer than an address.
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Result<Self, Malformed> {
        match bytes {
            [PREFIX_INFORMATION, 4, 0..=128, ..] => Ok(Self(bytes)),
            [PREFIX_INFORMATION, 4, ..] => Err(Malformed::Value),
            _ => Err(Malformed::Length),
        }
    }

    /// How many bits of the prefix count: 0 to 128.
    pub const fn prefix_length(&self) -> u8 {
        self.0[2]
    }

    /// What the prefix is good for.
    pub const fn flags(&self) -> PrefixFlags {
        PrefixFlags::from_bits_truncate(self.0[3])
    }

    /// For how many seconds the prefix is on the link and its addresses are valid;
    /// [`INFINITE_LIFETIME`] is for ever.
    pub const fn valid_lifetime(&self) -> u32 {
        u32::from_be_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// For how many seconds addresses of the prefix stay preferred; [`INFINITE_LIFETIME`] is for
    /// ever. A prefix with less valid than preferred lifetime is ignored (RFC 4862 §5.5.3 c).
    pub const fn preferred_lifetime(&self) -> u32 {
        u32::from_be_bytes([self.0[8], self.0[9], self.0[10], self.0[11]])
    }

    /// The prefix, without the bits behind its length, which are to be ignored.
    pub fn prefix(&self) -> Ipv6Addr {
        ipv6_address::prefix(self.address(), self.prefix_length())
    }

    /// The prefix field as it came: an address of the router where
    /// [`PrefixFlags::ROUTER_ADDRESS`] is set.
    pub fn address(&self) -> Ipv6Addr {
        ipv6_address::read_at::<16, _>(&self.0)
    }

    /// Writes the option, with lifetimes in seconds. The bits behind the prefix length are sent as
    /// they are: zero, unless this is an address of the router.
    pub fn write(
        bytes: &mut [u8; Self::LENGTH],
        prefix: Ipv6Addr,
        prefix_length: u8,
        flags: PrefixFlags,
        valid_lifetime: u32,
        preferred_lifetime: u32,
    ) {
        put(
            bytes,
            0..4,
            [PREFIX_INFORMATION, 4, prefix_length, flags.bits()],
        );
        put(bytes, 4..8, valid_lifetime.to_be_bytes());
        put(bytes, 8..12, preferred_lifetime.to_be_bytes());
        bytes[12..16].fill(0);
        ipv6_address::write_at::<16, _>(bytes, prefix);
    }
}

/// How much a router is preferred (RFC 4191 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Preference {
    /// Less than others.
    Low,
    /// As is usual.
    #[default]
    Medium,
    /// More than others.
    High,
}

impl Preference {
    /// The preference of bits 3 and 4 of a flags octet; `None` for the reserved value.
    pub(super) const fn from_flags(flags: u8) -> Option<Self> {
        match flags >> 3 & 0b11 {
            0b00 => Some(Self::Medium),
            0b01 => Some(Self::High),
            0b11 => Some(Self::Low),
            _ => None,
        }
    }

    /// Bits 3 and 4 of a flags octet.
    pub(super) const fn to_flags(self) -> u8 {
        match self {
            Self::Medium => 0b00 << 3,
            Self::High => 0b01 << 3,
            Self::Low => 0b11 << 3,
        }
    }
}

/// A prefix that a router leads to (RFC 4191 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouteInformation {
    /// The prefix, without the bits behind its length.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub prefix: Ipv6Addr,
    /// How many bits of the prefix count: 0 to 128.
    pub prefix_length: u8,
    /// Whether this router is better than others that lead there.
    pub preference: Preference,
    /// For how many seconds the route holds; [`INFINITE_LIFETIME`] is for ever, zero ends it.
    pub lifetime: u32,
}

/// DNS servers (RFC 8106 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rdnss {
    /// For how many seconds the servers may be used; [`INFINITE_LIFETIME`] is for ever, zero ends
    /// their use.
    pub lifetime: u32,
    offset: usize,
    count: usize,
}

impl Rdnss {
    /// How many addresses there are: at least one.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The addresses of the servers, best first. `message` is the one that the option is from.
    pub fn addresses<'a, B: Bytes + ?Sized>(
        &self,
        message: &'a B,
    ) -> impl Iterator<Item = Ipv6Addr> + use<'a, B> {
        let Self { offset, count, .. } = *self;
        (0..count).map_while(move |index| {
            let offset = offset.saturating_add(index * 16);
            message.array::<16>(offset).ok().map(Ipv6Addr::from)
        })
    }
}

/// A context of 6LoWPAN header compression (RFC 6775 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SixLowpanContext {
    /// The number of the context, 0 to 15.
    pub identifier: u8,
    /// C: whether the context may be used to compress; to decompress it always may.
    pub compression: bool,
    /// For how many minutes the context holds; zero removes it at once.
    pub lifetime: u16,
    /// The prefix, without the bits behind its length.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub prefix: Ipv6Addr,
    /// How many bits of the prefix count: 0 to 128.
    pub prefix_length: u8,
}

/// The prefix of a NAT64 (RFC 8781 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Pref64 {
    /// For how many seconds the prefix may be used, at most 65,528; zero ends its use.
    pub lifetime: u16,
    /// The prefix.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub prefix: Ipv6Addr,
    /// How many bits of the prefix count: 32, 40, 48, 56, 64 or 96.
    pub prefix_length: u8,
}

/// The options of a message; ends at the first that has no length or reaches beyond the message,
/// and says so: such a message is discarded (RFC 4861 §4.6).
#[derive(Debug)]
pub struct NdpOptions<'a, B: ?Sized> {
    message: &'a B,
    offset: usize,
}

impl<B: ?Sized> Clone for NdpOptions<'_, B> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, B: Bytes + ?Sized> NdpOptions<'a, B> {
    /// The options from `offset` to the end of the message.
    pub const fn new(message: &'a B, offset: usize) -> Self {
        Self { message, offset }
    }

    /// The type of the option that stands here, and its length in units.
    fn start(&self) -> Result<(u8, u8), Malformed> {
        let [kind, units] = self.message.array(self.offset)?;
        match self.offset.checked_add(usize::from(units) * UNIT) {
            _ if units == 0 => Err(Malformed::Length),
            Some(end) if end <= self.message.len() => Ok((kind, units)),
            _ => Err(Malformed::Truncated),
        }
    }

    /// The first link-layer address that is right for a link whose addresses have `length` octets: the
    /// source's, or else the target's. All other options are passed over unread.
    pub(crate) fn link_address(mut self, source: bool, length: usize) -> Option<LinkAddr> {
        let wanted = match source {
            true => SOURCE_LINK_LAYER_ADDRESS,
            false => TARGET_LINK_LAYER_ADDRESS,
        };
        while let Ok((kind, units)) = self.start() {
            if kind == wanted
                && let Some(option) = self.link_layer_address(units)
                && let Some(link) = option.of_length(length)
            {
                return Some(link);
            }
            self.offset = self.offset.saturating_add(usize::from(units) * UNIT);
        }
        None
    }

    /// The contents of the option that stands here; `None` if they are to be ignored.
    fn read(&self, kind: u8, units: u8) -> Option<NdpOption> {
        let length = usize::from(units) * UNIT;
        // Past type and length, and past what most longer options start with.
        let (short, long) = (self.offset.checked_add(2)?, self.offset.checked_add(8)?);
        let lifetime = || {
            let lifetime = self.array(4)?;
            Some(u32::from_be_bytes(lifetime))
        };
        Some(match (kind, units) {
            (SOURCE_LINK_LAYER_ADDRESS, _) => {
                NdpOption::SourceLinkLayerAddress(self.link_layer_address(units)?)
            }
            (TARGET_LINK_LAYER_ADDRESS, _) => {
                NdpOption::TargetLinkLayerAddress(self.link_layer_address(units)?)
            }
            (PREFIX_INFORMATION, 4) => {
                NdpOption::PrefixInformation(PrefixInformation::new(self.array(0)?).ok()?)
            }
            (REDIRECTED_HEADER, _) => NdpOption::RedirectedHeader {
                offset: long,
                length: length - 8,
            },
            (MTU, 1) => NdpOption::Mtu(u32::from_be_bytes(self.array(4)?)),
            (NONCE, _) => NdpOption::Nonce {
                offset: short,
                length: length - 2,
            },
            (ROUTE_INFORMATION, 1..=3) => NdpOption::RouteInformation(self.route(units)?),
            (RDNSS, 3..) if units % 2 == 1 => {
                let rdnss = Rdnss {
                    lifetime: lifetime()?,
                    offset: long,
                    count: usize::from(units / 2),
                };
                // RFC 8106 §5.3.1: an option with an address that is not unicast is discarded.
                if rdnss.addresses(self.message).any(is_not_unicast) {
                    return None;
                }
                NdpOption::Rdnss(rdnss)
            }
            (DNSSL, 2..) => NdpOption::Dnssl {
                lifetime: lifetime()?,
                offset: long,
                length: length - 8,
            },
            (SIX_LOWPAN_CONTEXT, 2..=3) => NdpOption::SixLowpanContext(self.context(units)?),
            (CAPTIVE_PORTAL, _) => NdpOption::CaptivePortal {
                offset: short,
                length: length - 2,
            },
            (PREF64, 2) => NdpOption::Pref64(self.pref64()?),
            _ => return None,
        })
    }

    /// The octets at a place of the option that stands here.
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.message.array(self.offset.checked_add(at)?).ok()
    }

    fn link_layer_address(&self, units: u8) -> Option<LinkLayerAddress> {
        let mut octets = [0; 8];
        if units == 1 {
            let short: [u8; 6] = self.array(2)?;
            put(&mut octets, 0..6, short);
        } else {
            octets = self.array(2)?;
        }
        Some(LinkLayerAddress { octets, units })
    }

    /// The prefix at the end of an option of so many units, the first of which is none of it.
    fn prefix(&self, units: u8, prefix_length: u8) -> Option<Ipv6Addr> {
        let mut octets = [0; 16];
        match (units, prefix_length) {
            (1, 0) => (),
            (2, 0..=64) => {
                let half: [u8; 8] = self.array(8)?;
                put(&mut octets, 0..8, half);
            }
            (3, 0..=128) => octets = self.array(8)?,
            _ => return None,
        }
        Some(ipv6_address::prefix(octets.into(), prefix_length))
    }

    fn route(&self, units: u8) -> Option<RouteInformation> {
        let [_, _, prefix_length, flags, lifetime @ ..]: [u8; 8] = self.array(0)?;
        Some(RouteInformation {
            prefix: self.prefix(units, prefix_length)?,
            prefix_length,
            preference: Preference::from_flags(flags)?,
            lifetime: u32::from_be_bytes(lifetime),
        })
    }

    fn context(&self, units: u8) -> Option<SixLowpanContext> {
        let [_, _, prefix_length, flags, _, _, lifetime @ ..]: [u8; 8] = self.array(0)?;
        Some(SixLowpanContext {
            identifier: flags & 0xf,
            compression: flags & 0x10 != 0,
            lifetime: u16::from_be_bytes(lifetime),
            prefix: self.prefix(units, prefix_length)?,
            prefix_length,
        })
    }

    fn pref64(&self) -> Option<Pref64> {
        let field = u16::from_be_bytes(self.array(2)?);
        let prefix_length = match field & 7 {
            0 => 96,
            1 => 64,
            2 => 56,
            3 => 48,
            4 => 40,
            5 => 32,
            _ => return None,
        };
        let mut octets = [0; 16];
        let high: [u8; 12] = self.array(4)?;
        put(&mut octets, 0..12, high);
        Some(Pref64 {
            // Thirteen bits in units of eight seconds: they stand where the seconds do.
            lifetime: field & !7,
            prefix: ipv6_address::prefix(octets.into(), prefix_length),
            prefix_length,
        })
    }
}

const fn is_not_unicast(address: Ipv6Addr) -> bool {
    address.is_multicast() || address.is_unspecified()
}

impl<B: Bytes + ?Sized> Iterator for NdpOptions<'_, B> {
    type Item = Result<NdpOption, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.message.len() {
            return None;
        }
        let (kind, units) = match self.start() {
            Ok(start) => start,
            Err(malformed) => {
                self.offset = usize::MAX;
                return Some(Err(malformed));
            }
        };
        let (offset, length) = (self.offset, usize::from(units) * UNIT);
        let option = self.read(kind, units).unwrap_or(NdpOption::Unknown {
            kind,
            offset,
            length,
        });
        self.offset = offset.saturating_add(length);
        Some(Ok(option))
    }
}

impl<B: Bytes + ?Sized> FusedIterator for NdpOptions<'_, B> {}

#[cfg(test)]
mod tests;
