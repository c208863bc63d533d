/* A driver for TAP interfaces of Linux, and the platform that goes with it. */
#define _DEFAULT_SOURCE
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PIECES 16

/* The descriptor travels as the context of the functions. */
static int descriptor(void *context)
{
    return (int)(intptr_t)context;
}

static uint64_t now(void *context)
{
    struct timespec time;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void wait_for_frame(void *context, uint32_t milliseconds)
{
    struct pollfd tap = {descriptor(context), POLLIN, 0};
    (void)poll(&tap, 1, milliseconds > 60000 ? 60000 : (int)milliseconds);
}

/* The pieces as Linux wants them. */
static int pieces_of(const struct zonda_iovec *from, size_t count, struct iovec *to)
{
    size_t at;
    for (at = 0; at < count && at < PIECES; at++) {
        to[at].iov_base = from[at].iov_base;
        to[at].iov_len = from[at].iov_len;
    }
    return (int)at;
}

static size_t receive(void *context, const struct zonda_iovec *pieces, size_t count)
{
    struct iovec list[PIECES];
    ssize_t length = readv(descriptor(context), list, pieces_of(pieces, count, list));
    return length > 0 ? (size_t)length : 0;
}

static int send_frame(void *context, const struct zonda_iovec *pieces, size_t count)
{
    struct iovec list[PIECES];
    if (writev(descriptor(context), list, pieces_of(pieces, count, list)) >= 0)
        return 0;
    return errno == EAGAIN ? ZONDA_EAGAIN : -1;
}

int tap_open(const char *name)
{
    struct ifreq request;
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) {
        perror(name);
        if (tap >= 0)
            close(tap);
        return -1;
    }
    return tap;
}

void tap_platform(int tap, struct zonda_platform *platform)
{
    memset(platform, 0, sizeof *platform);
    platform->context = (void *)(intptr_t)tap;
    platform->now = now;
    platform->wait = wait_for_frame;
    if (getrandom(platform->seed, sizeof platform->seed, 0) != (ssize_t)sizeof platform->seed)
        memset(platform->seed, 0, sizeof platform->seed);
}

void tap_driver(int tap, const uint8_t address[6], struct zonda_driver *driver)
{
    memset(driver, 0, sizeof *driver);
    driver->context = (void *)(intptr_t)tap;
    driver->receive = receive;
    driver->send = send_frame;
    driver->medium = ZONDA_MEDIUM_ETHERNET;
    memcpy(driver->address, address, sizeof driver->address);
}
