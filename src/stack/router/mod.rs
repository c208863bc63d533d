//! Router discovery as a host does it: RFC 4861 §6.3, RFC 4191 §3, RFC 7559, RFC 8028, RFC 8106.

mod advertisement;
mod solicit;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::timers::ROUTERS;
use crate::iface::route::Route;
use crate::iface::{LinkParameters, RouterDiscovery, ServerSource};
use crate::time::Instant;

impl Core<'_> {
    /// Whether routers are asked for advertisements on an interface, and believed; at first they
    /// are. With a change what they told is forgotten.
    ///
    /// Says whether there is such an interface.
    pub fn set_router_discovery(&mut self, id: InterfaceId, mode: RouterDiscovery) -> bool {
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        if interface.discovery.mode() != mode {
            let was = interface.mtu();
            interface.discovery.set_mode(mode);
            self.restart_discovery(id);
            self.mtu_changed(id, was);
        }
        true
    }

    /// What routers say of a link.
    pub fn link_parameters(&self, id: InterfaceId) -> Option<LinkParameters> {
        Some(self.interface(id)?.discovery.parameters)
    }

    /// The link has come up, gone down or is another one: what routers told is forgotten, and
    /// where frames can pass they are asked anew (RFC 4861 §6.3.7). That the MTU may be another is
    /// told by the caller.
    #[cold]
    pub(in crate::stack) fn restart_discovery(&mut self, id: InterfaceId) {
        let now = self.now;
        let is_learned = |route: &Route| route.is_learned() && route.interface == id;
        while let Some(route) = self.routes.take_first(is_learned) {
            self.route_gone(&route);
        }
        let Core {
            interfaces, rng, ..
        } = self;
        let Some(Some(interface)) = interfaces.get_mut(usize::from(id)) else {
            return;
        };
        let asks = interface.is_up() && !interface.is_loopback();
        #[cfg(feature = "ra-server")]
        let asks = asks && !interface.is_advertising();
        interface.discovery.restart(now, rng, asks);
        self.expire_names((id, ServerSource::RouterAdvertisement), true);
        self.arm_routes();
        self.arm_routers();
    }

    /// The timer of router discovery has run out.
    pub(in crate::stack) fn poll_routers(&mut self) {
        let now = self.now;
        for index in 0..self.interfaces.len() {
            let id = index as InterfaceId;
            self.expire_names((id, ServerSource::RouterAdvertisement), false);
            let Core {
                interfaces, rng, ..
            } = self;
            let is_due = match interfaces.get_mut(index) {
                Some(Some(interface)) => interface.discovery.due(now, rng),
                _ => false,
            };
            if is_due && let Err(reason) = self.send_router_solicitation(id) {
                self.not_sent(id, reason);
            }
        }
        self.arm_routers();
    }

    fn arm_routers(&mut self) {
        let interfaces = self.interfaces();
        let asking = interfaces.filter_map(|(_, interface)| interface.discovery.next_deadline());
        let names = [
            self.names.servers.next_expiry(),
            self.names.domains.next_expiry(),
        ];
        let deadline = asking.chain(names.into_iter().flatten()).min();
        self.set_timer(ROUTERS, deadline);
    }
}

/// When something ends that lasts `seconds`; `None` is never.
fn end(now: Instant, seconds: u32) -> Option<Instant> {
    use crate::time::Duration;
    use crate::wire::ndp_option::INFINITE_LIFETIME;

    match seconds {
        INFINITE_LIFETIME => None,
        seconds => Some(now + Duration::from_secs(seconds.into())),
    }
}

impl Stack<'_> {
    /// Whether routers are asked for advertisements on an interface, and believed; at first they
    /// are. With a change what they told is forgotten.
    ///
    /// Says whether there is such an interface.
    pub fn set_router_discovery(self, id: InterfaceId, mode: RouterDiscovery) -> bool {
        self.with(|core| core.set_router_discovery(id, mode))
    }

    /// What routers say of a link.
    pub fn link_parameters(self, id: InterfaceId) -> Option<LinkParameters> {
        self.with(|core| core.link_parameters(id))
    }
}
