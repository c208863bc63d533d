//! The client: its configuration and what it counts.

#[cfg(feature = "mdns")]
use core::cell::Cell;
use core::cell::{RefCell, RefMut};
use core::net::{IpAddr, SocketAddr};

use heapless::Vec;

use super::cache::{Cache, Stored};
use super::name::{Name, NameError};
use super::servers::Servers;
use crate::config;
use crate::iface::ServerSource;
use crate::stack::{InterfaceId, Stack};

/// The longest search domain that is kept, in octets of a message: 62 characters of text.
const SEARCH_LENGTH: usize = 64;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DnsError {
    /// What was asked for is not a name.
    NameInvalid,
    /// There is no such name.
    NotFound,
    /// The name exists, and has nothing of what was asked for.
    NoData,
    /// No server is known.
    NoServers,
    /// No server can be reached.
    Unreachable,
    /// No server has answered in time.
    Timeout,
    /// The servers have failed, or did not want to answer.
    ServerFailure,
    /// The answer is longer than what can be taken in.
    TooLong,
    /// The name is an alias of an alias, and so on, without an end.
    AliasLoop,
    /// There is no UDP socket free to ask with.
    NoSocket,
}

impl core::fmt::Display for DnsError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NameInvalid => "not a domain name",
            Self::NotFound => "no such name",
            Self::NoData => "the name has no such records",
            Self::NoServers => "no DNS server is known",
            Self::Unreachable => "no DNS server can be reached",
            Self::Timeout => "no DNS server has answered in time",
            Self::ServerFailure => "the DNS servers have failed",
            Self::TooLong => "the answer is too long",
            Self::AliasLoop => "too many aliases",
            Self::NoSocket => "no UDP socket is free",
        })
    }
}

impl core::error::Error for DnsError {}

/// Why a search domain was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SearchError {
    /// It is not a name.
    Invalid(NameError),
    /// It has more than 62 characters.
    TooLong,
    /// There are [`DNS_SEARCH`](config::DNS_SEARCH) already.
    TooMany,
}

impl core::fmt::Display for SearchError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Invalid(error) => return core::fmt::Display::fmt(error, f),
            Self::TooLong => "the search domain is too long",
            Self::TooMany => "too many search domains",
        })
    }
}

impl core::error::Error for SearchError {}

/// What a resolver has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DnsCounters {
    /// Queries sent by UDP.
    pub queries: u32,
    /// Queries sent by TCP.
    pub tcp_queries: u32,
    /// Responses that answered a query, or said that there is no answer.
    pub answers: u32,
    /// Responses that said that the server fails, does not want to, or does not understand.
    pub failures: u32,
    /// Responses that were longer than UDP takes.
    pub truncated: u32,
    /// Times that a server was waited for in vain.
    pub timeouts: u32,
    /// Dropped: of another identifier, or no response at all.
    pub wrong_id: u32,
    /// Dropped: the question that they repeat is not the one that was asked.
    pub wrong_question: u32,
    /// Dropped: not a message that can be read.
    pub malformed: u32,
    /// Answers found in the cache.
    pub cache_hits: u32,
    /// Answers given up for newer ones before their time.
    pub evicted: u32,
    /// Answers not kept: their TTL was zero, or they were too long.
    pub not_cached: u32,
}

impl DnsCounters {
    const ZERO: Self = Self {
        queries: 0,
        tcp_queries: 0,
        answers: 0,
        failures: 0,
        truncated: 0,
        timeouts: 0,
        wrong_id: 0,
        wrong_question: 0,
        malformed: 0,
        cache_hits: 0,
        evicted: 0,
        not_cached: 0,
    };

    pub(super) fn stored(&mut self, stored: Stored) {
        let counter = match stored {
            Stored::Free => return,
            Stored::Evicted => &mut self.evicted,
            Stored::Not => &mut self.not_cached,
        };
        *counter = counter.wrapping_add(1);
    }
}

/// What all lookups share.
pub(super) struct State {
    pub(super) servers: Servers,
    /// The place of the server that is asked first: the one that has answered last.
    pub(super) preferred: usize,
    pub(super) cache: Cache,
    pub(super) search: Vec<Vec<u8, SEARCH_LENGTH>, { config::DNS_SEARCH }>,
    /// A name with so many dots is first taken as it is.
    pub(super) ndots: usize,
    pub(super) randomizes_case: bool,
    pub(super) counters: DnsCounters,
}

/// A DNS client: asks servers, and remembers what they say.
///
/// Lookups are futures over sockets of their own; any number may run at once, as long as the stack
/// has UDP sockets for them: one for each question, two for both kinds of address. To drop a lookup
/// is to ask no more. What is configured here holds from the next query on.
pub struct Resolver<'a> {
    pub(super) stack: Stack<'a>,
    state: RefCell<State>,
    /// Who is asked for names of the link.
    #[cfg(feature = "mdns")]
    pub(super) mdns: Cell<Option<&'a crate::proto::mdns::Mdns<'a>>>,
}

impl<'a> Resolver<'a> {
    /// A resolver that knows no server yet.
    pub const fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            state: RefCell::new(State {
                servers: Servers::new(),
                preferred: 0,
                cache: Cache::new(),
                search: Vec::new(),
                ndots: 1,
                randomizes_case: false,
                counters: DnsCounters::ZERO,
            }),
            #[cfg(feature = "mdns")]
            mdns: Cell::new(None),
        }
    }

    /// Asks for names that end in `.local`, and for those of link-local addresses, by multicast DNS
    /// from now on (RFC 6762 §3, §4); without it the servers are asked for these too. The names have to
    /// be written with `.local`, unless that is a search domain.
    #[cfg(feature = "mdns")]
    pub fn use_mdns(&self, mdns: &'a crate::proto::mdns::Mdns<'a>) {
        self.mdns.set(Some(mdns));
    }

    #[inline]
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.borrow())
    }

    fn borrow(&self) -> RefMut<'_, State> {
        loop {
            // It is borrowed for `with` only, nothing foreign runs meanwhile, and a resolver stays
            // in its thread: this succeeds the first time.
            if let Ok(state) = self.state.try_borrow_mut() {
                return state;
            }
        }
    }

    /// Sets the servers that are known from one source, for one interface or for all; those that it
    /// has named before are forgotten. Says for how many there is room, see
    /// [`DNS_SERVERS`](config::DNS_SERVERS).
    ///
    /// Servers of an interface are asked by that interface only. What the stack's own DHCP clients
    /// and routers tell of is known without this, and takes the place of what is set for them.
    pub fn set_servers(
        &self,
        source: ServerSource,
        interface: Option<InterfaceId>,
        addresses: &[IpAddr],
    ) -> usize {
        self.with(|state| {
            state.preferred = 0;
            state.servers.set(source, interface, addresses)
        })
    }

    /// Adds a server by address and port; says whether there is room. The scope id of a link-local
    /// address is the number of its interface, counted from 1.
    pub fn add_server(&self, address: SocketAddr) -> bool {
        self.with(|state| {
            state.preferred = 0;
            (state.servers).add(ServerSource::Static, None, address)
        })
    }

    /// Sets the domains in which names are looked for that are not absolute (RFC 1034 §3.1). On an
    /// error there are none.
    pub fn set_search(&self, domains: &[&str]) -> Result<(), SearchError> {
        self.with(|state| {
            state.search.clear();
            let result = domains.iter().try_for_each(|domain| {
                let name = Name::new(domain).map_err(SearchError::Invalid)?;
                let octets = Vec::from_slice(name.as_bytes()).map_err(|_| SearchError::TooLong)?;
                let pushed = state.search.push(octets);
                pushed.map_err(|_| SearchError::TooMany)
            });
            if result.is_err() {
                state.search.clear();
            }
            result
        })
    }

    /// Takes over the servers that DHCP and routers tell of now (RFC 8106 §6.1).
    #[cfg(names)]
    pub(super) fn hear_names(&self) {
        self.stack.visit(|core| {
            self.with(|state| {
                for (id, _) in core.interfaces() {
                    for source in ServerSource::LEARNED {
                        let told = core.name_servers_of((id, source));
                        if state.servers.follow(source, id, told) {
                            state.preferred = 0;
                        }
                    }
                }
            });
        });
    }

    /// Shows `work` the search domain at one place: those that were set, or else those that DHCP and
    /// routers tell of (RFC 8106 §6.1).
    pub(super) fn with_domain<R>(&self, at: usize, work: impl FnOnce(&[u8]) -> R) -> Option<R> {
        #[cfg(names)]
        if self.with(|state| state.search.is_empty()) {
            return self.stack.visit(|core| {
                let mut told = core.all_search_domains();
                told.nth(at).map(|domain| work(domain.as_bytes()))
            });
        }
        self.with(|state| state.search.get(at).map(|domain| work(domain)))
    }

    /// A name with this many dots or more is first taken as it is, and then looked for in the
    /// search domains; one with fewer the other way round. At first 1.
    pub fn set_ndots(&self, dots: usize) {
        self.with(|state| state.ndots = dots);
    }

    /// Whether queries have letters of random case, which the response must repeat: some twenty
    /// bits more that a stranger has to guess. At first they do not, since there are servers that do
    /// not repeat it, and would not be heard.
    pub fn set_case_randomization(&self, on: bool) {
        self.with(|state| state.randomizes_case = on);
    }

    /// Forgets all answers: to be called when the network is another one.
    pub fn clear_cache(&self) {
        self.with(|state| state.cache.clear());
    }

    /// What it has done.
    pub fn counters(&self) -> DnsCounters {
        self.with(|state| state.counters)
    }
}
