//! The little that a Telnet server needs (RFC 854, RFC 857, RFC 858): that the client sends each key
//! at once and leaves the echo to us, and that its commands are not taken for keys.

use heapless::Vec;

use super::editor::CTRL_C;

const END_OF_SUBNEGOTIATION: u8 = 240;
const INTERRUPT_PROCESS: u8 = 244;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SUBNEGOTIATION: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const COMMAND: u8 = 255;

const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;

/// What is said first: keys come one by one, and we echo them (RFC 857 §5, RFC 858 §5).
pub(super) const GREETING: [u8; 6] = [COMMAND, WILL, ECHO, COMMAND, WILL, SUPPRESS_GO_AHEAD];

/// Answers that wait to be sent.
const ANSWERS: usize = 24;

#[derive(Clone, Copy)]
enum State {
    Data,
    Command,
    /// After one of the four verbs.
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

/// Tells keys from commands.
pub(super) struct Telnet {
    state: State,
    answers: Vec<u8, ANSWERS>,
    /// The client suppresses go-ahead, and has been told that it may.
    suppresses: bool,
}

impl Telnet {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Data,
            answers: Vec::new(),
            suppresses: false,
        }
    }

    /// The key that a byte is, or that a command stands for.
    pub(super) fn key(&mut self, byte: u8) -> Option<u8> {
        let (state, key) = match (self.state, byte) {
            (State::Data, COMMAND) => (State::Command, None),
            (State::Data, _) => (State::Data, Some(byte)),
            (State::Command, WILL | WONT | DO | DONT) => (State::Option(byte), None),
            (State::Command, SUBNEGOTIATION) => (State::Subnegotiation, None),
            (State::Command, _) => (State::Data, self.command(byte)),
            (State::Option(verb), option) => {
                self.negotiate(verb, option);
                (State::Data, None)
            }
            (State::Subnegotiation, COMMAND) => (State::SubnegotiationCommand, None),
            (State::Subnegotiation, _) => (State::Subnegotiation, None),
            (State::SubnegotiationCommand, END_OF_SUBNEGOTIATION) => (State::Data, None),
            (State::SubnegotiationCommand, _) => (State::Subnegotiation, None),
        };
        self.state = state;
        key
    }

    fn command(&mut self, command: u8) -> Option<u8> {
        match command {
            // The one byte that is sent twice.
            COMMAND => Some(COMMAND),
            INTERRUPT_PROCESS => Some(CTRL_C),
            ERASE_CHARACTER => Some(0x08),
            ERASE_LINE => Some(0x15),
            ARE_YOU_THERE => {
                self.answer(b"[yes]");
                None
            }
            _ => None,
        }
    }

    /// Answers only what asks for a change, so that nobody answers answers (RFC 854, p. 2).
    fn negotiate(&mut self, verb: u8, option: u8) {
        match (verb, option) {
            // What we have said ourselves.
            (DO, ECHO | SUPPRESS_GO_AHEAD) => {}
            (DO, _) => self.answer(&[COMMAND, WONT, option]),
            (WILL, SUPPRESS_GO_AHEAD) if self.suppresses => {}
            (WILL, SUPPRESS_GO_AHEAD) => {
                self.suppresses = true;
                self.answer(&[COMMAND, DO, option]);
            }
            (WILL, _) => self.answer(&[COMMAND, DONT, option]),
            _ => {}
        }
    }

    /// All of it, or nothing where there is no room.
    fn answer(&mut self, bytes: &[u8]) {
        let _too_many: Result<(), _> = self.answers.extend_from_slice(bytes);
    }

    /// What is to be sent.
    pub(super) fn take_answers(&mut self) -> Vec<u8, ANSWERS> {
        core::mem::take(&mut self.answers)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn keys(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut telnet = Telnet::new();
        let keys = bytes.iter().filter_map(|byte| telnet.key(*byte)).collect();
        (keys, telnet.take_answers().to_vec())
    }

    #[test]
    fn commands_are_no_keys() {
        for (bytes, wanted) in [
            (&b"ab"[..], &b"ab"[..]),
            (&[b'a', 255, 255, b'b'], &[b'a', 255, b'b']),
            (&[255, 244, 255, 247, 255, 248, 255, 241], &[3, 8, 0x15]),
            // The terminal's type, with a 255 in it.
            (
                &[255, 250, 24, 0, b'x', 255, 255, b'y', 255, 240, b'k'],
                b"k",
            ),
            (&[255, 253, 1, 255, 253, 3, b'k'], b"k"),
        ] {
            let (keys, answers) = keys(bytes);
            assert_eq!(keys, wanted, "{bytes:?}");
            assert!(answers.is_empty());
        }
    }

    #[test]
    fn options_are_refused_but_those_for_single_keys() {
        for (bytes, wanted) in [
            (&[255, 251, 24][..], &[255, 254, 24][..]),
            (&[255, 253, 34], &[255, 252, 34]),
            (&[255, 251, 3], &[255, 253, 3]),
            (&[255, 251, 3, 255, 251, 3], &[255, 253, 3]),
            (&[255, 252, 3, 255, 254, 1], &[]),
            (&[255, 246], b"[yes]"),
        ] {
            assert_eq!(keys(bytes), (Vec::new(), wanted.to_vec()), "{bytes:?}");
        }
    }

    #[test]
    fn answers_are_bounded() {
        let (_, answers) = keys(&[255, 253, 34].repeat(100));
        assert_eq!(answers.len(), 24);
    }
}
