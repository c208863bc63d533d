//! Whom blocks are charged to, what they are wanted for, and how many there are.

use core::fmt;

/// Whom a fragment is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Charge {
    /// Nobody: it is in a driver's ring or on its way through the stack.
    Flow = 0,
    /// Received, and held where it may stay for long.
    Held = 1,
    /// Written to be sent, and not yet done with.
    Send = 2,
}

/// What a block is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Purpose {
    /// A data block to receive into.
    Receive,
    /// A data block to send from, within the bound of [`Limits::send`].
    Send,
    /// A header block to stand in front of shared data.
    Header,
    /// A header block, from the reserve if need be, or a data block: for packets without which
    /// the stack cannot go on (ARP, ND, acknowledgements).
    Control,
}

/// There is no block, or no view, for this purpose now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoBuffer;

impl fmt::Display for NoBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no packet buffer is free for this purpose")
    }
}

impl core::error::Error for NoBuffer {}

/// How many blocks may stay where. See [`pool`](crate::netbuf::pool) for the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Data blocks that may be charged as held.
    pub held: u16,
    /// Data blocks that may be charged as sent.
    pub send: u16,
    /// Header blocks that only [`Purpose::Control`] may take.
    pub control: u16,
}

/// The state of a pool, counted in blocks and views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PoolStats {
    /// Data blocks there are.
    pub blocks: u16,
    /// Data blocks in use.
    pub blocks_used: u16,
    /// The fewest data blocks that were ever free.
    pub blocks_low: u16,
    /// Header blocks there are.
    pub headers: u16,
    /// Header blocks in use.
    pub headers_used: u16,
    /// The fewest header blocks that were ever free.
    pub headers_low: u16,
    /// Spare views there are.
    pub views: u16,
    /// Spare views in use.
    pub views_used: u16,
    /// The fewest spare views that were ever free.
    pub views_low: u16,
    /// Blocks charged as held.
    pub held: u16,
    /// Blocks charged as sent.
    pub sent: u16,
    /// Times that there was no block to receive into.
    pub receive_failures: u32,
    /// Times that there was no block to send from, or the bound was reached.
    pub send_failures: u32,
    /// Times that there was no header block for data.
    pub header_failures: u32,
    /// Times that there was no block for a control packet.
    pub control_failures: u32,
    /// Times that there was no spare view.
    pub view_failures: u32,
    /// Times that a packet could not be held because the bound was reached.
    pub held_failures: u32,
}

impl PoolStats {
    pub(super) const NEW: Self = Self {
        blocks: 0,
        blocks_used: 0,
        blocks_low: 0,
        headers: 0,
        headers_used: 0,
        headers_low: 0,
        views: 0,
        views_used: 0,
        views_low: 0,
        held: 0,
        sent: 0,
        receive_failures: 0,
        send_failures: 0,
        header_failures: 0,
        control_failures: 0,
        view_failures: 0,
        held_failures: 0,
    };
}
