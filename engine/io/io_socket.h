/*
 * How io_uring.c and io_socket.c, the two halves of the real body of io.h, write an endpoint
 * for the kernel.
 *
 * Thread:  any; values only.
 */
#ifndef SLUICE_IO_SOCKET_H
#define SLUICE_IO_SOCKET_H

#include "engine/io/endpoint.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Room for both kinds of address; gives the bytes used. */
socklen_t io_socket_address(const struct endpoint *endpoint, struct sockaddr_in6 *result);

#endif
