//! What a server is told, what it counts, and how it fails.

use crate::time::Duration;

/// How long a server waits for its clients, and how much it takes from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpConfig {
    /// The time that a client has for the head of a request, from its first octet or, for the first
    /// request, from the beginning of the connection.
    pub head_timeout: Duration,
    /// The time that a connection may be without a request.
    pub idle_timeout: Duration,
    /// The time for which a client may send nothing of a body, or take nothing of a response, in
    /// all: what it has used up it earns again by [`HttpConfig::min_rate`].
    pub transfer_timeout: Duration,
    /// Bytes per second that a client sends or takes in the long run, at least.
    pub min_rate: u32,
    /// How long what a client still sends is passed over after a response that ends the connection,
    /// so that no reset overtakes it (RFC 9112 §9.6).
    pub linger: Duration,
    /// Bytes of a request's body; a handler may set another limit by
    /// [`Exchange::set_max_body`](super::Exchange::set_max_body).
    pub max_body: u64,
}

impl Default for HttpConfig {
    /// Ten seconds for a head, 30 without a request, 15 of standstill, 256 bytes per second, two
    /// seconds at the end, 1 MiB.
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            transfer_timeout: Duration::from_secs(15),
            min_rate: 256,
            linger: Duration::from_secs(2),
            max_body: 1 << 20,
        }
    }
}

/// What a server has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpCounters {
    /// Connections taken.
    pub connections: u32,
    /// Requests given to the handler.
    pub requests: u32,
    /// Requests refused because they are malformed.
    pub malformed: u32,
    /// Requests refused for another reason: too long, or of a method, coding or version that is not
    /// known.
    pub refused: u32,
    /// Connections ended because the client was too slow, in a request or in taking a response.
    pub timed_out: u32,
    /// Connections that ended within a request or a response, by the client's doing or the
    /// handler's.
    pub broken: u32,
    /// Connections without a request that made room for others.
    pub displaced: u32,
}
