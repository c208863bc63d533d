//! Router Advertisements sent (RFC 4861 §6.2, RFC 8106 §5): the device as the router of its own
//! network.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::route::Path;
use super::timers::ADVERTISEMENTS;
use crate::config;
use crate::iface::advertiser::Advertiser;
use crate::iface::{
    Advertisement, AdvertisementError, AdvertisingCounters, Interface, Member, SendDrop,
};
use crate::wire::ipv6_address::{self, ALL_NODES, ALL_ROUTERS};
use crate::wire::ndp::{ROUTER_ADVERTISEMENT_LENGTH, RouterAdvertisement, RouterFlags};
use crate::wire::ndp_option::{self, NdpOption, NdpOptions, PrefixInformation};
use crate::wire::{Bytes, LinkAddr, Malformed, ipv6};

/// The longest advertisement.
const LONGEST: usize = ROUTER_ADVERTISEMENT_LENGTH
    + 16
    + 8
    + config::ADVERTISED_PREFIXES * PrefixInformation::LENGTH
    + config::ANNOUNCED_ROUTES * 24
    + 8
    + config::NAME_SERVERS * 16
    + 8
    + (config::SEARCH_DOMAINS * config::DOMAIN_LENGTH).next_multiple_of(8);

const _: () = assert!(
    LONGEST + ipv6::HEADER_LENGTH <= ipv6::MINIMUM_MTU,
    "an advertisement would not fit into a packet: take less of ZONDA_ADVERTISED_PREFIXES, \
     ZONDA_ANNOUNCED_ROUTES, \
     ZONDA_NAME_SERVERS, ZONDA_SEARCH_DOMAINS or ZONDA_DOMAIN_LENGTH"
);

impl Interface<'_> {
    /// Whether this host is a router on the link.
    pub(crate) fn is_advertising(&self) -> bool {
        let advertiser = self.advertiser.as_ref();
        advertiser.is_some_and(|advertiser| !advertiser.is_final())
    }
}

impl Core<'_> {
    /// Becomes a router on an interface, which advertises this, or says something else from now
    /// on (RFC 4861 §6.2.2). What other routers say is no longer believed there.
    pub fn advertise(
        &mut self,
        id: InterfaceId,
        what: Advertisement,
    ) -> Result<(), AdvertisementError> {
        what.check()?;
        let now = self.now;
        let Core {
            interfaces, rng, ..
        } = self;
        let Some(Some(interface)) = interfaces.get_mut(usize::from(id)) else {
            return Err(AdvertisementError::NoInterface);
        };
        let was_advertising = interface.is_advertising();
        let mtu = interface.mtu();
        let is_up = interface.is_up();
        let advertiser = match &mut interface.advertiser {
            Some(advertiser) => {
                let counters = advertiser.counters;
                advertiser.begin(what);
                advertiser.counters = counters;
                advertiser
            }
            none => none.insert(Advertiser::new(what)),
        };
        if is_up {
            advertiser.restart(now, rng);
        }
        if !was_advertising {
            // "A router MUST join the all-routers multicast address on an advertising interface."
            // Where there is no room for the group, solicitations are not heard.
            let joined = interface.join(ALL_ROUTERS.into(), Member::STACK);
            if joined.is_err() {
                debug!("no room for the group of all routers");
            }
            self.kick(id);
            #[cfg(feature = "router-discovery")]
            self.restart_discovery(id);
            self.mtu_changed(id, mtu);
        }
        self.arm_advertisements();
        Ok(())
    }

    /// Is no longer a router on an interface, and says so (RFC 4861 §6.2.5). Says whether it was.
    pub fn stop_advertising(&mut self, id: InterfaceId) -> bool {
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        if !interface.is_advertising() {
            return false;
        }
        let is_up = interface.is_up();
        match &mut interface.advertiser {
            Some(advertiser) if is_up => advertiser.stop(now),
            other => *other = None,
        }
        let _: bool = interface.leave(ALL_ROUTERS.into(), Member::STACK);
        self.kick(id);
        #[cfg(feature = "router-discovery")]
        self.restart_discovery(id);
        self.arm_advertisements();
        true
    }

    /// What an advertising interface has done; `None` if it is none.
    pub fn advertising(&self, id: InterfaceId) -> Option<AdvertisingCounters> {
        Some(self.interface(id)?.advertiser.as_ref()?.counters)
    }

    /// A host asks for an advertisement.
    pub(super) fn advertise_soon(&mut self, id: InterfaceId) {
        let now = self.now;
        let Core {
            interfaces, rng, ..
        } = self;
        if let Some(Some(interface)) = interfaces.get_mut(usize::from(id))
            && let Some(advertiser) = &mut interface.advertiser
        {
            advertiser.soon(now, rng);
        }
        self.arm_advertisements();
    }

    /// The link has come up or gone down.
    pub(super) fn restart_advertising(&mut self, id: InterfaceId) {
        let now = self.now;
        let Core {
            interfaces, rng, ..
        } = self;
        if let Some(Some(interface)) = interfaces.get_mut(usize::from(id)) {
            let is_up = interface.is_up();
            match &mut interface.advertiser {
                Some(advertiser) if !is_up && advertiser.is_final() => interface.advertiser = None,
                Some(advertiser) if is_up => advertiser.restart(now, rng),
                Some(advertiser) => advertiser.pause(),
                None => {}
            }
        }
        self.arm_advertisements();
    }

    /// The timer of advertisements has run out.
    pub(super) fn poll_advertisements(&mut self) {
        let now = self.now;
        for index in 0..self.interfaces.len() {
            let id = index as InterfaceId;
            let interface = self.interface(id);
            let advertiser = interface.and_then(|interface| interface.advertiser.as_ref());
            if !advertiser.is_some_and(|advertiser| advertiser.is_due(now)) {
                continue;
            }
            let result = self.send_advertisement(id);
            let Core {
                interfaces, rng, ..
            } = self;
            let Some(Some(interface)) = interfaces.get_mut(index) else {
                continue;
            };
            let Some(advertiser) = &mut interface.advertiser else {
                continue;
            };
            match result {
                Ok(()) if advertiser.is_final() => interface.advertiser = None,
                Ok(()) => advertiser.sent(now, rng),
                Err(reason) => {
                    advertiser.retry(now);
                    interface.counters.not_sent(reason);
                }
            }
        }
        self.arm_advertisements();
    }

    fn arm_advertisements(&mut self) {
        let advertisers = self.interfaces().filter_map(|(_, i)| i.advertiser.as_ref());
        let deadline = advertisers.filter_map(Advertiser::next_deadline).min();
        self.set_timer(ADVERTISEMENTS, deadline);
    }

    fn send_advertisement(&mut self, id: InterfaceId) -> Result<(), SendDrop> {
        let interface = self.interface(id).ok_or(SendDrop::NoRoute)?;
        let advertiser = interface.advertiser.as_ref().ok_or(SendDrop::NoRoute)?;
        let source = interface.link_local().ok_or(SendDrop::NoRoute)?;
        let mut message = [0; LONGEST];
        let own_link = interface.capabilities.address;
        let length = write(&mut message, advertiser, own_link).map_err(|_| SendDrop::TooLong)?;
        let path = Path {
            interface: id,
            next_hop: ALL_NODES.into(),
            source: source.into(),
            is_local: false,
        };
        let message = message.get(..length).unwrap_or(&[]);
        self.send_discovery(&path, ALL_NODES, None, message)
    }

    /// Somebody who is not known says where he is, for the packets that are going to come back to
    /// him: "Routers SHOULD create a new entry for the target address [...] The entry's
    /// reachability state MUST be set to STALE" (RFC 9131 §6.1.1). Says whether there is one.
    #[cfg(neighbors)]
    #[cold]
    pub(super) fn remember_advertised(
        &mut self,
        id: InterfaceId,
        advertisement: &crate::iface::neighbor::Advertisement,
    ) -> bool {
        let crate::iface::neighbor::Advertisement {
            target,
            link,
            router,
            ..
        } = *advertisement;
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        let is_new = interface.is_advertising()
            && link.is_some()
            && !interface.has_address(target.into())
            && interface.neighbors.neighbor(now, target.into()).is_none();
        if is_new {
            let learned = (interface.neighbors).discovered(now, target, link, Some(router));
            self.learned(id, learned);
        }
        is_new
    }

    /// Another router advertises itself: whether hosts would switch between what it says and what
    /// is said here (RFC 4861 §6.2.7).
    pub(super) fn check_consistency<B: Bytes + ?Sized>(
        &mut self,
        id: InterfaceId,
        fixed: &[u8; ROUTER_ADVERTISEMENT_LENGTH],
        message: &B,
    ) {
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let Some(advertiser) = &mut interface.advertiser else {
            return;
        };
        if !is_consistent(&advertiser.what, RouterAdvertisement::new(fixed), message) {
            let counter = &mut advertiser.counters.inconsistent;
            *counter = counter.wrapping_add(1);
            debug!("another router contradicts what is advertised here");
        }
    }
}

/// "The logging of errors SHOULD be restricted to conflicting information that causes hosts to
/// switch from one value to another with each received advertisement."
fn is_consistent<B: Bytes + ?Sized>(
    own: &Advertisement,
    header: RouterAdvertisement<'_>,
    message: &B,
) -> bool {
    // A zero says nothing.
    let agree = |own: u32, other: u32| own == 0 || other == 0 || own == other;
    let flags = RouterFlags::MANAGED | RouterFlags::OTHER;
    let hop_limit = header.current_hop_limit().unwrap_or(0);
    let mut options = NdpOptions::new(message, ROUTER_ADVERTISEMENT_LENGTH).map_while(Result::ok);
    own.flags & flags == header.flags() & flags
        && agree(own.hop_limit.into(), hop_limit.into())
        && agree(own.reachable_time, header.reachable_time())
        && agree(own.retrans_timer, header.retrans_timer())
        && options.all(|option| match option {
            NdpOption::Mtu(mtu) => own.mtu.is_none_or(|own| own == mtu),
            NdpOption::PrefixInformation(prefix) => own.prefixes.iter().all(|own| {
                own.length != prefix.prefix_length()
                    || ipv6_address::prefix(own.prefix, own.length) != prefix.prefix()
                    || (own.valid, own.preferred)
                        == (prefix.valid_lifetime(), prefix.preferred_lifetime())
            }),
            _ => true,
        })
}

/// Writes an advertisement (RFC 4861 §6.2.3); how many octets it has.
fn write(
    message: &mut [u8; LONGEST],
    advertiser: &Advertiser,
    own_link: LinkAddr,
) -> Result<usize, Malformed> {
    let what = &advertiser.what;
    // "Router Advertisements on the interface with a Router Lifetime field of zero".
    let lifetime = match advertiser.is_final() {
        true => 0,
        false => what.lifetime,
    };
    let (fixed, mut rest) = (message.split_first_chunk_mut()).ok_or(Malformed::Truncated)?;
    RouterAdvertisement::write(
        fixed,
        what.hop_limit,
        what.flags & (RouterFlags::MANAGED | RouterFlags::OTHER),
        what.preference,
        lifetime,
        what.reachable_time,
        what.retrans_timer,
    );
    if !own_link.is_empty() {
        let length = ndp_option::write_source_link_layer_address(rest, own_link)?;
        rest = rest.get_mut(length..).ok_or(Malformed::Truncated)?;
    }
    if let Some(mtu) = what.mtu {
        let (option, next) = rest.split_first_chunk_mut().ok_or(Malformed::Truncated)?;
        ndp_option::write_mtu(option, mtu);
        rest = next;
    }
    for prefix in &what.prefixes {
        let (option, next) = rest.split_first_chunk_mut().ok_or(Malformed::Truncated)?;
        PrefixInformation::write(
            option,
            ipv6_address::prefix(prefix.prefix, prefix.length),
            prefix.length,
            prefix.flags,
            prefix.valid,
            prefix.preferred,
        );
        rest = next;
    }
    for route in &what.routes {
        // "when ceasing to be an advertising interface [...] with a Route Lifetime of zero" (RFC
        // 4191 §4).
        let lifetime = match advertiser.is_final() {
            true => 0,
            false => route.lifetime,
        };
        let (prefix, bits) = (route.prefix, route.prefix_length);
        let length =
            ndp_option::write_route_information(rest, prefix, bits, route.preference, lifetime)?;
        rest = rest.get_mut(length..).ok_or(Malformed::Truncated)?;
    }
    if !what.name_servers.is_empty() {
        let length = ndp_option::write_rdnss(rest, what.names_lifetime, &what.name_servers)?;
        rest = rest.get_mut(length..).ok_or(Malformed::Truncated)?;
    }
    if !what.search_domains.is_empty() {
        let mut names: heapless::Vec<u8, { config::SEARCH_DOMAINS * config::DOMAIN_LENGTH }> =
            heapless::Vec::new();
        for domain in &what.search_domains {
            (names.extend_from_slice(domain.as_bytes())).map_err(|_| Malformed::Truncated)?;
        }
        let length = ndp_option::write_dnssl(rest, what.names_lifetime, &names)?;
        rest = rest.get_mut(length..).ok_or(Malformed::Truncated)?;
    }
    let left = rest.len();
    Ok(LONGEST - left)
}

impl Stack<'_> {
    /// Becomes a router on an interface, which advertises this, or says something else from now
    /// on (RFC 4861 §6.2.2). What other routers say is no longer believed there.
    ///
    /// The stack forwards nothing by itself: a lifetime other than zero is for whoever does.
    ///
    /// # Errors
    ///
    /// There is no such interface, or a value is out of its range.
    pub fn advertise(self, id: InterfaceId, what: Advertisement) -> Result<(), AdvertisementError> {
        self.with(|core| core.advertise(id, what))
    }

    /// Is no longer a router on an interface, and says so (RFC 4861 §6.2.5). Says whether it was.
    pub fn stop_advertising(self, id: InterfaceId) -> bool {
        self.with(|core| core.stop_advertising(id))
    }

    /// What an advertising interface has done; `None` if it is none.
    pub fn advertising(self, id: InterfaceId) -> Option<AdvertisingCounters> {
        self.with(|core| core.advertising(id))
    }
}
