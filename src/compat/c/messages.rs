//! What comes in and goes out.

use core::ffi::c_int;
use core::net::{IpAddr, SocketAddr};

use heapless::Vec;

use super::address::{need, write};
use super::gate::{bytes, enter};
use super::layout::{CmsgHdr, In6PktInfo, InPktInfo, IoVec, MsgHdr};
#[cfg(feature = "timestamps")]
use super::layout::{TimeSpec, TimeVal};
use super::pointers::{Bytes, In, Out, Room};
use super::sockets::is_ipv6;
use crate::compat::bsd::{
    Ancillary, Errno, IP_PKTINFO, IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_HOPLIMIT,
    IPV6_PKTINFO, IPV6_TCLASS, MSG_CTRUNC, PacketInfo, SO_RXQ_OVFL, SOL_SOCKET,
};
#[cfg(feature = "timestamps")]
use crate::compat::bsd::{SO_TIMESTAMP, SO_TIMESTAMPNS};

/// Pieces of a message, at most.
pub(super) const PIECES: usize = 16;

/// Ancillary data are aligned as a length is.
const ALIGNMENT: usize = size_of::<usize>();

const HEADER: usize = size_of::<CmsgHdr>().next_multiple_of(ALIGNMENT);

/// The pieces of a message; `EMSGSIZE` if there are too many, `EINVAL` if no length says how long
/// they are together.
fn pieces(list: *mut IoVec, count: usize) -> Result<Vec<IoVec, PIECES>, Errno> {
    if count > PIECES {
        return Err(Errno::EMSGSIZE);
    }
    // SAFETY: the program says that there are so many, or none.
    let list = unsafe { In::new(list.cast_const()) };
    let pieces: Vec<IoVec, PIECES> = (0..count)
        .map(|place| list.at(place))
        .collect::<Result<_, _>>()?;
    let mut lengths = pieces.iter().map(|piece| piece.iov_len);
    match lengths.try_fold(0usize, |sum, length| sum.checked_add(length)) {
        Some(length) if length <= isize::MAX as usize => Ok(pieces),
        _ => Err(Errno::EINVAL),
    }
}

/// A message to be sent, as C has it.
fn send(fd: c_int, message: &MsgHdr, flags: c_int) -> Result<usize, Errno> {
    let pieces = pieces(message.msg_iov, message.msg_iovlen)?;
    // SAFETY: the program lends what the message points to for as long as the call takes.
    let (lent, name, control) = unsafe {
        (
            pieces
                .iter()
                .map(|piece| (Bytes::new(piece.iov_base), piece.iov_len))
                .collect::<Vec<_, PIECES>>(),
            Bytes::new(message.msg_name),
            Bytes::new(message.msg_control),
        )
    };
    let slices = lent.iter().map(|(bytes, length)| bytes.slice(*length));
    let slices = slices.collect::<Result<Vec<&[u8], PIECES>, _>>()?;
    let to = match name.is_null() {
        true => None,
        false => Some(need(&name, message.msg_namelen)?),
    };
    let ancillary = match control.is_null() {
        true => Ancillary::default(),
        false => read_control(control.slice(message.msg_controllen)?)?,
    };
    enter(|world| world.call(world.sockets.sendmsg(fd, &slices, to, &ancillary, flags)))
}

/// What is said of one message (RFC 3542 §6, §20).
fn read_control(mut control: &[u8]) -> Result<Ancillary, Errno> {
    let mut ancillary = Ancillary::default();
    while control.len() >= HEADER {
        let header = Header::read(control).ok_or(Errno::EINVAL)?;
        let data = control.get(HEADER..header.length).ok_or(Errno::EINVAL)?;
        match (header.level, header.kind) {
            (IPPROTO_IP, IP_PKTINFO) => {
                let [interface, source, _] = *data.as_chunks().0 else {
                    return Err(Errno::EINVAL);
                };
                ancillary.packet_info = Some(PacketInfo {
                    address: IpAddr::from(source),
                    interface: u32::from_ne_bytes(interface),
                });
            }
            (IPPROTO_IPV6, IPV6_PKTINFO) => {
                let (source, rest) = data.split_first_chunk::<16>().ok_or(Errno::EINVAL)?;
                let interface = rest.first_chunk().ok_or(Errno::EINVAL)?;
                ancillary.packet_info = Some(PacketInfo {
                    address: IpAddr::from(*source),
                    interface: u32::from_ne_bytes(*interface),
                });
            }
            // -1 is what the socket has (RFC 3542 §6.3, §6.5).
            (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_HOPLIMIT) => {
                ancillary.hop_limit = octet(data)?;
            }
            (IPPROTO_IP, IP_TOS) | (IPPROTO_IPV6, IPV6_TCLASS) => {
                ancillary.traffic_class = octet(data)?;
            }
            _ => return Err(Errno::EINVAL),
        }
        let step = header.length.next_multiple_of(ALIGNMENT);
        control = control.get(step..).unwrap_or(&[]);
    }
    Ok(ancillary)
}

/// A number of one octet, as an `int` or as one byte.
fn octet(data: &[u8]) -> Result<Option<u8>, Errno> {
    let number = match data {
        [one] => i32::from(*one),
        _ => i32::from_ne_bytes(*data.first_chunk().ok_or(Errno::EINVAL)?),
    };
    match number {
        -1 => Ok(None),
        number => u8::try_from(number).map(Some).map_err(|_| Errno::EINVAL),
    }
}

/// The begin of an item of ancillary data.
struct Header {
    length: usize,
    level: c_int,
    kind: c_int,
}

impl Header {
    fn read(from: &[u8]) -> Option<Self> {
        let (length, rest) = from.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let kind = rest.first_chunk()?;
        let header = Self {
            length: usize::from_ne_bytes(*length),
            level: c_int::from_ne_bytes(*level),
            kind: c_int::from_ne_bytes(*kind),
        };
        (HEADER..=from.len())
            .contains(&header.length)
            .then_some(header)
    }
}

/// Writes ancillary data one after the other.
struct Control<'b> {
    room: &'b mut [u8],
    used: usize,
    is_cut: bool,
    /// The time is told in microseconds.
    #[cfg(feature = "timestamps")]
    is_in_micros: bool,
}

impl Control<'_> {
    fn push(&mut self, level: c_int, kind: c_int, data: &[&[u8]]) {
        let length = HEADER + data.iter().map(|part| part.len()).sum::<usize>();
        let Some(item) = self
            .room
            .get_mut(self.used..)
            .and_then(|room| room.get_mut(..length))
        else {
            self.is_cut = true;
            return;
        };
        let (length_bytes, level_bytes, kind_bytes) = (
            length.to_ne_bytes(),
            level.to_ne_bytes(),
            kind.to_ne_bytes(),
        );
        let begin = [&length_bytes[..], &level_bytes, &kind_bytes];
        let all = begin.iter().chain(data).flat_map(|part| part.iter());
        for (to, from) in item.iter_mut().zip(all) {
            *to = *from;
        }
        // What aligns the next one may be missing behind the last.
        let end = self.used + length.next_multiple_of(ALIGNMENT);
        self.used = end.min(self.room.len());
    }

    fn write(&mut self, ancillary: &Ancillary, is_ipv6: bool) {
        if let Some(info) = ancillary.packet_info {
            let interface = info.interface.to_ne_bytes();
            match info.address {
                IpAddr::V4(ip) => {
                    let ip = ip.octets();
                    self.push(IPPROTO_IP, IP_PKTINFO, &[&interface, &ip, &ip]);
                }
                IpAddr::V6(ip) => {
                    self.push(IPPROTO_IPV6, IPV6_PKTINFO, &[&ip.octets(), &interface]);
                }
            }
        }
        let (level, hop_limit, traffic_class) = match is_ipv6 {
            true => (IPPROTO_IPV6, IPV6_HOPLIMIT, IPV6_TCLASS),
            false => (IPPROTO_IP, IP_TTL, IP_TOS),
        };
        for (kind, value) in [
            (hop_limit, ancillary.hop_limit),
            (traffic_class, ancillary.traffic_class),
        ] {
            if let Some(value) = value {
                self.push(level, kind, &[&c_int::from(value).to_ne_bytes()]);
            }
        }
        #[cfg(feature = "timestamps")]
        if let Some(nanos) = ancillary.timestamp {
            let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
            let (kind, rest) = match self.is_in_micros {
                true => (SO_TIMESTAMP, rest / 1000),
                false => (SO_TIMESTAMPNS, rest),
            };
            let time = [seconds.to_ne_bytes(), rest.to_ne_bytes()];
            self.push(SOL_SOCKET, kind, &[time.as_flattened()]);
        }
        if let Some(dropped) = ancillary.dropped {
            self.push(SOL_SOCKET, SO_RXQ_OVFL, &[&dropped.to_ne_bytes()]);
        }
    }
}

// What is written above byte by byte.
const _: () = {
    assert!(size_of::<InPktInfo>() == 12 && size_of::<In6PktInfo>() == 20);
    assert!(size_of::<CmsgHdr>() == ALIGNMENT + 8);
    #[cfg(feature = "timestamps")]
    assert!(size_of::<TimeSpec>() == 16 && size_of::<TimeVal>() == 16);
};

/// A message that is received, as C has it.
fn receive(fd: c_int, message: &mut MsgHdr, flags: c_int) -> Result<usize, Errno> {
    let pieces = pieces(message.msg_iov, message.msg_iovlen)?;
    // SAFETY: the program lends what the message points to for as long as the call takes.
    let (mut lent, mut name, mut control) = unsafe {
        (
            pieces
                .iter()
                .map(|piece| (Room::new(piece.iov_base), piece.iov_len))
                .collect::<Vec<_, PIECES>>(),
            Room::new(message.msg_name),
            Room::new(message.msg_control),
        )
    };
    // Two pieces of the same bytes cannot both be written to.
    for (at, (one, length)) in lent.iter().enumerate() {
        let overlaps = |(other, other_length): &(Room, usize)| {
            let (one, other) = (one.addr(), other.addr());
            *length > 0
                && *other_length > 0
                && one < other.saturating_add(*other_length)
                && other < one.saturating_add(*length)
        };
        if lent.iter().skip(at + 1).any(overlaps) {
            return Err(Errno::EINVAL);
        }
    }
    let slices = lent.iter_mut().map(|(room, length)| room.slice(*length));
    let mut slices = slices.collect::<Result<Vec<&mut [u8], PIECES>, _>>()?;
    let room = match control.is_null() {
        true => &mut [],
        false => control.slice(message.msg_controllen)?,
    };
    #[cfg(feature = "timestamps")]
    let is_in_micros = enter(|world| Ok(world.sockets.get(fd, SOL_SOCKET, SO_TIMESTAMP)))?;
    let (received, is_ipv6) = enter(|world| {
        let received = world.call(world.sockets.recvmsg(fd, &mut slices, flags))?;
        Ok((received, is_ipv6(world, fd)))
    })?;
    let mut control = Control {
        room,
        used: 0,
        is_cut: false,
        #[cfg(feature = "timestamps")]
        is_in_micros: is_in_micros == Ok(1),
    };
    control.write(&received.ancillary, is_ipv6);
    message.msg_controllen = control.used;
    message.msg_flags = received.flags | if control.is_cut { MSG_CTRUNC } else { 0 };
    // SAFETY: the length is a field of the message, which is this function's.
    let length = unsafe { Out::new(&raw mut message.msg_namelen) };
    if !name.is_null() {
        write(received.source, &mut name, &length)?;
    }
    Ok(received.length)
}

/// Sends from one piece.
fn send_to(fd: c_int, from: &Bytes, length: usize, flags: c_int, to: Option<SocketAddr>) -> isize {
    bytes(enter(|world| {
        let data = [from.slice(length)?];
        let plain = Ancillary::default();
        let sent = world.sockets.sendmsg(fd, &data, to, &plain, flags);
        world.call(sent)
    }))
}

calls! {
    /// Sends to the peer; gives how many bytes went.
    fn zonda_send(fd: c_int, data: Bytes, length: usize, flags: c_int) -> isize {
        send_to(fd, &data, length, flags, None)
    }

    /// Sends to an address, or where that is null to the peer.
    fn zonda_sendto(
        fd: c_int,
        data: Bytes,
        length: usize,
        flags: c_int,
        address: Bytes,
        address_length: u32,
    ) -> isize {
        if address.is_null() {
            return send_to(fd, &data, length, flags, None);
        }
        match need(&address, address_length) {
            Ok(to) => send_to(fd, &data, length, flags, Some(to)),
            Err(error) => bytes(Err(error)),
        }
    }

    /// Sends several pieces of memory, with what is to hold for this message only.
    fn zonda_sendmsg(fd: c_int, message: In<MsgHdr>, flags: c_int) -> isize {
        bytes(message.get().and_then(|message| send(fd, &message, flags)))
    }

    /// Receives; 0 is the end of a stream.
    fn zonda_recv(fd: c_int, mut to: Room, length: usize, flags: c_int) -> isize {
        bytes(enter(|world| {
            let to = to.slice(length)?;
            world.call(world.sockets.recv(fd, to, flags))
        }))
    }

    /// Receives, and where `address` is not null tells who sent it.
    fn zonda_recvfrom(
        fd: c_int,
        mut to: Room,
        length: usize,
        flags: c_int,
        mut address: Room,
        address_length: Out<u32>,
    ) -> isize {
        bytes(enter(|world| {
            if !address.is_null() {
                let _: u32 = address_length.get()?;
            }
            let to = to.slice(length)?;
            let (length, source) = world.call(world.sockets.recvfrom(fd, to, flags))?;
            write(source, &mut address, &address_length)?;
            Ok(length)
        }))
    }

    /// Receives into several pieces of memory, and what goes with it.
    fn zonda_recvmsg(fd: c_int, message: Out<MsgHdr>, flags: c_int) -> isize {
        bytes(message.get().and_then(|mut kept| {
            let length = receive(fd, &mut kept, flags)?;
            message.put(kept)?;
            Ok(length)
        }))
    }

    /// As [`zonda_recv`] without flags.
    fn zonda_read(fd: c_int, to: Room, length: usize) -> isize {
        zonda_recv(fd, to, length, 0)
    }

    /// As [`zonda_send`] without flags.
    fn zonda_write(fd: c_int, data: Bytes, length: usize) -> isize {
        zonda_send(fd, data, length, 0)
    }
}
