//! The stack on the virtual network (`tests/net/network`): clause tests of the protocols, storms
//! of damaged frames, the smallest pool. All under a virtual clock, replayable from a seed.

// Tests call for what happens, and builders return themselves.
#![allow(unused_results)]

// Other tests use other parts of it.
#[allow(dead_code, unused_imports)]
#[path = "net/network/mod.rs"]
mod network;

#[cfg(feature = "driver-embassy-net")]
#[path = "net/adapter.rs"]
mod adapter;
#[cfg(all(feature = "dad", feature = "events"))]
#[allow(dead_code)]
#[path = "net/addresses.rs"]
mod addresses;
#[allow(dead_code)]
#[path = "net/alone.rs"]
mod alone;
#[path = "net/basic.rs"]
mod basic;
#[cfg(feature = "bsd-sockets")]
#[path = "net/bsd/mod.rs"]
mod bsd;
#[cfg(all(feature = "acd", feature = "events"))]
#[path = "net/conflict.rs"]
mod conflict;
#[cfg(all(
    feature = "acd",
    feature = "dad",
    feature = "llmnr",
    feature = "mdns",
    feature = "dns-sd",
    feature = "sntp",
    feature = "http-client",
    feature = "http-server",
    feature = "zperf",
    feature = "slip",
    feature = "dhcpv6-client",
    feature = "dhcpv4-client"
))]
#[path = "net/corpus.rs"]
mod corpus;
#[cfg(all(feature = "dad", feature = "events", feature = "tcp"))]
#[path = "net/dad.rs"]
mod dad;
#[path = "net/defects/mod.rs"]
mod defects;
#[cfg(all(feature = "dhcpv4-client", feature = "acd", feature = "dns"))]
#[path = "net/dhcpv4/mod.rs"]
mod dhcpv4;
#[cfg(all(
    feature = "dhcpv4-server",
    feature = "dhcpv4-client",
    feature = "acd",
    feature = "dns"
))]
#[path = "net/dhcpv4_server/mod.rs"]
mod dhcpv4_server;
#[cfg(all(
    feature = "dhcpv6-client",
    feature = "router-discovery",
    feature = "ra-server",
    feature = "dns"
))]
#[path = "net/dhcpv6/mod.rs"]
mod dhcpv6;
#[cfg(feature = "dns")]
#[path = "net/dns/mod.rs"]
mod dns;
#[cfg(all(
    feature = "dhcpv4-server",
    feature = "dhcpv4-client",
    feature = "acd",
    feature = "dns",
    feature = "tcp"
))]
#[path = "net/endurance.rs"]
mod endurance;
#[cfg(feature = "events")]
#[path = "net/events.rs"]
mod events;
#[path = "net/fairness.rs"]
mod fairness;
#[cfg(feature = "packet-filter")]
#[path = "net/filter.rs"]
mod filter;
#[path = "net/floods.rs"]
mod floods;
#[cfg(feature = "flow-labels")]
#[path = "net/flow.rs"]
mod flow;
#[path = "net/fragments.rs"]
mod fragments;
#[allow(dead_code)]
#[path = "net/frame.rs"]
mod frame;
#[cfg(feature = "tcp")]
#[path = "net/given_up.rs"]
mod given_up;
#[cfg(all(feature = "hostname", feature = "events"))]
#[path = "net/hostname.rs"]
mod hostname;
#[cfg(feature = "http-server")]
#[path = "net/http/mod.rs"]
mod http;
#[path = "net/icmp.rs"]
mod icmp;
#[path = "net/ip.rs"]
mod ip;
#[path = "net/ipv4_host.rs"]
mod ipv4_host;
#[path = "net/ipv6.rs"]
mod ipv6;
#[cfg(all(feature = "router-discovery", feature = "events"))]
#[allow(dead_code)]
#[path = "net/lan.rs"]
mod lan;
#[cfg(feature = "events")]
#[path = "net/link_changes.rs"]
mod link_changes;
#[cfg(all(feature = "ipv4-link-local", feature = "events"))]
#[path = "net/link_local_v4.rs"]
mod link_local_v4;
#[cfg(feature = "llmnr")]
#[path = "net/llmnr/mod.rs"]
mod llmnr;
#[cfg(feature = "loopback")]
#[path = "net/loopback.rs"]
mod loopback;
#[cfg(all(feature = "mdns", feature = "dns-sd", feature = "dns"))]
#[path = "net/mdns/mod.rs"]
mod mdns;
#[cfg(feature = "mgmt")]
#[path = "net/mgmt/mod.rs"]
mod mgmt;
#[path = "net/multicast.rs"]
mod multicast;
#[cfg(all(feature = "embedded-nal", feature = "dns"))]
#[path = "net/nal.rs"]
mod nal;
#[path = "net/neighbors.rs"]
mod neighbors;
#[path = "net/offload.rs"]
mod offload;
#[cfg(all(
    feature = "dad-optimistic",
    feature = "slaac",
    feature = "events",
    feature = "tcp"
))]
#[path = "net/optimistic.rs"]
mod optimistic;
#[cfg(feature = "packet-sockets")]
#[path = "net/packet/mod.rs"]
mod packet;
#[path = "net/path_mtu.rs"]
mod path_mtu;
#[cfg(all(
    feature = "ra-server",
    feature = "router-discovery",
    feature = "events"
))]
#[path = "net/ra_server.rs"]
mod ra_server;
#[cfg(feature = "raw-sockets")]
#[path = "net/raw/mod.rs"]
mod raw;
#[path = "net/recent_paths.rs"]
mod recent_paths;
#[cfg(all(
    feature = "redirects",
    feature = "router-discovery",
    feature = "events"
))]
#[path = "net/redirect.rs"]
mod redirect;
#[cfg(all(feature = "router-discovery", feature = "events"))]
#[path = "net/routers.rs"]
mod routers;
#[cfg(all(
    feature = "shell",
    feature = "hostname",
    feature = "multicast",
    feature = "dns-sd",
    feature = "mdns",
    feature = "sntp",
    feature = "dhcpv4-server",
    feature = "dhcpv4-client",
    feature = "dhcpv6-client",
    feature = "dns",
    feature = "acd"
))]
#[path = "net/shell/mod.rs"]
mod shell;
#[cfg(all(feature = "slaac", feature = "events", feature = "tcp"))]
#[path = "net/slaac.rs"]
mod slaac;
#[cfg(feature = "slip")]
#[path = "net/slip.rs"]
mod slip;
#[cfg(feature = "sntp")]
#[path = "net/sntp.rs"]
mod sntp;
#[cfg(feature = "tcp")]
#[path = "net/sockets.rs"]
mod sockets;
#[path = "net/static_neighbors.rs"]
mod static_neighbors;
#[cfg(all(
    feature = "statistics",
    feature = "fragmentation",
    feature = "loopback",
    feature = "multicast"
))]
#[path = "net/statistics.rs"]
mod statistics;
#[path = "net/storm.rs"]
mod storm;
#[path = "net/tasks.rs"]
mod tasks;
#[cfg(feature = "tcp")]
#[path = "net/tcp/mod.rs"]
mod tcp;
#[cfg(feature = "tcp")]
#[path = "net/tcp_bulk.rs"]
mod tcp_bulk;
#[cfg(all(feature = "temporary-addresses", feature = "events", feature = "tcp"))]
#[path = "net/temporary.rs"]
mod temporary;
#[path = "net/udp.rs"]
mod udp;
#[path = "net/zones.rs"]
mod zones;
#[cfg(feature = "zperf")]
#[path = "net/zperf/mod.rs"]
mod zperf;
