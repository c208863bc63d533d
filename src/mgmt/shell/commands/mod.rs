//! The commands that every shell has, a file for each subject.

/// Writes to a console: as `format!`.
macro_rules! say {
    ($console:expr, $($text:tt)*) => {
        $console.print(format_args!($($text)*)).await
    };
}

mod addresses;
mod connections;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
mod dhcp;
#[cfg(feature = "dns")]
mod dns;
mod events;
mod interfaces;
#[cfg(any(feature = "mdns", feature = "mdns-responder"))]
mod mdns;
#[cfg(neighbors)]
mod neighbors;
mod numbers;
#[cfg(feature = "ping")]
mod ping;
mod routes;
#[cfg(feature = "sntp")]
mod sntp;
#[cfg(any(feature = "udp", feature = "tcp"))]
mod sockets;
#[cfg(feature = "zperf")]
mod zperf;

use super::command::{CommandError, CommandInfo, Words};
use super::{Console, Services};
use crate::iface::InterfaceName;
use crate::stack::{InterfaceId, Stack};
use crate::time::{Duration, Instant};

const fn info(name: &'static str, arguments: &'static str, about: &'static str) -> CommandInfo {
    CommandInfo {
        name,
        arguments,
        about,
    }
}

/// The commands, in the order in which `help` lists them.
pub(super) const BUILT_IN: &[CommandInfo] = &[
    info("help", "[COMMAND]", "the commands, or how one is used"),
    info("exit", "", "end the session"),
    info(
        "iface",
        "[IFACE [up | down | mtu BYTES | name NAME]]",
        "the interfaces, or one of them",
    ),
    info("suspend", "IFACE", "switch an interface off"),
    info("resume", "IFACE", "switch an interface on"),
    #[cfg(feature = "ipv4")]
    info(
        "ipv4",
        "[IFACE | add IFACE ADDR/LEN | del IFACE ADDR]",
        "the IPv4 addresses",
    ),
    #[cfg(feature = "ipv6")]
    info(
        "ipv6",
        "[IFACE | add IFACE ADDR/LEN | del IFACE ADDR]",
        "the IPv6 addresses and how long they are good",
    ),
    info(
        "route",
        "[add PREFIX/LEN IFACE [via ADDR] | del PREFIX/LEN IFACE [via ADDR]]",
        "the routes",
    ),
    #[cfg(all(neighbors, feature = "ipv4"))]
    info("arp", "[IFACE]", "the IPv4 neighbours"),
    #[cfg(neighbors)]
    info(
        "nbr",
        "[IFACE | add IFACE ADDR MAC | del IFACE ADDR]",
        "the neighbours",
    ),
    #[cfg(any(feature = "ipv6", feature = "multicast"))]
    info("group", "[IFACE]", "the groups that are listened to"),
    #[cfg(any(feature = "udp", feature = "tcp"))]
    info("sockets", "", "all sockets"),
    #[cfg(feature = "udp")]
    info("udp", "[send ADDR PORT TEXT]", "the UDP sockets"),
    #[cfg(feature = "tcp")]
    info("tcp", "", "the TCP connections and listeners"),
    info("conn", "", "what can be reached"),
    #[cfg(feature = "ping")]
    info(
        "ping",
        "[-c COUNT] [-s BYTES] [-i MILLISECONDS] [-I IFACE] HOST",
        "ask a host for an echo",
    ),
    #[cfg(feature = "dns")]
    info(
        "dns",
        "NAME [4 | 6] | ADDR | servers | stats | flush",
        "the addresses of a name, or the name of an address",
    ),
    #[cfg(feature = "hostname")]
    info("hostname", "[NAME]", "the name of this host"),
    #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
    info("mdns", MDNS, "names and services on the link"),
    #[cfg(feature = "sntp")]
    info("sntp", "[ADDR [PORT]]", "the time, or ask a server for it"),
    #[cfg(feature = "dhcpv4-client")]
    info("dhcpv4", "[release]", "the DHCPv4 clients and their leases"),
    #[cfg(feature = "dhcpv6-client")]
    info("dhcpv6", "[release]", "the DHCPv6 clients and their leases"),
    #[cfg(feature = "zperf")]
    info(
        "zperf",
        "tcp | udp up | down ADDR [SECONDS [BITS-PER-SECOND]]",
        "measure the throughput to a server",
    ),
    #[cfg(feature = "statistics")]
    info(
        "stats",
        "[reset | all | PATH]",
        "what was counted, without zeros or all under a path",
    ),
    info("pool", "", "the packet buffers"),
    info("mem", "", "the memory of the stack"),
    info("events", "[COUNT]", "what happens from now on"),
];

#[cfg(feature = "dns-sd")]
const MDNS: &str = "[browse TYPE]";
#[cfg(all(
    any(feature = "mdns", feature = "mdns-responder"),
    not(feature = "dns-sd")
))]
const MDNS: &str = "";

/// Carries out one of them.
pub(super) async fn run<'l>(
    stack: Stack<'_>,
    services: &Services<'_, '_, '_>,
    name: &str,
    words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    match name {
        "iface" => interfaces::iface(stack, words, console).await,
        "suspend" => interfaces::set_enabled(stack, words, false),
        "resume" => interfaces::set_enabled(stack, words, true),
        #[cfg(feature = "ipv4")]
        "ipv4" => addresses::ipv4(stack, words, console).await,
        #[cfg(feature = "ipv6")]
        "ipv6" => addresses::ipv6(stack, words, console).await,
        "route" => routes::route(stack, words, console).await,
        #[cfg(all(neighbors, feature = "ipv4"))]
        "arp" => neighbors::arp(stack, words, console).await,
        #[cfg(neighbors)]
        "nbr" => neighbors::nbr(stack, words, console).await,
        #[cfg(any(feature = "ipv6", feature = "multicast"))]
        "group" => interfaces::group(stack, words, console).await,
        #[cfg(any(feature = "udp", feature = "tcp"))]
        "sockets" => sockets::sockets(stack, words, console).await,
        #[cfg(feature = "udp")]
        "udp" => sockets::udp(stack, words, console).await,
        #[cfg(feature = "tcp")]
        "tcp" => sockets::tcp(stack, words, console).await,
        "conn" => connections::conn(stack, services, words, console).await,
        #[cfg(feature = "ping")]
        "ping" => ping::ping(stack, services, words, console).await,
        #[cfg(feature = "dns")]
        "dns" => dns::dns(stack, services, words, console).await,
        #[cfg(feature = "hostname")]
        "hostname" => interfaces::hostname(stack, words, console).await,
        #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
        "mdns" => mdns::mdns(stack, services, words, console).await,
        #[cfg(feature = "sntp")]
        "sntp" => sntp::sntp(services, words, console).await,
        #[cfg(feature = "dhcpv4-client")]
        "dhcpv4" => dhcp::dhcpv4(services, words, console).await,
        #[cfg(feature = "dhcpv6-client")]
        "dhcpv6" => dhcp::dhcpv6(services, words, console).await,
        #[cfg(feature = "zperf")]
        "zperf" => zperf::zperf(stack, words, console).await,
        #[cfg(feature = "statistics")]
        "stats" => numbers::stats(stack, words, console).await,
        "pool" => numbers::pool(stack, words, console).await,
        "mem" => numbers::mem(stack, words, console).await,
        "events" => events::events(stack, words, console).await,
        _ => Err(CommandError::Usage),
    }
}

/// The name of an interface.
fn name(stack: Stack<'_>, id: InterfaceId) -> InterfaceName {
    stack.name(id).unwrap_or_default()
}

/// The interface that is named, or all.
fn chosen(stack: Stack<'_>, id: Option<InterfaceId>) -> impl Iterator<Item = InterfaceId> {
    let all = stack.interfaces();
    all.filter(move |other| id.is_none_or(|id| id == *other))
}

/// How long something is still good.
struct Left(Duration);

impl Left {
    fn until(end: Option<Instant>, now: Instant) -> Self {
        Self(end.map_or(Duration::MAX, |end| end.since(now)))
    }
}

impl core::fmt::Display for Left {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Duration::MAX => f.write_str("for ever"),
            span => write!(f, "for {} s", span.as_secs()),
        }
    }
}
