//! The client: requests on connections of its own, which are kept for the next ones.
//!
//! `url` is what is asked for and where a redirection leads; `head` writes requests and reads the heads
//! of responses; `connect` makes connections and `idle` keeps them; `run` is the client at work,
//! `body` what is sent and received as streams.

mod body;
mod config;
mod connect;
mod head;
mod idle;
mod run;
mod url;

pub use body::{HttpResponse, HttpUpload, Tunnel};
pub use config::{HttpClientConfig, HttpClientError, HttpProxy, HttpRequest};
pub use connect::Connect;
pub use run::HttpClient;
