extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// An IPv6 header of zeros but for its Next Header, and what follows it.
fn packet(next_header: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[6] = next_header;
    packet.extend_from_slice(rest);
    packet
}

fn chain(packet: &[u8]) -> Vec<Result<Header, BadHeader>> {
    HeaderChain::new(packet, packet[6]).collect()
}

fn options(packet: &[u8], header: &Header) -> Vec<Result<HeaderOption, BadHeader>> {
    header.options(packet).collect()
}

const fn bad(problem: Problem, pointer: usize) -> Result<Header, BadHeader> {
    Err(BadHeader { problem, pointer })
}

#[test]
fn packet_without_extension_headers_is_all_upper_layer() {
    let expected = Header {
        kind: HeaderKind::UpperLayer { protocol: 17 },
        offset: 40,
        named_at: 6,
    };
    assert_eq!(chain(&packet(17, &[1, 2, 3])), [Ok(expected)]);
    // What an upper-layer header needs is not for the chain to know.
    assert_eq!(chain(&packet(17, &[])), [Ok(expected)]);
}

#[test]
fn every_header_says_where_it_is_and_where_it_was_named() {
    #[rustfmt::skip]
    let packet = packet(0, &[
        60, 0, 5, 2, 0, 0, 1, 0, // 40: hop-by-hop, router alert
        43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 48: destination options, PadN
        44, 0, 2, 1, 0, 0, 0, 0, // 64: routing, type 2
        51, 0, 0, 1, 1, 2, 3, 4, // 72: fragment, the first
        135, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 80: AH
        58, 0, 0, 0, 0, 0, 0, 0, // 104: mobility
        128, 0, 0, 0, // 112: ICMPv6
    ]);
    let header = |offset, named_at, kind| {
        Ok(Header {
            kind,
            offset,
            named_at,
        })
    };
    let routing = HeaderKind::Routing {
        routing_type: 2,
        segments_left: 1,
        length: 8,
    };
    let fragment = HeaderKind::Fragment {
        fragment_offset: 0,
        more: true,
        identification: 0x0102_0304,
        next_header: 51,
    };
    let other = HeaderKind::Other {
        number: 135,
        length: 8,
    };
    assert_eq!(
        chain(&packet),
        [
            header(40, 6, HeaderKind::HopByHop { length: 8 }),
            header(48, 40, HeaderKind::DestinationOptions { length: 16 }),
            header(64, 48, routing),
            header(72, 64, fragment),
            header(80, 72, HeaderKind::Authentication { length: 24 }),
            header(104, 80, other),
            header(112, 104, HeaderKind::UpperLayer { protocol: 58 }),
        ]
    );
}

#[test]
fn chain_of_a_quoted_packet_is_read_in_its_place() {
    let mut error = vec![3; 8];
    error.extend(packet(0, &[17, 0, 1, 4, 0, 0, 0, 0]));
    let headers: Vec<_> = HeaderChain::at(&error[..], 8, 0).flatten().collect();
    assert_eq!((headers[0].offset, headers[0].named_at), (48, 14));
    assert_eq!((headers[1].offset, headers[1].named_at), (56, 48));
}

#[test]
fn chain_ends_at_a_fragment_that_is_not_the_first() {
    let packet = packet(44, &[0, 0, 0x05, 0xa8, 0, 0, 0, 9, 0xff, 0xff]);
    let expected = Header {
        kind: HeaderKind::Fragment {
            fragment_offset: 1448,
            more: false,
            identification: 9,
            next_header: 0,
        },
        offset: 40,
        named_at: 6,
    };
    assert_eq!(chain(&packet), [Ok(expected)]);
}

#[test]
fn encapsulated_payload_and_no_next_header_are_the_end() {
    for (number, kind) in [
        (50, HeaderKind::EncapsulatingSecurityPayload),
        (59, HeaderKind::NoNextHeader),
    ] {
        let packet = packet(60, &[number, 0, 1, 4, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6]);
        let headers = chain(&packet);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[1].unwrap().kind, kind);
    }
}

#[test]
fn hop_by_hop_is_accepted_as_the_first_header_only() {
    let packet = packet(60, &[0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0]);
    assert_eq!(chain(&packet)[1..], [bad(Problem::HopByHopNotFirst, 40)]);
    let mut rest = HeaderChain::resume(&packet[..], 48, 0, 40);
    assert_eq!(rest.next(), Some(bad(Problem::HopByHopNotFirst, 40)));
    assert_eq!(rest.next(), None);
}

#[test]
fn header_beyond_the_packet_is_malformed() {
    // The length reaches too far.
    let long = packet(60, &[58, 1, 1, 4, 0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0]);
    assert_eq!(chain(&long), [bad(Problem::Truncated, 41)]);
    // Not even the least of a header is there: the field that names it is wrong.
    for number in [0, 43, 44, 51, 60, 135, 139, 140] {
        let short = packet(number, &[58, 0, 0, 0, 0, 0, 0]);
        assert_eq!(chain(&short), [bad(Problem::Truncated, 6)]);
    }
}

#[test]
fn authentication_header_of_a_wrong_length_is_malformed() {
    for units in [0, 1, 3, 5] {
        let packet = packet(51, &[[58, units].as_slice(), &[0; 62]].concat());
        assert_eq!(chain(&packet), [bad(Problem::Length, 41)]);
    }
    let packet = packet(51, &[[58, 4].as_slice(), &[0; 20]].concat());
    assert_eq!(chain(&packet), [bad(Problem::Truncated, 41)]);
}

#[test]
fn number_of_headers_is_bounded() {
    let header = [60, 0, 1, 4, 0, 0, 0, 0];
    let mut rest = header.repeat(EXTENSION_HEADERS);
    let last = rest.len() - 8;
    rest[last] = 58;
    assert_eq!(chain(&packet(60, &rest)).len(), EXTENSION_HEADERS + 1);
    assert!(chain(&packet(60, &rest)).iter().all(Result::is_ok));
    let headers = chain(&packet(60, &header.repeat(1000)));
    assert_eq!(headers.len(), EXTENSION_HEADERS + 1);
    let pointer = 40 + 8 * EXTENSION_HEADERS;
    assert_eq!(headers.last(), Some(&bad(Problem::TooMany, pointer)));
}

#[test]
fn options_are_read_in_their_order() {
    #[rustfmt::skip]
    let packet = packet(0, &[
        58, 3,
        0, // 42: Pad1
        1, 0, // 43: PadN of two
        5, 2, 0x12, 0x34, // 45: router alert
        0xc2, 4, 0, 1, 0, 0, // 49: jumbo payload
        0x1e, 0, // 55: unknown, skip
        0x5e, 1, 0xff, // 57: discard
        0x9e, 2, 0, 0, // 60: discard and report
        0xde, 0, // 64: discard, report unless multicast
        1, 4, 0, 0, 0, 0, // 66
    ]);
    let header = chain(&packet)[0].unwrap();
    let unknown = |option_type, length, action| OptionKind::Unknown {
        option_type,
        length,
        action,
    };
    let expected = [
        (42, OptionKind::Pad1),
        (43, OptionKind::PadN { length: 2 }),
        (45, OptionKind::RouterAlert(0x1234)),
        (49, OptionKind::JumboPayload(0x1_0000)),
        (55, unknown(0x1e, 0, Unrecognized::Skip)),
        (57, unknown(0x5e, 1, Unrecognized::Discard)),
        (60, unknown(0x9e, 2, Unrecognized::DiscardReport)),
        (
            64,
            unknown(0xde, 0, Unrecognized::DiscardReportUnlessMulticast),
        ),
        (66, OptionKind::PadN { length: 6 }),
    ];
    let expected = expected.map(|(offset, kind)| Ok(HeaderOption { kind, offset }));
    assert_eq!(options(&packet, &header), expected);
    assert_eq!(
        expected[3].unwrap().unrecognized(),
        Unrecognized::DiscardReportUnlessMulticast
    );
    assert_eq!(expected[2].unwrap().unrecognized(), Unrecognized::Skip);
}

#[test]
fn headers_without_options_have_none() {
    let packet = packet(43, &[58, 0, 0, 0, 0, 0, 0, 0]);
    let headers = chain(&packet);
    assert_eq!(options(&packet, &headers[0].unwrap()), []);
    assert_eq!(options(&packet, &headers[1].unwrap()), []);
}

#[test]
fn malformed_option_is_the_last() {
    for (rest, pointer) in [
        ([58, 0, 1, 5, 0, 0, 0, 0], 43),    // beyond the header
        ([58, 0, 0, 0, 0, 0, 0, 1], 47),    // no room for the length
        ([58, 0, 5, 3, 0, 0, 0, 0], 43),    // a router alert of three octets
        ([58, 0, 5, 0, 1, 2, 0, 0], 43),    // and of none
        ([58, 0, 0xc2, 3, 0, 0, 0, 0], 43), // a jumbo length of three octets
    ] {
        let packet = packet(0, &[rest.as_slice(), &[0; 16]].concat());
        let header = chain(&packet)[0].unwrap();
        let expected = BadHeader {
            problem: Problem::Length,
            pointer,
        };
        assert_eq!(options(&packet, &header).last(), Some(&Err(expected)));
    }
}

#[test]
fn router_alert_is_written_as_mld_sends_it() {
    let mut bytes = [0xff; 8];
    write_router_alert(&mut bytes, 58, ROUTER_ALERT_MLD);
    assert_eq!(bytes, [58, 0, 5, 2, 0, 0, 1, 0]);
}

#[test]
fn bad_headers_are_malformed_packets() {
    let malformed = |problem| {
        Malformed::from(BadHeader {
            problem,
            pointer: 0,
        })
    };
    assert_eq!(malformed(Problem::Truncated), Malformed::Truncated);
    assert_eq!(malformed(Problem::Length), Malformed::Length);
    assert_eq!(malformed(Problem::TooMany), Malformed::Value);
    assert_eq!(malformed(Problem::HopByHopNotFirst), Malformed::Value);
}

proptest! {
    #[test]
    fn written_fragment_header_is_read_back(
        units in 0_u16..1 << 13,
        more: bool,
        identification: u32,
        next_header: u8,
    ) {
        let mut bytes = [0xff; 8];
        write_fragment(&mut bytes, next_header, units * 8, more, identification);
        let kind = HeaderKind::Fragment {
            fragment_offset: units * 8,
            more,
            identification,
            next_header,
        };
        let headers = chain(&packet(44, &bytes));
        prop_assert_eq!(headers[0].unwrap().kind, kind);
        prop_assert_eq!(headers.len() == 1, units != 0);
    }

    #[test]
    fn arbitrary_bytes_end_and_stay_within_bounds(
        numbers in proptest::collection::vec(
            prop_oneof![proptest::sample::select(vec![0_u8, 43, 44, 51, 60, 135]), any::<u8>()],
            200,
        ),
        first in proptest::sample::select(vec![0_u8, 43, 44, 51, 60, 135]),
    ) {
        let whole = packet(first, &numbers);
        for end in 40..whole.len() {
            let cut = &whole[..end];
            let headers = chain(cut);
            prop_assert!(headers.len() <= EXTENSION_HEADERS + 1);
            for header in headers.iter().flatten() {
                prop_assert!(header.offset <= end && header.named_at < end);
                let options = options(cut, header);
                prop_assert!(options.len() <= end - header.offset);
                for option in options.iter().flatten() {
                    prop_assert!((header.offset + 2..end).contains(&option.offset));
                }
            }
            let errors = headers.iter().filter(|header| header.is_err()).count();
            prop_assert!(errors == 0 || errors == 1 && headers.last().unwrap().is_err());
        }
    }

    #[test]
    fn options_anywhere_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        offset: usize,
        length: usize,
    ) {
        let count = HeaderOptions::new(&bytes[..], offset % 80, length).count();
        prop_assert!(count <= 65);
        let _ = HeaderOptions::new(&bytes[..], offset, length).count();
        let _ = HeaderChain::at(&bytes[..], offset, 0).count();
        let _ = HeaderChain::resume(&bytes[..], offset, 60, offset).count();
    }
}
