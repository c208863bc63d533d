//! The line that is being entered: what keys do to it, and how it looks on a terminal.

use core::fmt::Write;

use heapless::{String, Vec};

use super::history::History;
use crate::config;

/// Bytes that draw the line anew: the longest prompt, what fits beside it, and where the cursor is.
const DRAWN: usize = COLUMNS + 24;
/// The terminal is at least so wide. Of a longer line the part around the cursor is shown.
const COLUMNS: usize = 80;
/// The prompt takes so much of that at most.
pub(super) const PROMPT: usize = 40;

pub(super) const CTRL_C: u8 = 0x03;
const ESCAPE: u8 = 0x1b;

/// What a key asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Nothing to be shown.
    Nothing,
    /// The line, or the cursor, is another: it is to be drawn.
    Changed,
    /// The key has no effect here.
    Refused,
    /// The line is done.
    Entered,
    /// The line is given up.
    Abandoned,
    /// No more lines are to come.
    Ended,
    /// The word at the cursor is to be completed.
    Complete,
    /// The screen is to be cleared.
    Clear,
}

/// Where in a key's sequence of bytes we are (ECMA-48 §5.4).
#[derive(Clone, Copy)]
enum Sequence {
    None,
    Escape,
    /// After ESC [: the first parameter and the one that is being read.
    Control {
        first: u8,
        last: u8,
        is_second: bool,
    },
    /// After ESC O.
    Single,
}

/// A line and a cursor.
pub(super) struct Editor {
    line: Vec<u8, { config::SHELL_LINE }>,
    cursor: usize,
    sequence: Sequence,
    /// How many lines back the line is from, plus one.
    recalled: usize,
    after_return: bool,
}

impl Editor {
    pub(super) const fn new() -> Self {
        Self {
            line: Vec::new(),
            cursor: 0,
            sequence: Sequence::None,
            recalled: 0,
            after_return: false,
        }
    }

    /// The line as it is: printable ASCII.
    pub(super) fn line(&self) -> &str {
        core::str::from_utf8(&self.line).unwrap_or_default()
    }

    /// What stands in front of the cursor.
    pub(super) fn before_cursor(&self) -> &str {
        self.line().get(..self.cursor).unwrap_or_default()
    }

    /// An empty line.
    pub(super) fn clear(&mut self) {
        self.line.clear();
        self.cursor = 0;
        self.recalled = 0;
    }

    /// Writes at the cursor what has room; false if that is not all of it.
    pub(super) fn insert(&mut self, text: &[u8]) -> bool {
        text.iter().all(|byte| {
            let inserted = self.line.insert(self.cursor, *byte).is_ok();
            self.cursor += usize::from(inserted);
            inserted
        })
    }

    /// Takes one byte of what the terminal sends.
    pub(super) fn press(&mut self, byte: u8, history: &History) -> Pressed {
        let after_return = core::mem::replace(&mut self.after_return, byte == b'\r');
        match core::mem::replace(&mut self.sequence, Sequence::None) {
            Sequence::None => {}
            Sequence::Escape => return self.escaped(byte),
            Sequence::Single => return self.control(byte, 0, 0, history),
            Sequence::Control {
                first,
                last,
                is_second,
            } => {
                let digits = |value: u8| value.saturating_mul(10).saturating_add(byte - b'0');
                match byte {
                    b'0'..=b'9' => {
                        let last = digits(last);
                        self.sequence = Sequence::Control {
                            first: if is_second { first } else { last },
                            last,
                            is_second,
                        };
                    }
                    b';' => {
                        self.sequence = Sequence::Control {
                            first,
                            last: 0,
                            is_second: true,
                        };
                    }
                    0x40..=0x7e => {
                        let modifier = if is_second { last } else { 0 };
                        return self.control(byte, first, modifier, history);
                    }
                    _ => {}
                }
                return Pressed::Nothing;
            }
        }
        match byte {
            // The end of a line is CR, LF, CR LF, or CR NUL (RFC 854).
            b'\n' | 0 if after_return => Pressed::Nothing,
            b'\r' | b'\n' => Pressed::Entered,
            b' '..=b'~' => changed(self.insert(&[byte])),
            0x08 | 0x7f => changed(self.backspace()),
            b'\t' => Pressed::Complete,
            CTRL_C => Pressed::Abandoned,
            0x01 => self.go(0),
            0x02 => self.left(),
            0x04 if self.line.is_empty() => Pressed::Ended,
            0x04 => changed(self.delete(self.cursor, self.cursor + 1)),
            0x05 => self.go(self.line.len()),
            0x06 => self.right(),
            0x0b => changed(self.delete(self.cursor, self.line.len())),
            0x0c => Pressed::Clear,
            0x0e => self.recall(false, history),
            0x10 => self.recall(true, history),
            0x15 => changed(self.delete(0, self.cursor)),
            0x17 => {
                let start = self.word_left();
                changed(self.delete(start, self.cursor))
            }
            ESCAPE => {
                self.sequence = Sequence::Escape;
                Pressed::Nothing
            }
            _ => Pressed::Refused,
        }
    }

    fn escaped(&mut self, byte: u8) -> Pressed {
        match byte {
            b'[' => {
                self.sequence = Sequence::Control {
                    first: 0,
                    last: 0,
                    is_second: false,
                };
                Pressed::Nothing
            }
            b'O' => {
                self.sequence = Sequence::Single;
                Pressed::Nothing
            }
            b'b' => self.go(self.word_left()),
            b'f' => self.go(self.word_right()),
            b'd' => changed(self.delete(self.cursor, self.word_right())),
            0x08 | 0x7f => {
                let start = self.word_left();
                changed(self.delete(start, self.cursor))
            }
            _ => Pressed::Refused,
        }
    }

    /// A key that is more than one byte: which, and with what held down.
    fn control(&mut self, last: u8, number: u8, modifier: u8, history: &History) -> Pressed {
        let by_words = modifier >= 3;
        match (last, number) {
            (b'A', _) => self.recall(true, history),
            (b'B', _) => self.recall(false, history),
            (b'C', _) if by_words => self.go(self.word_right()),
            (b'D', _) if by_words => self.go(self.word_left()),
            (b'C', _) => self.right(),
            (b'D', _) => self.left(),
            (b'H', _) | (b'~', 1 | 7) => self.go(0),
            (b'F', _) | (b'~', 4 | 8) => self.go(self.line.len()),
            (b'~', 3) => changed(self.delete(self.cursor, self.cursor + 1)),
            _ => Pressed::Refused,
        }
    }

    fn go(&mut self, to: usize) -> Pressed {
        if to > self.line.len() || to == self.cursor {
            return Pressed::Refused;
        }
        self.cursor = to;
        Pressed::Changed
    }

    fn left(&mut self) -> Pressed {
        match self.cursor.checked_sub(1) {
            Some(to) => self.go(to),
            None => Pressed::Refused,
        }
    }

    fn right(&mut self) -> Pressed {
        self.go(self.cursor + 1)
    }

    /// Where the word in front of the cursor begins.
    fn word_left(&self) -> usize {
        let before = self.before_cursor().trim_end_matches(' ');
        before.rfind(' ').map_or(0, |space| space + 1)
    }

    /// Where the word behind the cursor ends.
    fn word_right(&self) -> usize {
        let behind = self.line().get(self.cursor..).unwrap_or_default();
        let word = behind.trim_start_matches(' ');
        let end = word.find(' ').map_or(0, |space| word.len() - space);
        self.line.len() - end
    }

    fn backspace(&mut self) -> bool {
        match self.cursor.checked_sub(1) {
            Some(start) => self.delete(start, self.cursor),
            None => false,
        }
    }

    /// Takes a part out; false if there is none. The cursor is at its start.
    fn delete(&mut self, start: usize, end: usize) -> bool {
        if start >= end || end > self.line.len() {
            return false;
        }
        self.line.copy_within(end.., start);
        self.line.truncate(self.line.len() - (end - start));
        self.cursor = start;
        true
    }

    fn recall(&mut self, older: bool, history: &History) -> Pressed {
        let recalled = match older {
            true => self.recalled + 1,
            false => match self.recalled.checked_sub(1) {
                Some(newer) => newer,
                None => return Pressed::Refused,
            },
        };
        let line = match recalled.checked_sub(1).map(|ago| history.get(ago)) {
            Some(Some(line)) => line,
            Some(None) => return Pressed::Refused,
            None => &[],
        };
        self.clear();
        let _whole: bool = self.insert(line);
        self.recalled = recalled;
        Pressed::Changed
    }

    /// What shows the line and the cursor, whatever stood in the last row of the screen.
    pub(super) fn draw(&self, prompt: &str) -> String<DRAWN> {
        let prompt = prompt
            .get(..prompt.floor_char_boundary(PROMPT))
            .unwrap_or(prompt);
        let room = COLUMNS - 1 - prompt.chars().count();
        let start = self.cursor.saturating_sub(room);
        let end = self.line.len().min(start + room);
        let shown = self.line().get(start..end).unwrap_or_default();
        let mut drawn = String::new();
        // It fits: DRAWN is for the longest.
        let _: core::fmt::Result = write!(drawn, "\r{prompt}{shown}\x1b[K");
        let back = end.saturating_sub(self.cursor);
        if back > 0 {
            let _: core::fmt::Result = write!(drawn, "\x1b[{back}D");
        }
        drawn
    }
}

fn changed(has: bool) -> Pressed {
    match has {
        true => Pressed::Changed,
        false => Pressed::Refused,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::string::String;

    use super::*;

    /// What the keys make of a line, with `|` for the cursor.
    fn typed(keys: &str) -> String {
        let mut history = History::new();
        for line in ["first", "second one"] {
            history.push(line.as_bytes());
        }
        let mut editor = Editor::new();
        for byte in keys.bytes() {
            let _ = editor.press(byte, &history);
        }
        let mut line = String::from(editor.line());
        line.insert(editor.cursor, '|');
        line
    }

    #[test]
    fn keys_move_the_cursor_and_change_the_line() {
        for (keys, line) in [
            ("ping", "ping|"),
            ("png\x1b[D\x1b[Di\x1b[C\x1b[C!", "ping!|"),
            ("abc\x01x", "x|abc"),
            ("abc\x1b[Hx\x1b[Fy", "xabcy|"),
            ("abc\x1b[1~x\x1b[4~y", "xabcy|"),
            ("abc\x1bOHx\x1bOFy", "xabcy|"),
            ("abc\x02\x02\x04", "a|c"),
            ("abc\x02\x02\x1b[3~", "a|c"),
            ("abc\x08\x08", "a|"),
            ("ping a.b c \x17", "ping a.b |"),
            ("ping a.b c\x1bb\x1bb\x1bd", "ping | c"),
            ("one two\x1b[1;5D\x1b[1;5Dx", "x|one two"),
            ("one two\x01\x1b[1;5Cx", "onex| two"),
            ("one two\x1b\x7f", "one |"),
            ("one two\x02\x02\x0b", "one t|"),
            ("one two\x02\x02\x15", "|wo"),
            ("\x1b[1;2Rab\x1b[15~c", "abc|"),
            ("ab\x1bzc\x07", "abc|"),
            ("\u{fc}x", "x|"),
        ] {
            assert_eq!(typed(keys), line, "{keys:?}");
        }
    }

    #[test]
    fn lines_come_back_the_latest_first() {
        for (keys, line) in [
            ("\x1b[A", "second one|"),
            ("\x10\x10", "first|"),
            ("\x1b[A\x1b[A\x1b[A", "first|"),
            ("\x1b[A\x1b[A\x1b[B", "second one|"),
            ("\x1b[A\x0e", "|"),
            ("x\x1b[B", "x|"),
        ] {
            assert_eq!(typed(keys), line, "{keys:?}");
        }
    }

    #[test]
    fn a_line_ends_once_however_terminals_end_it() {
        for end in ["\r", "\n", "\r\n", "\r\0"] {
            let mut editor = Editor::new();
            let history = History::new();
            let mut entered = 0;
            for byte in end.repeat(2).bytes() {
                entered += u32::from(editor.press(byte, &history) == Pressed::Entered);
            }
            assert_eq!(entered, 2, "{end:?}");
        }
    }

    #[test]
    fn keys_for_the_session_are_told() {
        let (mut editor, history) = (Editor::new(), History::new());
        assert_eq!(editor.press(0x04, &history), Pressed::Ended);
        assert_eq!(editor.press(b'x', &history), Pressed::Changed);
        assert_eq!(editor.press(0x04, &history), Pressed::Refused);
        assert_eq!(editor.press(b'\t', &history), Pressed::Complete);
        assert_eq!(editor.press(0x0c, &history), Pressed::Clear);
        assert_eq!(editor.press(CTRL_C, &history), Pressed::Abandoned);
    }

    #[test]
    fn full_line_takes_no_more() {
        let (mut editor, history) = (Editor::new(), History::new());
        for _ in 0..config::SHELL_LINE {
            assert_eq!(editor.press(b'x', &history), Pressed::Changed);
        }
        assert_eq!(editor.press(b'x', &history), Pressed::Refused);
    }

    #[test]
    fn drawing_keeps_the_cursor_within_the_screen() {
        let mut editor = Editor::new();
        assert_eq!(editor.draw("> "), "\r> \x1b[K");
        assert!(editor.insert(b"abc"));
        editor.cursor = 1;
        assert_eq!(editor.draw("> "), "\r> abc\x1b[K\x1b[2D");
        let _ = editor.insert(&[b'y'; config::SHELL_LINE]);
        let drawn = editor.draw("> ");
        let shown = drawn.matches('y').count();
        assert!((COLUMNS - 4..COLUMNS).contains(&(shown + 2)), "{shown}");
    }

    proptest! {
        #[test]
        fn any_keys_leave_a_line_with_a_cursor_in_it(keys in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut editor, mut history) = (Editor::new(), History::new());
            for byte in keys {
                if editor.press(byte, &history) == Pressed::Entered {
                    history.push(editor.line().as_bytes());
                    editor.clear();
                }
                prop_assert!(editor.cursor <= editor.line.len());
                prop_assert_eq!(editor.line().len(), editor.line.len());
                prop_assert!(editor.draw(&"p".repeat(60)).len() < DRAWN);
            }
        }
    }
}
