//! Events for browsers (HTML, *Server-sent events*).

use embedded_io_async::Write;

use super::super::error::HttpError;
use super::super::number::Decimal;
use super::super::output::Framing;
use super::super::stream::HttpStream;
use super::response::ResponseBody;
use crate::time::Duration;

/// A response that goes on with events, for as long as both sides like.
pub struct Events<'x, 'e, S> {
    body: ResponseBody<'x, 'e, S>,
}

impl<'x, 'e, S: HttpStream> Events<'x, 'e, S> {
    pub(super) const fn new(body: ResponseBody<'x, 'e, S>) -> Self {
        Self { body }
    }

    /// Sends an event: `data`, which may have several lines.
    pub async fn send(&mut self, data: &str) -> Result<(), HttpError> {
        self.send_named(None, None, data).await
    }

    /// Sends an event of a name, and with an id that the browser tells when it asks again, in
    /// `Last-Event-ID`.
    ///
    /// # Errors
    ///
    /// [`HttpError::Misuse`] if name or id have a line break; [`HttpError::Ended`] if the request was
    /// HEAD, which has no events.
    pub async fn send_named(
        &mut self,
        name: Option<&str>,
        id: Option<&str>,
        data: &str,
    ) -> Result<(), HttpError> {
        if self.body.exchange.output.framing == Framing::Hidden {
            return Err(HttpError::Ended);
        }
        for (field, value) in [("event: ", name), ("id: ", id)] {
            let Some(value) = value else { continue };
            if value.contains(['\r', '\n', '\0']) {
                return Err(HttpError::Misuse);
            }
            self.line(field, value).await?;
        }
        for line in lines(data) {
            self.line("data: ", line).await?;
        }
        self.line("", "").await?;
        self.body.flush().await
    }

    /// Sends what no script sees, so that nobody on the way takes the connection for dead, and it is
    /// known whether the client is still there.
    pub async fn keep_alive(&mut self) -> Result<(), HttpError> {
        self.line(":", "").await?;
        self.body.flush().await
    }

    /// Tells the browser how long to wait before it asks again when the connection has ended.
    pub async fn retry(&mut self, after: Duration) -> Result<(), HttpError> {
        let after = Decimal::new(after.as_millis());
        let after = core::str::from_utf8(after.digits()).unwrap_or("0");
        self.line("retry: ", after).await?;
        self.body.flush().await
    }

    /// Waits until the client ends the connection. What it sends meanwhile is passed over.
    pub async fn closed(&mut self) {
        let mut scratch = [0; 16];
        let exchange = &mut *self.body.exchange;
        if exchange.output.framing == Framing::Hidden {
            return;
        }
        exchange.goes_on = false;
        while matches!(exchange.stream.read(&mut scratch).await, Ok(1..)) {}
    }

    /// Ends the events. A browser asks again then.
    pub async fn finish(self) -> Result<(), HttpError> {
        self.body.finish().await
    }

    async fn line(&mut self, field: &str, value: &str) -> Result<(), HttpError> {
        for part in [field, value, "\n"] {
            let mut rest = part.as_bytes();
            while !rest.is_empty() {
                let written = self.body.write(rest).await?;
                rest = rest.get(written..).unwrap_or(&[]);
            }
        }
        Ok(())
    }
}

/// Lines as those who read events know them: each of CR LF, LF and CR ends one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn every_kind_of_line_break_ends_a_line() {
        let read: Vec<_> = lines("a\nb\r\nc\rd").collect();
        assert_eq!(read, ["a", "b", "c", "d"]);
        assert_eq!(lines("").collect::<Vec<_>>(), [""]);
    }
}
