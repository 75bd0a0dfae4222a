#include "bench/compare.h"

#include "bench/result_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static const char path[] = "test_compare.json";
static char words[512];
static struct text why;

static json_t *made(const char *sessions, const char *more_sessions, double rate)
{
	static struct result result;

	made_begin(&result);
	(void)made_point(&result, sessions, rate);
	if (more_sessions != NULL)
		(void)made_point(&result, more_sessions, rate);
	json_t *root = result_json(&result);
	result_finish(&result);
	return root;
}

/* Takes both. */
static void assert_compared(json_t *base, json_t *now, size_t fell, const char *said)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	assert_int_equal(compare_base(base, now, 10, file), fell);
	assert_int_equal(fclose(file), 0);
	if (strstr(text, said) == NULL)
		fail_msg("%s lacks: %s", said, text);
	free(text);
	json_decref(base);
	json_decref(now);
}

static void test_with_itself(void **state)
{
	(void)state;

	assert_compared(made("7", NULL, 100), made("7", NULL, 100), 0, "nothing fell");
	assert_compared(made("7", "8", 100), made("7", "8", 100), 0, "# point 2\n");
}

static void test_tells_what_fell(void **state)
{
	(void)state;
	json_t *base = made("7", NULL, 120);

	assert_compared(
	        base, made("7", NULL, 100), 1, "fell by more than 10 %: messages_per_second");
	assert_compared(made("7", "8", 120), made("7", "8", 100), 2,
	        "messages_per_second (point 1), messages_per_second (point 2)");
}

static void test_tells_what_differs(void **state)
{
	(void)state;
	json_t *base = made("7", NULL, 100);

	json_object_set_new(json_object_get(base, "record"), "cpu", json_string("another"));
	assert_compared(base, made("7", NULL, 100), 0, "# the machine: cpu is a </script>");
	base = made("7", NULL, 100);
	json_object_set_new(json_object_get(base, "record"), "disk", json_string("slow"));
	assert_compared(base, made("7", NULL, 100), 0, "# the machine: disk was slow, and is not");
	assert_compared(
	        made("7", NULL, 100), made("8", NULL, 100), 0, "# settings: in is 8, was 7\n");
	assert_compared(made("7", "8", 100), made("7", "9", 100), 0,
	        "# point 2: none of these settings to compare with\n");
	base = made("7", NULL, 100);
	json_object_set_new(
	        json_object_get(json_array_get(json_object_get(base, "points"), 0), "figures"),
	        "gone", json_pack("{ss sf}", "unit", "s", "median", 1.0));
	assert_compared(base, made("7", NULL, 100), 0, "# gone is not told here\n");
}

static void assert_refused(const char *content, const char *said)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	why = text_on(words, sizeof words);
	assert_null(compare_load(path, "throughput", &why));
	assert_int_equal(unlink(path), 0);
	if (strstr(text_string(&why), said) == NULL)
		fail_msg("%s lacks: %s", said, text_string(&why));
	assert_int_equal(strncmp(text_string(&why), path, strlen(path)), 0);
}

#define BEGIN "{\"format\": \"" RESULT_FORMAT "\", \"run\": \"throughput\", \"record\": {}"

static void test_refuses_what_is_no_base(void **state)
{
	(void)state;

	why = text_on(words, sizeof words);
	assert_null(compare_load("no-such-file", "throughput", &why));
	assert_non_null(strstr(text_string(&why), "No such file"));
	assert_refused("", "test_compare.json:1: ");
	assert_refused("{\n\n\"format\": }", "test_compare.json:3: ");
	assert_refused("[]", "no \"format\"");
	assert_refused("{\"format\": \"other\"}", "another \"format\"");
	assert_refused("{\"format\": \"" RESULT_FORMAT "\"}", "no \"run\"");
	assert_refused(BEGIN "}", "no \"points\"");
	assert_refused(BEGIN ", \"points\": []}", "no \"points\"");
	assert_refused(BEGIN ", \"points\": [{}]}", "a point without");
	assert_refused(BEGIN ", \"points\": [{\"run\": \"x\", \"settings\": {}, \"figures\": "
	                     "{\"a\": {\"unit\": \"s\"}}}]}",
	        "a figure without");
}

static void test_reads_what_was_written(void **state)
{
	(void)state;
	json_t *root = made("7", NULL, 100);

	assert_int_equal(json_dump_file(root, path, 0), 0);
	json_decref(root);
	why = text_on(words, sizeof words);
	root = compare_load(path, "throughput", &why);
	assert_non_null(root);
	json_decref(root);
	assert_null(compare_load(path, "churn", &why));
	assert_string_equal(
	        text_string(&why), "test_compare.json: of the run throughput, this is churn");
	assert_int_equal(unlink(path), 0);
}

static void test_pairs(void **state)
{
	(void)state;
	static struct result result;
	FILE *file = fopen("/dev/null", "w");

	assert_non_null(file);
	made_begin(&result);
	struct point *point = made_point(&result, "7", 100);
	assert_int_equal(compare_pairs(&result, 10, file), 0);
	figures_add(&point->other, "messages_per_second", 105, "1/s");
	assert_int_equal(compare_pairs(&result, 10, file), 0);
	assert_int_equal(compare_pairs(&result, 1, file), 1);
	result_finish(&result);
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_itself),
		cmocka_unit_test(test_tells_what_fell),
		cmocka_unit_test(test_tells_what_differs),
		cmocka_unit_test(test_refuses_what_is_no_base),
		cmocka_unit_test(test_reads_what_was_written),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
