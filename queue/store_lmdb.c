#include "queue/store.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "queue/journal.h"
#include "queue/record.h"
#include "queue/store_folder.h"
#include "queue/store_room.h"
#include "queue/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* A group of the journal is a batch. A larger one goes into the tables at once: it would leave
 * little of the journal to the next ones. */
#define GROUP_BYTES_MAX ((size_t)8 << 20)
/* What a batch hardly ever adds more than: see store_is_due(). */
#define BATCH_BYTES_USUAL (UINT64_C(2) << 20)
/* What batches since the last checkpoint may add, by a bound that is ten times what they do where
 * mail is small: so much of the disk is allocated ahead. */
#define PENDING_BYTES_MAX (UINT64_C(256) << 20)
/* After so many checkpoints, one behind the other, pages that were free at the first are to be had:
 * see tables_free(). */
#define LOOKS_MAX 2
/* Pages that a change may rewrite: a leaf, and what it is split into or joined with. */
#define PAGES_TOUCHED 2

/* LMDB looks for pages in a row from the start of its list of free ones, each time: with so many
 * (1 GiB), none of which fit, it takes some 0.2 ms. Single pages it finds at once. */
#define SEARCH_PAGES (UINT64_C(1) << 18)

/* In the table META: the last group of the journal that is in the tables, and the salt of those
 * that are not. */
#define KEPT_VERSION 1
#define KEPT_BYTES   (1 + 8 + JOURNAL_SALT_BYTES)
static const struct view kept_name = VIEW_INIT("journal");

struct store {
	struct tables *tables; /* their transaction: all since the last checkpoint */
	struct journal journal;
	struct journal_group group; /* the open batch */
	bool journal_begun;         /* the tables know its salt */
	bool batch_open;
	bool changed; /* by the open batch */
	struct {      /* a row of the open batch that the caller fills, */
		struct span from;
		struct span to; /* and its place in the group */
	} filled;
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

static struct err store_replay(struct store *store);
static struct err store_checkpoint(struct store *store);

static struct err store_break(struct store *store, int detail)
{
	if (!failed(store->broken))
		store->broken = err_make(ERR_BROKEN, detail);
	return store->broken;
}

/* What tables and journal said: some of it is for good. */
static struct err store_err(struct store *store, struct err err)
{
	return err.code == ERR_BROKEN ? store_break(store, err.detail) : err;
}

/* The transaction is open, and has all that the journal has. A batch that has lost it is lost. */
static struct err store_ready(struct store *store)
{
	struct err err = store->broken;

	if (failed(err) || tables_are_open(store->tables))
		return err;
	if (store->batch_open)
		return err_make(ERR_AGAIN, 0);
	do {
		err = store_err(store, tables_begin(store->tables));
		if (!failed(err) && !journal_is_empty(&store->journal))
			err = store_err(store, store_replay(store));
	} while (err.code == ERR_AGAIN);
	return err;
}

/* Opening. */

/* Where the journal goes on from what is in the tables. Nothing is said: it has nothing for us. */
static struct err store_find_journal(struct store *store)
{
	char salt[JOURNAL_SALT_BYTES] = { 0 };
	struct store_row kept;

	journal_restart(&store->journal, 1, salt);
	struct err err = store_ready(store);
	if (!failed(err))
		err = tables_read(store->tables, TABLE_META, TABLES_GET, kept_name, &kept);
	if (failed(err))
		return err;
	struct record_reader reader = record_read(kept.value);
	const uint8_t version = record_get_u8(&reader);
	const uint64_t number = record_get_u64(&reader);
	const struct view read = record_get(&reader, sizeof salt);
	if (!record_is_read(&reader) || version != KEPT_VERSION)
		return err_make(ERR_FORMAT, version);
	memcpy(salt, read.data, sizeof salt);
	journal_restart(&store->journal, number + 1, salt);
	return store_replay(store);
}

/* What the journal has that the tables have not goes into them. It is not built upon: after a sync
 * that failed, the last group may be in the kernel's cache alone, and gone with the power when
 * others follow it. With the first checkpoint a journal begins. */
static struct err store_recover(struct store *store)
{
	struct err err;

	do {
		tables_drop(store->tables);
		err = store_find_journal(store);
		store->journal_begun = !failed(err);
		if (err.code == ERR_NOT_FOUND || (!failed(err) && !store_is_tidy(store)))
			err = store_checkpoint(store);
	} while (err.code == ERR_AGAIN);
	if (!failed(err) || err.code == ERR_NO_SPACE)
		err = store_ready(store);
	if (!failed(err))
		tables_count_rows(store->tables, store->rows);
	return store_err(store, err);
}

static struct err store_open_files(
        struct store *store, const char *path, const struct store_settings *settings)
{
	struct err err = store_folder_open(path, &store->folder_fd, &store->lock_fd);

	if (!failed(err))
		err = tables_open(&store->tables, path, settings->map_bytes);
	if (!failed(err))
		err = journal_open(&store->journal, store->folder_fd, settings->journal_bytes);
	if (failed(err))
		return err;
	store->sync_fd = openat(store->folder_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
	if (store->sync_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	return store_folder_sync(path);
}

struct err store_open(
        struct store **result, const char *path, const struct store_settings *settings)
{
	struct store *store = calloc(1, sizeof *store);

	if (store == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	store->folder_fd = -1;
	store->lock_fd = -1;
	store->sync_fd = -1;
	store->journal = (struct journal){ .fd = -1, .sync_fd = -1, .direct_fd = -1 };
	struct err err = journal_group_init(&store->group, GROUP_BYTES_MAX);
	if (!failed(err))
		err = store_open_files(store, path, settings);
	if (failed(err))
		goto fail;

	store->used = tables_used_bytes(store->tables);
	store->bytes_max = settings->bytes_max;
	store->search_pages = settings->search_pages > 0 ? settings->search_pages : SEARCH_PAGES;
	store_room_init(
	        &store->room, tables_fd(store->tables), store->used, settings->reserve_bytes);
	err = store_recover(store);
	if (failed(err))
		goto fail;
	*result = store;
	return err_ok();

fail:
	store_close(store);
	return err;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	check(!store->batch_open);
	if (store->tables != NULL)
		store_rest(store);
	tables_close(store->tables);
	journal_close(&store->journal);
	journal_group_finish(&store->group);
	if (store->sync_fd >= 0)
		close(store->sync_fd);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->folder_fd >= 0)
		close(store->folder_fd);
	free(store);
}

const char *store_library(void)
{
	return tables_library();
}

bool store_is_broken(const struct store *store)
{
	return failed(store->broken);
}

/* The journal. */

static struct err store_apply(struct store *store, const struct journal_change *change)
{
	struct err err;

	if (change->table >= TABLE_COUNT)
		return err_make(ERR_FORMAT, 0);
	const enum store_table table = (enum store_table)change->table;
	store->changes++;
	if (change->act == JOURNAL_PUT)
		err = tables_put(store->tables, table, change->key, change->value);
	else if (change->act == JOURNAL_DELETE)
		err = tables_delete(store->tables, table, change->key);
	else
		err = tables_delete_all(store->tables, table, change->key);
	return err.code == ERR_NOT_FOUND ? err_make(ERR_FORMAT, 0) : err;
}

/* All of the journal, from its start, into the transaction. */
static struct err store_replay(struct store *store)
{
	struct view changes;
	struct journal_change change;
	struct err err;

	journal_rewind(&store->journal);
	store->changes = 0;
	store->touched_seen = 0;
	while (!failed(err = journal_read(&store->journal, store->group.room, &changes))) {
		while (!failed(err) && journal_change_next(&changes, &change))
			err = store_apply(store, &change);
		if (!failed(err) && changes.bytes > 0)
			err = err_make(ERR_FORMAT, 0);
		if (failed(err))
			return err;
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

/* Where blocks can't be had ahead, a full disk is met in a commit: then nothing may have been
 * promised before. */
static bool store_has_journal(const struct store *store)
{
	return store->journal_begun && store->journal.bytes_max > 0 && !store->room.unsure;
}

/* A commit failed for want of space: while pages were written, or later? A failed sync is
 * reported once to each descriptor, so ours still has it; a failed write of the meta page makes
 * LMDB refuse the next transaction. */
static bool store_is_whole(struct store *store)
{
	return fdatasync(store->sync_fd) == 0 && tables_are_whole(store->tables);
}

/* Whether a commit failed because the disk is full, and nothing else happened. LMDB calls it an I/O
 * error where only a part of its pages could be written, as the last blocks allow: then the disk
 * itself is asked. An error of the disk's own stays one (I7): where there is room, where a sync
 * failed, or the meta page. */
static bool store_met_full_disk(struct store *store, int rc)
{
	const uint64_t bytes = store->pending_bytes + store->batch_bytes;

	if ((!store_room_ran_out(rc) && rc != EIO) || !store_is_whole(store))
		return false;
	return rc != EIO ||
	       store_room_probe(store->folder_fd, bytes + ROOM_PROBE_BYTES) == PROBE_FULL;
}

/* From here on the groups of the journal are in the tables; those to come have another salt. */
static struct err store_put_kept(struct store *store, char salt[JOURNAL_SALT_BYTES])
{
	char room[KEPT_BYTES];
	struct record_writer writer = record_write((struct span){ room, sizeof room });

	check(getrandom(salt, JOURNAL_SALT_BYTES, 0) == JOURNAL_SALT_BYTES);
	record_put_u8(&writer, KEPT_VERSION);
	record_put_u64(&writer, store->journal.number - 1);
	record_put(&writer, view_from(salt, JOURNAL_SALT_BYTES));
	return store_err(
	        store, tables_put(store->tables, TABLE_META, kept_name, record_view(&writer)));
}

static struct err store_commit_tables(struct store *store)
{
	const struct mono from = clock_mono();
	const struct err err = tables_commit(store->tables);
	const int64_t ns = clock_mono().ns - from.ns;

	store->checkpoints++;
	store->checkpoints_ns += ns;
	if (ns > store->checkpoint_longest_ns)
		store->checkpoint_longest_ns = ns;
	return err;
}

/* Commits the transaction: what came since the last time is in the tables for good, and the journal
 * begins anew. */
static struct err store_checkpoint(struct store *store)
{
	char salt[JOURNAL_SALT_BYTES];
	uint64_t rows[TABLE_COUNT];
	struct err err = store_put_kept(store, salt);

	if (failed(err))
		return err;
	tables_count_rows(store->tables, rows);
	err = store_commit_tables(store);
	if (!failed(err)) {
		memcpy(store->rows, rows, sizeof rows);
		store->used = tables_used_bytes(store->tables);
		store->pending_bytes = 0;
		store->changes = 0;
		store->touched_seen = 0;
		store->free_counted = false;
		store->journal_begun = true;
		journal_restart(&store->journal, store->journal.number, salt);
		return err_ok();
	}
	if (err.code != ERR_BROKEN || !store_met_full_disk(store, err.detail))
		return store_err(store, err);
	store_room_distrust(&store->room, store->used);
	store->full = true;
	return err_make(ERR_NO_SPACE, err.detail);
}

bool store_is_tidy(const struct store *store)
{
	return journal_is_empty(&store->journal) || failed(store->broken);
}

/* Whatever the journal has. */
static struct err store_tidy_anyway(struct store *store)
{
	struct err err;

	do {
		err = store_ready(store);
		if (!failed(err))
			err = store_checkpoint(store);
	} while (err.code == ERR_AGAIN);
	return err;
}

struct err store_tidy(struct store *store)
{
	check(!store->batch_open);
	return store_is_tidy(store) ? store->broken : store_tidy_anyway(store);
}

/* What this can't bring into the tables is in the journal. */
void store_rest(struct store *store)
{
	(void)failed(store_tidy(store));
	tables_drop(store->tables);
}

/* Room. */

static const struct tables_free *store_count_free(struct store *store)
{
	if (!store->free_counted)
		store->free = tables_free(store->tables);
	store->free_counted = true;
	return &store->free;
}

/* Bytes that are missing for so many more; 0: they have room. Free pages are used first, so the
 * file grows by what those can't hold. */
static uint64_t store_lack(struct store *store, uint64_t added, bool urgent)
{
	const uint64_t wanted = store->used + added + (urgent ? 0 : store->room.reserve);
	const bool beyond = store->bytes_max > 0 && store->used + added > store->bytes_max;
	const bool capped = beyond && !urgent;
	const bool fits = store_room_ensure(&store->room, store->used, wanted);

	store->scattered = beyond || !fits;
	if (!capped && fits)
		return 0;
	const uint64_t free_bytes = store_count_free(store)->bytes;
	uint64_t lack = 0;
	if (capped && store->bytes_max + free_bytes < store->used + added)
		lack = store->used + added - store->bytes_max - free_bytes;
	if (!fits && store->room.allocated + free_bytes < wanted + lack)
		lack = wanted - store->room.allocated - free_bytes;
	return lack;
}

/* Mail that came and went since the last checkpoint counts until the next, and pages that one freed
 * are to be had after one more. */
bool store_would_gain(struct store *store)
{
	return store->lacking > 0 && store->looks < LOOKS_MAX &&
	       store->pending_bytes + store_count_free(store)->young_bytes >= store->lacking;
}

/* What is rewritten needs pages that nobody has admitted: the reserve is for them. On a full disk
 * there may be no more of them at once, or the checkpoint finds no room, and nothing goes on. */
static bool store_has_touched_much(struct store *store)
{
	const uint64_t bytes = store->changes * PAGES_TOUCHED * TABLES_PAGE_BYTES;
	const uint64_t step = store->room.reserve / 2; /* between two looks at the disk */

	if (bytes <= store->touched_seen + step)
		return false;
	if (!store_room_is_left(&store->room, 2 * (bytes + step)))
		return true;
	store->touched_seen = bytes;
	return false;
}

/* Near the end of what can be allocated, or of what the file may have, it is to be exact: what came
 * since the last checkpoint may not stand in the way of what comes, and what went is room. */
static bool store_is_due(struct store *store)
{
	if (store_would_gain(store)) {
		store->looks++;
		return true;
	}
	return !journal_is_empty(&store->journal) &&
	       (store->pending_bytes > PENDING_BYTES_MAX || store_has_touched_much(store) ||
	               store_lack(store, store->pending_bytes + BATCH_BYTES_USUAL, false) > 0);
}

/* A batch. */

struct err store_begin(struct store *store)
{
	struct err err = store->broken;

	check(!store->batch_open);
	if (!failed(err) && store_is_due(store))
		err = store_tidy_anyway(store);
	/* A full disk after all: no mail comes in, but what ends may end in the journal. */
	if (!failed(err) || err.code == ERR_NO_SPACE)
		err = store_ready(store);
	if (failed(err))
		return err;
	journal_group_clear(&store->group);
	store->filled.to = (struct span){ 0 };
	store->batch_bytes = 0;
	store->lacking = 0;
	store->changed = false;
	store->batch_open = true;
	return err_ok();
}

void store_abort(struct store *store)
{
	store->batch_open = false;
	if (store->changed)
		tables_drop(store->tables);
}

/* The row that the caller has filled, in the group too. */
static void store_take_filled(struct store *store)
{
	if (store->filled.to.data != NULL)
		memcpy(store->filled.to.data, store->filled.from.data, store->filled.to.bytes);
	store->filled.to = (struct span){ 0 };
}

/* Into the journal: one write, one sync. ERR_LIMIT: there is no room for it there. */
static struct err store_note(struct store *store)
{
	if (!store_has_journal(store) || store->group.large)
		return err_make(ERR_LIMIT, 0);
	store_take_filled(store);
	const struct err err = journal_append(&store->journal, &store->group);
	if (failed(err))
		return store_err(store, err);
	tables_count_rows(store->tables, store->rows);
	store->pending_bytes += store->batch_bytes;
	return err_ok();
}

struct err store_commit(struct store *store)
{
	check(store->batch_open);
	struct err err = store_ready(store);
	store->batch_open = false;
	if (failed(err) || !store->changed)
		return err;
	err = store_note(store);
	if (err.code == ERR_LIMIT || err.code == ERR_NO_SPACE)
		err = store_checkpoint(store);
	if (failed(err))
		tables_drop(store->tables);
	else
		store->looks = 0;
	return err;
}

struct err store_admit(struct store *store, uint64_t pages, bool urgent)
{
	check(store->batch_open);
	if (failed(store->broken))
		return store->broken;
	const uint64_t batch_bytes = store->batch_bytes + pages * TABLES_PAGE_BYTES;
	const uint64_t lacking = store_lack(store, store->pending_bytes + batch_bytes, urgent);

	if (!urgent) {
		store->full = lacking > 0;
		store->lacking = lacking;
	}
	if (lacking > 0)
		return err_make(ERR_NO_SPACE, 0);
	store->batch_bytes = batch_bytes;
	return err_ok();
}

/* A row of many pages may find none that fit and lengthen the file, whatever is free. */
size_t store_row_bytes(const struct store *store)
{
	check(store->batch_open);
	if (store->scattered || !tables_are_open(store->tables) ||
	        tables_listed_pages(store->tables) > store->search_pages)
		return STORE_PAGE_BYTES;
	return STORE_ROW_BYTES_MAX;
}

bool store_has_room(struct store *store, uint64_t bytes)
{
	bool room;

	do {
		if (failed(store_begin(store)))
			return false;
		room = !failed(store_admit(store, bytes / STORE_PAGE_BYTES + 1, false));
		store_abort(store);
	} while (!room && store_would_gain(store));
	return room;
}

/* Changing. */

static void store_record(struct store *store, const struct journal_change *change)
{
	check(store->batch_open);
	store_take_filled(store);
	store->changed = true;
	store->changes++;
	if (store_has_journal(store))
		journal_group_add(&store->group, change);
}

struct err store_put(
        struct store *store, enum store_table table, struct view key, struct view value)
{
	struct err err = store_ready(store);

	if (failed(err))
		return err;
	store_record(store, &(struct journal_change){ JOURNAL_PUT, (uint8_t)table, key, value });
	return store_err(store, tables_put(store->tables, table, key, value));
}

struct err store_put_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	struct err err = store_ready(store);

	check(store->batch_open);
	if (failed(err))
		return err;
	store_take_filled(store);
	store->changed = true;
	err = store_err(store, tables_put_room(store->tables, table, key, bytes, room));
	if (failed(err) || !store_has_journal(store))
		return err;
	store->filled.from = *room;
	store->filled.to = journal_group_add_room(&store->group, (uint8_t)table, key, bytes);
	return err_ok();
}

struct err store_delete(struct store *store, enum store_table table, struct view key)
{
	struct err err = store_ready(store);

	check(store->batch_open);
	if (failed(err))
		return err;
	store_take_filled(store);
	err = store_err(store, tables_delete(store->tables, table, key));
	if (!failed(err))
		store_record(store,
		        &(struct journal_change){ JOURNAL_DELETE, (uint8_t)table, key, { 0 } });
	return err;
}

struct err store_delete_all(struct store *store, enum store_table table, struct view prefix)
{
	const struct journal_change change = { JOURNAL_DELETE_ALL, (uint8_t)table, prefix, { 0 } };
	struct err err = store_ready(store);

	if (failed(err))
		return err;
	store_record(store, &change);
	return store_err(store, tables_delete_all(store->tables, table, prefix));
}

/* Reading. */

static struct err store_read(struct store *store, enum store_table table, enum tables_way way,
        struct view key, struct store_row *row)
{
	const struct err err = store_ready(store);

	if (failed(err))
		return err;
	return store_err(store, tables_read(store->tables, table, way, key, row));
}

struct err store_get(
        struct store *store, enum store_table table, struct view key, struct view *value)
{
	struct store_row row;
	const struct err err = store_read(store, table, TABLES_GET, key, &row);

	if (!failed(err))
		*value = row.value;
	return err;
}

struct err store_seek(
        struct store *store, enum store_table table, struct view key, struct store_row *row)
{
	return store_read(store, table, TABLES_SEEK, key, row);
}

struct err store_next(struct store *store, enum store_table table, struct store_row *row)
{
	return store_read(store, table, TABLES_NEXT, view_from(NULL, 0), row);
}

struct err store_counts(struct store *store, struct store_counts *counts)
{
	const struct err err = store_ready(store);

	check(!store->batch_open);
	*counts = (struct store_counts){
		.file_bytes = store->used,
		.full = store->full,
		.unsure = store->room.unsure,
		.checkpoints = store->checkpoints,
		.checkpoints_ns = store->checkpoints_ns,
		.checkpoint_longest_ns = store->checkpoint_longest_ns,
	};
	if (failed(err))
		return err;
	counts->map_bytes = tables_map_bytes(store->tables);
	tables_count_rows(store->tables, counts->rows);
	return err_ok();
}

uint64_t store_row_count(const struct store *store, enum store_table table)
{
	return store->rows[table];
}
