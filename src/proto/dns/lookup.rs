//! What is asked by name: hosts, services, texts.

use core::future::{Future, poll_fn};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use heapless::Vec;

use super::Addresses;
use super::name::{Name, NameRef};
use super::query::Visit;
use super::record::{RecordData, RecordType, Txt};
use super::resolver::{DnsError, Resolver};
use crate::config;

/// The domain of names that are good for one link (RFC 6762 §3).
const LOCAL: &[u8] = b"\x05local\x00";

/// Which addresses of a host are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Family {
    /// All.
    #[default]
    Any,
    /// IPv4 addresses.
    V4,
    /// IPv6 addresses.
    V6,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Service {
    /// The lowest is to be tried first.
    pub priority: u16,
    /// How much of the load it wants among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host.
    pub target: Name,
}

impl Resolver<'_> {
    /// The addresses of a host, in the order in which they are to be tried (RFC 6724 §6): at most
    /// [`DNS_ADDRESSES`](config::DNS_ADDRESSES). An address written as text is its own; both
    /// versions are asked for at once.
    pub async fn lookup_host(&self, name: &str, family: Family) -> Result<Addresses, DnsError> {
        let mut addresses = match family {
            Family::V4 => self.one_family(name, Family::V4).await?,
            Family::V6 => self.one_family(name, Family::V6).await?,
            Family::Any => self.both_families(name).await?,
        };
        self.stack.order_destinations(&mut addresses);
        Ok(addresses)
    }

    async fn both_families(&self, name: &str) -> Result<Addresses, DnsError> {
        let ipv6 = pin!(self.one_family(name, Family::V6));
        let ipv4 = pin!(self.one_family(name, Family::V4));
        let (mut ipv6, mut ipv4) = (Lookup::new(ipv6), Lookup::new(ipv4));
        poll_fn(|context| {
            ipv6.advance(context);
            ipv4.advance(context);
            match ipv6.result.is_some() && ipv4.result.is_some() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        let mut error = DnsError::NameInvalid;
        let found = [ipv6.result, ipv4.result].map(|result| match result {
            Some(Ok(addresses)) => addresses,
            other => {
                error = error.max(other.and_then(Result::err).unwrap_or(error));
                Addresses::new()
            }
        });
        // In turn, so that many of one version leave room for those of the other.
        let mut merged = Addresses::new();
        for place in 0..config::DNS_ADDRESSES {
            for address in found.iter().filter_map(|addresses| addresses.get(place)) {
                // When there is no room for more, there are enough.
                let _: Result<(), IpAddr> = merged.push(*address);
            }
        }
        match merged.is_empty() {
            true => Err(error),
            false => Ok(merged),
        }
    }

    /// The addresses of a host of one version, as the servers have put them.
    pub(super) async fn one_family(
        &self,
        name: &str,
        family: Family,
    ) -> Result<Addresses, DnsError> {
        let wants_ipv6 = family == Family::V6;
        let mut addresses = Addresses::new();
        if let Some(own) = without_asking(name)? {
            for address in own.into_iter().flatten() {
                if address.is_ipv6() == wants_ipv6 {
                    let _: Result<(), IpAddr> = addresses.push(address);
                }
            }
        } else if wants_ipv6 && cfg!(feature = "ipv6") || !wants_ipv6 && cfg!(feature = "ipv4") {
            let kind = match wants_ipv6 {
                true => RecordType::AAAA,
                false => RecordType::A,
            };
            self.search(name, kind, &mut |data| {
                let address = match data {
                    RecordData::A(address) => IpAddr::V4(*address),
                    RecordData::Aaaa(address) => IpAddr::V6(*address),
                    _ => return,
                };
                // "duplicates [...] must be suppressed" (RFC 2181 §5).
                if !addresses.contains(&address) {
                    let _: Result<(), IpAddr> = addresses.push(address);
                }
            })
            .await?;
        }
        match addresses.is_empty() {
            true => Err(DnsError::NoData),
            false => Ok(addresses),
        }
    }

    /// The name of an address.
    pub async fn lookup_addr(&self, address: IpAddr) -> Result<Name, DnsError> {
        let mut name = Name::reverse(address);
        let mut found = None;
        self.resolve(&mut name, RecordType::PTR, &mut |data| {
            if let RecordData::Ptr(target) = data {
                let _: &mut Name = found.get_or_insert_with(|| Name::from(*target));
            }
        })
        .await?;
        found.ok_or(DnsError::NoData)
    }

    /// The name that a name is an alias of. [`DnsError::NoData`] if it is none.
    pub async fn lookup_alias(&self, name: &str) -> Result<Name, DnsError> {
        let mut found = None;
        self.search(name, RecordType::CNAME, &mut |data| {
            if let RecordData::Cname(target) = data {
                let _: &mut Name = found.get_or_insert_with(|| Name::from(*target));
            }
        })
        .await?;
        found.ok_or(DnsError::NoData)
    }

    /// Where a service is, as in `_mqtt._tcp.example.org`: in the order in which the hosts are to
    /// be tried (RFC 2782), chance deciding by weight among those of one priority. What is more
    /// than `N` is left out.
    pub async fn lookup_services<const N: usize>(
        &self,
        name: &str,
    ) -> Result<Vec<Service, N>, DnsError> {
        let mut services = Vec::<Service, N>::new();
        self.search(name, RecordType::SRV, &mut |data| {
            if let RecordData::Srv(srv) = data
                && !srv.target.is_root()
            {
                let _: Result<(), Service> = services.push(Service {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: Name::from(srv.target),
                });
            }
        })
        .await?;
        self.order_services(&mut services);
        match services.is_empty() {
            // "A Target of "." means that the service is decidedly not available".
            true => Err(DnsError::NoData),
            false => Ok(services),
        }
    }

    /// The order of RFC 2782, "Usage rules".
    fn order_services(&self, services: &mut [Service]) {
        // Those of weight 0 come first where chance counts, "to help".
        for sorted in 1..services.len() {
            let key = |other: &Service| (other.priority, other.weight);
            let own = services.get(sorted).map(key);
            let place = services.iter().position(|other| Some(key(other)) > own);
            move_down(services, sorted, place.unwrap_or(sorted));
        }
        let mut rest = services;
        while let [first, ..] = rest {
            let priority = first.priority;
            let same = rest.iter().take_while(|other| other.priority == priority);
            let total = same.fold(0u32, |sum, other| {
                sum.saturating_add(u32::from(other.weight))
            });
            let bound = total.saturating_add(1);
            let mut left = self.stack.with(|core| core.rng.below(bound));
            let chosen = rest.iter().position(|other| {
                let is_here = left <= u32::from(other.weight);
                left = left.saturating_sub(u32::from(other.weight));
                is_here
            });
            move_down(rest, chosen.unwrap_or(0), 0);
            rest = rest.get_mut(1..).unwrap_or(&mut []);
        }
    }

    /// The texts of a name, copied to `to`. [`DnsError::TooLong`] if they do not fit.
    pub async fn lookup_txt<'b>(&self, name: &str, to: &'b mut [u8]) -> Result<Txt<'b>, DnsError> {
        let mut length = Some(0);
        self.search(name, RecordType::TXT, &mut |data| {
            let RecordData::Txt(txt) = data else {
                return;
            };
            length = length.and_then(|start: usize| {
                let octets = txt.as_bytes();
                let end = start.checked_add(octets.len())?;
                let to = to.get_mut(start..end)?;
                to.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
                Some(end)
            });
        })
        .await?;
        let texts = length.and_then(|length| to.get(..length));
        Txt::new(texts.ok_or(DnsError::TooLong)?).map_err(|_| DnsError::TooLong)
    }

    /// Shows `visit` the records of a name as a user writes it: where it is not absolute, in the
    /// search domains too, until it is found. "not found" alone makes the search go on.
    async fn search(&self, text: &str, kind: RecordType, visit: Visit<'_>) -> Result<(), DnsError> {
        let mut result = Err(DnsError::NameInvalid);
        let mut name = Name::ROOT;
        for turn in 0..=config::DNS_SEARCH {
            match self.candidate(text, turn, &mut name) {
                None => break,
                // With this domain it is too long, or may not be.
                Some(Err(_)) => continue,
                Some(Ok(())) => {}
            }
            result = self.resolve(&mut name, kind, visit).await;
            if result != Err(DnsError::NotFound) {
                break;
            }
        }
        result
    }

    /// Makes `name` the one to be asked for in this turn; `None` if there were all.
    fn candidate(
        &self,
        text: &str,
        turn: usize,
        name: &mut Name,
    ) -> Option<Result<(), super::NameError>> {
        *name = match Name::new(text) {
            Ok(name) => name,
            Err(error) => return (turn == 0).then_some(Err(error)),
        };
        let is_absolute = text.ends_with('.');
        let mut domains = 0..config::DNS_SEARCH;
        let count = match is_absolute {
            true => 0,
            false => domains
                .position(|at| self.with_domain(at, |_| ()).is_none())
                .unwrap_or(config::DNS_SEARCH),
        };
        let dots = text.bytes().filter(|octet| *octet == b'.').count();
        let goes_first = self.with(|state| dots >= state.ndots);
        let own_turn = if goes_first { 0 } else { count };
        let at = match turn {
            turn if turn > count => return None,
            turn if turn == own_turn => return Some(Ok(())),
            turn if turn > own_turn => turn - 1,
            turn => turn,
        };
        self.with_domain(at, |domain| {
            let (domain, _) = NameRef::read(domain, 0).ok()?;
            let is_local = || NameRef::read(LOCAL, 0).is_ok_and(|(local, _)| domain == local);
            if dots > 0 && is_local() {
                // "a host MUST NOT append the search suffix ".local.", if present, to any relative
                // [...] host name containing two or more labels" (RFC 6762 §21).
                return Some(Err(super::NameError::TooLong));
            }
            Some(name.push_name(domain))
        })?
    }
}

/// Moves what stands at `from` down to `to`, and what is between one up.
fn move_down(services: &mut [Service], from: usize, to: usize) {
    for place in (to..from).rev() {
        if let Some([before, after]) = services.get_mut(place..place + 2) {
            core::mem::swap(before, after);
        }
    }
}

/// The addresses of what need not be asked for: of an address written as text itself, of
/// `localhost` the loopback addresses. Names that are for other purposes do not exist.
pub(in crate::proto) fn without_asking(
    text: &str,
) -> Result<Option<[Option<IpAddr>; 2]>, DnsError> {
    if let Ok(address) = text.parse() {
        return Ok(Some([Some(address), None]));
    }
    let name = Name::new(text).map_err(|_| DnsError::NameInvalid)?;
    let is_within = |domain: &[u8]| {
        NameRef::read(domain, 0).is_ok_and(|(domain, _)| name.view().is_within(domain))
    };
    // RFC 6761 §6.3: "queries for localhost names [...] SHOULD always return the IP loopback
    // address".
    if is_within(b"\x09localhost\x00") {
        return Ok(Some([
            Some(Ipv6Addr::LOCALHOST.into()),
            Some(Ipv4Addr::LOCALHOST.into()),
        ]));
    }
    // RFC 6761 §6.4, RFC 7686 §2.
    if is_within(b"\x07invalid\x00") || is_within(b"\x05onion\x00") {
        return Err(DnsError::NotFound);
    }
    Ok(None)
}

/// A lookup of one version's addresses among others that run.
pub(super) struct Lookup<'f, F> {
    future: Pin<&'f mut F>,
    pub(super) result: Option<Result<Addresses, DnsError>>,
}

impl<'f, F: Future<Output = Result<Addresses, DnsError>>> Lookup<'f, F> {
    pub(super) const fn new(future: Pin<&'f mut F>) -> Self {
        Self {
            future,
            result: None,
        }
    }

    /// Polls it, if it has no result yet.
    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        if self.result.is_none()
            && let Poll::Ready(result) = self.future.as_mut().poll(context)
        {
            self.result = Some(result);
        }
    }
}
