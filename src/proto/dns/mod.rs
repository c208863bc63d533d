//! DNS: messages (RFC 1034, 1035).
//!
//! [`Message`] reads a message where it lies, [`MessageWriter`] writes one; both know the bits that
//! multicast DNS adds.

mod message;
mod name;
mod record;
mod write;

pub use message::{
    CLASS_ANY, CLASS_IN, Edns, Flags, HEADER_LENGTH, Message, Question, Questions, Rcode, Record,
    Records, Section,
};
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError, NameRef};
pub use record::{Nsec, Options, RecordData, RecordType, Soa, Srv, Txt};
pub use write::{MessageWriter, WriteError};

#[cfg(test)]
mod tests;
