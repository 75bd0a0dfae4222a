#include "bench/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static struct result result;

static char *printed(void)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	result_print(&result, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void test_a_point_has_all_settings(void **state)
{
	(void)state;

	made_begin(&result);
	const struct point *point = made_point(&result, "7", 100);
	assert_string_equal(point_setting(point, "in"), "7");
	assert_string_equal(point_setting(point, "messages"), "20000");
	assert_string_equal(point_setting(point, "bdat"), "no");
	assert_null(point_setting(point, "rate"));
	assert_null(point_setting(point, "json"));
	char *text = printed();
	assert_null(strchr(text, '#'));
	assert_int_equal(strncmp(text, "messages_per_second", 19), 0);
	free(text);
	result_finish(&result);
	assert_int_equal(result.count, 0);
}

static void test_several_are_told_apart(void **state)
{
	(void)state;
	char bytes[64];
	struct text title = TEXT_ON(bytes);

	made_begin(&result);
	(void)made_point(&result, "7", 100);
	struct point *second = made_point(&result, "8", 200);
	figures_add(&second->figures, "lost", 3, "messages");
	assert_true(result_varies(&result, "in"));
	assert_false(result_varies(&result, "out"));
	assert_false(result_varies(&result, "rate"));
	result_title(&result, second, &title);
	assert_string_equal(text_string(&title), "in=8");
	assert_true(result_sum(&result, "lost") > 2.5);
	char *text = printed();
	assert_non_null(strstr(text, "# in=7\nmessages_per_second"));
	assert_non_null(strstr(text, "\n# in=8\nmessages_per_second"));
	assert_non_null(strstr(text, "# messages_per_second ack_p50"));
	free(text);
	result_finish(&result);
}

static void test_begins_with_a_record(void **state)
{
	(void)state;
	struct options options;

	options_default(&options, run_row_find("churn"));
	options.run.stand.programs = "there-is-no-such-folder";
	options.run.stand.place = ".";
	options.against = "other";
	result_init(&result, &options);
	assert_string_equal(result.run, "churn");
	assert_string_equal(record_find(&result.record, "against"), "other");
	assert_non_null(record_find(&result.record, "cores"));
	result_finish(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_point_has_all_settings),
		cmocka_unit_test(test_several_are_told_apart),
		cmocka_unit_test(test_begins_with_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
