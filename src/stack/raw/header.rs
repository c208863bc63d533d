//! Datagrams whose IPv4 header the application gives (the option IP_HDRINCL of the sockets).
//!
//! What the stack fills in is what Linux does (its manual page raw(7)): always the total length and
//! the checksum; the source address and the identification where they are zero.

use super::{Core, NetBuf, NotSent, RawSendError, RawWay};
use crate::checksum::Sum;
use crate::link::Offload;
use crate::netbuf::Straddle;
use crate::stack::transmit::set_meta;
use crate::wire::IpAddress;
use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Header, Ipv4HeaderMut};

/// Where the fields stand that are filled in.
const TOTAL_LENGTH: usize = 2;
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;

/// Writes a field.
fn set<const N: usize>(header: &mut [u8; HEADER_LENGTH], at: usize, value: [u8; N]) {
    let field = header.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
    if let Some(field) = field {
        *field = value;
    }
}

impl RawWay {
    /// The address that the datagram is sent from, if it names none itself.
    #[cfg_attr(not(feature = "ipv6"), allow(clippy::unnecessary_wraps))]
    const fn own_ipv4(&self) -> Option<[u8; 4]> {
        match self.path.source {
            IpAddress::V4(own) => Some(own.octets()),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => None,
        }
    }
}

impl Core<'_> {
    /// Sends a datagram that starts with its header, as it is but for what is filled in. It is not
    /// fragmented.
    pub(super) fn raw_emit_whole(
        &mut self,
        way: &RawWay,
        mut buf: NetBuf,
    ) -> Result<Result<(), NotSent>, (NetBuf, RawSendError)> {
        let mtu = self.interface(way.path.interface).map_or(0, |i| i.mtu());
        if buf.len() > usize::from(u16::MAX) || buf.len() > mtu && !way.path.is_local {
            return Err((buf, RawSendError::TooLong));
        }
        if let Err(error) = self.fill_header(way, &mut buf) {
            return Err((buf, error));
        }
        self.raw_loop_back(way, &buf);
        set_meta(&way.path, way.outgoing, &mut buf);
        Ok(match way.path.is_local {
            true => self.loop_back(buf),
            false => self.transmit(&way.path, buf),
        })
    }

    fn fill_header(&mut self, way: &RawWay, buf: &mut NetBuf) -> Result<(), RawSendError> {
        let total = (buf.len() as u16).to_be_bytes();
        let mut first = Straddle::<1>::new();
        let [version_ihl] = *buf
            .header(0, &mut first)
            .ok_or(RawSendError::InvalidHeader)?;
        let length = usize::from(version_ihl & 15) * 4;
        if version_ihl >> 4 != 4 || length < HEADER_LENGTH || length > buf.len() {
            return Err(RawSendError::InvalidHeader);
        }
        // Nobody else sees what is changed.
        let bytes = (buf.make_contiguous(length)).map_err(|_| RawSendError::NoBuffer)?;
        let (fixed, options) = bytes
            .split_first_chunk_mut::<HEADER_LENGTH>()
            .ok_or(RawSendError::InvalidHeader)?;
        let options = Sum::of(options);
        set(fixed, TOTAL_LENGTH, total);
        set(fixed, CHECKSUM, [0; 2]);
        if Ipv4Header::new(fixed).is_ok_and(|header| header.source().is_unspecified())
            && let Some(own) = way.own_ipv4()
        {
            set(fixed, SOURCE, own);
        }
        let header = Ipv4Header::new(fixed).map_err(|_| RawSendError::InvalidHeader)?;
        // That of an atomic datagram means nothing (RFC 6864 §4.1).
        let (number, protocol) = (header.identification(), header.protocol());
        let number = match number {
            0 if !header.is_atomic() => self.raw_identification(way, protocol),
            number => number,
        };
        let interface = self.interface(way.path.interface);
        let offload = interface.is_some_and(|interface| {
            let offload = interface.capabilities.offload;
            offload.contains(Offload::SEND_IPV4) && !way.path.is_local && !way.loop_back
        });
        let fixed = buf.header_mut::<HEADER_LENGTH>(0);
        let fixed = fixed.ok_or(RawSendError::NoBuffer)?;
        if let Ok(header) = Ipv4HeaderMut::edit(fixed) {
            let header = header.identification(number);
            if !offload {
                header.fill_checksum(options);
            }
        }
        Ok(())
    }

    /// A number that other datagrams to the destination have not had lately.
    fn raw_identification(&mut self, way: &RawWay, protocol: u8) -> u16 {
        #[cfg(feature = "fragmentation")]
        return (self.identifications).next(way.path.source, way.destination, protocol) as u16;
        #[cfg(not(feature = "fragmentation"))]
        {
            let _ = (way, protocol);
            self.rng.next_u32() as u16
        }
    }
}
