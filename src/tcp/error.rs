//! Why a connection ended, for those who ask and in one byte for its control block.

use crate::ip::Unreachable;

/// Why a connection ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TcpError {
    /// The peer refused the connection.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// The peer did not answer for longer than the user timeout.
    TimedOut,
    /// The handshake failed, or the peer did not answer for longer than the user timeout, because of
    /// what ICMP or a neighbour said.
    Unreachable(Unreachable),
    /// It was aborted here.
    Aborted,
}

impl core::fmt::Display for TcpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by the peer",
            Self::TimedOut => "connection timed out",
            Self::Unreachable(why) => return core::fmt::Display::fmt(why, f),
            Self::Aborted => "connection aborted",
        })
    }
}

impl core::error::Error for TcpError {}

/// What does not end a connection by itself (RFC 9293 §3.9.2.2): an [`Unreachable`] in one byte.
#[derive(Clone, Copy, Debug)]
pub(super) enum SoftError {
    Network,
    Host,
    Protocol,
    Port,
    Prohibited,
    TimeExceeded,
    ParameterProblem,
}

impl SoftError {
    /// `None` for a packet that was too big, which is none.
    pub(super) const fn new(why: Unreachable) -> Option<Self> {
        Some(match why {
            Unreachable::Network => Self::Network,
            Unreachable::Host => Self::Host,
            Unreachable::Protocol => Self::Protocol,
            Unreachable::Port => Self::Port,
            Unreachable::Prohibited => Self::Prohibited,
            Unreachable::TimeExceeded => Self::TimeExceeded,
            Unreachable::ParameterProblem => Self::ParameterProblem,
            Unreachable::TooBig(_) => return None,
        })
    }
}

impl From<SoftError> for Unreachable {
    fn from(error: SoftError) -> Self {
        match error {
            SoftError::Network => Self::Network,
            SoftError::Host => Self::Host,
            SoftError::Protocol => Self::Protocol,
            SoftError::Port => Self::Port,
            SoftError::Prohibited => Self::Prohibited,
            SoftError::TimeExceeded => Self::TimeExceeded,
            SoftError::ParameterProblem => Self::ParameterProblem,
        }
    }
}

/// A [`TcpError`] in one byte.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    Refused,
    Reset,
    TimedOut,
    Unreachable(SoftError),
    Aborted,
}

const _: () = assert!(size_of::<Option<Ended>>() == 1);

impl From<TcpError> for Ended {
    fn from(error: TcpError) -> Self {
        match error {
            TcpError::Refused => Self::Refused,
            TcpError::Reset => Self::Reset,
            TcpError::TimedOut => Self::TimedOut,
            TcpError::Unreachable(why) => {
                SoftError::new(why).map_or(Self::TimedOut, Self::Unreachable)
            }
            TcpError::Aborted => Self::Aborted,
        }
    }
}

impl From<Ended> for TcpError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Refused => Self::Refused,
            Ended::Reset => Self::Reset,
            Ended::TimedOut => Self::TimedOut,
            Ended::Unreachable(why) => Self::Unreachable(why.into()),
            Ended::Aborted => Self::Aborted,
        }
    }
}
