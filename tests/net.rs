//! The stack on the virtual network (`tests/net/network`): clause tests of the protocols, storms
//! of damaged frames, the smallest pool. All under a virtual clock, replayable from a seed.

// Tests call for what happens, and builders return themselves.
#![allow(unused_results)]

// Other tests use other parts of it.
#[allow(dead_code, unused_imports)]
#[path = "net/network/mod.rs"]
mod network;

#[path = "net/basic.rs"]
mod basic;
