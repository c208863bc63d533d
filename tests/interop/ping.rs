//! Linux resolves the device and pings it.

use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;

use crate::demo::{DEVICE4, DEVICE6, Demo, MAC, reaches};
use crate::namespace::{run, until};

/// Pings as fast as answers come, with `size` bytes each; checks that each is answered.
#[track_caller]
pub fn flood(target: &str, count: u32, size: usize) {
    let before = echoes(target);
    let text = run(&format!("ping -n -q -f -c {count} -s {size} {target}"));
    // The last answer may be too late for ping, which soon loses patience, but not for us.
    until("every ping is answered", || {
        let (sent, answered) = echoes(target);
        assert_eq!(sent, before.0 + count, "{text}");
        answered == before.1 + count
    });
}

/// The echo requests that Linux has sent in this namespace, and the answers to it.
fn echoes(target: &str) -> (u32, u32) {
    let (file, sent, answered) = match target.contains(':') {
        true => ("snmp6", "Icmp6OutEchos", "Icmp6InEchoReplies"),
        false => ("snmp", "OutEchos", "InEchoReps"),
    };
    let text = fs::read_to_string(format!("/proc/self/net/{file}")).unwrap();
    // IPv6 has a name and a number in each line, IPv4 a line of names before each of numbers.
    let mut counters = HashMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if file == "snmp6" {
            counters.extend(line.split_once(char::is_whitespace));
        } else {
            let numbers = lines.next().unwrap().split(' ');
            counters.extend(
                line.split(' ')
                    .zip(numbers)
                    .filter(|_| line.starts_with("Icmp:")),
            );
        }
    }
    let count = |name| counters[name].trim().parse().unwrap();
    (count(sent), count(answered))
}

/// Pings with payloads all over the range, and at every edge in it; says how many answers came.
fn sweep(target: &str, sizes: RangeInclusive<usize>) -> u64 {
    const EDGES: [usize; 14] = [1, 2, 3, 4, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255];
    let last = *sizes.end();
    // Where a frame fills the blocks of the device, of 512 bytes, and where the range ends.
    let edges = [450, 458, 470, 478, 962, 982, last - 2, last - 1, last];
    let edges = edges
        .into_iter()
        .flat_map(|size| [size, size + 1])
        .chain(EDGES);
    let sizes = sizes
        .clone()
        .step_by(37)
        .chain(edges.filter(|size| sizes.contains(size)));
    let mut answers = 0;
    for size in sizes {
        flood(target, 20, size);
        answers += 20;
    }
    println!("{target} has answered {answers} pings of 0 to {last} bytes, all of them");
    answers
}

#[test]
fn linux_pings_a_thousand_times_over_ipv4_without_a_loss() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    let answers = sweep(DEVICE4, 0..=1472);
    assert!(answers >= 1000);
    let report = demo.stop();
    assert!(report.number("  received", "accepted") >= answers);
}

#[test]
fn linux_pings_a_thousand_times_over_ipv6_without_a_loss() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    let answers = sweep(DEVICE6, 0..=1452);
    assert!(answers >= 1000);
    let report = demo.stop();
    assert!(report.number("  received", "accepted") >= answers);
}

#[test]
fn arping_and_ndisc6_resolve_the_device() {
    in_namespace!("arping", "ndisc6");
    let demo = Demo::on_tap("");
    let text = run(&format!("arping -I zonda0 -f -w 20 {DEVICE4}"));
    assert!(
        text.contains(&format!("[{}]", MAC.to_uppercase())),
        "{text}"
    );
    let text = run(&format!("ndisc6 -1 -r 10 {DEVICE6} zonda0"));
    assert!(text.to_lowercase().contains(MAC), "{text}");
    let _ = demo.stop();
}

#[test]
fn linux_holds_the_device_reachable_and_finds_it_again() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    for round in 0..3 {
        for target in [DEVICE4, DEVICE6] {
            let show = format!("ip neighbor show to {target} dev zonda0");
            assert!(round > 0 || run(&show).is_empty());
            reaches(target);
            until("the neighbour is reachable", || {
                let entry = run(&show);
                entry.contains(MAC) && entry.contains("REACHABLE")
            });
        }
        let _: String = run("ip -4 neighbor flush dev zonda0");
        let _: String = run("ip -6 neighbor flush dev zonda0");
    }
    let _ = demo.stop();
}
