//! Neighbor Discovery messages: RFC 4861 §4 and their validation (§6.1, §7.1, §8.1), with the
//! router preference of RFC 4191 §2.2 and the flags of RFC 5175 §3. RFC 4862 and RFC 9131 send the
//! same messages.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      |     Code      |          Checksum             |  Solicitations, Redirect
//! |                           Reserved                            |
//! |              Target Address (16 octets)                       |  not for routers
//! |           Destination Address (16 octets)                     |  Redirect
//!
//! |     Type      |     Code      |          Checksum             |  Router Advertisement
//! | Cur Hop Limit |M|O|H|Prf|P|Rsv|       Router Lifetime         |
//! |                         Reachable Time                        |
//! |                          Retrans Timer                        |
//!
//! |     Type      |     Code      |          Checksum             |  Neighbor Advertisement
//! |R|S|O|                     Reserved                            |
//! |              Target Address (16 octets)                       |
//! ```
//!
//! [Options](super::ndp_option) follow all of them.

use core::net::Ipv6Addr;

use super::icmpv6::MessageType;
use super::ipv6_address::{self, is_link_local_unicast, is_solicited_node};
use super::ndp_option::{NdpOption, NdpOptions, Preference};
use super::{Bytes, Malformed, put};

/// The hop limit of all messages: no router has forwarded them (RFC 4861 §3.1).
pub const HOP_LIMIT: u8 = 255;
/// How long the fixed part of a Router Solicitation is, in octets: there its options start.
pub const ROUTER_SOLICITATION_LENGTH: usize = 8;
/// How long the fixed part of a Router Advertisement is, in octets: there its options start.
pub const ROUTER_ADVERTISEMENT_LENGTH: usize = 16;
/// How long the fixed part of a Neighbor Solicitation is, in octets: there its options start.
pub const NEIGHBOR_SOLICITATION_LENGTH: usize = 24;
/// How long the fixed part of a Neighbor Advertisement is, in octets: there its options start.
pub const NEIGHBOR_ADVERTISEMENT_LENGTH: usize = 24;
/// How long the fixed part of a Redirect is, in octets: there its options start.
pub const REDIRECT_LENGTH: usize = 40;

/// What validation has to know of the packet that a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Envelope {
    /// Its Hop Limit.
    pub hop_limit: u8,
    /// Who sent it.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub source: Ipv6Addr,
    /// Whom it was for.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub destination: Ipv6Addr,
}

/// The rule that a message breaks; it is to be discarded silently (RFC 4861 §6.1, §7.1, §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Invalid {
    /// The hop limit is not 255: a router may have forwarded the packet.
    HopLimit,
    /// The code is not zero.
    Code,
    /// The message is shorter than its fixed part, or an option is malformed.
    Malformed(Malformed),
    /// A router's message does not come from a link-local address.
    SourceNotLinkLocal,
    /// The source is unspecified, but there is a Source Link-Layer Address option.
    LinkLayerAddressOfUnspecified,
    /// The source is unspecified, but the destination is not a solicited-node group.
    UnspecifiedToOther,
    /// The target is a group, or in a Redirect neither link-local nor the destination.
    Target,
    /// The destination of a Redirect is a group.
    DestinationMulticast,
    /// An advertisement to a group says that it was solicited.
    MulticastSolicited,
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// What all messages have in common; the fixed part, if it holds.
fn check_fixed<B: Bytes + ?Sized, const N: usize>(
    envelope: &Envelope,
    message: &B,
) -> Result<[u8; N], Invalid> {
    const { assert!(N >= 8) };
    if envelope.hop_limit != HOP_LIMIT {
        return Err(Invalid::HopLimit);
    }
    let fixed: [u8; N] = message.array(0)?;
    match fixed[1] {
        0 => Ok(fixed),
        _ => Err(Invalid::Code),
    }
}

/// Whether all options are well-formed, and if the source is unspecified, do not give its link
/// address.
fn check_options<B: Bytes + ?Sized>(
    source: Ipv6Addr,
    message: &B,
    fixed_length: usize,
) -> Result<(), Invalid> {
    for option in NdpOptions::new(message, fixed_length) {
        if let NdpOption::SourceLinkLayerAddress(_) = option?
            && source.is_unspecified()
        {
            return Err(Invalid::LinkLayerAddressOfUnspecified);
        }
    }
    Ok(())
}

/// Whether all options are well-formed.
fn check_all_options<B: Bytes + ?Sized>(message: &B, fixed_length: usize) -> Result<(), Invalid> {
    for option in NdpOptions::new(message, fixed_length) {
        let _: NdpOption = option?;
    }
    Ok(())
}

/// The start of a message: type, code zero, checksum zero, and four octets.
fn write_start<const N: usize>(bytes: &mut [u8; N], message_type: MessageType, word: [u8; 4]) {
    const { assert!(N >= 8) };
    let [a, b, c, d] = word;
    put(bytes, 0..8, [message_type.0, 0, 0, 0, a, b, c, d]);
}

/// A Router Solicitation (RFC 4861 §4.1), which has options only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouterSolicitation;

impl RouterSolicitation {
    /// Whether a router may act on a message (RFC 4861 §6.1.1); hosts discard all. The checksum is
    /// checked before.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn check<B: Bytes + ?Sized>(
        envelope: &Envelope,
        message: &B,
    ) -> Result<[u8; ROUTER_SOLICITATION_LENGTH], Invalid> {
        let fixed = check_fixed(envelope, message)?;
        check_options(envelope.source, message, ROUTER_SOLICITATION_LENGTH)?;
        Ok(fixed)
    }

    /// Writes the fixed part, with checksum zero.
    pub fn write(bytes: &mut [u8; ROUTER_SOLICITATION_LENGTH]) {
        write_start(bytes, MessageType::ROUTER_SOLICITATION, [0; 4]);
    }
}

/// What a router says of itself and of its link (RFC 4861 §4.2, RFC 5175 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouterFlags(u8);

bitflags::bitflags! {
    impl RouterFlags: u8 {
        /// M: addresses are to be had by DHCPv6.
        const MANAGED = 0x80;
        /// O: other configuration is to be had by DHCPv6; redundant if M is set.
        const OTHER = 0x40;
        /// H: the router is a Mobile IPv6 home agent (RFC 6275 §7.1).
        const HOME_AGENT = 0x20;
        /// P: the message was proxied (RFC 4389 §4.1.3.3).
        const PROXY = 0x04;
    }
}

/// The fixed part of a Router Advertisement (RFC 4861 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouterAdvertisement<'a>(&'a [u8; ROUTER_ADVERTISEMENT_LENGTH]);

impl<'a> RouterAdvertisement<'a> {
    /// Whether a node may act on a message (RFC 4861 §6.1.2). The checksum is checked before.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn check<B: Bytes + ?Sized>(
        envelope: &Envelope,
        message: &B,
    ) -> Result<[u8; ROUTER_ADVERTISEMENT_LENGTH], Invalid> {
        if !is_link_local_unicast(envelope.source) {
            return Err(Invalid::SourceNotLinkLocal);
        }
        let fixed = check_fixed(envelope, message)?;
        check_all_options(message, ROUTER_ADVERTISEMENT_LENGTH)?;
        Ok(fixed)
    }

    /// A view over what [`check`](Self::check) found valid.
    pub const fn new(bytes: &'a [u8; ROUTER_ADVERTISEMENT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The hop limit that packets should have; `None` if the router does not say.
    pub const fn current_hop_limit(self) -> Option<u8> {
        match self.0[4] {
            0 => None,
            hop_limit => Some(hop_limit),
        }
    }

    /// The flags.
    pub const fn flags(self) -> RouterFlags {
        RouterFlags::from_bits_truncate(self.0[5])
    }

    /// How much the router is preferred as a default router. The reserved value is medium, and so
    /// is any from what is no default router (RFC 4191 §2.2).
    pub const fn preference(self) -> Preference {
        match (self.router_lifetime(), Preference::from_flags(self.0[5])) {
            (1.., Some(preference)) => preference,
            _ => Preference::Medium,
        }
    }

    /// For how many seconds this is a default router; zero if it is none. The rest of the message
    /// holds either way.
    pub const fn router_lifetime(self) -> u16 {
        u16::from_be_bytes([self.0[6], self.0[7]])
    }

    /// For how many milliseconds a neighbour counts as reachable once that was confirmed; zero if
    /// the router does not say.
    pub const fn reachable_time(self) -> u32 {
        u32::from_be_bytes([self.0[8], self.0[9], self.0[10], self.0[11]])
    }

    /// The milliseconds between solicitations of a neighbour; zero if the router does not say.
    pub const fn retrans_timer(self) -> u32 {
        u32::from_be_bytes([self.0[12], self.0[13], self.0[14], self.0[15]])
    }

    /// Writes the fixed part, with checksum zero. The lifetime is in seconds, the times are in
    /// milliseconds; a zero says nothing, and in the lifetime that this is no default router: its
    /// preference is then medium (RFC 4191 §2.2).
    pub fn write(
        bytes: &mut [u8; ROUTER_ADVERTISEMENT_LENGTH],
        current_hop_limit: u8,
        flags: RouterFlags,
        preference: Preference,
        router_lifetime: u16,
        reachable_time: u32,
        retrans_timer: u32,
    ) {
        let preference = match router_lifetime {
            0 => Preference::Medium,
            _ => preference,
        };
        let [high, low] = router_lifetime.to_be_bytes();
        let flags = flags.bits() | preference.to_flags();
        let word = [current_hop_limit, flags, high, low];
        write_start(bytes, MessageType::ROUTER_ADVERTISEMENT, word);
        put(bytes, 8..12, reachable_time.to_be_bytes());
        put(bytes, 12..16, retrans_timer.to_be_bytes());
    }
}

/// The fixed part of a Neighbor Solicitation (RFC 4861 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeighborSolicitation<'a>(&'a [u8; NEIGHBOR_SOLICITATION_LENGTH]);

impl<'a> NeighborSolicitation<'a> {
    /// Whether a node may act on a message (RFC 4861 §7.1.1). The checksum is checked before.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn check<B: Bytes + ?Sized>(
        envelope: &Envelope,
        message: &B,
    ) -> Result<[u8; NEIGHBOR_SOLICITATION_LENGTH], Invalid> {
        let fixed = check_fixed(envelope, message)?;
        if NeighborSolicitation(&fixed).target().is_multicast() {
            return Err(Invalid::Target);
        }
        if envelope.source.is_unspecified() && !is_solicited_node(envelope.destination) {
            return Err(Invalid::UnspecifiedToOther);
        }
        check_options(envelope.source, message, NEIGHBOR_SOLICITATION_LENGTH)?;
        Ok(fixed)
    }

    /// A view over what [`check`](Self::check) found valid.
    pub const fn new(bytes: &'a [u8; NEIGHBOR_SOLICITATION_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The address that is asked for.
    pub fn target(self) -> Ipv6Addr {
        ipv6_address::read_at::<8, _>(self.0)
    }

    /// Writes the fixed part, with checksum zero.
    pub fn write(bytes: &mut [u8; NEIGHBOR_SOLICITATION_LENGTH], target: Ipv6Addr) {
        write_start(bytes, MessageType::NEIGHBOR_SOLICITATION, [0; 4]);
        ipv6_address::write_at::<8, _>(bytes, target);
    }
}

/// What an advertisement is good for (RFC 4861 §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeighborFlags(u8);

bitflags::bitflags! {
    impl NeighborFlags: u8 {
        /// R: the sender is a router.
        const ROUTER = 0x80;
        /// S: this answers a solicitation, and so confirms that the sender can be reached.
        const SOLICITED = 0x40;
        /// O: the link address replaces one that is known.
        const OVERRIDE = 0x20;
    }
}

/// The fixed part of a Neighbor Advertisement (RFC 4861 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeighborAdvertisement<'a>(&'a [u8; NEIGHBOR_ADVERTISEMENT_LENGTH]);

impl<'a> NeighborAdvertisement<'a> {
    /// Whether a node may act on a message (RFC 4861 §7.1.2). The checksum is checked before.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn check<B: Bytes + ?Sized>(
        envelope: &Envelope,
        message: &B,
    ) -> Result<[u8; NEIGHBOR_ADVERTISEMENT_LENGTH], Invalid> {
        let fixed = check_fixed(envelope, message)?;
        let advertisement = NeighborAdvertisement(&fixed);
        if advertisement.target().is_multicast() {
            return Err(Invalid::Target);
        }
        let solicited = advertisement.flags().contains(NeighborFlags::SOLICITED);
        if envelope.destination.is_multicast() && solicited {
            return Err(Invalid::MulticastSolicited);
        }
        check_all_options(message, NEIGHBOR_ADVERTISEMENT_LENGTH)?;
        Ok(fixed)
    }

    /// A view over what [`check`](Self::check) found valid.
    pub const fn new(bytes: &'a [u8; NEIGHBOR_ADVERTISEMENT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The flags.
    pub const fn flags(self) -> NeighborFlags {
        NeighborFlags::from_bits_truncate(self.0[4])
    }

    /// The address whose link address this tells.
    pub fn target(self) -> Ipv6Addr {
        ipv6_address::read_at::<8, _>(self.0)
    }

    /// Writes the fixed part, with checksum zero.
    pub fn write(
        bytes: &mut [u8; NEIGHBOR_ADVERTISEMENT_LENGTH],
        flags: NeighborFlags,
        target: Ipv6Addr,
    ) {
        let word = [flags.bits(), 0, 0, 0];
        write_start(bytes, MessageType::NEIGHBOR_ADVERTISEMENT, word);
        ipv6_address::write_at::<8, _>(bytes, target);
    }
}

/// The fixed part of a Redirect (RFC 4861 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Redirect<'a>(&'a [u8; REDIRECT_LENGTH]);

impl<'a> Redirect<'a> {
    /// Whether a host may act on a message (RFC 4861 §8.1). The checksum is checked before; that
    /// the source is the present first hop towards the destination is left to who knows the
    /// routes.
    ///
    /// # Errors
    ///
    /// The first rule that the message breaks.
    pub fn check<B: Bytes + ?Sized>(
        envelope: &Envelope,
        message: &B,
    ) -> Result<[u8; REDIRECT_LENGTH], Invalid> {
        if !is_link_local_unicast(envelope.source) {
            return Err(Invalid::SourceNotLinkLocal);
        }
        let fixed = check_fixed(envelope, message)?;
        let redirect = Redirect(&fixed);
        let destination = redirect.destination();
        if destination.is_multicast() {
            return Err(Invalid::DestinationMulticast);
        }
        let target = redirect.target();
        if !is_link_local_unicast(target) && target != destination {
            return Err(Invalid::Target);
        }
        check_all_options(message, REDIRECT_LENGTH)?;
        Ok(fixed)
    }

    /// A view over what [`check`](Self::check) found valid.
    pub const fn new(bytes: &'a [u8; REDIRECT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The better first hop: a router's link-local address, or the destination itself, which is
    /// then on the link.
    pub fn target(self) -> Ipv6Addr {
        ipv6_address::read_at::<8, _>(self.0)
    }

    /// The destination that the target leads to.
    pub fn destination(self) -> Ipv6Addr {
        ipv6_address::read_at::<24, _>(self.0)
    }

    /// Writes the fixed part, with checksum zero.
    pub fn write(bytes: &mut [u8; REDIRECT_LENGTH], target: Ipv6Addr, destination: Ipv6Addr) {
        write_start(bytes, MessageType::REDIRECT, [0; 4]);
        ipv6_address::write_at::<8, _>(bytes, target);
        ipv6_address::write_at::<24, _>(bytes, destination);
    }
}

#[cfg(test)]
mod tests;
