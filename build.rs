//! Reads the sizes of the stack: `ZONDA_*` of the environment over the defaults of `src/config.rs`.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

struct Size {
    name: &'static str,
    default: u64,
    min: u64,
    max: u64,
}

macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident = $default:literal in $min:literal..=$max:literal;)*) => {
        const SIZES: &[Size] = &[
            $(Size { name: stringify!($name), default: $default, min: $min, max: $max }),*
        ];
    };
}

include!("src/config/sizes.rs");

fn main() {
    // Systems that run threads on several processors; all others have critical sections.
    println!("cargo::rustc-check-cfg=cfg(hosted)");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if ["linux", "macos", "windows", "freebsd", "android", "ios"].contains(&system.as_str()) {
        println!("cargo::rustc-cfg=hosted");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/config/sizes.rs");
    let mut out = String::new();
    for size in SIZES {
        let variable = format!("ZONDA_{}", size.name);
        println!("cargo::rerun-if-env-changed={variable}");
        let value = match env::var(&variable) {
            Err(_) => size.default,
            Ok(text) => match text.trim().parse::<u64>() {
                Ok(value) if (size.min..=size.max).contains(&value) => value,
                _ => {
                    println!(
                        "cargo::error={variable}={text:?} is not allowed: a number from {} to {} is (the default is {})",
                        size.min, size.max, size.default
                    );
                    size.default
                }
            },
        };
        writeln!(out, "pub(super) const {}: usize = {value};", size.name)
            .expect("a String takes all");
    }
    let directory = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&directory).join("sizes.rs"), out).expect("OUT_DIR is writable");
}
