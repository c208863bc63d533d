//! The machine that runs the board: where text goes to, and how a run ends.

use core::cell::Cell;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use critical_section::Mutex;

/// What a board has of it.
#[derive(Clone, Copy)]
pub struct Host {
    /// Writes a text.
    pub write: fn(&str),
    /// Ends the run, well or not.
    pub exit: fn(bool) -> !,
}

static HOST: Mutex<Cell<Option<Host>>> = Mutex::new(Cell::new(None));

/// To be called before anything is said.
pub fn set(host: Host) {
    critical_section::with(|section| HOST.borrow(section).set(Some(host)));
}

fn host() -> Option<Host> {
    critical_section::with(|section| HOST.borrow(section).get())
}

struct Console(fn(&str));

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.0)(text);
        Ok(())
    }
}

/// Writes a line: see `say!`.
pub fn write_line(line: fmt::Arguments<'_>) {
    if let Some(host) = host() {
        // The console takes all.
        let _: fmt::Result = writeln!(Console(host.write), "{line}");
    }
}

/// Writes a line to the console.
#[macro_export]
macro_rules! say {
    ($($text:tt)+) => { $crate::host::write_line(::core::format_args!($($text)+)) };
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("{info}");
    if let Some(host) = host() {
        (host.exit)(false);
    }
    loop {}
}
