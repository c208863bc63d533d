//! Protocol numbers: the Protocol field of IPv4 (RFC 791 §3.1) and the Next Header field of IPv6
//! (RFC 8200 §3), one registry for both.

/// IPv6 Hop-by-Hop Options (RFC 8200 §4.3).
pub const HOP_BY_HOP: u8 = 0;
/// ICMP for IPv4 (RFC 792).
pub const ICMP: u8 = 1;
/// IGMP (RFC 1112, RFC 9776).
pub const IGMP: u8 = 2;
/// IPv4 in IP (RFC 2003).
pub const IPV4: u8 = 4;
/// TCP (RFC 9293 §3.1).
pub const TCP: u8 = 6;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// IPv6 in IP (RFC 2473).
pub const IPV6: u8 = 41;
/// IPv6 Routing header (RFC 8200 §4.4).
pub const ROUTING: u8 = 43;
/// IPv6 Fragment header (RFC 8200 §4.5).
pub const FRAGMENT: u8 = 44;
/// Encapsulating Security Payload (RFC 4303 §2).
pub const ENCAPSULATING_SECURITY_PAYLOAD: u8 = 50;
/// Authentication Header (RFC 4302 §2).
pub const AUTHENTICATION_HEADER: u8 = 51;
/// ICMP for IPv6 (RFC 4443 §1).
pub const ICMPV6: u8 = 58;
/// Nothing follows this IPv6 header (RFC 8200 §4.7).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 Destination Options (RFC 8200 §4.6).
pub const DESTINATION_OPTIONS: u8 = 60;
