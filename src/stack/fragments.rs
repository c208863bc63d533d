//! Datagrams that are sent in fragments (RFC 791 §3.2, RFC 6864, RFC 8200 §4.5).
//!
//! The fragments of a datagram share its blocks. They are made one by one, as the port takes them,
//! so that a long datagram needs no more headers and places in the port's queue than there are:
//! what is left of it waits here.

use heapless::Deque;

use super::core::Core;
use super::route::Path;
#[cfg(neighbors)]
use super::transmit::group_address;
use super::transmit::{NotSent, Outgoing, ip_header_length};
use super::waiters::WaitKey;
#[cfg(feature = "ipv4")]
use crate::checksum::Sum;
use crate::config;
use crate::iface::{DEFAULT_HOP_LIMIT, Interface, SendDrop};
#[cfg(feature = "ipv4")]
use crate::link::Offload;
use crate::netbuf::meta::Flags;
use crate::netbuf::{Meta, NetBuf, Purpose};
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;
#[cfg(feature = "ipv6")]
use crate::wire::{ipv6, ipv6_extension::FRAGMENT_HEADER_LENGTH, protocol};

/// After how long another try is made where there was no header block or view.
const RETRY: Duration = Duration::from_millis(1);
/// How long a neighbour may be asked for its link address, or a port take nothing, before the rest
/// is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A datagram on its way in fragments.
struct Train {
    path: Path,
    destination: IpAddress,
    outgoing: Outgoing,
    identification: u32,
    /// Where what is left begins in the datagram, and the octets of a fragment.
    offset: u16,
    room: u16,
    /// A fragment waits for the neighbour's link address: the others come after it.
    has_asked: bool,
    /// When there was no header: when there may be one.
    retry: Option<Instant>,
    /// When it is given up.
    deadline: Instant,
    rest: NetBuf,
}

/// The datagrams on their way in fragments, in the order in which they came.
pub(crate) struct Trains(Deque<Train, { config::FRAGMENTED_SENDS }>);

impl Trains {
    /// Views of blocks of `pool` in what waits.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self, pool: crate::netbuf::Pool) -> usize {
        self.0.iter().map(|train| train.rest.views_of(pool)).sum()
    }
}

/// How far a datagram has come.
enum Progress {
    Sent,
    Waits(Train),
    Failed(SendDrop),
}

impl Train {
    /// It waits, unless it has for too long for this reason.
    fn waits(self, now: Instant, reason: SendDrop) -> Progress {
        match now >= self.deadline {
            true => Progress::Failed(reason),
            false => Progress::Waits(self),
        }
    }
}

/// Whether a packet for `next_hop` would go at once.
fn is_known(interface: &mut Interface<'_>, now: Instant, next_hop: IpAddress) -> bool {
    #[cfg(not(neighbors))]
    {
        let _ = (interface, now, next_hop);
        true
    }
    #[cfg(neighbors)]
    {
        !interface.has_neighbors()
            || group_address(interface, next_hop).is_some()
            || interface.neighbors.lookup(now, next_hop).is_some()
    }
}

impl Trains {
    pub(crate) const fn new() -> Self {
        Self(Deque::new())
    }

    /// Whether another datagram can be sent in fragments.
    pub(crate) fn has_room(&self) -> bool {
        !self.0.is_full()
    }

    /// When one of them is to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0
            .iter()
            .map(|train| train.retry.unwrap_or(train.deadline).min(train.deadline))
            .min()
    }
}

impl Core<'_> {
    /// Sends what is too long for a packet of `mtu` bytes in fragments: all of it, or on an error
    /// nothing. `buf` starts with the header of the transport.
    pub(super) fn send_in_fragments(
        &mut self,
        path: &Path,
        destination: IpAddress,
        outgoing: Outgoing,
        mtu: usize,
        buf: NetBuf,
    ) -> Result<(), NotSent> {
        let (headers, longest) = match destination {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => {
                let header = ip_header_length(destination);
                (header, usize::from(u16::MAX) - header)
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => {
                let header = ip_header_length(destination) + FRAGMENT_HEADER_LENGTH;
                (header, usize::from(u16::MAX))
            }
        };
        let room = mtu.saturating_sub(headers) & !7;
        if room == 0 || buf.len() > longest {
            return Err((buf, SendDrop::TooLong));
        }
        let interface = self.interface(path.interface);
        let is_up = interface.is_some_and(|i| i.is_up());
        let outgoing = outgoing.or_hop_limit(match (destination, interface) {
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(_), Some(interface)) => interface.hop_limit(),
            _ => DEFAULT_HOP_LIMIT,
        });
        if !self.trains.has_room() {
            self.displace_train();
        }
        if !is_up || !self.trains.has_room() {
            return Err((buf, SendDrop::Port));
        }
        let (source, protocol) = (path.source, outgoing.protocol);
        let train = Train {
            path: *path,
            destination,
            outgoing,
            identification: self.identifications.next(source, destination, protocol),
            offset: 0,
            room: u16::try_from(room).unwrap_or(!7),
            has_asked: false,
            retry: None,
            deadline: self.now + PATIENCE,
            rest: buf,
        };
        if let Err(train) = self.trains.0.push_back(train) {
            return Err((train.rest, SendDrop::Port));
        }
        self.send_trains();
        Ok(())
    }

    /// What waits for a neighbour that nobody may be, such as the source of a forged request, gives
    /// way to what may go.
    fn displace_train(&mut self) {
        let (now, mut displaced) = (self.now, None);
        for _ in 0..self.trains.0.len() {
            let Some(train) = self.trains.0.pop_front() else {
                break;
            };
            let (id, next_hop) = (train.path.interface, train.path.next_hop);
            let interface = self.interface_mut(id);
            let waits = train.has_asked && !interface.is_some_and(|i| is_known(i, now, next_hop));
            if waits && displaced.is_none() {
                displaced = Some(train);
            } else {
                let kept = self.trains.0.push_back(train);
                debug_assert!(kept.is_ok(), "it had a place before");
            }
        }
        if let Some(train) = displaced {
            self.not_sent(train.path.interface, SendDrop::NeighborQueue);
        }
    }

    /// Sends of what waits as much as the ports take now.
    #[cold]
    #[inline(never)]
    pub(super) fn send_trains(&mut self) {
        // All of them once: who waits comes behind those that are still to be looked at, and so
        // keeps its place.
        for _ in 0..self.trains.0.len() {
            let Some(train) = self.trains.0.pop_front() else {
                break;
            };
            let id = train.path.interface;
            match self.advance_train(train) {
                Progress::Waits(train) => {
                    let kept = self.trains.0.push_back(train);
                    debug_assert!(kept.is_ok(), "it had a place before");
                    continue;
                }
                Progress::Sent => {}
                Progress::Failed(reason) => self.not_sent(id, reason),
            }
            // There is room for another.
            self.waiters.wake(WaitKey::transmit(id));
        }
        self.arm_fragments();
    }

    /// Whether a datagram waits to be sent in fragments.
    #[inline]
    pub(super) fn has_trains(&self) -> bool {
        !self.trains.0.is_empty()
    }

    /// As [`Core::send_trains`], of one datagram.
    fn advance_train(&mut self, mut train: Train) -> Progress {
        train.retry = None;
        loop {
            let (id, next_hop) = (train.path.interface, train.path.next_hop);
            let now = self.now;
            let Some(interface) = self.interface_mut(id).filter(|i| i.is_up()) else {
                return Progress::Failed(SendDrop::Port);
            };
            if !interface.port.want_room(train.outgoing.class) {
                return train.waits(now, SendDrop::Port);
            }
            let is_known = is_known(interface, now, next_hop);
            if !is_known && train.has_asked {
                return train.waits(now, SendDrop::NeighborUnreachable);
            }
            let Some((piece, is_last)) = self.next_fragment(&mut train) else {
                train.retry = Some(now + RETRY);
                return train.waits(now, SendDrop::NoBuffer);
            };
            if let Err((piece, reason)) = self.transmit(&train.path, piece) {
                drop(piece);
                return Progress::Failed(reason);
            }
            if is_last {
                return Progress::Sent;
            }
            train.has_asked |= !is_known;
            train.deadline = now + PATIENCE;
        }
    }

    /// Takes the next fragment off, with its headers, and says whether it is the last. `None`, and
    /// nothing has changed, if there is no header block or view.
    fn next_fragment(&mut self, train: &mut Train) -> Option<(NetBuf, bool)> {
        if !self.pool.has(Purpose::Header) {
            return None;
        }
        let room = usize::from(train.room);
        let is_last = train.rest.len() <= room;
        let mut piece = train.rest.split_to(room).ok()?;
        let length = piece.len();
        if self.write_fragment(train, !is_last, &mut piece).is_none() {
            // What was put in front goes, and the rest comes behind again.
            piece.advance(piece.len() - length);
            let rest = core::mem::replace(&mut train.rest, piece);
            let joined = train.rest.join(rest);
            debug_assert!(joined.is_ok(), "both are of one pool");
            return None;
        }
        train.offset = train.offset.saturating_add(length as u16);
        piece.set_meta(Meta {
            interface: train.path.interface,
            class: train.outgoing.class,
            flags: Flags::empty(),
            network: 0,
            payload: 0,
        });
        Some((piece, is_last))
    }

    fn write_fragment(&self, train: &Train, more: bool, piece: &mut NetBuf) -> Option<()> {
        let Train {
            path,
            destination,
            outgoing,
            identification,
            offset,
            ..
        } = train;
        match (path.source, *destination) {
            #[cfg(feature = "ipv4")]
            (IpAddress::V4(source), IpAddress::V4(destination)) => {
                use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Flags, Ipv4HeaderMut};

                let length = (piece.len() + HEADER_LENGTH) as u16;
                let bytes = piece.prepend_array::<HEADER_LENGTH>().ok()?;
                let flags = match more {
                    true => Ipv4Flags::MORE_FRAGMENTS,
                    false => Ipv4Flags::empty(),
                };
                let protocol = outgoing.protocol;
                let header = Ipv4HeaderMut::write(bytes, source, destination, protocol, length)
                    .dscp_ecn(outgoing.traffic_class >> 2, outgoing.traffic_class)
                    .identification(*identification as u16)
                    .fragment(flags, *offset)
                    .ttl(outgoing.hop_limit);
                let interface = self.interface(path.interface)?;
                let offload = interface.capabilities.offload;
                if !offload.contains(Offload::SEND_IPV4) {
                    header.fill_checksum(Sum::ZERO);
                }
                Some(())
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let bytes = piece.prepend_array::<FRAGMENT_HEADER_LENGTH>().ok()?;
                let [a, b, c, d] = identification.to_be_bytes();
                let [high, low] = (offset | u16::from(more)).to_be_bytes();
                *bytes = [outgoing.protocol, 0, high, low, a, b, c, d];
                let length = piece.len() as u16;
                let bytes = piece.prepend_array::<{ ipv6::HEADER_LENGTH }>().ok()?;
                let hop_limit = outgoing.hop_limit;
                ipv6::write(
                    bytes,
                    length,
                    protocol::FRAGMENT,
                    hop_limit,
                    source,
                    destination,
                );
                let mut header = ipv6::Ipv6HeaderMut(bytes);
                header.set_traffic_class(outgoing.traffic_class);
                #[cfg(feature = "flow-labels")]
                header.set_flow_label(outgoing.flow_label);
                Some(())
            }
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => None,
        }
    }

    /// The timer of the fragments has come: some have waited for too long, here or there.
    pub(super) fn poll_fragments(&mut self) {
        self.expire_reassemblies();
        self.send_trains();
    }
}
