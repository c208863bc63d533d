//! The C interface: BSD sockets for programs in C, with `zonda.h` beside this file.
//!
//! There is one stack for the whole program. [`zonda_init`] makes it in memory that the program
//! lends, [`zonda_attach`] gives it an interface whose driver is a table of functions, and the
//! sockets are those of [`bsd`](super::bsd): the same calls, numbers and errors, with `zonda_` in
//! front. A call that waits drives the stack and the drivers meanwhile; where none does
//! [`zonda_run`] and [`zonda_turn`] do.
//!
//! The calls are for one thread, or under a lock of the program. A second call at the same time, or
//! one from a driver or an interrupt, fails with `EBUSY` and does nothing; from the function that
//! waits for the program any call may be made. Pointers are looked at as far as that is possible:
//! those that are null, those of lists that are not aligned and those with impossible lengths give
//! an errno. What else a pointer is, is up to the program: it points to what the header says, and
//! nothing else uses that until the call returns.
//!
//! Nothing here panics, and nothing would get out: a panic in a function that C calls ends the
//! program.
//!
//! The folder `examples/c` makes a library of this that programs are linked with.

#![allow(unsafe_code)]

/// Functions that C calls.
macro_rules! calls {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($($arguments:tt)*) $(-> $result:ty)? $body:block
    )*) => {$(
        $(#[$attribute])*
        // SAFETY: names that begin so are left to this library.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($arguments)*) $(-> $result)? $body
    )*};
}

mod address;
mod driver;
mod gate;
mod interfaces;
mod layout;
mod lookup;
mod messages;
mod options;
mod platform;
mod pointers;
mod polls;
#[cfg(feature = "dhcpv4-client")]
mod service;
mod sockets;
mod text;
mod world;

#[cfg(all(test, feature = "std"))]
mod tests;

pub use address::*;
pub use driver::{MEDIUM_ETHERNET, MEDIUM_IP};
pub use gate::zonda_errno;
pub use interfaces::*;
pub use layout::*;
pub use lookup::*;
pub use messages::*;
pub use options::*;
pub use platform::*;
pub use pointers::{Bytes, In, List, Out, Plain, Room, Text};
pub use polls::*;
#[cfg(feature = "dhcpv4-client")]
pub use service::*;
pub use sockets::*;
pub use text::*;
