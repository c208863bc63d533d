//! Interfaces that listen to frames for others.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use crate::link::ReceiveMode;

impl Stack<'_> {
    /// Sets what an interface receives beside what is for this host, at first nothing. What packet
    /// sockets have it listen to comes on top. The stack itself has no use for frames to others; packet
    /// sockets see them. False if there is no such interface.
    pub fn set_receive_mode(self, id: InterfaceId, mode: ReceiveMode) -> bool {
        self.visit(|core| {
            let Some(interface) = core.interface_mut(id) else {
                return false;
            };
            interface.listening.by_hand = mode;
            core.mode_changed(id);
            true
        })
    }

    /// What an interface receives beside what is for this host: what was set, and what packet sockets
    /// have it listen to. `None` if there is no such interface.
    pub fn receive_mode(self, id: InterfaceId) -> Option<ReceiveMode> {
        self.visit(|core| Some(core.interface(id)?.listening.mode()))
    }
}

impl Core<'_> {
    /// Tells the driver of an interface what it is to listen to.
    pub(super) fn mode_changed(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interface(id) {
            interface.program_mode();
        }
        self.kick(id);
    }
}
