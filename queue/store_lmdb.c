#include "queue/store.h"

#include "queue/base/check.h"
#include "queue/store_room.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define PATH_ROOM  4096
#define FREE_TABLE 0 /* LMDB's own list of free pages */

struct store {
	MDB_env *env;
	MDB_txn *batch; /* NULL: none is open */
	MDB_txn *snapshot;
	bool snapshot_open; /* else reset: it pins no page */
	MDB_dbi tables[TABLE_COUNT];
	MDB_cursor *batch_cursors[TABLE_COUNT]; /* NULL: not needed yet in this batch */
	MDB_cursor *snapshot_cursors[TABLE_COUNT];
	bool snapshot_fresh[TABLE_COUNT]; /* the cursor belongs to the open snapshot */
	struct store_room room;
	uint64_t bytes_max;         /* for what is not urgent; 0: any */
	bool capped;                /* that was reached at the last look */
	uint64_t used;              /* bytes of the file with pages, at the last commit */
	uint64_t rows[TABLE_COUNT]; /* likewise */
	uint64_t batch_bytes;       /* at most what the open batch adds */
	uint64_t free_bytes;        /* pages free for reuse; counted only when the disk is full */
	bool free_counted;          /* in this batch */
	struct err broken;          /* sticky */
	int folder_fd;
	int lock_fd;
	int sync_fd; /* sees the sync errors of data.mdb for itself */
};

static struct err store_break(struct store *store, int detail)
{
	if (!failed(store->broken))
		store->broken = err_make(ERR_BROKEN, detail);
	return store->broken;
}

static bool is_no_space(int rc)
{
	return rc == ENOSPC || rc == EDQUOT || rc == EFBIG;
}

static uint64_t store_map_bytes(const struct store *store)
{
	MDB_envinfo info;

	check(mdb_env_info(store->env, &info) == 0);
	return info.me_mapsize;
}

static void store_look_at_size(struct store *store)
{
	MDB_envinfo info;

	check(mdb_env_info(store->env, &info) == 0);
	store->used = ((uint64_t)info.me_last_pgno + 1) * PAGE_BYTES;
}

/* The cursors go first: LMDB asks for that. */
static void store_end_snapshot(struct store *store)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		store->snapshot_fresh[i] = false;
	if (store->snapshot_open)
		mdb_txn_reset(store->snapshot);
	store->snapshot_open = false;
}

/* A reader of the file that was killed (mdb_dump, say) pins pages until somebody looks. */
static void store_forget_dead_readers(struct store *store)
{
	int dead = 0;

	check(mdb_reader_check(store->env, &dead) == 0);
}

static struct err store_grow(struct store *store)
{
	check(store->batch == NULL);
	store_end_snapshot(store);
	store_forget_dead_readers(store);
	const int rc = mdb_env_set_mapsize(store->env, store_map_bytes(store) * 2);
	return rc == 0 ? err_make(ERR_AGAIN, 0) : store_break(store, rc);
}

/* What LMDB said inside a batch. A full map is dealt with when the batch is over. */
static struct err store_err(struct store *store, int rc)
{
	if (rc == 0)
		return err_ok();
	if (rc == MDB_NOTFOUND)
		return err_make(ERR_NOT_FOUND, 0);
	if (rc == MDB_MAP_FULL) {
		store_abort(store);
		return store_grow(store);
	}
	return store_break(store, rc);
}

static struct err store_open_snapshot(struct store *store)
{
	if (failed(store->broken))
		return store->broken;
	if (store->snapshot_open)
		return err_ok();
	const int rc = store->snapshot == NULL
	                       ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->snapshot)
	                       : mdb_txn_renew(store->snapshot);
	store->snapshot_open = rc == 0;
	return store_err(store, rc);
}

/* Opening. */

static struct err store_lock(struct store *store, const char *path)
{
	char name[PATH_ROOM];

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_make(ERR_SYSTEM, errno);
	if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	store->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->folder_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_make(errno == EWOULDBLOCK ? ERR_EXISTS : ERR_SYSTEM, errno);
	return err_ok();
}

/* The names of new files are durable too, and the directory's own. */
static struct err store_sync_names(const char *path)
{
	char parent[PATH_ROOM];

	check(snprintf(parent, sizeof parent, "%s/..", path) < (int)sizeof parent);
	const char *const names[] = { path, parent };
	for (int i = 0; i < 2; i++) {
		const int fd = open(names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_make(ERR_SYSTEM, errno);
		const int rc = fsync(fd) == 0 ? 0 : errno;
		close(fd);
		/* Some file systems can't sync a directory, and say so. */
		if (rc != 0 && rc != EINVAL)
			return err_make(ERR_SYSTEM, rc);
	}
	return err_ok();
}

static struct err store_open_file(
        struct store *store, const char *path, const struct store_settings *settings)
{
	char name[PATH_ROOM];
	struct stat file = { 0 };

	check(snprintf(name, sizeof name, "%s/data.mdb", path) < (int)sizeof name);
	(void)stat(name, &file); /* a missing one is an empty one */
	uint64_t map_bytes = settings->map_bytes;
	while (map_bytes < (uint64_t)file.st_size)
		map_bytes *= 2;

	int rc = mdb_env_create(&store->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_mapsize(store->env, map_bytes);
	/* Synced commits are LMDB's default. NOTLS: the snapshot belongs to the batch's thread.
	 * NOMEMINIT: what lies behind a row in its page are old bytes of ours, which nobody reads.
	 * Not NORDAHEAD: a backlog read back in its order gains from the kernel's reading ahead,
	 * which ends by itself where it does not hit. */
	if (rc == 0)
		rc = mdb_env_open(store->env, path, MDB_NOTLS | MDB_NOMEMINIT, 0600);
	if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
		return err_make(ERR_FORMAT, rc);
	if (rc != 0)
		return err_make(rc > 0 ? ERR_SYSTEM : ERR_SPOOL, rc);
	store->sync_fd = open(name, O_RDONLY | O_CLOEXEC);
	if (store->sync_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	return err_ok();
}

static struct err store_open_tables(struct store *store)
{
	static const char *const names[] = {
#define X(name, text) [TABLE_##name] = (text),
		STORE_TABLES(X)
#undef X
	};
	struct err err = store_begin(store);

	for (int i = 0; i < TABLE_COUNT && !failed(err); i++)
		err = store_err(
		        store, mdb_dbi_open(store->batch, names[i], MDB_CREATE, &store->tables[i]));
	if (failed(err)) {
		store_abort(store);
		return err;
	}
	return store_commit(store);
}

struct err store_open(
        struct store **result, const char *path, const struct store_settings *settings)
{
	struct store *store = calloc(1, sizeof *store);
	int fd = -1;

	if (store == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	store->folder_fd = -1;
	store->lock_fd = -1;
	store->sync_fd = -1;
	struct err err = store_lock(store, path);
	if (!failed(err))
		err = store_open_file(store, path, settings);
	if (failed(err))
		goto fail;

	store_forget_dead_readers(store);
	check(mdb_env_get_fd(store->env, &fd) == 0);
	store_look_at_size(store);
	store->bytes_max = settings->bytes_max;
	store_room_init(&store->room, fd, store->used, settings->reserve_bytes);
	err = store_open_tables(store);
	if (!failed(err))
		err = store_sync_names(path);
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
	check(store->batch == NULL);
	for (int i = 0; i < TABLE_COUNT; i++)
		if (store->snapshot_cursors[i] != NULL)
			mdb_cursor_close(store->snapshot_cursors[i]);
	if (store->snapshot != NULL)
		mdb_txn_abort(store->snapshot);
	if (store->env != NULL)
		mdb_env_close(store->env);
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
	return mdb_version(NULL, NULL, NULL);
}

bool store_is_broken(const struct store *store)
{
	return failed(store->broken);
}

/* A batch. */

struct err store_begin(struct store *store)
{
	check(store->batch == NULL);
	if (failed(store->broken))
		return store->broken;
	store_end_snapshot(store);
	store->batch_bytes = 0;
	store->free_counted = false;
	const int rc = mdb_txn_begin(store->env, NULL, 0, &store->batch);
	if (rc != 0) {
		store->batch = NULL;
		return store_break(store, rc);
	}
	return err_ok();
}

void store_abort(struct store *store)
{
	/* Its cursors end with it. */
	memset(store->batch_cursors, 0, sizeof store->batch_cursors);
	if (store->batch != NULL)
		mdb_txn_abort(MOVE(store->batch));
}

/* A commit failed for want of space: while pages were written, or later? A failed sync is
 * reported once to each descriptor, so ours still has it; a failed write of the meta page makes
 * LMDB refuse the next transaction. */
static bool store_is_whole(struct store *store)
{
	MDB_txn *probe = NULL;

	if (fdatasync(store->sync_fd) != 0)
		return false;
	if (mdb_txn_begin(store->env, NULL, 0, &probe) != 0)
		return false;
	mdb_txn_abort(probe);
	return true;
}

static void store_count_rows(struct store *store, MDB_txn *txn, uint64_t rows[TABLE_COUNT])
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		MDB_stat stat;
		check(mdb_stat(txn, store->tables[i], &stat) == 0);
		rows[i] = stat.ms_entries;
	}
}

/* Whether a commit failed because the disk is full, and nothing else happened. LMDB calls it an I/O
 * error where only a part of its pages could be written, as the last blocks allow: then the disk
 * itself is asked. An error of the disk's own stays one (I7): where there is room, where a sync
 * failed, or the meta page. */
static bool store_met_full_disk(struct store *store, int rc)
{
	if ((!is_no_space(rc) && rc != EIO) || !store_is_whole(store))
		return false;
	return rc != EIO || store_room_probe(store->folder_fd,
	                            store->batch_bytes + ROOM_PROBE_BYTES) == PROBE_FULL;
}

struct err store_commit(struct store *store)
{
	check(store->batch != NULL);
	memset(store->batch_cursors, 0, sizeof store->batch_cursors);
	if (failed(store->broken)) {
		store_abort(store);
		return store->broken;
	}
	uint64_t rows[TABLE_COUNT];
	store_count_rows(store, store->batch, rows);
	const int rc = mdb_txn_commit(MOVE(store->batch));
	if (rc == 0) {
		memcpy(store->rows, rows, sizeof rows);
		store_look_at_size(store);
		return err_ok();
	}
	if (rc == MDB_MAP_FULL)
		return store_grow(store);
	if (!store_met_full_disk(store, rc))
		return store_break(store, rc);
	store_room_distrust(&store->room, store->used);
	return err_make(ERR_NO_SPACE, rc);
}

/* Free pages inside the file; LMDB keeps a row of them for each batch that freed some, and shows
 * them to readers alone. */
static void store_count_free(struct store *store)
{
	MDB_cursor *cursor = NULL;
	MDB_val key;
	MDB_val pages;
	uint64_t count = 0;

	store_forget_dead_readers(store);
	if (store->free_counted || failed(store_open_snapshot(store)))
		return;
	if (mdb_cursor_open(store->snapshot, FREE_TABLE, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &pages, MDB_NEXT) == 0) {
			size_t of_row = 0;
			memcpy(&of_row, pages.mv_data, sizeof of_row);
			count += of_row;
		}
		mdb_cursor_close(cursor);
	}
	store_end_snapshot(store);
	store->free_bytes = count * PAGE_BYTES;
	store->free_counted = true;
}

/* Free pages are used first, so the file grows by what they can't hold. */
static bool store_is_capped(struct store *store, uint64_t batch_bytes)
{
	if (store->bytes_max == 0 || store->used + batch_bytes <= store->bytes_max)
		return false;
	store_count_free(store);
	return store->bytes_max + store->free_bytes < store->used + batch_bytes;
}

struct err store_admit(struct store *store, uint64_t pages, bool urgent)
{
	check(store->batch != NULL);
	if (failed(store->broken))
		return store->broken;
	const uint64_t batch_bytes = store->batch_bytes + pages * PAGE_BYTES;
	const uint64_t wanted = batch_bytes + (urgent ? 0 : store->room.reserve);

	if (!urgent) {
		store->capped = store_is_capped(store, batch_bytes);
		if (store->capped)
			return err_make(ERR_NO_SPACE, 0);
	}
	if (!store_room_ensure(&store->room, store->used, store->used + wanted)) {
		/* The disk is full; but what was delivered since left pages behind. */
		store_count_free(store);
		if (store->room.allocated + store->free_bytes < store->used + wanted)
			return err_make(ERR_NO_SPACE, 0);
	}
	store->batch_bytes = batch_bytes;
	return err_ok();
}

bool store_has_room(struct store *store, uint64_t bytes)
{
	if (failed(store_begin(store)))
		return false;
	const bool room = !failed(store_admit(store, bytes / STORE_PAGE_BYTES + 1, false));
	store_abort(store);
	return room;
}

/* Cursors. */

/* The table's cursor in the batch, or in the snapshot where no batch is open. */
static struct err store_cursor(struct store *store, enum store_table table, MDB_cursor **result)
{
	MDB_cursor **cursor = &store->batch_cursors[table];
	int rc = 0;

	if (failed(store->broken))
		return store->broken;
	if (store->batch != NULL) {
		if (*cursor == NULL)
			rc = mdb_cursor_open(store->batch, store->tables[table], cursor);
	} else {
		const struct err err = store_open_snapshot(store);
		if (failed(err))
			return err;
		cursor = &store->snapshot_cursors[table];
		if (*cursor == NULL)
			rc = mdb_cursor_open(store->snapshot, store->tables[table], cursor);
		else if (!store->snapshot_fresh[table])
			rc = mdb_cursor_renew(store->snapshot, *cursor);
		store->snapshot_fresh[table] = rc == 0;
	}
	*result = *cursor;
	return store_err(store, rc);
}

static MDB_val val_of(struct view view)
{
	return (MDB_val){ view.bytes, (void *)view.data };
}

static struct view view_of_val(MDB_val val)
{
	return view_from(val.mv_data, val.mv_size);
}

/* Changing. */

static struct err store_write(struct store *store, enum store_table table, struct view key,
        MDB_val *value, unsigned flags)
{
	MDB_val name = val_of(key);
	MDB_cursor *cursor = NULL;

	check(store->batch != NULL);
	const struct err err = store_cursor(store, table, &cursor);
	if (failed(err))
		return err;
	const int rc = mdb_cursor_put(cursor, &name, value, flags);
	check(rc != MDB_KEYEXIST); /* ids are never reused */
	return store_err(store, rc);
}

struct err store_put(
        struct store *store, enum store_table table, struct view key, struct view value)
{
	MDB_val content = val_of(value);

	return store_write(store, table, key, &content, 0);
}

struct err store_put_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	MDB_val content = { bytes, NULL };
	const struct err err =
	        store_write(store, table, key, &content, MDB_RESERVE | MDB_NOOVERWRITE);

	if (!failed(err))
		*room = (struct span){ content.mv_data, content.mv_size };
	return err;
}

struct err store_delete(struct store *store, enum store_table table, struct view key)
{
	MDB_val name = val_of(key);
	MDB_cursor *cursor = NULL;

	check(store->batch != NULL);
	struct err err = store_cursor(store, table, &cursor);
	if (!failed(err))
		err = store_err(store, mdb_cursor_get(cursor, &name, NULL, MDB_SET));
	if (!failed(err))
		err = store_err(store, mdb_cursor_del(cursor, 0));
	return err;
}

struct err store_delete_all(struct store *store, enum store_table table, struct view prefix)
{
	MDB_val name = val_of(prefix);
	MDB_val value;
	MDB_cursor *cursor = NULL;
	MDB_cursor_op go = MDB_SET_RANGE;

	check(store->batch != NULL);
	struct err err = store_cursor(store, table, &cursor);
	while (!failed(err)) {
		err = store_err(store, mdb_cursor_get(cursor, &name, &value, go));
		if (failed(err) || !view_equal(view_first(view_of_val(name), prefix.bytes), prefix))
			break;
		err = store_err(store, mdb_cursor_del(cursor, 0));
		go = MDB_NEXT; /* of a deleted row: the one that took its place */
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

/* Reading. */

static struct err store_read(struct store *store, enum store_table table, MDB_cursor_op go,
        struct view key, struct store_row *row)
{
	MDB_val name = val_of(key);
	MDB_val value = { 0 };
	MDB_cursor *cursor = NULL;
	struct err err = store_cursor(store, table, &cursor);

	if (!failed(err))
		err = store_err(store, mdb_cursor_get(cursor, &name, &value, go));
	if (!failed(err))
		*row = (struct store_row){ view_of_val(name), view_of_val(value) };
	return err;
}

struct err store_get(
        struct store *store, enum store_table table, struct view key, struct view *value)
{
	struct store_row row;
	const struct err err = store_read(store, table, MDB_SET_KEY, key, &row);

	if (!failed(err))
		*value = row.value;
	return err;
}

struct err store_seek(
        struct store *store, enum store_table table, struct view key, struct store_row *row)
{
	return store_read(store, table, MDB_SET_RANGE, key, row);
}

struct err store_next(struct store *store, enum store_table table, struct store_row *row)
{
	return store_read(store, table, MDB_NEXT, view_from(NULL, 0), row);
}

struct err store_counts(struct store *store, struct store_counts *counts)
{
	check(store->batch == NULL);
	const struct err err = store_open_snapshot(store);

	*counts = (struct store_counts){
		.file_bytes = store->used,
		.full = store->room.full || store->capped,
		.unsure = store->room.unsure,
	};
	if (failed(err))
		return err;
	counts->map_bytes = store_map_bytes(store);
	store_count_rows(store, store->snapshot, counts->rows);
	return err_ok();
}

uint64_t store_row_count(const struct store *store, enum store_table table)
{
	return store->rows[table];
}
