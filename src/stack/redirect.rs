//! Redirects: a router says that another first hop is better for a destination (RFC 4861 §8,
//! RFC 792, RFC 1122 §3.2.2.2).

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use crate::iface::route::{Learned, Prefix, Route, RouteOrigin};
use crate::iface::{EventKind, ReceiveDrop};
#[cfg(feature = "ipv4")]
use crate::netbuf::NetBuf;
use crate::time::Duration;
use crate::wire::IpAddress;

/// How long a redirect holds. The router says it again if it still is true.
const LIFETIME: Duration = Duration::from_secs(600);

impl Core<'_> {
    /// Whether redirects that come in by an interface are obeyed; at first they are. Where they
    /// are no longer, those that were are forgotten.
    ///
    /// Says whether there is such an interface.
    pub fn set_redirects(&mut self, id: InterfaceId, is_on: bool) -> bool {
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        interface.takes_redirects = is_on;
        if !is_on {
            self.forget_redirects(id);
        }
        true
    }

    /// Forgets what routers of a link said.
    pub(super) fn forget_redirects(&mut self, id: InterfaceId) {
        let is_of = |route: &Route| route.origin == RouteOrigin::Redirect && route.interface == id;
        self.routes.retain(|route| !is_of(route));
        self.arm_routes();
    }

    /// A valid Redirect of IPv6 has come in, but for the sender: "The IP source address of the
    /// Redirect is the same as the current first-hop router for the specified ICMP Destination
    /// Address" (RFC 4861 §8.1). `link` is the target's link address, if it is told.
    #[cfg(feature = "ipv6")]
    #[cold]
    pub(super) fn redirected_ipv6(
        &mut self,
        id: InterfaceId,
        router: core::net::Ipv6Addr,
        redirect: crate::wire::ndp::Redirect<'_>,
        link: Option<crate::wire::LinkAddr>,
    ) -> Result<(), ReceiveDrop> {
        let (target, destination) = (redirect.target(), redirect.destination());
        let interface = self.interface(id).ok_or(ReceiveDrop::InterfaceDown)?;
        let sources = interface.ipv6.iter().map(|own| Some(own.address.into()));
        // Which router is taken may hang on the source.
        let is_first_hop = core::iter::once(None).chain(sources).any(|source| {
            let path = self.path(destination.into(), source, Some(id));
            path.is_some_and(|path| !path.is_local && path.next_hop == router.into())
        });
        if !interface.takes_redirects
            || !is_first_hop
            || target == router
            || interface.has_address(target.into())
            || target.is_unspecified()
        {
            return Err(ReceiveDrop::Redirect);
        }
        let is_router = (target != destination).then_some(true);
        self.discovered(id, target, link, is_router)?;
        self.redirect(id, destination.into(), target.into());
        Ok(())
    }

    /// A Redirect of IPv4 has come in: "SHOULD be silently discarded if the new gateway address it
    /// specifies is not on the same connected (sub-) net through which the Redirect arrived, or if
    /// the source of the Redirect is not the current first-hop gateway for the specified
    /// destination" (RFC 1122 §3.2.2.2). One for a network is taken as for the host.
    #[cfg(feature = "ipv4")]
    #[cold]
    pub(super) fn redirected_ipv4(
        &mut self,
        id: InterfaceId,
        router: Ipv4Addr,
        gateway: Ipv4Addr,
        buf: &NetBuf,
        quote: usize,
    ) -> Result<(), ReceiveDrop> {
        let quoted = super::quoted::read(buf, quote).ok_or(ReceiveDrop::Icmp)?;
        let interface = self.interface(id).ok_or(ReceiveDrop::InterfaceDown)?;
        let path = self.path(quoted.remote, Some(quoted.local), Some(id));
        let is_first_hop =
            path.is_some_and(|path| !path.is_local && path.next_hop == router.into());
        let on_link = interface.ipv4.iter().any(|own| own.contains(gateway));
        if !interface.takes_redirects
            || !interface.has_address(quoted.local)
            || !is_first_hop
            || !on_link
            || gateway == router
            || gateway.is_unspecified()
            || gateway.is_multicast()
            || interface.is_ipv4_broadcast(gateway)
            || interface.has_address(gateway.into())
        {
            return Err(ReceiveDrop::Redirect);
        }
        self.redirect(id, quoted.remote, gateway.into());
        Ok(())
    }

    /// From now on packets to `destination` go to `target`.
    fn redirect(&mut self, id: InterfaceId, destination: IpAddress, target: IpAddress) {
        let Ok(prefix) = Prefix::host(destination) else {
            return;
        };
        let is_older = |route: &Route| {
            route.origin == RouteOrigin::Redirect && route.interface == id && route.prefix == prefix
        };
        self.routes.retain(|route| !is_older(route));
        self.begin_routing();
        let learned = self.routes.learn(
            Route {
                prefix,
                // "If the Target and Destination Addresses are the same, the host MUST treat the
                // Target as on-link."
                gateway: (target != destination).then_some(target),
                interface: id,
                metric: 0,
                expires: Some(self.now + LIFETIME),
                origin: RouteOrigin::Redirect,
            },
            |_| false,
        );
        if let Ok(Learned::New(_)) = learned {
            self.emit(
                id,
                EventKind::Redirected {
                    destination: destination.into(),
                    next_hop: target.into(),
                },
            );
        }
        self.arm_routes();
    }
}

impl Stack<'_> {
    /// Whether redirects that come in by an interface are obeyed; at first they are. Where they
    /// are no longer, those that were are forgotten.
    ///
    /// Says whether there is such an interface.
    pub fn set_redirects(self, id: InterfaceId, is_on: bool) -> bool {
        self.with(|core| core.set_redirects(id, is_on))
    }
}
