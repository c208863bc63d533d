//! TCP (RFC 9293): small machines, each with no I/O and no clock of its own.

mod congestion;
mod recovery;
mod rtt;
mod scoreboard;
mod sequence;

pub use congestion::Congestion;
pub use recovery::{Ack, Probe, Recovery, Send, Sender, micros};
pub use rtt::RttEstimator;
pub use scoreboard::{Patience, Scoreboard, Span, Update};
pub use sequence::Seq;
