//! Stations without a stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};

use zonda::link::Offload;
use zonda::time::Instant;

use super::link::Station;
use super::{Core, hardware, leak, ms};

/// A station without a stack: it sends the bytes that the test gives it, and keeps those that it
/// receives.
#[derive(Clone, Copy)]
pub struct Peer(&'static State);

struct State {
    network: &'static Core,
    name: String,
    mac: [u8; 6],
    station: Cell<Option<&'static Station>>,
    received: RefCell<VecDeque<(Instant, Vec<u8>)>>,
    /// The addresses for which it answers by itself.
    neighbor: Cell<Option<(Ipv4Addr, Ipv6Addr)>>,
    /// It says that it is a router.
    is_router: Cell<bool>,
    /// It keeps what hosts say of their groups too.
    hears_groups: Cell<bool>,
}

impl Peer {
    pub(super) fn new(network: &'static Core, name: &str) -> Self {
        let number = network.peers.get() + 1;
        network.peers.set(number);
        Self(leak(State {
            network,
            name: name.into(),
            mac: [2, 0, 0, 0, 0xee, number],
            station: Cell::new(None),
            received: RefCell::default(),
            neighbor: Cell::new(None),
            is_router: Cell::new(false),
            hears_groups: Cell::new(false),
        }))
    }

    pub(super) fn name(self) -> &'static str {
        &self.0.name
    }

    pub(super) fn attach(self, station: &'static Station) {
        let before = self.0.station.replace(Some(station));
        assert!(before.is_none(), "a peer has one link");
    }

    pub(super) fn arrive(self, at: Instant, frame: Vec<u8>) {
        if !self.0.hears_groups.get() && is_of_groups(&frame) {
            return;
        }
        match self
            .0
            .neighbor
            .get()
            .and_then(|own| self.answer(own, &frame))
        {
            Some(answer) => self.send(answer),
            None => self.0.received.borrow_mut().push_back((at, frame)),
        }
    }

    /// Its MAC address.
    pub fn mac(self) -> [u8; 6] {
        self.0.mac
    }

    /// From now on answers by itself whoever asks for the link address of these (ARP, Neighbor
    /// Discovery). Those questions are not among the frames that it keeps.
    pub fn answer_for(self, ipv4: Ipv4Addr, ipv6: Ipv6Addr) -> Self {
        self.0.neighbor.set(Some((ipv4, ipv6)));
        self
    }

    /// From now on says in those answers that it is a router.
    pub fn as_router(self) -> Self {
        self.0.is_router.set(true);
        self
    }

    /// From now on keeps what hosts say of their groups (IGMP, MLD) too. Otherwise it does not: they
    /// say it when it pleases them.
    pub fn hear_groups(self) -> Self {
        self.0.hears_groups.set(true);
        self
    }

    /// The answer to a frame that asks for the link address of one of these addresses.
    fn answer(self, (ipv4, ipv6): (Ipv4Addr, Ipv6Addr), frame: &[u8]) -> Option<Vec<u8>> {
        let own = self.0.mac;
        match frame.get(12..14)? {
            [0x08, 0x06] if frame.get(20..22)? == [0, 1] && frame.get(38..42)? == ipv4.octets() => {
                // RFC 826: swap both, and say that it is a reply.
                let asker = &frame[22..32];
                let head = [&frame[6..12], &own, &frame[12..20], &[0, 2]].concat();
                Some([&head[..], &own, &ipv4.octets(), asker].concat())
            }
            [0x86, 0xdd] if frame[20] == 58 && frame.get(54) == Some(&135) => {
                let source = frame.get(22..38)?;
                if frame.get(62..78)? != ipv6.octets() || source == [0; 16] {
                    return None;
                }
                // RFC 4861 §4.4: solicited, override, target link-layer address.
                let head = [&frame[6..12], &own[..], &frame[12..14]].concat();
                let ip = [&[0x60, 0, 0, 0, 0, 32, 58, 255], &ipv6.octets()[..], source].concat();
                let flags = if self.0.is_router.get() { 0xe0 } else { 0x60 };
                let message = [
                    &[136, 0, 0, 0, flags, 0, 0, 0],
                    &ipv6.octets()[..],
                    &[2, 1],
                    &own,
                ];
                let mut packet = [ip, message.concat()].concat();
                hardware::fill(Offload::SEND_ICMP, &mut packet);
                Some([head, packet].concat())
            }
            _ => None,
        }
    }

    /// Sends a frame as it is.
    pub fn send(self, frame: impl AsRef<[u8]>) {
        let station = self.0.station.get().expect("the peer is on a link");
        station.send(frame.as_ref().to_vec());
    }

    /// The frames that it has received since this was asked before.
    pub fn take(self) -> Vec<Vec<u8>> {
        let mut received = self.0.received.borrow_mut();
        received.drain(..).map(|(_, frame)| frame).collect()
    }

    /// As [`Peer::take`], with the time of each.
    pub fn take_timed(self) -> Vec<(Instant, Vec<u8>)> {
        self.0.received.borrow_mut().drain(..).collect()
    }

    /// The oldest frame that was not taken.
    pub fn next(self) -> Option<Vec<u8>> {
        Some(self.0.received.borrow_mut().pop_front()?.1)
    }

    /// Sends a frame, lets 10 ms pass, and gives what was received meanwhile.
    pub fn exchange(self, frame: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        let _: Vec<_> = self.take();
        self.send(frame);
        let network = self.0.network;
        let _: bool = network.run(network.now() + ms(10), || false);
        self.take()
    }
}

/// Whether a frame is of IGMP, or of MLD behind its Hop-by-Hop Options.
fn is_of_groups(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x00]) => frame.get(23) == Some(&2),
        Some([0x86, 0xdd]) => {
            let kind = frame.get(62).copied().unwrap_or(0);
            frame[20] == 0 && frame.get(54) == Some(&58) && matches!(kind, 130..=132 | 143)
        }
        _ => false,
    }
}
