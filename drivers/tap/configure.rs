//! Setting up the Linux side of an interface, by rtnetlink.
//!
//! The messages are those of rtnetlink(7): a header, a fixed part, and attributes, all in the
//! byte order of the machine and padded to four bytes.

use core::net::IpAddr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::vec::Vec;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Bytes in the header of a message.
const HEADER: usize = 16;
// Kinds of messages: an error or an acknowledgement, a change of a link, a new address.
const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
/// A request, to be acknowledged.
const REQUEST: u16 = 1 | 4;
/// Makes what is not there, replaces what is.
const CREATE: u16 = 0x400 | 0x100;
/// The link is up.
const IFF_UP: u32 = 1;
// Attributes: the MTU of a link, an address and what it is to this host.
const IFLA_MTU: u16 = 4;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// The address is used at once, without looking for duplicates.
const IFA_F_NODAD: u8 = 2;
// Families of addresses.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// What sets up interfaces of the network namespace that this thread is in.
pub(super) struct Configuration {
    socket: OwnedFd,
    index: u32,
}

impl Configuration {
    /// For the interface `name`.
    pub(super) fn of(name: &str) -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // NETLINK_ROUTE.
            None,
        )?;
        let any = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let index = rustix::net::netdevice::name_to_index(any.as_fd(), name)?;
        Ok(Self { socket, index })
    }

    /// Brings the interface up, with another MTU if one is given.
    pub(super) fn bring_up(&self, mtu: Option<u16>) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWLINK, REQUEST);
        // struct ifinfomsg: family and padding, type, index, flags, flags to change.
        message.put(&[0; 4]);
        message.put(&self.index.to_ne_bytes());
        message.put(&IFF_UP.to_ne_bytes());
        message.put(&IFF_UP.to_ne_bytes());
        if let Some(mtu) = mtu {
            message.attribute(IFLA_MTU, &u32::from(mtu).to_ne_bytes());
        }
        self.ask(message)
    }

    /// Gives the interface an address and the route to its prefix.
    pub(super) fn add_address(&self, address: IpAddr, prefix: u8) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWADDR, REQUEST | CREATE);
        // struct ifaddrmsg: family, length of the prefix, flags, scope, index.
        let (family, flags) = match address {
            IpAddr::V4(_) => (AF_INET, 0),
            IpAddr::V6(_) => (AF_INET6, IFA_F_NODAD),
        };
        message.put(&[family, prefix, flags, 0]);
        message.put(&self.index.to_ne_bytes());
        match address {
            IpAddr::V4(address) => {
                message.attribute(IFA_LOCAL, &address.octets());
                message.attribute(IFA_ADDRESS, &address.octets());
            }
            IpAddr::V6(address) => message.attribute(IFA_ADDRESS, &address.octets()),
        }
        self.ask(message)
    }

    fn ask(&self, message: Message) -> io::Result<()> {
        let message = message.finish();
        let _: usize = rustix::net::send(&self.socket, &message, SendFlags::empty())?;
        let mut answer = [0; 256];
        loop {
            let (length, _) = rustix::net::recv(&self.socket, &mut answer, RecvFlags::empty())?;
            let answer = answer.get(..length).unwrap_or(&[]);
            if let Some(result) = verdict(answer) {
                return result;
            }
        }
    }
}

/// What an answer says, if it is an acknowledgement.
fn verdict(answer: &[u8]) -> Option<io::Result<()>> {
    let (header, rest) = answer.split_first_chunk::<HEADER>()?;
    if u16::from_ne_bytes([header[4], header[5]]) != NLMSG_ERROR {
        return None;
    }
    let error = rest
        .first_chunk()
        .map_or(0, |code| i32::from_ne_bytes(*code));
    Some(match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.wrapping_neg())),
    })
}

/// A message that is being put together.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let mut message = Self(Vec::with_capacity(64));
        // The length comes last.
        message.put(&[0; 4]);
        message.put(&kind.to_ne_bytes());
        message.put(&flags.to_ne_bytes());
        // The number of the message, and the port: nobody else uses this socket.
        message.put(&[0; 8]);
        message
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.put(&(value.len() as u16 + 4).to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() as u32).to_ne_bytes();
        self.0
            .iter_mut()
            .zip(length)
            .for_each(|(to, from)| *to = from);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_the_length_is_set() {
        let mut message = Message::new(RTM_NEWADDR, REQUEST);
        message.attribute(7, &[1, 2, 3]);
        let bytes = message.finish();
        assert_eq!(bytes.len(), HEADER + 8);
        assert_eq!(bytes[..4], 24u32.to_ne_bytes());
        assert_eq!(bytes[HEADER..HEADER + 2], 7u16.to_ne_bytes());
        assert_eq!(bytes[HEADER + 4..], [1, 2, 3, 0]);
    }

    #[test]
    fn refusal_is_an_error_and_other_messages_are_passed_over() {
        let mut answer = [0; 36];
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert!(verdict(&answer).unwrap().is_ok());
        answer[16..20].copy_from_slice(&(-1i32).to_ne_bytes());
        let error = verdict(&answer).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        answer[4] = 16;
        assert!(verdict(&answer).is_none());
        for length in 0..answer.len() {
            let _: Option<io::Result<()>> = verdict(&answer[..length]);
        }
    }
}
