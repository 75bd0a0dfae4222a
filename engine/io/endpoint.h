/*
 * An endpoint is one end of a connection: an IP address and a port, as a value.
 *
 * IPv4 is kept in its mapped form (::ffff:a.b.c.d), so that a client reads the same whether it
 * came over an IPv4 listener or a dual-stack one, and one comparison serves both.
 *
 * Thread:  any; values only.
 * Never:   resolves a name, allocates.
 */
#ifndef SLUICE_ENDPOINT_H
#define SLUICE_ENDPOINT_H

#include "queue/base/bytes.h"

#define ENDPOINT_TEXT_BYTES 64 /* "[" 39 for IPv6 "%" scope "]:" port: fits with room to spare */

struct endpoint {
	uint8_t address[16];
	uint32_t scope; /* the interface of a link-local address; 0: none */
	uint16_t port;
	bool local; /* a Unix socket: no address, no port */
};

/* "127.0.0.1:2525" or "[::1]:2525". False: not that. */
bool endpoint_parse(struct view text, struct endpoint *result);
/* "127.0.0.1" or "::1", without brackets or port. */
bool endpoint_parse_address(struct view text, struct endpoint *result);
/* As endpoint_parse() reads it. */
void endpoint_format(struct text *text, const struct endpoint *endpoint);
/* The address alone: "192.0.2.1", "2001:db8::1". */
void endpoint_format_address(struct text *text, const struct endpoint *endpoint);
bool endpoint_is_ipv4(const struct endpoint *endpoint);
/* 127.0.0.0/8 or ::1. */
bool endpoint_is_loopback(const struct endpoint *endpoint);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
/* Is the address within `network`/`prefix_bits` (0..128, so 96 more for IPv4)? */
bool endpoint_within(
        const struct endpoint *endpoint, const uint8_t network[16], unsigned prefix_bits);

#endif
