//! An executor in thread mode that sleeps until an interrupt when nothing is to be done. QEMU takes
//! the usual way, to wait for an event, as a turn for others only, and would never rest.

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use device::apart;
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// A task has been woken since the last poll.
static WOKEN: AtomicBool = AtomicBool::new(false);

#[unsafe(export_name = "__pender")]
fn wake(_context: *mut ()) {
    WOKEN.store(true, Ordering::SeqCst);
}

/// Runs the tasks that `start` spawns. To be called once.
pub fn run(start: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init(raw::Executor::new(ptr::null_mut()));
    apart(|| start(executor.spawner()));
    loop {
        WOKEN.store(false, Ordering::SeqCst);
        // SAFETY: it is polled here only, and no task calls this.
        unsafe { executor.poll() };
        // An interrupt that comes in between is still there to end the sleep.
        critical_section::with(|_| {
            if !WOKEN.load(Ordering::SeqCst) {
                sleep();
            }
        });
    }
}

/// Waits for an interrupt, which is handled when interrupts are on again.
fn sleep() {
    #[cfg(target_arch = "arm")]
    cortex_m::asm::wfi();
    #[cfg(target_arch = "riscv32")]
    riscv::asm::wfi();
}
