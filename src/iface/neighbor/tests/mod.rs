//! The numbers expected hold for the default sizes and those near them.

extern crate std;

use core::net::{Ipv4Addr, Ipv6Addr};
use std::vec::Vec;

use super::NeighborState::{Delay, Failed, Incomplete, Probe, Reachable, Stale, Static};
use super::*;
use crate::netbuf::{NetBufPool, Pool, Purpose};
use crate::time::Duration;

mod arp;
mod discovery;
mod tables;

const RETRANS: Duration = Duration::from_secs(1);
const DELAY_FIRST_PROBE: Duration = Duration::from_secs(5);
const REACHABLE: Duration = Duration::from_secs(30);

/// The neighbour of most tests, and its link address.
const A: u16 = 1;
const MAC: LinkAddr = LinkAddr::ethernet([2, 0, 0, 0, 0, 1]);
const OTHER_MAC: LinkAddr = LinkAddr::ethernet([2, 0, 0, 0, 0, 0xee]);

fn v6(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
}

fn v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

fn mac(number: u16) -> LinkAddr {
    let [high, low] = number.to_be_bytes();
    LinkAddr::ethernet([2, 0, 0, 0, high, low])
}

/// A cache, a pool and a clock. When it is dropped no block may be in use.
struct Bench {
    cache: NeighborCache,
    pool: Pool,
    now: Instant,
}

#[derive(Debug, PartialEq)]
enum Done {
    Solicit(IpAddress, Option<LinkAddr>),
    Unreachable(IpAddress, Vec<u8>),
}

impl Bench {
    fn new() -> Self {
        let pool: &NetBufPool<32, 128, 4, 8> = std::boxed::Box::leak(std::boxed::Box::default());
        Self {
            cache: NeighborCache::new(),
            pool: pool.pool(),
            now: Instant::from_millis(10_000),
        }
    }

    /// A cache that has `A` in one state, entered now, with `MAC` where it has a link address.
    fn with(state: NeighborState) -> Self {
        let mut bench = Self::new();
        match state {
            Incomplete => assert_eq!(bench.wait(v6(A), 7), (true, None)),
            Reachable => {
                bench.ask(v6(A));
                assert_eq!(bench.advertise(A, "SO", Some(MAC)), [0]);
            }
            Stale => assert!(bench.solicited_by(A, Some(MAC)).is_empty()),
            Delay => {
                assert!(bench.solicited_by(A, Some(MAC)).is_empty());
                assert_eq!(bench.lookup(v6(A)), Some(MAC));
            }
            Probe => {
                bench = Self::with(Delay);
                let probe = Done::Solicit(v6(A).into(), Some(MAC));
                assert_eq!(bench.after(DELAY_FIRST_PROBE), [probe]);
            }
            Static | Failed => unreachable!(),
        }
        assert_eq!(bench.state(v6(A)), Some(state));
        bench
    }

    fn packet(&self, tag: u8) -> NetBuf {
        let mut packet = self.pool.alloc(Purpose::Receive, 0).unwrap();
        packet.append(&[tag]).unwrap();
        packet
    }

    fn tags(mut packets: BufQueue) -> Vec<u8> {
        std::iter::from_fn(|| packets.pop_front())
            .map(|packet| packet.first()[0])
            .collect()
    }

    /// Begins to resolve an address, with one packet waiting.
    fn ask(&mut self, address: impl Into<IpAddress>) {
        assert_eq!(self.wait(address, 0), (true, None));
    }

    /// Whether to solicit, and which packet was dropped.
    fn wait(&mut self, address: impl Into<IpAddress>, tag: u8) -> (bool, Option<u8>) {
        let packet = self.packet(tag);
        match self.cache.wait(self.now, address.into(), packet) {
            Wait::Queued { solicit, dropped } => (solicit, dropped.map(|p| p.first()[0])),
            other => panic!("{other:?}"),
        }
    }

    fn is_refused(&mut self, address: impl Into<IpAddress>) -> bool {
        let packet = self.packet(0);
        matches!(
            self.cache.wait(self.now, address.into(), packet),
            Wait::Refused { .. }
        )
    }

    fn lookup(&mut self, address: impl Into<IpAddress>) -> Option<LinkAddr> {
        self.cache.lookup(self.now, address.into())
    }

    fn neighbor(&self, address: impl Into<IpAddress>) -> Option<Neighbor> {
        self.cache.neighbor(self.now, address.into())
    }

    fn state(&self, address: impl Into<IpAddress>) -> Option<NeighborState> {
        self.neighbor(address).map(|neighbor| neighbor.state)
    }

    fn link(&self, address: impl Into<IpAddress>) -> Option<LinkAddr> {
        self.cache.link_addr(address.into())
    }

    /// Receives an advertisement with the flags named by letters; returns the packets to be sent.
    fn advertise(&mut self, target: u16, flags: &str, link: Option<LinkAddr>) -> Vec<u8> {
        let message = Advertisement {
            target: v6(target),
            link,
            router: flags.contains('R'),
            solicited: flags.contains('S'),
            overriding: flags.contains('O'),
        };
        let learned = self.cache.advertisement(self.now, message);
        Self::tags(learned.packets)
    }

    /// Receives a Neighbor Solicitation.
    fn solicited_by(&mut self, source: u16, link: Option<LinkAddr>) -> Vec<u8> {
        let learned = self.cache.discovered(self.now, v6(source), link, None);
        Self::tags(learned.packets)
    }

    fn arp(&mut self, number: u8, link: LinkAddr, is_reply: bool, for_us: bool) -> Vec<u8> {
        let sender = ArpSender {
            address: v4(number),
            link,
            is_reply,
            for_us,
        };
        Self::tags(self.cache.arp(self.now, sender).packets)
    }

    /// Lets time pass, and returns what is then due.
    fn after(&mut self, span: Duration) -> Vec<Done> {
        self.now += span;
        let due = self
            .cache
            .next_deadline()
            .is_some_and(|next| next <= self.now);
        let mut all = Vec::new();
        while let Some(action) = self.cache.poll(self.now) {
            all.push(match action {
                NeighborAction::Solicit { address, to } => Done::Solicit(address, to),
                NeighborAction::Unreachable {
                    address, packets, ..
                } => Done::Unreachable(address, Self::tags(packets)),
            });
        }
        assert!(due || all.is_empty(), "acted before the deadline");
        assert!(
            self.cache
                .next_deadline()
                .is_none_or(|next| next > self.now)
        );
        all
    }

    fn counters(&self) -> NeighborCounters {
        *self.cache.counters()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.cache.clear());
        if !std::thread::panicking() {
            assert_eq!(self.pool.stats().blocks_used, 0);
        }
    }
}

const RESOLVED: [NeighborState; 4] = [Reachable, Stale, Delay, Probe];
