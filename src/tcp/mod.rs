//! TCP (RFC 9293): small machines around one control block, without I/O.
//!
//! [`connection`] is the control block; [`receive`] and [`send`] are what RFC 9293 §3.10.7 and §3.8
//! make of it, [`reassembly`] what came too early; [`recovery`], [`scoreboard`], [`congestion`] and
//! [`rtt`] decide what is sent again and how much may be on its way, and [`repair`] asks them;
//! [`ecn`] hears of it before; [`error`] is why it ended; [`clock`] keeps times small; [`table`], [`half_open`] and
//! [`time_wait`] hold many of them.

pub(crate) mod clock;
mod congestion;
pub(crate) mod connection;
pub(crate) mod ecn;
mod error;
pub(crate) mod half_open;
pub(crate) mod isn;
mod reassembly;
mod receive;
mod recovery;
mod repair;
mod rtt;
mod scoreboard;
pub(crate) mod segment;
mod send;
pub(crate) mod sequence;
pub(crate) mod table;
pub(crate) mod time_wait;

use congestion::Congestion;
pub use connection::TcpState;
pub use error::TcpError;
use rtt::RttEstimator;
use scoreboard::{Patience, Scoreboard, Span, Update};
use sequence::Seq;
