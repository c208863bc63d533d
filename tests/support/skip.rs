//! How a test says that it cannot run here: skipped is not passed.
//!
//! A test binary takes this file in at its root, before its other modules, with
//!
//! ```ignore
//! #[macro_use]
//! #[path = "support/skip.rs"]
//! mod skip;
//! ```

use std::fs::OpenOptions;
use std::io::Write;

/// Says why the test around it cannot run, and leaves it: `skip!("needs root")`.
#[allow(unused_macros)]
macro_rules! skip {
    ($($reason:tt)+) => {{
        // A closure is named after the function around it.
        $crate::skip::report(::std::any::type_name_of_val(&|| {}), &::std::format!($($reason)+));
        return;
    }};
}

/// Writes the skip of the test that `closure` is a closure of where `tests/run` counts it.
#[allow(dead_code)]
pub fn report(closure: &str, reason: &str) {
    let test = closure.trim_end_matches("::{{closure}}");
    println!("SKIPPED: {test}: {reason}");
    let Some(list) = std::env::var_os("ZONDA_SKIPPED") else {
        return;
    };
    let line = format!("{test}: {}\n", reason.replace('\n', " "));
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .and_then(|mut list| list.write_all(line.as_bytes()))
        .expect("ZONDA_SKIPPED names a file that can be written");
}
