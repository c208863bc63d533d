//! Domains to search names in, as DHCP and routers tell of them (RFC 3397, RFC 8106 §5.2).

use core::fmt;

use heapless::Vec;

use crate::config;

/// A domain to search names in, as it stands in a message: labels, each behind its length, up to
/// the empty one (RFC 1035 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchDomain(pub(super) Vec<u8, { config::DOMAIN_LENGTH }>);

/// A name that cannot be a search domain: a label is empty or longer than 63 octets, or the whole
/// longer than [`config::DOMAIN_LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DomainError;

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a search domain")
    }
}

impl core::error::Error for DomainError {}

/// From labels with dots between them, and perhaps one at the end.
impl core::str::FromStr for SearchDomain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        Self::from_labels(text.split('.').map(str::as_bytes))
    }
}

impl SearchDomain {
    /// The domain of these labels, the root's apart; one at least.
    pub(crate) fn from_labels<'l>(
        labels: impl Iterator<Item = &'l [u8]>,
    ) -> Result<Self, DomainError> {
        let mut octets = Vec::new();
        for label in labels {
            let length = u8::try_from(label.len()).map_err(|_| DomainError)?;
            if !(1..=63).contains(&length) {
                return Err(DomainError);
            }
            octets.push(length).map_err(|_| DomainError)?;
            (octets.extend_from_slice(label)).map_err(|_| DomainError)?;
        }
        if octets.is_empty() {
            return Err(DomainError);
        }
        octets.push(0).map_err(|_| DomainError)?;
        Ok(Self(octets))
    }

    /// The octets, lengths and the final zero among them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The labels, the empty one apart.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        core::iter::from_fn(move || {
            let (length, after) = rest.split_first().filter(|(length, _)| **length > 0)?;
            let (label, next) = after.split_at_checked(usize::from(*length))?;
            rest = next;
            Some(label)
        })
    }
}

/// The labels with dots between them; octets that are no letter, digit, hyphen or underscore as
/// `\DDD` (RFC 1035 §5.1).
impl fmt::Display for SearchDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for octet in label {
                match octet {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                        write!(f, "{}", char::from(*octet))?;
                    }
                    other => write!(f, "\\{other:03}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for SearchDomain {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}
