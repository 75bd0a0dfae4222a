/* A survey as Prometheus's text. */
#include "engine/ops/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *print(const struct survey *survey)
{
	const struct metrics_process process = {
		.started_ms = 1790000000500, .cpu_ns = 1500000000, .disk_bytes = 1
	};
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	metrics_print(file, survey, &process);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void values_stand_behind_names(void **state)
{
	struct survey_route routes[] = { { "far", 3 }, { "a\"b\\c", 0 } };
	const struct survey survey = {
		.counters = { .messages_taken = 7,
		        .bytes_taken = UINT64_MAX,
		        .commit_latency = { .buckets = { 2, 1 }, .longer = 1, .sum_ns = 1500 } },
		.messages = 5,
		.running = true,
		.routes = routes,
		.route_count = 2,
	};
	static const char *const wanted[] = {
		"\nsluice_messages_taken_total 7\n",
		"\nsluice_taken_bytes_total 18446744073709551615\n",
		"\nsluice_queue_messages 5\n",
		"\nsluice_ready 1\n",
		"\nsluice_route_sessions{route=\"far\"} 3\n",
		"\nsluice_route_sessions{route=\"a\\\"b\\\\c\"} 0\n",
		"\nsluice_commit_duration_seconds_bucket{le=\"0.001\"} 2\n"
		"sluice_commit_duration_seconds_bucket{le=\"0.0025\"} 3\n",
		"\nsluice_commit_duration_seconds_bucket{le=\"86400\"} 3\n"
		"sluice_commit_duration_seconds_bucket{le=\"+Inf\"} 4\n"
		"sluice_commit_duration_seconds_sum 0.000001500\n"
		"sluice_commit_duration_seconds_count 4\n",
		"\nprocess_start_time_seconds 1790000000.5\n",
		"\nprocess_cpu_seconds_total 1.500000\n",
	};
	char *text = print(&survey);

	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("not there: %s\n%s", wanted[i], text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stand_behind_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
