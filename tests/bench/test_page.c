#include "bench/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/made_result.h"

#include <cmocka.h>

static struct result result;

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

/* Whole in itself, and no data ends its script. */
static void test_is_whole(void **state)
{
	(void)state;
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	made_begin(&result);
	(void)made_point(&result, "7", 100);
	assert_true(page_write(&result, file));
	assert_int_equal(fclose(file), 0);
	result_finish(&result);
	assert_int_equal(strncmp(text, "<!DOCTYPE html>", 15), 0);
	assert_non_null(strstr(text, "\"messages_per_second\""));
	assert_null(strstr(text, "@DATA@"));
	assert_int_equal(count_of(text, "</script>"), 2);
	assert_int_equal(count_of(text, "src="), 0);
	assert_int_equal(count_of(text, "href="), 0);
	assert_int_equal(count_of(text, "url("), 0);
	assert_string_equal(text + bytes - 8, "</html>\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
