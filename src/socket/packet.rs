//! Packet sockets.

use core::future::poll_fn;
use core::task::Poll;

use crate::netbuf::NetBuf;
use crate::packet::{
    PacketAddress, PacketError, PacketInfo, PacketMembership, PacketOptions, PacketProtocol,
    PacketSendError, PacketSlot,
};
use crate::stack::waiters::WaitKey;
use crate::stack::{InterfaceId, Stack};

/// The frames of a link, or of all links: received, sent, and sent by others of this host.
///
/// A socket gets copies that share the blocks of the frames, beside what the stack itself does with
/// them. Dropped, it is closed. Each way to wait can be given up without losing anything. The forms
/// that begin with `try` do not wait.
pub struct PacketSocket<'a> {
    stack: Stack<'a>,
    index: u8,
}

impl<'a> PacketSocket<'a> {
    /// Opens a socket that sees and gives whole frames, with the header of the link, on one interface
    /// or on all.
    pub fn raw(
        stack: Stack<'a>,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<Self, PacketError> {
        Self::open(stack, false, protocol, interface)
    }

    /// Opens a socket that sees and gives what frames carry: the header of the link is taken off what
    /// comes, and written in front of what is sent.
    pub fn cooked(
        stack: Stack<'a>,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<Self, PacketError> {
        Self::open(stack, true, protocol, interface)
    }

    fn open(
        stack: Stack<'a>,
        cooked: bool,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<Self, PacketError> {
        let index = stack.visit(|core| core.packet_open(cooked, protocol, interface))?;
        Ok(Self { stack, index })
    }

    /// Receives other frames from now on. Those that wait stay.
    pub fn bind(
        &self,
        protocol: PacketProtocol,
        interface: Option<InterfaceId>,
    ) -> Result<(), PacketError> {
        self.stack
            .visit(|core| core.packet_bind(self.index, protocol, interface))
    }

    /// Has an interface listen to more than what is for this host, until it is left as often as it was
    /// joined or the socket is closed. Others see what comes by that too.
    pub fn join(
        &self,
        interface: InterfaceId,
        membership: PacketMembership,
    ) -> Result<(), PacketError> {
        self.stack
            .visit(|core| core.packet_membership(self.index, interface, membership, true))
    }

    /// Ends what [`PacketSocket::join`] began.
    pub fn leave(
        &self,
        interface: InterfaceId,
        membership: PacketMembership,
    ) -> Result<(), PacketError> {
        self.stack
            .visit(|core| core.packet_membership(self.index, interface, membership, false))
    }

    /// Copies the next frame into `to`, cutting off what does not fit.
    pub fn try_recv_from(&self, to: &mut [u8]) -> Option<(usize, PacketInfo)> {
        let (frame, info) = self.try_recv()?;
        Some((frame.read(0, to), info))
    }

    /// The next frame as it is. Its blocks are shared with whoever else has it.
    pub fn try_recv(&self) -> Option<(NetBuf, PacketInfo)> {
        self.stack.visit(|core| core.packet_receive(self.index))
    }

    /// Shows `read` the next frame and where in it the data start, and leaves it to be received. It
    /// says how many bytes it took.
    #[cfg(feature = "bsd-sockets")]
    #[allow(dead_code, reason = "for the BSD sockets")]
    pub(crate) fn try_peek(
        &self,
        read: impl FnOnce(&NetBuf, usize) -> usize,
    ) -> Option<(usize, PacketInfo)> {
        self.stack.visit(|core| core.packet_peek(self.index, read))
    }

    /// Waits for a frame and copies it into `to`, cutting off what does not fit.
    pub async fn recv_from(&self, to: &mut [u8]) -> (usize, PacketInfo) {
        loop {
            self.readable().await;
            if let Some(received) = self.try_recv_from(to) {
                return received;
            }
        }
    }

    /// Waits for a frame, and gives it as it is.
    pub async fn recv(&self) -> (NetBuf, PacketInfo) {
        loop {
            self.readable().await;
            if let Some(received) = self.try_recv() {
                return received;
            }
        }
    }

    /// Waits until there is a frame.
    pub async fn readable(&self) {
        poll_fn(|context| {
            self.stack.visit(|core| {
                let slot = core.gate.packets.table.get(self.index);
                if slot.is_some_and(|slot| !slot.inbox.is_empty()) {
                    return Poll::Ready(());
                }
                core.wait(WaitKey::packet(self.index), context.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// Sends a copy of `data`: a whole frame, or what one is to carry. The socket itself does not see
    /// it; other packet sockets do.
    pub fn try_send_to(&self, data: &[u8], to: &PacketAddress) -> Result<(), PacketSendError> {
        self.stack
            .transfer(|core| core.packet_send_copy(self.index, to, data))
    }

    /// As [`PacketSocket::try_send_to`], of `data` as they are. On an error gives them back.
    pub fn try_send(
        &self,
        data: NetBuf,
        to: &PacketAddress,
    ) -> Result<(), (NetBuf, PacketSendError)> {
        self.stack
            .transfer(|core| core.packet_send(self.index, to, data))
    }

    /// As [`PacketSocket::try_send_to`], and waits for a packet buffer and for room in the transmit
    /// queue if it has to. A link that is down is waited for as well.
    pub async fn send_to(&self, data: &[u8], to: &PacketAddress) -> Result<(), PacketSendError> {
        loop {
            match self.try_send_to(data, to) {
                Err(PacketSendError::QueueFull) => self.writable(to).await?,
                Err(PacketSendError::NoBuffer) => {
                    let may_come = super::room::in_pool(self.stack.pool(), data.len()).await;
                    may_come.ok_or(PacketSendError::NoBuffer)?;
                }
                result => return result,
            }
        }
    }

    /// Waits until the link of the interface that leads to `to` is up and has room in its transmit
    /// queue.
    pub async fn writable(&self, to: &PacketAddress) -> Result<(), PacketSendError> {
        let (id, class) = self.stack.visit(|core| {
            let slot = core.gate.packets.table.get(self.index);
            let class = slot.map_or(0, |slot| slot.class);
            core.packet_exit(self.index, to).map(|id| (id, class))
        })?;
        super::room::in_port(self.stack, id, class).await;
        Ok(())
    }

    /// Whether the socket sees what others of this host send; at first it does.
    pub fn set_outgoing(&self, seen: bool) {
        self.set(|slot| slot.options.set(PacketOptions::IGNORE_OUTGOING, !seen));
    }

    /// The transmit queue, of [`TRAFFIC_CLASSES`](crate::config::TRAFFIC_CLASSES), that sent frames
    /// wait in: the higher, the sooner they are sent.
    pub fn set_priority(&self, class: u8) {
        self.set(|slot| slot.class = class);
    }

    /// How much may wait to be read: bytes, and fragments, each a view of a block of the pool. What
    /// comes in beyond that is dropped and counted.
    ///
    /// At first any number of bytes, and half of the blocks that the pool lets be held. A quarter of
    /// those is left to other sockets in any case.
    pub fn set_quota(&self, bytes: u32, blocks: u16) {
        self.set(|slot| slot.inbox.set_quota(bytes, blocks));
    }

    /// Frames that came to the socket, those that it was not given among them.
    pub fn received(&self) -> u32 {
        self.get(|slot| slot.inbox.received).unwrap_or(0)
    }

    /// Frames for this socket that were dropped: quota, pool, views.
    pub fn dropped(&self) -> u32 {
        self.get(|slot| slot.inbox.dropped).unwrap_or(0)
    }

    fn set(&self, change: impl FnOnce(&mut PacketSlot)) {
        self.stack.visit(|core| {
            if let Some(slot) = core.gate.packets.table.get_mut(self.index) {
                change(slot);
            }
        });
    }

    fn get<R>(&self, read: impl FnOnce(&PacketSlot) -> R) -> Option<R> {
        self.stack
            .visit(|core| core.gate.packets.table.get(self.index).map(read))
    }
}

impl Drop for PacketSocket<'_> {
    fn drop(&mut self) {
        self.stack.visit(|core| core.packet_close(self.index));
    }
}
