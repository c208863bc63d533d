//! The shell: what is typed, and what is seen.

mod commands;
mod services;
mod session;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use zonda::mgmt::shell::{Commands, Services, Shell};

use crate::network::*;

pub const PROMPT: &str = "\rzonda> \x1b[K";

#[derive(Default)]
struct Wires {
    typed: Vec<u8>,
    is_closed: bool,
    seen: Vec<u8>,
    /// Bytes that the terminal takes; the rest waits.
    room: Option<usize>,
    wakers: Vec<Waker>,
}

/// A terminal: a keyboard and a screen.
#[derive(Clone, Default)]
pub struct Terminal(Rc<RefCell<Wires>>);

impl ErrorType for Terminal {
    type Error = Infallible;
}

impl Read for Terminal {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            let mut wires = self.0.borrow_mut();
            let length = wires.typed.len().min(to.len());
            if length == 0 && !wires.is_closed {
                wires.wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            to[..length].copy_from_slice(&wires.typed[..length]);
            wires.typed.drain(..length);
            Poll::Ready(Ok(length))
        })
        .await
    }
}

impl Write for Terminal {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            let mut wires = self.0.borrow_mut();
            let length = wires.room.unwrap_or(usize::MAX).min(bytes.len());
            if length == 0 {
                wires.wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            wires.room = wires.room.map(|room| room - length);
            wires.seen.extend_from_slice(&bytes[..length]);
            Poll::Ready(Ok(length))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Terminal {
    fn change<R>(&self, change: impl FnOnce(&mut Wires) -> R) -> R {
        let mut wires = self.0.borrow_mut();
        let result = change(&mut wires);
        let wakers = std::mem::take(&mut wires.wakers);
        drop(wires);
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    pub fn type_keys(&self, keys: &str) {
        self.change(|wires| wires.typed.extend_from_slice(keys.as_bytes()));
    }

    pub fn close(&self) {
        self.change(|wires| wires.is_closed = true);
    }

    /// What has been shown since the last look.
    pub fn take(&self) -> String {
        let seen = self.change(|wires| std::mem::take(&mut wires.seen));
        String::from_utf8(seen).expect("text")
    }
}

/// A shell and who uses it.
pub struct User {
    pub terminal: Terminal,
    pub task: Task<Result<(), ErrorKind>>,
}

impl User {
    pub fn of<C: Commands + 'static>(
        net: &Network,
        shell: Shell<'static, 'static, 'static, C>,
    ) -> Self {
        let terminal = Terminal::default();
        let (input, output) = (terminal.clone(), terminal.clone());
        let task = net.spawn(async move { shell.run(input, output).await });
        net.settle();
        assert_eq!(terminal.take(), PROMPT);
        Self { terminal, task }
    }

    pub fn on(net: &Network, host: Host) -> Self {
        Self::of(net, Shell::new(host.stack(), Services::NONE))
    }

    /// Enters a line; what it says when it is done.
    #[track_caller]
    pub fn enter(&self, net: &Network, line: &str) -> String {
        self.terminal.type_keys(&format!("{line}\r"));
        self.finish(net)
    }

    /// What a command says that was entered, when it is done.
    #[track_caller]
    pub fn finish(&self, net: &Network) -> String {
        let mut seen = String::new();
        let done = net.run_until(secs(60), || {
            seen += &self.terminal.take();
            seen.ends_with(PROMPT)
        });
        assert!(done, "no end: {seen}");
        let seen = seen.strip_suffix(PROMPT).unwrap();
        let (_echo, said) = seen.split_once("\r\n").expect("an echo");
        said.replace("\r\n", "\n")
    }

    /// The command says nothing, which is to say that it is done.
    #[track_caller]
    pub fn does(&self, net: &Network, line: &str) {
        assert_eq!(self.enter(net, line), "", "{line}");
    }

    /// What the command says has these words in it, in this order.
    #[track_caller]
    pub fn says(&self, net: &Network, line: &str, words: &[&str]) -> String {
        let said = self.enter(net, line);
        let mut rest = said.as_str();
        for word in words {
            let Some((_, after)) = rest.split_once(word) else {
                panic!("no `{word}` in its place in what `{line}` says:\n{said}");
            };
            rest = after;
        }
        said
    }
}

/// Two hosts, and a user of the first one's shell.
pub fn two() -> (Network, Host, Host, Link, User) {
    let net = Network::new(28);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link((a, b)).delay(us(100));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    net.settle();
    let user = User::on(&net, a);
    (net, a, b, link, user)
}
