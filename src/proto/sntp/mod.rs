//! SNTP: the time of day from a server (RFC 4330, RFC 5905 §14), and for others.
//!
//! [`message`] is the format, `exchange` says what a reply is worth and `schedule` when the next
//! request goes to whom; both know no sockets. [`SntpClient`] keeps time by them, [`SntpServer`] gives
//! it to others.

mod client;
mod exchange;
pub mod message;
mod schedule;
mod server;
mod time;

pub use client::{SntpClient, SntpConfig, SntpCounters, SntpError};
pub use exchange::Sample;
pub use message::Leap;
pub use server::{SntpServer, SntpServerCounters, WallClock, WallTime};
pub use time::{NtpTimestamp, UnixTime};
