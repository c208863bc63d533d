//! TCP (RFC 9293): small machines, each with no I/O and no clock of its own.

mod rtt;
mod sequence;

pub use rtt::RttEstimator;
pub use sequence::Seq;
