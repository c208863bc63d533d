//! What options say.

use core::net::Ipv4Addr;

use crate::iface::Ipv4Cidr;

/// The numbers of options (RFC 2132, and those that are named).
pub mod code {
    /// Fills up; has no length.
    pub const PAD: u8 = 0;
    /// The mask of the subnet (§3.3).
    pub const SUBNET_MASK: u8 = 1;
    /// Routers, the best first (§3.5).
    pub const ROUTER: u8 = 3;
    /// DNS servers, the best first (§3.8).
    pub const DNS_SERVER: u8 = 6;
    /// The name of the host (§3.14).
    pub const HOST_NAME: u8 = 12;
    /// The domain of the host (§3.17).
    pub const DOMAIN_NAME: u8 = 15;
    /// The MTU of the interface (§5.1).
    pub const INTERFACE_MTU: u8 = 26;
    /// The broadcast address of the subnet (§5.3).
    pub const BROADCAST_ADDRESS: u8 = 28;
    /// Routes to single addresses (§5.8), in whose place are those to prefixes.
    pub const STATIC_ROUTES: u8 = 33;
    /// NTP servers, the best first (§8.3).
    pub const NTP_SERVER: u8 = 42;
    /// What the vendor of the client knows the meaning of (§8.4).
    pub const VENDOR_SPECIFIC: u8 = 43;
    /// The address that the client wants (§9.1).
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// The duration of the lease in seconds (§9.2).
    pub const LEASE_TIME: u8 = 51;
    /// Options stand in `file` (1), `sname` (2), or both (3) (§9.3).
    pub const OVERLOAD: u8 = 52;
    /// The type of the message (§9.6).
    pub const MESSAGE_TYPE: u8 = 53;
    /// The address by which the server is known (§9.7).
    pub const SERVER_IDENTIFIER: u8 = 54;
    /// The numbers of the options that the client wants (§9.8).
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    /// Why the server, or the client, says no (§9.9).
    pub const MESSAGE: u8 = 56;
    /// Octets of the longest message that is taken, with IP and UDP headers (§9.10).
    pub const MAXIMUM_MESSAGE_SIZE: u8 = 57;
    /// Seconds after which the lease is to be renewed: T1 (§9.11).
    pub const RENEWAL_TIME: u8 = 58;
    /// Seconds after which any server is asked to extend it: T2 (§9.12).
    pub const REBINDING_TIME: u8 = 59;
    /// What the client is (§9.13).
    pub const VENDOR_CLASS: u8 = 60;
    /// Who the client is (§9.14, RFC 4361).
    pub const CLIENT_IDENTIFIER: u8 = 61;
    /// The whole name of the client (RFC 4702).
    pub const CLIENT_FQDN: u8 = 81;
    /// What a relay agent says, and wants back (RFC 3046).
    pub const RELAY_AGENT: u8 = 82;
    /// Domains to look for names in (RFC 3397).
    pub const DOMAIN_SEARCH: u8 = 119;
    /// Routes to prefixes (RFC 3442).
    pub const CLASSLESS_ROUTES: u8 = 121;
    /// Ends the options; has no length.
    pub const END: u8 = 255;
}

/// A route to a prefix (RFC 3442); the unspecified router stands for the link itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClasslessRoute {
    /// The destinations: bits behind the prefix are zero.
    pub prefix: Ipv4Cidr,
    /// Who takes packets to them.
    pub router: Ipv4Addr,
}

/// The routes of option 121. Ends before the first that is malformed.
#[derive(Clone, Debug)]
pub struct ClasslessRoutes<'o>(&'o [u8]);

impl<'o> ClasslessRoutes<'o> {
    /// The routes in the octets of the option.
    pub const fn new(octets: &'o [u8]) -> Self {
        Self(octets)
    }
}

impl Iterator for ClasslessRoutes<'_> {
    type Item = ClasslessRoute;

    fn next(&mut self) -> Option<ClasslessRoute> {
        let octets = core::mem::take(&mut self.0);
        let (length, rest) = octets.split_first()?;
        if *length > 32 {
            return None;
        }
        // "dividing by eight, rounding up".
        let (significant, rest) = rest.split_at_checked(usize::from(length.div_ceil(8)))?;
        let (router, rest) = rest.split_first_chunk::<4>()?;
        let mut address = [0; 4];
        (address.iter_mut().zip(significant)).for_each(|(to, from)| *to = *from);
        self.0 = rest;
        let prefix = Ipv4Cidr::new(Ipv4Addr::from(address), *length);
        let network = Ipv4Addr::from_bits(prefix.address.to_bits() & prefix.mask());
        Some(ClasslessRoute {
            prefix: Ipv4Cidr::new(network, *length),
            router: Ipv4Addr::from(*router),
        })
    }
}

/// The addresses of an option that is a list of them.
#[cfg(feature = "dhcpv4-client")]
pub(super) fn addresses(octets: &[u8]) -> impl Iterator<Item = Ipv4Addr> + Clone + use<'_> {
    let (addresses, _) = octets.as_chunks::<4>();
    addresses.iter().map(|octets| Ipv4Addr::from(*octets))
}

/// The length of the prefix that a mask says; `None` if its ones are not at its front.
#[cfg(feature = "dhcpv4-client")]
pub(super) fn prefix_length(mask: Ipv4Addr) -> Option<u8> {
    let mask = mask.to_bits();
    let length = mask.leading_ones();
    let is_mask = mask.checked_shl(length).unwrap_or(0) == 0;
    is_mask.then_some(length as u8)
}

/// The length of the prefix of an address without a mask, by its class (RFC 791 §3.2).
#[cfg(feature = "dhcpv4-client")]
pub(super) const fn class_length(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

/// Whether a single host that is not this one can have the address, as far as can be told.
pub(super) const fn is_host(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    // 0/8 and 127/8 are of this host, from 224 on no single hosts (RFC 1122 §3.2.1.3).
    first != 0 && first != 127 && first < 224
}
