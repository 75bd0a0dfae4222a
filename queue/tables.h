/*
 * The tables: ordered rows in one file, LMDB's, changed by one transaction at a time. Under the
 * store alone; LMDB's only door.
 *
 * Thread:  the spooler's alone; a commit blocks on the disk, twice: pages, then the meta page that
 *          makes them current.
 * Owns:    data.mdb and lock.mdb in the folder.
 * Lends:   rows that are read: until the next change, or the transaction's end.
 * Fails:   ERR_AGAIN: the map was full, it has grown, and the transaction is gone with all that it
 *          held. ERR_NOT_FOUND. Everything else is ERR_BROKEN with LMDB's number or errno; whether
 *          a commit that failed for want of space did no harm is for the store to find out.
 */
#ifndef SLUICE_TABLES_H
#define SLUICE_TABLES_H

#include "queue/store.h"

#define TABLES_PAGE_BYTES 4096

struct tables;

/* ERR_FORMAT: not LMDB's, or of another version. ERR_SYSTEM, ERR_SPOOL: it can't be opened. */
MUST_CHECK struct err tables_open(struct tables **result, const char *path, uint64_t map_bytes);
void tables_close(struct tables *tables);
/* The library and its version, for people; constant memory. */
const char *tables_library(void);

/* The transaction. */

bool tables_are_open(const struct tables *tables);
/* None is open. */
MUST_CHECK struct err tables_begin(struct tables *tables);
/* Ends it, also when it fails. */
MUST_CHECK struct err tables_commit(struct tables *tables);
/* Ends it, if there is one, and all that it held. */
void tables_drop(struct tables *tables);
/* Whether another transaction can begin after a commit failed: not if its meta page did. */
bool tables_are_whole(struct tables *tables);

/* In the transaction. */

MUST_CHECK struct err tables_put(
        struct tables *tables, enum store_table table, struct view key, struct view value);
enum tables_place {
	TABLES_ANY,  /* there may be a row with this key */
	TABLES_NEW,  /* there is none */
	TABLES_LAST, /* it is behind all: pages are filled to their ends, and nothing is searched */
};
/* A row's place, to be filled before anything else is done. */
MUST_CHECK struct err tables_put_room(struct tables *tables, enum store_table table,
        struct view key, size_t bytes, enum tables_place place, struct span *room);
MUST_CHECK struct err tables_delete(struct tables *tables, enum store_table table, struct view key);
/* Every row whose key starts so. */
MUST_CHECK struct err tables_delete_all(
        struct tables *tables, enum store_table table, struct view prefix);

enum tables_way {
	TABLES_GET,  /* the row with this key */
	TABLES_SEEK, /* the first at it or behind it */
	TABLES_NEXT, /* the one behind the last read of this table */
};
MUST_CHECK struct err tables_read(struct tables *tables, enum store_table table,
        enum tables_way way, struct view key, struct store_row *row);
void tables_count_rows(struct tables *tables, uint64_t rows[TABLE_COUNT]);
/* Of pages that hold the table's rows. */
uint64_t tables_bytes(struct tables *tables, enum store_table table);

/* Without the rest of it. */

/* Walks through a table of the file in `path`, changing nothing, not even a lock: each row, in
 * order, until `each` says false. ERR_FORMAT: the table was not all there, or told what can't be.
 * A damaged file may end the process: let a child do it. */
MUST_CHECK struct err tables_walk(const char *path, enum store_table table,
        bool (*each)(void *owner, struct store_row row), void *owner);

/* Besides whoever has it. */

/* Who reads the tables of a process that writes to them, as of its last commit; a thread's own. It
 * keeps the pages that it sees from being used again, until tables_peek_rest(). */
struct tables_peek;
/* ERR_FORMAT, ERR_SYSTEM: as opening. ERR_NOT_FOUND: no such table yet. */
MUST_CHECK struct err tables_peek_open(
        struct tables_peek **result, const char *path, enum store_table table);
/* NULL is fine. */
void tables_peek_close(struct tables_peek *peek);
/* The first row at the key or behind it. Lends until the next rest or close. */
MUST_CHECK struct err tables_peek_seek(
        struct tables_peek *peek, struct view key, struct store_row *row);
void tables_peek_rest(struct tables_peek *peek);

/* The file. */

int tables_fd(const struct tables *tables);
uint64_t tables_map_bytes(const struct tables *tables);
/* Bytes of it that hold pages, in use or free, as of the last commit. */
uint64_t tables_used_bytes(const struct tables *tables);
/* In the transaction: pages on the list of free ones as it began, or some more; costs nothing. */
uint64_t tables_listed_pages(const struct tables *tables);
/* Those that the next transaction may use again, and those that only the one behind it may, for the
 * last commit has freed them. Looks through LMDB's list of them. */
struct tables_free {
	uint64_t bytes;
	uint64_t young_bytes;
};
struct tables_free tables_free(struct tables *tables);
/* A reader of the file that was killed (mdb_dump, say) pins pages until somebody looks. */
void tables_forget_dead_readers(struct tables *tables);

#endif
