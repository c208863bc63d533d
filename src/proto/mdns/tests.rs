//! The machines without a socket: whatever comes, they go on, and keep their bounds.

use core::net::{Ipv4Addr, SocketAddr};
use std::vec;

use proptest::collection::vec as many;
use proptest::prelude::*;

use super::handle::Shared;
use super::link::{Link, NoRoom, Origin, Outside, Target, Version};
use crate::config;
use crate::proto::dns::{Message, Name, RecordType};
use crate::proto::dns_sd::ServiceConfig;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// Chance, and a count of what is sent, each message of which can be read.
struct Around {
    rng: Rng,
    sent: usize,
    has_room: bool,
}

impl Outside for Around {
    fn below(&mut self, bound: u32) -> u32 {
        self.rng.below(bound)
    }

    fn send(&mut self, _: Target, message: &[u8]) -> Result<(), NoRoom> {
        let message = Message::new(message).unwrap();
        assert_eq!(message.check(), Ok(()));
        self.sent += 1;
        self.has_room.then_some(()).ok_or(NoRoom)
    }
}

/// Names that are of interest, and pointers and junk.
fn octets() -> impl Strategy<Value = vec::Vec<u8>> {
    let part = prop_oneof![
        Just(b"\x01z\x05local\x00".to_vec()),
        Just(b"\x03pot\x05local\x00".to_vec()),
        Just(b"\x05_http\x04_tcp\x05local\x00".to_vec()),
        Just(b"\x01k\x05_http\x04_tcp\x05local\x00".to_vec()),
        Just(b"\xc0\x0c".to_vec()),
        // Type, class, TTL and length of A, PTR, SRV, NSEC and a question of any type.
        Just(b"\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\x0a\x00\x00\x02".to_vec()),
        Just(b"\x00\x0c\x00\x01\x00\x00\x11\x94\x00\x02\xc0\x0c".to_vec()),
        Just(b"\x00\x21\x80\x01\x00\x00\x00\x78\x00\x08\x00\x00\x00\x00\x00\x50\xc0\x0c".to_vec()),
        Just(b"\x00\x2f\x80\x01\x00\x00\x00\x78\x00\x05\xc0\x0c\x00\x01\x40".to_vec()),
        Just(b"\x00\xff\x80\x01".to_vec()),
        many(any::<u8>(), 0..12),
    ];
    let flags = prop_oneof![Just(0u16), Just(0x8400), Just(0x200), any::<u16>()];
    (flags, [0u8..5, 0..5, 0..5, 0..5], many(part, 0..16)).prop_map(|(flags, counts, parts)| {
        let mut bytes = vec![0, 0];
        bytes.extend(flags.to_be_bytes());
        bytes.extend(counts.iter().flat_map(|count| [0, *count]));
        bytes.extend(parts.concat());
        bytes
    })
}

proptest! {
    #[test]
    fn arbitrary_messages_are_survived(
        messages in many((octets(), any::<bool>(), any::<bool>(), 0u64..3_000_000), 0..40),
        seed in any::<[u8; 32]>(),
        has_room in prop::bool::weighted(0.9),
    ) {
        let mut around = Around { rng: Rng::new(seed), sent: 0, has_room };
        let mut shared = Shared::new();
        let mut now = Instant::ZERO;
        shared.responder.set_host(now, "z").unwrap();
        ServiceConfig::new("k", "_http._tcp", 80).put(&mut shared);
        let link = Link {
            addresses: [Ipv4Addr::new(10, 0, 0, 1).into()].into_iter().collect(),
            most: 1400,
        };
        shared.look(now, 0, link, &mut around);
        let (host, kind) = (Name::new("pot.local").unwrap(), Name::new("_http._tcp.local").unwrap());
        let keys = [(&host, RecordType::A), (&kind, RecordType::PTR)];
        let mut rng = Rng::new(seed);
        let places = keys.map(|(name, kind)| {
            shared.querier.open(now, &mut rng, name.view(), (kind, None), true).unwrap()
        });
        for (bytes, is_multicast, is_legacy, micros) in messages {
            let next = shared.step(now, &mut around);
            prop_assert!(next > now);
            now += Duration::from_micros(micros);
            let port = if is_legacy { 4000 } else { 5353 };
            let origin = Origin {
                link: 0,
                version: Version::V4,
                source: SocketAddr::new(Ipv4Addr::new(10, 0, 0, 2).into(), port),
                is_multicast,
                is_on_link: true,
                is_cut: false,
            };
            let before = around.sent;
            shared.receive(now, &origin, &bytes, &mut around);
            // A query is answered to the group and to the host, in two messages each at most.
            prop_assert!(around.sent - before <= 4);
            let mut changes = 0;
            while places.iter().any(|place| {
                shared.querier.next_change(now, *place, |_, _, _| ()).is_some()
            }) {
                changes += 1;
                prop_assert!(changes <= 2 * config::MDNS_CACHE);
            }
        }
        // Once it is quiet, what was heard ends.
        for _ in 0..200 {
            now += Duration::from_secs(3600);
            let _: Instant = shared.step(now, &mut around);
        }
        let mut records = 0;
        for (name, kind) in keys {
            let key = (kind, None);
            let _: bool = shared.querier.visit(now, name.view(), key, &mut |_, _| records += 1);
        }
        prop_assert_eq!(records, 0);
    }
}
