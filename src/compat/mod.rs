//! The sockets in other dress: what programs that were written for other stacks expect.

#[cfg(feature = "embedded-nal")]
pub mod nal;
