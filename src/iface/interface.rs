//! One interface: what it is, its addresses, groups and neighbours.

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use heapless::Vec;

use super::Counters;
#[cfg(feature = "acd")]
use super::Ipv4State;
#[cfg(any(feature = "ipv6", feature = "multicast"))]
use super::Member;
#[cfg(feature = "ipv6")]
use super::address::{Ipv6Address, Ipv6Entry};
#[cfg(feature = "ipv4")]
use super::address_v4::Assignments;
#[cfg(feature = "acd")]
use super::conflict::Conflicts;
#[cfg(feature = "dad")]
use super::dad::{AddressCounters, AddressSettings};
#[cfg(feature = "router-discovery")]
use super::discovery::Discovery;
#[cfg(any(feature = "ipv6", feature = "multicast"))]
use super::group::Groups;
#[cfg(all(feature = "udp", feature = "multicast"))]
use super::group::{FilterMode, Hears, SourceChange};
#[cfg(any(neighbors, feature = "ipv6"))]
use super::neighbor::NeighborCache;
#[cfg(neighbors)]
use super::neighbor::NeighborCounters;
#[cfg(feature = "ipv4")]
use super::{Ipv4Cidr, Ipv4Entry};
use crate::config;
use crate::link::{Capabilities, LinkState, Medium, StackEnd};
#[cfg(feature = "ipv6")]
use crate::wire::ipv6_address;
use crate::wire::{IpAddress, LinkAddr};

/// Why an address or a group was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AddressError {
    /// There is no such interface.
    NoInterface,
    /// The address cannot be one of a single host, is no group where one is wanted, or is a group
    /// that has not been joined.
    Invalid,
    /// The table of the interface is full.
    TableFull,
    /// The address is of an IP version that this build leaves out.
    UnsupportedFamily,
    /// The group has been joined in the other way: with all sources but some, or with some sources
    /// only.
    WrongMode,
    /// The source is in the list already, or is not there to be taken out.
    WrongSource,
}

impl core::fmt::Display for AddressError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::Invalid => "not an address for this purpose",
            Self::TableFull => "the address table is full",
            Self::UnsupportedFamily => "address of a version that is not built in",
            Self::WrongMode => "the group has been joined in the other way",
            Self::WrongSource => "the source is in the list, or is not",
        })
    }
}

impl core::error::Error for AddressError {}

/// What an interface is, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// What its link is.
    pub capabilities: Capabilities,
    /// Whether frames can pass.
    pub link: LinkState,
    /// Whether it is at work, or why not.
    #[cfg(feature = "mgmt")]
    pub state: super::OperationalState,
    /// The largest IP packet that may be sent, in bytes.
    pub mtu: u16,
    /// Its IPv4 addresses, those among them that may not be used (yet).
    #[cfg(feature = "ipv4")]
    pub ipv4: Vec<Ipv4Entry, { config::IPV4_ADDRESSES }>,
    /// Its IPv6 addresses.
    #[cfg(feature = "ipv6")]
    pub ipv6: Vec<Ipv6Address, { config::IPV6_ADDRESSES }>,
    /// What it has seen of duplicate IPv6 addresses.
    #[cfg(feature = "dad")]
    pub addresses: AddressCounters,
    /// What it receives beside what is for this host.
    #[cfg(feature = "promiscuous")]
    pub receive_mode: crate::link::ReceiveMode,
    /// What it has received and sent.
    pub counters: Counters,
    /// What its neighbour cache has done.
    #[cfg(neighbors)]
    pub neighbors: NeighborCounters,
}

/// How a packet's destination is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It is an address of this interface.
    Unicast,
    /// It is a broadcast address of this interface's link.
    #[cfg(feature = "ipv4")]
    Broadcast,
    /// It is a group that somebody here listens to.
    Multicast,
}

/// What a loopback interface does.
#[cfg(feature = "loopback")]
pub(crate) struct Loopback {
    /// Packets of a thousand that it loses.
    pub(crate) loss: u16,
}

/// An interface of the stack: a port with addresses.
pub struct Interface<'p> {
    pub(crate) port: StackEnd<'p>,
    pub(crate) capabilities: Capabilities,
    pub(crate) link: LinkState,
    /// No larger packets are sent, whatever fits into a frame.
    pub(crate) mtu_limit: u16,
    /// The IPv4 addresses that may be used.
    #[cfg(feature = "ipv4")]
    pub(crate) ipv4: Vec<Ipv4Cidr, { config::IPV4_ADDRESSES }>,
    /// What is sent to all hosts of a subnet of its is not received.
    #[cfg(feature = "ipv4")]
    pub(crate) ignores_directed_broadcast: bool,
    /// All of them.
    #[cfg(feature = "ipv4")]
    pub(crate) assignments: Assignments,
    #[cfg(feature = "acd")]
    pub(crate) conflicts: Conflicts,
    /// It leads to this host itself.
    #[cfg(feature = "loopback")]
    pub(crate) loopback: Option<Loopback>,
    #[cfg(feature = "ipv6")]
    pub(crate) ipv6: Vec<Ipv6Entry, { config::IPV6_ADDRESSES }>,
    #[cfg(feature = "dad")]
    pub(crate) addresses: AddressSettings,
    #[cfg(any(feature = "ipv6", feature = "multicast"))]
    pub(crate) groups: Groups,
    #[cfg(any(neighbors, feature = "ipv6"))]
    pub(crate) neighbors: NeighborCache,
    #[cfg(feature = "router-discovery")]
    pub(crate) discovery: Discovery,
    #[cfg(feature = "ra-server")]
    pub(crate) advertiser: Option<super::advertiser::Advertiser>,
    #[cfg(feature = "redirects")]
    pub(crate) takes_redirects: bool,
    #[cfg(feature = "promiscuous")]
    pub(crate) listening: super::Listening,
    pub(crate) counters: Counters,
    #[cfg(feature = "statistics")]
    pub(crate) statistics: super::InterfaceStatistics,
    #[cfg(feature = "mgmt")]
    pub(crate) admin: super::Admin,
}

impl<'p> Interface<'p> {
    pub(crate) fn new(port: StackEnd<'p>) -> Self {
        let capabilities = port.capabilities();
        Self {
            port,
            capabilities,
            link: LinkState::Down,
            mtu_limit: u16::MAX,
            #[cfg(feature = "ipv4")]
            ipv4: Vec::new(),
            #[cfg(feature = "ipv4")]
            ignores_directed_broadcast: false,
            #[cfg(feature = "ipv4")]
            assignments: Vec::new(),
            #[cfg(feature = "acd")]
            conflicts: Conflicts::NEW,
            #[cfg(feature = "loopback")]
            loopback: None,
            #[cfg(feature = "ipv6")]
            ipv6: Vec::new(),
            #[cfg(feature = "dad")]
            addresses: AddressSettings::new(capabilities.medium != Medium::Ip),
            #[cfg(any(feature = "ipv6", feature = "multicast"))]
            groups: Groups::new(),
            #[cfg(any(neighbors, feature = "ipv6"))]
            neighbors: NeighborCache::new(),
            #[cfg(feature = "router-discovery")]
            discovery: Discovery::new(),
            #[cfg(feature = "ra-server")]
            advertiser: None,
            #[cfg(feature = "redirects")]
            takes_redirects: true,
            #[cfg(feature = "promiscuous")]
            listening: super::Listening::new(),
            counters: Counters::NEW,
            #[cfg(feature = "statistics")]
            statistics: Default::default(),
            #[cfg(feature = "mgmt")]
            admin: super::Admin::new(),
        }
    }

    /// The link address of this station.
    pub fn link_address(&self) -> LinkAddr {
        self.capabilities.address
    }

    /// The largest IP packet that may be sent, in bytes: what fits into a frame, or less where that
    /// was wished for, or a router says so. Its MTU option is about the link (RFC 4861 §4.6.4), and
    /// so holds for both IP versions.
    #[inline]
    pub fn mtu(&self) -> usize {
        let mtu = self.capabilities.mtu.min(self.mtu_limit);
        #[cfg(feature = "router-discovery")]
        let mtu = mtu.min(self.discovery.mtu());
        usize::from(mtu)
    }

    /// Whether packets of the version of `address` pass: "IPv6 requires that every link in the
    /// Internet have an MTU of 1280 octets or greater" (RFC 8200 §5).
    #[inline]
    pub(crate) fn carries(&self, address: IpAddress) -> bool {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => true,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => self.mtu() >= crate::wire::ipv6::MINIMUM_MTU,
        }
    }

    /// The hop limit of IPv6 packets to single hosts, unless a socket sets another: what a router
    /// says (RFC 4861 §6.3.4), else 64 (RFC 1340).
    #[cfg(feature = "ipv6")]
    #[inline]
    pub(crate) fn hop_limit(&self) -> u8 {
        #[cfg(feature = "router-discovery")]
        if let Some(said) = self.discovery.parameters.hop_limit {
            return said;
        }
        super::DEFAULT_HOP_LIMIT
    }

    /// Whether frames can pass.
    pub fn is_up(&self) -> bool {
        self.link == LinkState::Up
    }

    /// Whether frames are taken in: not after it was switched off by hand.
    #[inline]
    pub(crate) fn takes_frames(&self) -> bool {
        #[cfg(feature = "mgmt")]
        return !self.admin.is_down;
        #[cfg(not(feature = "mgmt"))]
        true
    }

    /// Whether the link is up, and it is known of all addresses whether they may be used.
    pub(crate) fn is_ready(&self) -> bool {
        #[cfg(feature = "acd")]
        let is_probing = (self.assignments.iter()).any(|a| a.entry.state == Ipv4State::Probing);
        #[cfg(not(feature = "acd"))]
        let is_probing = false;
        #[cfg(feature = "dad")]
        let is_checking =
            !self.addresses.is_disabled && self.ipv6.iter().any(Ipv6Entry::is_checked);
        #[cfg(not(feature = "dad"))]
        let is_checking = false;
        self.is_up() && !is_probing && !is_checking
    }

    /// What the interface is now.
    pub fn info(&self) -> InterfaceInfo {
        InterfaceInfo {
            capabilities: self.capabilities,
            link: self.link,
            #[cfg(feature = "mgmt")]
            state: self.admin.state(),
            mtu: self.capabilities.mtu.min(self.mtu_limit),
            #[cfg(feature = "ipv4")]
            ipv4: listed(self.assignments.iter().map(|a| a.entry)),
            #[cfg(feature = "ipv6")]
            ipv6: listed(self.ipv6()),
            #[cfg(feature = "dad")]
            addresses: self.addresses.counters,
            #[cfg(feature = "promiscuous")]
            receive_mode: self.listening.mode(),
            counters: self.counters,
            #[cfg(neighbors)]
            neighbors: *self.neighbors.counters(),
        }
    }

    /// What has been received and sent.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The IPv4 addresses that may be used.
    #[cfg(feature = "ipv4")]
    pub fn ipv4(&self) -> &[Ipv4Cidr] {
        &self.ipv4
    }

    /// The IPv6 addresses.
    #[cfg(feature = "ipv6")]
    pub fn ipv6(&self) -> impl Iterator<Item = Ipv6Address> {
        self.ipv6.iter().map(Ipv6Entry::info)
    }

    /// The link-local address, if there is one that may be used.
    #[cfg(feature = "ipv6")]
    #[cfg_attr(
        not(any(feature = "router-discovery", feature = "ra-server")),
        allow(dead_code)
    )]
    pub(crate) fn link_local(&self) -> Option<Ipv6Addr> {
        let usable = self.ipv6.iter().filter(|entry| entry.is_assigned());
        let mut addresses = usable.map(|entry| entry.address);
        addresses.find(Ipv6Addr::is_unicast_link_local)
    }

    /// The neighbours known on this link.
    #[cfg(neighbors)]
    pub fn neighbors(&self) -> &NeighborCache {
        &self.neighbors
    }

    /// Whether the interface leads to this host itself.
    #[inline]
    pub(crate) fn is_loopback(&self) -> bool {
        #[cfg(feature = "loopback")]
        return self.loopback.is_some();
        #[cfg(not(feature = "loopback"))]
        false
    }

    /// Whether `address` is one of those of every host, and this the interface that has them
    /// (RFC 1122 §3.2.1.3 g).
    #[cfg(feature = "ipv4")]
    #[inline]
    fn is_of_loopback(&self, address: Ipv4Addr) -> bool {
        cfg!(feature = "loopback") && address.is_loopback() && self.is_loopback()
    }

    /// Whether the link has addresses that are to be resolved.
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) fn has_neighbors(&self) -> bool {
        self.capabilities.medium != Medium::Ip
    }

    /// Adds an address, or changes the prefix length of one that is there; returns its entry.
    #[cfg(feature = "ipv6")]
    pub(crate) fn add_ipv6(&mut self, entry: Ipv6Entry) -> Result<&mut Ipv6Entry, AddressError> {
        let Ipv6Entry { address, .. } = entry;
        if address.is_unspecified() || address.is_multicast() {
            return Err(AddressError::Invalid);
        }
        if let Some(place) = self.ipv6.iter().position(|old| old.address == address) {
            let old = self.ipv6.get_mut(place).ok_or(AddressError::TableFull)?;
            old.prefix_length = entry.prefix_length;
            return Ok(old);
        }
        if self.ipv6.is_full() {
            return Err(AddressError::TableFull);
        }
        // A node joins the solicited-node group of each address (RFC 4291 §2.8), before it checks
        // the address for duplicates (RFC 4862 §5.4.2).
        self.join(ipv6_address::solicited_node(address).into(), Member::STACK)?;
        let pushed = self.ipv6.push(entry);
        pushed.map_err(|_| AddressError::TableFull)?;
        self.ipv6.last_mut().ok_or(AddressError::TableFull)
    }

    /// Takes an address away; says whether it was there.
    #[cfg(feature = "ipv6")]
    pub(crate) fn remove_ipv6(&mut self, address: Ipv6Addr) -> bool {
        let before = self.ipv6.len();
        self.ipv6.retain(|entry| entry.address != address);
        let removed = before != self.ipv6.len();
        if removed {
            let group = ipv6_address::solicited_node(address);
            let _: bool = self.leave(group.into(), Member::STACK);
        }
        removed
    }

    /// Notes that `member` listens to `group`. A socket that joins twice has joined once.
    ///
    /// Who changes groups has the core see to it: `Core::groups_changed`, or the end of the poll.
    #[cfg(any(feature = "ipv6", feature = "multicast"))]
    pub(crate) fn join(&mut self, group: IpAddress, member: Member) -> Result<(), AddressError> {
        self.groups.join(group, member)?;
        self.program_filter();
        Ok(())
    }

    /// Notes that `member` listens to `group` no longer; says whether it did.
    #[cfg(any(feature = "ipv6", feature = "multicast"))]
    pub(crate) fn leave(&mut self, group: IpAddress, member: Member) -> bool {
        let left = self.groups.leave(group, member);
        self.program_filter();
        left
    }

    /// Forgets all memberships of a socket; says whether there were any.
    #[cfg(all(any(feature = "udp", feature = "raw-sockets"), feature = "multicast"))]
    pub(crate) fn leave_all(&mut self, member: Member) -> bool {
        let left = self.groups.leave_all(member);
        if left {
            self.program_filter();
        }
        left
    }

    /// Changes which sources of `group` a socket listens to.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(crate) fn change_source(
        &mut self,
        group: IpAddress,
        member: Member,
        source: IpAddress,
        change: SourceChange,
    ) -> Result<(), AddressError> {
        let result = self.groups.change_source(group, member, source, change);
        self.program_filter();
        result
    }

    /// Has a socket listen to `group` from these sources, or from all others.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(crate) fn set_filter(
        &mut self,
        group: IpAddress,
        member: Member,
        mode: FilterMode,
        sources: impl Iterator<Item = IpAddress> + Clone,
    ) -> Result<(), AddressError> {
        let result = self.groups.set_filter(group, member, mode, sources);
        self.program_filter();
        result
    }

    /// Whether `member` listens to what `source` sends to `group`.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(crate) fn hears(&self, group: IpAddress, source: IpAddress, member: Member) -> Hears {
        self.groups.hears(group, source, member)
    }

    /// Whether anybody listens to `group`.
    pub(crate) fn has_group(&self, group: IpAddress) -> bool {
        let is_everybodys = match group {
            #[cfg(feature = "ipv4")]
            // 224.0.0.1, all hosts (RFC 1112 §4).
            IpAddress::V4(group) => group == Ipv4Addr::new(224, 0, 0, 1),
            #[cfg(feature = "ipv6")]
            // All nodes, on this interface and on this link (RFC 4291 §2.8).
            IpAddress::V6(group) => {
                group == ipv6_address::ALL_NODES || group == ipv6_address::INTERFACE_LOCAL_ALL_NODES
            }
        };
        #[cfg(any(feature = "ipv6", feature = "multicast"))]
        return is_everybodys || self.groups.contains(group);
        #[cfg(not(any(feature = "ipv6", feature = "multicast")))]
        is_everybodys
    }

    /// Tells the driver what to listen to beside what is for this station.
    #[cfg(feature = "promiscuous")]
    pub(crate) fn program_mode(&self) {
        self.port.set_mode(self.listening.mode());
        self.program_filter();
    }

    /// Tells the driver which link groups to listen to.
    pub(crate) fn program_filter(&self) {
        #[cfg(all(feature = "multicast", feature = "ethernet"))]
        if self.capabilities.medium == Medium::Ethernet {
            use crate::wire::ethernet;
            let address = |group: &IpAddress| match *group {
                #[cfg(feature = "ipv4")]
                IpAddress::V4(group) => ethernet::ipv4_group(group),
                #[cfg(feature = "ipv6")]
                IpAddress::V6(group) => ethernet::ipv6_group(group),
            };
            let everybodys = [
                #[cfg(feature = "ipv4")]
                IpAddress::V4(Ipv4Addr::new(224, 0, 0, 1)),
                #[cfg(feature = "ipv6")]
                IpAddress::V6(ipv6_address::ALL_NODES),
            ];
            let mut known: Vec<LinkAddr, { config::LINK_GROUPS }> = Vec::new();
            for group in everybodys.iter().chain(self.groups.heard()) {
                let address = LinkAddr::ethernet(address(group));
                if !known.contains(&address) {
                    let _: Result<(), LinkAddr> = known.push(address);
                }
            }
            #[cfg(feature = "packet-sockets")]
            for address in self.listening.groups() {
                if !known.contains(address) {
                    let _: Result<(), LinkAddr> = known.push(*address);
                }
            }
            self.port.set_filter(known.iter().copied());
        }
    }

    /// How an IPv4 destination is ours, if it is (RFC 1122 §3.2.1.3, §3.3.6).
    #[cfg(feature = "ipv4")]
    #[inline]
    pub(crate) fn accepts_ipv4(&self, address: Ipv4Addr) -> Option<Destination> {
        if self.ipv4.iter().any(|cidr| cidr.address == address) {
            return Some(Destination::Unicast);
        }
        if self.is_of_loopback(address) {
            return Some(Destination::Unicast);
        }
        if address.is_multicast() {
            return self
                .has_group(address.into())
                .then_some(Destination::Multicast);
        }
        let is_taken = address.is_broadcast() || !self.ignores_directed_broadcast;
        (is_taken && self.is_ipv4_broadcast(address)).then_some(Destination::Broadcast)
    }

    /// Whether packets to `address` go to every station of the link.
    #[cfg(feature = "ipv4")]
    #[inline]
    pub(crate) fn is_ipv4_broadcast(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast() || self.ipv4.iter().any(|cidr| cidr.is_broadcast(address))
    }

    /// How an IPv6 destination is ours, if it is.
    #[cfg(feature = "ipv6")]
    #[inline]
    pub(crate) fn accepts_ipv6(&self, address: Ipv6Addr) -> Option<Destination> {
        if !self.carries(address.into()) {
            return None;
        }
        if self.is_assigned(address) {
            return Some(Destination::Unicast);
        }
        #[cfg(feature = "dad")]
        if self.addresses.is_disabled {
            return None;
        }
        let joined = address.is_multicast() && self.has_group(address.into());
        joined.then_some(Destination::Multicast)
    }

    /// Whether `address` is in use on this interface.
    pub(crate) fn has_address(&self, address: IpAddress) -> bool {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => {
                self.ipv4.iter().any(|cidr| cidr.address == address) || self.is_of_loopback(address)
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => self.is_assigned(address),
        }
    }

    /// Whether `address` is in use on this interface.
    #[cfg(feature = "ipv6")]
    #[inline]
    pub(crate) fn is_assigned(&self, address: Ipv6Addr) -> bool {
        let mut entries = self.ipv6.iter();
        entries.any(|entry| entry.address == address && entry.is_assigned())
    }

    /// Whether `address` is one of this interface's, or will be if nobody else has it.
    #[cfg(any(
        feature = "udp",
        feature = "tcp",
        feature = "dad",
        feature = "raw-sockets"
    ))]
    pub(crate) fn may_have_address(&self, address: IpAddress) -> bool {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(own) => {
                let mut assignments = self.assignments.iter();
                self.has_address(address) || assignments.any(|a| a.entry.cidr.address == own)
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => self.ipv6.iter().any(|entry| entry.address == address),
        }
    }

    /// Whether packets from `source` may be sent: not from an address of ours that is not, or not
    /// yet, in use, and none at all where IPv6 is off.
    #[cfg(feature = "dad")]
    #[cold]
    pub(crate) fn may_send_from(&self, source: IpAddress) -> bool {
        match source {
            IpAddress::V6(source) => {
                let mut entries = self.ipv6.iter();
                let entry = entries.find(|entry| entry.address == source);
                !self.addresses.is_disabled && entry.is_none_or(Ipv6Entry::is_assigned)
            }
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => true,
        }
    }
}

/// A list of the first `N` of them: what `collect` does, without a path to a panic.
pub(super) fn listed<T, const N: usize>(all: impl Iterator<Item = T>) -> Vec<T, N> {
    let mut list = Vec::new();
    for one in all.take(N) {
        let _: Result<(), T> = list.push(one);
    }
    list
}
