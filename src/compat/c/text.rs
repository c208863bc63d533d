//! What numbers of errors mean, as text.

use core::ffi::{CStr, c_char, c_int};

use super::lookup::{EAI_MEMORY, EAI_SYSTEM};
use crate::compat::bsd::{Eai, Errno};

calls! {
    /// What an errno means.
    fn zonda_strerror(error: c_int) -> *const c_char {
        let known = Errno::ALL.iter().find(|known| **known as c_int == error);
        known.map_or(c"no such error", |known| known.text()).as_ptr()
    }

    /// What a result of [`zonda_getaddrinfo`](super::zonda_getaddrinfo) means (RFC 3493 §6.1).
    fn zonda_gai_strerror(error: c_int) -> *const c_char {
        let text: &CStr = match error {
            0 => c"no error",
            EAI_MEMORY => c"no place for the result",
            EAI_SYSTEM => c"errno says why",
            error => {
                let known = Eai::ALL.iter().find(|known| **known as c_int == error);
                known.map_or(c"no such error", |known| known.text())
            }
        };
        text.as_ptr()
    }
}
