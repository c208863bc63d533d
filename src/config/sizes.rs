sizes! {
    /// Neighbours remembered per interface, IPv4 and IPv6 together.
    NEIGHBORS = 8 in 1..=1024;
    /// Packets that wait for one neighbour's link address.
    NEIGHBOR_PENDING = 3 in 1..=64;
    /// Packets that wait for link addresses on one interface, all neighbours together.
    NEIGHBOR_PENDING_TOTAL = 8 in 1..=256;
    /// IPv4 addresses per interface.
    IPV4_ADDRESSES = 2 in 1..=16;
    /// IPv6 addresses per interface, the link-local one among them.
    IPV6_ADDRESSES = 4 in 1..=32;
    /// Extension headers of one IPv6 packet that are read; a packet with more is dropped.
    EXTENSION_HEADERS = 8 in 4..=64;
    /// Multicast groups joined per interface, IPv4 and IPv6 together, with those that the stack
    /// itself needs (all nodes, solicited node).
    GROUPS = 8 in 1..=64;
    /// Link addresses of groups that a driver is told to listen to, per interface.
    LINK_GROUPS = 12 in 1..=64;
    /// Routes, those of connected prefixes apart.
    ROUTES = 4 in 1..=256;
    /// Received frames that wait in a port for the stack: also the most that one poll takes from
    /// one port before the next port and the timers have their turn.
    PORT_RX_QUEUE = 16 in 1..=1024;
    /// Frames that wait in a port for the driver, per traffic class.
    PORT_TX_QUEUE = 16 in 1..=1024;
    /// Traffic classes of a port, each a queue of its own; the highest is sent first.
    TRAFFIC_CLASSES = 4 in 1..=8;
    /// Pingers (feature `ping`) at once.
    PINGS = 2 in 1..=64;
    /// Tasks that sleep on the stack's clock at once.
    SLEEPS = 8 in 1..=1024;
    /// Packets that this host has sent to itself and that wait to be received.
    LOOPBACK_QUEUE = 8 in 1..=256;
    /// Times of transmission that wait in a port to be taken (feature `timestamps`).
    TRANSMIT_STAMPS = 4 in 1..=256;
    /// Tasks that wait for the stack at once: sockets, sleeps, events.
    WAITERS = 16 in 1..=4096;
    /// Tasks that wait for a block of a pool at once.
    POOL_WAITERS = 4 in 1..=256;
    /// ICMP errors sent in one burst before the rate limit holds (RFC 4443 §2.4 f).
    ICMP_ERROR_BURST = 10 in 1..=1000;
    /// ICMP errors per second after the burst.
    ICMP_ERROR_RATE = 10 in 1..=1000;
    /// The least that a TCP retransmission timeout stands above the smoothed round-trip time, in
    /// milliseconds. RFC 6298 §2.4 asks for a whole second; this is what Linux does.
    TCP_RTO_MIN = 200 in 1..=1000;
    /// Holes in what a TCP peer has selectively acknowledged that are kept apart (24 bytes each).
    /// Where there are more, neighbours are taken for one.
    TCP_HOLES = 8 in 2..=64;
}
