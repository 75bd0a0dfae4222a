#include "engine/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void shards_are_summed(void **state)
{
	(void)state;
	struct counters one = { .messages_taken = 0 };
	struct counters two = { .messages_taken = 0 };
	struct counters_sum sum = { .messages_taken = 0 };

	counters_add(&one, messages_taken, 1);
	counters_add(&one, messages_taken, 2);
	counters_add(&two, messages_taken, 40);
	counters_add(&two, bytes_taken, 1ULL << 40);
	counters_sum_add(&sum, &one);
	counters_sum_add(&sum, &two);
	assert_int_equal(sum.messages_taken, 43);
	assert_int_equal(sum.bytes_taken, 1ULL << 40);
	assert_int_equal(sum.commits, 0);
}

static void every_counter_is_exported(void **state)
{
	(void)state;
	struct counters_sum sum = { .messages_taken = 7 };
	struct counters_row row;
	struct latency_row latency;
	size_t count = 0;
	int found = 0;

	while (counters_sum_row(&sum, count, &row)) {
		assert_true(strlen(row.text) > 0);
		if (strcmp(row.name, "messages_taken") == 0) {
			assert_int_equal(row.value, 7);
			found++;
		}
		count++;
	}
	assert_int_equal(found, 1);
	assert_int_equal(count, offsetof(struct counters_sum, commit_latency) / sizeof(uint64_t));
	assert_false(counters_sum_row(&sum, count, &row));
	assert_false(counters_sum_row(&sum, SIZE_MAX, &row));
	for (count = 0; counters_sum_latency(&sum, count, &latency); count++)
		assert_true(strlen(latency.text) > 0);
	assert_int_equal(count, (sizeof sum - offsetof(struct counters_sum, commit_latency)) /
	                                sizeof(struct latency_sum));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shards_are_summed),
		cmocka_unit_test(every_counter_is_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
