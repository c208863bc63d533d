//! The sockets in other dress: what programs that were written for other stacks expect.

#[cfg(feature = "bsd-sockets")]
pub mod bsd;
#[cfg(feature = "embedded-nal")]
pub mod nal;
