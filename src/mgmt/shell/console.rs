//! What commands write to.

use core::fmt::{self, Write};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;

use crate::config;

/// What a command has written and the other end has not taken yet.
pub(super) type Written = Pipe<NoopRawMutex, { config::SHELL_OUTPUT }>;

/// Bytes that are formatted at once.
const PART: usize = 64;

/// What a command writes to. It waits for a slow reader, so that a command of any length needs no more
/// than [`SHELL_OUTPUT`](config::SHELL_OUTPUT) bytes.
pub struct Console<'p>(pub(super) &'p Written);

impl Console<'_> {
    /// Writes text, as in `console.print(format_args!("{} bytes\n", length)).await`. Each `\n` ends a
    /// line.
    pub async fn print(&self, text: fmt::Arguments<'_>) {
        let mut done = 0;
        loop {
            // What does not fit is formatted once more, without what has been written: no text is too
            // long for the buffer.
            let mut part = Part::after(done);
            let _too_long: fmt::Result = part.write_fmt(text);
            self.0.write_all(part.bytes()).await;
            done += part.length;
            if part.length < PART {
                return;
            }
        }
    }
}

/// A part of a text.
struct Part {
    skip: usize,
    buffer: [u8; PART],
    length: usize,
}

impl Part {
    const fn after(skip: usize) -> Self {
        Self {
            skip,
            buffer: [0; PART],
            length: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> fmt::Result {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        *self.buffer.get_mut(self.length).ok_or(fmt::Error)? = byte;
        self.length += 1;
        Ok(())
    }
}

impl Write for Part {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.push(b'\r')?;
            }
            self.push(byte)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::{String, ToString};
    use std::vec;
    use std::vec::Vec;

    use embassy_futures::block_on;
    use embassy_futures::join::join;

    use super::*;

    fn written(text: &str) -> Vec<u8> {
        let pipe = Written::new();
        let console = Console(&pipe);
        let mut all = Vec::new();
        let end = text.len() + text.matches('\n').count();
        let read = async {
            while all.len() < end {
                let mut some = vec![0; 7];
                let length = pipe.read(&mut some).await;
                all.extend_from_slice(&some[..length]);
            }
        };
        let _ = block_on(join(console.print(format_args!("{text}")), read));
        assert!(pipe.is_empty());
        all
    }

    #[test]
    fn text_of_any_length_goes_through_whole() {
        for length in [0, 1, 63, 64, 65, 127, 128, 1000] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            assert_eq!(written(&text), text.as_bytes(), "{length}");
        }
    }

    #[test]
    fn line_ends_as_terminals_want_it() {
        let text = "a\nb\n".repeat(40);
        assert_eq!(
            written(&text),
            text.replace('\n', "\r\n").to_string().as_bytes()
        );
    }
}
