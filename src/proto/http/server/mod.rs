//! The server: connections, each in a place of its own, served by one task.
//!
//! `connection` reads heads and holds connections to their times; `exchange` is what a handler is
//! given for a request, `response` what goes back;
//! `handler` and `files` are what handlers are made of.

mod config;
mod connection;
mod events;
mod exchange;
mod files;
mod guard;
mod handler;
mod response;
mod run;
mod upgrade;

pub use config::{HttpConfig, HttpCounters};
pub use events::Events;
pub use exchange::Exchange;
pub use files::{Files, StaticFile};
pub use guard::{Authenticate, BasicAuth, BearerAuth, Guarded};
pub use handler::{Handler, Resource, Route};
pub use response::{Response, ResponseBody};
pub use run::{HttpPlace, HttpServer, HttpStorage};
pub use upgrade::Upgraded;
