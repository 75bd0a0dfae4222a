#include "bench/histogram.h"

#include "queue/base/check.h"

#include <string.h>

#define STEPS (1u << HISTOGRAM_STEPS_BITS)

/* Small numbers have a bucket each; then come STEPS buckets for every power of two. */
static size_t bucket_of(uint64_t ns)
{
	if (ns < STEPS)
		return (size_t)ns;
	const unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - HISTOGRAM_STEPS_BITS;

	return ((size_t)shift << HISTOGRAM_STEPS_BITS) + (size_t)(ns >> shift);
}

/* The largest duration in it. */
static uint64_t bucket_most(size_t bucket)
{
	if (bucket < 2 * STEPS)
		return bucket;
	const size_t shift = (bucket >> HISTOGRAM_STEPS_BITS) - 1;
	const uint64_t step = bucket - (shift << HISTOGRAM_STEPS_BITS);

	return ((step + 1) << shift) - 1;
}

void histogram_clear(struct histogram *histogram)
{
	memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	histogram_add_many(histogram, ns, 1);
}

void histogram_add_many(struct histogram *histogram, int64_t ns, uint64_t count)
{
	if (ns < 0)
		ns = 0;
	if (count == 0)
		return;
	histogram->counts[bucket_of((uint64_t)ns)] += count;
	histogram->count += count;
	if (ns > histogram->most_ns)
		histogram->most_ns = ns;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->counts[i] += other->counts[i];
	histogram->count += other->count;
	if (other->most_ns > histogram->most_ns)
		histogram->most_ns = other->most_ns;
}

void histogram_take_away(struct histogram *histogram, const struct histogram *earlier)
{
	int64_t most_ns = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		check(histogram->counts[i] >= earlier->counts[i]);
		histogram->counts[i] -= earlier->counts[i];
		if (histogram->counts[i] > 0)
			most_ns = (int64_t)bucket_most(i);
	}
	histogram->count -= earlier->count;
	if (histogram->most_ns > most_ns)
		histogram->most_ns = most_ns;
}

int64_t histogram_bucket_most(size_t bucket)
{
	return (int64_t)bucket_most(bucket);
}

int64_t histogram_at(const struct histogram *histogram, double share)
{
	const uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.5);
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen == 0 || seen < wanted)
			continue;
		const int64_t most = (int64_t)bucket_most(i);
		return most < histogram->most_ns ? most : histogram->most_ns;
	}
	return histogram->most_ns;
}
