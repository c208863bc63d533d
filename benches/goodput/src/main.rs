//! Goodput of a bulk transfer over 100 Mbit/s and 5 ms each way, with losses in both directions:
//! the medians of eleven seeds. Each line: row, stack, Mbit/s; `-again` rows: bytes sent again for
//! each that was lost. Arguments: a stack, if only one is wanted; another number of seeds. With
//! `TRACE` in the environment the packets are printed.

mod link;
mod peer;
mod zonda;

use link::{Case, Outcome};

fn main() {
    let only = std::env::args().nth(1);
    let seeds = std::env::args()
        .nth(2)
        .map_or(11, |seeds| seeds.parse().expect("a number"));
    for window in [65_536, 16_384] {
        for loss in [0, 10, 50] {
            let octets = if loss < 50 { 4 << 20 } else { 1 << 20 };
            let row = format!("window-{}k-loss-{}", window >> 10, loss / 10);
            let stacks: [(&str, fn(Case) -> Outcome); 2] =
                [("zonda", zonda::run), ("smoltcp", peer::run)];
            for (stack, run) in stacks {
                if only
                    .as_ref()
                    .is_some_and(|only| only != "all" && only != stack)
                {
                    continue;
                }
                let case = |seed| Case {
                    octets,
                    window,
                    loss,
                    seed,
                };
                let mut all: Vec<_> = (1..=seeds).map(|seed| run(case(seed))).collect();
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
