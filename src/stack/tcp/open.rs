//! What applications ask for: connect, listen, accept, close, abort (RFC 9293 §3.10.1 to §3.10.5).

use core::net::SocketAddr;

use super::super::core::Core;
use super::super::route::zone;
#[cfg(feature = "temporary-addresses")]
use super::super::temporary::SourcePreference;
use super::super::transmit::Outgoing as Ip;
use crate::config;
#[cfg(feature = "statistics")]
use crate::iface::statistics::count;
use crate::tcp::connection::{Connection, Flags, Tuple};
use crate::tcp::segment::{Options, Outgoing};
use crate::tcp::table::{AcceptQueue, Listener};
use crate::tcp::{TcpError, TcpState};
use crate::wire::tcp::TcpFlags;
use crate::wire::{IpAddress, protocol};

/// Why a connection was not begun, or a listener not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TcpOpenError {
    /// All connections, or all listeners, are in use.
    TableFull,
    /// The address and port are in use.
    InUse,
    /// The address is none of this host's.
    NotOurs,
    /// The destination is no single host, or port 0, or of a version that is not built in.
    InvalidDestination,
    /// There is no route to the destination, or no source address for it.
    NoRoute,
}

impl core::fmt::Display for TcpOpenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TableFull => "all TCP sockets are in use",
            Self::InUse => "the address and port are in use",
            Self::NotOurs => "not an address of this host",
            Self::InvalidDestination => "invalid destination",
            Self::NoRoute => "no route to the destination",
        })
    }
}

impl core::error::Error for TcpOpenError {}

impl Core<'_> {
    /// Begins a connection to `remote`, from `local`: where that is unspecified the route chooses the
    /// address, and where it is 0 chance the port. A hop limit of 0 stands for the default.
    pub(crate) fn tcp_connect(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        hop_limit: u8,
    ) -> Result<u16, TcpOpenError> {
        let address = IpAddress::try_from(remote.ip());
        let address = address.map_err(|_| TcpOpenError::InvalidDestination)?;
        let own = self.tcp_own_address(local, address)?;
        let path = self
            .path(address, own, zone(remote))
            .ok_or(TcpOpenError::NoRoute)?;
        if address.is_unspecified()
            || address.is_multicast()
            || remote.port() == 0
            || !self.leads_to_one(&path, address)
        {
            return Err(TcpOpenError::InvalidDestination);
        }
        let mut tuple = Tuple {
            local: path.source,
            local_port: local.port(),
            remote: address,
            remote_port: remote.port(),
        };
        let port = match local.port() {
            0 => self.tcp_ephemeral(&tuple),
            port => Some(port).filter(|_| self.tcp_is_new(&tuple)),
        };
        tuple.local_port = port.ok_or(TcpOpenError::InUse)?;
        let (iss, ts_offset) = self.tcp_secrets(&tuple);
        let mss = self.tcp_mss_along(&path, tuple.remote);
        let connection = Connection::new(tuple, iss, ts_offset, mss, self.now);
        let inserted = self.tcp.insert(connection);
        let (index, connection) = inserted.ok_or(TcpOpenError::TableFull)?;
        connection.hop_limit = hop_limit;
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.opened);
        if zone(remote).is_none() {
            let ends = (tuple.remote, tuple.local);
            self.recent_tcp_paths.set(index, self.now, ends, path);
        }
        self.tcp_settle(index);
        Ok(index)
    }

    /// The address that suits this preference as the source of a connection to `remote`.
    #[cfg(feature = "temporary-addresses")]
    pub(crate) fn tcp_source(
        &mut self,
        preference: SourcePreference,
        remote: SocketAddr,
    ) -> Result<core::net::IpAddr, TcpOpenError> {
        let address = IpAddress::try_from(remote.ip());
        let address = address.map_err(|_| TcpOpenError::InvalidDestination)?;
        self.path_preferring(preference, address, None, zone(remote))
            .map(|path| path.source.into())
            .ok_or(TcpOpenError::NoRoute)
    }

    /// The address that the application has chosen, if it has, which must be one of ours that can
    /// speak to `remote` (RFC 9293 §3.9.1.1).
    fn tcp_own_address(
        &self,
        local: SocketAddr,
        remote: IpAddress,
    ) -> Result<Option<IpAddress>, TcpOpenError> {
        if local.ip().is_unspecified() {
            return Ok(None);
        }
        let own = IpAddress::try_from(local.ip()).map_err(|_| TcpOpenError::NotOurs)?;
        if !self.interfaces().any(|(_, i)| i.has_address(own)) {
            return Err(TcpOpenError::NotOurs);
        }
        match own.is_same_family(remote) {
            true => Ok(Some(own)),
            false => Err(TcpOpenError::NoRoute),
        }
    }

    /// Whether there is no connection with this four-tuple, nor was one lately, nor begins one.
    fn tcp_is_new(&mut self, tuple: &Tuple) -> bool {
        let now = self.now;
        self.tcp.find(tuple).is_none()
            && self.time_wait.find(tuple, now).is_none()
            && self.half_open.find(tuple).is_none()
    }

    /// A local port that makes the four-tuple new (RFC 6056 §3.3.2).
    fn tcp_ephemeral(&mut self, tuple: &Tuple) -> Option<u16> {
        const FIRST: u16 = 49152;
        let start = self.rng.below(u32::from(u16::MAX - FIRST) + 1) as u16;
        // As many ports may be taken as there are connections, those in TIME-WAIT, and listeners.
        let taken = self.tcp.iter().count() + config::TCP_TIME_WAIT + self.listeners.len();
        let tries = 0..=taken.min(usize::from(u16::MAX)) as u16;
        for attempt in tries {
            let offset =
                (u32::from(start) + u32::from(attempt)) % (u32::from(u16::MAX - FIRST) + 1);
            let local_port = FIRST + offset as u16;
            let tuple = Tuple {
                local_port,
                ..*tuple
            };
            let is_free =
                self.tcp_is_new(&tuple) && !self.listeners.is_taken(Some(tuple.local), local_port);
            if is_free {
                return Some(local_port);
            }
        }
        None
    }

    /// Listens on an address and port.
    pub(crate) fn tcp_listen(
        &mut self,
        local: SocketAddr,
        backlog: u16,
        one_version: bool,
    ) -> Result<u16, TcpOpenError> {
        let address = match local.ip() {
            address if address.is_unspecified() && !one_version => None,
            address => Some(IpAddress::try_from(address).map_err(|_| TcpOpenError::NotOurs)?),
        };
        let is_ours = |address| self.interfaces().any(|(_, i)| i.may_have_address(address));
        if address.is_some_and(|address| !address.is_unspecified() && !is_ours(address)) {
            return Err(TcpOpenError::NotOurs);
        }
        if local.port() == 0 || self.listeners.is_taken(address, local.port()) {
            return Err(TcpOpenError::InUse);
        }
        let listener = Listener {
            local: address,
            port: local.port(),
            backlog: backlog.max(1),
            queue: AcceptQueue::EMPTY,
            traffic_class: 0,
            hop_limit: 0,
        };
        self.listeners
            .insert(listener)
            .ok_or(TcpOpenError::TableFull)
    }

    /// Takes the connection that has waited longest in a listener's queue.
    pub(crate) fn tcp_accept(&mut self, listener: u16) -> Option<u16> {
        let index = self.tcp_leave_queue(listener)?;
        // It may take more now, and says so.
        self.tcp_settle(index);
        self.tcp_admit();
        Some(index)
    }

    fn tcp_leave_queue(&mut self, listener: u16) -> Option<u16> {
        let queue = &mut self.listeners.get_mut(listener)?.queue;
        let index = self.tcp.leave_first(queue)?;
        if let Some(connection) = self.tcp.get_mut(index) {
            connection.flags -= Flags::UNACCEPTED | Flags::ORPHAN;
        }
        Some(index)
    }

    /// Ends a listener: what waits in its queue is reset.
    pub(crate) fn tcp_unlisten(&mut self, listener: u16) {
        self.half_open.remove_listener(listener);
        while let Some(index) = self.tcp_leave_queue(listener) {
            self.tcp_abort(index);
        }
        self.listeners.remove(listener);
    }

    /// Nobody holds the connection any more: it is closed in good order, or reset if there are data
    /// that nobody will read (RFC 2525 §2.17).
    pub(crate) fn tcp_release(&mut self, index: u16) {
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        connection.flags |= Flags::ORPHAN | Flags::READ_SHUT;
        let unread = !connection.received.is_empty() || !connection.out_of_order.is_empty();
        match connection.state {
            TcpState::SynSent => connection.end(TcpError::Aborted),
            TcpState::Closed => {}
            _ if unread => return self.tcp_abort(index),
            TcpState::FinWait2 => connection.limit_fin_wait_2(self.now),
            _ => connection.close_send(),
        }
        self.tcp_settle(index);
    }

    /// Ends a connection with a reset.
    pub(crate) fn tcp_abort(&mut self, index: u16) {
        if let Some(connection) = self.tcp.get_mut(index) {
            connection.flags |= Flags::ORPHAN;
        }
        self.tcp_end(index);
    }

    /// Resets all connections from an address that is given up (RFC 5227 §2.4).
    #[cfg(feature = "acd")]
    #[cold]
    pub(crate) fn tcp_abandon(&mut self, local: IpAddress) {
        let uses = |(_, c): &(u16, &Connection)| c.local == local && c.state != TcpState::Closed;
        loop {
            let Some(index) = self.tcp.iter().find(uses).map(|(index, _)| index) else {
                return;
            };
            self.tcp_end(index);
        }
    }

    /// Resets a connection, which stays with who holds it.
    fn tcp_end(&mut self, index: u16) {
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        let tuple = connection.tuple();
        let (state, seq, ack) = (connection.state, connection.nxt, connection.rcv_nxt);
        connection.end(TcpError::Aborted);
        if state.is_synchronized() || state == TcpState::SynReceived {
            let mut outgoing = Outgoing {
                seq,
                ack,
                flags: TcpFlags::RST | TcpFlags::ACK,
                window: 0,
                options: Options::None,
                data: None,
            };
            let _: bool = self.tcp_send(&tuple, Ip::new(protocol::TCP), &mut outgoing);
        }
        self.tcp_settle(index);
    }
}
