//! The server at work: messages in and out, and addresses looked for on the link.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;
use core::task::Poll;

use super::super::message::{
    BOOT_REQUEST, BROADCAST, CLIENT_PORT, Message, MessageType, SERVER_PORT,
};
use super::super::option::{code, is_host};
use super::lease::LeaseStore;
use super::machine::{Answer, Reply};
use super::reply::LONGEST;
use super::request::{Arrival, Request};
use super::{Dhcpv4Server, count};
use crate::config;
use crate::netbuf::NetBuf;
use crate::socket::{BindError, RecvInfo, SendError, UdpBind, UdpSocket};
use crate::stack::waiters::WaitKey;
use crate::stack::{Core, InterfaceId, Stack};
use crate::time::{Duration, Instant};
use crate::wire::{IpAddress, LinkAddr};

/// How long an answer to each question for an address is waited for.
const PROBE_WAIT: Duration = Duration::from_millis(250);
/// Questions for one address.
const PROBES: u8 = 2;
/// Addresses that are tried for one message.
const TRIES: u8 = 3;

/// A message whose answer waits until it is known whether a station has an address.
struct Pending<'a> {
    stack: Stack<'a>,
    id: InterfaceId,
    address: Ipv4Addr,
    /// The link address of the client, which may have the address.
    client: LinkAddr,
    due: Instant,
    asked: u8,
    tried: u8,
    /// None when the answer is about to be given.
    message: Option<NetBuf>,
    info: RecvInfo,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let Self { id, address, .. } = *self;
        self.stack.visit(|core| core.probe_end(id, address));
    }
}

type Probes<'a> = heapless::Vec<Pending<'a>, { config::DHCPV4_PROBES }>;

/// What is known of the interface that a message has come by.
struct Place {
    own: heapless::Vec<Ipv4Addr, { config::IPV4_ADDRESSES }>,
    link: LinkAddr,
    mtu: usize,
    has_neighbors: bool,
}

impl<'a> Dhcpv4Server<'a, '_> {
    /// Serves for ever, and keeps no lease beyond that. It takes one UDP socket, with port 67.
    ///
    /// When it is dropped it answers no longer; what it knows of leases stays, for when it is run
    /// again.
    ///
    /// # Errors
    ///
    /// There is no socket free, or the port is in use.
    pub async fn run(&self) -> Result<Infallible, BindError> {
        self.run_with(&mut ()).await
    }

    /// As [`Dhcpv4Server::run`], with the leases of a store, which is told of all changes.
    pub async fn run_with(&self, store: &mut impl LeaseStore) -> Result<Infallible, BindError> {
        let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), SERVER_PORT);
        let socket = UdpSocket::bind(self.stack, UdpBind::new(local))?;
        let now = self.stack.now();
        store.load(&mut |lease| self.borrow().restore(now, lease));
        let mut probes = Probes::new();
        loop {
            self.save(store);
            while let Some((message, info)) = socket.try_recv() {
                self.take(&socket, &mut probes, message, info, 0);
                self.save(store);
            }
            while let Some(number) = self.decided(&probes) {
                self.decide(&socket, &mut probes, number);
                self.save(store);
            }
            self.wait(&socket, &probes).await;
        }
    }

    fn save(&self, store: &mut impl LeaseStore) {
        let now = self.stack.now();
        loop {
            let next = self.borrow().next_unsaved(now);
            match next {
                Some(Ok(lease)) => store.store(&lease),
                Some(Err(address)) => store.erase(address),
                None => return,
            }
        }
    }

    /// Waits until there is something to do.
    async fn wait(&self, socket: &UdpSocket<'_>, probes: &Probes<'a>) {
        let deadline = probes.iter().map(|pending| pending.due).min();
        let mut sleep = pin!(self.stack.sleep_until(deadline.unwrap_or(Instant::MAX)));
        poll_fn(|context| {
            let has_unsaved = self.borrow().has_unsaved;
            let is_idle = self.stack.visit(|core| {
                let received = core.udp.get(socket.index());
                let is_idle = received.is_none_or(|slot| slot.received.is_empty())
                    && !has_unsaved
                    && !probes.iter().any(|pending| pending.is_heard(core));
                if is_idle {
                    core.wait(WaitKey::udp(socket.index()), context.waker());
                    core.wait(WaitKey::DHCPV4_SERVER, context.waker());
                }
                is_idle
            });
            match is_idle {
                true => sleep.as_mut().poll(context),
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    // ---- Addresses that are looked for -----------------------------------------------------

    /// One of the addresses of which it is known whether a station has them.
    fn decided(&self, probes: &Probes<'a>) -> Option<usize> {
        let now = self.stack.now();
        self.stack.visit(|core| {
            let mut probes = probes.iter();
            probes.position(|pending| pending.due <= now || pending.is_heard(core))
        })
    }

    fn decide(&self, socket: &UdpSocket<'_>, probes: &mut Probes<'a>, number: usize) {
        let now = self.stack.now();
        let Some(pending) = probes.get_mut(number) else {
            return;
        };
        let (id, address) = (pending.id, pending.address);
        let heard = self.stack.visit(|core| core.probe_answer(id, address));
        match heard.filter(|link| *link != pending.client) {
            Some(link) => self.borrow().conflict(now, address, link),
            None if heard.is_none() && pending.asked < PROBES => {
                pending.asked += 1;
                pending.due = now + PROBE_WAIT;
                self.stack.visit(|core| core.probe_ask(id, address));
                return;
            }
            None => self.borrow().probed(now, address),
        }
        let message = pending.message.take();
        let (info, tried) = (pending.info, pending.tried);
        probes.retain(|pending| pending.message.is_some());
        if let Some(message) = message {
            self.take(socket, probes, message, info, tried);
        }
    }

    // ---- Messages ------------------------------------------------------------------------

    /// Reads a message and does what is to be done about it.
    #[inline(never)]
    fn take(
        &self,
        socket: &UdpSocket<'_>,
        probes: &mut Probes<'a>,
        message: NetBuf,
        info: RecvInfo,
        tried: u8,
    ) {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::DHCPV4_MESSAGE];
        let length = message.read(0, &mut bytes);
        let read = bytes.get(..length).filter(|_| message.len() == length);
        let read = read.and_then(|bytes| Message::new(bytes).ok());
        let Some(read) = read.filter(|message| message.check().is_ok()) else {
            return count(&mut self.borrow().counters.malformed);
        };
        if read.operation() != BOOT_REQUEST || read.kind().is_none() {
            return count(&mut self.borrow().counters.stray);
        }
        let named = read.address(code::SERVER_IDENTIFIER);
        let (place, names_us) = self.stack.visit(|core| {
            let names_us = named.is_some_and(|named| core.holder(named.into()).is_some());
            (place(core, info.interface), names_us)
        });
        let Some((place, server)) = place.and_then(|place| {
            let server = self.server(&place, &info)?;
            Some((place, server))
        }) else {
            return count(&mut self.borrow().counters.not_sent);
        };
        let arrival = Arrival {
            interface: info.interface,
            server,
            is_unicast: IpAddr::V4(server) == info.destination,
            own: &place.own,
            may_probe: place.has_neighbors && read.relay_agent().is_unspecified(),
            names_us,
        };
        let Some(request) = Request::read(read, arrival) else {
            return count(&mut self.borrow().counters.malformed);
        };
        let now = self.stack.now();
        let answer = self.borrow().receive(now, &request);
        match answer {
            Answer::Nothing => {}
            Answer::Reply(reply) => self.reply(socket, &request, &place, &reply),
            Answer::Probe(address) => {
                let id = info.interface;
                let is_asked = tried < TRIES
                    && !probes.is_full()
                    && self.stack.visit(|core| core.probe_begin(id, address));
                if is_asked {
                    let pending = Pending {
                        stack: self.stack,
                        id,
                        address,
                        client: request.hardware,
                        due: now + PROBE_WAIT,
                        asked: 1,
                        tried: tried + 1,
                        message: Some(message),
                        info,
                    };
                    // There is room.
                    let _: Result<(), Pending<'_>> = probes.push(pending);
                    return;
                }
                let answer = {
                    let mut machine = self.borrow();
                    count(&mut machine.counters.unprobed);
                    machine.probed(now, address);
                    machine.receive(now, &request)
                };
                if let Answer::Reply(reply) = answer {
                    self.reply(socket, &request, &place, &reply);
                }
            }
        }
    }

    /// The address by which the client is to know this server: the one that it knows already, else
    /// the one on its subnet (RFC 2131 §4.1).
    fn server(&self, place: &Place, info: &RecvInfo) -> Option<Ipv4Addr> {
        let own = || place.own.iter().copied();
        let machine = self.borrow();
        let is_on = |address: &Ipv4Addr| {
            let mut subnets = machine.config.subnets.iter();
            subnets.any(|s| s.interface == Some(info.interface) && s.network.contains(*address))
        };
        (own().find(|address| info.destination == *address))
            .or_else(|| own().find(is_on))
            .or_else(|| own().next())
    }

    #[inline(never)]
    fn reply(&self, socket: &UdpSocket<'_>, request: &Request<'_>, place: &Place, reply: &Reply) {
        let mut bytes = [0; LONGEST];
        let written = (self.borrow()).write(&mut bytes, place.mtu, request, reply);
        // All that has to be in it fits, but for an identifier of twice the usual length.
        let sent = match written {
            Ok(bytes) => self.send(socket, request, place, reply, bytes),
            Err(_) => Err(SendError::NoBuffer),
        };
        if sent.is_err() {
            count(&mut self.borrow().counters.not_sent);
        }
    }

    /// Sends a reply to where the client, or its relay agent, takes it (RFC 2131 §4.1).
    fn send(
        &self,
        socket: &UdpSocket<'_>,
        request: &Request<'_>,
        place: &Place,
        reply: &Reply,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        let message = &request.message;
        let Arrival {
            interface,
            server: source,
            ..
        } = request.arrival;
        let (index, agent) = (socket.index(), message.relay_agent());
        let has = match reply.kind {
            MessageType::NAK => Ipv4Addr::UNSPECIFIED,
            _ => reply.client_address,
        };
        let routed = |to: Ipv4Addr, port| {
            let to = SocketAddr::new(to.into(), port);
            let from = Some(IpAddress::V4(source));
            (self.stack).visit(|core| core.udp_send(index, Some(to), from, bytes))
        };
        let is_inform = request.kind == MessageType::INFORM;
        if !agent.is_unspecified() && !is_inform {
            return routed(agent, SERVER_PORT);
        }
        if is_host(has) {
            return routed(has, CLIENT_PORT);
        }
        let to = (reply.address, CLIENT_PORT);
        let link = request.hardware;
        let is_direct = reply.kind != MessageType::NAK
            && message.flags() & BROADCAST == 0
            && link.as_bytes().len() == place.link.as_bytes().len()
            && !link.is_multicast();
        (self.stack).visit(|core| match is_direct {
            true => core.udp_send_linked(index, interface, source, to, link, bytes),
            false => {
                let to = (Ipv4Addr::BROADCAST, CLIENT_PORT);
                core.udp_send_from(index, interface, source, to, bytes)
            }
        })
    }
}

impl Pending<'_> {
    fn is_heard(&self, core: &Core<'_>) -> bool {
        core.probe_answer(self.id, self.address).is_some()
    }
}

/// What an interface is; `None` if there is none.
fn place(core: &Core<'_>, id: InterfaceId) -> Option<Place> {
    let interface = core.interface(id)?;
    Some(Place {
        own: interface.ipv4().iter().map(|cidr| cidr.address).collect(),
        link: interface.link_address(),
        mtu: interface.mtu(),
        has_neighbors: cfg!(feature = "ethernet") && !interface.link_address().is_empty(),
    })
}
