//! TCP on its way out: as many segments as the port takes, with their headers.

use super::super::core::Core;
use super::super::recent::Ends;
use super::super::route::Path;
#[cfg(feature = "ipv4")]
use super::super::transmit::write_ipv4;
#[cfg(feature = "ipv6")]
use super::super::transmit::write_ipv6;
use super::super::transmit::{HEADROOM, Outgoing as Ip, ip_header_length, pseudo_header};
use crate::checksum::Sum;
use crate::iface::SendDrop;
use crate::link::Offload;
use crate::netbuf::{NetBuf, Purpose};
#[cfg(feature = "path-mtu")]
use crate::tcp::connection::Flags;
use crate::tcp::connection::Tuple;
#[cfg(feature = "flow-labels")]
use crate::tcp::connection::flow_label;
use crate::tcp::half_open::WayBack;
use crate::tcp::segment::{Options, Outgoing, Turn};
use crate::tcp::sequence::Seq;
use crate::tcp::table::NONE;
#[cfg(feature = "ipv4")]
use crate::wire::ipv4;
#[cfg(feature = "ipv6")]
use crate::wire::ipv6;
use crate::wire::tcp::{HEADER_LENGTH, TcpFlags, TcpHeaderMut};
use crate::wire::{IpAddress, protocol};

/// Segments that one connection may send in one turn.
const BURST: usize = 64;

impl Core<'_> {
    /// Sends for the connections that waited for room.
    pub(in super::super) fn flush_ready(&mut self) {
        let mut index = self.tcp.take_ready();
        while index != NONE {
            let next = self.tcp.next_ready(index);
            self.tcp_settle(index);
            index = next;
        }
    }

    /// Sends what a connection wants to send, as long as the port takes it.
    #[inline(never)]
    pub(super) fn tcp_flush(&mut self, index: u16) {
        let Some(connection) = self.tcp.get(index) else {
            return;
        };
        let (ends, class) = ((connection.remote, connection.local), connection.class);
        let Some(path) = self.tcp_path(index, ends) else {
            return;
        };
        self.tcp_fit(index, &path);
        let (now, pool) = (self.now, self.pool);
        let mut outgoing = Outgoing::new();
        for _ in 0..BURST {
            let has_room = path.is_local
                || self
                    .interface(path.interface)
                    .is_none_or(|i| i.port.want_room(class));
            if !has_room {
                self.tcp.make_ready(index);
                return;
            }
            let mut turn = Turn {
                now,
                pool,
                index,
                boards: &mut self.scoreboards,
            };
            let Some(connection) = self.tcp.get_mut(index) else {
                return;
            };
            let has_segment = match pool.has(Purpose::Header) {
                true => connection.next_outgoing(&mut turn, &mut outgoing),
                false => connection.next_control(&turn, &mut outgoing),
            };
            if !has_segment {
                return;
            }
            let is_sent = self.tcp_emit_along(index, &path, &mut outgoing);
            let Some(connection) = self.tcp.get_mut(index) else {
                return;
            };
            if !is_sent {
                return connection.not_sent(now);
            }
            if !connection.may_send(pool) {
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
        let headers = ip_header_length(connection.remote) + HEADER_LENGTH;
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
    pub(super) fn tcp_emit(&mut self, index: u16, outgoing: &mut Outgoing) -> bool {
        let Some(connection) = self.tcp.get(index) else {
            return false;
        };
        match self.tcp_path(index, (connection.remote, connection.local)) {
            Some(path) => self.tcp_emit_along(index, &path, outgoing),
            None => false,
        }
    }

    /// As [`Core::tcp_emit`], along `path`.
    fn tcp_emit_along(&mut self, index: u16, path: &Path, outgoing: &mut Outgoing) -> bool {
        let Some(connection) = self.tcp.get_mut(index) else {
            return false;
        };
        #[cfg(feature = "statistics")]
        self.statistics.tcp.emitted(connection, outgoing);
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
            let mss = self.tcp_mss_along(path, tuple.remote);
            if let Options::Composed(options) = &mut outgoing.options {
                options.set_mss(mss);
            }
        }
        self.tcp_send_along(path, &tuple, ip, outgoing, None)
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
    pub(super) fn tcp_send(&mut self, tuple: &Tuple, ip: Ip, outgoing: &mut Outgoing) -> bool {
        self.tcp_answer(tuple, ip, outgoing, None)
    }

    /// As [`Core::tcp_send`]; with `back`, to there, if the neighbour cache knows no other way.
    pub(super) fn tcp_answer(
        &mut self,
        tuple: &Tuple,
        ip: Ip,
        outgoing: &mut Outgoing,
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

    pub(super) fn tcp_send_along(
        &mut self,
        path: &Path,
        tuple: &Tuple,
        ip: Ip,
        outgoing: &mut Outgoing,
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
        let taken = match outgoing.data.take() {
            Some(data) => Ok(data),
            None => (self.pool).alloc(Purpose::Control, HEADROOM + HEADER_LENGTH + 40),
        };
        let written = taken.map_err(|_| SendDrop::NoBuffer).and_then(|mut buf| {
            self.write_tcp(path, tuple, ip, outgoing, &mut buf)?;
            Ok(buf)
        });
        let buf = match written {
            Ok(buf) => buf,
            Err(reason) => {
                self.not_sent(path.interface, reason);
                return false;
            }
        };
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
            Some(back) => self.send_packet_back(path, tuple.remote, ip, back.link, buf),
            None => self.send_packet(path, tuple.remote, ip, buf),
        };
        let sent = result.is_ok();
        self.send_or_count(path.interface, result);
        sent
    }

    /// Puts the headers of TCP and IP in front of the data in `buf`.
    #[inline]
    fn write_tcp(
        &self,
        path: &Path,
        tuple: &Tuple,
        ip: Ip,
        outgoing: &Outgoing,
        buf: &mut NetBuf,
    ) -> Result<(), SendDrop> {
        let Outgoing { options, .. } = outgoing;
        let interface = self.interface(path.interface).ok_or(SendDrop::NoRoute)?;
        // No hardware sums up what stays here.
        let offload = match path.is_local {
            true => Offload::empty(),
            false => interface.capabilities.offload,
        };
        let is_summed = !offload.contains(Offload::SEND_TCP);
        let data = match is_summed && !buf.is_empty() {
            true => buf.sum(0..buf.len()),
            false => Sum::ZERO,
        };
        let headers = HEADER_LENGTH + options.len();
        let length = buf.len() + headers;
        let no_buffer = |_| SendDrop::NoBuffer;
        let tcp = match (path.source, tuple.remote) {
            #[cfg(feature = "ipv4")]
            (IpAddress::V4(source), IpAddress::V4(destination)) => {
                let both = buf.prepend(ipv4::HEADER_LENGTH + headers);
                let both = both.map_err(no_buffer)?.split_first_chunk_mut();
                let (header, tcp) = both.ok_or(SendDrop::NoBuffer)?;
                let offload = offload.contains(Offload::SEND_IPV4);
                write_ipv4(header, length, source, destination, ip, offload);
                tcp
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let both = buf.prepend(ipv6::HEADER_LENGTH + headers);
                let both = both.map_err(no_buffer)?.split_first_chunk_mut();
                let (header, tcp) = both.ok_or(SendDrop::NoBuffer)?;
                let ip = ip.or_hop_limit(interface.hop_limit());
                write_ipv6(header, length, source, destination, ip);
                tcp
            }
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => return Err(SendDrop::NoRoute),
        };
        let (header, rest) = tcp.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
        let rest = options.write(rest).plus(data);
        let header = TcpHeaderMut::write(
            header,
            tuple.local_port,
            tuple.remote_port,
            outgoing.seq.0,
            outgoing.ack.0,
            outgoing.flags,
            outgoing.window,
        )
        .options_length(options.len());
        if is_summed {
            let (local, remote) = (tuple.local, tuple.remote);
            let pseudo = pseudo_header(local, remote, protocol::TCP, length);
            header.fill_checksum(pseudo, rest);
        }
        Ok(())
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
        let mut outgoing = Outgoing {
            seq,
            ack: ack.unwrap_or(Seq(0)),
            flags: match ack {
                Some(_) => TcpFlags::RST | TcpFlags::ACK,
                None => TcpFlags::RST,
            },
            window: 0,
            options: Options::None,
            data: None,
        };
        let _: bool = self.tcp_answer(tuple, Ip::new(protocol::TCP), &mut outgoing, back);
    }
}
