//! Measures on this machine, under callgrind: see the program of the package `cost`.

use cost_tcp::smoltcp::{self, Memory};
use cost_tcp::{ROWS, Row, zonda};

/// Where callgrind writes its counters away (`--dump-before=mark`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn mark() {
    std::hint::black_box(());
}

/// The two run lengths, in rounds.
const LENGTHS: [u32; 2] = [20, 120];

fn measured(name: &str, stack: &str, row: Row, run: &mut dyn FnMut(u32)) {
    let [few, many] = LENGTHS;
    println!("{name} {stack} {}", (many - few) * row.units());
    // The congestion window opens first.
    run(8);
    mark();
    run(few);
    mark();
    run(many);
    mark();
}

fn main() {
    static mut MEMORY: Memory = Memory::new();
    // SAFETY: the one reference to it.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    let mut data = vec![0x55; 65_535];
    for &(name, row) in ROWS {
        zonda::run(row, &mut data, &mut |run| measured(name, "zonda", row, run));
        smoltcp::run(row, memory, &mut data, &mut |run| {
            measured(name, "smoltcp", row, run);
        });
    }
}
