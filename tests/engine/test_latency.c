/* Which bucket a duration counts in. */
#include "engine/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_in_its_bucket(void **state)
{
	static const struct {
		int64_t ns;
		size_t bucket; /* LATENCY_BUCKET_COUNT: longer */
	} rows[] = {
		{ -1, 0 },
		{ 0, 0 },
		{ NS_PER_MS, 0 },
		{ NS_PER_MS + 1, 1 },
		{ NS_PER_S, 9 },
		{ 86400 * NS_PER_S, LATENCY_BUCKET_COUNT - 1 },
		{ 86400 * NS_PER_S + 1, LATENCY_BUCKET_COUNT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct latency latency = { 0 };
		struct latency_sum sum = { 0 };

		latency_add(&latency, rows[i].ns);
		latency_sum_add(&sum, &latency);
		latency_sum_add(&sum, &latency);
		for (size_t j = 0; j < LATENCY_BUCKET_COUNT; j++)
			assert_int_equal(sum.buckets[j], j == rows[i].bucket ? 2 : 0);
		assert_int_equal(sum.longer, rows[i].bucket == LATENCY_BUCKET_COUNT ? 2 : 0);
		assert_int_equal(sum.sum_ns, rows[i].ns < 0 ? 0 : 2 * rows[i].ns);
	}
}

static void buckets_rise(void **state)
{
	(void)state;
	for (size_t i = 1; i < LATENCY_BUCKET_COUNT; i++)
		assert_true(atof(latency_label(i - 1)) < atof(latency_label(i)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_in_its_bucket),
		cmocka_unit_test(buckets_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
