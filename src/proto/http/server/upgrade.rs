//! A connection that has become one of another protocol (RFC 9110 §7.8).

use core::net::SocketAddr;

use embedded_io_async::{ErrorType, Read, Write};

use super::super::stream::HttpStream;
use super::exchange::Exchange;

/// The connection behind a response of status 101: octets in both directions, without the times and
/// sizes of HTTP. What the client sent behind its request comes first.
pub struct Upgraded<'x, 'e, S> {
    exchange: &'x mut Exchange<'e, S>,
}

impl<'x, 'e, S: HttpStream> Upgraded<'x, 'e, S> {
    pub(super) const fn new(exchange: &'x mut Exchange<'e, S>) -> Self {
        Self { exchange }
    }

    /// The address and port of the client.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.exchange.peer()
    }

    /// The stream itself, for what it can do beside: what came behind the request is not in it any
    /// more, but is to be read here.
    pub const fn stream(&mut self) -> &mut S {
        self.exchange.stream
    }
}

impl<S: HttpStream> ErrorType for Upgraded<'_, '_, S> {
    type Error = S::Error;
}

impl<S: HttpStream> Read for Upgraded<'_, '_, S> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, S::Error> {
        if !self.exchange.input.unread().is_empty() {
            return Ok(self.exchange.input.take(to));
        }
        self.exchange.stream.read(to).await
    }
}

impl<S: HttpStream> Write for Upgraded<'_, '_, S> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, S::Error> {
        self.exchange.stream.write(octets).await
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.exchange.stream.flush().await
    }
}
