//! Names of hosts and services: getaddrinfo, getnameinfo (RFC 3493 §6).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use heapless::{String, Vec};

#[cfg(any(feature = "hostname", feature = "mgmt"))]
use super::address::text;
use super::constants::*;
#[cfg(any(feature = "hostname", feature = "mgmt"))]
use super::errno::Errno;
use super::table::Sockets;
use crate::config;
use crate::wire::IpAddress;

/// The longest name of a host, in characters (RFC 1035 §2.3.4).
const NAME: usize = 255;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal, $text:literal;)*) => {
        /// Why there is no address of a name, or no name of an address: the numbers of Linux.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(i32)]
        pub enum Eai {
            $($(#[doc = $doc])* $name = $value,)*
        }

        impl Eai {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it means, for C.
            #[cfg(feature = "c-abi")]
            pub(crate) const fn text(self) -> &'static core::ffi::CStr {
                match self {
                    $(Self::$name => crate::compat::c_text!($text),)*
                }
            }
        }

        impl core::fmt::Display for Eai {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

codes! {
    /// A flag is not known, or makes no sense here.
    BadFlags = -1, "invalid flags";
    /// There is no such host, or neither host nor service is asked for.
    NoName = -2, "no such host";
    /// The servers did not answer in time: later perhaps.
    Again = -3, "no answer now";
    /// The servers have failed, or there are none.
    Fail = -4, "no answer";
    /// The family is not known.
    Family = -6, "no such family";
    /// The type is not known.
    SockType = -7, "no such type of socket";
    /// The service is not known for the type.
    Service = -8, "no such service";
    /// There is no room for the result.
    Overflow = -12, "too long a name";
}

impl core::error::Error for Eai {}

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Those of `AI_*`.
    pub flags: i32,
    /// `AF_UNSPEC`, `AF_INET` or `AF_INET6`.
    pub family: i32,
    /// `SOCK_STREAM`, `SOCK_DGRAM`, or 0: both.
    pub socktype: i32,
    /// `IPPROTO_TCP`, `IPPROTO_UDP`, or 0: that of the type.
    pub protocol: i32,
}

/// An address, and the socket to use it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrInfo {
    /// The family.
    pub family: i32,
    /// The type.
    pub socktype: i32,
    /// The protocol.
    pub protocol: i32,
    /// The address and port.
    pub address: SocketAddr,
}

/// What [`Sockets::getaddrinfo`] has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddrInfos {
    /// In the order in which they are to be tried (RFC 6724 §6), each for every type.
    pub list: Vec<AddrInfo, { 2 * config::DNS_ADDRESSES }>,
    /// The name that is meant, with `AI_CANONNAME`.
    pub canonical: Option<String<NAME>>,
}

/// What [`Sockets::getnameinfo`] has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameInfo {
    /// The host.
    pub host: String<NAME>,
    /// The service.
    pub service: String<16>,
}

/// Services by name, with the types that they have (RFC 6335 §8).
const SERVICES: &[(&str, u16, bool, bool)] = &[
    ("echo", 7, true, true),
    ("discard", 9, true, true),
    ("daytime", 13, true, true),
    ("ftp", 21, true, false),
    ("ssh", 22, true, false),
    ("telnet", 23, true, false),
    ("smtp", 25, true, false),
    ("time", 37, true, true),
    ("domain", 53, true, true),
    ("tftp", 69, false, true),
    ("http", 80, true, false),
    ("ntp", 123, false, true),
    ("https", 443, true, true),
    ("syslog", 514, false, true),
    ("mqtt", 1883, true, false),
    ("coap", 5683, true, true),
    ("coaps", 5684, true, true),
    ("secure-mqtt", 8883, true, false),
];

/// The sockets that a service is for.
const KINDS: [(i32, i32); 2] = [(SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP)];

const FLAGS: i32 = AI_PASSIVE
    | AI_CANONNAME
    | AI_NUMERICHOST
    | AI_NUMERICSERV
    | AI_V4MAPPED
    | AI_ALL
    | AI_ADDRCONFIG;

impl<const N: usize> Sockets<'_, N> {
    /// The addresses of a host, with the port of a service. Without a host those of this one: with
    /// `AI_PASSIVE` to bind to, else to connect to.
    ///
    /// Without a resolver (feature `dns`, [`Sockets::with_resolver`]) a host is an address as text.
    pub async fn getaddrinfo(
        &self,
        host: Option<&str>,
        service: Option<&str>,
        hints: &Hints,
    ) -> Result<AddrInfos, Eai> {
        let Hints {
            flags,
            family,
            socktype,
            protocol,
        } = *hints;
        if flags & !FLAGS != 0 || flags & AI_CANONNAME != 0 && host.is_none() {
            return Err(Eai::BadFlags);
        }
        if ![AF_UNSPEC, AF_INET, AF_INET6].contains(&family) {
            return Err(Eai::Family);
        }
        if host.is_none() && service.is_none() {
            return Err(Eai::NoName);
        }
        let wanted = |kind: &(i32, i32)| {
            (socktype == 0 || socktype == kind.0) && (protocol == 0 || protocol == kind.1)
        };
        if !KINDS.iter().any(wanted) {
            return Err(Eai::SockType);
        }
        let mut addresses = match host {
            None => own_addresses(flags, family),
            Some(host) => self.addresses(host, flags, family).await?,
        };
        if flags & AI_ADDRCONFIG != 0 {
            addresses.retain(|address| self.has_version(*address));
        }
        let mut found = AddrInfos::default();
        for (socktype, protocol) in KINDS.iter().copied().filter(wanted) {
            let port = match service {
                None => Some(0),
                Some(service) => port(service, flags, socktype)?,
            };
            let Some(port) = port else { continue };
            for address in addresses.iter() {
                let family = match address {
                    IpAddr::V4(_) => AF_INET,
                    IpAddr::V6(_) => AF_INET6,
                };
                let entry = AddrInfo {
                    family,
                    socktype,
                    protocol,
                    address: scoped(host, SocketAddr::new(*address, port)),
                };
                // There is room for two of each address.
                let _: Result<(), AddrInfo> = found.list.push(entry);
            }
        }
        if addresses.is_empty() {
            return Err(Eai::NoName);
        }
        if found.list.is_empty() {
            return Err(Eai::Service);
        }
        if flags & AI_CANONNAME != 0
            && let Some(host) = host
        {
            found.canonical = Some(self.canonical(host).await?);
        }
        Ok(found)
    }

    /// The addresses of a host by name or as text.
    async fn addresses(&self, host: &str, flags: i32, family: i32) -> Result<Addresses, Eai> {
        let mapped = flags & AI_V4MAPPED != 0 && family == AF_INET6;
        // A zone is of the address as text, and no part of it.
        let bare = host.split('%').next().unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let address = match (family, address) {
                (AF_INET6, IpAddr::V4(v4)) if mapped => v4.to_ipv6_mapped().into(),
                (AF_INET, IpAddr::V6(_)) | (AF_INET6, IpAddr::V4(_)) => return Err(Eai::NoName),
                (_, address) => address,
            };
            return Ok(Addresses::from_iter([address]));
        }
        if flags & AI_NUMERICHOST != 0 {
            return Err(Eai::NoName);
        }
        self.resolve(host, flags, family, mapped).await
    }

    #[cfg(feature = "dns")]
    async fn resolve(
        &self,
        host: &str,
        flags: i32,
        family: i32,
        mapped: bool,
    ) -> Result<Addresses, Eai> {
        use crate::proto::dns::Family;

        let resolver = self.resolver.ok_or(Eai::Fail)?;
        let wanted = match family {
            AF_INET => Family::V4,
            AF_INET6 if mapped && flags & AI_ALL != 0 => Family::Any,
            AF_INET6 => Family::V6,
            _ => Family::Any,
        };
        let found = match resolver.lookup_host(host, wanted).await {
            // "If no IPv6 addresses are found" (RFC 3493 §6.1).
            Err(_) if mapped && wanted == Family::V6 => {
                resolver.lookup_host(host, Family::V4).await
            }
            found => found,
        };
        let mut found = found.map_err(Eai::from)?;
        if mapped {
            for address in found.iter_mut() {
                if let IpAddr::V4(v4) = *address {
                    *address = v4.to_ipv6_mapped().into();
                }
            }
        }
        Ok(found)
    }

    #[cfg(not(feature = "dns"))]
    async fn resolve(&self, _: &str, _: i32, _: i32, _: bool) -> Result<Addresses, Eai> {
        Err(Eai::Fail)
    }

    /// The name that a host's name means.
    async fn canonical(&self, host: &str) -> Result<String<NAME>, Eai> {
        #[cfg(feature = "dns")]
        if let Some(resolver) = self.resolver
            && host.parse::<IpAddr>().is_err()
            && let Ok(name) = resolver.lookup_alias(host).await
        {
            return written(format_args!("{name}"));
        }
        written(format_args!("{host}"))
    }

    /// Whether this host has an address of the version, other than one of its own only.
    fn has_version(&self, address: IpAddr) -> bool {
        let is_ipv6 = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none());
        self.stack.visit(|core| {
            let mut sources = core.interfaces().flat_map(|(_, i)| i.sources());
            sources.any(|source| {
                let own = IpAddr::from(source.address);
                own.is_ipv6() == is_ipv6 && !own.is_loopback()
            })
        })
    }

    /// The names of an address and a port: with `NI_NUMERICHOST` and `NI_NUMERICSERV`, or where
    /// nobody knows a name, as text.
    ///
    /// # Errors
    ///
    /// [`Eai::NoName`] with `NI_NAMEREQD` if the host has no name.
    pub async fn getnameinfo(&self, address: SocketAddr, flags: i32) -> Result<NameInfo, Eai> {
        if flags & !(NI_NUMERICHOST | NI_NUMERICSERV | NI_NAMEREQD | NI_DGRAM) != 0
            || flags & NI_NUMERICHOST != 0 && flags & NI_NAMEREQD != 0
        {
            return Err(Eai::BadFlags);
        }
        let named = match flags & NI_NUMERICHOST {
            0 => self.name_of(address.ip()).await?,
            _ => None,
        };
        let host = match named {
            Some(name) => name,
            None if flags & NI_NAMEREQD != 0 => return Err(Eai::NoName),
            None => match address {
                SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                    written(format_args!("{}%{}", v6.ip(), v6.scope_id()))?
                }
                other => written(format_args!("{}", other.ip()))?,
            },
        };
        let datagrams = flags & NI_DGRAM != 0;
        let known = SERVICES.iter().find(|(_, port, stream, dgram)| {
            *port == address.port() && if datagrams { *dgram } else { *stream }
        });
        let service = match known.filter(|_| flags & NI_NUMERICSERV == 0) {
            Some((name, ..)) => written(format_args!("{name}"))?,
            None => written(format_args!("{}", address.port()))?,
        };
        Ok(NameInfo { host, service })
    }

    #[cfg(feature = "dns")]
    async fn name_of(&self, address: IpAddr) -> Result<Option<String<NAME>>, Eai> {
        let Some(resolver) = self.resolver else {
            return Ok(None);
        };
        match resolver.lookup_addr(address.to_canonical()).await {
            Ok(name) => written(format_args!("{name}")).map(Some),
            Err(_) => Ok(None),
        }
    }

    #[cfg(not(feature = "dns"))]
    async fn name_of(&self, _: IpAddr) -> Result<Option<String<NAME>>, Eai> {
        Ok(None)
    }

    /// The name of the host, in what was lent for it.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is no room for it.
    #[cfg(feature = "hostname")]
    pub fn gethostname<'b>(&self, to: &'b mut [u8]) -> Result<&'b str, Errno> {
        let name = self.stack.hostname();
        text(to, format_args!("{}", name.as_str()))
    }

    /// The number of an interface by its name, counted from 1 (RFC 3493 §4.1).
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is none.
    #[cfg(feature = "mgmt")]
    pub fn if_nametoindex(&self, name: &str) -> Result<u32, Errno> {
        let found = self.stack.find_interface(name);
        found.map(|id| u32::from(id) + 1).ok_or(Errno::ENODEV)
    }

    /// The name of an interface by its number, in what was lent for it (RFC 3493 §4.2).
    ///
    /// # Errors
    ///
    /// `ENXIO` if there is none, `ENOSPC` if there is no room.
    #[cfg(feature = "mgmt")]
    pub fn if_indextoname<'b>(&self, index: u32, to: &'b mut [u8]) -> Result<&'b str, Errno> {
        let id = index.checked_sub(1).and_then(|id| u8::try_from(id).ok());
        let name = id.and_then(|id| self.stack.name(id)).ok_or(Errno::ENXIO)?;
        text(to, format_args!("{}", &*name))
    }
}

#[cfg(feature = "dns")]
impl From<crate::proto::dns::DnsError> for Eai {
    fn from(error: crate::proto::dns::DnsError) -> Self {
        use crate::proto::dns::DnsError;

        match error {
            DnsError::NameInvalid | DnsError::NotFound | DnsError::NoData => Self::NoName,
            DnsError::Timeout | DnsError::Unreachable | DnsError::NoSocket => Self::Again,
            _ => Self::Fail,
        }
    }
}

/// Addresses of one host.
type Addresses = Vec<IpAddr, { config::DNS_ADDRESSES }>;

/// Those of this host, to bind or to connect to (RFC 3493 §6.1).
fn own_addresses(flags: i32, family: i32) -> Addresses {
    let both: [IpAddr; 2] = match flags & AI_PASSIVE {
        0 => [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
        _ => [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
    };
    let wanted = |address: &IpAddr| {
        let is_built = IpAddress::try_from(*address).is_ok();
        is_built && (family == AF_UNSPEC || (family == AF_INET6) == address.is_ipv6())
    };
    both.into_iter().filter(wanted).collect()
}

/// The port of a service for a type; none if it is known for another type only.
fn port(service: &str, flags: i32, socktype: i32) -> Result<Option<u16>, Eai> {
    if let Ok(port) = service.parse::<u16>() {
        return Ok(Some(port));
    }
    if flags & AI_NUMERICSERV != 0 {
        return Err(Eai::NoName);
    }
    let known = SERVICES.iter().find(|(name, ..)| *name == service);
    let (_, port, stream, datagrams) = known.ok_or(Eai::Service)?;
    let is_for = if socktype == SOCK_STREAM {
        *stream
    } else {
        *datagrams
    };
    Ok(is_for.then_some(*port))
}

/// With the zone that stands behind an address as text, as a number (RFC 4007 §11.2).
fn scoped(host: Option<&str>, mut address: SocketAddr) -> SocketAddr {
    let zone = host.and_then(|host| host.split_once('%'));
    if let (SocketAddr::V6(v6), Some((_, zone))) = (&mut address, zone)
        && let Ok(zone) = zone.parse()
    {
        v6.set_scope_id(zone);
    }
    address
}

fn written<const L: usize>(arguments: core::fmt::Arguments<'_>) -> Result<String<L>, Eai> {
    let mut text = String::new();
    core::fmt::Write::write_fmt(&mut text, arguments).map_err(|_| Eai::Overflow)?;
    Ok(text)
}
