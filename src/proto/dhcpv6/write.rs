//! Messages as they are written (RFC 8415 §8, §21.1).

use super::message::{HEADER_LENGTH, MessageType};
use crate::proto::full::MessageFull;

/// Writes a message into a slice, option by option.
#[derive(Debug)]
pub struct MessageWriter<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl<'b> MessageWriter<'b> {
    /// Begins a message with its type and the number of the exchange, of which 24 bits count.
    pub fn new(
        bytes: &'b mut [u8],
        kind: MessageType,
        transaction: u32,
    ) -> Result<Self, MessageFull> {
        let [_, high, middle, low] = transaction.to_be_bytes();
        let mut writer = Self { bytes, at: 0 };
        writer.put(&[&[kind.0, high, middle, low]])?;
        Ok(writer)
    }

    /// Writes all of the parts, or nothing.
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), MessageFull> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let free = self.bytes.get_mut(self.at..).unwrap_or_default();
        let to = free.get_mut(..length).ok_or(MessageFull)?;
        let octets = parts.iter().copied().flatten();
        to.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        self.at += length;
        Ok(())
    }

    /// Writes an option with a value that is in several parts.
    pub fn option(&mut self, code: u16, parts: &[&[u8]]) -> Result<(), MessageFull> {
        let before = self.at;
        self.within(code, |writer| writer.put(parts))
            .inspect_err(|_| self.at = before)
    }

    /// Writes an option whose value is what `write` puts: further options, behind fixed octets.
    pub(super) fn association(
        &mut self,
        code: u16,
        fixed: &[u8],
        write: impl FnOnce(&mut Self) -> Result<(), MessageFull>,
    ) -> Result<(), MessageFull> {
        self.within(code, |writer| {
            writer.put(&[fixed])?;
            write(writer)
        })
    }

    /// Writes classes, each behind its length.
    pub(super) fn classes(&mut self, classes: &[&[u8]]) -> Result<(), MessageFull> {
        classes.iter().try_for_each(|class| {
            let length = u16::try_from(class.len()).map_err(|_| MessageFull)?;
            self.put(&[&length.to_be_bytes(), class])
        })
    }

    /// Writes a number.
    pub(super) fn number(&mut self, number: u16) -> Result<(), MessageFull> {
        self.put(&[&number.to_be_bytes()])
    }

    fn within(
        &mut self,
        code: u16,
        write: impl FnOnce(&mut Self) -> Result<(), MessageFull>,
    ) -> Result<(), MessageFull> {
        let head = self.at;
        self.put(&[&code.to_be_bytes(), &[0; 2]])?;
        let start = self.at;
        write(self)?;
        let length = u16::try_from(self.at - start).map_err(|_| MessageFull)?;
        let field = self.bytes.get_mut(head + 2..).unwrap_or_default();
        if let Some(field) = field.first_chunk_mut() {
            *field = length.to_be_bytes();
        }
        Ok(())
    }

    /// The message.
    pub fn finish(self) -> &'b [u8] {
        debug_assert!(self.at >= HEADER_LENGTH);
        self.bytes.get(..self.at).unwrap_or(&[])
    }
}
