//! Stations without a stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use zonda::time::Instant;

use super::link::Station;
use super::{Core, leak, ms};

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
        self.0.received.borrow_mut().push_back((at, frame));
    }

    /// Its MAC address.
    pub fn mac(self) -> [u8; 6] {
        self.0.mac
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
