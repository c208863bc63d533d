//! Asking for names and addresses (§2.2, §2.7, §4.2).

use core::convert::Infallible;
use core::future::poll_fn;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::task::Poll;

use heapless::Vec;

use super::handle::{Llmnr, Watch};
use super::verify::jitter;
use super::{
    CONFLICT, HOP_LIMIT, JITTER, LINKS, PORT, TENTATIVE, TRIES, addresses_of, groups, timeout,
};
use crate::config;
use crate::proto::deadline::before;
use crate::proto::dns::lookup::without_asking;
use crate::proto::dns::{
    Addresses, CLASS_IN, DnsError, Family, Flags, MAX_NAME, Message, MessageWriter, Name, Rcode,
    RecordData, RecordType, Resolver, Section, WriteError,
};
use crate::socket::{UdpBind, UdpSocket};
use crate::stack::InterfaceId;
use crate::stack::udp::RecvInfo;
use crate::stack::waiters::WaitKey;
use crate::time::Duration;

/// Responders that are told apart for one question. Those of more are taken for others that were
/// heard before.
const RESPONDERS: usize = 4;
/// How long further answers are waited for: LLMNR_TIMEOUT + JITTER_INTERVAL (§7).
const LATE: Duration = Duration::from_millis(200);
/// Header and question.
pub(super) const QUERY_LENGTH: usize = 12 + MAX_NAME + 4;
/// "When in doubt, a maximum packet size of 512 octets SHOULD be used" (§2.1).
const ACCUSATION_LENGTH: usize = 512;

/// Addresses with a port. The scope id of a link-local address is the number of the interface that
/// it is good on, counted from 1.
type Hosts = Vec<SocketAddr, { config::DNS_ADDRESSES }>;

/// Questions that are asked at once.
pub(super) type Asks = Vec<Ask, 2>;

/// What is asked for, and what has come of it.
pub(super) struct Ask {
    pub(super) kind: RecordType,
    pub(super) id: u16,
    /// Who has responded.
    heard: Vec<(InterfaceId, IpAddr), RESPONDERS>,
    /// By a host that has the name for itself.
    pub(super) is_answered: bool,
    /// By one of several.
    is_shared: bool,
    /// A conflict has been told of.
    has_accused: bool,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    addresses: Vec<(IpAddr, InterfaceId), { config::DNS_ADDRESSES }>,
    name: Option<Name>,
}

impl Found {
    /// Takes the records that answer a question.
    pub(super) fn take(
        &mut self,
        message: &Message<'_>,
        (name, kind): (&Name, RecordType),
        id: InterfaceId,
    ) {
        let records = message.section(Section::Answer);
        let records = records.filter(|record| {
            record.kind == kind && record.class() == CLASS_IN && record.name == name.view()
        });
        for data in records.filter_map(|record| record.data().ok()) {
            let address = match data {
                RecordData::A(address) => IpAddr::V4(address),
                RecordData::Aaaa(address) => IpAddr::V6(address),
                RecordData::Ptr(target) => {
                    let _: &mut Name = self.name.get_or_insert_with(|| Name::from(target));
                    continue;
                }
                _ => continue,
            };
            if !self.addresses.contains(&(address, id)) {
                let _: Result<(), (IpAddr, InterfaceId)> = self.addresses.push((address, id));
            }
        }
    }

    /// Takes out what a question has found.
    fn forget(&mut self, kind: RecordType) {
        self.addresses.retain(|(address, _)| match kind {
            RecordType::A => address.is_ipv6(),
            RecordType::AAAA => address.is_ipv4(),
            _ => true,
        });
        if kind == RecordType::PTR {
            self.name = None;
        }
    }
}

/// A response of which a part is missing.
struct Truncated {
    responder: SocketAddr,
    interface: InterfaceId,
    question: usize,
}

impl Llmnr<'_> {
    /// The addresses of the host that has a name, a single label, on any of the links; with this
    /// port, in the order in which they are to be tried (RFC 6724 §6).
    ///
    /// # Errors
    ///
    /// [`DnsError::NotFound`] if nobody answers, which takes some 0.3 s on Ethernet, or the name has
    /// several labels, which are not asked for (§3); [`DnsError::NoData`] if the host has no address of
    /// this family; [`DnsError::Unreachable`] if there is no link to ask on.
    pub async fn lookup_host(
        &self,
        name: &str,
        port: u16,
        family: Family,
    ) -> Result<Hosts, DnsError> {
        let mut found = Found::default();
        if let Some(own) = without_asking(name)? {
            for address in own.into_iter().flatten() {
                let is_wanted = match family {
                    Family::Any => true,
                    Family::V4 => address.is_ipv4(),
                    Family::V6 => address.is_ipv6(),
                };
                if is_wanted {
                    let _: Result<(), (IpAddr, InterfaceId)> = found.addresses.push((address, 0));
                }
            }
        } else {
            let name = Name::new(name).map_err(|_| DnsError::NameInvalid)?;
            if name.labels().count() != 1 {
                return Err(DnsError::NotFound);
            }
            let kinds: &[RecordType] = match family {
                Family::Any => &[RecordType::AAAA, RecordType::A],
                Family::V4 => &[RecordType::A],
                Family::V6 => &[RecordType::AAAA],
            };
            self.ask_links(&name, kinds, &mut found).await?;
        }
        let mut addresses = Addresses::new();
        for (address, _) in &found.addresses {
            // There is room for as many.
            let _: Result<(), IpAddr> = addresses.push(*address);
        }
        self.stack.order_destinations(&mut addresses);
        let interface = |wanted: &IpAddr| {
            let mut known = found.addresses.iter();
            known.find_map(|(address, id)| (address == wanted).then_some(*id))
        };
        let hosts = hosts(&addresses, port, interface);
        match hosts.is_empty() {
            true => Err(DnsError::NoData),
            false => Ok(hosts),
        }
    }

    /// As [`Llmnr::lookup_host`], but DNS is asked first, and the links where that does not know the
    /// name, has none of the addresses, or does not answer (§3).
    pub async fn lookup_host_after(
        &self,
        resolver: &Resolver<'_>,
        name: &str,
        port: u16,
        family: Family,
    ) -> Result<Hosts, DnsError> {
        let error = match resolver.lookup_host(name, family).await {
            Ok(addresses) => return Ok(hosts(&addresses, port, |_| None)),
            Err(error) => error,
        };
        let is_single = !name.contains('.');
        match error {
            DnsError::NameInvalid | DnsError::NoSocket => Err(error),
            _ if !is_single => Err(error),
            // A search list is not used to form other queries (§3).
            _ => self.lookup_host(name, port, family).await,
        }
    }

    /// The name of the host with an address on the link; of a link-local address the interface is to
    /// be told.
    ///
    /// With `tcp` the host itself is asked, by a connection that does not leave the link; if that
    /// fails, and without `tcp`, all hosts of the links are (§2.4).
    ///
    /// # Errors
    ///
    /// As [`Llmnr::lookup_host`].
    pub async fn lookup_addr(
        &self,
        address: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<Name, DnsError> {
        let name = Name::reverse(address);
        let mut found = Found::default();
        #[cfg(feature = "tcp")]
        {
            let ask = self.new_ask(RecordType::PTR);
            let host = scoped(address, PORT, interface);
            let asked = (&name, &ask, interface.unwrap_or(0));
            if self.ask_host(host, asked, &mut found).await {
                return found.name.ok_or(DnsError::NoData);
            }
        }
        let _ = interface;
        self.ask_links(&name, &[RecordType::PTR], &mut found)
            .await?;
        found.name.ok_or(DnsError::NoData)
    }

    fn new_ask(&self, kind: RecordType) -> Ask {
        Ask {
            kind,
            id: self.with(|_, rng| rng.next_u32() as u16),
            heard: Vec::new(),
            is_answered: false,
            is_shared: false,
            has_accused: false,
        }
    }

    /// Asks all hosts of all links.
    async fn ask_links(
        &self,
        name: &Name,
        kinds: &[RecordType],
        found: &mut Found,
    ) -> Result<(), DnsError> {
        let any = match cfg!(feature = "ipv6") {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(self.stack, UdpBind::new(SocketAddr::new(any, 0)));
        let socket = socket.map_err(|_| DnsError::NoSocket)?;
        socket.set_multicast_hop_limit(HOP_LIMIT);
        let mut asks = Asks::new();
        for kind in kinds {
            // There are two at most.
            let _: Result<(), Ask> = asks.push(self.new_ask(*kind));
        }
        let pause = self.with(|_, rng| jitter(rng));
        self.stack.sleep(pause).await;
        for _ in 0..TRIES {
            let patience = self.send_queries(&socket, name, &asks);
            let patience = patience.ok_or(DnsError::Unreachable)?;
            let mut deadline = self.stack.now() + patience;
            let mut collects = false;
            loop {
                while let Some(part) = self.take_responses(&socket, name, &mut asks, found) {
                    self.ask_again(part, name, &mut asks, found).await;
                }
                if asks.iter().all(|ask| ask.is_answered) {
                    break;
                }
                // "the sender SHOULD wait for LLMNR_TIMEOUT + JITTER_INTERVAL in order to collect all
                // possible responses" (§2.7).
                if !collects && asks.iter().any(|ask| ask.is_shared) {
                    collects = true;
                    deadline += Duration::from_millis(JITTER.into());
                }
                let readable = pin!(socket.readable());
                if before(self.stack, deadline, readable).await.is_none() {
                    break;
                }
            }
            if asks.iter().all(Ask::is_over) {
                break;
            }
        }
        if !asks.iter().any(Ask::is_over) {
            // "a resolver treats it as a response that the name does not exist" (§2.2).
            return Err(DnsError::NotFound);
        }
        if self.is_running.get() {
            self.watch.set(Some(Watch {
                socket,
                name: name.clone(),
                asks,
                until: self.stack.now() + LATE,
            }));
            self.announce();
        }
        Ok(())
    }

    /// "an LLMNR sender SHOULD be prepared to process additional responses for the purposes of conflict
    /// detection, even after it has considered a query answered" (§2.7): of one query at a time.
    pub(super) async fn watch_answers(&self) -> Infallible {
        loop {
            let watch = poll_fn(|context| {
                self.stack.visit(|core| match self.watch.take() {
                    Some(watch) => Poll::Ready(watch),
                    None => {
                        core.wait(WaitKey::LLMNR, context.waker());
                        Poll::Pending
                    }
                })
            });
            let Watch {
                socket,
                name,
                mut asks,
                until,
            } = watch.await;
            loop {
                self.take_late(&socket, &name, &mut asks);
                let readable = pin!(socket.readable());
                if before(self.stack, until, readable).await.is_none() {
                    break;
                }
            }
        }
    }

    #[inline(never)]
    fn take_late(&self, socket: &UdpSocket<'_>, name: &Name, asks: &mut [Ask]) {
        let mut found = Found::default();
        // What is truncated is not asked for again.
        while self
            .take_responses(socket, name, asks, &mut found)
            .is_some()
        {}
    }

    /// Sends what is not answered on each link, by each version; says how long to wait, `None` if
    /// there is no link to send on.
    #[inline(never)]
    fn send_queries(&self, socket: &UdpSocket<'_>, name: &Name, asks: &[Ask]) -> Option<Duration> {
        let mut bytes = [0; QUERY_LENGTH];
        let mut patience = None;
        for id in 0..LINKS as InterfaceId {
            let (addresses, timeout) =
                (self.stack).visit(|core| (addresses_of(core, id), timeout(core, id)));
            socket.set_multicast_interface(Some(id));
            for group in groups(&addresses, id) {
                patience = patience.max(Some(timeout));
                for ask in asks.iter().filter(|ask| !ask.is_over()) {
                    let query = write_query(&mut bytes, name, ask).unwrap_or(&[]);
                    self.sent(socket.try_send_to(query, Some(group)).is_ok());
                }
            }
        }
        patience
    }

    /// Takes in what has come, up to a response that has to be asked for again.
    #[inline(never)]
    fn take_responses(
        &self,
        socket: &UdpSocket<'_>,
        name: &Name,
        asks: &mut [Ask],
        found: &mut Found,
    ) -> Option<Truncated> {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::LLMNR_MESSAGE];
        while let Some((length, info)) = socket.try_recv_from(&mut bytes) {
            let message = bytes.get(..length).map(Message::new);
            let Some(Ok(message)) = message else {
                self.count(|counters| &mut counters.malformed);
                continue;
            };
            let of_id = asks.iter().position(|ask| ask.id == message.id());
            let question = of_id.filter(|_| info.source.port() == PORT);
            let Some((question, ask)) = question.and_then(|n| Some((n, asks.get_mut(n)?))) else {
                self.count(|counters| &mut counters.stray);
                continue;
            };
            // "A sender MUST silently discard an LLMNR response with a non-zero RCODE sent in response
            // to a multicast query"; and what it has heard already (§2.2).
            let responder = (info.interface, info.source.ip());
            let is_news = !ask.heard.contains(&responder);
            let is_ours = ask.is_response(&message, name) && message.rcode() == Rcode::NO_ERROR;
            if !is_ours || !is_news || message.flags().contains(TENTATIVE) {
                self.count(|counters| &mut counters.stray);
                continue;
            }
            self.count(|counters| &mut counters.responses);
            if self.take_response(ask, name, &message, &info, found) {
                self.accuse(socket, name, ask, &message, &info);
            }
            let is_cut = info.length > length;
            if message.flags().contains(Flags::TRUNCATED) || is_cut {
                return Some(Truncated {
                    responder: info.source,
                    interface: info.interface,
                    question,
                });
            }
        }
        None
    }

    /// Takes in one response; says whether it tells of a conflict.
    fn take_response(
        &self,
        ask: &mut Ask,
        name: &Name,
        message: &Message<'_>,
        info: &RecvInfo,
        found: &mut Found,
    ) -> bool {
        let source = info.source.ip();
        // A host that speaks both versions has been asked twice.
        let is_second = ask.heard.iter().any(|(id, other)| {
            *id == info.interface && other.is_ipv4() == source.is_ipv4() && *other != source
        });
        let is_shared = message.flags().contains(CONFLICT);
        // "it MUST check if the 'C' bit is clear in any of the responses" (§4.2).
        let is_conflict = is_second && (!is_shared || ask.is_answered);
        let _: Result<(), (InterfaceId, IpAddr)> = ask.heard.push((info.interface, source));
        let accuses = is_conflict && !core::mem::replace(&mut ask.has_accused, is_conflict);
        if message.flags().contains(Flags::TRUNCATED) {
            return accuses;
        }
        let key = (name, ask.kind);
        match is_shared {
            // "responses with the 'C' bit set SHOULD NOT be concatenated with responses with the 'C'
            // bit clear; instead, only the responses with the 'C' bit set SHOULD be returned" (§2.2).
            true => {
                if !ask.is_shared {
                    found.forget(ask.kind);
                }
                ask.is_shared = true;
                found.take(message, key, info.interface);
            }
            false if ask.is_shared || ask.is_answered => {}
            false => {
                found.take(message, key, info.interface);
                ask.is_answered = true;
            }
        }
        accuses
    }

    /// "the sender SHOULD send another query for the same name, type, and class, this time with the
    /// 'C' bit set, with the potentially conflicting resource records included in the additional
    /// section" (§4.2).
    #[cold]
    #[inline(never)]
    fn accuse(
        &self,
        socket: &UdpSocket<'_>,
        name: &Name,
        ask: &Ask,
        message: &Message<'_>,
        info: &RecvInfo,
    ) {
        let mut bytes = [0; ACCUSATION_LENGTH];
        let Ok(mut writer) = MessageWriter::new(&mut bytes, ask.id, CONFLICT) else {
            return;
        };
        if (writer.question(name.view(), ask.kind, CLASS_IN, false)).is_err() {
            return;
        }
        for record in message.section(Section::Answer) {
            if let Ok(data) = record.data() {
                let class = (record.class(), false);
                let section = Section::Additional;
                // Those that do not fit are left out.
                let _: Result<(), WriteError> =
                    writer.record(section, record.name, class, record.ttl(), &data);
            }
        }
        let query = writer.finish();
        let id = info.interface;
        socket.set_multicast_interface(Some(id));
        let addresses = self.stack.visit(|core| addresses_of(core, id));
        for group in groups(&addresses, id) {
            if group.is_ipv4() == info.source.is_ipv4() {
                self.sent(socket.try_send_to(query, Some(group)).is_ok());
            }
        }
    }

    /// "the sender SHOULD resend the LLMNR query over TCP using the unicast address of the responder"
    /// (§2.1.1).
    async fn ask_again(&self, part: Truncated, name: &Name, asks: &mut [Ask], found: &mut Found) {
        let Some(ask) = asks.get_mut(part.question) else {
            return;
        };
        #[cfg(feature = "tcp")]
        {
            let asked = (name, &*ask, part.interface);
            let is_answered = self.ask_host(part.responder, asked, found).await;
            ask.is_answered |= is_answered;
        }
        #[cfg(not(feature = "tcp"))]
        let _ = (part.responder, part.interface, name, ask, found);
    }
}

impl Ask {
    /// Whether there is a response.
    fn is_over(&self) -> bool {
        !self.heard.is_empty()
    }

    /// Whether a message is a response to this question.
    pub(super) fn is_response(&self, message: &Message<'_>, name: &Name) -> bool {
        let is_response = message.flags().contains(Flags::RESPONSE) && message.opcode() == 0;
        let question = message.questions().next();
        let is_ours = question.and_then(Result::ok).is_some_and(|question| {
            question.kind == self.kind
                && (question.class, question.unicast) == (CLASS_IN, false)
                && question.name == name.view()
        });
        let is_one = message.question_count() == 1;
        is_response && is_one && is_ours && message.id() == self.id
    }
}

/// Writes the query for a question, without an OPT record: there are responders that take it for a
/// part of the question, and repeat it as such.
pub(super) fn write_query<'b>(
    bytes: &'b mut [u8],
    name: &Name,
    ask: &Ask,
) -> Result<&'b [u8], WriteError> {
    let mut writer = MessageWriter::new(bytes, ask.id, Flags::empty())?;
    writer.question(name.view(), ask.kind, CLASS_IN, false)?;
    Ok(writer.finish())
}

/// Addresses with a port, each good on an interface.
fn hosts(
    addresses: &Addresses,
    port: u16,
    interface: impl Fn(&IpAddr) -> Option<InterfaceId>,
) -> Hosts {
    let mut hosts = Hosts::new();
    for address in addresses {
        // There is room for as many.
        let host = scoped(*address, port, interface(address));
        let _: Result<(), SocketAddr> = hosts.push(host);
    }
    hosts
}

/// An address with a port, good on this interface.
fn scoped(address: IpAddr, port: u16, interface: Option<InterfaceId>) -> SocketAddr {
    let mut host = SocketAddr::new(address, port);
    if let (SocketAddr::V6(host), Some(id)) = (&mut host, interface)
        && host.ip().is_unicast_link_local()
    {
        host.set_scope_id(u32::from(id) + 1);
    }
    host
}
