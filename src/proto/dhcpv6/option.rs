//! Options, and what those say that leases come in (RFC 8415 §21).

use core::net::Ipv6Addr;

use crate::wire::Malformed;

/// The numbers of options (RFC 8415 §21, and those that are named).
pub mod code {
    /// The DUID of the client (§21.2).
    pub const CLIENT_IDENTIFIER: u16 = 1;
    /// The DUID of the server (§21.3).
    pub const SERVER_IDENTIFIER: u16 = 2;
    /// Addresses that are not temporary (§21.4).
    pub const IA_NA: u16 = 3;
    /// Temporary addresses (§21.5).
    pub const IA_TA: u16 = 4;
    /// An address, within [`IA_NA`] or [`IA_TA`] (§21.6).
    pub const IA_ADDRESS: u16 = 5;
    /// The numbers of the options that the client wants (§21.7).
    pub const OPTION_REQUEST: u16 = 6;
    /// How much a server wants to be taken (§21.8).
    pub const PREFERENCE: u16 = 7;
    /// Hundredths of a second since the exchange began (§21.9).
    pub const ELAPSED_TIME: u16 = 8;
    /// A message that a relay agent passes on (§21.10).
    pub const RELAY_MESSAGE: u16 = 9;
    /// Who vouches for the message (§21.11).
    pub const AUTHENTICATION: u16 = 11;
    /// The address by which the server may be asked alone (§21.12).
    pub const SERVER_UNICAST: u16 = 12;
    /// What became of what was asked for (§21.13).
    pub const STATUS_CODE: u16 = 13;
    /// Two messages are enough (§21.14).
    pub const RAPID_COMMIT: u16 = 14;
    /// What users or applications the client is for (§21.15).
    pub const USER_CLASS: u16 = 15;
    /// What the client is (§21.16).
    pub const VENDOR_CLASS: u16 = 16;
    /// What the vendor of the client knows the meaning of (§21.17).
    pub const VENDOR_OPTIONS: u16 = 17;
    /// For relay agents (§21.18).
    pub const INTERFACE_ID: u16 = 18;
    /// How the client is to ask (§21.19).
    pub const RECONFIGURE_MESSAGE: u16 = 19;
    /// The client may be told to ask (§21.20).
    pub const RECONFIGURE_ACCEPT: u16 = 20;
    /// DNS servers, the best first (RFC 3646 §3).
    pub const DNS_SERVERS: u16 = 23;
    /// Domains to look for names in (RFC 3646 §4).
    pub const DOMAIN_LIST: u16 = 24;
    /// Prefixes for networks behind the client (§21.21).
    pub const IA_PD: u16 = 25;
    /// A prefix, within [`IA_PD`] (§21.22).
    pub const IA_PREFIX: u16 = 26;
    /// SNTP servers, the best first (RFC 4075).
    pub const SNTP_SERVERS: u16 = 31;
    /// Seconds until the information is to be asked for again (§21.23).
    pub const INFORMATION_REFRESH_TIME: u16 = 32;
    /// The whole name of the client (RFC 4704).
    pub const CLIENT_FQDN: u16 = 39;
    /// A time server (RFC 5908).
    pub const NTP_SERVER: u16 = 56;
    /// The most seconds between two Solicits (§21.24).
    pub const SOL_MAX_RT: u16 = 82;
    /// The most seconds between two Information-requests (§21.25).
    pub const INF_MAX_RT: u16 = 83;
}

/// What became of what was asked for (RFC 8415 §21.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(pub u16);

impl Status {
    /// It is done.
    pub const SUCCESS: Self = Self(0);
    /// It is not, and why is not said.
    pub const UNSPEC_FAIL: Self = Self(1);
    /// There are no addresses.
    pub const NO_ADDRS_AVAIL: Self = Self(2);
    /// The server knows nothing of the leases.
    pub const NO_BINDING: Self = Self(3);
    /// The addresses are not of this link.
    pub const NOT_ON_LINK: Self = Self(4);
    /// The server wants no unicast.
    pub const USE_MULTICAST: Self = Self(5);
    /// There are no prefixes.
    pub const NO_PREFIX_AVAIL: Self = Self(6);
}

/// Options one after the other, as they lie: number and value of each. Ends after the first that is
/// malformed.
#[derive(Clone, Copy, Debug)]
pub struct Options<'o>(&'o [u8]);

impl<'o> Options<'o> {
    /// The options in some octets.
    pub const fn new(octets: &'o [u8]) -> Self {
        Self(octets)
    }

    /// Whether all are well formed.
    pub fn check(mut self) -> Result<(), Malformed> {
        self.try_for_each(|option| option.map(|_| ()))
    }

    /// The values of all options with a number.
    pub fn all(self, wanted: u16) -> impl Iterator<Item = &'o [u8]> {
        let known = self.map_while(Result::ok);
        known.filter_map(move |(code, value)| (code == wanted).then_some(value))
    }

    /// The value of an option; the first if there are several.
    pub fn get(self, wanted: u16) -> Option<&'o [u8]> {
        self.all(wanted).next()
    }

    /// The value of an option of so many octets.
    pub fn array<const N: usize>(self, wanted: u16) -> Option<[u8; N]> {
        self.get(wanted)?.as_array().copied()
    }

    /// The number that is the value of an option.
    pub(super) fn number(self, wanted: u16) -> Option<u32> {
        self.array(wanted).map(u32::from_be_bytes)
    }

    /// The status that they say; success if they say none.
    pub fn status(self) -> Status {
        let octets = self.get(code::STATUS_CODE);
        let status = octets.and_then(|octets| octets.first_chunk());
        status.map_or(Status::SUCCESS, |octets| {
            Status(u16::from_be_bytes(*octets))
        })
    }
}

impl<'o> Iterator for Options<'o> {
    type Item = Result<(u16, &'o [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let octets = core::mem::take(&mut self.0);
        if octets.is_empty() {
            return None;
        }
        let option = octets.split_first_chunk().and_then(|(head, rest)| {
            let [code_high, code_low, high, low] = *head;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let (value, rest) = rest.split_at_checked(length)?;
            Some((u16::from_be_bytes([code_high, code_low]), value, rest))
        });
        Some(match option {
            Some((code, value, rest)) => {
                self.0 = rest;
                Ok((code, value))
            }
            None => Err(Malformed::Truncated),
        })
    }
}

/// An identity association, the value of an [`IA_NA`](code::IA_NA) or [`IA_PD`](code::IA_PD).
#[derive(Clone, Copy, Debug)]
pub struct Association<'o> {
    /// Which of the client's it is.
    pub iaid: u32,
    /// T1: seconds after which the server is to be asked to extend the leases; zero: as the client
    /// likes.
    pub renewal: u32,
    /// T2: seconds after which any server is; zero: as the client likes.
    pub rebinding: u32,
    /// Its leases and its status.
    pub options: Options<'o>,
}

impl<'o> Association<'o> {
    /// Reads the value of an option; `None` if that is too short.
    pub fn read(value: &'o [u8]) -> Option<Self> {
        let (iaid, rest) = value.split_first_chunk()?;
        let (renewal, rest) = rest.split_first_chunk()?;
        let (rebinding, rest) = rest.split_first_chunk()?;
        Some(Self {
            iaid: u32::from_be_bytes(*iaid),
            renewal: u32::from_be_bytes(*renewal),
            rebinding: u32::from_be_bytes(*rebinding),
            options: Options::new(rest),
        })
    }

    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = LeaseOption<'o>> + use<'o> {
        let values = self.options.all(code::IA_ADDRESS);
        values.filter_map(LeaseOption::read_address)
    }

    /// Its prefixes.
    pub fn prefixes(&self) -> impl Iterator<Item = LeaseOption<'o>> + use<'o> {
        let values = self.options.all(code::IA_PREFIX);
        values.filter_map(LeaseOption::read_prefix)
    }
}

/// An address or a prefix, the value of an [`IA_ADDRESS`](code::IA_ADDRESS) or
/// [`IA_PREFIX`](code::IA_PREFIX).
#[derive(Clone, Copy, Debug)]
pub struct LeaseOption<'o> {
    /// The address, or the lowest of the prefix.
    pub address: Ipv6Addr,
    /// Bits of the prefix, as it is said; 128 for an address.
    pub length: u8,
    /// For how many seconds it is preferred; [`u32::MAX`] is for ever.
    pub preferred: u32,
    /// For how many seconds it is valid; [`u32::MAX`] is for ever.
    pub valid: u32,
    /// What else is said of it.
    pub options: Options<'o>,
}

impl<'o> LeaseOption<'o> {
    fn read_address(value: &'o [u8]) -> Option<Self> {
        let (address, rest) = value.split_first_chunk::<16>()?;
        let (preferred, rest) = rest.split_first_chunk()?;
        let (valid, rest) = rest.split_first_chunk()?;
        Some(Self {
            address: Ipv6Addr::from(*address),
            length: 128,
            preferred: u32::from_be_bytes(*preferred),
            valid: u32::from_be_bytes(*valid),
            options: Options::new(rest),
        })
    }

    fn read_prefix(value: &'o [u8]) -> Option<Self> {
        let (preferred, rest) = value.split_first_chunk()?;
        let (valid, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (address, rest) = rest.split_first_chunk::<16>()?;
        Some(Self {
            address: Ipv6Addr::from(*address),
            length: *length,
            preferred: u32::from_be_bytes(*preferred),
            valid: u32::from_be_bytes(*valid),
            options: Options::new(rest),
        })
    }

    /// Whether it can be used here: it is a host's, or a network's, and is not preferred for longer
    /// than it is valid (RFC 8415 §21.6, §21.22).
    pub(super) fn is_usable(&self) -> bool {
        let address = self.address;
        let is_one = !address.is_multicast()
            && !address.is_loopback()
            && !address.is_unspecified()
            && !address.is_unicast_link_local();
        is_one && (1..=128).contains(&self.length) && self.preferred <= self.valid
    }
}

/// The addresses of an option that is a list of them.
pub(super) fn addresses(octets: &[u8]) -> impl Iterator<Item = Ipv6Addr> + Clone + use<'_> {
    let (addresses, _) = octets.as_chunks::<16>();
    addresses.iter().map(|octets| Ipv6Addr::from(*octets))
}
