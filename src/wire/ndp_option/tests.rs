extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn options(message: &[u8]) -> Vec<Result<NdpOption, Malformed>> {
    NdpOptions::new(message, 0).collect()
}

/// The only option of a message.
fn option(message: &[u8]) -> NdpOption {
    let options = options(message);
    assert_eq!(options.len(), 1);
    options[0].unwrap()
}

/// Whether the only option of a message is one to be ignored.
fn is_ignored(message: &[u8]) -> bool {
    let expected = NdpOption::Unknown {
        kind: message[0],
        offset: 0,
        length: message.len(),
    };
    option(message) == expected
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

const PREFIX: [u8; 32] = [
    3, 4, 64, 0xc0, 0, 0x27, 0x8d, 0, 0, 0x09, 0x3a, 0x80, 0, 0, 0,
    0, // RFC 4861 §6.2.1 values
    0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Bytes in two pieces, as they lie in fragments.
struct Pieces<'a>(&'a [u8], &'a [u8]);

impl Bytes for Pieces<'_> {
    fn len(&self) -> usize {
        self.0.len() + self.1.len()
    }

    fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Malformed> {
        [self.0, self.1].concat().read(offset, to)
    }
}

#[test]
fn options_across_fragments_are_the_same() {
    let route = [24, 2, 48, 0x18, 0, 0, 0, 9, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0];
    let message = [&[1, 1, 2, 0, 0, 0, 0, 1], &PREFIX[..], &route].concat();
    for (first, second) in (0..=message.len()).map(|middle| message.split_at(middle)) {
        let pieces = Pieces(first, second);
        let read: Vec<_> = NdpOptions::new(&pieces, 0).collect();
        assert_eq!(read, options(&message));
    }
}

#[test]
fn link_layer_addresses_are_padded_to_eight_octets() {
    let ethernet = [1, 1, 2, 0, 0, 0xaa, 0xbb, 0xcc];
    let NdpOption::SourceLinkLayerAddress(raw) = option(&ethernet) else {
        panic!("not a source link-layer address");
    };
    let expected = LinkAddr::ethernet([2, 0, 0, 0xaa, 0xbb, 0xcc]);
    assert_eq!(raw.of_length(6), Some(expected));
    assert_eq!(raw.of_length(2), LinkAddr::from_bytes(&[2, 0]));
    for length in [0, 7, 8, 9, 14, usize::MAX - 2] {
        assert_eq!(raw.of_length(length), None);
    }

    let eui64 = [2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0];
    let NdpOption::TargetLinkLayerAddress(raw) = option(&eui64) else {
        panic!("not a target link-layer address");
    };
    let expected = LinkAddr::eui64([1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(raw.of_length(8), Some(expected));
    for length in [0, 2, 6, 9, 14] {
        assert_eq!(raw.of_length(length), None);
    }

    let mut written = [0xff; 24];
    let length = write_target_link_layer_address(&mut written, expected);
    assert_eq!(length, Ok(16));
    assert_eq!(written[..16], eui64);
    let ethernet_address = LinkAddr::ethernet([2, 0, 0, 0xaa, 0xbb, 0xcc]);
    let length = write_source_link_layer_address(&mut written, ethernet_address);
    assert_eq!(length, Ok(8));
    assert_eq!(written[..8], ethernet);
    let short = write_source_link_layer_address(&mut written[..7], ethernet_address);
    assert_eq!(short, Err(Malformed::Truncated));
}

#[test]
fn prefix_information_is_read_and_written() {
    let NdpOption::PrefixInformation(prefix) = option(&PREFIX) else {
        panic!("not a prefix information");
    };
    assert_eq!(prefix.prefix_length(), 64);
    let flags = PrefixFlags::ON_LINK | PrefixFlags::AUTONOMOUS;
    assert_eq!(prefix.flags(), flags);
    assert_eq!(prefix.valid_lifetime(), 2_592_000);
    assert_eq!(prefix.preferred_lifetime(), 604_800);
    assert_eq!(prefix.prefix(), address("2001:db8:1:2::"));

    let mut written = [0xff; 32];
    let to = address("2001:db8:1:2::");
    PrefixInformation::write(&mut written, to, 64, flags, 2_592_000, 604_800);
    assert_eq!(written, PREFIX);
}

#[test]
fn bits_behind_a_prefix_and_reserved_flags_are_ignored() {
    let mut bytes = PREFIX;
    bytes[3] = 0xff;
    bytes[31] = 1;
    let prefix = PrefixInformation::new(bytes).unwrap();
    assert_eq!(prefix.prefix(), address("2001:db8:1:2::"));
    assert_eq!(prefix.address(), address("2001:db8:1:2::1"));
    assert_eq!(prefix.flags(), PrefixFlags::all());
}

#[test]
fn prefix_information_that_cannot_be_is_ignored() {
    let mut long = PREFIX;
    long[2] = 129;
    assert!(is_ignored(&long));
    assert_eq!(PrefixInformation::new(long), Err(Malformed::Value));
    let mut short = PREFIX[..24].to_vec();
    short[1] = 3;
    assert!(is_ignored(&short));
    assert_eq!(PrefixInformation::new([1; 32]), Err(Malformed::Length));
}

#[test]
fn redirected_header_says_where_the_packet_is() {
    let mut bytes = vec![4, 3, 0, 0, 0, 0, 0, 0];
    bytes.extend([0x60; 16]);
    let expected = NdpOption::RedirectedHeader {
        offset: 8,
        length: 16,
    };
    assert_eq!(option(&bytes), expected);
    let mut written = [0xff; 8];
    assert_eq!(write_redirected_header(&mut written, 16), Ok(()));
    assert_eq!(written, bytes[..8]);
    assert_eq!(write_redirected_header(&mut written, 2032), Ok(()));
    for length in [1, 12, 2040, usize::MAX] {
        let refused = write_redirected_header(&mut written, length);
        assert_eq!(refused, Err(Malformed::Length));
    }
}

#[test]
fn mtu_is_read_and_written() {
    let bytes = [5, 1, 0, 0, 0, 0, 0x05, 0xdc];
    assert_eq!(option(&bytes), NdpOption::Mtu(1500));
    let mut written = [0xff; 8];
    write_mtu(&mut written, 1500);
    assert_eq!(written, bytes);
    assert!(is_ignored(&[
        5, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0
    ]));
}

#[test]
fn routes_are_as_long_as_their_prefix_needs() {
    let none = [24, 1, 0, 0x08, 0, 0, 0x07, 0x08];
    let half = [
        24, 2, 48, 0x18, 0xff, 0xff, 0xff, 0xff, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0,
    ];
    #[rustfmt::skip]
    let whole = [
        24, 3, 96, 0, 0, 0, 0, 0,
        0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0,
    ];
    let expect = |bytes: &[u8], prefix: &str, prefix_length, preference, lifetime| {
        let prefix = address(prefix);
        let expected = RouteInformation {
            prefix,
            prefix_length,
            preference,
            lifetime,
        };
        assert_eq!(option(bytes), NdpOption::RouteInformation(expected));
        let mut written = [0xff; 24];
        let length =
            write_route_information(&mut written, prefix, prefix_length, preference, lifetime);
        assert_eq!(written[..length.unwrap()], *bytes);
    };
    expect(&none, "::", 0, Preference::High, 1800);
    let infinite = INFINITE_LIFETIME;
    expect(&half, "2001:db8:1::", 48, Preference::Low, infinite);
    expect(&whole, "2001:db8:1:2:3:4::", 96, Preference::Medium, 0);
}

#[test]
fn routes_that_cannot_be_are_ignored() {
    // RFC 4191 §2.3: the reserved preference, and too short for the prefix.
    assert!(is_ignored(&[24, 1, 0, 0x10, 0, 0, 0, 1]));
    assert!(is_ignored(&[24, 1, 1, 0, 0, 0, 0, 1]));
    assert!(is_ignored(&[
        24, 2, 65, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0
    ]));
    let mut long = [0; 32];
    long[..3].copy_from_slice(&[24, 4, 64]);
    assert!(is_ignored(&long));
    long[..3].copy_from_slice(&[24, 3, 129]);
    assert!(is_ignored(&long[..24]));
    let refused = write_route_information(&mut long, address("::"), 129, Preference::Low, 0);
    assert_eq!(refused, Err(Malformed::Value));
}

#[test]
fn preferences_are_ordered() {
    assert!(Preference::Low < Preference::Medium);
    assert!(Preference::Medium < Preference::High);
    assert_eq!(Preference::default(), Preference::Medium);
}

#[test]
fn dns_servers_are_read_and_written() {
    #[rustfmt::skip]
    let bytes = [
        25, 5, 0, 0, 0, 0, 0x0e, 0x10,
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ];
    let servers = [address("2001:db8::53"), address("fe80::1")];
    let NdpOption::Rdnss(rdnss) = option(&bytes) else {
        panic!("not an rdnss");
    };
    assert_eq!(rdnss.lifetime, 3600);
    assert_eq!(rdnss.count(), 2);
    let read: Vec<_> = rdnss.addresses(&bytes[..]).collect();
    assert_eq!(read, servers);

    let mut written = [0xff; 48];
    assert_eq!(write_rdnss(&mut written, 3600, &servers), Ok(40));
    assert_eq!(written[..40], bytes);
    assert_eq!(written[40..], [0xff; 8]);
    let truncated = write_rdnss(&mut written[..39], 3600, &servers);
    assert_eq!(truncated, Err(Malformed::Truncated));
    let empty = write_rdnss(&mut written, 3600, &[]);
    assert_eq!(empty, Err(Malformed::Length));
    let many = write_rdnss(&mut [0; 4096], 3600, &[servers[0]; 128]);
    assert_eq!(many, Err(Malformed::Length));
    let most = write_rdnss(&mut [0; 4096], 3600, &[servers[0]; 127]);
    assert_eq!(most, Ok(2040));
}

#[test]
fn dns_servers_that_cannot_be_are_ignored() {
    let mut bytes = [0xfd; 32];
    bytes[..2].copy_from_slice(&[25, 4]);
    assert!(is_ignored(&bytes));
    bytes[1] = 1;
    assert!(is_ignored(&bytes[..8]));
    bytes[1] = 3;
    assert!(matches!(option(&bytes[..24]), NdpOption::Rdnss(_)));
    bytes[8] = 0xff;
    assert!(is_ignored(&bytes[..24]));
    bytes[8..].fill(0);
    assert!(is_ignored(&bytes[..24]));
}

#[test]
fn dns_search_list_is_bounded_and_padded() {
    #[rustfmt::skip]
    let bytes = [
        31, 3, 0, 0, 0, 0, 0, 60,
        7, b'e', b'x', b'a', b'm', b'p', b'l', b'e', 3, b'o', b'r', b'g', 0, 0, 0, 0,
    ];
    let expected = NdpOption::Dnssl {
        lifetime: 60,
        offset: 8,
        length: 16,
    };
    assert_eq!(option(&bytes), expected);
    let mut written = [0xff; 24];
    assert_eq!(write_dnssl(&mut written, 60, &bytes[8..21]), Ok(24));
    assert_eq!(written, bytes);
    let empty = write_dnssl(&mut written, 60, &[]);
    assert_eq!(empty, Err(Malformed::Length));
    let long = write_dnssl(&mut [0; 4096], 60, &[1; 2033]);
    assert_eq!(long, Err(Malformed::Length));
    assert!(is_ignored(&[31, 1, 0, 0, 0, 0, 0, 60]));
}

#[test]
fn nonce_is_at_least_six_octets() {
    let bytes = [14, 1, 1, 2, 3, 4, 5, 6];
    let expected = NdpOption::Nonce {
        offset: 2,
        length: 6,
    };
    assert_eq!(option(&bytes), expected);
    let mut written = [0xff; 16];
    assert_eq!(write_nonce(&mut written, &bytes[2..]), Ok(8));
    assert_eq!(written[..8], bytes);
    assert_eq!(write_nonce(&mut written, &[7; 14]), Ok(16));
    for length in [0, 5, 7, 8] {
        let refused = write_nonce(&mut written, &[7; 8][..length]);
        assert_eq!(refused, Err(Malformed::Length));
    }
}

#[test]
fn compression_contexts_are_read() {
    #[rustfmt::skip]
    let bytes = [
        34, 2, 64, 0x13, 0, 0, 0x05, 0xa0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0,
        34, 3, 128, 0xe2, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ];
    let context = |identifier, compression, lifetime, prefix, prefix_length| {
        Ok(NdpOption::SixLowpanContext(SixLowpanContext {
            identifier,
            compression,
            lifetime,
            prefix: address(prefix),
            prefix_length,
        }))
    };
    let expected = [
        context(3, true, 1440, "2001:db8::", 64),
        context(2, false, 0, "2001:db8::1", 128),
    ];
    assert_eq!(options(&bytes), expected);
    assert!(is_ignored(&[34, 1, 0, 0, 0, 0, 0, 0]));
    assert!(is_ignored(&[
        34, 2, 65, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    ]));
}

#[test]
fn captive_portal_says_where_the_uri_is() {
    let bytes = *b"\x25\x02https://a.b/\0\0";
    let expected = NdpOption::CaptivePortal {
        offset: 2,
        length: 14,
    };
    assert_eq!(option(&bytes), expected);
}

#[test]
fn nat64_prefix_has_one_of_six_lengths() {
    let mut bytes = [
        38, 2, 0x07, 0x08, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let pref64 = |lifetime, prefix, prefix_length| {
        NdpOption::Pref64(Pref64 {
            lifetime,
            prefix: address(prefix),
            prefix_length,
        })
    };
    assert_eq!(option(&bytes), pref64(1800, "64:ff9b::", 96));
    for (code, length) in [(1, 64), (2, 56), (3, 48), (4, 40), (5, 32)] {
        bytes[2..4].copy_from_slice(&[0xff, 0xf8 | code]);
        assert_eq!(option(&bytes), pref64(65528, "64:ff9b::", length));
    }
    for code in [6, 7] {
        bytes[3] = 0xf8 | code;
        assert!(is_ignored(&bytes));
    }
    bytes[..4].copy_from_slice(&[38, 1, 0, 0]);
    assert!(is_ignored(&bytes[..8]));
}

#[test]
fn unknown_options_are_passed_over() {
    let bytes = [[253, 2].as_slice(), &[0xff; 14], &[5, 1, 0, 0, 0, 0, 5, 0]].concat();
    let unknown = NdpOption::Unknown {
        kind: 253,
        offset: 0,
        length: 16,
    };
    assert_eq!(options(&bytes), [Ok(unknown), Ok(NdpOption::Mtu(1280))]);
}

#[test]
fn option_without_length_ends_the_options() {
    let bytes = [5, 1, 0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let expected = [Ok(NdpOption::Mtu(1280)), Err(Malformed::Length)];
    assert_eq!(options(&bytes), expected);
}

#[test]
fn option_beyond_the_message_ends_the_options() {
    assert_eq!(options(&PREFIX[..31]), [Err(Malformed::Truncated)]);
    assert_eq!(options(&[1]), [Err(Malformed::Truncated)]);
    let mut nothing = NdpOptions::new(&PREFIX[..], 33);
    assert_eq!(nothing.next(), None);
}

proptest! {
    #[test]
    fn written_prefix_is_read_back(
        prefix: u128,
        prefix_length in 0_u8..=128,
        flags: u8,
        valid: u32,
        preferred: u32,
    ) {
        let mut bytes = [0xff; 32];
        let flags = PrefixFlags::from_bits_truncate(flags);
        PrefixInformation::write(&mut bytes, prefix.into(), prefix_length, flags, valid, preferred);
        let read = PrefixInformation::new(bytes).unwrap();
        prop_assert_eq!(read.prefix_length(), prefix_length);
        prop_assert_eq!(read.address(), Ipv6Addr::from(prefix));
        prop_assert_eq!(read.flags(), flags);
        prop_assert_eq!(read.valid_lifetime(), valid);
        prop_assert_eq!(read.preferred_lifetime(), preferred);
    }

    #[test]
    fn written_route_is_read_back(
        prefix: u128,
        prefix_length in 0_u8..=128,
        preference in prop_oneof![
            Just(Preference::Low),
            Just(Preference::Medium),
            Just(Preference::High),
        ],
        lifetime: u32,
    ) {
        let mut bytes = [0xff; 24];
        let prefix = Ipv6Addr::from(prefix);
        let length =
            write_route_information(&mut bytes, prefix, prefix_length, preference, lifetime);
        let expected = RouteInformation {
            prefix: ipv6_address::prefix(prefix, prefix_length),
            prefix_length,
            preference,
            lifetime,
        };
        let read = option(&bytes[..length.unwrap()]);
        prop_assert_eq!(read, NdpOption::RouteInformation(expected));
    }

    #[test]
    fn written_options_are_read_back_in_a_row(
        link in proptest::collection::vec(any::<u8>(), 1..=8),
        nonce in proptest::collection::vec(any::<u8>(), 6),
        servers in proptest::collection::vec(1..0xff00_u128 << 112, 1..5),
        lifetime: u32,
        names in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let address = LinkAddr::from_bytes(&link).unwrap();
        let servers: Vec<_> = servers.into_iter().map(Ipv6Addr::from).collect();
        let mut bytes = [0xff; 512];
        let mut end = 0;
        end += write_source_link_layer_address(&mut bytes[end..], address).unwrap();
        end += write_nonce(&mut bytes[end..], &nonce).unwrap();
        end += write_rdnss(&mut bytes[end..], lifetime, &servers).unwrap();
        end += write_dnssl(&mut bytes[end..], lifetime, &names).unwrap();
        let message = &bytes[..end];
        let read = options(message);
        prop_assert_eq!(read.len(), 4);
        let NdpOption::SourceLinkLayerAddress(raw) = read[0].unwrap() else {
            panic!("not a source link-layer address");
        };
        prop_assert_eq!(raw.of_length(link.len()), Some(address));
        let NdpOption::Nonce { offset, length } = read[1].unwrap() else {
            panic!("not a nonce");
        };
        prop_assert_eq!(&message[offset..offset + length], &nonce[..]);
        let NdpOption::Rdnss(rdnss) = read[2].unwrap() else {
            panic!("not an rdnss");
        };
        prop_assert_eq!(rdnss.lifetime, lifetime);
        let addresses: Vec<_> = rdnss.addresses(message).collect();
        prop_assert_eq!(addresses, servers);
        let NdpOption::Dnssl { offset, length, .. } = read[3].unwrap() else {
            panic!("not a dnssl");
        };
        prop_assert_eq!(offset + length, end);
        prop_assert_eq!(&message[offset..offset + names.len()], &names[..]);
        prop_assert!(message[offset + names.len()..].iter().all(|octet| *octet == 0));
    }

    #[test]
    fn arbitrary_bytes_end_and_stay_within_bounds(
        parts in proptest::collection::vec(
            (
                prop_oneof![
                    proptest::sample::select(vec![1_u8, 2, 3, 4, 5, 14, 24, 25, 31, 34, 37, 38]),
                    any::<u8>(),
                ],
                0_u8..6,
                proptest::collection::vec(any::<u8>(), 6..40),
            ),
            0..6,
        ),
        offset: usize,
    ) {
        let mut bytes = Vec::new();
        for (kind, units, data) in parts {
            bytes.extend([kind, units]);
            bytes.extend(data);
        }
        for end in 0..=bytes.len() {
            let message = &bytes[..end];
            let options = options(message);
            prop_assert!(options.len() <= end / 8 + 1);
            for option in options.iter().flatten() {
                let within = match *option {
                    NdpOption::RedirectedHeader { offset, length }
                    | NdpOption::Nonce { offset, length }
                    | NdpOption::Dnssl { offset, length, .. }
                    | NdpOption::CaptivePortal { offset, length }
                    | NdpOption::Unknown { offset, length, .. } => offset + length <= end,
                    NdpOption::Rdnss(rdnss) => {
                        rdnss.addresses(message).count() == rdnss.count()
                    }
                    _ => true,
                };
                prop_assert!(within);
            }
            let errors = options.iter().filter(|option| option.is_err()).count();
            prop_assert!(errors == 0 || errors == 1 && options.last().unwrap().is_err());
        }
        let _ = NdpOptions::new(&bytes[..], offset).count();
    }
}
