//! TCP on its way in and out: which connection a segment is for, handshakes, and what the machines
//! of `tcp` want sent.

use core::net::SocketAddr;

use super::core::{Core, InterfaceId};
use super::transmit::{DEFAULT_HOP_LIMIT, HEADROOM, Outgoing as Ip};
use super::waiters::WaitKey;
use crate::checksum::Sum;
use crate::config;
use crate::iface::{Destination, ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::link::Offload;
use crate::netbuf::meta::Flags as MetaFlags;
use crate::netbuf::{NetBuf, Purpose, Straddle};
use crate::tcp::connection::{Agreed, Connection, Flags, Timers, Tuple};
use crate::tcp::half_open::HalfOpen;
use crate::tcp::isn::Offer;
use crate::tcp::segment::{Answer, Outgoing, Segment, Turn};
use crate::tcp::sequence::Seq;
use crate::tcp::table::{Listener, NONE};
use crate::tcp::{TcpError, TcpState};
use crate::time::Duration;
use crate::wire::tcp::{HEADER_LENGTH, TcpFlags, TcpHeader, TcpHeaderMut};
use crate::wire::tcp_options::{TcpOptionSpace, TcpOptions};
use crate::wire::{IpAddress, protocol};

/// Segments that one connection may send in one turn.
const BURST: usize = 64;

/// After how long a connection tries again that has found no header block or view for its data.
const STARVED_RETRY: Duration = Duration::from_millis(1);

/// A segment on its way to a connection.
pub(super) struct Delivery {
    pub(super) interface: InterfaceId,
    pub(super) source: IpAddress,
    pub(super) destination: IpAddress,
    pub(super) kind: Destination,
    /// Where the TCP header starts in the buffer.
    pub(super) start: usize,
    /// Bytes of the TCP header and what follows.
    pub(super) length: usize,
}

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
        let offloaded = self.interface(delivery.interface).is_some_and(|interface| {
            interface
                .capabilities
                .offload
                .contains(Offload::RECEIVE_TCP)
        });
        if !offloaded && !buf.meta().flags.contains(MetaFlags::LOOPED_BACK) {
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

    fn tcp_arrives(
        &mut self,
        index: u16,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let room = self.tcp_room();
        let mut turn = Turn {
            now: self.now,
            room,
            block: self.tcp_block(),
            index,
            boards: &mut self.scoreboards,
        };
        let Some(connection) = self.tcp.get_mut(index) else {
            return Ok(());
        };
        // Nobody reads yet what comes for a connection that waits to be accepted.
        let share = match connection.flags.contains(Flags::UNACCEPTED) {
            true => 2,
            false => 4,
        };
        let crowded = self.pool.held_left() <= usize::from(self.pool.limits().held) / share;
        connection.flags.set(Flags::CROWDED, crowded);
        let arrived = connection.segment_arrives(&mut turn, segment, buf);
        match arrived.answer {
            Answer::None => {}
            Answer::Challenge => self.tcp_challenge(index),
            Answer::Reset(seq) => {
                if let Some(tuple) = self.tcp.get(index).map(Connection::tuple) {
                    self.tcp_reset(&tuple, seq, None);
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
    fn tcp_challenge(&mut self, index: u16) {
        if !self.challenge_limit.allow(self.now) {
            return;
        }
        let room = self.tcp_room();
        let turn = Turn {
            now: self.now,
            room,
            block: self.tcp_block(),
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

    /// How many more bytes the pool could hold: what a window may promise.
    fn tcp_room(&self) -> u32 {
        (self.pool.held_left() as u32).saturating_mul(self.tcp_block())
    }

    /// The bytes of data that a block stands for: its part of a full segment of an Ethernet, headers
    /// off.
    fn tcp_block(&self) -> u32 {
        const DATA: usize = 1448;
        const FRAME: usize = 1516;
        let blocks = FRAME.div_ceil(self.pool.block_size().max(1));
        DATA.checked_div(blocks).unwrap_or(DATA) as u32
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
            self.scoreboards.take_back(index);
        }
        let mut deadline = connection.deadline();
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
                listener.waiting = listener.waiting.saturating_sub(1);
            }
            drop(self.tcp.remove(index));
            self.tcp_timers.clear(super::timers::Owner(index));
        } else {
            match deadline {
                Some(deadline) => self.tcp_timers.set(super::timers::Owner(index), deadline),
                None => self.tcp_timers.clear(super::timers::Owner(index)),
            }
        }
        self.arm_tcp();
        self.waiters.wake(WaitKey::tcp(index));
    }

    /// Lets the core's timer follow the earliest of the connections' and handshakes'.
    fn arm_tcp(&mut self) {
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
                block: self.tcp_block(),
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
    fn tcp_flush(&mut self, index: u16) {
        for _ in 0..BURST {
            let Some(connection) = self.tcp.get(index) else {
                return;
            };
            let (destination, local, class) =
                (connection.remote, connection.local, connection.class);
            let Some(path) = self.path(destination, Some(local), None) else {
                return;
            };
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
                block: self.tcp_block(),
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

    /// Sends one segment of a connection.
    fn tcp_emit(&mut self, index: u16, outgoing: Outgoing) -> bool {
        let Some(connection) = self.tcp.get(index) else {
            return false;
        };
        let tuple = connection.tuple();
        let ip = Ip {
            protocol: protocol::TCP,
            hop_limit: match connection.hop_limit {
                0 => DEFAULT_HOP_LIMIT,
                hop_limit => hop_limit,
            },
            traffic_class: connection.traffic_class,
            class: connection.class,
        };
        self.tcp_send(&tuple, ip, outgoing)
    }

    /// Puts the headers in front of a segment and sends it.
    fn tcp_send(&mut self, tuple: &Tuple, ip: Ip, outgoing: Outgoing) -> bool {
        let Some(path) = self.path(tuple.remote, Some(tuple.local), None) else {
            return false;
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
        let result = self.send_ip(&path, tuple.remote, ip, buf);
        let sent = result.is_ok();
        self.send_or_count(path.interface, result);
        sent
    }

    /// A reset; with `ack`, it acknowledges that much (RFC 9293 §3.5.2).
    fn tcp_reset(&mut self, tuple: &Tuple, seq: Seq, ack: Option<Seq>) {
        if !self.reset_limit.allow(self.now) {
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
        let _: bool = self.tcp_send(tuple, Ip::new(protocol::TCP), outgoing);
    }

    /// A segment for no connection with a control block: TIME-WAIT, handshakes, listeners, and
    /// else a reset (RFC 9293 §3.10.7.1, §3.10.7.2).
    fn tcp_arrives_elsewhere(
        &mut self,
        tuple: &Tuple,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let now = self.now;
        let mut before = None;
        if let Some(entry) = self.time_wait.find(tuple, now) {
            let is_syn = segment.flags.contains(TcpFlags::SYN)
                && !segment.flags.intersects(TcpFlags::RST | TcpFlags::ACK);
            let timestamp = segment.options.timestamps.map(|(value, _)| value);
            if is_syn && entry.may_reopen(segment.seq, timestamp) {
                before = Some(entry.snd_nxt);
            } else {
                return self.tcp_arrives_in_time_wait(tuple, segment);
            }
        }
        if let Some(entry) = self.half_open.find(tuple) {
            let entry = *entry;
            return self.tcp_arrives_half_open(&entry, segment, buf);
        }
        if segment.flags.contains(TcpFlags::RST) {
            return Err(ReceiveDrop::TcpNoConnection);
        }
        // Where there is no place for another connection nothing is answered: whoever it is asks
        // again, or sends again what nobody remembers.
        let listener = self.listeners.find(tuple.local, tuple.local_port);
        let listener = listener.and_then(|listener| self.listeners.get_mut(listener));
        if listener.is_some_and(|listener| listener.waiting >= listener.backlog) {
            return Err(ReceiveDrop::TcpBacklog);
        }
        if segment.flags.contains(TcpFlags::ACK) {
            if let Some(entry) = self.tcp_cookie(tuple, segment) {
                return self.tcp_arrives_half_open(&entry, segment, buf);
            }
            self.tcp_reset(tuple, segment.ack, None);
            return Err(ReceiveDrop::TcpNoConnection);
        }
        let listener = self.listeners.find(tuple.local, tuple.local_port);
        match listener {
            Some(listener) if segment.flags.contains(TcpFlags::SYN) => {
                self.time_wait.remove(tuple);
                self.tcp_syn_arrives(listener, tuple, segment, before);
                Ok(())
            }
            Some(_) => Err(ReceiveDrop::TcpNoConnection),
            None => {
                self.tcp_reset(tuple, Seq(0), Some(segment.end()));
                Err(ReceiveDrop::TcpNoConnection)
            }
        }
    }

    fn tcp_arrives_in_time_wait(
        &mut self,
        tuple: &Tuple,
        segment: &Segment<'_>,
    ) -> Result<(), ReceiveDrop> {
        let now = self.now;
        // A reset ends nothing here (RFC 1337).
        if segment.flags.contains(TcpFlags::RST) {
            return Err(ReceiveDrop::TcpNoConnection);
        }
        let Some(entry) = self.time_wait.find(tuple, now) else {
            return Ok(());
        };
        if segment.flags.contains(TcpFlags::FIN) {
            entry.restart(now);
        } else if segment.sequence_length() == 0 && segment.seq == entry.rcv_nxt {
            return Ok(());
        }
        let entry = *entry;
        if self.challenge_limit.allow(now) {
            let timestamps = entry
                .timestamps
                .map(|(recent, offset)| ((now.as_millis() as u32).wrapping_add(offset), recent));
            let outgoing = Outgoing {
                seq: entry.snd_nxt,
                ack: entry.rcv_nxt,
                flags: TcpFlags::ACK,
                window: 0,
                options: TcpOptionSpace::segment(timestamps, []),
                data: None,
            };
            let _: bool = self.tcp_send(tuple, Ip::new(protocol::TCP), outgoing);
        }
        Ok(())
    }

    /// A SYN for a listener. The connection of the same four-tuple that was before, if there was one,
    /// has sent what is in front of `before`.
    fn tcp_syn_arrives(
        &mut self,
        listener: u16,
        tuple: &Tuple,
        segment: &Segment<'_>,
        before: Option<Seq>,
    ) {
        let TcpOptions {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            ..
        } = segment.options;
        let (mut iss, ts_offset) = self.tcp_secrets(tuple);
        // "assigns its initial sequence number for the new connection to be larger than the largest
        // sequence number it used on the previous connection incarnation" (RFC 9293 §3.6.1).
        if let Some(before) = before.filter(|before| !iss.is_after(*before)) {
            iss = before + 65_537;
        }
        let now = self.now;
        let mut entry = HalfOpen {
            tuple: *tuple,
            listener,
            irs: segment.seq,
            iss,
            ts_offset,
            agreed: Agreed {
                peer_mss: mss.unwrap_or(config::TCP_MSS_DEFAULT as u16),
                scale: window_scale,
                sack: sack_permitted,
                timestamp: timestamps.map(|(value, _)| value),
            },
            window: segment.window,
            sent: 1,
            begun: now,
            due: now + Duration::from_secs(1),
        };
        if self.half_open.insert(entry) {
            self.tcp_syn_ack(&entry);
            self.arm_tcp();
            return;
        }
        // There is no place: what the SYN says is put into the answer, and comes back with the ACK
        // (RFC 4987 §3.6).
        let agreed = &mut entry.agreed;
        entry.iss = self
            .isn
            .cookie(&tuple.addresses(), segment.seq, agreed.peer_mss, now);
        let stamp = match agreed.timestamp {
            Some(_) => {
                let clock = (now.as_millis() as u32).wrapping_add(ts_offset);
                let (window_scale, sack) = (agreed.scale, agreed.sack);
                Offer { window_scale, sack }.into_timestamp(clock)
            }
            None => {
                (agreed.scale, agreed.sack) = (None, false);
                0
            }
        };
        self.half_open.cookie_sent(now);
        self.tcp_send_syn_ack(&entry, stamp);
    }

    /// The handshake that a cookie tells of.
    fn tcp_cookie(&self, tuple: &Tuple, segment: &Segment<'_>) -> Option<HalfOpen> {
        let now = self.now;
        if segment.flags.contains(TcpFlags::SYN) || !self.half_open.has_cookies_out(now) {
            return None;
        }
        let listener = self.listeners.find(tuple.local, tuple.local_port)?;
        let addresses = tuple.addresses();
        let (irs, iss) = (segment.seq - 1, segment.ack - 1);
        let cookie = self.isn.verify(&addresses, irs, iss, now)?;
        let timestamps = segment.options.timestamps;
        let offer = timestamps.map_or(Offer::default(), |(_, echo)| Offer::from_timestamp(echo));
        Some(HalfOpen {
            tuple: *tuple,
            listener,
            irs,
            iss,
            ts_offset: self.isn.timestamp_offset(&addresses),
            agreed: Agreed {
                peer_mss: cookie.mss,
                scale: offer.window_scale,
                sack: offer.sack,
                timestamp: timestamps.map(|(value, _)| value),
            },
            window: segment.window,
            sent: 1,
            begun: now,
            due: now + Duration::from_secs(1),
        })
    }

    fn tcp_syn_ack(&mut self, entry: &HalfOpen) {
        let stamp = (self.now.as_millis() as u32).wrapping_add(entry.ts_offset);
        self.tcp_send_syn_ack(entry, stamp);
    }

    fn tcp_send_syn_ack(&mut self, entry: &HalfOpen, stamp: u32) {
        let scale = crate::tcp::connection::scale_for(config::TCP_RECEIVE_QUOTA as u32);
        let mss = self.tcp_mss(&entry.tuple);
        let timestamps = entry.agreed.timestamp.map(|value| (stamp, value));
        let outgoing = Outgoing {
            seq: entry.iss,
            ack: entry.irs + 1,
            flags: TcpFlags::SYN | TcpFlags::ACK,
            window: config::TCP_RECEIVE_QUOTA.min(65_535) as u16,
            options: TcpOptionSpace::syn(
                mss,
                entry.agreed.scale.map(|_| scale),
                entry.agreed.sack,
                timestamps,
            ),
            data: None,
        };
        let _: bool = self.tcp_send(&entry.tuple, Ip::new(protocol::TCP), outgoing);
    }

    /// The most data that a segment of ours, or of the peer's, can have on the way between us.
    fn tcp_mss(&self, tuple: &Tuple) -> u16 {
        let mtu = self
            .path(tuple.remote, Some(tuple.local), None)
            .and_then(|path| Some(self.interface(path.interface)?.mtu()))
            .unwrap_or(576);
        let headers = super::transmit::ip_header_length(tuple.remote) + HEADER_LENGTH;
        mtu.saturating_sub(headers).min(65_535) as u16
    }

    /// An initial sequence number and a timestamp offset (RFC 6528, RFC 7323 §5.4).
    fn tcp_secrets(&mut self, tuple: &Tuple) -> (Seq, u32) {
        let tuple = tuple.addresses();
        (
            self.isn.initial(&tuple, self.now),
            self.isn.timestamp_offset(&tuple),
        )
    }

    /// A segment for a handshake that was begun (RFC 9293 §3.10.7.4 in SYN-RECEIVED).
    fn tcp_arrives_half_open(
        &mut self,
        entry: &HalfOpen,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let tuple = entry.tuple;
        let flags = segment.flags;
        let window = config::TCP_RECEIVE_QUOTA.min(65_535) as u32;
        let in_window = segment.seq.in_window(entry.irs + 1, window);
        if flags.contains(TcpFlags::RST) {
            if segment.seq == entry.irs + 1 {
                let _: Option<HalfOpen> = self.half_open.remove(&tuple);
            } else if in_window {
                self.tcp_challenge_half_open(entry);
            }
            return Ok(());
        }
        if flags.contains(TcpFlags::SYN) && segment.seq == entry.irs {
            // Our SYN-ACK was lost, or late.
            if let Some((timestamp, _)) = segment.options.timestamps {
                self.half_open.repeated(&tuple, timestamp);
            }
            let entry = self.half_open.find(&tuple).copied().unwrap_or(*entry);
            self.tcp_syn_ack(&entry);
            return Ok(());
        }
        if flags.contains(TcpFlags::SYN) || !in_window {
            self.tcp_challenge_half_open(entry);
            return Err(ReceiveDrop::TcpNoConnection);
        }
        if !flags.contains(TcpFlags::ACK) {
            return Err(ReceiveDrop::TcpNoConnection);
        }
        if segment.ack != entry.iss + 1 {
            self.tcp_reset(&tuple, segment.ack, None);
            return Err(ReceiveDrop::TcpNoConnection);
        }
        let Some(listener) = self.listeners.get_mut(entry.listener) else {
            let _: Option<HalfOpen> = self.half_open.remove(&tuple);
            self.tcp_reset(&tuple, segment.ack, None);
            return Err(ReceiveDrop::TcpNoConnection);
        };
        // A full queue keeps the handshake where it is: the peer sends again, and gets in later.
        if listener.waiting >= listener.backlog || !self.tcp.has_room() {
            if self.half_open.find(&tuple).is_none() {
                // It came with a cookie.
                let _: bool = self.half_open.insert(*entry);
                self.arm_tcp();
            }
            return Err(ReceiveDrop::TcpBacklog);
        }
        let now = self.now;
        let mss = self.tcp_mss(&tuple);
        let mut connection = Connection::new(tuple, entry.iss, entry.ts_offset, mss, now);
        connection.agree(entry.agreed, mss, entry.irs, now);
        connection.open_passively(entry.window, entry.irs, entry.begun);
        connection.probes = entry.sent.saturating_sub(1);
        connection.handshake_done(now, segment);
        connection.listener = entry.listener;
        let Some(index) = self.tcp.insert(connection) else {
            return Err(ReceiveDrop::TcpBacklog);
        };
        let _: Option<HalfOpen> = self.half_open.remove(&tuple);
        if let Some(listener) = self.listeners.get_mut(entry.listener) {
            listener.waiting += 1;
        }
        self.waiters.wake(WaitKey::listener(entry.listener));
        self.tcp_arrives(index, segment, buf)
    }

    /// What RFC 9293 §3.10.7.4 answers to a segment that is not acceptable, and RFC 5961 to one that
    /// is suspicious.
    fn tcp_challenge_half_open(&mut self, entry: &HalfOpen) {
        if !self.challenge_limit.allow(self.now) {
            return;
        }
        let now = self.now;
        let timestamps = entry.agreed.timestamp.map(|recent| {
            let own = (now.as_millis() as u32).wrapping_add(entry.ts_offset);
            (own, recent)
        });
        let scale = crate::tcp::connection::scale_for(config::TCP_RECEIVE_QUOTA as u32);
        let shift = entry.agreed.scale.map_or(0, |_| scale);
        let outgoing = Outgoing {
            seq: entry.iss + 1,
            ack: entry.irs + 1,
            flags: TcpFlags::ACK,
            window: (config::TCP_RECEIVE_QUOTA.min(65_535) >> shift) as u16,
            options: TcpOptionSpace::segment(timestamps, []),
            data: None,
        };
        let _: bool = self.tcp_send(&entry.tuple, Ip::new(protocol::TCP), outgoing);
    }

    /// Begins a connection to `remote`.
    pub(crate) fn tcp_connect(&mut self, remote: SocketAddr) -> Result<u16, TcpOpenError> {
        let address = IpAddress::try_from(remote.ip());
        let address = address.map_err(|_| TcpOpenError::InvalidDestination)?;
        let scope = match remote {
            SocketAddr::V6(remote) if remote.scope_id() > 0 => {
                Some((remote.scope_id() - 1).min(255) as InterfaceId)
            }
            _ => None,
        };
        let path = self
            .path(address, None, scope)
            .ok_or(TcpOpenError::NoRoute)?;
        let interface = self
            .interface(path.interface)
            .ok_or(TcpOpenError::NoRoute)?;
        if address.is_unspecified()
            || address.is_multicast()
            || remote.port() == 0
            || is_broadcast(interface, address)
        {
            return Err(TcpOpenError::InvalidDestination);
        }
        let mut tuple = Tuple {
            local: path.source,
            local_port: 0,
            remote: address,
            remote_port: remote.port(),
        };
        tuple.local_port = self.tcp_ephemeral(&tuple).ok_or(TcpOpenError::InUse)?;
        let (iss, ts_offset) = self.tcp_secrets(&tuple);
        let mss = self.tcp_mss(&tuple);
        let connection = Connection::new(tuple, iss, ts_offset, mss, self.now);
        let index = self.tcp.insert(connection).ok_or(TcpOpenError::TableFull)?;
        self.tcp_settle(index);
        Ok(index)
    }

    /// A local port that makes the four-tuple new (RFC 6056 §3.3.2).
    fn tcp_ephemeral(&mut self, tuple: &Tuple) -> Option<u16> {
        const FIRST: u16 = 49152;
        let start = self.rng.below(u32::from(u16::MAX - FIRST) + 1) as u16;
        // As many ports may be taken as there are connections, those in TIME-WAIT, and listeners.
        let taken = self.tcp.iter().count() + config::TCP_TIME_WAIT + self.listeners.len();
        let tries = 0..=taken.min(usize::from(u16::MAX)) as u16;
        let now = self.now;
        for attempt in tries {
            let offset =
                (u32::from(start) + u32::from(attempt)) % (u32::from(u16::MAX - FIRST) + 1);
            let local_port = FIRST + offset as u16;
            let tuple = Tuple {
                local_port,
                ..*tuple
            };
            let is_free = self.tcp.find(&tuple).is_none()
                && self.time_wait.find(&tuple, now).is_none()
                && !self.listeners.is_taken(Some(tuple.local), local_port);
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
    ) -> Result<u16, TcpOpenError> {
        let address = match local.ip() {
            address if address.is_unspecified() => None,
            address => Some(IpAddress::try_from(address).map_err(|_| TcpOpenError::NotOurs)?),
        };
        if address.is_some_and(|a| !self.interfaces().any(|(_, i)| i.has_address(a))) {
            return Err(TcpOpenError::NotOurs);
        }
        if local.port() == 0 || self.listeners.is_taken(address, local.port()) {
            return Err(TcpOpenError::InUse);
        }
        let listener = Listener {
            local: address,
            port: local.port(),
            backlog: backlog.max(1),
            waiting: 0,
        };
        self.listeners
            .insert(listener)
            .ok_or(TcpOpenError::TableFull)
    }

    /// Takes the connection that has waited longest in a listener's queue.
    pub(crate) fn tcp_accept(&mut self, listener: u16) -> Option<u16> {
        let waits = |c: &Connection| c.flags.contains(Flags::UNACCEPTED) && c.listener == listener;
        let (index, _) = (self.tcp.iter())
            .filter(|(_, connection)| waits(connection))
            .min_by_key(|(_, connection)| connection.opened)?;
        if let Some(connection) = self.tcp.get_mut(index) {
            connection.flags -= Flags::UNACCEPTED | Flags::ORPHAN;
        }
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.waiting = listener.waiting.saturating_sub(1);
        }
        Some(index)
    }

    /// Ends a listener: what waits in its queue is reset.
    pub(crate) fn tcp_unlisten(&mut self, listener: u16) {
        while let Some(index) = self.tcp_accept(listener) {
            self.tcp_abort(index);
        }
        self.half_open.remove_listener(listener);
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
            TcpState::FinWait2 => {
                let wait = Duration::from_secs(config::TCP_FIN_WAIT_2 as u64);
                connection.timers.retransmit = self.now + wait;
            }
            _ => connection.close_send(),
        }
        self.tcp_settle(index);
    }

    /// Ends a connection with a reset.
    pub(crate) fn tcp_abort(&mut self, index: u16) {
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        connection.flags |= Flags::ORPHAN;
        let tuple = connection.tuple();
        let (state, seq, ack) = (connection.state, connection.nxt, connection.rcv_nxt);
        connection.end(TcpError::Aborted);
        if state.is_synchronized() || state == TcpState::SynReceived {
            let outgoing = Outgoing {
                seq,
                ack,
                flags: TcpFlags::RST | TcpFlags::ACK,
                window: 0,
                options: TcpOptionSpace::NONE,
                data: None,
            };
            let _: bool = self.tcp_send(&tuple, Ip::new(protocol::TCP), outgoing);
        }
        self.tcp_settle(index);
    }

    /// An ICMP error, or a neighbour that does not answer, concerns a segment that we have sent
    /// (RFC 5927 §4.1: the sequence number must be on its way). False if it is none of ours.
    pub(super) fn tcp_failed(&mut self, tuple: &Tuple, seq: u32, why: Unreachable) -> bool {
        let Some(index) = self.tcp.find(tuple) else {
            return false;
        };
        let headers = super::transmit::ip_header_length(tuple.remote) + HEADER_LENGTH;
        let Some(connection) = self.tcp.get_mut(index) else {
            return false;
        };
        if !Seq(seq).in_window(connection.una, connection.flight()) {
            return false;
        }
        match (why, connection.state) {
            (Unreachable::TooBig(mtu), _) => {
                connection.path_mtu(usize::from(mtu).saturating_sub(headers));
            }
            // Soft errors do not end a connection that is up (RFC 1122 §4.2.3.9, RFC 5461).
            (_, TcpState::SynSent) => connection.end(TcpError::Unreachable(why)),
            _ => {}
        }
        self.tcp_settle(index);
        true
    }
}

fn is_broadcast(interface: &crate::iface::Interface<'_>, address: IpAddress) -> bool {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => interface.is_ipv4_broadcast(address),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => {
            let _ = interface;
            false
        }
    }
}
