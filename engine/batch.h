/*
 * A batch is what one turn of the spooler makes durable: new messages (puts), outcomes
 * (settles) with the reports they owe, notes, and id blocks. Everything that came while the last
 * commit was syncing goes into the next one (group commit), and what is worth a wait (patience.h).
 *
 * All jobs of a message are put in one transaction. A settle, the report it owes and the job that
 * takes over some of its recipients are in the same one (I2). A batch larger than the
 * spool takes at once is written in several transactions, settles first: they free space. On a
 * full disk a settle whose report does not fit waits, and no other waits for it.
 *
 * Thread:  the spooler's.
 * Owns:    the messages and jobs in it, until batch_forget().
 * Fails:   ERR_BROKEN alone, for good (I7): every put still open has PUT_FAILED by then. A full
 *          disk is not a failure: its puts have PUT_FULL, its settles are not `done` and are
 *          to be tried again.
 */
#ifndef SLUICE_BATCH_H
#define SLUICE_BATCH_H

#include "engine/letters.h"
#include "engine/note.h"
#include "queue/spool.h"
#include "queue/spool_sent.h"
#include "queue/spool_trace.h"

/* One commit costs two disk syncs whatever it holds; beyond a few hundred messages nothing is
 * gained (DESIGN.md, Spool), and the first of them would wait for the last. */
#define BATCH_PUTS_MAX    512
#define BATCH_SETTLES_MAX 1024
#define BATCH_NOTES_MAX   256
/* A put has a job for each way that its recipients go, at most one a route, and one more for those
 * without a way: there is always room for one that has them all. */
#define BATCH_PUT_WAYS_MAX (SPOOL_ROUTES_MAX + 2)
#define BATCH_PUT_JOBS_MAX (BATCH_PUTS_MAX + BATCH_PUT_WAYS_MAX)

/* What the trace is to say of a put. */
struct batch_trace {
	bool wanted;
	struct wall when;
	const struct trace_origin *origin; /* lent until the put is answered */
	const char *stream;
};

struct batch_put {
	uint16_t first; /* of batch->jobs: they hold the message */
	uint16_t count;
	uint64_t ticket;
	uint16_t shard;
	struct spool_claim *claim; /* kept with the message; NULL: none */
	struct batch_trace trace;
	bool written; /* in the open transaction */
	bool done;
	enum put_result result; /* once done */
};

struct batch_settle {
	struct job *job;
	struct job *report; /* the report that this settle owes; NULL: none */
	struct job *branch; /* owes an end to recipients that left this job; NULL: none */
	bool written;       /* in the open transaction */
	bool waits;         /* its report found no space: for the next batch_commit() */
	bool done;
	bool lost;   /* no such row was there: nothing was branched off either */
	bool sent;   /* the sents of its place is kept with it */
	bool traced; /* and this, in the trace: */
	struct trace_end trace;
};

struct batch_note {
	struct note *note;
	uint16_t shard;
	bool written; /* in the open transaction */
	bool waits;   /* it found no space: for the next batch_commit() */
	bool done;
};

struct batch {
	struct batch_put puts[BATCH_PUTS_MAX];
	size_t put_count;
	uint64_t put_bytes;                   /* of their bodies */
	struct job *jobs[BATCH_PUT_JOBS_MAX]; /* of the puts */
	size_t job_count;
	struct batch_settle settles[BATCH_SETTLES_MAX];
	struct spool_sent sents[BATCH_SETTLES_MAX]; /* of settles that have one */
	size_t settle_count;
	struct batch_note notes[BATCH_NOTES_MAX];
	size_t note_count;
	bool claims_due; /* some are to be forgotten */
	bool claims_written;
	uint64_t claims_early; /* so many though their time is not over */
	struct wall claims_now;
	uint64_t claims_forgotten; /* by the last one that was written */
	bool sent_due;             /* rows of what was sent are to be forgotten */
	bool sent_written;
	struct wall sent_since;
	uint64_t sent_early;     /* so many though they are younger */
	uint64_t sent_forgotten; /* by the last one that was written */
	bool trace_due;          /* blocks of the trace are to be forgotten */
	bool trace_written;
	struct wall trace_since;
	uint64_t trace_bytes_max;
	uint64_t trace_forgotten; /* by the last one that was written */
	uint64_t ids_wanted;      /* ids to reserve */
	uint64_t ids_first;       /* 0: not reserved */
	uint64_t commits;         /* ever; an account for counters */
};

/* The next batch_add_put() takes this one too, with those added before it. */
void batch_add_job(struct batch *batch, struct job *job);
/* The jobs of one message that were added since the last put: at least one. */
void batch_add_put(struct batch *batch, uint64_t ticket, uint16_t shard);
/* The put added last is kept with this claim. Lends claim until the put is answered. */
void batch_claim(struct batch *batch, struct spool_claim *claim);
/* The put that has the claim's key; NULL: none. */
const struct batch_put *batch_find_claim(
        const struct batch *batch, const struct spool_claim *claim);
/* Claims are due to be forgotten, and `early` ones besides. */
void batch_forget_claims(struct batch *batch, struct wall now, uint64_t early);
/* Rows of what was sent before `since` are to be forgotten, and `early` ones besides. */
void batch_forget_sent(struct batch *batch, struct wall since, uint64_t early);
/* Blocks of the trace from before `since` are to be forgotten, and the oldest beyond bytes_max. */
void batch_forget_trace(struct batch *batch, struct wall since, uint64_t bytes_max);
/* The trace says so of the put added last. */
void batch_trace_put(struct batch *batch, const struct batch_trace *trace);
/* And so of the settle added last. */
void batch_trace_settle(struct batch *batch, const struct trace_end *end);
/* A row to be filled, which is kept with the settle added last. Lends. */
struct spool_sent *batch_add_sent(struct batch *batch);
/* report, branch: NULL, or what goes with it. */
void batch_add_settle(struct batch *batch, struct job *job, struct job *report, struct job *branch);
/* Lends note until it is done. */
void batch_add_note(struct batch *batch, struct note *note, uint16_t shard);

static inline bool batch_is_empty(const struct batch *batch)
{
	return batch->put_count == 0 && batch->settle_count == 0 && batch->note_count == 0 &&
	       batch->ids_wanted == 0 && !batch->claims_due && !batch->sent_due &&
	       !batch->trace_due;
}

/* New messages and outcomes, either or both, and nothing else. */
static inline bool batch_has_mail_alone(const struct batch *batch)
{
	return (batch->put_count > 0 || batch->settle_count > 0) && batch->note_count == 0 &&
	       batch->ids_wanted == 0 && !batch->claims_due && !batch->sent_due &&
	       !batch->trace_due;
}

static inline bool batch_puts_full(const struct batch *batch)
{
	return batch->put_count == BATCH_PUTS_MAX || batch->job_count >= BATCH_PUTS_MAX;
}

static inline bool batch_settles_full(const struct batch *batch)
{
	return batch->settle_count == BATCH_SETTLES_MAX;
}

static inline bool batch_notes_full(const struct batch *batch)
{
	return batch->note_count == BATCH_NOTES_MAX;
}

/* Afterwards every put is done; a settle or note that is not waits for the next batch_commit(). */
MUST_CHECK struct err batch_commit(struct batch *batch, struct spool *spool);
/* Drops what is done from the batch, for the spooler has answered it; keeps the rest. */
void batch_forget(struct batch *batch);

#endif
