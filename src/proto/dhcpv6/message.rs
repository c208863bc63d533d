//! Messages as they are read (RFC 8415 §8).
//!
//! A message between client and server is its type, the number of the exchange, and options.

use core::net::Ipv6Addr;

use super::option::{Options, Status, code};
use crate::wire::Malformed;

/// Type and number of the exchange, in octets.
pub const HEADER_LENGTH: usize = 4;
/// The port that servers and relay agents listen to (RFC 8415 §7.2).
pub const SERVER_PORT: u16 = 547;
/// The port that clients listen to.
pub const CLIENT_PORT: u16 = 546;
/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 §7.1).
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// What a message is (RFC 8415 §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageType(pub u8);

impl MessageType {
    /// Which servers are there?
    pub const SOLICIT: Self = Self(1);
    /// A server says what is to be had from it.
    pub const ADVERTISE: Self = Self(2);
    /// The client wants that.
    pub const REQUEST: Self = Self(3);
    /// Are the addresses still good for this link?
    pub const CONFIRM: Self = Self(4);
    /// The client asks its server to extend its leases.
    pub const RENEW: Self = Self(5);
    /// The client asks all servers to.
    pub const REBIND: Self = Self(6);
    /// A server answers.
    pub const REPLY: Self = Self(7);
    /// The leases are needed no longer.
    pub const RELEASE: Self = Self(8);
    /// Addresses have another user.
    pub const DECLINE: Self = Self(9);
    /// A server wants to be asked.
    pub const RECONFIGURE: Self = Self(10);
    /// What else is there to know?
    pub const INFORMATION_REQUEST: Self = Self(11);
}

/// A message in the bytes of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    header: &'m [u8; HEADER_LENGTH],
    options: Options<'m>,
}

impl<'m> Message<'m> {
    /// A message; its options have yet to be looked at.
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let (header, options) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        Ok(Self {
            header,
            options: Options::new(options),
        })
    }

    /// What it is.
    pub const fn kind(&self) -> MessageType {
        MessageType(self.header[0])
    }

    /// The number of the exchange, of 24 bits.
    pub const fn transaction(&self) -> u32 {
        let [_, high, middle, low] = *self.header;
        u32::from_be_bytes([0, high, middle, low])
    }

    /// All options, in their order, up to the first that is malformed.
    pub const fn options(&self) -> Options<'m> {
        self.options
    }

    /// Whether all options are well formed, those within others apart.
    pub fn check(&self) -> Result<(), Malformed> {
        self.options.check()
    }

    /// What the server says of the whole message; success if it says nothing (RFC 8415 §21.13).
    pub fn status(&self) -> Status {
        self.options.status()
    }

    /// The value of an option; the first if there are several.
    pub fn option(&self, code: u16) -> Option<&'m [u8]> {
        self.options.get(code)
    }

    /// The DUID of the server.
    pub fn server(&self) -> Option<&'m [u8]> {
        self.option(code::SERVER_IDENTIFIER)
    }

    /// The DUID of the client.
    pub fn client(&self) -> Option<&'m [u8]> {
        self.option(code::CLIENT_IDENTIFIER)
    }
}
