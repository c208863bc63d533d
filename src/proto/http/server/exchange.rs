//! A request and its response, as a handler has them.

use core::net::SocketAddr;

use embedded_io_async::{ErrorType, Read};

use super::super::error::HttpError;
use super::super::fields::Fields;
use super::super::input::Input;
use super::super::method::{ALLOW_LENGTH, Method, Methods};
use super::super::output::{Framing, Output, send};
use super::super::request::Request;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::super::timer::Patience;
use super::connection::Context;
use super::response::Response;

/// Octets of a body that nobody has read which are passed over, so that the connection can go on.
pub(super) const PASSED_OVER: u64 = 16 * 1024;

/// A request that waits for its response: its body is read here ([`Read`]), and the response begun by
/// [`Exchange::respond`].
pub struct Exchange<'e, S> {
    pub(super) stream: &'e mut S,
    pub(super) context: &'e Context<'e>,
    pub(super) input: Input<'e>,
    pub(super) output: Output<'e>,
    request: Request<'e>,
    /// The connection goes on behind the response, as far as is known.
    pub(super) goes_on: bool,
    /// The client waits to be told that it may send the body.
    awaits_continue: bool,
}

impl<'e, S: HttpStream> Exchange<'e, S> {
    pub(super) fn new(
        stream: &'e mut S,
        context: &'e Context<'e>,
        request: &Request<'e>,
        input: Input<'e>,
        output: Output<'e>,
    ) -> Self {
        Self {
            stream,
            context,
            // "A server MAY omit sending a 100 (Continue) response if it has already received some
            // or all of the content ..., or if the framing indicates that there is no content."
            awaits_continue: request.expects_continue()
                && !input.is_over()
                && input.unread().is_empty(),
            input,
            output,
            request: *request,
            goes_on: request.keeps_alive(),
        }
    }

    /// What the client asks for.
    pub const fn request(&self) -> &Request<'e> {
        &self.request
    }

    /// The address and port of the client.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer()
    }

    /// Takes so many octets of the body, and no more, from here on.
    pub const fn set_max_body(&mut self, octets: u64) {
        self.input.set_limit(octets);
    }

    /// The fields that came behind a body in chunks, once that has been read to its end.
    pub fn trailers(&self) -> Fields<'_> {
        self.input.trailers()
    }

    /// Reads the whole body to `to`: what there is of it.
    ///
    /// # Errors
    ///
    /// As for [`Exchange`]'s `read`; [`HttpError::TooLarge`] if it finds no room there.
    pub async fn read_whole<'t>(&mut self, to: &'t mut [u8]) -> Result<&'t mut [u8], HttpError> {
        let mut length = 0;
        loop {
            let rest = to.get_mut(length..).unwrap_or(&mut []);
            let is_full = rest.is_empty();
            let mut one_more = [0];
            let room = if is_full { &mut one_more[..] } else { rest };
            match self.read(room).await? {
                0 => return Ok(to.get_mut(..length).unwrap_or(&mut [])),
                _ if is_full => return Err(HttpError::TooLarge),
                read => length += read,
            }
        }
    }

    /// Begins the response.
    pub fn respond(&mut self, status: Status) -> Response<'_, 'e, S> {
        Response::new(self, status)
    }

    /// Sends a response that says no more than its status.
    pub async fn respond_status(&mut self, status: Status) -> Result<(), HttpError> {
        self.respond(status).send_reason().await
    }

    /// Asks for another protocol than HTTP: 426 (RFC 9110 §15.5.22).
    pub async fn demand_upgrade(&mut self, protocol: &str) -> Result<(), HttpError> {
        let response = self.respond(Status::UPGRADE_REQUIRED);
        response.offer(protocol).send_reason().await
    }

    /// Tells the client that the method is none of these (RFC 9110 §15.5.6), or, if it has asked for
    /// them by OPTIONS, which they are (§9.3.7).
    pub async fn allow(&mut self, methods: Methods) -> Result<(), HttpError> {
        let mut room = [0; ALLOW_LENGTH];
        let list = methods.write(&mut room);
        let status = match self.request.method() {
            Method::Options => Status::NO_CONTENT,
            _ => Status::METHOD_NOT_ALLOWED,
        };
        self.respond(status)
            .header("allow", list)
            .send_reason()
            .await
    }

    /// Reads of the body; 0 at its end.
    pub(super) async fn read_body(&mut self, to: &mut [u8]) -> Result<usize, HttpError> {
        self.input.check_limit()?;
        if self.awaits_continue && !to.is_empty() {
            self.awaits_continue = false;
            if self.output.framing == Framing::None {
                let line = b"HTTP/1.1 100 Continue\r\n\r\n";
                let mut patience = Patience::new(self.context.rate);
                send(self.stream, self.context, &mut patience, line).await?;
                self.stream.push().await?;
            }
        }
        self.input.read(self.stream, self.context, to).await
    }

    // ---- The head of a response -------------------------------------------------------------

    /// Writes the status line, and the date if it is known.
    pub(super) fn begin_head(&mut self, status: Status) -> Result<(), HttpError> {
        self.output.clear();
        self.output.put(b"HTTP/1.1 ")?;
        self.output.put(&status.digits())?;
        self.output.put(b" ")?;
        self.output.put(status.reason().as_bytes())?;
        self.output.put(b"\r\n")?;
        // "An origin server with a clock MUST generate a Date header field ... An origin server without
        // a clock MUST NOT" (RFC 9110 §6.6.1).
        match self.context.clock.and_then(|clock| clock()) {
            Some(date) => {
                let mut room = [0; super::super::date::DATE_LENGTH];
                self.output
                    .put_field("date", &[date.write(&mut room).as_bytes()])
            }
            None => Ok(()),
        }
    }

    /// Writes what says whether the connection goes on, and the end of the head.
    pub(super) fn end_head(&mut self, status: Status, framing: Framing) -> Result<(), HttpError> {
        // "A server MUST read the entire request message body or close the connection after sending its
        // response" (RFC 9112 §9.3). One that nobody has asked for may never come.
        let is_too_much = self.input.left().is_some_and(|left| left > PASSED_OVER);
        self.goes_on &= !is_too_much
            && !self.awaits_continue
            && framing != Framing::UntilClose
            && !self.context.crowd.is_crowded();
        if framing == Framing::Upgraded {
            self.goes_on = false;
        } else if !self.goes_on {
            self.output.put_field("connection", &[b"close"])?;
        } else if !self.request.is_1_1() {
            self.output.put_field("connection", &[b"keep-alive"])?;
        }
        self.output.put(b"\r\n")?;
        let is_hidden = self.request.method() == Method::Head || status.is_without_content();
        self.output.framing = match framing {
            Framing::Upgraded => framing,
            _ if is_hidden => Framing::Hidden,
            framing => framing,
        };
        Ok(())
    }

    /// How a body of unknown length is framed: "A server MUST NOT send a response containing
    /// Transfer-Encoding unless the corresponding request indicates HTTP/1.1" (RFC 9112 §6.1).
    pub(super) const fn open_framing(&self) -> Framing {
        match self.request.is_1_1() {
            true => Framing::Chunks(None),
            false => Framing::UntilClose,
        }
    }

    // ---- The end ---------------------------------------------------------------------------

    /// Passes over what is left of the body; whether it is all gone.
    pub(super) async fn pass_over(&mut self) -> bool {
        if self.awaits_continue {
            return false;
        }
        self.set_max_body(PASSED_OVER);
        let mut scratch = [0; 128];
        loop {
            match self.read_body(&mut scratch).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

impl<S> ErrorType for Exchange<'_, S> {
    type Error = HttpError;
}

/// The body of the request.
///
/// # Errors
///
/// [`HttpError::TooLarge`] beyond [`HttpConfig::max_body`](super::HttpConfig::max_body),
/// [`HttpError::Malformed`] if its chunks are none, [`HttpError::TimedOut`] if the client is too slow,
/// [`HttpError::Ended`] or [`HttpError::Broken`] if the connection ends before it.
impl<S: HttpStream> Read for Exchange<'_, S> {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, HttpError> {
        self.read_body(to).await
    }
}
