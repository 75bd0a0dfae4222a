#include "disk_faults.h"
#include "queue/base/random.h"
#include "queue/store.h"
#include "queue/store_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define RESERVE (UINT64_C(1) << 20)

static char path[32];
static struct store *store;

static void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static void open_store(void)
{
	const struct store_settings settings = {
		.map_bytes = 1 << 26,
		.reserve_bytes = RESERVE,
	};

	assert_ok(store_open(&store, path, &settings));
}

static void close_store(void)
{
	store_close(MOVE(store));
}

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	snprintf(path, sizeof path, "store-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	open_store();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal", "" };
	char name[64];

	disk = (struct disk_faults){ 0 };
	close_store();
	for (size_t i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "%s/%s", path, files[i]);
		(void)remove(name);
	}
	return 0;
}

static void put(enum store_table table, const char *key, const char *value)
{
	assert_ok(store_put(store, table, view_of(key), view_of(value)));
}

static bool has(enum store_table table, const char *key, const char *wanted)
{
	struct view value;

	return !failed(store_get(store, table, view_of(key), &value)) &&
	       view_equal(value, view_of(wanted));
}

static void test_rows(void **state)
{
	(void)state;
	struct store_row row;
	struct span room;

	assert_ok(store_begin(store));
	put(TABLE_JOBS, "b", "2");
	put(TABLE_JOBS, "a", "1");
	put(TABLE_JOBS, "a", "one");
	put(TABLE_DUE, "a", "");
	assert_ok(store_put_room(store, TABLE_BODIES, VIEW("x"), 3, &room));
	memcpy(room.data, "abc", 3);
	assert_true(has(TABLE_JOBS, "a", "one")); /* in the batch */
	assert_ok(store_commit(store));
	assert_true(has(TABLE_BODIES, "x", "abc"));

	assert_ok(store_seek(store, TABLE_JOBS, VIEW("aa"), &row));
	assert_true(view_equal(row.key, VIEW("b")));
	assert_int_equal(store_next(store, TABLE_JOBS, &row).code, ERR_NOT_FOUND);
	assert_ok(store_seek(store, TABLE_JOBS, VIEW("a"), &row));
	assert_ok(store_next(store, TABLE_JOBS, &row));
	assert_true(view_equal(row.value, VIEW("2")));

	assert_ok(store_begin(store));
	assert_ok(store_delete(store, TABLE_JOBS, VIEW("a")));
	assert_int_equal(store_delete(store, TABLE_JOBS, VIEW("a")).code, ERR_NOT_FOUND);
	store_abort(store);
	assert_true(has(TABLE_JOBS, "a", "one"));
	struct store_counts counts;
	assert_ok(store_counts(store, &counts));
	assert_int_equal(counts.rows[TABLE_JOBS], 2);
	assert_int_equal(store_row_count(store, TABLE_JOBS), 2);
	assert_int_equal(counts.rows[TABLE_DUE], 1);
}

static void test_delete_all(void **state)
{
	(void)state;
	char key[16];

	assert_ok(store_begin(store));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%c%04d", 'a' + i % 3, i);
		put(TABLE_BODIES, key, key);
	}
	assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("b")));
	assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("d")));
	assert_ok(store_commit(store));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%c%04d", 'a' + i % 3, i);
		assert_int_equal(has(TABLE_BODIES, key, key), i % 3 != 1);
	}
	assert_ok(store_begin(store));
	assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("c")));
	assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("a")));
	assert_ok(store_commit(store));
	struct store_counts counts;
	assert_ok(store_counts(store, &counts));
	assert_int_equal(counts.rows[TABLE_BODIES], 0);
}

/* One batch with pages of many kinds; the value tells it from the one before. */
static struct err write_batch(const char *value)
{
	char key[16];
	struct err err = store_begin(store);

	for (int i = 0; i < 200 && !failed(err); i++) {
		snprintf(key, sizeof key, "%d", i);
		err = store_put(store, i % TABLE_COUNT, view_of(key), view_of(value));
	}
	if (failed(err)) {
		store_abort(store);
		return err;
	}
	return store_commit(store);
}

static void assert_all(const char *value)
{
	char key[16];

	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof key, "%d", i);
		assert_true(has(i % TABLE_COUNT, key, value));
	}
}

/* Every write and sync of a commit fails in turn. What was committed stays; what was not is not
 * there; and only a page that could not be written for want of space lets the store go on. */
static void fail_the_nth(int error)
{
	for (uint64_t nth = 1;; nth++) {
		assert_ok(write_batch("old"));
		disk = (struct disk_faults){ .fail_at = nth, .error = error };
		const struct err err = write_batch("new");
		if (!disk.hit) {
			assert_ok(err);
			assert_true(nth > 3); /* pages, sync, meta */
			return;
		}
		const bool goes_on = error == ENOSPC && disk.kind == DISK_DATA;
		assert_int_equal(err.code, goes_on ? ERR_NO_SPACE : ERR_BROKEN);
		assert_int_equal(err.detail, error);
		assert_int_equal(store_is_broken(store), !goes_on);
		disk = (struct disk_faults){ 0 };
		if (goes_on) {
			assert_all("old");
			continue;
		}
		struct view value;
		assert_int_equal(store_begin(store).code, ERR_BROKEN);
		assert_int_equal(store_get(store, TABLE_JOBS, VIEW("1"), &value).code, ERR_BROKEN);
		close_store();
		open_store();
		assert_all("old");
	}
}

static void test_failing_disk_is_final(void **state)
{
	(void)state;
	fail_the_nth(EIO);
}

static void test_full_disk_is_not(void **state)
{
	(void)state;
	fail_the_nth(ENOSPC);
}

/* The reserve: with no block left, batches that free space go on, any number of them. */
static void test_reserve(void **state)
{
	(void)state;
	char key[16];
	int rows = 0;
	struct span room;
	struct store_counts counts;

	assert_ok(store_counts(store, &counts));
	close_store();
	disk.capacity = counts.file_bytes + 4 * RESERVE;
	open_store();
	for (struct err err = err_ok(); !failed(err); rows++) {
		assert_ok(store_begin(store));
		err = store_admit(store, 20, false);
		if (failed(err)) {
			assert_int_equal(err.code, ERR_NO_SPACE);
			assert_ok(store_admit(store, 20, true)); /* an urgent one */
			store_abort(store);
			break;
		}
		snprintf(key, sizeof key, "%06d", rows);
		for (int i = 0; i < 10 && !failed(err); i++) {
			char name[32];
			snprintf(name, sizeof name, "%s-%d", key, i);
			assert_ok(store_put_room(
			        store, TABLE_BODIES, view_of(name), STORE_PAGE_BYTES, &room));
			memset(room.data, 'b', room.bytes);
		}
		assert_ok(store_commit(store));
	}
	assert_true(rows > 20);
	assert_false(store_has_room(store, 100000));
	assert_ok(store_counts(store, &counts));
	assert_true(counts.full);

	/* Settles without end: one row is rewritten, one message goes. */
	for (int i = 0; i < rows; i++) {
		assert_ok(store_begin(store));
		put(TABLE_JOBS, "1", i % 2 == 0 ? "even" : "odd");
		snprintf(key, sizeof key, "%06d", i);
		assert_ok(store_delete_all(store, TABLE_BODIES, view_of(key)));
		assert_ok(store_commit(store));
	}
	/* What they freed is room for new mail, though the disk is as full as before. */
	assert_true(store_has_room(store, 100000));
	assert_ok(store_counts(store, &counts));
	assert_true(counts.file_bytes <= disk.capacity);
	disk.capacity = 0;
	assert_true(store_has_room(store, 100000000));
	assert_ok(store_counts(store, &counts));
	assert_false(counts.full);
}

static void test_room(void **state)
{
	(void)state;
	struct store_room room;
	const int fd = open(path, O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	disk.capacity = 100 << 20;
	store_room_init(&room, fd, 4096, 8192);
	assert_int_equal(room.allocated, 4096 + 8192 + ROOM_STEP_BYTES);
	assert_true(store_room_ensure(&room, 4096, 50 << 20));
	assert_int_equal(room.allocated, (50 << 20) + ROOM_STEP_BYTES);
	assert_true(store_room_ensure(&room, 4096, 99 << 20)); /* just that, without the step */
	assert_int_equal(room.allocated, 99 << 20);
	assert_false(store_room_ensure(&room, 4096, 101 << 20));
	assert_true(room.full);
	assert_true(store_room_ensure(&room, 4096, 99 << 20));
	assert_true(store_room_ensure(&room, 4096, 100 << 20));
	assert_false(room.full);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0); /* the length is not touched */

	store_room_distrust(&room, 50 << 20);
	assert_true(room.full);
	assert_true(store_room_ensure(&room, 4096, 60 << 20));
	assert_false(room.full);
	assert_true(store_room_ensure(&room, 4096, 100 << 20));

	/* Without allocation ahead, free space counts, each time anew. */
	assert_false(room.unsure);
	disk.no_allocate = true;
	assert_true(store_room_ensure(&room, 4096, 101 << 20));
	assert_true(room.unsure);
	assert_false(store_room_ensure(&room, 4096, UINT64_C(1) << 60));
	assert_true(store_room_ensure(&room, 4096, 101 << 20));
	assert_false(room.full);
	disk.no_blocks = true;
	assert_false(store_room_ensure(&room, 4096, 8192));
	assert_true(room.full);
	assert_true(store_room_ensure(&room, 4096, 4096));
	/* Nor are blocks of use where what is rewritten needs others. */
	disk.no_allocate = false;
	disk.copies = true;
	store_room_init(&room, fd, 4096, 8192);
	assert_true(room.unsure);
	assert_int_equal(room.allocated, 4096);
	close(fd);
}

static void test_probe(void **state)
{
	(void)state;
	const int folder = open(path, O_RDONLY | O_DIRECTORY);

	assert_true(folder >= 0);
	assert_int_equal(store_room_probe(folder, 100000), PROBE_WRITTEN);
	disk.capacity = 1 << 20;
	assert_int_equal(store_room_probe(folder, 100000), PROBE_FULL);
	disk.capacity = 0;
	/* Each of its writes, and its sync. */
	const uint64_t writes = (100000 + 8191) / 8192;
	for (uint64_t nth = 1; nth <= writes + 1; nth++) {
		disk = (struct disk_faults){ .fail_at = nth, .error = EIO };
		assert_int_equal(store_room_probe(folder, 100000), PROBE_FAILED);
		disk = (struct disk_faults){ .fail_at = nth, .error = EDQUOT };
		assert_int_equal(store_room_probe(folder, 100000), PROBE_FULL);
	}
	disk = (struct disk_faults){ 0 };
	assert_int_equal(faccessat(folder, "probe", F_OK, 0), -1);
	close(folder);
	assert_int_equal(store_room_probe(-1, 1), PROBE_FAILED);
}

/* LMDB gives a write that was cut short the name of an I/O error; it is final only where the disk
 * has room. */
static void test_cut_write(void **state)
{
	struct store_counts counts;
	int batches = 0;
	struct err err = err_ok();

	(void)state;
	assert_ok(write_batch("old"));
	close_store();
	disk.no_allocate = true;
	open_store();
	assert_ok(store_counts(store, &counts));
	assert_true(counts.unsure);
	disk.cut = true;
	/* In the middle of a page, of a row of pages, or just behind one. */
	for (uint64_t more = 512; more < 40000; more += 4321) {
		assert_ok(store_counts(store, &counts));
		disk.capacity = counts.file_bytes + more;
		for (batches = 0; !failed(err); batches++) {
			struct span room;
			char key[48];
			snprintf(key, sizeof key, "%lu-%d", (unsigned long)more, batches);
			assert_ok(store_begin(store));
			assert_ok(store_put_room(store, TABLE_BODIES, view_of(key), 20000, &room));
			memset(room.data, 'b', room.bytes);
			err = store_commit(store);
			assert_true(batches < 100);
		}
		assert_int_equal(err.code, ERR_NO_SPACE);
		assert_false(store_is_broken(store));
		assert_all("old");
		assert_ok(store_counts(store, &counts));
		assert_true(counts.full);
		err = err_ok();
	}
	disk = (struct disk_faults){ .no_allocate = true };
	assert_ok(write_batch("new"));
	assert_all("new");
	/* And with room on the disk it is the disk's fault. */
	assert_ok(store_counts(store, &counts));
	disk = (struct disk_faults){ .fail_at = 1, .error = EIO };
	assert_int_equal(write_batch("old").code, ERR_BROKEN);
}

static void test_no_blocks_ahead(void **state)
{
	struct store_counts counts;

	(void)state;
	close_store();
	disk.no_allocate = true;
	open_store();
	assert_true(store_has_room(store, 100000));
	disk.no_blocks = true;
	assert_false(store_has_room(store, 100000));
	assert_ok(store_counts(store, &counts));
	assert_true(counts.full);
	disk.no_blocks = false;
	assert_true(store_has_room(store, 100000));
	assert_ok(store_counts(store, &counts));
	assert_false(counts.full);
}

static void test_opens_on_a_full_disk(void **state)
{
	(void)state;
	struct store_counts counts;

	assert_ok(write_batch("old"));
	assert_ok(store_counts(store, &counts));
	close_store();
	disk.capacity = counts.file_bytes;
	open_store();
	assert_all("old");
	assert_false(store_has_room(store, 100000));
}

/* The journal: whatever batches did, it is there after a crash at any moment between two of them,
 * be it in the tables by then or not. */

#define KEYS    60
#define BATCHES 400

struct model {
	uint32_t values[KEYS]; /* 0: no such row */
};

static size_t value_bytes(uint32_t value)
{
	return value % 7 == 0 ? 5000 + value % 9000 : 4 + value % 50;
}

static void check_rows(struct store *of, const struct model *model)
{
	for (int i = 0; i < KEYS; i++) {
		char key[16];
		struct view row;
		uint32_t value = 0;
		snprintf(key, sizeof key, "%c%d", 'a' + i % 4, i);
		const struct err err = store_get(of, i % TABLE_COUNT, view_of(key), &row);
		if (model->values[i] == 0) {
			assert_int_equal(err.code, ERR_NOT_FOUND);
			continue;
		}
		assert_ok(err);
		assert_int_equal(row.bytes, value_bytes(model->values[i]));
		memcpy(&value, row.data, sizeof value);
		assert_int_equal(value, model->values[i]);
		if (row.bytes > 64)
			assert_int_equal(row.data[row.bytes - 1], (char)value);
	}
}

static struct err change_row(struct model *model, int i, uint32_t value, int how)
{
	static char room[20000];
	char key[16];
	struct span span = { room, value_bytes(value) };
	const enum store_table table = i % TABLE_COUNT;
	struct err err = err_ok();

	snprintf(key, sizeof key, "%c%d", 'a' + i % 4, i);
	if (how == 0 && model->values[i] != 0) {
		err = store_delete(store, table, view_of(key));
		model->values[i] = 0;
		return err;
	}
	if (how == 1) {
		for (int j = 0; j < KEYS; j++)
			if (j % 4 == i % 4 && j % TABLE_COUNT == i % TABLE_COUNT)
				model->values[j] = 0;
		key[1] = '\0';
		return store_delete_all(store, table, view_of(key));
	}
	if (model->values[i] == 0)
		err = store_put_room(store, table, view_of(key), span.bytes, &span);
	if (failed(err))
		return err;
	memset(span.data, (int)value, span.bytes);
	memcpy(span.data, &value, sizeof value);
	if (model->values[i] != 0)
		err = store_put(store, table, view_of(key), view_from(span.data, span.bytes));
	model->values[i] = value;
	return err;
}

/* One batch; on a map that had to grow, once more, as the spooler does. */
static void random_batch(struct model *model, struct random *random, uint32_t *value)
{
	const struct random start = *random;
	const bool aborts = random_below(random, 5) == 0;
	struct model next = *model;
	struct err err = store_begin(store);

	assert_ok(err);
	for (uint64_t changes = random_below(random, 12); changes > 0 && !failed(err); changes--)
		err = change_row(&next, (int)random_below(random, KEYS), ++*value,
		        (int)random_below(random, 8));
	if (err.code == ERR_AGAIN) {
		store_abort(store);
		check_rows(store, model);
		*random = start;
		random_batch(model, random, value);
		return;
	}
	assert_ok(err);
	check_rows(store, &next);
	if (aborts) {
		store_abort(store);
	} else {
		assert_ok(store_commit(store));
		*model = next;
	}
	check_rows(store, model);
}

/* As a crash would leave it; what the page cache has, a disk has that keeps its promises. */
static void check_copy(const struct model *model)
{
	const struct store_settings settings = { .map_bytes = 1 << 20, .reserve_bytes = RESERVE };
	static const char *const files[] = { "data.mdb", "journal", "lock.mdb", "lock" };
	struct store *copy = NULL;
	char name[64];
	char command[320];

	assert_int_equal(mkdir("store-copy", 0700), 0);
	snprintf(command, sizeof command, "cp %s/data.mdb %s/journal store-copy", path, path);
	assert_int_equal(system(command), 0);
	assert_ok(store_open(&copy, "store-copy", &settings));
	check_rows(copy, model);
	store_close(copy);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "store-copy/%s", files[i]);
		(void)remove(name);
	}
	assert_int_equal(rmdir("store-copy"), 0);
}

static void test_journal(void **state)
{
	const struct store_settings settings = {
		.map_bytes = 1 << 20,
		.reserve_bytes = RESERVE,
		.journal_bytes = 1 << 20,
	};
	struct model model = { 0 };
	struct random random;
	uint32_t value = 0;
	bool was_tidy = true;
	int checkpoints = 0;

	(void)state;
	close_store();
	assert_ok(store_open(&store, path, &settings));
	random_seed(&random, 7);
	for (int i = 0; i < BATCHES; i++) {
		random_batch(&model, &random, &value);
		checkpoints += !was_tidy && store_is_tidy(store);
		was_tidy = store_is_tidy(store);
		if (random_below(&random, 20) == 0)
			check_copy(&model);
		if (random_below(&random, 40) == 0) {
			assert_ok(store_tidy(store));
			assert_true(store_is_tidy(store));
			check_rows(store, &model);
		}
		if (random_below(&random, 60) == 0) {
			close_store();
			assert_ok(store_open(&store, path, &settings));
			check_rows(store, &model);
		}
	}
	assert_true(checkpoints > 0);
}

/* More than a group holds goes into the tables at once. */
static void test_large_batch(void **state)
{
	const struct store_settings settings = {
		.map_bytes = 1 << 20,
		.reserve_bytes = RESERVE,
		.journal_bytes = 16 << 20,
	};
	struct model model = { 0 };
	struct span room;
	struct err err;

	(void)state;
	close_store();
	assert_ok(store_open(&store, path, &settings));
	assert_ok(store_begin(store));
	assert_ok(change_row(&model, 5, 1, 2));
	assert_ok(store_commit(store));
	assert_false(store_is_tidy(store));
	do {
		assert_ok(store_begin(store));
		err = store_put_room(store, TABLE_BODIES, VIEW("large"), 9 << 20, &room);
		if (!failed(err)) {
			memset(room.data, 'l', room.bytes);
			err = store_commit(store);
		} else {
			store_abort(store);
		}
	} while (err.code == ERR_AGAIN);
	assert_ok(err);
	assert_true(store_is_tidy(store));
	check_copy(&model);
	struct view large;
	assert_ok(store_get(store, TABLE_BODIES, VIEW("large"), &large));
	assert_int_equal(large.data[large.bytes - 1], 'l');
}

/* A journal that was damaged is not passed over. */
static void test_damaged_journal(void **state)
{
	const struct store_settings settings = {
		.map_bytes = 1 << 26,
		.reserve_bytes = RESERVE,
		.journal_bytes = 1 << 20,
	};
	struct model model = { 0 };
	struct store *copy = NULL;
	char command[320];

	(void)state;
	close_store();
	assert_ok(store_open(&store, path, &settings));
	for (int i = 0; i < 3; i++) {
		assert_ok(store_begin(store));
		assert_ok(change_row(&model, i, 1, 2));
		assert_ok(store_commit(store));
	}
	snprintf(command, sizeof command,
	        "mkdir store-copy && cp %s/data.mdb %s/journal store-copy && "
	        "printf bad | dd of=store-copy/journal conv=notrunc status=none",
	        path, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(store_open(&copy, "store-copy", &settings).code, ERR_FORMAT);
	assert_int_equal(system("rm -r store-copy"), 0);
}

int main(void)
{
#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_rows),
		STORE_TEST(test_delete_all),
		STORE_TEST(test_failing_disk_is_final),
		STORE_TEST(test_full_disk_is_not),
		STORE_TEST(test_reserve),
		STORE_TEST(test_room),
		STORE_TEST(test_probe),
		STORE_TEST(test_cut_write),
		STORE_TEST(test_no_blocks_ahead),
		STORE_TEST(test_opens_on_a_full_disk),
		STORE_TEST(test_journal),
		STORE_TEST(test_large_batch),
		STORE_TEST(test_damaged_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
