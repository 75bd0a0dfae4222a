#include "queue/base/heap.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NUMBERS 500

static void test_orders(void **state)
{
	(void)state;
	struct heap heap;

	assert_false(failed(heap_init(&heap, 3)));
	assert_null(heap_first(&heap));
	heap_insert(&heap, 0, 5);
	heap_insert(&heap, 1, -7);
	heap_insert(&heap, 2, 5);
	assert_int_equal(heap_first(&heap)->number, 1);
	assert_int_equal(heap_key(&heap, 1), -7);
	heap_remove(&heap, 1);
	assert_int_equal(heap_first(&heap)->key, 5);
	heap_remove(&heap, 0);
	assert_false(heap_has(&heap, 0));
	assert_int_equal(heap_first(&heap)->number, 2);
	heap_finish(&heap);
}

struct keyed {
	bool in;
	int64_t key;
};

static int64_t smallest(const struct keyed *all)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < NUMBERS; i++)
		if (all[i].in && all[i].key < least)
			least = all[i].key;
	return least;
}

/* Inserts, changes and removes at random; the first is always the smallest. */
static void test_against_scan(void **state)
{
	(void)state;
	static struct keyed all[NUMBERS];
	struct random random;
	struct heap heap;

	random_seed(&random, 1);
	assert_false(failed(heap_init(&heap, NUMBERS)));
	for (int round = 0; round < 20000; round++) {
		const uint32_t number = (uint32_t)random_below(&random, NUMBERS);
		const int64_t key = (int64_t)random_below(&random, 1000);
		struct keyed *keyed = &all[number];
		assert_int_equal(heap_has(&heap, number), keyed->in);
		if (!keyed->in) {
			heap_insert(&heap, number, key);
			*keyed = (struct keyed){ true, key };
		} else {
			assert_int_equal(heap_key(&heap, number), keyed->key);
			heap_remove(&heap, number);
			keyed->in = false;
		}
		if (heap.count > 0)
			assert_int_equal(heap_first(&heap)->key, smallest(all));
	}
	for (int64_t before = INT64_MIN; heap.count > 0;) {
		const struct heap_place first = *heap_first(&heap);
		assert_true(first.key >= before);
		assert_int_equal(first.key, all[first.number].key);
		before = first.key;
		heap_remove(&heap, first.number);
	}
	heap_finish(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_against_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
