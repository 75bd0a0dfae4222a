/*
 * The store: a few ordered tables on disk, changed in batches that are durable as a whole or did
 * not happen. Under the spool alone.
 *
 * A batch goes into a journal (queue/journal.h) at once, in one write and one sync; into the tables
 * (queue/tables.h) go many of them together, when the journal is full or there is time
 * (store_tidy()). What came and went in between, as most mail does, never gets there.
 *
 * Thread:  the spooler's alone; blocks on the disk.
 * Owns:    the directory: data.mdb, LMDB's lock.mdb, `journal`, and `lock`, which one process
 *          holds.
 * Lends:   rows that are read: valid until the next change or the next begin.
 *
 * Blocks of the file are allocated ahead of their use, so a full disk is met here, before a
 * batch, and not while its pages are written; the last `reserve_bytes` of them are for
 * batches that free space.
 *
 * Rows of mail have a seal (queue/seal.h), which the store writes and checks.
 *
 * Fails:   as queue/spool.h says: NO_SPACE, AGAIN, and BROKEN, which is sticky. LMDB syncs twice a
 *          commit: pages, then the meta page that makes them current. When a page can't be
 *          written for want of space, nothing has happened; that a write was cut short is asked
 *          of the disk by writing a file of its own (`probe`). When the sync of pages fails, or
 *          the meta page's write, or the journal's, nobody knows what the disk holds.
 *          Opening: FORMAT when the journal is damaged in its midst.
 */
#ifndef SLUICE_STORE_H
#define SLUICE_STORE_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

/* name in the file; keys are big-endian, so they sort as numbers do */
#define STORE_TABLES(X)                                                                            \
	X(META, "meta")           /* name -> number: format, next id */                            \
	X(ROUTES, "routes")       /* name -> route id */                                           \
	X(MESSAGES, "messages")   /* id -> part 0 of the envelope */                               \
	X(ENVELOPES, "envelopes") /* id, part -> a further part */                                 \
	X(BODIES, "bodies")       /* id, row -> a piece of the body, see store_row_bytes() */      \
	X(JOBS, "jobs")           /* id, number -> job record */                                   \
	X(DUE, "due")             /* route id, when, id, number -> nothing */                      \
	X(NOTES, "notes")         /* name -> what some part of the engine keeps for itself */      \
	X(CLAIMS, "claims") /* a client's key -> message id, what it looked like, until when */    \
	X(CLAIM_ENDS, "claim_ends") /* until when, key -> nothing */                               \
	X(SENT, "sent")   /* hour, hash of a Message-ID, id, number, when -> by what, of whom */   \
	X(TRACE, "trace") /* number -> rows of what happened to messages; they come at its end */

enum store_table {
#define X(name, text) TABLE_##name,
	STORE_TABLES(X)
#undef X
	        TABLE_COUNT
};

/* The largest value that takes exactly one page of its own: LMDB's head of 16 bytes, the row's seal
 * of 28 and its key of 12 are there too. */
#define STORE_PAGE_BYTES 4040
/* A larger value takes pages in a row. Bodies up to here are whole: in pieces of a page they spread
 * over all that is free, each page a write of its own (bench/churn.c). A value without end would
 * find no such row. */
#define STORE_ROW_BYTES_MAX ((size_t)256 * STORE_PAGE_BYTES)

struct store;

struct store_settings {
	uint64_t map_bytes;     /* first size of the map; it doubles as needed */
	uint64_t reserve_bytes; /* allocated for batches that free space */
	uint64_t bytes_max;     /* of data.mdb, for what is not urgent; 0: what the disk has */
	uint64_t journal_bytes; /* the journal's most; 0: each batch goes into the tables at once */
	uint64_t search_pages;  /* free ones that are searched for some in a row; 0: SEARCH_PAGES */
};

struct store_row {
	struct view key;
	struct view value;
};

MUST_CHECK struct err store_open(
        struct store **result, const char *path, const struct store_settings *settings);
void store_close(struct store *store);
bool store_is_broken(const struct store *store);
/* The library behind it and its version, for people; constant memory. */
const char *store_library(void);

/* A batch. */

MUST_CHECK struct err store_begin(struct store *store);
/* Ends the batch, also when it fails. */
MUST_CHECK struct err store_commit(struct store *store);
void store_abort(struct store *store);
/* Room for so many pages more in this batch. `urgent`: out of the reserve, if need be.
 * ERR_NO_SPACE: there is none; the batch stays as it is. */
MUST_CHECK struct err store_admit(struct store *store, uint64_t pages, bool urgent);
/* For what can be left out: only where room for mail is left besides. */
MUST_CHECK struct err store_admit_spare(struct store *store, uint64_t pages);
/* After an ERR_NO_SPACE of one that was not urgent: whether the next batch may find room, for it
 * begins with a look at what is free by then. In the end it says no. */
bool store_would_gain(struct store *store);
/* How large a row of what was just admitted may be: STORE_ROW_BYTES_MAX; or STORE_PAGE_BYTES, where
 * room was found among free pages that need not lie in a row, or there are too many to search. */
size_t store_row_bytes(const struct store *store);
/* Sets or replaces. */
MUST_CHECK struct err store_put(
        struct store *store, enum store_table table, struct view key, struct view value);
/* Room for a new row of `bytes`, to be filled before anything else is done. */
MUST_CHECK struct err store_put_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room);
/* Likewise, of one that comes behind all others of its table. */
MUST_CHECK struct err store_append_room(struct store *store, enum store_table table,
        struct view key, size_t bytes, struct span *room);
/* ERR_NOT_FOUND: it was not there. */
MUST_CHECK struct err store_delete(struct store *store, enum store_table table, struct view key);
/* Every row whose key starts so. */
MUST_CHECK struct err store_delete_all(
        struct store *store, enum store_table table, struct view prefix);

/* Between batches: brings into the tables what only the journal has, so that others who read the
 * file see it, and the next start has nothing to do. */
MUST_CHECK struct err store_tidy(struct store *store);
bool store_is_tidy(const struct store *store);
/* The next call may come from another thread: LMDB's transaction belongs to one. */
void store_rest(struct store *store);

/* Reading: in the open batch what it holds so far, else what was committed last. ERR_FORMAT: the
 * row is there, and damaged; where one is given, its key is right. */

MUST_CHECK struct err store_get(
        struct store *store, enum store_table table, struct view key, struct view *value);
/* The first row at or after `key`, and the one behind the last given. ERR_NOT_FOUND: the end. */
MUST_CHECK struct err store_seek(
        struct store *store, enum store_table table, struct view key, struct store_row *row);
MUST_CHECK struct err store_next(
        struct store *store, enum store_table table, struct store_row *row);

struct store_counts {
	uint64_t rows[TABLE_COUNT];
	uint64_t file_bytes;
	uint64_t map_bytes;
	bool full;   /* at the last look; store_has_room() looks afresh */
	bool unsure; /* blocks can't be allocated ahead there: a full disk may be met in a commit */
	uint64_t checkpoints; /* since the start: commits of the tables, */
	int64_t checkpoints_ns;
	int64_t checkpoint_longest_ns;
};
MUST_CHECK struct err store_counts(struct store *store, struct store_counts *counts);
/* At the last commit, without a look at the file: of a broken store too. */
uint64_t store_row_count(const struct store *store, enum store_table table);
/* Of the file, in pages that hold its rows; 0 where it can't be read. */
uint64_t store_table_bytes(struct store *store, enum store_table table);
/* May a batch of so many bytes come in? Between batches. */
bool store_has_room(struct store *store, uint64_t bytes);

#endif
