extern crate std;

use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

use super::{Sum, update};

/// RFC 1071 §1, word by word as the text has it.
fn reference(bytes: &[u8]) -> u16 {
    let mut sum = 0u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Bytes that carry often: a mix of random ones and runs of 0x00 and 0xff.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            match state >> 61 {
                0..=2 => 0xff,
                3 => 0,
                _ => (state >> 33) as u8,
            }
        })
        .collect()
}

#[test]
fn example_of_rfc_1071_section_3() {
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(Sum::of(&data).finish(), !0xddf2);
    // Byte by byte, each appended to the one before.
    let mut sum = Sum::ZERO;
    for (at, byte) in data.iter().enumerate() {
        sum = sum.then(at, Sum::of(&[*byte]));
    }
    assert_eq!(sum.finish(), !0xddf2);
}

#[test]
fn examples_of_rfc_1624_section_4() {
    // A header that sums to 0xcd7a, of which a field goes from 0x5555 to 0x3285: the checksum
    // is 0x0000, where equation 2 of RFC 1141 would have given 0xffff.
    assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    let rest = Sum::ZERO.add_u16(0xcd7a);
    assert_eq!(rest.add_u16(0x5555).finish(), 0xdd2f);
    assert_eq!(rest.add_u16(0x3285).finish(), 0x0000);
}

#[test]
fn nothing_but_zeros_has_checksum_ffff_and_is_not_valid() {
    for length in 0..=130 {
        let sum = Sum::of(&vec![0; length]);
        assert_eq!(sum.finish(), 0xffff);
        assert!(!sum.is_valid());
    }
}

#[test]
fn all_ones_sum_to_negative_zero() {
    for length in (2..=200).step_by(2) {
        let sum = Sum::of(&vec![0xff; length]);
        assert_eq!(sum.finish(), 0);
        assert!(sum.is_valid());
    }
}

#[test]
fn every_length_and_alignment_agrees_with_the_reference() {
    let data = bytes(1500, 7);
    for length in (0..=200).chain([1459, 1460, 1461]) {
        for offset in 0..9 {
            let from = &data[offset..offset + length];
            assert_eq!(
                Sum::of(from).finish(),
                reference(from),
                "{length} at {offset}"
            );
            for to_offset in 0..5 {
                let mut to = vec![0xaa; to_offset + length + 9];
                let sum = Sum::copy(&mut to[to_offset..to_offset + length], from);
                assert_eq!(
                    sum.finish(),
                    reference(from),
                    "{length} from {offset} to {to_offset}"
                );
                assert_eq!(&to[to_offset..to_offset + length], from);
                assert!(to[..to_offset].iter().all(|byte| *byte == 0xaa));
                assert!(to[to_offset + length..].iter().all(|byte| *byte == 0xaa));
            }
        }
    }
}

#[test]
fn copy_ends_with_the_shorter_slice() {
    let data = bytes(100, 3);
    let mut short = [0; 33];
    assert_eq!(
        Sum::copy(&mut short, &data).finish(),
        reference(&data[..33])
    );
    assert_eq!(short, data[..33]);
    let mut long = [0; 120];
    assert_eq!(Sum::copy(&mut long, &data).finish(), reference(&data));
    assert_eq!(long[..100], data);
    assert_eq!(long[100..], [0; 20]);
}

#[test]
fn udp_over_ipv4_against_a_packet_summed_by_hand() {
    // 192.0.2.1:1000 -> 192.0.2.2:2000, "hi!". The pseudo-header c000 0201 c000 0202 0011 000b
    // and the datagram 03e8 07d0 000b 0000 6869 2100 sum to 2 194b, folded 194d.
    let datagram = [0x03, 0xe8, 0x07, 0xd0, 0x00, 0x0b, 0, 0, b'h', b'i', b'!'];
    let pseudo = Sum::pseudo_ipv4(
        Ipv4Addr::new(192, 0, 2, 1),
        Ipv4Addr::new(192, 0, 2, 2),
        17,
        datagram.len() as u16,
    );
    assert_eq!(pseudo.plus(Sum::of(&datagram)).finish(), !0x194d);
}

#[test]
fn pseudo_headers_equal_their_bytes() {
    let (source, destination) = (Ipv4Addr::new(10, 255, 3, 7), Ipv4Addr::new(224, 0, 0, 251));
    let mut header = Vec::new();
    header.extend(source.octets());
    header.extend(destination.octets());
    header.extend([0, 6, 0xfe, 0xdc]);
    assert_eq!(
        Sum::pseudo_ipv4(source, destination, 6, 0xfedc).finish(),
        reference(&header)
    );

    let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x1234, 0x56ff, 0xfe78, 0x9abc);
    let destination = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    let mut header = Vec::new();
    header.extend(source.octets());
    header.extend(destination.octets());
    header.extend([0x00, 0x01, 0xff, 0xfe, 0, 0, 0, 58]);
    assert_eq!(
        Sum::pseudo_ipv6(source, destination, 58, 0x1fffe).finish(),
        reference(&header)
    );
}

proptest! {
    #[test]
    fn pieces_join_at_odd_and_even_lengths(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)
    ) {
        let (mut sum, mut length, mut whole) = (Sum::ZERO, 0, Vec::new());
        for piece in &pieces {
            sum = sum.then(length, Sum::of(piece));
            length += piece.len();
            whole.extend(piece);
        }
        prop_assert_eq!(sum.finish(), reference(&whole));
    }

    #[test]
    fn arbitrary_bytes_agree_with_the_reference(data in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(Sum::of(&data).finish(), reference(&data));
    }

    #[test]
    fn update_equals_a_new_sum(
        mut data in prop::collection::vec(any::<u8>(), 2..60),
        at in any::<prop::sample::Index>(),
        new: u16,
    ) {
        // Something nonzero stays, as it does in every real header.
        data.extend([0x45, 0]);
        if !data.len().is_multiple_of(2) {
            data.insert(0, 1);
        }
        let at = at.index((data.len() - 2) / 2) * 2;
        let before = Sum::of(&data).finish();
        let old = u16::from_be_bytes([data[at], data[at + 1]]);
        data[at..at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(update(before, old, new), Sum::of(&data).finish());
    }

    #[test]
    fn stored_checksum_makes_the_data_valid_and_any_changed_bit_does_not(
        mut data in prop::collection::vec(any::<u8>(), 2..80), bit in any::<prop::sample::Index>()
    ) {
        data[..2].fill(0);
        let checksum = Sum::of(&data).finish();
        data[..2].copy_from_slice(&checksum.to_be_bytes());
        prop_assert!(Sum::of(&data).is_valid());
        let bit = bit.index(data.len() * 8);
        data[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!Sum::of(&data).is_valid());
    }

    #[test]
    fn fields_add_like_their_bytes(a: u16, b: u32) {
        let mut data = Vec::new();
        data.extend(a.to_be_bytes());
        data.extend(b.to_be_bytes());
        prop_assert_eq!(Sum::ZERO.add_u16(a).add_u32(b).finish(), reference(&data));
    }
}
