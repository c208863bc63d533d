extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// 0:00:01 UT.
const NOW: u32 = 1000;

fn all(options: &[u8]) -> Vec<Result<Ipv4Option<'_>, MalformedAt>> {
    Ipv4OptionIter::new(options).collect()
}

fn at(offset: u8) -> MalformedAt {
    MalformedAt { offset }
}

fn recorded(options: &[u8]) -> Result<Vec<u8>, MalformedAt> {
    let mut options = options.to_vec();
    record(&mut options, OWN, NOW).map(|()| options)
}

#[test]
fn options_are_read_in_their_order_up_to_the_end() {
    let octets = [
        1, 148, 4, 0, 0, 130, 4, 0x3d, 0x80, 136, 4, 0x12, 0x34, 0, 7, 2,
    ];
    let options = [
        Ipv4Option::NoOperation,
        Ipv4Option::RouterAlert(0),
        Ipv4Option::Security(&[0x3d, 0x80]),
        // The Stream Identifier, which is obsolete (RFC 1122 §3.2.1.8 b).
        Ipv4Option::Unknown {
            kind: 136,
            data: &[0x12, 0x34],
        },
        Ipv4Option::End,
    ];
    assert_eq!(all(&octets), options.map(Ok));
    let copied = [false, true, true, true, false];
    assert_eq!(options.map(|option| option.is_copied()), copied);
}

#[test]
fn routes_are_split_at_the_pointer() {
    let octets = [131, 11, 8, 10, 0, 0, 1, 10, 0, 0, 9, 0];
    let Some(Ok(Ipv4Option::LooseSourceRoute(route))) = all(&octets).first().copied() else {
        panic!("not a loose source route");
    };
    assert_eq!((route.pointer(), route.is_complete()), (8, false));
    assert!(route.recorded().eq([FIRST]));
    assert!(route.remaining().eq([Ipv4Addr::new(10, 0, 0, 9)]));

    let octets = [137, 7, 8, 10, 0, 0, 1, 0];
    let Some(Ok(Ipv4Option::StrictSourceRoute(route))) = all(&octets).first().copied() else {
        panic!("not a strict source route");
    };
    assert!(route.is_complete() && route.recorded().eq([FIRST]));
    assert_eq!(route.remaining().count(), 0);
}

#[test]
fn timestamps_are_read_by_their_flag() {
    let octets = [68, 12, 9, 0x20, 0, 0, 3, 0xe8, 0, 0, 0, 0];
    let Some(Ok(Ipv4Option::Timestamp(times))) = all(&octets).first().copied() else {
        panic!("not a timestamp");
    };
    assert_eq!((times.pointer(), times.overflow()), (9, 2));
    assert_eq!(times.flag(), TimestampFlag::TimestampsOnly);
    assert!(times.registered().eq([(None, NOW)]));

    let octets = [68, 12, 13, 0x01, 10, 0, 0, 1, 0, 0, 3, 0xe8];
    let Some(Ok(Ipv4Option::Timestamp(times))) = all(&octets).first().copied() else {
        panic!("not a timestamp");
    };
    assert_eq!(times.flag(), TimestampFlag::WithAddresses);
    assert!(times.registered().eq([(Some(FIRST), NOW)]));
}

#[test]
fn malformed_option_ends_the_list_and_is_pointed_at() {
    let cases: [(&[u8], u8); 11] = [
        // No length, length of zero, of one, beyond the end.
        (&[1, 1, 1, 7], 3),
        (&[1, 99, 0, 0], 2),
        (&[1, 99, 1, 0], 2),
        (&[1, 99, 4, 0], 2),
        // Lengths that a known option cannot have.
        (&[7, 2, 0, 0], 1),
        (&[68, 3, 5, 0], 1),
        (&[148, 3, 0, 0], 1),
        (&[130, 2, 0, 0], 1),
        // Pointers into the option's own head.
        (&[1, 7, 3, 3], 3),
        (&[131, 3, 0, 0], 2),
        (&[68, 4, 4, 0], 2),
    ];
    for (octets, offset) in cases {
        assert_eq!(all(octets).last(), Some(&Err(at(offset))), "{octets:?}");
    }
    assert_eq!(at(1).pointer(), 21);
}

#[test]
fn octets_beyond_forty_are_no_options() {
    let octets = [kind::NO_OPERATION; 60];
    assert_eq!(all(&octets).len(), 40);
}

#[test]
fn record_route_gains_the_own_address() {
    let before = [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0];
    let after = [7, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2, 0];
    assert_eq!(recorded(&before).unwrap(), after);
    // Now it is full and stays as it is.
    assert_eq!(recorded(&after).unwrap(), after);
}

#[test]
fn half_a_place_for_an_address_is_an_error() {
    let octets = [1, 7, 10, 8, 10, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(recorded(&octets), Err(at(3)));
    let octets = [68, 10, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(recorded(&octets), Err(at(2)));
    let octets = [68, 8, 5, 1, 0, 0, 0, 0];
    assert_eq!(recorded(&octets), Err(at(2)));
}

#[test]
fn timestamp_gains_the_time() {
    let before = [68, 8, 5, 0, 0, 0, 0, 0];
    assert_eq!(recorded(&before).unwrap(), [68, 8, 9, 0, 0, 0, 3, 0xe8]);
}

#[test]
fn timestamp_with_addresses_gains_both() {
    let before = [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let after = [68, 12, 13, 1, 10, 0, 0, 2, 0, 0, 3, 0xe8];
    assert_eq!(recorded(&before).unwrap(), after);
}

#[test]
fn prespecified_timestamp_waits_for_its_module() {
    let for_us = [68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0];
    let after = [68, 12, 13, 3, 10, 0, 0, 2, 0, 0, 3, 0xe8];
    assert_eq!(recorded(&for_us).unwrap(), after);
    // When all are there, none is missed.
    assert_eq!(recorded(&after).unwrap(), after);
    let for_another = [68, 12, 5, 3, 10, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(recorded(&for_another).unwrap(), for_another);
}

#[test]
fn full_timestamp_counts_who_found_no_space() {
    let full = [68, 8, 9, 0xe0, 0, 0, 0, 1];
    assert_eq!(recorded(&full).unwrap(), [68, 8, 9, 0xf0, 0, 0, 0, 1]);
    // And the count can be full as well.
    let overflown = [68, 8, 9, 0xf0, 0, 0, 0, 1];
    assert_eq!(recorded(&overflown), Err(at(3)));
}

#[test]
fn unknown_timestamp_flag_is_an_error() {
    assert_eq!(recorded(&[68, 8, 5, 2, 0, 0, 0, 0]), Err(at(3)));
}

#[test]
fn padding_behind_the_end_is_left_alone() {
    let octets = [0, 7, 7, 4, 0, 0, 0, 0];
    assert_eq!(recorded(&octets).unwrap(), octets);
}

#[test]
fn built_options_are_padded_and_read_back() {
    let mut options = Ipv4Options::NONE;
    assert!(options.is_empty() && options.as_bytes().is_empty());
    options.push_router_alert(0).unwrap();
    assert_eq!(options.as_bytes(), [148, 4, 0, 0]);
    options.push_record_route(1).unwrap();
    let octets = [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0];
    assert_eq!(options.as_bytes(), octets);
    options.record(OWN, NOW).unwrap();
    let octets = [148, 4, 0, 0, 7, 7, 8, 10, 0, 0, 2, 0];
    assert_eq!(options.as_bytes(), octets);
    assert_eq!(options.iter().count(), 3);
    assert_eq!(options.sum().finish(), Sum::of(&octets).finish());
}

#[test]
fn each_kind_of_timestamp_is_built() {
    let mut options = Ipv4Options::NONE;
    options.push_timestamp(1, false).unwrap();
    options.push_timestamp(1, true).unwrap();
    options.push_timestamp_of(&[OWN]).unwrap();
    #[rustfmt::skip]
    let octets = [
        68, 8, 5, 0, 0, 0, 0, 0,
        68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0,
        68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0,
    ];
    assert_eq!(options.as_bytes(), octets);
}

#[test]
fn source_route_starts_at_its_first_hop() {
    let mut options = Ipv4Options::NONE;
    options.push_source_route(false, &[FIRST, OWN]).unwrap();
    let octets = [131, 11, 4, 10, 0, 0, 1, 10, 0, 0, 2, 0];
    assert_eq!(options.as_bytes(), octets);
    let mut options = Ipv4Options::NONE;
    options.push_source_route(true, &[OWN]).unwrap();
    assert_eq!(options.as_bytes(), [137, 7, 4, 10, 0, 0, 2, 0]);
}

#[test]
fn what_does_not_fit_leaves_the_options_as_they_were() {
    let mut options = Ipv4Options::NONE;
    assert_eq!(options.push_record_route(10), Err(NoRoom));
    assert_eq!(options.push_timestamp(usize::MAX, true), Err(NoRoom));
    assert_eq!(options, Ipv4Options::NONE);
    options.push_record_route(9).unwrap();
    assert_eq!(options.as_bytes().len(), 40);
    let before = options;
    assert_eq!(options.push_router_alert(0), Err(NoRoom));
    assert_eq!(options, before);
    let mut options = Ipv4Options::NONE;
    options.push_timestamp(9, false).unwrap();
    assert_eq!(options.as_bytes().len(), 40);
}

#[test]
fn later_fragments_carry_only_what_is_copied() {
    let mut options = Ipv4Options::NONE;
    options.push_record_route(2).unwrap();
    options.push_router_alert(0).unwrap();
    options.push_source_route(false, &[OWN]).unwrap();
    let copied = options.for_fragment().unwrap();
    let octets = [148, 4, 0, 0, 131, 7, 4, 10, 0, 0, 2, 0];
    assert_eq!(copied.as_bytes(), octets);
}

#[test]
fn options_are_copied_out_of_a_packet() {
    let packet = [9, 9, 148, 4, 0, 0, 9];
    let options = Ipv4Options::read(packet.as_slice(), 2, 4).unwrap();
    assert_eq!(options.as_bytes(), [148, 4, 0, 0]);
    let missing = Ipv4Options::read(packet.as_slice(), 4, 4);
    assert_eq!(missing, Err(Malformed::Truncated));
    let too_many = Ipv4Options::read([0; 64].as_slice(), 0, 44);
    assert_eq!(too_many, Err(Malformed::Length));
}

#[test]
fn nothing_is_recorded_behind_the_options() {
    let mut options = Ipv4Options::read([7, 7, 4, 0].as_slice(), 0, 4).unwrap();
    assert_eq!(options.record(OWN, NOW), Err(at(1)));
    assert_eq!(options.as_bytes(), [7, 7, 4, 0]);
}

/// Octets that are often options and sometimes not.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        proptest::sample::select(&[0u8, 1, 7, 68, 130, 131, 137, 148][..]),
        any::<u8>(),
    ];
    let option = (kind, 0..16u8, 0..16u8, any::<u8>(), any::<[u8; 9]>()).prop_map(
        |(kind, length, pointer, flag, data)| {
            let mut option = std::vec![kind, length, pointer, flag & 0xf3];
            option.extend(data);
            option.truncate(usize::from(length.max(1)));
            option
        },
    );
    proptest::collection::vec(option, 0..8).prop_map(|options| options.concat())
}

proptest! {
    #[test]
    fn arbitrary_octets_at_every_truncation_do_not_panic(octets in octets()) {
        for end in 0..=octets.len() {
            let octets = &octets[..end];
            for (index, option) in Ipv4OptionIter::new(octets).enumerate() {
                prop_assert!(index < 40);
                match option {
                    Err(error) => prop_assert!(usize::from(error.offset) < end.min(40)),
                    Ok(
                        Ipv4Option::RecordRoute(route)
                        | Ipv4Option::LooseSourceRoute(route)
                        | Ipv4Option::StrictSourceRoute(route),
                    ) => {
                        let _ = (route.recorded().count(), route.remaining().count());
                    }
                    Ok(Ipv4Option::Timestamp(times)) => {
                        let _ = times.registered().count();
                    }
                    Ok(_) => {}
                }
            }
        }
    }

    #[test]
    fn recording_points_into_the_options_or_keeps_them_readable(octets in octets()) {
        for end in 0..=octets.len().min(40) {
            let mut options = octets[..end].to_vec();
            let readable = Ipv4OptionIter::new(&options).all(|option| option.is_ok());
            let count = Ipv4OptionIter::new(&options).count();
            match record(&mut options, OWN, NOW) {
                Err(error) => prop_assert!(usize::from(error.offset) < end),
                Ok(()) => {
                    let after = Ipv4OptionIter::new(&options);
                    prop_assert_eq!(after.clone().all(|option| option.is_ok()), readable);
                    prop_assert_eq!(after.count(), count);
                }
            }
        }
    }

    #[test]
    fn what_is_built_is_read(
        (value, slots, modules) in (any::<u16>(), 0..3usize, 0..2usize),
        hops in proptest::collection::vec(any::<u32>(), 0..2),
    ) {
        let hops: Vec<Ipv4Addr> = hops.into_iter().map(Ipv4Addr::from).collect();
        let mut options = Ipv4Options::NONE;
        options.push_router_alert(value).unwrap();
        options.push_record_route(slots).unwrap();
        options.push_timestamp(modules, true).unwrap();
        options.push_source_route(true, &hops).unwrap();
        let read: Vec<_> = options.iter().map(Result::unwrap).collect();
        prop_assert_eq!(read[0], Ipv4Option::RouterAlert(value));
        prop_assert!(matches!(read[1], Ipv4Option::RecordRoute(route)
            if route.remaining().count() == slots && route.recorded().count() == 0));
        prop_assert!(matches!(read[2], Ipv4Option::Timestamp(times)
            if times.flag() == TimestampFlag::WithAddresses));
        prop_assert!(matches!(read[3], Ipv4Option::StrictSourceRoute(route)
            if route.remaining().eq(hops.iter().copied())));
    }

    #[test]
    fn options_for_fragments_are_options(octets in octets()) {
        let octets = octets.get(..40).unwrap_or(&octets);
        let options = Ipv4Options::read(octets, 0, octets.len()).unwrap();
        if let Ok(copied) = options.for_fragment() {
            let all_copied = |option: Ipv4Option<'_>| option.is_copied() || option.kind() == 0;
            prop_assert!(copied.iter().all(|option| option.is_ok_and(all_copied)));
        }
    }
}
