//! Options of TCP.

use super::constants::*;
use super::errno::Errno;
use super::options::{Flags, Options};
use super::sockopt::{int, put};
use super::table::{Slot, Socket};
use crate::config;
use crate::socket::TcpState;

pub(super) fn set_tcp(options: &mut Options, name: i32, value: &[u8]) -> Result<(), Errno> {
    if name == TCP_CONGESTION {
        let name = value.split(|byte| *byte == 0).next();
        let is_ours = name == Some(CONGESTION.as_bytes());
        return is_ours.then_some(()).ok_or(Errno::ENOENT);
    }
    let number = int(value, 0)?;
    match name {
        TCP_NODELAY => options.flags.set(Flags::NO_DELAY, number != 0),
        TCP_KEEPIDLE => {
            let seconds = u16::try_from(number).ok().filter(|seconds| *seconds > 0);
            options.keep_idle = seconds.ok_or(Errno::EINVAL)?;
        }
        TCP_USER_TIMEOUT => {
            let millis = u32::try_from(number).map_err(|_| Errno::EINVAL)?;
            options.user_timeout = millis;
        }
        // They are numbers of the build.
        TCP_KEEPINTVL if number == config::TCP_KEEPALIVE_INTERVAL as i32 => {}
        TCP_KEEPCNT if number == config::TCP_KEEPALIVE_PROBES as i32 => {}
        _ => return Err(Errno::ENOPROTOOPT),
    }
    Ok(())
}

pub(super) fn get_tcp(slot: &Slot<'_>, name: i32) -> Result<i32, Errno> {
    let options = &slot.options;
    if !is_stream(&slot.socket) {
        return Err(Errno::ENOPROTOOPT);
    }
    Ok(match (name, &slot.socket) {
        (TCP_NODELAY, _) => options.flags.contains(Flags::NO_DELAY).into(),
        (TCP_KEEPIDLE, _) => options.keep_idle.into(),
        (TCP_KEEPINTVL, _) => config::TCP_KEEPALIVE_INTERVAL as i32,
        (TCP_KEEPCNT, _) => config::TCP_KEEPALIVE_PROBES as i32,
        (TCP_USER_TIMEOUT, _) if options.user_timeout == u32::MAX => {
            config::TCP_USER_TIMEOUT as i32 * 1000
        }
        (TCP_USER_TIMEOUT, _) => options.user_timeout.min(i32::MAX as u32) as i32,
        (TCP_MAXSEG, Socket::Connection(socket)) => socket.info().map_or(0, |info| info.mss).into(),
        (TCP_MAXSEG, _) => config::TCP_MSS_DEFAULT as i32,
        _ => return Err(Errno::ENOPROTOOPT),
    })
}

/// Whether a socket is one of TCP.
pub(super) fn is_stream(socket: &Socket<'_>) -> bool {
    matches!(
        socket,
        Socket::Stream | Socket::Connection(_) | Socket::Listener(_)
    )
}

/// What controls congestion in this build.
pub(super) const CONGESTION: &str = match cfg!(feature = "tcp-cubic") {
    true => "cubic",
    false => "reno",
};

/// How a connection is doing.
pub(super) fn tcp_info(slot: &Slot<'_>, to: &mut [u8]) -> Result<usize, Errno> {
    let info = match &slot.socket {
        Socket::Connection(socket) => socket.info(),
        Socket::Stream | Socket::Listener(_) => None,
        _ => return Err(Errno::ENOPROTOOPT),
    };
    let info = info.ok_or(Errno::ENOTCONN)?;
    let bytes = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    // Numbers of (RFC 4022 §3, tcpConnectionState).
    let state: u32 = match info.state {
        TcpState::Closed => 1,
        TcpState::SynSent => 3,
        TcpState::SynReceived => 4,
        TcpState::Established => 5,
        TcpState::FinWait1 => 6,
        TcpState::FinWait2 => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Closing => 10,
    };
    let rtt = info.rtt.map_or(0, |rtt| rtt.as_micros());
    let numbers = [
        state,
        u32::try_from(rtt).unwrap_or(u32::MAX),
        info.cwnd,
        info.send_window,
        info.mss.into(),
        info.in_flight,
        info.retransmitted.into(),
        bytes(info.received),
        bytes(info.written),
    ];
    put(to, numbers.map(u32::to_ne_bytes).as_flattened())
}
