//! HTTP/1.1 (RFC 9110, RFC 9112): messages, a server, and a client.
//!
//! Messages are read where they lie: [`Request`] and [`ResponseHead`] are views of a buffer,
//! [`ChunkedDecoder`] reads a body however its octets come, [`Validators`] judges conditional requests.
//! None of them knows a stream. [`HttpServer`] does: it takes connections, gives each request to a
//! [`Handler`], and holds clients to times and sizes. [`HttpClient`] makes requests, and keeps
//! connections for the next ones.

mod auth;
mod chunked;
#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http-server")]
mod conditional;
#[cfg(feature = "http-server")]
mod content;
mod date;
mod error;
mod fields;
mod framing;
mod input;
mod method;
mod number;
mod output;
#[cfg(feature = "http-server")]
mod request;
#[cfg(feature = "http-client")]
mod response;
mod scan;
#[cfg(feature = "http-server")]
mod server;
mod status;
mod stream;
mod target;
mod timer;

pub use auth::{Credentials, same};
pub use chunked::{CHUNK_SIZE_LENGTH, ChunkedDecoder, Decoded, chunk_size};
#[cfg(feature = "http-client")]
pub use client::*;
#[cfg(feature = "http-server")]
pub use conditional::{ByteRange, EntityTag, Precondition, Validators};
#[cfg(feature = "http-server")]
pub use content::{accepts_gzip, media_type};
pub use date::{DATE_LENGTH, HttpDate};
pub use error::HttpError;
pub use fields::Fields;
pub use framing::BodyLength;
pub use method::{Method, Methods};
#[cfg(feature = "http-server")]
pub use request::{Request, RequestError};
#[cfg(feature = "http-client")]
pub use response::ResponseHead;
pub use scan::{Malformed, SectionScanner};
#[cfg(feature = "http-server")]
pub use server::*;
pub use status::Status;
pub use stream::{HttpStream, Plain};
pub use target::{Encoded, Target, matches, pairs, wildcard};
