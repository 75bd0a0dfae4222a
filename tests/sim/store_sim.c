#include "tests/sim/disk.h"

#include "queue/base/check.h"

#include <errno.h>
#include <stdlib.h>

struct disk sim_disk;

static const struct disk_table *store_rows(const struct store *store, enum store_table table);

struct store {
	struct store_settings settings;
	struct disk_state batch;
	bool open;    /* a batch is */
	bool changed; /* by the open batch */
	uint64_t batch_pages;
	uint64_t map_bytes;
	bool full;
	struct err broken; /* sticky */
	struct store_row last[TABLE_COUNT];
};

/* The disk */

static void disk_forget(void)
{
	while (sim_disk.last_row != NULL) {
		struct disk_row *row = sim_disk.last_row;
		sim_disk.last_row = row->before;
		free(row);
	}
	for (int i = 0; i < TABLE_COUNT; i++) {
		free(sim_disk.durable.tables[i].memory);
		free(sim_disk.current.tables[i].memory);
	}
}

void disk_reset(uint64_t seed)
{
	disk_forget();
	sim_disk = (struct disk){ .weather.pages = UINT64_MAX };
	random_seed(&sim_disk.random, seed);
}

static bool disk_draw(double probability)
{
	return probability > 0 && random_unit(&sim_disk.random) < probability;
}

static int key_compare(struct view a, struct view b)
{
	const size_t bytes = a.bytes < b.bytes ? a.bytes : b.bytes;
	const int order = bytes == 0 ? 0 : memcmp(a.data, b.data, bytes);

	if (order != 0)
		return order;
	return a.bytes < b.bytes ? -1 : a.bytes > b.bytes;
}

size_t disk_seek(const struct disk_table *table, struct view key)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (key_compare(table->rows[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool table_has(const struct disk_table *table, size_t at, struct view key)
{
	return at < table->count && key_compare(table->rows[at]->key, key) == 0;
}

const struct disk_row *disk_find(
        const struct disk_state *state, enum store_table table, struct view key)
{
	const struct disk_table *rows = &state->tables[table];
	const size_t at = disk_seek(rows, key);

	return table_has(rows, at, key) ? rows->rows[at] : NULL;
}

/* Only the order of size matters: a page for each large row, and a tenth of one for others. */
uint64_t disk_pages(const struct disk_state *state)
{
	uint64_t pages = state->tables[TABLE_BODIES].count;

	for (int i = 0; i < TABLE_COUNT; i++)
		pages += state->tables[i].count / 10 + 1;
	return pages;
}

static void table_copy(struct disk_table *to, const struct disk_table *from)
{
	to->rows = to->memory;
	if (to->room < from->count) {
		to->room = from->count + 64;
		to->memory = realloc(to->memory, to->room * sizeof(struct disk_row *));
		check(to->memory != NULL);
		to->rows = to->memory;
	}
	if (from->count > 0)
		memcpy(to->rows, from->rows, from->count * sizeof(struct disk_row *));
	to->count = from->count;
}

static void state_copy(struct disk_state *to, const struct disk_state *from)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		table_copy(&to->tables[i], &from->tables[i]);
}

/* Room for one more behind the last: at the end of its memory, rows move to where that begins. */
static void table_make_room(struct disk_table *table)
{
	const size_t before = table->memory == NULL ? 0 : (size_t)(table->rows - table->memory);

	if (before + table->count < table->room)
		return;
	if (before > table->count) {
		memcpy(table->memory, table->rows, table->count * sizeof(struct disk_row *));
		table->rows = table->memory;
		return;
	}
	table->room = table->room * 2 + 64;
	struct disk_row **memory = malloc(table->room * sizeof(struct disk_row *));
	check(memory != NULL);
	if (table->count > 0)
		memcpy(memory, table->rows, table->count * sizeof(struct disk_row *));
	free(table->memory);
	table->memory = memory;
	table->rows = memory;
}

static void table_insert(struct disk_table *table, size_t at, struct disk_row *row)
{
	check(table->count < (sim_disk.calm ? DISK_ROWS_CALM_MAX : DISK_ROWS_MAX));
	table_make_room(table);
	memmove(&table->rows[at + 1], &table->rows[at],
	        (table->count - at) * sizeof(struct disk_row *));
	table->rows[at] = row;
	table->count++;
}

static void table_remove(struct disk_table *table, size_t at)
{
	if (sim_disk.calm)
		free(table->rows[at]);
	table->count--;
	if (at < table->count / 2) {
		memmove(table->rows + 1, table->rows, at * sizeof(struct disk_row *));
		table->rows++;
		return;
	}
	memmove(&table->rows[at], &table->rows[at + 1],
	        (table->count - at) * sizeof(struct disk_row *));
}

static struct disk_row *row_new(struct view key, size_t bytes)
{
	struct disk_row *row = malloc(sizeof *row + key.bytes + bytes);

	check(row != NULL);
	char *memory = (char *)(row + 1);
	memcpy(memory, key.data, key.bytes);
	row->key = view_from(memory, key.bytes);
	row->value = (struct span){ memory + key.bytes, bytes };
	row->before = NULL;
	if (!sim_disk.calm) {
		row->before = sim_disk.last_row;
		sim_disk.last_row = row;
	}
	return row;
}

static void disk_make_durable(const struct disk_state *state)
{
	state_copy(&sim_disk.durable, state);
	if (sim_disk.committed != NULL)
		sim_disk.committed(sim_disk.owner, state);
}

void disk_power_off(void)
{
	state_copy(&sim_disk.current, &sim_disk.durable);
	sim_disk.user = NULL;
}

/* Opening */

struct err store_open(
        struct store **result, const char *path, const struct store_settings *settings)
{
	(void)path; /* there is one disk */
	if (sim_disk.user != NULL)
		return err_make(ERR_EXISTS, EWOULDBLOCK);
	struct store *store = calloc(1, sizeof *store);
	check(store != NULL);
	store->settings = *settings;
	store->map_bytes = settings->map_bytes;
	sim_disk.user = store;
	*result = store;
	return err_ok();
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	check(!store->open);
	check(sim_disk.user == store);
	if (!sim_disk.calm)
		disk_make_durable(&sim_disk.current);
	sim_disk.user = NULL;
	for (int i = 0; i < TABLE_COUNT; i++)
		free(store->batch.tables[i].memory);
	free(store);
}

bool store_is_broken(const struct store *store)
{
	return failed(store->broken);
}

/* A batch */

struct err store_begin(struct store *store)
{
	check(!store->open);
	if (failed(store->broken))
		return store->broken;
	if (sim_disk.plant == DISK_ANSWERS_EARLY)
		disk_make_durable(&sim_disk.current);
	if (!sim_disk.calm)
		state_copy(&store->batch, &sim_disk.current);
	store->batch_pages = 0;
	store->changed = false;
	store->open = true;
	return err_ok();
}

void store_abort(struct store *store)
{
	check(!sim_disk.calm || !store->changed); /* it could not be undone */
	store->open = false;
}

static void store_apply(struct store *store)
{
	state_copy(&sim_disk.current, &store->batch);
	sim_disk.commits++;
	if (sim_disk.plant == DISK_ANSWERS_EARLY)
		return;
	if (sim_disk.plant == DISK_FORGETS && random_below(&sim_disk.random, 4) != 0)
		sim_disk.committed(sim_disk.owner, &store->batch);
	else
		disk_make_durable(&store->batch);
}

/* Where it stops in the middle, the meta page has reached the disk, or it has not. */
struct err store_commit(struct store *store)
{
	check(store->open);
	store->open = false;
	if (failed(store->broken))
		return store->broken;
	if (sim_disk.calm) {
		sim_disk.commits++;
		return err_ok();
	}
	if (disk_draw(sim_disk.weather.crash)) {
		if (random_below(&sim_disk.random, 2) == 0)
			store_apply(store);
		sim_disk.crash(sim_disk.owner);
	}
	if (disk_draw(sim_disk.weather.broken)) {
		sim_disk.breaks++;
		store->broken = err_make(ERR_BROKEN, EIO);
		if (random_below(&sim_disk.random, 2) == 0)
			state_copy(&sim_disk.durable, &store->batch);
		return store->broken;
	}
	if (disk_draw(sim_disk.weather.full)) {
		sim_disk.commits_failed++;
		store->full = true;
		return err_make(ERR_NO_SPACE, ENOSPC);
	}
	store_apply(store);
	return err_ok();
}

struct err store_tidy(struct store *store)
{
	return store->broken;
}

bool store_is_tidy(const struct store *store)
{
	(void)store;
	return true;
}

void store_rest(struct store *store)
{
	(void)store;
}

struct err store_admit(struct store *store, uint64_t pages, bool urgent)
{
	check(store->open);
	if (failed(store->broken))
		return store->broken;
	const uint64_t used = disk_pages(&sim_disk.current) + store->batch_pages + pages;
	const uint64_t reserve = store->settings.reserve_bytes / 4096;
	if (sim_disk.weather.pages != UINT64_MAX &&
	        used + (urgent ? 0 : reserve) > sim_disk.weather.pages) {
		store->full = true;
		return err_make(ERR_NO_SPACE, 0);
	}
	store->batch_pages += pages;
	store->full = false;
	return err_ok();
}

struct err store_admit_spare(struct store *store, uint64_t pages)
{
	const bool full = store->full;
	const struct err err = store_admit(store, pages, false);

	store->full = full;
	return err;
}

/* What is gone is room at once. */
bool store_would_gain(struct store *store)
{
	(void)store;
	return false;
}

/* Where pages count, a row is one. */
size_t store_row_bytes(const struct store *store)
{
	check(store->open);
	return sim_disk.weather.pages == UINT64_MAX ? STORE_ROW_BYTES_MAX : STORE_PAGE_BYTES;
}

bool store_has_room(struct store *store, uint64_t bytes)
{
	if (failed(store_begin(store)))
		return false;
	const bool room = !failed(store_admit(store, bytes / STORE_PAGE_BYTES + 1, false));
	store_abort(store);
	return room;
}

/* Changing */

static struct err store_may_change(struct store *store)
{
	check(store->open || failed(store->broken));
	if (failed(store->broken))
		return store->broken;
	if (!disk_draw(sim_disk.weather.grow))
		return err_ok();
	store_abort(store);
	store->map_bytes *= 2;
	return err_make(ERR_AGAIN, 0);
}

static struct disk_table *store_changed_rows(struct store *store, enum store_table table)
{
	store->changed = true;
	return &(sim_disk.calm ? &sim_disk.current : &store->batch)->tables[table];
}

static void store_set(struct store *store, enum store_table table, struct disk_row *row)
{
	struct disk_table *rows = store_changed_rows(store, table);
	const size_t at = disk_seek(rows, row->key);

	if (table_has(rows, at, row->key)) {
		if (sim_disk.calm)
			free(rows->rows[at]);
		rows->rows[at] = row;
	} else {
		table_insert(rows, at, row);
	}
}

struct err store_put(
        struct store *store, enum store_table table, struct view key, struct view value)
{
	const struct err err = store_may_change(store);

	if (failed(err))
		return err;
	if (sim_disk.plant == DISK_DROPS_JOBS && table == TABLE_JOBS &&
	        disk_find(&store->batch, table, key) != NULL)
		return store_delete(store, table, key);
	struct disk_row *row = row_new(key, value.bytes);
	memcpy(row->value.data, value.data, value.bytes);
	store_set(store, table, row);
	return err_ok();
}

struct err store_put_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	const struct err err = store_may_change(store);

	if (failed(err))
		return err;
	check(sim_disk.calm || disk_find(&store->batch, table, key) == NULL); /* ids are new */
	struct disk_row *row = row_new(key, bytes);
	store_set(store, table, row);
	*room = row->value;
	return err_ok();
}

struct err store_append_room(struct store *store, enum store_table table, struct view key,
        size_t bytes, struct span *room)
{
	const struct disk_table *rows = store_rows(store, table);

	check(rows->count == 0 || key_compare(rows->rows[rows->count - 1]->key, key) < 0);
	const struct err err = store_put_room(store, table, key, bytes, room);
	if (!failed(err) && sim_disk.plant == DISK_DROPS_TRACE &&
	        random_below(&sim_disk.random, 4) == 0)
		return store_delete(store, table, key);
	return err;
}

struct err store_delete(struct store *store, enum store_table table, struct view key)
{
	const struct err err = store_may_change(store);

	if (failed(err))
		return err;
	struct disk_table *rows = store_changed_rows(store, table);
	const size_t at = disk_seek(rows, key);
	if (!table_has(rows, at, key))
		return err_make(ERR_NOT_FOUND, 0);
	table_remove(rows, at);
	return err_ok();
}

struct err store_delete_all(struct store *store, enum store_table table, struct view prefix)
{
	const struct err err = store_may_change(store);

	if (failed(err))
		return err;
	struct disk_table *rows = store_changed_rows(store, table);
	const size_t at = disk_seek(rows, prefix);
	while (at < rows->count &&
	        view_equal(view_first(rows->rows[at]->key, prefix.bytes), prefix))
		table_remove(rows, at);
	return err_ok();
}

/* Reading */

static const struct disk_table *store_rows(const struct store *store, enum store_table table)
{
	const bool batch = store->open && !sim_disk.calm;

	return &(batch ? &store->batch : &sim_disk.current)->tables[table];
}

static struct err store_give(
        struct store *store, enum store_table table, size_t at, struct store_row *row)
{
	const struct disk_table *rows = store_rows(store, table);

	if (failed(store->broken))
		return store->broken;
	if (at >= rows->count)
		return err_make(ERR_NOT_FOUND, 0);
	const struct disk_row *found = rows->rows[at];
	*row = (struct store_row){ found->key, view_from(found->value.data, found->value.bytes) };
	store->last[table] = *row;
	return err_ok();
}

struct err store_get(
        struct store *store, enum store_table table, struct view key, struct view *value)
{
	const struct disk_table *rows = store_rows(store, table);
	const size_t at = disk_seek(rows, key);
	struct store_row row;
	const struct err err =
	        store_give(store, table, table_has(rows, at, key) ? at : SIZE_MAX, &row);

	if (!failed(err))
		*value = row.value;
	return err;
}

struct err store_seek(
        struct store *store, enum store_table table, struct view key, struct store_row *row)
{
	return store_give(store, table, disk_seek(store_rows(store, table), key), row);
}

struct err store_next(struct store *store, enum store_table table, struct store_row *row)
{
	const struct disk_table *rows = store_rows(store, table);
	const struct view key = store->last[table].key;
	const size_t at = disk_seek(rows, key);

	return store_give(store, table, table_has(rows, at, key) ? at + 1 : at, row);
}

struct err store_counts(struct store *store, struct store_counts *counts)
{
	check(!store->open);
	*counts = (struct store_counts){
		.file_bytes = disk_pages(&sim_disk.current) * 4096,
		.map_bytes = store->map_bytes,
		.full = store->full,
	};
	for (int i = 0; i < TABLE_COUNT; i++)
		counts->rows[i] = sim_disk.current.tables[i].count;
	return store->broken;
}

uint64_t store_row_count(const struct store *store, enum store_table table)
{
	(void)store;
	return sim_disk.current.tables[table].count;
}

/* As the real one has it where rows are small. */
uint64_t store_table_bytes(struct store *store, enum store_table table)
{
	return store_rows(store, table)->count * 4096;
}
