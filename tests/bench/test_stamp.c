#include "bench/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_is_read_back(void **state)
{
	(void)state;
	char id[] = "<run.0000000017." STAMP_ZERO STAMP_END;
	struct mono sent = { -1 };

	assert_true(stamp_read(view_of(id), &sent));
	assert_int_equal(sent.ns, 0);
	stamp_digits(id + 16, 1234567890123456789u, STAMP_DIGITS);
	stamp_digits(id + 5, 42, 10);
	assert_string_equal(id, "<run.0000000042.1234567890123456789@load.example>");
	assert_true(stamp_read(view_of(id), &sent));
	assert_int_equal(sent.ns, 1234567890123456789);
}

static void test_others_have_none(void **state)
{
	(void)state;
	static const char *const ids[] = {
		"",
		"<>",
		STAMP_END,
		STAMP_ZERO STAMP_END,
		"<run.0000000042@load.example>",
		"<run-0000000000000000000@load.example>",
		"<run.000000000000000000x@load.example>",
		"<run.9999999999999999999@load.example>",
		"<run.0000000000000000000@load.example",
		"<run.0000000000000000000@else.example>",
	};
	struct mono sent;

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		assert_false(stamp_read(view_of(ids[i]), &sent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_read_back),
		cmocka_unit_test(test_others_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
