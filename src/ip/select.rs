//! Default address selection: the source for a destination, and the order of destinations
//! (RFC 6724).
//!
//! The rules of §5, but for the last resort, each give a candidate a number, so a candidate's
//! rules 1 to 8 make one integer with rule 1 in its highest bits, and the best source is the
//! largest: one pass, no sorting. So do rules 1 to 8 of §6. Home addresses (rules 4) are left
//! out: there is no Mobile IPv6.
//!
//! RFC 6724 does not say which IPv4 source to take; here it is the one on the subnet of the next
//! hop (RFC 1122 §3.3.4.3).

use core::net::Ipv6Addr;

use bitflags::bitflags;

use crate::iface::route::common_prefix_len;
#[cfg(feature = "ipv4")]
use crate::iface::route::prefix_matches;
use crate::wire::IpAddress;

/// How far an address reaches (RFC 4291 §2.7, RFC 6724 §3.1): a larger scope is a larger value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scope(u8);

impl Scope {
    /// One link.
    pub const LINK_LOCAL: Self = Self(0x2);
    /// One site (deprecated for unicast).
    pub const SITE_LOCAL: Self = Self(0x5);
    /// Everywhere.
    pub const GLOBAL: Self = Self(0xe);

    /// The scope of an address, unicast scopes mapped to those of multicast (RFC 6724 §3).
    pub const fn of(address: IpAddress) -> Self {
        match address {
            // §3.2: "addresses, which have the prefix 169.254/16, are assigned link-local scope",
            // so is 127/8; "Other IPv4 addresses [...] are assigned global scope."
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) if address.is_link_local() || address.is_loopback() => {
                Self::LINK_LOCAL
            }
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => Self::GLOBAL,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => {
                let [first, second, ..] = address.octets();
                match (first, second >> 6) {
                    (0xff, _) => Self(second & 0xf),
                    (0xfe, 0b10) => Self::LINK_LOCAL,
                    (0xfe, 0b11) => Self::SITE_LOCAL,
                    // §3.4: "The loopback address MUST be treated as having link-local scope".
                    _ if address.is_loopback() => Self::LINK_LOCAL,
                    _ => Self::GLOBAL,
                }
            }
        }
    }
}

/// A row of the policy table (RFC 6724 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The addresses that the row is for; IPv4 addresses are matched as `::ffff:0:0/96`.
    pub prefix: Ipv6Addr,
    /// How many bits of `prefix` count.
    pub length: u8,
    /// Destinations of higher precedence come first.
    pub precedence: u8,
    /// A source is preferred whose label is that of the destination.
    pub label: u8,
}

impl PolicyRow {
    const fn new(segments: [u16; 8], length: u8, precedence: u8, label: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self {
            prefix: Ipv6Addr::new(a, b, c, d, e, f, g, h),
            length,
            precedence,
            label,
        }
    }

    fn matches(&self, address: Ipv6Addr) -> bool {
        let different = address.to_bits() ^ self.prefix.to_bits();
        different.leading_zeros() >= u32::from(self.length)
    }
}

/// The default policy table (RFC 6724 §2.1).
pub const DEFAULT_POLICY: &[PolicyRow] = &[
    PolicyRow::new([0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
    PolicyRow::new([0; 8], 0, 40, 1),
    PolicyRow::new([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 35, 4),
    PolicyRow::new([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30, 2),
    PolicyRow::new([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 5, 5),
    PolicyRow::new([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 3, 13),
    PolicyRow::new([0; 8], 96, 1, 3),
    PolicyRow::new([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 1, 11),
    PolicyRow::new([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 1, 12),
];

/// What the administrator prefers (RFC 6724 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'a> {
    /// The policy table, its rows in any order: of those that match, the longest prefix counts.
    pub table: &'a [PolicyRow],
    /// Whether a temporary source is better than a public one (§5 rule 7).
    pub prefer_temporary: bool,
}

impl Default for Policy<'_> {
    fn default() -> Self {
        Self {
            table: DEFAULT_POLICY,
            prefer_temporary: true,
        }
    }
}

/// An address as the policy table knows it (§3.2).
const fn as_ipv6(address: IpAddress) -> Ipv6Addr {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => address.to_ipv6_mapped(),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(address) => address,
    }
}

impl Policy<'_> {
    /// Precedence and label of an address; zero and an unused label where no row matches.
    fn lookup(&self, address: IpAddress) -> (u8, u8) {
        let address = as_ipv6(address);
        let mut longest = (0, u8::MAX);
        let mut length = None;
        for row in self.table {
            if length < Some(row.length) && row.matches(address) {
                length = Some(row.length);
                longest = (row.precedence, row.label);
            }
        }
        longest
    }

    #[cfg(feature = "ipv6")]
    fn labels_match(&self, a: IpAddress, b: IpAddress) -> bool {
        self.lookup(a).1 == self.lookup(b).1
    }
}

bitflags! {
    /// What selection needs to know about one of our addresses.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SourceFlags: u8 {
        /// It belongs to the interface that the packet leaves by.
        const OUTGOING = 1 << 0;
        /// It is deprecated (RFC 4862 §5.5.4), or optimistic (RFC 4429 §3.1).
        const DEPRECATED = 1 << 1;
        /// It is a temporary address (RFC 8981).
        const TEMPORARY = 1 << 2;
        /// Its prefix was advertised by the next hop to the destination (rule 5.5).
        const FROM_NEXT_HOP = 1 << 3;
        /// Whether it is a duplicate is not known yet: it is never a source (RFC 4862 §2).
        const TENTATIVE = 1 << 4;
    }
}

/// One of our addresses, as a source to choose or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub address: IpAddress,
    /// The length of its prefix (IPv6) or subnet (IPv4).
    pub prefix_length: u8,
    /// What else counts.
    pub flags: SourceFlags,
}

impl Source {
    /// CommonPrefixLen of §2.2: "up to the length of S's prefix".
    fn common_prefix_len(&self, destination: IpAddress) -> u8 {
        common_prefix_len(self.address, destination).min(self.prefix_length)
    }

    /// Whether the address may be a source for `destination` at all (§4).
    fn is_candidate(&self, destination: IpAddress) -> bool {
        let is_same_family =
            core::mem::discriminant(&self.address) == core::mem::discriminant(&destination);
        // "For all multicast and link-local destination addresses, the set of candidate source
        // addresses MUST only include addresses assigned to interfaces belonging to the same link"
        let needs_same_link =
            destination.is_multicast() || Scope::of(destination) <= Scope::LINK_LOCAL;
        is_same_family
            && !self.flags.contains(SourceFlags::TENTATIVE)
            && !self.address.is_multicast()
            && !self.address.is_unspecified()
            && (self.flags.contains(SourceFlags::OUTGOING) || !needs_same_link)
            // A loopback address must not appear on a wire (RFC 4291 §2.5.3, RFC 1122 §3.2.1.3).
            && (!is_loopback(self.address) || is_loopback(destination))
    }
}

const fn is_loopback(address: IpAddress) -> bool {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => address.is_loopback(),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(address) => address.is_loopback(),
    }
}

/// The best source for `destination`, which is sent to by way of `next_hop` (the gateway's address,
/// or the destination again); the earlier among equals. `None` if no candidate will do, those of
/// the other IP version among them.
pub fn source_address(
    destination: IpAddress,
    next_hop: IpAddress,
    candidates: impl IntoIterator<Item = Source>,
    policy: &Policy<'_>,
) -> Option<Source> {
    let mut candidates = (candidates.into_iter()).filter(|c| c.is_candidate(destination));
    let mut best = candidates.next()?;
    match destination {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => {
            let _ = policy;
            let rank = |source: &Source| {
                u8::from(source.address == destination) << 3
                    | u8::from(source.flags.contains(SourceFlags::OUTGOING)) << 2
                    // "the routable address should be preferred as the source address for new
                    // communications" (RFC 3927 §2.6.1)
                    | u8::from(Scope::of(source.address) > Scope::LINK_LOCAL) << 1
                    | u8::from(prefix_matches(
                        next_hop,
                        source.address,
                        source.prefix_length,
                    ))
            };
            for candidate in candidates {
                if rank(&candidate) > rank(&best) {
                    best = candidate;
                }
            }
        }
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => {
            let _ = next_hop;
            for candidate in candidates {
                // The policy table is only looked at where the rules before it say nothing.
                let first = first_rules(&candidate, destination);
                let better = first.cmp(&first_rules(&best, destination)).then_with(|| {
                    let last = last_rules(&candidate, destination, policy);
                    last.cmp(&last_rules(&best, destination, policy))
                });
                if better.is_gt() {
                    best = candidate;
                }
            }
        }
    }
    Some(best)
}

/// Rules 1 to 5.5 of §5.
#[cfg(feature = "ipv6")]
fn first_rules(source: &Source, destination: IpAddress) -> u16 {
    let (scope, wanted) = (Scope::of(source.address), Scope::of(destination));
    // Rule 2: the smallest scope that reaches is best, else the largest.
    let fitting = if scope >= wanted {
        0x1f - scope.0
    } else {
        scope.0
    };
    u16::from(source.address == destination) << 8
        | u16::from(fitting) << 3
        | u16::from(!source.flags.contains(SourceFlags::DEPRECATED)) << 2
        | u16::from(source.flags.contains(SourceFlags::OUTGOING)) << 1
        | u16::from(source.flags.contains(SourceFlags::FROM_NEXT_HOP))
}

/// Rules 6 to 8 of §5.
#[cfg(feature = "ipv6")]
fn last_rules(source: &Source, destination: IpAddress, policy: &Policy<'_>) -> u16 {
    let is_temporary = source.flags.contains(SourceFlags::TEMPORARY);
    u16::from(policy.labels_match(source.address, destination)) << 9
        | u16::from(is_temporary == policy.prefer_temporary) << 8
        | u16::from(source.common_prefix_len(destination))
}

/// A destination to be put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The address.
    pub address: IpAddress,
    /// The source that was chosen for it; `None` if there is no route or no source.
    pub source: Option<Source>,
    /// It is known not to be reachable (rule 1).
    pub unreachable: bool,
    /// It is reached through a tunnel (rule 7).
    pub encapsulated: bool,
}

impl Destination {
    /// Rules 1 to 8 of §6: the larger comes first.
    fn rank(&self, policy: &Policy<'_>) -> u32 {
        let scope = Scope::of(self.address);
        let (precedence, label) = policy.lookup(self.address);
        // Rules 2, 3 and 5: scope, no deprecated source, label.
        let source_rank = self.source.map_or(0, |source| {
            let is_deprecated = source.flags.contains(SourceFlags::DEPRECATED);
            u32::from(Scope::of(source.address) == scope) << 2
                | u32::from(!is_deprecated) << 1
                | u32::from(policy.lookup(source.address).1 == label)
        });
        u32::from(!self.unreachable && self.source.is_some()) << 16
            | source_rank << 13
            | u32::from(precedence) << 5
            | u32::from(!self.encapsulated) << 4
            | u32::from(0xf - scope.0)
    }

    /// Rule 9 of §6, for two destinations of one IP version.
    fn has_longer_prefix_than(&self, other: &Self) -> bool {
        let length = |d: &Self| d.source.map_or(0, |s| s.common_prefix_len(d.address));
        core::mem::discriminant(&self.address) == core::mem::discriminant(&other.address)
            && length(self) > length(other)
    }

    /// Whether the rules want this destination before `other`.
    fn comes_before(&self, other: &Self, policy: &Policy<'_>) -> bool {
        let (rank, other_rank) = (self.rank(policy), other.rank(policy));
        rank > other_rank || rank == other_rank && self.has_longer_prefix_than(other)
    }
}

/// Puts destinations into the order in which they are to be tried (§6). What the rules call equal
/// stays in the order given (rule 10). Meant for the few addresses of one name: the time grows
/// with the square of their number.
pub fn sort_destinations(destinations: &mut [Destination], policy: &Policy<'_>) {
    sort_by_destination(destinations, |destination| Some(*destination), policy);
}

/// As [`sort_destinations`], for what `describe` tells the destination of; those of which it tells
/// none come last.
pub fn sort_by_destination<T>(
    items: &mut [T],
    describe: impl Fn(&T) -> Option<Destination>,
    policy: &Policy<'_>,
) {
    for sorted in 1..items.len() {
        for index in (1..=sorted).rev() {
            let Some([before, after]) = items.get_mut(index - 1..=index) else {
                break;
            };
            let is_in_order = match (describe(before), describe(after)) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(before), Some(after)) => !after.comes_before(&before, policy),
            };
            if is_in_order {
                break;
            }
            core::mem::swap(before, after);
        }
    }
}

#[cfg(all(test, feature = "ipv4", feature = "ipv6"))]
mod tests;
