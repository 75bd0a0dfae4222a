#include "queue/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[32];
static struct tables *tables;

static void assert_ok(struct err err)
{
	if (failed(err))
		fail_msg("%s (%d)", err_text(err.code), err.detail);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "tables-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	return failed(tables_open(&tables, path, 1 << 20));
}

static int tear_down(void **state)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "" };
	char name[64];

	(void)state;
	tables_close(MOVE(tables));
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", path, files[i]);
		(void)remove(name);
	}
	return 0;
}

static bool has(const char *key, const char *value)
{
	struct store_row row;

	return !failed(tables_read(tables, TABLE_JOBS, TABLES_GET, view_of(key), &row)) &&
	       view_equal(row.value, view_of(value));
}

static void put(const char *key, const char *value)
{
	assert_ok(tables_put(tables, TABLE_JOBS, view_of(key), view_of(value)));
}

static void test_commit_keeps_and_drop_does_not(void **state)
{
	(void)state;
	uint64_t rows[TABLE_COUNT];

	assert_false(tables_are_open(tables));
	assert_ok(tables_begin(tables));
	assert_true(tables_are_open(tables));
	put("a", "1");
	put("ab", "2");
	put("b", "3");
	assert_ok(tables_commit(tables));
	assert_false(tables_are_open(tables));

	assert_ok(tables_begin(tables));
	assert_true(has("a", "1"));
	put("a", "4");
	assert_ok(tables_delete_all(tables, TABLE_JOBS, VIEW("a")));
	assert_int_equal(tables_delete(tables, TABLE_JOBS, VIEW("a")).code, ERR_NOT_FOUND);
	assert_false(has("ab", "2"));
	tables_count_rows(tables, rows);
	assert_int_equal(rows[TABLE_JOBS], 1);
	tables_drop(tables);
	tables_drop(tables); /* there is none: nothing happens */

	assert_ok(tables_begin(tables));
	assert_true(has("a", "1"));
	tables_count_rows(tables, rows);
	assert_int_equal(rows[TABLE_JOBS], 3);
	tables_drop(tables);
	assert_true(tables_are_whole(tables));
}

static void test_rows_in_their_order(void **state)
{
	(void)state;
	struct store_row row;

	assert_ok(tables_begin(tables));
	put("b", "2");
	put("c", "3");
	put("a", "1");
	assert_ok(tables_read(tables, TABLE_JOBS, TABLES_SEEK, VIEW("aa"), &row));
	assert_true(view_equal(row.key, VIEW("b")));
	assert_ok(tables_read(tables, TABLE_JOBS, TABLES_NEXT, VIEW(""), &row));
	assert_true(view_equal(row.value, VIEW("3")));
	assert_int_equal(
	        tables_read(tables, TABLE_JOBS, TABLES_NEXT, VIEW(""), &row).code, ERR_NOT_FOUND);
	tables_drop(tables);
}

/* A map that is full takes the transaction with it, and is twice as large then. */
static void test_the_map_grows(void **state)
{
	(void)state;
	const uint64_t map_bytes = tables_map_bytes(tables);
	const uint64_t used_bytes = tables_used_bytes(tables);
	struct err err = err_ok();
	char key[16];

	assert_ok(tables_begin(tables));
	put("before", "x");
	for (int i = 0; !failed(err); i++) {
		struct span room;
		assert_true(i < 400);
		snprintf(key, sizeof key, "%d", i);
		err = tables_put_room(
		        tables, TABLE_BODIES, view_of(key), STORE_PAGE_BYTES, true, &room);
		if (!failed(err))
			memset(room.data, 'r', room.bytes);
	}
	assert_int_equal(err.code, ERR_AGAIN);
	assert_false(tables_are_open(tables));
	assert_int_equal(tables_map_bytes(tables), 2 * map_bytes);
	assert_int_equal(tables_used_bytes(tables), used_bytes);
	assert_ok(tables_begin(tables));
	assert_false(has("before", "x"));
	tables_drop(tables);
}

static void test_free_pages(void **state)
{
	(void)state;
	struct span room;

	assert_ok(tables_begin(tables));
	assert_ok(tables_put_room(tables, TABLE_BODIES, VIEW("large"), 200000, true, &room));
	memset(room.data, 'r', room.bytes);
	assert_ok(tables_commit(tables));
	assert_true(tables_free(tables).bytes + tables_free(tables).young_bytes < 200000);
	assert_ok(tables_begin(tables));
	assert_ok(tables_delete(tables, TABLE_BODIES, VIEW("large")));
	assert_ok(tables_commit(tables));
	/* The one behind the next transaction may use them. */
	assert_true(tables_free(tables).bytes < 200000);
	assert_true(tables_free(tables).young_bytes >= 200000);
	const uint64_t used_bytes = tables_used_bytes(tables);
	assert_true(used_bytes >= 200000);
	assert_ok(tables_begin(tables));
	put("x", "y");
	assert_ok(tables_commit(tables));
	assert_true(tables_free(tables).bytes >= 200000);
	assert_ok(tables_begin(tables));
	assert_ok(tables_put_room(tables, TABLE_BODIES, VIEW("large"), 190000, true, &room));
	memset(room.data, 'r', room.bytes);
	assert_ok(tables_commit(tables));
	assert_true(tables_used_bytes(tables) < used_bytes + 100000);
}

int main(void)
{
#define TABLES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TABLES_TEST(test_commit_keeps_and_drop_does_not),
		TABLES_TEST(test_rows_in_their_order),
		TABLES_TEST(test_the_map_grows),
		TABLES_TEST(test_free_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
