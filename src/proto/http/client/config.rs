//! What a client is told, what it is asked for, and how it fails.

use super::super::error::HttpError;
use super::super::method::Method;
use super::super::status::Status;
use crate::time::Duration;

/// How a client makes its requests, and how long it waits for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpClientConfig<'a> {
    /// The time to find the address of a server, and to connect to it.
    pub connect_timeout: Duration,
    /// The time from a request to the end of the head of its response.
    pub response_timeout: Duration,
    /// The time for which a server may send nothing of a body, or take nothing of a request, in all:
    /// what it has used up it earns again by [`HttpClientConfig::min_rate`].
    pub transfer_timeout: Duration,
    /// Bytes per second that a server sends or takes in the long run, at least.
    pub min_rate: u32,
    /// How long a connection without a request is kept for the next one.
    pub idle_timeout: Duration,
    /// Bytes of a response's body that are taken.
    pub max_body: u64,
    /// Redirections that are followed, one after the other.
    pub max_redirects: u8,
    /// What the client calls itself (RFC 9110 §10.1.5); empty for nothing.
    pub user_agent: &'a str,
    /// By whom requests go.
    pub proxy: Option<HttpProxy<'a>>,
}

impl Default for HttpClientConfig<'_> {
    /// Ten seconds for a connection, 30 for a response, 15 of standstill, 256 bytes per second, 15
    /// seconds without a request, no limit of size, five redirections, no proxy.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            transfer_timeout: Duration::from_secs(15),
            min_rate: 256,
            idle_timeout: Duration::from_secs(15),
            max_body: u64::MAX,
            max_redirects: 5,
            user_agent: "zonda",
            proxy: None,
        }
    }
}

/// A proxy: requests for what is named by `http` are sent to it in absolute form (RFC 9112 §3.2.2), and
/// [`HttpClient::tunnel`](super::HttpClient::tunnel) asks it for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpProxy<'a> {
    /// Its name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// User and password for it.
    pub basic: Option<(&'a str, &'a str)>,
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpRequest<'r> {
    pub(super) method: Method,
    pub(super) url: &'r str,
    pub(super) fields: &'r [(&'r str, &'r str)],
    pub(super) basic: Option<(&'r str, &'r str)>,
    pub(super) content: &'r [u8],
}

impl<'r> HttpRequest<'r> {
    /// A request for what has this URL: `http://host:port/path?query`, percent-encoded.
    pub const fn new(method: Method, url: &'r str) -> Self {
        Self {
            method,
            url,
            fields: &[],
            basic: None,
            content: &[],
        }
    }

    /// A request by GET.
    pub const fn get(url: &'r str) -> Self {
        Self::new(Method::Get, url)
    }

    /// With these fields. Those that frame the request and say what becomes of the connection, and
    /// `Host`, the client writes itself.
    #[must_use]
    pub const fn with_fields(self, fields: &'r [(&'r str, &'r str)]) -> Self {
        Self { fields, ..self }
    }

    /// With user and password of the scheme `Basic` (RFC 7617), of 96 octets in all; other hosts that
    /// a redirection leads to are not told of them.
    #[must_use]
    pub const fn with_basic(self, user: &'r str, password: &'r str) -> Self {
        let basic = Some((user, password));
        Self { basic, ..self }
    }

    /// With this content.
    #[must_use]
    pub const fn with_content(self, content: &'r [u8]) -> Self {
        Self { content, ..self }
    }
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HttpClientError {
    /// It is no URL of a server, or one that a redirection leads to is longer than
    /// [`HTTP_URL`](crate::config::HTTP_URL).
    Url,
    /// There is no secured stream for what is named by `https`.
    NotSecured,
    /// There is no address of that name, or nobody to connect to, or not in time.
    NotConnected,
    /// There are more redirections than are followed.
    Redirects,
    /// The proxy does not connect to that host; this is what it says.
    Refused(Status),
    /// The connection failed, or what came by it is not what it must be.
    Exchange(HttpError),
}

impl From<HttpError> for HttpClientError {
    fn from(error: HttpError) -> Self {
        Self::Exchange(error)
    }
}

impl core::fmt::Display for HttpClientError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Url => "not a URL that could be asked for",
            Self::NotSecured => "there is no secured stream",
            Self::NotConnected => "there is no connection to the server",
            Self::Redirects => "there are too many redirections",
            Self::Refused(status) => status.reason(),
            Self::Exchange(error) => return core::fmt::Display::fmt(error, f),
        })
    }
}

impl core::error::Error for HttpClientError {}
