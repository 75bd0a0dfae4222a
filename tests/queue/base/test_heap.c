#include "queue/base/heap.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NODES 500

static void test_orders(void **state)
{
	(void)state;
	struct heap heap;
	struct heap_node nodes[3] = { 0 };

	assert_false(failed(heap_init(&heap, 3)));
	assert_null(heap_first(&heap));
	heap_insert(&heap, &nodes[0], 5);
	heap_insert(&heap, &nodes[1], -7);
	heap_insert(&heap, &nodes[2], 5);
	assert_ptr_equal(heap_first(&heap), &nodes[1]);
	heap_change(&heap, &nodes[1], INT64_MAX);
	assert_int_equal(heap_first(&heap)->key, 5);
	heap_remove(&heap, &nodes[0]);
	assert_false(heap_node_is_in(&nodes[0]));
	assert_ptr_equal(heap_first(&heap), &nodes[2]);
	heap_finish(&heap);
	assert_false(heap_node_is_in(&nodes[2]));
}

static int64_t smallest(const struct heap_node *nodes)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < NODES; i++)
		if (heap_node_is_in(&nodes[i]) && nodes[i].key < least)
			least = nodes[i].key;
	return least;
}

/* Inserts, changes and removes at random; the first is always the smallest. */
static void test_against_scan(void **state)
{
	(void)state;
	static struct heap_node nodes[NODES];
	struct random random;
	struct heap heap;

	random_seed(&random, 1);
	assert_false(failed(heap_init(&heap, NODES)));
	for (int round = 0; round < 20000; round++) {
		struct heap_node *node = &nodes[random_below(&random, NODES)];
		const int64_t key = (int64_t)random_below(&random, 1000);
		if (!heap_node_is_in(node))
			heap_insert(&heap, node, key);
		else if (random_below(&random, 2) == 0)
			heap_change(&heap, node, key);
		else
			heap_remove(&heap, node);
		if (heap.count > 0)
			assert_int_equal(heap_first(&heap)->key, smallest(nodes));
	}
	for (int64_t before = INT64_MIN; heap.count > 0;) {
		struct heap_node *first = heap_first(&heap);
		assert_true(first->key >= before);
		before = first->key;
		heap_remove(&heap, first);
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
