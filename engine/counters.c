#include "engine/counters.h"

void counters_sum_add(struct counters_sum *sum, const struct counters *counters)
{
#define X(name, text) sum->name += atomic_load_explicit(&counters->name, memory_order_relaxed);
	COUNTERS(X)
#undef X
#define X(name, text) latency_sum_add(&sum->name##_latency, &counters->name##_latency);
	LATENCIES(X)
#undef X
}

bool counters_sum_row(const struct counters_sum *sum, size_t index, struct counters_row *row)
{
	const struct counters_row rows[] = {
#define X(name, text) { #name, text, sum->name },
		COUNTERS(X)
#undef X
	};

	if (index >= sizeof rows / sizeof rows[0])
		return false;
	*row = rows[index];
	return true;
}

bool counters_sum_latency(const struct counters_sum *sum, size_t index, struct latency_row *row)
{
	const struct latency_row rows[] = {
#define X(name, text) { #name, text, &sum->name##_latency },
		LATENCIES(X)
#undef X
	};

	if (index >= sizeof rows / sizeof rows[0])
		return false;
	*row = rows[index];
	return true;
}
