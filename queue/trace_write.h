/*
 * Writing the rows of the message trace: what happened to a message, kept for whoever asks where it
 * is (engine/ops/cli_trace.c). queue/trace_read.h reads them.
 *
 * A message has a row of its acceptance, with more behind it where it has many recipients, and one
 * of each settle of a job of its. Rows lie behind each other in blocks, one or more to a batch
 * of the spool (queue/spool_trace.h), so that a row costs little more than its bytes. A word that
 * the row before it had in the same place (the sender of a mailing, the mailbox of a route) is
 * written as where that stands: so a row is read with its block, and each block by itself.
 *
 * Of texts that may be long the start is kept.
 *
 * Thread:  any; values only.
 * Never:   allocates; runs over its room: the largest row has a bound.
 */
#ifndef SLUICE_TRACE_WRITE_H
#define SLUICE_TRACE_WRITE_H

#include "queue/job.h"
#include "queue/trace_words.h"

#define TRACE_VERSION    1
#define TRACE_TEXT_MAX   400 /* of a reply: Microsoft's longest say no more behind that */
#define TRACE_WORD_MAX   253 /* of anything else: its length is a byte, or */
#define TRACE_WORD_AGAIN 255 /* two bytes follow that say where in the block it stands */
#define TRACE_PROXY_MAX  64
/* All replies of a row together: two thousand recipients may each have their own. */
#define TRACE_TEXTS_MAX  (20 * 1024)
#define TRACE_ROW_MAX    UINT16_MAX /* its length is two bytes */
#define TRACE_ROW_HEAD   (2 + 1 + 8 + 4)
#define TRACE_BLOCK_HEAD (1 + 8 + 8)
#define TRACE_NO_RULE    UINT16_MAX

enum trace_kind {
	TRACE_ACCEPT = 1,
	TRACE_RECIPIENTS, /* more of the row before */
	TRACE_SETTLE,
};

/* Bits of a settle's row: it is held, and which numbers follow. */
enum trace_settle_flag {
	TRACE_SETTLE_HELD = 1 << 0,
	TRACE_SETTLE_BRANCHED = 1 << 1,
	TRACE_SETTLE_OWES = 1 << 2, /* the next attempt's time */
	TRACE_SETTLE_SESSION = 1 << 3,
	TRACE_SETTLE_REPORT = 1 << 4,
};

/* Places of a row in which words may stand again. */
enum trace_place {
	TRACE_PLACE_FIELDS, /* and by message field from here */
	TRACE_PLACE_TLS = TRACE_PLACE_FIELDS + MESSAGE_FIELD_COUNT,
	TRACE_PLACE_CIPHER,
	TRACE_PLACE_DEVICE,
	TRACE_PLACE_PROXY,
	TRACE_PLACE_STREAM,
	TRACE_PLACE_ROUTE,
	TRACE_PLACE_IDENTITY,
	TRACE_PLACE_SERVER,
	TRACE_PLACE_RECIPIENT,
	TRACE_PLACE_COUNT
};

/* What a session knows of a message besides the message itself. Words are constant memory. */
struct trace_origin {
	uint64_t connection;
	uint16_t marks; /* enum trace_mark */
	struct view message_id;
	const char *tls; /* NULL: in the clear, and so the next */
	const char *cipher;
	const char *device;          /* NULL: none of the old ones */
	char proxy[TRACE_PROXY_MAX]; /* empty: none stood between */
};

/* A message that was accepted. */
struct trace_put {
	const struct trace_origin *origin; /* NULL: it was made here, a report */
	struct wall when;
	const char *stream; /* empty: none */
	uint64_t about;     /* of a report: whose; else 0 */
	const struct message *message;
	struct job *const *jobs;
	const char *const *routes; /* of each job */
	size_t job_count;
};

/* A settle of a job. */
struct trace_end {
	struct wall when;
	const char *route;
	const char *identity; /* empty: nobody signed in */
	uint64_t report;      /* that it owed; 0: none */
	const char *branch;   /* the route of a job that takes over recipients; NULL: none */
	uint16_t branch_number;
};

/* A block that is being written. */
struct trace_draft {
	struct span room; /* TRACE_ROW_MAX behind whatever is in it */
	size_t bytes;     /* the head included */
	uint32_t rows;
	struct wall from; /* of the first row, and of the last */
	struct wall to;
	uint16_t words[TRACE_PLACE_COUNT]; /* where a word stood last; 0: it did not yet */
};

/* Whether the trace keeps the field. */
static inline bool trace_write_keeps(enum message_field field)
{
	return field != MESSAGE_ENVID && field != MESSAGE_AUTHOR;
}

/* Empty: the head comes with trace_write_end(). */
void trace_write_begin(struct trace_draft *draft);
struct view trace_write_end(struct trace_draft *draft);
/* Each adds one row. As many recipients from *at on as fit; what is left goes into further rows. */
void trace_write_accept(
        struct trace_draft *draft, const struct trace_put *put, struct message_cursor *at);
void trace_write_recipients(
        struct trace_draft *draft, const struct trace_put *put, struct message_cursor *at);
void trace_write_settle(
        struct trace_draft *draft, const struct job *job, const struct trace_end *end);

#endif
