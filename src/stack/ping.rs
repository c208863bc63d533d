//! Echo requests of our own, and whose answers are whose (RFC 792, RFC 4443 §4).

use core::net::IpAddr;

use super::core::{Core, InterfaceId};
use super::transmit::{HEADROOM, Outgoing};
use super::waiters::WaitKey;
#[cfg(feature = "ipv6")]
use crate::checksum::Sum;
use crate::config;
use crate::iface::{ReceiveDrop, SendDrop};
use crate::ip::Unreachable;
use crate::link::Offload;
use crate::netbuf::{BufQueue, Charge, NetBuf, Purpose};
use crate::rng::Rng;
use crate::wire::{IpAddress, protocol};

/// Answers that wait for one pinger.
const ANSWERS: usize = 4;

/// Bytes of the headers in front of the data of an echo request, of the version that has more.
const ECHO_HEADERS: usize = 8 + if cfg!(feature = "ipv6") { 40 } else { 20 };
/// The most data of an echo request: what fits into an IPv4 datagram.
const LONGEST: usize = u16::MAX as usize - 20 - 8;

/// One pinger.
struct PingSlot {
    identifier: u16,
    /// Whom it has asked last: errors from others are not for it.
    remote: Option<IpAddress>,
    answers: BufQueue,
    error: Option<Unreachable>,
}

/// The pingers, each with an identifier of its own.
pub(crate) struct PingTable([Option<PingSlot>; config::PINGS]);

impl PingTable {
    pub(super) const fn new() -> Self {
        Self([const { None }; config::PINGS])
    }

    /// Looks whether no more answers wait than may; returns how many views of blocks of `pool` do.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self, pool: crate::netbuf::Pool) -> usize {
        let slots = self.0.iter().flatten();
        let of = |slot: &PingSlot| {
            assert!(slot.answers.len() <= ANSWERS);
            slot.answers
                .iter()
                .map(|buf| buf.views_of(pool))
                .sum::<usize>()
        };
        slots.map(of).sum()
    }

    /// A place and an identifier for another pinger.
    pub(crate) fn open(&mut self, rng: &mut Rng) -> Option<u16> {
        let index = self.0.iter().position(Option::is_none)?;
        let mut identifier = rng.next_u32() as u16;
        while self.find(identifier).is_some() {
            identifier = identifier.wrapping_add(1);
        }
        let slot = self.0.get_mut(index)?;
        *slot = Some(PingSlot {
            identifier,
            remote: None,
            answers: BufQueue::new(),
            error: None,
        });
        Some(index as u16)
    }

    pub(crate) fn close(&mut self, index: u16) {
        if let Some(slot) = self.0.get_mut(usize::from(index)) {
            *slot = None;
        }
    }

    /// An answer, or an error, that has come in.
    pub(crate) fn take(&mut self, index: u16) -> Option<Result<NetBuf, Unreachable>> {
        let slot = self.0.get_mut(usize::from(index))?.as_mut()?;
        match slot.error.take() {
            Some(error) => Some(Err(error)),
            None => slot.answers.pop_front().map(Ok),
        }
    }

    fn find(&self, identifier: u16) -> Option<usize> {
        self.0
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|s| s.identifier == identifier))
    }
}

impl Core<'_> {
    /// An echo reply has come in, whose data start at `payload`.
    pub(super) fn echo_reply(
        &mut self,
        identifier: u16,
        _source: IpAddress,
        payload: usize,
        mut buf: NetBuf,
    ) -> Result<(), ReceiveDrop> {
        let index = self
            .pings
            .find(identifier)
            .ok_or(ReceiveDrop::IcmpUnmatched)?;
        let slot = self.pings.0.get_mut(index).and_then(Option::as_mut);
        let slot = slot.ok_or(ReceiveDrop::IcmpUnmatched)?;
        if slot.answers.len() >= ANSWERS || buf.set_charge(Charge::Held).is_err() {
            return Err(ReceiveDrop::PoolHeld);
        }
        let mut meta = buf.meta();
        meta.payload = payload as u16;
        buf.set_meta(meta);
        slot.answers.push_back(buf);
        self.waiters.wake(WaitKey::ping(index as u16));
        Ok(())
    }

    /// An echo request to `remote` did not arrive; false if it was none of ours.
    pub(super) fn echo_failed(
        &mut self,
        remote: IpAddress,
        identifier: u16,
        why: Unreachable,
    ) -> bool {
        let Some(index) = self.pings.find(identifier) else {
            return false;
        };
        let slot = self.pings.0.get_mut(index).and_then(Option::as_mut);
        let Some(slot) = slot.filter(|slot| slot.remote == Some(remote)) else {
            return false;
        };
        slot.error = Some(why);
        self.waiters.wake(WaitKey::ping(index as u16));
        true
    }

    /// Sends an echo request with a copy of `data`.
    pub(crate) fn ping_send(
        &mut self,
        index: u16,
        (to, only): (IpAddr, Option<InterfaceId>),
        sequence: u16,
        hop_limit: u8,
        data: &[u8],
    ) -> Result<(), SendDrop> {
        let destination = IpAddress::try_from(to).map_err(|_| SendDrop::NoRoute)?;
        if data.len() > LONGEST {
            return Err(SendDrop::TooLong);
        }
        let path = self
            .path(destination, None, only)
            .ok_or(SendDrop::NoRoute)?;
        let slot = self
            .pings
            .0
            .get_mut(usize::from(index))
            .and_then(Option::as_mut);
        let slot = slot.ok_or(SendDrop::NoRoute)?;
        slot.remote = Some(destination);
        let identifier = slot.identifier;
        let interface = self.interface(path.interface).ok_or(SendDrop::NoRoute)?;
        // No hardware sums up what goes in fragments.
        let is_whole = data.len() + ECHO_HEADERS <= self.sure_mtu(interface);
        let offload = interface.capabilities.offload.contains(Offload::SEND_ICMP)
            && !path.is_local
            && is_whole;
        let no_buffer = |_| SendDrop::NoBuffer;
        let mut buf = self
            .pool
            .alloc(Purpose::Send, HEADROOM)
            .map_err(no_buffer)?;
        let sum = buf.append_summed(data).map_err(no_buffer)?;
        let protocol = match destination {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => {
                let header = buf.prepend_array().map_err(no_buffer)?;
                let sum = (!offload).then_some(sum);
                crate::wire::icmpv4::Icmpv4Header::write_echo(header, identifier, sequence, sum);
                protocol::ICMP
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(destination) => {
                use crate::wire::icmpv6::{self, MessageType};

                let header = buf.prepend_array().map_err(no_buffer)?;
                icmpv6::write_echo(header, MessageType::ECHO_REQUEST, identifier, sequence);
                let sum = Sum::of(header).plus(sum);
                self.fill_icmpv6_checksum(&path, destination, sum, &mut buf);
                protocol::ICMPV6
            }
        };
        let _ = offload;
        let outgoing = Outgoing {
            hop_limit,
            ..Outgoing::new(protocol)
        };
        let result = self.send_ip(&path, destination, outgoing, buf);
        result.map_err(|(_, reason)| {
            self.not_sent(path.interface, reason);
            reason
        })
    }
}
