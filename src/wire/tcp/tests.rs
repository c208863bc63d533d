extern crate std;

use core::net::{Ipv4Addr, Ipv6Addr};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::wire::protocol;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
const SERVER: Ipv4Addr = Ipv4Addr::new(93, 184, 216, 34);

/// A SYN that asks for ECN, with 20 octets of options.
const SYN: [u8; 40] = [
    0xc4, 0xec, 0x00, 0x50, 0x9f, 0x3c, 0x11, 0xa0, 0x00, 0x00, 0x00, 0x00, 0xa0, 0xc2, 0xfa, 0xf0,
    0xfc, 0x66, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x00, 0x01, 0xe2, 0x40,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
];
/// An HTTP request of 19 octets behind 12 of options.
const REQUEST: [u8; 51] = [
    0xc4, 0xec, 0x00, 0x50, 0x9f, 0x3c, 0x11, 0xa1, 0x3d, 0x5e, 0xf0, 0x01, 0x80, 0x18, 0x01, 0xf6,
    0xbc, 0x96, 0x00, 0x00, 0x01, 0x01, 0x08, 0x0a, 0x00, 0x01, 0xe2, 0x7b, 0x7a, 0x12, 0xc0, 0xde,
    0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x30, 0x0d, 0x0a,
    0x0d, 0x0a, 0x21,
];
/// An acknowledgment from 2001:db8::1 to 2001:db8::2 with timestamps and three SACK blocks.
const SELECTIVE: [u8; 60] = [
    0x00, 0x50, 0x9c, 0x40, 0x3d, 0x5e, 0xf0, 0x01, 0xff, 0xff, 0xfa, 0x00, 0xf0, 0x10, 0x04, 0x00,
    0xa3, 0x00, 0x00, 0x00, 0x01, 0x01, 0x08, 0x0a, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x14,
    0x01, 0x01, 0x05, 0x1a, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x08, 0x00,
    0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x14, 0x00,
];
/// No options and no data; SYN, ACK, URG, CWR and AE.
const BARE: [u8; 20] = [
    0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x51, 0xb2, 0x00, 0x05,
    0xb6, 0x90, 0x00, 0x06,
];

fn split(segment: &[u8]) -> (TcpHeader<'_>, &[u8]) {
    let (fixed, rest) = segment.split_first_chunk().unwrap();
    (TcpHeader::new(fixed).unwrap(), rest)
}

fn pseudo_header(length: usize) -> Sum {
    Sum::pseudo_ipv4(CLIENT, SERVER, protocol::TCP, length as u16)
}

fn pseudo_header_6(length: usize) -> Sum {
    let [source, destination] =
        [1, 2].map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
    Sum::pseudo_ipv6(source, destination, protocol::TCP, length as u32)
}

#[test]
fn fields_of_a_syn_are_read() {
    let (header, options) = split(&SYN);
    assert_eq!(
        (header.source_port(), header.destination_port()),
        (50412, 80)
    );
    assert_eq!(
        (header.sequence(), header.acknowledgment()),
        (0x9f3c_11a0, 0)
    );
    assert_eq!((header.header_length(), header.options_length()), (40, 20));
    let flags = header.flags();
    assert_eq!(flags, TcpFlags::SYN | TcpFlags::ECE | TcpFlags::CWR);
    assert_eq!(flags.sequence_length(), 1);
    assert_eq!((header.window(), header.urgent_pointer()), (64240, 0));
    assert_eq!(header.checksum(), 0xfc66);
    assert!(header.is_checksum_valid(pseudo_header(40), Sum::of(options)));
}

#[test]
fn fields_of_data_are_read() {
    let (header, rest) = split(&REQUEST);
    assert_eq!(header.sequence(), 0x9f3c_11a1);
    assert_eq!(header.acknowledgment(), 0x3d5e_f001);
    assert_eq!((header.header_length(), header.options_length()), (32, 12));
    assert_eq!(header.flags(), TcpFlags::PSH | TcpFlags::ACK);
    assert_eq!(header.flags().sequence_length(), 0);
    assert_eq!(header.window(), 502);
    assert_eq!(&REQUEST[header.header_length()..][..5], b"GET /");
    assert!(header.is_checksum_valid(pseudo_header(51), Sum::of(rest)));
}

#[test]
fn checksum_over_ipv6_covers_its_pseudo_header() {
    let (header, rest) = split(&SELECTIVE);
    assert_eq!((header.header_length(), header.options_length()), (60, 40));
    assert!(header.is_checksum_valid(pseudo_header_6(60), Sum::of(rest)));
    assert!(!header.is_checksum_valid(pseudo_header_6(59), Sum::of(rest)));
    assert!(!header.is_checksum_valid(pseudo_header(60), Sum::of(rest)));
}

#[test]
fn every_flag_has_its_bit() {
    for (octets, flag) in [
        ([0, 0x01], TcpFlags::FIN),
        ([0, 0x02], TcpFlags::SYN),
        ([0, 0x04], TcpFlags::RST),
        ([0, 0x08], TcpFlags::PSH),
        ([0, 0x10], TcpFlags::ACK),
        ([0, 0x20], TcpFlags::URG),
        ([0, 0x40], TcpFlags::ECE),
        ([0, 0x80], TcpFlags::CWR),
        ([1, 0x00], TcpFlags::AE),
    ] {
        let mut bytes = BARE;
        [bytes[12], bytes[13]] = [octets[0] | 0x50, octets[1]];
        assert_eq!(TcpHeader::new(&bytes).unwrap().flags(), flag);
    }
}

#[test]
fn syn_and_fin_take_a_sequence_number_each() {
    let both = TcpFlags::SYN | TcpFlags::FIN;
    assert_eq!(both.sequence_length(), 2);
    assert_eq!((TcpFlags::all() - both).sequence_length(), 0);
}

#[test]
fn reserved_bits_are_ignored() {
    let mut bytes = BARE;
    bytes[12] |= 0x0e;
    let header = TcpHeader::new(&bytes).unwrap();
    assert_eq!(header.flags(), split(&BARE).0.flags());
    assert_eq!(header.header_length(), 20);
}

#[test]
fn reserved_bits_are_never_sent() {
    let mut bytes = [0xa5; 20];
    let flags = TcpFlags::from_bits_retain(0xffff);
    let _ = TcpHeaderMut::write(&mut bytes, 1, 2, 3, 4, flags, 5);
    assert_eq!(bytes[12..14], [0x51, 0xff]);
}

#[test]
fn header_shorter_than_itself_is_refused() {
    for offset in 0..5 {
        let mut bytes = BARE;
        bytes[12] = offset << 4 | 0x0f;
        assert_eq!(TcpHeader::new(&bytes), Err(Malformed::Length));
    }
}

#[test]
fn one_wrong_bit_is_seen() {
    for bit in 0..REQUEST.len() * 8 {
        let mut bytes = REQUEST;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (fixed, rest) = bytes.split_first_chunk().unwrap();
        assert!(!TcpHeader(fixed).is_checksum_valid(pseudo_header(51), Sum::of(rest)));
    }
}

#[test]
fn segments_are_written_octet_for_octet() {
    let mut bytes = [0xa5; 20];
    let flags = TcpFlags::SYN | TcpFlags::ECE | TcpFlags::CWR;
    TcpHeaderMut::write(&mut bytes, 50412, 80, 0x9f3c_11a0, 0, flags, 64240)
        .options_length(20)
        .fill_checksum(pseudo_header(40), Sum::of(&SYN[20..]));
    assert_eq!(bytes, SYN[..20]);

    let flags = TcpFlags::PSH | TcpFlags::ACK;
    let (options, data) = REQUEST[20..].split_at(12);
    let rest = Sum::of(options).then(options.len(), Sum::of(data));
    TcpHeaderMut::write(&mut bytes, 50412, 80, 0x9f3c_11a1, 0x3d5e_f001, flags, 502)
        .options_length(options.len())
        .fill_checksum(pseudo_header(51), rest);
    assert_eq!(bytes, REQUEST[..20]);

    let (sequence, acknowledgment) = (0x3d5e_f001, 0xffff_fa00);
    let flags = TcpFlags::ACK;
    TcpHeaderMut::write(&mut bytes, 80, 40000, sequence, acknowledgment, flags, 1024)
        .options_length(40)
        .fill_checksum(pseudo_header_6(60), Sum::of(&SELECTIVE[20..]));
    assert_eq!(bytes, SELECTIVE[..20]);

    let flags = TcpFlags::SYN | TcpFlags::URG | TcpFlags::ACK | TcpFlags::CWR | TcpFlags::AE;
    TcpHeaderMut::write(&mut bytes, 1, 2, 3, 4, flags, 5)
        .urgent_pointer(6)
        .fill_checksum(pseudo_header(20), Sum::ZERO);
    assert_eq!(bytes, BARE);
}

#[test]
fn checksum_is_left_zero_for_a_device_that_fills_it_in() {
    let mut bytes = [0xa5; 20];
    let _ = TcpHeaderMut::write(&mut bytes, 1, 2, 3, 4, TcpFlags::ACK, 5);
    assert_eq!(TcpHeader::new(&bytes).unwrap().checksum(), 0);
}

#[test]
fn options_are_padded_and_bounded() {
    for (octets, length) in [
        (0, 20),
        (1, 24),
        (4, 24),
        (5, 28),
        (40, 60),
        (41, 60),
        (usize::MAX, 60),
    ] {
        let mut bytes = [0xa5; 20];
        let _ = TcpHeaderMut::write(&mut bytes, 1, 2, 3, 4, TcpFlags::AE, 5).options_length(octets);
        let header = TcpHeader::new(&bytes).unwrap();
        assert_eq!(
            (header.header_length(), header.flags()),
            (length, TcpFlags::AE)
        );
    }
}

#[test]
fn urgent_pointer_that_does_not_fit_is_the_highest() {
    for (offset, sent) in [(0, 0), (65535, 65535), (65536, 65535), (u32::MAX, 65535)] {
        let mut bytes = [0xa5; 20];
        let _ =
            TcpHeaderMut::write(&mut bytes, 1, 2, 3, 4, TcpFlags::URG, 5).urgent_pointer(offset);
        assert_eq!(TcpHeader::new(&bytes).unwrap().urgent_pointer(), sent);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        ports: (u16, u16),
        numbers: (u32, u32),
        flags in 0u16..0x200,
        (window, urgent) in any::<(u16, u16)>(),
        words in 0usize..=10,
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let flags = TcpFlags::from_bits_truncate(flags);
        let options = std::vec![1; words * 4];
        let rest: Vec<u8> = options.iter().chain(&data).copied().collect();
        let (pseudo_header, rest) = (pseudo_header(20 + rest.len()), Sum::of(&rest));
        let mut bytes = [0xa5; 20];
        TcpHeaderMut::write(&mut bytes, ports.0, ports.1, numbers.0, numbers.1, flags, window)
            .options_length(options.len())
            .urgent_pointer(urgent.into())
            .fill_checksum(pseudo_header, rest);
        let header = TcpHeader::new(&bytes).unwrap();
        prop_assert_eq!((header.source_port(), header.destination_port()), ports);
        prop_assert_eq!((header.sequence(), header.acknowledgment()), numbers);
        prop_assert_eq!((header.flags(), header.window()), (flags, window));
        prop_assert_eq!((header.options_length(), header.urgent_pointer()), (words * 4, urgent));
        prop_assert!(header.is_checksum_valid(pseudo_header, rest));
    }

    #[test]
    fn arbitrary_bytes_at_every_truncation_do_not_panic(bytes: [u8; 20]) {
        for end in 0..=bytes.len() {
            if let Some(Ok(header)) = bytes[..end].first_chunk().map(TcpHeader::new) {
                let _ = (header.source_port(), header.destination_port());
                let _ = (header.sequence(), header.acknowledgment());
                let _ = (header.window(), header.checksum(), header.urgent_pointer());
                prop_assert!((20..=60).contains(&header.header_length()));
                prop_assert_eq!(header.options_length() + 20, header.header_length());
                prop_assert!(TcpFlags::all().contains(header.flags()));
                let _ = header.is_checksum_valid(Sum::ZERO, Sum::ZERO);
            }
        }
    }
}
