#include "disk_faults.h"
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
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "" };
	char name[64];

	disk = (struct disk_faults){ 0 };
	close_store();
	for (size_t i = 0; i < 4; i++) {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
