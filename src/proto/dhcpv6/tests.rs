//! Messages against literal octets, and whatever else there may be in them.

use core::net::Ipv6Addr;
use std::vec::Vec;

use proptest::prelude::*;

use super::binding::Bindings;
use super::*;
use crate::time::{Duration, Instant};
use crate::wire::Malformed;

/// A Reply (RFC 8415 §8, §21), octet by octet.
const REPLY: &[u8] = &[
    7, 0x12, 0x34, 0x56, // REPLY, transaction-id
    0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 9, // OPTION_CLIENTID: DUID-LL
    0, 2, 0, 14, 0, 1, 0, 1, 0, 0, 0, 7, 2, 0, 0, 0, 0, 1, // OPTION_SERVERID: DUID-LLT
    0, 3, 0, 46, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0, 2, 0, // OPTION_IA_NA: IAID, T1, T2
    0, 5, 0, 24, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // OPTION_IAADDR
    0, 0, 3, 0, 0, 0, 4, 0, // preferred-lifetime, valid-lifetime
    0, 13, 0, 2, 0, 0, // OPTION_STATUS_CODE: Success
    0, 25, 0, 41, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 2, 0, // OPTION_IA_PD: IAID, T1, T2
    0, 26, 0, 25, 0, 0, 3, 0, 0, 0, 4, 0, // OPTION_IAPREFIX: lifetimes
    56, 0x20, 1, 0xd, 0xb8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // prefix-length, prefix
    0, 14, 0, 0, // OPTION_RAPID_COMMIT
    0, 82, 0, 4, 0, 0, 0, 60, // OPTION_SOL_MAX_RT
];

#[test]
fn message_and_its_options_are_read() {
    let message = Message::new(REPLY).unwrap();
    assert_eq!(message.check(), Ok(()));
    assert_eq!(
        (message.kind(), message.transaction()),
        (MessageType::REPLY, 0x12_3456)
    );
    assert_eq!(message.client(), Some(&REPLY[8..18]));
    assert_eq!(message.server(), Some(&REPLY[22..36]));
    assert_eq!(message.status(), Status::SUCCESS);
    assert_eq!(message.option(code::RAPID_COMMIT), Some(&[][..]));
    assert_eq!(
        message.options().array(code::SOL_MAX_RT),
        Some([0, 0, 0, 60])
    );
    assert_eq!(message.options().array::<3>(code::SOL_MAX_RT), None);
    let association = Association::read(message.option(code::IA_NA).unwrap()).unwrap();
    let times = (association.iaid, association.renewal, association.rebinding);
    assert_eq!(times, (5, 0x100, 0x200));
    assert_eq!(association.options.status(), Status::SUCCESS);
    let leases: Vec<_> = association.addresses().collect();
    assert_eq!((leases.len(), leases[0].length), (1, 128));
    assert_eq!(
        leases[0].address,
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)
    );
    assert_eq!((leases[0].preferred, leases[0].valid), (0x300, 0x400));
    let association = Association::read(message.option(code::IA_PD).unwrap()).unwrap();
    assert_eq!(association.iaid, 6);
    assert_eq!(association.addresses().count(), 0);
    let leases: Vec<_> = association.prefixes().collect();
    assert_eq!((leases.len(), leases[0].length), (1, 56));
    assert_eq!(
        leases[0].address,
        Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0)
    );
    assert_eq!((leases[0].preferred, leases[0].valid), (0x300, 0x400));
}

#[test]
fn message_is_written_octet_by_octet() {
    let mut bytes = [0xee; 40];
    let mut writer = MessageWriter::new(&mut bytes, MessageType::SOLICIT, 0xff12_3456).unwrap();
    writer
        .option(code::CLIENT_IDENTIFIER, &[&[0, 3], &[0, 1, 9]])
        .unwrap();
    writer.option(code::RAPID_COMMIT, &[]).unwrap();
    let written = writer.finish();
    let expected = [1, 0x12, 0x34, 0x56, 0, 1, 0, 5, 0, 3, 0, 1, 9, 0, 14, 0, 0];
    assert_eq!(written, expected);
}

#[test]
fn option_that_does_not_fit_leaves_the_message_as_it_was() {
    let mut bytes = [0; 14];
    let mut writer = MessageWriter::new(&mut bytes, MessageType::RENEW, 1).unwrap();
    assert_eq!(writer.option(1, &[&[1; 4], &[2; 3]]), Err(MessageFull));
    writer.option(1, &[&[1; 6]]).unwrap();
    assert_eq!(writer.option(2, &[]), Err(MessageFull));
    assert_eq!(writer.finish().len(), 14);
    let short = MessageWriter::new(&mut [0; 3], MessageType::RENEW, 1).err();
    assert_eq!(short, Some(MessageFull));
}

#[test]
fn malformed_option_ends_the_list_and_is_told() {
    assert_eq!(Message::new(&[7, 0, 0]).err(), Some(Malformed::Truncated));
    for rest in [&[0][..], &[0, 1, 0], &[0, 1, 0, 5, 1, 2, 3, 4]] {
        let bytes = [&[7, 0, 0, 0, 0, 3, 0, 1, 9], rest].concat();
        let message = Message::new(&bytes).unwrap();
        let options: Vec<_> = message.options().collect();
        assert_eq!(options, [Ok((3, &[9][..])), Err(Malformed::Truncated)]);
        assert_eq!(message.check(), Err(Malformed::Truncated));
        assert_eq!(message.option(1), None);
    }
}

#[test]
fn options_that_are_there_more_than_once_are_not_joined() {
    // RFC 8415 §21: "the data areas of the options MUST NOT be concatenated".
    let bytes = [7, 0, 0, 0, 0, 56, 0, 1, 1, 0, 56, 0, 2, 2, 3];
    let message = Message::new(&bytes).unwrap();
    assert_eq!(message.option(56), Some(&[1][..]));
    let all: Vec<_> = message.options().all(56).collect();
    assert_eq!(all, [&[1][..], &[2, 3]]);
}

#[test]
fn duids_are_made_and_read() {
    let duid = Duid::link_layer(1, &[2, 0, 0, 0, 0, 9]).unwrap();
    assert_eq!(duid.as_bytes(), [0, 3, 0, 1, 2, 0, 0, 0, 0, 9]);
    let kind = DuidKind::LinkLayer {
        hardware: 1,
        address: &[2, 0, 0, 0, 0, 9],
    };
    assert_eq!(duid.kind(), kind);
    let duid = Duid::enterprise(0x7ed9, &[1, 2]).unwrap();
    assert_eq!(duid.as_bytes(), [0, 2, 0, 0, 0x7e, 0xd9, 1, 2]);
    let kind = DuidKind::Enterprise {
        number: 0x7ed9,
        identifier: &[1, 2],
    };
    assert_eq!(duid.kind(), kind);
    let duid = Duid::uuid([7; 16]);
    assert_eq!(duid.as_bytes()[..3], [0, 4, 7]);
    assert_eq!(duid.kind(), DuidKind::Uuid([7; 16]));
    let kind = DuidKind::LinkLayerTime {
        hardware: 1,
        time: 7,
        address: &[2, 0, 0, 0, 0, 1],
    };
    assert_eq!(DuidKind::read(&REPLY[22..36]), kind);
    for other in [&[][..], &[0, 9, 1], &[0, 4, 1, 2], &[0, 1, 0, 1, 0]] {
        assert_eq!(DuidKind::read(other), DuidKind::Other);
    }
    // "no more than 128 octets long (not including the type code)", and never empty (§11.1).
    assert!(Duid::new(&[1; 130]).is_some());
    assert!(Duid::new(&[1; 131]).is_none());
    assert!(Duid::new(&[0, 4]).is_none());
    assert!(Duid::link_layer(1, &[0; 127]).is_none());
}

#[test]
fn networks_within_a_prefix_are_numbered() {
    let delegated = |prefix: Ipv6Addr, length| DelegatedPrefix {
        prefix,
        length,
        association: 0,
        preferred: Duration::MAX,
        valid: Duration::MAX,
    };
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    let of = |length, number, subnet| delegated(prefix, length).subnet(number, subnet);
    assert_eq!(
        of(48, 0xffff, 64),
        Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0xffff, 0, 0, 0, 0))
    );
    assert_eq!(of(48, 0x1_0000, 64), None);
    assert_eq!(of(64, 0, 64), Some(prefix));
    assert_eq!(of(64, 1, 64), None);
    assert_eq!(of(64, 0, 60), None);
    assert_eq!(of(64, 0, 129), None);
    assert_eq!(
        of(1, u32::MAX, 128),
        Some(Ipv6Addr::from_bits(prefix.to_bits() | 0xffff_ffff))
    );
}

#[test]
fn bucket_lets_no_more_through_than_it_holds() {
    use super::retransmission::RateLimit;
    let mut limit = RateLimit::new(20, Duration::from_secs(20));
    let mut now = Instant::from_millis(5_000);
    for _ in 0..20 {
        assert!(limit.next() <= now);
        limit.was_sent(now);
    }
    assert_eq!(limit.next(), now + Duration::from_secs(1));
    now += Duration::from_secs(3);
    for _ in 0..3 {
        assert!(limit.next() <= now);
        limit.was_sent(now);
    }
    assert!(limit.next() > now);
}

proptest! {
    #[test]
    fn arbitrary_octets_are_read_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        codes in prop::collection::vec(0u8..90, 0..40),
    ) {
        // Some of it in the form of options, so that more is reached.
        let mut bytes = octets.clone();
        for (code, value) in codes.iter().zip(octets.chunks(30)) {
            bytes.extend([0, *code, 0, value.len() as u8]);
            bytes.extend(value);
        }
        for start in [0, octets.len().saturating_sub(4)] {
            let Some(Ok(message)) = bytes.get(start..).map(Message::new) else {
                continue;
            };
            let _: (Result<(), Malformed>, Status) = (message.check(), message.status());
            let mut kept = KeptOptions::NONE;
            let _: u32 = kept.keep(&message);
            let _: (usize, usize) = (kept.ntp_servers().count(), kept.dns_servers().count());
            #[cfg(feature = "dns")]
            prop_assert!(kept.search_domains().count() <= bytes.len());
            let mut bindings = Bindings::new(1, (1, 0), 0);
            let now = Instant::from_millis(7);
            let worth = bindings.worth(&message);
            bindings.offer(now, &message);
            prop_assert_eq!(worth > 0, bindings.iter().next().is_some());
            bindings.clear();
            let _: super::binding::Outcome = bindings.update(now, &message);
            prop_assert!(bindings.held().all(|binding| binding.valid > now));
        }
    }

    #[test]
    fn options_that_are_written_are_read(
        options in prop::collection::vec(
            (any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 0..5),
        transaction in 0u32..1 << 24,
    ) {
        let mut bytes = [0; 2000];
        let mut writer = MessageWriter::new(&mut bytes, MessageType::REPLY, transaction).unwrap();
        for (code, value) in &options {
            let (first, second) = value.split_at(value.len() / 2);
            writer.option(*code, &[first, second]).unwrap();
        }
        let message = Message::new(writer.finish()).unwrap();
        prop_assert_eq!(message.transaction(), transaction);
        let read = message.options().map(|option| option.map(|(code, value)| (code, value.to_vec())));
        let read: Result<Vec<_>, _> = read.collect();
        prop_assert_eq!(read, Ok(options));
    }
}
