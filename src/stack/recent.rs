//! The ways that packets went lately: a socket that goes on sending to one destination has its route
//! and source address looked up once, and not for each packet.
//!
//! What is remembered holds until something may have changed that a way depends on, and for
//! [`LIFETIME`] at most. Everything may have changed after any call of the stack but those that
//! pass data ([`Stack::transfer`](super::Stack)), any timer, any change of a link, and any packet
//! received that is no transport's.

#[cfg(feature = "udp")]
use super::core::InterfaceId;
use super::route::Path;
#[cfg(feature = "fast-paths")]
use crate::config::RECENT_PATHS;
#[cfg(feature = "fast-paths")]
use crate::time::Duration;
use crate::time::Instant;
#[cfg(feature = "udp")]
use crate::udp::Options;
use crate::wire::IpAddress;

/// For how long a way is not looked up anew, even where nothing has changed: look-ups note which
/// gateways were passed over, and those are to be asked from time to time.
#[cfg(feature = "fast-paths")]
const LIFETIME: Duration = Duration::from_secs(1);

/// What the way of a datagram was looked up for.
#[cfg(feature = "udp")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) destination: IpAddress,
    /// The address that the socket is bound to.
    pub(super) local: Option<IpAddress>,
    /// The only interface to send by.
    pub(super) only: Option<InterfaceId>,
    /// Some of them say which source is preferred.
    pub(super) options: Options,
}

/// What the way of a segment was looked up for: the addresses of the peer and of this end.
#[cfg(feature = "tcp")]
pub(super) type Ends = (IpAddress, IpAddress);

#[cfg(feature = "fast-paths")]
#[derive(Clone, Copy)]
struct Recent<W> {
    wanted: W,
    path: Path,
    /// How often the ways had changed when it was looked up.
    changes: u32,
    until: Instant,
}

/// The last way of each socket; sockets share places beyond [`RECENT_PATHS`], and the latest has it.
#[cfg(feature = "fast-paths")]
pub(crate) struct RecentPaths<W> {
    places: [Option<Recent<W>>; RECENT_PATHS],
    changes: u32,
}

#[cfg(feature = "fast-paths")]
impl<W: Copy + PartialEq> RecentPaths<W> {
    pub(super) const fn new() -> Self {
        Self {
            places: [None; RECENT_PATHS],
            changes: 0,
        }
    }

    /// Something may have changed that ways depend on.
    #[inline]
    pub(super) fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    /// The way that a socket's last packet went, if this one goes the same.
    #[inline]
    pub(super) fn get(&self, socket: u16, now: Instant, wanted: &W) -> Option<&Path> {
        let place = self.places.get(usize::from(socket) % RECENT_PATHS);
        let recent = place?.as_ref()?;
        let holds =
            recent.changes == self.changes && now < recent.until && recent.wanted == *wanted;
        holds.then_some(&recent.path)
    }

    /// Remembers the way of a packet.
    pub(super) fn set(&mut self, socket: u16, now: Instant, wanted: W, path: Path) {
        if let Some(place) = self.places.get_mut(usize::from(socket) % RECENT_PATHS) {
            *place = Some(Recent {
                wanted,
                path,
                changes: self.changes,
                until: now + LIFETIME,
            });
        }
    }
}

/// Nothing is remembered.
#[cfg(not(feature = "fast-paths"))]
pub(crate) struct RecentPaths<W>(core::marker::PhantomData<W>);

#[cfg(not(feature = "fast-paths"))]
impl<W> RecentPaths<W> {
    pub(super) const fn new() -> Self {
        Self(core::marker::PhantomData)
    }

    #[inline(always)]
    pub(super) fn changed(&mut self) {}

    #[inline(always)]
    pub(super) fn get(&self, _: u16, _: Instant, _: &W) -> Option<&Path> {
        None
    }

    #[inline(always)]
    pub(super) fn set(&mut self, _: u16, _: Instant, _: W, _: Path) {}
}
