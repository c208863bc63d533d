//! What a client is told.

use core::net::Ipv4Addr;

use super::lease::Lease;
use super::option::code;
use super::write::MessageWriter;
use crate::proto::fqdn::{DnsUpdates, labels};
use crate::proto::full::MessageFull;
use crate::time::Duration;

/// Octets of all names and identifiers together: with what else is in a message they fit the 548
/// that every server takes (RFC 2131 §2).
const MOST: usize = 230;

/// The configuration is too long for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfigTooLong;

impl core::fmt::Display for ConfigTooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("names and identifiers of more than 230 octets")
    }
}

impl core::error::Error for ConfigTooLong {}

/// What a [`Dhcpv4Client`](super::Dhcpv4Client) asks for, and what it does with it.
///
/// ```
/// # use zonda::proto::dhcpv4::ClientConfig;
/// let config = ClientConfig::new().host_name("kettle").request(&[66, 67]);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientConfig<'c> {
    host_name: Option<&'c str>,
    fqdn: Option<(&'c str, DnsUpdates)>,
    vendor_class: &'c [u8],
    pub(super) client_identifier: &'c [u8],
    request: &'c [u8],
    pub(super) address: Option<Ipv4Addr>,
    pub(super) lease: Option<Lease>,
    lease_time: Option<u32>,
    pub(super) collect: Duration,
    pub(super) desynchronize: bool,
    pub(super) inform: Option<Ipv4Addr>,
    pub(super) routes: bool,
    pub(super) mtu: bool,
    #[cfg_attr(not(feature = "dns"), allow(dead_code))]
    pub(super) names: bool,
    pub(super) metric: u16,
}

impl<'c> ClientConfig<'c> {
    /// No name but that of the stack; an address, routes, MTU and servers for names are
    /// taken from the first server that answers.
    pub const fn new() -> Self {
        Self {
            host_name: None,
            fqdn: None,
            vendor_class: &[],
            client_identifier: &[],
            request: &[],
            address: None,
            lease: None,
            lease_time: None,
            collect: Duration::ZERO,
            desynchronize: false,
            inform: None,
            routes: true,
            mtu: true,
            names: true,
            metric: 0,
        }
    }

    /// Says the name of the host (RFC 2132 §3.14), or none if this is empty.
    ///
    /// With the feature `hostname` the stack's is said otherwise, as far as it fits with what else
    /// is configured.
    #[must_use]
    pub const fn host_name(self, name: &'c str) -> Self {
        Self {
            host_name: Some(name),
            ..self
        }
    }

    /// Says the whole name of the host, or the beginning of it where there is no dot at its end, and
    /// who keeps its DNS records (RFC 4702). Then the host name is not said (§3.1).
    #[must_use]
    pub const fn fqdn(self, name: &'c str, updates: DnsUpdates) -> Self {
        Self {
            fqdn: Some((name, updates)),
            ..self
        }
    }

    /// Says what kind of device this is (RFC 2132 §9.13).
    #[must_use]
    pub const fn vendor_class(self, class: &'c [u8]) -> Self {
        Self {
            vendor_class: class,
            ..self
        }
    }

    /// Says who this is by these octets of option 61 (RFC 2132 §9.14): a type, and what follows it.
    ///
    /// Otherwise it is made of the number of the interface and the link address of the stack's first
    /// (type 255, DUID-LL: RFC 4361 §6.1, RFC 8415 §11.4).
    #[must_use]
    pub const fn client_identifier(self, octets: &'c [u8]) -> Self {
        Self {
            client_identifier: octets,
            ..self
        }
    }

    /// Asks for these options too, by number, see [`code`].
    #[must_use]
    pub const fn request(self, options: &'c [u8]) -> Self {
        Self {
            request: options,
            ..self
        }
    }

    /// Would like to have this address.
    #[must_use]
    pub const fn address(self, address: Ipv4Addr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// Had this lease before, and asks whether it may be used again (RFC 2131 §3.2).
    #[must_use]
    pub const fn lease(self, lease: Lease) -> Self {
        Self {
            lease: Some(lease),
            ..self
        }
    }

    /// Would like to have the address for so many seconds.
    #[must_use]
    pub const fn lease_time(self, seconds: u32) -> Self {
        Self {
            lease_time: Some(seconds),
            ..self
        }
    }

    /// Collects offers for so long after the first, and takes that of the address it had or wants,
    /// else that of the server it had, else the first. At first it takes the first at once.
    #[must_use]
    pub const fn collect(self, time: Duration) -> Self {
        Self {
            collect: time,
            ..self
        }
    }

    /// Waits for one to ten seconds when the link comes up, lest many devices ask at once
    /// (RFC 2131 §4.4.1); at first it does not.
    #[must_use]
    pub const fn desynchronize(self, wait: bool) -> Self {
        Self {
            desynchronize: wait,
            ..self
        }
    }

    /// Asks for no address, since the interface has this one, but for the other parameters (RFC 2131
    /// §3.4). No routes are taken, and no MTU.
    #[must_use]
    pub const fn inform(self, address: Ipv4Addr) -> Self {
        Self {
            inform: Some(address),
            ..self
        }
    }

    /// Whether routes are taken, with this metric, the second router with one more and so on; at
    /// first they are, with 0.
    #[must_use]
    pub const fn routes(self, take: bool, metric: u16) -> Self {
        Self {
            routes: take,
            metric,
            ..self
        }
    }

    /// Whether the MTU is taken; at first it is.
    #[must_use]
    pub const fn mtu(self, take: bool) -> Self {
        Self { mtu: take, ..self }
    }

    /// Whether resolvers are told of the name servers and search domains (feature `dns`); at first
    /// they are.
    #[must_use]
    pub const fn names(self, tell: bool) -> Self {
        Self {
            names: tell,
            ..self
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigTooLong> {
        let names = [self.host_name, self.fqdn.map(|(name, _)| name)];
        let names: usize = names.iter().flatten().map(|name| name.len()).sum();
        let octets = [self.vendor_class, self.client_identifier, self.request];
        let octets: usize = octets.iter().map(|octets| octets.len()).sum();
        match names + octets <= MOST {
            true => Ok(()),
            false => Err(ConfigTooLong),
        }
    }

    /// Writes what goes into all messages that ask for something. `own` is the name of the host,
    /// which is said where no name is configured.
    pub(super) fn write(
        &self,
        writer: &mut MessageWriter<'_>,
        maximum: u16,
        own: &str,
    ) -> Result<(), MessageFull> {
        writer.option(code::MAXIMUM_MESSAGE_SIZE, &maximum.to_be_bytes())?;
        // "The Classless Static Routes option code MUST appear in the parameter request list prior
        // to [...] the Router option code" (RFC 3442).
        let mut list = heapless::Vec::<u8, 255>::new();
        let wanted = super::lease::USED.iter().chain(self.request);
        for code in wanted {
            if !list.contains(code) {
                let _: Result<(), u8> = list.push(*code);
            }
        }
        writer.option(code::PARAMETER_REQUEST_LIST, &list)?;
        if let (Some(seconds), None) = (self.lease_time, self.inform) {
            writer.option(code::LEASE_TIME, &seconds.to_be_bytes())?;
        }
        match (self.fqdn, self.host_name) {
            (Some((name, updates)), _) => writer.option(code::CLIENT_FQDN, &fqdn(name, updates))?,
            (None, Some(name)) if !name.is_empty() => {
                writer.option(code::HOST_NAME, name.as_bytes())?;
            }
            _ => {}
        }
        if !self.vendor_class.is_empty() {
            writer.option(code::VENDOR_CLASS, self.vendor_class)?;
        }
        if self.fqdn.is_none() && self.host_name.is_none() && !own.is_empty() {
            // It was not measured with the configuration, and goes without saying.
            let _: Result<(), MessageFull> = writer.option(code::HOST_NAME, own.as_bytes());
        }
        Ok(())
    }
}

impl Default for ClientConfig<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Flags, two octets of zero, and the labels of a name, with the root's if it ends with a dot
/// (RFC 4702 §2).
fn fqdn(name: &str, updates: DnsUpdates) -> heapless::Vec<u8, 255> {
    /// The name is in the format of DNS (§2.1: E).
    const ENCODED: u8 = 1 << 2;
    let flags = match updates {
        DnsUpdates::Server => 1,
        DnsUpdates::Client => 0,
        DnsUpdates::None => 1 << 3,
    };
    let mut octets = heapless::Vec::new();
    let mut push = |octet| {
        // A name that was let in is not so long.
        let _: Result<(), u8> = octets.push(octet);
    };
    [flags | ENCODED, 0, 0].into_iter().for_each(&mut push);
    labels(name, push);
    octets
}
