//! Messages as they are read (RFC 2131 §2, RFC 2132).
//!
//! A message is 236 octets of fields, a cookie, and options. Options are found by number, those in
//! the `file` and `sname` fields among them (option overload), and the parts of one that is in
//! several are one (RFC 3396 §7).

use core::net::Ipv4Addr;

use super::option::code;
use crate::wire::Malformed;

/// Fields and cookie, in octets.
pub const HEADER_LENGTH: usize = 240;
/// What options begin with (RFC 2131 §3).
pub(super) const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// From client to server.
pub const BOOT_REQUEST: u8 = 1;
/// From server to client.
pub const BOOT_REPLY: u8 = 2;
/// Whoever answers is asked to broadcast (RFC 2131 §2).
pub const BROADCAST: u16 = 1 << 15;
/// The port that servers listen to (RFC 2131 §4.1).
pub const SERVER_PORT: u16 = 67;
/// The port that clients listen to.
pub const CLIENT_PORT: u16 = 68;

/// What a message is (RFC 2132 §9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageType(pub u8);

impl MessageType {
    /// Which servers are there?
    pub const DISCOVER: Self = Self(1);
    /// A server offers an address.
    pub const OFFER: Self = Self(2);
    /// The client wants an address, or to keep it.
    pub const REQUEST: Self = Self(3);
    /// The address has another user.
    pub const DECLINE: Self = Self(4);
    /// The server says yes.
    pub const ACK: Self = Self(5);
    /// The server says no.
    pub const NAK: Self = Self(6);
    /// The address is needed no longer.
    pub const RELEASE: Self = Self(7);
    /// What else is there to know?
    pub const INFORM: Self = Self(8);
}

/// A message in the bytes of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    header: &'m [u8; HEADER_LENGTH],
    options: &'m [u8],
    /// Bit 0: options in `file`; bit 1: options in `sname` (RFC 2132 §9.3).
    overload: u8,
}

impl<'m> Message<'m> {
    /// A message with fields and cookie; the options have yet to be looked at.
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let (header, options) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        let mut message = Self {
            header,
            options,
            overload: 0,
        };
        if message.field(236) != COOKIE {
            return Err(Malformed::Value);
        }
        if usize::from(message.field::<1>(2)[0]) > 16 {
            return Err(Malformed::Length);
        }
        if let Some([overload @ 1..=3]) = message.array(code::OVERLOAD) {
            message.overload = overload;
        }
        Ok(message)
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        let field = self.header.get(at..).and_then(|rest| rest.first_chunk());
        field.copied().unwrap_or([0; N])
    }

    /// [`BOOT_REQUEST`] or [`BOOT_REPLY`].
    pub fn operation(&self) -> u8 {
        self.field::<1>(0)[0]
    }

    /// The type of link addresses, as in ARP: 1 for Ethernet.
    pub fn hardware_type(&self) -> u8 {
        self.field::<1>(1)[0]
    }

    /// Relay agents that it has passed.
    pub fn hops(&self) -> u8 {
        self.field::<1>(3)[0]
    }

    /// The number of the exchange.
    pub fn transaction(&self) -> u32 {
        u32::from_be_bytes(self.field(4))
    }

    /// Seconds since the client began.
    pub fn seconds(&self) -> u16 {
        u16::from_be_bytes(self.field(8))
    }

    /// The flags: [`BROADCAST`].
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes(self.field(10))
    }

    /// The address that the client has (`ciaddr`).
    pub fn client_address(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field::<4>(12))
    }

    /// The address that the client gets (`yiaddr`).
    pub fn your_address(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field::<4>(16))
    }

    /// The server to boot from (`siaddr`).
    pub fn next_server(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field::<4>(20))
    }

    /// The relay agent that passed it on (`giaddr`).
    pub fn relay_agent(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field::<4>(24))
    }

    /// The link address of the client (`chaddr`).
    pub fn hardware_address(&self) -> &'m [u8] {
        let length = usize::from(self.field::<1>(2)[0]);
        self.header.get(28..28 + length.min(16)).unwrap_or(&[])
    }

    /// The name of the server to boot from (`sname`), empty where it holds options.
    pub fn server_name(&self) -> &'m [u8] {
        match self.overload & 2 {
            0 => text(self.server_name_field()),
            _ => &[],
        }
    }

    /// The name of the file to boot from (`file`), empty where it holds options.
    pub fn boot_file(&self) -> &'m [u8] {
        match self.overload & 1 {
            0 => text(self.boot_file_field()),
            _ => &[],
        }
    }

    fn server_name_field(&self) -> &'m [u8] {
        self.header.get(44..108).unwrap_or(&[])
    }

    fn boot_file_field(&self) -> &'m [u8] {
        self.header.get(108..236).unwrap_or(&[])
    }

    /// The options as they stand, in the order in which their parts belong together: the field
    /// `options`, then `file`, then `sname` (RFC 3396 §5).
    pub fn options(&self) -> Options<'m> {
        let (file, name) = (self.boot_file_field(), self.server_name_field());
        Options {
            field: self.options,
            later: [
                if self.overload & 1 != 0 { file } else { &[] },
                if self.overload & 2 != 0 { name } else { &[] },
            ],
        }
    }

    /// Whether all options can be read.
    pub fn check(&self) -> Result<(), Malformed> {
        self.options().try_for_each(|option| option.map(|_| ()))
    }

    /// The octets of an option, its parts one behind the other; `None` if it is not there.
    pub fn option(&self, wanted: u8) -> Option<impl Iterator<Item = u8> + Clone + use<'m>> {
        let parts = || {
            let options = self.options().map_while(Result::ok);
            options.filter(move |(code, _)| *code == wanted)
        };
        let _: (u8, &[u8]) = parts().next()?;
        Some(parts().flat_map(|(_, part)| part.iter().copied()))
    }

    /// An option of exactly `N` octets.
    pub fn array<const N: usize>(&self, wanted: u8) -> Option<[u8; N]> {
        let mut octets = self.option(wanted)?;
        let mut array = [0; N];
        for place in &mut array {
            *place = octets.next()?;
        }
        octets.next().is_none().then_some(array)
    }

    /// An option that is one address.
    pub fn address(&self, wanted: u8) -> Option<Ipv4Addr> {
        self.array::<4>(wanted).map(Ipv4Addr::from)
    }

    /// What the message is; `None` if it is none of DHCP.
    pub fn kind(&self) -> Option<MessageType> {
        self.array(code::MESSAGE_TYPE)
            .map(|[kind]| MessageType(kind))
    }
}

/// A text up to its first zero.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|octet| *octet == 0);
    end.and_then(|end| field.get(..end)).unwrap_or(field)
}

/// The options of a message: numbers and octets. Ends behind the first that is malformed.
#[derive(Clone, Debug)]
pub struct Options<'m> {
    field: &'m [u8],
    later: [&'m [u8]; 2],
}

impl<'m> Options<'m> {
    /// What stands next in this field, `None` at its end.
    fn read(&mut self) -> Option<Result<(u8, &'m [u8]), Malformed>> {
        loop {
            let (number, rest) = self.field.split_first()?;
            self.field = rest;
            match *number {
                code::PAD => {}
                code::END => return None,
                number => {
                    let Some((length, rest)) = rest.split_first() else {
                        return Some(Err(Malformed::Truncated));
                    };
                    let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else {
                        return Some(Err(Malformed::Truncated));
                    };
                    self.field = rest;
                    return Some(Ok((number, value)));
                }
            }
        }
    }
}

impl<'m> Iterator for Options<'m> {
    type Item = Result<(u8, &'m [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Some(Ok(option)) => return Some(Ok(option)),
                Some(Err(malformed)) => {
                    self.field = &[];
                    self.later = [&[]; 2];
                    return Some(Err(malformed));
                }
                None => {
                    let [next, last] = self.later;
                    if next.is_empty() && last.is_empty() {
                        self.field = &[];
                        return None;
                    }
                    (self.field, self.later) = (next, [last, &[]]);
                }
            }
        }
    }
}
