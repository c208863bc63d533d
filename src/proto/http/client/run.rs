//! The client at work.

use core::pin::pin;

use heapless::String;

use super::super::error::HttpError;
use super::super::framing::BodyLength;
use super::super::method::Method;
use super::super::output::{Framing, Output, send};
use super::super::response::ResponseHead;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::super::timer::{Pace, Patience, Rate, StackClock, Timer};
use super::body::{HttpResponse, HttpUpload, Tunnel};
use super::config::{HttpClientConfig, HttpClientError, HttpRequest};
use super::connect::Connect;
use super::head::{Asked, Heard, NotHeard, put_basic, read_head};
use super::idle::{Origin, Pool};
use super::url::Url;
use crate::config::HTTP_URL;
use crate::stack::Stack;

/// An HTTP/1.1 client. Any number of tasks may use it at once, each with a buffer of its own: the head
/// of a request must find room there, and that of its response with 128 bytes to spare. Up to `PLACES`
/// connections that have no request are kept for the next ones.
///
/// A request takes one of the stack's sleeps while it waits, and a place in the table of TCP
/// connections.
pub struct HttpClient<'a, C: Connect, const PLACES: usize> {
    stack: Stack<'a>,
    connector: C,
    pub(super) config: HttpClientConfig<'a>,
    idle: Pool<C::Stream, PLACES>,
}

/// A connection, for a request.
pub(super) struct Line<S> {
    pub(super) stream: S,
    /// Where it leads, if it may be kept.
    pub(super) origin: Option<Origin>,
    is_kept: bool,
}

impl<'a, C: Connect, const PLACES: usize> HttpClient<'a, C, PLACES> {
    /// A client with connections made by `connector`.
    pub const fn new(stack: Stack<'a>, connector: C, config: HttpClientConfig<'a>) -> Self {
        Self {
            stack,
            connector,
            config,
            idle: Pool::new(),
        }
    }

    /// Makes a request, and follows redirections (RFC 9110 §15.4): by GET behind a POST that was
    /// answered with 301 or 302, and behind anything that was answered with 303; else by the same
    /// method, with the same content. Another server is not told of credentials and cookies.
    ///
    /// A request on a connection that turns out to have been ended is made once more, if its method is
    /// idempotent (§9.2.2).
    pub async fn send<'c>(
        &'c self,
        request: &HttpRequest<'_>,
        buffer: &'c mut [u8],
    ) -> Result<HttpResponse<'c, 'a, C, PLACES>, HttpClientError> {
        let mut at = String::<HTTP_URL>::new();
        let (mut method, mut has_secrets) = (request.method, true);
        let mut left = self.config.max_redirects;
        loop {
            let url = Url::new(if at.is_empty() { request.url } else { &at })?;
            let content = if method == request.method {
                request.content
            } else {
                &[]
            };
            let length = Some(BodyLength::Octets(content.len() as u64));
            let asked = Asked {
                request: *request,
                method,
                url,
                has_secrets,
                body: length.filter(|_| !content.is_empty() || has_content(method)),
            };
            let (line, heard) = self.exchange(&asked, content, buffer).await?;
            let head = buffer.get(..heard.head).unwrap_or(&[]);
            let head = ResponseHead::new(head).map_err(|_| HttpError::Malformed)?;
            let Some((next, to)) = redirection(&head, method).filter(|_| left > 0) else {
                let is_left = redirection(&head, method).is_some() && self.config.max_redirects > 0;
                return match is_left {
                    true => Err(HttpClientError::Redirects),
                    false => HttpResponse::new(self, line, method, heard, buffer),
                };
            };
            left -= 1;
            let resolved = url.resolve(to)?;
            has_secrets &= Url::new(&resolved)?.is_at(&url);
            // What it says beside that is of no interest, and the connection may be.
            let mut rest = HttpResponse::new(self, line, method, heard, &mut *buffer)?;
            rest.pass_over().await;
            drop(rest);
            (at, method) = (resolved, next);
        }
    }

    /// Begins a request whose content is written as a stream: of this length, or in chunks, which a
    /// server of HTTP/1.0 does not know. Redirections are not followed, and nothing is repeated.
    pub async fn upload<'c>(
        &'c self,
        request: &HttpRequest<'_>,
        length: Option<u64>,
        buffer: &'c mut [u8],
    ) -> Result<HttpUpload<'c, 'a, C, PLACES>, HttpClientError> {
        let asked = Asked {
            request: *request,
            method: request.method,
            url: Url::new(request.url)?,
            has_secrets: true,
            body: Some(length.map_or(BodyLength::Chunked, BodyLength::Octets)),
        };
        if !request.content.is_empty() {
            return Err(HttpError::Misuse.into());
        }
        let line = self.line(&asked.url, true).await?;
        let clock = StackClock(self.stack);
        let timer = Timer::new(&clock);
        let mut output = Output::new(&self.pace(&timer), buffer);
        asked.put(&mut output, &self.config, PLACES > 0)?;
        output.framing = match length {
            Some(length) => Framing::Octets(length),
            None => Framing::Chunks(None),
        };
        Ok(HttpUpload::new(self, line, request.method, output))
    }

    /// Asks the proxy for a connection to a host (RFC 9110 §9.3.6): for TLS, or another protocol.
    ///
    /// # Errors
    ///
    /// [`HttpClientError::Refused`] with what the proxy answers; [`HttpClientError::NotConnected`] if
    /// there is no proxy.
    pub async fn tunnel<'c>(
        &self,
        host: &str,
        port: u16,
        buffer: &'c mut [u8],
    ) -> Result<Tunnel<'c, C::Stream>, HttpClientError> {
        let proxy = self.config.proxy.ok_or(HttpClientError::NotConnected)?;
        let connected = self.connect(proxy.host, proxy.port, false);
        let mut stream = connected.await?;
        let timeout = self.config.response_timeout;
        let is_literal = host.contains(':');
        let mut authority = String::<300>::new();
        let put = match is_literal {
            true => core::fmt::write(&mut authority, format_args!("[{host}]:{port}")),
            false => core::fmt::write(&mut authority, format_args!("{host}:{port}")),
        };
        let is_good = put.is_ok() && super::super::target::is_authority(&authority);
        if !is_good || host.is_empty() || port == 0 {
            return Err(HttpClientError::Url);
        }
        let heard = self.paced(async |pace: &Pace<'_>| {
            let mut output = Output::new(pace, &mut *buffer);
            for part in [b"CONNECT ", authority.as_bytes(), b" HTTP/1.1\r\n"] {
                output.put(part)?;
            }
            output.put_field("host", &[authority.as_bytes()])?;
            if let Some(credentials) = proxy.basic {
                put_basic(&mut output, "proxy-authorization", credentials)?;
            }
            output.put(b"\r\n")?;
            output.flush(&mut stream, pace).await?;
            stream.push().await?;
            let heard = read_head(&mut stream, pace, timeout, output.into_buffer()).await;
            heard.map_err(|not| not.error)
        });
        let Heard { head, there } = heard.await?;
        let octets = buffer.get(..head).unwrap_or(&[]);
        let response = ResponseHead::new(octets).map_err(|_| HttpError::Malformed)?;
        match response.status().code() {
            200..300 => Ok(Tunnel::new(stream, buffer.get(head..there).unwrap_or(&[]))),
            _ => Err(HttpClientError::Refused(response.status())),
        }
    }

    /// Ends connections that have been without a request for too long, or that their servers have
    /// ended; so does whoever needs one.
    pub fn expire(&self) {
        self.idle.expire(self.stack.now(), self.config.idle_timeout);
    }

    /// Has a request answered.
    async fn exchange(
        &self,
        asked: &Asked<'_>,
        content: &[u8],
        buffer: &mut [u8],
    ) -> Result<(Line<C::Stream>, Heard), HttpClientError> {
        let mut may_be_kept = true;
        loop {
            let mut line = self.line(&asked.url, may_be_kept).await?;
            match self.attempt(&mut line, asked, content, buffer).await {
                Ok(heard) => return Ok((line, heard)),
                // "a client MUST NOT automatically retry a request with a non-idempotent method"
                // (RFC 9110 §9.2.2).
                Err(not) if line.is_kept && not.is_silent && asked.method.is_idempotent() => {
                    let is_ended = matches!(not.error, HttpError::Ended | HttpError::Broken);
                    may_be_kept = false;
                    if !is_ended {
                        return Err(not.error.into());
                    }
                }
                Err(not) => return Err(not.error.into()),
            }
        }
    }

    /// Sends a request, and reads the head of its response.
    async fn attempt(
        &self,
        line: &mut Line<C::Stream>,
        asked: &Asked<'_>,
        content: &[u8],
        buffer: &mut [u8],
    ) -> Result<Heard, NotHeard> {
        let Line { stream, origin, .. } = line;
        self.paced(async |pace: &Pace<'_>| {
            let mut output = Output::new(pace, buffer);
            let put = asked.put(&mut output, &self.config, PLACES > 0);
            put.map_err(|error| NotHeard {
                error,
                is_silent: false,
            })?;
            let rest = match output.put(content) {
                Ok(()) => &[],
                Err(_) => content,
            };
            let mut patience = Patience::new(pace.rate);
            let sent = async {
                output.flush(stream, pace).await?;
                send(stream, pace, &mut patience, rest).await?;
                stream.push().await
            };
            let sent = sent.await;
            // A server that does not take the content may have said why.
            let timeout = self.config.response_timeout;
            let heard = read_head(stream, pace, timeout, output.into_buffer()).await;
            if let Err(error) = sent {
                *origin = None;
                return heard.map_err(|not| NotHeard { error, ..not });
            }
            heard
        })
        .await
    }

    /// A connection for what has this URL.
    async fn line(
        &self,
        url: &Url<'_>,
        may_be_kept: bool,
    ) -> Result<Line<C::Stream>, HttpClientError> {
        let (host, port) = match self.config.proxy {
            Some(_) if url.is_https => return Err(HttpClientError::NotSecured),
            Some(proxy) => (proxy.host, proxy.port),
            None => (url.host, url.port),
        };
        let origin = Origin::new(host, port, url.is_https);
        let now = self.stack.now();
        let kept = origin.as_ref().filter(|_| may_be_kept);
        let kept = kept.and_then(|origin| self.idle.take(origin, now, self.config.idle_timeout));
        let is_kept = kept.is_some();
        let stream = match kept {
            Some(stream) => stream,
            None => self.connect(host, port, url.is_https).await?,
        };
        Ok(Line {
            stream,
            origin,
            is_kept,
        })
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_secured: bool,
    ) -> Result<C::Stream, HttpClientError> {
        // Those that are of no use give their places.
        self.expire();
        let connected = self.paced(async |pace: &Pace<'_>| {
            let deadline = pace.timer.now() + self.config.connect_timeout;
            let connected = self.connector.connect(host, port, is_secured);
            pace.timer.before(deadline, connected).await
        });
        connected.await.ok_or(HttpClientError::NotConnected)?
    }

    /// Keeps a connection whose response was read.
    pub(super) fn keep(&self, line: Line<C::Stream>) {
        if let (Some(origin), true) = (line.origin, PLACES > 0) {
            self.idle.keep(line.stream, origin, self.stack.now());
        }
    }

    fn pace<'t>(&self, timer: &'t Timer<'t>) -> Pace<'t> {
        let rate = self.rate();
        Pace { timer, rate }
    }

    pub(super) const fn rate(&self) -> Rate {
        Rate {
            transfer_timeout: self.config.transfer_timeout,
            min_rate: self.config.min_rate,
        }
    }

    /// Does something under the stack's clock.
    pub(super) async fn paced<T>(&self, work: impl AsyncFnOnce(&Pace<'_>) -> T) -> T {
        let clock = StackClock(self.stack);
        let timer = Timer::new(&clock);
        let pace = self.pace(&timer);
        let work = pin!(work(&pace));
        timer.drive(self.stack, work).await
    }
}

/// Methods with which a length is said even where it is zero (RFC 9110 §8.6).
const fn has_content(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put | Method::Patch)
}

/// By which method, and where, a response leads on.
fn redirection<'h>(head: &ResponseHead<'h>, method: Method) -> Option<(Method, &'h str)> {
    let next = match (head.status(), method) {
        (Status::SEE_OTHER, Method::Head) => Method::Head,
        (Status::SEE_OTHER, _) => Method::Get,
        (Status::MOVED_PERMANENTLY | Status::FOUND, Method::Post) => Method::Get,
        (Status::MOVED_PERMANENTLY | Status::FOUND, _) => method,
        (Status::TEMPORARY_REDIRECT | Status::PERMANENT_REDIRECT, _) => method,
        _ => return None,
    };
    Some((next, head.fields().get_str("location")?))
}
