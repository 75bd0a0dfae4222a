#include "bench/result_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static struct result result;

static const json_t *found(const json_t *root, const char *first, const char *second)
{
	return json_object_get(json_object_get(root, first), second);
}

static void test_holds_everything(void **state)
{
	(void)state;

	made_begin(&result);
	struct point *point = made_point(&result, "7", 100);
	figures_add(&point->figures, "messages_per_second", 300, "1/s");
	figures_add(&point->other, "messages_per_second", 50, "1/s");
	json_t *root = result_json(&result);
	result_finish(&result);
	assert_string_equal(json_string_value(json_object_get(root, "format")), RESULT_FORMAT);
	assert_string_equal(json_string_value(json_object_get(root, "run")), "throughput");
	assert_non_null(found(root, "record", "cpu"));
	const json_t *made = json_array_get(json_object_get(root, "points"), 0);
	assert_string_equal(json_string_value(found(made, "settings", "in")), "7");
	const json_t *rate = found(made, "figures", "messages_per_second");
	assert_string_equal(json_string_value(json_object_get(rate, "better")), "bigger");
	assert_true(json_number_value(json_object_get(rate, "median")) == 200);
	assert_true(json_number_value(json_object_get(rate, "least")) == 100);
	assert_true(json_number_value(json_object_get(rate, "most")) == 300);
	assert_int_equal(json_array_size(json_object_get(rate, "values")), 2);
	assert_non_null(found(made, "other", "messages_per_second"));
	assert_int_equal(
	        json_integer_value(json_object_get(found(made, "latency", "ack"), "count")), 1);
	json_decref(root);
	assert_string_equal(result_better_word(FIGURE_SMALLER), "smaller");
	assert_string_equal(result_better_word(FIGURE_TOLD), "told");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
