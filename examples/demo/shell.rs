//! `--shell`: the shell of the device, on this terminal and on TCP port 23.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::thread;

use async_io::Async;
use embassy_futures::select::{Either, select};
use embedded_io_async::ErrorType;
use zonda::mgmt::shell::{Services, Shell};
use zonda::proto::dhcpv4::Dhcpv4Client;
use zonda::proto::dns::Resolver;
use zonda::proto::mdns::Mdns;
use zonda::socket::TcpListener;
use zonda::stack::Stack;

use crate::device::ANY;

/// RFC 854.
const TELNET: u16 = 23;

/// Serves until `exit` is entered on the terminal, or for ever if no shell is wanted.
pub async fn run<'a>(
    stack: Stack<'a>,
    client: Option<&Dhcpv4Client<'a, '_>>,
    resolver: &Resolver<'a>,
    mdns: &Mdns<'a>,
    wanted: bool,
) {
    if !wanted {
        return pending().await;
    }
    let services = Services {
        resolver: Some(resolver),
        dhcpv4: client.as_slice(),
        mdns: Some(mdns),
        ..Services::NONE
    };
    let shell = Shell::new(stack, services);
    if let Either::First(Err(error)) = select(terminal(shell), telnet(stack, shell)).await {
        eprintln!("demo: no shell here: {error}");
        pending().await
    }
}

async fn telnet(stack: Stack<'_>, shell: Shell<'_, '_, '_>) -> Infallible {
    let listener = match TcpListener::bind(stack, SocketAddr::new(ANY, TELNET), 1) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("demo: no shell on port {TELNET}: {error}");
            return pending().await;
        }
    };
    let shell = shell.telnet();
    loop {
        let mut socket = listener.accept().await;
        let (reader, writer) = socket.split();
        // A connection that is broken off is the end of the session.
        let _ = shell.run(reader, writer).await;
    }
}

/// Until `exit`; where there is nothing more to be read, for ever.
async fn terminal(shell: Shell<'_, '_, '_>) -> io::Result<()> {
    let _raw = Raw::begin();
    let mut keyboard = Keyboard::new()?;
    let ended = shell.run(&mut keyboard, Screen).await;
    if keyboard.has_ended {
        pending().await
    }
    ended.map_err(io::Error::other)
}

/// What is typed. A thread waits for it, which a terminal or a file does not mind.
struct Keyboard {
    typed: Async<UnixStream>,
    has_ended: bool,
}

impl Keyboard {
    fn new() -> io::Result<Self> {
        let (typed, mut to) = UnixStream::pair()?;
        let _ = thread::spawn(move || io::copy(&mut io::stdin(), &mut to));
        Ok(Self {
            typed: Async::new(typed)?,
            has_ended: false,
        })
    }
}

impl ErrorType for Keyboard {
    type Error = io::Error;
}

impl embedded_io_async::Read for Keyboard {
    async fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.typed.read_with(|mut typed| typed.read(to)).await?;
        self.has_ended = length == 0;
        Ok(length)
    }
}

struct Screen;

impl ErrorType for Screen {
    type Error = io::Error;
}

impl embedded_io_async::Write for Screen {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    async fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Has the terminal, if it is one, send each key at once and leave the echo to us.
#[cfg(target_os = "linux")]
struct Raw(Option<rustix::termios::Termios>);

#[cfg(target_os = "linux")]
impl Raw {
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes -=
                LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
        Self(before)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Raw {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Elsewhere lines come as a whole.
#[cfg(not(target_os = "linux"))]
struct Raw;

#[cfg(not(target_os = "linux"))]
impl Raw {
    const fn begin() -> Self {
        Self
    }
}
