#include "bench/figures.h"

#include "queue/base/clock.h"

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
	assert_printed(&figures, "rate        12346 1/s\n"
	                         "latency     0.123 ms\n"
	                         "cpu         64.12 us/message\n"
	                         "lost            0 messages\n");
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
	assert_printed(&figures, "odd          5 1/s         least         1 most         9\n"
	                         "even         4 1/s         least         1 most         9\n");
}

static void test_latencies(void **state)
{
	(void)state;
	static struct figures figures;
	static struct histogram histogram;

	figures_clear(&figures);
	histogram_clear(&histogram);
	for (int i = 1; i <= 1000; i++)
		histogram_add(&histogram, i * NS_PER_MS);
	figures_add_latency(&figures, "ack", &histogram);
	figures_add_latency(&figures, "ack", &histogram);
	figures_add_latency(&figures, "delivery", &histogram);
	assert_int_equal(figures.latency_count, 2);
	assert_int_equal(figures.latencies[0].histogram.count, 2000);
	assert_int_equal(figures.latencies[0].histogram.most_ns, 1000 * NS_PER_MS);
	assert_true(figures_median(&figures, "ack_most") == 1000);
	assert_true(figures_median(&figures, "ack_p99_9") >= 999);
	assert_true(figures_median(&figures, "ack_p50") >= 500);
	assert_true(figures_median(&figures, "ack_p50") < 520);
	assert_true(figures_median(&figures, "delivery_p90") >= 900);
}

static void test_which_way_is_better(void **state)
{
	(void)state;

	assert_int_equal(figure_better("messages_per_second", "1/s"), FIGURE_BIGGER);
	assert_int_equal(figure_better("ack_p99", "ms"), FIGURE_SMALLER);
	assert_int_equal(figure_better("ack_most", "ms"), FIGURE_TOLD);
	assert_int_equal(figure_better("engine_cpu", "us/message"), FIGURE_SMALLER);
	assert_int_equal(figure_better("engine_user", "us/message"), FIGURE_TOLD);
	assert_int_equal(figure_better("engine_cpu_spooler", "us/message"), FIGURE_TOLD);
	assert_int_equal(figure_better("commits", "1/message"), FIGURE_TOLD);
	assert_int_equal(figure_better("ack_against_commit", "times"), FIGURE_SMALLER);
	assert_int_equal(figure_better("of_bound", "%"), FIGURE_BIGGER);
	assert_int_equal(figure_better("rtt_bound", "1/s"), FIGURE_TOLD);
	assert_int_equal(figure_better("lost", "messages"), FIGURE_SMALLER);
	assert_int_equal(figure_better("deferred", "messages"), FIGURE_TOLD);
	assert_int_equal(figure_better("st", "s"), FIGURE_SMALLER);
}

/* Names are copied, and cut where they are too long. */
static void test_names(void **state)
{
	(void)state;
	static struct figures figures;
	char name[] = "a";

	figures_clear(&figures);
	figures_add(&figures, name, 1, "s");
	name[0] = 'b';
	assert_non_null(figures_find(&figures, "a"));
	assert_null(figures_find(&figures, "b"));
	for (int i = 0; i < 2; i++)
		figures_add(
		        &figures, "a_name_of_more_than_forty_letters_is_cut_at_its_end", 1, "s");
	assert_int_equal(figures.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_values),
		cmocka_unit_test(test_medians),
		cmocka_unit_test(test_latencies),
		cmocka_unit_test(test_which_way_is_better),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
