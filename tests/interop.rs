//! Real peers: Linux and its tools against the drivers and the demo, over TAP and TUN.
#![cfg(target_os = "linux")]

#[macro_use]
#[path = "support/skip.rs"]
mod skip;
#[macro_use]
#[path = "interop/namespace.rs"]
mod namespace;

#[path = "interop/arp.rs"]
mod arp;
#[path = "interop/autoconf.rs"]
mod autoconf;
#[cfg(all(feature = "mdns", feature = "dns-sd"))]
#[path = "interop/avahi.rs"]
mod avahi;
#[cfg(feature = "http-server")]
#[path = "interop/browser.rs"]
mod browser;
#[path = "interop/c.rs"]
mod c;
#[cfg(any(feature = "dhcpv4-client", feature = "dhcpv4-server"))]
#[path = "interop/daemon.rs"]
mod daemon;
#[path = "interop/demo.rs"]
mod demo;
#[cfg(all(feature = "dhcpv4-client", feature = "dhcpv4-server"))]
#[path = "interop/demo_dhcp.rs"]
mod demo_dhcp;
#[cfg(feature = "shell")]
#[path = "interop/demo_shell.rs"]
mod demo_shell;
#[cfg(feature = "dhcpv4-client")]
#[path = "interop/dhcp.rs"]
mod dhcp;
#[cfg(feature = "dhcpv4-server")]
#[path = "interop/dhcp_server.rs"]
mod dhcp_server;
#[cfg(feature = "dhcpv6-client")]
#[path = "interop/dhcpv6.rs"]
mod dhcpv6;
#[cfg(feature = "dns")]
#[path = "interop/dns.rs"]
mod dns;
#[cfg(feature = "dns")]
#[path = "interop/dns_servers.rs"]
mod dns_servers;
#[path = "interop/dnsmasq.rs"]
mod dnsmasq;
#[cfg(feature = "driver-embassy-net")]
#[path = "interop/embassy_net.rs"]
mod embassy_net;
#[path = "interop/fragments.rs"]
mod fragments;
#[cfg(feature = "http-server")]
#[path = "interop/http.rs"]
mod http;
#[path = "interop/interfaces.rs"]
mod interfaces;
#[cfg(feature = "llmnr")]
#[path = "interop/llmnr.rs"]
mod llmnr;
#[cfg(all(feature = "mdns", feature = "dns-sd"))]
#[path = "interop/mdns.rs"]
mod mdns;
#[path = "interop/multicast.rs"]
mod multicast;
#[cfg(all(feature = "packet-sockets", feature = "raw-sockets"))]
#[path = "interop/packet.rs"]
mod packet;
#[path = "interop/ping.rs"]
mod ping;
#[cfg(all(feature = "router-discovery", feature = "ra-server", feature = "ping"))]
#[path = "interop/radvd.rs"]
mod radvd;
#[cfg(feature = "sntp")]
#[path = "interop/sntp.rs"]
mod sntp;
#[path = "interop/stack.rs"]
mod stack;
#[path = "interop/tap_driver.rs"]
mod tap_driver;
#[path = "interop/tcp.rs"]
mod tcp;
#[path = "interop/tcp_client.rs"]
mod tcp_client;
#[path = "interop/udp.rs"]
mod udp;
#[cfg(all(feature = "zperf", feature = "multicast"))]
#[path = "interop/zperf.rs"]
mod zperf;
