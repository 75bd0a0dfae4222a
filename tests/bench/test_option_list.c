#include "bench/option_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *values;
		size_t count;
		size_t index;
		const char *value;
	} rows[] = {
		{ "7", 1, 0, "7" },
		{ "1,5,20", 3, 0, "1" },
		{ "1,5,20", 3, 1, "5" },
		{ "1,5,20", 3, 2, "20" },
		{ "2KiB,10KiB", 2, 1, "10KiB" },
		{ "", 1, 0, "" },
		{ "1,", 2, 1, "" },
		{ ",1", 2, 0, "" },
		{ "1,,2", 3, 1, "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct option_list list = { "in", rows[i].values };
		char value[OPTION_VALUE_MAX];
		assert_int_equal(option_list_count(&list), rows[i].count);
		assert_true(option_list_at(&list, rows[i].index, value));
		assert_string_equal(value, rows[i].value);
	}
}

static void test_too_long(void **state)
{
	(void)state;
	const struct option_list list = { "in",
		"1,1234567890123456789012345678901234567890123456789012345678901234567890" };
	char value[OPTION_VALUE_MAX];

	assert_true(option_list_at(&list, 0, value));
	assert_false(option_list_at(&list, 1, value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
