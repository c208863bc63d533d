//! Goodput of a bulk transfer over 100 Mbit/s and 5 ms each way, with losses in both directions:
//! the medians of eleven seeds. Each line: row, stack, Mbit/s; `-again` rows: bytes sent again for
//! each that was lost.

mod link;
mod peer;
mod zonda;

use link::{Case, Outcome};

const SEEDS: u64 = 11;


fn main() {
    let only = std::env::args().nth(1);
    let seeds = std::env::var("SEEDS").map_or(SEEDS, |s| s.parse().unwrap());
    for window in std::env::var("WINDOW").map_or(vec![65_536, 16_384], |s| vec![s.parse().unwrap()]) {
        for loss in std::env::var("LOSS").map_or(vec![0, 10, 50], |s| vec![s.parse().unwrap()]) {
            let octets = if loss < 50 { 4 << 20 } else { 1 << 20 };
            let row = format!("window-{}k-loss-{}", window >> 10, loss / 10);
            let stacks: [(&str, fn(Case) -> Outcome); 2] =
                [("zonda", zonda::run), ("smoltcp", peer::run)];
            for (stack, run) in stacks {
                if only.as_ref().is_some_and(|only| only != stack) {
                    continue;
                }
                let case = |seed| Case {
                    octets,
                    window,
                    loss,
                    seed,
                };
                let mut all: Vec<_> = (std::env::var("FIRST").map_or(1, |s| s.parse().unwrap())..=seeds).map(|seed| run(case(seed))).collect();
                all.sort_by(|a, b| a.goodput.total_cmp(&b.goodput));
                println!("{row} {stack} {:.2}", all[all.len() / 2].goodput);
                let sum = |of: fn(&Outcome) -> u64| all.iter().map(of).sum::<u64>() as f64;
                if loss > 0 {
                    let ratio = sum(|o| o.again) / sum(|o| o.lost);
                    println!("{row}-again {stack} {ratio:.3}");
                }
            }
        }
    }
}
