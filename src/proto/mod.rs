//! Application protocols: each a codec without I/O, and a client that uses the sockets.

mod deadline;
pub mod dns;
