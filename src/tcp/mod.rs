//! TCP (RFC 9293): the state machines of connections.

#[allow(dead_code, reason = "the machines that count come next")]
mod sequence;
