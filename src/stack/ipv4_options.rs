//! IPv4 options: who is told of malformed ones, and what is sent back (RFC 1122 §3.2.1.8, §3.2.2.5,
//! §3.2.2.6).

use super::core::{Core, InterfaceId};
use super::icmpv4::Report;
use crate::ip::ipv4::Ipv4Packet;
use crate::netbuf::{NetBuf, Straddle};
use crate::wire::ipv4::Ipv4Header;
use crate::wire::ipv4_options::Unfit;

impl Core<'_> {
    /// Tells the source of a datagram which octet of its options is wrong: "A host SHOULD generate
    /// Parameter Problem messages" (RFC 1122 §3.2.2.5). Of a source route nobody is told, nor of a
    /// fragment but the first.
    #[cold]
    pub(super) fn report_ipv4_options(
        &mut self,
        id: InterfaceId,
        buf: NetBuf,
        packet: &Ipv4Packet,
        unfit: Unfit,
    ) {
        let network = usize::from(buf.meta().network);
        let mut straddle = Straddle::new();
        let header = buf.header(network, &mut straddle);
        let header = header.and_then(|bytes| Ipv4Header::new(bytes).ok());
        let is_first = header.is_some_and(|header| header.fragment_offset() == 0);
        if let (Unfit::Malformed(fault), true) = (unfit, is_first) {
            self.report_ipv4(id, buf, packet, Report::Parameter(fault.pointer()));
        }
    }
}

#[cfg(feature = "ipv4-options")]
mod reflect {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::iface::{DEFAULT_HOP_LIMIT, ReceiveDrop, SendDrop};
    use crate::link::Offload;
    use crate::netbuf::Meta;
    use crate::netbuf::meta::Flags;
    use crate::stack::route::Path;
    use crate::stack::transmit::NotSent;
    use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Flags, Ipv4HeaderMut};
    use crate::wire::ipv4_options::Ipv4Options;
    use crate::wire::protocol;

    impl Core<'_> {
        /// The options of a request that its answer has too, with this host in them: "this option
        /// (these options) SHOULD be updated to include the current host and included in the IP
        /// header of the Echo Reply message, without 'truncation'" (RFC 1122 §3.2.2.6).
        pub(in crate::stack) fn options_to_reflect(
            &mut self,
            id: InterfaceId,
            buf: NetBuf,
            packet: &Ipv4Packet,
        ) -> Result<(NetBuf, Ipv4Options), ReceiveDrop> {
            let offset = usize::from(buf.meta().network) + HEADER_LENGTH;
            let length = packet.start.saturating_sub(offset);
            if length == 0 {
                return Ok((buf, Ipv4Options::NONE));
            }
            let options = Ipv4Options::read(&buf, offset, length);
            let mut options = options.map_err(|_| ReceiveDrop::Ipv4Options)?;
            // Faults are found in the options as they came, so that the pointer is right.
            let now = self.icmp_time();
            let reflected = match options.record(packet.destination, now) {
                Ok(()) => options.reflected(),
                Err(fault) => Err(fault),
            };
            match reflected {
                Ok(options) => Ok((buf, options)),
                Err(fault) => {
                    self.report_ipv4(id, buf, packet, Report::Parameter(fault.pointer()));
                    Err(ReceiveDrop::Ipv4Options)
                }
            }
        }

        /// Sends an ICMP message in a datagram with options.
        #[cold]
        pub(in crate::stack) fn send_with_options(
            &mut self,
            path: &Path,
            (source, destination): (Ipv4Addr, Ipv4Addr),
            options: &Ipv4Options,
            mut buf: NetBuf,
        ) -> Result<(), NotSent> {
            let Some(interface) = self.interface(path.interface) else {
                return Err((buf, SendDrop::NoRoute));
            };
            let offload = interface.capabilities.offload.contains(Offload::SEND_IPV4);
            let octets = options.as_bytes();
            let length = HEADER_LENGTH + octets.len() + buf.len();
            match buf.prepend(octets.len()) {
                Ok(to) => to.iter_mut().zip(octets).for_each(|(to, from)| *to = *from),
                Err(_) => return Err((buf, SendDrop::NoBuffer)),
            }
            match buf.prepend_array::<HEADER_LENGTH>() {
                Ok(bytes) => {
                    let protocol = protocol::ICMP;
                    let total = length as u16;
                    let header = Ipv4HeaderMut::write(bytes, source, destination, protocol, total)
                        .options_length(octets.len())
                        .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
                        .ttl(DEFAULT_HOP_LIMIT);
                    if !offload || path.is_local {
                        header.fill_checksum(options.sum());
                    }
                }
                Err(_) => return Err((buf, SendDrop::NoBuffer)),
            }
            let flags = match path.is_local {
                true => Flags::LOOPED_BACK,
                false => Flags::empty(),
            };
            buf.set_meta(Meta {
                interface: path.interface,
                class: 0,
                flags,
                network: 0,
                payload: 0,
            });
            match path.is_local {
                true => self.loop_back(buf),
                false => self.transmit(path, buf),
            }
        }
    }
}
