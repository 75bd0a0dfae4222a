/*
 * What the files of the real store share: store_lmdb.c (opening, journal, batches),
 * store_admit_lmdb.c (room on the disk), store_rows_lmdb.c (changing, reading). Nobody else
 * includes this.
 *
 * Thread:  the spooler's alone.
 */
#ifndef SLUICE_STORE_INNER_H
#define SLUICE_STORE_INNER_H

#include "queue/journal.h"
#include "queue/seal.h"
#include "queue/store.h"
#include "queue/store_room.h"
#include "queue/tables.h"

struct store {
	struct tables *tables; /* their transaction: all since the last checkpoint */
	struct journal journal;
	struct journal_group group; /* the open batch */
	bool journal_begun;         /* the tables know its salt */
	bool batch_open;
	bool changed; /* by the open batch */
	struct {      /* a row of the open batch that the caller fills, */
		struct span from;
		struct span to;   /* and its place in the group; NULL data: none */
		size_t key_bytes; /* of a sealed row */
		bool sealed;
	} filled;
	struct seal_secret secret;
	struct store_room room;
	uint64_t bytes_max;         /* for what is not urgent; 0: any */
	uint64_t search_pages;      /* see store_settings */
	bool full;                  /* no room for what is not urgent, at the last look */
	uint64_t used;              /* bytes of the file with pages, at the last checkpoint */
	uint64_t rows[TABLE_COUNT]; /* at the last commit */
	uint64_t batch_bytes;       /* at most what the open batch adds */
	uint64_t pending_bytes;     /* and what batches since the checkpoint have added */
	uint64_t changes;           /* since the checkpoint, the open batch's among them */
	uint64_t touched_seen;   /* there was room on the disk for so many bytes that they touch */
	struct tables_free free; /* counted only when disk or file are full... */
	bool free_counted;       /* ...since the last checkpoint */
	bool scattered;          /* what was admitted last counts on them */
	uint64_t lacking;        /* bytes that were not to be had at the last look; 0: none */
	int looks;               /* checkpoints for their sake, one behind the other */
	uint64_t checkpoints;
	int64_t checkpoints_ns; /* of all, */
	int64_t checkpoint_longest_ns;
	struct err broken; /* sticky */
	int folder_fd;
	int lock_fd;
	int sync_fd; /* sees the sync errors of data.mdb for itself */
};

/* What tables and journal said: some of it is for good. */
struct err store_err(struct store *store, struct err err);
/* The transaction is open, and has all that the journal has. A batch that has lost it is lost. */
MUST_CHECK struct err store_ready(struct store *store);
/* Where blocks can't be had ahead, a full disk is met in a commit: then nothing may have been
 * promised before. */
bool store_has_journal(const struct store *store);
/* Near the end of what can be allocated, or of what the file may have, it is to be exact: what came
 * since the last checkpoint may not stand in the way of what comes, and what went is room. */
bool store_is_due(struct store *store);
/* The row that the caller has filled: sealed, and in the group too. */
void store_take_filled(struct store *store);

#endif
