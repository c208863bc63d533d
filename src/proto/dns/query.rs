//! A question, asked of one server after the other until one answers (RFC 1035 §4.2, §7).
//!
//! Each query goes from a socket of its own, with a random port and a random identifier, to which
//! only this server can answer (RFC 5452 §9). What comes and is not the answer is counted, and the
//! wait goes on.

use core::net::{IpAddr, SocketAddr};
use core::pin::pin;

use super::answer::Verdict;
use super::message::{CLASS_IN, Edns, Flags, Message, Rcode, Section};
use super::name::{MAX_NAME, Name};
use super::record::{Options, RecordData, RecordType};
use super::resolver::{DnsError, Resolver};
use super::servers::Server;
use super::write::{MessageWriter, WriteError};
use crate::config;
use crate::proto::deadline::before;
#[cfg(feature = "mdns")]
use crate::proto::mdns::MdnsError;
use crate::socket::{SendError, UdpBind, UdpSocket};
use crate::time::Duration;

/// Aliases followed for one question.
const MAX_ALIASES: u8 = 8;
/// Header, question, and OPT record.
const QUERY_LENGTH: usize = 12 + MAX_NAME + 4 + 11;
/// How long to wait for a packet buffer, or for room in a transmit queue, before trying again.
const RETRY: Duration = Duration::from_millis(20);

/// What records of the answer are shown to. It uses neither the stack nor the resolver.
pub(super) type Visit<'v> = &'v mut dyn FnMut(&RecordData<'_>);

/// A query that has been sent.
#[derive(Clone, Copy)]
struct Query {
    id: u16,
    kind: RecordType,
    with_edns: bool,
}

/// What a server says.
enum Reply {
    Verdict(Verdict),
    /// It does not understand: perhaps EDNS.
    NotUnderstood,
    /// It cannot, or does not want to.
    Failure,
    /// The answer does not fit.
    Truncated,
}

impl<'a> Resolver<'a> {
    /// Shows `visit` the records of an absolute name, which is then the last of its aliases.
    pub(super) async fn resolve(
        &self,
        name: &mut Name,
        kind: RecordType,
        visit: Visit<'_>,
    ) -> Result<(), DnsError> {
        #[cfg(feature = "mdns")]
        if let Some(mdns) = self.mdns.get() {
            match mdns.ask_local(name.view(), kind, visit).await {
                Err(MdnsError::NotLocal) => {}
                answer => return answer.map_err(DnsError::from),
            }
        }
        let mut aliases = MAX_ALIASES;
        loop {
            let now = self.stack.now();
            let known = self.with(|state| state.known(now, name, kind, &mut aliases, visit));
            let verdict = match known {
                Some(verdict) => verdict,
                None => self.ask(name, kind, &mut aliases, visit).await?,
            };
            match verdict {
                Verdict::Answered => return Ok(()),
                Verdict::NoData => return Err(DnsError::NoData),
                Verdict::NotFound => return Err(DnsError::NotFound),
                Verdict::Loop => return Err(DnsError::AliasLoop),
                Verdict::Cut => return Err(DnsError::TooLong),
                Verdict::Referral => return Err(DnsError::ServerFailure),
                Verdict::Alias => {}
            }
        }
    }

    /// Asks the servers in turn, in rounds of which each waits twice as long as the one before. A
    /// server that has failed is not asked again.
    async fn ask(
        &self,
        name: &mut Name,
        kind: RecordType,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Result<Verdict, DnsError> {
        #[cfg(names)]
        self.hear_names();
        let (count, first) = self.with(|state| (state.servers.len(), state.preferred));
        let mut failed = 0u32;
        let mut error = DnsError::NoServers;
        let mut patience = Duration::from_millis(config::DNS_TIMEOUT as u64);
        for _ in 0..config::DNS_ROUNDS {
            for turn in 0..count {
                let place = (first + turn).checked_rem(count).unwrap_or(0);
                let bit = 1u32.wrapping_shl(place as u32);
                let server = self.with(|state| state.servers.get(place));
                let Some(server) = server.filter(|_| failed & bit == 0) else {
                    continue;
                };
                let deadline = self.stack.now() + patience;
                let work = pin!(self.ask_server((place, server), name, kind, aliases, visit));
                match before(self.stack, deadline, work).await {
                    Some(Ok(verdict)) => {
                        self.with(|state| state.preferred = place);
                        return Ok(verdict);
                    }
                    Some(Err(DnsError::NoSocket)) => return Err(DnsError::NoSocket),
                    Some(Err(failure)) => {
                        error = error.max(failure);
                        failed |= bit;
                    }
                    None => {
                        self.count(|counters| &mut counters.timeouts);
                        error = error.max(DnsError::Timeout);
                    }
                }
            }
            patience = patience.times(2);
        }
        Err(error)
    }

    /// Asks one server, without EDNS if it does not understand that, by TCP if the answer is too
    /// long for UDP.
    async fn ask_server(
        &self,
        (place, server): (usize, Server),
        name: &mut Name,
        kind: RecordType,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Result<Verdict, DnsError> {
        let mut with_edns = !server.without_edns;
        loop {
            let mut query = self.new_query(name, kind, with_edns);
            let mut reply = self.by_udp(&server, &query, name, aliases, visit).await?;
            if matches!(reply, Reply::Truncated) {
                query = self.new_query(name, kind, with_edns);
                reply = self.by_tcp(&server, &query, name, aliases, visit).await?;
            }
            match reply {
                Reply::Verdict(Verdict::Cut) | Reply::Truncated => return Err(DnsError::TooLong),
                Reply::Verdict(Verdict::Referral) => return Err(DnsError::ServerFailure),
                Reply::Verdict(verdict) => return Ok(verdict),
                // RFC 6891 §7: who sends FORMERR may know no OPT record.
                Reply::NotUnderstood if with_edns => {
                    with_edns = false;
                    self.with(|state| state.servers.refuses_edns(place));
                }
                Reply::NotUnderstood | Reply::Failure => return Err(DnsError::ServerFailure),
            }
        }
    }

    fn new_query(&self, name: &mut Name, kind: RecordType, with_edns: bool) -> Query {
        if self.with(|state| state.randomizes_case) {
            let (mut bits, mut left) = (0, 0u32);
            name.set_case(|| {
                if left == 0 {
                    (bits, left) = (self.random(), 32);
                }
                left -= 1;
                bits >> left & 1 != 0
            });
        }
        Query {
            id: self.random() as u16,
            kind,
            with_edns,
        }
    }

    pub(super) fn random(&self) -> u32 {
        self.stack.with(|core| core.rng.next_u32())
    }

    fn count(&self, counter: impl FnOnce(&mut super::DnsCounters) -> &mut u32) {
        self.with(|state| {
            let counter = counter(&mut state.counters);
            *counter = counter.wrapping_add(1);
        });
    }

    async fn by_udp(
        &self,
        server: &Server,
        query: &Query,
        name: &mut Name,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Result<Reply, DnsError> {
        let socket = self.open(server)?;
        loop {
            match send_query(&socket, query, name) {
                Ok(()) => break,
                Err(SendError::QueueFull | SendError::NoBuffer | SendError::NeighborQueueFull) => {
                    self.stack.sleep(RETRY).await
                }
                Err(_) => return Err(DnsError::Unreachable),
            }
        }
        self.count(|counters| &mut counters.queries);
        loop {
            let readable = socket.readable().await;
            readable.map_err(|_| DnsError::Unreachable)?;
            if let Some(reply) = self.receive(&socket, query, name, aliases, visit) {
                return Ok(reply);
            }
        }
    }

    /// A socket that receives nothing but what this server sends to the address that it is asked
    /// from (RFC 5452 §9.1).
    fn open(&self, server: &Server) -> Result<UdpSocket<'a>, DnsError> {
        let path = self
            .stack
            .with(|core| core.path(server.address, None, server.interface));
        let source = path.ok_or(DnsError::Unreachable)?.source;
        let mut bind = UdpBind::new(SocketAddr::new(IpAddr::from(source), 0));
        if let Some(id) = server.interface {
            bind = bind.interface(id);
        }
        let socket = UdpSocket::bind(self.stack, bind).map_err(|_| DnsError::NoSocket)?;
        let connected = socket.connect(server.socket_addr());
        connected.map_err(|_| DnsError::Unreachable)?;
        Ok(socket)
    }

    /// Takes what has been received. `None`: that was nothing of use.
    #[inline(never)]
    fn receive(
        &self,
        socket: &UdpSocket<'_>,
        query: &Query,
        name: &mut Name,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Option<Reply> {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::DNS_MESSAGE];
        while let Some((length, info)) = socket.try_recv_from(&mut bytes) {
            let message = bytes.get(..length)?;
            let reply = match info.length > length {
                // Longer than we have said that we take.
                true => self
                    .checked(message, true, query, name)
                    .map(|_| Reply::Truncated),
                false => self.read(message, false, query, name, aliases, visit),
            };
            if reply.is_some() {
                return reply;
            }
        }
        None
    }

    /// What a message means that came for a query; `None` if it is not the answer to it.
    fn read(
        &self,
        bytes: &[u8],
        is_cut: bool,
        query: &Query,
        name: &mut Name,
        aliases: &mut u8,
        visit: Visit<'_>,
    ) -> Option<Reply> {
        let message = self.checked(bytes, is_cut, query, name)?;
        if message.flags().contains(Flags::TRUNCATED) {
            // "ignore that response, and query again" (RFC 2181 §9).
            self.count(|counters| &mut counters.truncated);
            return Some(Reply::Truncated);
        }
        let reply = match full_rcode(&message) {
            Rcode::NO_ERROR | Rcode::NAME_ERROR => {
                self.count(|counters| &mut counters.answers);
                let now = self.stack.now();
                let message = (&message, is_cut);
                Reply::Verdict(
                    self.with(|state| state.read(now, message, name, query.kind, aliases, visit)),
                )
            }
            other => {
                self.count(|counters| &mut counters.failures);
                match other {
                    Rcode::FORMAT_ERROR | Rcode::NOT_IMPLEMENTED | Rcode::BAD_VERSION => {
                        Reply::NotUnderstood
                    }
                    _ => Reply::Failure,
                }
            }
        };
        Some(reply)
    }

    /// The message, if it is the response to a query; else it is counted.
    fn checked<'m>(
        &self,
        bytes: &'m [u8],
        is_cut: bool,
        query: &Query,
        name: &Name,
    ) -> Option<Message<'m>> {
        let checked = self.check(bytes, is_cut, query, name);
        checked.map_err(|counter| self.count(counter)).ok()
    }

    /// Whether a message is the response to a query (RFC 5452 §9.1), or what it counts as.
    fn check<'m>(
        &self,
        bytes: &'m [u8],
        is_cut: bool,
        query: &Query,
        name: &Name,
    ) -> Result<Message<'m>, fn(&mut super::DnsCounters) -> &mut u32> {
        let message = Message::new(bytes).map_err(|_| MALFORMED)?;
        let is_response = message.flags().contains(Flags::RESPONSE) && message.opcode() == 0;
        if message.id() != query.id || !is_response {
            return Err(|counters| &mut counters.wrong_id);
        }
        let is_exact = self.with(|state| state.randomizes_case);
        let mut questions = message.questions();
        let is_ours = match (message.question_count(), questions.next()) {
            (1, Some(Ok(question))) => {
                question.kind == query.kind
                    && (question.class, question.unicast) == (CLASS_IN, false)
                    && question.name == name.view()
                    && (!is_exact || question.name.is_exactly(name.view()))
            }
            (1, _) => return Err(MALFORMED),
            // Who does not understand the query may not be able to repeat it.
            (0, _) => matches!(
                message.rcode(),
                Rcode::FORMAT_ERROR | Rcode::NOT_IMPLEMENTED
            ),
            _ => false,
        };
        if !is_ours {
            return Err(|counters| &mut counters.wrong_question);
        }
        let may_end_early = is_cut || message.flags().contains(Flags::TRUNCATED);
        if !may_end_early && message.check().is_err() {
            return Err(MALFORMED);
        }
        Ok(message)
    }
}

#[cfg(feature = "mdns")]
impl From<MdnsError> for DnsError {
    fn from(error: MdnsError) -> Self {
        match error {
            MdnsError::NameInvalid | MdnsError::NotLocal => Self::NameInvalid,
            MdnsError::NotFound => Self::NotFound,
            MdnsError::NoData => Self::NoData,
            MdnsError::TooLong => Self::TooLong,
            MdnsError::TooManyQuestions => Self::Unreachable,
        }
    }
}

const MALFORMED: fn(&mut super::DnsCounters) -> &mut u32 = |counters| &mut counters.malformed;

/// The response code with the bits of an OPT record (RFC 6891 §6.1.3).
fn full_rcode(message: &Message<'_>) -> Rcode {
    let mut additional = message.section(Section::Additional);
    let edns = additional.find(|record| record.kind == RecordType::OPT);
    let upper = edns.map_or(0, |record| u16::from(record.edns().extended_rcode));
    Rcode(upper << 4 | message.rcode().0)
}

/// Writes a query into `bytes`.
fn write_query<'b>(
    bytes: &'b mut [u8],
    query: &Query,
    name: &Name,
) -> Result<&'b [u8], WriteError> {
    let mut writer = MessageWriter::new(bytes, query.id, Flags::RECURSION_DESIRED)?;
    writer.question(name.view(), query.kind, CLASS_IN, false)?;
    if query.with_edns {
        let edns = Edns {
            payload: config::DNS_MESSAGE as u16,
            extended_rcode: 0,
            version: 0,
            dnssec_ok: false,
        };
        writer.edns(edns, Options::NONE)?;
    }
    Ok(writer.finish())
}

#[inline(never)]
fn send_query(socket: &UdpSocket<'_>, query: &Query, name: &Name) -> Result<(), SendError> {
    let mut bytes = [0; QUERY_LENGTH];
    // It fits.
    let query = write_query(&mut bytes, query, name).unwrap_or(&[]);
    socket.try_send_to(query, None)
}

#[cfg(feature = "tcp")]
mod tcp {
    //! What is too long for UDP.

    use super::*;
    use crate::netbuf::{NetBuf, NoBuffer, Pool};
    use crate::proto::dns::stream::{StreamError, copy_message, message_buf, read_message};
    use crate::socket::TcpSocket;

    impl Resolver<'_> {
        pub(super) async fn by_tcp(
            &self,
            server: &Server,
            query: &Query,
            name: &mut Name,
            aliases: &mut u8,
            visit: Visit<'_>,
        ) -> Result<Reply, DnsError> {
            let connected = TcpSocket::connect(self.stack, server.socket_addr()).await;
            let mut socket = connected.map_err(|_| DnsError::Unreachable)?;
            let request = loop {
                match query_buf(self.stack.pool(), query, name) {
                    Ok(buf) => break buf,
                    Err(NoBuffer) => self.stack.sleep(RETRY).await,
                }
            };
            let sent = socket.send(request).await;
            sent.map_err(|_| DnsError::Unreachable)?;
            self.count(|counters| &mut counters.tcp_queries);
            let message = read_message(&mut socket, config::DNS_MESSAGE).await;
            let message = message.map_err(|error| match error {
                StreamError::Broken(_) => DnsError::Unreachable,
                StreamError::Ended => DnsError::ServerFailure,
                StreamError::TooLong => DnsError::TooLong,
            })?;
            let reply = self.read_buf(&message, query, name, aliases, visit);
            reply.ok_or(DnsError::ServerFailure)
        }

        #[inline(never)]
        fn read_buf(
            &self,
            buf: &NetBuf,
            query: &Query,
            name: &mut Name,
            aliases: &mut u8,
            visit: Visit<'_>,
        ) -> Option<Reply> {
            let mut bytes = [0; config::DNS_MESSAGE];
            let (length, is_cut) = copy_message(buf, &mut bytes)?;
            self.read(bytes.get(..length)?, is_cut, query, name, aliases, visit)
        }
    }

    fn query_buf(pool: Pool, query: &Query, name: &Name) -> Result<NetBuf, NoBuffer> {
        let mut bytes = [0; QUERY_LENGTH];
        message_buf(pool, write_query(&mut bytes, query, name).unwrap_or(&[]))
    }
}

#[cfg(not(feature = "tcp"))]
impl Resolver<'_> {
    /// Without TCP an answer that is too long for UDP cannot be had.
    async fn by_tcp(
        &self,
        _: &Server,
        _: &Query,
        _: &mut Name,
        _: &mut u8,
        _: Visit<'_>,
    ) -> Result<Reply, DnsError> {
        Err(DnsError::TooLong)
    }
}
