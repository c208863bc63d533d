//! UDP on its way out (RFC 768, RFC 8085).

#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv4-server"))]
mod from;

use core::net::SocketAddr;

use super::core::{Core, InterfaceId};
use super::recent::Wanted;
use super::route::{Path, zone};
#[cfg(feature = "ipv4")]
use super::transmit::write_ipv4;
#[cfg(feature = "ipv6")]
use super::transmit::write_ipv6;
use super::transmit::{HEADROOM, Outgoing, ip_header_length, pseudo_header};
use crate::checksum::Sum;
use crate::iface::SendDrop;
use crate::link::Offload;
use crate::netbuf::{Charge, NetBuf, Pool, Purpose};
use crate::udp::{Options, SendError};
#[cfg(feature = "ipv4")]
use crate::wire::ipv4;
#[cfg(feature = "ipv6")]
use crate::wire::ipv6;
use crate::wire::udp::{HEADER_LENGTH, UdpHeader};
use crate::wire::{IpAddress, protocol};

/// A datagram that is ready to go but for its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    path: Path,
    destination: IpAddress,
    ports: (u16, u16),
    outgoing: Outgoing,
    loop_back: bool,
}

impl Prepared {
    /// The interface that the datagram leaves by.
    pub(crate) const fn interface(&self) -> InterfaceId {
        self.path.interface
    }
}

impl Core<'_> {
    /// Finds out how a datagram of `length` bytes of data would go.
    #[inline]
    pub(crate) fn udp_prepare(
        &mut self,
        index: u16,
        to: Option<SocketAddr>,
        from: Option<IpAddress>,
        length: usize,
    ) -> Result<Prepared, SendError> {
        let slot = self.udp.get_mut(index).ok_or(SendError::Closed)?;
        if let Some(why) = slot.error.take() {
            return Err(SendError::Unreachable(why));
        }
        let (destination, port, scope) = match to {
            Some(to) => {
                let address = IpAddress::try_from(to.ip());
                let address = address.map_err(|_| SendError::InvalidDestination)?;
                (address, to.port(), zone(to))
            }
            None => {
                let (address, port) = slot.remote.ok_or(SendError::NoDestination)?;
                (address, port, slot.remote_interface)
            }
        };
        if destination.is_unspecified() || port == 0 {
            return Err(SendError::InvalidDestination);
        }
        let is_multicast = destination.is_multicast();
        let (hop_limit, multicast_interface) = match is_multicast {
            true => (slot.multicast_hop_limit, slot.multicast_interface),
            false => (slot.hop_limit, None),
        };
        let outgoing = Outgoing {
            hop_limit,
            traffic_class: slot.traffic_class,
            class: slot.class,
            ..Outgoing::new(protocol::UDP)
        };
        let options = slot.options;
        let ports = (slot.local_port, port);
        let wanted = Wanted {
            destination,
            local: slot.local.filter(|own| !own.is_unspecified()).or(from),
            only: scope.or(slot.interface).or(multicast_interface),
            options,
        };
        let path = match self.recent_paths.get(index, self.now, &wanted) {
            Some(path) => *path,
            None => self.udp_path(index, wanted)?,
        };
        let interface = self.interface(path.interface).ok_or(SendError::NoRoute)?;
        let headers = HEADER_LENGTH + ip_header_length(destination);
        if length + headers > self.sure_mtu(interface) {
            let most = self.longest(&path, destination, options.contains(Options::DONT_FRAGMENT));
            let most = most.saturating_sub(headers);
            if length > most {
                return Err(SendError::TooLong { most });
            }
        }
        let loop_back = cfg!(any(feature = "multicast", feature = "ipv6"))
            && is_multicast
            && !path.is_local
            && options.contains(Options::MULTICAST_LOOP)
            && interface.has_group(destination);
        Ok(Prepared {
            path,
            destination,
            ports,
            outgoing,
            loop_back,
        })
    }

    /// The way of a socket's datagrams, which is remembered if it leads to a single host.
    #[inline(never)]
    fn udp_path(&mut self, index: u16, wanted: Wanted) -> Result<Path, SendError> {
        let Wanted {
            destination,
            local,
            only,
            options,
        } = wanted;
        let source = match local {
            Some(local) => self.source_of(local)?,
            None => None,
        };
        #[cfg(feature = "temporary-addresses")]
        let path = match preference(options) {
            Some(preference) => self.path_preferring(preference, destination, source, only),
            None => self.path(destination, source, only),
        };
        #[cfg(not(feature = "temporary-addresses"))]
        let path = self.path(destination, source, only);
        let path = path.ok_or(SendError::NoRoute)?;
        #[cfg(feature = "ipv4")]
        if let IpAddress::V4(address) = destination
            && let Some(interface) = self.interface(path.interface)
            && interface.is_ipv4_broadcast(address)
        {
            return match options.contains(Options::BROADCAST) {
                true => Ok(path),
                false => Err(SendError::BroadcastNotAllowed),
            };
        }
        let _ = options;
        self.recent_paths.set(index, self.now, wanted, path);
        Ok(path)
    }

    /// Whether a datagram with so many bytes of data finds a place to wait in, should it go in
    /// fragments.
    #[cfg_attr(not(feature = "fragmentation"), allow(unused_variables))]
    pub(crate) fn udp_has_place(&self, prepared: &Prepared, length: usize) -> bool {
        #[cfg(feature = "fragmentation")]
        if !self.trains.has_room() {
            let headers = HEADER_LENGTH + ip_header_length(prepared.destination);
            let interface = self.interface(prepared.path.interface);
            return interface.is_none_or(|i| length + headers <= self.sure_mtu(i));
        }
        true
    }

    /// Bytes of the longest IP packet that can be sent to `destination`: whole, if it is not to be
    /// fragmented.
    #[cold]
    fn longest(&self, path: &Path, destination: IpAddress, dont_fragment: bool) -> usize {
        if cfg!(feature = "fragmentation") && !dont_fragment && !path.is_local {
            return match destination {
                #[cfg(feature = "ipv4")]
                IpAddress::V4(_) => usize::from(u16::MAX),
                // Here the length counts what follows the header.
                #[cfg(feature = "ipv6")]
                IpAddress::V6(_) => usize::from(u16::MAX) + ip_header_length(destination),
            };
        }
        self.path_mtu(path, destination)
    }

    /// The source that a socket bound to `local` sends from; `None` leaves the choice open, as of
    /// a socket bound to a group or a broadcast address (RFC 1122 §3.2.1.3). An error if the
    /// address is no longer ours, or not yet known to be.
    fn source_of(&self, local: IpAddress) -> Result<Option<IpAddress>, SendError> {
        if self.holder(local).is_some() {
            return Ok(Some(local));
        }
        let is_broadcast = match local {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(local) => self.interfaces().any(|(_, i)| i.is_ipv4_broadcast(local)),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => false,
        };
        let is_of_many = local.is_multicast() || is_broadcast;
        is_of_many.then_some(None).ok_or(SendError::NoRoute)
    }

    /// Sends the data in `buf`, of which `data` is the sum. On an error gives the data back.
    pub(crate) fn udp_emit(
        &mut self,
        prepared: &Prepared,
        mut buf: NetBuf,
        data: Sum,
    ) -> Result<(), (NetBuf, SendError)> {
        let Prepared {
            ref path,
            destination,
            outgoing,
            loop_back,
            ports,
        } = *prepared;
        #[cfg(feature = "flow-labels")]
        let outgoing = Outgoing {
            flow_label: self.flow_labels.label(
                protocol::UDP,
                (path.source, ports.0),
                (destination, ports.1),
            ),
            ..outgoing
        };
        let _ = ports;
        let data_length = buf.len();
        let result = match self.write_udp(prepared, outgoing, data, &mut buf) {
            Ok(()) => {
                if loop_back {
                    self.udp_loop_back(prepared, outgoing, &buf);
                }
                self.send_packet(path, destination, outgoing, buf)
            }
            Err(reason) => Err((buf, reason)),
        };
        result.map_err(|(mut buf, reason)| {
            self.not_sent(path.interface, reason);
            buf.advance(buf.len() - data_length.min(buf.len()));
            (buf, reason.into())
        })
    }

    /// Puts the headers of UDP and IP in front of the data in `buf`, of which `data` is the sum.
    #[inline]
    fn write_udp(
        &self,
        prepared: &Prepared,
        outgoing: Outgoing,
        data: Sum,
        buf: &mut NetBuf,
    ) -> Result<(), SendDrop> {
        let (path, destination) = (&prepared.path, prepared.destination);
        let interface = self.interface(path.interface).ok_or(SendDrop::NoRoute)?;
        let length = buf.len() + HEADER_LENGTH;
        // No hardware sums up what stays here.
        let offload = match path.is_local || prepared.loop_back {
            true => Offload::empty(),
            false => interface.capabilities.offload,
        };
        // Nor what goes in fragments.
        let is_whole = || length + ip_header_length(destination) <= self.sure_mtu(interface);
        let sums = match offload.contains(Offload::SEND_UDP) && is_whole() {
            true => None,
            false => Some((
                pseudo_header(path.source, destination, protocol::UDP, length),
                data,
            )),
        };
        let udp = match (path.source, destination) {
            #[cfg(feature = "ipv4")]
            (IpAddress::V4(source), IpAddress::V4(destination)) => {
                let (ip, udp) = prepend_two::<{ HEADER_LENGTH + ipv4::HEADER_LENGTH }, _>(buf)?;
                let offload = offload.contains(Offload::SEND_IPV4);
                write_ipv4(ip, length, source, destination, outgoing, offload);
                udp
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let (ip, udp) = prepend_two::<{ HEADER_LENGTH + ipv6::HEADER_LENGTH }, _>(buf)?;
                let outgoing = outgoing.or_hop_limit(interface.hop_limit());
                write_ipv6(ip, length, source, destination, outgoing);
                udp
            }
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => return Err(SendDrop::NoRoute),
        };
        let (source, destination) = prepared.ports;
        UdpHeader::write(udp, source, destination, length as u16, sums);
        Ok(())
    }

    /// Lets this host's members of the group have a copy of a datagram too.
    #[cold]
    #[inline(never)]
    fn udp_loop_back(&mut self, prepared: &Prepared, outgoing: Outgoing, buf: &NetBuf) {
        let path = Path {
            is_local: true,
            ..prepared.path
        };
        if let Ok(copy) = buf.try_clone() {
            let result = self.send_packet(&path, prepared.destination, outgoing, copy);
            self.send_or_count(path.interface, result);
        }
    }

    /// Sends a copy of `data`.
    #[inline]
    pub(crate) fn udp_send(
        &mut self,
        index: u16,
        to: Option<SocketAddr>,
        from: Option<IpAddress>,
        data: &[u8],
    ) -> Result<(), SendError> {
        let prepared = self.udp_prepare(index, to, from, data.len())?;
        self.udp_emit_copy(&prepared, data)
    }

    #[inline]
    fn udp_emit_copy(&mut self, prepared: &Prepared, data: &[u8]) -> Result<(), SendError> {
        let (buf, sum) = self.udp_copy(data)?;
        self.udp_emit(prepared, buf, sum)
            .map_err(|(_, error)| error)
    }

    /// A copy of `data`, with room for headers, and its sum.
    #[inline]
    fn udp_copy(&self, data: &[u8]) -> Result<(NetBuf, Sum), SendError> {
        let buf = (self.pool).alloc_chain(Purpose::Send, HEADROOM, data.len());
        let mut buf = buf.map_err(|_| SendError::NoBuffer)?;
        let sum = buf.fill_summed(data);
        Ok((buf, sum))
    }

    /// Sends the data in `buf` as they are; gives them back on an error.
    pub(crate) fn udp_send_buf(
        &mut self,
        index: u16,
        to: Option<SocketAddr>,
        from: Option<IpAddress>,
        mut buf: NetBuf,
    ) -> Result<(), (NetBuf, SendError)> {
        let prepared = match self.udp_prepare(index, to, from, buf.len()) {
            Ok(prepared) => prepared,
            Err(error) => return Err((buf, error)),
        };
        if buf.set_charge(Charge::Send).is_err() {
            return Err((buf, SendError::NoBuffer));
        }
        let sum = buf.sum(0..buf.len());
        self.udp_emit(&prepared, buf, sum)
    }
}

/// Puts `BOTH` bytes in front of `buf`, for an IP header and that of UDP.
#[inline]
fn prepend_two<const BOTH: usize, const IP: usize>(
    buf: &mut NetBuf,
) -> Result<(&mut [u8; IP], &mut [u8; HEADER_LENGTH]), SendDrop> {
    let bytes = buf
        .prepend_array::<BOTH>()
        .map_err(|_| SendDrop::NoBuffer)?;
    let (ip, rest) = bytes.split_first_chunk_mut().ok_or(SendDrop::NoBuffer)?;
    Ok((ip, rest.first_chunk_mut().ok_or(SendDrop::NoBuffer)?))
}

/// Waits until there are blocks for a datagram of `length` bytes; an error if there never are.
pub(crate) async fn room_in_pool(pool: Pool, length: usize) -> Result<(), SendError> {
    if !pool.can_hold(Purpose::Send, HEADROOM, length) {
        return Err(SendError::NoBuffer);
    }
    drop(
        pool.alloc_chain_async(Purpose::Send, HEADROOM, length)
            .await,
    );
    Ok(())
}

/// Which sources a socket prefers, if it is another than the stack does.
#[cfg(feature = "temporary-addresses")]
#[inline]
fn preference(options: Options) -> Option<super::temporary::SourcePreference> {
    use super::temporary::SourcePreference;

    let both = Options::PREFER_TEMPORARY.union(Options::PREFER_PUBLIC);
    if !options.intersects(both) {
        return None;
    }
    Some(match options.contains(Options::PREFER_TEMPORARY) {
        true => SourcePreference::Temporary,
        false => SourcePreference::Public,
    })
}
