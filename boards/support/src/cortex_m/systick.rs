//! The clock of embassy-time on SysTick, which interrupts once in a millisecond: wake-ups are late by
//! at most that, and the time in between is read from the counter.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::Peripherals;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

/// Microseconds from one interrupt to the next.
const PERIOD: u64 = 1000;

struct Clock {
    /// Microseconds up to the last interrupt.
    passed: Mutex<Cell<u64>>,
    /// Counts of SysTick in a microsecond.
    counts: Mutex<Cell<u32>>,
    /// When the first of those in the queue is to be woken.
    next: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    passed: Mutex::new(Cell::new(0)),
    counts: Mutex::new(Cell::new(1)),
    next: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts the clock, on a processor of so many megahertz. To be called once, before it is asked.
pub fn start(megahertz: u32) {
    critical_section::with(|section| CLOCK.counts.borrow(section).set(megahertz));
    let mut timer = Peripherals::take().expect("started once").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(megahertz * PERIOD as u32 - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

impl Clock {
    fn time(&self, section: CriticalSection<'_>) -> u64 {
        let mut passed = self.passed.borrow(section).get();
        let mut left = SYST::get_current();
        // The counter has begun anew, and the interrupt waits for this section to end.
        if SCB::is_pendst_pending() {
            passed += PERIOD;
            left = SYST::get_current();
        }
        let counts = self.counts.borrow(section).get();
        let period = counts * PERIOD as u32;
        passed + u64::from((period - 1).saturating_sub(left) / counts)
    }

    /// Wakes those whose time has come.
    fn advance(&self, section: CriticalSection<'_>) {
        let mut queue = self.queue.borrow_ref_mut(section);
        let next = queue.next_expiration(self.time(section));
        self.next.borrow(section).set(next);
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.time(section))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            let earlier = (self.queue.borrow_ref_mut(section)).schedule_wake(at, waker);
            if earlier {
                self.advance(section);
            }
        });
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let passed = CLOCK.passed.borrow(section);
        passed.set(passed.get() + PERIOD);
        if CLOCK.next.borrow(section).get() <= passed.get() {
            CLOCK.advance(section);
        }
    });
}
