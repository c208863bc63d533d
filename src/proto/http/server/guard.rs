//! Who may: credentials that are asked for (RFC 9110 §11).

use super::super::auth::{Credentials, same};
use super::super::error::HttpError;
use super::super::request::Request;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::exchange::Exchange;
use super::handler::Handler;

/// Octets of user and password together.
const BASIC_LENGTH: usize = 128;

/// Knows who may.
pub trait Authenticate {
    /// The scheme that is asked for, and the name of what it is for, which has no quotes.
    fn challenge(&self) -> (&str, &str);

    /// Whether a request with these credentials may be answered.
    fn admits(&self, request: &Request<'_>, credentials: Option<&Credentials<'_>>) -> bool;
}

/// One user with a password (RFC 7617). Both go over the connection as they are, for everybody to
/// read where it is not secured.
#[derive(Clone, Copy)]
pub struct BasicAuth<'a> {
    /// What it is for: what a browser shows.
    pub realm: &'a str,
    /// The name of the user, which has no colon.
    pub user: &'a str,
    /// The password; with the name 127 octets at most.
    pub password: &'a str,
}

impl Authenticate for BasicAuth<'_> {
    fn challenge(&self) -> (&str, &str) {
        ("Basic", self.realm)
    }

    fn admits(&self, _request: &Request<'_>, credentials: Option<&Credentials<'_>>) -> bool {
        let mut room = [0; BASIC_LENGTH];
        let sent = credentials.and_then(|credentials| credentials.basic(&mut room));
        sent.is_some_and(|(user, password)| {
            let (is_user, is_password) = (same(user, self.user), same(password, self.password));
            is_user & is_password
        })
    }
}

/// Whoever has a token (RFC 6750), which goes over the connection as it is.
#[derive(Clone, Copy)]
pub struct BearerAuth<'a> {
    /// What it is for.
    pub realm: &'a str,
    /// The token.
    pub token: &'a str,
}

impl Authenticate for BearerAuth<'_> {
    fn challenge(&self) -> (&str, &str) {
        ("Bearer", self.realm)
    }

    fn admits(&self, _request: &Request<'_>, credentials: Option<&Credentials<'_>>) -> bool {
        let sent = credentials.and_then(Credentials::bearer);
        sent.is_some_and(|token| same(token, self.token))
    }
}

/// A handler for those who may: others are asked who they are.
#[derive(Clone, Copy)]
pub struct Guarded<A, H> {
    authenticate: A,
    handler: H,
}

impl<A: Authenticate, H: Handler> Guarded<A, H> {
    /// Lets requests to `handler` if `authenticate` admits them.
    pub const fn new(authenticate: A, handler: H) -> Self {
        Self {
            authenticate,
            handler,
        }
    }
}

impl<A: Authenticate, H: Handler> Handler for Guarded<A, H> {
    fn serves(&self, request: &Request<'_>) -> bool {
        self.handler.serves(request)
    }

    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        if (self.authenticate).admits(request, request.credentials().as_ref()) {
            return self.handler.handle(request, exchange).await;
        }
        // "A server generating a 401 (Unauthorized) response MUST send a WWW-Authenticate header field
        // containing at least one challenge" (RFC 9110 §11.6.1).
        let (scheme, realm) = self.authenticate.challenge();
        let parts = [scheme, " realm=\"", realm, "\", charset=\"UTF-8\""].map(str::as_bytes);
        let response = exchange.respond(Status::UNAUTHORIZED);
        let response = response.header_parts("www-authenticate", &parts);
        response.send_reason().await
    }
}
