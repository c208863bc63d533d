//! What a responder says (§2.3, §2.6, §2.9).

use core::net::IpAddr;

use super::{ADDRESSES, Addresses, TTL};
use crate::iface::Hostname;
use crate::proto::dns::{
    CLASS_ANY, CLASS_IN, Edns, Flags, Message, MessageWriter, Name, NameRef, Options, Question,
    RecordData, RecordType, Section, Soa, WriteError,
};
use crate::wire::IpAddress;

/// Octets of the longest answer: header, question, all addresses or a name or an SOA record, and OPT.
pub(super) const LENGTH: usize = 12 + 79 + ADDRESSES * 28 + 64 + 100 + 11;
/// "When in doubt, a maximum packet size of 512 octets SHOULD be used" (§2.1).
const SAFE_LENGTH: usize = 512;

/// What a responder has on an interface.
pub(super) struct Records {
    pub(super) name: Hostname,
    pub(super) addresses: Addresses,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The name of this host.
    Host,
    /// The name of one of its addresses.
    Address,
}

/// The question of a query, if it is one that this version of the protocol can answer; other queries
/// are to be discarded (§2.1.1).
pub(super) fn question<'m>(message: &Message<'m>) -> Option<Question<'m>> {
    let is_plain = message.opcode() == 0
        && message.question_count() == 1
        && message.record_count(Section::Answer) == 0
        && message.record_count(Section::Authority) == 0;
    let question = message.questions().next()?.ok();
    question.filter(|_| is_plain)
}

impl Records {
    /// Whether this host is authoritative for what is asked for: "only for the zone apex".
    pub(super) fn asked(&self, question: &Question<'_>) -> Option<Asked> {
        let is_known_class = question.class == CLASS_IN || question.class == CLASS_ANY;
        if !is_known_class || question.unicast {
            return None;
        }
        if self.is_named(question.name) {
            return Some(Asked::Host);
        }
        let mut addresses = self.addresses.iter();
        let is_own = addresses.any(|own| Name::reverse(IpAddr::from(*own)) == question.name);
        is_own.then_some(Asked::Address)
    }

    /// Whether a name is that of this host.
    pub(super) fn is_named(&self, name: NameRef<'_>) -> bool {
        let mut labels = name.labels();
        let first = labels.next();
        let is_ours = first.is_some_and(|label| label.eq_ignore_ascii_case(self.name.as_bytes()));
        is_ours && labels.next().is_none()
    }

    /// Writes the response to a query that came from `source`, no longer than it may be.
    pub(super) fn answer<'b>(
        &self,
        bytes: &'b mut [u8],
        (message, question): (&Message<'_>, &Question<'_>),
        (asked, flags): (Asked, Flags),
        (source, by_tcp): (IpAddr, bool),
    ) -> &'b [u8] {
        let mut additional = message.section(Section::Additional);
        let edns = additional.find(|record| record.kind == RecordType::OPT);
        let edns = edns.map(|record| record.edns());
        let is_new = edns.is_some_and(|edns| edns.version != 0);
        let most = match (by_tcp, edns) {
            (true, _) => LENGTH,
            (false, Some(edns)) => SAFE_LENGTH.max(edns.payload.into()),
            (false, None) => SAFE_LENGTH,
        };
        let length = bytes.len().min(most);
        let mut write = |part: Part, flags: Flags| {
            let bytes = bytes.get_mut(..length).unwrap_or_default();
            let mut writer = MessageWriter::new(bytes, message.id(), flags | Flags::RESPONSE)?;
            writer.question(question.name, question.kind, question.class, false)?;
            if part == Part::All {
                self.records(&mut writer, question, asked, source)?;
            }
            if edns.is_some() {
                let edns = Edns {
                    payload: crate::config::LLMNR_MESSAGE as u16,
                    extended_rcode: u8::from(by_tcp && is_new),
                    version: 0,
                    dnssec_ok: false,
                };
                writer.edns(edns, Options::NONE)?;
            }
            Ok::<_, WriteError>(writer.len())
        };
        let written = match (is_new, by_tcp) {
            (false, _) => {
                let whole = write(Part::All, flags);
                whole.or_else(|_| write(Part::None, flags | Flags::TRUNCATED))
            }
            // BADVERS (RFC 6891 §6.1.3).
            (true, true) => write(Part::None, flags),
            // "an RCODE of zero, no RRs in the answer section, and the TC bit set" (§2.1.1).
            (true, false) => write(Part::None, flags | Flags::TRUNCATED),
        };
        let length = written.unwrap_or(0);
        bytes.get(..length).unwrap_or_default()
    }

    fn records(
        &self,
        writer: &mut MessageWriter<'_>,
        question: &Question<'_>,
        asked: Asked,
        source: IpAddr,
    ) -> Result<(), WriteError> {
        let wants = |kind| question.kind == kind || question.kind == RecordType::ANY;
        let mut own = Name::ROOT;
        // It is a label.
        let _: Result<(), crate::proto::dns::NameError> = own.push_label(self.name.as_bytes());
        let class = (CLASS_IN, false);
        let mut is_empty = true;
        let mut write = |data: RecordData<'_>| {
            is_empty = false;
            writer.record(Section::Answer, question.name, class, TTL, &data)
        };
        match asked {
            Asked::Host => {
                // "If the source address of the query is a link-scope address, then the responder
                // SHOULD include a link-scope address first", "a routable address first" else (§2.6).
                let is_first = is_link_scope(source);
                for pass in [is_first, !is_first] {
                    let own = self.addresses.iter().map(|own| IpAddr::from(*own));
                    for address in own.filter(|own| is_link_scope(*own) == pass) {
                        match address {
                            IpAddr::V4(own) if wants(RecordType::A) => write(RecordData::A(own))?,
                            IpAddr::V6(own) if wants(RecordType::AAAA) => {
                                write(RecordData::Aaaa(own))?;
                            }
                            _ => {}
                        }
                    }
                }
            }
            Asked::Address if wants(RecordType::PTR) => write(RecordData::Ptr(own.view()))?,
            Asked::Address => {}
        }
        if is_empty {
            // "Responders SHOULD insert an SOA record into the authority section of a negative
            // response"; of its fields MINIMUM alone counts (§2.9).
            let soa = Soa {
                primary: question.name,
                mailbox: NameRef::ROOT,
                serial: 1,
                refresh: TTL,
                retry: TTL,
                expire: TTL,
                minimum: TTL,
            };
            let soa = RecordData::Soa(soa);
            writer.record(Section::Authority, question.name, class, TTL, &soa)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    None,
}

fn is_link_scope(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether an address is one of these.
pub(super) fn is_among(addresses: &[IpAddress], address: IpAddr) -> bool {
    addresses.iter().any(|own| IpAddr::from(*own) == address)
}
