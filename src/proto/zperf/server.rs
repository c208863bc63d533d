//! The server: several clients at once, over UDP and TCP.

mod back;
#[cfg(feature = "tcp")]
mod tcp;
mod udp;

use core::cell::Cell;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use self::back::Jobs;
use super::client::Test;
use super::message::{PORT, Request};
use super::udp_send::Plan;
#[cfg(feature = "multicast")]
use crate::iface::AddressError;
use crate::socket::BindError;
#[cfg(feature = "multicast")]
use crate::stack::InterfaceId;
use crate::stack::Stack;
use crate::time::Duration;

/// How a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZperfServerConfig {
    /// Where it listens; the unspecified address of either version stands for all addresses of both.
    pub local: SocketAddr,
    /// What passes is told of this often.
    pub interval: Option<Duration>,
    /// Whether it sends to clients that ask for it over TCP (`iperf -R`, `-d`, `-r`,
    /// `--full-duplex`); others only send.
    pub sends: bool,
    /// Whether it sends to clients that ask for it over UDP. The address that asks is then that of
    /// whoever is to get the data, as far as anybody knows: on a network where strangers can be heard
    /// they could turn the device on others.
    pub sends_datagrams: bool,
    /// It sends for no longer than this.
    pub longest: Duration,
    /// The time of day when the clock of the stack began, since 1970, if it is known: then the time
    /// that datagrams take is measured, as far as clients know the time.
    pub epoch: Option<Duration>,
    /// The group that it joins.
    #[cfg(feature = "multicast")]
    pub group: Option<(IpAddr, InterfaceId)>,
}

impl Default for ZperfServerConfig {
    /// Port 5001 of all addresses; sends over TCP, for ten minutes at most.
    fn default() -> Self {
        Self {
            local: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT),
            interval: None,
            sends: true,
            sends_datagrams: false,
            longest: Duration::from_secs(600),
            epoch: None,
            #[cfg(feature = "multicast")]
            group: None,
        }
    }
}

/// What a server has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZperfCounters {
    /// Transfers that were begun.
    pub sessions: u32,
    /// Datagrams and connections that were no part of a test.
    pub malformed: u32,
    /// Datagrams that ended what is not known, or came after the end.
    pub stray: u32,
    /// Datagrams of new clients, while there were as many as there is room for.
    pub full: u32,
    /// Clients that asked for what the server does not do: it is not to send, or has no such test.
    pub refused: u32,
    /// Reports that could not be sent.
    pub not_sent: u32,
}

/// Why a server does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ZperfServerError {
    /// The UDP port is not to be had.
    Bind(BindError),
    /// The TCP port is not to be had.
    #[cfg(feature = "tcp")]
    Listen(crate::socket::TcpOpenError),
    /// The group is not to be had.
    #[cfg(feature = "multicast")]
    Group(AddressError),
}

impl core::fmt::Display for ZperfServerError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bind(why) => core::fmt::Display::fmt(why, f),
            #[cfg(feature = "tcp")]
            Self::Listen(why) => core::fmt::Display::fmt(why, f),
            #[cfg(feature = "multicast")]
            Self::Group(why) => core::fmt::Display::fmt(why, f),
        }
    }
}

impl core::error::Error for ZperfServerError {}

/// A server that iperf can measure against: [`ZperfServer::udp`] and [`ZperfServer::tcp`] serve
/// [`ZPERF_SESSIONS`](crate::config::ZPERF_SESSIONS) clients each.
pub struct ZperfServer<'a> {
    stack: Stack<'a>,
    config: ZperfServerConfig,
    counters: Cell<ZperfCounters>,
    /// What is sent, or is to be sent, over UDP.
    jobs: Cell<Jobs>,
}

impl<'a> ZperfServer<'a> {
    /// A server that does nothing yet.
    pub const fn new(stack: Stack<'a>, config: ZperfServerConfig) -> Self {
        Self {
            stack,
            config,
            counters: Cell::new(ZperfCounters {
                sessions: 0,
                malformed: 0,
                stray: 0,
                full: 0,
                refused: 0,
                not_sent: 0,
            }),
            jobs: Cell::new(Jobs::new()),
        }
    }

    /// What it has done.
    pub fn counters(&self) -> ZperfCounters {
        self.counters.get()
    }

    fn count(&self, counter: impl FnOnce(&mut ZperfCounters) -> &mut u32) {
        let mut counters = self.counters.get();
        let counter = counter(&mut counters);
        *counter = counter.wrapping_add(1);
        self.counters.set(counters);
    }

    /// What a client asks to be sent, no more than is allowed.
    fn plan(&self, request: &Request<'_>) -> Plan {
        let length = match u16::try_from(request.write_length()) {
            Ok(0) | Err(_) => Test::USUAL_LENGTH,
            Ok(length) => length.max(Test::SHORTEST),
        };
        Plan {
            length,
            rate: request.rate(),
            amount: request.amount(),
            longest: self.config.longest,
            epoch: self.config.epoch,
        }
    }
}
