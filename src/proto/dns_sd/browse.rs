//! Services of others (RFC 6763 §4, §5, §9, §12).

use core::pin::pin;

use heapless::Vec;

use super::attributes::Attributes;
use super::register::push_type;
use crate::config;
use crate::proto::deadline::before;
use crate::proto::dns::{Addresses, MAX_LABEL, Name, NameRef, RecordData, RecordType, Txt};
use crate::proto::mdns::querier::{Asking, MdnsError};
use crate::proto::mdns::responder::{SUBTYPE, TYPES};
use crate::proto::mdns::{Mdns, name_in};
use crate::stack::InterfaceId;
use crate::time::Duration;

/// How long is waited for where a service is, and what is said of it.
const PATIENCE: Duration = Duration::from_millis(config::MDNS_TIMEOUT as u64);
/// Octets of a type, with a subtype and the domain.
const TYPE_NAME: usize = 64 + 5 + 17 + 5 + 7;

/// The name of an instance of a service, or of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instance {
    /// Its whole name, such as `Kettle._http._tcp.local`.
    pub name: Name,
    /// The interface that it was found on.
    pub interface: InterfaceId,
}

impl Instance {
    /// What users know it by: the first label, if that is UTF-8 as it should be (RFC 6763 §4.1.1).
    pub fn label(&self) -> Option<&str> {
        core::str::from_utf8(self.name.labels().next()?).ok()
    }
}

/// What a browser has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Found {
    /// An instance is there.
    Added(Instance),
    /// It is no longer.
    Removed(Instance),
}

/// Looks for the instances of a type, on all interfaces, for as long as it is held: those of other
/// hosts.
pub struct Browser<'m, 'a>(Asking<'m, 'a>);

impl Browser<'_, '_> {
    /// Waits until an instance comes or goes. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Found {
        let place = self.0.place;
        (self.0.mdns)
            .until(|now, shared| {
                let querier = &mut shared.querier;
                querier.next_change(now, place, |has_come, interface, data| {
                    let RecordData::Ptr(name) = data else {
                        return None;
                    };
                    let name = Name::from(*name);
                    let instance = Instance { name, interface };
                    Some(match has_come {
                        true => Found::Added(instance),
                        false => Found::Removed(instance),
                    })
                })?
            })
            .await
    }
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<'t> {
    /// The host.
    pub host: Name,
    /// The port.
    pub port: u16,
    /// The addresses of the host, in the order in which they are to be tried.
    pub addresses: Addresses,
    /// What is said of the service.
    pub attributes: Attributes<'t>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Resolved<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let addresses = &self.addresses[..];
        defmt::write!(
            f,
            "{} {} {} {}",
            self.host,
            self.port,
            addresses,
            self.attributes
        );
    }
}

impl<'a> Mdns<'a> {
    /// Looks for services of a type, as in `_http._tcp`.
    pub fn browse(&self, kind: &str) -> Result<Browser<'_, 'a>, MdnsError> {
        self.browse_octets(&type_name(None, kind)?)
    }

    /// Looks for services of a subtype (RFC 6763 §7.1).
    pub fn browse_subtype(&self, subtype: &str, kind: &str) -> Result<Browser<'_, 'a>, MdnsError> {
        self.browse_octets(&type_name(Some(subtype), kind)?)
    }

    /// Looks for the types of services that there are (RFC 6763 §9).
    pub fn browse_types(&self) -> Result<Browser<'_, 'a>, MdnsError> {
        self.browse_octets(TYPES)
    }

    fn browse_octets(&self, name: &[u8]) -> Result<Browser<'_, 'a>, MdnsError> {
        let asking = self.read(name_in(name), (RecordType::PTR, None))?;
        Ok(Browser(asking))
    }

    /// Finds out where a service is. What is said of it is copied to `to`.
    pub async fn resolve<'t>(
        &self,
        instance: &Instance,
        to: &'t mut [u8],
    ) -> Result<Resolved<'t>, MdnsError> {
        let name = instance.name.view();
        let link = Some(instance.interface);
        let (srv, txt) = ((RecordType::SRV, link), (RecordType::TXT, link));
        let mut found = None;
        let mut length = None;
        {
            let _asking = (self.open(name, srv)?, self.open(name, txt)?);
            let work = pin!(self.until(|now, shared| {
                let querier = &shared.querier;
                let _: bool = querier.visit(now, name, srv, &mut |_, data| {
                    // One service has one SRV record (RFC 6763 §5).
                    if let RecordData::Srv(srv) = data {
                        let _: &mut _ =
                            found.get_or_insert_with(|| (Name::from(srv.target), srv.port));
                    }
                });
                let _: bool = querier.visit(now, name, txt, &mut |_, data| {
                    if let RecordData::Txt(txt) = data {
                        length = Some(copy(txt.as_bytes(), to));
                    }
                });
                (found.is_some() && length.is_some()).then_some(())
            }));
            let deadline = self.stack.now() + PATIENCE;
            let is_there = before(self.stack, deadline, work).await.is_some();
            if !is_there {
                return Err(MdnsError::NotFound);
            }
        }
        let (host, port) = found.ok_or(MdnsError::NotFound)?;
        let length = length.flatten().ok_or(MdnsError::TooLong)?;
        let addresses = self.lookup_name(host.view(), link).await?;
        let txt = to.get(..length).unwrap_or(&[]);
        Ok(Resolved {
            host,
            port,
            addresses,
            attributes: Attributes::new(Txt::new(txt).map_err(|_| MdnsError::TooLong)?),
        })
    }

    /// Says that a record of a name has turned out to be wrong, say since nothing answers at a port that
    /// an SRV record gives: it is asked for again, and forgotten after ten seconds without an answer
    /// (RFC 6762 §10.4). Says whether it is still there then.
    pub async fn reconfirm(&self, name: NameRef<'_>, kind: RecordType) -> Result<bool, MdnsError> {
        let asking = self.open(name, (kind, None))?;
        self.change(|now, shared, _| shared.querier.doubt(now, asking.place));
        self.stack.sleep(Duration::from_secs(11)).await;
        let now = self.stack.now();
        let shared = self.borrow();
        Ok((shared.querier).visit(now, name, (kind, None), &mut |_, _| {}))
    }
}

/// Copies octets if there is room; says how many they are.
fn copy(from: &[u8], to: &mut [u8]) -> Option<usize> {
    let to = to.get_mut(..from.len())?;
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    Some(from.len())
}

/// The name below which the instances of a type stand.
fn type_name(subtype: Option<&str>, kind: &str) -> Result<Vec<u8, TYPE_NAME>, MdnsError> {
    let mut name = Vec::new();
    if let Some(subtype) = subtype {
        if subtype.is_empty() || subtype.len() > MAX_LABEL {
            return Err(MdnsError::NameInvalid);
        }
        for part in [subtype.as_bytes(), SUBTYPE] {
            for part in [&[part.len() as u8], part] {
                name.extend_from_slice(part)
                    .map_err(|_| MdnsError::NameInvalid)?;
            }
        }
    }
    push_type(&mut name, kind).map_err(|_| MdnsError::NameInvalid)?;
    Ok(name)
}
