//! TCP on its way in and out: which connection a segment is for, and what the machines of `tcp` want
//! sent. [`handshake`] has what comes for no connection, [`open`] what applications ask for.

mod handshake;
mod open;

pub use open::TcpOpenError;

use super::core::{Core, InterfaceId};
use super::receive::Delivery;
use super::recent::Ends;
use super::route::Path;
use super::transmit::{HEADROOM, Outgoing as Ip};
use super::waiters::WaitKey;
use crate::checksum::Sum;
#[cfg(feature = "statistics")]
use crate::iface::statistics::count;
use crate::iface::{Destination, ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::link::Offload;
use crate::netbuf::meta::Flags as MetaFlags;
use crate::netbuf::{NetBuf, Purpose, Straddle};
#[cfg(feature = "flow-labels")]
use crate::tcp::connection::flow_label;
use crate::tcp::connection::{Connection, Flags, Timers, Tuple};
use crate::tcp::ecn;
use crate::tcp::half_open::WayBack;
use crate::tcp::segment::{Answer, Outgoing, Room, Segment, Turn};
use crate::tcp::sequence::Seq;
use crate::tcp::table::NONE;
use crate::tcp::{TcpError, TcpState};
use crate::time::Duration;
use crate::wire::protocol;
use crate::wire::tcp::{HEADER_LENGTH, TcpFlags, TcpHeader, TcpHeaderMut};
use crate::wire::tcp_options::TcpOptionSpace;

/// What the IP header in front of a segment says of ECN (RFC 3168 §5, RFC 8200 §3).
fn codepoint(buf: &NetBuf) -> u8 {
    let mut octets = [0; 2];
    let _: usize = buf.read(buf.meta().network.into(), &mut octets);
    match octets {
        [version, class] if version >> 4 == 4 => class & 3,
        [_, class] => class >> 4 & 3,
    }
}

/// Segments that one connection may send in one turn.
const BURST: usize = 64;

/// After how long a connection tries again that has found no header block or view for its data.
const STARVED_RETRY: Duration = Duration::from_millis(1);

impl Core<'_> {
    /// A segment has come in.
    pub(super) fn receive_tcp(
        &mut self,
        delivery: &Delivery,
        mut buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let Delivery { start, length, .. } = *delivery;
        // Never from or to more than one host (RFC 9293 §3.9.2.3).
        if delivery.kind != Destination::Unicast
            || buf.meta().flags.intersects(MetaFlags::LINK_MULTICAST)
            || delivery.source.is_unspecified()
        {
            return Err(ReceiveDrop::TcpNotUnicast);
        }
        let mut straddle = Straddle::new();
        let bytes = buf.header::<HEADER_LENGTH>(start, &mut straddle);
        let header = TcpHeader::new(bytes.ok_or(ReceiveDrop::TcpHeader)?);
        let header = header.map_err(|_| ReceiveDrop::TcpHeader)?;
        let header_length = header.header_length();
        if header_length > length {
            return Err(ReceiveDrop::TcpHeader);
        }
        let offloaded = delivery.offload.contains(Offload::RECEIVE_TCP);
        let meta = buf.meta();
        let is_verified = offloaded && !meta.is_reassembled()
            || meta
                .flags
                .intersects(MetaFlags::LOOPED_BACK.union(MetaFlags::TRANSPORT_SUM_VERIFIED));
        if !is_verified {
            let (source, destination) = (delivery.source, delivery.destination);
            let pseudo = super::transmit::pseudo_header(source, destination, protocol::TCP, length);
            if !pseudo.plus(buf.sum(start..start + length)).is_valid() {
                return Err(ReceiveDrop::TcpChecksum);
            }
        }
        let options = TcpOptionSpace::read(&buf, start + HEADER_LENGTH, header.options_length())
            .map_err(|_| ReceiveDrop::TcpHeader)?;
        let segment = Segment {
            seq: Seq(header.sequence()),
            ack: Seq(header.acknowledgment()),
            flags: header.flags(),
            window: header.window(),
            options: options.parse(),
            length: (length - header_length) as u32,
            congestion: ecn::ON && codepoint(&buf) == ecn::CE,
        };
        let tuple = Tuple {
            local: delivery.destination,
            local_port: header.destination_port(),
            remote: delivery.source,
            remote_port: header.source_port(),
        };
        let mut meta = buf.meta();
        meta.payload = (start + header_length) as u16;
        // From here on the TCP header is what tells about the data.
        meta.network = u8::try_from(start).map_err(|_| ReceiveDrop::TcpHeader)?;
        buf.set_meta(meta);
        buf.truncate(start + length);
        match self.tcp.find(&tuple) {
            Some(index) => self.tcp_arrives(index, &segment, buf),
            None => self.tcp_arrives_elsewhere(&tuple, &segment, buf),
        }
    }

    pub(super) fn tcp_arrives(
        &mut self,
        index: u16,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let room = self.tcp_room();
        let mut turn = Turn {
            now: self.now,
            room,
            index,
            boards: &mut self.scoreboards,
        };
        let Some(connection) = self.tcp.get_mut(index) else {
            return Ok(());
        };
        let arrived = connection.segment_arrives(&mut turn, segment, buf);
        match arrived.answer {
            Answer::None => {}
            Answer::Challenge => self.tcp_challenge(index),
            Answer::Reset(seq) => {
                if let Some(tuple) = self.tcp.get(index).map(Connection::tuple) {
                    self.tcp_reset(&tuple, seq, None, None);
                }
            }
        }
        self.tcp_settle(index);
        if arrived.dropped {
            Err(ReceiveDrop::TcpQuota)
        } else {
            Ok(())
        }
    }

    /// A suspicious or old segment is answered with an acknowledgement, within a rate (RFC 5961 §7).
    pub(super) fn tcp_challenge(&mut self, index: u16) {
        if !self.challenge_limit.allow(self.now, &mut self.rng) {
            return;
        }
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.challenges);
        let room = self.tcp_room();
        let turn = Turn {
            now: self.now,
            room,
            index,
            boards: &mut self.scoreboards,
        };
        let outgoing = self
            .tcp
            .get_mut(index)
            .and_then(|c| c.acknowledgment(&turn));
        if let Some(outgoing) = outgoing {
            let _: bool = self.tcp_emit(index, outgoing);
        }
    }

    /// What the pool could hold. A quarter of it is for connections that hold nothing.
    pub(super) fn tcp_room(&self) -> Room {
        // Of data in a full segment of an Ethernet, headers and timestamps off; and all of its frame
        // in the pool.
        const DATA: usize = 1428;
        const FRAME: usize = 1516;
        let blocks = FRAME.div_ceil(self.pool.block_size().max(1));
        let block = DATA.checked_div(blocks).unwrap_or(DATA) as u32;
        let (left, held) = self.pool.held_left_of();
        Room {
            left: u32::from(left).saturating_mul(block),
            reserve: u32::from(held / 4).saturating_mul(block),
            block,
        }
    }

    /// After anything has happened to a connection: sends what is to be sent, sets the timer,
    /// wakes who waits, and lets it go if it is over.
    pub(crate) fn tcp_settle(&mut self, index: u16) {
        self.tcp_flush(index);
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        connection.arm_probe(self.now, self.scoreboards.get(index));
        if connection.is_time_wait() {
            self.time_wait.enter(connection, self.now);
            connection.state = TcpState::Closed;
            connection.timers = Timers::NONE;
        }
        let (state, orphan) = (connection.state, connection.flags.contains(Flags::ORPHAN));
        if state == TcpState::Closed {
            #[cfg(feature = "statistics")]
            self.statistics.tcp.ended(connection);
            self.scoreboards.take_back(index);
        }
        let mut deadline = connection.deadline(self.now);
        if connection.flags.contains(Flags::STARVED) && state != TcpState::Closed {
            let again = self.now + STARVED_RETRY;
            deadline = Some(deadline.map_or(again, |deadline| deadline.min(again)));
        }
        connection.flags -= Flags::STARVED;
        let listener = connection.listener;
        if state == TcpState::Closed && orphan {
            if connection.flags.contains(Flags::UNACCEPTED)
                && let Some(listener) = self.listeners.get_mut(listener)
            {
                self.tcp.leave(&mut listener.queue, index);
            }
            drop(self.tcp.remove(index));
            self.tcp_timers.clear(super::timers::Owner(index));
            self.tcp_admit();
        } else {
            match deadline {
                Some(deadline) => self.tcp_timers.set(super::timers::Owner(index), deadline),
                None => self.tcp_timers.clear(super::timers::Owner(index)),
            }
        }
        self.arm_tcp();
        self.waiters.wake(WaitKey::tcp(index));
    }

    /// After received data were taken, or the blocks that they were in given back: that changes
    /// nothing but the window.
    pub(crate) fn tcp_taken(&mut self, index: u16) {
        let room = self.tcp_room();
        let connection = self.tcp.get(index);
        if connection.is_some_and(|connection| connection.opens_window(room)) {
            self.tcp_settle(index);
        }
    }

    /// Lets the core's timer follow the earliest of the connections' and handshakes'.
    pub(super) fn arm_tcp(&mut self) {
        let deadlines = [self.tcp_timers.next(), self.half_open.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        self.set_timer(super::timers::TCP, deadline);
    }

    /// Does what is due for connections and handshakes.
    pub(super) fn poll_tcp(&mut self) {
        let now = self.now;
        while let Some(owner) = self.tcp_timers.expired(now) {
            let room = self.tcp_room();
            let index = owner.0;
            let mut turn = Turn {
                now,
                room,
                index,
                boards: &mut self.scoreboards,
            };
            let outgoing = self.tcp.get_mut(index).and_then(|c| c.timer(&mut turn));
            if let Some(outgoing) = outgoing {
                let _: bool = self.tcp_emit(owner.0, outgoing);
            }
            self.tcp_settle(owner.0);
        }
        while let Some(entry) = self.half_open.expired(now) {
            #[cfg(feature = "statistics")]
            count(&mut self.statistics.tcp.retransmitted);
            self.tcp_syn_ack(&entry);
        }
        self.arm_tcp();
    }

    /// Sends for the connections that waited for room.
    pub(super) fn flush_ready(&mut self) {
        let mut index = self.tcp.take_ready();
        while index != NONE {
            let next = self.tcp.next_ready(index);
            self.tcp_settle(index);
            index = next;
        }
    }

    /// Sends what a connection wants to send, as long as the port takes it.
    pub(super) fn tcp_flush(&mut self, index: u16) {
        for _ in 0..BURST {
            let Some(connection) = self.tcp.get(index) else {
                return;
            };
            let (destination, local, class) =
                (connection.remote, connection.local, connection.class);
            let Some(path) = self.tcp_path(index, (destination, local)) else {
                return;
            };
            self.tcp_fit(index, &path);
            let has_room = path.is_local
                || self
                    .interface(path.interface)
                    .is_none_or(|i| i.port.want_room(class));
            if !has_room {
                self.tcp.make_ready(index);
                return;
            }
            let has_headers = self.pool.has(Purpose::Header);
            let room = self.tcp_room();
            let mut turn = Turn {
                now: self.now,
                room,
                index,
                boards: &mut self.scoreboards,
            };
            let outgoing = self.tcp.get_mut(index).and_then(|c| match has_headers {
                true => c.next_outgoing(&mut turn),
                false => c.next_control(&turn),
            });
            let Some(outgoing) = outgoing else { return };
            if !self.tcp_emit(index, outgoing) {
                let now = self.now;
                if let Some(connection) = self.tcp.get_mut(index) {
                    connection.not_sent(now);
                }
                return;
            }
        }
        // Others have their turn.
        self.tcp.make_ready(index);
        self.has_more = true;
        self.wake_runner = true;
    }

    /// Lets a connection make segments that pass on the way to its peer: the way may have become
    /// narrower for others (RFC 8201 §5.2), or the first link, or wider again.
    #[inline]
    fn tcp_fit(&mut self, index: u16, path: &Path) {
        let (Some(connection), Some(interface)) =
            (self.tcp.get(index), self.interface(path.interface))
        else {
            return;
        };
        let headers = super::transmit::ip_header_length(connection.remote) + HEADER_LENGTH;
        // What is offered in a SYN is what the first link takes (RFC 1191 §3.1).
        let is_sure = connection.segment_length() + headers <= self.sure_mtu(interface);
        #[cfg(feature = "path-mtu")]
        let is_sure = is_sure && !connection.flags.contains(Flags::PATH_MTU);
        if is_sure || path.is_local || !connection.state.is_synchronized() {
            return;
        }
        let most = self.path_mtu(path, connection.remote);
        #[cfg(feature = "path-mtu")]
        let is_learnt = most < interface.mtu();
        if let Some(connection) = self.tcp.get_mut(index) {
            let most = most.saturating_sub(headers);
            let is_less = connection.path_mtu(most);
            #[cfg(feature = "path-mtu")]
            if !is_less {
                connection.path_grew(most, is_learnt);
            }
            let _: bool = is_less;
        }
    }

    /// Sends one segment of a connection.
    pub(super) fn tcp_emit(&mut self, index: u16, mut outgoing: Outgoing) -> bool {
        let Some(connection) = self.tcp.get_mut(index) else {
            return false;
        };
        #[cfg(feature = "statistics")]
        self.statistics.tcp.emitted(connection, &outgoing);
        let tuple = connection.tuple();
        let ip = Ip {
            hop_limit: connection.hop_limit,
            traffic_class: connection.traffic_class | connection.take_codepoint(),
            class: connection.class,
            #[cfg(feature = "flow-labels")]
            flow_label: connection.flow_label(),
            ..Ip::new(protocol::TCP)
        };
        if outgoing.flags.contains(TcpFlags::SYN) {
            // What we take: where SYNs have crossed the connection knows what the peer does.
            outgoing.options = outgoing.options.with_mss(self.tcp_mss(&tuple));
        }
        match self.tcp_path(index, (tuple.remote, tuple.local)) {
            Some(path) => self.tcp_send_along(&path, &tuple, ip, outgoing, None),
            None => false,
        }
    }

    /// The way that the segments of a connection go between these ends.
    #[inline]
    fn tcp_path(&mut self, index: u16, ends: Ends) -> Option<Path> {
        match self.recent_tcp_paths.get(index, self.now, &ends) {
            Some(path) => Some(*path),
            None => self.find_tcp_path(index, ends),
        }
    }

    #[inline(never)]
    fn find_tcp_path(&mut self, index: u16, ends: Ends) -> Option<Path> {
        let (remote, local) = ends;
        let path = self.path(remote, Some(local), None)?;
        self.recent_tcp_paths.set(index, self.now, ends, path);
        Some(path)
    }

    /// Puts the headers in front of a segment and sends it.
    pub(super) fn tcp_send(&mut self, tuple: &Tuple, ip: Ip, outgoing: Outgoing) -> bool {
        self.tcp_answer(tuple, ip, outgoing, None)
    }

    /// As [`Core::tcp_send`]; with `back`, to there, if the neighbour cache knows no other way.
    pub(super) fn tcp_answer(
        &mut self,
        tuple: &Tuple,
        ip: Ip,
        outgoing: Outgoing,
        back: Option<WayBack>,
    ) -> bool {
        let path = self.path(tuple.remote, Some(tuple.local), None);
        // A stranger may have the broadcast address of another link.
        let path = path.filter(|path| back.is_none() || self.leads_to_one(path, tuple.remote));
        match path {
            Some(path) => self.tcp_send_along(&path, tuple, ip, outgoing, back),
            None => false,
        }
    }

    fn tcp_send_along(
        &mut self,
        path: &Path,
        tuple: &Tuple,
        ip: Ip,
        outgoing: Outgoing,
        back: Option<WayBack>,
    ) -> bool {
        // Segments of no connection have the label that the connection would have.
        #[cfg(feature = "flow-labels")]
        let ip = match ip.flow_label {
            0 => Ip {
                flow_label: flow_label(self.isn.timestamp_offset(&tuple.addresses())),
                ..ip
            },
            _ => ip,
        };
        let Outgoing {
            seq,
            ack,
            flags,
            window,
            options,
            data,
        } = outgoing;
        let mut buf = match data {
            Some(data) => data,
            None => match self
                .pool
                .alloc(Purpose::Control, HEADROOM + HEADER_LENGTH + 40)
            {
                Ok(buf) => buf,
                Err(_) => {
                    self.not_sent(path.interface, SendDrop::NoBuffer);
                    return false;
                }
            },
        };
        let offload = !path.is_local
            && self.interface(path.interface).is_some_and(|interface| {
                interface.capabilities.offload.contains(Offload::SEND_TCP)
            });
        let data_sum = if offload {
            Sum::ZERO
        } else {
            buf.sum(0..buf.len())
        };
        let length = buf.len() + HEADER_LENGTH + options.len();
        let headers = match buf.prepend(HEADER_LENGTH + options.len()) {
            Ok(headers) => headers,
            Err(_) => {
                self.not_sent(path.interface, SendDrop::NoBuffer);
                return false;
            }
        };
        if let Some((header, rest)) = headers.split_first_chunk_mut::<HEADER_LENGTH>() {
            for (to, from) in rest.iter_mut().zip(options.as_bytes()) {
                *to = *from;
            }
            let (local, remote) = (tuple.local_port, tuple.remote_port);
            let header = TcpHeaderMut::write(header, local, remote, seq.0, ack.0, flags, window)
                .options_length(options.len());
            if !offload {
                let pseudo = super::transmit::pseudo_header(
                    tuple.local,
                    tuple.remote,
                    protocol::TCP,
                    length,
                );
                header.fill_checksum(pseudo, options.sum().plus(data_sum));
            }
        }
        #[cfg(not(neighbors))]
        let back = back.filter(|_| false);
        #[cfg(neighbors)]
        let back = back.filter(|back| {
            let interface = self.interface(path.interface);
            back.interface == path.interface
                && !path.is_local
                && interface
                    .is_some_and(|i| i.is_up() && i.neighbors.link_addr(path.next_hop).is_none())
        });
        let result = match back {
            Some(back) => self.send_ip_back(path, tuple.remote, ip, back.link, buf),
            None => self.send_ip(path, tuple.remote, ip, buf),
        };
        let sent = result.is_ok();
        self.send_or_count(path.interface, result);
        sent
    }

    /// A reset; with `ack`, it acknowledges that much (RFC 9293 §3.5.2).
    pub(super) fn tcp_reset(
        &mut self,
        tuple: &Tuple,
        seq: Seq,
        ack: Option<Seq>,
        back: Option<WayBack>,
    ) {
        if !self.reset_limit.allow(self.now, &mut self.rng) {
            return;
        }
        let outgoing = Outgoing {
            seq,
            ack: ack.unwrap_or(Seq(0)),
            flags: match ack {
                Some(_) => TcpFlags::RST | TcpFlags::ACK,
                None => TcpFlags::RST,
            },
            window: 0,
            options: TcpOptionSpace::NONE,
            data: None,
        };
        let _: bool = self.tcp_answer(tuple, Ip::new(protocol::TCP), outgoing, back);
    }

    /// An ICMP error, or a neighbour that does not answer, concerns a segment that we have sent
    /// (RFC 5927 §4.1: the sequence number must be on its way). False if it is none of ours.
    pub(super) fn tcp_failed(
        &mut self,
        id: InterfaceId,
        tuple: &Tuple,
        seq: u32,
        why: Unreachable,
    ) -> bool {
        let Some(index) = self.tcp.find(tuple) else {
            return false;
        };
        let headers = super::transmit::ip_header_length(tuple.remote) + HEADER_LENGTH;
        let Some(connection) = self.tcp.get(index) else {
            return false;
        };
        if !Seq(seq).in_window(connection.una, connection.flight()) {
            return false;
        }
        // What is sent again at once must not take the way for as wide as it was.
        #[cfg(feature = "path-mtu")]
        if let Unreachable::TooBig(mtu) = why {
            self.learn_path_mtu(id, tuple.local, tuple.remote, mtu);
        }
        let _: InterfaceId = id;
        let Some(connection) = self.tcp.get_mut(index) else {
            return false;
        };
        match (why, connection.state) {
            (Unreachable::TooBig(mtu), _) => {
                if connection.path_mtu(usize::from(mtu).saturating_sub(headers)) {
                    connection.send_smaller(self.now, index, &mut self.scoreboards);
                }
            }
            (_, TcpState::SynSent) => connection.end(TcpError::Unreachable(why)),
            // Soft errors do not end a connection that is up (RFC 1122 §4.2.3.9, RFC 5461).
            _ => connection.hear_error(why),
        }
        self.tcp_settle(index);
        true
    }
}
