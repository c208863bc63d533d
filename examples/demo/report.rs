//! What is printed at the end.

use zonda::iface::{Counters, ReceiveDrop, SendDrop};
use zonda::link::PortStats;
use zonda::netbuf::{Pool, PoolStats};

/// The counters of an interface and of its port.
pub fn interface(name: &str, counters: &Counters, port: PortStats) {
    println!("{name}:");
    println!(
        "  received {}, accepted {}, sent {}",
        counters.received, counters.accepted, counters.sent
    );
    let dropped = ReceiveDrop::ALL
        .iter()
        .map(|&reason| (words(reason), counters.receive_drops(reason)));
    println!("  dropped: {}", list(dropped));
    let not_sent = SendDrop::ALL
        .iter()
        .map(|&reason| (words(reason), counters.send_drops(reason)));
    println!("  not sent: {}", list(not_sent));
    println!(
        "  driver: delivered {}, sent {}, lost for want of room {}, lost by error {}",
        port.received, port.sent, port.receive_full, port.receive_errors
    );
}

/// What is left of a pool.
pub fn pool(name: &str, pool: Pool) {
    let stats = pool.stats();
    println!("pool of the {name}:");
    println!(
        "  blocks of {} bytes: {}, in use {}, low-water mark {}",
        pool.block_size(),
        stats.blocks,
        stats.blocks_used,
        stats.blocks_low
    );
    println!(
        "  header blocks: {}, in use {}, low-water mark {}",
        stats.headers, stats.headers_used, stats.headers_low
    );
    println!(
        "  spare views: {}, in use {}, low-water mark {}",
        stats.views, stats.views_used, stats.views_low
    );
    println!("  failures: {}", list(failures(&stats)));
}

/// How often nothing was to be had of a pool, by what it was for.
pub fn failures(stats: &PoolStats) -> impl Iterator<Item = (String, u32)> {
    let failures = [
        ("receive", stats.receive_failures),
        ("send", stats.send_failures),
        ("header", stats.header_failures),
        ("control", stats.control_failures),
        ("view", stats.view_failures),
        ("held", stats.held_failures),
    ];
    failures
        .into_iter()
        .map(|(name, count)| (name.into(), count))
}

/// Those that are not zero.
fn list(counts: impl IntoIterator<Item = (String, u32)>) -> String {
    let found: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    match found.is_empty() {
        true => "none".into(),
        false => found.join(", "),
    }
}

/// The name of a reason or a state in words: `Ipv4Source` is "ipv4 source".
pub fn words(reason: impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
