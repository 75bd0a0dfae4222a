/*
 * The ledger keeps the throttles of a shard on stable storage, so that their limits hold across a
 * crash: it writes a note for each whose allowance is short, ahead of need, and reads them back
 * at the start.
 *
 * Thread:  the delivery shard's; ledger_init() to ledger_finish(): start-up and its undoing.
 * Owns:    its notes. Lends the throttles, which outlive it.
 * Fails:   on a full disk by waiting: what is not allowed does not start.
 */
#ifndef SLUICE_LEDGER_H
#define SLUICE_LEDGER_H

#include "engine/note.h"
#include "engine/shard.h"
#include "queue/base/pool.h"
#include "queue/throttle.h"

struct ledger_entry {
	struct throttle *throttle;
	const char *name; /* of the account that it is of */
	struct link link; /* in the ledger's list of those that want a record */
	void *owner;      /* the one above's: whom to tell that the allowance has grown */
	bool writing;     /* a note is under way */
	bool last;        /* without an allowance */
	bool wrote;       /* the record on disk is of this run */
	bool closed;      /* the last record is on stable storage, or none is needed */
};

struct ledger {
	struct shard *shard;
	struct ledger_entry *entries;
	uint32_t count;
	struct list wanting;
	struct pool notes;
	bool closing;
	bool broken; /* the spool is: nothing will be kept any more */
};

/* Room for count_max entries. */
MUST_CHECK struct err ledger_init(struct ledger *ledger, struct shard *shard, uint32_t count_max);
/* Every note is back, or never will be. */
void ledger_finish(struct ledger *ledger);
/* Keeps the throttle under the account's name from now on; what the spool knows of it counts.
 * Before the spooler runs. */
struct ledger_entry *ledger_add(
        struct ledger *ledger, struct throttle *throttle, const char *name, void *owner);
/* Something was started, or could not: the allowance may be short. */
void ledger_look(struct ledger *ledger, struct ledger_entry *entry);
/* Reads what the spool has; before the spooler runs. A record that is damaged is logged. */
void ledger_read(struct ledger *ledger, struct spool *spool);
/* Sends the notes that are wanted, as many as may be under way. Once a turn. */
void ledger_work(struct ledger *ledger);
/* LETTER_NOTED came. Gives the entry that it is about. */
struct ledger_entry *ledger_noted(struct ledger *ledger, struct note *note);
/* Nothing is under way any more: writes the last records, without an allowance. */
void ledger_close(struct ledger *ledger);
bool ledger_is_closed(const struct ledger *ledger);

#endif
