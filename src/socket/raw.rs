//! Raw sockets.

use core::future::poll_fn;
use core::net::IpAddr;
use core::task::Poll;

#[cfg(feature = "multicast")]
use crate::iface::{AddressError, Member};
use crate::ip::Unreachable;
use crate::netbuf::NetBuf;
use crate::packet::{
    IcmpFilter, IpVersion, RawAddress, RawError, RawInfo, RawOptions, RawSendError, RawSlot,
};
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::wire::IpAddress;

/// The packets of one protocol of IPv4 or IPv6 that are for this host, and packets of the
/// application's own making.
///
/// A socket gets copies that share the blocks of the packets, whole where they came in fragments,
/// beside what the stack itself does with them; a protocol that a raw socket speaks is not refused.
/// With IPv4 a packet is received with its header, with IPv6 without any (RFC 3542 §3).
///
/// Dropped, it is closed. Each way to wait can be given up without losing anything. The forms that
/// begin with `try` do not wait.
pub struct RawSocket<'a> {
    stack: Stack<'a>,
    index: u8,
}

impl<'a> RawSocket<'a> {
    /// Opens a socket for a protocol: a number of [`wire::protocol`](crate::wire::protocol).
    pub fn open(stack: Stack<'a>, version: IpVersion, protocol: u8) -> Result<Self, RawError> {
        let index = stack.visit(|core| core.raw_open(version, protocol))?;
        Ok(Self { stack, index })
    }

    /// Only receives what is sent to this address of this host or group, and sends from it if it is no
    /// group; the unspecified address stands for all again.
    pub fn bind(&self, local: IpAddr) -> Result<(), RawError> {
        self.stack.visit(|core| core.raw_bind(self.index, local))
    }

    /// Only sends and receives by one interface, or by all again.
    pub fn bind_interface(&self, interface: Option<InterfaceId>) -> Result<(), RawError> {
        self.stack.visit(|core| {
            if interface.is_some_and(|id| core.interface(id).is_none()) {
                return Err(RawError::NoInterface);
            }
            if let Some(slot) = core.gate.raw.get_mut(self.index) {
                slot.interface = interface;
            }
            Ok(())
        })
    }

    /// Only receives from `remote` from now on, sends there where no destination is given, and hears
    /// of ICMP errors about that.
    pub fn connect(&self, remote: RawAddress) -> Result<(), RawSendError> {
        let address = IpAddress::try_from(remote.address);
        let address = address.map_err(|_| RawSendError::InvalidDestination)?;
        let version = self.get(|slot| slot.version);
        if address.is_unspecified() || Some(IpVersion::of(address)) != version {
            return Err(RawSendError::InvalidDestination);
        }
        self.set(|slot| {
            slot.remote = Some(address);
            slot.remote_interface = remote.interface;
            slot.error = None;
        });
        Ok(())
    }

    /// Receives from everybody again.
    pub fn disconnect(&self) {
        self.set(|slot| (slot.remote, slot.remote_interface) = (None, None));
    }

    /// The address that the socket is bound to, if it is bound to one.
    pub fn local_addr(&self) -> Option<IpAddr> {
        Some(self.get(|slot| slot.local)??.into())
    }

    /// Whom the socket is connected to.
    pub fn peer_addr(&self) -> Option<RawAddress> {
        let (remote, interface) = self.get(|slot| (slot.remote, slot.remote_interface))?;
        Some(RawAddress {
            address: remote?.into(),
            interface,
        })
    }

    /// Copies the next packet into `to`, cutting off what does not fit.
    pub fn try_recv_from(&self, to: &mut [u8]) -> Option<(usize, RawInfo)> {
        let (packet, info) = self.try_recv()?;
        Some((packet.read(0, to), info))
    }

    /// The next packet as it is. Its blocks are shared with whoever else has it.
    pub fn try_recv(&self) -> Option<(NetBuf, RawInfo)> {
        self.stack.visit(|core| core.raw_receive(self.index))
    }

    /// Shows `read` the next packet and where in it the data start, and leaves it to be received. It
    /// says how many bytes it took.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn try_peek(
        &self,
        read: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, RawInfo)> {
        self.stack.visit(|core| core.raw_peek(self.index, read))
    }

    /// Whether there is a packet, and whether there is an error to be told.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn readiness(&self) -> (bool, bool) {
        self.get(|slot| (!slot.inbox.is_empty(), slot.error.is_some()))
            .unwrap_or_default()
    }

    /// What an ICMP error said of an earlier packet to the connected peer, if nobody has been told
    /// yet.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn take_error(&self) -> Option<Unreachable> {
        self.stack
            .visit(|core| core.gate.raw.get_mut(self.index)?.error.take())
    }

    /// What to wait for.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) const fn key(&self) -> WaitKey {
        WaitKey::raw(self.index)
    }

    /// Waits for a packet and copies it into `to`, cutting off what does not fit.
    ///
    /// The error is what an ICMP error said of an earlier packet to the connected peer.
    pub async fn recv_from(&self, to: &mut [u8]) -> Result<(usize, RawInfo), Unreachable> {
        loop {
            self.readable().await?;
            if let Some(received) = self.try_recv_from(to) {
                return Ok(received);
            }
        }
    }

    /// Waits for a packet, and gives it as it is. The error is that of [`RawSocket::recv_from`].
    pub async fn recv(&self) -> Result<(NetBuf, RawInfo), Unreachable> {
        loop {
            self.readable().await?;
            if let Some(received) = self.try_recv() {
                return Ok(received);
            }
        }
    }

    /// Waits until there is a packet, or an error to be reported.
    pub async fn readable(&self) -> Result<(), Unreachable> {
        poll_fn(|context| {
            self.stack.visit(|core| {
                if let Some(slot) = core.gate.raw.get_mut(self.index) {
                    if let Some(why) = slot.error.take() {
                        return Poll::Ready(Err(why));
                    }
                    if !slot.inbox.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
                core.wait(WaitKey::raw(self.index), context.waker());
                Poll::Pending
            })
        })
        .await
    }

    /// Sends a copy of `data`, to the connected peer if `to` is `None`. What is too long for a packet
    /// goes in fragments (feature `fragmentation`), unless it has its own header.
    pub fn try_send_to(&self, data: &[u8], to: Option<RawAddress>) -> Result<(), RawSendError> {
        self.stack
            .transfer(|core| core.raw_send_copy(self.index, to, data))
    }

    /// As [`RawSocket::try_send_to`], of `data` as they are. On an error gives them back, perhaps with
    /// the checksum or the fields of the header filled in.
    pub fn try_send(
        &self,
        data: NetBuf,
        to: Option<RawAddress>,
    ) -> Result<(), (NetBuf, RawSendError)> {
        self.stack
            .transfer(|core| core.raw_send(self.index, to, data))
    }

    /// As [`RawSocket::try_send_to`], and waits for a packet buffer and for room in the transmit queue
    /// if it has to. A link that is down is waited for as well.
    pub async fn send_to(&self, data: &[u8], to: Option<RawAddress>) -> Result<(), RawSendError> {
        loop {
            match self.try_send_to(data, to) {
                Err(RawSendError::QueueFull) => self.writable(to).await?,
                Err(RawSendError::NoBuffer) => {
                    let may_come = super::room::in_pool(self.stack.pool(), data.len()).await;
                    may_come.ok_or(RawSendError::NoBuffer)?;
                }
                result => return result,
            }
        }
    }

    /// Waits until the link of the interface that leads to `to` is up and has room in its transmit
    /// queue.
    pub async fn writable(&self, to: Option<RawAddress>) -> Result<(), RawSendError> {
        let way = self.stack.visit(|core| core.raw_prepare(self.index, to))?;
        let (id, class) = way.exit();
        super::room::in_port(self.stack, id, class).await;
        Ok(())
    }

    /// Whether what is sent starts with an IPv4 header, at first not. Its total length and checksum are
    /// filled in, its source address and identification where they are zero; such a datagram is not
    /// fragmented. [`RawError::InvalidOption`] for IPv6, which has no such thing (RFC 3542 §3).
    pub fn set_header_included(&self, included: bool) -> Result<(), RawError> {
        self.try_set(|slot| {
            let is_ipv4 = slot.version == IpVersion::V4;
            slot.options
                .set(RawOptions::HEADER_INCLUDED, included && is_ipv4);
            is_ipv4
        })
    }

    /// Where the stack stores a checksum in what is sent, and verifies it in what comes, counted from
    /// the end of the IPv6 headers; `None`, as at first: nowhere (RFC 3542 §3.1).
    /// [`RawError::InvalidOption`] for IPv4, for ICMPv6 (where it is always done), and if the place is
    /// odd.
    pub fn set_checksum(&self, offset: Option<u16>) -> Result<(), RawError> {
        self.try_set(|slot| {
            let may_be = slot.version == IpVersion::V6
                && !slot.is_icmp()
                && offset.is_none_or(|offset| offset.is_multiple_of(2));
            if may_be {
                slot.checksum = offset;
            }
            may_be
        })
    }

    /// Which types of messages a socket for ICMP or ICMPv6 receives, at first all (RFC 3542 §3.2).
    /// [`RawError::InvalidOption`] for other protocols.
    pub fn set_icmp_filter(&self, filter: IcmpFilter) -> Result<(), RawError> {
        self.try_set(|slot| {
            slot.filter = filter;
            slot.is_icmp()
        })
    }

    /// Which types of messages the socket receives.
    pub fn icmp_filter(&self) -> IcmpFilter {
        self.get(|slot| slot.filter).unwrap_or_default()
    }

    /// Joins a group on an interface, as [`UdpSocket::join`](super::UdpSocket) does. What others of
    /// this host have joined comes to the socket too.
    #[cfg(feature = "multicast")]
    pub fn join(&self, group: IpAddr, interface: InterfaceId) -> Result<(), AddressError> {
        let member = Member::raw(self.index);
        self.stack
            .visit(|core| core.group_membership(group, interface, member, true))
    }

    /// Leaves a group.
    #[cfg(feature = "multicast")]
    pub fn leave(&self, group: IpAddr, interface: InterfaceId) -> Result<(), AddressError> {
        let member = Member::raw(self.index);
        self.stack
            .visit(|core| core.group_membership(group, interface, member, false))
    }

    /// Whether the socket may send to broadcast addresses; at first it may not.
    pub fn set_broadcast(&self, allowed: bool) {
        self.set(|slot| slot.options.set(RawOptions::BROADCAST, allowed));
    }

    /// Whether what is sent to a group comes to this host's members of it too; at first it does.
    pub fn set_multicast_loop(&self, looped: bool) {
        self.set(|slot| slot.options.set(RawOptions::MULTICAST_LOOP, looped));
    }

    /// The TTL or hop limit of what is sent to single hosts; 0 stands for the default, 64.
    pub fn set_hop_limit(&self, hop_limit: u8) {
        self.set(|slot| slot.hop_limit = hop_limit);
    }

    /// The TTL or hop limit of what is sent to groups, at first 1.
    pub fn set_multicast_hop_limit(&self, hop_limit: u8) {
        self.set(|slot| slot.multicast_hop_limit = hop_limit);
    }

    /// The interface to send to groups by; `None`: the routes decide.
    pub fn set_multicast_interface(&self, interface: Option<InterfaceId>) {
        self.set(|slot| slot.multicast_interface = interface);
    }

    /// DSCP (the upper six bits) and ECN of what is sent.
    pub fn set_traffic_class(&self, traffic_class: u8) {
        self.set(|slot| slot.traffic_class = traffic_class);
    }

    /// The transmit queue, of [`TRAFFIC_CLASSES`](crate::config::TRAFFIC_CLASSES), that sent packets
    /// wait in: the higher, the sooner they are sent.
    pub fn set_priority(&self, class: u8) {
        self.set(|slot| slot.class = class);
    }

    /// How much may wait to be read: bytes with all headers, and fragments, each a view of a block of
    /// the pool. What comes in beyond that is dropped and counted.
    ///
    /// At first any number of bytes, and half of the blocks that the pool lets be held. A quarter of
    /// those is left to other sockets in any case.
    pub fn set_quota(&self, bytes: u32, blocks: u16) {
        self.set(|slot| slot.inbox.set_quota(bytes, blocks));
    }

    /// Packets for this socket that were dropped: quota, pool, views, checksum.
    pub fn dropped(&self) -> u32 {
        self.get(|slot| slot.inbox.dropped).unwrap_or(0)
    }

    /// Changes something that not every socket has.
    fn try_set(&self, change: impl FnOnce(&mut RawSlot) -> bool) -> Result<(), RawError> {
        self.stack.visit(|core| {
            let slot = core.gate.raw.get_mut(self.index);
            let is_set = slot.is_some_and(change);
            is_set.then_some(()).ok_or(RawError::InvalidOption)
        })
    }

    fn set(&self, change: impl FnOnce(&mut RawSlot)) {
        self.stack.visit(|core| {
            if let Some(slot) = core.gate.raw.get_mut(self.index) {
                change(slot);
            }
        });
    }

    fn get<R>(&self, read: impl FnOnce(&RawSlot) -> R) -> Option<R> {
        self.stack
            .visit(|core| core.gate.raw.get(self.index).map(read))
    }
}

impl Drop for RawSocket<'_> {
    fn drop(&mut self) {
        self.stack.visit(|core| core.raw_close(self.index));
    }
}
