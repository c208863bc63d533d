//! What an interface receives beside what is for this host.

#[cfg(feature = "packet-sockets")]
use heapless::Vec;

#[cfg(feature = "packet-sockets")]
use crate::config;
use crate::link::ReceiveMode;
#[cfg(feature = "packet-sockets")]
use crate::wire::LinkAddr;

/// What an interface listens to: by hand, and for packet sockets.
pub(crate) struct Listening {
    pub(crate) by_hand: ReceiveMode,
    #[cfg(feature = "packet-sockets")]
    for_sockets: ReceiveMode,
    /// Groups of the link that packet sockets have joined.
    #[cfg(feature = "packet-sockets")]
    groups: Vec<LinkAddr, { config::PACKET_MEMBERSHIPS }>,
}

impl Listening {
    pub(super) const fn new() -> Self {
        Self {
            by_hand: ReceiveMode::empty(),
            #[cfg(feature = "packet-sockets")]
            for_sockets: ReceiveMode::empty(),
            #[cfg(feature = "packet-sockets")]
            groups: Vec::new(),
        }
    }

    /// What anybody wants.
    pub(crate) const fn mode(&self) -> ReceiveMode {
        #[cfg(feature = "packet-sockets")]
        return self.by_hand.union(self.for_sockets);
        #[cfg(not(feature = "packet-sockets"))]
        self.by_hand
    }

    #[cfg(feature = "packet-sockets")]
    #[cfg_attr(not(feature = "multicast"), allow(dead_code))]
    pub(crate) fn groups(&self) -> &[LinkAddr] {
        &self.groups
    }

    /// Takes in what packet sockets want now.
    #[cfg(feature = "packet-sockets")]
    pub(crate) fn set_for_sockets(
        &mut self,
        mode: ReceiveMode,
        groups: impl Iterator<Item = LinkAddr>,
    ) {
        self.for_sockets = mode;
        self.groups = super::interface::listed(groups);
    }
}
