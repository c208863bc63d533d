//! TCP (RFC 9293): the state machines of connections.
#![allow(
    dead_code,
    unused_imports,
    reason = "connections, which use it all, come next"
)]

mod congestion;
mod isn;
mod recovery;
mod rtt;
mod scoreboard;
mod sequence;

pub(crate) use congestion::Congestion;
pub(crate) use isn::{Cookie, FourTuple, IsnGenerator, Offer};
pub(crate) use recovery::{Ack, Probe, Recovery, Send, Sender, micros};
pub(crate) use rtt::RttEstimator;
pub(crate) use scoreboard::{Patience, Scoreboard, Span, Update};
pub(crate) use sequence::Seq;
