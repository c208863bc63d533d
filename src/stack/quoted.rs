//! Packets that did not arrive, and whose they were.

use super::core::{Core, InterfaceId};
use crate::iface::{ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::netbuf::{Charge, NetBuf, Straddle};
use crate::wire::IpAddress;
#[cfg(any(feature = "udp", feature = "tcp", feature = "ping"))]
use crate::wire::protocol;

/// What an ICMP error quotes of a packet, or what a packet that cannot be sent says itself.
#[cfg_attr(
    not(any(
        feature = "udp",
        feature = "tcp",
        feature = "ping",
        feature = "raw-sockets"
    )),
    allow(dead_code)
)]
pub(super) struct Quoted {
    pub(super) local: IpAddress,
    pub(super) remote: IpAddress,
    pub(super) protocol: u8,
    /// Bytes of the packet, as it says.
    #[cfg(feature = "path-mtu")]
    length: u16,
    /// The start of the transport header.
    pub(super) transport: [u8; 8],
}

/// How sockets hear of packets that did not arrive. A firmware that has no socket to be told, nor
/// learns of the path from it, is linked without.
pub(super) struct Telling {
    error: fn(&mut Core<'_>, InterfaceId, &NetBuf, usize, Unreachable) -> Result<(), ReceiveDrop>,
    #[cfg_attr(not(neighbors), allow(dead_code))]
    failed: fn(&mut Core<'_>, InterfaceId, &NetBuf, Unreachable),
}

static TELLING: Telling = Telling {
    error: |core, id, buf, quote, meaning| core.tell_icmp_error(id, buf, quote, meaning),
    failed: |core, id, packet, why| core.tell_sender(id, packet, why),
};

impl Telling {
    /// What there is at first: UDP sockets are told only once one is connected.
    pub(super) const AT_FIRST: Option<&'static Self> =
        match cfg!(any(feature = "tcp", feature = "ping", feature = "path-mtu")) {
            true => Some(&TELLING),
            false => None,
        };
}

impl Core<'_> {
    /// A UDP socket is connected: it wants to hear of ICMP errors.
    #[cfg(feature = "udp")]
    pub(crate) fn begin_telling(&mut self) {
        self.telling = Some(&TELLING);
    }

    /// An ICMP error has come in: tells it to the socket that has sent what it quotes.
    #[inline]
    pub(super) fn icmp_error(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        quote: usize,
        meaning: Unreachable,
    ) -> Result<(), ReceiveDrop> {
        let telling = self.telling.ok_or(ReceiveDrop::IcmpUnmatched)?;
        (telling.error)(self, id, buf, quote, meaning)
    }

    /// Tells the socket that has sent `packet`, which starts with its IP header, that it did not
    /// arrive.
    #[cfg_attr(not(neighbors), allow(dead_code))]
    #[inline]
    pub(super) fn sender_failed(&mut self, id: InterfaceId, packet: &NetBuf, why: Unreachable) {
        if let Some(telling) = self.telling {
            (telling.failed)(self, id, packet, why);
        }
    }

    /// Tells the socket that has sent a packet that it did not arrive; false if there is none.
    pub(super) fn quoted_failed(
        &mut self,
        id: InterfaceId,
        quoted: &Quoted,
        meaning: Unreachable,
    ) -> bool {
        let [a, b, c, d, e, f, ..] = quoted.transport;
        let (first, second) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let identifier = u16::from_be_bytes([e, f]);
        #[cfg(feature = "raw-sockets")]
        let is_raw = self.raw_failed(id, quoted, meaning);
        #[cfg(not(feature = "raw-sockets"))]
        let is_raw = false;
        let is_ours = match quoted.protocol {
            #[cfg(feature = "udp")]
            protocol::UDP => {
                let (local, remote) = ((quoted.local, first), (quoted.remote, second));
                self.udp_failed(id, local, remote, meaning)
            }
            #[cfg(feature = "ping")]
            protocol::ICMP | protocol::ICMPV6 => {
                self.echo_failed(quoted.remote, identifier, meaning)
            }
            #[cfg(feature = "tcp")]
            protocol::TCP => {
                let [.., s0, s1, s2, s3] = quoted.transport;
                let tuple = crate::tcp::connection::Tuple {
                    local: quoted.local,
                    local_port: first,
                    remote: quoted.remote,
                    remote_port: second,
                };
                self.tcp_failed(id, &tuple, u32::from_be_bytes([s0, s1, s2, s3]), meaning)
            }
            _ => {
                let _ = (id, first, second, identifier, meaning);
                false
            }
        };
        is_raw || is_ours
    }

    fn tell_icmp_error(
        &mut self,
        id: InterfaceId,
        buf: &NetBuf,
        quote: usize,
        meaning: Unreachable,
    ) -> Result<(), ReceiveDrop> {
        let quoted = read(buf, quote).ok_or(ReceiveDrop::Icmp)?;
        let interface = self.interface(id).ok_or(ReceiveDrop::InterfaceDown)?;
        if !interface.has_address(quoted.local) {
            return Err(ReceiveDrop::IcmpUnmatched);
        }
        #[cfg(feature = "path-mtu")]
        let meaning = match meaning {
            Unreachable::TooBig(mtu) => {
                let mtu = Self::too_big(quoted.remote, quoted.length, mtu);
                Unreachable::TooBig(mtu.ok_or(ReceiveDrop::IcmpUnused)?)
            }
            other => other,
        };
        if !self.quoted_failed(id, &quoted, meaning) {
            return Err(ReceiveDrop::IcmpUnmatched);
        }
        #[cfg(feature = "path-mtu")]
        if let Unreachable::TooBig(mtu) = meaning {
            self.learn_path_mtu(id, quoted.local, quoted.remote, mtu);
        }
        Ok(())
    }

    fn tell_sender(&mut self, id: InterfaceId, packet: &NetBuf, why: Unreachable) {
        if let Some(quoted) = read(packet, 0) {
            let _: bool = self.quoted_failed(id, &quoted, why);
        }
    }
}

/// Reads the packet at `offset`; `None` if it is cut short, malformed or not a first fragment.
pub(super) fn read(buf: &NetBuf, offset: usize) -> Option<Quoted> {
    let mut version = [0];
    let _: usize = buf.read(offset, &mut version);
    let mut straddle = Straddle::new();
    match version[0] >> 4 {
        #[cfg(feature = "ipv4")]
        4 => {
            use crate::wire::ipv4::Ipv4Header;

            let mut ip = Straddle::new();
            let header = Ipv4Header::new(buf.header(offset, &mut ip)?).ok()?;
            if header.fragment_offset() != 0 {
                return None;
            }
            let transport = buf.header(offset + header.header_length(), &mut straddle)?;
            Some(Quoted {
                local: header.source().into(),
                remote: header.destination().into(),
                protocol: header.protocol(),
                #[cfg(feature = "path-mtu")]
                length: header.total_length(),
                transport: *transport,
            })
        }
        #[cfg(feature = "ipv6")]
        6 => {
            use crate::wire::Tail;
            use crate::wire::ipv6::Ipv6Header;
            use crate::wire::ipv6_extension::{HeaderChain, HeaderKind};

            let mut ip = Straddle::new();
            let header = Ipv6Header::new(buf.header(offset, &mut ip)?).ok()?;
            let packet = Tail::new(buf, offset);
            let mut headers = HeaderChain::new(&packet, header.next_header()).map_while(Result::ok);
            let (start, protocol) = headers.find_map(|header| match header.kind {
                HeaderKind::UpperLayer { protocol } => Some((header.offset, protocol)),
                _ => None,
            })?;
            let transport = buf.header(offset + start, &mut straddle)?;
            Some(Quoted {
                local: header.source().into(),
                remote: header.destination().into(),
                protocol,
                #[cfg(feature = "path-mtu")]
                length: (header.payload_length())
                    .saturating_add(crate::wire::ipv6::HEADER_LENGTH as u16),
                transport: *transport,
            })
        }
        _ => {
            let _ = &mut straddle;
            None
        }
    }
}

/// What an error quotes of a packet, which goes back in the blocks that it came in.
pub(super) fn quote(mut buf: NetBuf, range: core::ops::Range<usize>) -> Result<NetBuf, SendDrop> {
    buf.truncate(range.end);
    buf.advance(range.start);
    buf.set_charge(Charge::Send)
        .map_err(|_| SendDrop::PoolHeld)?;
    Ok(buf)
}
