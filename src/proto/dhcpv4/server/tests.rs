//! Properties of the machine, whatever it is shown.

use core::net::Ipv4Addr;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::message::{HEADER_LENGTH, Message};
use super::super::option::code;
use super::lease::ClientKey;
use super::machine::{Answer, Machine};
use super::request::{Arrival, Request};
use super::*;
use crate::iface::Ipv4Cidr;
use crate::time::{Duration, Instant};
use crate::wire::LinkAddr;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A message with these options.
fn message(kind: u8, client: u8, options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = std::vec![0; HEADER_LENGTH];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[33] = client;
    bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
    bytes.extend([code::MESSAGE_TYPE, 1, kind]);
    for (code, value) in options {
        bytes.extend([*code, value.len() as u8]);
        bytes.extend_from_slice(value);
    }
    bytes.push(code::END);
    bytes
}

/// One message, and what is done to it.
#[derive(Clone, Debug)]
struct Shown {
    bytes: Vec<u8>,
    is_unicast: bool,
    after: u64,
    /// Whether another station has the address that is looked for.
    is_taken: bool,
}

fn shown() -> impl Strategy<Value = Shown> {
    let valid = (1..=8u8, 0..6u8, any::<u8>(), 0..16u8, 0..4u8).prop_map(
        |(kind, client, number, has, chosen)| {
            let wanted = [10, 0, 0, 96 + number % 16];
            let server = [10, 0, 0, chosen];
            let mut options: Vec<(u8, &[u8])> = std::vec![(code::PARAMETER_REQUEST_LIST, &[1, 3])];
            if number & 1 == 0 {
                options.push((code::REQUESTED_ADDRESS, &wanted));
            }
            if chosen < 3 {
                options.push((code::SERVER_IDENTIFIER, &server));
            }
            if number & 6 == 0 {
                options.push((code::RELAY_AGENT, &[5, 4, 10, 0, 0, 0]));
            }
            let mut bytes = message(kind, client, &options);
            if has < 4 {
                bytes[12..16].copy_from_slice(&[10, 0, 0, 98 + has]);
            }
            if number & 0x70 == 0 {
                bytes[24..28].copy_from_slice(&[10, 0, 0, 254]);
            }
            bytes
        },
    );
    let damaged = (
        valid.clone(),
        vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    )
        .prop_map(|(mut bytes, changes)| {
            for (at, octet) in changes {
                let at = at.index(bytes.len());
                bytes[at] = octet;
            }
            bytes
        });
    let arbitrary = vec(any::<u8>(), 0..400);
    let bytes = prop_oneof![6 => valid, 3 => damaged, 1 => arbitrary];
    (bytes, any::<bool>(), 0..2000u64, any::<bool>()).prop_map(
        |(bytes, is_unicast, after, is_taken)| Shown {
            bytes,
            is_unicast,
            after,
            is_taken,
        },
    )
}

/// The table is sound: no address twice, none that is not to be given, no client with two leases.
fn check(machine: &Machine<'_>, now: Instant) {
    let used: Vec<_> = machine.slots.iter().filter(|slot| slot.is_used()).collect();
    for (place, slot) in used.iter().enumerate() {
        let number = slot.address.octets()[3];
        assert_eq!(slot.address.octets()[..3], [10, 0, 0]);
        assert!((100..=105).contains(&number) || number == 50, "{slot:?}");
        for other in &used[place + 1..] {
            assert_ne!(slot.address, other.address);
        }
        let leased = used.iter().filter(|other| {
            other.key == slot.key && other.state == lease::SlotState::Leased && other.is_active(now)
        });
        assert!(leased.count() <= 1);
        if number == 50 && slot.state != lease::SlotState::Declined {
            assert_eq!(slot.hardware.as_bytes().last(), Some(&5));
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_table_is_sound_and_replies_can_be_read(
        all in vec(shown(), 1..60),
        places in 2..8usize,
    ) {
        let ranges = [AddressRange::new(Ipv4Addr::new(10, 0, 0, 100), Ipv4Addr::new(10, 0, 0, 105))];
        let routers = [SERVER];
        let options = [ServerOption::routers(&routers), ServerOption::domain("lab.test")];
        let network = Ipv4Cidr::new(SERVER, 24);
        let subnets = [Subnet::new(network).interface(0).ranges(&ranges).options(&options)];
        let kept = LinkAddr::ethernet([0, 0, 0, 0, 0, 5]);
        let kept = [Reservation::new(ReservedFor::Hardware(kept), Ipv4Addr::new(10, 0, 0, 50))];
        let config = ServerConfig::new(&subnets).reservations(&kept);
        let mut slots = [LeaseSlot::UNUSED; 8];
        let mut machine = Machine::new(config, &mut slots[..places]);
        let mut now = Instant::ZERO;
        for shown in all {
            now += Duration::from_secs(shown.after);
            let Some(message) = Message::new(&shown.bytes).ok().filter(|m| m.check().is_ok()) else {
                continue;
            };
            let arrival = Arrival {
                interface: 0,
                server: SERVER,
                is_unicast: shown.is_unicast,
                own: &[SERVER],
                may_probe: true,
                names_us: message.address(code::SERVER_IDENTIFIER) == Some(SERVER),
            };
            let Some(request) = Request::read(message, arrival) else {
                continue;
            };
            let mut answer = machine.receive(now, &request);
            check(&machine, now);
            if let Answer::Probe(address) = answer {
                match shown.is_taken {
                    true => machine.conflict(now, address, LinkAddr::NONE),
                    false => machine.probed(now, address),
                }
                answer = machine.receive(now, &request);
                check(&machine, now);
            }
            while machine.next_unsaved(now).is_some() {}
            check(&machine, now);
            if let Answer::Reply(reply) = answer {
                let mut bytes = [0; 1472];
                let Ok(written) = machine.write(&mut bytes, 1500, &request, &reply) else {
                    continue;
                };
                let read = Message::new(written).unwrap();
                prop_assert_eq!(read.check(), Ok(()));
                prop_assert_eq!(read.kind(), Some(reply.kind));
                prop_assert_eq!(read.transaction(), message.transaction());
                prop_assert_eq!(read.your_address(), reply.address);
            }
        }
    }

    #[test]
    fn lease_is_read_as_it_was_written(
        identifier in vec(any::<u8>(), 1..60),
        hardware in vec(any::<u8>(), 0..9),
        address in any::<u32>(),
        seconds in any::<u32>(),
    ) {
        let mut bytes = message(1, 0, &[(code::CLIENT_IDENTIFIER, &identifier)]);
        let read = ClientKey::read(&Message::new(&bytes).unwrap()).unwrap();
        let lease = ServerLease {
            address: Ipv4Addr::from_bits(address),
            state: LeaseState::Leased,
            client: read,
            hardware: LinkAddr::from_bytes(&hardware).unwrap(),
            seconds,
        };
        prop_assert_eq!(ServerLease::from_bytes(&lease.to_bytes()), Some(lease));
        prop_assert!(read.is_identifier());
        // One octet makes another client.
        let at = bytes.len() - 2;
        bytes[at] ^= 1;
        let other = ClientKey::read(&Message::new(&bytes).unwrap()).unwrap();
        prop_assert!(other != read);
    }

    #[test]
    fn arbitrary_octets_are_no_lease_or_one(bytes: [u8; ServerLease::LENGTH]) {
        if let Some(lease) = ServerLease::from_bytes(&bytes) {
            let again = ServerLease::from_bytes(&lease.to_bytes());
            prop_assert_eq!(again, Some(lease));
        }
    }
}

#[test]
fn lease_takes_56_bytes() {
    assert_eq!(size_of::<LeaseSlot>(), 56);
}
