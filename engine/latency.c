#include "engine/latency.h"

#include "queue/base/check.h"

static const int64_t mosts[LATENCY_BUCKET_COUNT] = {
#define X(ns, label) (ns),
	LATENCY_BUCKETS(X)
#undef X
};

static const char *const labels[LATENCY_BUCKET_COUNT] = {
#define X(ns, label) (label),
	LATENCY_BUCKETS(X)
#undef X
};

static void latency_raise(_Atomic uint64_t *number, uint64_t amount)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + amount,
	        memory_order_relaxed);
}

void latency_add(struct latency *latency, int64_t ns)
{
	const int64_t taken = ns < 0 ? 0 : ns;
	size_t i = 0;

	while (i < LATENCY_BUCKET_COUNT && taken > mosts[i])
		i++;
	latency_raise(i < LATENCY_BUCKET_COUNT ? &latency->buckets[i] : &latency->longer, 1);
	latency_raise(&latency->sum_ns, (uint64_t)taken);
}

void latency_sum_add(struct latency_sum *sum, const struct latency *latency)
{
	for (size_t i = 0; i < LATENCY_BUCKET_COUNT; i++)
		sum->buckets[i] += atomic_load_explicit(&latency->buckets[i], memory_order_relaxed);
	sum->longer += atomic_load_explicit(&latency->longer, memory_order_relaxed);
	sum->sum_ns += atomic_load_explicit(&latency->sum_ns, memory_order_relaxed);
}

const char *latency_label(size_t index)
{
	check(index < LATENCY_BUCKET_COUNT);
	return labels[index];
}
