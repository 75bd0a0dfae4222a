/*
 * Writing the rows of the message trace: what happened to a message, kept for whoever asks where it
 * is (engine/ops/cli_trace.c). queue/trace_read.h reads them.
 *
 * A message has a row of its acceptance, with more behind it where it has many recipients, and one
 * of each settle of a job of its. Rows lie behind each other in blocks, one or more to a batch
 * of the spool (queue/spool_trace.h), so that a row costs little more than its bytes.
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

#define TRACE_VERSION   1
#define TRACE_TEXT_MAX  400 /* of a reply: Microsoft's longest say no more behind that */
#define TRACE_WORD_MAX  255 /* of anything else: its length is a byte */
#define TRACE_PROXY_MAX 64
/* All replies of a row together: two thousand recipients may each have their own. */
#define TRACE_TEXTS_MAX  (24 * 1024)
#define TRACE_ROW_MAX    UINT16_MAX /* its length is two bytes */
#define TRACE_ROW_HEAD   (2 + 1 + 8 + 8)
#define TRACE_BLOCK_HEAD (1 + 8 + 8)
#define TRACE_NO_RULE    UINT16_MAX

enum trace_kind {
	TRACE_ACCEPT = 1,
	TRACE_RECIPIENTS, /* more of the row before */
	TRACE_SETTLE,
};

/* Bits of a settle's row. */
enum trace_settle_flag {
	TRACE_SETTLE_HELD = 1 << 0,
	TRACE_SETTLE_BRANCHED = 1 << 1,
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

/* The start of a block, for the rows that follow: when the first was, and the last. */
void trace_write_head(struct span block, struct wall from, struct wall to);
/* Each gives the bytes written; `into` has TRACE_ROW_MAX. As many recipients from *at on as fit;
 * what is left goes into further rows. */
size_t trace_write_accept(struct span into, const struct trace_put *put, struct message_cursor *at);
size_t trace_write_recipients(
        struct span into, const struct trace_put *put, struct message_cursor *at);
size_t trace_write_settle(struct span into, const struct job *job, const struct trace_end *end);

#endif
