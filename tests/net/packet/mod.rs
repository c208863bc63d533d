//! Packet sockets: what they see, how they send, what they have links listen to.

mod bounds;
mod receive;
mod send;

use zonda::netbuf::NetBuf;
use zonda::socket::{PacketAddress, PacketInfo, PacketProtocol, PacketSocket};

use crate::alone::*;
use crate::frame::*;

/// An EtherType for experiments (IEEE 802), which the stack does not speak.
const LOCAL: u16 = 0x88b5;

impl Alone {
    /// A packet socket on the link that sees whole frames.
    fn raw(&self, protocol: PacketProtocol) -> PacketSocket<'static> {
        PacketSocket::raw(self.stack(), protocol, Some(self.host.interface(self.link))).unwrap()
    }

    /// A packet socket on the link that sees what frames carry.
    fn cooked(&self, protocol: PacketProtocol) -> PacketSocket<'static> {
        PacketSocket::cooked(self.stack(), protocol, Some(self.host.interface(self.link))).unwrap()
    }

    /// A frame from the peer that only packet sockets have a use for.
    fn local_frame(&self, to: Mac, data: &[u8]) -> Vec<u8> {
        ethernet(to, self.peer.mac(), LOCAL, data)
    }
}

/// The bytes of what was received.
fn bytes((frame, _): &(NetBuf, PacketInfo)) -> Vec<u8> {
    frame.fragments().flatten().copied().collect()
}

/// Where the stack writes the header.
fn to(destination: Mac) -> PacketAddress {
    PacketAddress {
        destination: zonda::wire::LinkAddr::ethernet(destination),
        ..PacketAddress::default()
    }
}
