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
    /// Neighbor Solicitations that ask whether another station has an IPv6 address, before it is
    /// used (feature `dad`); 0 checks nothing (RFC 4862 §5.1: DupAddrDetectTransmits).
    DAD_TRANSMITS = 1 in 0..=10;
    /// Neighbor Advertisements that tell routers of a new IPv6 address (feature `dad`, RFC 9131).
    DAD_ANNOUNCEMENTS = 1 in 0..=3;
    /// Seconds for which a temporary IPv6 address is preferred at most (feature
    /// `temporary-addresses`, RFC 8981 §3.8).
    TEMP_PREFERRED_LIFETIME = 86400 in 600..=31536000;
    /// Seconds for which a temporary IPv6 address is valid at most; more than those for which it is
    /// preferred.
    TEMP_VALID_LIFETIME = 172800 in 601..=63072000;
    /// Extension headers of one IPv6 packet that are read; a packet with more is dropped.
    EXTENSION_HEADERS = 8 in 4..=64;
    /// Datagrams of which some fragments have come, and not all (feature `fragmentation`).
    REASSEMBLIES = 4 in 1..=64;
    /// Fragments of one datagram that are taken.
    REASSEMBLY_FRAGMENTS = 64 in 2..=8191;
    /// Datagrams that wait to be sent in fragments (feature `fragmentation`).
    FRAGMENTED_SENDS = 2 in 1..=64;
    /// Destinations whose path is known to take shorter packets than its first link (feature
    /// `path-mtu`).
    PATH_MTUS = 8 in 1..=1024;
    /// Multicast groups joined per interface, IPv4 and IPv6 together, with those that the stack
    /// itself needs (all nodes, solicited node).
    GROUPS = 8 in 1..=64;
    /// Listeners to groups per interface: each socket for each of its groups, and the stack itself
    /// for each that it needs.
    GROUP_MEMBERS = 12 in 1..=255;
    /// Sources of groups that are told apart per interface, all groups and listeners together
    /// (feature `multicast`).
    GROUP_SOURCES = 8 in 1..=32;
    /// Link addresses of groups that a driver is told to listen to, per interface.
    LINK_GROUPS = 12 in 1..=64;
    /// UDP sockets of which is remembered which way their last datagram went, so that the next to
    /// the same destination needs no look-up.
    RECENT_PATHS = 4 in 1..=256;
    /// Routes, those of connected prefixes apart.
    ROUTES = 4 in 1..=256;
    /// Default routers that are remembered, of all interfaces (feature `router-discovery`).
    /// RFC 4861 §6.3.4: "a host MUST retain at least two router addresses and SHOULD retain more".
    ROUTERS = 3 in 2..=64;
    /// Prefixes known to be on a link, of all interfaces (feature `router-discovery`); also the
    /// prefixes of routers that are remembered per interface, to send what has a source from such a
    /// prefix by that router.
    PREFIXES = 4 in 1..=64;
    /// Routes that routers tell of, default routes apart, of all interfaces (feature
    /// `router-discovery`).
    ADVERTISED_ROUTES = 2 in 1..=64;
    /// Destinations with a better first hop that a router told of (feature `redirects`).
    REDIRECTS = 4 in 1..=256;
    /// Servers for names that DHCP and routers tell of, of all interfaces (features `dns`,
    /// `router-discovery`). RFC 8106 §5.3.1: three are a sufficient number.
    NAME_SERVERS = 3 in 1..=32;
    /// Search domains that DHCP and routers tell of, of all interfaces (features `dns`,
    /// `router-discovery`).
    SEARCH_DOMAINS = 3 in 1..=32;
    /// Prefixes that a router announces, per interface (feature `ra-server`).
    ADVERTISED_PREFIXES = 2 in 1..=8;
    /// Routes that a router announces, per interface (feature `ra-server`, RFC 4191).
    ANNOUNCED_ROUTES = 2 in 1..=8;
    /// Octets of the longest search domain that is remembered, as it stands in a message.
    DOMAIN_LENGTH = 64 in 16..=255;
    /// Received frames that wait in a port for the stack: also the most that one poll takes from
    /// one port before the next port and the timers have their turn.
    PORT_RX_QUEUE = 16 in 1..=1024;
    /// Frames that wait in a port for the driver, per traffic class.
    PORT_TX_QUEUE = 16 in 1..=1024;
    /// Traffic classes of a port, each a queue of its own; the highest is sent first.
    TRAFFIC_CLASSES = 4 in 1..=8;
    /// Octets that are read from or written to a serial line at once (feature `slip`).
    SLIP_CHUNK = 64 in 16..=4096;
    /// Pingers (feature `ping`) at once.
    PINGS = 2 in 1..=64;
    /// Packet sockets (feature `packet-sockets`) at once.
    PACKET_SOCKETS = 4 in 1..=64;
    /// What packet sockets have interfaces listen to, all of them together (feature
    /// `packet-sockets`): promiscuous mode, all groups, or a group of the link.
    PACKET_MEMBERSHIPS = 4 in 1..=64;
    /// Raw sockets (feature `raw-sockets`) at once.
    RAW_SOCKETS = 4 in 1..=64;
    /// Rules of the packet filter (feature `packet-filter`), all lists together.
    FILTER_RULES = 8 in 1..=64;
    /// What one rule of the packet filter looks at (feature `packet-filter`).
    FILTER_TESTS = 4 in 1..=16;
    /// Tasks that sleep on the stack's clock at once.
    SLEEPS = 8 in 1..=1024;
    /// Packets that this host has sent to itself and that wait to be received.
    LOOPBACK_QUEUE = 8 in 1..=256;
    /// Times of transmission that wait in a port to be taken (feature `timestamps`).
    TRANSMIT_STAMPS = 4 in 1..=256;
    /// Events that wait to be read (feature `events`): who reads more slowly misses the oldest.
    EVENTS = 16 in 1..=4096;
    /// Tasks that wait for the stack at once: sockets, sleeps, events.
    WAITERS = 16 in 1..=4096;
    /// Tasks that wait for a block of a pool at once.
    POOL_WAITERS = 4 in 1..=256;
    /// ICMP errors sent in one burst before the rate limit holds (RFC 4443 §2.4 f). Chance takes up
    /// to half of them, here and per second: their number must tell nothing.
    ICMP_ERROR_BURST = 10 in 1..=1000;
    /// ICMP errors per second after the burst.
    ICMP_ERROR_RATE = 10 in 1..=1000;
    /// The least that a TCP retransmission timeout stands above the smoothed round-trip time, in
    /// milliseconds. RFC 6298 §2.4 asks for a whole second; this is what Linux does.
    TCP_RTO_MIN = 200 in 1..=1000;
    /// Holes in what a TCP peer has selectively acknowledged that are kept apart (24 bytes each).
    /// Where there are more, neighbours are taken for one.
    TCP_HOLES = 8 in 2..=64;
    /// Bytes of received data that wait for the application, per TCP connection, at first: the
    /// largest window that it offers.
    TCP_RECEIVE_QUOTA = 16384 in 1024..=1073741824;
    /// Bytes of written data that wait to be acknowledged, per TCP connection, at first.
    TCP_SEND_QUOTA = 16384 in 1024..=1073741824;
    /// Bytes of data that are sent in a TCP segment to a peer that names no most (RFC 9293 §3.7.1).
    TCP_MSS_DEFAULT = 536 in 216..=1220;
    /// The least that a peer's maximum segment size is believed to be, in bytes.
    TCP_MSS_MIN = 88 in 48..=536;
    /// The delay of TCP acknowledgements, in milliseconds (RFC 9293 §3.8.6.3: below 500).
    TCP_DELAYED_ACK = 40 in 1..=499;
    /// SYNs sent before the peer is given up: eight are three minutes and more, the least that RFC 9293
    /// §3.8.3 allows.
    TCP_SYN_RETRIES = 8 in 1..=12;
    /// SYN-ACKs sent before the peer is given up: six are a minute, for which it takes the place of
    /// another handshake.
    TCP_SYN_ACK_RETRIES = 6 in 1..=12;
    /// Seconds without an answer after which a TCP connection is given up; 0: never (RFC 5482).
    TCP_USER_TIMEOUT = 300 in 0..=65535;
    /// Seconds of silence before the first keepalive probe, where a socket asks for them.
    TCP_KEEPALIVE = 7200 in 1..=65535;
    /// Seconds between keepalive probes.
    TCP_KEEPALIVE_INTERVAL = 75 in 1..=65535;
    /// Keepalive probes without an answer after which the connection is given up.
    TCP_KEEPALIVE_PROBES = 9 in 1..=255;
    /// Seconds that a connection which nobody holds waits for the peer's FIN.
    TCP_FIN_WAIT_2 = 60 in 1..=3600;
    /// TCP connections that recover from losses by selective acknowledgements at once.
    TCP_SCOREBOARDS = 4 in 1..=1024;
    /// Handshakes begun by peers and not finished, of all listeners together.
    TCP_SYN_QUEUE = 4 in 1..=1024;
    /// Connections remembered in TIME-WAIT.
    TCP_TIME_WAIT = 8 in 1..=4096;
    /// Seconds that a connection is remembered in TIME-WAIT: twice the maximum segment lifetime.
    TCP_TIME_WAIT_SECONDS = 60 in 1..=240;
    /// DNS servers known at once (feature `dns`), from all sources.
    DNS_SERVERS = 4 in 1..=16;
    /// Answers that a DNS resolver remembers, those that there is none among them.
    DNS_CACHE = 8 in 0..=1024;
    /// Bytes of a remembered DNS answer: the name, and the data of all records with 2 bytes for
    /// each. A longer answer is not remembered.
    DNS_CACHE_ENTRY = 128 in 32..=4096;
    /// Addresses that a DNS lookup gives.
    DNS_ADDRESSES = 8 in 2..=64;
    /// Search domains of a DNS resolver.
    DNS_SEARCH = 2 in 0..=6;
    /// Bytes of a DNS message that are read: what servers are told to send at most by UDP, and the
    /// part of an answer by TCP that is looked at. They are taken from the stack of whoever polls.
    DNS_MESSAGE = 1232 in 512..=4096;
    /// The time that a DNS server has to answer the first query, in milliseconds. It doubles from
    /// one round over all servers to the next.
    DNS_TIMEOUT = 2000 in 100..=30000;
    /// Rounds over all DNS servers before a lookup is given up.
    DNS_ROUNDS = 3 in 1..=8;
    /// Interfaces on which LLMNR works (feature `llmnr`): those whose numbers are below.
    LLMNR_INTERFACES = 2 in 1..=16;
    /// Bytes of an LLMNR message that are read. They are taken from the stack of whoever polls.
    LLMNR_MESSAGE = 1472 in 512..=9194;
    /// Interfaces that multicast DNS works on: those with the lowest numbers (features `mdns`,
    /// `mdns-responder`).
    MDNS_INTERFACES = 2 in 1..=8;
    /// Bytes of a multicast DNS message that are read or written at most; 256 more than
    /// `MDNS_TXT` at least. They are taken from the stack of whoever polls.
    MDNS_MESSAGE = 1452 in 512..=8952;
    /// Announcements of a new name, each after twice the time (RFC 6762 §8.3).
    MDNS_ANNOUNCEMENTS = 2 in 2..=8;
    /// Answers of multicast DNS to single hosts that wait to be sent. Where there are more, all are
    /// told.
    MDNS_REPLIES = 2 in 1..=32;
    /// Services of this host (feature `dns-sd`).
    MDNS_SERVICES = 2 in 1..=64;
    /// Bytes of the attributes of a service, with 1 byte for each.
    MDNS_TXT = 128 in 1..=1024;
    /// Bytes of the subtypes of a service, with 1 byte for each; there are seven at most.
    MDNS_SUBTYPES = 32 in 0..=448;
    /// Questions that are asked at once by multicast DNS (feature `mdns`): for each thing looked for
    /// one, for the addresses of a host two.
    MDNS_QUESTIONS = 4 in 2..=16;
    /// Records of others that multicast DNS remembers.
    MDNS_CACHE = 16 in 2..=1024;
    /// Bytes of all those records: their names and data.
    MDNS_CACHE_BYTES = 1024 in 256..=65535;
    /// The time after which a name that nobody answers for is not there, in milliseconds.
    MDNS_TIMEOUT = 3000 in 100..=60000;
    /// Bytes of a DHCPv4 message that are read (features `dhcpv4-client`, `dhcpv4-server`), and that
    /// the server writes at most: what servers are told to send at most, without IP and UDP headers.
    /// They are taken from the stack of whoever polls, by the server twice.
    DHCPV4_MESSAGE = 1472 in 548..=8192;
    /// Bytes of options from the last answer of a DHCPv4 server that a client keeps, with 3 bytes for
    /// each option. What does not fit is counted; those that the client itself uses come first.
    DHCPV4_OPTIONS = 256 in 32..=4096;
    /// Addresses that are looked for on the links at once, before a DHCPv4 server offers them (feature
    /// `dhcpv4-server`): each keeps the message of a client for half a second.
    DHCPV4_PROBES = 4 in 1..=64;
    /// Bytes of a DHCPv6 message that are read (feature `dhcpv6-client`). They are taken from the
    /// stack of whoever polls.
    DHCPV6_MESSAGE = 1452 in 1232..=8192;
    /// Bytes of options from the last answer of a DHCPv6 server that a client keeps, with 4 bytes for
    /// each option. What does not fit is counted; those that the client itself uses come first.
    DHCPV6_OPTIONS = 256 in 32..=4096;
    /// Identity associations of one DHCPv6 client: each is for the addresses, or for the prefixes,
    /// that one server policy gives.
    DHCPV6_ASSOCIATIONS = 2 in 1..=8;
    /// Addresses and prefixes that one DHCPv6 client has leased, all associations together.
    DHCPV6_LEASES = 4 in 1..=16;
    /// Time servers that an SNTP client knows at once.
    SNTP_SERVERS = 4 in 1..=16;
    /// Clients that a zperf server serves at once (feature `zperf`), over UDP and over TCP each. One
    /// more over UDP takes the place of the one that ended first, or is refused; over TCP it waits.
    ZPERF_SESSIONS = 4 in 1..=64;
    /// Bytes of the pattern that zperf sends over and over: each piece of it takes a view of the pool.
    ZPERF_PATTERN = 1024 in 64..=65535;
    /// Bytes of a line that is entered in a shell (feature `shell`).
    SHELL_LINE = 80 in 16..=255;
    /// Bytes of the lines that a session of a shell remembers, with 1 byte for each.
    SHELL_HISTORY = 256 in 1..=4096;
    /// Bytes that a command of a shell has written and that are not sent yet.
    SHELL_OUTPUT = 128 in 64..=4096;
    /// Interfaces of the stack that C programs have (feature `c-abi`).
    C_INTERFACES = 2 in 1..=32;
    /// Descriptors that a C program has open at once.
    C_DESCRIPTORS = 16 in 2..=64;
    /// UDP sockets of a C program, with those of the DNS (two for each name that is asked for) and of
    /// DHCP.
    C_UDP_SOCKETS = 8 in 1..=255;
    /// TCP connections of a C program.
    C_TCP_SOCKETS = 8 in 1..=1024;
    /// Ports at which a C program accepts TCP connections.
    C_LISTENERS = 4 in 1..=255;
    /// Blocks of the pool of a C program.
    C_BLOCKS = 64 in 8..=8191;
    /// Bytes of such a block.
    C_BLOCK_SIZE = 512 in 128..=2048;
    /// Header blocks of that pool.
    C_HEADER_BLOCKS = 16 in 4..=1024;
    /// Results of `zonda_getaddrinfo` that a C program has not given back yet.
    C_LOOKUPS = 2 in 1..=16;
    /// Bytes of a response that an HTTP server gathers before it sends them (feature `http-server`),
    /// for each connection: the head of a response must find room, and small writes become one.
    HTTP_OUTPUT = 512 in 256..=16384;
    /// Bytes of a URL that a redirection leads an HTTP client to (feature `http-client`).
    HTTP_URL = 256 in 64..=8192;
    /// Bytes of the name of a server whose connections an HTTP client keeps for further requests
    /// (feature `http-client`): one with a longer name is connected to anew each time.
    HTTP_HOST = 64 in 16..=255;
}
