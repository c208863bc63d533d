//! What a client has been given.

use core::net::Ipv6Addr;

use super::config::USED;
use super::duid::Duid;
use super::message::Message;
use super::option::{Options, addresses, code};
use crate::config;
use crate::time::Duration;

/// A prefix for networks behind the client (RFC 8415 §6.3), as it is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DelegatedPrefix {
    /// The lowest address of it.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub prefix: Ipv6Addr,
    /// Its bits: 1 to 128.
    pub length: u8,
    /// The number of its association, from zero.
    pub association: u8,
    /// For how long it is preferred still; [`Duration::MAX`]: for ever.
    pub preferred: Duration,
    /// For how long it is valid still; [`Duration::MAX`]: for ever.
    pub valid: Duration,
}

impl DelegatedPrefix {
    /// The prefix of a network within this one: `number` stands between this prefix and the end of
    /// the longer one, of so many bits. `None` if there are no so many networks.
    ///
    /// ```
    /// # use zonda::{proto::dhcpv6::DelegatedPrefix, time::Duration};
    /// # let mut delegated = DelegatedPrefix { prefix: "2001:db8::".parse().unwrap(), length: 48,
    /// #     association: 0, preferred: Duration::MAX, valid: Duration::MAX };
    /// assert_eq!(delegated.subnet(1, 64), "2001:db8:0:1::".parse().ok());
    /// ```
    pub fn subnet(&self, number: u32, length: u8) -> Option<Ipv6Addr> {
        let bits = length.checked_sub(self.length)?;
        let host = 128_u8.checked_sub(length)?;
        let is_free = u32::from(bits) >= u32::BITS - number.leading_zeros();
        let number = u128::from(number).checked_shl(u32::from(host));
        let subnet = self.prefix.to_bits() | number.unwrap_or(0);
        is_free.then_some(Ipv6Addr::from_bits(subnet))
    }

    /// A network within this one, to be announced by the router of that network: with lifetimes in
    /// seconds that are no longer than what is left of this one's (RFC 8415 §18.2.10.1).
    #[cfg(feature = "ra-server")]
    pub fn advertised(&self, number: u32) -> Option<crate::iface::AdvertisedPrefix> {
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        let usual = crate::iface::AdvertisedPrefix::new(self.subnet(number, 64)?, 64);
        Some(crate::iface::AdvertisedPrefix {
            valid: usual.valid.min(seconds(self.valid)),
            preferred: usual.preferred.min(seconds(self.preferred)),
            ..usual
        })
    }
}

/// A lease, as it is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lease {
    /// It is a prefix, and not an address.
    pub is_prefix: bool,
    /// The number of its association among those of its kind, from zero.
    pub association: u8,
    /// The address, or the lowest of the prefix.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub address: Ipv6Addr,
    /// Bits of the prefix; 128 for an address.
    pub length: u8,
    /// For how long it is preferred still; [`Duration::MAX`]: for ever.
    pub preferred: Duration,
    /// For how long it is valid still; [`Duration::MAX`]: for ever.
    pub valid: Duration,
}

/// All leases of a client: a plain value, which an application may keep over a restart, to ask whether
/// they are still good (RFC 8415 §18.2.12).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Leases {
    /// Who has granted them.
    pub server: Duid,
    /// The leases. Their times count from when they were read.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub list: heapless::Vec<Lease, { config::DHCPV6_LEASES }>,
}

/// Options that say nothing beyond the exchange.
const PASSING: [u16; 20] = [
    code::CLIENT_IDENTIFIER,
    code::SERVER_IDENTIFIER,
    code::IA_NA,
    code::IA_TA,
    code::IA_ADDRESS,
    code::OPTION_REQUEST,
    code::PREFERENCE,
    code::ELAPSED_TIME,
    code::RELAY_MESSAGE,
    code::AUTHENTICATION,
    code::SERVER_UNICAST,
    code::RAPID_COMMIT,
    code::INTERFACE_ID,
    code::RECONFIGURE_MESSAGE,
    code::RECONFIGURE_ACCEPT,
    code::IA_PD,
    code::IA_PREFIX,
    code::INFORMATION_REFRESH_TIME,
    code::SOL_MAX_RT,
    code::INF_MAX_RT,
];

/// A time server (RFC 5908 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NtpServer<'o> {
    /// The address of one.
    Address(#[cfg_attr(feature = "defmt", defmt(Display2Format))] Ipv6Addr),
    /// The group that one sends to.
    Group(#[cfg_attr(feature = "defmt", defmt(Display2Format))] Ipv6Addr),
    /// The name of one, in the format of DNS.
    Name(&'o [u8]),
}

/// The options of the last Reply, as far as there is room
/// ([`DHCPV6_OPTIONS`](config::DHCPV6_OPTIONS)).
#[derive(Clone)]
pub struct KeptOptions {
    /// As in a message.
    octets: [u8; config::DHCPV6_OPTIONS],
    length: u16,
}

impl KeptOptions {
    pub(super) const NONE: Self = Self {
        octets: [0; config::DHCPV6_OPTIONS],
        length: 0,
    };

    /// Keeps the options of a message in place of those before; says how many there was no room for.
    pub(super) fn keep(&mut self, message: &Message<'_>) -> u32 {
        self.length = 0;
        let options = || message.options().map_while(Result::ok);
        let used = options().filter(|(code, _)| USED.contains(code));
        let others = options().filter(|(code, _)| !USED.contains(code) && !PASSING.contains(code));
        let missed = used.chain(others);
        let missed = missed.filter(|(code, value)| !self.push(*code, value));
        missed.count() as u32
    }

    fn push(&mut self, code: u16, value: &[u8]) -> bool {
        let start = usize::from(self.length);
        let free = self.octets.get_mut(start..).unwrap_or_default();
        let Some((head, free)) = free.split_first_chunk_mut::<4>() else {
            return false;
        };
        let (Some(to), Ok(length)) = (free.get_mut(..value.len()), u16::try_from(value.len()))
        else {
            return false;
        };
        to.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        let ([code_high, code_low], [high, low]) = (code.to_be_bytes(), length.to_be_bytes());
        *head = [code_high, code_low, high, low];
        self.length += 4 + length;
        true
    }

    /// All of them.
    pub fn options(&self) -> Options<'_> {
        Options::new(self.octets.get(..usize::from(self.length)).unwrap_or(&[]))
    }

    /// The value of an option; the first if there are several.
    pub fn get(&self, code: u16) -> Option<&[u8]> {
        self.options().get(code)
    }

    fn servers(&self, code: u16) -> impl Iterator<Item = Ipv6Addr> + Clone {
        let servers = addresses(self.get(code).unwrap_or(&[]));
        servers.filter(|server| !server.is_unspecified() && !server.is_multicast())
    }

    /// The DNS servers, the best first (RFC 3646).
    pub fn dns_servers(&self) -> impl Iterator<Item = Ipv6Addr> + Clone {
        self.servers(code::DNS_SERVERS)
    }

    /// The domains in which names are looked for (RFC 3646), the best first.
    #[cfg(feature = "dns")]
    pub fn search_domains(&self) -> impl Iterator<Item = crate::proto::dns::NameRef<'_>> + Clone {
        crate::proto::dns::NameRef::list(self.get(code::DOMAIN_LIST).unwrap_or(&[]))
    }

    /// The same, as a resolver looks in them.
    #[cfg(feature = "dns")]
    pub(super) fn domains(&self) -> impl Iterator<Item = crate::iface::SearchDomain> + Clone {
        let list = self.search_domains();
        list.filter_map(|name| crate::iface::SearchDomain::from_labels(name.labels()).ok())
    }

    /// The SNTP servers, the best first (RFC 4075).
    pub fn sntp_servers(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.servers(code::SNTP_SERVERS)
    }

    /// The time servers (RFC 5908).
    pub fn ntp_servers(&self) -> impl Iterator<Item = NtpServer<'_>> {
        let options = self.options().all(code::NTP_SERVER);
        options.filter_map(|value| {
            // "This option MUST include one, and only one, time source suboption".
            let mut sources = Options::new(value).map_while(Result::ok);
            sources.find_map(|(code, value)| {
                let address = || value.as_array::<16>().map(|octets| Ipv6Addr::from(*octets));
                match code {
                    1 => address().map(NtpServer::Address),
                    2 => address().map(NtpServer::Group),
                    3 => Some(NtpServer::Name(value)),
                    _ => None,
                }
            })
        })
    }

    /// The name of the client, in the format of DNS, as the server has it (RFC 4704 §4).
    pub fn fqdn(&self) -> Option<&[u8]> {
        self.get(code::CLIENT_FQDN)?.get(1..)
    }
}

impl core::fmt::Debug for KeptOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let options = self.options().map_while(Result::ok);
        f.debug_map().entries(options).finish()
    }
}
