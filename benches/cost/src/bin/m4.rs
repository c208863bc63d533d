//! Measures in QEMU, where a clock tells how many instructions have run.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod image {
    use core::fmt::Write as _;

    use cost::zonda::Blocks;
    use cost::{ROWS, Row, Work, smoltcp, zonda};
    use firmware::{Console, exit, instructions, stack_used, ticks};

    /// Tenths of an instruction per datagram, from two run lengths.
    fn cost(row: Row, with: impl FnOnce(Row, &mut dyn FnMut(&mut dyn FnMut(u32)))) -> u32 {
        let mut tenths = 0;
        with(row, &mut |run| {
            let mut count = |polls| {
                let before = ticks();
                run(polls);
                instructions(before, ticks())
            };
            let (few, many) = (count(8), count(208));
            tenths = (many - few) / 20 / row.batch;
        });
        tenths
    }

    fn line(name: &str, stack: &str, tenths: u32) {
        let _ = writeln!(Console, "{name} {stack} {}.{}", tenths / 10, tenths % 10);
    }

    #[unsafe(no_mangle)]
    extern "C" fn main() -> ! {
        for &(name, row) in ROWS {
            for (stack, blocks) in [("zonda", Blocks::Large), ("zonda-512", Blocks::Small)] {
                // What an echo puts back into the block is not in order where there are several.
                if row.work == Work::Echo && row.length > 400 && blocks == Blocks::Small {
                    continue;
                }
                let mut tenths = cost(row, |row, measure| zonda::run(row, blocks, measure));
                if row.work == Work::Echo {
                    tenths -= cost(row, |row, measure| zonda::rewritten(row, blocks, measure));
                }
                line(name, stack, tenths);
            }
            line(name, "smoltcp", cost(row, smoltcp::run));
        }
        for (name, work) in [("stack-receive", Work::Receive), ("stack-send", Work::Send)] {
            let row = Row::new(work, 64);
            let mut used = 0;
            zonda::run(row, Blocks::Large, &mut |run| {
                used = stack_used(&mut || run(1))
            });
            line(name, "zonda", used as u32 * 10);
            smoltcp::run(row, &mut |run| used = stack_used(&mut || run(1)));
            line(name, "smoltcp", used as u32 * 10);
        }
        exit(true)
    }

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        let _ = writeln!(Console, "{info}");
        exit(false)
    }
}
