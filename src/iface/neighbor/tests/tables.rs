//! Waiting packets, replacement, bounds.

use super::*;

// Waiting packets.

#[test]
fn packet_for_a_neighbour_resolved_meanwhile_comes_back_with_its_link_address() {
    let mut bench = Bench::with(Stale);
    let packet = bench.packet(3);
    let wait = bench.cache.wait(bench.now, v6(A).into(), packet);
    assert!(matches!(wait, Wait::Ready { link, .. } if link == MAC));
    assert_eq!(bench.state(v6(A)), Some(Delay));
}

#[test]
fn waiting_packets_are_sent_in_order() {
    let mut bench = Bench::new();
    for tag in 0..NEIGHBOR_PENDING as u8 {
        assert_eq!(bench.wait(v6(A), tag), (tag == 0, None));
    }
    let expected: Vec<u8> = (0..NEIGHBOR_PENDING as u8).collect();
    assert_eq!(bench.advertise(A, "S", Some(MAC)), expected);
    assert_eq!(bench.neighbor(v6(A)).unwrap().pending, 0);
}

#[test]
fn overflowing_queue_drops_that_neighbours_oldest_packet() {
    let mut bench = Bench::new();
    for tag in 0..NEIGHBOR_PENDING as u8 {
        assert_eq!(bench.wait(v6(A), tag).1, None);
    }
    assert_eq!(bench.wait(v6(A), 100), (false, Some(0)));
    let oldest = if NEIGHBOR_PENDING > 1 { 1 } else { 100 };
    assert_eq!(bench.wait(v6(A), 101), (false, Some(oldest)));
    assert_eq!(bench.counters().packets_dropped, 2);
    assert_eq!(bench.neighbor(v6(A)).unwrap().pending, NEIGHBOR_PENDING);
}

/// Fills all queues together to their bound, each neighbour's as far as it goes.
fn fill_queues(bench: &mut Bench) -> u16 {
    let mut number = 0;
    for waiting in 0..NEIGHBOR_PENDING_TOTAL {
        if waiting % NEIGHBOR_PENDING == 0 {
            number += 1;
        }
        assert_eq!(bench.wait(v6(number), waiting as u8).1, None);
    }
    number
}

#[test]
fn full_queues_give_a_new_neighbour_room_at_the_cost_of_the_longest() {
    if NEIGHBOR_PENDING == 1 {
        return; // Each packet waiting is its neighbour's only one.
    }
    let mut bench = Bench::new();
    let last = fill_queues(&mut bench);
    let (solicit, dropped) = bench.wait(v6(last + 1), 100);
    assert!(solicit && dropped.is_some());
    assert_eq!(bench.neighbor(v6(last + 1)).unwrap().pending, 1);
    let total: usize = bench.cache.iter(bench.now).map(|n| n.pending).sum();
    assert_eq!(total, NEIGHBOR_PENDING_TOTAL);
    assert!(bench.cache.iter(bench.now).all(|n| n.pending > 0));
}

#[test]
fn neighbours_never_drop_each_others_only_packet() {
    let mut bench = Bench::new();
    let places = NEIGHBORS.min(NEIGHBOR_PENDING_TOTAL) as u16;
    for number in 0..places {
        for tag in 0..NEIGHBOR_PENDING as u8 {
            let _: (bool, Option<u8>) = bench.wait(v6(number + 1), tag);
        }
    }
    for number in 0..places {
        assert!(
            bench.neighbor(v6(number + 1)).unwrap().pending > 0,
            "{number}"
        );
    }
    let total: usize = bench.cache.iter(bench.now).map(|n| n.pending).sum();
    assert!(total <= NEIGHBOR_PENDING_TOTAL);
}

// How often we ask.

#[test]
fn more_packets_for_one_neighbour_send_no_more_solicitations() {
    let mut bench = Bench::with(Incomplete);
    for tag in 0..100 {
        bench.now += Duration::from_millis(1);
        assert!(!bench.wait(v6(A), tag).0);
    }
}

#[test]
fn one_silent_neighbour_silences_no_other() {
    let mut bench = Bench::new();
    for number in 1..=NEIGHBORS as u16 {
        assert!(bench.wait(v6(number), 0).0);
    }
}

#[test]
fn more_neighbours_than_places_are_still_asked_for_once_per_retrans_timer() {
    let mut bench = Bench::new();
    let mut last: Vec<(IpAddress, Instant)> = Vec::new();
    let mut note = |address: IpAddress, now: Instant| {
        if let Some(entry) = last.iter_mut().find(|entry| entry.0 == address) {
            assert!(
                now.since(entry.1) >= RETRANS,
                "{address} asked for too soon"
            );
            entry.1 = now;
        } else {
            last.push((address, now));
        }
    };
    for turn in 0..5_000u16 {
        for done in bench.after(Duration::from_millis(100)) {
            if let Done::Solicit(address, _) = done {
                note(address, bench.now);
            }
        }
        let address = v6(1 + turn % (3 * NEIGHBORS as u16)).into();
        let packet = bench.packet(0);
        match bench.cache.wait(bench.now, address, packet) {
            Wait::Queued { solicit: true, .. } => note(address, bench.now),
            Wait::Queued { .. } | Wait::Ready { .. } | Wait::Refused { .. } => {}
        }
        // Every so often an answer leaves an entry that may be replaced.
        if turn % 5 == 0 {
            let number = 1 + turn % (3 * NEIGHBORS as u16);
            let _: Vec<u8> = bench.advertise(number, "", Some(mac(number)));
        }
    }
    assert!(bench.counters().replaced > 0);
}

#[test]
fn probe_waits_until_retrans_timer_has_passed_since_the_last_solicitation() {
    let mut bench = Bench::new();
    let timing = bench.cache.discovery_timing_mut();
    timing.set_retrans_timer(Duration::from_secs(20));
    bench.ask(v6(A));
    assert_eq!(bench.advertise(A, "", Some(MAC)), [0]);
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.after(DELAY_FIRST_PROBE), []);
    let probe = Done::Solicit(v6(A).into(), Some(MAC));
    assert_eq!(bench.after(Duration::from_secs(15)), [probe]);
}

// Replacement.

/// Fills the cache with neighbours that strangers' solicitations made.
fn fill_with_strangers(bench: &mut Bench) {
    for number in 0..NEIGHBORS as u16 {
        assert!(
            bench
                .solicited_by(0x100 + number, Some(mac(number)))
                .is_empty()
        );
    }
    assert_eq!(bench.cache.iter(bench.now).count(), NEIGHBORS);
}

#[test]
fn flood_of_solicitations_displaces_no_neighbour_in_use() {
    let mut bench = Bench::with(Reachable);
    bench.ask(v4(1));
    assert_eq!(bench.arp(1, mac(9), true, true), [0]);
    for turn in 0..5_000u16 {
        assert_eq!(bench.after(Duration::from_millis(1)), []);
        if turn % 1_000 == 0 {
            assert_eq!(bench.lookup(v6(A)), Some(MAC));
            assert_eq!(bench.lookup(v4(1)), Some(mac(9)));
            bench.cache.confirm(bench.now, v6(A).into());
        }
        assert!(
            bench
                .solicited_by(0x1000 + turn, Some(mac(turn)))
                .is_empty()
        );
        assert!(
            bench
                .arp(100 + (turn % 100) as u8, mac(turn), false, true)
                .is_empty()
        );
    }
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.lookup(v4(1)), Some(mac(9)));
    assert!(bench.counters().replaced > 5_000);
}

#[test]
fn strangers_displace_strangers_before_a_neighbour_that_was_used() {
    let mut bench = Bench::with(Reachable);
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    bench.now += Duration::from_secs(600);
    assert_eq!(bench.state(v6(A)), Some(Stale));
    for number in 0..4 * NEIGHBORS as u16 {
        assert!(
            bench
                .solicited_by(0x100 + number, Some(mac(number)))
                .is_empty()
        );
    }
    assert_eq!(bench.state(v6(A)), Some(Stale));
}

#[test]
fn strangers_displace_no_reachable_neighbour_but_our_own_packets_do_when_it_is_idle() {
    let mut bench = Bench::new();
    for number in 1..=NEIGHBORS as u16 {
        bench.ask(v6(number));
        assert_eq!(bench.advertise(number, "S", Some(mac(number))), [0]);
        assert_eq!(bench.lookup(v6(number)), Some(mac(number)));
    }
    bench.now += DELAY_FIRST_PROBE - Duration::from_micros(1);
    assert!(bench.solicited_by(0x100, Some(MAC)).is_empty());
    assert!(bench.is_refused(v6(0x101)), "all are in use");
    for number in 2..=NEIGHBORS as u16 {
        assert_eq!(bench.lookup(v6(number)), Some(mac(number)));
    }
    bench.now += Duration::from_micros(1);
    assert!(bench.solicited_by(0x100, Some(MAC)).is_empty());
    assert_eq!(bench.state(v6(0x100)), None);
    assert_eq!(bench.counters().refused, 3);
    bench.ask(v6(0x101));
    assert_eq!(bench.state(v6(1)), None, "the idle one has gone");
    assert_eq!(bench.state(v6(2)), Some(Reachable));
}

#[test]
fn least_recently_used_stale_neighbour_is_replaced_first() {
    let mut bench = Bench::new();
    for number in 1..=NEIGHBORS as u16 {
        bench.ask(v6(number));
        assert_eq!(bench.advertise(number, "S", Some(mac(number))), [0]);
    }
    for number in (1..=NEIGHBORS as u16).rev() {
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.lookup(v6(number)), Some(mac(number)));
    }
    bench.now += REACHABLE;
    bench.ask(v6(0x101));
    assert_eq!(bench.state(v6(NEIGHBORS as u16)), None);
    assert_eq!(bench.state(v6(1)), Some(Stale));
    assert_eq!(bench.counters().replaced, 1);
}

#[test]
fn neighbours_being_resolved_delayed_or_probed_are_not_replaced() {
    let mut bench = Bench::new();
    for number in 1..=NEIGHBORS as u16 {
        if number % 2 == 0 {
            assert!(bench.solicited_by(number, Some(mac(number))).is_empty());
            assert_eq!(bench.lookup(v6(number)), Some(mac(number)));
        }
    }
    assert_eq!(bench.after(DELAY_FIRST_PROBE).len(), NEIGHBORS / 2);
    for number in 1..=NEIGHBORS as u16 {
        if number % 2 == 1 {
            bench.ask(v6(number));
        }
    }
    assert!(bench.is_refused(v6(0x101)));
    assert!(bench.solicited_by(0x102, Some(MAC)).is_empty());
    assert_eq!(bench.state(v6(0x102)), None);
    assert_eq!(bench.counters().refused, 2);
    assert_eq!(bench.counters().replaced, 0);
}

#[test]
fn static_and_protected_entries_are_not_replaced() {
    let mut bench = Bench::new();
    drop(
        bench
            .cache
            .set_static(bench.now, v4(1).into(), MAC)
            .unwrap(),
    );
    assert_eq!(bench.cache.protect(bench.now, v6(1).into(), true), Ok(()));
    assert!(bench.solicited_by(1, Some(OTHER_MAC)).is_empty());
    bench.now += Duration::from_secs(3_600);
    for number in 0..100 {
        assert!(
            bench
                .solicited_by(0x100 + number, Some(mac(number)))
                .is_empty()
        );
    }
    bench.ask(v6(0x300));
    assert_eq!(bench.lookup(v4(1)), Some(MAC));
    assert_eq!(bench.lookup(v6(1)), Some(OTHER_MAC));
}

// Static and protected entries.

#[test]
fn static_entry_takes_the_waiting_packets_and_never_changes() {
    let mut bench = Bench::with(Incomplete);
    let learned = (bench.cache.set_static(bench.now, v6(A).into(), MAC)).unwrap();
    assert_eq!(Bench::tags(learned.packets), [7]);
    assert!(bench.advertise(A, "SO", Some(OTHER_MAC)).is_empty());
    assert!(bench.solicited_by(A, Some(OTHER_MAC)).is_empty());
    bench.cache.confirm(bench.now, v6(A).into());
    assert_eq!(bench.after(Duration::from_secs(86_400)), []);
    assert_eq!(bench.state(v6(A)), Some(Static));
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    drop(bench.cache.clear());
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    drop(bench.cache.remove(v6(A).into()));
    assert_eq!(bench.lookup(v6(A)), None);
}

#[test]
fn static_arp_entry_is_not_superseded() {
    let mut bench = Bench::new();
    drop(
        bench
            .cache
            .set_static(bench.now, v4(1).into(), MAC)
            .unwrap(),
    );
    assert!(bench.arp(1, OTHER_MAC, true, true).is_empty());
    assert!(bench.arp(1, OTHER_MAC, false, true).is_empty());
    assert_eq!(bench.lookup(v4(1)), Some(MAC));
}

#[test]
fn full_cache_refuses_a_static_entry() {
    let mut bench = Bench::new();
    for number in 1..=NEIGHBORS as u16 {
        let address = v6(number).into();
        drop(
            bench
                .cache
                .set_static(bench.now, address, mac(number))
                .unwrap(),
        );
    }
    let result = bench.cache.set_static(bench.now, v4(1).into(), MAC);
    assert_eq!(result.err(), Some(NeighborError::CacheFull));
    let result = bench.cache.protect(bench.now, v4(1).into(), true);
    assert_eq!(result, Err(NeighborError::CacheFull));
}

#[test]
fn protected_neighbour_keeps_its_place_through_failure_and_is_asked_for_again() {
    let mut bench = Bench::new();
    assert_eq!(bench.cache.protect(bench.now, v6(A).into(), true), Ok(()));
    assert_eq!(bench.state(v6(A)), Some(Failed));
    assert_eq!(bench.lookup(v6(A)), None);
    for _ in 0..2 {
        bench.ask(v6(A));
        assert_eq!(bench.after(RETRANS).len(), 1);
        assert_eq!(bench.after(RETRANS).len(), 1);
        let unreachable = Done::Unreachable(v6(A).into(), std::vec![0]);
        assert_eq!(bench.after(RETRANS), [unreachable]);
        assert_eq!(bench.state(v6(A)), Some(Failed));
    }
    assert!(bench.advertise(A, "SO", Some(MAC)).is_empty());
    assert_eq!(bench.state(v6(A)), Some(Failed), "nobody asked");
    let _: u16 = fill_queues(&mut bench);
    assert_eq!(bench.cache.protect(bench.now, v6(A).into(), false), Ok(()));
}

#[test]
fn protection_ends() {
    let mut bench = Bench::new();
    assert_eq!(bench.cache.protect(bench.now, v6(A).into(), true), Ok(()));
    assert_eq!(bench.cache.protect(bench.now, v6(A).into(), false), Ok(()));
    assert_eq!(bench.state(v6(A)), None);
    assert_eq!(bench.cache.protect(bench.now, v6(A).into(), false), Ok(()));
}

// The rest.

#[test]
fn link_down_returns_all_waiting_packets_and_forgets_the_neighbours() {
    let mut bench = Bench::new();
    let _: u16 = fill_queues(&mut bench);
    assert_eq!(bench.cache.protect(bench.now, v6(1).into(), true), Ok(()));
    let packets = bench.cache.clear();
    assert_eq!(packets.len(), NEIGHBOR_PENDING_TOTAL);
    drop(packets);
    assert_eq!(bench.state(v6(1)), Some(Failed));
    assert_eq!(bench.cache.iter(bench.now).count(), 1);
    assert_eq!(bench.cache.next_deadline(), None);
    // The neighbour was asked for less than RetransTimer ago: it is asked again only then.
    assert_eq!(bench.wait(v6(1), 0), (false, None));
    let solicit = Done::Solicit(v6(1).into(), None);
    assert_eq!(bench.after(RETRANS), [solicit]);
}

#[test]
fn removing_a_neighbour_returns_its_waiting_packets() {
    let mut bench = Bench::with(Incomplete);
    assert_eq!(Bench::tags(bench.cache.remove(v6(A).into())), [7]);
    assert_eq!(bench.state(v6(A)), None);
    assert_eq!(bench.after(RETRANS), []);
    assert!(bench.cache.remove(v6(A).into()).is_empty());
}

#[test]
fn neighbours_of_both_families_stand_side_by_side() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, true).is_empty());
    assert!(bench.solicited_by(1, Some(OTHER_MAC)).is_empty());
    for _ in 0..2 {
        assert_eq!(bench.lookup(v4(1)), Some(MAC));
        assert_eq!(bench.lookup(v6(1)), Some(OTHER_MAC));
    }
}

#[test]
fn router_advertisement_times_apply_to_ipv6_only() {
    let mut bench = Bench::new();
    let timing = bench.cache.discovery_timing_mut();
    timing.set_retrans_timer(Duration::from_millis(250));
    timing.set_base_reachable_time(Duration::from_secs(4), 1 << 31);
    bench.ask(v6(1));
    bench.ask(v4(1));
    let solicit = Done::Solicit(v6(1).into(), None);
    assert_eq!(bench.after(Duration::from_millis(250)), [solicit]);
    assert_eq!(bench.advertise(1, "S", Some(MAC)), [0]);
    bench.now += Duration::from_secs(4);
    assert_eq!(bench.state(v6(1)), Some(Stale));
}

#[test]
fn reachable_time_is_between_half_and_one_and_a_half_of_its_base() {
    let mut timing = NeighborTiming::default();
    let seconds = |timing: &NeighborTiming| timing.reachable_time().as_micros();
    timing.randomize(0);
    assert_eq!(seconds(&timing), 15_000_000);
    timing.randomize(1 << 31);
    assert_eq!(seconds(&timing), 30_000_000);
    timing.randomize(u32::MAX);
    assert_eq!(seconds(&timing), 44_999_999);
}

#[test]
fn advertised_times_are_taken_within_reason_and_zero_is_unspecified() {
    let mut timing = NeighborTiming::default();
    timing.set_base_reachable_time(Duration::ZERO, 0);
    timing.set_retrans_timer(Duration::ZERO);
    assert_eq!(timing, NeighborTiming::DEFAULT);
    timing.set_base_reachable_time(Duration::from_secs(30), 0);
    assert_eq!(timing.reachable_time(), REACHABLE, "the base is not new");
    timing.set_base_reachable_time(Duration::from_millis(u32::MAX.into()), u32::MAX);
    assert!(timing.reachable_time() <= Duration::from_secs(5_400));
    timing.set_retrans_timer(Duration::from_millis(u32::MAX.into()));
    assert_eq!(timing.retrans_timer(), Duration::from_secs(60));
    timing.set_retrans_timer(Duration::from_millis(1));
    assert_eq!(timing.retrans_timer(), Duration::from_millis(10));
}

#[test]
fn late_poll_sends_one_solicitation_not_those_missed() {
    let mut bench = Bench::with(Incomplete);
    let solicit = Done::Solicit(v6(A).into(), None);
    assert_eq!(bench.after(Duration::from_secs(60)), [solicit]);
    assert_eq!(bench.cache.next_deadline(), Some(bench.now + RETRANS));
}

#[test]
fn full_cache_counts_whom_it_refuses() {
    let mut bench = Bench::new();
    fill_with_strangers(&mut bench);
    for number in 0..NEIGHBORS as u16 {
        assert!(bench.lookup(v6(0x100 + number)).is_some());
    }
    assert!(bench.is_refused(v6(1)));
    assert_eq!(bench.counters().refused, 1);
}

proptest::proptest! {
    #[test]
    fn bounds_hold_and_nothing_leaks_whatever_happens(
        events in proptest::collection::vec((0u8..9, 0u16..20, 0u8..16, 0u32..3_000), 0..300),
    ) {
        let mut bench = Bench::new();
        for (event, number, flags, millis) in events {
            let link = (flags & 8 == 0).then_some(mac(number + u16::from(flags & 1)));
            let letters = ["", "S", "O", "SO", "R", "RS", "RO", "RSO"][usize::from(flags & 7)];
            match event {
                0 | 1 => {
                    let packet = bench.packet(0);
                    drop(bench.cache.wait(bench.now, v6(number).into(), packet));
                }
                2 => drop(bench.advertise(number, letters, link)),
                3 => drop(bench.solicited_by(number, link)),
                4 => drop(bench.arp(number as u8, mac(number), flags & 1 == 0, flags & 2 == 0)),
                5 => {
                    let packet = bench.packet(0);
                    drop(bench.cache.wait(bench.now, v4(number as u8).into(), packet));
                }
                6 => bench.cache.confirm(bench.now, v6(number).into()),
                7 => drop(bench.lookup(v6(number))),
                _ => drop(bench.after(Duration::from_millis(millis.into()))),
            }
            let all: Vec<Neighbor> = bench.cache.iter(bench.now).collect();
            let total: usize = all.iter().map(|n| n.pending).sum();
            proptest::prop_assert!(total <= NEIGHBOR_PENDING_TOTAL);
            proptest::prop_assert_eq!(usize::from(bench.pool.stats().blocks_used), total);
            for neighbor in &all {
                proptest::prop_assert!(neighbor.pending <= NEIGHBOR_PENDING);
                proptest::prop_assert!(neighbor.pending == 0 || neighbor.state == Incomplete);
                let same = all.iter().filter(|n| n.address == neighbor.address).count();
                proptest::prop_assert_eq!(same, 1);
                let needs_timer = matches!(neighbor.state, Incomplete | Delay | Probe);
                proptest::prop_assert!(!needs_timer || bench.cache.next_deadline().is_some());
            }
        }
        // Without traffic every question comes to an end.
        for _ in 0..20 {
            drop(bench.after(DELAY_FIRST_PROBE));
        }
        proptest::prop_assert_eq!(bench.cache.next_deadline(), None);
        proptest::prop_assert_eq!(bench.pool.stats().blocks_used, 0);
    }
}
