#include "bench/histogram_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct histogram histogram;
static struct histogram again;

static void test_goes_and_comes(void **state)
{
	(void)state;

	histogram_clear(&histogram);
	for (int64_t ns = 0; ns < 100; ns++)
		histogram_add(&histogram, ns * ns * ns);
	json_t *json = histogram_json(&histogram);
	histogram_clear(&again);
	assert_true(histogram_json_read(&again, json));
	json_decref(json);
	assert_memory_equal(&again, &histogram, sizeof again);
}

static void test_empty(void **state)
{
	(void)state;
	json_t *json;

	histogram_clear(&histogram);
	json = histogram_json(&histogram);
	assert_true(histogram_json_read(&histogram, json));
	json_decref(json);
	assert_int_equal(histogram.count, 0);
	assert_int_equal(histogram.most_ns, 0);
}

static void test_refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"buckets\": []}",
		"{\"most_ns\": 1, \"buckets\": {}}",
		"{\"most_ns\": 1, \"buckets\": [1]}",
		"{\"most_ns\": 1, \"buckets\": [[1, -1]]}",
		"{\"most_ns\": 1, \"buckets\": [[-1, 1]]}",
	};

	assert_false(histogram_json_read(&histogram, NULL));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *json = json_loads(texts[i], 0, NULL);
		assert_non_null(json);
		assert_false(histogram_json_read(&histogram, json));
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_and_comes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
