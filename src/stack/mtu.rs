//! The largest packet that may be sent by an interface, as the user wishes it.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use crate::iface::{EventKind, Interface};

/// "Every internet module must be able to forward a datagram of 68 octets without further
/// fragmentation." (RFC 791 §3.2)
const MINIMUM_MTU: u16 = 68;

/// Why an MTU was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MtuError {
    /// There is no such interface.
    NoInterface,
    /// It is less than the 68 bytes that every link carries (RFC 791 §3.2).
    TooSmall,
}

impl core::fmt::Display for MtuError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::TooSmall => "an MTU of less than 68 bytes",
        })
    }
}

impl core::error::Error for MtuError {}

impl Stack<'_> {
    /// Lets no packets longer than `mtu` bytes be sent by an interface, however many its link takes;
    /// more than that count as that many. Below 1,280 bytes it has no IPv6 (RFC 8200 §5). An error
    /// if there is no such interface, or if `mtu` is less than 68.
    pub fn set_mtu(self, id: InterfaceId, mtu: u16) -> Result<(), MtuError> {
        self.with(|core| core.set_mtu(id, mtu))
    }
}

impl Core<'_> {
    /// Tells those who want to know that the MTU of an interface is no longer what it was.
    pub(super) fn mtu_changed(&mut self, id: InterfaceId, was: usize) {
        let mtu = self.interface(id).map_or(was, Interface::mtu);
        if mtu != was {
            self.emit(id, EventKind::Mtu(mtu as u16));
        }
        // With it IPv6 comes and goes.
        #[cfg(feature = "mld")]
        if (mtu < crate::wire::ipv6::MINIMUM_MTU) != (was < crate::wire::ipv6::MINIMUM_MTU) {
            self.tell_groups_anew(id, &[crate::iface::group::Protocol::Mld]);
        }
    }

    /// Lets no packets longer than `mtu` bytes be sent by an interface.
    fn set_mtu(&mut self, id: InterfaceId, mtu: u16) -> Result<(), MtuError> {
        if mtu < MINIMUM_MTU {
            return Err(MtuError::TooSmall);
        }
        let interface = self.interface_mut(id).ok_or(MtuError::NoInterface)?;
        let was = interface.mtu();
        interface.mtu_limit = mtu;
        self.mtu_changed(id, was);
        Ok(())
    }
}
