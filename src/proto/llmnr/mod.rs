//! Link-local multicast name resolution (RFC 4795): names of a single label, for which those answer
//! on the link who have them.
//!
//! [`Llmnr`] is one for a stack, since port 5355 is. [`Llmnr::run`] answers for the name of the host
//! on every interface where nobody else has it; [`Llmnr::lookup_host`] and [`Llmnr::lookup_addr`] ask
//! for the names and addresses of others. Nothing is remembered: no answer of one link can be taken
//! for that of another, or of DNS (§5.4).

mod answer;
mod handle;
mod run;
mod sender;
#[cfg(feature = "tcp")]
mod stream;
mod verify;

pub use handle::{Llmnr, LlmnrCounters};
pub use verify::NameState;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::config;
use crate::proto::dns::Flags;
use crate::stack::{Core, InterfaceId};
use crate::time::Duration;
use crate::wire::IpAddress;

/// "LLMNR queries are sent to and received on port 5355" (§2).
const PORT: u16 = 5355;
/// The groups (§2).
const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
/// Interfaces that it works on: those whose numbers are below.
const LINKS: usize = config::LLMNR_INTERFACES;
/// JITTER_INTERVAL, in milliseconds (§7).
const JITTER: u32 = 100;
/// "An LLMNR query SHOULD NOT be sent more than three times" (§2.7).
const TRIES: u8 = 3;
/// The TTL of records, in seconds: "A default value of 30 seconds is RECOMMENDED" (§2.8).
const TTL: u32 = 30;
/// "it is RECOMMENDED that the value 255 be used" (§2.5).
const HOP_LIMIT: u8 = 255;
/// "MUST set the Hop Limit field in the IPv6 header and the TTL field in the IPv4 header [...] to
/// one" (§2.5): of what goes by TCP.
#[cfg(feature = "tcp")]
const TCP_HOP_LIMIT: u8 = 1;
/// How long a connection may take.
#[cfg(feature = "tcp")]
const TCP_TIMEOUT: Duration = Duration::from_millis(2000);
/// C: several hosts have the name, or are thought to (§2.1.1).
const CONFLICT: Flags = Flags::AUTHORITATIVE;
/// T: whether the name is that of one host alone has still to be seen (§2.1.1).
const TENTATIVE: Flags = Flags::RECURSION_DESIRED;

/// Addresses of an interface.
const ADDRESSES: usize = if cfg!(feature = "ipv4") {
    config::IPV4_ADDRESSES
} else {
    0
} + if cfg!(feature = "ipv6") {
    config::IPV6_ADDRESSES
} else {
    0
};

type Addresses = heapless::Vec<IpAddress, ADDRESSES>;

/// The addresses by which an interface can be spoken to now: none while its link is down.
fn addresses_of(core: &Core<'_>, id: InterfaceId) -> Addresses {
    let mut addresses = Addresses::new();
    let interface = core.interface(id);
    if let Some(interface) = interface.filter(|i| i.is_up() && !i.is_loopback()) {
        // There is room for all of both versions.
        #[cfg(feature = "ipv4")]
        for cidr in interface.ipv4() {
            let _: Result<(), IpAddress> = addresses.push(cidr.address.into());
        }
        #[cfg(feature = "ipv6")]
        for entry in interface.ipv6.iter().filter(|entry| entry.is_assigned()) {
            let _: Result<(), IpAddress> = addresses.push(entry.address.into());
        }
    }
    addresses
}

/// The groups that can be spoken to from these addresses, on an interface.
fn groups(addresses: &Addresses, id: InterfaceId) -> impl Iterator<Item = SocketAddr> + use<> {
    let has = |wanted: fn(&IpAddr) -> bool| {
        let mut addresses = addresses.iter().map(|own| IpAddr::from(*own));
        addresses.any(|own| wanted(&own))
    };
    let ipv4 = has(IpAddr::is_ipv4).then(|| SocketAddr::new(GROUP4.into(), PORT));
    let scope = u32::from(id) + 1;
    let ipv6 = has(IpAddr::is_ipv6).then(|| SocketAddrV6::new(GROUP6, PORT, 0, scope).into());
    ipv4.into_iter().chain(ipv6)
}

/// LLMNR_TIMEOUT: "100 ms (IEEE 802 media, including IEEE 802.11)", which are those with addresses of
/// the link, and a second on others (§7).
fn timeout(core: &Core<'_>, id: InterfaceId) -> Duration {
    let interface = core.interface(id);
    let is_ieee802 = interface.is_some_and(|i| !i.capabilities.address.is_empty());
    Duration::from_millis(if is_ieee802 { 100 } else { 1000 })
}
