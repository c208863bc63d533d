//! The clock of embassy-time on the machine timer of QEMU's `virt` machine, which counts to the
//! deadline and interrupts then.

use core::cell::RefCell;
use core::ptr::{read_volatile, write_volatile};
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

const BASE: usize = 0x0200_0000;
/// When the timer interrupts, and its count: 64 bits each, the low half first.
const COMPARE: *mut u32 = (BASE + 0x4000) as *mut u32;
const COUNT: *const u32 = (BASE + 0xbff8) as *const u32;
/// Counts in a microsecond.
const COUNTS: u64 = 10;

struct Clock {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Sets when the timer interrupts next.
fn set_alarm(at: u64, _section: CriticalSection<'_>) {
    let count = at.saturating_mul(COUNTS);
    // SAFETY: registers of the timer, which nothing else writes to. In between it is late, not early.
    unsafe {
        write_volatile(COMPARE.add(1), u32::MAX);
        write_volatile(COMPARE, count as u32);
        write_volatile(COMPARE.add(1), (count >> 32) as u32);
    }
}

impl Clock {
    /// Wakes those whose time has come. An alarm in the past is one at once.
    fn advance(&self, section: CriticalSection<'_>) {
        let next = self
            .queue
            .borrow_ref_mut(section)
            .next_expiration(self.now());
        set_alarm(next, section);
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        loop {
            // SAFETY: registers of the timer.
            let [high, low, again] = unsafe {
                [
                    read_volatile(COUNT.add(1)),
                    read_volatile(COUNT),
                    read_volatile(COUNT.add(1)),
                ]
            };
            if high == again {
                return (u64::from(high) << 32 | u64::from(low)) / COUNTS;
            }
        }
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            let earlier = self.queue.borrow_ref_mut(section).schedule_wake(at, waker);
            if earlier {
                self.advance(section);
            }
        });
    }
}

/// For the handler of the machine timer's interrupt.
pub fn interrupt() {
    critical_section::with(|section| CLOCK.advance(section));
}
