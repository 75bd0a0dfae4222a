#include "queue/tables.h"

#include "queue/base/check.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM  4096
#define KEY_MAX    511 /* LMDB's own */
#define FREE_TABLE 0   /* LMDB's own list of free pages */

struct tables {
	MDB_env *env;
	MDB_txn *txn; /* NULL: none is open */
	MDB_dbi ids[TABLE_COUNT];
	MDB_cursor *cursors[TABLE_COUNT]; /* of the transaction; NULL: not needed yet */
};

/* Opening. */

/* An empty file, whole on the disk before it has its name: a power cut while the library makes one
 * would leave what it can't open. */
static struct err tables_make_file(const char *name)
{
	char made[PATH_ROOM];
	MDB_env *env = NULL;

	if (snprintf(made, sizeof made, "%s.new", name) >= (int)sizeof made)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	(void)unlink(made);
	int rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_open(env, made, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
	if (rc == 0)
		rc = mdb_env_sync(env, 1);
	if (env != NULL)
		mdb_env_close(env);
	if (rc == 0 && rename(made, name) != 0)
		rc = errno;
	return rc == 0 ? err_ok() : err_make(rc > 0 ? ERR_SYSTEM : ERR_SPOOL, rc);
}

static struct err tables_open_file(struct tables *tables, const char *path, uint64_t map_bytes)
{
	char name[PATH_ROOM];
	struct stat file = { 0 };

	if (snprintf(name, sizeof name, "%s/data.mdb", path) >= (int)sizeof name)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	if (stat(name, &file) != 0 && errno == ENOENT) {
		const struct err err = tables_make_file(name);
		if (failed(err))
			return err;
	}
	while (map_bytes < (uint64_t)file.st_size)
		map_bytes *= 2;

	int rc = mdb_env_create(&tables->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(tables->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_mapsize(tables->env, map_bytes);
	/* Synced commits are LMDB's default. NOTLS: one thread reads and writes.
	 * NOMEMINIT: what lies behind a row in its page are old bytes of ours, which nobody reads.
	 * Not NORDAHEAD: a backlog read back in its order gains from the kernel's reading ahead,
	 * which ends by itself where it does not hit. */
	if (rc == 0)
		rc = mdb_env_open(tables->env, path, MDB_NOTLS | MDB_NOMEMINIT, 0600);
	if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
		return err_make(ERR_FORMAT, rc);
	if (rc != 0)
		return err_make(rc > 0 ? ERR_SYSTEM : ERR_SPOOL, rc);
	return err_ok();
}

/* What LMDB said. A full map ends the transaction: it can only grow without one. */
static struct err tables_err(struct tables *tables, int rc)
{
	if (rc == 0)
		return err_ok();
	if (rc == MDB_NOTFOUND)
		return err_make(ERR_NOT_FOUND, 0);
	if (rc != MDB_MAP_FULL)
		return err_make(ERR_BROKEN, rc);
	tables_drop(tables);
	tables_forget_dead_readers(tables);
	const int grown = mdb_env_set_mapsize(tables->env, tables_map_bytes(tables) * 2);
	return grown == 0 ? err_make(ERR_AGAIN, 0) : err_make(ERR_BROKEN, grown);
}

static const char *const table_names[] = {
#define X(name, text) [TABLE_##name] = (text),
	STORE_TABLES(X)
#undef X
};

static struct err tables_open_ids(struct tables *tables)
{
	struct err err = tables_begin(tables);

	for (int i = 0; i < TABLE_COUNT && !failed(err); i++)
		err = tables_err(tables,
		        mdb_dbi_open(tables->txn, table_names[i], MDB_CREATE, &tables->ids[i]));
	return failed(err) ? err : tables_commit(tables);
}

struct err tables_open(struct tables **result, const char *path, uint64_t map_bytes)
{
	struct tables *tables = calloc(1, sizeof *tables);

	if (tables == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	struct err err = tables_open_file(tables, path, map_bytes);
	if (!failed(err))
		tables_forget_dead_readers(tables);
	if (!failed(err))
		err = tables_open_ids(tables);
	while (err.code == ERR_AGAIN)
		err = tables_open_ids(tables);
	if (failed(err)) {
		tables_close(tables);
		return err;
	}
	*result = tables;
	return err_ok();
}

void tables_close(struct tables *tables)
{
	if (tables == NULL)
		return;
	tables_drop(tables);
	if (tables->env != NULL)
		mdb_env_close(tables->env);
	free(tables);
}

const char *tables_library(void)
{
	return mdb_version(NULL, NULL, NULL);
}

/* The transaction. */

bool tables_are_open(const struct tables *tables)
{
	return tables->txn != NULL;
}

struct err tables_begin(struct tables *tables)
{
	check(tables->txn == NULL);
	const int rc = mdb_txn_begin(tables->env, NULL, 0, &tables->txn);

	if (rc != 0)
		tables->txn = NULL;
	return tables_err(tables, rc);
}

/* Its cursors end with it, here and there. */
struct err tables_commit(struct tables *tables)
{
	check(tables->txn != NULL);
	memset(tables->cursors, 0, sizeof tables->cursors);
	return tables_err(tables, mdb_txn_commit(MOVE(tables->txn)));
}

void tables_drop(struct tables *tables)
{
	memset(tables->cursors, 0, sizeof tables->cursors);
	if (tables->txn != NULL)
		mdb_txn_abort(MOVE(tables->txn));
}

bool tables_are_whole(struct tables *tables)
{
	if (failed(tables_begin(tables)))
		return false;
	tables_drop(tables);
	return true;
}

/* Rows. */

static MDB_val val_of(struct view view)
{
	return (MDB_val){ view.bytes, (void *)view.data };
}

static struct view view_of_val(MDB_val val)
{
	return view_from(val.mv_data, val.mv_size);
}

static struct err tables_cursor(struct tables *tables, enum store_table table, MDB_cursor **result)
{
	MDB_cursor **cursor = &tables->cursors[table];
	int rc = 0;

	check(tables->txn != NULL);
	if (*cursor == NULL)
		rc = mdb_cursor_open(tables->txn, tables->ids[table], cursor);
	*result = *cursor;
	return tables_err(tables, rc);
}

static struct err tables_write(struct tables *tables, enum store_table table, struct view key,
        MDB_val *value, unsigned flags)
{
	MDB_val name = val_of(key);
	MDB_cursor *cursor = NULL;
	const struct err err = tables_cursor(tables, table, &cursor);

	if (failed(err))
		return err;
	const int rc = mdb_cursor_put(cursor, &name, value, flags);
	check(rc != MDB_KEYEXIST); /* ids are never reused */
	return tables_err(tables, rc);
}

struct err tables_put(
        struct tables *tables, enum store_table table, struct view key, struct view value)
{
	MDB_val content = val_of(value);

	return tables_write(tables, table, key, &content, 0);
}

struct err tables_put_room(struct tables *tables, enum store_table table, struct view key,
        size_t bytes, enum tables_place place, struct span *room)
{
	static const unsigned flags[] = {
		[TABLES_ANY] = MDB_RESERVE,
		[TABLES_NEW] = MDB_RESERVE | MDB_NOOVERWRITE,
		[TABLES_LAST] = MDB_RESERVE | MDB_APPEND,
	};
	MDB_val content = { bytes, NULL };
	const struct err err = tables_write(tables, table, key, &content, flags[place]);

	if (!failed(err))
		*room = (struct span){ content.mv_data, content.mv_size };
	return err;
}

struct err tables_delete(struct tables *tables, enum store_table table, struct view key)
{
	MDB_val name = val_of(key);
	MDB_cursor *cursor = NULL;
	struct err err = tables_cursor(tables, table, &cursor);

	if (!failed(err))
		err = tables_err(tables, mdb_cursor_get(cursor, &name, NULL, MDB_SET));
	if (!failed(err))
		err = tables_err(tables, mdb_cursor_del(cursor, 0));
	return err;
}

struct err tables_delete_all(struct tables *tables, enum store_table table, struct view prefix)
{
	MDB_val name = val_of(prefix);
	MDB_val value;
	MDB_cursor *cursor = NULL;
	MDB_cursor_op go = MDB_SET_RANGE;
	struct err err = tables_cursor(tables, table, &cursor);

	while (!failed(err)) {
		err = tables_err(tables, mdb_cursor_get(cursor, &name, &value, go));
		if (failed(err) || !view_equal(view_first(view_of_val(name), prefix.bytes), prefix))
			break;
		err = tables_err(tables, mdb_cursor_del(cursor, 0));
		go = MDB_NEXT; /* of a deleted row: the one that took its place */
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

struct err tables_read(struct tables *tables, enum store_table table, enum tables_way way,
        struct view key, struct store_row *row)
{
	static const MDB_cursor_op ops[] = {
		[TABLES_GET] = MDB_SET_KEY,
		[TABLES_SEEK] = MDB_SET_RANGE,
		[TABLES_NEXT] = MDB_NEXT,
	};
	MDB_val name = val_of(key);
	MDB_val value = { 0 };
	MDB_cursor *cursor = NULL;
	struct err err = tables_cursor(tables, table, &cursor);

	if (!failed(err))
		err = tables_err(tables, mdb_cursor_get(cursor, &name, &value, ops[way]));
	if (!failed(err))
		*row = (struct store_row){ view_of_val(name), view_of_val(value) };
	return err;
}

void tables_count_rows(struct tables *tables, uint64_t rows[TABLE_COUNT])
{
	check(tables->txn != NULL);
	for (int i = 0; i < TABLE_COUNT; i++) {
		MDB_stat stat;
		check(mdb_stat(tables->txn, tables->ids[i], &stat) == 0);
		rows[i] = stat.ms_entries;
	}
}

uint64_t tables_bytes(struct tables *tables, enum store_table table)
{
	MDB_stat stat;

	check(tables->txn != NULL);
	check(mdb_stat(tables->txn, tables->ids[table], &stat) == 0);
	return (uint64_t)(stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
	       stat.ms_psize;
}

/* The file. */

int tables_fd(const struct tables *tables)
{
	int fd = -1;

	check(mdb_env_get_fd(tables->env, &fd) == 0);
	return fd;
}

static MDB_envinfo tables_info(const struct tables *tables)
{
	MDB_envinfo info;

	check(mdb_env_info(tables->env, &info) == 0);
	return info;
}

uint64_t tables_map_bytes(const struct tables *tables)
{
	return tables_info(tables).me_mapsize;
}

uint64_t tables_used_bytes(const struct tables *tables)
{
	return ((uint64_t)tables_info(tables).me_last_pgno + 1) * TABLES_PAGE_BYTES;
}

/* The list is numbers, in pages of its own. */
uint64_t tables_listed_pages(const struct tables *tables)
{
	MDB_stat stat;

	check(tables->txn != NULL);
	check(mdb_stat(tables->txn, FREE_TABLE, &stat) == 0);
	return (stat.ms_leaf_pages + stat.ms_overflow_pages) *
	       (TABLES_PAGE_BYTES / sizeof(uint64_t));
}

/* LMDB keeps a row of them for each transaction that freed some; readers alone see those. It takes
 * none that the meta page before the current one still needs. */
struct tables_free tables_free(struct tables *tables)
{
	MDB_txn *reader = NULL;
	MDB_cursor *cursor = NULL;
	MDB_val key;
	MDB_val pages;
	struct tables_free result = { 0 };

	tables_forget_dead_readers(tables);
	const size_t newest = tables_info(tables).me_last_txnid;
	if (mdb_txn_begin(tables->env, NULL, MDB_RDONLY, &reader) != 0)
		return result;
	if (mdb_cursor_open(reader, FREE_TABLE, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &pages, MDB_NEXT) == 0) {
			size_t number = 0;
			size_t count = 0;
			memcpy(&number, key.mv_data, sizeof number);
			memcpy(&count, pages.mv_data, sizeof count);
			*(number < newest ? &result.bytes : &result.young_bytes) +=
			        count * TABLES_PAGE_BYTES;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(reader);
	return result;
}

void tables_forget_dead_readers(struct tables *tables)
{
	int dead = 0;

	check(mdb_reader_check(tables->env, &dead) == 0);
}

/* Without the rest of it. */

struct walk {
	MDB_env *env;
	MDB_txn *txn;
	MDB_cursor *cursor;
};

static int walk_open(struct walk *walk, const char *path, const char *table, MDB_stat *stat)
{
	char name[PATH_ROOM];
	MDB_dbi id = 0;

	if (snprintf(name, sizeof name, "%s/data.mdb", path) >= (int)sizeof name)
		return ENAMETOOLONG;
	int rc = mdb_env_create(&walk->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(walk->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_open(walk->env, name, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR, 0);
	if (rc == 0)
		rc = mdb_txn_begin(walk->env, NULL, MDB_RDONLY, &walk->txn);
	if (rc == 0)
		rc = mdb_dbi_open(walk->txn, table, 0, &id);
	if (rc == 0)
		rc = mdb_stat(walk->txn, id, stat);
	if (rc == 0)
		rc = mdb_cursor_open(walk->txn, id, &walk->cursor);
	return rc;
}

struct err tables_walk(const char *path, enum store_table table,
        bool (*each)(void *owner, struct store_row row), void *owner)
{
	char last[KEY_MAX];
	size_t last_bytes = 0;
	size_t count = 0;
	struct walk walk = { 0 };
	MDB_stat stat = { 0 };
	MDB_val key;
	MDB_val value;
	int rc = walk_open(&walk, path, table_names[table], &stat);

	while (rc == 0 && (rc = mdb_cursor_get(walk.cursor, &key, &value, MDB_NEXT)) == 0) {
		MDB_val before = { last_bytes, last };
		/* A tree that goes round is no tree. */
		if (key.mv_size > sizeof last ||
		        (count > 0 && mdb_cmp(walk.txn, mdb_cursor_dbi(walk.cursor), &key,
		                              &before) <= 0)) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(last, key.mv_data, key.mv_size);
		last_bytes = key.mv_size;
		count++;
		if (!each(owner, (struct store_row){ view_of_val(key), view_of_val(value) }))
			break;
	}
	if (walk.cursor != NULL)
		mdb_cursor_close(walk.cursor);
	if (walk.txn != NULL)
		mdb_txn_abort(walk.txn);
	if (walk.env != NULL)
		mdb_env_close(walk.env);
	if (rc == MDB_NOTFOUND && count == stat.ms_entries)
		return err_ok();
	return rc == 0 ? err_ok() : err_make(ERR_FORMAT, rc);
}

/* Besides whoever has it. */

struct tables_peek {
	MDB_env *env;
	MDB_dbi id;
	MDB_txn *txn;       /* NULL: it was never begun */
	MDB_cursor *cursor; /* likewise */
	bool rests;         /* the transaction sees nothing now */
};

/* The writer's map may have grown since. */
static int peek_begin(struct tables_peek *peek)
{
	int rc = peek->txn == NULL ? mdb_txn_begin(peek->env, NULL, MDB_RDONLY, &peek->txn)
	                           : mdb_txn_renew(peek->txn);

	if (rc != MDB_MAP_RESIZED)
		return rc;
	rc = mdb_env_set_mapsize(peek->env, 0);
	if (rc != 0)
		return rc;
	return peek->txn == NULL ? mdb_txn_begin(peek->env, NULL, MDB_RDONLY, &peek->txn)
	                         : mdb_txn_renew(peek->txn);
}

static struct err peek_err(int rc)
{
	if (rc == 0)
		return err_ok();
	if (rc == MDB_NOTFOUND)
		return err_make(ERR_NOT_FOUND, 0);
	if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH || rc == MDB_CORRUPTED)
		return err_make(ERR_FORMAT, rc);
	return err_make(rc > 0 ? ERR_SYSTEM : ERR_SPOOL, rc);
}

struct err tables_peek_open(struct tables_peek **result, const char *path, enum store_table table)
{
	struct tables_peek *peek = calloc(1, sizeof *peek);

	if (peek == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	int rc = mdb_env_create(&peek->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(peek->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_open(peek->env, path, MDB_RDONLY | MDB_NOTLS, 0600);
	if (rc == 0)
		rc = peek_begin(peek);
	if (rc == 0)
		rc = mdb_dbi_open(peek->txn, table_names[table], 0, &peek->id);
	/* Others may use the number only behind this. */
	if (rc == 0)
		rc = mdb_txn_commit(MOVE(peek->txn));
	if (rc == 0)
		rc = peek_begin(peek);
	if (rc == 0)
		rc = mdb_cursor_open(peek->txn, peek->id, &peek->cursor);
	if (rc != 0) {
		tables_peek_close(peek);
		return peek_err(rc);
	}
	*result = peek;
	return err_ok();
}

void tables_peek_close(struct tables_peek *peek)
{
	if (peek == NULL)
		return;
	if (peek->cursor != NULL)
		mdb_cursor_close(peek->cursor);
	if (peek->txn != NULL)
		mdb_txn_abort(peek->txn);
	if (peek->env != NULL)
		mdb_env_close(peek->env);
	free(peek);
}

struct err tables_peek_seek(struct tables_peek *peek, struct view key, struct store_row *row)
{
	MDB_val name = val_of(key);
	MDB_val value = { 0 };
	int rc = 0;

	if (peek->rests) {
		rc = peek_begin(peek);
		if (rc == 0)
			rc = mdb_cursor_renew(peek->txn, peek->cursor);
		peek->rests = rc != 0;
	}
	if (rc == 0)
		rc = mdb_cursor_get(peek->cursor, &name, &value, MDB_SET_RANGE);
	if (rc == 0)
		*row = (struct store_row){ view_of_val(name), view_of_val(value) };
	return peek_err(rc);
}

void tables_peek_rest(struct tables_peek *peek)
{
	if (!peek->rests)
		mdb_txn_reset(peek->txn);
	peek->rests = true;
}
