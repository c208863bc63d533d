//! The options of a TCP header: RFC 9293 §3.1 and §3.2, RFC 7323 §2.2 (Window Scale), §3.2
//! (Timestamps) and appendix A (their layout), RFC 2018 §2 and §3 (selective acknowledgment).

use super::{Bytes, Malformed, tcp::MAXIMUM_OPTIONS};
use crate::checksum::Sum;

/// The option kinds. All but the first two are followed by a length that counts the kind and
/// itself.
pub mod kind {
    /// The list ends here; the rest is padding (RFC 9293 §3.2).
    pub const END: u8 = 0;
    /// Nothing, to align what follows (RFC 9293 §3.2).
    pub const NO_OPERATION: u8 = 1;
    /// Maximum Segment Size (RFC 9293 §3.2).
    pub const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    /// Window Scale (RFC 7323 §2.2).
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK-Permitted (RFC 2018 §2).
    pub const SACK_PERMITTED: u8 = 4;
    /// SACK (RFC 2018 §3).
    pub const SACK: u8 = 5;
    /// Timestamps (RFC 7323 §3.2).
    pub const TIMESTAMPS: u8 = 8;
    /// MD5 Signature (RFC 2385 §3.0): skipped.
    pub const MD5_SIGNATURE: u8 = 19;
    /// User Timeout (RFC 5482 §3.3): skipped.
    pub const USER_TIMEOUT: u8 = 28;
    /// Authentication Option (RFC 5925 §2.2): skipped.
    pub const AUTHENTICATION: u8 = 29;
    /// Fast Open Cookie (RFC 7413 §4.1.1): skipped.
    pub const FAST_OPEN: u8 = 34;
}

/// The lengths of the options with a fixed one.
mod length {
    pub(super) const MAXIMUM_SEGMENT_SIZE: u8 = 4;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 2;
    pub(super) const TIMESTAMPS: u8 = 10;
}

/// The highest shift count of a window (RFC 7323 §2.3).
pub const MAXIMUM_WINDOW_SCALE: u8 = 14;
/// The most blocks of a SACK option (RFC 2018 §3); beside timestamps one less has space.
pub const MAXIMUM_SACK_BLOCKS: usize = 4;
/// Octets that timestamps take in every segment, their padding included (RFC 7323 appendix A).
pub const TIMESTAMPS_LENGTH: usize = 12;

/// Octets of a SACK block.
const BLOCK: usize = 8;
/// What puts the fields behind a kind and a length on a boundary of four octets.
const PADDING: [u8; 2] = [kind::NO_OPERATION; 2];
/// What stands in front of the times where timestamps come alone (RFC 7323 appendix A).
const PLAIN_TIMESTAMPS: [u8; 4] = [
    kind::NO_OPERATION,
    kind::NO_OPERATION,
    kind::TIMESTAMPS,
    length::TIMESTAMPS,
];

/// The options of a received segment.
///
/// An option that is there twice counts as it was last. Which of them a segment may carry is the
/// reader's to know: outside of a SYN there is no meaning in `mss`, `window_scale` (RFC 7323
/// §2.2) and `sack_permitted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpOptions<'a> {
    /// Maximum Segment Size in octets of data, as it was sent: zero is among what can come.
    pub mss: Option<u16>,
    /// Window Scale: the shift count, which counts as 14 if it is larger (RFC 7323 §2.3).
    pub window_scale: Option<u8>,
    /// SACK-Permitted.
    pub sack_permitted: bool,
    /// Timestamps: TSval, and TSecr, which means something with ACK only (RFC 7323 §3.2).
    pub timestamps: Option<(u32, u32)>,
    /// SACK.
    pub sack: SackBlocks<'a>,
    /// Whether an option has a length that it cannot have. What stood in front of it is here, the
    /// others are not. Resetting the connection is one answer (RFC 9293 §3.1, MUST-7).
    pub malformed: bool,
}

impl<'a> TcpOptions<'a> {
    /// Reads the options behind the fixed part of a header; what is beyond 40 octets is none.
    ///
    /// Options that are not known are skipped by their length (RFC 9293 §3.1, MUST-6).
    pub fn parse(options: &'a [u8]) -> Self {
        // What nearly every segment of a connection with timestamps has (RFC 7323 appendix A).
        if let Ok(options) = options.try_into()
            && let Some(found) = TcpOptions::timestamps_alone(options)
        {
            return found;
        }
        let mut found = Self::default();
        let mut rest = options.get(..MAXIMUM_OPTIONS).unwrap_or(options);
        loop {
            rest = match *rest {
                [] | [kind::END, ..] => break,
                [kind::NO_OPERATION, ref next @ ..] => next,
                [kind, length, ref next @ ..] => {
                    // At least two, or it would not cover itself.
                    let data = usize::from(length).checked_sub(2);
                    let split = data.and_then(|data| next.split_at_checked(data));
                    match split.and_then(|(data, next)| found.take(kind, data).map(|()| next)) {
                        Some(next) => next,
                        None => return found.malformed(),
                    }
                }
                [_] => return found.malformed(),
            }
        }
        found
    }

    /// Options that are timestamps and nothing else, in the layout of RFC 7323 appendix A.
    #[inline]
    pub(crate) fn timestamps_alone(
        options: &[u8; TIMESTAMPS_LENGTH],
    ) -> Option<TcpOptions<'static>> {
        let [a, b, c, d, times @ ..] = *options;
        ([a, b, c, d] == PLAIN_TIMESTAMPS).then(|| TcpOptions {
            timestamps: Some(pair(&times)),
            ..TcpOptions::default()
        })
    }

    /// Takes what stands behind the length of one option, or says that it cannot be that long.
    fn take(&mut self, kind: u8, data: &'a [u8]) -> Option<()> {
        match kind {
            kind::MAXIMUM_SEGMENT_SIZE => {
                self.mss = Some(u16::from_be_bytes(data.try_into().ok()?));
            }
            kind::WINDOW_SCALE => {
                let &[shift] = <&[u8; 1]>::try_from(data).ok()?;
                self.window_scale = Some(shift.min(MAXIMUM_WINDOW_SCALE));
            }
            kind::SACK_PERMITTED => {
                let [] = <&[u8; 0]>::try_from(data).ok()?;
                self.sack_permitted = true;
            }
            kind::SACK => {
                let (blocks @ [_, ..], []) = data.as_chunks::<BLOCK>() else {
                    return None;
                };
                self.sack = SackBlocks(blocks);
            }
            kind::TIMESTAMPS => self.timestamps = Some(pair(data.try_into().ok()?)),
            _ => {}
        }
        Some(())
    }

    fn malformed(self) -> Self {
        Self {
            malformed: true,
            ..self
        }
    }
}

/// The blocks of a SACK option: up to four, the one reported first in front (RFC 2018 §4).
///
/// Each is its left edge, the first sequence number in it, and its right edge, the first behind it.
/// That the right edge is behind the left one, and both in the window, is left to be checked.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SackBlocks<'a>(&'a [[u8; BLOCK]]);

impl<'a> SackBlocks<'a> {
    /// How many blocks there are: four at most.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, or no SACK option.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The left and the right edges.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + Clone + 'a {
        self.0.iter().map(pair)
    }
}

impl core::fmt::Debug for SackBlocks<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Writes the options of nearly every segment of a connection with timestamps: their sum.
#[cfg(all(ip, feature = "tcp"))]
#[inline]
pub(crate) fn write_timestamps(
    to: &mut [u8; TIMESTAMPS_LENGTH],
    value: u32,
    echo_reply: u32,
) -> Sum {
    let ([kinds, first, second], _) = to.as_chunks_mut() else {
        return Sum::ZERO;
    };
    (*kinds, *first, *second) = (
        PLAIN_TIMESTAMPS,
        value.to_be_bytes(),
        echo_reply.to_be_bytes(),
    );
    Sum::ZERO
        .add_u32(u32::from_be_bytes(PLAIN_TIMESTAMPS))
        .add_u32(value)
        .add_u32(echo_reply)
}

/// Two fields of four octets.
fn pair(octets: &[u8; BLOCK]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *octets;
    (
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    )
}

/// Up to 40 octets of options, copied out of a segment or composed for one. Aligned, so that it is
/// copied by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(4))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TcpOptionSpace {
    /// Zero behind `length`.
    octets: [u8; MAXIMUM_OPTIONS],
    /// A multiple of four in what is composed here.
    length: u8,
}

impl TcpOptionSpace {
    /// No options.
    pub const NONE: Self = Self {
        octets: [0; MAXIMUM_OPTIONS],
        length: 0,
    };

    /// Copies `length` octets of options out of a segment, from `offset` on.
    ///
    /// [`Malformed::Length`] if they are more than 40, [`Malformed::Truncated`] if they are not
    /// all there. What they say is not looked at.
    pub fn read<B: Bytes + ?Sized>(
        from: &B,
        offset: usize,
        length: usize,
    ) -> Result<Self, Malformed> {
        let mut space = Self::NONE;
        space.fill(from, offset, length)?;
        Ok(space)
    }

    /// As [`read`](Self::read), in place of the nothing that is here.
    #[inline]
    pub(crate) fn fill<B: Bytes + ?Sized>(
        &mut self,
        from: &B,
        offset: usize,
        length: usize,
    ) -> Result<(), Malformed> {
        let octets = self.octets.get_mut(..length).ok_or(Malformed::Length)?;
        from.read(offset, octets)?;
        self.length = length as u8;
        Ok(())
    }

    /// The options of a segment with SYN: Maximum Segment Size in octets of data, and what else
    /// is offered. 20 octets at most.
    ///
    /// A shift count above 14 is sent as 14 (RFC 7323 §2.3). Timestamps are TSval and TSecr, which is
    /// zero without ACK (RFC 7323 §3.2).
    pub fn syn(
        mss: u16,
        window_scale: Option<u8>,
        sack_permitted: bool,
        timestamps: Option<(u32, u32)>,
    ) -> Self {
        let mut space = Self::NONE;
        let [a, b] = mss.to_be_bytes();
        space.push([
            kind::MAXIMUM_SEGMENT_SIZE,
            length::MAXIMUM_SEGMENT_SIZE,
            a,
            b,
        ]);
        // SACK-Permitted is as long as the padding in front of timestamps, and takes its place.
        let permitted = match sack_permitted {
            true => [kind::SACK_PERMITTED, length::SACK_PERMITTED],
            false => PADDING,
        };
        match timestamps {
            Some(times) => space.push_timestamps(permitted, times),
            None if sack_permitted => {
                space.push(PADDING);
                space.push(permitted);
            }
            None => {}
        }
        if let Some(shift) = window_scale {
            space.push([
                kind::NO_OPERATION,
                kind::WINDOW_SCALE,
                length::WINDOW_SCALE,
                shift.min(MAXIMUM_WINDOW_SCALE),
            ]);
        }
        space
    }

    /// Sets another Maximum Segment Size in the options of a segment with SYN.
    #[cfg(all(ip, feature = "tcp"))]
    pub(crate) fn set_mss(&mut self, mss: u16) {
        let [_, _, a, b, ..] = &mut self.octets;
        [*a, *b] = mss.to_be_bytes();
    }

    /// The options of a segment without SYN: timestamps, TSval and TSecr, and as many of the SACK
    /// blocks as there is space for, the first ones: four, or three beside timestamps.
    pub fn segment(
        timestamps: Option<(u32, u32)>,
        sack: impl IntoIterator<Item = (u32, u32)>,
    ) -> Self {
        let mut space = Self::NONE;
        if let Some(times) = timestamps {
            space.push_timestamps(PADDING, times);
        }
        let start = space.len();
        let room = MAXIMUM_OPTIONS.saturating_sub(start + PADDING.len() + 2) / BLOCK;
        for (left, right) in sack.into_iter().take(room) {
            if space.len() == start {
                space.push(PADDING);
                space.push([kind::SACK, 0]);
            }
            space.push(left.to_be_bytes());
            space.push(right.to_be_bytes());
        }
        // The length counts neither the padding nor an option without blocks.
        if let Some(length @ 1..) = space.len().checked_sub(start + PADDING.len())
            && let Some(octet) = space.octets.get_mut(start + PADDING.len() + 1)
        {
            *octet = length as u8;
        }
        space
    }

    /// The octets: composed here, a multiple of four.
    pub fn as_bytes(&self) -> &[u8] {
        let length = usize::from(self.length);
        self.octets.get(..length).unwrap_or(&self.octets)
    }

    /// How many octets there are.
    pub const fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Their sum, for the checksum.
    pub fn sum(&self) -> Sum {
        Sum::of(self.as_bytes())
    }

    /// What they say.
    pub fn parse(&self) -> TcpOptions<'_> {
        TcpOptions::parse(self.as_bytes())
    }

    fn push_timestamps(&mut self, before: [u8; 2], (value, echo_reply): (u32, u32)) {
        self.push(before);
        self.push([kind::TIMESTAMPS, length::TIMESTAMPS]);
        self.push(value.to_be_bytes());
        self.push(echo_reply.to_be_bytes());
    }

    /// Adds octets; whoever composes a list has seen to it that they fit.
    fn push<const N: usize>(&mut self, octets: [u8; N]) {
        let free = self.octets.get_mut(usize::from(self.length)..);
        if let Some(to) = free.and_then(|free| free.first_chunk_mut()) {
            *to = octets;
            self.length += N as u8;
        }
    }
}

#[cfg(test)]
mod tests;
