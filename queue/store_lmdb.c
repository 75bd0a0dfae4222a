#include "queue/store.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "queue/base/milestone.h"
#include "queue/record.h"
#include "queue/store_folder.h"
#include "queue/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* A group of the journal is a batch. A larger one goes into the tables at once: it would leave
 * little of the journal to the next ones. */
#define GROUP_BYTES_MAX ((size_t)8 << 20)
/* LMDB looks for pages in a row from the start of its list of free ones, each time: with so many
 * (1 GiB), none of which fit, it takes some 0.2 ms. Single pages it finds at once. */
#define SEARCH_PAGES (UINT64_C(1) << 18)

/* In the table META: the last group of the journal that is in the tables, and the salt of those
 * that are not. */
#define KEPT_VERSION 1
#define KEPT_BYTES   (1 + 8 + JOURNAL_SALT_BYTES)
static const struct view kept_name = VIEW_INIT("journal");
/* Likewise: the secret of the seals. The file `lock` has it too, for who has no table left. */
#define SECRET_VERSION 1
#define SECRET_RECORD  (1 + SEAL_SECRET_BYTES)
static const struct view secret_name = VIEW_INIT("seal");

static struct err store_replay(struct store *store);
static struct err store_checkpoint(struct store *store);

static struct err store_break(struct store *store, int detail)
{
	if (!failed(store->broken))
		store->broken = err_make(ERR_BROKEN, detail);
	return store->broken;
}

struct err store_err(struct store *store, struct err err)
{
	return err.code == ERR_BROKEN ? store_break(store, err.detail) : err;
}

struct err store_ready(struct store *store)
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
	const struct err replayed = store_replay(store);
	milestone_reached(MILESTONE_RECOVERED);
	return replayed;
}

/* The secret of the seals; a new spool draws one. */
static struct err store_find_secret(struct store *store, bool *drawn)
{
	char room[SECRET_RECORD];
	struct record_writer writer = record_write((struct span){ room, sizeof room });
	struct store_row row;
	const struct err err =
	        tables_read(store->tables, TABLE_META, TABLES_GET, secret_name, &row);

	if (!failed(err)) {
		struct record_reader reader = record_read(row.value);
		const uint8_t version = record_get_u8(&reader);
		store->secret.number = record_get_u64(&reader);
		return record_is_read(&reader) && version == SECRET_VERSION
		               ? err_ok()
		               : err_make(ERR_FORMAT, version);
	}
	if (err.code != ERR_NOT_FOUND)
		return err;
	/* One that `lock` has may be in rows already: of a start that found no room for it here. */
	*drawn = true;
	if (!store_folder_read_secret(store->lock_fd, &store->secret.number))
		check(getrandom(&store->secret, sizeof store->secret, 0) == sizeof store->secret);
	record_put_u8(&writer, SECRET_VERSION);
	record_put_u64(&writer, store->secret.number);
	return tables_put(store->tables, TABLE_META, secret_name, record_view(&writer));
}

/* What the journal has that the tables have not goes into them. It is not built upon: after a sync
 * that failed, the last group may be in the kernel's cache alone, and gone with the power when
 * others follow it. With the first checkpoint a journal begins. */
static struct err store_recover(struct store *store)
{
	struct err err;

	do {
		bool drawn = false;
		tables_drop(store->tables);
		err = store_find_journal(store);
		store->journal_begun = !failed(err);
		if (!failed(err) || err.code == ERR_NOT_FOUND)
			err = store_find_secret(store, &drawn);
		if (!failed(err) && (!store->journal_begun || drawn || !store_is_tidy(store)))
			err = store_checkpoint(store);
		/* Without it in the tables nothing may be sealed. */
		if (drawn && err.code == ERR_NO_SPACE)
			return err;
	} while (err.code == ERR_AGAIN);
	if (!failed(err) || err.code == ERR_NO_SPACE)
		err = store_ready(store);
	if (!failed(err))
		tables_count_rows(store->tables, store->rows);
	if (!failed(err))
		err = store_folder_keep_secret(store->lock_fd, store->secret.number);
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

bool store_has_journal(const struct store *store)
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

/* From here on the groups of the journal are in the tables; those to come have another salt. The
 * open batch, if that is what goes there, has had a number too: it is in its rows' seals. */
static struct err store_put_kept(struct store *store, char salt[JOURNAL_SALT_BYTES])
{
	char room[KEPT_BYTES];
	struct record_writer writer = record_write((struct span){ room, sizeof room });

	check(getrandom(salt, JOURNAL_SALT_BYTES, 0) == JOURNAL_SALT_BYTES);
	record_put_u8(&writer, KEPT_VERSION);
	record_put_u64(&writer, store->journal.number);
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
	milestone_reached(MILESTONE_CHECKPOINT);
	err = store_commit_tables(store);
	milestone_reached(MILESTONE_CHECKPOINTED);
	if (!failed(err)) {
		memcpy(store->rows, rows, sizeof rows);
		store->used = tables_used_bytes(store->tables);
		store->pending_bytes = 0;
		store->changes = 0;
		store->touched_seen = 0;
		store->free_counted = false;
		store->journal_begun = true;
		journal_restart(&store->journal, store->journal.number + 1, salt);
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
	store->filled.from = (struct span){ 0 };
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
	store->filled.from = (struct span){ 0 };
	if (store->changed)
		tables_drop(store->tables);
}

/* Into the journal: one write, one sync. ERR_LIMIT: there is no room for it there. */
static struct err store_note(struct store *store)
{
	if (!store_has_journal(store) || store->group.large)
		return err_make(ERR_LIMIT, 0);
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
	store_take_filled(store);
	err = store_note(store);
	if (err.code == ERR_LIMIT || err.code == ERR_NO_SPACE)
		err = store_checkpoint(store);
	if (failed(err))
		tables_drop(store->tables);
	else
		store->looks = 0;
	return err;
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

uint64_t store_table_bytes(struct store *store, enum store_table table)
{
	return failed(store_ready(store)) ? 0 : tables_bytes(store->tables, table);
}
