//! What a client has been given.

use core::net::Ipv4Addr;

use super::message::Message;
use super::option::{ClasslessRoutes, addresses, class_length, code, is_host, prefix_length};
use crate::config;
use crate::iface::Ipv4Cidr;

/// The shortest lease that is taken, in seconds: what is shorter would be renewed all the time.
const MINIMUM_LEASE: u32 = 10;

/// A lease: a plain value, which an application may keep over a restart, to ask for the same address
/// again (RFC 2131 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lease {
    /// The address and its subnet.
    pub address: Ipv4Cidr,
    /// The server that has granted it.
    pub server: Ipv4Addr,
    /// For how long, in seconds from the request on; [`Lease::INFINITE`]: for ever.
    pub duration: u32,
    /// T1: after so many seconds its server is asked to extend it.
    pub renewal: u32,
    /// T2: after so many seconds any server is.
    pub rebinding: u32,
}

impl Lease {
    /// A time that never comes (RFC 2131 §3.3).
    pub const INFINITE: u32 = u32::MAX;

    /// What an OFFER or an ACK grants; `None` if that is nothing that can be used.
    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        let address = message.your_address();
        let server = message.address(code::SERVER_IDENTIFIER)?;
        let length = match message.option(code::SUBNET_MASK) {
            Some(_) => prefix_length(message.address(code::SUBNET_MASK)?)?,
            None => class_length(address),
        };
        let cidr = Ipv4Cidr::new(address, length);
        // A length of zero would make neighbours of everybody.
        if length == 0 || !is_host(address) || !is_host(server) || cidr.is_broadcast(address) {
            return None;
        }
        let time = |code| message.array(code).map(u32::from_be_bytes);
        let duration = time(code::LEASE_TIME).filter(|duration| *duration >= MINIMUM_LEASE)?;
        let (renewal, rebinding) = match duration {
            Self::INFINITE => (Self::INFINITE, Self::INFINITE),
            duration => {
                // "T1 MUST be earlier than T2, which, in turn, MUST be earlier than the time at
                // which the client's lease will expire" (§4.4.5): what says otherwise is passed over.
                let rebinding = time(code::REBINDING_TIME).filter(|t2| (2..duration).contains(t2));
                let rebinding = rebinding.unwrap_or(duration - duration / 8 - 1);
                let renewal = time(code::RENEWAL_TIME).filter(|t1| (1..rebinding).contains(t1));
                (
                    renewal.unwrap_or((duration / 2).min(rebinding - 1)),
                    rebinding,
                )
            }
        };
        Some(Self {
            address: cidr,
            server,
            duration,
            renewal,
            rebinding,
        })
    }
}

/// Options that the client itself uses: they are kept before others.
pub(super) const USED: [u8; 9] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTER,
    code::DNS_SERVER,
    code::DOMAIN_NAME,
    code::DOMAIN_SEARCH,
    code::INTERFACE_MTU,
    code::BROADCAST_ADDRESS,
    code::NTP_SERVER,
];
/// Options that say nothing beyond the exchange.
const PASSING: [u8; 8] = [
    code::REQUESTED_ADDRESS,
    code::LEASE_TIME,
    code::OVERLOAD,
    code::MESSAGE_TYPE,
    code::SERVER_IDENTIFIER,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
    code::CLIENT_IDENTIFIER,
];

/// The options of the last ACK, each in one piece, as far as there is room
/// ([`DHCPV4_OPTIONS`](config::DHCPV4_OPTIONS)).
#[derive(Clone)]
pub struct KeptOptions {
    /// Number, length in two octets, value.
    octets: [u8; config::DHCPV4_OPTIONS],
    length: u16,
}

impl KeptOptions {
    pub(super) const NONE: Self = Self {
        octets: [0; config::DHCPV4_OPTIONS],
        length: 0,
    };

    /// Keeps the options of a message in place of those before; says how many there was no room for.
    pub(super) fn keep(&mut self, message: &Message<'_>) -> u32 {
        self.length = 0;
        let mut missed = 0;
        let mut seen = [0u8; 32];
        let passing = PASSING.iter().map(|code| (*code, false));
        let used = USED.iter().map(|code| (*code, true));
        let others = message.options().map_while(Result::ok);
        let others = others.map(|(code, _)| (code, true));
        for (code, is_wanted) in passing.chain(used).chain(others) {
            let bit = 1 << (code & 7);
            let was_seen = seen.get_mut(usize::from(code >> 3)).is_none_or(|octet| {
                let was = *octet & bit != 0;
                *octet |= bit;
                was
            });
            if was_seen || !is_wanted {
                continue;
            }
            if let Some(value) = message.option(code)
                && !self.push(code, value)
            {
                missed += 1;
            }
        }
        missed
    }

    fn push(&mut self, code: u8, value: impl Iterator<Item = u8>) -> bool {
        let start = usize::from(self.length);
        let free = self.octets.get_mut(start..).unwrap_or_default();
        let Some(([number, high, low], to)) = free.split_first_chunk_mut::<3>() else {
            return false;
        };
        let mut length = 0;
        let mut to = to.iter_mut();
        for octet in value {
            let Some(to) = to.next() else {
                return false;
            };
            *to = octet;
            length += 1;
        }
        *number = code;
        [*high, *low] = u16::to_be_bytes(length);
        self.length += 3 + length;
        true
    }

    /// All of them: numbers and values.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.octets.get(..usize::from(self.length)).unwrap_or(&[]);
        core::iter::from_fn(move || {
            let ([code, high, low], behind) = rest.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some((*code, value))
        })
    }

    /// The value of an option.
    pub fn get(&self, wanted: u8) -> Option<&[u8]> {
        let mut options = self.iter();
        options.find_map(|(code, value)| (code == wanted).then_some(value))
    }

    fn addresses(&self, code: u8) -> impl Iterator<Item = Ipv4Addr> + Clone {
        addresses(self.get(code).unwrap_or(&[])).filter(|address| is_host(*address))
    }

    /// The routers, the best first; none where there are classless routes, which stand in their
    /// place (RFC 3442).
    pub fn routers(&self) -> impl Iterator<Item = Ipv4Addr> {
        let routers = match self.get(code::CLASSLESS_ROUTES) {
            Some(_) => None,
            None => Some(self.addresses(code::ROUTER)),
        };
        routers.into_iter().flatten()
    }

    /// The classless routes (RFC 3442).
    pub fn routes(&self) -> ClasslessRoutes<'_> {
        ClasslessRoutes::new(self.get(code::CLASSLESS_ROUTES).unwrap_or(&[]))
    }

    /// The DNS servers, the best first.
    pub fn dns_servers(&self) -> impl Iterator<Item = Ipv4Addr> + Clone {
        self.addresses(code::DNS_SERVER)
    }

    /// The NTP servers, the best first.
    pub fn ntp_servers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses(code::NTP_SERVER)
    }

    /// The domain of the host, as text.
    pub fn domain(&self) -> Option<&str> {
        let octets = self.get(code::DOMAIN_NAME)?;
        let text = core::str::from_utf8(octets).ok()?;
        Some(text.trim_end_matches('\0'))
    }

    /// The domains in which names are looked for (RFC 3397), the best first.
    #[cfg(feature = "dns")]
    pub fn search_domains(&self) -> impl Iterator<Item = crate::proto::dns::NameRef<'_>> + Clone {
        crate::proto::dns::NameRef::list(self.get(code::DOMAIN_SEARCH).unwrap_or(&[]))
    }

    /// The domains that a resolver looks in: these, or else the domain of the host.
    #[cfg(feature = "dns")]
    pub(super) fn domains(&self) -> impl Iterator<Item = crate::iface::SearchDomain> + Clone {
        use crate::iface::SearchDomain;

        let list = self.search_domains();
        let list = list.filter_map(|name| SearchDomain::from_labels(name.labels()).ok());
        let own = match self.get(code::DOMAIN_SEARCH) {
            Some(_) => &[],
            None => self.get(code::DOMAIN_NAME).unwrap_or(&[]),
        };
        // Servers are known to put several into it, and a zero behind them.
        let own = own.split(|octet| octet.is_ascii_whitespace() || *octet == 0);
        let own = own.map(|domain| domain.strip_suffix(b".").unwrap_or(domain));
        list.chain(own.filter_map(|domain| {
            let labels = domain.split(|octet| *octet == b'.');
            SearchDomain::from_labels(labels).ok()
        }))
    }

    /// The MTU of the link, in bytes.
    pub fn mtu(&self) -> Option<u16> {
        let octets = self.get(code::INTERFACE_MTU)?;
        Some(u16::from_be_bytes(*octets.as_array()?))
    }

    /// The broadcast address of the subnet, as the server says.
    pub fn broadcast_address(&self) -> Option<Ipv4Addr> {
        let octets = self.get(code::BROADCAST_ADDRESS)?;
        Some(Ipv4Addr::from(*octets.as_array::<4>()?))
    }
}

impl core::fmt::Debug for KeptOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
