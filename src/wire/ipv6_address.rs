//! What an IPv6 host reads out of addresses: groups, scopes, interface identifiers.
//!
//! Follows RFC 4291 §2.5, §2.7 and appendix A, RFC 4007 §4 and RFC 7346 §2.

use core::cmp::Ordering;
use core::net::Ipv6Addr;

use super::LinkAddr;

/// All nodes on the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link (RFC 4291 §2.7.1).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All routers on the link that speak MLDv2: where reports go (RFC 3810 §5.2.14).
pub const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// All nodes on this interface, which is this node alone (RFC 4291 §2.7.1).
pub const INTERFACE_LOCAL_ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);

/// The group that a node with this unicast or anycast address joins, so that it can be asked for
/// its link address without waking everyone (RFC 4291 §2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = address.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z])
}

/// Whether the address is the solicited-node group of some address (RFC 4291 §2.7.1).
pub const fn is_solicited_node(address: Ipv6Addr) -> bool {
    matches!(
        address.segments(),
        [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _]
    )
}

/// Whether the address is a unicast address of the prefix `fe80::/10` (RFC 4291 §2.5.6).
pub const fn is_link_local_unicast(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
}

/// How far an address has meaning, smallest first (RFC 4007 §4, RFC 7346 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Scope {
    /// One interface: of use for loopback only.
    InterfaceLocal,
    /// One link.
    LinkLocal,
    /// As far as the network technology reaches, such as one 802.15.4 PAN.
    RealmLocal,
    /// The smallest scope that an administrator sets.
    AdminLocal,
    /// One site.
    SiteLocal,
    /// The sites of one organization.
    OrganizationLocal,
    /// Everywhere.
    Global,
    /// A value between the others that stands for no scope yet: 6, 7, 9 to 13.
    Unassigned(u8),
}

impl Scope {
    /// The scope of an address; `None` for the unspecified address, which has none (RFC 4007 §4),
    /// and for groups of scope 0, which are to be dropped silently (RFC 4291 §2.7).
    ///
    /// The loopback address is of link-local scope (RFC 4007 §4). Groups of the reserved scope 15
    /// are treated as global (RFC 4291 §2.7), as is the former site-local prefix `fec0::/10`
    /// (RFC 4291 §2.5.7).
    pub const fn of(address: Ipv6Addr) -> Option<Self> {
        if address.is_multicast() {
            return Self::from_value(address.octets()[1] & 0xf);
        }
        if address.is_unspecified() {
            return None;
        }
        if address.is_unicast_link_local() || address.is_loopback() {
            return Some(Self::LinkLocal);
        }
        Some(Self::Global)
    }

    /// The scope of the lower four bits of `scop` (RFC 7346 §2); `None` for the reserved value 0.
    const fn from_value(value: u8) -> Option<Self> {
        Some(match value & 0xf {
            0 => return None,
            1 => Self::InterfaceLocal,
            2 => Self::LinkLocal,
            3 => Self::RealmLocal,
            4 => Self::AdminLocal,
            5 => Self::SiteLocal,
            8 => Self::OrganizationLocal,
            14 | 15 => Self::Global,
            value => Self::Unassigned(value),
        })
    }

    /// The value of the `scop` field of a group of this scope (RFC 7346 §2).
    pub const fn value(self) -> u8 {
        match self {
            Self::InterfaceLocal => 1,
            Self::LinkLocal => 2,
            Self::RealmLocal => 3,
            Self::AdminLocal => 4,
            Self::SiteLocal => 5,
            Self::OrganizationLocal => 8,
            Self::Global => 14,
            Self::Unassigned(value) => value,
        }
    }
}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value().cmp(&other.value())
    }
}

/// The "u" bit of an interface identifier, inverted from that of the EUI (RFC 4291 §2.5.1).
const UNIVERSAL_LOCAL: u8 = 0x02;

/// The modified EUI-64 interface identifier of an EUI-48 (RFC 4291 appendix A, RFC 2464 §4).
pub const fn interface_identifier_from_eui48(eui: [u8; 6]) -> [u8; 8] {
    let [a, b, c, d, e, f] = eui;
    [a ^ UNIVERSAL_LOCAL, b, c, 0xff, 0xfe, d, e, f]
}

/// The modified EUI-64 interface identifier of an EUI-64 (RFC 4291 appendix A).
pub const fn interface_identifier_from_eui64(eui: [u8; 8]) -> [u8; 8] {
    let [first, b, c, d, e, f, g, h] = eui;
    [first ^ UNIVERSAL_LOCAL, b, c, d, e, f, g, h]
}

/// The modified EUI-64 interface identifier of a link address; `None` if that is neither an
/// EUI-48 nor an EUI-64.
pub fn interface_identifier(address: LinkAddr) -> Option<[u8; 8]> {
    match *address.as_bytes() {
        [a, b, c, d, e, f] => Some(interface_identifier_from_eui48([a, b, c, d, e, f])),
        [a, b, c, d, e, f, g, h] => {
            let eui = [a, b, c, d, e, f, g, h];
            Some(interface_identifier_from_eui64(eui))
        }
        _ => None,
    }
}

/// The address made of the first 64 bits of `prefix` and an interface identifier
/// (RFC 4291 §2.5.1).
pub const fn join(prefix: Ipv6Addr, identifier: [u8; 8]) -> Ipv6Addr {
    let high = prefix.to_bits() & (!0 << 64);
    Ipv6Addr::from_bits(high | u64::from_be_bytes(identifier) as u128)
}

/// The link-local address with an interface identifier (RFC 4291 §2.5.6).
pub const fn link_local(identifier: [u8; 8]) -> Ipv6Addr {
    join(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), identifier)
}

/// The address with all bits behind the first `prefix_length` cleared.
pub const fn prefix(address: Ipv6Addr, prefix_length: u8) -> Ipv6Addr {
    let host_bits = 128_u32.saturating_sub(prefix_length as u32);
    match (!0_u128).checked_shl(host_bits) {
        Some(mask) => Ipv6Addr::from_bits(address.to_bits() & mask),
        None => Ipv6Addr::UNSPECIFIED,
    }
}

/// The address at a place that is known when the program is built.
pub(super) fn read_at<const AT: usize, const N: usize>(bytes: &[u8; N]) -> Ipv6Addr {
    const { assert!(AT + 16 <= N) };
    let octets = bytes.get(AT..).and_then(<[u8]>::first_chunk::<16>);
    Ipv6Addr::from(octets.copied().unwrap_or_default())
}

/// Puts an address at a place that is known when the program is built.
pub(super) fn write_at<const AT: usize, const N: usize>(bytes: &mut [u8; N], address: Ipv6Addr) {
    const { assert!(AT + 16 <= N) };
    super::put(bytes, AT..AT + 16, address.octets());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn solicited_node_group_of_the_rfc_example() {
        // RFC 4291 §2.7.1.
        let group = solicited_node(address("4037::1:800:200e:8c6c"));
        assert_eq!(group, address("ff02::1:ff0e:8c6c"));
        assert!(is_solicited_node(group));
        assert!(is_solicited_node(address("ff02::1:ff00:0")));
        assert!(!is_solicited_node(address("ff02::1:fe0e:8c6c")));
        assert!(!is_solicited_node(address("ff05::1:ff0e:8c6c")));
        assert!(!is_solicited_node(ALL_NODES));
    }

    #[test]
    fn scopes_of_unicast_addresses() {
        assert_eq!(Scope::of(address("::")), None);
        assert_eq!(Scope::of(address("::1")), Some(Scope::LinkLocal));
        assert_eq!(Scope::of(address("fe80::1")), Some(Scope::LinkLocal));
        assert_eq!(Scope::of(address("febf::1")), Some(Scope::LinkLocal));
        assert_eq!(Scope::of(address("fec0::1")), Some(Scope::Global));
        assert_eq!(Scope::of(address("fd00::1")), Some(Scope::Global));
        assert_eq!(Scope::of(address("2001:db8::1")), Some(Scope::Global));
    }

    #[test]
    fn scopes_of_groups() {
        let of = |value: u16| Scope::of(Ipv6Addr::new(0xff00 | value, 0, 0, 0, 0, 0, 0, 1));
        assert_eq!(of(0), None);
        assert_eq!(of(1), Some(Scope::InterfaceLocal));
        assert_eq!(of(2), Some(Scope::LinkLocal));
        assert_eq!(of(3), Some(Scope::RealmLocal));
        assert_eq!(of(4), Some(Scope::AdminLocal));
        assert_eq!(of(5), Some(Scope::SiteLocal));
        assert_eq!(of(6), Some(Scope::Unassigned(6)));
        assert_eq!(of(8), Some(Scope::OrganizationLocal));
        assert_eq!(of(0xe), Some(Scope::Global));
        assert_eq!(of(0xf), Some(Scope::Global));
        // The flags (here: transient) are not part of the scope.
        assert_eq!(of(0x15), Some(Scope::SiteLocal));
        for value in 1..15 {
            assert_eq!(of(value).map(Scope::value), Some(value as u8));
        }
    }

    #[test]
    fn scopes_are_ordered_by_size() {
        assert!(Scope::LinkLocal < Scope::SiteLocal);
        assert!(Scope::SiteLocal < Scope::Unassigned(6));
        assert!(Scope::Unassigned(9) > Scope::OrganizationLocal);
        assert!(Scope::Unassigned(13) < Scope::Global);
    }

    #[test]
    fn interface_identifiers_are_modified_eui64() {
        // RFC 2464 §4 has this example.
        let eui48 = [0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde];
        let expected = [0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde];
        assert_eq!(interface_identifier_from_eui48(eui48), expected);
        assert_eq!(
            interface_identifier(LinkAddr::ethernet(eui48)),
            Some(expected)
        );
        let eui64 = [2, 1, 2, 3, 4, 5, 6, 7];
        let expected = [0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(interface_identifier_from_eui64(eui64), expected);
        assert_eq!(interface_identifier(LinkAddr::eui64(eui64)), Some(expected));
        assert_eq!(interface_identifier(LinkAddr::NONE), None);
    }

    #[test]
    fn prefix_and_identifier_make_an_address() {
        let identifier = [0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde];
        assert_eq!(link_local(identifier), address("fe80::3656:78ff:fe9a:bcde"));
        assert_eq!(
            join(address("2001:db8:1:2:3:4:5:6"), identifier),
            address("2001:db8:1:2:3656:78ff:fe9a:bcde")
        );
    }

    #[test]
    fn prefix_clears_the_bits_behind_it() {
        let whole = address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(prefix(whole, 0), Ipv6Addr::UNSPECIFIED);
        assert_eq!(prefix(whole, 33), address("2001:db8:8000::"));
        assert_eq!(prefix(whole, 64), address("2001:db8:ffff:ffff::"));
        assert_eq!(prefix(whole, 128), whole);
        assert_eq!(prefix(whole, 255), whole);
    }
}
