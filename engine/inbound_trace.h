/*
 * What the trace of a message is to say of its way in: which connection, by which TLS, from which
 * old device, by way of which proxy, and what was done to it (queue/trace_write.h).
 *
 * Thread:  the shard's; the spooler reads what it is lent.
 * Owns:    the Message-ID that the message was given. Part of the content that it is of.
 */
#ifndef SLUICE_INBOUND_TRACE_H
#define SLUICE_INBOUND_TRACE_H

#include "queue/trace_write.h"

struct inbound;

struct inbound_trace {
	struct trace_origin origin;
	uint16_t marks;            /* enum trace_mark */
	uint16_t message_id_bytes; /* of the one that it was given; 0: none */
	char message_id[TRACE_WORD_MAX];
};

void inbound_trace_begin(struct inbound_trace *trace);
/* `message_id`: a header field, empty where the message had its own. `date`: it got one. */
void inbound_trace_added(struct inbound_trace *trace, struct view message_id, bool date);
/* Of a message that is complete, until it is answered. NULL: no trace is kept. */
const struct trace_origin *inbound_trace_lend(struct inbound *inbound);

#endif
