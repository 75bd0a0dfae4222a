#include "bench/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record record;

static void test_says_what_it_was_measured_on(void **state)
{
	(void)state;
	const char *programs = getenv("SLUICE_BUILD");
	static const char *const names[] = { "date", "sluice", "liburing", "OpenSSL", "LMDB",
		"kernel", "commit", "build", "cores", "memory", "file system", "sync",
		"system calls" };

	record_make(&record, programs == NULL ? "build" : programs, ".", true);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = record_find(&record, names[i]);
		if (value == NULL || value[0] == '\0')
			fail_msg("%s lacks", names[i]);
	}
	assert_non_null(strstr(record_find(&record, "system calls"), "--uncounted"));
	assert_null(record_find(&record, "nonsense"));
}

/* A program that is not there costs its rows, no more. */
static void test_without_the_program(void **state)
{
	(void)state;

	record_make(&record, "there-is-no-such-folder", ".", false);
	assert_null(record_find(&record, "OpenSSL"));
	assert_non_null(record_find(&record, "kernel"));
	assert_true(strlen(record_find(&record, "system calls")) > 0);
}

static void test_is_bounded(void **state)
{
	(void)state;
	static char value[2 * RECORD_VALUE_MAX];

	memset(value, 'x', sizeof value - 1);
	record.count = 0;
	for (int i = 0; i < 2 * RECORD_ROWS_MAX; i++)
		record_add(&record, value, value);
	assert_int_equal(record.count, RECORD_ROWS_MAX);
	assert_int_equal(strlen(record.rows[0].value), RECORD_VALUE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_what_it_was_measured_on),
		cmocka_unit_test(test_without_the_program),
		cmocka_unit_test(test_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
