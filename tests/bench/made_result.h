/* Results made up, for tests of what becomes of them. */

#ifndef SLUICE_TESTS_MADE_RESULT_H
#define SLUICE_TESTS_MADE_RESULT_H

#include "bench/result.h"
#include "queue/base/clock.h"

#include <stdlib.h>

/* Thread:  the test's. One point, with a few figures; `rate` is its throughput. */
static inline struct point *made_point(struct result *result, const char *sessions, double rate)
{
	struct options options;
	static struct histogram latency;

	options_default(&options, run_row_find("throughput"));
	if (!options_set(&options, "in", sessions))
		abort();
	options_settle(&options);
	options.run.stand.programs = ".";
	options.run.stand.place = ".";
	struct point *point = result_add(result, &options);
	histogram_clear(&latency);
	histogram_add(&latency, 5 * NS_PER_MS);
	figures_add(&point->figures, "messages_per_second", rate, "1/s");
	figures_add_latency(&point->figures, "ack", &latency);
	figures_add(&point->figures, "engine_cpu", 70, "us/message");
	figures_add(&point->figures, "commits", 0.1, "1/message");
	figures_add(&point->figures, "lost", 0, "messages");
	return point;
}

static inline void made_begin(struct result *result)
{
	*result = (struct result){ .run = "throughput" };
	record_add(&result->record, "cpu", "a </script> of its own & \"more\"");
	record_add(&result->record, "date", "2026-11-26T00:00:00.000Z");
}

#endif
