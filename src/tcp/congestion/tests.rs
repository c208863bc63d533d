extern crate std;

use super::*;

const MSS: u32 = 1000;

fn reno() -> Congestion {
    Congestion::new_reno(1000)
}

fn ack(congestion: &mut Congestion, octets: u32) {
    congestion.on_ack(Instant::ZERO, octets, 10_000, true);
}

#[test]
fn rfc_6928_2_initial_window_is_ten_segments_within_14600_octets() {
    for (mss, window) in [
        (536, 5_360),
        (1_460, 14_600),
        (4_000, 14_600),
        (8_960, 17_920),
    ] {
        assert_eq!(Congestion::new(mss).window(), window);
    }
}

#[test]
fn rfc_5681_3_1_slow_start_counts_octets() {
    let mut reno = reno();
    ack(&mut reno, 1);
    assert_eq!(reno.window(), 10 * MSS + 1);
    ack(&mut reno, 2 * MSS);
    assert_eq!(reno.window(), 12 * MSS + 1);
    ack(&mut reno, 20 * MSS);
    assert_eq!(reno.window(), 14 * MSS + 1);
}

#[test]
fn rfc_5681_3_1_slow_start_after_a_timeout_counts_one_segment_per_acknowledgement() {
    let mut reno = reno();
    reno.on_timeout(40 * MSS);
    assert_eq!(reno.window(), MSS);
    ack(&mut reno, 2 * MSS);
    assert_eq!(reno.window(), 2 * MSS);
}

#[test]
fn rfc_5681_3_1_congestion_avoidance_adds_one_segment_per_window() {
    let mut reno = reno();
    reno.enter_recovery(40 * MSS);
    reno.leave_recovery();
    for windows in 1..10 {
        let mut left = reno.window();
        while left > 0 {
            let octets = left.min(700);
            ack(&mut reno, octets);
            left -= octets;
        }
        let expected = (20 + windows) * MSS;
        // The window grows while it is counted, so a little less than the RFC allows.
        assert!(
            reno.window() <= expected && reno.window() + MSS / 2 > expected,
            "{}",
            reno.window()
        );
    }
}

#[test]
fn rfc_5681_3_1_timeout_halves_the_flight_once_for_the_same_data() {
    let mut reno = reno();
    reno.on_timeout(40 * MSS);
    assert_eq!((reno.window(), reno.ssthresh()), (MSS, 20 * MSS));
    reno.on_timeout(MSS);
    assert_eq!((reno.window(), reno.ssthresh()), (MSS, 20 * MSS));
    ack(&mut reno, MSS);
    reno.on_timeout(2 * MSS);
    assert_eq!((reno.window(), reno.ssthresh()), (MSS, 2 * MSS));
}

#[test]
fn rfc_5681_3_2_recovery_halves_the_flight_not_the_window() {
    let mut reno = reno();
    reno.enter_recovery(8 * MSS);
    assert_eq!((reno.window(), reno.ssthresh()), (4 * MSS, 4 * MSS));
}

#[test]
fn rfc_5681_4_1_idle_connection_restarts_with_the_initial_window() {
    let mut reno = reno();
    reno.enter_recovery(400 * MSS);
    reno.after_idle();
    assert_eq!((reno.window(), reno.ssthresh()), (10 * MSS, 200 * MSS));
    reno.enter_recovery(4 * MSS);
    reno.after_idle();
    assert_eq!(reno.window(), 2 * MSS);
}

#[test]
fn defect_075_first_window_is_not_one_segment() {
    assert_eq!(reno().window(), 10 * MSS);
}

#[test]
fn defect_083_a_smaller_segment_size_shrinks_the_window_with_it() {
    let mut reno = reno();
    reno.set_mss(500);
    assert_eq!((reno.mss(), reno.window()), (500, 5_000));
    reno.set_mss(1_400);
    assert_eq!((reno.mss(), reno.window()), (1_400, 5_000));
}

#[test]
fn window_that_does_not_limit_does_not_grow() {
    for mut congestion in [reno(), Congestion::new(1000)] {
        congestion.on_ack(Instant::ZERO, MSS, 10_000, false);
        assert_eq!(congestion.window(), 10 * MSS);
        congestion.enter_recovery(40 * MSS);
        let window = congestion.window();
        for second in 0..100 {
            congestion.on_ack(Instant::from_millis(second * 1_000), MSS, 10_000, false);
        }
        assert_eq!(congestion.window(), window);
    }
}

#[test]
fn congestion_control_is_small() {
    std::println!("Congestion: {} bytes", size_of::<Congestion>());
    assert!(size_of::<Congestion>() <= 48);
}
