//! Packet sockets: copies of the frames that pass, and frames of the application's own making.

use heapless::Vec;

use super::core::{Core, InterfaceId};
use super::transmit::HEADROOM;
use super::waiters::{WaitKey, Waiters};
use crate::config;
use crate::iface::{Interface, SendDrop};
use crate::link::{Capabilities, Medium, ReceiveMode};
use crate::netbuf::meta::Flags;
use crate::netbuf::{Charge, Meta, NetBuf, NoBuffer, Purpose};
use crate::packet::{
    Inbox, PacketAddress, PacketError, PacketInfo, PacketKind, PacketMembership, PacketOptions,
    PacketProtocol, PacketSendError, PacketSlot, Sight, Table,
};
use crate::wire::LinkAddr;

/// All packet sockets, and what they have interfaces listen to.
pub(crate) struct Packets {
    pub(crate) table: Table<PacketSlot, { config::PACKET_SOCKETS }>,
    joined: Vec<Joined, { config::PACKET_MEMBERSHIPS }>,
    /// The socket whose frame is being sent: it does not see that itself.
    sender: Option<u8>,
}

/// What one socket has one interface listen to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Joined {
    socket: u8,
    interface: InterfaceId,
    membership: PacketMembership,
    /// So often, to be left as often.
    times: u8,
}

impl Packets {
    pub(super) const fn new() -> Self {
        Self {
            table: Table::new(),
            joined: Vec::new(),
            sender: None,
        }
    }

    /// Gives each socket that wants a frame to `work`; says whether any of them took it.
    fn for_each(
        &mut self,
        sight: &Sight,
        mut work: impl FnMut(u8, &mut PacketSlot) -> bool,
    ) -> bool {
        let mut is_taken = false;
        let mut next = self.table.first(sight.protocol);
        while let Some(index) = next {
            next = self.table.after(index, sight.protocol);
            if Some(index) != self.sender
                && let Some(slot) = self.table.get_mut(index).filter(|slot| slot.wants(sight))
            {
                is_taken |= work(index, slot);
            }
        }
        is_taken
    }

    /// Whether any socket wants a frame.
    pub(super) fn wants(&mut self, sight: &Sight) -> bool {
        self.for_each(sight, |_, _| true)
    }

    /// There was no view for a copy of a frame.
    pub(super) fn missed(&mut self, sight: &Sight) {
        let _: bool = self.for_each(sight, |_, slot| slot.inbox.put(Err(NoBuffer)));
    }

    /// Queues a frame at every socket that wants it, sharing its blocks; says whether any took it.
    pub(super) fn show(
        &mut self,
        sight: &Sight,
        frame: &NetBuf,
        waiters: &mut Waiters<'_>,
    ) -> bool {
        self.for_each(sight, |index, slot| {
            let copy = frame.try_clone().map(|mut copy| {
                copy.set_meta(Meta {
                    interface: sight.interface,
                    class: 0,
                    flags: sight.flags,
                    network: sight.header,
                    payload: 0,
                });
                copy
            });
            let is_taken = slot.inbox.put(copy);
            if is_taken {
                waiters.wake(WaitKey::packet(index));
            }
            is_taken
        })
    }

    /// What all sockets together have an interface listen to.
    fn mode_of(&self, id: InterfaceId) -> ReceiveMode {
        let joined = self.joined.iter().filter(|joined| joined.interface == id);
        joined.fold(ReceiveMode::empty(), |mode, joined| {
            mode | match joined.membership {
                PacketMembership::Promiscuous => ReceiveMode::PROMISCUOUS,
                PacketMembership::AllGroups => ReceiveMode::ALL_GROUPS,
                PacketMembership::Group(_) => ReceiveMode::empty(),
            }
        })
    }

    /// The groups of the link that sockets have joined on an interface.
    fn groups_of(&self, id: InterfaceId) -> impl Iterator<Item = LinkAddr> {
        let joined = (self.joined.iter()).filter(move |joined| joined.interface == id);
        joined.filter_map(|joined| match joined.membership {
            PacketMembership::Group(group) => Some(group),
            _ => None,
        })
    }
}

impl Core<'_> {
    /// Lets packet sockets see a frame that has come in.
    pub(super) fn watch_received(&mut self, id: InterfaceId, frame: &NetBuf) {
        self.watch(id, frame, false);
    }

    /// Lets packet sockets see what comes back by the interface that leads to this host itself. What
    /// is sent from one address of another interface to the next is on no link.
    #[cfg(feature = "loopback")]
    pub(super) fn watch_looped(&mut self, id: InterfaceId, packet: &NetBuf) {
        if self.interface(id).is_some_and(Interface::is_loopback) {
            self.watch(id, packet, false);
        }
    }

    /// Lets packet sockets see what leaves by the interface that leads to this host itself.
    pub(super) fn watch_looping(&mut self, packet: &NetBuf) {
        let id = packet.meta().interface;
        if self.gate.is_watched() && self.interface(id).is_some_and(Interface::is_loopback) {
            self.watch(id, packet, true);
        }
    }

    #[cold]
    fn watch(&mut self, id: InterfaceId, frame: &NetBuf, sent: bool) {
        let Some(Some(interface)) = self.interfaces.get(usize::from(id)) else {
            return;
        };
        if self.gate.packets.table.is_empty() || !interface.takes_frames() {
            return;
        }
        if let Some(sight) = Sight::of(id, &interface.capabilities, frame, sent) {
            let is_taken = self.gate.packets.show(&sight, frame, &mut self.waiters);
            self.gate.frame_taken(is_taken && !sent);
        }
    }

    /// Opens a socket that sees the link header, or does not.
    pub(crate) fn packet_open(
        &mut self,
        cooked: bool,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<u8, PacketError> {
        if interface.is_some_and(|id| self.interface(id).is_none()) {
            return Err(PacketError::NoInterface);
        }
        let options = match cooked {
            true => PacketOptions::COOKED,
            false => PacketOptions::empty(),
        };
        let slot = PacketSlot {
            inbox: Inbox::new(self.pool),
            interface,
            options,
            class: 0,
        };
        let opened = self.gate.packets.table.open(protocol.wanted(), slot);
        self.gate.look_around();
        opened.ok_or(PacketError::TableFull)
    }

    /// Has a socket receive other frames from now on.
    pub(crate) fn packet_bind(
        &mut self,
        index: u8,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<(), PacketError> {
        if interface.is_some_and(|id| self.interface(id).is_none()) {
            return Err(PacketError::NoInterface);
        }
        let table = &mut self.gate.packets.table;
        if let Some(slot) = table.get_mut(index) {
            slot.interface = interface;
        }
        table.change(index, protocol.wanted());
        Ok(())
    }

    /// Closes a socket: what it has received is given back, what it has joined is left.
    pub(crate) fn packet_close(&mut self, index: u8) {
        drop(self.gate.packets.table.close(index));
        self.gate.look_around();
        (self.gate.packets.joined).retain(|joined| joined.socket != index);
        for id in 0..self.interfaces.len() as InterfaceId {
            self.listen_for_sockets(id);
        }
        self.waiters.wake(WaitKey::packet(index));
    }

    /// Has an interface listen to more for a socket, or no longer.
    pub(crate) fn packet_membership(
        &mut self,
        index: u8,
        id: InterfaceId,
        membership: PacketMembership,
        join: bool,
    ) -> Result<(), PacketError> {
        let interface = self.interface(id).ok_or(PacketError::NoInterface)?;
        if let PacketMembership::Group(group) = membership
            && (!group.is_multicast() || interface.capabilities.medium == Medium::Ip)
        {
            return Err(PacketError::InvalidGroup);
        }
        let joined = &mut self.gate.packets.joined;
        let is_same = |one: &Joined| {
            one.socket == index && one.interface == id && one.membership == membership
        };
        match (joined.iter_mut().find(|one| is_same(one)), join) {
            (Some(one), true) => {
                one.times = (one.times.checked_add(1)).ok_or(PacketError::MembershipsFull)?;
            }
            (Some(one), false) => {
                one.times = one.times.saturating_sub(1);
                joined.retain(|one| one.times > 0);
            }
            (None, true) => {
                let pushed = joined.push(Joined {
                    socket: index,
                    interface: id,
                    membership,
                    times: 1,
                });
                pushed.map_err(|_| PacketError::MembershipsFull)?;
            }
            (None, false) => return Err(PacketError::NotMember),
        }
        self.listen_for_sockets(id);
        Ok(())
    }

    /// Has an interface listen to what sockets have joined.
    fn listen_for_sockets(&mut self, id: InterfaceId) {
        let packets = &self.gate.packets;
        let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) else {
            return;
        };
        let mode = packets.mode_of(id);
        (interface.listening).set_for_sockets(mode, packets.groups_of(id));
        self.mode_changed(id);
    }

    /// The next frame of a socket, and what goes with it. The data are behind the link header, if the
    /// socket sees none.
    pub(crate) fn packet_receive(&mut self, index: u8) -> Option<(NetBuf, PacketInfo)> {
        let slot = self.gate.packets.table.get_mut(index)?;
        let is_cooked = slot.options.contains(PacketOptions::COOKED);
        let mut frame = slot.inbox.take()?;
        let info = self.packet_info(&frame, is_cooked);
        let meta = frame.meta();
        if is_cooked {
            frame.advance(usize::from(meta.network));
        }
        // Whatever is done with it next is not about how it came.
        frame.set_meta(Meta {
            interface: meta.interface,
            ..Meta::NEW
        });
        Some((frame, info))
    }

    /// Shows `look` the next frame of a socket and where in it the data start, and leaves it there.
    #[cfg(feature = "bsd-sockets")]
    #[allow(dead_code, reason = "for the BSD sockets")]
    pub(crate) fn packet_peek(
        &self,
        index: u8,
        look: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, PacketInfo)> {
        let slot = self.gate.packets.table.get(index)?;
        let is_cooked = slot.options.contains(PacketOptions::COOKED);
        let frame = slot.inbox.front()?;
        let info = self.packet_info(&frame, is_cooked);
        let start = match is_cooked {
            true => frame.meta().network.into(),
            false => 0,
        };
        Some((look(&frame, start), info))
    }

    fn packet_info(&self, frame: &NetBuf, is_cooked: bool) -> PacketInfo {
        let meta = frame.meta();
        let header = match is_cooked {
            true => usize::from(meta.network),
            false => 0,
        };
        let interface = self.interface(meta.interface);
        let link = interface.map_or(Capabilities::ip(0), |interface| interface.capabilities);
        let sight = Sight::of(meta.interface, &link, frame, false);
        let (hardware, source) = match link.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => (1, crate::l2::ethernet::source(frame)),
            Medium::Ip if interface.is_some_and(Interface::is_loopback) => (772, LinkAddr::NONE),
            Medium::Ip => (65534, LinkAddr::NONE),
        };
        PacketInfo {
            interface: meta.interface,
            protocol: sight.map_or(0, |sight| sight.protocol),
            kind: PacketKind::of(meta.flags),
            hardware,
            source,
            length: frame.len().saturating_sub(header),
            #[cfg(feature = "timestamps")]
            timestamp: frame.stamp().nanos,
        }
    }

    /// The interface that a frame of a socket leaves by.
    pub(crate) fn packet_exit(
        &self,
        index: u8,
        to: &PacketAddress,
    ) -> Result<InterfaceId, PacketSendError> {
        let slot = self.gate.packets.table.get(index);
        let slot = slot.ok_or(PacketSendError::Closed)?;
        let id = to.interface.or(slot.interface);
        let id = id.filter(|id| self.interface(*id).is_some());
        id.ok_or(PacketSendError::NoInterface)
    }

    /// Sends a copy of `data`.
    pub(crate) fn packet_send_copy(
        &mut self,
        index: u8,
        to: &PacketAddress,
        data: &[u8],
    ) -> Result<(), PacketSendError> {
        let _: Frame = self.packet_check(index, to, data.len())?;
        let no_buffer = |_| PacketSendError::NoBuffer;
        let mut buf = (self.pool.alloc(Purpose::Send, HEADROOM)).map_err(no_buffer)?;
        buf.append(data).map_err(no_buffer)?;
        (self.packet_send(index, to, buf)).map_err(|(_, error)| error)
    }

    /// Finds out whether so many bytes can go.
    fn packet_check(
        &self,
        index: u8,
        to: &PacketAddress,
        length: usize,
    ) -> Result<Frame, PacketSendError> {
        let id = self.packet_exit(index, to)?;
        let (slot, interface) = (self.gate.packets.table.get(index), self.interface(id));
        let slot = slot.ok_or(PacketSendError::Closed)?;
        let interface = interface.ok_or(PacketSendError::NoInterface)?;
        let is_cooked = slot.options.contains(PacketOptions::COOKED);
        // What a router says of the link is about what IP sends.
        let mtu = usize::from(interface.capabilities.mtu);
        let (least, most, header) = match interface.capabilities.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet if is_cooked => {
                let bound = match self.gate.packets.table.wanted(index) {
                    Some(crate::packet::Wanted::Number(number)) => Some(number),
                    _ => None,
                };
                let protocol = to.protocol.or(bound).ok_or(PacketSendError::NoProtocol)?;
                if to.destination.as_ethernet().is_none() {
                    return Err(PacketSendError::InvalidDestination);
                }
                (0, mtu, Some((to.destination, protocol)))
            }
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                let header = crate::wire::ethernet::HEADER_LENGTH;
                (header, mtu + header, None)
            }
            Medium::Ip => {
                let _ = is_cooked;
                (1, mtu, None)
            }
        };
        match length {
            _ if length < least => Err(PacketSendError::TooShort),
            _ if length > most => Err(PacketSendError::TooLong { most }),
            _ => Ok(Frame {
                id,
                class: slot.class,
                header,
            }),
        }
    }

    /// Sends the bytes in `buf` as they are; gives them back on an error.
    pub(crate) fn packet_send(
        &mut self,
        index: u8,
        to: &PacketAddress,
        mut buf: NetBuf,
    ) -> Result<(), (NetBuf, PacketSendError)> {
        let length = buf.len();
        let frame = match self.packet_check(index, to, length) {
            Ok(frame) => frame,
            Err(error) => return Err((buf, error)),
        };
        if buf.set_charge(Charge::Send).is_err() {
            return Err((buf, PacketSendError::NoBuffer));
        }
        self.gate.packets.sender = Some(index);
        let result = self.packet_emit(&frame, buf);
        self.gate.packets.sender = None;
        result.map_err(|(mut buf, reason)| {
            self.not_sent(frame.id, reason);
            buf.advance(buf.len().saturating_sub(length));
            let error = match reason {
                SendDrop::NoBuffer | SendDrop::PoolHeld => PacketSendError::NoBuffer,
                SendDrop::Port => PacketSendError::QueueFull,
                _ => PacketSendError::Refused,
            };
            (buf, error)
        })
    }

    fn packet_emit(&mut self, frame: &Frame, mut buf: NetBuf) -> Result<(), (NetBuf, SendDrop)> {
        let Some(Some(interface)) = self.interfaces.get(usize::from(frame.id)) else {
            return Err((buf, SendDrop::NoRoute));
        };
        #[cfg(feature = "ethernet")]
        if let Some((destination, protocol)) = frame.header {
            let source = &interface.capabilities.address;
            if crate::l2::ethernet::wrap(&mut buf, source, &destination, protocol).is_err() {
                return Err((buf, SendDrop::NoBuffer));
            }
        }
        let is_loopback = interface.is_loopback();
        buf.set_meta(Meta {
            interface: frame.id,
            class: frame.class,
            flags: match is_loopback {
                true => Flags::LOOPED_BACK,
                false => Flags::empty(),
            },
            network: 0,
            payload: 0,
        });
        match is_loopback {
            true => self.loop_back(buf),
            false => self.hand_to_driver(frame.id, buf),
        }
    }
}

/// How a frame goes out.
struct Frame {
    id: InterfaceId,
    class: u8,
    /// What the stack is to write in front: destination and EtherType.
    #[cfg_attr(not(feature = "ethernet"), allow(dead_code))]
    header: Option<(LinkAddr, u16)>,
}
