/*
 * Finds messages in the trace, and what happened to them.
 *
 * It goes through the blocks from the newest back: there a message's settles come before its
 * acceptance, so that at that all is known that decides whether it is wanted, and it ends at the
 * first that is enough. Then it takes the rows of those that are.
 *
 * Thread:  a command's.
 * Owns:    copies of the rows that it found.
 * Fails:   as trace_reader.h says; ERR_NO_MEMORY.
 */
#ifndef SLUICE_TRACE_FIND_H
#define SLUICE_TRACE_FIND_H

#include "queue/trace_reader.h"

#define TRACE_FIND_MOST 100000 /* messages at once: all that is said of them is in memory */

/* name, word: where a message stands as a whole */
#define TRACE_STATUSES(X)                                                                          \
	X(QUEUED, "queued")       /* nothing was tried yet */                                      \
	X(DEFERRED, "deferred")   /* a recipient waits for another attempt */                      \
	X(HELD, "held")           /* a recipient waits for the operator */                         \
	X(DELIVERED, "delivered") /* servers took it for every recipient */                        \
	X(BOUNCED, "bounced")     /* it is over, and a recipient did not get it */                 \
	X(REMOVED, "removed")     /* it is over, and the operator took a recipient out */          \
	X(REHEARSED, "rehearsed") /* it is over, and to a recipient nothing was sent on purpose */

enum trace_status {
#define X(name, word) TRACE_STATUS_##name,
	TRACE_STATUSES(X)
#undef X
	        TRACE_STATUS_ANY
};

/* What is not given takes any. */
struct trace_query {
	const uint64_t *ids;
	size_t id_count;
	struct view message_id; /* with its <> or without */
	bool by_from;           /* an empty one is the null sender */
	struct view from;       /* "@domain" takes the whole domain, as `to` does */
	struct view to;
	struct view client;
	struct wall since; /* accepted then or later; 0: ever */
	enum trace_status status;
	size_t limit; /* the newest; at least 1 */
};

struct trace_message {
	uint64_t id;
	enum trace_status status;
	bool accepted;  /* the row of its acceptance is there: not forgotten yet */
	uint64_t block; /* that its first row is in */
	struct trace_row *rows;
	size_t row_count;
	size_t row_room;
};

struct trace_messages {
	struct trace_message *at; /* as they were accepted, the oldest first */
	size_t count;
	char **blocks; /* copies of those that the rows are in */
	size_t block_count;
	size_t block_room;
};

MUST_CHECK struct err trace_find(struct trace_reader *reader, const struct trace_query *query,
        struct trace_messages *messages);
void trace_find_free(struct trace_messages *messages);
const char *trace_status_word(enum trace_status status);
/* False: it is none. */
bool trace_status_parse(struct view word, enum trace_status *status);
/* An address as a filter has it; ASCII case ignored. */
bool trace_find_address_passes(struct view filter, struct view address);

#endif
