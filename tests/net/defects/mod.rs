//! Defects that other stacks had, each with its number there: a module for each source.
//! `docs/conformance.md` has the list, with the tests elsewhere that guard against the rest.

#[cfg(all(feature = "tcp", feature = "multicast"))]
mod audit_ip;
#[cfg(all(feature = "dhcpv4-client", feature = "acd", feature = "dns"))]
mod audit_names;
#[cfg(feature = "tcp")]
mod audit_tcp;
#[cfg(feature = "tcp")]
mod channels;
#[cfg(feature = "tcp")]
mod smoltcp;
#[cfg(feature = "tcp")]
mod zephyr;
