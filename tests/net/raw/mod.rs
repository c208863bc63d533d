//! Raw sockets: the packets of an IP protocol, as they are.

mod receive;
mod send;

use std::net::IpAddr;

use zonda::netbuf::NetBuf;
use zonda::socket::{IpVersion, RawAddress, RawInfo, RawSocket};

use crate::alone::*;
use crate::frame::*;

/// A protocol for experiments (RFC 3692), which the stack does not speak.
const LOCAL: u8 = 253;

const VERSIONS: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

impl Alone {
    fn open(&self, version: IpVersion, protocol: u8) -> RawSocket<'static> {
        RawSocket::open(self.stack(), version, protocol).unwrap()
    }
}

/// The bytes of what was received.
fn bytes((packet, _): &(NetBuf, RawInfo)) -> Vec<u8> {
    packet.fragments().flatten().copied().collect()
}

fn to(address: impl Into<IpAddr>) -> Option<RawAddress> {
    Some(RawAddress::from(address.into()))
}
