//! What is sent and received as streams.

use embedded_io_async::{ErrorType, Read, Write};

use super::super::error::HttpError;
use super::super::fields::Fields;
use super::super::framing::BodyLength;
use super::super::input::Input;
use super::super::method::Method;
use super::super::output::Output;
use super::super::response::ResponseHead;
use super::super::status::Status;
use super::super::timer::Pace;
use super::config::HttpClientError;
use super::connect::Connect;
use super::head::{Heard, read_head};
use super::run::{HttpClient, Line};

/// Octets of a response that nobody wants which are read, so that the connection can be kept.
const PASSED_OVER: u64 = 4096;

/// A response: its body is read here ([`Read`]). When it is dropped, its connection is kept if all of
/// the body has been read, and else ended.
pub struct HttpResponse<'c, 'a, C: Connect, const PLACES: usize> {
    client: &'c HttpClient<'a, C, PLACES>,
    line: Option<Line<C::Stream>>,
    head: ResponseHead<'c>,
    input: Input<'c>,
    goes_on: bool,
}

impl<'c, 'a, C: Connect, const PLACES: usize> HttpResponse<'c, 'a, C, PLACES> {
    pub(super) fn new(
        client: &'c HttpClient<'a, C, PLACES>,
        line: Line<C::Stream>,
        method: Method,
        heard: Heard,
        buffer: &'c mut [u8],
    ) -> Result<Self, HttpClientError> {
        let malformed = HttpClientError::Exchange(HttpError::Malformed);
        let (head, rest) = buffer.split_at_mut_checked(heard.head).ok_or(malformed)?;
        let head = ResponseHead::new(head).map_err(|_| malformed)?;
        let length = head.body_length(method).map_err(|_| malformed)?;
        let there = heard.there.saturating_sub(heard.head);
        let limit = client.config.max_body;
        let input = Input::new(client.rate(), length, limit, rest, there);
        input.check_limit()?;
        Ok(Self {
            goes_on: head.keeps_alive() && length != BodyLength::ToEnd,
            client,
            line: Some(line),
            head,
            input,
        })
    }

    /// The status.
    pub const fn status(&self) -> Status {
        self.head.status()
    }

    /// The fields.
    pub const fn fields(&self) -> Fields<'c> {
        self.head.fields()
    }

    /// Octets of the body that are to come, if that is known.
    pub const fn length(&self) -> Option<u64> {
        self.input.left()
    }

    /// The fields that came behind a body in chunks, once that has been read to its end.
    pub fn trailers(&self) -> Fields<'_> {
        self.input.trailers()
    }

    /// Reads the whole body to `to`: what there is of it.
    ///
    /// # Errors
    ///
    /// [`HttpError::TooLarge`] if it finds no room.
    pub async fn read_whole<'t>(&mut self, to: &'t mut [u8]) -> Result<&'t [u8], HttpError> {
        let mut length = 0;
        loop {
            let room = to.get_mut(length..).unwrap_or(&mut []);
            if room.is_empty() {
                // The end, or one octet too much.
                return match self.read(&mut [0]).await? {
                    0 => Ok(to),
                    _ => Err(HttpError::TooLarge),
                };
            }
            match self.read(room).await? {
                0 => return Ok(to.get(..length).unwrap_or(&[])),
                more => length += more,
            }
        }
    }

    /// Reads what nobody wants, if it is little.
    pub(super) async fn pass_over(&mut self) {
        if !self.goes_on || self.input.left().is_some_and(|left| left > PASSED_OVER) {
            return;
        }
        let (mut scratch, mut length) = ([0; 64], 0);
        while length < PASSED_OVER {
            match self.read(&mut scratch).await {
                Ok(more @ 1..) => length += more as u64,
                Ok(0) | Err(_) => return,
            }
        }
    }
}

impl<C: Connect, const PLACES: usize> Drop for HttpResponse<'_, '_, C, PLACES> {
    fn drop(&mut self) {
        // "a client MUST read the entire response message body if it intends to reuse the same
        // connection" (RFC 9112 §9.3); behind it nothing was asked for (§9.2).
        let is_clean = self.input.is_over() && self.input.unread().is_empty();
        if let Some(line) = self.line.take().filter(|_| is_clean && self.goes_on) {
            self.client.keep(line);
        }
    }
}

impl<C: Connect, const PLACES: usize> ErrorType for HttpResponse<'_, '_, C, PLACES> {
    type Error = HttpError;
}

impl<C: Connect, const PLACES: usize> Read for HttpResponse<'_, '_, C, PLACES> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, HttpError> {
        let Self {
            client,
            line,
            input,
            ..
        } = self;
        let Some(line) = line else {
            return Err(HttpError::Broken);
        };
        let stream = &mut line.stream;
        client
            .paced(async |pace: &Pace<'_>| input.read(stream, pace, to).await)
            .await
    }
}

/// The content of a request as it is written ([`Write`]). Without [`HttpUpload::finish`] the request is
/// incomplete, and the connection ends with it.
pub struct HttpUpload<'c, 'a, C: Connect, const PLACES: usize> {
    client: &'c HttpClient<'a, C, PLACES>,
    line: Line<C::Stream>,
    method: Method,
    output: Output<'c>,
}

impl<'c, 'a, C: Connect, const PLACES: usize> HttpUpload<'c, 'a, C, PLACES> {
    pub(super) const fn new(
        client: &'c HttpClient<'a, C, PLACES>,
        line: Line<C::Stream>,
        method: Method,
        output: Output<'c>,
    ) -> Self {
        Self {
            client,
            line,
            method,
            output,
        }
    }

    /// Writes this, which a TCP socket sends from where it is.
    pub async fn write_static(&mut self, content: &'static [u8]) -> Result<(), HttpError> {
        let (output, stream) = (&mut self.output, &mut self.line.stream);
        let work = async |pace: &Pace<'_>| output.write_static(stream, pace, content).await;
        self.client.paced(work).await
    }

    /// Ends the content, and waits for the response. Where the server takes no more of the content,
    /// this tells what it says of that, if it says anything.
    pub async fn finish(self) -> Result<HttpResponse<'c, 'a, C, PLACES>, HttpClientError> {
        let Self {
            client,
            mut line,
            method,
            mut output,
        } = self;
        let Line { stream, origin, .. } = &mut line;
        let timeout = client.config.response_timeout;
        let work = async |pace: &Pace<'_>| {
            let sent = async {
                output.finish(stream, pace, &[]).await?;
                crate::proto::http::HttpStream::push(stream).await
            };
            let sent = sent.await;
            let buffer = output.into_buffer();
            if sent == Err(HttpError::Misuse) {
                return Err(HttpError::Misuse);
            }
            let heard = read_head(stream, pace, timeout, &mut *buffer).await;
            if let Err(error) = sent {
                *origin = None;
                return heard.map(|heard| (heard, buffer)).map_err(|_| error);
            }
            heard.map(|heard| (heard, buffer)).map_err(|not| not.error)
        };
        let (heard, buffer) = client.paced(work).await?;
        HttpResponse::new(client, line, method, heard, buffer)
    }
}

impl<C: Connect, const PLACES: usize> ErrorType for HttpUpload<'_, '_, C, PLACES> {
    type Error = HttpError;
}

impl<C: Connect, const PLACES: usize> Write for HttpUpload<'_, '_, C, PLACES> {
    async fn write(&mut self, content: &[u8]) -> Result<usize, HttpError> {
        let (output, stream) = (&mut self.output, &mut self.line.stream);
        let work = async |pace: &Pace<'_>| output.write(stream, pace, content).await;
        self.client.paced(work).await
    }

    async fn flush(&mut self) -> Result<(), HttpError> {
        let (output, stream) = (&mut self.output, &mut self.line.stream);
        let work = async |pace: &Pace<'_>| output.flush(stream, pace).await;
        self.client.paced(work).await
    }
}

/// A connection that a proxy passes on.
#[derive(Debug)]
pub struct Tunnel<'c, S> {
    stream: S,
    /// What came behind the proxy's answer.
    rest: &'c [u8],
}

impl<'c, S> Tunnel<'c, S> {
    pub(super) const fn new(stream: S, rest: &'c [u8]) -> Self {
        Self { stream, rest }
    }
}

impl<S: ErrorType> ErrorType for Tunnel<'_, S> {
    type Error = S::Error;
}

impl<S: Read> Read for Tunnel<'_, S> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, S::Error> {
        if self.rest.is_empty() {
            return self.stream.read(to).await;
        }
        self.rest.read(to).await.map_err(|never| match never {})
    }
}

impl<S: Write> Write for Tunnel<'_, S> {
    async fn write(&mut self, content: &[u8]) -> Result<usize, S::Error> {
        self.stream.write(content).await
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.stream.flush().await
    }
}
