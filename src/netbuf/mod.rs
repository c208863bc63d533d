//! Packet memory: a pool of fixed-size blocks, and [`NetBuf`], an owned chain of views of them.
//!
//! Read [`pool`] for blocks, views and bounds; [`NetBuf`] for what can be done with a packet;
//! [`BufQueue`] for packets that wait; [`ByteQueue`] and
//! [`SendQueue`] for the bytes of a stream.

mod buf;
pub mod meta;
pub mod pool;
mod queue;
mod stream;

pub use buf::{Fragments, Shared, Straddle};
pub use meta::Meta;
pub use pool::{Charge, Limits, NetBuf, NetBufPool, NoBuffer, Pool, PoolStats, Purpose};
pub use queue::{BufQueue, Parked, Queued};
pub use stream::{ByteQueue, SendQueue};

#[cfg(test)]
mod tests;
