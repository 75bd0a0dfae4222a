#include "engine/helper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SHARDS 3
#define ASKS   8
#define ROUNDS 200

struct sum {
	struct helper_ask ask;
	int a;
	int b;
	int answer;
};

static void sum_turn(struct helper *helper)
{
	struct helper_ask *ask;

	helper_turn_begin(helper);
	while ((ask = helper_take(helper)) != NULL) {
		struct sum *sum = container_of(ask, struct sum, ask);
		sum->answer = sum->a + sum->b;
		helper_answer(helper, ask);
	}
	helper_turn_end(helper);
}

struct shard_side {
	struct shelf shelf;
	struct loop loop;
	struct sum sums[ASKS];
	int asked;
};

static bool side_waits(const struct shard_side *side)
{
	for (int i = 0; i < ASKS; i++)
		if (side->sums[i].ask.in_flight)
			return true;
	return side->asked < ROUNDS;
}

static void side_turn(struct shard_side *side, struct helper *helper, uint16_t shard)
{
	struct helper_ask *ask;

	loop_begin(&side->loop);
	loop_run_completions(&side->loop, 64);
	loop_run_timers(&side->loop);
	while ((ask = helper_answered(helper, shard)) != NULL) {
		struct sum *sum = container_of(ask, struct sum, ask);
		assert_int_equal(sum->answer, sum->a + sum->b);
		sum->answer = 0;
	}
	for (int i = 0; i < ASKS && side->asked < ROUNDS; i++) {
		struct sum *sum = &side->sums[i];
		if (sum->ask.in_flight)
			continue;
		sum->a = side->asked++;
		sum->b = shard;
		helper_ask(helper, shard, &sum->ask);
	}
	if (side_waits(side))
		loop_end(&side->loop);
}

/* A thread answers three shards, all of whose asks are in flight at once; nobody misses a wake-up
 * (the loops sleep without any timer). */
static void test_answers(void **state)
{
	static const struct io_settings settings = { 64, 1, 4096 };
	static struct helper helper;
	static struct shard_side sides[SHARDS];
	struct depot *depot;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	(void)state;
	assert_false(failed(depot_create(&depot, 1 << 20)));
	assert_false(failed(helper_init(&helper, depot, NULL, sum_turn, &why)));
	for (uint16_t i = 0; i < SHARDS; i++) {
		shelf_init(&sides[i].shelf, depot);
		assert_false(failed(loop_init(&sides[i].loop, &settings, &sides[i].shelf, &why)));
		loop_start(&sides[i].loop);
		assert_false(failed(helper_join(&helper, i, &sides[i].loop, ASKS)));
	}
	assert_false(failed(helper_start(&helper)));
	for (uint16_t i = 0; i < SHARDS; i++)
		while (side_waits(&sides[i]))
			side_turn(&sides[i], &helper, i);
	helper_stop(&helper);
	for (uint16_t i = 0; i < SHARDS; i++) {
		assert_int_equal(sides[i].asked, ROUNDS);
		helper_leave(&helper, i, &sides[i].loop);
		helper_leave(&helper, i, &sides[i].loop); /* once more does nothing */
	}
	helper_finish(&helper);
	for (uint16_t i = 0; i < SHARDS; i++) {
		loop_finish(&sides[i].loop);
		shelf_finish(&sides[i].shelf);
	}
	depot_destroy(depot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
