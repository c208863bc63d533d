//! The control block of a connection (RFC 9293 §3.3.1), and what is decided when it begins.

use core::net::SocketAddr;

use bitflags::bitflags;

use super::clock::{Deadline, Past, millis};
use super::congestion::Congestion;
use super::error::{Ended, SoftError, TcpError};
use super::isn::FourTuple;
use super::recovery::{Recovery, Sender};
use super::rtt::RttEstimator;
use super::sequence::Seq;
use crate::config;
use crate::ip::Unreachable;
use crate::netbuf::{ByteQueue, Parked, SendQueue};
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;

/// The states of RFC 9293 §3.3.2 that need a control block. LISTEN is a listener, SYN-RECEIVED of a
/// passive open a half-open entry, TIME-WAIT an entry of its own, and CLOSED is no block at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TcpState {
    /// No connection.
    Closed,
    /// A SYN was sent.
    SynSent,
    /// SYNs crossed: ours is not acknowledged yet.
    SynReceived,
    /// Data can pass both ways.
    Established,
    /// We have said that we send no more; that is not acknowledged yet.
    FinWait1,
    /// The peer has acknowledged that we send no more.
    FinWait2,
    /// The peer sends no more; we may.
    CloseWait,
    /// Both send no more; the peer has not acknowledged that we do not.
    Closing,
    /// The peer sent no more first; it has not acknowledged that we do not.
    LastAck,
}

impl TcpState {
    /// Whether the handshake is done (RFC 9293 §3.3.2).
    pub(crate) const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::SynSent | Self::SynReceived)
    }
}

bitflags! {
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Flags: u32 {
        /// Both sides know of selective acknowledgements.
        const SACK = 1 << 0;
        /// Both sides send timestamps.
        const TIMESTAMPS = 1 << 1;
        /// An acknowledgement is due at once.
        const ACK_NOW = 1 << 2;
        /// An acknowledgement is due when the timer says so.
        const ACK_LATER = 1 << 3;
        /// The application has closed its side: FIN follows the last byte.
        const FIN_WANTED = 1 << 4;
        /// FIN has been sent at least once.
        const FIN_SENT = 1 << 5;
        /// The peer has sent FIN and all before it.
        const FIN_RECEIVED = 1 << 6;
        /// The application reads no more: what comes in is thrown away.
        const READ_SHUT = 1 << 7;
        /// Segments are not held back to be filled (no Nagle).
        const NO_DELAY = 1 << 8;
        /// The peer is asked now and then whether it is still there.
        const KEEPALIVE = 1 << 9;
        /// Nobody holds the connection any more: it finishes by itself.
        const ORPHAN = 1 << 10;
        /// It waits in its listener's queue.
        const UNACCEPTED = 1 << 11;
        /// The segment that is being measured for the round trip was sent once only.
        const MEASURING = 1 << 12;
        /// The window held the last transmission back.
        const CWND_LIMITED = 1 << 13;
        /// The peer has sent FIN: where it is is known.
        const FIN_KNOWN = 1 << 15;
        /// Our SYN is to be sent now, for the first time or again.
        const SYN_DUE = 1 << 16;
        /// A duplicate is to be reported, if it is remembered still.
        const DUPLICATE = 1 << 21;
        /// Both sides know of ECN (feature `tcp-ecn`).
        const ECN = 1 << 22;
        /// Congestion was experienced: the peer is told until it says that it has heard.
        const ECN_ECHO = 1 << 23;
        /// The window was reduced: the peer is told so with the next new data.
        const ECN_REDUCED = 1 << 24;
        /// What was put together last may be marked where it would be dropped else.
        const ECN_CAPABLE = 1 << 25;
        /// There was no block for a header, or no view, for what is to be sent.
        const STARVED = 1 << 19;
        /// A retransmission was left out once, because the first copy is still with the driver.
        const STILL_QUEUED = 1 << 14;
        /// Both sides scale their windows.
        const SCALE = 1 << 17;
        /// An ICMP error has said how much passes on the way to the peer: segments are shorter for it.
        const PATH_MTU = 1 << 26;
        /// The window has opened again, and what stood before it was not taken: it is sent again.
        const REOPENED = 1 << 18;
        /// What was put together last was sent before.
        #[cfg(feature = "statistics")]
        const RESENT = 1 << 27;
        /// Its end was counted.
        #[cfg(feature = "statistics")]
        const COUNTED = 1 << 28;
    }
}

/// The deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    /// Retransmission, or zero-window probe: never both at once.
    pub(crate) retransmit: Deadline<0>,
    /// A delayed acknowledgement.
    pub(crate) acknowledge: Deadline<0>,
    /// A probe of the tail, or losses that come to light by time alone (RFC 8985 §7.2, §6.2 step 5).
    pub(crate) probe: Deadline<0>,
    /// The next keepalive probe, or the end of a FIN-WAIT-2 that nobody waits for.
    pub(crate) keepalive: Deadline<10>,
}

impl Timers {
    /// None of them runs.
    pub(crate) const NONE: Self = Self {
        retransmit: Deadline::NONE,
        acknowledge: Deadline::NONE,
        probe: Deadline::NONE,
        keepalive: Deadline::NONE,
    };
}

/// The shifts of the peer's windows and of ours, 14 at most (RFC 7323 §2.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scales(u8);

impl Scales {
    const fn new(send: u8, receive: u8) -> Self {
        Self(send << 4 | receive & 15)
    }

    /// That of the peer's.
    pub(crate) const fn send(self) -> u8 {
        self.0 >> 4
    }

    /// That of ours.
    pub(crate) const fn receive(self) -> u8 {
        self.0 & 15
    }
}

/// What round trips are measured by: by timestamps, or else by one segment at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrips {
    /// What our timestamps are ahead of the time (RFC 7323 §5.4).
    pub(crate) offset: u32,
    /// TS.Recent, the peer's latest timestamp. Without timestamps: what acknowledges the segment that
    /// is measured.
    number: u32,
    /// When that timestamp came, in the units of `Past<20>`. Without timestamps, and before they are
    /// agreed: when that segment was sent, in the units of `Past<4>`.
    at: u32,
}

impl RoundTrips {
    const fn new(offset: u32) -> Self {
        Self {
            offset,
            number: 0,
            at: 0,
        }
    }

    /// TS.Recent, where there are timestamps.
    pub(crate) const fn recent(&self) -> u32 {
        self.number
    }

    /// A timestamp of the peer's has come.
    pub(crate) const fn stamped(&mut self, value: u32, now: Instant) {
        (self.number, self.at) = (value, Past::<20>::new(now).0);
    }

    /// How long ago the latest timestamp came, in whole seconds about.
    pub(crate) const fn stamped_ago(&self, now: Instant) -> Duration {
        Past::<20>(self.at).elapsed(now)
    }

    /// A segment is sent that `end` acknowledges: without timestamps it is measured.
    pub(crate) const fn begin(&mut self, end: Seq, now: Instant) {
        (self.number, self.at) = (end.0, Past::<4>::new(now).0);
    }

    /// How long the segment that is measured has taken, if `ack` acknowledges it.
    pub(crate) const fn measured(&self, ack: Seq, now: Instant) -> Option<Duration> {
        match ack.is_before(Seq(self.number)) {
            true => None,
            false => Some(Past::<4>(self.at).elapsed(now)),
        }
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) local: IpAddress,
    pub(crate) remote: IpAddress,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    pub(crate) state: TcpState,
    pub(crate) flags: Flags,
    pub(super) ended: Option<Ended>,

    // Send sequence variables (RFC 9293 §3.3.1).
    pub(crate) una: Seq,
    /// The end of all that was ever sent: it never goes back.
    pub(crate) nxt: Seq,
    pub(crate) wnd: u32,
    /// SND.WL1. Of SND.WL2 it is known that it is not behind `una`, and that is all that counts.
    pub(crate) wl1: Seq,
    /// The largest window that the peer has offered since it was last seen to keep a smaller one.
    pub(crate) max_wnd: u32,
    pub(crate) scales: Scales,
    /// Bytes from `una` on.
    pub(crate) to_send: SendQueue,
    pub(crate) send_quota: u32,

    // Receive sequence variables.
    pub(crate) rcv_nxt: Seq,
    /// The right edge of the window that was last offered.
    pub(crate) rcv_edge: Seq,
    /// The acknowledgement number that was last sent.
    pub(crate) last_ack: Seq,
    pub(crate) received: ByteQueue,
    /// Segments beyond `rcv_nxt`, by sequence number; each names its own in its header.
    pub(crate) out_of_order: Parked,
    /// The sequence number of the peer's FIN, with [`Flags::FIN_KNOWN`].
    fin: Seq,
    pub(crate) receive_quota: u32,

    pub(crate) round_trips: RoundTrips,
    pub(crate) rtt: RttEstimator,
    pub(crate) congestion: Congestion,
    pub(crate) recovery: Recovery,
    pub(crate) timers: Timers,
    /// Probes of a zero window or of a silent peer since it last answered.
    pub(crate) probes: u8,
    /// When the peer was last heard of while something was on its way to it, or data went out that nothing
    /// was on its way before: with nothing on its way, when the last of it was acknowledged.
    /// It goes round in 50 days, and no user timeout is longer than one: what is on its way that long
    /// is asked about before.
    pub(crate) heard: Past<10>,
    /// Seconds without an answer after which the connection is given up (RFC 5482).
    pub(crate) user_timeout: u16,
    /// Seconds of silence before the first keepalive probe.
    pub(crate) keepalive_after: u16,
    /// The listener that it came by.
    pub(crate) listener: u16,
    /// The most data that the peer takes in a segment, options counted.
    peer_mss: u16,
    /// Segments that were sent again, as far as they can be counted.
    pub(crate) retransmitted: u16,
    /// TTL or hop limit.
    pub(crate) hop_limit: u8,
    /// DSCP, in the upper six bits.
    pub(crate) traffic_class: u8,
    pub(crate) class: u8,
    /// What ICMP or a neighbour said last, while the peer has not been heard of since.
    soft_error: Option<SoftError>,
}

/// An idle connection costs no more than its control block, and that is small.
#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Connection>() < 256);

/// What the two sides agreed on in their SYNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The most data that the peer takes in a segment, as it says, or the default (RFC 9293 §3.7.1).
    pub(crate) peer_mss: u16,
    /// The shift of the peer's windows, if both sides scale.
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    /// The TSval of the peer's SYN, if both sides send timestamps.
    pub(crate) timestamp: Option<u32>,
    /// Both sides know of ECN (RFC 3168 §6.1.1); never without the feature `tcp-ecn`.
    pub(crate) ecn: bool,
}

/// The four-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuple {
    pub(crate) local: IpAddress,
    pub(crate) local_port: u16,
    pub(crate) remote: IpAddress,
    pub(crate) remote_port: u16,
}

impl Tuple {
    /// The same in the addresses of the standard library.
    pub(crate) fn addresses(&self) -> FourTuple {
        FourTuple {
            local: SocketAddr::new(self.local.into(), self.local_port),
            remote: SocketAddr::new(self.remote.into(), self.remote_port),
        }
    }
}

/// The most data that a peer takes in a segment that does not say (RFC 9293 §3.7.1): what the smallest
/// packets have room for that its version of IP is sure to pass.
pub(crate) const fn default_mss(peer: IpAddress) -> u16 {
    match peer {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => config::TCP_MSS_DEFAULT as u16,
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => 1220,
    }
}

/// What a path that swallows packets is tried with, headers off: "a value of 1024 bytes is probably safe
/// enough" (RFC 4821 §7.2).
const BLACK_HOLE_MSS: u16 = 1024 - 40;

/// Bytes that a timestamps option takes in each segment.
const TIMESTAMPS_LENGTH: u16 = 12;

impl Connection {
    /// A connection about to send its SYN, whose first sequence number is `iss`.
    #[inline(always)]
    pub(crate) fn new(tuple: Tuple, iss: Seq, ts_offset: u32, mss: u16, now: Instant) -> Self {
        let Tuple {
            local,
            local_port,
            remote,
            remote_port,
        } = tuple;
        Self {
            local,
            remote,
            local_port,
            remote_port,
            state: TcpState::SynSent,
            flags: Flags::SYN_DUE,
            ended: None,
            una: iss,
            nxt: iss,
            wnd: 0,
            wl1: Seq(0),
            max_wnd: 0,
            scales: Scales::new(0, scale_for(config::TCP_RECEIVE_QUOTA as u32)),
            to_send: SendQueue::new(),
            send_quota: config::TCP_SEND_QUOTA as u32,
            rcv_nxt: Seq(0),
            rcv_edge: Seq(0),
            last_ack: Seq(0),
            received: ByteQueue::new(),
            out_of_order: Parked::new(),
            fin: Seq(0),
            receive_quota: config::TCP_RECEIVE_QUOTA as u32,
            round_trips: RoundTrips::new(ts_offset),
            rtt: RttEstimator::new(),
            congestion: Congestion::new(mss),
            recovery: Recovery::new(iss),
            timers: Timers::NONE,
            probes: 0,
            heard: Past::new(now),
            user_timeout: config::TCP_USER_TIMEOUT as u16,
            keepalive_after: config::TCP_KEEPALIVE as u16,
            listener: u16::MAX,
            peer_mss: mss,
            retransmitted: 0,
            hop_limit: 0,
            traffic_class: 0,
            class: 0,
            soft_error: None,
        }
    }

    pub(crate) fn tuple(&self) -> Tuple {
        Tuple {
            local: self.local,
            local_port: self.local_port,
            remote: self.remote,
            remote_port: self.remote_port,
        }
    }

    /// Takes over what the SYNs agreed on. `own_mss` is the most data that a segment of ours can
    /// have on the way to the peer.
    pub(crate) fn agree(&mut self, agreed: Agreed, own_mss: u16, irs: Seq, now: Instant) {
        let Agreed {
            peer_mss,
            scale,
            sack,
            timestamp,
            ecn,
        } = agreed;
        self.scales = match scale {
            Some(scale) => Scales::new(scale, self.scales.receive()),
            None => Scales::new(0, 0),
        };
        self.flags.set(Flags::SCALE, scale.is_some());
        self.flags.set(Flags::SACK, sack);
        self.flags.set(Flags::ECN, ecn);
        self.peer_mss = peer_mss;
        let mut mss = peer_mss.min(own_mss);
        if let Some(timestamp) = timestamp {
            self.flags |= Flags::TIMESTAMPS;
            self.round_trips.stamped(timestamp, now);
            mss = mss.saturating_sub(TIMESTAMPS_LENGTH);
        }
        let mss = mss.max(config::TCP_MSS_MIN as u16 - TIMESTAMPS_LENGTH);
        self.congestion = Congestion::new(mss);
        // What our SYN offered stands.
        let offered = self.rcv_edge.distance(self.rcv_nxt);
        self.rcv_nxt = irs + 1;
        self.rcv_edge = self.rcv_nxt + offered;
        self.last_ack = irs + 1;
        self.heard = Past::new(now);
    }

    /// Bytes of data in a full segment, options taken off.
    pub(crate) const fn mss(&self) -> u16 {
        self.congestion.mss()
    }

    /// The sequence number of the peer's FIN, once it is known.
    pub(super) fn fin(&self) -> Option<Seq> {
        self.flags.contains(Flags::FIN_KNOWN).then_some(self.fin)
    }

    /// The peer's FIN is known to be at `seq`.
    pub(super) fn set_fin(&mut self, seq: Seq) {
        self.fin = seq;
        self.flags |= Flags::FIN_KNOWN;
    }

    /// Our timestamp clock: a millisecond a tick (RFC 7323 §5.4).
    pub(crate) fn timestamp(&self, now: Instant) -> u32 {
        millis(now).wrapping_add(self.round_trips.offset)
    }

    /// The flow label of its segments (RFC 6437 §3).
    #[cfg(feature = "flow-labels")]
    pub(crate) const fn flow_label(&self) -> u32 {
        flow_label(self.round_trips.offset)
    }

    /// Bytes on the way: sent and not acknowledged, SYN and FIN counted.
    pub(crate) fn flight(&self) -> u32 {
        self.nxt.distance(self.una)
    }

    /// Whether our FIN has been acknowledged.
    pub(crate) fn is_fin_acked(&self) -> bool {
        self.flags.contains(Flags::FIN_SENT) && self.una == self.nxt
    }

    /// The application closes its side.
    pub(crate) fn close_send(&mut self) {
        self.flags |= Flags::FIN_WANTED;
    }

    /// Whether a FIN is to be sent that never was.
    pub(super) fn owes_fin(&self) -> bool {
        self.flags.contains(Flags::FIN_WANTED) && !self.flags.contains(Flags::FIN_SENT)
    }

    /// What loss recovery needs to know.
    pub(crate) fn sender(&self) -> Sender {
        let offered = self.wnd.saturating_sub(self.flight());
        Sender {
            una: self.una,
            nxt: self.nxt,
            unsent: self.unsent().min(offered),
        }
    }

    /// Bytes of data behind `nxt`: they have not been sent.
    pub(crate) fn unsent(&self) -> u32 {
        if self.flags.contains(Flags::FIN_SENT) || !self.state.is_synchronized() {
            return 0;
        }
        (self.to_send.len() as u32).saturating_sub(self.flight())
    }

    /// The connection begins with a handshake that its peer began and finished, and in which we have
    /// `offered` a window.
    pub(crate) fn open_passively(&mut self, window: u16, offered: u16, irs: Seq, begun: Instant) {
        self.state = TcpState::Established;
        self.una += 1;
        self.nxt = self.una;
        self.recovery = Recovery::new(self.una);
        (self.wnd, self.max_wnd) = (u32::from(window), u32::from(window));
        self.wl1 = irs;
        self.rcv_edge = self.rcv_nxt + u32::from(offered);
        self.flags -= Flags::SYN_DUE;
        // If it ends before it is accepted, nobody has to know of it.
        self.flags |= Flags::UNACCEPTED | Flags::ORPHAN;
        if !self.flags.contains(Flags::TIMESTAMPS) {
            self.round_trips.begin(self.una, begun);
        }
    }

    /// Bytes of the options in every segment.
    fn options_length(&self) -> u16 {
        match self.flags.contains(Flags::TIMESTAMPS) {
            true => TIMESTAMPS_LENGTH,
            false => 0,
        }
    }

    /// Bytes of a full segment, its header without options off.
    pub(crate) fn segment_length(&self) -> usize {
        usize::from(self.mss()) + usize::from(self.options_length())
    }

    /// A link on the way takes segments of so many bytes at most, headers off (RFC 1191, RFC 8201).
    /// Whether that is less than before: then what is on its way is lost, as far as it is longer.
    pub(crate) fn path_mtu(&mut self, most: usize) -> bool {
        let is_less = self.reduce_segments(most);
        if is_less {
            self.flags |= Flags::PATH_MTU;
        }
        is_less
    }

    fn reduce_segments(&mut self, most: usize) -> bool {
        let most = (most.min(65_535) as u16).max(default_mss(self.remote)) - self.options_length();
        let is_less = most < self.mss();
        if is_less {
            self.congestion.set_mss(most);
        }
        is_less
    }

    /// So much passes now, headers off, as far as is known: what was learnt of the way to the peer has
    /// ended (RFC 1191 §6.3, RFC 8201 §5.3), or has not if it `is_learnt`.
    #[cfg(feature = "path-mtu")]
    #[cold]
    pub(crate) fn path_grew(&mut self, most: usize, is_learnt: bool) {
        self.flags.set(Flags::PATH_MTU, is_learnt);
        let most = (most.min(65_535) as u16).min(self.peer_mss);
        let most = most.saturating_sub(self.options_length());
        if most > self.mss() {
            self.congestion.set_mss(most);
        }
    }

    /// Segments are lost again and again: perhaps they are too long for a link on the way, and nobody
    /// says so. Smaller ones are tried, and smallest ones in the end (RFC 4821 §7.7).
    #[cold]
    pub(super) fn suspect_black_hole(&mut self, timeouts: u32) {
        let most = match timeouts {
            3 => BLACK_HOLE_MSS.into(),
            5 => 0,
            _ => return,
        };
        if self.reduce_segments(most) {
            self.flags -= Flags::PATH_MTU;
        }
    }

    /// The earliest of the deadlines; [`Instant::MAX`] if there is none.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        let Timers {
            retransmit,
            acknowledge,
            probe,
            keepalive,
        } = self.timers;
        let left = (retransmit.micros_left(now))
            .min(acknowledge.micros_left(now))
            .min(probe.micros_left(now));
        let deadline = match left {
            u32::MAX => Instant::MAX,
            left => now + Duration::from_micros(left.into()),
        };
        match keepalive.left(now) {
            None => deadline,
            Some(left) => deadline.min(now + left),
        }
    }

    /// Nobody waits for the peer's FIN: it is waited for no longer than this.
    pub(crate) fn limit_fin_wait_2(&mut self, now: Instant) {
        let wait = Duration::from_secs(config::TCP_FIN_WAIT_2 as u64);
        self.timers.keepalive = Deadline::after(now, wait);
    }

    /// A soft error has come (RFC 9293 §3.9.1.8).
    #[cold]
    pub(crate) fn hear_error(&mut self, why: Unreachable) {
        self.soft_error = SoftError::new(why).or(self.soft_error);
    }

    /// The last soft error since the peer was heard of.
    pub(crate) fn soft_error(&self) -> Option<Unreachable> {
        self.soft_error.map(SoftError::into)
    }

    /// Why the connection ended before its time, if it did.
    pub(crate) fn error(&self) -> Option<TcpError> {
        self.ended.map(Ended::into)
    }

    /// What was wrong, if anything, is so no more.
    pub(super) const fn forget_error(&mut self) {
        self.soft_error = None;
    }

    /// The peer has been silent for too long: because of what was said last, if anything was.
    pub(super) fn give_up(&mut self) {
        self.end(match self.soft_error() {
            Some(why) => TcpError::Unreachable(why),
            None => TcpError::TimedOut,
        });
    }

    /// How long the peer may be silent.
    pub(crate) fn user_timeout(&self) -> Duration {
        match self.user_timeout {
            0 => Duration::MAX,
            seconds => Duration::from_secs(u64::from(seconds)),
        }
    }
}

/// A flow label that is not zero, from the keyed hash of a four-tuple that shifts its timestamps too:
/// so it costs nothing to keep.
#[cfg(feature = "flow-labels")]
pub(crate) const fn flow_label(ts_offset: u32) -> u32 {
    match ts_offset.wrapping_mul(0x9e37_79b1) >> 12 {
        0 => 1,
        label => label,
    }
}

/// The smallest shift with which a window of `bytes` fits into 16 bits (RFC 7323 §2.3).
pub(crate) const fn scale_for(bytes: u32) -> u8 {
    let mut scale = 0;
    while scale < 14 && bytes >> scale > 65_535 {
        scale += 1;
    }
    scale
}
