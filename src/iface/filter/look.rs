//! What a filter can find out about a packet, with or without its link header.

use super::FilterTest;
use crate::link::{Capabilities, Medium};
use crate::netbuf::NetBuf;
use crate::wire::{Bytes, IpAddress, protocol};

/// The EtherTypes of bare packets (RFC 894, RFC 2464 §3).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// A packet that is looked at.
pub(crate) struct Look<'f> {
    frame: &'f NetBuf,
    interface: u8,
    /// Where the packet starts.
    start: usize,
    /// Zero: none is known.
    ethertype: u16,
    link_destination: Option<[u8; 6]>,
    link_source: Option<[u8; 6]>,
    network: Option<Network>,
}

/// What IP says.
struct Network {
    source: IpAddress,
    destination: IpAddress,
    /// What the packet carries in the end, and where that starts: not in a fragment but the first.
    protocol: Option<u8>,
    transport: Option<usize>,
    is_later_fragment: bool,
}

impl<'f> Look<'f> {
    /// Looks at a frame of a link.
    pub(crate) fn at_frame(interface: u8, link: &Capabilities, frame: &'f NetBuf) -> Self {
        match link.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => Self::at_ethernet(interface, frame),
            Medium::Ip => Self::at_packet(interface, 0, frame),
        }
    }

    #[cfg(feature = "ethernet")]
    fn at_ethernet(interface: u8, frame: &'f NetBuf) -> Self {
        use crate::wire::ethernet::{
            EthernetHeader, FrameKind, HEADER_LENGTH, SNAP_LENGTH, SnapHeader,
        };

        let mut look = Self {
            frame,
            interface,
            start: HEADER_LENGTH.min(frame.len()),
            ethertype: 0,
            link_destination: None,
            link_source: None,
            network: None,
        };
        let Ok(header) = frame.array(0) else {
            return look;
        };
        let header = EthernetHeader::new(&header);
        look.link_destination = Some(header.destination());
        look.link_source = Some(header.source());
        look.ethertype = match header.kind() {
            FrameKind::Type(number) => number,
            // What the stack itself reads in such frames.
            FrameKind::Length(_) => {
                let bytes = frame.array::<SNAP_LENGTH>(HEADER_LENGTH).ok();
                let snap = bytes.and_then(|bytes| SnapHeader::new(&bytes).ok()?.ethertype());
                if snap.is_some() {
                    look.start = HEADER_LENGTH + SNAP_LENGTH;
                }
                snap.unwrap_or(0)
            }
            FrameKind::Undefined(_) => 0,
        };
        look.network = network(frame, look.start, look.ethertype);
        look
    }

    /// Looks at a packet of IP that starts at `start`.
    pub(crate) fn at_packet(interface: u8, start: usize, frame: &'f NetBuf) -> Self {
        let version = frame.array::<1>(start).map_or(0, |[first]| first >> 4);
        let ethertype = match version {
            4 => IPV4,
            6 => IPV6,
            _ => 0,
        };
        Self {
            frame,
            interface,
            start,
            ethertype,
            link_destination: None,
            link_source: None,
            network: network(frame, start, ethertype),
        }
    }

    /// Octets behind the link header.
    pub(crate) fn length(&self) -> usize {
        self.frame.len().saturating_sub(self.start)
    }

    /// Whether a test finds what it looks for.
    pub(super) fn meets(&self, test: &FilterTest) -> bool {
        let network = self.network.as_ref();
        match test {
            FilterTest::Interface(interface) => self.interface == *interface,
            FilterTest::Length { least, most } => {
                (usize::from(*least)..=usize::from(*most)).contains(&self.length())
            }
            FilterTest::EtherType(number) => self.ethertype == *number,
            FilterTest::LinkSource { address, mask } => is_masked(self.link_source, address, mask),
            FilterTest::LinkDestination { address, mask } => {
                is_masked(self.link_destination, address, mask)
            }
            FilterTest::Source(prefix) => network.is_some_and(|ip| prefix.contains(ip.source)),
            FilterTest::Destination(prefix) => {
                network.is_some_and(|ip| prefix.contains(ip.destination))
            }
            FilterTest::Protocol(number) => network.is_some_and(|ip| ip.protocol == Some(*number)),
            FilterTest::SourcePort { first, last } => {
                (self.ports()).is_some_and(|[source, _]| (*first..=*last).contains(&source))
            }
            FilterTest::DestinationPort { first, last } => (self.ports())
                .is_some_and(|[_, destination]| (*first..=*last).contains(&destination)),
            FilterTest::IcmpType(number) => {
                let kind = self.transport(&[protocol::ICMP, protocol::ICMPV6], 0);
                kind == Some([*number])
            }
            FilterTest::TcpFlags { mask, value } => {
                let flags = self.transport(&[protocol::TCP], 13);
                flags.is_some_and(|[flags]| flags & mask == value & mask)
            }
            FilterTest::LaterFragment => network.is_some_and(|ip| ip.is_later_fragment),
        }
    }

    fn ports(&self) -> Option<[u16; 2]> {
        let [a, b, c, d] = self.transport(&[protocol::UDP, protocol::TCP], 0)?;
        Some([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
    }

    /// Octets of the transport header, if it is one of these.
    fn transport<const N: usize>(&self, protocols: &[u8], offset: usize) -> Option<[u8; N]> {
        let network = self.network.as_ref()?;
        let start = network.transport?;
        if !network
            .protocol
            .is_some_and(|number| protocols.contains(&number))
        {
            return None;
        }
        self.frame.array(start.saturating_add(offset)).ok()
    }
}

/// Whether an address was found, and equals `address` in the bits of `mask`.
fn is_masked(found: Option<[u8; 6]>, address: &[u8; 6], mask: &[u8; 6]) -> bool {
    let is_same = |((a, b), mask): ((&u8, &u8), &u8)| (a ^ b) & mask == 0;
    found.is_some_and(|found| found.iter().zip(address).zip(mask).all(is_same))
}

/// Reads the headers of the internet layer, as far as there are any that this build knows.
fn network(frame: &NetBuf, start: usize, ethertype: u16) -> Option<Network> {
    match ethertype {
        #[cfg(feature = "ipv4")]
        IPV4 => network_ipv4(frame, start),
        #[cfg(feature = "ipv6")]
        IPV6 => network_ipv6(frame, start),
        _ => None,
    }
}

#[cfg(feature = "ipv4")]
fn network_ipv4(frame: &NetBuf, start: usize) -> Option<Network> {
    use crate::wire::ipv4::{HEADER_LENGTH, Ipv4Header};

    let bytes = frame.array::<HEADER_LENGTH>(start).ok()?;
    let header = Ipv4Header::new(&bytes).ok()?;
    let is_later_fragment = header.fragment_offset() != 0;
    Some(Network {
        source: header.source().into(),
        destination: header.destination().into(),
        protocol: Some(header.protocol()),
        transport: (!is_later_fragment).then(|| start + header.header_length()),
        is_later_fragment,
    })
}

#[cfg(feature = "ipv6")]
fn network_ipv6(frame: &NetBuf, start: usize) -> Option<Network> {
    use crate::wire::ipv6::{HEADER_LENGTH, Ipv6Header};
    use crate::wire::ipv6_extension::{HeaderChain, HeaderKind};

    let bytes = frame.array::<HEADER_LENGTH>(start).ok()?;
    let header = Ipv6Header::new(&bytes).ok()?;
    let mut network = Network {
        source: header.source().into(),
        destination: header.destination().into(),
        protocol: None,
        transport: None,
        is_later_fragment: false,
    };
    for header in HeaderChain::at(frame, start, header.next_header()) {
        let Ok(header) = header else {
            break;
        };
        match header.kind {
            HeaderKind::UpperLayer { protocol } => {
                network.protocol = Some(protocol);
                network.transport = Some(header.offset);
            }
            HeaderKind::EncapsulatingSecurityPayload => network.protocol = Some(protocol::ESP),
            HeaderKind::NoNextHeader => network.protocol = Some(protocol::NO_NEXT_HEADER),
            HeaderKind::Fragment {
                fragment_offset, ..
            } => network.is_later_fragment = fragment_offset != 0,
            _ => {}
        }
    }
    Some(network)
}
