//! SLIP (RFC 1055): frames on a serial line, told apart by one octet that no frame contains.
//!
//! There are two forms. In that of the RFC a frame is a bare IP packet, whose first four bits say
//! of which version; in the other, which emulators use, it is an Ethernet frame without its check
//! sequence. On the line they look alike: this is the coding of both, and a port's
//! [`Medium`](crate::link::Medium) tells which it is.
//!
//! Neither direction holds a frame: the [`Decoder`] gives pieces of what it is shown, the
//! [`Encoder`] fills what space there is, and both go on where they stopped.

/// Ends a frame, and begins one too.
pub const END: u8 = 0o300;
/// Begins two octets that stand for one.
pub const ESC: u8 = 0o333;
/// Behind [`ESC`]: an octet like [`END`].
pub const ESC_END: u8 = 0o334;
/// Behind [`ESC`]: an octet like [`ESC`].
pub const ESC_ESC: u8 = 0o335;

/// The longest packet in bytes that every SLIP implementation takes (RFC 1055, "Protocol"). It is
/// less than IPv6 needs ([RFC 8200 §5](crate::wire::ipv6::MINIMUM_MTU)).
pub const USUAL_MTU: u16 = 1006;

/// What the octets of a line mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Piece<'l> {
    /// The next bytes of the frame, one at least.
    Data(&'l [u8]),
    /// The frame ends. Where no bytes came before it, there is none.
    End,
    /// The frame has an escape that stands for nothing, so it is damaged. What is left of it is
    /// passed over.
    Bad,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    /// Bytes of a frame, or its end.
    #[default]
    Bytes,
    /// What an escape stands for.
    Escaped,
    /// Nothing but the end of a frame.
    End,
}

/// Finds frames in the octets of a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    expected: Expected,
}

impl Decoder {
    /// A decoder that takes the next octet for the first of a frame.
    pub const fn new() -> Self {
        Self {
            expected: Expected::Bytes,
        }
    }

    /// Passes over what is left of the frame that it is in.
    pub fn skip(&mut self) {
        self.expected = Expected::End;
    }

    /// Takes the next piece off `line`; `None` when nothing is left there.
    pub fn next<'l>(&mut self, line: &mut &'l [u8]) -> Option<Piece<'l>> {
        loop {
            match self.expected {
                Expected::Bytes => {
                    let special = line.iter().position(|&octet| octet == END || octet == ESC);
                    let (data, rest) = line.split_at_checked(special.unwrap_or(line.len()))?;
                    if !data.is_empty() {
                        *line = rest;
                        return Some(Piece::Data(data));
                    }
                    let (&octet, rest) = rest.split_first()?;
                    *line = rest;
                    if octet == END {
                        return Some(Piece::End);
                    }
                    self.expected = Expected::Escaped;
                }
                Expected::Escaped => {
                    let (&octet, rest) = line.split_first()?;
                    *line = rest;
                    self.expected = Expected::Bytes;
                    return Some(match octet {
                        ESC_END => Piece::Data(&[END]),
                        ESC_ESC => Piece::Data(&[ESC]),
                        // The next frame is not the poorer for what happened to this one.
                        END => Piece::Bad,
                        _ => {
                            self.expected = Expected::End;
                            Piece::Bad
                        }
                    });
                }
                Expected::End => {
                    let end = line.iter().position(|&octet| octet == END);
                    let Some((_, rest)) = end.and_then(|end| line.split_at_checked(end + 1)) else {
                        *line = &[];
                        return None;
                    };
                    *line = rest;
                    self.expected = Expected::Bytes;
                }
            }
        }
    }
}

/// Writes frames as octets of a line, with an [`END`] in front of each and one behind: the first
/// keeps what noise there was before apart from the frame (RFC 1055, "Protocol").
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoder {
    begun: bool,
    /// What comes after an [`ESC`] that was written.
    owed: Option<u8>,
}

impl Encoder {
    /// An encoder that is between two frames.
    pub const fn new() -> Self {
        Self {
            begun: false,
            owed: None,
        }
    }

    /// Moves bytes of the frame from `data` into `line`, as many as there is space for; says how
    /// many octets it has written. When `data` is empty the frame goes on with others, or with
    /// [`Encoder::end`].
    pub fn encode(&mut self, data: &mut &[u8], line: &mut [u8]) -> usize {
        let mut written = 0;
        if !self.begun {
            written += put(line, 0, END);
            self.begun = written > 0;
        }
        loop {
            if let Some(octet) = self.owed {
                if put(line, written, octet) == 0 {
                    return written;
                }
                written += 1;
                self.owed = None;
            }
            let plain = data.iter().position(|&byte| byte == END || byte == ESC);
            let space = line.get_mut(written..).unwrap_or_default();
            let length = plain.unwrap_or(data.len()).min(space.len());
            if let Some((now, later)) = data.split_at_checked(length)
                && let Some(to) = space.get_mut(..length)
            {
                to.copy_from_slice(now);
                *data = later;
                written += length;
            }
            match data.split_first() {
                Some((&byte, later)) if Some(length) == plain && put(line, written, ESC) > 0 => {
                    written += 1;
                    self.owed = Some(if byte == END { ESC_END } else { ESC_ESC });
                    *data = later;
                }
                _ => return written,
            }
        }
    }

    /// Ends the frame, if there is space left for it in `line`; says how many octets it has
    /// written. All is done when [`Encoder::is_done`].
    pub fn end(&mut self, line: &mut [u8]) -> usize {
        let mut written = self.encode(&mut &[][..], line);
        if self.owed.is_none() && self.begun && put(line, written, END) > 0 {
            written += 1;
            self.begun = false;
        }
        written
    }

    /// Whether it is between two frames.
    pub const fn is_done(&self) -> bool {
        !self.begun
    }
}

/// Puts an octet at a place, if there is one; says how many it has put.
fn put(line: &mut [u8], at: usize, octet: u8) -> usize {
    match line.get_mut(at) {
        Some(place) => {
            *place = octet;
            1
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests;
