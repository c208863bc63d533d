//! Who answers requests: handlers, resources behind patterns, lists of them.

use super::super::error::HttpError;
use super::super::method::{Method, Methods};
use super::super::request::Request;
use super::super::status::Status;
use super::super::stream::HttpStream;
use super::super::target::matches;
use super::exchange::Exchange;

/// Answers requests.
///
/// [`Route`], [`Files`](super::Files) and [`Guarded`](super::Guarded) are handlers, and so is a tuple
/// of handlers: the first of them that serves the target has the request, and where none does the
/// response is 404.
#[allow(async_fn_in_trait)]
pub trait Handler {
    /// Whether the target of a request is served here.
    fn serves(&self, _request: &Request<'_>) -> bool {
        true
    }

    /// Answers a request: reads its body from `exchange`, as far as that is wanted, and sends one
    /// response there.
    ///
    /// # Errors
    ///
    /// What reading and sending have met with. If no response has been begun the server sends one
    /// that fits, and ends the connection.
    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError>;
}

impl<H: Handler> Handler for &H {
    fn serves(&self, request: &Request<'_>) -> bool {
        H::serves(self, request)
    }

    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        H::handle(self, request, exchange).await
    }
}

/// What a target names: a method for each method. Those that are not written are not allowed.
#[allow(async_fn_in_trait)]
pub trait Resource {
    /// The methods that are written. With GET goes HEAD, whose content is not sent, and OPTIONS, which
    /// tells of the others.
    const METHODS: Methods;

    /// Sends a representation; for HEAD too.
    async fn get<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }

    /// Processes the content.
    async fn post<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }

    /// Replaces what is there.
    async fn put<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }

    /// Changes what is there (RFC 5789).
    async fn patch<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }

    /// Removes it.
    async fn delete<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }

    /// Tells of the methods.
    async fn options<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.allow(allowed::<Self>()).await
    }
}

/// The methods of a resource, with those that go with them.
fn allowed<R: Resource + ?Sized>() -> Methods {
    let mut methods = R::METHODS | Methods::OPTIONS;
    methods.set(Methods::HEAD, methods.contains(Methods::GET));
    methods
}

/// A resource, and the pattern of the paths that name it: see [`matches()`].
#[derive(Clone, Copy, Debug)]
pub struct Route<R> {
    pattern: &'static str,
    resource: R,
}

impl<R: Resource> Route<R> {
    /// Serves paths of this pattern: `/led/*`, where the request's
    /// [`wildcard`](Request::wildcard) tells what stands there, or `/api/**`.
    pub const fn new(pattern: &'static str, resource: R) -> Self {
        Self { pattern, resource }
    }
}

impl<R: Resource> Handler for Route<R> {
    fn serves(&self, request: &Request<'_>) -> bool {
        matches(self.pattern, request.path())
    }

    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let request = &request.routed(self.pattern);
        let resource = &self.resource;
        match request.method() {
            Method::Get | Method::Head => resource.get(request, exchange).await,
            Method::Post => resource.post(request, exchange).await,
            Method::Put => resource.put(request, exchange).await,
            Method::Patch => resource.patch(request, exchange).await,
            Method::Delete => resource.delete(request, exchange).await,
            Method::Options => resource.options(request, exchange).await,
        }
    }
}

macro_rules! tuples {
    ($(($($handler:ident $name:ident),+);)*) => {$(
        impl<$($handler: Handler),+> Handler for ($($handler,)+) {
            fn serves(&self, request: &Request<'_>) -> bool {
                let ($($name,)+) = self;
                false $(|| $name.serves(request))+
            }

            async fn handle<Stream: HttpStream>(
                &self,
                request: &Request<'_>,
                exchange: &mut Exchange<'_, Stream>,
            ) -> Result<(), HttpError> {
                let ($($name,)+) = self;
                $(if $name.serves(request) {
                    return $name.handle(request, exchange).await;
                })+
                exchange.respond_status(Status::NOT_FOUND).await
            }
        }
    )*};
}

tuples! {
    (A a);
    (A a, B b);
    (A a, B b, C c);
    (A a, B b, C c, D d);
    (A a, B b, C c, D d, E e);
    (A a, B b, C c, D d, E e, F f);
    (A a, B b, C c, D d, E e, F f, G g);
    (A a, B b, C c, D d, E e, F f, G g, H h);
    (A a, B b, C c, D d, E e, F f, G g, H h, I i);
    (A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);
    (A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k);
    (A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l);
}
