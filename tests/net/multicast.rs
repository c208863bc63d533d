//! Groups and their sources, IGMP (RFC 3376, RFC 2236, RFC 1112) and MLD (RFC 3810, RFC 2710):
//! what is written for one protocol holds for both.

#[path = "multicast/change.rs"]
mod change;
#[path = "multicast/older.rs"]
mod older;
#[path = "multicast/query.rs"]
mod query;
#[path = "multicast/sources.rs"]
mod sources;
#[path = "multicast/talk.rs"]
pub mod talk;
