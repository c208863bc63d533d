//! How an exchange of messages fails.

#[cfg(feature = "http-server")]
use super::status::Status;

/// What goes wrong with a request or its response. A handler of a server returns it; the server answers
/// as far as that can be, and ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HttpError {
    /// The connection is broken.
    Broken,
    /// The peer has ended the connection before its message was whole.
    Ended,
    /// The peer is too slow.
    TimedOut,
    /// What came is not what it must be.
    Malformed,
    /// What came is longer than is taken.
    TooLarge,
    /// The head of a message, or what is to be written at once, finds no room: for a server in
    /// [`HTTP_OUTPUT`](crate::config::HTTP_OUTPUT) bytes, for a client in the buffer that it is lent.
    NoRoom,
    /// A handler, or the user of a client, does what cannot be: a field with an octet that none may have,
    /// one that is written by itself, a second response, a body of another length than it has said.
    Misuse,
}

impl HttpError {
    /// What a client is told, if there is a sense in it.
    #[cfg(feature = "http-server")]
    pub(super) const fn status(self) -> Option<Status> {
        match self {
            Self::Broken | Self::Ended => None,
            Self::TimedOut => Some(Status::REQUEST_TIMEOUT),
            Self::Malformed => Some(Status::BAD_REQUEST),
            Self::TooLarge => Some(Status::CONTENT_TOO_LARGE),
            Self::NoRoom | Self::Misuse => Some(Status::INTERNAL_SERVER_ERROR),
        }
    }
}

impl core::fmt::Display for HttpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Broken => "the connection is broken",
            Self::Ended => "the peer has ended the connection",
            Self::TimedOut => "the peer is too slow",
            Self::Malformed => "what came is malformed",
            Self::TooLarge => "what came is too large",
            Self::NoRoom => "the message finds no room",
            Self::Misuse => "not a message that could be sent",
        })
    }
}

impl core::error::Error for HttpError {}

impl embedded_io_async::Error for HttpError {
    fn kind(&self) -> embedded_io_async::ErrorKind {
        use embedded_io_async::ErrorKind;

        match self {
            Self::Broken => ErrorKind::ConnectionReset,
            Self::Ended => ErrorKind::ConnectionAborted,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Malformed => ErrorKind::InvalidData,
            Self::TooLarge | Self::NoRoom => ErrorKind::OutOfMemory,
            Self::Misuse => ErrorKind::InvalidInput,
        }
    }
}
