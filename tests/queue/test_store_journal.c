/* The journal before the tables: what the store says and does where the two meet, on disks that
 * fail, lie and fill up. */
#include "disk_faults.h"
#include "queue/journal.h"
#include "queue/seal.h"
#include "queue/store.h"
#include "queue/store_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define RESERVE       (UINT64_C(1) << 20)
#define JOURNAL_BYTES (UINT64_C(64) << 20)
#define JOBS          8000

static struct store_settings settings;
static char path[32];
static struct store *store;

static void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static void open_store(void)
{
	assert_ok(store_open(&store, path, &settings));
}

static void close_store(void)
{
	store_close(MOVE(store));
}

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ .hasty = true };
	settings = (struct store_settings){
		.map_bytes = 1 << 28,
		.reserve_bytes = RESERVE,
		.journal_bytes = JOURNAL_BYTES,
	};
	snprintf(path, sizeof path, "store-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	open_store();
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal", "" };
	char name[64];

	(void)state;
	disk = (struct disk_faults){ 0 };
	close_store();
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", path, files[i]);
		(void)remove(name);
	}
	return 0;
}

/* A batch of one row, or of a body. */
static struct err put_row(const char *key, size_t bytes)
{
	struct span room;
	struct err err = store_begin(store);

	if (failed(err))
		return err;
	err = store_admit(store, bytes / STORE_PAGE_BYTES + 4, false);
	if (!failed(err))
		err = store_put_room(store, TABLE_BODIES, view_of(key), bytes, &room);
	if (failed(err)) {
		store_abort(store);
		return err;
	}
	memset(room.data, 'r', room.bytes);
	return store_commit(store);
}

static bool has_row(const char *key)
{
	struct view value;

	return !failed(store_get(store, TABLE_BODIES, view_of(key), &value));
}

/* The store as a crash leaves it: what it would do on its way down does not happen. */
static void crash_store(void)
{
	char command[256];

	snprintf(command, sizeof command,
	        "mkdir journal-copy && cp %s/data.mdb %s/journal journal-copy", path, path);
	assert_int_equal(system(command), 0);
	close_store();
	snprintf(command, sizeof command,
	        "mv journal-copy/data.mdb journal-copy/journal %s && rmdir journal-copy", path);
	assert_int_equal(system(command), 0);
}

/* Nothing was committed since: it knows what is there all the same. */
static void test_rows_are_known_from_the_start(void **state)
{
	(void)state;
	assert_ok(put_row("a", 100));
	close_store();
	open_store(); /* in the tables */
	assert_int_equal(store_row_count(store, TABLE_BODIES), 1);
	assert_ok(put_row("b", 100));
	crash_store();
	open_store(); /* in the journal */
	assert_int_equal(store_row_count(store, TABLE_BODIES), 2);
}

/* A head that can't be read is not the end of the journal. */
static void test_unreadable_head(void **state)
{
	(void)state;
	assert_ok(put_row("a", 100));
	assert_ok(put_row("b", 100));
	crash_store();
	for (uint64_t nth = 1; nth <= 4; nth++) {
		disk = (struct disk_faults){ .read_fails_at = nth, .error = EIO };
		const struct err err = store_open(&store, path, &settings);
		assert_int_equal(err.code, ERR_BROKEN);
		assert_int_equal(err.detail, EIO);
	}
	disk = (struct disk_faults){ 0 };
	open_store();
	assert_true(has_row("a"));
	assert_true(has_row("b"));
}

/* Nor does a batch that is given up cost those before it, if the disk can't give them back. */
static void test_unreadable_after_an_abort(void **state)
{
	(void)state;
	assert_ok(put_row("a", 100));
	assert_ok(put_row("b", 100));
	assert_ok(store_begin(store));
	assert_ok(store_put(store, TABLE_JOBS, VIEW("x"), VIEW("y")));
	store_abort(store);
	disk = (struct disk_faults){ .read_fails_at = 3, .error = EIO };
	assert_int_equal(store_begin(store).code, ERR_BROKEN);
	disk = (struct disk_faults){ 0 };
	close_store();
	open_store();
	assert_true(has_row("a"));
	assert_true(has_row("b"));
}

/* A write that came to the cache and not to the disk, for want of space; and no room in the tables
 * either: who was refused is not there. */
static void test_refused_batch_stays_out(void **state)
{
	(void)state;
	assert_ok(put_row("a", 100));
	disk = (struct disk_faults){ .fail_at = disk.ops + 1, .error = ENOSPC, .fails_late = true };
	disk.capacity = 4096;
	assert_int_equal(put_row("b", 100).code, ERR_NO_SPACE);
	disk = (struct disk_faults){ 0 };
	assert_true(has_row("a"));
	assert_false(has_row("b"));
	assert_ok(put_row("c", 100));
	crash_store();
	open_store();
	assert_true(has_row("a"));
	assert_false(has_row("b"));
	assert_true(has_row("c"));
}

/* A file that once grew to some size keeps it; batches go into the journal all the same. */
static void count_checkpoints(int batches, int most)
{
	int checkpoints = 0;

	for (int i = 0; i < batches; i++) {
		char key[16];
		const bool was_tidy = store_is_tidy(store);
		snprintf(key, sizeof key, "%d", i % 10);
		assert_ok(store_begin(store));
		checkpoints += !was_tidy && store_is_tidy(store);
		assert_ok(store_put(store, TABLE_JOBS, view_of(key), VIEW("value")));
		assert_ok(store_commit(store));
	}
	assert_in_range(checkpoints, 0, most);
}

static void fill_to(uint64_t file_bytes)
{
	struct store_counts counts;
	char key[16];
	int rows = 0;

	do {
		snprintf(key, sizeof key, "row-%d", rows++);
		assert_ok(put_row(key, 100000));
		assert_ok(store_tidy(store));
		assert_ok(store_counts(store, &counts));
	} while (counts.file_bytes < file_bytes);
}

static void test_end_of_allocation(void **state)
{
	(void)state;
	/* The first step and the reserve are allocated from the start. */
	fill_to(ROOM_STEP_BYTES - (UINT64_C(1) << 20));
	count_checkpoints(50, 1);
}

static void test_file_of_the_largest_size(void **state)
{
	(void)state;
	struct store_counts counts;

	close_store();
	settings.bytes_max = UINT64_C(8) << 20;
	open_store();
	fill_to(settings.bytes_max - (UINT64_C(1) << 20));
	assert_ok(store_begin(store));
	assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("row")));
	assert_ok(store_commit(store));
	assert_ok(store_tidy(store));
	assert_ok(store_counts(store, &counts));
	assert_true(counts.file_bytes >= settings.bytes_max - (UINT64_C(1) << 20));
	count_checkpoints(50, 2);
}

/* On a full disk all mail goes, in many batches and one checkpoint; new mail comes into its pages.
 * The last checkpoint's are not to be had by the next: what was let in would find no room. */
static void test_pages_freed_a_moment_ago(void **state)
{
	(void)state;
	struct store_counts counts;
	char key[16];
	int rows = 0;
	int more = 0;

	assert_ok(store_counts(store, &counts));
	close_store();
	disk.capacity = counts.file_bytes + 12 * RESERVE;
	disk.journal_spared = true;
	open_store();
	do
		snprintf(key, sizeof key, "row-%d", rows++);
	while (!failed(put_row(key, 50000)));
	assert_true(rows > 50);
	assert_ok(store_tidy(store));
	for (int i = 0; i < rows; i++) {
		snprintf(key, sizeof key, "row-%d", i);
		assert_ok(store_begin(store));
		assert_ok(store_delete_all(store, TABLE_BODIES, view_of(key)));
		assert_ok(store_commit(store));
	}
	assert_ok(store_tidy(store));
	do
		snprintf(key, sizeof key, "new-%d", more++);
	while (!failed(put_row(key, 50000)));
	assert_ok(store_tidy(store));
	assert_true(more > rows / 2);
	for (int i = 0; i < more - 1; i++) {
		snprintf(key, sizeof key, "new-%d", i);
		assert_true(has_row(key));
	}
}

/* On a full disk whose file has free pages, everything is put off: what that rewrites is more than
 * the reserve and those together. It goes to the tables in pieces. */
static void test_all_is_rewritten(void **state)
{
	(void)state;
	static char value[1000 - SEAL_HEAD_BYTES - 6];
	struct store_counts counts;
	char key[16];
	int rows = 0;

	assert_ok(store_counts(store, &counts));
	close_store();
	disk.capacity = counts.file_bytes + 20 * RESERVE;
	disk.journal_spared = true;
	disk.no_blocks = true;
	open_store();
	for (int i = 0; i < JOBS; i += 50) {
		assert_ok(store_begin(store));
		for (int j = i; j < i + 50; j++) {
			snprintf(key, sizeof key, "%06d", j);
			assert_ok(store_put(
			        store, TABLE_JOBS, view_of(key), view_from(value, sizeof value)));
		}
		assert_ok(store_commit(store));
	}
	assert_ok(store_tidy(store));
	do
		snprintf(key, sizeof key, "row-%d", rows++);
	while (!failed(put_row(key, 50000)));
	assert_ok(store_begin(store));
	for (int i = 0; i < 80; i++) {
		snprintf(key, sizeof key, "row-%d", i);
		assert_ok(store_delete(store, TABLE_BODIES, view_of(key)));
	}
	assert_ok(store_commit(store));
	assert_ok(store_tidy(store));
	for (int i = 0; i < 2 * JOBS; i++) {
		snprintf(key, sizeof key, "%06d", i * 7 % JOBS);
		memset(value, 'a' + i / JOBS, sizeof value);
		if (i % 20 == 0)
			assert_ok(store_begin(store));
		assert_ok(
		        store_put(store, TABLE_JOBS, view_of(key), view_from(value, sizeof value)));
		if (i % 20 == 19)
			assert_ok(store_commit(store));
	}
	assert_ok(store_tidy(store));
}

/* Mail that has come and gone since the last checkpoint is no reason to refuse a large batch. */
static void test_gone_again(void **state)
{
	(void)state;

	close_store();
	settings.bytes_max = UINT64_C(8) << 20;
	open_store();
	for (int i = 0; i < 50; i++) {
		assert_ok(put_row("row", 100000));
		assert_ok(store_begin(store));
		assert_ok(store_delete_all(store, TABLE_BODIES, VIEW("row")));
		assert_ok(store_commit(store));
		assert_true(store_has_room(store, 4 << 20));
	}
}

/* Who copies the spool waits for no longer than a batch. */
static void test_others_may_copy(void **state)
{
	(void)state;
	char command[128];

	assert_ok(put_row("a", 100));
	assert_ok(store_tidy(store));
	assert_true(has_row("a"));
	store_rest(store);
	snprintf(command, sizeof command, "mkdir copy && timeout -s KILL 5 mdb_copy %s copy", path);
	assert_int_equal(system(command), 0);
	assert_int_equal(system("rm -r copy"), 0);
}

int main(void)
{
#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_rows_are_known_from_the_start),
		STORE_TEST(test_unreadable_head),
		STORE_TEST(test_unreadable_after_an_abort),
		STORE_TEST(test_refused_batch_stays_out),
		STORE_TEST(test_end_of_allocation),
		STORE_TEST(test_file_of_the_largest_size),
		STORE_TEST(test_pages_freed_a_moment_ago),
		STORE_TEST(test_all_is_rewritten),
		STORE_TEST(test_gone_again),
		STORE_TEST(test_others_may_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
