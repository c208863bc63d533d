//! How long bodies are (RFC 9112 §6).

use super::fields::{Fields, number};
use super::scan::Malformed;

/// How the length of a body is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BodyLength {
    /// So many octets; zero where there is none.
    Octets(u64),
    /// It comes in chunks (§7.1).
    Chunked,
    /// It ends with the connection: responses alone (8).
    ToEnd,
}

/// What `Transfer-Encoding` says (§6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Chunked,
    /// Chunks of what is coded in another way.
    Unknown,
    /// Chunked is not the last, or stands there twice.
    Malformed,
}

/// The codings of a body.
pub(super) fn coding(fields: &Fields<'_>) -> Coding {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let mut codings = fields.list("transfer-encoding");
    let (first, second) = (codings.next().unwrap_or(&[]), codings.next());
    if !is_chunked(codings.last().or(second).unwrap_or(first)) {
        return Coding::Malformed;
    }
    match second {
        None => Coding::Chunked,
        // "A sender MUST NOT apply the chunked transfer coding more than once".
        Some(_) if is_chunked(first) => Coding::Malformed,
        Some(_) => Coding::Unknown,
    }
}

/// The length that is named, if all that name one name the same (§6.3, 5).
pub(super) fn content_length(fields: &Fields<'_>) -> Result<Option<u64>, Malformed> {
    let mut length = None;
    for value in fields.all("content-length") {
        let members = value.split(|octet| *octet == b',').map(<[u8]>::trim_ascii);
        for member in members {
            let named = number(member).ok_or(Malformed)?;
            // A length that is too large to be counted is none.
            if length.is_some_and(|length| length != named) || named == u64::MAX {
                return Err(Malformed);
            }
            length = Some(named);
        }
    }
    Ok(length)
}
