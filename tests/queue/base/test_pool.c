#include "queue/base/pool.h"

#include "tests/death.h"
#include "tests/dumps.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define OBJECTS 10

static void test_gives_what_it_has(void **state)
{
	(void)state;
	struct pool pool;
	char *objects[OBJECTS];

	assert_false(failed(pool_init(&pool, 100, OBJECTS)));
	for (size_t i = 0; i < OBJECTS; i++) {
		assert_int_equal(pool_left(&pool), OBJECTS - i);
		objects[i] = pool_take(&pool);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % POOL_ALIGN, 0);
		assert_int_equal(pool_index(&pool, objects[i]), i);
		assert_ptr_equal(pool_at(&pool, i), objects[i]);
		memset(objects[i], 0xff, 100);
	}
	assert_null(pool_take(&pool));
	assert_int_equal(pool_left(&pool), 0);
	for (size_t i = 0; i < OBJECTS; i++)
		pool_give(&pool, objects[i]);
	assert_int_equal(pool_left(&pool), OBJECTS);
	pool_finish(&pool);
}

static void test_hidden_from_core_dumps(void **state)
{
	(void)state;
	struct pool pool;

	assert_false(failed(pool_init(&pool, 5000, OBJECTS)));
	assert_false(dumps_leave_out(pool.memory));
	pool_hide(&pool);
	assert_true(dumps_leave_out(pool.memory));
	assert_true(dumps_leave_out(pool_at(&pool, OBJECTS - 1)));
	pool_finish(&pool);
}

/* The last one given back is still warm; and it comes zeroed, whatever it held. */
static void test_last_given_is_first_taken(void **state)
{
	(void)state;
	struct pool pool;
	static const char zeros[100];

	assert_false(failed(pool_init(&pool, sizeof zeros, OBJECTS)));
	char *first = pool_take(&pool);
	char *second = pool_take(&pool);
	memset(first, 0xff, sizeof zeros);
	pool_give(&pool, second);
	pool_give(&pool, first);
	assert_ptr_equal(pool_take(&pool), first);
	assert_memory_equal(first, zeros, sizeof zeros);
	assert_ptr_equal(pool_take(&pool), second);
	pool_give(&pool, first);
	pool_give(&pool, second);
	pool_finish(&pool);
}

static void test_taken_as_it_was_given(void **state)
{
	(void)state;
	struct pool pool;

	assert_false(failed(pool_init(&pool, 100, 1)));
	char *object = pool_take_as_is(&pool);
	assert_non_null(object);
	assert_null(pool_take_as_is(&pool));
	memset(object, 0xa5, 100);
	pool_give(&pool, object);
	assert_ptr_equal(pool_take_as_is(&pool), object);
	assert_int_equal((unsigned char)object[99], 0xa5);
	assert_int_equal(pool_left(&pool), 0);
	pool_give(&pool, object);
	assert_ptr_equal(pool_take(&pool), object);
	assert_int_equal(object[99], 0);
	pool_give(&pool, object);
	pool_finish(&pool);
}

static void test_a_tiny_object_has_room_for_its_link(void **state)
{
	(void)state;
	struct pool pool;

	assert_false(failed(pool_init(&pool, 1, 2)));
	char *first = pool_take(&pool);
	char *second = pool_take(&pool);
	assert_true(second - first >= POOL_ALIGN);
	pool_give(&pool, first);
	pool_give(&pool, second);
	pool_finish(&pool);
}

static void finish(void *pool)
{
	pool_finish(pool);
}

static void test_what_is_out_is_a_bug_at_the_end(void **state)
{
	(void)state;
	struct pool pool;

	assert_false(failed(pool_init(&pool, 8, 2)));
	void *object = pool_take(&pool);
	assert_true(dies(finish, &pool));
	pool_give(&pool, object);
	pool_finish(&pool);
}

static void give_a_stranger(void *pool)
{
	static char stranger[POOL_ALIGN];

	pool_give(pool, stranger);
}

static void test_takes_back_only_its_own(void **state)
{
	(void)state;
	struct pool pool;

	assert_false(failed(pool_init(&pool, 8, 2)));
	void *object = pool_take(&pool);
	assert_true(dies(give_a_stranger, &pool));
	pool_give(&pool, object);
	pool_finish(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_what_it_has),
		cmocka_unit_test(test_hidden_from_core_dumps),
		cmocka_unit_test(test_last_given_is_first_taken),
		cmocka_unit_test(test_taken_as_it_was_given),
		cmocka_unit_test(test_a_tiny_object_has_room_for_its_link),
		cmocka_unit_test(test_what_is_out_is_a_bug_at_the_end),
		cmocka_unit_test(test_takes_back_only_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
