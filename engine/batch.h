/*
 * A batch is what one turn of the spooler makes durable: new messages (puts), outcomes
 * (settles) with the reports they owe, notes, and id blocks. Everything that came while the last
 * commit was syncing goes into the next one (group commit); there is no artificial delay.
 *
 * A settle and the report it owes are in the same transaction (I2). A batch larger than the
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

/* One commit costs two disk syncs whatever it holds; beyond a few hundred messages nothing is
 * gained (DESIGN.md, Spool), and the first of them would wait for the last. */
#define BATCH_PUTS_MAX    512
#define BATCH_SETTLES_MAX 1024
#define BATCH_NOTES_MAX   256

struct batch_put {
	struct job *job; /* holds the message */
	uint64_t ticket;
	uint16_t shard;
	bool written; /* in the open transaction */
	bool done;
	enum put_result result; /* once done */
};

struct batch_settle {
	struct job *job;
	struct job *report; /* the report that this settle owes; NULL: none */
	bool written;       /* in the open transaction */
	bool waits;         /* its report found no space: for the next batch_commit() */
	bool done;
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
	struct batch_settle settles[BATCH_SETTLES_MAX];
	size_t settle_count;
	struct batch_note notes[BATCH_NOTES_MAX];
	size_t note_count;
	uint64_t ids_wanted; /* ids to reserve */
	uint64_t ids_first;  /* 0: not reserved */
	uint64_t commits;    /* ever; an account for counters */
};

void batch_add_put(struct batch *batch, struct job *job, uint64_t ticket, uint16_t shard);
void batch_add_settle(struct batch *batch, struct job *job, struct job *report);
/* Lends note until it is done. */
void batch_add_note(struct batch *batch, struct note *note, uint16_t shard);

static inline bool batch_is_empty(const struct batch *batch)
{
	return batch->put_count == 0 && batch->settle_count == 0 && batch->note_count == 0 &&
	       batch->ids_wanted == 0;
}

static inline bool batch_puts_full(const struct batch *batch)
{
	return batch->put_count == BATCH_PUTS_MAX;
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
