#include "queue/tables.h"

#include "tests/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
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
		        tables, TABLE_BODIES, view_of(key), STORE_PAGE_BYTES, TABLES_NEW, &room);
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
	assert_ok(tables_put_room(tables, TABLE_BODIES, VIEW("large"), 200000, TABLES_NEW, &room));
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
	assert_ok(tables_put_room(tables, TABLE_BODIES, VIEW("large"), 190000, TABLES_NEW, &room));
	memset(room.data, 'r', room.bytes);
	assert_ok(tables_commit(tables));
	assert_true(tables_used_bytes(tables) < used_bytes + 100000);
}

static void append_before(void *key)
{
	struct span room;

	(void)failed(tables_put_room(tables, TABLE_TRACE, view_of(key), 100, TABLES_LAST, &room));
}

/* Their place is not searched, and what is behind it already is a bug. */
static void test_rows_at_the_end(void **state)
{
	struct span room;
	char key[16];

	(void)state;
	assert_ok(tables_begin(tables));
	assert_int_equal(tables_bytes(tables, TABLE_TRACE), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%06d", i);
		assert_ok(tables_put_room(
		        tables, TABLE_TRACE, view_of(key), 100, TABLES_LAST, &room));
		memset(room.data, 'r', room.bytes);
	}
	const uint64_t bytes = tables_bytes(tables, TABLE_TRACE);
	assert_true(bytes >= 2000 * 100);
	assert_true(bytes < 2000 * 150);
	snprintf(key, sizeof key, "000500");
	assert_true(dies(append_before, key));
	assert_ok(tables_commit(tables));
}

static void say(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void hear(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

static bool peek_has(struct tables_peek *peek, const char *key)
{
	struct store_row row;

	return !failed(tables_peek_seek(peek, view_of(key), &row)) &&
	       view_equal(row.key, view_of(key));
}

/* 0: it saw what it should. */
static int peek_from_outside(int in, int out)
{
	struct tables_peek *peek = NULL;

	if (failed(tables_peek_open(&peek, path, TABLE_JOBS)))
		return 1;
	const bool first = peek_has(peek, "a") && !peek_has(peek, "b");
	say(out);
	hear(in);
	/* What it began with, until it rests; the map has grown meanwhile. */
	const bool second = !peek_has(peek, "b");
	tables_peek_rest(peek);
	const bool third = peek_has(peek, "a") && peek_has(peek, "b");
	tables_peek_close(peek);
	return first && second && third ? 0 : 2;
}

static void test_a_look_from_outside(void **state)
{
	struct tables_peek *peek = NULL;
	int to_child[2];
	int to_parent[2];
	int status = 0;

	(void)state;
	assert_ok(tables_begin(tables));
	put("a", "1");
	assert_ok(tables_commit(tables));
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(to_parent), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(peek_from_outside(to_child[0], to_parent[1]));
	hear(to_parent[0]);
	const uint64_t map_bytes = tables_map_bytes(tables);
	for (struct err err = err_make(ERR_AGAIN, 0); failed(err);) {
		struct span room;
		assert_ok(tables_begin(tables));
		put("b", "2");
		err = tables_put_room(
		        tables, TABLE_BODIES, VIEW("large"), 2 << 20, TABLES_ANY, &room);
		assert_true(!failed(err) || err.code == ERR_AGAIN);
	}
	assert_ok(tables_commit(tables));
	assert_true(tables_map_bytes(tables) > map_bytes);
	say(to_child[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(to_child[i]);
		close(to_parent[i]);
	}
	assert_int_equal(tables_peek_open(&peek, "nowhere", TABLE_JOBS).code, ERR_SYSTEM);
	tables_peek_close(NULL);
}

int main(void)
{
#define TABLES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TABLES_TEST(test_commit_keeps_and_drop_does_not),
		TABLES_TEST(test_rows_in_their_order),
		TABLES_TEST(test_the_map_grows),
		TABLES_TEST(test_free_pages),
		TABLES_TEST(test_rows_at_the_end),
		TABLES_TEST(test_a_look_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
