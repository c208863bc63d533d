extern crate std;

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use std::vec::Vec;

use super::*;

const MSS: u16 = 10;
const BASE: u32 = u32::MAX - 300;
const STRICT: Patience = Patience {
    rtt: 100,
    window: u32::MAX,
    counts: true,
};

fn seq(offset: u32) -> Seq {
    Seq(BASE) + offset
}

fn update(board: &mut Scoreboard, una: u32, nxt: u32, blocks: &[(u32, u32)], now: u32) -> Update {
    let blocks: Vec<_> = blocks.iter().map(|(l, r)| (seq(*l), seq(*r))).collect();
    board.update(seq(una), seq(nxt), blocks, now, 10)
}

fn span(start: u32, length: u32) -> Span {
    Span {
        start: seq(start),
        length,
    }
}

#[test]
fn rfc_6675_4_is_lost_after_more_than_two_segments_above() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(10, 30)], 0);
    assert!(!board.detect(0, MSS, STRICT));
    assert_eq!(board.pipe(seq(100)), 80);
    let _ = update(&mut board, 0, 100, &[(10, 31)], 0);
    assert!(board.detect(0, MSS, STRICT));
    assert!(board.is_lost(seq(9)) && !board.is_lost(seq(10)));
    assert_eq!(board.pipe(seq(100)), 69);
}

#[test]
fn rfc_6675_4_is_lost_after_three_discontiguous_sequences() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(10, 11), (20, 21), (30, 31)], 0);
    assert!(board.detect(0, MSS, STRICT));
    assert!(board.is_lost(seq(0)) && !board.is_lost(seq(11)));
}

#[test]
fn rfc_6675_4_next_seg_rules() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(20, 30), (40, 60)], 0);
    let _ = board.detect(0, MSS, STRICT);
    assert_eq!(board.lost_segment(MSS), Some(span(0, 10)));
    board.retransmitted(span(0, 10), seq(100), 1);
    assert_eq!(board.lost_segment(MSS), Some(span(10, 10)));
    board.retransmitted(span(10, 10), seq(100), 1);
    assert_eq!(board.lost_segment(MSS), None);
    assert_eq!(board.doubtful_segment(MSS), Some(span(30, 10)));
    board.enter_recovery(seq(10));
    assert_eq!(board.rescue_segment(seq(100), MSS), None);
    let _ = update(&mut board, 20, 100, &[], 20);
    assert_eq!(board.rescue_segment(seq(100), MSS), Some(span(90, 10)));
    board.rescued(seq(100));
    assert_eq!(board.rescue_segment(seq(100), MSS), None);
}

#[test]
fn rfc_8985_6_2_retransmission_is_lost_when_what_was_sent_later_arrived() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(10, 50)], 0);
    let _ = board.detect(0, MSS, STRICT);
    board.retransmitted(span(0, 10), seq(100), 1_000);
    let soon = Patience {
        window: 0,
        ..STRICT
    };
    let _ = update(&mut board, 0, 120, &[(100, 110)], 1_050);
    assert_eq!(board.lost_segment(MSS), None);
    let _ = board.detect(1_050, MSS, soon);
    assert_eq!(board.deadline(1_050, soon), Some(50));
    assert!(board.detect(1_100, MSS, soon));
    assert_eq!(board.lost_segment(MSS), Some(span(0, 10)));
}

#[test]
fn rfc_8985_6_2_hole_is_lost_when_the_reordering_window_has_passed() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 30, &[(10, 20)], 0);
    let patience = Patience {
        window: 25,
        ..STRICT
    };
    assert!(!board.detect(24, MSS, patience));
    assert_eq!(board.deadline(24, patience), Some(1));
    assert!(board.detect(25, MSS, patience));
}

#[test]
fn rfc_8985_6_2_original_that_arrives_late_is_reordering() {
    let mut board = Scoreboard::new(seq(0));
    assert!(!update(&mut board, 0, 60, &[(10, 20)], 0).reordered);
    assert!(update(&mut board, 20, 60, &[], 1).reordered);
    let _ = update(&mut board, 20, 60, &[(30, 60)], 2);
    board.retransmitted(span(20, 10), seq(60), 3);
    assert!(!update(&mut board, 60, 60, &[], 30).reordered);
    assert!(board.is_empty());
}

#[test]
fn rfc_2883_4_duplicates_are_recognised() {
    let mut board = Scoreboard::new(seq(0));
    assert_eq!(
        update(&mut board, 50, 100, &[(20, 30)], 0).duplicate,
        Some(seq(30))
    );
    let twice = update(&mut board, 50, 100, &[(70, 80), (60, 90)], 0);
    assert_eq!((twice.duplicate, twice.sacked), (Some(seq(80)), 30));
    assert_eq!(
        update(&mut board, 50, 100, &[(60, 90)], 0),
        Update::default()
    );
}

#[test]
fn rfc_2018_8_timeout_expunges_and_reneging_is_survived() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(20, 60)], 0);
    board.timed_out(seq(0), seq(100), 0);
    assert_eq!((board.sacked(), board.pipe(seq(100))), (0, 0));
    assert_eq!(board.lost_segment(MSS), Some(span(0, 10)));
    // What is heard afterwards is skipped.
    let _ = update(&mut board, 0, 100, &[(10, 60)], 1);
    board.retransmitted(span(0, 10), seq(100), 1);
    assert_eq!(board.lost_segment(MSS), Some(span(60, 10)));
    // The acknowledgement stops within what had been acknowledged selectively.
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(20, 60), (70, 80)], 0);
    let _ = update(&mut board, 40, 100, &[], 0);
    assert_eq!(board.doubtful_segment(MSS), Some(span(40, 10)));
}

#[test]
fn blocks_outside_of_what_is_outstanding_count_for_nothing() {
    let mut board = Scoreboard::new(seq(50));
    for block in [(10, 60), (50, 60), (90, 101), (80, 70), (70, 70)] {
        assert_eq!(
            update(&mut board, 50, 100, &[(90, 101), block], 0).sacked,
            0
        );
    }
    assert!(board.is_empty());
}

#[test]
fn a_scoreboard_is_about_200_bytes() {
    assert_eq!(size_of::<Scoreboard>(), 24 * TCP_HOLES + 28);
}

proptest! {
    /// Against a model of octets: nothing that is missing is ever taken for delivered, and as long
    /// as the holes fit, all counts agree.
    #[test]
    fn scoreboard_agrees_with_a_model_of_octets(
        steps in vec((0..60_u32, 1..8_u32, any::<u8>()), 1..80),
    ) {
        const NXT: u32 = 600;
        let mut has = [false; NXT as usize];
        let mut again = [false; NXT as usize];
        let mut board = Scoreboard::new(seq(0));
        let (mut una, mut exact) = (0, true);
        for (now, (start, length, action)) in (0_u32..).zip(steps) {
            let (left, right) = (start * 10, ((start + length) * 10).min(NXT));
            if action < 40 {
                if let Some(span) = board.doubtful_segment(MSS) {
                    board.retransmitted(span, seq(NXT), now);
                    let at = span.start.since(seq(0)) as usize;
                    again[at..at + span.length as usize].fill(true);
                }
            } else {
                has[left as usize..right as usize].fill(true);
                let before = board.sacked() + una;
                while has.get(una as usize) == Some(&true) {
                    una += 1;
                }
                let told = update(&mut board, una, NXT, &[(left, right)], now);
                if exact {
                    let after = board.sacked() + una;
                    prop_assert_eq!(told.delivered, after - before);
                }
            }
            let highest = (una..NXT).rev().find(|at| has[*at as usize]).map_or(una, |at| at + 1);
            let missing = |at: &u32| !has[*at as usize];
            let holes = (una..highest).filter(missing).filter(|at| *at == una || has[*at as usize - 1]);
            exact &= holes.count() <= TCP_HOLES;
            for at in (una..highest).filter(missing) {
                let held = board.holes().any(|hole| !seq(at).is_before(hole.start) && seq(at).is_before(hole.end));
                prop_assert!(held, "{at} is missing");
            }
            if exact {
                let sacked = (una..NXT).filter(|at| has[*at as usize]).count() as u32;
                let out = (una..NXT).filter(missing).count() as u32;
                let twice = (una..highest).filter(missing).filter(|at| again[*at as usize]).count() as u32;
                prop_assert_eq!(board.sacked(), sacked);
                prop_assert_eq!(board.pipe(seq(NXT)), out + twice);
            }
            let holes: Vec<_> = board.holes().collect();
            prop_assert!(holes.windows(2).all(|pair| pair[0].end.is_before(pair[1].start)));
        }
    }
}

#[test]
fn blocks_of_one_acknowledgement_are_no_reordering_of_each_other() {
    let mut board = Scoreboard::new(seq(0));
    let _ = update(&mut board, 0, 100, &[(10, 30)], 0);
    // The acknowledgement between was lost: the latest block comes first, and grows the other.
    let first = update(&mut board, 0, 100, &[(60, 70), (10, 40)], 1);
    assert!(!first.reordered);
    // What fills a hole of before is one.
    let second = update(&mut board, 0, 100, &[(45, 55), (60, 70), (10, 40)], 2);
    assert!(second.reordered);
}
