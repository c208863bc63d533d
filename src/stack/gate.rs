//! What looks at packets between the ports and the stack: packet sockets, raw sockets and the
//! packet filter.
//!
//! Where there is none, a packet costs a look at one flag either way.

use super::core::InterfaceId;
#[cfg(feature = "packet-sockets")]
use super::packet::Packets;
#[cfg(feature = "raw-sockets")]
use super::raw::RawSockets;
use super::waiters::Waiters;
use crate::iface::ReceiveDrop;
use crate::link::Capabilities;
use crate::netbuf::NetBuf;
#[cfg(feature = "packet-sockets")]
use crate::packet::Sight;

/// The sockets that get copies of what passes, and the rules for what may.
pub(crate) struct Gate {
    /// There is one.
    watched: bool,
    taken: Taken,
    #[cfg(feature = "packet-sockets")]
    pub(crate) packets: Packets,
    #[cfg(feature = "raw-sockets")]
    pub(crate) raw: RawSockets,
    #[cfg(feature = "packet-filter")]
    pub(super) filter: crate::iface::Filter,
}

/// Who has taken the packet that is being received.
#[derive(Clone, Copy)]
struct Taken {
    /// A packet socket has.
    frame: bool,
    /// A raw socket wants packets of this protocol, whether it had room for this one or not.
    protocol: bool,
    /// A raw socket has.
    packet: bool,
}

impl Taken {
    const BY_NOBODY: Self = Self {
        frame: false,
        protocol: false,
        packet: false,
    };
}

/// A frame that goes out, for those who want to see it once it has.
pub(super) struct Watched {
    #[cfg(feature = "packet-sockets")]
    sight: Sight,
    frame: NetBuf,
}

impl Gate {
    pub(super) const fn new() -> Self {
        Self {
            watched: false,
            taken: Taken::BY_NOBODY,
            #[cfg(feature = "packet-sockets")]
            packets: Packets::new(),
            #[cfg(feature = "raw-sockets")]
            raw: RawSockets::new(),
            #[cfg(feature = "packet-filter")]
            filter: crate::iface::Filter::new(),
        }
    }

    /// Whether anybody looks at what passes.
    #[inline(always)]
    pub(super) const fn is_watched(&self) -> bool {
        self.watched
    }

    /// Views of blocks of `pool` that wait at the sockets, whose counts have to agree.
    #[cfg(debug_assertions)]
    #[cfg_attr(
        not(any(feature = "packet-sockets", feature = "raw-sockets")),
        allow(unused_mut, unused_variables)
    )]
    pub(super) fn check(&self, pool: crate::netbuf::Pool) -> usize {
        let mut views = 0;
        #[cfg(feature = "packet-sockets")]
        {
            let sockets = self.packets.table.iter();
            views += sockets
                .map(|socket| socket.inbox.check(pool))
                .sum::<usize>();
        }
        #[cfg(feature = "raw-sockets")]
        {
            let sockets = self.raw.iter();
            views += sockets
                .map(|socket| socket.inbox.check(pool))
                .sum::<usize>();
        }
        views
    }

    /// A socket was opened or closed, or rules have changed.
    pub(super) fn look_around(&mut self) {
        #[cfg(feature = "packet-sockets")]
        let is_empty = self.packets.table.is_empty();
        #[cfg(not(feature = "packet-sockets"))]
        let is_empty = true;
        #[cfg(feature = "raw-sockets")]
        let is_empty = is_empty && self.raw.is_empty();
        #[cfg(feature = "packet-filter")]
        let is_empty = is_empty && self.filter.is_idle();
        self.watched = !is_empty;
    }

    /// A copy of a frame that is about to go out, if a packet socket wants to see it.
    #[cold]
    #[inline(never)]
    pub(super) fn copy(
        &mut self,
        id: InterfaceId,
        link: &Capabilities,
        frame: &NetBuf,
    ) -> Option<Watched> {
        #[cfg(feature = "packet-sockets")]
        {
            let sight = Sight::of(id, link, frame, true)?;
            if !self.packets.wants(&sight) {
                return None;
            }
            match frame.try_clone() {
                Ok(frame) => Some(Watched { sight, frame }),
                Err(_) => {
                    self.packets.missed(&sight);
                    None
                }
            }
        }
        #[cfg(not(feature = "packet-sockets"))]
        {
            let _ = (id, link, frame);
            None
        }
    }

    /// Lets the packet sockets see a frame that has gone out.
    #[cold]
    #[inline(never)]
    pub(super) fn sent(&mut self, watched: &Watched, waiters: &mut Waiters<'_>) {
        #[cfg(feature = "packet-sockets")]
        let _: bool = self.packets.show(&watched.sight, &watched.frame, waiters);
        #[cfg(not(feature = "packet-sockets"))]
        let _ = (&watched.frame, waiters);
    }

    /// A packet socket has taken the frame that is being received.
    #[cfg(feature = "packet-sockets")]
    pub(super) fn frame_taken(&mut self, is_taken: bool) {
        self.taken.frame = is_taken;
    }

    /// A raw socket wants the packet that is being received, and perhaps has taken it.
    #[cfg(feature = "raw-sockets")]
    pub(super) fn packet_wanted(&mut self, is_taken: bool) {
        self.taken.protocol = true;
        self.taken.packet |= is_taken;
    }

    /// Whether a raw socket speaks the protocol of the packet that is being received.
    #[cfg(feature = "raw-sockets")]
    pub(super) const fn is_raw_protocol(&self) -> bool {
        self.taken.protocol
    }

    /// What became of a packet: what the stack itself has no use for was put to use nevertheless if a
    /// socket for such packets has taken it.
    pub(super) fn judge(&mut self, result: Result<(), ReceiveDrop>) -> Result<(), ReceiveDrop> {
        let taken = core::mem::replace(&mut self.taken, Taken::BY_NOBODY);
        match result {
            Err(ReceiveDrop::LinkProtocol | ReceiveDrop::OtherStation) if taken.frame => Ok(()),
            Err(
                ReceiveDrop::TransportProtocol
                | ReceiveDrop::IcmpUnused
                | ReceiveDrop::IcmpUnmatched,
            ) if taken.packet => Ok(()),
            Err(ReceiveDrop::TransportProtocol) if taken.protocol => Err(ReceiveDrop::RawQuota),
            result => result,
        }
    }
}
