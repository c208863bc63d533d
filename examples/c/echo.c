/* Echoes TCP and UDP on port 7, of IPv4 and IPv6, by one loop over all descriptors:
 *
 *     echo TAP IPV4 BITS IPV6 BITS        with these addresses
 *     echo TAP                            with an address by DHCP, and those that routers tell of
 *
 * It ends when it receives the datagram "quit", and fails if a block of its pool is in use then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define CONNECTIONS 4

/* What was received on a connection and not sent yet. */
struct waiting {
    char data[2048];
    size_t length;
};

static int complain(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, zonda_strerror(zonda_errno()));
    return 1;
}

/* A socket at port 7 of all addresses, of both IP versions. */
static int open_port(int type)
{
    struct zonda_sockaddr_in6 local;
    int fd = zonda_socket(ZONDA_AF_INET6, type | ZONDA_SOCK_NONBLOCK, 0);
    memset(&local, 0, sizeof local);
    local.sin6_family = ZONDA_AF_INET6;
    local.sin6_port = zonda_htons(7);
    if (fd < 0 || zonda_bind(fd, (struct zonda_sockaddr *)&local, sizeof local) < 0)
        return -1;
    if (type == ZONDA_SOCK_STREAM && zonda_listen(fd, CONNECTIONS) < 0)
        return -1;
    return fd;
}

static int add_address(int interface, int family, const char *text, const char *bits)
{
    struct zonda_in6_addr address;
    if (zonda_inet_pton(family, text, &address) != 1) {
        fprintf(stderr, "%s is no address\n", text);
        return -1;
    }
    return zonda_add_address((unsigned int)interface, family, &address, (unsigned int)atoi(bits));
}

/* Sends a datagram back; says whether it is the last. */
static int echo_datagram(int fd)
{
    char data[2048];
    struct zonda_sockaddr_storage from;
    zonda_socklen_t length = sizeof from;
    zonda_ssize_t got =
        zonda_recvfrom(fd, data, sizeof data, 0, (struct zonda_sockaddr *)&from, &length);
    if (got < 0)
        return 0;
    if (zonda_sendto(fd, data, (size_t)got, 0, (struct zonda_sockaddr *)&from, length) < 0)
        complain("sendto");
    return got == 4 && memcmp(data, "quit", 4) == 0;
}

/* Goes on with a connection; says whether it is over. */
static int echo_stream(int fd, struct waiting *waiting)
{
    zonda_ssize_t done;
    if (waiting->length == 0) {
        done = zonda_recv(fd, waiting->data, sizeof waiting->data, 0);
        if (done <= 0)
            return done == 0 || zonda_errno() != ZONDA_EAGAIN;
        waiting->length = (size_t)done;
    }
    done = zonda_send(fd, waiting->data, waiting->length, 0);
    if (done < 0)
        return zonda_errno() != ZONDA_EAGAIN;
    waiting->length -= (size_t)done;
    memmove(waiting->data, waiting->data + done, waiting->length);
    return 0;
}

static int serve(int listener, int datagrams)
{
    static struct waiting waiting[CONNECTIONS];
    struct zonda_pollfd fds[2 + CONNECTIONS];
    int at, accepted, is_over = 0;
    fds[0].fd = listener;
    fds[1].fd = datagrams;
    fds[1].events = ZONDA_POLLIN;
    for (at = 2; at < 2 + CONNECTIONS; at++)
        fds[at].fd = -1;
    while (!is_over) {
        int free = 0;
        for (at = 2; at < 2 + CONNECTIONS; at++) {
            if (fds[at].fd < 0)
                free = at;
            fds[at].events = waiting[at - 2].length > 0 ? ZONDA_POLLOUT : ZONDA_POLLIN;
        }
        fds[0].events = free > 0 ? ZONDA_POLLIN : 0;
        if (zonda_poll(fds, 2 + CONNECTIONS, -1) < 0)
            return complain("poll");
        if (fds[1].revents != 0)
            is_over = echo_datagram(datagrams);
        for (at = 2; at < 2 + CONNECTIONS; at++) {
            if (fds[at].revents != 0 && echo_stream(fds[at].fd, &waiting[at - 2])) {
                zonda_close(fds[at].fd);
                fds[at].fd = -1;
                waiting[at - 2].length = 0;
            }
        }
        if (fds[0].revents != 0 && free > 0) {
            accepted = zonda_accept(listener, NULL, NULL);
            if (accepted >= 0)
                zonda_fcntl(accepted, ZONDA_F_SETFL, ZONDA_O_NONBLOCK);
            fds[free].fd = accepted;
        }
    }
    for (at = 0; at < 2 + CONNECTIONS; at++) {
        if (fds[at].fd >= 0 && zonda_close(fds[at].fd) < 0)
            return complain("close");
    }
    return 0;
}

/* Says which addresses the interface has. */
static void tell_addresses(int interface)
{
    struct zonda_sockaddr_storage address;
    char host[ZONDA_INET6_ADDRSTRLEN];
    zonda_socklen_t length = sizeof address;
    unsigned int place, bits;
    for (place = 0; zonda_get_address((unsigned int)interface, place,
                                      (struct zonda_sockaddr *)&address, &length, &bits) >= 0;
         place++) {
        if (zonda_getnameinfo((struct zonda_sockaddr *)&address, length, host, sizeof host, NULL, 0,
                              ZONDA_NI_NUMERICHOST) == 0)
            printf("%s/%u\n", host, bits);
        length = sizeof address;
    }
}

int main(int count, char **arguments)
{
    static const uint8_t hardware[6] = {2, 'Z', 'O', 'N', 'D', 'A'};
    struct zonda_platform platform;
    struct zonda_driver driver;
    int tap, interface, listener, datagrams, failed;
    void *memory = malloc(zonda_memory_size());
    if (count != 2 && count != 6) {
        fprintf(stderr, "usage: %s TAP [IPV4 BITS IPV6 BITS]\n", arguments[0]);
        return 2;
    }
    tap = tap_open(arguments[1]);
    if (tap < 0)
        return 1;
    tap_platform(tap, &platform);
    tap_driver(tap, hardware, &driver);
    if (zonda_init(memory, zonda_memory_size(), &platform) < 0)
        return complain("init");
    interface = zonda_attach(&driver, "lan");
    if (interface < 0)
        return complain("attach");
    if (count == 6) {
        if (add_address(interface, ZONDA_AF_INET, arguments[2], arguments[3]) < 0 ||
            add_address(interface, ZONDA_AF_INET6, arguments[4], arguments[5]) < 0)
            return complain("address");
    } else if (zonda_dhcpv4_start((unsigned int)interface) < 0) {
        return complain("dhcpv4");
    }
    if (zonda_wait_ready((unsigned int)interface, 30000) < 0)
        return complain("ready");
    tell_addresses(interface);
    listener = open_port(ZONDA_SOCK_STREAM);
    datagrams = open_port(ZONDA_SOCK_DGRAM);
    if (listener < 0 || datagrams < 0)
        return complain("port 7");
    printf("ready\n");
    fflush(stdout);
    failed = serve(listener, datagrams);
    zonda_run(500);
    if (zonda_blocks_used() != 0) {
        fprintf(stderr, "%d blocks are in use\n", zonda_blocks_used());
        failed = 1;
    }
    if (zonda_end() < 0)
        return complain("end");
    free(memory);
    return failed;
}
