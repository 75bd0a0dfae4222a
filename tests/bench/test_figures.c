#include "bench/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_printed(const struct figures *figures, const char *wanted)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	figures_print(figures, file);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_single_values(void **state)
{
	(void)state;
	static struct figures figures;

	figures_clear(&figures);
	assert_printed(&figures, "");
	figures_add(&figures, "rate", 12345.678, "1/s");
	figures_add(&figures, "latency", 0.12345, "ms");
	figures_add(&figures, "cpu", 64.125, "us/message");
	figures_add(&figures, "lost", 0, "messages");
	assert_printed(&figures, "rate 12346 1/s\n"
	                         "latency 0.123 ms\n"
	                         "cpu 64.12 us/message\n"
	                         "lost 0 messages\n");
}

static void test_medians(void **state)
{
	(void)state;
	static struct figures figures;
	const double values[] = { 5, 1, 9, 3 };

	figures_clear(&figures);
	for (int i = 0; i < 3; i++)
		figures_add(&figures, "odd", values[i], "1/s");
	for (int i = 0; i < 4; i++)
		figures_add(&figures, "even", values[i], "1/s");
	assert_true(figures_median(&figures, "odd") == 5);
	assert_true(figures_median(&figures, "even") == 4);
	assert_true(figures_median(&figures, "none") == 0);
	assert_true(figures_sum(&figures, "even") == 18);
	assert_true(figures_sum(&figures, "none") == 0);
	assert_printed(&figures, "odd 5 1/s least 1 most 9\n"
	                         "even 4 1/s least 1 most 9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_values),
		cmocka_unit_test(test_medians),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
