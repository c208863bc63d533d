//! The interface that leads to this host itself (RFC 1122 §3.2.1.3 g, RFC 4291 §2.5.3).
//!
//! It has no driver: what is sent by it joins the queue of the packets from this host to itself.

use super::core::{Core, InterfaceId, TooManyInterfaces};
use super::handle::Stack;
#[cfg(feature = "ipv4")]
use crate::iface::Ipv4Cidr;
#[cfg(feature = "ipv6")]
use crate::iface::Ipv6Cidr;
use crate::iface::{Loopback, ReceiveDrop};
use crate::link::{LinkState, Port};

impl<'a> Stack<'a> {
    /// Makes an interface that leads to this host itself, with 127.0.0.0/8 and ::1.
    ///
    /// The port says how long its packets may be
    /// ([`Capabilities::ip`](crate::link::Capabilities::ip)), and has no driver.
    pub fn attach_loopback(self, port: &'a Port) -> Result<InterfaceId, TooManyInterfaces> {
        self.with(|core| core.attach_loopback(port))
    }

    /// Lets the loopback interface lose so many packets of a thousand, by chance: for tests. False
    /// if the interface is no loopback interface.
    pub fn set_loopback_loss(self, id: InterfaceId, per_mille: u16) -> bool {
        self.with(|core| {
            let interface = core.interface_mut(id);
            let loopback = interface.and_then(|interface| interface.loopback.as_mut());
            loopback.map(|l| l.loss = per_mille).is_some()
        })
    }
}

impl<'a> Core<'a> {
    fn attach_loopback(&mut self, port: &'a Port) -> Result<InterfaceId, TooManyInterfaces> {
        let (_, end) = port.split();
        let id = self.attach(end)?;
        // The port stays as it is, with its link down: nothing gets in there by mistake.
        let _ = end.take_change();
        if let Some(interface) = self.interface_mut(id) {
            interface.link = LinkState::Up;
            interface.loopback = Some(Loopback { loss: 0 });
        }
        // A fresh interface has room for both.
        #[cfg(feature = "ipv4")]
        let _: Result<(), _> = self.add_ipv4(id, Ipv4Cidr::new(core::net::Ipv4Addr::LOCALHOST, 8));
        #[cfg(feature = "ipv6")]
        let _: Result<(), _> =
            self.add_ipv6(id, Ipv6Cidr::new(core::net::Ipv6Addr::LOCALHOST, 128));
        Ok(id)
    }

    /// Whether a packet from this host to itself gets lost, as the interface was told.
    pub(super) fn loses_looped(&mut self, id: InterfaceId) -> Result<(), ReceiveDrop> {
        let loss = self
            .interface(id)
            .and_then(|interface| interface.loopback.as_ref());
        let loss = loss.map_or(0, |loopback| loopback.loss);
        match loss > 0 && self.rng.below(1000) < u32::from(loss) {
            true => Err(ReceiveDrop::Lost),
            false => Ok(()),
        }
    }
}
