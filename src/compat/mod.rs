//! The sockets in other dress: what programs that were written for other stacks expect.

#[cfg(feature = "bsd-sockets")]
pub mod bsd;
#[cfg(feature = "c-abi")]
pub mod c;
#[cfg(feature = "embedded-nal")]
pub mod nal;

/// A text with a zero at its end.
#[cfg(feature = "c-abi")]
macro_rules! c_text {
    ($text:literal) => {
        match core::ffi::CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        }
    };
}
#[cfg(feature = "c-abi")]
use c_text;
