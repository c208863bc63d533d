//! Queries to one host, and those that come so: by TCP, with a TTL that does not leave the link
//! (§2.4, §2.5).

use core::convert::Infallible;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;

use super::answer::{self, is_among, question};
use super::handle::Llmnr;
use super::sender::{Ask, Found, QUERY_LENGTH, write_query};
use super::{CONFLICT, LINKS, PORT, TCP_HOP_LIMIT, TCP_TIMEOUT, TENTATIVE, addresses_of};
use crate::config;
use crate::netbuf::{NetBuf, NoBuffer};
use crate::proto::deadline::before;
use crate::proto::dns::stream::{copy_message, message_buf, read_message};
use crate::proto::dns::{Flags, Message, Name, Rcode};
use crate::socket::{TcpListener, TcpSocket};
use crate::stack::InterfaceId;

/// Connections that may wait.
const BACKLOG: u16 = 1;

impl Llmnr<'_> {
    /// Answers queries by TCP, one connection after the other.
    pub(super) async fn serve_connections(&self) -> Infallible {
        let any = match cfg!(feature = "ipv6") {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let listener = TcpListener::bind(self.stack, SocketAddr::new(any, PORT), BACKLOG);
        let Ok(mut listener) = listener else {
            debug!("LLMNR: no listener is free");
            return core::future::pending().await;
        };
        // "so that SYN-ACK packets will have TTL (IPv4) or Hop Limit (IPv6) set to one" (§2.5).
        listener.set_hop_limit(TCP_HOP_LIMIT);
        loop {
            let socket = listener.accept().await;
            let deadline = self.stack.now() + TCP_TIMEOUT;
            let work = pin!(self.serve(socket));
            let _: Option<()> = before(self.stack, deadline, work).await;
        }
    }

    async fn serve(&self, mut socket: TcpSocket<'_>) {
        let Ok(query) = read_message(&mut socket, config::LLMNR_MESSAGE).await else {
            return;
        };
        let Some(response) = self.answer_stream(&socket, &query) else {
            return;
        };
        drop(query);
        let is_sent = socket.send(response).await.is_ok();
        self.sent(is_sent);
    }

    /// The response to a query that came by a connection, if there is to be one.
    #[inline(never)]
    fn answer_stream(&self, socket: &TcpSocket<'_>, query: &NetBuf) -> Option<NetBuf> {
        let mut bytes = [0; config::LLMNR_MESSAGE];
        let (length, _) = copy_message(query, &mut bytes)?;
        let message = bytes
            .get(..length)
            .and_then(|bytes| Message::new(bytes).ok());
        let message = message.filter(|message| {
            let flags = message.flags();
            // Those with C are sent to all (§2.7).
            !flags.intersects(Flags::RESPONSE | CONFLICT)
        });
        let asked = message.and_then(|message| Some((message, question(&message)?)));
        let Some((message, question)) = asked else {
            self.count(|counters| &mut counters.malformed);
            return None;
        };
        let (local, source) = (socket.local_addr()?.ip(), socket.peer_addr()?.ip());
        let id = self.interface_of(local)?;
        let records = self.records(id);
        let answered = records.asked(&question).zip(self.flags(id));
        let Some((asked, flags)) = answered else {
            self.count(|counters| &mut counters.ignored);
            return None;
        };
        self.count(|counters| &mut counters.queries);
        let mut bytes = [0; answer::LENGTH];
        let parts = (&message, &question);
        let response = records.answer(&mut bytes, parts, (asked, flags), (source, true));
        message_buf(self.stack.pool(), response).ok()
    }

    /// The interface that has an address.
    fn interface_of(&self, address: IpAddr) -> Option<InterfaceId> {
        self.stack.visit(|core| {
            let mut ids = 0..LINKS as InterfaceId;
            ids.find(|id| is_among(&addresses_of(core, *id), address))
        })
    }

    /// Asks one host; says whether it has answered.
    pub(super) async fn ask_host(
        &self,
        host: SocketAddr,
        asked: (&Name, &Ask, InterfaceId),
        found: &mut Found,
    ) -> bool {
        let deadline = self.stack.now() + TCP_TIMEOUT;
        let work = pin!(self.exchange(host, asked, found));
        before(self.stack, deadline, work).await.flatten().is_some()
    }

    async fn exchange(
        &self,
        host: SocketAddr,
        (name, ask, id): (&Name, &Ask, InterfaceId),
        found: &mut Found,
    ) -> Option<()> {
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let socket = TcpSocket::begin_with(self.stack, any, host, TCP_HOP_LIMIT);
        let mut socket = socket.ok()?;
        socket.established().await.ok()?;
        let query = self.query_buf(name, ask).ok()?;
        socket.send(query).await.ok()?;
        self.sent(true);
        let response = read_message(&mut socket, config::LLMNR_MESSAGE)
            .await
            .ok()?;
        self.read_stream(&response, (name, ask, id), found)
    }

    #[inline(never)]
    fn query_buf(&self, name: &Name, ask: &Ask) -> Result<NetBuf, NoBuffer> {
        let mut bytes = [0; QUERY_LENGTH];
        message_buf(
            self.stack.pool(),
            write_query(&mut bytes, name, ask).unwrap_or(&[]),
        )
    }

    #[inline(never)]
    fn read_stream(
        &self,
        response: &NetBuf,
        (name, ask, id): (&Name, &Ask, InterfaceId),
        found: &mut Found,
    ) -> Option<()> {
        let mut bytes = [0; config::LLMNR_MESSAGE];
        let (length, _) = copy_message(response, &mut bytes)?;
        let message = bytes
            .get(..length)
            .and_then(|bytes| Message::new(bytes).ok());
        let message = message.filter(|message| {
            ask.is_response(message, name)
                && message.rcode() == Rcode::NO_ERROR
                && !message.flags().contains(TENTATIVE)
        });
        let Some(message) = message else {
            self.count(|counters| &mut counters.stray);
            return None;
        };
        self.count(|counters| &mut counters.responses);
        found.take(&message, (name, ask.kind), id);
        Some(())
    }
}
