/*
 * The C interface of Zonda: a network stack in memory of the program, with BSD sockets.
 *
 * Names and meanings are those of POSIX (IEEE Std 1003.1) with zonda_ in front, RFC 3493 and
 * RFC 3542 for IPv6; the numbers are those of Linux. There is one stack, which zonda_init makes. A
 * call that fails gives -1 or null, and zonda_errno() says why.
 *
 * The calls are for one thread, or under a lock of the program. A call that comes while another is
 * being made fails with ZONDA_EBUSY. A call that waits drives the stack and its drivers meanwhile.
 * From the function "wait" of the platform any call may be made, but zonda_end; that is also where
 * a program with several threads leaves its lock. Functions of drivers and "now" may not call the
 * stack.
 */
#ifndef ZONDA_H
#define ZONDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The stack ------------------------------------------------------------------------------- */

/* A piece of memory. */
struct zonda_iovec {
    void *iov_base;
    size_t iov_len;
};

/* What the program does for the stack. */
struct zonda_platform {
    /* Given to the functions. */
    void *context;
    /* Tells the time in microseconds; it never goes back. */
    uint64_t (*now)(void *context);
    /* Waits so many milliseconds, or until a driver has something; UINT32_MAX: until a driver has
     * something. It may return early. Null: calls that wait do not sleep. */
    void (*wait)(void *context, uint32_t milliseconds);
    /* Makes the random numbers: from the hardware's entropy source, and never twice the same. */
    uint8_t seed[32];
};

#define ZONDA_MEDIUM_ETHERNET 0        /* Ethernet frames, without the frame check sequence */
#define ZONDA_MEDIUM_IP 1              /* Bare IP packets */

/* Checksums that the hardware takes care of: it hands on only frames in which those are right,
 * and fills in these. */
#define ZONDA_OFFLOAD_RECEIVE_IPV4 0x01
#define ZONDA_OFFLOAD_RECEIVE_UDP 0x02
#define ZONDA_OFFLOAD_RECEIVE_TCP 0x04
#define ZONDA_OFFLOAD_RECEIVE_ICMP 0x08
#define ZONDA_OFFLOAD_SEND_IPV4 0x10
#define ZONDA_OFFLOAD_SEND_UDP 0x20
#define ZONDA_OFFLOAD_SEND_TCP 0x40
#define ZONDA_OFFLOAD_SEND_ICMP 0x80

/* A driver. Its functions are called by calls of the stack, one at a time. */
struct zonda_driver {
    /* Given to the functions. */
    void *context;
    /* Whether frames can pass: 1, or 0. Null: they always can. */
    int (*link)(void *context);
    /* Writes a received frame into pieces of memory, one after the other, and gives its length;
     * 0 if there is none. What is longer than the pieces together is dropped. */
    size_t (*receive)(void *context, const struct zonda_iovec *pieces, size_t count);
    /* Sends a frame that is in several pieces, and is gone after the call: gives 0, or
     * ZONDA_EAGAIN if there is no room for it now, or another number if it cannot be sent at
     * all. */
    int (*send)(void *context, const struct zonda_iovec *pieces, size_t count);
    /* Is told the groups whose frames are to be received, 6 bytes each, when they have changed.
     * Null: all are received. */
    void (*filter)(void *context, const uint8_t *groups, size_t count);
    /* ZONDA_MEDIUM_*. */
    unsigned int medium;
    /* Bytes of the longest IP packet; 0: 1500. */
    uint16_t mtu;
    /* ZONDA_OFFLOAD_*. */
    uint16_t offload;
    /* The hardware address, on Ethernet. */
    uint8_t address[6];
};

/* Bytes of memory that zonda_init needs, wherever they begin. */
size_t zonda_memory_size(void);

/* Makes the stack, in memory that the program gets back with zonda_end. ZONDA_ENOMEM if it is too
 * little, ZONDA_EBUSY if there is a stack. */
int zonda_init(void *memory, size_t size, const struct zonda_platform *platform);

/* Ends the stack. Its sockets are closed; nothing is waited for. The drivers are not called any
 * more. ZONDA_EBUSY while another call waits. */
int zonda_end(void);

/* Does what there is to do, and waits for nothing. Tells in how many milliseconds there will be
 * more; UINT32_MAX: when a driver has something. The pointer may be null. */
int zonda_turn(uint32_t *milliseconds);

/* Drives the stack for so many milliseconds. */
int zonda_run(uint32_t milliseconds);

/* How many blocks of the pool of packets are in use. */
int zonda_blocks_used(void);

/* ---- Interfaces ------------------------------------------------------------------------------ */

#define ZONDA_IF_NAMESIZE 16           /* Bytes of the name of an interface, with its end */

#define ZONDA_ADDRESS_USABLE 0         /* The address may be used */
#define ZONDA_ADDRESS_TENTATIVE 1      /* It is not known yet whether another station has it */
#define ZONDA_ADDRESS_DUPLICATE 2      /* Another station has it */

struct zonda_sockaddr;

/* Room for a length of an address. */
typedef uint32_t zonda_socklen_t;

/* A number of bytes, or -1. */
typedef ptrdiff_t zonda_ssize_t;

/* Attaches a driver as a new interface; gives its number, counted from 1. The name may be null. */
int zonda_attach(const struct zonda_driver *driver, const char *name);

/* Makes an interface that leads to this host itself, with 127.0.0.0/8 and ::1; gives its number. */
int zonda_attach_loopback(void);

/* Adds an address (a struct zonda_in_addr or zonda_in6_addr) to an interface, with the bits of its
 * prefix. */
int zonda_add_address(unsigned int interface, int family, const void *address, unsigned int prefix);

/* Takes an address from an interface. */
int zonda_remove_address(unsigned int interface, int family, const void *address);

/* Tells an address of an interface: the first for place 0, then the others; ZONDA_ENOENT where
 * there are no more. Gives its state, ZONDA_ADDRESS_*. */
int zonda_get_address(unsigned int interface, unsigned int place, struct zonda_sockaddr *address,
                      zonda_socklen_t *length, unsigned int *prefix);

/* Adds a route: to the destinations with this prefix by a gateway, or where that is null to
 * neighbors. */
int zonda_add_route(unsigned int interface, int family, const void *destination,
                    unsigned int prefix, const void *gateway);

/* Takes a route out. */
int zonda_remove_route(unsigned int interface, int family, const void *destination,
                       unsigned int prefix, const void *gateway);

/* Adds a server that is asked for names; port 0 is that of the DNS. */
int zonda_add_name_server(const struct zonda_sockaddr *address, zonda_socklen_t length);

/* Waits until the link of an interface is up, and it is known of all its addresses whether another
 * station has them, for so many milliseconds at most: ZONDA_EAGAIN when they are over. */
int zonda_wait_ready(unsigned int interface, uint32_t milliseconds);

/* Gets an address for an interface by DHCP, with routes and name servers, and keeps it, whenever
 * the stack is driven (feature dhcpv4-client). */
int zonda_dhcpv4_start(unsigned int interface);

/* Gives the address back to the server. */
int zonda_dhcpv4_stop(unsigned int interface);

/* ---- Addresses ------------------------------------------------------------------------------- */

typedef uint16_t zonda_sa_family_t;
typedef uint16_t zonda_in_port_t;

/* The begin of every address. */
struct zonda_sockaddr {
    zonda_sa_family_t sa_family;
    char sa_data[14];
};

struct zonda_in_addr {
    uint32_t s_addr; /* in the order of the network */
};

/* An IPv4 address and port. */
struct zonda_sockaddr_in {
    zonda_sa_family_t sin_family;
    zonda_in_port_t sin_port; /* in the order of the network */
    struct zonda_in_addr sin_addr;
    uint8_t sin_zero[8];
};

struct zonda_in6_addr {
    uint8_t s6_addr[16];
};

/* An IPv6 address and port. */
struct zonda_sockaddr_in6 {
    zonda_sa_family_t sin6_family;
    zonda_in_port_t sin6_port; /* in the order of the network */
    uint32_t sin6_flowinfo;    /* not used */
    struct zonda_in6_addr sin6_addr;
    uint32_t sin6_scope_id; /* the number of the interface of a link-local address */
};

/* Room for any address. */
struct zonda_sockaddr_storage {
    zonda_sa_family_t ss_family;
    uint16_t ss_data[3];
    uint32_t ss_more[6];
};

#define ZONDA_INADDR_ANY ((uint32_t)0)
#define ZONDA_INADDR_LOOPBACK ((uint32_t)0x7f000001)
#define ZONDA_INADDR_BROADCAST ((uint32_t)0xffffffff)
#define ZONDA_IN6ADDR_ANY_INIT {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}
#define ZONDA_IN6ADDR_LOOPBACK_INIT {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}
#define ZONDA_INET_ADDRSTRLEN 16       /* Bytes of an IPv4 address as text, with its end */
#define ZONDA_INET6_ADDRSTRLEN 46      /* Bytes of an IPv6 address as text, with its end */

/* What kind of IPv6 address it is that the pointer points to (RFC 3493, section 6.4). */
#define ZONDA_IN6_BYTE(a, n) (((const struct zonda_in6_addr *)(a))->s6_addr[n])
#define ZONDA_IN6_ZERO_(a, n) (ZONDA_IN6_BYTE(a, n) == 0 && ZONDA_IN6_BYTE(a, (n) + 1) == 0)
#define ZONDA_IN6_ZEROS_(a) \
    (ZONDA_IN6_ZERO_(a, 0) && ZONDA_IN6_ZERO_(a, 2) && ZONDA_IN6_ZERO_(a, 4) && \
     ZONDA_IN6_ZERO_(a, 6) && ZONDA_IN6_ZERO_(a, 8))
#define ZONDA_IN6_IS_ADDR_UNSPECIFIED(a) \
    (ZONDA_IN6_ZEROS_(a) && ZONDA_IN6_ZERO_(a, 10) && ZONDA_IN6_ZERO_(a, 12) && \
     ZONDA_IN6_ZERO_(a, 14))
#define ZONDA_IN6_IS_ADDR_LOOPBACK(a) \
    (ZONDA_IN6_ZEROS_(a) && ZONDA_IN6_ZERO_(a, 10) && ZONDA_IN6_ZERO_(a, 12) && \
     ZONDA_IN6_BYTE(a, 14) == 0 && ZONDA_IN6_BYTE(a, 15) == 1)
#define ZONDA_IN6_IS_ADDR_MULTICAST(a) (ZONDA_IN6_BYTE(a, 0) == 0xff)
#define ZONDA_IN6_IS_ADDR_LINKLOCAL(a) \
    (ZONDA_IN6_BYTE(a, 0) == 0xfe && (ZONDA_IN6_BYTE(a, 1) & 0xc0) == 0x80)
#define ZONDA_IN6_IS_ADDR_SITELOCAL(a) \
    (ZONDA_IN6_BYTE(a, 0) == 0xfe && (ZONDA_IN6_BYTE(a, 1) & 0xc0) == 0xc0)
#define ZONDA_IN6_IS_ADDR_V4MAPPED(a) \
    (ZONDA_IN6_ZEROS_(a) && ZONDA_IN6_BYTE(a, 10) == 0xff && ZONDA_IN6_BYTE(a, 11) == 0xff)
#define ZONDA_IN6_IS_ADDR_V4COMPAT(a) \
    (ZONDA_IN6_ZEROS_(a) && ZONDA_IN6_ZERO_(a, 10) && \
     !(ZONDA_IN6_ZERO_(a, 12) && ZONDA_IN6_BYTE(a, 14) == 0 && ZONDA_IN6_BYTE(a, 15) < 2))
#define ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, scope) \
    (ZONDA_IN6_IS_ADDR_MULTICAST(a) && (ZONDA_IN6_BYTE(a, 1) & 0x0f) == (scope))
#define ZONDA_IN6_IS_ADDR_MC_NODELOCAL(a) ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, 0x1)
#define ZONDA_IN6_IS_ADDR_MC_LINKLOCAL(a) ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, 0x2)
#define ZONDA_IN6_IS_ADDR_MC_SITELOCAL(a) ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, 0x5)
#define ZONDA_IN6_IS_ADDR_MC_ORGLOCAL(a) ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, 0x8)
#define ZONDA_IN6_IS_ADDR_MC_GLOBAL(a) ZONDA_IN6_IS_ADDR_MC_SCOPE_(a, 0xe)

uint16_t zonda_htons(uint16_t number);
uint16_t zonda_ntohs(uint16_t number);
uint32_t zonda_htonl(uint32_t number);
uint32_t zonda_ntohl(uint32_t number);

/* Reads an address (RFC 3493, section 6.3): 1 if the text is one, 0 if not, -1 if there is no such
 * family. */
int zonda_inet_pton(int family, const char *text, void *address);

/* Writes an address as text, and gives where that is. */
const char *zonda_inet_ntop(int family, const void *address, char *text, zonda_socklen_t size);

/* ---- Numbers --------------------------------------------------------------------------------- */

#define ZONDA_AF_UNSPEC 0              /* No family: any of those that there are */
#define ZONDA_AF_LOCAL 1               /* Sockets within the program, in pairs */
#define ZONDA_AF_INET 2                /* IPv4 */
#define ZONDA_AF_INET6 10              /* IPv6, and IPv4 by mapped addresses */
#define ZONDA_AF_PACKET 17             /* Packets of a link: not yet */

#define ZONDA_SOCK_STREAM 1            /* A stream of bytes */
#define ZONDA_SOCK_DGRAM 2             /* Datagrams */
#define ZONDA_SOCK_RAW 3               /* Packets of a protocol of IP (feature raw-sockets) */
#define ZONDA_SOCK_NONBLOCK 0x800      /* With the type: calls do not wait */

#define ZONDA_IPPROTO_IP 0             /* The protocol of IP options */
#define ZONDA_IPPROTO_ICMP 1           /* ICMP */
#define ZONDA_IPPROTO_TCP 6            /* TCP */
#define ZONDA_IPPROTO_UDP 17           /* UDP */
#define ZONDA_IPPROTO_IPV6 41          /* The protocol of IPv6 options */
#define ZONDA_IPPROTO_ICMPV6 58        /* ICMPv6, and the level of its options */
#define ZONDA_IPPROTO_RAW 255          /* IPv4 packets that the program writes with their header */
#define ZONDA_SOL_RAW 255              /* The level of the options of raw IPv4 sockets */

#define ZONDA_MSG_PEEK 2               /* What was received stays to be received again */
#define ZONDA_MSG_CTRUNC 8             /* Some of what was to tell did not fit */
/* Asks for the length of a datagram that is cut off, and tells of one */
#define ZONDA_MSG_TRUNC 0x20
#define ZONDA_MSG_DONTWAIT 0x40        /* This call does not wait */
#define ZONDA_MSG_WAITALL 0x100        /* Waits for all that was asked for */
#define ZONDA_MSG_NOSIGNAL 0x4000      /* Taken and without effect: there are no signals */

#define ZONDA_SHUT_RD 0                /* Nothing more is received */
#define ZONDA_SHUT_WR 1                /* Nothing more is sent */
#define ZONDA_SHUT_RDWR 2              /* Both */

#define ZONDA_F_GETFL 3                /* Gives the flags of a descriptor */
#define ZONDA_F_SETFL 4                /* Sets the flags of a descriptor */

#define ZONDA_O_NONBLOCK 0x800         /* Calls do not wait */

#define ZONDA_FIONREAD 0x541b          /* Gives how many bytes the next call would receive */

#define ZONDA_FIONBIO 0x5421           /* Sets whether calls do not wait */

#define ZONDA_POLLIN 1                 /* There is something to receive, or the end */

#define ZONDA_POLLOUT 4                /* There is room to send */

#define ZONDA_POLLERR 8                /* There is an error to be told */

#define ZONDA_POLLHUP 0x10             /* Nothing passes any more */

#define ZONDA_POLLNVAL 0x20            /* The descriptor is not open */

#define ZONDA_POLLRDHUP 0x2000         /* The peer sends no more */

#define ZONDA_SOL_SOCKET 1             /* The level of the options of sockets */

#define ZONDA_SO_REUSEADDR 2           /* Shares the address and port */
#define ZONDA_SO_TYPE 3                /* The type */
/* The error that nobody was told of; to ask for it is to be told */
#define ZONDA_SO_ERROR 4
#define ZONDA_SO_BROADCAST 6           /* May send to broadcast addresses */
#define ZONDA_SO_SNDBUF 7              /* Bytes that may wait to be sent */
#define ZONDA_SO_RCVBUF 8              /* Bytes that may wait to be received */
#define ZONDA_SO_KEEPALIVE 9           /* Asks a silent peer whether it is there */
#define ZONDA_SO_OOBINLINE 10          /* Urgent data are received among the others: always so */
#define ZONDA_SO_PRIORITY 12           /* The transmit queue */
#define ZONDA_SO_LINGER 13             /* What closing does with what was not sent yet */
#define ZONDA_SO_REUSEPORT 15          /* Shares the address and port */
#define ZONDA_SO_RCVLOWAT 18           /* Bytes of a stream that have to be there to receive */
#define ZONDA_SO_SNDLOWAT 19           /* Bytes that there has to be room for to send: always 1 */
#define ZONDA_SO_RCVTIMEO 20           /* How long a call waits to receive */
#define ZONDA_SO_SNDTIMEO 21           /* How long a call waits to send */
#define ZONDA_SO_BINDTODEVICE 25       /* The interface, by name */
#define ZONDA_SO_TIMESTAMP 29          /* Tells when the driver received it, in microseconds */
#define ZONDA_SO_ACCEPTCONN 30         /* Whether it accepts connections */
#define ZONDA_SO_TIMESTAMPNS 35        /* Tells when the driver received it, in nanoseconds */
#define ZONDA_SO_PROTOCOL 38           /* The protocol */
#define ZONDA_SO_DOMAIN 39             /* The family */
#define ZONDA_SO_RXQ_OVFL 40           /* Tells how many datagrams were dropped */
#define ZONDA_SO_BINDTOIFINDEX 62      /* The interface, by number */

#define ZONDA_IP_TOS 1                 /* DSCP and ECN */
#define ZONDA_IP_TTL 2                 /* TTL */
/* What is sent through a raw socket starts with an IPv4 header */
#define ZONDA_IP_HDRINCL 3
#define ZONDA_IP_PKTINFO 8             /* Tells, and takes, the own address and interface */
#define ZONDA_IP_MTU_DISCOVER 10       /* Whether datagrams may go in fragments */
#define ZONDA_IP_RECVTTL 12            /* Tells the TTL */
#define ZONDA_IP_RECVTOS 13            /* Tells DSCP and ECN */
#define ZONDA_IP_MTU 14                /* The path MTU to the peer */
#define ZONDA_IP_MULTICAST_IF 32       /* The interface to send to groups by */
#define ZONDA_IP_MULTICAST_TTL 33      /* TTL of what is sent to groups */
#define ZONDA_IP_MULTICAST_LOOP 34     /* Whether what is sent to groups comes to this host too */
#define ZONDA_IP_ADD_MEMBERSHIP 35     /* Joins a group */
#define ZONDA_IP_DROP_MEMBERSHIP 36    /* Leaves a group */
#define ZONDA_IP_UNBLOCK_SOURCE 37     /* Hears a source again */
#define ZONDA_IP_BLOCK_SOURCE 38       /* Hears a source no longer */
#define ZONDA_IP_ADD_SOURCE_MEMBERSHIP 39 /* Joins one source of a group */
#define ZONDA_IP_DROP_SOURCE_MEMBERSHIP 40 /* Leaves one source of a group */
#define ZONDA_IP_MULTICAST_ALL 49      /* Whether groups that others have joined are heard */
/* Ports to choose from where none is asked for: the lowest, and the highest times 65536 */
#define ZONDA_IP_LOCAL_PORT_RANGE 51
#define ZONDA_MCAST_JOIN_GROUP 42      /* Joins a group of either version */
#define ZONDA_MCAST_BLOCK_SOURCE 43    /* Hears a source no longer */
#define ZONDA_MCAST_UNBLOCK_SOURCE 44  /* Hears a source again */
#define ZONDA_MCAST_LEAVE_GROUP 45     /* Leaves a group */
#define ZONDA_MCAST_JOIN_SOURCE_GROUP 46 /* Joins one source of a group */
#define ZONDA_MCAST_LEAVE_SOURCE_GROUP 47 /* Leaves one source of a group */
#define ZONDA_IP_PMTUDISC_WANT 1       /* Of IP_MTU_DISCOVER: in fragments where it has to be */
#define ZONDA_IP_PMTUDISC_DO 2         /* Of IP_MTU_DISCOVER: whole, or not at all */

/* A bit for each of the first 32 types of ICMP messages that are not received */
#define ZONDA_ICMP_FILTER 1
/* 32 bytes: a bit for each type of ICMPv6 messages that is not received */
#define ZONDA_ICMP6_FILTER 1
/* Where there is a checksum in what a raw socket sends and receives, or -1 */
#define ZONDA_IPV6_CHECKSUM 7
#define ZONDA_IPV6_UNICAST_HOPS 16     /* Hop limit */
#define ZONDA_IPV6_MULTICAST_IF 17     /* The interface to send to groups by */
#define ZONDA_IPV6_MULTICAST_HOPS 18   /* Hop limit of what is sent to groups */
#define ZONDA_IPV6_MULTICAST_LOOP 19   /* Whether what is sent to groups comes to this host too */
#define ZONDA_IPV6_ADD_MEMBERSHIP 20   /* Joins a group */
#define ZONDA_IPV6_DROP_MEMBERSHIP 21  /* Leaves a group */
#define ZONDA_IPV6_MTU_DISCOVER 23     /* Whether datagrams may go in fragments */
#define ZONDA_IPV6_MTU 24              /* The path MTU to the peer */
#define ZONDA_IPV6_V6ONLY 26           /* IPv6 only, no mapped addresses */
#define ZONDA_IPV6_MULTICAST_ALL 29    /* Whether groups that others have joined are heard */
#define ZONDA_IPV6_RECVPKTINFO 49      /* Tells the own address and interface */
#define ZONDA_IPV6_PKTINFO 50          /* The own address and interface of a message */
#define ZONDA_IPV6_RECVHOPLIMIT 51     /* Tells the hop limit */
#define ZONDA_IPV6_HOPLIMIT 52         /* The hop limit of a message */
#define ZONDA_IPV6_PATHMTU 61          /* The path MTU to the peer, in a structure */
#define ZONDA_IPV6_DONTFRAG 62         /* Datagrams are not sent in fragments */
#define ZONDA_IPV6_RECVTCLASS 66       /* Tells the traffic class */
#define ZONDA_IPV6_TCLASS 67           /* Traffic class */
#define ZONDA_IPV6_ADDR_PREFERENCES 72 /* Which source addresses are better (RFC 5014) */
#define ZONDA_IPV6_PREFER_SRC_TMP 1    /* Of IPV6_ADDR_PREFERENCES: temporary ones */
#define ZONDA_IPV6_PREFER_SRC_PUBLIC 2 /* Of IPV6_ADDR_PREFERENCES: those that are not */
/* Of IPV6_ADDR_PREFERENCES: as the stack prefers */
#define ZONDA_IPV6_PREFER_SRC_PUBTMP_DEFAULT 0x100

#define ZONDA_TCP_NODELAY 1            /* Small segments do not wait */
#define ZONDA_TCP_MAXSEG 2             /* Bytes of data in a full segment */
#define ZONDA_TCP_KEEPIDLE 4           /* Seconds of silence before the peer is asked */
#define ZONDA_TCP_KEEPINTVL 5          /* Seconds between the questions */
/* Questions without an answer after which the connection is over */
#define ZONDA_TCP_KEEPCNT 6
#define ZONDA_TCP_INFO 11              /* How a connection is doing */
#define ZONDA_TCP_CONGESTION 13        /* The name of what controls congestion */
/* Milliseconds without an acknowledgement after which the connection is over */
#define ZONDA_TCP_USER_TIMEOUT 18

#define ZONDA_AI_PASSIVE 1             /* The addresses are to bind to */
#define ZONDA_AI_CANONNAME 2           /* The first result has the name that is meant */
#define ZONDA_AI_NUMERICHOST 4         /* The host is an address */
#define ZONDA_AI_V4MAPPED 8            /* IPv4 addresses as mapped ones where there are no others */
#define ZONDA_AI_ALL 0x10              /* With AI_V4MAPPED: where there are others, too */
/* Only addresses of versions that this host has addresses of */
#define ZONDA_AI_ADDRCONFIG 0x20
#define ZONDA_AI_NUMERICSERV 0x400     /* The service is a number */

#define ZONDA_NI_NUMERICHOST 1         /* The host as an address */
#define ZONDA_NI_NUMERICSERV 2         /* The service as a number */
#define ZONDA_NI_NAMEREQD 8            /* It is an error if the host has no name */
#define ZONDA_NI_DGRAM 0x10            /* The service is one of datagrams */

/* ---- Errors ---------------------------------------------------------------------------------- */

#define ZONDA_EPERM 1                  /* the stack has not been made */
#define ZONDA_ENOENT 2                 /* there is no such thing */
#define ZONDA_ENXIO 6                  /* there is no such interface */
#define ZONDA_EBADF 9                  /* the descriptor is not open */
#define ZONDA_EAGAIN 11                /* the call would have to wait, or has waited for too long */
#define ZONDA_ENOMEM 12                /* the memory is too small */
#define ZONDA_EACCES 13                /* the socket may not send to broadcast addresses */
#define ZONDA_EFAULT 14                /* a pointer is null, or not aligned */
#define ZONDA_EBUSY 16                 /* another call is being made */
#define ZONDA_ENODEV 19                /* there is no such interface */
#define ZONDA_EINVAL 22                /* an argument is wrong, or comes at the wrong time */
#define ZONDA_EMFILE 24                /* all descriptors are open */
#define ZONDA_ENOTTY 25                /* the request is not known */
#define ZONDA_ENOSPC 28                /* what was lent for the result is too small */
#define ZONDA_EPIPE 32                 /* nothing can be sent any more */
#define ZONDA_EPROTO 71                /* the peer did not understand the protocol */
#define ZONDA_ENOTSOCK 88              /* the descriptor is no socket */
#define ZONDA_EDESTADDRREQ 89          /* the socket has no peer, and no destination was given */
#define ZONDA_EMSGSIZE 90              /* the datagram is too long */
#define ZONDA_EPROTOTYPE 91            /* the protocol is not of the socket's type */
#define ZONDA_ENOPROTOOPT 92           /* there is no such option */
#define ZONDA_EPROTONOSUPPORT 93       /* there is no such protocol */
#define ZONDA_ESOCKTNOSUPPORT 94       /* there are no sockets of that type */
#define ZONDA_EOPNOTSUPP 95            /* sockets of this type cannot do that */
#define ZONDA_EAFNOSUPPORT 97          /* there is no such family */
#define ZONDA_EADDRINUSE 98            /* the address and port are in use */
#define ZONDA_EADDRNOTAVAIL 99         /* not an address of this host */
#define ZONDA_ENETUNREACH 101          /* there is no route to the destination */
#define ZONDA_ECONNABORTED 103         /* the connection was aborted */
#define ZONDA_ECONNRESET 104           /* the connection was reset by the peer */
#define ZONDA_ENOBUFS 105              /* there is no place in a table or the pool */
#define ZONDA_EISCONN 106              /* the socket has a peer already */
#define ZONDA_ENOTCONN 107             /* the socket has no peer */
#define ZONDA_ETIMEDOUT 110            /* the peer did not answer in time */
#define ZONDA_ECONNREFUSED 111         /* the peer refused */
#define ZONDA_EHOSTUNREACH 113         /* the host cannot be reached */
#define ZONDA_EALREADY 114             /* the socket is connecting already */
#define ZONDA_EINPROGRESS 115          /* the connection is being made */
#define ZONDA_EWOULDBLOCK ZONDA_EAGAIN

/* Why the last call failed that did. */
int zonda_errno(void);

/* What an errno means. */
const char *zonda_strerror(int error);

/* ---- Sockets --------------------------------------------------------------------------------- */

int zonda_socket(int domain, int type, int protocol);
int zonda_socketpair(int domain, int type, int protocol, int fds[2]);
int zonda_bind(int fd, const struct zonda_sockaddr *address, zonda_socklen_t length);
int zonda_connect(int fd, const struct zonda_sockaddr *address, zonda_socklen_t length);
int zonda_listen(int fd, int backlog);
int zonda_accept(int fd, struct zonda_sockaddr *address, zonda_socklen_t *length);
int zonda_shutdown(int fd, int how);
int zonda_close(int fd);
int zonda_getsockname(int fd, struct zonda_sockaddr *address, zonda_socklen_t *length);
int zonda_getpeername(int fd, struct zonda_sockaddr *address, zonda_socklen_t *length);

/* A message: pieces of data (16 at most), an address, and what goes with it. */
struct zonda_msghdr {
    void *msg_name;
    zonda_socklen_t msg_namelen;
    struct zonda_iovec *msg_iov;
    size_t msg_iovlen;
    void *msg_control;
    size_t msg_controllen;
    int msg_flags;
};

#define ZONDA_IOV_MAX 16               /* Pieces of one message */

zonda_ssize_t zonda_send(int fd, const void *data, size_t length, int flags);
zonda_ssize_t zonda_sendto(int fd, const void *data, size_t length, int flags,
                           const struct zonda_sockaddr *address, zonda_socklen_t address_length);
zonda_ssize_t zonda_sendmsg(int fd, const struct zonda_msghdr *message, int flags);
zonda_ssize_t zonda_recv(int fd, void *data, size_t length, int flags);
zonda_ssize_t zonda_recvfrom(int fd, void *data, size_t length, int flags,
                             struct zonda_sockaddr *address, zonda_socklen_t *address_length);
zonda_ssize_t zonda_recvmsg(int fd, struct zonda_msghdr *message, int flags);
zonda_ssize_t zonda_read(int fd, void *data, size_t length);
zonda_ssize_t zonda_write(int fd, const void *data, size_t length);

/* The begin of an item of ancillary data (RFC 3542, section 20). */
struct zonda_cmsghdr {
    size_t cmsg_len;
    int cmsg_level;
    int cmsg_type;
};

#define ZONDA_CMSG_ALIGN_(length) (((length) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
#define ZONDA_CMSG_HEADER_ ZONDA_CMSG_ALIGN_(sizeof(struct zonda_cmsghdr))
#define ZONDA_CMSG_DATA(item) ((unsigned char *)(item) + ZONDA_CMSG_HEADER_)
#define ZONDA_CMSG_LEN(length) (ZONDA_CMSG_HEADER_ + (length))
#define ZONDA_CMSG_SPACE(length) (ZONDA_CMSG_HEADER_ + ZONDA_CMSG_ALIGN_(length))
#define ZONDA_CMSG_FIRSTHDR(message) \
    ((message)->msg_controllen >= sizeof(struct zonda_cmsghdr) \
         ? (struct zonda_cmsghdr *)(message)->msg_control \
         : (struct zonda_cmsghdr *)0)
#define ZONDA_CMSG_NXTHDR(message, item) \
    ((size_t)((unsigned char *)(message)->msg_control + (message)->msg_controllen - \
              (unsigned char *)(item)) >= \
             ZONDA_CMSG_ALIGN_((item)->cmsg_len) + sizeof(struct zonda_cmsghdr) \
         ? (struct zonda_cmsghdr *)(void *)((unsigned char *)(item) + \
                                            ZONDA_CMSG_ALIGN_((item)->cmsg_len)) \
         : (struct zonda_cmsghdr *)0)

/* The data of ZONDA_IP_PKTINFO. Sent, ipi_spec_dst is the source. */
struct zonda_in_pktinfo {
    int ipi_ifindex;
    struct zonda_in_addr ipi_spec_dst;
    struct zonda_in_addr ipi_addr;
};

/* The data of ZONDA_IPV6_PKTINFO. */
struct zonda_in6_pktinfo {
    struct zonda_in6_addr ipi6_addr;
    unsigned int ipi6_ifindex;
};

/* ---- Options --------------------------------------------------------------------------------- */

/* The value of ZONDA_SO_RCVTIMEO and ZONDA_SO_SNDTIMEO. */
struct zonda_timeval {
    int64_t tv_sec;
    int64_t tv_usec;
};

/* The value of ZONDA_MCAST_JOIN_GROUP and ZONDA_MCAST_LEAVE_GROUP (RFC 3678, section 5.1). */
struct zonda_group_req {
    uint32_t gr_interface; /* 0: the routes choose */
    struct zonda_sockaddr_storage gr_group;
};

/* The value of the other options ZONDA_MCAST_*. */
struct zonda_group_source_req {
    uint32_t gsr_interface;
    struct zonda_sockaddr_storage gsr_group;
    struct zonda_sockaddr_storage gsr_source;
};

/* The value of ZONDA_IPV6_PATHMTU (RFC 3542, section 11.3). */
struct zonda_ip6_mtuinfo {
    struct zonda_sockaddr_in6 ip6m_addr; /* means nothing */
    uint32_t ip6m_mtu;
};

/* The value of ZONDA_TCP_INFO. */
struct zonda_tcp_info {
    uint32_t tcpi_state;         /* the number of the MIB: 1 is closed, 5 established */
    uint32_t tcpi_rtt;           /* microseconds; 0: not known yet */
    uint32_t tcpi_snd_cwnd;      /* bytes */
    uint32_t tcpi_snd_wnd;       /* the window of the peer in bytes */
    uint32_t tcpi_snd_mss;       /* bytes of data in a full segment */
    uint32_t tcpi_unacked;       /* bytes that were sent and are not acknowledged */
    uint32_t tcpi_total_retrans; /* segments that were sent again */
    uint32_t tcpi_unread;        /* bytes that wait to be read */
    uint32_t tcpi_written;       /* bytes that were written and are not acknowledged */
};

/* What ZONDA_SO_TIMESTAMPNS tells; ZONDA_SO_TIMESTAMP tells a zonda_timeval, ZONDA_SO_RXQ_OVFL a
 * uint32_t. */
struct zonda_timespec {
    int64_t tv_sec;
    int64_t tv_nsec;
};

/* The value of ZONDA_SO_LINGER. */
struct zonda_linger {
    int l_onoff;
    int l_linger;
};

/* The value of ZONDA_IP_ADD_MEMBERSHIP and ZONDA_IP_DROP_MEMBERSHIP; the last field may be
 * missing. */
struct zonda_ip_mreqn {
    struct zonda_in_addr imr_multiaddr;
    struct zonda_in_addr imr_address;
    int imr_ifindex;
};

/* The value of options of one source of a group. */
struct zonda_ip_mreq_source {
    struct zonda_in_addr imr_multiaddr;
    struct zonda_in_addr imr_interface;
    struct zonda_in_addr imr_sourceaddr;
};

/* The value of ZONDA_IPV6_ADD_MEMBERSHIP and ZONDA_IPV6_DROP_MEMBERSHIP. */
struct zonda_ipv6_mreq {
    struct zonda_in6_addr ipv6mr_multiaddr;
    unsigned int ipv6mr_interface;
};

int zonda_setsockopt(int fd, int level, int name, const void *value, zonda_socklen_t length);
int zonda_getsockopt(int fd, int level, int name, void *value, zonda_socklen_t *length);
int zonda_fcntl(int fd, int command, int argument);
int zonda_ioctl(int fd, unsigned long request, int *argument);

/* ---- Waiting --------------------------------------------------------------------------------- */

struct zonda_pollfd {
    int fd;
    short events;
    short revents;
};

int zonda_poll(struct zonda_pollfd *fds, unsigned int count, int milliseconds);

#define ZONDA_FD_SETSIZE 64            /* Descriptors in a set are below this */

typedef struct zonda_fd_set {
    uint64_t bits;
} zonda_fd_set;

#define ZONDA_FD_BIT_(fd) ((fd) >= 0 && (fd) < ZONDA_FD_SETSIZE ? (uint64_t)1 << ((fd) & 63) : 0)
#define ZONDA_FD_ZERO(set) ((void)((set)->bits = 0))
#define ZONDA_FD_SET(fd, set) ((void)((set)->bits |= ZONDA_FD_BIT_(fd)))
#define ZONDA_FD_CLR(fd, set) ((void)((set)->bits &= ~ZONDA_FD_BIT_(fd)))
#define ZONDA_FD_ISSET(fd, set) (((set)->bits & ZONDA_FD_BIT_(fd)) != 0)

int zonda_select(int count, zonda_fd_set *readable, zonda_fd_set *writable, zonda_fd_set *failed,
                 const struct zonda_timeval *timeout);

/* ---- Names ----------------------------------------------------------------------------------- */

struct zonda_addrinfo {
    int ai_flags;
    int ai_family;
    int ai_socktype;
    int ai_protocol;
    zonda_socklen_t ai_addrlen;
    struct zonda_sockaddr *ai_addr;
    char *ai_canonname;
    struct zonda_addrinfo *ai_next;
};

#define ZONDA_EAI_BADFLAGS (-1)        /* invalid flags */
#define ZONDA_EAI_NONAME (-2)          /* no such host */
#define ZONDA_EAI_AGAIN (-3)           /* no answer now */
#define ZONDA_EAI_FAIL (-4)            /* no answer */
#define ZONDA_EAI_FAMILY (-6)          /* no such family */
#define ZONDA_EAI_SOCKTYPE (-7)        /* no such type of socket */
#define ZONDA_EAI_SERVICE (-8)         /* no such service */
#define ZONDA_EAI_OVERFLOW (-12)       /* too long a name */
#define ZONDA_EAI_MEMORY (-10)         /* no place for the result */
#define ZONDA_EAI_SYSTEM (-11)         /* zonda_errno says why */

/* The addresses of a host, with the port of a service (RFC 3493, section 6.1). */
int zonda_getaddrinfo(const char *host, const char *service, const struct zonda_addrinfo *hints,
                      struct zonda_addrinfo **found);

/* Gives back what was found, by its first entry: only so many results may be out. */
void zonda_freeaddrinfo(struct zonda_addrinfo *found);

/* What ZONDA_EAI_* means. */
const char *zonda_gai_strerror(int error);

/* The names of an address and a port (RFC 3493, section 6.2). */
int zonda_getnameinfo(const struct zonda_sockaddr *address, zonda_socklen_t length, char *host,
                      zonda_socklen_t host_length, char *service, zonda_socklen_t service_length,
                      int flags);

int zonda_gethostname(char *name, size_t length);
int zonda_sethostname(const char *name);
unsigned int zonda_if_nametoindex(const char *name);
char *zonda_if_indextoname(unsigned int index, char *name);

#ifdef __cplusplus
}
#endif

#endif
