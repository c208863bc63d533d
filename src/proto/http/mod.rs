//! HTTP/1.1 (RFC 9110, RFC 9112): messages, and a server.
//!
//! Messages are read where they lie: [`Request`] is a view of a buffer, [`ChunkedDecoder`] reads a
//! body however its octets come, [`Validators`] judges conditional requests. None of them knows a
//! stream. [`HttpServer`] does: it takes connections, gives each request to a [`Handler`], and holds
//! clients to times and sizes.

mod auth;
mod chunked;
mod conditional;
mod content;
mod date;
mod fields;
mod method;
mod request;
mod scan;
mod server;
mod status;
mod target;

pub use auth::{Credentials, same};
pub use chunked::{CHUNK_SIZE_LENGTH, ChunkedDecoder, Decoded, chunk_size};
pub use conditional::{ByteRange, EntityTag, Precondition, Validators};
pub use content::{accepts_gzip, media_type};
pub use date::{DATE_LENGTH, HttpDate};
pub use fields::Fields;
pub use method::{Method, Methods};
pub use request::{BodyLength, Request, RequestError};
pub use scan::{Malformed, SectionScanner};
pub use server::*;
pub use status::Status;
pub use target::{Encoded, Target, matches, pairs, wildcard};
