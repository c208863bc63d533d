//! Multicast DNS (RFC 6762): names that end in `.local`, of which those answer who have them.
//!
//! [`Mdns`] is one for a stack, since port 5353 is: with the feature `mdns-responder` it answers
//! for a host name (and, with `dns-sd`, for services), with `mdns` it asks for those of others. Both
//! are machines that know no socket and no clock; [`Mdns::run`] is what joins them to the stack.

mod handle;
mod link;
mod run;

#[cfg(feature = "mdns")]
pub(super) mod querier;
#[cfg(feature = "mdns-responder")]
pub(super) mod responder;

#[cfg(all(test, feature = "dns-sd"))]
pub(super) use handle::Shared;
pub use handle::{Mdns, MdnsCounters};
#[cfg(feature = "mdns")]
pub use querier::MdnsError;
#[cfg(feature = "mdns-responder")]
pub use responder::{HostNameError, Renamed};

use core::net::{Ipv4Addr, Ipv6Addr};

use super::dns::NameRef;
use crate::config;
use crate::time::Duration;

/// The port of multicast DNS (RFC 6762 §3).
const PORT: u16 = 5353;
/// The groups of multicast DNS (RFC 6762 §3).
const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// `local`, as it stands in a message.
pub(super) const LOCAL: &[u8] = b"\x05local\x00";
/// Interfaces that it works on: those whose numbers are below.
const LINKS: usize = config::MDNS_INTERFACES;
/// How long to wait for a packet buffer, or for room in a transmit queue, before trying again.
const RETRY: Duration = Duration::from_millis(20);

/// The name that lies in these octets.
pub(super) fn name_in(octets: &[u8]) -> NameRef<'_> {
    NameRef::read(octets, 0).map_or(NameRef::ROOT, |(name, _)| name)
}

#[cfg(all(test, feature = "mdns", feature = "dns-sd", feature = "ipv4"))]
mod tests;
