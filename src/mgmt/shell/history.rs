//! The lines that were entered before.

use crate::config;

const SIZE: usize = config::SHELL_HISTORY;

/// The latest lines, each with the number of its bytes in front, the oldest first.
pub(super) struct History {
    bytes: [u8; SIZE],
    used: usize,
}

impl History {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; SIZE],
            used: 0,
        }
    }

    /// The lines, the oldest first.
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = self.bytes.get(..self.used).unwrap_or_default();
        core::iter::from_fn(move || {
            let (length, rest) = left.split_first()?;
            let (line, rest) = rest.split_at_checked((*length).into())?;
            left = rest;
            Some(line)
        })
    }

    /// The line that was entered so many lines ago, from zero.
    pub(super) fn get(&self, ago: usize) -> Option<&[u8]> {
        let place = self.iter().count().checked_sub(ago + 1)?;
        self.iter().nth(place)
    }

    /// Remembers a line, for which the oldest give way. The same line twice is one, and an empty one,
    /// or one that is too long, none.
    pub(super) fn push(&mut self, line: &[u8]) {
        let Ok(length) = u8::try_from(line.len()) else {
            return;
        };
        if length == 0 || line.len() >= SIZE || self.get(0) == Some(line) {
            return;
        }
        while self.used + 1 + line.len() > SIZE {
            let oldest = self.iter().next().map_or(SIZE, |line| 1 + line.len());
            let oldest = oldest.min(self.used);
            self.bytes.copy_within(oldest..self.used, 0);
            self.used -= oldest;
        }
        let end = self.used + 1 + line.len();
        if let Some([first, rest @ ..]) = self.bytes.get_mut(self.used..end) {
            *first = length;
            rest.copy_from_slice(line);
            self.used = end;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;

    #[test]
    fn latest_lines_are_remembered_and_the_oldest_give_way() {
        let mut history = History::new();
        assert_eq!(history.get(0), None);
        for number in 0..SIZE {
            history.push(format!("line {number}").as_bytes());
            for ago in 0..2.min(number) {
                let line = format!("line {}", number - ago);
                assert_eq!(history.get(ago), Some(line.as_bytes()));
            }
        }
        let kept = history.iter().count();
        assert!(kept > 2 && kept < SIZE);
        assert_eq!(history.get(kept), None);
    }

    #[test]
    fn same_line_twice_is_one_and_an_empty_one_is_none() {
        let mut history = History::new();
        for line in ["a", "b", "b", ""] {
            history.push(line.as_bytes());
        }
        history.push(&[b'x'; SIZE]);
        assert!(history.iter().eq([b"a", b"b"]));
    }
}
