//! What is asked once: hosts and addresses (RFC 6762 §3, §4).

use core::net::IpAddr;
use core::pin::pin;

use super::super::handle::{Mdns, Shared};
use super::super::{LOCAL, name_in};
use crate::config;
use crate::proto::deadline::before;
use crate::proto::dns::{Addresses, Name, NameRef, RecordData, RecordType};
use crate::stack::InterfaceId;
use crate::time::Duration;
use crate::wire::IpAddress;

/// How long the addresses of the other version are waited for. They come along with those of one
/// (RFC 6762 §6.2), but for what was lost.
const OTHER_VERSION: Duration = Duration::from_millis(200);
/// How long a lookup takes at most.
const PATIENCE: Duration = Duration::from_millis(config::MDNS_TIMEOUT as u64);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MdnsError {
    /// What was asked for is not a name, or too long for one.
    NameInvalid,
    /// The name is none that is asked for by multicast (RFC 6762 §3, §4).
    NotLocal,
    /// Nobody has answered.
    NotFound,
    /// The name exists, and has nothing of what was asked for.
    NoData,
    /// The answer is longer than what there is room for.
    TooLong,
    /// As much as [`MDNS_QUESTIONS`](config::MDNS_QUESTIONS) is asked already.
    TooManyQuestions,
}

impl core::fmt::Display for MdnsError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NameInvalid => "not a name",
            Self::NotLocal => "not a name of the link",
            Self::NotFound => "nobody answers",
            Self::NoData => "the name has no such records",
            Self::TooLong => "the answer is too long",
            Self::TooManyQuestions => "too many questions at once",
        })
    }
}

impl core::error::Error for MdnsError {}

/// What is asked for: a type, and the only interface.
type Key = (RecordType, Option<u8>);

/// An interest in the answers to a question. Dropped, it ends.
pub(in crate::proto) struct Asking<'m, 'a> {
    pub(in crate::proto) mdns: &'m Mdns<'a>,
    pub(in crate::proto) place: usize,
    /// It is told what comes and goes.
    reads: bool,
}

impl Drop for Asking<'_, '_> {
    fn drop(&mut self) {
        (self.mdns).change(|_, shared, _| shared.querier.close(self.place, self.reads));
    }
}

/// Whether a name is asked for by multicast: those that end in `.local` (RFC 6762 §3), and those of
/// addresses that are good for one link (§4).
pub(in crate::proto) fn is_local(name: NameRef<'_>) -> bool {
    const LINK_LOCAL: [&[u8]; 5] = [
        b"\x03254\x03169\x07in-addr\x04arpa\x00",
        b"\x018\x01e\x01f\x03ip6\x04arpa\x00",
        b"\x019\x01e\x01f\x03ip6\x04arpa\x00",
        b"\x01a\x01e\x01f\x03ip6\x04arpa\x00",
        b"\x01b\x01e\x01f\x03ip6\x04arpa\x00",
    ];
    name.is_within(name_in(LOCAL)) || LINK_LOCAL.iter().any(|zone| name.is_within(name_in(zone)))
}

impl<'a> Mdns<'a> {
    /// Asks a question from now on.
    pub(in crate::proto) fn open(
        &self,
        name: NameRef<'_>,
        key: Key,
    ) -> Result<Asking<'_, 'a>, MdnsError> {
        self.open_as(name, key, false)
    }

    /// Asks a question from now on, to be told what comes and goes.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn read(
        &self,
        name: NameRef<'_>,
        key: Key,
    ) -> Result<Asking<'_, 'a>, MdnsError> {
        self.open_as(name, key, true)
    }

    fn open_as(
        &self,
        name: NameRef<'_>,
        key: Key,
        reads: bool,
    ) -> Result<Asking<'_, 'a>, MdnsError> {
        let place = self.change(|now, shared, rng| {
            let querier = &mut shared.querier;
            querier.open(now, rng, name, key, reads)
        })?;
        Ok(Asking {
            mdns: self,
            place,
            reads,
        })
    }

    /// Shows `visit` the records of a name of the link. It uses neither the stack nor multicast DNS.
    #[cfg(feature = "dns")]
    pub(in crate::proto) async fn ask_local(
        &self,
        name: NameRef<'_>,
        kind: RecordType,
        visit: &mut dyn FnMut(&RecordData<'_>),
    ) -> Result<(), MdnsError> {
        match is_local(name) {
            true => self.ask(name, (kind, None), visit).await,
            false => Err(MdnsError::NotLocal),
        }
    }

    /// Shows `visit` the records of a name. It uses neither the stack nor multicast DNS.
    async fn ask(
        &self,
        name: NameRef<'_>,
        key: Key,
        visit: &mut dyn FnMut(&RecordData<'_>),
    ) -> Result<(), MdnsError> {
        if self.show_own(name, key, visit) {
            return Ok(());
        }
        let _asking = self.open(name, key)?;
        let work = pin!(self.until(|now, shared| {
            let querier = &shared.querier;
            if querier.visit(now, name, key, &mut |_, data| visit(data)) {
                return Some(Ok(()));
            }
            querier
                .is_none(now, name, key)
                .then_some(Err(MdnsError::NoData))
        }));
        let deadline = self.stack.now() + PATIENCE;
        let found = before(self.stack, deadline, work).await;
        found.unwrap_or(Err(MdnsError::NotFound))
    }

    /// Shows `visit` what this host itself answers; says whether that is something.
    fn show_own(
        &self,
        name: NameRef<'_>,
        key: Key,
        visit: &mut dyn FnMut(&RecordData<'_>),
    ) -> bool {
        #[cfg(feature = "mdns-responder")]
        {
            let shared = self.borrow();
            shared.responder.show(&shared.links, name, key, visit)
        }
        #[cfg(not(feature = "mdns-responder"))]
        {
            let _ = (name, key, visit);
            false
        }
    }

    /// The addresses of a host, as in `zonda.local`, in the order in which they are to be tried (RFC
    /// 6724 §6): at most [`DNS_ADDRESSES`](config::DNS_ADDRESSES), on one interface or on all.
    ///
    /// Hosts on different interfaces may have the same name: where that matters, ask on one (RFC 6762
    /// §14).
    pub async fn lookup_host(
        &self,
        name: &str,
        interface: Option<InterfaceId>,
    ) -> Result<Addresses, MdnsError> {
        let name = Name::new(name).map_err(|_| MdnsError::NameInvalid)?;
        self.lookup_name(name.view(), interface).await
    }

    /// As [`Mdns::lookup_host`], of a name that has been read.
    pub async fn lookup_name(
        &self,
        name: NameRef<'_>,
        interface: Option<InterfaceId>,
    ) -> Result<Addresses, MdnsError> {
        if !is_local(name) {
            return Err(MdnsError::NotLocal);
        }
        let mut addresses = Addresses::new();
        let mut add = |data: &RecordData<'_>| {
            let address = match data {
                RecordData::A(address) => IpAddr::V4(*address),
                RecordData::Aaaa(address) => IpAddr::V6(*address),
                _ => return,
            };
            // Of a version that is built in.
            if IpAddress::try_from(address).is_ok() && !addresses.contains(&address) {
                // When there is no room for more, there are enough.
                let _: Result<(), IpAddr> = addresses.push(address);
            }
        };
        let keys = [(RecordType::A, interface), (RecordType::AAAA, interface)];
        let mut is_there = false;
        for key in keys {
            is_there |= self.show_own(name, key, &mut add);
        }
        if !is_there {
            let _asking = (self.open(name, keys[0])?, self.open(name, keys[1])?);
            let answered = |shared: &Shared, now, key: &Key| {
                let querier = &shared.querier;
                querier.visit(now, name, *key, &mut |_, _| {}) || querier.is_none(now, name, *key)
            };
            let one = pin!(self.until(|now, shared| {
                let mut keys = keys.iter();
                keys.any(|key| answered(shared, now, key)).then_some(())
            }));
            is_there = before(self.stack, self.stack.now() + PATIENCE, one)
                .await
                .is_some();
            if is_there {
                let both = pin!(self.until(|now, shared| {
                    let mut keys = keys.iter();
                    keys.all(|key| answered(shared, now, key)).then_some(())
                }));
                let deadline = self.stack.now() + OTHER_VERSION;
                let _: Option<()> = before(self.stack, deadline, both).await;
            }
            let now = self.stack.now();
            for key in keys {
                let querier = &self.borrow().querier;
                let _: bool = querier.visit(now, name, key, &mut |_, data| add(data));
            }
        }
        self.stack.order_destinations(&mut addresses);
        match (addresses.is_empty(), is_there) {
            (false, _) => Ok(addresses),
            (true, true) => Err(MdnsError::NoData),
            (true, false) => Err(MdnsError::NotFound),
        }
    }

    /// The name of a host on the link with this address.
    pub async fn lookup_addr(
        &self,
        address: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<Name, MdnsError> {
        let name = Name::reverse(address);
        let mut found = None;
        let key = (RecordType::PTR, interface);
        self.ask(name.view(), key, &mut |data| {
            if let RecordData::Ptr(target) = data {
                let _: &mut Name = found.get_or_insert_with(|| Name::from(*target));
            }
        })
        .await?;
        found.ok_or(MdnsError::NoData)
    }
}
