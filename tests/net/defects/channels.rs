//! What an attacker who is not on the path could learn of others: limits that all share must not
//! tell whether somebody else's packet has used them.

use crate::alone::*;
use crate::frame::*;
use crate::network::*;
use crate::tcp::*;

/// CVE-2016-5696: with a limit that is the same each second, a hundred suspicious segments of one's
/// own connection tell, by how many are answered, whether a guess about another's was right.
#[test]
fn cve_2016_5696_number_of_challenges_tells_nothing() {
    let mut counts = Vec::new();
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    for _ in 0..24 {
        s.a.net.run_for(secs(10));
        s.sent();
        counts.push((0..40).map(|_| s.at(3, RST, &[]).len()).sum::<usize>());
    }
    differ(&counts);
}

/// CVE-2020-25705: the same with errors about closed ports, which tells open ports of others (those
/// of a resolver that waits for an answer).
#[test]
fn cve_2020_25705_number_of_errors_tells_nothing() {
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let a = neighborly();
        let mut counts = Vec::new();
        for round in 0..24 {
            a.net.run_for(secs(10));
            a.sent();
            for port in 0..40 {
                a.peer
                    .send(a.datagram(version, (9, 2000 + 40 * round + port), b"open?"));
            }
            a.net.run_for(ms(5));
            let is_error = |seen: &Seen| {
                seen.ip().is_some_and(|ip| {
                    ip.source == host
                        && ip.destination == peer
                        && ip.icmp().is_some_and(|(kind, ..)| matches!(kind, 1 | 3))
                })
            };
            counts.push(a.sent().iter().filter(|seen| is_error(seen)).count());
        }
        differ(&counts);
    }
}

/// Of bursts after a long pause, not all let the same number through, and each lets some.
#[track_caller]
fn differ(counts: &[usize]) {
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(*least >= 5, "{counts:?}");
    assert!(most - least >= 2, "{counts:?}");
    let commonest = counts
        .iter()
        .map(|count| counts.iter().filter(|other| *other == count).count());
    assert!(
        commonest.max().unwrap() <= counts.len() * 2 / 3,
        "{counts:?}"
    );
}
