#include "engine/counters.h"

void counters_sum_add(struct counters_sum *sum, const struct counters *counters)
{
#define X(name, text) sum->name += atomic_load_explicit(&counters->name, memory_order_relaxed);
	COUNTERS(X)
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
