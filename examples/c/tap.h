/* A driver for TAP interfaces of Linux, and the platform that goes with it. */
#ifndef TAP_H
#define TAP_H

#include "zonda.h"

/* Opens a TAP interface, which is made if it is not there; says why if that fails, and gives -1. */
int tap_open(const char *name);

/* The clock and the random numbers of Linux; waits until the TAP interface has a frame. */
void tap_platform(int tap, struct zonda_platform *platform);

/* The driver of a TAP interface, with the hardware address that the stack is to have. */
void tap_driver(int tap, const uint8_t address[6], struct zonda_driver *driver);

#endif
