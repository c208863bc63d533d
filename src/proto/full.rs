//! What a message has no room for.

/// There is no room for an option. What was there before is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageFull;

impl core::fmt::Display for MessageFull {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the message is full")
    }
}

impl core::error::Error for MessageFull {}
