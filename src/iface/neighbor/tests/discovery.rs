//! The state machine of RFC 4861 appendix C, and routers.

use super::*;

// RFC 4861 appendix C, first table, row by row.

#[test]
fn packet_to_an_unknown_neighbour_creates_incomplete_and_solicits() {
    let mut bench = Bench::new();
    assert_eq!(bench.lookup(v6(A)), None);
    assert_eq!(bench.wait(v6(A), 1), (true, None));
    assert_eq!(bench.state(v6(A)), Some(Incomplete));
    assert_eq!(bench.link(v6(A)), None);
    assert_eq!(bench.cache.next_deadline(), Some(bench.now + RETRANS));
}

#[test]
fn incomplete_retransmits_by_multicast_then_gives_up_with_its_packets() {
    let mut bench = Bench::with(Incomplete);
    let solicit = || Done::Solicit(v6(A).into(), None);
    assert_eq!(bench.after(Duration::from_millis(999)), []);
    assert_eq!(bench.after(Duration::from_millis(1)), [solicit()]);
    assert_eq!(bench.after(RETRANS), [solicit()]);
    let unreachable = Done::Unreachable(v6(A).into(), std::vec![7]);
    assert_eq!(bench.after(RETRANS), [unreachable]);
    assert_eq!(bench.state(v6(A)), None);
    assert_eq!(bench.cache.next_deadline(), None);
    let counters = bench.counters();
    assert_eq!(counters.solicitations, 3);
    assert_eq!((counters.unreachable, counters.packets_unreachable), (1, 1));
}

#[test]
fn incomplete_and_unsolicited_advertisement_becomes_stale_and_sends() {
    for flags in ["", "O"] {
        let mut bench = Bench::with(Incomplete);
        assert_eq!(bench.advertise(A, flags, Some(MAC)), [7]);
        assert_eq!(bench.state(v6(A)), Some(Stale));
        assert_eq!(bench.link(v6(A)), Some(MAC));
        assert_eq!(bench.after(RETRANS), []);
    }
}

#[test]
fn incomplete_and_solicited_advertisement_becomes_reachable_and_sends() {
    for flags in ["S", "SO"] {
        let mut bench = Bench::with(Incomplete);
        assert_eq!(bench.advertise(A, flags, Some(MAC)), [7]);
        assert_eq!(bench.state(v6(A)), Some(Reachable));
        assert_eq!(bench.lookup(v6(A)), Some(MAC));
        assert_eq!(bench.after(RETRANS), []);
    }
}

#[test]
fn incomplete_and_advertisement_without_link_address_only_learns_router() {
    for flags in ["R", "RS", "RO", "RSO"] {
        let mut bench = Bench::with(Incomplete);
        assert!(bench.advertise(A, flags, None).is_empty());
        let neighbor = bench.neighbor(v6(A)).unwrap();
        assert_eq!((neighbor.state, neighbor.is_router), (Incomplete, true));
        assert_eq!(neighbor.pending, 1);
    }
}

#[test]
fn solicitation_without_link_address_creates_no_entry() {
    let mut bench = Bench::new();
    assert!(bench.solicited_by(A, None).is_empty());
    assert_eq!(bench.state(v6(A)), None);
}

#[test]
fn solicited_advertisement_with_the_cached_address_becomes_reachable() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        assert!(bench.advertise(A, "S", Some(MAC)).is_empty());
        assert_eq!(bench.state(v6(A)), Some(Reachable), "{state:?}");
    }
}

#[test]
fn unsolicited_advertisement_without_link_address_only_learns_router() {
    for state in RESOLVED {
        for flags in ["R", "RO"] {
            let mut bench = Bench::with(state);
            assert!(bench.advertise(A, flags, None).is_empty());
            let neighbor = bench.neighbor(v6(A)).unwrap();
            assert_eq!((neighbor.state, neighbor.is_router), (state, true));
        }
    }
}

/// §7.2.5 II over the row of appendix C that says "unchanged": §7.2.4 lets the answer to a unicast
/// probe leave the option out.
#[test]
fn solicited_advertisement_without_link_address_becomes_reachable() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        assert!(bench.advertise(A, "RS", None).is_empty());
        let neighbor = bench.neighbor(v6(A)).unwrap();
        assert_eq!((neighbor.state, neighbor.is_router), (Reachable, true));
        assert_eq!(neighbor.link, Some(MAC));
    }
}

/// §7.2.5 I a makes no difference between solicited and not; nor does §7.2.6.
#[test]
fn reachable_and_other_address_without_override_becomes_stale_and_keeps_its_address() {
    for flags in ["S", "SR", "", "R"] {
        let mut bench = Bench::with(Reachable);
        assert!(bench.advertise(A, flags, Some(OTHER_MAC)).is_empty());
        let neighbor = bench.neighbor(v6(A)).unwrap();
        assert_eq!((neighbor.state, neighbor.is_router), (Stale, false));
        assert_eq!(neighbor.link, Some(MAC));
    }
}

#[test]
fn stale_delay_and_probe_ignore_another_address_without_override() {
    for state in [Stale, Delay, Probe] {
        for flags in ["S", "SR", "", "R"] {
            let mut bench = Bench::with(state);
            let before = bench.neighbor(v6(A));
            assert!(bench.advertise(A, flags, Some(OTHER_MAC)).is_empty());
            assert_eq!(bench.neighbor(v6(A)), before);
        }
    }
}

#[test]
fn solicited_overriding_advertisement_records_the_address_and_becomes_reachable() {
    for state in RESOLVED {
        for link in [MAC, OTHER_MAC] {
            let mut bench = Bench::with(state);
            assert!(bench.advertise(A, "SO", Some(link)).is_empty());
            assert_eq!(bench.state(v6(A)), Some(Reachable));
            assert_eq!(bench.link(v6(A)), Some(link));
        }
    }
}

#[test]
fn unsolicited_advertisement_with_the_cached_address_changes_nothing() {
    for state in RESOLVED {
        for flags in ["", "O"] {
            let mut bench = Bench::with(state);
            let before = bench.neighbor(v6(A));
            assert!(bench.advertise(A, flags, Some(MAC)).is_empty());
            assert_eq!(bench.neighbor(v6(A)), before);
        }
    }
}

#[test]
fn unsolicited_overriding_advertisement_with_another_address_becomes_stale() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        assert!(bench.advertise(A, "O", Some(OTHER_MAC)).is_empty());
        assert_eq!(bench.state(v6(A)), Some(Stale));
        assert_eq!(bench.link(v6(A)), Some(OTHER_MAC));
        assert_eq!(bench.after(DELAY_FIRST_PROBE), []);
    }
}

#[test]
fn upper_layer_confirmation_makes_any_resolved_entry_reachable() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        bench.cache.confirm(bench.now, v6(A).into());
        assert_eq!(bench.state(v6(A)), Some(Reachable));
        assert_eq!(bench.after(DELAY_FIRST_PROBE), []);
    }
}

#[test]
fn upper_layer_confirmation_has_no_effect_on_incomplete_or_unknown() {
    let mut bench = Bench::with(Incomplete);
    bench.cache.confirm(bench.now, v6(A).into());
    bench.cache.confirm(bench.now, v6(2).into());
    assert_eq!(bench.state(v6(A)), Some(Incomplete));
    assert_eq!(bench.state(v6(2)), None);
}

#[test]
fn reachable_becomes_stale_after_reachable_time_without_a_timer() {
    let mut bench = Bench::with(Reachable);
    assert_eq!(bench.after(RETRANS), []);
    assert_eq!(bench.cache.next_deadline(), None);
    bench.now += REACHABLE - RETRANS - Duration::from_micros(1);
    assert_eq!(bench.state(v6(A)), Some(Reachable));
    bench.now += Duration::from_micros(1);
    assert_eq!(bench.state(v6(A)), Some(Stale));
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.state(v6(A)), Some(Delay));
}

#[test]
fn confirmation_prolongs_reachable() {
    let mut bench = Bench::with(Reachable);
    bench.now += REACHABLE - Duration::from_secs(1);
    bench.cache.confirm(bench.now, v6(A).into());
    bench.now += REACHABLE - Duration::from_secs(1);
    assert_eq!(bench.state(v6(A)), Some(Reachable));
}

#[test]
fn sending_to_stale_starts_the_delay_timer_and_sends_at_once() {
    let mut bench = Bench::with(Stale);
    assert_eq!(bench.cache.next_deadline(), None);
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.state(v6(A)), Some(Delay));
    let deadline = bench.now + DELAY_FIRST_PROBE;
    assert_eq!(bench.cache.next_deadline(), Some(deadline));
    bench.now += RETRANS;
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.cache.next_deadline(), Some(deadline));
}

#[test]
fn stale_that_is_not_used_is_never_probed() {
    let mut bench = Bench::with(Stale);
    assert_eq!(bench.after(Duration::from_secs(86_400)), []);
    assert_eq!(bench.state(v6(A)), Some(Stale));
}

#[test]
fn delay_timeout_sends_a_unicast_probe() {
    let mut bench = Bench::with(Delay);
    assert_eq!(
        bench.after(DELAY_FIRST_PROBE - Duration::from_micros(1)),
        []
    );
    let probe = Done::Solicit(v6(A).into(), Some(MAC));
    assert_eq!(bench.after(Duration::from_micros(1)), [probe]);
    assert_eq!(bench.state(v6(A)), Some(Probe));
}

#[test]
fn probe_retransmits_by_unicast_then_discards_the_entry() {
    let mut bench = Bench::with(Probe);
    for _ in 0..2 {
        let probe = Done::Solicit(v6(A).into(), Some(MAC));
        assert_eq!(bench.after(RETRANS), [probe]);
        assert_eq!(bench.lookup(v6(A)), Some(MAC), "packets go on meanwhile");
    }
    let unreachable = Done::Unreachable(v6(A).into(), Vec::new());
    assert_eq!(bench.after(RETRANS), [unreachable]);
    assert_eq!(bench.state(v6(A)), None);
    assert_eq!(bench.counters().probes, 3);
    // "Subsequent traffic to that neighbor will recreate the entry".
    bench.ask(v6(A));
}

// RFC 4861 appendix C, second table.

#[test]
fn message_with_link_address_creates_stale() {
    let mut bench = Bench::new();
    assert!(bench.solicited_by(A, Some(MAC)).is_empty());
    let neighbor = bench.neighbor(v6(A)).unwrap();
    assert_eq!((neighbor.state, neighbor.is_router), (Stale, false));
    assert_eq!(neighbor.link, Some(MAC));
}

#[test]
fn incomplete_and_message_with_link_address_becomes_stale_and_sends() {
    let mut bench = Bench::with(Incomplete);
    assert_eq!(bench.solicited_by(A, Some(MAC)), [7]);
    assert_eq!(bench.state(v6(A)), Some(Stale));
    assert_eq!(bench.after(RETRANS), []);
}

#[test]
fn message_with_another_link_address_updates_it_and_becomes_stale() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        assert!(bench.solicited_by(A, Some(OTHER_MAC)).is_empty());
        assert_eq!(bench.state(v6(A)), Some(Stale));
        assert_eq!(bench.link(v6(A)), Some(OTHER_MAC));
    }
}

#[test]
fn incomplete_and_message_without_link_address_is_unchanged() {
    let mut bench = Bench::with(Incomplete);
    assert!(bench.solicited_by(A, None).is_empty());
    assert_eq!(bench.neighbor(v6(A)).unwrap().pending, 1);
    assert_eq!(bench.state(v6(A)), Some(Incomplete));
}

#[test]
fn message_with_the_cached_link_address_changes_nothing() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        assert!(bench.solicited_by(A, Some(MAC)).is_empty());
        assert_eq!(bench.state(v6(A)), Some(state));
    }
}

// Routers.

#[test]
fn advertisement_for_an_unknown_target_creates_no_entry() {
    let mut bench = Bench::new();
    for flags in ["", "S", "O", "RSO"] {
        assert!(bench.advertise(A, flags, Some(MAC)).is_empty());
    }
    assert_eq!(bench.cache.iter(bench.now).count(), 0);
}

#[test]
fn router_advertisement_sets_is_router_and_a_solicitation_leaves_it() {
    let mut bench = Bench::new();
    let learned = (bench.cache).discovered(bench.now, v6(A), Some(MAC), Some(true));
    assert!(!learned.lost_router);
    assert!(bench.solicited_by(A, Some(OTHER_MAC)).is_empty());
    assert!(bench.neighbor(v6(A)).unwrap().is_router);
}

#[test]
fn router_advertisement_without_link_address_marks_an_entry_that_is_there() {
    let mut bench = Bench::with(Reachable);
    let learned = (bench.cache).discovered(bench.now, v6(A), None, Some(true));
    drop(learned);
    let neighbor = bench.neighbor(v6(A)).unwrap();
    assert_eq!((neighbor.state, neighbor.is_router), (Reachable, true));
    drop((bench.cache).discovered(bench.now, v6(2), None, Some(true)));
    assert_eq!(bench.state(v6(2)), None);
}

#[test]
fn router_that_advertises_itself_as_host_is_reported_lost() {
    for state in RESOLVED {
        let mut bench = Bench::with(state);
        let learned = (bench.cache).discovered(bench.now, v6(A), Some(MAC), Some(true));
        assert!(!learned.lost_router);
        let host = Advertisement {
            target: v6(A),
            link: None,
            router: false,
            solicited: false,
            overriding: true,
        };
        assert!(bench.cache.advertisement(bench.now, host).lost_router);
        assert!(!bench.cache.advertisement(bench.now, host).lost_router);
    }
}

#[test]
fn router_that_solicits_routers_is_reported_lost() {
    let mut bench = Bench::new();
    drop((bench.cache).discovered(bench.now, v6(A), Some(MAC), Some(true)));
    let learned = (bench.cache).discovered(bench.now, v6(A), Some(MAC), Some(false));
    assert!(learned.lost_router);
}

#[test]
fn unreachable_router_is_named_as_one() {
    let mut bench = Bench::new();
    drop((bench.cache).discovered(bench.now, v6(A), Some(MAC), Some(true)));
    assert_eq!(bench.lookup(v6(A)), Some(MAC));
    assert_eq!(bench.after(DELAY_FIRST_PROBE).len(), 1);
    assert_eq!(bench.after(RETRANS).len(), 1);
    assert_eq!(bench.after(RETRANS).len(), 1);
    bench.now += RETRANS;
    let action = bench.cache.poll(bench.now);
    assert!(matches!(
        action,
        Some(NeighborAction::Unreachable {
            is_router: true,
            ..
        })
    ));
}
