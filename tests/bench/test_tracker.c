#include "bench/tracker.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static struct result result;

static json_t *written(enum figure_better better)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	assert_true(tracker_write(&result, better, file));
	assert_int_equal(fclose(file), 0);
	json_t *root = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(root);
	return root;
}

static const char *word(const json_t *rows, size_t at, const char *key)
{
	return json_string_value(json_object_get(json_array_get(rows, at), key));
}

static void test_one_direction_a_file(void **state)
{
	(void)state;

	made_begin(&result);
	(void)made_point(&result, "7", 100);
	json_t *bigger = written(FIGURE_BIGGER);
	json_t *smaller = written(FIGURE_SMALLER);
	result_finish(&result);
	assert_int_equal(json_array_size(bigger), 1);
	assert_string_equal(word(bigger, 0, "name"), "throughput messages_per_second");
	assert_string_equal(word(bigger, 0, "unit"), "1/s");
	assert_string_equal(word(bigger, 0, "range"), "100 to 100");
	assert_non_null(word(bigger, 0, "extra"));
	assert_true(json_number_value(json_object_get(json_array_get(bigger, 0), "value")) == 100);
	/* p50, p90, p99, CPU, lost; neither p99.9, the most, nor commits */
	assert_int_equal(json_array_size(smaller), 5);
	json_decref(bigger);
	json_decref(smaller);
}

static void test_points_have_names_of_their_own(void **state)
{
	(void)state;

	made_begin(&result);
	(void)made_point(&result, "7", 100);
	(void)made_point(&result, "8", 100);
	json_t *bigger = written(FIGURE_BIGGER);
	result_finish(&result);
	assert_string_equal(word(bigger, 0, "name"), "throughput in=7 messages_per_second");
	assert_string_equal(word(bigger, 1, "name"), "throughput in=8 messages_per_second");
	json_decref(bigger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_direction_a_file),
		cmocka_unit_test(test_points_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
