#include "queue/base/depot.h"

#include "tests/death.h"

#include <pthread.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define CHUNKS 100

static struct depot *depot_of(size_t chunks)
{
	struct depot *depot = NULL;

	assert_false(failed(depot_create(&depot, chunks * CHUNK_BYTES)));
	assert_int_equal(depot_chunks_max(depot), chunks);
	return depot;
}

/* Takes until there is no more; gives how many, as a chain. */
static size_t take_all(struct shelf *shelf, size_t reserve, struct chunk **chain)
{
	size_t count = 0;

	for (;;) {
		struct chunk *chunk = shelf_take_above(shelf, reserve);
		if (chunk == NULL)
			return count;
		assert_int_equal(chunk->used, 0);
		assert_null(chunk->next);
		memset(chunk->data, 0xee, CHUNK_DATA_BYTES);
		chunk->next = *chain;
		*chain = chunk;
		count++;
	}
}

static void give_all(struct shelf *shelf, struct chunk **chain)
{
	while (*chain != NULL) {
		struct chunk *chunk = *chain;
		*chain = chunk->next;
		chunk->next = NULL;
		shelf_give(shelf, chunk);
	}
}

static void test_the_budget_is_the_limit(void **state)
{
	(void)state;
	struct depot *depot = depot_of(CHUNKS);
	struct shelf shelf;
	struct chunk *chain = NULL;

	shelf_init(&shelf, depot);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(take_all(&shelf, 0, &chain), CHUNKS);
		assert_int_equal(depot_chunks_out(depot), CHUNKS);
		give_all(&shelf, &chain);
	}
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
}

static void test_a_reserve_is_left_for_others(void **state)
{
	(void)state;
	struct depot *depot = depot_of(CHUNKS);
	struct shelf greedy, needy;
	struct chunk *chain = NULL, *rest = NULL;

	shelf_init(&greedy, depot);
	shelf_init(&needy, depot);
	assert_int_equal(take_all(&greedy, 10, &chain), CHUNKS - 10);
	assert_int_equal(take_all(&needy, 0, &rest), 10);
	give_all(&greedy, &rest); /* another shelf than it left */
	give_all(&needy, &chain);
	shelf_finish(&greedy);
	shelf_finish(&needy);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
}

static void test_a_shelf_stays_small(void **state)
{
	(void)state;
	struct depot *depot = depot_of(CHUNKS * 10);
	struct shelf shelf;
	struct chunk *chain = NULL;

	shelf_init(&shelf, depot);
	assert_int_equal(take_all(&shelf, 0, &chain), CHUNKS * 10);
	while (chain != NULL) {
		struct chunk *chunk = chain;
		chain = chunk->next;
		chunk->next = NULL;
		shelf_give(&shelf, chunk);
		assert_true(shelf.count <= 2 * SHELF_BATCH);
	}
	assert_true(depot_chunks_out(depot) <= 2 * SHELF_BATCH);
	shelf_finish(&shelf);
	depot_destroy(depot);
}

static void *churn(void *depot)
{
	struct shelf shelf;

	shelf_init(&shelf, depot);
	for (int round = 0; round < 200; round++) {
		struct chunk *held[64] = { NULL };
		for (size_t i = 0; i < 64; i++) {
			held[i] = shelf_take(&shelf);
			if (held[i] != NULL)
				memcpy(held[i]->data, &held[i], sizeof held[i]);
		}
		for (size_t i = 0; i < 64; i++) {
			if (held[i] == NULL)
				continue;
			/* Nobody else had it meanwhile. */
			check(memcmp(held[i]->data, &held[i], sizeof held[i]) == 0);
			shelf_give(&shelf, held[i]);
		}
	}
	shelf_finish(&shelf);
	return NULL;
}

static void test_threads_share_the_budget(void **state)
{
	(void)state;
	struct depot *depot = depot_of(CHUNKS);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, depot), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
}

static void destroy(void *depot)
{
	depot_destroy(depot);
}

static void test_what_is_out_is_a_bug_at_the_end(void **state)
{
	(void)state;
	struct depot *depot = depot_of(CHUNKS);
	struct shelf shelf;

	shelf_init(&shelf, depot);
	struct chunk *chunk = shelf_take(&shelf);
	assert_true(dies(destroy, depot));
	shelf_give(&shelf, chunk);
	shelf_finish(&shelf);
	depot_destroy(depot);
	depot_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_budget_is_the_limit),
		cmocka_unit_test(test_a_reserve_is_left_for_others),
		cmocka_unit_test(test_a_shelf_stays_small),
		cmocka_unit_test(test_threads_share_the_budget),
		cmocka_unit_test(test_what_is_out_is_a_bug_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
