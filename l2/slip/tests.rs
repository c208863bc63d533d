extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// The octets of a frame, written into spaces of so many octets.
fn encoded(frame: &[u8], space: usize) -> Vec<u8> {
    let (mut encoder, mut line) = (Encoder::new(), Vec::new());
    let mut rest = frame;
    while !rest.is_empty() {
        let mut to = vec![0; space];
        let written = encoder.encode(&mut rest, &mut to);
        line.extend_from_slice(&to[..written]);
    }
    loop {
        let mut to = vec![0; space];
        let written = encoder.end(&mut to);
        line.extend_from_slice(&to[..written]);
        if encoder.is_done() {
            return line;
        }
    }
}

/// The frames of a line that comes in chunks of so many octets, and how many are damaged.
fn decoded(line: &[u8], chunk: usize) -> (Vec<Vec<u8>>, usize) {
    let (mut decoder, mut frames, mut frame, mut bad) = (Decoder::new(), Vec::new(), Vec::new(), 0);
    for mut chunk in line.chunks(chunk) {
        while let Some(piece) = decoder.next(&mut chunk) {
            match piece {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    frame.extend_from_slice(data);
                }
                Piece::End if frame.is_empty() => {}
                Piece::End => frames.push(core::mem::take(&mut frame)),
                Piece::Bad => {
                    frame.clear();
                    bad += 1;
                }
            }
        }
    }
    (frames, bad)
}

#[test]
fn slip_frame_is_written_between_two_ends_with_its_special_octets_escaped() {
    let line = [192, 1, 219, 220, 219, 221, 2, 220, 221, 192];
    for space in 1..12 {
        assert_eq!(encoded(&[1, 192, 219, 2, 220, 221], space), line);
    }
}

#[test]
fn slip_octets_are_read_back_and_empty_frames_are_none() {
    let line = [
        7, 192, 192, 1, 219, 220, 219, 221, 2, 192, 192, 192, 3, 192, 4,
    ];
    for chunk in 1..16 {
        let (frames, bad) = decoded(&line, chunk);
        assert_eq!(
            (frames, bad),
            (vec![vec![7], vec![1, 192, 219, 2], vec![3]], 0)
        );
    }
}

#[test]
fn slip_escape_that_stands_for_nothing_costs_its_frame_and_no_other() {
    // What is behind it is passed over, escapes that would be good and bad alike.
    let line = [
        192, 1, 219, 1, 2, 219, 9, 219, 220, 192, 5, 6, 192, 8, 219, 192, 7, 192,
    ];
    for chunk in 1..18 {
        assert_eq!(decoded(&line, chunk), (vec![vec![5, 6], vec![7]], 2));
    }
}

#[test]
fn slip_frame_that_is_skipped_ends_at_the_next_end() {
    let mut decoder = Decoder::new();
    let mut line = &[1, 2, 219, 9, 192, 3, 192][..];
    assert_eq!(decoder.next(&mut line), Some(Piece::Data(&[1, 2])));
    decoder.skip();
    assert_eq!(decoder.next(&mut line), Some(Piece::Data(&[3])));
    assert_eq!(decoder.next(&mut line), Some(Piece::End));
    assert_eq!(decoder.next(&mut line), None);
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        Just(END),
        Just(ESC),
        Just(ESC_END),
        Just(ESC_ESC),
        any::<u8>()
    ];
    prop::collection::vec(octet, 1..80)
}

proptest! {
    #[test]
    fn slip_frames_come_out_as_they_went_in(
        frames in prop::collection::vec(frame(), 0..5),
        space in 1_usize..20,
        chunk in 1_usize..40,
    ) {
        let line: Vec<u8> = frames.iter().flat_map(|frame| encoded(frame, space)).collect();
        prop_assert_eq!(decoded(&line, chunk), (frames, 0));
    }

    #[test]
    fn slip_frame_behind_noise_is_good(
        noise in frame(),
        good in frame(),
        chunk in 1_usize..40,
    ) {
        let mut line = noise;
        line.extend(encoded(&good, 7));
        let (frames, _) = decoded(&line, chunk);
        prop_assert_eq!(frames.last(), Some(&good));
    }
}
