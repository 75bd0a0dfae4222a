#include "disk_faults.h"
#include "queue/base/random.h"
#include "queue/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define RESERVE       (UINT64_C(1) << 20)
#define BODIES        400
#define PAGES_MAX     40
#define PAGES_TOUCHED 8 /* as a put admits for what it rewrites */
#define BATCHES       1500

static struct store *store;
static char path[32];

static void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static void open_store(uint64_t bytes_max, uint64_t search_pages)
{
	const struct store_settings settings = {
		.map_bytes = 1 << 26,
		.reserve_bytes = RESERVE,
		.bytes_max = bytes_max,
		.journal_bytes = 4 << 20,
		.search_pages = search_pages,
	};

	assert_ok(store_open(&store, path, &settings));
}

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){ 0 };
	snprintf(path, sizeof path, "scattered-XXXXXX");
	return mkdtemp(path) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal", "" };
	char name[64];

	disk = (struct disk_faults){ 0 };
	store_close(MOVE(store));
	for (size_t i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "%s/%s", path, files[i]);
		(void)remove(name);
	}
	return 0;
}

static struct view body_key(char room[16], int body)
{
	(void)snprintf(room, 16, "%06d.", body);
	return view_of(room);
}

/* In rows as large as the store would have them; how many of them take more than a page. */
static int put_body(int body, size_t bytes)
{
	char key[32];
	int large = 0;

	for (int row = 0; bytes > 0; row++) {
		const size_t most = store_row_bytes(store);
		const size_t taken = bytes < most ? bytes : most;
		struct span room;
		(void)snprintf(key, sizeof key, "%06d.%04d", body, row);
		assert_ok(store_put_room(store, TABLE_BODIES, view_of(key), taken, &room));
		memset(room.data, body, room.bytes);
		large += taken > STORE_PAGE_BYTES;
		bytes -= taken;
	}
	return large;
}

/* Bodies of all sizes come in, as many as there is room for, and go in no order, so that what is
 * free lies scattered. What was admitted must fit, in whatever rows it is put: the journal has
 * promised it by the time that pages are written. */
static void churn(int *large, int *refused)
{
	bool there[BODIES] = { false };
	struct random random;
	char room[16];

	random_seed(&random, 1);
	for (int batch = 0; batch < BATCHES; batch++) {
		const int body = (int)random_below(&random, BODIES);
		const uint64_t pages = 1 + random_below(&random, PAGES_MAX);
		assert_ok(store_begin(store));
		if (there[body]) {
			assert_ok(store_admit(store, PAGES_TOUCHED, true));
			assert_ok(store_delete_all(store, TABLE_BODIES, body_key(room, body)));
			there[body] = false;
		} else if (failed(store_admit(store, pages + PAGES_TOUCHED, false))) {
			(*refused)++;
		} else {
			*large += put_body(body, pages * STORE_PAGE_BYTES);
			there[body] = true;
		}
		assert_ok(store_commit(store));
		if (random_below(&random, 10) == 0)
			assert_ok(store_tidy(store));
	}
	assert_ok(store_tidy(store));
}

static void test_full_disk(void **state)
{
	struct store_counts counts;
	int large = 0;
	int refused = 0;

	(void)state;
	disk.capacity = 12 << 20;
	open_store(0, 0);
	churn(&large, &refused);
	assert_true(large > 100);
	assert_true(refused > 100);
	assert_ok(store_counts(store, &counts));
	assert_true(counts.file_bytes <= disk.capacity);
}

static void test_full_size(void **state)
{
	struct store_counts counts;
	int large = 0;
	int refused = 0;

	(void)state;
	open_store(12 << 20, 0);
	churn(&large, &refused);
	assert_true(large > 100);
	assert_true(refused > 100);
	assert_ok(store_counts(store, &counts));
	/* What is urgent may go beyond: some pages, rewritten by those that free more. */
	assert_true(counts.file_bytes <= (12 << 20) + RESERVE / 2);
}

static void change(int body, size_t bytes)
{
	char room[16];

	assert_ok(store_begin(store));
	assert_ok(store_admit(store, bytes / STORE_PAGE_BYTES + PAGES_TOUCHED, bytes == 0));
	if (bytes > 0)
		(void)put_body(body, bytes);
	else
		assert_ok(store_delete_all(store, TABLE_BODIES, body_key(room, body)));
	assert_ok(store_commit(store));
	assert_ok(store_tidy(store));
}

static size_t row_bytes(void)
{
	assert_ok(store_begin(store));
	assert_ok(store_admit(store, 10, false));
	const size_t bytes = store_row_bytes(store);
	store_abort(store);
	return bytes;
}

/* A list of free pages too long to be searched is used page by page, until it is short. */
static void test_many_free(void **state)
{
	(void)state;
	open_store(0, 3000);
	assert_int_equal(row_bytes(), STORE_ROW_BYTES_MAX);
	for (int body = 0; body < 5; body++)
		change(body, STORE_ROW_BYTES_MAX);
	assert_int_equal(row_bytes(), STORE_ROW_BYTES_MAX);
	for (int body = 0; body < 16; body++) {
		change(5 + body, STORE_ROW_BYTES_MAX);
		assert_int_equal(row_bytes(), STORE_ROW_BYTES_MAX);
	}
	for (int body = 0; body < 21; body++)
		change(body, 0);
	assert_int_equal(row_bytes(), STORE_PAGE_BYTES);
	for (int body = 0; body < 19; body++)
		change(body, STORE_ROW_BYTES_MAX);
	assert_int_equal(row_bytes(), STORE_ROW_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_free, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
