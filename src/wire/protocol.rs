//! Protocol numbers: the Protocol field of IPv4 and the Next Header field of IPv6 (IANA).

/// IPv6 Hop-by-Hop Options header (RFC 8200 §4.3).
pub const HOP_BY_HOP: u8 = 0;
/// Internet Control Message Protocol (RFC 792).
pub const ICMP: u8 = 1;
/// Internet Group Management Protocol (RFC 3376).
pub const IGMP: u8 = 2;
/// Transmission Control Protocol (RFC 9293).
pub const TCP: u8 = 6;
/// User Datagram Protocol (RFC 768).
pub const UDP: u8 = 17;
/// IPv6 Routing header (RFC 8200 §4.4).
pub const ROUTING: u8 = 43;
/// IPv6 Fragment header (RFC 8200 §4.5).
pub const FRAGMENT: u8 = 44;
/// Encapsulating Security Payload (RFC 4303).
pub const ESP: u8 = 50;
/// Authentication Header (RFC 4302).
pub const AUTHENTICATION: u8 = 51;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// Nothing follows (RFC 8200 §4.7).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 Destination Options header (RFC 8200 §4.6).
pub const DESTINATION_OPTIONS: u8 = 60;
/// IPv6 Mobility Header (RFC 6275 §6.1).
pub const MOBILITY: u8 = 135;
/// Host Identity Protocol (RFC 7401 §5.1), laid out as an IPv6 extension header.
pub const HIP: u8 = 139;
/// Shim6 (RFC 5533 §5.1), laid out as an IPv6 extension header.
pub const SHIM6: u8 = 140;
