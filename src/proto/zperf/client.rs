//! The client: what is measured, and how it is asked for.

#[cfg(feature = "tcp")]
mod tcp;
mod udp;

#[cfg(feature = "tcp")]
pub use tcp::tcp;
pub use udp::udp;

use core::future::Future;
use core::net::SocketAddr;
use core::pin::pin;

use embassy_futures::select::{Either, select};

use super::PATIENCE;
use super::message::{Amount, Flags, NUMBER_LENGTH, PORT, REQUEST_LENGTH, Tests, Wanted};
use super::udp_send::Plan;
use crate::ip::Unreachable;
use crate::socket::{BindError, SendError};
#[cfg(feature = "tcp")]
use crate::socket::{ConnectError, TcpError, TcpOpenError};
use crate::stack::InterfaceId;
use crate::time::{Duration, Instant};

/// Which way data go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// From here to the server.
    #[default]
    Upload,
    /// From the server to here, by the connection that is made from here, or to the port that is
    /// asked from: `iperf -R`.
    Download,
    /// Both at once, by one connection; TCP only: `iperf --full-duplex`.
    FullDuplex,
    /// Both at once; the server connects to [`Test::listen`]: `iperf -d`.
    Dual,
    /// To the server, and then from it to [`Test::listen`]: `iperf -r`.
    TradeOff,
}

/// What is measured.
///
/// ```
/// # use zonda::proto::zperf::{Amount, Test};
/// # use zonda::time::Duration;
/// let mut test = Test::new("10.0.0.1:5001".parse().unwrap());
/// test.amount = Amount::Time(Duration::from_secs(3));
/// test.rate = Some(2_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Test {
    /// Where the server is: of UDP it may be a group.
    pub server: SocketAddr,
    /// Which way data go.
    pub direction: Direction,
    /// How much is sent, by either end.
    pub amount: Amount,
    /// Bytes of a datagram behind its UDP header: at least [`Test::SHORTEST`].
    pub length: u16,
    /// Bits of data per second; 0: as fast as it goes; `None`: 1 Mbit/s over UDP, and over TCP as fast
    /// as it goes.
    pub rate: Option<u64>,
    /// The Differentiated Services codepoint, 0 to 63, of what is sent by either end.
    pub dscp: u8,
    /// What passes is told of this often.
    pub interval: Option<Duration>,
    /// The port where the server connects to, where it does.
    pub listen: u16,
    /// The interface that a group is sent to by; `None`: the routes decide.
    pub interface: Option<InterfaceId>,
    /// How far what is sent to a group goes.
    pub multicast_hop_limit: u8,
    /// The time of day when the clock of the stack began, since 1970, if it is known. Datagrams have
    /// the time then, and servers tell what they take. Without it the jitter that a server of iperf tells
    /// is wrong for some 500 datagrams: it takes the first for years late.
    pub epoch: Option<Duration>,
}

impl Test {
    /// The least that a datagram has: what says its number and what is asked for.
    pub const SHORTEST: u16 = (NUMBER_LENGTH + REQUEST_LENGTH) as u16;

    /// What fits into an Ethernet frame, over IPv6 too.
    pub(super) const USUAL_LENGTH: u16 = 1450;

    /// To the server for ten seconds, in datagrams of 1450 bytes, which fit into an Ethernet frame.
    pub const fn new(server: SocketAddr) -> Self {
        Self {
            server,
            direction: Direction::Upload,
            amount: Amount::Time(Duration::from_secs(10)),
            length: Self::USUAL_LENGTH,
            rate: None,
            dscp: 0,
            interval: None,
            listen: PORT,
            interface: None,
            multicast_hop_limit: 1,
            epoch: None,
        }
    }

    /// What the server is asked for.
    fn wanted(&self, flags: Flags, rate: u64) -> Wanted {
        let (direction, tests) = match self.direction {
            Direction::Upload => (Flags::empty(), Tests::empty()),
            Direction::Download => (Flags::VERSION2, Tests::REVERSE),
            Direction::FullDuplex => (Flags::VERSION2, Tests::FULL_DUPLEX),
            Direction::Dual => (Flags::VERSION1 | Flags::RUN_NOW, Tests::empty()),
            Direction::TradeOff => (Flags::VERSION1, Tests::empty()),
        };
        Wanted {
            flags: flags | direction,
            tests,
            port: self.listen,
            write_length: self.length,
            amount: self.amount,
            traffic_class: self.traffic_class(),
            rate,
        }
    }

    const fn traffic_class(&self) -> u8 {
        self.dscp << 2
    }

    fn plan(&self, rate: u64) -> Plan {
        Plan {
            length: self.length.max(Self::SHORTEST),
            rate,
            amount: self.amount,
            longest: Duration::MAX,
            epoch: self.epoch,
        }
    }

    /// When there is nothing to wait for any more that the server sends from now on.
    fn end(&self, now: Instant) -> Instant {
        match self.amount {
            Amount::Time(span) => now + span + PATIENCE,
            Amount::Bytes(_) => Instant::MAX,
        }
    }
}

/// Why a test has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ZperfError {
    /// There is no UDP socket, or not the port that the server would send to.
    Bind(BindError),
    /// The datagrams do not go.
    Send(SendError),
    /// The server cannot be reached.
    Unreachable(Unreachable),
    /// There is no connection to the server.
    #[cfg(feature = "tcp")]
    Connect(ConnectError),
    /// The port where the server would connect to is not to be had.
    #[cfg(feature = "tcp")]
    Listen(TcpOpenError),
    /// The connection broke.
    #[cfg(feature = "tcp")]
    Tcp(TcpError),
    /// The server has not sent what it was asked for.
    Silent,
    /// UDP has no such direction, or not with a group.
    Direction,
}

impl core::fmt::Display for ZperfError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bind(why) => core::fmt::Display::fmt(why, f),
            Self::Send(why) => core::fmt::Display::fmt(why, f),
            Self::Unreachable(why) => core::fmt::Display::fmt(why, f),
            #[cfg(feature = "tcp")]
            Self::Connect(why) => core::fmt::Display::fmt(why, f),
            #[cfg(feature = "tcp")]
            Self::Listen(why) => core::fmt::Display::fmt(why, f),
            #[cfg(feature = "tcp")]
            Self::Tcp(why) => core::fmt::Display::fmt(why, f),
            Self::Silent => f.write_str("the server has not sent what it was asked for"),
            Self::Direction => f.write_str("the protocol has no such direction"),
        }
    }
}

impl core::error::Error for ZperfError {}

impl From<BindError> for ZperfError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<SendError> for ZperfError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unreachable(why) => Self::Unreachable(why),
            error => Self::Send(error),
        }
    }
}

/// Both directions. Where nothing can be sent nothing is waited for.
async fn both<S, R>(
    sends: impl Future<Output = Result<S, ZperfError>>,
    receives: impl Future<Output = Result<R, ZperfError>>,
) -> Result<(S, R), ZperfError> {
    let (mut sends, mut receives) = (pin!(sends), pin!(receives));
    match select(sends.as_mut(), receives.as_mut()).await {
        Either::First(sent) => Ok((sent?, receives.await?)),
        Either::Second(received) => Ok((sends.await?, received?)),
    }
}
