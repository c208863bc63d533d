//! What a client asks for, and from where.

use core::net::Ipv4Addr;

use super::super::message::{Message, MessageType};
use super::super::option::{code, is_host};
use super::config::Subnet;
use super::lease::ClientKey;
use crate::stack::InterfaceId;
use crate::wire::LinkAddr;

/// How a message has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'m> {
    pub(super) interface: InterfaceId,
    /// The address by which the client knows this server.
    pub(super) server: Ipv4Addr,
    /// It was sent to this server and not to all.
    pub(super) is_unicast: bool,
    /// The addresses of this host on the interface.
    pub(super) own: &'m [Ipv4Addr],
    /// Stations on the link can be asked for their addresses.
    pub(super) may_probe: bool,
    /// The server that the message names is this one.
    pub(super) names_us: bool,
}

/// A message of a client that can be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'m> {
    pub(super) message: Message<'m>,
    pub(super) kind: MessageType,
    pub(super) key: ClientKey,
    pub(super) hardware: LinkAddr,
    pub(super) arrival: Arrival<'m>,
    /// Where the client is, as the relay agent says (RFC 3527).
    link: Option<Ipv4Addr>,
    /// The address by which the client is to know this server, as the relay agent says (RFC 5107).
    server: Option<Ipv4Addr>,
}

impl<'m> Request<'m> {
    /// Reads a message; `None` if it cannot be answered.
    pub(super) fn read(message: Message<'m>, arrival: Arrival<'m>) -> Option<Self> {
        let kind = message.kind()?;
        let agent = message.relay_agent();
        // What comes from nowhere cannot be answered, and answers are for single hosts.
        if !agent.is_unspecified() && !is_host(agent) {
            return None;
        }
        Some(Self {
            kind,
            key: ClientKey::read(&message)?,
            hardware: LinkAddr::from_bytes(message.hardware_address()).unwrap_or(LinkAddr::NONE),
            link: match agent.is_unspecified() {
                true => None,
                false => Some(agent_address(&message, 5).unwrap_or(agent)),
            },
            server: agent_address(&message, 11).filter(|address| is_host(*address)),
            message,
            arrival,
        })
    }

    /// Whether the server that the client names is this one; `None` if it names none.
    pub(super) fn chosen(&self) -> Option<bool> {
        let named = self.message.address(code::SERVER_IDENTIFIER);
        let is_us = self.arrival.names_us || named.is_some() && named == self.server;
        let option = self.message.option(code::SERVER_IDENTIFIER);
        option.map(|_| is_us)
    }

    /// The address by which the client knows this server.
    pub(super) fn server(&self) -> Ipv4Addr {
        self.server.unwrap_or(self.arrival.server)
    }

    /// A relay agent has passed the message on.
    pub(super) fn is_relayed(&self) -> bool {
        self.link.is_some()
    }

    /// Whether the client is on a subnet: the one that the relay agent has named, or one of the link
    /// that the message came in by.
    pub(super) fn is_on(&self, subnet: &Subnet<'_>) -> bool {
        match self.link {
            Some(address) => subnet.network.contains(address),
            None => subnet.interface == Some(self.arrival.interface),
        }
    }

    /// Whether an address is of this host, or of the relay agent.
    pub(super) fn is_taken(&self, address: Ipv4Addr) -> bool {
        self.arrival.own.contains(&address) || self.message.relay_agent() == address
    }

    /// The address that the client would like to have, or has been offered.
    pub(super) fn wanted(&self) -> Option<Ipv4Addr> {
        self.message.address(code::REQUESTED_ADDRESS)
    }

    /// The seconds for which the client would like to have it.
    pub(super) fn lease_time(&self) -> Option<u32> {
        let octets = self.message.array(code::LEASE_TIME);
        octets.map(u32::from_be_bytes)
    }
}

/// A sub-option of the relay agent's that is one address (RFC 3046 §2.0).
fn agent_address(message: &Message<'_>, wanted: u8) -> Option<Ipv4Addr> {
    let mut octets = message.option(code::RELAY_AGENT)?;
    loop {
        let (number, length) = (octets.next()?, octets.next()?);
        if number == wanted && length == 4 {
            let mut address = [0; 4];
            for place in &mut address {
                *place = octets.next()?;
            }
            return Some(Ipv4Addr::from(address));
        }
        for _ in 0..length {
            let _: u8 = octets.next()?;
        }
    }
}
