//! What clients are told (RFC 2131 §4.3.1, table 3).

use super::super::message::{BOOT_REPLY, BROADCAST, MessageType};
use super::super::option::code;
use super::super::write::{Fields, MessageWriter};
use super::config::{OptionValue, ServerOption};
use super::machine::{Machine, Reply};
use super::request::Request;
use crate::config;
use crate::proto::full::MessageFull;

/// IPv4 and UDP headers.
const HEADERS: usize = 28;
/// Octets of the longest message that all clients take (RFC 2131 §2).
const SHORTEST: usize = 548;

/// A set of the numbers of options.
#[derive(Default)]
struct Codes([u32; 8]);

impl Codes {
    /// Puts a number in; says whether it was not there.
    fn insert(&mut self, code: u8) -> bool {
        let bit = 1 << (code & 31);
        let word = self.0.get_mut(usize::from(code >> 5));
        word.is_some_and(|word| {
            let is_new = *word & bit == 0;
            *word |= bit;
            is_new
        })
    }
}

impl Machine<'_> {
    /// Writes a reply to a message, of no more octets than the client and the link take.
    pub(super) fn write<'b>(
        &mut self,
        bytes: &'b mut [u8],
        mtu: usize,
        request: &Request<'_>,
        reply: &Reply,
    ) -> Result<&'b [u8], MessageFull> {
        let message = &request.message;
        let most = message.array(code::MAXIMUM_MESSAGE_SIZE);
        let most = most.map_or(0, |octets| usize::from(u16::from_be_bytes(octets)));
        let most = most.min(mtu).saturating_sub(HEADERS).max(SHORTEST);
        let most = most.min(bytes.len());
        let is_refusal = reply.kind == MessageType::NAK;
        let at = match reply.seconds {
            Some(_) => reply.address,
            None => reply.client_address,
        };
        let subnet = self.subnet_of(request, at).filter(|_| !is_refusal);
        let fields = Fields {
            operation: BOOT_REPLY,
            hardware: (message.hardware_type(), message.hardware_address()),
            transaction: message.transaction(),
            seconds: 0,
            // "The server MUST set the broadcast bit in the DHCPNAK, so that the relay agent will
            // broadcast the DHCPNAK to the client" (§4.3.2).
            broadcast: message.flags() & BROADCAST != 0 || is_refusal && request.is_relayed(),
            client_address: reply.client_address,
            your_address: reply.address,
            next_server: subnet.map_or(core::net::Ipv4Addr::UNSPECIFIED, |s| s.next_server),
            relay_agent: message.relay_agent(),
        };
        let bytes = bytes.get_mut(..most).unwrap_or_default();
        let mut writer = MessageWriter::new(bytes, &fields, reply.kind)?;
        writer.option(code::SERVER_IDENTIFIER, &request.server().octets())?;
        // "The server MUST return the 'client identifier' option, unaltered" (RFC 6842 §3).
        if let Some(octets) = message.option(code::CLIENT_IDENTIFIER) {
            writer.octets(code::CLIENT_IDENTIFIER, octets)?;
        }
        if is_refusal {
            writer.option(code::MESSAGE, reply.why.as_bytes())?;
        }
        if let Some(seconds) = reply.seconds {
            writer.option(code::LEASE_TIME, &seconds.to_be_bytes())?;
        }
        // What the relay agent wants back comes last, and has its room before that is taken by
        // parameters (RFC 3046 §2.2).
        let agent = message.option(code::RELAY_AGENT);
        let agent = agent.filter(|octets| {
            let has_room = writer.keep(octets.clone().count());
            self.counters.missed = (self.counters.missed).wrapping_add(u32::from(!has_room));
            has_room
        });
        if let Some(subnet) = subnet {
            let mut reservations = self.config.reservations.iter();
            let own = reservations.find(|kept| kept.address == at && kept.is_for(request));
            let own = own.map_or(&[][..], |own| own.options);
            let missed = write_parameters(
                &mut writer,
                request,
                subnet.network.mask(),
                [own, subnet.options],
            );
            self.counters.missed = self.counters.missed.wrapping_add(missed);
        }
        if let Some(octets) = agent {
            let _: bool = writer.keep(0);
            writer.octets(code::RELAY_AGENT, octets)?;
        }
        Ok(writer.finish())
    }
}

/// Writes the parameters: those that the client asks for, in its order, then the others that there
/// are. Says for how many there was no room.
fn write_parameters(
    writer: &mut MessageWriter<'_>,
    request: &Request<'_>,
    mask: u32,
    options: [&[ServerOption<'_>]; 2],
) -> u32 {
    let all = || options.into_iter().flatten();
    let value = |code: u8| all().find(|option| option.code == code).map(|o| o.value);
    let list = || request.message.option(code::PARAMETER_REQUEST_LIST);
    let mut missed = 0;
    let mut done = Codes::default();
    let mut write = |code: u8, value: OptionValue<'_>| {
        missed += u32::from(writer.octets(code, value.octets()).is_err());
    };
    // "The subnet mask option MUST be first", before routers (RFC 2132 §3.3).
    write(code::SUBNET_MASK, OptionValue::Long(mask));
    let _: bool = done.insert(code::SUBNET_MASK);
    // "The server SHOULD NOT include the Router or Static Routes options" beside these (RFC 3442).
    let is_asked = list().is_some_and(|mut list| list.any(|code| code == code::CLASSLESS_ROUTES));
    if is_asked && value(code::CLASSLESS_ROUTES).is_some() {
        let _: [bool; 2] = [code::ROUTER, code::STATIC_ROUTES].map(|code| done.insert(code));
    }
    let wanted = list().into_iter().flatten();
    for code in wanted.chain(all().map(|option| option.code)) {
        if let Some(value) = value(code)
            && done.insert(code)
        {
            write(code, value);
        }
    }
    missed
}

/// Octets of the longest reply.
pub(super) const LONGEST: usize = config::DHCPV4_MESSAGE;
