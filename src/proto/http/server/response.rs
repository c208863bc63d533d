//! Responses as they are made.

use core::fmt::{self, Write as _};

use embedded_io_async::{ErrorType, Write};

use super::super::date::{DATE_LENGTH, HttpDate};
use super::super::error::HttpError;
use super::super::number::Decimal;
use super::super::output::{Framing, Output};
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::events::Events;
use super::exchange::Exchange;
use super::upgrade::Upgraded;

/// Fields that the server writes itself.
const OWN: [&str; 5] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "date",
    "upgrade",
];

/// A response whose head is being made. What goes wrong in a field is said when it is sent.
#[must_use = "a response that is not sent is none"]
pub struct Response<'x, 'e, S> {
    exchange: &'x mut Exchange<'e, S>,
    status: Status,
    state: Result<(), HttpError>,
}

impl<'x, 'e, S: HttpStream> Response<'x, 'e, S> {
    pub(super) fn new(exchange: &'x mut Exchange<'e, S>, status: Status) -> Self {
        let state = match exchange.output.framing {
            Framing::None => exchange.begin_head(status),
            _ => Err(HttpError::Misuse),
        };
        Self {
            exchange,
            status,
            state,
        }
    }

    fn then(mut self, work: impl FnOnce(&mut Output<'e>) -> Result<(), HttpError>) -> Self {
        if self.state.is_ok() {
            self.state = work(&mut self.exchange.output);
        }
        self
    }

    /// Adds a field. Those that frame the response and say what becomes of the connection, the server
    /// writes itself.
    pub fn header(self, name: &str, value: &str) -> Self {
        let is_own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
        self.then(|output| match is_own {
            true => Err(HttpError::Misuse),
            false => output.put_field(name, &[value.as_bytes()]),
        })
    }

    /// Adds a field with a value that is made as it is written, of 128 octets at most.
    pub fn header_display(self, name: &str, value: impl fmt::Display) -> Self {
        let mut text = heapless::String::<128>::new();
        match write!(text, "{value}") {
            Ok(()) => self.header(name, &text),
            Err(fmt::Error) => self.then(|_| Err(HttpError::NoRoom)),
        }
    }

    /// Adds a field with a date.
    pub fn header_date(self, name: &str, date: HttpDate) -> Self {
        self.header(name, date.write(&mut [0; DATE_LENGTH]))
    }

    /// Adds a field whose value is in parts.
    pub(super) fn header_parts(self, name: &str, parts: &[&[u8]]) -> Self {
        self.then(|output| output.put_field(name, parts))
    }

    /// Ends the head.
    fn end(self, framing: Framing) -> Result<&'x mut Exchange<'e, S>, HttpError> {
        let Self {
            exchange,
            status,
            state,
        } = self;
        state?;
        // Those of 1xx are no final responses; of 101 see below.
        let is_interim = status < Status::OK && framing != Framing::Upgraded;
        // "a server MUST NOT generate content in a 205 response" (RFC 9110 §15.3.6).
        let is_reset = status == Status::RESET_CONTENT && framing != Framing::Octets(0);
        if is_interim || is_reset {
            return Err(HttpError::Misuse);
        }
        match framing {
            // "A server MUST NOT send a Content-Length header field in any response with a status code of
            // 1xx (Informational) or 204 (No Content)" (RFC 9110 §8.6).
            _ if status.is_without_content() => {}
            Framing::Octets(length) => {
                let length = Decimal::new(length);
                exchange
                    .output
                    .put_field("content-length", &[length.digits()])?;
            }
            Framing::Chunks(_) => {
                exchange
                    .output
                    .put_field("transfer-encoding", &[b"chunked"])?;
            }
            _ => {}
        }
        exchange.end_head(status, framing)?;
        Ok(exchange)
    }

    /// Sends it with a copy of this as its content.
    pub async fn send(self, content: &[u8]) -> Result<(), HttpError> {
        let mut body = self.stream_of(content.len() as u64)?;
        let mut rest = content;
        while !rest.is_empty() {
            let written = body.write(rest).await?;
            rest = rest.get(written..).unwrap_or(&[]);
        }
        body.finish().await
    }

    /// Sends it with the reason of its status for all content.
    pub(super) async fn send_reason(self) -> Result<(), HttpError> {
        let status = self.status;
        if status.is_without_content() || status == Status::RESET_CONTENT {
            return self.send(b"").await;
        }
        let response = self.header("content-type", "text/plain; charset=utf-8");
        response.send(status.reason().as_bytes()).await
    }

    /// Sends it with this as its content, which a TCP socket sends from where it is.
    pub async fn send_static(self, content: &'static [u8]) -> Result<(), HttpError> {
        let mut body = self.stream_of(content.len() as u64)?;
        body.write_static(content).await?;
        body.finish().await
    }

    /// Content of unknown length is to follow: in chunks, or for a client of HTTP/1.0 to the end of
    /// the connection.
    pub fn stream(self) -> Result<ResponseBody<'x, 'e, S>, HttpError> {
        let framing = self.exchange.open_framing();
        let exchange = self.end(framing)?;
        Ok(ResponseBody { exchange })
    }

    /// So many octets of content are to follow. Nothing is sent before there is some, or the end.
    pub fn stream_of(self, length: u64) -> Result<ResponseBody<'x, 'e, S>, HttpError> {
        let exchange = self.end(Framing::Octets(length))?;
        Ok(ResponseBody { exchange })
    }

    /// Events are to follow, which a browser gives to a script as they come (HTML, *Server-sent
    /// events*).
    pub async fn events(self) -> Result<Events<'x, 'e, S>, HttpError> {
        let response = self.header("content-type", "text/event-stream");
        let mut body = response.header("cache-control", "no-store").stream()?;
        body.flush().await?;
        Ok(Events::new(body))
    }

    /// Names the protocol that the server would go on with, or goes on with (RFC 9110 §7.8).
    pub(super) fn offer(self, protocol: &str) -> Self {
        self.then(|output| {
            output.put_field("connection", &[b"upgrade"])?;
            output.put_field("upgrade", &[protocol.as_bytes()])
        })
    }

    /// Goes on with another protocol: the status is to be 101 (RFC 9110 §7.8). Behind the handler the
    /// connection ends.
    ///
    /// # Errors
    ///
    /// [`HttpError::Misuse`] if the client has not wished for this protocol
    /// ([`Request::wishes_upgrade`](super::super::Request::wishes_upgrade)), or the body of its request
    /// has not been read.
    pub async fn upgrade(self, protocol: &str) -> Result<Upgraded<'x, 'e, S>, HttpError> {
        // Behind a body that has been read the client has been told to continue, as it must be.
        let may_be = self.status == Status::SWITCHING_PROTOCOLS
            && self.exchange.request().wishes_upgrade(protocol)
            && self.exchange.input.is_over();
        if !may_be {
            return Err(HttpError::Misuse);
        }
        let exchange = self.offer(protocol).end(Framing::Upgraded)?;
        let Exchange {
            output,
            stream,
            context,
            ..
        } = exchange;
        output.flush(*stream, context).await?;
        stream.push().await?;
        Ok(Upgraded::new(exchange))
    }
}

/// The content of a response as it is written. Without [`ResponseBody::finish`] the response is
/// incomplete, and the connection ends with it.
pub struct ResponseBody<'x, 'e, S> {
    pub(super) exchange: &'x mut Exchange<'e, S>,
}

impl<S: HttpStream> ResponseBody<'_, '_, S> {
    /// Writes this, which a TCP socket sends from where it is.
    pub async fn write_static(&mut self, content: &'static [u8]) -> Result<(), HttpError> {
        let Exchange {
            output,
            stream,
            context,
            ..
        } = &mut *self.exchange;
        output.write_static(*stream, context, content).await
    }

    /// Ends the response.
    pub async fn finish(self) -> Result<(), HttpError> {
        self.finish_with(&[]).await
    }

    /// Ends the response, with fields behind it where it goes in chunks (RFC 9110 §6.5); a client may
    /// not look at them.
    pub async fn finish_with(self, trailers: &[(&str, &str)]) -> Result<(), HttpError> {
        let Exchange {
            output,
            stream,
            context,
            ..
        } = self.exchange;
        output.finish(*stream, context, trailers).await?;
        stream.push().await
    }
}

impl<S> ErrorType for ResponseBody<'_, '_, S> {
    type Error = HttpError;
}

impl<S: HttpStream> Write for ResponseBody<'_, '_, S> {
    async fn write(&mut self, content: &[u8]) -> Result<usize, HttpError> {
        let Exchange {
            output,
            stream,
            context,
            ..
        } = &mut *self.exchange;
        output.write(*stream, context, content).await
    }

    async fn flush(&mut self) -> Result<(), HttpError> {
        let Exchange {
            output,
            stream,
            context,
            ..
        } = &mut *self.exchange;
        output.flush(*stream, context).await?;
        stream.push().await
    }
}
