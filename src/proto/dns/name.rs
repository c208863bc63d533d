//! Domain names (RFC 1035 §3.1, §4.1.4): labels of up to 63 octets, 255 octets in all.
//!
//! [`NameRef`] is a name where it lies in a message, compressed or not; it has been walked once when
//! it is made, so that its labels can be read without an error. [`Name`] is one that is kept.
//! Names are compared without regard to the case of ASCII letters (RFC 4343).

use core::fmt;
use core::net::IpAddr;

use crate::wire::Malformed;

/// "labels 63 octets or less" (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;
/// "names 255 octets or less" (RFC 1035 §2.3.4), the octets of lengths among them.
pub const MAX_NAME: usize = 255;
/// Pointers followed in one name. One for each name in whose tail it ends is all that a writer
/// needs; who sends longer chains wants them walked.
const MAX_POINTERS: usize = 16;

/// Why a text or a label is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NameError {
    /// A label is empty.
    EmptyLabel,
    /// A label is longer than 63 octets, or the name than 255.
    TooLong,
    /// A backslash stands before nothing that it can stand for.
    Escape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "a label is empty",
            Self::TooLong => "the name is too long",
            Self::Escape => "unknown escape",
        })
    }
}

impl core::error::Error for NameError {}

/// A name that lies in a message.
#[derive(Clone, Copy)]
pub struct NameRef<'m> {
    message: &'m [u8],
    start: usize,
}

impl<'m> NameRef<'m> {
    /// The root.
    pub const ROOT: Self = Self {
        message: &[0],
        start: 0,
    };

    /// Names one after the other, up to the first that is malformed.
    #[cfg(any(feature = "dhcpv4-client", feature = "dhcpv6-client"))]
    pub(crate) fn list(octets: &'m [u8]) -> impl Iterator<Item = Self> + Clone {
        let mut at = 0;
        core::iter::from_fn(move || {
            let (name, end) = Self::read(octets, at).ok()?;
            at = end;
            Some(name)
        })
    }

    /// The name that starts at `start`, and where what follows it starts.
    ///
    /// Each pointer must lead to before the labels that it follows (RFC 1035 §4.1.4: "a prior
    /// occurance of the same name"), so no chain of them comes back to where it was.
    pub fn read(message: &'m [u8], start: usize) -> Result<(Self, usize), Malformed> {
        let (mut at, mut run, mut end) = (start, start, None);
        let (mut length, mut pointers) = (0, 0);
        loop {
            match step(message, at)? {
                Step::Label(label) => {
                    length += 1 + label.len();
                    at += 1 + label.len();
                }
                Step::Pointer(to) => {
                    pointers += 1;
                    if to >= run || pointers > MAX_POINTERS {
                        return Err(Malformed::Value);
                    }
                    end = end.or(Some(at + 2));
                    (at, run) = (to, to);
                }
                Step::End => {
                    return Ok((Self { message, start }, end.unwrap_or(at + 1)));
                }
            }
            // With the octet of the root.
            if length >= MAX_NAME {
                return Err(Malformed::Length);
            }
        }
    }

    /// The labels, from the host's up; not the root's.
    pub const fn labels(&self) -> Labels<'m> {
        Labels {
            message: self.message,
            at: self.start,
            left: MAX_NAME,
        }
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.labels().next().is_none()
    }

    /// Whether it is `other` or a name below it.
    pub fn is_within(&self, other: NameRef<'_>) -> bool {
        let (own, others) = (self.labels().count(), other.labels().count());
        own.checked_sub(others).is_some_and(|deeper| {
            let mut labels = self.labels();
            for _ in 0..deeper {
                let _: Option<&[u8]> = labels.next();
            }
            labels.equals(other.labels())
        })
    }

    /// Whether it is `other`, letter by letter.
    pub fn is_exactly(&self, other: NameRef<'_>) -> bool {
        self.labels().eq(other.labels())
    }
}

impl PartialEq<NameRef<'_>> for NameRef<'_> {
    fn eq(&self, other: &NameRef<'_>) -> bool {
        self.labels().equals(other.labels())
    }
}

impl Eq for NameRef<'_> {}

impl fmt::Display for NameRef<'_> {
    /// Labels with dots between them; dots and backslashes in a label with a backslash before them,
    /// what is not printable as a backslash and three digits (RFC 1035 §5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        if self.is_root() {
            return f.write_char('.');
        }
        for (place, label) in self.labels().enumerate() {
            if place > 0 {
                f.write_char('.')?;
            }
            for octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(*octet))?,
                    b'!'..=b'~' => f.write_char(char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for NameRef<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}

/// What stands at one place of a name.
enum Step<'m> {
    Label(&'m [u8]),
    Pointer(usize),
    End,
}

fn step(message: &[u8], at: usize) -> Result<Step<'_>, Malformed> {
    let rest = message.get(at..).ok_or(Malformed::Truncated)?;
    match *rest {
        [] => Err(Malformed::Truncated),
        [0, ..] => Ok(Step::End),
        [length @ 1..=63, ref rest @ ..] => {
            let label = rest.get(..usize::from(length));
            label.map(Step::Label).ok_or(Malformed::Truncated)
        }
        [high @ 0xc0..=0xff, low, ..] => Ok(Step::Pointer(
            usize::from(high & 0x3f) << 8 | usize::from(low),
        )),
        [0xc0..=0xff] => Err(Malformed::Truncated),
        // "The 10 and 01 combinations are reserved for future use."
        [64..=0xbf, ..] => Err(Malformed::Value),
    }
}

/// The labels of a name.
#[derive(Clone, Debug)]
pub struct Labels<'m> {
    message: &'m [u8],
    at: usize,
    /// Octets that may still come: a name that was walked before has no more.
    left: usize,
}

impl Labels<'_> {
    /// Whether the same labels follow.
    pub(in crate::proto) fn equals(mut self, mut other: Labels<'_>) -> bool {
        loop {
            match (self.next(), other.next()) {
                (None, None) => return true,
                (Some(own), Some(other)) if own.eq_ignore_ascii_case(other) => {}
                _ => return false,
            }
        }
    }
}

impl<'m> Iterator for Labels<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        loop {
            match step(self.message, self.at).ok()? {
                Step::Label(label) => {
                    self.at += 1 + label.len();
                    self.left = self.left.checked_sub(1 + label.len())?;
                    return Some(label);
                }
                Step::Pointer(to) if to < self.at => self.at = to,
                Step::Pointer(_) | Step::End => return None,
            }
        }
    }
}

/// A name that is kept: 256 bytes.
#[derive(Clone)]
pub struct Name {
    /// As in a message, without compression, with the root's octet.
    octets: [u8; MAX_NAME],
    length: u8,
}

impl Name {
    /// The root.
    pub const ROOT: Self = Self {
        octets: [0; MAX_NAME],
        length: 1,
    };

    /// The name that `text` writes, with or without a dot at its end. A backslash stands before a
    /// character that is meant as it is, or before three digits that are an octet (RFC 1035 §5.1).
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut name = Self::ROOT;
        name.push_text(text)?;
        Ok(name)
    }

    /// The name below which the reverse mapping of an address stands: `in-addr.arpa`
    /// (RFC 1035 §3.5), `ip6.arpa` (RFC 3596 §2.5).
    pub fn reverse(address: IpAddr) -> Self {
        let mut name = Self::ROOT;
        let mut push = |label: &[u8]| {
            // They all fit.
            let _: Result<(), NameError> = name.push_label(label);
        };
        match address {
            IpAddr::V4(address) => {
                for octet in address.octets().iter().rev() {
                    let digits = [octet / 100, octet / 10 % 10, octet % 10].map(|d| b'0' + d);
                    let zeros = usize::from(*octet < 100) + usize::from(*octet < 10);
                    push(digits.get(zeros..).unwrap_or(&digits));
                }
                push(b"in-addr");
            }
            IpAddr::V6(address) => {
                for octet in address.octets().iter().rev() {
                    for nibble in [octet & 0xf, octet >> 4] {
                        let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                        push(&[digit as u8]);
                    }
                }
                push(b"ip6");
            }
        }
        push(b"arpa");
        name
    }

    /// Adds a label at the end, as it is.
    pub fn push_label(&mut self, label: &[u8]) -> Result<(), NameError> {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::TooLong);
        }
        let at = usize::from(self.length).saturating_sub(1);
        let to = self.octets.get_mut(at..at + 2 + label.len());
        let [length, to @ .., end] = to.ok_or(NameError::TooLong)? else {
            return Err(NameError::TooLong);
        };
        *length = label.len() as u8;
        to.iter_mut().zip(label).for_each(|(to, from)| *to = *from);
        *end = 0;
        self.length += 1 + label.len() as u8;
        Ok(())
    }

    /// Adds the labels of a text at the end, see [`Name::new`].
    pub fn push_text(&mut self, text: &str) -> Result<(), NameError> {
        if text == "." {
            return Ok(());
        }
        let mut octets = text.bytes();
        let mut label = heapless::Vec::<u8, MAX_LABEL>::new();
        loop {
            let octet = octets.next();
            match octet {
                Some(b'.') => {
                    self.push_label(&label)?;
                    label.clear();
                    continue;
                }
                // What ends with a dot has ended before; an empty text is no name.
                None if label.is_empty() && text.ends_with('.') => return Ok(()),
                None => return self.push_label(&label),
                Some(_) => {}
            }
            let octet = match octet {
                Some(b'\\') => unescape(&mut octets)?,
                Some(octet) => octet,
                None => return Err(NameError::Escape),
            };
            label.push(octet).map_err(|_| NameError::TooLong)?;
        }
    }

    /// Adds the labels of another name at the end.
    pub fn push_name(&mut self, other: NameRef<'_>) -> Result<(), NameError> {
        other.labels().try_for_each(|label| self.push_label(label))
    }

    /// The name as if it lay in a message.
    pub fn view(&self) -> NameRef<'_> {
        NameRef {
            message: self.as_bytes(),
            start: 0,
        }
    }

    /// The octets of the name as a message has them, without compression.
    pub fn as_bytes(&self) -> &[u8] {
        let octets = self.octets.get(..usize::from(self.length));
        octets.unwrap_or(&[0])
    }

    /// The labels, from the host's up; not the root's.
    pub fn labels(&self) -> Labels<'_> {
        self.view().labels()
    }

    /// Gives each letter the case that the next bit says.
    #[cfg(feature = "dns")]
    pub(super) fn set_case(&mut self, mut upper: impl FnMut() -> bool) {
        let length = usize::from(self.length);
        // Octets that are lengths are no letters: they are below 64.
        for octet in self.octets.iter_mut().take(length) {
            if octet.is_ascii_alphabetic() {
                match upper() {
                    true => octet.make_ascii_uppercase(),
                    false => octet.make_ascii_lowercase(),
                }
            }
        }
    }
}

/// What follows a backslash.
fn unescape(octets: &mut core::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = octets.next().ok_or(NameError::Escape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = octets.next().filter(u8::is_ascii_digit);
        value = value * 10 + u16::from(digit.ok_or(NameError::Escape)? - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::Escape)
}

impl From<NameRef<'_>> for Name {
    fn from(name: NameRef<'_>) -> Self {
        let mut copy = Self::ROOT;
        // It was walked, and is not too long.
        let _: Result<(), NameError> = copy.push_name(name);
        copy
    }
}

impl core::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
    }
}

impl Eq for Name {}

impl PartialEq<NameRef<'_>> for Name {
    fn eq(&self, other: &NameRef<'_>) -> bool {
        self.view() == *other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}
