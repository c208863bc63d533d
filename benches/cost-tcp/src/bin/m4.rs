//! Measures in QEMU, where a clock tells how many instructions have run.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod image {
    use core::fmt::Write as _;

    use cost_tcp::smoltcp::{self, Memory};
    use cost_tcp::{ROWS, Row, Work, zonda};
    use firmware::{Console, Place, exit, instructions, stack_used, ticks};

    static MEMORY: Place<Memory> = Place::new();
    static DATA: Place<[u8; 65_535]> = Place::new();

    /// Tenths of an instruction per unit. The congestion window opens first.
    fn cost(row: Row, run: &mut dyn FnMut(u32)) -> u32 {
        run(8);
        let rounds = 10 + 100 / row.units();
        let mut sum = 0u64;
        for _ in 0..rounds {
            // The counter holds no more than a round.
            let before = ticks();
            run(1);
            sum += u64::from(instructions(before, ticks()));
        }
        (sum * 10 / u64::from(rounds * row.units())) as u32
    }

    fn line(name: &str, stack: &str, tenths: u32) {
        let _ = writeln!(Console, "{name} {stack} {}.{}", tenths / 10, tenths % 10);
    }

    #[unsafe(no_mangle)]
    extern "C" fn main() -> ! {
        let memory = MEMORY.put(Memory::new());
        let data = &mut DATA.put([0x55; 65_535])[..];
        for &(name, row) in ROWS {
            let mut tenths = 0;
            zonda::run(row, data, &mut |run| tenths = cost(row, run));
            line(name, "zonda", tenths);
            smoltcp::run(row, memory, data, &mut |run| tenths = cost(row, run));
            line(name, "smoltcp", tenths);
            if row.work == Work::Slices && row.quota == 4096 {
                let mut used = 0;
                zonda::run(row, data, &mut |run| used = stack_used(&mut || run(1)));
                line("stack-tcp", "zonda", used as u32 * 10);
                smoltcp::run(row, memory, data, &mut |run| {
                    used = stack_used(&mut || run(1));
                });
                line("stack-tcp", "smoltcp", used as u32 * 10);
            }
        }
        exit(true)
    }

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        let _ = writeln!(Console, "{info}");
        exit(false)
    }
}
