//! Every build-time number of the stack, and its name.
//!
//! A number has a default, a range, and an override in the environment: `ZONDA_NEIGHBORS=16`
//! sets [`NEIGHBORS`]. Put overrides into the `[env]` table of a firmware's
//! `.cargo/config.toml`. A value out of range is a build error that says what is allowed.
//! What each costs in RAM is listed in `docs/configuration.md`.

mod chosen {
    include!(concat!(env!("OUT_DIR"), "/sizes.rs"));
}

macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident = $default:literal in $min:literal..=$max:literal;)*) => {
        $(
            $(#[$doc])*
            #[doc = concat!("\n\nDefault ", $default, ", from ", $min, " to ", $max,
                "; `ZONDA_", stringify!($name), "`.")]
            pub const $name: usize = chosen::$name;
        )*
    };
}

include!("sizes.rs");

/// The name that a host has at first (feature `hostname`): 1 to 63 letters, digits and inner
/// hyphens.
///
/// Default `zonda`; `ZONDA_HOSTNAME`.
pub const HOSTNAME: &str = chosen::HOSTNAME;
