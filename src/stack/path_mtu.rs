//! The longest packet that passes on the way to a destination (RFC 1191, RFC 8201).

use super::core::Core;
use super::route::Path;
use crate::iface::Interface;
use crate::wire::IpAddress;

impl Core<'_> {
    /// A packet of so many bytes passes by `interface`, wherever it goes: one comparison tells that
    /// nothing need be looked up.
    #[inline]
    pub(super) fn sure_mtu(&self, interface: &Interface<'_>) -> usize {
        #[cfg(feature = "path-mtu")]
        return interface.mtu().min(usize::from(self.path_mtus.least()));
        #[cfg(not(feature = "path-mtu"))]
        interface.mtu()
    }

    /// The longest packet that passes on the way to `destination`, as far as is known.
    #[cold]
    pub(crate) fn path_mtu(&self, path: &Path, destination: IpAddress) -> usize {
        let Some(interface) = self.interface(path.interface) else {
            return 0;
        };
        if path.is_local {
            // What stays in the host has no limit but the one that loopback was given.
            return match interface.is_loopback() {
                true => interface.mtu(),
                false => usize::from(u16::MAX),
            };
        }
        #[cfg(feature = "path-mtu")]
        if let Some(known) = self.path_mtus.get(self.now, path.interface, destination) {
            return interface.mtu().min(usize::from(known));
        }
        let _ = destination;
        interface.mtu()
    }
}

#[cfg(feature = "path-mtu")]
impl Core<'_> {
    /// What an ICMP error means that says that a packet to `destination`, of `length` bytes, was too
    /// long for a link that takes `mtu`. `None` if it is to be ignored.
    pub(super) fn too_big(destination: IpAddress, length: u16, mtu: u16) -> Option<u16> {
        match destination {
            // An old router does not say what it takes (RFC 1191 §5).
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) if mtu == 0 => Some(crate::ip::path_mtu::next_lower(length)),
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => Some(mtu).filter(|mtu| *mtu >= crate::ip::path_mtu::LEAST_IPV4),
            // "If a node receives a Packet Too Big message reporting a next-hop MTU that is less
            // than the IPv6 minimum link MTU, it must discard it" (RFC 8201 §4).
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => {
                let _ = length;
                Some(mtu).filter(|mtu| usize::from(*mtu) >= crate::wire::ipv6::MINIMUM_MTU)
            }
        }
    }

    /// A packet of ours from `local` to `destination` was too long for a link that takes `mtu`.
    #[cold]
    pub(super) fn learn_path_mtu(
        &mut self,
        id: super::core::InterfaceId,
        local: IpAddress,
        destination: IpAddress,
        mtu: u16,
    ) {
        let path = self
            .path(destination, Some(local), None)
            .or_else(|| self.path(destination, Some(local), Some(id)));
        let Some(path) = path.filter(|path| !path.is_local) else {
            return;
        };
        let now = self.now;
        let first = self.interface(path.interface).map_or(0, Interface::mtu);
        if usize::from(mtu) < first && (self.path_mtus).lower(now, path.interface, destination, mtu)
        {
            let destination = destination.into();
            let changed = crate::iface::EventKind::PathMtu { destination, mtu };
            self.emit(path.interface, changed);
        }
    }

    /// Forgets ways that may have grown meanwhile.
    pub(super) fn expire_path_mtus(&mut self) {
        self.path_mtus.expire(self.now);
    }
}
