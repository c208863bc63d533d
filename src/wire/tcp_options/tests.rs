extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// What a Linux client sends: MSS 1460, SACK-Permitted, Timestamps, Window Scale 7.
const SYN: [u8; 20] = [
    2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x00, 0x01, 0xe2, 0x40, 0, 0, 0, 0, 1, 3, 3, 7,
];
/// What a Windows client sends: MSS 1460, Window Scale 8, SACK-Permitted.
const SYN_WITHOUT_TIMESTAMPS: [u8; 12] = [2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 0x00, 0x01, 0xe2, 0x7b, 0x7a, 0x12, 0xc0, 0xde];
/// Timestamps and three blocks, of which the first goes over the wrap of the numbers.
const SELECTIVE: [u8; 40] = [
    1, 1, 8, 10, 0, 0, 0, 10, 0, 0, 0, 20, 1, 1, 5, 26, 0xff, 0xff, 0xfe, 0, 0, 0, 4, 0, 0, 0, 8,
    0, 0, 0, 0x0c, 0, 0, 0, 0x10, 0, 0, 0, 0x14, 0,
];
const BLOCKS: [(u32, u32); 5] = [
    (0xffff_fe00, 0x400),
    (0x800, 0xc00),
    (0x1000, 0x1400),
    (0x1800, 0x1c00),
    (0x2000, 0x2400),
];

fn blocks(options: &TcpOptions<'_>) -> Vec<(u32, u32)> {
    options.sack.iter().collect()
}

#[test]
fn options_of_a_syn_are_read() {
    let offered = TcpOptions {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some((123456, 0)),
        ..TcpOptions::default()
    };
    assert_eq!(TcpOptions::parse(&SYN), offered);
    let offered = TcpOptions {
        window_scale: Some(8),
        timestamps: None,
        ..offered
    };
    assert_eq!(TcpOptions::parse(&SYN_WITHOUT_TIMESTAMPS), offered);
}

#[test]
fn timestamps_are_read_in_the_usual_layout_and_in_any_other() {
    let expected = TcpOptions {
        timestamps: Some((0x0001_e27b, 0x7a12_c0de)),
        ..TcpOptions::default()
    };
    assert_eq!(TcpOptions::parse(&TIMESTAMPS), expected);
    let [_, _, bare @ ..] = TIMESTAMPS;
    let behind = [&bare[..], &[1, 1]].concat();
    let ended = [&[1], &bare[..], &[0]].concat();
    let longer = [&TIMESTAMPS[..], &[0, 0, 0, 0]].concat();
    for options in [&bare[..], &behind, &ended, &longer] {
        assert_eq!(TcpOptions::parse(options), expected);
    }
}

#[test]
fn blocks_are_read_beside_timestamps() {
    let options = TcpOptions::parse(&SELECTIVE);
    assert_eq!(options.timestamps, Some((10, 20)));
    assert_eq!(blocks(&options), BLOCKS[..3]);
    assert_eq!((options.sack.len(), options.sack.is_empty()), (3, false));
    assert!(!options.malformed);
}

#[test]
fn window_scale_above_fourteen_counts_as_fourteen() {
    for (sent, used) in [(0, 0), (14, 14), (15, 14), (255, 14)] {
        let options = [3, 3, sent, 0];
        assert_eq!(TcpOptions::parse(&options).window_scale, Some(used));
    }
}

#[test]
fn unknown_options_are_skipped_by_their_length() {
    let options = [
        &[kind::USER_TIMEOUT, 4, 0, 100][..],
        &[254, 2, kind::FAST_OPEN, 6, 1, 2, 3, 4],
        &[2, 4, 2, 24],
    ];
    let expected = TcpOptions {
        mss: Some(536),
        ..TcpOptions::default()
    };
    assert_eq!(TcpOptions::parse(&options.concat()), expected);
    let mut signed = [1; 40];
    [signed[0], signed[1]] = [kind::MD5_SIGNATURE, 18];
    signed[18..22].copy_from_slice(&[2, 4, 2, 24]);
    assert_eq!(TcpOptions::parse(&signed), expected);
}

#[test]
fn nothing_is_read_behind_the_end_of_the_list() {
    let options = [4, 2, 0, 2, 4, 5, 0xb4, 3];
    let expected = TcpOptions {
        sack_permitted: true,
        ..TcpOptions::default()
    };
    assert_eq!(TcpOptions::parse(&options), expected);
}

#[test]
fn malformed_length_ends_the_list_and_keeps_what_was_before() {
    let expected = TcpOptions {
        mss: Some(536),
        malformed: true,
        ..TcpOptions::default()
    };
    for wrong in [
        // It would not cover itself, of known and of unknown options.
        &[3, 0][..],
        &[3, 1],
        &[77, 0],
        &[77, 1],
        // It reaches beyond the header, or is not there.
        &[77, 3],
        &[77, 255, 0],
        &[8, 10, 0, 0, 0, 1, 0, 0, 0],
        &[3],
        &[77],
        // The option cannot have it.
        &[2, 3, 1, 4, 2],
        &[2, 5, 1, 1, 1, 4, 2],
        &[3, 2, 4, 2],
        &[3, 4, 1, 1, 4, 2],
        &[4, 3, 1, 4, 2],
        &[8, 9, 0, 0, 0, 1, 0, 0, 0, 4, 2],
        &[8, 11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 4, 2],
        &[5, 2, 4, 2],
        &[5, 9, 0, 0, 0, 1, 0, 0, 0, 4, 2],
        &[5, 11, 0, 0, 0, 1, 0, 0, 0, 2, 9, 4, 2],
    ] {
        let options = [&[2, 4, 2, 24][..], wrong].concat();
        assert_eq!(TcpOptions::parse(&options), expected, "{wrong:?}");
    }
}

#[test]
fn timestamps_of_a_wrong_length_do_not_take_the_short_way() {
    let mut options = TIMESTAMPS;
    options[3] = 9;
    let expected = TcpOptions {
        malformed: true,
        ..TcpOptions::default()
    };
    assert_eq!(TcpOptions::parse(&options), expected);
}

#[test]
fn option_that_comes_twice_counts_as_it_was_last() {
    let options = [2, 4, 0, 1, 2, 4, 0, 2];
    assert_eq!(TcpOptions::parse(&options).mss, Some(2));
}

#[test]
fn what_is_beyond_forty_octets_is_no_option() {
    let mut options = [1; 44];
    options[40..].copy_from_slice(&[2, 4, 5, 0xb4]);
    assert_eq!(TcpOptions::parse(&options), TcpOptions::default());
}

#[test]
fn options_of_a_syn_are_written_octet_for_octet() {
    let space = TcpOptionSpace::syn(1460, Some(7), true, Some((123456, 0)));
    assert_eq!(space.as_bytes(), SYN);
    assert_eq!((space.len(), space.is_empty()), (20, false));
    let space = TcpOptionSpace::syn(1460, Some(8), true, None);
    assert_eq!(space.as_bytes(), [2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 8]);
    let space = TcpOptionSpace::syn(536, None, false, None);
    assert_eq!(space.as_bytes(), [2, 4, 2, 24]);
    let space = TcpOptionSpace::syn(536, Some(200), false, Some((1, 2)));
    assert_eq!(
        space.as_bytes(),
        [
            2, 4, 2, 24, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 14
        ]
    );
}

#[test]
fn options_of_a_segment_are_written_octet_for_octet() {
    assert_eq!(TcpOptionSpace::segment(None, []), TcpOptionSpace::NONE);
    assert!(TcpOptionSpace::NONE.is_empty());
    let space = TcpOptionSpace::segment(Some((0x0001_e27b, 0x7a12_c0de)), []);
    assert_eq!(space.as_bytes(), TIMESTAMPS);
    assert_eq!(space.len(), TIMESTAMPS_LENGTH);
    let space = TcpOptionSpace::segment(None, [(1, 2)]);
    assert_eq!(space.as_bytes(), [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
}

#[test]
fn as_many_blocks_are_sent_as_have_space() {
    let space = TcpOptionSpace::segment(Some((10, 20)), BLOCKS);
    assert_eq!(space.as_bytes(), SELECTIVE);
    let space = TcpOptionSpace::segment(None, BLOCKS);
    assert_eq!(space.len(), 36);
    assert_eq!(blocks(&space.parse()), BLOCKS[..MAXIMUM_SACK_BLOCKS]);
}

#[test]
fn options_are_copied_out_of_a_segment() {
    let segment = [&[0xa5; 20][..], &SYN, b"data"].concat();
    let space = TcpOptionSpace::read(&segment[..], 20, 20).unwrap();
    assert_eq!(space.as_bytes(), SYN);
    assert_eq!(space.sum().finish(), Sum::of(&SYN).finish());
    let read = |length| TcpOptionSpace::read(&segment[..], 20, length).map(drop);
    assert_eq!(read(24), Ok(()));
    assert_eq!(read(28), Err(Malformed::Truncated));
    assert_eq!(read(44), Err(Malformed::Length));
}

proptest! {
    #[test]
    fn what_a_syn_offers_is_read(
        mss: u16,
        window_scale in proptest::option::of(0..=MAXIMUM_WINDOW_SCALE),
        sack_permitted: bool,
        timestamps: Option<(u32, u32)>,
    ) {
        let space = TcpOptionSpace::syn(mss, window_scale, sack_permitted, timestamps);
        prop_assert!(space.len() <= 20 && space.len().is_multiple_of(4));
        let expected = TcpOptions {
            mss: Some(mss),
            window_scale,
            sack_permitted,
            timestamps,
            ..TcpOptions::default()
        };
        prop_assert_eq!(space.parse(), expected);
    }

    #[test]
    fn what_a_segment_says_is_read(
        timestamps: Option<(u32, u32)>,
        sack in proptest::collection::vec(any::<(u32, u32)>(), 0..6),
    ) {
        let space = TcpOptionSpace::segment(timestamps, sack.iter().copied());
        prop_assert!(space.len() <= MAXIMUM_OPTIONS && space.len().is_multiple_of(4));
        let fitting = sack.len().min(if timestamps.is_some() { 3 } else { 4 });
        let options = space.parse();
        prop_assert_eq!(blocks(&options), &sack[..fitting]);
        let rest = TcpOptions { timestamps, ..TcpOptions::default() };
        prop_assert_eq!(TcpOptions { sack: SackBlocks::default(), ..options }, rest);
    }

    #[test]
    fn options_are_read_in_any_order_and_alignment(
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
        padding in proptest::collection::vec(0usize..2, 5),
        times: (u32, u32),
    ) {
        let times_octets = [times.0.to_be_bytes(), times.1.to_be_bytes()].concat();
        let all: [Vec<u8>; 5] = [
            [2, 4, 1, 2].into(),
            [3, 3, 9].into(),
            [4, 2].into(),
            [&[8, 10], &times_octets[..]].concat(),
            [253, 4, 0, 0].into(),
        ];
        let mut options = Vec::new();
        for (which, padding) in order.into_iter().zip(padding) {
            options.extend(core::iter::repeat_n(1, padding));
            options.extend(&all[which]);
        }
        let expected = TcpOptions {
            mss: Some(0x102),
            window_scale: Some(9),
            sack_permitted: true,
            timestamps: Some(times),
            ..TcpOptions::default()
        };
        prop_assert_eq!(TcpOptions::parse(&options), expected);
    }

    #[test]
    fn arbitrary_bytes_at_every_truncation_do_not_panic(bytes: [u8; 48]) {
        for end in 0..=bytes.len() {
            let options = TcpOptions::parse(&bytes[..end]);
            prop_assert!(options.sack.iter().count() <= MAXIMUM_SACK_BLOCKS);
            prop_assert!(options.window_scale <= Some(MAXIMUM_WINDOW_SCALE));
        }
    }

    #[test]
    fn options_of_arbitrary_kinds_and_lengths_do_not_panic(
        bytes in proptest::collection::vec(prop_oneof![0u8..12, any::<u8>()], 0..48),
    ) {
        let options = TcpOptions::parse(&bytes);
        prop_assert!(options.sack.len() <= MAXIMUM_SACK_BLOCKS);
        prop_assert!(options.window_scale <= Some(MAXIMUM_WINDOW_SCALE));
    }
}
