//! Addresses as text.

use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::constants::{AF_INET, AF_INET6};
use super::errno::Errno;

/// Reads an address of the family (RFC 3493 §6.3): IPv4 in four decimal numbers, IPv6 as RFC 4291
/// §2.2 has it.
///
/// # Errors
///
/// `EINVAL` if the text is none, `EAFNOSUPPORT`.
pub fn inet_pton(family: i32, text: &str) -> Result<IpAddr, Errno> {
    let address = match family {
        AF_INET => text.parse::<Ipv4Addr>().map(IpAddr::V4),
        AF_INET6 => text.parse::<Ipv6Addr>().map(IpAddr::V6),
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    address.map_err(|_| Errno::EINVAL)
}

/// Writes an address (RFC 5952).
///
/// # Errors
///
/// `ENOSPC` if there is no room for it.
pub fn inet_ntop(address: IpAddr, to: &mut [u8]) -> Result<&str, Errno> {
    text(to, format_args!("{address}"))
}

/// Writes a text into what was lent for it.
pub(super) fn text<'b>(
    to: &'b mut [u8],
    arguments: core::fmt::Arguments<'_>,
) -> Result<&'b str, Errno> {
    let mut written = Written { to, length: 0 };
    written.write_fmt(arguments).map_err(|_| Errno::ENOSPC)?;
    let Written { to, length } = written;
    let text = core::str::from_utf8(to.get(..length).unwrap_or(&[]));
    text.map_err(|_| Errno::EINVAL)
}

struct Written<'b> {
    to: &'b mut [u8],
    length: usize,
}

impl Write for Written<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let to = self.to.get_mut(self.length..).ok_or(core::fmt::Error)?;
        let to = to.get_mut(..text.len()).ok_or(core::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}
