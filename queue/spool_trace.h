/*
 * The message trace in the spool: rows of what happened to messages (queue/trace_write.h), in the
 * very batch that makes it so: they survive what that survives.
 *
 * Rows gather in memory until their batch is committed, and go into blocks under rising numbers, so
 * that the spool writes them at the end of a table and forgets them from its start. Whoever looks
 * for a message looks through blocks (queue/trace_reader.h); nothing leads to it. One more row in a
 * table for each would cost ten times as much.
 *
 * Rows never keep mail out: where there is no room for both, they are not kept, and new mail takes
 * the place of the oldest blocks (spool_put()).
 *
 * Thread:  the spooler's.
 * Owns:    the rows of the open batch.
 */
#ifndef SLUICE_SPOOL_TRACE_H
#define SLUICE_SPOOL_TRACE_H

#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/trace_write.h"

struct spool;

/* Rows gather so long: whole pages of the file, with the 16 bytes that LMDB has in the first. A
 * longer one has a block of its own. */
#define SPOOL_TRACE_BLOCK_BYTES (8 * 4096 - 16)
#define SPOOL_TRACE_KEY_BYTES   8
/* A batch forgets so many blocks at most: each gives back up to eight pages. */
#define SPOOL_TRACE_FORGOTTEN 64

/* In the open batch, behind what they say. Without room on the disk they are left out. */
MUST_CHECK struct err spool_trace_put(struct spool *spool, const struct trace_put *put);
MUST_CHECK struct err spool_trace_settle(
        struct spool *spool, const struct job *job, const struct trace_end *end);

/* Whether blocks wait to be forgotten: older than `since`, or with more than bytes_max of the
 * file in all. Between batches. */
bool spool_trace_is_due(struct spool *spool, struct wall since, uint64_t bytes_max);
/* Forgets those, the oldest first; SPOOL_TRACE_FORGOTTEN at most. */
MUST_CHECK struct err spool_trace_forget(
        struct spool *spool, struct wall since, uint64_t bytes_max, uint64_t *forgotten);

/* Since the start: rows that were left out, and blocks that went before their time, for mail. */
struct spool_trace_losses {
	uint64_t rows;
	uint64_t blocks;
};
struct spool_trace_losses spool_trace_losses(const struct spool *spool);

/* For spool_*_lmdb.c. */

struct spool_trace {
	uint64_t next;      /* number of the next block */
	uint64_t committed; /* as of the last commit */
	struct trace_draft draft;
	struct spool_trace_losses lost; /* by the open batch */
	struct spool_trace_losses losses;
	bool shed; /* the open batch gave blocks up: the next one begins when their room is free */
	char block[SPOOL_TRACE_BLOCK_BYTES + TRACE_ROW_MAX];
};

/* In the batch that opens the spool: finds where blocks go on. */
MUST_CHECK struct err spool_trace_open(struct spool *spool);
void spool_trace_begin(struct spool *spool);
/* What has gathered goes into the batch, which is to be committed. */
MUST_CHECK struct err spool_trace_end(struct spool *spool);
void spool_trace_committed(struct spool *spool);
/* Gives up the oldest blocks for mail. False: there are none. */
bool spool_trace_shed(struct spool *spool);

#endif
