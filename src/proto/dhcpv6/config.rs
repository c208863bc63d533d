//! What a client is told.

use super::duid::DUID_LENGTH;
use super::lease::Leases;
use super::message::{HEADER_LENGTH, MessageType};
use super::option::code;
use super::write::MessageWriter;
use crate::config;
use crate::proto::fqdn::{DnsUpdates, labels};
use crate::proto::full::MessageFull;
use crate::time::Duration;

/// Octets of the longest message that is sent: with its headers it fits the least MTU of IPv6.
pub(super) const SEND_LENGTH: usize = 1232;
/// Both DUIDs, the time, associations with all leases, rapid commit and reconfigure accept, and the
/// options always asked for.
const FIXED: usize = HEADER_LENGTH
    + 2 * (4 + DUID_LENGTH)
    + 6
    + 16 * config::DHCPV6_ASSOCIATIONS
    + 29 * (config::DHCPV6_LEASES + config::DHCPV6_ASSOCIATIONS)
    + 3 * 4
    + 2 * (USED.len() + 3);
/// Octets of all names, classes and further options together, with the heads of their options.
const MOST: usize = SEND_LENGTH - FIXED;

/// Options that the client itself uses: they are asked for, and kept before others.
pub(super) const USED: [u16; 4] = [
    code::DNS_SERVERS,
    code::DOMAIN_LIST,
    code::NTP_SERVER,
    code::SNTP_SERVERS,
];
/// "The Option Request option MUST NOT include the following options" (RFC 8415 §21.7); others are
/// asked for where they belong.
const NEVER_REQUESTED: [u16; 23] = [
    code::CLIENT_IDENTIFIER,
    code::SERVER_IDENTIFIER,
    code::IA_NA,
    code::IA_TA,
    code::IA_PD,
    code::IA_ADDRESS,
    code::IA_PREFIX,
    code::OPTION_REQUEST,
    code::ELAPSED_TIME,
    code::PREFERENCE,
    code::RELAY_MESSAGE,
    code::AUTHENTICATION,
    code::SERVER_UNICAST,
    code::STATUS_CODE,
    code::RAPID_COMMIT,
    code::USER_CLASS,
    code::VENDOR_CLASS,
    code::INTERFACE_ID,
    code::RECONFIGURE_MESSAGE,
    code::RECONFIGURE_ACCEPT,
    code::INFORMATION_REFRESH_TIME,
    code::SOL_MAX_RT,
    code::INF_MAX_RT,
];

/// When a client does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// As routers say: addresses where they set the M flag, else other configuration where they set
    /// the O flag, else nothing (RFC 4861 §4.2). What has been leased is kept when the M flag goes.
    #[cfg(feature = "router-discovery")]
    Auto,
    /// Addresses, prefixes and other configuration.
    Stateful,
    /// Other configuration alone (RFC 8415 §6.1).
    Stateless,
}

/// A configuration that no client can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConfigError {
    /// Names, classes and options do not fit a message with the rest.
    TooLong,
    /// There are more associations than
    /// [`DHCPV6_ASSOCIATIONS`](crate::config::DHCPV6_ASSOCIATIONS), or none where there should be.
    Associations,
    /// The DUID is none, or there is none and no interface has a link address to make it of.
    NoIdentifier,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "names and classes do not fit a message",
            Self::Associations => "too many identity associations, or none",
            Self::NoIdentifier => "there is no DUID",
        })
    }
}

impl core::error::Error for ConfigError {}

/// What a [`Dhcpv6Client`](super::Dhcpv6Client) asks for.
///
/// ```
/// # use zonda::proto::dhcpv6::ClientConfig;
/// let config = ClientConfig::new().prefixes(1, 56).request(&[59, 60]);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientConfig<'c> {
    pub(super) mode: Mode,
    pub(super) addresses: u8,
    pub(super) prefixes: (u8, u8),
    pub(super) duid: &'c [u8],
    pub(super) rapid_commit: bool,
    #[cfg(feature = "dhcpv6-reconfigure")]
    pub(super) reconfigure: bool,
    pub(super) rate: (u16, Duration),
    pub(super) leases: Option<&'c Leases>,
    #[cfg_attr(not(feature = "dns"), allow(dead_code))]
    pub(super) names: bool,
    fqdn: Option<(&'c str, DnsUpdates)>,
    user_class: &'c [&'c [u8]],
    vendor_class: Option<(u32, &'c [&'c [u8]])>,
    vendor_options: Option<(u32, &'c [u8])>,
    request: &'c [u16],
}

impl<'c> ClientConfig<'c> {
    /// One association for addresses, none for prefixes, and no name; started by routers with the
    /// feature `router-discovery`, else at once.
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "router-discovery")]
            mode: Mode::Auto,
            #[cfg(not(feature = "router-discovery"))]
            mode: Mode::Stateful,
            addresses: 1,
            prefixes: (0, 0),
            duid: &[],
            rapid_commit: false,
            #[cfg(feature = "dhcpv6-reconfigure")]
            reconfigure: false,
            rate: (20, Duration::from_secs(20)),
            leases: None,
            names: true,
            fqdn: None,
            user_class: &[],
            vendor_class: None,
            vendor_options: None,
            request: &[],
        }
    }

    /// When it does what.
    #[must_use]
    pub const fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Asks for so many associations of addresses (IA_NA); at first one. Each is for one address of
    /// each prefix that the server has for the link.
    #[must_use]
    pub const fn addresses(self, associations: u8) -> Self {
        Self {
            addresses: associations,
            ..self
        }
    }

    /// Asks for so many associations of prefixes (IA_PD), and says how many bits these had best have;
    /// zero says nothing (RFC 8168). At first it asks for none.
    #[must_use]
    pub const fn prefixes(self, associations: u8, length: u8) -> Self {
        Self {
            prefixes: (associations, length),
            ..self
        }
    }

    /// Says who this is by this DUID (RFC 8415 §11), see [`Duid`](super::Duid).
    ///
    /// Otherwise it is made of the link address of the stack's first interface that has one
    /// (DUID-LL).
    #[must_use]
    pub const fn duid(self, octets: &'c [u8]) -> Self {
        Self {
            duid: octets,
            ..self
        }
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

    /// Lets servers lease at once what they would offer (RFC 8415 §21.14). Where there are several
    /// servers, leases that nobody uses come of it; at first it does not.
    #[must_use]
    pub const fn rapid_commit(self, allow: bool) -> Self {
        Self {
            rapid_commit: allow,
            ..self
        }
    }

    /// Lets servers tell the client to ask again (RFC 8415 §18.2.11); at first it does not. They give
    /// a key for that in their first Reply, which whoever overhears it has too.
    #[cfg(feature = "dhcpv6-reconfigure")]
    #[must_use]
    pub const fn reconfigure(self, accept: bool) -> Self {
        Self {
            reconfigure: accept,
            ..self
        }
    }

    /// Had these leases before, and asks whether they are still good, then for longer ones (RFC 8415
    /// §18.2.12). Time that has passed since they were read is for the application to take off.
    #[must_use]
    pub const fn leases(self, leases: &'c Leases) -> Self {
        Self {
            leases: Some(leases),
            ..self
        }
    }

    /// Sends no more than so many messages in this time, in the long run (RFC 8415 §14.1); at first
    /// 20 in 20 seconds.
    #[must_use]
    pub const fn rate(self, messages: u16, period: Duration) -> Self {
        Self {
            rate: (messages, period),
            ..self
        }
    }

    /// Says the whole name of the host, or the beginning of it where there is no dot at its end, and
    /// who keeps its DNS records (RFC 4704).
    ///
    /// With the feature `hostname` the stack's is said otherwise, as the beginning of one whose
    /// records the server keeps.
    #[must_use]
    pub const fn fqdn(self, name: &'c str, updates: DnsUpdates) -> Self {
        Self {
            fqdn: Some((name, updates)),
            ..self
        }
    }

    /// Says what users or applications this is for (RFC 8415 §21.15).
    #[must_use]
    pub const fn user_class(self, classes: &'c [&'c [u8]]) -> Self {
        Self {
            user_class: classes,
            ..self
        }
    }

    /// Says what kind of device this is, in the words of the vendor with this enterprise number
    /// (RFC 8415 §21.16).
    #[must_use]
    pub const fn vendor_class(self, enterprise: u32, classes: &'c [&'c [u8]]) -> Self {
        Self {
            vendor_class: Some((enterprise, classes)),
            ..self
        }
    }

    /// Says options of the vendor with this enterprise number: each a number and a length of two
    /// octets, and a value (RFC 8415 §21.17).
    #[must_use]
    pub const fn vendor_options(self, enterprise: u32, options: &'c [u8]) -> Self {
        Self {
            vendor_options: Some((enterprise, options)),
            ..self
        }
    }

    /// Asks for these options too, by number, see [`code`](super::code).
    #[must_use]
    pub const fn request(self, options: &'c [u16]) -> Self {
        Self {
            request: options,
            ..self
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let classes = |list: &[&[u8]]| list.iter().map(|class| 2 + class.len()).sum::<usize>();
        let lengths: [usize; 5] = [
            // Two octets more than the text has dots, and the flags.
            self.fqdn.map_or(0, |(name, _)| 4 + 1 + name.len() + 2 + 2),
            4 + classes(self.user_class),
            self.vendor_class.map_or(0, |(_, list)| 8 + classes(list)),
            self.vendor_options.map_or(0, |(_, list)| 8 + list.len()),
            2 * self.request.len(),
        ];
        let associations = usize::from(self.addresses) + usize::from(self.prefixes.0);
        let most = match self.mode {
            Mode::Stateless => 0..=config::DHCPV6_ASSOCIATIONS,
            _ => 1..=config::DHCPV6_ASSOCIATIONS,
        };
        if !most.contains(&associations) || self.prefixes.1 > 128 {
            return Err(ConfigError::Associations);
        }
        match lengths.iter().sum::<usize>() <= MOST {
            true => Ok(()),
            false => Err(ConfigError::TooLong),
        }
    }

    /// Writes what goes into messages of a type beside who is asked for what; `own` is the name of
    /// the stack, if it has one.
    pub(super) fn write(
        &self,
        writer: &mut MessageWriter<'_>,
        kind: MessageType,
        own: &str,
    ) -> Result<(), MessageFull> {
        let is_information = kind == MessageType::INFORMATION_REQUEST;
        let asks = [
            MessageType::SOLICIT,
            MessageType::REQUEST,
            MessageType::RENEW,
            MessageType::REBIND,
            MessageType::INFORMATION_REQUEST,
        ];
        let asks = asks.contains(&kind);
        if asks {
            self.write_request(writer, is_information)?;
            #[cfg(feature = "dhcpv6-reconfigure")]
            if self.reconfigure {
                writer.option(code::RECONFIGURE_ACCEPT, &[])?;
            }
        }
        if kind == MessageType::SOLICIT && self.rapid_commit {
            writer.option(code::RAPID_COMMIT, &[])?;
        }
        // "A client MUST only include the Client FQDN option in SOLICIT, REQUEST, RENEW, or REBIND
        // messages" (RFC 4704 §5).
        if let Some((name, updates)) = self.fqdn
            && asks
            && !is_information
        {
            writer.option(code::CLIENT_FQDN, &[&fqdn(name, updates)])?;
        }
        if !self.user_class.is_empty() {
            writer.association(code::USER_CLASS, &[], |writer| {
                writer.classes(self.user_class)
            })?;
        }
        if let Some((enterprise, classes)) = self.vendor_class {
            let enterprise = &enterprise.to_be_bytes();
            writer.association(code::VENDOR_CLASS, enterprise, |writer| {
                writer.classes(classes)
            })?;
        }
        if let Some((enterprise, options)) = self.vendor_options {
            let enterprise = enterprise.to_be_bytes();
            writer.option(code::VENDOR_OPTIONS, &[&enterprise, options])?;
        }
        if asks && !is_information && self.fqdn.is_none() && !own.is_empty() {
            // It was not measured with the configuration, and goes without saying.
            let name = fqdn(own, DnsUpdates::Server);
            let _: Result<(), MessageFull> = writer.option(code::CLIENT_FQDN, &[&name]);
        }
        Ok(())
    }

    fn write_request(
        &self,
        writer: &mut MessageWriter<'_>,
        is_information: bool,
    ) -> Result<(), MessageFull> {
        // "A DHCPv6 client MUST include" both of these "in any Option Request option" (RFC 7083 §7),
        // and the refresh time in one of an Information-request only (RFC 8415 §21.23).
        let refresh = is_information.then_some(code::INFORMATION_REFRESH_TIME);
        let fqdn = self.fqdn.filter(|_| !is_information);
        let fqdn = fqdn.map(|_| code::CLIENT_FQDN);
        let own = [code::SOL_MAX_RT, code::INF_MAX_RT].into_iter();
        let own = own.chain(refresh).chain(fqdn).chain(USED);
        let further = self.request.iter().copied();
        let further = further.filter(|code| !NEVER_REQUESTED.contains(code));
        writer.association(code::OPTION_REQUEST, &[], |writer| {
            own.clone().try_for_each(|code| writer.number(code))?;
            let mut further = further.filter(|code| !own.clone().any(|known| known == *code));
            further.try_for_each(|code| writer.number(code))
        })
    }
}

impl Default for ClientConfig<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Flags and labels (RFC 4704 §4).
fn fqdn(name: &str, updates: DnsUpdates) -> heapless::Vec<u8, 255> {
    let flags = match updates {
        DnsUpdates::Server => 1,
        DnsUpdates::Client => 0,
        DnsUpdates::None => 1 << 2,
    };
    let mut octets = heapless::Vec::new();
    let mut push = |octet| {
        // A longer name is none.
        let _: Result<(), u8> = octets.push(octet);
    };
    push(flags);
    labels(name, push);
    octets
}
