//! Whatever is said to the client, and whatever becomes of its address and of its link, it goes on.

use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::message::HEADER_LENGTH;
use super::*;
use crate::rng::Rng;

/// What happens next.
#[derive(Clone, Debug)]
struct Step {
    /// After so many milliseconds, or as soon as the client does something.
    after: Option<u64>,
    kind: u8,
    address: u8,
    server: u8,
    seconds: Option<u32>,
    is_answer: bool,
    damage: Vec<(prop::sample::Index, u8)>,
    is_up: bool,
    is_sent: bool,
    is_taken: bool,
}

prop_compose! {
    fn step()(
        after in prop::option::of(0..100_000u64),
        kind in 0..9u8,
        (address, server) in (any::<u8>(), 0..3u8),
        seconds in prop_oneof![Just(None), any::<u32>().prop_map(Some), (0..600u32).prop_map(Some)],
        is_answer in prop::bool::weighted(0.8),
        damage in prop_oneof![3 => Just(Vec::new()), 1 => vec(any::<(prop::sample::Index, u8)>(), 1..4)],
        is_up in prop::bool::weighted(0.9),
        is_sent in prop::bool::weighted(0.9),
        is_taken in prop::bool::weighted(0.2),
    ) -> Step {
        Step { after, kind, address, server, seconds, is_answer, damage, is_up, is_sent, is_taken }
    }
}

/// A reply of a server.
fn reply(kind: u8, transaction: u32, address: u8, server: u8, seconds: Option<u32>) -> Vec<u8> {
    let mut bytes = std::vec![0; HEADER_LENGTH];
    bytes[..3].copy_from_slice(&[2, 1, 6]);
    bytes[4..8].copy_from_slice(&transaction.to_be_bytes());
    bytes[16..20].copy_from_slice(&[10, 0, 0, address]);
    bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
    bytes.extend([code::MESSAGE_TYPE, 1, kind]);
    bytes.extend([code::SERVER_IDENTIFIER, 4, 10, 0, 0, server]);
    bytes.extend([code::SUBNET_MASK, 4, 255, 255, 255, 0]);
    if let Some(seconds) = seconds {
        bytes.extend([code::LEASE_TIME, 4]);
        bytes.extend(seconds.to_be_bytes());
    }
    bytes.push(code::END);
    bytes
}

struct Client {
    machine: Machine,
    rng: Rng,
    now: Instant,
    /// The last message, while nobody has answered it.
    asked: Option<Outgoing>,
}

impl Client {
    /// Does what is to be done now, which comes to an end.
    fn turn(&mut self, is_sent: bool, is_taken: bool) {
        let Self {
            machine,
            rng,
            now,
            asked,
        } = self;
        for _ in 0..32 {
            match machine.next(*now, rng) {
                None => return,
                Some(Action::Send(message)) => {
                    *asked = Some(message);
                    machine.was_sent(*now, is_sent, rng);
                }
                Some(Action::Install(lease)) => {
                    assert!(is_host(lease.address.address) && lease.renewal < lease.duration);
                    match is_taken {
                        true => machine.conflict(*now, rng),
                        false => machine.verified(),
                    }
                }
                Some(Action::Remove) => {}
            }
        }
        panic!("it always wants something else");
    }

    fn hear(&mut self, bytes: &[u8]) {
        if let Ok(message) = Message::new(bytes)
            && message.check().is_ok()
        {
            let _: Received = self.machine.receive(self.now, &message, &mut self.rng);
        }
    }

    fn pass(&mut self, after: Option<u64>) {
        let deadline = self.machine.deadline();
        self.now = match after {
            None if deadline != Instant::MAX => deadline.max(self.now),
            after => self.now + Duration::from_millis(after.unwrap_or(1000)),
        };
    }
}

proptest! {
    #[test]
    fn client_gets_a_lease_from_the_right_server_after_whatever_has_happened(
        seed: [u8; 32],
        steps in vec(step(), 0..80),
    ) {
        let plan = Plan { collect: Duration::ZERO, desynchronize: false, inform: None };
        let mut client = Client {
            machine: Machine::new(plan),
            rng: Rng::new(seed),
            now: Instant::ZERO,
            asked: None,
        };
        for step in steps {
            let Step { kind, address, server, seconds, .. } = step;
            client.machine.set_link(client.now, step.is_up, &mut client.rng);
            client.turn(step.is_sent, step.is_taken);
            let transaction = client.asked.filter(|_| step.is_answer).map_or(7, |m| m.transaction);
            let mut bytes = reply(kind, transaction, address, server, seconds);
            for (at, octet) in step.damage {
                let at = at.index(bytes.len());
                bytes[at] = octet;
            }
            client.hear(&bytes);
            client.turn(step.is_sent, step.is_taken);
            client.pass(step.after);
        }
        client.machine.set_link(client.now, true, &mut client.rng);
        for _ in 0..200 {
            client.turn(true, false);
            let answer = client.asked.take().and_then(|message| match message.kind {
                MessageType::DISCOVER => Some((2, message)),
                MessageType::REQUEST => Some((5, message)),
                _ => None,
            });
            if let Some((kind, message)) = answer {
                let bytes = reply(kind, message.transaction, 9, 1, Some(3600));
                client.hear(&bytes);
                client.turn(true, false);
            }
            let lease = client.machine.lease().filter(|lease| lease.address.address.octets()[3] == 9);
            if client.machine.state() == ClientState::Bound && lease.is_some() {
                return Ok(());
            }
            client.pass(None);
        }
        // A lease for ever of somebody else's.
        let expires = client.machine.expires();
        prop_assert_eq!((client.machine.state(), expires), (ClientState::Bound, Some(Instant::MAX)));
    }
}
