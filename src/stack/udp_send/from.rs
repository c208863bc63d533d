//! Datagrams with a source of the caller's choice: before a host has an address it sends from
//! 0.0.0.0 (RFC 1122 §3.2.1.3 a, RFC 2131 §4.1). And to a host that has none yet, by its link address.

use core::net::Ipv4Addr;

use super::{Core, Outgoing, Path, Prepared, SendError, protocol};
use crate::stack::InterfaceId;
use crate::wire::IpAddress;

impl Core<'_> {
    /// Sends a copy of `data` by an interface from `source`: to all hosts of the link if `to` is
    /// 255.255.255.255, else to one host. No part of it is sent in fragments.
    #[cold]
    #[inline(never)]
    pub(crate) fn udp_send_from(
        &mut self,
        index: u16,
        id: InterfaceId,
        source: Ipv4Addr,
        (to, port): (Ipv4Addr, u16),
        data: &[u8],
    ) -> Result<(), SendError> {
        let slot = self.udp.get(index).ok_or(SendError::Closed)?;
        let ports = (slot.local_port, port);
        let outgoing = Outgoing {
            traffic_class: slot.traffic_class,
            class: slot.class,
            ..Outgoing::new(protocol::UDP)
        };
        let destination = IpAddress::from(to);
        let path = match to.is_broadcast() {
            true => Some(Path {
                interface: id,
                next_hop: destination,
                source: source.into(),
                is_local: false,
            }),
            false => self.path(destination, Some(source.into()), Some(id)),
        };
        let prepared = Prepared {
            path: path.ok_or(SendError::NoRoute)?,
            destination,
            ports,
            outgoing,
            loop_back: false,
        };
        self.udp_emit_copy(&prepared, data)
    }

    /// Sends a copy of `data` by an interface from `source`, to the host on its link that has this
    /// link address and cannot be asked for it: it has yet to learn that `to` is its address.
    #[cfg(feature = "dhcpv4-server")]
    #[cold]
    #[inline(never)]
    pub(crate) fn udp_send_linked(
        &mut self,
        index: u16,
        id: InterfaceId,
        source: Ipv4Addr,
        (to, port): (Ipv4Addr, u16),
        link: crate::wire::LinkAddr,
        data: &[u8],
    ) -> Result<(), SendError> {
        use crate::iface::SendDrop;
        use crate::stack::transmit::set_meta;

        let slot = self.udp.get(index).ok_or(SendError::Closed)?;
        let destination = IpAddress::from(to);
        let prepared = Prepared {
            path: Path {
                interface: id,
                next_hop: destination,
                source: source.into(),
                is_local: false,
            },
            destination,
            ports: (slot.local_port, port),
            outgoing: Outgoing {
                traffic_class: slot.traffic_class,
                class: slot.class,
                ..Outgoing::new(protocol::UDP)
            },
            loop_back: false,
        };
        let (mut buf, sum) = self.udp_copy(data)?;
        let Prepared { path, outgoing, .. } = prepared;
        let is_up = self
            .interface(id)
            .is_some_and(|interface| interface.is_up());
        let mut sent = is_up.then_some(()).ok_or(SendDrop::Port);
        if sent.is_ok() {
            sent = self.write_udp(&prepared, outgoing, sum, &mut buf);
        }
        let result = match sent {
            Ok(()) => {
                set_meta(&path, outgoing, &mut buf);
                self.hand_to_port(id, link, destination, buf)
            }
            Err(reason) => Err((buf, reason)),
        };
        result.map_err(|(_, reason)| {
            self.not_sent(id, reason);
            reason.into()
        })
    }
}
