/* Every call of zonda.h from C, on a stack that leads to itself: what it answers, and how it fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zonda.h"

static int failures;

#define CHECK(what) \
    do { \
        if (!(what)) { \
            printf("%s:%d: %s (errno %d)\n", __func__, __LINE__, #what, zonda_errno()); \
            failures++; \
        } \
    } while (0)

/* The call fails so. */
#define FAILS(call, error) CHECK((call) == -1 && zonda_errno() == (error))

#define ADDRESS(address) ((struct zonda_sockaddr *)&(address)), sizeof(address)

static uint64_t clock_now;
static int reentered;
static int waits;

static uint64_t now(void *context)
{
    (void)context;
    /* The stack is at work: it is not to be used from here. */
    if (zonda_turn(NULL) == -1 && zonda_errno() == ZONDA_EBUSY)
        reentered++;
    return clock_now;
}

/* From here it may be used, but not ended. */
static void wait_for(void *context, uint32_t milliseconds)
{
    (void)context;
    waits++;
    FAILS(zonda_end(), ZONDA_EBUSY);
    CHECK(zonda_turn(NULL) == 0);
    clock_now += milliseconds > 1000 ? 1000000 : (uint64_t)milliseconds * 1000;
}

/* A link whose other end is the test. */
static struct {
    int is_down;
    int is_full;
    int breaks;
    int refused;
    unsigned char sent[1600];
    size_t sent_length;
    const unsigned char *to_receive;
    size_t to_receive_length;
    size_t groups;
    int has_all_hosts;
} wire;

static int link_of(void *context)
{
    CHECK(context == &wire);
    return !wire.is_down;
}

static size_t receive(void *context, const struct zonda_iovec *pieces, size_t count)
{
    size_t at, done = 0, length = wire.to_receive_length;
    CHECK(context == &wire);
    FAILS(zonda_blocks_used(), ZONDA_EBUSY);
    wire.to_receive_length = 0;
    for (at = 0; at < count && done < length; at++) {
        size_t some = pieces[at].iov_len < length - done ? pieces[at].iov_len : length - done;
        memcpy(pieces[at].iov_base, wire.to_receive + done, some);
        done += some;
    }
    return length;
}

static int send_frame(void *context, const struct zonda_iovec *pieces, size_t count)
{
    size_t at;
    CHECK(context == &wire && !wire.is_down);
    if (wire.is_full) {
        wire.refused++;
        return ZONDA_EAGAIN;
    }
    if (wire.breaks)
        return ZONDA_EINVAL;
    wire.sent_length = 0;
    for (at = 0; at < count; at++) {
        CHECK(wire.sent_length + pieces[at].iov_len <= sizeof wire.sent);
        memcpy(wire.sent + wire.sent_length, pieces[at].iov_base, pieces[at].iov_len);
        wire.sent_length += pieces[at].iov_len;
    }
    return 0;
}

static void filter(void *context, const uint8_t *groups, size_t count)
{
    static const uint8_t all_hosts[6] = {1, 0, 0x5e, 0, 0, 1};
    size_t at;
    CHECK(context == &wire);
    wire.groups = count;
    wire.has_all_hosts = 0;
    for (at = 0; at < count; at++)
        wire.has_all_hosts |= memcmp(groups + 6 * at, all_hosts, 6) == 0;
}

static struct zonda_sockaddr_in at_port(uint16_t port)
{
    struct zonda_sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = ZONDA_AF_INET;
    address.sin_port = zonda_htons(port);
    address.sin_addr.s_addr = zonda_htonl(ZONDA_INADDR_LOOPBACK);
    return address;
}

static void before_there_is_a_stack(void)
{
    FAILS(zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_STREAM, 0), ZONDA_EPERM);
    FAILS(zonda_turn(NULL), ZONDA_EPERM);
    FAILS(zonda_end(), ZONDA_EPERM);
    CHECK(zonda_getaddrinfo("127.0.0.1", NULL, NULL, NULL) == ZONDA_EAI_SYSTEM);
    CHECK(zonda_if_nametoindex("lan") == 0);
}

static void begin(void *memory)
{
    struct zonda_platform platform;
    memset(&platform, 0, sizeof platform);
    FAILS(zonda_init(memory, zonda_memory_size(), NULL), ZONDA_EFAULT);
    FAILS(zonda_init(memory, zonda_memory_size(), &platform), ZONDA_EFAULT);
    platform.now = now;
    platform.wait = wait_for;
    /* A seed of zeros is none. */
    FAILS(zonda_init(memory, zonda_memory_size(), &platform), ZONDA_EINVAL);
    platform.seed[7] = 1;
    FAILS(zonda_init(memory, zonda_memory_size() / 2, &platform), ZONDA_ENOMEM);
    FAILS(zonda_init(NULL, zonda_memory_size(), &platform), ZONDA_EFAULT);
    CHECK(zonda_init(memory, zonda_memory_size(), &platform) == 0);
    FAILS(zonda_init(memory, zonda_memory_size(), &platform), ZONDA_EBUSY);
}

static void interfaces(void)
{
    static const uint8_t station[6] = {2, 0, 0, 0, 0, 1};
    struct zonda_driver driver;
    struct zonda_in_addr address, gateway, any;
    struct zonda_sockaddr_in server = at_port(0), told;
    zonda_socklen_t length = sizeof told;
    unsigned int bits = 0;
    char name[ZONDA_IF_NAMESIZE];
    memset(&driver, 0, sizeof driver);
    CHECK(zonda_attach_loopback() == 1);
    FAILS(zonda_attach(NULL, NULL), ZONDA_EFAULT);
    FAILS(zonda_attach(&driver, NULL), ZONDA_EINVAL);
    memcpy(driver.address, station, 6);
    FAILS(zonda_attach(&driver, NULL), ZONDA_EFAULT);
    driver.context = &wire;
    driver.receive = receive;
    driver.send = send_frame;
    driver.link = link_of;
    driver.filter = filter;
    driver.medium = 7;
    FAILS(zonda_attach(&driver, NULL), ZONDA_EINVAL);
    driver.medium = ZONDA_MEDIUM_ETHERNET;
    driver.offload = 0x8000;
    FAILS(zonda_attach(&driver, NULL), ZONDA_EINVAL);
    driver.offload = 0;
    CHECK(zonda_attach(&driver, "lan") == 2);
    FAILS(zonda_attach(&driver, "more"), ZONDA_ENOBUFS);
    CHECK(zonda_if_nametoindex("lan") == 2);
    CHECK(zonda_if_nametoindex("wan") == 0 && zonda_errno() == ZONDA_ENODEV);
    CHECK(zonda_if_indextoname(2, name) == name && strcmp(name, "lan") == 0);
    CHECK(zonda_if_indextoname(9, name) == NULL && zonda_errno() == ZONDA_ENXIO);
    CHECK(zonda_if_indextoname(2, NULL) == NULL && zonda_errno() == ZONDA_EFAULT);

    CHECK(zonda_inet_pton(ZONDA_AF_INET, "192.0.2.9", &address) == 1);
    CHECK(zonda_inet_pton(ZONDA_AF_INET, "192.0.2.1", &gateway) == 1);
    any.s_addr = ZONDA_INADDR_ANY;
    CHECK(zonda_add_address(2, ZONDA_AF_INET, &address, 24) == 0);
    FAILS(zonda_add_address(2, ZONDA_AF_INET, &address, 33), ZONDA_EINVAL);
    FAILS(zonda_add_address(3, ZONDA_AF_INET, &address, 24), ZONDA_ENXIO);
    FAILS(zonda_add_address(0, ZONDA_AF_INET, &address, 24), ZONDA_ENXIO);
    FAILS(zonda_add_address(2, ZONDA_AF_LOCAL, &address, 24), ZONDA_EAFNOSUPPORT);
    FAILS(zonda_add_address(2, ZONDA_AF_INET, NULL, 24), ZONDA_EFAULT);
    CHECK(zonda_get_address(2, 0, (struct zonda_sockaddr *)&told, &length, &bits) ==
          ZONDA_ADDRESS_TENTATIVE);
    CHECK(told.sin_addr.s_addr == address.s_addr && bits == 24 && length == sizeof told);
    FAILS(zonda_get_address(2, 99, NULL, NULL, NULL), ZONDA_ENOENT);
    CHECK(zonda_wait_ready(2, 20000) == 0);
    CHECK(zonda_get_address(2, 0, NULL, NULL, NULL) == ZONDA_ADDRESS_USABLE);
    CHECK(zonda_add_route(2, ZONDA_AF_INET, &any, 0, &gateway) == 0);
    FAILS(zonda_add_route(2, ZONDA_AF_INET, &any, 33, &gateway), ZONDA_EINVAL);
    FAILS(zonda_add_route(2, ZONDA_AF_INET, &any, 0, &any), ZONDA_EINVAL);
    CHECK(zonda_remove_route(2, ZONDA_AF_INET, &any, 0, &gateway) == 0);
    FAILS(zonda_remove_route(2, ZONDA_AF_INET, &any, 0, &gateway), ZONDA_ENOENT);
    CHECK(zonda_remove_address(2, ZONDA_AF_INET, &address) == 0);
    FAILS(zonda_remove_address(2, ZONDA_AF_INET, &address), ZONDA_EADDRNOTAVAIL);
    FAILS(zonda_dhcpv4_stop(2), ZONDA_ENOENT);
    CHECK(zonda_dhcpv4_start(2) == 0);
    FAILS(zonda_dhcpv4_start(2), ZONDA_EALREADY);
    CHECK(zonda_run(3000) == 0);
    CHECK(zonda_dhcpv4_stop(2) == 0);
    CHECK(zonda_run(1000) == 0);
    CHECK(zonda_dhcpv4_start(2) == 0);
    CHECK(zonda_add_name_server(ADDRESS(server)) == 0);
    FAILS(zonda_add_name_server(ADDRESS(server) - 1), ZONDA_EINVAL);
}

static void addresses_as_text(void)
{
    struct zonda_in6_addr address;
    char text[ZONDA_INET6_ADDRSTRLEN];
    CHECK(zonda_inet_pton(ZONDA_AF_INET6, "2001:db8::1", &address) == 1);
    CHECK(zonda_inet_ntop(ZONDA_AF_INET6, &address, text, sizeof text) == text);
    CHECK(strcmp(text, "2001:db8::1") == 0);
    CHECK(zonda_inet_ntop(ZONDA_AF_INET6, &address, text, 11) == NULL);
    CHECK(zonda_errno() == ZONDA_ENOSPC);
    CHECK(zonda_inet_ntop(ZONDA_AF_INET6, &address, text, 12) == text);
    CHECK(zonda_inet_ntop(ZONDA_AF_INET6, NULL, text, 12) == NULL);
    CHECK(zonda_inet_pton(ZONDA_AF_INET, "1.2.3", &address) == 0);
    FAILS(zonda_inet_pton(ZONDA_AF_LOCAL, "x", &address), ZONDA_EAFNOSUPPORT);
    FAILS(zonda_inet_pton(ZONDA_AF_INET, NULL, &address), ZONDA_EFAULT);
    CHECK(zonda_ntohl(zonda_htonl(0x01020304)) == 0x01020304 && zonda_ntohs(zonda_htons(7)) == 7);
}

static void kinds_of_ipv6_addresses(void)
{
    static const struct {
        const char *text;
        const char *kinds;
    } cases[] = {
        {"::", "u"},          {"::1", "l"},         {"ff02::1", "mL"},   {"ff01::1", "mN"},
        {"ff05::1", "mS"},    {"ff08::1", "mO"},    {"ff0e::1", "mG"},   {"fe80::1", "k"},
        {"fec0::1", "s"},     {"::ffff:1.2.3.4", "4"}, {"::1.2.3.4", "c"}, {"2001:db8::", ""},
    };
    size_t at;
    for (at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        struct zonda_in6_addr a;
        char kinds[16];
        char *end = kinds;
        CHECK(zonda_inet_pton(ZONDA_AF_INET6, cases[at].text, &a) == 1);
        if (ZONDA_IN6_IS_ADDR_UNSPECIFIED(&a)) *end++ = 'u';
        if (ZONDA_IN6_IS_ADDR_LOOPBACK(&a)) *end++ = 'l';
        if (ZONDA_IN6_IS_ADDR_MULTICAST(&a)) *end++ = 'm';
        if (ZONDA_IN6_IS_ADDR_LINKLOCAL(&a)) *end++ = 'k';
        if (ZONDA_IN6_IS_ADDR_SITELOCAL(&a)) *end++ = 's';
        if (ZONDA_IN6_IS_ADDR_V4MAPPED(&a)) *end++ = '4';
        if (ZONDA_IN6_IS_ADDR_V4COMPAT(&a)) *end++ = 'c';
        if (ZONDA_IN6_IS_ADDR_MC_NODELOCAL(&a)) *end++ = 'N';
        if (ZONDA_IN6_IS_ADDR_MC_LINKLOCAL(&a)) *end++ = 'L';
        if (ZONDA_IN6_IS_ADDR_MC_SITELOCAL(&a)) *end++ = 'S';
        if (ZONDA_IN6_IS_ADDR_MC_ORGLOCAL(&a)) *end++ = 'O';
        if (ZONDA_IN6_IS_ADDR_MC_GLOBAL(&a)) *end++ = 'G';
        *end = 0;
        if (strcmp(kinds, cases[at].kinds) != 0) {
            printf("%s: %s and not %s\n", cases[at].text, kinds, cases[at].kinds);
            failures++;
        }
    }
}

/* Frames pass as the functions of a driver say. */
static void a_driver(void)
{
    static const unsigned char question[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,  0,   1, 8, 0,  6,   4, 0, 1,
        2,    0,    0,    0,    0,    1,    192, 0, 2, 9, 0, 0, 0, 0, 0,   0, 192, 0, 2,   77};
    static const unsigned char reply[] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8,   0, 6, 4, 0, 2,
        2, 0, 0, 0, 0, 2, 192, 0, 2, 77, 2, 0, 0, 0, 0, 1, 192, 0, 2, 9};
    static unsigned char endless[4000];
    struct zonda_sockaddr_in to = at_port(9);
    struct zonda_in_addr own;
    int fd = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_DGRAM, 0);
    CHECK(zonda_inet_pton(ZONDA_AF_INET, "192.0.2.9", &own) == 1);
    CHECK(zonda_inet_pton(ZONDA_AF_INET, "192.0.2.77", &to.sin_addr) == 1);
    CHECK(zonda_add_address(2, ZONDA_AF_INET, &own, 24) == 0 && zonda_wait_ready(2, 20000) == 0);
    CHECK(wire.groups > 0 && wire.has_all_hosts);
    CHECK(zonda_run(20000) == 0);
    /* A frame that there is no room for is offered again. */
    wire.is_full = 1;
    wire.sent_length = 0;
    CHECK(zonda_sendto(fd, "far", 3, 0, ADDRESS(to)) == 3);
    CHECK(wire.refused > 0 && wire.sent_length == 0);
    wire.is_full = 0;
    CHECK(zonda_turn(NULL) == 0);
    CHECK(wire.sent_length >= sizeof question &&
          memcmp(wire.sent, question, sizeof question) == 0);
    wire.to_receive = reply;
    wire.to_receive_length = sizeof reply;
    CHECK(zonda_run(10) == 0);
    CHECK(wire.sent[12] == 8 && wire.sent[13] == 0 && wire.sent[5] == 2);
    CHECK(wire.sent_length >= 45 && memcmp(wire.sent + 42, "far", 3) == 0);
    /* What is too long is dropped, and what cannot be sent too. */
    wire.to_receive = endless;
    wire.to_receive_length = sizeof endless;
    CHECK(zonda_run(10) == 0 && wire.to_receive_length == 0);
    wire.breaks = 1;
    CHECK(zonda_sendto(fd, "lost", 4, 0, ADDRESS(to)) == 4);
    wire.breaks = 0;
    /* A link that goes down takes with it what waits. */
    wire.is_full = 1;
    CHECK(zonda_sendto(fd, "late", 4, 0, ADDRESS(to)) == 4);
    wire.is_full = 0;
    wire.is_down = 1;
    wire.sent_length = 0;
    CHECK(zonda_run(10) == 0 && wire.sent_length == 0);
    FAILS(zonda_wait_ready(2, 50), ZONDA_EAGAIN);
    FAILS(zonda_sendto(fd, "down", 4, ZONDA_MSG_DONTWAIT, ADDRESS(to)), ZONDA_EAGAIN);
    wire.is_down = 0;
    CHECK(zonda_wait_ready(2, 20000) == 0 && zonda_close(fd) == 0);
    CHECK(zonda_remove_address(2, ZONDA_AF_INET, &own) == 0);
}

static void streams(void)
{
    struct zonda_sockaddr_in local = at_port(7), told;
    zonda_socklen_t length = sizeof told;
    zonda_fd_set readable, writable;
    struct zonda_timeval soon = {0, 10000};
    struct zonda_linger linger = {1, 2};
    struct zonda_pollfd fds[2];
    char data[32] = "";
    int one = 1, unread = 0, listener, near, far;
    listener = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_STREAM, 0);
    CHECK(listener >= 0);
    FAILS(zonda_socket(99, ZONDA_SOCK_STREAM, 0), ZONDA_EAFNOSUPPORT);
    FAILS(zonda_bind(listener, NULL, sizeof local), ZONDA_EFAULT);
    FAILS(zonda_bind(listener, ADDRESS(local) - 1), ZONDA_EINVAL);
    CHECK(zonda_bind(listener, ADDRESS(local)) == 0);
    FAILS(zonda_bind(listener, ADDRESS(local)), ZONDA_EINVAL);
    CHECK(zonda_listen(listener, 2) == 0);
    near = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_STREAM, 0);
    FAILS(zonda_getpeername(near, (struct zonda_sockaddr *)&told, &length), ZONDA_ENOTCONN);
    CHECK(zonda_connect(near, ADDRESS(local)) == 0);
    FAILS(zonda_accept(listener, (struct zonda_sockaddr *)&told, NULL), ZONDA_EFAULT);
    far = zonda_accept(listener, (struct zonda_sockaddr *)&told, &length);
    CHECK(far >= 0 && length == sizeof told && told.sin_family == ZONDA_AF_INET);
    CHECK(zonda_getsockname(near, (struct zonda_sockaddr *)&local, &length) == 0);
    CHECK(local.sin_port == told.sin_port);
    FAILS(zonda_getsockname(near, NULL, &length), ZONDA_EFAULT);
    CHECK(zonda_setsockopt(near, ZONDA_IPPROTO_TCP, ZONDA_TCP_NODELAY, &one, sizeof one) == 0);
    FAILS(zonda_setsockopt(near, ZONDA_IPPROTO_TCP, ZONDA_TCP_NODELAY, NULL, 4), ZONDA_EFAULT);
    length = sizeof one;
    CHECK(zonda_getsockopt(near, ZONDA_SOL_SOCKET, ZONDA_SO_TYPE, &one, &length) == 0);
    CHECK(one == ZONDA_SOCK_STREAM && length == sizeof one);
    FAILS(zonda_getsockopt(near, ZONDA_SOL_SOCKET, ZONDA_SO_TYPE, &one, NULL), ZONDA_EFAULT);
    CHECK(zonda_setsockopt(near, ZONDA_SOL_SOCKET, ZONDA_SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_SOL_SOCKET, ZONDA_SO_RCVTIMEO, &soon, sizeof soon) == 0);
    FAILS(zonda_recv(far, data, sizeof data, 0), ZONDA_EAGAIN);

    CHECK(zonda_write(near, "hello", 5) == 5);
    FAILS(zonda_write(near, NULL, 5), ZONDA_EFAULT);
    FAILS(zonda_write(near, data, (size_t)-1), ZONDA_EINVAL);
    CHECK(zonda_ioctl(far, ZONDA_FIONREAD, &unread) == 0 && unread == 5);
    FAILS(zonda_ioctl(far, ZONDA_FIONREAD, NULL), ZONDA_EFAULT);
    FAILS(zonda_ioctl(far, 0xffffffff, &unread), ZONDA_ENOTTY);
    fds[0].fd = near;
    fds[0].events = ZONDA_POLLIN | ZONDA_POLLOUT;
    fds[1].fd = far;
    fds[1].events = ZONDA_POLLIN;
    CHECK(zonda_poll(fds, 2, -1) == 2);
    CHECK(fds[0].revents == ZONDA_POLLOUT && fds[1].revents == ZONDA_POLLIN);
    FAILS(zonda_poll(NULL, 2, 0), ZONDA_EFAULT);
    FAILS(zonda_poll((struct zonda_pollfd *)((char *)fds + 1), 1, 0), ZONDA_EFAULT);
    CHECK(zonda_poll(NULL, 0, 5) == 0);
    ZONDA_FD_ZERO(&readable);
    ZONDA_FD_SET(near, &readable);
    ZONDA_FD_SET(far, &readable);
    ZONDA_FD_SET(-1, &readable);
    writable = readable;
    ZONDA_FD_CLR(far, &writable);
    CHECK(zonda_select(far + 1, &readable, &writable, NULL, &soon) == 2);
    CHECK(ZONDA_FD_ISSET(far, &readable) && !ZONDA_FD_ISSET(near, &readable));
    CHECK(ZONDA_FD_ISSET(near, &writable) && !ZONDA_FD_ISSET(far, &writable));
    FAILS(zonda_select(65, NULL, NULL, NULL, &soon), ZONDA_EINVAL);
    CHECK(zonda_select(0, NULL, NULL, NULL, &soon) == 0);
    CHECK(zonda_recv(far, data, sizeof data, ZONDA_MSG_PEEK) == 5);
    CHECK(zonda_read(far, data, sizeof data) == 5 && memcmp(data, "hello", 5) == 0);
    CHECK(zonda_fcntl(far, ZONDA_F_SETFL, ZONDA_O_NONBLOCK) == 0);
    CHECK(zonda_fcntl(far, ZONDA_F_GETFL, 0) == ZONDA_O_NONBLOCK);
    FAILS(zonda_read(far, data, 1), ZONDA_EWOULDBLOCK);
    CHECK(zonda_shutdown(near, ZONDA_SHUT_WR) == 0);
    FAILS(zonda_shutdown(near, 9), ZONDA_EINVAL);
    CHECK(zonda_poll(&fds[1], 1, 1000) == 1 && zonda_read(far, data, 1) == 0);
    CHECK(zonda_close(far) == 0 && zonda_close(near) == 0 && zonda_close(listener) == 0);
    FAILS(zonda_close(listener), ZONDA_EBADF);
    FAILS(zonda_close(-1), ZONDA_EBADF);
    FAILS(zonda_read(0x7fffffff, data, 1), ZONDA_EBADF);
}

static void datagrams(void)
{
    struct zonda_sockaddr_in local = at_port(9), from;
    zonda_socklen_t length = sizeof from;
    char data[64];
    int near, far;
    struct zonda_sockaddr nobody;
    near = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_DGRAM, 0);
    far = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_DGRAM | ZONDA_SOCK_NONBLOCK, 0);
    CHECK(zonda_bind(far, ADDRESS(local)) == 0);
    FAILS(zonda_send(near, "x", 1, 0), ZONDA_EDESTADDRREQ);
    CHECK(zonda_sendto(near, "one", 3, 0, ADDRESS(local)) == 3);
    FAILS(zonda_sendto(near, "one", 3, 0, (struct zonda_sockaddr *)&local, 1), ZONDA_EINVAL);
    /* What was sent to this host itself is there at once, though the socket does not wait. */
    CHECK(zonda_recvfrom(far, data, 2, ZONDA_MSG_TRUNC, (struct zonda_sockaddr *)&from, &length) ==
          3);
    CHECK(from.sin_addr.s_addr == local.sin_addr.s_addr && length == sizeof from);
    CHECK(zonda_connect(near, ADDRESS(local)) == 0);
    CHECK(zonda_send(near, "two", 3, 0) == 3);
    /* A length that is too small is told, and nothing is written behind it. */
    length = 2;
    memset(&from, 0, sizeof from);
    CHECK(zonda_recvfrom(far, data, sizeof data, 0, (struct zonda_sockaddr *)&from, &length) == 3);
    CHECK(length == sizeof from && from.sin_family == ZONDA_AF_INET && from.sin_port == 0);
    FAILS(zonda_recvfrom(far, data, 1, 0, (struct zonda_sockaddr *)&from, NULL), ZONDA_EFAULT);
    memset(&nobody, 0, sizeof nobody);
    CHECK(zonda_connect(near, &nobody, sizeof nobody) == 0);
    FAILS(zonda_send(near, "x", 1, 0), ZONDA_EDESTADDRREQ);
    CHECK(zonda_close(near) == 0 && zonda_close(far) == 0);
}

/* The item of ancillary data of this kind. */
static void *find(struct zonda_msghdr *message, int level, int type)
{
    struct zonda_cmsghdr *item;
    for (item = ZONDA_CMSG_FIRSTHDR(message); item; item = ZONDA_CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level == level && item->cmsg_type == type)
            return ZONDA_CMSG_DATA(item);
    }
    return NULL;
}

static void messages(void)
{
    struct zonda_sockaddr_in local = at_port(10), from;
    struct zonda_iovec pieces[17];
    struct zonda_msghdr message;
    struct zonda_in_pktinfo *info;
    union {
        size_t alignment;
        unsigned char bytes[256];
    } control;
    struct zonda_cmsghdr *item;
    char one[4] = "", other[8] = "";
    int on = 1, ttl = 3, tos = 0x28, near, far;
    size_t at;
    memset(&message, 0, sizeof message);
    near = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_DGRAM, 0);
    far = zonda_socket(ZONDA_AF_INET, ZONDA_SOCK_DGRAM, 0);
    CHECK(zonda_bind(far, ADDRESS(local)) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IP, ZONDA_IP_PKTINFO, &on, sizeof on) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IP, ZONDA_IP_RECVTTL, &on, sizeof on) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IP, ZONDA_IP_RECVTOS, &on, sizeof on) == 0);
    pieces[0].iov_base = "gat";
    pieces[0].iov_len = 3;
    pieces[1].iov_base = NULL;
    pieces[1].iov_len = 0;
    pieces[2].iov_base = "hered";
    pieces[2].iov_len = 5;
    message.msg_name = &local;
    message.msg_namelen = sizeof local;
    message.msg_iov = pieces;
    message.msg_iovlen = 3;
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = 2 * ZONDA_CMSG_SPACE(sizeof(int));
    item = ZONDA_CMSG_FIRSTHDR(&message);
    item->cmsg_level = ZONDA_IPPROTO_IP;
    item->cmsg_type = ZONDA_IP_TTL;
    item->cmsg_len = ZONDA_CMSG_LEN(sizeof ttl);
    memcpy(ZONDA_CMSG_DATA(item), &ttl, sizeof ttl);
    item = ZONDA_CMSG_NXTHDR(&message, item);
    item->cmsg_level = ZONDA_IPPROTO_IP;
    item->cmsg_type = ZONDA_IP_TOS;
    item->cmsg_len = ZONDA_CMSG_LEN(sizeof tos);
    memcpy(ZONDA_CMSG_DATA(item), &tos, sizeof tos);
    CHECK(ZONDA_CMSG_NXTHDR(&message, item) == NULL);
    CHECK(zonda_sendmsg(near, &message, 0) == 8);
    item->cmsg_len = 1000;
    FAILS(zonda_sendmsg(near, &message, 0), ZONDA_EINVAL);
    item->cmsg_len = 1;
    FAILS(zonda_sendmsg(near, &message, 0), ZONDA_EINVAL);
    message.msg_controllen = 0;
    FAILS(zonda_sendmsg(near, NULL, 0), ZONDA_EFAULT);
    message.msg_iovlen = ZONDA_IOV_MAX + 1;
    FAILS(zonda_sendmsg(near, &message, 0), ZONDA_EMSGSIZE);
    message.msg_iov = NULL;
    message.msg_iovlen = 1;
    FAILS(zonda_sendmsg(near, &message, 0), ZONDA_EFAULT);
    message.msg_iov = pieces;
    message.msg_iovlen = 3;
    pieces[0].iov_len = pieces[2].iov_len = SIZE_MAX / 2;
    FAILS(zonda_sendmsg(near, &message, 0), ZONDA_EINVAL);
    FAILS(zonda_recvmsg(far, &message, 0), ZONDA_EINVAL);

    pieces[0].iov_base = one;
    pieces[0].iov_len = sizeof one;
    pieces[1].iov_base = one + 2;
    pieces[1].iov_len = 4;
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    FAILS(zonda_recvmsg(far, &message, 0), ZONDA_EINVAL);
    pieces[1].iov_base = other;
    pieces[1].iov_len = sizeof other;
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    /* The first time there is too little room for all that is to be told. */
    message.msg_controllen = ZONDA_CMSG_LEN(sizeof *info);
    CHECK(zonda_recvmsg(far, &message, ZONDA_MSG_PEEK) == 8);
    CHECK(message.msg_flags == ZONDA_MSG_CTRUNC);
    CHECK(message.msg_controllen == ZONDA_CMSG_LEN(sizeof *info));
    message.msg_controllen = sizeof control;
    CHECK(zonda_recvmsg(far, &message, 0) == 8);
    CHECK(memcmp(one, "gath", 4) == 0 && memcmp(other, "ered", 4) == 0);
    CHECK(message.msg_flags == 0 && message.msg_namelen == sizeof from);
    info = (struct zonda_in_pktinfo *)find(&message, ZONDA_IPPROTO_IP, ZONDA_IP_PKTINFO);
    CHECK(info && info->ipi_ifindex == 1 && info->ipi_addr.s_addr == local.sin_addr.s_addr);
    CHECK(find(&message, ZONDA_IPPROTO_IP, ZONDA_IP_TTL) != NULL);
    CHECK(*(int *)find(&message, ZONDA_IPPROTO_IP, ZONDA_IP_TTL) == 3);
    CHECK(*(int *)find(&message, ZONDA_IPPROTO_IP, ZONDA_IP_TOS) == 0x28);
    CHECK(find(&message, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_PKTINFO) == NULL);
    for (at = 0; at < 17; at++)
        pieces[at].iov_len = 0;
    message.msg_iovlen = 17;
    FAILS(zonda_recvmsg(far, &message, 0), ZONDA_EMSGSIZE);
    FAILS(zonda_recvmsg(far, NULL, 0), ZONDA_EFAULT);
    CHECK(zonda_close(near) == 0 && zonda_close(far) == 0);
}

static void messages_of_ipv6(void)
{
    struct zonda_sockaddr_in6 local;
    struct zonda_in6_pktinfo info;
    struct zonda_iovec piece;
    struct zonda_msghdr message;
    union {
        size_t alignment;
        unsigned char bytes[256];
    } control;
    struct zonda_cmsghdr *item;
    char data[4];
    void *told;
    int on = 1, near, far;
    memset(&local, 0, sizeof local);
    local.sin6_family = ZONDA_AF_INET6;
    local.sin6_port = zonda_htons(11);
    local.sin6_addr.s6_addr[15] = 1;
    near = zonda_socket(ZONDA_AF_INET6, ZONDA_SOCK_DGRAM, 0);
    far = zonda_socket(ZONDA_AF_INET6, ZONDA_SOCK_DGRAM, 0);
    CHECK(zonda_bind(far, ADDRESS(local)) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_RECVPKTINFO, &on, 4) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_RECVHOPLIMIT, &on, 4) == 0);
    CHECK(zonda_setsockopt(far, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_RECVTCLASS, &on, 4) == 0);
    memset(&control, 0, sizeof control);
    memset(&message, 0, sizeof message);
    piece.iov_base = "six";
    piece.iov_len = 3;
    message.msg_name = &local;
    message.msg_namelen = sizeof local;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = ZONDA_CMSG_SPACE(sizeof info);
    item = ZONDA_CMSG_FIRSTHDR(&message);
    item->cmsg_level = ZONDA_IPPROTO_IPV6;
    item->cmsg_type = ZONDA_IPV6_PKTINFO;
    item->cmsg_len = ZONDA_CMSG_LEN(sizeof info);
    info.ipi6_addr = local.sin6_addr;
    info.ipi6_ifindex = 1;
    memcpy(ZONDA_CMSG_DATA(item), &info, sizeof info);
    CHECK(zonda_sendmsg(near, &message, 0) == 3);
    piece.iov_base = data;
    message.msg_controllen = sizeof control;
    CHECK(zonda_recvmsg(far, &message, 0) == 3);
    CHECK(local.sin6_family == ZONDA_AF_INET6 && local.sin6_addr.s6_addr[15] == 1);
    memset(&info, 0, sizeof info);
    told = find(&message, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_PKTINFO);
    CHECK(told != NULL);
    if (told)
        memcpy(&info, told, sizeof info);
    CHECK(info.ipi6_ifindex == 1 && info.ipi6_addr.s6_addr[15] == 1);
    told = find(&message, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_HOPLIMIT);
    CHECK(told && *(int *)told == 64);
    CHECK(find(&message, ZONDA_IPPROTO_IPV6, ZONDA_IPV6_TCLASS) != NULL);
    CHECK(zonda_close(near) == 0 && zonda_close(far) == 0);
}

static void pairs(void)
{
    int fds[2] = {-1, -1};
    char data[8];
    CHECK(zonda_socketpair(ZONDA_AF_LOCAL, ZONDA_SOCK_STREAM, 0, fds) == 0);
    CHECK(zonda_write(fds[0], "pair", 4) == 4 && zonda_read(fds[1], data, 8) == 4);
    CHECK(zonda_close(fds[0]) == 0 && zonda_read(fds[1], data, 8) == 0);
    CHECK(zonda_close(fds[1]) == 0);
    FAILS(zonda_socketpair(ZONDA_AF_LOCAL, ZONDA_SOCK_STREAM, 0, NULL), ZONDA_EFAULT);
    FAILS(zonda_socketpair(ZONDA_AF_INET, ZONDA_SOCK_STREAM, 0, fds), ZONDA_EOPNOTSUPP);
}

static void names(void)
{
    struct zonda_addrinfo hints, *found, *second, *third, *each;
    struct zonda_sockaddr_in address = at_port(80);
    char host[64], service[8];
    int count = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_flags = ZONDA_AI_CANONNAME;
    CHECK(zonda_getaddrinfo("192.0.2.1", "http", &hints, &found) == 0);
    for (each = found; each; each = each->ai_next) {
        struct zonda_sockaddr_in *in = (struct zonda_sockaddr_in *)each->ai_addr;
        CHECK(each->ai_family == ZONDA_AF_INET && each->ai_addrlen == sizeof *in);
        CHECK(in->sin_port == zonda_htons(80) && in->sin_family == ZONDA_AF_INET);
        count++;
    }
    CHECK(count == 1 && strcmp(found->ai_canonname, "192.0.2.1") == 0);
    CHECK(zonda_getaddrinfo("::1", NULL, NULL, &second) == 0 && second->ai_next != NULL);
    CHECK(second->ai_family == ZONDA_AF_INET6 && second->ai_next->ai_socktype == ZONDA_SOCK_DGRAM);
    CHECK(zonda_getaddrinfo("::1", NULL, NULL, &third) == ZONDA_EAI_MEMORY && third == NULL);
    /* What is no result changes nothing. */
    zonda_freeaddrinfo(&hints);
    CHECK(zonda_errno() == ZONDA_EINVAL);
    zonda_freeaddrinfo(NULL);
    zonda_freeaddrinfo(found);
    CHECK(zonda_getaddrinfo("::1", NULL, NULL, &third) == 0 && third == found);
    zonda_freeaddrinfo(second);
    zonda_freeaddrinfo(third);
    CHECK(zonda_getaddrinfo("::1", "nothing", NULL, &found) == ZONDA_EAI_SERVICE);
    CHECK(zonda_getaddrinfo("::1", NULL, NULL, NULL) == ZONDA_EAI_SYSTEM);
    CHECK(zonda_errno() == ZONDA_EFAULT);
    CHECK(strcmp(zonda_gai_strerror(ZONDA_EAI_NONAME), "no such host") == 0);
    CHECK(strcmp(zonda_gai_strerror(ZONDA_EAI_MEMORY), "no place for the result") == 0);
    CHECK(strcmp(zonda_gai_strerror(77), "no such error") == 0);
    CHECK(strcmp(zonda_strerror(ZONDA_EPIPE), "nothing can be sent any more") == 0);
    CHECK(strcmp(zonda_strerror(0), "no such error") == 0);

    CHECK(zonda_getnameinfo(ADDRESS(address), host, sizeof host, service, sizeof service,
                            ZONDA_NI_NUMERICHOST) == 0);
    CHECK(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "http") == 0);
    CHECK(zonda_getnameinfo(ADDRESS(address), host, 5, NULL, 0, ZONDA_NI_NUMERICHOST) ==
          ZONDA_EAI_OVERFLOW);
    CHECK(zonda_getnameinfo(ADDRESS(address), NULL, 0, NULL, 0, 0) == ZONDA_EAI_NONAME);
    CHECK(zonda_getnameinfo(NULL, 16, host, sizeof host, NULL, 0, 0) == ZONDA_EAI_SYSTEM);
    CHECK(zonda_getnameinfo(ADDRESS(address) - 9, host, sizeof host, NULL, 0, 0) ==
          ZONDA_EAI_FAMILY);
    CHECK(zonda_sethostname("kettle") == 0 && zonda_gethostname(host, sizeof host) == 0);
    CHECK(strcmp(host, "kettle") == 0);
    FAILS(zonda_sethostname("no name"), ZONDA_EINVAL);
    FAILS(zonda_sethostname(NULL), ZONDA_EFAULT);
    FAILS(zonda_gethostname(host, 6), ZONDA_ENOSPC);
}

int main(void)
{
    uint32_t next = 0;
    int round;
    /* One more byte than is needed, so that the memory may begin anywhere. */
    char *memory = (char *)malloc(zonda_memory_size() + 1);
    before_there_is_a_stack();
    for (round = 0; round < 2; round++) {
        begin(memory + round);
        interfaces();
        addresses_as_text();
        kinds_of_ipv6_addresses();
        a_driver();
        streams();
        datagrams();
        messages();
        messages_of_ipv6();
        pairs();
        names();
        CHECK(zonda_run(100000) == 0);
        CHECK(zonda_turn(&next) == 0 && next > 0);
        CHECK(zonda_blocks_used() == 0);
        CHECK(zonda_end() == 0);
    }
    CHECK(reentered > 0 && waits > 0);
    before_there_is_a_stack();
    free(memory);
    if (failures == 0)
        printf("all is well\n");
    return failures != 0;
}
