//! The structures of the header.

use core::ffi::{c_char, c_int, c_uint, c_void};

use super::pointers::Plain;
use crate::compat::bsd::PollFd;

macro_rules! structures {
    ($(
        $(#[$doc:meta])* $name:ident = $c_name:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            // SAFETY: its fields are numbers and pointers, and no pointer is followed unchecked.
            unsafe impl Plain for $name {}
        )*

        /// The structures and where their fields are, for a test to compare with the header.
        #[cfg(all(test, feature = "std"))]
        #[allow(clippy::type_complexity)]
        pub(super) const LAYOUTS: &[(&str, usize, &[(&str, usize)])] = &[$((
            $c_name,
            size_of::<$name>(),
            &[$((stringify!($field), core::mem::offset_of!($name, $field)),)*],
        ),)*];
    };
}

structures! {
    /// The begin of every address.
    SockAddr = "sockaddr" {
        /// `AF_*`.
        sa_family: u16,
        /// What the family has.
        sa_data: [u8; 14],
    }
    /// An IPv4 address and port.
    SockAddrIn = "sockaddr_in" {
        /// `AF_INET`.
        sin_family: u16,
        /// The port, in the order of the network.
        sin_port: u16,
        /// The address.
        sin_addr: [u8; 4],
        /// Nothing.
        sin_zero: [u8; 8],
    }
    /// An IPv6 address and port (RFC 3493 §3.3).
    SockAddrIn6 = "sockaddr_in6" {
        /// `AF_INET6`.
        sin6_family: u16,
        /// The port, in the order of the network.
        sin6_port: u16,
        /// Not used.
        sin6_flowinfo: u32,
        /// The address.
        sin6_addr: [u8; 16],
        /// The number of the interface of a link-local address, counted from 1.
        sin6_scope_id: u32,
    }
    /// Room for any address.
    SockAddrStorage = "sockaddr_storage" {
        /// `AF_*`.
        ss_family: u16,
        /// What the family has.
        ss_data: [u16; 3],
        /// And the rest of it.
        ss_more: [u32; 6],
    }
    /// Bytes of the program.
    IoVec = "iovec" {
        /// Where they are.
        iov_base: *mut c_void,
        /// How many.
        iov_len: usize,
    }
    /// A message, and what goes with it.
    MsgHdr = "msghdr" {
        /// The address of the other side.
        msg_name: *mut c_void,
        /// Bytes there.
        msg_namelen: u32,
        /// The data.
        msg_iov: *mut IoVec,
        /// Pieces of data.
        msg_iovlen: usize,
        /// Ancillary data.
        msg_control: *mut c_void,
        /// Bytes of it.
        msg_controllen: usize,
        /// `MSG_*`, of what was received.
        msg_flags: c_int,
    }
    /// The begin of an item of ancillary data.
    CmsgHdr = "cmsghdr" {
        /// Bytes of the item, with these.
        cmsg_len: usize,
        /// The level of its option.
        cmsg_level: c_int,
        /// The option.
        cmsg_type: c_int,
    }
    /// `IP_PKTINFO`.
    InPktInfo = "in_pktinfo" {
        /// The number of the interface.
        ipi_ifindex: c_int,
        /// The own address to send from.
        ipi_spec_dst: [u8; 4],
        /// Where it was sent to.
        ipi_addr: [u8; 4],
    }
    /// `IPV6_PKTINFO` (RFC 3542 §6.1).
    In6PktInfo = "in6_pktinfo" {
        /// The own address.
        ipi6_addr: [u8; 16],
        /// The number of the interface.
        ipi6_ifindex: c_uint,
    }
    /// Seconds and microseconds.
    TimeVal = "timeval" {
        /// Seconds.
        tv_sec: i64,
        /// Microseconds.
        tv_usec: i64,
    }
    /// Seconds and nanoseconds.
    TimeSpec = "timespec" {
        /// Seconds.
        tv_sec: i64,
        /// Nanoseconds.
        tv_nsec: i64,
    }
    /// `MCAST_JOIN_GROUP`, `MCAST_LEAVE_GROUP` (RFC 3678 §5.1).
    GroupReq = "group_req" {
        /// The number of the interface.
        gr_interface: u32,
        /// The group.
        gr_group: SockAddrStorage,
    }
    /// The other options `MCAST_*`.
    GroupSourceReq = "group_source_req" {
        /// The number of the interface.
        gsr_interface: u32,
        /// The group.
        gsr_group: SockAddrStorage,
        /// The source.
        gsr_source: SockAddrStorage,
    }
    /// `IPV6_PATHMTU` (RFC 3542 §11.3).
    Ip6MtuInfo = "ip6_mtuinfo" {
        /// Means nothing.
        ip6m_addr: SockAddrIn6,
        /// The path MTU in bytes.
        ip6m_mtu: u32,
    }
    /// `TCP_INFO`.
    TcpInfo = "tcp_info" {
        /// The number of the MIB (RFC 4022).
        tcpi_state: u32,
        /// Microseconds.
        tcpi_rtt: u32,
        /// Bytes.
        tcpi_snd_cwnd: u32,
        /// Bytes.
        tcpi_snd_wnd: u32,
        /// Bytes.
        tcpi_snd_mss: u32,
        /// Bytes that were sent and are not acknowledged.
        tcpi_unacked: u32,
        /// Segments that were sent again.
        tcpi_total_retrans: u32,
        /// Bytes that wait to be read.
        tcpi_unread: u32,
        /// Bytes that were written and are not acknowledged.
        tcpi_written: u32,
    }
    /// Descriptors below 64, a bit each.
    FdBits = "fd_set" {
        /// The bits.
        bits: u64,
    }
    /// An address that was found, and the socket to use it with (RFC 3493 §6.1).
    AddrInfo = "addrinfo" {
        /// `AI_*`.
        ai_flags: c_int,
        /// The family.
        ai_family: c_int,
        /// The type.
        ai_socktype: c_int,
        /// The protocol.
        ai_protocol: c_int,
        /// Bytes of the address.
        ai_addrlen: u32,
        /// The address.
        ai_addr: *mut SockAddr,
        /// The name that is meant.
        ai_canonname: *mut c_char,
        /// The next one.
        ai_next: *mut AddrInfo,
    }
    /// What the program does for the stack.
    Platform = "platform" {
        /// Given to the functions.
        context: *mut c_void,
        /// Tells the time in microseconds; it never goes back.
        now: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
        /// Waits so many milliseconds, or until a driver has something; `UINT32_MAX`: until a driver has
        /// something. It may return early, and may call the stack. Null: calls that wait do not sleep.
        wait: Option<unsafe extern "C" fn(*mut c_void, u32)>,
        /// Makes the random numbers: from the hardware's entropy source, and never twice the same.
        seed: [u8; 32],
    }
    /// A driver: its functions are called by calls of the stack, one at a time, and may not call it.
    Driver = "driver" {
        /// Given to the functions.
        context: *mut c_void,
        /// Whether frames can pass: 1, or 0. Null: they always can.
        link: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
        /// Writes a received frame into pieces of memory, one after the other, and gives its length; 0 if
        /// there is none. What is longer than the pieces together is dropped.
        receive: Option<unsafe extern "C" fn(*mut c_void, *const IoVec, usize) -> usize>,
        /// Sends a frame that is in several pieces, and is gone after the call: gives 0, or `EAGAIN` if
        /// there is no room for it now, or another number if it cannot be sent at all.
        send: Option<unsafe extern "C" fn(*mut c_void, *const IoVec, usize) -> c_int>,
        /// Is told the groups whose frames are to be received, 6 bytes each, when they have changed. Null:
        /// all are received.
        filter: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize)>,
        /// [`MEDIUM_ETHERNET`](super::MEDIUM_ETHERNET) or [`MEDIUM_IP`](super::MEDIUM_IP).
        medium: c_uint,
        /// Bytes of the longest IP packet; 0: 1500.
        mtu: u16,
        /// What the hardware does of checksums: the bits of [`Offload`](crate::link::Offload).
        offload: u16,
        /// The hardware address, on Ethernet.
        address: [u8; 6],
    }
}

// SAFETY: three numbers.
unsafe impl Plain for PollFd {}

// What the options of sockets read and write byte by byte.
const _: () = {
    assert!(size_of::<GroupReq>() == 36 && size_of::<GroupSourceReq>() == 68);
    assert!(size_of::<Ip6MtuInfo>() == 32 && size_of::<TcpInfo>() == 36);
};
