#include "queue/base/check.h"
#include "queue/store_inner.h"

/* Rows of mail, and what is needed to make sense of them: from these all can be built anew. */
static const bool is_sealed[TABLE_COUNT] = {
	[TABLE_ROUTES] = true,
	[TABLE_MESSAGES] = true,
	[TABLE_ENVELOPES] = true,
	[TABLE_BODIES] = true,
	[TABLE_JOBS] = true,
};

/* Changing. */

void store_take_filled(struct store *store)
{
	if (store->filled.from.data == NULL)
		return;
	if (store->filled.sealed)
		seal_end(store->filled.from, store->filled.key_bytes, store->secret);
	if (store->filled.to.data != NULL)
		memcpy(store->filled.to.data, store->filled.from.data, store->filled.to.bytes);
	store->filled.from = (struct span){ 0 };
	store->filled.to = (struct span){ 0 };
}

/* A row's place in tables and group; what is in it is sealed and copied with the next change. */
static struct err store_make_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, enum tables_place place, struct span *room)
{
	const bool sealed = is_sealed[table];
	const size_t whole = sealed ? seal_bytes(key.bytes, bytes) : bytes;
	struct err err = store_ready(store);

	check(store->batch_open);
	if (failed(err))
		return err;
	store_take_filled(store);
	store->changed = true;
	store->changes += place == TABLES_ANY; /* a new row's pages are admitted */
	err = store_err(store, tables_put_room(store->tables, table, key, whole, place, room));
	if (failed(err))
		return err;
	store->filled.from = *room;
	store->filled.key_bytes = key.bytes;
	store->filled.sealed = sealed;
	if (sealed)
		*room = seal_begin(*room, (uint8_t)table, key, store->journal.number);
	if (store_has_journal(store))
		store->filled.to =
		        journal_group_add_room(&store->group, (uint8_t)table, key, whole);
	return err_ok();
}

struct err store_put_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	return store_make_room(store, table, key, bytes, TABLES_NEW, room);
}

struct err store_append_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	return store_make_room(store, table, key, bytes, TABLES_LAST, room);
}

struct err store_put(
        struct store *store, enum store_table table, struct view key, struct view value)
{
	struct span room;
	const struct err err = store_make_room(store, table, key, value.bytes, TABLES_ANY, &room);

	if (!failed(err) && value.bytes > 0)
		memcpy(room.data, value.data, value.bytes);
	return err;
}

static void store_record(struct store *store, const struct journal_change *change)
{
	store->changed = true;
	store->changes++;
	if (store_has_journal(store))
		journal_group_add(&store->group, change);
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

	check(store->batch_open);
	if (failed(err))
		return err;
	store_take_filled(store);
	store_record(store, &change);
	return store_err(store, tables_delete_all(store->tables, table, prefix));
}

/* Reading. */

static struct err store_read(struct store *store, enum store_table table, enum tables_way way,
        struct view key, struct store_row *row)
{
	struct err err = store_ready(store);
	struct seal seal;

	*row = (struct store_row){ 0 };
	if (failed(err))
		return err;
	store_take_filled(store);
	err = store_err(store, tables_read(store->tables, table, way, key, row));
	if (failed(err) || !is_sealed[table])
		return err;
	const bool whole = seal_read(row->value, store->secret, &seal) &&
	                   seal.table == (uint8_t)table && view_equal(seal.key, row->key) &&
	                   seal_bytes(seal.key.bytes, seal.value.bytes) == row->value.bytes;
	row->value = whole ? seal.value : view_from(NULL, 0);
	return whole ? err_ok() : err_make(ERR_FORMAT, 0);
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
