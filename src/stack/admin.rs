//! What is said of interfaces by hand: names, and whether they may be used.

use super::core::InterfaceId;
use super::handle::Stack;
use crate::iface::{EventKind, Interface, InterfaceName, NameError};

impl Stack<'_> {
    /// The name of an interface: the one that was given to it, or else one made of what its link is
    /// and of its number.
    pub fn name(self, id: InterfaceId) -> Option<InterfaceName> {
        self.visit(|core| core.interface(id).map(|interface| name_of(id, interface)))
    }

    /// Gives a name to an interface: at most 15 bytes without spaces, which no other has.
    pub fn set_name(self, id: InterfaceId, name: &str) -> Result<(), NameError> {
        self.visit(|core| {
            let is_taken = (core.interfaces())
                .any(|(other, interface)| other != id && name_of(other, interface) == name);
            if is_taken {
                return Err(NameError::Taken);
            }
            let interface = core.interface_mut(id).ok_or(NameError::NoInterface)?;
            interface.admin.set_name(name)
        })
    }

    /// The number of the interface that has this name.
    pub fn find_interface(self, name: &str) -> Option<InterfaceId> {
        self.visit(|core| {
            let mut named = core.interfaces();
            let found = named.find(|(id, interface)| name_of(*id, interface) == name);
            found.map(|(id, _)| id)
        })
    }

    /// The numbers of the interfaces, from the first on.
    pub fn interfaces(self) -> impl Iterator<Item = InterfaceId> {
        let ids = 0..=InterfaceId::MAX;
        ids.take_while(move |id| usize::from(*id) < self.visit(|core| core.interfaces.len()))
            .filter(move |id| self.visit(|core| core.interface(*id).is_some()))
    }

    /// Switches an interface on, as it is at first, or off. Off it is as if its link were down:
    /// nothing is sent or received, what waits to be sent is dropped, and what comes nevertheless is
    /// dropped and counted. False if there is no such interface.
    pub fn set_enabled(self, id: InterfaceId, enabled: bool) -> bool {
        self.with(|core| {
            let Some(interface) = core.interface_mut(id) else {
                return false;
            };
            if interface.admin.is_down != enabled {
                return true;
            }
            interface.admin.is_down = !enabled;
            if !enabled {
                interface.port.drop_unsent();
            }
            let (link, capabilities) = (interface.admin.link(), interface.capabilities);
            core.emit(
                id,
                match enabled {
                    true => EventKind::Enabled,
                    false => EventKind::Disabled,
                },
            );
            core.settle_link(id, link, capabilities);
            true
        })
    }
}

fn name_of(id: InterfaceId, interface: &Interface<'_>) -> InterfaceName {
    interface
        .admin
        .name(id, interface.capabilities.medium, interface.is_loopback())
}
