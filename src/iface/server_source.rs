//! Where servers for names are known from.

/// Where servers for names are known from. Those that were configured are asked first, then those of
/// DHCP, then those of routers: "information from DHCP appears there first and therefore takes
/// precedence" (RFC 8106 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServerSource {
    /// Configuration.
    Static,
    /// DHCP (RFC 2132 §3.8): kept up by the client, with the feature `dhcpv4-client`.
    Dhcpv4,
    /// DHCPv6 (RFC 3646): kept up by the client, with the feature `dhcpv6-client`.
    Dhcpv6,
    /// Router advertisements (RFC 8106): kept up with the feature `router-discovery`.
    RouterAdvertisement,
}

impl ServerSource {
    /// Those that are learnt, the first to be heeded first.
    #[cfg(names)]
    pub(crate) const LEARNED: [Self; 3] = [Self::Dhcpv4, Self::Dhcpv6, Self::RouterAdvertisement];
}
