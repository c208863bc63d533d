extern crate std;

use proptest::prelude::{prop_assert_eq, proptest};
use std::vec::Vec;

use super::probe::MAX_ACK_DELAY;
use super::*;

const MSS: u32 = 1000;
const NOW: Instant = Instant::from_millis(1_000);

/// A connection with `flight` segments outstanding from sequence number 0, and more to send.
struct Fixture {
    recovery: Recovery,
    congestion: Congestion,
    rtt: RttEstimator,
    sender: Sender,
}

impl Fixture {
    fn new(flight: u32) -> Self {
        let mut rtt = RttEstimator::new();
        rtt.sample(Duration::from_millis(10), false, 0, 1000);
        let nxt = Seq(flight * MSS);
        let mut recovery = Recovery::new(Seq(0));
        recovery.on_rtt_sample();
        Self {
            recovery,
            congestion: Congestion::new_reno(1000),
            rtt,
            sender: Sender {
                una: Seq(0),
                nxt,
                unsent: 50 * MSS,
            },
        }
    }

    fn duplicate(&mut self) {
        let ack = Ack {
            duplicate: true,
            ..Ack::default()
        };
        self.recovery
            .on_ack(ack, NOW, self.sender, &self.rtt, &mut self.congestion, None);
    }

    fn acked(&mut self, segments: u32) {
        self.sender.una += segments * MSS;
        let ack = Ack {
            newly_acked: segments * MSS,
            ..Ack::default()
        };
        self.recovery
            .on_ack(ack, NOW, self.sender, &self.rtt, &mut self.congestion, None);
    }

    fn next(&self) -> Option<Send> {
        self.recovery.next(self.sender, &self.congestion, None)
    }

    /// Sends whatever may be sent: segments again, and new ones.
    fn send(&mut self) -> (u32, u32) {
        let mut sent = (0, 0);
        while let Some(what) = self.next() {
            if let Send::New(_) = what {
                self.recovery.sent(MSS);
                self.sender.nxt += MSS;
                sent.1 += 1;
            } else {
                self.recovery.retransmitted(what, self.sender, NOW, None);
                sent.0 += 1;
            }
        }
        sent
    }
}

#[test]
fn rfc_3042_2_first_two_duplicates_send_a_new_segment_each() {
    let mut it = Fixture::new(10);
    assert_eq!(it.next(), None);
    it.duplicate();
    assert_eq!(it.send(), (0, 1));
    it.duplicate();
    assert_eq!(it.send(), (0, 1));
    assert_eq!(it.congestion.window(), 10 * MSS);
}

#[test]
fn rfc_5681_3_2_third_duplicate_retransmits_and_halves_what_was_outstanding_before() {
    let mut it = Fixture::new(10);
    for _ in 0..2 {
        it.duplicate();
        let _ = it.send();
    }
    it.duplicate();
    assert_eq!(
        it.next(),
        Some(Send::Retransmit(Span {
            start: Seq(0),
            length: MSS
        }))
    );
    // Ten, not the twelve of limited transmit.
    assert_eq!(it.congestion.ssthresh(), 5 * MSS);
    assert!(it.recovery.is_recovering());
}

#[test]
fn rfc_6582_3_2_partial_acknowledgement_retransmits_the_next_hole_at_once() {
    let mut it = Fixture::new(10);
    (0..3).for_each(|_| it.duplicate());
    assert_eq!(it.send().0, 1);
    it.acked(4);
    assert!(it.recovery.is_recovering());
    let span = Span {
        start: Seq(4 * MSS),
        length: MSS,
    };
    assert_eq!(it.next(), Some(Send::Retransmit(span)));
    assert_eq!(it.send().0, 1);
    let all = it.sender.flight() / MSS;
    it.acked(all);
    assert!(!it.recovery.is_recovering());
    assert_eq!(it.congestion.window(), it.congestion.ssthresh());
}

#[test]
fn rfc_6582_3_2_duplicates_after_a_timeout_start_no_recovery() {
    let mut it = Fixture::new(10);
    it.recovery
        .on_timeout(NOW, it.sender, &mut it.congestion, None);
    assert_eq!(it.send(), (1, 0));
    (0..5).for_each(|_| it.duplicate());
    assert_eq!(it.congestion.window(), MSS);
    assert_eq!(it.congestion.ssthresh(), 5 * MSS);
}

#[test]
fn rfc_5681_3_1_timeout_goes_over_all_that_was_outstanding() {
    let mut it = Fixture::new(4);
    it.sender.unsent = 0;
    it.recovery
        .on_timeout(NOW, it.sender, &mut it.congestion, None);
    assert_eq!(it.send(), (1, 0));
    it.acked(1);
    assert_eq!(it.send(), (2, 0));
    it.acked(2);
    assert_eq!(it.send(), (1, 0));
    it.acked(1);
    assert!(!it.recovery.is_recovering());
}

#[test]
fn rfc_6937_3_1_single_loss_is_spread_over_the_round_trip() {
    // The example: 20 segments, the first is lost, ssthresh becomes 10.
    let mut it = Fixture::new(20);
    it.congestion = Congestion::new_reno(1000);
    for _ in 0..10 {
        it.congestion.on_ack(NOW, MSS, 10_000, true);
    }
    let mut board = Scoreboard::new(Seq(0));
    let mut sent = std::vec::Vec::new();
    for segment in 1..20 {
        let blocks = [(Seq(MSS), Seq((segment + 1) * MSS))];
        let update = board.update(Seq(0), it.sender.nxt, blocks, micros(NOW), 10_000);
        let ack = Ack {
            duplicate: true,
            update,
            ..Ack::default()
        };
        it.recovery.on_ack(
            ack,
            NOW,
            it.sender,
            &it.rtt,
            &mut it.congestion,
            Some(&mut board),
        );
        let mut now = 0;
        while let Some(what) = it.recovery.next(it.sender, &it.congestion, Some(&board)) {
            now += 1;
            if let Send::New(_) = what {
                it.recovery.sent(MSS);
                it.sender.nxt += MSS;
            } else {
                it.recovery
                    .retransmitted(what, it.sender, NOW, Some(&mut board));
            }
        }
        sent.push(now);
    }
    assert_eq!(it.congestion.ssthresh(), 10 * MSS);
    // Two of limited transmit, the retransmission, then about every second acknowledgement.
    assert_eq!(sent[..3], [1, 1, 1]);
    assert!(
        sent[3..].windows(2).all(|pair| pair[0] + pair[1] <= 2),
        "{sent:?}"
    );
    assert!((9..=11).contains(&sent.iter().sum::<u32>()), "{sent:?}");
}

#[test]
fn rfc_8985_7_2_probe_is_due_after_two_round_trips() {
    let mut it = Fixture::new(3);
    let due = |it: &Fixture| {
        let span = it
            .recovery
            .probe_timeout(it.sender, true, &it.rtt, 1000, None);
        span.map(|micros| Duration::from_micros(micros.into()))
    };
    assert_eq!(due(&it), Some(Duration::from_millis(20)));
    it.sender.una = Seq(2 * MSS);
    assert_eq!(due(&it), Some(Duration::from_millis(20) + MAX_ACK_DELAY));
    assert_eq!(
        it.recovery
            .probe_timeout(it.sender, false, &it.rtt, 1000, None),
        None
    );
    it.sender.una = it.sender.nxt;
    assert_eq!(due(&it), None);
}

#[test]
fn rfc_8985_7_3_probe_is_new_data_or_the_last_segment_and_one_at_a_time() {
    let mut it = Fixture::new(3);
    assert_eq!(it.recovery.probe(it.sender, 1000), Some(Probe::New));
    assert_eq!(it.recovery.probe(it.sender, 1000), None);
    let mut it = Fixture::new(3);
    it.sender.unsent = 0;
    let last = Span {
        start: Seq(2 * MSS),
        length: MSS,
    };
    assert_eq!(
        it.recovery.probe(it.sender, 1000),
        Some(Probe::Retransmit(last))
    );
    it.recovery.on_rtt_sample();
    assert_eq!(it.recovery.probe(it.sender, 1000), None);
}

#[test]
fn rfc_8985_7_4_2_loss_that_a_probe_repaired_reduces_the_window() {
    for (duplicate, window) in [(None, 2), (Some(Seq(3 * MSS)), 10)] {
        let mut it = Fixture::new(3);
        it.sender.unsent = 0;
        let mut board = Scoreboard::new(Seq(0));
        let _ = it.recovery.probe(it.sender, 1000);
        for (una, nxt) in [(3, 4), (4, 4)] {
            it.sender.una = Seq(una * MSS);
            it.sender.nxt = Seq(nxt * MSS);
            let update = Update {
                duplicate,
                ..Update::default()
            };
            let ack = Ack {
                newly_acked: MSS,
                update,
                ..Ack::default()
            };
            it.recovery.on_ack(
                ack,
                NOW,
                it.sender,
                &it.rtt,
                &mut it.congestion,
                Some(&mut board),
            );
        }
        assert_eq!(it.congestion.window(), window * MSS);
    }
}

proptest! {
    #[test]
    fn plain_acknowledgement_ends_as_any_other(
        steps: Vec<(u8, u8)>, segments in 0..4_u32, cwnd_limited: bool,
    ) {
        let mut it = Fixture::new(10);
        for (step, amount) in steps {
            match step % 8 {
                0 => it.duplicate(),
                1 | 2 => drop(it.send()),
                3 => {
                    let (now, sender) = (NOW, it.sender);
                    it.recovery.on_timeout(now, sender, &mut it.congestion, None);
                }
                4 => drop(it.recovery.probe(it.sender, 1000)),
                5 => it.recovery.on_rtt_sample(),
                _ => {
                    let most = it.sender.flight() / MSS;
                    it.acked(u32::from(amount % 4).min(most));
                }
            }
        }
        let newly_acked = segments.min(it.sender.flight() / MSS) * MSS;
        it.sender.una += newly_acked;
        let (mut recovery, mut congestion) = (it.recovery, it.congestion);
        let is_plain = recovery.on_plain_ack(
            newly_acked, cwnd_limited, NOW, it.sender, &it.rtt, &mut congestion,
        );
        if is_plain {
            let ack = Ack { newly_acked, cwnd_limited, ..Ack::default() };
            it.recovery.on_ack(ack, NOW, it.sender, &it.rtt, &mut it.congestion, None);
        }
        prop_assert_eq!((recovery, congestion), (it.recovery, it.congestion));
    }
}
