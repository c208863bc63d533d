//! A sender, a link that loses packets, and a receiver: 100 Mbit/s, 5 ms each way.

extern crate std;

use std::collections::{BTreeMap, BinaryHeap};
use std::vec::Vec;
use std::{cmp::Reverse, println};

use super::*;
use crate::rng::Rng;

/// Overhead of a segment on Ethernet: preamble, frame, IPv4, TCP with timestamps, gap.
const OVERHEAD: u64 = 20 + 18 + 20 + 32;
const MSS: u32 = 1460;
const DELAY: u64 = 5_000;
const ISS: u32 = u32::MAX - 1_000_000;

/// What is simulated.
#[derive(Clone, Copy)]
struct Case {
    octets: u32,
    window: u32,
    /// Losses of each direction, in thousandths.
    loss: u32,
    sack: bool,
    /// Random extra delay, in microseconds: reordering.
    jitter: u32,
    seed: u8,
}

const BULK: Case = Case {
    octets: 4 << 20,
    window: 65_536,
    loss: 0,
    sack: true,
    jitter: 0,
    seed: 1,
};

#[derive(Debug, Default, Clone, Copy)]
struct Outcome {
    micros: u64,
    timeouts: u32,
    probes: u32,
    /// Octets sent again, and octets of data lost.
    again: u64,
    lost: u64,
    stalled: bool,
}

impl Outcome {
    /// Mbit/s.
    fn goodput(&self, octets: u32) -> f64 {
        f64::from(octets) * 8.0 / self.micros as f64
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Data of this start (offset from the first octet), length and timestamp arrives.
    Data(u32, u32, u64),
    /// An acknowledgement arrives: offset, blocks, echo of a timestamp.
    Ack(u32, Vec<(u32, u32)>, u64),
    /// The receiver's timer of a delayed acknowledgement.
    Delayed(u64),
    /// The sender's timer.
    Timer,
}

/// Received data that is not in order, and what has been acknowledged.
#[derive(Default)]
struct Receiver {
    next: u32,
    pieces: BTreeMap<u32, u32>,
    recent: Vec<u32>,
    unacked: u32,
    timer: Option<u64>,
    echo: u64,
}

impl Receiver {
    /// Whether to acknowledge at once, and a D-SACK block.
    fn receive(&mut self, start: u32, length: u32, stamp: u64) -> (bool, Option<(u32, u32)>) {
        let end = start + length;
        if start <= self.next {
            // RFC 7323 §4.3: also a duplicate.
            self.echo = stamp;
        }
        if end <= self.next {
            return (true, Some((start, end)));
        }
        let had_gaps = !self.pieces.is_empty();
        if start <= self.next {
            self.next = end;
            while let Some((&l, &r)) = self.pieces.first_key_value() {
                if l > self.next {
                    break;
                }
                let _ = self.pieces.remove(&l);
                self.next = self.next.max(r);
            }
            self.unacked += 1;
            return (had_gaps || self.unacked >= 2, None);
        }
        let dup = self.pieces.iter().any(|(&l, &r)| l <= start && end <= r);
        let (mut left, mut right) = (start, end);
        self.pieces.retain(|&l, &mut r| {
            let apart = r < left || l > right;
            if !apart {
                (left, right) = (left.min(l), right.max(r));
            }
            apart
        });
        let _ = self.pieces.insert(left, right);
        self.recent.retain(|&at| !(left..right).contains(&at));
        self.recent.insert(0, left);
        (true, dup.then_some((start, end)))
    }

    fn blocks(&self, duplicate: Option<(u32, u32)>) -> Vec<(u32, u32)> {
        let recent = self.recent.iter().filter_map(|at| {
            let (&l, &r) = self.pieces.range(..=at).next_back()?;
            (*at < r && l >= self.next).then_some((l, r))
        });
        duplicate.into_iter().chain(recent).take(3).collect()
    }
}

struct World {
    case: Case,
    rng: Rng,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    now: u64,
    /// When each direction's line is free.
    free: [u64; 2],
    outcome: Outcome,
}

impl World {
    fn at(&mut self, time: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, event)));
    }

    /// Returns whether it will arrive.
    fn transmit(&mut self, way: usize, length: u32, event: Event) -> bool {
        let start = self.free[way].max(self.now);
        self.free[way] = start + (u64::from(length) + OVERHEAD) * 8 / 100;
        if self.rng.below(1000) < self.case.loss {
            return false;
        }
        let jitter = u64::from(self.rng.below(self.case.jitter.max(1)));
        self.at(self.free[way] + DELAY + jitter, event);
        true
    }
}

fn seq(offset: u32) -> Seq {
    Seq(ISS) + offset
}

fn offset(at: Seq) -> u32 {
    at.0.wrapping_sub(ISS)
}

fn run(case: Case, mut congestion: Congestion) -> Outcome {
    let mut world = World {
        case,
        rng: Rng::new([case.seed; 32]),
        events: BinaryHeap::new(),
        order: 0,
        now: 1 << 32,
        free: [0; 2],
        outcome: Outcome::default(),
    };
    let began = world.now;
    let mut receiver = Receiver::default();
    let mut rtt = RttEstimator::new();
    let mut recovery = Recovery::new(seq(0));
    let mut board = Scoreboard::new(seq(0));
    let (mut una, mut nxt) = (seq(0), seq(0));
    let mut cwnd_limited = true;
    let mut armed = 0;
    let mut events = 0_u32;
    let (mut rto_at, mut pto_at, mut reo_at) = (None::<u64>, None::<u64>, None::<u64>);
    rtt.sample(Duration::from_micros(2 * DELAY), true, 0, MSS as u16);
    recovery.on_rtt_sample();
    // The handshake.
    world.now += 2 * DELAY;
    world.at(began + 2 * DELAY, Event::Timer);

    while let Some(Reverse((time, _, event))) = world.events.pop() {
        world.now = time;
        events += 1;
        if time - began > 600_000_000 || events > 1_000_000 {
            world.outcome.stalled = true;
            break;
        }
        let now = Instant::from_micros(time);
        let left = |nxt: Seq, una: Seq| {
            let edge = (offset(una) + case.window).min(case.octets);
            edge.saturating_sub(offset(nxt))
        };
        match event {
            Event::Data(start, length, stamp) => {
                let (at_once, duplicate) = receiver.receive(start, length, stamp);
                if receiver.next == case.octets {
                    world.outcome.micros = time - began;
                    return world.outcome;
                }
                if at_once {
                    receiver.unacked = 0;
                    receiver.timer = None;
                    let blocks = if case.sack {
                        receiver.blocks(duplicate)
                    } else {
                        Vec::new()
                    };
                    let ack = Event::Ack(receiver.next, blocks, receiver.echo);
                    let _ = world.transmit(1, 0, ack);
                } else if receiver.timer.is_none() {
                    receiver.timer = Some(time + 40_000);
                    world.at(time + 40_000, Event::Delayed(time + 40_000));
                }
                continue;
            }
            Event::Delayed(due) => {
                if receiver.timer == Some(due) {
                    receiver.unacked = 0;
                    receiver.timer = None;
                    let ack = Event::Ack(receiver.next, Vec::new(), receiver.echo);
                    let _ = world.transmit(1, 0, ack);
                }
                continue;
            }
            Event::Ack(ack, blocks, echo) => {
                let ack = seq(ack);
                if ack.is_before(una) {
                    continue;
                }
                let newly_acked = ack.since(una) as u32;
                una = ack;
                if newly_acked > 0 {
                    let flight = nxt.since(una) as u32;
                    rtt.sample(Duration::from_micros(time - echo), true, flight, MSS as u16);
                    board.sampled((time - echo) as u32);
                    recovery.on_rtt_sample();
                }
                let blocks = blocks.into_iter().map(|(l, r)| (seq(l), seq(r)));
                let update = match case.sack {
                    true => board.update(una, nxt, blocks, micros(now), rtt.min_micros()),
                    false => Update::default(),
                };
                let ack = Ack {
                    newly_acked,
                    duplicate: newly_acked == 0 && nxt.is_after(una),
                    cwnd_limited,
                    congested: false,
                    update,
                };
                let sender = Sender {
                    una,
                    nxt,
                    unsent: left(nxt, una),
                };
                let some = case.sack.then_some(&mut board);
                recovery.on_ack(ack, now, sender, &rtt, &mut congestion, some);
                if newly_acked > 0 {
                    rto_at = Some(time + rtt.rto().as_micros());
                    pto_at = None;
                }
            }
            Event::Timer => {}
        }
        let mut sender = Sender {
            una,
            nxt,
            unsent: left(nxt, una),
        };
        if reo_at.is_some_and(|due| due <= time) {
            let some = case.sack.then_some(&mut board);
            recovery.on_ack(Ack::default(), now, sender, &rtt, &mut congestion, some);
        }
        let mut restart = false;
        if rto_at.is_some_and(|due| due <= time) {
            world.outcome.timeouts += 1;
            rtt.back_off();
            let some = case.sack.then_some(&mut board);
            recovery.on_timeout(now, sender, &mut congestion, some);
            restart = true;
            rto_at = None;
        } else if pto_at.is_some_and(|due| due <= time) {
            if let Some(probe) = recovery.probe(sender, MSS as u16) {
                world.outcome.probes += 1;
                let span = match probe {
                    Probe::New => Span {
                        start: nxt,
                        length: sender.unsent.min(MSS),
                    },
                    Probe::Retransmit(span) => {
                        world.outcome.again += u64::from(span.length);
                        span
                    }
                };
                let event = Event::Data(offset(span.start), span.length, time);
                if !world.transmit(0, span.length, event) {
                    world.outcome.lost += u64::from(span.length);
                }
                if probe == Probe::New {
                    nxt += span.length;
                }
                sender = Sender {
                    una,
                    nxt,
                    unsent: left(nxt, una),
                };
            }
            pto_at = None;
            rto_at = Some(time + rtt.rto().as_micros());
            restart = true;
        }
        let mut sent_new = false;
        loop {
            let some = case.sack.then_some(&board);
            let Some(what) = recovery.next(sender, &congestion, some) else {
                cwnd_limited = sender.unsent > 0;
                break;
            };
            let span = match what {
                Send::New(limit) => {
                    // Nagle's rule: a short segment only at the end.
                    let length = limit.min(sender.unsent).min(MSS);
                    if length < MSS && offset(nxt) + length < case.octets {
                        cwnd_limited = false;
                        break;
                    }
                    Span { start: nxt, length }
                }
                Send::Retransmit(span) | Send::Rescue(span) => span,
            };
            assert!(span.length > 0);
            match what {
                Send::New(_) => {
                    nxt += span.length;
                    recovery.sent(span.length);
                    sent_new = true;
                }
                _ => {
                    world.outcome.again += u64::from(span.length);
                    let some = case.sack.then_some(&mut board);
                    recovery.retransmitted(what, sender, now, some);
                }
            }
            let event = Event::Data(offset(span.start), span.length, time);
            if !world.transmit(0, span.length, event) {
                world.outcome.lost += u64::from(span.length);
            }
            restart |= rto_at.is_none();
            sender = Sender {
                una,
                nxt,
                unsent: left(nxt, una),
            };
        }
        if restart || rto_at.is_none() {
            rto_at = (sender.flight() > 0).then(|| time + rtt.rto().as_micros());
        }
        let some = case.sack.then_some(&board);
        let due = recovery.probe_timeout(sender, case.sack, &rtt, MSS as u16, some);
        pto_at = match (due, pto_at) {
            (None, _) => None,
            (Some(_), Some(at)) if !sent_new => Some(at),
            (Some(micros), _) => Some(time + u64::from(micros)),
        };
        reo_at = case
            .sack
            .then(|| recovery.reordering_timer(now, &rtt, &board))
            .flatten()
            .map(|span| time + span.as_micros().max(1));
        // One event stands for all three timers.
        if let Some(due) = [rto_at, pto_at, reo_at].into_iter().flatten().min()
            && (armed <= time || due < armed)
        {
            armed = due;
            world.at(due, Event::Timer);
        }
    }
    world.outcome.stalled = true;
    world.outcome
}

/// The median of eleven seeds, and what the seeds sum up to.
fn median(case: Case, congestion: fn(u16) -> Congestion) -> (f64, Outcome) {
    let mut sum = Outcome::default();
    let mut rates: Vec<f64> = (1..=11)
        .map(|seed| {
            let outcome = run(Case { seed, ..case }, congestion(MSS as u16));
            assert!(!outcome.stalled, "seed {seed}");
            sum.timeouts += outcome.timeouts;
            sum.probes += outcome.probes;
            sum.again += outcome.again;
            sum.lost += outcome.lost;
            outcome.goodput(case.octets)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() / 2], sum)
}

/// Goodput for 0, 1, 5 and 20 % of loss; prints them.
fn goodput(congestion: fn(u16) -> Congestion, sack: bool, window: u32) -> [(f64, Outcome); 4] {
    [0, 10, 50, 200].map(|loss| {
        let octets = if loss < 50 { 4 << 20 } else { 1 << 20 };
        let (rate, sum) = median(Case { octets, window, loss, sack, ..BULK }, congestion);
        println!(
            "sack {sack}, window {window}, loss {} %: {rate:.2} Mbit/s, {} timeouts, {} probes, again/lost {:.3}",
            loss / 10,
            sum.timeouts,
            sum.probes,
            sum.again as f64 / sum.lost as f64,
        );
        (rate, sum)
    })
}

#[test]
fn bulk_transfer_reaches_the_goal_under_loss() {
    let [none, one, five, twenty] = goodput(Congestion::new, true, 65_536);
    assert!(none.0 > 47.5 && one.0 > 13.0 && five.0 > 4.8 && twenty.0 > 0.1);
    // Most losses cost no timeout: eleven transfers of some 2,900 and 720 segments.
    assert!(one.1.timeouts <= 3 && five.1.timeouts <= 22);
    for (_, sum) in [one, five] {
        assert!((sum.again as f64) < sum.lost as f64 * 1.15);
    }
}

#[test]
fn small_window_reaches_the_goal_under_loss() {
    let [none, one, five, _] = goodput(Congestion::new, true, 16_384);
    assert!(none.0 > 11.3 && one.0 > 8.3 && five.0 > 3.0);
}

#[test]
fn new_reno_completes_under_loss() {
    let [_, one, five, _] = goodput(Congestion::new_reno, true, 65_536);
    assert!(one.0 > 11.0 && five.0 > 4.0);
    let [_, one, five, _] = goodput(Congestion::new_reno, false, 65_536);
    assert!(one.0 > 8.0 && five.0 > 2.0);
}

#[test]
fn reordering_costs_little() {
    for jitter in [500, 2_000, 5_000] {
        let (rate, sum) = median(Case { jitter, ..BULK }, Congestion::new);
        println!(
            "jitter {jitter} us: {rate:.2} Mbit/s, {} again, {} timeouts",
            sum.again, sum.timeouts
        );
        assert_eq!(sum.timeouts, 0);
    }
}

#[test]
fn recovery_is_small() {
    println!(
        "Recovery: {} bytes, Scoreboard: {} bytes",
        size_of::<Recovery>(),
        size_of::<Scoreboard>()
    );
    assert_eq!(
        size_of::<Recovery>(),
        24 + 4 * usize::from(cfg!(feature = "tcp-ecn"))
    );
}
