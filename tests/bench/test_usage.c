#include "bench/usage.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char output[] = "test_usage.log";
static struct usage usage;
static struct figures figures;
static char words[160];
static struct text why;

static struct child shell(const char *script)
{
	const char *const arguments[] = { "sh", "-c", script, NULL };
	struct child child = { 0 };

	why = text_on(words, sizeof words);
	figures_clear(&figures);
	assert_false(failed(child_start(&child, arguments, output, false)));
	return child;
}

static void test_adds_rows(void **state)
{
	(void)state;
	struct child child = shell("trap 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done;"
	                           " echo done; exec sleep 100' USR1;"
	                           "echo ready; while :; do sleep 0.01; done");

	assert_true(child_await(&child, "ready", 60 * NS_PER_S));
	assert_true(usage_start(&usage, &child, false, &why));
	child_signal(&child, SIGUSR1);
	assert_true(child_await(&child, "done", 60 * NS_PER_S));
	const struct usage_sum sum = usage_end(&usage, &figures, 10, 1000);
	child_kill(&child);
	assert_true(sum.cpu_ns > 0);
	assert_true(figures_median(&figures, "engine_cpu") > 0);
	assert_true(figures_median(&figures, "engine_memory") > 0);
	assert_true(figures_median(&figures, "engine_mapped") > 0);
	assert_non_null(figures_find(&figures, "engine_switches"));
	assert_non_null(figures_find(&figures, "engine_storage"));
	assert_int_equal(
	        usage_lack(&usage) == NULL, figures_find(&figures, "engine_calls") != NULL);
	assert_int_equal(
	        usage_lack(&usage) == NULL, figures_find(&figures, "engine_syncs") != NULL);
}

static void test_left_out(void **state)
{
	(void)state;
	struct child child = shell("echo ready; exec sleep 100");

	assert_true(child_await(&child, "ready", 60 * NS_PER_S));
	assert_true(usage_start(&usage, &child, true, &why));
	assert_non_null(usage_lack(&usage));
	(void)usage_end(&usage, &figures, 10, 0);
	assert_null(figures_find(&figures, "engine_calls"));
	assert_null(figures_find(&figures, "engine_storage"));
	assert_true(usage_start(&usage, &child, true, &why));
	usage_drop(&usage);
	child_kill(&child);
	assert_false(usage_start(&usage, &child, false, &why));
	assert_string_equal(text_string(&why), "sluice serve ended by itself");
}

/* It ends under our eyes: no rows, and nothing else. */
static void test_ends_meanwhile(void **state)
{
	(void)state;
	struct child child = shell("echo ready; exec sleep 100");

	assert_true(child_await(&child, "ready", 60 * NS_PER_S));
	assert_true(usage_start(&usage, &child, false, &why));
	child_kill(&child);
	(void)usage_end(&usage, &figures, 10, 0);
	assert_int_equal(figures.count, 0);
}

static int teardown(void **state)
{
	(void)state;
	return remove(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_adds_rows, teardown),
		cmocka_unit_test_teardown(test_left_out, teardown),
		cmocka_unit_test_teardown(test_ends_meanwhile, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
