/*
 * The last of the parts that make a relay: to send under TLS. One connection over the loopback
 * interface; whole messages are written, MAIL, RCPT and BDAT before each, PART_SEND_WINDOW of
 * them ahead of their replies, which are read. What the writing thread uses of the CPU is the
 * part; the other end, a thread too, deciphers, counts and answers.
 *
 * Thread:  the caller's writes, one more answers.
 * Fails:   no sockets, no TLS; `why` says it.
 */
#ifndef SLUICE_PART_SEND_H
#define SLUICE_PART_SEND_H

#include "engine/io/tls.h"
#include "queue/base/clock.h"

#include <stdint.h>

#define PART_SEND_WINDOW 16

struct part_send_settings {
	size_t bytes; /* of a message */
	uint64_t messages;
	struct tls_server_settings server;
	struct tls_client_settings client;
	const char *host; /* in the server's certificate */
};

MUST_CHECK bool part_send(
        const struct part_send_settings *settings, double *cpu_us, struct text *why);

#endif
