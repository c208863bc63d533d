//! The numbers of the calls, as Linux has them.

macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal;)*) => {
        $(
            $(#[doc = $doc])*
            pub const $name: i32 = $value;
        )*

        /// All of them, for a test to compare with the header of C.
        #[cfg(all(test, feature = "c-abi", feature = "std"))]
        pub(crate) const NUMBERS: &[(&str, i32)] = &[$((stringify!($name), $value)),*];
    };
}

numbers! {
    /// No family: any of those that there are.
    AF_UNSPEC = 0;
    /// Sockets within the program, in pairs.
    AF_LOCAL = 1;
    /// IPv4.
    AF_INET = 2;
    /// IPv6, and IPv4 by mapped addresses.
    AF_INET6 = 10;
    /// Packets of a link: not yet.
    AF_PACKET = 17;
    /// A stream of bytes.
    SOCK_STREAM = 1;
    /// Datagrams.
    SOCK_DGRAM = 2;
    /// Packets of a protocol of IP (feature `raw-sockets`).
    SOCK_RAW = 3;
    /// With the type: calls do not wait.
    SOCK_NONBLOCK = 0x800;
    /// The protocol of IP options.
    IPPROTO_IP = 0;
    /// ICMP.
    IPPROTO_ICMP = 1;
    /// TCP.
    IPPROTO_TCP = 6;
    /// UDP.
    IPPROTO_UDP = 17;
    /// The protocol of IPv6 options.
    IPPROTO_IPV6 = 41;
    /// ICMPv6, and the level of its options.
    IPPROTO_ICMPV6 = 58;
    /// IPv4 packets that the application writes with their header.
    IPPROTO_RAW = 255;
    /// The level of the options of raw IPv4 sockets.
    SOL_RAW = 255;
    /// What was received stays to be received again.
    MSG_PEEK = 2;
    /// Some of what was to tell did not fit.
    MSG_CTRUNC = 8;
    /// Asks for the length of a datagram that is cut off, and tells of one.
    MSG_TRUNC = 0x20;
    /// This call does not wait.
    MSG_DONTWAIT = 0x40;
    /// Waits for all that was asked for.
    MSG_WAITALL = 0x100;
    /// Taken and without effect: there are no signals.
    MSG_NOSIGNAL = 0x4000;
    /// Nothing more is received.
    SHUT_RD = 0;
    /// Nothing more is sent.
    SHUT_WR = 1;
    /// Both.
    SHUT_RDWR = 2;
    /// Gives the flags of a descriptor.
    F_GETFL = 3;
    /// Sets the flags of a descriptor.
    F_SETFL = 4;
    /// Calls do not wait.
    O_NONBLOCK = 0x800;
    /// Gives how many bytes the next call would receive.
    FIONREAD = 0x541b;
    /// Sets whether calls do not wait.
    FIONBIO = 0x5421;
    /// There is something to receive, or the end.
    POLLIN = 1;
    /// There is room to send.
    POLLOUT = 4;
    /// There is an error to be told.
    POLLERR = 8;
    /// Nothing passes any more.
    POLLHUP = 0x10;
    /// The descriptor is not open.
    POLLNVAL = 0x20;
    /// The peer sends no more.
    POLLRDHUP = 0x2000;
    /// The level of the options of sockets.
    SOL_SOCKET = 1;
    /// Shares the address and port.
    SO_REUSEADDR = 2;
    /// The type.
    SO_TYPE = 3;
    /// The error that nobody was told of; to ask for it is to be told.
    SO_ERROR = 4;
    /// May send to broadcast addresses.
    SO_BROADCAST = 6;
    /// Bytes that may wait to be sent.
    SO_SNDBUF = 7;
    /// Bytes that may wait to be received.
    SO_RCVBUF = 8;
    /// Asks a silent peer whether it is there.
    SO_KEEPALIVE = 9;
    /// Urgent data are received among the others: always so.
    SO_OOBINLINE = 10;
    /// The transmit queue.
    SO_PRIORITY = 12;
    /// What closing does with what was not sent yet.
    SO_LINGER = 13;
    /// Shares the address and port.
    SO_REUSEPORT = 15;
    /// Bytes of a stream that have to be there for a call to receive, or `POLLIN` to be told.
    SO_RCVLOWAT = 18;
    /// Bytes that there has to be room for to send: always 1.
    SO_SNDLOWAT = 19;
    /// How long a call waits to receive.
    SO_RCVTIMEO = 20;
    /// How long a call waits to send.
    SO_SNDTIMEO = 21;
    /// The interface, by name.
    SO_BINDTODEVICE = 25;
    /// Tells when the driver received it, in microseconds.
    SO_TIMESTAMP = 29;
    /// Whether it accepts connections.
    SO_ACCEPTCONN = 30;
    /// Tells when the driver received it, in nanoseconds.
    SO_TIMESTAMPNS = 35;
    /// The protocol.
    SO_PROTOCOL = 38;
    /// The family.
    SO_DOMAIN = 39;
    /// Tells how many datagrams were dropped because there was no room.
    SO_RXQ_OVFL = 40;
    /// The interface, by number.
    SO_BINDTOIFINDEX = 62;
    /// DSCP and ECN.
    IP_TOS = 1;
    /// TTL.
    IP_TTL = 2;
    /// What is sent through a raw socket starts with an IPv4 header.
    IP_HDRINCL = 3;
    /// Tells, and takes, the own address and interface.
    IP_PKTINFO = 8;
    /// Whether datagrams may go in fragments.
    IP_MTU_DISCOVER = 10;
    /// Tells the TTL.
    IP_RECVTTL = 12;
    /// Tells DSCP and ECN.
    IP_RECVTOS = 13;
    /// The path MTU to the peer.
    IP_MTU = 14;
    /// The interface to send to groups by.
    IP_MULTICAST_IF = 32;
    /// TTL of what is sent to groups.
    IP_MULTICAST_TTL = 33;
    /// Whether what is sent to groups comes to this host too.
    IP_MULTICAST_LOOP = 34;
    /// Joins a group.
    IP_ADD_MEMBERSHIP = 35;
    /// Leaves a group.
    IP_DROP_MEMBERSHIP = 36;
    /// Hears a source again.
    IP_UNBLOCK_SOURCE = 37;
    /// Hears a source no longer.
    IP_BLOCK_SOURCE = 38;
    /// Joins one source of a group.
    IP_ADD_SOURCE_MEMBERSHIP = 39;
    /// Leaves one source of a group.
    IP_DROP_SOURCE_MEMBERSHIP = 40;
    /// Whether groups that others have joined are heard.
    IP_MULTICAST_ALL = 49;
    /// Ports to choose from where none is asked for: the lowest, and the highest times 65,536.
    IP_LOCAL_PORT_RANGE = 51;
    /// Joins a group of either version (RFC 3678 §5.1).
    MCAST_JOIN_GROUP = 42;
    /// Hears a source no longer.
    MCAST_BLOCK_SOURCE = 43;
    /// Hears a source again.
    MCAST_UNBLOCK_SOURCE = 44;
    /// Leaves a group.
    MCAST_LEAVE_GROUP = 45;
    /// Joins one source of a group.
    MCAST_JOIN_SOURCE_GROUP = 46;
    /// Leaves one source of a group.
    MCAST_LEAVE_SOURCE_GROUP = 47;
    /// Of `IP_MTU_DISCOVER`: in fragments where it has to be.
    IP_PMTUDISC_WANT = 1;
    /// Of `IP_MTU_DISCOVER`: whole, or not at all.
    IP_PMTUDISC_DO = 2;
    /// A bit for each of the first 32 types of ICMP messages that are not received.
    ICMP_FILTER = 1;
    /// A bit for each type of ICMPv6 messages that is not received (RFC 3542 §3.2).
    ICMP6_FILTER = 1;
    /// Where there is a checksum in what a raw socket sends and receives, or -1 (RFC 3542 §3.1).
    IPV6_CHECKSUM = 7;
    /// Hop limit.
    IPV6_UNICAST_HOPS = 16;
    /// The interface to send to groups by.
    IPV6_MULTICAST_IF = 17;
    /// Hop limit of what is sent to groups.
    IPV6_MULTICAST_HOPS = 18;
    /// Whether what is sent to groups comes to this host too.
    IPV6_MULTICAST_LOOP = 19;
    /// Joins a group.
    IPV6_ADD_MEMBERSHIP = 20;
    /// Leaves a group.
    IPV6_DROP_MEMBERSHIP = 21;
    /// Whether datagrams may go in fragments.
    IPV6_MTU_DISCOVER = 23;
    /// The path MTU to the peer.
    IPV6_MTU = 24;
    /// IPv6 only, no mapped addresses.
    IPV6_V6ONLY = 26;
    /// Whether groups that others have joined are heard.
    IPV6_MULTICAST_ALL = 29;
    /// Tells the own address and interface.
    IPV6_RECVPKTINFO = 49;
    /// The own address and interface of a message.
    IPV6_PKTINFO = 50;
    /// Tells the hop limit.
    IPV6_RECVHOPLIMIT = 51;
    /// The hop limit of a message.
    IPV6_HOPLIMIT = 52;
    /// The path MTU to the peer, in a structure (RFC 3542 §11.3).
    IPV6_PATHMTU = 61;
    /// Datagrams are not sent in fragments.
    IPV6_DONTFRAG = 62;
    /// Tells the traffic class.
    IPV6_RECVTCLASS = 66;
    /// Traffic class.
    IPV6_TCLASS = 67;
    /// Which source addresses are better (RFC 5014).
    IPV6_ADDR_PREFERENCES = 72;
    /// Of `IPV6_ADDR_PREFERENCES`: temporary ones.
    IPV6_PREFER_SRC_TMP = 1;
    /// Of `IPV6_ADDR_PREFERENCES`: those that are not.
    IPV6_PREFER_SRC_PUBLIC = 2;
    /// Of `IPV6_ADDR_PREFERENCES`: as the stack prefers.
    IPV6_PREFER_SRC_PUBTMP_DEFAULT = 0x100;
    /// Small segments do not wait.
    TCP_NODELAY = 1;
    /// Bytes of data in a full segment.
    TCP_MAXSEG = 2;
    /// Seconds of silence before the peer is asked.
    TCP_KEEPIDLE = 4;
    /// Seconds between the questions.
    TCP_KEEPINTVL = 5;
    /// Questions without an answer after which the connection is over.
    TCP_KEEPCNT = 6;
    /// How a connection is doing.
    TCP_INFO = 11;
    /// The name of what controls congestion: that of the build.
    TCP_CONGESTION = 13;
    /// Milliseconds without an acknowledgement after which the connection is over.
    TCP_USER_TIMEOUT = 18;
    /// The addresses are to bind to.
    AI_PASSIVE = 1;
    /// The first result has the name that is meant.
    AI_CANONNAME = 2;
    /// The host is an address.
    AI_NUMERICHOST = 4;
    /// IPv4 addresses as mapped ones where there are no others.
    AI_V4MAPPED = 8;
    /// With `AI_V4MAPPED`: where there are others, too.
    AI_ALL = 0x10;
    /// Only addresses of versions that this host has addresses of.
    AI_ADDRCONFIG = 0x20;
    /// The service is a number.
    AI_NUMERICSERV = 0x400;
    /// The host as an address.
    NI_NUMERICHOST = 1;
    /// The service as a number.
    NI_NUMERICSERV = 2;
    /// It is an error if the host has no name.
    NI_NAMEREQD = 8;
    /// The service is one of datagrams.
    NI_DGRAM = 0x10;
}
