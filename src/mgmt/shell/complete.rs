//! Tab: what the word at the cursor may be.

use heapless::String;

use super::command::{CommandInfo, Commands};
use super::commands::BUILT_IN;
use super::{Console, Shell};
use crate::config;

/// What is known of how a word goes on.
pub(super) struct Completion {
    /// What all candidates have in common behind what is there.
    pub(super) rest: String<{ config::SHELL_LINE }>,
    /// How many candidates there are.
    pub(super) count: usize,
}

impl<C: Commands> Shell<'_, '_, '_, C> {
    /// All commands: those that every shell has, and those of the application.
    pub(super) fn infos(&self) -> impl Iterator<Item = &CommandInfo> {
        BUILT_IN.iter().chain(self.commands.list())
    }

    /// Calls `tell` with each word that begins as the last one of `line`.
    fn candidates(&self, line: &str, mut tell: impl FnMut(&str)) {
        let start = line.rfind(' ').map_or(0, |space| space + 1);
        let (before, begun) = line.split_at_checked(start).unwrap_or_default();
        let mut tell = |word: &str| {
            if word.starts_with(begun) {
                tell(word);
            }
        };
        let Some(name) = before.split_ascii_whitespace().next() else {
            self.infos().for_each(|info| tell(info.name));
            return;
        };
        if name == "help" {
            self.infos().for_each(|info| tell(info.name));
        }
        let arguments = self.infos().find(|info| info.name == name);
        let arguments = arguments.map_or("", |info| info.arguments);
        // A word that is in there twice is told once.
        for (place, word) in words(arguments).enumerate() {
            if words(arguments).take(place).all(|other| other != word) {
                tell(word);
            }
        }
        if arguments.contains("IFACE") {
            for id in self.stack.interfaces() {
                if let Some(name) = self.stack.name(id) {
                    tell(&name);
                }
            }
        }
    }

    /// How the last word of `line` goes on.
    pub(super) fn complete(&self, line: &str) -> Completion {
        let begun = line.len() - line.rfind(' ').map_or(0, |space| space + 1);
        let mut completion = Completion {
            rest: String::new(),
            count: 0,
        };
        self.candidates(line, |word| {
            let rest = word.get(begun..).unwrap_or_default();
            // One that is too long for the line is cut.
            let _whole: bool = match completion.count {
                0 => rest.chars().all(|c| completion.rest.push(c).is_ok()),
                _ => {
                    let known = completion.rest.as_str();
                    let common = known.chars().zip(rest.chars()).take_while(|(a, b)| a == b);
                    let common = common.map(|(a, _)| a.len_utf8()).sum();
                    completion.rest.truncate(common);
                    true
                }
            };
            completion.count += 1;
        });
        completion
    }

    /// Lists the candidates, a few to each line.
    pub(super) async fn list_candidates(&self, line: &str, console: &Console<'_>) {
        const WIDTH: usize = 16;
        let mut count = 0;
        self.candidates(line, |_| count += 1);
        for place in 0..count {
            let mut nth = 0;
            let mut found = String::<WIDTH>::new();
            self.candidates(line, |word| {
                if nth == place {
                    let end = word.floor_char_boundary(WIDTH - 1);
                    found = word
                        .get(..end)
                        .unwrap_or(word)
                        .try_into()
                        .unwrap_or_default();
                }
                nth += 1;
            });
            let end = if place % 4 == 3 || place + 1 == count {
                "\n"
            } else {
                ""
            };
            console.print(format_args!("{found:<WIDTH$}{end}")).await;
        }
    }
}

/// The words of a description that stand for themselves.
fn words(arguments: &'static str) -> impl Iterator<Item = &'static str> {
    let words = arguments.split([' ', '|', '[', ']']);
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}
