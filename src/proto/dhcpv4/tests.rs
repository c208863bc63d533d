//! Messages against literal octets, and whatever else there may be in them.

use core::net::Ipv4Addr;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::wire::Malformed;

/// A DHCPACK (RFC 2131 figure 1), octet by octet, without options but for the type.
fn ack() -> Vec<u8> {
    let mut bytes = std::vec![
        2, 1, 6, 0, // BOOTREPLY, Ethernet, six octets, no hops
        0x12, 0x34, 0x56, 0x78, // xid
        0, 7, 0x80, 0, // secs, flags
        10, 0, 0, 1, // ciaddr
        10, 0, 0, 2, // yiaddr
        10, 0, 0, 3, // siaddr
        10, 0, 0, 4, // giaddr
        2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // chaddr
    ];
    let mut text = |text: &[u8], length| {
        bytes.extend(text);
        bytes.resize(bytes.len() + length - text.len(), 0);
    };
    text(b"server", 64);
    text(b"boot.bin", 128);
    bytes.extend([99, 130, 83, 99, 53, 1, 5]);
    bytes
}

fn octets(message: &Message<'_>, code: u8) -> Option<Vec<u8>> {
    message.option(code).map(Iterator::collect)
}

#[test]
fn fields_are_read() {
    let mut bytes = ack();
    bytes.push(255);
    let message = Message::new(&bytes).unwrap();
    assert_eq!(
        (message.operation(), message.hardware_type()),
        (BOOT_REPLY, 1)
    );
    assert_eq!((message.hops(), message.transaction()), (0, 0x1234_5678));
    assert_eq!((message.seconds(), message.flags()), (7, BROADCAST));
    let addresses = [
        message.client_address(),
        message.your_address(),
        message.next_server(),
        message.relay_agent(),
    ];
    assert_eq!(
        addresses,
        [1, 2, 3, 4].map(|last| Ipv4Addr::new(10, 0, 0, last))
    );
    assert_eq!(message.hardware_address(), [2, 0, 0, 0, 0, 9]);
    assert_eq!(
        (message.server_name(), message.boot_file()),
        (&b"server"[..], &b"boot.bin"[..])
    );
    assert_eq!(message.kind(), Some(MessageType::ACK));
    assert_eq!(message.check(), Ok(()));
    assert_eq!(octets(&message, 3), None);
}

#[test]
fn message_is_written_octet_by_octet() {
    let fields = Fields {
        operation: BOOT_REQUEST,
        hardware: (1, &[2, 0, 0, 0, 0, 9]),
        transaction: 0x1234_5678,
        seconds: 7,
        broadcast: true,
        client_address: Ipv4Addr::new(10, 0, 0, 1),
        your_address: Ipv4Addr::new(10, 0, 0, 2),
        next_server: Ipv4Addr::new(10, 0, 0, 3),
        relay_agent: Ipv4Addr::new(10, 0, 0, 4),
    };
    let mut bytes = [0xee; 310];
    let mut writer = MessageWriter::new(&mut bytes, &fields, MessageType::ACK).unwrap();
    writer.option(code::ROUTER, &[10, 0, 0, 1]).unwrap();
    let mut expected = ack();
    expected[0] = BOOT_REQUEST;
    expected[44..236].fill(0);
    expected.extend([3, 4, 10, 0, 0, 1, 255]);
    // RFC 1542 §2.1.
    expected.resize(300, 0);
    assert_eq!(writer.finish(), expected);
}

#[test]
fn option_that_does_not_fit_leaves_the_message_as_it_was() {
    let fields = Fields {
        operation: BOOT_REQUEST,
        hardware: (1, &[]),
        transaction: 1,
        seconds: 0,
        broadcast: false,
        client_address: Ipv4Addr::UNSPECIFIED,
        your_address: Ipv4Addr::UNSPECIFIED,
        next_server: Ipv4Addr::UNSPECIFIED,
        relay_agent: Ipv4Addr::UNSPECIFIED,
    };
    let mut bytes = [0; 300];
    let mut writer = MessageWriter::new(&mut bytes, &fields, MessageType::DISCOVER).unwrap();
    assert_eq!(writer.option(60, &[1; 55]), Err(MessageFull));
    writer.option(60, &[1; 54]).unwrap();
    assert_eq!(writer.option(60, &[]), Err(MessageFull));
    let written = writer.finish();
    assert_eq!((written.len(), written[299]), (300, 255));
    let mut short = [0; 299];
    let full = MessageWriter::new(&mut short, &fields, MessageType::DISCOVER).err();
    assert_eq!(full, Some(MessageFull));
}

#[test]
fn what_is_no_message_of_dhcp_is_refused() {
    assert_eq!(
        Message::new(&ack()[..239]).err(),
        Some(Malformed::Truncated)
    );
    let mut bytes = ack();
    bytes[239] = 98;
    assert_eq!(Message::new(&bytes).err(), Some(Malformed::Value));
    let mut bytes = ack();
    bytes[2] = 17;
    assert_eq!(Message::new(&bytes).err(), Some(Malformed::Length));
}

#[test]
fn malformed_option_ends_the_list_and_is_told() {
    for rest in [&[6][..], &[6, 5, 1, 2, 3, 4], &[6, 255]] {
        let bytes = [&ack(), &[3, 1, 9][..], rest].concat();
        let message = Message::new(&bytes).unwrap();
        let options: Vec<_> = message.options().collect();
        let expected = [
            Ok((53, &[5][..])),
            Ok((3, &[9][..])),
            Err(Malformed::Truncated),
        ];
        assert_eq!(options, expected);
        assert!(message.check().is_err());
        assert_eq!(octets(&message, 6), None);
    }
}

#[test]
fn pads_are_skipped_and_nothing_is_read_behind_the_end() {
    let bytes = [&ack(), &[0, 0, 3, 0, 0, 255, 6, 200][..]].concat();
    let message = Message::new(&bytes).unwrap();
    let options: Vec<_> = message.options().map(Result::unwrap).collect();
    assert_eq!(options, [(53, &[5][..]), (3, &[])]);
    // Without an end the message's is taken.
    assert_eq!(Message::new(&ack()).unwrap().check(), Ok(()));
}

/// RFC 3396 §8: a boot file name in two parts.
#[test]
fn parts_of_an_option_are_one() {
    let parts = b"\x43\x07/diskle\x43\x06ss/foo\xff";
    let bytes = [&ack(), &parts[..]].concat();
    let message = Message::new(&bytes).unwrap();
    assert_eq!(octets(&message, 67), Some(b"/diskless/foo".to_vec()));
    assert_eq!(message.array::<7>(67), None);
}

/// RFC 2131 §4.1, RFC 3396 §5: the options, then `file`, then `sname`.
#[test]
fn overloaded_fields_are_read_in_their_order() {
    for (overload, expected) in [(1, "ab"), (2, "ac"), (3, "abc"), (4, "a")] {
        let mut bytes = [&ack(), &[200, 1, b'a', 52, 1, overload, 255][..]].concat();
        bytes[44..48].copy_from_slice(&[200, 1, b'c', 255]);
        bytes[108..112].copy_from_slice(&[200, 1, b'b', 255]);
        let message = Message::new(&bytes).unwrap();
        assert_eq!(octets(&message, 200), Some(expected.into()));
        assert_eq!(message.boot_file().is_empty(), overload & 1 != 0);
        assert_eq!(message.server_name().is_empty(), overload & 2 != 0);
    }
    // An option does not go from one field into the next.
    let mut bytes = [&ack(), &[52, 1, 1, 255][..]].concat();
    bytes[108..236].fill(0);
    bytes[235] = 6;
    assert!(Message::new(&bytes).unwrap().check().is_err());
}

#[test]
fn long_options_are_split_and_read_as_one() {
    let fields = Fields {
        operation: BOOT_REPLY,
        hardware: (1, &[2; 20]),
        transaction: 1,
        seconds: 0,
        broadcast: false,
        client_address: Ipv4Addr::UNSPECIFIED,
        your_address: Ipv4Addr::UNSPECIFIED,
        next_server: Ipv4Addr::UNSPECIFIED,
        relay_agent: Ipv4Addr::UNSPECIFIED,
    };
    let mut bytes = [0; 1000];
    let mut writer = MessageWriter::new(&mut bytes, &fields, MessageType::OFFER).unwrap();
    let long: Vec<u8> = (0..600u32).map(|n| n as u8).collect();
    writer.option(121, &long).unwrap();
    let message = Message::new(writer.finish()).unwrap();
    let lengths: Vec<_> = message
        .options()
        .map(|option| option.unwrap().1.len())
        .collect();
    assert_eq!(lengths, [1, 255, 255, 90]);
    assert_eq!(octets(&message, 121), Some(long));
    assert_eq!(message.hardware_address(), [2; 16]);
}

/// The examples of RFC 3442.
#[test]
fn classless_routes_are_read() {
    let descriptors: [(&[u8], &str, u8); 7] = [
        (&[0], "0.0.0.0", 0),
        (&[8, 10], "10.0.0.0", 8),
        (&[24, 10, 0, 0], "10.0.0.0", 24),
        (&[16, 10, 17], "10.17.0.0", 16),
        (&[24, 10, 27, 129], "10.27.129.0", 24),
        (&[25, 10, 229, 0, 128], "10.229.0.128", 25),
        (&[32, 10, 198, 122, 47], "10.198.122.47", 32),
    ];
    let mut option = Vec::new();
    for (descriptor, ..) in descriptors {
        option.extend(descriptor);
        option.extend([10, 0, 0, 1]);
    }
    let routes: Vec<_> = ClasslessRoutes::new(&option).collect();
    assert_eq!(routes.len(), 7);
    for (route, (_, address, length)) in routes.iter().zip(descriptors) {
        assert_eq!(route.prefix.address.to_string(), address);
        assert_eq!(route.prefix.prefix_length, length);
        assert_eq!(route.router, Ipv4Addr::new(10, 0, 0, 1));
    }
    // The list ends where it is malformed.
    for cut in [
        &option[..option.len() - 1],
        &[33, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ] {
        assert!(ClasslessRoutes::new(cut).count() < 7);
    }
}

#[test]
fn masks_are_ones_and_then_zeros() {
    for length in 0..=32u8 {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        assert_eq!(
            option::prefix_length(Ipv4Addr::from_bits(mask)),
            Some(length)
        );
    }
    for mask in [[0, 0, 0, 1], [255, 0, 255, 0], [127, 255, 255, 255]] {
        assert_eq!(option::prefix_length(Ipv4Addr::from(mask)), None);
    }
    let class = |first| option::class_length(Ipv4Addr::new(first, 0, 0, 1));
    assert_eq!(
        [1, 127, 128, 191, 192, 223].map(class),
        [8, 8, 16, 16, 24, 24]
    );
}

proptest! {
    #[test]
    fn arbitrary_octets_are_read_without_a_panic(
        fields in prop::collection::vec(any::<u8>(), 230..245),
        options in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut bytes = fields;
        if bytes.len() >= 240 {
            bytes.truncate(240);
            bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
            bytes[2] %= 17;
        }
        bytes.extend(options);
        if let Ok(message) = Message::new(&bytes) {
            let count = message.options().count();
            prop_assert!(count <= bytes.len() + 192);
            let mut kept = KeptOptions::NONE;
            let _: u32 = kept.keep(&message);
            let _: (usize, usize) = (kept.routes().count(), kept.routers().count());
            #[cfg(feature = "dns")]
            prop_assert!(kept.search_domains().count() <= bytes.len());
            let _: Option<Lease> = Lease::read(&message);
        }
    }

    #[test]
    fn options_that_are_written_are_read(
        options in prop::collection::vec(
            (1u8..52, prop::collection::vec(any::<u8>(), 0..300)), 0..5),
    ) {
        let fields = Fields {
            operation: BOOT_REPLY,
            hardware: (1, &[2, 0, 0, 0, 0, 9]),
            transaction: 9,
            seconds: 0,
            broadcast: false,
            client_address: Ipv4Addr::UNSPECIFIED,
            your_address: Ipv4Addr::UNSPECIFIED,
            next_server: Ipv4Addr::UNSPECIFIED,
            relay_agent: Ipv4Addr::UNSPECIFIED,
        };
        let mut bytes = [0; 2000];
        let mut writer = MessageWriter::new(&mut bytes, &fields, MessageType::ACK).unwrap();
        for (code, value) in &options {
            writer.option(*code, value).unwrap();
        }
        let message = Message::new(writer.finish()).unwrap();
        prop_assert_eq!(message.check(), Ok(()));
        for (code, _) in &options {
            let all = options.iter().filter(|(other, _)| other == code);
            let expected: Vec<u8> = all.flat_map(|(_, value)| value.clone()).collect();
            prop_assert_eq!(octets(&message, *code), Some(expected));
        }
    }
}
