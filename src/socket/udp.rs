//! UDP sockets.

use core::future::poll_fn;
use core::net::{IpAddr, SocketAddr};
use core::task::Poll;

#[cfg(feature = "multicast")]
use crate::iface::group::SourceChange;
#[cfg(feature = "multicast")]
use crate::iface::{AddressError, FilterMode, Member};
use crate::ip::Unreachable;
use crate::netbuf::NetBuf;
use crate::stack::route::{socket_addr, zone};
#[cfg(feature = "temporary-addresses")]
use crate::stack::temporary::SourcePreference;
use crate::stack::udp::RecvInfo;
use crate::stack::udp_send::room_in_pool;
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};
use crate::udp::{BindError, Options, SendError, UdpSlot};
use crate::wire::IpAddress;

/// How a socket is bound.
///
/// ```
/// # use zonda::socket::UdpBind;
/// let bind = UdpBind::new("0.0.0.0:5353".parse().unwrap()).reuse(true).interface(0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpBind {
    local: SocketAddr,
    interface: Option<InterfaceId>,
    options: Options,
    one_version: bool,
}

impl UdpBind {
    /// Bound to `local`; the unspecified address of either version stands for all addresses of
    /// both, port 0 for one of the ephemeral ports (RFC 6056).
    pub const fn new(local: SocketAddr) -> Self {
        Self {
            local,
            interface: None,
            options: Options::MULTICAST_LOOP,
            one_version: false,
        }
    }

    /// The unspecified address stands for all addresses of its own version only, so that another
    /// socket may have the port for the other version.
    #[must_use]
    pub const fn one_version(self, one_version: bool) -> Self {
        Self {
            one_version,
            ..self
        }
    }

    /// Only sends and receives by one interface.
    #[must_use]
    pub const fn interface(self, id: InterfaceId) -> Self {
        Self {
            interface: Some(id),
            ..self
        }
    }

    /// Shares the address and port with other sockets that say so too. What is sent to a group
    /// or to all comes to each of them, what is sent to one host to one of them.
    #[must_use]
    pub const fn reuse(self, reuse: bool) -> Self {
        let options = match reuse {
            true => self.options.union(Options::REUSE),
            false => self.options.difference(Options::REUSE),
        };
        Self { options, ..self }
    }
}

impl From<SocketAddr> for UdpBind {
    fn from(local: SocketAddr) -> Self {
        Self::new(local)
    }
}

/// A UDP socket. Dropped, it is closed.
///
/// Each way to wait can be given up without losing anything. The forms that begin with `try` do
/// not wait.
pub struct UdpSocket<'a> {
    stack: Stack<'a>,
    index: u16,
}

impl<'a> UdpSocket<'a> {
    /// Opens a socket.
    pub fn bind(stack: Stack<'a>, bind: impl Into<UdpBind>) -> Result<Self, BindError> {
        let UdpBind {
            local,
            interface,
            options,
            one_version,
        } = bind.into();
        let index = stack.visit(|core| core.udp_bind(local, interface, options, one_version))?;
        Ok(Self { stack, index })
    }

    /// Only sends to and receives from `remote` from now on, and hears of ICMP errors about it.
    ///
    /// The scope id of a link-local address, where it is not 0, is the number of the interface,
    /// counted from 1.
    pub fn connect(&self, remote: SocketAddr) -> Result<(), SendError> {
        let address =
            IpAddress::try_from(remote.ip()).map_err(|_| SendError::InvalidDestination)?;
        if address.is_unspecified() || remote.port() == 0 {
            return Err(SendError::InvalidDestination);
        }
        self.stack.visit(|core| core.begin_telling());
        self.set(|slot| {
            slot.remote = Some((address, remote.port()));
            slot.remote_interface = zone(remote);
            slot.error = None;
        });
        Ok(())
    }

    /// Sends to and receives from everybody again.
    pub fn disconnect(&self) {
        self.set(|slot| slot.remote = None);
    }

    /// The address and port that the socket is bound to; the IPv6 unspecified address (in a build
    /// without IPv6, the IPv4 one) if that is every address.
    pub fn local_addr(&self) -> SocketAddr {
        let any = match cfg!(feature = "ipv6") {
            true => IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
        };
        let (local, port) = self
            .get(|slot| (slot.local, slot.local_port))
            .unwrap_or((None, 0));
        SocketAddr::new(local.map_or(any, IpAddr::from), port)
    }

    /// Whom the socket is connected to.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        let (remote, interface) = self.get(|slot| (slot.remote, slot.remote_interface))?;
        let (address, port) = remote?;
        Some(socket_addr(address, port, interface))
    }

    /// Copies the next datagram into `to`, cutting off what does not fit.
    pub fn try_recv_from(&self, to: &mut [u8]) -> Option<(usize, RecvInfo)> {
        let received = self.stack.udp_receive(self.index, Some(to))?;
        Some((received.copied, received.info()))
    }

    /// The data of the next datagram, as they are.
    pub fn try_recv(&self) -> Option<(NetBuf, RecvInfo)> {
        let received = self.stack.udp_receive(self.index, None)?;
        let info = received.info();
        let mut buf = received.buf;
        buf.advance(usize::from(buf.meta().payload));
        Some((buf, info))
    }

    /// Shows `read` the next datagram and where in it the data start, and leaves it to be received.
    /// It says how many bytes it took.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) fn try_peek(
        &self,
        read: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, RecvInfo)> {
        self.stack.udp_peek(self.index, read)
    }

    /// Only sends and receives by this interface from now on; `None`: by all.
    pub fn set_interface(&self, interface: Option<InterfaceId>) {
        self.set(|slot| slot.interface = interface);
    }

    /// Whether a datagram waits to be received.
    pub fn is_readable(&self) -> bool {
        self.get(|slot| !slot.received.is_empty()).unwrap_or(false)
    }

    /// What an ICMP error said of an earlier datagram to the connected peer, if nobody has been told
    /// yet.
    pub fn take_error(&self) -> Option<Unreachable> {
        self.stack
            .visit(|core| core.udp.get_mut(self.index)?.error.take())
    }

    /// Whether there is an error for [`UdpSocket::take_error`].
    pub fn has_error(&self) -> bool {
        self.get(|slot| slot.error.is_some()).unwrap_or(false)
    }

    /// What to wait for.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) const fn key(&self) -> WaitKey {
        WaitKey::udp(self.index)
    }

    /// Waits for a datagram and copies it into `to`, cutting off what does not fit.
    ///
    /// The error is what an ICMP error said of an earlier datagram to the connected peer.
    pub async fn recv_from(&self, to: &mut [u8]) -> Result<(usize, RecvInfo), Unreachable> {
        loop {
            self.readable().await?;
            if let Some(received) = self.try_recv_from(to) {
                return Ok(received);
            }
        }
    }

    /// Waits for a datagram, and gives its data as they are.
    ///
    /// The error is what an ICMP error said of an earlier datagram to the connected peer.
    pub async fn recv(&self) -> Result<(NetBuf, RecvInfo), Unreachable> {
        loop {
            self.readable().await?;
            if let Some(received) = self.try_recv() {
                return Ok(received);
            }
        }
    }

    /// Waits until there is a datagram, or an error to be reported.
    pub async fn readable(&self) -> Result<(), Unreachable> {
        poll_fn(|context| {
            self.stack.visit(|core| {
                if let Some(slot) = core.udp.get_mut(self.index) {
                    if let Some(why) = slot.error.take() {
                        return Poll::Ready(Err(why));
                    }
                    if !slot.received.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
                core.wait(WaitKey::udp(self.index), context.waker());
                Poll::Pending
            })
        })
        .await
    }

    /// Sends a copy of `data`, to the connected peer if `to` is `None`.
    pub fn try_send_to(&self, data: &[u8], to: Option<SocketAddr>) -> Result<(), SendError> {
        self.stack
            .transfer(|core| core.udp_send(self.index, to, None, data))
    }

    /// Sends `data` as they are, to the connected peer if `to` is `None`. On an error gives them
    /// back.
    pub fn try_send(
        &self,
        data: NetBuf,
        to: Option<SocketAddr>,
    ) -> Result<(), (NetBuf, SendError)> {
        self.stack
            .transfer(|core| core.udp_send_buf(self.index, to, None, data))
    }

    /// As [`UdpSocket::try_send`], from the address `from` of this host: see
    /// [`UdpSocket::send_from`].
    pub fn try_send_from(
        &self,
        data: NetBuf,
        from: IpAddr,
        to: Option<SocketAddr>,
    ) -> Result<(), (NetBuf, SendError)> {
        let from = chosen(from);
        self.stack
            .transfer(|core| core.udp_send_buf(self.index, to, from, data))
    }

    /// Answers a datagram with a copy of `data`: from the address that it was sent to, where a
    /// socket that is bound to no address would send from the one that suits the route (RFC 1122
    /// §4.1.3.5).
    pub fn try_reply_to(&self, data: &[u8], request: &RecvInfo) -> Result<(), SendError> {
        let (to, from) = (Some(request.source), asked(request));
        self.stack
            .transfer(|core| core.udp_send(self.index, to, from, data))
    }

    /// As [`UdpSocket::try_reply_to`], with `data` as they are. On an error gives them back.
    pub fn try_reply(&self, data: NetBuf, request: &RecvInfo) -> Result<(), (NetBuf, SendError)> {
        let (to, from) = (Some(request.source), asked(request));
        self.stack
            .transfer(|core| core.udp_send_buf(self.index, to, from, data))
    }

    /// Sends a copy of `data` to `to`, and waits for a packet buffer and for room in the transmit
    /// queue if it has to. A link that is down is waited for as well.
    pub async fn send_to(&self, data: &[u8], to: SocketAddr) -> Result<(), SendError> {
        self.send_when_ready(data, Some(to), None).await
    }

    /// As [`UdpSocket::send_to`], to the connected peer.
    pub async fn send(&self, data: &[u8]) -> Result<(), SendError> {
        self.send_when_ready(data, None, None).await
    }

    /// As [`UdpSocket::send_to`], to who sent `request`, from the address that it was sent to.
    pub async fn reply_to(&self, data: &[u8], request: &RecvInfo) -> Result<(), SendError> {
        let from = asked(request);
        self.send_when_ready(data, Some(request.source), from).await
    }

    /// As [`UdpSocket::send_to`], from the address `from` of this host. A socket that is bound to an
    /// address sends from that; the unspecified address leaves the choice open.
    pub async fn send_from(
        &self,
        data: &[u8],
        from: IpAddr,
        to: SocketAddr,
    ) -> Result<(), SendError> {
        self.send_when_ready(data, Some(to), chosen(from)).await
    }

    async fn send_when_ready(
        &self,
        data: &[u8],
        to: Option<SocketAddr>,
        from: Option<IpAddress>,
    ) -> Result<(), SendError> {
        loop {
            let result = self
                .stack
                .transfer(|core| core.udp_send(self.index, to, from, data));
            match result {
                Err(SendError::QueueFull) => self.room_for(data.len(), to, from).await?,
                Err(SendError::NoBuffer) => room_in_pool(self.stack.pool(), data.len()).await?,
                result => return result,
            }
        }
    }

    /// Waits until a datagram of `length` bytes can be sent, to the connected peer if `to` is `None`.
    #[cfg(feature = "zperf")]
    pub(crate) async fn room(
        &self,
        length: usize,
        to: Option<SocketAddr>,
    ) -> Result<(), SendError> {
        self.room_for(length, to, None).await
    }

    /// Waits for room in the transmit queue of the interface that leads to `to`.
    async fn room_for(
        &self,
        length: usize,
        to: Option<SocketAddr>,
        from: Option<IpAddress>,
    ) -> Result<(), SendError> {
        let prepared = self
            .stack
            .visit(|core| core.udp_prepare(self.index, to, from, length))?;
        let id = prepared.interface();
        let class = self.get(|slot| slot.class).unwrap_or(0);
        poll_fn(|context| {
            self.stack.visit(|core| {
                let Some(interface) = core.interface(id) else {
                    return Poll::Ready(());
                };
                if interface.is_up()
                    && interface.port.want_room(class)
                    && core.udp_has_place(&prepared, length)
                {
                    return Poll::Ready(());
                }
                core.wait(WaitKey::transmit(id), context.waker());
                core.wait(WaitKey::link(id), context.waker());
                Poll::Pending
            })
        })
        .await;
        Ok(())
    }

    /// Receives what is sent to `group` on an interface, whoever sends it.
    ///
    /// # Errors
    ///
    /// [`AddressError::WrongMode`] if some sources of the group have been joined; others as the
    /// error says.
    #[cfg(feature = "multicast")]
    pub fn join(&self, group: IpAddr, interface: InterfaceId) -> Result<(), AddressError> {
        let member = Member::udp(self.index);
        self.stack
            .visit(|core| core.group_membership(group, interface, member, true))
    }

    /// Receives what is sent to `group` on an interface no longer, whatever was said of its
    /// sources.
    ///
    /// # Errors
    ///
    /// [`AddressError::Invalid`] if the group was not joined; others as the error says.
    #[cfg(feature = "multicast")]
    pub fn leave(&self, group: IpAddr, interface: InterfaceId) -> Result<(), AddressError> {
        let member = Member::udp(self.index);
        self.stack
            .visit(|core| core.group_membership(group, interface, member, false))
    }

    /// Receives what `source` sends to `group` on an interface, besides other sources that were
    /// joined (RFC 3678 §4.1.2, §5.1.2).
    ///
    /// # Errors
    ///
    /// [`AddressError::WrongMode`] after [`UdpSocket::join`], [`AddressError::WrongSource`] if the
    /// source has been joined; others as the error says.
    #[cfg(feature = "multicast")]
    pub fn join_source(
        &self,
        group: IpAddr,
        source: IpAddr,
        interface: InterfaceId,
    ) -> Result<(), AddressError> {
        self.change_source(group, source, interface, SourceChange::Join)
    }

    /// Receives what `source` sends to `group` no longer. With its last source the group is left.
    ///
    /// # Errors
    ///
    /// [`AddressError::WrongSource`] if the source was not joined; others as the error says.
    #[cfg(feature = "multicast")]
    pub fn leave_source(
        &self,
        group: IpAddr,
        source: IpAddr,
        interface: InterfaceId,
    ) -> Result<(), AddressError> {
        self.change_source(group, source, interface, SourceChange::Leave)
    }

    /// Receives what is sent to `group`, which [`UdpSocket::join`] has joined, but not from
    /// `source` (RFC 3678 §4.1.1, §5.1.1).
    ///
    /// # Errors
    ///
    /// [`AddressError::WrongMode`] after [`UdpSocket::join_source`], [`AddressError::WrongSource`]
    /// if the source is blocked already; others as the error says.
    #[cfg(feature = "multicast")]
    pub fn block_source(
        &self,
        group: IpAddr,
        source: IpAddr,
        interface: InterfaceId,
    ) -> Result<(), AddressError> {
        self.change_source(group, source, interface, SourceChange::Block)
    }

    /// Ends what [`UdpSocket::block_source`] began.
    ///
    /// # Errors
    ///
    /// [`AddressError::WrongSource`] if the source is not blocked; others as the error says.
    #[cfg(feature = "multicast")]
    pub fn unblock_source(
        &self,
        group: IpAddr,
        source: IpAddr,
        interface: InterfaceId,
    ) -> Result<(), AddressError> {
        self.change_source(group, source, interface, SourceChange::Unblock)
    }

    /// Receives what these sources, or all but these, send to `group` on an interface, whatever was
    /// said before; joins the group if that was not done. To include no source is to leave
    /// (RFC 3678 §4.2, §5.2).
    ///
    /// # Errors
    ///
    /// [`AddressError::TableFull`] if there are more sources than there is room for
    /// ([`GROUP_SOURCES`](crate::config::GROUP_SOURCES)): then nothing has changed. Others as the
    /// error says.
    #[cfg(feature = "multicast")]
    pub fn set_source_filter(
        &self,
        group: IpAddr,
        interface: InterfaceId,
        mode: FilterMode,
        sources: &[IpAddr],
    ) -> Result<(), AddressError> {
        self.stack
            .visit(|core| core.udp_set_filter(self.index, group, interface, mode, sources))
    }

    #[cfg(feature = "multicast")]
    fn change_source(
        &self,
        group: IpAddr,
        source: IpAddr,
        interface: InterfaceId,
        change: SourceChange,
    ) -> Result<(), AddressError> {
        self.stack
            .visit(|core| core.udp_change_source(self.index, group, source, interface, change))
    }

    /// Whether what does not pass whole on the way to its destination, as far as is known, is
    /// refused with [`SendError::TooLong`]; at first it is sent in fragments.
    #[cfg(feature = "fragmentation")]
    pub fn set_dont_fragment(&self, whole: bool) {
        self.set(|slot| slot.options.set(Options::DONT_FRAGMENT, whole));
    }

    /// Which of the addresses made of a prefix are better sources for what this socket sends (RFC
    /// 5014 §5), while it is not bound to one; `None`, as at first: those that the stack prefers
    /// ([`Stack::set_prefer_temporary`]).
    #[cfg(feature = "temporary-addresses")]
    pub fn set_source_preference(&self, preference: Option<SourcePreference>) {
        use SourcePreference::{Public, Temporary};

        self.set(|slot| {
            let options = &mut slot.options;
            options.set(Options::PREFER_TEMPORARY, preference == Some(Temporary));
            options.set(Options::PREFER_PUBLIC, preference == Some(Public));
        });
    }

    /// Whether the socket may send to broadcast addresses; at first it may not.
    pub fn set_broadcast(&self, allowed: bool) {
        self.set(|slot| slot.options.set(Options::BROADCAST, allowed));
    }

    /// Whether what is sent to a group comes to this host's members of it too; at first it does.
    pub fn set_multicast_loop(&self, looped: bool) {
        self.set(|slot| slot.options.set(Options::MULTICAST_LOOP, looped));
    }

    /// Whether the socket receives what is sent to a group that it has not joined itself, when
    /// another socket of this host has; at first it does not.
    pub fn set_all_groups(&self, all: bool) {
        self.set(|slot| slot.options.set(Options::ALL_GROUPS, all));
    }

    /// The TTL or hop limit of what is sent to single hosts; 0 stands for the default, 64.
    pub fn set_hop_limit(&self, hop_limit: u8) {
        self.set(|slot| slot.hop_limit = hop_limit);
    }

    /// The TTL or hop limit of what is sent to groups, at first 1 (RFC 1112 §6.1).
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

    /// The transmit queue, of [`TRAFFIC_CLASSES`](crate::config::TRAFFIC_CLASSES), that sent
    /// datagrams wait in: the higher, the sooner they are sent.
    pub fn set_priority(&self, class: u8) {
        self.set(|slot| slot.class = class);
    }

    /// How much may wait to be read: data in bytes, and fragments, each a block of the pool. What
    /// comes in beyond that is dropped and counted.
    ///
    /// At first any number of bytes, and half of the blocks that the pool lets be held.
    pub fn set_quota(&self, bytes: u32, blocks: u16) {
        self.set(|slot| (slot.quota_bytes, slot.quota_blocks) = (bytes, blocks));
    }

    /// Datagrams for this socket that were dropped: quota, pool, checksum.
    pub fn dropped(&self) -> u32 {
        self.get(|slot| slot.dropped).unwrap_or(0)
    }

    /// Its number among the sockets of the stack.
    #[allow(
        dead_code,
        reason = "for protocols that wait for it and for others at once"
    )]
    pub(crate) const fn index(&self) -> u16 {
        self.index
    }

    fn set(&self, change: impl FnOnce(&mut UdpSlot)) {
        self.stack.visit(|core| {
            if let Some(slot) = core.udp.get_mut(self.index) {
                change(slot);
            }
        });
    }

    fn get<R>(&self, read: impl FnOnce(&UdpSlot) -> R) -> Option<R> {
        self.stack.visit(|core| core.udp.get(self.index).map(read))
    }
}

impl Drop for UdpSocket<'_> {
    fn drop(&mut self) {
        self.stack.visit(|core| core.udp_close(self.index));
    }
}

/// The address that a datagram was sent to. A group or a broadcast address answers nothing: it leaves
/// the choice open.
fn asked(request: &RecvInfo) -> Option<IpAddress> {
    IpAddress::try_from(request.destination).ok()
}

/// The address that the application has chosen to send from, if it has.
fn chosen(from: IpAddr) -> Option<IpAddress> {
    let from = IpAddress::try_from(from).ok();
    from.filter(|from| !from.is_unspecified())
}
