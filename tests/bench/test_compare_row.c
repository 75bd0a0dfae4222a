#include "bench/compare_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t bytes;
static FILE *file;
static struct compare_table table;

static void begin(double tolerance)
{
	text = NULL;
	file = open_memstream(&text, &bytes);
	assert_non_null(file);
	compare_table_begin(&table, file, tolerance);
}

static void assert_end(size_t fell, const char *said)
{
	assert_int_equal(compare_table_end(&table), fell);
	assert_int_equal(fclose(file), 0);
	if (strstr(text, said) == NULL)
		fail_msg("%s lacks: %s", said, text);
	free(text);
}

static void test_judges(void **state)
{
	(void)state;
	static const struct {
		enum figure_better better;
		double base;
		double now;
		enum compare_verdict verdict;
	} rows[] = {
		{ FIGURE_BIGGER, 100, 89, COMPARE_FELL },
		{ FIGURE_BIGGER, 100, 91, COMPARE_SAME },
		{ FIGURE_BIGGER, 100, 109, COMPARE_SAME },
		{ FIGURE_BIGGER, 100, 111, COMPARE_ROSE },
		{ FIGURE_SMALLER, 100, 89, COMPARE_ROSE },
		{ FIGURE_SMALLER, 100, 109, COMPARE_SAME },
		{ FIGURE_SMALLER, 100, 111, COMPARE_FELL },
		{ FIGURE_SMALLER, 0, 0, COMPARE_SAME },
		{ FIGURE_SMALLER, 0, 1, COMPARE_FELL },
		{ FIGURE_BIGGER, 0, 1, COMPARE_ROSE },
		{ FIGURE_TOLD, 100, 1, COMPARE_SAME },
		{ FIGURE_TOLD, 1, 100, COMPARE_SAME },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(compare_row_judge(rows[i].better, rows[i].base, rows[i].now, 10),
		        rows[i].verdict);
}

static void row(const char *name, const char *unit, double base, double now)
{
	compare_table_row(&table,
	        &(struct compare_row){ .name = name, .unit = unit, .base = base, .now = now });
}

static void test_names_what_fell(void **state)
{
	(void)state;

	begin(10);
	row("messages_per_second", "1/s", 100, 80);
	row("ack_p99", "ms", 10, 10.5);
	compare_table_title(&table, "in=5");
	row("engine_cpu", "us/message", 50, 60);
	assert_end(2, "# fell by more than 10 %: messages_per_second, engine_cpu (in=5)\n");
	begin(25);
	row("messages_per_second", "1/s", 100, 80);
	assert_end(0, "# nothing fell by more than 25 %\n");
	begin(10);
	row("lost", "messages", 0, 1);
	assert_end(1, "from 0  fell\n");
}

static struct figure figure(const char *name, const char *unit, double a, double b, double c)
{
	struct figure made = { .unit = unit, .values = { a, b, c }, .count = 3 };

	(void)snprintf(made.name, sizeof made.name, "%s", name);
	return made;
}

/* The machine grows slower by half meanwhile: pairs don't see it. */
static void test_pairs(void **state)
{
	(void)state;
	const struct figure base = figure("messages_per_second", "1/s", 100, 70, 50);
	const struct figure same = figure("messages_per_second", "1/s", 99, 71, 50);
	const struct figure slow = figure("messages_per_second", "1/s", 80, 56, 40);
	const struct figure none = figure("lost", "messages", 0, 0, 0);

	begin(10);
	compare_table_pairs(&table, &base, &same);
	assert_end(0, "worse in 1 of 3 pairs");
	begin(10);
	compare_table_pairs(&table, &base, &slow);
	assert_end(1, "-20.0%  worse in 3 of 3 pairs  fell");
	begin(10);
	compare_table_pairs(&table, &none, &none);
	assert_end(0, "+0.0%\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judges),
		cmocka_unit_test(test_names_what_fell),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
