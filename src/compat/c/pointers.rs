//! What C passes by pointer. All that can be checked is checked here.
//!
//! Each type is a pointer to C, and has in Rust a constructor that is unsafe. Whoever makes one
//! promises what the header asks of a program: that it is null or points to what it says, for as
//! long as the call takes, and that nothing else writes to that, or reads what is written to.

use core::ffi::{CStr, c_char, c_void};
use core::{ptr, slice};

use crate::compat::bsd::Errno;

/// Bytes of the longest text that is taken, with its end.
const TEXT: usize = 1025;

/// What any bytes make a value of.
///
/// # Safety
///
/// So it is.
pub unsafe trait Plain: Copy {}

// SAFETY: all of these are numbers.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}

macro_rules! pointers {
    ($($(#[$doc:meta])* $name:ident$(<$target:ident>)?: $pointer:ty;)*) => {$(
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug)]
        pub struct $name$(<$target>)?($pointer);

        impl$(<$target>)? $name$(<$target>)? {
            /// Takes a pointer from C.
            ///
            /// # Safety
            ///
            /// It is null, or of what the name says for as long as this is used.
            pub const unsafe fn new(pointer: $pointer) -> Self {
                Self(pointer)
            }

            /// Whether it points nowhere.
            pub(super) const fn is_null(&self) -> bool {
                self.0.is_null()
            }
        }
    )*};
}

pointers! {
    /// A structure, or several, to be read.
    In<T>: *const T;
    /// A structure to be written.
    Out<T>: *mut T;
    /// Structures that stand behind one another, to be read and written.
    List<T>: *mut T;
    /// Bytes to be read.
    Bytes: *const c_void;
    /// Bytes to be written.
    Room: *mut c_void;
    /// A text with a zero at its end.
    Text: *const c_char;
}

impl<T: Plain> In<T> {
    /// The structure.
    pub(super) fn get(&self) -> Result<T, Errno> {
        self.at(0)
    }

    /// The structure at a place of several.
    pub(super) fn at(&self, place: usize) -> Result<T, Errno> {
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: it is not null, so it points to structures, of which the caller says how many there
        // are. They may stand anywhere.
        Ok(unsafe { self.0.wrapping_add(place).read_unaligned() })
    }
}

impl<T> In<T> {
    /// The pointer, to see whether it is one of ours.
    pub(super) const fn as_ptr(&self) -> *const T {
        self.0
    }
}

impl<T: Plain> Out<T> {
    pub(super) fn get(&self) -> Result<T, Errno> {
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: it is not null, so it points to a structure, which may stand anywhere.
        Ok(unsafe { self.0.read_unaligned() })
    }
}

impl<T> Out<T> {
    pub(super) fn put(&self, value: T) -> Result<(), Errno> {
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: it is not null, so there is room for a structure, which may stand anywhere.
        unsafe { self.0.write_unaligned(value) };
        Ok(())
    }
}

/// Whether so many things of `T` can stand there, which is somewhere.
fn check<T>(pointer: *const T, count: usize) -> Result<(), Errno> {
    let length = count.checked_mul(size_of::<T>()).ok_or(Errno::EINVAL)?;
    if length > isize::MAX as usize {
        return Err(Errno::EINVAL);
    }
    if pointer.is_aligned() && pointer.addr().checked_add(length).is_some() {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

impl<T: Plain> List<T> {
    pub(super) fn slice(&mut self, count: usize) -> Result<&mut [T], Errno> {
        if count == 0 {
            return Ok(&mut []);
        }
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        check(self.0, count)?;
        // SAFETY: it is checked as far as that goes, and for the rest as promised to `new`.
        Ok(unsafe { slice::from_raw_parts_mut(self.0, count) })
    }
}

impl Bytes {
    pub(super) fn slice(&self, length: usize) -> Result<&[u8], Errno> {
        if length == 0 {
            return Ok(&[]);
        }
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        let pointer = self.0.cast::<u8>();
        check(pointer, length)?;
        // SAFETY: it is checked as far as that goes, and for the rest as promised to `new`.
        Ok(unsafe { slice::from_raw_parts(pointer, length) })
    }

    /// The first bytes, of a fixed number.
    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], Errno> {
        let bytes = self.slice(N)?;
        bytes.first_chunk().copied().ok_or(Errno::EFAULT)
    }
}

impl Room {
    pub(super) fn slice(&mut self, length: usize) -> Result<&mut [u8], Errno> {
        if length == 0 {
            return Ok(&mut []);
        }
        if self.is_null() {
            return Err(Errno::EFAULT);
        }
        let pointer = self.0.cast::<u8>();
        check(pointer, length)?;
        // SAFETY: it is checked as far as that goes, and for the rest as promised to `new`.
        Ok(unsafe { slice::from_raw_parts_mut(pointer, length) })
    }

    /// Writes a text with its end; `ENOSPC` if there is no room for it.
    pub(super) fn put_text(&mut self, length: usize, text: &str) -> Result<(), Errno> {
        let to = self.slice(length)?;
        let (to, end) = to.split_at_mut_checked(text.len()).ok_or(Errno::ENOSPC)?;
        *end.first_mut().ok_or(Errno::ENOSPC)? = 0;
        to.copy_from_slice(text.as_bytes());
        Ok(())
    }

    /// Where it is, as a text.
    pub(super) const fn text(&self) -> *const c_char {
        self.0.cast_const().cast()
    }

    /// The address, to see whether two are of the same bytes.
    pub(super) fn addr(&self) -> usize {
        self.0.addr()
    }
}

impl Text {
    /// The text; `None` if there is none.
    pub(super) fn get(&self) -> Result<Option<&str>, Errno> {
        if self.is_null() {
            return Ok(None);
        }
        for length in 0..TEXT {
            // SAFETY: none of the bytes in front of this one has been the end of the text.
            if unsafe { self.0.wrapping_add(length).read() } != 0 {
                continue;
            }
            // SAFETY: these are the bytes that were read just now.
            let bytes = unsafe { slice::from_raw_parts(self.0.cast::<u8>(), length + 1) };
            let text = CStr::from_bytes_until_nul(bytes).map_err(|_| Errno::EINVAL)?;
            return text.to_str().map(Some).map_err(|_| Errno::EINVAL);
        }
        Err(Errno::EINVAL)
    }

    /// The text; `EFAULT` if there is none.
    pub(super) fn need(&self) -> Result<&str, Errno> {
        self.get()?.ok_or(Errno::EFAULT)
    }
}

/// Memory from the program, where there is room for a `T` behind what its alignment takes.
pub(super) fn place_for<T>(memory: &Room, size: usize) -> Result<*mut T, Errno> {
    if memory.is_null() {
        return Err(Errno::EFAULT);
    }
    let start = memory.0.cast::<u8>();
    let skip = start.align_offset(align_of::<T>());
    match skip.checked_add(size_of::<T>()) {
        Some(needed) if needed <= size => {
            let place = start.wrapping_add(skip).cast::<T>();
            if place.is_null() {
                return Err(Errno::EFAULT);
            }
            Ok(place)
        }
        _ => Err(Errno::ENOMEM),
    }
}

/// Points nowhere.
pub(super) const NOWHERE: *mut c_void = ptr::null_mut();
