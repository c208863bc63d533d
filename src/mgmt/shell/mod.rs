//! A shell: commands that show and change what the network is, over a UART, TCP, or whatever else
//! bytes can be read from and written to.

mod command;
mod commands;
mod complete;
mod console;
mod editor;
mod history;
mod session;
mod telnet;

use core::marker::PhantomData;

pub use command::{CommandError, CommandInfo, Commands, Words};
pub use console::Console;
use embedded_io_async::{ErrorKind, Read, Write};

use self::session::Session;
use crate::stack::Stack;

/// What a shell shows and changes beside the stack itself: whatever there is.
pub struct Services<'s, 'a, 'c> {
    /// Answers `dns`.
    #[cfg(feature = "dns")]
    pub resolver: Option<&'s crate::proto::dns::Resolver<'a>>,
    /// The clients that `dhcpv4` shows.
    #[cfg(feature = "dhcpv4-client")]
    pub dhcpv4: &'s [&'s crate::proto::dhcpv4::Dhcpv4Client<'a, 'c>],
    /// The clients that `dhcpv6` shows.
    #[cfg(feature = "dhcpv6-client")]
    pub dhcpv6: &'s [&'s crate::proto::dhcpv6::Dhcpv6Client<'a, 'c>],
    /// Knows the time for `sntp`.
    #[cfg(feature = "sntp")]
    pub sntp: Option<&'s crate::proto::sntp::SntpClient<'a, 'c>>,
    /// What `mdns` shows.
    #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
    pub mdns: Option<&'s crate::proto::mdns::Mdns<'a>>,
    /// What `conn` shows.
    pub connections: Option<&'s super::Connections<'a>>,
    /// Lifetimes that this build has no use for.
    pub unused: PhantomData<&'c ()>,
}

impl Services<'_, '_, '_> {
    /// None of them.
    pub const NONE: Self = Self {
        #[cfg(feature = "dns")]
        resolver: None,
        #[cfg(feature = "dhcpv4-client")]
        dhcpv4: &[],
        #[cfg(feature = "dhcpv6-client")]
        dhcpv6: &[],
        #[cfg(feature = "sntp")]
        sntp: None,
        #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
        mdns: None,
        connections: None,
        unused: PhantomData,
    };
}

impl Clone for Services<'_, '_, '_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Services<'_, '_, '_> {}

/// A command interpreter, for one user or several at once.
///
/// Lines are edited with the keys that terminals and Emacs have for it, completed with Tab, and come
/// back with the arrows; Ctrl-C ends a command. The terminal is taken to have 80 columns, and to
/// understand a few sequences of ECMA-48. `help` lists the commands.
///
/// Whoever reaches a shell may do all that it can: there is no password.
#[derive(Clone, Copy)]
pub struct Shell<'s, 'a, 'c, C = ()> {
    stack: Stack<'a>,
    services: Services<'s, 'a, 'c>,
    prompt: &'s str,
    commands: C,
    is_telnet: bool,
}

impl<'s, 'a, 'c> Shell<'s, 'a, 'c> {
    /// A shell for a stack and what goes with it.
    pub const fn new(stack: Stack<'a>, services: Services<'s, 'a, 'c>) -> Self {
        Self {
            stack,
            services,
            prompt: "zonda> ",
            commands: (),
            is_telnet: false,
        }
    }
}

impl<'s, 'a, 'c, C: Commands> Shell<'s, 'a, 'c, C> {
    /// The text that asks for a command: at most 40 bytes of it are shown.
    #[must_use]
    pub fn prompt(self, prompt: &'s str) -> Self {
        Self { prompt, ..self }
    }

    /// For a client of Telnet (RFC 854) at the other end: it is told to send each key at once and to
    /// leave the echo to the shell.
    #[must_use]
    pub fn telnet(self) -> Self {
        Self {
            is_telnet: true,
            ..self
        }
    }

    /// With these commands, too. One that has the name of another is never run.
    #[must_use]
    pub fn commands<D: Commands>(self, commands: D) -> Shell<'s, 'a, 'c, D> {
        let Self {
            stack,
            services,
            prompt,
            commands: _,
            is_telnet,
        } = self;
        Shell {
            stack,
            services,
            prompt,
            commands,
            is_telnet,
        }
    }

    /// Serves whoever is at the other end, until there is no more to be read or `exit` is entered.
    /// What has been entered before is still carried out, for ten seconds at most.
    ///
    /// A read from `input` is given up when a command ends; it must not lose bytes then. A TCP socket
    /// that was split does not, nor does a buffered UART.
    ///
    /// # Errors
    ///
    /// What reading or writing says.
    pub async fn run(&self, input: impl Read, output: impl Write) -> Result<(), ErrorKind> {
        Session::new(self, input, output).run().await
    }
}
