//! The client at work: messages in and out, and what is done to the interface.

use core::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use super::binding::{Binding, BindingState};
use super::client::{Dhcpv6Client, Shared};
use super::config::{Mode, SEND_LENGTH};
use super::machine::{Action, ClientState, Outgoing, Wanted};
use super::message::{ALL_SERVERS, CLIENT_PORT, Message, MessageType, SERVER_PORT};
use super::option::code;
#[cfg(feature = "dhcpv6-reconfigure")]
use super::reconfigure::ReconfigureKey;
use super::reply::Received;
use super::write::MessageWriter;
use crate::config;
use crate::iface::{AddressOrigin, AddressState, EventKind, Ipv6Entry};
use crate::proto::full::MessageFull;
use crate::proto::waiting::idle;
use crate::socket::{BindError, SendError, UdpBind, UdpSocket};
use crate::stack::Core;
use crate::stack::waiters::WaitKey;
use crate::time::Instant;
use crate::wire::IpAddress;

/// What the interface looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// There is a link-local address to send from.
    is_up: bool,
    wanted: Wanted,
    /// Which of the leased addresses may be used: a bit for each place of the list.
    usable: u32,
    /// Which of them another station has.
    duplicate: u32,
}

/// Takes everything away when the client is not run any longer.
struct Running<'r, 'a, 'c>(&'r Dhcpv6Client<'a, 'c>);

impl Drop for Running<'_, '_, '_> {
    fn drop(&mut self) {
        self.0.remove(|_| true);
        self.0.borrow().has_options = false;
        self.0.tell_change();
    }
}

impl Dhcpv6Client<'_, '_> {
    /// Gets what there is to be had and keeps it, until [`Dhcpv6Client::release`]. It takes one UDP
    /// socket, with port 546.
    ///
    /// When it is dropped the addresses are taken from the interface, and the server is not told;
    /// run again, the client asks whether they are still good.
    ///
    /// # Errors
    ///
    /// There is no socket free, the port is in use, or there is no such interface.
    pub async fn run(&self) -> Result<(), BindError> {
        let local = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), CLIENT_PORT);
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
        let key = WaitKey::dhcpv6(self.id);
        idle(socket, (self.stack, self.id), key, deadline, |core| {
            self.look(core) == seen && self.borrow().machine.deadline() == deadline
        })
        .await;
    }

    fn look(&self, core: &Core<'_>) -> Seen {
        let interface = core.interface(self.id);
        let is_linked = interface.is_some_and(|interface| interface.is_up());
        let entries = || interface.into_iter().flat_map(|interface| &interface.ipv6);
        let is_source =
            |entry: &Ipv6Entry| entry.address.is_unicast_link_local() && entry.is_confirmed();
        #[cfg(feature = "router-discovery")]
        let flags = interface.map(|interface| interface.discovery.parameters.flags);
        let mut seen = Seen {
            is_up: is_linked && entries().any(is_source),
            wanted: match self.config.mode {
                #[cfg(feature = "router-discovery")]
                Mode::Auto => wanted(flags.unwrap_or_default()),
                Mode::Stateful => Wanted::Leases,
                Mode::Stateless => Wanted::Information,
            },
            usable: 0,
            duplicate: 0,
        };
        let shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        for (place, lease) in machine.bindings.iter().enumerate() {
            if !lease.is_held() || machine.bindings.is_prefix(lease) {
                continue;
            }
            let mut entries = entries();
            let state = entries.find(|entry| entry.address == lease.address);
            match state.map(|entry| (entry.state, entry.is_confirmed())) {
                Some((AddressState::Duplicate, _)) => seen.duplicate |= 1 << place,
                Some((_, true)) => seen.usable |= 1 << place,
                _ => {}
            }
        }
        seen
    }

    /// Takes what has come and does what is due; says what it saw, and when it is to be called next.
    #[inline(never)]
    fn step(&self, socket: &UdpSocket<'_>) -> (Seen, Instant) {
        loop {
            self.receive(socket);
            let now = self.stack.now();
            let seen = self.stack.visit(|core| self.look(core));
            let (action, is_news) = self.with(|shared, rng| {
                let Shared {
                    machine, counters, ..
                } = shared;
                machine.set_link(now, seen.is_up, seen.wanted, rng);
                let mut is_news = false;
                for place in 0..config::DHCPV6_LEASES {
                    if seen.duplicate & (1 << place) != 0 {
                        Shared::count(&mut counters.duplicates, 1);
                        machine.duplicate(place);
                    }
                    if seen.usable & (1 << place) != 0 {
                        is_news |= machine.verified(place);
                    }
                }
                (machine.next(now, rng), is_news)
            });
            if is_news {
                self.tell_change();
            }
            match action {
                Some(Action::Send(message)) => self.send(socket, &message),
                Some(Action::Apply) => self.apply(),
                None => {
                    let deadline = self.borrow().machine.deadline();
                    return (seen, deadline);
                }
            }
        }
    }

    // ---- Messages ------------------------------------------------------------------------

    #[inline(never)]
    fn send(&self, socket: &UdpSocket<'_>, message: &Outgoing) {
        let mut bytes = [0; SEND_LENGTH];
        // It fits: the configuration has been measured.
        let bytes = self.write(&mut bytes, message).unwrap_or(&[]);
        let unicast = message.unicast.filter(|server| self.reaches(*server));
        let to = unicast.unwrap_or(ALL_SERVERS);
        // The socket has its interface; of a group the scope is asked for.
        let scope = u32::from(self.id) + 1;
        let to = SocketAddrV6::new(to, SERVER_PORT, 0, scope);
        let sent = socket.try_send_to(bytes, Some(to.into()));
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
            Shared::count(counter, 1);
            shared.machine.was_sent(now, is_sent, rng);
        });
    }

    /// Whether there is "a source address of sufficient scope that can be used by the server as a
    /// return address" (RFC 8415 §18.2).
    fn reaches(&self, server: Ipv6Addr) -> bool {
        let path = (self.stack).visit(|core| core.path(IpAddress::V6(server), None, Some(self.id)));
        path.is_some_and(|path| match path.source {
            IpAddress::V6(source) => {
                server.is_unicast_link_local() || !source.is_unicast_link_local()
            }
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => false,
        })
    }

    fn write<'b>(&self, bytes: &'b mut [u8], message: &Outgoing) -> Result<&'b [u8], MessageFull> {
        let Outgoing {
            kind,
            transaction,
            elapsed,
            to_server,
            unicast: _,
        } = *message;
        let mut writer = MessageWriter::new(bytes, kind, transaction)?;
        if let Some(duid) = self.duid() {
            writer.option(code::CLIENT_IDENTIFIER, &[duid.as_bytes()])?;
        }
        let shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        if let Some(server) = machine.server.as_ref().filter(|_| to_server) {
            writer.option(code::SERVER_IDENTIFIER, &[server.as_bytes()])?;
        }
        writer.option(code::ELAPSED_TIME, &[&elapsed.to_be_bytes()])?;
        let (with_empty, is_wanted): (bool, fn(&Binding) -> bool) = match kind {
            MessageType::INFORMATION_REQUEST => (false, |_| false),
            // "The client MUST NOT include IA_PD options in the Decline message" (§18.2.8): no
            // prefix is a duplicate.
            MessageType::DECLINE => (false, |lease| lease.state == BindingState::Declining),
            MessageType::RELEASE | MessageType::CONFIRM => (false, Binding::is_held),
            // "continue to request the additional IAs in subsequent messages" (§18.2).
            _ => (true, |lease| {
                lease.is_held() || lease.state == BindingState::Offered
            }),
        };
        (machine.bindings).write(&mut writer, with_empty, is_wanted)?;
        #[cfg(feature = "hostname")]
        let own = self.stack.hostname();
        #[cfg(feature = "hostname")]
        let own = own.as_str();
        #[cfg(not(feature = "hostname"))]
        let own = "";
        self.config.write(&mut writer, kind, own)?;
        Ok(writer.finish())
    }

    #[inline(never)]
    fn receive(&self, socket: &UdpSocket<'_>) {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::DHCPV6_MESSAGE];
        while let Some((length, info)) = socket.try_recv_from(&mut bytes) {
            let octets = bytes.get(..length).filter(|_| info.length == length);
            let message = octets.and_then(|octets| Message::new(octets).ok());
            let message = message.filter(|message| message.check().is_ok());
            // What is said to a group is said to no one client.
            let is_ours = !info.destination.is_multicast()
                && message.is_some_and(|message| self.is_ours(&message));
            let now = self.stack.now();
            let is_news = self.with(|shared, rng| {
                #[cfg(feature = "dhcpv6-reconfigure")]
                let is_known = {
                    let server = shared.machine.server.as_ref();
                    let said = message.and_then(|message| message.server());
                    said.is_some() && said == server.map(super::Duid::as_bytes)
                };
                let (received, missed) = match (message, is_ours) {
                    #[cfg(feature = "dhcpv6-reconfigure")]
                    (Some(message), true) if message.kind() == MessageType::RECONFIGURE => {
                        let key = shared.key.as_mut().filter(|_| is_known);
                        let kind = key.and_then(|key| key.accept(octets.unwrap_or(&[])));
                        let is_asked = kind.is_some_and(|kind| shared.machine.told(now, kind, rng));
                        let received = match is_asked {
                            true => Received::Taken,
                            false => Received::Stray,
                        };
                        (received, 0)
                    }
                    (Some(message), true) => shared.machine.receive(now, &message, rng),
                    (Some(_), false) => (Received::Stray, 0),
                    (None, _) => {
                        Shared::count(&mut shared.counters.malformed, 1);
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
                Shared::count(counter, 1);
                Shared::count(&mut counters.missed, missed);
                if let (Received::Acknowledged, Some(message)) = (received, message) {
                    #[cfg(feature = "dhcpv6-reconfigure")]
                    self.keep_key(&mut shared.key, &message, is_known);
                    let missed = shared.options.keep(&message);
                    Shared::count(&mut shared.counters.missed, missed);
                    shared.has_options = true;
                    return true;
                }
                false
            });
            if is_news {
                self.tell_change();
            }
        }
    }

    /// Keeps the key in a Reply of the server, if there is one: "in the initial Reply" (§20.4.3). One
    /// of a server that was there before has to be newer (§20.3).
    #[cfg(feature = "dhcpv6-reconfigure")]
    fn keep_key(&self, key: &mut Option<ReconfigureKey>, reply: &Message<'_>, is_known: bool) {
        let old = key.take().filter(|_| is_known);
        let new = ReconfigureKey::read(reply).filter(|_| self.config.reconfigure);
        *key = match (old, new) {
            (Some(old), Some(new)) if new.is_newer_than(&old) => Some(new),
            (Some(old), _) => Some(old),
            (None, new) => new,
        };
    }

    /// Whether a message is an answer to this client: it says both DUIDs (RFC 8415 §16.3, §16.10).
    fn is_ours(&self, message: &Message<'_>) -> bool {
        let own = self.duid();
        message.client().is_some()
            && message.client() == own.as_ref().map(super::Duid::as_bytes)
            && message.server().is_some()
    }

    // ---- The interface -------------------------------------------------------------------

    /// Gives the interface the addresses that are leased, and takes the others from it.
    #[inline(never)]
    fn apply(&self) {
        self.remove(|address| {
            let shared = self.borrow();
            let mut leases = shared.machine.in_use();
            !leases.any(|lease| lease.address == address)
        });
        let lease = |place: usize| {
            let shared = self.borrow();
            let Shared { machine, .. } = &*shared;
            let mut addresses =
                (machine.in_use()).filter(|lease| !machine.bindings.is_prefix(lease));
            addresses.nth(place).copied()
        };
        let mut place = 0;
        while let Some(lease) = lease(place) {
            let (address, preferred, valid) = (lease.address, lease.preferred, lease.valid);
            let added = self
                .stack
                .with(|core| core.lease_ipv6(self.id, address, preferred, valid));
            if added.is_err() {
                Shared::count(&mut self.borrow().counters.missed, 1);
            }
            place += 1;
        }
        self.tell_prefixes();
        let mut shared = self.borrow();
        // Configuration goes with the leases that it came with.
        let is_over = matches!(
            shared.machine.state(),
            ClientState::Idle | ClientState::Releasing | ClientState::Stopped
        );
        shared.has_options &= !is_over;
        #[cfg(feature = "dhcpv6-reconfigure")]
        if is_over {
            shared.key = None;
        }
        drop(shared);
        self.tell_change();
    }

    /// Emits an event if the prefixes, or when they end, are others than before.
    fn tell_prefixes(&self) {
        let mut shared = self.borrow();
        let Shared { machine, .. } = &*shared;
        let prefixes = (machine.in_use()).filter(|lease| machine.bindings.is_prefix(lease));
        // FNV-1a, over what may change.
        let octets = prefixes.flat_map(|lease| {
            let ends = [lease.preferred, lease.valid].map(|end| end.as_micros().to_be_bytes());
            let address = lease.address.octets();
            address.into_iter().chain(ends.into_iter().flatten())
        });
        let sum = octets.fold(0u32, |sum, octet| {
            (sum ^ u32::from(octet)).wrapping_mul(0x0100_0193)
        });
        if core::mem::replace(&mut shared.told, sum) != sum {
            drop(shared);
            (self.stack).visit(|core| core.emit(self.id, EventKind::DelegatedPrefixes));
        }
    }

    /// Takes the leased addresses that `is_over` from the interface.
    fn remove(&self, is_over: impl Fn(Ipv6Addr) -> bool) {
        let find = || {
            self.stack.visit(|core| {
                let mut entries = core.interface(self.id)?.ipv6.iter();
                let is_it = |entry: &&Ipv6Entry| {
                    entry.origin == AddressOrigin::Dhcp && is_over(entry.address)
                };
                entries.find(is_it).map(|entry| entry.address)
            })
        };
        while let Some(address) = find() {
            if !self.stack.remove_address(self.id, address.into()) {
                break;
            }
        }
    }
}

/// What routers say is to be had. "redundant if M is set" (RFC 4861 §4.2): the O flag.
#[cfg(feature = "router-discovery")]
fn wanted(flags: crate::wire::ndp::RouterFlags) -> Wanted {
    use crate::wire::ndp::RouterFlags;

    if flags.contains(RouterFlags::MANAGED) {
        Wanted::Leases
    } else if flags.contains(RouterFlags::OTHER) {
        Wanted::Information
    } else {
        Wanted::Nothing
    }
}
