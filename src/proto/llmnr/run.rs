//! The responder at work: a socket in the groups of all interfaces, and one that listens.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::task::Poll;

use super::answer::{self, Records, is_among, question};
use super::handle::Llmnr;
use super::verify::{NameState, Verification, Verifier, jitter};
use super::{
    Addresses, CONFLICT, GROUP4, GROUP6, HOP_LIMIT, LINKS, PORT, TENTATIVE, TTL, addresses_of,
    groups, timeout,
};
use crate::config;
use crate::netbuf::{NetBuf, Purpose};
use crate::proto::dns::{CLASS_IN, Flags, Message, MessageWriter, Name, Rcode, Section};
use crate::socket::{BindError, UdpBind, UdpSocket};
use crate::stack::udp::RecvInfo;
use crate::stack::waiters::WaitKey;
use crate::stack::{Core, InterfaceId};
use crate::time::Instant;

/// Responses that wait for their time at once; what comes then is answered without delay.
const DELAYED: usize = 2;
/// Header, question of one label.
const QUERY_LENGTH: usize = 12 + 65 + 4;

/// A response that waits for its time.
struct Delayed {
    due: Instant,
    to: SocketAddr,
    data: NetBuf,
}

type Queue = [Option<Delayed>; DELAYED];

/// What has been seen of all interfaces.
type Seen = [u32; LINKS];

/// Stops using the name when the responder is not run any longer.
struct Running<'r, 'a>(&'r Llmnr<'a>);

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        self.0.borrow().links = [const { Verifier::IDLE }; LINKS];
        self.0.is_running.set(false);
        drop(self.0.watch.take());
        self.0.announce();
    }
}

impl Llmnr<'_> {
    /// Answers for the name of the host, on every interface where no other host has it, for as long
    /// as it is polled.
    ///
    /// It takes one UDP socket, with port 5355, and the two groups on each interface; with `tcp` also
    /// a listener and a connection: where there is none free, queries by TCP are refused.
    ///
    /// # Errors
    ///
    /// There is no socket free, or the port is in use.
    pub async fn run(&self) -> Result<Infallible, BindError> {
        let any = match cfg!(feature = "ipv6") {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(self.stack, UdpBind::new(SocketAddr::new(any, PORT)))?;
        socket.set_multicast_hop_limit(HOP_LIMIT);
        socket.set_hop_limit(HOP_LIMIT);
        socket.set_multicast_loop(false);
        let _running = Running(self);
        self.is_running.set(true);
        let mut datagrams = pin!(self.serve_datagrams(&socket));
        let mut late = pin!(self.watch_answers());
        #[cfg(feature = "tcp")]
        let mut connections = pin!(self.serve_connections());
        poll_fn(|context| {
            let _: Poll<Infallible> = late.as_mut().poll(context);
            #[cfg(feature = "tcp")]
            let _: Poll<Infallible> = connections.as_mut().poll(context);
            datagrams.as_mut().poll(context).map(Ok)
        })
        .await
    }

    async fn serve_datagrams(&self, socket: &UdpSocket<'_>) -> Infallible {
        let mut delayed = Queue::default();
        let mut is_member = [false; LINKS];
        loop {
            for (id, is_member) in (0..).zip(&mut is_member) {
                if !*is_member && self.stack.visit(|core| core.interface(id).is_some()) {
                    // An interface without room for a group can still be asked by the other.
                    for group in [IpAddr::from(GROUP4), IpAddr::from(GROUP6)] {
                        if let Err(_error) = socket.join(group, id) {
                            debug!("LLMNR: a group was not joined on interface {}", id);
                        }
                    }
                    *is_member = true;
                }
            }
            let seen = self.look();
            self.receive(socket, &mut delayed);
            let deadline = self.work(socket, &mut delayed);
            self.wait(socket, &seen, deadline).await;
        }
    }

    /// Waits until there is something to do.
    async fn wait(&self, socket: &UdpSocket<'_>, seen: &Seen, deadline: Instant) {
        let mut sleep = pin!(self.stack.sleep_until(deadline));
        poll_fn(|context| {
            // What has changed since is seen before it is waited for.
            let is_idle = self.stack.visit(|core| {
                let slot = core.udp.get(socket.index());
                let is_shown = |(id, seen): (InterfaceId, &u32)| {
                    let links = &self.borrow().links;
                    let known = links.get(usize::from(id)).map(|link| link.seen);
                    self.seen(core, id) == *seen && known == Some(*seen)
                };
                let is_idle = slot.is_none_or(|slot| slot.received.is_empty())
                    && (0..).zip(seen).all(is_shown);
                if is_idle {
                    core.wait(WaitKey::udp(socket.index()), context.waker());
                    core.wait(WaitKey::HOSTNAME, context.waker());
                    core.wait(WaitKey::LINKS, context.waker());
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

    pub(super) fn announce(&self) {
        (self.stack).visit(|core| core.waiters.wake(WaitKey::LLMNR));
    }

    /// A number that stands for the addresses of an interface and the name of the host; 0 where there
    /// is no address.
    fn seen(&self, core: &Core<'_>, id: InterfaceId) -> u32 {
        let addresses = addresses_of(core, id);
        if addresses.is_empty() {
            return 0;
        }
        // FNV-1a: whoever can choose the addresses so that two sets are alike gains nothing.
        let step = |hash: u32, octet: u8| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193);
        let name = core.hostname();
        let mut hash = name.as_bytes().iter().copied().fold(0x811c_9dc5, step);
        for address in &addresses {
            hash = match IpAddr::from(*address) {
                IpAddr::V4(address) => address.octets().into_iter().fold(hash, step),
                IpAddr::V6(address) => address.octets().into_iter().fold(hash, step),
            };
        }
        hash.max(1)
    }

    /// Takes note of what has changed.
    #[inline(never)]
    fn look(&self) -> Seen {
        let (seen, is_news) = self.stack.visit(|core| {
            let mut seen = [0; LINKS];
            let mut is_news = false;
            for (id, seen) in (0..).zip(&mut seen) {
                *seen = self.seen(core, id);
                let now = core.now;
                let state = &mut *self.borrow();
                let Some(link) = state.links.get_mut(usize::from(id)) else {
                    continue;
                };
                if link.seen != *seen {
                    link.changed(now, *seen, state.is_shared, &mut core.rng);
                    is_news = true;
                }
            }
            (seen, is_news)
        });
        if is_news {
            self.announce();
        }
        seen
    }

    /// Sends what is due; says when there is more to do.
    fn work(&self, socket: &UdpSocket<'_>, delayed: &mut Queue) -> Instant {
        let now = self.stack.now();
        let mut deadline = Instant::MAX;
        for id in 0..LINKS as InterfaceId {
            let (query, is_news) = self.stack.visit(|core| {
                let timeout = timeout(core, id);
                let mut state = self.borrow();
                let link = state.links.get_mut(usize::from(id));
                link.map_or((None, false), |link| link.next(now, timeout, &mut core.rng))
            });
            if let Some(query) = query {
                self.ask(socket, id, &query);
            }
            if is_news {
                self.announce();
            }
            let links = &self.borrow().links;
            let due = links.get(usize::from(id)).map(Verifier::deadline);
            deadline = deadline.min(due.unwrap_or(Instant::MAX));
        }
        for place in delayed {
            let due = |response: &mut Delayed| response.due <= now;
            if let Some(Delayed { to, data, .. }) = place.take_if(due) {
                let sent = socket.try_send(data, Some(to)).is_ok();
                self.sent(sent);
            }
            let due = place.as_ref().map(|response| response.due);
            deadline = deadline.min(due.unwrap_or(Instant::MAX));
        }
        deadline
    }

    pub(super) fn sent(&self, is_sent: bool) {
        self.count(|counters| match is_sent {
            true => &mut counters.sent,
            false => &mut counters.not_sent,
        });
    }

    /// Sends the query of a verification "over all protocols on which it responds to LLMNR queries"
    /// (§4.1).
    #[inline(never)]
    fn ask(&self, socket: &UdpSocket<'_>, id: InterfaceId, query: &Verification) {
        let mut name = Name::ROOT;
        let host = self.stack.hostname();
        let _: Result<(), crate::proto::dns::NameError> = name.push_label(host.as_bytes());
        let mut bytes = [0; QUERY_LENGTH];
        // It fits.
        let Ok(mut writer) = MessageWriter::new(&mut bytes, query.id, Flags::empty()) else {
            return;
        };
        if (writer.question(name.view(), query.kind, CLASS_IN, false)).is_err() {
            return;
        }
        let bytes = writer.finish();
        let addresses = self.stack.visit(|core| addresses_of(core, id));
        socket.set_multicast_interface(Some(id));
        for group in groups(&addresses, id) {
            self.sent(socket.try_send_to(bytes, Some(group)).is_ok());
        }
    }

    /// What this host has on an interface.
    pub(super) fn records(&self, id: InterfaceId) -> Records {
        self.stack.visit(|core| Records {
            name: core.hostname(),
            addresses: addresses_of(core, id),
        })
    }

    /// Takes in what has come.
    #[inline(never)]
    fn receive(&self, socket: &UdpSocket<'_>, delayed: &mut Queue) {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::LLMNR_MESSAGE];
        while let Some((length, info)) = socket.try_recv_from(&mut bytes) {
            let message = bytes.get(..length).map(Message::new);
            let Some(Ok(message)) = message else {
                self.count(|counters| &mut counters.malformed);
                continue;
            };
            match message.flags().contains(Flags::RESPONSE) {
                true => self.take_contest(&message, &info),
                false => self.take_query(socket, &message, &info, delayed),
            }
        }
    }

    fn take_query(
        &self,
        socket: &UdpSocket<'_>,
        message: &Message<'_>,
        info: &RecvInfo,
        delayed: &mut Queue,
    ) {
        // "Unicast UDP queries MUST be silently discarded" (§2.4), and those to other groups (§2.5).
        if info.destination != GROUP4 && info.destination != GROUP6 {
            return self.count(|counters| &mut counters.unicast);
        }
        let Some(question) = question(message) else {
            return self.count(|counters| &mut counters.malformed);
        };
        let records = self.records(info.interface);
        let Some(asked) = records.asked(&question) else {
            return self.count(|counters| &mut counters.ignored);
        };
        let source = info.source.ip();
        if !is_among(&records.addresses, source) && self.is_own(source) {
            self.doubled(info.interface, source);
        }
        if message.flags().contains(CONFLICT) {
            // "Responders MUST NOT respond to LLMNR queries with the 'C' bit set".
            self.count(|counters| &mut counters.accusations);
            if asked == answer::Asked::Host {
                let now = self.stack.now();
                self.with(|state, rng| {
                    let link = state.links.get_mut(usize::from(info.interface));
                    if let Some(link) = link {
                        link.accused(now, question.kind, rng);
                    }
                });
            }
            return;
        }
        let Some(flags) = self.flags(info.interface) else {
            return self.count(|counters| &mut counters.ignored);
        };
        self.count(|counters| &mut counters.queries);
        let mut bytes = [0; answer::LENGTH];
        let parts = (message, &question);
        let response = records.answer(&mut bytes, parts, (asked, flags), (source, false));
        // "This delay MAY be avoided by responders responding with names that they have previously
        // determined to be UNIQUE" (§2.7).
        let place = delayed.iter_mut().find(|place| place.is_none());
        if let Some(place) = place.filter(|_| !flags.is_empty()) {
            let buf = self.stack.pool().alloc(Purpose::Send, 0);
            if let Ok(mut data) = buf
                && data.append(response).is_ok()
            {
                let (now, to) = (self.stack.now(), info.source);
                let due = now + self.with(|_, rng| jitter(rng));
                *place = Some(Delayed { due, to, data });
                return;
            }
        }
        self.sent(socket.try_send_to(response, Some(info.source)).is_ok());
    }

    /// What an answer on an interface says of the name; `None` if there is to be none.
    pub(super) fn flags(&self, id: InterfaceId) -> Option<Flags> {
        let state = self.borrow();
        let link = state.links.get(usize::from(id))?;
        let flags = match link.state() {
            NameState::Inactive | NameState::Conflicted => return None,
            NameState::Verifying => TENTATIVE,
            NameState::Unique => Flags::empty(),
            NameState::Shared => CONFLICT,
        };
        Some(match link.is_doubled {
            true => flags | CONFLICT,
            false => flags,
        })
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.stack.visit(|core| {
            let mut ids = 0..LINKS as InterfaceId;
            ids.any(|id| is_among(&addresses_of(core, id), address))
        })
    }

    /// "a responder that detects that it is connected to the same link on multiple interfaces SHOULD
    /// set the 'C' bit in responses" (§4.1).
    fn doubled(&self, id: InterfaceId, source: IpAddr) {
        self.stack.visit(|core| {
            let mut state = self.borrow();
            for (other, link) in (0..).zip(&mut state.links) {
                let addresses: Addresses = addresses_of(core, other);
                link.is_doubled |= other == id || is_among(&addresses, source);
            }
        });
    }

    /// A response: of use if it is to the query of a verification.
    fn take_contest(&self, message: &Message<'_>, info: &RecvInfo) {
        let records = self.records(info.interface);
        let Some((ttl, is_tentative)) = self.read_contest(message, info, &records) else {
            return self.count(|counters| &mut counters.stray);
        };
        let (by, own) = (info.source.ip(), info.destination);
        // "if so, then the response is not considered a conflict" (§4.1).
        if self.is_own(by) {
            return self.doubled(info.interface, by);
        }
        self.count(|counters| &mut counters.responses);
        let now = self.stack.now();
        let gives_up = self.with(|state, _| {
            let link = state.links.get_mut(usize::from(info.interface));
            link.is_some_and(|link| link.contested(now, (by, own), is_tentative, ttl))
        });
        if gives_up {
            debug!(
                "LLMNR: another host has the name, on interface {}",
                info.interface
            );
            self.count(|counters| &mut counters.conflicts);
            self.announce();
        }
    }

    /// The least TTL of a response to a verification, and whether it is tentative.
    fn read_contest(
        &self,
        message: &Message<'_>,
        info: &RecvInfo,
        records: &Records,
    ) -> Option<(u32, bool)> {
        let running = {
            let state = self.borrow();
            state.links.get(usize::from(info.interface))?.running()?
        };
        let question = message.questions().next()?.ok()?;
        let is_ours = message.id() == running.id
            && message.opcode() == 0
            && message.question_count() == 1
            && question.kind == running.kind
            && records.is_named(question.name)
            && message.rcode() == Rcode::NO_ERROR
            && info.source.port() == PORT
            && !info.destination.is_multicast();
        let ttl = message.section(Section::Answer).map(|record| record.ttl());
        let is_tentative = message.flags().contains(TENTATIVE);
        is_ours.then(|| (ttl.min().unwrap_or(TTL), is_tentative))
    }
}
