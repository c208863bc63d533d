//! What lies in flash: pages, pictures, scripts.

use super::super::conditional::{ByteRange, EntityTag, Precondition, Validators};
use super::super::content::{accepts_gzip, media_type};
use super::super::date::HttpDate;
use super::super::error::HttpError;
use super::super::method::Methods;
use super::super::number::Decimal;
use super::super::request::Request;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::super::target::Encoded;
use super::exchange::Exchange;
use super::handler::Handler;

/// A file of a program's constants.
///
/// ```
/// use zonda::proto::http::StaticFile;
///
/// const PAGES: &[StaticFile] = &[
///     StaticFile::new("/", b"<h1>Hello</h1>").with_etag("v1"),
///     StaticFile::new("/style.css", b"h1 { color: teal }").with_etag("v1"),
/// ];
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StaticFile {
    path: &'static str,
    bytes: &'static [u8],
    etag: Option<&'static str>,
    gzip: Option<(&'static [u8], Option<&'static str>)>,
    media_type: Option<&'static str>,
    last_modified: Option<HttpDate>,
    cache_control: Option<&'static str>,
}

impl StaticFile {
    /// The file of a path, which begins with a slash. Its media type goes by the path's ending.
    pub const fn new(path: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            path,
            bytes,
            etag: None,
            gzip: None,
            media_type: None,
            last_modified: None,
            cache_control: None,
        }
    }

    /// With a tag that is another whenever the bytes are, without quotes: a version, a hash.
    #[must_use]
    pub const fn with_etag(self, etag: &'static str) -> Self {
        Self {
            etag: Some(etag),
            ..self
        }
    }

    /// With the same bytes, compressed by gzip, for clients that take that, and a tag for these.
    #[must_use]
    pub const fn with_gzip(self, bytes: &'static [u8], etag: Option<&'static str>) -> Self {
        Self {
            gzip: Some((bytes, etag)),
            ..self
        }
    }

    /// Of this media type.
    #[must_use]
    pub const fn with_media_type(self, media_type: &'static str) -> Self {
        Self {
            media_type: Some(media_type),
            ..self
        }
    }

    /// Last changed then.
    #[must_use]
    pub const fn with_last_modified(self, date: HttpDate) -> Self {
        Self {
            last_modified: Some(date),
            ..self
        }
    }

    /// With what caches are told (RFC 9111 §5.2): `max-age=3600`.
    #[must_use]
    pub const fn with_cache_control(self, directives: &'static str) -> Self {
        Self {
            cache_control: Some(directives),
            ..self
        }
    }
}

/// Serves files, by GET and HEAD: with their tags and dates, in parts, compressed.
#[derive(Clone, Copy, Debug)]
pub struct Files<'f>(pub &'f [StaticFile]);

impl Files<'_> {
    fn find(&self, path: &str) -> Option<&StaticFile> {
        self.0.iter().find(|file| Encoded::new(path) == file.path)
    }
}

impl Handler for Files<'_> {
    fn serves(&self, request: &Request<'_>) -> bool {
        self.find(request.path()).is_some()
    }

    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        match self.find(request.path()) {
            Some(file) => exchange.send_file(file).await,
            None => exchange.respond_status(Status::NOT_FOUND).await,
        }
    }
}

impl<S: HttpStream> Exchange<'_, S> {
    /// Answers the request with a file: as it is wanted, whole or in part, or not at all if the client
    /// has it. Methods other than GET and HEAD are not allowed.
    pub async fn send_file(&mut self, file: &StaticFile) -> Result<(), HttpError> {
        let request = *self.request();
        if !request.method().is_retrieval() {
            let methods = Methods::GET | Methods::HEAD | Methods::OPTIONS;
            return self.allow(methods).await;
        }
        let gzip = file.gzip.filter(|_| accepts_gzip(&request.fields()));
        let (bytes, etag) = gzip.unwrap_or((file.bytes, file.etag));
        let validators = Validators {
            etag: etag.map(EntityTag::strong),
            last_modified: file.last_modified.map(|date| self.until_now(date)),
        };
        let (status, part) = match validators.precondition(&request) {
            Precondition::NotModified => (Status::NOT_MODIFIED, None),
            Precondition::Failed => return self.respond_status(Status::PRECONDITION_FAILED).await,
            Precondition::Holds => match validators.range(&request, bytes.len() as u64) {
                ByteRange::Whole => (Status::OK, None),
                ByteRange::Part { first, last } => (Status::PARTIAL_CONTENT, Some((first, last))),
                ByteRange::Unsatisfiable => (Status::RANGE_NOT_SATISFIABLE, None),
            },
        };
        // "SHOULD NOT generate other representation header fields beyond those required because the
        // client already has a prior response containing those" (RFC 9110 §15.3.7).
        let is_brief = part.is_some() && request.fields().get("if-range").is_some();
        let mut response = self.respond(status);
        if let Some(etag) = etag {
            response = response.header_parts("etag", &[b"\"", etag.as_bytes(), b"\""]);
        }
        if let Some(directives) = file.cache_control {
            response = response.header("cache-control", directives);
        }
        if file.gzip.is_some() {
            response = response.header("vary", "accept-encoding");
        }
        if let Some(date) = validators.last_modified.filter(|_| !is_brief) {
            response = response.header_date("last-modified", date);
        }
        let length = Decimal::new(bytes.len() as u64);
        match status {
            Status::NOT_MODIFIED => return response.send(b"").await,
            Status::RANGE_NOT_SATISFIABLE => {
                let parts = [b"bytes */", length.digits()];
                let response = response.header_parts("content-range", &parts);
                return response.send_reason().await;
            }
            _ if is_brief => {}
            _ => {
                let media_type = file.media_type.unwrap_or_else(|| media_type(file.path));
                response = response.header("content-type", media_type);
                response = response.header("accept-ranges", "bytes");
                if gzip.is_some() {
                    response = response.header("content-encoding", "gzip");
                }
            }
        }
        let Some((first, last)) = part else {
            return response.send_static(bytes).await;
        };
        let (from, to) = (Decimal::new(first), Decimal::new(last));
        let (first_digits, last_digits) = (from.digits(), to.digits());
        let parts: [&[u8]; 6] = [
            b"bytes ",
            first_digits,
            b"-",
            last_digits,
            b"/",
            length.digits(),
        ];
        let response = response.header_parts("content-range", &parts);
        let part = bytes.get(first as usize..=last as usize).unwrap_or(&[]);
        response.send_static(part).await
    }

    /// "If the last modification time ... evaluates to some time in the future, according to the origin
    /// server's clock, then the origin server MUST replace that value with the message origination
    /// date" (RFC 9110 §8.8.2.1).
    fn until_now(&self, date: HttpDate) -> HttpDate {
        let now = self.context.clock.and_then(|clock| clock());
        now.map_or(date, |now| date.min(now))
    }
}
