//! What a server gives, and to whom.

use core::net::Ipv4Addr;

use super::super::option::{ClasslessRoute, code};
use super::Request;
use crate::iface::Ipv4Cidr;
use crate::stack::InterfaceId;
use crate::wire::LinkAddr;

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionValue<'c> {
    /// These octets.
    Octets(&'c [u8]),
    /// A text.
    Text(&'c str),
    /// Addresses, the best first.
    Addresses(&'c [Ipv4Addr]),
    /// Routes to prefixes (RFC 3442).
    Routes(&'c [ClasslessRoute]),
    /// A number of one octet.
    Byte(u8),
    /// A number of two octets.
    Short(u16),
    /// A number of four octets.
    Long(u32),
}

impl<'c> OptionValue<'c> {
    /// The octets as they are sent.
    pub(super) fn octets(self) -> impl Iterator<Item = u8> + Clone + use<'c> {
        (0..u16::MAX).map_while(move |at| self.octet(usize::from(at)))
    }

    fn octet(&self, at: usize) -> Option<u8> {
        match self {
            Self::Octets(octets) => octets.get(at).copied(),
            Self::Text(text) => text.as_bytes().get(at).copied(),
            Self::Addresses(list) => list.get(at / 4)?.octets().get(at % 4).copied(),
            Self::Byte(number) => number.to_be_bytes().get(at).copied(),
            Self::Short(number) => number.to_be_bytes().get(at).copied(),
            Self::Long(number) => number.to_be_bytes().get(at).copied(),
            Self::Routes(routes) => {
                let mut at = at;
                for route in *routes {
                    let length = route.prefix.prefix_length;
                    let significant = usize::from(length.div_ceil(8));
                    match at {
                        0 => return Some(length),
                        _ if at <= significant => {
                            return route.prefix.address.octets().get(at - 1).copied();
                        }
                        _ if at <= significant + 4 => {
                            return route.router.octets().get(at - 1 - significant).copied();
                        }
                        _ => at -= 1 + significant + 4,
                    }
                }
                None
            }
        }
    }
}

/// An option that clients are told, see [`code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerOption<'c> {
    pub(super) code: u8,
    pub(super) value: OptionValue<'c>,
}

impl<'c> ServerOption<'c> {
    /// Any option, by number. What the server says by itself cannot be set: the mask, the lease time,
    /// and what belongs to the exchange.
    pub const fn new(code: u8, value: OptionValue<'c>) -> Self {
        Self { code, value }
    }

    /// The routers, the best first (RFC 2132 §3.5).
    pub const fn routers(addresses: &'c [Ipv4Addr]) -> Self {
        Self::new(code::ROUTER, OptionValue::Addresses(addresses))
    }

    /// The DNS servers, the best first (RFC 2132 §3.8).
    pub const fn dns_servers(addresses: &'c [Ipv4Addr]) -> Self {
        Self::new(code::DNS_SERVER, OptionValue::Addresses(addresses))
    }

    /// The NTP servers, the best first (RFC 2132 §8.3).
    pub const fn ntp_servers(addresses: &'c [Ipv4Addr]) -> Self {
        Self::new(code::NTP_SERVER, OptionValue::Addresses(addresses))
    }

    /// The domain of the clients (RFC 2132 §3.17).
    pub const fn domain(name: &'c str) -> Self {
        Self::new(code::DOMAIN_NAME, OptionValue::Text(name))
    }

    /// Routes to prefixes. Who asks for them is not told the routers besides (RFC 3442).
    pub const fn routes(routes: &'c [ClasslessRoute]) -> Self {
        Self::new(code::CLASSLESS_ROUTES, OptionValue::Routes(routes))
    }

    fn is_valid(&self) -> bool {
        /// What the server says by itself, or nobody says.
        const OWN: [u8; 12] = [
            code::PAD,
            code::SUBNET_MASK,
            code::REQUESTED_ADDRESS,
            code::LEASE_TIME,
            code::OVERLOAD,
            code::MESSAGE_TYPE,
            code::SERVER_IDENTIFIER,
            code::PARAMETER_REQUEST_LIST,
            code::MAXIMUM_MESSAGE_SIZE,
            code::CLIENT_IDENTIFIER,
            code::RELAY_AGENT,
            code::END,
        ];
        !OWN.contains(&self.code)
    }
}

/// Addresses one behind the other, the last among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AddressRange {
    /// The first address.
    pub first: Ipv4Addr,
    /// The last address.
    pub last: Ipv4Addr,
}

impl AddressRange {
    /// The addresses from `first` to `last`.
    pub const fn new(first: Ipv4Addr, last: Ipv4Addr) -> Self {
        Self { first, last }
    }

    pub(super) fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// Clients of one subnet: the addresses that they get, for how long, and what they are told.
#[derive(Clone, Copy, Debug)]
pub struct Subnet<'c> {
    pub(super) network: Ipv4Cidr,
    pub(super) interface: Option<InterfaceId>,
    pub(super) ranges: &'c [AddressRange],
    pub(super) options: &'c [ServerOption<'c>],
    pub(super) next_server: Ipv4Addr,
    default_time: u32,
    least_time: u32,
    most_time: u32,
}

impl<'c> Subnet<'c> {
    /// The subnet that `network` is an address of, without addresses to be given. Leases are for an
    /// hour, if clients ask for it for two minutes to a day.
    pub const fn new(network: Ipv4Cidr) -> Self {
        Self {
            network,
            interface: None,
            ranges: &[],
            options: &[],
            next_server: Ipv4Addr::UNSPECIFIED,
            default_time: 3600,
            least_time: 120,
            most_time: 86400,
        }
    }

    /// Its clients are on the link of this interface. Otherwise relay agents pass on what they say.
    #[must_use]
    pub const fn interface(self, id: InterfaceId) -> Self {
        Self {
            interface: Some(id),
            ..self
        }
    }

    /// Clients without a reservation get these addresses.
    #[must_use]
    pub const fn ranges(self, ranges: &'c [AddressRange]) -> Self {
        Self { ranges, ..self }
    }

    /// Clients are told these options.
    #[must_use]
    pub const fn options(self, options: &'c [ServerOption<'c>]) -> Self {
        Self { options, ..self }
    }

    /// Clients boot from this server (`siaddr`); the name of the file is option 67.
    #[must_use]
    pub const fn next_server(self, address: Ipv4Addr) -> Self {
        Self {
            next_server: address,
            ..self
        }
    }

    /// For how many seconds clients get an address that ask for no time, and for how many at least
    /// and at most if they do. [`u32::MAX`] is for ever.
    #[must_use]
    pub const fn lease_times(self, default: u32, least: u32, most: u32) -> Self {
        Self {
            default_time: default,
            least_time: least,
            most_time: most,
            ..self
        }
    }

    /// The time of a lease: for what was asked for, else for `otherwise`, else as configured.
    pub(super) fn lease_time(&self, asked: Option<u32>, otherwise: Option<u32>) -> u32 {
        let time = asked.or(otherwise).unwrap_or(self.default_time);
        time.max(self.least_time).min(self.most_time)
    }

    /// Whether an address stands for the subnet, or for all hosts on it.
    pub(super) fn is_of_all(&self, address: Ipv4Addr) -> bool {
        let is_network = address.to_bits() & !self.network.mask() == 0;
        (self.network.broadcast()).is_some_and(|all| is_network || all == address)
    }

    fn check(&self) -> Result<(), ServerConfigError> {
        let is_within = |range: &AddressRange| {
            range.first <= range.last
                && self.network.contains(range.first)
                && self.network.contains(range.last)
        };
        if !self.ranges.iter().all(is_within) || self.network.prefix_length == 0 {
            return Err(ServerConfigError::Range);
        }
        let times = [self.least_time, self.default_time, self.most_time];
        if !times.is_sorted() || self.least_time == 0 {
            return Err(ServerConfigError::LeaseTime);
        }
        check_options(self.options)
    }
}

fn check_options(options: &[ServerOption<'_>]) -> Result<(), ServerConfigError> {
    match options.iter().all(ServerOption::is_valid) {
        true => Ok(()),
        false => Err(ServerConfigError::Option),
    }
}

/// Whom an address is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedFor<'c> {
    /// Who says this in option 61.
    Identifier(&'c [u8]),
    /// Who has this link address, whatever it says in option 61.
    Hardware(LinkAddr),
}

/// An address that is kept for one client.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'c> {
    client: ReservedFor<'c>,
    pub(super) address: Ipv4Addr,
    pub(super) options: &'c [ServerOption<'c>],
}

impl<'c> Reservation<'c> {
    /// Keeps `address`, which is of one of the subnets, for a client.
    pub const fn new(client: ReservedFor<'c>, address: Ipv4Addr) -> Self {
        Self {
            client,
            address,
            options: &[],
        }
    }

    /// The client is told these options too; they go before those of its subnet.
    #[must_use]
    pub const fn options(self, options: &'c [ServerOption<'c>]) -> Self {
        Self { options, ..self }
    }

    pub(super) fn is_for(&self, request: &Request<'_>) -> bool {
        let message = &request.message;
        match self.client {
            ReservedFor::Hardware(address) => address.as_bytes() == message.hardware_address(),
            ReservedFor::Identifier(own) => {
                let said = message.option(code::CLIENT_IDENTIFIER);
                said.is_some_and(|said| said.eq(own.iter().copied()))
            }
        }
    }
}

/// Why a server cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServerConfigError {
    /// A range does not lie in its subnet, or a subnet has a prefix of no bits.
    Range,
    /// The least time is zero or longer than the default one, or that longer than the most.
    LeaseTime,
    /// An option is of those that the server says by itself.
    Option,
    /// A reserved address is of no subnet, or reserved twice.
    Reservation,
    /// There are no places for leases beside those of the reservations.
    Places,
}

impl core::fmt::Display for ServerConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Range => "a range is not in its subnet",
            Self::LeaseTime => "the lease times are not in order",
            Self::Option => "an option is of those that the server says by itself",
            Self::Reservation => "a reserved address is of no subnet, or reserved twice",
            Self::Places => "there are too few places for leases",
        })
    }
}

impl core::error::Error for ServerConfigError {}

/// What a [`Dhcpv4Server`](super::Dhcpv4Server) goes by.
///
/// ```
/// # use core::net::Ipv4Addr;
/// # use zonda::iface::Ipv4Cidr;
/// # use zonda::proto::dhcpv4::{AddressRange, ServerConfig, ServerOption, Subnet};
/// let own = [Ipv4Addr::new(192, 168, 4, 1)];
/// let options = [ServerOption::routers(&own), ServerOption::dns_servers(&own)];
/// let range = AddressRange::new(Ipv4Addr::new(192, 168, 4, 100), Ipv4Addr::new(192, 168, 4, 199));
/// let ranges = [range];
/// let subnets = [Subnet::new(Ipv4Cidr::new(own[0], 24))
///     .interface(0)
///     .ranges(&ranges)
///     .options(&options)];
/// let config = ServerConfig::new(&subnets);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig<'c> {
    pub(super) subnets: &'c [Subnet<'c>],
    pub(super) reservations: &'c [Reservation<'c>],
    pub(super) probe: bool,
    pub(super) decline_time: u32,
}

impl<'c> ServerConfig<'c> {
    /// Serves these subnets. Several may be on the link of one interface: their ranges are used one
    /// after the other.
    pub const fn new(subnets: &'c [Subnet<'c>]) -> Self {
        Self {
            subnets,
            reservations: &[],
            probe: true,
            decline_time: 3600,
        }
    }

    /// Keeps addresses for certain clients.
    #[must_use]
    pub const fn reservations(self, reservations: &'c [Reservation<'c>]) -> Self {
        Self {
            reservations,
            ..self
        }
    }

    /// Whether it is looked, before an address is offered, whether another station has it (RFC 2131
    /// §2.2); at first it is. That takes half a second, on Ethernet and for clients that no relay
    /// agent speaks for.
    #[must_use]
    pub const fn probe(self, probe: bool) -> Self {
        Self { probe, ..self }
    }

    /// For how many seconds an address that another station has is given to nobody; at first an hour.
    #[must_use]
    pub const fn decline_time(self, seconds: u32) -> Self {
        Self {
            decline_time: seconds,
            ..self
        }
    }

    pub(super) fn check(&self, places: usize) -> Result<(), ServerConfigError> {
        self.subnets.iter().try_for_each(Subnet::check)?;
        for (number, reservation) in self.reservations.iter().enumerate() {
            let address = reservation.address;
            let mut others = self.reservations.iter().skip(number + 1);
            let is_of = |subnet: &Subnet<'_>| {
                subnet.network.contains(address) && !subnet.is_of_all(address)
            };
            if others.any(|other| other.address == address) || !self.subnets.iter().any(is_of) {
                return Err(ServerConfigError::Reservation);
            }
            check_options(reservation.options)?;
        }
        let has_ranges = self.subnets.iter().any(|subnet| !subnet.ranges.is_empty());
        match places >= self.reservations.len() + usize::from(has_ranges) {
            true => Ok(()),
            false => Err(ServerConfigError::Places),
        }
    }
}
