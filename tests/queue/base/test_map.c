#include "queue/base/map.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEYS 64

static void test_sets_and_removes(void **state)
{
	(void)state;
	struct map map;
	const struct map_key a = { 1, 0 };
	const struct map_key b = { 0, 1 };

	assert_false(failed(map_init(&map, 2, 7)));
	assert_null(map_find(&map, a));
	assert_true(map_set(&map, a, 10));
	assert_true(map_set(&map, b, 20));
	assert_false(map_set(&map, (struct map_key){ 2, 2 }, 30));
	assert_true(map_set(&map, a, 11));
	assert_int_equal(*map_find(&map, a), 11);
	assert_int_equal(*map_find(&map, b), 20);
	assert_true(map_remove(&map, a));
	assert_false(map_remove(&map, a));
	assert_null(map_find(&map, a));
	assert_int_equal(map.count, 1);
	map_clear(&map);
	assert_null(map_find(&map, b));
	map_finish(&map);
}

/* Full runs, shifted back at random: always what a plain array says. */
static void test_against_array(void **state)
{
	(void)state;
	uint64_t values[KEYS] = { 0 }; /* 0: not in */
	struct random random;
	struct map map;

	random_seed(&random, 2);
	assert_false(failed(map_init(&map, KEYS * 3 / 4, 0)));
	for (uint64_t round = 1; round < 100000; round++) {
		const uint64_t pick = random_below(&random, KEYS);
		const struct map_key key = { pick / 8, pick % 8 };
		if (random_below(&random, 2) == 0) {
			assert_int_equal(map_remove(&map, key), values[pick] != 0);
			values[pick] = 0;
		} else if (map_set(&map, key, round)) {
			values[pick] = round;
		} else {
			assert_int_equal(map.count, map.count_max);
		}
		const uint64_t look = random_below(&random, KEYS);
		const uint64_t *found = map_find(&map, (struct map_key){ look / 8, look % 8 });
		assert_int_equal(found == NULL ? 0 : *found, values[look]);
	}
	map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_and_removes),
		cmocka_unit_test(test_against_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
