//! Ethernet II, and IEEE 802.3 frames that carry an EtherType by SNAP (RFC 894, RFC 1042).

use crate::netbuf::meta::Flags;
use crate::netbuf::{NetBuf, NoBuffer, Straddle};
use crate::wire::ethernet::{
    EthernetHeader, FrameKind, HEADER_LENGTH, SNAP_LENGTH, SnapHeader, is_broadcast, is_group,
};
use crate::wire::{LinkAddr, Malformed};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Payload {
    /// A packet of this EtherType; the buffer's meta says where it starts.
    Type(u16),
    /// An IEEE 802.3 frame of a protocol without an EtherType, such as the spanning tree's.
    Other,
}

/// Reads the header of the frame in `buf` for the station `own`: notes the kind of destination and
/// the offset of the network header in the buffer's meta, and takes off what pads an 802.3 frame.
#[inline]
pub fn receive(buf: &mut NetBuf, own: &LinkAddr) -> Result<Payload, Malformed> {
    let mut straddle = Straddle::new();
    let bytes = buf
        .header::<HEADER_LENGTH>(0, &mut straddle)
        .ok_or(Malformed::Truncated)?;
    let header = EthernetHeader::new(bytes);
    let destination = header.destination();
    let kind = header.kind();
    let mut meta = buf.meta();
    if *own.first_six() != destination {
        meta.flags |= match () {
            () if is_broadcast(destination) => Flags::LINK_MULTICAST | Flags::LINK_BROADCAST,
            () if is_group(destination) => Flags::LINK_MULTICAST,
            () => Flags::LINK_OTHER,
        };
    }
    meta.network = HEADER_LENGTH as u8;
    buf.set_meta(meta);
    match kind {
        FrameKind::Type(ethertype) => Ok(Payload::Type(ethertype)),
        FrameKind::Length(length) => receive_802_3(buf, usize::from(length)),
        FrameKind::Undefined(_) => Err(Malformed::Value),
    }
}

#[cold]
fn receive_802_3(buf: &mut NetBuf, length: usize) -> Result<Payload, Malformed> {
    if buf.len() < HEADER_LENGTH + length {
        return Err(Malformed::Length);
    }
    buf.truncate(HEADER_LENGTH + length);
    let mut straddle = Straddle::new();
    let Some(bytes) = buf.header::<SNAP_LENGTH>(HEADER_LENGTH, &mut straddle) else {
        return Ok(Payload::Other);
    };
    let Some(ethertype) = SnapHeader::new(bytes)
        .ok()
        .and_then(|snap| snap.ethertype())
    else {
        return Ok(Payload::Other);
    };
    let mut meta = buf.meta();
    meta.network = (HEADER_LENGTH + SNAP_LENGTH) as u8;
    buf.set_meta(meta);
    Ok(Payload::Type(ethertype))
}

/// The link address that a received frame came from.
pub fn source(buf: &NetBuf) -> LinkAddr {
    let mut straddle = Straddle::new();
    match buf.header::<HEADER_LENGTH>(0, &mut straddle) {
        Some(bytes) => LinkAddr::ethernet(EthernetHeader::new(bytes).source()),
        None => LinkAddr::NONE,
    }
}

/// Puts a header in front of the packet in `buf`.
#[inline]
pub fn wrap(
    buf: &mut NetBuf,
    source: &LinkAddr,
    destination: &LinkAddr,
    ethertype: u16,
) -> Result<(), NoBuffer> {
    let to = buf.prepend_array()?;
    EthernetHeader::write(to, *destination.first_six(), *source.first_six(), ethertype);
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::netbuf::{NetBufPool, Purpose};
    use crate::wire::ethernet::ETHERTYPE_IPV6;

    const OWN: LinkAddr = LinkAddr::ethernet([2, 0, 0, 0, 0, 1]);

    fn frame(destination: [u8; 6], rest: &[u8]) -> NetBuf {
        static POOL: NetBufPool<16, 64> = NetBufPool::new();
        let mut buf = POOL.pool().alloc(Purpose::Receive, 2).unwrap();
        buf.append(&destination).unwrap();
        buf.append(&[2, 0, 0, 0, 0, 9]).unwrap();
        buf.append(rest).unwrap();
        buf
    }

    #[test]
    fn destination_kinds_are_told_apart() {
        let kinds = [
            ([2, 0, 0, 0, 0, 1], Flags::empty()),
            ([2, 0, 0, 0, 0, 2], Flags::LINK_OTHER),
            ([0x33, 0x33, 0, 0, 0, 1], Flags::LINK_MULTICAST),
            ([0xff; 6], Flags::LINK_MULTICAST | Flags::LINK_BROADCAST),
        ];
        for (destination, flags) in kinds {
            let mut buf = frame(destination, &[0x86, 0xdd, 0x60]);
            assert_eq!(receive(&mut buf, &OWN), Ok(Payload::Type(ETHERTYPE_IPV6)));
            assert_eq!(buf.meta().flags, flags);
            assert_eq!(buf.meta().network, 14);
            assert_eq!(source(&buf), LinkAddr::ethernet([2, 0, 0, 0, 0, 9]));
        }
    }

    #[test]
    fn length_frames_are_recognised_and_their_padding_is_cut() {
        let snap = [
            0, 10, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, 0x60, 0x61, 0, 0, 0,
        ];
        let mut buf = frame([2, 0, 0, 0, 0, 1], &snap);
        assert_eq!(receive(&mut buf, &OWN), Ok(Payload::Type(ETHERTYPE_IPV6)));
        assert_eq!((buf.meta().network, buf.len()), (22, 24));

        let spanning_tree = [0, 3, 0x42, 0x42, 3, 0, 0];
        let mut buf = frame([0x01, 0x80, 0xc2, 0, 0, 0], &spanning_tree);
        assert_eq!(receive(&mut buf, &OWN), Ok(Payload::Other));
    }

    #[test]
    fn cut_and_contradictory_frames_are_refused() {
        assert_eq!(
            receive(&mut frame([0xff; 6], &[]), &OWN),
            Err(Malformed::Truncated)
        );
        assert_eq!(
            receive(&mut frame([0xff; 6], &[5, 0xdd]), &OWN),
            Err(Malformed::Value)
        );
        assert_eq!(
            receive(&mut frame([0xff; 6], &[0, 4, 1]), &OWN),
            Err(Malformed::Length)
        );
    }
}
