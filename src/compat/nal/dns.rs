//! Names.

use core::fmt::Write;
use core::net::IpAddr;

use embedded_nal_async::{AddrType, Dns};

use crate::proto::dns::{DnsError, Family, Resolver};

/// Why there is no address of a name, or no name of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NameError {
    /// There is no answer.
    Dns(DnsError),
    /// The name is longer than what was lent for it.
    TooLong,
}

impl core::fmt::Display for NameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Dns(error) => core::fmt::Display::fmt(error, f),
            Self::TooLong => f.write_str("the name is too long"),
        }
    }
}

impl core::error::Error for NameError {}

impl Dns for Resolver<'_> {
    type Error = NameError;

    /// The address that is to be tried first (RFC 6724 §6).
    async fn get_host_by_name(&self, host: &str, kind: AddrType) -> Result<IpAddr, NameError> {
        let family = match kind {
            AddrType::IPv4 => Family::V4,
            AddrType::IPv6 => Family::V6,
            AddrType::Either => Family::Any,
        };
        let addresses = self.lookup_host(host, family).await;
        let addresses = addresses.map_err(NameError::Dns)?;
        let first = addresses.first().copied();
        first.ok_or(NameError::Dns(DnsError::NoData))
    }

    async fn get_host_by_address(
        &self,
        address: IpAddr,
        to: &mut [u8],
    ) -> Result<usize, NameError> {
        let name = self.lookup_addr(address).await.map_err(NameError::Dns)?;
        let mut text = Text { to, length: 0 };
        write!(text, "{name}").map_err(|_| NameError::TooLong)?;
        Ok(text.length)
    }
}

/// Text in what was lent for it.
struct Text<'b> {
    to: &'b mut [u8],
    length: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        let to = self.to.get_mut(self.length..end).ok_or(core::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
