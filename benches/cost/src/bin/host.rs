//! Measures on this machine, under callgrind: it writes its counters away at each call of
//! [`mark`], and this program tells what was measured between two of them.

use cost::zonda::Blocks;
use cost::{IDLE, ROWS, Row, Work, smoltcp, zonda};

/// Where callgrind writes its counters away (`--dump-before=mark`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn mark() {
    std::hint::black_box(());
}

/// The two run lengths, in polls.
const LENGTHS: [u32; 2] = [20, 220];

fn measured(name: &str, stack: &str, row: Row, run: &mut dyn FnMut(u32)) {
    let [few, many] = LENGTHS;
    println!("{name} {stack} {}", (many - few) * row.batch);
    mark();
    run(few);
    mark();
    run(many);
    mark();
}

fn main() {
    let scale = std::env::args().any(|argument| argument == "scale");
    if scale {
        for idle in IDLE {
            let row = Row::new(Work::Receive, 64).idle(*idle);
            let name = format!("receive-64-idle-{idle}");
            zonda::run(row, Blocks::Large, &mut |run| {
                measured(&name, "zonda", row, run)
            });
            smoltcp::run(row, &mut |run| measured(&name, "smoltcp", row, run));
        }
        return;
    }
    for &(name, row) in ROWS {
        for (stack, blocks) in [("zonda", Blocks::Large), ("zonda-512", Blocks::Small)] {
            if row.work == Work::Echo && row.length > 400 && blocks == Blocks::Small {
                continue;
            }
            zonda::run(row, blocks, &mut |run| measured(name, stack, row, run));
            if row.work == Work::Echo {
                let stack = format!("{stack}-rewrite");
                zonda::rewritten(row, blocks, &mut |run| measured(name, &stack, row, run));
            }
        }
        smoltcp::run(row, &mut |run| measured(name, "smoltcp", row, run));
    }
}
