//! TCP on its way in and out: which connection a segment is for, and what the machines of `tcp` want
//! sent. [`emit`] sends it, [`handshake`] has what comes for no connection, [`open`] what applications
//! ask for.

mod emit;
mod handshake;
mod open;

pub use open::TcpOpenError;

use super::core::{Core, InterfaceId};
use super::receive::Delivery;
use super::waiters::WaitKey;
#[cfg(feature = "statistics")]
use crate::iface::statistics::count;
use crate::iface::{Destination, ReceiveDrop};
use crate::ip::Unreachable;
use crate::link::Offload;
use crate::netbuf::meta::Flags as MetaFlags;
use crate::netbuf::{NetBuf, Straddle};
use crate::tcp::connection::{Connection, Flags, Timers, Tuple};
use crate::tcp::ecn;
use crate::tcp::segment::{Answer, Outgoing, Segment, Turn};
use crate::tcp::sequence::Seq;
use crate::tcp::{TcpError, TcpState};
use crate::time::{Duration, Instant};
use crate::wire::protocol;
use crate::wire::tcp::{HEADER_LENGTH, TcpHeader};
use crate::wire::tcp_options::{SackBlocks, TcpOptionSpace, TcpOptions};

/// What the IP header in front of a segment says of ECN (RFC 3168 §5, RFC 8200 §3).
fn codepoint(buf: &NetBuf) -> u8 {
    let mut octets = [0; 2];
    let _: usize = buf.read(buf.meta().network.into(), &mut octets);
    match octets {
        [version, class] if version >> 4 == 4 => class & 3,
        [_, class] => class >> 4 & 3,
    }
}

/// The options at `at`, if they name nothing that has to be copied before the segment is taken apart.
#[inline]
fn plain_options(buf: &NetBuf, at: usize, length: usize) -> Option<TcpOptions<'static>> {
    if length == 0 {
        return Some(TcpOptions::default());
    }
    let options = buf.first().get(at..)?.get(..length)?;
    if let Some(found) = options
        .try_into()
        .ok()
        .and_then(TcpOptions::timestamps_alone)
    {
        return Some(found);
    }
    let found = TcpOptions::parse(options);
    (found.sack.is_empty()).then(|| TcpOptions {
        sack: SackBlocks::default(),
        ..found
    })
}

/// After how long a connection tries again that has found no header block or view for its data.
const STARVED_RETRY: Duration = Duration::from_millis(1);

impl Core<'_> {
    /// A segment has come in.
    pub(super) fn receive_tcp(
        &mut self,
        delivery: &Delivery,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let (changed, result) = self.take_segment(delivery, buf)?;
        // What it was taken apart in is off the stack by now.
        if let Some(index) = changed {
            self.tcp_settle(index);
        }
        result
    }

    /// Takes a segment in: the connection that is to be settled, if it was for one, and whether its data
    /// could be kept.
    #[inline(never)]
    fn take_segment(
        &mut self,
        delivery: &Delivery,
        mut buf: NetBuf,
    ) -> Result<(Option<u16>, Result<(), ReceiveDrop>), ReceiveDrop> {
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
        let (at, options_length) = (start + HEADER_LENGTH, header.options_length());
        let mut copied;
        let options = match plain_options(&buf, at, options_length) {
            Some(options) => options,
            None => {
                copied = TcpOptionSpace::NONE;
                copied
                    .fill(&buf, at, options_length)
                    .map_err(|_| ReceiveDrop::TcpHeader)?;
                copied.parse()
            }
        };
        let segment = Segment {
            seq: Seq(header.sequence()),
            ack: Seq(header.acknowledgment()),
            flags: header.flags(),
            window: header.window(),
            options,
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
            Some(index) => Ok((Some(index), self.tcp_arrives(index, &segment, buf))),
            None => (self.tcp_arrives_elsewhere(&tuple, &segment, buf)).map(|()| (None, Ok(()))),
        }
    }

    /// A segment for a connection, which is to be settled then.
    pub(super) fn tcp_arrives(
        &mut self,
        index: u16,
        segment: &Segment<'_>,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let mut turn = Turn {
            now: self.now,
            pool: self.pool,
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
        match arrived.dropped {
            true => Err(ReceiveDrop::TcpQuota),
            false => Ok(()),
        }
    }

    /// A suspicious or old segment is answered with an acknowledgement, within a rate (RFC 5961 §7).
    pub(super) fn tcp_challenge(&mut self, index: u16) {
        if !self.challenge_limit.allow(self.now, &mut self.rng) {
            return;
        }
        #[cfg(feature = "statistics")]
        count(&mut self.statistics.tcp.challenges);
        let turn = Turn {
            now: self.now,
            pool: self.pool,
            index,
            boards: &mut self.scoreboards,
        };
        let mut outgoing = Outgoing::new();
        let connection = self.tcp.get_mut(index);
        if connection.is_some_and(|c| c.acknowledgment(&turn, &mut outgoing)) {
            let _: bool = self.tcp_emit(index, &mut outgoing);
        }
    }

    /// After anything has happened to a connection: sends what is to be sent, sets the timer,
    /// wakes who waits, and lets it go if it is over.
    pub(crate) fn tcp_settle(&mut self, index: u16) {
        let pool = self.pool;
        if (self.tcp.get(index)).is_some_and(|connection| connection.may_send(pool)) {
            self.tcp_flush(index);
        }
        let now = self.now;
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        connection.arm_probe(now, self.scoreboards.get(index));
        if connection.state == TcpState::Closed || connection.is_time_wait() {
            self.tcp_is_over(index);
        } else {
            let mut deadline = connection.deadline(now);
            if connection.flags.contains(Flags::STARVED) {
                connection.flags -= Flags::STARVED;
                deadline = deadline.min(now + STARVED_RETRY);
            }
            self.tcp_timers.set(super::timers::Owner(index), deadline);
        }
        self.arm_tcp();
        self.waiters.wake(WaitKey::tcp(index));
    }

    /// A connection is over: what it has is given back, and its place too if nobody holds it.
    #[inline(never)]
    fn tcp_is_over(&mut self, index: u16) {
        let Some(connection) = self.tcp.get_mut(index) else {
            return;
        };
        if connection.is_time_wait() {
            self.time_wait.enter(connection, self.now);
            connection.state = TcpState::Closed;
            connection.timers = Timers::NONE;
        }
        connection.flags -= Flags::STARVED;
        #[cfg(feature = "statistics")]
        self.statistics.tcp.ended(connection);
        self.scoreboards.take_back(index);
        let (owner, deadline) = (super::timers::Owner(index), connection.deadline(self.now));
        self.tcp_timers.set(owner, deadline);
        let (flags, listener) = (connection.flags, connection.listener);
        if !flags.contains(Flags::ORPHAN) {
            return;
        }
        if flags.contains(Flags::UNACCEPTED)
            && let Some(listener) = self.listeners.get_mut(listener)
        {
            self.tcp.leave(&mut listener.queue, index);
        }
        self.tcp.remove(index);
        self.tcp_timers.clear(owner);
        self.tcp_admit();
    }

    /// After received data were taken, or the blocks that they were in given back: that changes
    /// nothing but the window.
    pub(crate) fn tcp_taken(&mut self, index: u16) {
        let pool = self.pool;
        let connection = self.tcp.get(index);
        if connection.is_some_and(|connection| connection.opens_window(pool)) {
            self.tcp_settle(index);
        }
    }

    /// Lets the core's timer follow the earliest of the connections' and handshakes'.
    pub(super) fn arm_tcp(&mut self) {
        let deadline = self.tcp_timers.next().unwrap_or(Instant::MAX);
        let deadline = deadline.min(self.half_open.deadline());
        if deadline != self.timers.of(super::timers::TCP) {
            self.set_timer(super::timers::TCP, Some(deadline));
        }
    }

    /// Does what is due for connections and handshakes.
    pub(super) fn poll_tcp(&mut self) {
        let now = self.now;
        while let Some(owner) = self.tcp_timers.expired(now) {
            let index = owner.0;
            let mut turn = Turn {
                now,
                pool: self.pool,
                index,
                boards: &mut self.scoreboards,
            };
            let mut outgoing = Outgoing::new();
            let connection = self.tcp.get_mut(index);
            if connection.is_some_and(|c| c.timer(&mut turn, &mut outgoing)) {
                let _: bool = self.tcp_emit(owner.0, &mut outgoing);
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
