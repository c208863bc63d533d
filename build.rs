//! Reads the sizes of the stack: `ZONDA_*` of the environment over the defaults of
//! `src/config/sizes.rs`. A value out of range is a build error that says what is allowed.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

/// A number that can be set at build time.
pub struct Size {
    /// Its name in `zonda::config`.
    pub name: &'static str,
    /// What it is where the environment is silent.
    pub default: u64,
    /// The smallest value allowed.
    pub min: u64,
    /// The largest value allowed.
    pub max: u64,
}

macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident = $default:literal in $min:literal..=$max:literal;)*) => {
        /// All of them.
        pub const SIZES: &[Size] = &[
            $(Size { name: stringify!($name), default: $default, min: $min, max: $max }),*
        ];
    };
}

include!("src/config/sizes.rs");

impl Size {
    /// The variable of the environment that overrides the default.
    pub fn variable(&self) -> String {
        format!("ZONDA_{}", self.name)
    }

    /// The value that the environment chooses, or what is wrong with it.
    pub fn choose(&self, text: Option<&str>) -> Result<u64, String> {
        let Self {
            name,
            default,
            min,
            max,
        } = *self;
        match text.map(|text| text.trim().parse()) {
            None => Ok(default),
            Some(Ok(value)) if (min..=max).contains(&value) => Ok(value),
            Some(_) => Err(format!(
                "ZONDA_{name}={:?} is not allowed: a number from {min} to {max} is (the default is {default})",
                text.unwrap_or_default(),
            )),
        }
    }
}

fn main() {
    // Systems that run threads on several processors; all others have critical sections.
    println!("cargo::rustc-check-cfg=cfg(hosted)");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if ["linux", "macos", "windows", "freebsd", "android", "ios"].contains(&system.as_str()) {
        println!("cargo::rustc-cfg=hosted");
    }
    // Arm, but for the smallest cores: several words are moved by one instruction, whatever the registers.
    println!("cargo::rustc-check-cfg=cfg(load_multiple)");
    let target = env::var("TARGET").unwrap_or_default();
    let is_small = target.starts_with("thumbv6") || target.starts_with("thumbv8m.base");
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "arm") && !is_small {
        println!("cargo::rustc-cfg=load_multiple");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/config/sizes.rs");
    // Either IP version: what stands on the internet layer needs one of them.
    println!("cargo::rustc-check-cfg=cfg(ip)");
    if env::var_os("CARGO_FEATURE_IPV4").is_some() || env::var_os("CARGO_FEATURE_IPV6").is_some() {
        println!("cargo::rustc-cfg=ip");
    }
    // A link layer with addresses: there are neighbours to be resolved.
    println!("cargo::rustc-check-cfg=cfg(neighbors)");
    if env::var_os("CARGO_FEATURE_ETHERNET").is_some() {
        println!("cargo::rustc-cfg=neighbors");
    }
    // Devices with drivers for other stacks, which have much in common.
    println!("cargo::rustc-check-cfg=cfg(foreign_device)");
    if env::var_os("CARGO_FEATURE_DRIVER_EMBASSY_NET").is_some()
        || env::var_os("CARGO_FEATURE_DRIVER_XARXA").is_some()
    {
        println!("cargo::rustc-cfg=foreign_device");
    }
    // Something looks at the packets that pass between ports and stack.
    println!("cargo::rustc-check-cfg=cfg(gated)");
    let is_on = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if is_on("PACKET_SOCKETS") || is_on("RAW_SOCKETS") || is_on("PACKET_FILTER") {
        println!("cargo::rustc-cfg=gated");
    }
    // Something tells of servers and search domains for names, and somebody may want to know.
    println!("cargo::rustc-check-cfg=cfg(names)");
    let by_dhcp = is_on("DHCPV4_CLIENT") || is_on("DHCPV6_CLIENT");
    if is_on("ROUTER_DISCOVERY") || is_on("DNS") && by_dhcp {
        println!("cargo::rustc-cfg=names");
    }
    let mut out = String::new();
    for size in SIZES {
        let variable = size.variable();
        println!("cargo::rerun-if-env-changed={variable}");
        // Text that is not Unicode is no number: it ends as any other wrong value.
        let text = env::var_os(&variable).map(|text| text.to_string_lossy().into_owned());
        let value = size.choose(text.as_deref()).unwrap_or_else(|problem| {
            println!("cargo::error={problem}");
            size.default
        });
        writeln!(out, "pub(super) const {}: usize = {value};", size.name)
            .expect("a String takes all");
    }
    // Whether it is a name is looked at where it becomes one (`src/iface/hostname.rs`).
    println!("cargo::rerun-if-env-changed=ZONDA_HOSTNAME");
    let name = env::var_os("ZONDA_HOSTNAME").unwrap_or("zonda".into());
    let name = name.to_string_lossy();
    writeln!(out, "pub(super) const HOSTNAME: &str = {name:?};").expect("a String takes all");
    let directory = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&directory).join("sizes.rs"), out).expect("OUT_DIR is writable");
}
