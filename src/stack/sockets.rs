//! What sockets there are, for whoever lists them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::core::Core;
use super::handle::Stack;
#[cfg(feature = "tcp")]
use crate::tcp::connection::TcpState;
use crate::wire::IpAddress;

/// What a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SocketKind {
    /// For datagrams.
    #[cfg(feature = "udp")]
    Udp,
    /// For connections of others.
    #[cfg(feature = "tcp")]
    TcpListener,
    /// One connection, and how it stands.
    #[cfg(feature = "tcp")]
    Tcp(TcpState),
}

/// A socket of the stack, as [`Stack::sockets`] lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SocketInfo {
    /// What it is.
    pub kind: SocketKind,
    /// The address and port of this end; unspecified if it is for all addresses.
    pub local: SocketAddr,
    /// The address and port of the other end, if there is one.
    pub remote: Option<SocketAddr>,
    /// Bytes that wait to be read; of a listener, connections that wait to be accepted.
    pub received: usize,
    /// Bytes that were written and are not acknowledged.
    pub to_send: usize,
}

impl<'a> Stack<'a> {
    /// The sockets that there are: those for datagrams, listeners, connections, those among them that
    /// wait to be accepted, and that are closing without a socket.
    pub fn sockets(self) -> impl Iterator<Item = SocketInfo> + use<'a> {
        let mut place = 0;
        // The core is borrowed for one at a time: what is done with it may use the stack.
        core::iter::from_fn(move || self.visit(|core| core.next_socket(&mut place)))
    }
}

impl Core<'_> {
    /// The first socket from a place on, which becomes that behind it.
    fn next_socket(&self, place: &mut usize) -> Option<SocketInfo> {
        loop {
            let found = self.socket_at(*place)?;
            *place += 1;
            if found.is_some() {
                return found;
            }
        }
    }

    /// The socket at a place, if there is one; `None` behind the last place.
    fn socket_at(&self, place: usize) -> Option<Option<SocketInfo>> {
        #[cfg(feature = "udp")]
        let place = match place.checked_sub(self.udp.len()) {
            None => {
                let slot = u16::try_from(place).ok().and_then(|at| self.udp.get(at));
                let open = slot.filter(|slot| slot.local_port != 0);
                return Some(open.map(|slot| {
                    SocketInfo {
                        kind: SocketKind::Udp,
                        local: address(slot.local, slot.local_port),
                        remote: slot
                            .remote
                            .map(|(remote, port)| address(Some(remote), port)),
                        received: slot.held_bytes as usize,
                        to_send: 0,
                    }
                }));
            }
            Some(place) => place,
        };
        #[cfg(feature = "tcp")]
        {
            let place = match place.checked_sub(self.listeners.len()) {
                None => {
                    let index = u16::try_from(place).ok();
                    let listener = index.and_then(|at| self.listeners.get(at));
                    return Some(listener.map(|listener| SocketInfo {
                        kind: SocketKind::TcpListener,
                        local: address(listener.local, listener.port),
                        remote: None,
                        received: listener.queue.len().into(),
                        to_send: 0,
                    }));
                }
                Some(place) => place,
            };
            if place < self.tcp.len() {
                let connection = u16::try_from(place).ok().and_then(|at| self.tcp.get(at));
                return Some(connection.map(|connection| SocketInfo {
                    kind: SocketKind::Tcp(connection.state),
                    local: address(Some(connection.local), connection.local_port),
                    remote: Some(address(Some(connection.remote), connection.remote_port)),
                    received: connection.received.len(),
                    to_send: connection.to_send.len(),
                }));
            }
        }
        let _ = place;
        None
    }
}

fn address(address: Option<IpAddress>, port: u16) -> SocketAddr {
    let any = match cfg!(feature = "ipv6") {
        true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    SocketAddr::new(address.map_or(any, IpAddr::from), port)
}
