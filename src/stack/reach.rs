//! Which others an interface can reach.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::route::{is_link_local, is_loopback};
use crate::iface::route::Route;
use crate::wire::IpAddress;

/// What an interface has of what programs need to reach others. The addresses are those that may be
/// used now, and that are good beyond the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Readiness {
    /// Its link is up, it may be used, and it has an IPv4 address.
    pub ipv4: bool,
    /// The same with an IPv6 address.
    pub ipv6: bool,
    /// There is a default route for IPv4 by it.
    pub ipv4_router: bool,
    /// There is a default route for IPv6 by it.
    pub ipv6_router: bool,
}

impl Stack<'_> {
    /// What an interface has of what programs need to reach others. One that leads to this host
    /// itself, or that there is not, has nothing.
    pub fn readiness(self, id: InterfaceId) -> Readiness {
        self.visit(|core| core.readiness(id))
    }
}

impl Core<'_> {
    fn readiness(&self, id: InterfaceId) -> Readiness {
        let interface = self.interface(id);
        let Some(interface) = interface.filter(|i| i.is_up() && !i.is_loopback()) else {
            return Readiness::default();
        };
        let sources = interface.sources().map(|source| source.address);
        let mut readiness = Readiness::default();
        for address in sources.filter(|a| !is_link_local(*a) && !is_loopback(*a)) {
            *readiness.address(address) = true;
        }
        let is_default = |route: &&Route| route.interface == id && route.prefix.length() == 0;
        for route in self.routes().filter(is_default) {
            *readiness.router(route.prefix.address()) = true;
        }
        readiness
    }
}

impl Readiness {
    const fn address(&mut self, address: IpAddress) -> &mut bool {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => &mut self.ipv4,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => &mut self.ipv6,
        }
    }

    const fn router(&mut self, address: IpAddress) -> &mut bool {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => &mut self.ipv4_router,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => &mut self.ipv6_router,
        }
    }
}
