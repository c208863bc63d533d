//! The configuration of an interface in one piece: what a product is shipped with.

use core::net::IpAddr;

#[cfg(feature = "ipv4")]
use crate::iface::Ipv4Cidr;
#[cfg(feature = "ipv6")]
use crate::iface::Ipv6Cidr;
#[cfg(feature = "router-discovery")]
use crate::iface::RouterDiscovery;
use crate::iface::route::{Prefix, Route, RouteError, RouteOrigin};
use crate::iface::{AddressError, NameError};
use crate::stack::{InterfaceId, MtuError, Stack};
use crate::wire::IpAddress;

/// All that can be said of an interface before it is used. What is left out stays as it is.
///
/// ```
/// # #[cfg(all(feature = "ipv4", feature = "ipv6"))] {
/// # use core::net::{IpAddr, Ipv4Addr};
/// # use zonda::iface::Ipv4Cidr;
/// # use zonda::mgmt::InterfaceSetup;
/// static WAN: InterfaceSetup = InterfaceSetup {
///     name: Some("wan"),
///     ipv4: &[Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 7), 24)],
///     gateways: &[IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))],
///     ..InterfaceSetup::NONE
/// };
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceSetup<'c> {
    /// Its name.
    pub name: Option<&'c str>,
    /// Bytes of the longest packet that is sent by it.
    pub mtu: Option<u16>,
    /// Its IPv4 addresses, with their subnets.
    #[cfg(feature = "ipv4")]
    pub ipv4: &'c [Ipv4Cidr],
    /// Its IPv6 addresses, with their prefixes, besides those that it makes itself.
    #[cfg(feature = "ipv6")]
    pub ipv6: &'c [Ipv6Cidr],
    /// The routers that lead to everybody else, the best first.
    pub gateways: &'c [IpAddr],
    /// The groups that it listens to.
    #[cfg(feature = "multicast")]
    pub groups: &'c [IpAddr],
    /// Whether and how it looks for IPv6 routers.
    #[cfg(feature = "router-discovery")]
    pub router_discovery: Option<RouterDiscovery>,
    /// Whether it may be used.
    pub enabled: bool,
}

impl InterfaceSetup<'_> {
    /// Nothing is said, but that it may be used.
    pub const NONE: Self = Self {
        name: None,
        mtu: None,
        #[cfg(feature = "ipv4")]
        ipv4: &[],
        #[cfg(feature = "ipv6")]
        ipv6: &[],
        gateways: &[],
        #[cfg(feature = "multicast")]
        groups: &[],
        #[cfg(feature = "router-discovery")]
        router_discovery: None,
        enabled: true,
    };

    /// Configures an interface so.
    ///
    /// # Errors
    ///
    /// What could not be set first; what comes before it in [`InterfaceSetup`] was set, and the rest
    /// was not.
    pub fn apply(&self, stack: Stack<'_>, id: InterfaceId) -> Result<(), SetupError> {
        if let Some(name) = self.name {
            stack.set_name(id, name).map_err(SetupError::Name)?;
        }
        if let Some(mtu) = self.mtu {
            stack.set_mtu(id, mtu).map_err(SetupError::Mtu)?;
        }
        let address = SetupError::Address;
        #[cfg(feature = "ipv4")]
        for cidr in self.ipv4 {
            stack.add_ipv4(id, *cidr).map_err(address)?;
        }
        #[cfg(feature = "ipv6")]
        for cidr in self.ipv6 {
            stack.add_ipv6(id, *cidr).map_err(address)?;
        }
        for (gateway, metric) in self.gateways.iter().zip(0..) {
            let gateway = IpAddress::try_from(*gateway);
            let gateway = gateway.map_err(|_| address(AddressError::UnsupportedFamily))?;
            let route = Route {
                prefix: Prefix::new(gateway, 0).map_err(SetupError::Route)?,
                gateway: Some(gateway),
                interface: id,
                metric,
                expires: None,
                origin: RouteOrigin::Static,
            };
            stack.add_route(route).map_err(SetupError::Route)?;
        }
        #[cfg(feature = "multicast")]
        for group in self.groups {
            stack.join_group(id, *group).map_err(address)?;
        }
        #[cfg(feature = "router-discovery")]
        if let Some(discovery) = self.router_discovery
            && !stack.set_router_discovery(id, discovery)
        {
            return Err(address(AddressError::NoInterface));
        }
        match stack.set_enabled(id, self.enabled) {
            true => Ok(()),
            false => Err(address(AddressError::NoInterface)),
        }
    }
}

/// What could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SetupError {
    /// The name.
    Name(NameError),
    /// The MTU.
    Mtu(MtuError),
    /// An address, or a group; or there is no such interface.
    Address(AddressError),
    /// A gateway.
    Route(RouteError),
}

impl core::fmt::Display for SetupError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Name(error) => core::fmt::Display::fmt(error, f),
            Self::Mtu(error) => core::fmt::Display::fmt(error, f),
            Self::Address(error) => core::fmt::Display::fmt(error, f),
            Self::Route(error) => core::fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for SetupError {}
