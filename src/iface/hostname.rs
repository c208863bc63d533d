//! The name of a host: one label of letters, digits and hyphens (RFC 952, RFC 1123 §2.1).

use core::fmt;

use crate::config;

/// Octets of the longest label (RFC 1035 §2.3.4).
const LONGEST: usize = 63;

/// A name that cannot be that of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HostnameError {
    /// It is not 1 to 63 letters, digits and hyphens, with no hyphen at either end.
    Malformed,
    /// The interface that a suffix is to be made of has no hardware address.
    NoHardwareAddress,
}

impl fmt::Display for HostnameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not 1 to 63 letters, digits and inner hyphens",
            Self::NoHardwareAddress => "the interface has no hardware address",
        })
    }
}

impl core::error::Error for HostnameError {}

/// What makes the name of a host its own among many that are built alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HostnameSuffix {
    /// The last three octets of the hardware address of this interface: the same after each start,
    /// and different for each device of a maker.
    Hardware(u8),
    /// Three random octets: others after each start, and nothing is told of the hardware.
    Random,
}

/// The name of a host, without a domain: 1 to 63 letters, digits and hyphens, with no hyphen at
/// either end (RFC 952, RFC 1123 §2.1). It keeps its case, which means nothing to others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hostname {
    octets: [u8; LONGEST],
    length: u8,
}

// A build with a wrong name ends here, even if nothing uses it.
const _: Hostname = Hostname::DEFAULT;

impl Hostname {
    /// [`HOSTNAME`](config::HOSTNAME), the name at first.
    pub const DEFAULT: Self = match Self::new(config::HOSTNAME) {
        Ok(name) => name,
        Err(_) => {
            panic!("ZONDA_HOSTNAME is not allowed: 1 to 63 letters, digits and inner hyphens are")
        }
    };

    /// A name.
    pub const fn new(name: &str) -> Result<Self, HostnameError> {
        let mut rest = name.as_bytes();
        let (mut octets, mut length) = ([0; LONGEST], 0);
        let mut places: &mut [u8] = &mut octets;
        let mut is_hyphen = true;
        while let Some((octet, after)) = rest.split_first() {
            let Some((place, left)) = places.split_first_mut() else {
                return Err(HostnameError::Malformed);
            };
            let is_first = length == 0;
            is_hyphen = *octet == b'-';
            if !octet.is_ascii_alphanumeric() && (!is_hyphen || is_first) {
                return Err(HostnameError::Malformed);
            }
            *place = *octet;
            length += 1;
            (rest, places) = (after, left);
        }
        match is_hyphen {
            true => Err(HostnameError::Malformed),
            false => Ok(Self { octets, length }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The octets of the name.
    pub fn as_bytes(&self) -> &[u8] {
        let length = usize::from(self.length);
        self.octets.get(..length).unwrap_or_default()
    }

    /// The name, a hyphen, and the suffix; the end of the name is left out where that is too long.
    ///
    /// # Errors
    ///
    /// [`HostnameError::Malformed`] if the suffix cannot be the end of a name.
    pub fn with_suffix(&self, suffix: &str) -> Result<Self, HostnameError> {
        let room = (LONGEST - 1).saturating_sub(suffix.len());
        let name = self.as_str();
        let name = name.get(..room).unwrap_or(name).trim_end_matches('-');
        let mut octets = heapless::String::<LONGEST>::new();
        (octets.push_str(name))
            .and_then(|()| octets.push('-'))
            .and_then(|()| octets.push_str(suffix))
            .map_err(|_| HostnameError::Malformed)?;
        Self::new(&octets)
    }

    /// As [`Hostname::with_suffix`], with six hexadecimal digits.
    pub(crate) fn with_octets(&self, octets: [u8; 3]) -> Self {
        let mut suffix = heapless::String::<6>::new();
        for octet in octets {
            for digit in [octet >> 4, octet & 15] {
                let digit = match digit {
                    0..=9 => b'0' + digit,
                    _ => b'a' - 10 + digit,
                };
                // There is room for six.
                let _: Result<(), _> = suffix.push(char::from(digit));
            }
        }
        self.with_suffix(&suffix).unwrap_or(*self)
    }
}

impl fmt::Debug for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Hostname {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn host_names_are_labels_of_letters_digits_and_inner_hyphens() {
        let longest = "x".repeat(63);
        for name in ["a", "3com", "Kettle-2", "a--b", &longest] {
            assert_eq!(
                Hostname::new(name).map(|name| name.to_string()),
                Ok(name.into())
            );
        }
        let too_long = "x".repeat(64);
        for name in [
            "", "-", "-a", "a-", "a.b", "a_b", "a b", "é", "a\0", &too_long,
        ] {
            assert_eq!(
                Hostname::new(name),
                Err(HostnameError::Malformed),
                "{name:?}"
            );
        }
        assert_eq!(Hostname::DEFAULT.as_str(), config::HOSTNAME);
    }

    #[test]
    fn suffix_takes_the_place_of_the_end_of_a_long_name() {
        let with = |name: &str, suffix: &str| Hostname::new(name).unwrap().with_suffix(suffix);
        assert_eq!(with("kettle", "2").unwrap().as_str(), "kettle-2");
        let long = std::format!("{}-{}", "x".repeat(60), "yy");
        let expected = std::format!("{}-2", "x".repeat(60));
        assert_eq!(with(&long, "2").unwrap().as_str(), expected);
        let full = "x".repeat(63);
        let expected = std::format!("{}-02ab34", "x".repeat(56));
        let unique = Hostname::new(&full).unwrap().with_octets([2, 0xab, 0x34]);
        assert_eq!(unique.as_str(), expected);
        let too_long = "y".repeat(63);
        for suffix in ["", "-", "a b", &too_long] {
            assert_eq!(
                with("kettle", suffix),
                Err(HostnameError::Malformed),
                "{suffix:?}"
            );
        }
    }
}
