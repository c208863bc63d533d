//! Whether the network beyond the link is there: asked of somebody who is.

use core::cell::Cell;
use core::future::Future;
#[cfg(feature = "ping")]
use core::net::IpAddr;
#[cfg(feature = "tcp")]
use core::net::SocketAddr;

use embassy_futures::select::{Either, select};
#[cfg(feature = "tcp")]
use embedded_io_async::{Read, Write};

use crate::iface::{EventClass, EventKind};
#[cfg(feature = "ping")]
use crate::socket::Ping;
#[cfg(feature = "tcp")]
use crate::socket::TcpSocket;
use crate::stack::{InterfaceId, Stack};
use crate::time::Duration;

/// Asks somebody beyond the link.
pub trait Probe {
    /// Whether there was an answer. It takes as long as it takes: a probe has a time limit of its own.
    fn probe(&mut self) -> impl Future<Output = bool>;
}

/// Asks again and again, and tells by [`EventKind::Online`] what has become of it.
pub struct OnlineCheck<'a> {
    stack: Stack<'a>,
    interface: InterfaceId,
    interval: Duration,
    online: Cell<Option<bool>>,
}

impl<'a> OnlineCheck<'a> {
    /// Asks each `interval`, and when something has happened to what is connected. The events are
    /// those of `interface`.
    pub const fn new(stack: Stack<'a>, interface: InterfaceId, interval: Duration) -> Self {
        Self {
            stack,
            interface,
            interval,
            online: Cell::new(None),
        }
    }

    /// Whether the last probe had an answer; `None` before the first.
    pub fn is_online(&self) -> Option<bool> {
        self.online.get()
    }

    /// Asks by `probe`, for ever.
    pub async fn run(&self, probe: &mut impl Probe) -> ! {
        let mut events = self.stack.events().only(EventClass::CONNECTION);
        loop {
            let online = probe.probe().await;
            if self.online.replace(Some(online)) != Some(online) {
                (self.stack).announce(self.interface, EventKind::Online(online));
            }
            let changed = async {
                // Its own events are no news.
                while matches!(
                    events.next().await.map(|event| event.kind),
                    Ok(EventKind::Online(_))
                ) {}
            };
            let _: Either<(), ()> = select(self.stack.sleep(self.interval), changed).await;
        }
    }
}

/// Asks a host by ICMP echo.
#[cfg(feature = "ping")]
pub struct PingProbe<'a> {
    stack: Stack<'a>,
    target: IpAddr,
    timeout: Duration,
    sequence: u16,
}

#[cfg(feature = "ping")]
impl<'a> PingProbe<'a> {
    /// Pings `target`, which has until `timeout` to answer.
    pub const fn new(stack: Stack<'a>, target: IpAddr, timeout: Duration) -> Self {
        Self {
            stack,
            target,
            timeout,
            sequence: 0,
        }
    }
}

#[cfg(feature = "ping")]
impl Probe for PingProbe<'_> {
    async fn probe(&mut self) -> bool {
        let Ok(ping) = Ping::new(self.stack) else {
            return false;
        };
        self.sequence = self.sequence.wrapping_add(1);
        let answer = ping.ping(self.target, self.sequence, &[], self.timeout);
        answer.await.is_ok()
    }
}

/// Asks a web server for a page, and looks at the status only. A portal that wants a login answers in
/// place of the server, and with another status than one that no portal has reason to use: 204 is what
/// servers for this purpose give.
#[cfg(feature = "tcp")]
pub struct HttpProbe<'a> {
    stack: Stack<'a>,
    server: SocketAddr,
    host: &'a str,
    path: &'a str,
    status: u16,
    timeout: Duration,
}

#[cfg(feature = "tcp")]
impl<'a> HttpProbe<'a> {
    /// Asks the server at this address for `path` of `host`; good is status 204 within `timeout`.
    pub const fn new(
        stack: Stack<'a>,
        server: SocketAddr,
        host: &'a str,
        path: &'a str,
        timeout: Duration,
    ) -> Self {
        Self {
            stack,
            server,
            host,
            path,
            status: 204,
            timeout,
        }
    }

    /// Another status is the good one.
    #[must_use]
    pub const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The status that the server answers with.
    async fn ask(&self) -> Option<u16> {
        let mut socket = TcpSocket::connect(self.stack, self.server).await.ok()?;
        let request = [
            "GET ",
            self.path,
            " HTTP/1.1\r\nHost: ",
            self.host,
            "\r\nConnection: close\r\n\r\n",
        ];
        for part in request {
            socket.write_all(part.as_bytes()).await.ok()?;
        }
        // RFC 9112 §4: the version has eight characters, then comes a space and the status.
        let mut line = [0; 12];
        socket.read_exact(&mut line).await.ok()?;
        let (version, status) = line.split_at_checked(9)?;
        if !version.starts_with(b"HTTP/1.") {
            return None;
        }
        // The rest is of no use: no time is spent on a good order of the end.
        socket.abort();
        str::from_utf8(status).ok()?.parse().ok()
    }
}

#[cfg(feature = "tcp")]
impl Probe for HttpProbe<'_> {
    async fn probe(&mut self) -> bool {
        match select(self.ask(), self.stack.sleep(self.timeout)).await {
            Either::First(status) => status == Some(self.status),
            Either::Second(()) => false,
        }
    }
}
