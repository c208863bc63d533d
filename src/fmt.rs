//! Logging through `defmt`, `log`, or nothing: the only file that knows which.

#![allow(unused_macros)]

// rustfmt would indent the inner macro further each time it runs.
#[rustfmt::skip]
macro_rules! level {
    ($name:ident, $d:tt) => {
        macro_rules! $name {
            ($d($d arg:expr),* $d(,)?) => {{
                #[cfg(feature = "defmt")]
                ::defmt::$name!($d($d arg),*);
                #[cfg(all(feature = "log", not(feature = "defmt")))]
                ::log::$name!($d($d arg),*);
                #[cfg(not(any(feature = "defmt", feature = "log")))]
                { let _ = ($d(&$d arg),*); }
            }};
        }
    };
}

level!(trace, $);
level!(debug, $);
level!(info, $);
level!(error, $);

macro_rules! warning {
    ($($arg:expr),* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::warn!($($arg),*);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        ::log::warn!($($arg),*);
        #[cfg(not(any(feature = "defmt", feature = "log")))]
        { let _ = ($(&$arg),*); }
    }};
}
