//! What received messages and the protocols above tell about neighbours: RFC 4861 §7.2.3, §7.2.5,
//! §7.3.1 and appendix C; RFC 826, "Packet Reception".

use super::slots::Need;
use super::{NeighborCache, NeighborState, count, is_unicast};
use crate::netbuf::BufQueue;
use crate::time::Instant;
use crate::wire::{IpAddress, LinkAddr};

/// What a received message changed beyond the entry.
#[must_use]
pub struct Learned {
    /// Where to send `packets`.
    pub link: LinkAddr,
    /// The packets that waited for the link address, oldest first: to be sent now.
    pub packets: BufQueue,
    /// The neighbour was a router and is none any more: it is to be removed from the default
    /// routers, as is what was redirected to it (RFC 4861 §7.2.5, §7.3.3).
    pub lost_router: bool,
}

impl Learned {
    /// Nothing is to be sent.
    pub(crate) fn nothing() -> Self {
        Self {
            link: LinkAddr::NONE,
            packets: BufQueue::new(),
            lost_router: false,
        }
    }
}

/// A valid Neighbor Advertisement (RFC 4861 §4.4, §7.1.2).
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Target Address: not the source of the packet.
    pub target: core::net::Ipv6Addr,
    /// Target Link-Layer Address option.
    pub link: Option<LinkAddr>,
    /// The R flag.
    pub router: bool,
    /// The S flag.
    pub solicited: bool,
    /// The O flag.
    pub overriding: bool,
}

/// The sender of a valid ARP packet, from within our own prefixes (RFC 826).
#[cfg(feature = "ipv4")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpSender {
    /// Sender protocol address.
    pub address: core::net::Ipv4Addr,
    /// Sender hardware address.
    pub link: LinkAddr,
    /// The packet is a reply, not a request.
    pub is_reply: bool,
    /// The target protocol address is ours.
    pub for_us: bool,
}

/// Whether the link address may be that of a neighbour (RFC 1812 §3.3.2 for ARP).
pub(super) fn is_unicast_link(link: LinkAddr) -> bool {
    !link.is_multicast() && !link.is_empty()
}

impl NeighborCache {
    /// INCOMPLETE, and the link address is there: the entry becomes STALE.
    fn resolve(&mut self, index: usize, link: LinkAddr) -> Learned {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.become_stale(link);
        }
        count(&mut self.counters.resolved);
        Learned {
            link,
            packets: self.take_pending(index),
            lost_router: false,
        }
    }

    /// Whether addresses in a received message may be believed; counts if not.
    fn accepts(&mut self, address: IpAddress, link: Option<LinkAddr>) -> bool {
        if address.is_unspecified() {
            // A probe of one who has no address yet (RFC 5227 §1.1, RFC 4862 §5.4.2).
            return false;
        }
        let accepted = is_unicast(address) && link.is_none_or(is_unicast_link);
        if !accepted {
            count(&mut self.counters.bad_addresses);
        }
        accepted
    }

    /// A valid Neighbor Advertisement was received (RFC 4861 §7.2.5).
    #[cfg(feature = "ipv6")]
    pub fn advertisement(&mut self, now: Instant, message: Advertisement) -> Learned {
        let Advertisement {
            target,
            link,
            router,
            solicited,
            overriding,
        } = message;
        let mut learned = Learned::nothing();
        let address = IpAddress::V6(target);
        if !self.accepts(address, link) {
            return learned;
        }
        // "If no entry exists, the advertisement SHOULD be silently discarded."
        let reachable_until = now + self.discovery_timing.reachable_time();
        let Some(index) = self.position(address) else {
            return learned;
        };
        let Some(entry) = self.entries.get_mut(index) else {
            return learned;
        };
        if entry.state == NeighborState::Incomplete {
            learned.lost_router = entry.set_router(router);
            if let Some(link) = link {
                let lost_router = learned.lost_router;
                learned = self.resolve(index, link);
                learned.lost_router = lost_router;
                if let Some(entry) = self.entries.get_mut(index).filter(|_| solicited) {
                    entry.become_reachable(reachable_until);
                }
            }
        } else if entry.is_resolved() {
            let other_link = link.filter(|link| *link != entry.link);
            if other_link.is_some() && !overriding {
                // I a: "If the state of the entry is REACHABLE, set it to STALE, but do not update
                // the entry in any other way."
                if entry.state == NeighborState::Reachable {
                    entry.state = NeighborState::Stale;
                }
                return learned;
            }
            if let Some(link) = other_link {
                entry.become_stale(link);
            }
            if solicited {
                entry.become_reachable(reachable_until);
            }
            learned.lost_router = entry.set_router(router);
        }
        learned
    }

    /// The link address of a neighbour was in a valid Neighbor Solicitation, Router Solicitation,
    /// Router Advertisement (its source) or Redirect (its target), if it was there at all
    /// (RFC 4861 §7.2.3, §6.3.4, §8.3). `router` is what the message says of IsRouter: `None` for
    /// a Neighbor Solicitation.
    ///
    /// Without a link address nothing but IsRouter changes.
    #[cfg(feature = "ipv6")]
    pub fn discovered(
        &mut self,
        now: Instant,
        address: core::net::Ipv6Addr,
        link: Option<LinkAddr>,
        router: Option<bool>,
    ) -> Learned {
        let mut learned = Learned::nothing();
        let address = IpAddress::V6(address);
        if !self.accepts(address, link) {
            return learned;
        }
        if let Some(link) = link {
            learned = self.announced(now, address, link, true);
        }
        let entry = (self.position(address)).and_then(|index| self.entries.get_mut(index));
        if let (Some(entry), Some(router)) = (entry, router) {
            learned.lost_router = entry.set_router(router);
        }
        learned
    }

    /// A valid ARP packet was received (RFC 826, "Packet Reception").
    ///
    /// A reply that we have asked for makes the entry REACHABLE. Anything else only tells a link
    /// address, and only a request to us makes an entry: an unsolicited reply does not.
    #[cfg(feature = "ipv4")]
    pub fn arp(&mut self, now: Instant, sender: ArpSender) -> Learned {
        let ArpSender {
            address,
            link,
            is_reply,
            for_us,
        } = sender;
        let address = IpAddress::V4(address);
        if !self.accepts(address, Some(link)) {
            return Learned::nothing();
        }
        let state = self.position(address).map(|index| self.state_of(index));
        let was_asked = matches!(
            state,
            Some(NeighborState::Incomplete | NeighborState::Probe)
        );
        let learned = self.announced(now, address, link, for_us && !is_reply);
        if was_asked && is_reply && for_us {
            self.confirm(now, address);
        }
        learned
    }

    /// A message told a neighbour's link address and nothing about whether we can reach it (second
    /// table of RFC 4861 appendix C). With `create` it makes an entry where there is none.
    fn announced(
        &mut self,
        now: Instant,
        address: IpAddress,
        link: LinkAddr,
        create: bool,
    ) -> Learned {
        let found = match create {
            true => self.find_or_create(now, address, Need::Strangers),
            false => self.position(address),
        };
        let Some(index) = found else {
            return Learned::nothing();
        };
        match self.state_of(index) {
            NeighborState::Incomplete => return self.resolve(index, link),
            NeighborState::Static => {}
            NeighborState::Failed if !create => {}
            _ => {
                let entry = self.entries.get_mut(index);
                if let Some(entry) = entry.filter(|entry| entry.link != link) {
                    entry.become_stale(link);
                }
            }
        }
        Learned::nothing()
    }

    /// A protocol above has just learnt that packets reach the neighbour: a hint of RFC 4861
    /// §7.3.1. "upper-layer advice has no effect on entries in the INCOMPLETE state".
    pub fn confirm(&mut self, now: Instant, address: IpAddress) {
        let reachable_until = now + self.timing(address).reachable_time();
        let found = self.find(address);
        let entry = found.and_then(|index| self.entries.get_mut(index));
        if let Some(entry) = entry.filter(|entry| entry.is_resolved()) {
            entry.become_reachable(reachable_until);
        }
    }
}
