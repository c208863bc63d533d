//! What a command is, and the words behind its name.

use core::fmt;
use core::future::Future;
use core::net::{IpAddr, SocketAddr};
use core::str::{FromStr, SplitAsciiWhitespace};

use super::console::Console;
use crate::stack::{InterfaceId, Stack};

/// What is told of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CommandInfo {
    /// Its name: one word.
    pub name: &'static str,
    /// What may stand behind the name. Words in lower case are completed.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CommandError<'l> {
    /// A word is missing, or there is one too many.
    Usage,
    /// The word is not what stands there.
    Wrong {
        /// What is wanted, as in "an address".
        wanted: &'static str,
        /// The word.
        word: &'l str,
    },
    /// It could not be done, and why.
    Failed(&'static str),
}

impl fmt::Display for CommandError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str("a word is missing or one too many"),
            Self::Wrong { wanted, word } => write!(f, "`{word}` is not {wanted}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for CommandError<'_> {}

/// The words behind the name of a command.
#[derive(Clone, Debug)]
pub struct Words<'l>(SplitAsciiWhitespace<'l>);

impl<'l> Words<'l> {
    pub(super) fn new(line: &'l str) -> Self {
        Self(line.split_ascii_whitespace())
    }

    /// The next word, if there is one.
    pub fn optional(&mut self) -> Option<&'l str> {
        self.0.next()
    }

    /// The next word.
    pub fn word(&mut self) -> Result<&'l str, CommandError<'l>> {
        self.0.next().ok_or(CommandError::Usage)
    }

    /// The next word as a value; `wanted` says what is wanted, as in "an address".
    pub fn value<T: FromStr>(&mut self, wanted: &'static str) -> Result<T, CommandError<'l>> {
        let word = self.word()?;
        word.parse()
            .map_err(|_| CommandError::Wrong { wanted, word })
    }

    /// As [`Words::value`], if there is another word.
    pub fn optional_value<T: FromStr>(
        &mut self,
        wanted: &'static str,
    ) -> Result<Option<T>, CommandError<'l>> {
        match self.0.clone().next() {
            Some(_) => self.value(wanted).map(Some),
            None => Ok(None),
        }
    }

    /// The next word as an address.
    pub fn address(&mut self) -> Result<IpAddr, CommandError<'l>> {
        self.value("an address")
    }

    /// The next two words as an address and a port.
    pub fn socket_address(&mut self) -> Result<SocketAddr, CommandError<'l>> {
        let address = self.address()?;
        Ok(SocketAddr::new(address, self.value("a port")?))
    }

    /// The next word as an interface: its name or its number.
    pub fn interface(&mut self, stack: Stack<'_>) -> Result<InterfaceId, CommandError<'l>> {
        let word = self.word()?;
        interface(stack, word).ok_or(CommandError::Wrong {
            wanted: "an interface",
            word,
        })
    }

    /// As [`Words::interface`], if there is another word.
    pub fn optional_interface(
        &mut self,
        stack: Stack<'_>,
    ) -> Result<Option<InterfaceId>, CommandError<'l>> {
        match self.0.clone().next() {
            Some(_) => self.interface(stack).map(Some),
            None => Ok(None),
        }
    }

    /// The next word as a prefix: an address and a number of bits, as in `10.0.0.0/8`.
    pub fn prefix(&mut self) -> Result<(IpAddr, u8), CommandError<'l>> {
        let word = self.word()?;
        let wrong = CommandError::Wrong {
            wanted: "an address and the length of a prefix, as in 192.0.2.1/24",
            word,
        };
        let (address, length) = word.split_once('/').ok_or(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let length = length.parse().map_err(|_| wrong)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        match length <= most {
            true => Ok((address, length)),
            false => Err(wrong),
        }
    }

    /// No more words are there.
    pub fn end(&mut self) -> Result<(), CommandError<'l>> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(CommandError::Usage),
        }
    }
}

fn interface(stack: Stack<'_>, word: &str) -> Option<InterfaceId> {
    let number = || word.parse().ok().filter(|id| stack.name(*id).is_some());
    stack.find_interface(word).or_else(number)
}

/// Commands of an application, beside those that every shell has.
///
/// ```
/// use zonda::mgmt::shell::{CommandError, CommandInfo, Commands, Console, Words};
///
/// struct Lamp(core::cell::Cell<bool>);
///
/// impl Commands for Lamp {
///     fn list(&self) -> &[CommandInfo] {
///         &[CommandInfo {
///             name: "lamp",
///             arguments: "on | off",
///             about: "switch the lamp",
///         }]
///     }
///
///     async fn run<'l>(
///         &self,
///         _name: &str,
///         mut words: Words<'l>,
///         console: &Console<'_>,
///     ) -> Result<(), CommandError<'l>> {
///         self.0.set(match words.word()? {
///             "on" => true,
///             "off" => false,
///             word => return Err(CommandError::Wrong { wanted: "on or off", word }),
///         });
///         console.print(format_args!("so be it\n")).await;
///         Ok(())
///     }
/// }
/// ```
pub trait Commands {
    /// The commands that there are.
    fn list(&self) -> &[CommandInfo];

    /// Carries one of them out. It is given up, and so dropped, at Ctrl-C.
    fn run<'l>(
        &self,
        name: &str,
        words: Words<'l>,
        console: &Console<'_>,
    ) -> impl Future<Output = Result<(), CommandError<'l>>>;
}

/// None.
impl Commands for () {
    fn list(&self) -> &[CommandInfo] {
        &[]
    }

    async fn run<'l>(
        &self,
        _: &str,
        _: Words<'l>,
        _: &Console<'_>,
    ) -> Result<(), CommandError<'l>> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_values_or_say_what_is_wanted() {
        let mut words = Words::new("  10.0.0.1   99 fd00::/64 10.0.0.0/33 x");
        assert_eq!(words.socket_address(), Ok("10.0.0.1:99".parse().unwrap()));
        assert_eq!(words.prefix(), Ok(("fd00::".parse().unwrap(), 64)));
        assert!(matches!(words.prefix(), Err(CommandError::Wrong { .. })));
        let wanted = "a number";
        let wrong = CommandError::Wrong { wanted, word: "x" };
        assert_eq!(words.clone().optional_value::<u8>(wanted), Err(wrong));
        assert_eq!(words.clone().end(), Err(CommandError::Usage));
        assert_eq!(words.word(), Ok("x"));
        assert_eq!(words.word(), Err(CommandError::Usage));
        assert_eq!(words.optional_value::<u8>(wanted), Ok(None));
        assert_eq!(words.end(), Ok(()));
    }
}
