//! The core of the stack and what it is made of.

// Until the core stands on them.
#![allow(dead_code)]

mod timers;
mod waiters;
