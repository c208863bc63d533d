//! The server: connections, each in a place of its own, served by one task.
//!
//! `connection` reads heads and holds connections to their times; `exchange` is what a handler is
//! given for a request, `input` the body that comes, `output` and `response` what goes back;
//! `handler` and `files` are what handlers are made of.

mod config;
mod connection;
mod events;
mod exchange;
mod files;
mod guard;
mod handler;
mod input;
mod output;
mod response;
mod run;
mod stream;
mod timer;
mod upgrade;

pub use config::{HttpConfig, HttpCounters, HttpError};
pub use events::Events;
pub use exchange::Exchange;
pub use files::{Files, StaticFile};
pub use guard::{Authenticate, BasicAuth, BearerAuth, Guarded};
pub use handler::{Handler, Resource, Route};
pub use response::{Response, ResponseBody};
pub use run::{HttpPlace, HttpServer, HttpStorage};
pub use stream::{HttpStream, Plain};
pub use upgrade::Upgraded;
