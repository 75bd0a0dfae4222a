#include "bench/output.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static struct result result;
static struct output output;
static char words[256];
static struct text why;

static void test_writes_what_was_asked_for(void **state)
{
	(void)state;
	struct options options = { .row = run_row_find("throughput"),
		.json = "test_output.json",
		.tracker = "test_output" };
	static const char *const names[] = { "test_output.json", "test_output.bigger.json",
		"test_output.smaller.json" };

	why = text_on(words, sizeof words);
	made_begin(&result);
	(void)made_point(&result, "7", 100);
	assert_true(output_open(&output, &options, &why));
	assert_true(output_write(&output, &result, &why));
	output_close(&output);
	result_finish(&result);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *root = json_load_file(names[i], 0, NULL);
		assert_non_null(root);
		json_decref(root);
		assert_int_equal(unlink(names[i]), 0);
	}
}

static void test_says_what_cannot_be_written(void **state)
{
	(void)state;
	struct options options = { .row = run_row_find("throughput"),
		.json = "test_output.json",
		.html = "no-such-folder/x.html" };

	why = text_on(words, sizeof words);
	assert_false(output_open(&output, &options, &why));
	assert_string_equal(text_string(&why), "no-such-folder/x.html: No such file or directory");
	assert_int_equal(unlink("test_output.json"), 0);
	/* A full device: it shows at the latest when the file is closed. */
	options = (struct options){ .row = run_row_find("throughput"), .json = "/dev/full" };
	why = text_on(words, sizeof words);
	made_begin(&result);
	(void)made_point(&result, "7", 100);
	assert_true(output_open(&output, &options, &why));
	assert_false(output_write(&output, &result, &why));
	assert_string_equal(text_string(&why), "/dev/full: No space left on device");
	output_close(&output);
	result_finish(&result);
}

static void test_a_tale_has_none(void **state)
{
	(void)state;
	const struct options with[] = { { .json = "x" }, { .html = "x" }, { .tracker = "x" },
		{ .base = "x" }, { .against = "x" } };

	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		struct options options = with[i];
		options.row = run_row_find("demo");
		why = text_on(words, sizeof words);
		assert_false(output_open(&output, &options, &why));
		assert_non_null(strstr(text_string(&why), "demo tells in words"));
	}
	const struct options without = { .row = run_row_find("demo") };
	assert_true(output_open(&output, &without, &why));
	output_close(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_what_was_asked_for),
		cmocka_unit_test(test_says_what_cannot_be_written),
		cmocka_unit_test(test_a_tale_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
