//! Services of this host (RFC 6763 §4, §5, §7).

use heapless::Vec;

use super::attributes::{self, Attribute};
use crate::proto::dns::MAX_LABEL;
use crate::proto::mdns::LOCAL;
use crate::proto::mdns::Mdns;
use crate::proto::mdns::responder::{SERVICE_NAME, Service};

/// "no more than fifteen characters long (not counting the mandatory underscore)" (RFC 6763 §7).
const TYPE_LENGTH: usize = 15;
/// Subtypes of a service.
const SUBTYPES: usize = 7;

/// Why a service was not registered, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RegisterError {
    /// The name of an instance has 1 to 63 octets and no control characters (RFC 6763 §4.1.1).
    Instance,
    /// A type is `_` and up to 15 letters, digits and inner hyphens, with a letter among them, then
    /// `._tcp` or `._udp` (RFC 6763 §4.1.2, §7).
    Type,
    /// There are more than seven subtypes, or one does not have 1 to 63 octets.
    Subtype,
    /// A key is none or is there twice, or an attribute has more than 255 octets (RFC 6763 §6.4).
    Attribute,
    /// Attributes or subtypes are longer than [`MDNS_TXT`](crate::config::MDNS_TXT)
    /// or [`MDNS_SUBTYPES`](crate::config::MDNS_SUBTYPES).
    TooLong,
    /// There are [`MDNS_SERVICES`](crate::config::MDNS_SERVICES) already.
    TooMany,
    /// There is such an instance already.
    Duplicate,
    /// The service has been taken back.
    Gone,
}

impl core::fmt::Display for RegisterError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Instance => "not the name of an instance",
            Self::Type => "not the type of a service",
            Self::Subtype => "not a subtype, or too many",
            Self::Attribute => "not an attribute, or there twice",
            Self::TooLong => "there is no room for that much",
            Self::TooMany => "there are as many services as there is room for",
            Self::Duplicate => "the instance is there already",
            Self::Gone => "there is no such service any longer",
        })
    }
}

impl core::error::Error for RegisterError {}

/// A service of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ServiceId {
    place: u8,
    generation: u16,
}

impl ServiceId {
    pub(in crate::proto) const fn new(place: usize, generation: u16) -> Self {
        Self {
            place: place as u8,
            generation,
        }
    }
}

/// What a service is.
///
/// ```
/// # use zonda::proto::dns_sd::{Attribute, ServiceConfig};
/// let attributes = [Attribute::new("path", b"/state"), Attribute::flag("steam")];
/// let service = ServiceConfig::new("Kettle in the kitchen", "_http._tcp", 80)
///     .subtypes(&["_printer"])
///     .attributes(&attributes);
/// # let _ = service;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServiceConfig<'s> {
    instance: &'s str,
    kind: &'s str,
    port: u16,
    subtypes: &'s [&'s str],
    attributes: &'s [Attribute<'s>],
}

impl<'s> ServiceConfig<'s> {
    /// A service that users know by `instance`, of a type as in `_http._tcp`, on a port of this host.
    pub const fn new(instance: &'s str, kind: &'s str, port: u16) -> Self {
        Self {
            instance,
            kind,
            port,
            subtypes: &[],
            attributes: &[],
        }
    }

    /// It is also found by these subtypes of its type (RFC 6763 §7.1).
    #[must_use]
    pub const fn subtypes(self, subtypes: &'s [&'s str]) -> Self {
        Self { subtypes, ..self }
    }

    /// Says this of it (RFC 6763 §6).
    #[must_use]
    pub const fn attributes(self, attributes: &'s [Attribute<'s>]) -> Self {
        Self { attributes, ..self }
    }

    /// Has a service without a stack.
    #[cfg(test)]
    pub(in crate::proto) fn put(&self, shared: &mut crate::proto::mdns::Shared) {
        let places = &mut shared.responder.owners.services;
        *places.first_mut().unwrap() = Some(self.service().unwrap());
    }

    fn service(&self) -> Result<Service, RegisterError> {
        let mut name = instance(self.instance)?;
        push_type(&mut name, self.kind)?;
        if self.subtypes.len() > SUBTYPES {
            return Err(RegisterError::Subtype);
        }
        let mut subtypes = Vec::new();
        for subtype in self.subtypes {
            let length = match subtype.len() {
                length @ 1..=MAX_LABEL => length as u8,
                _ => return Err(RegisterError::Subtype),
            };
            for part in [&[length], subtype.as_bytes()] {
                let put = subtypes.extend_from_slice(part);
                put.map_err(|_| RegisterError::TooLong)?;
            }
        }
        Ok(Service::new(
            name,
            subtypes,
            attributes::write(self.attributes)?,
            self.port,
        ))
    }
}

/// The label of an instance.
fn instance(text: &str) -> Result<Vec<u8, SERVICE_NAME>, RegisterError> {
    let mut name = Vec::new();
    let is_control = |octet: u8| octet < 0x20 || octet == 0x7f;
    if text.is_empty() || text.len() > MAX_LABEL || text.bytes().any(is_control) {
        return Err(RegisterError::Instance);
    }
    for part in [&[text.len() as u8], text.as_bytes()] {
        name.extend_from_slice(part)
            .map_err(|_| RegisterError::Instance)?;
    }
    Ok(name)
}

/// Adds the labels of a type and of the domain.
pub(super) fn push_type<const N: usize>(
    name: &mut Vec<u8, N>,
    kind: &str,
) -> Result<(), RegisterError> {
    let dot = kind.bytes().position(|octet| octet == b'.');
    let (service, rest) =
        (dot.and_then(|dot| kind.as_bytes().split_at_checked(dot))).ok_or(RegisterError::Type)?;
    let (Some((b'_', text)), Some((_, protocol))) = (service.split_first(), rest.split_first())
    else {
        return Err(RegisterError::Type);
    };
    let octets = || text.iter();
    let is_edge = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_alphanumeric);
    let is_fine = (1..=TYPE_LENGTH).contains(&text.len())
        && octets().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
        && octets().any(u8::is_ascii_alphabetic)
        && is_edge(octets().next())
        && is_edge(octets().next_back())
        && !text.windows(2).any(|pair| pair == b"--");
    let is_protocol = [b"_tcp", b"_udp"]
        .iter()
        .any(|known| protocol.eq_ignore_ascii_case(*known));
    if !is_fine || !is_protocol {
        return Err(RegisterError::Type);
    }
    let parts = [
        &[service.len() as u8],
        service,
        &[protocol.len() as u8],
        protocol,
        LOCAL,
    ];
    for part in parts {
        name.extend_from_slice(part)
            .map_err(|_| RegisterError::Type)?;
    }
    Ok(())
}

impl Mdns<'_> {
    /// Tells of a service of this host, as soon as it is known that nobody else has an instance of
    /// that name and the host itself has a name. Nobody looks whether there is a socket at its port.
    pub fn register(&self, service: &ServiceConfig<'_>) -> Result<ServiceId, RegisterError> {
        let mut service = service.service()?;
        self.change(|now, shared, rng| {
            let responder = &mut shared.responder;
            if responder.owners.has(&service) {
                return Err(RegisterError::Duplicate);
            }
            service.generation = rng.next_u32() as u16;
            let generation = service.generation;
            let mut places = responder.owners.services.iter_mut().enumerate();
            let free = places.find(|(_, place)| place.is_none());
            let (place, free) = free.ok_or(RegisterError::TooMany)?;
            *free = Some(service);
            responder.claim(now, 1 + place);
            Ok(ServiceId::new(place, generation))
        })
    }

    /// Says other attributes of a service from now on (RFC 6762 §8.4: not more often than ten times a
    /// minute).
    pub fn set_attributes(
        &self,
        id: ServiceId,
        attributes: &[Attribute<'_>],
    ) -> Result<(), RegisterError> {
        let txt = attributes::write(attributes)?;
        self.change(|now, shared, _| {
            let service = shared
                .responder
                .service_mut(id)
                .ok_or(RegisterError::Gone)?;
            service.txt = txt;
            shared.responder.announce(now, 1 + usize::from(id.place));
            Ok(())
        })
    }

    /// Takes a service back, and says goodbye for it; its place is free when that is done.
    pub fn unregister(&self, id: ServiceId) -> Result<(), RegisterError> {
        self.change(|_, shared, _| {
            let service = shared.responder.service_mut(id);
            let _: &mut Service = service.ok_or(RegisterError::Gone)?;
            shared.responder.leave(1 + usize::from(id.place));
            Ok(())
        })
    }

    /// Shows `read` what the instance of a service is called now. It does not use multicast DNS.
    pub fn instance_name<R>(
        &self,
        id: ServiceId,
        read: impl FnOnce(&str) -> R,
    ) -> Result<R, RegisterError> {
        let mut shared = self.borrow();
        let service = shared
            .responder
            .service_mut(id)
            .ok_or(RegisterError::Gone)?;
        // It was text, and is cut between characters.
        Ok(read(
            core::str::from_utf8(service.instance()).unwrap_or_default(),
        ))
    }

    /// Whether the name of a service is known to be its own on an interface.
    pub fn is_registered(&self, id: ServiceId, interface: crate::stack::InterfaceId) -> bool {
        let mut shared = self.borrow();
        let owner = 1 + usize::from(id.place);
        shared.responder.service_mut(id).is_some()
            && shared.responder.is_ours(interface.into(), owner)
    }
}

impl crate::proto::mdns::responder::Responder {
    fn service_mut(&mut self, id: ServiceId) -> Option<&mut Service> {
        let service = self
            .owners
            .services
            .get_mut(usize::from(id.place))?
            .as_mut();
        service.filter(|service| service.generation == id.generation && !service.is_leaving())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_instances_and_types_are_checked() {
        let check = |instance, kind| ServiceConfig::new(instance, kind, 80).service().err();
        let longest = "a".repeat(63);
        for instance in ["a", "Büro: Drucker. 2", longest.as_str()] {
            assert_eq!(check(instance, "_http._tcp"), None, "{instance}");
        }
        let long = "a".repeat(64);
        for instance in ["", "a\tb", "a\u{7f}", long.as_str()] {
            assert_eq!(check(instance, "_http._tcp"), Some(RegisterError::Instance));
        }
        for kind in ["_a._udp", "_abcdefghijklmno._tcp", "_a-1._TCP"] {
            assert_eq!(check("a", kind), None, "{kind}");
        }
        let bad = [
            "",
            "http._tcp",
            "_http",
            "_http._sctp",
            "_http._tcp.local",
            "_._tcp",
            "_80._tcp",
            "_-a._tcp",
            "_a-._tcp",
            "_a--b._tcp",
            "_a_b._tcp",
            "_abcdefghijklmnop._tcp",
        ];
        for kind in bad {
            assert_eq!(check("a", kind), Some(RegisterError::Type), "{kind}");
        }
    }

    #[test]
    fn name_of_a_service_is_written_octet_by_octet() {
        let config = ServiceConfig::new("My. Kettle", "_http._tcp", 80).subtypes(&["_steam", "x"]);
        let service = config.service().unwrap();
        assert_eq!(
            service.name,
            *b"\x0aMy. Kettle\x05_http\x04_tcp\x05local\x00"
        );
        assert_eq!(service.subtypes, *b"\x06_steam\x01x");
        assert_eq!(service.txt, [0]);
        let many = ["a"; 8];
        let config = ServiceConfig::new("a", "_http._tcp", 80).subtypes(&many);
        assert_eq!(config.service().err(), Some(RegisterError::Subtype));
        let config = ServiceConfig::new("a", "_http._tcp", 80).subtypes(&["0123456789abcde"; 3]);
        assert_eq!(config.service().err(), Some(RegisterError::TooLong));
    }
}
