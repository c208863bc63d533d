//! Segments for connections without a control block: handshakes, SYN cookies, TIME-WAIT, and else a
//! reset (RFC 9293 §3.10.7.1, §3.10.7.2, RFC 4987, RFC 6191).

use super::super::core::Core;
use super::super::route::Path;
use super::super::transmit::Outgoing as Ip;
use super::super::waiters::WaitKey;
use crate::config;
#[cfg(feature = "statistics")]
use crate::iface::statistics::count;
use crate::iface::{Interface, ReceiveDrop};
use crate::netbuf::NetBuf;
use crate::netbuf::meta::Flags as MetaFlags;
use crate::tcp::clock::millis;
use crate::tcp::connection::{Agreed, Connection, Tuple, default_mss};
use crate::tcp::ecn;
use crate::tcp::half_open::{HalfOpen, WayBack};
use crate::tcp::isn::Offer;
use crate::tcp::segment::{Options, Outgoing, Room, Segment};
use crate::tcp::sequence::Seq;
use crate::tcp::table::Listener;
use crate::time::Duration;
use crate::wire::tcp::{HEADER_LENGTH, TcpFlags};
use crate::wire::tcp_options::{TcpOptionSpace, TcpOptions};
use crate::wire::{IpAddress, protocol};

impl Core<'_> {
    /// A segment for no connection with a control block: TIME-WAIT, handshakes, listeners, and
    /// else a reset (RFC 9293 §3.10.7.1, §3.10.7.2).
    pub(super) fn tcp_arrives_elsewhere(
        &mut self,
        tuple: &Tuple,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let now = self.now;
        let back = self.tcp_way_back(&buf);
        let mut before = None;
        if let Some(entry) = self.time_wait.find(tuple, now) {
            let is_syn = segment.flags.contains(TcpFlags::SYN)
                && !segment.flags.intersects(TcpFlags::RST | TcpFlags::ACK);
            let timestamp = segment.options.timestamps.map(|(value, _)| value);
            if is_syn && entry.may_reopen(segment.seq, timestamp) {
                before = Some(entry.snd_nxt);
            } else {
                return self.tcp_arrives_in_time_wait(tuple, segment, back);
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
        let waiting = listener.and_then(|listener| self.listeners.get(listener));
        let is_full = waiting.is_some_and(|listener| !listener.has_room());
        if segment.flags.contains(TcpFlags::ACK)
            && let Some(entry) = self.tcp_cookie(tuple, segment, back)
        {
            #[cfg(feature = "statistics")]
            count(&mut self.statistics.tcp.cookies_returned);
            return self.tcp_arrives_half_open(&entry, segment, buf);
        }
        if is_full {
            return Err(ReceiveDrop::TcpBacklog);
        }
        if segment.flags.contains(TcpFlags::ACK) {
            // The number that the peer began with, which goes into a cookie, is that of the first
            // segment less one. A later segment that comes before it proves nothing: the peer of a
            // handshake that was right must not be reset for it, and sends the first one again.
            let may_be_later = listener.is_some()
                && segment.end() != segment.seq
                && self.half_open.has_cookies_out(self.now);
            if !may_be_later {
                self.tcp_reset(tuple, segment.ack, None, back);
            }
            return Err(ReceiveDrop::TcpNoConnection);
        }
        match listener {
            Some(listener) if segment.flags.contains(TcpFlags::SYN) => {
                self.tcp_syn_arrives(listener, tuple, segment, before, back)
            }
            Some(_) => Err(ReceiveDrop::TcpNoConnection),
            None => {
                self.tcp_reset(tuple, Seq(0), Some(segment.end()), back);
                Err(ReceiveDrop::TcpNoConnection)
            }
        }
    }

    /// Where a segment came from.
    fn tcp_way_back(&self, buf: &NetBuf) -> Option<WayBack> {
        let meta = buf.meta();
        let interface = meta.interface;
        let has_link = !meta.flags.contains(MetaFlags::LOOPED_BACK);
        let link = self.frame_source(interface, buf).filter(|_| has_link)?;
        (!link.is_multicast() && !link.is_empty()).then_some(WayBack { interface, link })
    }

    pub(super) fn tcp_arrives_in_time_wait(
        &mut self,
        tuple: &Tuple,
        segment: &Segment<'_>,
        back: Option<WayBack>,
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
        if self.challenge_limit.allow(now, &mut self.rng) {
            let timestamps = entry
                .timestamps
                .map(|(recent, offset)| (millis(now).wrapping_add(offset), recent));
            let mut outgoing = Outgoing {
                seq: entry.snd_nxt,
                ack: entry.rcv_nxt,
                flags: TcpFlags::ACK,
                window: 0,
                options: Options::timestamps(timestamps),
                data: None,
            };
            let _: bool = self.tcp_answer(tuple, Ip::new(protocol::TCP), &mut outgoing, back);
        }
        Ok(())
    }

    /// A SYN for a listener. The connection of the same four-tuple that was before, if there was one,
    /// has sent what is in front of `before`.
    pub(super) fn tcp_syn_arrives(
        &mut self,
        listener: u16,
        tuple: &Tuple,
        segment: &Segment<'_>,
        before: Option<Seq>,
        back: Option<WayBack>,
    ) -> Result<(), ReceiveDrop> {
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
        let offered = self.tcp_first_window(listener);
        let mut entry = HalfOpen {
            tuple: *tuple,
            listener,
            irs: segment.seq,
            iss,
            ts_offset,
            agreed: Agreed {
                peer_mss: mss.unwrap_or(default_mss(tuple.remote)),
                scale: window_scale,
                sack: sack_permitted,
                timestamp: timestamps.map(|(value, _)| value),
                ecn: ecn::offers(segment.flags),
            },
            window: segment.window,
            offered,
            back,
            acknowledged: false,
            sent: 1,
            begun: now,
            due: now + Duration::from_secs(1),
        };
        if self.half_open.insert(entry) {
            self.time_wait.remove(tuple);
            self.tcp_syn_ack(&entry);
            self.arm_tcp();
            return Ok(());
        }
        let places = self.listeners.get(listener).map_or(0, Listener::places);
        let places = places.min(self.tcp.places());
        if !self.half_open.send_cookie(now, places) {
            return Err(ReceiveDrop::TcpBacklog);
        }
        self.time_wait.remove(tuple);
        // There is no place: what the SYN says is put into the answer, and comes back with the ACK
        // (RFC 4987 §3.6).
        //
        // How many there are of them nobody knows: their peers are promised nothing, until the ACK
        // has found a place. One that finds none has sent nothing that would be lost, and asks again.
        entry.offered = 0;
        let agreed = &mut entry.agreed;
        // A cookie has no place for it.
        agreed.ecn = false;
        entry.iss = self
            .isn
            .cookie(&tuple.addresses(), segment.seq, agreed.peer_mss, now);
        let stamp = match agreed.timestamp {
            Some(_) => {
                let clock = millis(now).wrapping_add(ts_offset);
                let (window_scale, sack) = (agreed.scale, agreed.sack);
                Offer { window_scale, sack }.into_timestamp(clock)
            }
            None => {
                (agreed.scale, agreed.sack) = (None, false);
                0
            }
        };
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.cookies_sent);
        self.tcp_send_syn_ack(&entry, stamp);
        Ok(())
    }

    /// The handshake that a cookie tells of.
    fn tcp_cookie(
        &self,
        tuple: &Tuple,
        segment: &Segment<'_>,
        back: Option<WayBack>,
    ) -> Option<HalfOpen> {
        let now = self.now;
        if segment.flags.contains(TcpFlags::SYN) || !self.half_open.has_cookies_out(now) {
            return None;
        }
        let listener = self.listeners.find(tuple.local, tuple.local_port)?;
        let addresses = tuple.addresses();
        let iss = segment.ack - 1;
        // Who asks whether the window is still shut does so with a number that was sent before.
        let mut numbers = [segment.seq - 1, segment.seq].into_iter();
        let (irs, cookie) = numbers.find_map(|irs| {
            let cookie = self.isn.verify(&addresses, irs, iss, now)?;
            Some((irs, cookie))
        })?;
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
                ecn: false,
            },
            window: segment.window,
            offered: 0,
            back,
            acknowledged: false,
            sent: 1,
            begun: now,
            due: now + Duration::from_secs(1),
        })
    }

    /// The window of a SYN-ACK: what the quota and the pool allow. Where others wait as well, each
    /// may fill its part of what is for those whom nobody reads from yet.
    fn tcp_first_window(&self, listener: u16) -> u16 {
        /// What comes with the data of a segment into its blocks.
        const HEADERS: u32 = 90;
        let waiting = self.listeners.get(listener).map_or(0, |l| l.queue.len());
        let others = u32::from(waiting) + self.half_open.len() as u32;
        let room = Room::of(self.pool);
        let mut window = room.promise(others > 0, others > 0, config::TCP_MSS_DEFAULT as u16);
        if others > 0 {
            let blocks = window / room.block.max(1);
            let blocks = blocks.checked_div(others.saturating_add(1)).unwrap_or(0);
            let bytes = blocks.saturating_mul(self.pool.block_size() as u32);
            window = blocks.saturating_mul(room.block);
            window = window.min(bytes.saturating_sub(HEADERS));
            // It is not worth it for less: who is accepted may send at once.
            if window < config::TCP_MSS_DEFAULT as u32 {
                window = 0;
            }
        }
        window.min(config::TCP_RECEIVE_QUOTA as u32).min(65_535) as u16
    }

    pub(super) fn tcp_syn_ack(&mut self, entry: &HalfOpen) {
        let stamp = millis(self.now).wrapping_add(entry.ts_offset);
        self.tcp_send_syn_ack(entry, stamp);
    }

    pub(super) fn tcp_send_syn_ack(&mut self, entry: &HalfOpen, stamp: u32) {
        let scale = crate::tcp::connection::scale_for(config::TCP_RECEIVE_QUOTA as u32);
        let tuple = &entry.tuple;
        let Some(path) = self.path(tuple.remote, Some(tuple.local), None) else {
            return;
        };
        let mss = self.tcp_mss_along(&path, tuple.remote);
        let timestamps = entry.agreed.timestamp.map(|value| (stamp, value));
        let mut flags = TcpFlags::SYN | TcpFlags::ACK;
        flags.set(TcpFlags::ECE, ecn::ON && entry.agreed.ecn);
        let mut outgoing = Outgoing {
            seq: entry.iss,
            ack: entry.irs + 1,
            flags,
            window: entry.offered,
            options: Options::Composed(TcpOptionSpace::syn(
                mss,
                entry.agreed.scale.map(|_| scale),
                entry.agreed.sack,
                timestamps,
            )),
            data: None,
        };
        let (traffic_class, hop_limit) = self.listeners.ip_fields(entry.listener);
        let ip = Ip {
            traffic_class,
            hop_limit,
            ..Ip::new(protocol::TCP)
        };
        let _: bool = self.tcp_send_along(&path, tuple, ip, &mut outgoing, entry.back);
    }

    /// The most data that a segment of ours, or of the peer's, can have on the way along `path`.
    pub(super) fn tcp_mss_along(&self, path: &Path, remote: IpAddress) -> u16 {
        let interface = self.interface(path.interface);
        mss_of(interface.map_or(576, Interface::mtu), remote)
    }

    /// An initial sequence number and a timestamp offset (RFC 6528, RFC 7323 §5.4).
    pub(super) fn tcp_secrets(&mut self, tuple: &Tuple) -> (Seq, u32) {
        self.isn.initial(&tuple.addresses(), self.now)
    }

    /// A segment for a handshake that was begun (RFC 9293 §3.10.7.4 in SYN-RECEIVED).
    pub(super) fn tcp_arrives_half_open(
        &mut self,
        entry: &HalfOpen,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let tuple = entry.tuple;
        let flags = segment.flags;
        let window = u32::from(entry.offered).max(1);
        let in_window = segment.seq.in_window(entry.irs + 1, window);
        if flags.contains(TcpFlags::RST) {
            if segment.seq == entry.irs + 1 {
                self.half_open.remove(&tuple);
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
            let mut entry = *entry;
            if let Some(kept) = self.half_open.find(&tuple) {
                // One that offers no ECN any more means that there is none (RFC 3168 §6.1.1.1).
                kept.agreed.ecn &= ecn::offers(flags);
                entry = *kept;
            }
            self.tcp_syn_ack(&entry);
            return Ok(());
        }
        // Who asks whether the window is still shut does so just in front of it.
        let asks = segment.seq == entry.irs && segment.length == 0;
        if flags.contains(TcpFlags::SYN) || !in_window && !asks {
            self.tcp_challenge_half_open(entry);
            return Err(ReceiveDrop::TcpNoConnection);
        }
        if !flags.contains(TcpFlags::ACK) {
            return Err(ReceiveDrop::TcpNoConnection);
        }
        if segment.ack != entry.iss + 1 {
            self.tcp_reset(&tuple, segment.ack, None, entry.back);
            return Err(ReceiveDrop::TcpNoConnection);
        }
        self.half_open.finished(entry);
        let Some(listener) = self.listeners.get(entry.listener) else {
            self.half_open.remove(&tuple);
            self.tcp_reset(&tuple, segment.ack, None, entry.back);
            return Err(ReceiveDrop::TcpNoConnection);
        };
        // A full queue keeps the handshake where it is: the peer sends again, and gets in later.
        if !listener.has_room() || !self.tcp.has_room() {
            let _: bool = self.half_open.keep(entry);
            self.arm_tcp();
            return Err(ReceiveDrop::TcpBacklog);
        }
        self.half_open.remove(&tuple);
        let Some(index) = self.tcp_enter(entry, Some(segment)) else {
            return Err(ReceiveDrop::TcpBacklog);
        };
        let result = self.tcp_arrives(index, segment, buf);
        self.tcp_settle(index);
        result
    }

    /// The peer of a handshake becomes a connection that waits to be accepted; `last` is the segment
    /// that has acknowledged our SYN-ACK just now.
    fn tcp_enter(&mut self, entry: &HalfOpen, last: Option<&Segment<'_>>) -> Option<u16> {
        let HalfOpen { tuple, irs, .. } = *entry;
        let now = self.now;
        let ends = (tuple.remote, tuple.local);
        let path = self.path(tuple.remote, Some(tuple.local), None);
        let mss = match &path {
            Some(path) => self.tcp_mss_along(path, tuple.remote),
            None => mss_of(576, tuple.remote),
        };
        let fields = self.listeners.ip_fields(entry.listener);
        let (index, connection) =
            (self.tcp).insert(Connection::new(tuple, entry.iss, entry.ts_offset, mss, now))?;
        connection.agree(entry.agreed, mss, irs, now);
        connection.open_passively(entry.window, entry.offered, irs, entry.begun);
        if let Some(last) = last {
            connection.probes = entry.sent.saturating_sub(1);
            connection.handshake_done(now, last);
        }
        connection.listener = entry.listener;
        (connection.traffic_class, connection.hop_limit) = fields;
        if let Some(path) = path {
            self.recent_tcp_paths.set(index, now, ends, path);
        }
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.accepted);
        if let Some(listener) = self.listeners.get_mut(entry.listener) {
            self.tcp.join(&mut listener.queue, index);
        }
        self.waiters.wake(WaitKey::listener(entry.listener));
        Some(index)
    }

    /// There may be a place again: those that wait for one since their handshakes are done come in.
    pub(super) fn tcp_admit(&mut self) {
        while self.tcp.has_room() {
            let listeners = &self.listeners;
            let room = |listener| listeners.get(listener).is_some_and(Listener::has_room);
            let Some(entry) = self.half_open.take_acknowledged(room) else {
                return;
            };
            let Some(index) = self.tcp_enter(&entry, None) else {
                return;
            };
            self.tcp_settle(index);
        }
    }

    /// What RFC 9293 §3.10.7.4 answers to a segment that is not acceptable, and RFC 5961 to one that
    /// is suspicious.
    pub(super) fn tcp_challenge_half_open(&mut self, entry: &HalfOpen) {
        if !self.challenge_limit.allow(self.now, &mut self.rng) {
            return;
        }
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.challenges);
        let now = self.now;
        let timestamps = entry.agreed.timestamp.map(|recent| {
            let own = millis(now).wrapping_add(entry.ts_offset);
            (own, recent)
        });
        let scale = crate::tcp::connection::scale_for(config::TCP_RECEIVE_QUOTA as u32);
        let shift = entry.agreed.scale.map_or(0, |_| scale);
        let mut outgoing = Outgoing {
            seq: entry.iss + 1,
            ack: entry.irs + 1,
            flags: TcpFlags::ACK,
            window: entry.offered >> shift,
            options: Options::timestamps(timestamps),
            data: None,
        };
        let ip = Ip::new(protocol::TCP);
        let _: bool = self.tcp_answer(&entry.tuple, ip, &mut outgoing, entry.back);
    }
}

/// The most data of a segment in a packet of so many bytes.
fn mss_of(mtu: usize, remote: IpAddress) -> u16 {
    let headers = super::super::transmit::ip_header_length(remote) + HEADER_LENGTH;
    mtu.saturating_sub(headers).min(65_535) as u16
}
