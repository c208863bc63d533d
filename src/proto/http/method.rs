//! Methods (RFC 9110 §9, RFC 5789).

use bitflags::bitflags;

/// Methods that a resource allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Methods(u8);

bitflags! {
    impl Methods: u8 {
        /// Transfer a representation.
        const GET = 1;
        /// The same, without the content.
        const HEAD = 2;
        /// Process the content.
        const POST = 4;
        /// Replace what is there.
        const PUT = 8;
        /// Change what is there (RFC 5789).
        const PATCH = 16;
        /// Remove it.
        const DELETE = 32;
        /// Tell of the ways to communicate.
        const OPTIONS = 64;
    }
}

/// All methods, by their names.
const NAMES: [(&str, Method); 7] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
    ("OPTIONS", Method::Options),
];

/// The longest list of methods: all of them.
#[cfg(feature = "http-server")]
pub(super) const ALLOW_LENGTH: usize = 44;

#[cfg(feature = "http-server")]
impl Methods {
    /// Writes the names, as `Allow` has them (RFC 9110 §10.2.1).
    pub(super) fn write(self, to: &mut [u8; ALLOW_LENGTH]) -> &str {
        let mut length = 0;
        for (name, method) in NAMES {
            if !self.contains(method.as_set()) {
                continue;
            }
            let separator = if length == 0 { "" } else { ", " };
            for part in [separator, name] {
                let Some(room) = to.get_mut(length..length + part.len()) else {
                    break;
                };
                room.copy_from_slice(part.as_bytes());
                length += part.len();
            }
        }
        core::str::from_utf8(to.get(..length).unwrap_or(&[])).unwrap_or("")
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Method {
    /// Transfer a representation.
    Get,
    /// The same, without the content.
    Head,
    /// Process the content.
    Post,
    /// Replace what is there.
    Put,
    /// Change what is there (RFC 5789).
    Patch,
    /// Remove it.
    Delete,
    /// Tell of the ways to communicate.
    Options,
}

impl Method {
    /// The method of this name, which is case-sensitive (RFC 9110 §9.1); `None` for one that is not
    /// known here.
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut names = NAMES.iter();
        let found = names.find(|(known, _)| known.as_bytes() == name)?;
        Some(found.1)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether to do it twice is to do it once (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }

    /// As one of a set.
    pub const fn as_set(self) -> Methods {
        match self {
            Self::Get => Methods::GET,
            Self::Head => Methods::HEAD,
            Self::Post => Methods::POST,
            Self::Put => Methods::PUT,
            Self::Patch => Methods::PATCH,
            Self::Delete => Methods::DELETE,
            Self::Options => Methods::OPTIONS,
        }
    }

    /// Whether it asks for a representation: GET or HEAD.
    pub const fn is_retrieval(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_name() {
        for (name, method) in NAMES {
            assert_eq!(Method::named(name.as_bytes()), Some(method));
            assert_eq!(method.name(), name);
        }
        for name in ["get", "GETT", "", "TRACE", "CONNECT"] {
            assert_eq!(Method::named(name.as_bytes()), None);
        }
    }

    #[cfg(feature = "http-server")]
    #[test]
    fn sets_are_written_as_lists() {
        let mut room = [0; ALLOW_LENGTH];
        let list = (Methods::GET | Methods::HEAD | Methods::PUT).write(&mut room);
        assert_eq!(list, "GET, HEAD, PUT");
        let all = Methods::all().write(&mut room);
        assert_eq!(all.len(), ALLOW_LENGTH);
        assert_eq!(Methods::empty().write(&mut room), "");
    }
}
