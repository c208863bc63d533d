//! Measuring the throughput of a network, as iperf 2.1 does and with it: TCP and UDP, as the client
//! or the server, in either direction or both.
//!
//! [`message`] is the format. `arrivals` says what the numbers of datagrams tell, `pace` when the next
//! piece is due; neither knows sockets. A client is a function: [`udp`], [`tcp`]. A [`ZperfServer`] serves
//! several clients at once. All of them are futures, and end when they are dropped.

mod arrivals;
mod client;
pub mod message;
mod meter;
mod pace;
mod payload;
mod result;
mod server;
#[cfg(feature = "tcp")]
mod stream;
mod udp_receive;
mod udp_send;

#[cfg(feature = "tcp")]
pub use client::tcp;
pub use client::{Direction, Test, ZperfError, udp};
pub use message::{Amount, PORT};
pub use result::{Datagrams, End, Flow, Outcome, Report, Transfer, Transit};
pub use server::{ZperfCounters, ZperfServer, ZperfServerConfig, ZperfServerError};

use crate::time::{Duration, Instant};

/// Who is waited for longer than this is not there any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time on the wire: of the day where the clock's origin is known, of the clock else.
fn time_of(epoch: Option<Duration>, now: Instant) -> Duration {
    epoch.unwrap_or_default() + now.since(Instant::ZERO)
}
