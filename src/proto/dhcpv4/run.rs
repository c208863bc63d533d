//! The client at work: messages in and out, and what is done to the interface.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::client::Dhcpv4Client;
use super::lease::Lease;
use super::machine::{Action, ClientState, Outgoing, Received};
use super::message::{BOOT_REPLY, BOOT_REQUEST, CLIENT_PORT, Message, MessageType, SERVER_PORT};
use super::option::code;
use super::write::{Fields, MessageWriter};
use crate::config;
use crate::iface::route::{Prefix, Route, RouteOrigin};
use crate::iface::{Ipv4Cidr, Ipv4Origin, Ipv4State};
use crate::proto::full::MessageFull;
use crate::proto::hardware::{first_hardware, hardware};
use crate::proto::waiting::idle;
use crate::socket::{BindError, SendError, UdpBind, UdpSocket};
use crate::stack::waiters::WaitKey;
use crate::time::Instant;
use crate::wire::{IpAddress, LinkAddr};

/// Octets of the longest message that is sent: all servers take so many (RFC 2131 §2).
const SEND_LENGTH: usize = 548;
/// IPv4 and UDP headers.
const HEADERS: usize = 28;
/// The least MTU that is believed. Where there is IPv6 it would end below 1,280 (RFC 8200 §5).
const MINIMUM_MTU: u16 = if cfg!(feature = "ipv6") { 1280 } else { 576 };
/// Octets of a client identifier that is made here: type, IAID, DUID-LL with an address of eight.
const IDENTIFIER: usize = 1 + 4 + 4 + 8;

/// What the interface looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    is_up: bool,
    /// The state of the address of the lease, or of the one that parameters are asked for.
    address: Option<Ipv4State>,
}

/// Takes everything away when the client is not run any longer.
struct Running<'r, 'a, 'c>(&'r Dhcpv4Client<'a, 'c>);

impl Drop for Running<'_, '_, '_> {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl Dhcpv4Client<'_, '_> {
    /// Gets an address and keeps it, until [`Dhcpv4Client::release`]. It takes one UDP socket, with
    /// port 68.
    ///
    /// When it is dropped the address and all that came with it are taken from the interface, and
    /// the server is not told; run again, the client asks for the same address.
    ///
    /// # Errors
    ///
    /// There is no socket free, the port is in use, or there is no such interface.
    pub async fn run(&self) -> Result<(), BindError> {
        let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), CLIENT_PORT);
        let bind = UdpBind::new(local).interface(self.id);
        let socket = UdpSocket::bind(self.stack, bind)?;
        self.borrow().machine.resume();
        let _running = Running(self);
        loop {
            let (seen, deadline) = self.step(&socket);
            if self.state() == ClientState::Stopped {
                return Ok(());
            }
            self.wait(&socket, seen, deadline).await;
        }
    }

    /// Waits until there is something to do.
    async fn wait(&self, socket: &UdpSocket<'_>, seen: Seen, deadline: Instant) {
        let key = WaitKey::dhcpv4(self.id);
        idle(socket, (self.stack, self.id), key, deadline, |core| {
            self.look(core) == seen && self.borrow().machine.deadline() == deadline
        })
        .await;
    }

    fn look(&self, core: &crate::stack::Core<'_>) -> Seen {
        let lease = self.borrow().machine.lease();
        let address = lease.map(|lease| lease.address.address);
        let address = address.or(self.config.inform);
        let interface = core.interface(self.id);
        let entries = interface.map(|interface| interface.assignments.iter());
        let mut entries = entries.into_iter().flatten().map(|a| a.entry);
        let entry = entries.find(|entry| Some(entry.cidr.address) == address);
        Seen {
            is_up: interface.is_some_and(|interface| interface.is_up()),
            address: entry.map(|entry| entry.state),
        }
    }

    /// Does all that is to be done now; says what it has seen last, and when there is more to do.
    fn step(&self, socket: &UdpSocket<'_>) -> (Seen, Instant) {
        self.receive(socket);
        loop {
            let now = self.stack.now();
            let seen = self.stack.with(|core| self.look(core));
            let mut is_news = false;
            let action = self.with(|shared, rng| {
                let machine = &mut shared.machine;
                // Parameters are asked for from the address that is there already.
                let has_source =
                    self.config.inform.is_none() || seen.address == Some(Ipv4State::Active);
                machine.set_link(now, seen.is_up && has_source, rng);
                match (machine.state(), seen.address) {
                    (ClientState::Checking, Some(Ipv4State::Active)) => {
                        machine.verified();
                        shared.has_options = true;
                        shared.changes = shared.changes.wrapping_add(1);
                        is_news = true;
                    }
                    (
                        ClientState::Bound
                        | ClientState::Renewing
                        | ClientState::Rebinding
                        | ClientState::Rebooting
                        | ClientState::Checking,
                        Some(Ipv4State::Conflicted),
                    ) if machine.lease().is_some() => {
                        shared.counters.conflicts = shared.counters.conflicts.wrapping_add(1);
                        machine.conflict(now, rng);
                    }
                    // The link was down for a moment that nobody saw, and is perhaps another.
                    (
                        ClientState::Bound | ClientState::Renewing | ClientState::Rebinding,
                        Some(Ipv4State::Probing),
                    ) => {
                        machine.set_link(now, false, rng);
                        machine.set_link(now, seen.is_up, rng);
                    }
                    _ => {}
                }
                machine.next(now, rng)
            });
            if is_news {
                self.announce();
            }
            match action {
                Some(Action::Send(message)) => self.send(socket, &message),
                Some(Action::Install(lease)) => self.install(&lease),
                Some(Action::Remove) => self.remove(),
                None => {
                    let deadline = self.borrow().machine.deadline();
                    return (seen, deadline);
                }
            }
        }
    }

    // ---- Messages ------------------------------------------------------------------------

    /// The client identifier: the configured one, else one made of link addresses (RFC 4361 §6.1).
    fn identifier(&self) -> heapless::Vec<u8, IDENTIFIER> {
        let mut octets = heapless::Vec::new();
        if let Some((kind, address)) = first_hardware(self.stack, self.id) {
            // "a different IAID on each" interface.
            let head = [255, 0, 0, 0, self.id, 0, 3, 0, kind];
            let parts = [&head, address.as_bytes()];
            for octet in parts.into_iter().flatten() {
                let _: Result<(), u8> = octets.push(*octet);
            }
        }
        octets
    }

    /// Shows the octets of option 61 by which servers know this client; there are none on a link
    /// without addresses, unless they are configured.
    pub fn client_identifier<R>(&self, show: impl FnOnce(&[u8]) -> R) -> R {
        match self.config.client_identifier {
            [] => show(&self.identifier()),
            configured => show(configured),
        }
    }

    #[inline(never)]
    fn send(&self, socket: &UdpSocket<'_>, message: &Outgoing) {
        let mut bytes = [0; SEND_LENGTH];
        // It fits: the configuration has been measured.
        let bytes = self.write(&mut bytes, message).unwrap_or(&[]);
        let sent = self.stack.with(|core| {
            let to = (message.to, SERVER_PORT);
            core.udp_send_from(socket.index(), self.id, message.client_address, to, bytes)
        });
        let now = self.stack.now();
        let is_sent = match sent {
            Ok(()) => true,
            // There will be room.
            Err(SendError::NoBuffer | SendError::QueueFull | SendError::NeighborQueueFull) => false,
            // It counts as lost.
            Err(_) => true,
        };
        self.with(|shared, rng| {
            let counter = match sent {
                Ok(()) => &mut shared.counters.sent,
                Err(_) => &mut shared.counters.not_sent,
            };
            *counter = counter.wrapping_add(1);
            shared.machine.was_sent(now, is_sent, rng);
        });
    }

    fn write<'b>(&self, bytes: &'b mut [u8], message: &Outgoing) -> Result<&'b [u8], MessageFull> {
        let (kind, address) = hardware(self.stack, self.id).unwrap_or((1, LinkAddr::NONE));
        let mtu = self.stack.with(|core| {
            let interface = core.interface(self.id);
            interface.map_or(0, |interface| interface.mtu())
        });
        // "The minimum legal value is 576 octets" (RFC 2132 §9.10).
        let maximum = mtu.clamp(576, config::DHCPV4_MESSAGE + HEADERS) as u16;
        let is_asking = matches!(
            message.kind,
            MessageType::DISCOVER | MessageType::REQUEST | MessageType::INFORM
        );
        let fields = Fields {
            operation: BOOT_REQUEST,
            hardware: (kind, address.as_bytes()),
            transaction: message.transaction,
            seconds: message.seconds,
            // No datagram is received to an address that is not there yet (RFC 2131 §4.1).
            broadcast: is_asking && message.client_address.is_unspecified(),
            client_address: message.client_address,
            your_address: Ipv4Addr::UNSPECIFIED,
            next_server: Ipv4Addr::UNSPECIFIED,
            relay_agent: Ipv4Addr::UNSPECIFIED,
        };
        let mut writer = MessageWriter::new(bytes, &fields, message.kind)?;
        if let Some(address) = message.requested {
            writer.option(code::REQUESTED_ADDRESS, &address.octets())?;
        }
        if let Some(server) = message.server {
            writer.option(code::SERVER_IDENTIFIER, &server.octets())?;
        }
        self.client_identifier(|octets| match octets {
            [] => Ok(()),
            octets => writer.option(code::CLIENT_IDENTIFIER, octets),
        })?;
        if is_asking {
            #[cfg(feature = "hostname")]
            let own = self.stack.hostname();
            #[cfg(feature = "hostname")]
            let own = own.as_str();
            #[cfg(not(feature = "hostname"))]
            let own = "";
            self.config.write(&mut writer, maximum, own)?;
        }
        Ok(writer.finish())
    }

    #[inline(never)]
    fn receive(&self, socket: &UdpSocket<'_>) {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::DHCPV4_MESSAGE];
        while let Some((length, info)) = socket.try_recv_from(&mut bytes) {
            let message = bytes.get(..length).filter(|_| info.length == length);
            let message = message.and_then(|bytes| Message::new(bytes).ok());
            let message = message.filter(|message| message.check().is_ok());
            let is_ours = message.is_some_and(|message| self.is_ours(&message));
            let now = self.stack.now();
            let is_news = self.with(|shared, rng| {
                let received = match (message, is_ours) {
                    (Some(message), true) => shared.machine.receive(now, &message, rng),
                    (Some(_), false) => Received::Stray,
                    (None, _) => {
                        shared.counters.malformed = shared.counters.malformed.wrapping_add(1);
                        return false;
                    }
                };
                let counters = &mut shared.counters;
                let counter = match received {
                    Received::Acknowledged => &mut counters.acknowledged,
                    Received::Taken => &mut counters.taken,
                    Received::Stray => &mut counters.stray,
                    Received::Unusable => &mut counters.unusable,
                };
                *counter = counter.wrapping_add(1);
                if let (Received::Acknowledged, Some(message)) = (received, message) {
                    let missed = shared.options.keep(&message);
                    shared.counters.missed = shared.counters.missed.wrapping_add(missed);
                    let is_informed = shared.machine.state() == ClientState::Informed;
                    shared.has_options |= is_informed;
                    shared.changes = shared.changes.wrapping_add(u32::from(is_informed));
                    return is_informed;
                }
                false
            });
            if is_news {
                self.announce();
            }
        }
    }

    /// Whether a message is a reply to this client.
    fn is_ours(&self, message: &Message<'_>) -> bool {
        let own = hardware(self.stack, self.id).map(|(_, address)| address);
        let own = own.unwrap_or(LinkAddr::NONE);
        // "the client MUST compare" it to its own (RFC 6842 §3).
        let is_our_name = self.client_identifier(|own| {
            let echoed = message.option(code::CLIENT_IDENTIFIER);
            echoed.is_none_or(|echoed| echoed.eq(own.iter().copied()))
        });
        message.operation() == BOOT_REPLY
            && message.hardware_address() == own.as_bytes()
            && is_our_name
    }

    // ---- The interface -------------------------------------------------------------------

    /// Gives the interface what the lease and the kept options say.
    #[inline(never)]
    fn install(&self, lease: &Lease) {
        let Self { stack, id, .. } = *self;
        let Ipv4Cidr { address, .. } = lease.address;
        let others = |entry: crate::iface::Ipv4Entry| {
            entry.cidr.address == address && entry.origin != Ipv4Origin::Dhcp
        };
        let added = stack.with(|core| {
            let interface = core.interface(id);
            let mut entries = interface.into_iter().flat_map(|i| i.assignments.iter());
            // What the user has assigned stays the user's.
            if entries.any(|a| others(a.entry)) {
                return Ok(());
            }
            core.add_ipv4_from(id, lease.address, Ipv4Origin::Dhcp)
        });
        let now = stack.now();
        if added.is_err() {
            self.with(|shared, _| shared.machine.no_room(now));
            return;
        }
        if self.config.routes {
            self.install_routes();
        }
        #[cfg(feature = "dns")]
        self.tell_names();
        let mtu = self.borrow().options.mtu();
        if let Some(mtu) = mtu.filter(|mtu| self.config.mtu && *mtu >= MINIMUM_MTU) {
            // It is no less than every link carries.
            let _: Result<(), crate::stack::MtuError> = stack.set_mtu(id, mtu);
            self.borrow().has_mtu = true;
        }
    }

    /// Routes by classless routes if there are any, else by routers (RFC 3442). Those that are there
    /// and no longer said go.
    fn install_routes(&self) {
        let wanted = |place: usize| self.borrow().route(place, self.id, self.config.metric);
        self.remove_routes(|route| {
            let mut place = 0;
            while let Some(wanted) = wanted(place) {
                if (wanted.prefix, wanted.gateway) == (route.prefix, route.gateway) {
                    return false;
                }
                place += 1;
            }
            true
        });
        let mut place = 0;
        while let Some(route) = wanted(place) {
            if self.stack.add_route(route).is_err() {
                let mut shared = self.borrow();
                shared.counters.missed = shared.counters.missed.wrapping_add(1);
            }
            place += 1;
        }
    }

    fn remove_routes(&self, is_over: impl Fn(&Route) -> bool) {
        let is_ours =
            |route: &Route| route.origin == RouteOrigin::Dhcp && route.interface == self.id;
        let find = || {
            let mut routes = self.stack.routes();
            routes.find(|route| is_ours(route) && is_over(route))
        };
        while let Some(route) = find() {
            let gateway = route.gateway.map(IpAddr::from);
            let removed = self.stack.remove_route(route.prefix, gateway, self.id);
            if removed.is_none() {
                break;
            }
        }
    }

    /// Takes away what a lease has brought.
    #[inline(never)]
    fn remove(&self) {
        let Self { stack, id, .. } = *self;
        let find = || {
            stack.with(|core| {
                let mut entries = core.interface(id)?.assignments.iter().map(|a| a.entry);
                let entry = entries.find(|entry| entry.origin == Ipv4Origin::Dhcp)?;
                Some(entry.cidr.address)
            })
        };
        while let Some(address) = find() {
            if !stack.remove_address(id, address.into()) {
                break;
            }
        }
        self.remove_routes(|_| true);
        let had_mtu = self.with(|shared, _| {
            shared.changes = shared.changes.wrapping_add(1);
            shared.has_options = false;
            core::mem::take(&mut shared.has_mtu)
        });
        if had_mtu {
            let _: Result<(), crate::stack::MtuError> = stack.set_mtu(id, u16::MAX);
        }
        self.announce();
    }
}

impl super::client::Shared {
    /// The route at a place among those that the options say.
    fn route(&self, place: usize, interface: u8, metric: u16) -> Option<Route> {
        let (prefix, router, metric) = match self.options.get(code::CLASSLESS_ROUTES) {
            Some(_) => {
                let route = self.options.routes().nth(place)?;
                (route.prefix, route.router, metric)
            }
            None => {
                let router = self.options.routers().nth(place)?;
                let all = Ipv4Cidr::new(Ipv4Addr::UNSPECIFIED, 0);
                (all, router, metric.saturating_add(place as u16))
            }
        };
        // Of no more than 32 bits.
        let prefix = Prefix::new(prefix.address.into(), prefix.prefix_length).ok()?;
        Some(Route {
            prefix,
            // "a router IP address of 0.0.0.0": the destinations are on the link (RFC 3442).
            gateway: (!router.is_unspecified()).then_some(IpAddress::V4(router)),
            interface,
            metric,
            expires: None,
            origin: RouteOrigin::Dhcp,
        })
    }
}
