//! UDP sockets, and UDP on its way in (RFC 768, RFC 8085, RFC 8200 §8.1).

use core::net::{IpAddr, SocketAddr};

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::receive::Delivery;
use super::route::socket_addr;
use super::waiters::WaitKey;
use crate::checksum::Sum;
#[cfg(feature = "fast-paths")]
use crate::checksum::copy;
#[cfg(feature = "multicast")]
use crate::iface::group::{Hears, SourceChange};
#[cfg(feature = "multicast")]
use crate::iface::{AddressError, FilterMode, Member};
use crate::iface::{Destination, Interface, ReceiveDrop};
use crate::ip::Unreachable;
use crate::link::Offload;
use crate::netbuf::meta::Flags;
use crate::netbuf::{Charge, NetBuf, Straddle};
use crate::udp::{BindError, Datagram, Options};
use crate::wire::udp::{HEADER_LENGTH, UdpHeader};
use crate::wire::{IpAddress, protocol};

/// What goes with a received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvInfo {
    /// Who sent it. The scope id of a link-local address is the number of the interface, counted
    /// from 1.
    pub source: SocketAddr,
    /// The address that it was sent to: one of ours, a group, or a broadcast address.
    pub destination: IpAddr,
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Its TTL or hop limit when it came in.
    pub hop_limit: u8,
    /// Its DSCP (the upper six bits) and ECN.
    pub traffic_class: u8,
    /// Bytes of data that it had, also where the caller's slice took fewer.
    pub length: usize,
    /// When the driver received it, in nanoseconds on its own clock; 0 if it did not say.
    #[cfg(feature = "timestamps")]
    pub timestamp: u64,
}

/// A datagram that a socket has received. Its data start at the meta's payload offset.
///
/// Moved about as it is: a [`RecvInfo`], whose addresses of the standard library are three times
/// as long, is made where the caller wants it.
pub(crate) struct Received {
    pub(crate) buf: NetBuf,
    /// Bytes that were copied to the caller.
    pub(crate) copied: usize,
    length: usize,
    source: IpAddress,
    destination: IpAddress,
    source_port: u16,
    hop_limit: u8,
    traffic_class: u8,
}

impl Received {
    #[inline]
    pub(crate) fn info(&self) -> RecvInfo {
        RecvInfo {
            source: socket_addr(
                self.source,
                self.source_port,
                Some(self.buf.meta().interface),
            ),
            destination: self.destination.into(),
            interface: self.buf.meta().interface,
            hop_limit: self.hop_limit,
            traffic_class: self.traffic_class,
            length: self.length,
            #[cfg(feature = "timestamps")]
            timestamp: self.buf.stamp().nanos,
        }
    }
}

/// Queues a datagram at every socket that it is for.
pub(super) type Spread = fn(&mut Core<'_>, &Delivery, &Datagram, NetBuf) -> Result<(), ReceiveDrop>;

const SPREAD: Spread =
    |core, delivery, datagram, buf| core.receive_udp_members(delivery, datagram, buf);

/// What there is at first. Where there are no groups a datagram is for several sockets only if they
/// share their port: a firmware in which none does is linked without.
pub(super) const SPREAD_AT_FIRST: Option<Spread> =
    match cfg!(any(feature = "multicast", feature = "ipv6")) {
        true => Some(SPREAD),
        false => None,
    };

impl Stack<'_> {
    /// The next datagram of a socket that is not damaged. With `to`, its data are copied there, and
    /// summed as they are. The core is borrowed only while the datagram leaves its queue.
    pub(crate) fn udp_receive(self, index: u16, mut to: Option<&mut [u8]>) -> Option<Received> {
        loop {
            let buf = self.peek(|core| core.udp.get_mut(index)?.take())?;
            match read(buf, to.as_deref_mut()) {
                Ok(received) => return Some(received),
                Err(buf) => self.udp_damaged(index, buf),
            }
        }
    }

    /// Drops the damaged datagrams in front of a socket's queue, and shows `look` the first that is
    /// not, and where in it the data start. It stays in the queue.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn udp_peek(
        self,
        index: u16,
        look: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, RecvInfo)> {
        let mut received = self.udp_receive(index, None)?;
        let mut meta = received.buf.meta();
        let found = (look(&received.buf, meta.payload.into()), received.info());
        meta.flags |= Flags::TRANSPORT_SUM_VERIFIED;
        received.buf.set_meta(meta);
        self.peek(|core| {
            core.udp.get_mut(index)?.put_back(received.buf);
            Some(found)
        })
    }

    #[cold]
    fn udp_damaged(self, index: u16, buf: NetBuf) {
        let id = buf.meta().interface;
        drop(buf);
        self.peek(|core| {
            if let Some(slot) = core.udp.get_mut(index) {
                slot.dropped = slot.dropped.wrapping_add(1);
            }
            if let Some(interface) = core.interface_mut(id) {
                interface.counters.reconsidered(ReceiveDrop::UdpChecksum);
            }
        });
    }
}

impl Core<'_> {
    /// Finds the socket of a datagram and queues it there. Gives it back if there is no socket.
    #[inline]
    pub(super) fn receive_udp(
        &mut self,
        delivery: &Delivery,
        mut buf: NetBuf,
    ) -> Result<(), (Option<NetBuf>, ReceiveDrop)> {
        let drop = |reason| (None, reason);
        let start = delivery.start;
        let mut straddle = Straddle::new();
        let bytes = buf.header::<HEADER_LENGTH>(start, &mut straddle);
        let bytes = bytes.ok_or(drop(ReceiveDrop::UdpHeader))?;
        let header = UdpHeader::new(bytes).map_err(|_| drop(ReceiveDrop::UdpHeader))?;
        let length = usize::from(header.length());
        if length > delivery.length {
            return Err(drop(ReceiveDrop::UdpHeader));
        }
        let has_checksum = header.has_checksum();
        let datagram = Datagram {
            interface: delivery.interface,
            source: delivery.source,
            source_port: header.source_port(),
            destination: delivery.destination,
            destination_port: header.destination_port(),
        };
        let mut meta = buf.meta();
        if !has_checksum {
            // "IPv6 receivers must discard UDP packets containing a zero checksum" (RFC 8200 §8.1).
            #[cfg(feature = "ipv6")]
            if matches!(delivery.source, IpAddress::V6(_)) {
                return Err(drop(ReceiveDrop::UdpChecksum));
            }
            meta.flags |= Flags::TRANSPORT_SUM_VERIFIED;
        }
        if delivery.offload.contains(Offload::RECEIVE_UDP) && !meta.is_reassembled()
            || meta.flags.contains(Flags::LOOPED_BACK)
        {
            meta.flags |= Flags::TRANSPORT_SUM_VERIFIED;
        }
        meta.payload = (start + HEADER_LENGTH) as u16;
        buf.set_meta(meta);
        if length < delivery.length {
            buf.truncate(start + length);
        }
        if delivery.kind != Destination::Unicast
            && let Some(spread) = self.spreading
        {
            return spread(self, delivery, &datagram, buf).map_err(drop);
        }
        match self.udp.find(&datagram) {
            Some(index) => self.deliver_udp(index, buf).map_err(drop),
            // What is damaged was perhaps for another port: nobody is told.
            None if is_damaged(&buf) => Err(drop(ReceiveDrop::UdpChecksum)),
            None => Err((Some(buf), ReceiveDrop::UdpNoSocket)),
        }
    }

    /// Queues a datagram to a group or to all at every socket that listens, sharing its blocks.
    #[cold]
    fn receive_udp_members(
        &mut self,
        delivery: &Delivery,
        datagram: &Datagram,
        buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let mut result = Err(ReceiveDrop::UdpNoSocket);
        let mut last = None;
        let mut candidate = self.udp.next_member(None, datagram);
        while let Some(index) = candidate {
            candidate = self.udp.next_member(Some(index), datagram);
            if delivery.kind == Destination::Multicast
                && let Err(reason) = self.is_member(delivery, index)
            {
                result = result.map_err(|known| match known {
                    ReceiveDrop::UdpNoSocket => reason,
                    known => known,
                });
                continue;
            }
            if let Some(before) = last.replace(index) {
                let copied = match buf.try_clone() {
                    Ok(copy) => self.deliver_udp(before, copy),
                    Err(_) => Err(ReceiveDrop::NoBuffer),
                };
                result = result.or(copied);
            }
        }
        match last {
            Some(index) => result.or(self.deliver_udp(index, buf)),
            None => result,
        }
    }

    /// Whether a socket wants what is sent to a group, or why not: it has joined and wants the
    /// source, or takes all.
    fn is_member(&self, delivery: &Delivery, index: u16) -> Result<(), ReceiveDrop> {
        let slot = self.udp.get(index);
        if slot.is_some_and(|slot| slot.options.contains(Options::ALL_GROUPS)) {
            return Ok(());
        }
        #[cfg(feature = "multicast")]
        if let Some(interface) = self.interface(delivery.interface) {
            let (group, source) = (delivery.destination, delivery.source);
            match interface.hears(group, source, Member::udp(index)) {
                Hears::Source => return Ok(()),
                Hears::OtherSources => return Err(ReceiveDrop::UdpSource),
                Hears::Nothing => {}
            }
        }
        let _ = delivery;
        Err(ReceiveDrop::UdpNoSocket)
    }

    #[inline(never)]
    fn deliver_udp(&mut self, index: u16, mut buf: NetBuf) -> Result<(), ReceiveDrop> {
        let Some(slot) = self.udp.get_mut(index) else {
            return Err(ReceiveDrop::UdpNoSocket);
        };
        if buf.set_charge(Charge::Held).is_err() {
            slot.dropped = slot.dropped.wrapping_add(1);
            return Err(ReceiveDrop::PoolHeld);
        }
        slot.receive(buf).map_err(|_| ReceiveDrop::UdpQuota)?;
        self.waiters.wake(WaitKey::udp(index));
        Ok(())
    }

    /// An ICMP error, or a neighbour that does not answer, concerns a datagram from `local` to
    /// `remote`: a connected socket is told (RFC 1122 §4.1.3.3). False if no socket has sent it.
    pub(super) fn udp_failed(
        &mut self,
        id: InterfaceId,
        local: (IpAddress, u16),
        remote: (IpAddress, u16),
        why: Unreachable,
    ) -> bool {
        let Some(index) = self.udp.find_sender(id, local, remote) else {
            return false;
        };
        if let Some(slot) = self
            .udp
            .get_mut(index)
            .filter(|slot| slot.remote == Some(remote))
        {
            slot.error = Some(why);
            self.waiters.wake(WaitKey::udp(index));
        }
        true
    }

    /// Opens a socket.
    pub(crate) fn udp_bind(
        &mut self,
        local: SocketAddr,
        interface: Option<InterfaceId>,
        options: Options,
        one_version: bool,
    ) -> Result<u16, BindError> {
        let address = match local.ip() {
            address if address.is_unspecified() && !one_version => None,
            address => {
                Some(IpAddress::try_from(address).map_err(|_| BindError::UnsupportedFamily)?)
            }
        };
        if interface.is_some_and(|id| self.interface(id).is_none()) {
            return Err(BindError::NoInterface);
        }
        if let Some(address) = address {
            let is_ours = address.is_unspecified()
                || address.is_multicast()
                || self.interfaces().any(|(_, i)| is_ours(i, address));
            if !is_ours {
                return Err(BindError::NotOurs);
            }
        }
        if options.contains(Options::REUSE) {
            self.spreading = Some(SPREAD);
        }
        let pool = self.pool;
        let index = self
            .udp
            .open(address, local.port(), interface, options, &mut self.rng)?;
        if let Some(slot) = self.udp.get_mut(index) {
            slot.multicast_hop_limit = 1;
            // A socket that nobody reads holds a part of what may be held, and no more.
            slot.quota_blocks = pool.limits().held.div_ceil(2).max(1);
            slot.quota_bytes = u32::MAX;
        }
        Ok(index)
    }

    /// Closes a socket: what it has received is given back, its groups are left.
    pub(crate) fn udp_close(&mut self, index: u16) {
        #[cfg(feature = "multicast")]
        for id in 0..self.interfaces.len() as InterfaceId {
            let interface = self.interface_mut(id);
            if interface.is_some_and(|interface| interface.leave_all(Member::udp(index))) {
                self.groups_changed(id);
            }
        }
        self.udp.close(index);
        self.waiters.wake(WaitKey::udp(index));
    }

    /// Changes which sources of a group a socket listens to.
    #[cfg(feature = "multicast")]
    pub(crate) fn udp_change_source(
        &mut self,
        index: u16,
        group: IpAddr,
        source: IpAddr,
        id: InterfaceId,
        change: SourceChange,
    ) -> Result<(), AddressError> {
        let address =
            |address| IpAddress::try_from(address).map_err(|_| AddressError::UnsupportedFamily);
        let (group, source) = (address(group)?, address(source)?);
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        let result = interface.change_source(group, Member::udp(index), source, change);
        self.groups_changed(id);
        result
    }

    /// Has a socket listen to a group from these sources, or from all others.
    #[cfg(feature = "multicast")]
    pub(crate) fn udp_set_filter(
        &mut self,
        index: u16,
        group: IpAddr,
        id: InterfaceId,
        mode: FilterMode,
        sources: &[IpAddr],
    ) -> Result<(), AddressError> {
        let group = IpAddress::try_from(group).map_err(|_| AddressError::UnsupportedFamily)?;
        if sources
            .iter()
            .any(|source| IpAddress::try_from(*source).is_err())
        {
            return Err(AddressError::UnsupportedFamily);
        }
        let sources = sources
            .iter()
            .filter_map(|source| IpAddress::try_from(*source).ok());
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        let result = interface.set_filter(group, Member::udp(index), mode, sources);
        self.groups_changed(id);
        result
    }
}

/// Takes a datagram out of its packet, if it is not damaged; else gives the packet back.
#[inline]
fn read(buf: NetBuf, to: Option<&mut [u8]>) -> Result<Received, NetBuf> {
    let meta = buf.meta();
    let payload = usize::from(meta.payload);
    let length = buf.len().saturating_sub(payload);
    let is_verified = meta.flags.contains(Flags::TRANSPORT_SUM_VERIFIED);
    let whole = buf.first();
    let (copied, data) = match (to, whole.get(payload..)) {
        (None, _) if is_verified => (0, Sum::ZERO),
        // Most are in one piece.
        #[cfg(feature = "fast-paths")]
        (Some(to), Some(data)) if whole.len() == buf.len() && to.len() >= data.len() => {
            let sum = match is_verified {
                true => {
                    copy(to, data);
                    Sum::ZERO
                }
                false => Sum::copy(to, data),
            };
            (data.len(), sum)
        }
        #[cfg(feature = "fast-paths")]
        (None, Some(data)) if whole.len() == buf.len() => (0, Sum::of(data)),
        (to, _) => read_pieces(&buf, payload, to),
    };
    let mut straddle = Straddle::new();
    let header = buf.header::<HEADER_LENGTH>(payload.saturating_sub(HEADER_LENGTH), &mut straddle);
    let header = header.and_then(|bytes| UdpHeader::new(bytes).ok());
    let facts = read_facts(&buf, usize::from(meta.network), length + HEADER_LENGTH);
    match (header, facts) {
        (Some(header), Some(facts))
            if is_verified || header.is_checksum_valid(facts.pseudo_header, data) =>
        {
            Ok(Received {
                source: facts.source,
                destination: facts.destination,
                source_port: header.source_port(),
                hop_limit: facts.hop_limit,
                traffic_class: facts.traffic_class,
                length,
                copied,
                buf,
            })
        }
        _ => Err(buf),
    }
}

/// Copies the data of a datagram, from `payload` on, into `to`; how many, and the sum of all.
#[cold]
fn read_pieces(buf: &NetBuf, payload: usize, to: Option<&mut [u8]>) -> (usize, Sum) {
    let (copied, sum) = match to {
        Some(to) => buf.read_summed(payload, to),
        None => (0, Sum::ZERO),
    };
    let rest = buf.sum(payload + copied..buf.len());
    (copied, sum.then(copied, rest))
}

/// Whether a socket may be bound to an address because of this interface: one that is still being
/// checked for duplicates will do.
fn is_ours(interface: &Interface<'_>, address: IpAddress) -> bool {
    let is_broadcast = match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => interface.is_ipv4_broadcast(address),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => false,
    };
    is_broadcast || interface.may_have_address(address)
}

/// Whether the checksum of a datagram, whose data start at the meta's payload offset, is wrong.
#[cold]
fn is_damaged(buf: &NetBuf) -> bool {
    let meta = buf.meta();
    if meta.flags.contains(Flags::TRANSPORT_SUM_VERIFIED) {
        return false;
    }
    let start = usize::from(meta.payload).saturating_sub(HEADER_LENGTH);
    let length = buf.len().saturating_sub(start);
    read_facts(buf, usize::from(meta.network), length).is_none_or(|facts| {
        let sum = buf.sum(start..buf.len());
        !facts.pseudo_header.plus(sum).is_valid()
    })
}

/// What the IP header in front of a datagram says.
struct Facts {
    source: IpAddress,
    destination: IpAddress,
    hop_limit: u8,
    traffic_class: u8,
    pseudo_header: Sum,
}

#[inline]
fn read_facts(buf: &NetBuf, network: usize, length: usize) -> Option<Facts> {
    let length = length as u16;
    // Where there is one version only, its header tells.
    let version = match cfg!(all(feature = "ipv4", feature = "ipv6")) {
        true => buf.header::<1>(network, &mut Straddle::new())?[0] >> 4,
        false => 4 + 2 * u8::from(cfg!(feature = "ipv6")),
    };
    match version {
        #[cfg(feature = "ipv4")]
        4 => {
            let mut straddle = Straddle::new();
            let bytes = buf.header(network, &mut straddle)?;
            let header = crate::wire::ipv4::Ipv4Header::new(bytes).ok()?;
            let (source, destination) = (header.source(), header.destination());
            Some(Facts {
                source: source.into(),
                destination: destination.into(),
                hop_limit: header.ttl(),
                traffic_class: header.dscp() << 2 | header.ecn(),
                pseudo_header: Sum::pseudo_ipv4(source, destination, protocol::UDP, length),
            })
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let mut straddle = Straddle::new();
            let bytes = buf.header(network, &mut straddle)?;
            let header = crate::wire::ipv6::Ipv6Header::new(bytes).ok()?;
            let (source, destination) = (header.source(), header.destination());
            let length = u32::from(length);
            Some(Facts {
                source: source.into(),
                destination: destination.into(),
                hop_limit: header.hop_limit(),
                traffic_class: header.traffic_class(),
                pseudo_header: Sum::pseudo_ipv6(source, destination, protocol::UDP, length),
            })
        }
        _ => None,
    }
}
