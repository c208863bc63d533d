//! Options: setsockopt, getsockopt, fcntl, ioctl. Values are as C has them: an `int`, or a structure
//! of `int`s and addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::constants::*;
use super::errno::Errno;
use super::membership::{independent, membership, source_membership};
use super::options::{Flags, Options};
use super::stream_options::{CONGESTION, get_tcp, is_stream, set_tcp, tcp_info};
use super::table::{Fd, Slot, Socket, Sockets};
use crate::config;
use crate::stack::{InterfaceId, Stack};

impl<'a, const N: usize> Sockets<'a, N> {
    /// Sets an option of a socket.
    ///
    /// The value is an `int` in the machine's order, but: `SO_LINGER` has two (on, seconds),
    /// `SO_RCVTIMEO` and `SO_SNDTIMEO` two of 64 bits (seconds, microseconds), `SO_BINDTODEVICE` is a
    /// name (feature `mgmt`). `IP_ADD_MEMBERSHIP` and `IP_DROP_MEMBERSHIP` are a group, an address of
    /// the interface and where that is unspecified its number; those with a source a group, an
    /// address of the interface and the source; `IPV6_ADD_MEMBERSHIP` and `IPV6_DROP_MEMBERSHIP` a
    /// group and the number of the interface; `MCAST_*` the number of the interface, the group and
    /// for those with a source that, either in 32 bytes as an address of a socket. Number 0 leaves
    /// the choice to the routes.
    ///
    /// # Errors
    ///
    /// `ENOPROTOOPT` if there is no such option, or it means nothing to this kind of socket, or it
    /// cannot be set; `EINVAL` if the value is none.
    pub fn setsockopt(&self, fd: Fd, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        let stack = self.stack;
        self.with(fd, |slot| {
            match (level, name) {
                (SOL_SOCKET, _) => set_socket(stack, slot, name, value)?,
                (IPPROTO_IP | IPPROTO_IPV6, MCAST_JOIN_GROUP..=MCAST_LEAVE_SOURCE_GROUP)
                    if is_datagram(&slot.socket) =>
                {
                    independent(stack, slot, name, value)?;
                }
                _ if matches!(slot.socket, Socket::Pair(_)) => return Err(Errno::ENOPROTOOPT),
                #[cfg(feature = "raw-sockets")]
                _ if set_raw(slot, level, name, value)? => {}
                (IPPROTO_IP, _) => set_ip(stack, slot, name, value)?,
                (IPPROTO_IPV6, _) if slot.options.is_ipv6() => {
                    set_ipv6(stack, slot, name, value)?;
                }
                (IPPROTO_TCP, _) if is_stream(&slot.socket) => {
                    set_tcp(&mut slot.options, name, value)?
                }
                _ => return Err(Errno::ENOPROTOOPT),
            }
            let Slot {
                socket, options, ..
            } = slot;
            match socket {
                Socket::Connection(socket) => options.apply_to_connection(socket),
                Socket::Listener(listener) => listener.set_traffic_class(options.traffic_class),
                Socket::Datagram(Some(socket)) => options.apply_to_datagrams(socket, stack),
                #[cfg(feature = "raw-sockets")]
                Socket::Raw(raw) => raw.apply(options, stack)?,
                _ => {}
            }
            Ok(())
        })
    }

    /// Asks for an option: writes it to `to`, cutting off what does not fit, and says how many bytes
    /// it has. See [`Sockets::setsockopt`]; beside those there are `SO_TYPE`, `SO_PROTOCOL`,
    /// `SO_DOMAIN`, `SO_ERROR`, `SO_ACCEPTCONN`, `SO_SNDLOWAT`, `IP_MTU`, `IPV6_MTU`, `IPV6_PATHMTU` (an address
    /// of 28 bytes, which is unspecified, and the MTU), `TCP_MAXSEG`, `TCP_CONGESTION` (a name) and
    /// `TCP_INFO`: numbers of 32 bits, which are the state by its number in the MIB (RFC 4022), the
    /// round-trip time in microseconds, the congestion window, the window of the peer, the bytes of a
    /// full segment, those that are not acknowledged, the segments that were sent again, the bytes
    /// that wait to be read, and those that were written and are not acknowledged.
    pub fn getsockopt(&self, fd: Fd, level: i32, name: i32, to: &mut [u8]) -> Result<usize, Errno> {
        let stack = self.stack;
        self.with(fd, |slot| {
            let options = &slot.options;
            let flag = |flag| i32::from(options.flags.contains(flag));
            let pair = |first: i64, second: i64| {
                let mut bytes = [0; 16];
                let (one, other) = bytes.split_at_mut(8);
                one.copy_from_slice(&first.to_ne_bytes());
                other.copy_from_slice(&second.to_ne_bytes());
                bytes
            };
            let time = |millis: u32| {
                pair(
                    i64::from(millis / 1000),
                    i64::from(millis % 1000).saturating_mul(1000),
                )
            };
            #[cfg(feature = "raw-sockets")]
            if let Socket::Raw(raw) = &slot.socket
                && let Some(number) = raw.get(level, name)
            {
                return put(to, &number.to_ne_bytes());
            }
            let number = match (level, name) {
                (SOL_SOCKET, SO_RCVTIMEO) => return put(to, &time(options.receive_timeout)),
                (SOL_SOCKET, SO_SNDTIMEO) => return put(to, &time(options.send_timeout)),
                (SOL_SOCKET, SO_LINGER) => {
                    let on = flag(Flags::LINGER).to_ne_bytes();
                    let seconds = i32::from(options.linger).to_ne_bytes();
                    let mut bytes = [0; 8];
                    for (to, from) in bytes.iter_mut().zip(on.iter().chain(&seconds)) {
                        *to = *from;
                    }
                    return put(to, &bytes);
                }
                #[cfg(feature = "mgmt")]
                (SOL_SOCKET, SO_BINDTODEVICE) => {
                    let name = options.interface.and_then(|id| stack.name(id));
                    return put(to, name.as_deref().unwrap_or("").as_bytes());
                }
                (SOL_SOCKET, SO_ERROR) => take_error(slot),
                #[cfg(feature = "raw-sockets")]
                (SOL_RAW, ICMP_FILTER) | (IPPROTO_ICMPV6, ICMP6_FILTER) => {
                    let Socket::Raw(raw) = &slot.socket else {
                        return Err(Errno::ENOPROTOOPT);
                    };
                    let blocked = raw.blocked().map(u32::to_ne_bytes);
                    return match (level, i32::from(raw.protocol)) {
                        (SOL_RAW, IPPROTO_ICMP) => put(to, &blocked[0]),
                        (IPPROTO_ICMPV6, IPPROTO_ICMPV6) => put(to, blocked.as_flattened()),
                        _ => Err(Errno::ENOPROTOOPT),
                    };
                }
                (IPPROTO_IPV6, IPV6_PATHMTU) if options.is_ipv6() => {
                    let mtu = path_mtu(stack, slot)?.to_ne_bytes();
                    let [a, b] = (AF_INET6 as u16).to_ne_bytes();
                    let mut bytes = [[0; 4]; 8];
                    let [family, .., last] = &mut bytes;
                    (*family, *last) = ([a, b, 0, 0], mtu);
                    return put(to, bytes.as_flattened());
                }
                (IPPROTO_TCP, TCP_CONGESTION) if is_stream(&slot.socket) => {
                    return put(to, CONGESTION.as_bytes());
                }
                (IPPROTO_TCP, TCP_INFO) => return tcp_info(slot, to),
                (SOL_SOCKET, _) => get_socket(slot, name)?,
                _ if matches!(slot.socket, Socket::Pair(_)) => return Err(Errno::ENOPROTOOPT),
                (IPPROTO_IP, IP_MTU) | (IPPROTO_IPV6, IPV6_MTU) => path_mtu(stack, slot)?,
                (IPPROTO_IP, _) => get_ip(options, name)?,
                (IPPROTO_IPV6, _) if options.is_ipv6() => get_ipv6(options, name)?,
                (IPPROTO_TCP, _) => get_tcp(slot, name)?,
                _ => return Err(Errno::ENOPROTOOPT),
            };
            put(to, &number.to_ne_bytes())
        })
    }

    /// Sets an option whose value is an `int`: see [`Sockets::setsockopt`].
    pub fn set(&self, fd: Fd, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        self.setsockopt(fd, level, name, &value.to_ne_bytes())
    }

    /// Asks for an option whose value is an `int`: see [`Sockets::getsockopt`].
    pub fn get(&self, fd: Fd, level: i32, name: i32) -> Result<i32, Errno> {
        let mut value = [0; 4];
        match self.getsockopt(fd, level, name, &mut value)? {
            4 => Ok(i32::from_ne_bytes(value)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `F_GETFL`: the flags of a descriptor; `F_SETFL`: sets them. `O_NONBLOCK` is the only one.
    pub fn fcntl(&self, fd: Fd, command: i32, argument: i32) -> Result<i32, Errno> {
        self.with(fd, |slot| {
            let flags = &mut slot.options.flags;
            match command {
                F_GETFL => Ok(if flags.contains(Flags::NONBLOCK) {
                    O_NONBLOCK
                } else {
                    0
                }),
                F_SETFL => {
                    flags.set(Flags::NONBLOCK, argument & O_NONBLOCK != 0);
                    Ok(0)
                }
                _ => Err(Errno::EINVAL),
            }
        })
    }

    /// `FIONREAD`: how many bytes there are to be received, of datagrams those of the next;
    /// `FIONBIO`: whether calls do not wait.
    pub fn ioctl(&self, fd: Fd, request: i32, argument: i32) -> Result<i32, Errno> {
        self.with(fd, |slot| match request {
            FIONBIO => {
                slot.options.flags.set(Flags::NONBLOCK, argument != 0);
                Ok(0)
            }
            FIONREAD => {
                let bytes = match &slot.socket {
                    Socket::Connection(socket) => socket.unread(),
                    Socket::Datagram(Some(socket)) => {
                        socket.try_peek(|_, _| 0).map_or(0, |(_, info)| info.length)
                    }
                    Socket::Pair(end) => end.readable(),
                    #[cfg(feature = "raw-sockets")]
                    Socket::Raw(raw) => {
                        let next = raw.socket.try_peek(|_, _| 0);
                        next.map_or(0, |(_, info)| info.length)
                    }
                    Socket::Listener(_) => return Err(Errno::EINVAL),
                    _ => 0,
                };
                Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
            }
            _ => Err(Errno::ENOTTY),
        })
    }
}

/// Sets an option that only raw sockets have; false if it is another, or the socket is.
#[cfg(feature = "raw-sockets")]
fn set_raw(slot: &mut Slot<'_>, level: i32, name: i32, value: &[u8]) -> Result<bool, Errno> {
    match &mut slot.socket {
        Socket::Raw(raw) => raw.set(level, name, value),
        _ => Ok(false),
    }
}

/// Writes what fits of a value, and says how much that is.
pub(super) fn put(to: &mut [u8], value: &[u8]) -> Result<usize, Errno> {
    for (to, from) in to.iter_mut().zip(value) {
        *to = *from;
    }
    Ok(value.len().min(to.len()))
}

/// The `int` at the place `at` of a value.
pub(super) fn int(value: &[u8], at: usize) -> Result<i32, Errno> {
    let bytes = value.get(4 * at..).and_then(|rest| rest.first_chunk());
    bytes.map(|b| i32::from_ne_bytes(*b)).ok_or(Errno::EINVAL)
}

/// A number of one octet; -1 stands for `default`.
fn octet(value: &[u8], default: u8) -> Result<u8, Errno> {
    match int(value, 0)? {
        -1 => Ok(default),
        number => u8::try_from(number).map_err(|_| Errno::EINVAL),
    }
}

/// A TTL or hop limit: none is 0 that leaves a host (RFC 1122 §3.2.1.7, RFC 8200 §3), -1 is the
/// default.
fn unicast_hop_limit(value: &[u8]) -> Result<u8, Errno> {
    match int(value, 0)? {
        0 => Err(Errno::EINVAL),
        _ => octet(value, 0),
    }
}

/// A number of an interface, counted from 1; 0 is none.
fn interface(number: i32) -> Result<Option<InterfaceId>, Errno> {
    match number {
        0 => Ok(None),
        number => InterfaceId::try_from(i64::from(number) - 1)
            .map(Some)
            .map_err(|_| Errno::ENODEV),
    }
}

/// An interface that there is.
fn present(stack: Stack<'_>, number: i32) -> Result<Option<InterfaceId>, Errno> {
    let id = interface(number)?;
    match id.is_none_or(|id| stack.interface(id).is_some()) {
        true => Ok(id),
        false => Err(Errno::ENODEV),
    }
}

/// A time in milliseconds: seconds and microseconds, rounded up; 0 is none.
fn millis(value: &[u8]) -> Result<u32, Errno> {
    let (seconds, micros) = value.split_first_chunk().ok_or(Errno::EINVAL)?;
    let micros = micros.first_chunk().ok_or(Errno::EINVAL)?;
    let (seconds, micros) = (i64::from_ne_bytes(*seconds), i64::from_ne_bytes(*micros));
    if !(0..1_000_000).contains(&micros) || seconds < 0 {
        return Err(Errno::EINVAL);
    }
    let millis = seconds
        .saturating_mul(1000)
        .saturating_add((micros + 999) / 1000);
    Ok(u32::try_from(millis).unwrap_or(u32::MAX))
}

/// Whether a socket passes packets whole.
fn is_datagram(socket: &Socket<'_>) -> bool {
    match socket {
        Socket::Datagram(_) => true,
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(_) => true,
        _ => false,
    }
}

fn set_socket(stack: Stack<'_>, slot: &mut Slot<'_>, name: i32, value: &[u8]) -> Result<(), Errno> {
    let is_datagram = is_datagram(&slot.socket);
    let options = &mut slot.options;
    let flag = match name {
        SO_REUSEADDR => Flags::REUSE,
        SO_REUSEPORT => Flags::REUSE_PORT,
        SO_BROADCAST => Flags::BROADCAST,
        SO_KEEPALIVE => Flags::KEEPALIVE,
        SO_TIMESTAMP | SO_TIMESTAMPNS if cfg!(feature = "timestamps") && is_datagram => {
            let is_in_micros = name == SO_TIMESTAMP;
            options.flags.set(Flags::MICROSECONDS, is_in_micros);
            Flags::TIMESTAMP
        }
        SO_RXQ_OVFL if is_datagram => Flags::OVERFLOW,
        // There is no other way (RFC 6093 §6).
        SO_OOBINLINE if int(value, 0)? != 0 => return Ok(()),
        SO_RCVLOWAT if !is_datagram => {
            let bytes = int(value, 0)?;
            options.low_water = match bytes {
                ..0 => u32::MAX,
                bytes => bytes as u32,
            };
            return Ok(());
        }
        SO_SNDBUF | SO_RCVBUF => {
            let bytes = u32::try_from(int(value, 0)?).map_err(|_| Errno::EINVAL)?;
            let bytes = bytes.max(1);
            match name {
                SO_SNDBUF => options.send_quota = bytes,
                _ => options.receive_quota = bytes,
            }
            return Ok(());
        }
        SO_RCVTIMEO => {
            options.receive_timeout = millis(value)?;
            return Ok(());
        }
        SO_SNDTIMEO => {
            options.send_timeout = millis(value)?;
            return Ok(());
        }
        SO_LINGER => {
            let seconds = int(value, 1)?.clamp(0, i32::from(u16::MAX));
            options.linger = seconds as u16;
            Flags::LINGER
        }
        SO_PRIORITY => {
            let most = config::TRAFFIC_CLASSES as u8 - 1;
            let class = octet(value, 0)?;
            if class > most {
                return Err(Errno::EINVAL);
            }
            options.priority = class;
            return Ok(());
        }
        SO_BINDTOIFINDEX if is_datagram => {
            options.interface = present(stack, int(value, 0)?)?;
            return Ok(());
        }
        #[cfg(feature = "mgmt")]
        SO_BINDTODEVICE if is_datagram => {
            let text = value.split(|byte| *byte == 0).next().unwrap_or(&[]);
            let text = core::str::from_utf8(text).map_err(|_| Errno::ENODEV)?;
            options.interface = match text {
                "" => None,
                text => Some(stack.find_interface(text).ok_or(Errno::ENODEV)?),
            };
            return Ok(());
        }
        _ => return Err(Errno::ENOPROTOOPT),
    };
    options.flags.set(flag, int(value, 0)? != 0);
    Ok(())
}

fn get_socket(slot: &Slot<'_>, name: i32) -> Result<i32, Errno> {
    let options = &slot.options;
    let is_datagram = match &slot.socket {
        Socket::Pair(end) => !end.is_stream,
        socket => is_datagram(socket),
    };
    #[cfg(feature = "raw-sockets")]
    if let Socket::Raw(raw) = &slot.socket {
        match name {
            SO_TYPE => return Ok(SOCK_RAW),
            SO_PROTOCOL => return Ok(raw.protocol.into()),
            _ => {}
        }
    }
    let is_pair = matches!(slot.socket, Socket::Pair(_));
    let flag = |flag| i32::from(options.flags.contains(flag));
    Ok(match name {
        SO_TYPE if is_datagram => SOCK_DGRAM,
        SO_TYPE => SOCK_STREAM,
        SO_PROTOCOL if is_pair => 0,
        SO_PROTOCOL if is_datagram => IPPROTO_UDP,
        SO_PROTOCOL => IPPROTO_TCP,
        SO_DOMAIN if is_pair => AF_LOCAL,
        SO_DOMAIN => options.family(),
        SO_ACCEPTCONN => i32::from(matches!(slot.socket, Socket::Listener(_))),
        SO_REUSEADDR => flag(Flags::REUSE),
        SO_REUSEPORT => flag(Flags::REUSE_PORT),
        SO_BROADCAST => flag(Flags::BROADCAST),
        SO_KEEPALIVE => flag(Flags::KEEPALIVE),
        SO_TIMESTAMP | SO_TIMESTAMPNS if cfg!(feature = "timestamps") => {
            let is_in_micros = options.flags.contains(Flags::MICROSECONDS);
            match is_in_micros == (name == SO_TIMESTAMP) {
                true => flag(Flags::TIMESTAMP),
                false => 0,
            }
        }
        SO_RXQ_OVFL if is_datagram => flag(Flags::OVERFLOW),
        SO_OOBINLINE => 1,
        SO_RCVLOWAT => options.enough_bytes() as i32,
        SO_SNDLOWAT => 1,
        SO_SNDBUF => i32::try_from(options.send_bytes()).unwrap_or(i32::MAX),
        SO_RCVBUF => i32::try_from(options.receive_bytes()).unwrap_or(i32::MAX),
        SO_PRIORITY => options.priority.into(),
        SO_BINDTOIFINDEX => options.interface.map_or(0, |id| i32::from(id) + 1),
        _ => return Err(Errno::ENOPROTOOPT),
    })
}

/// The error that nobody was told of.
fn take_error(slot: &mut Slot<'_>) -> i32 {
    let error = match &slot.socket {
        Socket::Connection(socket) if !slot.options.flags.contains(Flags::ERROR_TOLD) => {
            socket.error().map(Errno::from)
        }
        Socket::Datagram(Some(socket)) => socket.take_error().map(Errno::from),
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => raw.socket.take_error().map(Errno::from),
        _ => None,
    };
    if error.is_some() {
        slot.options.flags |= Flags::ERROR_TOLD;
    }
    error.map_or(0, |error| error as i32)
}

/// The path MTU to the peer.
fn path_mtu(stack: Stack<'_>, slot: &Slot<'_>) -> Result<i32, Errno> {
    let peer = match &slot.socket {
        Socket::Connection(socket) => socket.peer_addr(),
        Socket::Datagram(Some(socket)) => socket.peer_addr(),
        #[cfg(feature = "raw-sockets")]
        Socket::Raw(raw) => raw.peer(),
        _ => None,
    };
    let mtu = stack.path_mtu(peer.ok_or(Errno::ENOTCONN)?.ip());
    Ok(mtu.ok_or(Errno::ENETUNREACH)?.min(65_535) as i32)
}

fn set_ip<'a>(stack: Stack<'a>, slot: &mut Slot<'a>, name: i32, value: &[u8]) -> Result<(), Errno> {
    let options = &mut slot.options;
    let flag = match name {
        IP_TOS => {
            options.traffic_class = octet(value, 0)?;
            return Ok(());
        }
        IP_TTL => {
            options.hop_limit = unicast_hop_limit(value)?;
            return Ok(());
        }
        IP_MULTICAST_TTL => {
            options.multicast_hop_limit = octet(value, 1)?;
            return Ok(());
        }
        IP_MULTICAST_IF => {
            options.multicast_interface = match value.len() {
                // An address, or a structure with a number behind two.
                4 => by_address(stack, address(value, 0)?)?,
                _ => match int(value, 2)? {
                    0 => by_address(stack, address(value, 4)?)?,
                    number => present(stack, number)?,
                },
            };
            return Ok(());
        }
        IP_ADD_MEMBERSHIP | IP_DROP_MEMBERSHIP => {
            let number = if value.len() >= 12 { int(value, 2)? } else { 0 };
            let group = address(value, 0)?;
            let id = match number {
                0 => by_address(stack, address(value, 4)?)?,
                number => interface(number)?,
            };
            return membership(stack, slot, group.into(), id, name == IP_ADD_MEMBERSHIP);
        }
        IP_ADD_SOURCE_MEMBERSHIP
        | IP_DROP_SOURCE_MEMBERSHIP
        | IP_BLOCK_SOURCE
        | IP_UNBLOCK_SOURCE => {
            let (group, source) = (address(value, 0)?, address(value, 8)?);
            let id = by_address(stack, address(value, 4)?)?;
            return source_membership(stack, slot, name, group.into(), source.into(), id);
        }
        IP_MTU_DISCOVER => {
            let whole = int(value, 0)? >= IP_PMTUDISC_DO;
            options.flags.set(Flags::DONT_FRAGMENT, whole);
            return Ok(());
        }
        IP_LOCAL_PORT_RANGE => {
            let range = int(value, 0)? as u32;
            let (first, last) = (range as u16, (range >> 16) as u16);
            options.ports = match (first, last) {
                (0, 0) => None,
                (first, last) if first > 0 && first <= last => Some((first, last)),
                _ => return Err(Errno::EINVAL),
            };
            return Ok(());
        }
        IP_PKTINFO => Flags::PACKET_INFO,
        IP_RECVTTL => Flags::HOP_LIMIT,
        IP_RECVTOS => Flags::TRAFFIC_CLASS,
        IP_MULTICAST_LOOP => Flags::MULTICAST_LOOP,
        IP_MULTICAST_ALL => Flags::MULTICAST_ALL,
        _ => return Err(Errno::ENOPROTOOPT),
    };
    options.flags.set(flag, int(value, 0)? != 0);
    Ok(())
}

fn get_ip(options: &Options, name: i32) -> Result<i32, Errno> {
    let flag = |flag| i32::from(options.flags.contains(flag));
    Ok(match name {
        IP_TOS => options.traffic_class.into(),
        IP_TTL => hop_limit(options),
        IP_MULTICAST_TTL => options.multicast_hop_limit.into(),
        IP_MULTICAST_LOOP => flag(Flags::MULTICAST_LOOP),
        IP_MULTICAST_ALL => flag(Flags::MULTICAST_ALL),
        IP_MULTICAST_IF => options
            .multicast_interface
            .map_or(0, |id| i32::from(id) + 1),
        IP_PKTINFO => flag(Flags::PACKET_INFO),
        IP_RECVTTL => flag(Flags::HOP_LIMIT),
        IP_RECVTOS => flag(Flags::TRAFFIC_CLASS),
        IP_MTU_DISCOVER => options.pmtu_discover(),
        IP_LOCAL_PORT_RANGE => options.ports.map_or(0, |(first, last)| {
            (u32::from(last) << 16 | u32::from(first)) as i32
        }),
        _ => return Err(Errno::ENOPROTOOPT),
    })
}

fn set_ipv6<'a>(
    stack: Stack<'a>,
    slot: &mut Slot<'a>,
    name: i32,
    value: &[u8],
) -> Result<(), Errno> {
    let is_bound = slot.options.local.is_some()
        || !matches!(slot.socket, Socket::Stream | Socket::Datagram(None));
    let options = &mut slot.options;
    let flag = match name {
        IPV6_UNICAST_HOPS => {
            options.hop_limit = unicast_hop_limit(value)?;
            return Ok(());
        }
        IPV6_MULTICAST_HOPS => {
            options.multicast_hop_limit = octet(value, 1)?;
            return Ok(());
        }
        IPV6_TCLASS => {
            options.traffic_class = octet(value, 0)?;
            return Ok(());
        }
        IPV6_MULTICAST_IF => {
            options.multicast_interface = present(stack, int(value, 0)?)?;
            return Ok(());
        }
        IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP => {
            let octets: [u8; 16] = *value.first_chunk().ok_or(Errno::EINVAL)?;
            let group = Ipv6Addr::from(octets).into();
            let id = interface(int(value, 4)?)?;
            return membership(stack, slot, group, id, name == IPV6_ADD_MEMBERSHIP);
        }
        IPV6_ADDR_PREFERENCES if cfg!(feature = "temporary-addresses") => {
            let preference = match int(value, 0)? {
                IPV6_PREFER_SRC_TMP => Flags::PREFER_TEMPORARY,
                IPV6_PREFER_SRC_PUBLIC => Flags::PREFER_PUBLIC,
                IPV6_PREFER_SRC_PUBTMP_DEFAULT => Flags::empty(),
                _ => return Err(Errno::EINVAL),
            };
            options.flags -= Flags::PREFER_TEMPORARY | Flags::PREFER_PUBLIC;
            options.flags |= preference;
            return Ok(());
        }
        IPV6_MTU_DISCOVER => return set_ip(stack, slot, IP_MTU_DISCOVER, value),
        // "before it is bound" (RFC 3493 §5.3).
        IPV6_V6ONLY if is_bound => return Err(Errno::EINVAL),
        IPV6_V6ONLY => Flags::V6ONLY,
        // "Other option values return an error" (RFC 3493 §5.2).
        IPV6_MULTICAST_LOOP if !(0..=1).contains(&int(value, 0)?) => return Err(Errno::EINVAL),
        IPV6_MULTICAST_LOOP => Flags::MULTICAST_LOOP,
        IPV6_MULTICAST_ALL => Flags::MULTICAST_ALL,
        IPV6_RECVPKTINFO => Flags::PACKET_INFO,
        IPV6_RECVHOPLIMIT => Flags::HOP_LIMIT,
        IPV6_RECVTCLASS => Flags::TRAFFIC_CLASS,
        IPV6_DONTFRAG => Flags::DONT_FRAGMENT,
        _ => return Err(Errno::ENOPROTOOPT),
    };
    options.flags.set(flag, int(value, 0)? != 0);
    Ok(())
}

fn get_ipv6(options: &Options, name: i32) -> Result<i32, Errno> {
    let flag = |flag| i32::from(options.flags.contains(flag));
    Ok(match name {
        IPV6_UNICAST_HOPS => hop_limit(options),
        IPV6_MULTICAST_HOPS => options.multicast_hop_limit.into(),
        IPV6_TCLASS => options.traffic_class.into(),
        IPV6_MULTICAST_IF => options
            .multicast_interface
            .map_or(0, |id| i32::from(id) + 1),
        IPV6_V6ONLY => flag(Flags::V6ONLY),
        IPV6_MULTICAST_LOOP => flag(Flags::MULTICAST_LOOP),
        IPV6_MULTICAST_ALL => flag(Flags::MULTICAST_ALL),
        IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP => return Err(Errno::EOPNOTSUPP),
        IPV6_RECVPKTINFO => flag(Flags::PACKET_INFO),
        IPV6_RECVHOPLIMIT => flag(Flags::HOP_LIMIT),
        IPV6_RECVTCLASS => flag(Flags::TRAFFIC_CLASS),
        IPV6_DONTFRAG => flag(Flags::DONT_FRAGMENT),
        IPV6_MTU_DISCOVER => options.pmtu_discover(),
        IPV6_ADDR_PREFERENCES if cfg!(feature = "temporary-addresses") => match options.flags {
            flags if flags.contains(Flags::PREFER_TEMPORARY) => IPV6_PREFER_SRC_TMP,
            flags if flags.contains(Flags::PREFER_PUBLIC) => IPV6_PREFER_SRC_PUBLIC,
            _ => IPV6_PREFER_SRC_PUBTMP_DEFAULT,
        },
        _ => return Err(Errno::ENOPROTOOPT),
    })
}

/// What is sent with, the default among it.
fn hop_limit(options: &Options) -> i32 {
    match options.hop_limit {
        0 => 64,
        hop_limit => hop_limit.into(),
    }
}

/// The IPv4 address at the octet `at` of a value.
fn address(value: &[u8], at: usize) -> Result<Ipv4Addr, Errno> {
    let octets: Option<&[u8; 4]> = value.get(at..).and_then(|rest| rest.first_chunk());
    octets.map(|o| Ipv4Addr::from(*o)).ok_or(Errno::EINVAL)
}

/// The interface that has an address; the unspecified one leaves the choice open.
fn by_address(stack: Stack<'_>, address: Ipv4Addr) -> Result<Option<InterfaceId>, Errno> {
    if address.is_unspecified() {
        return Ok(None);
    }
    let address = crate::wire::IpAddress::try_from(IpAddr::V4(address));
    let address = address.map_err(|_| Errno::EAFNOSUPPORT)?;
    let holder = stack.visit(|core| core.holder(address));
    holder.map(Some).ok_or(Errno::ENODEV)
}
