//! Messages written into a slice.

use core::net::Ipv4Addr;

use super::message::{BROADCAST, COOKIE, HEADER_LENGTH, MessageType};
use super::option::code;
use crate::proto::full::MessageFull;

/// The least that relay agents and servers of BOOTP take (RFC 1542 §2.1).
const MINIMUM_LENGTH: usize = 300;

/// Octets of an option, with the numbers and lengths of its parts.
const fn written_length(value: usize) -> usize {
    let parts = if value == 0 { 1 } else { value.div_ceil(255) };
    value + 2 * parts
}

/// The fields of a message that are not always zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fields<'f> {
    /// [`BOOT_REQUEST`](super::BOOT_REQUEST) or [`BOOT_REPLY`](super::BOOT_REPLY).
    pub operation: u8,
    /// The type of the link address, as in ARP, and the address; of it 16 octets at most.
    pub hardware: (u8, &'f [u8]),
    /// The number of the exchange.
    pub transaction: u32,
    /// Seconds since the client began.
    pub seconds: u16,
    /// Whether the answer is to be broadcast.
    pub broadcast: bool,
    /// `ciaddr`.
    pub client_address: Ipv4Addr,
    /// `yiaddr`.
    pub your_address: Ipv4Addr,
    /// `siaddr`.
    pub next_server: Ipv4Addr,
    /// `giaddr`.
    pub relay_agent: Ipv4Addr,
}

/// Writes a message into a slice: fields, then options.
#[derive(Debug)]
pub struct MessageWriter<'b> {
    bytes: &'b mut [u8],
    at: usize,
    /// Octets that are kept free for what comes last.
    kept: usize,
}

impl<'b> MessageWriter<'b> {
    /// Begins a message with its fields and its type. The slice needs 300 octets at least.
    pub fn new(
        bytes: &'b mut [u8],
        fields: &Fields<'_>,
        kind: MessageType,
    ) -> Result<Self, MessageFull> {
        if bytes.len() < MINIMUM_LENGTH {
            return Err(MessageFull);
        }
        bytes.fill(0);
        let mut writer = Self {
            bytes,
            at: 0,
            kept: 0,
        };
        let (hardware_type, hardware) = fields.hardware;
        let hardware = hardware.get(..16).unwrap_or(hardware);
        let flags = if fields.broadcast { BROADCAST } else { 0 };
        writer.put(&[fields.operation, hardware_type, hardware.len() as u8, 0]);
        writer.put(&fields.transaction.to_be_bytes());
        writer.put(&fields.seconds.to_be_bytes());
        writer.put(&flags.to_be_bytes());
        for address in [
            fields.client_address,
            fields.your_address,
            fields.next_server,
            fields.relay_agent,
        ] {
            writer.put(&address.octets());
        }
        writer.put(hardware);
        writer.at = HEADER_LENGTH - COOKIE.len();
        writer.put(&COOKIE);
        writer.option(code::MESSAGE_TYPE, &[kind.0])?;
        Ok(writer)
    }

    fn put(&mut self, octets: &[u8]) {
        let to = self.bytes.get_mut(self.at..).unwrap_or_default();
        to.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        self.at += octets.len();
    }

    /// Writes an option; in several parts if it has more than 255 octets (RFC 3396 §6).
    pub fn option(&mut self, code: u8, value: &[u8]) -> Result<(), MessageFull> {
        self.octets(code, value.iter().copied())
    }

    /// As [`MessageWriter::option`], with octets that do not lie in one piece.
    pub fn octets(
        &mut self,
        code: u8,
        mut value: impl Iterator<Item = u8> + Clone,
    ) -> Result<(), MessageFull> {
        let mut length = value.clone().count();
        if written_length(length) > self.left() {
            return Err(MessageFull);
        }
        loop {
            let part = length.min(255);
            self.put(&[code, part as u8]);
            value
                .by_ref()
                .take(part)
                .for_each(|octet| self.put(&[octet]));
            length -= part;
            if length == 0 {
                return Ok(());
            }
        }
    }

    /// Octets that there is room for, but for what is kept. The end has its place.
    fn left(&self) -> usize {
        (self.bytes.len()).saturating_sub(self.at + 1 + self.kept)
    }

    /// Keeps room for an option of so many octets, and no other; says whether there is any. Zero
    /// octets: for none.
    #[cfg(feature = "dhcpv4-server")]
    pub(super) fn keep(&mut self, octets: usize) -> bool {
        self.kept = 0;
        let length = if octets == 0 {
            0
        } else {
            written_length(octets)
        };
        let has_room = length <= self.left();
        if has_room {
            self.kept = length;
        }
        has_room
    }

    /// The message, with the end of the options, padded to 300 octets.
    pub fn finish(mut self) -> &'b [u8] {
        self.put(&[code::END]);
        let length = self.at.max(MINIMUM_LENGTH);
        self.bytes.get(..length).unwrap_or(&[])
    }
}
