//! Errors by their POSIX names.

use crate::iface::AddressError;
use crate::ip::Unreachable;
use crate::socket::{BindError, TcpError, TcpOpenError};

macro_rules! errors {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        /// Why a call failed: the names of POSIX, the numbers of Linux.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum Errno {
            $(#[doc = concat!("It means: ", $text, ".")] $name = $value,)*
        }

        impl Errno {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What it means, for C.
            #[cfg(feature = "c-abi")]
            pub(crate) const fn text(self) -> &'static core::ffi::CStr {
                match self {
                    $(Self::$name => crate::compat::c_text!($text),)*
                }
            }
        }

        impl core::fmt::Display for Errno {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

errors! {
    EPERM = 1, "the stack has not been made";
    ENOENT = 2, "there is no such thing";
    ENXIO = 6, "there is no such interface";
    EBADF = 9, "the descriptor is not open";
    EAGAIN = 11, "the call would have to wait, or has waited for too long";
    ENOMEM = 12, "the memory is too small";
    EACCES = 13, "the socket may not send to broadcast addresses";
    EFAULT = 14, "a pointer is null, or not aligned";
    EBUSY = 16, "another call is being made";
    ENODEV = 19, "there is no such interface";
    EINVAL = 22, "an argument is wrong, or comes at the wrong time";
    EMFILE = 24, "all descriptors are open";
    ENOTTY = 25, "the request is not known";
    ENOSPC = 28, "what was lent for the result is too small";
    EPIPE = 32, "nothing can be sent any more";
    EPROTO = 71, "the peer did not understand the protocol";
    ENOTSOCK = 88, "the descriptor is no socket";
    EDESTADDRREQ = 89, "the socket has no peer, and no destination was given";
    EMSGSIZE = 90, "the datagram is too long";
    EPROTOTYPE = 91, "the protocol is not of the socket's type";
    ENOPROTOOPT = 92, "there is no such option";
    EPROTONOSUPPORT = 93, "there is no such protocol";
    ESOCKTNOSUPPORT = 94, "there are no sockets of that type";
    EOPNOTSUPP = 95, "sockets of this type cannot do that";
    EAFNOSUPPORT = 97, "there is no such family";
    EADDRINUSE = 98, "the address and port are in use";
    EADDRNOTAVAIL = 99, "not an address of this host";
    ENETUNREACH = 101, "there is no route to the destination";
    ECONNABORTED = 103, "the connection was aborted";
    ECONNRESET = 104, "the connection was reset by the peer";
    ENOBUFS = 105, "there is no place in a table or the pool";
    EISCONN = 106, "the socket has a peer already";
    ENOTCONN = 107, "the socket has no peer";
    ETIMEDOUT = 110, "the peer did not answer in time";
    ECONNREFUSED = 111, "the peer refused";
    EHOSTUNREACH = 113, "the host cannot be reached";
    EALREADY = 114, "the socket is connecting already";
    EINPROGRESS = 115, "the connection is being made";
}

impl core::error::Error for Errno {}

impl From<Unreachable> for Errno {
    fn from(why: Unreachable) -> Self {
        match why {
            Unreachable::Network => Self::ENETUNREACH,
            Unreachable::Protocol | Unreachable::ParameterProblem => Self::EPROTO,
            Unreachable::Port => Self::ECONNREFUSED,
            Unreachable::TooBig(_) => Self::EMSGSIZE,
            Unreachable::Host | Unreachable::Prohibited | Unreachable::TimeExceeded => {
                Self::EHOSTUNREACH
            }
        }
    }
}

impl From<TcpError> for Errno {
    fn from(error: TcpError) -> Self {
        match error {
            TcpError::Refused => Self::ECONNREFUSED,
            TcpError::Reset => Self::ECONNRESET,
            TcpError::TimedOut => Self::ETIMEDOUT,
            TcpError::Unreachable(why) => why.into(),
            TcpError::Aborted => Self::ECONNABORTED,
        }
    }
}

impl From<TcpOpenError> for Errno {
    fn from(error: TcpOpenError) -> Self {
        match error {
            TcpOpenError::TableFull => Self::ENOBUFS,
            TcpOpenError::InUse => Self::EADDRINUSE,
            TcpOpenError::NotOurs => Self::EADDRNOTAVAIL,
            TcpOpenError::InvalidDestination => Self::EINVAL,
            TcpOpenError::NoRoute => Self::ENETUNREACH,
        }
    }
}

impl From<BindError> for Errno {
    fn from(error: BindError) -> Self {
        match error {
            BindError::TableFull => Self::ENOBUFS,
            BindError::InUse => Self::EADDRINUSE,
            BindError::NotOurs => Self::EADDRNOTAVAIL,
            BindError::UnsupportedFamily => Self::EAFNOSUPPORT,
            BindError::NoInterface => Self::ENODEV,
        }
    }
}

impl From<AddressError> for Errno {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::TableFull => Self::ENOBUFS,
            AddressError::NoInterface => Self::ENODEV,
            AddressError::UnsupportedFamily => Self::EAFNOSUPPORT,
            AddressError::WrongMode => Self::EINVAL,
            AddressError::Invalid | AddressError::WrongSource => Self::EADDRNOTAVAIL,
        }
    }
}
