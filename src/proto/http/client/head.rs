//! Heads: those of requests written, those of responses read.

use embedded_io_async::Read;

use super::super::auth::{BASIC_LENGTH, basic};
use super::super::error::HttpError;
use super::super::framing::BodyLength;
use super::super::method::Method;
use super::super::number::Decimal;
use super::super::output::Output;
use super::super::response::ResponseHead;
use super::super::scan::SectionScanner;
use super::super::status::Status;
use super::super::timer::Pace;
use super::config::{HttpClientConfig, HttpRequest};
use super::url::Url;
use crate::time::Duration;

/// Octets of a buffer that are kept for a body: a head has the rest.
const KEPT: usize = 128;

/// Fields that the client writes itself.
const OWN: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "upgrade",
    "expect",
    "proxy-authorization",
];

/// What is asked for now: a redirection may have changed it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'r> {
    pub(super) request: HttpRequest<'r>,
    pub(super) method: Method,
    pub(super) url: Url<'r>,
    /// The server may be told of what only the first one was to know.
    pub(super) has_secrets: bool,
    /// The content goes with it, of this length.
    pub(super) body: Option<BodyLength>,
}

impl Asked<'_> {
    /// Whether a field goes with it: "Consider removing header fields ... this includes but is not
    /// limited to Authorization and Cookie"; "If the request method has been changed to GET or HEAD,
    /// remove content-specific header fields" (RFC 9110 §15.4).
    fn has_field(&self, name: &str) -> bool {
        let is_secret = ["authorization", "cookie"];
        let is_secret = is_secret
            .iter()
            .any(|other| other.eq_ignore_ascii_case(name));
        let is_of_content = ["digest", "last-modified", "content-digest", "repr-digest"]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(name))
            || name
                .get(..8)
                .is_some_and(|name| name.eq_ignore_ascii_case("content-"));
        let is_changed = self.method != self.request.method;
        (self.has_secrets || !is_secret) && !(is_changed && is_of_content)
    }

    /// Gathers the head.
    pub(super) fn put(
        &self,
        output: &mut Output<'_>,
        config: &HttpClientConfig<'_>,
        goes_on: bool,
    ) -> Result<(), HttpError> {
        let Self { request, url, .. } = self;
        output.put(self.method.name().as_bytes())?;
        output.put(b" ")?;
        if config.proxy.is_some() {
            output.put(b"http://")?;
            output.put(url.authority.as_bytes())?;
        }
        output.put(url.path.as_bytes())?;
        if let Some(query) = url.query {
            output.put(b"?")?;
            output.put(query.as_bytes())?;
        }
        output.put(b" HTTP/1.1\r\n")?;
        // "user agent ... SHOULD generate Host as the first field" (RFC 9110 §7.2).
        output.put_field("host", &[url.authority.as_bytes()])?;
        if !goes_on {
            output.put_field("connection", &[b"close"])?;
        }
        if let Some(credentials) = config.proxy.and_then(|proxy| proxy.basic) {
            put_basic(output, "proxy-authorization", credentials)?;
        }
        if let Some(credentials) = request.basic.filter(|_| self.has_secrets) {
            put_basic(output, "authorization", credentials)?;
        }
        let mut names = request.fields.iter().map(|(name, _)| name);
        let has_agent = names.any(|name| name.eq_ignore_ascii_case("user-agent"));
        if !config.user_agent.is_empty() && !has_agent {
            output.put_field("user-agent", &[config.user_agent.as_bytes()])?;
        }
        for (name, value) in request.fields {
            if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(HttpError::Misuse);
            }
            if self.has_field(name) {
                output.put_field(name, &[value.as_bytes()])?;
            }
        }
        match self.body {
            Some(BodyLength::Octets(length)) => {
                output.put_field("content-length", &[Decimal::new(length).digits()])?;
            }
            Some(_) => output.put_field("transfer-encoding", &[b"chunked"])?,
            None => {}
        }
        output.put(b"\r\n")
    }
}

/// Gathers a field with user and password.
pub(super) fn put_basic(
    output: &mut Output<'_>,
    name: &str,
    credentials: (&str, &str),
) -> Result<(), HttpError> {
    let mut room = [0; BASIC_LENGTH];
    let token = basic(credentials, &mut room).ok_or(HttpError::Misuse)?;
    output.put_field(name, &[b"Basic ", token.as_bytes()])
}

/// A head at the front of a buffer.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    pub(super) head: usize,
    /// Octets in the buffer, with what follows the head.
    pub(super) there: usize,
}

/// Why there is no head.
#[derive(Clone, Copy)]
pub(super) struct NotHeard {
    pub(super) error: HttpError,
    /// Nothing at all has come.
    pub(super) is_silent: bool,
}

/// Reads the head of the final response.
pub(super) async fn read_head(
    stream: &mut impl Read,
    pace: &Pace<'_>,
    timeout: Duration,
    buffer: &mut [u8],
) -> Result<Heard, NotHeard> {
    let deadline = pace.timer.now() + timeout;
    let most = buffer.len().saturating_sub(KEPT);
    let mut there = 0;
    let mut is_silent = true;
    let mut scanner = SectionScanner::new();
    loop {
        let octets = buffer.get(..there).unwrap_or(&[]);
        let fail = |error| NotHeard { error, is_silent };
        let end = scanner.scan(octets);
        if let Some(head) = end.map_err(|_| fail(HttpError::Malformed))? {
            let octets = octets.get(..head).unwrap_or(&[]);
            let response = ResponseHead::new(octets);
            let response = response.map_err(|_| fail(HttpError::Malformed))?;
            match response.status() {
                // Nobody has asked for another protocol.
                Status::SWITCHING_PROTOCOLS => return Err(fail(HttpError::Malformed)),
                // "A client MUST be able to parse one or more 1xx responses received prior to a final
                // response, even if the client does not expect one" (RFC 9110 §15.2).
                status if status < Status::OK => {
                    buffer.copy_within(head..there.max(head), 0);
                    there = there.saturating_sub(head);
                    scanner = SectionScanner::new();
                    continue;
                }
                _ => return Ok(Heard { head, there }),
            }
        }
        let room = buffer.get_mut(there..most).unwrap_or(&mut []);
        if room.is_empty() {
            return Err(fail(HttpError::TooLarge));
        }
        match pace.timer.before(deadline, stream.read(room)).await {
            Some(Ok(length @ 1..)) => there += length,
            Some(Ok(0)) => return Err(fail(HttpError::Ended)),
            Some(Err(_)) => return Err(fail(HttpError::Broken)),
            None => return Err(fail(HttpError::TimedOut)),
        }
        is_silent = false;
    }
}
